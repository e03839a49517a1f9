r"""Events and others in the order of a forecast: exactly, or in bins that add over sets of rows.

How well a forecast ranks, and whether it is calibrated, depends on the order of all rows, which no
sum over blocks of them has. Counted in bins of the forecast it has both, but for the order inside
bins. What that leaves open is computed and not guessed, for either question in the same way:

- The area under the ROC curve lies between those in which every pair of a bin is in the right
  order, and in the wrong one. Half of such pairs are its error bound,
  :math:`\sum_b e_b o_b / (2 E O)` with e events and o others in a bin, E and O of all.
- Let c be the least mean squared error of an increasing function of the forecast (isotonic
  regression). A function that is constant in bins is one of them, so that c is no more than the
  least of these. And of all orders inside bins none leaves less than that in which the others come
  first, by the rearrangement inequality; c is no less than that one's. Isotonic regression f is a
  projection on a convex cone: of any g in it :math:`\lVert f - g\rVert^2` is at most what its mean
  squared error is larger than c.

A bin in which all rows are the same is one tie, and leaves nothing open. Bins are cut at
forecasts of a random sample of the rows, with one of its own for each forecast that is there twice.

Nor is the order of two forecasts known that are no further apart than they may be wrong: rows of a
fit whose predictions are equal in exact arithmetic, but for the last bits of the computed ones,
would be ranked by rounding. Such rows are put in one bin too, and what that leaves open is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import bdtr

from flatprior.models.common.arrays import UNIT, Array

BINS = 2**18  # about so many: the largest sketch is nine numbers each, 19 MB


class Area(NamedTuple):
    """Area under the ROC curve: how likely an event ranks above another row; ties count a half.

    Attributes
    ----------
    value : float
        NaN without events, or without others.
    standard_error : float
        DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more correlated
        receiver operating characteristic curves", Biometrics 44, 837-845.
    error_bound : float
        How far `value` can be from that of the exact order, beside rounding.
    """

    value: float
    standard_error: float
    error_bound: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranks:
    """Observations in bins of a forecast, in increasing order; those of two sets of rows add.

    Attributes
    ----------
    lowest, highest : ndarray (b,)
        Probabilities in a bin; inf and -inf in one that is empty.
    first, last : ndarray (b,)
        The smallest and the largest of what tells its rows apart: the forecasts, unless there is
        something else that does.
    lower, upper : ndarray (b,)
        Between which the exact ones are.
    events, others : ndarray (b,)
        Observations.
    predicted : ndarray (b,)
        Sum of their probabilities.
    squared : float
        Sum of all squared errors, event less probability.
    ties : float
        Forecasts that differ by no more than that, of their size, are one.
    """

    lowest: Array
    highest: Array
    first: Array
    last: Array
    lower: Array
    upper: Array
    events: Array
    others: Array
    predicted: Array
    squared: float
    ties: float = 0.0

    @classmethod
    def of(
        cls,
        forecast: Array,
        probability: Array,
        event: np.ndarray,
        weights: Array,
        edges: Array | None = None,
        ties: float = 0.0,
        error: Array | float = 0.0,
        kinds: Array | None = None,
    ) -> Ranks:
        """Of rows (m,): in the bins that end at `edges`, or in one for each distinct forecast.

        Forecasts may be wrong by `error` (m,); rows of one of the `kinds` (m,) have the same.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.analysis.diagnostics.ranks import Ranks
        >>> p, event = np.array([0.2, 0.7, 0.2]), np.array([False, True, True])
        >>> Ranks.of(p, p, event, np.ones(3)).area().value  # of two pairs one, and a tie
        0.75
        """
        order = np.argsort(forecast, kind="stable")
        error = np.broadcast_to(error, forecast.shape)[order]
        forecast, weights, event = forecast[order], weights[order], event[order]
        probability = probability[order]
        kinds = forecast if kinds is None else kinds[order]
        if edges is None:
            place, b = np.zeros(0, dtype=np.intp), 0
            new = forecast[1:] > forecast[:-1] + ties * np.abs(forecast[:-1])
        else:
            place, b = np.searchsorted(edges, forecast), len(edges) + 1
            new = place[1:] != place[:-1]
        starts = np.flatnonzero(np.concatenate([[True], new]))
        there = np.arange(len(starts)) if edges is None else place[starts]

        def placed(values: Array, empty: float = 0.0) -> Array:
            found = np.full(b or len(starts), empty)
            found[there] = values
            return found

        counted = np.where(event, weights, 0.0)
        return cls(
            lowest=placed(np.minimum.reduceat(probability, starts), math.inf),
            highest=placed(np.maximum.reduceat(probability, starts), -math.inf),
            first=placed(np.minimum.reduceat(kinds, starts), math.inf),
            last=placed(np.maximum.reduceat(kinds, starts), -math.inf),
            lower=placed(np.minimum.reduceat(forecast - error, starts), math.inf),
            upper=placed(np.maximum.reduceat(forecast + error, starts), -math.inf),
            events=placed(np.add.reduceat(counted, starts)),
            others=placed(np.add.reduceat(weights - counted, starts)),
            predicted=placed(np.add.reduceat(weights * probability, starts)),
            squared=float(weights @ np.square(event - probability)),
            ties=ties,
        )

    def __add__(self, other: Ranks) -> Ranks:
        return replace(
            self,
            lowest=np.minimum(self.lowest, other.lowest),
            highest=np.maximum(self.highest, other.highest),
            first=np.minimum(self.first, other.first),
            last=np.maximum(self.last, other.last),
            lower=np.minimum(self.lower, other.lower),
            upper=np.maximum(self.upper, other.upper),
            events=self.events + other.events,
            others=self.others + other.others,
            predicted=self.predicted + other.predicted,
            squared=self.squared + other.squared,
        )

    @property
    def counts(self) -> Array:
        """Observations in each bin, (b,)."""
        return self.events + self.others

    @property
    def loose(self) -> np.ndarray:
        """Which bins have events and others whose order is open, (b,)."""
        both = (self.events > 0) & (self.others > 0)
        last = np.where(both, self.last, 0.0)
        return np.asarray(both & (last - self.first > self.ties * np.abs(last)))

    @property
    def means(self) -> Array:
        """Mean of the probabilities in each bin, (b,)."""
        # of one forecast it is that, to the last bit
        return np.clip(self.predicted / self.counts, self.lowest, self.highest)

    def apart(self) -> Ranks:
        """Without bins in which nothing is, and one of those that errors may put in another order.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.analysis.diagnostics.ranks import Ranks
        >>> p, event = np.array([0.2, 0.2 + 3e-17, 0.7]), np.array([False, True, False])
        >>> Ranks.of(p, p, event, np.ones(3), error=1e-16).apart().area()[::2]
        (0.25, 0.25)
        """
        there = np.flatnonzero(self.counts > 0)
        before = np.maximum.accumulate(self.upper[there])[:-1]
        after = np.minimum.accumulate(self.lower[there][::-1])[::-1][1:]
        return self._joined(there[np.concatenate([[True], after > before])])

    def fewer(self, most: int) -> Ranks:
        """About `most` bins of as many observations each; those that have more stay as they are."""
        counts = self.counts
        if len(counts) <= most:
            return self
        share = counts.sum() / most
        group = np.floor((np.cumsum(counts) - counts) / share)
        large = counts >= share
        new = (np.diff(group) > 0) | large[1:] | large[:-1]
        return self._joined(np.flatnonzero(np.concatenate([[True], new])))

    def _joined(self, starts: np.ndarray) -> Ranks:
        return replace(
            self,
            lowest=np.minimum.reduceat(self.lowest, starts),
            highest=np.maximum.reduceat(self.highest, starts),
            first=np.minimum.reduceat(self.first, starts),
            last=np.maximum.reduceat(self.last, starts),
            lower=np.minimum.reduceat(self.lower, starts),
            upper=np.maximum.reduceat(self.upper, starts),
            events=np.add.reduceat(self.events, starts),
            others=np.add.reduceat(self.others, starts),
            predicted=np.add.reduceat(self.predicted, starts),
        )

    def area(self) -> Area:
        """Area under the ROC curve, with its standard error and its error bound."""
        events, others = self.events.sum(), self.others.sum()
        if not events or not others:
            return Area(math.nan, math.nan, math.nan)
        # of each event the share of the others below it, of each other that of the events above it
        below = (np.cumsum(self.others) - self.others / 2) / others
        above = (events - np.cumsum(self.events) + self.events / 2) / events
        value = float(self.events @ below / events)
        variance = math.nan
        if min(events, others) >= 2:
            variance = float(
                self.events @ np.square(below - value) / (events - 1) / events
                + self.others @ np.square(above - value) / (others - 1) / others
            )
        pairs = (self.events / events) @ np.where(self.loose, self.others / others, 0.0)
        return Area(value, math.sqrt(variance), float(pairs) / 2)

    def isotonic(self) -> Array:
        """Isotonic regression of the events on the bins, (b,)."""
        return isotonic(self.events / self.counts, self.counts)

    def mean_square(self, forecast: Array | float) -> float:
        """Mean squared error of a forecast for each bin, (b,)."""
        # events and others apart: w (1 - p)^2 and (n - w) p^2
        error = self.events * np.square(1 - forecast) + self.others * np.square(forecast)
        return float(error.sum() / self.counts.sum())

    def least_mean_square(self) -> float:
        """No increasing function of the forecasts has a smaller mean squared error than this."""
        loose = self.loose
        first = np.where(loose, 0.0, self.events)
        events = np.column_stack([first, self.events - first]).ravel()
        others = np.column_stack([self.others, np.zeros(len(loose))]).ravel()
        there = np.flatnonzero(events + others > 0)
        events, others = events[there], others[there]
        counts = events + others
        best = isotonic(events / counts, counts)
        error = events * np.square(1 - best) + others * np.square(best)
        found = float(error.sum() / counts.sum())
        return found * (1 - (len(counts) + 8) * UNIT)  # what rounding may have added


def isotonic(frequency: Array, weights: Array) -> Array:
    """The increasing function nearest to frequencies of weights (b,), (b,)."""
    # a mean of frequencies may round to above 1
    return np.clip(isotonic_regression(frequency, weights=weights).x, 0, 1)


def edges_of(sample: Array, ties: float = 0.0, bins: int = BINS) -> Array:
    """Where bins end, increasing, that hold about the same of rows of which these are a sample.

    A bin ends at each forecast of the sample, which is in it. Forecasts that are there twice have
    one of their own; between two neighbours there are as many, of one width, as make `bins`.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.diagnostics.ranks import edges_of
    >>> edges_of(np.array([0.0, 1.0, 3.0]), bins=6).tolist()
    [0.0, 0.5, 1.0, 2.0, 3.0]
    """
    ordered = np.sort(sample)
    new = np.diff(ordered) > ties * np.abs(ordered[:-1])
    first = np.flatnonzero(np.concatenate([[True], new]))
    last = np.append(first[1:], len(ordered)) - 1
    values, again = ordered[last], last > first
    parts = max(1, bins // len(values))
    steps = np.arange(1, parts) / parts
    between = (values[:-1, None] + np.diff(values)[:, None] * steps).ravel()
    low, high = ordered[first[again]], values[again]
    low, high = np.nextafter(low - ties * np.abs(low), -math.inf), high + ties * np.abs(high)
    edges = np.concatenate([values, between])
    nearest = np.searchsorted(high, edges)  # where what is there twice ends: nothing cuts it
    cuts = edges > np.append(low, math.inf)[nearest]
    return np.unique(np.concatenate([edges[~cuts], low, high]))


def expected_beyond(n: Array, p: Array, band: Array) -> float:
    """How many of binomial shares, of n with probability p, are further than a band from p.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.diagnostics.ranks import expected_beyond
    >>> expected_beyond(np.array([2.0]), np.array([0.5]), np.array([0.4]))  # 0 or 2 of 2
    0.5
    """
    # at most so many events are too few, and more than so many too many
    few = np.ceil(n * (p - band)) - 1
    many = np.minimum(np.floor(n * (p + band)), n)
    below = np.where(few >= 0, bdtr(np.maximum(few, 0), n.astype(np.int64), p), 0.0)
    return float((below + 1 - bdtr(many, n.astype(np.int64), p)).sum())
