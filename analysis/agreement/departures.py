r"""What the tests of draws would have told: how small a departure, and of which wrong draws.

Draws of a distribution that lies a shift :math:`d` away have the mean score :math:`-Hd`, and draws
with :math:`1 + t` times the variance have the mean :math:`-k (1 + t)` in place of :math:`-k` in the
trace identity. How large a shift or spread must be for a test to fail nine times in ten follows
from the Monte Carlo error of the score and the trace (of these draws, in batches).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ncfdtrinc
from scipy.stats import f as f_distribution, t as t_distribution

from flatprior.analysis.monte_carlo import skewness_and_meat
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.roots import Root

POWER = 0.9
PRIOR_SD = 2.5  # of the prior that other packages put on standardised coefficients


@dataclass(frozen=True, eq=False)
class Sight:
    """The Monte Carlo error of the tests, and so the departures that they tell.

    Attributes
    ----------
    score_covariance : ndarray (k, k)
        Of the mean whitened score.
    trace_error : float
        Standard error of the mean trace.
    batches : int
    """

    score_covariance: Array
    trace_error: float
    batches: int

    @classmethod
    def of(cls, scores: Array, traces: Array) -> Sight:
        """From batch means (m, k) of the whitened score and (m, 1) of the trace."""
        m = len(scores)
        covariance = np.atleast_2d(np.cov(scores, rowvar=False)) / m
        return cls(covariance, float(traces.std(ddof=1) / math.sqrt(m)), m)

    @property
    def k(self) -> int:
        """Number of coefficients."""
        return len(self.score_covariance)

    def _noncentrality(self, threshold: float) -> float:
        """Of Hotelling's T-squared, with which it fails at `threshold` with probability `POWER`."""
        k, m = self.k, self.batches
        if m <= k + 1:
            return math.inf
        limit = float(f_distribution.isf(threshold, k, m - k))
        found = float(ncfdtrinc(k, m - k, 1 - POWER, limit))
        # the function gives up far out; that is no test
        return found if 0 < found < 1e9 else math.inf

    def shift(self, threshold: float) -> float:
        """Shift, in standard errors, that is told in whichever direction it goes."""
        largest = float(np.linalg.eigvalsh(self.score_covariance)[-1])
        return math.sqrt(self._noncentrality(threshold) * largest)

    def spread(self, threshold: float) -> float:
        """Relative change of the variance that is told."""
        freedom = self.batches - 1
        reach = t_distribution.isf(threshold / 2, freedom) + t_distribution.isf(1 - POWER, freedom)
        return float(reach * self.trace_error / self.k)

    def tells(self, shift: Array, spread: float, threshold: float) -> bool:
        """Whether a whitened shift (k,), or a relative change of the variance, is told."""
        if abs(spread) >= self.spread(threshold):
            return True
        try:
            size = float(shift @ np.linalg.solve(self.score_covariance, shift))
        except np.linalg.LinAlgError:  # draws that do not move
            return False
        return size >= self._noncentrality(threshold)


@dataclass(frozen=True, eq=False)
class Departure:
    """Draws from something else than the posterior, to first order.

    Attributes
    ----------
    name : str
    shift : ndarray (k,)
        Of their mean from the posterior's, in whitened coordinates.
    spread : float
        Relative difference of their variance.
    sight : Sight
    """

    name: str
    shift: Array
    spread: float
    sight: Sight

    def told(self, threshold: float) -> bool:
        """Whether the tests tell such draws nine times in ten."""
        return self.sight.tells(self.shift, self.spread, threshold)


def named_departures(
    model: BernoulliLogistic, mle: PointEstimate, root: Root, shift: Array, sight: Sight
) -> tuple[Departure, ...]:
    """What draws are often from by mistake: where they lie, by first-order theory.

    `root` is that of the covariance at `mle`, `shift` (k,) that of the posterior mean.
    A normal approximation lacks the shift of the mean; bootstrap estimates have it (their bias is
    the same to first order) but the variance of the sandwich; a normal prior pulls by the
    coefficient over its variance.
    """
    k, precision = len(shift), PRIOR_SD**-2
    sandwich = skewness_and_meat(model, mle, root)[1] / k
    return (
        Departure(
            "draws from the normal approximation at the MLE",
            root.unplaced(shift),
            0.0,
            sight,
        ),
        Departure(
            f"draws under a normal prior of standard deviation {PRIOR_SD:g}",
            precision * root.rooted(mle.coefficients[None])[0],
            -precision * float(np.square(root.standard_errors).sum()) / k,
            sight,
        ),
        Departure("bootstrap estimates", np.zeros(k), sandwich - 1, sight),
    )
