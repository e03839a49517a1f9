"""Whether every row of a text has as many fields as there are columns.

pandas cuts rows that are too long where not all columns are read, fills those that are too short,
and lets a quote that nobody closed swallow the rows up to the next. `Checked` watches the bytes as
they are read, many at a time; where something is not plain, `irregular` reads the rows one by one
and says what it is.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import ROWS_NAMED, count, first_of
from flatprior.models.encoding.files.dialect import Dialect, not_in, text_of
from flatprior.models.encoding.files.opening import decompressed
from flatprior.models.encoding.files.reading import ShortRows

QUOTE, LINE_ENDS, BLANK = ord('"'), b"\n\r", ord(" ")
_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"[+-]?[0-9]*[.,]?[0-9]+(?:[eE][+-]?[0-9]+)?")
_FIRST_LINE = re.compile(rb"\s*[^\r\n]*(?:\r\n|\r|\n)?")


class Checked:
    """The text of a file as bytes of UTF-8, from its heading on, watched as it is read.

    Attributes
    ----------
    may_hold_words : bool
        Whether some field so far may be one of the words that were given.
    may_hold_codes : bool
        Whether some field so far may be digits with a zero in front.
    """

    def __init__(
        self,
        source: IO[bytes],
        dialect: Dialect,
        columns: int = 0,
        look: Callable[[], None] | None = None,
        words: Collection[str] = (),
    ) -> None:
        self._source, self._dialect, self._columns = source, dialect, columns
        self._decode = codecs.getincrementaldecoder(dialect.encoding)().decode
        self._as_is = dialect.encoding in ("utf-8", "ascii")
        self._begun = False
        self._rest = b""
        self._look = look
        # -1.#IND and the like begin as numbers do
        self._beginnings = beginnings([word for word in words if "#" not in word])
        self.may_hold_words = self.may_hold_codes = False

    def __iter__(self) -> Iterator[bytes]:  # pandas asks for it, and does not use it
        return iter(())

    def read(self, size: int = -1) -> bytes:
        """Read as any file is read; what is not plain is looked at, once."""
        found = self._source.read(size)
        ended = not found
        if not self._as_is:
            try:
                found = self._decode(found, final=ended).encode()
            except UnicodeDecodeError as error:
                raise not_in(self._dialect.encoding) from error
        if not self._begun:
            self._begun = True
            found = found.removeprefix(codecs.BOM_UTF8)
            for _ in range(self._dialect.lines):
                found = _FIRST_LINE.sub(b"", found, count=1)
        if self._look is not None and not self._are_plain(found, ended):
            look, self._look = self._look, None
            self.may_hold_words = self.may_hold_codes = True
            look()
        return found

    def _are_plain(self, found: bytes, ended: bool) -> bool:
        if b"\0" in found:
            return False
        if self._dialect.sep == " ":
            return False
        if self._columns == 1:
            self.may_hold_words = self.may_hold_codes = True
            return True
        piece = self._rest + found
        if ended:
            piece += b"\n" if piece else b""
        else:
            cut = max(piece.rfind(end) for end in (b"\n", b"\r")) + 1
            piece, self._rest = piece[:cut], piece[cut:]
        if not piece:
            return True
        fields = Fields.of(piece, ord(self._dialect.sep))
        if fields is None or not fields.are_rows_of(self._columns):
            return False
        self.may_hold_words = (
            self.may_hold_words or b"#" in piece or fields.may_begin_so(self._beginnings)
        )
        self.may_hold_codes = self.may_hold_codes or fields.may_begin_so(CODES)
        return True


class Beginnings(NamedTuple):
    """Which bytes a field begins with that may be one of some words, quoted too.

    Attributes
    ----------
    first : ndarray of bool (256,)
    pair : ndarray of bool (256, 256)
        The first byte and the next.
    """

    first: NDArray[np.bool_]
    pair: NDArray[np.bool_]


def beginnings(words: Collection[str]) -> Beginnings:
    """How fields begin that may be one of the words."""
    table = np.zeros((256, 256), dtype=bool)
    for word in words:
        first, *rest = word.encode()
        for opened in (QUOTE, BLANK):
            table[opened, first] = True
        table[first, rest[0] if rest else slice(None)] = True
    table[BLANK, [BLANK, QUOTE]] = bool(words)
    return Beginnings(np.asarray(table.any(axis=1)), table)


CODES = beginnings([f"0{digit}" for digit in range(10)])


@dataclass(frozen=True, eq=False)
class Fields:
    """Where the fields of whole lines are, each of which is in one line and well quoted.

    Attributes
    ----------
    data : ndarray of bytes
    ends : ndarray of int
        The place after each field.
    last : ndarray of bool
        Whether a line ends there.
    """

    data: NDArray[np.uint8]
    ends: NDArray[np.intp]
    last: NDArray[np.bool_]

    @classmethod
    def of(cls, lines: bytes, sep: int) -> Fields | None:
        """Find them; None where only a closer look can tell."""
        data = np.frombuffer(lines, dtype=np.uint8)
        special = data == sep
        for sign in (*LINE_ENDS, QUOTE):
            if sign in lines:
                special |= data == sign
        places = np.flatnonzero(special)
        signs = data[places]
        if QUOTE in lines:
            quotes = signs == QUOTE
            if not _well_quoted(data, places[quotes], sep):
                return None
            inside = np.cumsum(quotes) % 2 == 1
            if (inside & ((signs == LINE_ENDS[0]) | (signs == LINE_ENDS[1]))).any():
                return None
            outside = ~inside & ~quotes
            places, signs = places[outside], signs[outside]
        return cls(data, places, signs != sep)

    def are_rows_of(self, columns: int) -> bool:
        """Whether each line has so many fields, or nothing in it.

        Examples
        --------
        >>> from flatprior.models.encoding.files.regular import Fields
        >>> lines = "0,1", '0,"a,b"', "2"
        >>> each = [Fields.of(f"{line} ".encode().replace(b" ", bytes([10])), 44) for line in lines]
        >>> [fields.are_rows_of(2) for fields in each]
        [True, True, False]
        """
        lines = np.flatnonzero(self.last)
        fields = np.diff(lines, prepend=-1)
        wrong = np.flatnonzero(fields != columns)
        if not len(wrong):
            return True
        lengths: NDArray[np.intp] = np.diff(self.ends[lines], prepend=-1) - 1
        return not lengths[wrong].any()

    @cached_property
    def _first(self) -> NDArray[np.uint8]:
        """The byte that each field begins with, or its end if it is empty."""
        found: NDArray[np.uint8] = self.data[np.append(0, self.ends[:-1] + 1)]
        return found

    def may_begin_so(self, words: Beginnings) -> bool:
        """Whether some field begins as one of some words does."""
        fields = np.flatnonzero(words.first[self._first])
        begins = np.where(fields > 0, self.ends[fields - 1] + 1, 0)
        following = np.minimum(begins + 1, len(self.data) - 1)
        return bool(np.any(words.pair[self._first[fields], self.data[following]]))


def _well_quoted(data: NDArray[np.uint8], quotes: NDArray[np.intp], sep: int) -> bool:
    """Whether each value in quotes begins and ends with them; `data` end with a line's end."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    edges = np.zeros(256, dtype=bool)
    edges[[sep, QUOTE, *LINE_ENDS]] = True
    after = edges[data[np.minimum(closing + 1, len(data) - 1)]]
    edges[BLANK] = True
    before = edges[data[np.maximum(opening - 1, 0)]] | (opening == 0)
    return bool(before.all() and after.all())


