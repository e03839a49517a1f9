"""What users pass in, by name and by row: each failure is one sentence, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import FlatpriorError, InputError, InputTypeError
from flatprior.models.common.text import check_text, count, no_text, rows_phrase
from flatprior.models.encoding.columns.names import no_such_column


def unmasked(values: ArrayLike | pd.Series[Any], name: str) -> Any:
    """The values, unless NumPy takes what is below their masks."""
    if _masked(values):
        raise InputError(f"{name!r} has masked values; fill or drop them")
    return values


def _masked(values: Any) -> bool:
    """Whether values are masked, in arrays inside lists too, where NumPy takes what is below."""
    if isinstance(values, list | tuple):
        nested = (list, tuple, np.ma.MaskedArray)
        return any(_masked(value) for value in values if isinstance(value, nested))
    if isinstance(values, pd.DataFrame):
        return any(_masked(values.iloc[:, j].array) for j in range(values.shape[1]))
    if isinstance(values, pd.Series | pd.api.extensions.ExtensionArray):
        values = np.asarray(values) if pd.api.types.is_object_dtype(values.dtype) else None
    if type(values) is np.ndarray and values.dtype == object:
        return any(value is np.ma.masked for value in values.flat)
    return bool(np.ma.is_masked(values))


def column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return the column `name`, or raise a `ValueError` that suggests the nearest name."""
    if name not in frame.columns:
        raise no_such_column(name, [str(known) for known in frame.columns])
    return frame[name]


def as_series(
    values: ArrayLike | pd.Series[Any], name: str, labels: pd.Index[Any]
) -> pd.Series[Any]:
    """One value a row, as a series with the data's labels; a series must have the same labels."""
    unmasked(values, name)
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series):
        if len(values) == len(labels) and not values.index.equals(labels):
            raise InputError(
                f"{name!r} and the data have different row labels; reindex it, or pass an array "
                "to pair them by position"
            )
        series = pd.Series(values.array, name=name)
    elif isinstance(values, pd.Index | pd.api.extensions.ExtensionArray) and values.ndim == 1:
        series = pd.Series(values, name=name).reset_index(drop=True)  # categories keep their order
    else:
        array = regular(values, repr(name))
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim == 0:
            raise InputTypeError(f"{name!r} must be one value a row, not {a_or_an(values)}")
        if array.ndim != 1:
            raise InputError(f"{name!r} has shape {array.shape}; it must be one value a row, (n,)")
        try:
            series = pd.Series(array, name=name)
        except UnicodeEncodeError as error:
            raise no_text(error, f"{name!r}: the value") from error
    if len(series) != len(labels):
        raise InputError(f"{name!r} has {len(series)} values, the data have {len(labels)} rows")
    series.index = labels
    return series


def each_group(given: Any, name: str, labels: pd.Index[Any], groups: int | None) -> Any:
    """Values of groups of trials, by place, for each row of 1 or 0 that these groups became.

    What has a value for each of these rows stays; so does what is not of groups (None).

    Raises
    ------
    ValueError
        If there are neither as many values as groups nor as rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.columns.checks import each_group
    >>> each_group([0.1, 0.2], "p", pd.Index(["a", "a", "b"]), 2).tolist()
    [0.1, 0.1, 0.2]
    """
    if groups is None or not hasattr(given, "__len__") or len(given) == len(labels):
        return given
    codes, names = pd.factorize(labels)
    if len(given) != groups or len(names) != groups:
        raise InputError(
            f"{name!r} has {count(len(given), 'value')}, and there are {count(groups, 'group')} "
            "with a trial and nothing missing; give one value for each of these"
        )
    return pd.Series(given).to_numpy()[codes]


