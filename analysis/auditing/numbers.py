r"""Is each number that somebody states the right one, and of which kind?

A number that is printed with a last digit of u is right for a value v that is known to within e if
the two intervals meet: ``|printed - v| <= u / 2 + e`` where it was rounded, and v up to u further
from zero than what is printed where it was truncated. A double is right within what the rounding of
the program that computed it can do. Standard errors, p-values and intervals are of several kinds
(`flatprior.analysis.auditing.standard_error_kinds`). The numbers of a table come from one program,
so that one kind has to explain all of them: the simplest that does is named, and where none does
that which explains most, and the numbers that it leaves are off. All are rounded, or all truncated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from flatprior.analysis.auditing.conventions import (
    AS_PRINTED,
    OWN_NUMBERS,
    THOROUGH,
    Finder,
    conventions,
    of_own,
)
from flatprior.analysis.auditing.standard_error_kinds import Kind, Place
from flatprior.analysis.auditing.their_case import Case, Value, directions_of, meets
from flatprior.analysis.producers.theirs import OF_AN_ERROR, OF_THE_FIT, Stated, TheirFit
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array

TRUNCATED = 0.25  # of the numbers that rounding has to leave before truncation is thought of
FROM_DIGITS = (AS_PRINTED, OWN_NUMBERS)
ENOUGH = 4  # numbers that a convention does not explain
NOT_STATED = "stated as not available"
NO_TERM = "the model has no such coefficient"
NO_KIND = "of no kind that is computed here"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What is found of one number that is stated.

    Attributes
    ----------
    term : str
        The coefficient as they call it; empty for a number of the whole fit.
    quantity : str
        As in `Stated`.
    stated, proved : float
        Theirs, and the value of the convention that is named.
    error : float
        How far `proved` may be off.
    convention : str
        Which the number follows, or the one that it is held against where it follows none.
    consistent : bool or None
        None where it cannot be judged.
    off : float
        `stated` less `proved` where they are not consistent, else 0.
    unit : float
        Of the last digit that is written; 0 for a double.
    written : str
        As it was printed.
    follows : bool or None
        Whether a number that is not consistent follows from the coefficient and standard error
        stated beside it; None where that says nothing.
    is_coefficient : bool
        Whether it is a coefficient, or an odds ratio that is printed in its place.
    """

    term: str
    quantity: str
    stated: float
    proved: float
    error: float
    convention: str
    consistent: bool | None
    off: float
    unit: float = 0.0
    written: str = ""
    follows: bool | None = None
    is_coefficient: bool = False


def in_every_digit(judged: Sequence[Judged]) -> bool:
    """Whether coefficients, or odds ratios in their place, are the MLE's in all digits printed.

    There may be coefficients that are not printed, as that of the intercept beside odds ratios.
    """
    own = [each.consistent for each in judged if each.is_coefficient]
    return bool(own) and all(own)


def is_a_part(model: BernoulliLogistic, their: TheirFit) -> bool:
    """Whether a fit shows some of the model's coefficients, each by its name, and no others.

    Examples
    --------
    >>> from flatprior.analysis.auditing.numbers import is_a_part
    >>> from flatprior.analysis.producers.theirs import TheirFit
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> is_a_part(model, TheirFit(producer="a printed table", coefficients={"gpa": 3.06}))
    True
    """
    found = directions_of(model, their)
    return 0 < len(their.coefficients) < model.n_parameters and all(
        name in found for name in their.coefficients
    )


def as_frame(judged: Sequence[Judged]) -> pd.DataFrame:
    """One row a number: term, quantity, stated, proved, convention, consistent and off."""
    columns = ("term", "quantity", "stated", "proved", "convention", "consistent", "off")
    frame = pd.DataFrame(
        {name: [getattr(each, name) for each in judged] for name in columns}, columns=list(columns)
    )
    return frame.astype({"consistent": "boolean", "stated": float, "proved": float, "off": float})


