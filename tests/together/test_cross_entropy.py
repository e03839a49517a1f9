"""From likelihood to cross-entropy, every step on weights, offsets and rows on disk."""

import numpy as np
import pytest

from flatprior.analysis import (
    bernoulli_likelihood,
    binary_cross_entropy,
    convexity,
    cross_entropy_terms,
    gradient_descent,
    likelihood_curve,
    product_underflow,
    required_C,
    sklearn_objective,
)
from flatprior.models import BernoulliLogistic, certify, fit_newton, load_spector


@pytest.fixture(scope="module")
def general():
    """Weights, an offset, float32, and the intercept in the middle; and its rows one by one."""
    rng = np.random.default_rng(11)
    X = np.column_stack([rng.normal(size=40), np.ones(40), rng.normal(size=40) * 3])
    X = X.astype(np.float32)
    y, w, o = rng.integers(0, 2, 40), rng.integers(1, 5, 40), rng.normal(size=40)
    grouped = BernoulliLogistic.from_arrays(X, y, offset=o, frequency_weights=w)
    rows = np.repeat(np.arange(40), w)
    single = BernoulliLogistic.from_arrays(X[rows], y[rows], offset=o[rows])
    return grouped, single, rows, np.array([0.3, -0.4, 0.2])


def test_weights_are_repeated_rows_in_every_function(general):
    grouped, single, rows, beta = general
    np.testing.assert_allclose(
        bernoulli_likelihood(grouped, beta)[rows], bernoulli_likelihood(single, beta), rtol=1e-14
    )
    for dtype in ("float64", "float32"):
        one, other = (product_underflow(model, beta, dtype) for model in (grouped, single))
        assert (one.n_factors, one.n_subnormal) == (other.n_factors, other.n_subnormal)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)
    first = int(np.searchsorted(rows, 15))
    grid = np.linspace(-1, 1, 7)
    curve = likelihood_curve(grouped, beta, "x1", grid, rows=15)
    expected = likelihood_curve(single, beta, "x1", grid, rows=first)
    np.testing.assert_allclose(curve, expected, rtol=1e-11)
    one, other = (binary_cross_entropy(model, beta) for model in (grouped, single))
    assert one.mean == pytest.approx(other.mean, rel=1e-13)
    assert one.log_loss == pytest.approx(other.log_loss, rel=1e-13)
    assert one.n_observations == len(rows)
    terms = cross_entropy_terms(grouped, beta)
    np.testing.assert_allclose(terms.to_numpy()[rows], cross_entropy_terms(single, beta).to_numpy())
    assert not np.signbit(terms[["-y log p", "-(1 - y) log(1 - p)"]].to_numpy()).any()
    eta = grouped.design @ beta + grouped.offset
    np.testing.assert_allclose(terms["p"], 1 / (1 + np.exp(-eta)), rtol=1e-12)
    np.testing.assert_allclose(
        convexity(grouped, beta).eigenvalues, convexity(single, beta).eigenvalues, rtol=1e-10
    )
    one, other = (sklearn_objective(model, beta, 0.3) for model in (grouped, single))
    np.testing.assert_allclose(one, other, rtol=1e-13)
    assert one.penalty == pytest.approx((0.3**2 + 0.2**2) / (2 * 0.3 * len(rows)), rel=1e-13)
    fits = fit_newton(grouped), fit_newton(single)
    assert required_C(grouped, fits[0]) == pytest.approx(required_C(single, fits[1]), rel=1e-8)
    one, other = (gradient_descent(model, steps=73) for model in (grouped, single))
    np.testing.assert_allclose(one.path, other.path, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-12)
    assert one.certificate.error_bound == certify(grouped, one.path[-1]).error_bound


def test_an_offset_does_not_change_the_learning_rate_but_the_path(general):
    grouped, _, _, _ = general
    plain = BernoulliLogistic.from_arrays(
        grouped.design, grouped.response, frequency_weights=grouped.frequency_weights
    )
    one, other = (gradient_descent(model, steps=5) for model in (grouped, plain))
    assert one.learning_rate == other.learning_rate
    assert not np.allclose(one.path[-1], other.path[-1])


def test_what_is_a_sum_over_rows_works_with_rows_on_disk(tmp_path):
    load_spector().to_parquet(tmp_path / "spector.parquet")
    formula = "grade ~ gpa + tuce + psi"
    disk = BernoulliLogistic.from_parquet(tmp_path / "spector.parquet", formula)
    memory = BernoulliLogistic.from_formula(formula, load_spector())
    fit, own = fit_newton(disk), fit_newton(memory)
    assert required_C(disk, fit) == pytest.approx(required_C(memory, own), rel=1e-6)
    np.testing.assert_allclose(
        sklearn_objective(disk, fit), sklearn_objective(memory, own), rtol=1e-12
    )
    assert convexity(disk, fit).strict
