"""Covariances by name, indices, tests and residuals against those of R.

Which terms.R and packages.R stored.
"""

import numpy as np
import pytest
from r_values import NAMES, OF_PACKAGES, STORED, r_model, r_table

from flatprior.analysis import (
    anova,
    diagnose,
    goodness_of_fit,
    hauck_donner,
    likelihood_ratio_test,
    predictive_indices,
    robust_covariance,
    score_test,
    wald_test,
)
from flatprior.models import BernoulliLogistic, fit_newton

ROUNDED = ("cells",)  # predictions that are the same but for rounding
ROUNDED_IN_R = ("births_polynomial",)  # predictions that R ranks although the rows are the same
ROUNDING = 1e-12  # of an area, whose error bound has it
CLUSTERED = [name for name in NAMES if "clustered" in STORED["models"][name]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3", "HC4"])
def test_kinds_are_those_of_sandwich(name, kind):
    model, _, facts = r_model(name)
    fit = fit_newton(model)
    found = robust_covariance(model, fit, kind).standard_errors
    assert found == pytest.approx(np.array(facts["robust_of_trials"][kind]), rel=1e-7)
    if "robust_of_groups" in facts:
        found = robust_covariance(model, fit, kind, units="groups").standard_errors
        assert found == pytest.approx(np.array(facts["robust_of_groups"][kind]), rel=1e-7)


@pytest.mark.parametrize("name", CLUSTERED)
def test_clusters_are_those_of_sandwich_and_club_sandwich(name):
    model, frame, facts = r_model(name)
    fit, theirs = fit_newton(model), facts["clustered"]
    one, two = (frame[column].loc[model.row_labels] for column in theirs["by"])
    for options, expected in (
        ({"cluster": one, "correction": "R"}, theirs["one_way"]["HC0"]),
        ({"cluster": one}, theirs["one_way"]["HC1"]),
        ({"cluster": one, "correction": "none"}, theirs["one_way_without_factor"]["HC0"]),
        ({"kind": "CR2", "cluster": one}, theirs["clubSandwich"]["CR2"]),
        ({"cluster": one, "correction": "Stata"}, theirs["clubSandwich"]["CR1"]),
        ({"cluster": one, "correction": "statsmodels"}, theirs["clubSandwich"]["CR1S"]),
        ({"cluster": [one, two], "correction": "R"}, theirs["two_way"]["HC0"]),
        ({"cluster": [one, two]}, theirs["two_way"]["HC1"]),
        ({"cluster": (one, two), "correction": "none"}, theirs["two_way_without_factor"]["HC0"]),
    ):
        found = robust_covariance(model, fit, **options)
        if not found.n_negative:  # of R what is negative stays
            assert found.standard_errors == pytest.approx(np.array(expected), rel=1e-7), options
        else:
            least = np.array([0.0 if each is None else each for each in expected])
            assert (found.standard_errors >= least * (1 - 1e-7)).all()


@pytest.mark.parametrize("name", NAMES)
def test_indices_are_those_of_r_and_proc(name):
    model, _, facts = r_model(name)
    fit = fit_newton(model)
    theirs, found = facts["indices_of_trials"], goodness_of_fit(model, fit)
    assert found.cox_snell == pytest.approx(theirs["cox_snell"], rel=1e-9)
    assert found.nagelkerke == pytest.approx(theirs["nagelkerke"], rel=1e-9)
    assert found.mcfadden == pytest.approx(theirs["mcfadden"], rel=1e-9)
    assert found.aicc == pytest.approx(theirs["AICc"], rel=1e-11)
    table = predictive_indices(model, fit).table()
    area = table.loc["AUC"]
    assert table.loc["discrimination slope", "value"] == pytest.approx(
        theirs["discrimination_slope"], rel=1e-8
    )
    # R orders what rounding decides; here it is a tie, and what it leaves open is in the error
    assert (area["error bound"] > ROUNDING) == (name in ROUNDED)
    open_order = area["error bound"]
    if name in ROUNDED_IN_R:
        event = model.response == 1
        same = (model.design[event][:, None] == model.design[~event]).all(axis=2)
        open_order = same.mean() / 2
    assert abs(area["value"] - theirs["auc"]) <= open_order + ROUNDING
    if open_order > ROUNDING:
        return
    assert area["standard error"] ** 2 == pytest.approx(theirs["auc_delong_variance"], rel=1e-9)
    assert list(area[["2.5%", "97.5%"]]) == pytest.approx(theirs["auc_delong_interval"], rel=1e-9)


@pytest.mark.parametrize("name", OF_PACKAGES["models"])
def test_indices_are_those_of_pscl(name):
    model, frame, _ = r_model(name)
    found = goodness_of_fit(model, fit_newton(model))
    found, theirs = found.grouped or found, OF_PACKAGES["models"][name]["pR2"]
    assert found.log_likelihood == pytest.approx(theirs["llh"], rel=1e-11)
    if name == "survey":  # its null model has no offset
        plain = BernoulliLogistic.from_formula("y ~ 1", frame)
        assert theirs["llhNull"] == pytest.approx(fit_newton(plain).log_likelihood, rel=1e-11)
        assert found.null_log_likelihood < theirs["llhNull"] - 0.1
        return
    assert found.null_log_likelihood == pytest.approx(theirs["llhNull"], rel=1e-11)
    assert found.mcfadden == pytest.approx(theirs["McFadden"], rel=1e-9)
    assert found.cox_snell == pytest.approx(theirs["r2ML"], rel=1e-9)
    assert found.nagelkerke == pytest.approx(theirs["r2CU"], rel=1e-9)


@pytest.mark.parametrize("name", OF_PACKAGES["models"])
def test_fits_and_tests_of_coefficients_are_those_of_vgam(name):
    model, _, facts = r_model(name)
    fit, theirs = fit_newton(model), OF_PACKAGES["models"][name]
    assert theirs["names"][1:] == [each.replace("C(", "") for each in facts["names"]][1:]
    assert fit.coefficients == pytest.approx(theirs["vglm"]["coefficients"], rel=1e-8)
    assert fit.standard_errors == pytest.approx(theirs["vglm"]["standard_errors"], rel=1e-8)
    table = hauck_donner(model, fit).table()
    assert table["hauck-donner"].tolist() == theirs["vglm"]["hauck_donner"]
    assert table["derivative"].to_numpy() == pytest.approx(
        np.array(theirs["vglm"]["derivative"]), rel=1e-8
    )
    assert any(table["hauck-donner"]) == (name in ("passengers", "grouped"))
    for j, coefficient in enumerate(model.names[1:]):
        for test, roots in ((likelihood_ratio_test, theirs["lrt"]), (score_test, theirs["score"])):
            found = test(model, coefficient).statistic
            assert found == pytest.approx(roots[j] ** 2, rel=1e-7), (test, coefficient)


@pytest.mark.parametrize(
    ("name", "units"), [("births", "trials"), ("survey", "trials"), ("grouped", "groups")]
)
def test_residuals_are_those_of_r(name, units):
    model, _, facts = r_model(name)
    table = diagnose(model, fit_newton(model), units=units).table()
    theirs = facts["casewise"]
    for column, of_r in {
        "rstudent": "rstudent",
        "standardised deviance residual": "rstandard",
        "studentised residual": "rstandard_pearson",
        "Cook's distance": "cooks_distance",
        "leverage": "hatvalues",
    }.items():
        assert table[column].to_numpy() == pytest.approx(theirs[of_r], rel=1e-7, abs=1e-10), column
    # R's dffits is another: it has deviance residuals, and a scale without the observation
    assert np.abs(table["DFFITS"] / np.array(theirs["dffits"]) - 1).max() > 0.01


@pytest.mark.parametrize("name", NAMES)
def test_robust_tests_by_term_are_those_of_anova_in_car(name):
    """Type II with HC3: Anova(fit, type = 2, test.statistic = "Wald", vcov. = vcovHC(fit))."""
    model, _, facts = r_model(name)
    robust = robust_covariance(model, fit_newton(model), "HC3")
    theirs = r_table(facts["type_II_HC3_of_trials"])
    found = anova(model, type=2, test="Wald", robust=robust).table()
    assert len(found) == len(theirs)  # in the order of the columns there, here too
    assert found["df"].tolist() == theirs["Df"].tolist()
    assert found["Wald"].to_numpy() == pytest.approx(theirs["Chisq"].to_numpy(), rel=1e-6)
    assert found["p"].to_numpy() == pytest.approx(theirs["Pr(>Chisq)"].to_numpy(), rel=1e-5)


@pytest.mark.parametrize(
    ("hypothesis", "theirs"),
    [
        ("race", (4.836547557171855694, 2, 12.750655357561640812, 0.027347919184185294)),
        (
            ["age", "lwt", "smoke[T.yes]"],
            (3.521463275504551849, 3, 14.415457478029694016, 0.042437122081809095),
        ),
    ],
)
def test_tests_with_few_clusters_are_those_of_club_sandwich(hypothesis, theirs):
    """Of births: Wald_test(fit, constrain_zero(i), vcovCR(fit, age, "CR2"), test = "HTZ")."""
    model, frame, _ = r_model("births")
    robust = robust_covariance(model, fit_newton(model), "CR2", cluster=frame["age"])
    found = wald_test(model, robust, hypothesis)
    assert (found.statistic, found.df, found.df_error, found.p) == pytest.approx(theirs, rel=1e-6)
