r"""Degrees of freedom of a covariance that is estimated from few clusters.

By CR2 the variance of a combination :math:`c'\hat\beta` is estimated as the sum over clusters of
:math:`q_i^2`, :math:`q_i = g_i' r_i` with r the residuals of a cluster. Where the model is right,
the q have the covariance P, whose trace is the variance that is estimated. With normal residuals
the sum has the mean :math:`\operatorname{tr} P` and the variance :math:`2 \lVert P \rVert^2`, which
are those of a multiple of chi-squared with

.. math:: \nu = (\operatorname{tr} P)^2 / \lVert P \rVert^2

degrees of freedom (Satterthwaite), and the ratio is referred to Student's t with these (Bell and
McCaffrey 2002; Pustejovsky and Tipton 2018, as ``clubSandwich::coef_test``). Of q combinations at
once the covariance is taken as a Wishart matrix whose degrees of freedom :math:`\eta` give the sum
of the variances of its entries, and the Wald statistic Q as Hotelling's
(``clubSandwich::Wald_test(test = "HTZ")``):

.. math:: \frac{\eta - q + 1}{\eta q} Q \sim F(q, \eta - q + 1).

In columns that whiten the information, with T a cluster's adjusted rows times the standard
deviations of its responses and z the rows of the root of its part of the hat matrix,
:math:`P = D - F F'`, where :math:`F_i = \ell' T_i' z_i`; the diagonal comes from the adjustment
itself, without a difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import fdtrc

from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Structured

LARGEST = 2**23  # numbers of all clusters that are kept
NOTHING = 1e-8  # of the variance of a combination, of which no cluster says anything
AT_ONCE = 2**22  # products of clusters that are formed at a time


@dataclass(frozen=True, eq=False)
class ClusterMoments:
    """What the model says of the scores of clusters whose residuals are adjusted.

    Attributes
    ----------
    own : ndarray (g, k, k)
        Covariance of the score of each cluster, in whitened columns.
    along : ndarray (g, k, k)
        ``T'z``: that of two clusters is minus the product of theirs.
    white : ndarray (k, k)
        W, by which columns are whitened: WW' is the inverse information.
    """

    own: Array
    along: Array
    white: Array

    def degrees_of_freedom(self, matrix: Array) -> float:
        r"""Degrees of freedom :math:`\eta` of the covariance of combinations (q, k), at once.

        NaN where no cluster says anything of one of them.

        Examples
        --------
        The mean of four clusters of one observation each has three.

        >>> import numpy as np
        >>> from flatprior.analysis.inference.sandwiches.degrees_of_freedom import ClusterMoments
        >>> z = np.full((4, 1, 1), 0.5)
        >>> clusters = ClusterMoments(z**2, z / np.sqrt(0.75) * z, np.ones((1, 1)))
        >>> round(clusters.degrees_of_freedom(np.ones((1, 1))), 12)
        3.0
        """
        turned = np.linalg.qr((matrix @ self.white).T)[0].T
        own = turned @ self.own @ turned.T
        values, vectors = np.linalg.eigh(own.sum(axis=0))  # 1 where a variance is unbiased
        if not values[0] > NOTHING:
            return math.nan
        half = (vectors / np.sqrt(values)).T
        own, along = half @ own @ half.T, half @ turned @ self.along
        q, g = len(turned), len(along)
        total = np.square(np.trace(own, axis1=1, axis2=2)).sum() + np.square(own).sum()
        # pairs of different clusters, B their covariance: (tr B)^2 + tr BB
        step = max(1, AT_ONCE // (g * q * q))
        for start in range(0, g, step):
            some = along[start : start + step]
            both = np.einsum("iak,jbk->ijab", some, along, optimize=True)
            both[np.arange(len(some)), np.arange(start, start + len(some))] = 0
            total += np.square(np.trace(both, axis1=2, axis2=3)).sum()
            total += np.einsum("ijab,ijba->", both, both)
        return float(q * (q + 1) / total)

    def each(self, combinations: Array | Structured | None = None) -> Array:
        """Degrees of freedom of each of m combinations (m, k) alone, (m,); of every coefficient.

        Infinitely many where a combination is 0, and not uncertain at all; NaN where it is not
        known, or no cluster says anything of it.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.analysis.inference.sandwiches.degrees_of_freedom import ClusterMoments
        >>> z = np.full((4, 1, 1), 0.5)
        >>> clusters = ClusterMoments(z**2, z / np.sqrt(0.75) * z, np.ones((1, 1)))
        >>> clusters.each(np.array([[2.0], [0.0]])).round(12).tolist()
        [3.0, inf]
        """
        g, k = self.own.shape[:2]
        rows: Any = np.eye(k) if combinations is None else combinations
        found = [np.empty(0)]
        step = max(1, AT_ONCE // (g * k * k))
        for start in range(0, rows.shape[0], step):
            turned = np.asarray(rows[start : start + step] @ self.white)
            lengths = np.linalg.norm(turned, axis=1)
            unit = turned / np.where(lengths > 0, lengths, 1.0)[:, None]
            own = np.einsum("ma,gab,mb->mg", unit, self.own, unit, optimize=True)
            along = np.einsum("ma,gab->mgb", unit, self.along, optimize=True)
            # pairs of different clusters: all of them, less those of a cluster with itself
            all_pairs = np.square(along.transpose(0, 2, 1) @ along).sum(axis=(1, 2))
            itself = np.square(np.square(along).sum(axis=2)).sum(axis=1)
            total = np.square(own).sum(axis=1) + all_pairs - itself
            variance = own.sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                df = np.where(variance > NOTHING, variance**2 / total, math.nan)
            found.append(np.where(lengths == 0, math.inf, df))
        return np.concatenate(found)


def hotelling(statistic: float, q: int, df: float) -> tuple[float, float, float]:
    """F, its second degrees of freedom and p, of a Wald statistic of q restrictions.

    All NaN where the degrees of freedom are too few to tell anything of q together.

    Examples
    --------
    >>> from flatprior.analysis.inference.sandwiches.degrees_of_freedom import hotelling
    >>> f, df, p = hotelling(4.0, 1, 10.0)  # the square of Student's t
    >>> f, df, round(p, 4)
    (4.0, 10.0, 0.0734)
    """
    left = df - q + 1
    if not left > 0:
        return math.nan, math.nan, math.nan
    f = left / (df * q) * statistic
    return f, left, float(fdtrc(q, left, f))
