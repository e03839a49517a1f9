import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from flatprior.analysis import coin
from flatprior.models import BernoulliLogistic, certify, check_existence, fit_newton


def test_eight_heads_have_probability_039_percent_and_a_likelihood_with_its_top_at_one():
    eight = coin(8, 8)
    assert f"{eight.likelihood(0.5):.2%}" == "0.39%"
    assert eight.likelihood(0.5) == 1 / 256
    assert eight.maximiser == 1.0
    assert eight.log_likelihood == 0.0
    grid = np.linspace(0, 1, 101)
    assert grid[eight.likelihood(grid).argmax()] == 1.0
    # probabilities of all that could happen sum to 1, the likelihood does not integrate to 1
    assert eight.probabilities(0.3).sum() == pytest.approx(1, rel=1e-15)
    assert eight.area == pytest.approx(1 / 9, rel=1e-14)


@pytest.mark.parametrize(("heads", "tosses"), [(0, 1), (3, 8), (40, 100)])
def test_the_area_under_a_likelihood_is_one_over_tosses_plus_one(heads, tosses):
    found = coin(heads, tosses)
    assert found.area == pytest.approx(1 / (tosses + 1), rel=1e-12)
    assert quad(found.likelihood, 0, 1)[0] == pytest.approx(found.area, rel=1e-8)
    best = float(found.likelihood(found.maximiser))
    assert found.log_likelihood == pytest.approx(math.log(best), rel=1e-12, abs=1e-14)


def test_the_coin_is_the_intercept_only_model():
    tossed = BernoulliLogistic.from_arrays(np.ones((8, 1)), [1] * 5 + [0] * 3)
    p = 1 / (1 + math.exp(-fit_newton(tossed).coefficients[0]))
    assert p == pytest.approx(coin(5, 8).maximiser, rel=1e-14)
    # eight heads: the maximiser p = 1 has no logit, and the model no MLE
    assert not check_existence(BernoulliLogistic.from_arrays(np.ones((8, 1)), [1] * 8)).exists
    assert math.isinf(certify(tossed, [30.0]).error_bound)


def test_impossible_heads_are_refused():
    with pytest.raises(ValueError, match="9 heads in 8 tosses"):
        coin(9, 8)


def test_coins_of_many_tosses_and_wrong_probabilities():
    many = coin(600, 1200)
    assert many.likelihood(0.5) == pytest.approx(float(mpmath.binomial(1200, 600) / 2**1200))
    assert many.probabilities(0.5).sum() == pytest.approx(1, rel=1e-12)
    assert many.area == 1 / 1201
    with pytest.raises(ValueError, match="from 0 to 1"):
        many.likelihood([0.5, 2.0])
    with pytest.raises(ValueError, match="whole numbers"):
        coin(2.5, 8)
