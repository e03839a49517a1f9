"""From a file with factors to coefficients, standard errors and certificate, beside peers.

Run ``python benchmarks/files.py`` (minutes; the larger cells need 8 GB), or name the cells, as
``python benchmarks/files.py million-csv``. A cell is a file of numbers and of text with few values;
every level has both outcomes. flatprior reads it in memory (`from_formula` with its path, what a
user gets by default) and in batches (`from_parquet`). glum and scikit-learn fit the frame that
pandas or polars read, whichever is faster; their tolerances are chosen as in ``factors.py``, which
also says what the columns are. Ratios are to the time in which pyarrow reads the whole file into a
table and does nothing with it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from factors import (
    CLOSE,
    TOLERANCES,
    Cell,
    Turn,
    memory,
    names,
    scikit_learn,
    score,
    with_glum,
    within,
)
from scipy.special import expit

from flatprior.models import BernoulliLogistic, fit_newton

Array = np.ndarray
Fit = Callable[[Path, pd.DataFrame], Callable[[], Array]]  # from a file; the frame for its rows
READ = "pyarrow reads it"


@dataclass(frozen=True)
class File:
    """A cell and the format in which it is written."""

    cell: Cell
    kind: str

    def write(self, folder: str, frame: pd.DataFrame) -> Path:
        """Write it as most files are: text as text, whatever the frame has."""
        import pyarrow as pa
        from pyarrow import csv, parquet

        path = Path(folder) / f"data.{self.kind}"
        table = pa.Table.from_pandas(frame, preserve_index=False)
        csv.write_csv(table, path) if self.kind == "csv" else parquet.write_table(table, path)
        return path


LARGER = {"": Cell(10**6, 5, (20, 200), "text"), "ten-": Cell(10**7, 5, (20, 200), "text")}
CELLS = {
    f"{size}million-{kind}": File(cell, kind)
    for size, cell in LARGER.items()
    for kind in ("parquet", "csv")
}


def formula(frame: pd.DataFrame) -> str:
    """All columns but the response."""
    return "y ~ " + " + ".join(name for each in names(frame) for name in each)


def read_only(path: Path, frame: pd.DataFrame) -> Callable[[], Array]:
    """The whole file as a table of Arrow."""
    from pyarrow import csv, parquet

    table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    assert table.num_rows == len(frame)  # noqa: S101
    return lambda: np.full(len(frame), np.nan)


def ours(build: Callable[..., BernoulliLogistic]) -> Fit:
    """flatprior, with its certificate."""

    def fit(path: Path, frame: pd.DataFrame) -> Callable[[], Array]:
        found = fit_newton(build(path, formula(frame)))
        if not (np.isfinite(found.standard_errors).all() and found.certificate.error_bound < CLOSE):
            raise ValueError(f"nothing is proved: {found.certificate.error_bound}")
        coefficients = dict(zip(found.names, found.coefficients, strict=True))
        return lambda: probabilities(frame, coefficients)

    return fit


def probabilities(frame: pd.DataFrame, coefficients: dict[str, float]) -> Array:
    """Of the events, in treatment coding."""
    numbers, factors = names(frame)
    eta = coefficients["Intercept"] + frame[numbers].to_numpy() @ [coefficients[n] for n in numbers]
    for name in factors:
        codes, levels = pd.factorize(frame[name])
        eta += np.array([coefficients.get(f"{name}[T.{level}]", 0.0) for level in levels])[codes]
    return np.asarray(expit(eta))


def with_pandas(path: Path) -> pd.DataFrame:
    """The frame that pandas reads."""
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def with_polars(path: Path) -> pd.DataFrame:
    """The frame that polars reads, its text as categories, for programs that take pandas."""
    import polars

    frame = polars.read_csv(path) if path.suffix == ".csv" else polars.read_parquet(path)
    return frame.with_columns(polars.col(polars.String).cast(polars.Categorical)).to_pandas()


def theirs(read: Callable[[Path], pd.DataFrame], fit: Callable) -> Fit:
    """Another program on the frame that somebody read."""
    return lambda path, frame: fit(read(path))


def programs() -> dict[str, tuple[str, dict[str, Fit]]]:
    """Who takes part: its standard errors, and its ways, from loose to tight with each reader."""
    readers = {"pandas": with_pandas, "polars": with_polars}

    def ways(fits: dict[str, Callable]) -> dict[str, Fit]:
        return {
            f"{r}, {w}": theirs(read, f) for r, read in readers.items() for w, f in fits.items()
        }

    glums = {f"tol {t:g}": with_glum(t, errors=False) for t in TOLERANCES[1:]}
    errors = {f"tol {t:g}": with_glum(t, errors=True) for t in TOLERANCES[1:]}
    solved = {f"{s} {1e-6:g}": scikit_learn(s, 1e-6) for s in ("newton-cholesky", "lbfgs")}
    in_memory = ours(lambda path, text: BernoulliLogistic.from_formula(text, path))
    return {
        READ: ("", {"": read_only}),
        "flatprior": ("all", {"": in_memory}),
        "flatprior, in batches": ("all", {"": ours(BernoulliLogistic.from_parquet)}),
        "glum": ("none", ways(glums)),
        "glum, covariance": ("all", ways(errors)),
        "scikit-learn, sparse": ("none", ways(solved)),
    }


def turn(fit: Fit, path: Path, frame: pd.DataFrame, patience: float) -> Turn:
    """Read and fit once."""
    gc.collect()
    with within(patience):
        wall, cpu = time.perf_counter(), time.process_time()
        found = fit(path, frame)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Turn(wall, cpu, score(frame, found()))


def chosen(ways: dict[str, Fit], path: Path, frame: pd.DataFrame, patience: float) -> str | None:
    """The fastest way that comes close, by a first fit of each; what went wrong is printed."""
    found = {}
    for way, fit in ways.items():
        try:
            first = turn(fit, path, frame, patience)
        except Exception as error:  # whatever a program says
            print(f"  {way}: {type(error).__name__}: {' '.join(str(error).split())[:90]}")
            continue
        if np.isnan(first.score) or first.score < CLOSE:
            found[way] = first.cpu
    return min(found, key=lambda way: found[way]) if found else None


def print_peak(fit: Fit, path: Path, frame: pd.DataFrame) -> None:
    """Print how much memory a first fit takes, in this process, beyond what it has."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmRSS")
    fit(path, frame)
    print(memory("VmHWM") - before)


