"""Tables that users pass in or name: data frames, mappings, and files."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import check_text, no_text
from flatprior.models.encoding.columns.checks import check_names, unmasked
from flatprior.models.encoding.files.csv_files import csv_headings, read_csv
from flatprior.models.encoding.files.source import (
    check_path,
    is_parquet,
    read_as_one,
    readable,
    text_where_codes,
)


def as_frame(
    data: pd.DataFrame | Mapping[str, ArrayLike] | str | PathLike[str],
    factors: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Return `data` as a data frame; a path is read as CSV or Parquet by its ending.

    A folder, or a pattern such as ``"folder/*.csv"``, is all of its files.
    Rows read from a file are labelled 1, 2, ..., headings not counted. The `factors` are
    categories, see `text_where_codes`.
    """
    if isinstance(data, pd.DataFrame):
        frame = data
    elif isinstance(data, (str, PathLike)):
        frame = _read(check_path(data))
    elif isinstance(data, Mapping):
        frame = _from_mapping(data)
    else:
        raise InputTypeError(
            f"data must be a data frame, a mapping of columns or a path, not {type(data).__name__}"
        )
    frame = named(frame)
    check_names(tuple(frame.columns))
    if frame.shape[0] == 0:
        raise InputError("the data have no rows")
    if isinstance(data, (str, PathLike)):
        frame = text_where_codes(frame, Path(data), factors & set(frame.columns))
    return frame


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


def _from_mapping(data: Mapping[str, ArrayLike]) -> pd.DataFrame:
    labels = [values.index for values in data.values() if isinstance(values, pd.Series)]
    if any(not index.equals(labels[0]) for index in labels[1:]):
        # pandas would pair the values by label and fill the gaps with NaN
        raise InputError("the series have different indexes; give them one, or pass arrays")
    for name in data:
        check_text(name, "the column name")
    columns = {str(name): unmasked(values, str(name)) for name, values in data.items()}
    try:
        return pd.DataFrame(columns)
    except UnicodeEncodeError as error:
        raise no_text(error, "of the columns the value") from error
    except ValueError as error:
        raise InputError(f"the columns do not form a table: {error}") from error


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
