"""The summary of a fit, ready for a terminal, a notebook, a manuscript or another program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.analysis.diagnostics.collinearity import PER_COLUMN, collinearity
from flatprior.analysis.inference.goodness import GoodnessOfFit, explained, null_test
from flatprior.analysis.inference.hypotheses.wald import misled, wald_test
from flatprior.analysis.inference.intervals import confidence_intervals
from flatprior.analysis.inference.robust import SAMPLING, RobustCovariance, recomputed_robust
from flatprior.analysis.inference.which_errors import T_UNDER_Z, WhichErrors, student_in_words
from flatprior.analysis.maxima import HypothesisTest
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.calls import check_choice, model_first, require_kind
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.intervals import (
    check_probability,
    percentages,
    wald_interval,
    wald_statistics,
)
from flatprior.models.common.rendering import FORMATS, Renderable, Rendered, chosen, formats_of
from flatprior.models.common.text import at_most, certain, count, first_of, printable
from flatprior.models.common.writing import finite
from flatprior.models.estimate import mle_of
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

INFLATED = math.sqrt(10)  # a standard error, by a variance inflation of 10 (Kutner et al. 2005)
MOST_TERMS = 8  # of several coefficients, whose tests are said


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class Summary(Renderable):
    """A fit with its tests, intervals and goodness of fit.

    Attributes
    ----------
    fit : PointEstimate
    goodness : GoodnessOfFit
    against_null : HypothesisTest or None
        Likelihood-ratio test of a constant probability; None where the model does not contain one.
    robust : RobustCovariance or None
        What the standard errors are from, if not from the information.
    frame : DataFrame
    by_term : dict
        Each term of several coefficients that is in no interaction to the Wald `HypothesisTest`
        that all of them are 0, with the covariance of the standard errors. One that is in an
        interaction would be tested at the reference level of the other: see `anova`.
    gvif : DataFrame or None
        Of a model from a formula with its rows in memory, one row a term: its generalised variance
        inflation factor in the covariance of the fit, see `collinearity`, which of rows elsewhere
        reads them again. None too where columns are so near to dependent that no digit is sure.
    response : str
    n_events : int
    facts : tuple of str
        On the data, see `BernoulliLogistic.facts`.
    notes : tuple of str
        What to keep in mind when using the numbers.
    """

    fit: PointEstimate
    goodness: GoodnessOfFit | None
    against_null: HypothesisTest | None
    robust: RobustCovariance | None
    frame: pd.DataFrame
    by_term: Mapping[str, HypothesisTest]
    gvif: pd.DataFrame | None
    response: str
    n_events: int
    facts: tuple[str, ...]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row a coefficient.

        Columns: "coefficient", "standard error", "z", "p", the ends of the interval, "odds ratio"
        with its ends, and "hauck-donner", whether the Wald test is misled.
        """
        return self.frame.copy()

    def tidy(self) -> pd.DataFrame:
        """The same with the column names of R's broom, written in Python's way.

        One row a coefficient: term, estimate, std_error, statistic, p_value, conf_low, conf_high,
        odds_ratio, odds_ratio_low, odds_ratio_high.
        """
        frame = self.frame.drop(columns="hauck-donner")
        frame.columns = pd.Index(
            [
                *("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"),
                *("odds_ratio", "odds_ratio_low", "odds_ratio_high"),
            ]
        )
        return frame.rename_axis("term").reset_index()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with the usual columns of its table or these."""
        fit, found = self.fit, self.goodness
        error = fit.certificate.log_likelihood_error
        facts = (
            [*self.facts, fit.criteria]
            if found is None
            else [
                *self.facts,
                f"log-likelihood {certain(found.log_likelihood, error, 4)}, "
                + ", ".join(
                    f"{name} {certain(value, 2 * error, 4)}"
                    for name, value in (
                        ("deviance", found.deviance),
                        ("AIC", found.aic),
                        ("BIC", found.bic),
                    )
                ),
                f"McFadden's R2 {found.mcfadden:.4f}, Tjur's R2 {found.tjur:.4f}"
                + (
                    f"; against a constant: LR chi-squared({self.against_null.df}) = "
                    f"{self.against_null.statistic:.3f}, p = {self.against_null.p_text}"
                    if self.against_null is not None
                    else ""
                ),
            ]
        )
        if found is not None and found.grouped is not None:
            facts.append(found.grouped.test)
        frame = self.frame.drop(columns="hauck-donner")
        frame = frame if columns is None else chosen(self.frame, columns)
        return Rendered.of(
            frame.rename(columns={"standard error": "SE"}),
            formats_of(frame.columns) | {"SE": FORMATS["SE"]},
            f"Bernoulli-logistic regression: {fit.provenance.formula or self.response}",
            facts,
            self.notes,
            "odds ratio",
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "coefficients": self.frame.to_dict("index"),
                "covariance": self._kind or "information",
                "goodness": None if self.goodness is None else self.goodness.to_dict(),
                "against_null": None if self.against_null is None else self.against_null.to_dict(),
                "by_term": {name: test.to_dict() for name, test in self.by_term.items()},
                "gvif": None if self.gvif is None else self.gvif.to_dict("index"),
                "fit": self.fit.to_dict(),
                "notes": list(self.notes),
            }
        )
        return facts

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        df = None if self.robust is None else self.robust.df
        b, se = (self.frame[name].to_numpy() for name in ("coefficient", "standard error"))
        low, high = wald_interval(b, se, 0.95, df).values()
        return pd.DataFrame(
            {
                "b": self.frame["coefficient"],
                "se": self.frame["standard error"],
                "t": self.frame["z"],
                "p": self.frame["p"],
                "ci95l": low,
                "ci95u": high,
            }
        )

    @property
    def _kind(self) -> str:
        """Of robust standard errors; empty where they are the model's."""
        if self.robust is not None:
            return self.robust.kind
        return "" if self.fit.provenance.sampling_weights is None else SAMPLING

    def __maketables_stat__(self, key: str) -> float | int | None:
        found = self.goodness
        always = {
            "N": self.fit.nobs,
            "events": self.n_events,
            "n_clusters": None if self.robust is None else self.robust.n_clusters,
        }
        if found is None:
            return always.get(key)
        return (
            always
            | {
                "ll": found.log_likelihood,
                "llnull": found.null_log_likelihood,
                "deviance": found.deviance,
                "null_deviance": found.null_deviance,
                "aic": found.aic,
                "bic": found.bic,
                "aicc": found.aicc,
                "pseudo_r2": found.mcfadden,
                "cox_snell_r2": found.cox_snell,
                "nagelkerke_r2": found.nagelkerke,
                "tjur_r2": found.tjur,
            }
        ).get(key)

    @property
    def __maketables_depvar__(self) -> str:
        return self.response

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return {"vcov_type": self._kind or "iid"}

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return ["N"] if self.goodness is None else ["N", "pseudo_r2", "tjur_r2", "ll", "aic"]

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return {
            "tjur_r2": "Tjur's R2",
            "pseudo_r2": "McFadden's R2",
            "cox_snell_r2": "Cox and Snell's R2",
            "nagelkerke_r2": "Nagelkerke's R2",
            "aicc": "AICc",
        }


