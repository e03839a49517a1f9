"""Sums in the coordinates of a `Basis`, where rows come in batches: a pass finds all of them."""

from __future__ import annotations

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
    part_of,
    score_of,
    tables_of,
)
from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Codes, Structured
from flatprior.models.rows import PIECE_ROWS, ArrayRows, Block, Rows, either

T = TypeVar("T")
CELLS_A_ROW = 4  # with fewer cells than that a row, to count them costs less than to wait


@dataclass(frozen=True, eq=False)
class Cells:
    """Curvatures in the cells of two factors, (L1, L2); they add.

    A table may be larger than a batch: then rows wait until there are enough for a count.

    Attributes
    ----------
    shape : tuple of int
    place, curvature : tuple of ndarray
        The cell of each row that waits, and its curvature.
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
class Facts:
    """What holds of the rows at any coefficients; of two parts, that of both.

    Attributes
    ----------
    extent : ndarray (d,)
        Largest absolute value of each number in theta, centred.
    rows, events : tuple of ndarray of int (L,)
        Of each factor, the main one first: rows of each level, and those with an event.
    """

    extent: Array
    rows: tuple[NDArray[np.intp], ...]
    events: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(cls, basis: Basis, part: Part) -> Facts:
        """Of a part of the rows."""
        numbers = part.numbers
        sizes = [factor.n_levels for factor in basis.every]
        happened = part.sign > 0
        pairs = list(zip(part.codes, sizes, strict=True))
        return cls(
            np.maximum(numbers.max(axis=0, initial=0.0), -numbers.min(axis=0, initial=0.0)),
            tuple(np.bincount(codes, minlength=size) for codes, size in pairs),
            tuple(np.bincount(codes[happened], minlength=size) for codes, size in pairs),
        )

    def __add__(self, other: Facts) -> Facts:
        return Facts(
            np.maximum(self.extent, other.extent),
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

    @classmethod
    def of(cls, basis: Basis, part: Part, alpha: Array, theta: Array) -> _Found:
        """Of a part of the rows."""
        score, curvature = score_of(basis, part, alpha, theta)
        sizes = [factor.n_levels for factor in basis.every]
        cells = {
            (i, j): Cells.of(part.codes[i], part.codes[j], (sizes[i], sizes[j]), curvature)
            for i, j in crossed(basis)
        }
        return cls(score, tables_of(basis, part, curvature), cells)

    def __add__(self, other: _Found) -> _Found:
        cells = {pair: mine + other.cells[pair] for pair, mine in self.cells.items()}
        return _Found(self.score + other.score, self.tables + other.tables, cells)

    def information(self, basis: Basis) -> Information:
        """The information of all rows."""
        return assembled(basis, self.tables, lambda i, j: self.cells[i, j].counted)


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
        """Entries that a row has in sparse columns, which rows in batches do not have."""
        return 0

    def largest_in_row(self, sizes: Array) -> float:
        """What a row has in them at most."""
        return 0.0

    @property
    def sample(self) -> Sums:
        """Those of the rows that the survey drew, in the same coordinates."""
        rows = self.rows.drawn
        return Sums(rows, replace(self.basis, design=rows.design))

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
    if not isinstance(rows, BatchRows):
        return None
    design, encoding = rows.surveyed.sample.design, rows.surveyed.encoder.encoding
    if not isinstance(design, Structured) or design.sparse is not None:
        return None
    numbers = design.numbers
    intercept = bool(encoding.parsed.intercept and len(numbers.T) and (numbers[:, 0] == 1).all())
    basis = Basis.planned(design[:0], [0] if intercept else [], centre_of(numbers))
    return None if basis is None else SumsInBatches(rows, basis)
