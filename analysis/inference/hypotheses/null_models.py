"""The null model of a hypothesis: its rows, and the way back to the larger model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.inference.hypotheses.linear import RANK, Linear
from flatprior.analysis.maxima import of_full_rank
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.likelihood import alike_predictor
from flatprior.models.rows import ArrayRows, Block


@dataclass(frozen=True, eq=False)
class Null:
    """A null model: ``beta = origin + directions @ gamma``.

    Attributes
    ----------
    origin : ndarray (k,)
    directions : ndarray (k, q) or None
        Of full column rank; None where they are single coefficients.
    kept : ndarray (q,) or None
        Which these are.
    """

    origin: Array
    directions: Array | None = None
    kept: NDArray[np.intp] | None = None

    @property
    def size(self) -> int:
        """Number of directions, q."""
        if self.directions is not None:
            return int(self.directions.shape[1])
        assert self.kept is not None  # noqa: S101
        return len(self.kept)

    def moved(self, gamma: Array) -> Array:
        """``origin + directions @ gamma``."""
        if self.directions is not None:
            return self.origin + self.directions @ gamma
        beta = self.origin.copy()
        beta[self.kept] += gamma
        return beta

    def of_block(self, block: Block) -> Block:
        """A block of the null model; columns that are only left out are held as they were.

        The same row gives the same numbers to the last bit in any block: else rows that separate
        in one pass would not do so in the next.
        """
        plain = block._replace(offset=None)
        if self.origin.any():
            offset = alike_predictor(block, self.origin)
            block = block._replace(offset=offset)
        if self.directions is None:
            assert self.kept is not None  # noqa: S101
            return block.with_columns(self.kept)
        design = np.empty((len(block.sign), self.size))
        for j, direction in enumerate(self.directions.T):
            design[:, j] = alike_predictor(plain, direction)
        return block._replace(design=design)


def _held_null(linear: Linear, model: BernoulliLogistic) -> Null:
    """The null model; exact where single coefficients are held, else by whitened columns."""
    held = linear.positions
    if held is not None:
        origin = np.zeros(linear.k)
        origin[held] = linear.values
        return Null(origin, kept=np.delete(np.arange(linear.k), held))
    return _eliminated(linear, model.rows.extent.columns)


def _eliminated(linear: Linear, size: Array) -> Null:
    """The null model in which each row of the hypothesis is solved for one coefficient."""
    size = np.where(size > 0, size, 1.0)
    matrix = np.column_stack([linear.matrix, linear.values])
    reduced, solved = echelon(matrix, np.append(size, np.inf), len(matrix))
    free = np.delete(np.arange(linear.k), solved)
    origin, directions = np.zeros(linear.k), np.zeros((linear.k, len(free)))
    origin[solved] = reduced[:, -1]
    directions[free, np.arange(len(free))] = 1.0
    directions[solved] = -reduced[:, free]
    return Null(origin, directions)


def echelon(matrix: Array, size: Array, rank: int) -> tuple[Array, NDArray[np.intp]]:
    """Gauss-Jordan elimination with complete pivoting of a matrix (m, k) of a rank.

    What is 0 or a small whole number stays so: columns that take no part are not touched by
    rounding, which separated rows would not survive.

    Parameters
    ----------
    matrix : ndarray (m, k)
    size : ndarray (k,)
        Of the columns that the coefficients belong to; infinite where there is no pivot.
    rank : int

    Returns
    -------
    reduced : ndarray (rank, k)
        With the same span of rows; its columns at the pivots are those of an identity matrix.
    pivots : ndarray (rank,)

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.hypotheses.null_models import echelon
    >>> reduced, pivots = echelon(np.array([[1.0, 1, 0], [0, 2, 4]]), np.ones(3), 2)
    >>> pivots.tolist(), reduced.tolist()
    ([0, 2], [[1.0, 1.0, 0.0], [0.0, 0.5, 1.0]])
    """
    largest = (np.abs(matrix) / size).max(axis=1, keepdims=True, initial=0.0)
    left = np.ldexp(matrix, -np.frexp(largest)[1])  # a power of two rounds nothing
    pivots = np.empty(rank, dtype=np.intp)
    for done in range(rank):
        relative = np.abs(left[done:]) / size
        i, j = divmod(int(relative.argmax()), len(size))
        left[[done, done + i]] = left[[done + i, done]]
        left[done] /= left[done, j]
        others = np.arange(len(left)) != done
        left[others] -= np.outer(left[others, j], left[done])
        left[others, j] = 0.0
        pivots[done] = j
    return left[:rank], pivots


def _null_of_reduced(linear: Linear, model: BernoulliLogistic, reduced: BernoulliLogistic) -> Null:
    """The null model in the coefficients of the model without dependent columns."""
    assert reduced.aliased is not None  # noqa: S101
    whole = _eliminated(linear, model.rows.extent.columns)
    assert whole.directions is not None  # noqa: S101
    ways = reduced.aliased.coefficients(whole.directions)
    spread = np.linalg.svd(
        np.linalg.solve(required_whitening(reduced.rows), ways), compute_uv=False
    )
    rank = int((spread > RANK * spread.max(initial=0.0)).sum())
    size = reduced.rows.extent.columns
    some = ways.T[np.abs(ways).max(axis=0, initial=0.0) > 0]
    spanning = echelon(some, 1 / np.where(size > 0, size, 1.0), rank)[0]
    return Null(reduced.aliased.coefficients(whole.origin), spanning.T)


def restricted(model: BernoulliLogistic, null: Null) -> ArrayRows | BatchRows:
    """The rows of the null model: columns ``X @ directions``, offset plus ``X @ origin``."""
    rows = model.rows
    change = null.of_block  # all that a cluster is sent
    if isinstance(rows, BatchRows):
        stays = null.kept is not None and len(null.kept) and null.kept[0] == 0
        return rows.become(change, bool(stays))
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
    q = model.n_parameters - len(linear.values)
    names = tuple(f"combination {j + 1}" for j in range(q))
    if linear.positions is not None:
        left = np.delete(np.arange(model.n_parameters), linear.positions)
        names = tuple(model.names[j] for j in left)
    if large is model or linear.positions is not None:
        null = _held_null(linear, model)
        reduced = None if large is model else large.aliased
        return Restricted(restricted(model, null), names, null, reduced)
    null = _null_of_reduced(linear, model, large)
    return Restricted(restricted(large, null), names[: null.size], null, None)


def null_model(model: BernoulliLogistic, null: Restricted) -> BernoulliLogistic:
    """The model of restricted rows, of full rank."""
    plain = replace(
        model, rows=null.rows, names=null.names, formula=None, encoding=None, aliased=None
    )
    return of_full_rank(plain)
