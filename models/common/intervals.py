"""Wald statistics, and the ends of intervals and their names."""

from __future__ import annotations

import numbers
from typing import Any, TypeVar, overload

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.json_values import in_short

Numbers = TypeVar("Numbers", float, Array)


def check_probability(prob: Any, name: str = "prob") -> None:
    """Raise a `ValueError` unless `prob` is a number between 0 and 1."""
    if not isinstance(prob, numbers.Real) or not 0 < float(prob) < 1:
        raise InputError(f"{name} must lie between 0 and 1, not {in_short(prob)}")


def percentages(prob: float) -> tuple[str, str]:
    """Names of the ends of an equal-tailed interval: 0.95 is "2.5%" and "97.5%"."""
    return f"{50 * (1 - prob):.12g}%", f"{50 * (1 + prob):.12g}%"


def in_percent(prob: float) -> str:
    """The confidence of an interval, all its digits: 0.95 is "95%", and 0.995 "99.5%"."""
    return f"{100 * prob:.12g}%"


@overload
def wald_reach(prob: float) -> float: ...


@overload
def wald_reach(prob: float, df: Array | None) -> float | Array: ...


def wald_reach(prob: float, df: Array | None = None) -> float | Array:
    """How many standard errors a Wald interval reaches to either side; with `df` Student's.

    Raises
    ------
    ValueError
        If `prob` does not lie between 0 and 1.

    Examples
    --------
    >>> from flatprior.models.common.intervals import wald_reach
    >>> round(wald_reach(0.95), 6)
    1.959964
    """
    check_probability(prob)
    level = 0.5 + float(prob) / 2
    return float(ndtri(level)) if df is None else np.asarray(stdtrit(df, level))


def wald_interval(
    estimate: Numbers, error: Numbers, prob: float, df: Array | None = None
) -> dict[str, Numbers]:
    """Ends of Wald intervals, named by their percentages; with `df` they are Student's."""
    reach: Any = wald_reach(prob, df)
    low, high = percentages(prob)
    return {low: estimate - reach * error, high: estimate + reach * error}


def wald_statistics(
    estimate: Numbers, error: Numbers, df: Array | None = None
) -> dict[str, Numbers]:
    """The estimate in standard errors, "z", and its two-sided "p"; with `df` it is Student's."""
    z = estimate / error
    return {"z": z, "p": 2 * (ndtr(-np.abs(z)) if df is None else stdtr(df, -np.abs(z)))}
