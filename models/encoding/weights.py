"""Weights of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase
from flatprior.models.encoding.columns.kinds import numbers

TOO_MANY = "sums to 2^53 or more, past exact counting; give counts in a larger unit"


COUNTED = "frequency weights count observations"
SPOKEN_FOR = "; how many people a row speaks for are sampling_weights"


def whole_weights(series: pd.Series[Any], what: str = COUNTED) -> Array:
    """Return counts as floats; they must be whole numbers, none of them negative.

    `what` begins the sentence that says what they are.
    """
    values = numbers(series)
    for wrong, kind in ((values < 0, "negative"), (values != np.floor(values), "fractional")):
        if wrong.any():
            others = SPOKEN_FOR if (what, kind) == (COUNTED, "fractional") else ""
            raise InputError(
                f"column {series.name!r} has {kind} values in "
                f"{rows_phrase(series.index[wrong])}; {what} and must be 0, 1, 2, ...{others}"
            )
    if values.sum() >= 2**53:
        raise InputError(f"column {series.name!r} {TOO_MANY}")
    return values


def no_rows_left(n: int, n_dropped: int, n_zero: int, weightless: str) -> InputError:
    """What is said where none of `n` rows counts; `weightless` is "weight 0" or "no trials".

    Examples
    --------
    >>> from flatprior.models.encoding.weights import no_rows_left
    >>> print(no_rows_left(3, 2, 1, "weight 0"))
    no rows are left of 3: 2 have a missing value, 1 has weight 0; complete them, or leave out \
columns that are missing, and give some rows a weight above 0
    """
    why, then = list[str](), list[str]()
    for number, what, remedy in (
        (n_dropped, "a missing value", "complete them, or leave out columns that are missing"),
        (
            n_zero,
            weightless,
            "give some groups trials"
            if weightless == "no trials"
            else "give some rows a weight above 0",
        ),
    ):
        if number:
            why.append(f"{number} {'has' if number == 1 else 'have'} {what}")
            then.append(remedy)
    return InputError(f"no rows are left of {n}: {', '.join(why)}; {', and '.join(then)}")


def positive_weights(
    weights: pd.Series[Any],
    keep: NDArray[np.bool_],
    checked: Callable[[pd.Series[Any]], Array] = whole_weights,
) -> tuple[Array, NDArray[np.bool_], int]:
    """Weights of those rows to `keep` (n,) that weigh something, which, and how many not.

    Rows of weight 0 have no likelihood, and left in they can hide that the others are separated.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from flatprior.models.encoding.arrays import positive_weights
    >>> complete = np.array([True, True, False])
    >>> weights, keep, n_zero = positive_weights(pd.Series([2, 0, 1]), complete)
    >>> weights.tolist(), keep.tolist(), n_zero
    ([2.0], [True, False, False], 1)
    """
    values = checked(weights[keep])
    positive = values > 0
    left = keep.copy()
    left[keep] = positive
    return values[positive], left, int(np.count_nonzero(~positive))
