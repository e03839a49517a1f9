"""The columns of a sparse matrix are found to be what somebody made them of."""

import numpy as np
import pytest
from multiplier import repeated
from scipy.sparse import csr_array, hstack, random_array

from flatprior.models.designs import parts
from flatprior.models.designs.coded import Structured
from flatprior.models.designs.parts import in_parts


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(parts, "SMALLEST", 0)
    monkeypatch.setattr(parts, "FEW", 0)


def names(matrix):
    return [f"x{j}" for j in range(matrix.shape[1])]


def one_hot(rng, n, size, first=0):
    codes = np.append(np.arange(size), rng.integers(0, size, n - size))
    return csr_array(np.eye(size)[rng.permutation(codes)][:, first:])


def words(rng, n, s):
    return random_array((n, s), density=0.02, format="csr", rng=rng)


def test_what_an_encoder_made_of_categories_is_a_factor_again():
    rng, n = np.random.default_rng(1), 400
    numbers = csr_array(np.column_stack([np.ones(n), rng.normal(size=n)]))
    matrix = hstack([words(rng, n, 3), numbers, one_hot(rng, n, 8, 1), one_hot(rng, n, 5)]).tocsr()
    found = in_parts(matrix, names(matrix))
    assert [factor.n_levels for factor in found.factors] == [8, 5]
    assert [factor.full for factor in found.factors] == [False, True]
    assert found.places.tolist() == [3, 4]
    assert found.sparse_places.tolist() == [0, 1, 2]
    assert np.array_equal(found.dense(), matrix.toarray())
    first, second = found.factors
    assert [first.label(i) for i in (0, 1)] == ["none of these", "x5"]
    assert second.label(0) == "x12"


def test_words_that_happen_to_exclude_one_another_are_no_factors():
    rng, n = np.random.default_rng(2), 400
    matrix = csr_array((words(rng, n, 60).toarray() > 0) * 1.0)
    found = in_parts(matrix, names(matrix))
    assert found.factors == ()
    assert found.sparse.shape == (n, 60)
    # and beside a category they do not tear it apart
    both = hstack([matrix, one_hot(rng, n, 20), matrix[::-1]]).tocsr()
    found = in_parts(both, names(both))
    assert [factor.n_levels for factor in found.factors] == [20]
    assert np.array_equal(found.dense(), both.toarray())


def test_whatever_the_matrix_it_is_the_same_in_parts():
    rng = np.random.default_rng(3)
    for _ in range(repeated(60)):
        n, k = (int(rng.integers(1, most)) for most in (40, 25))
        filled = rng.choice([0.02, 0.1, 0.4, 1.0], size=k)
        matrix = (rng.random((n, k)) < filled) * np.where(
            rng.random(k) < 0.7, 1.0, rng.normal(size=(n, k))
        )
        found = in_parts(csr_array(matrix), names(matrix))
        assert np.array_equal(np.asarray(found), matrix)
        if isinstance(found, Structured):
            assert sum(len(f.codes) for f in found.factors) <= parts.MOST_ROWS * n * k


def test_small_matrices_and_full_ones_are_written_out(monkeypatch):
    rng, n = np.random.default_rng(4), 50
    full = csr_array(rng.normal(size=(n, 3)))
    assert isinstance(in_parts(full, names(full)), np.ndarray)
    few = one_hot(rng, n, 6)
    assert isinstance(in_parts(few, names(few)), Structured)
    monkeypatch.setattr(parts, "FEW", 7)
    assert isinstance(in_parts(few, names(few)), np.ndarray)
    monkeypatch.setattr(parts, "FEW", 0)
    monkeypatch.setattr(parts, "SMALLEST", 301)
    assert isinstance(in_parts(few, names(few)), np.ndarray)
