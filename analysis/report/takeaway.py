"""The box at the top of a report: what to take away."""

from __future__ import annotations

import math

from flatprior.analysis.comparison.notes import model_label
from flatprior.analysis.comparison.table import Comparison
from flatprior.analysis.report.main_model import MainModel, WithoutMLE
from flatprior.analysis.report.page import Facts
from flatprior.models.common.text import abbreviated, count, first_of

NONE = {
    "rank deficient": "The maximum likelihood estimate is not unique",
    "undecided": "Whether a maximum likelihood estimate exists is undecided",
}


def takeaway(main: MainModel | WithoutMLE) -> Facts:
    """The box at the top: what to take away."""
    agreement, comparison = main.agreement, main.comparison
    if isinstance(main, WithoutMLE):
        existence = main.existence
        return {
            "headline": NONE.get(existence.kind, "There is no maximum likelihood estimate"),
            "good": False,
            "message": f"{existence.message[:1].upper()}{existence.message[1:]}."
            + "".join(f" {audit.verdict}." for audit in main.audits),
            "notes": [*main.model.warnings],
        }
    if agreement is not None:
        ran = len(agreement.routes) + len(agreement.posterior_checks)
        good = agreement.verdict == "agree"
        return {
            "headline": f"{count(ran, 'route')}, one answer" if good else "The routes disagree",
            "good": good,
            "message": f"{agreement.message[:1].upper()}{agreement.message[1:]}",
            "notes": [*main.model.warnings],
        }
    if comparison is None and not main.audits:
        certificate = main.fit.certificate
        good = math.isfinite(certificate.error_bound)
        return {
            "headline": "One estimate, proved" if good else "Nothing is proved of the estimate",
            "good": good,
            "message": f"No coefficient is further than {certificate.error_bound:.1e} standard "
            "errors from the maximum likelihood estimate (proved). No other route was run."
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
            "message": " ".join(f"{audit.verdict}." for audit in main.audits),
            "notes": [*main.model.warnings],
        }
    table = comparison.table()
    if "elpd_diff" in table and table["elpd_diff"].notna().sum() > 1:
        best, second = table.index[:2]
        apart, error = (float(table[name].iloc[1]) for name in ("elpd_diff", "dse"))
        told = abs(apart) > 2 * max(error, comparison.loo[best].mcse, comparison.loo[second].mcse)
        message = (
            f"{_called(comparison, best, True)} predicts best: elpd_loo "
            f"{float(table['elpd_loo'].iloc[0]):.2f}. "
            f"{_called(comparison, second, True)} follows at {apart:.2f}, with a standard error of "
            f"the difference of {error:.2f}: "
            + ("a clear difference." if told else "the data do not tell the two apart.")
        )
        undefined = [
            _called(comparison, name) for name, loo in comparison.loo.items() if loo.undefined_rows
        ]
        if undefined:
            message += f" There is no elpd_loo of {first_of(undefined)}."
    else:
        ranked = table["AIC"].sort_values(kind="stable")
        best, second = ranked.index[:2]
        gap = float(ranked.iloc[1] - ranked.iloc[0])
        message = (
            f"{_called(comparison, best, True)} has the smallest AIC, {float(ranked.iloc[0]):.2f}; "
            f"{_called(comparison, second)} follows {gap:.2f} above it."
        )
    none = [_called(comparison, name) for name in comparison.without]
    if none:
        message += (
            f" There is no maximum likelihood estimate of {first_of(none)}, whose outcomes are "
            "separated: suprema of the likelihood take the place of maxima."
        )
    return {
        "headline": f"{count(len(table), 'model')} compared",
        "good": True,
        "message": message,
        "notes": [*main.model.warnings],
    }


def _called(comparison: Comparison, name: str, begins: bool = False) -> str:
    """A model by its name and, where that says something else, its formula.

    A number does not name a model: it is "model 5", with a capital where a sentence `begins`.
    """
    formula = comparison.models[name].formula
    said = model_label(name)
    if begins and said != abbreviated(name):
        said = said.capitalize()
    return said if formula is None or formula == name else f"{said} ({abbreviated(formula)})"
