import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from places import FORMULA, PLACES, ROLES, shoppers
from problems import simulated

from flatprior.models import BernoulliLogistic, likelihood
from flatprior.models.likelihood import (
    at_each,
    curvature_derivatives,
    deviance_of_counts,
    heights_and_scores,
    log_likelihoods,
    moments,
    moments_at_each,
    row_terms,
    scores,
    stack_factors,
    total_log_likelihood,
    triangular_factor,
)
from flatprior.models.rows import BLOCK_ROWS, ArrayRows, Block, as_held


@given(st.floats(-800, 800), st.sampled_from([-1.0, 1.0]), st.integers(1, 10**9))
def test_row_terms_have_full_relative_accuracy_in_both_tails(eta, sign, weight):
    block = Block(np.array([[eta]]), np.array([sign]), None, np.array([float(weight)]))
    found = row_terms(block, np.ones(1))
    with mpmath.workdps(400):
        m = mpmath.mpf(eta) * int(sign)
        p = 1 / (1 + mpmath.exp(-m))
        expected = (
            weight * mpmath.log(p),
            int(sign) * weight * (1 - p),
            weight * p * (1 - p),
        )
        for value, reference in zip(found, expected, strict=True):
            # below 1e-300 doubles have fewer digits
            assert abs(value[0] - reference) <= 1e-14 * abs(reference) + mpmath.mpf(10) ** -305


@given(st.floats(-40, 40), st.sampled_from([-1.0, 1.0]))
def test_derivatives_of_the_curvature_are_no_larger_than_it_up_to_order_five(eta, sign):
    block = Block(np.array([[eta]]), np.array([sign]), None, np.array([3.0]))
    found = curvature_derivatives(block, np.ones(1), 4)[:, 0] / 3
    with mpmath.workdps(80):
        exact = mpmath.taylor(lambda x: 1 / (1 + mpmath.exp(-x)), mpmath.mpf(eta), 5)
        exact = [float(value * mpmath.factorial(r)) for r, value in enumerate(exact)][1:]
    assert found == pytest.approx(exact[:4], rel=0, abs=2e-15 * exact[0])
    assert max(map(abs, exact)) <= exact[0] * (1 + 1e-12)


def test_many_coefficient_vectors_give_the_same_as_one_at_a_time():
    X, y = simulated(2 * BLOCK_ROWS + 17, 3, seed=1)
    model = BernoulliLogistic.from_arrays(X, y, offset=np.linspace(-1, 1, len(y)))
    betas = np.random.default_rng(2).normal(size=(300, 3))
    many = model.log_likelihood(betas)
    assert many.shape == (300,)
    assert model.score(betas).shape == (300, 3)
    for i in (0, 255, 256, 299):
        assert many[i] == pytest.approx(model.log_likelihood(betas[i]), rel=1e-13)
        assert model.score(betas)[i] == pytest.approx(model.score(betas[i]), rel=1e-11)
    pointwise = model.pointwise_log_likelihood(betas)
    assert pointwise.shape == (300, model.n_rows)
    assert pointwise.sum(axis=1) == pytest.approx(many, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_fast_log_likelihood_is_right_to_a_rounding_a_row(weighted):
    X, y = simulated(BLOCK_ROWS + 700, 3, seed=1)
    weights = np.random.default_rng(2).integers(1, 5, size=len(y)) if weighted else None
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    betas = np.random.default_rng(3).normal(size=(100, 3)) * np.logspace(-2, 3, 100)[:, None]
    fast = at_each(model.rows, log_likelihoods, betas)
    exact = model.log_likelihood(betas)
    assert (np.abs(fast - exact) <= 1e-15 * (model.n_observations + 8 * np.abs(exact))).all()


def test_many_log_likelihoods_keep_their_relative_accuracy_near_zero():
    # all but separated: the log-likelihood is that of a single far margin, -exp(-40)
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [1, 1])
    assert model.log_likelihood([[40.0]])[0] == pytest.approx(-2 * np.exp(-40), rel=1e-12)


def test_the_log_likelihood_of_all_rows_is_the_sum_over_blocks_to_relative_accuracy():
    X, y = simulated(2 * BLOCK_ROWS + 5, 2, seed=6)
    beta = np.array([0.5, -1.0])
    rows = ArrayRows(X, y)
    margin = (2 * y - 1) * (X @ beta)
    assert total_log_likelihood(rows, beta) == pytest.approx(
        -np.logaddexp(0, -margin).sum(), rel=1e-13
    )
    far = ArrayRows(np.ones((2, 1)), np.ones(2))
    assert total_log_likelihood(far, np.array([40.0])) == pytest.approx(-2 * np.exp(-40), rel=1e-14)


def test_score_and_information_are_the_derivatives():
    X, y = simulated(50, 3, seed=3)
    weights = np.random.default_rng(4).integers(1, 9, size=50)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    beta, h = np.array([0.3, -0.2, 0.5]), 1e-5 * np.eye(3)
    score = [(model.log_likelihood(beta + e) - model.log_likelihood(beta - e)) / 2e-5 for e in h]
    hessian = [(model.score(beta + e) - model.score(beta - e)) / 2e-5 for e in h]
    assert model.score(beta) == pytest.approx(score, rel=1e-7)
    assert -np.array(hessian) == pytest.approx(model.information(beta), rel=1e-7)


def test_blocks_cover_every_row_once_and_factors_stack():
    X, y = simulated(3 * BLOCK_ROWS + 5, 4, seed=5)
    rows = ArrayRows(X, y)
    assert rows.reduce(lambda block: len(block.sign)) == len(y)
    assert np.array_equal(np.concatenate([block.design for block in rows.blocks()]), X)
    factor = rows.reduce(triangular_factor, stack_factors)
    assert 4 * factor.T @ factor == pytest.approx(X.T @ X, rel=1e-12, abs=1e-9)


