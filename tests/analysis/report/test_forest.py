import math
import re
from itertools import pairwise

import pytest

from flatprior.analysis.report.forest import Axis


def numbers(drawn, what):
    return [float(each) for each in re.findall(rf' {what}="([-\d.]+)%"', drawn)]


@pytest.mark.parametrize(
    ("low", "high"), [(-0.3, 0.2), (-1.5, 1.5), (-3, 3), (-8, 2), (0, 5), (-700, 650), (0, 0)]
)
def test_labels_are_round_include_1_and_have_room(low, high):
    axis = Axis.of([], [low, high])
    places = [axis.place(math.log(tick)) for tick in axis.ticks]
    assert 1 in axis.ticks
    assert 1 <= len(axis.ticks) <= 5
    assert all(b - a > 16 for a, b in pairwise(places))
    assert all(len(f"{tick:g}") <= 6 for tick in axis.ticks)


def test_every_estimate_and_1_are_on_the_axis():
    for points in ([0.2], [-5.0, 6.0], [math.inf, -2.0], [math.nan], []):
        axis = Axis.of(points, [-math.inf, math.inf])
        for each in (0.0, *filter(math.isfinite, points)):
            assert 0 < axis.place(each) < 100


def test_an_estimate_too_far_from_1_leaves_the_axis_to_the_others():
    """A column in a unit of 1e-9 has an odds ratio per 1 of exp(5e8), or of exp(-5e8)."""
    for far in (5e8, -5e8, 1e200, -1e200, math.inf):
        axis = Axis.of([far, 0.4], [far - 1e6, far + 1e6, -0.2, 1.0])
        assert axis.ticks == Axis.of([0.4], [far - 1e6, far + 1e6, -0.2, 1.0]).ticks
        assert axis.place(0.4) - axis.place(0.0) > 5
        drawn = axis.row(far, far - 1e6, far + 1e6)
        assert "<circle" not in drawn
        assert drawn.count("<path") == 1


def test_an_axis_is_logarithmic():
    axis = Axis.of([0.0], [-1.0, 2.0])
    places = [axis.place(each) for each in (-1.0, 0.0, 1.0, 2.0)]
    steps = [b - a for a, b in pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 3)


def test_a_dot_and_a_line_stand_where_the_numbers_are():
    axis = Axis.of([0.5], [-1.0, 1.5])
    drawn = axis.row(0.5, -1.0, 1.5)
    assert numbers(drawn, "cx") == [round(axis.place(0.5), 2)]
    assert numbers(drawn, "x1")[1:] == [round(axis.place(-1.0), 2)]
    assert numbers(drawn, "x2")[1:] == [round(axis.place(1.5), 2)]
    assert "path" not in drawn


def test_an_interval_without_an_end_and_one_beyond_the_axis_have_arrows():
    axis = Axis.of([0.5], [-1.0, 40.0])
    assert axis.high < 4
    for high in (40.0, math.inf):
        drawn = axis.row(0.5, -1.0, high)
        assert 'x="100%"' in drawn
        assert 'x="0%"' not in drawn
        assert numbers(drawn, "x2")[1:] == [100]
    both = axis.row(math.inf, -math.inf, math.inf)
    assert both.count("<path") == 2
    assert "circle" not in both  # of no estimate there is no dot


def test_of_what_is_not_known_nothing_is_drawn():
    axis = Axis.of([0.5], [-1.0, 1.0])
    assert axis.row(math.nan, math.nan, math.nan) == axis.blank()
