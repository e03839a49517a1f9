"""Opposite outcomes, no intercept, no weights, no offset; links in place of the logit."""

import numpy as np
import pytest
import statsmodels.api as sm
from multiplier import repeated
from problems import simulated

from flatprior.analysis import explain_difference
from flatprior.models import BernoulliLogistic, fit_newton

LINKS = sm.families.links


@pytest.fixture(scope="module")
def data():
    X, y = simulated(200, 4, seed=6)
    rng = np.random.default_rng(2)
    return X, y, rng.normal(size=200), rng.integers(1, 5, size=200)


def test_weights_that_were_not_passed_are_missed(data):
    X, y, _, weights = data
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    found = explain_difference(model, sm.Logit(y, X).fit(disp=0).params)
    assert (found.cause, found.certain) == ("weights ignored", True)
    assert "freq_weights" in found.cure


def test_an_offset_that_was_not_passed_or_subtracted_is_missed(data):
    X, y, offset, _ = data
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    for theirs, words in ((None, "without the offset"), (-offset, "subtracted in place of added")):
        fit = sm.GLM(y, X, sm.families.Binomial(), offset=theirs).fit(tol=1e-12)
        found = explain_difference(model, fit.params)
        assert (found.cause, found.certain) == ("offset ignored", True)
        assert words in found.message
        assert "offset" in found.cure


def test_a_model_without_weights_or_offset_cannot_have_lost_them(data):
    X, y, _, _ = data
    model = BernoulliLogistic.from_arrays(X, y, offset=np.zeros(200))
    found = explain_difference(model, fit_newton(model).coefficients + 0.1)
    assert not {"weights ignored", "offset ignored"} & set(found.table().index)


def test_an_opposite_response_is_named_beside_another_cause(data):
    X, y, _, _ = data
    from sklearn.linear_model import LogisticRegression

    model = BernoulliLogistic.from_arrays(X, y)
    fit = LogisticRegression(tol=1e-10, max_iter=5000).fit(X[:, 1:], 1 - y)
    found = explain_difference(model, [*fit.intercept_, *fit.coef_[0]])
    assert found.cause == "response flipped"
    assert "what counts as 1 here counts as 0 there" in found.message
    assert "ridge penalty of C = 1 " in found.message
    assert "C=np.inf" in found.cure


def test_a_missing_intercept_is_cured_by_adding_one(data):
    X, y, _, _ = data
    model = BernoulliLogistic.from_arrays(X, y)
    theirs = [0.0, *sm.Logit(y, X[:, 1:]).fit(disp=0).params]
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("missing intercept", True)
    assert "sm.add_constant(X)" in found.cure
    flipped = explain_difference(model, -fit_newton(model).coefficients)
    assert (flipped.cause, flipped.certain) == ("response flipped", True)
    assert "change the sign" in flipped.cure


@pytest.mark.parametrize(
    ("link", "cause", "words"),
    [
        (LINKS.Probit, "probit", "Phi(x'beta)"),
        (LINKS.CLogLog, "complementary log-log", "1 - exp(-exp(x'beta))"),
        (LINKS.LogLog, "complementary log-log", "exp(-exp(-x'beta))"),
        (LINKS.Cauchy, "cauchit", "arctan(x'beta) / pi"),
    ],
)
@pytest.mark.parametrize("seed", [2, 5])
def test_each_link_is_named_with_weights_and_an_offset(link, cause, words, seed):
    X, y = simulated(200, 4, seed=seed)
    rng = np.random.default_rng(seed)
    offset, weights = 0.5 * rng.normal(size=200), rng.integers(1, 4, size=200)
    for options in ({}, {"offset": offset}, {"frequency_weights": weights}):
        model = BernoulliLogistic.from_arrays(X, y, **options)
        fit = sm.GLM(
            y,
            X,
            sm.families.Binomial(link()),
            offset=options.get("offset"),
            freq_weights=options.get("frequency_weights"),
        ).fit(tol=1e-12, maxiter=500)
        found = explain_difference(model, fit.params)
        assert (found.cause, found.certain) == (cause, True)
        assert words in found.message
        assert "link" in found.cure


def test_numbers_far_out_are_no_other_link():
    X, y = simulated(60, 3, seed=2)
    order = np.argsort(y)
    model = BernoulliLogistic.from_arrays(X[order], y[order])
    errors = fit_newton(model).standard_errors
    for i in range(repeated(20)):
        rng = np.random.default_rng([5, i])
        b = rng.normal(size=3) * errors * 10.0 ** rng.uniform(0, 8)
        assert not explain_difference(model, b).certain
