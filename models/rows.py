"""Where the rows of a model live, and the one thing that may be done with them.

Log-likelihood, score, information and every certificate are sums (or maxima, or QR factors) over
rows. A `Rows` object therefore offers `reduce`: apply a function to blocks of rows and combine the
answers with an associative operation. Nothing else in the package looks at a row, so rows on disk
or on a cluster need a new class here and no change anywhere else.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
T = TypeVar("T")

EPSILON = float(np.finfo(float).eps)
BLOCK_ROWS = 2048  # a block of 2048 rows and 20 columns is 320 kB: it stays in a core's L2 cache


class Block(NamedTuple):
    """Consecutive rows of the data.

    Attributes
    ----------
    design : ndarray (m, k)
    sign : ndarray (m,)
        ``2 y - 1``: +1 where the event was observed, -1 where it was not.
    offset : ndarray (m,) or None
    weights : ndarray (m,) or None
        Frequency weights; None means 1 each.
    """

    design: Array
    sign: Array
    offset: Array | None
    weights: Array | None


class Rows(Protocol):
    """What the rest of the package needs of rows, wherever they are."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through; enters rounding bounds."""

    def reduce(self, function: Callable[[Block], T], combine: Callable[[T, T], T] = ...) -> T:
        """Combine ``function(block)`` over all blocks."""


@dataclass(frozen=True, eq=False)
class MappedRows:
    """The rows of another object, each block changed on its way by `change`."""

    rows: Rows
    change: Callable[[Block], Block]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rows.n_rows

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""
        return self.rows.n_columns

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through."""
        return self.rows.longest_sum

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(change(block))`` over all blocks."""
        return self.rows.reduce(lambda block: function(self.change(block)), combine)


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Rows held in this process's memory.

    Parameters
    ----------
    design : ndarray (n, k)
    response : ndarray (n,)
        0.0 or 1.0.
    offset, weights : ndarray (n,) or None
    """

    design: Array
    response: Array
    offset: Array | None = None
    weights: Array | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.design.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns of the design matrix, k."""
        return int(self.design.shape[1])

    @property
    def longest_sum(self) -> int:
        """Upper bound on the additions any one term goes through."""
        return min(self.n_rows, BLOCK_ROWS) + self.n_rows // BLOCK_ROWS + 1

    def blocks(self) -> Iterator[Block]:
        """Yield the rows in order, `BLOCK_ROWS` at a time."""
        for start in range(0, self.n_rows, BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            yield Block(
                self.design[part],
                2.0 * self.response[part] - 1.0,
                None if self.offset is None else self.offset[part],
                None if self.weights is None else self.weights[part],
            )

    def reduce(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(block)`` over all blocks with an associative `combine`."""
        return functools.reduce(combine, map(function, self.blocks()))


def merge_identical(rows: ArrayRows) -> ArrayRows:
    """The same likelihood on fewer rows: identical ones become one, with the sum of their weights.

    Rows are identical where design, response and offset are. They are returned unchanged where
    more than half of them are distinct, because then weights cost more than they save.
    """
    parts = [rows.design, rows.response[:, None]]
    parts += [] if rows.offset is None else [rows.offset[:, None]]
    table = np.hstack(parts) + 0.0  # -0.0 becomes 0.0
    # the hash is exact, where a random projection in doubles would depend on a row's place
    hashed = pd.util.hash_pandas_object(pd.DataFrame(table), index=False).to_numpy()
    _, first, group = np.unique(hashed, return_index=True, return_inverse=True)
    if 2 * len(first) > rows.n_rows or not np.array_equal(table[first][group], table):
        return rows
    weights = np.bincount(group, rows.weights, minlength=len(first)).astype(float)
    offset = None if rows.offset is None else rows.offset[first]
    return ArrayRows(rows.design[first], rows.response[first], offset, weights)
