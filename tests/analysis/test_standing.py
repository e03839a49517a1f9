import math

import numpy as np
import pytest
from multiplier import repeated

from flatprior.analysis import standing
from flatprior.analysis.standing import UNPROVED, Standing
from flatprior.models import (
    BernoulliLogistic,
    Existence,
    NotConvergedError,
    check_existence,
    fit_newton,
)

TOLERANCE = 1e-6


def data(seed, n=120):
    """Columns, a factor of three levels as indicators that sum to one, outcomes of both kinds."""
    rng = np.random.default_rng(seed)
    levels = np.eye(3)[rng.integers(0, 3, size=n)]
    X = np.column_stack([rng.normal(size=n) * 10.0 ** rng.integers(-3, 4), levels])
    eta = X[:, 0] / X[:, 0].std() + levels @ [0.3, -0.4, 0.2]
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)


@pytest.mark.parametrize("seed", range(repeated(10)))
def test_the_estimate_is_told_from_a_point_as_far_as_it_is_away(seed):
    X, y = data(seed)
    model = BernoulliLogistic.from_arrays(X, y)
    mle = fit_newton(model)
    assert Standing(model, mle.coefficients, TOLERANCE).kind == "the estimate"
    for away in (1e-8, 1e-4, 3.0):
        b = mle.coefficients + away * mle.standard_errors * np.array([1, 0, 0, 0])
        found = Standing(model, b, TOLERANCE)
        assert found.kind == ("the estimate" if away < TOLERANCE else "another point")
        assert found.distance == pytest.approx(away, rel=1e-5)
        assert found.bound >= found.distance * (1 - 1e-6)
        assert Standing(model, b, 1.1 * away).kind == "the estimate"
        assert Standing(model, b, 0.9 * away).kind == "another point"
        assert found.existence.exists
        assert found.mle.coefficients == pytest.approx(mle.coefficients)
        assert found.determined is None


@pytest.mark.parametrize("seed", range(repeated(10)))
def test_a_column_too_many_leaves_the_probabilities_an_estimate(seed):
    X, y = data(seed)
    rng = np.random.default_rng(seed)
    weights, offset = rng.integers(1, 4, size=len(y)), rng.normal(size=len(y))
    given = {"frequency_weights": weights, "offset": offset}
    mle = fit_newton(BernoulliLogistic.from_arrays(X, y, **given))
    model = BernoulliLogistic.from_arrays(X, y, intercept=True, **given)
    null = np.array([1.0, 0.0, -1.0, -1.0, -1.0])  # the intercept is the sum of the indicators
    for along in (0.0, 1.0, -17.5):
        b = np.append(0.0, mle.coefficients) + along * null
        found = Standing(model, b, TOLERANCE)
        assert found.kind == "its probabilities"
        assert found.determined.kind == "the estimate"
        assert found.distance == math.inf
        assert found.mle is None
        assert found.existence.kind == "rank deficient"
        off = b + np.array([0.0, mle.standard_errors[0], 0.0, 0.0, 0.0])
        for known in (None, check_existence(model)):
            wrong = Standing(model, off, TOLERANCE, known)
            assert wrong.kind == "no estimate"
            assert wrong.determined.kind == "another point"
            assert wrong.determined.distance == pytest.approx(1.0, rel=1e-5)


def test_where_the_outcomes_are_separated_there_is_no_estimate():
    X, y = data(1)
    y[X[:, 3] == 1] = 1.0
    for intercept in (False, True):
        model = BernoulliLogistic.from_arrays(X, y, intercept=intercept)
        found = Standing(model, np.zeros(model.n_parameters), TOLERANCE)
        assert found.kind == "no estimate"
        assert found.distance == math.inf
        rest = found.determined
        assert (rest is None) is not intercept
        if rest is not None:
            assert rest.kind == "no estimate"
            assert rest.existence.kind == "quasi-complete separation"


def test_what_is_not_finite_is_told_without_a_look_at_the_rows(monkeypatch):
    X, y = data(2)
    monkeypatch.setattr(standing, "newton_of", None)
    monkeypatch.setattr(standing, "check_existence", None)
    model = BernoulliLogistic.from_arrays(X, y)
    for odd in (np.nan, np.inf):
        assert Standing(model, np.array([0.0, odd, 0.0, 0.0]), TOLERANCE).kind == "not finite"


def test_the_estimate_is_proved_without_newton_s_method(monkeypatch):
    X, y = data(3)
    model = BernoulliLogistic.from_arrays(X, y)
    b = fit_newton(model).coefficients
    monkeypatch.setattr(standing, "newton_of", None)
    monkeypatch.setattr(standing, "check_existence", None)
    found = Standing(model, b, TOLERANCE)
    assert found.kind == "the estimate"
    assert found.bound == found.certificate.error_bound <= TOLERANCE


def test_what_cannot_be_proved_is_neither_right_nor_wrong(monkeypatch):
    X, y = data(4)
    model = BernoulliLogistic.from_arrays(X, y)
    mle = fit_newton(model)
    found = Standing(model, mle.coefficients, 1e-19)  # less than doubles can say
    assert (found.kind, found.obstacle) == ("unproved", UNPROVED)
    unknown = Existence(kind="undecided", message="nobody knows", coefficients={})
    found = Standing(model, 2 * mle.coefficients, TOLERANCE, unknown)
    assert (found.kind, found.obstacle) == ("unproved", "nobody knows")
    assert math.isnan(found.distance)
    # where Newton's method ends without a proof, or does not begin

    def refuse(_):
        raise NotConvergedError("no curvature")

    monkeypatch.setattr(standing, "newton_of", refuse)
    found = Standing(model, 2 * mle.coefficients, TOLERANCE)
    assert (found.kind, found.obstacle) == ("unproved", UNPROVED)
    assert found.mle is None
