"""A design matrix whose indicators are held as codes: four bytes a row, however many levels.

What a factor adds to a linear predictor is looked up, and sums over its indicators are counted, so
that nothing of the work grows with the number of levels but vectors of that length. Of other
columns that are mostly 0 only what is not 0 is held. Rows of it can be had as they are or as plain
numbers; whoever needs these takes them block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import names_in

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

Codes = NDArray[np.int32]
LARGEST_DENSE = 2**30  # numbers in a design that is written out: 8 GB
WRITTEN_AT_ONCE = 2**12  # rows
LARGEST_KEPT = 2**24  # and kept: 128 MB
MOST_BESIDE = 2**13  # columns beside the largest factor, which have a square matrix
ROOM = 60  # characters for the names of columns that are levels of one factor


@dataclass(frozen=True, eq=False)
class Factor:
    """Indicators of the levels of a factor.

    Attributes
    ----------
    codes : ndarray of int32 (n,)
        Number of the level of each row, from 0.
    columns : ndarray of int (L,)
        The column of the design that each level's indicator is; -1 for the reference level.
    name : str
        What the factor is called.
    levels : tuple of tuple
        The levels of each category that it crosses; of the last one the code changes fastest.
    """

    codes: Codes
    columns: NDArray[np.intp]
    name: str = ""
    levels: tuple[tuple[Any, ...], ...] = ()

    @property
    def n_levels(self) -> int:
        """Number of levels, L."""
        return len(self.columns)

    @property
    def full(self) -> bool:
        """Whether every level has its indicator."""
        return bool((self.columns >= 0).all())

    def label(self, level: int) -> str:
        """What a level is called, by its code."""
        places = np.unravel_index(level, [len(each) for each in self.levels])
        return ":".join(
            str(each[int(place)]) for each, place in zip(self.levels, places, strict=True)
        )

    def rows(self, which: Any) -> Factor:
        """The factor of some of the rows."""
        return replace(self, codes=self.codes[which])

    def merged(self, columns: NDArray[np.intp]) -> Factor:
        """The factor with other columns, in which levels that have none are one level."""
        without = np.flatnonzero(columns < 0)
        if len(without) < 2:
            return replace(self, columns=columns)
        kept = np.flatnonzero(columns >= 0)
        code = np.zeros(len(columns), dtype=np.int32)
        code[kept] = np.arange(1, len(kept) + 1, dtype=np.int32)
        names = tuple(self.label(int(level)) for level in kept) if self.levels else ()
        return Factor(
            code[self.codes],
            np.append(-1, columns[kept]),
            self.name,
            ((self.label(int(without[0])), *names),) if names else (),
        )

    def of_levels(self, beta: Array) -> Array:
        """What each level has of `beta` (k, ...), (L, ...): 0 for the reference level."""
        found = beta[self.columns]
        found[self.columns < 0] = 0.0
        return found


@dataclass(frozen=True, eq=False)
class Structured:
    """Numbers, indicators of factors, sparse columns: a matrix (n, k) that is never written out.

    Attributes
    ----------
    numbers : ndarray (n, d)
    places : ndarray of int (d,)
        The column of the design that each of the numbers is.
    factors : tuple of Factor
    sparse : csr_array (n, s) or None
        Columns of float64 that are neither, mostly 0; in canonical form: sorted, each entry once.
    sparse_places : ndarray of int (s,)
        The column of the design that each of these is.
    contrasted : tuple of Factor
        Factors of sum contrasts: the columns of their levels are sparse ones, which are -1 at the
        last level, as if it were the reference.
    """

    numbers: Array
    places: NDArray[np.intp]
    factors: tuple[Factor, ...]
    sparse: csr_array | None = None
    sparse_places: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    contrasted: tuple[Factor, ...] = ()

    # an array that stands before ``@`` leaves the product to `__rmatmul__`
    __array_priority__ = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, (n, k)."""
        of_factors = sum(int((f.columns >= 0).sum()) for f in self.factors)
        return len(self.numbers), len(self.places) + of_factors + len(self.sparse_places)

    @property
    def size(self) -> int:
        """Numbers in the matrix, were it written out."""
        n, k = self.shape
        return n * k

    @property
    def held(self) -> int:
        """Numbers that are held."""
        entries = 0 if self.sparse is None else int(self.sparse.nnz)
        return self.numbers.size + sum(len(factor.codes) for factor in self.factors) + entries

    def __getitem__(self, rows: Any) -> Any:
        """Some of the rows, as they are held; of some of the columns written out."""
        if isinstance(rows, tuple):
            which, columns = rows
            if isinstance(columns, int | np.integer):
                return self.column(int(columns) % self.shape[1])[which]
            return self[which].dense()[:, columns]
        factors = tuple(factor.rows(rows) for factor in self.factors)
        sparse: Any = None if self.sparse is None else self.sparse[rows]
        contrasted = tuple(factor.rows(rows) for factor in self.contrasted)
        return replace(
            self,
            numbers=self.numbers[rows],
            factors=factors,
            sparse=sparse,
            contrasted=contrasted,
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The matrix, written out."""
        if copy is False:
            raise InputError("a design of codes has no numbers to be looked at without a copy")
        return self.dense() if dtype is None else self.dense().astype(dtype, copy=False)

    def astype(self, dtype: Any, copy: bool = True) -> NDArray[Any]:
        """The matrix, written out, as NumPy's arrays have it."""
        return self.dense().astype(dtype, copy=False)

    def with_columns(self, kept: NDArray[np.intp]) -> Structured:
        """The matrix with some of its columns, in this order; levels without one are one level."""
        place = np.full(self.shape[1] + 1, -1, dtype=np.intp)  # the last is of level -1
        place[kept] = np.arange(len(kept))
        own = place[self.places] >= 0
        factors = tuple(
            factor.merged(place[factor.columns])
            for factor in self.factors
            if (place[factor.columns] >= 0).any()
        )
        found = Structured(self.numbers[:, own], place[self.places][own], factors)
        there = place[self.sparse_places] >= 0
        if self.sparse is None or not there.any():
            return found
        sparse: Any = self.sparse[:, np.flatnonzero(there)]
        contrasted = tuple(
            replace(factor, columns=place[factor.columns])
            for factor in self.contrasted
            if (place[factor.columns[:-1]] >= 0).all()
        )
        found = found.beside(sparse, place[self.sparse_places][there])
        return replace(found, contrasted=contrasted)

    def with_indicators(self) -> Structured:
        """Indicators, of which the last level has none, in place of sum contrasts."""
        if not self.contrasted:
            return self
        own = np.concatenate([factor.columns[:-1] for factor in self.contrasted])
        rest = np.flatnonzero(~np.isin(self.sparse_places, own))
        assert self.sparse is not None  # noqa: S101
        sparse: Any = self.sparse[:, rest] if len(rest) else None
        return replace(
            self,
            factors=(*self.factors, *self.contrasted),
            sparse=sparse,
            sparse_places=self.sparse_places[rest],
            contrasted=(),
        )

    @cached_property
    def by_column(self) -> csc_array:
        """The sparse columns, one after the other."""
        assert self.sparse is not None  # noqa: S101
        return self.sparse.tocsc()

    def beside(self, sparse: Any, places: NDArray[np.intp]) -> Structured:
        """The matrix with these sparse columns, of which it has none yet."""
        return replace(self, sparse=sparse, sparse_places=places)

    def behind_ones(self) -> Structured:
        """The matrix behind a column of ones."""
        ones = np.ones(len(self.numbers))
        return replace(
            self,
            numbers=np.column_stack([ones, self.numbers]),
            places=np.append(0, self.places + 1),
            factors=tuple(
                replace(f, columns=np.where(f.columns < 0, -1, f.columns + 1)) for f in self.factors
            ),
            sparse_places=self.sparse_places + 1,
            contrasted=tuple(
                replace(f, columns=np.where(f.columns < 0, -1, f.columns + 1))
                for f in self.contrasted
            ),
        )

    @property
    def extent(self) -> Array:
        """Largest absolute value of each column, (k,)."""
        extent = np.zeros(self.shape[1])
        numbers = self.numbers
        extent[self.places] = np.maximum(
            numbers.max(axis=0, initial=0.0), -numbers.min(axis=0, initial=0.0)
        )
        for factor in self.factors:
            there = np.bincount(factor.codes, minlength=factor.n_levels) > 0
            there &= factor.columns >= 0
            extent[factor.columns[there]] = 1.0
        if self.sparse is not None:
            of_sparse = np.zeros(len(self.sparse_places))
            with np.errstate(invalid="ignore"):  # NaN stays NaN
                np.maximum.at(of_sparse, self.sparse.indices, np.abs(self.sparse.data))
            extent[self.sparse_places] = of_sparse
        return extent

    @property
    def absolute(self) -> Structured:
        """The absolute values."""
        sparse = None if self.sparse is None else abs(self.sparse)
        return replace(self, numbers=np.abs(self.numbers), sparse=sparse)

    @property
    def plainest(self) -> Array | Structured:
        """The matrix as it is, or written out where it is of numbers only."""
        return self if self.factors or self.sparse is not None else self.dense()

    def column(self, j: int) -> Array:
        """One column (n,)."""
        own = np.flatnonzero(self.places == j)
        if len(own):
            return np.array(self.numbers[:, own[0]])
        for factor in self.factors:
            level = np.flatnonzero(factor.columns == j)
            if len(level):
                return np.where(factor.codes == level[0], 1.0, 0.0)
        place = np.flatnonzero(self.sparse_places == j)
        if len(place):
            found = np.zeros(len(self.numbers))
            part = slice(*self.by_column.indptr[place[0] : place[0] + 2])
            found[self.by_column.indices[part]] = self.by_column.data[part]
            return found
        raise InputError(f"there is no column {j}")

    def followed_by(self, other: Structured) -> Structured:
        """The rows of this, and then those of another with the same columns."""
        factors, contrasted = (
            tuple(
                replace(one, codes=np.concatenate([one.codes, two.codes]))
                for one, two in zip(first, second, strict=True)
            )
            for first, second in (
                (self.factors, other.factors),
                (self.contrasted, other.contrasted),
            )
        )
        sparse: Any = None
        if self.sparse is not None and other.sparse is not None:
            from scipy.sparse import vstack

            sparse = vstack([self.sparse, other.sparse], format="csr")
        numbers = np.concatenate([self.numbers, other.numbers])
        return replace(self, numbers=numbers, factors=factors, sparse=sparse, contrasted=contrasted)

    def require_room(self) -> None:
        """Raise a `ValueError` if the matrix is too large to be written out."""
        n, k = self.shape
        if n * k > LARGEST_DENSE:
            largest = max((int((f.columns >= 0).sum()) for f in self.factors), default=0)
            remedy = "merge levels, or use fewer rows"
            if k - largest > MOST_BESIDE:
                remedy = (
                    f"only with up to {MOST_BESIDE} columns beside its largest factor it does "
                    f"without, and has {k - largest}: leave out those that are 0 in nearly all "
                    f"rows, {remedy}"
                )
            raise InputError(
                f"this needs the design written out, {n} rows of {k} columns or "
                f"{8 * n * k / 1e9:.0f} GB; {remedy}"
            )

    def dense(self) -> Array:
        """The matrix (n, k), written out and read-only; kept for the next time if it is small.

        Raises
        ------
        ValueError
            If it is too large for that.
        """
        n, k = self.shape
        self.require_room()
        kept = vars(self)
        if "_dense" in kept:
            found: Array = kept["_dense"]
            return found
        matrix = np.zeros((n, k))
        matrix[:, self.places] = self.numbers
        for factor in self.factors:
            place = factor.columns[factor.codes]
            rows = np.flatnonzero(place >= 0)
            matrix[rows, place[rows]] = 1.0
        if self.sparse is not None:
            rows = np.repeat(np.arange(n), np.diff(self.sparse.indptr))
            matrix[rows, self.sparse_places[self.sparse.indices]] = self.sparse.data
        matrix.flags.writeable = False
        if matrix.size <= LARGEST_KEPT:
            kept["_dense"] = matrix
        return matrix

    def predictor(self, beta: Array) -> Array:
        """``X @ beta``: (n,) for one vector (k,), (n, d) for columns (k, d)."""
        found: Array = self.numbers @ beta[self.places]
        for factor in self.factors:
            found += factor.of_levels(beta)[factor.codes]
        if self.sparse is not None:
            found += self.sparse @ beta[self.sparse_places]
        return found

    def sizes(self, beta: Array) -> Array:
        """Sums of the absolute values of the terms of ``X @ beta``, (n,)."""
        sparse: Any = None if self.sparse is None else abs(self.sparse)
        absolute = replace(self, numbers=np.abs(self.numbers), sparse=sparse)
        return absolute.predictor(np.abs(beta))

    def squares(self) -> Structured:
        """The matrix with every entry squared."""
        sparse: Any = None if self.sparse is None else self.sparse.power(2)
        return replace(self, numbers=np.square(self.numbers), sparse=sparse)

    def cross_products(self, weights: Array) -> Array:
        """``X' D X`` with weights (n,) of the rows, (k, k)."""
        found = np.zeros((self.shape[1], self.shape[1]))

        def put(rows: NDArray[np.intp], columns: NDArray[np.intp], table: Array) -> None:
            """Where a factor has no column for a level, what there is of it is left out."""
            own, other = rows >= 0, columns >= 0
            part = table[own][:, other]
            found[np.ix_(rows[own], columns[other])] = part
            found[np.ix_(columns[other], rows[own])] = part.T

        weighted = self.numbers * weights[:, None]
        put(self.places, self.places, np.dot(weighted.T, self.numbers))
        sparse: Any = None
        if self.sparse is not None:
            from scipy.sparse import csr_array

            starts = np.arange(len(weights) + 1)
            sparse = self.sparse.multiply(weights[:, None]).tocsr()
            put(self.sparse_places, self.places, sparse.T @ self.numbers)
            put(self.sparse_places, self.sparse_places, (sparse.T @ self.sparse).toarray())
        for i, factor in enumerate(self.factors):
            codes, size = factor.codes, factor.n_levels
            sums = np.empty((weighted.shape[1], size))
            for total, each in zip(sums, weighted.T, strict=True):
                total[:] = np.bincount(codes, each, size)
            put(self.places, factor.columns, sums)
            there = factor.columns >= 0
            own = factor.columns[there]
            found[own, own] = np.bincount(codes, weights, size)[there]
            for other in self.factors[:i]:
                cells = codes.astype(np.intp) * other.n_levels + other.codes
                table = np.bincount(cells, weights, size * other.n_levels).astype(float)
                put(factor.columns, other.columns, table.reshape(size, other.n_levels))
            if sparse is not None:
                levels = csr_array((np.ones(len(codes)), codes, starts), shape=(len(codes), size))
                counted = (sparse.T @ levels).toarray()
                put(self.sparse_places, factor.columns, counted)
        return found

    def quadratic(self, matrix: Array) -> Array:
        """``x_i'M x_i`` of each row, M symmetric (k, k), (n,)."""
        found: Array = np.einsum(
            "ij,ij->i", self.numbers @ matrix[np.ix_(self.places, self.places)], self.numbers
        )
        for i, factor in enumerate(self.factors):
            own, codes = factor.of_levels, factor.codes
            found += own(matrix.diagonal().copy())[codes]
            beside = own(matrix[:, self.places])
            found += 2 * np.einsum("ij,ij->i", beside[codes], self.numbers)
            for other in self.factors[:i]:
                table = own(other.of_levels(matrix).T)
                found += 2 * table[codes, other.codes]
        if self.sparse is None:
            return found
        of_sparse = matrix[self.sparse_places]
        for start in range(0, len(found), WRITTEN_AT_ONCE):
            part = slice(start, start + WRITTEN_AT_ONCE)
            rows = self.sparse[part]
            along = rows @ of_sparse  # (m, k)
            rest = replace(self, sparse=None, sparse_places=self.sparse_places[:0])[part]
            found[part] += rows.multiply(along[:, self.sparse_places]).sum(axis=1)
            found[part] += 2 * np.einsum("ij,ij->i", rest.numbers, along[:, self.places])
            for factor in rest.factors:
                own = factor.columns[factor.codes]
                there = np.flatnonzero(own >= 0)
                found[part][there] += 2 * along[there, own[there]]
        return found

    def __matmul__(self, beta: Array) -> Array:
        """`predictor`, as of a matrix that is written out."""
        return self.predictor(beta)

    def __rmatmul__(self, values: Array) -> Array:
        """``values @ X``: (k,) for values (n,), (d, k) for rows of them (d, n)."""
        by_row = np.atleast_2d(values)
        found = np.empty((len(by_row), self.shape[1]))
        found[:, self.places] = by_row @ self.numbers
        for factor in self.factors:
            there = factor.columns >= 0
            for row, each in zip(found, by_row, strict=True):
                row[factor.columns[there]] = np.bincount(factor.codes, each, factor.n_levels)[there]
        if self.sparse is not None:
            found[:, self.sparse_places] = (self.sparse.T @ by_row.T).T
        return found if values.ndim == 2 else found[0]


def as_codes(design: Array, names: Sequence[str]) -> Structured:
    """A matrix (n, k) with its columns of 0 and 1 as factors, as far as they exclude one another.

    Columns that follow one another, and of which no two are 1 in one row, are levels of one factor;
    rows in which none of them is 1 are at its reference level.
    """
    binary = ((design == 0) | (design == 1)).all(axis=0) & (np.ptp(design, axis=0) > 0)
    groups: list[list[int]] = []
    taken = np.ones(len(design), dtype=bool)
    for j in np.flatnonzero(binary):
        here = design[:, j] == 1
        if (taken & here).any():
            groups.append([])
            taken = np.zeros_like(here)
        groups[-1].append(int(j))
        taken |= here
    factors = []
    for columns in groups:
        codes = design[:, columns] @ np.arange(1.0, len(columns) + 1)
        own = [names[j] for j in columns]
        every = bool(codes.all())
        levels = tuple(own) if every else ("none of these", *own)
        places = np.array(columns if every else [-1, *columns], dtype=np.intp)
        codes = (codes - every).astype(np.int32)
        factors.append(Factor(codes, places, names_in(ROOM, own), (levels,)))
    places = np.flatnonzero(~binary)
    return Structured(np.ascontiguousarray(design[:, places]), places, tuple(factors))
