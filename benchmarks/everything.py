"""What every call takes on a model with factors of many levels: seconds, memory, and in fits.

Run ``python benchmarks/everything.py`` (about five minutes), or name the calls, as ``python
benchmarks/everything.py exact_loo audit``. The model is that of the cell ``small`` of
``benchmarks/factors.py``: 10^5 rows of 5 numbers and factors of 20 and 200 levels, written out 224
coefficients; ``--rows`` makes it another number of rows. Each call is made in a process of its own,
first on 600 rows of 4 and 6 levels, so that what is loaded and compiled once is not counted; the
model, its fit and draws are there before.

seconds  on the clock, of one call
fits     the same, in times of the fit, `fit_newton` on the same model, in that process
memory   peak of the process during the call, beyond what it has with the model (Linux)
written  how often the design matrix, written out, would go into that memory
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from factors import Cell, memory

import flatprior.analysis as a
import flatprior.models as m

FORMULA = "y ~ x0 + x1 + x2 + x3 + x4 + f0 + f1"
SMALLER = "y ~ x0 + x1 + x2 + x3 + x4 + f0"
WARM = Cell(600, 5, (4, 6))


@dataclass
class Case:
    """A model and what calls are made of, each made when it is first asked for."""

    cell: Cell

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The data."""
        return self.cell.frame()

    @cached_property
    def model(self) -> m.BernoulliLogistic:
        """With both factors."""
        return m.BernoulliLogistic.from_formula(FORMULA, self.frame)

    @cached_property
    def smaller(self) -> m.BernoulliLogistic:
        """With one of them."""
        return m.BernoulliLogistic.from_formula(SMALLER, self.frame)

    @cached_property
    def fit(self) -> m.PointEstimate:
        """The MLE."""
        return m.fit_newton(self.model)

    @cached_property
    def agreement(self) -> a.Agreement:
        """Newton's method and draws."""
        return a.run_routes(self.model, routes=["newton", "independence"], seed=1, progress=False)

    @property
    def posterior(self) -> m.Posterior:
        """The draws."""
        return self.agreement.posteriors[0]

    @property
    def mistaken(self) -> np.ndarray:
        """Coefficients of no cause."""
        noise = np.random.default_rng(2).normal(size=self.model.n_parameters)
        return self.fit.coefficients + 0.1 * noise * self.fit.standard_errors

    @cached_property
    def ridge(self) -> np.ndarray:
        """Coefficients of a program whose default is a penalty."""
        from sklearn.linear_model import LogisticRegression

        found = LogisticRegression(solver="newton-cholesky", tol=1e-10)
        found.fit(self.model.design[:, 1:], self.model.response)
        return np.append(found.intercept_, found.coef_)


def report(case: Case) -> None:
    """Write the report of routes that have run."""
    with tempfile.TemporaryDirectory() as folder:
        a.write_report(Path(folder) / "page.html", case.agreement)


