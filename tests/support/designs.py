"""Designs whose status is known by construction, for every kind and size.

Each design is built in a basis where its status can be read off: rows on the hyperplane x_1 = 0
stand with both outcomes, so that nothing can separate them; the others have x_1 of the sign of
their outcome, or one of them the opposite sign. All numbers are multiples of a power of 2, and the
basis is then changed by a unimodular integer matrix, so that the status holds exactly in the
numbers a program is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flatprior.models import BernoulliLogistic

GRID = 2.0**-12


@dataclass(frozen=True, eq=False)
class Design:
    """A design, its response and what is known of it.

    `separated` holds the rows that can be separated, `direction` the only direction that separates
    (where it is unique), `width` how far the outcomes overlap along the best direction, relative to
    the mean margin.
    """

    kind: str
    X: np.ndarray
    y: np.ndarray
    separated: np.ndarray | None = None
    direction: np.ndarray | None = None
    width: float = np.inf

    @property
    def model(self) -> BernoulliLogistic:
        return BernoulliLogistic.from_arrays(self.X, self.y)

    def permuted(self, order: np.ndarray) -> Design:
        separated = None if self.separated is None else self.separated[order]
        return Design(
            self.kind, self.X[order], self.y[order], separated, self.direction, self.width
        )


def columns(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Columns of mixed kinds (n, k): small integers, indicators, and numbers on a grid."""
    kinds = rng.integers(0, 3, size=k)
    X = np.empty((n, k))
    for j, kind in enumerate(kinds):
        if kind == 0:
            X[:, j] = rng.integers(-3, 4, size=n)
        elif kind == 1:
            X[:, j] = rng.random(n) < rng.uniform(0.1, 0.9)
        else:
            X[:, j] = np.round(rng.normal(size=n) / GRID) * GRID
    return X


def unimodular(rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray]:
    """A random integer matrix of determinant 1, and its inverse."""
    U, inverse = np.eye(k), np.eye(k)
    for _ in range(rng.integers(0, 2 * k + 1)):
        i, j = rng.integers(0, k, size=2)
        if i != j:
            factor = float(rng.choice([-1, 1]))
            step = np.eye(k)
            step[i, j] = factor
            back = np.eye(k)
            back[i, j] = -factor
            U, inverse = U @ step, back @ inverse
    return U, inverse


def spanning(rng: np.random.Generator, k: int) -> np.ndarray:
    """A unimodular matrix (k, k): its rows span everything."""
    return unimodular(rng, k)[0]


