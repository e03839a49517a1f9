"""The ways that optimisers go from zero to the MLE."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.roots import root_of
from flatprior.models.covariance.whitening import whitening
from flatprior.models.designs.coded import Structured
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

MOST_STEPS, MOST_WORK = 1000, 10**7  # of gradient descent
NEWTON_STEPS = 25
SETTLED = 1e-9  # standard errors: the square of so small a step is below rounding


def lbfgs_path(model: BernoulliLogistic, scale: float, back: Array | None = None) -> list[Array]:
    """Iterates of L-BFGS from zero on `scale` times the negative log-likelihood.

    They are those of coefficients from which `back` (k, k), if it is given, leads to the model's.
    """
    rows, zero = as_held(model.rows), np.zeros(model.n_parameters)
    path: list[Array] = []

    def loss(point: Array) -> Any:
        beta = point if back is None else back @ point
        height, *score = rows.reduce(partial(_height_and_score, beta=beta))
        pull = np.array(score)
        return -scale * height, -scale * (pull if back is None else back.T @ pull)

    with np.errstate(all="ignore"):
        minimize(
            loss,
            zero,
            jac=True,
            method="L-BFGS-B",
            callback=lambda beta: path.append(np.array(beta)),
            options={"maxiter": 200, "ftol": 1e-14, "gtol": 1e-12, "maxls": 50},
        )
    return path if back is None else [back @ point for point in path]


def _height_and_score(block: Block, beta: Array) -> Array:
    """Log-likelihood and score (1 + k,) of some rows, in one pass."""
    terms = row_terms(block, beta)
    return np.append(terms.log_likelihood.sum(), terms.residual @ block.design)


def newton_path(model: BernoulliLogistic, start: Array | None = None) -> list[Array]:
    """Undamped Newton steps from zero, or another start, as far as they go."""
    beta, path = np.zeros(model.n_parameters) if start is None else start, list[Array]()
    while len(path) < NEWTON_STEPS:
        white = whitening(model.rows, beta)
        if white is None:
            break
        pull = white.T @ model.score(beta)
        beta = beta + white @ pull
        if not np.isfinite(beta).all():
            break
        path.append(beta)
        if float(np.linalg.norm(pull)) <= SETTLED:  # there it stays, but for rounding
            path += [beta] * (NEWTON_STEPS - len(path))
    return path


def scoring_path(model: BernoulliLogistic) -> list[Array]:
    """The same from where R's glm begins: fitted probabilities of 1/4 and 3/4, by the outcome."""
    block = as_held(model.arrays).block(slice(None))
    root = np.sqrt(block.counts * 3 / 16)
    working = block.sign * (np.log(3) + 4 / 3)  # eta, and the residual over its variance
    if block.offset is not None:
        working = working - block.offset
    design: Any = block.design
    if isinstance(design, Structured):
        covariance = root_of(model.rows)
        if covariance is None:
            return []
        first = covariance.times(((block.counts / 4 * working) @ design)[None])[0]
    else:
        first = np.linalg.lstsq(root[:, None] * design, root * working, rcond=None)[0]
    return [np.asarray(first), *newton_path(model, first)]


def descent_path(
    model: BernoulliLogistic, rate: float, least: float, back: Array | None = None
) -> list[Array]:
    """Gradient descent from zero on the mean negative log-likelihood, until it is below -`least`.

    `rate` is its learning rate, `back` as of `lbfgs_path`. Empty where it does not descend, or not
    so far in as many steps as are tried.
    """
    path: list[Array] = []
    beta = np.zeros(model.n_parameters)
    block, number = as_held(model.arrays).block(slice(None)), model.n_observations
    most = min(MOST_STEPS, MOST_WORK // max(model.arrays.design.size, 1))
    square = None if back is None else back @ back.T
    with np.errstate(all="ignore"):
        for _ in range(most):
            terms = row_terms(block, beta)
            if not np.isfinite(beta).all():
                break
            pull = terms.residual @ block.design
            there = beta + rate * (pull if square is None else square @ pull) / number
            if path and float(terms.log_likelihood.sum()) >= least:
                return [*path, there]
            beta = there
            path.append(beta)
    return []
