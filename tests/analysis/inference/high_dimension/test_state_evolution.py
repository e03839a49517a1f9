import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from flatprior.analysis.inference.high_dimension.state_evolution import (
    fitted,
    of_estimated_intercept,
    of_estimates,
    of_signal,
)
from flatprior.models import BernoulliLogistic, fit_newton

# Zhao, Sur and Candès (2022), table 13, as brglm2's tests state it: kappa 0.2, gamma^2 5
WITH_INTERCEPT = [
    (0.5, 1.51, 4.84, 3.13, 0.76),
    (1.0, 1.56, 5.16, 3.45, 1.559),
    (2.0, 1.83, 7.01, 5.47, 3.68),
    (2.5, 2.31, 10.00, 8.96, 5.8),
]


@pytest.mark.parametrize(
    ("kappa", "gamma", "alpha", "sigma", "lambda_"),
    [
        (0.2, 5**0.5, 1.4994, 4.7436, 3.0269),  # Sur and Candès (2019)
        (0.2, 6**0.5, 1.55, 5.13, 3.42),  # table 13, without an intercept
        (0.2, 9**0.5, 1.75, 6.45, 4.83),
        (0.2, 11.25**0.5, 1.95, 7.73, 6.26),
    ],
)
def test_published_solutions_without_an_intercept(kappa, gamma, alpha, sigma, lambda_):
    found = of_signal(kappa, gamma)
    digits = 5e-5 if gamma**2 < 5.5 else 1e-2  # of the table the last digit is not sure
    assert found.alpha == pytest.approx(alpha, abs=digits)
    assert found.sigma == pytest.approx(sigma, abs=digits)
    assert found.lambda_ == pytest.approx(lambda_, abs=digits)
    assert found.residual < 1e-12


@pytest.mark.parametrize(("theta", "alpha", "sigma", "lambda_", "iota"), WITH_INTERCEPT)
def test_published_solutions_with_an_intercept(theta, alpha, sigma, lambda_, iota):
    found = of_signal(0.2, 5**0.5, theta)
    table = [alpha, sigma, lambda_, iota]
    # the table is itself a numerical solution: nearly separated, it has two digits
    assert [found.alpha, found.sigma, found.lambda_, found.iota] == pytest.approx(table, rel=6e-3)
    assert found.residual < 1e-12


def test_published_solution_from_the_spread_of_fitted_predictors():
    # a test of google-research/sloe-logistic, which states sqrt(kappa) sigma
    found = of_estimates(0.1, 8.881028475794636**0.5)
    states = [found.alpha, found.lambda_, 0.1**0.5 * found.sigma]
    assert states == pytest.approx([1.174, 1.007, 1.086], abs=6e-4)


@pytest.mark.parametrize(
    ("kappa", "gamma", "theta"), [(0.2, 5**0.5, 1.0), (0.1, 1.0, -2.0), (0.3, 0.0, 0.5)]
)
def test_the_equations_hold_in_means_over_draws(kappa, gamma, theta):
    found, n = of_signal(kappa, gamma, theta), 40_000
    rng = np.random.default_rng(3)
    z, w = rng.normal(size=(2, n))
    true = theta + gamma * z
    event = rng.random(n) < expit(true)
    without = found.iota + found.alpha * gamma * z + kappa**0.5 * found.sigma * w
    step = np.array(
        [
            brentq(lambda r, q=q, y=y: r - (y - expit(q + found.lambda_ * r)), -1.0, 1.0)
            for q, y in zip(without, event, strict=True)
        ]
    )
    slope = expit(without + found.lambda_ * step) * expit(-without - found.lambda_ * step)
    terms = [
        (found.lambda_ * step) ** 2 - (kappa * found.sigma) ** 2,
        1 / (1 + found.lambda_ * slope) - (1 - kappa),
        z * step,
        step,
    ]
    for term in terms:  # false alarms in 1 of 4,000 runs for each
        assert abs(term.mean()) < 3.7 * term.std() / n**0.5


