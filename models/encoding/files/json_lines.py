"""JSON lines: an object a line, which is a row.

Arrow reads them, exactly, so many lines at a time. Where it does not take what JSON allows (numbers
and text in one column, NaN), the same lines are read again by Python's own reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.files.opening import decompressed
from flatprior.models.encoding.files.reading import Found, Reading
from flatprior.models.encoding.frames import of_arrow

SAMPLE_ROWS = 2**12  # in which every column must be named once
MARK = b"\xef\xbb\xbf"


class JsonLines:
    """A file of JSON lines; see `TableFile`."""

    typed = True

    def __init__(self, path: str, reading: Reading) -> None:
        self.path, self.reading = path, reading
        with decompressed(path) as source:
            lines = list(islice(_lines(source), SAMPLE_ROWS))
        names: dict[str, None] = {}
        for number, line in lines:
            names |= dict.fromkeys(_object(line, number))
        self.names = tuple(names)
        if not names:
            raise InputError("it is empty")

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        types: dict[str, Any] = {}
        with decompressed(self.path) as source:
            numbered = _lines(source)
            while piece := list(islice(numbered, rows)):
                yield _frame(piece, columns, types)


def begins_with_object(path: str) -> bool:
    """Whether a text is JSON: objects, one a line, or something else that is no table."""
    with decompressed(path) as source:
        first = next((line for _, line in _lines(source)), b"").strip()
    if first in (b"[", b"[{", b"{"):
        return True
    try:
        return first[:1] in (b"[", b"{") and isinstance(json.loads(first), list | dict)
    except (ValueError, RecursionError):
        return False


def _lines(source: Any) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, and which they are of them."""
    number = 0
    for line in source:
        line = line.removeprefix(MARK) if not number else line
        if line.strip():
            number += 1
            yield number, line


def _frame(
    piece: list[tuple[int, bytes]], columns: tuple[str, ...], types: dict[str, Any]
) -> pd.DataFrame:
    """The rows of some lines; `types` of the columns are remembered from piece to piece."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    text = b"".join(line if line.endswith(b"\n") else line + b"\n" for _, line in piece)
    options = arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1)

    def read() -> Any:
        known = pa.schema([(name, types[name]) for name in columns if name in types])
        how = "ignore" if len(types) >= len(columns) else "infer"
        parse = arrow_json.ParseOptions(explicit_schema=known, unexpected_field_behavior=how)
        return arrow_json.read_json(pa.BufferReader(text), options, parse)

    try:
        table = read()
        dates = [f.name for f in table.schema if pa.types.is_timestamp(f.type)]
        if set(dates) & set(columns):  # text that looks like dates is text
            types |= dict.fromkeys(set(dates) & set(columns), pa.string())
            table = read()
        if table.num_rows != len(piece):
            return _by_python(piece, columns)
    except pa.ArrowInvalid:
        return _by_python(piece, columns)
    for name in columns:
        if name not in table.schema.names:
            table = table.append_column(name, pa.nulls(len(piece)))
        elif not pa.types.is_null(table.schema.field(name).type):
            types.setdefault(name, table.schema.field(name).type)
    return of_arrow(table.select(list(columns)))


def _by_python(piece: list[tuple[int, bytes]], columns: tuple[str, ...]) -> pd.DataFrame:
    rows = [_object(line, number) for number, line in piece]
    return pd.DataFrame(
        {
            name: pd.Series([row.get(name) for row in rows], dtype=object).infer_objects()
            for name in columns
        }
    )


def _object(line: bytes, number: int) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError(
                f"row {number} has a name twice; leave out the value that is not meant"
            )
        return found

    try:
        found = json.loads(line, object_pairs_hook=once)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"row {number} is no JSON object: {shorten(line.decode('utf-8', 'replace'), 40)}; "
            "correct that line or take it out: JSON lines have an object a line"
        ) from error
    if not isinstance(found, dict):
        what = "an array" if isinstance(found, list) else "no object"
        raise InputError(
            f"row {number} is {what}; write JSON lines, an object a line: "
            'data.to_json(path, orient="records", lines=True, double_precision=15)'
        )
    return found
