"""Rows that are read or sent in batches: files larger than memory, and what a cluster shares.

`BatchRows` says what the two have in common: a survey made once, and a pass that encodes each batch
anew. `FileRows` reads Parquet and CSV files. `flatprior.models.dask_rows` has the cluster.
"""

from __future__ import annotations

import gc
import glob
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd

from flatprior.models import inputs as _inputs
from flatprior.models._progress import progress_bar
from flatprior.models.rows import BLOCK_ROWS, ArrayRows, Block, Extent, either, extent_of
from flatprior.models.survey import Encoder, Roles, Surveyed, conclude, survey

T = TypeVar("T")

BATCH_ROWS = 2**16
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchRows(ABC):
    """Rows of which a batch at a time is in memory.

    Attributes
    ----------
    surveyed : Surveyed
    grouped : tuple or None
        A column, and all its values: blocks say which of them each row has.
    """

    surveyed: Surveyed
    grouped: tuple[str, pd.Index[Any]] | None = None

    @abstractmethod
    def _reduce(self, function: Callable[[Block], T], combine: Callable[[T, T], T]) -> T:
        """Combine ``function(block)`` over all blocks."""

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks with an associative `combine`.

        The answer is the same each time. The first pass finds the extent beside it.
        """
        if "extent" in self.__dict__:
            return self._reduce(function, combine)
        answer, self.__dict__["extent"] = self._reduce(
            lambda block: (function(block), extent_of(block)),
            lambda one, two: (combine(one[0], two[0]), one[1].or_more(two[1])),
        )
        return answer

    @abstractmethod
    def _values(self, name: str) -> pd.Index[Any]:
        """Every value of a column, once."""

    @property
    def n_rows(self) -> int:
        """Number of rows that count."""
        return self.surveyed.survey.n_rows

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""
        return self.surveyed.sample.n_columns

    @property
    def n_observations(self) -> int:
        """Sum of the frequency weights."""
        return int(self.surveyed.survey.n_observations)

    @property
    def n_events(self) -> int:
        """Observations with response 1."""
        return int(self.surveyed.n_events)

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through."""
        # a batch may end with a block that is not full
        return BLOCK_ROWS + len(self.surveyed.survey.digests) + self.n_rows // BLOCK_ROWS + 1

    @property
    def resident(self) -> bool:
        """Whether rows lie in memory: they do not."""
        return False

    @cached_property
    def extent(self) -> Extent:
        """Largest absolute values of columns and offset."""
        return self._reduce(extent_of, Extent.or_more)

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset."""
        return self.surveyed.encoder.roles.offset is not None

    def digest(self) -> bytes:
        """Hash of the columns that the model uses, batch after batch."""
        return b"".join(self.surveyed.survey.digests)

    def sample(self, size: int) -> ArrayRows:
        """The rows that the survey drew at random; `size` of them, if there are so many."""
        found = self.surveyed.sample
        return found if size >= found.n_rows else found.sample(size)

    def group(self, name: str) -> BatchRows:
        """The same rows, grouped by a column."""
        return replace(self, grouped=(name, self._values(name)))


def over_batch(
    frame: pd.DataFrame,
    encoder: Encoder,
    grouped: tuple[str, pd.Index[Any]] | None,
    function: Callable[[Block], T],
    combine: Callable[[T, T], T],
) -> T | None:
    """Encode a batch and combine ``function(block)`` over it; None if no row of it counts."""
    answer: T | None = None
    for start in range(0, len(frame), BATCH_ROWS):
        block = encoder.block(frame.iloc[start : start + BATCH_ROWS], grouped)
        for piece in block.split(BLOCK_ROWS):
            answer = either(combine, answer, function(piece))
        gc.collect(1)  # formulaic leaves cycles behind, which hold the batch
    return answer


@dataclass(frozen=True, eq=False, kw_only=True)
class FileRows(BatchRows):
    """Rows of Parquet or CSV files, read anew in each pass.

    Attributes
    ----------
    source : Source
    progress : bool
        Show a progress bar on standard error in each pass.
    """

    source: Source
    progress: bool = False

    def _reduce(self, function: Callable[[Block], T], combine: Callable[[T, T], T]) -> T:
        answer: T | None = None
        expected, read = self.surveyed.survey.n_read, 0
        encoder, grouped = self.surveyed.encoder, self.grouped
        with progress_bar("rows", expected, self.progress) as advance:
            for frame in self.source.frames(self._columns):
                read += len(frame)
                part = over_batch(frame, encoder, grouped, function, combine)
                answer = either(combine, answer, part)
                advance(len(frame))
        if read != expected or answer is None:
            raise OSError(
                f"{self.source.name!r} has {read} rows where it had {expected} before: it has "
                "changed while it was read; start again"
            )
        return answer

    @property
    def _columns(self) -> tuple[str, ...]:
        used = self.surveyed.encoder.roles.columns
        return used if self.grouped is None else tuple(dict.fromkeys((*used, self.grouped[0])))

    def _values(self, name: str) -> pd.Index[Any]:
        return self.source.values(name)


@dataclass(frozen=True)
class Source:
    """Files with one table between them.

    Attributes
    ----------
    name : str
        As the user wrote it.
    files : tuple of str
    names : tuple of str
        The columns.
    """

    name: str
    files: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def is_parquet(self) -> bool:
        """Parquet, rather than CSV."""
        return Path(self.files[0]).suffix.lower() in PARQUET

    @classmethod
    def find(cls, path: str | PathLike[str]) -> Source:
        """Find the files: one, those of a folder, or those that match a pattern.

        Raises
        ------
        FileNotFoundError
            If there are none.
        ValueError
            If they are of several kinds, or cannot be read.
        """
        name = str(path)
        if Path(name).is_dir():
            every = sorted(p for p in Path(name).rglob("*") if p.is_file())
            found = [p for p in every if p.suffix.lower() in (*PARQUET, ".csv")]
            found = [p for p in found if not p.name.startswith((".", "_"))]
        elif Path(name).is_file():
            found = [Path(name)]
        else:
            found = [Path(p) for p in sorted(glob.glob(name, recursive=True)) if Path(p).is_file()]
        if not found:
            raise FileNotFoundError(f"no file {name!r}, and none that matches it")
        kinds = {p.suffix.lower() in PARQUET for p in found}
        if len(kinds) > 1:
            raise ValueError(f"{name!r} holds both Parquet and CSV files; name one kind")
        files = tuple(str(p) for p in found)
        plain = cls(name, files, ())
        with _inputs.readable(name):
            names = plain._dataset().schema.names if plain.is_parquet else plain._headings()
        _inputs.check_names(tuple(names))
        return replace(plain, names=tuple(names))

    def frames(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, in batches, labelled 1, 2, ..."""
        start = 1
        for frame in self._parquet(columns) if self.is_parquet else self._csv(columns):
            frame.index = pd.RangeIndex(start, start + len(frame))
            start += len(frame)
            yield frame

    def values(self, name: str) -> pd.Index[Any]:
        """Every value of a column, once."""
        if name not in self.names:
            _inputs.column(pd.DataFrame(columns=list(self.names)), name)
        found: pd.Index[Any] = pd.Index([])
        for frame in self.frames((name,)):
            found = found.union(pd.Index(frame[name].dropna().astype(object).unique()), sort=False)
        return found

    def _dataset(self) -> Any:
        from pyarrow import dataset

        return dataset.dataset(list(self.files), format="parquet", partitioning="hive")

    def _parquet(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        from pyarrow import dataset, parquet

        with _inputs.readable(self.name):
            fragments = list(self._dataset().get_fragments())
        for fragment in fragments:
            keys = dataset.get_partition_keys(fragment.partition_expression)
            in_file = [name for name in columns if name not in keys]
            with _inputs.readable(fragment.path):
                # pages as they are needed, in one thread: a whole row group would be read ahead
                file = parquet.ParquetFile(fragment.path, pre_buffer=False, buffer_size=2**16)
                lacking = set(in_file) - set(file.schema_arrow.names)
                if lacking:
                    raise ValueError(f"it has no column {min(lacking)!r}")
                batches = file.iter_batches(BATCH_ROWS, columns=in_file, use_threads=False)
            with file:
                for batch in self._guarded(batches, fragment.path):
                    frame = batch.to_pandas().assign(**keys)[list(columns)]
                    if len(frame):
                        yield frame

    @staticmethod
    def _guarded(items: Iterator[T], name: str) -> Iterator[T]:
        """The same items; what goes wrong in reading one is said in a sentence."""
        while True:
            with _inputs.readable(name):
                item = next(items, None)
            if item is None:
                return
            yield item

    def _headings(self) -> tuple[str, ...]:
        first, *others = ((file, _inputs.csv_headings(Path(file))) for file in self.files)
        for file, names in others:
            if names != first[1]:
                raise ValueError(f"{file!r} has other columns than {first[0]!r}")
        return first[1]

    def _csv(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        for file in self.files:
            with _inputs.readable(file):
                reader = _inputs.csv_reader(Path(file), BATCH_ROWS)
            with reader:
                for frame in self._guarded(reader, file):
                    frame.columns = pd.Index(self.names)
                    yield frame[list(columns)]


def read_files(
    path: str | PathLike[str],
    formula: str,
    offset: str | None,
    weights: str | None,
    missing: Literal["drop", "raise"],
    progress: bool,
) -> FileRows:
    """Survey the files and say how their rows are encoded."""
    source = Source.find(path)
    roles = Roles.read(formula, pd.DataFrame(columns=list(source.names)), offset, weights, missing)
    found = None
    # how many there are is not known yet: the bar counts without an end
    with progress_bar("rows, first pass", None, progress) as advance:
        for number, frame in enumerate(source.frames(roles.columns)):
            part = survey(frame, roles, number)
            found = part if found is None else found.merge(part)
            advance(len(frame))
    if found is None:
        raise ValueError(f"{source.name!r} has no rows")
    return FileRows(surveyed=conclude(found, roles), source=source, progress=progress)
