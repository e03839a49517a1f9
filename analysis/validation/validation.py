"""What a validation found, and what is shown of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from flatprior.analysis.result_table import ResultTable
from flatprior.analysis.validation.coefficient_intervals import bootstrap_intervals, without_ends
from flatprior.analysis.validation.scores import INDICES, SLOPE
from flatprior.models import PointEstimate, Refits
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import at_most, count, first_of

MANY_LOST = 0.05  # of all fits; more, and the rest speaks for other data than these
TOO_MANY_LOST = 0.1  # for intervals of scores: what was lost is no random part of the samples

OF_BOOTSTRAP = (
    "corrected: apparent less optimism, which is the mean of training (a fit on its own sample) "
    "less test (on all observations); mcse: of the optimism, from the number of samples; "
    "percentages: of scores on new samples as large as this one, shifted by the optimism, whose "
    "own error they leave out: in small samples they hold the score less often than they say (Noma "
    "et al. 2021); of calibration, of fits to such samples on all observations"
)
OF_FOLDS = (
    "corrected: of predictions by fits that were without what they predict, the AUC as the mean of "
    "that in each fold; mcse: from the number of cuts; percentages: Wald intervals with standard "
    "errors as of predictions that do not depend on one another, which is too narrow where folds "
    "are few"
)
FEW_CLUSTERS = 50
_TOO_NARROW = (
    "of few clusters intervals are too narrow: in a simulation those of 95 % with 8, 15 and 40 "
    "clusters held the truth in"
)
OF_FEW_CLUSTERS = f"{_TOO_NARROW} 81, 87 and 91 %"
COEFFICIENTS_OF_FEW = (
    f"{_TOO_NARROW} 87, 90 and 90 %, and by robust_covariance(..., 'CR2', cluster=...) in 94 %"
)
OF_CLUSTERED_FOLDS = (
    f"{OF_FOLDS.partition('; percentages')[0]}; no intervals: predictions in a cluster depend on "
    "one another (the bootstrap of clusters has some)"
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Validation(Renderable):
    """How well a model predicts observations that it was not fitted to.

    Attributes
    ----------
    frame : DataFrame
        What `table` returns.
    method : str
        "bootstrap" or "cross-validation".
    fit : PointEstimate
        Of all observations.
    refits : Refits
        One a bootstrap sample, or a fold, cut by cut: coefficients, certificates, and the reasons
        of those that have no MLE.
    superfluous : dict
        Of fits that are "rank deficient", in how many a column was 0 throughout, or a combination
        of others: of a factor, because a level had no observation.
    test : DataFrame
        Of each fit the scores on all observations (bootstrap), or on the fold that it was without
        (AUC, Brier and log score).
    training : DataFrame or None
        Of each fit the scores on its own bootstrap sample.
    predicted : ndarray (n,) or None
        Of cross-validation: of each row the mean probability by fits that were without it.
    acceleration : ndarray (k,) or None
        Of the BCa intervals of coefficients.
    folds : int or None
    n_clusters : int or None
        How many clusters there are, where these were drawn as a whole.
    stratified : bool
    prob : float
    seed : int
        Of all samples.
    """

    frame: pd.DataFrame
    method: str
    fit: PointEstimate
    refits: Refits
    superfluous: Mapping[str, int] = field(default_factory=dict)
    test: pd.DataFrame
    training: pd.DataFrame | None = None
    predicted: Array | None = None
    acceleration: Array | None = None
    folds: int | None = None
    n_clusters: int | None = None
    stratified: bool
    prob: float
    seed: int

    def table(self) -> pd.DataFrame:
        """One row an index: "AUC", "Brier", "log", "calibration slope", "calibration intercept".

        Columns "apparent" (of the fit on the observations that it is of), "optimism" (by how much
        that is too large), "corrected", the ends of an interval for it, named by their percentages,
        "mcse" (its Monte Carlo standard error) and "fits" (how many it comes from: bootstrap
        samples; folds, or of calibration cuts). Of the bootstrap also "training" and "test", the
        means over samples whose difference the optimism is.
        """
        return self.frame.copy()

    def coefficient_intervals(
        self, kind: Literal["percentile", "BCa"] = "percentile", prob: float | None = None
    ) -> ResultTable:
        """Bootstrap intervals of the coefficients, with bootstrap bias and standard error.

        Parameters
        ----------
        kind : {"percentile", "BCa"}
            Quantiles of the bootstrap estimates; or those that are right to second order, which
            take account of bias and of a standard error that changes with the coefficient (Efron
            1987, "Better bootstrap confidence intervals", Journal of the American Statistical
            Association 82, 171-185). NaN where all estimates lie on one side of that of the data,
            or may do so.
        prob : float, optional
            By default that of the validation.

        Returns
        -------
        ResultTable
            Columns "estimate", "bias", "SE" and the ends, by their percentages. Bias and SE are of
            the samples that have an MLE. The others count as below the lower end of an interval
            and above the upper, and by BCa on either side of the estimate: an end is infinite where
            there are too many.

        Raises
        ------
        ValueError
            After cross-validation.
        """
        check_choice("kind", kind, ("percentile", "BCa"))
        prob = self.prob if prob is None else prob
        check_probability(prob)
        if self.acceleration is None:
            raise InputError(
                "intervals of coefficients are of bootstrap samples; validate with "
                'method="bootstrap"'
            )
        coefficients, there = self.refits.coefficients, len(self.refits.reasons) - self.n_lost
        frame = bootstrap_intervals(self.fit, coefficients, self.acceleration, kind, float(prob))
        of_bias = ", and as on either side of the estimate" if kind == "BCa" else ""
        return ResultTable(
            frame=frame,
            title=of_model(
                f"Bootstrap intervals of coefficients ({kind})", self.fit.provenance.formula
            ),
            facts=(self.drawn,),
            notes=(
                f"bias and SE are of the {count(there, 'sample')} that have an MLE; the others "
                f"count as beyond either end of an interval{of_bias}"
                if self.n_lost
                else "",
                *without_ends(frame),
                COEFFICIENTS_OF_FEW if self._few_clusters else "",
            ),
        )

    @property
    def drawn(self) -> str:
        """Which samples or folds, in words."""
        m, said = len(self.refits.reasons), self.refits.provenance.said
        if self.n_clusters is not None:
            said = f"{count(self.n_clusters, 'cluster')} of {said}"
        drawn = (
            f"{count(m, 'bootstrap sample')} of {said}"
            if self.folds is None
            else f"{self.folds} folds of {said}, cut {count(m // self.folds, 'time')}"
        )
        apart = ", events and others apart" if self.stratified else ""
        return f"{drawn}{apart}, seed {self.seed}"

    @property
    def n_lost(self) -> int:
        """Fits that have no MLE."""
        return int((~self.refits.exists).sum())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is lacking: fits without an MLE, and indices that could not be formed."""
        found = []
        m, what = len(self.refits.reasons), "samples" if self.folds is None else "fits"
        if self.n_lost:
            reasons = Counter(reason for reason in self.refits.reasons if reason)
            why = ", ".join(f"{reason} in {number}" for reason, number in reasons.most_common())
            found.append(
                f"{self.n_lost} of {m} {what} have no MLE ({why}) and are left out: what is shown "
                "is of the others alone"
                + (
                    ", which is too favourable: the model is too large for these data"
                    if self.n_lost > MANY_LOST * m
                    else ""
                )
                + (
                    "; that is too many for intervals"
                    if self.folds is None and self.n_lost > TOO_MANY_LOST * m
                    else ""
                )
            )
        if self.superfluous:
            columns = Counter(self.superfluous).most_common()
            named = [f"{name} in {number}" for name, number in columns]
            found.append(
                "not determined in rank deficient ones, as of levels without an observation: "
                f"{first_of(named)}"
            )
        there = m - self.n_lost
        formed = {str(name): int(n) for name, n in self.frame["fits"].items()}
        for name in INDICES[: SLOPE if self.folds else None]:
            lacking = there - formed[name]
            if lacking:
                found.append(
                    f"{name} could not be formed in {lacking} of the {what} that have an MLE"
                )
        return tuple(found)

    @property
    def _few_clusters(self) -> bool:
        return self.n_clusters is not None and self.n_clusters < FEW_CLUSTERS

    @property
    def _meaning(self) -> str:
        if self.folds is None:
            return OF_BOOTSTRAP + f"; {OF_FEW_CLUSTERS}" * self._few_clusters
        return OF_FOLDS if self.n_clusters is None else OF_CLUSTERED_FOLDS

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        frame = chosen(self.frame, columns)
        there = self.refits.exists
        proved = (
            f"each fit is within {at_most(self.refits.error_bounds[there].max())} standard errors "
            "of its MLE (proved)"
            if there.any()
            else ""
        )
        title = "Bootstrap validation" if self.folds is None else "Cross-validation"
        return Rendered.of(
            frame,
            {str(name): ".4f" for name in frame.columns},
            of_model(title, self.fit.provenance.formula),
            [self.drawn, proved],
            [*self.warnings, self._meaning],
        )
