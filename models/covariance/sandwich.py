r"""Sandwich covariances :math:`VMV`, V the inverse information; the largest factor is a diagonal.

The meat M is a sum over units (observations or clusters) of outer products of their scores. In the
coordinates that T whitens, :math:`TT' = V`, it is

.. math:: T'MT = \begin{pmatrix} A & B \\ B' & S \end{pmatrix}

with A (L, L) of the levels: a diagonal of single observations, a product of sparse matrices of
clusters. Variances of all coefficients, and covariances of some contrasts, take A no further than
that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from flatprior.models.codes.inverse import AT_ONCE
from flatprior.models.codes.sums import by_level, indicators
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.roots import Factored, require_room
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import ArrayRows, Block, added


class Meat(Protocol):
    """T'MT, in parts."""

    @property
    def levels(self) -> Array:
        """The diagonal of A, (L,)."""

    @property
    def cross(self) -> Array:
        """B, (L, q)."""

    @property
    def rest(self) -> Array:
        """S, (q, q)."""

    def row(self, level: int) -> Array:
        """A row of A, (L,)."""

    def rooted(self, alpha: Array, theta: Array) -> Array:
        """R (m, r) with RR' what is between rows (m, L) and (m, q) and themselves."""

    def times(self, alpha: Array, theta: Array) -> tuple[Array, Array]:
        """Rows (m, L) and (m, q), times T'MT."""


@dataclass(frozen=True, eq=False)
class OfRows:
    """The meat of single observations; they add."""

    levels: Array
    cross: Array
    rest: Array

    def __add__(self, other: OfRows) -> OfRows:
        return added(self, other)

    def row(self, level: int) -> Array:
        """A row of A, (L,)."""
        found = np.zeros(len(self.levels))
        found[level] = self.levels[level]
        return found

    def times(self, alpha: Array, theta: Array) -> tuple[Array, Array]:
        """Rows (m, L) and (m, q), times T'MT."""
        return alpha * self.levels + theta @ self.cross.T, alpha @ self.cross + theta @ self.rest

    def rooted(self, alpha: Array, theta: Array) -> Array:
        """R (m, m) with RR' what is between rows (m, L) and (m, q) and themselves."""
        one, two = self.times(alpha, theta)
        square = one @ alpha.T + two @ theta.T
        scale = np.sqrt(np.maximum(square.diagonal(), 0.0))
        safe = np.where(scale > 0, scale, 1.0)
        values, vectors = np.linalg.eigh((square + square.T) / 2 / np.outer(safe, safe))
        return np.asarray(scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0)))


@dataclass(frozen=True, eq=False)
class OfClusters:
    """The meat of clusters, from their scores: of levels (G, L), sparse, and of the rest (G, q)."""

    scores: Any
    others: Array

    @cached_property
    def levels(self) -> Array:
        """The diagonal of A, (L,)."""
        return np.asarray(self.scores.multiply(self.scores).sum(axis=0)).ravel()

    @cached_property
    def cross(self) -> Array:
        """B (L, q)."""
        return np.asarray(self.scores.T @ self.others)

    @cached_property
    def rest(self) -> Array:
        """S (q, q)."""
        return self.others.T @ self.others

    def row(self, level: int) -> Array:
        """A row of A, (L,)."""
        own = self.scores[:, [level]].toarray()[:, 0]
        return np.asarray(self.scores.T @ own)

    def times(self, alpha: Array, theta: Array) -> tuple[Array, Array]:
        """Rows (m, L) and (m, q), times T'MT."""
        by_cluster = self.rooted(alpha, theta)
        return np.asarray((self.scores.T @ by_cluster.T).T), by_cluster @ self.others

    def rooted(self, alpha: Array, theta: Array) -> Array:
        """R (m, G) with RR' what is between rows (m, L) and (m, q) and themselves."""
        return np.asarray((self.scores @ alpha.T).T + theta @ self.others.T)


