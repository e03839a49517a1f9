"""The null model of a hypothesis: its rows, and the way back to the larger model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.inference.hypotheses.linear import RANK, Linear
from flatprior.analysis.maxima import of_full_rank
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.likelihood import alike_predictor
from flatprior.models.rows import ArrayRows, Block

ROUNDING = 1e-12  # of a direction


@dataclass(frozen=True, eq=False)
class Null:
    """A null model: some coefficients are free, and combinations of others are, beside these.

    Attributes
    ----------
    origin : ndarray (k,)
        Where the free ones are 0.
    kept : ndarray of int (p,)
        Coefficients that are free by themselves.
    mixed : ndarray (k, r)
        Directions of the others.
    """

    origin: Array
    kept: NDArray[np.intp]
    mixed: Array

    @property
    def size(self) -> int:
        """Number of free coefficients, p + r."""
        return len(self.kept) + int(self.mixed.shape[1])

    @property
    def directions(self) -> Array:
        """All directions, (k, p + r)."""
        found = np.zeros((len(self.origin), self.size))
        found[self.kept, np.arange(len(self.kept))] = 1.0
        found[:, len(self.kept) :] = self.mixed
        return found

    def moved(self, gamma: Array) -> Array:
        """``origin + directions @ gamma``."""
        p = len(self.kept)
        beta = self.origin + self.mixed @ gamma[p:]
        beta[self.kept] += gamma[:p]
        return np.asarray(beta)

    def of_block(self, block: Block) -> Block:
        """A block of the null model; columns that are kept are held as they were.

        The same row gives the same numbers to the last bit in any block: else rows that separate
        in one pass would not do so in the next.
        """
        plain, found = block._replace(offset=None), block.with_columns(self.kept)
        if self.origin.any():
            found = found._replace(offset=alike_predictor(block, self.origin))
        if not self.mixed.shape[1]:
            return found
        columns = np.column_stack([alike_predictor(plain, way) for way in self.mixed.T])
        design: Any = found.design
        if not isinstance(design, Structured):
            return found._replace(design=np.column_stack([design, columns]))
        places = np.append(design.places, np.arange(len(self.kept), self.size))
        numbers = np.column_stack([design.numbers, columns])
        beside: Any = replace(design, numbers=numbers, places=places)
        return found._replace(design=beside)


def _held_null(linear: Linear, model: BernoulliLogistic) -> Null:
    """The null model; exact where single coefficients are held."""
    held = linear.positions
    if held is None:
        return _eliminated(linear, model.rows.extent.columns)
    origin = np.zeros(linear.k)
    origin[held] = linear.values
    return Null(origin, np.delete(np.arange(linear.k), held), np.zeros((linear.k, 0)))


def _eliminated(linear: Linear, size: Array) -> Null:
    """The null model in which each row of the hypothesis is solved for one coefficient."""
    size = np.where(size > 0, size, 1.0)
    ends = np.append(size, np.inf)
    matrix = of_usual_size(np.column_stack([linear.matrix, linear.values]), ends)
    reduced, solved = echelon(matrix, ends, len(matrix))
    pivots = reduced[np.arange(len(solved)), solved]
    origin = np.zeros(linear.k)
    origin[solved] = reduced[:, -1] / pivots
    others = np.setdiff1d(np.arange(linear.k), solved)
    mixed = others[reduced[:, others].any(axis=0)]
    kept = np.setdiff1d(np.arange(linear.k), np.append(mixed, solved))
    directions = solutions(reduced[:, :-1], solved, mixed)
    return Null(origin, kept, of_usual_size(directions.T, 1 / size).T)


def echelon(matrix: Array, size: Array, rank: int) -> tuple[Array, NDArray[np.intp]]:
    """Gauss-Jordan elimination with complete pivoting of a matrix (m, k) of a rank.

    Nothing is divided by: of small whole numbers all are exact, and columns that take no part are
    not touched by rounding, which separated rows would not survive.

    Parameters
    ----------
    matrix : ndarray (m, k)
        Rows of about the same size, measured by these columns.
    size : ndarray (k,)
        Of the columns that the coefficients belong to; infinite where there is no pivot.
    rank : int

    Returns
    -------
    reduced : ndarray (rank, k)
        With the same span of rows; its columns at the pivots are those of a diagonal matrix.
    pivots : ndarray of int (rank,)

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.hypotheses.null_models import echelon
    >>> reduced, pivots = echelon(np.array([[1.0, 1, 0], [0, 1, 7]]), np.ones(3), 2)
    >>> pivots.tolist(), reduced.tolist()
    ([2, 0], [[0.0, 1.0, 7.0], [1.0, 1.0, 0.0]])
    """
    left = matrix.copy()
    pivots = np.empty(rank, dtype=np.intp)
    for done in range(rank):
        relative = np.abs(left[done:]) / size
        i, j = divmod(int(relative.argmax()), len(size))
        left[[done, done + i]] = left[[done + i, done]]
        others = np.flatnonzero((np.arange(len(left)) != done) & (left[:, j] != 0))
        pivot = left[done, j]
        less = pivot * left[others] - np.outer(left[others, j], left[done])
        less[:, j] = 0.0
        # nearly divided by: what is left of a row that depends on others stays small
        left[others] = np.ldexp(less, -np.frexp(pivot)[1])
        pivots[done] = j
    return left[:rank], pivots


def solutions(reduced: Array, pivots: NDArray[np.intp], free: NDArray[np.intp]) -> Array:
    """Solutions (k, f) of ``reduced @ x = 0`` (`echelon`), each of which moves one free column.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.hypotheses.null_models import solutions
    >>> solutions(np.array([[2.0, 0, 3], [0, 1, 5]]), np.array([0, 1]), np.array([2])).T.tolist()
    [[-3.0, -10.0, 2.0]]
    """
    diagonal = reduced[np.arange(len(pivots)), pivots]
    found = np.zeros((reduced.shape[1], len(free)))
    for i, j in enumerate(free):
        # multiplied by what would divide: whole numbers stay whole
        factors = np.where(reduced[:, j] != 0, diagonal, 1.0)
        found[j, i] = np.prod(factors)
        others = [np.prod(np.delete(factors, at)) for at in range(len(pivots))]
        found[pivots, i] = -reduced[:, j] * others
    return found


def of_usual_size(matrix: Array, size: Array) -> Array:
    """Rows times a power of two, which rounds nothing, so that none is large or small.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.hypotheses.null_models import of_usual_size
    >>> of_usual_size(np.array([[4.0, 6.0]]), np.ones(2)).tolist()
    [[0.5, 0.75]]
    """
    largest = (np.abs(matrix) / size).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.ldexp(matrix, -np.frexp(largest)[1]))


def _null_of_reduced(linear: Linear, model: BernoulliLogistic, reduced: BernoulliLogistic) -> Null:
    """The null model in the coefficients of the model without dependent columns."""
    assert reduced.aliased is not None  # noqa: S101
    size = model.rows.extent.columns
    whole = _eliminated(linear, size)
    # measured before columns go: what is left of a direction that goes with them is rounding
    directions = of_usual_size(whole.directions.T, 1 / np.where(size > 0, size, 1.0)).T
    ways = reduced.aliased.coefficients(directions)
    left = reduced.rows.extent.columns
    # what rounding has left in the combinations of columns that went is none of theirs
    ways = np.where(np.abs(ways) * left[:, None] <= ROUNDING, 0.0, ways)
    spread = np.linalg.svd(
        np.linalg.solve(required_whitening(reduced.rows), ways), compute_uv=False
    )
    rank = int((spread > RANK * spread.max(initial=0.0)).sum())
    spanning = echelon(ways.T, 1 / left, rank)[0]
    alone = np.count_nonzero(spanning, axis=1) == 1
    kept = np.sort(np.nonzero(spanning[alone])[1])
    return Null(reduced.aliased.coefficients(whole.origin), kept, spanning[~alone].T)


def restricted(model: BernoulliLogistic, null: Null) -> ArrayRows | BatchRows:
    """The rows of the null model: columns ``X @ directions``, offset plus ``X @ origin``."""
    rows = model.rows
    change = null.of_block  # all that a cluster is sent
    if isinstance(rows, BatchRows):
        return rows.become(change, intercept=bool(0 in null.kept[:1]))
    block = change(rows.block_as_held(slice(None)))
    return ArrayRows(block.design, model.response, block.offset, block.weights)


@dataclass(frozen=True, eq=False)
class Restricted:
    """Rows of a null model, whose coefficients gamma have these names."""

    rows: ArrayRows | BatchRows
    names: tuple[str, ...]
    null: Null
    reduced: Aliased | None

    def at(self, gamma: Array) -> Array:
        """The coefficients of the larger model, without those that depend on others."""
        beta = self.null.moved(gamma)
        return beta if self.reduced is None else self.reduced.coefficients(beta)


def null_of(model: BernoulliLogistic, large: BernoulliLogistic, linear: Linear) -> Restricted:
    """The null model; `large` is the model without columns that are combinations of others."""
    if large is model or linear.positions is not None:
        null, of = _held_null(linear, model), model
        reduced = None if large is model else large.aliased
    else:
        null, of, reduced = _null_of_reduced(linear, model, large), large, None
    mixed = tuple(f"combination {j + 1}" for j in range(null.mixed.shape[1]))
    names = (*(of.names[j] for j in null.kept), *mixed)
    return Restricted(restricted(of, null), names, null, reduced)


def null_model(model: BernoulliLogistic, null: Restricted) -> BernoulliLogistic:
    """The model of restricted rows, of full rank."""
    plain = replace(
        model, rows=null.rows, names=null.names, formula=None, encoding=None, aliased=None
    )
    return of_full_rank(plain)