def irregular(path: str, dialect: Dialect, columns: int) -> ShortRows | None:
    """Read the rows of a file one by one; the rows that are too short, if there are any.

    Raises
    ------
    ValueError
        Naming the rows, if some are too long, a quote has swallowed others, or a byte is no text.
    """
    short: list[int] = []
    long: list[tuple[int, int]] = []
    row, lines = 0, [""]
    for row, record, lines in _records(path, dialect):
        if any("\0" in line for line in lines):
            where = f"row {row}" if row else "the heading"
            raise InputError(
                f"{where} has a NUL byte, which is no text: write the file again, as text in "
                "UTF-8, or take it out"
            )
        if record is None or (len(lines) > 1 and _swallowed(record, lines, dialect.sep, columns)):
            raise _unclosed(row, lines)
        if len(record) > columns:
            long.append((row, len(record)))
        elif len(record) < columns:
            short.append(row)
    if _strictly(lines, dialect.sep) == "unexpected end of data":
        raise _unclosed(row, lines)
    if long:
        raise InputError(_too_long(long, row, columns))
    if not short:
        return None
    return ShortRows(len(short), tuple(short[:ROWS_NAMED]), columns)


def _too_long(long: list[tuple[int, int]], rows: int, columns: int) -> str:
    if len(long) == rows and {fields for _, fields in long} == {columns + 1}:
        return (
            f"all rows have more fields than the first line, which must name every column: "
            f"{columns + 1}, one more; name the row names too, or leave them out"
        )
    which = f"row{'s' if len(long) > 1 else ''} {first_of([row for row, _ in long])}"
    return (
        f"{which} ha{'ve' if len(long) > 1 else 's'} more fields than the first line, which must "
        f"name every column: {long[0][1]} instead of {columns}"
    )


