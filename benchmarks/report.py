"""Size and build time of the report, beside the time of the routes that it is about.

``python benchmarks/report.py`` fits the demo's routes once, writes its report several times and
prints the medians, and whether every file has the same bytes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from flatprior.analysis import compare_routes, read_report, run_routes, verify_report, write_report
from flatprior.analysis.cli.commands import DEMO_FORMULA
from flatprior.models import BernoulliLogistic, load_smarket

RUNS = 5


def main() -> None:
    """Run the benchmark."""
    model = BernoulliLogistic.from_formula(DEMO_FORMULA, load_smarket())
    run_routes(model, seed=1)  # compiles PyMC's model
    start = time.perf_counter()
    agreement = compare_routes(model, *run_routes(model, seed=1))
    routes = time.perf_counter() - start
    writing, verifying, pages = [], [], set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
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
