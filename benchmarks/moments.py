"""Posterior means and standard deviations by control variates, against stored references.

Run ``python benchmarks/moments.py`` (about five minutes). For each case of ``tests/data`` with
stored posterior moments, independence sampling draws until every stated error of a mean is below
1e-4 posterior sd (five of them are half the 1e-3 that is asked for). Printed: draws and seconds,
the stated error, and the distance from the reference beside the reference's own error, all in
posterior sd; then the distance in stated errors, the reference's added.

Whether the stated errors are honest is seen from many runs of 4 x 1000 draws on all cases that
overlap: z-scores, against the mean of a run of 8 x 50,000 draws, should have a sd of 1.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from flatprior.analysis import PosteriorMoments, posterior_moments
from flatprior.models import fit_newton, sample_independence, sample_nuts

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from problems import OVERLAPPING, Case

GOAL = 1e-4
SEEDS = 20


def accuracy(cases: list[Case]) -> None:
    """Print what it takes to reach the goal, and how far the reference is then."""
    print(f"{'case':14}{'k':>3}{'degree':>7}{'draws':>8}{'seconds':>9}{'error':>9}", end="")
    print(f"{'distance':>10}{'reference':>11}{'z':>6}{'sd error':>10}")
    for case in cases:
        if case.posterior is None:
            continue
        mean, sd, reference_error = case.posterior
        draws = 1000
        while True:
            start = time.perf_counter()
            posterior = sample_independence(case.model, draws, seed=1, progress=False)
            moments = posterior_moments(case.model, posterior)
            seconds = time.perf_counter() - start
            if (moments.mean_error / moments.sd).max() <= GOAL:
                break
            draws *= 4
        distance = np.abs(moments.mean - mean) / sd
        z = distance / np.hypot(moments.mean_error / sd, reference_error)
        print(
            f"{case.id:14}{len(sd):3d}{moments.degree:7d}{4 * draws:8d}{seconds:9.2f}"
            f"{(moments.mean_error / sd).max():9.0e}{distance.max():10.1e}{reference_error:11.0e}"
            f"{z.max():6.1f}{(moments.sd_error / moments.sd).max():10.0e}",
            flush=True,
        )


def z_scores(runs: list[PosteriorMoments], reference: PosteriorMoments) -> np.ndarray:
    """z-scores of means, sds and plain means against a long run: (3, runs, k)."""
    return np.array(
        [
            [(run.mean - reference.mean) / np.hypot(run.mean_error, reference.mean_error),
             (run.sd - reference.sd) / np.hypot(run.sd_error, reference.sd_error),
             (run.plain_mean - reference.mean) / run.plain_mean_error]
            for run in runs
        ]
    ).swapaxes(0, 1)  # fmt: skip


def honesty(cases: list[Case], with_nuts: int) -> None:
    """Print the sd of the z-scores of each case, and over all of them."""
    print(f"\nsd of z-scores over {SEEDS} runs: mean, sd, plain mean (independence; NUTS on some)")
    collected: dict[str, list[np.ndarray]] = {"independence": [], "nuts": []}
    for i, case in enumerate(cases):
        model, mle = case.model, fit_newton(case.model)
        long = sample_independence(model, 50_000, 8, seed=99, progress=False)
        reference = posterior_moments(model, long, mle)
        line = f"{case.id:22}"
        for name in ("independence", "nuts")[: 2 if i < with_nuts else 1]:
            runs = []
            for seed in range(SEEDS):
                posterior = (
                    sample_independence(model, seed=seed, progress=False)
                    if name == "independence"
                    else sample_nuts(model, seed=seed, progress=False, cores=1)
                )
                runs.append(posterior_moments(model, posterior, mle))
            z = z_scores(runs, reference)
            collected[name].append(z.reshape(3, -1))
            line += "".join(f"{np.sqrt(np.mean(row**2)):7.2f}" for row in z) + "    "
        print(line, flush=True)
    for name, parts in collected.items():
        if parts:
            z = np.hstack(parts)
            print(f"all, {name}:", "".join(f"{np.sqrt(np.mean(row**2)):7.2f}" for row in z), end="")
            beyond = (np.abs(z[0]) > 3).mean()
            print(f"   means more than 3 errors away: {100 * beyond:.1f}%")


if __name__ == "__main__":
    accuracy(OVERLAPPING)
    # default_full_raw has 10,000 distinct rows: a long run of it takes minutes
    usable = [case for case in OVERLAPPING if case.id != "default_full_raw"]
    small_first = sorted(usable, key=lambda case: case.model.n_rows)
    honesty(small_first, with_nuts=6)
