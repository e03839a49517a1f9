import json
import math

import numpy as np
import pytest

from flatprior.analysis import check_posterior, check_pymc
from flatprior.models import BernoulliLogistic, Posterior, load_spector
from flatprior.models.routes.pymc_routes import flat_model
from flatprior.models.routes.pymc_versions import import_pymc


@pytest.fixture(scope="module")
def pm():
    return import_pymc()


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", load_spector())


def theirs(pm, model, priors, eta=None, response=None, **coords):
    """A PyMC model of these data with a variable a coefficient, as people write it."""
    X, y = model.design, model.response if response is None else response
    with pm.Model(coords=coords or None) as graph:
        intercept, gpa, psi = (prior() for prior in priors)
        linear = intercept + gpa * X[:, 1] + (psi[0] if coords else psi) * X[:, 2]
        pm.Bernoulli("y", logit_p=linear if eta is None else eta(linear), observed=y)
    return graph


def test_flat_priors_pass_whatever_the_variables_are_called(pm, model):
    named = theirs(
        pm,
        model,
        (
            lambda: pm.Flat("Intercept"),
            lambda: pm.Flat("gpa"),
            lambda: pm.Flat("psi", dims="level"),
        ),
        level=["1"],
    )
    found = check_pymc(model, named)
    assert found.passed, found.message
    assert max(found.density_error, found.gradient_error, found.likelihood_error) < 1e-10
    assert set(found.parts.values()) == {0.0}
    listed = check_pymc(model, named, variables=["Intercept", "gpa", "psi[1]"])
    assert listed.passed
    assert np.abs(found.shift).max() < 1e-6
    assert "this is the flat-prior model of these data" in found.message


def test_weights_and_offset_are_compared_too(pm):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=40), rng.integers(0, 2, 40)
    offset, weights = rng.normal(size=40), rng.integers(1, 4, 40)
    keywords = {"intercept": True, "offset": offset, "frequency_weights": weights}
    model = BernoulliLogistic.from_arrays(X, y, **keywords)
    graph = flat_model(model.arrays, np.eye(2))
    assert check_pymc(model, graph, variables="z").passed
    for forgotten in ("offset", "frequency_weights"):
        other = BernoulliLogistic.from_arrays(X, y, **(keywords | {forgotten: None}))
        found = check_pymc(other, graph, variables="z")
        assert not found.passed
        assert found.likelihood_error > 0.01
        assert "another likelihood" in found.message


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (lambda pm: pm.Normal("gpa", 0, 2.5), "Normal(0, 2.5), a ridge penalty: scikit-learn's C"),
        (
            lambda pm: pm.Laplace("gpa", 0, 2),
            "Laplace(0, 2), a lasso penalty: scikit-learn's C = 2",
        ),
        (lambda pm: pm.Cauchy("gpa", 0, 2.5), "Cauchy(0, 2.5)"),
        (lambda pm: pm.StudentT("gpa", nu=7, mu=0, sigma=1e3), "StudentT"),
    ],
)
def test_the_variable_that_has_a_prior_is_named_with_what_it_amounts_to(pm, model, prior, said):
    priors = (lambda: pm.Flat("Intercept"), lambda: prior(pm), lambda: pm.Flat("C(psi)"))
    graph = theirs(pm, model, priors)
    found = check_pymc(model, graph, variables=["Intercept", "gpa", "C(psi)"])
    assert not found.passed
    assert f"gpa has a prior, {said}" in found.message
    assert found.likelihood_error < 1e-10
    assert found.table()["flat"].tolist() == ["yes", "NO", "yes"]


def test_the_shift_is_that_of_the_penalised_mode_to_first_order(pm, model):
    sd = 30.0
    graph = theirs(
        pm,
        model,
        (lambda: pm.Flat("Intercept"), lambda: pm.Normal("gpa", 0, sd), lambda: pm.Flat("psi")),
    )
    found = check_pymc(model, graph, variables=["Intercept", "gpa", "psi"])
    from flatprior.models import fit_newton

    fit = fit_newton(model)
    beta = fit.coefficients.copy()
    penalty = np.diag([0, 1 / sd**2, 0])
    for _ in range(50):  # Newton's method for the penalised likelihood
        p = 1 / (1 + np.exp(-(model.design @ beta)))
        information = model.design.T @ (model.design * (p * (1 - p))[:, None]) + penalty
        score = model.design.T @ (model.response - p) - penalty @ beta
        beta += np.linalg.solve(information, score)
    exact = (beta - fit.coefficients) / fit.standard_errors
    assert found.shift == pytest.approx(exact, rel=0.02)


