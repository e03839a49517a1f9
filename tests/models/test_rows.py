from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from coded_models import both, structured, survey, written_out
from multiplier import repeated
from places import PLACES, shoppers
from problems import simulated
from scipy.sparse import csr_array

from flatprior.models import BernoulliLogistic, fit_newton, rows
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.likelihood import at_each, exact_log_likelihoods, log_likelihoods, scores
from flatprior.models.rows import (
    BLOCK_ROWS,
    DENSE,
    ArrayRows,
    MappedRows,
    added,
    are_all,
    as_held,
    content,
    distinct,
    hashes_of_predictors,
    merge_identical,
)


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


def test_the_first_pass_over_changed_rows_in_files_finds_their_extent_too(tmp_path):
    model = PLACES["Parquet"](shoppers(600), tmp_path, "bought ~ income + age")

    def change(block):
        return block._replace(design=block.design * 3, offset=np.full(len(block.sign), 7.0))

    before = model.passes.number
    mapped = MappedRows(model.rows, change)
    total = mapped.reduce(lambda block: block.design.sum(axis=0))
    assert model.passes.number == before + 1
    found = mapped.extent
    assert model.passes.number == before + 1
    assert total == pytest.approx(3 * model.rows.reduce(lambda block: block.design.sum(axis=0)))
    np.testing.assert_array_equal(found.columns, 3 * model.rows.extent.columns)
    assert (found.offset, mapped.has_offset) == (7.0, True)


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


def drawn_design(rng):
    """Codes of a few rows: rare and frequent levels, levels that all rows have, zeros, blanks."""
    n, d = int(rng.integers(1, 80)), int(rng.integers(0, 4))
    numbers = rng.choice([0.0, -0.0, 1.0, 2.5, 1.0, 1.0], size=(n, d))
    numbers[:, rng.random(d) < 0.5] += 1.0
    sizes = [int(rng.choice([2, 2, 3, 40])) for _ in range(int(rng.integers(1, 4)))]
    kept = [size - int(rng.random() < 0.7) for size in sizes]
    s = int(rng.integers(0, 5))
    places = rng.permutation(d + sum(kept) + s)
    factors, at = [], d
    for size, own in zip(sizes, kept, strict=True):
        columns = np.concatenate([np.full(size - own, -1), np.sort(places[at : at + own])])
        among = [size - 1] if rng.random() < 0.4 else size  # one level in all rows, or any
        codes = rng.choice(among, n).astype(np.int32)
        factors.append(Factor(codes, columns.astype(np.intp)))
        at += own
    found = Structured(numbers, np.sort(places[:d]), tuple(factors))
    if not s:
        return found
    matrix = np.where(rng.random(s) < 0.4, 1.0, rng.choice([1.0, 1.0, -2.5], size=(n, s)))
    columns = csr_array(matrix * (rng.random((n, s)) < rng.choice([0.02, 0.3, 1.0], size=s)))
    columns.data[rng.random(columns.nnz) < 0.1] = 0.0  # held all the same
    return replace(found, sparse=columns, sparse_places=places[at:])


def test_the_content_of_a_design_is_the_same_as_codes_and_written_out():
    rng = np.random.default_rng(8)
    for _ in range(repeated(150)):
        design = drawn_design(rng)
        one = [np.ascontiguousarray(part) for part in content(design)]
        two = [np.ascontiguousarray(part) for part in content(written_out(design))]
        assert [part.shape for part in one] == [part.shape for part in two]
        assert [part.tobytes() for part in one] == [part.tobytes() for part in two]


def test_rows_in_which_nothing_is_zero_are_the_same_as_codes():
    # every factor of two levels, and the last rows all of the second: no column has a zero there
    n = rows.CHUNK_ROWS + 3
    codes = np.concatenate([np.arange(rows.CHUNK_ROWS) % 2, [1, 1, 1]]).astype(np.int32)
    factors = tuple(
        Factor(np.where(np.arange(n) < 9 * j, 0, codes).astype(np.int32), np.array([-1, 2 + j]))
        for j in range(8)
    )
    numbers = np.column_stack([np.ones(n), np.linspace(1, 2, n)])
    design = Structured(numbers, np.arange(2), factors)
    y = codes * 1.0
    assert ArrayRows(design, y).digest() == ArrayRows(written_out(design), y).digest()


