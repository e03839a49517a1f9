"""Binned residuals: how far events are from their probabilities, in bins of like probabilities.

A single residual of a binary outcome says little: it is 1 - p or -p. Means over bins do, as Gelman
and Hill (2007), "Data Analysis Using Regression and Multilevel/Hierarchical Models", section 5.6,
draw them, with twice the standard error that they would have if the probabilities were right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from flatprior.analysis.diagnostics.forecasts import Predicted, ranks_of
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count

ROUNDING = 1e-12  # of a mean residual, which is a difference of shares
FEW = 100  # observations, below which there are ten bins


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class BinnedResiduals(Renderable):
    """Mean residuals in bins of the predicted probability, with two standard errors.

    Attributes
    ----------
    frame : DataFrame
        What `table` returns.
    formula : str or None
        Of the model that holds the outcomes.
    """

    frame: pd.DataFrame
    formula: str | None = None

    @property
    def is_outside(self) -> np.ndarray:
        """Whether each bin's mean residual is further than two standard errors from 0, (b,)."""
        residual, band = self.frame["residual"].to_numpy(), self.frame["2 SE"].to_numpy()
        return np.asarray(np.abs(residual) > band + ROUNDING)

    @property
    def outside(self) -> int:
        """How many bins are that far."""
        return int(self.is_outside.sum())

    @property
    def sizes(self) -> str:
        """How many bins there are, and of how many observations, in words."""
        counts = self.frame["observations"]
        low, high = int(counts.min()), int(counts.max())
        many = f"{low}" if low == high else f"{low} to {high}"
        bins = count(len(counts), "bin")
        return f"{bins} of {many} {'observation' if high == 1 else 'observations'}"

    @property
    def message(self) -> str:
        """How many bins lie outside, and how many are to be expected, in one sentence."""
        n = len(self.frame)
        return (
            f"{self.outside} of {count(n, 'bin')} further than two standard errors from 0, where "
            f"about {0.05 * n:.1f} are to be expected of probabilities that are right"
        )

    def table(self) -> pd.DataFrame:
        """One row a bin, in increasing order of the predicted probability.

        "predicted" and "observed" are the mean probability and the share of events, "residual" is
        the second less the first, "2 SE" twice its standard error if the probabilities are right,
        sqrt(p (1 - p) / n) of the mean probability p, and "observations" is n.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        formats = {str(name): "#.4g" for name in self.frame.columns}
        return Rendered.of(
            chosen(self.frame.set_axis(pd.RangeIndex(1, len(self.frame) + 1)), columns),
            formats | {"residual": "+.4f", "observations": ".0f"},
            of_model("Binned residuals", self.formula),
            [self.sizes, self.message],
            [
                "2 SE: twice sqrt(p (1 - p) / n), the standard error of the residual if the "
                "probabilities are right; observations of one probability share a bin"
            ],
        )


@model_first
def binned_residuals(
    model: BernoulliLogistic, predicted: Predicted, bins: int | None = None
) -> BinnedResiduals:
    """Mean residuals in bins of the predicted probability (Gelman and Hill).

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes. Its rows may lie in memory, in files or on a cluster; in those a pass is
        made.
    predicted : PointEstimate, Posterior, or array_like (n,)
        Whose probabilities to judge; an array, of rows in memory, is one probability of 1 for each.
    bins : int, optional
        About how many, of as many observations each. Default: the square root of the number of
        observations, rounded down; ten of fewer than 100 observations, half as many of ten or
        fewer.

    Returns
    -------
    BinnedResiduals

    Raises
    ------
    ValueError
        If probabilities are not n numbers from 0 to 1, or a result is another model's.

    Notes
    -----
    Observations of one probability, as of one pattern of covariates, are never parted, so that the
    order of rows decides nothing; a bin can be larger or smaller for it. Of a fit judged on its own
    rows residuals are a little smaller than the band allows for. Unlike `calibration_curve`, what
    is seen depends on the number of bins.

    Examples
    --------
    >>> from flatprior.analysis import binned_residuals
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_smarket
    >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Volume", load_smarket())
    >>> found = binned_residuals(model, fit_newton(model))
    >>> found.sizes, found.outside
    ('35 bins of 35 to 36 observations', 0)
    """
    if bins is not None:
        check_whole("bins", bins, 1)
    all_of_them = ranks_of(model, predicted)
    n = all_of_them.counts.sum()
    found = all_of_them.fewer(_usual(n) if bins is None else bins)
    counts, p, observed = found.counts, found.means, found.events / found.counts
    return BinnedResiduals(
        frame=pd.DataFrame(
            {
                "predicted": p,
                "observed": observed,
                "residual": observed - p,
                "2 SE": 2 * np.sqrt(p * (1 - p) / counts),
                "observations": counts.astype(np.int64),
            }
        ),
        formula=model.formula,
    )


def _usual(n: float) -> int:
    """How many bins n observations have, unless one is asked for other ones."""
    if n >= FEW:
        return math.isqrt(int(n))
    return 10 if n > 10 else max(int(n) // 2, 1)
