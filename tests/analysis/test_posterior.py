import numpy as np
import pytest
from problems import CASES, OVERLAPPING, as_posterior, draws_from, ids, simulated
from scipy.special import digamma, expit
from scipy.stats import kstest

from flatprior.analysis import check_posterior, posterior_mode
from flatprior.analysis.posterior import exact_identities, predicted_mean_shift
from flatprior.models import BernoulliLogistic, fit_newton, pymc_routes, sample_nuts

# the line: within 0.01 standard errors where n >= 200 and k <= 9, else within 0.1
# (default_full_raw samples for 40 s on PyMC 5: benchmarks/accuracy.py has it)
UNWEIGHTED = [
    case for case in OVERLAPPING if case.weights is None and case.id != "default_full_raw"
]


@pytest.fixture(scope="module")
def spector():
    model = CASES["spector"].model
    return model, fit_newton(model)


@pytest.mark.parametrize("case", UNWEIGHTED, ids=ids)
def test_the_mode_of_nuts_draws_alone_is_the_mle(case):
    # a fixed seed; the stated error is 3 times what varies, no rate is claimed for it
    fit = fit_newton(case.model)
    mode = posterior_mode(sample_nuts(case.model, seed=1, progress=False))
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


@pytest.mark.parametrize("seed", range(5))
def test_correct_draws_pass(spector, seed):
    # false-alarm rate 1e-3 a seed, fixed seeds
    model, fit = spector
    check = check_posterior(model, draws_from(model, model.log_likelihood, fit, seed=seed), fit)
    assert check.passed, check.failures
    assert check.trace == pytest.approx(-4, abs=0.5)


def test_p_values_of_correct_draws_are_uniform():
    # 200 data sets, Kolmogorov-Smirnov at a false-alarm rate of 1e-4 each
    p_values = []
    for seed in range(200):
        X, y = simulated(40, 3, seed=seed)
        model = BernoulliLogistic.from_arrays(X, y)
        fit = fit_newton(model)
        posterior = draws_from(model, model.log_likelihood, fit, seed=seed, shape=(4, 225))
        identities = exact_identities(model, posterior.draws, fit)
        p_values.append((identities.score_p, identities.trace_p))
    for column in np.transpose(p_values):
        assert kstest(column, "uniform").pvalue > 1e-4


def add_to_flat_model(monkeypatch, term):
    """Let `sample_nuts` sample PyMC's own model plus ``term(pm, beta, log_likelihood)``."""
    original = pymc_routes.flat_model

    def changed(model, transform):
        import pymc as pm

        graph = original(model, transform)
        with graph:
            beta = pm.math.dot(transform, graph["z"])
            pm.Potential("fault", term(pm, beta, pm.logp(graph["y"], graph["observed"]).sum()))
        return graph

    monkeypatch.setattr(pymc_routes, "flat_model", changed)


def test_a_prior_slipped_into_the_nuts_route_is_caught(spector, monkeypatch):
    model, fit = spector
    add_to_flat_model(
        monkeypatch, lambda pm, beta, _: pm.logp(pm.Normal.dist(0.0, 2.5), beta).sum()
    )
    check = check_posterior(model, sample_nuts(model, seed=1, progress=False), fit)
    assert any("mean score" in failure for failure in check.failures)
    assert any("mode of the draws" in failure for failure in check.failures)


def test_a_temperature_slipped_into_the_nuts_route_is_caught(spector, monkeypatch):
    model, fit = spector
    add_to_flat_model(monkeypatch, lambda pm, _, log_likelihood: (1 / 1.1 - 1) * log_likelihood)
    check = check_posterior(model, sample_nuts(model, seed=1, progress=False), fit)
    assert any("(beta - MLE)'score" in failure for failure in check.failures)


@pytest.mark.parametrize("seed", range(5))
def test_a_normal_prior_is_caught(spector, seed):
    model, fit = spector

    def with_prior(beta):
        return model.log_likelihood(beta) - (beta**2).sum(axis=1) / (2 * 2.5**2)

    check = check_posterior(model, draws_from(model, with_prior, fit, seed=seed), fit)
    assert any("mean score" in failure for failure in check.failures)
    assert any("mode of the draws" in failure for failure in check.failures)


@pytest.mark.parametrize("seed", range(5))
def test_laplace_draws_posing_as_posterior_draws_are_caught(spector, seed):
    model, fit = spector
    rng = np.random.default_rng(seed)
    beta = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, 1000))
    # with the true log-density, so that only the exact identities can tell
    lp = model.log_likelihood(beta.reshape(-1, 4)).reshape(4, 1000)
    check = check_posterior(model, as_posterior(model, beta, lp), fit)
    assert any("mean score" in failure or "(beta - MLE)" in failure for failure in check.failures)


@pytest.mark.parametrize("seed", range(5))
def test_draws_at_temperature_1_1_are_caught(spector, seed):
    model, fit = spector
    hot = draws_from(model, lambda beta: model.log_likelihood(beta) / 1.1, fit, seed=seed)
    check = check_posterior(model, hot, fit)
    assert any("(beta - MLE)'score" in failure for failure in check.failures)
    # their mode is the right one: it is the trace test that sees the temperature
    assert check.mode_distance < check.mode_error


def test_draws_of_other_data_are_caught(spector):
    model, fit = spector
    case = CASES["spector"]
    flipped = case.response.copy()
    flipped[3] = 1 - flipped[3]
    other = BernoulliLogistic.from_arrays(case.frame, flipped)
    posterior = draws_from(other, other.log_likelihood, fit_newton(other), seed=4)
    assert not check_posterior(model, posterior, fit).passed


def test_a_draw_above_the_maximum_betrays_a_wrong_mle(spector):
    model, fit = spector
    wrong = fit_newton(CASES["spector"].model)
    object.__setattr__(wrong, "coefficients", fit.coefficients + 0.5 * fit.standard_errors)
    object.__setattr__(wrong, "log_likelihood", model.log_likelihood(wrong.coefficients))
    posterior = draws_from(model, model.log_likelihood, fit, seed=5)
    check = check_posterior(model, posterior, wrong)
    assert any("above the maximum" in failure for failure in check.failures)


def test_the_predicted_shift_is_the_closed_forms_for_large_counts():
    # one group of a ones and c zeros: E[beta] = psi(a) - psi(c), exactly
    a, c = 400, 100
    model = BernoulliLogistic.from_arrays([1.0, 1.0], [1, 0], frequency_weights=[a, c])
    exact = digamma(a) - digamma(c) - np.log(a / c)
    assert predicted_mean_shift(model, fit_newton(model))[0] == pytest.approx(exact, rel=0.02)


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


def test_unusable_draws_are_refused_in_words(spector):
    model, _ = spector
    rng = np.random.default_rng(7)
    few = as_posterior(model, rng.normal(size=(1, 20, 4)), rng.normal(size=(1, 20)))
    with pytest.raises(ValueError, match="too few"):
        check_posterior(model, few)
    with pytest.raises(ValueError, match="too few to find the mode"):
        posterior_mode(few)
    still = as_posterior(model, np.ones((4, 200, 4)), np.ones((4, 200)))
    with pytest.raises(ValueError, match="all equal"):
        posterior_mode(still)
    with pytest.raises(ValueError, match="the draws are of"):
        check_posterior(CASES["smarket"].model, few)
    with pytest.raises(ValueError, match="false_alarm"):
        check_posterior(model, few, false_alarm=0.0)
