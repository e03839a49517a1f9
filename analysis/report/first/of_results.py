"""What to doubt of audits and of a comparison: wrong numbers by name, and a model that is rejected.

A doubt is the section that shows why, a conclusion in a sentence, and that in few words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.comparison.notes import model_label
from flatprior.analysis.maxima import HypothesisTest, chi_squared_test, ratio
from flatprior.analysis.report.main_model import Reported, WithoutMLE
from flatprior.analysis.report.sections.model import corrects_for_many
from flatprior.models.common.text import abbreviated, count, in_digits, printable
from flatprior.models.model import warning_of_many

ALPHA = 0.05
NAMED = 3  # wrong numbers of one fit
SOME = 6  # digits of a number

Said = tuple[str, str, str]  # section, a sentence, few words


class Rejection(NamedTuple):
    """The main model of a comparison, the larger model that rejects it most, of how many tested."""

    name: str
    larger: str
    test: HypothesisTest
    tests: int = 1

    @property
    def said(self) -> str:
        """The test, and whether its p is the smallest of several."""
        of = f", the smallest of {self.tests} larger models, not adjusted for their number"
        return (
            f"likelihood ratio, {self.test.referred_to} = {self.test.statistic:.2f}, "
            f"p = {self.test.p_text}{of if self.tests > 1 else ''}"
        )


def rejection_of(main: Reported) -> Rejection | None:
    """By the likelihood-ratio test of the main model in each larger one that contains it.

    Examples
    --------
    >>> from flatprior.analysis import compare_models
    >>> from flatprior.analysis.report.first.of_results import rejection_of
    >>> from flatprior.analysis.report.main_model import reported
    >>> from flatprior.models import BernoulliLogistic, load_endometrial
    >>> models = {
    ...     formula: BernoulliLogistic.from_formula(formula, load_endometrial())
    ...     for formula in ("HG ~ PI", "HG ~ PI + NV + EH")}
    >>> found = rejection_of(reported(None, compare_models(models)))
    >>> found.name, found.larger, found.test.p_text
    ('HG ~ PI', 'HG ~ PI + NV + EH', '2.06e-11')
    """
    name = _place_of(main)
    if main.comparison is None or name is None:
        return None
    frame, found = main.comparison.frame, []
    for larger in frame.index:
        if larger == name or name not in _smaller(frame["parent"].to_dict(), larger):
            continue
        heights, df = frame["log-likelihood"], int(frame["k"][larger] - frame["k"][name])
        statistic = ratio(float(heights[larger]), float(heights[name]))
        if df > 0 and not math.isnan(statistic):
            test = chi_squared_test("likelihood ratio", str(name), statistic, df)
            found.append(Rejection(name, larger, test))
    worst = min(found, key=lambda each: each.test.p, default=None)
    return worst._replace(tests=len(found)) if worst and worst.test.p < ALPHA else None


def _place_of(main: Reported) -> str | None:
    """What the main model is called in the comparison; None where it is none of them."""
    models = {} if main.comparison is None else main.comparison.models
    own = (main.model.names, main.model.data_hash)
    return next((n for n, each in models.items() if (each.names, each.data_hash) == own), None)


def _smaller(parents: Mapping[Any, Any], name: Any) -> list[Any]:
    """The models that are nested in one, each in the one before."""
    found: list[Any] = []
    while (name := parents.get(name, "")) != "":
        found.append(name)
    return found


def of_comparison(main: Reported) -> list[Said]:
    """Why another model than the main one may be right, and which have no estimate."""
    comparison, found = main.comparison, []
    if comparison is None:
        return []
    rejection = rejection_of(main)
    if rejection is not None:
        found.append(
            (
                "comparison",
                f"{_sentence(model_label(rejection.name))} is rejected against "
                f"{model_label(rejection.larger)} ({rejection.said}). {_why_main(main)}",
                "rejected",
            )
        )
    if not isinstance(main, WithoutMLE):
        found += [
            (
                "comparison",
                f"{_sentence(model_label(name))} has no maximum likelihood estimate "
                f"({existence.kind}): AIC does not rank it, and likelihood ratios are of its "
                "supremum.",
                "a model without an estimate",
            )
            for name, existence in comparison.without.items()
        ]
    return found


def _why_main(main: Reported) -> str:
    """Why the report is of this model all the same."""
    comparison = main.comparison
    if comparison is None or main.agreement is not None:
        return "The report is of it because the routes were run on it."
    if isinstance(main, WithoutMLE):
        return "The report is of it because it is the first of the table: none has an estimate."
    if len(comparison.fits) == 1:
        return "The report is of it because no other has a maximum likelihood estimate."
    by = "its elpd_loo is the largest" if comparison.loo else "its AIC is the smallest"
    return f"The report is of it because {by} of those that have an estimate."


def of_audits(main: Reported) -> list[Said]:
    """Which numbers of other programs' fits are wrong, with what they are."""
    found: list[Said] = []
    for audit in main.audits:
        if audit.passed:
            continue
        whose = f"{_sentence(audit.producer)}: " if len(main.audits) > 1 else ""
        wrong = _wrong(audit)
        for said in wrong[:NAMED]:
            begun = f"{whose}{said}" if whose else _sentence(said)
            found.append(("audits", f"{begun}.", abbreviated(audit.producer)))
        if len(wrong) > NAMED:
            more = count(len(wrong) - NAMED, "more number")
            are = "is" if more.startswith("1 ") else "are"
            found.append(("audits", f"{whose}{more} {are} wrong.", abbreviated(audit.producer)))
        if not wrong:
            found.append(("audits", f"{_sentence(audit.verdict)}.", abbreviated(audit.producer)))
    return found


def _wrong(audit: Audit) -> list[str]:
    """Each wrong number, coefficients first and the furthest of these first, and what it is."""
    table, said = audit.table(), []
    for name, printed in audit.wrong_coefficients.items():
        if printed is not None:  # it may be an odds ratio
            is_other = "" if printed.quantity == "coefficient" else f"the {printed.quantity} of "
            stated, right = printed.written or _number(printed.stated), printed.proved
        else:
            is_other, stated = "", _number(table["theirs"][name])
            right = table["MLE"][name]
        said.append(f"{is_other}{printable(name)} is stated as {stated}, and is {_number(right)}")
    for each in audit.off:
        what = f"the {each.quantity} of {each.term}" if each.term else f"the {each.quantity}"
        stated = each.written or _number(each.stated)
        said.append(
            f"{printable(what)} is stated as {stated}, and is {_number(each.proved)} "
            f"({each.convention})"
        )
    return said


def of_many(main: Reported, warning: str) -> Said:
    """A warning of the model; that of many coefficients by its name, k/n."""
    model = main.model
    k, n, said = model.n_parameters, model.n_observations, f"{warning[:1].upper()}{warning[1:]}."
    if warning != warning_of_many(model):
        return "data", said, "a warning"
    ratio = f"k/n = {k / n:.2g}"
    where = "coefficients" if corrects_for_many(model) else "data"
    return where, f"{ratio}: {said}", ratio


def _number(value: float) -> str:
    return in_digits(value, f".{SOME}g")


def _sentence(text: str) -> str:
    """The same as a sentence begins, where it is no name."""
    said = printable(text)
    return f"{said[:1].upper()}{said[1:]}" if said.startswith(("a ", "an ", "the ")) else said
