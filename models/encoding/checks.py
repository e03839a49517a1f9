"""Checks of what users pass in, each failure one sentence: column, rows, remedy.

Nothing is coerced silently: text that looks like numbers, infinite values, fractional weights and
responses that are not binary are errors here, before any arithmetic.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.text import check_text, no_text, rows_phrase, shorten
from flatprior.models.encoding.text_among_numbers import (
    Odd,
    check_not_numbers,
    comma_hint,
    is_number,
    is_numeric,
    mixed,
)


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
        near = difflib.get_close_matches(name, frame.columns, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        known = ", ".join(repr(known) for known in frame.columns[:12])
        more = ", ..." if frame.shape[1] > 12 else ""
        raise InputError(f"there is no column {name!r}{hint}; the columns are {known}{more}")
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
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise InputError(f"{name!r} is ragged: {error}") from error
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
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


def design_columns(
    X: ArrayLike | pd.DataFrame, names: Sequence[str] | None
) -> tuple[Array, tuple[str, ...]]:
    """Design matrix (n, k) of floats and its names, from whatever the user passed."""
    unmasked(X, "X")
    if isinstance(X, pd.DataFrame):
        found = tuple(str(name) for name in X.columns)
        labels = X.index
        design = np.empty(X.shape)
        for j, name in enumerate(found):
            design[:, j] = numbers(pd.Series(X.iloc[:, j].array, index=labels, name=name))
    else:
        if hasattr(X, "toarray"):
            raise InputError("X is a sparse matrix; make it dense, X.toarray(), if memory allows")
        try:
            array = np.asarray(X)
        except ValueError as error:
            raise InputError(f"X is ragged, its rows have different lengths: {error}") from error
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise InputError(f"X has shape {array.shape}; it must be (n, k)")
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"X holds {array.dtype} values; it must hold numbers. "
                "Use from_formula for categories"
            )
        if array.dtype.itemsize > 8 and array.dtype.kind == "f":
            raise InputError(f"X holds {array.dtype} values; convert to float64 first")
        single = array.dtype == np.float32  # each block of which becomes float64 when it is used
        design = array if single else array.astype(float, copy=False)
        found = tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if design.shape[0] == 0:
        raise InputError("X has no rows")
    if names is not None:
        if isinstance(names, str) or len(names) != design.shape[1]:
            raise InputError(f"{names!r} must name each of the {design.shape[1]} columns of X")
        found = tuple(str(name) for name in names)
    return design, found


def numbers(series: pd.Series[Any]) -> Array:
    """Return a series as floats; text, missing and infinite values are errors."""
    check_one_kind(series)
    if not is_real(series):
        if _odd(series):
            raise no_numbers(str(series.name), distinct(series)[1], odd_rows(series))
        raise InputError(
            f"column {series.name!r} holds {describe_dtype(series)}, not numbers; convert it first"
        )
    values = floats(series)
    check_finite(values[:, None], (str(series.name),), series.index)
    return values


def check_one_kind(series: pd.Series[Any]) -> None:
    """Raise a `ValueError` if truth values and numbers stand in one column."""
    if pd.api.types.is_object_dtype(series.dtype):
        values = series.dropna()
        truths = np.fromiter((isinstance(v, bool | np.bool_) for v in values), bool, len(values))
        if truths.any() and not truths.all() and is_real(series):
            raise several_kinds(str(series.name), ("booleans", "numbers"))


def several_kinds(name: str, kinds: Iterable[str]) -> ValueError:
    """The error for a column with values of two kinds."""
    return InputError(
        f"column {name!r} holds {' in some rows and '.join(sorted(kinds))} in others; "
        "correct it, or convert all of it"
    )


def floats(series: pd.Series[Any]) -> Array:
    """The numbers of a series as floats; an integer too large for one is infinite."""
    try:
        values = series.to_numpy(dtype=float, na_value=np.nan)
    except OverflowError:
        values = np.array([_as_float(value) for value in series], dtype=float)
    return np.asarray(values, dtype=float)


def _as_float(value: Any) -> float:
    try:
        return float("nan") if pd.isna(value) else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def no_numbers(name: str, values: Sequence[Any], odd: Odd) -> ValueError:
    """The error for text where only numbers will do; `odd` are the rows without one."""
    if odd.rows and any(map(is_numeric, values)):
        return InputError(f"column {name!r} {mixed(values, odd)}")
    return InputError(f"column {name!r} holds text, not numbers; convert it first")


def is_real(series: pd.Series[Any]) -> bool:
    """Whether a series holds real numbers or booleans, whatever its storage."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_object_dtype(dtype):
        return all(
            isinstance(v, (int, float, np.number, np.bool_)) and not isinstance(v, complex)
            for v in series.dropna()
        )
    real = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
    return bool(real or pd.api.types.is_bool_dtype(dtype))


