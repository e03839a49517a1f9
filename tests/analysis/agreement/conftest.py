import pytest
from problems import CASES

from flatprior.analysis import compare_routes, run_routes
from flatprior.models import BernoulliLogistic, fit_newton, load_smarket


@pytest.fixture(scope="session")
def demo():
    """The demo's model, what its four routes gave, and how these agree."""
    model = BernoulliLogistic.from_formula(
        "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume", load_smarket()
    )
    results = run_routes(model, seed=1)
    return model, results, compare_routes(model, *results)


@pytest.fixture(scope="session")
def spector():
    model = CASES["spector"].model
    return model, fit_newton(model)
