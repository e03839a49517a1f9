"""Exact leave-one-out of rows in files against that of the same rows in memory."""

from dataclasses import replace

import numpy as np
import pytest
from coded_models import held_as_codes
from places import PLACES, hanging, in_files, in_memory, shoppers

from flatprior.analysis import diagnose, exact_loo, plot_influence, psis_loo
from flatprior.analysis.diagnostics import (
    importance,
    leave_one_out_in_passes,
    without_each,
    without_far,
)
from flatprior.models import fit_newton, sample_independence
from flatprior.models.batches import first_pass
from flatprior.models.encoding.files import source

FORMULA = "bought ~ income + age + group"
WEIGHTED = {"frequency_weights": "count", "offset": "base"}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 150)


def same(found, expected, most=None):
    """The rows that are there have what all rows have, to their bounds, and the sums are those."""
    bound = found.error_bound + expected.error_bound
    assert bound < 1e-6
    if np.isfinite(expected.log_score):
        assert abs(found.log_score - expected.log_score) <= bound
        assert found.se == pytest.approx(expected.se, rel=1e-9)
    else:
        assert found.log_score == expected.log_score
        assert np.isnan(found.se)
    assert found.n_refits == expected.n_refits
    assert len(found.without_mle) == len(expected.without_mle)
    assert found.n_rows == len(expected.pointwise)
    lowest = np.argsort(expected.pointwise, kind="stable")[:most]
    assert sorted(found.numbers) == sorted(lowest)
    assert (np.diff(found.pointwise[np.isfinite(found.pointwise)]) >= 0).all()
    for name in ("pointwise", "coefficients", "weights"):
        theirs = getattr(expected, name)[found.numbers]
        assert getattr(found, name) == pytest.approx(theirs, rel=1e-9, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize(("place", "roles"), [("Parquet", WEIGHTED), ("Dask", {})])
def test_all_rows_are_left_out_as_in_memory(tmp_path, place, roles):
    frame = hanging(500)
    expected = exact_loo(in_memory(frame, tmp_path, FORMULA, **roles))
    found = exact_loo(PLACES[place](frame, tmp_path, FORMULA, **roles))
    assert len(expected.without_mle) == 2
    assert expected.n_refits > 5
    same(found, expected)
    assert "score is -inf: without any one of rows " in str(found).splitlines()[0]


@pytest.mark.parametrize("codes", [False, True])
def test_rows_far_from_the_others_share_passes(tmp_path, codes):
    frame = hanging(500)
    frame.loc[frame["group"].isin(["odd", "late"]), "group"] = "few"
    formula = "bought ~ income + age + C(group) + region"
    with held_as_codes(codes):
        expected = exact_loo(in_memory(frame, tmp_path, formula))
        model = in_files(frame, tmp_path, formula)
    fit, before = fit_newton(model), model.passes.number
    found = exact_loo(model, fit)
    same(found, expected)
    assert np.isfinite(found.log_score)
    assert found.n_refits > 8
    # one by one each would take as many passes as a fit
    assert found.passes.number == model.passes.number - before < 2 * found.n_refits
    assert expected.passes is None


def test_what_passes_do_not_prove_is_fitted_without_the_row(tmp_path, monkeypatch):
    frame = shoppers(500)
    frame.loc[5, "income"] = 5.0
    expected = exact_loo(in_memory(frame, tmp_path, "bought ~ income"))
    model = in_files(frame, tmp_path, "bought ~ income")
    assert 0 < expected.n_refits < 5
    nothing = np.full((expected.n_refits, 2), np.nan), np.full(expected.n_refits, np.inf)
    monkeypatch.setattr(without_far, "_together", lambda *given: nothing)
    same(exact_loo(model), expected)


@pytest.mark.parametrize("enough", [1e-3, 1e-5])
def test_of_many_rows_those_with_the_largest_errors_come_along(tmp_path, monkeypatch, enough):
    monkeypatch.setattr(without_each, "MOST_TERMS", 400**2)
    monkeypatch.setattr(without_each, "ENOUGH", enough)
    monkeypatch.setattr(leave_one_out_in_passes, "MOST_KEPT", 40)
    frame = shoppers(500)
    exact = exact_loo(in_memory(frame, tmp_path, "bought ~ income + age"), tolerance=1e-14)
    model = in_files(frame, tmp_path, "bought ~ income + age")
    found = exact_loo(model)
    assert len(found.numbers) == 40
    assert abs(found.log_score - exact.log_score) <= found.error_bound + exact.error_bound
    assert 0 < found.error_bound <= 1.001 * enough * found.se + exact.error_bound
    assert ".table() has 40 of them" in " ".join(str(found).split())
    # fewer may come along than it takes: the error says so
    monkeypatch.setattr(leave_one_out_in_passes, "MOST_COLLECTED", 20)
    rough = exact_loo(model)
    assert abs(rough.log_score - exact.log_score) <= rough.error_bound + exact.error_bound
    assert rough.error_bound >= found.error_bound
    with pytest.raises(ValueError, match=r"a tolerance of .* is met") as refused:
        exact_loo(model, tolerance=1e-12)
    met = float(str(refused.value).split("a tolerance of ")[1].split()[0])
    assert exact_loo(model, tolerance=1.1 * met).error_bound < 500 * 1.2 * met


def test_more_rows_far_from_the_others_than_there_is_room_for_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(leave_one_out_in_passes, "MOST_COLLECTED", 3)
    model = in_files(hanging(500), tmp_path, FORMULA)
    with pytest.raises(ValueError, match=r"no more than 3 are fitted anew .* from_formula"):
        exact_loo(model)


def test_influence_is_drawn_of_the_rows_that_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(importance, "MOST_HELD", 400)
    monkeypatch.setattr(importance, "MOST_KEPT", 20)
    model = in_files(hanging(500), tmp_path, "bought ~ income")
    found = diagnose(model, fit_newton(model))
    loo = psis_loo(model, sample_independence(model, draws=100, seed=1, progress=False))
    figure = plot_influence(found, loo)
    drawn = np.concatenate([line.get_xdata() for line in figure.axes[1].lines[:2]])
    assert sorted(drawn) == sorted(loo.numbers)
    assert loo.passes.number > 1
    assert loo.passes.bytes > 0
    with pytest.raises(ValueError, match="different rows"):
        plot_influence(replace(found, n_rows=model.n_rows + 1), loo)
