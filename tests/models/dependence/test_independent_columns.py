"""Columns are independent or combinations of others, as exact arithmetic has it."""

from fractions import Fraction

import numpy as np
import pytest
from coded_models import structured, written_out
from generated_separation import exact_verdict
from multiplier import repeated

from flatprior.models import BernoulliLogistic, check_existence
from flatprior.models.dependence import independent_columns as module
from flatprior.models.dependence.independent_columns import (
    columns_of,
    equilibrated,
    independent_columns,
    margins,
)


def test_nothing_is_called_dependent_that_is_not():
    # the only null vector of all rows is 0, though (1, -1) is nearly one
    X = np.array([[1e9, 1e9], [1e9, 1e9], [0, 1e-7], [0, 1e-7], [1, 1]])
    assert independent_columns(equilibrated(X)[0]).null.size == 0
    found = check_existence(BernoulliLogistic.from_arrays(X, [0, 1, 0, 1, 1]))
    # d1 + d2 = 0 by rows 1 and 2, d2 = 0 by rows 3 and 4: no direction separates
    assert exact_verdict(X, np.array([0, 1, 0, 1, 1])).kind == "overlap"
    assert found.kind == "overlap"


@pytest.mark.parametrize("seed", range(5))
def test_every_null_vector_is_one_and_none_is_zero(seed):
    rng = np.random.default_rng(seed)
    for _ in range(repeated(30)):
        n, k = rng.integers(1, 8), rng.integers(1, 5)
        X = rng.integers(-2, 3, size=(n, k)) * 10.0 ** rng.integers(-9, 10, size=(n, 1))
        columns = independent_columns(X)
        if columns is None:
            continue
        assert columns.null.any(axis=0).all()
        size = np.abs(X) @ np.abs(columns.null)
        assert (np.abs(X @ columns.null) <= 1e-14 * size).all()


def test_the_first_of_dependent_columns_are_kept_in_whatever_units():
    rng = np.random.default_rng(4)
    for _ in range(repeated(20)):
        free = rng.integers(-3, 4, size=(12, 3)).astype(float)
        made = free @ rng.integers(-2, 3, size=(3, 3))
        X = np.column_stack([free[:, 0], made[:, 0], free[:, 1], made[:, 1], free[:, 2]])
        kept = [j for j in range(5) if rank(X[:, : j + 1]) > rank(X[:, :j])]
        for units in (np.ones(5), 10.0 ** rng.integers(-8, 9, size=5)):
            found = columns_of(X * units)
            assert found.kept.tolist() == kept
            left = np.abs(X * units @ found.null)
            assert (left <= 1e-13 * (np.abs(X * units) @ np.abs(found.null))).all()


def rank(columns):
    return int(np.linalg.matrix_rank(columns)) if columns.size else 0


@pytest.mark.parametrize("sparse", [0, 5])
def test_margins_of_codes_are_those_of_the_columns(sparse, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_AT_ONCE", 3)
    design = structured(60, seed=2, s=sparse)
    matrix, rng = written_out(design), np.random.default_rng(4)
    sign = np.where(rng.random(60) < 0.5, 1.0, -1.0)
    close = 0
    for _ in range(20):
        direction = rng.normal(size=matrix.shape[1])
        # what a row is not moved by, but for rounding
        row = matrix[rng.integers(60)]
        j = int(np.flatnonzero(row)[0])
        direction[j] -= row @ direction / row[j]
        values, rounding = margins(design, sign, direction)
        expected, size = margins(matrix, sign, direction)
        assert rounding == pytest.approx(size, rel=1e-12)
        assert np.array_equal(np.abs(values) <= rounding, np.abs(expected) <= size)
        assert values == pytest.approx(expected, rel=1e-9, abs=1e-15)
        close += int((np.abs(values) <= rounding).sum())
    assert close >= 20


def first_independent(X):
    """The first independent columns, by elimination in rational numbers."""
    kept, rows = [], []
    for j in range(X.shape[1]):
        column = [Fraction(float(value)) for value in X[:, j]]
        for pivot, other in rows:
            factor = column[pivot] / other[pivot]
            column = [one - factor * two for one, two in zip(column, other, strict=True)]
        pivot = next((i for i, value in enumerate(column) if value), None)
        if pivot is not None:
            kept.append(j)
            rows.append((pivot, column))
    return kept


def left_over(X, null):
    """The largest product of a row and a null vector, beside the sum of its terms' sizes, exactly.

    The factors are doubles, and so is nothing else.
    """
    largest = Fraction(0)
    for vector in null.T:
        involved = np.flatnonzero(vector)
        factors = [Fraction(float(value)) for value in vector[involved]]
        for row in X[:, involved]:
            terms = [Fraction(float(x)) * d for x, d in zip(row, factors, strict=True)]
            size = sum(map(abs, terms))
            largest = max(largest, abs(sum(terms)) / size) if size else largest
    return float(largest)


def test_a_rare_level_is_kept_where_it_comes_first():
    # the constant and the levels' indicators: any of them but one are independent, so that the
    # last is left out, and not the one that is nearly another
    rng = np.random.default_rng(1)
    levels = np.repeat(np.arange(4), [900, 90, 9, 1])
    X = np.column_stack([np.ones(1000), np.eye(4)[levels]])
    for _ in range(repeated(20)):
        order, units = rng.permutation(5), 10.0 ** rng.integers(-150, 150, 5)
        assert columns_of(X[:, order] * units).kept.tolist() == [0, 1, 2, 3]


def test_the_first_columns_are_kept_as_rational_numbers_have_it():
    for seed in range(repeated(60)):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(8, 30))
        inner = rng.integers(0, int(rng.integers(3, 6)), n)
        outer = rng.integers(0, 3, 6)[inner] if rng.random() < 0.5 else rng.integers(0, 3, n)
        columns = [np.ones(n), *np.eye(6)[inner].T, *np.eye(3)[outer].T, rng.normal(size=n)]
        columns.append(columns[int(rng.integers(len(columns)))] * 2.0 ** rng.integers(-3, 4))
        X = np.column_stack(columns)[:, rng.permutation(len(columns))]
        units = 2.0 ** rng.integers(-400, 400, X.shape[1])  # which round nothing
        assert columns_of(X * units).kept.tolist() == first_independent(X), seed


def of_all_sizes(rng):
    """Columns whose entries are of 1e-150, 1e8 and 1e-30 side by side, and sums of them."""
    n, k = int(rng.integers(6, 16)), int(rng.integers(2, 6))
    X = rng.integers(-3, 4, (n, k)) * rng.choice([1e-150, 1e8, 1e-30, 1.0], (n, k))
    more = [X[:, int(a)] + X[:, int(b)] for a, b in rng.integers(k, size=(2, 2))]
    return np.column_stack([X, *more])[:, rng.permutation(k + 2)]


def test_columns_of_all_sizes_are_of_full_rank_and_the_others_combinations_of_them():
    decided = 0
    for seed in range(repeated(120)):
        X = of_all_sizes(np.random.default_rng(seed))
        found = columns_of(X)
        if found is None:  # rounding hides whether they depend
            continue
        assert len(first_independent(X[:, found.kept])) == len(found.kept), seed
        assert left_over(X, found.null) <= 16 * 2.0**-52, seed
        decided += 1
    assert decided > 0.7 * repeated(120)
