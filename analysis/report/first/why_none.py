"""Why a model has no maximum likelihood estimate, in one plain sentence.

Two values of a column, or one threshold, separate where counts show it; else it is a combination.
"""

from __future__ import annotations

import math

import numpy as np

from flatprior.analysis.report.main_model import WithoutMLE
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import (
    at_least,
    at_most,
    count,
    level_in_words,
    names_in,
    printable,
    whole,
)
from flatprior.models.encoding.aliased import combination
from flatprior.models.rows import ArrayRows

ROOM = 80  # characters for names
MOST_SAID = 2  # odds ratios without an end
NEAR = 1e-9  # to a factor of 1
OTHER = {"+inf": "no upper limit", "-inf": "no lower limit"}


def why_none(main: WithoutMLE) -> str:
    """Which values of which column, or which columns, are responsible, and what is left to say.

    Examples
    --------
    >>> from flatprior.analysis.report.first.why_none import why_none
    >>> from flatprior.analysis.report.main_model import reported
    >>> from flatprior.models import BernoulliLogistic, load_endometrial
    >>> model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    >>> print(why_none(reported(None, None, model=model)))  # doctest: +NORMALIZE_WHITESPACE
    NV = 1 occurs only among HG = 1: its odds ratio has no upper limit; it is at least 3.61 (95%
    profile-likelihood interval).
    """
    existence = main.existence
    if existence.kind == "undecided":
        return (
            "Whether a combination of the columns separates the outcomes could not be decided: no "
            "number for this model is proved."
        )
    said = [_dependent(main)] if existence.dependencies else []
    if existence.n_separated:
        said.append(f"{_separated(main)}: {_without_end(main)}.")
    return " ".join(said)


def at_an_end(low: float, high: float) -> str:
    """The end that an interval of a log odds ratio has, as an odds ratio rounded outwards.

    Examples
    --------
    >>> import math
    >>> from flatprior.analysis.report.first.why_none import at_an_end
    >>> at_an_end(math.log(3.6199), math.inf), at_an_end(-math.inf, math.log(0.12341))
    ('at least 3.61', 'at most 0.124')
    """
    below = math.isfinite(low)
    end = math.exp(min(low if below else high, 700.0))
    return f"at least {at_least(end, '.3g')}" if below else f"at most {at_most(end, '.3g')}"


def _dependent(main: WithoutMLE) -> str:
    """What the first superfluous column equals, and what is determined all the same."""
    (name, terms), *others = main.existence.dependencies.items()
    equals = f"{printable(name)} equals {printable(combination(terms))} in every row"
    left = "only combinations of their coefficients are determined, not one by one"
    if not terms:
        equals = f"{printable(name)} is 0 in every row"
        left = "nothing is known of its coefficient"
    elif len(terms) == 1 and abs(next(iter(terms.values())) - 1) < NEAR:
        equals = f"{printable(name)} equals {printable(next(iter(terms)))} in every row"
        if not others:  # of three equal columns no sum of two is
            left = "only the sum of their coefficients is determined"
    more = f", and {count(len(others), 'more column')} of this kind" if others else ""
    return f"{equals}{more}: {left}."


def _separated(main: WithoutMLE) -> str:
    """Where only one outcome was observed."""
    model, existence = main.here, main.existence
    if model.n_events in (0, model.n_observations):
        return f"{outcome(model, int(model.n_events > 0))} in every row"
    if isinstance(model.rows, ArrayRows):
        for name, way in existence.coefficients.items():
            values = np.asarray(model.arrays.design[:, model.names.index(name)], dtype=float)
            if way in OTHER and np.ptp(values) > 0:
                said = _by_one_column(main, name, values.ravel())
                if said:
                    return said
    rows = f"{whole(existence.n_separated)} of {count(main.model.n_rows, 'row')}"
    if existence.n_separated == main.model.n_rows:
        rows = "every row"
    direction = existence.direction
    which = [] if direction is None else [model.names[j] for j in np.flatnonzero(direction)]
    columns = f"of {names_in(ROOM, which)}" if which else "of the columns"
    return f"A combination {columns} tells {printable(model.response_name)} without error in {rows}"


def _by_one_column(main: WithoutMLE, name: str, values: Array) -> str:
    """Where a column alone has one outcome only; empty where it has not."""
    model, events = main.here, main.here.response == 1
    different = np.unique(values)
    if len(different) == 2:
        only = [
            (value, int(events[values == value][0]))
            for value in different[::-1].tolist()
            if np.ptp(model.response[values == value]) == 0
        ]
        said = [
            f"{_level(main, name, value)} occurs only among {outcome(model, which)}"
            for value, which in only
        ]
        return ", and ".join(said)
    (low, high), (bottom, top) = ((values[of].min(), values[of].max()) for of in (events, ~events))
    shown = printable(name)
    one, zero = outcome(model, 1), outcome(model, 0)
    if low >= top:
        return _on_sides(shown, one, zero, float(low), float(top))
    return _on_sides(shown, zero, one, float(bottom), float(high)) if bottom >= high else ""


def _on_sides(name: str, above: str, below: str, least: float, most: float) -> str:
    """Which outcome is above and which below a threshold."""
    if least > most:
        return (
            f"{above} wherever {name} is {least:.6g} or more, {below} wherever {most:.6g} or less"
        )
    return f"{above} wherever {name} is above {most:.6g}, {below} wherever it is below"


def _level(main: WithoutMLE, name: str, value: float) -> str:
    """A value of a column, by its variable where it is a level of that."""
    j = main.model.names.index(name)
    for variable in main.variables:
        for level in variable.levels:
            if level.column == j and variable.kind == "levels" and value == 1:
                return f"{printable(variable.name)} = {level_in_words(level.name)}"
    return f"{printable(name)} = {value:.6g}"


def outcome(model: BernoulliLogistic, which: int) -> str:
    """An outcome in words: 1 is the event."""
    name = printable(model.response_name)
    if model.event is None:
        return f"{name} = {which}"
    return f"{name} {'=' if which else 'other than'} {printable(model.event)}"


def _without_end(main: WithoutMLE) -> str:
    """Which odds ratios have no limit, and the end that their intervals have."""
    found = main.existence.coefficients
    model = main.here
    far = [name for name, way in found.items() if way in OTHER]
    if isinstance(model.rows, ArrayRows):
        moving = [n for n in far if np.ptp(model.arrays.design[:, model.names.index(n)]) > 0]
        if not moving and far:
            return f"the odds have {OTHER[found[far[0]]]}"
        far = moving
    if not far:
        return "no coefficient has an estimate of its own"
    intervals = None if main.limits is None else main.limits.intervals
    said = []
    for name in far[:MOST_SAID]:
        end = ""
        if intervals is not None and name in intervals.index:
            low, high = intervals.loc[[name]].to_numpy(dtype=float)[0, -2:].tolist()
            if math.isfinite(low) != math.isfinite(high):
                end = f"; it is {at_an_end(low, high)} (95% profile-likelihood interval)"
        whose = "its odds ratio" if len(far) == 1 else f"the odds ratio of {printable(name)}"
        said.append(f"{whose} has {OTHER[found[name]]}{end}")
    more = len(far) - MOST_SAID
    return ", and ".join(said) + (f", and {more} more likewise" if more > 0 else "")
