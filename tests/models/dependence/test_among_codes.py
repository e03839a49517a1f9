"""Columns that depend on others where factors are held as codes: those that R calls NA."""

from dataclasses import replace

import numpy as np
import pytest
from coded_models import written_out
from multiplier import repeated
from scipy import sparse

from flatprior.models.dependence.among_codes import columns_of_codes, nestings
from flatprior.models.designs.coded import Factor, Structured


def factor(codes, size, at, name="f", full=False):
    columns = np.arange(at, at + size - (not full))
    levels = tuple(f"{name}{i}" for i in range(size))
    return Factor(
        codes.astype(np.int32), columns if full else np.append(-1, columns), name, (levels,)
    )


def design_of(numbers, *codes):
    """A column of ones, numbers, and factors without their first levels."""
    n, at = len(codes[0]), 1 + numbers.shape[1]
    factors = []
    for i, each in enumerate(codes):
        size = int(each.max()) + 1
        factors.append(factor(each, size, at, f"f{i}"))
        at += size - 1
    return Structured(
        np.column_stack([np.ones(n), numbers]),
        np.arange(at)[: 1 + numbers.shape[1]],
        tuple(factors),
    )


def first_ones(matrix):
    """Columns that are no combinations of columns before them, one after the other."""
    kept, unit = [], matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-300)
    for j in range(matrix.shape[1]):
        if np.linalg.matrix_rank(unit[:, [*kept, j]], tol=1e-8) > len(kept):
            kept.append(j)
    return kept


def check(design):
    matrix, found = written_out(design), columns_of_codes(design)
    k = matrix.shape[1]
    assert found.kept.tolist() == first_ones(matrix)
    left = np.setdiff1d(np.arange(k), found.kept)
    assert found.null.shape == (k, len(left))
    assert np.array_equal(found.null[left], np.eye(len(left)))
    rounding = 1e-14 * (np.abs(matrix) @ np.abs(found.null))
    assert (np.abs(matrix @ found.null) <= rounding).all()
    return found


@pytest.mark.parametrize("seed", range(repeated(40)))
def test_the_first_columns_are_kept_and_every_row_verifies_the_rest(seed):
    rng = np.random.default_rng(seed)
    n, size = int(rng.integers(20, 80)), int(rng.integers(2, 12))
    school = np.resize(np.arange(size), n)
    district = rng.integers(0, 4, size)[school] if rng.random() < 0.5 else rng.integers(0, 4, n)
    district = np.unique(district, return_inverse=True)[1]
    year = rng.integers(0, 3, n) if rng.random() < 0.5 else district % 3
    year = np.unique(year, return_inverse=True)[1]
    numbers = np.column_stack(
        [
            rng.normal(size=n) if rng.random() < 0.5 else rng.normal(size=size)[school],
            rng.normal(size=4)[district],
        ]
    )
    check(design_of(numbers, district, school, year))


def test_cells_that_are_empty_and_numbers_in_sparse_columns():
    rng = np.random.default_rng(3)
    n = 60
    g, h = rng.integers(0, 3, n), rng.integers(0, 3, n)
    h[(g == 2) & (h == 1)] = 0
    crossed = Factor(
        (g * 3 + h).astype(np.int32),
        np.array([-1, -1, -1, -1, 5, 7, -1, 6, 8]),
        "g:h",
        (("a", "b", "c"), ("d", "e", "f")),
    )
    design = design_of(np.zeros((n, 0)), g, h)
    x = rng.normal(size=n)
    slopes = sparse.csr_array((x, (np.arange(n), g)), shape=(n, 3))
    twice = sparse.csr_array(np.column_stack([2 * x, np.zeros(n)]))
    design = replace(
        design,
        factors=(*design.factors, crossed),
        sparse=sparse.hstack([slopes, twice], format="csr"),
        sparse_places=np.arange(9, 14),
    )
    found = check(design)
    assert np.setdiff1d(np.arange(14), found.kept).tolist() == [6, 12, 13]
    assert found.null[:, 1].tolist() == [0.0] * 9 + [-2.0] * 3 + [1.0, 0.0]


@pytest.mark.parametrize("ones", [True, False])
def test_words_that_are_others_or_sums_of_them_are_left_out_where_there_is_no_factor(ones):
    rng, n = np.random.default_rng(12), 300
    words = rng.poisson(0.05, size=(n, 12)) * 1.0
    words[:, 4] = words[:, 1]
    words[:, 7] = words[:, 0] + words[:, 2]
    words[:, 9] = 0.0
    words[:, 11] = 2 * words[:, 10]
    d = int(ones)
    design = Structured(
        np.ones((n, d)), np.arange(d), (), sparse.csr_array(words), np.arange(d, d + 12)
    )
    check(design)
    assert columns_of_codes(design).kept.tolist() == [
        *range(d),
        *(d + j for j in (0, 1, 2, 3, 5, 6, 8, 10)),
    ]


def test_without_dependent_columns_all_are_kept():
    rng = np.random.default_rng(5)
    found = check(design_of(rng.normal(size=(90, 2)), *rng.integers(0, 4, (2, 90))))
    assert found.null.shape[1] == 0


def test_columns_so_near_to_dependent_that_nothing_is_known_are_undecided():
    rng = np.random.default_rng(6)
    school = np.resize(np.arange(10), 200)
    x = rng.normal(size=10)[school] + 1e-9 * rng.normal(size=200)
    assert columns_of_codes(design_of(x[:, None], school)) is None


def test_whole_numbers_that_rounding_may_hide_are_left_to_exact_arithmetic():
    school = np.resize(np.arange(10), 200)
    keys = (2.0**50 + np.arange(10))[school]
    assert columns_of_codes(design_of(keys[:, None], school)) is None
    assert columns_of_codes(design_of(keys[:, None] - 2.0**50, school)).null.shape[1] == 1


def test_a_factor_of_many_levels_within_another_is_not_written_out(monkeypatch):
    rng = np.random.default_rng(7)
    school = np.resize(rng.permutation(3000), 9000)
    design = design_of(rng.normal(size=(9000, 1)), school % 40, school)
    monkeypatch.setattr(Structured, "dense", None)
    found = columns_of_codes(design)
    left = np.setdiff1d(np.arange(design.shape[1]), found.kept)
    # the last school of each district but the first, whose intercept is that of the model
    assert left.tolist() == [40 + school for school in range(2961, 3000)]
    assert set(np.unique(found.null)) == {-1.0, 0.0, 1.0}


def test_factors_that_are_nested_or_fall_apart_are_named():
    school = np.arange(12)
    assert nestings(design_of(np.zeros((12, 0)), school % 3, school)) == [("nested", "f1", "f0")]
    one, other = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 1, 2, 3, 2, 3])
    assert nestings(design_of(np.zeros((8, 0)), one, other)) == [("apart", "f0", "f1")]
    joined = np.array([0, 1, 0, 2, 2, 3, 2, 3])
    assert nestings(design_of(np.zeros((8, 0)), one, joined)) == []
