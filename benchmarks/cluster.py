"""A fit on a Dask cluster of one and of two workers, and one whose worker is killed in mid-fit.

Run ``python benchmarks/cluster.py`` (about a minute). Rows are made by the workers, 4 million
of them in 40 partitions, and never leave them. While the third fit runs one worker is killed by its
process id; the cluster starts another, which makes the lost partitions again. All coefficients are
held against those of a fit in memory. The last lines say what crosses the network in a pass.

With ``functions`` behind it: every function of a model (tests/support/places.py) of 1,000 rows with
one and two workers, and with two of which one is killed in its last pass; the largest differences
from the rows in memory, relative to the largest number (about ten minutes).
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import cloudpickle
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from flatprior.models import BernoulliLogistic, PointEstimate, fit_newton
from flatprior.models.likelihood import moments

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from dying_workers import DyingRows
from places import ASKED, FORMULA as ASKED_FORMULA, ROLES, shoppers

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


def of_functions() -> None:
    """Print how far each function's numbers are from those of the rows in memory."""
    frame = shoppers(1000)
    memory = BernoulliLogistic.from_formula(ASKED_FORMULA, frame, **ROLES)
    expected = {name: np.asarray(ask(memory), dtype=float) for name, ask in ASKED.items()}
    for workers in (1, 2):
        print(f"\n{workers} worker{'s' if workers > 1 else ''}", flush=True)
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=":0"
            ) as cluster,
            Client(cluster) as client,
            tempfile.TemporaryDirectory() as folder,
        ):
            rows = DyingRows(frame, Path(folder))

            def asked(name: str, rows: DyingRows = rows) -> str:
                model = BernoulliLogistic.from_dask(rows.lazy(), ASKED_FORMULA, **ROLES)
                before, start = rows.passes, time.perf_counter()
                found = np.asarray(ASKED[name](model), dtype=float)
                seconds, passes = time.perf_counter() - start, rows.passes - before
                np.testing.assert_array_equal(np.isnan(found), np.isnan(expected[name]))
                largest = np.nanmax(np.abs(found - expected[name]))
                largest /= np.nanmax(np.abs(expected[name]))
                return f"{largest:9.1e} {passes:4} passes {seconds:6.1f} s"

            for name in ASKED:
                before = rows.passes
                said = asked(name)
                rows.kill_in(rows.passes - before)  # the survey is one of them
                said += f"; one killed {asked(name)}"
                if not rows.killed:
                    raise RuntimeError("no worker was killed")
                while len(client.scheduler_info()["workers"]) < workers:
                    cluster.scale(workers)  # one that took too long to come back was given up
                    time.sleep(0.5)
                print(f"{name:26}{said}", flush=True)


if __name__ == "__main__":
    of_functions() if sys.argv[1:] == ["functions"] else main()
