"""Dependence of rows in batches is that of all of them, wherever rows stand that contradict it."""

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic
from flatprior.models.dependence import in_batches


def test_rows_in_batches_that_contradict_are_found_wherever_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(in_batches, "START", 10)
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)})
    frame["c"], frame["d"] = frame["a"] + frame["b"], 2 * frame["a"]
    frame.loc[137, "c"] = 5.0
    frame["y"] = rng.integers(0, 2, 500)
    frame.to_parquet(tmp_path / "d.parquet")
    model = BernoulliLogistic.from_parquet(
        tmp_path / "d.parquet", "y ~ a + b + c + d", aliased="drop"
    )
    assert model.aliased.names == ("d",)
    same = BernoulliLogistic.from_formula("y ~ a + b + c + d", frame, aliased="drop")
    assert model.data_hash == same.data_hash


def test_large_integers_that_only_rounding_makes_dependent_are_undecided(tmp_path):
    t = 2.0**53 - 2.0 * np.arange(40)
    near = t.copy()
    near[30] += 1.0  # told from t by its integers alone
    frame = pd.DataFrame({"t": t, "near": near, "y": np.arange(40) % 2})
    frame.to_parquet(tmp_path / "d.parquet")
    whole = BernoulliLogistic.from_parquet(tmp_path / "d.parquet", "y ~ t + near - 1")
    assert in_batches.columns_in_batches(whole.rows) is None
    frame.assign(near=t).to_parquet(tmp_path / "e.parquet")
    same = BernoulliLogistic.from_parquet(
        tmp_path / "e.parquet", "y ~ t + near - 1", aliased="drop"
    )
    assert same.aliased.names == ("near",)
