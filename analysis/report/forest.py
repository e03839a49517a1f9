"""Odds ratios and their intervals beside the rows of a table: one drawing a row, one log axis.

Places are percentages of a cell's width, so that a drawing fits a cell of any width, in letters and
lines of the page's own size. Colours are those of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

MARGIN = 5.0  # percent of the width, on either side
FURTHEST = math.log(1e6)  # an estimate beyond it, of a unit of no meaning, would hide all others
BEYOND = math.log(20)  # how far an axis follows an interval beyond all odds ratios
NARROWEST = math.log(1.02)  # of an axis, on either side of 1
MOST_TICKS, APART = 5, 0.19  # labels, and the share of the axis from one to the next
_POWERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)  # of ten, from one label to the next
_STEPS = tuple(each * 10.0**power for power in (-3, -2, -1) for each in (1, 2, 5))
_EDGE = 12.0  # percent, within which a label does not stand in the middle of its tick


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis of odds ratios, that shows 1 and every estimate of 1e-6 to 1e6.

    Attributes
    ----------
    low, high : float
        Logarithms of its ends.
    """

    low: float
    high: float

    @classmethod
    def of(cls, points: Iterable[float], ends: Iterable[float]) -> Axis:
        """An axis of log odds ratios and of ends of their intervals, but those too far from 1.

        Examples
        --------
        >>> from flatprior.analysis.report.forest import Axis
        >>> axis = Axis.of([0.7], [0.0, 1.4])
        >>> round(axis.low, 2), axis.high, axis.ticks
        (-0.02, 1.4, (1.0, 2.0, 4.0))
        """
        shown = [0.0, *(each for each in points if abs(each) <= FURTHEST)]
        reached = [*shown, *filter(math.isfinite, ends)]
        low = max(min(reached), min(shown) - BEYOND)
        high = min(max(reached), max(shown) + BEYOND)
        return cls(min(low, -NARROWEST), max(high, NARROWEST))

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round odds ratios on the axis, 1 among them: as many as have room for their labels."""
        found: list[tuple[float, ...]] = [(1.0,)]
        for candidate in (*self._of_ratios(), *self._of_steps()):
            places = [math.log(each) for each in candidate]
            gaps = [b - a for a, b in pairwise(places)]
            if len(candidate) <= MOST_TICKS and min(gaps, default=0) >= APART * self.width:
                found.append(candidate)
        return max(found, key=len)

    @property
    def width(self) -> float:
        """Of the axis, in logarithms."""
        return self.high - self.low

    def _of_ratios(self) -> Iterator[tuple[float, ...]]:
        """Powers of 2; 1, 3, 10, 30; and powers of ten."""
        decades = range(math.floor(self.low / math.log(10)), math.ceil(self.high / math.log(10)))
        whole = [*decades, decades.stop]
        if len(whole) < MOST_TICKS:
            halves = range(4 * whole[0], 4 * whole[-1])
            yield self._within(2.0**power for power in halves)
            yield self._within(each * 10.0**power for power in whole for each in (1, 3))
        for step in _POWERS:
            yield self._within(10.0**power for power in whole if power % step == 0)

    def _within(self, ratios: Iterable[float]) -> tuple[float, ...]:
        return tuple(each for each in ratios if self.low <= math.log(each) <= self.high)

    def _of_steps(self) -> Iterator[tuple[float, ...]]:
        """Multiples of one step."""
        low, high = math.exp(max(self.low, -50.0)), math.exp(min(self.high, 50.0))
        for step in _STEPS:
            if (high - low) / step < 2 * MOST_TICKS:
                numbers = range(max(math.ceil(low / step), 1), math.floor(high / step) + 1)
                yield tuple(round(number * step, 3) for number in numbers)

    def place(self, log: float) -> float:
        """Percent of the width at which a log odds ratio stands; at the edge what is beyond."""
        if log < self.low:
            return 0.0
        if log > self.high:
            return 100.0
        return MARGIN + (100 - 2 * MARGIN) * (log - self.low) / self.width

    def heading(self) -> str:
        """The labels of the ticks."""
        return _svg("".join(map(self._label, self.ticks)))

    def _label(self, tick: float) -> str:
        place = self.place(math.log(tick))
        side = "start" if place < _EDGE else "end" if place > 100 - _EDGE else "middle"
        return f'<text class="{side}" x="{place:.2f}%" y="75%">{tick:g}</text>'

    def blank(self) -> str:
        """The line at 1 alone."""
        return _svg(self._one())

    def reference(self) -> str:
        """The level that others are compared with."""
        return _svg(f'{self._one()}<circle class="open" cx="{self.place(0):.2f}%" cy="50%" r="4"/>')

    def row(self, point: float, low: float, high: float) -> str:
        """An estimate and its interval, with an arrow where that goes on beyond the axis."""
        if math.isnan(low) or math.isnan(high):
            return self.blank()
        drawn = [self._one()]
        ends = f'x1="{self.place(low):.2f}%" y1="50%" x2="{self.place(high):.2f}%" y2="50%"'
        drawn.append(f"<line {ends}/>")
        if low < self.low:
            drawn.append('<svg x="0%" y="50%"><path d="M0 0l8-4v8z"/></svg>')
        if high > self.high:
            drawn.append('<svg x="100%" y="50%"><path d="M0 0l-8-4v8z"/></svg>')
        if self.low <= point <= self.high:
            drawn.append(f'<circle cx="{self.place(point):.2f}%" cy="50%" r="4"/>')
        return _svg("".join(drawn))

    def _one(self) -> str:
        place = f"{self.place(0):.2f}%"
        return f'<line class="one" x1="{place}" y1="0" x2="{place}" y2="100%"/>'


def _svg(inner: str) -> str:
    return f'<svg aria-hidden="true">{inner}</svg>'
