"""Influence from fits without each row: of rows in files and on Dask that of them in memory."""

import math

import numpy as np
import pytest
from places import PLACES, hanging, in_files, in_memory, shoppers

from flatprior.analysis import diagnose
from flatprior.analysis.diagnostics import exact_influence
from flatprior.models import fit_newton
from flatprior.models.common.text import at_most
from flatprior.models.encoding.files import source

WEIGHTED = {"frequency_weights": "count", "offset": "base"}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)


def both(model, there, most):
    here = diagnose(model, fit_newton(model), exact=True)
    return here, diagnose(there, fit_newton(there), exact=True, most=most)


@pytest.mark.parametrize(("place", "roles"), [("Parquet", WEIGHTED), ("Dask", {})])
def test_the_rows_that_move_the_mle_most_are_those_in_memory(tmp_path, place, roles):
    frame, formula = hanging(500), "bought ~ income + age + group"
    memory = in_memory(frame, tmp_path, formula, **roles)
    here, there = both(memory, PLACES[place](frame, tmp_path, formula, **roles), 30)
    cook = here.table()["Cook's distance"].to_numpy()
    assert np.isinf(cook).sum() == 2
    assert sorted(there.numbers[:2]) == sorted(np.flatnonzero(np.isinf(cook)))
    ours = there.table()["Cook's distance"].to_numpy()
    np.testing.assert_allclose(ours, np.sort(cook)[::-1][:30], rtol=1e-6)
    np.testing.assert_allclose(cook[there.numbers], ours, rtol=1e-6)
    np.testing.assert_allclose(
        there.dfbetas.to_numpy(), here.dfbetas.to_numpy()[there.numbers], rtol=1e-5, atol=1e-8
    )
    np.testing.assert_allclose(
        there.table().drop(columns="Cook's distance").to_numpy(),
        here.table().drop(columns="Cook's distance").to_numpy()[there.numbers],
        rtol=1e-6,
        atol=1e-9,
    )
    # no other moves it more, and that is no empty promise
    others = np.delete(cook, there.numbers)
    assert others.max() <= there.rest_at_most * (1 + 1e-9)
    assert there.rest_at_most < 1.05 * ours[-1]
    assert "influence from the fit without each row" in str(there)
    assert f"has a Cook's D above {at_most(there.rest_at_most, '.3g')}" in " ".join(
        str(there).split()
    )
    of_refits = ["Cook's distance", "DFFITS"]
    assert not set(of_refits) & set(there.summary.index)
    np.testing.assert_allclose(
        there.summary.to_numpy(), here.summary.drop(index=of_refits).to_numpy(), rtol=1e-6
    )


def test_where_all_rows_are_kept_the_summary_has_their_exact_distances(tmp_path):
    frame, formula = shoppers(400), "bought ~ income + age"
    here, there = both(
        in_memory(frame, tmp_path, formula), in_files(frame, tmp_path, formula), 1000
    )
    assert there.rest_at_most is None
    assert sorted(there.numbers) == list(range(len(here.frame)))
    np.testing.assert_allclose(
        there.summary.to_numpy(), here.summary.to_numpy(), rtol=1e-6, atol=1e-10
    )


def test_a_step_is_not_the_distance_and_its_bound_holds_everywhere(tmp_path, monkeypatch):
    # every row is bounded in the pass: the MLE without it moves no farther
    frame = hanging(400)
    model = in_files(frame, tmp_path, "bought ~ income + age")
    fit, found = fit_newton(model), []
    over = exact_influence._Pass._over

    def kept(self, block):
        part = over(self, block)
        found.append(part.near)
        return part

    monkeypatch.setattr(exact_influence._Pass, "_over", kept)
    diagnose(model, fit, exact=True, most=1000)
    memory = in_memory(frame, tmp_path, "bought ~ income + age")
    cook = diagnose(memory, fit_newton(memory), exact=True).table()["Cook's distance"].to_numpy()
    start = 0
    for near in found:
        lengths = np.sqrt(cook[start + near.numbers] * model.n_parameters)
        assert (lengths <= near.values * (1 + 1e-9)).all()
        assert (near.values < 1.2 * lengths + 1e-9).all()
        start += near.n_rows
    assert start == model.n_rows
    assert not math.isinf(cook.max())


def test_more_rows_far_from_the_others_than_there_is_room_for_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exact_influence, "MOST_COLLECTED", 3)
    model = in_files(hanging(500), tmp_path, "bought ~ income + group")
    with pytest.raises(ValueError, match=r"no more than 3 are fitted anew .* from_formula"):
        diagnose(model, fit_newton(model), exact=True)
