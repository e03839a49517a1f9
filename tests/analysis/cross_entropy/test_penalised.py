import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import required_C, sklearn_objective
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def test_the_penalised_objective_is_what_scikit_learn_minimises(spector):
    C = 0.7
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    theirs.fit(spector.design[:, 1:], spector.response)
    beta = np.concatenate([theirs.intercept_, theirs.coef_[0]])
    lowest = sklearn_objective(spector, beta, C).total
    rng = np.random.default_rng(0)
    for _ in range(50):
        moved = beta + rng.normal(scale=1e-3, size=4)
        assert sklearn_objective(spector, moved, C).total > lowest
    assert sklearn_objective(spector, beta, C).penalty == pytest.approx(
        np.square(theirs.coef_).sum() / (2 * C * 32), rel=1e-14
    )
    # at the MLE the cross-entropy is lower, the whole is not
    mle = fit_newton(spector)
    assert (
        sklearn_objective(spector, mle, C).cross_entropy
        < sklearn_objective(spector, beta, C).cross_entropy
    )
    with pytest.raises(ValueError, match="C must be positive"):
        sklearn_objective(spector, beta, 0)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
@pytest.mark.parametrize("name", ["smarket", "spector"])
def test_required_C_is_where_the_penalty_no_longer_shows(name, tolerance, request):
    model = request.getfixturevalue(name)
    mle = fit_newton(model)
    C = required_C(model, mle, tolerance)
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-14)
    theirs.fit(model.design[:, 1:], model.response)
    beta = np.concatenate([theirs.intercept_, theirs.coef_[0]])
    distance = np.max(np.abs(beta - mle.coefficients) / mle.standard_errors)
    assert distance == pytest.approx(tolerance, rel=0.01)


def test_an_intercept_alone_is_not_penalised():
    model = BernoulliLogistic.from_formula("grade ~ 1", load_spector())
    with pytest.raises(ValueError, match="intercept only"):
        required_C(model, fit_newton(model))
