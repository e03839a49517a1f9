"""The posterior mode from draws and the sampler's own log-density, and nothing else."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq
from scipy.optimize import minimize

from flatprior.analysis.monte_carlo import require_draws
from flatprior.models import Certificate, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.text import at_most

HIGHEST_DEGREE = 6
DRAWS_PER_TERM = 8
# The stated error of the mode is this many times the largest change that the fit shows when its
# degree, its weights or its draws are varied. The change alone can fall short of the error by half.
SAFETY = 3.0
LEAST_BLOCKS = 4
INDEPENDENT = 1e-12  # relative to their own spread: what the draws vary in each new direction


class DegenerateDrawsError(FlatpriorError, ValueError):
    """Draws that vary in fewer directions than there are coefficients: they have no mode."""


@own_error_state
def posterior_mode(posterior: Posterior) -> PointEstimate:
    """Estimate the posterior mode from draws and the sampler's own log-density, and nothing else.

    The log-density is regressed on a polynomial in the whitened draws, weighted by the density
    itself, and the polynomial is maximised. No optimiser has seen the likelihood, so that the mode
    agrees with the MLE is evidence about both.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    PointEstimate
        Of route "draws", without a certificate (``error_bound`` is inf) but with `stated_error`,
        the same number of standard errors for every coefficient: three times the largest change on
        lowering the degree by one, on leaving out a chain (or a quarter of the draws), and on
        weighting by the root of the density instead; more where mean and mode are far apart. An
        estimate, not a bound; infinite where the polynomial has no maximum.

    Raises
    ------
    ValueError
        If the draws are too few for a quadratic, not finite, or vary in fewer than k directions.

    Notes
    -----
    The degree is the highest up to 6 with fewer terms than an eighth of the draws.

    Examples
    --------
    >>> from flatprior.analysis import posterior_mode
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_nuts
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> posterior_mode(sample_nuts(model, seed=1, progress=False)).coefficients.round(2).tolist()
    [-9.7, 2.84]
    """
    require_draws(posterior)
    start = time.perf_counter()
    draws, density = posterior.draws, posterior.log_density
    if not (np.isfinite(draws).all() and np.isfinite(density).all()):
        raise InputError("draws or log-densities are not finite")
    chains, n, k = draws.shape
    degree = next(
        (
            d
            for d in range(HIGHEST_DEGREE, 1, -1)
            if math.comb(k + d, d) * DRAWS_PER_TERM < chains * n
        ),
        None,
    )
    if degree is None:
        raise InputError(
            f"{chains * n} draws are too few to find the mode of {k} coefficients; "
            f"draw {least_draws(k)} or more"
        )
    flat = draws.reshape(-1, k)
    centre, scale = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    if not (scale > 0).all():
        raise DegenerateDrawsError("the draws of a coefficient are all equal")
    # by QR: the covariance would square the condition number
    triangle = np.asarray(np.linalg.qr((flat - centre) / scale, mode="r"))
    triangle = triangle / math.sqrt(len(flat) - 1)
    if np.abs(np.diag(triangle)).min() < INDEPENDENT:
        raise DegenerateDrawsError("the draws vary in fewer directions than there are coefficients")
    root = triangle.T * scale[:, None]
    white = np.linalg.solve(root, (flat - centre).T).T

    lp = density.ravel()
    blocks = np.array_split(np.arange(len(lp)), chains if chains >= LEAST_BLOCKS else LEAST_BLOCKS)

    best, hessian, highest = _polynomial_mode(white, lp, degree)
    # below the quadratic stands the mean, the origin of the whitened draws
    lower = _polynomial_mode(white, lp, degree - 1)[0] if degree > 2 else np.zeros(k)
    others = [lower, _polynomial_mode(white, lp, degree, exponent=0.5)[0]]
    for block in blocks:
        rest = np.delete(np.arange(len(lp)), block)
        others.append(_polynomial_mode(white[rest], lp[rest], degree)[0])
    concave = bool(np.linalg.eigvalsh(-hessian).min() > 0)
    if concave:
        covariance = root @ np.linalg.inv(-hessian) @ root.T
        error = np.sqrt(np.diag(covariance))
    else:  # no maximum within reach: nothing is told
        covariance, error = np.full((k, k), np.nan), scale
    changes = [np.max(np.abs(root @ (other - best)) / error) for other in others]
    # so skewed that the mean is more than a standard error away: no polynomial does it justice
    skewness = max(1.0, float(np.max(np.abs(root @ best) / error)))
    relative = SAFETY * float(max(changes)) * skewness**2 if concave else math.inf
    return PointEstimate(
        route="draws",
        names=posterior.names,
        coefficients=centre + root @ best,
        covariance=covariance,
        log_likelihood=highest,
        certificate=Certificate.refused(k),
        converged=True,
        message=f"degree {degree}, {chains * n} draws, stated error {at_most(relative)} standard "
        "errors",
        n_iterations=0,
        seconds=time.perf_counter() - start,
        provenance=posterior.provenance,
        stated_error=relative * error,
    )


def least_draws(k: int) -> int:
    """Fewest draws, all chains together, from which the mode of k coefficients can be found."""
    return DRAWS_PER_TERM * math.comb(k + 2, 2) + 1


def _polynomial_mode(
    white: Array, density: Array, degree: int, exponent: float = 1.0
) -> tuple[Array, Array, float]:
    """Fit a polynomial to the log-density, each draw weighted by the density to the `exponent`.

    Returns its mode (k,), its Hessian there and its value.
    """
    from sklearn.preprocessing import PolynomialFeatures

    top = float(density.max())
    terms = PolynomialFeatures(degree).fit_transform(white)
    weight = np.exp(exponent * (density - top) / 2)  # least squares squares it
    coefficients = lstsq(weight[:, None] * terms, weight * (density - top), lapack_driver="gelsy")[
        0
    ]
    k = white.shape[1]
    products, lowered = _products(k, degree)
    first = np.stack([_derivative(coefficients, *each) for each in lowered])
    second = np.stack([[_derivative(slope, *each) for each in lowered] for slope in first])

    def at(z: Array, numbers: Array) -> Array:
        return np.asarray(numbers @ _values(products[: numbers.shape[-1]], z))

    def value(z: Array) -> float:
        return -float(at(z, coefficients))

    def gradient(z: Array) -> Array:
        return -at(z, first)

    def hessian(z: Array) -> Array:
        return -at(z, second)

    found: Any = minimize(
        value,
        white[int(density.argmax())],
        jac=gradient,
        hess=hessian,
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    return found.x, -hessian(found.x), top - float(found.fun)


Lowered = tuple[NDArray[np.intp], NDArray[np.intp], Array]


@lru_cache(maxsize=32)
def _products(k: int, degree: int) -> tuple[NDArray[np.intp], tuple[Lowered, ...]]:
    """Exponents of the products of k variables up to a degree, and what derivatives make of them.

    The exponents (products, k) are in the order of `PolynomialFeatures`, lower degrees first. In
    each variable: which products depend on it, which ones they become, and times what.
    """
    from sklearn.preprocessing import PolynomialFeatures

    exponents = np.asarray(PolynomialFeatures(degree).fit(np.zeros((1, k))).powers_)
    place = {tuple(each): i for i, each in enumerate(exponents.tolist())}
    lowered = []
    for j in range(k):
        keep = np.flatnonzero(exponents[:, j])
        less = exponents[keep] - (np.arange(k) == j)
        at = np.array([place[tuple(each)] for each in less.tolist()], dtype=np.intp)
        lowered.append((keep, at, exponents[keep, j].astype(float)))
    return exponents, tuple(lowered)


def _derivative(
    coefficients: Array, keep: NDArray[np.intp], at: NDArray[np.intp], times: Array
) -> Array:
    """Coefficients of the derivative of a polynomial in one variable, of one degree less."""
    keep = keep[: np.searchsorted(keep, len(coefficients))]
    at, times = at[: len(keep)], times[: len(keep)]
    found = np.zeros(at.max(initial=0) + 1)
    found[at] = coefficients[keep] * times
    return found


def _values(products: NDArray[np.intp], z: Array) -> Array:
    """Each product at one point (k,)."""
    powers = z ** np.arange(products.max(initial=0) + 1)[:, None]
    return np.asarray(powers[products, np.arange(len(z))].prod(axis=1))


def mode_or_none(posterior: Posterior) -> PointEstimate:
    """The mode of the draws; none where they hardly move."""
    try:
        return posterior_mode(posterior)
    except DegenerateDrawsError as error:
        return no_mode(posterior, str(error))


def no_mode(posterior: Posterior, why: str) -> PointEstimate:
    """The mean of the draws with an infinite error, where they tell no mode."""
    k = len(posterior.names)
    return PointEstimate(
        route="draws",
        names=posterior.names,
        coefficients=posterior.draws.mean(axis=(0, 1)),
        covariance=np.full((k, k), np.nan),
        log_likelihood=float(posterior.log_density.max()),
        certificate=Certificate.refused(k),
        converged=False,
        message=why,
        n_iterations=0,
        seconds=0.0,
        provenance=posterior.provenance,
        stated_error=np.full(k, np.inf),
    )
