"""The rows with the largest values, which a pass keeps, and their places among all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.rows import Block, consecutive


@dataclass(frozen=True, eq=False, kw_only=True)
class Largest:
    """The rows with the largest values, the largest first; those of two sets of rows add, in order.

    Attributes
    ----------
    most : int
        How many are kept.
    n_rows : int
        Of how many.
    values : ndarray (m,)
    numbers : ndarray of int (m,)
        The rows' places among these, from 0.
    block : Block
        The rows.
    """

    most: int
    n_rows: int
    values: Array
    numbers: NDArray[np.intp]
    block: Block

    @classmethod
    def of(cls, values: Array, block: Block, most: int, among: NDArray[np.intp]) -> Largest:
        """Of the rows of a block with these numbers in it; values are of all its rows (m,)."""
        numbers = among[np.argsort(-values[among], kind="stable")[:most]]
        return cls(
            most=most,
            n_rows=len(values),
            values=values[numbers],
            numbers=numbers,
            block=block.select(numbers),
        )

    def __add__(self, other: Largest) -> Largest:
        values = np.concatenate([self.values, other.values])
        kept = np.argsort(-values, kind="stable")[: self.most]
        return replace(
            self,
            n_rows=self.n_rows + other.n_rows,
            values=values[kept],
            numbers=np.concatenate([self.numbers, other.numbers + self.n_rows])[kept],
            block=consecutive(self.block, other.block).select(kept),
        )