# what is made before it is timed, and the call
CALLS: dict[str, tuple[Callable[[Case], Any], Callable[[Case], Any]]] = {
    "from_formula": (lambda c: c.frame, lambda c: c.model),
    "fit_newton": (lambda c: c.model, lambda c: m.fit_newton(c.model)),
    "check_existence": (lambda c: c.model, lambda c: m.check_existence(c.model)),
    "check_fragility": (lambda c: c.model, lambda c: m.check_fragility(c.model)),
    "certify": (lambda c: c.fit, lambda c: m.certify(c.model, c.fit.coefficients)),
    "summarise": (lambda c: c.model, lambda c: str(a.summarise(c.model))),
    "wald_test": (lambda c: c.fit, lambda c: str(a.wald_test(c.fit, "x0"))),
    "likelihood_ratio_test, one number": (
        lambda c: c.model,
        lambda c: a.likelihood_ratio_test(c.model, "x0"),
    ),
    "likelihood_ratio_test, a factor": (
        lambda c: c.model,
        lambda c: a.likelihood_ratio_test(c.model, of(c, "f1")),
    ),
    "likelihood_ratio_test, two models": (
        lambda c: (c.model, c.smaller),
        lambda c: a.likelihood_ratio_test(c.model, c.smaller),
    ),
    "score_test, a factor": (lambda c: c.model, lambda c: a.score_test(c.model, of(c, "f1"))),
    "confidence_intervals, profile, one": (
        lambda c: c.model,
        lambda c: a.confidence_intervals(c.model, names=["x0"]),
    ),
    "profile_curve": (lambda c: c.model, lambda c: a.profile_curve(c.model, "x0")),
    "hauck_donner": (lambda c: c.fit, lambda c: a.hauck_donner(c.model, c.fit)),
    "robust_covariance, HC0": (
        lambda c: c.fit,
        lambda c: a.robust_covariance(c.model, c.fit, "HC0"),
    ),
    "robust_covariance, HC3": (
        lambda c: c.fit,
        lambda c: a.robust_covariance(c.model, c.fit, "HC3"),
    ),
    "predict": (lambda c: c.fit, lambda c: a.predict(c.model, c.fit, c.frame)),
    "average_marginal_effects": (
        lambda c: c.fit,
        lambda c: a.average_marginal_effects(c.model, c.fit, c.frame, "x0"),
    ),
    "average_marginal_effects, all": (
        lambda c: c.fit,
        lambda c: a.average_marginal_effects(c.model, c.fit, c.frame),
    ),
    "goodness_of_fit": (lambda c: c.fit, lambda c: a.goodness_of_fit(c.model, c.fit)),
    "diagnose": (lambda c: c.fit, lambda c: str(a.diagnose(c.model, c.fit))),
    "collinearity": (lambda c: c.model, lambda c: a.collinearity(c.model)),
    "calibration_curve": (lambda c: c.fit, lambda c: a.calibration_curve(c.model, c.fit)),
    "predictive_scores": (lambda c: c.fit, lambda c: a.predictive_scores(c.model, c.fit)),
    "exact_loo": (lambda c: c.fit, lambda c: a.exact_loo(c.model, c.fit)),
    "exact_loo, to 1e-6": (lambda c: c.fit, lambda c: a.exact_loo(c.model, c.fit, 1e-6)),
    "compare_models": (
        lambda c: (c.model, c.smaller),
        lambda c: str(a.compare_models({"both": c.model, "one": c.smaller})),
    ),
    "audit": (lambda c: c.mistaken, lambda c: a.audit(c.mistaken, c.model)),
    "explain_difference, none": (
        lambda c: (c.model, c.mistaken),
        lambda c: a.explain_difference(c.model, c.mistaken),
    ),
    "explain_difference, ridge": (
        lambda c: (c.model, c.ridge),
        lambda c: a.explain_difference(c.model, c.ridge),
    ),
    "refit, 20 bootstraps": (
        lambda c: c.model,
        lambda c: m.refit(
            c.model, np.random.default_rng(1).poisson(1.0, (20, c.model.n_rows)).astype(float)
        ),
    ),
    "sample_independence": (
        lambda c: c.model,
        lambda c: m.sample_independence(c.model, seed=1, progress=False),
    ),
    "run_routes": (lambda c: c.model, lambda c: c.agreement),
    "check_posterior": (lambda c: c.posterior, lambda c: a.check_posterior(c.model, c.posterior)),
    "posterior_moments": (
        lambda c: c.posterior,
        lambda c: a.posterior_moments(c.model, c.posterior),
    ),
    "psis_loo": (lambda c: c.posterior, lambda c: a.psis_loo(c.model, c.posterior, progress=False)),
    "write_report": (lambda c: c.agreement, report),
}


def of(case: Case, factor: str) -> list[str]:
    """Names of the coefficients of a factor."""
    return [name for name in case.model.names if name.startswith(factor)]


def measure(name: str, n: int) -> None:
    """Print seconds of a call and of a fit, and the memory that the call takes."""
    before, call = CALLS[name]
    warm, case = Case(WARM), Case(Cell(n, 5, (20, 200)))
    before(warm)
    call(warm)
    before(case)
    if name != "from_formula":
        m.fit_newton(case.model)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    held = memory("VmRSS")
    start = time.perf_counter()
    call(case)
    seconds = time.perf_counter() - start
    peak = memory("VmHWM") - held
    start = time.perf_counter()
    m.fit_newton(case.model)
    print(seconds, time.perf_counter() - start, peak)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calls", nargs="*", metavar="CALL", help="names, or how they begin")
    parser.add_argument("--rows", type=int, default=10**5)
    parser.add_argument("--patience", type=float, default=600.0, help="seconds")
    parser.add_argument("--only", help="print the figures of one call, in this process")
    given = parser.parse_args()
    if given.only:
        measure(given.only, given.rows)
        return
    written = 8 * given.rows * Cell(given.rows, 5, (20, 200)).columns
    print(f"{'':36}{'seconds':>9}{'fits':>8}{'memory':>11}{'written':>9}")
    for name in CALLS:
        if given.calls and not name.startswith(tuple(given.calls)):
            continue
        command = [sys.executable, __file__, "--only", name, "--rows", str(given.rows)]
        try:
            said = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, check=True, timeout=given.patience
            )
        except subprocess.TimeoutExpired:
            print(f"{name:36} more than {given.patience:.0f} s", flush=True)
            continue
        except subprocess.CalledProcessError as error:
            print(f"{name:36} {error.stderr.strip().splitlines()[-1][:80]}", flush=True)
            continue
        seconds, fit, peak = map(float, said.stdout.split()[-3:])
        print(
            f"{name:36}{seconds:8.2f}s{seconds / fit:8.1f}{peak / 1e6:8.0f} MB"
            f"{peak / written:9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
