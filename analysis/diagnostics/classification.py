"""How many observations a cut of the predictions puts on the right side."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from flatprior.analysis.diagnostics.forecasts import Predicted, forecast_of, reduced
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.intervals import check_probability, percentages
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count, whole

AT_THE_CUT = 1e-9  # a prediction that is no further from it than that, of its size, is at the cut


@dataclass(frozen=True, repr=False, kw_only=True)
@own_error_state
class ClassificationTable(Renderable):
    """Observations by outcome and by the side of a cut that their prediction is on.

    Attributes
    ----------
    cut : float
        Predictions of at least that are of an event.
    true_positives, false_negatives, false_positives, true_negatives : int
        Observations: a row counts as often as its frequency weight says.
    at_the_cut : int
        Of these, how many have a prediction within 1e-9 of the cut, or no further from it than it
        may be wrong, which counts as the cut itself.
    formula : str or None
        Of the model that holds the outcomes.
    prob : float
        Confidence of the intervals that are printed.
    """

    cut: float
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    at_the_cut: int
    formula: str | None = None
    prob: float = 0.95

    @property
    def sensitivity(self) -> float:
        """Share of the events that are predicted; NaN without events, and so on."""
        return _share(*self._shares["sensitivity"])

    @property
    def specificity(self) -> float:
        """Share of the others that are predicted to be others."""
        return _share(*self._shares["specificity"])

    @property
    def positive_predictive_value(self) -> float:
        """Share of events among those that are predicted to be."""
        return _share(*self._shares["positive predictive value"])

    @property
    def negative_predictive_value(self) -> float:
        """Share of others among those that are predicted to be."""
        return _share(*self._shares["negative predictive value"])

    @property
    def accuracy(self) -> float:
        """Share of observations on the right side."""
        return _share(*self._shares["accuracy"])

    @property
    def _shares(self) -> dict[str, tuple[int, int]]:
        hits, missed = self.true_positives, self.false_negatives
        false, right = self.false_positives, self.true_negatives
        return {
            "sensitivity": (hits, hits + missed),
            "specificity": (right, right + false),
            "positive predictive value": (hits, hits + false),
            "negative predictive value": (right, right + missed),
            "accuracy": (hits + right, hits + missed + false + right),
        }

    def counts(self) -> pd.DataFrame:
        """The two by two table: one row an outcome, one column a prediction."""
        return pd.DataFrame(
            [
                [self.true_positives, self.false_negatives],
                [self.false_positives, self.true_negatives],
            ],
            index=pd.Index(["event", "other"], name="observed"),
            columns=pd.Index(["event", "other"], name="predicted"),
        )

    def table(self, prob: float | None = None) -> pd.DataFrame:
        """One row a share: "value", its interval, "right" and "of", the observations.

        Intervals are of Clopper and Pearson (1934), "The use of confidence or fiducial limits",
        Biometrika 26, 404-413: exact where cut and predictions were not chosen by these outcomes.
        """
        prob = self.prob if prob is None else prob
        check_probability(prob)
        low, high = percentages(prob)
        rows = {}
        for name, (right, of) in self._shares.items():
            ends = _clopper_pearson(right, of, prob)
            rows[name] = {
                "value": _share(right, of),
                low: ends[0],
                high: ends[1],
                "right": right,
                "of": of,
            }
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("share")
        return frame.astype({"right": int, "of": int})

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        frame = chosen(self.table(), columns)
        formats = {str(name): ".4f" for name in frame.columns} | {"right": ",d", "of": ",d"}
        at = f", of them {whole(self.at_the_cut)} at the cut" if self.at_the_cut else ""
        return Rendered.of(
            frame,
            formats,
            of_model("Classification", self.formula),
            [
                f"an event is predicted from a probability of {self.cut:g}: of "
                f"{count(self.true_positives + self.false_negatives, 'event')} "
                f"{whole(self.true_positives)} are, and {whole(self.false_positives)} of "
                f"{count(self.false_positives + self.true_negatives, 'other')}{at}"
            ],
            ["intervals: Clopper and Pearson's, cut and predictions taken as given"],
        )

    def to_dict(self) -> dict[str, Any]:
        """Counts and shares as plain values, ready for JSON."""
        facts = dataclasses.asdict(self)
        del facts["formula"], facts["prob"]
        return facts | {name: _share(*both) for name, both in self._shares.items()}


@model_first
def classification_table(
    model: BernoulliLogistic, predicted: Predicted, cut: float = 0.5, prob: float = 0.95
) -> ClassificationTable:
    """Sensitivity, specificity, predictive values and accuracy at a cut of the predictions.

    Parameters
    ----------
    model : BernoulliLogistic
        Holds the outcomes. Its rows may lie in memory, in files or on a cluster.
    predicted : PointEstimate, Posterior, or array_like (n,)
        Whose probabilities to cut, as for `predictive_indices`.
    cut : float
        An event is predicted from this probability on, as in Stata's ``estat classification``
        (scikit-learn predicts it above one half only). Predictions within 1e-9 of it, of its size,
        or than rounding and the proof of a fit leave open, count as being at it, and are counted in
        `ClassificationTable.at_the_cut`: on which side of it they are is not known.
    prob : float
        Confidence of the intervals.

    Returns
    -------
    ClassificationTable

    Raises
    ------
    ValueError
        If the cut does not lie between 0 and 1, probabilities are not n numbers from 0 to 1, or a
        result is another model's.

    Examples
    --------
    >>> from flatprior.analysis import classification_table
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> found = classification_table(model, fit_newton(model))
    >>> found.counts().to_numpy().tolist(), round(found.accuracy, 4)
    ([[8, 3], [3, 18]], 0.8125)
    """
    check_probability(cut, "cut")
    check_probability(prob)
    forecast = forecast_of(model, predicted)

    def of_block(block: Any) -> Array:
        found, counts, event = forecast(block), block.counts, block.sign > 0
        probability, error = found.probability, found.errors[1]
        at = np.abs(probability - cut) <= np.maximum(AT_THE_CUT * cut, error)
        above = at | (probability > cut)
        cells = (event & above, event & ~above, ~event & above, ~event & ~above, at)
        return np.array([counts[cell].sum() for cell in cells])

    hits, missed, false, right, at = (int(n) for n in reduced(model, of_block, operator.add))
    return ClassificationTable(
        cut=float(cut),
        true_positives=hits,
        false_negatives=missed,
        false_positives=false,
        true_negatives=right,
        at_the_cut=at,
        formula=model.formula,
        prob=float(prob),
    )


def _share(right: int, of: int) -> float:
    return right / of if of else math.nan


def _clopper_pearson(right: int, of: int, prob: float) -> tuple[float, float]:
    """Ends of the exact interval of a share."""
    if not of:
        return math.nan, math.nan
    tail = (1 - prob) / 2
    low = float(betaincinv(right, of - right + 1, tail)) if right else 0.0
    high = float(betaincinv(right + 1, of - right, 1 - tail)) if right < of else 1.0
    return low, high
