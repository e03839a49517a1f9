r"""The MLE without one observation of each row, by steps with the downdated information.

The first step takes no more than the leverage of a row (`flatprior.models.covariance.leverage`),
the same information serves for the steps after it, and the theorem of
`flatprior.models.certificate` says beforehand how far they lead: each shrinks the bound of the
error by :math:`e^{RD} - 1`, D being the distance from the MLE of all rows.

A step takes the score of all rows at the coefficients without one. As long as that is cheaper, it
comes from its Taylor series at the MLE (`flatprior.models.covariance.score_series`), which one pass
finds for every row: a step then adds the error of the series to the bound. Where the sum is too
large, exact steps follow, which take as many terms for a row as there are rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.covariance.leverage import Leverages, leverages, score_and_longest
from flatprior.models.covariance.roots import Root, required_root
from flatprior.models.covariance.score_series import (
    ScoreSeries,
    number_of_monomials,
    score_series,
)
from flatprior.models.likelihood import RowTerms, at_each, row_terms, scores
from flatprior.models.rows import PARALLEL, Block, Rows

PIECE = 2**11  # rows that are written out at a time
FITS_AT_ONCE = 256  # whose scores one thread sums
NEAR = 0.1  # of lambda R: from there chord steps shrink the error at least eightfold
DECIDED_BY_REFIT = 0.5  # leverage; without such a row the information is half of itself somewhere
NEGLIGIBLE = 1e-14  # error of one log score, beside which rounding is the larger
MOST_TERMS = 2**25  # of steps of all rows that are taken at once: a third of a second
INVISIBLE = 1e-5  # error of the log score, which is printed with four decimals
ENOUGH = 0.02  # of the standard error: error of the log score that is enough where that takes more
DEGREES = (2, 2, 3)  # of the series of the score, step by step
WORTH = 50  # numbers in it for each row, so that to find and use them takes less than a step
MOST_NUMBERS, MOST_PRODUCTS = 2**21, 5e9  # in it: 16 MB; to find it: a second or two
EVERY = slice(None)


@dataclass(frozen=True, eq=False, kw_only=True)
class AtMLE:
    """What every row is asked with.

    Attributes
    ----------
    beta : ndarray (k,)
        The MLE of all rows.
    root : Root
    pull : ndarray (k,)
        What it has left of the score, in whitened columns: rounding, where it is the MLE.
    series : ScoreSeries or None
        The score nearby, where that is cheaper than the score.
    longest : float
        Of whitened rows.
    floor : float
        How far it may be from the MLE.
    """

    beta: Array
    root: Root
    pull: Array
    series: ScoreSeries | None
    longest: float
    floor: float

    @classmethod
    def of(
        cls, model: BernoulliLogistic, beta: Array, floor: float, root: Root | None = None
    ) -> AtMLE:
        """Those of a model: one pass, and what its root takes where it is not at hand."""
        root = required_root(model.rows, beta) if root is None else root
        degree = degree_that_pays(model.n_rows, len(beta))
        series = score_series(model.rows, beta, root, degree) if degree else None
        if series is None:
            score, longest = score_and_longest(model.rows, beta, root)
            pull = root.rooted(score[None])[0]
        else:
            pull, longest = series.score, series.longest
        return cls(beta=beta, root=root, pull=pull, series=series, longest=longest, floor=floor)

    def near(self, block: Block) -> Near:
        """What is known of rows from themselves."""
        return near_of(leverages(block, self.beta, self.root), self.pull, self.longest)

    def stepped(self, block: Block) -> tuple[Array, Near]:
        """Coefficients (m, k) without each row after the steps that take no other row.

        `beta` where the first is too long; and what is known of the rows, with the bounds after
        these steps.
        """
        near = self.near(block)
        found, bound = np.empty((len(near.far), len(self.beta))), near.bound.copy()
        for start in range(0, len(found), PIECE):
            part = slice(start, start + PIECE)
            piece = near.select(part)
            step = piece.rows.steps(piece.pull)
            step[piece.far] = 0.0
            if self.series is not None:
                some = np.flatnonzero(~piece.far)
                rows = singly(written_out(block.select(part))).select(some)
                step[some], bound[part][some] = self._by_series(
                    self.series, rows, piece.select(some), step[some]
                )
            found[part] = self.beta + self.root.placed(step)
        return found, near._replace(bound=bound)

    def _by_series(
        self, series: ScoreSeries, block: Block, near: Near, step: Array
    ) -> tuple[Array, Array]:
        """Steps (m, k) from the MLE, in whitened columns, made better; and bounds (m,) there."""
        bound, rate = near.bound, near.shrinking
        for degree in DEGREES[: series.degree]:
            error = series.error(np.linalg.norm(step, axis=1), degree) / np.sqrt(near.rows.left)
            terms = each_at_its_own(block, self.beta + self.root.placed(step))
            pull = series.at(step, degree)
            pull -= terms.residual[:, None] * near.rows.white(EVERY)
            more, length = solved(near.rows, EVERY, pull)
            after = shrunk(bound, rate, length + error) + error
            better = after < bound
            step = np.where(better[:, None], step + more, step)
            bound = np.where(better, after, bound)
        return step, bound


class Near(NamedTuple):
    """The first step without an observation of each of some rows, and how far it can be off.

    Norms are those of the information without the observation, at the MLE of all rows.
    """

    rows: Leverages
    pull: Array  # (k,): what the fit has left of the score, in whitened columns
    bound: Array  # (m,): of the error after the steps taken
    shrinking: Array  # (m,): factor of the bound by a further step
    reach: Array  # (m,): standard error of the row's linear predictor without it
    far: NDArray[np.bool_]  # (m,): whether the step is too long for any of this

    def select(self, part: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Near:
        """That of some of the rows."""
        return Near(
            rows=self.rows.select(part),
            pull=self.pull,
            bound=self.bound[part],
            shrinking=self.shrinking[part],
            reach=self.reach[part],
            far=self.far[part],
        )


def near_of(rows: Leverages, pull: Array, longest: float) -> Near:
    """What is known of some rows from themselves, and from the longest of all."""
    root = np.sqrt(rows.left)
    reach, radius = rows.length / root, longest / root
    decrement = np.abs(rows.residual) * reach + np.linalg.norm(pull) / root
    product = decrement * radius
    far = (product > NEAR) | (rows.leverage > DECIDED_BY_REFIT)
    distance = -np.log1p(-np.minimum(product, NEAR)) / radius
    bound = (np.expm1(radius * distance) - radius * distance) / radius
    return Near(
        rows=rows,
        pull=pull,
        bound=bound,
        shrinking=np.expm1(radius * (distance + bound)),
        reach=reach,
        far=far,
    )


def degree_that_pays(n_rows: int, k: int) -> int:
    """Up to which degree a series of the score costs less than a step of all rows; 0 for none.

    Below a degree of 2 it is no better than the first step.
    """
    room = min(WORTH * n_rows, MOST_PRODUCTS / n_rows, MOST_NUMBERS)
    pays = [r for r in range(2, max(DEGREES) + 1) if k * number_of_monomials(k, r) <= room]
    return max(pays, default=0)


def solved(rows: Leverages, some: NDArray[np.intp] | slice, pull: Array) -> tuple[Array, Array]:
    """Steps (m, k) for scores (m, k) with the downdated information, and their lengths there."""
    step = rows.solved(some, pull)
    return step, np.sqrt(np.maximum(np.einsum("ij,ij->i", pull, step), 0.0))


def shrunk(bound: Array, rate: Array, length: Array) -> Array:
    """Bounds after a step of that length: of a contraction it bounds the error before as well."""
    return np.asarray(rate * np.minimum(bound, length / (1 - rate)))


class Scored(NamedTuple):
    """The log score (m,) of one observation of each row, and bounds of its rounding (m,)."""

    score: Array
    rounding: Array


def scored(block: Block, coefficients: Array) -> Scored:
    """Log scores of rows, each at its own coefficients (m, k)."""
    found = np.empty((2, len(block.sign)))
    for start in range(0, len(block.sign), PIECE):
        part = slice(start, start + PIECE)
        some = written_out(block.select(part))
        score = each_at_its_own(some, coefficients[part]).log_likelihood
        size = np.einsum("ij,ij->i", np.abs(some.design), np.abs(coefficients[part]))
        size += 0 if some.offset is None else np.abs(some.offset)
        found[:, part] = score, (coefficients.shape[1] + 2) * UNIT * size
    found[1] += 8 * UNIT * np.abs(found[0])
    return Scored(*found)


@dataclass(frozen=True, eq=False, kw_only=True)
class Refinement:
    """Rows without each of which the MLE is near, and how near to it what is found should be.

    Attributes
    ----------
    rows : Rows
        All of them.
    block : Block
        Those m.
    near : Near
    weights : ndarray (m,)
        Observations that each row stands for.
    most : float
        Error of a log score that may be left.
    enough : float
        Sum of these errors over all observations that may be left.
    """

    rows: Rows
    block: Block
    near: Near
    weights: Array
    most: float
    enough: float

    def unsettled(self, bound: Array) -> NDArray[np.intp]:
        """Rows whose error is above `most`; the largest of them, if a sum is enough."""
        error = np.where(self.near.far, 0.0, bound * self.near.reach)
        largest = np.argsort(-self.weights * error, kind="stable")
        left = np.cumsum((self.weights * error)[largest][::-1])[::-1]  # of each and all smaller
        return np.sort(largest[(left > self.enough) & (error[largest] > self.most)])

    def refine(self, coefficients: Array, advance: Callable[[int], None] = lambda _: None) -> Array:
        """Bounds (m,) of the error of coefficients (m, k), which are improved in place.

        Rows in memory are taken in parts; of others each round is one pass.
        """
        near, bound = self.near, self.near.bound.copy()
        active = self.unsettled(bound)
        advance(int((~near.far).sum()) - len(active))
        while len(active):
            resident = self.rows.resident
            n_parts = math.ceil(len(active) / FITS_AT_ONCE) if resident else 1
            together = resident and len(active) * self.rows.n_rows >= PARALLEL
            parts = np.array_split(active, n_parts)
            steps = (parallel_map if together else map)(
                lambda some: self.chord(some, coefficients[some]), parts
            )
            for some, (step, length) in zip(parts, steps, strict=True):
                coefficients[some] += step
                bound[some] = shrunk(bound[some], near.shrinking[some], length)
            before, active = len(active), self.unsettled(bound)
            advance(max(before - len(active), 0))
        return bound

    def chord(self, some: NDArray[np.intp], coefficients: Array) -> tuple[Array, Array]:
        """The step from coefficients with the downdated information, and its length there."""
        near = self.near.rows
        terms = each_at_its_own(written_out(self.block.select(some)), coefficients)
        pull = near.root.rooted(at_each(self.rows, scores, coefficients))
        pull -= terms.residual[:, None] * near.white(some)
        step, length = solved(near, some, pull)
        return near.root.placed(step), length


def sum_that_is_enough(
    n_rows: int,
    tolerance: float | None,
    errors: Array,
    se: Callable[[], float],
    rest: float = 0.0,
) -> float:
    """Error of the whole log score that may be left, beside that of one observation.

    `errors` are those of all observations of each row (m,) that may take steps, `rest` that of all
    others. Where steps of all rows are cheap, or a tolerance is asked for, nothing is enough.
    """
    if tolerance is not None or n_rows**2 <= MOST_TERMS:
        return 0.0
    above = np.count_nonzero(rest + np.cumsum(np.sort(errors)) > INVISIBLE)
    return INVISIBLE if above * n_rows <= MOST_TERMS else max(INVISIBLE, ENOUGH * se())


def each_at_its_own(block: Block, coefficients: Array) -> RowTerms:
    """Terms of one observation of each of m rows at its own coefficients (m, k)."""
    eta = np.einsum("ij,ij->i", block.design, coefficients)
    offset = eta if block.offset is None else eta + block.offset
    alone = block._replace(design=np.zeros((len(eta), 0)), offset=offset)
    return row_terms(singly(alone), np.zeros(0))


def written_out(block: Block) -> Block:
    """The rows with no factor held as codes."""
    return block._replace(design=np.asarray(block.design, dtype=float))


def singly(block: Block) -> Block:
    """The rows as if each stood for one observation."""
    return block._replace(weights=None)
