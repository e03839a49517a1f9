"""CSV files: their text, of which no byte is lost, their headings and their rows."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, shorten
from flatprior.models.encoding.columns.checks import check_names

# pandas 3.1 reads decimal numbers exactly and deprecates to ask for it
EXACT_CSV: dict[str, Any] = (
    {}
    if tuple(map(int, version("pandas").split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def csv_headings(path: Path) -> tuple[str, ...]:
    """The column names of a CSV file, each of its own."""
    with _opened(path) as text:
        # NA and null are names there, not missing values
        heading = pd.read_csv(
            text, header=None, nrows=1, dtype=str, skipinitialspace=True, keep_default_na=False
        ).iloc[0]
    names = tuple(str(name).strip() or f"column {j + 1}" for j, name in enumerate(heading))
    check_names(names)  # pandas would rename a repeated heading to "x.1"
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise InputError(f"the heading {shorten(names[0])} has no commas; separate columns by ','")
    return names


def csv_batches(
    path: Path, rows: int, types: Mapping[int, type]
) -> Generator[pd.DataFrame, None, None]:
    """Yield frames of so many rows of a CSV file, some columns of given types."""
    with (
        _opened(path) as text,
        _parsed(text, chunksize=rows, dtype=dict(types) or None) as reader,
    ):
        yield from reader


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV file, its numbers to the last bit."""
    with _opened(path) as text:
        return cast(pd.DataFrame, _parsed(text, **options))


def short_rows(path: Path) -> tuple[int, list[int]]:
    """How many rows a CSV file has, and which have fewer fields than its heading: 1, 2, ...

    pandas takes the fields that are not there for missing values.
    """
    short, row, width = [], 0, None
    with _opened(path) as text:
        try:
            for record in csv.reader(text, skipinitialspace=True):
                if not record or record == [""]:  # an empty line is no row
                    continue
                if width is None:
                    width = len(record)
                    continue
                row += 1
                if len(record) < width:
                    short.append(row)
        except csv.Error:  # a longer value than it takes for one
            return row, []
    return row, short


def _parsed(text: IO[str], **options: Any) -> Any:
    return pd.read_csv(
        text, index_col=False, skipinitialspace=True, low_memory=False, **EXACT_CSV, **options
    )


class _Text(io.TextIOWrapper):
    """The text of a CSV file, with an error where it holds a NUL byte.

    Some versions of pandas end a value there: of "2", NUL, "5" they read 2, and a missing value of
    a row in whose place a crash or a full disk has left zeros.
    """

    path: Path

    def read(self, size: int | None = -1) -> str:
        """Read as any text is read."""
        found = super().read(size)
        if "\0" in found:
            raise InputError(
                f"{_place_of_nul(self.path)} has a NUL byte, which is no text: write the file "
                "again, as text in UTF-8, or take it out"
            )
        return found


def _place_of_nul(path: Path) -> str:
    """The first row of the file in which there is a NUL byte, in words."""
    row = -1
    with _decompressed(path) as source:
        text = io.TextIOWrapper(source, encoding="utf-8", errors="replace", newline="")
        try:
            for record in csv.reader(text, skipinitialspace=True):
                row += bool(record)  # an empty line is no row
                if any("\0" in value for value in record):
                    break
        except csv.Error:  # a value of more zeros than it takes for one
            row += 1
    return f"row {row}" if row else "the heading"


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    with _decompressed(path) as source:
        text = _Text(source, encoding="utf-8", newline="")
        text.path = path
        yield text


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed as its ending says."""
    ending = path.suffix.lower()
    if ending == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise InputError(f"it holds {count(len(names), 'file')}; a table is one")
            with archive.open(names[0]) as source:
                yield source
    elif ending == ".zst":
        import pyarrow as pa

        with pa.input_stream(str(path), compression="zstd") as source:
            yield source
    else:
        with _OPENERS.get(ending, open)(path, "rb") as source:
            yield source