def test_another_response_another_link_and_other_rows_are_told(pm, model):
    flat = (lambda: pm.Flat("Intercept"), lambda: pm.Flat("gpa"), lambda: pm.Flat("psi"))
    names = ["Intercept", "gpa", "psi"]
    for graph in (
        theirs(pm, model, flat, response=1 - model.response),
        theirs(pm, model, flat, eta=lambda linear: 1.001 * linear),
    ):
        found = check_pymc(model, graph, variables=names)
        assert not found.passed
        assert found.likelihood_error > 1e-4
        assert set(found.parts.values()) == {0.0}
    fewer = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", load_spector().iloc[1:])
    assert not check_pymc(fewer, theirs(pm, model, flat), variables=names).passed


def test_parameters_that_the_model_lacks_and_coefficients_that_are_restricted_are_named(pm, model):
    with pm.Model() as graph:
        scale = pm.HalfCauchy("tau", 1.0)
        beta = pm.Normal("beta", 0, scale, shape=3)
        pm.Bernoulli("y", logit_p=model.design @ beta, observed=model.response)
    found = check_pymc(model, graph, variables="beta")
    assert found.others == ("tau",)
    assert "tau is a parameter that the flat-prior model does not have" in found.message
    assert found.priors["beta"].said == "Normal"  # its scale is no number
    positive = theirs(
        pm,
        model,
        (lambda: pm.Flat("Intercept"), lambda: pm.HalfNormal("gpa", 5.0), lambda: pm.Flat("psi")),
    )
    found = check_pymc(model, positive, variables=["Intercept", "gpa", "psi"])
    assert not found.passed
    assert found.restricted == ("gpa",)
    assert "gpa cannot be any number: HalfNormal" in found.message
    assert math.isinf(found.density_error)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["restricted"] == ["gpa"]
    assert "NO" in str(found)


def test_what_is_no_model_and_what_has_no_names_is_refused_in_words(pm, model):
    with pm.Model() as graph:
        beta = pm.Flat("beta", shape=3)
        pm.Bernoulli("y", logit_p=model.design @ beta, observed=model.response)
    for keywords, message in (
        ({"variables": "gamma"}, "no free vector 'gamma'; there are beta"),
        ({"variables": ["beta[0]", "beta[1]"]}, "2 names for 3 coefficients"),
        ({"variables": "beta", "points": 1}, "points must be"),
    ):
        with pytest.raises(ValueError, match=message):
            check_pymc(model, graph, **keywords)
    with pytest.raises(TypeError, match="must be one of PyMC or Bambi, not a str"):
        check_pymc(model, "model")
    two = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    with pytest.raises(ValueError, match="beta has 3 elements; the model has 2 coefficients"):
        check_pymc(two, graph, variables="beta")
    with pytest.raises(ValueError, match="there are no variables of Intercept") as refused:
        check_pymc(two, graph)
    assert "draws" not in str(refused.value)


@pytest.mark.parametrize("prior", ["Flat", "Normal"])
def test_a_vector_without_names_is_taken_in_the_order_of_the_model(pm, model, prior):
    with pm.Model() as graph:
        beta = pm.Flat("beta", shape=3) if prior == "Flat" else pm.Normal("beta", 0, 2.5, shape=3)
        pm.Bernoulli("y", logit_p=model.design @ beta, observed=model.response)
    found = check_pymc(model, graph)
    named = check_pymc(model, graph, variables="beta")
    assert found.passed == named.passed == (prior == "Flat")
    assert found.message == named.message
    (note,) = found.notes
    assert note[1:] in " ".join(str(found).split())
    assert "taken for Intercept, gpa" in note
    assert found.to_dict()["notes"] == [note]
    assert named.notes == ()


@pytest.mark.filterwarnings("ignore")
def test_bambis_default_priors_are_told_and_its_flat_ones_pass():
    bambi = pytest.importorskip("bambi")
    data = load_spector().assign(psi=lambda d: d["psi"].map({0: "no", 1: "yes"}))
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    default = bambi.Model("grade ~ gpa + tuce + psi", data, family="bernoulli")
    with pytest.raises(ValueError, match="has not been built"):
        check_pymc(model, default)
    default.build()
    found = check_pymc(model, default)
    assert not found.passed
    assert found.likelihood_error < 1e-9
    assert all("prior, Normal" in found.message for _ in found.parts)
    flat = bambi.Prior("Flat")
    own = bambi.Model(
        "grade ~ gpa + tuce + psi",
        data,
        family="bernoulli",
        priors={"Intercept": flat, "common": flat},
    )
    own.build()
    assert check_pymc(model, own).passed
    draws = own.fit(draws=500, tune=500, chains=4, cores=1, random_seed=1, progressbar=False)
    posterior = Posterior.from_arviz(model, draws)
    assert posterior.route == "bambi"
    assert posterior.states_density
    assert check_posterior(model, posterior).passed
