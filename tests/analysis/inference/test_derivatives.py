"""Derivatives of designs against closed forms and difference quotients."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from flatprior.analysis import average_marginal_effects
from flatprior.models import BernoulliLogistic, fit_newton


def doses(n):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"dose": rng.uniform(0.5, 4, n)})
    return frame.assign(y=rng.random(n) < expit(np.log(frame["dose"]) - 1))


def test_splines_and_logarithms_may_end_where_the_data_do():
    data = doses(300)
    model = BernoulliLogistic.from_formula("y ~ bs(dose, df=4)", data)
    fit = fit_newton(model)
    found = average_marginal_effects(model, fit, data).loc["dose", "effect"]
    inner = data[data["dose"].between(data["dose"].min() + 1e-3, data["dose"].max() - 1e-3)]
    slopes = [
        expit(model.design_matrix(inner.assign(dose=inner["dose"] + way * 1e-4)) @ fit.coefficients)
        for way in (-1, 1)
    ]
    expected = (slopes[1] - slopes[0]).sum() / 2e-4
    ends = len(data) * found - expected
    assert abs(ends) < 4  # of the two or three rows at the ends
    assert found == pytest.approx(expected / len(inner), rel=0.05)


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        ("y ~ log(x)", lambda x, b: b["log(x)"] / x),
        ("y ~ sqrt(x)", lambda x, b: b["sqrt(x)"] / (2 * np.sqrt(x))),
        ("y ~ x + log(x)", lambda x, b: b["x"] + b["log(x)"] / x),
        ("y ~ I(1 / x)", lambda x, b: -b["I(1 / x)"] / x**2),
    ],
)
@pytest.mark.parametrize("sd", [0.1, 1.0, 3.0])
def test_variables_of_any_spread_have_exact_derivatives(formula, derivative, sd):
    rng = np.random.default_rng(6)
    x = np.exp(sd * rng.normal(size=500))
    frame = pd.DataFrame({"x": x, "y": rng.random(500) < expit(0.3 * np.log(x))})
    model = BernoulliLogistic.from_formula(formula, frame)
    fit = fit_newton(model)
    p = expit(model.design @ fit.coefficients)
    b = dict(zip(model.names, fit.coefficients, strict=True))
    expected = (p * (1 - p) * derivative(x, b)).mean()
    found = average_marginal_effects(model, fit, frame).loc["x", "effect"]
    assert found == pytest.approx(expected, rel=1e-8)
    one = average_marginal_effects(model, fit, frame[7:8]).loc["x", "effect"]
    assert one == pytest.approx((p * (1 - p) * derivative(x, b))[7], rel=1e-8)


def wide(low, high, seed=8):
    rng = np.random.default_rng(seed)
    x = 10 ** rng.uniform(low, high, 400)
    return pd.DataFrame({"x": x, "y": rng.random(400) < 0.4})


@pytest.mark.parametrize(
    ("formula", "derivative", "low", "high"),
    [
        ("y ~ I(1 / x)", lambda x: -1 / x**2, -3, 4),
        ("y ~ I(1 / (x + 0.01))", lambda x: -1 / (x + 0.01) ** 2, -2, 6),
        ("y ~ log(x)", lambda x: 1 / x, -8, 8),
        ("y ~ log(x + 1)", lambda x: 1 / (x + 1), -2, 5),
        ("y ~ log(x / (1 - x))", lambda x: 1 / (x * (1 - x)), -4, -0.001),
    ],
)
def test_poles_and_wide_ranges(formula, derivative, low, high):
    frame = wide(low, high)
    if "x + 1)" in formula:
        frame.loc[:20, "x"] = 0.0
    model = BernoulliLogistic.from_formula(formula, frame)
    fit = fit_newton(model)
    p = expit(model.design @ fit.coefficients)
    expected = (p * (1 - p) * fit.coefficients[1] * derivative(frame["x"])).mean()
    found = average_marginal_effects(model, fit, frame)["effect"].iloc[0]
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("formula", ["y ~ bs(x, df=5)", "y ~ bs(x, df=6, degree=2)"])
def test_splines_have_derivatives_at_their_knots(formula):
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"x": rng.normal(size=2000), "y": rng.random(2000) < 0.5})
    model = BernoulliLogistic.from_formula(formula, frame)
    fit = fit_newton(model)
    inner = frame[frame["x"].abs() < 2].reset_index(drop=True)
    found = average_marginal_effects(model, fit, inner)["effect"].iloc[0]
    ends = [
        expit(model.design_matrix(inner.assign(x=inner["x"] + way * 1e-5)) @ fit.coefficients)
        for way in (-1, 1)
    ]
    assert found == pytest.approx(((ends[1] - ends[0]) / 2e-5).mean(), rel=1e-5)


def test_exponentials_near_zero_and_time_stamps():
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"x": rng.normal(size=200), "t": 1.7e9 + rng.uniform(0, 60, 200)})
    frame["y"] = rng.integers(0, 2, 200)
    model = BernoulliLogistic.from_formula("y ~ exp(x) + t", frame)
    fit = fit_newton(model)
    row = frame[:1].assign(x=1e-9)
    p = expit(model.design_matrix(row) @ fit.coefficients)[0]
    found = average_marginal_effects(model, fit, row)["effect"]
    assert found["x"] == pytest.approx(p * (1 - p) * fit.coefficients[1], rel=1e-8)
    assert found["t"] == pytest.approx(p * (1 - p) * fit.coefficients[2], rel=1e-5)


def test_where_there_is_no_derivative_the_rows_are_named():
    data = doses(100).assign(dose=lambda f: f["dose"].where(f.index != 17, 0.0))
    model = BernoulliLogistic.from_formula("y ~ sqrt(dose)", data)
    with pytest.raises(ValueError, match="with respect to 'dose' in row 17; leave these rows out"):
        average_marginal_effects(model, fit_newton(model), data)
