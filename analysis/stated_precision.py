"""What rounding may have done to printed numbers, judged from how they are written."""

from __future__ import annotations

import math

import numpy as np

from flatprior.models.common.arrays import Array

MOST_DIGITS = 10  # with more, a number is taken for a double as it was computed
HALF = float(np.finfo(np.float16).eps) / 2
SINGLE = float(np.finfo(np.float32).eps)


def half_units(numbers: Array) -> Array:
    """Half a unit of the last digit that each number can be taken to have (k,).

    All are taken to be written alike: with as many decimals, or with as many significant digits, as
    the one with the most, whichever more of them show. Numbers of many digits have no rounding,
    but for those that single precision holds exactly.
    """
    written = [_digits(float(value)) for value in numbers]
    decimals = max((decimals for decimals, _ in written), default=0)
    significant = max((digits for _, digits in written), default=0)
    # half precision has few digits, but not of the decimal kind: 58.75 is all there is of 58.74
    half = np.abs(numbers) * (HALF if _half_precision(numbers) else 0.0)
    if significant > MOST_DIGITS:
        single = np.array_equal(numbers.astype(np.float32).astype(float), numbers)
        return np.maximum(half, np.abs(numbers) * (SINGLE if single else 0.0))
    fixed = sum(found == decimals for found, _ in written)
    floating = sum(found == significant for _, found in written)
    if fixed >= floating:
        return np.asarray(np.maximum(half, 0.5 * 10.0**-decimals))
    exponents = [math.floor(math.log10(abs(value))) if value else 0 for value in numbers.tolist()]
    units = np.array([0.5 * 10.0 ** (exponent - significant + 1) for exponent in exponents])
    return np.asarray(np.maximum(half, units))


def _half_precision(numbers: Array) -> bool:
    """Whether half precision holds all of these numbers exactly, and they are not whole."""
    with np.errstate(over="ignore"):
        exact = np.array_equal(numbers.astype(np.float16).astype(float), numbers)
    return bool(exact and (numbers != np.round(numbers)).any())


def _digits(value: float) -> tuple[int, int]:
    """Decimals and significant digits that a number is written with."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    decimals = max(len(fraction) - int(exponent or 0), 0)
    significant = len((whole + fraction).strip("0")) if fraction else len(whole.strip("0"))
    return decimals, significant
