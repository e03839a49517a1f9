"""Rows that are read or sent in batches: files larger than memory, and what a cluster shares.

`BatchRows` says what the two have in common: a survey made once, and passes that encode each batch
anew. `flatprior.models.batches.file_rows` reads files, `flatprior.models.batches.dask_rows` has the
cluster.
"""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.batches.blocks import (
    CHANGED,
    Blocks,
    Changed,
    ChangedError,
    OfBatches,
    strands_of,
)
from flatprior.models.batches.encoder import Groups
from flatprior.models.batches.first_pass import (
    SAMPLE_NUMBERS,
    Surveyed,
    numbers_a_row,
)
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import found_once
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.encoding.columns.checks import check_size, column, of_sensible_size
from flatprior.models.encoding.files.passes import Passes, Tally
from flatprior.models.encoding.files.reading import PLAIN, Reading
from flatprior.models.encoding.sampling import Key, units_of
from flatprior.models.rows import (
    BLOCK_ROWS,
    ArrayRows,
    Block,
    Extent,
    Strand,
    extent_of,
    longest_sum,
)

T = TypeVar("T")

BLOCK_NUMBERS = 2**21  # in the design of a block: 16 MB
LARGEST_PASS = 2**46  # products that the information of a design written out takes


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchRows(ABC):
    """Rows of which a batch at a time is in memory.

    Attributes
    ----------
    surveyed : Surveyed
    grouped : tuple or None
        Blocks say which of these each row is of.
    left_out : tuple of int or None
        A batch, and the place in it of the row of which one observation is left out.
    numbered : bool
        Blocks say the number of each row among all, in place of its group.
    changed : Changed or None
        What becomes of all blocks.
    """

    surveyed: Surveyed
    grouped: Groups | None = None
    left_out: tuple[int, int] | None = None
    numbered: bool = False
    changed: Changed | None = None

    @abstractmethod
    def _over_frames(
        self,
        function: Callable[..., T],
        combine: Callable[[T, T], T],
        columns: tuple[str, ...],
        blocks: Blocks | None = None,
    ) -> Any:
        """Combine ``function(frame, number)`` over all batches in order, with these columns.

        Or ``function(block, frame, number of its first row)``, where blocks are made of them: then
        what comes is `OfBatches`.
        """

    @property
    @abstractmethod
    def _names(self) -> tuple[str, ...]:
        """All columns there are, whether the model uses them or not."""

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks with an associative `combine`.

        The answer is the same each time. The first pass finds extent and hash beside it.
        """
        self._require_room()
        size = self._rows_written_out

        def of_pieces(block: Block) -> T:
            pieces = (each._replace(design=np.asarray(each.design)) for each in block.split(size))
            return functools.reduce(combine, map(function, pieces))

        return self.reduce_as_held(of_pieces, combine)

    def reduce_as_held(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """The same of larger blocks, whose factors are codes where they are held so."""
        if self.has_passed:
            return self._reduce(lambda block, _: function(block), combine)[0]

        def both(block: Block, _: pd.DataFrame) -> tuple[T, Extent]:
            return function(block), extent_of(block)

        def together(one: tuple[T, Extent], two: tuple[T, Extent]) -> tuple[T, Extent]:
            return combine(one[0], two[0]), one[1].or_more(two[1])

        (answer, extent), strands = self._reduce(both, together, hashed=True)
        self.__dict__["_found"] = self._sensible(extent), [strand.digest() for strand in strands]
        return answer

    def _sensible(self, extent: Extent) -> Extent:
        """The extent; a column that is tiny in all rows, which no batch can tell, is an error."""
        if not of_sensible_size(extent.columns):
            names = self.surveyed.encoder.encoding.names
            if self.changed is not None:
                names = tuple(f"column {j + 1}" for j in range(self.n_columns))
            check_size(extent.columns, names)
        return extent

    def reduce_with_frames(
        self,
        function: Callable[[Block, pd.DataFrame], T],
        combine: Callable[[T, T], T] = operator.add,
    ) -> T:
        """The same of ``function(block, frame)``, with the columns that each block was made of.

        The frame has one row for each of the block.
        """
        roles = self.surveyed.encoder.roles

        def of_rows(block: Block, frame: pd.DataFrame) -> T:
            return function(block, frame.iloc[roles.places(frame)] if roles.counted else frame)

        return self._reduce(of_rows, combine)[0]

    def _reduce(
        self,
        function: Callable[[Block, pd.DataFrame], T],
        combine: Callable[[T, T], T],
        hashed: bool = False,
    ) -> tuple[T, tuple[Strand, ...]]:
        with_numbers, change = self.numbered, None if self.changed is None else self.changed.change
        units = self.surveyed.units

        def of_block(block: Block, frame: pd.DataFrame, first: int) -> tuple[T, tuple[Strand, ...]]:
            block = block if change is None else change(block)
            strands = strands_of(block, frame, first, units) if hashed else ()
            if with_numbers:
                numbers = np.arange(first, first + len(block.sign))
                block = block._replace(groups=numbers)
            return function(block, frame), strands

        def of_both(one: Any, two: Any) -> tuple[T, tuple[Strand, ...]]:
            return combine(one[0], two[0]), tuple(map(Strand.join, one[1], two[1]))

        blocks = self._blocks
        done: OfBatches[Any] = self._over_frames(of_block, of_both, blocks.columns, blocks)
        if done.n_read != self.surveyed.survey.n_read or done.answer is None:
            raise ChangedError(CHANGED)
        answer: tuple[T, tuple[Strand, ...]] = done.answer
        return answer

    @found_once
    def _blocks(self) -> Blocks:
        before: BatchRows | None = None if self.changed is None else self.changed.rows
        if before is not None and self._is_encoded_as(before):
            return before._blocks
        found, encoder = self.surveyed.survey, self.surveyed.encoder
        more = () if self.grouped is None else self.grouped.columns
        columns = tuple(dict.fromkeys((*encoder.roles.columns, *more)))
        return Blocks(
            columns=columns,
            encoder=encoder,
            grouped=self.grouped,
            left_out=self.left_out,
            step=self._rows_encoded,
            starts=np.cumsum([0, *found.lengths]),
            digests=found.digests,
            as_meant=self._as_meant(columns),
        )

    def _is_encoded_as(self, other: BatchRows) -> bool:
        """Whether these and other rows are one, but for what becomes of their blocks."""
        alike = (each.name for each in fields(self) if each.name not in ("changed", "numbered"))
        return self._rows_encoded == other._rows_encoded and all(
            getattr(self, name) is getattr(other, name) for name in alike
        )

    def _as_meant(self, columns: tuple[str, ...]) -> Callable[[pd.DataFrame], pd.DataFrame]:
        """What makes of a batch, before all else, one with these columns; it holds no rows."""
        return _as_it_is

    def without_columns(self, aliased: Aliased) -> BatchRows:
        """The same rows without the columns that are combinations of others."""
        if self.changed is not None:
            kept = aliased.kept
            return self.become(
                lambda block: block.with_columns(kept), intercept=bool(0 in kept[:1])
            )
        found = self.surveyed
        names = tuple(aliased.columns[j] for j in aliased.kept)
        encoding = replace(found.encoder.encoding, names=names, aliased=aliased)
        encoder = replace(found.encoder, encoding=encoding)
        sample = found.sample.select(slice(None), aliased.kept)
        return replace(self, surveyed=replace(found, encoder=encoder, sample=sample))

    def become(self, change: Callable[[Block], Block], intercept: bool) -> BatchRows:
        """Other rows, each made of one of these.

        Parameters
        ----------
        change : callable
            Block to block of as many rows with the same outcomes and weights, both as they are
            held; it is all a cluster is sent.
        intercept : bool
            Whether the first column stays.
        """
        before, drawn, labels = self.changed, self.drawn, self.drawn_labels
        one = change(drawn.block_as_held(slice(0, 1)))
        most = SAMPLE_NUMBERS // max(numbers_a_row(one.design), 1)
        if most < drawn.n_rows:  # what was held as codes may be written out now
            some = np.linspace(0, drawn.n_rows - 1, most).astype(np.intp)
            drawn, labels = drawn.select(some), labels[some]
        drawn = ArrayRows.of(change(drawn.block_as_held(slice(None))))
        if before is None:
            return replace(self, changed=Changed(change, drawn, labels, intercept, self))
        first, both = before.change, before.intercept and intercept
        changed = Changed(lambda block: change(first(block)), drawn, labels, both, before.rows)
        return replace(self, changed=changed)

    def without(self, number: int, row: Block) -> BatchRows:
        """The same rows without one observation of one of them: its number, and itself.

        Only `reduce` and `reduce_as_held` may be asked of them. They are rows of a model itself,
        which became no others.
        """
        assert self.changed is None  # noqa: S101
        found, sample = self.surveyed.survey, self.surveyed.sample
        lengths = np.array(found.lengths)
        stops = np.cumsum(lengths)
        batch = int(np.searchsorted(stops, number, side="right"))
        place = number - int(stops[batch] - lengths[batch])
        alone = int(row.counts[0] == 1)
        lengths[batch] -= alone
        less = replace(
            found,
            n_rows=found.n_rows - alone,
            n_observations=found.n_observations - 1,
            lengths=tuple(lengths.tolist()),
        )
        kept, weights = np.ones(sample.n_rows, dtype=bool), sample.weights
        like = _first_like(row, sample)
        if alone:
            kept[like] = False
        elif weights is not None:
            weights = weights.copy()
            weights[like] -= 1
        surveyed = replace(
            self.surveyed,
            survey=less,
            sample=replace(sample, weights=weights).select(kept),
            sample_labels=self.surveyed.sample_labels[kept],
            n_events=self.surveyed.n_events - float(row.sign[0] > 0),
        )
        return replace(self, surveyed=surveyed, left_out=(batch, place))

    @property
    def n_rows(self) -> int:
        """Number of rows that count."""
        return self.surveyed.survey.n_rows

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""
        return self.drawn.n_columns

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
        found, step = self.surveyed.survey, self._rows_written_out
        # a batch, and what is encoded of it at once, may end with a block that is not full
        most = max(found.n_read, self.n_rows)  # of a group two
        return longest_sum(self.n_rows, 2 * (len(found.digests) + most // step) + 1)

    @property
    def longest_block(self) -> int:
        """Rows of the longest block that are as they are held."""
        return min(self._rows_encoded, max(self.surveyed.survey.lengths))

    @property
    def n_blocks(self) -> int:
        """Blocks of rows as they are held, at most."""
        found = self.surveyed.survey
        return len(found.digests) + max(found.n_read, self.n_rows) // self._rows_encoded

    @property
    def _rows_encoded(self) -> int:
        """How many rows are encoded at once."""
        found = max(numbers_a_row(rows.design) for rows in (self.surveyed.sample, self.drawn))
        return max(1, BLOCK_NUMBERS // found)

    @property
    def _rows_written_out(self) -> int:
        """How many rows are written out at once."""
        return min(BLOCK_ROWS, self._rows_encoded, max(1, BLOCK_NUMBERS // max(self.n_columns, 1)))

    @property
    def too_large_to_write_out(self) -> bool:
        """Whether factors are held as codes, and a pass over their columns would take hours."""
        held = isinstance(self.surveyed.sample.design, Structured)
        return held and self.n_rows * self.n_columns**2 > LARGEST_PASS

    def _require_room(self) -> None:
        if self.too_large_to_write_out:
            raise InputError(
                f"this needs the design written out, {self.n_rows} rows of {self.n_columns} "
                "columns, in which a pass would take hours; merge levels, or use fewer rows"
            )

    @property
    def resident(self) -> bool:
        """Whether rows lie in memory: they do not."""
        return False

    @property
    @abstractmethod
    def tally(self) -> Tally:
        """Of the passes over them, and over others of the same source."""

    @property
    def passes(self) -> Passes:
        """How often they were read up to now, the survey included."""
        return self.tally.now

    def seen(self) -> Hashable:
        """What can be seen of the rows without a pass; None where they may have changed unseen."""
        return ()

    @property
    def at_hand(self) -> bool:
        """Whether rows may come to this process, in which they are read anyway."""
        return True

    @property
    def has_passed(self) -> bool:
        """Whether a pass was made since the survey."""
        return "_found" in self.__dict__

    @found_once
    def _found(self) -> tuple[Extent, list[bytes]]:
        """What the first pass finds beside its answer; one is made if there was none."""

        def of_rows(block: Block, _: pd.DataFrame) -> Extent:
            return extent_of(block)

        extent, strands = self._reduce(of_rows, Extent.or_more, hashed=True)
        return self._sensible(extent), [strand.digest() for strand in strands]

    @property
    def extent(self) -> Extent:
        """Largest absolute values of columns and offset."""
        return self._found[0]

    @property
    def extent_of_offset(self) -> float:
        """Largest absolute value of the offset."""
        return self.extent.offset

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset."""
        if self.changed is not None:
            return self.changed.drawn.offset is not None
        return self.surveyed.encoder.roles.has_offset

    def digest(self) -> bytes:
        """XXH3 hash, 128 bits, of all rows in their order: that of the same rows in memory."""
        return self._found[1][0]

    @property
    def units_digest(self) -> bytes:
        """Hash of the units of which the rows are; empty where they are no part of the data."""
        return b"".join(self._found[1][2:])

    @property
    def outcomes_digest(self) -> bytes:
        """Hash of outcomes and weights in their order, whatever the design."""
        return self._found[1][1]

    @property
    def drawn(self) -> ArrayRows:
        """The rows that the survey drew at random, as they are held."""
        return self.surveyed.sample if self.changed is None else self.changed.drawn

    @property
    def drawn_labels(self) -> pd.Index[Any]:
        """The user's own labels of these."""
        return self.surveyed.sample_labels if self.changed is None else self.changed.labels

    @property
    def has_intercept(self) -> bool:
        """Whether the first column is the formula's intercept."""
        of_formula = self.surveyed.encoder.encoding.parsed.intercept
        return bool(of_formula and (self.changed is None or self.changed.intercept))

    def sample(self, size: int) -> ArrayRows:
        """The rows that the survey drew at random, written out; `size` of them, if they are many.

        No more than there is room for.
        """
        found = self.drawn
        if isinstance(found.design, Structured):
            size = min(size, found.n_rows, max(1, SAMPLE_NUMBERS // self.n_columns))
            return found.sample(size)
        return found if size >= found.n_rows else found.sample(size)

    def group(self, *names: str) -> BatchRows:
        """The same rows, grouped by a column, or by several at once that are missing nowhere."""
        roles = self.surveyed.encoder.roles
        for name in names:
            column(pd.DataFrame(columns=list(self._names)), name)
        columns = tuple(dict.fromkeys((*roles.columns, *names)))
        as_meant = self._as_meant(columns)

        def values(frame: pd.DataFrame, _: int) -> dict[Key, None]:
            frame = as_meant(frame)
            rows = frame[roles.complete(frame)[0]]
            return dict.fromkeys(units_of([rows[name] for name in names], len(rows))[1])

        found = self._over_frames(values, operator.or_, columns)
        for place, name in enumerate(names):
            if len({isinstance(key[place], str) for key in found if key}) > 1:
                return self._as_text(name).group(*names)
        return self._grouped(Groups(names, {key: place for place, key in enumerate(found)}))

    def in_units(self) -> BatchRows:
        """The same rows, grouped by the clusters that were drawn, or without clusters by strata."""
        return self._grouped(self.surveyed.units)

    @property
    def with_numbers(self) -> BatchRows:
        """The same rows, and blocks, each row of a group that is its number among all, from 0."""
        same = replace(self, numbered=True)
        same.__dict__["_blocks"] = self._blocks
        if self.has_passed:
            same.__dict__["_found"] = self._found
        return same

    def _grouped(self, groups: Groups | None) -> BatchRows:
        same = replace(self, grouped=groups)
        if self.has_passed:
            same.__dict__["_found"] = self._found
        return same

    @property
    def reading(self) -> Reading:
        """How files were read."""
        return PLAIN

    def _as_text(self, name: str) -> BatchRows:
        """The same rows, a column read as text."""
        raise InputError(f"column {name!r} holds both numbers and text; convert all of it")


def _as_it_is(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _first_like(row: Block, sample: ArrayRows) -> NDArray[np.intp]:
    """The place of the first of the rows drawn that is like this one, if one is."""
    step, itself = max(BLOCK_NUMBERS // sample.n_columns, 1), np.asarray(row.design)
    for start in range(0, sample.n_rows, step):
        part = sample.block_as_held(slice(start, start + step))
        same = part.sign == row.sign[0]
        for ours, its in ((part.offset, row.offset), (part.weights, row.weights)):
            if ours is not None and its is not None:
                same &= ours == its[0]
        some = np.flatnonzero(same)
        alike = some[(np.asarray(part.design[some]) == itself).all(axis=1)]
        if len(alike):
            return np.asarray(start + alike[:1], dtype=np.intp)
    return np.zeros(0, dtype=np.intp)
