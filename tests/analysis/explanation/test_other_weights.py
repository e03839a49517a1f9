"""Class weights, alone and beside scikit-learn's penalty."""

import numpy as np
import pytest
import statsmodels.api as sm
from multiplier import repeated
from problems import simulated
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from flatprior.analysis import explain_difference
from flatprior.models import BernoulliLogistic, fit_newton

TIGHT = {"tol": 1e-10, "max_iter": 50_000}


def rare(n=400, k=4, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k))
    eta = X @ rng.normal(0, 0.7, k) - 1.5
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    return X, y, BernoulliLogistic.from_arrays(X, y, intercept=True)


def coefficients(fit):
    return [*fit.intercept_, *fit.coef_[0]]


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 3.0}, {0: 5.0, 1: 2.0}])
def test_class_weights_are_named_with_their_ratio(weights):
    X, y, model = rare()
    fit = LogisticRegression(C=np.inf, class_weight=weights, solver="newton-cholesky", **TIGHT)
    found = explain_difference(model, coefficients(fit.fit(X, y)))
    assert (found.cause, found.certain) == ("class weights", True)
    how = "='balanced'" if weights == "balanced" else f"counts {weights[1] / weights[0]:.4g} times"
    assert how in found.message
    assert "class_weight=None" in found.cure


def test_sampling_weights_by_outcome_in_statsmodels_are_the_same():
    X, y, model = rare()
    fit = sm.GLM(
        y, sm.add_constant(X), sm.families.Binomial(), freq_weights=np.where(y == 1, 1.0, 0.25)
    ).fit(tol=1e-13)
    found = explain_difference(model, fit.params)
    assert (found.cause, found.certain) == ("class weights", True)
    assert "counts 4 times" in found.message


def test_with_frequency_weights_the_ratio_is_beside_them():
    X, y, _ = rare()
    weights = np.random.default_rng(1).integers(1, 5, size=len(y))
    model = BernoulliLogistic.from_arrays(X, y, intercept=True, frequency_weights=weights)
    fit = sm.GLM(
        y, sm.add_constant(X), sm.families.Binomial(), freq_weights=weights * np.where(y, 2.0, 1)
    ).fit(tol=1e-13)
    found = explain_difference(model, fit.params)
    assert (found.cause, found.certain) == ("class weights", True)
    assert "counts 2 times" in found.message


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 3.0}])
@pytest.mark.parametrize("scaled", [False, True])
def test_beside_the_default_penalty_both_are_said(weights, scaled):
    X, y, model = rare(n=150)
    columns = StandardScaler().fit_transform(X) if scaled else X
    fit = LogisticRegression(class_weight=weights, **TIGHT).fit(columns, y)
    found = explain_difference(model, coefficients(fit))
    assert found.cause == "class weights"
    assert "a ridge penalty of C = 1, scikit-learn's default" in found.message
    assert "C=np.inf" in found.cure


def test_without_weights_no_ratio_near_1_is_named():
    X, y, model = rare()
    fit = LogisticRegression(C=0.1, **TIGHT).fit(X, y)
    found = explain_difference(model, coefficients(fit))
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert "class weights" not in found.message


def test_where_weights_move_the_intercept_alone_it_may_have_been_shifted():
    # one category: weights of the outcomes add the same to every log-odds
    group = np.repeat([0.0, 1.0], 40)
    y = np.concatenate([np.repeat([1.0, 0.0], [10, 30]), np.repeat([1.0, 0.0], [25, 15])])
    model = BernoulliLogistic.from_arrays(group[:, None], y, intercept=True)
    fit = LogisticRegression(
        C=np.inf, class_weight="balanced", solver="newton-cholesky", **TIGHT
    ).fit(group[:, None], y)
    found = explain_difference(model, coefficients(fit))
    assert (found.cause, found.certain) == ("class weights", False)
    assert f"{np.log(45 / 35):.4g} was added to the intercept" in found.message


def test_numbers_without_weights_are_not_certainly_weighted():
    X, y = simulated(60, 3, seed=2)
    order = np.argsort(y)
    model = BernoulliLogistic.from_arrays(X[order], y[order])
    fit = fit_newton(model)
    for i in range(repeated(20)):
        rng = np.random.default_rng([3, i])
        b = fit.coefficients + fit.standard_errors * rng.normal(size=3) * 10.0 ** rng.uniform(-3, 4)
        assert not explain_difference(model, b).certain
