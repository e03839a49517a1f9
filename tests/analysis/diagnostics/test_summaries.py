"""What is kept of a pass against NumPy on all rows."""

import numpy as np
import pytest

from flatprior.analysis.diagnostics.summaries import Spread, spread_of_sum


def test_the_spread_is_that_of_single_observations():
    rng = np.random.default_rng(1)
    values = rng.normal(1e6, 1, size=(2, 90))
    weights = rng.integers(1, 5, size=90).astype(float)
    parts = np.split(np.arange(90), [20, 21])
    one, two, three = (Spread.of(values[:, part], weights[part]) for part in parts)
    single = np.repeat(values, weights.astype(int), axis=1)
    for found in ((one + two) + three, one + (two + three), Spread.of(values, weights)):
        table = found.table(["a", "b"])
        assert table["mean"].to_numpy() == pytest.approx(single.mean(axis=1), rel=1e-15)
        assert table["sd"].to_numpy() == pytest.approx(single.std(axis=1, ddof=1), rel=1e-9)
        assert table["smallest"].tolist() == values.min(axis=1).tolist()
        assert table["largest"].tolist() == values.max(axis=1).tolist()
        assert table["sum of squares"].to_numpy() == pytest.approx(
            np.square(single).sum(axis=1), rel=1e-14
        )


def test_of_one_observation_and_of_infinite_values_there_is_no_sd():
    assert np.isnan(Spread.of(np.ones((1, 1)), np.ones(1)).sd).all()
    infinite = Spread.of(np.array([[1.0, np.inf]]), np.ones(2))
    assert infinite.mean == [np.inf]
    assert np.isnan(infinite.sd).all()


def test_the_standard_error_of_a_sum_is_that_of_single_observations():
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=50), rng.integers(1, 4, 50).astype(float)
    single = np.repeat(values, weights.astype(int))
    expected = np.sqrt(len(single)) * single.std(ddof=1)
    assert spread_of_sum(values, weights) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(spread_of_sum(np.ones(1), np.ones(1)))
