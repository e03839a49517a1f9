import numpy as np
import places
import pytest
from problems import CASES, as_posterior, draws_from, simulated
from sklearn.datasets import load_breast_cancer

from flatprior.analysis import compare_routes, run_routes
from flatprior.analysis.agreement.judged import Unavailable
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    PointEstimate,
    check_existence,
    fit_map,
    fit_newton,
    fit_sklearn,
    load_smarket,
    sample_independence,
    sample_nuts,
)
from flatprior.models.batches import first_pass
from flatprior.models.covariance.whitening import whitening
from flatprior.models.estimate import estimate

STATED = dict(route="moved", packages=(), converged=True, message="", n_iterations=0, seconds=0.0)


def test_four_routes_agree_on_the_sp500_data(demo):
    model, results, agreement = demo
    assert agreement.verdict == "agree"
    assert [result.route for result in results] == ["newton", "sklearn", "map", "nuts"]
    assert all(judged.certificate.error_bound <= 1e-6 for judged in agreement.routes)
    assert agreement.posterior_check.passed
    assert agreement.posterior_check.mode_distance < 0.01
    shift = agreement.posterior_check.shift_table()
    assert list(shift.index) == list(model.names)
    # fixed seed; 5 Monte Carlo standard errors on 7 coefficients: false-alarm rate 4e-6
    assert ((shift["observed"] - shift["predicted"]).abs() < 5 * shift["mcse"] + 0.001).all()
    assert agreement.table()["agrees"].all()
    assert list(agreement.coefficients().index) == list(model.names)
    # the message is plain sentences with the figures
    assert "newton, sklearn and map are each proved to lie within" in agreement.message
    assert "Their mean is not the MLE and need not be" in agreement.message


@pytest.mark.parametrize("route", [fit_newton, fit_sklearn, fit_map])
def test_columns_swapped_in_one_route_are_caught(demo, route):
    model, results, _ = demo
    frame = load_smarket().rename(columns={"Lag1": "Lag2", "Lag2": "Lag1"})
    swapped = route(BernoulliLogistic.from_formula(model.formula, frame))
    agreement = compare_routes(model, results[0], swapped, results[2])
    assert agreement.verdict == "disagree"
    judged = {judged.stated: judged for judged in agreement.routes}[swapped]
    assert not judged.passed
    assert judged.distance > 0.1
    assert f"{swapped.route} disagrees: it is 0.61 standard errors" in agreement.message
    assert judged.explanation is not None


@pytest.mark.parametrize("route", [fit_newton, fit_sklearn, fit_map])
def test_one_response_flipped_before_one_route_is_caught(route):
    case = CASES["spector"]
    model = case.model
    flipped = case.response.copy()
    flipped[0] = 1 - flipped[0]
    other = route(BernoulliLogistic.from_arrays(case.frame, flipped))
    agreement = compare_routes(model, fit_newton(model), other)
    assert agreement.verdict == "disagree"
    assert [judged.passed for judged in agreement.routes] == [True, False]
    assert f"{other.route} disagrees" in agreement.message


def test_a_coefficient_moved_by_a_thousandth_of_a_standard_error_is_caught():
    model = CASES["spector"].model
    fit = fit_newton(model)
    moved = fit.coefficients + np.array([0, 1e-3, 0, 0]) * fit.standard_errors
    agreement = compare_routes(model, fit, estimate(model, moved, **STATED))
    assert agreement.verdict == "disagree"
    assert "moved disagrees: it is 0.001 standard errors" in agreement.message
    assert "stopped early" in agreement.message
    # and within a looser tolerance it agrees
    loose = compare_routes(model, fit, estimate(model, moved, **STATED), tolerance=0.01)
    assert loose.verdict == "agree"


def test_wrong_draws_make_the_verdict_disagree():
    model = CASES["spector"].model
    fit = fit_newton(model)
    hot = draws_from(model, lambda beta: model.log_likelihood(beta) / 1.3, fit, seed=3)
    agreement = compare_routes(model, fit, hot)
    assert agreement.verdict == "disagree"
    assert "The draws of nuts are not from the flat-prior posterior" in agreement.message


def test_two_samplers_that_differ_make_the_verdict_disagree():
    model = CASES["spector"].model
    fit = fit_newton(model)
    right = sample_independence(model, seed=1, progress=False)
    moved = as_posterior(model, right.draws + 0.3 * fit.standard_errors, right.log_density)
    agreement = compare_routes(model, fit, right, moved)
    assert agreement.verdict == "disagree"
    assert "means and spread are not those of the draws of independence" in agreement.message


