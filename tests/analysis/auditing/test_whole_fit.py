import functools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from flatprior.analysis import audit
from flatprior.analysis.auditing.numbers import judge_numbers
from flatprior.analysis.auditing.whole_fit import short_of_null
from flatprior.analysis.inference.goodness import null_log_likelihood
from flatprior.analysis.producers.programs.statsmodels_fit import read
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import BernoulliLogistic, fit_newton

# Bliss's beetles: dose, exposed, killed
BEETLES = np.array(
    [
        [1.6907, 59, 6], [1.7242, 60, 13], [1.7552, 62, 18], [1.7842, 56, 28],
        [1.8113, 63, 52], [1.8369, 59, 53], [1.8610, 62, 61], [1.8839, 60, 60],
    ]
)  # fmt: skip


def beetles():
    """The model of one observation a beetle, and statsmodels' fit of the groups."""
    dose, exposed, killed = BEETLES.T
    rows = pd.DataFrame(
        {
            "x": np.repeat(dose, 2),
            "y": np.tile([1, 0], len(dose)),
            "n": np.column_stack([killed, exposed - killed]).ravel().astype(int),
        }
    )
    model = BernoulliLogistic.from_formula("y ~ x", rows[rows.n > 0], frequency_weights="n")
    endog = np.column_stack([killed, exposed - killed])
    groups = sm.GLM(endog, sm.add_constant(dose), family=sm.families.Binomial()).fit(tol=1e-13)
    return model, groups


def judged(model, coefficients=None, digits=6, **numbers):
    mle = fit_newton(model)
    values = mle.coefficients if coefficients is None else coefficients
    theirs = TheirFit(
        producer="a printed table",
        coefficients={
            name: round(float(b), 6) for name, b in zip(model.names, values, strict=True)
        },
        units=dict.fromkeys(model.names, 1e-6),
        stated=tuple(
            Stated(
                term="",
                quantity=quantity.replace("_", " "),
                value=round(float(value), digits),
                unit=10.0**-digits,
            )
            for quantity, value in numbers.items()
        ),
    )
    return {each.quantity: each for each in judge_numbers(model, mle, theirs) if not each.term}


def test_grouped_data_have_a_likelihood_and_a_deviance_of_their_own():
    model, groups = beetles()
    found = judged(model, **{
        "log-likelihood": groups.llf, "deviance": groups.deviance,
        "null deviance": groups.null_deviance, "AIC": groups.aic, "n": 8,
    })  # fmt: skip
    assert all(each.consistent for each in found.values())
    assert found["log-likelihood"].convention == "binomial, with its coefficients"
    assert found["AIC"].convention == "binomial, with its coefficients"
    assert found["deviance"].convention == found["null deviance"].convention == "of groups"
    assert found["n"].convention == "groups"
    assert judged(model, n=481)["n"].convention == "observations"
    assert judged(model, n=15)["n"].convention == "rows"
    assert judged(model, n=482)["n"].consistent is False


def test_the_dispersion_may_be_that_of_the_groups():
    model, groups = beetles()
    scale = groups.pearson_chi2 / 6
    error = float(groups.bse[1]) * math.sqrt(scale)
    mle = fit_newton(model)
    theirs = TheirFit(
        producer="a printed table",
        coefficients={"x": round(float(mle.params["x"]), 4)},
        units={"x": 1e-4},
        stated=(Stated(term="x", quantity="standard error", value=round(error, 4), unit=1e-4),),
    )
    told = judge_numbers(model, mle, theirs)[1]
    assert told.convention == "model with dispersion of groups"
    assert told.consistent


def plain(n=80):
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(-X @ [0.3, 1, -1]))).astype(float)
    return X, y, BernoulliLogistic.from_arrays(X, y, names=["const", "a", "b"])


