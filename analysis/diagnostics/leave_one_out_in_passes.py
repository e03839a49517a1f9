r"""Exact leave-one-out of rows that are not in memory.

What the first step without each row gives is a function of the row, of the MLE of all, and of the
longest whitened row, so that one pass finds the longest and one more all log scores with their
bounds, of which sums are kept, and the rows with the lowest. Rows whose bounds are the largest
come along, and are improved together: each round is one pass, whatever their number. So are the
rows that one step does not settle: log-likelihood, score and information without a row are those
of all less its own, at its own coefficients. The theorem of `flatprior.models.certificate`, at
each of these, says that the MLE exists and how far it is; rows of which it does not are left out
in truth, one by one, and the others are fitted anew.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.importance import se_of_sum
from flatprior.analysis.diagnostics.summaries import Spread
from flatprior.analysis.diagnostics.without_each import (
    NEGLIGIBLE,
    Refinement,
    after_a_step,
    near_of,
    reach_of,
    refitted,
    scored,
    singly,
    sum_that_is_enough,
)
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.largest import Largest
from flatprior.models.certificate import LARGEST_PRODUCT
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import count
from flatprior.models.covariance.leverage import leverages, score_and_longest
from flatprior.models.covariance.roots import Root, required_root
from flatprior.models.likelihood import (
    Moments,
    linear_predictor,
    moments,
    moments_at_each,
)
from flatprior.models.rows import Block, MappedRows, as_held, either

MOST_KEPT = 1000  # rows, those with the lowest log scores
MOST_COLLECTED, MOST_NUMBERS = 2**14, 2**21  # rows that come along for further steps; of a design
PIECE_NUMBERS = 2**18  # in coefficients of rows that are stepped at a time: 2 MB
MOST_STEPS = 25
SUFFICIENT = 1e-4  # Armijo's constant
SMALLEST_SHARE = 2.0**-20
LEAST = 1e-7  # of the information that is left in a direction: with less, digits have cancelled


class LeftOut(NamedTuple):
    """What is found; of rows those with the lowest log scores, the lowest first.

    `numbers` are their places among all rows.
    """

    log_score: float
    se: float
    error_bound: float
    n_refits: int
    without_mle: tuple[object, ...]
    rows: Told


@dataclass(frozen=True, eq=False, kw_only=True)
class Told:
    """Log scores (m,), coefficients (m, k), weights, labels and numbers of some rows."""

    score: Array
    coefficients: Array
    weights: Array
    labels: NDArray[Any]
    numbers: NDArray[np.intp]

    @classmethod
    def of(cls, score: Array, coefficients: Array, rows: Largest) -> Told:
        """Those of rows that were kept."""
        return cls(
            score=score,
            coefficients=coefficients,
            weights=rows.block.counts,
            labels=np.asarray(rows.block.labels),
            numbers=rows.numbers,
        )

    def lowest(self, most: int, others: tuple[Told, ...]) -> Told:
        """The rows with the lowest scores; what others say of the same rows counts instead."""
        both = {
            name: np.concatenate([*(vars(each)[name] for each in others), vars(self)[name]])
            for name in vars(self)
        }
        first = np.unique(both["numbers"], return_index=True)[1]
        kept = first[np.argsort(both["score"][first], kind="stable")][:most]
        return Told(**{name: values[kept] for name, values in both.items()})


@dataclass(frozen=True, eq=False, kw_only=True)
class _Stepped:
    """What a pass keeps of log scores after the first step; it adds.

    Attributes
    ----------
    near : Spread or None
        Of the scores of rows that the step settles.
    n_near : int
    error, rounding : float
        Sums over their observations: of the bounds of what is left to step, and of rounding.
    hard, far, lowest : Largest
        The rows of these with the largest bounds; those that it does not settle; and those with the
        lowest scores, which are held in place of their design, with their coefficients.
    n_far : int
    """

    near: Spread | None
    n_near: int
    error: float
    rounding: float
    hard: Largest
    far: Largest
    lowest: Largest
    n_far: int

    def __add__(self, other: _Stepped) -> _Stepped:
        return _Stepped(
            near=either(operator.add, self.near, other.near),
            n_near=self.n_near + other.n_near,
            error=self.error + other.error,
            rounding=self.rounding + other.rounding,
            hard=self.hard + other.hard,
            far=self.far + other.far,
            lowest=self.lowest + other.lowest,
            n_far=self.n_far + other.n_far,
        )


def left_out_in_passes(
    model: BernoulliLogistic, fit: PointEstimate, tolerance: float | None, progress: bool
) -> LeftOut:
    """`flatprior.analysis.exact_loo` of a model whose rows are not in memory; `fit` is its MLE."""
    rows, beta, k = as_held(model.rows), fit.coefficients, model.n_parameters
    root = required_root(model.rows, beta)
    at_mle = _AtMLE.of(model, beta, root, fit.certificate.error_bound)
    room = max(min(MOST_COLLECTED, MOST_NUMBERS // k), 1)
    most_kept = max(min(MOST_KEPT, MOST_NUMBERS // k), 1)
    found = rows.reduce(functools.partial(at_mle.stepped, room=room, most_kept=most_kept))
    if found.n_far > room:
        raise InputError(
            f"without any one of {count(found.n_far, 'row')} the MLE is farther away than one step "
            f"tells, and no more than {room} are fitted anew where rows are read in batches; merge "
            "levels with few rows, or build the model with from_formula"
        )
    far = found.far
    first = scored(far.block, np.tile(beta, (len(far.numbers), 1))).score
    of_all = found.near
    if len(first):
        of_all = either(operator.add, of_all, Spread.of(first[None], far.block.counts))
    assert of_all is not None  # noqa: S101  (there are rows)
    hard, weights = found.hard, found.hard.block.counts
    every = found.n_near == len(hard.numbers)
    rest = 0.0 if every else max(found.error - float(hard.values.sum()), 0.0)
    if tolerance is not None and not every and hard.values[-1] > tolerance:
        raise InputError(
            f"more than {room} rows have an error above {tolerance:.1e}, and no more take further "
            f"steps where rows are read in batches: a tolerance of {hard.values[-1]:.1e} is met"
        )
    enough = sum_that_is_enough(model.n_rows, tolerance, lambda: se_of_sum(of_all))
    near = at_mle.near(hard.block)
    refinement = Refinement(
        rows=rows,
        block=hard.block,
        near=near,
        weights=weights,
        most=tolerance or NEGLIGIBLE,
        enough=enough - rest if rest < enough else rest,  # more would be hidden by the rest
    )
    coefficients = after_a_step(near, beta)
    before = scored(hard.block, coefficients)
    bound = refinement.refine(coefficients)
    after = scored(hard.block, coefficients)
    error = rest + float(weights @ (bound * near.reach))
    error += found.rounding + float(weights @ (after.rounding - before.rounding))
    refits = _refits(model, at_mle, fit, far, progress)
    again = scored(far.block, np.where(np.isnan(refits.coefficients), 0.0, refits.coefficients))
    gone = np.isnan(refits.error)
    score = np.where(gone, -math.inf, again.score)
    error += float(far.block.counts[~gone] @ (refits.error + again.rounding)[~gone])
    total = (
        None if found.near is None else _replaced(found.near, before.score, after.score, weights)
    )
    if len(score) and not gone.any():
        total = either(operator.add, total, Spread.of(score[None], far.block.counts))
    lowest = Told.of(
        found.lowest.block.design[:, 0], found.lowest.block.design[:, 1:], found.lowest
    )
    told = lowest.lowest(
        most_kept,
        (Told.of(after.score, coefficients, hard), Told.of(score, refits.coefficients, far)),
    )
    order = np.argsort(far.numbers)
    labels = np.asarray(far.block.labels, dtype=object)[order]
    known = None if gone.any() else total
    return LeftOut(
        log_score=-math.inf if known is None else float(known.n * known.mean[0]),
        se=math.nan if known is None else se_of_sum(known),
        error_bound=error,
        n_refits=found.n_far,
        without_mle=tuple(labels[gone[order]]),
        rows=told,
    )


def _replaced(spread: Spread, before: Array, after: Array, weights: Array) -> Spread:
    """The spread where some of the values have become others; of the ends it says no more."""
    mean = spread.mean + (after - before) @ weights / spread.n
    change = weights @ (np.square(after - mean) - np.square(before - mean))
    about = spread.squares + spread.n * np.square(spread.mean - mean) + change
    unknown = np.full(len(mean), math.nan)
    return Spread(
        n=spread.n,
        mean=mean,
        squares=np.maximum(about, 0.0),
        smallest=unknown,
        largest=unknown,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _AtMLE:
    """What every row is asked with.

    Attributes
    ----------
    beta : ndarray (k,)
        The MLE of all rows.
    root : Root
    pull : ndarray (k,)
        What it has left of the score, in whitened columns.
    longest : float
        Of whitened rows.
    floor : float
        How far it may be from the MLE, which is rounding.
    """

    beta: Array
    root: Root
    pull: Array
    longest: float
    floor: float

    @classmethod
    def of(cls, model: BernoulliLogistic, beta: Array, root: Root, floor: float) -> _AtMLE:
        score, longest = score_and_longest(model.rows, beta, root)
        pull = root.rooted(score[None])[0]
        return cls(beta=beta, root=root, pull=pull, longest=longest, floor=floor)

    def near(self, block: Block) -> Any:
        """What is known of rows from themselves."""
        return near_of(leverages(block, self.beta, self.root), self.pull, self.longest)

    def stepped(self, block: Block, room: int, most_kept: int) -> _Stepped:
        """Log scores of some rows after the first step."""
        size = max(PIECE_NUMBERS // len(self.beta), 1)
        of_piece = functools.partial(self._stepped, room=room, most_kept=most_kept)
        return functools.reduce(operator.add, map(of_piece, block.split(size)))

    def _stepped(self, block: Block, room: int, most_kept: int) -> _Stepped:
        near, weights = self.near(block), block.counts
        coefficients = after_a_step(near, self.beta)
        found = scored(block, coefficients)
        left = weights * near.bound * near.reach
        rounding = weights * (2 * self.floor * near.reach + found.rounding)
        settled, far = np.flatnonzero(~near.far), np.flatnonzero(near.far)
        numbers = block._replace(design=np.column_stack([found.score, coefficients]))
        return _Stepped(
            near=Spread.of(found.score[None, settled], weights[settled]) if len(settled) else None,
            n_near=len(settled),
            error=float(left[settled].sum()),
            rounding=float(rounding[settled].sum()),
            hard=Largest.of(left, block, room, settled),
            far=Largest.of(near.rows.leverage, block, room, far),
            lowest=Largest.of(-found.score, numbers, most_kept, settled),
            n_far=len(far),
        )


class _Refits(NamedTuple):
    """Of m rows: coefficients (m, k) without each, and the error (m,) of its log score.

    But for the rounding of that score alone. Both are NaN where there is no MLE.
    """

    coefficients: Array
    error: Array


def _refits(
    model: BernoulliLogistic, at_mle: _AtMLE, fit: PointEstimate, far: Largest, progress: bool
) -> _Refits:
    """The MLE without each of some rows: together, and one by one where that proves nothing."""
    rows = cast(BatchRows, model.rows)
    m = len(far.numbers)
    coefficients, error = np.full((m, model.n_parameters), math.nan), np.full(m, math.nan)
    searches = [] if rows.too_large_to_write_out or not m else _searched(model, at_mle, fit, far)
    with progress_bar("rows left out", m, progress) as advance:
        for i, number in enumerate(far.numbers.tolist()):
            found = searches[i].found if searches else None
            row = far.block.select(slice(i, i + 1))
            if found is not None:
                coefficients[i] = at_mle.beta + at_mle.root.matrix @ found.alpha
                error[i] = (found.bound + 2 * at_mle.floor * found.stretch) * found.reach
            else:
                others = replace(model, rows=rows.without(number, row))
                refit = refitted(others, np.asarray(row.labels)[0])
                if refit is not None:
                    coefficients[i] = refit.coefficients
                    error[i] = refit.certificate.error_bound * reach_of(others, row, refit)
            advance()
    return _Refits(coefficients, error)


def _searched(
    model: BernoulliLogistic, at_mle: _AtMLE, fit: PointEstimate, far: Largest
) -> list[_Search]:
    """Newton's method without each of some rows, all at once; each step is a pass."""
    beta, matrix = at_mle.beta, at_mle.root.matrix

    def whitened(block: Block) -> Block:
        design = np.dot(block.design, matrix)
        return block._replace(design=design, offset=linear_predictor(block, beta))

    rows = MappedRows(model.rows, whitened)
    own = singly(whitened(far.block._replace(design=np.asarray(far.block.design, dtype=float))))
    here = Moments(fit.log_likelihood, at_mle.pull, np.eye(len(at_mle.pull)), 0.0, 0.0)
    searches = [
        _Search(own=own.select(slice(i, i + 1)), longest=at_mle.longest, floor=at_mle.floor)
        for i in range(len(far.numbers))
    ]
    for search in searches:
        search.take(np.zeros(len(at_mle.pull)), here)
    for _ in range(MOST_STEPS):
        going = [search for search in searches if search.trial is not None]
        places = [search.trial for search in going if search.trial is not None]
        if not going:
            break
        for search, place, sums in zip(going, places, moments_at_each(rows, places), strict=True):
            search.take(place, sums)
    return searches


