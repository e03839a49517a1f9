"""Which rows were left out, if coefficients are the MLE of the others?

At the MLE of some rows the score of all rows is the sum of the scores of those left out. Sets that
are tried: one, two or three rows; what a filter on one column leaves out; the first or last rows;
duplicates; and the test sets of usual calls of scikit-learn's ``train_test_split``. That finds sets
that may have been left out, and no more: the score of any rows vanishes where their fitted
probabilities are those of the outcomes, which far out is so of all rows with one outcome. So the
rows that are left are fitted, and are a cause where they have an MLE and it is proved to be near.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from flatprior.analysis.explanation.changed_problems import maximum_of
from flatprior.analysis.explanation.discrepancy import EXACT, EXPLAINED, Cause, Discrepancy
from flatprior.analysis.explanation.dropped_rows_in_passes import (
    MOST_HASHED,
    MOST_SENT,
    MOST_SPLIT,
    Left,
    Order,
    cuts as nearest_cuts,
    has_room,
    in_batches,
    levels,
    orders,
    repeated_rows,
    single_row,
    splits,
)
from flatprior.analysis.explanation.scalings import location
from flatprior.models import BernoulliLogistic
from flatprior.models.certificate import evaluate
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import count, printable, rows_phrase
from flatprior.models.covariance.turned import TurnedRows, pieces
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import ArrayRows, Block, MappedRows, as_held, distinct

Rows = NDArray[np.intp]  # positions

MOST_REFITTED, MOST_TRIED = 4, 12
MOST_CUTS = 2  # of each order
DIRECTIONS = 8  # along which sums of scores are looked at before all of them is
SLACK = 1e-6  # relative: of the rounding of sums
FEW = 3  # rows that may have been recoded rather than left out
KINDS = 5  # of sets: cut off, split, one row, two, three
MOST_PAIRS, MOST_TRIPLES = 5000, 300  # rows
CURE = (
    "give both programs the same rows: see what each leaves out by itself (missing values, "
    "duplicates, a filter, the test set of train_test_split)"
)
SPLIT_SEEDS, SPLIT_SHARES = (0, 1, 42, 123, 1234), (0.1, 0.2, 0.25, 0.3, 1 / 3, 0.33, 0.4, 0.5)


def rows_dropped(case: Discrepancy) -> Iterator[Cause]:
    """The score of all rows at b is that of the rows left out."""
    if case.white is None or not (np.isfinite(case.pull).all() and case.measurable):
        return  # numbers so large that nothing can be said of their score
    if not case.model.rows.resident:
        yield from _in_passes(case)
        return
    n, k = case.model.n_rows, len(case.b)
    pull, labels = case.pull, case.model.row_labels
    found: list[tuple[float, Rows, str, float]] = []
    most = _most(case)

    def consider(rows: Rows, text: str, ways: float) -> None:
        if _both_outcomes(case.model, rows):
            gap = float(np.linalg.norm(pull - case.summed(rows)))
            if gap > most:
                return
            chance = math.log(ways) + k * math.log(max(gap, 1e-300))
            found.append((chance, rows, text, ways))

    along = _directions(pull)
    seen = case.scores(slice(None), along)
    for order in _orders(case.model, seen, pull @ along, most):
        few, every = np.cumsum(seen[order.rows], axis=0)[:-1], None
        for head, cuts, text in (
            (True, order.cuts[order.cuts < n // 2], order.first),
            (False, order.cuts[order.cuts >= n - n // 2 - 1], order.last),
        ):
            # no sum is nearer than it is along some directions
            least = np.linalg.norm(few[cuts] - pull @ along if head else few[cuts], axis=1)
            cut = cuts[least <= most]
            if not len(cut):
                continue
            if every is None:
                every = _gaps(case, order.rows, pull)
            gaps = every[0 if head else 1][cut]
            for best in cut[np.argsort(gaps, kind="stable")[:MOST_CUTS]]:
                rows = order.rows[: best + 1] if head else order.rows[best + 1 :]
                consider(rows, text, 2 * (2 * k + 1) * n)
    for rows, text in _splits(case.model):
        if len(rows) <= FEW:  # some split or other leaves out any of the few sets that there are
            text = f"{rows_phrase(labels[rows])}, for example as {text}"
        consider(rows, text, len(SPLIT_SEEDS) * len(SPLIT_SHARES) + 1)
    gaps = [np.linalg.norm(case.scores(some) - pull, axis=1) for some in pieces(n)]
    nearest = int(np.concatenate(gaps).argmin())
    consider(np.array([nearest]), rows_phrase([labels[nearest]]), float(n))
    for size, largest in ((2, MOST_PAIRS), (3, MOST_TRIPLES)):
        if size < n <= largest:
            nearest_set = _nearest_set(case.scores(slice(None)), pull, size, most)
            if nearest_set is not None:
                consider(nearest_set, rows_phrase(labels[nearest_set]), float(n) ** size)
    if not found:
        return
    repeated = 2 * len(distinct(_plain(case.model))[1]) < n
    proved = 0
    for _, rows, text, ways in sorted(found, key=lambda item: item[0])[:MOST_TRIED]:
        left = _distance_without(case, rows)
        if left is None:
            continue
        small = len(rows) <= FEW
        both = small and left <= max(EXACT, case.rounding()) and _recoded_too(case, rows)
        yield _cause(case, len(rows), text, ways, left, repeated, both)
        proved += 1
        if proved == MOST_REFITTED:
            return


def _most(case: Discrepancy) -> float:
    """How far a sum may be from the score of all; rounding of the numbers may have added some."""
    return (EXPLAINED * float(np.linalg.norm(case.pull)) + case.rounding()) * (1 + SLACK)


def _cause(
    case: Discrepancy,
    n_left: int,
    text: str,
    ways: float,
    left: float,
    repeated: bool | None,
    recoded: bool,
) -> Cause:
    """That rows were left out: whether most repeat another, and whether recoding them fits too.

    Where nobody looked whether they do, `repeated` is None.
    """
    detail = f"these are the MLE without {count(n_left, 'row')}: {text}"
    if repeated:  # other rows are the same, and sums of a few values often coincide
        detail += ", or rows that are identical to them"
    elif repeated is None:
        detail += " (or rows that are identical to them, if there are some)"
    if recoded:
        detail += "; or with all rows, but the other outcome there"
    certain = EXACT if repeated is False and not recoded else -1.0
    k = len(case.b)
    return case.cause("rows dropped", detail, left, KINDS * ways, k, cure=CURE, most=certain)


def _in_passes(case: Discrepancy) -> Iterator[Cause]:
    """The same of rows that are not in memory; of pairs and triples they are too many."""
    n, k, most, rows = case.model.n_rows, len(case.b), _most(case), case.model.rows
    if rows.too_large_to_write_out:
        case.untried.append("rows left out, because a fit without them would take hours")
        return
    every, ways = orders(case), float(len(SPLIT_SEEDS) * len(SPLIT_SHARES) + 1)
    tasks: list[Callable[[], list[Left]]] = [lambda: [single_row(case)], lambda: levels(case)]
    most_known = MOST_SPLIT if in_batches(case).at_hand else MOST_SENT
    if n <= most_known:
        tasks.append(lambda: splits(case, SPLIT_SEEDS, SPLIT_SHARES))
    else:
        case.untried.append(f"test sets that were left out of more than {most_known} rows")
    different: list[int] = []  # where nobody knows
    if n <= min(MOST_HASHED, most_known):
        tasks.append(lambda: _repeated(case, ways, different))
    else:
        most_known = min(MOST_HASHED, most_known)
        case.untried.append(f"repeated rows that were left out of more than {most_known}")
    if has_room(every, k):
        tasks.append(lambda: _cuts(case, every, most))
    else:
        case.untried.append("rows that a filter left out, because there are too many columns")
    if n <= MOST_PAIRS:
        case.untried.append("two or three rows left out, which are held against one another")
    events = int(case.by_outcome.rows[1])
    found = [
        (math.log(left.ways) + k * math.log(max(left.gap, 1e-300)), left)
        for some in case.at_once(tasks)
        for left in some
        if left.gap <= most and 0 < events - left.n_events < n - left.n_rows
    ]
    found = sorted(found, key=lambda item: item[0])[:MOST_TRIED]
    repeated, proved = 2 * different[0] < n if different else None, 0
    for start in range(0, len(found), MOST_REFITTED):
        some = [left for _, left in found[start : start + MOST_REFITTED]]
        without = case.at_once([partial(_distance_in_passes, case, left) for left in some])
        for left, distance in zip(some, without, strict=True):
            if distance is None or proved == MOST_REFITTED:
                continue
            few = left.n_rows <= FEW and distance <= max(EXACT, case.rounding())
            recoded = few and _recoded_in_passes(case, left)
            yield _cause(case, left.n_rows, left.text, left.ways, distance, repeated, recoded)
            proved += 1
        if proved == MOST_REFITTED:
            return


def _repeated(case: Discrepancy, ways: float, different: list[int]) -> list[Left]:
    found, number = repeated_rows(case, ways)
    different.append(number)
    return found


def _cuts(case: Discrepancy, every: list[Order], most: float) -> list[Left]:
    found, all_of_them = nearest_cuts(case, every, most, MOST_CUTS)
    if not all_of_them:
        case.untried.append("some of the rows that a filter may have left out, of too many")
    return found


def _distance_in_passes(case: Discrepancy, left: Left) -> float | None:
    """Of b from the MLE of the rows that are left; None if they are not proved to have one."""
    numbered, within = in_batches(case).with_numbers, left.within

    def others(block: Block) -> Block:
        return block.select(~within(block))

    start = case.whitened(case.mle.coefficients)
    rows = TurnedRows(rows=MappedRows(as_held(numbered), others), root=case.root)
    found = maximum_of(replace(rows, before=case.rows), start)
    if found is None:
        return None
    estimate = case.unwhitened(found)
    # the same with every rounding error counted in
    if not math.isfinite(evaluate(MappedRows(numbered, others), estimate).certificate.error_bound):
        return None
    return case.length(case.b - estimate)


def _recoded_in_passes(case: Discrepancy, left: Left) -> bool:
    within = left.within

    def recoded(block: Block) -> Block:
        return block._replace(sign=np.where(within(block), -block.sign, block.sign))

    rows = TurnedRows(
        rows=MappedRows(as_held(in_batches(case).with_numbers), recoded), root=case.root
    )
    found = maximum_of(replace(rows, before=case.rows), case.whitened(case.mle.coefficients))
    if found is None:
        return False
    return case.length(case.b - case.unwhitened(found)) <= max(EXACT, case.rounding())


def _both_outcomes(model: BernoulliLogistic, rows: Rows) -> bool:
    """Whether both are among the rows that are left without `rows`."""
    events = int(model.response.sum()) - int(model.response[rows].sum())
    return 0 < events < model.n_rows - len(rows)


def _distance_without(case: Discrepancy, rows: Rows) -> float | None:
    """Of b from the MLE of the rows that are left; None if they are not proved to have one."""
    kept = np.ones(case.model.n_rows, dtype=bool)
    kept[rows] = False
    start = case.whitened(case.mle.coefficients)
    found = maximum_of(case.rows.changed(lambda block: block.select(kept)), start)
    if found is None:
        return None
    estimate, part = case.unwhitened(found), case.model.arrays.select(kept)
    # the same with every rounding error counted in
    if not math.isfinite(evaluate(part, estimate).certificate.error_bound):
        return None
    return case.length(case.b - estimate)


def _recoded_too(case: Discrepancy, rows: Rows) -> bool:
    """Whether the opposite outcomes of `rows` would explain b as well as leaving them out.

    So it is where a row has a fitted probability of 0 or 1, and its outcome was the other.
    """

    def recoded(block: Block) -> Block:
        sign = block.sign.copy()
        sign[rows] *= -1
        return block._replace(sign=sign)

    found = maximum_of(case.rows.changed(recoded), case.whitened(case.mle.coefficients))
    if found is None:
        return False
    return case.length(case.b - case.unwhitened(found)) <= max(EXACT, case.rounding())


def _directions(pull: Array) -> Array:
    """That of the score and some others, orthonormal, (k, m)."""
    m = min(DIRECTIONS, len(pull))
    turned = np.random.default_rng(0).normal(size=(len(pull), m))
    turned[:, 0] = pull / (np.abs(pull).max() or 1.0)
    return np.asarray(np.linalg.qr(turned)[0])


def _nearest_set(scores: Array, pull: Array, size: int, most: float = math.inf) -> Rows | None:
    """The pair or triple of rows whose scores sum to nearest `pull`, no farther than `most`."""
    # squares of scores far out overflow, and then no row is near another
    power = np.exp2(-np.frexp(max(np.abs(scores).max(), np.abs(pull).max()))[1])
    scores, pull = scores * power, pull * power
    n, tree = len(scores), KDTree(scores)
    first = np.array(list(itertools.combinations(range(n), size - 1)))
    found = tree.query(pull - scores[first].sum(axis=1), distance_upper_bound=most * power)
    distances, nearest = np.asarray(found[0]), np.asarray(found[1])
    distances[(first == nearest[:, None]).any(axis=1)] = np.inf
    best = int(np.argmin(distances))
    if not math.isfinite(distances[best]):
        return None
    return np.array(sorted([*first[best], nearest[best]]))


class _Order(NamedTuple):
    """Rows in an order in which a filter would cut off the first or the last of them.

    At most half of the rows are cut off, and none of those with equal values alone.
    """

    rows: Rows
    cuts: Rows  # the last position before each possible cut
    first: str
    last: str


def _plain(model: BernoulliLogistic) -> ArrayRows:
    """The rows without what is not of the design or the response."""
    design = model.arrays.design
    held = isinstance(design, Structured)
    return ArrayRows(design if held else model.design, model.response)


def _gaps(case: Discrepancy, rows: Rows, pull: Array) -> tuple[Array, Array]:
    """Lengths of sums over the first of these rows, 1, 2, ... of them: less `pull`, and as is."""
    total, gaps = np.zeros(len(pull)), np.empty((2, len(rows)))
    for some in pieces(len(rows)):
        sums = np.cumsum(case.scores(rows[some]), axis=0) + total
        total = sums[-1]
        gaps[:, some] = np.linalg.norm([sums - pull, sums], axis=2)
    return gaps[0], gaps[1]


def _orders(model: BernoulliLogistic, seen: Array, pull: Array, most: float) -> Iterator[_Order]:
    """Those in which some sum of scores may be near the whole, as some directions show.

    `seen` (n, m) are the scores along them, and `pull` (m,) that of all rows. Of an indicator there
    is one cut: the sums of its rows and of the others say whether it is worth looking at.
    """
    n = model.n_rows
    design = model.arrays.design
    indicators = np.zeros(model.n_parameters, dtype=bool)
    if isinstance(design, Structured):
        for factor in design.factors:
            indicators[factor.columns[factor.columns >= 0]] = True
        inside = seen.T @ design
        least = np.minimum(
            np.linalg.norm(inside - pull[:, None], axis=0), np.linalg.norm(inside, axis=0)
        )
        indicators &= least > most * (1 + SLACK)
    yield _Order(np.arange(n), np.arange(n - 1), "the first", "the last")
    center, scale = location(model)
    for j, name in enumerate(map(printable, model.names)):
        if scale[j] == 0 or indicators[j]:
            continue
        column, far = design[:, j], f"those whose distance from the mean {name} is"
        for values, first, last in (
            (column, f"those with the lowest {name}", f"those with the highest {name}"),
            (np.abs(column - center[j]), f"{far} lowest", f"{far} highest"),
        ):
            order = np.argsort(values, kind="stable")
            yield _Order(order, np.flatnonzero(np.diff(values[order])), first, last)


def _splits(model: BernoulliLogistic) -> Iterator[tuple[Rows, str]]:
    """Duplicates, and the test sets of usual calls of scikit-learn's ``train_test_split``."""
    again = np.setdiff1d(np.arange(model.n_rows), distinct(_plain(model))[1])
    if len(again):
        yield again, "those that repeat another"
    if model.n_rows < 10:
        return
    for seed in SPLIT_SEEDS:
        shuffled = np.random.RandomState(seed).permutation(model.n_rows)
        for share in SPLIT_SHARES:
            call = f"train_test_split(test_size={share:.2g}, random_state={seed})"
            yield shuffled[: math.ceil(share * model.n_rows)], f"the test set of {call}"
