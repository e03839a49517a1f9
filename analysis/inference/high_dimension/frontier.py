r"""Where the MLE of many coefficients ceases to exist.

Gaussian rows, k / n tending to :math:`\kappa`, are separated with probability tending to 1 where
:math:`\kappa` is above

.. math:: h(\gamma) = \min_t E (t V - Z)_+^2

and with probability tending to 0 below; V is a standard normal variable with the sign of the
outcome, of probability :math:`\rho'(\gamma V)` where it is 1, Z standard normal. An intercept makes
h smaller, unless it is 0. Given V the mean over Z is :math:`(1 + a^2)\Phi(a) + a\varphi(a)` at
:math:`a = tV`. Candès and Sur (2020), "The phase transition for the existence of the maximum
likelihood estimate in high-dimensional logistic regression", Annals of Statistics 48, 27-42.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, ndtr

from flatprior.analysis.inference.high_dimension.state_evolution import normal_nodes

STRONGEST = 50.0  # signal that is looked for
MOST_SLOPE = 50.0


def most_coefficients(gamma: float) -> float:
    """Coefficients an observation above which rows of this signal strength are separated.

    Examples
    --------
    Without a signal it is one half (Cover 1965).

    >>> from flatprior.analysis.inference.high_dimension.frontier import most_coefficients
    >>> round(most_coefficients(0.0), 9)
    0.5
    """
    v, weight = normal_nodes(max(gamma, 1.0))
    weight = 2 * weight * expit(gamma * v)

    def mean(slope: float) -> float:
        a = slope * v
        density = np.exp(-np.square(a) / 2) / math.sqrt(2 * math.pi)
        return float(weight @ ((1 + np.square(a)) * ndtr(a) + a * density))

    found = minimize_scalar(
        mean, bounds=(-MOST_SLOPE, 0.0), method="bounded", options={"xatol": 1e-9}
    )
    return float(min(found.fun, mean(0.0)))


def largest_signal(kappa: float) -> float:
    """Signal strength above which rows are separated at so many coefficients an observation.

    0 where they are whatever the signal.

    Examples
    --------
    >>> from flatprior.analysis.inference.high_dimension.frontier import largest_signal
    >>> round(largest_signal(0.2), 3)
    4.55
    """
    if kappa >= most_coefficients(0.0):
        return 0.0
    if kappa <= most_coefficients(STRONGEST):
        return math.inf
    return float(brentq(lambda gamma: most_coefficients(gamma) - kappa, 0.0, STRONGEST))
