"""Is this fit, whoever made it, the maximum likelihood estimate of these data, and if not, why?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.posterior_check import PosteriorCheck, draws_of
from flatprior.analysis.agreement.verdict import TOLERANCE
from flatprior.analysis.auditing.as_asked import AsAsked, as_asked
from flatprior.analysis.auditing.draws import DrawsAudit, judge_draws
from flatprior.analysis.auditing.numbers import (
    Judged,
    as_frame,
    in_every_digit,
    is_a_part,
    judge_numbers,
)
from flatprior.analysis.explanation.difference import SAME, Explanation, explain_difference
from flatprior.analysis.explanation.reference_levels import Placed, place
from flatprior.analysis.producers.draws import is_draws, read_draws
from flatprior.analysis.producers.files import read_file
from flatprior.analysis.producers.printed_table import read_table
from flatprior.analysis.producers.registry import holds_data, is_fit, read
from flatprior.analysis.producers.their_data import model_of
from flatprior.analysis.producers.theirs import OF_AN_ERROR, TheirFit
from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    Existence,
    NotConvergedError,
    PointEstimate,
    certify,
    check_existence,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_positive
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.labels import INTERCEPTS
from flatprior.models.common.rendering import Renderable, Rendered, as_notes, chosen, of_model
from flatprior.models.common.text import count, first_of, listing, printable
from flatprior.models.common.writing import finite
from flatprior.models.routes.newton import converged_mle

MOST_NUMBERS_SAID = 6
NO_CAUSE = ("none of these", "separation", "dependent columns", "agreement")
DROP = (
    "drop a level of each category (OneHotEncoder(drop='first'), get_dummies(drop_first=True)), or "
    "the column that the others make up"
)
OF_A_PENALTY = ("ridge penalty", "lasso penalty", "elastic net", "log-F penalty", "Firth penalty")
LARGEST_TOLERANCE = 1.0  # standard errors: farther away nothing is the estimate
NEAR_BY = 0.05  # standard errors: farther away an early stop is one cause of many
# of the distance from the estimate, that from what a program says that it maximised: it is there,
# or what it says explains nothing
AS_GOOD, ALL_OF_IT = 0.02, 0.9
ROUNDED = 1.0001  # of half a unit: the numbers themselves were rounded


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Audit(Renderable):
    """What is found of somebody else's fit.

    Attributes
    ----------
    their : TheirFit
        What was read: the program, its coefficients, what it states.
    model : BernoulliLogistic
        On whose rows it is judged.
    existence : Existence
        Does the maximum likelihood estimate exist?
    mle : PointEstimate or None
        It, where it does and could be found.
    coefficients : ndarray (k,) or None
        Theirs, in the order and coding of the model; None where they cannot be put there.
    certificate : Certificate or None
        Of these coefficients.
    within_digits : bool
        Whether they are the estimate in every digit that is printed.
    tolerance : float
        Standard errors up to which coefficients are the estimate.
    asked : AsAsked or None
        How far they are from what the program says that it maximised.
    explanation : Explanation or None
        Why they differ, where they do.
    numbers : tuple of Judged
        Every number that was stated.
    draws : DrawsAudit or None
        What is found where the fit is a set of draws, which have no coefficients.
    differences : tuple of str
        How the data that the fit holds differ from the model that it was to be judged on.
    recoded : str
        How their coding of categories differs; mostly empty.
    notes : tuple of str
    cure : str
        What to type to get it right; empty where it is.
    """

    their: TheirFit
    model: BernoulliLogistic
    existence: Existence
    mle: PointEstimate | None = None
    coefficients: Array | None = None
    certificate: Certificate | None = None
    within_digits: bool = False
    tolerance: float = TOLERANCE
    asked: AsAsked | None = None
    explanation: Explanation | None = None
    numbers: tuple[Judged, ...] = ()
    draws: DrawsAudit | None = None
    differences: tuple[str, ...] = ()
    recoded: str = ""
    notes: tuple[str, ...] = ()
    cure: str = ""

    @property
    def producer(self) -> str:
        """The program, with its version where that is known."""
        version = f" ({self.their.version})" if self.their.version else ""
        return f"{self.their.producer}{version}"

    @property
    def exists(self) -> bool:
        """Whether the maximum likelihood estimate is proved to exist."""
        return self.existence.exists

    @property
    def error_bound(self) -> float:
        """Standard errors within which the coefficients are proved to be of it; inf if none."""
        return math.inf if self.certificate is None else self.certificate.error_bound

    @property
    def is_mle(self) -> bool:
        """Whether they are the estimate, to `tolerance` or in every digit that is printed."""
        return self.exists and (self.error_bound <= self.tolerance or self.within_digits)

    @property
    def cause(self) -> str:
        """Why they are not: a cause of `explain_difference`; "agreement" where they are."""
        if self.is_mle or (self.draws is not None and self.draws.passed):
            return "agreement"
        if self.draws is not None:
            return self.draws.cause or "none of these"
        return "none of these" if self.explanation is None else self.explanation.cause

    @property
    def certain(self) -> bool:
        """Whether the numbers leave no reasonable doubt of that."""
        if self.draws is not None:
            return self.draws.certain
        return self.is_mle or (self.explanation is not None and self.explanation.certain)

    @property
    def off(self) -> tuple[Judged, ...]:
        """The stated numbers that follow no convention; coefficients are judged by themselves."""
        return tuple(
            each for each in self.numbers if each.consistent is False and not each.is_coefficient
        )

    @property
    def _why(self) -> str:
        """Why they are not the estimate, where its not existing is not all there is to it."""
        if self.explanation is None or self.is_mle:
            return ""
        told = not self.exists and not self.explanation.certain
        return "" if told and self.explanation.cause in NO_CAUSE else self.explanation.message

    @property
    def _told(self) -> tuple[Judged, ...]:
        """The numbers that are worth a sentence: those off, or the few coefficients that are."""
        if self.is_mle:
            return self.off
        wrong = [each for each in self.numbers if each.is_coefficient and not each.consistent]
        right = [each for each in self.numbers if each.is_coefficient and each.consistent]
        printed = any(each.unit for each in self.numbers)
        return tuple(wrong) if printed and len(wrong) <= len(right) else ()

    @property
    def passed(self) -> bool:
        """Whether the fit is the estimate, of these data, and every number stated is right.

        Of draws whether every claim of `check_posterior` holds.
        """
        if self.draws is not None:
            return self.draws.passed
        return self.is_mle and not self.off and not self.differences

    @property
    def posterior_check(self) -> PosteriorCheck | None:
        """Of draws every claim, with its p-value."""
        return None if self.draws is None else self.draws.check

    @property
    def printed(self) -> pd.DataFrame:
        """One row a stated number: term, quantity, stated, proved, convention, consistent, off."""
        return as_frame(self.numbers)

    @property
    def distance(self) -> float:
        """Of the coefficients from the estimate, in standard errors (largest of one of them)."""
        if self.mle is None or self.coefficients is None:
            return math.nan
        gaps = np.abs(self.coefficients - self.mle.coefficients) / self.mle.standard_errors
        return float(gaps.max())

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.draws is not None:
            return self.draws.verdict
        said = [f"{self.producer}:"]
        if self.differences:
            said.append(f"not a fit of this model ({self.differences[0]});")
        if self.existence.kind == "undecided":
            said.append("whether the maximum likelihood estimate exists could not be decided")
        elif not self.exists:
            said.append(f"there is no maximum likelihood estimate ({self.existence.kind})")
            if self.cause == "dependent columns" and self.certain:
                said.append("that is unique; but the fitted probabilities are right")
            elif self.cause not in NO_CAUSE:
                said.append(f"this is the estimate of something else: {self.cause}")
        elif self.is_mle:
            said.append("the maximum likelihood estimate")
            said.append(
                f"(proved to {self.error_bound:.1e} standard errors)"
                if self.error_bound <= self.tolerance
                else "in every digit printed"
            )
            said.append(self._of_numbers())
        else:
            where = "not the maximum likelihood estimate"
            if self.differences and self.cause == "none of these":
                return " ".join([*said, f"{where} of the model's data"]).rstrip(":;")
            if math.isfinite(self.distance):
                where += f" but {_size(self.distance)} standard errors away"
            sure = "" if self.certain else " (not certain)"
            why = "for none of the known causes" if self.cause == "none of these" else self.cause
            said.append(f"{where}: {why}{'' if self.cause == 'none of these' else sure}")
        return " ".join(part for part in said if part).rstrip(":;")

    def _of_numbers(self) -> str:
        judged = [each for each in self.numbers if not each.is_coefficient]
        judged = [each for each in judged if each.consistent is not None]
        if not judged:
            return ""
        if self.off:
            are = "is" if len(self.off) == 1 else "are"
            stated = count(len(judged), "stated number")
            return f"but {len(self.off)} of {stated} {are} off{self._kinds()}"
        return f"with all {len(judged)} stated numbers right{self._kinds()}"

    def _kinds(self) -> str:
        """Which kinds of standard error the numbers follow, where these are not the model's."""
        kinds = [
            dict.fromkeys(
                each.convention.removeprefix("Wald, ")
                for each in self.numbers
                if each.quantity in quantities and each.consistent
            )
            for quantities in (("standard error",), ("z", "chi-squared", "p"), ("low", "high"))
        ]
        said = []
        if kinds[0] and list(kinds[0]) != ["model"]:
            said.append(f"standard errors {listing(list(kinds[0]))}")
        # tests and intervals of another kind than the standard errors beside them
        said += [
            f"{what} {listing(list(found))}"
            for what, found in zip(("tests", "intervals"), kinds[1:], strict=True)
            if kinds[0] and found and not set(found) <= set(kinds[0])
        ]
        return f", {', '.join(said)}" if said else ""

    @property
    def message(self) -> str:
        """Verdict, reasons and what to type."""
        sentences = [self.verdict, *self.differences[1:]]
        if self.draws is not None and not self.draws.passed:
            sentences += [f"{each}" for each in self.draws.likenesses]
        if not self.exists:
            sentences.append(self.existence.message)
        if self.recoded:
            sentences.append(f"the coefficients are {self.recoded}")
        if self._why:
            sentences.append(self._why)
        if self._told:
            sentences.append(f"off: {first_of(_said(each) for each in self._told)}")
        if self.cure:
            sentences.append(f"to get it right: {self.cure}")
        return ". ".join(
            f"{text[:1].upper()}{text[1:]}" if i else text
            for i, text in enumerate(text.rstrip(".") for text in sentences)
        )

    def table(self) -> pd.DataFrame:
        """One row a coefficient: theirs, the estimate, the difference in standard errors.

        Where they state standard errors, these and the kind that they are of.
        """
        names = pd.Index(self.model.names, name="name")
        nothing = np.full(len(names), math.nan)
        theirs = nothing if self.coefficients is None else self.coefficients
        frame = pd.DataFrame({"theirs": theirs}, index=names)
        if self.mle is not None:
            frame["MLE"] = self.mle.coefficients
            frame["SE"] = self.mle.standard_errors
            frame["difference"] = (theirs - self.mle.coefficients) / self.mle.standard_errors
            errors = {_plain(n.term): n for n in self.numbers if n.quantity == "standard error"}
            if errors:
                beside = [errors.get(_plain(name)) for name in self.model.names]
                frame["their SE"] = [math.nan if n is None else n.stated for n in beside]
                frame["kind"] = [
                    "-" if n is None else n.convention if n.consistent else "NO" for n in beside
                ]
        else:
            goes = self.existence.coefficients
            frame["goes to"] = [goes.get(name, "undetermined") for name in self.model.names]
        return frame

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: verdict, reasons, cure, a row a coefficient; of draws a claim."""
        if self.draws is not None:
            of_claims = self.draws.check.rendered(columns)
            return replace(
                of_claims,
                title=f"Audit: {'passed' if self.passed else 'NOT PASSED'}",
                facts=(printable(f"{self.verdict}."), *of_claims.facts),
                notes=(
                    *as_notes([*map(str, self.draws.likenesses)]),
                    *as_notes([f"to get it right: {self.cure}" if self.cure else ""]),
                    *as_notes(self.notes),
                    *of_claims.notes,
                ),
            )
        asked = self.asked
        why = self._why
        return Rendered.of(
            chosen(self.table(), columns),
            {
                "theirs": "#.6g",
                "MLE": "#.6g",
                "SE": "#.4g",
                "difference": ".1e",
                "their SE": "#.4g",
            },
            of_model(f"Audit: {'passed' if self.passed else 'NOT PASSED'}", self.model.formula),
            [f"{self.verdict}."],
            [
                *self.differences[1:],
                "" if self.exists else self.existence.message,
                f"the coefficients are {self.recoded}" if self.recoded else "",
                why,
                f"the program's settings say {asked.words}"
                if asked and asked.words and asked.words not in why
                else "",
                *(_said(each) for each in self._told[:MOST_NUMBERS_SAID]),
                f"{len(self._told) - MOST_NUMBERS_SAID} more numbers are off: .printed has all"
                if len(self._told) > MOST_NUMBERS_SAID
                else "",
                f"to get it right: {self.cure}" if self.cure else "",
                "difference: theirs less the MLE, in standard errors"
                + ("; kind: of their standard error" if "kind" in self.table() else "")
                if self.mle is not None
                else "",
                *self.notes,
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "producer": self.producer,
                "verdict": self.verdict,
                "passed": self.passed,
                "message": self.message,
                "exists": self.exists,
                "existence": self.existence.to_dict(),
                "is_mle": self.is_mle,
                "error_bound": self.error_bound,
                "distance": self.distance,
                "tolerance": self.tolerance,
                "cause": self.cause,
                "certain": self.certain,
                "cure": self.cure,
                "names": list(self.model.names),
                "coefficients": None if self.coefficients is None else self.coefficients.tolist(),
                "mle": None if self.mle is None else self.mle.to_dict(),
                "draws": None if self.draws is None else self.draws.to_dict(),
                "explanation": None if self.explanation is None else self.explanation.to_dict(),
                "numbers": [vars(each) for each in self.numbers],
                "differences": list(self.differences),
                "notes": list(self.notes),
            }
        )
        return facts


def _plain(name: str) -> str:
    """A name under which every program's intercept is one."""
    return "(Intercept)" if name in INTERCEPTS else name


