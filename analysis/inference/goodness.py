"""How much a model explains, beside a constant probability."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.comparison.comparable import IN_THE_SPAN
from flatprior.analysis.maxima import FewerColumns, HypothesisTest, chi_squared_test, maximal, ratio
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count
from flatprior.models.covariance.roots import root_of
from flatprior.models.estimate import mle_of
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, are_all, as_held

FEW_TRIALS = 5  # a group on average, below which a deviance is not chi-squared


@dataclass(frozen=True, kw_only=True)
class GroupedFit:
    """How well a model fits grouped counts: against a probability of its own for each group.

    Attributes
    ----------
    n_groups : int
    deviance, null_deviance : float
        Twice what the saturated model has more, in log-likelihood, than the fit and than a constant
        probability.
    df, null_df : int
        Groups less coefficients, and less 1.
    p : float
        Of the chi-squared test of the fit against the saturated model; NaN where that is the fit.
    constant : float
        Sum of the logarithms of the binomial coefficients, by which the log-likelihood of grouped
        counts is larger than that of their single observations.
    n_observations : int
    log_likelihood, null_log_likelihood : float
        With that constant, as R's ``logLik`` of a fit of ``cbind(successes, failures)`` has it.
    mcfadden, cox_snell, nagelkerke, aic, bic, aicc : float
        As of `GoodnessOfFit`, of these log-likelihoods and with a group as one observation: what
        R's ``AIC``, ``BIC`` and ``pscl::pR2`` give of such a fit.
    """

    n_groups: int
    deviance: float
    null_deviance: float
    df: int
    null_df: int
    p: float
    constant: float
    n_observations: int
    log_likelihood: float
    null_log_likelihood: float
    mcfadden: float
    cox_snell: float
    nagelkerke: float
    aic: float
    bic: float
    aicc: float

    @property
    def message(self) -> str:
        """The test against the saturated model, and the constant."""
        return (
            f"{self.test}; the likelihood of grouped counts has the constant {self.constant:.6f} "
            "more than that of single observations"
        )

    @property
    def test(self) -> str:
        """The test against the saturated model, in words."""
        said = (
            f"{count(self.n_groups, 'group')}: deviance from a probability for each group "
            f"{self.deviance:.6f} on {self.df} df"
            + (f" (p = {_test(self.deviance, self.df).p_text})" if self.df else "")
            + f", of a constant {self.null_deviance:.6f} on {self.null_df} df"
        )
        if self.n_observations < FEW_TRIALS * self.n_groups:
            said += "; with so few trials a group it is not chi-squared, and p no test"
        return said


@dataclass(frozen=True, repr=False, kw_only=True)
@own_error_state
class GoodnessOfFit(Renderable):
    """How much a model explains.

    Attributes
    ----------
    log_likelihood, null_log_likelihood : float
        Of the fit, and of an intercept alone (with the model's offset, if it has one, which R's
        ``pscl::pR2`` leaves out of it), also where the model has no intercept: R's null deviance is
        then that of probabilities 1/2.
    deviance, null_deviance : float
        -2 times these: the saturated Bernoulli model has log-likelihood 0.
    mcfadden : float
        1 - log-likelihood / null log-likelihood.
    tjur : float
        Mean fitted probability of the events less that of the others.
    aic, bic : float
    aicc : float
        AIC + 2 k (k + 1) / (n - k - 1), n the observations; inf where n is no more than k + 1. The
        term is exact for linear regression; for other models it is a convention.
    cox_snell : float
        1 - exp(-LR / n), LR twice the difference of the log-likelihoods ("maximum likelihood" R2).
    nagelkerke : float
        The same over the most that it can be, 1 - exp(2 null log-likelihood / n).
    n_observations, n_parameters : int
    formula : str or None
    grouped : GroupedFit or None
        Of grouped counts: deviances from a model with a probability a group, as R gives them.
    """

    log_likelihood: float
    null_log_likelihood: float
    deviance: float
    null_deviance: float
    mcfadden: float
    tjur: float
    aic: float
    bic: float
    aicc: float
    cox_snell: float
    nagelkerke: float
    n_observations: int
    n_parameters: int
    formula: str | None = dataclasses.field(default=None, compare=False)
    grouped: GroupedFit | None = None

    def table(self) -> pd.DataFrame:
        """The fit beside a constant probability, one row a measure."""
        both = {
            "log-likelihood": (self.log_likelihood, self.null_log_likelihood),
            "deviance": (self.deviance, self.null_deviance),
        }
        if self.grouped is not None:
            both["grouped deviance"] = (self.grouped.deviance, self.grouped.null_deviance)
        null = _indices(self.null_log_likelihood, self.null_log_likelihood, self.n_observations, 1)
        both |= {
            "AIC": (self.aic, null["aic"]),
            "AICc": (self.aicc, null["aicc"]),
            "BIC": (self.bic, null["bic"]),
            "McFadden's R2": (self.mcfadden, math.nan),
            "Cox and Snell's R2": (self.cox_snell, math.nan),
            "Nagelkerke's R2": (self.nagelkerke, math.nan),
            "Tjur's R2": (self.tjur, math.nan),
        }
        return pd.DataFrame.from_dict(both, orient="index", columns=["model", "constant"])

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with both columns of its table or one."""
        n, k = count(self.n_observations, "observation"), count(self.n_parameters, "coefficient")
        return Rendered.of(
            chosen(self.table(), columns),
            {"model": ".4f", "constant": ".4f"},
            of_model("Goodness of fit", self.formula),
            [f"{n}, {k}", *([] if self.grouped is None else [self.grouped.message])],
            [
                "constant: a model of an intercept alone, beside the offset if there is one; "
                "McFadden's R2 is 1 - log-likelihood / that of the constant, Cox and Snell's 1 - "
                "exp(-LR / n), Nagelkerke's the same over the most that it can be, Tjur's the mean "
                "fitted probability of the events less that of the others"
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        facts = dataclasses.asdict(self)
        del facts["formula"]
        return facts


@model_first
def goodness_of_fit(model: BernoulliLogistic, fit: PointEstimate) -> GoodnessOfFit:
    """Log-likelihood, deviance and pseudo-R-squared of a fit beside those of the null model.

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate
        Of that model.

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    ValueError
        If the fit is another model's.

    Notes
    -----
    McFadden (1974), "Conditional logit analysis of qualitative choice behavior", in Frontiers in
    Econometrics, 105-142. Tjur (2009), "Coefficients of determination in logistic regression
    models", The American Statistician 63, 366-372. Cox and Snell (1989), Analysis of Binary Data,
    2nd edition, 208-209. Nagelkerke (1991), "A note on a general definition of the coefficient of
    determination", Biometrika 78, 691-692. Hurvich and Tsai (1989), "Regression and time series
    model selection in small samples", Biometrika 76, 297-307 (AICc).

    Examples
    --------
    >>> from flatprior.analysis import goodness_of_fit
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> found = goodness_of_fit(model, fit_newton(model))
    >>> round(found.mcfadden, 4), round(found.tjur, 4)
    (0.374, 0.4286)
    """
    return explained(model, mle_of(model, fit))


def explained(model: BernoulliLogistic, fit: PointEstimate) -> GoodnessOfFit:
    """`goodness_of_fit` of a fit whose log-likelihood was computed here."""
    null = null_log_likelihood(model)

    def sums(block: Block) -> Array:
        terms = row_terms(block, fit.coefficients)
        weights = block.counts
        event = block.sign > 0
        # the probability of what was not observed, which is small where the fit is good
        wrong = np.abs(terms.residual)
        return np.array([wrong[event].sum(), wrong[~event].sum(), weights[event].sum()])

    missed, false, events = as_held(model.rows).reduce(sums)
    others = model.n_observations - events
    tjur = float(1 - missed / events - false / others) if events and others else math.nan
    found = _indices(fit.log_likelihood, null, model.n_observations, model.n_parameters)
    return GoodnessOfFit(
        log_likelihood=fit.log_likelihood,
        null_log_likelihood=null,
        deviance=-2 * fit.log_likelihood,
        null_deviance=-2 * null,
        tjur=tjur,
        **found,
        n_observations=model.n_observations,
        n_parameters=model.n_parameters,
        formula=model.formula,
        grouped=grouped_fit(model, fit, null),
    )


def _indices(log_likelihood: float, null: float, n: int, k: int) -> dict[str, Any]:
    """What follows from the log-likelihoods of a fit of k coefficients and of a constant."""
    cox_snell = -math.expm1(2 * (null - log_likelihood) / n)
    return {
        "mcfadden": 1 - log_likelihood / null if null else math.nan,
        "cox_snell": cox_snell,
        "nagelkerke": cox_snell / -math.expm1(2 * null / n) if null else math.nan,
        "aic": 2 * k - 2 * log_likelihood,
        "bic": k * math.log(n) - 2 * log_likelihood,
        "aicc": 2 * k - 2 * log_likelihood + 2 * k * (k + 1) / (n - k - 1)
        if n > k + 1
        else math.inf,
    }


def grouped_fit(
    model: BernoulliLogistic, fit: PointEstimate, null: float | None = None
) -> GroupedFit | None:
    """Against a probability of its own for each group, where the data are grouped counts."""
    found = model.trials
    if found is None:
        return None
    null = null_log_likelihood(model) if null is None else null
    deviance, df = ratio(found.saturated, fit.log_likelihood), found.n_groups - model.n_parameters
    likelihood, of_constant = fit.log_likelihood + found.constant, null + found.constant
    return GroupedFit(
        n_groups=found.n_groups,
        deviance=deviance,
        null_deviance=ratio(found.saturated, null),
        df=df,
        null_df=found.n_groups - 1,
        p=_test(deviance, df).p if df else math.nan,
        constant=found.constant,
        n_observations=model.n_observations,
        log_likelihood=likelihood,
        null_log_likelihood=of_constant,
        **_indices(likelihood, of_constant, found.n_groups, model.n_parameters),
    )


def _test(deviance: float, df: int) -> HypothesisTest:
    return chi_squared_test("deviance", "no probability for each group", deviance, df)


def null_log_likelihood(model: BernoulliLogistic) -> float:
    """Supremum of the log-likelihood of a constant (plus the offset of the model)."""
    n, events = float(model.n_observations), float(model.n_events)
    if model.rows.resident and model.frequency_weights is not None:  # they need not be counts
        n, events = float(model.counts.sum()), float(model.counts @ model.response)
    if model.n_events == 0 or events >= n:  # sums of weights are rounded
        return 0.0
    if not model.rows.has_offset:
        return events * math.log(events / n) + (n - events) * math.log1p(-events / n)

    def constant(block: Block) -> Block:
        return block._replace(design=np.ones((len(block.sign), 1)))

    return maximal(FewerColumns(model.rows, constant, 1))[0]


def null_test(model: BernoulliLogistic, goodness: GoodnessOfFit) -> HypothesisTest | None:
    """Likelihood-ratio test of a constant probability; None where it is not nested in the model."""
    heights = (goodness.log_likelihood, goodness.null_log_likelihood)
    return null_test_of(model, *heights, model.n_parameters)


def null_test_of(
    model: BernoulliLogistic, log_likelihood: float, null: float, rank: int
) -> HypothesisTest | None:
    """The same by a log-likelihood, or its supremum, of a design of some rank.

    Examples
    --------
    >>> from flatprior.analysis.inference.goodness import null_log_likelihood, null_test_of
    >>> from flatprior.models import BernoulliLogistic, check_existence, load_endometrial
    >>> model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    >>> supremum = check_existence(model).limit.log_likelihood
    >>> found = null_test_of(model, supremum, null_log_likelihood(model), 4)
    >>> found.df, found.p_text
    (3, '1.02e-10')
    """
    if rank < 2 or not _contains_a_constant(model):
        return None
    statistic = ratio(log_likelihood, null)
    return chi_squared_test("likelihood ratio", "a constant probability", statistic, rank - 1)


def _contains_a_constant(model: BernoulliLogistic) -> bool:
    """Whether a column is constant, or a combination of columns is 1."""
    rows = as_held(model.rows)
    first = model.rows.sample(1).design[0]
    constant = rows.reduce(lambda block: are_all(block.design, first), np.logical_and)
    if (constant & (first != 0)).any():
        return True
    root = root_of(model.rows)
    if root is None:
        return False
    pull = rows.reduce(lambda block: (0.25 * block.counts) @ block.design)
    projection = root.times(pull[None])[0]
    rest = rows.reduce(lambda block: float(np.abs(block.design @ projection - 1).max()), max)
    return rest <= IN_THE_SPAN
