r"""The leverage of each row, and the Newton step without one observation of it.

With V the inverse information at some coefficients, the leverage of an observation of row i is
:math:`h_i = p_i(1 - p_i)\,x_i'Vx_i`, and without it the inverse information is

.. math:: V + \frac{p_i(1 - p_i)\,Vx_i x_i'V}{1 - h_i}

(Sherman and Morrison). From the MLE of all rows the Newton step without it is therefore
:math:`-(y_i - p_i) V x_i / (1 - h_i)`. In whitened columns V is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.covariance.roots import Root
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, Rows, as_held

LARGEST_LEVERAGE = 1 - 1e-8  # beyond it 1 - h has lost half of its digits


@dataclass(frozen=True, eq=False, kw_only=True)
class Leverages:
    """Rows in whitened columns, each as if it stood for one observation.

    Attributes
    ----------
    design : ndarray (m, k) or Structured
    root : Root
        That whitens its columns.
    length : ndarray (m,)
        Of whitened rows: the standard error of their linear predictors.
    residual, curvature : ndarray (m,)
    leverage : ndarray (m,)
        h; it may be 1, or by rounding more than that.
    left : ndarray (m,)
        ``1 - h``, which divides; that of `LARGEST_LEVERAGE` for a row whose leverage is larger.
        Such a row is judged by the fit of the others: nothing that is divided by this says more of
        it than that it is far from them.
    """

    design: Any
    root: Root
    length: Array
    residual: Array
    curvature: Array
    leverage: Array
    left: Array

    def select(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Leverages:
        """Those of some of the rows."""
        return Leverages(
            design=self.design[rows],
            root=self.root,
            length=self.length[rows],
            residual=self.residual[rows],
            curvature=self.curvature[rows],
            leverage=self.leverage[rows],
            left=self.left[rows],
        )

    def white(self, rows: NDArray[np.intp] | slice) -> Array:
        """Some of the rows in whitened columns, (m, k)."""
        found: Array = self.design[rows] @ self.root.matrix
        return found

    def steps(self, score: Array | None = None, rows: slice = slice(None)) -> Array:
        """Newton steps without one observation of each of these rows, in whitened columns, (m, k).

        `score` (k,) is that of all rows, in whitened columns; at their MLE there is none.
        """
        white, residual, left = self.white(rows), self.residual[rows], self.left[rows]
        if score is None:
            return -(residual / left)[:, None] * white
        along = (self.curvature[rows] * (white @ score) - residual) / left
        return np.asarray(score + along[:, None] * white)

    def solved(self, rows: NDArray[np.intp] | slice, scores: Array) -> Array:
        """A score for each of these rows, times the inverse information without one of it.

        `scores` (len(rows), k) and what is returned are in whitened columns.
        """
        white = self.white(rows)
        along = np.einsum("ij,ij->i", white, scores) / self.left[rows]
        return np.asarray(scores + (self.curvature[rows] * along)[:, None] * white)


def leverages(block: Block, coefficients: Array, root: Root) -> Leverages:
    """Leverage of one observation of each row, in columns that a root whitens.

    Examples
    --------
    Without a slope each of n observations has a leverage of 1 / n.

    >>> import numpy as np
    >>> from flatprior.models.covariance.leverage import leverages
    >>> from flatprior.models.rows import ArrayRows
    >>> from flatprior.models.covariance.roots import root_of
    >>> rows = ArrayRows(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> beta = np.log([3.0])
    >>> leverages(rows.block(slice(None)), beta, root_of(rows, beta)).leverage.round(12).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    terms = row_terms(block._replace(weights=None), coefficients)
    length = root.lengths(block.design)
    leverage = terms.curvature * np.square(length)
    return Leverages(
        design=block.design,
        root=root,
        length=length,
        residual=terms.residual,
        curvature=terms.curvature,
        leverage=leverage,
        left=np.maximum(1 - leverage, 1 - LARGEST_LEVERAGE),
    )


def score_and_longest(rows: Rows, coefficients: Array, root: Root) -> tuple[Array, float]:
    """The score (k,) of all rows, and the longest in columns that a root whitens: in one pass."""

    def both(block: Block) -> tuple[Array, float]:
        score = row_terms(block, coefficients).residual @ block.design
        return score, float(root.lengths(block.design).max())

    def of_two(one: tuple[Array, float], two: tuple[Array, float]) -> tuple[Array, float]:
        return one[0] + two[0], max(one[1], two[1])

    return as_held(rows).reduce(both, of_two)
