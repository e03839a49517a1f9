"""Simulation-based calibration of both samplers under a flat prior, through the production code.

Run ``python benchmarks/sbc.py`` (about twenty minutes; ``--replicates 4000 --nuts 600`` are the
defaults). A flat prior times the likelihood of pseudo-data is a prior that can be sampled exactly;
`closed_form.calibration_ranks` says how. For each sampler: the rank histogram of each of three
coefficients and of the log-likelihood in ten bins, and the p-value that it is uniform.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from flatprior.models import sample_independence, sample_nuts

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from closed_form import Sampler, calibration_ranks, uniformity_p

BINS = 10
SAMPLERS: dict[str, Sampler] = {
    "independence": lambda model, seed: sample_independence(
        model, draws=1000, chains=4, seed=seed, progress=False
    ),
    "nuts": lambda model, seed: sample_nuts(
        model, draws=500, tune=500, chains=2, seed=seed, cores=1, progress=False
    ),
}


def calibrate(name: str, replicates: int) -> None:
    """Print the rank histograms of one sampler and their p-values."""
    start = time.perf_counter()
    ranks = []
    for seed in range(replicates):
        ranks.append(calibration_ranks(SAMPLERS[name], seed))
        if sys.stderr.isatty():
            print(f"\r{name}: {seed + 1} of {replicates}", end="", file=sys.stderr)
    seconds = time.perf_counter() - start
    print(f"\n{name}: {replicates} replicates, {seconds / replicates:.2f} s each")
    titles = [*(f"coefficient {j + 1}" for j in range(len(ranks[0]) - 1)), "log-likelihood"]
    expected = replicates / BINS
    print(f"{'':16}ranks in {BINS} bins, {expected:.0f} expected in each{'p':>20}")
    for title, column in zip(titles, np.transpose(ranks), strict=True):
        counts = np.bincount(column * BINS // 100, minlength=BINS)
        print(f"{title:16}" + "".join(f"{count:5d}" for count in counts), end="")
        print(f"{uniformity_p(column, BINS):12.3f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=4000, help="of the independence sampler")
    parser.add_argument("--nuts", type=int, default=600, help="replicates of NUTS")
    chosen = parser.parse_args()
    calibrate("independence", chosen.replicates)
    calibrate("nuts", chosen.nuts)
