"""What an audit finds, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.agreement.verdict import TOLERANCE
from flatprior.analysis.auditing.as_asked import AsAsked
from flatprior.analysis.auditing.draws.judged import DrawsAudit
from flatprior.analysis.auditing.numbers import (
    Judged,
    as_frame,
)
from flatprior.analysis.auditing.wording import as_stated, of_numbers, said_of, size
from flatprior.analysis.explanation.difference import Explanation
from flatprior.analysis.explanation.reference_levels import our_names
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.analysis.standing import Standing
from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    Existence,
    PointEstimate,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, as_notes, chosen, of_model
from flatprior.models.common.text import abbreviated, at_most, first_of, printable
from flatprior.models.common.writing import finite

MOST_NUMBERS_SAID = 6
NO_CAUSE = ("none of these", "separation", "dependent columns", "agreement")


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
    standing : Standing or None
        What they are to the estimate.
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
    standing: Standing | None = None
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
        return math.inf if self.standing is None else self.standing.bound

    @property
    def is_mle(self) -> bool:
        """Whether they are the estimate, to `tolerance` or in every digit that is printed."""
        proved = self.standing is not None and self.standing.kind == "the estimate"
        return self.exists and (proved or self.within_digits)

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
        # of draws there is nothing else to say than what they are of
        told = not self.exists and not self.explanation.certain and self.their.coefficients
        return "" if told and self.explanation.cause in NO_CAUSE else self.explanation.message

    @property
    def _none(self) -> str:
        """Why there is no estimate, where the explanation does not say it too."""
        said = self.existence.message
        return "" if self.exists or said in self._why else said

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
        return float(self._gaps.max())

    @property
    def _gaps(self) -> Array:
        """How far each coefficient is from the estimate, in standard errors."""
        assert self.mle is not None  # noqa: S101
        assert self.coefficients is not None  # noqa: S101
        return np.abs(self.coefficients - self.mle.coefficients) / self.mle.standard_errors

    def _by_our_names(self, judged: Sequence[Judged]) -> list[tuple[str, Judged]]:
        """Numbers that were stated of a coefficient, with the name that it has here."""
        terms = [each.term for each in judged]
        ours = our_names(self.model, terms) if terms else {}
        return [(ours.get(each.term, each.term), each) for each in judged]

    @property
    def wrong_coefficients(self) -> dict[str, Judged | None]:
        """Names of the coefficients that are not the estimate's, with what was stated if printed.

        The furthest from it is the first.
        """
        if self.mle is None or self.is_mle or self.coefficients is None:
            return {}
        printed = self._by_our_names([each for each in self.numbers if each.is_coefficient])
        far = self.table()["difference"].abs().sort_values(ascending=False, kind="stable")
        stated = dict(printed)
        return {
            str(name): stated.get(str(name))
            for name, distance in far.items()
            if (
                stated[str(name)].consistent is False
                if name in stated
                else distance > self.tolerance
            )
        }

    @property
    def failing(self) -> tuple[bool, ...]:
        """Whether each row of the table that is shown says of a number that it is not right.

        Rows are of coefficients, of draws those of claims.
        """
        if self.draws is not None:
            return tuple(not claim.holds for claim in self.draws.check.claims)
        goes = self.existence.coefficients
        wrong = {name for name in goes if goes[name] in ("+inf", "-inf")}
        wrong |= {name for name, _ in self._by_our_names(self.off)} | {*self.wrong_coefficients}
        return tuple(name in wrong for name in self.model.names)

    @property
    def verdict(self) -> str:
        """One sentence."""
        return self.finding if self.draws is not None else f"{self.producer}: {self.finding}"

    @property
    def finding(self) -> str:
        """The verdict without the program that it is on."""
        if self.draws is not None:
            return self.draws.verdict
        said = []
        if self.differences:
            said.append(f"not a fit of this model ({self.differences[0]});")
        if self.existence.kind == "undecided":
            said.append("whether the maximum likelihood estimate exists could not be decided")
        elif not self.exists:
            none = f"there is no maximum likelihood estimate ({self.existence.kind})"
            something_else = self.cause not in NO_CAUSE
            said.append(f"{none};" if something_else else none)
            if something_else and not self.their.coefficients:
                said.append(f"these draws are of something else: {self.cause}")
            elif self.cause == "dependent columns" and self.certain:
                said.append("that is unique; but the fitted probabilities are right")
            elif something_else:
                said.append(f"this is the estimate of something else: {self.cause}")
        elif self.is_mle:
            near = (
                f"(proved to {at_most(self.error_bound)} standard errors)"
                if self.error_bound <= self.tolerance
                else "in every digit printed"
            )
            said.append(f"the maximum likelihood estimate {near}{of_numbers(self.numbers)}")
        elif self.standing is not None and self.standing.kind == "unproved":
            said.append("whether it is the maximum likelihood estimate could not be judged")
        else:
            where = "not the maximum likelihood estimate"
            if self.differences and self.cause == "none of these":
                return " ".join([*said, f"{where} of the model's data"]).rstrip(":;")
            if math.isfinite(self.distance):
                furthest = abbreviated(self.model.names[int(np.argmax(self._gaps))])
                where += f", up to {size(self.distance)} standard errors away ({furthest})"
            sure = "" if self.certain else " (not certain)"
            why = "for none of the known causes" if self.cause == "none of these" else self.cause
            said.append(f"{where}: {why}{'' if self.cause == 'none of these' else sure}")
        return " ".join(part for part in said if part).rstrip(":;")

    @property
    def message(self) -> str:
        """Verdict, reasons and what to type."""
        sentences = [self.verdict, *self.differences[1:]]
        if self.draws is not None and not self.draws.passed:
            sentences += [f"{each}" for each in self.draws.likenesses]
        if self._none:
            sentences.append(self._none)
        if self.recoded:
            sentences.append(f"the coefficients are {self.recoded}")
        if self._why:
            sentences.append(self._why)
        if self._told:
            sentences.append(f"off: {first_of(said_of(each) for each in self._told)}")
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
            errors = {n.term: n for n in self.numbers if n.quantity == "standard error"}
            if errors:
                ours = our_names(self.model, list(errors))
                errors = {ours.get(term, term): each for term, each in errors.items()}
                beside = [errors.get(name) for name in self.model.names]
                frame["their SE"] = [math.nan if n is None else n.stated for n in beside]
                frame["kind"] = [
                    "-"
                    if n is None or n.consistent is None
                    else n.convention
                    if n.consistent
                    else "NO"
                    for n in beside
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
        table = chosen(self.table(), columns)
        shown = Rendered.of(
            self._as_stated(table),
            {"MLE": "#.6g", "SE": "#.4g", "difference": ".1e"},
            of_model(f"Audit: {'passed' if self.passed else 'NOT PASSED'}", self.model.formula),
            [f"{self.verdict}."],
            [
                *self.differences[1:],
                self._none,
                f"the coefficients are {self.recoded}" if self.recoded else "",
                why,
                f"the program's settings say {asked.words}"
                if asked and asked.words and asked.words not in why
                else "",
                *(said_of(each) for each in self._told[:MOST_NUMBERS_SAID]),
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
        return replace(shown, raw=table)

    def _as_stated(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table, and what was printed in no more digits than it was printed in."""
        given = self.their.units
        ours = our_names(self.model, list(given)) if given else {}
        units = {ours.get(term, term): unit for term, unit in given.items()}
        if self.recoded:  # sums of what was printed
            units = dict.fromkeys(self.model.names, max(units.values(), default=0.0))
        errors = [each for each in self.numbers if each.quantity == "standard error"]
        columns = {
            "theirs": (units, "#.6g"),
            "their SE": ({name: each.unit for name, each in self._by_our_names(errors)}, "#.4g"),
        }
        return table.assign(
            **{
                column: [
                    as_stated(value, of.get(str(name), 0.0), form)
                    for name, value in table[column].items()
                ]
                for column, (of, form) in columns.items()
                if column in table
            }
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