class _Found(NamedTuple):
    """Whitened coefficients, and how far the MLE may be from them, in the metric of the others.

    There the row's linear predictor has the standard error `reach`; `stretch` is how much longer
    than in that of all rows anything may be.
    """

    alpha: Array
    bound: float
    reach: float
    stretch: float


@dataclass(kw_only=True)
class _Search:
    """Newton's method without one observation of a row.

    Attributes
    ----------
    own : Block
        The row, in whitened columns, with its linear predictor at the MLE of all as offset.
    longest, floor : float
        As of `_AtMLE`.
    trial : ndarray (k,) or None
        Where the sums are asked for next; None once the search is over.
    found : _Found or None
        Where it ended, if the MLE is proved to be near.
    """

    own: Block
    longest: float
    floor: float
    trial: Array | None = None
    found: _Found | None = None
    alpha: Array | None = None
    height: float = -math.inf
    step: Array | None = None
    decrement: float = 0.0
    share: float = 1.0

    def take(self, place: Array, of_all: Moments) -> None:
        """Go on, knowing the sums over all rows at the place that was asked for."""
        own = moments(self.own, place)
        assert of_all.information is not None and own.information is not None  # noqa: S101, PT018
        height = of_all.log_likelihood - own.log_likelihood
        rounding = 16 * EPSILON * abs(of_all.log_likelihood)
        wanted = SUFFICIENT * self.share * self.decrement**2 - rounding
        if self.alpha is not None and self.step is not None and height - self.height < wanted:
            self.share /= 2
            short = self.share < SMALLEST_SHARE
            self.trial = None if short else self.alpha + self.share * self.step
            return
        self.trial = None
        values, vectors = np.linalg.eigh(of_all.information - own.information)
        if not values[0] > LEAST:
            return
        pull = vectors.T @ (of_all.score - own.score)
        decrement = float(np.linalg.norm(pull / np.sqrt(values)))
        radius, step = self.longest / math.sqrt(values[0]), vectors @ (pull / values)
        if decrement * radius <= LARGEST_PRODUCT:
            distance = -math.log1p(-decrement * radius) / radius
            along = vectors.T @ np.asarray(self.own.design)[0]
            after = (math.expm1(radius * distance) - radius * distance) / radius
            stalled = 2 * decrement > self.decrement > 0
            if after <= max(NEGLIGIBLE, self.floor) or stalled:
                self.found = _Found(
                    place if stalled else place + step,
                    distance if stalled else after,
                    float(np.linalg.norm(along / np.sqrt(values))),
                    1 / math.sqrt(values[0]),
                )
                return
        self.alpha, self.height, self.step = place, height, step
        self.decrement, self.share = decrement, 1.0
        self.trial = place + step
