import numpy as np
import pytest
from closed_form import Saturated, random_saturated
from problems import CASES, OVERLAPPING, as_posterior, ids, simulated
from scipy.stats import binom, chi2

from flatprior.analysis import posterior_moments
from flatprior.analysis.moments import _Points, control_variates
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence

LARGER = {"lbw_stata", "pima_tr"}  # slow: of 189 and 200 observations, like smaller ones
WITH_MOMENTS = [
    pytest.param(case, marks=[pytest.mark.slow] if case.id in LARGER else [])
    for case in OVERLAPPING
    if case.posterior is not None
]


@pytest.mark.parametrize("case", WITH_MOMENTS, ids=ids)
def test_means_are_those_of_the_references(case):
    mean, sd, reference_error = case.posterior
    draws = 4000 if case.model.n_observations > 500 else 25_000
    posterior = sample_independence(case.model, draws=draws, seed=1, progress=False)
    moments = posterior_moments(case.model, posterior)
    distance = np.abs(moments.mean - mean) / sd
    error = np.hypot(moments.mean_error / sd, reference_error)
    assert (distance < 5 * error).all()
    assert distance.max() < 1e-3
    assert moments.sd == pytest.approx(sd, rel=0.01)
    assert (moments.mean_error < moments.plain_mean_error / 8).all()


SKEWED = [(3, 3, 1, 30), (3, 3, 4, 30)]  # coefficients and counts, from least to most
OF_ALL_KINDS = [(2, 5, 1, 3), (2, 5, 1, 30), (2, 5, 4, 30), (2, 5, 30, 300)]
EACH = 60  # designs


def exact_draws(design, draws, seed):
    """Independent draws in 4 chains: logarithms of ratios of gamma variables, mapped."""
    rng = np.random.default_rng([seed, 5])
    size = (4, draws, len(design.ones))
    logits = np.log(rng.gamma(design.ones, size=size) / rng.gamma(design.zeros, size=size))
    return as_posterior(design.model, logits @ np.linalg.inv(design.patterns).T, np.zeros(size[:2]))


def mcmc_draws(design, draws, seed):
    return sample_independence(design.model, draws, seed=seed + 2000, progress=False)


@pytest.mark.parametrize(
    ("sample", "draws", "problems"),
    [
        pytest.param(mcmc_draws, 100, SKEWED, id="few of MCMC, skewed"),
        # slow: like the first
        pytest.param(mcmc_draws, 1000, OF_ALL_KINDS, id="MCMC", marks=pytest.mark.slow),
        pytest.param(exact_draws, 1000, OF_ALL_KINDS, id="exact", marks=pytest.mark.slow),
    ],
)
def test_stated_errors_are_honest(sample, draws, problems):
    # z-scores of n designs, whose posteriors are independent. The mean square of a design's
    # z-scores has at most the variance of one of them, and 0.999 of the mass of chi-squared with n
    # degrees of freedom, over n, is between the limits; likewise the share beyond 1.96, by the
    # binomial. Of four kinds of numbers, one set of seeds in 125 would be outside, were z-scores
    # normal. (Of the first, the roots were 1.43 for means and 1.30 for sds, and 15 % and 12 % were
    # beyond, when each draw was used only where it was.)
    z = [[], [], [], []]
    for number, (fewest, largest, least, most) in enumerate(problems):
        for seed in range(EACH):
            rng = np.random.default_rng(seed)
            k = int(rng.integers(fewest, largest + 1))
            design = random_saturated(rng, k, least, most)
            posterior = sample(design, draws, EACH * number + seed)
            moments = posterior_moments(design.model, posterior)
            sd = np.sqrt(np.diag(design.covariance))
            for own, value, truth, error in (
                (z[0], moments.mean, design.mean, moments.mean_error),
                (z[1], moments.sd, sd, moments.sd_error),
                (z[2], moments.plain_mean, design.mean, moments.plain_mean_error),
                (z[3], moments.plain_sd, sd, moments.plain_sd_error),
            ):
                own.append((value - truth) / error)
    square = np.array([[np.mean(each**2) for each in own] for own in z]).mean(axis=1)
    beyond = np.array([[np.mean(np.abs(each) > 1.96) for each in own] for own in z]).mean(axis=1)
    n = EACH * len(problems)
    least, most = chi2.ppf([0.0005, 0.9995], n) / n
    assert ((square > least) & (square < most)).all(), np.sqrt(square)
    assert (beyond < binom.ppf(0.9995, n, 0.05) / n).all(), beyond


def test_twins_of_draws_make_a_sample_of_the_same_posterior():
    design = Saturated(np.array([[1.0, 0.3], [1, -1]]), np.array([1, 4]), np.array([9, 30]))
    mle, draws = fit_newton(design.model), exact_draws(design, 1000, 1)
    points = _Points.of(design.model, mle, draws.draws)
    weight = points.weight.reshape(2, -1) / 2
    assert ((weight >= 0) & (weight <= 1)).all()
    beta = mle.coefficients + mle.standard_errors * points.standard.reshape(2, -1, 2)
    away = beta - design.mean
    for power, exact in ((0, np.ones(2)), (1, np.zeros(2)), (2, np.diag(design.covariance))):
        values = (weight[..., None] * away**power).sum(axis=0)
        error = values.std(axis=0) / np.sqrt(len(values))
        assert (np.abs(values.mean(axis=0) - exact) < 4 * error).all()
    # far out, where one draw in a thousand is, there are several times as many points
    far = np.abs(away[..., 0]) > np.quantile(np.abs(away[0, :, 0]), 0.999)
    assert far.sum() > 20 * far[0].sum()