def _size(number: float) -> str:
    """Two digits, without an exponent where the number is not small."""
    return f"{number:.0f}" if 10 <= number < 1e6 else f"{number:.2g}"


def _said(judged: Judged) -> str:
    what = f"{judged.quantity} of {judged.term}" if judged.term else judged.quantity
    stated = judged.written or f"{judged.stated:.6g}"
    return (
        f"the {printable(what)} is stated as {printable(stated)}, and is {judged.proved:.6g} "
        f"({judged.convention})"
    )


def judge_fit(
    model: BernoulliLogistic,
    their: TheirFit,
    tolerance: float = TOLERANCE,
    *,
    differences: tuple[str, ...] | None = None,
) -> Audit:
    """Judge a fit on the rows of `model`.

    Parameters
    ----------
    model : BernoulliLogistic
        In memory.
    their : TheirFit
    tolerance : float
        In standard errors.
    differences : tuple of str, optional
        How its own data differ; by default those that it holds are looked at.
    """
    if differences is None:
        differences = _differences(model, their)
    if their.unjudged:
        kept = tuple(each for each in their.stated if each.quantity not in OF_AN_ERROR)
        note = f"standard errors, and what follows from them, are not judged: {their.unjudged}"
        their = replace(their, stated=kept, notes=(*their.notes, note), unjudged="")
    existence = check_existence(model)
    odd = [name for name, value in their.coefficients.items() if not math.isfinite(value)]
    if odd:
        if not existence.exists:
            return Audit(
                their=their,
                model=model,
                existence=existence,
                tolerance=tolerance,
                differences=differences,
                notes=their.notes,
            )
        raise InputError(
            f"the coefficient of {printable(odd[0])} is {their.coefficients[odd[0]]}, not a finite "
            "number"
        )
    plainly = their.coefficients.keys() == set(model.names) and not their.settings.penalty
    if existence.kind == "rank deficient" and plainly:
        found = _of_what_is_determined(model, their, existence, tolerance)
        return replace(found, their=their, differences=differences)
    plain = Audit(
        their=their,
        model=model,
        existence=existence,
        tolerance=tolerance,
        differences=differences,
        notes=their.notes,
    )
    placed = _placed(model, their)
    some = None if placed is not None else _of_some_terms(plain, their)
    if some is not None:
        return some
    if placed is None:  # their names are not the model's
        explanation = explain_difference(model, their.coefficients)
        return replace(plain, explanation=explanation, cure=_cure(their, explanation))
    b = placed.matrix @ placed.given
    plain = replace(
        plain,
        coefficients=b,
        recoded=placed.recoded,
        asked=_as_asked(model, b, their, placed),
        mle=_mle_of(model, existence),
        certificate=certify(model, b),
        within_digits=False,
    )
    if plain.mle is not None and their.units:
        plain = replace(plain, within_digits=_within_digits(plain, placed, their))
    if not plain.is_mle:
        explanation = _why(plain, their)
        if explanation.cause == "agreement" and not _of_unknown_digits(
            their, explanation, tolerance
        ):
            explanation = _too_far(plain)
        agrees = explanation.cause == "agreement" and explanation.certain
        plain = replace(
            plain,
            within_digits=agrees,
            explanation=explanation,
            cure=_cure_of(their, explanation, existence) if not agrees else "",
        )
    return replace(
        plain,
        numbers=judge_numbers(model, plain.mle, their)
        if their.stated or their.units
        else _coefficients_alone(plain, their, placed),
        notes=(*plain.notes, *_as_passed(plain)),
    )


