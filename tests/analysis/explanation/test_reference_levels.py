"""Coefficients by other names, and with other reference levels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from disagreements import spector
from problems import CASES

from flatprior.analysis import explain_difference
from flatprior.analysis.explanation.reference_levels import (
    categories_of,
    our_names,
    place,
    recodings,
)
from flatprior.analysis.producers.plain import named
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


def with_two_categories():
    """Rows with two categories and a number, and the levels of each."""
    rng = np.random.default_rng(8)
    levels = {"race": ["black", "other", "white"], "sex": ["f", "m"]}
    data = pd.DataFrame({name: rng.choice(every, 400) for name, every in levels.items()})
    data["x"], data["y"] = rng.normal(size=400), rng.integers(0, 2, 400)
    return data, levels


@pytest.mark.parametrize("race", ["black", "other", "white"])
@pytest.mark.parametrize("sex", ["f", "m"])
def test_coefficients_of_any_references_become_those_of_the_model_in_any_order(race, sex):
    data, levels = with_two_categories()
    model = BernoulliLogistic.from_formula("y ~ race + sex + x", data)
    fit = fit_newton(model)
    other = data.copy()
    for name, first in (("race", race), ("sex", sex)):
        order = [first, *(level for level in levels[name] if level != first)]
        other[name] = pd.Categorical(data[name], order)
    theirs = fit_newton(BernoulliLogistic.from_formula("y ~ race + sex + x", other))
    given = dict(zip(theirs.names, theirs.coefficients, strict=True))
    for names in (list(given), list(given)[::-1]):
        placed = place(model, {name: given[name] for name in names})
        assert placed.matrix @ placed.given == pytest.approx(fit.coefficients, abs=1e-10)
        assert (placed.recoded == "") == ((race, sex) == ("black", "f"))
        assert not placed.without_intercept
    # and among the recodings that are tried there is this one, once
    if (race, sex) != ("black", "f"):
        found = [
            matrix
            for said, matrix in recodings(model)
            if matrix @ placed.given == pytest.approx(fit.coefficients, abs=1e-10)
        ]
        assert len(found) == 1
    assert len(list(recodings(model))) == 3 * 2 - 1


def test_a_recoding_of_a_model_changes_no_linear_predictor():
    data, _ = with_two_categories()
    model = BernoulliLogistic.from_formula("y ~ race + sex + x", data)
    for said, matrix in recodings(model):
        assert "differences from level" in said
        assert abs(np.linalg.det(matrix)) == pytest.approx(1)
        # their columns are those of indicators again: 0 and 1, of a constant, and x as it was
        theirs = model.design @ matrix
        assert set(np.unique(theirs[:, :-1])) == {0.0, 1.0}
        assert np.array_equal(theirs[:, [0, -1]], model.design[:, [0, -1]])


def test_without_a_constant_there_is_no_reference_and_an_interaction_is_left_alone():
    data, _ = with_two_categories()
    for formula in ("y ~ 0 + race + x", "y ~ race * x", "y ~ x"):
        model = BernoulliLogistic.from_formula(formula, data)
        assert categories_of(model) == []
        assert list(recodings(model)) == []
    by_name = categories_of(BernoulliLogistic.from_formula("y ~ sex + race * x", data))
    assert [(each.name, each.reference) for each in by_name] == [("sex", "f")]


def test_numbers_by_name_may_be_of_any_kind_of_number_and_keep_their_value():
    names = ("a", "b", "c")
    values = [np.float32(0.5), np.int64(2), 3]
    for given in (values, dict(zip(names, values, strict=True)), pd.Series(values, names)):
        found = named(given, names, "coefficients")
        assert found == {"a": 0.5, "b": 2.0, "c": 3.0}
        assert {type(value) for value in found.values()} == {float}
    for wrong in (math.inf, math.nan, 1e100, None, "2"):
        with pytest.raises(ValueError, match=r"coefficients: 'b' is .*, not a finite number"):
            named({"a": 1, "b": wrong}, names, "coefficients")


@pytest.mark.parametrize("intercept", [True, False])
def test_a_coefficient_for_every_level_has_the_same_linear_predictor(intercept):
    data, _ = with_two_categories()
    model = BernoulliLogistic.from_formula("y ~ race + sex + x", data)
    rng = np.random.default_rng(4)
    race = dict(zip(sorted(data["race"].unique()), rng.normal(size=3), strict=True))
    sex = dict(zip(sorted(data["sex"].unique()), rng.normal(size=2), strict=True))
    theirs = {f"race[{level}]": value for level, value in race.items()}
    theirs |= {f"C(sex)[T.{level}]": value for level, value in sex.items()}
    rest = {n: rng.normal() for n in model.names if "race" not in n and "sex" not in n}
    if not intercept:
        del rest["Intercept"]
    placed = place(model, theirs | rest)
    eta = data["race"].map(race) + data["sex"].map(sex)
    for name, value in rest.items():
        eta += value * (1.0 if name == "Intercept" else data[name])
    assert model.design @ (placed.matrix @ placed.given) == pytest.approx(eta.to_numpy())
    assert placed.left_in == ("'race' and of 'sex'" if intercept else "'sex'")
    assert ("without an intercept" in placed.recoded) != intercept
    assert not placed.without_intercept


def test_an_interaction_is_no_level_that_was_left_in():
    case = CASES["lbw_stata"]
    given = dict.fromkeys(case.model.names, 1.0) | {"race_black:age": 1.0}
    with pytest.raises(ValueError, match="has race_black:age besides"):
        place(case.model, given)


CODINGS = {"0, 1": ([0, 1], [0, 1]), "1, 2": ([1, 2], [1, 2]), "text": (["no", "yes"], [0, 1])}


@pytest.mark.parametrize("values", CODINGS)
@pytest.mark.parametrize(
    ("ours", "theirs"), [("g", "C(g)"), ("C(g)", "g"), ("g", "C(g, Treatment({1}))")]
)
def test_two_levels_are_one_difference_whether_they_are_numbers_or_a_category(values, ours, theirs):
    rng = np.random.default_rng(9)
    second, x = rng.random(200) < 0.4, rng.normal(size=200)
    labels, numbers = CODINGS[values]
    data = pd.DataFrame({"x": x, "g": np.where(second, numbers[1], numbers[0])})
    data["y"] = (rng.random(200) < 0.3 + 0.3 * second).astype(int)
    other = data.assign(g=np.where(second, labels[1], labels[0]))
    if ours == "C(g)" and values == "text":
        data, other = other, data
    elif values == "text" and "Treatment" in theirs:
        pytest.skip("nothing says which number that level is")
    theirs = theirs.format(*labels)
    model = BernoulliLogistic.from_formula(f"y ~ x + {ours}", data)
    given = smf.logit(f"y ~ x + {theirs}", other).fit(disp=0, tol=1e-12).params
    placed = place(model, dict(given))
    fit = fit_newton(model)
    assert placed.matrix @ placed.given == pytest.approx(fit.coefficients, abs=1e-9)
    certain = {"0, 1": "Treatment" not in theirs, "1, 2": False, "text": False}[values]
    assert ("in place of" in placed.recoded) != certain


def test_names_that_differ_in_case_are_refused_with_what_to_rename():
    _, model = spector()
    with pytest.raises(ValueError, match="rename GPA to gpa"):
        place(model, {"Intercept": 1, "GPA": 1, "tuce": 1, "psi": 1})


@pytest.mark.parametrize("term", ["g", "C(g)", "factor(g)", "relevel(g, 'b')", "C(g, ref='b')"])
def test_a_category_is_one_however_it_is_written(term):
    data = pd.DataFrame({"g": list("abcab") * 4, "y": [0, 1, 1, 0, 1] * 4})
    model = BernoulliLogistic.from_formula(f"y ~ {term}", data)
    (found,) = categories_of(model)
    assert found.name == "g"
    assert set(found.columns) == {"a", "b", "c"} - {model.reference_levels["g"]}
    assert not categories_of(BernoulliLogistic.from_formula("y ~ C(g, Sum)", data))


@pytest.mark.parametrize(
    ("term", "kind", "labels"),
    [
        ("C(a, contr.sum)", "S", ("C(a, contr.sum)1", "C(a, contr.sum)2")),
        ("C(a, contr.sum)", "S", ("a1", "a2")),
        ("C(a, contr.helmert)", "H", ("a1", "a2")),
        ("C(a, contr.treatment(3, base=2))", "T", ("C(a, contr.treatment(3, base = 2))1", "a3")),
    ],
)
def test_the_numbers_of_r_s_contrasts_are_the_model_s_own(term, kind, labels):
    levels = {"S": "uv", "H": "vw", "T": "uw"}[kind]
    frame = pd.DataFrame({"y": [0, 1, 1, 0] * 6, "a": list("uvw") * 8, "x": np.arange(24) % 5})
    model = BernoulliLogistic.from_formula(f"y ~ {term} + x", frame)
    found = our_names(model, ("(Intercept)", *labels, "x"))
    expected = {label: f"C(a)[{kind}.{each}]" for label, each in zip(labels, levels, strict=True)}
    expected.pop("a3", None)  # of indicators a bare number is a level
    assert found == {"(Intercept)": "Intercept", **expected, "x": "x"}
