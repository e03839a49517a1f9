"""Units in which a change of a number can be read: 1, and a standard deviation far from 1."""

from __future__ import annotations

import math

from flatprior.analysis.report.main_model import Reported

NEAR = (0.25, 2.0)  # of a standard deviation: 1 is a change that one can read
SAID = "per 1, and per standard deviation (SD, to three digits) where that is far from 1"


def units_of(main: Reported) -> dict[int, float]:
    """By the columns of numbers, of which 1 is too little or too much, a standard deviation.

    It has the three digits that are shown, so that a change is by just what is said.

    Examples
    --------
    >>> from flatprior.analysis.report.main_model import reported
    >>> from flatprior.analysis.report.units import units_of
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce", load_spector())
    >>> units_of(reported(None, None, model=model))
    {2: 3.9}
    """
    numbers = [each.levels[0].column for each in main.variables if each.kind == "number"]
    spread = {column: float(main.column_sums.spread[column]) for column in numbers if column}
    return {
        column: float(f"{each:.3g}")
        for column, each in spread.items()
        if math.isfinite(each) and each > 0 and not NEAR[0] <= each <= NEAR[1]
    }


def per(unit: float) -> str:
    """What a change by a unit is called.

    Examples
    --------
    >>> from flatprior.analysis.report.units import per
    >>> per(1.0), per(30.6)
    ('per 1', 'per 30.6 (1 SD)')
    """
    return "per 1" if unit == 1 else f"per {unit:.3g} (1 SD)"