def test_odds_and_slope_are_the_sums_of_what_was_not_observed():
    margin = np.array([-800.0, -30.0, -1.0, 0.0, 2.0, 40.0, 750.0])
    sign, weights = np.array([1.0, -1, 1, 1, -1, 1, -1]), np.arange(1.0, 8.0)
    block = Block((sign * margin)[:, None], sign, None, weights)
    inside = block.select(slice(1, None))  # without the row whose odds overflow
    found = moments(inside, np.ones(1))
    with mpmath.workdps(40):
        odds = [w * mpmath.exp(-m) for w, m in zip(weights.tolist(), margin.tolist(), strict=True)]
        slope = [o / (1 + mpmath.exp(-m)) for o, m in zip(odds, margin.tolist(), strict=True)]
    assert found.odds == pytest.approx(float(sum(odds[1:])), rel=1e-14)
    assert found.slope == pytest.approx(float(sum(slope[1:])), rel=1e-14)
    assert moments(block, np.ones(1)).odds == np.inf
    assert moments(block, np.ones(1)).slope == pytest.approx(float(sum(slope)), rel=1e-14)


def test_odds_that_overflow_once_they_are_weighted_are_infinite():
    """``exp(705)`` is a number, and 1000 times as much is none."""
    model = BernoulliLogistic.from_arrays(
        [[1.0], [1.0]], [0, 1], offset=[705.0, 0.0], frequency_weights=[1000, 1]
    )
    found = moments(next(model.rows.blocks()), np.zeros(1))
    assert found.odds == np.inf
    assert found.slope == pytest.approx(1000.5)


@pytest.mark.parametrize("weighted", [False, True])
def test_heights_and_scores_are_those_of_each_alone(weighted):
    X, y = simulated(BLOCK_ROWS + 700, 3, seed=1)
    weights = np.random.default_rng(2).integers(1, 5, size=len(y)) if weighted else None
    offset = np.linspace(-2, 2, len(y))
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights, offset=offset)
    betas = np.random.default_rng(3).normal(size=(70, 3)) * np.logspace(-2, 3, 70)[:, None]
    both = at_each(model.rows, heights_and_scores, betas)
    assert np.array_equal(both[:, 0], at_each(model.rows, log_likelihoods, betas))
    exact = at_each(model.rows, scores, betas)
    assert both[:, 1:] == pytest.approx(exact, rel=1e-12, abs=1e-11 * np.abs(exact).max())


def test_rows_in_files_are_read_once_for_any_number_of_coefficients(tmp_path, monkeypatch):
    model = PLACES["Parquet"](shoppers(900), tmp_path, FORMULA, **ROLES)
    memory = PLACES["memory"](shoppers(900), None, FORMULA, **ROLES)
    betas = np.random.default_rng(3).normal(size=(300, model.n_parameters)) / 10
    passes = []
    reduce = type(model.rows)._over_frames
    monkeypatch.setattr(
        type(model.rows), "_over_frames", lambda *args: passes.append(1) or reduce(*args)
    )
    told = []
    found = at_each(as_held(model.rows), heights_and_scores, betas, told.append)
    assert len(passes) == 1
    assert sum(told) == 300
    assert found == pytest.approx(
        at_each(as_held(memory.rows), heights_and_scores, betas), rel=1e-10
    )


def test_moments_at_several_places_are_those_at_each(tmp_path, monkeypatch):
    rows = PLACES["Parquet"](shoppers(600), tmp_path, FORMULA, **ROLES).rows
    places = np.random.default_rng(1).normal(size=(5, rows.n_columns)) / 10
    before = rows.passes.number
    monkeypatch.setattr(likelihood, "MOST_MATRICES", 2 * rows.n_columns**2)
    found = moments_at_each(rows, places)
    assert rows.passes.number - before == 3
    for place, sums in zip(places, found, strict=True):
        expected = rows.reduce(lambda block, place=place: moments(block, place))
        assert sums.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
        assert sums.score == pytest.approx(expected.score, rel=1e-9, abs=1e-9)
        assert sums.information == pytest.approx(expected.information, rel=1e-9, abs=1e-9)
    assert moments_at_each(rows, []) == []


def test_the_deviance_of_counts_keeps_its_digits_near_saturation_and_in_both_tails():
    rng = np.random.default_rng(1)
    s = np.append([0.0, 7, 5, 10**6, 10**6, 1, 999], rng.integers(0, 50, 30))
    f = np.append([7.0, 0, 5, 10**6, 10**6, 10**9, 1], rng.integers(1, 50, 30))
    eta = np.append([-1, 2, 0, 1e-7, 1e-3, -19, 30.0], rng.normal(size=30))
    near = np.array([1e-9, 1e-5, 1e-3, 0.01, 0.1])
    eta[-5:] = np.log((s[-5:] + 0.1) / f[-5:]) + near
    found = deviance_of_counts(s, f, eta)
    with mpmath.workdps(60):
        for i, value in enumerate(found):
            p = 1 / (1 + mpmath.exp(-mpmath.mpf(eta[i])))
            n, total = mpmath.mpf(s[i] + f[i]), mpmath.mpf(0)
            for count, chance in ((s[i], p), (f[i], 1 - p)):
                if count:
                    total += 2 * count * mpmath.log(count / (n * chance))
            # eta is what it is, but p has the rounding of exp: delta has it times n p
            rounding = 8e-16 * mpmath.sqrt(n * p * (1 - p)) * mpmath.sqrt(total) + 1e-13 * total
            assert abs(value - total) <= rounding + mpmath.mpf(10) ** -25
