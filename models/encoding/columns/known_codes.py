"""Codes of text that came with it from a file, so that nobody looks for its values again.

Files of Parquet hold text as a dictionary and a code for each row; the values of other text are
looked for once. What is remembered is of arrays that were made while reading, and that nobody
changes; it goes when they do.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = tuple[NDArray[np.intp], list[Any]]
_KNOWN: dict[int, tuple[weakref.ref[Any], Codes | None]] = {}


def read_here(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, whose columns of text were made here: what is found of them may be remembered."""
    for name in frame.columns:
        series = frame[name]
        if isinstance(series.dtype, pd.StringDtype) and known_codes(series) is None:
            _remember(series, None)
    return frame


def remember(series: pd.Series[Any], codes: NDArray[np.intp], values: list[Any]) -> None:
    """Remember the values of a column, in the order of their coming, and which each row has."""
    _remember(series, (codes, values))


def remember_if_read_here(series: pd.Series[Any], found: Codes) -> None:
    """Remember them if the column is one that was made while reading."""
    known = _KNOWN.get(id(series.array))
    if known is not None and known[0]() is series.array:
        _remember(series, found)


def _remember(series: pd.Series[Any], found: Codes | None) -> None:
    array = series.array
    key = id(array)
    _KNOWN[key] = weakref.ref(array, lambda _: _KNOWN.pop(key, None)), found


def known_codes(series: pd.Series[Any]) -> Codes | None:
    """What is remembered of a column, whole as it was read; else None.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from flatprior.models.encoding.columns.known_codes import known_codes, remember
    >>> column = pd.Series(pd.array(["b", "a", "b"], dtype="string"))
    >>> remember(column, np.array([0, 1, 0]), ["b", "a"])
    >>> known_codes(column)
    (array([0, 1, 0]), ['b', 'a'])
    >>> known_codes(column[1:])
    """
    array = series.array
    found = _KNOWN.get(id(array))
    return None if found is None or found[0]() is not array else found[1]
