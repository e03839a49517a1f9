import numpy as np
import pytest
from problems import as_posterior, draws_from

from flatprior.analysis import check_posterior
from flatprior.analysis.agreement.sampled_density import rounding_of
from flatprior.models import sample_independence


def test_a_density_that_is_hardly_another_is_seen(spector):
    # a prior of sd 1000 moves no test of 4,000 draws, but the sampler's own density betrays it
    model, fit = spector

    def with_prior(beta):
        return model.log_likelihood(beta) - (beta**2).sum(axis=1) / (2 * 1000**2)

    check = check_posterior(model, draws_from(model, with_prior, fit, seed=1), fit)
    assert len(check.failures) == 1
    assert "the density that was sampled is not the likelihood" in check.failures[0]
    assert 1e-6 < check.density_error < 1e-2


def test_a_constant_in_the_density_means_nothing(spector):
    model, fit = spector
    posterior = draws_from(model, model.log_likelihood, fit, seed=1)
    moved = as_posterior(model, posterior.draws, posterior.log_density + 1e3)
    assert check_posterior(model, moved, fit).passed


def test_rounding_of_coefficients_moves_a_log_density_by_the_slope_there(spector):
    model, fit = spector
    draws = draws_from(model, model.log_likelihood, fit, seed=1, shape=(4, 250))
    few = as_posterior(model, draws.draws.round(3), draws.log_density)
    score = model.score(few.draws.reshape(-1, 4))
    assert rounding_of(few, score) == pytest.approx(5e-4 * np.abs(score).sum(axis=1).max())
    both = as_posterior(model, draws.draws.round(3), draws.log_density.round(2))
    assert rounding_of(both, score) == pytest.approx(5e-3 + 5e-4 * np.abs(score).sum(axis=1).max())
    assert rounding_of(draws, score) == 0


def test_a_density_that_few_rows_make_equal_by_chance_is_not_the_models_own(spector):
    model, fit = spector
    right = sample_independence(model, 300, seed=1, progress=False)
    lp = right.log_density.copy()
    assert check_posterior(model, right, fit).density_source == "the model's own"
    # as of another program: at one draw in eleven the sum ends a unit of the last digit elsewhere
    lp[:, ::11] = np.nextafter(lp[:, ::11], 0)
    check = check_posterior(model, as_posterior(model, right.draws, lp), fit)
    assert check.density_source == "stated"
    assert check.passed
    assert not any("to the last bit" in said for said in check.scope)
