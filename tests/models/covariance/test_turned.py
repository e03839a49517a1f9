"""Turned columns of codes answer as the same columns written out do."""

import functools
import operator

import numpy as np
import pytest
from coded_models import structured, written_out

from flatprior.models.common.errors import InputError
from flatprior.models.covariance.turned import (
    Turned,
    TurnedRows,
    cross_products,
    lengths,
    pieces,
    turned,
)
from flatprior.models.rows import ArrayRows, Block, as_held


@pytest.fixture(params=[0, 4], ids=["codes", "sparse"])
def designs(request):
    """Columns of codes, turned, and the same written out; as they are."""
    held = structured(50, seed=3, s=request.param)
    held.numbers[:, 1] += 2000.0  # far from 0, as years are
    matrix, rng = written_out(held), np.random.default_rng(1)
    root = rng.normal(size=(matrix.shape[1], 5)) / np.abs(matrix).max(axis=0)[:, None]
    one, two = turned(held, root), turned(matrix, root)
    assert isinstance(one, Turned)
    assert isinstance(two, np.ndarray)
    assert one[10:20].shape == (10, 5)
    assert one[10:20] @ np.ones(5) == pytest.approx((two @ np.ones(5))[10:20], rel=1e-9)
    return one, two


def test_products_are_those_of_the_matrix(designs):
    one, two = designs
    rng = np.random.default_rng(2)
    vector, columns, values = rng.normal(size=5), rng.normal(size=(5, 2)), rng.normal(size=50)
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


@pytest.mark.parametrize("codes", [True, False])
def test_rows_in_batches_are_turned_changed_and_followed_as_rows_in_memory(tmp_path, codes):
    """Sums over them, and the longest; of a change that leaves no row of some block too."""
    held = structured(60, seed=3)
    rows = ArrayRows(held if codes else written_out(held), np.arange(60) % 2.0)
    root = np.random.default_rng(1).normal(size=(rows.n_columns, 4))
    more = Block(10 * np.ones((2, 4)), np.ones(2), None, np.array([2.0, 3.0]))
    memory = TurnedRows.of(rows, root)
    batches = TurnedRows(rows=InBatches(rows), root=root)

    def sums(block):
        return np.append(block.counts @ block.design, block.counts.sum())

    def positive(block):
        return block.select((block.sign > 0) & (block.design @ np.ones(4) > 0))

    for one, two in (
        (memory, batches),
        (memory.changed(positive), batches.changed(positive)),
        (memory.changed(positive).changed(positive), batches.changed(positive).changed(positive)),
        (memory.followed_by(more), batches.followed_by(more)),
    ):
        assert two.reduce(sums) == pytest.approx(one.reduce(sums), rel=1e-10, abs=1e-9)
        assert two.longest == pytest.approx(one.longest, rel=1e-9)
    turned_rows = written_out(held) @ root
    assert memory.longest == pytest.approx(np.linalg.norm(turned_rows, axis=1).max(), rel=1e-9)
    assert memory.followed_by(more).longest >= 20
    with pytest.raises(InputError, match="no rows are left"):
        batches.changed(lambda block: block.select(block.sign > 2)).reduce(sums)


class InBatches:
    """Rows of which seven at a time come."""

    def __init__(self, rows):
        self.rows = rows

    def reduce(self, function, combine=operator.add):
        block = as_held(self.rows).block(slice(None))
        return functools.reduce(combine, map(function, block.split(7)))
