import os
import signal
import threading

import numpy as np
import pytest
from places import PLACES, shoppers

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.batches import file_rows
from flatprior.models.batches.same_passes import (
    Failed,
    all_of,
    in_same_passes,
    side_by_side,
    stepwise,
)
from flatprior.models.encoding.files import source

FORMULAS = ("bought ~ income", "bought ~ region + age", "bought ~ income + region", "bought ~ age")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 200)
    monkeypatch.setattr(source, "FEWEST_ROWS", 200)


def in_files(folder, place="Parquet", formulas=FORMULAS):
    first = PLACES[place](shoppers(500), folder, formulas[0])
    name = folder / "rows.csv" if place == "CSV" else str(folder / "*.parquet")
    return [first, *(BernoulliLogistic.from_parquet(name, each) for each in formulas[1:])]


def on_dask(formulas=FORMULAS):
    from dask import dataframe

    lazy = dataframe.from_pandas(shoppers(500), npartitions=3)
    return [BernoulliLogistic.from_dask(lazy, each) for each in formulas]


def sums(model):
    return model.rows.reduce(lambda block: np.ones(len(block.sign)) @ block.design)


def fits(models):
    rows = [model.rows for model in models]
    return in_same_passes(rows, [lambda m=model: fit_newton(m) for model in models])


@pytest.mark.parametrize("where", ["files", "Dask"])
def test_fits_of_the_same_rows_take_as_many_passes_as_the_longest_and_are_the_same(tmp_path, where):
    def build():
        return in_files(tmp_path) if where == "files" else on_dask()

    alone = [fit_newton(model) for model in build()]
    found, passes = fits(build())
    assert passes.number == max(fit.provenance.passes for fit in alone)
    for one, two in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.coefficients, two.coefficients)
        np.testing.assert_array_equal(one.covariance, two.covariance)
        assert one.provenance.passes == two.provenance.passes


def test_rows_in_memory_of_one_model_and_of_other_sources_are_gone_through_apart(tmp_path):
    memory = PLACES["memory"](shoppers(300), None, FORMULAS[0])
    assert fits([memory, memory])[1] is None
    lazy = [PLACES["Dask"](shoppers(n), None, FORMULAS[0]) for n in (300, 400)]
    found, passes = fits([*lazy, memory])
    assert passes.number == sum(fit.provenance.passes for fit in found[:2])
    (read, *_) = in_files(tmp_path)
    found, passes = fits([read, read])
    assert passes.number == sum(fit.provenance.passes for fit in found)


def test_the_first_error_in_order_is_raised_behind_that_of_what_comes_then(tmp_path):
    models = in_files(tmp_path)[:2]

    def fails(number):
        raise ValueError(f"error {number}")

    tasks = [lambda n=number: fails(n) for number in range(2)]
    rows = [model.rows for model in models]
    with pytest.raises(ValueError, match="error 0"):
        in_same_passes(rows, tasks)
    with pytest.raises(ValueError, match="error 7"):
        in_same_passes(rows, tasks, lambda: fails(7))


@pytest.mark.parametrize("place", ["Parquet", "CSV"])
def test_a_pass_is_made_once_for_all_who_wait_for_it_and_reads_what_any_of_them_uses(
    tmp_path, monkeypatch, place
):
    every = in_files(tmp_path, place)[:3]
    expected = [sums(model) for model in every]
    columns, before = [], [model.passes for model in every]
    read = source.Source.read
    monkeypatch.setattr(
        source.Source,
        "read",
        lambda self, names, *rest: columns.append(names) or read(self, names, *rest),
    )
    found, saved = side_by_side([lambda m=model: (sums(m), sums(m))[1] for model in every])
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)
    assert [set(names) for names in columns] == [{"bought", "income", "region", "age"}] * 2
    # each has counted two passes, of its own columns
    own = [model.passes - passes for model, passes in zip(every, before, strict=True)]
    assert [each.number for each in own] == [2, 2, 2]
    assert saved.number == 4
    assert 0 < saved.bytes < sum(each.bytes for each in own)


