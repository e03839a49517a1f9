"""Designs in columns of unit size, ``X T``: of factors held as codes they are never written out.

What changed problems need of their columns are products with vectors, cross products and the
lengths of rows. Of codes each is a sum over levels, turned afterwards.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from flatprior.models.codes.basis import centre_of, ones_of
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import found_once
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import ArrayRows, Block, Rows, as_held, either

T = TypeVar("T")
ROWS_AT_ONCE = 2**13  # that are written out


@dataclass(frozen=True, eq=False)
class Turned:
    """``X T``.

    Attributes
    ----------
    held : Structured
        X (n, k).
    root : ndarray (k, m)
        T.
    """

    held: Structured
    root: Array

    # an array that stands before ``@`` leaves the product to `__rmatmul__`
    __array_priority__ = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, (n, m)."""
        return self.held.shape[0], self.root.shape[1]

    def __getitem__(self, rows: Any) -> Turned:
        """Some of the rows."""
        return replace(self, held=self.held[rows])

    def __matmul__(self, vector: Array) -> Array:
        """Products with a vector (m,) or with columns (m, d)."""
        return np.asarray(self.held @ (self.root @ vector))

    def __rmatmul__(self, values: Array) -> Array:
        """``values @ X T``, (m,), of values (n,)."""
        return np.asarray((values @ self.held) @ self.root)

    def cross_products(self, weights: Array) -> Array:
        """``T'X' D X T`` with weights (n,), (m, m)."""
        return np.asarray(self.root.T @ self.held.cross_products(weights) @ self.root)

    def lengths(self, white: Array) -> Array:
        """Of rows in columns that are turned once more, by a matrix (m, l), (n,)."""
        both = self.root @ white
        return np.asarray(np.sqrt(np.maximum(self.held.quadratic(both @ both.T), 0.0)))


Design = Any  # ndarray (n, m), Structured or Turned


def turned(design: Array | Structured, root: Array) -> Design:
    """``X T``: an array where X is one.

    Numbers that are far from 0 are centred, which the constant takes back.
    """
    if not isinstance(design, Structured):
        return design @ root
    ones = ones_of(design.numbers)
    if len(ones) == 1:
        centre = centre_of(design.numbers)
        centre[ones[0]] = 0.0
        root = root.copy()
        root[design.places[ones[0]]] += centre @ root[design.places]
        if centre.any():
            design = replace(design, numbers=design.numbers - centre)
    return Turned(design, root)


def cross_products(design: Design, weights: Array) -> Array:
    """``X' D X`` of columns of unit size, (m, m)."""
    if isinstance(design, np.ndarray):
        return np.asarray((design.T * weights) @ design)
    return np.asarray(design.cross_products(weights))


def lengths(design: Design, white: Array) -> Array:
    """Of each row in columns that are turned by `white`, (n,)."""
    if isinstance(design, np.ndarray):
        return np.asarray(np.linalg.norm(design @ white, axis=1))
    return np.asarray(design.lengths(white))


def quadratic(design: Array | Structured, matrix: Array) -> Array:
    """``x_i'M x_i`` of each row, M symmetric (k, k), (n,)."""
    if isinstance(design, Structured):
        return design.quadratic(matrix)
    return np.asarray(np.einsum("ij,jk,ik->i", design, matrix, design, optimize=True))


@dataclass(frozen=True, eq=False)
class TurnedRows:
    """Rows in columns of unit size, wherever they lie.

    Attributes
    ----------
    rows : Rows or None
        Those that are not in memory, in columns of their own, and `root` (k, m), which turns them.
    whole : Block or None
        All rows that are, in columns of unit size.
    more : Block or None
        Rows that follow, in these columns.
    change : callable
        What becomes of a block in these columns: of rows in batches, in each pass.
    before : TurnedRows or None
        Of which these are changed: no row of theirs is longer.
    """

    rows: Rows | None = None
    root: Array | None = None
    whole: Block | None = None
    more: Block | None = None
    change: Callable[[Block], Block] | None = None
    before: TurnedRows | None = None

    @classmethod
    def of(cls, rows: Rows, root: Array) -> TurnedRows:
        """The rows in columns that `root` (k, m) makes of theirs."""
        if not isinstance(rows, ArrayRows):
            return cls(rows=as_held(rows), root=root)
        whole = as_held(rows).block(slice(None))
        return cls(whole=whole._replace(design=turned(whole.design, root)))

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks that have a row: one of rows in memory."""
        root, change = self.root, self.change
        found: T | None = None

        def of_block(block: Block) -> T | None:
            if root is not None:
                block = block._replace(design=turned(block.design, root))
            block = block if change is None else change(block)
            return function(block) if len(block.sign) else None

        def of_both(one: T | None, two: T | None) -> T | None:
            return either(combine, one, two)

        if self.whole is not None:
            found = function(self.whole)
        elif self.rows is not None:
            found = self.rows.reduce(of_block, of_both)
        if self.more is not None:
            found = either(combine, found, function(self.more))
        if found is None:
            raise InputError("no rows are left")
        return found

    def changed(self, change: Callable[[Block], Block]) -> TurnedRows:
        """The same rows, each block changed: none longer, and others left out."""
        if self.whole is not None:
            return replace(self, whole=change(self.whole), before=self)
        first = self.change
        both = change if first is None else lambda block: change(first(block))
        return replace(self, change=both, before=self)

    def followed_by(self, more: Block) -> TurnedRows:
        """The rows, and some more in their columns, which no change is made of."""
        return replace(self, more=more, before=self)

    @found_once
    def longest(self) -> float:
        """Length of the longest row, or more."""

        def of_block(block: Block) -> float:
            return float(lengths(block.design, np.eye(block.design.shape[1])).max())

        if self.before is None:
            return self.reduce(of_block, max)
        beside = 0.0 if self.more is None else of_block(self.more)
        return max(self.before.longest, beside)


def pieces(n: int) -> Iterator[slice]:
    """Consecutive rows, so many at a time that they may be written out."""
    for start in range(0, n, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, n))
