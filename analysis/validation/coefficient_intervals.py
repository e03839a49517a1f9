r"""Bootstrap intervals of coefficients: percentile, and bias-corrected and accelerated.

Where a sample has no MLE, its coefficients are not finite, or not determined. It then counts as
below the lower end of a percentile interval and above its upper end: each end is as far out as it
can be wherever the fits that do not exist are put, and infinite where they are too many. Of
a BCa interval the bias depends on how many of them are put on which side of the estimate: each end
is the furthest of all that these numbers give.
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
from flatprior.models.common.text import SCREEN, names_in, printable
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
    nothing, levels = np.full(k, math.nan), np.array([0.5 - prob / 2, 0.5 + prob / 2])
    ends = np.array(
        [
            _ends(np.sort(there[:, j]), lost, levels)
            if kind == "percentile"
            else _corrected_ends(
                np.sort(there[:, j]) - fit.coefficients[j],
                lost,
                levels,
                SAME * fit.standard_errors[j],
                acceleration[j],
            )
            + fit.coefficients[j]
            for j in range(k)
        ]
    )
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


def _corrected_ends(
    away: Array, lost: int, levels: Array, same: float, acceleration: float
) -> Array:
    """Both ends of a BCa interval, less the estimate; NaN where they may be undefined.

    Of the sorted differences from the estimate `away`, those within `same` count as half below it.
    So many `lost` ones are put below or above: below they are -inf for the lower end, and 0 for the
    upper, and above the other way round.
    """
    if not len(away):
        return np.full(2, math.nan)
    m = len(away) + lost
    below = np.count_nonzero(away < -same) + np.count_nonzero(np.abs(away) <= same) / 2
    one, two = np.split(away, [int(np.searchsorted(away, 0.0))])
    low, high = [], []
    for n in range(lost + 1):
        first, second = _corrected(levels, (below + n) / m, acceleration)
        lowest = [np.full(n, -math.inf), one, np.zeros(lost - n), two]
        highest = [one, np.zeros(n), two, np.full(lost - n, math.inf)]
        low.append(_quantile(np.concatenate(lowest), first))
        high.append(_quantile(np.concatenate(highest), second))
    return np.array([np.min(low), np.max(high)])  # NaN if any is


def _corrected(levels: Array, below: float, acceleration: float) -> Array:
    """At which quantiles the ends are, of a share `below` the estimate; NaN without one."""
    bias = ndtri(below)
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = bias + ndtri(levels)
        found = ndtr(bias + moved / (1 - acceleration * moved))
        sound = np.isfinite(bias) & (1 - acceleration * moved > 0)
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


def without_ends(frame: pd.DataFrame) -> list[str]:
    """What to do about ends of `bootstrap_intervals` that are infinite, or that there are not.

    Examples
    --------
    >>> import math
    >>> import pandas as pd
    >>> from flatprior.analysis.validation.coefficient_intervals import without_ends
    >>> frame = pd.DataFrame({"2.5%": [-1.0, 0.2], "97.5%": [2.0, math.inf]}, index=["a", "b"])
    >>> without_ends(frame)[0]
    'too many samples have no MLE for an end of b; confidence_intervals(model) needs no samples'
    """
    ends = frame.iloc[:, -2:].to_numpy()
    undefined, infinite = np.isnan(ends).any(axis=1), np.isinf(ends).any(axis=1)
    found = []
    if infinite.any():
        found.append(
            f"too many samples have no MLE for an end of {_named(frame, infinite)}; "
            "confidence_intervals(model) needs no samples"
        )
    if undefined.any():
        found.append(
            f"no BCa interval of {_named(frame, undefined)}: all estimates of samples lie, or may "
            "lie, on one side of that of the data; kind='percentile' has one"
        )
    return found


def _named(frame: pd.DataFrame, which: NDArray[np.bool_]) -> str:
    return names_in(SCREEN, [printable(name) for name in frame.index[which]])
