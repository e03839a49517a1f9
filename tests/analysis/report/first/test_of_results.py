import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import audit, compare_models, compare_routes
from flatprior.analysis.report.first.of_results import of_audits, of_comparison, of_many
from flatprior.analysis.report.first_screen import first_screen
from flatprior.analysis.report.main_model import reported
from flatprior.analysis.report.takeaway import takeaway
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_births,
    load_endometrial,
)

FORMULA = "low ~ lwt + C(race) + smoke"


@pytest.fixture(scope="module")
def births():
    return BernoulliLogistic.from_formula(FORMULA, load_births())


def compared(*formulas, data=None):
    data = load_endometrial() if data is None else data
    return compare_models({each: BernoulliLogistic.from_formula(each, data) for each in formulas})


def test_the_first_doubt_names_the_wrong_number_and_what_it_is(births, tmp_path):
    table = fit_newton(births).summary()[["coefficient"]].round(4)
    table.loc["C(race)[T.white]", "coefficient"] = -1.03
    file = tmp_path / "printed.csv"
    table.to_csv(file)
    main = reported(None, None, (audit(file, births),))
    fit = sm.Logit(births.response, births.design).fit(disp=0)
    right = fit.params[births.names.index("C(race)[T.white]")]
    first = first_screen(main)["doubts"][0]
    assert first["section"] == "audits"
    assert first["text"] == f"C(race)[T.white] is stated as -1.03, and is {right:.6g}."


def test_the_furthest_coefficients_come_first_and_the_rest_are_counted(births):
    X, y = births.design[:, 1:], births.response
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, y)
    main = reported(None, None, (audit(theirs, births),))
    mle = fit_newton(births)
    b = np.concatenate([theirs.intercept_, theirs.coef_[0]])
    order = np.argsort(-np.abs((b - mle.coefficients) / mle.standard_errors))
    said = [text for _, text, _ in of_audits(main)]
    assert [each.split(" is stated")[0] for each in said[:3]] == [
        births.names[j] for j in order[:3]
    ]
    assert said[3] == "2 more numbers are wrong."


def test_a_larger_model_that_rejects_the_main_one_is_said_with_why_it_is_the_main_one():
    main = reported(None, compared("HG ~ PI", "HG ~ PI + NV + EH"))
    (_, rejected, _), (_, none, _) = of_comparison(main)
    assert rejected == (
        "HG ~ PI is rejected against HG ~ PI + NV + EH (likelihood ratio, chi-squared(2) = 49.21, "
        "p = 2.06e-11). The report is of it because no other has a maximum likelihood estimate."
    )
    assert none.startswith("HG ~ PI + NV + EH has no maximum likelihood estimate (quasi-complete")
    found = takeaway(main)
    assert found["headline"] == "2 models compared; the main one is rejected; 1 without an estimate"
    assert (found["good"], found["look"]) == (False, True)
    stand = first_screen(main)["standings"]
    assert stand["comparison"]["said"] == "look here: rejected, a model without an estimate"


def test_a_main_model_is_tested_in_models_that_contain_it_by_others_too():
    main = reported(None, compared("HG ~ NV + PI + EH", "HG ~ PI + EH", "HG ~ EH"))
    heights = main.comparison.frame["log-likelihood"]
    ratio = 2 * (heights["HG ~ NV + PI + EH"] - heights["HG ~ EH"])
    said = of_comparison(main)[0][1]
    assert f"chi-squared(2) = {ratio:.2f}" in said
    assert ", the smallest of 2 larger models, not adjusted for their number)" in said


def test_a_main_model_that_nothing_rejects_is_good():
    formulas = ("low ~ lwt + smoke", "low ~ lwt + smoke + age")
    main = reported(None, compared(*formulas, data=load_births()))
    assert main.model.formula == formulas[0]
    assert of_comparison(main) == []
    assert takeaway(main)["good"]
    assert first_screen(main)["standings"]["comparison"] == {"kind": "good", "said": "not rejected"}


def test_the_routes_are_why_a_rejected_model_is_the_main_one():
    comparison = compared("low ~ lwt", FORMULA, data=load_births())
    small = comparison.models["low ~ lwt"]
    agreement = compare_routes(small, fit_newton(small), fit_sklearn(small))
    ((_, said, _),) = of_comparison(reported(agreement, comparison))
    assert said.startswith(f"low ~ lwt is rejected against {FORMULA} ")
    assert said.endswith("because the routes were run on it.")


def test_many_coefficients_are_a_doubt_by_name(model):
    (warning,) = model.warnings
    section, text, short = of_many(reported(None, None, model=model), warning)
    assert (section, short) == ("data", "k/n = 0.12")
    assert text.startswith("k/n = 0.12: 4 coefficients on 32 observations, more than 1 to 10")


def test_a_warning_after_that_of_many_coefficients_is_not_taken_for_it(model, monkeypatch):
    many = model.warnings
    monkeypatch.setattr(BernoulliLogistic, "warnings", (*many, "the last of them"))
    found = [of_many(reported(None, None, model=model), each) for each in model.warnings]
    assert [short for _, _, short in found] == ["k/n = 0.12", "a warning"]
