"""What forecasts rows: a fit, a posterior and an array say the same of them."""

import numpy as np
import pandas as pd
import pytest
from problems import CASES
from scipy.special import expit

from flatprior.analysis.diagnostics.forecasts import forecast_of, ranks_of, ties_of
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
