"""How text is written: its encoding, what separates columns, and what decimals.

Nothing is guessed that two readings would fit. A separator is certain where exactly one of those
that stand in the heading gives every sampled row as many fields; a decimal comma where some number
has one that cannot separate thousands, and none has a point. All else is a sentence that names the
option. The comma of CSV files needs no equal rows: they are counted when they are read.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import listing, shorten
from flatprior.models.encoding.files.opening import decompressed
from flatprior.models.encoding.files.reading import NAMED_SIGNS, Reading

SAMPLE = 2**16  # bytes of which the dialect is told
SEPARATORS = (",", ";", "\t", "|")

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMED = re.compile(r"""\"?sep=([^\w"])"?\s*""", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


@dataclass(frozen=True)
class Dialect:
    """How the text of a file is written.

    Attributes
    ----------
    sep, decimal, encoding : str
    lines : int
        Lines before the heading.
    """

    sep: str
    decimal: str
    encoding: str
    lines: int


def dialect_of(path: str, asked: Reading) -> tuple[Dialect, Reading]:
    """How a file is written, and a reading that says what of it was guessed.

    Raises
    ------
    ValueError
        Naming the option, if several dialects fit, or none.
    """
    with decompressed(path) as source:
        begins = source.read(SAMPLE)
    encoding, mark = _encoding(begins, asked)
    lines = _lines(begins, encoding, whole=len(begins) < SAMPLE)
    if not lines:
        raise InputError("it is empty")
    notes = [f"text in {encoding.upper()}, by the mark in front of it"] if mark else []
    named = _NAMED.fullmatch(lines[0])
    skipped = int(named is not None and len(lines) > 1)
    guessed = ["encoding"] if mark else []
    sep = asked.sep
    said: dict[str, str] = {}
    if sep is None and named is not None and skipped:
        sep = named[1]
        guessed.append("sep")
        notes.append(f"columns separated by {_called(sep)}, as the first line says")
    lines = lines[skipped:]
    if sep is None:
        usual = _ending(path) or ","
        sep = _separator(lines, usual, asked.decimal, len(begins) < SAMPLE)
        if sep != usual:
            guessed.append("sep")
            said["sep="] = f"columns separated by {_called(sep)}"
    decimal = asked.decimal
    if decimal is None:
        decimal, certain = (".", False) if sep == "," else _decimal(_fields(lines[1:], sep))
        if decimal == ",":
            guessed.append("decimal")
        if decimal == "," or (certain and sep == ";"):  # points may separate thousands there
            signs = "commas" if decimal == "," else "points"
            said["decimal="] = f"decimals {'by' if said else 'separated by'} {signs}"
    if said:
        names = "names" if len(said) == 1 else "name"
        told, options = " and ".join(said.values()), " and ".join(said)
        notes.append(f"{told}, told from the file; {options} {names} others")
    return Dialect(sep, decimal, encoding, skipped), replace(
        asked,
        sep=sep if asked.sep or "sep" in guessed else None,
        decimal=decimal if asked.decimal or "decimal" in guessed else None,
        encoding=encoding if asked.encoding or mark else None,
        guessed=tuple(guessed),
        notes=tuple(notes),
    )


def _called(sep: str) -> str:
    return NAMED_SIGNS.get(sep, repr(sep))


def _ending(path: str) -> str | None:
    """The separator that the ending of a file says, if it says one."""
    name = path.lower()
    for packed in (".gz", ".bz2", ".xz", ".zst", ".zip"):
        name = name.removesuffix(packed)
    return "\t" if name.endswith((".tsv", ".tab")) else None


def _encoding(begins: bytes, asked: Reading) -> tuple[str, bool]:
    """The encoding of a text, and whether a mark in front of it says so."""
    for mark, encoding in _MARKS:
        if begins.startswith(mark):
            if asked.encoding is None or encoding == "utf-8":
                return asked.encoding or encoding, encoding != "utf-8"
            break
    if asked.encoding is not None:
        return asked.encoding, False
    if len(begins) > 3 and any(begins[0:40:2]) != any(begins[1:40:2]):
        raise InputError(
            "it looks like text in UTF-16 without the mark that says so; name it: "
            "encoding='utf-16-le' or 'utf-16-be'"
        )
    return "utf-8", False


