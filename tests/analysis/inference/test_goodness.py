"""Goodness of fit against statsmodels and 25-digit references."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from peers import TEN, glm
from problems import CASES, DATA
from statsmodels.tools import eval_measures

from flatprior.analysis import goodness_of_fit
from flatprior.analysis.inference.goodness import null_test
from flatprior.models import BernoulliLogistic, fit_newton


@pytest.mark.parametrize("name", TEN)
def test_goodness_of_fit_is_that_of_statsmodels(name):
    case = CASES[name]
    fit = fit_newton(case.model)
    found = goodness_of_fit(case.model, fit)
    theirs = glm(case)
    k, n = len(case.frame.columns), case.model.n_observations
    assert found.aic == pytest.approx(theirs.aic, rel=1e-8)
    assert found.bic == pytest.approx(k * math.log(n) - 2 * theirs.llf, rel=1e-8)
    assert found.mcfadden == pytest.approx(1 - theirs.llf / theirs.llnull, rel=1e-8)
    of_constant = found.table()["constant"]
    assert of_constant["AIC"] == pytest.approx(2 - 2 * theirs.llnull, rel=1e-8)
    assert of_constant["BIC"] == pytest.approx(math.log(n) - 2 * theirs.llnull, rel=1e-8)
    assert found.null_log_likelihood == pytest.approx(float(case.facts["null_loglik"]), rel=1e-13)
    cox_snell = 1 - math.exp(2 * (theirs.llnull - theirs.llf) / n)
    if case.weights is None:  # else of rows, not of observations
        assert cox_snell == pytest.approx(theirs.pseudo_rsquared("cs"), rel=1e-8, abs=1e-12)
    assert found.cox_snell == pytest.approx(cox_snell, rel=1e-8, abs=1e-12)
    assert found.nagelkerke == pytest.approx(
        cox_snell / (1 - math.exp(2 * theirs.llnull / n)), rel=1e-8, abs=1e-12
    )
    assert found.aicc == pytest.approx(eval_measures.aicc(theirs.llf, n, k), rel=1e-8)
    p, w = theirs.fittedvalues, np.ones(len(case.frame)) if case.weights is None else case.weights
    tjur = np.average(p[case.response == 1], weights=w[case.response == 1]) - np.average(
        p[case.response == 0], weights=w[case.response == 0]
    )
    assert found.tjur == pytest.approx(tjur, rel=1e-8, abs=1e-12)
    if case.weights is None:
        logit = sm.Logit(case.response, case.frame).fit(disp=0, tol=1e-10, maxiter=200)
        # its null model is fitted by Nelder-Mead and BFGS
        assert found.mcfadden == pytest.approx(logit.prsquared, rel=1e-8, abs=1e-9)


def test_the_null_of_a_model_with_offset_has_the_offset():
    case = CASES["spector"]
    offset = np.linspace(-1, 1, len(case.frame))
    model = BernoulliLogistic.from_arrays(case.frame, case.response, offset=offset)
    null = glm(case, ["const"], offset)
    found = goodness_of_fit(model, fit_newton(model))
    assert found.null_log_likelihood == pytest.approx(null.llf, rel=1e-12)


def test_the_fit_of_another_model_is_refused():
    with pytest.raises(ValueError, match="another model"):
        goodness_of_fit(CASES["ohio"].model, fit_newton(CASES["spector"].model))


def test_a_constant_is_seen_beside_columns_far_from_zero():
    rng = np.random.default_rng(6)
    year = rng.integers(1990, 2021, size=400).astype(float)
    t = (year - 2005) / 10
    y = (rng.random(400) < 1 / (1 + np.exp(-t))).astype(float)
    tests = []
    for x in (year, t):
        model = BernoulliLogistic.from_arrays(np.column_stack([x**j for j in range(4)]), y)
        tests.append(null_test(model, goodness_of_fit(model, fit_newton(model))))
    assert tests[0].statistic == pytest.approx(tests[1].statistic, rel=1e-6)
    assert tests[0].df == tests[1].df == 3


def test_columns_that_no_combination_of_makes_a_constant_do_not_contain_one():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(80, 2)) + 1.0
    y = (rng.random(80) < 0.8).astype(float)
    model = BernoulliLogistic.from_arrays(X, y)
    goodness = goodness_of_fit(model, fit_newton(model))
    # a constant is better here: as a test of nested models that would be a ratio below 0
    assert goodness.null_log_likelihood > goodness.log_likelihood
    assert null_test(model, goodness) is None
    groups = rng.integers(0, 3, size=80)
    indicators = BernoulliLogistic.from_arrays((groups[:, None] == np.arange(3)).astype(float), y)
    found = null_test(indicators, goodness_of_fit(indicators, fit_newton(indicators)))
    assert found is not None
    assert found.df == 2


def test_indices_of_grouped_counts_have_a_group_as_one_observation():
    counts = pd.read_csv(DATA / "grouped.csv")
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + dose", counts)
    whole = goodness_of_fit(model, fit_newton(model))
    found = whole.grouped
    X = pd.DataFrame({"const": 1.0, "sex": counts["sex"] == "M", "dose": counts["dose"]})
    both = np.column_stack([counts["dead"], counts["n"] - counts["dead"]])
    theirs = sm.GLM(both, X.astype(float), sm.families.Binomial()).fit(tol=1e-14)
    assert found.log_likelihood == pytest.approx(theirs.llf, rel=1e-12)
    assert found.null_log_likelihood == pytest.approx(theirs.llnull, rel=1e-12)
    assert found.aic == pytest.approx(theirs.aic, rel=1e-12)
    assert found.bic == pytest.approx(theirs.bic_llf, rel=1e-12)
    assert found.aicc == pytest.approx(eval_measures.aicc(theirs.llf, 12, 3), rel=1e-12)
    assert found.cox_snell == pytest.approx(theirs.pseudo_rsquared("cs"), rel=1e-10)
    assert found.mcfadden == pytest.approx(theirs.pseudo_rsquared("mcf"), rel=1e-10)
    most = 1 - math.exp(2 * theirs.llnull / 12)
    assert found.nagelkerke == pytest.approx(found.cox_snell / most, rel=1e-10)
    # the same of single trials: of the likelihood without the constant, and of more observations
    assert whole.cox_snell == pytest.approx(
        1 - math.exp(-2 * (theirs.llf - theirs.llnull) / counts["n"].sum()), rel=1e-10
    )


def test_a_model_that_explains_nothing_has_indices_of_0_and_a_perfect_one_nearly_1():
    y = np.repeat([1.0, 0.0], [7, 5])
    nothing = BernoulliLogistic.from_arrays(np.ones(12), y)
    found = goodness_of_fit(nothing, fit_newton(nothing))
    assert (found.cox_snell, found.nagelkerke) == pytest.approx((0, 0), abs=1e-14)
    model = BernoulliLogistic.from_arrays(  # 2 of 2e12 are on the wrong side
        [0, 1, 0, 1], [1, 1, 0, 0], intercept=True, frequency_weights=[1, 10**12, 10**12, 1]
    )
    found = goodness_of_fit(model, fit_newton(model))
    assert found.nagelkerke == pytest.approx(1, abs=1e-9)
    assert found.cox_snell == pytest.approx(0.75, abs=1e-9)  # 1 - exp(-2 log 2), its largest


def test_aicc_of_no_more_observations_than_coefficients_and_one_is_infinite():
    model = BernoulliLogistic.from_arrays([1, 2, 3, 4.0], [0, 1, 0, 1], intercept=True)
    assert goodness_of_fit(model, fit_newton(model)).aicc == pytest.approx(
        goodness_of_fit(model, fit_newton(model)).aic + 12
    )
    fewer = BernoulliLogistic.from_arrays([1, 2, 3.0], [0, 1, 0], intercept=True)
    assert goodness_of_fit(fewer, fit_newton(fewer)).aicc == math.inf
