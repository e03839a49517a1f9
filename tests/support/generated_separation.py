"""Small adversarial designs whose verdict exact arithmetic tells, and changes that keep it.

Of up to three columns the cone of directions that lower no margin is spanned by rays that each lie
in the null space of k - 1 rows; all of them are listed in rational numbers. Designs have gaps of
2^-20 to 2^-40 beside columns with means of thousands; rows are multiplied by positive powers of 2,
columns by powers of 2 of either sign, which is exact and changes no verdict but the signs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from flatprior.models import BernoulliLogistic, Existence

LARGEST = 40  # exponents of the powers of 2


@dataclass(frozen=True, eq=False)
class Verdict:
    """What exact arithmetic says: kind, status of each coefficient, separated rows."""

    kind: str
    status: tuple[str, ...]
    separated: tuple[int, ...]


def _rays(rows: list[list[Fraction]], k: int) -> Iterator[list[Fraction]]:
    """Directions, of either sign, in the null space of k - 1 of the rows."""
    if k == 1:
        found = [[Fraction(1)]]
    elif k == 2:
        found = [[-b, a] for a, b in rows]
    else:
        found = [
            [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
            for a, b in combinations(rows, 2)
        ]
    for ray in found:
        if any(ray):
            yield ray
            yield [-value for value in ray]


def _rank(rows: list[list[Fraction]]) -> int:
    rows, rank = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def exact_verdict(X: np.ndarray, y: np.ndarray) -> Verdict:
    """The verdict on at most three columns, in rational numbers; of full rank its status too."""
    signed = [
        [Fraction(float(x)) * (1 if outcome else -1) for x in row]
        for row, outcome in zip(X, y, strict=True)
    ]
    k = X.shape[1]
    if _rank(signed) < k:
        return Verdict("rank deficient", (), ())
    inside = []
    separated: set[int] = set()
    for ray in _rays(signed, k):
        values = [sum(a * d for a, d in zip(row, ray, strict=True)) for row in signed]
        if min(values) >= 0:
            inside.append(ray)
            separated |= {i for i, value in enumerate(values) if value > 0}
    status = []
    for j in range(k):
        up, down = any(ray[j] > 0 for ray in inside), any(ray[j] < 0 for ray in inside)
        status.append(
            "undetermined" if up and down else "+inf" if up else "-inf" if down else "finite"
        )
    kind = (
        "overlap"
        if not inside
        else "complete separation"
        if len(separated) == len(signed)
        else "quasi-complete separation"
    )
    return Verdict(kind, tuple(status), tuple(sorted(separated)))


def small_design(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A design (n, k), k at most 3, and outcomes that are all but separated, just so, or mixed."""
    k, n = int(rng.integers(1, 4)), int(rng.integers(3, 13))
    X = rng.integers(-2, 3, size=(n, k)).astype(float)
    if k > 1 and rng.random() < 0.7:
        X[:, 0] = 1.0
    way = rng.integers(-1, 2, size=k).astype(float)
    y = (X @ way + 0.5 * rng.integers(-1, 2, size=n) > 0).astype(float)
    if rng.random() < 0.3:
        y = (rng.random(n) < 0.5).astype(float)
    gap = 2.0 ** -rng.integers(20, LARGEST + 1)
    moved = rng.random(X.shape) < 0.3
    moved[:, 0] &= rng.random() < 0.3
    X = X + moved * gap * rng.integers(-3, 4, size=X.shape)
    if k > 1 and gap >= 2.0**-30 and rng.random() < 0.3:
        X[:, -1] += 4096 * rng.integers(1, 3)  # a mean of thousands
    if rng.random() < 0.3:
        order = np.argsort(y, kind="stable")
        X, y = X[order], y[order]
    return X, y


def exact_change(
    rng: np.random.Generator, X: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns multiplied by powers of 2, columns in another order: X, order, signs."""
    n, k = X.shape
    order = rng.permutation(k)
    flip = rng.choice([-1.0, 1.0], size=k)
    columns = flip * 2.0 ** rng.integers(-LARGEST, LARGEST + 1, size=k)
    rows = 2.0 ** rng.choice([0, 0, 40, -40, 20], size=n)
    return (X * rows[:, None] * columns)[:, order], order, flip[order]


def statuses(existence: Existence, k: int) -> tuple[str, ...]:
    """Status of each of the k coefficients, in order; "" where it is absent."""
    return tuple(existence.coefficients.get(f"x{j + 1}", "") for j in range(k))


def stated_wrongly(found: Existence, truth: Verdict) -> bool:
    """Whether a verdict states what is not so; "undecided" and "undetermined" state nothing."""
    if found.kind == "undecided":
        return False
    if found.kind != truth.kind:
        return True
    return truth.kind != "rank deficient" and any(
        said not in (true, "undetermined", "")
        for said, true in zip(statuses(found, len(truth.status)), truth.status, strict=True)
    )


def as_the_rule_has_it(found: Existence, X: np.ndarray, y: np.ndarray) -> bool:
    """Whether the direction found separates, or combines columns, to within sixteen roundings.

    That is what "zero" means of terms that are rounded. In exact arithmetic.
    """
    assert found.direction is not None
    d = [Fraction(float(value)) for value in found.direction]
    for row, outcome in zip(X, y, strict=True):
        terms = [Fraction(float(x)) * part for x, part in zip(row, d, strict=True)]
        margin, size = sum(terms) * (1 if outcome else -1), sum(map(abs, terms))
        allowed = 16 * Fraction(float(np.finfo(float).eps)) * size
        if margin < -allowed or (found.kind == "rank deficient" and margin > allowed):
            return False
    return True


def flipped(status: tuple[str, ...], signs: np.ndarray) -> tuple[str, ...]:
    """Statuses of columns multiplied by these signs."""
    other = {"+inf": "-inf", "-inf": "+inf"}
    return tuple(other.get(s, s) if sign < 0 else s for s, sign in zip(status, signs, strict=True))


def model_of(X: np.ndarray, y: np.ndarray) -> BernoulliLogistic:
    """The model of these rows as they are."""
    return BernoulliLogistic.from_arrays(X, y)


def survey_like(rng: np.random.Generator, n: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Rows like those of an insurer's survey: shares, counts, indicators; a few are separated.

    Shares of ten are left over from other shares, counts are zero for most, and indicators are
    rare; the outcome has one in twenty, and three of the rare columns have one outcome only.
    """
    shares = np.hstack([rng.multinomial(10, rng.dirichlet(np.ones(6)), size=n) for _ in range(4)])
    shares = np.delete(shares, [5, 11, 17, 23], axis=1)
    rarity = np.exp(rng.uniform(np.log(0.003), np.log(0.3), size=40))
    counts = (rng.random((n, 40)) < rarity) * rng.integers(1, 7, size=(n, 40))
    paired = np.minimum(counts[:, :10], 1 + rng.integers(0, 2, size=(n, 10)))
    X = np.column_stack([np.ones(n), shares, counts, paired]).astype(float)
    X = X[:, np.flatnonzero(X.any(axis=0))]
    y = rng.random(n) < 1 / (1 + np.exp(3 - 0.2 * shares[:, 0] - 0.5 * (counts[:, 3] > 0)))
    for j in np.argsort((X > 0).sum(axis=0))[:3]:
        y[X[:, j] > 0] = j % 2
    return X, y.astype(float)
