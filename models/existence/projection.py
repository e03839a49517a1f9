r"""The point of a polyhedral cone that is nearest to a vector: question and alternative at once.

For rows :math:`a_i` let C be the cone of all d with :math:`a_i'd \ge 0`. Every target t is in
exactly one way

.. math:: t = \sum_i \lambda_i a_i - d, \qquad \lambda \ge 0, \quad d \in C, \quad
          \sum_i \lambda_i a_i'd = 0

(Moreau 1962, "Décomposition orthogonale d'un espace hilbertien selon deux cônes mutuellement
polaires", Comptes rendus 255, 238-240). Either d = 0, and the weights show that t is a combination
of the rows; or d is a direction of C with :math:`t'd < 0`, and none is. Non-negative least squares
finds both (Lawson and Hanson 1974, "Solving least squares problems", chapter 23). Unlike a linear
program's, its answers are good to rounding, not to a tolerance of 1e-10 that thin cones escape; it
takes the same steps on every machine, and its number is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr_delete
from scipy.linalg.lapack import dtrtrs

from flatprior.models.common.arrays import EPSILON, Array

WORK = 4e11  # multiplications: minutes; the largest of usual problems take a hundredth of it
STEPS = 30  # of one projection, for each column
NOISE = 16 * EPSILON  # of inner products of unit vectors
PASSES = 4  # of refinement
KEPT = 0.01  # a remainder of this share of the target has its digits


@dataclass(eq=False)
class Effort:
    """What may still be spent before the answer is that there is none; the clock has no say."""

    left: float = field(default=WORK)

    def spend(self, work: float) -> None:
        """Count some multiplications."""
        self.left -= work

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0


@dataclass(frozen=True, eq=False)
class Projection:
    """The decomposition of a target.

    Attributes
    ----------
    weights : ndarray (n,)
        Of the rows: lambda.
    direction : ndarray (m,)
        The direction d of the cone; where the target is a combination of the rows, what rounding
        left of 0.
    """

    weights: Array
    direction: Array


def project(rows: Array, target: Array, effort: Effort, resolution: float) -> Projection | None:
    """Decompose `target` (m,) by `rows` (n, m) of length 1; None if the effort did not suffice.

    Rows that add less than the `resolution` to others count as combinations of them. A remainder
    much smaller than the target has lost its digits to it; it is decomposed again.
    """
    weights, remainder = np.zeros(len(rows)), target
    for _ in range(PASSES):
        found = _least_squares(rows, remainder, effort, resolution)
        if found is None:
            return None
        support, values, rest = found
        weights[support] += values
        before, remainder = float(np.linalg.norm(remainder)), rest
        if np.linalg.norm(rest) > KEPT * before or not rest.any():
            break
    return Projection(weights, -remainder)


def _least_squares(
    rows: Array, target: Array, effort: Effort, resolution: float
) -> tuple[NDArray[np.intp], Array, Array] | None:
    """Non-negative least squares: the rows of positive weight, their weights, the remainder.

    Rows enter one at a time, the one that the remainder leans on most; those whose weight would
    turn negative leave. `basis` times `factor` are the rows in the sum, as columns.
    """
    n, m = rows.shape
    size = float(np.linalg.norm(target))
    support: list[int] = []
    weights = np.zeros(0)
    basis, factor = np.zeros((m, 0)), np.zeros((0, 0))
    rest, barred = target, np.zeros(n, dtype=bool)
    for _ in range(STEPS * (m + 10)):
        effort.spend(n * m + 4 * m * (len(support) + 1))
        if effort.exhausted:
            return None
        pull = rows @ rest
        pull[barred] = -np.inf
        pull[support] = -np.inf
        j = int(pull.argmax())
        if pull[j] <= NOISE * size or len(support) == m:
            return np.array(support, dtype=np.intp), weights, rest
        within = basis.T @ rows[j]
        beyond = rows[j] - basis @ within
        again = basis.T @ beyond  # once more: what rounding left
        within, beyond = within + again, beyond - basis @ again
        length = float(np.linalg.norm(beyond))
        if length <= resolution:
            barred[j] = True
            continue
        wider = np.column_stack([basis, beyond / length])
        taller = np.zeros((len(support) + 1, len(support) + 1))
        taller[:-1, :-1], taller[:-1, -1], taller[-1, -1] = factor, within, length
        solution = dtrtrs(taller, wider.T @ target)[0]
        if solution[-1] <= 0:  # for rounding: the remainder did lean on it
            barred[j] = True
            continue
        support.append(j)
        weights, basis, factor = np.append(weights, 0.0), wider, taller
        while (solution <= 0).any():
            effort.spend(4.0 * m * len(support))
            falling = solution <= 0
            ratio = np.where(falling, 0.0, np.inf)
            falls = weights - solution
            # one whose weight is 0 and stays so leaves at once
            np.divide(weights, falls, out=ratio, where=falling & (falls > 0))
            leaving = int(ratio.argmin())
            weights = np.maximum(weights + ratio[leaving] * (solution - weights), 0.0)
            basis, factor = _without(basis, factor, leaving)
            weights = np.delete(weights, leaving)
            del support[leaving]
            solution = dtrtrs(factor, basis.T @ target)[0]
        weights = solution
        rest = target - basis @ (basis.T @ target)
        rest -= basis @ (basis.T @ rest)
        barred[:] = False
    return None


def _without(basis: Array, factor: Array, column: int) -> tuple[Array, Array]:
    """The QR factors of one column fewer."""
    fewer = len(factor) - 1
    if not fewer:
        return basis[:, :0], factor[:0, :0]
    left, right = (np.asarray(part, float) for part in qr_delete(basis, factor, column, 1, "col"))
    return left[:, :fewer], right[:fewer, :fewer]
