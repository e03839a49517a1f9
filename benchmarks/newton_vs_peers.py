"""Time, gradient and memory of an unpenalised fit: flatprior beside its peers, in one process.

Run ``python benchmarks/newton_vs_peers.py`` (about six minutes; ``--small`` leaves out the two
largest problems, ``--refits`` is of many fits of one design instead). Every program fits the same
matrix, intercept included, to a gradient of 1e-8 per row or tighter. flatprior's time is that of
model, coefficients, covariance and certificate. Programs take turns, after a first fit of each, in
which they compile what they compile. In a turn a program fits as often as it can in a fiftieth of a
second, once at least, after a fit that is not timed and a pause in which the threads of whoever was
before go to sleep; the figures are medians over all these fits.

wall, CPU  time of a fit; in brackets, how many times as long as flatprior's
gradient   largest absolute entry of the gradient of the mean log-likelihood at the answer
memory     peak of the process during the fit, less what it was before, as a share of the data
errors     whether standard errors are in the time

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
from firthmodels import FirthLogisticRegression
from scipy.signal import lfilter
from sklearn.linear_model import LogisticRegression

from flatprior.models import BernoulliLogistic, fit_newton, refit
from flatprior.models.likelihood import moments

PROBLEMS = [(200, 4), (10**4, 10), (10**5, 20), (10**5, 100), (10**6, 20), (10**6, 50)]
CORRELATION = 0.5  # of neighbouring columns
LARGE = 10**6  # bytes, of which flatprior is told to make no copy
SECONDS = 8.0  # spent on one program and problem, if one fit takes no longer
TURN, PAUSE = 0.02, 0.1  # seconds; the threads of a BLAS wait for the next call, and so compute
MOST_TURNS = 12
REFITS = [(200, 5), (1000, 5), (10**4, 10)]
WITH_ERRORS = ("flatprior", "statsmodels Logit", "firthmodels")  # standard errors, in the time

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
    copy = X.nbytes < LARGE  # as it is by default

    def ours() -> Array:
        return fit_newton(BernoulliLogistic.from_arrays(X, y, copy=copy)).coefficients

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

    def with_statsmodels() -> Array:
        fit = sm.Logit(y, X).fit(method="newton", tol=1e-8, disp=0)
        assert np.isfinite(fit.bse).all()  # noqa: S101
        return fit.params

    def with_firthmodels() -> Array:  # compiled by numba where that is installed
        regressor = FirthLogisticRegression(
            penalty_weight=0, gtol=1e-6, xtol=1e-6, fit_intercept=False
        ).fit(X, y)
        assert np.isfinite(regressor.bse_).all()  # noqa: S101
        return regressor.coef_

    return {
        "flatprior": ours,
        "scikit-learn lbfgs": scikit_learn("lbfgs"),
        "scikit-learn newton-cholesky": scikit_learn("newton-cholesky"),
        "statsmodels Logit": with_statsmodels,
        "firthmodels": with_firthmodels,
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
    wall, cpu = turns(fits)
    print(f"\nn = {n:,}, k = {k}; {y.mean():.0%} events; data {X.nbytes / 1e6:,.1f} MB")
    for name in beta:
        more = f"{peak(fits[name]) / X.nbytes:.1%}" if X.nbytes > 1e6 else "-"
        print(
            f"{name:30}{1e3 * wall[name]:10.2f} ms ({wall[name] / wall['flatprior']:5.2f})"
            f"{1e3 * cpu[name]:10.2f} ms ({cpu[name] / cpu['flatprior']:5.2f})"
            f"{gradient(X, y, beta[name]):10.1e}{more:>9}"
            f"{'yes' if name in WITH_ERRORS else 'no':>8}",
            flush=True,
        )
    if n >= 10**6:
        passes = wall["flatprior"] / wall[information]
        print(f"{information:30}{1e3 * wall[information]:10.2f} ms; flatprior: {passes:.2f} passes")


def turns(fits: dict[str, Callable[[], object]]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds on the clock and of the processor, medians over turns that programs take."""
    wall: dict[str, list[float]] = {name: [] for name in fits}
    cpu: dict[str, list[float]] = {name: [] for name in fits}
    for _ in range(MOST_TURNS):
        for name, fit in fits.items():
            if sum(wall[name]) > SECONDS and len(wall[name]) >= 3:
                continue
            gc.collect()
            time.sleep(PAUSE)
            if len(wall[name]) > 1 and max(wall[name]) < TURN:
                fit()
            first = len(wall[name])
            while len(wall[name]) == first or sum(wall[name][first:]) < TURN:
                start = time.perf_counter(), time.process_time()
                fit()
                wall[name].append(time.perf_counter() - start[0])
                cpu[name].append(time.process_time() - start[1])
    medians = [{name: float(np.median(v)) for name, v in of.items()} for of in (wall, cpu)]
    return medians[0], medians[1]


def compare_refits(n: int, k: int, m: int = 1000) -> None:
    """Print the time of one of many bootstrap fits, by each program."""
    X, y = problem(n, k)
    model = BernoulliLogistic.from_arrays(X, y)
    drawn = np.random.default_rng(2).multinomial(n, np.full(n, 1 / n), size=m)
    some = drawn[: max(10, 10**5 // n)]

    def one_by_one() -> None:
        for weights in some:
            keep = weights > 0
            fit_newton(
                BernoulliLogistic.from_arrays(X[keep], y[keep], frequency_weights=weights[keep])
            )

    def with_statsmodels() -> None:
        for weights in some:
            rows = np.repeat(np.arange(n), weights)
            sm.Logit(y[rows], X[rows]).fit(method="newton", tol=1e-8, disp=0)

    def with_scikit_learn() -> None:
        for weights in some:
            LogisticRegression(
                C=np.inf, solver="newton-cholesky", tol=1e-8, fit_intercept=False
            ).fit(X, y, sample_weight=weights)

    def with_firthmodels() -> None:
        for weights in some:
            rows = np.repeat(np.arange(n), weights)
            FirthLogisticRegression(
                penalty_weight=0, gtol=1e-6, xtol=1e-6, fit_intercept=False
            ).fit(X[rows], y[rows])

    fits = {
        "flatprior": lambda: refit(model, drawn),
        "flatprior, fit_newton": one_by_one,
        "statsmodels Logit": with_statsmodels,
        "scikit-learn newton-cholesky": with_scikit_learn,
        "firthmodels": with_firthmodels,
    }
    wall, cpu = turns(fits)
    found = refit(model, drawn)
    print(
        f"\nn = {n:,}, k = {k}: {m} bootstrap fits, {m - found.exists.sum()} without an MLE; "
        f"bounds of {found.error_bounds[found.exists].max():.1e} at most"
    )
    for name in fits:
        each = [of[name] / (m if name == "flatprior" else len(some)) for of in (wall, cpu)]
        base = [of["flatprior"] / m for of in (wall, cpu)]
        print(
            f"{name:30}{1e3 * each[0]:10.3f} ms ({each[0] / base[0]:5.1f})"
            f"{1e3 * each[1]:10.3f} ms ({each[1] / base[1]:5.1f})",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of programs that do not reach their tolerance
    print(f"{'':30}{'wall':>13} {'':7}{'CPU':>13} {'':7}{'gradient':>10}{'memory':>9}{'errors':>8}")
    for rows, columns in REFITS if "--refits" in sys.argv else PROBLEMS:
        if "--refits" in sys.argv:
            compare_refits(rows, columns)
        elif rows < 10**6 or "--small" not in sys.argv:
            compare(rows, columns)
