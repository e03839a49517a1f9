"""Verdicts on 2,000 designs of known status, and what a verdict costs.

Run ``python benchmarks/existence.py`` (about two minutes). The designs are those of
``tests/support/designs.py``: their status holds by construction. Times are medians of five runs of
each program in turn; the yardstick is one Newton fit, with its certificate, of overlapping data of
the same size, and beside us stands the linear program that decides separation solved on all rows at
once (by its dual, which is much faster than the primal).
"""

from __future__ import annotations

import collections
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import linprog

from flatprior.models import BernoulliLogistic, check_existence, fit_newton

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from designs import generated

SEED, DESIGNS = 1, 2000
N, K = 20_000, 30


def verdicts() -> None:
    """Print how often each kind was found, for designs of each kind."""
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    widths = []
    start = time.perf_counter()
    for design in generated(SEED, DESIGNS):
        kind = check_existence(design.model).kind
        found[design.kind, kind] += 1
        if kind == "undecided":
            widths.append(design.width)
    seconds = time.perf_counter() - start
    print(f"{DESIGNS} designs of known status in {seconds:.0f} s (seed {SEED})")
    for (kind, verdict), number in sorted(found.items()):
        print(f"  {kind:28}{verdict:28}{number:6}")
    wrong = sum(n for (kind, verdict), n in found.items() if verdict not in (kind, "undecided"))
    print(f"  wrong: {wrong}; undecided: {len(widths)}", end="")
    print(f", of overlap width {min(widths):.0e} to {max(widths):.0e}" if widths else "")


def data(kind: str) -> BernoulliLogistic:
    """Draw N rows of K columns that overlap or are separated in one of three ways."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(N), rng.normal(size=(N, K - 1))])
    beta = 0.3 * rng.normal(size=K)
    y = rng.random(N) < 1 / (1 + np.exp(-X @ beta))
    if kind == "quasi-complete, a sparse level":
        X[:, -1] = rng.random(N) < 0.01
        y |= X[:, -1] == 1
    elif kind == "quasi-complete, a hyperplane":
        X[:, 1:] = rng.integers(-3, 4, size=(N, K - 1))
        side = X[:, 1] + X[:, 2] - X[:, 3]
        y = np.where(side == 0, rng.random(N) < 0.5, side > 0)
    elif kind == "complete":
        y = X @ beta > 0
    return BernoulliLogistic.from_arrays(X, y)


def on_all_rows(model: BernoulliLogistic) -> None:
    """Solve the linear program on all rows at once; its answer is not verified."""
    signed = (2 * model.response - 1)[:, None] * model.design
    linprog(
        np.concatenate([-np.ones(N), np.zeros(N)]),
        A_eq=np.hstack([signed.T, signed.T]),
        b_eq=np.zeros(K),
        bounds=[(0, 1)] * N + [(0, None)] * N,
        method="highs-ds",
    )


def times() -> None:
    """Print the cost of verdicts in Newton fits."""
    overlapping = data("overlap")
    kinds = ("quasi-complete, a sparse level", "quasi-complete, a hyperplane", "complete")
    jobs: dict[str, Callable[[], object]] = {
        "Newton fit": lambda: fit_newton(overlapping),
        "check: overlap": lambda: check_existence(overlapping),
    }
    for kind in kinds:
        model = data(kind)
        jobs |= {
            f"check: {kind}": lambda model=model: check_existence(model, signs=False),
            f"  with signs, limit: {kind}": lambda model=model: check_existence(model),
            f"  one program on all rows: {kind}": lambda model=model: on_all_rows(model),
        }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(5):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    yardstick = statistics.median(seconds["Newton fit"])
    print(f"\nn = {N}, k = {K}{'seconds':>46}{'in fits':>9}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:60}{median:9.3f}{median / yardstick:9.1f}")


if __name__ == "__main__":
    verdicts()
    times()
