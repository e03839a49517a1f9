"""One table, written in every format that is read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest


def table(n: int = 60, seed: int = 1) -> pd.DataFrame:
    """Rows of numbers that every format can hold, text and missing values."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "x": rng.integers(-400, 400, n) / 64,
            "z": rng.integers(0, 9, n) - 0.5,
            "g": rng.choice(["north", "süd", "west"], n),
            "unused": rng.normal(size=n),
        }
    )
    frame.loc[3::17, "x"] = np.nan
    frame.loc[5::19, "g"] = None
    return frame


def _csv(name: str, **options: Any) -> Callable[[pd.DataFrame, Path], Path]:
    def write(frame: pd.DataFrame, folder: Path) -> Path:
        frame.to_csv(folder / name, index=False, **options)
        return folder / name

    return write


def _zipped(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "t.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        frame.to_csv(file, index=False)
    return path


def _excel_says(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "excel.csv"
    path.write_text("sep=;\r\n" + frame.to_csv(sep=";", index=False), encoding="utf-8-sig")
    return path


def _json_lines(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "t.jsonl"
    frame.to_json(path, orient="records", lines=True, double_precision=15, force_ascii=False)
    return path


def _feather(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_feather(folder / "t.feather", chunksize=13)
    return folder / "t.feather"


def _stream(frame: pd.DataFrame, folder: Path) -> Path:
    path, rows = folder / "t.arrows", pa.Table.from_pandas(frame)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as stream:
        stream.write_table(rows, max_chunksize=11)
    return path


def _parquet(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_parquet(folder / "t.parquet", row_group_size=20)
    return folder / "t.parquet"


def _stata(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_stata(folder / "t.dta", write_index=False, version=118)
    return folder / "t.dta"


def _transport(frame: pd.DataFrame, folder: Path) -> Path:
    writer = pytest.importorskip("pyreadstat")
    writer.write_xport(frame, str(folder / "t.xpt"), file_format_version=5)
    return folder / "t.xpt"


def _spss(frame: pd.DataFrame, folder: Path) -> Path:
    pytest.importorskip("pyreadstat").write_sav(frame, str(folder / "t.sav"))
    return folder / "t.sav"


def _excel(frame: pd.DataFrame, folder: Path) -> Path:
    pytest.importorskip("python_calamine")
    pytest.importorskip("openpyxl")
    frame.to_excel(folder / "t.xlsx", index=False)
    return folder / "t.xlsx"


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Path]] = {
    "CSV": _csv("t.csv"),
    "CSV with NA": _csv("na.csv", na_rep="NA"),
    "semicolons and decimal commas": _csv("s.csv", sep=";", decimal=","),
    "semicolons, as Excel writes them": _excel_says,
    "TSV": _csv("t.tsv", sep="\t"),
    "tabs": _csv("tabs.csv", sep="\t"),
    "bars in UTF-16": _csv("u.csv", sep="|", encoding="utf-16"),
    "CSV, compressed": _zipped,
    "JSON lines": _json_lines,
    "Feather": _feather,
    "Arrow stream": _stream,
    "Parquet": _parquet,
    "Stata": _stata,
    "SAS transport": _transport,
    "SPSS": _spss,
    "Excel": _excel,
}
