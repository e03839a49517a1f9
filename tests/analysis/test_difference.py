"""Disagreements whose cause is known, made with the programs that make them."""

import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from disagreements import CAUSES, none
from problems import CASES, simulated
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import explain_difference
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_endometrial,
    load_spector,
)

EACH = 5


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_named_and_no_wrong_one_is_certain(cause):
    # benchmarks/explanations.py counts 30 of each; here 5, of which one may stay unexplained
    right = 0
    for i in range(EACH):
        rng = np.random.default_rng([7, list(CAUSES).index(cause), i])
        model, coefficients = CAUSES[cause](rng)
        found = explain_difference(model, coefficients)
        right += found.cause == cause
        assert found.cause == cause or not found.certain
        assert found.message
        assert len(found.table()) == len(found.causes)
        json.dumps(found.to_dict(), allow_nan=False)
    assert right >= EACH - 1


def test_numbers_out_of_the_air_have_no_certain_cause():
    for i in range(10):
        model, coefficients = none(np.random.default_rng([8, i]))
        found = explain_difference(model, coefficients)
        assert not found.certain
        assert found.cause in ("none of these", "stopped early", "predictors rescaled")


def spector():
    data = load_spector()
    return data, BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)


@pytest.mark.parametrize("C", [0.1, 1.0, 20.0])
def test_the_penalty_is_estimated(C):
    data, model = spector()
    X = data[["gpa", "tuce", "psi"]]
    fit = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, data["grade"])
    theirs = [fit.intercept_[0], *fit.coef_[0]]
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert f"C = {C:.4g} " in found.message
    assert "intercept was not penalised" in found.message
    # liblinear penalises the intercept as well
    fit = LogisticRegression(C=C, solver="liblinear", tol=1e-10, max_iter=5000).fit(
        X, data["grade"]
    )
    found = explain_difference(model, [fit.intercept_[0], *fit.coef_[0]])
    assert found.cause == "ridge penalty"
    assert "the intercept was penalised too" in found.message


def test_a_penalty_explains_numbers_on_separated_data_too():
    data = load_endometrial()
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)
    X = data[["NV", "PI", "EH"]]
    fit = LogisticRegression(tol=1e-10, max_iter=5000).fit(X, data["HG"])
    found = explain_difference(model, [fit.intercept_[0], *fit.coef_[0]])
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert "C = 1 " in found.message
    assert "does not exist" in found.message
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        glm = sm.GLM(data["HG"], sm.add_constant(X), sm.families.Binomial()).fit()
    found = explain_difference(model, glm.params)
    assert (found.cause, found.certain) == ("separation", True)
    assert "NV" in found.message


def test_dependent_columns_are_the_answer_where_they_are():
    model = CASES["dup_col"].model
    found = explain_difference(model, np.ones(model.n_parameters))
    assert (found.cause, found.certain) == ("dependent columns", True)


def test_there_may_be_no_difference():
    _, model = spector()
    fit = fit_newton(model)
    exact = explain_difference(model, fit.coefficients)
    assert (exact.cause, exact.certain) == ("agreement", True)
    assert explain_difference(model, fit_sklearn(model).coefficients).cause == "agreement"
    for digits, certain in ((2, False), (4, True)):
        rounded = dict(zip(model.names, fit.coefficients.round(digits), strict=True))
        found = explain_difference(model, rounded)
        assert (found.cause, found.certain) == ("agreement", certain)
        assert "in every digit given" in found.message
    off = fit.coefficients.round(4)
    off[3] += 0.0002
    assert explain_difference(model, off).cause != "agreement"


def test_printed_digits_suffice():
    # what a summary prints: four decimals
    data, model = spector()
    y, X = data["grade"], sm.add_constant(data[["gpa", "tuce", "psi"]])
    for theirs, cause in (
        (sm.Probit(y, X).fit(disp=0).params, "probit"),
        (sm.Logit(1 - y, X).fit(disp=0).params, "response flipped"),
        (sm.Logit(y, X.drop(columns="const")).fit(disp=0).params, "missing intercept"),
        (sm.Logit(y[1:], X[1:]).fit(disp=0).params, "rows dropped"),
    ):
        found = explain_difference(model, theirs.round(4))
        assert found.cause == cause
        assert found.certain == (cause != "rows dropped")  # many sets might fit


