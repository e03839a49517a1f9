"""Posteriors that are known exactly: saturated designs, and pseudo-data as a prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, logit, polygamma
from scipy.stats import chisquare

from flatprior.models import BernoulliLogistic, Posterior

RANKS = 99  # draws among which a true value is ranked: 0 to 99


@dataclass(frozen=True, eq=False)
class Saturated:
    """As many coefficients as patterns: pattern j, row j of `patterns`, has a ones and c zeros.

    Under a flat prior its probability p_j is Beta(a_j, c_j), independently of the others, and the
    coefficients are ``patterns^-1 logit p``: one linear map of k independent variables.
    """

    patterns: np.ndarray  # (k, k), invertible
    ones: np.ndarray  # (k,), at least 1
    zeros: np.ndarray  # (k,), at least 1

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Design, response and frequency weights."""
        design = np.repeat(self.patterns, 2, axis=0)
        response = np.tile([1.0, 0.0], len(self.ones))
        return design, response, np.column_stack([self.ones, self.zeros]).ravel()

    @property
    def model(self) -> BernoulliLogistic:
        design, response, weights = self.rows
        return BernoulliLogistic.from_arrays(design, response, frequency_weights=weights)

    @property
    def mean(self) -> np.ndarray:
        return np.linalg.solve(self.patterns, digamma(self.ones) - digamma(self.zeros))

    @property
    def covariance(self) -> np.ndarray:
        inverse = np.linalg.inv(self.patterns)
        variance = polygamma(1, self.ones) + polygamma(1, self.zeros)
        return (inverse * variance) @ inverse.T

    @property
    def elpd_loo(self) -> float:
        """Sum over observations of the log predictive probability without it; counts above 1."""
        a, c = self.ones, self.zeros
        n = a + c
        return float((a * np.log((a - 1) / (n - 1)) + c * np.log((c - 1) / (n - 1))).sum())

    @property
    def p_loo(self) -> float:
        """Log predictive density of the observations themselves, less `elpd_loo`."""
        a, c = self.ones, self.zeros
        n = a + c
        return float((a * np.log(a / n) + c * np.log(c / n)).sum()) - self.elpd_loo

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One exact draw of the coefficients (k,)."""
        return np.linalg.solve(self.patterns, logit(rng.beta(self.ones, self.zeros)))


def random_saturated(rng: np.random.Generator, k: int, least: int, most: int) -> Saturated:
    """A saturated design of k correlated patterns with counts from `least` to `most`."""
    patterns = np.column_stack([np.ones(k), rng.normal(size=(k, k - 1))])
    return Saturated(patterns, *rng.integers(least, most + 1, size=(2, k)))


Sampler = Callable[[BernoulliLogistic, int], Posterior]


def calibration_ranks(sampler: Sampler, seed: int, k: int = 3, n: int = 20) -> np.ndarray:
    """Ranks (k + 1,) of one replicate of simulation-based calibration under a flat prior.

    A flat prior times the likelihood of pseudo-data is a proper prior that can be sampled exactly.
    True coefficients are drawn from it, n rows from them, and the flat-prior posterior of
    pseudo-data and rows together is sampled by the code under test. Among the draws, thinned to
    `RANKS`, the true coefficients and their log-likelihood then have uniform ranks (Talts et al.
    2018, "Validating Bayesian inference algorithms with simulation-based calibration").
    """
    rng = np.random.default_rng(seed)
    pseudo = random_saturated(rng, k, 1, 4)
    truth = pseudo.draw(rng)
    design, response, weights = pseudo.rows
    X = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
    y = (rng.random(n) < expit(X @ truth)).astype(float)
    model = BernoulliLogistic.from_arrays(
        np.vstack([design, X]),
        np.append(response, y),
        frequency_weights=np.append(weights, np.ones(n)).astype(int),
    )
    draws = sampler(model, seed).draws.reshape(-1, k)
    thinned = draws[np.linspace(0, len(draws) - 1, RANKS).astype(int)]
    ranks = (thinned < truth).sum(axis=0)
    return np.append(ranks, (model.log_likelihood(thinned) < model.log_likelihood(truth)).sum())


def uniformity_p(ranks: np.ndarray, bins: int) -> float:
    """Chi-squared p-value that ranks 0 to `RANKS` (replicates,) are uniform, in equal bins."""
    counts = np.bincount(ranks * bins // (RANKS + 1), minlength=bins)
    return float(chisquare(counts).pvalue)
