"""Time to read a file of each format, beside pandas and polars reading the same one.

Run ``python benchmarks/reading.py`` (about six minutes and 1 GB in the temporary folder, deleted
after; most of it writes the files). The table has a response, four numbers of 6 digits, one of them
with missing values, and a category, in a million rows; ``--rows 100000`` takes fewer. Each reads
all columns into memory, five times in turn (a workbook once); the fastest counts, for what else
runs on a machine only slows. "In batches" is a pass over the file as those after the first are,
never in memory; "2 of 6" such a pass over two columns. flatprior also counts what was read as
missing, and looks at every row for quotes that are not closed and fields that are too many or few.
Ratios below 1 are in its favour.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyreadstat

from flatprior.models.encoding.files.source import Source
from flatprior.models.encoding.tables import as_frame

EXACT = {} if pd.__version__ >= "3.1" else {"float_precision": "round_trip"}


def table(n: int) -> pd.DataFrame:
    """Rows as people have them."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(n, 4)).round(6), columns=["x1", "x2", "x3", "x4"])
    frame["g"] = rng.choice(["north", "east", "south", "west"], n)
    frame["y"] = rng.integers(0, 2, n)
    frame.loc[::50, "x4"] = np.nan
    return frame


def excel(frame: pd.DataFrame, path: Path) -> None:
    """Write a workbook, a row at a time."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(frame.columns))
    for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
        sheet.append(list(row))
    book.save(path)


Write, Read = Callable[[pd.DataFrame, Path], Any], Callable[[Path], Any] | None
FORMATS: dict[str, tuple[str, Write, Read, Read]] = {
    "CSV": (
        "t.csv",
        lambda frame, path: frame.to_csv(path, index=False),
        lambda path: pd.read_csv(path, **EXACT),
        pl.read_csv,
    ),
    "CSV with NA": (
        "na.csv",
        lambda frame, path: frame.to_csv(path, index=False, na_rep="NA"),
        lambda path: pd.read_csv(path, **EXACT),
        lambda path: pl.read_csv(path, null_values="NA"),
    ),
    "semicolons, decimal commas": (
        "s.csv",
        lambda frame, path: frame.to_csv(path, index=False, sep=";", decimal=","),
        lambda path: pd.read_csv(path, sep=";", decimal=",", **EXACT),
        lambda path: pl.read_csv(path, separator=";", decimal_comma=True),
    ),
    "TSV": (
        "t.tsv",
        lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
        lambda path: pd.read_csv(path, sep="\t", **EXACT),
        lambda path: pl.read_csv(path, separator="\t"),
    ),
    "CSV, gzip": (
        "t.csv.gz",
        lambda frame, path: frame.to_csv(path, index=False, compression={"method": "gzip"}),
        lambda path: pd.read_csv(path, **EXACT),
        pl.read_csv,
    ),
    "JSON lines": (
        "t.jsonl",
        lambda frame, path: frame.to_json(path, orient="records", lines=True),
        lambda path: pd.read_json(path, lines=True, precise_float=True),
        pl.read_ndjson,
    ),
    "Parquet": (
        "t.parquet",
        lambda frame, path: frame.to_parquet(path),
        pd.read_parquet,
        pl.read_parquet,
    ),
    "Feather": (
        "t.feather",
        lambda frame, path: frame.to_feather(path),
        pd.read_feather,
        pl.read_ipc,
    ),
    "Stata": (
        "t.dta",
        lambda frame, path: frame.to_stata(path, write_index=False),
        pd.read_stata,
        None,
    ),
    "SAS transport": (
        "t.xpt",
        lambda frame, path: pyreadstat.write_xport(frame, str(path), file_format_version=5),
        lambda path: pd.read_sas(path, format="xport", encoding="utf-8"),
        None,
    ),
    "SPSS": (
        "t.sav",
        lambda frame, path: pyreadstat.write_sav(frame, str(path)),
        pd.read_spss,
        None,
    ),
    "Excel": (
        "t.xlsx",
        excel,
        lambda path: pd.read_excel(path, engine="calamine"),
        None,
    ),
}


def in_batches(path: Path, columns: tuple[str, ...] | None = None) -> int:
    """One pass over the file."""
    source = Source.find(path)
    return sum(len(frame) for frame in source.frames(columns or source.names))


def main() -> None:
    """Write each file, read it in turn, print a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10**6)
    rows = parser.parse_args().rows
    frame = table(rows)
    head = ("ours", "pandas", "polars", "ours/pandas", "ours/polars", "in batches", "2 of 6")
    print(f"{rows:,} rows, seconds{'':10}" + "".join(f"{name:>13}" for name in head))
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, write, by_pandas, by_polars) in FORMATS.items():
            path = Path(folder) / name
            write(frame, path)
            found = as_frame(path)
            assert np.array_equal(found["x4"], frame["x4"], equal_nan=True), kind  # noqa: S101
            ways: dict[str, Any] = {
                "ours": as_frame,
                "pandas": by_pandas,
                "polars": by_polars,
                "in batches": in_batches,
                "2 of 6": lambda path: in_batches(path, ("y", "x1")),
            }
            seconds: dict[str, list[float]] = {way: [] for way, read in ways.items() if read}
            for _ in range(1 if kind == "Excel" else 5):
                for way in seconds:
                    start = time.perf_counter()
                    ways[way](path)
                    seconds[way].append(time.perf_counter() - start)
            fastest = {way: min(each) for way, each in seconds.items()}
            for other in ("pandas", "polars"):
                fastest[f"ours/{other}"] = fastest["ours"] / fastest.get(other, np.nan)
            cells = [f"{fastest[way]:.2f}" if way in fastest else "-" for way in head]
            line = "".join(f"{'-' if cell == 'nan' else cell:>13}" for cell in cells)
            print(f"{kind:26}{line}", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