def judge_numbers(
    model: BernoulliLogistic,
    mle: PointEstimate | None,
    their: TheirFit,
    directions: Mapping[str, Array] | None = None,
    *,
    posterior_sd: Array | None = None,
) -> tuple[Judged, ...]:
    """Judge the coefficients and every other number that a fit states.

    Parameters
    ----------
    model : BernoulliLogistic
        In memory.
    mle : PointEstimate or None
        Of this model; None where it does not exist. Then numbers are judged at their coefficients.
    their : TheirFit
    directions : mapping of str to ndarray (k,), optional
        Each of their coefficients as a combination of the model's: by default found from names, as
        `explain_difference` does, or the terms by themselves where the others are not given.
    posterior_sd : ndarray (k,), optional
        Standard deviations of the posterior, where standard errors may be these.

    Returns
    -------
    tuple of Judged
        Coefficients first, then the numbers in the order in which they are stated.

    Examples
    --------
    >>> from flatprior.analysis.auditing.numbers import as_frame, judge_numbers
    >>> from flatprior.analysis.producers.theirs import OF_THE_FIT, Stated, TheirFit
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> error = Stated(term="gpa", quantity="standard error", value=1.268, unit=0.001)
    >>> theirs = TheirFit(
    ...     producer="a printed table",
    ...     coefficients={"gpa": 2.826},
    ...     units={"gpa": 0.001},
    ...     stated=(error, Stated(term="", quantity="n", value=32.0, unit=1.0)),
    ... )
    >>> as_frame(judge_numbers(model, fit_newton(model), theirs))["convention"].tolist()
    ['MLE', 'HC0', 'observations']
    """
    case = Case(
        model=model,
        mle=mle,
        their=their,
        directions=dict(directions_of(model, their) if directions is None else directions),
        posterior_sd=posterior_sd,
    )
    # what is stated may be of any size
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        return _judged(case)


@dataclass(frozen=True, eq=False)
class _Column:
    """Numbers of one quantity that one convention has to explain."""

    group: str
    stated: tuple[Stated, ...]


@dataclass(frozen=True, eq=False)
class _Answer:
    """What one convention says of the numbers of a column."""

    name: str
    values: tuple[Value | None, ...]
    meets: tuple[bool | None, ...]

    @property
    def explained(self) -> int:
        return sum(met is not False for met in self.meets)


def _judged(case: Case) -> tuple[Judged, ...]:
    columns = _columns(case)
    best = _explained(case, columns, truncated=False)
    total = sum(len(column.stated) for column in columns)
    left = total - _count(best)
    if case.printed and left and left >= TRUNCATED * total:
        other = _explained(case, columns, truncated=True, more_than=_count(best))
        best = other if _count(other) > _count(best) else best
    found: dict[int, Judged] = {}
    for column, answer in zip(columns, best, strict=True):
        for each, value, met in zip(column.stated, answer.values, answer.meets, strict=True):
            found[id(each)] = _verdict(case, each, answer.name, value, met)
    every = (*(each for each in case.coefficients if not case.made_of_a_ratio(each)),)
    judged = tuple(found[id(each)] for each in (*every, *case.their.stated))
    return _may_be(judged) if case.their.may_be else judged


def _may_be(judged: tuple[Judged, ...]) -> tuple[Judged, ...]:
    """Leave standard errors unjudged that are of no kind, with what follows from them.

    The program may have computed them in a way of which it keeps no trace; one covariance is what
    all of them are from.
    """
    of_errors = [each.quantity in OF_AN_ERROR for each in judged]
    if all(each.consistent is not False for each, of in zip(judged, of_errors, strict=True) if of):
        return judged
    return tuple(
        replace(each, consistent=None, convention=NO_KIND, proved=math.nan, off=0.0, follows=None)
        if of
        else each
        for each, of in zip(judged, of_errors, strict=True)
    )


def not_judged(their: TheirFit, judged: Sequence[Judged]) -> tuple[str, ...]:
    """In words, that standard errors are not judged, where they may be of a kind without a trace.

    Examples
    --------
    >>> from flatprior.analysis.auditing.numbers import not_judged
    >>> from flatprior.analysis.producers.theirs import TheirFit
    >>> not_judged(TheirFit(producer="glum", coefficients={"x": 1.0}, may_be="by clusters"), ())
    ()
    """
    if all(each.convention != NO_KIND for each in judged):
        return ()
    return (f"standard errors, and what follows from them, are not judged: {their.may_be}",)


