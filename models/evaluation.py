"""What is found at some coefficients, whatever the way: the certificate and what goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.results import Certificate


class Variances(Protocol):
    """A covariance, or what one can be formed of."""

    def diagonal(self) -> Any:
        """The variances (k,)."""


@dataclass(frozen=True, eq=False)
class Diagonal:
    """The variances (k,) of a covariance that is not there, and why it is not, in words."""

    variances: Array
    why: str

    def diagonal(self) -> Array:
        """The variances (k,)."""
        return self.variances

    @property
    def matrix(self) -> Array:
        """Raise a `ValueError`: it is not there."""
        raise InputError(f"the covariance of {len(self.variances)} coefficients {self.why}")


def formed(covariance: Variances) -> Array:
    """The covariance (k, k)."""
    return covariance if isinstance(covariance, np.ndarray) else cast(Any, covariance).matrix


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` finds at some coefficients."""

    certificate: Certificate
    covariance: Variances
    log_likelihood: float
    by_coordinates: bool = False  # whether directions have bounds of their own


def relative_error(variances: float, change: float) -> float:
    r"""How far standard errors may be from those at the MLE, relative to these.

    Parameters
    ----------
    variances : float
        Relative rounding error that the variances may have, of the place where they are computed.
    change : float
        c, where no direction has there more than :math:`e^c` times or less than :math:`e^{-c}`
        times the information that it has at the MLE.

    Examples
    --------
    >>> from flatprior.models.evaluation import relative_error
    >>> round(relative_error(0.0, 2e-9), 15), relative_error(1.5, 0.0)
    (1e-09, inf)
    """
    if not (variances < 1 and change < 1):
        return math.inf
    return math.expm1((change - math.log1p(-variances)) / 2)


def certain_digits(errors: Array, coefficients: Array) -> Array:
    """How many significant digits of each coefficient an error of that size leaves certain, (k,).

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.evaluation import certain_digits
    >>> certain_digits(np.array([1e-9, 10.0, 0.1]), np.array([10.0, 1.0, 0.0])).tolist()
    [10.0, 0.0, 0.0]
    """
    with np.errstate(divide="ignore"):  # a coefficient of exactly 0 has none
        return np.asarray(np.maximum(-np.log10(errors / np.abs(coefficients)), 0.0))
