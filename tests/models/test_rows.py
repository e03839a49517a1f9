from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from multiplier import repeated
from problems import simulated

from flatprior.models import BernoulliLogistic, fit_newton, rows
from flatprior.models.rows import BLOCK_ROWS, ArrayRows, MappedRows, added, merge_identical


def likelihood(rows: ArrayRows, beta: np.ndarray) -> float:
    model = BernoulliLogistic.from_arrays(
        rows.design, rows.response, offset=rows.offset, frequency_weights=rows.weights
    )
    return model.log_likelihood(beta)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("with_offset", [False, True])
def test_merged_rows_have_the_same_likelihood(weighted, with_offset):
    rng = np.random.default_rng(1)
    design = rng.integers(-1, 2, size=(500, 3)) * 1.0
    response = rng.integers(2, size=500) * 1.0
    weights = rng.integers(1, 4, size=500) * 1.0 if weighted else None
    offset = rng.integers(2, size=500) / 3 if with_offset else None
    rows = ArrayRows(design, response, offset, weights)
    merged = merge_identical(rows)
    # 27 patterns, two responses and two offsets
    assert merged.n_rows <= 54 * (2 if with_offset else 1)
    assert merged.weights.sum() == (500 if weights is None else weights.sum())
    table = np.column_stack([merged.design, merged.response])
    if with_offset:
        table = np.column_stack([table, merged.offset])
    assert len(np.unique(table, axis=0)) == merged.n_rows
    for beta in rng.normal(size=(3, 3)):
        assert likelihood(merged, beta) == pytest.approx(likelihood(rows, beta), rel=1e-13)


def test_zero_and_minus_zero_are_one_row_and_neighbours_are_two():
    design = np.array([[0.0], [-0.0], [1.0], [1.0], [np.nextafter(1.0, 2.0)], [0.0], [1.0], [0.0]])
    response = np.zeros(8)
    response[5] = 1.0
    merged = merge_identical(ArrayRows(design, response))
    assert sorted(merged.weights) == [1, 1, 3, 3]
    assert merged.n_rows == 4


def test_mostly_distinct_rows_stay_as_they_are():
    X, y = simulated(100, 3, seed=2)
    rows = ArrayRows(X, y)
    assert merge_identical(rows) is rows


def test_the_posterior_is_the_same_before_and_after(sampler):
    # the same draws of the same likelihood: PyMC adds in another order, so not bit for bit
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(400), rng.integers(0, 4, size=400)])
    y = (rng.random(400) < 0.4).astype(float)
    model = BernoulliLogistic.from_arrays(X, y)
    merged = merge_identical(model.rows)
    assert merged.n_rows == 8
    counted = BernoulliLogistic.from_arrays(
        merged.design, merged.response, frequency_weights=merged.weights.astype(int)
    )
    first, second = (sampler(m, draws=300, seed=4) for m in (model, counted))
    assert first.log_density[0, 0] == pytest.approx(model.log_likelihood(first.draws[0, 0]))
    spread = fit_newton(model).standard_errors
    # means of about 1000 effective draws each, 5 standard errors: false-alarm rate 1e-6
    difference = (first.draws.mean(axis=(0, 1)) - second.draws.mean(axis=(0, 1))) / spread
    assert np.abs(difference).max() < 5 * np.sqrt(2 / 300)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [1, 15, 16, 1000])
