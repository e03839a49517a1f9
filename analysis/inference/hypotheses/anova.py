"""Tests of the terms of a model, one by one: R's ``anova`` and ``drop1``, ``Anova`` of its car.

Three questions go by the same name. Type I: what does a term add to those before it. Type II: what
does it add to all that are not interactions of it with more, to which it is marginal (Nelder 1977,
"A reformulation of linear models", Journal of the Royal Statistical Society A 140, 48-77). Type
III: what does it add to all others; what that means depends on their contrasts, and with treatment
contrasts on the reference level, for which there is a refusal here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.analysis.comparison.comparable import is_nested, same_observations
from flatprior.analysis.inference.hypotheses.likelihood_tests import (
    SUPREMUM,
    likelihood_ratio_test,
    of_suprema,
    score_test,
)
from flatprior.analysis.inference.hypotheses.of_model import ZERO_SUM
from flatprior.analysis.inference.hypotheses.submodels import (
    KINDS,
    Left,
    Maximum,
    Step,
    Submodels,
    Wanted,
    each_or_why_not,
    maximum_of,
)
from flatprior.analysis.inference.hypotheses.wald import wald_test
from flatprior.analysis.inference.robust import RobustCovariance
from flatprior.analysis.maxima import (
    HypothesisTest,
    chi_squared_test,
    of_full_rank,
    ratio,
)
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.same_passes import in_same_passes
from flatprior.models.common.calls import (
    check_choice,
    model_first,
    require_kind,
    require_likelihood,
)
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import SCREEN, first_of, listing, names_in, printable
from flatprior.models.common.writing import finite
from flatprior.models.encoding.formulas.model_terms import ModelTerm
from flatprior.models.routes.newton import converged_mle

Kind = Literal["LR", "score", "Wald"]
TYPES = {1: "I", 2: "II", 3: "III"}
ROMAN: dict[str, Literal[1, 2, 3]] = {"I": 1, "II": 2, "III": 3}
CENTRED = ("center(", "scale(", "poly(")
NULL, WHOLE = "null model", "none"  # rows of tables
SAME_LIKELIHOOD = 1e-8
SUPREMA = "the outcomes are separated in some of the models: their likelihoods have suprema only"
_FORMATS = {
    "deviance": ".3f",
    "AIC": ".2f",
    "LR": ".4f",
    "score": ".4f",
    "Wald": ".4f",
    "p": "p",
} | {"df error": ".2f"}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class AnalysisOfDeviance(Renderable):
    """Tests of terms, or of models each against the one before it.

    Attributes
    ----------
    title : str
    test : {"LR", "score", "Wald"}
    tests : dict
        What was tested to its `HypothesisTest`; not what no data can tell.
    frame : DataFrame
    formula : str or None
        Of a single model.
    notes : tuple of str
        What to keep in mind of the numbers.
    facts : tuple of str
    """

    title: str
    test: str
    tests: Mapping[str, HypothesisTest]
    frame: pd.DataFrame
    formula: str | None
    notes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """One row a term or model.

        Columns: "df" (a difference of ranks), with "CR2" "df error", the statistic by the name of
        the test ("LR", "score" or "Wald") and "p"; but for Wald and types II and III "deviance", -2
        times the maximal log-likelihood of single observations, and "AIC". These are of the model
        up to that term (type I), without it (`drop_one`), or of the model itself. What is undefined
        is NaN.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: the table."""
        return Rendered.of(
            chosen(self.frame, columns),
            _FORMATS,
            of_model(self.title, self.formula),
            self.facts,
            self.notes,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        frame = self.frame.astype(object).where(self.frame.notna(), None)
        rows = [
            {"name": str(name), **row}
            for name, row in zip(frame.index, frame.to_dict("records"), strict=True)
        ]
        found: dict[str, Any] = finite(
            {
                "title": self.title,
                "test": self.test,
                "formula": self.formula,
                "rows": rows,
                "notes": list(self.notes),
            }
        )
        return found


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
    if isinstance(type, str) and type in ROMAN:
        type = ROMAN[type]
    if isinstance(type, bool) or not isinstance(type, int) or type not in TYPES:
        raise InputError(f"type must be 1, 2 or 3, not {printable(type)[:40]}")
    if models:
        if type != 1 or robust is not None:
            raise InputError(
                "tests of type II and III, and with a robust covariance (which is passed as "
                "robust=), are of the terms of one model"
            )
        return _of_models((model, *models), test)
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
    frame = _table([*first, *names], [*map(_nothing, first), *tests], test)
    if first:
        _fit_with(frame, found, [steps[0].smaller, *(step.larger for step in steps)])
    return AnalysisOfDeviance(
        title=f"Analysis of deviance, type {TYPES[type]} ({KINDS[test]} tests)",
        test=test,
        tests=_told(names, tests),
        frame=frame,
        formula=model.formula,
        notes=(
            *_what_is_tested(type, found.terms),
            *_whose(found.robust),
            *_notes(dict(zip(names, tests, strict=True)), found, model),
        ),
        facts=model.facts[:1],
    )


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
    frame = _table([*first, *names], [*map(_nothing, first), *tests], test)
    if first:
        _fit_with(frame, found, [Left(), *(step.smaller for step in steps)])
    return AnalysisOfDeviance(
        title=f"Single terms left out ({KINDS[test]} tests)",
        test=test,
        tests=_told(names, tests),
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
    return [said + ("" if robust.moments is None else "; Wald: F of Hotelling's distribution")]


def _nothing(_: str) -> None:
    """No test: of a row that is a model alone."""


def _table(names: Sequence[str], tests: Sequence[HypothesisTest | None], kind: str) -> pd.DataFrame:
    """Degrees of freedom, statistic and p of some tests."""
    second = [None if t is None else t.df_error for t in tests]
    referred = [each for each in second if each is not None]
    return pd.DataFrame(
        {
            "df": pd.array([None if t is None else t.df for t in tests], dtype="Int64"),
            **({"df error": pd.array(second, dtype="Float64")} if referred else {}),
            kind: [np.nan if t is None else t.statistic for t in tests],
            "p": [np.nan if t is None else t.p for t in tests],
        },
        index=pd.Index(names),
    )


def _told(
    names: Sequence[str], tests: Sequence[HypothesisTest | None]
) -> dict[str, HypothesisTest]:
    return {name: t for name, t in zip(names, tests, strict=True) if t is not None}


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
    notes += _of_some(tests)
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


def _of_some(tests: Mapping[str, HypothesisTest | None]) -> list[str]:
    """What is to be said of some of the tests alone."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, test in tests.items():
        if test is None:
            continue
        if math.isnan(test.p):
            alike.setdefault((f"no {test.kind} test of ", test.note), []).append(printable(name))
        elif test.kind == KINDS["LR"] and test.note not in ("", SUPREMUM):
            alike.setdefault(("", test.note), []).append(printable(name))
    return [f"{begins}{first_of(names)}: {note}" for (begins, note), names in alike.items()]


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
            if factor.name not in term.of and not factor.contrasts and not _is_centred(factor.name)
        }
        if numbers:
            where = listing([f"{printable(name)} = 0" for name in sorted(numbers)])
            notes.append(
                f"at {where} the term {printable(term.name)} is tested: center(...) makes that the "
                "mean"
            )
    return notes


