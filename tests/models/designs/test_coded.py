"""A matrix of codes answers as the matrix written out does."""

import numpy as np
import pytest
from coded_models import structured, written_out

from flatprior.models.common.errors import InputError
from flatprior.models.designs import coded
from flatprior.models.designs.coded import Factor, as_codes


@pytest.fixture(params=[0, 5], ids=["codes", "sparse"])
def design(request):
    return structured(40, seed=1, s=request.param)


def test_it_has_the_numbers_of_the_matrix(design):
    matrix = written_out(design)
    n, k = matrix.shape
    assert (design.shape, design.size) == ((n, k), n * k)
    assert np.array_equal(design.dense(), matrix)
    assert np.array_equal(np.asarray(design), matrix)
    assert np.asarray(design, dtype=np.float32).dtype == np.float32
    assert np.array_equal(design.astype(float, copy=False), matrix)
    for j in range(k):
        assert np.array_equal(design.column(j), matrix[:, j])
    entries = 0 if design.sparse is None else np.count_nonzero(matrix[:, design.sparse_places])
    assert design.held == 40 * (3 + 2) + entries
    with pytest.raises(InputError, match=f"no column {k}"):
        design.column(k)
    with pytest.raises(InputError, match="without a copy"):
        design.__array__(copy=False)


@pytest.mark.parametrize(
    "rows", [slice(3, 17), np.array([5, 1, 1, 39]), np.arange(40) % 3 == 0], ids=str
)
def test_some_of_its_rows_and_columns_are_those_of_the_matrix(design, rows):
    matrix = written_out(design)
    assert np.array_equal(design[rows].dense(), matrix[rows])
    for columns in (4, -1, slice(1, 5), [0, 6]):
        assert np.array_equal(design[rows, columns], matrix[rows][:, columns])


def test_rows_follow_one_another_again(design):
    together = design[:7].followed_by(design[7:9]).followed_by(design[9:])
    assert np.array_equal(together.dense(), written_out(design))
    assert together.plainest is together
    numbers = design.with_columns(design.places).plainest
    assert np.array_equal(numbers, design.numbers)


def test_predictors_are_products_with_the_matrix(design):
    matrix, rng = written_out(design), np.random.default_rng(2)
    for shape in ((matrix.shape[1],), (matrix.shape[1], 3)):
        beta = rng.normal(size=shape)
        assert design.predictor(beta) == pytest.approx(matrix @ beta, rel=1e-13, abs=1e-13)
        assert np.array_equal(design @ beta, design.predictor(beta))


def test_products_from_the_left_are_those_with_the_matrix(design):
    matrix, rng = written_out(design), np.random.default_rng(3)
    for shape in ((40,), (3, 40), (1, 40)):
        values = rng.normal(size=shape)
        assert (values @ design) == pytest.approx(values @ matrix, rel=1e-13, abs=1e-13)


def test_a_matrix_too_large_is_not_written_out_and_its_size_is_said(monkeypatch):
    design = structured(40, seed=1)
    monkeypatch.setattr(coded, "LARGEST_DENSE", 40 * 8 - 1)
    with pytest.raises(InputError, match="40 rows of 8 columns"):
        design.dense()
    assert design[:39].dense().shape == (39, 8)


def test_a_factor_knows_its_levels():
    factor = Factor(
        np.array([0, 5, 2], dtype=np.int32),
        np.array([-1, 3, 4, -1, 1, 2]),
        "g:h",
        (("a", "b"), ("p", "q", "r")),
    )
    assert [factor.label(level) for level in (0, 2, 3, 5)] == ["a:p", "a:r", "b:p", "b:r"]
    assert (factor.n_levels, factor.full) == (6, False)
    assert Factor(factor.codes, np.arange(6)).full
    beta = np.array([10.0, 11.0, 12.0, 13.0, 14.0])
    assert factor.of_levels(beta).tolist() == [0, 13, 14, 0, 11, 12]
    assert factor.of_levels(np.column_stack([beta, -beta]))[5].tolist() == [12, -12]
    assert factor.rows([2, 0]).codes.tolist() == [2, 0]


def test_some_of_the_columns_are_held_as_codes_too():
    rng = np.random.default_rng(3)
    for seed in range(20):
        design = structured(60, seed=seed, levels=(4, 6), s=seed % 3)
        k = design.shape[1]
        kept = rng.permutation(k)[: rng.integers(1, k + 1)]
        fewer = design.with_columns(kept)
        assert fewer.shape == (60, len(kept))
        assert np.array_equal(fewer.dense(), written_out(design)[:, kept])
        # levels without a column are one: a reference
        assert all((factor.columns < 0).sum() <= 1 for factor in fewer.factors)
        names = {label for f in design.factors for label in map(f.label, range(f.n_levels))}
        for factor in fewer.factors:
            assert {factor.label(level) for level in range(factor.n_levels)} <= names


def test_a_small_matrix_is_kept_and_nobody_changes_it(monkeypatch):
    design = structured(40, seed=1)
    matrix = design.dense()
    assert design.dense() is matrix
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 9.0
    monkeypatch.setattr(coded, "LARGEST_KEPT", 0)
    other = structured(40, seed=1)
    assert other.dense() is not other.dense()


@pytest.mark.parametrize("intercept", [True, False])
def test_columns_of_0_and_1_are_levels_of_factors_as_far_as_they_exclude_one_another(intercept):
    rng, n = np.random.default_rng(4), 300
    one, two = rng.integers(0, 4, n), rng.integers(0, 3, n)
    parts = [rng.normal(size=n), *(one == k for k in range(1, 4)), *(two == k for k in range(3))]
    matrix = np.column_stack([*([np.ones(n)] if intercept else []), *parts]).astype(float)
    found = as_codes(matrix, [f"x{j}" for j in range(matrix.shape[1])])
    assert np.array_equal(found.dense(), matrix)
    assert [factor.n_levels for factor in found.factors] == [4, 3]
    assert found.factors[0].label(0) == "none of these"
    assert found.factors[1].full


def test_sizes_of_terms_are_those_of_the_matrix(design):
    beta = np.random.default_rng(3).normal(size=design.shape[1])
    expected = np.abs(written_out(design)) @ np.abs(beta)
    assert design.sizes(beta) == pytest.approx(expected, rel=1e-14)


def test_cross_products_are_those_of_the_matrix(design):
    matrix, rng = written_out(design), np.random.default_rng(4)
    weights = rng.random(len(matrix))
    expected = (matrix.T * weights) @ matrix
    assert design.cross_products(weights) == pytest.approx(expected, rel=1e-12, abs=1e-13)
    assert np.array_equal(design.squares().dense(), np.square(matrix))


def test_quadratic_forms_of_rows_are_those_of_the_matrix(design, monkeypatch):
    monkeypatch.setattr(coded, "WRITTEN_AT_ONCE", 7)
    matrix, rng = written_out(design), np.random.default_rng(5)
    root = rng.normal(size=(matrix.shape[1], matrix.shape[1]))
    expected = np.square(matrix @ root).sum(axis=1)
    assert design.quadratic(root @ root.T) == pytest.approx(expected, rel=1e-12)
