import numpy as np
import pytest
from coded_models import both, survey

from flatprior.models import fit_newton
from flatprior.models.certificate import evaluate
from flatprior.models.evaluation import certain_digits, formed


@pytest.mark.filterwarnings("error")
def test_digits_are_those_that_no_error_of_that_size_changes():
    errors = np.array([0.5e-3, 2.0, 1e-20, 1.0, np.inf, 0.0])
    coefficients = np.array([-5.0, 1.0, 1.0, 0.0, 3.0, 2.0])
    found = certain_digits(errors, coefficients)
    assert found[:5] == pytest.approx([4.0, 0.0, 20.0, 0.0, 0.0])
    assert found[5] == np.inf


def test_a_covariance_is_formed_of_what_holds_it():
    matrix = np.eye(2)
    assert formed(matrix) is matrix
    model, written = both("y ~ x + g + h", survey(500, seed=1))
    beta = fit_newton(written).coefficients
    held, whole = evaluate(model.rows, beta), evaluate(written.rows, beta)
    assert not isinstance(held.covariance, np.ndarray)
    assert formed(held.covariance) == pytest.approx(whole.covariance, rel=1e-8, abs=1e-12)
    assert held.covariance.diagonal() == pytest.approx(whole.covariance.diagonal(), rel=1e-8)
    assert abs(held.log_likelihood - whole.log_likelihood) < 1e-9
