"""Levels in which one outcome only was observed: what separates nearly all real data.

The indicator of such a level separates its rows, whatever the other columns, and so does a sparse
column whose sign is that of the outcome wherever it is not 0: a word of events only. These rows go
first, then what does so among the rows that are left, until nothing changes. What is left is
fitted: if its MLE exists, nothing else separates. All of it is counting, and exact.

Sparse columns are counted as the levels of one more factor, of which a row may have several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models.codes.basis import Basis
from flatprior.models.codes.judgement import evaluation_of
from flatprior.models.codes.newton import (
    Fit,
    columns_are_independent,
    facts_of,
    fit_as_held,
)
from flatprior.models.codes.passes import SumsInBatches, sums_of
from flatprior.models.codes.sums import Sums
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import count, first_of, whole
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.existence.messages import ALLOWED, ELSEWHERE, SeparatedRows
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, Limit
from flatprior.models.rows import ArrayRows, Rows, entries

Alive = NDArray[np.bool_]  # (L,)
Counts = NDArray[np.intp]  # (2, L)
ONES, ZEROS = 1.0, -1.0
EXACT_BITS = 52  # of whole numbers in a direction


@dataclass(frozen=True, eq=False)
class Peeled:
    """Levels that separate their rows.

    Attributes
    ----------
    levels : tuple of (int, int, float, int)
        Factor, level, +1 where all its rows are events and -1 where none is, and in which round; of
        a sparse column, +1 where its sign is that of the outcome, and -1 where it is the opposite.
    alive : tuple of ndarray of bool (L,)
        The levels of each factor that are in the rows that are left, and so the sparse columns.
    """

    levels: tuple[tuple[int, int, float, int], ...]
    alive: tuple[Alive, ...]

    def left(self, design: Structured) -> NDArray[np.bool_]:
        """The rows that are in none of them, (n,)."""
        return in_none(design, self.alive)


def in_none(design: Structured, alive: Sequence[Alive]) -> NDArray[np.bool_]:
    """The rows all of whose levels are `alive`, (n,)."""
    left = np.ones(design.shape[0], dtype=bool)
    for codes, there in _each(design, alive):
        left &= there[codes]
    if design.sparse is not None:
        row, column, _ = entries(design.sparse)
        left[row[~alive[-1][column]]] = False
    return left


def _each(
    design: Structured, of_factors: Sequence[NDArray[Any]]
) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Codes, and what is given of the levels, of each factor that has any."""
    for factor, given in zip(design.factors, of_factors, strict=False):
        if factor.n_levels:
            yield factor.codes, given


def counts(design: Structured, happened: NDArray[np.bool_], alive: Sequence[Alive]) -> list[Counts]:
    """Rows and events of each level, (2, L) for each factor, where all levels are `alive`.

    Of sparse columns, rows in which they are not 0, and those in which the sign is the outcome's.
    """
    left = in_none(design, alive)
    found = [
        np.array(
            [
                np.bincount(f.codes[some], minlength=f.n_levels)[: f.n_levels]
                for some in (left, left & happened)
            ]
        )
        for f in design.factors
    ]
    if design.sparse is not None:
        row, column, value = entries(design.sparse)
        own, upwards = left[row], (value > 0) == happened[row]
        size = design.sparse.shape[1]
        found.append(
            np.array([np.bincount(column[some], minlength=size) for some in (own, own & upwards)])
        )
    return found


def peel(design: Structured, response: Array) -> Peeled | None:
    """Take away levels with one outcome until there are none; None where that takes very long."""
    happened = response == 1
    return peeled_by(design, lambda alive: counts(design, happened, alive))


