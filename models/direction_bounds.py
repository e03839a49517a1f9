r"""How far the MLE can be in each of several directions, where their scales have nothing in common.

A coefficient can hang on rows of next to no information: those of a rare level, at offsets of
hundreds. Its standard error is then exp(50) or more, and so are those of these rows' linear
predictors; a distance in standard errors, one for all directions, would have to be smaller than its
inverse before it said anything about those rows, and the rounding of the other coefficients is
larger. So each whitened column has a distance of its own.

Theorem. Let T be any invertible matrix, Z = X T, and g = -Z'r and M = Z'DZ the gradient and the
Hessian of the negative log-likelihood L at :math:`\beta`, in these columns. Let
:math:`\rho_j > 0` and :math:`t_i = \sum_j |z_{ij}| \rho_j`. If for every j

.. math:: M_{jj}\rho_j > |g_j| + \sum_{l \ne j} |M_{jl}|\,\rho_l
          + \sum_i D_i |z_{ij}| (e^{t_i} - 1 - t_i)

and M is positive definite, then the MLE exists, is unique, and is :math:`\beta + T\gamma` with
:math:`|\gamma_j| < \rho_j` for all j.

Proof. L has a minimum on the box :math:`|\gamma_j| \le \rho_j`. Suppose that it lies on a face, say
:math:`\gamma_j = \rho_j` (the other side is alike). As nothing in the box is lower, the derivative
of L by :math:`\gamma_j` there is not positive. But that derivative is
:math:`g_j + \sum_i z_{ij} \Delta_i`, where :math:`\Delta_i` is the change of row i's residual as
its linear predictor changes by :math:`h_i = z_i'\gamma`. A row's curvature changes by a factor of
at most :math:`e^{|h|}` over a distance h, so that
:math:`|\Delta_i - D_i h_i| \le D_i (e^{|h_i|} - 1 - |h_i|)`, where :math:`|h_i| \le t_i`; and
:math:`\sum_i z_{ij} D_i h_i = \sum_l M_{jl}\gamma_l \ge M_{jj}\rho_j - \sum_{l \ne j}
|M_{jl}|\rho_l`. So the derivative is positive: the minimum lies inside, where the gradient of L is
zero. L is convex, and strictly so because M is positive definite: it is the only one.

For this nothing has to be accurate in T, but it must keep the scales apart (`graded_whitening`).
Rounding is bounded entry by entry, and what underflow may have taken of a residual or curvature is
counted in every row.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from flatprior.models.common.arrays import SMALLEST, UNIT, Array
from flatprior.models.designs.coded import Structured
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import PIECE_ROWS, Block, Rows, added

ROW_ULPS = 12 * UNIT  # relative error of one residual or curvature beside that of its margin
SLACK = 1.01  # what second-order rounding terms are less than

# Of a row's linear predictor, which may double its curvature. Less would be asked for by the
# theorem; this keeps a distance to separated data, as LARGEST_PRODUCT does elsewhere.
FARTHEST = math.log(2.0)
TRIES = 4  # boxes, each a pass over the rows; the first is as a rule large enough
SWEEPS = 30  # of a substitution that gains a digit or more in each where M is near the identity


def whitened_columns(block: Block, transform: Array) -> tuple[Array, Array]:
    """Z = X T for these rows, and a bound on its rounding error, each (m, k)."""
    k = len(transform)
    error = (k + 1) * UNIT * (np.abs(block.design) @ np.abs(transform)) + k * SMALLEST
    return block.design @ transform, error


def predictor_error(block: Block, beta: Array, apart: Array | float = 0.0) -> Array:
    """Bound on the rounding error of the linear predictor, (m,).

    And on what it changes by if the coefficients are `apart` (k,) from others, at most.
    """
    design: Any = block.design
    rounding = (len(beta) + 2) * UNIT
    each = rounding * np.abs(beta) + apart
    size = design.sizes(each) if isinstance(design, Structured) else np.abs(design) @ each
    return size if block.offset is None else size + rounding * np.abs(block.offset)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sums:
    """What a box needs of the rows at its centre, in columns Z = X T; each field adds over rows.

    Attributes
    ----------
    score, score_error : ndarray (k,)
        Z'r, and a bound on the error of each entry.
    information, information_error : ndarray (k, k)
        Z'DZ, and a bound on the error of each entry.
    log_likelihood, log_likelihood_error : float
    """

    score: Array
    score_error: Array
    information: Array
    information_error: Array
    log_likelihood: float
    log_likelihood_error: float

    def __add__(self, other: Sums) -> Sums:
        return added(self, other)


@dataclass(frozen=True, eq=False)
class Box:
    """The MLE is ``beta + T g`` with every ``|g_j|`` less than its half-width.

    Attributes
    ----------
    half_widths : ndarray (k,)
    gradient : ndarray (k,)
        Bounds on the absolute values of the score's entries, rounding included.
    reach : float
        No row's linear predictor is further than this from its value at the MLE.
    """

    half_widths: Array
    gradient: Array
    reach: float


def sums(rows: Rows, beta: Array, transform: Array) -> Sums:
    """The sums at coefficients (k,): one pass."""
    longest = rows.longest_sum

    def of_block(block: Block) -> Sums:
        pieces = block.split(PIECE_ROWS)
        return functools.reduce(
            operator.add, (_sums(piece, beta, transform, longest) for piece in pieces)
        )

    return rows.reduce(of_block)


def _sums(block: Block, beta: Array, transform: Array, longest_sum: int) -> Sums:
    columns, column_error = whitened_columns(block, transform)
    size, terms = np.abs(columns), row_terms(block, beta)
    residual, curvature = np.abs(terms.residual), terms.curvature
    residual_error, curvature_error, log_likelihood_error = _row_errors(block, beta)
    sum_error = (longest_sum + 2) * UNIT
    weighted = curvature[:, None] * size
    crossed = weighted.T @ column_error
    return Sums(
        score=columns.T @ terms.residual,
        score_error=size.T @ (residual_error + sum_error * residual)
        + column_error.T @ (residual + residual_error)
        + SMALLEST * len(size),
        information=(curvature[:, None] * columns).T @ columns,
        information_error=size.T @ (curvature_error[:, None] * (size + 2 * column_error))
        + sum_error * (weighted.T @ size)
        + crossed
        + crossed.T
        + column_error.T @ ((curvature + curvature_error)[:, None] * column_error)
        + SMALLEST * len(size),
        log_likelihood=float(terms.log_likelihood.sum()),
        log_likelihood_error=float(
            log_likelihood_error.sum() + sum_error * np.abs(terms.log_likelihood).sum()
        ),
    )


def _row_errors(block: Block, beta: Array) -> tuple[Array, Array, Array]:
    """Bounds (m,) on the errors of residuals, curvatures and log-likelihoods."""
    terms = row_terms(block, beta)
    lost = SMALLEST * (np.ones(len(block.sign)) if block.weights is None else block.weights)
    # the derivative of a residual with respect to the linear predictor is its curvature
    eta_error = np.expm1(predictor_error(block, beta))
    residual = np.abs(terms.residual)
    return (
        eta_error * (terms.curvature + lost) + ROW_ULPS * residual + lost,
        (eta_error + ROW_ULPS) * (terms.curvature + lost) + lost,
        eta_error * (residual + lost) + 2 * ROW_ULPS * np.abs(terms.log_likelihood) + lost,
    )


def box(rows: Rows, beta: Array, transform: Array, at_centre: Sums) -> Box | None:
    """A box that holds the MLE, by the theorem above; None where none was found.

    Its half-widths are a solution of the theorem's inequality without the last sum, and a hundredth
    more; where that sum is more than this leaves, twice what it is is added to the gradient.
    """
    gradient = SLACK * (np.abs(at_centre.score) + at_centre.score_error)
    others = SLACK * (np.abs(at_centre.information) + at_centre.information_error)
    own = at_centre.information.diagonal() - SLACK * at_centre.information_error.diagonal()
    np.fill_diagonal(others, 0.0)
    if not (own > 0).all():
        return None
    beyond = np.zeros(len(beta))
    for _ in range(TRIES):
        half_widths = _solved(own, others, gradient + 2 * beyond)
        beyond, reach = _beyond(rows, beta, transform, half_widths)
        needed = (gradient + others @ half_widths + beyond) * (1 + 64 * len(beta) * UNIT)
        if reach < FARTHEST and (own * half_widths > needed).all():
            return Box(half_widths, gradient, reach)
        if not reach < FARTHEST:
            return None
    return None


def _solved(own: Array, others: Array, goal: Array) -> Array:
    """Half-widths w with ``own w - others w`` a hundredth above `goal`, accurate each of them."""
    widths = goal / own
    for _ in range(SWEEPS):
        widths = (goal + others @ widths) / own
    return SLACK * widths


def _beyond(rows: Rows, beta: Array, transform: Array, half_widths: Array) -> tuple[Array, float]:
    """The last sum of the theorem (k,), rounding included, and the largest t_i: one pass."""

    def of_block(block: Block) -> tuple[Array, float]:
        found, largest = np.zeros(len(beta)), 0.0
        for piece in block.split(PIECE_ROWS):
            columns, column_error = whitened_columns(piece, transform)
            size = np.abs(columns) + column_error
            moved = SLACK * (size @ half_widths)
            curvature = row_terms(piece, beta).curvature + _row_errors(piece, beta)[1]
            # exp(t) - 1 - t, from above and without cancellation
            found += size.T @ (curvature * (np.square(moved) / 2 * np.exp(moved)))
            largest = max(largest, float(moved.max()))
        return SLACK * found, largest

    def together(one: tuple[Array, float], two: tuple[Array, float]) -> tuple[Array, float]:
        return one[0] + two[0], max(one[1], two[1])

    return rows.reduce(of_block, together)
