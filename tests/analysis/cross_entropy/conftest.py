import pytest

from flatprior.models import BernoulliLogistic, load_smarket, load_spector


@pytest.fixture(scope="module")
def smarket():
    return BernoulliLogistic.from_formula("Direction ~ Lag1 + Lag2 + Volume", load_smarket())


@pytest.fixture(scope="module")
def spector():
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
