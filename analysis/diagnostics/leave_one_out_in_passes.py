r"""Exact leave-one-out of rows that are not in memory.

What the steps by a series without each row give is a function of the row, of the MLE of all, and of
the series there, so that one pass finds the series and one more all log scores with their bounds,
of which sums are kept, and the rows with the lowest. Rows whose bounds are the largest come along,
and are improved together: each round is one pass, whatever their number. Rows that one step does
not settle come along as well (`flatprior.analysis.diagnostics.without_far`).
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.summaries import Spread, se_of_sum
from flatprior.analysis.diagnostics.without_each import (
    NEGLIGIBLE,
    AtMLE,
    Refinement,
    scored,
    sum_that_is_enough,
)
from flatprior.analysis.diagnostics.without_far import Refits, without_far
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.largest import Largest
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import at_most, count
from flatprior.models.rows import Block, as_held, either

MOST_KEPT = 1000  # rows, those with the lowest log scores
MOST_COLLECTED, MOST_NUMBERS = 2**14, 2**21  # rows that come along for further steps; of a design
PIECE_NUMBERS = 2**18  # in coefficients of rows that are stepped at a time: 2 MB


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
    """What a pass keeps of log scores after the steps by a series; it adds.

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
    at_mle = AtMLE.of(model, beta, fit.certificate.error_bound)
    room = max(min(MOST_COLLECTED, MOST_NUMBERS // k), 1)
    most_kept = max(min(MOST_KEPT, MOST_NUMBERS // k), 1)
    found = rows.reduce(_Pass(at_mle=at_mle, room=room, most_kept=most_kept).stepped)
    require_room(found.n_far, room)
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
            f"steps where rows are read in batches: a tolerance of {at_most(hard.values[-1])} is "
            "met"
        )
    enough = sum_that_is_enough(
        model.n_rows, tolerance, hard.values, lambda: se_of_sum(of_all), rest
    )
    coefficients, near = at_mle.stepped(hard.block)
    refinement = Refinement(
        rows=rows,
        block=hard.block,
        near=near,
        weights=weights,
        most=tolerance or NEGLIGIBLE,
        enough=enough - rest if rest < enough else rest,  # more would be hidden by the rest
    )
    before = scored(hard.block, coefficients)
    bound = refinement.refine(coefficients)
    after = scored(hard.block, coefficients)
    error = rest + float(weights @ (bound * near.reach))
    error += found.rounding + float(weights @ (after.rounding - before.rounding))
    labels = np.asarray(far.block.labels, dtype=object)
    refits = fitted_without(model, at_mle, far, progress)
    gone, score = refits.gone, refits.score
    error += float(far.block.counts[~gone] @ refits.error[~gone])
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
    known = None if gone.any() else total
    return LeftOut(
        log_score=-math.inf if known is None else float(known.n * known.mean[0]),
        se=math.nan if known is None else se_of_sum(known),
        error_bound=error,
        n_refits=found.n_far,
        without_mle=tuple(labels[order][gone[order]]),
        rows=told,
    )


def require_room(n_far: int, room: int) -> None:
    """Raise a `ValueError` if there are more rows than that to fit the others of anew."""
    if n_far > room:
        raise InputError(
            f"without any one of {count(n_far, 'row')} the MLE is farther away than one step "
            f"tells, and no more than {room} are fitted anew where rows are read in batches; merge "
            "levels with few rows, or build the model with from_formula"
        )


def fitted_without(
    model: BernoulliLogistic, at_mle: AtMLE, rows: Largest, progress: bool
) -> Refits:
    """The MLE without one observation of each of these rows, which are far from the others."""
    in_batches = cast(BatchRows, model.rows)

    def without(i: int) -> BernoulliLogistic:
        row = rows.block.select(slice(i, i + 1))
        return replace(model, rows=in_batches.without(int(rows.numbers[i]), row))

    labels = np.asarray(rows.block.labels, dtype=object)
    with progress_bar("rows left out", len(labels), progress) as advance:
        return without_far(model, at_mle, rows.block, labels, without, advance)


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
class _Pass:
    """What a pass asks of every row.

    Attributes
    ----------
    at_mle : AtMLE
    room, most_kept : int
        Rows that come along for further steps, and that are told, at most.
    """

    at_mle: AtMLE
    room: int
    most_kept: int

    def stepped(self, block: Block) -> _Stepped:
        """Log scores of some rows after the steps by a series."""
        size = max(PIECE_NUMBERS // len(self.at_mle.beta), 1)
        return functools.reduce(operator.add, map(self._stepped, block.split(size)))

    def _stepped(self, block: Block) -> _Stepped:
        (coefficients, near), weights = self.at_mle.stepped(block), block.counts
        found = scored(block, coefficients)
        left = weights * near.bound * near.reach
        rounding = weights * (2 * self.at_mle.floor * near.reach + found.rounding)
        settled, far = np.flatnonzero(~near.far), np.flatnonzero(near.far)
        numbers = block._replace(design=np.column_stack([found.score, coefficients]))
        return _Stepped(
            near=Spread.of(found.score[None, settled], weights[settled]) if len(settled) else None,
            n_near=len(settled),
            error=float(left[settled].sum()),
            rounding=float(rounding[settled].sum()),
            hard=Largest.of(left, block, self.room, settled),
            far=Largest.of(near.rows.leverage, block, self.room, far),
            lowest=Largest.of(-found.score, numbers, self.most_kept, settled),
            n_far=len(far),
        )
