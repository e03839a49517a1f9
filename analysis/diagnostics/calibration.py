"""Are predicted probabilities right? Calibration curve, binned residuals, Brier and log score, AUC.

Any probabilities can be judged: of a fit, of a posterior, or an array from elsewhere, such as the
leave-one-out predictions. Judged on the rows that they were fitted to, they look better than on new
ones.

What needs the order of all rows, calibration and AUC, is of bins of predictions where rows are not
in memory (`flatprior.analysis.diagnostics.ranks`), and says how far that can be from the exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.diagnostics.forecasts import (
    Measured,
    Predicted,
    measured,
    ranks_of,
    skill_of,
)
from flatprior.analysis.diagnostics.ranks import expected_beyond, isotonic
from flatprior.analysis.result_table import ResultTable
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_flag, check_seed, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.intervals import check_probability, percentages
from flatprior.models.common.rendering import (
    Renderable,
    Rendered,
    chosen,
    of_model,
    shown_of,
    spread_out,
)
from flatprior.models.common.text import at_most, count, percent

T = TypeVar("T")

ROUNDING = 1e-12  # of a mean residual, which is a difference of shares
FEW = 100  # observations, below which there are ten bins
MOST_BINS = 2**13  # of predictions on a curve, of rows that are not in memory


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
    outside_p : float
        Probability of so large a share if the predictions are right, by the same simulations.
    formula : str or None
        Of the model that holds the outcomes.
    grid_error : float
        0 where each distinct prediction is on its own, as a rule of rows in memory. Of rows in
        files and on clusters predictions are in bins, and so are those of a fit whose order is left
        open by rounding, or by a proof of 1e-7 standard errors or better: the curve is no further
        than this from that of the distinct ones, in root mean square over the observations, and
        miscalibration and discrimination are off by no more than its square.
    """

    frame: pd.DataFrame
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    outside: float
    outside_p: float
    formula: str | None = None
    grid_error: float = 0.0

    @property
    def message(self) -> str:
        """The Brier score with its parts, in one sentence."""
        grid = (
            f"; predictions in bins, the curve off by at most {at_most(self.grid_error)} in root "
            f"mean square, the parts by {at_most(self.grid_error**2)}"
            if self.grid_error
            else ""
        )
        return (
            f"Brier score {self.brier:.4f} = miscalibration {self.miscalibration:.4f} - "
            f"discrimination {self.discrimination:.4f} + uncertainty {self.uncertainty:.4f}; "
            f"{percent(self.outside)} of observations outside the envelope{grid}"
        )

    def table(self) -> pd.DataFrame:
        """One row a distinct predicted probability, in increasing order, or a bin of them.

        "predicted" (the mean of a bin), "calibrated" (isotonic regression of the events on it), the
        ends of the envelope in which it would lie of right predictions, and "observations".
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
    all_of_them = ranks_of(model, predicted)
    ranks = all_of_them if model.rows.resident else all_of_them.fewer(MOST_BINS)
    values, counts = ranks.means, ranks.counts
    calibrated = ranks.isotonic()
    seeds, trials = np.random.SeedSequence(checked), counts.astype(np.int64)

    def drawn() -> Iterator[Array]:
        """The same curves each time."""
        rng = np.random.default_rng(seeds)
        for _ in range(simulations):
            yield isotonic(rng.binomial(trials, values) / counts, counts)

    low, high = _envelope(drawn(), simulations, (1 - prob) / 2)
    (low_name, high_name), n = percentages(prob), counts.sum()

    def share_outside(curve: Array) -> float:
        return float(counts[(curve < low) | (curve > high)].sum() / n)

    outside = share_outside(calibrated)
    as_many = sum(share_outside(curve) >= outside for curve in drawn()) if outside else simulations
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
        miscalibration=max(brier - best, 0.0),
        discrimination=base - best,
        uncertainty=base,
        outside=outside,
        outside_p=(1 + as_many) / (1 + simulations),
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
    model: BernoulliLogistic,
    predicted: PointEstimate | Posterior | ArrayLike,
    *,
    left_out: bool = False,
) -> ResultTable:
    """Brier score, log score and AUC, with standard errors, beside those of the base rate.

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes. Its rows may lie in memory, in files or on a cluster; in those a pass is
        made.
    predicted : PointEstimate, Posterior, or array_like (n,)
        As for `calibration_curve`.
    left_out : bool
        Whether each observation is predicted without itself, as by leave-one-out: then the base
        rate beside it is the share of events among all others.

    Returns
    -------
    ResultTable
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
        two, with its "skill SE" (by the delta method, as Bradley, Schwartz and Hashino 2008,
        Weather and Forecasting 23, 992-1006; it takes predictions as given), and "grid error": how
        far the score can be from the exact one. That is 0 but of the AUC: of a fit by rows whose
        order is open, and of rows that are not in memory, which are ranked in 260,000 bins.

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
    check_flag("left_out", left_out)
    return scores_of(model, measured(model, predicted, left_out=left_out))


def scores_of(model: BernoulliLogistic, found: Measured) -> ResultTable:
    """`predictive_scores` of what was measured of a model's rows."""
    rate, spread = model.n_events / model.n_observations, found.scores
    assert spread is not None  # noqa: S101
    error = spread.sd / math.sqrt(spread.n)
    rows = {}
    for place, name in enumerate(("Brier", "log")):
        mean, reference = spread.mean[[2 * place, 2 * place + 1]].tolist()
        skill, skill_error = skill_of(mean, reference, error[[2 * place, 2 * place + 1, 4 + place]])
        rows[name] = {
            "score": mean,
            "standard error": error[2 * place],
            "base rate": reference,
            "difference": mean - reference,
            "difference SE": error[4 + place],
            "skill": skill,
            "skill SE": skill_error,
            "grid error": 0.0,
        }
    area = found.ranks.area()
    rows["AUC"] = {
        "score": area.value,
        "standard error": area.standard_error,
        "base rate": 0.5,
        "difference": area.value - 0.5,
        "difference SE": area.standard_error,
        "skill": 2 * area.value - 1,
        "skill SE": 2 * area.standard_error,
        "grid error": area.error_bound,
    }
    return ResultTable(
        frame=pd.DataFrame.from_dict(rows, orient="index").rename_axis("score of"),
        title=of_model("Scores of predictions", model.formula),
        facts=(
            f"beside those of the base rate, {rate:.4g} of "
            f"{count(model.n_observations, 'observation')}",
        ),
        notes=(
            "Brier and log scores are better when smaller, the AUC when larger; its standard error "
            "is DeLong's, the others are those of means over observations",
            "difference: to the base rate, of the same observations; skill: the share of the way "
            "from there to perfection; grid error: how far a score can be from the exact one",
        ),
    )


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
    def expected(self) -> float:
        """How many are to be expected that far, of binomial counts with the mean probabilities."""
        n, p, band = self.frame[["observations", "predicted", "2 SE"]].to_numpy().T
        return expected_beyond(n, p, band + ROUNDING)

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
            f"about {self.expected:.1f} are to be expected of probabilities that are right"
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
    """Mean residuals in bins of the predicted probability (Gelman and Hill 2007, section 5.6).

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
