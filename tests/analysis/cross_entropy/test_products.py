import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from flatprior.analysis import bernoulli_likelihood, likelihood_curve, product_underflow
from flatprior.models import BernoulliLogistic, fit_newton

TOSS = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])


def multiplied(factors, dtype):
    """How many factors, from the top again and again, until the product is 0: one at a time."""
    product, n = dtype(1), 0
    while True:
        for factor in factors:
            product = dtype(product * dtype(factor))
            n += 1
            if product == 0:
                return n


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", ["smarket", "spector"])
def test_underflow_counts_are_those_of_multiplying_one_by_one(name, dtype, request):
    model = request.getfixturevalue(name)
    fit = fit_newton(model)
    found = product_underflow(model, fit, dtype.__name__)
    factors = bernoulli_likelihood(model, fit)
    assert found.n_factors == multiplied(factors, dtype)
    # exactly, in rational numbers: the product is not zero, and its logarithm is ours
    exact = Fraction(1)
    for i in range(found.n_factors):
        exact *= Fraction(float(factors[i % len(factors)]))
    with mpmath.workdps(30):
        true = mpmath.log(exact.numerator) - mpmath.log(exact.denominator)
        assert found.log_likelihood == pytest.approx(float(true), rel=1e-13)
    assert 0 < found.last < np.finfo(dtype).tiny
    assert found.n_subnormal < found.n_factors


def test_halves_underflow_where_the_format_ends():
    for dtype, least in (("float64", -1074), ("float32", -149), ("float16", -24)):
        found = product_underflow(TOSS, [0.0], dtype)
        assert found.n_factors == 1 - least
        assert found.last == 2.0**least
        assert len(repr(found)) < 200
        assert found.n_subnormal == 1 - round(math.log2(float(np.finfo(dtype).tiny)))
        assert found.log_likelihood == pytest.approx((least - 1) * math.log(2), rel=1e-15)


def test_rows_of_a_frequency_weight_are_multiplied_as_often():
    grouped = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1], frequency_weights=[600, 900])
    single = BernoulliLogistic.from_arrays(np.ones((1500, 1)), [0] * 600 + [1] * 900)
    fit = fit_newton(single)
    assert product_underflow(grouped, fit.coefficients) == product_underflow(single, fit)


def test_certain_outcomes_do_not_underflow():
    sure = BernoulliLogistic.from_arrays([[-1.0], [1.0]], [0, 1])
    found = product_underflow(sure, [100.0])
    assert found.n_factors is None
    assert found.last == 1.0
    assert "is 1, their log-likelihood" in str(found)


def test_an_unknown_float_is_refused():
    with pytest.raises(ValueError, match="float64"):
        product_underflow(TOSS, [0.0], "float8")


def test_the_logarithm_keeps_the_maximiser_and_the_product_of_all_rows_is_zero(smarket):
    fit = fit_newton(smarket)
    grid = np.linspace(-1, 1, 401)
    few = likelihood_curve(smarket, fit, "Lag1", grid, rows=100)
    assert few["likelihood"].idxmax() == few["log-likelihood"].idxmax()
    np.testing.assert_allclose(np.log(few["likelihood"]), few["log-likelihood"], rtol=1e-12)
    whole = likelihood_curve(smarket, fit, "Lag1", grid)
    assert (whole["likelihood"] == 0).all()
    at = np.argmin(np.abs(grid - fit.coefficients[1]))
    assert whole["log-likelihood"].to_numpy().argmax() == at
    with pytest.raises(ValueError, match="no coefficient 'Lag9'"):
        likelihood_curve(smarket, fit, "Lag9", grid)
    with pytest.raises(ValueError, match="between 1 and 1250"):
        likelihood_curve(smarket, fit, "Lag1", grid, rows=1251)


def test_a_product_that_sticks_is_not_called_finite():
    sure = BernoulliLogistic.from_arrays([[-1.0], [1.0]], [0, 1])
    found = product_underflow(sure, [1.0])
    assert found.n_factors is None
    p = 1 / (1 + math.exp(-1))
    assert found.n_subnormal == math.floor(math.log(np.finfo(float).tiny) / math.log(p)) + 1
    assert "sticks at 4.9e-324, with no digit right" in str(found)
    assert found.log_likelihood == pytest.approx(found.n_multiplied * math.log(p), rel=1e-12)


def test_huge_weights_need_no_memory():
    model = BernoulliLogistic.from_arrays(
        np.ones((1000, 1)), np.arange(1000) % 2, frequency_weights=np.full(1000, 5_000_000)
    )
    assert product_underflow(model, [0.0], "float32").n_factors == 150
