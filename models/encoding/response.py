"""The response: two values, and which of them counts as 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import level_in_words, rows_phrase, shorten
from flatprior.models.encoding.columns.kinds import (
    are_booleans,
    check_one_kind,
    distinct,
    floats,
    is_real,
    odd_rows,
    predictor,
)
from flatprior.models.encoding.columns.text_among_numbers import (
    Odd,
    is_numeric,
    mixed,
)

_TRUTHS = {"true": True, "false": False}
SHARES = (
    "of shares, name their trials (trials=), or give successes and failures: cbind(s, f) in a "
    "formula, two columns as an array"
)


@dataclass(frozen=True)
class Outcomes:
    """The two values of a response.

    Attributes
    ----------
    other, event : object
        What counts as 0, and what as 1.
    said : bool
        Whether there is anything to say: that 1 counts as 1 is said where it was asked for.
    """

    other: Any
    event: Any
    said: bool = True

    @property
    def coding(self) -> str:
        """Which counts as 1, in words."""
        return f"{value(self.event)} = 1, {value(self.other)} = 0" if self.said else ""

    def of(self, series: pd.Series[Any]) -> Array:
        """A response as 0.0 and 1.0, (n,)."""
        if is_real(series):
            return np.asarray(floats(series) == float(self.event), dtype=float)
        coded = predictor(series, categorical=True, levels=(self.other, self.event))
        return np.asarray(coded.cat.codes, dtype=float)


def value(level: Any) -> str:
    """A value of the response in words: 1 is no 1.0."""
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return level_in_words(level)


def plain_response(y: Any) -> Array | None:
    """The response as 0.0/1.0 (n,) if it is a NumPy vector of these or of 0 and 1, else None."""
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "fiu":
        return None
    if ((y != 0) & (y != 1)).any():
        return None
    return y.astype(float, copy=False)


def encode_response(series: pd.Series[Any], name: str, event: Any = None) -> tuple[Array, Outcomes]:
    """Return the response as 0.0/1.0 (n,), and which of its values is which.

    `event` is the value that counts as 1, or the `Outcomes` where these are known.
    """
    missing = series.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"the response {name!r} is missing in {rows_phrase(series.index[missing])}; "
            "drop these rows"
        )
    check_one_kind(series)
    series = series.rename(name)
    if isinstance(event, Outcomes):
        return event.of(series), event
    if are_booleans(series):
        found = outcomes_of(name, [False, True], event)
    elif is_real(series):
        values = floats(series)
        neither = (values != 0) & (values != 1)
        several = np.unique(values).tolist() if neither.any() else []
        found = outcomes_of(name, several, event, series.index[neither][:1])
    else:
        if not isinstance(series.dtype, pd.CategoricalDtype):
            check_outcomes(name, distinct(series)[1], odd_rows(series))
        coded = predictor(series, categorical=True)
        found = outcomes_of(name, list(coded.cat.categories), event)
    return found.of(series), found


def outcomes_of(
    name: str, values: Sequence[Any], event: Any = None, first: Iterable[Any] | None = None
) -> Outcomes:
    """The two values of a response, which has these in their order; the second counts as 1.

    Of numbers it is the larger one, of 0 and 1 (of which one may be missing) always 1. `event`
    names another. `first` is of numbers: the label of the first row that is neither 0 nor 1.

    Raises
    ------
    ValueError
        If there are not two, or `event` is none of them.

    Examples
    --------
    >>> from flatprior.models.encoding.response import outcomes_of
    >>> outcomes_of("y", [1.0, 2.0], first=[0]).coding, outcomes_of("y", ["a", "b"], "a").coding
    ('2 = 1, 1 = 0', 'a = 1, b = 0')
    """
    said = True
    if first is not None:
        if set(values) <= {0, 1}:
            values, said = [0.0, 1.0], event is not None
        elif len(values) != 2 or (event is None and not all(map(_whole, values))):
            raise wrong_outcomes(name, list(values), first)
    check_two(name, values)
    other, second = values
    if event is None or _is(event, second, values):
        return Outcomes(other, second, said)
    if _is(event, other, values):
        return Outcomes(second, other)
    shown = " and ".join(shorten(value(level), 30) for level in values)
    raise InputError(
        f"the event {shorten(value(event), 30)} is no value of the response {name!r}, which has "
        f"{shown}; name one of them"
    )


def _whole(level: Any) -> bool:
    return float(level).is_integer()


def _is(event: Any, level: Any, levels: Sequence[Any]) -> bool:
    """Whether an event that a user names, perhaps as text, is this level."""
    if any(_same(event, each) for each in levels):
        return _same(event, level)
    read = _read(event)
    alike = [each for each in levels if read is not None and read == _read(each)]
    return len(alike) == 1 and read == _read(level)  # "1" and "1.0" are two


def _same(event: Any, level: Any) -> bool:
    if np.ndim(event) or event is pd.NA:  # no value at all
        return False
    return isinstance(event, str) == isinstance(level, str) and bool(event == level)


def _read(value: Any) -> float | None:
    """The number or truth value that something is or says."""
    if isinstance(value, str) and value.strip().lower() in _TRUTHS:
        return float(_TRUTHS[value.strip().lower()])
    if not is_numeric(value) and not isinstance(value, bool | np.bool_):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number that no double holds
        return None


def check_outcomes(name: str, values: Sequence[Any], odd: Odd, option: bool = False) -> None:
    """Raise a `ValueError` if a response has numbers in some rows and text in others."""
    if any(map(is_numeric, values)) and odd.rows:
        raise InputError(f"the response {name!r} {mixed(name, values, odd, option)}")


def check_two(name: str, levels: Sequence[Any]) -> None:
    """Raise a `ValueError` unless a response of categories has two."""
    if len(levels) != 2:
        shown = ", ".join(repr(str(level)) for level in levels[:4])
        raise InputError(
            f"the response {name!r} has {len(levels)} categor{'y' if len(levels) == 1 else 'ies'} "
            f"({shown}{', ...' if len(levels) > 4 else ''}); a Bernoulli response has two: "
            "make others missing or one of these, or leave such rows out"
        )


def wrong_outcomes(name: str, values: list[float], first: Iterable[Any]) -> ValueError:
    """The error for a response of numbers that has not two values."""
    some = ", ".join(f"{value:g}" for value in values[:4]) + (", ..." if len(values) > 4 else "")
    remedy = "recode it"
    if all(0 <= value <= 1 for value in values):  # recoding shares would destroy them
        remedy = SHARES
    elif all(value >= 0 and _whole(value) for value in values) and len(values) > 2:
        remedy = "recode it; counts of successes are given with those of failures, cbind(s, f)"
    return InputError(
        f"the response {name!r} must be 0 or 1, but it has the values {some} "
        f"(first in {rows_phrase(first)}); {remedy}"
    )
