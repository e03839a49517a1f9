"""Exact leave-one-out against brute force refits, closed form and rounding."""

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from coded_models import both, survey
from problems import CASES, simulated

from flatprior.analysis import exact_loo
from flatprior.analysis.diagnostics import leave_one_out, without_each
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    fit_newton,
)


def brute_force(model):
    """Log score and coefficients without each row, by refits of statsmodels."""
    X, y, total, found = model.design, model.response, 0.0, []
    for i in range(len(y)):
        keep = np.arange(len(y)) != i
        glm = sm.GLM(y[keep], X[keep], sm.families.Binomial())
        beta = glm.fit(tol=1e-14, tol_criterion="params", maxiter=200).params
        total -= np.logaddexp(0, -(2 * y[i] - 1) * (X[i] @ beta))
        found.append(beta)
    return total, np.array(found)


@pytest.mark.parametrize("name", ["spector", "lbw_stata", "pima_tr"])
def test_the_exact_log_score_is_that_of_brute_force_refits(name):
    model = CASES[name].model
    found = exact_loo(model)
    score, coefficients = brute_force(model)
    assert found.log_score == pytest.approx(score, abs=1e-10)
    assert found.coefficients == pytest.approx(coefficients, rel=1e-8, abs=1e-10)
    assert found.error_bound < 1e-8
    assert not found.without_mle