@pytest.mark.parametrize("place", ["Parquet", "CSV"])
def test_surveys_share_a_pass_too_and_say_what_they_would_alone(tmp_path, place):
    frame = shoppers(900).assign(code=["01", "1", "?"] * 300)
    PLACES[place](frame, tmp_path, FORMULAS[0])
    name = tmp_path / "rows.csv" if place == "CSV" else str(tmp_path / "*.parquet")
    formulas = ("bought ~ income", "bought ~ age + code", "bought ~ income + age")

    def build(formula):
        return BernoulliLogistic.from_parquet(name, formula, na="?")

    alone = [build(each) for each in formulas]
    found, saved = side_by_side([lambda f=each: build(f) for each in formulas])
    longest = max(model.passes.number for model in alone)
    assert sum(model.passes.number for model in found) - saved.number == longest
    for one, two in zip(found, alone, strict=True):
        assert one.data_hash == two.data_hash
        assert one.reading == two.reading
        assert one.facts == two.facts
    assert any("read as missing" in note for note in found[1].reading.notes)


def test_who_asks_for_more_passes_goes_on_when_others_have_ended(tmp_path):
    every = in_files(tmp_path)
    found, saved = side_by_side(
        [lambda: [sums(every[0]) for _ in range(4)], lambda: sums(every[1]), lambda: None]
    )
    assert len(found[0]) == 4
    assert found[2] is None
    assert saved.number == 1


def test_nothing_goes_on_beside_anything_else_and_all_in_order(tmp_path):
    every = in_files(tmp_path)
    begun, running = [], threading.Lock()

    def work(i):
        for step in range(3):
            assert running.acquire(blocking=False)
            begun.append((step, i))
            running.release()
            sums(every[i])

    side_by_side([lambda i=i: work(i) for i in range(4)])
    assert begun == sorted(begun)


@pytest.mark.parametrize("where", ["files", "Dask"])
def test_an_error_of_one_ends_its_own_work_alone(tmp_path, where):
    every = in_files(tmp_path) if where == "files" else on_dask()

    def broken():
        def function(block):
            raise ZeroDivisionError("in the middle of a pass")

        every[0].rows.reduce(function)

    found, _ = side_by_side([broken, lambda: sums(every[1])])
    assert isinstance(found[0], Failed)
    np.testing.assert_array_equal(found[1], sums(every[1]))
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        all_of(found)


def test_files_that_change_end_all(tmp_path):
    every = in_files(tmp_path)
    frame = shoppers(500)
    frame[:300].assign(income=1.0).to_parquet(tmp_path / "0.parquet", row_group_size=300)
    found, _ = side_by_side([lambda m=model: sums(m) for model in every])
    for each in found:
        with pytest.raises(OSError, match="changed"):
            all_of([each])


def test_columns_that_are_taken_otherwise_are_read_apart(tmp_path):
    frame = shoppers(600).assign(code=["01", "1", "2"] * 200)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    every = [
        BernoulliLogistic.from_parquet(tmp_path / "rows.csv", f"bought ~ {each}")
        for each in ("code", "C(code)", "income")
    ]
    expected = [sums(model) for model in every]
    assert [len(each) for each in expected] == [2, 3, 2]
    found, saved = side_by_side([lambda m=model: sums(m) for model in every])
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)
    assert saved.number == 1  # the third with one of the others


def test_no_more_columns_are_read_together_than_there_is_room_for(tmp_path, monkeypatch):
    every = in_files(tmp_path)[:2]  # of two columns and three, of which one is the same
    for room, saved in ((4 * 200, 1), (4 * 200 - 1, 0)):
        monkeypatch.setattr(file_rows, "MOST_NUMBERS", room)
        assert side_by_side([lambda m=model: sums(m) for model in every])[1].number == saved