def _records(path: str, dialect: Dialect) -> Iterator[tuple[int, list[str] | None, list[str]]]:
    """Each record of a text with its number, headings 0, and the lines it was read from.

    Of more characters than a value may have it is None.
    """
    with decompressed(path) as source, text_of(source, dialect.encoding) as text:
        taken: list[str] = []

        def lines() -> Iterable[str]:
            skip = dialect.lines
            for line in text:
                if skip and line.strip():
                    skip -= 1
                else:
                    line = " ".join(line.split()) + "\n" if dialect.sep == " " else line
                    taken.append(line)
                    yield line

        row = -1
        records = csv.reader(lines(), delimiter=dialect.sep, skipinitialspace=True)
        while True:
            record: list[str] | None = None
            try:
                record = next(records)
            except StopIteration:
                return
            except csv.Error:
                pass
            if "".join(taken).strip():
                row += 1
                yield row, record, list(taken)
            taken.clear()


def _swallowed(record: list[str], lines: list[str], sep: str, columns: int) -> bool:
    """Whether a value of several lines holds what should be rows of their own.

    It does if its quotes are not as they should be, or if one of its lines has the fields of a row:
    as many, with numbers where this row has them.
    """
    if _strictly(lines, sep):
        return True
    for place, value in enumerate(record):
        for line in _LINE_END.split(value)[1:]:
            fields = line.split(sep)
            shared = [j for j in range(min(len(fields), len(record))) if j != place]
            same = [_is_number(fields[j]) for j in shared] == [
                _is_number(record[j]) for j in shared
            ]
            number = any(_is_number(fields[j]) for j in shared)
            if len(fields) in (columns, place + 1) and same and number:
                return True
    return False


def _strictly(lines: list[str], sep: str) -> str:
    """What is wrong with the quotes of a record; empty if nothing is."""
    try:
        list(csv.reader(lines, delimiter=sep, skipinitialspace=True, strict=True))
    except csv.Error as error:
        return str(error)
    return ""


def _unclosed(row: int, lines: list[str]) -> ValueError:
    where = f"row {row}" if row else "the heading"
    return InputError(
        f"a value of {where} goes on over {count(len(lines), 'line')}, and looks as if it had "
        "swallowed other rows: close its quote (a quote in a quoted value is doubled)"
    )


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None
