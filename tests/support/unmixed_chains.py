"""Chains that have not mixed, of many kinds, made from honest ones, with models to draw from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from problems import as_posterior
from scipy.signal import lfilter
from scipy.special import expit

from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    Posterior,
    check_existence,
    fit_newton,
    sample_independence,
)


def small_models(count: int, seed: int = 0) -> Iterator[tuple[int, BernoulliLogistic]]:
    """Yield models of 2 to 6 coefficients and 50 to 2,000 rows, one in four nearly separated.

    The last have few events, or slopes so steep that one of the outcomes hardly overlaps the other.
    """
    while count:
        rng = np.random.default_rng([77, seed])
        n, k = int(rng.choice([50, 100, 300, 1000, 2000])), int(rng.integers(2, 7))
        X = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
        X[:, 1:] += rng.choice([0, 2]) * rng.normal(size=(n, 1))  # correlated predictors
        slopes = rng.normal(size=k) / math.sqrt(k)
        if seed % 4 == 0:
            slopes *= rng.choice([4, 8])
            slopes[0] -= rng.choice([0, 3])
        y = (rng.random(n) < expit(X @ slopes)).astype(float)
        model = BernoulliLogistic.from_arrays(X, y)
        if 0 < y.sum() < n and check_existence(model, signs=False).exists:
            count -= 1
            yield seed, model
        seed += 1


Kind = Callable[[np.random.Generator, np.ndarray, PointEstimate, BernoulliLogistic], np.ndarray]


def moved_in_all(rng, draws, fit, model):
    """One or two chains, two standard errors away in every coefficient."""
    some = rng.choice(len(draws), rng.integers(1, 3), replace=False)
    draws[some] += 2 * fit.standard_errors * rng.choice([-1, 1], size=draws.shape[2])
    return draws


def moved_in_one(rng, draws, fit, model):
    """One or two chains, two standard errors away in one coefficient."""
    j = rng.integers(draws.shape[2])
    some = rng.choice(len(draws), rng.integers(1, 3), replace=False)
    draws[some, :, j] += 2 * fit.standard_errors[j] * rng.choice([-1, 1])
    return draws


def constant(rng, draws, fit, model):
    """One chain that stays at one of its draws, in all coefficients or in one."""
    i, j = rng.integers(len(draws)), rng.integers(draws.shape[2])
    columns = slice(None) if rng.random() < 0.5 else slice(j, j + 1)
    draws[i, :, columns] = draws[i, rng.integers(draws.shape[1]), columns]
    return draws


def tiny_steps(rng, draws, fit, model):
    """Random walk Metropolis with steps of a fiftieth of a standard error, from honest starts."""
    chains, n, k = draws.shape
    root = np.linalg.cholesky(fit.covariance)
    steps = rng.normal(size=(n, chains, k)) @ root.T / 50
    log_uniform = -rng.exponential(size=(n, chains))
    here = draws[:, 0].copy()
    density = model.log_likelihood(here)
    for t in range(n):
        there = here + steps[t]
        proposed = model.log_likelihood(there)
        moves = log_uniform[t] < proposed - density
        here[moves], density[moves] = there[moves], proposed[moves]
        draws[:, t] = here
    return draws


def copied(rng, draws, fit, model):
    """One chain, as every chain."""
    return np.repeat(draws[:1], len(draws), axis=0)


def two_pairs(rng, draws, fit, model):
    """Every second chain is a copy of the one before it, perhaps in another order."""
    draws[1::2] = draws[::2]
    if rng.random() < 0.5:
        draws[1] = rng.permutation(draws[1])
    return draws


def slow(rng, draws, fit, model):
    """A chain whose neighbours have a correlation of 0.999, at the right place and as wide."""
    noise = rng.normal(size=draws.shape) * math.sqrt(1 - 0.999**2)
    noise[:, 0] = rng.normal(size=draws[:, 0].shape)
    root = np.linalg.cholesky(fit.covariance)
    return fit.coefficients + lfilter([1], [1, -0.999], noise, axis=1) @ root.T


def spread(rng, draws, fit, model):
    """One chain, half or twice as wide as the others."""
    i = rng.integers(len(draws))
    centre = draws[i].mean(axis=0)
    draws[i] = centre + rng.choice([0.5, 2]) * (draws[i] - centre)
    return draws


def stuck(rng, draws, fit, model):
    """One chain that stands still for its first or its last half."""
    i, half = rng.integers(len(draws)), draws.shape[1] // 2
    part = slice(None, half) if rng.random() < 0.5 else slice(-half, None)
    draws[i, part] = draws[i, half]
    return draws


def mixture(rng, draws, fit, model):
    """One chain from the posterior of other data: a fifth of the responses, chosen, turned."""
    response = model.response.copy()
    ones = np.flatnonzero(response == 1)
    zeros = np.flatnonzero(response == 0)
    few = max(1, len(response) // 5)
    for rows in (ones, zeros):
        response[rng.choice(rows, min(few, len(rows) // 2), replace=False)] = 1 - response[rows[0]]
    other = BernoulliLogistic.from_arrays(model.design, response, names=model.names)
    if not check_existence(other, signs=False).exists:
        return moved_in_all(rng, draws, fit, model)
    seed = int(rng.integers(2**31))
    wrong = sample_independence(other, draws.shape[1], 1, seed=seed, progress=False)
    draws[rng.integers(len(draws))] = wrong.draws[0]
    return draws


KINDS: dict[str, Kind] = {
    "moved by 2 SE in all coefficients": moved_in_all,
    "moved by 2 SE in one coefficient": moved_in_one,
    "one chain constant": constant,
    "random walk with tiny steps": tiny_steps,
    "one chain copied four times": copied,
    "two pairs of copies": two_pairs,
    "autocorrelation 0.999": slow,
    "one chain half or twice as wide": spread,
    "stuck for half of a chain": stuck,
    "one chain of another posterior": mixture,
}


def unmixed(
    kind: str, model: BernoulliLogistic, seed: int, draws: int = 1000, chains: int = 4
) -> Posterior:
    """Draws of `model` that have not mixed, with the log-density that the model gives them."""
    fit = fit_newton(model)
    honest = sample_independence(model, draws, chains, seed=seed, progress=False)
    rng = np.random.default_rng(seed)
    beta = KINDS[kind](rng, honest.draws.copy(), fit, model)
    lp = model.log_likelihood(beta.reshape(-1, model.n_parameters)).reshape(beta.shape[:2])
    return as_posterior(model, beta, lp)