def test_most_rows_need_no_refit_of_their_own():
    X, y = simulated(2000, 4, seed=9)
    model = BernoulliLogistic.from_arrays(X, y)
    found = exact_loo(model, fit_newton(model))
    assert found.n_refits == 0
    assert found.error_bound < 1e-8
    for i in (0, 77, 1999):
        keep = np.arange(2000) != i
        without = fit_newton(BernoulliLogistic.from_arrays(X[keep], y[keep]))
        assert found.coefficients[i] == pytest.approx(without.coefficients, rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_the_error_bound_covers_rounding(shift):
    # the same model with a column moved far away: its log scores differ by rounding alone
    rng = np.random.default_rng(3)
    x = rng.normal(size=1000)
    y = (rng.random(1000) < 1 / (1 + np.exp(-x))).astype(float)
    centred = exact_loo(BernoulliLogistic.from_arrays(x, y, intercept=True))
    moved = exact_loo(BernoulliLogistic.from_arrays(x + shift, y, intercept=True))
    exact = exact_loo(BernoulliLogistic.from_arrays((x + shift) - shift, y, intercept=True))
    gap = np.abs(moved.pointwise - exact.pointwise).sum()
    assert gap <= moved.error_bound + exact.error_bound
    assert centred.error_bound < 1e-8
    assert (moved.error_bound > 1e-7) == (shift > 0)


def test_the_bound_holds_from_a_fit_that_is_not_quite_the_mle():
    X, y = simulated(800, 3, seed=13)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    off = replace(fit, coefficients=fit.coefficients + 1e-3 * fit.standard_errors)
    first, second = exact_loo(model, fit, tolerance=1e-9), exact_loo(model, off, tolerance=1e-9)
    assert np.abs(first.pointwise - second.pointwise).max() <= 2e-9


def test_a_tolerance_saves_steps_and_is_kept():
    X, y = simulated(1500, 4, seed=12)
    model = BernoulliLogistic.from_arrays(X, y)
    exact = exact_loo(model)
    for tolerance in (1e-4, 1e-8):
        rough = exact_loo(model, tolerance=tolerance)
        gap = np.abs(rough.pointwise - exact.pointwise)
        assert gap.max() <= tolerance
        assert abs(rough.log_score - exact.log_score) <= rough.error_bound <= 1500 * tolerance
    assert np.abs(exact_loo(model, tolerance=1e-4).pointwise - exact.pointwise).max() > 1e-11
    with pytest.raises(ValueError, match="tolerance must be positive"):
        exact_loo(model, tolerance=0)


def test_an_intercept_alone_has_its_score_in_closed_form():
    a, c = 13, 29
    model = BernoulliLogistic.from_arrays([1.0, 1.0], [1, 0], frequency_weights=[a, c])
    expected = a * math.log((a - 1) / (a + c - 1)) + c * math.log((c - 1) / (a + c - 1))
    assert exact_loo(model).log_score == pytest.approx(expected, rel=1e-13)


def test_offsets_and_units_do_not_matter():
    X, y = simulated(120, 3, seed=4)
    plain = exact_loo(BernoulliLogistic.from_arrays(X, y))
    shift = X @ [0.3, -0.2, 1.0]
    moved = exact_loo(BernoulliLogistic.from_arrays(X * [1, 1e6, 1e-6], y, offset=shift))
    assert moved.log_score == pytest.approx(plain.log_score, rel=1e-12)
    assert moved.se == pytest.approx(plain.se, rel=1e-9)


def test_the_score_penalises_about_as_aic_does():
    # the difference is O(1/n) where the model is right
    X, y = simulated(3000, 4, seed=6)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    assert -2 * exact_loo(model, fit).log_score == pytest.approx(fit.aic, abs=1.0)


def test_what_cannot_be_left_out_is_refused():
    X, y = simulated(100, 2, seed=1)
    first, second = (BernoulliLogistic.from_arrays(X, v) for v in (y, y[::-1]))
    with pytest.raises(ValueError, match="another model"):
        exact_loo(first, fit_newton(second))
    with pytest.raises(MLEDoesNotExistError):
        exact_loo(CASES["quasi_1d"].model)


def test_factors_held_as_codes_are_left_out_as_the_columns_are(monkeypatch):
    monkeypatch.setattr(without_each, "PIECE", 50)
    codes, columns = both("y ~ x + z + g + h", survey(300, seed=2), offset="o")
    held, written = exact_loo(codes), exact_loo(columns)
    assert held.pointwise == pytest.approx(written.pointwise, rel=1e-11)
    assert held.coefficients == pytest.approx(written.coefficients, rel=1e-8, abs=1e-9)
    gap = abs(held.log_score - written.log_score)
    assert gap <= held.error_bound + written.error_bound < 1e-7
    for i in (0, 150, 299):
        fit = fit_newton(leave_one_out.others(columns, i))
        eta = columns.design[i] @ fit.coefficients + columns.offset[i]
        expected = -np.logaddexp(0, -(2 * columns.response[i] - 1) * eta)
        assert held.pointwise[i] == pytest.approx(expected, rel=1e-11)


@pytest.fixture
def row_terms_taken(monkeypatch):
    """Terms of the steps that take all rows, row for row."""
    taken = []
    at_each = without_each.at_each

    def counted(rows, function, coefficients):
        taken.append(rows.n_rows * len(coefficients))
        return at_each(rows, function, coefficients)

    monkeypatch.setattr(without_each, "at_each", counted)
    return taken


@pytest.mark.parametrize("enough", [1e-2, 1e-4, 1e-6])
def test_of_many_rows_the_error_is_small_beside_the_standard_error(
    enough, monkeypatch, row_terms_taken
):
    X, y = simulated(500, 4, seed=6)
    model = BernoulliLogistic.from_arrays(X, y)
    exact = exact_loo(model)
    row_terms_taken.clear()
    monkeypatch.setattr(without_each, "MOST_TERMS", 500)
    monkeypatch.setattr(without_each, "INVISIBLE", 1e-9)
    monkeypatch.setattr(without_each, "ENOUGH", enough)
    found = exact_loo(model)
    assert abs(found.log_score - exact.log_score) <= found.error_bound + exact.error_bound
    assert found.error_bound <= 1.001 * enough * found.se + exact.error_bound
    assert np.abs(found.pointwise - exact.pointwise).max() <= enough * found.se
    few = sum(row_terms_taken)
    assert few < 500**2 / 2
    row_terms_taken.clear()
    assert exact_loo(model, tolerance=1e-14).log_score == exact.log_score
    assert sum(row_terms_taken) > few


def test_of_many_rows_the_error_is_invisible_and_no_row_takes_a_step_over_all(row_terms_taken):
    X, y = simulated(6000, 4, seed=6)
    model = BernoulliLogistic.from_arrays(X, y)
    found = exact_loo(model)
    assert not row_terms_taken
    assert found.error_bound < 1e-6
    # rows at random against exact steps, as many as a tolerance asks for
    exact = exact_loo(model, tolerance=1e-14)
    assert sum(row_terms_taken) >= 6000**2
    gap = np.abs(found.pointwise - exact.pointwise)
    assert 0 < gap.sum() <= found.error_bound + exact.error_bound


def test_rows_of_which_the_series_proves_too_little_take_steps_over_all(
    monkeypatch, row_terms_taken
):
    X, y = simulated(800, 3, seed=6)
    X[:, 1:] = np.exp(0.3 * X[:, 1:])
    model = BernoulliLogistic.from_arrays(X, y)
    exact = exact_loo(model)
    row_terms_taken.clear()
    monkeypatch.setattr(without_each, "MOST_TERMS", 799 * 800)
    monkeypatch.setattr(without_each, "INVISIBLE", 1e-6)
    found = exact_loo(model)
    assert 0 < sum(row_terms_taken) < 800**2 / 2
    assert found.error_bound <= 1e-6 + exact.error_bound
    assert abs(found.log_score - exact.log_score) <= found.error_bound + exact.error_bound
