import numpy as np
import pytest
from problems import CASES, OVERLAPPING, as_posterior, ids
from scipy.special import digamma, expit

from flatprior.analysis import check_posterior, posterior_mode
from flatprior.analysis.agreement.mode import _polynomial_mode
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence, sample_nuts

# the line: within 0.01 standard errors where n >= 200 and k <= 9, else within 0.1
# (default_full_raw samples for 40 s on PyMC 5: benchmarks/accuracy.py has it)
LARGER = {"smarket", "pima_tr", "year_quadratic_raw"}  # slow: they sample for 4 s each
UNWEIGHTED = [
    pytest.param(case, marks=[pytest.mark.slow] if case.id in LARGER else [])
    for case in OVERLAPPING
    if case.weights is None and case.id != "default_full_raw"
]


@pytest.mark.parametrize("case", UNWEIGHTED, ids=ids)
def test_the_mode_of_nuts_draws_alone_is_the_mle(case):
    # a fixed seed; the stated error is 3 times what varies, no rate is claimed for it
    fit = fit_newton(case.model)
    mode = posterior_mode(sample_nuts(case.model, seed=1, progress=False, cores=1))
    distance = np.abs(mode.coefficients - case.beta)
    limit = 0.01 if case.model.n_rows >= 200 else 0.1
    assert (distance / fit.standard_errors).max() < limit
    assert (distance <= mode.stated_error).all()
    assert mode.route == "draws"
    assert mode.certificate.error_bound == np.inf


@pytest.mark.parametrize(("chains", "n"), [(1, 1000), (4, 200)])
def test_the_stated_error_of_the_mode_holds_on_exact_draws(chains, n):
    a, c = np.array([8, 5, 12]), np.array([6, 9, 4])
    for seed in range(20):
        p = np.random.default_rng(seed).beta(a, c, size=(chains, n, 3))
        lp = (a * np.log(p) + c * np.log1p(-p)).sum(axis=2)
        design = np.repeat(np.eye(3), 2, axis=0)
        model = BernoulliLogistic.from_arrays(
            design, [1, 0] * 3, frequency_weights=np.column_stack([a, c]).ravel()
        )
        mode = posterior_mode(as_posterior(model, np.log(p / (1 - p)), lp))
        assert (np.abs(mode.coefficients - np.log(a / c)) <= mode.stated_error).all(), seed


@pytest.mark.parametrize("case", [case for case in OVERLAPPING if case.condition < 1e6], ids=ids)
def test_the_mode_of_independence_draws_alone_is_the_mle(case):
    fit = fit_newton(case.model)
    mode = posterior_mode(sample_independence(case.model, seed=1, progress=False))
    assert (np.abs(mode.coefficients - case.beta) <= mode.stated_error).all()
    assert (mode.stated_error < 0.4 * fit.standard_errors).all()


def test_mode_and_covariance_from_exact_draws_of_a_table():
    rng = np.random.default_rng(6)
    a, c = np.array([30, 55]), np.array([45, 12])
    p = rng.beta(a, c, size=(4, 1000, 2))
    beta = np.log(p / (1 - p))
    lp = (a * np.log(p) + c * np.log1p(-p)).sum(axis=2)
    design = np.repeat(np.eye(2), 2, axis=0)
    model = BernoulliLogistic.from_arrays(
        design, [1, 0, 1, 0], frequency_weights=np.column_stack([a, c]).ravel()
    )
    mode = posterior_mode(as_posterior(model, beta, lp + 123.0))
    assert (np.abs(mode.coefficients - np.log(a / c)) <= mode.stated_error).all()
    assert mode.stated_error.max() < 1e-3
    peak = expit(np.log(a / c))
    assert mode.covariance == pytest.approx(np.diag(1 / ((a + c) * peak * (1 - peak))), abs=2e-3)
    check = check_posterior(model, as_posterior(model, beta, lp))
    assert check.passed
    exact = (digamma(a) - digamma(c) - np.log(a / c)) / np.sqrt(np.diag(mode.covariance))
    # iid draws of sd about 1 standard error, 5 standard errors of their mean: rate 1e-6
    assert check.shift == pytest.approx(exact, abs=5.5 / np.sqrt(4000))


def test_unusable_draws_are_refused_in_words():
    model = CASES["spector"].model
    rng = np.random.default_rng(7)
    few = as_posterior(model, rng.normal(size=(1, 20, 4)), rng.normal(size=(1, 20)))
    with pytest.raises(ValueError, match="too few to find the mode"):
        posterior_mode(few)
    still = as_posterior(model, np.ones((4, 200, 4)), np.ones((4, 200)))
    with pytest.raises(ValueError, match="all equal"):
        posterior_mode(still)


@pytest.mark.parametrize("exponent", [1.0, 0.5])
def test_the_polynomial_is_the_least_squares_fit_weighted_by_the_density(exponent):
    # a log-density that is no polynomial: what the weights are decides where the mode lies
    z = np.random.default_rng(3).normal(size=400)
    density = 3 * z - 2.5 * np.exp(z)
    weights = np.exp(exponent * (density - density.max()))
    fitted = np.polynomial.Polynomial.fit(z, density, 3, w=np.sqrt(weights)).convert()
    slope = fitted.deriv()
    (best,) = (root.real for root in slope.roots() if slope.deriv()(root.real) < 0)
    mode, hessian, highest = _polynomial_mode(z[:, None], density, 3, exponent)
    assert mode == pytest.approx([best], abs=1e-6)
    assert hessian == pytest.approx(np.array([[slope.deriv()(best)]]), rel=1e-5)
    assert highest == pytest.approx(fitted(best), rel=1e-8)