def both_outcomes(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(X, 2, axis=0), np.tile([0.0, 1.0], len(X))


def overlapping(rng: np.random.Generator, n: int, k: int) -> Design:
    """A spanning set of rows stands with both outcomes; the other rows are arbitrary."""
    held, held_y = both_outcomes(spanning(rng, k))
    rest = max(0, n - len(held))
    X = np.vstack([held, columns(rng, rest, k)])
    y = np.concatenate([held_y, (rng.random(rest) < rng.uniform(0.05, 0.95)).astype(float)])
    return Design("overlap", X, y)


def balanced(rng: np.random.Generator, n: int, k: int) -> Design:
    """Stiemke's condition with random weights: the last row balances the others."""
    held = spanning(rng, k)
    X = np.vstack([held, columns(rng, max(1, n - k - 1), k)])
    sign = rng.choice([-1.0, 1.0], size=len(X))
    weights = 2.0 ** rng.integers(-4, 1, size=len(X))
    last = -(weights * sign) @ X
    if not last.any():
        return overlapping(rng, n, k)
    last_sign = rng.choice([-1.0, 1.0])
    X = np.vstack([X, last_sign * last])
    return Design("overlap", X, (1 + np.append(sign, last_sign)) / 2)


def on_one_side(
    rng: np.random.Generator, n: int, k: int, smallest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose first column has the sign of their outcome, at least `smallest` from zero."""
    X = columns(rng, n, k)
    y = (rng.random(n) < rng.uniform(0.2, 0.8)).astype(float)
    size = smallest * np.exp2(rng.integers(0, 3, size=n)) * rng.integers(1, 4, size=n)
    X[:, 0] = (2 * y - 1) * size
    return X, y


def power_of_two(rng: np.random.Generator, low: float, high: float) -> float:
    """A power of 2 near 10^-u, u uniform between `low` and `high`."""
    return float(2.0 ** -np.round(rng.uniform(low, high) * np.log2(10)))


def held_on_hyperplane(rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with x_1 = 0 that span x_1 = 0, each with both outcomes."""
    inside = np.zeros((k - 1, k))
    inside[:, 1:] = spanning(rng, k - 1) if k > 1 else np.zeros((0, 0))
    return both_outcomes(inside)


def quasi(rng: np.random.Generator, n: int, k: int) -> Design:
    """Separated by x_1 alone but for the rows on x_1 = 0, which span it."""
    held, held_y = held_on_hyperplane(rng, k)
    if k == 1:
        held, held_y = np.zeros((2, 1)), np.array([0.0, 1.0])
    X, y = on_one_side(rng, max(1, n - len(held)), k, power_of_two(rng, 0, 6))
    mask = np.concatenate([np.zeros(len(held), bool), np.ones(len(X), bool)])
    direction = np.eye(k)[0]
    return Design(
        "quasi-complete separation",
        np.vstack([held, X]),
        np.concatenate([held_y, y]),
        mask,
        direction,
    )


def complete(rng: np.random.Generator, n: int, k: int) -> Design:
    """Separated by x_1; rows spanning everything are among them."""
    span = spanning(rng, k)
    X, y = on_one_side(rng, max(1, n - k), k, power_of_two(rng, 0, 6))
    flat = span[:, 0] == 0
    span[flat] += np.eye(k)[0]  # adding x_1 to those on the plane may lose rank; the caller checks
    X, y = np.vstack([span, X]), np.concatenate([(span[:, 0] > 0).astype(float), y])
    return Design("complete separation", X, y, np.ones(len(X), bool))


def narrow(rng: np.random.Generator, n: int, k: int) -> Design:
    """Separated by x_1 but for one row, which is on the wrong side by a little."""
    held, held_y = held_on_hyperplane(rng, k)
    X, y = on_one_side(rng, max(2, n - len(held)), k, 1.0)
    y[-1], X[-1, 0] = 1 - y[-1], X[-1, 0] * power_of_two(rng, 0, 13)
    design = np.vstack([held, X])
    width = abs(X[-1, 0]) / np.abs(design[:, 0]).mean()
    return Design("overlap", design, np.concatenate([held_y, y]), width=width)


def dependent(rng: np.random.Generator, n: int, k: int) -> Design:
    """One to three columns are combinations of the others; any outcomes."""
    missing = int(rng.integers(1, min(3, k) + 1))
    base = columns(rng, max(n, k + 1), k - missing)
    mix = rng.integers(-2, 3, size=(k - missing, missing)).astype(float)
    X = np.hstack([base, base @ mix])[:, rng.permutation(k)]
    y = (rng.random(len(X)) < 0.5).astype(float)
    return Design("rank deficient", X, y)


def nested(rng: np.random.Generator, n: int, k: int) -> Design:
    """Separated in steps: by x_1; where that is 0 by x_2; and so on; the rest overlaps."""
    steps = int(rng.integers(1, min(k, 4))) if k > 1 else 1
    step = rng.integers(0, steps + 1, size=max(n - 2 * k, steps + 1))
    X = columns(rng, len(step), k)
    y = (rng.random(len(step)) < 0.5).astype(float)
    for i, s in enumerate(step):
        X[i, :s] = 0.0
        if s < steps:
            X[i, s] = (2 * y[i] - 1) * power_of_two(rng, 0, 3) * rng.integers(1, 4)
    inside = np.zeros((k - steps, k))
    inside[:, steps:] = spanning(rng, k - steps)
    held, held_y = both_outcomes(inside)
    return Design(
        "quasi-complete separation",
        np.vstack([X, held]),
        np.concatenate([y, held_y]),
        np.concatenate([step < steps, np.zeros(len(held), bool)]),
    )


FAMILIES = (overlapping, balanced, narrow, quasi, nested, complete, dependent)


def generated(seed: int, count: int) -> list[Design]:
    """`count` designs of all families in turn, n from 4 to 400 and k from 1 to 12."""
    rng = np.random.default_rng(seed)
    designs: list[Design] = []
    while len(designs) < count:
        family = FAMILIES[len(designs) % len(FAMILIES)]
        k = int(rng.integers(1, 13))
        n = int(np.exp(rng.uniform(np.log(4), np.log(400))))
        design = family(rng, n, k)
        if design.kind != "rank deficient" and np.linalg.matrix_rank(design.X) < k:
            continue
        if design.kind.startswith("quasi") and design.separated.all():
            continue
        U, inverse = unimodular(rng, k)
        scale = 10.0 ** rng.integers(-8, 9, size=k) if rng.random() < 0.5 else np.ones(k)
        direction = design.direction
        if direction is not None:
            direction = (inverse @ direction) / scale
        changed = Design(
            design.kind,
            (design.X @ U) * scale,
            design.y,
            design.separated,
            direction,
            design.width,
        )
        designs.append(changed.permuted(rng.permutation(len(design.y))))
    return designs
