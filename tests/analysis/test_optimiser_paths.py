import numpy as np
import pytest

from flatprior.analysis.optimiser_paths import lbfgs_path, newton_path
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, load_spector


@pytest.mark.parametrize("path", [newton_path, lambda model: lbfgs_path(model, 1.0)])
def test_a_path_ends_at_the_mle_and_goes_up(path):
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    mle = fit_newton(model)
    points = path(model)
    assert np.max(np.abs(points[-1] - mle.coefficients) / mle.standard_errors) < 1e-5
    height = model.log_likelihood(np.array(points))
    assert (np.diff(height) >= -1e-12).all()


def test_newtons_first_step_is_least_squares_of_the_working_response():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    expected = np.linalg.lstsq(model.design, 4 * (model.response - 0.5), rcond=None)[0]
    np.testing.assert_allclose(newton_path(model)[0], expected, rtol=1e-10)


def test_without_an_mle_newton_goes_on_until_the_information_is_singular():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    points = newton_path(model)
    assert points[-1][1] > 20
    assert np.isfinite(points).all()
