"""Log-likelihood, score and information in the coordinates of a `Basis`.

What is done for consecutive rows takes a `Part` of them, wherever they come from. Every sum over
the indicators of a factor is a product with its matrix of ones, which SciPy forms for all columns
of numbers at a time, row after row. Cross tables of two factors may be larger than a part is: they
are counted in one go over all rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from flatprior.models.codes.basis import PAIRWISE, Basis
from flatprior.models.common.arrays import Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.designs.coded import Codes, Factor
from flatprior.models.likelihood import margin_parts
from flatprior.models.rows import PARALLEL, PIECE_ROWS, ArrayRows, Block, added, column_extents

if TYPE_CHECKING:
    from flatprior.models.batches.batch_rows import BatchRows
    from flatprior.models.batches.changed_rows import ChangedRows

T = TypeVar("T")
BLOCK = 2**15  # rows of a block
MOST_COPIED = 2**21  # numbers, unless they are centred: memory is slow to get
MOST_KEPT = 3  # pairs of factors of which each row's cell is kept: 8 bytes each
BLOCK_OF_LEVELS = 2  # rows a level, at least: the sums of a block cost as many numbers as levels


class Part(NamedTuple):
    """Consecutive rows, in the coordinates of a basis.

    Attributes
    ----------
    numbers : ndarray (m, d)
        Those in theta, centred.
    codes : tuple of ndarray of int32 (m,)
        Of the main factor, and of each other.
    sign : ndarray (m,)
        As in `flatprior.models.rows.Block`; so are the rest.
    weights, offset : ndarray (m,) or None
    sparse : csr_array (m, s) or None
        Sparse columns, as they are.
    """

    numbers: Array
    codes: tuple[Codes, ...]
    sign: Array
    weights: Array | None
    offset: Array | None
    sparse: csr_array | None = None


@dataclass(frozen=True, eq=False)
class Score:
    """What a pass over the rows finds at some coefficients; they add.

    Attributes
    ----------
    log_likelihood, odds, slope : float
        As in `flatprior.models.likelihood.Moments`.
    main : ndarray (L,)
        Score of the main factor's levels.
    rest : ndarray (q,)
        Score of the other columns.
    """

    log_likelihood: float
    odds: float
    slope: float
    main: Array
    rest: Array

    def __add__(self, other: Score) -> Score:
        return added(self, other)


@dataclass(frozen=True, eq=False)
class Tables:
    """Sums of curvatures that a part of the rows has: what the information is made of; they add.

    Attributes
    ----------
    square : ndarray (d, d)
        Of products of two numbers.
    of_levels : tuple of ndarray (L, 1 + d)
        For each factor, the main one first: of each level curvature, and its products with numbers.
    """

    square: Array
    of_levels: tuple[Array, ...]

    def __add__(self, other: Tables) -> Tables:
        pairs = zip(self.of_levels, other.of_levels, strict=True)
        return Tables(self.square + other.square, tuple(one + two for one, two in pairs))


@dataclass(frozen=True, eq=False)
class Information:
    """``[[diag(levels), cross], [cross', rest]]``: the information in our coordinates.

    Attributes
    ----------
    levels : ndarray (L,)
    cross : ndarray (L, q)
    rest : ndarray (q, q)
    """

    levels: Array
    cross: Array
    rest: Array


def indicators(codes: Codes, n_levels: int) -> csc_array:
    """The transposed indicators (L, m) of some rows: with it, sums by level are products."""
    m = len(codes)
    if not n_levels:
        return csc_array((0, m))
    ones = np.ones(m)
    return csc_array((ones, codes, np.arange(m + 1, dtype=np.int32)), shape=(n_levels, m))


def part_of(basis: Basis, block: Block) -> Part:
    """A block of rows whose factors are codes, in our coordinates."""
    held: Any = block.design
    design = basis.held(held)
    numbers = design.numbers[:, basis.kept] - basis.centre[basis.kept]
    codes = [factor.codes for factor in design.factors]
    main = codes.pop(basis.main)
    return Part(numbers, (main, *codes), block.sign, block.weights, block.offset, design.sparse)


def predictor_of(basis: Basis, part: Part, alpha: Array, theta: Array) -> Array:
    """Linear predictor of a part of the rows."""
    eta: Array = part.numbers @ theta[: len(basis.kept)]
    if basis.n_levels:
        eta += alpha[part.codes[0]]
    for factor, place, codes in zip(
        basis.others, basis.theta_of_levels, part.codes[1:], strict=True
    ):
        eta += _with_reference(factor, theta[place])[codes]
    if part.sparse is not None:
        eta += part.sparse @ theta[basis.theta_of_sparse]
    if part.offset is not None:
        eta += part.offset
    return eta


def score_of(basis: Basis, part: Part, alpha: Array, theta: Array) -> tuple[Score, Array]:
    """Score of a part of the rows, and the curvature of each row (m,)."""
    margin = part.sign * predictor_of(basis, part, alpha, theta)
    tail, wrong, total = margin_parts(margin)
    log_likelihood = np.minimum(margin, 0.0) - np.log1p(tail)
    with np.errstate(divide="ignore", over="ignore"):
        odds = np.where(margin >= 0.0, tail, 1.0 / tail)
        if part.weights is not None:
            odds *= part.weights
    curvature = tail / np.square(total)
    if part.weights is not None:
        for values in (log_likelihood, wrong, curvature):
            values *= part.weights
    main, rest = summed(basis, part, part.sign * wrong)
    found = Score(float(log_likelihood.sum()), float(odds.sum()), float(wrong.sum()), main, rest)
    return found, curvature


def summed(basis: Basis, part: Part, values: Array) -> tuple[Array, Array]:
    """Sums of values (m,) of a part of the rows by level (L,), and times the other columns (q,)."""
    rest: list[Array] = [np.zeros(len(basis.kept))]
    for first in range(0, len(values), PIECE_ROWS):
        piece = slice(first, first + PIECE_ROWS)
        rest[0] += values[piece] @ part.numbers[piece]  # np.dot would copy some of the columns
    for factor, codes in zip(basis.others, part.codes[1:], strict=True):
        rest.append(by_level(codes, values, factor.n_levels)[factor.columns >= 0])
    if part.sparse is not None:
        rest.append(np.asarray(part.sparse.T @ values))
    return by_level(part.codes[0], values, basis.n_levels), np.concatenate(rest)


def tables_of(basis: Basis, part: Part, curvature: Array) -> Tables:
    """Sums over a part of the rows that have that curvature (m,)."""
    d = part.numbers.shape[1]
    table = np.empty((len(curvature), d + 1))
    table[:, 0] = curvature
    np.multiply(part.numbers, curvature[:, None], out=table[:, 1:])
    factors = zip(basis.every, part.codes, strict=True)
    return Tables(
        part.numbers.T @ table[:, 1:],
        tuple(indicators(codes, factor.n_levels) @ table for factor, codes in factors),
    )


def assembled(
    basis: Basis,
    tables: Tables,
    cells: Callable[[int, int], Array],
    run: Callable[[Callable[[tuple[int, int]], None], list[tuple[int, int]]], Iterable[None]] = map,
) -> Information:
    """The information, from sums over all rows.

    ``cells(i, j)`` are those of curvatures in each cell of two factors, (L_i, L_j); the main factor
    is the first of all. `run` is ``map``, or the like in threads.
    """
    d, q = len(basis.kept), len(basis.columns)
    main, *others = tables.of_levels
    cross, rest = np.empty((basis.n_levels, q)), np.zeros((q, q))
    rest[:d, :d] = (tables.square + tables.square.T) / 2
    cross[:, :d] = main[:, 1:]
    for factor, place, table in zip(basis.others, basis.theta_of_levels, others, strict=True):
        there = factor.columns >= 0
        rest[place, place] = np.diag(table[there, 0])
        rest[:d, place] = table[there, 1:].T
        rest[place, :d] = table[there, 1:]

    def counted(pair: tuple[int, int]) -> None:
        i, j = pair
        second, place = basis.others[j - 1], basis.theta_of_levels[j - 1]
        table = cells(i, j)[:, second.columns >= 0]
        if i == 0:
            cross[:, place] = table
            return
        first = basis.theta_of_levels[i - 1]
        rest[first, place] = table[basis.others[i - 1].columns >= 0]
        rest[place, first] = rest[first, place].T

    for _ in run(counted, list(crossed(basis))):
        pass
    return Information(main[:, 0], cross, rest)


def weighed(matrix: csr_array, curvature: Array) -> tuple[csr_array, csr_array]:
    """Products of sparse columns where rows have that curvature (m,), and these columns times it.

    A product of roots with its own transpose is symmetric to the last bit.
    """
    in_row = np.diff(matrix.indptr)
    scaled, weighted = (
        csr_array(
            (matrix.data * np.repeat(of_row, in_row), matrix.indices, matrix.indptr),
            shape=matrix.shape,
        )
        for of_row in (np.sqrt(curvature), curvature)
    )
    return scaled.T.tocsr() @ scaled, weighted


def joined(basis: Basis, found: Information, of_numbers: Array, of_levels: Iterable[Array]) -> None:
    """Write what sparse columns have with the others into an information.

    Products with the numbers are (s, d), with the levels of each factor (L, s), the main one first.
    """
    own = basis.theta_of_sparse
    found.rest[own, : len(basis.kept)] = of_numbers
    places = (None, *basis.theta_of_levels)
    for factor, place, table in zip(basis.every, places, of_levels, strict=True):
        if place is None:
            found.cross[:, own] = table
        else:
            found.rest[own, place] = table[factor.columns >= 0].T
    found.rest[: own.start, own] = found.rest[own, : own.start].T


def information_of(basis: Basis, part: Part, curvature: Array) -> Information:
    """The information of a part of the rows that have that curvature (m,), sparse columns aside."""

    def cells(i: int, j: int) -> Array:
        shape = basis.every[i].n_levels, basis.every[j].n_levels
        place = part.codes[i].astype(np.intp) * shape[1] + part.codes[j]
        return by_level(place, curvature, shape[0] * shape[1]).reshape(shape)

    return assembled(basis, tables_of(basis, part, curvature), cells)


def crossed(basis: Basis) -> Iterator[tuple[int, int]]:
    """Pairs of factors, the main one being the first of all."""
    for j in range(1, 1 + len(basis.others)):
        yield from ((i, j) for i in range(j))


@dataclass(frozen=True, eq=False)
class Sums:
    """The rows of a model in memory, ready for sums in the coordinates of a basis."""

    rows: ArrayRows
    basis: Basis

    @cached_property
    def numbers(self) -> Array:
        """The columns of numbers in theta, centred, (n, d)."""
        kept, numbers = self.basis.kept, self.basis.design.numbers
        centre = self.basis.centre[kept]
        consecutive = len(kept) > 0 and kept[-1] - kept[0] + 1 == len(kept)
        numbers = numbers[:, kept[0] : kept[-1] + 1] if consecutive else numbers[:, kept]
        if numbers.size > MOST_COPIED and not centre.any():
            return numbers
        found = np.empty(numbers.shape)  # row after row, as passes go over them
        return np.subtract(numbers, centre, out=found)

    @cached_property
    def extent(self) -> Array:
        """Largest absolute value of each of these, (d,)."""
        kept, numbers = self.basis.kept, self.basis.design.numbers
        if not self.basis.centre[kept].any():  # a loop over whole rows is the faster
            return column_extents(numbers)[kept]
        return column_extents(self.numbers)

    @cached_property
    def starts(self) -> range:
        """First rows of the blocks."""
        return range(0, self.rows.n_rows, self.block_rows)

    @property
    def block_rows(self) -> int:
        """Rows of a block."""
        return max(BLOCK, BLOCK_OF_LEVELS * self.basis.n_levels)

    @cached_property
    def longest_of_levels(self) -> int:
        """Additions that a term of the main factor's score goes through, at most."""
        return self._longest([self.basis.levels]) + len(self.starts)

    @cached_property
    def longest_sum(self) -> int:
        """Additions that a term of the rest of the score goes through, at most."""
        size = min(self.rows.n_rows, self.block_rows)
        found = self._longest(self.basis.others)
        if len(self.basis.kept):
            found = max(found, min(size, PIECE_ROWS) + -(-size // PIECE_ROWS))
        if self.sparse is not None:
            most = int(np.bincount(self.sparse.indices).max(initial=0))
            found = max(found, min(most, size))
        return found + len(self.starts)

    def _longest(self, factors: Sequence[Factor]) -> int:
        size, most = min(self.rows.n_rows, self.block_rows), 0
        for factor in factors:
            if factor.n_levels == 1:
                most = max(most, PAIRWISE + size.bit_length())
            elif factor.n_levels:
                most = max(most, min(size, int(np.bincount(factor.codes).max())))
        return most

    def part(self, which: slice = slice(None)) -> Part:
        """Some of the rows."""
        rows = self.rows
        return Part(
            self.numbers[which],
            tuple(factor.codes[which] for factor in self.basis.every),
            2.0 * rows.response[which] - 1.0,
            None if rows.weights is None else rows.weights[which],
            None if rows.offset is None else rows.offset[which],
            None if self.sparse is None else self.sparse[which],
        )

    def predictor(self, alpha: Array, theta: Array) -> Array:
        """Linear predictor (n,)."""
        return predictor_of(self.basis, self.part(), alpha, theta)

    def at(self, alpha: Array, theta: Array) -> tuple[Score, Callable[[], Information]]:
        """Score, and the information, for whoever asks for it."""
        score, curvature = self.curved(alpha, theta)
        return score, lambda: self.information(curvature)

    def flat(self) -> Information:
        """The information where each observation has a curvature of 1 / 4."""
        rows = self.rows
        return self.information(
            np.full(rows.n_rows, 0.25) if rows.weights is None else rows.weights / 4
        )

    def curved(self, alpha: Array, theta: Array) -> tuple[Score, Array]:
        """Score, and the curvature of each row (n,)."""
        curvature = np.empty(self.rows.n_rows)

        def of_block(start: int) -> Score:
            which = slice(start, start + self.block_rows)
            score, curvature[which] = score_of(self.basis, self.part(which), alpha, theta)
            return score

        return self._over_blocks(of_block), curvature

    def log_likelihood(self, beta: Array) -> float:
        """Log-likelihood at the user's coefficients (k,)."""
        with np.errstate(all="ignore"):
            return self.at(*self.basis.coordinates(beta))[0].log_likelihood

    @property
    def sparse(self) -> csr_array | None:
        """The sparse columns, (n, s)."""
        return self.basis.design.sparse

    @cached_property
    def fullest_row(self) -> int:
        """Entries that a row has in the sparse columns, at most."""
        return 0 if self.sparse is None else int(np.diff(self.sparse.indptr).max(initial=0))

    def largest_in_row(self, sizes: Array) -> float:
        """Largest sum over a row's absolute entries in the sparse columns, times `sizes` (s,)."""
        if self.sparse is None:
            return 0.0
        return float((self._absolute @ sizes).max(initial=0.0))

    @cached_property
    def _absolute(self) -> csr_array:
        assert self.sparse is not None  # noqa: S101
        return abs(self.sparse)

    def information(self, curvature: Array) -> Information:
        """The information where rows have that curvature (n,)."""

        def of_block(start: int) -> Tables:
            which = slice(start, start + self.block_rows)
            return tables_of(self.basis, self.part(which), curvature[which])

        def cells(i: int, j: int) -> Array:
            one, two = self.basis.every[i], self.basis.every[j]
            place = self._cells.get((i, j))
            place = cell_of_rows(one, two) if place is None else place
            return _by_cell(one, two, place, curvature)

        tables = self._over_blocks(of_block)
        found = assembled(self.basis, tables, cells, parallel_map if self.large else map)
        if self.sparse is not None:
            self._join(found, self.sparse, curvature)
        return found

    def _join(self, found: Information, matrix: csr_array, curvature: Array) -> None:
        """What the information has of the sparse columns, of all rows in one go."""
        basis, own = self.basis, self.basis.theta_of_sparse
        square, weighted = weighed(matrix, curvature)
        if own.start:
            entries = square.tocoo()
            found.rest[own.start + entries.row, own.start + entries.col] = entries.data
        else:
            square.toarray(out=found.rest)
        of_levels = (
            (indicators(factor.codes, factor.n_levels) @ weighted).toarray()
            for factor in basis.every
        )
        joined(basis, found, weighted.T @ self.numbers, of_levels)

    @cached_property
    def _cells(self) -> dict[tuple[int, int], NDArray[np.intp]]:
        """The cell of each row in each pair of factors, where that takes little room."""
        pairs = list(crossed(self.basis))
        kept = pairs if len(pairs) <= MOST_KEPT else []
        return {(i, j): cell_of_rows(self.basis.every[i], self.basis.every[j]) for i, j in kept}

    @property
    def large(self) -> bool:
        """Whether threads pay."""
        return self.basis.design.held >= PARALLEL // 4

    def _over_blocks(self, function: Callable[[int], T]) -> T:
        answers = parallel_map(function, self.starts) if self.large else map(function, self.starts)
        return reduce(operator.add, answers)


class AnySums(Protocol):
    """Sums over the rows of a model, wherever they are, in the coordinates of a basis."""

    @property
    def rows(self) -> ArrayRows | BatchRows | ChangedRows:
        """The rows."""

    @property
    def basis(self) -> Basis:
        """The coordinates."""

    @property
    def extent(self) -> Array:
        """Largest absolute value of each number in theta, centred, (d,)."""

    @property
    def fullest_row(self) -> int:
        """Entries that a row has in the sparse columns, at most."""

    @property
    def longest_of_levels(self) -> int:
        """Additions that a term of the main factor's score goes through, at most."""

    @property
    def longest_sum(self) -> int:
        """Additions that a term of the rest of the score goes through, at most."""

    def largest_in_row(self, sizes: Array) -> float:
        """Largest sum over a row's absolute entries in the sparse columns, times `sizes` (s,)."""

    def at(self, alpha: Array, theta: Array) -> tuple[Score, Callable[[], Information]]:
        """Score, and the information, for whoever asks for it."""

    def flat(self) -> Information:
        """The information where each observation has a curvature of 1 / 4."""

    def log_likelihood(self, beta: Array) -> float:
        """Log-likelihood at the user's coefficients (k,)."""


def by_level(codes: NDArray[Any], values: Array, n_levels: int) -> Array:
    """Sums of `values` (m,) by level, (L,)."""
    if n_levels == 1:
        return np.array([values.sum()])  # pairwise, and so to a better rounding
    found: Any = np.bincount(codes, values, n_levels)
    return np.asarray(found, dtype=float)[:n_levels]


def _by_cell(one: Factor, two: Factor, place: NDArray[np.intp], values: Array) -> Array:
    shape = one.n_levels, two.n_levels
    return by_level(place, values, shape[0] * shape[1]).reshape(shape)


def cell_of_rows(one: Factor, two: Factor) -> NDArray[np.intp]:
    """The number of each row's cell in the table of two factors, (n,)."""
    place = one.codes.astype(np.intp)
    place *= two.n_levels
    place += two.codes
    return place


def _with_reference(factor: Factor, theta: Array) -> Array:
    """A coefficient for each level: 0 for the reference."""
    found = np.zeros(factor.n_levels)
    found[factor.columns >= 0] = theta
    return found
