"""Time, gradient and memory of an unpenalised fit: flatprior beside its peers, in one process.

Run ``python benchmarks/newton_vs_peers.py`` (about five minutes; ``--small`` leaves out the two
largest problems). Every program fits the same matrix, intercept included, to a gradient of 1e-8 per
row or tighter. flatprior's time is that of model, coefficients, covariance and certificate;
statsmodels' includes the covariance; the others compute neither. Programs take turns; the figures
are medians over the turns.

time      of a fit; in brackets, how many times as long as flatprior's
gradient  largest absolute entry of the gradient of the mean log-likelihood at the answer
memory    peak of the process during the fit, less what it was before, as a share of the data

On a million rows and more the last line gives flatprior's time in passes: one computation of
log-likelihood, score and information at one coefficient vector, timed in the same turns.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import glum
import numpy as np
import statsmodels.api as sm
from scipy.signal import lfilter
from sklearn.linear_model import LogisticRegression

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.likelihood import moments

PROBLEMS = [(200, 4), (10**4, 10), (10**5, 20), (10**5, 100), (10**6, 20), (10**6, 50)]
CORRELATION = 0.5  # of neighbouring columns
SECONDS = 8.0  # spent on one program and problem, if one fit takes no longer
MOST_TURNS = 200

Array = np.ndarray


def problem(n: int, k: int) -> tuple[Array, Array]:
    """An intercept and columns correlated like an autoregression; about a fifth are events."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, k))
    X = lfilter([np.sqrt(1 - CORRELATION**2)], [1, -CORRELATION], X, axis=1)
    X[:, 0] = 1.0
    beta = rng.normal(size=k) * 1.5 / np.sqrt(k)
    beta[0] = -1.7
    return X, (rng.random(n) < 1 / (1 + np.exp(-X @ beta))).astype(float)


def programs(X: Array, y: Array) -> dict[str, Callable[[], Array]]:
    """Each program's fit, returning coefficients."""

    def ours() -> Array:
        return fit_newton(BernoulliLogistic.from_arrays(X, y, copy=False)).coefficients

    def scikit_learn(solver: str) -> Callable[[], Array]:
        def fit() -> Array:
            classifier = LogisticRegression(
                C=np.inf, solver=solver, tol=1e-8, max_iter=10_000, fit_intercept=False
            )
            return classifier.fit(X, y).coef_[0]

        return fit

    def with_glum() -> Array:
        regressor = glum.GeneralizedLinearRegressor(
            family="binomial", alpha=0, fit_intercept=False, gradient_tol=1e-8
        )
        return regressor.fit(X, y).coef_

    return {
        "flatprior": ours,
        "scikit-learn lbfgs": scikit_learn("lbfgs"),
        "scikit-learn newton-cholesky": scikit_learn("newton-cholesky"),
        "statsmodels Logit": lambda: sm.Logit(y, X).fit(method="newton", tol=1e-8, disp=0).params,
        "glum": with_glum,
    }


def gradient(X: Array, y: Array, beta: Array) -> float:
    """Largest absolute entry of the mean score."""
    sign = 2 * y - 1
    return float(np.abs((sign / (1 + np.exp(sign * (X @ beta)))) @ X).max() / len(y))


def memory(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def peak(run: Callable[[], object]) -> int:
    """How much memory the process takes at most while `run` runs, beyond what it has (Linux)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmRSS")
    run()
    return memory("VmHWM") - before


def compare(n: int, k: int) -> None:
    """Print one problem's table."""
    X, y = problem(n, k)
    fits = programs(X, y)
    beta = {name: fit() for name, fit in fits.items()}
    model = BernoulliLogistic.from_arrays(X, y, copy=False)
    information = "one pass"
    fits[information] = lambda: model.rows.reduce(lambda b: moments(b, beta["flatprior"]))
    times: dict[str, list[float]] = {name: [] for name in fits}
    for _ in range(MOST_TURNS):
        for name, fit in fits.items():
            if sum(times[name]) < SECONDS or len(times[name]) < 3:
                start = time.perf_counter()
                fit()
                times[name].append(time.perf_counter() - start)
    median = {name: float(np.median(values)) for name, values in times.items()}
    print(f"\nn = {n:,}, k = {k}; {y.mean():.0%} events; data {X.nbytes / 1e6:,.1f} MB")
    for name in beta:
        more = f"{peak(fits[name]) / X.nbytes:.1%}" if X.nbytes > 1e6 else "-"
        print(
            f"{name:30}{1e3 * median[name]:12.2f} ms ({median[name] / median['flatprior']:5.2f})"
            f"{gradient(X, y, beta[name]):12.1e}{more:>9}",
            flush=True,
        )
    if n >= 10**6:
        passes = median["flatprior"] / median[information]
        print(
            f"{information:30}{1e3 * median[information]:12.2f} ms; flatprior: {passes:.2f} passes"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of programs that do not reach their tolerance
    print(f"{'':30}{'time':>15} {'':7}{'gradient':>12}{'memory':>9}")
    for rows, columns in PROBLEMS:
        if rows < 10**6 or "--small" not in sys.argv:
            compare(rows, columns)
