from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from problems import CASES, simulated
from terminals import as_terminal, lines_of

from flatprior.models import BernoulliLogistic, NotConvergedError, fit_map, sample_nuts
from flatprior.models.estimate import is_near
from flatprior.models.routes import pymc_routes
from flatprior.models.routes.pymc_routes import LOADING, _derivatives, _whitening, flat_model


@pytest.mark.parametrize("weighted", [False, True])
def test_pymcs_density_and_derivatives_are_ours(weighted):
    X, y = simulated(60, 3, seed=1)
    weights = np.random.default_rng(2).integers(1, 5, size=60) if weighted else None
    offset = np.linspace(-1, 1, 60)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    transform = _whitening(model.rows)
    z = np.array([0.4, -0.3, 1.1])
    with _derivatives(flat_model(model.rows, transform)) as function:
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
    with _derivatives(flat_model(model.rows, transform)) as function:
        _, _, hessian = function(np.linalg.solve(transform, beta))
    information = transform.T @ model.information(beta) @ transform
    assert -hessian == pytest.approx(information, abs=1e-8)


def test_other_data_compile_nothing_anew_and_none_are_kept(monkeypatch):
    def derivatives(model):
        graph = flat_model(model.rows, np.eye(model.n_parameters))
        with _derivatives(graph) as function:
            return *function(np.zeros(model.n_parameters)), {each.name for each in graph.data_vars}

    weights = np.arange(1, 41)
    models = [
        BernoulliLogistic.from_arrays(*simulated(n, k, seed=n), frequency_weights=w)
        for n, k, w in ((60, 3, None), (40, 5, None), (30, 1, None), (40, 5, weights))
    ]
    derivatives(models[0]), derivatives(models[-1])
    monkeypatch.setattr("pymc.Model.compile_fn", None)
    for model in models:
        value, gradient, hessian, names = derivatives(model)
        zero = np.zeros(model.n_parameters)
        assert value == pytest.approx(model.log_likelihood(zero), rel=1e-13)
        assert gradient == pytest.approx(model.score(zero), rel=1e-11, abs=1e-11)
        assert -hessian == pytest.approx(model.information(zero), rel=1e-11)
        held, _ = pymc_routes._COMPILED.known[tuple(sorted(names))]
        assert {each.get_value().size for each in held.values()} == {0}


def test_a_thread_does_not_see_the_data_of_another():
    model = BernoulliLogistic.from_arrays(*simulated(60, 3, seed=1))
    with _derivatives(flat_model(model.rows, np.eye(3))), ThreadPoolExecutor(1) as pool:
        assert pymc_routes._COMPILED.known
        assert pool.submit(lambda: pymc_routes._COMPILED.known).result() == {}


@pytest.mark.parametrize("progress", [True, False])
def test_on_a_terminal_it_is_said_that_pymc_compiles_until_it_has(progress, monkeypatch):
    terminal = as_terminal(monkeypatch)
    model = CASES["spector"].model
    fit_map(model, progress=progress)
    assert (LOADING in terminal.getvalue()) == progress
    assert not progress or terminal.getvalue().rstrip().endswith("\x1b[2K")
    terminal.truncate(terminal.seek(0))
    sample_nuts(model, draws=50, tune=50, chains=2, seed=1, cores=1, progress=progress)
    lines = lines_of(terminal.getvalue())
    if progress:
        assert any(LOADING in line for line in lines)
        assert "200/200" in lines[-1]
        assert LOADING not in lines[-2]  # before the first draw alone
    else:
        assert not any(LOADING in line or "draws" in line for line in lines)


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