def peak(path: Path, name: str, way: str) -> float:
    """The same of a process of its own."""
    command = [sys.executable, __file__, "--peak-of", name, "--way", way, "--path", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return float(said.stdout.split()[-1]) if said.returncode == 0 else np.nan


def compare(name: str, turns: int, patience: float, only: list[str]) -> None:
    """Print one cell's table."""
    file = CELLS[name]
    frame = file.cell.frame()
    entrants = {k: v for k, v in programs().items() if not only or k in (*only, READ)}
    with tempfile.TemporaryDirectory() as folder:
        path = file.write(folder, frame)
        print(
            f"\n{name}: {file.cell}; {path.stat().st_size / 1e6:,.0f} MB; load "
            f"{os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
        )
        best = {k: chosen(ways, path, frame, patience) for k, (_, ways) in entrants.items()}
        found: dict[str, list[Turn]] = {k: [] for k, way in best.items() if way is not None}
        for _ in range(turns):
            for k in found:
                if sum(each.wall for each in found[k]) < patience:
                    found[k].append(turn(entrants[k][1][best[k] or ""], path, frame, patience))
        print(f"{'':22}{'wall':>8}{'':9}{'CPU':>7}{'':9}{'score':>10}{'memory':>11}  errors, way")
        base = [float(np.median([getattr(t, w) for t in found[READ]])) for w in ("wall", "cpu")]
        for k, each in found.items():
            wall, cpu, left = (
                float(np.median([getattr(t, what) for t in each]))
                for what in ("wall", "cpu", "score")
            )
            print(
                f"{k:22}{wall:8.3f} ({wall / base[0]:5.1f}) {cpu:7.3f} ({cpu / base[1]:5.1f}) "
                f"{left:10.1e}{peak(path, k, best[k] or '') / 1e6:8,.0f} MB  "
                f"{', '.join(filter(None, (entrants[k][0], best[k])))}",
                flush=True,
            )
    print(f"load {os.getloadavg()[0]:.1f} at the end; medians of {turns}")


def main() -> None:
    """Cells by name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cells", nargs="*", help=", ".join(CELLS))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for one fit")
    parser.add_argument("--only", action="append", default=[], help="programs")
    parser.add_argument("--peak-of", help="print the memory of one program's first fit")
    parser.add_argument("--way", default="")
    parser.add_argument("--path", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of programs that do not reach their tolerance
    if given.peak_of:
        few = with_pandas(given.path) if given.peak_of == READ else Cell(9, 5, (2, 2)).frame()
        print_peak(programs()[given.peak_of][1][given.way], given.path, few)
        return
    for name in given.cells or CELLS:
        compare(name, given.turns, given.patience, given.only)


if __name__ == "__main__":
    main()
