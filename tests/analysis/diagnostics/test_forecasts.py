"""What forecasts rows: a fit, a posterior and an array say the same of them."""

import numpy as np
import pandas as pd
import pytest
from problems import CASES
from scipy.special import expit

from flatprior.analysis import predictive_scores
from flatprior.analysis.diagnostics.forecasts import (
    forecast_of,
    ranks_of,
    ties_of,
)
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence

SPECTOR = CASES["spector"]


def test_a_fit_and_its_probabilities_are_one_forecast():
    model, fit = SPECTOR.model, fit_newton(SPECTOR.model)
    block = model.rows.block(slice(None))
    one = forecast_of(model, fit, scored=True)(block)
    two = forecast_of(model, one.probability)(block)
    assert one.probability == pytest.approx(expit(model.design @ fit.coefficients), rel=1e-12)
    assert two.log_probability == pytest.approx(one.log_probability, rel=1e-12)
    assert (ranks_of(model, fit).events == ranks_of(model, one.probability).events).all()
    assert (ties_of(fit), ties_of(one.probability)) == (0.0, 1e-12)


def test_the_forecast_of_draws_is_the_mean_over_them():
    model = SPECTOR.model
    posterior = sample_independence(model, draws=100, seed=1, progress=False)
    draws = posterior.draws.reshape(-1, model.n_parameters)
    found = forecast_of(model, posterior, scored=True)(model.rows.block(slice(None)))
    each = expit(model.design @ draws.T)
    assert found.probability == pytest.approx(each.mean(axis=1), rel=1e-12)
    right = np.where(model.response[:, None] > 0, each, 1 - each).mean(axis=1)
    assert found.log_probability == pytest.approx(np.log(right), rel=1e-10)


@pytest.mark.parametrize("wrong", [[0.5], ["a"] * 32, [1.5] * 32, [np.nan] * 32])
def test_what_are_no_probabilities_of_these_rows_is_refused(wrong):
    with pytest.raises(ValueError, match="predicted must be"):
        forecast_of(SPECTOR.model, wrong)


def test_of_groups_of_trials_a_probability_for_each_group_will_do():
    frame = pd.DataFrame({"s": [1, 0, 4], "f": [3, 4, 0], "x": [1.0, 2.0, 3.5]})
    model = BernoulliLogistic.from_formula("cbind(s, f) ~ x", frame)
    given = [0.2, 0.4, 0.7]
    found = forecast_of(model, given)(model.rows.block(slice(None)))
    assert found.probability.tolist() == [given[label] for label in model.row_labels]
    with pytest.raises(ValueError, match="'predicted' has 2 values, and there are 3 groups"):
        forecast_of(model, given[:2])


def test_what_is_predicted_without_itself_is_held_against_a_base_rate_without_it():
    model, n = SPECTOR.model, SPECTOR.model.n_observations
    y = model.response
    rest = (y.sum() - y) / (n - 1)
    found = predictive_scores(model, rest, left_out=True).table()
    assert found.loc["Brier", ["skill", "skill SE"]].tolist() == [0, 0]
    assert found.loc["Brier", "base rate"] == pytest.approx(np.mean((y - rest) ** 2), rel=1e-12)
    logs = -np.log(np.where(y > 0, rest, 1 - rest))
    assert found.loc["log", "base rate"] == pytest.approx(logs.mean(), rel=1e-12)
    in_sample = predictive_scores(model, rest).table()
    assert in_sample.loc["Brier", "skill"] == pytest.approx(1 - (n / (n - 1)) ** 2, rel=1e-9)


def test_the_standard_error_of_a_skill_is_that_of_a_ratio_of_means():
    rng = np.random.default_rng(8)
    p = rng.beta(2, 3, size=400)
    y = (rng.random(400) < p).astype(float)
    weights = rng.integers(1, 4, size=400)
    model = BernoulliLogistic.from_arrays(np.ones(400), y, frequency_weights=weights)
    found = predictive_scores(model, p).table()
    p, y = np.repeat(p, weights), np.repeat(y, weights)
    scores = {
        "Brier": ((y - p) ** 2, (y - y.mean()) ** 2),
        "log": (
            -np.log(np.where(y > 0, p, 1 - p)),
            -np.log(np.where(y > 0, y.mean(), 1 - y.mean())),
        ),
    }
    for name, (own, base) in scores.items():
        ratio = own.mean() / base.mean()
        error = np.std(own - ratio * base, ddof=1) / np.sqrt(len(y)) / base.mean()
        assert found.loc[name, "skill"] == pytest.approx(1 - ratio, rel=1e-12)
        assert found.loc[name, "skill SE"] == pytest.approx(error, rel=1e-9)


def test_intervals_of_skill_hold_it_as_often_as_they_say():
    """Of right probabilities; 95 % are 380 of 400, and fewer than 362 come once in 10,000 times."""
    rng = np.random.default_rng(9)
    truth, held = 1 - np.mean(6 / 25 * 5 / 6) / 0.24, 0
    for _ in range(400):
        p = rng.beta(2, 3, size=300)
        y = (rng.random(300) < p).astype(float)
        found = predictive_scores(BernoulliLogistic.from_arrays(np.ones(300), y), p)
        skill, error = found.loc["Brier", ["skill", "skill SE"]]
        held += abs(skill - truth) < 1.96 * error
    assert held >= 362


def test_a_single_observation_has_no_others():
    model = BernoulliLogistic.from_arrays([1.0], [1.0], event=1)
    with pytest.raises(ValueError, match="there is no other"):
        predictive_scores(model, [0.5], left_out=True)