def _of_unknown_digits(their: TheirFit, explanation: Explanation, tolerance: float) -> bool:
    """Whether `explain_difference` may say that coefficients agree in the digits that they have.

    It judges digits from how doubles are written in full, which is for coefficients that came
    alone, as a mapping or an array. The digits of a table are known, and an object has doubles.
    """
    alone = their.model is None and not their.units and not their.stated
    return alone and (explanation.distance > SAME or tolerance >= SAME)


def _too_far(audit: Audit) -> Explanation:
    """Near, but neither to the tolerance nor in the digits that are written."""
    return Explanation(
        cause="none of these",
        certain=False,
        message=f"they are {_size(audit.distance)} standard errors from it, which is more than the "
        "tolerance or the digits allow",
        distance=audit.distance,
    )


def _coefficients_alone(audit: Audit, their: TheirFit, placed: Placed) -> tuple[Judged, ...]:
    """The coefficients as numbers, where nothing is stated beside them."""
    mle = audit.mle
    if mle is None or placed.recoded:
        return judge_numbers(audit.model, mle, their)
    names = list(their.coefficients)
    values = _in_order_of(audit.model, their, {name: float(i) for i, name in enumerate(names)})
    if values is None:
        return ()
    error = mle.certificate.error_bound * mle.standard_errors
    room = audit.tolerance * mle.standard_errors + error
    found = {}
    for j, at in enumerate(values.astype(int)):
        stated, proved = float(placed.given[j]), float(mle.coefficients[j])
        right = abs(stated - proved) <= room[j]
        found[int(at)] = Judged(
            term=names[at],
            quantity="coefficient",
            stated=stated,
            proved=proved,
            error=float(error[j]),
            convention="MLE",
            consistent=bool(right),
            off=0.0 if right else stated - proved,
            is_coefficient=True,
        )
    return tuple(found[i] for i in range(len(names)))


