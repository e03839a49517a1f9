"""Plain values that come back from JSON: checked, since a file may hold anything."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable


def checksum(facts: Any) -> str:
    """SHA-256 of plain values, whatever the order of their keys and the spelling of numbers.

    It tells a change by accident or by hand, not one by somebody who makes a new checksum: nothing
    is believed because of it.
    """

    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {str(key): plain(value) for key, value in part.items()}
        if isinstance(part, list | tuple):
            return [plain(value) for value in part]
        if isinstance(part, int) and not isinstance(part, bool) and abs(part) < 2**53:
            return float(part)
        return part

    text = json.dumps(plain(facts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()


def numbers_of(value: Any) -> Array:
    """An array of lists of numbers from JSON, null as NaN; a `ValueError` for anything else."""

    def check(part: Any, depth: int) -> None:
        if isinstance(part, list):
            if depth > 2:
                raise InputError("its arrays are too deep")
            for each in part:
                check(each, depth + 1)
        elif isinstance(part, bool) or not isinstance(part, int | float | None):
            raise InputError(f"there is {in_short(part)} where a number must be")

    check(value, 0)
    try:
        return np.array(value, dtype=float)
    except OverflowError as error:
        raise InputError("it holds a number beyond the range of doubles") from error


def is_whole(value: object) -> bool:
    """Whether a value from JSON is a whole number, of a size that one has."""
    return isinstance(value, int) and not isinstance(value, bool) and value < 2**63


def in_short(value: object) -> str:
    """A value from a file, or of a call, as a message may quote it: on one line, and cut."""
    text = f"a number of {value.bit_length()} bits" if _huge(value) else repr(value)
    return printable(text if len(text) <= 40 else f"{text[:37]}...")


def _huge(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and value.bit_length() > 128


def no_constant(name: str) -> float:
    """Refuse NaN and Infinity, which JSON has not."""
    raise InputError(f"it holds {name}, which is not JSON")


def number_or_inf(value: float | None) -> float:
    """A number from JSON, where null stands for infinity."""
    return math.inf if value is None else float(numbers_of([value])[0])
