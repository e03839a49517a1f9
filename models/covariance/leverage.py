r"""The leverage of each row, and the Newton step without one observation of it.

With V the inverse information at some coefficients, the leverage of an observation of row i is
:math:`h_i = p_i(1 - p_i)\,x_i'Vx_i`, and without it the inverse information is

.. math:: V + \frac{p_i(1 - p_i)\,Vx_i x_i'V}{1 - h_i}

(Sherman and Morrison). From the MLE of all rows the Newton step without it is therefore
:math:`-(y_i - p_i) V x_i / (1 - h_i)`. In whitened columns V is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block

LARGEST_LEVERAGE = 1 - 1e-8  # beyond it 1 - h has lost half of its digits


@dataclass(frozen=True, eq=False, kw_only=True)
class Leverages:
    """Rows in whitened columns, each as if it stood for one observation.

    Attributes
    ----------
    white : ndarray (m, k)
    length : ndarray (m,)
        Of these rows: the standard error of their linear predictors.
    residual, curvature : ndarray (m,)
    leverage : ndarray (m,)
        h; it may be 1, or by rounding more than that.
    left : ndarray (m,)
        ``1 - h``, which divides; that of `LARGEST_LEVERAGE` for a row whose leverage is larger.
        Such a row is judged by the fit of the others: nothing that is divided by this says more of
        it than that it is far from them.
    """

    white: Array
    length: Array
    residual: Array
    curvature: Array
    leverage: Array
    left: Array

    def steps(self, score: Array | None = None) -> Array:
        """Newton steps without one observation of each row, in whitened columns, (m, k).

        `score` (k,) is that of all rows, in whitened columns; at their MLE there is none.
        """
        if score is None:
            return -(self.residual / self.left)[:, None] * self.white
        along = (self.curvature * (self.white @ score) - self.residual) / self.left
        return np.asarray(score + along[:, None] * self.white)

    def solved(self, rows: NDArray[np.intp], scores: Array) -> Array:
        """A score for each of these rows, times the inverse information without one of it.

        `scores` (len(rows), k) and what is returned are in whitened columns.
        """
        white = self.white[rows]
        along = np.einsum("ij,ij->i", white, scores) / self.left[rows]
        return np.asarray(scores + (self.curvature[rows] * along)[:, None] * white)


def leverages(block: Block, coefficients: Array, transform: Array) -> Leverages:
    """Leverage of one observation of each row, in columns that `transform` (k, k) whitens.

    Examples
    --------
    Without a slope each of n observations has a leverage of 1 / n.

    >>> import numpy as np
    >>> from flatprior.models.covariance.leverage import leverages
    >>> from flatprior.models.rows import ArrayRows
    >>> from flatprior.models.covariance.whitening import whitening
    >>> rows = ArrayRows(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> beta = np.log([3.0])
    >>> leverages(rows.block(slice(None)), beta, whitening(rows, beta)).leverage.round(12).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    terms = row_terms(block._replace(weights=None), coefficients)
    white = block.design @ transform
    length = np.linalg.norm(white, axis=1)
    leverage = terms.curvature * np.square(length)
    return Leverages(
        white=white,
        length=length,
        residual=terms.residual,
        curvature=terms.curvature,
        leverage=leverage,
        left=np.maximum(1 - leverage, 1 - LARGEST_LEVERAGE),
    )
