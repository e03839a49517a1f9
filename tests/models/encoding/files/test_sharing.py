import threading

import numpy as np
import pytest
from places import PLACES, shoppers

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import sharing as module, source
from flatprior.models.encoding.files.sharing import Sharing

FORMULAS = ("bought ~ income", "bought ~ region + age", "bought ~ income + region")


def models(folder, monkeypatch, place="Parquet", formulas=FORMULAS):
    monkeypatch.setattr(source, "BATCH_ROWS", 200)
    monkeypatch.setattr(source, "FEWEST_ROWS", 200)
    frame = shoppers(900)
    first = PLACES[place](frame, folder, formulas[0])
    name = folder / "rows.csv" if place == "CSV" else str(folder / "*.parquet")
    return [first, *(BernoulliLogistic.from_parquet(name, each) for each in formulas[1:])]


def sums(model):
    return model.rows.reduce(lambda block: np.ones(len(block.sign)) @ block.design)


@pytest.mark.parametrize("place", ["Parquet", "CSV"])
def test_a_pass_is_made_once_for_all_who_wait_for_it_and_reads_what_any_of_them_uses(
    tmp_path, monkeypatch, place
):
    every = models(tmp_path, monkeypatch, place)
    expected = [sums(model) for model in every]
    columns, before = [], [model.passes for model in every]
    read = source.Source.read
    monkeypatch.setattr(
        source.Source,
        "read",
        lambda self, names, *rest: columns.append(names) or read(self, names, *rest),
    )
    shared = Sharing()
    found = shared.run([lambda m=model: (sums(m), sums(m))[1] for model in every])
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)
    assert [set(names) for names in columns] == [{"bought", "income", "region", "age"}] * 2
    assert shared.tally.now.number == 2
    # each has counted two passes, of its own columns
    own = [model.passes - passes for model, passes in zip(every, before, strict=True)]
    assert [each.number for each in own] == [2, 2, 2]
    assert sum(each.bytes for each in own) - shared.saved.bytes == shared.tally.now.bytes > 0
    assert shared.saved.number == 4


def test_who_asks_for_more_passes_goes_on_when_others_have_ended(tmp_path, monkeypatch):
    every = models(tmp_path, monkeypatch)
    shared = Sharing()
    found = shared.run(
        [lambda: [sums(every[0]) for _ in range(4)], lambda: sums(every[1]), lambda: None]
    )
    assert len(found[0]) == 4
    assert found[2] is None
    assert shared.tally.now.number == 1  # for two


def test_an_error_of_one_ends_its_own_work_and_files_that_change_all(tmp_path, monkeypatch):
    every = models(tmp_path, monkeypatch)

    def broken():
        seen = []

        def function(block):
            seen.append(block)
            if len(seen) == 2:
                raise ZeroDivisionError("in the middle of a pass")
            return 0

        every[0].rows.reduce(function)

    ended = []
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        Sharing().run([broken, lambda: ended.append(sums(every[1]))])
    np.testing.assert_array_equal(ended[0], sums(every[1]))
    frame = shoppers(900)
    frame[:300].assign(income=1.0).to_parquet(tmp_path / "0.parquet", row_group_size=300)
    with pytest.raises(OSError, match="changed"):
        Sharing().run([lambda m=model: sums(m) for model in every])


def test_columns_that_are_taken_otherwise_are_read_apart(tmp_path, monkeypatch):
    frame = shoppers(600).assign(code=["01", "1", "2"] * 200)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    every = [
        BernoulliLogistic.from_parquet(tmp_path / "rows.csv", f"bought ~ {each}")
        for each in ("code", "C(code)", "income")
    ]
    expected = [sums(model) for model in every]
    assert [len(each) for each in expected] == [2, 3, 2]
    shared = Sharing()
    found = shared.run([lambda m=model: sums(m) for model in every])
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)
    assert shared.tally.now.number == 1
    assert shared.saved.number == 1  # the third with one of the others


def test_who_is_late_is_not_waited_for_longer_than_there_is_patience(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    every = models(tmp_path, monkeypatch)
    done = threading.Event()

    def late():
        assert done.wait(60)  # until the other, which waits for this one, has ended
        return sums(every[1])

    def early():
        found = sums(every[0])
        done.set()
        return found

    found = Sharing().run([early, late])
    np.testing.assert_array_equal(found[1], sums(every[1]))


def test_an_interrupt_ends_all_threads_at_their_next_batch(tmp_path, monkeypatch):
    every = models(tmp_path, monkeypatch)

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "wait", interrupted)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        Sharing().run([lambda m=model: [sums(m) for _ in range(1000)] for model in every])
    assert threading.active_count() == before
    assert max(model.passes.number for model in every) < 100
