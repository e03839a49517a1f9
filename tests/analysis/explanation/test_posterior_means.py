"""Posterior means: of the flat prior, of proper ones, of the opposite response."""

import re

import numpy as np
import pandas as pd
import pytest
from disagreements import ORDERS, numbers_without_a_cause, posterior_mean_under, stored, survey
from problems import simulated

from flatprior.analysis import explain_difference
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.posterior_means import _importance_mean
from flatprior.models import BernoulliLogistic, fit_newton


def patients(seed=4):
    """Forty of them, four predictors, no intercept, and a response in words."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(40, 4)), columns=list("ABCD"))
    eta = frame.to_numpy() @ [1.2, -1.0, 0.1, -0.3]
    frame["Dx"] = np.where(rng.random(40) < 1 / (1 + np.exp(-eta)), "pos", "neg")
    return frame


def test_the_mean_of_the_other_level_is_told_with_both_causes():
    # a formula-based program modelled the level that comes first
    frame = patients()
    model = BernoulliLogistic.from_formula("Dx ~ 0 + A + B + C + D", frame)
    theirs = posterior_mean_under(
        model.design, 1 - model.response, np.zeros(4), np.random.default_rng(1)
    )
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("response flipped", False)
    assert "mean of the flat-prior posterior of the opposite response" in found.message
    assert "change the sign" in found.cure
    assert "find_MAP" in found.cure
    own = explain_difference(model, -theirs)
    assert (own.cause, own.certain) == ("posterior mean", False)


def test_with_an_offset_the_opposite_posterior_is_another():
    X, y = simulated(60, 3, seed=6)
    offset = np.linspace(-2, 2, 60)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    other = BernoulliLogistic.from_arrays(X, 1 - y, offset=offset)
    draws = np.random.default_rng(3).multivariate_normal(
        fit_newton(other).coefficients, fit_newton(other).covariance, size=4000
    )
    heights = np.array([other.log_likelihood(beta) for beta in draws])
    z = (draws - fit_newton(other).coefficients) @ np.linalg.inv(
        np.linalg.cholesky(fit_newton(other).covariance).T
    )
    weights = np.exp(heights - heights.max() + 0.5 * np.square(z).sum(axis=1))
    theirs = np.average(draws, axis=0, weights=weights)
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("response flipped", False)
    assert "posterior mean" in found.message


@pytest.mark.parametrize("s", [0.3, 1.0])
@pytest.mark.parametrize("of_all", [False, True])
def test_the_scale_of_a_proper_prior_is_estimated(s, of_all):
    X, y = simulated(80, 4, seed=7)
    model = BernoulliLogistic.from_arrays(X, y)
    precision = np.array([1.0 if of_all else 0.0, 1, 1, 1]) / s**2
    theirs = posterior_mean_under(X, y, precision, np.random.default_rng(2))
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("proper prior", False)
    told = next(c for c in found.causes if c.cause == "proper prior").detail
    said = re.search(r"normal\(0, ([\d.]+)", told)
    assert float(said[1]) == pytest.approx(s, rel=0.1)
    assert "pm.Flat" in found.cure


def test_priors_in_units_of_the_predictors_are_bambis():
    X, y = simulated(60, 4, seed=8)
    X = X * [1.0, 50.0, 0.2, 3.0]
    model = BernoulliLogistic.from_arrays(X, y)
    precision = np.append(0.0, np.square(X[:, 1:].std(axis=0) / 0.5))
    theirs = posterior_mean_under(X, y, precision, np.random.default_rng(2))
    found = explain_difference(model, theirs)
    assert found.cause == "proper prior"
    assert "/ sd(x)) on the slope of every predictor" in found.message
    assert "Bambi" in found.message


def test_a_weighted_mean_is_that_of_independent_draws():
    X, y = simulated(60, 3, seed=5)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    case = Discrepancy.at(model, fit, 2 * fit.coefficients)
    ground = case.ground()
    precision = np.array([0.0, 2.0, 2.0])
    penalty = ground.root.T @ np.diag(precision) @ ground.root
    found = ground.root @ _importance_mean(ground, penalty, 60)
    oracle = posterior_mean_under(X, y, precision, np.random.default_rng(4))
    assert np.abs(found - oracle).max() < 0.05 * fit.standard_errors.min()


def test_where_no_draws_suit_the_posterior_its_mean_is_no_cause():
    # 19 rows, 5 coefficients, nearly separated: one draw has all the weight
    for order in ORDERS:
        model, coefficients = numbers_without_a_cause(np.random.default_rng([10, 87]), order)
        found = explain_difference(model, coefficients)
        assert not found.certain
        assert "posterior mean" not in {cause.cause for cause in found.causes}


def test_of_many_rows_no_prior_is_tried():
    frame = stored(survey(np.random.default_rng(1), 50_000), "shuffled")
    model = BernoulliLogistic.from_formula("y ~ one + two + flag", frame)
    found = explain_difference(model, fit_newton(model).coefficients + 0.5)
    assert not found.certain
    assert "proper prior" not in found.table().index
