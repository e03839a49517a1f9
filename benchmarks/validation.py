"""Optimism-corrected scores by the bootstrap: `validate` beside loops over other programs' fits.

Of the others a part of the samples is timed, and the time of all is in proportion. They score as
`validate` does: AUC, Brier score, log score, and calibration as a refit, each on the sample and on
all observations.

    python benchmarks/validation.py [n k]
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from flatprior.analysis import validate
from flatprior.analysis.validation.resampling import Observations, bootstrap_counts
from flatprior.models import BernoulliLogistic, fit_newton

SAMPLES, SOME, SEED = 1000, 20, 1


def problem(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """An intercept and k - 1 normal columns, outcomes of a model of them."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
    chance = 1 / (1 + np.exp(-X @ rng.normal(scale=0.4, size=k)))
    return X, (rng.random(n) < chance).astype(float)


def by_statsmodels(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of the rows, repeated."""
    rows = np.repeat(np.arange(len(y)), weights.astype(int))
    return np.asarray(sm.Logit(y[rows], X[rows]).fit(method="newton", tol=1e-8, disp=0).params)


def by_scikit_learn(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients with weights."""
    plain = LogisticRegression(
        C=np.inf, solver="newton-cholesky", tol=1e-8, fit_intercept=bool(X.shape[1] < 2)
    )
    if X.shape[1] < 2:  # the refit of calibration
        found = plain.fit(X, y, sample_weight=weights)
        return np.append(found.intercept_, found.coef_[0])
    return np.asarray(plain.fit(X, y, sample_weight=weights).coef_[0])


Fitter = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def scores(
    fitter: Fitter, X: np.ndarray, y: np.ndarray, weights: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """The five scores of coefficients on rows with weights."""
    eta = X @ b
    p = 1 / (1 + np.exp(-eta))
    ones = fitter is by_statsmodels
    column = np.column_stack([np.ones_like(eta), eta]) if ones else eta[:, None]
    refit = fitter(column, y, weights)
    return np.array(
        [
            roc_auc_score(y, eta, sample_weight=weights),
            brier_score_loss(y, p, sample_weight=weights),
            log_loss(y, p, sample_weight=weights),
            *refit[::-1],
        ]
    )


def corrected(fitter: Fitter, X: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Optimism of the scores over some samples."""
    every = np.ones(len(y))
    found = []
    for weights in drawn:
        b = fitter(X, y, weights)
        found.append(scores(fitter, X, y, weights, b) - scores(fitter, X, y, every, b))
    return np.mean(found, axis=0)


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    """What it gives, and its wall and CPU time."""
    start = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - start[0], time.process_time() - start[1]


def main(n: int, k: int) -> None:
    """Print the time of each program, and how far their optimism is from ours."""
    X, y = problem(n, k)
    model = BernoulliLogistic.from_arrays(X, y)
    fit_newton(model)
    runs = [timed(lambda: validate(model, SAMPLES, seed=SEED)) for _ in range(3)]
    found, wall, cpu = sorted(runs, key=lambda run: run[2])[0]
    some = bootstrap_counts(Observations.of(model.arrays, False), SEED, range(SOME))
    ours = (found.training - found.test).to_numpy()[:SOME].mean(axis=0)  # type: ignore[attr-defined]
    print(f"n = {n:,}, k = {k}, {SAMPLES} samples: wall and CPU seconds, differences of optimism")
    print(f"{'flatprior validate':32}{wall:9.2f}{cpu:9.2f}")
    for name, fitter in (("statsmodels", by_statsmodels), ("scikit-learn", by_scikit_learn)):
        theirs, *times = timed(lambda fitter=fitter: corrected(fitter, X, y, some))  # type: ignore[misc]
        wall, cpu = (SAMPLES / SOME * each for each in times)
        print(f"{name:32}{wall:9.2f}{cpu:9.2f}{np.abs(theirs - ours).max():12.1e}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    given = [int(each) for each in sys.argv[1:3]]
    main(*(given or (10_000, 10)))