def _as_passed(audit: Audit) -> tuple[str, ...]:
    """In words the coefficients of the columns that a pipeline was passed."""
    passed, mle = audit.their.as_passed, audit.mle
    if passed is None or mle is None:
        return ()
    names, matrix = passed

    def said(coefficients: Array) -> str:
        return ", ".join(
            f"{printable(name)} {value:.6g}"
            for name, value in zip(names, matrix @ coefficients, strict=True)
        )

    theirs = said(np.array(list(audit.their.coefficients.values())))
    if audit.is_mle:
        return (f"in the columns as they were passed the coefficients are {theirs}",)
    return (
        f"in the columns as they were passed theirs are {theirs}; the MLE is "
        f"{said(mle.coefficients)}",
    )


def _of_some_terms(plain: Audit, their: TheirFit) -> Audit | None:
    """Judge a table that states some of the coefficients only, each by itself."""
    model = plain.model
    if their.model is not None or not is_a_part(model, their):
        return None
    plain = replace(plain, mle=_mle_of(model, plain.existence))
    numbers = judge_numbers(model, plain.mle, their)
    stated = [each for each in numbers if each.is_coefficient]
    note = f"{len(stated)} of {count(model.n_parameters, 'coefficient')} are stated"
    right = plain.exists and in_every_digit(numbers)
    # tables of odds ratios leave the intercept out; others may be of a model without it
    of_ratios = all(each.quantity == "odds ratio" for each in stated)
    if not right and not of_ratios and _without_intercept(model, their):
        return None
    wrong = first_of(_said(each) for each in stated if not each.consistent)
    return replace(
        plain,
        numbers=numbers,
        within_digits=right,
        explanation=None
        if right or not plain.exists
        else Explanation(
            cause="none of these",
            certain=False,
            message=f"{wrong}; why is not looked for, since not all coefficients are stated",
            distance=math.nan,
        ),
        notes=(*plain.notes, note),
    )


