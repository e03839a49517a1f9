"""What a pass over rows keeps of numbers that each of them has: their spread, and the largest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.rows import Block, consecutive


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread:
    """Mean and spread of q quantities over observations; those of two sets of rows add.

    Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance", The American
    Statistician 37, 242-247: no square of a mean is subtracted.

    Attributes
    ----------
    n : float
        Observations.
    mean, squares : ndarray (q,)
        The latter of deviations from the mean, summed.
    smallest, largest : ndarray (q,)
    """

    n: float
    mean: Array
    squares: Array
    smallest: Array
    largest: Array

    @classmethod
    def of(cls, values: Array, weights: Array) -> Spread:
        """Of values (q, m) of rows that stand for so many observations each (m,).

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.analysis.diagnostics.summaries import Spread
        >>> one, two = (Spread.of(np.array([x]), np.ones(2)) for x in ([1.0, 2.0], [3.0, 6.0]))
        >>> (one + two).mean.tolist(), (one + two).squares.tolist()
        ([3.0], [14.0])
        """
        n = float(weights.sum())
        with np.errstate(invalid="ignore"):  # of infinite values the deviations are NaN
            mean = values @ weights / n
            squares = np.square(values - mean[:, None]) @ weights
        return cls(
            n=n,
            mean=mean,
            squares=squares,
            smallest=values.min(axis=1),
            largest=values.max(axis=1),
        )

    def __add__(self, other: Spread) -> Spread:
        n = self.n + other.n
        with np.errstate(invalid="ignore"):
            apart = other.mean - self.mean
            return Spread(
                n=n,
                mean=self.mean + apart * (other.n / n),
                squares=self.squares + other.squares + np.square(apart) * (self.n * other.n / n),
                smallest=np.minimum(self.smallest, other.smallest),
                largest=np.maximum(self.largest, other.largest),
            )

    @property
    def sd(self) -> Array:
        """Standard deviation of each (q,), ddof 1; NaN of one observation, and of infinite ones."""
        if self.n < 2:
            return np.full(len(self.mean), np.nan)
        found = np.sqrt(self.squares / (self.n - 1))
        return np.where(np.isfinite(found), found, np.nan)

    def table(self, names: Sequence[str] | pd.Index[Any]) -> pd.DataFrame:
        """One row a quantity: "mean", "sd", "smallest", "largest", "sum of squares"."""
        return pd.DataFrame(
            {
                "mean": self.mean,
                "sd": self.sd,
                "smallest": self.smallest,
                "largest": self.largest,
                "sum of squares": self.squares + self.n * np.square(self.mean),
            },
            index=pd.Index(names),
        )


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
