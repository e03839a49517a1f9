r"""What the theory of many coefficients asks of the rows, in two passes over them.

How strong the signal is: the variance over rows of the linear predictor by the MLE without the row,
from one Newton step, :math:`x_i'\hat\beta - r_i \ell_i^2 / (1 - h_i)` with
:math:`\ell_i^2 = x_i'H^{-1}x_i` (SLOE: Yadlowsky, Yun, McLean and D'Amour 2021, "SLOE: a faster
method for statistical inference in high-dimensional logistic regression", Advances in Neural
Information Processing Systems 34, 29517-29528). And how far the columns are from Gaussian ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from flatprior.analysis.diagnostics.summaries import Spread
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, leverages
from flatprior.models.covariance.roots import required_root
from flatprior.models.likelihood import linear_predictor
from flatprior.models.rows import Block


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredRows:
    """What is known of the rows.

    Attributes
    ----------
    n : int
    means : ndarray (k,)
        Of columns.
    constant : int or None
        The column that is constant.
    of_constant : float
        R^2 of the constant 1 regressed on the columns, about 0.
    conditional : ndarray (k,)
        Standard deviation of each column given the others; NaN of the constant.
    carrying : ndarray (k,)
        How many rows a column's variance is from: (sum d^2)^2 / sum d^4 of deviations d from its
        mean. That of a Gaussian column is n / 3, of an indicator of a rare level its frequency.
    leverage_spread : float
        Standard deviation of the leverages of the rows of X, in that of Gaussian rows.
    eta : float
        Standard deviation of the linear predictors without the row.
    iota : float
        Mean linear predictor.
    largest_leverage : float
        In the fit.
    most : float
        Observations that a row stands for.
    """

    n: int
    means: Array
    constant: int | None
    of_constant: float
    conditional: Array
    carrying: Array
    leverage_spread: float
    eta: float
    iota: float
    largest_leverage: float
    most: float


class _Sums(NamedTuple):
    """Sums of one pass; the largest leverage is no sum."""

    spread: Spread
    fourth: Array
    largest: float

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(
            self.spread + other.spread,
            self.fourth + other.fourth,
            max(self.largest, other.largest),
        )


def measured(model: BernoulliLogistic, fit: PointEstimate) -> MeasuredRows:
    """Measure the rows of a model at its MLE.

    Raises
    ------
    ValueError
        If a row has a leverage of 1 in the fit.
    """
    rows, beta, k = model.rows, fit.coefficients, model.n_parameters
    plain, root = required_root(rows), required_root(rows, beta)

    def columns(block: Block) -> tuple[Spread, float]:
        ones = np.ones(len(block.sign))
        return Spread.of(np.asarray(block.design, dtype=float).T, ones), float(block.counts.max())

    spread, most = rows.reduce(columns, lambda one, two: (one[0] + two[0], max(one[1], two[1])))
    flat = np.flatnonzero((spread.smallest == spread.largest) & (spread.mean != 0))

    def around(block: Block) -> _Sums:
        near = leverages(block, beta, root)
        predictor = linear_predictor(block, beta)
        without = predictor - near.residual * np.square(near.length) / near.left
        leverage = np.square(plain.lengths(block.design)) / 4  # its curvatures are 1 / 4
        values = np.array([without, predictor, leverage])
        return _Sums(
            Spread.of(values, np.ones(len(predictor))),
            np.square(np.square(block.design - spread.mean)).sum(axis=0),
            float(near.leverage.max()),
        )

    found = rows.reduce(around, _Sums.plus)
    if found.largest > LARGEST_LEVERAGE:
        raise InputError(
            "a row has a leverage of 1, so that a coefficient hangs on it alone (diagnose shows "
            "which), and nothing is known of the fit without it: leave it out"
        )
    n = round(spread.n)
    with np.errstate(divide="ignore", invalid="ignore"):
        carrying = np.square(spread.squares) / found.fourth
    # residual variance: a column has the k - 1 others and n rows
    left = max(n - k + 1, 1)
    conditional = 2 / (plain.standard_errors * math.sqrt(left))
    conditional[flat] = math.nan
    pull = plain.rooted((n * spread.mean)[None])[0]
    free = k - len(flat)
    gaussian = math.sqrt(2 * free * max(n - k, 1)) / n**1.5
    return MeasuredRows(
        n=n,
        means=spread.mean,
        constant=int(flat[0]) if len(flat) else None,
        of_constant=float(pull @ pull) / (4 * n),
        conditional=conditional,
        carrying=carrying,
        leverage_spread=float(found.spread.sd[2]) / gaussian if free else 0.0,
        eta=float(found.spread.sd[0]),
        iota=float(found.spread.mean[1]),
        largest_leverage=found.largest,
        most=most,
    )
