import numpy as np

from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.models import BernoulliLogistic, Posterior, fit_newton, sample_independence


def test_a_laplace_approximation_is_told_whether_or_not_it_states_a_density(frame):
    model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame[:50])
    fit, rng = fit_newton(model), np.random.default_rng(1)
    draws = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, 1000))
    own = model.log_likelihood(draws.reshape(-1, 4))
    theirs = own + 1e-9 * rng.normal(size=own.shape)  # another program's sum
    for density in (None, theirs):
        found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
        assert not found.passed
        assert found.cause == "normal approximation"
        assert "Laplace" in found.verdict
        assert not found.certain


def test_mean_field_draws_are_told(frame):
    model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame[:50])
    mean = sample_independence(model, seed=1, progress=False).draws.mean(axis=(0, 1))
    sd = 1 / np.sqrt(np.diag(model.information(mean)))
    draws = mean + sd * np.random.default_rng(1).normal(size=(1, 4000, 4))
    found = judge_draws(model, Posterior.from_draws(model, draws))
    assert found.cause == "normal approximation"
    assert "mean-field" in found.verdict
    assert "their variance is" in found.verdict
    assert "by NUTS" in found.cure