def predictor(
    series: pd.Series[Any],
    *,
    categorical: bool = False,
    levels: Sequence[Any] | None = None,
    numbers_because: str | None = None,
) -> pd.Series[Any]:
    """Return a predictor as float64 or as categories, never as anything in between.

    Integers become floats because their arithmetic wraps around: ``x**10`` of 64-bit integers is
    already wrong at x = 100.

    Parameters
    ----------
    series : Series
        Without missing values.
    categorical : bool
        Numbers are categories too, because the formula says ``C(...)``.
    levels : sequence, optional
        The levels of the model; another one is an error.
    numbers_because : str, optional
        Why only numbers will do, in words.
    """
    check_one_kind(series)
    if is_real(series) and not categorical:
        return pd.Series(numbers(series), index=series.index, name=series.name)
    if numbers_because is not None:
        raise InputError(
            f"column {series.name!r} holds {describe_dtype(series)}{_odd(series)}, but "
            + (numbers_because if not _odd(series) else _corrected(numbers_because))
        )
    codes, values = distinct(series)
    if not categorical and levels is None and may_hold_numbers(series):
        check_not_numbers(str(series.name), values, odd_rows(series))
    if isinstance(series.dtype, pd.CategoricalDtype):
        order = list(series.cat.remove_unused_categories().cat.categories)
    else:
        if not is_real(series) and not all(isinstance(value, str) for value in values):
            if _odd(series):
                raise InputError(f"column {series.name!r} {mixed(values, odd_rows(series))}")
            if all(map(is_numeric, values)):
                raise several_kinds(str(series.name), ("numbers", "text"))
            raise InputError(
                f"column {series.name!r} holds {describe_dtype(series)}; it must hold numbers, "
                "text or categories"
            )
        order = sorted(values)
    if levels is not None:
        known = set(levels)
        unseen = np.array([value not in known for value in values], dtype=bool)
        if unseen.any():
            rows = unseen[codes]
            first = values[codes[int(np.flatnonzero(rows)[0])]]
            alike = [level for level in levels if str(level) == str(first)]
            raise InputError(
                f"column {series.name!r} has the level {str(first)!r} in "
                f"{rows_phrase(series.index[rows])}, which the model has not seen; "
                + (
                    f"its levels are {_type_name(alike[0])}, not {_type_name(first)}: convert them"
                    if alike
                    else f"its levels are {', '.join(map(str, levels))}"
                )
            )
        order = list(levels)
    place = {level: i for i, level in enumerate(order)}
    of_value = np.array([place[value] for value in values], dtype=np.intp)
    coded = pd.Categorical.from_codes(of_value[codes], categories=pd.Index(order))
    return pd.Series(coded, index=series.index, name=series.name)


