from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
from problems import CASES, simulated
from scipy.optimize import minimize
from scipy.stats import chi2
from stated_numbers import (
    CALLED,
    as_printed,
    covariance,
    firth,
    glm_path,
    newton,
    of_fit,
    of_terms,
    their_fit,
)
from written_tables import OF_A_TERM, printed

from flatprior.analysis import confidence_intervals
from flatprior.analysis.auditing import conventions as conventions_module
from flatprior.analysis.auditing.numbers import ENOUGH, as_frame, judge_numbers, not_judged
from flatprior.analysis.inference.hypotheses.likelihood_tests import (
    likelihood_ratio_test,
    score_test,
)
from flatprior.analysis.producers.printed.table import read_table
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit, log_unit
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
        for units in (1, -1) if i % 3 else (-20,):
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
    table = confidence_intervals(case.model).table()
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


def through_a_file(folder, layout, table):
    text, ending = layout(table)
    path = folder / f"table{ending}"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


@pytest.mark.parametrize("layout", OF_A_TERM, ids=lambda layout: layout.__name__)
def test_tables_of_every_layout_are_right_until_a_number_is_changed(tmp_path, layout):
    X, y, model, mle, _ = problem(200, seed=7)
    rng = np.random.default_rng(1)
    beta = newton(X, y)[-1]
    for kind, digits in (("model", 3), ("HC3", 6)):
        terms = of_terms(beta, covariance(X, y, beta, kind))
        table = printed(
            model.names, terms, of_fit(X, y, beta), digits, quantities=OF_A_TERM[layout]
        )
        judged = judge_numbers(model, mle, through_a_file(tmp_path, layout, table))
        assert accused(judged) == []
        keys = list(table.cells)
        for i in rng.choice(len(keys), 2, replace=False):
            text = table.cells[keys[i]]
            wrong = table.changed(keys[i], f"{float(text) + 2 * 10.0**-digits:.{digits}f}")
            judged = judge_numbers(model, mle, through_a_file(tmp_path, layout, wrong))
            assert accused(judged) == [keys[i]]


def public_comparison():
    """A table that programs were compared on: an odds ratio of a rare event, and one of an age."""
    rng = np.random.default_rng(12)
    n = 240
    X = np.column_stack([np.ones(n), rng.integers(30, 80, n), rng.integers(0, 2, n)]).astype(float)
    eta = -3.1 + 0.045 * X[:, 1] - 0.9 * X[:, 2]
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(float)
    return X, y, BernoulliLogistic.from_arrays(X, y, names=["Intercept", "age", "sex"])


def ratios(names, coefficients, digits=8):
    """The odds ratios of the slopes, as they are printed."""
    printed_ones = [as_printed(np.exp(b), digits) for b in coefficients[1:]]
    stated = tuple(
        Stated(term=name, quantity="odds ratio", value=float(text), unit=unit, written=text)
        for name, (text, unit) in zip(names[1:], printed_ones, strict=True)
    )
    return TheirFit(
        producer="a printed table",
        coefficients={each.term: float(np.log(each.value)) for each in stated},
        units={each.term: log_unit(each.value, each.unit) for each in stated},
        stated=stated,
    )


def test_an_odds_ratio_of_an_optimiser_that_stopped_is_told_from_that_of_the_mle():
    """As .42126736 of scikit-learn without a penalty, where the MLE gives .42126606."""
    X, y, model = public_comparison()
    mle = fit_newton(model)
    right = judge_numbers(model, mle, ratios(model.names, mle.coefficients))
    assert accused(right) == []

    def loss(beta):
        eta = X @ beta
        p = 1 / (1 + np.exp(-eta))
        return (np.logaddexp(0, eta) - y * eta).mean(), X.T @ (p - y) / len(y)

    stopped = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B", options={"gtol": 1e-3}).x
    judged = judge_numbers(model, mle, ratios(model.names, stopped))
    assert accused(judged) == [("age", "odds ratio"), ("sex", "odds ratio")]
    assert all(1e-8 < abs(each.off) < 1e-4 for each in judged)
    for each, b in zip(judged, mle.coefficients[1:], strict=True):
        assert each.proved == pytest.approx(np.exp(b), rel=1e-7)  # or that of a last iterate
    # the default penalty, C = 1, is another thing: off in the second digit
    b, path = np.zeros(3), 200
    for _ in range(path):
        p = 1 / (1 + np.exp(-X @ b))
        ridge = np.diag([0.0, 1, 1])
        b = b + np.linalg.solve((X.T * (p * (1 - p))) @ X + ridge, X.T @ (y - p) - ridge @ b)
    off = judge_numbers(model, mle, ratios(model.names, b))[1].off
    assert abs(off) > 1e-3


@pytest.mark.parametrize(
    ("kind", "called"),
    [
        ("model", "model, at their coefficients"),  # SAS: of the data as they are
        ("augmented", "augmented information, at their coefficients"),  # as logistf did
    ],
)
@pytest.mark.parametrize("settings", [{}, {"penalty": "firth"}])
def test_both_standard_errors_of_firth_fits_are_named(kind, called, settings):
    """As .02065 in one program and .02023 in another, of the same coefficients."""
    X, y, model = public_comparison()
    mle = fit_newton(model)
    beta = firth(X, y)
    terms = of_terms(beta, covariance(X, y, beta, kind))
    for digits in (None, 8, 5):
        theirs = their_fit(model.names, terms, {}, digits, **settings)
        judged = judge_numbers(model, mle, theirs)
        assert accused(judged) == [(name, "coefficient") for name in model.names]
        assert conventions(judged, "standard error") == {called}


