import numpy as np
import pytest
from problems import OVERLAPPING, ids
from sklearn.metrics import log_loss

from flatprior.analysis import binary_cross_entropy, convexity
from flatprior.models import BernoulliLogistic, fit_newton


@pytest.mark.parametrize("case", OVERLAPPING, ids=ids)
def test_cross_entropy_is_log_loss_to_1e_15_where_nothing_is_clipped(case):
    model = case.model
    found = binary_cross_entropy(model, case.beta)
    assert found.mean == -model.log_likelihood(case.beta) / model.n_observations
    if found.clipped == 0:
        assert found.log_loss == pytest.approx(found.mean, rel=1e-15)


def test_log_loss_is_what_scikit_learn_says(spector):
    fit = fit_newton(spector)
    found = binary_cross_entropy(spector, fit)
    p = 1 / (1 + np.exp(-spector.design @ fit.coefficients))
    assert found.log_loss == pytest.approx(log_loss(spector.response, p), rel=1e-14)


@pytest.mark.parametrize(("dtype", "largest"), [(np.float64, 36.0436534), (np.float32, 15.9423847)])
def test_clipping_is_where_the_two_differ(dtype, largest):
    # one observation, foretold wrongly with all certainty
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1], frequency_weights=[1, 3])
    found = binary_cross_entropy(model, [200.0])
    assert found.mean == pytest.approx(50.0, rel=1e-15)
    clipped = found.clipped if dtype is np.float64 else found.clipped_float32
    loss = found.log_loss if dtype is np.float64 else found.log_loss_float32
    assert clipped == 4
    assert loss == pytest.approx(largest / 4, rel=1e-6)
    assert "4 observations clipped" in str(found)


def test_float32_clips_before_float64():
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    found = binary_cross_entropy(model, [20.0])
    assert (found.clipped, found.clipped_float32) == (0, 2)
    assert found.log_loss == pytest.approx(found.mean, rel=1e-15)
    assert found.log_loss_float32 < found.mean


def test_the_hessian_of_the_cross_entropy_is_the_information_over_n(spector):
    fit = fit_newton(spector)
    found = convexity(spector, fit)
    information = spector.information(fit.coefficients) / spector.n_observations
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(information), rtol=1e-9)
    assert found.strict
    # and of finite differences of the cross-entropy
    step = 1e-4
    direction = np.array([0.3, -0.2, 0.01, 0.5])
    values = [
        binary_cross_entropy(spector, fit.coefficients + t * direction).mean
        for t in (-step, 0, step)
    ]
    second = (values[0] - 2 * values[1] + values[2]) / step**2
    assert second == pytest.approx(direction @ information @ direction, rel=1e-5)


def test_dependent_columns_leave_a_flat_direction():
    x = np.arange(6.0)
    model = BernoulliLogistic.from_arrays(np.column_stack([x, 2 * x]), [0, 1, 0, 1, 0, 1])
    found = convexity(model, [0.1, 0.2])
    assert not found.strict
    assert (found.eigenvalues >= 0).all()
    wide = BernoulliLogistic.from_arrays([[1.0, 2.0, 3.0]], [1])
    assert not convexity(wide, np.zeros(3)).strict
    assert convexity(wide, np.zeros(3)).eigenvalues[0] == 0


def test_nearly_dependent_columns_are_still_strictly_convex():
    x = np.linspace(-1, 1, 50)
    model = BernoulliLogistic.from_arrays(np.column_stack([x, x + 1e-6 * x**3]), np.arange(50) % 2)
    assert convexity(model, [0.0, 0.0]).strict
