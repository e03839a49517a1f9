"""The Newton route: the MLE in NumPy, with damping, in whitened coordinates.

The iterates do not depend on the units of the columns nor on how they are combined: each step is
taken in columns Z = X T in which the information of the step before is the identity. The Newton
decrement is in standard errors and says when to stop: when it is below 1e-13, or when rounding no
longer lets it halve. A relative change of the log-likelihood says nothing below sqrt(eps).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flatprior.models.certificate import estimate, proves_overlap, whitening
from flatprior.models.likelihood import Moments, moments
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import MLEDoesNotExistError, PointEstimate
from flatprior.models.rows import Array, Block
from flatprior.models.separation import diagnose

EPSILON = float(np.finfo(float).eps)
MAX_ITERATIONS = 100  # on overlapping data 4 to 20 are needed; on separated ones it never ends
NEGLIGIBLE = 1e-13  # a decrement, in standard errors, that rounding makes up on its own
QUADRATIC = 1e-4  # below this the decrement squares itself with each step, or rounding is reached
SUFFICIENT = 1e-4  # Armijo's constant
SMALLEST_STEP = 2.0**-40


@dataclass(frozen=True, eq=False)
class Iterate:
    """One iterate of Newton's method.

    Attributes
    ----------
    coefficients : ndarray (k,)
    log_likelihood : float
    decrement : float
        Newton decrement, in standard errors.
    step : ndarray (k,)
        The full Newton step from here.
    stationary : bool
        Whether this is the last: no step improves on it.
    """

    coefficients: Array
    log_likelihood: float
    decrement: float
    step: Array
    stationary: bool = False


def fit_newton(model: BernoulliLogistic) -> PointEstimate:
    """Maximum likelihood by damped Newton steps.

    Parameters
    ----------
    model : BernoulliLogistic

    Returns
    -------
    PointEstimate
        Of route "newton", with standard errors at the final coefficients.

    Raises
    ------
    MLEDoesNotExistError
        If the certificate does not prove that the MLE exists.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector()))
    >>> fit.coefficients.round(4).tolist()
    [-13.0213, 2.8261, 0.0952, 2.3787]
    >>> fit.certificate.error_bound < 1e-10
    True
    """
    start = time.perf_counter()
    last, count = None, 0
    for count, last in enumerate(iterates(model)):  # noqa: B007
        pass
    if last is None:
        raise MLEDoesNotExistError(diagnose(model))
    fit = estimate(
        model,
        last.coefficients,
        route="newton",
        packages=("scipy",),
        converged=last.stationary,
        message=(
            f"Newton decrement {last.decrement:.1e} after {count} iterations"
            if last.stationary
            else f"stopped after {count} iterations with Newton decrement {last.decrement:.1e}"
        ),
        n_iterations=count,
        seconds=time.perf_counter() - start,
    )
    if not fit.certificate.proves_existence:
        raise MLEDoesNotExistError(diagnose(model))
    return fit


def iterates(model: BernoulliLogistic) -> Iterator[Iterate]:
    """Yield the iterates of damped Newton; none if the columns are linearly dependent."""
    transform = whitening(model.rows)
    if transform is None:
        return
    beta = _start(model, transform)
    here = _moments(model, beta, transform)
    for _ in range(MAX_ITERATIONS):
        white, decrement = _whiten(here)
        if white is None:
            return
        transform = transform @ white
        step = transform @ (white.T @ here.score)
        found = _line_search(model, beta, here, step, decrement, transform)
        smaller = None if found is None else float(np.linalg.norm(found[2].score))
        if (
            smaller is None
            or decrement < NEGLIGIBLE
            or (decrement < QUADRATIC and smaller > decrement / 2)
        ):
            if found is not None and smaller is not None and smaller < decrement:
                beta, here, decrement = found[1], found[2], smaller
            yield Iterate(beta, here.log_likelihood, decrement, step, stationary=True)
            return
        yield Iterate(beta, here.log_likelihood, decrement, step)
        assert found is not None  # noqa: S101
        beta, here = found[1], found[2]


def overlaps(model: BernoulliLogistic, iterate: Iterate) -> bool:
    """Whether this iterate proves that the data overlap, so that the MLE exists."""
    return proves_overlap(model.rows, iterate.coefficients, iterate.step)


def _moments(model: BernoulliLogistic, beta: Array, transform: Array) -> Moments:
    return model.rows.reduce(lambda block: moments(block, beta, transform))


def _start(model: BernoulliLogistic, transform: Array) -> Array:
    """Zero, or with an offset the coefficients that cancel as much of it as they can.

    With an offset of 1000 the curvature at zero underflows; at its least-squares projection the
    linear predictor is as small as the columns can make it.
    """
    if model.offset is None:
        return np.zeros(model.n_parameters)

    def projection(block: Block) -> Array:
        assert block.offset is not None  # noqa: S101
        weighted = block.offset if block.weights is None else block.weights * block.offset
        return (block.design @ transform).T @ weighted / 4

    return -transform @ model.rows.reduce(projection)


def _whiten(here: Moments) -> tuple[Array | None, float]:
    """Matrix that makes the information the identity, and the Newton decrement."""
    if not np.isfinite(here.information).all():
        return None, np.inf
    values, vectors = np.linalg.eigh(here.information)
    if values[-1] <= 0:
        return None, np.inf
    # on nearly separated data rounding can make the smallest eigenvalues negative
    values = np.maximum(values, EPSILON * values[-1])
    white = vectors / np.sqrt(values)
    return white, float(np.linalg.norm(white.T @ here.score))


def _line_search(
    model: BernoulliLogistic,
    beta: Array,
    here: Moments,
    step: Array,
    decrement: float,
    transform: Array,
) -> tuple[float, Array, Moments] | None:
    """First of the step lengths 1, 1/2, 1/4, ... that raises the log-likelihood enough, or None.

    Where rounding hides the rise, a smaller score is accepted in its place.
    """
    length = 1.0
    noise = 16 * EPSILON * (1 + abs(here.log_likelihood))
    while length >= SMALLEST_STEP:
        there = _moments(model, beta + length * step, transform)
        rise = there.log_likelihood - here.log_likelihood
        if rise >= SUFFICIENT * length * decrement**2 or (
            abs(rise) <= noise and np.linalg.norm(there.score) < decrement
        ):
            return length, beta + length * step, there
        if decrement**2 < noise:
            return None  # even the full step is lost in rounding: shorter ones are too
        length /= 2
    return None
