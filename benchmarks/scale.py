"""Memory and time of a fit of Parquet files larger than one would load.

Run ``python benchmarks/scale.py`` (about two minutes and 1.5 GB of disk in the temporary folder,
deleted after). Two folders of Parquet files are written, of 2 and of 20 million rows and 10 columns
(a response, eight numbers, a category of four levels). Each is fitted in a process of its own,
which reports its peak memory, interpreter and libraries included; the smaller one also in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic, PointEstimate, fit_newton

SMALL, LARGE = 2 * 10**6, 2 * 10**7
ROWS_A_FILE = 10**6
NUMBERS = [f"x{j}" for j in range(1, 9)]
FORMULA = f"y ~ {' + '.join(NUMBERS)} + C(g)"


def write(folder: Path, n: int) -> None:
    """Write n rows, `ROWS_A_FILE` to a file."""
    folder.mkdir()
    for number in range(n // ROWS_A_FILE):
        rng = np.random.default_rng([1, number])
        frame = pd.DataFrame(rng.normal(size=(ROWS_A_FILE, len(NUMBERS))), columns=NUMBERS)
        group = rng.integers(4, size=ROWS_A_FILE)
        eta = -1.5 + frame.to_numpy() @ np.linspace(-0.5, 0.5, len(NUMBERS)) + 0.3 * group
        frame["g"] = np.array(["north", "east", "south", "west"])[group]
        frame["y"] = (rng.random(ROWS_A_FILE) < 1 / (1 + np.exp(-eta))).astype(np.int8)
        frame.to_parquet(folder / f"{number:03}.parquet")


def fit(folder: str, target: str) -> None:
    """Fit in this process; save the estimate, print seconds and peak memory."""
    start = time.perf_counter()
    model = BernoulliLogistic.from_parquet(folder, FORMULA)
    surveyed = time.perf_counter()
    estimate = fit_newton(model)
    end = time.perf_counter()
    estimate.save(target)
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    print(json.dumps({"survey": surveyed - start, "fit": end - surveyed, "peak": peak}))


def in_a_process_of_its_own(folder: Path) -> tuple[dict[str, float], PointEstimate]:
    """Run `fit` on a folder."""
    target = folder.with_suffix(".json")
    command = [sys.executable, __file__, "--fit", str(folder), str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return json.loads(done.stdout), PointEstimate.load(target)


def main() -> None:
    """Write, fit, compare, delete."""
    with tempfile.TemporaryDirectory() as temporary:
        found = {}
        for n in (SMALL, LARGE):
            folder = Path(temporary) / f"rows{n}"
            write(folder, n)
            found[n], estimate = in_a_process_of_its_own(folder)
            if n == SMALL:
                streamed = estimate
            seconds = found[n]["survey"] + found[n]["fit"]
            print(
                f"{n:12,} rows: survey {found[n]['survey']:6.1f} s, fit {found[n]['fit']:6.1f} s, "
                f"{n / seconds / 1e6:.2f} million rows a second in all; peak "
                f"{found[n]['peak']:.0f} MB; error bound {estimate.certificate.error_bound:.1e}",
                flush=True,
            )
        small, large = (found[n] for n in (SMALL, LARGE))
        times = [run["survey"] + run["fit"] for run in (small, large)]
        print(
            f"time ratio {times[1] / times[0]:.2f}; memory {large['peak'] / small['peak'] - 1:+.1%}"
        )
        frame = pd.read_parquet(Path(temporary) / f"rows{SMALL}")
    memory = fit_newton(BernoulliLogistic.from_formula(FORMULA, frame))
    distance = np.max(np.abs(streamed.coefficients - memory.coefficients) / memory.standard_errors)
    bound = streamed.certificate.error_bound + memory.certificate.error_bound
    errors = np.max(np.abs(streamed.standard_errors / memory.standard_errors - 1))
    print(
        f"in memory, {SMALL:,} rows: largest difference {distance:.1e} standard errors, certified "
        f"{bound:.1e}; of standard errors {errors:.1e}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        fit(*sys.argv[2:])
    else:
        main()
