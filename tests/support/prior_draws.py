"""Draws of the posterior under any prior, by a sampler that shares no code with the package's."""

from __future__ import annotations

import numpy as np

from flatprior.models import fit_newton


def independence(model, log_prior, seed=1, n=1000, chains=4, start=None):
    """Draws of likelihood times prior by an independence sampler from the flat posterior's mode.

    Where there is none its mode is sought from `start` (k,).
    """
    rng = np.random.default_rng(seed)
    beta = fit_newton(model).coefficients if start is None else start
    k, root, h = len(beta), np.eye(len(beta)), 1e-5
    for _ in range(20):  # to the mode, with derivatives of the prior by differences
        steps = h * np.eye(k)
        slope = (log_prior(beta + steps) - log_prior(beta - steps)) / (2 * h)
        bend = (log_prior(beta + steps) + log_prior(beta - steps) - 2 * log_prior(beta)) / h**2
        information = model.information(beta) - np.diag(np.minimum(bend, 0))
        beta = beta + np.linalg.solve(information, model.score(beta) + slope)
        root = np.linalg.cholesky(np.linalg.inv(information))
    z = rng.normal(size=(chains, n + 100, k)) / np.sqrt(rng.chisquare(8, (chains, n + 100, 1)) / 8)
    proposed = beta + z @ root.T
    lp = model.log_likelihood(proposed.reshape(-1, k)).reshape(chains, -1) + log_prior(proposed)
    weight = lp + (8 + k) / 2 * np.log1p(np.square(z).sum(axis=-1) / 8)
    kept = np.zeros((chains, n + 100), dtype=int)
    for c, i in np.ndindex(chains, n + 99):
        accepted = np.log(rng.random()) < weight[c, i + 1] - weight[c, kept[c, i]]
        kept[c, i + 1] = i + 1 if accepted else kept[c, i]
    kept = kept[:, 100:]
    return (
        np.take_along_axis(proposed, kept[..., None], axis=1),
        np.take_along_axis(lp, kept, axis=1),
    )


def normal(sd):
    """Logarithm of independent normal priors at 0; of the standard deviations inf is flat."""
    return lambda b: -np.square(b / sd).sum(axis=-1) / 2


def flat(b):
    """Logarithm of the flat prior."""
    return np.zeros(b.shape[:-1])
