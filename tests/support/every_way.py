"""One table through every way in which rows come to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import source

Build = Callable[..., BernoulliLogistic]


def every_way(frame: pd.DataFrame, folder: Path, monkeypatch: Any) -> Iterator[tuple[str, Build]]:
    """Functions of a formula and options: in memory, from files, in at most four batches, on Dask.

    Rows are labelled 1, 2, ... in all of them.
    """
    dask = pytest.importorskip("dask.dataframe")
    frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1))
    csv, parquet = folder / "t.csv", folder / "t.parquet"
    frame.to_csv(csv, index=False)
    frame.to_parquet(parquet)
    rows = max(7, -(-len(frame) // 4))
    monkeypatch.setattr(source, "BATCH_ROWS", rows)
    starts = range(0, len(frame), rows)
    lazy = dask.from_map(lambda start: frame.iloc[start : start + rows], starts)
    built = BernoulliLogistic
    yield "frame", lambda formula, **given: built.from_formula(formula, frame, **given)
    yield "CSV", lambda formula, **given: built.from_formula(formula, csv, **given)
    yield "Parquet", lambda formula, **given: built.from_formula(formula, parquet, **given)
    yield "CSV in batches", lambda formula, **given: built.from_parquet(csv, formula, **given)
    yield "in batches", lambda formula, **given: built.from_parquet(parquet, formula, **given)
    yield "Dask", lambda formula, **given: built.from_dask(lazy, formula, **given)
