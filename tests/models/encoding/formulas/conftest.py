"""Columns of every kind."""

import numpy as np
import pandas as pd
import pytest


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
