"""Leave-one-out of the posterior against closed form and ArviZ."""

import math

import arviz_base
import arviz_stats
import numpy as np
import pytest
from closed_form import Saturated, random_saturated
from problems import CASES, simulated

from flatprior.analysis import exact_loo, psis_loo
from flatprior.models import (
    BernoulliLogistic,
    ImproperPosteriorError,
    check_fragility,
    sample_independence,
)


def sampled(model, seed=1, draws=1000):
    return sample_independence(model, draws=draws, seed=seed, progress=False)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_elpd_and_p_loo_are_those_in_closed_form(k):
    # 6 comparisons at 4 Monte Carlo standard errors: a false alarm once in 2,600 seeds
    design = random_saturated(np.random.default_rng(k), k, 5, 40)
    found = psis_loo(design.model, sampled(design.model, draws=4000))
    assert found.elpd == pytest.approx(design.elpd_loo, abs=4 * found.mcse)
    assert found.p_loo == pytest.approx(design.p_loo, abs=4 * found.mcse)
    assert found.mcse < 0.03 * k
    assert found.n_bad == 0
    assert found.looic == -2 * found.elpd


def test_the_monte_carlo_error_is_honest():
    # 40 independent runs: the sd of z is 1 but for 11%; limits at 3.5 of its standard errors
    design = random_saturated(np.random.default_rng(8), 3, 8, 40)
    runs = [psis_loo(design.model, sampled(design.model, seed)) for seed in range(40)]
    z = np.array([(run.elpd - design.elpd_loo) / run.mcse for run in runs])
    assert 0.6 < math.sqrt(np.mean(z**2)) < 1.4


@pytest.mark.parametrize("name", ["spector", "nes_logit", "lbw_stata"])
def test_pointwise_values_are_those_of_arviz(name):
    model = CASES[name].model
    posterior = sampled(model)
    log_likelihood = model.pointwise_log_likelihood(posterior.draws.reshape(-1, len(model.names)))
    data = arviz_base.from_dict(
        {
            "posterior": {"beta": posterior.draws},
            "log_likelihood": {"y": log_likelihood.reshape(*posterior.draws.shape[:2], -1)},
        }
    )
    theirs = arviz_stats.loo(data, pointwise=True)
    ours = psis_loo(model, posterior)
    assert ours.pointwise == pytest.approx(theirs.elpd_i.to_numpy().ravel(), rel=1e-9)
    assert ours.pareto_k == pytest.approx(theirs.pareto_k.to_numpy().ravel(), rel=1e-7, nan_ok=True)
    assert ours.elpd == pytest.approx(float(theirs.elpd), rel=1e-10)
    assert ours.p_loo == pytest.approx(float(theirs.p), rel=1e-7)
    assert ours.largest_k == pytest.approx(theirs.good_k)
    # ArviZ 0.8 has ddof 0, 1.3 ddof 1
    n = model.n_observations
    assert min(abs(ours.se / float(theirs.se) - r) for r in (1, math.sqrt(n / (n - 1)))) < 1e-9


def test_grouped_rows_give_what_single_rows_give():
    design = random_saturated(np.random.default_rng(3), 3, 4, 9)
    X, y, weights = design.rows
    single = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    posterior = sampled(design.model)
    alike = posterior.__class__(posterior.route, posterior.data, 0.0, sampled(single).provenance)
    grouped, each = psis_loo(design.model, posterior), psis_loo(single, alike)
    for what in ("elpd", "se", "p_loo", "mcse", "n_bad"):
        assert getattr(grouped, what) == pytest.approx(getattr(each, what), rel=1e-9)
    first, second = exact_loo(design.model), exact_loo(single)
    assert first.log_score == pytest.approx(second.log_score, rel=1e-12)
    assert first.se == pytest.approx(second.se, rel=1e-9)


def test_elpd_is_undefined_where_a_leave_one_out_posterior_is_improper():
    # one event in the second pattern: without it that pattern is separated
    model = Saturated(np.eye(2), np.array([6, 1]), np.array([5, 9])).model
    found = psis_loo(model, sampled(model))
    assert math.isnan(found.elpd)
    assert math.isnan(found.p_loo)
    assert np.isfinite(found.pointwise).all()  # what other programs would add up
    assert found.undefined_rows == check_fragility(model).critical_labels == (2,)
    assert str(found).splitlines()[0] == (
        "elpd_loo is undefined: without row 2 the posterior is not proved to be proper"
    )
    score = exact_loo(model)
    assert (score.log_score, score.without_mle) == (-math.inf, (2,))
    assert np.isnan(score.coefficients[2]).all()
    assert np.isfinite(score.coefficients[[0, 1, 3]]).all()
    assert "-inf: without row 2 the MLE does not exist" in str(score)


def test_a_row_that_is_certain_in_every_draw_is_no_error():
    X, y = simulated(60, 2, seed=3)
    offset = np.zeros(60)
    offset[7] = 2000.0 if y[7] else -2000.0
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    found = psis_loo(model, sample_independence(model, draws=200, seed=1, progress=False))
    assert found.pointwise[7] == 0
    assert found.pareto_k[7] == 0
    keep = np.arange(60) != 7
    rest = BernoulliLogistic.from_arrays(X[keep], y[keep])
    exact = psis_loo(rest, sample_independence(rest, draws=200, seed=1, progress=False))
    assert found.elpd == pytest.approx(exact.elpd, abs=0.2)


def test_draws_that_are_not_of_the_model_or_too_few_are_refused():
    model, other = CASES["spector"].model, CASES["lizards"].model
    posterior = sampled(other)
    with pytest.raises(ValueError, match="the draws are of"):
        psis_loo(model, posterior)
    X, y = simulated(100, 2, seed=1)
    first, second = (BernoulliLogistic.from_arrays(X, v) for v in (y, y[::-1]))
    with pytest.raises(ValueError, match="those of another model"):
        psis_loo(first, sampled(second))
    with pytest.raises(ValueError, match="too few"):
        psis_loo(first, sample_independence(first, draws=20, chains=2, seed=1, progress=False))
    with pytest.raises(ImproperPosteriorError):
        sampled(CASES["quasi_1d"].model)