def _type_name(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "booleans"
    return "text" if isinstance(value, str) else "numbers" if is_numeric(value) else "of other type"


def may_hold_numbers(series: pd.Series[Any]) -> bool:
    """Whether text, or unordered categories with a value that is no number."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        values = [] if series.cat.ordered else distinct(series)[1]
        text = all(isinstance(value, str) for value in values)
        return text and not all(map(is_number, values))
    return not is_real(series) and all(isinstance(value, str) for value in distinct(series)[1])


def odd_rows(series: pd.Series[Any]) -> Odd:
    """The rows of a column without missing values whose value is no number."""
    codes, values = distinct(series)
    return Odd.of(series.index, np.array([not is_numeric(v) for v in values], dtype=bool)[codes])


def _odd(series: pd.Series[Any]) -> str:
    """Where text stands among numbers: the first row, and what is in it."""
    try:
        codes, values = distinct(series.dropna())
    except ValueError:
        return ""
    odd = [value for value in values if not is_numeric(value)]
    if not odd or len(odd) == len(values) or not all(isinstance(value, str) for value in odd):
        return ""
    first = series.dropna().index[codes == values.index(odd[0])][:1]
    return f" ({shorten(str(odd[0]), 30)} first, in {rows_phrase(first)}){comma_hint(odd)}"


def _corrected(why: str) -> str:
    return f"{why.partition(';')[0]}; make such values missing or correct them"


def distinct(series: pd.Series[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    """The values of a series, each once, in the order of their coming, and which each row has."""
    try:
        codes, values = pd.factorize(series)  # much faster than a look at every value
    except TypeError as error:
        raise InputError(
            f"column {series.name!r} holds lists or the like; it must hold numbers, text or "
            "categories"
        ) from error
    found = list(values.astype(object))
    for value in found:
        if isinstance(value, str):
            check_text(value, f"column {series.name!r}: the value")
    return codes, found


def whole_weights(series: pd.Series[Any]) -> Array:
    """Return frequency weights as floats; they must be whole numbers, none of them negative."""
    values = numbers(series)
    for wrong, what in ((values < 0, "negative"), (values != np.floor(values), "fractional")):
        if wrong.any():
            raise InputError(
                f"column {series.name!r} has {what} values in "
                f"{rows_phrase(series.index[wrong])}; frequency weights count observations "
                "and must be 0, 1, 2, ..."
            )
    if values.sum() >= 2**53:
        raise InputError(f"column {series.name!r} sums to 2^53 or more, past exact counting")
    return values


SMALLEST_SIZE, LARGEST_SIZE = 1e-100, 1e100


def of_sensible_size(largest: Array | float) -> bool:
    """Whether the largest absolute values of columns are numbers whose squares are, too."""
    size = np.asarray(largest)
    return bool((((size >= SMALLEST_SIZE) & (size <= LARGEST_SIZE)) | (size == 0)).all())


def check_finite(
    values: Array,
    names: Sequence[str],
    labels: pd.Index[Any],
    whole: bool = True,
    nan: Literal["missing", "no numbers"] = "missing",
) -> None:
    """Raise a `ValueError` naming the first column that is not finite, or of no sensible size.

    Rows that are not the `whole` data may well be all tiny in a column. What NaN means depends on
    where it comes from: of a formula's log(-1), nothing is missing.
    """
    size = np.abs(values).max(axis=0, initial=0.0)
    if of_sensible_size(size):
        return
    finite = np.isfinite(values)
    if finite.all():
        for name, largest in zip(names, size, strict=True):
            if not of_sensible_size(largest) and (whole or largest > LARGEST_SIZE):
                raise InputError(
                    f"the largest value of column {name!r} is {largest:.1g}, whose square double "
                    "precision cannot hold; rescale the column"
                )
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


def plain_response(y: Any) -> Array | None:
    """The response as 0.0/1.0 (n,) if it is a NumPy vector of these or of 0 and 1, else None."""
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "fiu":
        return None
    if ((y != 0) & (y != 1)).any():
        return None
    return y.astype(float, copy=False)


def encode_response(series: pd.Series[Any], name: str) -> tuple[Array, str]:
    """Return the response as 0.0/1.0 (n,), and the coding in words.

    Numbers must be 0 and 1. Of two categories, the second in categorical order (else sorted) is 1.
    """
    missing = series.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"the response {name!r} is missing in {rows_phrase(series.index[missing])}; "
            "drop these rows"
        )
    check_one_kind(series)
    if _are_booleans(series):
        return series.to_numpy(dtype=float), "True = 1, False = 0"
    if is_real(series):
        values = floats(series)
        wrong = (values != 0.0) & (values != 1.0)
        if wrong.any():
            raise wrong_outcomes(name, np.unique(values).tolist(), series.index[wrong][:1])
        return values, ""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        check_outcomes(name, distinct(series)[1], odd_rows(series))
    coded = predictor(series.rename(name), categorical=True)
    levels = list(coded.cat.categories)
    check_two(name, levels)
    return np.asarray(coded.cat.codes, dtype=float), f"{levels[1]} = 1, {levels[0]} = 0"


def check_outcomes(name: str, values: Sequence[Any], odd: Odd) -> None:
    """Raise a `ValueError` if a response has numbers in some rows and text in others."""
    if any(map(is_numeric, values)) and odd.rows:
        raise InputError(f"the response {name!r} {mixed(values, odd)}")


def check_two(name: str, levels: Sequence[Any]) -> None:
    """Raise a `ValueError` unless a response of categories has two."""
    if len(levels) != 2:
        shown = ", ".join(repr(str(level)) for level in levels[:4])
        raise InputError(
            f"the response {name!r} has {len(levels)} categor{'y' if len(levels) == 1 else 'ies'} "
            f"({shown}{', ...' if len(levels) > 4 else ''}); a Bernoulli response has two"
        )


def wrong_outcomes(name: str, values: list[float], first: Sequence[Any]) -> ValueError:
    """The error for a response of numbers that has other values than 0 and 1."""
    some = ", ".join(f"{value:g}" for value in values[:4]) + (", ..." if len(values) > 4 else "")
    remedy = "recode it"
    if all(0 <= value <= 1 for value in values):  # recoding shares would destroy them
        remedy = (
            "of shares, give each group two rows, 1 and 0, with frequency weights: its events and "
            "its other observations"
        )
    return InputError(
        f"the response {name!r} must be 0 or 1, but it has the values {some} "
        f"(first in {rows_phrase(first)}); {remedy}"
    )


def kind_of(series: pd.Series[Any]) -> str:
    """What a column without missing values holds, in a word."""
    check_one_kind(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categories"
    if _are_booleans(series):
        return "booleans"
    if is_real(series):
        return "numbers"
    if not all(isinstance(value, str) for value in distinct(series)[1]):
        raise InputError(
            f"column {series.name!r} holds {describe_dtype(series)}{_odd(series)}; it must hold "
            "numbers, text or categories"
        )
    return "text"


def _are_booleans(series: pd.Series[Any]) -> bool:
    """Whether a column without missing values holds truth values, whatever its storage."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return False
    if not pd.api.types.is_object_dtype(series.dtype):
        return bool(pd.api.types.is_bool_dtype(series))
    return len(series) > 0 and all(isinstance(value, bool | np.bool_) for value in series)


def describe_dtype(series: pd.Series[Any]) -> str:
    """Say in a word or two what a column holds."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categories"
    if pd.api.types.is_string_dtype(series):
        return "text"
    if pd.api.types.is_object_dtype(series.dtype):
        kinds = {type(value).__name__ for value in series.dropna()}
        return f"{kinds.pop()} values" if len(kinds) == 1 else "values of several kinds"
    return f"{series.dtype} values"
