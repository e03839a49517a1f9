"""Which calibration slope is nearer to that on new observations: leave-one-out, or the bootstrap?

Outcomes of a Bernoulli-logistic model with k coefficients, k - 1 of Gaussian columns; what is
fitted is this model. The slope on new observations is that of a refit on the log-odds of the fit,
of 20,000 other rows and their true probabilities. Beside it stand the slope of leave-one-out
predictions and that of the fit corrected by 200 bootstrap samples, as a report has them.

    python benchmarks/calibration_slopes.py [data sets]
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.special import expit

from flatprior.analysis import exact_loo, predictive_indices, validate
from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.common.errors import FlatpriorError

# observations, coefficients, length of the slopes, intercept
CASES = (
    (100, 5, 1.0, 0.0),
    (189, 9, 1.1, -0.9),
    (189, 9, 0.5, -0.9),
    (500, 9, 1.1, -0.9),
)
NEW, SAMPLES, SLOPE = 20_000, 200, "calibration slope"
ENDS = ["2.5%", "97.5%"]


def slope_of(log_odds: np.ndarray, probability: np.ndarray) -> float:
    """The calibration slope where outcomes come with these probabilities, by Newton's method."""
    Z, found = np.column_stack([np.ones_like(log_odds), log_odds]), np.array([0.0, 1.0])
    for _ in range(30):
        p = expit(Z @ found)
        found += np.linalg.solve((Z * (p * (1 - p))[:, None]).T @ Z, Z.T @ (probability - p))
    return float(found[1])


def slopes(rng: np.random.Generator, n: int, k: int, length: float, intercept: float) -> np.ndarray:
    """On new observations; by leave-one-out and its ends; by the bootstrap and its ends."""
    beta, X = rng.normal(size=k - 1), rng.normal(size=(n, k - 1))
    beta *= length / np.linalg.norm(beta)
    y = (rng.random(n) < expit(intercept + X @ beta)).astype(float)
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    fit = fit_newton(model)
    own = np.exp(exact_loo(model, fit).pointwise)
    left_out = predictive_indices(model, np.where(y == 1, own, 1 - own)).table().loc[SLOPE]
    corrected = validate(model, SAMPLES).table().loc[SLOPE]
    new = rng.normal(size=(NEW, k - 1))
    log_odds = np.column_stack([np.ones(NEW), new]) @ fit.coefficients
    truth = slope_of(log_odds, expit(intercept + new @ beta))
    of_left_out, of_bootstrap = left_out[["value", *ENDS]], corrected[["corrected", *ENDS]]
    return np.array([truth, *of_left_out, *of_bootstrap], dtype=float)


def main(data_sets: int) -> None:
    """One line a case."""
    print("n k signal | new observations | leave-one-out: mean sd error held | bootstrap: the same")
    for seed, case in enumerate(CASES, 1):
        rng, found, lost = np.random.default_rng(seed), [], 0
        for _ in range(data_sets):
            try:
                found.append(slopes(rng, *case))
            except FlatpriorError:
                lost += 1
        of = np.array(found)
        truth, said = of[:, 0], []
        for place in (1, 4):
            value, low, high = of[:, place : place + 3].T
            error = np.sqrt(np.mean((value - truth) ** 2))
            held = np.mean((low <= truth) & (truth <= high))
            said.append(f"{value.mean():.3f} {value.std():.3f} {error:.3f} {held:.3f}")
        print(
            *case[:3], f"| {truth.mean():.3f} {truth.std():.3f} |", " | ".join(said), f"lost {lost}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150)
