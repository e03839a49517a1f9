"""Data that most commands are run on."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import load_endometrial


@pytest.fixture
def good(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=80), "g": rng.choice(["a", "b"], size=80)})
    frame["y"] = rng.integers(0, 2, size=80)
    frame["w"] = rng.integers(1, 4, size=80)
    frame.to_csv(tmp_path / "good.csv", index=False)
    return tmp_path / "good.csv"


@pytest.fixture
def folder(tmp_path):
    """Three Parquet files in which the level "c" stands in one row of the last, with an event."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=900), "g": rng.choice(["a", "b"], size=900)})
    frame["y"] = np.where(rng.random(900) < 1 / (1 + np.exp(-frame["x"])), "yes", "no")
    frame.loc[890, ["g", "y"]] = ["c", "yes"]
    frame.loc[::100, "x"] = np.nan
    (tmp_path / "parts").mkdir()
    for number in range(3):
        part = frame.iloc[300 * number : 300 * (number + 1)]
        part.to_parquet(tmp_path / "parts" / f"{number}.parquet")
    frame.to_csv(tmp_path / "whole.csv", index=False)
    return tmp_path / "parts"


@pytest.fixture
def endometrial(tmp_path):
    path = tmp_path / "endometrial.csv"
    load_endometrial().to_csv(path, index=False)
    return path
