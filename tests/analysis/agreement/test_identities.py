import numpy as np
import pytest
from problems import as_posterior, draws_from, simulated
from scipy.stats import kstest

from flatprior.analysis import check_posterior
from flatprior.analysis.agreement.identities import agreement_p, exact_identities
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence


@pytest.mark.slow  # in short: correct draws pass
def test_p_values_of_correct_draws_are_uniform():
    # 200 data sets, Kolmogorov-Smirnov at a false-alarm rate of 1e-4 each
    p_values = []
    for seed in range(200):
        X, y = simulated(40, 3, seed=seed)
        model = BernoulliLogistic.from_arrays(X, y)
        fit = fit_newton(model)
        posterior = draws_from(model, model.log_likelihood, fit, seed=seed, shape=(4, 225))
        other = sample_independence(model, draws=300, seed=seed, progress=False)
        identities = exact_identities(model, posterior.draws, fit)
        agreement = agreement_p(model, posterior, other, fit)
        p_values.append((identities.score_p, identities.trace_p, agreement))
    for column in np.transpose(p_values):
        assert kstest(column, "uniform").pvalue > 1e-4


@pytest.mark.parametrize(
    "change",
    [lambda beta: beta + np.eye(4)[1] / 2, lambda beta: 1.2 * beta - 0.2 * beta.mean((0, 1))],
    ids=["moved", "stretched"],
)
def test_draws_moved_or_stretched_after_sampling_disagree(spector, change):
    model, fit = spector
    correct, other = (sample_independence(model, seed=seed, progress=False) for seed in (1, 2))
    moved = as_posterior(model, change(correct.draws), correct.log_density)
    check = check_posterior(model, moved, fit, other=other)
    assert any("are not those of the draws of independence" in said for said in check.failures)


def test_other_draws_must_be_enough_too(spector):
    model, fit = spector
    draws = sample_independence(model, seed=3, progress=False)
    few = sample_independence(model, draws=10, chains=1, seed=3, progress=False)
    with pytest.raises(ValueError, match="1 chain of 10 draws, cut into 3 batches, are too few"):
        check_posterior(model, draws, fit, other=few)
