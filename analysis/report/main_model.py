"""What a report is of: a model with its MLE, judged anew before anything is said, or without."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.agreement.verdict import rejudged
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.judging import judge_fit
from flatprior.analysis.comparison.comparable import same_observations
from flatprior.analysis.comparison.table import Comparison, require_its_own
from flatprior.analysis.diagnostics.calibration import (
    CalibrationCurve,
    calibration_curve,
    predictive_scores,
)
from flatprior.analysis.diagnostics.classification import ClassificationTable, classification_table
from flatprior.analysis.diagnostics.collinearity import Collinearity, collinearity
from flatprior.analysis.diagnostics.indices import PredictiveIndices, scores_and_indices
from flatprior.analysis.diagnostics.leave_one_out import ExactLOO, exact_loo
from flatprior.analysis.diagnostics.psis import PSISLOO, psis_loo
from flatprior.analysis.diagnostics.residuals import Diagnostics, diagnose
from flatprior.analysis.inference.intervals import confidence_intervals
from flatprior.analysis.inference.limits import Limits
from flatprior.analysis.inference.new_rows import frame_for, own_rows
from flatprior.analysis.inference.summary import Summary, summarise
from flatprior.analysis.report.column_sums import ColumnSums
from flatprior.analysis.report.first.deciding_rows import DecidingRows, deciding_rows
from flatprior.analysis.report.items import PROB
from flatprior.analysis.report.variables import Variable, variables_of
from flatprior.analysis.result_table import ResultTable
from flatprior.analysis.validation.scores import Patterns
from flatprior.analysis.validation.validate import validate
from flatprior.analysis.validation.validation import Validation
from flatprior.models import (
    BernoulliLogistic,
    Existence,
    PointEstimate,
    Posterior,
    check_existence,
)
from flatprior.models.batches.same_passes import side_by_side
from flatprior.models.common.calls import require_kind
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import found_once, one_thread_each
from flatprior.models.common.text import ARRAY, SCREEN, count, for_each, names_in, whole
from flatprior.models.estimate import fit_of
from flatprior.models.gathering import as_drawn
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

MOST_ROWS = 20_000  # for which intervals by refits and leave-one-out are computed
MOST_WORK = MOST_ROWS * 50**3  # and n k^3 of them, in which the cost of both grows
RESAMPLES = 200  # whose Monte Carlo error is shown
# what sections ask of all rows
OF_ALL_ROWS = ("judged", "classification", "summary", "collinearity", "column_sums")


@dataclass(frozen=True, eq=False, kw_only=True)
class Reported:
    """The model that a report is of, and results of its observations.

    Attributes
    ----------
    model : BernoulliLogistic
    agreement : Agreement or None
    comparison : Comparison or None
    audits : tuple of Audit
        Of other programs' fits of these data.
    """

    model: BernoulliLogistic
    agreement: Agreement | None = None
    comparison: Comparison | None = None
    audits: tuple[Audit, ...] = ()

    @found_once
    def here(self) -> BernoulliLogistic:
        """The model with its rows in memory: of files and clusters too, where they are few."""
        return as_drawn(self.model)

    @found_once
    def column_sums(self) -> ColumnSums:
        """What the columns hold, by outcome."""
        return ColumnSums.of(self.here.rows)

    @found_once
    def variables(self) -> tuple[Variable, ...]:
        """The variables, as the columns have them."""
        return variables_of(self.model, self.column_sums)

    @property
    def rarer(self) -> int:
        """Observations of the outcome that came less often."""
        return min(self.model.n_events, self.model.n_observations - self.model.n_events)

    @found_once
    def n_slopes(self) -> int:
        """Coefficients that the data determine, beside a constant."""
        return self.rank - self.has_intercept

    @property
    def rank(self) -> int:
        """Coefficients that the data determine."""
        return self.model.n_parameters

    @property
    def beside(self) -> str:
        """What these stand beside, in words; empty where that is nothing."""
        if self.n_slopes == self.rank:
            return ""
        return " beside the intercept" if self.has_intercept else " beside a constant"

    @property
    def each(self) -> str:
        """Observations of the rarer outcome for each coefficient beside a constant, in words."""
        divisor, beside = (self.n_slopes, self.beside) if self.n_slopes else (self.rank, "")
        return f"{for_each(self.rarer, max(divisor, 1))} of the rarer outcome for each{beside}"

    @property
    def single(self) -> str:
        """What is left out alone: a row, or one of the observations that a row stands for."""
        return "row" if self.model.n_rows == self.model.n_observations else "observation"

    @property
    def without(self) -> str:
        """That of a row whose label follows."""
        return "without row" if self.single == "row" else "without one observation of row"

    @property
    def has_intercept(self) -> bool:
        """Whether a column is the constant."""
        return any(each.kind == "constant" for each in self.variables)

    @property
    def posteriors(self) -> tuple[Posterior, ...]:
        """The draws that were checked."""
        return () if self.agreement is None else self.agreement.posteriors

    @property
    def formula(self) -> str:
        """As it was given, or the names of response and columns."""
        return formula_of(self.model)


@dataclass(frozen=True, eq=False, kw_only=True)
class WithoutMLE(Reported):
    """A model that has no maximum likelihood estimate, or is not proved to have one.

    Attributes
    ----------
    existence : Existence
        Why not, and what the likelihood approaches.
    """

    existence: Existence

    @property
    def rank(self) -> int:
        """Coefficients that the data determine: columns that are no combinations of others."""
        return self.model.n_parameters - len(self.existence.dependencies)

    @found_once
    def limits(self) -> Limits | None:
        """Where each coefficient goes, with intervals where refits are few; None if unknown."""
        limit = self.existence.limit
        if limit is None or math.isnan(limit.log_likelihood):
            return None
        few = not refits_left_out(self.model)
        return Limits.of(self.here, self.existence, intervals=few)


@dataclass(frozen=True, eq=False, kw_only=True)
class MainModel(Reported):
    """The main model of a report, with what several sections need.

    Attributes
    ----------
    fit : PointEstimate
        Computed anew from its coefficients: the certificate of a fit may be of its last step.
    sound : tuple of Posterior
        Draws of these data that passed their tests.
    loo : PSISLOO or None
    exact : ExactLOO or None
        Where neither rows nor coefficients are too many.
    data : DataFrame, mapping, path or None
        What the model was built from, of which it keeps the design only.
    """

    fit: PointEstimate
    sound: tuple[Posterior, ...]
    loo: PSISLOO | None
    exact: ExactLOO | None
    data: Any = None

    @classmethod
    def of_fit(cls, model: BernoulliLogistic, fit: PointEstimate) -> MainModel:
        """A model and its fit, beside which there are no results."""
        return cls._with(model, fit, None, None, None)

    @classmethod
    def of_results(
        cls, agreement: Agreement | None, comparison: Comparison | None
    ) -> MainModel | WithoutMLE:
        """The model of the agreement, or the best of the comparison; all are made sure of."""
        if comparison is not None:
            require_kind(comparison, Comparison, "the comparison", "compare_models(models)")
            require_its_own(comparison)
        if agreement is not None:
            by = "compare_routes(model, *results)"
            require_kind(agreement, Agreement, "the agreement", by)
            agreement = rejudged(agreement)
            if comparison is not None:
                other = next(iter(comparison.models.values()))
                models = {"the routes' model": agreement.model, "the comparison's": other}
                same_observations(models)
            return cls._with(agreement.model, agreement.mle, agreement, comparison, None)
        if comparison is None:
            raise InputError(
                "there is nothing to report: pass an agreement, a comparison, audits or a model"
            )
        best = comparison.frame.index[0]
        if best in comparison.without:  # as all are, then
            return WithoutMLE(
                model=comparison.models[best],
                existence=check_existence(comparison.models[best]),
                comparison=comparison,
            )
        model, fit = comparison.models[best], comparison.fits[best]
        return cls._with(model, fit, None, comparison, comparison.loo.get(best))

    @classmethod
    def _with(
        cls,
        model: BernoulliLogistic,
        fit: PointEstimate,
        agreement: Agreement | None,
        comparison: Comparison | None,
        loo: PSISLOO | None,
    ) -> MainModel:
        fit = fit_of(model, fit)
        sound = () if agreement is None else _sound(agreement)
        small = not refits_left_out(model)
        return cls(
            model=model,
            fit=fit,
            agreement=agreement,
            comparison=comparison,
            sound=sound,
            loo=psis_loo(model, sound[0]) if sound and small else loo,
            exact=exact_loo(model, fit) if small else None,
        )

    @classmethod
    def without_draws(
        cls,
        model: BernoulliLogistic,
        fit: PointEstimate,
        agreement: Agreement | None,
        comparison: Comparison | None,
        audits: tuple[Audit, ...] = (),
        data: Any = None,
    ) -> MainModel:
        """The same where the draws, if there were any, are not at hand."""
        return cls(
            model=model,
            fit=fit,
            agreement=agreement,
            comparison=comparison,
            sound=(),
            loo=None,
            exact=None if refits_left_out(model) else exact_loo(model, fit),
            audits=audits,
            data=data,
        )

    def find_in_few_passes(self) -> None:
        """Find what sections ask of rows that are read in batches, in the same passes over them.

        What cannot be found is an error of the section that asks for it.
        """
        if not self.here.rows.resident:
            with one_thread_each():
                side_by_side([partial(getattr, self, name) for name in OF_ALL_ROWS])

    @found_once
    def summary(self) -> Summary:
        """Tests, intervals and goodness of the fit."""
        return summarise(self.model, self.fit)

    @found_once
    def collinearity(self) -> Collinearity:
        """How nearly columns are dependent, in the covariance of the fit."""
        return collinearity(self.model, self.fit)

    @found_once
    def n_slopes(self) -> int:
        """Coefficients beside a constant: all, where the columns hold none."""
        test = self.summary.against_null
        return super().n_slopes if test is None else test.df

    @found_once
    def profile(self) -> pd.DataFrame | None:
        """Profile-likelihood intervals, where refits are few and fast."""
        return None if self.exact is None else confidence_intervals(self.here, PROB).table()

    @found_once
    def frame(self) -> pd.DataFrame | None:
        """The variables of its rows, where the model does not read them itself, and these are few.

        Raises
        ------
        ValueError
            If the data are not those that the model was built from.
        """
        model = self.model
        if self.data is None or not needs_data(model):
            return None
        if model.trials_name == ARRAY:
            raise InputError(
                "the trials were passed as an array: make them a column of the data, so that its "
                "groups can be told"
            )
        frame = frame_for(model, self.data)
        if own_rows(model, frame) is None:
            raise InputError(
                "the data are not those that the model was built from: pass the same rows, with "
                "the same missing values"
            )
        return frame

    @property
    def leaves_out(self) -> bool:
        """Whether each observation is predicted by the fit of all others, all of which exist."""
        return self.exact is not None and not self.exact.without_mle

    @property
    def in_sample(self) -> bool:
        """Whether predictions are judged on the rows of the fit, where refits are too many."""
        return bool(refits_left_out(self.here))

    @found_once
    def predicted(self) -> Any:
        """What is judged: probabilities of fits without each observation, or the fit itself."""
        if self.exact is None or not self.leaves_out:
            return self.fit
        own = np.exp(self.exact.pointwise)
        return np.where(self.here.response == 1, own, 1 - own)

    @property
    def scores(self) -> pd.DataFrame:
        """Brier score, log score and AUC of these."""
        return self.judged[0].table()

    @found_once
    def of_groups(self) -> bool:
        """Whether there are as many coefficients as groups of rows with the same predictors.

        Then each prediction is the share of events in its group. Without an observation that share
        moves away from its outcome, so that leave-one-out ranks events below others: single
        predictions are judged as ever, but neither their order nor their calibration.
        """
        rows = self.here.rows
        if not isinstance(rows, ArrayRows) or refits_left_out(self.model):
            return False
        return len(Patterns.of(rows).block.sign) <= self.model.n_parameters

    @property
    def ranked(self) -> Any:
        """What is judged by order and calibration: that of groups is the fit itself."""
        return self.fit if self.of_groups else self.predicted

    @found_once
    def classification(self) -> ClassificationTable:
        """Counts of right and wrong classes."""
        return classification_table(self.here, self.predicted)

    @property
    def indices(self) -> PredictiveIndices | None:
        """Discrimination and calibration; None where a probability is 0 or 1 in doubles."""
        return self.judged[1]

    @found_once
    def judged(self) -> tuple[ResultTable, PredictiveIndices | None]:
        """Scores and indices of what is judged, for which rows are ranked once."""
        judged, left_out = self.predicted, self.leaves_out
        if left_out and self.of_groups:
            single = predictive_scores(self.here, judged, left_out=True)
            ranked, indices = scores_and_indices(self.here, self.fit)
            single.frame.loc["AUC"] = ranked.frame.loc["AUC"]
            return single, indices
        if not left_out or ((judged > 0) & (judged < 1)).all():
            return scores_and_indices(self.here, judged, left_out=left_out)
        return predictive_scores(self.here, judged, left_out=True), None

    @found_once
    def curve(self) -> CalibrationCurve | None:
        """Its envelope is drawn from hundreds of simulated data sets: not of many rows."""
        few = self.model.n_rows <= MOST_ROWS
        return calibration_curve(self.here, self.ranked) if few else None

    @found_once
    def validation(self) -> Validation | None:
        """Scores corrected for optimism by refits of samples, where refits are few and fast."""
        return None if refits_left_out(self.model) else validate(self.here, RESAMPLES)

    @found_once
    def deciding(self) -> DecidingRows | None:
        """Single rows that decide whether an interval of the odds ratios holds 1."""
        if self.exact is None or self.profile is None:
            return None
        levels = [(each.kind, level.column) for each in self.variables for level in each.levels]
        ratios = [j for kind, j in levels if j is not None and kind not in ("odds", "constant")]
        return deciding_rows(self.here, self.fit, self.exact, self.profile, PROB, ratios)

    @found_once
    def diagnostics(self) -> Diagnostics | None:
        """Residuals and influence, where the rows are few."""
        few = isinstance(self.here.rows, ArrayRows) and self.model.n_rows <= MOST_ROWS
        return diagnose(self.here, self.fit) if few else None


def reported(
    agreement: Agreement | None,
    comparison: Comparison | None,
    audits: tuple[Audit, ...] = (),
    model: BernoulliLogistic | None = None,
    data: Any = None,
) -> MainModel | WithoutMLE:
    """What a report is of: the model of the agreement, the best of the comparison, or that given.

    Where only audits are given it is theirs. All are made sure of.
    """
    for audit in audits:
        require_kind(audit, Audit, "an audit", "audit(fit, model)")
    if agreement is not None or comparison is not None:
        if model is not None:
            raise InputError(
                "a model is reported alone or with audits: an agreement and a comparison are of "
                "models of their own; leave model out"
            )
        main: MainModel | WithoutMLE = MainModel.of_results(agreement, comparison)
    elif model is not None or audits:
        main = _of_model(model or audits[0].model, None if model else audits[0].mle)
    else:
        main = MainModel.of_results(None, None)
    again = []
    for audit in audits:
        if audit.model.names != main.model.names or audit.model.data_hash != main.model.data_hash:
            raise InputError(
                f"the audit of {audit.their.producer} is of other data or columns than "
                f"{formula_of(main.model)}: audit(fit, model) judges it on these"
            )
        again.append(judge_fit(main.model, audit.their, audit.tolerance))
    main = replace(main, audits=tuple(again))
    return replace(main, data=data) if isinstance(main, MainModel) else main


def _of_model(model: BernoulliLogistic, fit: PointEstimate | None) -> MainModel | WithoutMLE:
    """A model with its MLE, computed where no `fit` is at hand, or without one."""
    require_kind(model, BernoulliLogistic, "a model", "BernoulliLogistic.from_formula(...)")
    if fit is None:
        existence = check_existence(model)
        if not existence.exists:
            return WithoutMLE(model=model, existence=existence)
        fit = converged_mle(model)
    return MainModel.of_fit(model, fit)


def formula_of(model: BernoulliLogistic) -> str:
    """The formula as it was given, or the names of response and columns."""
    return model.formula or f"{model.response_name} on {names_in(SCREEN, model.names)}"


def needs_data(model: BernoulliLogistic) -> bool:
    """Whether effects of its variables are shown, and are not to be had from the model alone."""
    return (
        model.encoding is not None
        and bool(model.encoding.parsed.predictors)
        and isinstance(model.rows, ArrayRows)
        and model.n_rows <= MOST_ROWS
    )


def refits_left_out(model: BernoulliLogistic) -> str:
    """Why neither intervals by refits nor leave-one-out are computed; empty where they are."""
    n, k = model.n_rows, model.n_parameters
    if n > MOST_ROWS:
        return f"for models of up to {whole(MOST_ROWS)} rows"
    if not isinstance(as_drawn(model).rows, ArrayRows):
        return "for rows that are in memory, or few enough for the first pass to keep"
    return (
        f"left out for {count(n, 'row')} and {count(k, 'coefficient')}"
        if n * k**3 > MOST_WORK
        else ""
    )


def _sound(agreement: Agreement) -> tuple[Posterior, ...]:
    """Draws of these data that passed their tests."""
    return tuple(
        posterior
        for posterior, check in zip(agreement.posteriors, agreement.posterior_checks, strict=True)
        if check.passed and posterior.provenance.data_hash == agreement.model.data_hash
    )
