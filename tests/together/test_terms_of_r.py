"""Models with factors, interactions, weights, an offset and grouped counts: fits against R's."""

import numpy as np
import pytest
from r_values import NAMES, r_model

from flatprior.models import fit_newton


@pytest.mark.parametrize("name", NAMES)
def test_fits_are_those_of_r(name):
    model, _, facts = r_model(name)
    fit = fit_newton(model)
    assert fit.coefficients == pytest.approx(np.array(facts["coefficients"]), rel=1e-11)
    assert fit.standard_errors == pytest.approx(np.array(facts["standard_errors"]), rel=1e-11)
    assert fit.log_likelihood == pytest.approx(facts["log_likelihood_of_trials"], rel=1e-13)
    assert model.n_observations == facts["n_trials"]