@model_first(sampling_weights=True)
def summarise(
    model: BernoulliLogistic,
    fit: PointEstimate | None = None,
    *,
    prob: float = 0.95,
    intervals: Literal["wald", "profile"] = "wald",
    robust: RobustCovariance | None = None,
    progress: bool = False,
) -> Summary:
    """Everything that is usually reported of a fit, in one object.

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate, optional
        Of any route; default `fit_newton`. Of one that is passed only the coefficients are used,
        everything else is computed again.
    prob : float
        Confidence of the intervals; the columns name it.
    intervals : {"wald", "profile"}
        See `confidence_intervals`.
    robust : RobustCovariance, optional
        Take standard errors, tests and (Wald) intervals from it.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Summary
        Print it, show it in a notebook, or take ``to_markdown()``, ``to_latex()``, ``tidy()``. The
        package maketables takes it in its tables of several models.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist.
    ValueError
        If fit or covariance are of another model, or profile intervals are asked for with a robust
        covariance, which has no likelihood.

    Examples
    --------
    >>> from flatprior.analysis import summarise
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> summary = summarise(model)
    >>> summary.table()[["coefficient", "odds ratio"]].loc["gpa"].round(2).tolist()
    [3.06, 21.4]
    >>> print(summary.against_null.message)
    likelihood ratio test of a constant probability: chi-squared(2) = 14.9303, p = 0.000573
    >>> summary.gvif["GVIF"].round(3).to_dict()
    {'Intercept': nan, 'gpa': 1.116, 'psi': 1.116}
    """
    check_probability(prob)
    fit = converged_mle(model) if fit is None else mle_of(model, fit)
    check_choice("intervals", intervals, ("wald", "profile"))
    if robust is not None:
        require_kind(robust, RobustCovariance, "robust", "robust_covariance(model, fit)")
        if not np.array_equal(robust.coefficients, fit.coefficients):
            raise InputError("the robust covariance is that of another fit; make it of this one")
        if intervals != "wald":
            raise InputError('a robust covariance has no profile likelihood; take "wald"')
        robust = recomputed_robust(model, robust)
    low, high = percentages(prob)
    error = fit.standard_errors if robust is None else robust.standard_errors
    df = None if robust is None else robust.df
    if intervals == "wald":
        ends = np.column_stack(list(wald_interval(fit.coefficients, error, prob, df).values()))
    else:
        ends = confidence_intervals(model, prob, intervals, progress).iloc[:, 1:].to_numpy()
    counted = model.sampling is None
    # with sampling weights the variance is no function of the coefficients that could mislead
    wald_misled = misled(model, fit)["hauck-donner"].to_numpy() if counted else False
    with np.errstate(over="ignore"):
        ratios = np.exp(np.column_stack([fit.coefficients, ends]))
    frame = pd.DataFrame(
        {
            "coefficient": fit.coefficients,
            "standard error": error,
            **wald_statistics(fit.coefficients, error, df),
            low: ends[:, 0],
            high: ends[:, 1],
            "odds ratio": ratios[:, 0],
            f"OR {low}": ratios[:, 1],
            f"OR {high}": ratios[:, 2],
            "hauck-donner": wald_misled,
        },
        index=pd.Index(model.names, name="name"),
    )
    goodness = explained(model, fit) if counted else None
    by_term, lacking = _by_term(model, fit, robust)
    gvif, inflated = _inflation(model, fit)
    return Summary(
        fit=fit,
        goodness=goodness,
        against_null=None if goodness is None else null_test(model, goodness),
        robust=robust,
        frame=frame,
        by_term=by_term,
        gvif=gvif,
        response=model.response_name,
        n_events=model.n_events,
        facts=model.facts,
        notes=(*_told(by_term), *lacking, *inflated, *_notes(model, fit, frame, robust, intervals)),
    )