def test_criteria_are_told_by_their_formulas():
    X, y, model = plain()
    n, k = X.shape
    result = sm.Logit(y, X).fit(disp=0, tol=1e-12)
    ll, null = result.llf, result.llnull
    formulas = {
        ("AIC", "Bernoulli"): -2 * ll + 2 * k,
        ("AIC", "corrected (AICc)"): -2 * ll + 2 * k + 2 * k * (k + 1) / (n - k - 1),
        ("AIC", "divided by n"): (-2 * ll + 2 * k) / n,
        ("BIC", "Bernoulli"): result.bic,
        ("BIC", "deviance - (n - k) log n"): -2 * ll - (n - k) * math.log(n),
        ("McFadden R2", "McFadden"): result.prsquared,
        ("McFadden R2", "McFadden, adjusted"): 1 - (ll - k) / null,
        ("McFadden R2", "Cox and Snell"): 1 - math.exp(2 * (null - ll) / n),
        ("McFadden R2", "Nagelkerke"): (1 - math.exp(2 * (null - ll) / n))
        / (1 - math.exp(2 * null / n)),
        ("McFadden R2", "Tjur"): result.predict()[y == 1].mean() - result.predict()[y == 0].mean(),
        ("LR chi-squared", "against a constant"): result.llr,
        ("LR p", "against a constant"): stats.chi2.sf(result.llr, 2),
        ("log-likelihood", "mean of observations"): ll / n,
        ("null log-likelihood", "Bernoulli"): null,
    }
    for (quantity, convention), value in formulas.items():
        found = judged(model, **{quantity: value})[quantity]
        assert found.consistent, quantity
        assert found.convention == convention
        wrong = judged(model, **{quantity: value + 2e-6})[quantity]
        assert wrong.consistent is False
        assert wrong.off == pytest.approx(2e-6, abs=1.1e-6)


def test_numbers_of_other_coefficients_are_of_those():
    X, y, model = plain()
    beta = np.array([0.1, 0.7, -0.8])
    eta = X @ beta
    ll = -np.logaddexp(0, np.where(y > 0, -eta, eta)).sum()
    p = 1 / (1 + np.exp(-eta))
    half = np.linalg.slogdet((X.T * (p * (1 - p))) @ X)[1] / 2
    for value, name in ((ll, "Bernoulli"), (ll + half, "with Firth's penalty")):
        found = judged(model, beta, 3, **{"log-likelihood": value, "n": 80})
        assert found["log-likelihood"].convention == f"{name}, at their coefficients"
        assert found["log-likelihood"].consistent
        assert found["n"].convention == "observations"


