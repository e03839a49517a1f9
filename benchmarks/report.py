"""Size and build time of the report, beside the time of the routes that it is about.

``python benchmarks/report.py`` fits the demo's routes once, writes its report several times and
prints the medians, and whether every file has the same bytes. ``--rows 10000000`` writes instead
the report of a model of so many rows in a Parquet file, and prints what it takes.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flatprior.analysis import compare_routes, read_report, run_routes, verify_report, write_report
from flatprior.analysis.cli.commands import DEMO_FORMULA
from flatprior.models import BernoulliLogistic, load_smarket

RUNS = 5
ROWS_AT_ONCE = 10**5  # that are written


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="of a model in a Parquet file")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        if rows is None:
            of_the_demo(Path(folder))
        else:
            of_a_file(Path(folder), rows)


def of_a_file(folder: Path, n: int) -> None:
    """Print what the report of n rows in a file takes."""
    rng = np.random.default_rng(4)
    numbers, words = {"age": pa.float64(), "dose": pa.float64(), "died": pa.int64()}, pa.string()
    schema = pa.schema(numbers | {"arm": words})
    with pq.ParquetWriter(folder / "rows.parquet", schema) as file:
        for start in range(0, n, ROWS_AT_ONCE):
            part = drawn(rng, min(ROWS_AT_ONCE, n - start))
            file.write_table(pa.Table.from_pandas(part, schema, preserve_index=False))
    times = [(time.perf_counter(), time.process_time())]
    formula = "died ~ age + dose + C(arm)"
    model = BernoulliLogistic.from_parquet(folder / "rows.parquet", formula)
    times.append((time.perf_counter(), time.process_time()))
    survey = model.passes.number
    path = write_report(folder / "report.html", model=model)
    times.append((time.perf_counter(), time.process_time()))
    print(f"{'':24}{'seconds':>10}{'of CPU':>10}{'passes':>10}")
    passes = (survey, model.passes.number - survey)
    for i, name in enumerate(("model", "fit and report")):
        wall, cpu = (after - before for before, after in zip(times[i], times[i + 1], strict=True))
        print(f"{name:24}{wall:10.1f}{cpu:10.1f}{passes[i]:10d}")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n} rows, {model.n_parameters} coefficients; {path.stat().st_size / 1000:.0f} kB; "
        f"{most:.0f} MB at most"
    )


def drawn(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Two numbers, a factor and an outcome."""
    frame = pd.DataFrame({"age": rng.normal(50, 12, n).round(1), "dose": rng.random(n)})
    frame["arm"] = rng.choice(["placebo", "low", "high"], n)
    predictor = 0.03 * (frame["age"] - 50) + 0.4 * frame["dose"] - 0.7 * (frame["arm"] == "high")
    return frame.assign(died=(rng.random(n) < 1 / (1 + np.exp(1 - predictor))).astype(int))


def of_the_demo(folder: Path) -> None:
    """Print what the demo's report takes, beside its routes."""
    model = BernoulliLogistic.from_formula(DEMO_FORMULA, load_smarket())
    run_routes(model, seed=1)  # compiles PyMC's model
    start = time.perf_counter()
    agreement = compare_routes(model, *run_routes(model, seed=1))
    routes = time.perf_counter() - start
    writing, verifying, pages = [], [], set()
    path = folder / "report.html"
    for _ in range(RUNS):
        start = time.perf_counter()
        write_report(path, agreement=agreement)
        writing.append(time.perf_counter() - start)
        start = time.perf_counter()
        verify_report(model, read_report(path))
        verifying.append(time.perf_counter() - start)
        pages.add(path.read_bytes())
    size = len(next(iter(pages)))
    print(f"{'':24}{'seconds':>10}{'relative':>10}")
    for name, seconds in (
        ("routes and their checks", routes),
        ("report", statistics.median(writing)),
        ("verification", statistics.median(verifying)),
    ):
        print(f"{name:24}{seconds:10.3f}{seconds / routes:10.3f}")
    print(f"{size / 1000:.0f} kB; {len(pages)} different file(s) in {RUNS} runs")


if __name__ == "__main__":
    main()
