"""How often do intervals of few clusters hold the truth: of the bootstrap of clusters, and of CR2.

Outcomes of G clusters of 20 rows, each row with the probability of a Bernoulli-logistic model, and
correlated within clusters (a Gaussian copula with a correlation of 0.15); one column varies within
clusters, one between them only. The samples are those that `validate` draws, fitted here by
Newton's method in a few lines of NumPy, all at once.

    python benchmarks/clustered_bootstrap.py [data sets]
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.special import expit, log_expit
from scipy.stats import norm

from flatprior.analysis import robust_covariance
from flatprior.analysis.validation.coefficient_intervals import accelerations, bootstrap_intervals
from flatprior.analysis.validation.resampling import Observations, bootstrap_counts
from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, PointEstimate, fit_newton

CLUSTERS, ROWS, SAMPLES, CORRELATION = (8, 15, 40), 20, 400, 0.15
TRUTH = np.array([-0.3, 0.7, 0.5])
Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(rng: np.random.Generator, n_clusters: int) -> Data:
    """Columns, outcomes and clusters."""
    clusters = np.repeat(np.arange(n_clusters), ROWS)
    n = len(clusters)
    X = np.column_stack([np.ones(n), rng.normal(size=n), rng.normal(size=n_clusters)[clusters]])
    shared = rng.normal(size=n_clusters)[clusters]
    z = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * rng.normal(size=n)
    return X, (norm.cdf(z) < expit(X @ TRUTH)).astype(float), clusters


def fitted(X: np.ndarray, y: np.ndarray, counts: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The MLE of each sample (m, k); NaN of those that have none."""
    k = X.shape[1]
    beta, products = (
        np.tile(start, (len(counts), 1)),
        (X[:, :, None] * X[:, None]).reshape(-1, k * k),
    )
    for _ in range(25):
        p = expit(beta @ X.T)
        information = ((counts * p * (1 - p)) @ products).reshape(-1, k, k) + 1e-12 * np.eye(k)
        step = np.linalg.solve(information, ((counts * (y - p)) @ X)[:, :, None])[:, :, 0]
        beta += step / np.maximum(1, np.abs(step).max(axis=1) / 3)[:, None]
    beta[np.abs(beta).max(axis=1) > 20] = np.nan
    return beta


def losses(eta: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Brier and log scores of each row."""
    return [np.square(y - expit(eta)), -log_expit(np.where(y > 0, eta, -eta))]


def held(ends: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether intervals (q, 2) hold the truth (q,)."""
    return (ends[:, 0] <= truth) & (truth <= ends[:, 1])


def of_one(fit: PointEstimate, model: BernoulliLogistic, data: Data, seed: int, many: Data) -> dict:
    """Which intervals of one data set hold the truth."""
    X, y, clusters = data
    counts = bootstrap_counts(Observations.of(model.arrays, False, clusters), seed, range(SAMPLES))
    beta = fitted(X, y, counts, fit.coefficients)
    bent = accelerations(model, fit, clusters)
    found = {
        kind: held(bootstrap_intervals(fit, beta, bent, kind, 0.95).to_numpy()[:, -2:], TRUTH)
        for kind in ("percentile", "BCa")
    }
    robust = robust_covariance(model, fit, "CR2", cluster=clusters)
    found["CR2"] = held(robust.table().to_numpy()[:, -2:], TRUTH)
    there, scores = np.isfinite(beta).all(axis=1), []
    own, new = losses(beta[there] @ X.T, y), losses(many[0] @ fit.coefficients, many[1])
    for each in own:
        on_sample = (counts[there] * each).sum(axis=1) / counts[there].sum(axis=1)
        shifted = on_sample - (on_sample - each.mean(axis=1)).mean()
        scores.append(np.quantile(shifted, [0.025, 0.975]))
    found["Brier, log"] = held(np.array(scores), np.array([each.mean() for each in new]))
    return found


def main() -> None:
    """Print the coverage of each kind of interval."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    many = drawn(np.random.default_rng(99), 1500)
    for n_clusters in CLUSTERS:
        found = []
        for seed in range(n):
            data = drawn(np.random.default_rng([21, n_clusters, seed]), n_clusters)
            model = BernoulliLogistic.from_arrays(*data[:2])
            try:
                fit = fit_newton(model)
            except MLEDoesNotExistError:
                continue
            found.append(of_one(fit, model, data, seed, many))
        shares = {
            kind: np.mean([each[kind] for each in found], axis=0).round(3).tolist()
            for kind in found[0]
        }
        print(f"{n_clusters} clusters, {len(found)} data sets: {shares}", flush=True)


if __name__ == "__main__":
    main()
