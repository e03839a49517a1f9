"""Log-likelihood, score and information in the coordinates of a `Basis`.

Every sum over the indicators of a factor is a product with its matrix of ones, which SciPy forms
for all columns of numbers at a time, row after row. Cross tables of two factors are counted in one
go over all rows, because they may be larger than a block is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from flatprior.models.codes.basis import Basis
from flatprior.models.common.arrays import Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.designs.coded import Codes, Factor, Structured
from flatprior.models.likelihood import margin_parts
from flatprior.models.rows import PARALLEL, PIECE_ROWS, ArrayRows, Rows, added

T = TypeVar("T")
BLOCK = 2**15  # rows of a block
BLOCK_OF_LEVELS = 2  # rows a level, at least: the sums of a block cost as many numbers as levels


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


def indicators(codes: Codes, n_levels: int) -> sparse.csc_array:
    """The transposed indicators (L, m) of some rows: with it, sums by level are products."""
    m = len(codes)
    ones = np.ones(m)
    return sparse.csc_array((ones, codes, np.arange(m + 1, dtype=np.int32)), shape=(n_levels, m))


@dataclass(frozen=True, eq=False)
class Sums:
    """The rows of a model, ready for sums in the coordinates of a basis."""

    rows: ArrayRows
    basis: Basis

    @cached_property
    def numbers(self) -> Array:
        """The columns of numbers in theta, centred, (n, d)."""
        kept = self.basis.kept
        return self.basis.design.numbers[:, kept] - self.basis.centre[kept]

    @cached_property
    def extent(self) -> Array:
        """Largest absolute value of each of these, (d,)."""
        numbers = self.numbers
        largest, least = numbers.max(axis=0, initial=0.0), numbers.min(axis=0, initial=0.0)
        extent: Array = np.maximum(largest, -least)
        return extent

    @cached_property
    def starts(self) -> range:
        """First rows of the blocks."""
        return range(0, self.rows.n_rows, self.block_rows)

    @property
    def block_rows(self) -> int:
        """Rows of a block."""
        return max(BLOCK, BLOCK_OF_LEVELS * self.basis.n_levels)

    @cached_property
    def longest_sum(self) -> int:
        """Additions that a term of the score goes through, at most: in a piece or level, of all."""
        most = max(int(np.bincount(f.codes).max()) for f in self.basis.design.factors)
        size = min(self.rows.n_rows, self.block_rows)
        numbers = min(size, PIECE_ROWS) + -(-size // PIECE_ROWS)
        return max(min(most, size), numbers) + len(self.starts)

    @cached_property
    def theta_of_levels(self) -> tuple[slice, ...]:
        """Where the coefficients of each other factor stand in theta."""
        at, found = self.numbers.shape[1], []
        for factor in self.basis.others:
            size = int((factor.columns >= 0).sum())
            found.append(slice(at, at + size))
            at += size
        return tuple(found)

    def predictor(self, alpha: Array, theta: Array, part: slice = slice(None)) -> Array:
        """Linear predictor of some rows."""
        eta: Array = self.numbers[part] @ theta[: self.numbers.shape[1]]
        eta += alpha[self.basis.levels.codes[part]]
        for factor, place in zip(self.basis.others, self.theta_of_levels, strict=True):
            eta += _with_reference(factor, theta[place])[factor.codes[part]]
        if self.rows.offset is not None:
            eta += self.rows.offset[part]
        return eta

    def at(self, alpha: Array, theta: Array, curved: bool) -> tuple[Score, Array | None]:
        """Score, and where asked for the curvature of each row (n,)."""
        curvature = np.empty(self.rows.n_rows) if curved else None

        def of_block(start: int) -> Score:
            part = slice(start, start + self.block_rows)
            sign = 2.0 * self.rows.response[part] - 1.0
            weights = None if self.rows.weights is None else self.rows.weights[part]
            margin = sign * self.predictor(alpha, theta, part)
            tail, wrong, total = margin_parts(margin)
            log_likelihood = np.minimum(margin, 0.0) - np.log1p(tail)
            with np.errstate(divide="ignore", over="ignore"):
                odds = np.where(margin >= 0.0, tail, 1.0 / tail)
            if curvature is not None:
                curvature[part] = tail / np.square(total)
            if weights is not None:
                log_likelihood, wrong, odds = (
                    log_likelihood * weights,
                    wrong * weights,
                    odds * weights,
                )
                if curvature is not None:
                    curvature[part] *= weights
            slope = float(wrong.sum())
            residual = sign * wrong
            rest = [np.zeros(self.numbers.shape[1])]
            for first in range(0, len(residual), PIECE_ROWS):
                piece = slice(first, first + PIECE_ROWS)
                rest[0] += np.dot(residual[piece], self.numbers[part][piece])
            for factor in self.basis.others:
                found = by_level(factor.codes[part], residual, factor.n_levels)
                rest.append(found[factor.columns >= 0])
            levels = self.basis.levels
            return Score(
                float(log_likelihood.sum()),
                float(odds.sum()),
                slope,
                by_level(levels.codes[part], residual, levels.n_levels),
                np.concatenate(rest),
            )

        return self._over_blocks(of_block), curvature

    def log_likelihood(self, beta: Array) -> float:
        """Log-likelihood at the user's coefficients (k,)."""
        with np.errstate(all="ignore"):
            return self.at(*self.basis.coordinates(beta), curved=False)[0].log_likelihood

    def information(self, curvature: Array) -> Information:
        """The information where rows have that curvature (n,)."""
        basis, d = self.basis, self.numbers.shape[1]
        every = (basis.levels, *basis.others)

        def of_block(start: int) -> list[Array]:
            part = slice(start, start + self.block_rows)
            weights = curvature[part]
            table = np.empty((len(weights), d + 1))
            table[:, 0] = weights
            np.multiply(self.numbers[part], weights[:, None], out=table[:, 1:])
            return [
                self.numbers[part].T @ table[:, 1:],
                *(indicators(f.codes[part], f.n_levels) @ table for f in every),
            ]

        square, main, *tables = self._over_blocks(of_block, _each_added)
        q = len(basis.columns)
        cross, rest = np.empty((basis.n_levels, q)), np.zeros((q, q))
        rest[:d, :d] = (square + square.T) / 2
        cross[:, :d] = main[:, 1:]
        pairs: list[tuple[Factor, Factor, slice | None, slice]] = []
        for i, (factor, place, table) in enumerate(
            zip(basis.others, self.theta_of_levels, tables, strict=True)
        ):
            there = factor.columns >= 0
            rest[place, place] = np.diag(table[there, 0])
            rest[:d, place] = table[there, 1:].T
            rest[place, :d] = table[there, 1:]
            pairs.append((basis.levels, factor, None, place))
            pairs += [(basis.others[j], factor, self.theta_of_levels[j], place) for j in range(i)]

        def counted(pair: tuple[Factor, Factor, slice | None, slice]) -> None:
            one, two, first, second = pair
            table = cross_table(one, two, curvature)[:, two.columns >= 0]
            if first is None:
                cross[:, second] = table
            else:
                rest[first, second] = table[one.columns >= 0]
                rest[second, first] = rest[first, second].T

        list(parallel_map(counted, pairs) if self.large else map(counted, pairs))
        return Information(main[:, 0], cross, rest)

    @property
    def large(self) -> bool:
        """Whether threads pay."""
        return self.basis.design.held >= PARALLEL // 4

    def _over_blocks(
        self, function: Callable[[int], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        answers = parallel_map(function, self.starts) if self.large else map(function, self.starts)
        return reduce(combine, answers)


def sums_of(rows: Rows) -> Sums | None:
    """Those of rows whose factors are codes, if one of these can be a diagonal; made once."""
    if not (isinstance(rows, ArrayRows) and isinstance(rows.design, Structured)):
        return None
    kept = vars(rows)
    if "_sums" not in kept:
        basis = Basis.of(rows.design)
        kept["_sums"] = None if basis is None else Sums(rows, basis)
    found: Sums | None = kept["_sums"]
    return found


def by_level(codes: NDArray[Any], values: Array, n_levels: int) -> Array:
    """Sums of `values` (m,) by level, (L,)."""
    found: Any = np.bincount(codes, values, n_levels)
    return np.asarray(found, dtype=float)


def cross_table(one: Factor, two: Factor, values: Array) -> Array:
    """Sums of `values` (n,) in each cell of two factors, (L1, L2)."""
    cells = one.n_levels * two.n_levels
    place = one.codes.astype(np.intp) * two.n_levels + two.codes
    return by_level(place, values, cells).reshape(one.n_levels, two.n_levels)


def _with_reference(factor: Factor, theta: Array) -> Array:
    """A coefficient for each level: 0 for the reference."""
    found = np.zeros(factor.n_levels)
    found[factor.columns >= 0] = theta
    return found


def _each_added(first: list[Array], second: list[Array]) -> list[Array]:
    return [one + two for one, two in zip(first, second, strict=True)]
