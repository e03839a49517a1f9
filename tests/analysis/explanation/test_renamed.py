"""The right numbers in another order, exponentiated, or one for every level."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from disagreements import spector
from multiplier import repeated
from problems import simulated
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import explain_difference
from flatprior.models import BernoulliLogistic, fit_newton


@pytest.fixture(scope="module")
def model():
    X, y = simulated(300, 5, seed=3)
    frame = pd.DataFrame(X[:, 1:], columns=["a", "b", "c", "d"])
    return BernoulliLogistic.from_arrays(frame, y, intercept=True)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([0, 2, 1, 3, 4], "those of a and b are exchanged"),
        ([0, 2, 3, 1, 4], "that of a is given to c"),
        ([1, 2, 3, 4, 0], "that of const is given to d"),
    ],
)
@pytest.mark.parametrize("digits", [4, 16])
def test_an_order_that_restores_the_mle_is_found(model, order, words, digits):
    theirs = fit_newton(model).coefficients[order].round(digits)
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("permuted", True)
    assert words in found.message
    assert "by name" in found.cure


def test_numbers_in_an_order_that_is_nearly_right_are_not_certain(model):
    fit = fit_newton(model)
    for i in range(repeated(20)):
        rng = np.random.default_rng([2, i])
        b = rng.permutation(fit.coefficients)
        b = b + fit.standard_errors * rng.normal(size=5) * 10.0 ** rng.uniform(-2, 0)
        assert not explain_difference(model, b).certain


@pytest.mark.parametrize("some", [[0, 1, 2, 3, 4], [1, 2, 3, 4], [2], [1, 3]])
def test_odds_ratios_are_named_all_or_some(model, some):
    theirs = fit_newton(model).coefficients.copy()
    theirs[some] = np.exp(theirs[some])
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("exponentiated", True)
    assert ("the coefficients are" in found.message) == (len(some) == 5)
    assert "take their logarithms" in found.cure


def test_a_table_of_odds_ratios_needs_no_intercept(model):
    fit = fit_newton(model)
    odds = np.exp(fit.coefficients)[1:].round(6)
    found = explain_difference(model, dict(zip(model.names[1:], odds, strict=True)))
    assert (found.cause, found.certain) == ("exponentiated", True)


def test_large_numbers_have_logarithms_of_no_size(model):
    for i in range(repeated(20)):
        rng = np.random.default_rng([4, i])
        b = np.exp(rng.normal(size=5) * 10.0 ** rng.uniform(0, 2))
        assert not explain_difference(model, b).certain


def test_ones_are_no_odds_ratios_where_nothing_has_an_effect():
    x = np.tile([-1.0, 1.0], 40)
    model = BernoulliLogistic.from_arrays(np.column_stack([np.ones(80), x]), np.repeat([0, 1], 40))
    for b in ([0.0, 1.0], [1.0, 1.0], [1.0, 0.0]):
        assert not explain_difference(model, b).certain


@pytest.fixture(scope="module")
def grouped():
    rng = np.random.default_rng(6)
    group = rng.choice(["a", "b", "c"], 300)
    x = rng.normal(size=300)
    y = (rng.random(300) < 1 / (1 + np.exp(-0.5 * x - (group == "b")))).astype(int)
    data = pd.DataFrame({"y": y, "group": group, "x": x})
    return data, BernoulliLogistic.from_formula("y ~ group + x", data)


@pytest.mark.parametrize("split", [0.0, -3.7])
@pytest.mark.parametrize("style", ["group_{}", "group[T.{}]", "C(group)[{}]", "group{}"])
def test_a_dummy_left_in_is_judged_by_differences_whatever_the_split(grouped, split, style):
    _, model = grouped
    fit = fit_newton(model)
    value = dict(zip(model.names, fit.coefficients.tolist(), strict=True))
    levels = {"a": 0.0, "b": value["group[T.b]"], "c": value["group[T.c]"]}
    theirs = {style.format(level): number - split for level, number in levels.items()}
    theirs |= {"Intercept": value["Intercept"] + split, "x": value["x"]}
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("dummy left in", True)
    assert "every level of 'group'" in found.message
    assert "drop_first=True" in found.cure


def test_columns_of_indicators_have_a_level_left_in_too(grouped):
    data, _ = grouped
    dummies = pd.get_dummies(data["group"], prefix="group", dtype=float)
    frame = dummies[["group_b", "group_c"]].assign(x=data["x"])
    model = BernoulliLogistic.from_arrays(frame, data["y"], intercept=True)
    X = sm.add_constant(dummies.assign(x=data["x"]))
    with warnings.catch_warnings():  # that the columns are dependent
        warnings.simplefilter("ignore")
        theirs = sm.GLM(data["y"], X, sm.families.Binomial()).fit(tol=1e-12).params
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("dummy left in", True)


def test_a_penalty_on_every_level_is_named_beside_the_dummy(grouped):
    data, model = grouped
    X = pd.get_dummies(data["group"], prefix="group", dtype=float).assign(x=data["x"])
    for C in (0.3, 1.0):
        fit = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, data["y"])
        theirs = dict(zip(X.columns, fit.coef_[0].tolist(), strict=True))
        found = explain_difference(model, theirs | {"Intercept": float(fit.intercept_[0])})
        assert (found.cause, found.certain) == ("ridge penalty", True)
        assert f"C = {C:.4g} " in found.message
        assert "there is a coefficient for every level of 'group'" in found.message


def test_a_coefficient_for_every_level_in_place_of_the_intercept_is_another_coding(grouped):
    data, model = grouped
    X = pd.get_dummies(data["group"], prefix="group", dtype=float).assign(x=data["x"])
    theirs = sm.Logit(data["y"], X).fit(disp=0, tol=1e-12).params
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("reference level", True)
    assert "without an intercept" in found.message


def test_other_numbers_for_every_level_are_not_certain(grouped):
    _, model = grouped
    for i in range(repeated(20)):
        rng = np.random.default_rng([3, i])
        names = ["Intercept", "group_a", "group_b", "group_c", "x"]
        b = rng.normal(size=5) * 10.0 ** rng.uniform(-2, 2)
        assert not explain_difference(model, dict(zip(names, b.tolist(), strict=True))).certain


def test_a_penalty_on_another_coding_is_one_on_its_own_coefficients(grouped):
    data, model = grouped
    X = pd.get_dummies(data["group"], dtype=float)[["a", "c"]].assign(x=data["x"])
    fit = LogisticRegression(tol=1e-10, max_iter=5000).fit(X, data["y"])
    theirs = dict(zip(["group_a", "group_c", "x"], fit.coef_[0].tolist(), strict=True))
    found = explain_difference(model, theirs | {"Intercept": float(fit.intercept_[0])})
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert "C = 1 " in found.message
    assert "differences from level 'b'" in found.message


def test_where_an_order_and_a_scale_explain_the_same_both_are_said():
    # the second slope is ten times the first: exchanged, or in other units
    _, spectors = spector()
    fit = fit_newton(spectors)
    X = spectors.design.copy()
    X[:, 2] *= fit.coefficients[2] / (10 * fit.coefficients[1])
    model = BernoulliLogistic.from_arrays(X, spectors.response)
    mle = fit_newton(model).coefficients
    assert mle[2] == pytest.approx(10 * mle[1], rel=1e-9)
    found = explain_difference(model, mle[[0, 2, 1, 3]])
    assert found.cause in ("permuted", "predictors rescaled")
    assert not found.certain
    assert "As likely" in found.message