def _without_intercept(model: BernoulliLogistic, their: TheirFit) -> bool:
    """Whether all coefficients but the intercept are stated."""
    try:
        return place(model, their.coefficients).without_intercept
    except InputError:
        return False


def _of_what_is_determined(
    model: BernoulliLogistic,
    their: TheirFit,
    existence: Existence,
    tolerance: float,
) -> Audit:
    """Judge the fitted probabilities, where columns depend on others: in the other columns."""
    beside = existence.dependencies
    kept = [name for name in model.names if name not in beside]
    places = [model.names.index(name) for name in kept]
    coefficients = {
        name: their.coefficients[name]
        + sum(their.coefficients[other] * parts.get(name, 0.0) for other, parts in beside.items())
        for name in kept
    }
    reduced = model_of(
        model.design[:, places],
        model.response,
        kept,
        offset=model.offset,
        weights=model.frequency_weights,
        labels=model.row_labels,
        response_name=model.response_name,
    )
    plain = replace(
        their, coefficients=coefficients, units={}, stated=(), model=None, as_passed=None
    )
    inner = judge_fit(reduced, plain, tolerance)
    undetermined = [name for name, state in existence.coefficients.items() if state != "finite"]
    which = first_of(map(printable, undetermined or beside))
    found = inner.explanation
    if inner.is_mle:
        found = Explanation(
            cause="dependent columns",
            certain=True,
            message=f"the fitted probabilities are those of maximum likelihood (proved to "
            f"{inner.error_bound:.1e} standard errors), but the coefficients of {which} are one "
            "choice of many that give the same",
            distance=math.nan,
        )
    return replace(
        inner,
        existence=existence,
        explanation=found,
        notes=(*their.notes, f"judged without {first_of(map(printable, beside))}"),
        cure=DROP,
    )


