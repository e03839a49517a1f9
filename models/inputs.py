"""Checks of what users pass in, each failure one sentence: column, rows, remedy.

Nothing is coerced silently: text that looks like numbers, infinite values, fractional weights and
responses that are not binary are errors here, before any arithmetic.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.rows import Array

ROWS_NAMED = 5  # a message names this many rows and counts the others


def rows_phrase(labels: Iterable[object]) -> str:
    """Name the first rows and count the rest: "row 3", "rows 3, 7, 9 and 12 more"."""
    found = [str(label) for label in labels]
    head = ", ".join(found[:ROWS_NAMED])
    rest = len(found) - ROWS_NAMED
    return f"row{'s' if len(found) > 1 else ''} {head}" + (f" and {rest} more" if rest > 0 else "")


def as_frame(data: pd.DataFrame | Mapping[str, ArrayLike] | str | PathLike[str]) -> pd.DataFrame:
    """Return `data` as a data frame; a path is read as CSV or Parquet by its ending.

    Rows read from a file are labelled 1, 2, ..., headings not counted.
    """
    if isinstance(data, pd.DataFrame):
        frame = data
    elif isinstance(data, (str, PathLike)):
        frame = _read(Path(data))
    elif isinstance(data, Mapping):
        try:
            frame = pd.DataFrame(dict(data))
        except ValueError as error:
            raise ValueError(f"the columns do not form a table: {error}") from error
    else:
        raise TypeError(
            f"data must be a data frame, a mapping of columns or a path, not {type(data).__name__}"
        )
    frame = frame.rename(columns=str)
    check_names(tuple(frame.columns))
    if frame.shape[0] == 0:
        raise ValueError("the data have no rows")
    return frame


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        else:
            header = pd.read_csv(path, header=None, nrows=1, dtype=str, skipinitialspace=True)
            # pandas would rename a repeated heading to "x.1"; the model must not see that
            check_names(tuple(str(name) for name in header.iloc[0]))
            frame = pd.read_csv(path, index_col=False, skipinitialspace=True)
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{str(path)!r} is empty") from error
    except (ValueError, OSError, pd.errors.ParserError) as error:
        if "repeated" in str(error):
            raise
        reason = " ".join(str(error).split())
        raise ValueError(f"{str(path)!r} cannot be read as a table: {reason}") from error
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return the column `name`, or raise a `ValueError` that suggests the nearest name."""
    if name not in frame.columns:
        near = difflib.get_close_matches(name, frame.columns, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        known = ", ".join(repr(known) for known in frame.columns[:12])
        more = ", ..." if frame.shape[1] > 12 else ""
        raise ValueError(f"there is no column {name!r}{hint}; the columns are {known}{more}")
    return frame[name]


def as_series(
    values: ArrayLike | pd.Series[Any], name: str, labels: pd.Index[Any]
) -> pd.Series[Any]:
    """One value a row, as a series with the data's labels; lengths must agree."""
    if isinstance(values, pd.Series):
        series = pd.Series(values.array, name=name)
    else:
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise ValueError(f"{name!r} is ragged: {error}") from error
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise ValueError(f"{name!r} has shape {array.shape}; it must be one value a row, (n,)")
        series = pd.Series(array, name=name)
    if len(series) != len(labels):
        raise ValueError(f"{name!r} has {len(series)} values, the data have {len(labels)} rows")
    series.index = labels
    return series


def design_columns(
    X: ArrayLike | pd.DataFrame, names: Sequence[str] | None
) -> tuple[Array, tuple[str, ...]]:
    """Design matrix (n, k) of floats and its names, from whatever the user passed."""
    if isinstance(X, pd.DataFrame):
        found = tuple(str(name) for name in X.columns)
        labels = X.index
        design = np.empty(X.shape)
        for j, name in enumerate(found):
            design[:, j] = numbers(pd.Series(X.iloc[:, j].array, index=labels, name=name))
    else:
        try:
            array = np.asarray(X)
        except ValueError as error:
            raise ValueError(f"X is ragged, its rows have different lengths: {error}") from error
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise ValueError(f"X has shape {array.shape}; it must be (n, k)")
        if array.dtype.kind not in "fiub":
            raise ValueError(
                f"X holds {array.dtype} values; it must hold numbers. "
                "Use from_formula for categories"
            )
        if array.dtype.itemsize > 8 and array.dtype.kind == "f":
            raise ValueError(f"X holds {array.dtype} values; convert to float64 first")
        design = array.astype(float)
        found = tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if design.shape[0] == 0:
        raise ValueError("X has no rows")
    if names is not None:
        if isinstance(names, str) or len(names) != design.shape[1]:
            raise ValueError(f"{names!r} must name each of the {design.shape[1]} columns of X")
        found = tuple(str(name) for name in names)
    return design, found


def numbers(series: pd.Series[Any]) -> Array:
    """Return a series as floats; text, missing and infinite values are errors."""
    if not (pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series)):
        raise ValueError(
            f"column {series.name!r} holds {describe_dtype(series)}, not numbers; convert it first"
        )
    if pd.api.types.is_complex_dtype(series):
        raise ValueError(f"column {series.name!r} holds complex numbers; use real ones")
    values = series.to_numpy(dtype=float, na_value=np.nan)
    check_finite(values[:, None], (str(series.name),), series.index)
    return np.asarray(values, dtype=float)