def _verdict(case: Case, each: Stated, name: str, value: Value | None, met: bool | None) -> Judged:
    if math.isnan(each.value):
        name, met = NOT_STATED, None
    elif each.term and each.term not in case.directions:
        name, met = NO_TERM, None
    elif value is None:
        met = None
    off = 0.0 if met is not False or value is None else float(each.value) - value.value
    return Judged(
        term=each.term,
        quantity=each.quantity,
        stated=float(each.value),
        proved=math.nan if value is None else value.value,
        error=math.nan if value is None else value.error,
        convention=name,
        consistent=met,
        off=off,
        unit=each.unit,
        written=each.written,
        follows=_follows(case, each) if met is False else None,
        is_coefficient=each.quantity == "coefficient" or _in_its_place(case, each),
    )


def _in_its_place(case: Case, each: Stated) -> bool:
    """Whether a coefficient was made of this odds ratio."""
    if each.quantity != "odds ratio":
        return False
    own = case.own(each.term, "coefficient")
    return own is None or case.made_of_a_ratio(own)


def _columns(case: Case) -> list[_Column]:
    """The numbers by what they are of; a second one of a term is of another column."""
    groups: dict[tuple[str, int], list[Stated]] = {}
    seen: dict[tuple[str, str], int] = {}
    coefficients = [each for each in case.coefficients if not case.made_of_a_ratio(each)]
    for each in (*coefficients, *case.their.stated):
        key = (each.term, each.quantity)
        nth = seen[key] = seen.get(key, -1) + 1
        group = {
            "low": "interval",
            "high": "interval",
            "odds ratio low": "odds ratio interval",
            "odds ratio high": "odds ratio interval",
        }.get(each.quantity, each.quantity)
        groups.setdefault((group, nth), []).append(each)
    return [_Column(group, tuple(stated)) for (group, _), stated in groups.items()]


def _count(answers: Sequence[_Answer]) -> int:
    return sum(answer.explained for answer in answers)


def _explained(
    case: Case, columns: list[_Column], truncated: bool, more_than: int = 0
) -> list[_Answer]:
    """What explains most of the numbers: one kind of standard error for all of the columns.

    Profile intervals and likelihood-ratio tests take many fits: they are asked where nothing else
    explains all, and where with them `more_than` so many numbers may be explained.
    """
    total = sum(len(column.stated) for column in columns)
    tried: list[list[_Answer]] = []
    for where, kind in case.tries:
        answers = [_answer(case, column, where, kind, truncated) for column in columns]
        if _count(answers) == total:
            return answers
        tried.append(answers)
    if _at_most(columns, tried) > more_than and _needs_more(
        columns, max(tried, key=_count, default=[])
    ):
        for i, before in enumerate(tried):
            tried[i] = [
                _thorough(case, column, answer, truncated)
                for column, answer in zip(columns, before, strict=True)
            ]
            if _count(tried[i]) == total:
                return tried[i]
    best = max(tried, key=_count, default=[_none(column) for column in columns])
    return [
        _own_kind(column, best[i], [answers[i] for answers in tried])
        for i, column in enumerate(columns)
    ]


def _at_most(columns: Sequence[_Column], tried: Sequence[Sequence[_Answer]]) -> int:
    """How many numbers are explained if profiles and tests explain all that they are asked of."""
    return max(
        (
            sum(
                len(column.stated) if column.group in THOROUGH else answer.explained
                for column, answer in zip(columns, answers, strict=True)
            )
            for answers in tried
        ),
        default=0,
    )


def _needs_more(columns: Sequence[_Column], answers: Sequence[_Answer]) -> bool:
    """Whether something is left that profiles or tests may explain."""
    return any(
        column.group in THOROUGH and answer.explained < len(column.stated)
        for column, answer in zip(columns, answers, strict=False)
    )


def _none(column: _Column, met: bool | None = None) -> _Answer:
    """Nothing is computed of what is stated."""
    every = tuple(None if math.isnan(each.value) else met for each in column.stated)
    return _Answer("cannot be computed", (None,) * len(every), every)


