"""Tests of the terms of a model, one by one: R's ``anova`` and ``drop1``, ``Anova`` of its car.

Three questions go by the same name. Type I: what does a term add to those before it. Type II: what
does it add to all that are not interactions of it with more, to which it is marginal (Nelder 1977,
"A reformulation of linear models", Journal of the Royal Statistical Society A 140, 48-77). Type
III: what does it add to all others; what that means depends on their contrasts, and with treatment
contrasts on the reference level, for which there is a refusal here.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Literal, SupportsIndex, cast

import numpy as np
import pandas as pd

from flatprior.analysis.inference.hypotheses.analysis_of_deviance import (
    SUPREMA,
    AnalysisOfDeviance,
    Kind,
    of_some,
    table_of,
    told,
)
from flatprior.analysis.inference.hypotheses.of_model import ZERO_SUM
from flatprior.analysis.inference.hypotheses.several_models import of_models
from flatprior.analysis.inference.hypotheses.submodels import KINDS, Left, Step, Submodels
from flatprior.analysis.inference.robust import RobustCovariance
from flatprior.analysis.maxima import HypothesisTest
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import listing, printable
from flatprior.models.encoding.formulas.model_terms import ModelTerm

TYPES: dict[Literal[1, 2, 3], str] = {1: "I", 2: "II", 3: "III"}
ROMAN: dict[str, Literal[1, 2, 3]] = {"I": 1, "II": 2, "III": 3}
NULL, WHOLE = "null model", "none"  # rows of tables


@model_first
def anova(
    model: BernoulliLogistic,
    *models: BernoulliLogistic,
    test: Kind = "LR",
    type: Literal[1, 2, 3, "I", "II", "III"] = 1,
    robust: RobustCovariance | None = None,
) -> AnalysisOfDeviance:
    """Test the terms of a model, or several models each against the one before it.

    Parameters
    ----------
    model : BernoulliLogistic
        From a formula; of several models from whatever source. Rows may lie in memory, in files or
        on a cluster.
    models : BernoulliLogistic, optional
        Of the same observations, each nested in the one before it or the other way round.
    test : {"LR", "score", "Wald"}
        Likelihood ratio (R's "Chisq" and "LRT"), Rao's score ("Rao") or Wald.
    type : {1, 2, 3} or {"I", "II", "III"}
        Of a single model. 1: each term added to those before it, as R's ``anova``. 2: each added to
        all but interactions of it with others, as ``Anova`` of R's car. 3: each added to all
        others; refused where that depends on the reference level of a factor. The columns of a term
        are left out, nothing is coded anew.
    robust : RobustCovariance, optional
        Of this model: what Wald tests of type II and III take, as ``Anova(fit, vcov. = V)`` of car.
        Of "CR2" they are Hotelling's F.

    Returns
    -------
    AnalysisOfDeviance
        Where outcomes are separated, likelihood ratios are of suprema in place of maxima; a score
        or Wald test that needs an MLE which does not exist is NaN, and a note says why. Where
        columns are combinations of others, degrees of freedom are differences of ranks.

    Raises
    ------
    ValueError
        If the model is from arrays or has no term; if tests of type III are of no use; if a model
        is not nested in its neighbour.
    NotComparableError
        If models have different rows, responses or weights.
    MLEDoesNotExistError
        If no test can be found, since outcomes are separated in the models whose MLE score or Wald
        tests need, or existence is undecided.

    Notes
    -----
    A Wald test of type I is that of the model up to its term; of type II that of the whole model,
    what it says of the term and interactions of it beyond what it says of these, as car has it; of
    type III that of the whole model.

    Examples
    --------
    >>> from flatprior.analysis import anova
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa*psi + tuce", load_spector())
    >>> anova(model, type=2).table()["df"].to_dict()
    {'gpa': 1, 'psi': 1, 'tuce': 1, 'gpa:psi': 1}
    """
    check_choice("test", test, tuple(KINDS))
    type = _type_of(type)
    if models:
        if type != 1 or robust is not None:
            raise InputError(
                "tests of type II and III, and with a robust covariance (which is passed as "
                "robust=), are of the terms of one model"
            )
        return of_models((model, *models), test)
    _check_robust(robust, test, type != 1)
    found = Submodels.of(model, robust)
    if type == 3:
        _check_type_three(found.terms, model)
    names = [term.name for term in found.terms]
    if type == 1:
        steps = [
            Step(name, Left(names[at + 1 :]), Left(names[at:])) for at, name in enumerate(names)
        ]
    else:
        above = {term.name: found.within(term) if type == 2 else Left() for term in found.terms}
        steps = [Step(name, above[name], above[name] | {name}) for name in names]
    tests = found.test(steps, test, conditional=type != 1)
    first = [NULL] if type == 1 and test != "Wald" else []
    frame = table_of([*first, *names], [*map(_nothing, first), *tests], test)
    if first:
        _fit_with(frame, found, [steps[0].smaller, *(step.larger for step in steps)])
    return AnalysisOfDeviance(
        title=f"Analysis of deviance, type {TYPES[type]} ({KINDS[test]} tests)",
        test=test,
        tests=told(names, tests),
        frame=frame,
        formula=model.formula,
        notes=(
            *_what_is_tested(type, found.terms),
            *_whose(found.robust),
            *_notes(dict(zip(names, tests, strict=True)), found, model),
        ),
        facts=model.facts[:1],
    )


def _type_of(given: object) -> Literal[1, 2, 3]:
    """The type of tests as a number, which may be one of NumPy's."""
    if isinstance(given, str) and given in ROMAN:
        return ROMAN[given]
    whole = hasattr(given, "__index__") and not isinstance(given, (bool, np.bool_))
    for each in TYPES if whole else ():
        if operator.index(cast(SupportsIndex, given)) == each:
            return each
    raise InputError(f"type must be 1, 2 or 3, not {printable(given)[:40]}")


@model_first
def drop_one(
    model: BernoulliLogistic, test: Kind = "LR", *, robust: RobustCovariance | None = None
) -> AnalysisOfDeviance:
    """Test each term that may be left out alone, as R's ``drop1`` does.

    Parameters
    ----------
    model : BernoulliLogistic
        From a formula; its rows may lie in memory, in files or on a cluster.
    test : {"LR", "score", "Wald"}
    robust : RobustCovariance, optional
        As for `anova`.

    Returns
    -------
    AnalysisOfDeviance
        Of the terms that are in no interaction with more. The row "none" is the model itself, and
        the others have deviance and AIC of the model without the term (not with Wald tests, for
        which it is not fitted).

    Raises
    ------
    ValueError
        If the model is from arrays or has no term.
    MLEDoesNotExistError
        As for `anova`.

    Examples
    --------
    >>> from flatprior.analysis import drop_one
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> found = drop_one(model).table()
    >>> found.index.tolist(), f"{found.loc['psi', 'LR']:.4f}"
    (['none', 'gpa', 'tuce', 'psi'], '6.2037')
    """
    check_choice("test", test, tuple(KINDS))
    _check_robust(robust, test, True)
    found = Submodels.of(model, robust)
    names = [term.name for term in found.terms if not found.within(term)]
    steps = [Step(name, Left(), Left({name})) for name in names]
    tests = found.test(steps, test, conditional=True)
    first = [] if test == "Wald" else [WHOLE]
    frame = table_of([*first, *names], [*map(_nothing, first), *tests], test)
    if first:
        _fit_with(frame, found, [Left(), *(step.smaller for step in steps)])
    return AnalysisOfDeviance(
        title=f"Single terms left out ({KINDS[test]} tests)",
        test=test,
        tests=told(names, tests),
        frame=frame,
        formula=model.formula,
        notes=(*_whose(found.robust), *_notes(dict(zip(names, tests, strict=True)), found, model)),
        facts=model.facts[:1],
    )


def _check_robust(robust: RobustCovariance | None, test: str, of_whole_model: bool) -> None:
    if robust is not None and (test != "Wald" or not of_whole_model):
        raise InputError(
            "a robust covariance is of the whole model and has no likelihood: take test='Wald', "
            "and in anova type=2 or 3"
        )


def _whose(robust: RobustCovariance | None) -> list[str]:
    """Which covariance the tests are from, where it is not the model's."""
    if robust is None:
        return []
    said = f"the covariance is {robust.said}, {robust.factor_in_words}"
    f = "; F: Wald's statistic, of Hotelling's distribution with df and df error"
    return [said + ("" if robust.moments is None else f)]


def _nothing(_: str) -> None:
    """No test: of a row that is a model alone."""


def _fit_with(frame: pd.DataFrame, found: Submodels, sets: Sequence[Left]) -> None:
    """Put deviance and AIC of models beside their tests."""
    maxima = [found.maxima[left] for left in sets]
    frame.insert(1, "deviance", [-2 * each.log_likelihood for each in maxima])
    frame.insert(2, "AIC", [each.aic for each in maxima])


def _notes(
    tests: Mapping[str, HypothesisTest | None],
    found: Submodels,
    model: BernoulliLogistic,
) -> list[str]:
    """What to keep in mind of tests and of the models without some terms."""
    notes = []
    if any(each.separated for each in found.maxima.values()):
        notes.append(SUPREMA)
    notes += of_some(tests)
    if any(test is None for test in tests.values()):
        notes.append(
            "of terms without a number no data tell the effect: their columns are combinations of "
            "others in every row"
        )
    parsed = None if model.encoding is None else model.encoding.parsed
    whole = [t.name for t in found.terms if any(f.contrasts == "levels" for f in t.factors)]
    if parsed is not None and not parsed.intercept and whole:
        notes.append(
            f"without an intercept {printable(whole[0])} has a column for each level: without the "
            "term the log-odds are 0 where the others are at their reference levels or 0"
        )
    return notes


def _what_is_tested(type_: int, terms: Sequence[ModelTerm]) -> list[str]:
    """What a test is of, in words."""
    if type_ == 1:
        return ["each term is added to those above it"]
    if type_ == 2:
        return ["each term is added to all others but interactions of which it is a part"]
    notes = ["each term is added to all others, interactions of it among them"]
    for term in terms:
        numbers = {
            factor.name
            for other in terms
            if term.is_within(other)
            for factor in other.factors
            if factor.name not in term.of and not factor.contrasts and not factor.centred
        }
        if numbers:
            where = listing([f"{printable(name)} = 0" for name in sorted(numbers)])
            notes.append(
                f"at {where} the term {printable(term.name)} is tested: center(...) makes that the "
                "mean"
            )
    return notes


def _check_type_three(terms: Sequence[ModelTerm], model: BernoulliLogistic) -> None:
    """Raise a `ValueError` where a test of type III depends on a reference level."""
    parsed = None if model.encoding is None else model.encoding.parsed
    left = set() if model.aliased is None else set(model.aliased.names)
    for term in terms:
        if len(term.factors) > 1 and left.intersection(term.columns):
            raise InputError(
                f"of {printable(term.name)!r} columns were left out as combinations of others, as "
                "they are where a combination of levels has no rows: without a term the rest is no "
                "model of its effect, and a test of type III says nothing; take type=2"
            )
        for factor in term.factors:
            if factor.contrasts == "levels" and parsed is not None and not parsed.intercept:
                raise InputError(
                    f"without an intercept {printable(factor.name)!r} has a column for each level, "
                    "and a test of type III would be of no contrasts: add the intercept, or take "
                    "type=2"
                )
        for other in terms:
            if not term.is_within(other):
                continue
            for factor in other.factors:
                if factor.name in term.of or factor.contrasts in ("", *ZERO_SUM):
                    continue
                (column, *_) = sorted(factor.columns)
                raise InputError(
                    f"a test of type III of {printable(term.name)!r} would be of its effect in the "
                    f"reference level of {printable(factor.name)!r} alone, since "
                    f"{printable(other.name)!r} is in the model: write C({printable(column)}, Sum) "
                    "everywhere, contrasts that sum to zero, or take type=2"
                )
