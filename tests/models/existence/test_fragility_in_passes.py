"""The rows an MLE hangs on, of rows in files against the same in memory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from coded_models import held_as_codes
from places import PLACES, hanging, in_files, in_memory, shoppers

from flatprior.models import BernoulliLogistic, check_existence, check_fragility
from flatprior.models.batches import first_pass
from flatprior.models.encoding.files import source
from flatprior.models.existence import fragility_in_passes
from flatprior.models.existence.fragility import critical_rows
from flatprior.models.existence.fragility_in_passes import smallest_of_columns

FORMULA = "bought ~ income + age + C(group)"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 150)


@pytest.mark.parametrize(("place", "codes"), [("Parquet", True), ("Dask", False)])
def test_the_rows_it_hangs_on_are_those_in_memory(tmp_path, place, codes):
    with held_as_codes(codes):
        memory = in_memory(hanging(500), tmp_path, FORMULA, frequency_weights="count")
        model = PLACES[place](hanging(500), tmp_path, FORMULA, frequency_weights="count")
    made = model.passes.number
    found, expected = check_fragility(model), check_fragility(memory)
    assert len(expected.critical_rows) == 2
    for name in ("critical_rows", "undecided_rows", "smallest_set", "distance", "exact"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.message.startswith("the MLE hangs on single observations: without any one of rows")
    assert len(found.table()) == 2
    assert found.passes.number == model.passes.number - made > 0
    assert expected.passes is None


def test_of_two_rows_that_are_alike_none_is_critical(tmp_path):
    frame = hanging(500)
    lone = frame.index[(frame["group"] == "late") & (frame["bought"] == 1)][0]
    twice = pd.concat([frame, frame.loc[[lone]]], ignore_index=True)
    for copies, critical in ((frame, 2), (twice, 1)):
        (tmp_path / str(critical)).mkdir()
        model = in_files(copies, tmp_path / str(critical), FORMULA)
        found = critical_rows(model)
        assert len(found[0]) == critical
        assert found == critical_rows(in_memory(copies, tmp_path, FORMULA))


def test_a_column_with_few_rows_on_its_wrong_side_bounds_the_distance(tmp_path, monkeypatch):
    frame = shoppers(1000)
    frame["dose"] = np.where(frame["bought"] == 1, 1.0, 0.0) * (np.arange(1000) % 50 == 3)
    few = [150, 550, 951]  # without these the dose is of buyers only
    frame.loc[few, ["dose", "bought", "count"]] = 2.0, 0, 1
    model = in_files(frame, tmp_path, "bought ~ income + dose")
    found = check_fragility(model)
    memory = in_memory(frame, tmp_path, "bought ~ income + dose")
    places = np.flatnonzero(memory.row_labels.isin(few))
    assert (found.distance, found.exact) == (3, False)
    assert list(found.smallest_set) == places.tolist()
    rest = np.setdiff1d(np.arange(memory.n_rows), places)
    others = replace(memory, rows=memory.arrays.select(rest), row_labels=memory.row_labels[rest])
    assert not check_existence(others, signs=False).exists
    assert found.distance == check_fragility(memory).distance
    monkeypatch.setattr(fragility_in_passes, "MOST_MEMBERS", 2)
    assert check_fragility(model).smallest_set == tuple(places[:2].tolist())
    assert check_fragility(model).distance == 3


@pytest.mark.parametrize("codes", [False, True])
def test_the_smallest_side_is_that_of_the_columns_written_out(tmp_path, codes):
    with held_as_codes(codes):
        model = in_files(shoppers(1000), tmp_path, "bought ~ income + C(region) + age:member")
    memory = in_memory(shoppers(1000), tmp_path, "bought ~ income + C(region) + age:member")
    signed = (2 * memory.response - 1)[:, None] * memory.design
    sides = np.stack([signed < 0, signed > 0])
    sizes = sides.sum(axis=1)
    sizes = np.where((sizes > 0) & (sizes < memory.n_rows), sizes, memory.n_rows)
    distance, members = smallest_of_columns(model.rows)
    assert distance == sizes.min()
    column, side = divmod(int(sizes.T.argmin()), 2)
    assert members.numbers.tolist() == np.flatnonzero(sides[side, :, column])[:1000].tolist()


def test_more_rows_than_are_found_out_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fragility_in_passes, "MOST_SUSPECTS", 1)
    model = in_files(hanging(500), tmp_path, FORMULA)
    with pytest.raises(ArithmeticError, match=r"of no more than 1 is it found out .* from_formula"):
        check_fragility(model)


def test_an_intercept_alone_hangs_on_the_rarer_outcome(tmp_path):
    frame = pd.DataFrame({"y": np.arange(900) % 300 == 7}).astype(int)
    frame.to_parquet(tmp_path / "rare.parquet", row_group_size=100)
    found = check_fragility(BernoulliLogistic.from_parquet(tmp_path / "rare.parquet", "y ~ 1"))
    assert found.distance == 3
    assert found.smallest_set == (7, 307, 607)