def mirrored(seed, n=65, offset=False):
    """Rows and their mirror images with the same outcomes: no slope explains anything."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=n)
    y = np.tile((rng.uniform(size=n) < 0.3).astype(float), 2)
    X = sm.add_constant(np.concatenate([half, -half]))
    o = np.tile(rng.normal(size=n), 2) if offset else None
    return X, y, o


@pytest.mark.parametrize("offset", [False, True])
def test_what_the_null_fit_of_statsmodels_falls_short_of_is_within_the_bound(offset):
    for seed in range(20):
        X, y, o = mirrored(seed, offset=offset)
        model = BernoulliLogistic.from_arrays(X, y, offset=o)
        result = sm.Logit(y, X, **({"offset": o} if offset else {})).fit(disp=0)
        short = null_log_likelihood(model) - result.llnull
        assert -1e-11 <= short <= short_of_null(model, 1e-5) < 1e-7


@pytest.mark.parametrize("tolerance", [1e-6, 1e-3, 0.05, 0.2])
def test_no_constant_with_so_small_a_slope_is_further_below_the_maximum(tolerance):
    _, y, _ = mirrored(1)
    model = BernoulliLogistic.from_arrays(np.ones((len(y), 1)), y)
    bound, share = short_of_null(model, tolerance), y.mean()
    for p in (share - tolerance, share + tolerance):  # where the slope is the tolerance
        if 0 < p < 1:
            divergence = share * np.log(share / p) + (1 - share) * np.log((1 - share) / (1 - p))
            assert len(y) * divergence <= bound * (1 + 1e-6) + 1e-13
    assert bound <= len(y) * tolerance**2 / (share * (1 - share)) * 20
    assert short_of_null(model, share * (1 - share)) == math.inf


def test_a_likelihood_ratio_p_value_near_1_is_judged_by_what_its_null_fit_can_do():
    """Where nothing is explained it is 1, and an optimiser that stops early makes it 0.9999."""
    least, needed = 1.0, 0
    for seed in range(8):
        X, y, _ = mirrored(seed)
        result = sm.Logit(y, X).fit(disp=0)
        least = min(least, result.llr_pvalue)
        assert audit(result).passed
        their = read(result)
        judge = functools.partial(judge_numbers, their.model, fit_newton(their.model))
        for off in (1e-2, -1e-2):
            stated = (Stated(term="", quantity="LR p", value=result.llr_pvalue + off),)
            assert judge(replace(their, stated=stated))[-1].consistent is False
        exact = replace(their, settings=replace(their.settings, null_tolerance=0.0))
        stated = tuple(each for each in their.stated if each.quantity == "LR chi-squared")
        needed += judge(replace(exact, stated=stated))[-1].consistent is False
    assert least < 1 - 1e-4
    assert needed  # the room, as that of rounding is not enough


def test_a_null_fit_of_which_nothing_is_known_is_not_judged():
    X, y, _ = mirrored(1)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    theirs = TheirFit(
        producer="a program",
        coefficients=dict(fit.params),
        stated=tuple(
            Stated(term="", quantity=quantity, value=0.5)
            for quantity in ("null log-likelihood", "LR p", "log-likelihood")
        ),
        settings=Settings(null_tolerance=0.25),
    )
    found = {each.quantity: each.consistent for each in judge_numbers(model, fit, theirs)[2:]}
    assert found == {"null log-likelihood": None, "LR p": None, "log-likelihood": False}


def test_a_tiny_p_value_of_a_whole_fit_is_not_any_tiny_number():
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    y = (rng.uniform(size=400) < 1 / (1 + np.exp(-3 * x))).astype(float)
    result = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    assert result.llr_pvalue < 1e-30
    assert audit(result).passed
    their = read(result)
    stated = (Stated(term="", quantity="LR p", value=1e3 * result.llr_pvalue),)
    found = judge_numbers(their.model, fit_newton(their.model), replace(their, stated=stated))
    assert found[-1].consistent is False


def test_what_r_prints_of_groups_is_right_where_groups_have_the_same_predictors(tmp_path):
    # published counts; R 4.2.2: summary(glm(cbind(suc, fail) ~ x, binomial))
    counts = pd.DataFrame(
        {
            "x": [1, 3, 5, 2, 7, 3, 5, 4, 3],
            "suc": [10, 15, 27, 35, 10, 25, 35, 23, 12],
            "fail": [6, 4, 8, 10, 3, 6, 9, 10, 8],
        }
    )
    printed = tmp_path / "r.txt"
    printed.write_text(
        """Coefficients:
            Estimate Std. Error z value Pr(>|z|)
(Intercept)  0.83814    0.38034   2.204   0.0275 *
x            0.07217    0.09856   0.732   0.4640

    Null deviance: 5.3897  on 8  degrees of freedom
Residual deviance: 4.8499  on 7  degrees of freedom
AIC: 39.896
"""
    )
    model = BernoulliLogistic.from_formula("cbind(suc, fail) ~ x", counts)
    found = audit(printed, model)
    assert found.passed
    assert "all 9 numbers beside the coefficients right" in found.verdict
    # groups of alike rows, which is all that a table of single observations knows, are seven
    single = BernoulliLogistic.from_formula(
        "y ~ x",
        pd.concat([counts.assign(y=1, n=counts["suc"]), counts.assign(y=0, n=counts["fail"])]),
        frequency_weights="n",
    )
    assert "; 3 of 9 numbers beside the coefficients are off" in audit(printed, single).verdict
