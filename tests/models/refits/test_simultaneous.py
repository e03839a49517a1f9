"""Many fits at once: each within its bound of the MLE in 50 digits, and none without an MLE."""

import numpy as np
import pytest
from multiplier import repeated
from problems import exact_table, mp_fit, simulated

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.refits import simultaneous
from flatprior.models.refits.simultaneous import Reweighted, fit_all


def reweighted(model, weights=None, responses=None):
    rows = model.arrays
    return Reweighted(
        design=rows.design,
        response=rows.response,
        offset=rows.offset,
        weights=rows.weights,
        extent=rows.extent,
        own_weights=weights,
        own_responses=responses,
    )


def resampled(n, m, seed):
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=m)


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e7])
@pytest.mark.parametrize("offset", [False, True])
def test_every_resample_lies_within_its_bound_of_fifty_digits(scale, offset):
    worst = 0.0
    for seed in range(repeated(2)):
        X, y = simulated(60, 3, seed)
        X[:, 2] = scale * (X[:, 2] + 5)
        added = np.random.default_rng(seed).normal(size=60) if offset else None
        model = BernoulliLogistic.from_arrays(X, y, offset=added)
        drawn = resampled(60, 3, seed)
        found = fit_all(reweighted(model, drawn), fit_newton(model).coefficients)
        for i, weights in enumerate(drawn):
            keep = weights > 0
            given = None if added is None else added[keep]
            beta, se = mp_fit(X[keep], y[keep], weights[keep], given, start=found.coefficients[i])
            error = np.abs(found.coefficients[i] - beta) / se
            assert error.max() <= found.error_bounds[i] < 1e-9
            assert found.standard_errors[i] == pytest.approx(se, rel=6e-7)
            worst = max(worst, error.max())
    assert worst > 0


def test_responses_of_their_own_are_fitted_with_the_weights_that_the_model_has():
    X, y = simulated(50, 3, seed=5)
    weights = np.arange(50) % 3 + 1.0
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    responses = np.random.default_rng(6).random((3, 50)) < 0.4
    found = fit_all(reweighted(model, responses=responses), np.zeros(3))
    for i, response in enumerate(responses):
        beta, se = mp_fit(X, response, weights, start=found.coefficients[i])
        assert np.max(np.abs(found.coefficients[i] - beta) / se) <= found.error_bounds[i] < 1e-9


def test_counts_from_one_to_a_million_million_have_the_logarithm_that_they_must():
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = np.vstack([np.eye(3), rng.integers(-2, 3, size=(6, 3))])
        m = rng.integers(-6, 7, size=3)
        design, y, weights = exact_table(m, X)
        model = BernoulliLogistic.from_arrays(design, y)
        answer = fit_all(reweighted(model, weights[None]), np.zeros(3))
        if np.isfinite(answer.error_bounds[0]):
            error = np.abs(answer.coefficients[0] - m * np.log(2)) / answer.standard_errors[0]
            assert error.max() <= answer.error_bounds[0]
            found.append(weights.max())
    assert max(found) >= 2**10


def test_rows_as_certain_as_exp_minus_a_thousand_spoil_nothing():
    X, y = simulated(80, 2, seed=7)
    offset = np.zeros(80)
    offset[:4] = [1000, -1000, 800, -2000]
    y[:4] = [1, 0, 1, 0]
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    found = fit_all(reweighted(model, np.ones((1, 80))), np.zeros(2))
    beta, se = mp_fit(X, y, offset=offset, start=found.coefficients[0])
    assert np.max(np.abs(found.coefficients[0] - beta) / se) <= found.error_bounds[0] < 1e-7


def test_answers_do_not_depend_on_pieces_or_on_who_is_fitted_beside(monkeypatch):
    X, y = simulated(300, 4, seed=8)
    model = BernoulliLogistic.from_arrays(X, y)
    drawn = resampled(300, 40, seed=9)
    start = fit_newton(model).coefficients
    whole = fit_all(reweighted(model, drawn), start)
    monkeypatch.setattr(simultaneous, "LARGEST_PRODUCTS", 1)
    monkeypatch.setattr(simultaneous, "AT_ONCE", 1)
    parts = fit_all(reweighted(model, drawn), start)
    apart = np.abs(whole.coefficients - parts.coefficients) / whole.standard_errors
    assert (apart.max(axis=1) <= whole.error_bounds + parts.error_bounds).all()
    assert (apart.max(axis=1) < 1e-12).all()


def test_from_wherever_it_begins_the_end_is_the_same_or_none():
    X, y = simulated(200, 3, seed=10)
    model = BernoulliLogistic.from_arrays(X, y)
    one = np.ones((1, 200))
    right = fit_all(reweighted(model, one), np.zeros(3))
    ended = 0
    for size in (1.0, 3.0, 10.0, 1e3):
        found = fit_all(reweighted(model, one), size * np.array([1.0, -1.0, 1.0]))
        if np.isfinite(found.error_bounds[0]):
            ended += 1
            apart = np.abs(found.coefficients - right.coefficients) / right.standard_errors
            assert apart.max() <= found.error_bounds[0] + right.error_bounds[0]
    assert ended >= 2


def test_nothing_is_proved_where_there_is_no_mle():
    X, y = simulated(40, 2, seed=11)
    model = BernoulliLogistic.from_arrays(X, y)
    one_class = np.where(y == 1, 1, 0)
    separated = np.where((X[:, 1] > 0) == (y == 1), 1, 0)
    few = np.eye(40, dtype=int)[:5]  # one row: dependent columns
    drawn = np.vstack([one_class, separated, np.zeros_like(one_class), few])
    found = fit_all(reweighted(model, drawn), fit_newton(model).coefficients)
    assert np.isinf(found.error_bounds).all()
    assert np.isnan(found.coefficients).all()
