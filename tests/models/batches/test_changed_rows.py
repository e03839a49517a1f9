import operator

import numpy as np
from coded_models import held_as_codes, survey

from flatprior.models import BernoulliLogistic
from flatprior.models.batches.changed_rows import ChangedRows
from flatprior.models.encoding.files import source


def test_blocks_and_the_rows_drawn_are_changed_and_none_may_be_left(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 30)
    frame = survey(100, seed=1)
    frame.to_parquet(tmp_path / "data.parquet")
    with held_as_codes(True):
        rows = BernoulliLogistic.from_parquet(tmp_path, "y ~ x + g + h", offset="o").rows
    changed = ChangedRows(
        rows=rows,
        change=lambda block: block.select(block.offset > 0)._replace(offset=None),
        n_rows=int((frame["o"] > 0).sum()),
        n_columns=rows.n_columns,
        extent_of_offset=0.0,
    )
    x = changed.reduce_as_held(lambda block: block.design.numbers[:, 1].tolist(), operator.add)
    assert x == frame["x"][frame["o"] > 0].tolist()
    assert changed.drawn.n_rows == changed.n_rows == len(x)
    assert changed.drawn.offset is None
    assert np.array_equal(changed.drawn.design.numbers[:, 1], x)
    assert (changed.longest_block, changed.n_blocks) == (rows.longest_block, rows.n_blocks)
    assert not changed.too_large_to_write_out
    none = ChangedRows(
        rows=rows,
        change=lambda block: block.select(slice(0)),
        n_rows=0,
        n_columns=rows.n_columns,
        extent_of_offset=0.0,
    )
    assert none.reduce_as_held(lambda block: len(block.sign)) == 0
