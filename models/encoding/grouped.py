"""Grouped counts: successes and failures of groups, as rows of 1 and 0 that are counted.

A group of s successes and f failures is two rows, 1 of frequency weight s and 0 of weight f; one of
weight 0 is left out. Their likelihood is that of single observations. That of the groups has the
binomial coefficients as a factor, which no coefficient enters; `Trials` has their logarithms, and
the log-likelihood of the saturated model, in which every group has a probability of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.left_hand_side import LeftHandSide
from flatprior.models.encoding.response import Outcomes
from flatprior.models.encoding.weights import TOO_MANY, whole_weights

NOT_WHOLE = 1e-3  # from a whole number, of a share times its trials; as in R


@dataclass(frozen=True)
class Trials:
    """What the likelihood of groups has besides that of their single observations: sums.

    Attributes
    ----------
    n_groups : int
        Groups with a trial.
    saturated : float
        Largest log-likelihood of the single observations where every group has a probability of
        its own.
    constant : float
        Sum of the logarithms of the binomial coefficients.
    """

    n_groups: int
    saturated: float
    constant: float

    def merge(self, other: Trials) -> Trials:
        """Those of both."""
        return Trials(
            self.n_groups + other.n_groups,
            self.saturated + other.saturated,
            self.constant + other.constant,
        )


class Cells(NamedTuple):
    """Rows of 1 and 0 that groups become.

    Attributes
    ----------
    group : ndarray of int (m,)
        Place of the group of each.
    response, weights : ndarray (m,)
    """

    group: NDArray[np.intp]
    response: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Counts:
    """Successes and failures of groups, (g,) each: whole numbers."""

    events: Array
    others: Array

    @property
    def some(self) -> NDArray[np.bool_]:
        """Which groups have a trial."""
        return np.asarray(self.events + self.others > 0)

    def select(self, groups: NDArray[np.bool_]) -> Counts:
        """Those of some groups."""
        return Counts(self.events[groups], self.others[groups])

    @property
    def cells(self) -> Cells:
        """The rows that they become: those of a group follow one another, successes first."""
        weights = np.column_stack([self.events, self.others]).ravel()
        places = np.flatnonzero(weights > 0)
        return Cells(places // 2, np.asarray(places % 2 == 0, dtype=float), weights[places])

    @property
    def trials(self) -> Trials:
        """What their likelihood has besides that of single observations."""
        from scipy.special import betaln, xlogy

        kept = self.some
        s, f = self.events[kept], self.others[kept]
        n = s + f
        saturated = xlogy(s, s / n) + xlogy(f, f / n)
        constant = -np.log1p(n) - betaln(s + 1, f + 1)
        return Trials(len(n), math.fsum(saturated), math.fsum(constant))


def counts_of_columns(
    left: LeftHandSide, frame: pd.DataFrame, trials: pd.Series[Any] | None
) -> Counts:
    """Successes and failures, from complete rows of a frame; of a share with its `trials` too.

    Raises
    ------
    ValueError
        Naming column, rows and remedy, if they are no counts.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.grouped import counts_of_columns
    >>> from flatprior.models.encoding.left_hand_side import LeftHandSide
    >>> frame = pd.DataFrame({"share": [0.2, 0.5]})
    >>> counts = counts_of_columns(LeftHandSide("share", "share"), frame, pd.Series([10, 4]))
    >>> counts.events.tolist(), counts.others.tolist()
    ([2.0, 2.0], [8.0, 2.0])
    """
    if trials is not None:
        return counts_of_shares(frame[left.events], trials)
    if left.others is not None:
        return counts_of_pair(frame[left.events], frame[left.others], left.name)
    events = _counted(frame[left.events])
    named = isinstance(left.total, str)
    total = _counted(frame[left.total]) if named else np.full(len(events), float(left.total or 0))
    more = events > total
    if more.any():
        raise InputError(
            f"column {left.events!r} is larger than {left.total!r} in "
            f"{rows_phrase(frame.index[more])}: there are no more successes than trials; correct "
            "them"
        )
    return _in_all(Counts(events, total - events), left.name)


def counts_of_pair(events: pd.Series[Any], others: pd.Series[Any], name: str) -> Counts:
    """Successes and failures, from two columns."""
    return _in_all(Counts(_counted(events), _counted(others)), name)


def counts_of_shares(share: pd.Series[Any], trials: pd.Series[Any]) -> Counts:
    """Successes and failures, from the share of the successes and the number of trials."""
    values, total, name = numbers(share), _counted(trials), str(share.name)
    wrong = (values < 0) | (values > 1)
    if wrong.any():
        counts = (values == np.floor(values)).all() and not (values < 0).any()
        raise InputError(
            f"the response {name!r} has trials ({str(trials.name)!r}) and must be a share from 0 "
            f"to 1; it is not in {rows_phrase(share.index[wrong])}; "
            + ("counts are written cbind(successes, failures)" if counts else "correct it")
        )
    events = values * total
    whole = np.round(events)
    wrong = np.abs(events - whole) > NOT_WHOLE
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"the share {name!r} times its trials {str(trials.name)!r} is no whole number in "
            f"{rows_phrase(share.index[wrong])} ({values[first]:.10g} of {total[first]:.0f} is "
            f"{events[first]:.10g}); give the shares in all their digits, or counts"
        )
    return _in_all(Counts(whole, total - whole), name)


def _counted(series: pd.Series[Any]) -> Array:
    return whole_weights(series, "successes, failures and trials are counts")


def _in_all(counts: Counts, name: str) -> Counts:
    if counts.events.sum() + counts.others.sum() >= 2**53:
        raise InputError(f"the trials of {name!r} {TOO_MANY.replace('sums', 'sum')}")
    return counts


def check_alone(
    left: LeftHandSide, trials: Any, weights: Any, event: Any, sample: Any = None
) -> None:
    """Raise a `ValueError` if grouped counts come with what is of single observations."""
    if left.grouped and trials is not None:
        raise InputError(f"trials are of a share, and {left.name} has its own: leave trials out")
    if not left.grouped and trials is None:
        return
    whose = f"the counts {left.name}" if left.grouped else f"a share ({left.name!r}) with trials"
    if weights is not None:
        raise InputError(
            f"{whose} and frequency_weights cannot both be given: the counts are the weights; "
            "leave frequency_weights out"
        )
    if sample is not None:
        raise InputError(
            f"{whose} and sampling_weights cannot both be given: the counts are the weights; give "
            "each row its own outcome"
        )
    if event is not None and not isinstance(event, Outcomes):
        raise InputError(
            f"{whose} and event cannot both be given: successes count as 1; for the other write "
            "cbind(failures, successes)"
        )


def outcomes_of_counts(left: LeftHandSide, trials: str) -> Outcomes:
    """What counts as 1 and as 0; of a share with the name of its `trials`."""
    if left.others is not None:
        return Outcomes(left.others, left.events)
    if left.total is not None:
        return Outcomes(f"{left.total} - {left.events}", left.events)
    return Outcomes("the rest", f"{left.events} of {trials}")