def test_it_is_what_fits_converge_to():
    n, k, gamma = 2000, 300, 5**0.5
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, k))
    beta = np.where(np.arange(k) < k // 2, gamma / (k // 2) ** 0.5, 0.0)
    y = rng.random(n) < expit(1.0 + x @ beta)
    fit = fit_newton(BernoulliLogistic.from_arrays(x, y, intercept=True))
    found = of_signal(k / n, gamma, 1.0)
    slopes = fit.coefficients[1:]
    error = found.sigma / n**0.5
    bias = slopes[: k // 2].mean() / beta[0]
    assert abs(bias - found.alpha) < 4 * error / (k // 2) ** 0.5 / beta[0]
    assert slopes[k // 2 :].std() == pytest.approx(error, rel=4 / k**0.5)
    assert fit.coefficients[0] == pytest.approx(found.iota, abs=5 * error)
    # the classical ones are far from these
    assert found.alpha > 1.3
    assert error > 1.15 * fit.standard_errors[1:].mean()


@pytest.mark.parametrize("theta", [None, 0.7])
@pytest.mark.parametrize(("kappa", "gamma"), [(0.001, 1.0), (0.1, 3.0), (0.2, 4.0), (0.4, 0.3)])
def test_what_is_estimated_leads_back_to_what_is_true(kappa, gamma, theta):
    truth = of_signal(kappa, gamma, theta)
    iota = None if theta is None else truth.iota
    for found in (
        of_estimates(kappa, truth.eta, iota),
        of_estimated_intercept(kappa, gamma, iota),
    ):
        assert found.gamma == pytest.approx(gamma, rel=1e-6)
        assert found.theta == pytest.approx(theta or 0.0, abs=1e-7)
        assert found.alpha == pytest.approx(truth.alpha, rel=1e-8)
        assert found.sigma == pytest.approx(truth.sigma, rel=1e-7)


def test_few_coefficients_leave_the_classical_values():
    found = of_signal(1e-6, 1.0, -1.0)
    z, weight = np.polynomial.hermite_e.hermegauss(80)
    information = weight @ (expit(z - 1) * expit(1 - z)) / weight.sum()
    assert found.alpha == pytest.approx(1.0, abs=1e-5)
    assert found.sigma == pytest.approx(information**-0.5, rel=1e-5)
    assert found.likelihood_ratio_factor == pytest.approx(1.0, abs=1e-5)
    assert found.iota == pytest.approx(-1.0, abs=1e-5)


def test_a_response_the_other_way_round_turns_the_intercept():
    one, two = of_signal(0.15, 2.0, 0.8), of_signal(0.15, 2.0, -0.8)
    assert one.iota == pytest.approx(-two.iota, rel=1e-9)
    assert one.alpha == pytest.approx(two.alpha, rel=1e-9)


def test_without_a_signal_the_bias_is_that_of_a_vanishing_one():
    none, little = of_signal(0.2, 0.0), of_signal(0.2, 1e-4)
    assert none.alpha == pytest.approx(little.alpha, rel=1e-7)
    # a spread below that of no signal is that of none
    assert of_estimates(0.2, 0.5 * none.eta) == of_signal(0.2, 0.0)


def test_beyond_the_phase_transition_there_is_no_solution():
    with pytest.raises(ArithmeticError, match="phase transition"):
        of_signal(0.4, 2.0)  # 1.32 is the last


@pytest.mark.parametrize("lambda_", [1e-8, 1.0, 40.0, 1e4])
def test_fitted_predictors_solve_their_equation(lambda_):
    q = np.concatenate([np.linspace(-40, 40, 2001), [-1e4, 1e4]])
    z = fitted(q, lambda_)
    assert np.abs(q + lambda_ * expit(-z) - z).max() < 1e-15 * (lambda_ + 1e4)
    assert (np.diff(z[:2001]) > 0).all()
