"""Turned columns of codes answer as the same columns written out do."""

import numpy as np
import pytest
from coded_models import structured, written_out

from flatprior.models.covariance.turned import (
    Turned,
    cross_products,
    followed_by,
    lengths,
    pieces,
    turned,
)


@pytest.fixture(params=[0, 4], ids=["codes", "sparse"])
def designs(request):
    """Columns of codes, turned, and the same written out; some rows follow both."""
    held = structured(50, seed=3, s=request.param)
    held.numbers[:, 1] += 2000.0  # far from 0, as years are
    matrix, rng = written_out(held), np.random.default_rng(1)
    root = rng.normal(size=(matrix.shape[1], 5)) / np.abs(matrix).max(axis=0)[:, None]
    rows = rng.normal(size=(3, 5))
    one, two = turned(held, root), turned(matrix, root)
    assert isinstance(one, Turned)
    assert isinstance(two, np.ndarray)
    assert one[10:20].shape == (10, 5)
    assert one[10:20] @ np.ones(5) == pytest.approx((two @ np.ones(5))[10:20], rel=1e-9)
    return followed_by(one, rows), followed_by(two, rows)


def test_products_are_those_of_the_matrix(designs):
    one, two = designs
    rng = np.random.default_rng(2)
    vector, columns, values = rng.normal(size=5), rng.normal(size=(5, 2)), rng.normal(size=53)
    assert one.shape == two.shape
    assert one @ vector == pytest.approx(two @ vector, rel=1e-10, abs=1e-11)
    assert one @ columns == pytest.approx(two @ columns, rel=1e-10, abs=1e-11)
    assert values @ one == pytest.approx(values @ two, rel=1e-9, abs=1e-10)
    weights = np.square(values)
    expected = cross_products(two, weights)
    assert cross_products(one, weights) == pytest.approx(expected, rel=1e-9, abs=1e-10)
    assert lengths(one, columns) == pytest.approx(lengths(two, columns), rel=1e-8)


def test_pieces_are_all_rows_in_their_order(monkeypatch):
    monkeypatch.setattr("flatprior.models.covariance.turned.ROWS_AT_ONCE", 4)
    assert [*range(10)] == [row for some in pieces(10) for row in range(10)[some]]
    assert [some.stop - some.start for some in pieces(10)] == [4, 4, 2]