def test_the_digest_is_that_of_the_rows_written_out_and_sees_any_change():
    design = structured(5000, seed=9, d=2, levels=(3, 70), s=6)
    y = np.resize([0.0, 1.0, 1.0], 5000)
    digest = ArrayRows(design, y).digest()
    matrix = written_out(design)
    assert ArrayRows(matrix, y).digest() == digest
    assert ArrayRows(np.asfortranarray(matrix), y).digest() == digest
    rng = np.random.default_rng(10)
    seen = {digest}
    for _ in range(repeated(20)):  # in one number each: of levels, of zeros, of ones
        changed = matrix.copy()
        i, j = rng.integers(5000), rng.integers(matrix.shape[1])
        changed[i, j] = 1.0 - changed[i, j] if j != 1 else np.nextafter(changed[i, j], 9)
        seen.add(ArrayRows(changed, y).digest())
        i, factor = rng.integers(5000), design.factors[1]
        codes = factor.codes.copy()
        codes[i] = (codes[i] + 1) % 70
        other = replace(design, factors=(design.factors[0], Factor(codes, factor.columns)))
        seen.add(ArrayRows(other, y).digest())
        entries = design.sparse.copy()
        entries.data[rng.integers(entries.nnz)] += 1.0
        seen.add(ArrayRows(replace(design, sparse=entries), y).digest())
    assert len(seen) > 3 * repeated(20) - 6
    # columns that change places
    assert ArrayRows(matrix[:, ::-1], y).digest() not in seen


def test_different_columns_have_different_content():
    def hashed(matrix):
        matrix = np.asarray(matrix, dtype=float)
        return ArrayRows(matrix, np.zeros(len(matrix))).digest()

    n = 4 * DENSE
    few, many = np.zeros(n), np.zeros(n)
    few[0], many[::2] = 1.0, 1.0
    one, two = np.ones(n), np.full(n, 2.0)
    parts = [few, many, one, two, few[::-1], many[::-1], 2 * few, 2 * many, 1 - few, 3 - many]
    found = {}
    for i, a in enumerate(parts):
        found[(i,)] = hashed(a[:, None])
        for j, b in enumerate(parts):
            found[i, j] = hashed(np.column_stack([a, b]))
            for k, c in enumerate(parts):
                found[i, j, k] = hashed(np.column_stack([a, b, c]))
    assert len(set(found.values())) == len(found)


def test_blocks_of_a_design_of_codes_are_written_out_and_not_too_large(monkeypatch):
    design = structured(9000, seed=11, levels=(28,), s=2)
    y = np.resize([0.0, 1.0], 9000)
    monkeypatch.setattr(rows, "LARGEST_BLOCK", 32 * 5000)
    held = ArrayRows(design, y, offset=y / 2, weights=y + 1)
    assert held.block_rows == 2 * rows.CHUNK_ROWS
    assert held.n_columns == design.shape[1]
    blocks = list(held.blocks())
    assert [len(block.sign) for block in blocks] == [4096, 4096, 808]
    assert np.array_equal(np.vstack([block.design for block in blocks]), written_out(design))
    total = written_out(design).sum()
    assert held.reduce(lambda block: block.design.sum()) == pytest.approx(total, rel=1e-13)
    assert held.extent_of_offset == 0.5
    assert ArrayRows(design, y).extent_of_offset == 0.0
    assert np.array_equal(held.extent.columns, np.abs(written_out(design)).max(axis=0))
    sample = held.sample(50)
    assert isinstance(sample.design, np.ndarray)
    part = held.select(np.array([3, 1, 8]))
    assert np.array_equal(np.asarray(part.design), written_out(design)[[3, 1, 8]])
    fewer = held.select(slice(2, 9), np.array([7, 0, 2]))
    assert isinstance(fewer.design, Structured)
    assert np.array_equal(np.asarray(fewer.design), written_out(design)[2:9][:, [7, 0, 2]])
    fewer = held.select(slice(2, 9), np.array([1, 31, 0])).design
    assert fewer.factors == ()
    assert np.array_equal(np.asarray(fewer), written_out(design)[2:9][:, [1, 31, 0]])
    numbers = held.select(slice(2, 9), np.array([2, 0]))
    assert np.array_equal(numbers.design, written_out(design)[2:9][:, [2, 0]])
    assert not held.too_large_to_write_out
    monkeypatch.setattr(rows, "LARGEST_DENSE", 100)
    assert held.too_large_to_write_out
    assert not ArrayRows(written_out(design), y).too_large_to_write_out


