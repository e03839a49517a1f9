"""A fit on a Dask cluster of one and of two workers, and one whose worker is killed in mid-fit.

Run ``python benchmarks/cluster.py`` (about a minute). Rows are made by the workers, 4 million
of them in 40 partitions, and never leave them. While the third fit runs one worker is killed by its
process id; the cluster starts another, which makes the lost partitions again. All coefficients are
held against those of a fit in memory. The last lines say what crosses the network in a pass.
"""

from __future__ import annotations

import os
import signal
import threading
import time

import cloudpickle
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from flatprior.models import BernoulliLogistic, PointEstimate, fit_newton
from flatprior.models.likelihood import moments

PARTITIONS, ROWS = 40, 10**5
NUMBERS = [f"x{j}" for j in range(1, 9)]
FORMULA = f"y ~ {' + '.join(NUMBERS)} + C(g)"
MEMORY = "2GiB"  # of a worker


def partition(number: int) -> pd.DataFrame:
    """The rows of one partition, the same whenever they are made."""
    rng = np.random.default_rng([2, number])
    frame = pd.DataFrame(rng.normal(size=(ROWS, len(NUMBERS))), columns=NUMBERS)
    group = rng.integers(4, size=ROWS)
    eta = -1.5 + frame.to_numpy() @ np.linspace(-0.5, 0.5, len(NUMBERS)) + 0.3 * group
    frame["g"] = np.array(["north", "east", "south", "west"])[group]
    frame["y"] = (rng.random(ROWS) < 1 / (1 + np.exp(-eta))).astype(np.int8)
    return frame


def kill_one(client: Client, after: float) -> None:
    """Kill a worker's process, without a warning, a while from now."""
    worker, pid = next(iter(client.run(os.getpid).items()))

    def kill() -> None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
        print(f"   killed {worker}, process {pid}", flush=True)

    threading.Thread(target=kill, daemon=True).start()


def fit(workers: int, kill_after: float | None = None) -> tuple[PointEstimate, float]:
    """Fit on a cluster of its own; seconds are those of survey and fit."""
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        frame = dd.from_map(partition, range(PARTITIONS))
        if kill_after is not None:
            kill_one(client, kill_after)
        start = time.perf_counter()
        estimate = fit_newton(BernoulliLogistic.from_dask(frame, FORMULA))
        return estimate, time.perf_counter() - start


def traffic() -> None:
    """Print the sizes of what goes out and comes back in one pass."""
    small = dd.from_map(partition, range(1))
    model = BernoulliLogistic.from_dask(small, FORMULA)
    k = model.n_parameters
    answer = model.rows.reduce(lambda block: moments(block, np.zeros(k)))
    encoder = len(cloudpickle.dumps(model.rows.surveyed.encoder))
    back = len(cloudpickle.dumps(answer))
    data = PARTITIONS * ROWS * k * 8
    print(
        f"one pass: {PARTITIONS} sums of {k * k + k + 2} numbers (k^2 + k + 2; {back:,} bytes) are "
        f"made and combined on the workers, one comes back; {encoder:,} bytes of formula and "
        f"levels go out with the coefficients. The design has {data:,} bytes."
    )


def main() -> None:
    """Fit in memory, on one worker, on two, and on two of which one is killed."""
    frame = pd.concat([partition(number) for number in range(PARTITIONS)], ignore_index=True)
    memory = fit_newton(BernoulliLogistic.from_formula(FORMULA, frame))
    del frame
    print(f"{PARTITIONS * ROWS:,} rows, {len(memory.names)} coefficients")
    seconds = {}
    for label, workers, killed in (
        ("1 worker", 1, None),
        ("2 workers", 2, None),
        ("2 workers, one killed in mid-fit", 2, "middle"),
    ):
        after = None if killed is None else seconds["2 workers"] / 2
        estimate, seconds[label] = fit(workers, after)
        distance = np.max(
            np.abs(estimate.coefficients - memory.coefficients) / memory.standard_errors
        )
        bound = estimate.certificate.error_bound + memory.certificate.error_bound
        print(
            f"{label:34}{seconds[label]:7.1f} s; from the fit in memory {distance:.1e} standard "
            f"errors, certified {bound:.1e}",
            flush=True,
        )
    traffic()


if __name__ == "__main__":
    main()
