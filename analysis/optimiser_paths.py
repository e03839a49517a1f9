"""The ways that optimisers go from zero to the MLE."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.whitening import whitening
from flatprior.models.likelihood import row_terms

MOST_STEPS, MOST_WORK = 1000, 10**7  # of gradient descent
NEWTON_STEPS = 25
SETTLED = 1e-9  # standard errors: the square of so small a step is below rounding


def lbfgs_path(model: BernoulliLogistic, scale: float) -> list[Array]:
    """Iterates of L-BFGS from zero on `scale` times the negative log-likelihood."""
    zero = np.zeros(model.n_parameters)
    path: list[Array] = []

    def loss(beta: Array) -> Any:
        return -scale * model.log_likelihood(beta), -scale * model.score(beta)

    with np.errstate(all="ignore"):
        minimize(
            loss,
            zero,
            jac=True,
            method="L-BFGS-B",
            callback=lambda beta: path.append(np.array(beta)),
            options={"maxiter": 200, "ftol": 1e-14, "gtol": 1e-12, "maxls": 50},
        )
    return path


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
    block = model.arrays.block(slice(None))
    root = np.sqrt(block.counts * 3 / 16)
    working = block.sign * (np.log(3) + 4 / 3)  # eta, and the residual over its variance
    if block.offset is not None:
        working = working - block.offset
    first = np.linalg.lstsq(root[:, None] * block.design, root * working, rcond=None)[0]
    return [np.asarray(first), *newton_path(model, first)]


def descent_path(model: BernoulliLogistic, rate: float, least: float) -> list[Array]:
    """Gradient descent from zero on the mean negative log-likelihood, until it is below -`least`.

    `rate` is its learning rate. Empty where it does not descend, or not so far in as many steps as
    are tried.
    """
    path: list[Array] = []
    beta = np.zeros(model.n_parameters)
    block, number = model.arrays.block(slice(None)), model.n_observations
    most = min(MOST_STEPS, MOST_WORK // max(model.design.size, 1))
    with np.errstate(all="ignore"):
        for _ in range(most):
            terms = row_terms(block, beta)
            if not np.isfinite(beta).all():
                break
            if path and float(terms.log_likelihood.sum()) >= least:
                return [*path, beta + rate * (terms.residual @ block.design) / number]
            beta = beta + rate * (terms.residual @ block.design) / number
            path.append(beta)
    return []
