"""What rounding may have done to numbers, from how they are written."""

import numpy as np
import pytest

from flatprior.analysis import explain_difference
from flatprior.analysis.stated_precision import half_units
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


@pytest.mark.parametrize(
    ("numbers", "half"),
    [
        ([1.25, -0.5, 3.0], [0.005, 0.005, 0.005]),  # as many decimals
        ([1.25e6, -0.00125, 3.01], [5e3, 5e-6, 5e-3]),  # as many significant digits
        ([0.0, 0.0], [0.5, 0.5]),
        ([120.0, -3.0], [0.5, 0.5]),
        ([1 / 3, 2.0], [0.0, 0.0]),
    ],
)
def test_half_a_unit_of_the_last_digit(numbers, half):
    assert half_units(np.array(numbers)) == pytest.approx(half)


def test_numbers_that_single_precision_holds_are_rounded_to_it():
    numbers = np.array([1 / 3, -200 / 7, 1e-5]).astype(np.float32).astype(float)
    half = half_units(numbers)
    assert (half > 0).all()
    assert (np.abs(numbers - [1 / 3, -200 / 7, 1e-5]) <= half).all()
    assert (half < 1e-6 * np.abs(numbers)).all()
    # one number of more digits, and all are doubles
    assert not half_units(np.append(numbers, 1 / 7)).any()


def test_the_mle_in_single_precision_is_the_mle():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    mle = fit_newton(model).coefficients
    found = explain_difference(model, mle.astype(np.float32))
    assert (found.cause, found.certain) == ("agreement", True)
    doubles = explain_difference(model, mle * (1 + 2e-6))
    assert doubles.cause != "agreement"


def test_half_precision_is_no_decimal_one():
    rng = np.random.default_rng(1)
    for size in (0.01, 1.0, 60.0):
        exact = -size * (1 + rng.random(300))
        kept = exact.astype(np.float16).astype(float)
        assert (np.abs(kept - exact) <= half_units(kept)).all()
