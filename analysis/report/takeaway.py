"""The box at the top of a report: what to take away."""

from __future__ import annotations

from flatprior.analysis.comparison.table import Comparison, model_label
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.page import Facts
from flatprior.models.common.text import abbreviated, count, first_of


def takeaway(main: MainModel) -> Facts:
    """The box at the top: what to take away."""
    agreement, comparison = main.agreement, main.comparison
    if agreement is not None:
        ran = len(agreement.routes) + len(agreement.posterior_checks)
        good = agreement.verdict == "agree"
        return {
            "headline": f"{count(ran, 'route')}, one answer" if good else "The routes disagree",
            "good": good,
            "message": f"{agreement.message[:1].upper()}{agreement.message[1:]}",
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