def _own_kind(column: _Column, chosen: _Answer, every: Sequence[_Answer]) -> _Answer:
    """Another kind for a column that the chosen one does not explain at all, if it explains all.

    Where none does it is held against the first, which is the simplest. What the printed digits
    or the last iteration but one explain no better than a usual kind is held against that.
    """
    if chosen.explained < len(chosen.meets) and _by_last_digits(chosen.name):
        for other in every:
            if not _by_last_digits(other.name) and other.explained >= max(chosen.explained, 1):
                return other
    judged = sum(met is not None for met in chosen.meets)
    met = sum(bool(met) for met in chosen.meets)
    if 2 * met >= judged:
        return chosen
    if judged > 1:
        for other in every:
            if all(met is not False for met in other.meets):
                return other
    return chosen if met or column.group in OF_THE_FIT else every[0]


def _by_last_digits(name: str) -> bool:
    """Whether a convention differs from a usual one in the last digits only."""
    return name in FROM_DIGITS or "iteration old" in name


def _answer(
    case: Case, column: _Column, where: Place, kind: Kind | None, truncated: bool
) -> _Answer:
    """The first convention that explains a column, or the one that explains most of it."""
    best: _Answer | None = None
    for name, find in conventions(case, column.group, where, kind):
        best = _better(column, _tried(case, column, name, find, truncated), best)
        if best.explained == len(best.meets):
            break
    return _none(column, met=False) if best is None else best


def _thorough(case: Case, column: _Column, best: _Answer, truncated: bool) -> _Answer:
    """The same with conventions that take a fit or many for each number."""
    if case.mle is None or column.group not in THOROUGH:
        return best
    for name, find in THOROUGH[column.group](case):
        left = len(column.stated) - best.explained
        if not left:
            break
        best = _better(column, _tried(case, column, name, find, truncated, left), best)
    return best


def _better(column: _Column, answer: _Answer, best: _Answer | None) -> _Answer:
    """The one that explains more, the first of those that explain as much."""
    if best is None or answer.explained > best.explained or _nearer(column, answer, best):
        return answer
    return best


def _tried(
    case: Case,
    column: _Column,
    name: str,
    find: Finder,
    truncated: bool,
    left: int | None = None,
) -> _Answer:
    """What a convention says of a column.

    Where numbers are dear, `left` is how many another convention leaves: this one is given up when
    it leaves as many, or several and more than it explains.
    """
    values: list[Value | None] = []
    met: list[bool | None] = []
    missed = 0
    for each in column.stated:
        few = missed >= ENOUGH and 2 * missed >= len(met)
        if left is not None and (missed >= left or few):
            values.append(None)
            met.append(False)
        else:
            values.append(_found(case, find, each))
            met.append(_met(case, each, values[-1], truncated))
            missed += met[-1] is False
    return _Answer(name, tuple(values), tuple(met))


def _nearer(column: _Column, one: _Answer, other: _Answer) -> bool:
    """Whether numbers that neither convention explains are rather to be held against one."""
    if one.explained or other.explained:
        return False
    computed = [any(value is not None for value in each.values) for each in (one, other)]
    if column.group not in OF_THE_FIT or not all(computed):
        return computed[0] and not computed[1]
    stated, here, there = column.stated[0].value, one.values[0], other.values[0]
    if here is None or there is None:
        return False
    return abs(stated - here.value) < abs(stated - there.value)


def _found(case: Case, find: Finder, each: Stated) -> Value | None:
    if each.term and each.term not in case.directions:
        return None
    value = find(each)
    return None if value is None or math.isnan(value.value) else value


def _met(case: Case, each: Stated, value: Value | None, truncated: bool) -> bool | None:
    """Whether a number is the value; None where it cannot be judged."""
    if math.isnan(each.value) or (each.term and each.term not in case.directions):
        return None
    if value is not None and math.isinf(value.error):
        return None
    return value is not None and meets(each, value, truncated)


def _follows(case: Case, each: Stated) -> bool | None:
    """Whether a number follows from the coefficient and standard error stated beside it."""
    if not each.term or each.quantity in ("coefficient", "standard error"):
        return None
    value = of_own(case, each)
    return None if value is None else meets(each, value)
