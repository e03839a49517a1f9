r"""Likelihood-ratio and score tests: of the likelihood, not of the estimate alone.

Every hypothesis is linear, :math:`R\beta = r`; the null model is the one with
:math:`\beta = b + A\gamma`, where the columns of A span the null space of R. Two of the classical
tests, beside Wald's, measure its distance from the full model, and agree with it in large samples
only:

- likelihood ratio: twice the difference of the maximal log-likelihoods;
- score (Rao): :math:`S'H^{-1}S`, both at the MLE of the null model.

Neither can be misled as the Wald test can, and they hold on separated data too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from flatprior.analysis.comparison.comparable import is_nested, same_observations
from flatprior.analysis.inference.hypotheses.linear import Contrasts
from flatprior.analysis.inference.hypotheses.null_models import null_model, null_of
from flatprior.analysis.inference.hypotheses.of_model import linear_of_model, where_tested
from flatprior.analysis.maxima import (
    HypothesisTest,
    Supremum,
    chi_squared_test,
    of_full_rank,
    ratio,
    supremum,
)
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, names_in, printable, whole
from flatprior.models.covariance.roots import root_and_score
from flatprior.models.routes.newton import converged_mle

SUPREMUM = "the outcomes are separated, the larger model has a supremum only"
SAME = "the two models are the same model: there is nothing to test"


@model_first
def likelihood_ratio_test(
    model: BernoulliLogistic,
    hypothesis: BernoulliLogistic | Contrasts | str,
    value: ArrayLike | None = None,
) -> HypothesisTest:
    """Likelihood-ratio test of a nested model, or that coefficients have given values.

    Parameters
    ----------
    model : BernoulliLogistic
    hypothesis : BernoulliLogistic, or as for `wald_test`
        By name of coefficients or terms, such as "race" or "age:race". Of two models the one whose
        columns are combinations of the other's is the null model, whatever the order and the names.
    value : float or array_like (q,), optional

    Returns
    -------
    HypothesisTest
        Where outcomes are separated, of suprema in place of maxima; its `note` says so. Where
        columns are combinations of others, its degrees of freedom are a difference of ranks. These
        are of all rows: where the null model separates some, and an effect is in these alone, they
        are too many, and p is too large.

    Raises
    ------
    NotComparableError
        If the two models have different rows, responses or weights.
    ValueError
        If neither model is nested in the other, or as for `wald_test`; if the data cannot tell the
        hypothesis from the model.
    MLEDoesNotExistError
        If existence is undecided.

    Examples
    --------
    >>> from flatprior.analysis import likelihood_ratio_test
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> print(likelihood_ratio_test(model, ["gpa", "psi"]))
    likelihood ratio test of gpa = 0, psi = 0: chi-squared(2) = 12.1940, p = 0.00225
    >>> null = BernoulliLogistic.from_formula("grade ~ tuce", load_spector())
    >>> print(likelihood_ratio_test(null, model))
    likelihood ratio test of grade ~ tuce: chi-squared(2) = 12.1940, p = 0.00225
    >>> curved = BernoulliLogistic.from_formula("grade ~ poly(gpa, 2) + psi", load_spector())
    >>> likelihood_ratio_test(curved, "gpa").df      # all columns of the term poly(gpa, 2)
    2
    """
    if isinstance(hypothesis, BernoulliLogistic):
        if value is not None:
            raise InputError("value goes with names or a matrix; a model needs none")
        large, small = _nested_pair(model, hypothesis)
        text = small.formula or f"only {names_in(SCREEN, small.names)}"
        full, lower = supremum(large), supremum(small)
        df, restrictions, where = full.rank - lower.rank, None, ""
        if not df:
            raise InputError(SAME)
    else:
        linear = linear_of_model(model, hypothesis, value)
        text, restrictions = linear.text, len(linear.values)
        where = where_tested(model, linear)
        large = of_full_rank(model)
        full, null = supremum(large), null_of(model, large, linear)
        lower = supremum(null_model(model, null))
        df = _told(full.rank, lower.rank, text)
    notes = of_suprema(full, lower, model.n_rows)
    notes += _fewer(restrictions, df) + [where] * bool(where)
    statistic = ratio(full.log_likelihood, lower.log_likelihood)
    return chi_squared_test("likelihood ratio", text, statistic, df, "; ".join(notes))


@model_first
def score_test(
    model: BernoulliLogistic, hypothesis: Contrasts | str, value: ArrayLike | None = None
) -> HypothesisTest:
    """Score test (Rao's) that coefficients have given values: it fits the null model only.

    Parameters
    ----------
    model : BernoulliLogistic
        The larger model; its own MLE need not exist.
    hypothesis : as for `wald_test`
    value : float or array_like (q,), optional

    Returns
    -------
    HypothesisTest

    Raises
    ------
    ValueError
        As for `wald_test`.
    MLEDoesNotExistError
        If outcomes are separated in the null model.

    Notes
    -----
    Rao (1948), "Large sample tests of statistical hypotheses concerning several parameters",
    Proceedings of the Cambridge Philosophical Society 44, 50-57.

    Examples
    --------
    >>> from flatprior.analysis import score_test
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> print(score_test(model, ["gpa", "psi"]))
    score test of gpa = 0, psi = 0: chi-squared(2) = 11.1864, p = 0.00372
    """
    linear = linear_of_model(model, hypothesis, value)
    large = of_full_rank(model)
    null = null_of(model, large, linear)
    q = null.rows.n_columns
    gamma, kept = np.zeros(q), np.arange(q)
    if q:
        small = null_model(model, null)
        kept = kept if small.aliased is None else small.aliased.kept
        gamma[kept] = converged_mle(small).coefficients
    df = _told(large.n_parameters, len(kept), linear.text)
    where = where_tested(model, linear)
    notes = _fewer(len(linear.values), df) + [where] * bool(where)
    beta = null.at(gamma)
    root, score = root_and_score(large.rows, beta)
    pull = root.rooted(score[None])[0]
    return chi_squared_test("score", linear.text, float(pull @ pull), df, "; ".join(notes))


def _nested_pair(
    one: BernoulliLogistic, two: BernoulliLogistic
) -> tuple[BernoulliLogistic, BernoulliLogistic]:
    """The larger of two models and the one that is nested in it."""
    same = map(of_full_rank, same_observations({"first": one, "second": two}).values())
    large, small = sorted(same, key=lambda model: -model.n_parameters)
    if not is_nested(small, large):
        raise InputError(
            "neither model is nested in the other (the columns of neither are combinations of the "
            "other's, as far as double precision can tell): compare them by AIC or elpd, see "
            "compare_models"
        )
    if small.n_parameters == large.n_parameters:
        raise InputError(SAME)
    return large, small


def _told(full: int, lower: int, text: str) -> int:
    """Difference of two ranks; an error where it is 0, and the data cannot tell the models."""
    if full == lower:
        raise InputError(
            f"the data cannot tell whether {printable(text)}: in every row these columns are "
            "combinations of others, which take their place in the null model"
        )
    return full - lower


def of_suprema(full: Supremum, lower: Supremum, n_rows: int) -> list[str]:
    """What a ratio of likelihoods is of where outcomes are separated.

    Rows that the null model separates have probability 1 in the suprema of both.

    Examples
    --------
    >>> from flatprior.analysis.inference.hypotheses.likelihood_tests import of_suprema
    >>> from flatprior.analysis.maxima import Supremum
    >>> of_suprema(Supremum(0.0, 2, 9), Supremum(0.0, 1, 9), 9)
    ['the null model separates all outcomes already, and nothing is left to test']
    """
    if lower.n_separated == n_rows:
        return ["the null model separates all outcomes already, and nothing is left to test"]
    said = []
    if lower.separated:
        rows = f"{whole(lower.n_separated)} of {whole(n_rows)} rows are"
        said.append(
            f"{rows} separated in the null model too, and the test is of the others alone, with "
            "the degrees of freedom of all rows"
        )
    return [SUPREMUM] * (full.n_separated > lower.n_separated) + said


def _fewer(restrictions: int | None, df: int) -> list[str]:
    """What is said where the data cannot tell all restrictions of a hypothesis."""
    if restrictions in (None, df):
        return []
    return [f"columns are combinations of others: of {restrictions} restrictions {df} count"]
