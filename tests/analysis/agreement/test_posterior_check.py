from dataclasses import replace

import numpy as np
import pytest
from problems import CASES, as_posterior, draws_from, simulated
from scipy.special import digamma

from flatprior.analysis import check_posterior, compare_routes
from flatprior.analysis.monte_carlo import predicted_mean_shift
from flatprior.models import (
    BernoulliLogistic,
    Posterior,
    certify,
    fit_newton,
    sample_independence,
    sample_nuts,
)
from flatprior.models.covariance.whitening import whitening
from flatprior.models.routes import pymc_routes


@pytest.mark.parametrize("seed", range(5))
def test_correct_draws_pass(spector, seed):
    # false-alarm rate 1e-3 a seed, fixed seeds
    model, fit = spector
    check = check_posterior(model, draws_from(model, model.log_likelihood, fit, seed=seed), fit)
    assert check.passed, check.failures
    assert check.trace == pytest.approx(-4, abs=0.5)


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
    check = check_posterior(model, sample_nuts(model, seed=1, progress=False, cores=1), fit)
    assert any("mean score" in failure for failure in check.failures)
    assert any("mode of the draws" in failure for failure in check.failures)


@pytest.mark.slow  # in short: a prior slipped in, and draws at another temperature, are caught
def test_a_temperature_slipped_into_the_nuts_route_is_caught(spector, monkeypatch):
    model, fit = spector
    add_to_flat_model(monkeypatch, lambda pm, _, log_likelihood: (1 / 1.1 - 1) * log_likelihood)
    check = check_posterior(model, sample_nuts(model, seed=1, progress=False, cores=1), fit)
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


def test_a_draw_above_the_maximum_betrays_a_wrong_mle():
    model = CASES["hl_chdage55"].model
    fit = fit_newton(model)
    # so near that it has a bound: further away it would not be used at all
    step = 0.25 * whitening(model.rows, fit.coefficients)[:, 0]
    moved = replace(fit, coefficients=fit.coefficients + step)
    assert 0.2 < certify(model, moved.coefficients).error_bound < np.inf
    posterior = draws_from(model, model.log_likelihood, fit, seed=5)
    check = check_posterior(model, posterior, moved)
    assert any("above the maximum" in failure for failure in check.failures)


def test_a_wrong_mle_is_not_used_whatever_it_states(spector):
    model, fit = spector
    wrong = replace(fit, coefficients=fit.coefficients + 0.5 * fit.standard_errors)
    wrong = replace(wrong, log_likelihood=model.log_likelihood(wrong.coefficients))
    posterior = draws_from(model, model.log_likelihood, fit, seed=5)
    expected, found = (check_posterior(model, posterior, mle) for mle in (fit, wrong))
    assert found.passed
    assert found.mode_distance == pytest.approx(expected.mode_distance, rel=1e-9)
    assert found.highest_draw == pytest.approx(expected.highest_draw, rel=1e-9)


def test_the_predicted_shift_is_the_closed_forms_for_large_counts():
    # one group of a ones and c zeros: E[beta] = psi(a) - psi(c), exactly
    a, c = 400, 100
    model = BernoulliLogistic.from_arrays([1.0, 1.0], [1, 0], frequency_weights=[a, c])
    exact = digamma(a) - digamma(c) - np.log(a / c)
    assert predicted_mean_shift(model, fit_newton(model))[0] == pytest.approx(exact, rel=0.02)


def test_unusable_draws_are_refused_in_words(spector):
    model, _ = spector
    rng = np.random.default_rng(7)
    few = as_posterior(model, rng.normal(size=(1, 20, 4)), rng.normal(size=(1, 20)))
    with pytest.raises(ValueError, match="too few"):
        check_posterior(model, few)
    with pytest.raises(ValueError, match="the draws are of"):
        check_posterior(CASES["smarket"].model, few)
    with pytest.raises(ValueError, match="false_alarm"):
        check_posterior(model, few, false_alarm=0.0)


def test_two_samplers_that_share_no_code_agree(spector):
    model, fit = spector
    nuts, independence = (
        sample(model, seed=1, progress=False) for sample in (sample_nuts, sample_independence)
    )
    check = check_posterior(model, independence, fit, other=nuts)
    assert check.passed, check.failures
    assert check.other == "nuts"
    assert check.agreement_p > check.threshold == check.false_alarm / 5
    assert [claim.statement for claim in check.claims] == [
        "every chain moves",
        "no draws are copies of others",
        "R-hat is no larger than chance makes it",
        "the chains have one mean and one spread",
        "the draws are enough to judge mixing: 100 effective ones",
        "the mean score is 0",
        "the mean of (beta - MLE)'score is -4",
        "means and spread are those of the draws of nuts",
        "the density that was sampled is the likelihood",
        "no draw is more likely than the MLE",
        "the mode of the draws is the MLE",
    ]


def test_the_facts_are_plain_and_complete(spector):
    model, fit = spector
    draws = sample_independence(model, seed=3, progress=False)
    facts = check_posterior(model, draws, fit, other=draws).to_dict()
    assert facts["diagnostics"]["acceptance"] > 0.5
    assert facts["threshold"] == pytest.approx(1e-3 / 5)
    assert facts["agreement_p"] == 1.0
    assert facts["passed"] is True


def test_a_mode_that_the_draws_do_not_tell_decides_nothing():
    # nine rows, three coefficients: the log-density is no polynomial, and the stated error says so
    A = np.array(
        [[1, -823.618, 8.2, 1], [1, -34.431, -1.468, 1], [1, 960.08, -14.811, 0],
         [1, 1040.749, -8.44, 0], [1, -384.732, 23.489, 0], [1, 1249.555, -2.305, 0],
         [1, 1741.966, 6.19, 0], [1, -1035.95, 11.801, 0]]
    )  # fmt: skip
    model = BernoulliLogistic.from_arrays(A[:, :3], A[:, 3])
    fit = fit_newton(model)
    for seed in range(20):
        draws = sample_independence(model, seed=seed, progress=False)
        check = check_posterior(model, draws, fit)
        assert check.claims[-1].holds, (seed, check.mode_distance, check.mode_error)


def test_an_mle_without_a_certificate_is_not_trusted(spector):
    model, fit = spector
    draws = sample_independence(model, seed=3, progress=False)
    wrong = fit_newton(CASES["spector"].model)
    object.__setattr__(wrong, "certificate", fit.certificate.refused(4))
    object.__setattr__(wrong, "coefficients", fit.coefficients + fit.standard_errors)
    check = check_posterior(model, draws, wrong)
    assert check.passed
    assert np.isfinite(check.mode_error)


def test_an_mle_that_is_only_bounded_is_not_used():
    X, y = simulated(5000, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    step = 2 * whitening(model.rows, fit.coefficients)[:, 0]
    far = replace(fit, coefficients=fit.coefficients + step)
    assert 1 < certify(model, far.coefficients).error_bound < np.inf
    draws = sample_independence(model, seed=2, progress=False)
    expected, found = (check_posterior(model, draws, mle) for mle in (fit, far))
    assert found.passed
    assert found.shift == pytest.approx(expected.shift, rel=1e-9)


def test_draws_without_a_name_are_not_called_external(spector):
    model, fit = spector
    draws = Posterior.from_draws(model, sample_independence(model, seed=1, progress=False).draws)
    check = check_posterior(model, draws, fit)
    wrong = Posterior.from_draws(model, -draws.draws)
    for said in (
        str(check),
        compare_routes(model, fit, draws).message,
        compare_routes(model, fit, wrong).message,
    ):
        assert "of external" not in said
        assert "hese draws" in said or "These 4000 draws" in said
