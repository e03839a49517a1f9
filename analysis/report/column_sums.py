"""What the columns of a design hold, by outcome: totals, means, deviations and extremes.

A row counts as often as its frequency weight says, and one of grouped counts as often as its
trials. Of columns of 0 and 1 the totals are whole numbers, and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import Block, Rows, as_held


@dataclass(frozen=True, eq=False, kw_only=True)
class ColumnSums:
    """Sums over rows; the first of two is of those without the event, the second of those with it.

    Attributes
    ----------
    counts : ndarray (2,)
        Observations.
    totals : ndarray (2, k)
        Of each column.
    squares : ndarray (2, k)
        Sums of squared deviations from the means of the two.
    least, largest : ndarray (k,)
    binary : ndarray of bool (k,)
        Whether a column has nothing but 0 and 1.
    """

    counts: Array
    totals: Array
    squares: Array
    least: Array
    largest: Array
    binary: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Rows) -> ColumnSums:
        """Of all rows, in one pass.

        Examples
        --------
        >>> from flatprior.analysis.report.column_sums import ColumnSums
        >>> from flatprior.models import BernoulliLogistic, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
        >>> sums = ColumnSums.of(model.rows)
        >>> sums.counts.tolist(), sums.totals[:, 2].tolist(), sums.binary.tolist()
        ([21.0, 11.0], [6.0, 8.0], [True, False, True])
        """
        return as_held(rows).reduce(_of_block, ColumnSums.plus)

    def plus(self, other: ColumnSums) -> ColumnSums:
        """Of the rows of both: squared deviations as Chan, Golub and LeVeque (1983) add them."""
        counts = self.counts + other.counts
        apart = _means(other.counts, other.totals) - _means(self.counts, self.totals)
        share = _divided(self.counts * other.counts, counts)
        return ColumnSums(
            counts=counts,
            totals=self.totals + other.totals,
            squares=self.squares + other.squares + apart**2 * share[:, None],
            least=np.minimum(self.least, other.least),
            largest=np.maximum(self.largest, other.largest),
            binary=self.binary & other.binary,
        )

    @property
    def means(self) -> Array:
        """Of each column (2, k); NaN of an outcome that there is not."""
        found = _means(self.counts, self.totals)
        found[self.counts == 0] = np.nan
        return found

    @property
    def deviations(self) -> Array:
        """Standard deviations (2, k), by one observation less; NaN of less than two."""
        freedom = np.where(self.counts > 1, self.counts - 1, np.nan)
        return np.asarray(np.sqrt(self.squares / freedom[:, None]))

    @property
    def spread(self) -> Array:
        """Standard deviations (k,) of all rows; NaN of less than two."""
        n = self.counts.sum()
        apart = np.diff(_means(self.counts, self.totals), axis=0)[0]
        squares = self.squares.sum(axis=0) + apart**2 * (self.counts.prod() / n)
        return np.asarray(np.sqrt(squares / (n - 1 if n > 1 else np.nan)))


def _divided(one: Array, two: Array) -> Array:
    return np.divide(one, two, out=np.zeros_like(one), where=two > 0)


def _means(counts: Array, totals: Array) -> Array:
    return _divided(totals, np.broadcast_to(counts[:, None], totals.shape))


def _of_block(block: Block) -> ColumnSums:
    events = block.sign > 0
    counts = block.counts
    weights = np.stack([np.where(events, 0.0, counts), np.where(events, counts, 0.0)])
    design: Any = block.design
    by_outcome = weights.sum(axis=1)
    totals = np.asarray(weights @ design)
    means = _means(by_outcome, totals)
    return ColumnSums(
        counts=by_outcome,
        totals=totals,
        **(_of_codes if isinstance(design, Structured) else _of_numbers)(design, weights, means),
    )


def _of_numbers(design: Array, weights: Array, means: Array) -> dict[str, Any]:
    """Squared deviations, extremes and whether there is nothing but 0 and 1, of some rows."""
    squares = [own @ (design - mean) ** 2 for own, mean in zip(weights, means, strict=True)]
    return {
        "squares": np.stack(squares),
        "least": design.min(axis=0),
        "largest": design.max(axis=0),
        "binary": ((design == 0) | (design == 1)).all(axis=0),
    }


def _of_codes(design: Structured, weights: Array, means: Array) -> dict[str, Any]:
    """The same of factors as codes and sparse columns, of which zeros are not written out."""
    k = design.shape[1]
    found = {
        "squares": weights.sum(axis=1)[:, None] * means * (1 - means),  # of indicators
        "least": np.zeros(k),
        "largest": np.ones(k),
        "binary": np.ones(k, dtype=bool),
    }
    own = _of_numbers(design.numbers, weights, means[:, design.places])
    for name, part in own.items():
        found[name][..., design.places] = part
    if design.sparse is None:
        return found
    at, m = design.sparse_places, design.shape[0]
    row = np.repeat(np.arange(m), np.diff(design.sparse.indptr))
    column, values, size = design.sparse.indices, design.sparse.data, len(at)
    full = np.bincount(column, minlength=size) == m
    least, largest = np.where(full, np.inf, 0.0), np.where(full, -np.inf, 0.0)
    np.minimum.at(least, column, values)
    np.maximum.at(largest, column, values)
    odd = (values != 0) & (values != 1)
    found["least"][at], found["largest"][at] = least, largest
    found["binary"][at] = np.bincount(column, odd, size) == 0
    for outcome, (each, mean) in enumerate(zip(weights, means[:, at], strict=True)):
        there = np.bincount(column, each[row], size)
        apart = np.bincount(column, each[row] * (values - mean[column]) ** 2, size)
        found["squares"][outcome, at] = apart + (each.sum() - there) * mean**2
    return found
