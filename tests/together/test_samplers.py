"""Every sampling route against posteriors that are known, and against bad input."""

import numpy as np
import pytest
from closed_form import calibration_ranks, random_saturated, uniformity_p
from problems import CASES, NO_MLE, as_posterior, ids, simulated

from flatprior.analysis import check_posterior, posterior_moments
from flatprior.analysis.monte_carlo import batch_means, standard_error
from flatprior.models import (
    BernoulliLogistic,
    ImproperPosteriorError,
    sample_independence,
    sample_nuts,
)


@pytest.fixture(params=[(2, 1), (3, 2), (5, 3)], ids=lambda param: f"k={param[0]}")
def saturated(request):
    k, seed = request.param
    return random_saturated(np.random.default_rng(seed), k, 6, 30)


def test_draws_reproduce_the_closed_form(sampler, saturated):
    # z-scores of k means, k variances and elpd_loo below 4: false-alarm rate 7e-4 at k = 5
    model = saturated.model
    posterior = sampler(model, draws=2500, seed=1)
    draws = posterior.draws
    squares = (draws - saturated.mean) ** 2
    for values, exact in ((draws, saturated.mean), (squares, np.diag(saturated.covariance))):
        means = batch_means(values)
        assert (np.abs(means.mean(axis=0) - exact) / standard_error(means)).max() < 4
    # leave-one-out by importance sampling: 1 / p(y_i | y_-i) is the posterior mean of 1 / p_i
    per_observation = model.pointwise_log_likelihood(draws.reshape(-1, model.n_parameters))
    inverse = np.exp(-per_observation / model.frequency_weights).reshape(*draws.shape[:2], -1)
    elpd = -(model.frequency_weights * np.log(inverse.mean(axis=(0, 1)))).sum()
    influence = inverse / inverse.mean(axis=(0, 1)) @ model.frequency_weights
    error = standard_error(batch_means(influence[..., None]))[0]
    assert abs(elpd - saturated.elpd_loo) < 4 * error
    # with control variates, a hundredth of that error and less
    moments = posterior_moments(model, posterior)
    distance = np.abs(moments.mean - saturated.mean)
    assert (distance < 5 * moments.mean_error).all()
    assert (distance / np.sqrt(np.diag(saturated.covariance))).max() < 1e-4
    assert (np.abs(moments.covariance - saturated.covariance) < 5 * moments.covariance_error).all()


@pytest.mark.slow  # in short: draws reproduce the closed form
def test_ranks_of_true_coefficients_are_uniform(sampler):
    # simulation-based calibration; 4 p-values above 1e-4: false-alarm rate 4e-4
    nuts = sampler.func is sample_nuts
    options = {"tune": 300} if nuts else {}
    ranks = np.array(
        [
            calibration_ranks(
                lambda model, s: sampler(model, draws=300, chains=2, seed=s, **options), seed
            )
            for seed in range(25 if nuts else 400)
        ]
    )
    for column in ranks.T:
        assert uniformity_p(column, bins=5) > 1e-4


@pytest.mark.slow
def test_the_calibration_can_fail():
    def wide(model, seed):
        posterior = sample_independence(model, 300, 2, seed=seed, progress=False)
        centre = posterior.draws.mean(axis=(0, 1))
        return as_posterior(model, centre + 1.5 * (posterior.draws - centre), posterior.log_density)

    ranks = np.array([calibration_ranks(wide, seed) for seed in range(400)])
    assert uniformity_p(ranks[:, 0], bins=5) < 1e-4


def test_a_seed_reproduces_the_draws_and_labels_are_kept(sampler):
    model = CASES["spector"].model
    first, other = (sampler(model, draws=50, chains=2, seed=s) for s in (7, 8))
    # in as many processes as it likes
    second = sampler.func(model, draws=50, chains=2, seed=7, progress=False)
    assert np.array_equal(first.draws, second.draws)
    assert not np.array_equal(first.draws, other.draws)
    assert first.draws.shape == (2, 50, 4)
    assert first.names == model.names
    assert first.provenance.data_hash == model.data_hash
    for i, j in ((0, 0), (1, 49)):
        assert model.log_likelihood(first.draws[i, j]) == pytest.approx(
            first.log_density[i, j], rel=1e-10
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"draws": 0}, "draws must be a whole number of at least 10"),
        ({"chains": 1.5}, "chains must be a whole number"),
    ],
)
def test_unusable_numbers_are_named(sampler, options, words):
    with pytest.raises(ValueError, match=words):
        sampler(CASES["spector"].model, **options)


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
def test_no_sampler_samples_a_posterior_that_does_not_exist(sampler, case):
    with pytest.raises(ImproperPosteriorError):
        sampler(case.model)


U = np.array([[1.0, 2, -1], [0, 1, 3], [0, 0, 1]])
CHANGES = {  # a problem that is the plain one in disguise, and how its draws map back
    "rows repeated": (lambda X, y: (np.repeat(X, 2, axis=0), np.repeat(y, 2), None), np.eye(3)),
    "weights": (lambda X, y: (X, y, np.full(len(y), 2)), np.eye(3)),
    "permuted": (lambda X, y: (np.vstack([X, X])[::-1], np.append(y, y)[::-1], None), np.eye(3)),
    "scaled": (lambda X, y: (X * [1, 1e6, 1e-6], y, np.full(len(y), 2)), np.diag([1, 1e6, 1e-6])),
    "recombined": (lambda X, y: (X @ U, y, np.full(len(y), 2)), U),
    "flipped": (lambda X, y: (X, 1 - y, np.full(len(y), 2)), -np.eye(3)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_draws_are_of_one_posterior_in_every_disguise(sampler, name):
    # each with a false-alarm rate of 1e-3, at a fixed seed
    X, y = simulated(60, 3, seed=4)
    plain = BernoulliLogistic.from_arrays(X, y, frequency_weights=np.full(60, 2))
    change, back = CHANGES[name]
    design, response, weights = change(X, y)
    model = BernoulliLogistic.from_arrays(design, response, frequency_weights=weights)
    posterior = sampler(model, seed=5)
    check = check_posterior(
        plain, as_posterior(plain, posterior.draws @ back.T, posterior.log_density)
    )
    assert check.passed, check.failures
