import numpy as np
import pandas as pd
import pytest

from flatprior.analysis.report import column_sums
from flatprior.analysis.report.column_sums import ColumnSums
from flatprior.models import BernoulliLogistic, rows
from flatprior.models.designs.coded import Factor, Structured


def weighted(size=500):
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(1e6, 1, size), rng.random(size) < 0.3, np.ones(size)])
    return X, (rng.random(size) < 0.4) * 1, rng.integers(1, 6, size)


def held_against_repeated_rows(sums, X, y, w):
    """Each row as often as its weight says, each outcome by itself, and NumPy's own moments."""
    for outcome in (0, 1):
        own = np.repeat(X, w, axis=0)[np.repeat(y, w) == outcome]
        assert sums.counts[outcome] == len(own)
        assert sums.means[outcome] == pytest.approx(own.mean(axis=0), rel=1e-14)
        assert sums.deviations[outcome] == pytest.approx(own.std(axis=0, ddof=1), rel=1e-8)
    assert sums.least.tolist() == X.min(axis=0).tolist()
    assert sums.largest.tolist() == X.max(axis=0).tolist()
    assert sums.binary.tolist() == [False, True, True]


def test_a_row_counts_as_often_as_its_weight_says():
    X, y, w = weighted()
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=w)
    held_against_repeated_rows(ColumnSums.of(model.rows), X, y, w)


def test_blocks_of_rows_add_up_to_the_whole(monkeypatch):
    # numbers of which a sum of squares would keep no digit
    monkeypatch.setattr(rows, "BLOCK_ROWS", 32)
    X, y, w = weighted()
    y = np.sort(y)  # blocks with a single outcome
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=w)
    held_against_repeated_rows(ColumnSums.of(model.rows), X, y, w)


def test_rows_in_a_file_are_counted_as_those_in_memory(tmp_path):
    frame = pd.DataFrame({"x": np.arange(40.0), "g": list("abcb") * 10, "y": [0, 1, 1, 0, 1] * 8})
    frame.to_parquet(tmp_path / "data.parquet", row_group_size=7)
    there = ColumnSums.of(
        BernoulliLogistic.from_parquet(tmp_path / "data.parquet", "y ~ x + g").rows
    )
    here = ColumnSums.of(BernoulliLogistic.from_formula("y ~ x + g", frame).rows)
    for name, part in vars(here).items():
        assert np.asarray(getattr(there, name)) == pytest.approx(np.asarray(part), rel=1e-14)


def test_factors_as_codes_and_sparse_columns_are_counted_as_if_written_out():
    from scipy.sparse import csr_array

    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, 300).astype(np.int32)
    few = rng.normal(2, 1, (300, 2)) * (rng.random((300, 2)) < 0.2)
    few[:, 1] = few[:, 1] != 0
    design = Structured(
        rng.normal(size=(300, 1)), np.array([3]), (Factor(codes, np.array([-1, 0, 1, 2])),)
    )
    design = design.beside(csr_array(few), np.array([4, 5]))
    y, w = (rng.random(300) < 0.4) * 1.0, rng.integers(1, 4, 300) * 1.0
    found = ColumnSums.of(rows.ArrayRows(design, y, weights=w))
    expected = ColumnSums.of(rows.ArrayRows(design.dense(), y, weights=w))
    for name, part in vars(expected).items():
        assert np.asarray(getattr(found, name)) == pytest.approx(np.asarray(part), rel=1e-12)
    assert found.binary.tolist() == [True, True, True, False, False, True]


def test_the_spread_of_all_rows_is_their_standard_deviation():
    rng = np.random.default_rng(8)
    X, y = rng.normal(1e6, 3, size=(50, 2)), (np.arange(50) % 3 == 0) * 1.0
    weights = rng.integers(1, 4, 50)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    expected = np.repeat(X, weights, axis=0).std(axis=0, ddof=1)
    assert ColumnSums.of(model.rows).spread == pytest.approx(expected, rel=1e-9)


def test_of_an_outcome_that_there_is_not_nothing_is_known():
    model = BernoulliLogistic.from_arrays(np.arange(4.0), [1, 1, 1, 1])
    sums = ColumnSums.of(model.rows)
    assert np.isnan(sums.means[0]).all()
    assert np.isnan(sums.deviations[0]).all()
    assert sums.means[1].tolist() == [1.5]
    assert column_sums.ColumnSums.plus(sums, sums).counts.tolist() == [0, 8]