def test_a_model_hashes_as_it_does_written_out():
    frame = survey(2100, seed=12)
    frame["c"], frame["e"] = frame["b"], np.where(frame["z"] > 0, "no", "yes")
    for formula in ("y ~ x + g * h", "y ~ 0 + g:h + z", "y ~ b + e"):
        frame.loc[2048:, ["b", "e"]] = "yes"
        model, written = both(formula, frame, frequency_weights="w", offset="o")
        assert model.data_hash == written.data_hash
        assert model.data_hash != both(formula, frame)[0].data_hash


def test_rows_as_they_are_held_have_the_same_sums_and_no_column_written_out(monkeypatch):
    held, written = both("y ~ x + g * h", survey(40_000, seed=9), offset="o", frequency_weights="w")
    monkeypatch.setattr(Structured, "dense", None)
    rows, beta = as_held(held.rows), np.linspace(-1, 1, held.n_parameters)
    assert as_held(written.rows) is written.rows
    several = np.array([beta, -beta, beta / 2])
    for function in (scores, exact_log_likelihoods, log_likelihoods):
        expected = at_each(written.rows, function, several)
        assert at_each(rows, function, several) == pytest.approx(expected, rel=1e-11)
    assert held.score(beta) == pytest.approx(written.score(beta), rel=1e-11)
    assert held.log_likelihood(beta) == pytest.approx(written.log_likelihood(beta), rel=1e-13)
    pointwise = written.pointwise_log_likelihood(beta)
    assert held.pointwise_log_likelihood(beta) == pytest.approx(pointwise, rel=1e-12)
    for part in (slice(3, 9), np.array([5, 7, 5])):
        assert np.array_equal(rows.block(part).weights, written.rows.block(part).weights)


def test_columns_that_have_one_value_are_told_as_in_the_matrix():
    design = structured(40, seed=3, s=5)
    for some in (design, design[:1], design[[2, 2, 2]], design[design.factors[0].codes == 1]):
        matrix = some.dense()
        for row in (matrix[0], np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])):
            assert np.array_equal(are_all(some, row), (matrix == row).all(axis=0))
            assert np.array_equal(are_all(matrix, row), (matrix == row).all(axis=0))


def test_identical_rows_are_merged_by_their_codes():
    held, written = both("y ~ g * h + b", survey(3000, seed=10), frequency_weights="w")
    one, two = merge_identical(held.rows), merge_identical(written.rows)
    assert (
        one.n_rows == two.n_rows == len(np.unique(np.c_[written.design, written.response], axis=0))
    )
    table = [np.c_[np.asarray(rows.design), rows.response, rows.weights] for rows in (one, two)]
    assert np.array_equal(*(np.unique(each, axis=0) for each in table))


@pytest.mark.parametrize("s", [0, 5], ids=["codes", "sparse"])
def test_the_extent_of_codes_is_that_of_the_columns(s):
    design = structured(40, seed=3, s=s)[5:8]  # in which some levels are not
    y = np.zeros(3)
    held = rows.extent_of(rows.Block(design, y, None, None))
    assert np.array_equal(held.columns, np.abs(written_out(design)).max(axis=0))


