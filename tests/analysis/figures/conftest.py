"""One small model, its fit and its draws, which most figures show."""

import pytest

from flatprior.models import BernoulliLogistic, fit_newton, load_spector, sample_independence


@pytest.fixture(scope="session")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())


@pytest.fixture(scope="session")
def fit(model):
    return fit_newton(model)


@pytest.fixture(scope="session")
def draws(model):
    return sample_independence(model, seed=1, progress=False)