def test_the_third_order_is_used_only_where_little_is_left_to_the_tails():
    skewed = Saturated(np.eye(3), np.full(3, 1), np.full(3, 50))
    plain = Saturated(np.eye(3), np.full(3, 40), np.full(3, 50))
    degrees = [
        posterior_moments(
            design.model, sample_independence(design.model, seed=1, progress=False)
        ).degree
        for design in (skewed, plain)
    ]
    assert degrees == [2, 3]


def test_control_variates_average_to_zero_where_integrals_are_known():
    # standard normal draws have score -z: E[Delta P - grad P'z] = 0 for every polynomial
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    z = np.array(np.meshgrid(nodes, nodes, nodes)).reshape(3, -1).T
    weight = np.prod(np.meshgrid(weights, weights, weights), axis=0).ravel()
    for degree, count in ((1, 3), (2, 9), (3, 19)):
        variates = control_variates(z, -z, degree)
        assert variates.shape[1] == count
        assert weight @ variates / weight.sum() == pytest.approx(np.zeros(count), abs=1e-12)


def test_on_a_normal_posterior_means_and_covariances_are_exact():
    # score linear in the draws: the control variates are the moments themselves
    rng = np.random.default_rng(2)
    X, y = simulated(2 * 10**5, 3, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    draws = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, 100))
    posterior = as_posterior(model, draws, np.zeros((4, 100)))
    moments = posterior_moments(model, posterior, fit)
    assert (moments.mean_error < 1e-3 * moments.plain_mean_error).all()
    assert moments.covariance == pytest.approx(fit.covariance, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(("k", "draws", "degree"), [(2, 1000, 3), (9, 200, 2), (9, 40, 1)])
def test_the_degree_follows_the_number_of_draws(k, draws, degree):
    X, y = simulated(2000, k, seed=4)
    model = BernoulliLogistic.from_arrays(X, y)
    posterior = sample_independence(model, draws=draws, seed=5, progress=False)
    moments = posterior_moments(model, posterior)
    assert moments.degree == degree
    assert moments.n_draws == 4 * draws
    assert list(moments.table().index) == list(model.names)


@pytest.mark.parametrize(
    ("chains", "draws"), [(1, 2000), (2, 2000), (8, 2000), (2, 25), (3, 20), (50, 20), (12, 100)]
)
def test_any_number_of_chains_will_do(chains, draws):
    design = Saturated(np.eye(2), np.array([9, 14]), np.array([21, 16]))
    posterior = sample_independence(design.model, draws, chains, seed=6, progress=False)
    moments = posterior_moments(design.model, posterior)
    assert (np.abs(moments.mean - design.mean) < 6 * moments.mean_error).all()
    assert (moments.mean_error < moments.plain_mean_error / 5).all()
    assert moments.plain_mean == pytest.approx(posterior.draws.mean(axis=(0, 1)), rel=1e-9)
    assert moments.plain_sd == pytest.approx(posterior.draws.std(axis=(0, 1), ddof=1), rel=1e-9)


def test_nearly_collinear_columns_are_no_obstacle():
    X, y = simulated(100, 3, seed=7)
    U = np.eye(3)
    U[1, 2], U[2, 2] = 1, 1e-8
    model = BernoulliLogistic.from_arrays(X @ U, y)
    moments = posterior_moments(model, sample_independence(model, seed=1, progress=False))
    assert (moments.mean_error < 1e-2 * moments.sd).all()


def test_scaled_and_combined_columns_change_nothing():
    X, y = simulated(100, 3, seed=7)
    U = np.array([[1.0, 2e3, -1], [0, 1e3, 3], [0, 0, 1]])
    plain, other = BernoulliLogistic.from_arrays(X, y), BernoulliLogistic.from_arrays(X @ U, y)
    posterior = sample_independence(plain, seed=8, progress=False)
    mapped = as_posterior(
        other, np.linalg.solve(U, posterior.draws[..., None])[..., 0], posterior.log_density
    )
    first, second = posterior_moments(plain, posterior), posterior_moments(other, mapped)
    assert U @ second.mean == pytest.approx(first.mean, rel=1e-9)
    assert U @ second.covariance @ U.T == pytest.approx(first.covariance, rel=1e-7, abs=1e-9)


def test_unusable_draws_are_refused_in_words():
    model = CASES["spector"].model
    few = sample_independence(model, draws=10, chains=1, seed=9, progress=False)
    with pytest.raises(ValueError, match="10 draws are too few for the moments of 4 coefficients"):
        posterior_moments(model, few)
    with pytest.raises(ValueError, match="the draws are of"):
        posterior_moments(CASES["vaso"].model, few)
    case = CASES["spector"]
    other = BernoulliLogistic.from_arrays(case.frame, 1 - case.response)
    draws = sample_independence(model, seed=9, progress=False)
    with pytest.raises(ValueError, match="the data are not those of the draws"):
        posterior_moments(other, draws)
    stuck = as_posterior(model, np.full((4, 500, 4), 0.3), np.zeros((4, 500)))
    with pytest.raises(ValueError, match="stuck"):
        posterior_moments(model, stuck)
    holed = draws.draws.copy()
    holed[2, 5, 0] = np.nan
    with pytest.raises(ValueError, match="1 of the draws of nuts are not finite"):
        posterior_moments(model, as_posterior(model, holed, draws.log_density))
