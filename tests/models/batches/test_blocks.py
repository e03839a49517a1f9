import operator
from dataclasses import replace

import numpy as np
import pytest
from places import in_files, on_dask, shoppers

from flatprior.models.batches.encoder import Encoder
from flatprior.models.batches.same_passes import all_of, side_by_side

FORMULA = "bought ~ income + region"


@pytest.fixture(params=[in_files, on_dask])
def rows(request, tmp_path):
    model = request.param(shoppers(600), tmp_path, FORMULA)
    assert model.data_hash  # the pass that finds the hash is made
    return model.rows


def numbers_of(block):
    return [block.groups]


def test_all_who_want_blocks_have_the_same_with_numbers_and_without(rows, monkeypatch):
    made, encode = [], Encoder.block
    monkeypatch.setattr(
        Encoder, "block", lambda self, *given: made.append(1) or encode(self, *given)
    )
    alone = rows.reduce(lambda block: block.sign @ block.design)
    once = len(made)
    found = all_of(
        side_by_side(
            [
                lambda: rows.reduce(lambda block: block.sign @ block.design),
                lambda: rows.with_numbers.reduce(numbers_of),
                lambda: rows.reduce(lambda block: np.abs(block.design).max(axis=0), np.maximum),
            ]
        )[0]
    )
    assert len(made) == 2 * once
    np.testing.assert_array_equal(found[0], alone)
    np.testing.assert_array_equal(np.concatenate(found[1]), np.arange(rows.n_rows))


def test_numbers_are_those_of_all_rows_where_a_batch_is_many_blocks(rows, monkeypatch):
    monkeypatch.setitem(rows.__dict__, "_blocks", replace(rows._blocks, step=70))
    numbers = rows.with_numbers.reduce_as_held(numbers_of)
    assert max(map(len, numbers)) == 70
    np.testing.assert_array_equal(np.concatenate(numbers), np.arange(rows.n_rows))


def test_rows_and_those_that_become_of_them_are_encoded_once(rows, monkeypatch):
    def squared(block):
        return block._replace(design=np.square(np.asarray(block.design)))

    def less(block):
        return block._replace(design=np.asarray(block.design)[:, 1:])

    def sums(of):
        return lambda: of.reduce(lambda block: block.sign @ block.design)

    others = [rows.become(squared, True), rows.become(squared, True).become(less, False)]
    alone = [sums(each)() for each in (rows, *others)]
    hashes = [each.digest() for each in others]
    made, encode = [], Encoder.block
    monkeypatch.setattr(
        Encoder, "block", lambda self, *given: made.append(1) or encode(self, *given)
    )
    sums(rows)()
    once = len(made)
    again = [rows.become(squared, True), rows.become(squared, True).become(less, False)]
    found = all_of(side_by_side([sums(each) for each in (rows, *again)])[0])
    assert len(made) == 2 * once
    for ours, theirs in zip(found, alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [each.digest() for each in again] == hashes
    assert len({rows.digest(), *hashes}) == 3


def test_an_error_in_one_answer_leaves_those_that_share_its_blocks(rows):
    def fails(block):
        raise ZeroDivisionError("in a block")

    found, _ = side_by_side(
        [lambda: rows.reduce(fails), lambda: rows.reduce(lambda block: len(block.sign))]
    )
    assert found[1] == rows.n_rows
    with pytest.raises(ZeroDivisionError, match="in a block"):
        all_of(found)


def test_batches_that_have_changed_are_an_error_of_all_who_share_them(rows, monkeypatch):
    wrong = replace(rows._blocks, digests=(b"",) * len(rows._blocks.digests))
    monkeypatch.setitem(rows.__dict__, "_blocks", wrong)
    found, _ = side_by_side([lambda: rows.reduce(operator.attrgetter("sign"))] * 2)
    for each in found:
        with pytest.raises(OSError, match="changed while they were read"):
            all_of([each])