def _as_asked(
    model: BernoulliLogistic, b: Array, their: TheirFit, placed: Placed
) -> AsAsked | None:
    """Hold them to the settings of their program, which are in the order of its coefficients."""
    settings = their.settings
    if not settings.penalised:
        return as_asked(model, b, settings)
    if placed.recoded:  # the penalty is on other columns
        return None
    at_work = dict(zip(their.coefficients, map(float, settings.penalised), strict=True))
    order = _in_order_of(model, their, at_work)
    if order is None:
        return None
    return as_asked(model, b, replace(settings, penalised=tuple(bool(each) for each in order)))


def _mle_of(model: BernoulliLogistic, existence: Existence) -> PointEstimate | None:
    if not existence.exists:
        return None
    try:
        return converged_mle(model)
    except NotConvergedError:
        return None


def _placed(model: BernoulliLogistic, their: TheirFit) -> Placed | None:
    """Their coefficients in the order and coding of the model."""
    try:
        placed = place(model, their.coefficients)
    except InputError:
        return None
    return None if placed.their_intercept or placed.without_intercept else placed


def _in_order_of(
    model: BernoulliLogistic, their: TheirFit, values: Mapping[str, float]
) -> Array | None:
    """Something of each of their coefficients, in the places that these have in the model."""
    names = list(their.coefficients)
    numbered = place(model, {name: float(i + 1) for i, name in enumerate(names)}).given
    if sorted(numbered.round().astype(int)) != list(range(1, len(model.names) + 1)):
        return None
    return np.array([values[names[round(number) - 1]] for number in numbered])


def _within_digits(audit: Audit, placed: Placed, their: TheirFit) -> bool:
    """Whether the coefficients are the estimate in every digit that is printed."""
    mle, b = audit.mle, audit.coefficients
    if mle is None or b is None:
        return False
    units = _in_order_of(
        audit.model, their, {n: their.units.get(n, 0.0) for n in their.coefficients}
    )
    if units is None:
        return False
    room = np.abs(placed.matrix) @ (ROUNDED * units / 2)
    bound = mle.certificate.error_bound * mle.standard_errors
    return bool((np.abs(b - mle.coefficients) <= room + bound).all())


