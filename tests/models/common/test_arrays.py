"""What double precision can tell apart, against the doubles themselves."""

import math
import sys
from fractions import Fraction

import numpy as np

from flatprior.models.common.arrays import EPSILON, SMALLEST, UNIT


def test_epsilon_is_the_distance_from_1_to_the_next_double_and_the_unit_is_half_of_it():
    assert np.nextafter(1.0, 2.0) == 1.0 + EPSILON
    assert Fraction(EPSILON) == Fraction(1, 2**52)
    assert Fraction(UNIT) == Fraction(1, 2**53)
    assert 1.0 + UNIT == 1.0  # a tie, which goes to the even
    assert 1.0 + np.nextafter(UNIT, 1.0) > 1.0


def test_no_operation_rounds_by_more_than_the_unit_and_some_by_nearly_as_much():
    rng = np.random.default_rng(1)
    worst = 0.0
    for a, b in rng.uniform(1, 2, size=(2000, 2)).tolist():
        for found, exact in (
            (a + b, Fraction(a) + Fraction(b)),
            (a * b, Fraction(a) * Fraction(b)),
            (a / b, Fraction(a) / Fraction(b)),
        ):
            worst = max(worst, float(abs(Fraction(found) - exact) / exact))
    assert 0.9 * UNIT < worst <= UNIT


def test_below_the_smallest_number_the_relative_accuracy_is_gone():
    assert SMALLEST == sys.float_info.min == 2.0**-1022
    for number in (SMALLEST, 1.5 * SMALLEST):
        below = math.nextafter(number, 0.0)
        assert (number - below) / number <= EPSILON
    assert math.nextafter(SMALLEST, 0.0) / 2**20 * 2**20 != math.nextafter(SMALLEST, 0.0)
    # so what a product may have lost to underflow is less than it
    x = 1.7 * 2.0**-600
    assert 0 <= Fraction(x) * Fraction(x) - Fraction(x * x) < Fraction(SMALLEST)
