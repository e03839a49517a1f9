r"""Roots of the inverse information: T with :math:`TT' = V`, which need not be written out.

Standard errors of linear predictors are lengths of rows in the columns that T whitens, variances of
contrasts follow from their products with it, and a normal vector with covariance V is T times a
standard one. Where the largest factor is a diagonal (`flatprior.models.codes.inverse`) none of that
takes a matrix of all coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import rq, solve, solve_triangular

from flatprior.models.batches.kept import kept
from flatprior.models.codes.inverse import AT_ONCE, Inverse
from flatprior.models.codes.newton import inverse_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.codes.sums import by_level, indicators
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.covariance.whitening import DEPENDENT, whitening, whitenings
from flatprior.models.designs.coded import LARGEST_DENSE, Structured
from flatprior.models.likelihood import scores
from flatprior.models.rows import Rows, as_held

MOST_UPPER = 1000  # coefficients
NOTHING = 1e-6  # of the standard error of a model: a robust one so small is of rounding


class Root(Protocol):
    """A root T (k, k) of a covariance V."""

    @property
    def standard_errors(self) -> Array:
        """Of the coefficients, (k,)."""

    @property
    def matrix(self) -> Array:
        """T, written out, (k, r)."""

    def lengths(self, design: Array | Structured) -> Array:
        """Standard errors of the linear predictors of rows (m, k), (m,)."""

    def rooted(self, matrix: Array) -> Array:
        """``C T`` of contrasts C (m, k), but for an orthogonal matrix behind it: (m, r)."""

    def times(self, matrix: Array) -> Array:
        """``C V`` of contrasts C (m, k), (m, k)."""

    def placed(self, vectors: Array) -> Array:
        """``T z`` of vectors (..., k)."""

    def unplaced(self, vectors: Array) -> Array:
        """The vectors z (..., k) of which `placed` makes these."""


@dataclass(frozen=True, eq=False)
class Written:
    """A root that is written out, (k, r)."""

    matrix: Array

    @property
    def standard_errors(self) -> Array:
        """Of the coefficients, (k,)."""
        return np.asarray(np.linalg.norm(self.matrix, axis=1))

    def lengths(self, design: Array | Structured) -> Array:
        """Standard errors of the linear predictors of rows (m, k), (m,)."""
        parts = [np.linalg.norm(some @ self.matrix, axis=1) for some in _pieces(design)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def rooted(self, matrix: Array) -> Array:
        """``C T`` of contrasts C (m, k), (m, r)."""
        return matrix @ self.matrix

    def times(self, matrix: Array) -> Array:
        """``C V`` of contrasts C (m, k), (m, k)."""
        return (matrix @ self.matrix) @ self.matrix.T

    def placed(self, vectors: Array) -> Array:
        """``T z`` of vectors (..., k)."""
        return vectors @ self.matrix.T

    def unplaced(self, vectors: Array) -> Array:
        """The vectors z (..., k) of which `placed` makes these."""
        solved = np.linalg.solve(self.matrix, vectors[..., None])
        return np.asarray(solved[..., 0], dtype=float)


@dataclass(frozen=True, eq=False)
class Factored:
    """The root of an inverse in which the largest factor is a diagonal.

    The first L entries of z belong to its levels, the other q to the other columns.
    """

    inverse: Inverse

    @property
    def standard_errors(self) -> Array:
        """Of the coefficients, (k,)."""
        return self.inverse.standard_errors

    @cached_property
    def matrix(self) -> Array:
        """T, written out, (k, k).

        Raises
        ------
        ValueError
            If it is too large for that.
        """
        require_room(len(self.standard_errors))
        return self.inverse.root

    @cached_property
    def beside(self) -> Array:
        """What whitens the other columns, less the means of the levels, (k, q)."""
        inverse = self.inverse
        alpha, theta = -np.dot(inverse.shares, inverse.inverse_root).T, inverse.inverse_root.T
        return inverse.basis.betas(alpha, theta).T

    def white(self, design: Structured) -> tuple[NDArray[Any], Array]:
        """The level (m,) of each row, and its other whitened columns (m, q)."""
        return self.codes_of(design), design.predictor(self.beside)

    def summed(self, design: Structured, values: Array, of: Callable[[Array], Array]) -> Array:
        """``sum_i v_i x_ij f(x_i'V e_j)`` over rows with values (m,), for each column j, (k,)."""
        basis, levels = self.inverse.basis, self.inverse.levels
        total = np.zeros(design.shape[1])
        codes, rest = self.white(design)
        # the column of ones is that of the reference level, or itself the only level
        if basis.reference is None or basis.constant is None:
            constant, level = int(basis.levels.columns[0]), 0
        else:
            constant, level = int(basis.design.places[basis.constant]), basis.reference
        for j, column in enumerate(design.places):
            along = rest @ self.beside[column]
            if column == constant:
                along = along + (codes == level) / levels[codes]
            total[column] = (values * design.numbers[:, j]) @ of(along)
        for factor in design.factors:
            rows = np.flatnonzero(factor.columns[factor.codes] >= 0)
            columns = factor.columns[factor.codes[rows]]
            along = np.einsum("ij,ij->i", rest[rows], self.beside[columns])
            if np.array_equal(factor.columns, basis.levels.columns):
                along += 1 / levels[codes[rows]]
            total += by_level(columns, values[rows] * of(along), len(total))
        if design.sparse is not None:
            rows = np.repeat(np.arange(len(codes)), np.diff(design.sparse.indptr))
            columns, entries = design.sparse_places[design.sparse.indices], design.sparse.data
            n_parts = 1 + len(rows) * rest.shape[1] // AT_ONCE
            for part in np.array_split(np.arange(len(rows)), n_parts):
                along = np.einsum("ij,ij->i", rest[rows[part]], self.beside[columns[part]])
                found = values[rows[part]] * entries[part] * of(along)
                total += by_level(columns[part], found, len(total))
        return total

    def codes_of(self, design: Structured) -> NDArray[Any]:
        """The level of the largest factor in each row of a design of the same columns, (m,)."""
        own = self.inverse.basis.levels.columns
        for factor in design.factors:
            if np.array_equal(factor.columns, own):
                return factor.codes
        return np.zeros(design.shape[0], dtype=np.int32)  # the constant is its only level

    def lengths(self, design: Array | Structured) -> Array:
        """Standard errors of the linear predictors of rows (m, k), (m,)."""
        levels, found = self.inverse.levels, []
        for some in _pieces(design, len(self.inverse.inverse_root)):
            if isinstance(some, Structured):
                codes, rest = self.white(some)
                own = 1 / levels[codes]
            else:
                own = np.square(self.inverse.basis.contrasts(some)[0]) @ (1 / levels)
                rest = some @ self.beside
            found.append(np.sqrt(own + np.square(rest).sum(axis=1)))
        return np.concatenate(found) if found else np.zeros(0)

    def rooted(self, matrix: Array) -> Array:
        """``C T`` of contrasts C (m, k), (m, r)."""
        alpha, theta = self.of_contrasts(matrix)
        return np.hstack([alpha, theta])

    def of_contrasts(self, matrix: Array) -> tuple[Array, Array]:
        """``C T`` of contrasts C (m, k): what is of the levels (m, L), and the rest (m, q)."""
        inverse = self.inverse
        alpha, theta = inverse.basis.contrasts(matrix)
        rest = (theta - np.dot(alpha, inverse.shares)) @ inverse.inverse_root
        return alpha / np.sqrt(inverse.levels), rest

    def times(self, matrix: Array) -> Array:
        """``C V`` of contrasts C (m, k), (m, k)."""
        return self.inverse.times(matrix)

    def distance(self, held: NDArray[np.intp], difference: Array) -> float | None:
        """Squared distance to where coefficients `held` (m,) have changed by `difference` (m,).

        In standard errors; as many coefficients as there are take no matrix of m rows. None where
        those held are not the coordinates of the inverse, or differences of two of them.
        """
        inverse, basis = self.inverse, self.inverse.basis
        levels, shares, own = inverse.levels, inverse.shares, basis.levels.columns
        change = np.zeros(len(self.standard_errors))
        change[held] = difference
        still = np.zeros(len(change), dtype=bool)
        still[held] = True
        kept = np.flatnonzero((own >= 0) & still[own])
        if basis.reference is None or basis.constant is None:
            if len(kept):
                return None
        elif still[basis.design.places[basis.constant]]:
            return None
        # levels that keep their distance from the reference level move with it, as one level
        group = np.arange(len(own), dtype=np.int32)
        group[kept] = basis.reference or 0
        group = np.unique(group, return_inverse=True)[1].ravel().astype(np.int32)
        free = np.flatnonzero(~still[basis.columns])
        alpha, theta = basis.levels.of_levels(change), change[basis.columns]
        upper = solve_triangular(inverse.inverse_root, np.eye(len(theta)))
        # the residual of ours, from the means of levels, and of these
        means = alpha + np.dot(shares, theta)
        joined = indicators(group, int(group.max()) + 1)
        sizes = joined @ levels
        cross = joined @ (levels[:, None] * shares[:, free])
        pull = joined @ (levels * means)
        rest = np.dot(upper.T, np.dot(upper, theta)) + np.dot(levels * means, shares)
        scaled = np.sqrt(levels)[:, None] * shares[:, free]
        square = np.dot(upper[:, free].T, upper[:, free]) + np.dot(scaled.T, scaled)
        square -= np.dot(cross.T, cross / sizes[:, None])
        of_theta = solve(square, rest[free] - np.dot(pull / sizes, cross), assume_a="pos")
        of_levels = (pull - np.dot(cross, of_theta)) / sizes
        theta = theta.copy()
        theta[free] -= of_theta
        alpha = np.sqrt(levels) * (alpha - of_levels[group] + np.dot(shares, theta))
        theta = np.dot(upper, theta)
        return float(alpha @ alpha + theta @ theta)

    def placed(self, vectors: Array) -> Array:
        """``T z`` of vectors (..., k)."""
        inverse, k = self.inverse, vectors.shape[-1]
        flat = vectors.reshape(-1, k)
        of_levels, rest = flat[:, : inverse.basis.n_levels], flat[:, inverse.basis.n_levels :]
        theta = rest @ inverse.inverse_root.T
        alpha = of_levels / np.sqrt(inverse.levels) - theta @ inverse.shares.T
        return inverse.basis.betas(alpha, theta).reshape(vectors.shape)

    def unplaced(self, vectors: Array) -> Array:
        """The vectors z (..., k) of which `placed` makes these."""
        inverse, basis, k = self.inverse, self.inverse.basis, vectors.shape[-1]
        found = np.empty((vectors.size // k, k))
        for row, vector in zip(found, vectors.reshape(-1, k), strict=True):
            alpha, theta = basis.coordinates(vector)
            row[: basis.n_levels] = alpha + np.dot(inverse.shares, theta)
            row[basis.n_levels :] = theta
        found[:, : basis.n_levels] *= np.sqrt(inverse.levels)
        rest = solve_triangular(inverse.inverse_root, np.eye(len(inverse.inverse_root)))
        found[:, basis.n_levels :] = found[:, basis.n_levels :] @ rest.T
        return found.reshape(vectors.shape)


@dataclass(frozen=True, eq=False)
class WhereKnown:
    """The root of a sandwich, NaN of combinations of which its units say nothing.

    Attributes
    ----------
    own : Root
    bread : Root
        Of the inverse information, between which the sandwich stands: its standard errors are the
        measure of what is nothing.
    nothing : float
        Which share of them that is.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.covariance.roots import WhereKnown, Written
    >>> root = WhereKnown(Written(np.diag([0.5, 1e-17])), Written(np.eye(2)))
    >>> root.standard_errors.tolist()
    [0.5, nan]
    """

    own: Root
    bread: Root
    nothing: float = NOTHING

    @property
    def standard_errors(self) -> Array:
        """Of the coefficients, (k,)."""
        return self._known(self.own.standard_errors, self.bread.standard_errors)

    @property
    def matrix(self) -> Array:
        """The root itself, with its rounding, (k, r)."""
        return self.own.matrix

    def lengths(self, design: Array | Structured) -> Array:
        """Standard errors of the linear predictors of rows (m, k), (m,)."""
        return self._known(self.own.lengths(design), self.bread.lengths(design))

    def rooted(self, matrix: Array) -> Array:
        """``C T`` of contrasts C (m, k), (m, r); NaN in the rows of which nothing is known."""
        found = self.own.rooted(matrix)
        errors = np.linalg.norm(found, axis=1)
        own = np.linalg.norm(self.bread.rooted(matrix), axis=1)
        return np.where(np.isnan(self._known(errors, own))[:, None], np.nan, found)

    def times(self, matrix: Array) -> Array:
        """``C V`` of contrasts C (m, k), (m, k)."""
        return self.own.times(matrix)

    def placed(self, vectors: Array) -> Array:
        """``T z`` of vectors (..., r)."""
        return self.own.placed(vectors)

    def unplaced(self, vectors: Array) -> Array:
        """The vectors z (..., r) of which `placed` makes these."""
        return self.own.unplaced(vectors)

    def _known(self, errors: Array, own: Array) -> Array:
        # what is 0 in both is no combination of coefficients at all, and certain
        return np.where((own > 0) & ~(errors > self.nothing * own), np.nan, errors)


def upper(root: Root) -> Root:
    """The upper triangular root of the same covariance whose diagonal is positive.

    It is a function of the covariance and the order of the coefficients, so that factors held as
    codes and written out have the same. Of very many coefficients the root stays what it is.
    """
    if len(root.standard_errors) > MOST_UPPER:
        return root
    found = np.asarray(rq(root.matrix, mode="r"), dtype=float)
    return Written(found * np.where(found.diagonal() < 0, -1.0, 1.0))


def require_room(k: int) -> None:
    """Raise a `ValueError` if a covariance of `k` coefficients is too large to be formed."""
    if k * k > LARGEST_DENSE:
        raise InputError(
            f"the covariance of {k} coefficients has {8 * k * k / 1e9:.0f} GB, too many to be "
            "formed; standard errors, and tests of some of them, do without"
        )


def _pieces(design: Any, width: int = 0) -> Iterator[Any]:
    """Rows of a design, so many at a time that little is in memory."""
    step = max(1, AT_ONCE // max(width or design.shape[1], 1))
    for start in range(0, design.shape[0], step):
        yield design[start : start + step]


def of_inverse(inverse: Inverse) -> Root:
    """The root of a covariance that is factored; written out where it has no diagonal.

    And where a level is not one column of the user's, as with sum contrasts.
    """
    if inverse.basis.n_levels and not inverse.basis.contrasted:
        return Factored(inverse)
    require_room(inverse.shape[0])
    return Written(inverse.root)


def root_of(rows: Rows, coefficients: Array | None = None) -> Root | None:
    """A root of the inverse information at coefficients (or with curvatures ``w / 4``), or None.

    None means that the columns are dependent in double precision.

    Examples
    --------
    The linear predictor of a constant alone has the standard error of a logit.

    >>> import numpy as np
    >>> from flatprior.models.covariance.roots import root_of
    >>> from flatprior.models.rows import ArrayRows
    >>> rows = ArrayRows(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> root_of(rows, np.log([3.0])).lengths(np.ones((1, 1))).round(6).tolist()  # 1 / sqrt(n p q)
    [1.154701]
    """
    coded = sums_of(rows)
    if coded is not None:
        inverse = kept(rows, "inverse", lambda: inverse_as_held(coded, coefficients), coefficients)
        if inverse is not None:
            return of_inverse(inverse)
    written = whitening(rows, coefficients)
    return None if written is None else Written(written)


def root_and_score(rows: Rows, coefficients: Array) -> tuple[Root, Array]:
    """`required_root` and the score (k,) at coefficients: one pass where nothing is held as codes.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.covariance.roots import root_and_score
    >>> from flatprior.models.rows import ArrayRows
    >>> rows = ArrayRows(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> root_and_score(rows, np.zeros(1))[1].tolist()
    [1.0]
    """
    if sums_of(rows) is not None:
        root = required_root(rows, coefficients)
        held = as_held(rows)
        return root, held.reduce(lambda block: scores(block, coefficients[None]))[0]
    ((white, score),) = whitenings(rows, [coefficients])
    if white is None:
        raise PrecisionError(DEPENDENT)
    return Written(white), score


def required_root(rows: Rows, coefficients: Array | None = None) -> Root:
    """`root_of`, or an `ArithmeticError` where there is none."""
    found = root_of(rows, coefficients)
    if found is None:
        raise PrecisionError(DEPENDENT)
    return found
