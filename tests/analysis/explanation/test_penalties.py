"""Lasso, elastic net, Firth's and log-F penalties, each made by a program of its own."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from disagreements import firth_estimate, spector
from multiplier import repeated
from problems import CASES, simulated
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn_penalties import l1

from flatprior.analysis import explain_difference
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.penalties import elastic_net, lasso, log_f, ridge
from flatprior.models import BernoulliLogistic, check_existence, fit_newton, load_endometrial

TIGHT = {"tol": 1e-10, "max_iter": 50_000}


def wide(n=300, k=6, seed=4):
    """Slopes of which some are 0, in columns of one size."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k))
    effects = np.array([1.0, -0.7, 0.4, 0.0, 0.02, 0.0])[:k]
    y = (rng.random(n) < 1 / (1 + np.exp(-X @ effects - 0.3))).astype(float)
    return X, y, BernoulliLogistic.from_arrays(X, y, intercept=True)


def coefficients(fit):
    return [*fit.intercept_, *fit.coef_[0]]


@pytest.mark.parametrize("C", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("solver", ["saga", "liblinear"])
def test_the_strength_of_a_lasso_and_its_zeros_are_found(C, solver):
    X, y, model = wide()
    fit = LogisticRegression(C=C, solver=solver, random_state=1, **l1(), **TIGHT).fit(X, y)
    found = explain_difference(model, coefficients(fit))
    assert (found.cause, found.certain) == ("lasso penalty", True)
    assert f"C = {C:.4g} " in found.message
    zeros = coefficients(fit).count(0.0)
    assert f"{zeros} of the coefficients 0" in found.message
    assert ("intercept was penalised too" in found.message) == (solver == "liblinear")
    assert "C=np.inf" in found.cure


@pytest.mark.parametrize("back", [False, True])
def test_a_lasso_on_standardised_columns_is_found(back):
    X, y, _ = wide()
    X = X * [1.0, 20.0, 0.1, 3.0, 1.0, 5.0] + [0, 7, 0, 0, 3, 0]
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    scaler = StandardScaler().fit(X)
    fit = LogisticRegression(C=0.1, solver="saga", random_state=1, **l1(), **TIGHT)
    fit.fit(scaler.transform(X), y)
    theirs = coefficients(fit)
    if back:
        slopes = fit.coef_[0] / scaler.scale_
        theirs = [fit.intercept_[0] - slopes @ scaler.mean_, *slopes]
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("lasso penalty", True)
    assert "C = 0.1 " in found.message


def test_a_zero_where_the_score_is_larger_than_the_penalty_is_no_lasso():
    X, y, model = wide()
    # the first slope, the largest, is left out, and the others shrunk alike
    fit = LogisticRegression(C=0.2, solver="saga", random_state=1, **l1(), **TIGHT)
    fit.fit(X[:, 1:], y)
    theirs = np.array([fit.intercept_[0], 0.0, *fit.coef_[0]])
    case = Discrepancy.at(model, fit_newton(model), theirs)
    assert all(cause.distance > 1 for cause in lasso(case))
    assert not explain_difference(model, theirs).certain


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
def test_both_parameters_of_an_elastic_net_are_found(ratio):
    X, y, model = wide()
    fit = LogisticRegression(C=0.3, solver="saga", random_state=1, **l1(ratio), **TIGHT)
    found = explain_difference(model, coefficients(fit.fit(X, y)))
    assert (found.cause, found.certain) == ("elastic net", True)
    assert f"C = 0.3 (lambda = 3.333) and l1_ratio = {ratio:.3g} " in found.message


def test_where_one_penalty_suffices_both_are_not_named():
    X, y, model = wide()
    for ratio, cause in ((0.0, "ridge penalty"), (1.0, "lasso penalty")):
        fit = LogisticRegression(C=0.3, solver="saga", random_state=1, **l1(ratio), **TIGHT)
        found = explain_difference(model, coefficients(fit.fit(X, y)))
        assert (found.cause, found.certain) == (cause, True)
        assert "elastic net" not in found.table().index


def test_two_strengths_explain_no_two_coefficients():
    X, y, _ = wide(k=2)
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    case = Discrepancy.at(model, fit_newton(model), np.array([0.3, 0.8, -0.2]))
    assert not list(elastic_net(case))


def test_of_one_slope_every_penalty_says_the_same_and_none_is_certain():
    X, y, _ = wide(k=1)
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    fit = LogisticRegression(C=0.1, solver="saga", random_state=1, **l1(), **TIGHT)
    found = explain_difference(model, coefficients(fit.fit(X, y)))
    assert not found.certain
    assert found.cause == "ridge penalty"
    assert "As likely (log-F penalty)" in found.message


@pytest.mark.parametrize("name", ["spector", "challenger", "lizards", "lbw_stata"])
def test_firths_estimate_of_brglm2_is_named(name):
    case = CASES[name]
    theirs = case.facts["firth"]["beta"]
    found = explain_difference(case.model, theirs)
    assert (found.cause, found.certain) == ("Firth penalty", True)
    assert "logistf" in found.cure


def test_firths_estimate_is_named_on_separated_data_too():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    found = explain_difference(model, CASES["endometrial"].facts["firth"]["beta"])
    assert (found.cause, found.certain) == ("Firth penalty", True)
    assert "does not exist" in found.message
    assert "none to get" in found.cure


def test_a_lasso_explains_numbers_on_separated_data_too():
    X, y, _ = wide(n=80)
    X[:, 3] = y * (X[:, 1] > 0)
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    assert not check_existence(model).exists
    for C in (0.2, 1.0):
        fit = LogisticRegression(C=C, solver="saga", random_state=1, **l1(), **TIGHT)
        found = explain_difference(model, coefficients(fit.fit(X, y)))
        assert (found.cause, found.certain) == ("lasso penalty", True)
        assert f"C = {C:.4g} " in found.message


def test_where_everything_is_penalised_to_nothing_there_is_no_lasso():
    # an active set that runs empty
    X, y, _ = wide(n=24, k=3)
    model = BernoulliLogistic.from_arrays(X, y)
    for i in range(repeated(20)):
        b = np.random.default_rng([4, i]).normal(size=3) * 10.0 ** (i % 5 - 2)
        assert not explain_difference(model, b).certain


@pytest.mark.parametrize("m", [1, 2, 3.5])
def test_a_log_f_prior_is_found_with_its_strength(m):
    X, y, model = wide(n=120, k=4)
    unit = np.eye(5)[1:]
    rows = np.vstack([sm.add_constant(X), unit, unit])
    outcomes = np.concatenate([y, np.ones(4), np.zeros(4)])
    weights = np.concatenate([np.ones(120), np.full(8, m / 2)])
    fit = sm.GLM(outcomes, rows, sm.families.Binomial(), freq_weights=weights).fit(tol=1e-13)
    found = explain_difference(model, fit.params)
    assert (found.cause, found.certain) == ("log-F penalty", True)
    assert f"log-F({m}, {m})" in found.message


def test_log_f_with_weights_and_an_offset():
    X, y, _ = wide(n=150, k=3)
    rng = np.random.default_rng(1)
    offset, weights = rng.normal(size=150), rng.integers(1, 4, size=150)
    model = BernoulliLogistic.from_arrays(
        X, y, intercept=True, offset=offset, frequency_weights=weights
    )
    unit = np.eye(4)[1:]
    fit = sm.GLM(
        np.concatenate([y, np.ones(3), np.zeros(3)]),
        np.vstack([sm.add_constant(X), unit, unit]),
        sm.families.Binomial(),
        freq_weights=np.concatenate([weights, np.full(6, 0.5)]),
        offset=np.concatenate([offset, np.zeros(6)]),
    ).fit(tol=1e-13)
    found = explain_difference(model, fit.params)
    assert (found.cause, found.certain) == ("log-F penalty", True)


def test_scikit_learns_default_is_called_so():
    data, model = spector()
    X = data[["gpa", "tuce", "psi"]]
    found = explain_difference(model, coefficients(LogisticRegression().fit(X, data["grade"])))
    assert "this is scikit-learn's default, LogisticRegression()" in found.message
    assert "LogisticRegression(C=np.inf)" in found.cure
    assert "penalty=None" in found.cure
    other = LogisticRegression(C=2.0, **TIGHT).fit(X, data["grade"])
    assert "default" not in explain_difference(model, coefficients(other)).message
    intercept = LogisticRegression(solver="liblinear", **TIGHT).fit(X, data["grade"])
    found = explain_difference(model, coefficients(intercept))
    assert "the intercept was penalised too" in found.message
    assert "liblinear" in found.cure


def test_other_shrinkage_is_not_certain():
    _, _, model = wide()
    mle = fit_newton(model).coefficients
    for i in range(repeated(10)):
        rng = np.random.default_rng([6, i])
        shrunk = mle * np.append(1.0, rng.uniform(0.3, 1.0, 6))
        found = explain_difference(model, shrunk)
        assert not found.certain, found
        sparse = np.where(rng.random(7) < 0.4, 0.0, 0.9 * mle)
        assert not explain_difference(model, sparse).certain


def test_a_submodels_mle_is_no_lasso():
    X, y, model = wide()
    part = fit_newton(BernoulliLogistic.from_arrays(X[:, :3], y, intercept=True))
    theirs = np.append(part.coefficients, np.zeros(3))
    found = explain_difference(model, theirs)
    assert not (found.cause == "lasso penalty" and found.certain)


def test_a_ridge_penalty_has_the_strength_that_the_score_says():
    X, y = simulated(150, 4, seed=8)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = LogisticRegression(C=0.5, **TIGHT).fit(X[:, 1:], y)
    theirs = np.array(coefficients(fit))
    case = Discrepancy.at(model, fit_newton(model), theirs)
    best = min(ridge(case), key=lambda cause: cause.distance)
    assert best.distance < 1e-5
    assert all(cause.distance > 10 * best.distance for cause in log_f(case))


def test_firth_and_log_f_do_not_need_names():
    X, y = simulated(60, 3, seed=5)
    frame = pd.DataFrame(X[:, 1:], columns=["a{0}", "b\x1b"])
    model = BernoulliLogistic.from_arrays(frame, y, intercept=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = explain_difference(model, firth_estimate(model.design, y))
    assert (found.cause, found.certain) == ("Firth penalty", True)
