import numpy as np
import pytest

from flatprior.analysis.auditing.numbers import judge_numbers
from flatprior.analysis.producers.programs.glum_fit import read
from flatprior.models import fit_newton, load_spector

glum = pytest.importorskip("glum")
DATA = load_spector()
X, Y = DATA[["gpa", "psi"]], DATA["grade"]


def test_the_penalty_is_on_the_mean_of_the_observations():
    fit = glum.GeneralizedLinearRegressor(family="binomial", alpha=0.1).fit(X, Y)
    their = read(fit, X, Y)
    assert list(their.coefficients) == ["(Intercept)", "gpa", "psi"]
    assert list(their.coefficients.values()) == [fit.intercept_, *fit.coef_]
    assert their.settings.penalty == "l2"
    assert their.settings.strength == pytest.approx(3.2)
    assert their.settings.penalised == (False, True, True)
    assert their.settings.link == "logit"
    plain = read(glum.GeneralizedLinearRegressor(family="binomial", alpha=0).fit(X, Y), X, Y)
    assert plain.settings.penalty == ""
    assert plain.settings.tolerance == 1e-4


def test_weights_and_offsets_are_taken_as_they_were_fitted():
    weights, offset = np.arange(32) % 3 + 0.5, np.linspace(-1, 1, 32)
    fit = glum.GeneralizedLinearRegressor(family="binomial", alpha=0)
    their = read(fit.fit(X, Y, sample_weight=weights, offset=offset), X, Y, weights, offset)
    assert np.array_equal(their.model.frequency_weights, weights)
    assert np.array_equal(their.model.offset, offset)


def test_other_families_and_other_columns_are_refused():
    poisson = glum.GeneralizedLinearRegressor(family="poisson", alpha=0).fit(X, Y)
    with pytest.raises(TypeError, match="family poisson"):
        read(poisson, X, Y)
    fit = glum.GeneralizedLinearRegressor(family="binomial", alpha=0)
    with pytest.raises(ValueError, match="is not fitted"):
        read(fit, X, Y)
    with pytest.raises(ValueError, match="2 coefficients beside the intercept"):
        read(fit.fit(X, Y), X[["gpa"]], Y)


@pytest.mark.parametrize(
    "more",
    [{}, {"robust": False}, {"clusters": np.arange(32) // 3}, {"robust": False, "dispersion": 2.0}],
)
def test_a_covariance_by_clusters_leaves_no_trace_and_is_not_judged(more):
    """With clusters= or dispersion= nothing in the object says so: not judged, and not accused."""
    regressor = glum.GeneralizedLinearRegressor(family="binomial", alpha=0, gradient_tol=1e-12)
    if "clusters" in more:
        regressor.fit(X, Y, store_covariance_matrix=True, **more)
    else:
        regressor.fit(X, Y).covariance_matrix(X, Y, store_covariance_matrix=True, **more)
    their = read(regressor, X, Y)
    judged = judge_numbers(their.model, fit_newton(their.model), their)
    known = not {"clusters", "dispersion"} & set(more)
    for each in judged:
        expected = True if each.is_coefficient or known else None
        assert each.consistent is expected
