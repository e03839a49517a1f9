"""That an optimiser stopped early needs evidence of its own."""

import math
import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from disagreements import none, spector, survey
from multiplier import repeated
from problems import simulated
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from flatprior.analysis.explanation.difference import explain
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.stopping import mean_gradient, small_gradient
from flatprior.models import BernoulliLogistic, fit_newton


def test_a_short_way_to_go_is_no_evidence():
    # what was called "stopped early" by default: the log-likelihood is nearly at its maximum
    X, y = simulated(300, 4, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    for i in range(repeated(10)):
        rng = np.random.default_rng([1, i])
        b = fit.coefficients + fit.standard_errors * rng.normal(0, 1, size=4)
        found = explain(model, b)
        assert not found.certain
        assert found.cause != "stopped early"
    for i in range(repeated(10)):
        model, theirs = none(np.random.default_rng([8, i]))
        assert explain(model, theirs).cause != "stopped early"


@pytest.mark.parametrize(("rate", "standardised"), [(1.0, True), (0.1, True), (0.1, False)])
def test_gradient_descent_is_recognised_by_its_path(rate, standardised):
    X, y = simulated(250, 4, seed=9)
    model = BernoulliLogistic.from_arrays(X * ([1, 10, 0.1, 1] if standardised else 1.0), y)
    scaler = StandardScaler().fit(model.design[:, 1:])
    Z = model.design.copy()
    if standardised:
        Z[:, 1:] = scaler.transform(model.design[:, 1:])
    beta = np.zeros(4)
    for _ in range(25):
        beta += rate * Z.T @ (y - 1 / (1 + np.exp(-Z @ beta))) / len(Z)
    if standardised:
        slopes = beta[1:] / scaler.scale_
        beta = np.array([beta[0] - slopes @ scaler.mean_, *slopes])
    found = explain(model, beta)
    assert (found.cause, found.certain) == ("stopped early", True)
    assert "gradient descent" in found.message
    assert "max_iter" in found.cure


def test_where_r_begins_is_a_path_too():
    _, model = spector()
    for steps in (1, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = sm.GLM(model.response, model.design, sm.families.Binomial()).fit(maxiter=steps)
        found = explain(model, fit.params)
        assert (found.cause, found.certain) == ("stopped early", True)
        assert "as in R's glm" in found.message


def test_a_known_tolerance_is_evidence_where_no_cause_is_certain():
    X, y = simulated(300, 4, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    b = fit.coefficients + 0.01 * fit.standard_errors * [1, -1, 0.5, 0.3]
    size = np.abs(model.score(b)).max() / 300
    for tolerance, cause, certain in (
        (math.nan, "none of these", False),
        (1.001 * size, "stopped early", True),
        (0.999 * size, "none of these", False),
    ):
        found = explain(model, b, tolerance=tolerance)
        assert (found.cause, found.certain) == (cause, certain)
    assert f"stops at {1.001 * size:.2g}" in explain(model, b, tolerance=1.001 * size).message
    far = fit.coefficients + fit.standard_errors
    found = explain(model, far, tolerance=1.0)
    assert (found.cause, found.certain) == ("stopped early", False)
    # what is certain stays so, and there may be no difference
    other = explain(model, -fit.coefficients, tolerance=1.0)
    assert (other.cause, other.certain) == ("response flipped", True)
    assert explain(model, fit.coefficients, tolerance=1.0).cause == "agreement"


def test_scikit_learns_own_tolerance_is_met_by_its_own_fit():
    for seed in range(5):
        frame = survey(np.random.default_rng(seed), 300)
        X = frame[["one", "two"]]
        fit = LogisticRegression(C=np.inf, solver="lbfgs", max_iter=1000).fit(X, frame["y"])
        model = BernoulliLogistic.from_arrays(X, frame["y"], intercept=True)
        found = explain(model, [*fit.intercept_, *fit.coef_[0]], tolerance=1e-4)
        assert found.cause in ("agreement", "stopped early")


def test_a_gradient_as_small_as_in_few_directions_is_evidence_but_never_certain():
    # columns of different scale: along the flat direction nothing is seen of the distance
    X, y = simulated(200, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X * [1.0, 1.0, 1e-3], y)
    fit = fit_newton(model)
    b = fit.coefficients + 0.1 * fit.covariance[:, 2] / fit.standard_errors[2]
    case = Discrepancy.at(model, fit, b)
    assert mean_gradient(case) < 1e-4
    (cause,) = small_gradient(case)
    assert cause.coincidence < 0.02
    found = explain(model, b)
    assert (found.cause, found.certain) == ("stopped early", False)
    assert "usual rules let an optimiser stop" in found.message
    # in columns of one size a small gradient says no more than that it is near
    X, y = simulated(2000, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    near = Discrepancy.at(model, fit, fit.coefficients + 1e-3 * fit.standard_errors)
    assert all(cause.coincidence > 0.02 for cause in small_gradient(near))


def test_the_gradient_is_of_the_mean_over_observations():
    X, y = simulated(80, 3, seed=1)
    weights = np.random.default_rng(1).integers(1, 5, size=80)
    grouped = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    singly = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    b = np.array([0.3, -0.2, 0.5])
    sizes = [mean_gradient(Discrepancy.at(m, fit_newton(m), b)) for m in (grouped, singly)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-12)


def test_numbers_of_no_size_are_on_no_path():
    X, y = simulated(100, 3, seed=1)
    model = BernoulliLogistic.from_arrays(X, y)
    for i in range(repeated(10)):
        b = np.random.default_rng([2, i]).normal(size=3) * 10.0 ** (-2 - i % 12)
        assert not explain(model, b).certain
