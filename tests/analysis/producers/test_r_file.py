import json
from pathlib import Path

import numpy as np
import pytest
from stated_numbers import covariance, glm_path, of_fit

from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.auditing.numbers import judge_numbers
from flatprior.analysis.producers.printed.table import read_table
from flatprior.analysis.producers.r_file import read_r
from flatprior.models import BernoulliLogistic, FlatpriorError, fit_newton, load_spector


def number(value):
    return f"{value:.17g}"


def written(**changed):
    """What write_fit writes of glm(grade ~ gpa + psi, binomial, spector), as R would have it."""
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    X, y = model.design, model.response
    path = glm_path(X, y)[:7]
    fit = of_fit(X, y, path[-1])
    V = covariance(X, y, path[-2])
    facts = {
        "class": '"glm"',
        "version": '"R version 4.4.1 (2024-06-14)"',
        "family": '"binomial"',
        "link": '"logit"',
        "names": '["(Intercept)", "gpa", "psi"]',
        "coefficients": f"[{', '.join(map(number, path[-1]))}]",
        "covariance": "[" + ", ".join(f"[{', '.join(map(number, row))}]" for row in V) + "]",
        "deviance": number(fit["deviance"]),
        "null.deviance": number(fit["null deviance"]),
        "aic": number(fit["AIC"]),
        "nobs": "32",
        "iterations": "7",
        "converged": "true",
    } | changed
    body = ", ".join(f'"{key}": {value}' for key, value in facts.items() if value is not None)
    return model, path, V, f"{{{body}}}"


def read(tmp_path, text):
    path = tmp_path / "fit.json"
    path.write_text(text)
    return read_r(path)


def test_every_number_of_a_file_of_r_is_judged_right(tmp_path):
    model, path, V, text = written()
    fit = read(tmp_path, text)
    assert list(fit.coefficients.values()) == path[-1].tolist()
    assert np.array_equal(fit.covariance, V)
    assert fit.settings.link == "logit"
    assert fit.settings.converged is True
    assert fit.units == {}
    judged = judge_numbers(model, fit_newton(model), fit)
    assert all(each.consistent for each in judged)
    assert len(judged) == 3 + 3 + 4
    assert read_table(tmp_path / "fit.json").coefficients == fit.coefficients


def test_one_coefficient_is_a_number_and_not_a_list(tmp_path):
    _, _, _, text = written(names='"(Intercept)"', coefficients="-0.5", covariance="[[0.25]]")
    fit = read(tmp_path, text)
    assert fit.coefficients == {"(Intercept)": -0.5}
    assert fit.stated[0].value == 0.5


def test_coefficients_that_r_left_out_are_noted(tmp_path):
    names = '["(Intercept)", "x", "twice"]'
    rows = '[[1, 0, "NA"], [0, 4, "NA"], ["NA", "NA", "NA"]]'
    for covariance_ in (rows, "[[1, 0], [0, 4]]"):
        _, _, _, text = written(names=names, coefficients='[0.5, 1, "NA"]', covariance=covariance_)
        fit = read(tmp_path, text)
        assert fit.coefficients == {"(Intercept)": 0.5, "x": 1.0}
        assert [each.value for each in fit.stated[:2]] == [1.0, 2.0]
        assert fit.notes == ("R has no coefficient for 'twice', which depend on the others",)


def test_a_family_that_is_not_binomial_is_refused(tmp_path):
    with pytest.raises(FlatpriorError, match="family 'poisson', not of binomial"):
        read(tmp_path, written(family='"poisson"')[3])
    assert read(tmp_path, written(family='"quasibinomial"')[3]).producer == "R glm"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"names": None}, "has not names, link and coefficients"),
        ({"names": '["a", "a", "b"]'}, "names a coefficient twice"),
        ({"names": "[1, 2, 3]"}, "the names must be texts"),
        ({"coefficients": "[1, 2]"}, "there are 2 of 3 numbers"),
        ({"coefficients": '[1, 2, "x"]'}, "'x' is not a number"),
        ({"covariance": "[[1, 2], [3, 4]]"}, "there are 2 rows for 3"),
        ({"covariance": "[[1], [3, 4], [1]]"}, "there are 1 of 3 numbers"),
        ({"deviance": '"x"'}, "deviance: 'x' is not a number"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, changed, said):
    with pytest.raises(FlatpriorError) as error:
        read(tmp_path, written(**changed)[3])
    assert said in str(error.value)


def test_what_is_no_json_is_refused(tmp_path):
    for text in ("", "{", '{"names": 1, "names": 2}', "[]", "3"):
        with pytest.raises(FlatpriorError, match=r"fit\.json"):
            read(tmp_path, text)


def test_numbers_that_are_none_are_not_stated(tmp_path):
    _, _, _, text = written(
        deviance='"NaN"', aic='"NA"', covariance='[["NA", 1, 1], [1, 1, 1], [1, 1, 1]]'
    )
    fit = read(tmp_path, text)
    assert fit.covariance is None
    assert {each.quantity for each in fit.stated} == {"null deviance", "n"}
    assert json.loads(text)["converged"] is True


def test_what_vcov_gives_of_another_class_may_be_of_any_kind(tmp_path):
    """As of a survey's design, or of fixest by clusters."""
    for kind, judged in (('"glm"', False), (None, False), ('"svyglm"', None), ('"feglm"', None)):
        model, _, V, _ = written()
        wrong = "[" + ", ".join(f"[{', '.join(map(number, 1.2 * row))}]" for row in V) + "]"
        fit = read(tmp_path, written(**{"class": kind, "covariance": wrong})[-1])
        found = judge_numbers(model, fit_newton(model), fit)
        assert {e.consistent for e in found if e.quantity == "standard error"} == {judged}
        right = read(tmp_path, written(**{"class": kind})[-1])
        assert all(each.consistent for each in judge_numbers(model, fit_newton(model), right))


def test_a_coefficient_without_a_name_is_refused(tmp_path):
    with pytest.raises(FlatpriorError, match="a coefficient has no name"):
        read(tmp_path, written(names='["(Intercept)", "", "psi"]')[-1])


def test_what_r_itself_has_written():
    """`write_fit(glm(grade ~ gpa + g, binomial, d), file)`, run by R 4.2.2."""
    data = load_spector()
    data["g"] = np.where(
        data["tuce"] > 24, 'hi "x"', np.where(data["tuce"] > 20, "mid \u00e9", "lo\\y")
    )
    model = BernoulliLogistic.from_formula("grade ~ gpa + g", data)
    found = audit(Path(__file__).parents[2] / "data" / "r_glm.json", model)
    assert found.passed, found.message
    assert found.producer.startswith("R glm (R version 4.2.2")
    assert len(found.numbers) == 12
