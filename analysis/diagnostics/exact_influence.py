r"""Rows that are not in memory without which the MLE moves most, by fits without each.

How far the MLE moves without a row is known within a proved bound after the first step, which one
pass takes for every row. Those with the largest such bounds come along and take further steps
together, and those that a step does not settle are fitted anew
(`flatprior.analysis.diagnostics.without_far`).
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.leave_one_out_in_passes import (
    MOST_COLLECTED,
    MOST_NUMBERS,
    PIECE_NUMBERS,
    fitted_without,
    require_room,
)
from flatprior.analysis.diagnostics.without_each import (
    NEGLIGIBLE,
    AtMLE,
    Refinement,
)
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.largest import Largest
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.roots import Root
from flatprior.models.rows import Block, as_held, consecutive

MORE, FEWEST_MORE = 1 / 8, 32  # rows beyond those that are wanted: bounds are in another order


class Moving(NamedTuple):
    """Rows, and what the MLE loses without one observation of each.

    Attributes
    ----------
    block : Block
    numbers : ndarray (m,)
        Their places among all rows.
    change : ndarray (m, k)
        MLE of all rows less that without it; NaN where there is none.
    rest : float
        Length of no change without another row is larger, in the norm of the information.
    """

    block: Block
    numbers: NDArray[np.intp]
    change: Array
    rest: float


@dataclass(frozen=True, eq=False, kw_only=True)
class _Found:
    """What a pass keeps; it adds.

    Attributes
    ----------
    near : Largest
        Rows that the step settles, with the largest bounds of how far the MLE moves.
    far : Largest
        Those that it does not settle.
    n_far : int
    """

    near: Largest
    far: Largest
    n_far: int

    def __add__(self, other: _Found) -> _Found:
        return _Found(
            near=self.near + other.near, far=self.far + other.far, n_far=self.n_far + other.n_far
        )


def most_moving(
    model: BernoulliLogistic, fit: PointEstimate, root: Root, most: int, progress: bool
) -> Moving:
    """The rows without which the MLE `fit` moves most: `most` of them, and some more.

    `root` is of its information.
    """
    rows, beta = as_held(model.rows), fit.coefficients
    at_mle = AtMLE.of(model, beta, fit.certificate.error_bound, root)
    room = max(min(MOST_COLLECTED, MOST_NUMBERS // len(beta)), 1)
    wanted = min(most + max(int(MORE * most), FEWEST_MORE), room)
    found = rows.reduce(_Pass(at_mle=at_mle, room=room, wanted=wanted).over)
    require_room(found.n_far, room)
    block, numbers = found.near.block.select(slice(0, wanted)), found.near.numbers[:wanted]
    coefficients, near = at_mle.stepped(block)
    Refinement(
        rows=rows,
        block=block,
        near=near,
        weights=np.ones(len(numbers)),
        most=NEGLIGIBLE,
        enough=0.0,
    ).refine(coefficients)
    refits = fitted_without(model, at_mle, found.far, progress)
    return Moving(
        block=consecutive(block, found.far.block),
        numbers=np.concatenate([numbers, found.far.numbers]),
        change=beta - np.concatenate([coefficients, refits.coefficients]),
        rest=float(found.near.values[wanted:].max(initial=0.0)),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pass:
    """What a pass asks of every row.

    Attributes
    ----------
    at_mle : AtMLE
    room, wanted : int
        Rows that may be fitted anew, and that are stepped on.
    """

    at_mle: AtMLE
    room: int
    wanted: int

    def over(self, block: Block) -> _Found:
        """Of some rows."""
        size = max(PIECE_NUMBERS // len(self.at_mle.beta), 1)
        return functools.reduce(operator.add, map(self._over, block.split(size)))

    def _over(self, block: Block) -> _Found:
        near = self.at_mle.near(block)
        rows = near.rows
        step = (np.abs(rows.residual) * rows.length + np.linalg.norm(near.pull)) / rows.left
        # bounds are in the norm without the row: that of all is at most 1 / sqrt(1 - h) times it
        length = step + near.bound / np.sqrt(rows.left)
        settled, far = np.flatnonzero(~near.far), np.flatnonzero(near.far)
        return _Found(
            near=Largest.of(length, block, self.wanted + 1, settled),
            far=Largest.of(rows.leverage, block, self.room, far),
            n_far=len(far),
        )
