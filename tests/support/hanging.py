"""Data on which a coefficient hangs on rows of next to no information, and their exact MLE."""

from __future__ import annotations

from typing import NamedTuple

import mpmath
import numpy as np

from flatprior.models import BernoulliLogistic

DIGITS = 350  # a log-likelihood of exp(-700) to 45 digits
SETTLED = mpmath.mpf("1e-30")  # relative change; the next step would be the square of that


class Data(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    offset: np.ndarray
    weights: np.ndarray | None

    @property
    def model(self) -> BernoulliLogistic:
        return BernoulliLogistic.from_arrays(
            self.X, self.y, offset=self.offset, frequency_weights=self.weights
        )


def hanging(seed: int) -> Data:
    """A small data set with one or two columns that are zero but in a few rows, of huge offsets.

    Others may have an outlier, be nearly dependent, nearly separated, sorted, in float32, in units
    of all sizes, and have weights up to a million.
    """
    rng = np.random.default_rng([7, seed])
    n, dense, rare = int(rng.integers(14, 50)), int(rng.integers(1, 4)), int(rng.integers(1, 3))
    X = np.column_stack([np.ones(n), rng.normal(size=(n, dense - 1 + rare))])
    if dense > 1 and rng.random() < 0.3:
        X[rng.integers(n), 1] = 10 ** rng.uniform(1, 6)
    if dense > 2 and rng.random() < 0.3:
        X[:, 2] = X[:, 1] + 10 ** rng.uniform(-4, -1) * X[:, 2]
    offset = rng.normal(size=n) * 10 ** rng.uniform(-1, 1)
    y = (rng.random(n) < 1 / (1 + np.exp(-offset))).astype(float)
    for j in range(dense, dense + rare):
        rows = rng.choice(n, size=int(rng.integers(2, 6)), replace=False)
        kept = np.zeros(n)
        kept[rows] = 1.0 if rng.random() < 0.3 else X[rows, j] * 10 ** rng.uniform(-1, 1)
        X[:, j] = kept
        side = rng.choice([-1.0, 1.0], size=len(rows))
        side[:2] = np.sign(kept[rows[:2]]) * [1, -1]  # two outcomes that pull to both sides
        offset[rows] = side * rng.uniform(0.3, 1.5, size=len(rows)) * 10 ** rng.uniform(0.7, 2.8)
        y[rows] = side > 0
        if rng.random() < 0.1:  # an outcome that should not have been
            y[rows[-1]] = 1 - y[rows[-1]]
    X = X * 10.0 ** rng.integers(-4, 5, size=X.shape[1]) if rng.random() < 0.3 else X
    weights = np.floor(10 ** (6 * rng.random(n))) if rng.random() < 0.3 else None
    if rng.random() < 0.3:
        order = np.lexsort([X[:, -1], y])
        X, y, offset = X[order], y[order], offset[order]
    if rng.random() < 0.25:
        X = X.astype(np.float32)
    return Data(X, y, offset, weights)


class Exact:
    """The likelihood of a data set in `DIGITS` digits. Shares no code with the package."""

    def __init__(self, data: Data):
        self.data = data
        with mpmath.workdps(DIGITS):
            self.rows = [[mpmath.mpf(float(x)) for x in row] for row in data.X]
            self.offset = [mpmath.mpf(float(o)) for o in data.offset]
            n = len(self.rows)
            self.weights = (
                [mpmath.mpf(1)] * n if data.weights is None else list(map(mpmath.mpf, data.weights))
            )

    def sums(self, beta: mpmath.matrix) -> tuple[mpmath.mpf, mpmath.matrix, mpmath.matrix]:
        """Log-likelihood, score and information."""
        k = len(self.rows[0])
        total, score, information = mpmath.mpf(0), mpmath.matrix(k, 1), mpmath.matrix(k, k)
        for row, outcome, o, w in zip(
            self.rows, self.data.y, self.offset, self.weights, strict=True
        ):
            sign = 1 if outcome else -1
            margin = sign * (o + mpmath.fdot(row, beta))
            odds = mpmath.exp(-margin)
            wrong = odds / (1 + odds)
            total -= w * mpmath.log1p(odds)
            for i in range(k):
                score[i] += sign * w * wrong * row[i]
                for j in range(i + 1):
                    information[i, j] += w * wrong / (1 + odds) * row[i] * row[j]
        for i in range(k):
            for j in range(i):
                information[j, i] = information[i, j]
        return total, score, information

    def mle(self, start: np.ndarray) -> mpmath.matrix:
        """The MLE, by Newton's method from coefficients near it."""
        with mpmath.workdps(DIGITS):
            beta = mpmath.matrix(start.tolist())
            for _ in range(60):
                _, score, information = self.sums(beta)
                step = mpmath.lu_solve(information, score)
                beta += step
                if all(abs(d) <= abs(b) * SETTLED for d, b in zip(step, beta, strict=True)):
                    return beta
        raise AssertionError("the exact reference did not converge")

    def errors(self, beta: np.ndarray) -> list[mpmath.mpf]:
        """Standard errors at given coefficients."""
        with mpmath.workdps(DIGITS):
            covariance = self.sums(mpmath.matrix(beta.tolist()))[2] ** -1
            return [mpmath.sqrt(covariance[j, j]) for j in range(len(beta))]
