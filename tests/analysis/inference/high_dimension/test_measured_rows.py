import numpy as np
import pytest
from scipy.special import expit

from flatprior.analysis.inference.high_dimension.measured_rows import measured
from flatprior.models import BernoulliLogistic, fit_newton

N, K = 120, 12


def rows(seed=1, shift=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, K)) @ rng.normal(size=(K, K)) + shift
    y = rng.random(N) < expit(0.5 + x[:, 0] / 3 - shift / 3)
    return x, y.astype(float)


def of(x, y, intercept=True):
    model = BernoulliLogistic.from_arrays(x, y, intercept=intercept)
    return model, fit_newton(model), measured(model, fit_newton(model))


def test_the_signal_is_from_a_newton_step_without_each_row():
    model, fit, found = of(*rows())
    x, y, beta = model.design, model.response, fit.coefficients
    without = []
    for i in range(N):
        rest = np.arange(N) != i
        p = expit(x[rest] @ beta)
        information = (x[rest].T * (p * (1 - p))) @ x[rest]
        step = np.linalg.solve(information, x[rest].T @ (y[rest] - p))
        without.append(x[i] @ (beta + step))
    assert found.eta == pytest.approx(np.std(without, ddof=1), rel=1e-9)
    assert found.iota == pytest.approx((x @ beta).mean(), rel=1e-9)
    # fits without each row are what it stands for
    refits = [
        fit_newton(BernoulliLogistic.from_arrays(np.delete(x, i, 0), np.delete(y, i))).coefficients
        for i in range(N)
    ]
    exact = np.std(np.einsum("ij,ij->i", x, np.array(refits)), ddof=1)
    assert found.eta == pytest.approx(exact, rel=0.05)


def test_columns_are_measured_given_the_others():
    model, _, found = of(*rows())
    for j in range(1, K + 1):
        others = np.delete(model.design, j, 1)
        residual = model.design[:, j] - others @ np.linalg.lstsq(others, model.design[:, j])[0]
        sd = np.sqrt(residual @ residual / (N - K))  # K regressors, the constant among them
        assert found.conditional[j] == pytest.approx(sd, rel=1e-9)
    assert found.constant == 0
    assert np.isnan(found.conditional[0])
    assert found.of_constant == pytest.approx(1.0, abs=1e-12)


def test_a_rare_level_is_carried_by_its_rows():
    x, y = rows()
    x[:, 3] = np.arange(N) < 4
    y[:4] = [0, 1, 0, 1]
    assert of(x, y)[2].carrying[4] == pytest.approx(4, rel=0.1)
    x[:, 3] = np.arange(N) % 2
    assert of(x, y)[2].carrying[4] == pytest.approx(N)


def test_gaussian_rows_have_the_leverages_of_gaussian_rows_and_rows_of_many_lengths_have_not():
    spreads = [of(*rows(seed))[2].leverage_spread for seed in range(20)]
    assert np.mean(spreads) == pytest.approx(1, abs=0.06)
    x, y = rows()
    x *= np.random.default_rng(0).chisquare(3, size=(N, 1)) ** -0.5
    assert of(x, y)[2].leverage_spread > 3


@pytest.mark.parametrize("intercept", [True, False])
def test_units_do_not_matter(intercept):
    x, y = rows()
    factor = 10.0 ** np.arange(-K // 2, K // 2)
    one, two = of(x, y, intercept)[2], of(x * factor, y, intercept)[2]
    assert two.eta == pytest.approx(one.eta, rel=1e-9)
    assert two.of_constant == pytest.approx(one.of_constant, rel=1e-8)
    slopes = slice(1 if intercept else 0, None)
    assert two.conditional[slopes] == pytest.approx(one.conditional[slopes] * factor, rel=1e-9)
    assert two.leverage_spread == pytest.approx(one.leverage_spread, rel=1e-9)


def test_the_origin_of_columns_does_not_matter_beside_an_intercept():
    one, two = of(*rows())[2], of(*rows(shift=100.0))[2]
    assert two.eta == pytest.approx(one.eta, rel=1e-7)
    assert two.iota == pytest.approx(one.iota, rel=1e-7)
    assert two.carrying[1:] == pytest.approx(one.carrying[1:], rel=1e-7)


def test_a_row_on_which_a_coefficient_hangs_is_refused():
    x, y = rows()
    x[:, 0] = 0.0
    x[0, 0] = 1.0
    x[1:, 0] = 1e-12 * (2 * y[1:] - 1)  # what the others say of it is of another size
    y[1], y[0] = 1 - y[1], 0.0
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    fit = fit_newton(model)
    with pytest.raises(ValueError, match="leverage of 1"):
        measured(model, fit)
