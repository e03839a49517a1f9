r"""The inverse of an information matrix of which one factor is a diagonal.

With :math:`H = \begin{pmatrix} D & C \\ C' & S\end{pmatrix}`, :math:`G = D^{-1}C` and the Schur
complement :math:`\Sigma = S - C'G = U'U`,

.. math:: T = \begin{pmatrix} D^{-1/2} & -G U^{-1} \\ 0 & U^{-1} \end{pmatrix}, \qquad
          T'HT = I, \quad H^{-1} = TT' ,

and no matrix of L rows and columns is ever formed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk, dtrmm, dtrsm
from scipy.linalg.lapack import dpotrf

from flatprior.models.codes.basis import Basis
from flatprior.models.codes.sums import Information, Score
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.errors import InputError
from flatprior.models.designs.coded import LARGEST_DENSE
from flatprior.models.direction_bounds import SLACK

SMALL = 1000  # columns whose singular values are cheap beside a pass
AT_ONCE = 2**22  # numbers in contrasts that are multiplied together
BASE = 64  # columns of a triangle that is inverted by substitution


@dataclass(frozen=True, eq=False)
class Inverse:
    """The inverse of an information, factored.

    Attributes
    ----------
    basis : Basis
    levels : ndarray (L,)
        D.
    sizes : ndarray (q,)
        Roots of the diagonal of S: the lengths of the other columns.
    shares : ndarray (L, q)
        G: what each level's mean is of the other columns.
    inverse_root : ndarray (q, q)
        Inverse of U, upper triangular.
    """

    basis: Basis
    levels: Array
    sizes: Array
    shares: Array
    inverse_root: Array

    @classmethod
    def of(cls, basis: Basis, information: Information) -> Inverse | None:
        """Factor an information; None where it is not positive definite in double precision.

        Its arrays may be large: they are used up.
        """
        levels, shares, square = information.levels, information.cross, information.rest
        if not (np.isfinite(levels).all() and (levels > 0).all()):
            return None
        sizes = np.sqrt(np.maximum(square.diagonal(), 0.0))
        root = np.sqrt(levels)[:, None]
        shares /= root
        # a product with its own transpose is half the work, and of the sum half is used
        upper = square.T if square.flags.c_contiguous else square
        if len(levels) and len(square):
            upper = dsyrk(-1.0, shares, beta=1.0, c=upper, trans=1, lower=0, overwrite_c=1)
        shares /= root
        if not len(square):
            return cls(basis, levels, sizes, shares, square)
        scale = np.sqrt(np.maximum(upper.diagonal(), 0.0))
        if not ((scale > 0).all() and np.isfinite(scale).all() and np.isfinite(shares).all()):
            return None
        upper /= scale
        upper /= scale[:, None]
        upper, failed = dpotrf(upper, lower=0, clean=1, overwrite_a=1)
        if failed:
            return None
        inverse = inverted(upper)
        inverse /= scale[:, None]
        if not np.isfinite(inverse).all():
            return None
        return cls(basis, levels, sizes, shares, inverse)

    @property
    def least(self) -> float:
        """The smallest information that a level or another column has by itself."""
        return float(np.append(self.levels, np.square(self.sizes)).min(initial=np.inf))

    @cached_property
    def rounding(self) -> float:
        r"""How far the Schur complement, whitened, may be from the identity by rounding.

        With columns of unit length, of a Cholesky factor
        :math:`|A - U'U| \le (q + 1) u |U'||U|`, in which no entry of the product exceeds 1; and the
        inverse by substitution has :math:`|UX - I| \le c (q + 1) u |U||X|`, in which the columns of
        U have length 1. Twice as much is allowed for: BLAS divides by multiplying.
        """
        q, of = len(self.sizes), self.absolute
        by_factor = float(of.columns @ of.columns)
        by_inverse = math.sqrt(q) * float(np.linalg.norm(of.lengths * self.sizes))
        return SLACK * (q + 8) * UNIT * (2 * by_factor + 8 * by_inverse)

    def whitened(self, score: Score) -> tuple[Array, Array]:
        """``T'g``, (L,) and (q,)."""
        rest = score.rest - np.dot(score.main, self.shares)
        return score.main / np.sqrt(self.levels), np.dot(self.inverse_root.T, rest)

    def step(self, whitened: tuple[Array, Array]) -> tuple[Array, Array]:
        """The Newton step ``T T'g``, (L,) and (q,)."""
        theta = np.dot(self.inverse_root, whitened[1])
        alpha = whitened[0] / np.sqrt(self.levels) - np.dot(self.shares, theta)
        return alpha, theta

    def spread(self, in_row: int) -> float:
        r"""Whitened length of columns of the sizes that they have, at most.

        Of sums over rows of absolute values :math:`|r z_j|` the inequality of Cauchy and Schwarz
        says that they are at most :math:`\sqrt{S_{jj}}` times the length of :math:`r / \sqrt{D}`:
        for each column by itself, and for columns together of which a row has one: all indicators
        of a factor. Of the sparse columns a row has no more than `in_row`.
        """
        if not len(self.sizes):
            return 0.0
        together = len(self.basis.others) + len(self.basis.kept) + in_row
        columns, rows = self.absolute.columns, self.absolute.rows * self.sizes
        norm = math.sqrt(float(columns.max() * rows.max()))
        if len(columns) <= SMALL:
            norm = min(norm, self.norm)
        return min(float(np.linalg.norm(columns)), math.sqrt(together) * norm)

    @cached_property
    def norm(self) -> float:
        """The largest singular value of the inverse root, its rows times their sizes."""
        square = dsyrk(1.0, self.inverse_root * self.sizes[:, None], lower=1)
        q = len(square)
        largest = eigh(square, eigvals_only=True, lower=True, subset_by_index=[q - 1, q - 1])
        return math.sqrt(float(largest[0]))

    @cached_property
    def absolute(self) -> Absolute:
        """Sums over absolute values of the inverse root."""
        return Absolute.of(self.inverse_root, self.sizes)

    def lengthened(self, values: Array) -> Array:
        """Absolute `values` (q,) times the absolute inverse root, (q,)."""
        found = np.empty(len(values))
        for some, block in _by_columns(self.inverse_root):
            found[some] = values[: len(block)] @ block
        return found

    @cached_property
    def standard_errors(self) -> Array:
        """Of the user's coefficients, (k,)."""
        basis, root = self.basis, self.inverse_root
        errors = np.empty(basis.design.shape[1])
        errors[basis.columns] = self.absolute.lengths
        centre = np.zeros(len(root))
        centre[: len(basis.kept)] = basis.centre[basis.kept]
        own, levels, reference = basis.levels.columns, self.levels, basis.reference
        there = own >= 0
        if reference is None or basis.constant is None:
            along = _by_triangle(self.shares + centre, root)
            errors[own] = np.sqrt(1 / levels + np.square(along).sum(axis=1))
            return errors
        along = _by_triangle(self.shares - self.shares[reference], root)
        variance = 1 / levels + 1 / levels[reference] + np.square(along).sum(axis=1)
        errors[own[there]] = np.sqrt(variance[there])
        along = (self.shares[reference] + centre) @ root
        constant = np.sqrt(1 / levels[reference] + along @ along)
        errors[basis.design.places[basis.constant]] = constant
        if basis.contrasted:
            of_sums = [factor.columns[:-1] for factor in basis.contrasted]
            own = np.concatenate([[basis.design.places[basis.constant]], *of_sums])
            errors[own] = self._by_contrasts(own)
        return errors

    @cached_property
    def rounding_of_errors(self) -> float:
        r"""Relative error that rounding may leave in standard errors, beside that of the factor.

        Each is a length. Those of the other columns are sums of squares of numbers that are there;
        those of levels and of the constant have products of the means G, and of the centre, with
        :math:`U^{-1}`, of which the terms may be larger than the sum.
        """
        basis, errors = self.basis, self.standard_errors
        centre, sizes = np.zeros(len(self.sizes)), np.zeros(len(self.sizes))
        centre[: len(basis.kept)] = np.abs(basis.centre[basis.kept])
        if len(self.shares):
            sizes = 2 * np.abs(self.shares).max(axis=0)
        own = basis.levels.columns
        levels = [own[own >= 0], *(factor.columns[:-1] for factor in basis.contrasted)]
        if basis.contrasted:
            sizes += 2.0
        if basis.reference is None or basis.constant is None or basis.contrasted:
            sizes += centre
        least = errors[np.concatenate(levels)].min(initial=np.inf)
        largest = np.linalg.norm(self.lengthened(sizes)) / least
        if basis.constant is not None:
            size = np.linalg.norm(self.lengthened(sizes + centre))
            largest = max(largest, size / errors[basis.design.places[basis.constant]])
        return SLACK * (len(self.levels) + len(sizes) + 8) * UNIT * (1 + float(largest))

    def _by_contrasts(self, columns: NDArray[np.intp]) -> Array:
        """Standard errors of some of the user's coefficients, whatever these are of ours."""
        k = len(self.levels) + len(self.sizes)
        found, step = np.empty(len(columns)), max(1, AT_ONCE // k)
        for start in range(0, len(columns), step):
            some = np.zeros((len(columns[start : start + step]), k))
            some[np.arange(len(some)), columns[start : start + step]] = 1.0
            alpha, theta = self.basis.contrasts(some)
            rest = (theta - np.dot(alpha, self.shares)) @ self.inverse_root
            squares = np.square(alpha) @ (1 / self.levels) + np.square(rest).sum(axis=1)
            found[start : start + step] = np.sqrt(squares)
        return found

    @property
    def shape(self) -> tuple[int, int]:
        """Of the covariance, (k, k)."""
        k = self.basis.design.shape[1]
        return k, k

    def diagonal(self) -> Array:
        """Variances of the user's coefficients, (k,)."""
        return np.square(self.standard_errors)

    @cached_property
    def matrix(self) -> Array:
        """The covariance of the user's coefficients, (k, k).

        Raises
        ------
        ValueError
            If it is too large to be formed.
        """
        k, _ = self.shape
        if k * k > LARGEST_DENSE:
            raise InputError(
                f"the covariance of {k} coefficients has {8 * k * k / 1e9:.0f} GB, too many to be "
                "formed; standard errors, and tests of some of them, do without"
            )
        formed, step = np.empty((k, k)), max(1, AT_ONCE // k)
        for start in range(0, k, step):
            some = np.zeros((min(step, k - start), k))
            some[np.arange(len(some)), start + np.arange(len(some))] = 1.0
            formed[start : start + step] = self.times(some)
        return (formed + formed.T) / 2

    def times(self, matrix: Array) -> Array:
        """``C H^-1`` of contrasts of the user's coefficients, the rows C of a matrix (m, k)."""
        basis, levels = self.basis, self.levels
        alpha, theta = basis.contrasts(matrix)
        rest = (theta - np.dot(alpha, self.shares)) @ self.inverse_root @ self.inverse_root.T
        return basis.betas(alpha / levels - np.dot(rest, self.shares.T), rest)

    @property
    def root(self) -> Array:
        """T (k, k), which makes the information of the user's columns the identity."""
        basis, q = self.basis, len(self.inverse_root)
        scale = np.diag(1 / np.sqrt(self.levels))
        of_levels = basis.betas(scale, np.zeros((len(scale), q)))
        of_rest = basis.betas(-np.dot(self.shares, self.inverse_root).T, self.inverse_root.T)
        return np.vstack([of_levels, of_rest]).T

    def without_rows(self) -> Inverse:
        """The same, without the data."""
        found = replace(self, basis=replace(self.basis, design=self.basis.design[:0]))
        vars(found)["standard_errors"] = self.standard_errors  # which cost as much as a pass
        return found


@dataclass(frozen=True, eq=False)
class Absolute:
    """Sums over the absolute values of an upper triangular matrix (q, q).

    Attributes
    ----------
    columns : ndarray (q,)
        Of each column, times the sizes of the rows.
    rows, lengths : ndarray (q,)
        Sum and Euclidean length of each row.
    """

    columns: Array
    rows: Array
    lengths: Array

    @classmethod
    def of(cls, matrix: Array, sizes: Array) -> Absolute:
        """Those of a matrix whose rows have these sizes (q,)."""
        columns, rows, squares = (np.zeros(len(matrix)) for _ in range(3))
        for some, block in _by_columns(matrix):
            columns[some] = sizes[: len(block)] @ block
            rows[: len(block)] += block.sum(axis=1)
            with np.errstate(over="ignore", under="ignore"):
                squares[: len(block)] += np.square(block, out=block).sum(axis=1)
        return cls(columns, rows, np.sqrt(squares))


def _by_triangle(matrix: Array, upper: Array) -> Array:
    """The product of a matrix (L, q), used up, and an upper triangular one (q, q)."""
    if not matrix.size:
        return matrix
    return np.asarray(dtrmm(1.0, upper, matrix.T, trans_a=1, overwrite_b=1)).T


def _by_columns(matrix: Array) -> Iterator[tuple[slice, Array]]:
    """Absolute values of an upper triangular matrix, some columns at a time, without its zeros."""
    q = len(matrix)
    step = max(1, AT_ONCE // max(q, 1))
    for first in range(0, q, step):
        last = min(first + step, q)
        yield slice(first, last), np.abs(matrix[:last, first:last])


def inverted(upper: Array) -> Array:
    """The inverse of an upper triangular matrix (q, q), in its place.

    Half by half, each block by substitution, so that ``U X - I`` is small column by column.
    """

    def invert(first: int, last: int) -> None:
        size = last - first
        own = slice(first, last)
        if size <= BASE:
            upper[own, own] = dtrsm(1.0, upper[own, own], np.eye(size))
            return
        half = slice(first, first + size // 2)
        rest = slice(half.stop, last)
        invert(rest.start, last)
        beside = dtrmm(-1.0, upper[rest, rest], upper[half, rest], side=1)
        upper[half, rest] = dtrsm(1.0, upper[half, half], beside, overwrite_b=1)
        invert(first, half.stop)

    if len(upper):
        invert(0, len(upper))
    return upper