def test_the_rows_are_named_by_their_labels():
    data, _ = spector()
    data.index = [f"student {i}" for i in range(len(data))]
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    part = data.drop(["student 4", "student 20", "student 25"])
    theirs = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", part))
    found = explain_difference(model, theirs.coefficients)
    assert (found.cause, found.certain) == ("rows dropped", True)
    assert "without 3 rows: rows student 4, student 20, student 25" in found.message


def test_duplicates_left_out_are_found():
    data, _ = spector()
    twice = pd.concat([data, data.iloc[[3, 8, 9, 17, 21]]], ignore_index=True)
    formula = "grade ~ gpa + tuce + psi"
    model = BernoulliLogistic.from_formula(formula, twice)
    theirs = fit_newton(BernoulliLogistic.from_formula(formula, data)).coefficients
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("rows dropped", True)
    assert "5 rows" in found.message


def test_weights_and_offsets_are_taken_into_account():
    X, y = simulated(150, 3, seed=6)
    rng = np.random.default_rng(2)
    weights, offset = rng.integers(1, 4, size=150), rng.normal(size=150)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    opposite = BernoulliLogistic.from_arrays(X, 1 - y, offset=offset, frequency_weights=weights)
    part = BernoulliLogistic.from_arrays(
        X[7:], y[7:], offset=offset[7:], frequency_weights=weights[7:]
    )
    for other, cause in ((opposite, "response flipped"), (part, "rows dropped")):
        found = explain_difference(model, fit_newton(other).coefficients)
        assert (found.cause, found.certain) == (cause, True)


def test_standard_errors_show_a_rescaling_by_any_factor():
    data, model = spector()
    other = data.assign(tuce=data["tuce"] * 3.217, gpa=data["gpa"] / 7.77)
    fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", other))
    without = explain_difference(model, fit.coefficients)
    assert without.cause != "predictors rescaled"
    found = explain_difference(model, fit.coefficients, fit.standard_errors)
    assert (found.cause, found.certain) == ("predictors rescaled", True)
    assert "tuce by 3.217" in found.message


def test_an_intercept_has_many_names_and_may_be_theirs_alone():
    data, model = spector()
    fit = fit_newton(model)
    theirs = dict(zip(["(Intercept)", "gpa", "tuce", "psi"], -fit.coefficients, strict=True))
    assert explain_difference(model, theirs).cause == "response flipped"
    ours = BernoulliLogistic.from_formula("grade ~ 0 + gpa + tuce + psi", data)
    found = explain_difference(ours, dict(zip(model.names, fit.coefficients, strict=True)))
    assert (found.cause, found.certain) == ("missing intercept", True)
    assert "the model has none" in found.message


def test_the_reference_level_of_indicators_in_arrays_is_found():
    case = CASES["lbw_stata"]
    white = case.frame["race_black"] + case.frame["race_other"]
    other = case.frame.drop(columns="race_other").assign(race_white=1 - white)
    theirs = sm.Logit(case.response, other).fit(disp=0, tol=1e-10).params
    found = explain_difference(case.model, theirs)
    assert (found.cause, found.certain) == ("reference level", True)
    assert "'other' of 'race_'" in found.message


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [
        ([1.0, 2.0], "there are 2 coefficients; the model has 4"),
        ({"Intercept": 1, "gpa": 1, "tuce": 1}, "lacks psi; the model has"),
        ({"Intercept": 1, "gpa": 1, "tuce": 1, "sex": 1}, "lacks psi and has sex besides"),
        ({"Intercept": 1, "gpa": math.nan, "tuce": 1, "psi": 1}, "'gpa' is nan, not a finite"),
        ({"Intercept": 1, "gpa": "1", "tuce": 1, "psi": 1}, "'gpa' is '1', not a finite number"),
    ],
)
def test_what_are_no_coefficients_of_the_model_is_refused(coefficients, message):
    _, model = spector()
    with pytest.raises(ValueError, match=message):
        explain_difference(model, coefficients)


def test_names_are_shown_and_never_run():
    data, _ = spector()
    name = "gpa\x1b[31m {0.__class__} {"
    model = BernoulliLogistic.from_arrays(
        data.rename(columns={"gpa": name})[[name, "psi"]], data["grade"], intercept=True
    )
    found = explain_difference(model, {name: 1.0, "psi": 0.5})
    assert "\x1b" not in str(found)
