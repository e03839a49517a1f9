"""The whole job on rows in files: fit, draws, their tests and moments, the verdict.

Run ``python benchmarks/agree_on_files.py [ROWS ...]`` (default: 2 million and 20 million rows of
Parquet with nine numbers or so and a category of ten levels; about 1.5 GB of disk in the temporary
folder for the larger, deleted after). Each size runs in a process of its own, which reports seconds
and passes of each step and its peak memory, interpreter and libraries included, beside what reading
the same columns takes with pyarrow alone. Of two million rows or fewer the same is done in memory,
and the largest differences are printed; two seeds' posterior means are compared in their stated
errors.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS_A_FILE = 10**6
NUMBERS = [f"x{j}" for j in range(1, 9)]
LEVELS = [f"level {i}" for i in range(10)]
FORMULA = f"y ~ {' + '.join(NUMBERS)} + g"
IN_MEMORY = 2 * 10**6
DRAWS = 1000  # of each of four chains


def write(folder: Path, n: int) -> None:
    """Write n rows, `ROWS_A_FILE` to a file."""
    folder.mkdir()
    for number in range(-(-n // ROWS_A_FILE)):
        size = min(ROWS_A_FILE, n - number * ROWS_A_FILE)
        rng = np.random.default_rng([1, number])
        frame = pd.DataFrame(rng.normal(size=(size, len(NUMBERS))), columns=NUMBERS)
        group = rng.integers(len(LEVELS), size=size)
        eta = -1.5 + frame.to_numpy() @ np.linspace(-0.5, 0.5, len(NUMBERS)) + 0.1 * group
        frame["g"] = np.array(LEVELS)[group]
        frame["y"] = (rng.random(size) < 1 / (1 + np.exp(-eta))).astype(np.int8)
        frame.to_parquet(folder / f"{number:03}.parquet")


def peak() -> float:
    """Peak memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def job(folder: str, where: str, seed: int) -> dict[str, Any]:
    """Do the whole job on a folder, and say what each step took."""
    from flatprior.analysis import compare_routes, posterior_moments
    from flatprior.models import BernoulliLogistic, fit_newton, sample_independence

    steps: dict[str, dict[str, float]] = {}
    model: Any = None

    def step(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter(), time.process_time()
        before = 0 if model is None or model.passes is None else model.passes.number
        found = work()
        here = found if isinstance(found, BernoulliLogistic) else model
        steps[name] = {
            "seconds": time.perf_counter() - start[0],
            "CPU": time.process_time() - start[1],
            "passes": 0 if here.passes is None else here.passes.number - before,
            "peak MB": peak(),
        }
        return found

    built = BernoulliLogistic
    if where == "files":
        model = step("survey", lambda: built.from_parquet(folder, FORMULA))
    else:
        model = step("encoding", lambda: built.from_formula(FORMULA, folder))
    fit = step("Newton", lambda: fit_newton(model))
    drawn = step(
        "draws", lambda: sample_independence(model, draws=DRAWS, seed=seed, progress=False)
    )
    verdict = step("claims and verdict", lambda: compare_routes(model, fit, drawn))
    moments = step("moments", lambda: posterior_moments(model, drawn, fit))
    (check,) = verdict.posterior_checks
    return {
        "steps": steps,
        "bytes": 0 if model.passes is None else model.passes.bytes,
        "verdict": verdict.verdict,
        "hash": model.data_hash,
        "coefficients": fit.coefficients.tolist(),
        "errors": fit.standard_errors.tolist(),
        "draws": drawn.draws.tolist(),
        "claims": [check.score_p, check.trace, check.trace_p, check.highest_draw],
        "mean": moments.mean.tolist(),
        "mcse": moments.mean_error.tolist(),
        "sd": moments.sd.tolist(),
    }


def in_a_process_of_its_own(folder: Path, where: str, seed: int) -> dict[str, Any]:
    """Run `job`."""
    command = [sys.executable, __file__, "--job", str(folder), where, str(seed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read(folder: Path) -> float:
    """Seconds in which pyarrow alone reads the columns, in batches, the faster of two runs."""
    from pyarrow import dataset

    taken = []
    for _ in range(2):
        start = time.perf_counter()
        for batch in dataset.dataset(folder).to_batches(batch_size=2**18):
            batch.num_rows  # noqa: B018
        taken.append(time.perf_counter() - start)
    return min(taken)


def show(n: int, found: dict[str, Any], alone: float) -> None:
    """Print what a size took."""
    print(f"\n{n:,} rows in files; pyarrow alone reads them in {alone:.2f} s")
    table = pd.DataFrame(found["steps"]).T
    table["s a pass"] = table["seconds"] / table["passes"]
    table["reads"] = table["s a pass"] / alone
    print(table.round(2).to_string())
    total = table["seconds"].sum()
    print(
        f"{found['verdict']}: {total:.1f} s, {int(table['passes'].sum())} passes, "
        f"{found['bytes'] / 1e9:.2f} GB read, peak {table['peak MB'].max():.0f} MB"
    )


def largest(first: list[Any], second: list[Any], unit: Any = 1.0) -> float:
    """Largest difference, in a unit."""
    return float(np.max(np.abs(np.array(first) - np.array(second)) / unit))


def main() -> None:
    """Run all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[IN_MEMORY, 10 * IN_MEMORY])
    parser.add_argument("--job", nargs=3, metavar=("FOLDER", "WHERE", "SEED"))
    asked = parser.parse_args()
    if asked.job:
        folder, where, seed = asked.job
        print(json.dumps(job(folder, where, int(seed))))
        return
    for n in asked.rows:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "rows"
            write(folder, n)
            alone = read(folder)
            found = in_a_process_of_its_own(folder, "files", 1)
            show(n, found, alone)
            other = in_a_process_of_its_own(folder, "files", 2)
            errors = np.hypot(found["mcse"], other["mcse"])
            z = (np.array(found["mean"]) - np.array(other["mean"])) / errors
            print(
                f"posterior means of two seeds: largest difference {np.abs(z).max():.2f} stated "
                f"errors, root mean square {np.sqrt(np.mean(z**2)):.2f}"
            )
            if n > IN_MEMORY:
                continue
            memory = in_a_process_of_its_own(folder, "memory", 1)
            error = np.array(memory["errors"])
            print(
                f"in memory: {sum(each['seconds'] for each in memory['steps'].values()):.1f} s, "
                f"same hash: {memory['hash'] == found['hash']}, same verdict: "
                f"{memory['verdict'] == found['verdict']}; largest differences in standard errors: "
                f"coefficients {largest(memory['coefficients'], found['coefficients'], error):.1e}"
                f", draws {largest(memory['draws'], found['draws'], error):.1e}, means "
                f"{largest(memory['mean'], found['mean'], error):.1e}, sds "
                f"{largest(memory['sd'], found['sd'], error):.1e}; claims (p-values, trace) "
                f"{largest(memory['claims'], found['claims']):.1e}"
            )


if __name__ == "__main__":
    main()
