"""Bounds as text: rounded away from what they claim, so that what is read is proved too."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

LEAST = 1e-300  # below it doubles lose digits, and a bound as large is one too


def at_most(bound: float, form: str = ".1e") -> str:
    """An upper bound, rounded up to the digits of a format.

    Whoever reads the text back has a number that is never less than the bound.

    Parameters
    ----------
    bound : float
    form : str
        A format of Python for "e" or "g".

    Examples
    --------
    >>> from flatprior.models.common.bounds import at_most
    >>> at_most(8.74e-13), at_most(9.91e-13), at_most(0.012301, ".3g"), at_most(1e-5)
    ('8.8e-13', '1.0e-12', '0.0124', '1.0e-05')
    """
    return _rounded(max(bound, LEAST) if bound > 0 else bound, form, ROUND_CEILING)


def at_least(bound: float, form: str = ".1e") -> str:
    """A lower bound, rounded down to the digits of a format.

    Examples
    --------
    >>> from flatprior.models.common.bounds import at_least
    >>> at_least(8.79e-13), at_least(3.6199, ".3g")
    ('8.7e-13', '3.61')
    """
    return _rounded(0.0 if 0 < bound < LEAST else bound, form, ROUND_FLOOR)


def _rounded(bound: float, form: str, direction: str) -> str:
    """The number of that many digits in this direction, as the format has it; "-" for NaN."""
    if not math.isfinite(bound):
        return "-" if math.isnan(bound) else format(bound, "g")
    digits = int(form.strip("#.eg")) + form.endswith("e")
    # of the digits that tell it from any other double: 1e-5 is not 1.1e-5 for what is beyond them
    rounded = Context(prec=digits, rounding=direction).create_decimal(Decimal(repr(float(bound))))
    return format(float(rounded), form)
