"""Files with one table between them, read whole or in batches."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, rows_phrase
from flatprior.models.common.writing import check_file_name
from flatprior.models.encoding.columns.checks import RepeatedNameError, check_names
from flatprior.models.encoding.columns.kinds import is_real, kind_of
from flatprior.models.encoding.columns.text_among_numbers import number_or_text
from flatprior.models.encoding.files.csv_files import (
    csv_batches,
    csv_headings,
    read_csv,
    short_rows,
)
from flatprior.models.encoding.frames import of_arrow

T = TypeVar("T")
BATCH_ROWS = 2**16
PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".csv.zip")


def is_parquet(name: str | PathLike[str]) -> bool:
    """Whether a file is Parquet by its ending, rather than CSV."""
    return os.fspath(name).lower().endswith(PARQUET)


@dataclass(frozen=True)
class Source:
    """Files with one table between them.

    Attributes
    ----------
    name : str
        As the user wrote it.
    files : tuple of str
    stamps : tuple
        Size and time of the last change of each, when they were found.
    names : tuple of str
        The columns.
    text : frozenset of str
        Columns of CSV files that are read as text, whatever they look like.
    codes : frozenset of str
        Columns of CSV files that are categories: text where they have leading zeros.
    """

    name: str
    files: tuple[str, ...]
    stamps: tuple[tuple[int, int], ...]
    names: tuple[str, ...] = ()
    text: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()

    @property
    def is_parquet(self) -> bool:
        """Parquet, rather than CSV."""
        return is_parquet(self.files[0])

    @classmethod
    def find(cls, path: str | PathLike[str]) -> Source:
        """Find the files: one, those of a folder, or those that match a pattern.

        Hidden files and folders, and those whose name begins with an underscore, are passed over in
        a folder.

        Raises
        ------
        FileNotFoundError
            If there are none.
        ValueError
            If they are of several kinds, or cannot be read.
        """
        name, folder = str(path), check_path(path)
        if folder.is_dir():
            every = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
            shown = [p for p in every if not any(part.startswith((".", "_")) for part in p.parts)]
            found = [str(folder / p) for p in shown if p.name.lower().endswith((*PARQUET, *CSV))]
        elif folder.is_file():
            found = [name]
        else:
            found = [p for p in sorted(glob.glob(name, recursive=True)) if os.path.isfile(p)]
        if not found:
            raise FileNotFoundError(f"no file {name!r}, and none that matches it")
        if len({is_parquet(p) for p in found}) > 1:
            raise InputError(f"{name!r} holds both Parquet and other files; name one kind")
        plain = cls(name, tuple(found), tuple(map(_stamp, found)))
        if plain.is_parquet:
            with readable(name):
                names = tuple(plain._dataset().schema.names)
        else:
            names = plain._headings()
        check_names(names)
        return replace(plain, names=names)

    def frames(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, in batches, labelled 1, 2, ...

        Raises
        ------
        OSError
            If a file has changed since it was found.
        """
        start = 1
        for place in range(len(self.files)):
            self._unchanged(place)  # all of them, before long work on the first
        for frame in self._parquet(columns) if self.is_parquet else self._csv(columns):
            frame.index = pd.RangeIndex(start, start + len(frame))
            start += len(frame)
            yield frame

    def _unchanged(self, place: int) -> str:
        """A file, if it is the one that was found."""
        file = self.files[place]
        if not os.path.exists(file):
            raise FileNotFoundError(f"{file!r} is no longer there; start again")
        if _stamp(file) != self.stamps[place]:
            raise OSError(f"{file!r} has changed since it was first read; start again")
        return file

    def _dataset(self) -> Any:
        from pyarrow import dataset

        return dataset.dataset(list(self.files), format="parquet", partitioning="hive")

    def _parquet(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        from pyarrow import dataset, parquet

        with readable(self.name):
            fragments = {
                os.path.abspath(fragment.path): fragment.partition_expression
                for fragment in self._dataset().get_fragments()
            }
        for place in range(len(self.files)):
            path = self._unchanged(place)
            keys = dataset.get_partition_keys(fragments[os.path.abspath(path)])
            in_file = [name for name in columns if name not in keys]
            with readable(path):
                # pages as they are needed, in one thread: a whole row group would be read ahead
                file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**16)
                lacking = set(in_file) - set(file.schema_arrow.names)
                if lacking:
                    raise InputError(f"it has no column {min(lacking)!r}")
                batches = file.iter_batches(BATCH_ROWS, columns=in_file, use_threads=False)
            with file:
                for batch in _guarded(batches, path):
                    frame = of_arrow(batch)
                    for name, value in keys.items():
                        frame[name] = value
                    if len(frame):
                        yield frame[list(columns)]

    def _headings(self) -> tuple[str, ...]:
        first: tuple[str, ...] = ()
        for file in self.files:
            with readable(file):
                names = csv_headings(Path(file))
            first = first or names
            if names != first:
                raise InputError(
                    f"{self.name!r} cannot be read as a table: {file!r} has other columns than "
                    f"{self.files[0]!r}"
                )
        return first

    def _csv(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        as_text = dict.fromkeys(
            (place for place, name in enumerate(self.names) if name in self.text | self.codes), str
        )
        for place in range(len(self.files)):
            path = self._unchanged(place)
            with closing(csv_batches(Path(path), BATCH_ROWS, as_text)) as frames:
                for frame in _guarded(frames, path):
                    frame.columns = pd.Index(self.names)
                    frame = frame[list(columns)]
                    codes = (self.codes - self.text) & set(columns)
                    yield frame.assign(**{name: number_or_text(frame[name]) for name in codes})


def _stamp(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns


def _guarded(items: Iterator[T], name: str) -> Iterator[T]:
    """The same items; what goes wrong in reading one is said in a sentence."""
    while True:
        with readable(name):
            item = next(items, None)
        if item is None:
            return
        yield item


def read_as_one(path: str | PathLike[str], codes: frozenset[str] = frozenset()) -> pd.DataFrame:
    """All rows and columns of a folder or pattern; some columns are categories."""
    source = replace(Source.find(path), codes=codes)
    frames = list(source.frames(source.names))
    if not frames:
        raise InputError("the data have no rows")
    if not source.is_parquet:
        mixed = frozenset(name for name in source.names if _kinds(frames, name) > 1)
        if mixed:  # numbers here and words there, because files are read one by one
            frames = list(replace(source, text=mixed).frames(source.names))
    for name in source.names:
        kinds = [frame[name].dtype for frame in frames]
        orders = {tuple(k.categories) for k in kinds if isinstance(k, pd.CategoricalDtype)}
        plain = {k.kind for k in kinds if not isinstance(k, pd.CategoricalDtype)} & set("biuf")
        # pandas would take the order of the first, whichever that is, and make numbers of booleans
        if len(orders) > 1 or (len(plain) > 1 and "b" in plain):
            frames = [frame.assign(**{name: frame[name].astype(object)}) for frame in frames]
    return pd.concat(frames)


def said_of_short_rows(path: str | PathLike[str]) -> tuple[str, ...]:
    """What is said of rows of CSV files with fewer fields than the heading; nothing without one."""
    source, start, found = Source.find(path), 0, []
    for file in () if source.is_parquet else source.files:
        with readable(file):
            rows, short = short_rows(Path(file))
        found += [start + row for row in short]
        start += rows
    if not found:
        return ()
    have = "has" if len(found) == 1 else "have"
    return (
        f"{count(len(found), 'row')} {have} fewer fields than the heading, and the last ones are "
        f"missing: {rows_phrase(found)}",
    )


def _kinds(frames: list[pd.DataFrame], name: str) -> int:
    complete = (frame[name].dropna() for frame in frames)
    return len({kind_of(values) for values in complete if len(values)})


def check_path(path: str | PathLike[str]) -> Path:
    """The path as an object; an empty one, which would be the folder one is in, is an error."""
    if not str(path).strip():
        raise FileNotFoundError("the path of the data is empty; name a file, folder or pattern")
    check_file_name(path)
    return Path(path)


def text_where_codes(frame: pd.DataFrame, path: Path, factors: frozenset[str]) -> pd.DataFrame:
    """The frame that was read from a CSV file; categories that look like numbers are read anew.

    They stay text where they have leading zeros, see `number_or_text`.
    """
    if not any(is_real(frame[name]) for name in factors):
        return frame
    if not path.is_file():
        return read_as_one(path, factors)
    if is_parquet(path):
        return frame
    places = [j for j, name in enumerate(frame.columns) if name in factors]
    places = [j for j in places if is_real(frame.iloc[:, j])]
    with readable(str(path)):
        text = read_csv(path, usecols=places, dtype=str)
    text.index = frame.index
    for place, (_, values) in zip(places, text.items(), strict=True):
        frame[frame.columns[place]] = number_or_text(values)
    return frame


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
        raise InputError(f"{name!r} is empty") from error
    except RepeatedNameError:
        raise
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{name!r} is no longer there; start again") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name!r} cannot be read as a table: it is not text in UTF-8; save it with that "
            "encoding"
        ) from error
    except Exception as error:  # a damaged file can fail anywhere in pandas, pyarrow or a codec
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, pd.errors.ParserWarning):
            reason = "rows have more fields than the first line, which must name every column"
        raise InputError(f"{name!r} cannot be read as a table: {reason}") from error