def _is_centred(name: str) -> bool:
    return name.startswith(CENTRED) and "raw" not in name and "FALSE" not in name.upper()


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


def _of_models(given: Sequence[BernoulliLogistic], test: Kind) -> AnalysisOfDeviance:
    """Each model against the one before it."""
    for each in given:
        require_kind(each, BernoulliLogistic, "each model", "BernoulliLogistic.from_formula")
        require_likelihood(each, "anova")
    names = [f"model {i + 1}" for i in range(len(given))]
    same = same_observations(dict(zip(names, given, strict=True)))
    models = [of_full_rank(each) for each in same.values()]
    for name, one, two in zip(names[1:], models[:-1], models[1:], strict=True):
        small, large = sorted((one, two), key=lambda each: each.n_parameters)
        if not is_nested(small, large):
            raise InputError(
                f"{name} and the one before it are not nested: compare them by AIC or elpd, see "
                "compare_models"
            )
    maxima, _ = in_same_passes(
        [each.rows for each in models], [partial(maximum_of, each) for each in models]
    )
    every = list(zip(names, models, maxima, strict=True))
    tests = each_or_why_not(
        test,
        [
            Wanted(
                min(one, two, key=_rank)[0],
                partial(lambda one, two: abs(_rank(one) - _rank(two)), one, two),
                partial(_between, one, two, test),
            )
            for one, two in pairwise(every)
        ],
    )
    frame = _table(names, [None, *tests], test)
    frame.insert(0, "k", [each.rank for each in maxima])
    frame.insert(1, "deviance", [-2 * each.log_likelihood for each in maxima])
    frame.insert(2, "AIC", [each.aic for each in maxima])
    notes = ["each model is tested against the one above it"]
    if any(each.separated for each in maxima):
        notes.append(SUPREMA)
    notes += _of_some(dict(zip(names[1:], tests, strict=True)))
    called = [
        f"{name}: {each.formula or names_in(SCREEN, each.names)}"
        for name, each in zip(names, given, strict=True)
    ]
    return AnalysisOfDeviance(
        title=f"Analysis of deviance of {len(given)} models ({KINDS[test]} tests)",
        test=test,
        tests=_told(names[1:], tests),
        frame=frame,
        formula=None,
        notes=tuple(notes),
        facts=(*given[0].facts[:1], *called),
    )


Fitted = tuple[str, BernoulliLogistic, Maximum]


def _rank(fitted: Fitted) -> int:
    return fitted[2].rank


def _between(one: Fitted, two: Fitted, test: Kind) -> HypothesisTest | None:
    """The test of two models, of which one is nested in the other; None if they are the same."""
    small, large = sorted((one, two), key=_rank)
    lower, full = small[2], large[2]
    if lower.rank == full.rank:
        return None
    for each in (lower, full):
        each.require(reached=False)
    statistic = ratio(full.log_likelihood, lower.log_likelihood)
    if test == "LR":
        note = "; ".join(of_suprema(full, lower, large[1].n_rows))
        return chi_squared_test(KINDS[test], small[0], statistic, full.rank - lower.rank, note)
    model, names = large[1], small[1].names
    more = [name for name in model.names if name not in names]
    # the same names may be of other columns
    by_name = len(more) == full.rank - lower.rank and math.isclose(
        likelihood_ratio_test(model, more).statistic,
        statistic,
        rel_tol=SAME_LIKELIHOOD,
        abs_tol=SAME_LIKELIHOOD,
    )
    if not by_name:
        raise InputError(
            "one model is nested in the other, but its columns are not among the other's by name: "
            'take test="LR"'
        )
    found = score_test(model, more) if test == "score" else wald_test(converged_mle(model), more)
    return replace(found, hypothesis=small[0])
