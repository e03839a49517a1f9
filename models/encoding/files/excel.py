"""Workbooks of Excel (xlsx, xls) and OpenDocument, read whole.

Cells whose formula failed (#DIV/0!, #N/A) are missing values. calamine makes empty cells of them,
so which they are is read from the sheet itself, where that is XML of Excel.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, first_of
from flatprior.models.encoding.columns.checks import check_names
from flatprior.models.encoding.files.arrow_files import require
from flatprior.models.encoding.files.reading import Found, Reading
from flatprior.models.encoding.files.statistical import pieces

_SHEET = re.compile(r"<(?:\w{1,40}:)?sheet\b([^<>]*)>")
_LINK = re.compile(r"<(?:\w{1,40}:)?Relationship\b([^<>]*)>")
_ATTRIBUTE = re.compile(r"""\b([\w:]{1,80})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)')""")
_CELL = re.compile(
    # neither past the next element nor far: a comment may hold many beginnings
    rb"""<(?:\w{1,40}:)?c\b([^<>]{0,200}\bt=["']e["'][^<>]{0,200}(?<!/))>"""
    rb"""(?:<(?:\w{1,40}:)?f\b[^<>]{0,400}(?:/>|>[^<]*</(?:\w{1,40}:)?f>))?"""
    rb"""<(?:\w{1,40}:)?v>([^<]{1,40})<"""
)
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class Failed(str):
    """What a cell shows whose formula failed."""


class ExcelFile:
    """A sheet of a workbook, whose first row names the columns; see `TableFile`.

    Empty rows are no rows, and empty cells missing values.
    """

    typed = True

    def __init__(self, path: str, reading: Reading) -> None:
        try:
            import python_calamine  # noqa: F401
        except ImportError as error:
            raise InputError(
                'workbooks need python-calamine: run pip install "flatprior[excel]"'
            ) from error
        self.path = path
        with pd.ExcelFile(path, engine="calamine") as book:
            sheet, note = _sheet([str(name) for name in book.sheet_names], reading.sheet)
            cells = pd.read_excel(book, sheet, header=None, dtype=object, na_filter=False)
        for row, column, text in _failed(path, sheet):
            if row < cells.shape[0] and column < cells.shape[1]:
                cells.iat[row, column] = Failed(text)
        cells = cells[(cells != "").any(axis=1)]
        if cells.empty:
            raise InputError(f"its sheet {sheet!r} is empty")
        heading = (str(name).strip() for name in cells.iloc[0])
        self.names = tuple(name or f"column {j + 1}" for j, name in enumerate(heading))
        check_names(self.names)
        self._cells = cells.iloc[1:].set_axis(pd.Index(self.names), axis=1)
        self.reading = Reading(
            na=reading.na,
            sheet=sheet if reading.sheet is not None else None,
            notes=(note,) if note else (),
        )

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        require(columns, self.names)
        frame = pd.DataFrame({name: _column(self._cells[name]) for name in columns})
        if found is not None:
            for name in columns:
                failed = (cell for cell in self._cells[name] if isinstance(cell, Failed))
                found.have(name, map(str, failed))
        yield from pieces(frame, rows)


def _sheet(names: list[str], asked: str | int | None) -> tuple[str, str]:
    """The sheet that was asked for, else the first; and what is to be said of that."""
    if asked is None:
        if len(names) == 1:
            return names[0], ""
        return names[0], (f"sheet {names[0]!r}, the first of {len(names)}; sheet= names another")
    if asked in names:
        return str(asked), ""
    number = int(asked) if isinstance(asked, int) or asked.isdecimal() else 0
    if not 1 <= number <= len(names):
        raise InputError(
            f"it has no sheet {asked!r}, but {count(len(names), 'sheet')}: "
            f"{first_of(map(repr, names))}"
        )
    return names[number - 1], ""


def _column(cells: pd.Series[Any]) -> pd.Series[Any]:
    """The cells of a column in the type that they all have."""
    empty = np.array([cell == "" or isinstance(cell, Failed) for cell in cells], dtype=bool)
    return cells.mask(empty).infer_objects()


def _failed(path: str, sheet: str) -> Iterator[tuple[int, int, str]]:
    """Row and column, counted from 0, of the cells that failed, and what they show."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        book, links = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
        if not {book, links} <= names:
            return
        sheets = {each.get("name"): each for each in _attributes(_SHEET, archive.read(book))}
        targets = {each.get("Id"): each for each in _attributes(_LINK, archive.read(links))}
        known = sheets.get(sheet, {})
        key = next((known[name] for name in known if name.endswith(":id")), None)
        target = targets.get(key, {}).get("Target", "")
        part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        if part not in names:
            return
        for found in _CELL.finditer(archive.read(part)):
            place = _PLACE.fullmatch(_pairs(found[1].decode()).get("r", ""))
            if place is not None:
                column = 0
                for letter in place[1]:
                    column = 26 * column + ord(letter) - ord("A") + 1
                yield int(place[2]) - 1, column - 1, found[2].decode()


def _attributes(pattern: re.Pattern[str], text: bytes) -> Iterator[dict[str, str]]:
    return (_pairs(found[1]) for found in pattern.finditer(text.decode("utf-8", "replace")))


def _pairs(text: str) -> dict[str, str]:
    """The attributes of an element of XML."""
    found = _ATTRIBUTE.findall(text)
    return {name: html.unescape(double or single) for name, double, single in found}
