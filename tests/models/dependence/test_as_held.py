"""Dependent columns of designs held as codes are those of the same columns written out."""

from dataclasses import replace

import numpy as np
import pytest
from multiplier import repeated
from scipy import sparse

from flatprior.models.dependence.as_held import columns_as_held, sums_to_one, with_codes
from flatprior.models.dependence.independent_columns import columns_of
from flatprior.models.designs.coded import Factor, Structured


def design_of(rng, intercept=True, numbers=2, levels=(3, 4), full=(True, True), n=60):
    """Ones, numbers, factors with or without the indicator of their first level, in any order."""
    columns = [np.ones((n, 1))] * intercept + [rng.normal(size=(n, numbers)) + 3]
    every = np.hstack(columns)
    k = every.shape[1] + sum(levels) - len(levels) + sum(full)
    places = rng.permutation(k)
    factors, at = [], every.shape[1]
    for size, whole in zip(levels, full, strict=True):
        own = places[at : at + size - (not whole)]
        at += len(own)
        codes = rng.integers(0, size, n).astype(np.int32)
        factors.append(Factor(codes, own if whole else np.insert(own, 0, -1)))
    return Structured(every, places[: every.shape[1]], tuple(factors))


def agree(design):
    """Whether it is decided, and then that all is as where it is written out."""
    found, dense = columns_as_held(design), columns_of(design.dense())
    if found is None:
        return False
    assert found.kept.tolist() == dense.kept.tolist()
    assert found.null == pytest.approx(dense.null, abs=1e-9)
    size = np.abs(design.dense()) @ np.abs(found.null)
    assert (np.abs(design.dense() @ found.null) <= 1e-15 * size).all()
    return True


@pytest.mark.parametrize("seed", range(3))
def test_the_columns_left_out_are_those_of_the_matrix_written_out(seed):
    rng = np.random.default_rng(seed)
    decided = tried = 0
    for _ in range(repeated(60)):
        levels = tuple(rng.integers(1, 6, rng.integers(1, 4)).tolist())
        full = tuple((rng.random(len(levels)) < 0.5).tolist())
        n, numbers = int(rng.integers(4, 60)), int(rng.integers(0, 3))
        design = design_of(rng, rng.random() < 0.6, numbers, levels, full, n)
        if not design.shape[1]:
            continue
        tried += 1
        decided += agree(design)
    assert decided > 0.9 * tried  # of few rows there may be other combinations


def test_levels_without_rows_and_columns_of_zeros_are_left_out():
    rng = np.random.default_rng(3)
    design = design_of(rng, levels=(3, 5), full=(True, False))
    empty = design.factors[1]
    codes = np.where(empty.codes == 2, 1, empty.codes).astype(np.int32)
    design = replace(design, factors=(design.factors[0], replace(empty, codes=codes)))
    words = sparse.random_array((60, 3), density=0.2, rng=rng, format="lil")
    words[:, [1]] = 0.0
    at = np.arange(3) + design.shape[1]
    design = replace(design, sparse=sparse.csr_array(words), sparse_places=at)
    assert agree(design)
    left = sums_to_one(design)
    assert left.keys() >= {int(empty.columns[2]), int(at[1])}
    assert len(left) == 3  # and the last level of the factor that has all


def test_a_number_that_is_a_combination_of_others_is_left_out():
    rng = np.random.default_rng(4)
    design = design_of(rng, numbers=3)
    numbers = design.numbers.copy()
    numbers[:, 3] = numbers[:, 1] - 2 * numbers[:, 2]
    assert agree(replace(design, numbers=numbers))


def test_what_is_nested_is_not_called_independent():
    """A level of one factor is two of another: not found by counting, so it is not decided."""
    rng = np.random.default_rng(5)
    town = rng.integers(0, 6, 80).astype(np.int32)
    factors = (
        Factor((town // 2).astype(np.int32), np.array([-1, 1, 2])),
        Factor(town, np.array([-1, 3, 4, 5, 6, 7])),
    )
    assert columns_as_held(Structured(np.ones((80, 1)), np.array([0]), factors)) is None
    slope = np.column_stack([np.ones(80), (town // 2) * 1.5])
    within = Structured(slope, np.array([0, 1]), (Factor(town, np.array([-1, *range(2, 7)])),))
    assert columns_as_held(within) is None


def test_columns_that_all_but_depend_are_not_called_independent():
    rng = np.random.default_rng(6)
    design = design_of(rng, levels=(4,), full=(False,))
    numbers = design.numbers.copy()
    numbers[:, 2] = design.factors[0].codes == 2
    numbers[0, 2] += 1e-12
    assert columns_as_held(replace(design, numbers=numbers)) is None


def test_units_and_centres_of_numbers_do_not_matter():
    rng = np.random.default_rng(7)
    design = design_of(rng, levels=(5, 3))
    for scale, shift in ((1e-9, 0.0), (1e9, 0.0), (1.0, 1e6)):
        numbers = design.numbers.copy()
        numbers[:, 1:] = numbers[:, 1:] * scale + shift
        assert agree(replace(design, numbers=numbers))


def test_columns_of_0_and_1_are_taken_as_codes_where_there_are_any():
    rng = np.random.default_rng(8)
    numbers = rng.normal(size=(50, 4))
    names = [f"x{j}" for j in range(8)]
    assert with_codes(numbers, names) is None
    every = np.column_stack([np.ones(50), numbers, np.eye(3)[rng.integers(0, 3, 50)]])
    found = with_codes(every.astype(np.float32), names)
    assert found.factors[0].columns.tolist() == [5, 6, 7]
    assert (found.dense() == every.astype(np.float32)).all()
    assert with_codes(found, names) is found
    assert agree(found)


def test_a_column_of_ones_more_is_left_out():
    rng = np.random.default_rng(9)
    for full in (True, False):
        design = design_of(rng, levels=(4, 3), full=(full, False))
        numbers = np.column_stack([design.numbers, np.ones(60)])
        places = np.append(design.places, design.shape[1])
        found = columns_as_held(replace(design, numbers=numbers, places=places))
        assert design.shape[1] not in found.kept
        assert len(found.kept) == design.shape[1] - full
        assert agree(replace(design, numbers=numbers, places=places))


def test_columns_so_small_that_their_squares_underflow_are_not_called_independent():
    rng = np.random.default_rng(10)
    design = design_of(rng, levels=(4,), full=(False,))
    numbers = design.numbers.copy()
    numbers[:, 1] *= 1e-160
    assert columns_as_held(replace(design, numbers=numbers)) is None
