r"""p-values and intervals of several contrasts together.

Holm's (1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6, 65-70) and Bonferroni's hold whatever contrasts depend on one another. Tukey's are of
the range of q independent normal means, for all pairs of them. Of means with different variances it
errs on the safe side: of independent ones (Hayter 1984, "A proof of the conjecture that the
Tukey-Kramer multiple comparisons procedure is conservative", Annals of Statistics 12, 61-75), and
of three whatever their covariance (Brown 1984, "A note on the Tukey-Kramer procedure for pairwise
comparisons of correlated means", in Design of Experiments: Ranking and Selection, Dekker, 1-6). Of
more that are correlated that is not proved.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtri, stdtrit

from flatprior.analysis.inference.functionals import Functionals, OfEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import wald_reach

Adjustment = Literal["none", "holm", "bonferroni", "tukey"]
PROVED = 3  # means, of which Tukey's p-values are conservative whatever their covariance
INDEPENDENT = 1e-9  # a correlation of means that is none
STEP = 1 / 16  # of the trapezoid rule, whose error decreases like exp(-2 (pi / step)^2)
BEYOND = 12.0  # standard deviations on either side of where the integrand may be


def range_tail(length: float, q: int) -> float:
    r"""Probability that q independent standard normal variables range over more than a length.

    .. math:: q \int \varphi(z) \{\Phi(z)^{q-1} - [\Phi(z) - \Phi(z - w)]^{q-1}\} dz,

    in which nothing is subtracted from nearly its equal, so that small tails are right too.

    Parameters
    ----------
    length : float
        At least 0.
    q : int
        At least 2.

    Returns
    -------
    float
        To about 13 digits; NaN of NaN.

    Examples
    --------
    Of two variables the range is the size of a difference, with variance 2.

    >>> from flatprior.analysis.inference.means.adjustments import range_tail
    >>> round(range_tail(1.959964 * 2**0.5, 2), 6)
    0.05
    """
    if math.isnan(length):
        return math.nan
    z = np.arange(-BEYOND, min(length, 100.0) + BEYOND, STEP)
    below = log_ndtr(z)
    with np.errstate(under="ignore", divide="ignore"):
        shares = np.minimum(np.exp(log_ndtr(z - length) - below), 1.0)
        log_density = (q - 1) * below - z * z / 2
        part = np.exp(log_density) * -np.expm1((q - 1) * np.log1p(-shares))
    return min(float(q * part.sum() * STEP / math.sqrt(2 * math.pi)), 1.0)


def adjusted(p: Array, z: Array, adjust: Adjustment, q: int) -> Array:
    """Adjusted p-values of the contrasts of one family, of q means; NaN is of no family.

    Parameters
    ----------
    p, z : ndarray (m,)
        The single p-values, and the contrasts in standard errors.
    adjust : {"none", "holm", "bonferroni", "tukey"}
    q : int

    Returns
    -------
    ndarray (m,)

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.means.adjustments import adjusted
    >>> adjusted(np.array([0.01, 0.04, 0.03]), np.zeros(3), "holm", 3).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    known = np.flatnonzero(~np.isnan(p))
    m, found = len(known), np.array(p)
    if adjust == "tukey":
        return np.array([range_tail(math.sqrt(2) * abs(each), q) for each in z])
    if adjust == "bonferroni":
        return np.minimum(m * found, 1.0)
    if adjust == "holm":
        order = known[np.argsort(found[known], kind="stable")]
        found[order] = np.maximum.accumulate(np.minimum(np.arange(m, 0, -1) * found[order], 1.0))
    return found


def reach_of(
    prob: float, adjust: Adjustment, m: int, q: int, df: Array | None = None
) -> float | Array:
    """Standard errors to either side of m contrasts of q means, with `prob` for all together.

    Those of Holm's are Bonferroni's: his procedure has no intervals of its own. With degrees of
    freedom, of each contrast its own, they are Student's; Tukey's takes none.
    """
    if adjust == "none" or m == 0:
        return wald_reach(prob, df)
    if adjust != "tukey":
        outside = (1 - prob) / (2 * m)
        return float(-ndtri(outside)) if df is None else np.asarray(-stdtrit(df, outside))
    assert df is None  # noqa: S101
    # no narrower than one of them alone, and no wider than Bonferroni's
    ends = wald_reach(prob) * (1 - 1e-9), float(-ndtri((1 - prob) / (q * (q - 1)))) * (1 + 1e-9)
    tail = 1 - prob
    return float(
        brentq(lambda z: math.log(range_tail(math.sqrt(2) * z, q) / tail), *ends, xtol=1e-13)
    )


def correlated(means: Functionals, matrix: Array) -> bool:
    """Whether means of a family are correlated."""
    assert isinstance(means, OfEstimate)  # noqa: S101
    some = means.known & matrix.any(axis=0)
    rooted = means.root.rooted(means.jacobian[some])
    unit = rooted / np.linalg.norm(rooted, axis=1)[:, None]
    return not bool(np.abs(unit @ unit.T - np.eye(len(unit))).max() <= INDEPENDENT)
