from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from problems import CASES, simulated
from scipy.stats import chi2
from stated_numbers import CALLED, covariance, glm_path, newton, of_fit, of_terms, their_fit

from flatprior.analysis import confidence_intervals
from flatprior.analysis.audit.numbers import as_frame, judge_numbers
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import BernoulliLogistic, fit_newton

EVERY = (
    "standard error", "z", "chi-squared", "p", "low", "high",
    "odds ratio", "odds ratio SE", "odds ratio low", "odds ratio high",
)  # fmt: skip


def problem(n=150, k=3, seed=1):
    X, y = simulated(n, k, seed=seed)
    model = BernoulliLogistic.from_arrays(X, y)
    return X, y, model, fit_newton(model), np.arange(n) // 5


def accused(judged):
    return [(each.term, each.quantity) for each in judged if each.consistent is False]


def conventions(judged, quantity):
    return {each.convention for each in judged if each.quantity == quantity}


@pytest.mark.parametrize("digits", [None, 8, 5])
@pytest.mark.parametrize("kind", CALLED)
def test_each_kind_of_standard_error_is_named_and_nothing_is_accused(kind, digits):
    X, y, model, mle, groups = problem()
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta, kind, groups))
    theirs = their_fit(
        model.names, terms, of_fit(X, y, beta), digits, EVERY,
        groups=groups if kind.startswith("cluster") else None,
    )  # fmt: skip
    judged = judge_numbers(model, mle, theirs)
    assert accused(judged) == []
    assert all(each.consistent for each in judged)
    assert len(judged) == 3 * (1 + len(EVERY)) + 11
    called = CALLED[kind]
    assert conventions(judged, "standard error") == {called}
    assert conventions(judged, "p") == {f"Wald, {called}"}
    assert conventions(judged, "low") == conventions(judged, "high") == {f"Wald, {called}"}
    assert conventions(judged, "coefficient") == {"MLE"}
    assert conventions(judged, "BIC") == {"Bernoulli"}


@pytest.mark.parametrize(
    ("path", "start"), [(newton, "Newton from zero"), (glm_path, "iterated least squares")]
)
@pytest.mark.parametrize("digits", [None, 7])
def test_standard_errors_one_iteration_old_are_told(path, start, digits):
    X, y, model, mle, _ = problem(60)
    found = path(X, y)
    last = next(i for i, beta in enumerate(found) if np.abs(beta - found[-1]).max() < 5e-9)
    terms = of_terms(found[last], covariance(X, y, found[last - 1]))
    judged = judge_numbers(model, mle, their_fit(model.names, terms, {}, digits))
    assert accused(judged) == []
    (named,) = conventions(judged, "standard error")
    # a step before the last may leave nothing to be seen of it
    same = np.allclose(found[last], found[last - 1], rtol=1e-7, atol=0)
    assert named.startswith("model" if same else f"one iteration old ({start}")
    assert not same


def test_a_glm_that_was_stopped_states_the_information_before_its_last_step():
    X, y, model, mle, _ = problem(60)
    path = glm_path(X, y)
    terms = of_terms(path[2], covariance(X, y, path[1]))
    judged = judge_numbers(model, mle, their_fit(model.names, terms, of_fit(X, y, path[2])))
    assert accused(judged) == [(name, "coefficient") for name in model.names]
    (named,) = conventions(judged, "standard error")
    assert named.startswith("one iteration old (iterated least squares")
    assert conventions(judged, "log-likelihood") == {"Bernoulli, at their coefficients"}


@pytest.mark.parametrize("asked", ["HC0", "HC1", "HC2", "HC3"])
def test_statsmodels_calls_hc0_by_four_names(asked):
    """Its Logit has one heteroscedastic covariance, whatever is asked for."""
    case = CASES["spector"]
    result = sm.Logit(case.response, case.frame).fit(disp=0, tol=1e-10, cov_type=asked)
    theirs = TheirFit(
        producer="statsmodels Logit",
        coefficients=result.params.to_dict(),
        stated=tuple(
            Stated(term=name, quantity="standard error", value=value)
            for name, value in result.bse.items()
        ),
        settings=Settings(covariance=asked),
    )
    judged = judge_numbers(case.model, fit_newton(case.model), theirs)
    assert conventions(judged, "standard error") == {"HC0"}


def test_a_changed_number_is_told_with_what_is_right():
    X, y, model, mle, _ = problem()
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    theirs = their_fit(model.names, terms, of_fit(X, y, beta), 4)
    for i, each in enumerate(theirs.stated):
        for units in (1, -1, 20):
            wrong = replace(each, value=each.value + units * each.unit)
            stated = (*theirs.stated[:i], wrong, *theirs.stated[i + 1 :])
            judged = judge_numbers(model, mle, replace(theirs, stated=stated))
            found = [one for one in judged if one.consistent is False]
            if not found and each.quantity in ("low", "high"):
                # 1.96 standard errors, which is as good a reason for all six ends
                assert conventions(judged, "low") == {"Wald, model, 1.96 standard errors"}
                continue
            (told,) = found
            assert (told.term, told.quantity) == (each.term, each.quantity)
            assert told.off == pytest.approx(wrong.value - told.proved)
            assert abs(told.proved - each.value) <= each.unit / 2 * (1 + 1e-6)


