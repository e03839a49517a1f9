"""Designs in columns of unit size, ``X T``: of factors held as codes they are never written out.

What changed problems need of their columns are products with vectors, cross products and the
lengths of rows. Of codes each is a sum over levels, turned afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flatprior.models.codes.basis import centre_of, ones_of
from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Structured

ROWS_AT_ONCE = 2**13  # that are written out


@dataclass(frozen=True, eq=False)
class Turned:
    """``X T`` and some rows after it, without these columns.

    Attributes
    ----------
    held : Structured
        X (n, k).
    root : ndarray (k, m)
        T.
    more : ndarray (r, m)
        Rows that follow, in the columns of ``X T``.
    """

    held: Structured
    root: Array
    more: Array

    # an array that stands before ``@`` leaves the product to `__rmatmul__`
    __array_priority__ = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, (n + r, m)."""
        return self.held.shape[0] + len(self.more), self.root.shape[1]

    def __getitem__(self, rows: Any) -> Turned:
        """Some of the rows, where none follow."""
        assert not len(self.more)  # noqa: S101
        return replace(self, held=self.held[rows])

    def __matmul__(self, vector: Array) -> Array:
        """Products with a vector (m,) or with columns (m, d)."""
        found = self.held @ (self.root @ vector)
        return np.concatenate([found, self.more @ vector]) if len(self.more) else found

    def __rmatmul__(self, values: Array) -> Array:
        """``values @ X T``, (m,), of values (n + r,)."""
        n = self.held.shape[0]
        found = np.asarray((values[:n] @ self.held) @ self.root)
        return found + values[n:] @ self.more

    def cross_products(self, weights: Array) -> Array:
        """``T'X' D X T`` with weights (n + r,), (m, m)."""
        n = self.held.shape[0]
        found: Array = self.root.T @ self.held.cross_products(weights[:n]) @ self.root
        return found + (self.more.T * weights[n:]) @ self.more

    def lengths(self, white: Array) -> Array:
        """Of rows in columns that are turned once more, by a matrix (m, l), (n + r,)."""
        both = self.root @ white
        found = np.sqrt(np.maximum(self.held.quadratic(both @ both.T), 0.0))
        return np.concatenate([found, np.linalg.norm(self.more @ white, axis=1)])


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
    return Turned(design, root, np.zeros((0, root.shape[1])))


def followed_by(design: Design, rows: Array) -> Design:
    """The design and some more rows (r, m), in its columns."""
    if isinstance(design, Turned):
        return replace(design, more=np.concatenate([design.more, rows]))
    return np.vstack([design, rows])


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


def pieces(n: int) -> Iterator[slice]:
    """Consecutive rows, so many at a time that they may be written out."""
    for start in range(0, n, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, n))
