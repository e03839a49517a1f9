r"""Calibration of many predictions at once: each a refit on its own log-odds, with a certificate.

:math:`\operatorname{logit} P(y = 1) = a + b\,\ell` with the log-odds :math:`\ell` of a prediction
has slope b = 1 and intercept a = 0 where predictions are right (Cox 1958, "Two further applications
of a model for binary regression", Biometrika 45, 562-565). The log-odds are taken as they are: what
is proved is the maximum of the refit on these numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.direction_bounds import ROW_ULPS
from flatprior.models.refits.refitting import fitted_alone
from flatprior.models.refits.simultaneous import FARTHEST, Answers, Sums, fit_some
from flatprior.models.rows import ArrayRows, Extent

START = np.array([0.0, 1.0])
PAIRWISE = 128  # numbers that NumPy adds one after the other, before it adds sums in pairs


@dataclass(frozen=True, eq=False, kw_only=True)
class Recalibrations:
    """Refits of an intercept and a slope, each on log-odds of its own.

    Attributes
    ----------
    log_odds : ndarray (d, n)
    sign : ndarray (n,)
    weights : ndarray (d, n) or (1, n)
    """

    log_odds: Array
    sign: Array
    weights: Array

    @cached_property
    def extent(self) -> Extent:
        """Largest absolute values of a column of ones, and of all log-odds."""
        return Extent(np.array([1.0, np.abs(self.log_odds).max()]), 0.0)

    @cached_property
    def total(self) -> float:
        """Observations of a fit, at most."""
        return float(len(self.sign) * self.weights.max())

    @property
    def sum_error(self) -> float:
        """By the additions that a term goes through, which NumPy does in pairs."""
        n = len(self.sign)
        return (PAIRWISE + math.log2(n + 1) + 16) * UNIT

    def at(self, fits: NDArray[np.intp], beta: Array) -> Sums:
        """The sums of some fits (d,), each at coefficients of its own (d, 2)."""
        column = self.log_odds[fits]
        weights = self.weights if len(self.weights) == 1 else self.weights[fits]
        margin = beta[:, 1:] * column
        margin += beta[:, :1]
        margin *= self.sign
        np.minimum(margin, FARTHEST, out=margin)
        against = np.exp(margin, out=margin)
        wrong = 1.0 / (1.0 + against)
        curvature = against
        curvature *= wrong
        curvature *= wrong
        curvature *= weights
        wrong *= weights
        size = np.array([wrong.sum(axis=1), (wrong * np.abs(column)).sum(axis=1)]).T
        wrong *= self.sign
        score = np.array([wrong.sum(axis=1), (wrong * column).sum(axis=1)]).T
        information = np.empty((len(beta), 2, 2))
        information[:, 0, 0] = curvature.sum(axis=1)
        curvature *= column
        information[:, 0, 1] = information[:, 1, 0] = curvature.sum(axis=1)
        curvature *= column
        information[:, 1, 1] = curvature.sum(axis=1)
        reach = np.abs(beta) @ self.extent.columns
        row_error = np.expm1(4 * UNIT * reach) + 2 * ROW_ULPS
        return Sums(
            score=score,
            rounding=(row_error + self.sum_error)[:, None] * size,
            information=information,
            row_error=row_error,
            column_error=np.zeros(len(beta)),
            longest=np.full(len(beta), np.linalg.norm(self.extent.columns)),
        )

    def longest(self, here: Sums, white: Array) -> Array:
        """Bound (d,) on the lengths of rows in columns whitened by each of `white` (d, 2, 2)."""
        by_entry = np.einsum("dji,j->di", np.abs(white), self.extent.columns)
        return np.asarray(np.linalg.norm(by_entry, axis=1))

    def standard_errors(self, fits: NDArray[np.intp], white: Array) -> Array:
        """Of intercept and slope, (d, 2)."""
        return np.asarray(np.linalg.norm(white, axis=2))


def recalibrated(model: BernoulliLogistic, some: Recalibrations) -> Answers:
    """Intercept and slope of each refit; NaN of those that have no MLE.

    Parameters
    ----------
    model : BernoulliLogistic
        Whose rows, in memory, these predictions are of, or a model of other rows.
    some : Recalibrations

    Examples
    --------
    Of 2 events among 4, and 3 among 4, a prediction says 0 and 1 on the scale of log-odds.

    >>> import numpy as np
    >>> from flatprior.analysis.validation.recalibration import Recalibrations, recalibrated
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays(np.ones((4, 1)), [0, 1, 0, 1])
    >>> log_odds, weights = np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[2.0, 2.0, 1.0, 3.0]])
    >>> found = recalibrated(model, Recalibrations(
    ...     log_odds=log_odds, sign=np.array([-1.0, 1.0, -1.0, 1.0]), weights=weights))
    >>> bool(np.allclose(found.coefficients, [[0, np.log(3)]], rtol=0, atol=1e-14))
    True
    """
    with np.errstate(all="ignore"):
        found = fit_some(some, np.arange(len(some.log_odds)), START)
    for i in np.flatnonzero(np.isinf(found.error_bounds)):
        if not np.isfinite(some.log_odds[i]).all() or np.ptp(some.log_odds[i]) == 0:
            continue  # as of an intercept alone
        design = np.column_stack([np.ones_like(some.sign), some.log_odds[i]])
        alone = fitted_alone(
            replace(
                model,
                rows=ArrayRows(design, (1 + some.sign) / 2),
                names=("intercept", "slope"),
                row_labels=pd.RangeIndex(len(some.sign)),
                encoding=None,
                aliased=None,
            ),
            some.weights[i % len(some.weights)],
        )
        if not alone.reason:
            found.coefficients[i] = alone.coefficients
            found.standard_errors[i] = alone.standard_errors
            found.error_bounds[i] = alone.error_bound
    return found
