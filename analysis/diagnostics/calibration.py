"""Are predicted probabilities right? Calibration curve, Brier score and log score.

Any probabilities can be judged: of a fit, of a posterior, or an array from elsewhere, such as the
leave-one-out predictions. Judged on the rows that they were fitted to, they look better than on new
ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import expit, logsumexp

from flatprior.analysis.monte_carlo import check_draws_of
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.certificate import checked_coefficients
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_seed, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability, percentages
from flatprior.models.common.rendering import (
    Renderable,
    Rendered,
    chosen,
    of_model,
    shown_of,
    spread_out,
)
from flatprior.models.common.text import rows_phrase
from flatprior.models.estimate import require_fit_of
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import as_held

DRAWS_AT_ONCE = 64
NUMBERS_AT_ONCE = 2**22  # of simulated curves


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class CalibrationCurve(Renderable):
    """Probabilities beside the frequencies with which the events came.

    Attributes
    ----------
    frame : DataFrame
        What `table` returns.
    brier, miscalibration, discrimination, uncertainty : float
        The mean squared error, and its parts: miscalibration - discrimination + uncertainty. The
        first part is what calibrating would save, the last is the score of the base rate.
    outside : float
        Share of observations whose calibrated probability lies outside the envelope.
    formula : str or None
        Of the model that holds the outcomes.
    """

    frame: pd.DataFrame
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    outside: float
    formula: str | None = None

    @property
    def message(self) -> str:
        """The Brier score with its parts, in one sentence."""
        return (
            f"Brier score {self.brier:.4f} = miscalibration {self.miscalibration:.4f} - "
            f"discrimination {self.discrimination:.4f} + uncertainty {self.uncertainty:.4f}; "
            f"{self.outside:.1%} of observations outside the envelope"
        )

    def table(self) -> pd.DataFrame:
        """One row a distinct predicted probability, in increasing order.

        "predicted", "calibrated" (isotonic regression of the events on it), the ends of the
        envelope in which "calibrated" would lie if the predictions were right, named by their
        percentages, and "observations".
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; a dozen of its points."""
        n = len(self.frame)
        shown = spread_out(n)
        frame = self.frame.set_axis(pd.RangeIndex(1, n + 1))
        return Rendered.of(
            chosen(frame, columns),
            {str(name): "#.4g" for name in frame.columns},
            of_model("Calibration", self.formula),
            [self.message],
            [
                "calibrated: isotonic regression of the events on the predicted probabilities; "
                "percentages: the envelope in which it lies if they are right",
                shown_of(len(shown), n, "distinct prediction", ".table()"),
            ],
            rows=shown,
        )


@model_first
def calibration_curve(
    model: BernoulliLogistic,
    predicted: PointEstimate | Posterior | ArrayLike,
    prob: float = 0.95,
    simulations: int = 400,
    seed: int = 0,
) -> CalibrationCurve:
    """Calibration curve by isotonic regression, with an envelope.

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes.
    predicted : PointEstimate, Posterior, or array_like (n,)
        Whose probabilities to judge; an array is one probability of 1 for each row.
    prob : float
        Probability inside the envelope, at each predicted value on its own.
    simulations : int
        Data sets drawn from the predictions, for the envelope.
    seed : int

    Returns
    -------
    CalibrationCurve

    Raises
    ------
    ValueError
        If probabilities are not n numbers from 0 to 1, or a result is another model's.

    Notes
    -----
    Dimitriadis, Gneiting and Jordan (2021), "Stable reliability diagrams for probabilistic
    classifiers", PNAS 118, e2016191118: no bins need to be chosen. The envelope takes predictions
    as given; those fitted to the same outcomes lie inside it more often.

    Examples
    --------
    >>> from flatprior.analysis import calibration_curve
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_smarket
    >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Volume", load_smarket())
    >>> curve = calibration_curve(model, fit_newton(model))
    >>> curve.outside
    0.0
    """
    check_probability(prob)
    check_whole("simulations", simulations, 2)
    checked = check_seed(seed)
    probability = _probabilities(model, predicted)
    weights = model.counts
    values, place = np.unique(probability, return_inverse=True)
    counts = np.bincount(place, weights=weights)
    events = np.bincount(place, weights=weights * model.response)

    def isotonic(frequency: Array) -> Array:
        # a mean of frequencies may round to above 1
        return np.clip(isotonic_regression(frequency, weights=counts).x, 0, 1)

    calibrated = isotonic(events / counts)
    rng = np.random.default_rng(checked)
    simulated, trials = np.empty((simulations, len(values))), counts.astype(np.int64)
    for curve in simulated:
        curve[:] = isotonic(rng.binomial(trials, values) / counts)
    ends = [(1 - prob) / 2, (1 + prob) / 2]
    parts = np.array_split(np.arange(len(values)), 1 + simulated.size // NUMBERS_AT_ONCE)
    low, high = np.hstack([np.quantile(simulated[:, part], ends, axis=0) for part in parts])
    low_name, high_name = percentages(prob)
    n, rate = counts.sum(), events.sum() / counts.sum()

    def mean_square(forecast: Array | float) -> float:
        # events and others apart: w (1 - p)^2 and (n - w) p^2
        error = events * np.square(1 - forecast) + (counts - events) * np.square(forecast)
        return float(error.sum() / n)

    brier, best, base = mean_square(values), mean_square(calibrated), mean_square(rate)
    return CalibrationCurve(
        frame=pd.DataFrame(
            {
                "predicted": values,
                "calibrated": calibrated,
                low_name: low,
                high_name: high,
                "observations": counts.astype(np.int64),
            }
        ),
        brier=brier,
        miscalibration=brier - best,
        discrimination=base - best,
        uncertainty=base,
        outside=float(counts[(calibrated < low) | (calibrated > high)].sum() / n),
        formula=model.formula,
    )


@model_first
def predictive_scores(
    model: BernoulliLogistic, predicted: PointEstimate | Posterior | ArrayLike
) -> pd.DataFrame:
    """Brier score and log score, with standard errors, beside those of the base rate.

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes.
    predicted : PointEstimate, Posterior, or array_like (n,)
        As for `calibration_curve`.

    Returns
    -------
    DataFrame
        Rows "Brier" (mean squared error of the probability) and "log" (mean negative log
        probability of the outcome, scikit-learn's ``log_loss``), both the better the smaller.
        Columns "score", "standard error", "base rate" (the score of predicting the share of events
        in these data everywhere), "difference" to that with its "difference SE" (paired), and
        "skill", 1 - score / base rate.

    Raises
    ------
    ValueError
        As for `calibration_curve`.

    Examples
    --------
    >>> from flatprior.analysis import predictive_scores
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> predictive_scores(model, fit_newton(model))["skill"].round(3).tolist()
    [0.426, 0.374]
    """
    probability = _probabilities(model, predicted)
    weights, event = model.counts, model.response == 1
    n, rate = weights.sum(), model.n_events / model.n_observations
    with np.errstate(divide="ignore"):
        scores = {
            "Brier": np.square(model.response - np.array([probability, np.full(len(event), rate)])),
            "log": -np.array(
                [
                    _log_probability(model, predicted, probability),
                    np.where(event, np.log(rate), np.log1p(-rate)),
                ]
            ),
        }
    rows = {}
    for name, (own, base) in scores.items():
        mean, reference = float(weights @ own / n), float(weights @ base / n)
        rows[name] = {
            "score": mean,
            "standard error": _standard_error(own, weights),
            "base rate": reference,
            "difference": mean - reference,
            "difference SE": _standard_error(own - base, weights),
            "skill": 1 - mean / reference if reference else math.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("score of")


def _standard_error(values: Array, weights: Array) -> float:
    n = weights.sum()
    if n < 2 or not np.isfinite(values).all():
        return math.nan
    deviation = values - weights @ values / n
    return float(math.sqrt((weights @ np.square(deviation)) / (n - 1) / n))


def _log_probability(model: BernoulliLogistic, predicted: object, probability: Array) -> Array:
    """Log probability of each outcome, of a fit without a detour over the probability."""
    if isinstance(predicted, PointEstimate):
        own = model.pointwise_log_likelihood(predicted.coefficients)
        return own / model.counts
    if isinstance(predicted, Posterior):
        block = as_held(model.arrays).block(slice(None))._replace(weights=None)
        draws = predicted.draws.reshape(-1, model.n_parameters)
        found = [
            logsumexp(row_terms(block, some.T).log_likelihood, axis=1)
            for some in np.array_split(draws, range(DRAWS_AT_ONCE, len(draws), DRAWS_AT_ONCE))
        ]
        return np.asarray(logsumexp(found, axis=0) - math.log(len(draws)))
    return np.where(model.response == 1, np.log(probability), np.log1p(-probability))


def _probabilities(
    model: BernoulliLogistic, predicted: PointEstimate | Posterior | ArrayLike
) -> Array:
    """Probability of 1 in each row of the model, (n,)."""
    block = as_held(model.arrays).block(slice(None))
    if isinstance(predicted, PointEstimate):
        require_fit_of(model, predicted)
        return expit(linear_predictor(block, checked_coefficients(model, predicted.coefficients)))
    if isinstance(predicted, Posterior):
        check_draws_of(model, predicted)
        draws = predicted.draws.reshape(-1, model.n_parameters)
        total = np.zeros(model.n_rows)
        for start in range(0, len(draws), DRAWS_AT_ONCE):
            some = draws[start : start + DRAWS_AT_ONCE]
            total += expit(linear_predictor(block, some.T)).sum(axis=1)
        return total / len(draws)
    try:
        probability = np.asarray(predicted, dtype=float)
    except (TypeError, ValueError):
        probability = np.empty(0)
    if probability.shape != (model.n_rows,):
        raise InputError(f"predicted must be {model.n_rows} probabilities, one for each row")
    wrong = ~((probability >= 0) & (probability <= 1))
    if wrong.any():
        raise InputError(
            "predicted must be probabilities from 0 to 1; see "
            f"{rows_phrase(model.row_labels[wrong])}"
        )
    return probability
