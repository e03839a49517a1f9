"""What is asked of a model is the same wherever its rows lie."""

import functools

import numpy as np
import pandas as pd
import pytest
from dying_workers import DyingRows, cluster_of
from places import ASKED, FORMULA, PLACES, ROLES, shoppers

from flatprior.analysis import compare_models, compare_routes, run_routes
from flatprior.models import BernoulliLogistic, sample_independence
from flatprior.models.batches import first_pass
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.encoding.files import source

CLOSE = 1e-8
OF_MANY_ROWS = {"exact_loo", "psis_loo", "check_fragility"}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)


@pytest.fixture
def few_drawn(monkeypatch):
    """The first pass keeps fewer rows than there are, which else were treated as in memory."""
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 250)


@functools.cache
def of_memory(name):
    return np.asarray(ASKED[name](PLACES["memory"](shoppers(1000), None, FORMULA, **ROLES)))


@pytest.mark.parametrize("place", [place for place in PLACES if place != "memory"])
@pytest.mark.parametrize("name", ASKED)
def test_the_answer_is_that_of_the_rows_in_memory(tmp_path, name, place, request):
    if name in OF_MANY_ROWS:
        request.getfixturevalue("few_drawn")
    model = PLACES[place](shoppers(1000), tmp_path, FORMULA, **ROLES)
    assert isinstance(model.rows, BatchRows)
    expected = of_memory(name)
    found = np.asarray(ASKED[name](model))
    assert found.shape == expected.shape
    assert found == pytest.approx(
        expected, rel=CLOSE, abs=CLOSE * np.nanmax(np.abs(expected)), nan_ok=True
    )


# what a worker fewer does to a fit, without processes: tests/models/batches/test_dask_rows.py
@pytest.mark.slow
def test_a_worker_that_is_killed_in_mid_pass_costs_time_only(tmp_path):
    pytest.importorskip("distributed")
    rows = DyingRows(shoppers(1000), tmp_path)
    with cluster_of(2) as workers:
        for name in ("posterior_moments", "confidence_intervals"):
            for killed in (False, True):
                before = rows.passes
                model = BernoulliLogistic.from_dask(rows.lazy(), FORMULA, **ROLES)
                found, expected = np.asarray(ASKED[name](model)), of_memory(name)
                assert found == pytest.approx(
                    expected, rel=CLOSE, abs=CLOSE * np.nanmax(np.abs(expected)), nan_ok=True
                )
                if not killed:
                    rows.kill_in(rows.passes - before)
            assert rows.killed
            workers.keep(2)


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


def compared(place, folder):
    formulas = {"small": "bought ~ income + region", "large": FORMULA}
    models = {
        name: PLACES[place](shoppers(500), folder / name, formula, **ROLES)
        for name, formula in formulas.items()
    }
    draws = {
        name: sample_independence(model, draws=50, seed=1, progress=False)
        for name, model in models.items()
    }
    return compare_models(models, draws, leave_one_out=True).table()


@pytest.mark.parametrize("place", ["Parquet", "Dask"])
def test_models_are_compared_as_in_memory(tmp_path, place, few_drawn):
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    found, expected = compared(place, tmp_path), compared("memory", tmp_path)
    pd.testing.assert_frame_equal(found, expected, rtol=CLOSE, atol=CLOSE)
    assert found.drop(columns=["LR", "df", "p"]).notna().all(axis=None)
