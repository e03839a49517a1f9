"""Every point route against every kind of problem."""

import numpy as np
import pytest
from problems import CASES, NO_MLE, OVERLAPPING, exact_table, ids, simulated

from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    certify,
    fit_map,
    fit_newton,
    fit_sklearn,
)

# scikit-learn works on the columns as they are; on these it stops short, and says so
BADLY_SCALED = {"scales_1e-8_1e8", "offset_1e6", "year_quadratic_raw", "exact_k8_s60"}


@pytest.mark.parametrize("case", OVERLAPPING, ids=ids)
def test_every_route_keeps_its_certified_bound(route, case):
    fit = route(case.model)
    error = np.abs(fit.coefficients - case.beta) / fit.standard_errors
    assert fit.certificate.error_bound == np.inf or error.max() <= fit.certificate.error_bound
    if route is fit_sklearn and case.id in BADLY_SCALED:
        assert "scikit-learn warned" in fit.message
        assert not fit.converged
        assert fit.certificate.error_bound > 1e-6
    else:
        assert fit.converged
        # condition 1.6e11 leaves three certain digits, and says so
        assert fit.certificate.error_bound < (0.1 if case.id == "exact_k8_s60" else 1e-6)


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
def test_no_route_returns_numbers_without_an_mle(route, case):
    with pytest.raises(MLEDoesNotExistError):
        route(case.model)


def test_known_answer_by_construction(route):
    rng = np.random.default_rng(1)
    X = rng.integers(-2, 3, size=(12, 3))
    m = np.array([1, -2, 1])
    design, y, weights = exact_table(m, X)
    fit = route(BernoulliLogistic.from_arrays(design, y, frequency_weights=weights))
    assert fit.coefficients == pytest.approx(m * np.log(2), rel=1e-9)


@pytest.fixture(scope="module")
def plain():
    X, y = simulated(120, 3, seed=21)
    return X, y, fit_newton(BernoulliLogistic.from_arrays(X, y))


def test_weights_equal_repetition(route, plain):
    X, y, _ = plain
    weights = np.random.default_rng(2).integers(0, 4, size=len(y))
    weighted = route(BernoulliLogistic.from_arrays(X, y, frequency_weights=weights))
    repeated = route(
        BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    )
    assert weighted.coefficients == pytest.approx(repeated.coefficients, rel=1e-10)
    assert weighted.standard_errors == pytest.approx(repeated.standard_errors, rel=1e-10)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)


def test_scaled_columns_scale_the_coefficients(route, plain):
    X, y, reference = plain
    scale = np.array([1.0, 100.0, 0.01])
    fit = route(BernoulliLogistic.from_arrays(X * scale, y))
    assert fit.coefficients * scale == pytest.approx(reference.coefficients, rel=1e-9)


def test_permuted_rows_change_nothing(route, plain):
    X, y, reference = plain
    order = np.random.default_rng(3).permutation(len(y))
    fit = route(BernoulliLogistic.from_arrays(X[order], y[order]))
    assert fit.coefficients == pytest.approx(reference.coefficients, rel=1e-10)


def test_recombined_columns_recombine_the_coefficients(route, plain):
    X, y, reference = plain
    U = np.array([[1.0, 2, -1], [0, 1, 3], [0, 0, 1]])  # determinant 1
    fit = route(BernoulliLogistic.from_arrays(X @ U, y))
    assert U @ fit.coefficients == pytest.approx(reference.coefficients, rel=1e-9)


def test_a_flipped_response_flips_the_signs(route, plain):
    X, y, reference = plain
    fit = route(BernoulliLogistic.from_arrays(X, 1 - y))
    assert fit.coefficients == pytest.approx(-reference.coefficients, rel=1e-9)


@pytest.mark.parametrize("route", [fit_newton, fit_map])
def test_an_offset_equal_to_the_fit_leaves_nothing(route, plain):
    X, y, reference = plain
    offset = X @ reference.coefficients
    fit = route(BernoulliLogistic.from_arrays(X, y, offset=offset))
    assert fit.coefficients == pytest.approx(np.zeros(3), abs=1e-10)
    assert fit.log_likelihood == pytest.approx(reference.log_likelihood, rel=1e-12)


def test_the_log_likelihood_reported_is_our_own(route, plain):
    X, y, _ = plain
    model = BernoulliLogistic.from_arrays(X, y)
    fit = route(model)
    assert fit.log_likelihood == pytest.approx(model.log_likelihood(fit.coefficients), rel=1e-13)
    again = certify(model, fit.coefficients)
    if route is fit_newton:  # its certificate is made without a pass of its own
        assert fit.certificate.error_bound < 1e-11
        assert again.error_bound < 1e-11
    else:
        assert again.error_bound == fit.certificate.error_bound


def test_find_map_alone_falls_short_and_the_finish_does_not():
    fit = fit_map(CASES["glm2_heart"].model)
    assert fit.before_finish is not None
    assert fit.before_finish.error_bound > 1e-6
    assert fit.certificate.error_bound < 1e-9


def test_statsmodels_agrees_on_an_independent_path():
    import statsmodels.api as sm

    X, y = simulated(500, 4, seed=6)
    theirs = sm.GLM(y, X, family=sm.families.Binomial()).fit(tol=1e-14)
    ours = fit_newton(BernoulliLogistic.from_arrays(X, y))
    assert ours.coefficients == pytest.approx(theirs.params, rel=1e-9)
    assert ours.standard_errors == pytest.approx(theirs.bse, rel=1e-7)
    assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-12)
