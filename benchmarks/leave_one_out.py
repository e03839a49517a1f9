"""Exact leave-one-out of the MLE: downdated steps beside brute force, and beside other programs.

n = 3000, k = 7 (and what else is asked for). All refit without each row and score the row left
out: `exact_loo`; `fit_newton` on the other rows, from the full fit's data; statsmodels `Logit`
started at the full fit; scikit-learn's newton-cholesky without a penalty, in its own
`cross_val_predict`. One run after a warm-up on 50 rows: seconds by the clock, and of processor
time, which other processes of a busy machine lengthen less; ratios are of the latter. The largest
difference of a log score from brute force stands beside each. `--alone` has `exact_loo` at five
sizes, with the error bound that it states for the log score.

    python benchmarks/leave_one_out.py [--n 3000] [--k 7] [--alone]
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


def made(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, k), the first of them 1, and outcomes (n,) of a logistic model."""
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
    beta = rng.normal(size=k) / 2
    return X, (rng.random(n) < expit(X @ beta)).astype(float)


def alone() -> None:
    """Print processor time and error bound of `exact_loo` at five sizes."""
    downdated(*made(50, 7))
    print(f"{'rows, coefficients':>20}{'CPU seconds':>14}{'error bound':>14}")
    for n, k in ((1000, 10), (4000, 10), (10_000, 10), (10_000, 40), (100_000, 10)):
        model = BernoulliLogistic.from_arrays(*made(n, k))
        fit = fit_newton(model)
        start = time.process_time()
        found = exact_loo(model, fit)
        print(f"{n:>14}{k:>6}{time.process_time() - start:14.2f}{found.error_bound:14.1e}")


def main() -> None:
    """Print times, ratios and differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--k", type=int, default=7)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.alone:
        alone()
        return
    X, y = made(options.n, options.k)
    programs: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "exact_loo": downdated,
        "brute force, fit_newton": brute_force,
        "statsmodels Logit, warm start": statsmodels,
        "scikit-learn newton-cholesky": scikit_learn,
    }
    clock, cpu, scores = {}, {}, {}
    for name, program in programs.items():
        program(X[:50], y[:50])
        start, of_cpu = time.perf_counter(), time.process_time()
        scores[name] = program(X, y)
        clock[name], cpu[name] = time.perf_counter() - start, time.process_time() - of_cpu
    print(f"n = {options.n}, k = {options.k}")
    print(f"{'':31}{'clock':>9}{'CPU':>9}{'ratio':>8}{'log score':>14}{'difference':>13}")
    for name in programs:
        gap = np.abs(scores[name] - scores["brute force, fit_newton"]).max()
        print(
            f"{name:31}{clock[name]:9.2f}{cpu[name]:9.2f}{cpu[name] / cpu['exact_loo']:8.1f}"
            f"{scores[name].sum():14.6f}{gap:13.1e}"
        )


if __name__ == "__main__":
    main()
