"""Exact leave-one-out of the MLE: downdated steps beside brute force, and beside other programs.

n = 3000, k = 7 (and what else is asked for). All refit without each row and score the row left
out: `exact_loo`; `fit_newton` on the other rows, from the full fit's data; statsmodels `Logit`
started at the full fit; scikit-learn's newton-cholesky without a penalty, in its own
`cross_val_predict`. Times are wall clock, one run after a warm-up on 50 rows. The largest
difference of a log score from brute force stands beside each.

    python benchmarks/leave_one_out.py [--n 3000] [--k 7]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import statsmodels.api as sm
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from flatprior.analysis import exact_loo
from flatprior.models import BernoulliLogistic, fit_newton


def log_scores(X: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Log probability of each outcome under the coefficients (n, k) without its row."""
    return -np.logaddexp(0, -(2 * y - 1) * np.einsum("ij,ij->i", X, coefficients))


def downdated(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`exact_loo`."""
    return exact_loo(BernoulliLogistic.from_arrays(X, y)).pointwise


def brute_force(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`fit_newton` on the other rows."""
    keep = ~np.eye(len(y), dtype=bool)
    found = [fit_newton(BernoulliLogistic.from_arrays(X[k], y[k])).coefficients for k in keep]
    return log_scores(X, y, np.array(found))


def statsmodels(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`Logit`, Newton's method from the fit of all rows."""
    start = sm.Logit(y, X).fit(disp=0, tol=1e-10).params
    keep = ~np.eye(len(y), dtype=bool)
    found = [
        sm.Logit(y[k], X[k]).fit(start_params=start, disp=0, tol=1e-10, skip_hessian=True).params
        for k in keep
    ]
    return log_scores(X, y, np.array(found))


def scikit_learn(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`cross_val_predict` with newton-cholesky."""
    estimator = LogisticRegression(
        C=np.inf, solver="newton-cholesky", fit_intercept=False, tol=1e-10
    )
    probability = cross_val_predict(estimator, X, y, cv=LeaveOneOut(), method="predict_proba")
    return np.log(probability[np.arange(len(y)), y.astype(int)])


def main() -> None:
    """Print times, ratios and differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--k", type=int, default=7)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(options.n), rng.normal(size=(options.n, options.k - 1))])
    beta = rng.normal(size=options.k) / 2
    y = (rng.random(options.n) < expit(X @ beta)).astype(float)
    programs: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "exact_loo": downdated,
        "brute force, fit_newton": brute_force,
        "statsmodels Logit, warm start": statsmodels,
        "scikit-learn newton-cholesky": scikit_learn,
    }
    seconds, scores = {}, {}
    for name, program in programs.items():
        program(X[:50], y[:50])
        start = time.perf_counter()
        scores[name] = program(X, y)
        seconds[name] = time.perf_counter() - start
    print(f"n = {options.n}, k = {options.k}")
    print(f"{'':31}{'seconds':>9}{'ratio':>8}{'log score':>14}{'largest difference':>20}")
    for name in programs:
        gap = np.abs(scores[name] - scores["brute force, fit_newton"]).max()
        print(
            f"{name:31}{seconds[name]:9.2f}{seconds[name] / seconds['exact_loo']:8.1f}"
            f"{scores[name].sum():14.6f}{gap:20.1e}"
        )


if __name__ == "__main__":
    main()