def _differences(model: BernoulliLogistic, their: TheirFit) -> tuple[str, ...]:
    """How the data that the fit holds differ from those that it is judged on."""
    own = their.model
    if own is None or own is model:
        return ()
    if own.n_observations != model.n_observations:
        return (f"it is of {own.n_observations} observations, the model of {model.n_observations}",)
    if own.n_events != model.n_events:
        flipped = own.n_events == model.n_observations - model.n_events
        return (
            f"its response has {own.n_events} events, the model's {model.n_events}"
            + (": what counts as 1 is the other level" if flipped else ""),
        )
    found = []
    if (own.offset is None) != (model.offset is None):
        found.append(f"{'the model' if own.offset is None else 'it'} has an offset")
    theirs, ours = (
        ["(Intercept)" if name in INTERCEPTS else name for name in each.names]
        for each in (own, model)
    )
    if sorted(theirs) == sorted(ours) and own.n_rows == model.n_rows:
        order = [theirs.index(name) for name in ours]
        if not np.array_equal(own.response, model.response) or not np.allclose(
            own.design[:, order], model.design, rtol=1e-9, atol=0.0
        ):
            found.append("its rows are others, or in another order")
    return tuple(found)


def _why(audit: Audit, their: TheirFit) -> Explanation:
    """What the program's own settings say, where the numbers are so; else what the numbers say."""
    asked, model, b = audit.asked, audit.model, audit.coefficients
    assert b is not None  # noqa: S101
    distance = audit.distance
    if asked is not None and asked.cause:
        # a rule that lets it stop anywhere is no evidence, nor is a penalty that moves nothing
        far = distance if math.isfinite(distance) else 1.0
        by_gradient = asked.gradient <= ROUNDED * their.settings.tolerance
        if asked.distance <= (far / 2 if by_gradient else AS_GOOD * far):
            return Explanation(
                cause=asked.cause,
                certain=True,
                message=f"the fit maximises what its settings say, which is not the likelihood "
                f"alone: {asked.words}",
                distance=distance,
            )
    proved = audit.certificate
    if asked is not None and audit.exists and proved is not None and proved.error_bound <= NEAR_BY:
        early = _stopped(asked, their)
        if early and asked.distance >= ALL_OF_IT * proved.newton_decrement:
            return Explanation(
                cause="stopped early", certain=True, message=early, distance=distance
            )
    try:
        found = explain_difference(model, b)
        says = _stopped(asked, their) if asked is not None and not asked.cause else ""
        if says and not their.settings.penalty and found.cause in OF_A_PENALTY:
            # it has no penalty, and says that it has not converged
            found = replace(found, cause="stopped early", certain=False, message=says)
        elif says and found.cause == "none of these":
            found = replace(found, cause="stopped early", message=says)
        if found.cause == "none of these" and asked is not None and asked.words:
            beside = f"it is not at the maximum of what the settings say either: {asked.words}"
            found = replace(found, message=f"{found.message}; {beside}")
        return found
    except InputError as error:
        return Explanation(
            cause="none of these", certain=False, message=str(error), distance=distance
        )


def _stopped(asked: AsAsked, their: TheirFit) -> str:
    """Evidence that the optimiser stopped where its own rule let it, or ran out of steps."""
    rule = their.settings.tolerance
    if asked.gradient <= ROUNDED * rule:
        return (
            f"the optimiser stopped early: its rule is a gradient of the mean log-likelihood of at "
            f"most {rule:.2g}, and that is {asked.gradient:.2g} there"
        )
    if their.settings.converged is False:
        return "the optimiser stopped early: it says itself that it has not converged"
    return ""


def _cure_of(their: TheirFit, explanation: Explanation, existence: Existence) -> str:
    if existence.exists:
        return _cure(their, explanation)
    if existence.kind == "rank deficient":
        without = "" if explanation.cause in NO_CAUSE else f"{_cure(their, explanation)}; and "
        return f"{without}{DROP}"
    return ""


def _cure(their: TheirFit, explanation: Explanation) -> str:
    return their.cure.get(explanation.cause) or explanation.cure or their.cure.get("", "")


def _require_heard(
    fit: Any, model: Any, y: Any, sample_weight: Any, offset: Any, variables: Any
) -> None:
    """Refuse what would not be looked at, so that nobody takes it for judged."""
    ours = isinstance(model, BernoulliLogistic)
    beside = sample_weight is not None or offset is not None
    if isinstance(model, str):
        raise InputError(
            "a formula needs data: audit(fit, BernoulliLogistic.from_formula(formula, data))"
        )
    if ours and (y is not None or beside):
        raise InputError(
            "the model holds response, weights and offset: audit(fit, model), or audit(fit, X, y, "
            "sample_weight=..., offset=...)"
        )
    if holds_data(fit) and not ours and (model is not None or y is not None or beside):
        raise InputError(
            f"a {type(fit).__name__} holds its data: audit(fit) judges it on those, audit(fit, "
            "model) on those of a BernoulliLogistic"
        )
    if variables is not None and not is_draws(fit, model if ours else None):
        raise InputError("variables are of draws; these are none")


