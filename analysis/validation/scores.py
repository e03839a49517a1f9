"""Scores of many predictions of the same rows at once, each with weights of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.likelihood import linear_predictor, margin_parts
from flatprior.models.rows import ArrayRows, Block, Extent, distinct

AREA, BRIER, LOG, SLOPE, INTERCEPT = range(5)
INDICES = ("AUC", "Brier", "log", "calibration slope", "calibration intercept")


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows that are alike, but for their outcomes, counted once: their predictions are ties.

    Attributes
    ----------
    block : Block
        One row of each pattern, as it is held.
    group : ndarray of int (n,) or None
        The pattern of each row; None where all differ.
    extent : Extent
        Of columns and offset.
    """

    block: Block
    group: NDArray[np.intp] | None
    extent: Extent

    @classmethod
    def of(cls, rows: ArrayRows) -> Patterns:
        """Those of some rows."""
        blind = ArrayRows(rows.design, np.zeros(rows.n_rows), rows.offset)
        group, first = distinct(blind)
        if len(first) == rows.n_rows:
            return cls(blind.block_as_held(slice(None)), None, rows.extent)
        return cls(blind.block_as_held(first), group, rows.extent)

    def log_odds(self, coefficients: Array) -> Array:
        """Linear predictors (d, n) at some coefficients (d, k), of rows that are alike the same."""
        block = self.block
        if isinstance(block.design, np.ndarray):
            block = block._replace(design=block.design.astype(float, copy=False))
        found = linear_predictor(block, coefficients.T).T
        return np.ascontiguousarray(found if self.group is None else found[:, self.group])

    def gaps(self, coefficients: Array, standard_errors: Array, error_bounds: Array) -> Array:
        """How far apart log-odds of two rows are at least (d,), for their order to be known.

        Coefficients (d, k) are within `error_bounds` (d,) standard errors of what is meant.
        """
        reach = np.abs(coefficients) @ self.extent.columns + self.extent.offset
        off = (standard_errors @ self.extent.columns) * error_bounds
        return np.asarray(2 * ((coefficients.shape[1] + 2) * UNIT * reach + 1.01 * off))


class Forecasts:
    """Predictions (d, n) of rows, what scores take of them, and their order.

    Log-odds that are no further apart than the `gap` (d,) of their fit are ties: rows of which
    rounding, or what a proof leaves open, would decide which is the larger.

    Attributes
    ----------
    log_odds : ndarray (d, n)
    squared, logs : ndarray (d, n)
        Squared error and negative log probability of the outcome.
    """

    def __init__(self, log_odds: Array, sign: Array, gap: Array) -> None:
        margin = log_odds * sign
        tail, wrong, _ = margin_parts(margin)
        self.log_odds = log_odds
        self.event, self.gap = sign > 0, gap
        self.squared = np.square(wrong, out=wrong)
        self.logs = np.log1p(tail, out=tail)
        self.logs -= np.minimum(margin, 0.0, out=margin)
        self._order = [np.argsort(each) for each in log_odds]

    def scores(self, weights: Array) -> Array:
        """AUC, Brier and log score (d, 3) with weights (d, n) or (1, n); NaN where there is none.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.analysis.validation.scores import Forecasts
        >>> sign, weights = np.array([-1.0, 1.0, 1.0]), np.ones((1, 3))
        >>> found = Forecasts(np.array([[0.0, 0.0, 1.0]]), sign, np.zeros(1)).scores(weights)
        >>> found.round(4).tolist()
        [[0.75, 0.1908, 0.5665]]
        """
        d = len(self.log_odds)
        weights = np.broadcast_to(weights, self.log_odds.shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = weights.sum(axis=1)
            brier = np.einsum("dn,dn->d", weights, self.squared) / total
            logs = np.einsum("dn,dn->d", weights, self.logs) / total
            areas = [self._area(i, weights[i]) for i in range(d)]
        return np.column_stack([areas, brier, logs])

    def _area(self, i: int, weights: Array) -> float:
        order = self._order[i]
        forecast, weights = self.log_odds[i][order], weights[order]
        events = np.where(self.event[order], weights, 0.0)
        others = weights - events
        new = np.diff(forecast) > self.gap[i]
        if not new.all():
            starts = np.flatnonzero(np.concatenate([[True], new]))
            events, others = np.add.reduceat(events, starts), np.add.reduceat(others, starts)
        below = np.cumsum(others)
        pairs = events.sum() * below[-1]
        below -= others / 2
        return float(events @ below / pairs)
