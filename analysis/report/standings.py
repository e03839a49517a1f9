"""How each section of a report stands, in words that say what is meant, and why in the same row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.report.main_model import MainModel
from flatprior.models.common.text import at_most, count, first_of

GOOD, LOOK, FAILED = "good", "look", "failed"
MISLED = "Wald test misled"
# what words mean that do not say it themselves; one line below the sections has those used there
LEGEND = {
    "proved": "by a certificate of coefficients and data alone, rounding included",
    "exact to": "no coefficient is further from the maximum likelihood estimate, in standard "
    "errors (SE); how sure an effect is, its interval says",
    "draws tested": "they pass statistical tests, which is no proof",
    "passed": "nothing wrong was found, which is no proof",
    "complete, finite": "no value is missing or infinite; whether it is right is not seen",
}


class Doubt(NamedTuple):
    """A conclusion that a reader should draw, the section that shows why, and it in few words."""

    section: str
    text: str
    short: str


class Standing(NamedTuple):
    """How a section stands: `GOOD`, `LOOK` or `FAILED`, and in words."""

    kind: str
    said: str


def standings(main: MainModel, doubts: Sequence[Doubt]) -> dict[str, Standing]:
    """How each section stands that makes a claim, by its identifier."""
    agreement, bound = main.agreement, main.fit.certificate.error_bound
    certain = math.isfinite(bound)
    proved = Standing(GOOD, f"exact to {at_most(bound)} SE")
    exact = proved if certain else _look(["no error bound"])
    passed = Standing(GOOD, "passed")
    left = main.model.n_dropped
    found = {
        "data": _look([f"{count(left, 'row')} left out"])
        if left
        else Standing(GOOD, "complete, finite"),
        "existence": Standing(GOOD, "proved") if certain else exact,
        "variables": exact,
        "coefficients": exact,
        "effects": Standing(GOOD, "of proved coefficients") if certain else exact,
        "prediction": passed,
    }
    if main.comparison is not None:
        found["comparison"] = Standing(GOOD, "not rejected")
    if main.diagnostics is not None:
        found["influence"] = passed
    if agreement is not None:
        found["agreement"] = _of_routes(agreement)
        if checks := agreement.posterior_checks:
            wrong = [check.route for check in checks if not check.passed]
            warned = sum(len(check.warnings) for check in checks)
            found["posterior"] = _failed(wrong) if wrong else passed
            found["sampling"] = _look([count(warned, "warning")]) if warned else passed
    if main.audits:
        wrong = [audit.producer for audit in main.audits if not audit.passed]
        found["audits"] = _failed(wrong) if wrong else passed
    # Table 1 and odds ratios are of the coefficients too, but for tests that are not theirs
    also = [
        doubt._replace(section="variables")
        for doubt in doubts
        if doubt.section == "coefficients" and (doubt.short != MISLED or main.profile is None)
    ]
    return found | _doubted(found, [*doubts, *also], left)


def legend(found: Iterable[Standing]) -> dict[str, str]:
    """What words of some standings mean."""
    said = " ".join(each.said for each in found if each.kind != LOOK)
    return {word: means for word, means in LEGEND.items() if word in said}


def _of_routes(agreement: Agreement) -> Standing:
    """Estimates that agree are proved to, draws are tested."""
    if agreement.disagreeing:
        return _failed(agreement.disagreeing)
    if agreement.undecided:
        return Standing(FAILED, f"not proved: {first_of(agreement.undecided)}")
    words = ["proved"] if agreement.routes else []
    words += ["draws tested"] if agreement.posterior_checks else []
    return Standing(GOOD, ", ".join(words))


def _failed(names: Sequence[str]) -> Standing:
    return Standing(FAILED, f"failed: {first_of(names)}")


def _look(reasons: Sequence[str]) -> Standing:
    return Standing(LOOK, f"look here: {', '.join(dict.fromkeys(reasons))}")


def _doubted(found: dict[str, Standing], doubts: Sequence[Doubt], left: int) -> dict[str, Standing]:
    """The sections that have a doubt, with the reasons."""
    reasons: dict[str, list[str]] = {}
    for doubt in doubts:
        reasons.setdefault(doubt.section, []).append(doubt.short)
    if left and "data" in reasons:
        reasons["data"].insert(0, f"{count(left, 'row')} left out")
    open_to_doubt = {section for section, each in found.items() if each.kind != FAILED}
    return {section: _look(why) for section, why in reasons.items() if section in open_to_doubt}
