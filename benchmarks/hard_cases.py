"""League table: who is right on hard data, who is wrong with a warning, and who says nothing?

Run ``python benchmarks/hard_cases.py`` (about a minute). Cases are those of ``tests/data`` and
scikit-learn's breast cancer data with all 30 columns. A program is

- *right* if every coefficient is within 0.01 standard errors of the 25-digit reference, or, where
  no unique MLE exists, if it says so: an exception, or a warning of separation or singularity;
- *warned* if it is not right but raised or warned of something else;
- *SILENT* if it is not right and said nothing.

"statsm." is statsmodels' Logit; "sk lbfgs" and "sk newt." are scikit-learn's LogisticRegression
without a penalty, with the solvers lbfgs and newton-cholesky and otherwise its defaults.

The second table counts iterations of Newton's method without damping, from zero, beside ours.
"""

from __future__ import annotations

import collections
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymc as pm
import statsmodels.api as sm
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.common.progress import quiet_libraries
from flatprior.models.routes.pymc_versions import find_map

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from problems import CASES, Case, mp_fit

CLOSE = 0.01  # standard errors
SAYS_SO = re.compile("separat|singular|perfect|at least 2 classes|dependent|rank", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Problem:
    """Data, and the reference if there is one."""

    name: str
    kind: str
    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    beta: np.ndarray | None = None
    se: np.ndarray | None = None


def standard_errors(case: Case) -> np.ndarray:
    """The reference's, or where it gives none those of 50-digit arithmetic at its coefficients."""
    if "beta_exact" not in case.facts:
        return case.standard_errors
    X = case.frame.to_numpy(dtype=float)
    return mp_fit(X, case.response, case.weights, start=case.beta)[1]


def problems() -> list[Problem]:
    """All shared cases, and the breast cancer data."""
    found = []
    for case in CASES.values():
        X = case.frame.to_numpy(dtype=float)
        exists = case.kind == "overlap"
        found.append(
            Problem(
                case.id,
                case.kind,
                X,
                case.response,
                case.weights,
                case.beta if exists else None,
                standard_errors(case) if exists else None,
            )
        )
    X, y = load_breast_cancer(return_X_y=True)
    X = np.column_stack([np.ones(len(X)), X])
    found.append(Problem("breast_cancer_30", "complete", X, y.astype(float), None))
    return sorted(found, key=lambda problem: problem.kind != "overlap")


def repeated(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """One row an observation, for programs without frequency weights."""
    if problem.weights is None:
        return problem.X, problem.y
    times = problem.weights.astype(int)
    return np.repeat(problem.X, times, axis=0), np.repeat(problem.y, times)


def ours(problem: Problem) -> np.ndarray:
    """Our Newton route."""
    model = BernoulliLogistic.from_arrays(problem.X, problem.y, frequency_weights=problem.weights)
    return fit_newton(model).coefficients


def statsmodels_logit(problem: Problem) -> np.ndarray:
    """``Logit(y, X).fit()``."""
    X, y = repeated(problem)
    return np.asarray(sm.Logit(y, X).fit(disp=0).params)


def sklearn_with(solver: str) -> Callable[[Problem], np.ndarray]:
    """``LogisticRegression`` without a penalty, else with its defaults."""

    def fit(problem: Problem) -> np.ndarray:
        classifier = LogisticRegression(C=np.inf, solver=solver, fit_intercept=False)
        classifier.fit(problem.X, problem.y, sample_weight=problem.weights)
        return np.asarray(classifier.coef_[0])

    return fit


def raw_find_map(problem: Problem) -> np.ndarray:
    """``pm.find_MAP`` with flat priors on the columns as they are."""
    with quiet_libraries(), pm.Model() as graph:
        beta = pm.Flat("z", shape=problem.X.shape[1])
        eta = pm.math.dot(problem.X, beta)
        y = problem.y.astype("int64")
        if problem.weights is None:
            pm.Bernoulli("y", logit_p=eta, observed=y)
        else:
            density = pm.logp(pm.Bernoulli.dist(logit_p=eta), y)
            pm.Potential("y", problem.weights.astype(float) * density)
    return np.asarray(find_map(graph, np.zeros(problem.X.shape[1]))[0])


PROGRAMS: dict[str, Callable[[Problem], np.ndarray]] = {
    "flatprior": ours,
    "statsm.": statsmodels_logit,
    "sk lbfgs": sklearn_with("lbfgs"),
    "sk newt.": sklearn_with("newton-cholesky"),
    "find_MAP": raw_find_map,
}


def judge(program: Callable[[Problem], np.ndarray], problem: Problem) -> str:
    """Whether the program is right, warned or silent."""
    beta = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            beta = program(problem)
            said = [str(w.message) for w in caught]
        except Exception as error:  # a peer may fail in any way; it is reported
            said = [f"{type(error).__name__}: {error}"]
    if problem.beta is not None:
        right = beta is not None and bool(np.max(np.abs(beta - problem.beta) / problem.se) <= CLOSE)
    else:
        right = any(SAYS_SO.search(text) for text in said)
    return "right" if right else "warned" if said else "SILENT"


def league() -> None:
    """Print one line a case and the totals."""
    print(f"{'case':25}{'kind':8}" + "".join(f"{name:>9}" for name in PROGRAMS))
    totals: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for problem in problems():
        line = f"{problem.name[:24]:25}{problem.kind.split('+')[-1][:8]:8}"
        for name, program in PROGRAMS.items():
            verdict = judge(program, problem)
            totals[name][verdict] += 1
            line += f"{verdict:>9}"
        print(line, flush=True)
    for verdict, label in (
        ("right", "right"),
        ("warned", "wrong, with a warning"),
        ("SILENT", "silently wrong"),
    ):
        print(f"{label:33}" + "".join(f"{totals[name][verdict]:>9}" for name in PROGRAMS))


def undamped(X: np.ndarray, y: np.ndarray, weights: np.ndarray, start: float = 0.0) -> str:
    """Iterations of plain Newton from `start` until the decrement is below 1e-8, or its fate."""
    beta = np.full(X.shape[1], start)
    for iteration in range(50):
        with np.errstate(over="ignore", invalid="ignore"):
            p = 1 / (1 + np.exp(-X @ beta))
            information = (X * (weights * p * (1 - p))[:, None]).T @ X
            score = X.T @ (weights * (y - p))
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return f"singular at {iteration}"
        if not np.isfinite(step).all():
            return f"overflow at {iteration}"
        if step @ score < 1e-16:
            return str(iteration)
        beta = beta + step
    return "no end in 50"


def iteration_table() -> None:
    """Print iterations of undamped Newton and of ours, for every case with an MLE."""
    print(f"\n{'iterations of Newton from zero':31}{'undamped':>15}{'ours':>6}")
    rows: list[tuple[str, np.ndarray, np.ndarray, np.ndarray | None, float]] = [
        (p.name, p.X, p.y, p.weights, 0.0) for p in problems() if p.beta is not None
    ]
    # Mount (2012), "How robust is logistic regression?": 90 events in 100, plain Newton from -5
    average = np.repeat([1.0, 0.0], [90, 10])
    rows.append(("90 of 100 events, from -5", np.ones((100, 1)), average, None, -5.0))
    for name, X, y, weights, start in rows:
        model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
        fit = fit_newton(model)
        w = np.ones(len(y)) if weights is None else weights.astype(float)
        print(f"{name:31}{undamped(X, y, w, start):>15}{fit.n_iterations:>6}")


if __name__ == "__main__":
    league()
    iteration_table()
