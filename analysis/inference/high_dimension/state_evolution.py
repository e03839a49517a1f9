r"""What the MLE of many coefficients converges to: the equations of Sur and Candès.

n independent Gaussian rows with k coefficients, k / n tending to :math:`\kappa`, the linear
predictor of variance :math:`\gamma^2` about the intercept :math:`\theta`. Then the MLE of
coefficient j is about normal with mean :math:`\alpha\beta_j` and standard deviation
:math:`\sigma / (\sqrt n \tau_j)`, :math:`\tau_j^2` the variance of column j given the others; that
of the intercept converges to :math:`\iota`. With :math:`\rho(t) = \log(1 + e^t)`, Z and W standard
normal, a true predictor :math:`Q_1 = \theta + \gamma Z`, a fitted one
:math:`Q_2 = \iota + \alpha\gamma Z + \sqrt\kappa\sigma W` of a row that was left out, an outcome y
of probability :math:`\rho'(Q_1)`, :math:`\hat Q` the fitted predictor with the row,
:math:`\hat Q = Q_2 + \lambda(y - \rho'(\hat Q))`, and its residual r,

.. math::
    \kappa^2\sigma^2 = \lambda^2 E r^2, \quad
    1 - \kappa = E\frac{1}{1 + \lambda\rho''(\hat Q)}, \quad
    E[Z r] = 0, \quad E r = 0.

By parts (Stein) the third is :math:`\kappa\alpha = \lambda E[\rho''(Q_1) (r_1 - r_0)]`, which holds
without a signal too; :math:`r_y` is the residual that an outcome y has.

Given :math:`Q_2`, whose standard deviation :math:`\eta` has
:math:`\eta^2 = \alpha^2\gamma^2 + \kappa\sigma^2`, the true predictor is normal. So residuals are
functions of one variable, and the second integral is of the logistic function alone. Both are taken
by the trapezoidal rule, whose error falls as :math:`e^{-2\pi d / h}` for integrands that are
analytic within d of the real line: here :math:`d = \pi / \eta`, for the branch points of
:math:`\hat Q` lie at :math:`\pm i\pi`.

Sur and Candès (2019), "A modern maximum-likelihood theory for high-dimensional logistic
regression", PNAS 116, 14516-14525. Zhao, Sur and Candès (2022), "The asymptotic distribution of the
MLE in high-dimensional logistic models: arbitrary covariance", Bernoulli 28, 1835-1861, have the
intercept, and columns of any covariance. (The package glmhd states :math:`\sqrt\kappa\sigma`.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import root
from scipy.special import expit

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import PrecisionError

REACH = 8.5  # standard deviations; beyond are 2e-17 of a normal distribution
LOST = 36.0  # e to minus this is below rounding
COARSEST = 0.25
MOST_STEPS = 60  # of Newton's method, which takes ten
NOWHERE = 1e3  # error of the equations where they are not evaluated
LARGEST = 100.0  # of a logarithm or an intercept: beyond, the search is lost
SOLVED, NEARLY = 1e-10, 1e-6  # residual of the equations: of the solution, and on the way to it
ROUGHLY = 2.0  # step of the quadrature on the way, in units of the usual one
SMALLEST_STEP = 0.02  # of a continuation
LARGEST_ETA = 60.0  # log-odds: a hair's breadth from separation, and slow


@dataclass(frozen=True, kw_only=True)
class StateEvolution:
    """A solution of the equations.

    Attributes
    ----------
    kappa : float
        Coefficients but the intercept, an observation.
    gamma : float
        Signal strength: standard deviation of the linear predictor.
    theta : float
        The intercept at the means of the columns; 0 without one.
    alpha : float
        Bias factor: what the MLE of each coefficient is multiplied by.
    sigma : float
        Of the MLE, in units of 1 over sqrt(n) tau_j.
    lambda_ : float
        What a row moves its own fitted predictor by, an unit of its residual.
    iota : float
        What the MLE of the intercept converges to.
    residual : float
        Largest error of the four equations, relative to their terms, with half the step of the
        quadrature: it holds the error of that too.
    """

    kappa: float
    gamma: float
    theta: float
    alpha: float
    sigma: float
    lambda_: float
    iota: float
    residual: float

    @property
    def eta(self) -> float:
        """Standard deviation of the fitted predictor of a row that is left out."""
        return math.hypot(self.alpha * self.gamma, math.sqrt(self.kappa) * self.sigma)

    @property
    def likelihood_ratio_factor(self) -> float:
        """What a likelihood ratio is of a chi-squared variable: kappa sigma^2 / lambda."""
        return self.kappa * self.sigma**2 / self.lambda_


class _At(NamedTuple):
    """Where the equations are evaluated; `signal` is gamma squared."""

    kappa: float
    signal: float
    theta: float
    eta: float
    iota: float
    alpha: float
    lambda_: float


# of a vector of unknowns, and of how far one has come, from 0 to 1; in the vector what is positive
# is a logarithm, over kappa where it vanishes with it, and what an intercept adds is the last
Path = Callable[[Array, float], _At]


def fitted(predictor: Array, lambda_: float) -> Array:
    r"""Fitted predictors of events, from those without them: :math:`q + \lambda\rho'(-z) = z`.

    Of other outcomes it is minus that of minus the predictor.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import expit
    >>> from flatprior.analysis.inference.high_dimension.state_evolution import fitted
    >>> q = np.array([-30.0, 0.0, 30.0])
    >>> z = fitted(q, 3.0)
    >>> bool(np.abs(q + 3 * expit(-z) - z).max() < 1e-14)
    True
    """
    # z - q - lambda rho'(-z) bends the other way at 0, and Newton's method does not cross its root
    # from there, nor from the nearer of its two bounds q and q + lambda
    found = np.where(
        predictor > -lambda_ / 2, np.maximum(predictor, 0.0), np.minimum(predictor + lambda_, 0.0)
    )
    for _ in range(MOST_STEPS):
        wrong = expit(-found)
        excess = found - predictor - lambda_ * wrong
        step = excess / (1 + lambda_ * wrong * (1 - wrong))
        found = found - step
        if (np.abs(step) <= 1e-15 * (1 + np.abs(found))).all():
            break
    return np.asarray(found)


def errors(at: _At, step: float = 1.0) -> Array:
    """The four equations, relative to their terms, (4,); `step` in units of the usual one."""
    kappa, gamma = at.kappa, math.sqrt(max(at.signal, 0.0))
    along = min(at.alpha * gamma / at.eta, 1.0)
    beside = gamma * math.sqrt(1 - along**2)
    u, weight = normal_nodes(at.eta, step)
    v, share = normal_nodes(beside, step)
    true = (at.theta + gamma * along * u)[:, None] + beside * v
    probability = expit(true)
    event, slope = probability @ share, (probability * (1 - probability)) @ share
    predictor = at.iota + at.eta * u
    one, zero = fitted(predictor, at.lambda_), -fitted(-predictor, at.lambda_)
    r1, r0 = expit(-one), -expit(zero)

    def mean(of_event: Array, of_other: Array) -> float:
        return float(weight @ (event * of_event + (1 - event) * of_other))

    def used(predictor: Array) -> Array:
        product = at.lambda_ * expit(predictor) * expit(-predictor)
        return np.asarray(product / (1 + product))

    spread = at.eta**2 - at.alpha**2 * at.signal  # kappa sigma^2
    square = at.lambda_**2 * mean(np.square(r1), np.square(r0))
    pull = at.lambda_ * float(weight @ (slope * (r1 - r0)))
    scale = mean(r1, -r0)
    if not min(square, pull, scale) > 0:  # far from any solution they underflow
        return np.full(4, NOWHERE)
    return np.array(
        [
            (kappa * spread - square) / square,
            (mean(used(one), used(zero)) - kappa) / kappa,
            (kappa * at.alpha - pull) / pull,
            mean(r1, r0) / scale,
        ]
    )


def of_signal(kappa: float, gamma: float, theta: float | None = None) -> StateEvolution:
    """The solution at a signal strength, and at an intercept if there is one.

    Raises
    ------
    ArithmeticError
        If it is not found, as beyond the phase transition, where there is none.

    Examples
    --------
    The example of Sur and Candès (2019): the MLE is half as large again as the truth.

    >>> from flatprior.analysis.inference.high_dimension.state_evolution import of_signal
    >>> found = of_signal(0.2, 5**0.5)
    >>> round(found.alpha, 4), round(found.sigma, 4), round(found.lambda_, 4)
    (1.4994, 4.7436, 3.0269)
    """
    at = theta or 0.0

    def path(vector: Array, part: float) -> _At:
        return _with_signal(part * kappa, gamma, vector, at, 0.0 if theta is None else vector[3])

    return _solution(path, _classical(gamma, at)[: 3 + (theta is not None)])


def of_estimates(kappa: float, eta: float, iota: float | None = None) -> StateEvolution:
    """The solution where the fitted predictor of a row that is left out has the variance eta^2.

    Where that is no more than it is without a signal, the solution without one.

    Parameters
    ----------
    kappa : float
    eta : float
    iota : float, optional
        The estimated intercept at the means of the columns.

    Raises
    ------
    ArithmeticError
        If it is not found.

    Examples
    --------
    >>> from flatprior.analysis.inference.high_dimension.state_evolution import (
    ...     of_estimates,
    ...     of_signal,
    ... )
    >>> round(of_estimates(0.2, of_signal(0.2, 2.0).eta).gamma, 9)
    2.0
    """
    none = of_estimated_intercept(kappa, 0.0, iota)
    if eta <= none.eta:
        return none
    at = iota or 0.0

    def path(vector: Array, part: float) -> _At:
        return _At(
            kappa=kappa,
            signal=vector[2],
            theta=0.0 if iota is None else vector[3],
            eta=none.eta + part * (eta - none.eta),
            iota=at,
            alpha=math.exp(vector[1]),
            lambda_=kappa * math.exp(vector[0]),
        )

    start = [math.log(none.lambda_ / kappa), math.log(none.alpha), 0.0, none.theta]
    return _solution(path, start[: 3 + (iota is not None)])


def of_estimated_intercept(kappa: float, gamma: float, iota: float | None = None) -> StateEvolution:
    """The solution at a signal strength and an estimated intercept.

    Raises
    ------
    ArithmeticError
        If it is not found.
    """
    if iota is None:
        return of_signal(kappa, gamma)

    def path(vector: Array, part: float) -> _At:
        return _with_signal(part * kappa, gamma, vector, vector[3], iota)

    return _solution(path, _classical(gamma, iota))


def _with_signal(kappa: float, gamma: float, vector: Array, theta: float, iota: float) -> _At:
    alpha, spread = math.exp(vector[1]), kappa * math.exp(min(vector[2], LARGEST))
    return _At(
        kappa=kappa,
        signal=gamma**2,
        theta=theta,
        eta=math.sqrt(alpha**2 * gamma**2 + spread),
        iota=iota,
        alpha=alpha,
        lambda_=kappa * math.exp(vector[0]),
    )


def _classical(gamma: float, theta: float) -> list[float]:
    """What the unknowns tend to where coefficients are few."""
    u, weight = normal_nodes(gamma)
    predictor = theta + gamma * u
    information = float(weight @ (expit(predictor) * expit(-predictor)))
    return [-math.log(information), 0.0, -math.log(information), theta]


def _solution(path: Path, start: list[float]) -> StateEvolution:
    found = path(_continued(path, np.array(start)), 1.0)
    spread = found.eta**2 - found.alpha**2 * found.signal
    return StateEvolution(
        kappa=found.kappa,
        gamma=math.sqrt(max(found.signal, 0.0)),
        theta=float(found.theta),
        alpha=found.alpha,
        sigma=math.sqrt(spread / found.kappa),
        lambda_=found.lambda_,
        iota=float(found.iota),
        residual=float(np.abs(errors(found, 0.5)).max()),
    )


def normal_nodes(scale: float, step: float = 1.0) -> tuple[Array, Array]:
    """Nodes and weights of a standard normal mean of functions analytic within pi / scale."""
    width = step * min(COARSEST, 2 * math.pi**2 / (LOST * max(scale, 1e-9)))
    n = math.ceil(REACH / width)
    u = width * np.arange(-n, n + 1)
    weight: Array = np.exp(-np.square(u) / 2)
    return np.asarray(u, dtype=float), weight / weight.sum()


def _solved(path: Path, part: float, start: Array, step: float, most: float) -> Array | None:
    """The vector of unknowns at which no equation is off by more than `most`, or None."""

    def equations(vector: Array) -> Array:
        if not np.isfinite(vector).all() or np.abs(np.delete(vector, 2)).max() > LARGEST:
            return np.full(len(start), NOWHERE)
        at = path(vector, part)
        if not at.eta <= LARGEST_ETA:
            return np.full(len(start), NOWHERE)
        return errors(at, step)[: len(start)]

    found = root(equations, start, method="hybr", options={"xtol": 1e-3 * most})
    good = np.abs(equations(found.x)).max() < most
    return np.asarray(found.x) if good else None


def _continued(path: Path, start: Array) -> Array:
    """The same at the end of the path, by continuation along it."""
    here, vector, ahead = 0.0, start, 1.0
    while here < 1:
        found = _solved(path, ahead, vector, ROUGHLY, NEARLY)
        if found is not None:
            here, vector, ahead = ahead, found, 1.0
        elif ahead - here > SMALLEST_STEP:
            ahead = (here + ahead) / 2
        else:
            break
    exact = _solved(path, 1.0, vector, 1.0, SOLVED) if here == 1 else None
    if exact is None:
        raise PrecisionError(
            "no solution of the equations of Sur and Candès was found: the phase transition, "
            "beyond which there is no MLE, is near"
        )
    return exact