def test_correct_draws_are_not_blamed_for_wrong_ones_that_come_first():
    model = CASES["spector"].model
    fit = fit_newton(model)

    def with_prior(beta):
        return model.log_likelihood(beta) - (beta**2).sum(axis=1) / (2 * 0.5**2)

    wrong = draws_from(model, with_prior, fit, seed=1)
    right = sample_independence(model, seed=1, progress=False)
    agreement = compare_routes(model, fit, wrong, right)
    assert agreement.verdict == "disagree"
    assert [check.passed for check in agreement.posterior_checks] == [False, True]
    assert [check.other for check in agreement.posterior_checks] == ["independence", None]
    assert "The 4000 draws of independence pass" in agreement.message


def test_where_every_route_given_fails_the_mle_is_found_anyway():
    model = CASES["pima_tr"].model
    far = estimate(model, np.zeros(8), **STATED)
    agreement = compare_routes(model, far, far)
    assert agreement.verdict == "disagree"
    assert agreement.mle.route == "newton"
    assert agreement.coefficients().shape == (8, 3)  # two results of one route both stay


def test_an_estimate_that_is_only_bounded_does_not_stand_for_the_mle():
    X, y = simulated(5000, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    draws = sample_independence(model, seed=2, progress=False)
    for size in (0.3, 2.0):
        step = size * whitening(model.rows, fit.coefficients)[:, 0]
        away = float(np.max(np.abs(step) / fit.standard_errors))
        moved = estimate(model, fit.coefficients + step, **STATED)
        assert np.isfinite(moved.certificate.error_bound)
        agreement = compare_routes(model, moved, draws)
        assert agreement.mle.coefficients == pytest.approx(fit.coefficients, rel=1e-9)
        assert agreement.routes[0].distance == pytest.approx(away, rel=1e-6)
        assert agreement.verdict == "disagree"
        assert f"moved disagrees: it is {away:.2g} standard errors" in agreement.message
        # right draws are not blamed for it: some are likelier than the moved estimate
        assert agreement.posterior_check.passed, agreement.posterior_check.failures


def test_nothing_is_compared_without_an_mle():
    model = CASES["complete_1d"].model
    with pytest.raises(MLEDoesNotExistError):
        run_routes(model)
    with pytest.raises(MLEDoesNotExistError):
        compare_routes(model, *[estimate(model, np.zeros(2), **STATED)] * 2)


def test_unusable_arguments_are_named():
    model = CASES["spector"].model
    fit = fit_newton(model)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare_routes(model, fit, Unavailable("map", "broken"))
    for options, words in (
        ({"chains": 0}, "chains must be a whole number of at least 1, not 0"),
        ({"chains": -1}, "chains must be"),
        ({"draws": 10.5}, "draws must be"),
        ({"tune": -1}, "tune must be"),
    ):
        with pytest.raises(ValueError, match=words):
            run_routes(model, **options)
    with pytest.raises(ValueError, match="tolerance must be positive"):
        compare_routes(model, fit, fit, tolerance=0.0)
    with pytest.raises(ValueError, match="has coefficients"):
        compare_routes(CASES["pima_tr"].model, fit, fit)
    assert isinstance(fit, PointEstimate)


@pytest.mark.slow  # in short: the four routes on the S&P 500's data, and every case without an MLE
def test_breast_cancer_data_are_separated_by_all_columns_and_fitted_by_ten():
    data = load_breast_cancer(as_frame=True)
    full = BernoulliLogistic.from_arrays(data.data, data.target, intercept=True)
    assert check_existence(full).kind == "complete separation"
    for route in (fit_newton, fit_sklearn, fit_map, sample_nuts):
        with pytest.raises(MLEDoesNotExistError, match="complete separation"):
            route(full)
    ten = BernoulliLogistic.from_arrays(data.data.iloc[:, :10], data.target, intercept=True)
    agreement = compare_routes(ten, *run_routes(ten, draws=500, seed=1, progress=False))
    assert agreement.verdict == "agree"
    assert {judged.estimate.route for judged in agreement.routes} == {"newton", "sklearn", "map"}
    assert [check.route for check in agreement.posterior_checks] == ["nuts"]


def test_why_a_route_disagrees_is_said_of_rows_in_files_too(tmp_path, monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 100)
    frame, formula = places.shoppers(300), "bought ~ income"
    opposite = places.in_memory(frame.assign(bought=1 - frame["bought"]), tmp_path, formula)
    model = places.in_files(frame, tmp_path, formula)
    wrong = estimate(model, fit_newton(opposite).coefficients, **STATED)
    (_, judged) = compare_routes(model, fit_newton(model), wrong).routes
    assert (judged.passed, judged.explanation.cause) == (False, "response flipped")
    assert judged.explanation.passes.number > 1
