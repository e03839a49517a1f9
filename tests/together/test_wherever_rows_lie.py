"""What is asked of a model is the same wherever its rows lie."""

import functools

import numpy as np
import pytest
from places import ASKED, FORMULA, PLACES, ROLES, shoppers

from flatprior.analysis import compare_routes, run_routes
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.encoding.files import source

CLOSE = 1e-8


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)


@functools.cache
def of_memory(name):
    return np.asarray(ASKED[name](PLACES["memory"](shoppers(1000), None, FORMULA, **ROLES)))


@pytest.mark.parametrize("place", [place for place in PLACES if place != "memory"])
@pytest.mark.parametrize("name", ASKED)
def test_the_answer_is_that_of_the_rows_in_memory(tmp_path, name, place):
    model = PLACES[place](shoppers(1000), tmp_path, FORMULA, **ROLES)
    assert isinstance(model.rows, BatchRows)
    expected = of_memory(name)
    found = np.asarray(ASKED[name](model))
    assert found.shape == expected.shape
    assert found == pytest.approx(
        expected, rel=CLOSE, abs=CLOSE * np.nanmax(np.abs(expected)), nan_ok=True
    )


@pytest.mark.parametrize("place", ["Parquet", "Dask"])
def test_routes_that_need_all_rows_run_where_they_fit(tmp_path, place):
    model = PLACES[place](shoppers(600), tmp_path, "bought ~ income", frequency_weights="count")
    results = run_routes(
        model, routes=("newton", "sklearn", "independence"), seed=1, progress=False
    )
    agreement = compare_routes(model, *results)
    assert agreement.verdict == "agree"
    if place == "Dask":
        (missing,) = agreement.unavailable
        assert "stay on the cluster" in missing.reason
    else:
        assert not agreement.unavailable
    assert {route.estimate.provenance.data_hash for route in agreement.routes} == {
        BernoulliLogistic.from_formula(
            "bought ~ income", shoppers(600), frequency_weights="count"
        ).data_hash
    }