@dataclass(frozen=True, eq=False)
class Sandwich:
    """A covariance ``factor V M V``, which answers as a `flatprior.models.covariance.roots.Root`.

    Attributes
    ----------
    bread : Factored
    meat : Meat
    factor : float
    """

    bread: Factored
    meat: Meat
    factor: float

    @cached_property
    def standard_errors(self) -> Array:
        """Of the coefficients, (k,)."""
        inverse, meat = self.bread.inverse, self.meat
        basis, root = inverse.basis, np.sqrt(inverse.levels)
        beside = self.bread.beside
        variance = np.concatenate(
            [
                np.einsum("ij,ij->i", some @ meat.rest, some)
                for some in np.array_split(beside, 1 + beside.size // AT_ONCE)
            ]
        )
        own, reference = basis.levels.columns, basis.reference
        there = own >= 0
        levels, cross = meat.levels / np.square(root), meat.cross / root[:, None]
        if reference is None or basis.constant is None:
            variance[own] += levels + 2 * np.einsum("ij,ij->i", cross, beside[own])
        else:
            covariances = meat.row(reference) / root / root[reference]
            moved = cross - cross[reference]
            found = levels + levels[reference] - 2 * covariances
            found = found[there] + 2 * np.einsum("ij,ij->i", moved[there], beside[own[there]])
            variance[own[there]] += found
            constant = basis.design.places[basis.constant]
            variance[constant] += levels[reference] + 2 * float(cross[reference] @ beside[constant])
        return np.asarray(np.sqrt(self.factor * np.maximum(variance, 0.0)))

    @cached_property
    def matrix(self) -> Array:
        """A root L (k, r) of the covariance, written out."""
        k = len(self.standard_errors)
        require_room(k)
        return self.rooted(np.eye(k))

    def diagonal(self) -> Array:
        """Variances, (k,)."""
        return np.square(self.standard_errors)

    def lengths(self, design: Array | Structured) -> Array:
        """Standard errors of the linear predictors of rows (m, k), (m,)."""
        levels, meat = self.bread.inverse.levels, self.meat
        step, found = max(1, AT_ONCE // max(len(meat.rest), 1)), []
        for start in range(0, design.shape[0], step):
            some: Any = design[start : start + step]
            if isinstance(some, Structured):
                codes, rest = self.bread.white(some)
                root = np.sqrt(levels[codes])
                square = meat.levels[codes] / levels[codes]
                square += 2 * np.einsum("ij,ij->i", meat.cross[codes], rest) / root
                square += np.einsum("ij,ij->i", rest @ meat.rest, rest)
                found.append(np.sqrt(self.factor * np.maximum(square, 0.0)))
            else:
                found.append(np.linalg.norm(self.rooted(some), axis=1))
        return np.concatenate(found) if found else np.zeros(0)

    def rooted(self, matrix: Array) -> Array:
        """R (m, r) with RR' the covariance of contrasts C (m, k)."""
        return math.sqrt(self.factor) * self.meat.rooted(*self.bread.of_contrasts(matrix))

    def times(self, matrix: Array) -> Array:
        """Contrasts C (m, k), times the covariance, (m, k)."""
        found = np.hstack(self.meat.times(*self.bread.of_contrasts(matrix)))
        return self.factor * self.bread.placed(found)

    def placed(self, vectors: Array) -> Array:
        """``L z`` of vectors (..., r)."""
        return vectors @ self.matrix.T

    def unplaced(self, vectors: Array) -> Array:
        """The vectors z (..., r) of which `placed` makes these, the shortest."""
        flat = vectors.reshape(-1, vectors.shape[-1])
        solved = np.linalg.lstsq(self.matrix, flat.T, rcond=None)[0].T
        return np.asarray(solved.reshape(*vectors.shape[:-1], -1))

    @cached_property
    def covariance(self) -> Array:
        """The covariance (k, k).

        Raises
        ------
        ValueError
            If it is too large to be formed.
        """
        k = len(self.standard_errors)
        require_room(k)
        formed, step = np.empty((k, k)), max(1, AT_ONCE // k)
        for start in range(0, k, step):
            formed[start : start + step] = self.times(np.eye(min(step, k - start), k, start))
        return (formed + formed.T) / 2


@dataclass(frozen=True)
class Formed:
    """The covariance of a sandwich, formed when it is asked for as `matrix`."""

    sandwich: Sandwich

    @property
    def matrix(self) -> Array:
        """The covariance (k, k)."""
        return self.sandwich.covariance


def meat_of_block(block: Block, bread: Factored, squares: Array) -> OfRows:
    """The meat of a block as it is held, of observations with these squared residuals (m,)."""
    root = np.sqrt(bread.inverse.levels)
    codes, rest = bread.white(block.design)  # type: ignore[arg-type]
    return OfRows(
        by_level(codes, squares, len(root)) / np.square(root),
        indicators(codes, len(root)) @ (squares[:, None] * rest) / root[:, None],
        rest.T @ (squares[:, None] * rest),
    )


def meat_of_clusters(
    rows: ArrayRows, bread: Factored, residual: Array, groups: NDArray[Any], n_groups: int
) -> OfClusters:
    """The meat of clusters, of rows with weighted residuals (n,) in these groups (n,)."""
    root = np.sqrt(bread.inverse.levels)
    codes = bread.codes_of(rows.design)
    scores = sparse.coo_array((residual / root[codes], (groups, codes)), (n_groups, len(root)))
    others = np.zeros((n_groups, len(bread.inverse.inverse_root)))
    step = max(1, AT_ONCE // max(others.shape[1], 1))
    for start in range(0, len(codes), step):
        part = slice(start, start + step)
        rest = residual[part, None] * bread.white(rows.design[part])[1]
        found, place = np.unique(groups[part], return_inverse=True)
        others[found] += indicators(place.ravel().astype(np.int32), len(found)) @ rest
    return OfClusters(scores.tocsr(), others)