def test_an_interrupt_in_a_pass_ends_all_and_leaves_no_thread(tmp_path):
    every = in_files(tmp_path)

    def interrupted(block):
        os.kill(os.getpid(), signal.SIGINT)
        return 0

    before, ended = threading.active_count(), []

    def work(model):
        try:
            sums(model)
            model.rows.reduce(interrupted)
        except Exception:  # whatever holds errors up does not hold this up
            ended.append("held up")
        finally:
            ended.append(model)

    with pytest.raises(KeyboardInterrupt):
        side_by_side([lambda m=model: work(m) for model in every])
    assert threading.active_count() == before
    assert ended == every
    assert all(model.passes.number <= 3 for model in every)


def test_work_is_a_generator_of_what_it_asks_for(tmp_path):
    (model, *_) = in_files(tmp_path)
    expected = sums(model)
    steps = stepwise(lambda: sums(model) + sums(model))
    (request,) = next(steps)
    assert set(request.columns) == {"bought", "income"}
    (again,) = steps.send(request.made([request])[0])
    with pytest.raises(StopIteration) as over:
        steps.send(again.made([again])[0])
    np.testing.assert_array_equal(over.value.value, 2 * expected)


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_error_state_of_who_asks_holds_where_blocks_are_put_together(tmp_path, at_once):
    # 1.5e308 + 1.5e308 overflows: a warning, and so an error here, but for the state
    models = in_files(tmp_path)[:at_once]

    def put_together(rows):
        with np.errstate(over="ignore"):
            return rows.reduce(lambda block: np.array([1.5e308]), np.add)

    found, _ = in_same_passes(
        [each.rows for each in models], [lambda r=each.rows: put_together(r) for each in models]
    )
    assert found == [np.inf] * at_once


def test_an_interrupt_while_a_thread_starts_leaves_none(tmp_path, monkeypatch):
    (model, *_) = in_files(tmp_path)
    begun = threading.active_count()
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(stepwise(lambda: sums(model)))
    assert threading.active_count() == begun


def climbs(model):
    """Tasks of 1, 2, ... steps, each of which needs the one before."""

    def climb(steps):
        beta = np.zeros(model.n_parameters)
        for _ in range(steps):
            beta = beta + model.score(beta) / 1000
        return beta

    return [lambda steps=steps: climb(steps) for steps in range(1, 6)]


@pytest.fixture(params=["files", "Dask"])
def model(request, tmp_path):
    found = (in_files(tmp_path) if request.param == "files" else on_dask())[2]
    assert found.data_hash  # the pass that finds the hash is made
    return found


def test_work_on_one_model_makes_and_counts_as_many_passes_as_the_longest(model):
    before = model.passes
    alone = [task() for task in climbs(model)]
    between = model.passes
    together, saved = side_by_side(climbs(model))
    assert (between - before).number == 15
    assert (model.passes - between).number == 5
    assert 3 * (model.passes - between).bytes == (between - before).bytes
    assert saved.number == 0  # nothing was counted and not made
    np.testing.assert_array_equal(together, alone)


def test_work_that_consists_of_work_shares_the_passes_of_all(model):
    def both():
        return side_by_side(climbs(model))[0]

    before = model.passes
    (first, second, third), _ = side_by_side([both, both, climbs(model)[1]])
    assert (model.passes - before).number == 5
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[1], third)
    np.testing.assert_array_equal(first[4], climbs(model)[4]())


def test_an_error_deep_inside_is_an_answer_and_ends_nothing_else(model):
    def fails():
        climbs(model)[1]()
        raise ValueError("no")

    def both():
        return side_by_side([fails, climbs(model)[2]])[0]

    (found, other), _ = side_by_side([both, climbs(model)[3]])
    with pytest.raises(ValueError, match="no"):
        all_of(found)
    np.testing.assert_array_equal(found[1], climbs(model)[2]())
    np.testing.assert_array_equal(other, climbs(model)[3]())


def test_an_interrupt_deep_inside_ends_all_and_leaves_no_thread(model):
    ended = []

    def waits():
        try:
            for task in climbs(model):
                task()
        finally:
            ended.append(True)

    def fails():
        climbs(model)[1]()
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        side_by_side([waits, lambda: side_by_side([waits, fails])])
    assert ended == [True, True]
    assert threading.active_count() == before
