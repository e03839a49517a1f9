"""The box at the top of a report: what to take away."""

from __future__ import annotations

import math

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.report.first.of_results import rejection_of
from flatprior.analysis.report.main_model import MainModel, WithoutMLE
from flatprior.analysis.report.page import Facts
from flatprior.models import Existence
from flatprior.models.common.text import at_most, count

UNDECIDED = "Whether a maximum likelihood estimate exists is undecided"
NOT_UNIQUE = "The maximum likelihood estimate is not unique"
NONE = "There is no maximum likelihood estimate"


def _why_none(existence: Existence) -> str:
    """Of dependent columns there are many estimates, or none where rows are separated as well."""
    if existence.kind == "undecided":
        return UNDECIDED
    return NONE if existence.n_separated else NOT_UNIQUE


def takeaway(main: MainModel | WithoutMLE) -> Facts:
    """The box at the top: what to take away."""
    agreement, comparison = main.agreement, main.comparison
    if isinstance(main, WithoutMLE) and comparison is not None:
        return {
            "headline": f"{count(len(comparison.models), 'model')} compared by suprema",
            "good": False,
            "message": comparison.message
            + "".join(f" {_in_a_sentence(audit)}" for audit in main.audits),
            "notes": [*main.model.warnings],
        }
    if isinstance(main, WithoutMLE):
        existence = main.existence
        return {
            "headline": _why_none(existence),
            "good": False,
            "message": f"{existence.message[:1].upper()}{existence.message[1:]}."
            + "".join(f" {_in_a_sentence(audit)}" for audit in main.audits),
            "notes": [*main.model.warnings],
        }
    if agreement is not None:
        return {
            "headline": _of_routes(agreement),
            "good": agreement.verdict == "agree",
            "message": f"{agreement.message[:1].upper()}{agreement.message[1:]}",
            "notes": [*main.model.warnings],
        }
    if comparison is None and not main.audits:
        certificate = main.fit.certificate
        good = math.isfinite(certificate.error_bound)
        return {
            "headline": "One estimate, proved to be the maximum"
            if good
            else "Nothing is proved of the estimate",
            "good": good,
            "message": f"No coefficient is further than {at_most(certificate.error_bound)} "
            "standard errors from the maximum likelihood estimate (proved). No other route was run."
            if good
            else "Nothing is proved of how far the coefficients are from the maximum likelihood "
            "estimate.",
            "notes": [*main.model.warnings],
        }
    if comparison is None:
        passed = sum(audit.passed for audit in main.audits)
        return {
            "headline": f"{passed} of {count(len(main.audits), 'audited fit')} passed",
            "good": passed == len(main.audits),
            "message": " ".join(map(_in_a_sentence, main.audits)),
            "notes": [*main.model.warnings],
        }
    rejected, none = rejection_of(main) is not None, len(comparison.without)
    doubts = ["the main one is rejected"] if rejected else []
    doubts += [f"{none} without an estimate"] if none else []
    return {
        "headline": "; ".join([f"{count(len(comparison.models), 'model')} compared", *doubts]),
        "good": not doubts,
        "look": bool(doubts),
        "message": comparison.message,
        "notes": [*main.model.warnings],
    }


def _of_routes(agreement: Agreement) -> str:
    """The heading: how many estimates are one, and what is tested of draws."""
    if agreement.disagreeing:
        return "The routes disagree"
    if agreement.undecided:
        return "The routes are not shown to agree"
    drawn, found = len(agreement.posterior_checks), len(agreement.routes)
    if not found:
        return f"{count(drawn, 'set')} of draws, which pass the tests"
    one = f"{count(found, 'route')}, one answer" if found > 1 else "One route, proved"
    return f"{one}; draws pass the tests" if drawn else one


def _in_a_sentence(audit: Audit) -> str:
    """The verdict on a fit; what is no name of a program begins with a capital."""
    said = f"{audit.verdict}."
    return f"A{said[1:]}" if said.startswith(("a ", "an ")) else said
