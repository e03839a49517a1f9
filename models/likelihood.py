r"""The Bernoulli-logistic log-likelihood of a block of rows, and its derivatives.

With linear predictor :math:`\eta = o + X\beta`, sign :math:`s = 2y - 1`, margin
:math:`m = s\eta` and frequency weight :math:`w`,

.. math::

    \ell(\beta) = -\sum w \log(1 + e^{-m}), \qquad
    S(\beta) = X'(w\,s\,\sigma(-m)), \qquad
    H(\beta) = X' \operatorname{diag}(w\,\sigma(m)\,\sigma(-m))\, X .

Everything is written in the margin, never in :math:`p - y`: a residual of 1e-300 keeps its relative
accuracy, and one exponential per row serves all three quantities. These functions are the only
place in the package that knows the likelihood; each takes one `Block`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from flatprior.models.rows import Array, Block


def linear_predictor(block: Block, coefficients: Array) -> Array:
    """Offset plus ``X @ coefficients``: (m,) for one vector (k,), (m, d) for columns (k, d)."""
    eta: Array = block.design @ coefficients
    if block.offset is not None:
        eta = eta + (block.offset if eta.ndim == 1 else block.offset[:, None])
    return eta


class RowTerms(NamedTuple):
    """Per-row pieces of the likelihood, each (m,) and already multiplied by the weight."""

    log_likelihood: Array
    residual: Array  # derivative of the log-likelihood with respect to the linear predictor
    curvature: Array  # minus its second derivative, w p (1 - p)


def row_terms(block: Block, coefficients: Array) -> RowTerms:
    """Evaluate log-likelihood, residual and curvature of each row with one exponential.

    `coefficients` is one vector (k,) or columns (k, d); the terms are (m,) or (m, d).
    """
    eta = linear_predictor(block, coefficients)
    sign, weights = block.sign, block.weights
    if eta.ndim == 2:
        sign = sign[:, None]
        weights = None if weights is None else weights[:, None]
    margin = sign * eta
    tail = np.exp(-np.abs(margin))
    log_likelihood = np.minimum(margin, 0.0) - np.log1p(tail)
    wrong = np.where(margin >= 0.0, tail, 1.0) / (1.0 + tail)  # probability of the other outcome
    curvature = tail / np.square(1.0 + tail)
    residual = sign * wrong
    if weights is not None:
        log_likelihood, residual, curvature = (
            log_likelihood * weights,
            residual * weights,
            curvature * weights,
        )
    return RowTerms(log_likelihood, residual, curvature)


@dataclass(frozen=True, eq=False)
class Moments:
    """Log-likelihood, score (k,) and information (k, k) of some rows; they add."""

    log_likelihood: float
    score: Array
    information: Array

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.log_likelihood + other.log_likelihood,
            self.score + other.score,
            self.information + other.information,
        )


def moments(block: Block, coefficients: Array, transform: Array | None = None) -> Moments:
    """Log-likelihood, score and information at one coefficient vector (k,).

    With a `transform` T (k, k), score and information are those of the columns ``X @ T``.
    """
    terms = row_terms(block, coefficients)
    columns = block.design if transform is None else block.design @ transform
    root = np.sqrt(terms.curvature)[:, None] * columns
    return Moments(float(terms.log_likelihood.sum()), columns.T @ terms.residual, root.T @ root)


@dataclass(frozen=True, eq=False)
class Evaluations:
    """Log-likelihood (d,) and score (d, k) of some rows at d coefficient vectors; they add."""

    log_likelihood: Array
    score: Array

    def __add__(self, other: Evaluations) -> Evaluations:
        return Evaluations(self.log_likelihood + other.log_likelihood, self.score + other.score)


def evaluations(block: Block, coefficients: Array) -> Evaluations:
    """Log-likelihood and score at each row of `coefficients` (d, k)."""
    terms = row_terms(block, coefficients.T)
    return Evaluations(terms.log_likelihood.sum(axis=0), terms.residual.T @ block.design)


def triangular_factor(block: Block, coefficients: Array | None = None) -> Array:
    """R of the QR factorisation of ``sqrt(D) X`` for these rows, at most (k, k).

    D is the curvature at `coefficients`, or a quarter of the weight (its value at p = 1/2) if None.
    """
    if coefficients is not None:
        curvature = row_terms(block, coefficients).curvature
    else:
        weights = 1.0 if block.weights is None else block.weights
        curvature = np.broadcast_to(0.25 * np.asarray(weights), block.sign.shape)
    return _upper(np.sqrt(curvature)[:, None] * block.design)


def stack_factors(first: Array, second: Array) -> Array:
    """Combine the triangular factors of two sets of rows into that of their union (TSQR)."""
    return _upper(np.vstack([first, second]))


def _upper(rows: Array) -> Array:
    return np.asarray(np.linalg.qr(rows, mode="r"))
