"""Printed tables of coefficients: CSV, TSV, JSON, Markdown, text of a terminal, and data frames.

What is written is kept as it is written, since its last digit says what it can be held against. A
number of more than ten significant digits is taken for a double, and so are the others of its
column.
"""

from __future__ import annotations

import csv
import re
from os import PathLike, fspath
from pathlib import Path

import pandas as pd

from flatprior.analysis.producers.printed.fit import stated_fit
from flatprior.analysis.producers.printed.json_tables import facts_of, of_json
from flatprior.analysis.producers.printed.numbers import as_cell
from flatprior.analysis.producers.printed.quantities import Read, assembled, of_cells
from flatprior.analysis.producers.printed.text import (
    TERM,
    cells_of_csv,
    cells_of_markdown,
    grids_of_text,
    heading,
    of_a_fit,
)
from flatprior.analysis.producers.r_file import is_of_r, of_r
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError, require_no_secrets
from flatprior.models.common.text import printable, shorten

LARGEST = 2**24  # bytes: a table of coefficients is no larger
_LONE = re.compile(r"[<>]?\s*[-+\u2212]?[\d.,]+(e[-+]?\d+)?", re.IGNORECASE)


def read_table(source: str | PathLike[str] | pd.DataFrame) -> TheirFit:
    """Read a table of coefficients or odds ratios, with all that it states beside them.

    Parameters
    ----------
    source : path or DataFrame
        A CSV, TSV, JSON or Markdown file, or the text that a program printed (.txt, .log). The
        columns of broom, statsmodels, SAS and Stata are known, and the usual names of columns. Of a
        data frame, read as text (``dtype=str``) the digits that are written are known.

    Returns
    -------
    TheirFit
        Where only odds ratios are given, coefficients are their logarithms. The confidence of an
        interval whose column does not say it is NaN.

    Raises
    ------
    ValueError
        If no column of coefficients or odds ratios is found, or a cell is no number: the message
        names file, row and column.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.analysis.producers.printed.table import read_table
    >>> frame = pd.DataFrame({"term": ["x"], "estimate": ["0.50"], "std.error": ["0.21"]})
    >>> fit = read_table(frame)
    >>> fit.coefficients, fit.units, fit.stated[0].written
    ({'x': 0.5}, {'x': 0.01}, '0.21')
    """
    if isinstance(source, pd.DataFrame):
        return stated_fit(of_cells(_cells_of_frame(source), "the table"), "the table")
    try:
        path = Path(fspath(source))
    except TypeError:
        raise InputTypeError(
            f"a table must be a path to a CSV, TSV, JSON or Markdown file, or a data frame, not "
            f"{a_or_an(source)}"
        ) from None
    require_no_secrets(source)
    name = shorten(printable(path.name), 60)
    text = _text_of(path, name)
    ending = path.suffix.lower()
    if ending == ".json":
        facts = facts_of(text, name)
        return of_r(facts, name) if is_of_r(facts) else stated_fit(of_json(facts, name), name)
    if ending in (".csv", ".tsv", ".tab"):
        delimiter = "\t" if ending != ".csv" else _delimiter(text)
        return stated_fit(of_cells(cells_of_csv(text, delimiter), name), name)
    return stated_fit(_of_any_text(text, name), name)


def _text_of(path: Path, name: str) -> str:
    if path.stat().st_size > LARGEST:
        raise InputError(f"{name} is too large for a table of coefficients; pass the table alone")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not text in UTF-8; save it as such") from None
    if "\0" in text:
        raise InputError(f"{name} has a NUL byte, which is no text; save it as text in UTF-8")
    return text


def _delimiter(text: str) -> str:
    """What separates the cells: whichever of comma, semicolon and tab makes a row of headings."""
    for mark in (",", ";", "\t"):
        if any(
            len(cells) > 1 and any(heading(cell).is_number for cell in cells)
            for cells in csv.reader(text.splitlines()[:50], delimiter=mark)
        ):
            return mark
    return ","


def _cells_of_frame(frame: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """A data frame as cells; its index is a column where no column holds the terms."""
    columns = [str(name) for name in frame.columns]
    named = any(heading(name).what == TERM for name in columns)
    if not named and not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
        columns = ["term", *columns]
    rows = [("the head", columns)]
    terms = [heading(name).what == TERM for name in columns]
    for number, values in enumerate(frame.itertuples(index=False, name=None), 1):
        # a missing number is "NA", but a missing name is none
        cells = [
            "" if of_terms and pd.isna(value) else as_cell(value)
            for of_terms, value in zip(terms, values, strict=True)
        ]
        rows.append((f"row {number}", cells))
    return rows


def _of_any_text(text: str, name: str) -> Read:
    """Pipe tables, columns of spaces, or else separated values."""
    piped = [
        line for line in text.splitlines() if line.lstrip().startswith("|") and line.count("|") > 2
    ]
    if len(piped) > 1:
        return of_cells(cells_of_markdown(text), name)
    grids, loose = grids_of_text(text)
    if grids:
        return assembled(grids, [("the text", _parts(line)) for line in loose], name)
    return of_cells(cells_of_csv(text, _delimiter(text)), name)


def _parts(line: str) -> list[str]:
    """A line of text as cells, if it is a name and numbers in columns."""
    parts = re.split(r"\s{2,}", line.strip())
    known = len(parts) in (2, 3) and of_a_fit(parts[0]) is not None
    return parts if known and all(map(_LONE.fullmatch, parts[1:])) else [line]
