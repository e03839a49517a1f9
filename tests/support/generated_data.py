"""Data as they look outside of textbooks, at all sizes: heavy tails, zero inflation, rare events.

Every data set has a true model, so that the outcomes follow the predictors and the MLE is seldom
near zero; columns are as they come, neither centred nor scaled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flatprior.models import BernoulliLogistic

Generator = np.random.Generator


@dataclass(frozen=True, eq=False)
class Data:
    """A data set; `kind` says how its columns were made.

    With `huge_offsets`, irregular ones of hundreds and thousands, the outcomes of nearly all rows
    are certain, and a coefficient may hang on rows whose information is exp(-100).
    """

    kind: str
    X: np.ndarray
    y: np.ndarray
    offset: np.ndarray | None
    weights: np.ndarray | None
    huge_offsets: bool = False

    @property
    def model(self) -> BernoulliLogistic:
        return BernoulliLogistic.from_arrays(
            self.X, self.y, offset=self.offset, frequency_weights=self.weights, copy=False
        )


def normal(rng: Generator, n: int) -> np.ndarray:
    return rng.normal(size=n)


def lognormal(rng: Generator, n: int) -> np.ndarray:
    return np.exp(rng.uniform(0.5, 3) * rng.normal(size=n))


def zero_inflated(rng: Generator, n: int) -> np.ndarray:
    return np.exp(rng.uniform(0.5, 2.5) * rng.normal(size=n)) * rare(rng, n)


def rare(rng: Generator, n: int) -> np.ndarray:
    return (rng.random(n) < 10 ** rng.uniform(-3.5, -0.5)).astype(float)


def normal_times_rare(rng: Generator, n: int) -> np.ndarray:
    return rng.normal(size=n) * rare(rng, n) * 10 ** rng.uniform(-1, 2)


def student(rng: Generator, n: int) -> np.ndarray:
    return rng.standard_t(rng.uniform(0.7, 3), size=n)


def counts(rng: Generator, n: int) -> np.ndarray:
    return rng.negative_binomial(0.3, 0.3 / (0.3 + 10 ** rng.uniform(-1, 3)), size=n).astype(float)


def pareto(rng: Generator, n: int) -> np.ndarray:
    return rng.pareto(rng.uniform(0.7, 3), size=n) * 10 ** rng.uniform(-2, 4)


def one_outlier(rng: Generator, n: int) -> np.ndarray:
    x = rng.normal(size=n)
    x[rng.integers(n)] = 10 ** rng.uniform(1, 8)
    return x


def money(rng: Generator, n: int) -> np.ndarray:
    return np.round(np.exp(rng.normal(8, 2, size=n)), 2) * (rng.random(n) < rng.uniform(0.05, 1))


def year(rng: Generator, n: int) -> np.ndarray:
    return rng.integers(1990, 2025, size=n).astype(float)


COLUMNS: tuple[Callable[[Generator, int], np.ndarray], ...] = (
    normal,
    lognormal,
    zero_inflated,
    rare,
    normal_times_rare,
    student,
    counts,
    pareto,
    one_outlier,
    money,
    year,
)


def data_set(
    seed: int,
    size: tuple[float, float] = (3, 5.5),
    kinds: tuple[int, ...] | None = None,
    huge_offsets: bool = False,
) -> Data:
    """The data set of a seed; its design has from ``10**size[0]`` to ``10**size[1]`` numbers.

    With `huge_offsets` it has such offsets in any case.
    """
    rng = np.random.default_rng([20261126, seed])
    k = int(rng.integers(2, 9))
    n = max(20 * k, int(10 ** rng.uniform(*size) / k))
    chosen = rng.choice(len(COLUMNS) if kinds is None else kinds, size=k - 1)
    X = np.column_stack([np.ones(n), *(COLUMNS[j](rng, n) for j in chosen)])
    # effects of a size that people see: a standard deviation, or a large value, moves the log-odds
    # by a half or so
    spread = np.where(rng.random(k - 1) < 0.5, X[:, 1:].std(axis=0), np.abs(X[:, 1:]).max(axis=0))
    beta = rng.normal(size=k - 1) * 10 ** rng.uniform(-1, 0.3, size=k - 1)
    eta = X[:, 1:] @ (beta / np.where(spread > 0, spread, 1.0))
    eta -= np.median(eta)
    eta += -np.log(10.0) * rng.uniform(0, min(4, np.log10(n) - 1.5)) * (rng.random() < 0.5)
    offset = weights = None
    huge_offsets |= rng.random() < 0.03
    if huge_offsets or rng.random() < 0.25:
        spread_of_offset = 10 ** (rng.uniform(1.5, 3.5) if huge_offsets else rng.uniform(-1, 1.5))
        offset = rng.normal(size=n) * spread_of_offset
        if rng.random() < 0.5:
            offset += 10 ** rng.uniform(0, 3.5)
        eta = eta + offset - (np.median(offset) if rng.random() < 0.5 else 0)
    if rng.random() < 0.25:
        weights = np.floor(10 ** (rng.uniform(0, 6) * rng.random(n)))
    y = (rng.random(n) < 1 / (1 + np.exp(-np.clip(eta, -700, 700)))).astype(float)
    if rng.random() < 0.2:  # stored sorted
        order = np.lexsort([X[:, -1], y])
        X, y = X[order], y[order]
        offset = None if offset is None else offset[order]
        weights = None if weights is None else weights[order]
    if rng.random() < 0.25:
        with np.errstate(over="ignore"):
            X = X.astype(np.float32)
    kind = "+".join(COLUMNS[j].__name__ for j in chosen)
    return Data(kind, X, y, offset, weights, huge_offsets)