def _of_draws(model: BernoulliLogistic, draws: Any, variables: Any, tolerance: float) -> Audit:
    posterior = read_draws(draws, model, variables)
    their = TheirFit(producer=draws_of(posterior.route), coefficients={})
    existence = check_existence(model)
    plain = Audit(their=their, model=model, existence=existence, tolerance=tolerance)
    if not existence.exists:
        return replace(plain, notes=("a flat-prior posterior of these data does not exist",))
    mle = converged_mle(model)
    found = judge_draws(model, posterior, mle)
    return replace(plain, mle=mle, draws=found, notes=found.notes, cure=found.cure)


@own_error_state
def audit(
    fit: Any,
    model: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    offset: Any = None,
    variables: Any = None,
    tolerance: float = TOLERANCE,
) -> Audit:
    """Judge a fit, whoever made it.

    Parameters
    ----------
    fit
        Of statsmodels (`Logit`, `GLM` of the binomial family, with formulas or without), of
        scikit-learn (`LogisticRegression`, `LogisticRegressionCV`, `SGDClassifier` with log loss,
        a pipeline or a search that ends in one), of glum, firthmodels, pyfixest or PyTorch (one
        linear unit), of flatprior; coefficients as a mapping, Series or array; or the path of a
        printed table (CSV, TSV, JSON, Markdown, text) or of a fit that flatprior or R has saved.
        Or draws: a DataTree, InferenceData or Dataset of PyMC, Bambi, NumPyro or Stan, a trace, a
        data frame or an array (draws, k) or (chains, draws, k), a netCDF file, CSV files of Stan.
    model : BernoulliLogistic, or array_like (n, p)
        The model to judge on; or X as it was passed to a fit that holds no data. Results of
        statsmodels and pyfixest hold theirs, and need none.
    y : array_like (n,), optional
        The response, with X.
    sample_weight, offset : array_like (n,), optional
        As they were passed to the fit.
    variables : str, sequence of str or mapping, optional
        Of draws, the vector that holds all coefficients, or for each coefficient its variable; by
        default they are found by name.
    tolerance : float
        Standard errors up to which coefficients are the maximum likelihood estimate.

    Returns
    -------
    Audit

    Raises
    ------
    TypeError
        If nothing is known of such objects; what is known is said.
    ValueError
        If something is missing or unusable, such as the data; what, is said.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from flatprior.analysis import audit
    >>> from flatprior.models import load_spector
    >>> data = load_spector()
    >>> X, y = data[["gpa", "tuce", "psi"]], data["grade"]
    >>> found = audit(LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y), X, y)
    >>> found.cause, found.certain, found.passed
    ('ridge penalty', True, False)
    """
    if (
        isinstance(tolerance, bool)
        or not check_positive("tolerance", tolerance) <= LARGEST_TOLERANCE
    ):
        raise InputError(f"tolerance must be at most {LARGEST_TOLERANCE} standard errors")
    _require_heard(fit, model, y, sample_weight, offset, variables)
    given, X = (model, None) if isinstance(model, BernoulliLogistic) else (None, model)
    if X is not None and y is None and not is_fit(fit):
        raise InputError("pass a BernoulliLogistic, or the data as X and y")
    if is_draws(fit, given):
        if given is None:
            raise InputError("draws need the model: audit(draws, model)")
        return _of_draws(given, fit, variables, tolerance)
    if isinstance(fit, str | PathLike):
        their = read_file(fit)
    elif isinstance(fit, pd.DataFrame):
        their = read_table(fit)
    elif given is not None and is_draws(fit):  # of other coefficients: which, is said there
        return _of_draws(given, fit, variables, tolerance)
    else:
        their = read(fit, X, y, model=given, sample_weight=sample_weight, offset=offset)
    on = given if given is not None else their.model
    if on is None:
        raise InputError("the fit holds no data: pass the model to judge it on")
    return judge_fit(on, their, tolerance)
