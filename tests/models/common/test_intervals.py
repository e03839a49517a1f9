"""Wald intervals and statistics, whose values are known."""

import mpmath
import numpy as np
import pytest

from flatprior.models.common.intervals import (
    check_probability,
    percentages,
    wald_interval,
    wald_reach,
    wald_statistics,
)


@pytest.mark.parametrize("prob", [1e-9, 0.5, 0.8, 0.95, 0.99, 1 - 1e-9])
def test_the_reach_holds_that_much_of_a_normal_distribution(prob):
    with mpmath.workdps(30):
        inside = mpmath.erf(mpmath.mpf(wald_reach(prob)) / mpmath.sqrt(2))
    assert float(inside) == pytest.approx(prob, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("prob", [0, 1, -0.1, 1.5, np.nan, np.inf, "0.95", None, 1j, 95, [0.5]])
def test_what_is_no_probability_is_refused_wherever_it_is_asked_for(prob):
    for ask in (
        lambda: check_probability(prob),
        lambda: wald_reach(prob),
        lambda: wald_interval(1.0, 1.0, prob),
    ):
        with pytest.raises(ValueError, match="prob must lie between 0 and 1, not"):
            ask()


def test_the_ends_of_an_interval_are_named_without_rounding():
    assert percentages(0.95) == ("2.5%", "97.5%")
    assert percentages(0.9) == ("5%", "95%")
    assert percentages(0.999) == ("0.05%", "99.95%")


def test_a_probability_in_single_precision_is_that_number_in_double():
    check_probability(np.float32(0.5))
    assert wald_reach(np.float32(0.95)) == wald_reach(float(np.float32(0.95)))


def test_both_ends_are_as_far_from_the_estimate():
    estimate, error = np.array([1.0, -2.0, 1e300]), np.array([0.5, 0.0, 1e300])
    found = wald_interval(estimate, error, 0.5)
    assert list(found) == ["25%", "75%"]
    low, high = found.values()
    assert high - estimate == pytest.approx(0.6744897501960817 * error, rel=1e-13)
    assert estimate - low == pytest.approx(high - estimate, rel=1e-15)
    assert wald_interval(1.0, 2.0, 0.95)["97.5%"] == pytest.approx(4.919927969080109, rel=1e-14)


def test_statistics_have_both_tails_and_keep_small_ones():
    found = wald_statistics(np.array([0.0, -1.959963984540054, 30.0]), np.ones(3))
    assert found["z"].tolist() == [0.0, -1.959963984540054, 30.0]
    # twice the tail beyond 30
    assert found["p"] == pytest.approx([1.0, 0.05, 9.813427854297e-198], rel=1e-10)
    assert np.isnan(wald_statistics(1.0, np.nan)["p"])
