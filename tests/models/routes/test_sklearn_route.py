"""The route of scikit-learn."""

import math

import numpy as np
import pytest
import sklearn.linear_model
from problems import simulated

from flatprior.models import (
    BernoulliLogistic,
    RouteUnavailableError,
    fit_newton,
    fit_sklearn,
)


def test_scikit_learn_refuses_an_offset_by_name():
    X, y = simulated(50, 2, seed=5)
    with pytest.raises(ValueError, match="takes no offset"):
        fit_sklearn(BernoulliLogistic.from_arrays(X, y, offset=np.ones(50)))


def test_one_class_only_is_refused_by_name_though_its_mle_exists():
    # without an intercept, and all of one class: the rows pull either way
    model = BernoulliLogistic.from_arrays([[1.0], [-1.0], [2.0]], [1, 1, 1])
    assert fit_newton(model).certificate.proves_existence
    with pytest.raises(RouteUnavailableError, match="needs both classes"):
        fit_sklearn(model)


def test_nothing_is_penalised_and_weights_are_passed_on():
    # a table of 2 x 2: the slope is the log odds ratio, which any penalty would shrink
    counts = [[7, 3], [2, 8]]
    rows = [(x, y, counts[x][y]) for x in (0, 1) for y in (0, 1)]
    X, y, weights = (list(column) for column in zip(*rows, strict=True))
    fit = fit_sklearn(
        BernoulliLogistic.from_arrays(X, y, ["x"], frequency_weights=weights, intercept=True)
    )
    expected = [math.log(3 / 7), math.log(7 * 8 / (3 * 2))]
    assert fit.coefficients == pytest.approx(expected, rel=1e-10)
    assert fit.converged


def test_what_scikit_learn_warns_of_is_in_the_message_and_no_warning(monkeypatch):
    whole = sklearn.linear_model.LogisticRegression

    def lazy(**options):
        return whole(**options | {"max_iter": 1})

    monkeypatch.setattr(sklearn.linear_model, "LogisticRegression", lazy)
    X, y = simulated(50, 3, seed=2)
    fit = fit_sklearn(BernoulliLogistic.from_arrays(X, y))
    assert not fit.converged
    assert fit.message.startswith("1 iterations; scikit-learn warned: ")
    assert "\n" not in fit.message
    # how far it got is proved from the coefficients alone
    best = fit_newton(BernoulliLogistic.from_arrays(X, y))
    distance = np.max(np.abs(fit.coefficients - best.coefficients) / best.standard_errors)
    assert 1e-6 < distance <= fit.certificate.error_bound + best.certificate.error_bound