def whole_weights(series: pd.Series[Any]) -> Array:
    """Return frequency weights as floats; they must be whole numbers, none of them negative."""
    values = numbers(series)
    for wrong, what in ((values < 0, "negative"), (values != np.floor(values), "fractional")):
        if wrong.any():
            raise ValueError(
                f"column {series.name!r} has {what} values in "
                f"{rows_phrase(series.index[wrong])}; frequency weights count observations "
                "and must be 0, 1, 2, ..."
            )
    if values.sum() >= 2**53:
        raise ValueError(f"column {series.name!r} sums to 2^53 or more, past exact counting")
    return values


def check_finite(values: Array, names: Sequence[str], labels: pd.Index[Any]) -> None:
    """Raise a `ValueError` naming the first column with NaN or infinite values, and its rows."""
    finite = np.isfinite(values)
    if finite.all():
        return
    j = int(np.flatnonzero(~finite.all(axis=0))[0])
    rows = np.flatnonzero(~finite[:, j])
    missing = np.isnan(values[rows, j]).all()
    what = "missing values (NaN)" if missing else "values that are not finite"
    remedy = "drop or impute them" if missing else "correct or drop them"
    raise ValueError(f"column {names[j]!r} has {what} in {rows_phrase(labels[rows])}; {remedy}")


def check_names(names: tuple[str, ...]) -> None:
    """Raise a `ValueError` if a name is repeated."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"the column name {repeated[0]!r} is repeated; every column needs a name of its own"
        )


def encode_response(series: pd.Series[Any], name: str) -> tuple[Array, str]:
    """Return the response as 0.0/1.0 (n,), and the coding in words.

    Numbers must be 0 and 1. Of two categories, the second in categorical order (else sorted) is 1.
    """
    missing = series.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"the response {name!r} is missing in {rows_phrase(series.index[missing])}; "
            "drop these rows"
        )
    if pd.api.types.is_bool_dtype(series):
        return series.to_numpy(dtype=float), "True = 1, False = 0"
    if pd.api.types.is_numeric_dtype(series) and not isinstance(series.dtype, pd.CategoricalDtype):
        values = series.to_numpy(dtype=float)
        wrong = ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            distinct = np.unique(values)
            shown = ", ".join(f"{value:g}" for value in distinct[:4])
            more = ", ..." if len(distinct) > 4 else ""
            raise ValueError(
                f"the response {name!r} must be 0 or 1, but it has the values {shown}{more} "
                f"(first in {rows_phrase(series.index[wrong][:1])}); recode it"
            )
        return values, "1 = 1, 0 = 0"
    if isinstance(series.dtype, pd.CategoricalDtype):
        present = set(series.unique())
        levels = [level for level in series.cat.categories if level in present]
    else:
        levels = sorted(series.unique(), key=str)
    if len(levels) != 2:
        shown = ", ".join(repr(str(level)) for level in levels[:4]) + (
            ", ..." if len(levels) > 4 else ""
        )
        raise ValueError(
            f"the response {name!r} has {len(levels)} categor{'y' if len(levels) == 1 else 'ies'} "
            f"({shown}); a Bernoulli response has two"
        )
    return (series == levels[1]).to_numpy(dtype=float), f"{levels[1]} = 1, {levels[0]} = 0"


def describe_dtype(series: pd.Series[Any]) -> str:
    """Say in a word or two what a column holds."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categories"
    if pd.api.types.is_string_dtype(series) or series.dtype == object:
        return "text"
    return f"{series.dtype} values"
