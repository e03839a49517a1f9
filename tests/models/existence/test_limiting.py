"""The limit of a likelihood without a maximum: what it approaches, row by row."""

import numpy as np
import pytest
from problems import CASES
from scipy import sparse

from flatprior.models import BernoulliLogistic, check_existence, fit_newton
from flatprior.models.existence.limiting import Limiting, direction_of, left_in_place
from flatprior.models.likelihood import exact_log_likelihoods


def level_of_one_outcome(n=200, seed=1):
    """Two numbers and a level whose rows are all events."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=(n, 2)), rng.random(n) < 0.2])
    y = (rng.random(n) < 0.5).astype(float)
    y[X[:, 2] == 1] = 1.0
    return X, y


def limit_of(model):
    state = check_existence(model)
    rest = left_in_place(model, state)
    beta = np.zeros(model.n_parameters)
    if rest is not None:
        kept = slice(None) if rest.aliased is None else rest.aliased.kept
        beta[kept] = fit_newton(rest).coefficients
    return state, Limiting.of(model, state, beta)


def test_separated_rows_are_certain_and_the_others_have_their_own_fit():
    X, y = level_of_one_outcome()
    state, limit = limit_of(BernoulliLogistic.from_arrays(X, y, intercept=True))
    odds, there = limit.log_odds(X), X[:, 2] == 1
    assert (odds[there] == np.inf).all()
    alone = fit_newton(BernoulliLogistic.from_arrays(X[~there][:, :2], y[~there], intercept=True))
    expected = alone.coefficients[0] + X[~there][:, :2] @ alone.coefficients[1:]
    assert odds[~there] == pytest.approx(expected, rel=1e-9)
    assert limit.goes[3] == np.inf
    assert limit.goes[:3] == pytest.approx(state.limit.coefficients, rel=1e-9)


def test_it_is_what_the_likelihood_approaches():
    """Far along the direction, the log-likelihood is the supremum, and so are probabilities."""
    X, y = level_of_one_outcome()
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    state, limit = limit_of(model)
    far = limit.beta + 60 * limit.direction / np.abs(limit.direction).max()
    assert exact_log_likelihoods(model.arrays.block(slice(None)), far[None])[0] == pytest.approx(
        state.limit.log_likelihood, rel=1e-13
    )
    p = 1 / (1 + np.exp(-model.design @ far))
    assert p == pytest.approx(1 / (1 + np.exp(-limit.log_odds(X))), abs=1e-12)


@pytest.mark.parametrize("name", ["complete_1d", "quasi_1d"])
def test_separation_by_a_number(name):
    case = CASES[name]
    model = BernoulliLogistic.from_arrays(case.frame, case.response)
    state, limit = limit_of(model)
    odds = limit.log_odds(model.design)
    rows = np.zeros(model.n_rows, dtype=bool)
    rows[list(state.separated_rows)] = True
    assert (odds[rows] == np.inf * model.rows.sign[rows]).all()
    assert np.isfinite(odds[~rows]).all()


def test_rows_repeated_permuted_and_weighted_leave_the_direction_as_it_is():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(30, 3))
    y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(float)
    order = rng.permutation(30)
    weights = rng.integers(1, 4, 30)
    models = (
        BernoulliLogistic.from_arrays(X, y),
        BernoulliLogistic.from_arrays(X[order], y[order]),
        BernoulliLogistic.from_arrays(np.repeat(X, 2, 0), np.repeat(y, 2)),
        BernoulliLogistic.from_arrays(X, y, frequency_weights=weights),
    )
    first, *others = [direction_of(model, check_existence(model)) for model in models]
    for other in others:
        assert (other == first).all()


def test_sparse_rows_have_the_same_limit():
    X, y = level_of_one_outcome()
    limit = limit_of(BernoulliLogistic.from_arrays(X, y, intercept=True))[1]
    assert limit.log_odds(sparse.csr_array(X)) == pytest.approx(limit.log_odds(X), rel=1e-14)


def test_where_rows_determine_nothing_there_is_nothing_to_fit():
    X = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    model = BernoulliLogistic.from_arrays(X[:, :1], [1, 0, 1, 0, 0])
    state, limit = limit_of(model)
    assert left_in_place(model, state) is None
    assert limit.log_odds(X[:, :1]).tolist() == [np.inf, 0.0, 0.0, -np.inf, 0.0]


def test_columns_among_others_that_do_nothing():
    limit = Limiting(np.array([1.0, 2.0]), np.array([0.0, 1.0]), np.array([1.0, np.inf]))
    spread = limit.among(np.array([0, 2]), 4)
    assert spread.goes.tolist() == [1.0, 0.0, np.inf, 0.0]
    assert spread.log_odds(np.array([[5.0, 0.0, 5.0], [5.0, -1.0, 5.0]])).tolist() == [1, -np.inf]
