from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from problems import simulated
from scipy.stats import norm
from stated_numbers import covariance, newton, of_terms, their_fit

from flatprior.analysis import audit
from flatprior.analysis.auditing.conventions import _two_sided, exponential
from flatprior.analysis.auditing.numbers import in_every_digit, judge_numbers
from flatprior.analysis.auditing.their_case import Value
from flatprior.analysis.producers.theirs import Stated, TheirFit, log_unit
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def problem(n=90, seed=4):
    X, y = simulated(n, 3, seed=seed)
    model = BernoulliLogistic.from_arrays(X, y)
    beta = newton(X, y)[-1]
    return model, fit_newton(model), of_terms(beta, covariance(X, y, beta))


def conventions(judged, quantity):
    return {each.convention for each in judged if each.quantity == quantity}


def accused(judged):
    return {(each.term, each.quantity) for each in judged if each.consistent is False}


@pytest.mark.parametrize(
    ("reach", "called"),
    [(1.96, ", 1.96 standard errors"), (2.0, ", 2 standard errors"), (1.959963984540054, "")],
)
def test_the_reach_of_intervals_is_named(reach, called):
    model, mle, terms = problem()
    for each in terms:
        each["low"], each["high"] = (
            each["coefficient"] + sign * reach * each["standard error"] for sign in (-1, 1)
        )
    judged = judge_numbers(model, mle, their_fit(model.names, terms, {}, 6, ("low", "high")))
    assert not accused(judged)
    assert conventions(judged, "low") == {f"Wald, model{called}"}


def test_a_statistic_may_be_the_square():
    model, mle, terms = problem()
    for each in terms:
        each["z"] = each["chi-squared"]
    judged = judge_numbers(model, mle, their_fit(model.names, terms, {}, 5, ("z",)))
    assert conventions(judged, "z") == {"model, squared"}
    assert not accused(judged)


def test_the_standard_error_of_an_odds_ratio_may_be_that_of_its_logarithm():
    model, mle, terms = problem()
    theirs = their_fit(model.names, terms, {}, 5, ("odds ratio", "odds ratio SE"))
    assert conventions(judge_numbers(model, mle, theirs), "odds ratio SE") == {
        "model, delta method"
    }
    for each in terms:
        each["odds ratio SE"] = each["standard error"]
    theirs = their_fit(model.names, terms, {}, 5, ("odds ratio", "odds ratio SE"))
    judged = judge_numbers(model, mle, theirs)
    assert conventions(judged, "odds ratio SE") == {"model, of the coefficient"}
    assert not accused(judged)


def test_numbers_made_of_printed_digits_are_right_where_a_whole_column_is():
    model, mle, terms = problem()
    for each in terms:
        b, s = round(each["coefficient"], 2), round(each["standard error"], 2)
        each["coefficient"], each["standard error"] = b, s
        each["z"], each["odds ratio"] = b / s, np.exp(b)
    theirs = their_fit(model.names, terms, {}, 2, ("standard error",))
    more = their_fit(model.names, terms, {}, 4, ("z",)).stated
    judged = judge_numbers(model, mle, replace(theirs, stated=(*theirs.stated, *more)))
    assert not accused(judged)
    assert conventions(judged, "z") == {"from the numbers as printed"}


def test_what_follows_from_coefficients_that_are_not_the_mle_is_told_to_follow():
    model, mle, terms = problem()
    for each in terms:
        b, s = 0.8 * each["coefficient"], 1.3 * each["standard error"]
        each.update({"coefficient": b, "standard error": s, "z": b / s, "odds ratio": np.exp(b)})
    theirs = their_fit(model.names, terms, {}, 4, ("standard error", "z", "odds ratio"))
    judged = judge_numbers(model, mle, theirs)
    assert accused(judged) == {
        (name, quantity) for name in model.names for quantity in ("coefficient", "standard error")
    }
    assert conventions(judged, "z") == {"from its own coefficient and standard error"}
    assert conventions(judged, "odds ratio") == {"exp of its own coefficient"}


def test_an_odds_ratio_in_place_of_its_coefficient_is_judged_once():
    model, mle, terms = problem()
    ratios = [each["odds ratio"] for each in terms]
    stated = tuple(
        Stated(term=name, quantity="odds ratio", value=round(ratio, 5), unit=1e-5)
        for name, ratio in zip(model.names, ratios, strict=True)
    )
    theirs = TheirFit(
        producer="a printed table",
        coefficients={each.term: float(np.log(each.value)) for each in stated},
        units={each.term: log_unit(each.value, each.unit) for each in stated},
        stated=stated,
    )
    judged = judge_numbers(model, mle, theirs)
    assert [(each.quantity, each.convention) for each in judged] == [("odds ratio", "exp(MLE)")] * 3
    assert not accused(judged)
    assert in_every_digit(judged)
    # scikit-learn's odds ratio that stops early: a few units of the last digit
    off = replace(stated[0], value=stated[0].value + 3e-5)
    wrong = replace(
        theirs,
        coefficients={**theirs.coefficients, off.term: float(np.log(off.value))},
        units={**theirs.units, off.term: log_unit(off.value, off.unit)},
        stated=(off, *stated[1:]),
    )
    judged = judge_numbers(model, mle, wrong)
    assert accused(judged) == {(off.term, "odds ratio")}
    assert not in_every_digit(judged)
    assert not in_every_digit(())
    # beside a coefficient it is a number like others
    both = replace(wrong, coefficients=dict(mle.params), units=dict.fromkeys(model.names, 1e-12))
    judged = judge_numbers(model, mle, both)
    assert accused(judged) == {(off.term, "odds ratio")}
    assert in_every_digit(judged)


