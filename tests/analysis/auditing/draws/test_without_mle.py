import numpy as np
import pytest
from prior_draws import flat, independence, normal

from flatprior.analysis.auditing.draws.without_mle import explain_draws
from flatprior.models import BernoulliLogistic, Posterior, check_existence

PRIORS = {
    "normal(0, 2.5) on one, x and z": normal(2.5),
    "Laplace(0, 1) on one, x and z": lambda b: -np.abs(b).sum(axis=-1),
    "normal(0, 10) on one, Cauchy(0, 2.5) on x and z": lambda b: (
        -np.log1p(np.square(b[..., 1:] / 2.5)).sum(axis=-1) - np.square(b[..., 0]) / 200
    ),
}


@pytest.mark.parametrize("said", PRIORS)
def test_where_there_is_no_mle_the_density_says_which_prior_holds_the_draws_up(apart, said):
    model, existence = apart
    draws, lp = independence(model, PRIORS[said], start=np.zeros(3))
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("proper prior", True)
    assert f"under the prior {said}: the data alone do not hold up one, x, z" in found.message
    assert "there is no flat-prior posterior to get" in found.cure
    without = explain_draws(model, Posterior.from_draws(model, draws), existence)
    assert not without.certain
    if "normal(0, 2.5)" in said:
        assert without.cause == "proper prior"
        assert "look like draws from the posterior under the prior normal(0, 2.5" in without.message


def test_where_there_is_no_mle_the_response_may_be_flipped_as_well(apart):
    model, existence = apart
    other = BernoulliLogistic.from_arrays(model.design, 1 - model.response, names=model.names)
    draws, lp = independence(other, normal(1.5), start=np.zeros(3))
    for density in (lp, None):
        posterior = Posterior.from_draws(model, draws, log_density=density)
        found = explain_draws(model, posterior, existence)
        assert (found.cause, found.certain) == ("proper prior", density is not None)
        assert "of the flipped response under the prior normal(0, 1.5" in found.message


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (flat, "under flat priors: of that there is no posterior"),
        (normal(np.array([np.inf, np.inf, 1.0])), "normal(0, 1) on z, which is flat on one, x: of"),
    ],
)
def test_a_prior_that_is_flat_where_the_data_do_not_hold_gives_no_posterior(apart, prior, said):
    model, existence = apart
    draws = np.random.default_rng(2).normal(size=(4, 300, 3)).cumsum(axis=1)
    lp = model.log_likelihood(draws.reshape(-1, 3)).reshape(4, 300) + prior(draws)
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("separation", True)
    assert said in found.message


def test_a_prior_on_what_separates_is_enough_where_the_rest_is_held_up_by_the_data(apart):
    """Flat on z and the intercept, whose own columns have an MLE."""
    model, existence = apart
    draws = np.random.default_rng(2).normal(size=(4, 300, 3))
    lp = model.log_likelihood(draws.reshape(-1, 3)).reshape(4, 300)
    lp = lp + normal(np.array([np.inf, 2.0, np.inf]))(draws)
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("proper prior", True)
    assert "under the prior normal(0, 2) on x" in found.message


def test_dependent_columns_need_a_proper_prior_too():
    rng = np.random.default_rng(5)
    x = rng.normal(size=80)
    X = np.column_stack([np.ones(80), x, 2 * x])
    model = BernoulliLogistic.from_arrays(X, (rng.random(80) < 0.4).astype(float))
    existence = check_existence(model)
    draws, lp = independence(model, normal(2.0), start=np.zeros(3))
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("proper prior", True)
    assert "normal(0, 2) on" in found.message


def test_of_draws_that_are_like_nothing_it_is_said_what_they_need(apart):
    model, existence = apart
    rng = np.random.default_rng(6)
    anything = Posterior.from_draws(model, 5 + rng.normal(size=(4, 500, 3)))
    found = explain_draws(model, anything, existence)
    assert (found.cause, found.certain) == ("none of these", False)
    assert "that has a proper prior: the data alone do not hold up" in found.message
    wandering = Posterior.from_draws(model, rng.normal(size=(4, 500, 3)).cumsum(axis=1))
    found = explain_draws(model, wandering, existence)
    assert (found.cause, found.certain) == ("none of these", False)
    assert "have not mixed" in found.message
    still = Posterior.from_draws(model, np.ones((2, 50, 3)))
    assert not explain_draws(model, still, existence).certain


def test_a_density_of_noise_is_no_prior(apart):
    model, existence = apart
    rng = np.random.default_rng(8)
    for i in range(5):
        draws = rng.normal(size=(2, 200, 3)) * 10.0 ** rng.uniform(-3, 3)
        lp = rng.normal(size=(2, 200)) * 10.0 ** rng.uniform(-3, 3)
        if i % 2:
            lp += model.log_likelihood(draws.reshape(-1, 3)).reshape(2, 200)
        posterior = Posterior.from_draws(model, draws, log_density=lp)
        assert not explain_draws(model, posterior, existence).certain


def test_a_density_that_does_not_vary_says_nothing(apart):
    """Far out on the way to infinity the likelihood is 1, as a density of zeros says as well."""
    model, existence = apart
    way = np.array([-40.0, 200.0, 0.0])
    draws = way * (50 + np.random.default_rng(3).random(size=(4, 200, 1)))
    assert np.ptp(model.log_likelihood(draws.reshape(-1, 3))) < 1e-12
    posterior = Posterior.from_draws(model, draws, log_density=np.zeros((4, 200)))
    assert not explain_draws(model, posterior, existence).certain


@pytest.mark.parametrize(("chains", "n"), [(1, 10), (4, 10), (1, 30)])
def test_of_few_draws_nothing_is_certain_and_something_is_said(apart, chains, n):
    model, existence = apart
    draws = np.random.default_rng(3).normal(size=(chains, n, 3))
    lp = normal(2.0)(draws)
    for density in (lp, None):
        found = explain_draws(
            model, Posterior.from_draws(model, draws, log_density=density), existence
        )
        assert not found.certain
        assert found.message
