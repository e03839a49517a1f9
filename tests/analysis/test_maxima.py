"""Maximal log-likelihoods, and the tail of the chi-squared distribution."""

import mpmath
import pytest

from flatprior.analysis import HypothesisTest
from flatprior.analysis.maxima import log_chi_squared_tail


@pytest.mark.parametrize("df", [1, 2, 7, 40])
def test_the_logarithm_of_a_p_value_that_no_double_holds(df):
    for statistic in (3.0, 500.0, 1300.0, 1e4, 1e7):
        with mpmath.workdps(30):
            a = mpmath.mpf(df) / 2
            exact = mpmath.log(mpmath.gammainc(a, mpmath.mpf(statistic) / 2) / mpmath.gamma(a))
        assert log_chi_squared_tail(statistic, df) == pytest.approx(float(exact), rel=1e-12)
    test = HypothesisTest("Wald", "x = 0", 1e4, 1, 0.0)
    assert "p = 2.7e-2174" in str(test)
