"""Coverage where coefficients are many: `high_dimensional` beside Wald intervals of the MLE.

Gaussian rows, slopes k of which half are 0 and the others of one size, an intercept of 0.5. For
k / n and the signal strength squared, over replicates: how often intervals of 95 % hold the true
slope (of all, and of those that are not 0), how often a slope that is 0 has a p below 0.05, the
mean of corrected slopes and of the MLE in true ones, and the estimated signal strength. In
brackets the standard error of the first, over replicates. Data without an MLE are counted.

    python benchmarks/high_dimension.py [--n 1000] [--replicates 500] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from flatprior.analysis import high_dimensional
from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, fit_newton

KAPPA = (0.05, 0.1, 0.2)
SIGNAL = (1.0, 3.0, 5.0)  # gamma squared
INTERCEPT = 0.5


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """Shares and means over the slopes of one data set."""

    covered: float
    covered_signal: float
    false_alarms: float
    wald: float
    corrected: float
    mle: float
    signal: float


def replicate(n: int, kappa: float, signal: float, rng: np.random.Generator) -> Replicate | None:
    """One data set; None without an MLE."""
    k = round(kappa * n)
    beta = np.zeros(k)
    beta[: k // 2] = np.sqrt(signal / (k // 2))
    x = rng.normal(size=(n, k))
    y = rng.random(n) < expit(INTERCEPT + x @ beta)
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    try:
        fit = fit_newton(model)
    except MLEDoesNotExistError:
        return None
    found = high_dimensional(model, fit)
    table = found.table().iloc[1:]
    held = (table["2.5%"] <= beta) & (beta <= table["97.5%"])
    wald = np.abs(fit.coefficients[1:] - beta) <= 1.959964 * fit.standard_errors[1:]
    return Replicate(
        covered=held.mean(),
        covered_signal=held[: k // 2].mean(),
        false_alarms=(table["p"].iloc[k // 2 :] < 0.05).mean(),
        wald=wald.mean(),
        corrected=table["corrected"].iloc[: k // 2].mean() / beta[0],
        mle=fit.coefficients[1 : k // 2 + 1].mean() / beta[0],
        signal=found.signal_strength,
    )


def main() -> None:
    """Print one line for each k / n and signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(f"n = {asked.n}, {asked.replicates} replicates, seed {asked.seed}")
    head = "k/n gamma^2 | covered (se) | signal | p<.05 of 0 | Wald | corrected | MLE | gamma"
    print(f"{head} | no MLE | s each")
    for kappa in KAPPA:
        for signal in SIGNAL:
            start = time.perf_counter()
            children = np.random.SeedSequence(asked.seed).spawn(asked.replicates)
            every = [replicate(asked.n, kappa, signal, np.random.default_rng(c)) for c in children]
            found = [vars(each) for each in every if each is not None]
            if not found:
                print(f"{kappa:4} {signal:4} | no data set had an MLE")
                continue
            mean = {name: np.mean([each[name] for each in found]) for name in found[0]}
            error = np.std([each["covered"] for each in found]) / len(found) ** 0.5
            print(
                f"{kappa:4} {signal:4} | {mean['covered']:.4f} ({error:.4f}) | "
                f"{mean['covered_signal']:.4f} | {mean['false_alarms']:.4f} | {mean['wald']:.4f} | "
                f"{mean['corrected']:.3f} | {mean['mle']:.3f} | {mean['signal']:.3f} of "
                f"{signal**0.5:.3f} | {len(every) - len(found)} | "
                f"{(time.perf_counter() - start) / asked.replicates:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
