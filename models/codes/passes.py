"""Sums in the coordinates of a `Basis`, where rows come in batches: a pass finds all of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.changed_rows import ChangedRows
from flatprior.models.codes.basis import Basis, centre_of
from flatprior.models.codes.sums import (
    AnySums,
    Information,
    Part,
    Score,
    Sums,
    Tables,
    assembled,
    by_level,
    crossed,
    joined,
    part_of,
    score_of,
    tables_of,
    weighed,
)
from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Codes, Structured
from flatprior.models.rows import PIECE_ROWS, ArrayRows, Block, Rows, either, entries

T = TypeVar("T")
CELLS_A_ROW = 4  # with fewer cells than that a row, to count them costs less than to wait


@dataclass(frozen=True, eq=False)
class Cells:
    """Curvatures in the cells of two factors, (L1, L2), or of a factor and columns; they add.

    A table may be larger than a batch: then rows wait until there are enough for a count.

    Attributes
    ----------
    shape : tuple of int
    place, curvature : tuple of ndarray
        The cell of each row or entry that waits, and its curvature.
    table : ndarray (L1 L2,) or None
    """

    shape: tuple[int, int]
    place: tuple[NDArray[np.intp], ...]
    curvature: tuple[Array, ...]
    table: Array | None = None

    @classmethod
    def of(cls, one: Codes, two: Codes, shape: tuple[int, int], curvature: Array) -> Cells:
        """Of a part of the rows."""
        place = one.astype(np.intp) * shape[1] + two
        return cls(shape, (place,), (curvature,)).counted_if_enough()

    def __add__(self, other: Cells) -> Cells:
        table = either(np.add, self.table, other.table)
        place, curvature = self.place + other.place, self.curvature + other.curvature
        return Cells(self.shape, place, curvature, table).counted_if_enough()

    def counted_if_enough(self) -> Cells:
        """The same, without rows that wait if they are many."""
        rows = sum(map(len, self.place))
        if not rows or rows * CELLS_A_ROW < self.shape[0] * self.shape[1]:
            return self
        return Cells(self.shape, (), (), self.counted.ravel())

    @property
    def counted(self) -> Array:
        """The table (L1, L2)."""
        found = self.table
        if self.place:
            size = self.shape[0] * self.shape[1]
            each = by_level(np.concatenate(self.place), np.concatenate(self.curvature), size)
            found = each if found is None else found + each
        assert found is not None  # noqa: S101
        return found.reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Beside:
    """Sums of curvatures over sparse columns; they add.

    Attributes
    ----------
    numbers : ndarray (s, d)
        Of products with the numbers.
    square : Cells (s, s)
    of_levels : tuple of Cells (L, s)
        With the levels of each factor, the main one first.
    """

    numbers: Array
    square: Cells
    of_levels: tuple[Cells, ...]

    @classmethod
    def of(cls, basis: Basis, part: Part, curvature: Array) -> Beside | None:
        """Of a part of the rows; None where there are no such columns."""
        if part.sparse is None:
            return None
        products, weighted = weighed(part.sparse, curvature)
        square, in_row, s = products.tocoo(), np.diff(weighted.indptr), weighted.shape[1]
        return cls(
            weighted.T @ part.numbers,
            Cells.of(square.row, square.col, (s, s), square.data),
            tuple(
                Cells.of(np.repeat(codes, in_row), weighted.indices, (f.n_levels, s), weighted.data)
                for f, codes in zip(basis.every, part.codes, strict=True)
            ),
        )

    def __add__(self, other: Beside) -> Beside:
        return Beside(
            self.numbers + other.numbers,
            self.square + other.square,
            tuple(one + two for one, two in zip(self.of_levels, other.of_levels, strict=True)),
        )

    def join(self, basis: Basis, found: Information) -> None:
        """Write them into the information of the other columns."""
        own = basis.theta_of_sparse
        found.rest[own, own] = self.square.counted
        joined(basis, found, self.numbers, (cells.counted for cells in self.of_levels))


@dataclass(frozen=True, eq=False)
class Facts:
    """What holds of the rows at any coefficients; of two parts, that of both.

    Attributes
    ----------
    extent : ndarray (d,)
        Largest absolute value of each number in theta, centred.
    of_sparse : ndarray (s,)
        Likewise of each sparse column.
    fullest : int
        Entries that a row has in these, at most.
    rows, events : tuple of ndarray of int (L,)
        Of each factor, the main one first: rows of each level, and those with an event. Then of
        sparse columns rows in which they are not 0, and those in which the sign is the outcome's.
    """

    extent: Array
    of_sparse: Array
    fullest: int
    rows: tuple[NDArray[np.intp], ...]
    events: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(cls, basis: Basis, part: Part) -> Facts:
        """Of a part of the rows."""
        numbers, happened = part.numbers, part.sign > 0
        of_sparse, fullest = np.zeros(len(basis.design.sparse_places)), 0
        every = [
            (codes, happened, factor.n_levels)
            for factor, codes in zip(basis.every, part.codes, strict=True)
        ]
        if part.sparse is not None:
            row, column, value = entries(part.sparse)
            np.maximum.at(of_sparse, column, np.abs(value))
            fullest = int(np.bincount(row).max(initial=0))
            every.append((column, (value > 0) == happened[row], len(of_sparse)))
        return cls(
            np.maximum(numbers.max(axis=0, initial=0.0), -numbers.min(axis=0, initial=0.0)),
            of_sparse,
            fullest,
            tuple(np.bincount(at, minlength=size)[:size] for at, _, size in every),
            tuple(np.bincount(at[there], minlength=size)[:size] for at, there, size in every),
        )

    def __add__(self, other: Facts) -> Facts:
        return Facts(
            np.maximum(self.extent, other.extent),
            np.maximum(self.of_sparse, other.of_sparse),
            max(self.fullest, other.fullest),
            tuple(one + two for one, two in zip(self.rows, other.rows, strict=True)),
            tuple(one + two for one, two in zip(self.events, other.events, strict=True)),
        )

    @property
    def has_levels_of_one_outcome(self) -> bool:
        """Whether there is a level of which one outcome only was observed."""
        pairs = zip(self.rows, self.events, strict=True)
        return any(((n > 0) & ((e == 0) | (e == n))).any() for n, e in pairs)


@dataclass(frozen=True, eq=False)
class _Found:
    """What a pass finds at some coefficients; they add."""

    score: Score
    tables: Tables
    cells: dict[tuple[int, int], Cells]
    beside: Beside | None

    @classmethod
    def of(cls, basis: Basis, part: Part, alpha: Array, theta: Array) -> _Found:
        """Of a part of the rows."""
        score, curvature = score_of(basis, part, alpha, theta)
        sizes = [factor.n_levels for factor in basis.every]
        cells = {
            (i, j): Cells.of(part.codes[i], part.codes[j], (sizes[i], sizes[j]), curvature)
            for i, j in crossed(basis)
        }
        beside = Beside.of(basis, part, curvature)
        return cls(score, tables_of(basis, part, curvature), cells, beside)

    def __add__(self, other: _Found) -> _Found:
        cells = {pair: mine + other.cells[pair] for pair, mine in self.cells.items()}
        beside = either(operator.add, self.beside, other.beside)
        return _Found(self.score + other.score, self.tables + other.tables, cells, beside)

    def information(self, basis: Basis) -> Information:
        """The information of all rows."""
        found = assembled(basis, self.tables, lambda i, j: self.cells[i, j].counted)
        if self.beside is not None:
            self.beside.join(basis, found)
        return found


@dataclass(frozen=True, eq=False)
class SumsInBatches:
    """The rows of a model in batches, ready for sums in the coordinates of a basis: see `Sums`."""

    rows: BatchRows | ChangedRows
    basis: Basis

    def at(self, alpha: Array, theta: Array) -> tuple[Score, Callable[[], Information]]:
        """Score and information, of one pass; none if it was the last one."""
        last = vars(self).get("_last")
        if last and np.array_equal(last[0], alpha) and np.array_equal(last[1], theta):
            found: _Found = last[2]
        else:
            basis = self.basis  # all that a cluster is sent
            found = self._over_parts(lambda part: _Found.of(basis, part, alpha, theta))
            vars(self)["_last"] = (alpha, theta, found)
        return found.score, lambda: found.information(self.basis)

    def flat(self) -> Information:
        """The information where each observation has a curvature of 1 / 4."""
        basis = self.basis
        zero = np.zeros(basis.n_levels), np.zeros(len(basis.columns))

        def of_part(part: Part) -> _Found:
            return _Found.of(basis, part._replace(offset=None), *zero)

        return self._over_parts(of_part).information(basis)

    def log_likelihood(self, beta: Array) -> float:
        """Log-likelihood at the user's coefficients (k,)."""
        with np.errstate(all="ignore"):
            return self.at(*self.basis.coordinates(beta))[0].log_likelihood

    @property
    def has_passed(self) -> bool:
        """Whether there was a pass."""
        return "_facts" in vars(self)

    @property
    def facts(self) -> Facts:
        """What holds at any coefficients: of the first pass, which is made if there was none."""
        if not self.has_passed:
            self.log_likelihood(np.zeros(self.rows.n_columns))
        found: Facts = vars(self)["_facts"]
        return found

    @property
    def extent(self) -> Array:
        """Largest absolute value of each number in theta, centred, (d,)."""
        return self.facts.extent

    @property
    def longest_sum(self) -> int:
        """Additions that a term of the score goes through, at most."""
        return self.rows.longest_block + PIECE_ROWS + self.rows.n_blocks

    @property
    def longest_of_levels(self) -> int:
        """The same of the main factor."""
        return self.longest_sum

    @property
    def fullest_row(self) -> int:
        """Entries that a row has in the sparse columns, at most."""
        return self.facts.fullest

    def largest_in_row(self, sizes: Array) -> float:
        """No row's absolute entries in the sparse columns, times `sizes` (s,), have a larger sum.

        They are as many as the fullest row has, each as large as any in its column.
        """
        largest = np.sort(self.facts.of_sparse * sizes)
        return float(largest[len(largest) - self.fullest_row :].sum())

    @property
    def sample(self) -> Sums:
        """Those of the rows that the survey drew, in the same coordinates."""
        rows, basis = self.rows.drawn, self.basis
        design: Any = rows.design
        return Sums(rows, replace(basis, design=basis.held(design)))

    def _over_parts(self, function: Callable[[Part], T]) -> T:
        """Add ``function(part)`` of all rows; the first time find what holds of them, too."""
        basis = self.basis
        if self.has_passed:
            return self.rows.reduce_as_held(lambda block: function(part_of(basis, block)))

        def both(block: Block) -> tuple[T, Facts]:
            part = part_of(basis, block)
            return function(part), Facts.of(basis, part)

        def together(one: tuple[Any, Facts], two: tuple[Any, Facts]) -> tuple[Any, Facts]:
            return one[0] + two[0], one[1] + two[1]

        found: tuple[T, Facts] = self.rows.reduce_as_held(both, together)
        vars(self)["_facts"] = found[1]
        return found[0]


def sums_of(rows: Rows) -> AnySums | None:
    """Those of rows whose factors are codes, if one of these can be a diagonal; made once."""
    kept = vars(rows)
    if "_sums" not in kept:
        kept["_sums"] = _made_of(rows)
    found: AnySums | None = kept["_sums"]
    return found


def _made_of(rows: Rows) -> AnySums | None:
    if isinstance(rows, ArrayRows):
        basis = Basis.of(rows.design) if isinstance(rows.design, Structured) else None
        return None if basis is None else Sums(rows, basis)
    return in_batches(rows) if isinstance(rows, BatchRows) else None


def in_batches(rows: BatchRows, contrasted: bool = True) -> SumsInBatches | None:
    """Those of rows in batches; sum contrasts may be sparse columns like others, as they are."""
    design = rows.drawn.design
    if not isinstance(design, Structured):
        return None
    numbers = design.numbers
    intercept = bool(rows.has_intercept and len(numbers.T) and (numbers[:, 0] == 1).all())
    columns = design[:0] if contrasted else replace(design[:0], contrasted=())
    basis = Basis.of_columns(columns, [0] if intercept else [], centre_of(numbers))
    return None if basis is None else SumsInBatches(rows, basis)
