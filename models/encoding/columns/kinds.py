"""Numbers, text or categories: what a column holds, and the predictor that it becomes.

Nothing is coerced silently: text that looks like numbers and infinite values are errors here,
before any arithmetic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, check_text, names_in, rows_phrase, shorten
from flatprior.models.encoding.columns.checks import check_finite
from flatprior.models.encoding.columns.known_codes import known_codes, remember_if_read_here
from flatprior.models.encoding.columns.text_among_numbers import (
    Odd,
    comma_hint,
    is_number,
    is_numeric,
    mixed,
)

NEAREST = "decimal numbers, each taken as the nearest double"
ROOM = 200  # for the names of columns in a fact


def numbers(series: pd.Series[Any], whole: bool = True) -> Array:
    """Return a series as floats; text, missing and infinite values are errors.

    So are numbers that are all tiny, where they are the `whole` column.
    """
    check_one_kind(series)
    if not is_real(series):
        if odd_cell(series):
            raise no_numbers(str(series.name), distinct(series)[1], odd_rows(series))
        what = describe_dtype(series)
        way = _way_on(what) or ", not numbers; convert it first"
        raise InputError(f"column {series.name!r} holds {what}{way}")
    values = floats(series)
    check_finite(values[:, None], (str(series.name),), series.index, whole)
    return values


def check_one_kind(series: pd.Series[Any]) -> None:
    """Raise a `ValueError` if truth values and numbers stand in one column."""
    if pd.api.types.is_object_dtype(series.dtype):
        if pd.api.types.infer_dtype(series, skipna=True) == "string":
            return  # text alone, found without a look at every value from Python
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


def no_numbers(name: str, values: Sequence[Any], odd: Odd, option: bool = False) -> ValueError:
    """The error for text where only numbers will do; `odd` are the rows without one."""
    if odd.rows and any(map(is_numeric, values)):
        return InputError(f"column {name!r} {mixed(name, values, odd, option)}")
    return InputError(f"column {name!r} holds text, not numbers; convert it first")


def is_real(series: pd.Series[Any]) -> bool:
    """Whether a series holds real numbers or booleans, whatever its storage."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_object_dtype(dtype):
        kinds = (int, float, Decimal, np.number, np.bool_)
        values = series.to_numpy()  # the first text says enough, before what is missing is found
        return all(
            (isinstance(v, kinds) and not isinstance(v, complex)) or _is_missing(v) for v in values
        )
    real = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
    return bool(real or pd.api.types.is_bool_dtype(dtype))


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def holds_levels(series: pd.Series[Any]) -> Literal["text", "categories", ""]:
    """Whether a series, where it is not missing, is text or categories: without a look at each."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categories"
    if isinstance(series.dtype, pd.StringDtype):
        return "text"
    if not pd.api.types.is_object_dtype(series.dtype):
        return ""
    return "text" if pd.api.types.infer_dtype(series, skipna=True) == "string" else ""


def predictor(
    series: pd.Series[Any],
    *,
    categorical: bool = False,
    levels: Sequence[Any] | None = None,
    numbers_because: str | None = None,
    whole: bool = True,
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
    whole : bool
        The rows are all there are.
    """
    check_one_kind(series)
    if is_real(series) and not categorical:
        return pd.Series(numbers(series, whole), index=series.index, name=series.name)
    if numbers_because is not None:
        raise InputError(
            f"column {series.name!r} holds {describe_dtype(series)}{odd_cell(series)}, but "
            + (numbers_because if not odd_cell(series) else _corrected(numbers_because))
        )
    codes, values = distinct(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        seen = set(values)  # pandas would sort the codes of all rows for it
        order = [level for level in series.cat.categories.tolist() if level in seen]
    else:
        if not is_real(series) and not all(isinstance(value, str) for value in values):
            raise not_taken(series)
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
                    else f"its levels are {names_in(SCREEN, [*map(str, levels)])}"
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


def odd_cell(series: pd.Series[Any]) -> str:
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
    """The values of a series, each once, in the order of their coming, and which each row has.

    Where a row has none, that is -1.
    """
    known = known_codes(series)
    if known is not None:
        return known[0], list(known[1])
    try:
        codes, values = pd.factorize(series)  # much faster than a look at every value
    except TypeError as error:
        raise InputError(
            f"column {series.name!r} holds lists or the like; it must hold numbers, text or "
            "categories"
        ) from error
    found = list(values.astype(object))
    try:  # of text alone, all values at once
        "".join(found).encode()
    except (TypeError, UnicodeEncodeError):
        for value in found:
            if isinstance(value, str):
                check_text(value, f"column {series.name!r}: the value")
    remember_if_read_here(series, (codes, found))
    return codes, list(found)


def kind_of(series: pd.Series[Any]) -> str:
    """What a column without missing values holds, in a word."""
    check_one_kind(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categories"
    if are_booleans(series):
        return "booleans"
    if is_real(series):
        return "numbers"
    if not all(isinstance(value, str) for value in distinct(series)[1]):
        raise not_taken(series)
    return "text"


def not_taken(series: pd.Series[Any]) -> ValueError:
    """The error for a column without missing values that holds neither numbers nor levels."""
    values, what = distinct(series)[1], describe_dtype(series)
    if odd_cell(series):
        name = str(series.name)
        return InputError(f"column {name!r} {mixed(name, values, odd_rows(series), option=True)}")
    if all(map(is_numeric, values)):
        return several_kinds(str(series.name), ("numbers", "text"))
    way = _way_on(what) or "; it must hold numbers, text or categories"
    return InputError(f"column {series.name!r} holds {what}{way}")


def _way_on(what: str) -> str:
    """What to do with dates and durations; empty for all else."""
    if _DURATION.search(what):
        return ", which are no numbers: make numbers of them, such as their days"
    if _DATE.search(what):
        return (
            ", which are no numbers: make numbers of them, such as the days since the first, or "
            "categories, such as the year"
        )
    return ""


_DURATION = re.compile("timedelta|duration", re.IGNORECASE)
_DATE = re.compile("date|time|period", re.IGNORECASE)


def are_decimals(series: pd.Series[Any]) -> bool:
    """Whether numbers are of decimal digits, which doubles are only nearest to."""
    if not pd.api.types.is_object_dtype(series.dtype):
        return "decimal" in str(series.dtype)
    return any(isinstance(value, Decimal) for value in series)


def said_of(names: Sequence[str], what: str) -> str:
    """What holds of some columns; empty of none."""
    return f"{names_in(ROOM, names)}: {what}" if names else ""


def are_booleans(series: pd.Series[Any]) -> bool:
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
