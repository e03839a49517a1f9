"""What is kept of a pass against NumPy on all rows."""

import numpy as np

from flatprior.models.batches.largest import Largest
from flatprior.models.rows import Block


def test_the_largest_are_those_of_all_rows_in_their_order():
    rng = np.random.default_rng(2)
    values = rng.integers(0, 12, size=60).astype(float)  # with ties, of which the first come first
    design = np.arange(60.0)[:, None]
    block = Block(design, np.ones(60), None, None)

    def of(start, stop):
        among = np.flatnonzero(np.arange(start, stop) % 5 > 0)
        return Largest.of(values[start:stop], block.select(slice(start, stop)), 7, among)

    one, two, three = of(0, 3), of(3, 40), of(40, 60)
    among = np.flatnonzero(np.concatenate([np.arange(3), np.arange(3, 40), np.arange(40, 60)]) % 5)
    expected = among[np.argsort(-values[among], kind="stable")[:7]]
    for found in ((one + two) + three, one + (two + three)):
        assert found.numbers.tolist() == expected.tolist()
        assert found.block.design[:, 0].tolist() == expected.tolist()
        assert found.values.tolist() == values[expected].tolist()
        assert found.n_rows == 60
