import numpy as np
import pytest

from flatprior.analysis.inference.high_dimension.frontier import largest_signal, most_coefficients
from flatprior.analysis.inference.high_dimension.state_evolution import of_signal
from flatprior.models import BernoulliLogistic, check_existence


@pytest.mark.parametrize(("kappa", "gamma"), [(0.1, 9.890), (0.2, 4.550)])
def test_published_frontier(kappa, gamma):
    # tests of google-research/sloe-logistic, by adaptive quadrature
    assert largest_signal(kappa) == pytest.approx(gamma, abs=6e-4)


def test_its_ends():
    assert most_coefficients(0.0) == pytest.approx(0.5, abs=1e-9)  # Cover (1965)
    assert largest_signal(0.5) == largest_signal(0.9) == 0.0
    assert largest_signal(0.001) == np.inf
    at = [most_coefficients(gamma) for gamma in np.linspace(0, 12, 40)]
    assert (np.diff(at) < 0).all()


def test_the_equations_have_solutions_up_to_it():
    # the fitted predictors go to infinity there
    spreads = [of_signal(0.3, part * largest_signal(0.3)).eta for part in (0.5, 0.8, 0.9, 0.99)]
    assert (np.diff(spreads) > 0).all()
    assert spreads[-1] > 10 * spreads[0]


@pytest.mark.parametrize(("part", "exist"), [(0.75, True), (1.35, False)])
def test_data_are_separated_beyond_it(part, exist):
    rng = np.random.default_rng(2)
    n, gamma = 150, 3.0
    k = round(part * most_coefficients(gamma) * n)
    x = rng.normal(size=(n, k))
    y = rng.random(n) < 1 / (1 + np.exp(-gamma * x[:, 0]))
    assert check_existence(BernoulliLogistic.from_arrays(x, y)).exists is exist
