"""What is let pass between a number that is stated and the one that is computed."""

import numpy as np
import pytest

from flatprior.models.common import closeness
from flatprior.models.common.closeness import Closeness


def test_both_parts_are_let_pass_together_and_nothing_more():
    rule = Closeness(0.01, 0.5)
    for size in (0.0, 10.0, -10.0, 1e9):
        allowed = 0.5 + 0.01 * abs(size)
        for sign in (-1, 1):
            assert rule.holds(size + 0.999 * sign * allowed, size)
            assert not rule.holds(size + 1.001 * sign * allowed, size)


def test_without_an_absolute_part_a_number_of_any_size_is_held():
    for size in (1e-30, 1.0, 1e200):
        assert closeness.FOLLOWING.holds(size * (1 + 9e-10), size)
        assert not closeness.FOLLOWING.holds(size * (1 + 2e-9), size)
    assert not closeness.STANDARD_ERRORS.holds([1e-9, 1.0], [2e-9, 1.0])
    assert not closeness.FAR_LOG_LIKELIHOOD.holds(0.0, 1e-30)


def test_what_is_no_number_is_only_itself():
    rule = Closeness(1.0, 1.0)
    assert rule.holds([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf])
    for stated, computed in ((np.nan, 0.0), (0.0, np.nan), (np.inf, -np.inf), (np.inf, 1.0)):
        assert not rule.holds(stated, computed)


@pytest.mark.parametrize(
    ("name", "relative", "absolute"),
    [
        ("FOLLOWING", 1e-9, 0.0),
        ("LOG_LIKELIHOOD", 1e-9, 1e-7),
        ("FAR_LOG_LIKELIHOOD", 1e-6, 0.0),
        ("COMPARED", 5e-10, 5e-10),
        ("SCALED_COVARIANCE", 1e-6, 1e-6),
        ("STANDARD_ERRORS", 1e-6, 0.0),
    ],
)
def test_no_tolerance_is_wider_than_its_reason(name, relative, absolute):
    rule = getattr(closeness, name)
    assert rule.relative <= relative
    assert rule.absolute <= absolute