def numbers_of_clusters(
    given: str | ArrayLike | pd.Series[Any],
    name: str,
    labels: pd.Index[Any],
    groups: int | None = None,
) -> tuple[NDArray[np.intp], int]:
    """The number of each row's cluster, in the order in which they come first, and how many.

    Of so many `groups` of trials, whose labels the rows have, one for each group will do.

    Raises
    ------
    ValueError
        If there is not one value a row, or one is missing.
    TypeError
        If it is the name of a column.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.columns.checks import numbers_of_clusters
    >>> numbers, n_clusters = numbers_of_clusters(["b", "a", "b"], "cluster", pd.RangeIndex(3))
    >>> numbers.tolist(), n_clusters
    ([0, 1, 0], 2)
    """
    if isinstance(given, str):
        raise InputTypeError(f"{name} must be one value a row, as an array or series")
    if isinstance(given, pd.Series) and not given.index.equals(labels):
        lacking = ~labels.isin(given.index)
        if lacking.any() or not given.index.is_unique:
            raise InputError(
                f"the index of {name} does not match the rows of the model; pass an array"
            )
        given = given.loc[labels]
    if not isinstance(given, pd.Series):
        given = each_group(given, name, labels, groups)
    series = as_series(given, name, labels)
    if series.isna().any():
        n = count(int(series.isna().sum()), "row")
        raise InputError(f"the cluster is missing in {n}; give each row one")
    codes, values = pd.factorize(series)
    return codes, len(values)


def regular(values: Any, what: str) -> Any:
    """The values as an array, unless they are lists of different lengths."""
    try:
        return np.asarray(values)
    except ValueError as error:
        lengths = [np.size(each) for each in values]
        other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
        if other is None:
            raise InputError(f"{what} is no array: {error}") from error
        raise InputError(
            f"{what} is ragged: row {other} has {count(lengths[other], 'value')}, and row 0 "
            f"has {lengths[0]}; give all rows as many"
        ) from error


SMALLEST_SIZE, LARGEST_SIZE = 1e-100, 1e100


def of_sensible_size(largest: Array | float) -> bool:
    """Whether the largest absolute values of columns are numbers whose squares are, too."""
    size = np.asarray(largest)
    return bool((((size >= SMALLEST_SIZE) & (size <= LARGEST_SIZE)) | (size == 0)).all())


def check_size(largest: Array, names: Sequence[str], whole: bool = True) -> None:
    """Raise a `ValueError` naming the first column of no sensible size.

    Rows that are not the `whole` data may well be all tiny in a column.
    """
    for name, size in zip(names, largest, strict=True):
        if not of_sensible_size(size) and (whole or size > LARGEST_SIZE):
            least = "" if whole else " or more (not all rows were looked at)"
            raise InputError(
                f"the largest value of column {name!r} is {size:.1g}{least}, not of "
                f"{SMALLEST_SIZE:g} to {LARGEST_SIZE:g}, whose squares double precision holds with "
                "room; rescale the column"
            )


def check_finite(
    values: Array,
    names: Sequence[str],
    labels: pd.Index[Any],
    whole: bool = True,
    nan: Literal["missing", "no numbers"] = "missing",
) -> None:
    """Raise a `ValueError` naming the first column that is not finite, or of no sensible size.

    What NaN means depends on where it comes from: of a formula's log(-1), nothing is missing.
    """
    # as the largest absolute values, but without a copy
    size = np.maximum(values.max(axis=0, initial=0.0), -values.min(axis=0, initial=0.0))
    if of_sensible_size(size):
        return
    finite = np.isfinite(values)
    if finite.all():
        check_size(size, names, whole)
        return
    j = int(np.flatnonzero(~finite.all(axis=0))[0])
    rows = np.flatnonzero(~finite[:, j])
    what, remedy = "values that are not finite", "correct or drop them"
    if np.isnan(values[rows, j]).all():
        what = "values that are no numbers (NaN)"
        if nan == "missing":
            what, remedy = "missing values (NaN)", "drop or impute them"
    raise NotFiniteError(
        f"column {names[j]!r} has {what} in {rows_phrase(labels[rows])}", f"; {remedy}"
    )


class NotFiniteError(FlatpriorError, ValueError):
    """Some rows of those that were looked at are not finite."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found + remedy)
        self.found, self.remedy = found, remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.found, self.remedy)


@contextmanager
def of_some_rows() -> Iterator[None]:
    """Where the rows are not all, say so of those that are not finite."""
    try:
        yield
    except NotFiniteError as error:
        raise InputError(
            f"{error.found}, and perhaps in others: not all rows were looked at{error.remedy}"
        ) from None


class RepeatedNameError(FlatpriorError, ValueError):
    """Two columns have one name."""


def check_names(names: tuple[str, ...]) -> None:
    """Raise a `ValueError` if a name is repeated."""
    seen: set[str] = set()
    for name in names:
        check_text(name, "the column name")
        if name in seen:
            raise RepeatedNameError(
                f"the column name {name!r} is repeated; every column needs a name of its own"
            )
        seen.add(name)
