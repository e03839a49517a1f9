"""The null model of a hypothesis: its rows, and the way back to the larger model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space

from flatprior.analysis.inference.hypotheses.linear import RANK, Linear
from flatprior.analysis.maxima import FewerColumns, of_full_rank
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import PrecisionError
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.dependence.in_batches import columns_in_batches
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.likelihood import linear_predictor
from flatprior.models.rows import ArrayRows, Block, Rows


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


def _held_null(linear: Linear, model: BernoulliLogistic) -> Null:
    """The null model; exact where single coefficients are held, else by whitened columns."""
    held = linear.positions
    if held is not None:
        origin = np.zeros(linear.k)
        origin[held] = linear.values
        return Null(origin, kept=np.delete(np.arange(linear.k), held))
    return _whitened_null(linear, required_whitening(model.rows))


def _whitened_null(linear: Linear, white: Array) -> Null:
    matrix = linear.matrix @ white
    lengths = np.linalg.norm(matrix, axis=1)
    matrix, values = matrix / lengths[:, None], linear.values / lengths
    least = np.asarray(np.linalg.lstsq(matrix, values, rcond=None)[0], dtype=float)
    return Null(white @ least, white @ null_space(matrix))


def _null_of_reduced(linear: Linear, model: BernoulliLogistic, reduced: BernoulliLogistic) -> Null:
    """The null model in the coefficients of the model without dependent columns."""
    assert reduced.aliased is not None  # noqa: S101
    size = model.rows.extent.columns
    whole = _whitened_null(linear, np.diag(1 / np.where(size > 0, size, 1.0)))
    assert whole.directions is not None  # noqa: S101
    ways = reduced.aliased.coefficients(whole.directions)
    white = required_whitening(reduced.rows)
    basis, spread, _ = np.linalg.svd(np.linalg.solve(white, ways), full_matrices=False)
    rank = int((spread > RANK * spread.max(initial=0.0)).sum())
    return Null(reduced.aliased.coefficients(whole.origin), white @ basis[:, :rank])


def restricted(model: BernoulliLogistic, null: Null) -> Rows:
    """The rows of the null model: columns ``X @ directions``, offset plus ``X @ origin``."""

    def change(block: Block) -> Block:
        offset = linear_predictor(block, null.origin)
        design: Any = block.design
        if null.directions is None:
            return block._replace(design=design[:, null.kept], offset=offset)
        return block._replace(design=design @ null.directions, offset=offset)

    if not isinstance(model.rows, ArrayRows):
        return FewerColumns(model.rows, change, null.size)
    if null.kept is not None:
        # columns are left out: what is held as codes stays so
        offset = linear_predictor(model.rows.block_as_held(slice(None)), null.origin)
        return replace(model.rows.select(slice(None), null.kept), offset=offset)
    block = change(model.rows.block(slice(None)))
    return ArrayRows(
        np.ascontiguousarray(block.design), model.response, block.offset, block.weights
    )


@dataclass(frozen=True, eq=False)
class Restricted:
    """Rows of a null model, whose coefficients gamma have these names."""

    rows: Rows
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


def rows_of_full_rank(null: Restricted) -> tuple[Rows, NDArray[np.intp]]:
    """The rows of a null model without columns that depend on others, and which are left."""
    rows, every = null.rows, np.arange(null.rows.n_columns)
    if null.reduced is None or not len(every):
        return rows, every
    columns = columns_in_batches(rows)
    if columns is None:
        raise PrecisionError(
            "it is undecided in double precision which columns of the null model are combinations "
            "of others: rescale or centre the columns"
        )
    kept = columns.kept

    def change(block: Block) -> Block:
        return block._replace(design=np.ascontiguousarray(block.design[:, kept]))

    return FewerColumns(rows, change, len(kept)), kept


def null_model(model: BernoulliLogistic, null: Restricted) -> BernoulliLogistic:
    """The model of restricted rows, of full rank."""
    assert isinstance(null.rows, ArrayRows)  # noqa: S101
    plain = replace(
        model, rows=null.rows, names=null.names, formula=None, encoding=None, aliased=None
    )
    return of_full_rank(plain)
