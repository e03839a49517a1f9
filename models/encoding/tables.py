"""Tables that users pass in or name: data frames, mappings, and files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, cast

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import check_text
from flatprior.models.encoding.columns.checks import check_names
from flatprior.models.encoding.files.csv_files import csv_headings, read_csv
from flatprior.models.encoding.files.source import (
    check_path,
    is_parquet,
    read_as_one,
    readable,
    text_where_codes,
)
from flatprior.models.encoding.frames import Table, to_pandas

READ_FROM = "flatprior: read from"  # of a frame's attributes


def as_frame(
    data: Table | str | PathLike[str],
    factors: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Return `data`, see `to_pandas`, as a data frame; a path is read by its ending.

    A folder, or a pattern such as ``"folder/*.csv"``, is all of its files.
    Rows read from a file are labelled 1, 2, ..., headings not counted. The `factors` are
    categories, see `text_where_codes`.
    """
    frame = named(_read(check_path(data)) if isinstance(data, str | PathLike) else to_pandas(data))
    check_names(tuple(frame.columns))
    if frame.shape[0] == 0:
        raise InputError("the data have no rows")
    if isinstance(data, (str, PathLike)):
        frame = text_where_codes(frame, Path(data), factors & set(frame.columns))
        frame.attrs[READ_FROM] = str(data)
    return cast(pd.DataFrame, frame)


def named(frame: Any) -> Any:
    """The frame, of pandas or Dask, its columns named by text; those of two levels are pairs."""
    names = [str(name) for name in frame.columns]
    for name in names:
        check_text(name, "the column name")
    if frame.columns.nlevels == 1:
        return frame.rename(columns=str)
    frame = frame.copy()
    frame.columns = names
    return frame


def _read(path: Path) -> pd.DataFrame:
    if is_parquet(path) or not path.is_file():  # a file of Parquet, a folder or a pattern
        # pandas would make floats of integers among which one is missing, and merge large ones
        return read_as_one(path)
    with readable(str(path)):
        names = csv_headings(path)
        frame = read_csv(path)
        frame.columns = pd.Index(names)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame
