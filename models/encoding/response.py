"""The response: 0 and 1, truth values or two categories, and which of them counts as 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase
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
    if are_booleans(series):
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
