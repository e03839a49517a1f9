"""The ways that optimisers go from zero to the MLE."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.whitening import whitening, whitenings
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

MOST_STEPS, MOST_WORK = 1000, 10**7  # of gradient descent
NEWTON_STEPS = 25
SETTLED = 1e-9  # standard errors: the square of so small a step is below rounding


def lbfgs_path(
    model: BernoulliLogistic, scale: float, back: Array | None = None, least: float = math.inf
) -> list[Array]:
    """Iterates of L-BFGS from zero on `scale` times the negative log-likelihood.

    They are those of coefficients from which `back` (k, k), if it is given, leads to the model's;
    until the log-likelihood is above `least`.
    """
    rows, zero = as_held(model.rows), np.zeros(model.n_parameters)
    path: list[Array] = []

    def loss(point: Array) -> Any:
        beta = point if back is None else back @ point
        height, *score = rows.reduce(partial(_height_and_score, beta=beta))
        pull = np.array(score)
        return -scale * height, -scale * (pull if back is None else back.T @ pull)

    def on_the_way(intermediate_result: Any) -> None:
        path.append(np.array(intermediate_result.x))
        if -intermediate_result.fun > least * scale:
            raise StopIteration

    with np.errstate(all="ignore"):
        minimize(
            loss,
            zero,
            jac=True,
            method="L-BFGS-B",
            callback=on_the_way,
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
        ((white, score),) = whitenings(model.rows, [beta])
        if white is None:
            break
        pull = white.T @ score
        beta = beta + white @ pull
        if not np.isfinite(beta).all():
            break
        path.append(beta)
        if float(np.linalg.norm(pull)) <= SETTLED:  # there it stays, but for rounding
            path += [beta] * (NEWTON_STEPS - len(path))
    return path


def scoring_path(model: BernoulliLogistic) -> list[Array]:
    """The same from where R's glm begins: fitted probabilities of 1/4 and 3/4, by the outcome."""
    white = whitening(model.rows)
    if white is None:
        return []

    def pull(block: Block) -> Array:
        working = block.sign * (np.log(3) + 4 / 3)  # eta, and the residual over its variance
        if block.offset is not None:
            working = working - block.offset
        design: Any = block.design
        return np.asarray((block.counts / 4 * working) @ design)

    first = white @ (white.T @ as_held(model.rows).reduce(pull))
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
    rows, number = as_held(model.rows), model.n_observations
    most = min(MOST_STEPS, MOST_WORK // max(model.n_rows * model.n_parameters, 1))
    square = None if back is None else back @ back.T
    with np.errstate(all="ignore"):
        for _ in range(most):
            height, *score = rows.reduce(partial(_height_and_score, beta=beta))
            if not np.isfinite(beta).all():
                break
            pull = np.array(score)
            there = beta + rate * (pull if square is None else square @ pull) / number
            if path and height >= least:
                return [*path, there]
            beta = there
            path.append(beta)
    return []
