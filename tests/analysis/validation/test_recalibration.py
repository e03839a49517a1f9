"""Calibration is the refit on log-odds that a fit of a model of these columns is."""

import numpy as np
import pytest

from flatprior.analysis.validation.recalibration import Recalibrations, recalibrated
from flatprior.models import BernoulliLogistic, fit_newton

MODEL = BernoulliLogistic.from_arrays(np.ones((4, 1)), [0, 1, 0, 1])


def cases(d=6, n=150, seed=1):
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(size=(d, n)) * rng.uniform(0.5, 3, size=(d, 1))
    y = (rng.random(n) < 1 / (1 + np.exp(-log_odds[0]))).astype(float)
    return log_odds, y, rng.integers(0, 3, size=(d, n)).astype(float)


@pytest.mark.parametrize("own_weights", [True, False])
def test_each_is_the_fit_of_an_intercept_and_its_own_log_odds(own_weights):
    log_odds, y, weights = cases()
    weights = weights if own_weights else weights[:1]
    some = Recalibrations(log_odds=log_odds, sign=2 * y - 1, weights=weights)
    found = recalibrated(MODEL, some)
    assert found.error_bounds.max() < 1e-8
    for i in range(len(log_odds)):
        own = weights[i % len(weights)]
        keep = own > 0
        fit = fit_newton(
            BernoulliLogistic.from_arrays(
                log_odds[i, keep], y[keep], intercept=True, frequency_weights=own[keep]
            )
        )
        apart = np.abs(found.coefficients[i] - fit.coefficients) / fit.standard_errors
        assert apart.max() <= found.error_bounds[i] + fit.certificate.error_bound
        assert found.standard_errors[i] == pytest.approx(fit.standard_errors, rel=1e-6)


def test_log_odds_that_separate_or_do_not_vary_have_no_calibration_and_disturb_no_other():
    log_odds, y, _ = cases()
    log_odds[1] = np.where(y > 0, 3.0, -2.0) + 0.1 * log_odds[1]
    log_odds[2] = 0.7
    some = Recalibrations(log_odds=log_odds, sign=2 * y - 1, weights=np.ones((1, 150)))
    found = recalibrated(MODEL, some)
    assert np.isnan(found.coefficients[1:3]).all()
    assert np.isinf(found.error_bounds[1:3]).all()
    rest = np.delete(np.arange(6), [1, 2])
    alone = Recalibrations(log_odds=log_odds[rest], sign=2 * y - 1, weights=np.ones((1, 150)))
    assert found.coefficients[rest] == pytest.approx(
        recalibrated(MODEL, alone).coefficients, abs=1e-9
    )