@pytest.mark.parametrize("kinds", [3, 300])
def test_many_rows_are_merged_whatever_order_they_lie_in(kinds):
    rng = np.random.default_rng(12)
    patterns = np.column_stack([rng.normal(size=(kinds, 2)), np.zeros(kinds)])
    group = rng.integers(0, kinds, 20_000)
    for order in ("C", "F"):
        design = np.asarray(patterns[group], order=order)
        rows = ArrayRows(design, np.zeros(20_000))
        merged = merge_identical(rows, 1 / 8)
        counts = {
            tuple(row): count for row, count in zip(merged.design, merged.weights, strict=True)
        }
        expected = np.bincount(group, minlength=kinds)
        assert counts == {tuple(row): count for row, count in zip(patterns, expected, strict=True)}


def test_hashes_that_are_alike_merge_no_rows_that_are_not(monkeypatch):
    design = np.repeat(np.arange(4.0), 50)[:, None]
    rows = ArrayRows(design, np.zeros(200))
    assert merge_identical(rows).n_rows == 4
    monkeypatch.setattr(
        "flatprior.models.rows.row_hashes", lambda held: np.zeros(len(held[0]), "u8")
    )
    assert merge_identical(rows) is rows


def test_rows_that_seem_to_differ_are_not_compared(monkeypatch):
    rng = np.random.default_rng(13)
    rows = ArrayRows(rng.normal(size=(50_000, 2)), np.zeros(50_000))
    monkeypatch.setattr("flatprior.models.rows._over_rows", None)
    assert merge_identical(rows) is rows


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 3), (15, 2), (16, 1), (47, 5), (200, 4)])
def test_the_extent_of_a_column_is_its_largest_absolute_value(shape, order):
    X = np.random.default_rng(6).normal(size=shape)
    X[shape[0] // 2, 0] = -9.0
    assert rows.column_extents(np.asarray(X, order=order)).tolist() == abs(X).max(axis=0).tolist()
    X[-1, -1] = np.nan
    assert np.isnan(rows.column_extents(np.asarray(X, order=order))[-1])


@pytest.mark.parametrize("collide", [False, True])
def test_each_row_is_told_which_it_is_identical_to(collide, monkeypatch):
    if collide:
        monkeypatch.setattr(rows, "row_hashes", lambda held: np.zeros(len(held[0]), np.uint64))
    rng = np.random.default_rng(7)
    design, response = rng.integers(0, 3, size=(200, 3)) * 1.0, rng.integers(0, 2, 200) * 1.0
    design[design == 0] *= np.where(rng.random((design == 0).sum()) < 0.5, 1, -1)  # 0 and -0
    group, first = distinct(ArrayRows(design, response))
    table = np.column_stack([response, design]) + 0.0
    assert len(first) == len(np.unique(table, axis=0)) == group.max() + 1
    assert np.array_equal(table, table[first][group])
    assert all(first[g] == np.flatnonzero(group == g)[0] for g in range(len(first)))
    held, written = both("y ~ g + h + b", survey(200, seed=3))
    one, two = distinct(held.rows), distinct(written.rows)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)) or collide
    assert len(one[1]) == len(two[1])


def test_predictors_have_one_hash_whatever_the_outcome_and_however_they_are_held():
    rng = np.random.default_rng(8)
    kinds = rng.integers(0, 3, size=(5, 4)).astype(float)
    which = rng.integers(5, size=60)
    X = kinds[which]
    same = (X[:, None] == X[None]).all(axis=2)
    none = np.zeros((60, 0))
    held_as = (
        X,
        Structured(none, np.arange(0), (), csr_array(X), np.arange(4)),
        Structured(X[:, :2], np.arange(2), (), csr_array(X[:, 2:]), np.arange(2, 4)),
    )
    response, offset = rng.integers(2, size=60).astype(float), np.arange(60) % 2.0
    for held in held_as:
        found = hashes_of_predictors(ArrayRows(held, response).block(slice(None)))
        assert ((found[:, None] == found[None]) == same).all()
    found = hashes_of_predictors(ArrayRows(X, response, offset).block(slice(None)))
    assert ((found[:, None] == found[None]) == (same & (offset[:, None] == offset[None]))).all()
