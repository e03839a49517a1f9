r"""Single rows that decide whether the interval of a coefficient holds 0, its odds ratio 1.

A profile-likelihood interval holds 0 where twice the fall of the log-likelihood to its maximum with
the coefficient held at 0 is no larger than a chi-squared quantile. Without one observation of row i
a maximum is nearly :math:`\ell - \ell_i + r_i^2\,x_i'Vx_i / 2(1 - h_i)`, of the residual and the
leverage of the row (`flatprior.models.covariance.leverage`), and so is that with the coefficient
held. This finds the rows that may decide; what is said of them comes from fits without them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.leave_one_out import ExactLOO, others
from flatprior.analysis.inference.intervals import confidence_intervals
from flatprior.analysis.maxima import Held, maximum_from, ratio
from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import wald_reach
from flatprior.models.common.text import count
from flatprior.models.covariance.leverage import leverages
from flatprior.models.covariance.roots import root_of
from flatprior.models.likelihood import row_terms
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

SLACK, ROOTS = 0.5, 2.0  # by which share a change may be larger than foretold, or roots of leverage
WIDER = 2.0  # by how many leverages of the largest an end may move for the width alone
MOST_WORK = 5e7  # n k^2 of the coefficients looked at: a fifth of a second
MOST_REFITS, REFIT_WORK = 50, 5e6  # rows fitted without, and n k^2 of them
MOST_TOLD = 3  # coefficients


@dataclass(frozen=True, eq=False, kw_only=True)
class Decided:
    """A coefficient whose interval holds 0 or not, as single rows are there or not.

    Attributes
    ----------
    name : str
    label : object
        Of the row that changes most.
    all_rows, without : tuple of float
        The estimate and the ends of its interval, of all rows and without that one.
    n_rows : int
        Rows without each of which the answer is the other, by fits without them.
    at_least : bool
        Whether there may be more: not all that may decide were fitted without.
    """

    name: str
    label: object
    all_rows: tuple[float, float, float]
    without: tuple[float, float, float]
    n_rows: int
    at_least: bool

    def many(self, single: str) -> str:
        """How many rows or observations, each by itself, in words that go before "whether"."""
        if self.n_rows == 1 and not self.at_least:
            return f"One {single} decides"
        if self.n_rows == 1:
            return f"At least one {single} decides"
        more = "At least " if self.at_least else ""
        return f"{more}{count(self.n_rows, single)}, each alone, decide"


@dataclass(frozen=True, eq=False, kw_only=True)
class DecidingRows:
    """What was found.

    Attributes
    ----------
    coefficients : tuple of Decided
        The gravest first: that whose likelihood-ratio statistic moves most.
    also : tuple of str
        Further coefficients of which that holds, or may hold, and which were not fitted for.
    not_looked_at : tuple of str
        Coefficients near to the edge for which this would take too long.
    """

    coefficients: tuple[Decided, ...] = ()
    also: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = ()


def deciding_rows(
    model: BernoulliLogistic,
    fit: PointEstimate,
    exact: ExactLOO,
    intervals: pd.DataFrame,
    prob: float,
    columns: Sequence[int],
) -> DecidingRows:
    """Find the rows without one of which the profile interval of a coefficient tells the opposite.

    Parameters
    ----------
    model : BernoulliLogistic
        With its rows in memory.
    fit : PointEstimate
        Its MLE.
    exact : ExactLOO
        The MLE without each row.
    intervals : DataFrame
        Profile-likelihood intervals of all coefficients: the estimate and both ends.
    prob : float
        Their confidence.
    columns : sequence of int
        Coefficients that are asked about.

    Returns
    -------
    DecidingRows

    Examples
    --------
    >>> from flatprior.analysis import confidence_intervals, exact_loo
    >>> from flatprior.analysis.report.first.deciding_rows import deciding_rows
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_births
    >>> formula = "low ~ age + lwt + race + smoke + ptl + ht + ui"
    >>> model = BernoulliLogistic.from_formula(formula, load_births())
    >>> fit, ends = fit_newton(model), confidence_intervals(model).table()
    >>> found = deciding_rows(model, fit, exact_loo(model, fit), ends, 0.95, range(1, 9))
    >>> [(each.name, each.label, each.n_rows) for each in found.coefficients][:1]
    [('ptl', 93, 1)]
    """
    search = _Search(model, fit, exact, intervals.to_numpy(dtype=float), wald_reach(prob) ** 2)
    near = search.near(columns)
    n, k = model.n_rows, model.n_parameters
    room = max(int(MOST_WORK / (n * k**2)), 1)
    found = sorted(
        (each for j in near[:room] if len((each := search.candidates(j)).rows)),
        key=lambda each: -each.moved,
    )
    refits = min(max(int(REFIT_WORK / (n * k**2)), 1), MOST_REFITS)
    decided: list[Decided] = []
    also: list[str] = []
    for each in found:
        name = model.names[each.column]
        if len(decided) == MOST_TOLD or not refits:
            also.append(name)
            continue
        tried = each.rows[:refits]
        refits -= len(tried)
        sure = [i for i in tried if search.decides(int(i), each)]
        if sure:
            without = confidence_intervals(others(model, sure[0]), prob, names=[name]).table()
            decided.append(
                Decided(
                    name=name,
                    label=model.row_labels[sure[0]],
                    all_rows=tuple(search.intervals[each.column].tolist()),
                    without=tuple(without.to_numpy()[0].tolist()),
                    n_rows=len(sure),
                    at_least=len(tried) < len(each.rows),
                )
            )
    return DecidingRows(
        coefficients=tuple(decided),
        also=tuple(also),
        not_looked_at=tuple(model.names[j] for j in near[room:]),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Candidates:
    """Rows that may decide about a coefficient, that which moves most first."""

    column: int
    null: Array  # the other coefficients where this is 0
    rows: NDArray[np.intp]
    moved: float  # by which the root of the statistic moves without the first of them


@dataclass(frozen=True, eq=False)
class _Search:
    """What is the same for every coefficient; `most` is the quantile of the statistic."""

    model: BernoulliLogistic
    fit: PointEstimate
    exact: ExactLOO
    intervals: Array
    most: float

    @cached_property
    def own(self) -> tuple[Array, float]:
        """What `_leverage` says of all coefficients."""
        return self._leverage(self.model.arrays, self.fit.coefficients)

    def holds(self, j: int) -> bool:
        """Whether the interval of all rows holds 0."""
        _, low, high = self.intervals[j]
        return bool(low <= 0 <= high)

    def near(self, columns: Sequence[int]) -> list[int]:
        """Coefficients whose interval ends no further from 0 than a row may move it."""
        errors = self.fit.standard_errors
        moved = np.abs(self.exact.coefficients - self.fit.coefficients) / errors
        there = np.isfinite(moved).all(axis=1)
        farthest = moved[there].max(axis=0, initial=0.0)
        gap = np.abs(self.intervals[:, 1:]).min(axis=1) / errors
        wider = WIDER * self.own[1]
        left = gap - (1 + SLACK) * farthest - wider
        return [j for j in sorted(columns, key=lambda j: left[j]) if left[j] <= 0]

    def candidates(self, j: int) -> _Candidates:
        """Rows without which the statistic may lie on the other side."""
        held = self._held(self.model, j)
        null = maximum_from(held, np.delete(self.fit.coefficients, j))
        none = np.empty(0, dtype=np.intp)
        nothing = _Candidates(column=j, null=np.empty(0), rows=none, moved=0.0)
        if null is None:
            return nothing
        own = ratio(self.fit.log_likelihood, null[0])
        gain, leverage = self.own
        gain = gain - self._leverage(held, null[1])[0]
        root = math.sqrt(own)
        moved = np.sqrt(np.maximum(own + 2 * gain, 0.0)) - root
        edge = math.sqrt(self.most)
        farther = root + (1 + min(SLACK, ROOTS * math.sqrt(leverage))) * moved
        across = (farther > edge) if self.holds(j) else (farther <= edge)
        across &= np.isfinite(self.exact.coefficients).all(axis=1)
        order = np.argsort(-np.abs(moved), kind="stable")
        some = order[across[order]]
        if not len(some):
            return nothing
        return _Candidates(column=j, null=null[1], rows=some, moved=float(abs(moved[some[0]])))

    def decides(self, i: int, found: _Candidates) -> bool:
        """Whether without row i the interval tells the opposite, by fits without it."""
        rest = others(self.model, i)
        null = maximum_from(self._held(rest, found.column), found.null)
        try:
            full = converged_mle(rest).log_likelihood
        except MLEDoesNotExistError:
            return False
        if null is None:
            return False
        return (ratio(full, null[0]) <= self.most) != self.holds(found.column)

    def _held(self, model: BernoulliLogistic, j: int) -> ArrayRows:
        """The rows of a model, with coefficient j held at 0."""
        rows = model.arrays
        columns = np.delete(np.arange(model.n_parameters), j)
        held = Held(rows.select(slice(None), columns), rows.design[:, j][:, None])
        return held.at(np.zeros(1))

    def _leverage(self, rows: ArrayRows, coefficients: Array) -> tuple[Array, float]:
        """By how much the maximum changes without an observation of each row; largest leverage."""
        block = rows.block(slice(None))
        alone = row_terms(block._replace(weights=None), coefficients)
        root = root_of(rows, coefficients) if len(coefficients) else None
        if root is None:
            return -alone.log_likelihood, 0.0
        found = leverages(block, coefficients, root)
        gain = np.square(found.residual * found.length) / (2 * found.left)
        return gain - alone.log_likelihood, float(found.leverage.max())
