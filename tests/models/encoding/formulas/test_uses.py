"""Columns and what they are used as."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 5, size=n),
            "g": rng.choice(["low", "mid", "top"], size=n),
            "my col": rng.normal(size=n),
            "w": rng.integers(1, 4, size=n),
            "one": "a",
            "when": pd.Timestamp("2026-01-01"),
            "mixed": pd.Series([1, "1"] * (n // 2), dtype=object).to_numpy(),
        },
        index=[f"id{i}" for i in range(n)],
    )


def test_the_same_column_may_be_number_and_category(frame):
    model = BernoulliLogistic.from_formula("y ~ w + C(w)", frame)
    assert model.names == ("Intercept", "w", "C(w)[T.2]", "C(w)[T.3]")
    assert model.reference_levels == {"w": "1"}
