"""Which columns depend on others, of rows that come in batches.

Asked of some rows; what is found is held against every row in one pass, and rows that contradict it
join. What no row contradicts is true of all.
"""

from __future__ import annotations

import operator

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.dependence.independent_columns import (
    Columns,
    Mask,
    Residues,
    are_whole,
    columns_of,
    margins,
    residues,
    row_space,
    whole_dependencies,
)
from flatprior.models.rows import Block, Rows

START = 5_000  # rows that are asked first
JOINING = 1_000  # rows that join at most in a round
MAX_ROUNDS = 100


def columns_in_batches(rows: Rows) -> Columns | None:
    """The same as `columns_of`, of all rows; None if undecided."""
    asked = rows.sample(START).design.astype(float)
    for _ in range(MAX_ROUNDS):
        found = columns_of(asked)
        if found is None or not found.null.size:
            return found
        others = rows.reduce(_Contradicting(found.null).rows, lambda a, b: _most(np.vstack([a, b])))
        if not len(others):
            only_rounding = only_rounding_in_batches(rows, rows.extent.columns, found)
            return None if only_rounding else found
        asked = np.vstack([asked, others])
    return None


class _Contradicting:
    """The rows in which a combination does not hold."""

    def __init__(self, null: Array) -> None:
        self.null = null

    def rows(self, block: Block) -> Array:
        """Those of a block, the first of them."""
        against = np.zeros(len(block.sign), dtype=bool)
        for vector in self.null.T:
            values, rounding = margins(block.design, np.ones_like(block.sign), vector)
            against |= np.abs(values) > rounding
        return _most(block.design[against].astype(float))


def _most(rows: Array) -> Array:
    return np.asarray(rows[:JOINING])


def only_rounding_in_batches(rows: Rows, largest: Array, columns: Columns) -> bool:
    """Whether integers that are large, at most the `largest`, are independent after all."""
    everywhere = np.ones(rows.n_columns, dtype=bool)
    if not any(True for _ in whole_dependencies(everywhere, largest, columns)):
        return False
    whole = rows.reduce(lambda block: are_whole(block.design), operator.and_)

    def of_both(first: Residues, second: Residues) -> Residues:
        return row_space(np.vstack([first, second]))

    for chosen in whole_dependencies(whole, rows.extent.columns, columns):

        def of_block(block: Block, chosen: Mask = chosen) -> Residues:
            return row_space(residues(block.design[:, chosen]))

        space = rows.reduce(of_block, of_both)
        if len(space) == np.count_nonzero(chosen):
            return True
    return False
