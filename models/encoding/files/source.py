"""Files with one table between them, read whole or in batches by the same readers."""

from __future__ import annotations

import glob
import os
import re
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pandas as pd

from flatprior.models.common.errors import FlatpriorError, InputError, without_secrets
from flatprior.models.common.text import NO_ROWS
from flatprior.models.common.writing import check_file_name
from flatprior.models.encoding.columns.checks import RepeatedNameError, check_names
from flatprior.models.encoding.columns.kinds import kind_of
from flatprior.models.encoding.columns.known_codes import read_here
from flatprior.models.encoding.columns.text_among_numbers import number_or_text
from flatprior.models.encoding.files.arrow_files import FeatherFile, parquet_files, stream_file
from flatprior.models.encoding.files.csv_files import CsvFile
from flatprior.models.encoding.files.dialect import not_in
from flatprior.models.encoding.files.excel import ExcelFile
from flatprior.models.encoding.files.json_lines import JsonLines, begins_with_object
from flatprior.models.encoding.files.missing_words import USUAL, Meant, without_words
from flatprior.models.encoding.files.opening import Spool, kind_by_content, spooled
from flatprior.models.encoding.files.passes import Tally
from flatprior.models.encoding.files.reading import PLAIN, Found, Reading
from flatprior.models.encoding.files.statistical import (
    SasFile,
    SpssFile,
    StataFile,
    transport_file,
)
from flatprior.models.encoding.files.stores import is_stored, stamp_of, stored_files

T = TypeVar("T")
DAMAGED = "the file seems to be damaged or cut short: get it anew, or save it again at its source"
LONGEST_REASON = 300  # characters of what a library says of a network
BATCH_ROWS, BATCH_NUMBERS = 2**18, 2**22  # rows of a batch, and values in it, at most
SECOND, COARSE = 10**9, 3  # nanoseconds; seconds in which a clock of whole ones may see no change
FEWEST_ROWS = 2**12  # however many columns
WHOLE_ROWS = 2**26
FORMULA = re.compile(r"[\w)`]\s*~")  # a tilde behind something: not that of a home folder