def _lines(begins: bytes, encoding: str, whole: bool) -> list[str]:
    """The lines at the beginning that are all there, and not empty."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    try:
        text = decoder.decode(begins, final=whole)
    except UnicodeDecodeError as error:
        raise not_in(encoding) from error
    lines = io.StringIO(text, newline="").readlines()
    if not whole and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()]


def not_in(encoding: str) -> ValueError:
    """The error for bytes that are no text in an encoding."""
    other = "latin-1" if encoding == "utf-8" else "utf-8"
    return InputError(
        f"it is not text in {encoding.upper()}; name its encoding, as in encoding='{other}', or "
        "save it anew"
    )


def _fields(lines: Iterable[str], sep: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(lines, delimiter=sep, skipinitialspace=True))
    except csv.Error:
        return []
    return [row for row in rows if row]


def _separator(lines: list[str], usual: str, decimal: str | None, whole: bool) -> str:
    """What separates columns; of a sample that is not the whole the last row may be cut."""
    heading, last = lines[0], None if whole else -1
    known = [sep for sep in SEPARATORS if sep != decimal]
    here = [sep for sep in known if len(next(iter(_fields([heading], sep)), [])) > 1]
    if not here:
        _refuse_blanks(lines)
        _refuse_preamble(lines, known)
        return usual
    if here == [usual]:
        return usual
    fitting = [sep for sep in here if len({len(row) for row in _fields(lines, sep)[:last]}) == 1]
    if len(fitting) == 1:
        return fitting[0]
    fit = "none gives all rows the same number of fields" if not fitting else "several fit"
    if len(here) == 1:
        raise InputError(
            f"its columns seem to be separated by {_called(here[0])}, but not all rows have as "
            f"many fields as the heading; correct them, or name sep={here[0]!r} to have those "
            "that are short counted"
        )
    signs = listing([_called(sep) for sep in (fitting or here)], "or")
    raise InputError(
        f"its columns may be separated by {signs}: {fit}; name the sign, as in "
        f"sep={(fitting or here)[0]!r}"
    )


def _refuse_blanks(lines: list[str]) -> None:
    """Say so where blanks separate: between words of one name they stand too."""
    words = {len(line.split()) for line in lines}
    several = len(lines) > 1 and len(words) == 1 and words != {1}
    if several and not any('"' in line for line in lines):
        raise InputError(
            f"the heading {shorten(lines[0].strip(), 40)} has no separator but blanks; name "
            "it: sep=' '"
        )


def _refuse_preamble(lines: list[str], known: list[str]) -> None:
    """Say so where the first line is no heading, because the others have more fields."""
    for sep in known:
        fields = {len(row) for row in _fields(lines[-3:], sep)}
        if len(lines) > 1 and len(fields) == 1 and fields != {1}:
            raise InputError(
                f"its first line {shorten(lines[0].strip(), 40)} is no heading: others have "
                f"{fields.pop()} fields; take out what stands before the names of the columns"
            )


def _decimal(rows: list[list[str]]) -> tuple[str, bool]:
    """What stands before decimals, a comma only where it is certain; and whether any are there."""
    cells = [cell.strip() for row in rows for cell in row]
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    points = any(_POINT.fullmatch(cell) for cell in cells)
    certain = any(not _THOUSANDS.fullmatch(cell) for cell in commas)
    return ("," if certain and not points else "."), points or certain


@contextmanager
def text_of(source: IO[bytes], encoding: str) -> Iterator[IO[str]]:
    """The text of bytes, its lines as they are."""
    known = "utf-8-sig" if encoding == "utf-8" else encoding
    text = io.TextIOWrapper(source, encoding=known, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()
