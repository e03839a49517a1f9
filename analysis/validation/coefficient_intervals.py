r"""Bootstrap intervals of coefficients: percentile, and bias-corrected and accelerated.

Where a sample has no MLE, its coefficients are not finite, or not determined. It then counts as
below the lower end of a percentile interval and above its upper end: each end is as far out as it
can be wherever the fits that do not exist are put, and infinite where they are too many. How large
the bias is, is not known then, and there is no BCa interval.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import percentages
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

SAME = 1e-6  # standard errors: estimates closer than that to another differ by rounding, if at all


def accelerations(
    model: BernoulliLogistic, fit: PointEstimate, clusters: NDArray[np.intp] | None = None
) -> Array:
    r"""How fast the standard error of each coefficient changes with it, (k,).

    :math:`\sum u^3 / 6 (\sum u^2)^{3/2}` over observations, of whose coefficients the empirical
    influence is :math:`u = H^{-1} x r`, with the residual r and the information H (Efron 1987).
    Where `clusters` (n,) are drawn the sums are over these, of the sum of u in each.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.validation.coefficient_intervals import accelerations
    >>> from flatprior.models import BernoulliLogistic, fit_newton
    >>> model = BernoulliLogistic.from_arrays(np.ones((4, 1)), [0, 0, 0, 1])
    >>> accelerations(model, fit_newton(model)).round(4).tolist()  # 6 / 16 over 6 (3 / 4)^1.5
    [0.0962]
    """
    covariance = fit.covariance
    if clusters is not None:
        block = as_held(model.arrays).block(slice(None))
        residual = row_terms(block, fit.coefficients).residual
        own = (block.design @ covariance) * residual[:, None]
        whole = np.column_stack([np.bincount(clusters, column) for column in own.T])
        with np.errstate(invalid="ignore"):
            cubes, squares = (whole**3).sum(axis=0), np.square(whole).sum(axis=0)
            return np.asarray(cubes / (6 * squares**1.5))

    def of_block(block: Block) -> Array:
        residual = row_terms(block._replace(weights=None), fit.coefficients).residual
        influence = (block.design @ covariance) * residual[:, None]
        square = np.square(influence)
        return np.array([block.counts @ (square * influence), block.counts @ square])

    cubes, squares = as_held(model.rows).reduce(of_block)
    with np.errstate(invalid="ignore"):
        return np.asarray(cubes / (6 * squares**1.5))


def bootstrap_intervals(
    fit: PointEstimate, coefficients: Array, acceleration: Array, kind: str, prob: float
) -> pd.DataFrame:
    """One row a coefficient: estimate, bootstrap bias and standard error, ends of the interval.

    Parameters
    ----------
    fit : PointEstimate
    coefficients : ndarray (m, k)
        Of bootstrap samples; NaN without an MLE.
    acceleration : ndarray (k,)
    kind : {"percentile", "BCa"}
    prob : float
    """
    there = coefficients[np.isfinite(coefficients).all(axis=1)]
    k, lost = len(fit.names), len(coefficients) - len(there)
    nothing, nan = np.full(k, math.nan), np.full((k, 2), math.nan)
    levels = np.tile([0.5 - prob / 2, 0.5 + prob / 2], (k, 1))
    if kind == "BCa":
        corrected = _corrected(levels, there, fit, acceleration) if len(there) else nan
        levels = nan if lost else corrected
    ends = np.array([_ends(np.sort(there[:, j]), lost, levels[j]) for j in range(k)])
    low, high = percentages(prob)
    return pd.DataFrame(
        {
            "estimate": fit.coefficients,
            "bias": there.mean(axis=0) - fit.coefficients if len(there) else nothing,
            "SE": there.std(axis=0, ddof=1) if len(there) > 1 else nothing,
            low: ends[:, 0],
            high: ends[:, 1],
        },
        index=pd.Index(fit.names, name="name"),
    )


def _corrected(levels: Array, there: Array, fit: PointEstimate, acceleration: Array) -> Array:
    """At which quantiles the ends of BCa intervals are, (k, 2); NaN where there are none."""
    away, same = there - fit.coefficients, SAME * fit.standard_errors
    below = (away < -same).mean(axis=0) + (np.abs(away) <= same).mean(axis=0) / 2
    bias = ndtri(below)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = bias + ndtri(levels)
        found = ndtr(bias + moved / (1 - acceleration[:, None] * moved))
    sound = np.isfinite(bias) & (1 - acceleration[:, None] * moved > 0)
    return np.where(sound, found, math.nan)


def _ends(ordered: Array, lost: int, levels: Array) -> tuple[float, float]:
    """Quantiles at two levels of numbers and of others, wherever these are put."""
    infinite = np.full(lost, math.inf)
    return (
        _quantile(np.concatenate([-infinite, ordered]), levels[0]),
        _quantile(np.concatenate([ordered, infinite]), levels[1]),
    )


def _quantile(ordered: Array, level: float) -> float:
    """Linear between order statistics, as NumPy's; infinite if either of the two is."""
    if not len(ordered) or math.isnan(level):
        return math.nan
    place = level * (len(ordered) - 1)
    below = int(place)
    share = place - below
    one, two = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    if share == 0 or math.isinf(one):
        return one
    return two if math.isinf(two) else one + share * (two - one)
