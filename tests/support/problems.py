"""Shared problems: reference data sets, and designs whose MLE is known exactly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.posterior import labelled_draws
from flatprior.models.provenance import provenance

DATA = Path(__file__).parents[1] / "data"
INDEX = json.loads((DATA / "index.json").read_text())["cases"]


@dataclass(frozen=True, eq=False)
class Case:
    """One shared data set with its reference answer."""

    id: str
    kind: str
    frame: pd.DataFrame
    response: np.ndarray
    weights: np.ndarray | None
    facts: dict

    @property
    def model(self) -> BernoulliLogistic:
        return BernoulliLogistic.from_arrays(
            self.frame, self.response, frequency_weights=self.weights
        )

    def _reference(self, what: str) -> np.ndarray:
        values = self.facts.get("mle", self.facts)[what]
        if isinstance(values, dict):
            values = [values[name] for name in self.frame.columns]
        return np.array([float(value) for value in values])

    @property
    def beta(self) -> np.ndarray:
        """The MLE, to 25 digits rounded to double."""
        return self._reference("beta")

    @property
    def standard_errors(self) -> np.ndarray:
        return self._reference("se")

    @property
    def posterior(self) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Mean and sd of the flat-prior posterior, and the mean's largest error in sd, or None."""
        found = self.facts.get("flat_prior_posterior")
        if found is None:
            return None
        mean, sd = ([float(found[what][name]) for name in self.frame] for what in ("mean", "sd"))
        return np.array(mean), np.array(sd), found["err_mean_sd"]

    @property
    def condition(self) -> float:
        return self.facts.get("cond_X_scaled") or self.facts.get("cond_scaled") or 1.0


def load_case(entry: dict) -> Case:
    facts = json.loads((DATA / entry["json"]).read_text())
    frame = pd.read_csv(DATA / facts["csv"])
    weights = frame.pop("freq").to_numpy() if "freq" in frame else None
    frame = frame.drop(columns="cluster", errors="ignore")
    response = frame.pop("y").to_numpy()
    return Case(entry["id"], entry["kind"], frame, response, weights, facts)


# a case's kind, and what the package calls it
KINDS = {
    "quasi": "quasi-complete separation",
    "complete": "complete separation",
    "overlap+rank_deficient": "rank deficient",
}

CASES = {entry["id"]: load_case(entry) for entry in INDEX}
OVERLAPPING = [case for case in CASES.values() if case.kind == "overlap"]
NO_MLE = [case for case in CASES.values() if case.kind != "overlap"]


def ids(case: Case) -> str:
    return case.id


def exact_table(m: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integer patterns with frequencies 2^t and 2^-t: the MLE is exactly ``m log 2``.

    Pattern x has ``x'm = t`` and frequencies 2^max(t, 0) at y = 1 and 2^max(-t, 0) at y = 0, so
    that its log odds are ``t log 2``. Returns design, response and weights.
    """
    t = X @ m
    design = np.repeat(X, 2, axis=0).astype(float)
    response = np.tile([1.0, 0.0], len(X))
    weights = np.column_stack([2.0 ** np.maximum(t, 0), 2.0 ** np.maximum(-t, 0)]).ravel()
    return design, response, weights


def mp_fit(
    X: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    start: np.ndarray | None = None,
    digits: int = 50,
) -> tuple[np.ndarray, np.ndarray]:
    """MLE and standard errors by Newton's method in `digits`-digit arithmetic, from `start`.

    Shares no code with the package. The difference to the true MLE is below 10^-(digits/2).
    """
    n, k = X.shape
    with mpmath.workdps(digits):
        rows = mpmath.matrix(X.tolist())
        w = [mpmath.mpf(1)] * n if weights is None else [mpmath.mpf(float(v)) for v in weights]
        o = [mpmath.mpf(0)] * n if offset is None else [mpmath.mpf(float(v)) for v in offset]
        beta = mpmath.matrix([0] * k if start is None else start.tolist())
        for _ in range(200):
            eta = rows * beta
            p = [1 / (1 + mpmath.exp(-(eta[i] + o[i]))) for i in range(n)]
            score = rows.T * mpmath.matrix([w[i] * (int(y[i]) - p[i]) for i in range(n)])
            scaled = mpmath.matrix(n, k)
            for i in range(n):
                for j in range(k):
                    scaled[i, j] = w[i] * p[i] * (1 - p[i]) * rows[i, j]
            information = rows.T * scaled
            step = mpmath.lu_solve(information, score)
            beta += step
            decrement = mpmath.sqrt((score.T * step)[0])
            if decrement < mpmath.mpf(10) ** (-digits // 2):
                break
        else:
            raise AssertionError("the 50-digit reference did not converge")
        covariance = information**-1
        return (
            np.array([float(b) for b in beta]),
            np.array([float(mpmath.sqrt(covariance[j, j])) for j in range(k)]),
        )


def simulated(n: int, k: int, seed: int, size: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Draw a design with intercept and a response from the model with coefficients of `size`."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
    eta = X @ (size * rng.normal(size=k))
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)


def digits_right(found: np.ndarray, reference: np.ndarray) -> float:
    """Smallest number of correct significant digits; 17 stands for equality in double."""
    error = np.abs(found - reference) / np.abs(reference)
    return float(-math.log10(max(error.max(), 1e-17)))


def draws_from(
    model: BernoulliLogistic,
    log_density: Callable[[np.ndarray], np.ndarray],
    fit: PointEstimate,
    seed: int,
    shape: tuple[int, int] = (4, 1000),
) -> Posterior:
    """Exact draws from any density near `fit`: independence Metropolis with a t(5) proposal.

    `log_density` maps (d, k) to (d,). The draws pose as those of route "nuts".
    """
    rng = np.random.default_rng(seed)
    chains, n = shape
    k = model.n_parameters
    root = np.linalg.cholesky(1.5 * fit.covariance)
    normal = rng.normal(size=(chains, n + 100, k))
    z = normal / np.sqrt(rng.chisquare(5, size=(chains, n + 100, 1)) / 5)
    proposals = fit.coefficients + z @ root.T
    values = log_density(proposals.reshape(-1, k)).reshape(chains, n + 100)
    importance = values + (5 + k) / 2 * np.log1p((z**2).sum(axis=2) / 5)
    beta, lp = np.empty((chains, n, k)), np.empty((chains, n))
    for c in range(chains):
        current = 0
        for i in range(n + 100):
            if math.log(rng.random()) < importance[c, i] - importance[c, current]:
                current = i
            if i >= 100:
                beta[c, i - 100], lp[c, i - 100] = proposals[c, current], values[c, current]
    return as_posterior(model, beta, lp)


def as_posterior(model: BernoulliLogistic, beta: np.ndarray, lp: np.ndarray) -> Posterior:
    """Label arrays of draws (chains, draws, k) and log-densities as a `Posterior`."""
    stats = {"lp": lp, "diverging": np.zeros(lp.shape, dtype=bool)}
    return Posterior("nuts", labelled_draws(model, beta, stats), 0.0, provenance(model))
