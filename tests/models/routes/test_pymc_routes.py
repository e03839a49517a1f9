import numpy as np
import pytest
from problems import CASES, simulated

from flatprior.models import BernoulliLogistic, NotConvergedError, fit_map, sample_nuts
from flatprior.models.estimate import is_near
from flatprior.models.routes.pymc_routes import _compiled, _whitening, flat_model


@pytest.mark.parametrize("weighted", [False, True])
def test_pymcs_density_and_derivatives_are_ours(weighted):
    X, y = simulated(60, 3, seed=1)
    weights = np.random.default_rng(2).integers(1, 5, size=60) if weighted else None
    offset = np.linspace(-1, 1, 60)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    transform = _whitening(model.rows)
    function = _compiled(flat_model(model.rows, transform))
    z = np.array([0.4, -0.3, 1.1])
    value, gradient, hessian = function(z)
    assert value == pytest.approx(model.log_likelihood(transform @ z), rel=1e-13)
    assert gradient == pytest.approx(transform.T @ model.score(transform @ z), rel=1e-11)
    information = transform.T @ model.information(transform @ z) @ transform
    assert -hessian == pytest.approx(information, rel=1e-9, abs=1e-12)


def test_a_hessian_that_pymc_cannot_evaluate_is_replaced():
    # on PyMC 5 the compiled Hessian is NaN at a linear predictor of 44
    model = CASES["newton_zero_diverges"].model
    transform = _whitening(model.rows)
    beta = CASES["newton_zero_diverges"].beta
    _, _, hessian = _compiled(flat_model(model.rows, transform))(np.linalg.solve(transform, beta))
    information = transform.T @ model.information(beta) @ transform
    assert -hessian == pytest.approx(information, abs=1e-8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tune": -1}, "tune must be"),
        ({"sampler": "nutpie"}, 'sampler must be "pymc"'),
    ],
)
def test_unusable_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        sample_nuts(CASES["spector"].model, progress=False, **options)


def test_a_search_that_leaves_the_numbers_is_no_fault_of_the_input():
    X = np.array([[1.0, 0.2], [1.0, 0.3], [1.0, -0.1]])
    model = BernoulliLogistic.from_arrays(X, [1, 0, 0], offset=np.full(3, 1000.0))
    said = ""
    try:
        fit = fit_map(model)
    except NotConvergedError as error:
        said = str(error)
    # whether the search leaves them depends on the version of PyMC
    if said:
        assert "not finite, although the MLE exists: centre" in said
    else:
        assert np.isfinite(fit.coefficients).all()
        assert is_near(fit.certificate) or "NOT CONVERGED" in str(fit)