def test_an_odds_ratio_beyond_doubles_is_infinite():
    assert exponential(Value(1000.0, 0.0)) == (np.inf, 0.0)
    assert exponential(None) is None


def test_statistics_beyond_doubles_are_no_error():
    model, mle, terms = problem()
    for each in terms:
        each["coefficient"] = 1e300
    theirs = their_fit(model.names, terms, {}, None, ("standard error", "z", "chi-squared", "p"))
    judged = judge_numbers(model, mle, theirs)
    assert len(accused(judged)) >= 3


def test_what_is_printed_is_no_evidence_of_itself():
    # both odds ratios are off by less than an optimiser's tolerance, in their last digits
    model, mle, _ = problem(8, seed=11)
    digits = 12
    ratios = np.exp(mle.coefficients + 3e-8 * mle.standard_errors)
    stated = tuple(
        Stated(term=name, quantity="odds ratio", value=round(float(r), digits), unit=10.0**-digits)
        for name, r in zip(model.names, ratios, strict=True)
    )
    theirs = TheirFit(
        producer="a printed table",
        coefficients={each.term: float(np.log(each.value)) for each in stated},
        units={each.term: log_unit(each.value, each.unit) for each in stated},
        stated=stated,
    )
    assert len(accused(judge_numbers(model, mle, theirs))) == 3


@pytest.mark.parametrize(
    "errors", [(4.93131, 1.26295, 0.14154, 1.06457), (4.93131, 1.26293, 0.14154, 1.06456)]
)
def test_what_follows_no_convention_is_held_against_that_of_its_column(errors):
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    mle = fit_newton(model)
    p = 2 * norm.sf(np.abs(mle.coefficients / mle.standard_errors))
    # standard errors a unit off, as of other iterations, beside the p-values of the right ones
    stated = [
        Stated(term=name, quantity="standard error", value=error, unit=1e-5)
        for name, error in zip(model.names, errors, strict=True)
    ]
    stated += [
        Stated(term=name, quantity="p", value=0.50144, unit=1e-5)
        if name == "tuce"
        else Stated(term=name, quantity="p", value=round(value, 4), unit=1e-4)
        for name, value in zip(model.names, p, strict=True)
    ]
    theirs = TheirFit(
        producer="a printed table",
        coefficients={
            name: round(b, 5) for name, b in zip(model.names, mle.coefficients, strict=True)
        },
        units=dict.fromkeys(model.names, 1e-5),
        stated=tuple(stated),
    )
    judged = judge_numbers(model, mle, theirs)
    (told,) = (each for each in judged if each.quantity == "p" and each.consistent is False)
    assert (told.term, told.convention) == ("tuce", "Wald, model")
    assert told.proved == pytest.approx(p[model.names.index("tuce")], abs=1e-9)


def balanced(seed):
    """A number and an indicator, each of whose values has both outcomes of every number."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=30)
    y = (rng.uniform(size=30) < 1 / (1 + np.exp(-x))).astype(float)
    X = np.column_stack([np.ones(60), np.tile(x, 2), np.repeat([1.0, -1.0], 30)])
    order = rng.permutation(60)
    return X[order], np.tile(y, 2)[order]


def test_numbers_of_a_coefficient_of_zero_have_the_rounding_of_the_sums_they_are_of():
    """What is left of 0 is 1e-16, and any other such number is as right."""
    left = []
    for seed in range(6):
        X, y = balanced(seed)
        for result in (
            sm.GLM(y, X, family=sm.families.Binomial()).fit(),
            sm.Logit(y, X).fit(disp=0, tol=1e-10, cov_type="HC0"),
        ):
            left.append(abs(result.tvalues[2]))
            assert audit(result).passed
            for shown in (repr, "{:.3e}".format, "{:.3g}".format, "{:.4f}".format):
                cells = {
                    "z": result.tvalues, "p": result.pvalues,
                    "low": result.conf_int()[:, 0], "high": result.conf_int()[:, 1],
                }  # fmt: skip
                names = BernoulliLogistic.from_arrays(X, y).names
                frame = pd.DataFrame(
                    {"term": names}
                    | {what: [shown(float(v)) for v in values] for what, values in cells.items()}
                )
                model = BernoulliLogistic.from_arrays(X, y)
                own = frame.assign(estimate=[shown(float(b)) for b in result.params])
                assert audit(own, model).passed
                ratios = [shown(float(np.exp(b))) for b in result.params]
                of_ratios = frame[["term", "z", "p"]].assign(**{"odds ratio": ratios})
                assert audit(of_ratios, model).passed
    assert 0 < max(left) < 1e-12


def test_a_coefficient_of_zero_is_not_any_small_number():
    X, y = balanced(1)
    model = BernoulliLogistic.from_arrays(X, y)
    mle = fit_newton(model)
    name, se = model.names[2], mle.standard_errors[2]
    for quantity, value in (("z", 1e-9), ("p", 1 - 1e-9), ("low", 1e-3 - 1.96 * se)):
        theirs = TheirFit(
            producer="a program",
            coefficients=dict(mle.params) | {name: 0.0},
            stated=(Stated(term=name, quantity=quantity, value=value),),
        )
        assert accused(judge_numbers(model, mle, theirs)) == {(name, quantity)}


@pytest.mark.parametrize("z", [0.0, 1e-15, 1e-3, 1.0, 8.0])
def test_the_room_of_a_p_value_is_what_an_error_of_z_does_on_either_side(z):
    for error in (0.0, 1e-15, 1e-11, 1e-3):
        p, room = _two_sided(Value(z, error), lambda x: float(norm.cdf(x)))
        for moved in (z - error, z + error):
            assert abs(2 * norm.sf(abs(moved)) - p) <= room * (1 + 1e-9) + 1e-16
