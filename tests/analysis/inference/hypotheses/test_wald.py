import math

import numpy as np
import pytest
from problems import CASES

from flatprior.analysis import goodness_of_fit, hauck_donner, robust_covariance, wald_test
from flatprior.models import BernoulliLogistic, fit_newton


def test_a_robust_wald_test_uses_the_robust_covariance():
    model = CASES["ohio"].model
    fit = fit_newton(model)
    robust = robust_covariance(model, fit, "HC3")
    j = model.names.index("smoke")
    expected = fit.coefficients[j] ** 2 / robust.covariance[j, j]
    assert wald_test(robust, "smoke").statistic == pytest.approx(expected, rel=1e-12)


def test_a_variance_lost_to_cancellation_is_refused():
    rng = np.random.default_rng(1)
    x = 1.7e9 + rng.uniform(0, 60, size=100)
    model = BernoulliLogistic.from_arrays(x, rng.integers(0, 2, 100), intercept=True)
    with pytest.raises(ArithmeticError, match="lost to cancellation"):
        wald_test(fit_newton(model), [1.0, 1.7e9 + 30])


@pytest.mark.parametrize("name", ["spector", "lbw_stata", "fertility", "challenger"])
def test_the_hauck_donner_derivative_is_a_difference_quotient(name):
    case = CASES[name]
    model, fit = case.model, fit_newton(case.model)
    table = hauck_donner(model, fit).table()
    for j, error in enumerate(fit.standard_errors):
        step = 1e-4 * error * np.eye(model.n_parameters)[j]
        z = [
            beta[j] / math.sqrt(np.linalg.inv(model.information(beta))[j, j])
            for beta in (fit.coefficients - step, fit.coefficients + step)
        ]
        assert table["derivative"].iloc[j] == pytest.approx(
            (z[1] - z[0]) / (2e-4 * error), rel=2e-5, abs=1e-6 / error
        )


def test_hauck_and_donners_effect_is_flagged_where_the_wald_statistic_falls():
    # 2x2 tables with 50 rows a group, the second ever nearer to all events
    x, y = [0, 0, 1, 1], [1, 0, 1, 0]
    flags, statistics = [], []
    for events in (30, 40, 45, 48, 49):
        model = BernoulliLogistic.from_arrays(
            x, y, intercept=True, frequency_weights=[25, 25, events, 50 - events]
        )
        fit = fit_newton(model)
        flags.append(bool(hauck_donner(model, fit).loc["x1", "hauck-donner"]))
        statistics.append(wald_test(fit, "x1").statistic)
    assert flags == [False, False, False, True, True]
    assert statistics[4] < statistics[3]


def test_the_fit_of_another_model_is_refused():
    fit = fit_newton(CASES["spector"].model)
    for function in (goodness_of_fit, hauck_donner):
        with pytest.raises(ValueError, match="another model"):
            function(CASES["ohio"].model, fit)
