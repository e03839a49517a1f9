import numpy as np
import pytest
from problems import CASES, NO_MLE, as_posterior, ids, simulated
from scipy.special import digamma, polygamma

from flatprior.analysis import check_posterior
from flatprior.models import BernoulliLogistic, ImproperPosteriorError, sample_nuts
from flatprior.models.pymc_routes import _compiled, _whitening, flat_model


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


def test_a_seed_reproduces_the_draws_and_labels_are_kept():
    model = CASES["spector"].model
    first, second = (
        sample_nuts(model, draws=50, tune=50, chains=2, seed=7, progress=False) for _ in range(2)
    )
    assert np.array_equal(first.draws, second.draws)
    assert first.draws.shape == (2, 50, 4)
    assert first.names == model.names
    assert first.provenance.data_hash == model.data_hash
    for i, j in ((0, 0), (1, 49)):
        assert model.log_likelihood(first.draws[i, j]) == pytest.approx(
            first.log_density[i, j], rel=1e-10
        )


def test_nuts_reproduces_the_closed_form_of_a_two_by_two_table():
    # logit p_g ~ logit Beta(a, c) exactly, so mean and variance are known
    a, c = np.array([9, 14]), np.array([21, 6])
    design = np.repeat(np.eye(2), 2, axis=0)
    model = BernoulliLogistic.from_arrays(
        design, [1, 0, 1, 0], frequency_weights=np.column_stack([a, c]).ravel()
    )
    posterior = sample_nuts(model, seed=11, progress=False)
    summary = posterior.summary()
    mean = digamma(a) - digamma(c)
    variance = polygamma(1, a) + polygamma(1, c)
    # z-scores of 2 means and 2 variances; 4.5 standard errors: false-alarm rate 3e-5 together
    assert np.abs((summary["mean"] - mean) / summary["mcse"]).max() < 4.5
    squares = (posterior.draws - mean) ** 2
    batches = squares.reshape(4, 20, 50, 2).mean(axis=2).reshape(80, 2)
    error = batches.std(axis=0, ddof=1) / np.sqrt(80)
    assert np.abs((squares.mean(axis=(0, 1)) - variance) / error).max() < 4.5
    assert summary["r_hat"].max() < 1.01
    assert posterior.n_divergences == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"draws": 0}, "draws must be a whole number of at least 4"),
        ({"chains": 1.5}, "chains must be a whole number"),
        ({"tune": -1}, "tune must be"),
        ({"sampler": "nutpie"}, 'sampler must be "pymc"'),
    ],
)
def test_unusable_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        sample_nuts(CASES["spector"].model, progress=False, **options)


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
def test_nuts_samples_no_posterior_that_does_not_exist(case):
    with pytest.raises(ImproperPosteriorError):
        sample_nuts(case.model, progress=False)


U = np.array([[1.0, 2, -1], [0, 1, 3], [0, 0, 1]])
CHANGES = {  # a problem that is the plain one in disguise, and how its draws map back
    "rows repeated": (lambda X, y: (np.repeat(X, 2, axis=0), np.repeat(y, 2), None), np.eye(3)),
    "weights": (lambda X, y: (X, y, np.full(len(y), 2)), np.eye(3)),
    "permuted": (lambda X, y: (np.vstack([X, X])[::-1], np.append(y, y)[::-1], None), np.eye(3)),
    "scaled": (lambda X, y: (X * [1, 1e6, 1e-6], y, np.full(len(y), 2)), np.diag([1, 1e6, 1e-6])),
    "recombined": (lambda X, y: (X @ U, y, np.full(len(y), 2)), U),
    "flipped": (lambda X, y: (X, 1 - y, np.full(len(y), 2)), -np.eye(3)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nuts_draws_are_of_one_posterior_in_every_disguise(name):
    # each with a false-alarm rate of 1e-3, at a fixed seed
    X, y = simulated(60, 3, seed=4)
    plain = BernoulliLogistic.from_arrays(X, y, frequency_weights=np.full(60, 2))
    change, back = CHANGES[name]
    design, response, weights = change(X, y)
    model = BernoulliLogistic.from_arrays(design, response, frequency_weights=weights)
    posterior = sample_nuts(model, seed=5, progress=False)
    check = check_posterior(
        plain, as_posterior(plain, posterior.draws @ back.T, posterior.log_density)
    )
    assert check.passed, check.failures
