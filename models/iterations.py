"""Damped Newton iterates, in coordinates that the units of the columns do not touch.

The iterates do not depend on how columns are scaled or combined: each step is taken in columns
Z = X T in which the information of the step before is the identity. The Newton decrement is in
standard errors and says when to stop: when it is below 1e-13, or when rounding no longer lets it
halve. A relative change of the log-likelihood says nothing below sqrt(eps).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flatprior.models.certificate import whitening
from flatprior.models.likelihood import Moments, moments
from flatprior.models.rows import EPSILON, Array, Block, MappedRows, Rows

MAX_ITERATIONS = 100  # on overlapping data 4 to 20 are needed; on separated ones it never ends
NEGLIGIBLE = 1e-13  # a decrement, in standard errors, that rounding makes up on its own
QUADRATIC = 1e-4  # below this the decrement squares itself with each step, or rounding is reached
SUFFICIENT = 1e-4  # Armijo's constant
SMALLEST_STEP = 2.0**-40
MILD_OFFSET = 4.0  # offsets of this size leave every row some curvature


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
        The full Newton step from here; at the last iterate, the one that led to it.
    stationary : bool
        Whether this is the last: no step improves on it.
    """

    coefficients: Array
    log_likelihood: float
    decrement: float
    step: Array
    stationary: bool = False


def iterates(rows: Rows, start: Array | None = None) -> Iterator[Iterate]:
    """Yield the iterates of damped Newton; none if the columns are linearly dependent.

    Without a `start` (k,) they begin at zero or where large offsets lead to.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows ends the iteration
        transform = whitening(rows)
        if transform is None:
            return
        if start is None:
            start = _start(rows, transform)
        if start is not None:
            yield from _newton(rows, start, transform)


def _start(rows: Rows, transform: Array) -> Array | None:
    """Zero, or with offsets the end of a path on which they grow to their full size.

    At an offset of hundreds the curvature at zero underflows. What the columns can cancel of it
    goes first (a constant offset is but another intercept); the rest is halved until it is mild,
    fitted, then doubled together with the coefficients, and so on. None if a fit on the path fails.
    """
    cancelling = -transform @ rows.reduce(lambda block: _pull_offset(block, transform))
    largest = rows.reduce(lambda block: _largest_offset(block, cancelling), max)
    halvings = math.ceil(math.log2(largest / MILD_OFFSET)) if largest > MILD_OFFSET else 0
    beyond = np.zeros(rows.n_columns)  # the coefficients, less those that cancel
    for j in range(halvings, 0, -1):
        share = 2.0**-j

        def shrink(block: Block, share: float = share) -> Block:
            assert block.offset is not None  # noqa: S101
            rest = block.offset + block.design @ cancelling
            return block._replace(offset=share * rest)

        visited = list(_newton(MappedRows(rows, shrink), beyond, transform))
        if not visited:
            return None
        beyond = 2 * visited[-1].coefficients
    return cancelling + beyond


def _pull_offset(block: Block, transform: Array) -> Array:
    """Least-squares coefficients of the offset on the whitened columns, (k,)."""
    if block.offset is None:
        return np.zeros(len(transform))
    weighted = block.offset if block.weights is None else block.weights * block.offset
    return (block.design @ transform).T @ weighted / 4


def _largest_offset(block: Block, cancelling: Array) -> float:
    """Largest offset that is left when the columns have cancelled what they can."""
    if block.offset is None:
        return 0.0
    return float(np.abs(block.offset + block.design @ cancelling).max())


def _newton(rows: Rows, beta: Array, transform: Array) -> Iterator[Iterate]:
    """Yield the iterates from `beta`, in columns whitened by `transform` to begin with."""
    here = _moments(rows, beta, transform)
    for _ in range(MAX_ITERATIONS):
        white, decrement = _whiten(here)
        if white is None:
            return
        transform = transform @ white
        step = transform @ (white.T @ here.score)
        if not (np.isfinite(transform).all() and np.isfinite(step).all()):
            return
        found = _line_search(rows, beta, here, step, decrement, transform)
        smaller = math.inf if found is None else float(np.linalg.norm(found[1].score))
        if (
            found is None
            or decrement < NEGLIGIBLE
            or (decrement < QUADRATIC and smaller > decrement / 2)
        ):
            if found is not None and smaller < decrement:
                beta, here, decrement = *found, smaller
            yield Iterate(beta, here.log_likelihood, decrement, step, stationary=True)
            return
        yield Iterate(beta, here.log_likelihood, decrement, step)
        beta, here = found


def _moments(rows: Rows, beta: Array, transform: Array) -> Moments:
    return rows.reduce(lambda block: moments(block, beta, transform))


def _whiten(here: Moments) -> tuple[Array | None, float]:
    """Matrix that makes the information the identity, and the Newton decrement."""
    if not np.isfinite(here.information).all():
        return None, math.inf
    values, vectors = np.linalg.eigh(here.information)
    if values[-1] <= 0:
        return None, math.inf
    # on nearly separated data rounding can make the smallest eigenvalues negative
    values = np.maximum(values, EPSILON * values[-1])
    white = vectors / np.sqrt(values)
    return white, float(np.linalg.norm(white.T @ here.score))


def _line_search(
    rows: Rows, beta: Array, here: Moments, step: Array, decrement: float, transform: Array
) -> tuple[Array, Moments] | None:
    """Take the first of the lengths 1, 1/2, 1/4, ... that raises the log-likelihood enough.

    Where rounding hides the rise, a smaller score is accepted in its place. None if no length does.
    """
    length = 1.0
    noise = 16 * EPSILON * (1 + abs(here.log_likelihood))
    while length >= SMALLEST_STEP:
        there = _moments(rows, beta + length * step, transform)
        rise = there.log_likelihood - here.log_likelihood
        smaller = np.linalg.norm(there.score) < decrement
        if decrement < QUADRATIC:  # the rise, below 1e-8, may be lost in rounding; the score is not
            return (beta + step, there) if smaller else None
        if rise >= SUFFICIENT * length * decrement**2 or (abs(rise) <= noise and smaller):
            return beta + length * step, there
        length /= 2
    return None
