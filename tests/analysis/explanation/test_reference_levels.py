"""Coefficients by other names, and with other reference levels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from disagreements import spector
from problems import CASES

from flatprior.analysis import explain_difference
from flatprior.models import BernoulliLogistic, fit_newton


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
        ({"Intercept": 1, "gpa": 10**400, "tuce": 1, "psi": 1}, "not a finite number"),
        ([True, 1.0, 1.0, 1.0], "'Intercept' is True, not a finite number"),
        ([1j, 1.0, 1.0, 1.0], "is 1j, not a finite number"),
        ("abcd", "must be numbers by name, or a list of numbers"),
        ({1.0, 2.0}, "must be numbers by name, or a list of numbers"),
        (pd.Series([1.0, 2.0], index=["gpa", "gpa"]), "names some of them twice"),
        ({"Intercept": 1, "const": 2, "gpa": 1, "tuce": 1, "psi": 1}, "has const besides"),
    ],
)
def test_what_are_no_coefficients_of_the_model_is_refused(coefficients, message):
    _, model = spector()
    with pytest.raises(ValueError, match=message):
        explain_difference(model, coefficients)


@pytest.mark.parametrize(
    "form", ["race[T.{}]", "C(race)[T.{}]", "race{}", "race_{}", "factor(race){}"]
)
@pytest.mark.parametrize("reference", ["white", "black"])
def test_levels_by_the_names_of_other_programs(form, reference):
    rng = np.random.default_rng(6)
    levels = np.array(["black", "other", "white"])
    data = pd.DataFrame({"race": rng.choice(levels, 300), "income": 1e5 * rng.random(300)})
    data["y"] = (rng.random(300) < 0.3 + 0.4 * (data["race"] == "other")).astype(int)
    model = BernoulliLogistic.from_formula("y ~ race + income", data)
    order = [reference, *(level for level in levels if level != reference)]
    other = data.assign(race=pd.Categorical(data["race"], order))
    fit = fit_newton(BernoulliLogistic.from_formula("y ~ race + income", other))
    theirs = dict(
        zip(["(Intercept)", *map(form.format, order[1:])], fit.coefficients, strict=False)
    )
    theirs["income"] = float(f"{fit.coefficients[-1]:.5g}")
    found = explain_difference(model, theirs)
    if reference == "black":  # the model's own
        assert found.distance < 1e-3
        assert not found.certain or found.cause == "agreement"
    else:
        assert (found.cause, found.certain) == ("reference level", True)
