"""The ways that optimisers go from zero to the MLE."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.whitening import whitening


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


def newton_path(model: BernoulliLogistic) -> list[Array]:
    """Undamped Newton steps from zero, as far as they go."""
    beta, path = np.zeros(model.n_parameters), []
    for _ in range(25):
        white = whitening(model.rows, beta)
        if white is None:
            break
        step = white @ (white.T @ model.score(beta))
        beta = beta + step
        if not np.isfinite(beta).all():
            break
        path.append(beta)
    return path
