import math

import numpy as np
import pytest

from flatprior.analysis import gradient_descent
from flatprior.models import BernoulliLogistic, fit_newton


def test_gradient_descent_reaches_the_mle(smarket):
    found = gradient_descent(smarket)
    mle = fit_newton(smarket)
    assert found.reached
    assert found.certificate.error_bound <= 1e-6
    assert np.all(np.abs(found.path[-1] - mle.coefficients) <= 1e-6 * mle.standard_errors)
    assert (np.diff(found.loss) <= 1e-14).all()  # but for rounding
    assert found.loss[0] == pytest.approx(math.log(2), rel=1e-15)
    assert found.n_steps == len(found.path) - 1
    assert "of the MLE" in str(found)


def test_the_default_learning_rate_never_goes_uphill_and_is_sharp():
    rng = np.random.default_rng(3)
    model = BernoulliLogistic.from_arrays(rng.normal(size=(60, 3)), rng.integers(0, 2, 60))
    found = gradient_descent(model, steps=200)
    largest = np.linalg.eigvalsh(model.design.T @ model.design)[-1] / 4
    assert found.learning_rate == pytest.approx(model.n_rows / largest, rel=1e-12)
    assert (np.diff(found.loss) <= 1e-14).all()  # but for rounding


def test_without_an_mle_descent_goes_on_for_ever():
    model = BernoulliLogistic.from_arrays([[-1.0], [1.0]], [0, 1])
    found = gradient_descent(model, steps=500)
    assert not found.reached
    assert found.n_steps == 500
    assert math.isinf(found.certificate.error_bound)


def test_descent_refuses_what_is_not_positive(spector):
    for wrong in ({"learning_rate": 0.0}, {"steps": 0}, {"steps": 320.5}, {"tolerance": -1.0}):
        with pytest.raises(ValueError, match="must be"):
            gradient_descent(spector, **wrong)
    with pytest.raises(ValueError, match="every column is 0"):
        gradient_descent(BernoulliLogistic.from_arrays([[0.0], [0.0]], [0, 1]))
    with pytest.raises(ArithmeticError, match="take a learning rate below"):
        gradient_descent(spector, learning_rate=1e308)


def test_a_run_is_short_at_the_prompt(spector):
    descent = gradient_descent(spector, steps=60)
    assert len(descent.message) < 200
    assert len(repr(descent).splitlines()) <= 20  # a dozen of the 61 points
