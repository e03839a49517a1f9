"""Where the rows of a model live, and the one thing that may be done with them.

Log-likelihood, score, information and every certificate are sums (or maxima, or QR factors) over
rows. A `Rows` object therefore offers `reduce`: apply a function to blocks of rows and combine the
answers with an associative operation. `ArrayRows` are in memory;
`FileRows` and `DaskRows` (`flatprior.models.batches`) are not, and what asks for `Rows` takes each
of them.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import found_once, parallel_map
from flatprior.models.designs.coded import LARGEST_DENSE, Factor, Structured

if TYPE_CHECKING:
    from scipy.sparse import csr_array

T = TypeVar("T")
R = TypeVar("R")
BLOCK_ROWS = 2**14  # enough work that two threads seldom wait for Python's lock
PIECE_ROWS = 2**11  # whose products are summed at a time: they stay in a core's cache
CHUNK_ROWS = 2**11  # that are hashed at a time, counted from the first row of all; divides a block
PARALLEL = 2**20  # numbers in the design from which threads pay
MOST_ANSWERS = 2**8  # that wait to be combined
LARGEST_COUNT = 2.0**53  # below it every whole number is a double
LARGEST_BLOCK = 2**24  # numbers in a block of a design that is held as codes
LOOKED_AT = 2**11  # rows, before all are compared with one another
FEWEST_ALIKE = 32  # pairs among them, each counted twice; fewer say little
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
DENSE = 16  # in a chunk, one number in so many that is not 0 makes bits shorter than a list


def added(first: T, second: T, largest: Collection[str] = ()) -> T:
    """What two sets of rows answered, as the answer of both: dataclasses of one type.

    Each field is the sum of the two; of those named in `largest` it is the larger one.
    """
    of_both = {
        name: max(one, getattr(second, name)) if name in largest else one + getattr(second, name)
        for name, one in vars(first).items()
    }
    return type(first)(**of_both)


class Block(NamedTuple):
    """Consecutive rows of the data.

    Attributes
    ----------
    design : ndarray (m, k)
    sign : ndarray (m,)
        ``2 y - 1``: +1 where the event was observed, -1 where it was not.
    offset : ndarray (m,) or None
    weights : ndarray (m,) or None
        Frequency weights; None means 1 each.
    groups : ndarray of int (m,) or None
        Which group each row belongs to, where rows are grouped.
    labels : Index or None
        The user's own labels of the rows, where they are read or sent in pieces.
    """

    design: Array
    sign: Array
    offset: Array | None
    weights: Array | None
    groups: NDArray[np.intp] | None = None
    labels: pd.Index[Any] | None = None

    @property
    def counts(self) -> Array:
        """Observations that each row stands for, (m,): its frequency weight, or 1."""
        return np.ones(len(self.sign)) if self.weights is None else self.weights

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Block:
        """Some of the rows."""
        return Block(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type]

    def with_columns(self, columns: NDArray[np.intp]) -> Block:
        """All rows, with some of the columns, as they are held."""
        return self._replace(design=_with_columns(self.design, columns))

    def split(self, most: int) -> Iterator[Block]:
        """Smaller blocks, of `most` rows each."""
        for start in range(0, len(self.sign), most):
            yield self.select(slice(start, start + most))


def _with_columns(design: Any, columns: NDArray[np.intp]) -> Any:
    if isinstance(design, Structured):
        return design.with_columns(columns).plainest
    return np.ascontiguousarray(design[:, columns])


class Extent(NamedTuple):
    """Largest absolute values: of each column (k,), of the offset, and of the weights."""

    columns: Array
    offset: float
    weights: float = 1.0

    def or_more(self, other: Extent) -> Extent:
        """The larger of each; NaN if either is."""
        return Extent(
            np.maximum(self.columns, other.columns),
            float(np.maximum(self.offset, other.offset)),
            max(self.weights, other.weights),
        )


class Rows(Protocol):
    """What the rest of the package needs of rows, wherever they are."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through; enters rounding bounds."""

    @property
    def resident(self) -> bool:
        """Whether rows lie in memory, so that a pass costs no more than its arithmetic."""

    @property
    def extent(self) -> Extent:
        """Largest absolute values of columns and offset."""

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset."""

    def sample(self, size: int) -> ArrayRows:
        """Rows drawn at random, `size` of them or as many as were set aside."""

    def reduce(self, function: Callable[[Block], T], combine: Callable[[T, T], T] = ...) -> T:
        """Combine ``function(block)`` over all blocks."""


def longest_sum(n_rows: int, n_blocks: int) -> int:
    """Additions that any one term goes through: in its piece, of the pieces, of the blocks."""
    return min(n_rows, PIECE_ROWS) + BLOCK_ROWS // PIECE_ROWS + n_blocks


def extent_of(block: Block) -> Extent:
    """Largest absolute values of these rows; NaN where one is not a number."""
    design: Any = block.design
    offset = 0.0 if block.offset is None else float(np.abs(block.offset).max())
    weights = 1.0 if block.weights is None else float(block.weights.max())
    held = isinstance(design, Structured)
    return Extent(design.extent if held else column_extents(design), offset, weights)


def column_extents(design: Array) -> Array:
    """Largest absolute value of each column (k,) of some rows; NaN where one is not a number."""
    m, k = design.shape
    if design.flags.c_contiguous and k and m >= 16:
        # NumPy's loop is as long as a row: make rows of 16, and see to the few that are left
        whole = m - m % 16
        wide = design[:whole].reshape(-1, 16 * k)
        parts = [extreme(axis=0).reshape(16, k) for extreme in (wide.max, wide.min)]
        design = np.concatenate([design[whole:], *parts])
    largest: Array = np.maximum(design.max(axis=0), -design.min(axis=0))
    return largest


def are_all(design: Array | Structured, row: Array) -> NDArray[np.bool_]:
    """Whether each column has in every row what it has in this one (k,), (k,)."""
    if not isinstance(design, Structured):
        return np.asarray((design == row).all(axis=0))
    found = np.zeros(design.shape[1], dtype=bool)
    found[design.places] = (design.numbers == row[design.places]).all(axis=0)
    for factor in design.factors:
        there = factor.columns >= 0
        count = np.bincount(factor.codes, minlength=factor.n_levels)[there]
        found[factor.columns[there]] = count == row[factor.columns[there]] * len(factor.codes)
    if design.sparse is not None:
        entries, own = design.sparse, row[design.sparse_places]
        same = np.bincount(entries.indices, entries.data == own[entries.indices], len(own))
        count = np.bincount(entries.indices, minlength=len(own))
        whole = (count == entries.shape[0]) | (own == 0)
        found[design.sparse_places] = (same == count) & whole
    return found


def chunk_digests(block: Block) -> bytes:
    """Hashes of rows that begin with a chunk, chunk after chunk.

    They are the same whether columns are written out, held as codes or sparse.
    """
    digests = []
    for start in range(0, len(block.sign), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        digest = xxhash.xxh3_128()
        for held in content(block.design[chunk]):
            digest.update(held.nbytes.to_bytes(8, "little"))
            digest.update(np.ascontiguousarray(held).data)
        for part in (block.sign, block.offset, block.weights):
            # + 0.0 turns -0.0 into 0.0: equal numbers hash alike
            digest.update(b"none" if part is None else (part[chunk] + 0.0).data)
        digests.append(digest.digest())
    return b"".join(digests)


def content(chunk: Array | Structured) -> Iterator[NDArray[Any]]:
    """What a design is in some rows, the same whether columns are dense, codes or sparse in it.

    Columns that are nowhere 0 are what they are. Of the others come the places of what is not 0, as
    bits where there is much of it, else as a list; and the numbers there, if not all are 1.
    """
    factors: tuple[Factor, ...] | None = None
    sparse = None
    if isinstance(chunk, Structured):
        numbers, places, factors, sparse = chunk.numbers, chunk.places, chunk.factors, chunk.sparse
    else:
        numbers, places = chunk, np.arange(chunk.shape[1])
    plain, size = np.count_nonzero(numbers) == numbers.size, len(numbers)
    if factors is None and plain:
        yield places
        yield numbers + 0.0
        yield from [np.zeros(0, dtype=np.intp)] * 2
        return
    full = np.ones(len(places), dtype=bool)
    filled: list[tuple[int, Any]] = []  # other columns that are nowhere 0 here
    bits: list[tuple[int, Any]] = []
    listed = [np.zeros(0, dtype=np.intp)]
    others, values = np.zeros(0, dtype=np.intp), np.zeros(0)
    if not plain:
        there = numbers != 0
        every = np.ones(size)  # NumPy sums booleans, row by row, more slowly than BLAS does numbers
        counts = np.dot(every, there.astype(float))
        ones = np.dot(every, (numbers == 1).astype(float)) == counts
        full = counts == size
        much, some = ~full & (counts * DENSE >= size), (counts > 0) & (counts * DENSE < size)
        bits += zip(places[much], there[:, much].T, strict=True)
        column, row = np.nonzero(there.T[some])
        listed.append(places[some][column] * CHUNK_ROWS + row)
        rest = (counts < size) & (counts > 0) & ~ones
        column, row = np.nonzero(there.T[rest])
        others, values = places[rest][column], numbers.T[rest][column, row]
    for factor in factors or ():
        of_level = np.bincount(factor.codes, minlength=factor.n_levels)
        of_level[factor.columns < 0] = 0
        for level in np.flatnonzero(of_level * DENSE >= size):
            is_it, column = factor.codes == level, factor.columns[level]
            (filled if of_level[level] == size else bits).append((column, is_it))
        few = np.where(of_level * DENSE < size, factor.columns, -1)[factor.codes]
        row = np.flatnonzero(few >= 0)
        few = few[row]
        few *= CHUNK_ROWS
        few += row
        listed.append(few)
    if sparse is not None and isinstance(chunk, Structured):
        row, column, data = entries(sparse)
        at = chunk.sparse_places[column]
        of_column = np.bincount(column, minlength=sparse.shape[1])
        for j in np.flatnonzero(of_column * DENSE >= size):
            of_it = np.zeros(size)
            of_it[row[column == j]] = data[column == j]
            is_full = of_column[j] == size
            part = of_it if is_full else of_it != 0
            (filled if is_full else bits).append((chunk.sparse_places[j], part))
        few = (of_column * DENSE < size)[column]
        listed.append(at[few] * CHUNK_ROWS + row[few])
        only_ones = np.bincount(column, data == 1, len(of_column)) == of_column
        more = ((of_column < size) & ~only_ones)[column]
        others, values = np.append(others, at[more]), np.append(values, data[more])
    which, whole = (places, numbers) if full.all() else (places[full], numbers[:, full])
    if filled or (which[1:] < which[:-1]).any():
        which = np.append(which, [column for column, _ in filled]).astype(np.intp)
        order = np.argsort(which)
        which = which[order]
        whole = np.column_stack([whole, *(column for _, column in filled)])[:, order]
    yield which
    yield whole + 0.0
    bits.sort(key=lambda each: each[0])
    yield np.array([column for column, _ in bits], dtype=np.intp)
    if bits:
        yield np.packbits(np.array([column for _, column in bits]), axis=1)
    yield np.sort(np.concatenate(listed))
    if len(others):
        order = np.argsort(others, kind="stable")
        yield np.unique(others)
        yield values[order]


def entries(sparse: csr_array) -> tuple[NDArray[np.intp], NDArray[Any], Array]:
    """Row, column and value of what is not 0 in a sparse matrix, row after row."""
    row = np.repeat(np.arange(sparse.shape[0]), np.diff(sparse.indptr))
    there = sparse.data != 0
    if there.all():
        return row, sparse.indices, sparse.data
    return row[there], sparse.indices[there], sparse.data[there]


class Strand(NamedTuple):
    """Hashes of the chunks that lie between two rows, and the rows of those that are cut.

    Rows are cut into chunks by their number among all rows, so that the hash of the whole is the
    same however they are read: in memory, in batches of any size, or in partitions side by side.

    Attributes
    ----------
    start, stop : int
        Number of the first row, and of the one after the last.
    head : Block or None
        Rows before the first border of chunks.
    whole : bytes
        Hashes of the whole chunks.
    tail : Block or None
        Rows after the last border.
    """

    start: int
    stop: int
    head: Block | None
    whole: bytes
    tail: Block | None

    @classmethod
    def of(cls, block: Block, start: int) -> Strand:
        """Of consecutive rows of which the first has the number `start`."""
        stop = start + len(block.sign)
        first = min(-(-start // CHUNK_ROWS) * CHUNK_ROWS, stop) - start
        last = max(stop // CHUNK_ROWS * CHUNK_ROWS - start, first)
        parts = (slice(0, first), slice(first, last), slice(last, stop - start))
        head, middle, tail = (
            block.select(part)._replace(groups=None, labels=None)
            if part.stop > part.start
            else None
            for part in parts
        )
        return cls(start, stop, head, b"" if middle is None else chunk_digests(middle), tail)

    def join(self, other: Strand) -> Strand:
        """The strand of both, the other following."""
        if self.start == self.stop or other.start == other.stop:
            return other if self.start == self.stop else self
        start, stop = self.start, other.stop
        if self.stop % CHUNK_ROWS == 0:
            return Strand(start, stop, self.head, self.whole + other.whole, other.tail)
        left = self.head if self.tail is None else self.tail
        assert left is not None and other.head is not None  # noqa: S101, PT018
        seam = consecutive(left, other.head)
        if self.tail is None:  # which has not reached a border yet
            return Strand(start, stop, seam, other.whole, other.tail)
        if (other.start + len(other.head.sign)) % CHUNK_ROWS:
            return Strand(start, stop, self.head, self.whole, seam)
        whole = self.whole + chunk_digests(seam) + other.whole
        return Strand(start, stop, self.head, whole, other.tail)

    def digest(self) -> bytes:
        """Hash of all rows, where the strand has them all."""
        rest = b"" if self.tail is None else chunk_digests(self.tail)
        return xxhash.xxh3_128_digest(self.whole + rest)


def consecutive(one: Block, two: Block) -> Block:
    """The rows of one block, and then those of another."""

    def joined(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        return a.followed_by(b) if isinstance(a, Structured) else np.concatenate([a, b])

    return Block(*map(joined, one, two))


def either(combine: Callable[[T, T], T], first: T | None, second: T | None) -> T | None:
    """Combine what there is."""
    if first is None or second is None:
        return second if first is None else first
    return combine(first, second)


def numbered(groups: NDArray[np.intp]) -> Block:
    """Rows that hold the number of their group, to be hashed as others are."""
    return Block(groups[:, None].astype(float), np.ones(len(groups)), None, None)


def outcomes_of(block: Block) -> Block:
    """The same rows without design and offset, to be hashed as others are."""
    return Block(np.zeros((len(block.sign), 0)), block.sign, None, block.weights)


@dataclass(frozen=True, eq=False)
class MappedRows:
    """The rows of another object, each block changed on its way by `change`."""

    rows: Rows
    change: Callable[[Block], Block]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rows.n_rows

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""
        return self.rows.n_columns

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through."""
        return self.rows.longest_sum

    @property
    def resident(self) -> bool:
        """Whether rows lie in memory."""
        return self.rows.resident

    @found_once
    def extent(self) -> Extent:
        """Largest absolute values of columns and offset."""
        return self._reduce(extent_of, Extent.or_more)

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset that is not 0."""
        return self.extent.offset != 0

    def sample(self, size: int) -> ArrayRows:
        """Rows drawn at random, changed."""
        return ArrayRows.of(self.change(self.rows.sample(size).block(slice(None))))

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(change(block))`` over all blocks that have a row left.

        Of rows that are not in memory the first pass finds the extent beside its answer.
        """
        if self.resident or "extent" in vars(self):
            return self._reduce(function, combine)

        def both(block: Block) -> tuple[T, Extent]:
            return function(block), extent_of(block)

        def of_both(first: tuple[T, Extent], second: tuple[T, Extent]) -> tuple[T, Extent]:
            return combine(first[0], second[0]), first[1].or_more(second[1])

        answer, vars(self)["extent"] = self._reduce(both, of_both)
        return answer

    def _reduce(self, function: Callable[[Block], T], combine: Callable[[T, T], T]) -> T:
        change = self.change  # all that a cluster is sent of this object

        def changed(block: Block) -> T | None:
            part = change(block)
            return function(part) if len(part.sign) else None

        def together(first: T | None, second: T | None) -> T | None:
            return either(combine, first, second)

        answer: T | None = self.rows.reduce(changed, together)
        if answer is None:
            raise InputError("no rows are left")
        return answer


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Rows held in this process's memory.

    Parameters
    ----------
    design : ndarray (n, k) or Structured
        Of float64 or float32, in any order; blocks of it are float64. One whose factors are held as
        codes is written out block by block.
    response : ndarray (n,)
        0.0 or 1.0.
    offset, weights : ndarray (n,) or None
    groups : ndarray of int (n,) or None
    at_first : bytes or None
        `digest` of rows that lie in the caller's own arrays, when they were taken; else None.
    """

    design: Any
    response: Array
    offset: Array | None = None
    weights: Array | None = None
    groups: NDArray[np.intp] | None = None
    at_first: bytes | None = None

    @classmethod
    def of_signs(cls, design: Array, sign: Array) -> ArrayRows:
        """Rows whose outcomes are 1 and -1, without offsets and weights."""
        return cls(design, (1 + sign) / 2)

    @classmethod
    def of(cls, block: Block) -> ArrayRows:
        """The rows of a block, without their groups and labels."""
        return cls(block.design, (1 + block.sign) / 2, block.offset, block.weights)

    @property
    def sign(self) -> Array:
        """``2 y - 1``: 1 where the event was observed, -1 where it was not, (n,)."""
        return 2.0 * self.response - 1.0

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.design.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""
        return int(self.design.shape[1])

    @cached_property
    def _counts(self) -> Array | None:
        """The weights, where they are counts: whole numbers, and their sum too; else None.

        Those of scikit-learn may be shares, whose sum of 1 would be one observation, or none.
        """
        weights = self.weights
        if weights is None or (weights != np.rint(weights)).any():
            return None
        return weights if weights.sum() < LARGEST_COUNT else None

    @property
    def weights_count(self) -> bool:
        """Whether weights, if there are any, count observations."""
        return self.weights is None or self._counts is not None

    @cached_property
    def n_observations(self) -> int:
        """Sum of the weights, where they are counts; else the number of rows."""
        return self.n_rows if self._counts is None else int(self._counts.sum())

    @cached_property
    def n_events(self) -> int:
        """Observations with response 1."""
        return int(self.response.sum() if self._counts is None else self.response @ self._counts)

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through."""
        return longest_sum(self.n_rows, 1 + self.n_rows // self.block_rows)

    @property
    def resident(self) -> bool:
        """Whether rows lie in memory: they do."""
        return True

    @cached_property
    def extent_of_offset(self) -> float:
        """Largest absolute value of the offset."""
        return 0.0 if self.offset is None else float(np.abs(self.offset).max())

    @cached_property
    def extent(self) -> Extent:
        """Largest absolute values of columns and offset."""
        if isinstance(self.design, Structured):
            return extent_of(self.block_as_held(slice(None)))
        return self.reduce(extent_of, Extent.or_more)

    @cached_property
    def _whole(self) -> Block:
        """All rows, where they are few."""
        return self.block(slice(None))

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset."""
        return self.offset is not None

    def block(self, part: slice | NDArray[np.intp]) -> Block:
        """Some rows."""
        return Block(
            self.design[part].astype(float, copy=False),
            2.0 * self.response[part] - 1.0,
            None if self.offset is None else self.offset[part],
            None if self.weights is None else self.weights[part],
            None if self.groups is None else self.groups[part],
        )

    @cached_property
    def block_rows(self) -> int:
        """Rows in a block."""
        if not isinstance(self.design, Structured):
            return BLOCK_ROWS
        most = LARGEST_BLOCK // (CHUNK_ROWS * max(self.n_columns, 1)) * CHUNK_ROWS
        return min(max(most, CHUNK_ROWS), BLOCK_ROWS)

    def blocks(self) -> Iterator[Block]:
        """Yield the rows in order, as many as `reduce` takes at a time."""
        for start in range(0, self.n_rows, self.block_rows):
            yield self.block(slice(start, start + self.block_rows))

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks with an associative `combine`.

        Large data go over all cores. The answer does not depend on how many there are, unless
        several computations run at once and BLAS has threads of its own.
        """
        if isinstance(self.design, Structured):
            self.design.require_room()
        if self.n_rows <= self.block_rows:
            return function(self._whole)
        return self._over_blocks(self.block, self.block_rows, function, combine)

    def _over_blocks(
        self,
        block: Callable[[slice], Block],
        size: int,
        function: Callable[[Block], T],
        combine: Callable[[T, T], T],
    ) -> T:
        starts = range(0, self.n_rows, size)
        share = 1 + len(starts) // MOST_ANSWERS

        def one(start: int) -> T:
            return function(block(slice(start, start + size)))

        def several(some: range) -> T:
            return functools.reduce(combine, map(one, some))

        shares = [starts[i : i + share] for i in range(0, len(starts), share)]
        large = self.design.size >= PARALLEL
        answers = parallel_map(several, shares) if large else map(several, shares)
        return functools.reduce(combine, answers)

    def digest(self) -> bytes:
        """XXH3 hash, 128 bits, of all rows in their order."""
        if not isinstance(self.design, Structured):
            return xxhash.xxh3_128_digest(self.reduce(chunk_digests))
        whole = self._over_blocks(self.block_as_held, BLOCK_ROWS, chunk_digests, operator.add)
        return xxhash.xxh3_128_digest(whole)

    def block_as_held(self, part: slice | NDArray[np.intp]) -> Block:
        """Some rows, with codes where they are held as codes."""
        return Block(
            self.design[part],
            2.0 * self.response[part] - 1.0,
            None if self.offset is None else self.offset[part],
            None if self.weights is None else self.weights[part],
        )

    @property
    def too_large_to_write_out(self) -> bool:
        """Whether factors are held as codes, and would have too many columns."""
        return isinstance(self.design, Structured) and self.design.size > LARGEST_DENSE

    def require_unchanged(self) -> None:
        """Raise a `ValueError` if the caller has changed the arrays that the rows lie in."""
        # of rows made anew: those here may have kept a block of what was there before
        if self.at_first is not None and replace(self).digest() != self.at_first:
            raise InputError(
                "the arrays that the model was built on, with copy=False, have changed since; "
                "build it anew, or on copies"
            )

    def sample(self, size: int) -> ArrayRows:
        """`size` rows, one drawn at random from each of as many runs; the same at each call.

        They are written out.
        """
        draw = np.random.default_rng(0).random(size)
        chosen = np.floor((np.arange(size) + draw) * (self.n_rows / size)).astype(np.intp)
        np.minimum(chosen, self.n_rows - 1, out=chosen)  # the product can round up
        found = self.select(chosen)
        return replace(found, design=np.asarray(found.design))

    def select(
        self,
        rows: NDArray[np.bool_] | NDArray[np.intp] | slice,
        columns: NDArray[np.intp] | None = None,
    ) -> ArrayRows:
        """Some of the rows, and some of the columns, without their groups."""
        design: Any = self.design[rows]
        if columns is not None:
            design = _with_columns(design, columns)
        return ArrayRows(
            design,
            self.response[rows],
            None if self.offset is None else self.offset[rows],
            None if self.weights is None else self.weights[rows],
        )


class HeldRows(ArrayRows):
    """Rows in memory whose blocks hold factors as the rows do.

    Coefficients may be multiplied by such designs, ``design @ beta``, and these by values, ``values
    @ design``; single entries are not there to be looked at.
    """

    @property
    def block_rows(self) -> int:
        """Rows in a block."""
        return BLOCK_ROWS

    def block(self, part: slice | NDArray[np.intp]) -> Block:
        """Some rows."""
        groups = None if self.groups is None else self.groups[part]
        return self.block_as_held(part)._replace(groups=groups)

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks with an associative `combine`."""
        if self.n_rows <= self.block_rows:
            return function(self._whole)
        return self._over_blocks(self.block, self.block_rows, function, combine)


@dataclass(frozen=True, eq=False)
class HeldInBatches(MappedRows):
    """Rows that come in batches, whose blocks hold factors as they were read."""

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks with an associative `combine`."""
        rows: Any = self.rows
        found: T = rows.reduce_as_held(function, combine)
        return found


def as_held(rows: R) -> R:
    """The same rows; where factors are held as codes their blocks come so, and not written out.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.designs.coded import Factor, Structured
    >>> from flatprior.models.rows import ArrayRows, as_held
    >>> factor = Factor(np.array([0, 1, 1, 2], dtype=np.int32), np.array([-1, 1, 2]))
    >>> design = Structured(np.ones((4, 1)), np.array([0]), (factor,))
    >>> rows = ArrayRows(design, np.array([0.0, 1.0, 0.0, 1.0]))
    >>> as_held(rows).reduce(lambda block: np.ones(4) @ block.design).tolist()
    [4.0, 2.0, 1.0]
    """
    if isinstance(rows, ArrayRows) and isinstance(rows.design, Structured):
        parts = (rows.design, rows.response, rows.offset, rows.weights, rows.groups)
        return cast(R, HeldRows(*parts))
    if hasattr(rows, "reduce_as_held"):
        return cast(R, HeldInBatches(cast(Rows, rows), lambda block: block))
    return rows


def merge_identical(rows: R, most: float = 0.5) -> R:
    """The same likelihood on fewer rows: identical ones become one, with the sum of their weights.

    Rows are identical where design, response and offset are. They are returned unchanged where
    more than that share of them is distinct, because then weights cost more than they save; of many
    rows that is judged by a few thousand of them first. So are rows that are not in memory.
    """
    return cast(R, _merged(rows, most)) if isinstance(rows, ArrayRows) else rows


def _merged(rows: ArrayRows, most: float) -> ArrayRows:
    held, n = _held(rows), rows.n_rows
    few = [part[:: max(n // LOOKED_AT, 1)] for part in held]
    if n > 2 * LOOKED_AT and _seem_distinct(row_hashes(few), most * n):
        return rows
    found = _distinct(rows, held, most)
    if found is None:
        return rows
    group, first = found
    weights = np.bincount(group, rows.weights, minlength=len(first)).astype(float)
    offset = None if rows.offset is None else rows.offset[first]
    return ArrayRows(rows.design[first], rows.response[first], offset, weights)


def distinct(rows: ArrayRows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of them each row is identical to, (n,), and the first row of each, (m,).

    Rows are identical where design, response and offset are.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.rows import ArrayRows, distinct
    >>> rows = ArrayRows(np.array([[2.0], [1.0], [2.0], [2.0]]), np.array([0.0, 0.0, 0.0, 1.0]))
    >>> [part.tolist() for part in distinct(rows)]
    [[0, 1, 0, 2], [0, 1, 3]]
    """
    held = _held(rows)
    found = _distinct(rows, held, 1.0)
    if found is None:  # two rows have one hash
        _, first, group = np.unique(
            np.column_stack(held), axis=0, return_index=True, return_inverse=True
        )
        return group.ravel(), first
    return found


def _distinct(
    rows: ArrayRows, held: list[NDArray[Any]], most: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """`distinct`; None if more than that share of them is, or two that are not have one hash."""
    n = rows.n_rows
    hashed = np.concatenate(_over_rows(lambda which: row_hashes([p[which] for p in held]), rows))
    group, values = pd.factorize(hashed)
    if len(values) > most * n:
        return None
    first = np.empty(len(values), dtype=np.intp)
    first[group[::-1]] = np.arange(n - 1, -1, -1)
    kept = [part[first] for part in held]

    def alike(which: slice) -> bool:
        pairs = zip(held, kept, strict=True)
        return all(bool((one[which] == other[group[which]]).all()) for one, other in pairs)

    return (group, first) if all(_over_rows(alike, rows)) else None


def _held(rows: ArrayRows) -> list[NDArray[Any]]:
    """All that rows are told apart by, (n, ...) each."""
    design: Any = rows.design
    coded = isinstance(design, Structured) and design.sparse is None
    numbers = design.numbers if coded else np.asarray(design.astype(float, copy=False))
    codes = [factor.codes for factor in design.factors] if coded else []
    return [numbers, *codes, rows.response, *([] if rows.offset is None else [rows.offset])]


def hashes_of(rows: ArrayRows) -> NDArray[np.uint64]:
    """A hash of each row, (n,): of rows that are identical the same, wherever else they stand."""
    return row_hashes(_held(rows))


def hashes_of_predictors(block: Block) -> NDArray[np.uint64]:
    """A hash of each row (m,), as `hashes_of`, but whatever its outcome."""
    design: Any = block.design
    of_sparse = []
    if isinstance(design, Structured) and design.sparse is not None:
        sparse = design.sparse
        none = design.sparse_places[:0]
        design = replace(design, sparse=None, sparse_places=none, contrasted=())
        columns = (sparse.indices.astype(np.uint64) + np.uint64(1)) * MULTIPLIER
        each = ((sparse.data + 0.0).view(np.uint64) ^ columns) * MULTIPLIER
        each ^= each >> np.uint64(29)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(each)])
        found = sums[sparse.indptr[1:]] - sums[sparse.indptr[:-1]]
        of_sparse = [(found >> np.uint64(11)).astype(float)]  # 53 bits, as many as a double has
    rows = ArrayRows(design, np.zeros(len(block.sign)), block.offset)
    return row_hashes([*_held(rows), *of_sparse])


def row_hashes(held: list[NDArray[Any]]) -> NDArray[np.uint64]:
    """A hash of each row. It is exact, where a product in doubles might depend on a row's place.

    Rows that it does not tell apart are compared here: nothing depends on it but time.
    """
    found = np.zeros(len(held[0]), dtype=np.uint64)
    for part in held:
        for column in np.add(part.T, 0.0, order="C").reshape(-1, len(part)):  # -0.0 becomes 0.0
            found ^= column.view(np.uint64)
            found *= MULTIPLIER
            found ^= found >> np.uint64(29)
    return found


def _seem_distinct(hashed: NDArray[np.uint64], most: float) -> bool:
    """Whether more rows than that are distinct, by how many pairs of some are alike."""
    _, counts = np.unique(hashed, return_counts=True)
    alike = float((counts * (counts - 1)).sum())
    return len(hashed) * (len(hashed) - 1) > most * max(alike, FEWEST_ALIKE)


def _over_rows(function: Callable[[slice], T], rows: ArrayRows) -> list[T]:
    """What is found of consecutive rows, on all cores where they are many."""
    n, several = rows.n_rows, range(0, rows.n_rows, BLOCK_ROWS)

    def of_block(start: int) -> list[T]:
        stop = min(start + BLOCK_ROWS, n)
        pieces = range(start, stop, PIECE_ROWS)
        return [function(slice(at, min(at + PIECE_ROWS, stop))) for at in pieces]

    large = rows.design.size >= PARALLEL
    found = parallel_map(of_block, several) if large else map(of_block, several)
    return [each for block in found for each in block]