def test_a_changed_coefficient_is_told():
    X, y, model, mle, _ = problem()
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    theirs = their_fit(model.names, terms, of_fit(X, y, beta), 4)
    name = model.names[1]
    changed = {**theirs.coefficients, name: theirs.coefficients[name] + 1e-4}
    judged = judge_numbers(model, mle, replace(theirs, coefficients=changed))
    assert accused(judged) == [(name, "coefficient")]


def test_truncated_numbers_are_no_errors_where_all_are():
    X, y, model, mle, _ = problem()
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    theirs = their_fit(model.names, terms, of_fit(X, y, beta), 4, truncated=True)
    assert accused(judge_numbers(model, mle, theirs)) == []
    changed = replace(theirs.stated[0], value=theirs.stated[0].value + 1e-4)
    judged = judge_numbers(model, mle, replace(theirs, stated=(changed, *theirs.stated[1:])))
    assert accused(judged) == [(changed.term, changed.quantity)]


def test_an_interval_says_its_level_and_its_kind():
    X, y, model, mle, _ = problem(40)
    beta = newton(X, y)[-1]
    V = covariance(X, y, beta)
    for level in (0.8, 0.9, 0.99):
        terms = of_terms(beta, V, level=level)
        theirs = their_fit(model.names, terms, {}, 4, ("low", "high"))
        assert accused(judge_numbers(model, mle, theirs))  # they are said to be of 95%
        unsaid = tuple(replace(each, prob=np.nan) for each in theirs.stated)
        judged = judge_numbers(model, mle, replace(theirs, stated=unsaid))
        assert conventions(judged, "low") == {f"Wald, model, {100 * level:.0f}%"}
    judged = judge_numbers(
        model, mle, their_fit(model.names, of_terms(beta, V, free=37), {}, 6, ("p", "low", "high"))
    )
    assert accused(judged) == []
    assert conventions(judged, "high") == {"Wald, model, t(37)"}
    assert conventions(judged, "p") == {"Wald, model, t(37)"}


def test_profile_intervals_and_likelihood_ratio_tests_are_named():
    case = CASES["spector"]
    mle = fit_newton(case.model)
    slopes = ("gpa", "tuce", "psi")
    fewer = {}
    full = sm.Logit(case.response, case.frame).fit(disp=0, tol=1e-12).llf
    for name in slopes:
        small = sm.Logit(case.response, case.frame.drop(columns=name)).fit(disp=0, tol=1e-12).llf
        fewer[name] = 2 * (full - small)
    stated = [
        Stated(term=name, quantity="p", value=round(float(chi2.sf(value, 1)), 5), unit=1e-5)
        for name, value in fewer.items()
    ]
    table = confidence_intervals(case.model)
    for name in slopes:
        for quantity, value in zip(("low", "high"), table.loc[name].iloc[1:], strict=True):
            stated.append(
                Stated(term=name, quantity=quantity, value=round(float(value), 4), unit=1e-4)
            )
    theirs = TheirFit(
        producer="a printed table",
        coefficients={name: round(float(mle.params[name]), 3) for name in slopes},
        units={name: 1e-3 for name in slopes},
        stated=tuple(stated),
    )
    judged = judge_numbers(case.model, mle, theirs)
    assert accused(judged) == []
    assert conventions(judged, "p") == {"likelihood ratio"}
    assert conventions(judged, "low") == {"profile likelihood"}


def test_what_cannot_be_judged_is_not_judged():
    _, _, model, mle, _ = problem()
    name = model.names[0]
    theirs = TheirFit(
        producer="a printed table",
        coefficients={name: round(float(mle.coefficients[0]), 3), "other": 1.0},
        units={name: 1e-3, "other": 0.1},
        stated=(
            Stated(term=name, quantity="z", value=float("nan"), unit=0.1, written="NA"),
            Stated(term="other", quantity="p", value=0.5, unit=0.1),
        ),
    )
    judged = judge_numbers(model, mle, theirs)
    assert [each.consistent for each in judged] == [True, None, None, None]
    assert as_frame(judged)["consistent"].isna().tolist() == [False, True, True, True]
    assert judged[2].convention == "stated as not available"
    assert judged[3].convention == "the model has no such coefficient"


def test_the_frame_has_a_row_a_number():
    frame = as_frame(())
    assert list(frame) == [
        "term", "quantity", "stated", "proved", "convention", "consistent", "off",
    ]  # fmt: skip
    assert len(frame) == 0
