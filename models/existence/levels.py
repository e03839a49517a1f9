"""Levels in which one outcome only was observed: what separates nearly all real data.

The indicator of such a level separates its rows, whatever the other columns; so these rows go
first, then levels that have one outcome among the rows that are left, until nothing changes. What
is left is fitted: if its MLE exists, nothing else separates. All of it is counting, and exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flatprior.models.codes.basis import Basis
from flatprior.models.codes.judgement import evaluation_of
from flatprior.models.codes.newton import columns_are_independent, facts_of, fit_as_held
from flatprior.models.codes.passes import SumsInBatches, sums_of
from flatprior.models.codes.sums import Sums
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import count, first_of
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.existence.messages import ELSEWHERE
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, Limit
from flatprior.models.rows import ArrayRows, Rows

ONES, ZEROS = 1.0, -1.0
EXACT_BITS = 52  # of whole numbers in a direction


@dataclass(frozen=True, eq=False)
class Peeled:
    """Levels that separate their rows.

    Attributes
    ----------
    levels : tuple of (int, int, float, int)
        Factor, level, +1 where all its rows are events and -1 where none is, and in which round.
    left : ndarray of bool (n,)
        The rows that are in none of them.
    """

    levels: tuple[tuple[int, int, float, int], ...]
    left: NDArray[np.bool_]


def peel(design: Structured, response: Array) -> Peeled | None:
    """Take away levels with one outcome until there are none; None where that takes very long."""
    left = np.ones(len(response), dtype=bool)
    found: list[tuple[int, int, float, int]] = []
    for stage in range(EXACT_BITS // _base(design).bit_length()):
        here: list[tuple[int, int, float, int]] = []
        before = left.copy()
        for f, factor in enumerate(design.factors):
            codes, outcomes = factor.codes[before], response[before]
            rows = np.bincount(codes, minlength=factor.n_levels)
            events = np.bincount(codes, outcomes, factor.n_levels)
            one = (rows > 0) & ((events == 0) | (events == rows))
            if (factor.columns < 0).sum() > 1:  # cells without an indicator of their own
                one &= factor.columns >= 0
            here += [
                (f, int(level), ONES if events[level] else ZEROS, stage)
                for level in np.flatnonzero(one)
            ]
            left &= ~one[factor.codes]
        if not here:
            return Peeled(tuple(found), left)
        found += here
    return None


def has_levels_of_one_outcome(rows: Rows) -> bool:
    """Whether there is a level of which one outcome only was observed."""
    if not isinstance(rows, ArrayRows):
        sums = sums_of(rows)
        return isinstance(sums, SumsInBatches) and facts_of(sums).has_levels_of_one_outcome
    peeled = peel(rows.design, rows.response)
    return peeled is None or bool(peeled.levels)


def separated_by_levels(model: BernoulliLogistic) -> Existence | None:
    """The verdict where levels separate and the rest does not; None where this is not all."""
    whole = sums_of(model.rows)
    if not isinstance(whole, Sums):
        return None
    rows, design = whole.rows, whole.basis.design
    peeled = peel(design, rows.response)
    if peeled is None or not peeled.levels or not peeled.left.any():
        return None
    if not columns_are_independent(whole):  # though those of what is left may be
        return None
    rest = _rest(rows, peeled)
    sums = sums_of(rest.rows)
    last = None if sums is None else fit_as_held(sums)
    if last is None:
        return None
    going = _going(whole.basis, peeled)
    found = evaluation_of(last)
    errors = np.sqrt(found.covariance.diagonal())
    finite = [j for j, name in enumerate(model.names) if going.get(j) is None]
    shown = [j for j in finite if j in rest.place]
    places = [rest.place[j] for j in shown]
    limit = Limit(
        names=tuple(model.names[j] for j in shown),
        coefficients=last.beta[places],
        standard_errors=errors[places],
        log_likelihood=found.log_likelihood,
        error_bound=found.certificate.error_bound,
    )
    positions = np.flatnonzero(~peeled.left)
    labels = tuple(model.row_labels[positions])
    return Existence(
        kind="quasi-complete separation",
        message=_message(model, design, peeled, labels),
        coefficients={name: going.get(j) or "finite" for j, name in enumerate(model.names)},
        direction=_direction(rows, whole.basis, peeled),
        separated_rows=tuple(positions.tolist()),
        separated_labels=labels,
        n_separated=len(positions),
        limit=limit,
    )


@dataclass(frozen=True, eq=False)
class _Rest:
    """The rows that are left, in columns of the levels that are; and where each column went."""

    rows: ArrayRows
    place: dict[int, int]


def _rest(rows: ArrayRows, peeled: Peeled) -> _Rest:
    design: Structured = rows.design[peeled.left]
    kept, factors = [int(j) for j in design.places], []
    for factor in design.factors:
        there = np.flatnonzero(np.bincount(factor.codes, minlength=factor.n_levels))
        columns = factor.columns[there].copy()
        if (factor.columns < 0).sum() == 1 and (columns >= 0).all():
            columns[0] = -1  # the reference level has gone: another one takes its place
        codes = np.zeros(factor.n_levels, dtype=np.int32)
        codes[there] = np.arange(len(there), dtype=np.int32)
        factors.append(Factor(codes[factor.codes], columns))
        kept += [int(j) for j in columns if j >= 0]
    place = {j: i for i, j in enumerate(sorted(kept))}
    found = Structured(
        design.numbers,
        np.array([place[int(j)] for j in design.places], dtype=np.intp),
        tuple(
            replace(f, columns=np.array([place.get(int(j), -1) for j in f.columns], dtype=np.intp))
            for f in factors
        ),
    )
    part = rows.select(peeled.left)
    return _Rest(replace(part, design=found), place)


def _moved(basis: Basis, f: int, level: int) -> Iterator[tuple[int, float]]:
    """Columns that move, and which way, when the intercept of a level does."""
    design = basis.design
    factor = design.factors[f]
    if factor.columns[level] >= 0:
        yield int(factor.columns[level]), 1.0
        return
    if (factor.columns < 0).sum() > 1:
        return
    for j in factor.columns[factor.columns >= 0]:
        yield int(j), -1.0
    constant = basis.levels.columns if basis.constant is None else design.places[[basis.constant]]
    for j in constant:
        yield int(j), 1.0


def _going(basis: Basis, peeled: Peeled) -> dict[int, str]:
    """Where the coefficients go that do not stay finite, by their column.

    A row that is in no other level that goes ties its level's intercept to one way. What no such
    row ties may go either way.
    """
    design = basis.design
    alive = [np.bincount(f.codes[peeled.left], minlength=f.n_levels) > 0 for f in design.factors]
    elsewhere = np.zeros(len(peeled.left), dtype=np.intp)
    for factor, there in zip(design.factors, alive, strict=True):
        elsewhere += ~there[factor.codes]
    signs: dict[int, set[float]] = {}
    ways = {(f, level): sign for f, level, sign, _ in peeled.levels}
    for f, factor in enumerate(design.factors):
        tied = np.bincount(factor.codes[elsewhere == 1], minlength=factor.n_levels) > 0
        for level in np.flatnonzero(~alive[f]):
            way = ways.get((f, int(level)))
            both = {ONES, ZEROS} if way is None or not tied[level] else {way}
            for j, turned in _moved(basis, f, int(level)):
                signs.setdefault(j, set()).update(turned * sign for sign in both)
    words = {ONES: "+inf", ZEROS: "-inf"}
    return {
        j: words[next(iter(found))] if len(found) == 1 else "undetermined"
        for j, found in signs.items()
    }


def _direction(rows: ArrayRows, basis: Basis, peeled: Peeled) -> Array:
    """A direction (k,) that separates the rows of all these levels: earlier rounds outweigh."""
    design = basis.design
    direction = np.zeros(design.shape[1])
    last = max(stage for *_, stage in peeled.levels)
    for f, level, sign, stage in peeled.levels:
        size = sign * float(_base(design)) ** (last - stage)
        for j, turned in _moved(basis, f, level):
            direction[j] += turned * size
    margins = rows.sign * design.predictor(direction)  # sums of whole numbers: exact
    assert (margins[~peeled.left] > 0).all()  # noqa: S101
    assert (margins[peeled.left] == 0).all()  # noqa: S101
    return np.asarray(direction / np.abs(direction).max())


def _base(design: Structured) -> int:
    """By how much a round outweighs all that come after it: a power of two."""
    return int(2 ** len(design.factors).bit_length())


def _message(
    model: BernoulliLogistic, design: Structured, peeled: Peeled, labels: tuple[object, ...]
) -> str:
    """Name the levels, no more than fit a few lines."""
    parts: list[str] = []
    for f, factor in enumerate(design.factors):
        for sign, outcome in ((ZEROS, 0), (ONES, 1)):
            here = [level for g, level, way, _ in peeled.levels if (g, way) == (f, sign)]
            if here:
                named = first_of(repr(factor.label(level)) for level in sorted(here))
                what = count(len(here), "level")
                parts.append(f"{outcome} in every row of {what} of {factor.name!r} ({named})")
    response = repr(model.response_name)
    if model.event is not None:
        response += f" ({model.response_coding})"
    again = any(stage for *_, stage in peeled.levels)
    also = ", once the rows of the others are taken away" if again else ""
    rows = f"{len(labels)} of {model.n_rows} rows: {first_of(labels, len(labels))}"
    return (
        f"the maximum likelihood estimate does not exist (quasi-complete separation): {response} "
        f"is {'; '.join(parts)}{also} ({rows}); merge these levels with others, leave their rows "
        f"out, or {ELSEWHERE}"
    )


def overlaps_as_held(rows: ArrayRows) -> bool:
    """Whether Newton's method proves that the MLE exists, with factors held as codes."""
    plain = replace(rows, offset=None, weights=None, groups=None)
    sums = sums_of(plain)
    return sums is not None and fit_as_held(sums) is not None


def too_large(model: BernoulliLogistic) -> Existence:
    """The verdict where more would have to be tried than there is room for."""
    return Existence(
        kind="undecided",
        message=(
            "it is undecided whether the maximum likelihood estimate exists: Newton's method did "
            "not prove it, no level has one outcome only, and the design, "
            f"{model.n_rows} rows of {model.n_parameters} columns, is too large to be written out "
            "for more; leave out columns that are combinations of others, or merge levels"
        ),
        coefficients={},
    )