def test_numbers_of_separated_data_are_judged_where_they_were_computed():
    X = np.column_stack([np.ones(20), np.arange(20.0)])
    y = (np.arange(20) > 9).astype(float)
    model = BernoulliLogistic.from_arrays(X, y)
    beta = firth(X, y)
    terms = of_terms(beta, covariance(X, y, beta))
    judged = judge_numbers(model, None, their_fit(model.names, terms, {}, 6))
    assert accused(judged) == []
    assert [each.consistent for each in judged[:2]] == [None, None]
    assert conventions(judged, "standard error") == {"model, at their coefficients"}


def test_the_last_iterate_of_a_program_is_the_mle_but_for_its_last_digits():
    case = CASES["spector"]
    X, y, model = case.model.design, case.model.response, case.model
    path = glm_path(X, y)
    error = np.sqrt(np.diag(covariance(X, y, path[-1])))
    i = next(i for i, b in enumerate(path) if (np.abs(b - path[-1]) < 1e-7 * error).all())
    terms = of_terms(path[i], covariance(X, y, path[i - 1]))
    theirs = their_fit(model.names, terms, {}, 9)
    judged = judge_numbers(model, fit_newton(model), theirs)
    assert accused(judged) == []
    assert conventions(judged, "coefficient") == {"last iterate"}


def test_standard_errors_may_be_of_the_posterior_where_it_is_asked_for():
    _, _, model, mle, _ = problem()
    sd = 1.05 * mle.standard_errors
    stated = tuple(
        Stated(term=name, quantity="standard error", value=round(float(s), 5), unit=1e-5)
        for name, s in zip(model.names, sd, strict=True)
    )
    theirs = TheirFit(
        producer="a printed table",
        coefficients={name: round(float(b), 5) for name, b in mle.params.items()},
        units=dict.fromkeys(model.names, 1e-5),
        stated=stated,
    )
    assert len(accused(judge_numbers(model, mle, theirs))) == 3
    judged = judge_numbers(model, mle, theirs, posterior_sd=sd)
    assert conventions(judged, "standard error") == {"posterior sd"}


def test_a_table_of_a_sample_of_the_terms_is_judged_by_their_names():
    X, y, model, mle, _ = problem()
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))[1:2]
    theirs = their_fit(model.names[1:2], terms, {"n": 150}, 4)
    judged = judge_numbers(model, mle, theirs)
    assert all(each.consistent for each in judged)


def test_standard_errors_that_a_program_may_have_made_in_a_way_it_does_not_say_are_not_judged():
    X, y, model, mle, groups = problem()
    beta = newton(X, y)[-1]
    may_be = "they may be by clusters, of which the program keeps no trace"
    quantities = ("standard error", "z", "p", "low", "high")
    for kind, known in (("model", True), ("HC1", True), ("cluster", False)):
        terms = of_terms(beta, covariance(X, y, beta, kind, groups))
        theirs = their_fit(model.names, terms, of_fit(X, y, beta), None, quantities)
        assert (accused(judge_numbers(model, mle, theirs)) == []) is known
        theirs = replace(theirs, may_be=may_be)
        judged = judge_numbers(model, mle, theirs)
        assert accused(judged) == []
        of_errors = [each for each in judged if each.quantity in quantities]
        assert {each.consistent for each in of_errors} == {True if known else None}
        others = [each for each in judged if each.quantity not in quantities]
        assert all(each.consistent for each in others)
        said = f"standard errors, and what follows from them, are not judged: {may_be}"
        assert not_judged(theirs, judged) == (() if known else (said,))
        # the coefficients and the log-likelihood are judged all the same
        wrong = [replace(each, value=each.value + 0.1) for each in theirs.stated if not each.term]
        found = judge_numbers(model, mle, replace(theirs, stated=tuple(wrong)))
        assert len(accused(found)) == len(wrong)


@pytest.fixture
def fits(monkeypatch):
    """What is appended to whenever a test that takes a fit is asked for."""
    times = []

    def counted(of, *given):
        times.append(of)
        return of(*given)

    for test in (likelihood_ratio_test, score_test):
        monkeypatch.setattr(conventions_module, test.__name__, partial(counted, test))
    return times


def test_what_fits_for_every_number_can_not_explain_takes_none(fits):
    """Coefficients that are all wrong are no reason to look for other p-values."""
    X, y, model, mle, _ = problem(300, 8)
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    right = their_fit(model.names, terms, {}, 4, ("standard error", "p"))
    wrong = {name: round(1.3 * b + 0.2, 4) for name, b in right.coefficients.items()}
    judged = judge_numbers(model, mle, replace(right, coefficients=wrong))
    assert accused(judged) == [(name, "coefficient") for name in model.names]
    assert not fits


def test_a_test_that_explains_few_of_many_p_values_is_given_up(fits):
    X, y, model, mle, _ = problem(400, 12)
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    theirs = their_fit(model.names, terms, {}, 2, ("standard error", "p"))
    stated = tuple(
        replace(each, value=each.value + 0.3) if each.quantity == "p" and i % 6 else each
        for i, each in enumerate(theirs.stated)
    )
    judged = judge_numbers(model, mle, replace(theirs, stated=stated))
    moved = {each.term for i, each in enumerate(stated) if each.quantity == "p" and i % 6}
    assert {term for term, what in accused(judged) if what == "p"} == moved
    assert len(fits) <= 2 * 2 * (ENOUGH + 1)
