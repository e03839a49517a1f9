"""Workbooks of Excel (xlsx, xls) and OpenDocument, read whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, first_of
from flatprior.models.encoding.columns.checks import check_names
from flatprior.models.encoding.files.arrow_files import require
from flatprior.models.encoding.files.reading import Found, Reading
from flatprior.models.encoding.files.statistical import pieces


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
        cells = cells[(cells != "").any(axis=1)]
        if cells.empty:
            raise InputError(f"its sheet {sheet!r} is empty")
        heading = (str(name).strip() for name in cells.iloc[0])
        self.names = tuple(name or f"column {j + 1}" for j, name in enumerate(heading))
        check_names(self.names)
        self._cells = cells.iloc[1:].set_axis(pd.Index(self.names), axis=1)
        guessed = ("sheet",) if note else ()
        self.reading = Reading(
            na=reading.na,
            sheet=sheet if note or reading.sheet else None,
            guessed=guessed,
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
    return cells.mask(cells.astype(str) == "").infer_objects()