def peeled_by(
    design: Structured, count_left: Callable[[Sequence[Alive]], list[Counts]]
) -> Peeled | None:
    """The same, with what counts rows and events of levels where all levels are alive."""
    alive = [np.ones(factor.n_levels, dtype=bool) for factor in design.factors]
    if design.sparse is not None:
        alive.append(np.ones(design.sparse.shape[1], dtype=bool))
    constant = _has_constant(design)
    found: list[tuple[int, int, float, int]] = []
    for stage in range(EXACT_BITS // _base(design).bit_length()):
        here: list[tuple[int, int, float, int]] = []
        counted = count_left(alive)
        for f, (rows, events) in enumerate(counted):
            one = (rows > 0) & ((events == 0) | (events == rows))
            columns = _columns(design, f)
            # cells without an indicator of their own, or a reference level without a constant
            if (columns < 0).sum() > 1 or not constant:
                one &= columns >= 0
            here += [
                (f, int(level), ONES if events[level] else ZEROS, stage)
                for level in np.flatnonzero(one)
            ]
            alive[f] = alive[f] & ~one
        if not here:
            return Peeled(tuple(found), tuple(rows > 0 for rows, _ in counted))
        found += here
    return None


def _has_constant(design: Structured) -> bool:
    """Whether the ones are a combination of the columns of a design as `Basis` has it."""
    return all(factor.n_levels for factor in design.factors)


def _columns(design: Structured, f: int) -> NDArray[np.intp]:
    """The column of each level of a factor, or the sparse ones."""
    return design.factors[f].columns if f < len(design.factors) else design.sparse_places


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
    if whole.basis.contrasted:  # levels whose columns are other ones' too
        plain = replace(whole.rows.design, contrasted=())
        return separated_by_levels(replace(model, rows=replace(whole.rows, design=plain)))
    rows, design = whole.rows, whole.basis.design
    peeled = peel(design, rows.response)
    if peeled is None or not peeled.levels:
        return None
    left = peeled.left(design)
    if not left.any():
        return None
    if not columns_are_independent(whole):  # though those of what is left may be
        return None
    rest = Rest.of(design, peeled.alive)
    part = rows.select(left)
    sums = sums_of(replace(part, design=rest.design(design[left])))
    last = None if sums is None else fit_as_held(sums)
    if last is None:
        return None
    direction = direction_as_held(rows, whole.basis, peeled)
    if direction is None:
        return None
    positions = np.flatnonzero(~left)
    separated = SeparatedRows(len(positions), model.n_rows, tuple(model.row_labels[positions]))
    going = going_of(whole.basis, peeled, tied(design, peeled.alive))
    outcomes = outcomes_of(design, rows.response == 1, peeled)
    verdict = verdict_of(
        model, whole.basis, peeled, going, (rest, last), separated, direction, outcomes
    )
    return replace(verdict, separated_rows=tuple(positions.tolist()))


def verdict_of(
    model: BernoulliLogistic,
    basis: Basis,
    peeled: Peeled,
    going: dict[int, str],
    fitted: tuple[Rest, Fit],
    separated: SeparatedRows,
    direction: Array,
    outcomes: Counts | None,
) -> Existence:
    """What is said of levels that separate, by that direction, and of the fit of the rest.

    For `outcomes` see `outcomes_of`.
    """
    rest, last = fitted
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
    return Existence(
        kind="quasi-complete separation",
        message=_message(model, basis.design, peeled, separated, outcomes),
        coefficients={name: going.get(j) or "finite" for j, name in enumerate(model.names)},
        direction=np.asarray(direction / np.abs(direction).max()),
        separated_labels=tuple(separated.labels),
        n_separated=separated.n,
        limit=limit,
    )


@dataclass(frozen=True, eq=False)
class Rest:
    """Columns of the levels that are left.

    Attributes
    ----------
    place : dict
        Column of the whole design to that among these.
    columns, codes : tuple of ndarray
        Of each factor, the column of each level that is left, and which of these each level is.
    sparse : ndarray of int
        Which of the sparse columns are left.
    """

    place: dict[int, int]
    columns: tuple[NDArray[np.intp], ...]
    codes: tuple[NDArray[np.int32], ...]
    sparse: NDArray[np.intp]

    @classmethod
    def of(cls, design: Structured, alive: Sequence[Alive]) -> Rest:
        """Of a design, of whose factors these levels are left."""
        sparse = np.flatnonzero(alive[-1] if design.sparse is not None else [])
        kept, each, codes = [*design.places, *design.sparse_places[sparse]], [], []
        for factor, there in zip(design.factors, alive, strict=False):
            columns = factor.columns[there].copy()
            gone = (factor.columns < 0).sum() == 1 and (columns >= 0).all()
            if gone and len(columns) and _has_constant(design):
                columns[0] = -1  # the reference level has gone: another one takes its place
            code = np.zeros(factor.n_levels, dtype=np.int32)
            code[there] = np.arange(len(columns), dtype=np.int32)
            codes.append(code)
            each.append(columns)
            kept += [j for j in columns if j >= 0]
        place = {int(j): i for i, j in enumerate(sorted(kept))}
        moved = tuple(_places(place, columns) for columns in each)
        return cls(place, moved, tuple(codes), sparse)

    def design(self, design: Structured) -> Structured:
        """The design of rows that are left."""
        parts = zip(design.factors, self.codes, self.columns, strict=True)
        found = Structured(
            design.numbers,
            _places(self.place, design.places),
            tuple(Factor(code[f.codes], columns) for f, code, columns in parts if len(code)),
        )
        if design.sparse is None or not len(self.sparse):
            return found
        sparse: Any = design.sparse[:, self.sparse]
        return found.beside(sparse, _places(self.place, design.sparse_places[self.sparse]))


def _places(place: dict[int, int], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.array([place.get(int(j), -1) for j in columns], dtype=np.intp)


def _moved(basis: Basis, f: int, level: int) -> Iterator[tuple[int, float]]:
    """Columns that move, and which way, when the intercept of a level does."""
    design = basis.design
    column = int(_columns(design, f)[level])
    if column >= 0:
        yield column, 1.0
        return
    factor = design.factors[f]
    if (factor.columns < 0).sum() > 1 or not _has_constant(design):
        return
    for j in factor.columns[factor.columns >= 0]:
        yield int(j), -1.0
    constant = basis.levels.columns if basis.constant is None else design.places[[basis.constant]]
    for j in constant:
        yield int(j), 1.0


def tied(design: Structured, alive: Sequence[Alive]) -> list[NDArray[np.bool_]]:
    """Which levels some row ties to one way: one that is in no other level that goes."""
    elsewhere = np.zeros(design.shape[0], dtype=np.intp)
    for codes, there in _each(design, alive):
        elsewhere += ~there[codes]
    if design.sparse is not None:
        row, column, _ = entries(design.sparse)
        gone = row[~alive[-1][column]]
        elsewhere += np.bincount(gone, minlength=len(elsewhere))
    found = [np.bincount(f.codes[elsewhere == 1], minlength=f.n_levels) > 0 for f in design.factors]
    if design.sparse is not None:
        found.append(np.bincount(column[elsewhere[row] == 1], minlength=len(alive[-1])) > 0)
    return found


def going_of(basis: Basis, peeled: Peeled, ties: Sequence[NDArray[np.bool_]]) -> dict[int, str]:
    """Where the coefficients go that do not stay finite, by their column.

    What no row ties may go either way.
    """
    signs: dict[int, set[float]] = {}
    ways = {(f, level): sign for f, level, sign, _ in peeled.levels}
    for f, alive in enumerate(peeled.alive):
        for level in np.flatnonzero(~alive):
            way = ways.get((f, int(level)))
            both = {ONES, ZEROS} if way is None or not ties[f][level] else {way}
            for j, turned in _moved(basis, f, int(level)):
                signs.setdefault(j, set()).update(turned * sign for sign in both)
    words = {ONES: "+inf", ZEROS: "-inf"}
    return {
        j: words[next(iter(found))] if len(found) == 1 else "undetermined"
        for j, found in signs.items()
    }


def direction_of(basis: Basis, peeled: Peeled) -> Array:
    """A direction (k,) that separates the rows of all these levels: earlier rounds outweigh.

    Of whole numbers, so that its products with indicators are exact.
    """
    direction = np.zeros(basis.design.shape[1])
    last = max(stage for *_, stage in peeled.levels)
    for f, level, sign, stage in peeled.levels:
        size = sign * float(_base(basis.design)) ** (last - stage)
        for j, turned in _moved(basis, f, level):
            direction[j] += turned * size
    return direction


def direction_as_held(rows: ArrayRows, basis: Basis, peeled: Peeled) -> Array | None:
    """The same of rows that are there, whose sparse columns are of any size.

    None where rounding hides it.
    """
    rounds = rounds_of(basis.design, peeled)

    def worst(stage: int, further: Array, direction: Array) -> float:
        own = rounds == stage
        return outweighed(rows.design[own], rows.sign[own], further, direction)

    direction = direction_by(basis, peeled, worst)
    if direction is None:
        return None
    margins = rows.sign * rows.design.predictor(direction)
    left = rounds == EXACT_BITS
    # sums of whole numbers times powers of two: exact, unless they are of very different sizes
    if not ((margins[~left] > 0).all() and (margins[left] == 0).all()):
        return None
    return direction


def direction_by(
    basis: Basis, peeled: Peeled, worst: Callable[[int, Array, Array], float]
) -> Array | None:
    """The same, by what is `outweighed` in the rows of a round by the direction of later ones.

    None where the direction of a round does not separate its rows.
    """
    direction = np.zeros(basis.design.shape[1])
    last = max(stage for *_, stage in peeled.levels)
    for stage in range(last, -1, -1):
        here = tuple(each for each in peeled.levels if each[-1] == stage)
        further = direction_of(basis, replace(peeled, levels=here))
        times = max(1.0, 2 * worst(stage, further, direction))
        if not math.isfinite(times):
            return None
        weight = max(
            float(_base(basis.design)) ** (last - stage), 2.0 ** math.ceil(math.log2(times))
        )
        direction += weight * further
    return direction


def outweighed(design: Any, sign: Array, further: Array, direction: Array) -> float:
    """How many times what rows gain in a direction they lose in another one, at most.

    Infinite where some gain nothing.
    """
    gained, lost = (sign * (design @ each) for each in (further, direction))
    if not (gained > 0).all():
        return math.inf
    return float((-lost / gained).max(initial=0.0))


def rounds_of(design: Structured, peeled: Peeled) -> NDArray[np.intp]:
    """In which round each row was taken away, (n,); `EXACT_BITS` for those that are left."""
    stages = [np.full(len(alive), EXACT_BITS, dtype=np.intp) for alive in peeled.alive]
    for f, level, _, stage in peeled.levels:
        stages[f][level] = stage
    rounds = np.full(design.shape[0], EXACT_BITS, dtype=np.intp)
    for codes, of_levels in _each(design, stages):
        np.minimum(rounds, of_levels[codes], out=rounds)
    if design.sparse is not None:
        row, column, _ = entries(design.sparse)
        np.minimum.at(rounds, row, stages[-1][column])
    return rounds


def _base(design: Structured) -> int:
    """By how much a round outweighs all that come after it: a power of two."""
    return int(2 ** len(design.factors).bit_length())


def _message(
    model: BernoulliLogistic,
    design: Structured,
    peeled: Peeled,
    separated: SeparatedRows,
    outcomes: Counts | None,
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
    of_factors = bool(parts)
    for before, columns in _by_outcome(design, peeled, outcomes).items():
        if columns:
            named = first_of(repr(model.names[design.sparse_places[j]]) for j in columns)
            what, are = count(len(columns), "column"), "is" if len(columns) == 1 else "are"
            parts.append(f"{before} wherever {what} {are} not 0 ({named})")
    remedy = "merge these levels with others, or leave their rows out,"
    if any(f == len(design.factors) for f, *_ in peeled.levels):
        remedy = f"{'merge these levels with others, or ' * of_factors}leave these columns out,"
    response = repr(model.response_name)
    if model.event is not None:
        response += f" ({model.response_coding})"
    again = any(stage for *_, stage in peeled.levels)
    also = ", once the rows of the others are taken away" if again else ""
    n, labels = separated.n, separated.labels
    rows = f"{whole(n)} of {whole(separated.n_rows)} rows: {first_of(labels, n)}"
    return (
        f"the maximum likelihood estimate does not exist (quasi-complete separation): {response} "
        f"is {'; '.join(parts)}{also} ({rows}); "
        f"{ELSEWHERE}; or {remedy} {ALLOWED}"
    )


def outcomes_of(design: Structured, happened: NDArray[np.bool_], peeled: Peeled) -> Counts | None:
    """Rows and events where each sparse column is not 0, (2, s), in those that it may separate.

    These are the rows that were not taken away before; None without such columns.
    """
    if design.sparse is None:
        return None
    row, column, _ = entries(design.sparse)
    stages = _stages(design, peeled)
    then = rounds_of(design, peeled)[row] >= stages[column]
    some = (then, then & happened[row])
    return np.array([np.bincount(column[each], minlength=len(stages)) for each in some])


def _stages(design: Structured, peeled: Peeled) -> NDArray[np.intp]:
    """In which round each sparse column was taken away, (s,); `EXACT_BITS` if it was not."""
    stages = np.full(len(design.sparse_places), EXACT_BITS, dtype=np.intp)
    for f, j, _, stage in peeled.levels:
        if f == len(design.factors):
            stages[j] = stage
    return stages


def _by_outcome(
    design: Structured, peeled: Peeled, outcomes: Counts | None
) -> dict[str, list[int]]:
    """Sparse columns that separate, by what the response is where they are not 0."""
    found: dict[str, list[int]] = {"0": [], "1": [], "told by the sign": []}
    if outcomes is None:
        return found
    rows, events = outcomes
    for j in np.flatnonzero(_stages(design, peeled) < EXACT_BITS).tolist():
        kind = "0" if not events[j] else "1" if events[j] == rows[j] else "told by the sign"
        found[kind].append(j)
    return found


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
