import numpy as np
import pandas as pd
import pytest
from places import FORMULA, PLACES, ROLES, shoppers

from flatprior.models import (
    BernoulliLogistic,
    FlatpriorError,
    RouteUnavailableError,
    fit_newton,
    fit_sklearn,
    gathering,
)
from flatprior.models.batches import first_pass
from flatprior.models.encoding.files import source
from flatprior.models.gathering import as_drawn, in_order, rows_in_memory


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)


@pytest.mark.parametrize("place", ["Parquet", "CSV"])
def test_all_rows_come_in_their_order(tmp_path, place):
    frame = shoppers(1000)
    rows = rows_in_memory(PLACES[place](frame, tmp_path, FORMULA, **ROLES), "a program")
    memory = PLACES["memory"](frame, None, FORMULA, **ROLES)
    # rows without weight are left out of both
    assert np.array_equal(np.asarray(rows.design, dtype=float), memory.design)
    assert np.array_equal(rows.response, memory.response)
    assert np.array_equal(rows.offset, memory.offset)
    assert np.array_equal(rows.weights, memory.arrays.weights)


def few_valued(folder, n=4000):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 2, (n, 3)), columns=["a", "b", "y"])
    return PLACES["Parquet"](frame, folder, "y ~ a + b"), frame


def test_rows_of_few_values_are_counted_and_fit_however_many_they_are(tmp_path, monkeypatch):
    model, frame = few_valued(tmp_path)
    monkeypatch.setattr(gathering, "MOST_NUMBERS", 3 * 20)
    rows = rows_in_memory(model, "a program")
    assert rows.n_rows == 8
    counts = frame.groupby(["a", "b", "y"]).size()
    for row, response, weight in zip(
        np.asarray(rows.design), rows.response, rows.weights, strict=True
    ):
        assert weight == counts[row[1], row[2], response]
    fit, expected = (
        fit_sklearn(model),
        fit_newton(BernoulliLogistic.from_formula("y ~ a + b", frame)),
    )
    assert fit.coefficients == pytest.approx(expected.coefficients, abs=1e-8)
    assert fit.provenance.data_hash == model.data_hash


@pytest.mark.parametrize("distinct", [True, False])
def test_rows_that_are_too_many_are_refused_by_the_route(tmp_path, monkeypatch, distinct):
    if distinct:
        model = PLACES["Parquet"](shoppers(1000), tmp_path, "bought ~ income")
        monkeypatch.setattr(gathering, "MOST_NUMBERS", 2 * 500)
    else:  # which is found out only when they come
        model, _ = few_valued(tmp_path)
        monkeypatch.setattr(gathering, "MOST_NUMBERS", 3 * 7)
    with pytest.raises(RouteUnavailableError, match="scikit-learn needs all rows in memory"):
        fit_sklearn(model)


@pytest.mark.parametrize("place", PLACES)
def test_few_rows_are_at_hand_as_the_first_pass_drew_them(tmp_path, place, monkeypatch):
    model = PLACES[place](shoppers(600), tmp_path, FORMULA, **ROLES)
    held = as_drawn(model)
    assert held.rows.resident
    assert held.data_hash == model.data_hash
    if place != "memory":
        assert held.row_labels.equals(model.rows.surveyed.sample_labels)
        monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 300)
        (tmp_path / "more").mkdir()
        model = PLACES[place](shoppers(600), tmp_path / "more", FORMULA, **ROLES)
        assert as_drawn(model) is model


@pytest.mark.parametrize("place", ["Parquet", "CSV"])
def test_rows_in_order_are_those_in_memory_where_more_than_are_drawn(tmp_path, place, monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 100)
    frame = shoppers(1000)
    model = PLACES[place](frame, tmp_path, FORMULA, **ROLES)
    memory = PLACES["memory"](frame, None, FORMULA, **ROLES)
    assert as_drawn(model) is model
    found = in_order(model, "a program")
    assert np.array_equal(found.design, memory.design)
    assert np.array_equal(found.response, memory.response)
    assert np.array_equal(found.offset, memory.offset)
    assert np.array_equal(found.counts, memory.counts)
    assert found.data_hash == memory.data_hash
    monkeypatch.setattr(gathering, "MOST_NUMBERS", 1000)
    with pytest.raises(FlatpriorError, match="a program needs all rows in memory, in their order"):
        in_order(model, "a program")


def test_rows_on_a_cluster_are_not_brought_here_in_order(monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 100)
    model = PLACES["Dask"](shoppers(1000), None, FORMULA, **ROLES)
    with pytest.raises(FlatpriorError, match="these stay on the cluster; build the model on a"):
        in_order(model, "a program")