class TableFile(Protocol):
    """A file that is read whole or in batches, by the same code.

    Attributes
    ----------
    path : str
    names : tuple of str
        The columns.
    typed : bool
        Whether the format says what is a number and what is text.
    reading : Reading
        As asked for, and what was guessed.
    """

    path: str
    names: tuple[str, ...]
    typed: bool
    reading: Reading

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str],
        found: Found | None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, at most so many at a time.

        Numbers come to the last bit, and a missing value changes no other. Of a format without
        types the columns `as_text` stay text. In the first reading `found` is told what there is
        to say.
        """


@dataclass(frozen=True)
class Format:
    """A kind of files.

    Attributes
    ----------
    open_all : callable
        Files of one table, and how they are to be read, to their readers.
    endings : tuple of str
        Of names; text may be compressed besides.
    options : tuple of str
        What can be asked for.
    """

    open_all: Callable[[Sequence[str], Reading], Sequence[TableFile]]
    endings: tuple[str, ...]
    options: tuple[str, ...] = ("na",)


def _each(
    open_one: Callable[[str, Reading], TableFile],
) -> Callable[[Sequence[str], Reading], Sequence[TableFile]]:
    def open_all(files: Sequence[str], reading: Reading) -> list[TableFile]:
        if len(files) == 1:  # who asks says what is wrong with it
            return [open_one(files[0], reading)]
        opened = []
        for path in files:
            with readable(path):
                opened.append(open_one(path, reading))
        return opened

    return open_all


TEXT, JSON = "text", "JSON lines"
FORMATS: dict[str, Format] = {
    TEXT: Format(_each(CsvFile), (".csv", ".tsv", ".tab"), ("sep", "decimal", "encoding", "na")),
    JSON: Format(_each(JsonLines), (".jsonl", ".ndjson")),
    "Parquet": Format(parquet_files, (".parquet", ".pq")),
    "Feather": Format(_each(FeatherFile), (".feather", ".arrow", ".ipc")),
    "Arrow stream": Format(_each(stream_file), (".arrows",)),
    "Stata": Format(_each(StataFile), (".dta",)),
    "SAS": Format(_each(SasFile), (".sas7bdat",), ("encoding", "na")),
    "SAS transport": Format(_each(transport_file), (".xpt",), ("encoding", "na")),
    "SPSS": Format(_each(SpssFile), (".sav", ".zsav"), ("encoding", "na")),
    "Excel": Format(_each(ExcelFile), (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"), ("sheet", "na")),
}
STREAMED = (TEXT, JSON, "Parquet", "Feather", "Arrow stream")  # also where they are stored
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
ENDINGS = tuple(
    ending + packed
    for kind, known in FORMATS.items()
    for ending in known.endings
    for packed in (("", *PACKED) if kind in (TEXT, JSON) else ("",))
)


def _kind(path: str) -> str:
    """The format of a file, by how it begins, and where that is text by its ending.

    Raises
    ------
    ValueError
        If it is of none, or not of that which its ending says.
    """
    kind = kind_by_content(path)
    if kind:
        return kind
    name = path.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    said = next((k for k, known in FORMATS.items() if name.endswith(known.endings)), TEXT)
    if said not in (TEXT, JSON):
        raise InputError(
            f"its ending says {said}, and it does not begin as such a file does; give it the "
            "ending of what it is, such as .csv, or get it anew"
        )
    return JSON if said == JSON or begins_with_object(path) else TEXT


@dataclass(frozen=True, eq=False)
class Source:
    """Files with one table between them.

    Attributes
    ----------
    name : str
        As the user wrote it.
    readers : tuple of TableFile
    stamps : tuple
        Size and time of the last change of each, when they were found.
    reading : Reading
        How they are read.
    spool : Spool or None
        Where the bytes are kept that came only once.
    text : frozenset of str
        Columns of files without types that are read as text, whatever they look like.
    codes : frozenset of str
        Columns of such files that are categories: text where they have leading zeros.
    retyped : frozenset of str
        Columns of files with types, see `Meant`.
    tally : Tally
        Of the passes over the files; sources made of this one count in it.
    """

    name: str
    readers: tuple[TableFile, ...]
    stamps: tuple[tuple[int, int], ...]
    reading: Reading
    spool: Spool | None = None
    text: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    retyped: frozenset[str] = frozenset()
    tally: Tally = field(default_factory=Tally)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self.readers[0].names

    @property
    def files(self) -> tuple[str, ...]:
        """The paths."""
        return tuple(reader.path for reader in self.readers)

    @property
    def typed(self) -> bool:
        """Whether the files themselves say what is a number and what is text."""
        return self.readers[0].typed

    @property
    def heading(self) -> pd.DataFrame:
        """The columns, without a row."""
        return pd.DataFrame(columns=list(self.names))

    @classmethod
    def find(cls, data: Any, asked: Reading = PLAIN, strict: bool = True) -> Source:
        """Find the files: one, those of a folder, or those that match a pattern.

        Hidden files and folders, and those whose name begins with an underscore, are passed over in
        a folder. Of something open, of standard input ("-") and of pipes the bytes are kept.

        Raises
        ------
        FileNotFoundError
            If there are none.
        ValueError
            If they are of several kinds, or cannot be read; or, where that is `strict`, if an
            option was named that their format has not.
        """
        path = spooled(data)
        name = str(path)
        found = [os.fspath(path)] if isinstance(path, Spool) else found_files(path)
        kinds: dict[str, str] = {}
        for file in found:
            with readable(_shown(path, file)):
                kinds.setdefault(_kind(file), file)
        if len(kinds) > 1:
            raise InputError(f"{name!r} holds {' and '.join(kinds)} files; name one kind")
        kind = next(iter(kinds))
        if is_stored(name) and kind not in STREAMED:
            raise InputError(
                f"{name!r}: {kind} files are read on this machine only; copy it here, or save it "
                "as Parquet"
            )
        reading = asked.taken_by(f"{kind} files", *FORMATS[kind].options, strict=strict)
        with readable(name):
            readers = tuple(FORMATS[kind].open_all(found, reading))
            for reader in readers:
                check_names(reader.names)
        first = readers[0]
        for reader in readers[1:]:
            if not reader.typed and reader.names != first.names:
                raise InputError(
                    f"{name!r} cannot be read as a table: {reader.path!r} has other columns than "
                    f"{first.path!r}"
                )
            if reader.reading != first.reading:
                raise InputError(
                    f"{name!r} cannot be read as a table: {reader.path!r} looks as if it were "
                    f"written otherwise than {first.path!r}; name sep=, decimal= or encoding="
                )
        notes = tuple(dict.fromkeys(note for reader in readers for note in reader.reading.notes))
        spool = path if isinstance(path, Spool) else None
        stamps = tuple(map(_stamp, found))
        return cls(name, readers, stamps, replace(first.reading, notes=notes), spool)

    def frames(
        self, columns: tuple[str, ...], found: Found | None = None, whole: bool = False
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, in batches, labelled 1, 2, ...; other columns may be with these.

        Where all of them will be in memory, files with types may come as a `whole`.

        Raises
        ------
        OSError
            If a file has changed since it was found.
        """
        rows = self.rows_at_once(columns)
        rows = max(rows, WHOLE_ROWS) if whole and self.typed else rows
        return self.read(columns, rows, found)

    def rows_at_once(self, columns: tuple[str, ...]) -> int:
        """Rows of a batch with these columns."""
        return min(BATCH_ROWS, max(FEWEST_ROWS, BATCH_NUMBERS // max(len(columns), 1)))

    def read(
        self, columns: tuple[str, ...], rows: int, found: Found | None = None
    ) -> Iterator[pd.DataFrame]:
        """The same, so many rows at a time."""
        start = 1
        as_text = (self.text | self.codes) & set(columns)
        for place in range(len(self.readers)):
            self._unchanged(place)  # all of them, before long work on the first
        self.tally.add(1)
        for place, reader in enumerate(self.readers):
            self._unchanged(place)
            with readable(_shown(self.spool, reader.path)):
                self.tally.add(0, _size(reader, columns))
            frames = reader.frames(columns, rows, as_text, found)
            with closing(cast("Generator[pd.DataFrame]", frames)):
                for frame in _guarded(frames, _shown(self.spool, reader.path)):
                    if len(frame):
                        frame = self._as_meant(frame, found)
                        frame.index = pd.RangeIndex(start, start + len(frame))
                        start += len(frame)
                        yield read_here(frame)

    def size(self, columns: tuple[str, ...]) -> int:
        """Bytes that these columns take in the files."""
        return sum(_size(reader, columns) for reader in self.readers)

    def may_be_read_with(self, others: Sequence[tuple[Source, tuple[str, ...]]]) -> bool:
        """Whether others with their columns are of these files, and take each of them alike."""
        every = self.beside([source for source, _ in others], self.tally)
        return all(
            (source.files, source.stamps, source.typed, source.reading, source.spool)
            == (self.files, self.stamps, self.typed, self.reading, self.spool)
            and all(
                getattr(source, kind) & set(columns) == getattr(every, kind) & set(columns)
                for kind in ("text", "codes", "retyped")
            )
            for source, columns in others
        )

    def beside(self, sources: Sequence[Source], tally: Tally) -> Source:
        """The source that takes the columns of all of them as each does."""
        text, codes, retyped = (
            frozenset().union(*(getattr(source, kind) for source in sources))
            for kind in ("text", "codes", "retyped")
        )
        return replace(self, text=text, codes=codes, retyped=retyped, tally=tally)

    def _as_meant(self, frame: pd.DataFrame, found: Found | None) -> pd.DataFrame:
        """The frame, words that mean a missing value missing, and codes of categories as such."""
        if self.typed:
            return self.meant.out_of(frame, None if found is None else found.words)
        decimal, changed = self.reading.decimal or ".", {}
        for name in frame.columns:
            before = series = frame[name]
            code = name in self.codes - self.text
            if code or decimal == ",":  # words are missing already
                as_text = name in self.codes | self.text
                series = without_words(before, (), decimal, as_text)[0]
                series = number_or_text(series) if code else series
            if series is not before:
                changed[name] = series
        return frame.assign(**changed) if changed else frame

    @property
    def meant(self) -> Meant:
        """What words mean in files with types."""
        return Meant(words=self.reading.words(()), retyped=self.retyped, text=self.text)

    def whole(self, columns: tuple[str, ...]) -> tuple[pd.DataFrame, Reading]:
        """All rows of some columns, and what there is to say of the reading."""
        found = Found()
        read = replace(self, reading=replace(self.reading, na=None)) if self.typed else self
        frames = list(read.frames(columns, found, whole=True))
        if not frames:
            raise InputError(NO_ROWS)
        if not self.typed and len(frames) > 1:
            mixed = frozenset(name for name in columns if _kinds(frames, name) > 1)
            if mixed:  # numbers here and words there, because files are read in batches
                found = Found()
                source = replace(self, text=self.text | mixed)
                frames = list(source.frames(columns, found))
        frame = frames[0]
        if len(frames) > 1:
            index = pd.RangeIndex(1, 1 + sum(map(len, frames)))
            joined = {name: _joined([frame[name] for frame in frames]) for name in columns}
            frame = pd.DataFrame(joined).set_axis(index)
        if self.typed:  # what is left of text without its words is judged as a whole
            frame = self.meant.out_of(frame, found.words)
        return read_here(frame), self.reading.noting(*found.notes(USUAL))

    def seen(self) -> tuple[tuple[int, ...], ...] | None:
        """What can be seen of the files without reading them.

        None where they may have changed since without a sign: where a store, or a disk that counts
        whole seconds, does not tell two changes apart that follow one another.

        Raises
        ------
        OSError
            If a file has changed since it was found.
        """
        found = []
        for place, reader in enumerate(self.readers):
            self._unchanged(place)
            with readable(reader.path):
                found.append(_seen(reader.path))
        known = tuple(each for each in found if each is not None)
        return known if len(known) == len(found) else None

    def _unchanged(self, place: int) -> None:
        """Raise an `OSError` if a file is not the one that was found."""
        file = self.readers[place].path
        with readable(file):
            now = _stamp(file)
        if now != self.stamps[place]:
            raise OSError(f"{file!r} has changed since it was first read; start again")


def _size(reader: TableFile, columns: tuple[str, ...]) -> int:
    """Bytes that these columns take in a file, or the file where it is read as a whole."""
    of_columns = getattr(reader, "size", None)
    return _stamp(reader.path)[0] if of_columns is None else int(of_columns(columns))


def found_files(path: str | PathLike[str]) -> list[str]:
    """The files of a path: itself, those of a folder, or those that match it as a pattern."""
    name, folder = str(path), check_path(path)
    if is_stored(name):
        with readable(name):
            found = stored_files(name, ENDINGS)
    elif folder.is_dir():
        every = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
        shown = [p for p in every if not any(part.startswith((".", "_")) for part in p.parts)]
        found = [str(folder / p) for p in shown if p.name.lower().endswith(ENDINGS)]
    elif folder.is_file():
        found = [name]
    else:
        found = [p for p in sorted(glob.glob(name, recursive=True)) if os.path.isfile(p)]
    if not found:
        then = (
            "it looks like a formula: file and formula may have changed places"
            if FORMULA.search(name)
            else "check its name, and the folder that it is looked for in"
        )
        raise FileNotFoundError(f"no file {name!r}, and none that matches it; {then}")
    return found


def _shown(path: Any, file: str) -> str:
    """What a file is called in a message."""
    return str(path) if isinstance(path, Spool) else file


def _stamp(file: str) -> tuple[int, int]:
    if is_stored(file):
        return stamp_of(file)
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns


def _seen(file: str) -> tuple[int, ...] | None:
    """What any change of a file changes; None where one may have come too soon to be seen."""
    found: tuple[int, ...]
    if is_stored(file):
        found = stamp_of(file)
        changed = found[1]
    else:
        now = os.stat(file)
        # the time of the last change can be set to any other; that of the entry cannot
        changed = now.st_ctime_ns
        found = (now.st_size, now.st_mtime_ns, changed, now.st_ino)
    coarse = changed % SECOND == 0 and time.time_ns() - changed < COARSE * SECOND
    return None if coarse or not changed else found


def _guarded(items: Iterator[T], name: str) -> Iterator[T]:
    """The same items; what goes wrong in reading one is said in a sentence."""
    while True:
        with readable(name):
            item = next(items, None)
        if item is None:
            return
        yield item


def _joined(parts: list[pd.Series[Any]]) -> pd.Series[Any]:
    """A column of several frames as one."""
    kinds = [part.dtype for part in parts]
    orders = {tuple(k.categories) for k in kinds if isinstance(k, pd.CategoricalDtype)}
    plain = {k.kind for k in kinds if not isinstance(k, pd.CategoricalDtype)} & set("biuf")
    # pandas would take the order of the first, whichever that is, and make numbers of booleans
    if len(orders) > 1 or (len(plain) > 1 and "b" in plain):
        parts = [part.astype(object) for part in parts]
    return pd.concat(parts, ignore_index=True)


def _kinds(frames: list[pd.DataFrame], name: str) -> int:
    complete = (frame[name].dropna() for frame in frames)
    return len({kind_of(values) for values in complete if len(values)})


def check_path(path: str | PathLike[str]) -> Path:
    """The path as an object; an empty one, which would be the folder one is in, is an error."""
    if not str(path).strip():
        raise FileNotFoundError("the path of the data is empty; name a file, folder or pattern")
    check_file_name(path)
    return Path(path)


def _is_of_bytes(error: Exception) -> bool:
    """Whether it was the bytes that could not be read: not the system, and not a sentence."""
    of_system = isinstance(error, MemoryError) or getattr(error, "errno", None) is not None
    return not of_system and not isinstance(error, FlatpriorError)


class ReadError(InputError):
    """What is wrong with a file, which is named."""


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into one sentence."""
    try:
        with warnings.catch_warnings():
            # a row with too many fields is cut with a warning; a column of mixed types likewise
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            yield
    except pd.errors.EmptyDataError as error:
        raise ReadError(f"{name!r} is empty") from error
    except (RepeatedNameError, ReadError):
        raise
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{name!r} is no longer there; start again") from error
    except UnicodeDecodeError as error:
        raise ReadError(f"{name!r} cannot be read as a table: {not_in('utf-8')}") from error
    except Exception as error:  # a damaged file can fail anywhere in pandas, pyarrow or a codec
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, pd.errors.ParserWarning):
            reason = "rows have more fields than the first line, which must name every column"
        elif is_stored(name):
            reason = f"{reason[:LONGEST_REASON].rstrip('.')}; check name, network and access"
        elif _is_of_bytes(error):
            reason = f"{reason.rstrip('.')}; {DAMAGED}"
        said = without_secrets(reason)
        # the error itself would be shown below the sentence
        cause = error if said == reason else None
        raise ReadError(f"{name!r} cannot be read as a table: {said}") from cause
