import json
import math

import numpy as np
import pytest
from problems import CASES, as_posterior, draws_from, simulated
from sklearn.datasets import load_breast_cancer

from flatprior.analysis import compare_routes, run_routes
from flatprior.analysis.agreement.mode import least_draws
from flatprior.analysis.agreement.verdict import Unavailable
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
from flatprior.models.covariance.whitening import whitening
from flatprior.models.estimate import estimate

STATED = dict(route="moved", packages=(), converged=True, message="", n_iterations=0, seconds=0.0)


@pytest.fixture(scope="module")
def demo():
    model = BernoulliLogistic.from_formula(
        "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume", load_smarket()
    )
    results = run_routes(model, seed=1)
    return model, results, compare_routes(model, *results)


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


def test_the_facts_are_json_without_data(demo):
    model, _, agreement = demo
    text = json.dumps(agreement.to_dict(), allow_nan=False)
    facts = json.loads(text)
    assert facts["verdict"] == "agree"
    assert len(facts["routes"]) == 3
    assert facts["posteriors"][0]["n_draws"] == 4000
    assert len(text) < 50_000 < model.n_rows * model.n_parameters * 8


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


def test_a_fifth_route_joins_on_request_and_shares_the_false_alarm_rate():
    model = CASES["spector"].model
    results = run_routes(model, routes=("newton", "nuts", "independence"), seed=1)
    agreement = compare_routes(model, *results, false_alarm=0.01)
    assert agreement.verdict == "agree"
    assert list(agreement.table().index) == ["newton", "nuts", "independence"]
    first, second = agreement.posterior_checks
    assert (first.other, second.other) == (None, "nuts")
    # four tests of each set, and one of both
    assert first.threshold == second.threshold == pytest.approx(0.01 / 9)
    assert "same as nuts p = " in agreement.message
    with pytest.raises(ValueError, match="there is no route 'newtn'"):
        run_routes(model, routes=("newtn",))


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


def test_divergences_are_told_with_the_verdict():
    model = CASES["spector"].model
    fit = fit_newton(model)
    draws = draws_from(model, model.log_likelihood, fit, seed=3)
    draws.data["sample_stats"]["diverging"][:] = True
    agreement = compare_routes(model, fit, draws)
    assert "But 4000 draws diverged" in agreement.message


def test_a_route_that_cannot_run_is_reported_not_hidden():
    X, y = simulated(80, 2, seed=1)
    model = BernoulliLogistic.from_arrays(X, y, offset=np.linspace(-1, 1, 80))
    results = run_routes(model, draws=500, tune=500, seed=1)
    assert [type(result).__name__ for result in results] == [
        "PointEstimate", "Unavailable", "PointEstimate", "Posterior",
    ]  # fmt: skip
    agreement = compare_routes(model, *results)
    assert agreement.verdict == "agree"
    assert "sklearn was left out: scikit-learn's LogisticRegression takes no offset." in (
        agreement.message
    )


def test_where_every_route_given_fails_the_mle_is_found_anyway():
    model = CASES["pima_tr"].model
    far = estimate(model, np.zeros(8), **STATED)
    agreement = compare_routes(model, far, far)
    assert agreement.verdict == "disagree"
    assert agreement.mle.route == "newton"
    assert agreement.coefficients().shape == (8, 3)  # two results of one route both stay


def test_ill_conditioned_data_are_told_apart_from_disagreement():
    model = CASES["exact_k8_s60"].model
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    assert agreement.verdict == "disagree"
    assert "newton is not proved to agree" in agreement.message
    assert "too ill-conditioned" in agreement.message
    assert "sklearn disagrees" in agreement.message
    assert "it says of itself" in agreement.message


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


