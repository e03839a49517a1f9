"""Bounds as text."""

import math
from decimal import Decimal

import numpy as np
import pytest
from multiplier import repeated

from flatprior.models.common.bounds import at_least, at_most


def _of_all_sizes(rng: np.random.Generator) -> float:
    """A number of any size that doubles have, often of few digits or next to such a one."""
    value = float(f"{rng.uniform(1, 10):.{rng.integers(0, 17)}f}e{rng.integers(-299, 300)}")
    step = rng.integers(-1, 2)
    return float(np.nextafter(value, step * math.inf)) if step else value


@pytest.mark.parametrize("form", [".1e", ".0e", ".3g", "#.2g"])
def test_a_bound_is_never_less_in_words_than_it_is_nor_much_more(form):
    rng = np.random.default_rng(11)
    digits = int(form.strip("#.eg")) + form.endswith("e")
    for _ in range(repeated(2000)):
        value = _of_all_sizes(rng)
        above, below = at_most(value, form), at_least(value, form)
        assert float(below) <= value <= float(above), (value, below, above)
        # one unit of the last digit at most, and none where the number has no more digits
        unit = Decimal(10) ** (Decimal(repr(value)).adjusted() - digits + 1)
        assert Decimal(above) - Decimal(below) in (0, unit), (value, below, above)
        assert (above == below) == (Decimal(repr(value)) % unit == 0), (value, below, above)
        for text in (above, below):
            assert format(float(text), form) == text


def test_a_bound_of_two_digits_is_less_than_a_tenth_above_what_is_proved():
    rng = np.random.default_rng(12)
    for value in 10.0 ** rng.uniform(-290, 290, size=repeated(2000)):
        assert value <= float(at_most(value)) <= 1.1 * value
        assert 0.9 * value <= float(at_least(value)) <= value


@pytest.mark.parametrize(
    ("bound", "above", "below"),
    [
        (8.74e-13, "8.8e-13", "8.7e-13"),
        (np.float64(8.74e-13), "8.8e-13", "8.7e-13"),
        (9.91e-13, "1.0e-12", "9.9e-13"),
        (1e-5, "1.0e-05", "1.0e-05"),
        (0.0, "0.0e+00", "0.0e+00"),
        (5e-324, "1.0e-300", "0.0e+00"),
        (1.7976931348623157e308, "inf", "1.7e+308"),
        (-1.7976931348623157e308, "-1.7e+308", "-inf"),
        (math.inf, "inf", "inf"),
        (-math.inf, "-inf", "-inf"),
        (math.nan, "-", "-"),
        (-8.74e-13, "-8.7e-13", "-8.8e-13"),
        (3, "3.0e+00", "3.0e+00"),
    ],
)
def test_bounds_at_the_ends_of_doubles(bound, above, below):
    assert (at_most(bound), at_least(bound)) == (above, below)
