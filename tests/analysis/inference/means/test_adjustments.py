"""Adjusted p-values: Tukey's distribution against closed forms, digits and SciPy; Holm's."""

import mpmath as mp
import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import studentized_range
from statsmodels.stats.multitest import multipletests

from flatprior.analysis.inference.means.adjustments import adjusted, range_tail, reach_of


@pytest.mark.parametrize("length", [0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 45.0])
def test_of_two_means_the_range_is_the_size_of_a_difference(length):
    assert range_tail(length, 2) == pytest.approx(2 * ndtr(-length / np.sqrt(2)), rel=1e-11)


@pytest.mark.parametrize("q", [3, 6, 40])
def test_the_range_of_several_is_that_of_scipy_and_of_more_digits(q):
    for length in (0.5, 3.3, 5.0):
        theirs = studentized_range.sf(length, q, np.inf)
        assert range_tail(length, q) == pytest.approx(theirs, rel=1e-8)
    with mp.workdps(40):  # far out, where 1 less the distribution function is 0 in doubles
        exact = 1 - q * mp.quad(
            lambda z: mp.npdf(z) * (mp.ncdf(z) - mp.ncdf(z - 14)) ** (q - 1),
            mp.linspace(-16, 16, 17),
        )
    assert range_tail(14.0, q) == pytest.approx(float(exact), rel=1e-10)
    assert np.isnan(range_tail(np.nan, q))


def test_holm_and_bonferroni_are_those_of_statsmodels_and_what_is_unknown_is_of_no_family():
    p = np.array([0.011, 0.2, 0.04, 0.0003, 0.9, 0.04])
    for ours, theirs in (("holm", "holm"), ("bonferroni", "bonferroni")):
        expected = multipletests(p, method=theirs)[1]
        assert adjusted(p, np.zeros(6), ours, 4) == pytest.approx(expected, rel=1e-14)
        with_unknown = adjusted(np.append(p, np.nan), np.zeros(7), ours, 4)
        assert np.isnan(with_unknown[-1])
        if ours == "holm":
            assert with_unknown[:-1] == pytest.approx(expected, rel=1e-14)
    assert adjusted(p, np.zeros(6), "none", 4) is not p


@pytest.mark.parametrize(("m", "q"), [(1, 2), (3, 3), (15, 6)])
def test_intervals_reach_as_far_as_p_values_are_above_one_less_their_probability(m, q):
    for adjust in ("none", "bonferroni", "holm", "tukey"):
        reach = reach_of(0.9, adjust, m, q)
        z, p = np.full(m, reach), np.full(m, 2 * ndtr(-reach))
        judged = adjusted(p, z, "bonferroni" if adjust == "holm" else adjust, q)
        assert judged == pytest.approx(np.full(m, 0.1), rel=1e-10)