def test_the_extent_is_the_largest_absolute_value(order, n):
    rng = np.random.default_rng(5)
    design = np.asarray(rng.normal(size=(n, 3)) * [1, -100, 1e-3], order=order)
    rows = ArrayRows(design, np.zeros(n), offset=np.linspace(-7, 3, n))
    assert np.array_equal(rows.extent.columns, np.abs(design).max(axis=0))
    assert rows.extent.offset == 7
    design[n // 2, 1] = np.nan
    assert np.isnan(ArrayRows(design, np.zeros(n)).extent.columns).tolist() == [False, True, False]


def test_a_sample_has_a_row_of_every_part_and_none_twice():
    rows = ArrayRows(np.arange(10_000.0)[:, None], np.zeros(10_000), weights=np.ones(10_000))
    sample = rows.sample(100)
    drawn = sample.design[:, 0]
    assert (np.diff(drawn) > 0).all()
    assert (drawn // 100 == np.arange(100)).all()
    assert np.array_equal(rows.sample(100).design, sample.design)
    # not all at one place of their part: a period of 100 rows does not mislead
    assert len(set(drawn % 100)) > 30


def test_the_digest_sees_any_change_and_no_storage():
    X, y = simulated(BLOCK_ROWS + 100, 3, seed=6)
    X = X.astype(np.float32).astype(float)
    digest = ArrayRows(X, y).digest()
    assert ArrayRows(np.asfortranarray(X), y).digest() == digest
    assert ArrayRows(X.astype(np.float32), y).digest() == digest
    changed = X.copy()
    changed[-1, -1] = np.nextafter(changed[-1, -1], 2)
    assert ArrayRows(changed, y).digest() != digest
    assert ArrayRows(X, 1 - y).digest() != digest
    assert ArrayRows(X, y, weights=np.ones(len(y))).digest() != digest
    assert ArrayRows(X[::-1], y).digest() != digest


def test_blocks_of_which_no_row_is_left_are_passed_over():
    X, y = simulated(3 * BLOCK_ROWS, 2, seed=7)
    rows = MappedRows(ArrayRows(X, y), lambda block: block.select(block.design[:, 1] > 3))
    assert rows.reduce(lambda block: len(block.sign)) == np.count_nonzero(X[:, 1] > 3)
    nothing = MappedRows(ArrayRows(X, y), lambda block: block.select(block.design[:, 1] > 99))
    with pytest.raises(ValueError, match="no rows are left"):
        nothing.reduce(lambda block: 1)


def test_strands_of_rows_join_to_the_hash_of_all_wherever_they_are_cut(monkeypatch):
    monkeypatch.setattr(rows, "CHUNK_ROWS", 8)
    rng = np.random.default_rng(2)
    for _ in range(repeated(200)):
        n = int(rng.integers(1, 60))
        whole = rows.ArrayRows(rng.normal(size=(n, 2)), rng.integers(0, 2, n).astype(float))
        cuts = np.sort(rng.integers(0, n + 1, size=int(rng.integers(0, 7))))
        block, ends = whole.block(slice(None)), [0, *cuts.tolist(), n]
        strands = [
            rows.Strand.of(block.select(slice(start, stop)), start)
            for start, stop in pairwise(ends)
        ]
        while len(strands) > 1:  # neighbours join in whatever order
            j = int(rng.integers(len(strands) - 1))
            strands[j : j + 2] = [strands[j].join(strands[j + 1])]
        assert strands[0].digest() == whole.digest()


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What some rows could answer."""

    total: float
    each: np.ndarray
    furthest: float


def test_answers_of_rows_add_field_by_field_and_the_largest_of_those_named_stays():
    first = Answer(total=1.0, each=np.array([1.0, 2.0]), furthest=7.0)
    second = Answer(total=10.0, each=np.array([10.0, 20.0]), furthest=3.0)
    for one, two in ((first, second), (second, first)):
        found = added(one, two, largest=("furthest",))
        assert isinstance(found, Answer)
        assert (found.total, found.furthest) == (11.0, 7.0)
        assert found.each.tolist() == [11.0, 22.0]
        assert added(one, two).furthest == 10.0
    assert first.each.tolist() == [1.0, 2.0]  # what was given is as it was


def test_rows_of_a_block_and_of_signs_are_those_that_it_was_of():
    X, y = simulated(9, 2, seed=8)
    rows = ArrayRows(X, y * 1.0, np.arange(9.0), np.arange(1.0, 10.0))
    block = rows.block(slice(None))
    again = ArrayRows.of(block)
    assert np.array_equal(rows.sign, block.sign)
    assert again.digest() == rows.digest()
    plain = ArrayRows.of_signs(X, rows.sign)
    assert np.array_equal(plain.response, rows.response)
    assert plain.offset is plain.weights is None
