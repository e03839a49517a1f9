"""Rows in batches, each block of which is changed on its way, with factors as codes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.rows import ArrayRows, Block

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class ChangedRows:
    """What is asked of `BatchRows` whose factors are codes, of other rows that they become.

    Attributes
    ----------
    rows : BatchRows
    change : callable
        Block to block; both as they are held.
    n_rows, n_columns : int
        What is left of them.
    extent_of_offset : float
        Largest absolute value of the offset.
    """

    rows: BatchRows
    change: Callable[[Block], Block]
    n_rows: int
    n_columns: int
    extent_of_offset: float

    def reduce_as_held(
        self, function: Callable[[Block], T], combine: Callable[[T, T], T] = operator.add
    ) -> T:
        """Combine ``function(change(block))`` over all blocks, some of which may have no row."""
        change = self.change  # all that a cluster is sent of this object
        return self.rows.reduce_as_held(lambda block: function(change(block)), combine)

    @property
    def drawn(self) -> ArrayRows:
        """The rows that the survey drew, changed."""
        return ArrayRows.of(self.change(self.rows.drawn.block_as_held(slice(None))))

    @property
    def longest_block(self) -> int:
        """Rows of the longest block, at most."""
        return self.rows.longest_block

    @property
    def n_blocks(self) -> int:
        """Blocks, at most."""
        return self.rows.n_blocks

    @property
    def too_large_to_write_out(self) -> bool:
        """Whether a pass over columns written out would take hours."""
        return self.rows.too_large_to_write_out
