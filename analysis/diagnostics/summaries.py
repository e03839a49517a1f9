"""What is kept of numbers that each row has: their spread, and the labels of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array


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


def spread_of_sum(values: Array, weights: Array) -> float:
    """Standard error of the sum over observations: sqrt(n) times their sd, ddof 1."""
    return se_of_sum(Spread.of(values[None], weights))


def se_of_sum(spread: Spread) -> float:
    """The same, of the only quantity of a spread."""
    return float(spread.sd[0]) * math.sqrt(spread.n)


def labelled(labels: pd.Index | None, n: int) -> pd.Index:
    """The user's own labels of n rows, or their numbers."""
    return pd.RangeIndex(n) if labels is None else labels