def test_too_few_draws_are_refused_before_the_work():
    X, y = simulated(400, 12, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    started = []
    with pytest.raises(ValueError, match="100 draws a chain are too few to test 12 coefficients"):
        run_routes(model, draws=100, on_start=started.append)
    assert started == []


def test_draws_of_hours_are_taken_only_when_they_are_asked_for():
    X, y = simulated(3000, 140, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    started = []
    routes = ("newton", "nuts", "independence")
    point, *left_out = run_routes(model, routes=routes, on_start=started.append)
    assert started == [point.route] == ["newton"]
    least = math.ceil(least_draws(140) / 4)
    assert [each.route for each in left_out] == ["nuts", "independence"]
    assert all(f"--draws {least})" in each.reason for each in left_out)
    # one less has them, and whoever says the number
    with pytest.raises(StopIteration):
        run_routes(model, routes=routes[1:], draws=least, on_start=stopped)
    less = BernoulliLogistic.from_arrays(X[:, 1:], y)
    with pytest.raises(StopIteration):
        run_routes(less, routes=routes[1:], on_start=stopped)


def stopped(route):
    raise StopIteration(route)


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


def test_the_bound_in_the_message_is_that_of_the_worst_route():
    model = CASES["spector"].model
    fit = fit_newton(model)
    moved = estimate(model, fit.coefficients + 1e-5 * fit.standard_errors, **STATED)
    agreement = compare_routes(model, fit, moved, tolerance=0.01)
    bounds = [judged.certificate.error_bound for judged in agreement.routes]
    assert bounds[0] < 1e-9 < 1e-6 < bounds[1]
    assert f"are each proved to lie within {bounds[1]:.1e} standard errors" in agreement.message


def test_fits_of_other_programs_stand_beside_our_routes(demo):
    import statsmodels.formula.api as smf
    from sklearn.linear_model import LogisticRegression

    model, results, _ = demo
    frame = load_smarket().assign(Up=lambda data: (data["Direction"] == "Up").astype(int))
    theirs = smf.logit(model.formula.replace("Direction", "Up"), frame).fit(disp=0)
    names = [name for name in model.names if name != "Intercept"]
    penalised = LogisticRegression(C=1e-3, tol=1e-9).fit(frame[names], frame["Direction"])
    agreement = compare_routes(model, results[0], theirs, penalised, dict(theirs.params))
    good = {judged.estimate.route: judged.passed for judged in agreement.routes}
    assert good == {
        "newton": True,
        "statsmodels Logit": True,
        "scikit-learn LogisticRegression": False,
        "coefficients": True,
    }
    (failed,) = (judged for judged in agreement.routes if not judged.passed)
    assert failed.explanation.cause == "ridge penalty"
    assert failed.explanation.message in agreement.message
    assert "ridge penalty of C = 0.001" in agreement.message
    with pytest.raises(TypeError, match="audit takes fits of"):
        compare_routes(model, results[0], object())
    small = LogisticRegression().fit(frame[names[:2]], frame["Direction"])
    with pytest.raises(ValueError, match="was fitted to Lag1, Lag2, the model has Lag1"):
        compare_routes(model, results[0], small)


def test_fits_of_the_same_data_are_not_said_to_be_of_others(demo):
    import statsmodels.api as sm
    from sklearn.linear_model import LogisticRegression

    model, results, _ = demo
    frame = load_smarket()
    names = [name for name in model.names if name != "Intercept"]
    rows = np.random.default_rng(1).permutation(len(frame))
    up = (frame["Direction"] == "Up").astype(int)
    fits = [
        LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky").fit(
            frame[names[::-1]], frame["Direction"]
        ),
        sm.Logit(up.to_numpy()[rows], sm.add_constant(frame[names].iloc[rows])).fit(disp=0),
    ]
    for fit in fits:
        agreement = compare_routes(model, results[0], fit)
        assert agreement.verdict == "agree"
        assert agreement.notes == ()
    # one outcome turned for another: as many events
    y = up.to_numpy().copy()
    y[[int(np.argmin(y)), int(np.argmax(y))]] = 1, 0
    other = sm.Logit(y, sm.add_constant(frame[names])).fit(disp=0)
    (note,) = compare_routes(model, results[0], other).notes
    assert "statsmodels Logit holds other data than the model's" in note
    assert "hash" not in note


def test_tables_and_dicts_of_results_are_refused_in_words(demo, tmp_path):
    model, results, _ = demo
    fit = results[0]
    path = tmp_path / "table.csv"
    rows = [f"{name},{value:.4g}" for name, value in zip(fit.names, fit.coefficients, strict=True)]
    path.write_text("\n".join(["term,estimate", *rows]))
    for given in (path, str(path)):
        with pytest.raises(ValueError, match=r"audit\(path, model\) judges them to their digits"):
            compare_routes(model, fit, given)
    fit.save(tmp_path / "fit.json")
    assert compare_routes(model, fit, tmp_path / "fit.json").verdict == "agree"
    for given in ({"a": fit}, {"a": results[3]}, {"a": fit.params.to_dict(), "b": fit}):
        with pytest.raises(TypeError, match=r"compare_routes\(model, \*results.values\(\)\)"):
            compare_routes(model, fit, given)
    # draws by name are one set, not several results
    draws = results[3].draws
    by_name = {name: draws[..., j] for j, name in enumerate(model.names)}
    assert compare_routes(model, fit, by_name).verdict == "agree"


def test_what_to_type_is_said_where_a_fit_disagrees(demo):
    from sklearn.linear_model import LogisticRegression

    model, results, _ = demo
    frame = load_smarket()
    names = [name for name in model.names if name != "Intercept"]
    penalised = LogisticRegression(C=1e-3, tol=1e-9).fit(frame[names], frame["Direction"])
    agreement = compare_routes(model, results[0], penalised)
    (failed,) = (judged for judged in agreement.routes if not judged.passed)
    assert f"to get the MLE: {failed.explanation.cure.rstrip('.')}" in agreement.message
