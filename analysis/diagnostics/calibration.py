"""Are predicted probabilities right? Calibration curve, Brier score, log score and AUC.

Any probabilities can be judged: of a fit, of a posterior, or an array from elsewhere, such as the
leave-one-out predictions. Judged on the rows that they were fitted to, they look better than on new
ones.

What needs the order of all rows, calibration and AUC, is of bins of predictions where rows are not
in memory (`flatprior.analysis.diagnostics.ranks`), and says how far that can be from the exact.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from flatprior.analysis.diagnostics.ranks import Ranks, edges_of, isotonic
from flatprior.analysis.diagnostics.summaries import Spread
from flatprior.analysis.monte_carlo import check_draws_of
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.certificate import checked_coefficients
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_seed, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability, percentages
from flatprior.models.common.parallel import parallel_map
from flatprior.models.common.rendering import (
    Renderable,
    Rendered,
    chosen,
    of_model,
    shown_of,
    spread_out,
)
from flatprior.models.common.text import rows_phrase
from flatprior.models.direction_bounds import ROW_ULPS, predictor_error
from flatprior.models.estimate import require_fit_of
from flatprior.models.likelihood import alike_predictor, linear_predictor, row_terms
from flatprior.models.rows import PIECE_ROWS, ArrayRows, Block, as_held

T = TypeVar("T")

DRAWS_AT_ONCE = 64
MOST_BINS = 2**13  # of predictions on a curve, of rows that are not in memory
SAME = 1e-12  # of probabilities of others, or over draws: closer ones may be of the same rows
CLOSE = 1e-7  # standard errors: fits proved to be no further from the MLE are judged as it
FAR = 64.0  # on the log-odds scale: who errs by that knows nothing


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
    grid_error : float
        0 where each distinct prediction is on its own, as a rule of rows in memory. Of rows in
        files and on clusters predictions are in bins, and so are those of a fit whose order
        rounding decides: the curve is no further than this from that of the distinct ones, in root
        mean square over the observations, and miscalibration and discrimination are off by no more
        than its square.
    """

    frame: pd.DataFrame
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    outside: float
    formula: str | None = None
    grid_error: float = 0.0

    @property
    def message(self) -> str:
        """The Brier score with its parts, in one sentence."""
        grid = (
            f"; predictions in bins, the curve off by at most {self.grid_error:.1e} in root mean "
            f"square, the parts by {self.grid_error**2:.1e}"
            if self.grid_error
            else ""
        )
        return (
            f"Brier score {self.brier:.4f} = miscalibration {self.miscalibration:.4f} - "
            f"discrimination {self.discrimination:.4f} + uncertainty {self.uncertainty:.4f}; "
            f"{self.outside:.1%} of observations outside the envelope{grid}"
        )

    def table(self) -> pd.DataFrame:
        """One row a distinct predicted probability, in increasing order, or a bin of them.

        "predicted" (the mean of a bin), "calibrated" (isotonic regression of the events on it), the
        ends of the envelope in which "calibrated" would lie if the predictions were right, named by
        their percentages, and "observations".
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
                shown_of(
                    len(shown), n, "bin" if self.grid_error else "distinct prediction", ".table()"
                ),
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
        Holds the outcomes. Its rows may lie in memory, in files or on a cluster; in those a pass is
        made, and predictions are in some thousand bins (see `CalibrationCurve.grid_error`).
    predicted : PointEstimate, Posterior, or array_like (n,)
        Whose probabilities to judge; an array, of rows in memory, is one probability of 1 for each.
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
    all_of_them = _ranks(model, predicted)
    ranks = all_of_them if model.rows.resident else all_of_them.fewer(MOST_BINS)
    values, counts = ranks.means, ranks.counts
    calibrated = ranks.isotonic()
    rng = np.random.default_rng(checked)
    trials = counts.astype(np.int64)
    curves = (isotonic(rng.binomial(trials, values) / counts, counts) for _ in range(simulations))
    low, high = _envelope(curves, simulations, (1 - prob) / 2)
    low_name, high_name = percentages(prob)
    n = counts.sum()
    brier, shown = all_of_them.squared / n, ranks.mean_square(calibrated)
    best, base = shown, ranks.mean_square(ranks.events.sum() / n)
    if all_of_them is not ranks:
        best = all_of_them.mean_square(all_of_them.isotonic())
    exact = all_of_them is ranks and not ranks.loose.any()
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
        grid_error=0.0 if exact else math.sqrt(max(shown - all_of_them.least_mean_square(), 0.0)),
    )


def _envelope(curves: Iterable[Array], n: int, tail: float) -> tuple[Array, Array]:
    """Quantiles `tail` and ``1 - tail`` (d,) of n curves (d,), which are not held all at once.

    Linear between order statistics, as NumPy's; of each value the outermost alone are kept.
    """
    place = (n - 1) * tail
    below, share = int(place), place % 1
    kept = min(below + 2, n)  # of either end
    ends: list[list[Array]] = [[], []]
    for curve in curves:
        for sign, held in zip((1, -1), ends, strict=True):
            held.append(sign * curve)
            if len(held) == 2 * kept + 1:
                held[:] = np.partition(held, kept - 1, axis=0)[:kept]
    low, high = (np.sort(held, axis=0)[below : below + 2] for held in ends)
    return low[0] + share * (low[-1] - low[0]), -high[0] - share * (high[-1] - high[0])


@model_first
def predictive_scores(
    model: BernoulliLogistic, predicted: PointEstimate | Posterior | ArrayLike
) -> pd.DataFrame:
    """Brier score, log score and AUC, with standard errors, beside those of the base rate.

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes. Its rows may lie in memory, in files or on a cluster; in those a pass is
        made.
    predicted : PointEstimate, Posterior, or array_like (n,)
        As for `calibration_curve`.

    Returns
    -------
    DataFrame
        Rows "Brier" (mean squared error of the probability) and "log" (mean negative log
        probability of the outcome, scikit-learn's ``log_loss``), both the better the smaller; and
        "AUC", the area under the ROC curve, the better the larger: the probability that an event
        ranks above another observation, where ties count a half (of arrays and draws, probabilities
        that are apart by less than 1e-12 of their size; of a fit, those whose order rounding
        decides, or what a proof of 1e-7 standard errors or better leaves open). Columns "score",
        "standard error"
        (DeLong's of the AUC), "base rate" (the score of predicting the share of events in these
        data everywhere), "difference" to that with its "difference SE" (paired), "skill", the share
        of the way from the base rate to perfection, which is 1 - score / base rate of the first
        two, and "grid error": how far the score can be from the exact one. That is 0 but of the
        AUC: of a fit by rows whose order is open, and of rows that are not in memory, which are
        ranked in 260,000 bins.

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
    [0.426, 0.374, 0.766]
    """
    rate = model.n_events / model.n_observations
    edges = None if model.rows.resident else _edges(model, predicted, by_probability=False)
    forecast = _forecast(model, predicted, scored=True)
    ties = _ties(predicted)

    def of_block(block: Block) -> _Scored:
        found, event = forecast(block), block.sign > 0
        with np.errstate(divide="ignore"):
            base = np.where(event, -np.log(rate), -np.log1p(-rate))
        squares = np.square(event - np.array([found.probability, np.full(len(event), rate)]))
        scores = np.vstack([squares, -found.log_probability, base])
        differences = scores[[0, 2]] - scores[[1, 3]]
        ranks = Ranks.of(
            found.rank, found.probability, event, block.counts, edges, ties, found.errors[0]
        )
        return _Scored(Spread.of(np.vstack([scores, differences]), block.counts), ranks)

    of_all = _reduced(model, of_block, _Scored.joined)
    error = of_all.spread.sd / math.sqrt(of_all.spread.n)
    rows = {}
    for place, name in enumerate(("Brier", "log")):
        mean, reference = of_all.spread.mean[[2 * place, 2 * place + 1]].tolist()
        rows[name] = {
            "score": mean,
            "standard error": error[2 * place],
            "base rate": reference,
            "difference": mean - reference,
            "difference SE": error[4 + place],
            "skill": 1 - mean / reference if reference else math.nan,
            "grid error": 0.0,
        }
    area = of_all.ranks.apart().area()
    rows["AUC"] = {
        "score": area.value,
        "standard error": area.standard_error,
        "base rate": 0.5,
        "difference": area.value - 0.5,
        "difference SE": area.standard_error,
        "skill": 2 * area.value - 1,
        "grid error": area.error_bound,
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("score of")


class _Scored(NamedTuple):
    """What is kept of rows: spread of both scores and of the base rate's, and ranks."""

    spread: Spread
    ranks: Ranks

    def joined(self, other: _Scored) -> _Scored:
        """That of both sets of rows."""
        return _Scored(self.spread + other.spread, self.ranks + other.ranks)


class _Forecast(NamedTuple):
    """Of each row (m,): what it is ranked by, probability of 1, log probability of the outcome."""

    rank: Array
    probability: Array
    log_probability: Array
    errors: tuple[Array, Array]  # how far the rank may be off, and the probability


Predicted = PointEstimate | Posterior | ArrayLike


def _reduced(model: BernoulliLogistic, function: Callable[[Block], T], combine: Any) -> T:
    """``function(block)`` of all rows: at once where they are in memory, else in a pass."""
    rows = as_held(model.rows)
    if isinstance(rows, ArrayRows):
        return function(rows.block(slice(None)))
    found: T = rows.reduce(function, combine)
    return found


def _ranks(model: BernoulliLogistic, predicted: Predicted) -> Ranks:
    """Events and others in the order of their probabilities."""
    edges = None if model.rows.resident else _edges(model, predicted, by_probability=True)
    forecast, ties = _forecast(model, predicted), _ties(predicted)

    def of_block(block: Block) -> Ranks:
        found, event = forecast(block), block.sign > 0
        p, error = found.probability, found.errors[1]
        return Ranks.of(p, p, event, block.counts, edges, ties, error)

    return _reduced(model, of_block, operator.add).apart()


def _edges(model: BernoulliLogistic, predicted: Predicted, by_probability: bool) -> Array:
    """Where bins of rows that are not in memory end."""
    forecast = _forecast(model, predicted)
    assert not isinstance(model.rows, ArrayRows)  # noqa: S101
    some = forecast(as_held(model.rows.drawn).block(slice(None)))
    return edges_of(some.probability if by_probability else some.rank, _ties(predicted))


def _ties(predicted: Predicted) -> float:
    """How near to one another, of their size, forecasts are that may be of the same rows."""
    return 0.0 if isinstance(predicted, PointEstimate) else SAME


def _forecast(
    model: BernoulliLogistic, predicted: Predicted, scored: bool = False
) -> Callable[[Block], _Forecast]:
    """What forecasts the rows of a block; log probabilities only where they are `scored`."""
    if isinstance(predicted, PointEstimate):
        require_fit_of(model, predicted)
        beta = checked_coefficients(model, predicted.coefficients)

        from_mle = _distance(predicted)

        def of_fit(block: Block) -> _Forecast:
            eta = alike_predictor(block, beta)
            error = predictor_error(block, beta) + np.abs(block.design) @ from_mle
            p = expit(eta)
            # the derivative p (1 - p) changes by no more than a factor exp(t) over a distance t
            change = p * (1 - p) * np.expm1(np.minimum(error, FAR)) + ROW_ULPS * p
            # of a fit without a detour over the probability
            logs = row_terms(block._replace(weights=None), beta).log_likelihood if scored else eta
            return _Forecast(eta, p, logs, (error, change))

        return of_fit
    if isinstance(predicted, Posterior):
        check_draws_of(model, predicted)
        draws = predicted.draws.reshape(-1, model.n_parameters)

        def of_draws(block: Block) -> _Forecast:
            pieces = list(block._replace(weights=None).split(PIECE_ROWS))
            both = parallel_map(lambda piece: _averaged(piece, draws, scored), pieces)
            probability, logs = np.concatenate(both, axis=1)
            return _given(probability, logs)

        return of_draws
    if not model.rows.resident:
        raise InputError(
            "an array of probabilities is of rows in memory, and those of the model are read in "
            "batches: give a fit or a posterior"
        )
    probability = _checked(model, predicted)

    def of_array(block: Block) -> _Forecast:
        with np.errstate(divide="ignore"):
            logs = np.where(block.sign > 0, np.log(probability), np.log1p(-probability))
        return _given(probability, logs)

    return of_array


def _given(probability: Array, log_probability: Array) -> _Forecast:
    """A forecast that is ranked by its probability."""
    error = SAME / 2 * probability
    return _Forecast(probability, probability, log_probability, (error, error))


def _distance(fit: PointEstimate) -> Array:
    """How far each coefficient is from that of the MLE at most, (k,); 0 where it is not close."""
    certificate = fit.certificate
    if certificate is None or not certificate.error_bound <= CLOSE:
        return np.zeros(len(fit.names))
    return np.asarray(1.01 * certificate.error_bound * fit.standard_errors)


def _averaged(piece: Block, draws: Array, scored: bool) -> Array:
    """Probability of 1 and log probability of the outcome, over draws (d, k), of rows (2, m)."""
    total, logs = np.zeros(len(piece.sign)), []
    for start in range(0, len(draws), DRAWS_AT_ONCE):
        some = draws[start : start + DRAWS_AT_ONCE].T
        total += expit(linear_predictor(piece, some)).sum(axis=1)
        if scored:
            logs.append(logsumexp(row_terms(piece, some).log_likelihood, axis=1))
    mean = total / len(draws)
    return np.array([mean, logsumexp(logs, axis=0) - math.log(len(draws)) if scored else mean])


def _checked(model: BernoulliLogistic, predicted: ArrayLike) -> Array:
    """Probabilities from elsewhere, (n,)."""
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
