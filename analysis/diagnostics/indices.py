r"""How well predictions tell events from others, and whether they are calibrated, in five numbers.

The area under the ROC curve and its standard error are those of DeLong, DeLong and Clarke-Pearson
(1988), from midranks in O(n log n) as in Sun and Xu (2014), "Fast implementation of DeLong's
algorithm for comparing the areas under correlated receiver operating characteristic curves", IEEE
Signal Processing Letters 21, 1389-1393.

Calibration is a refit. With :math:`\ell` the log-odds of a prediction,
:math:`\operatorname{logit} P(y = 1) = a + b\,\ell` has slope b = 1 and intercept a = 0 where
predictions are right (Cox 1958, "Two further applications of a model for binary regression",
Biometrika 45, 562-565); b below 1 says that they are too extreme. With b held at 1 the intercept is
calibration in the large. Each refit is a Bernoulli-logistic model of its own, with a certificate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from flatprior.analysis.diagnostics.calibration import scores_of
from flatprior.analysis.diagnostics.forecasts import (
    Apart,
    Measured,
    Predicted,
    forecast_of,
    measured,
)
from flatprior.analysis.diagnostics.ranks import Ranks
from flatprior.analysis.result_table import ResultTable
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    NotConvergedError,
    PointEstimate,
)
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.same_passes import at_once
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import wald_interval, wald_reach
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, Block


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class PredictiveIndices(Renderable):
    """Discrimination and calibration of predictions.

    Attributes
    ----------
    frame : DataFrame
        What `table` returns.
    formula : str or None
        Of the model that holds the outcomes.
    lacking : tuple of str
        Why a number is not there, where one is not.
    """

    frame: pd.DataFrame
    formula: str | None = None
    lacking: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """One row an index.

        "AUC", the area under the ROC curve, with DeLong's standard error; "discrimination slope",
        mean prediction of the events less that of the others (Yates 1982; of a fit on its own rows
        it is Tjur's R2); "calibration in the large", the intercept of a refit on the log-odds of
        the predictions with their slope held at 1; "calibration slope" and "calibration intercept",
        of the refit with both free.
        Columns "value", "standard error", the ends of the Wald interval (of the area cut at 0 and
        1), named by their percentages, and "error bound": how far the value can be from the exact
        one. Of the area that is from rounding, from predictions whose order is open and from the
        bins of rows that are not in memory, of the discrimination slope from how far each
        prediction may be off, and of calibration from the certificate of the refit, which takes
        predictions as computed.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        value, bound = self.frame["value"], self.frame["error bound"]
        told = self.frame.assign(value=value.mask(value.abs() <= bound, 0.0))
        frame = chosen(told, columns).rename(columns={"standard error": "SE"})
        formats = {str(name): "#.4g" for name in frame.columns} | {"error bound": "bound"}
        return Rendered.of(
            frame,
            formats,
            of_model("Discrimination and calibration", self.formula),
            self.lacking,
            [
                "calibration: a refit on the log-odds of the predictions. In the large: its "
                "intercept with the slope held at 1, below 0 where predictions are too high on "
                "average; slope and intercept: both free, so that this intercept alone says "
                "nothing. Right predictions have slope 1 and both intercepts 0, as has a fit with "
                "an intercept and no offset on its own rows, however wrong it is"
            ],
        )


@model_first
def predictive_indices(
    model: BernoulliLogistic, predicted: Predicted, prob: float = 0.95
) -> PredictiveIndices:
    """AUC, discrimination slope, calibration in the large and slope, with standard errors.

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes. Its rows may lie in memory, in files or on a cluster.
    predicted : PointEstimate, Posterior, or array_like (n,)
        Whose probabilities to judge; an array, of rows in memory, is one probability of 1 for each,
        such as `predict` gives of another model's fit. Of a posterior it is their mean.
    prob : float
        Confidence of the intervals.

    Returns
    -------
    PredictiveIndices
        An index is NaN, and `lacking` says why, where there is none: without events or without
        others, or where the refit has no MLE.

    Raises
    ------
    ValueError
        If probabilities are not n numbers from 0 to 1, or a result is another model's.

    Notes
    -----
    Intervals of the area are those of R's ``pROC::ci.auc``; the refits are those of
    ``rms::val.prob``, whose "Intercept" and "Slope" these are. Standard errors take the predictions
    as given: they are of new rows, not of the rows that a model was fitted to.

    Examples
    --------
    >>> from flatprior.analysis import predictive_indices
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    >>> found = predictive_indices(model, fit_newton(model))
    >>> found.table()["value"].round(4).abs().tolist()
    [0.8831, 0.4286, 0.0, 1.0, 0.0]
    """
    wald_reach(prob)  # before the work, should it be no probability
    tasks: list[Callable[[], Any]] = [partial(measured, model, predicted, False)]
    tasks += _refits(model, predicted)
    return _indices(model, prob, *at_once(model.rows, tasks))


def scores_and_indices(
    model: BernoulliLogistic, predicted: Predicted, prob: float = 0.95, left_out: bool = False
) -> tuple[ResultTable, PredictiveIndices]:
    """`predictive_scores` and `predictive_indices`, for which rows are ranked once."""
    tasks: list[Callable[[], Any]] = [partial(measured, model, predicted, True, left_out)]
    tasks += _refits(model, predicted)
    found, *refits = at_once(model.rows, tasks)
    return scores_of(model, found), _indices(model, prob, found, *refits)


def _indices(
    model: BernoulliLogistic, prob: float, found: Measured, slope: _Refit, in_the_large: _Refit
) -> PredictiveIndices:
    """`predictive_indices` of what was measured of rows, and of refits."""
    values = {
        "AUC": _area(found.ranks),
        "discrimination slope": _apart(found.apart),
        **in_the_large.found,
        **slope.found,
    }
    lacking = slope.lacking + in_the_large.lacking
    if math.isnan(values["AUC"].value):
        lacking = ("without events, or without others, nothing is told apart", *lacking)
    rows = {}
    for name, each in values.items():
        ends = wald_interval(each.value, each.standard_error, prob)
        if name == "AUC":
            ends = {label: float(np.clip(end, 0, 1)) for label, end in ends.items()}
        rows[name] = {
            "value": each.value,
            "standard error": each.standard_error,
            **ends,
            "error bound": each.error_bound,
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("index")
    return PredictiveIndices(frame=frame, formula=model.formula, lacking=lacking)


class _Index(NamedTuple):
    """A number, its standard error, and how far it can be from the exact one."""

    value: float
    standard_error: float
    error_bound: float


_NONE = _Index(math.nan, math.nan, math.nan)


class _Refit(NamedTuple):
    """What a refit gives, and why it gives nothing, if it does not."""

    found: dict[str, _Index]
    lacking: tuple[str, ...] = ()


def _area(ranks: Ranks) -> _Index:
    """The area under the ROC curve, and how far it can be off, its rounding included.

    Counts and their sums are whole numbers, or halves, and exact. Each share is divided once, and b
    products of numbers that are not negative are added: their sum is off by b + 2 roundings of its
    size at most, in whatever order. Twice that is more than enough for the few of higher order.
    """
    area = ranks.area()
    rounding = (len(ranks.events) + 2) * float(np.finfo(float).eps) * area.value
    return _Index(area.value, area.standard_error, area.error_bound + rounding)


def _apart(both: Apart) -> _Index:
    """Mean probability of the events less that of the others."""
    if both.events is None or both.others is None:
        return _NONE
    value = float(both.events.mean[0] - both.others.mean[0])
    variance = sum(float(each.sd[0]) ** 2 / each.n for each in (both.events, both.others))
    error = float(both.events.mean[1] + both.others.mean[1])
    return _Index(value, math.sqrt(variance), error)


def _refits(model: BernoulliLogistic, predicted: Predicted) -> list[Callable[[], Any]]:
    """What finds slope and intercept, and what the intercept without a slope."""
    return [partial(find, model, predicted) for find in (_with_slope, _in_the_large)]


def _with_slope(model: BernoulliLogistic, predicted: Predicted) -> _Refit:
    """Slope and intercept of the refit on log-odds."""
    log_odds = _log_odds(model, predicted)

    def change(block: Block) -> Block:
        found = log_odds(block)
        return block._replace(design=np.column_stack([np.ones_like(found), found]), offset=None)

    intercept, slope = "calibration intercept", "calibration slope"
    refit = _refitted(model, change, (intercept, slope))
    return refit._replace(found={name: refit.found[name] for name in (slope, intercept)})


def _in_the_large(model: BernoulliLogistic, predicted: Predicted) -> _Refit:
    """The intercept without a slope."""
    log_odds = _log_odds(model, predicted)

    def change(block: Block) -> Block:
        found = log_odds(block)
        return block._replace(design=np.ones((len(found), 1)), offset=found)

    return _refitted(model, change, ("calibration in the large",))


def _log_odds(model: BernoulliLogistic, predicted: Predicted) -> Callable[[Block], Array]:
    """What gives the log-odds (m,) of the predictions of a block."""
    forecast = forecast_of(model, predicted)
    if isinstance(predicted, PointEstimate):
        return lambda block: forecast(block).rank

    def of_block(block: Block) -> Array:
        probability = forecast(block).probability
        certain = (probability <= 0) | (probability >= 1)
        if certain.any():
            raise InputError(
                "a prediction of 0 or 1 has no finite log-odds, and calibration is a refit on "
                f"them: {count(int(certain.sum()), 'row')} have one; leave these out, or judge "
                "them by predictive_scores"
            )
        return np.asarray(logit(probability))

    return of_block


def _refitted(
    model: BernoulliLogistic, change: Callable[[Block], Block], names: tuple[str, ...]
) -> _Refit:
    """The coefficients of a model of the same outcomes, of blocks that are changed."""
    rows = model.rows
    other: ArrayRows | BatchRows
    if isinstance(rows, ArrayRows):
        block = change(rows.block_as_held(slice(None)))
        other = ArrayRows(block.design, rows.response, block.offset, block.weights)
    else:
        other = rows.become(change, False)
    changed = replace(
        model, rows=other, names=names, formula=None, encoding=None, aliased=None, trials=None
    )
    try:
        fit = converged_mle(changed)
    except (MLEDoesNotExistError, NotConvergedError) as error:
        kind = error.existence.kind if isinstance(error, MLEDoesNotExistError) else "no fit"
        said = f"there is no {' and no '.join(names)}: of the refit, {kind}"
        return _Refit(dict.fromkeys(names, _NONE), (said,))
    errors = fit.standard_errors
    bounds = fit.certificate.error_bound * errors
    numbers = zip(fit.coefficients.tolist(), errors.tolist(), bounds.tolist(), strict=True)
    return _Refit({name: _Index(*each) for name, each in zip(names, numbers, strict=True)})