summarize = summarise


def _by_term(
    model: BernoulliLogistic, fit: PointEstimate, robust: RobustCovariance | None
) -> tuple[dict[str, HypothesisTest], list[str]]:
    """The tests of terms of several coefficients, and why one is not there."""
    terms = [] if model.encoding is None else model.encoding.model_terms
    columns, found, lacking = model.terms or {}, {}, []
    parts = [each.name for each in terms if any(each.is_within(other) for other in terms)]
    for term in terms:
        names = columns[term.name]
        if len(names) < 2 or any(term.is_within(other) for other in terms):
            continue
        try:
            found[term.name] = wald_test(fit if robust is None else robust, names)
        except PrecisionError as error:
            lacking.append(f"no test of {printable(term.name)}: {error}")
    if parts:
        how = "" if robust is None else ', test="Wald", robust=...'
        lacking.append(
            f"in interactions stand {first_of(map(printable, parts))}, whose coefficients are at "
            f"reference levels or 0 of the others: anova(model, type=2{how}) tests the terms"
        )
    return found, lacking


def _inflation(
    model: BernoulliLogistic, fit: PointEstimate
) -> tuple[pd.DataFrame | None, list[str]]:
    """The variance inflation of each term, and which are so large that a reader should know."""
    if not model.terms or not isinstance(model.rows, ArrayRows):
        return None, []
    try:
        gvif = collinearity(model, fit).gvif
    except PrecisionError as error:
        return None, [f"no variance inflation of terms: {error}"]
    assert gvif is not None  # noqa: S101  (there are terms)
    alone = _alone(model)  # x beside its square, or in an interaction, is collinear by intent
    much = [name for name in alone if gvif[PER_COLUMN].get(name, 0.0) >= INFLATED]
    said = [f"{printable(name)} {gvif[PER_COLUMN][name]:.3g} times" for name in much]
    if not said:
        return gvif, []
    return gvif, [
        f"collinear: standard errors of {first_of(said)} as large as if their columns were "
        f"uncorrelated with those of other terms ({PER_COLUMN}; see gvif)"
    ]


def _alone(model: BernoulliLogistic) -> list[str]:
    """The terms none of whose variables is in another term."""
    terms = [] if model.encoding is None else model.encoding.model_terms
    variables = {
        term.name: frozenset[str]().union(*(factor.columns for factor in term.factors))
        for term in terms
    }
    return [
        name
        for name, own in variables.items()
        if not any(own & other for each, other in variables.items() if each != name)
    ]


def _told(by_term: Mapping[str, HypothesisTest]) -> list[str]:
    """The tests of terms in a sentence."""
    said = [
        f"of {printable(name)}: {test.referred_to} = {test.statistic:.3f}, p = {test.p_text}"
        for name, test in by_term.items()
    ]
    return [f"Wald test {'; '.join(said[:MOST_TERMS])}{_more(said)}"] if said else []


def _more(said: Sequence[str]) -> str:
    left = len(said) - MOST_TERMS
    return f"; and {count(left, 'term')} more, see by_term" if left > 0 else ""


def _notes(
    model: BernoulliLogistic,
    fit: PointEstimate,
    frame: pd.DataFrame,
    robust: RobustCovariance | None,
    intervals: str,
) -> tuple[str, ...]:
    certificate = fit.certificate
    notes = [
        f"each coefficient is within {at_most(certificate.error_bound)} standard errors of the "
        f"MLE, the log-likelihood within {at_most(certificate.log_likelihood_error)} of its "
        "maximum (proved)"
    ]
    if intervals == "profile":
        notes.append("intervals are those of the profile likelihood, z and p those of Wald's test")
    if robust is not None:
        notes += [WhichErrors.of(robust).whole, *student_in_words(robust.df, T_UNDER_Z)]
        notes += robust.warnings
    misled = [name for name in frame.index[frame["hauck-donner"]] if name not in _constants(model)]
    if misled:
        notes.append(
            f"the Wald test of {first_of(map(printable, misled))} is misled (Hauck and Donner): a "
            "larger effect would have a smaller z; use the likelihood-ratio test and profile "
            "intervals"
        )
    return (*notes, *fit.warnings, *fit.provenance.notes)


def _constants(model: BernoulliLogistic) -> set[str]:
    """Names under which an intercept goes: whether it is 0 is seldom a question."""
    return {"Intercept", "const"} & set(model.names)
