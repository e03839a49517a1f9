import warnings

import numpy as np
import pytest
import statsmodels.api as sm

from flatprior.analysis.optimiser_paths import (
    NEWTON_STEPS,
    descent_path,
    lbfgs_path,
    newton_path,
    scoring_path,
)
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, load_spector


@pytest.mark.parametrize("path", [newton_path, lambda model: lbfgs_path(model, 1.0)])
def test_a_path_ends_at_the_mle_and_goes_up(path):
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    mle = fit_newton(model)
    points = path(model)
    assert np.max(np.abs(points[-1] - mle.coefficients) / mle.standard_errors) < 1e-5
    height = model.log_likelihood(np.array(points))
    assert (np.diff(height) >= -1e-12).all()


def test_newtons_path_stays_where_it_settles():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    points, mle = np.array(newton_path(model)), fit_newton(model)
    assert len(points) == NEWTON_STEPS
    still = np.flatnonzero((points[:-1] == points[1:]).all(axis=1))
    assert 0 < still[0] < 10
    assert (points[still[0] :] == points[-1]).all()
    assert np.max(np.abs(points[-1] - mle.coefficients) / mle.standard_errors) < 1e-12


def test_newtons_first_step_is_least_squares_of_the_working_response():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    expected = np.linalg.lstsq(model.design, 4 * (model.response - 0.5), rcond=None)[0]
    np.testing.assert_allclose(newton_path(model)[0], expected, rtol=1e-10)


def test_without_an_mle_newton_goes_on_until_the_information_is_singular():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    points = newton_path(model)
    assert points[-1][1] > 20
    assert np.isfinite(points).all()


def test_scoring_from_the_outcomes_passes_where_statsmodels_glm_does():
    data = load_spector()
    for options in ({}, {"offset": np.linspace(-1, 1, len(data))}):
        model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data, **options)
        path = scoring_path(model)
        for steps in (1, 2, 3):
            glm = sm.GLM(
                model.response, model.design, sm.families.Binomial(), offset=options.get("offset")
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = glm.fit(maxiter=steps).params
            if not options:  # with an offset it begins elsewhere
                assert path[steps - 1] == pytest.approx(theirs, rel=1e-8)
        mle = fit_newton(model)
        assert np.max(np.abs(path[-1] - mle.coefficients) / mle.standard_errors) < 1e-8


def test_descent_goes_as_far_as_asked_and_no_further():
    model = BernoulliLogistic.from_formula("grade ~ psi", load_spector())
    zero, top = model.log_likelihood(np.zeros(2)), fit_newton(model).log_likelihood
    least = zero + 0.5 * (top - zero)
    path = descent_path(model, 0.5, least)
    heights = model.log_likelihood(np.array(path))
    assert (np.diff(heights) > 0).all()
    assert (heights[:-2] < least).all()
    assert heights[-2] >= least
    assert path[0] == pytest.approx(0.5 * model.score(np.zeros(2)) / 32)
    # a rate at which it does not get there
    assert descent_path(model, 1e-9, least) == []
    assert descent_path(model, 1e9, top - 1e-3) == []
