"""What a reader sees first: one sentence, the key figures, what to doubt, how each section stands.

Nothing here comes from draws that a report does not hold, so that all of it is made again, and held
against the page, when a report is verified.
"""

from __future__ import annotations

import math

import numpy as np

from flatprior.analysis.report.first.of_results import of_audits, of_comparison, of_many
from flatprior.analysis.report.items import PROB
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.prediction import WHOSE
from flatprior.analysis.report.standings import Doubt, legend, standings
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import percentages
from flatprior.models.common.text import (
    abbreviated,
    certain,
    count,
    names_in,
    printable,
)

FEW_EVENTS = 10  # for each coefficient, below which estimates are biased (Peduzzi et al. 1996)
LARGE_MOVE = 1.0  # standard errors by which one row may move a coefficient (Kutner et al. 2005)
ALPHA = 0.05
ROUNDING = 1e-9  # of a skill
NAMED = 3  # most influential rows
ROOM = 80  # characters for names


def first_screen(main: MainModel) -> Facts:
    """The sentence, key figures and doubts, and the standing of each section by its identifier."""
    doubts = [*(Doubt(*said) for said in (*of_audits(main), *of_comparison(main)))]
    doubts += [*_of_size(main), *_of_tests(main), *_of_prediction(main), *_of_rows(main)]
    stand = standings(main, doubts)
    return {
        "sentence": _sentence(main),
        "compared": _compared(main),
        "claims": [],
        "figures": _figures(main),
        "predicted": WHOSE[main.leaves_out],
        "doubts": [doubt._asdict() for doubt in doubts],
        "looked": _looked_at(main),
        "rows": _most_influential(main),
        "standings": {name: each._asdict() for name, each in stand.items()},
        "legend": legend(stand.values()),
    }


def _sentence(main: MainModel) -> str:
    """What the agreement says of its routes, and whose the numbers are; empty without one."""
    agreement = main.agreement
    if agreement is None:
        return ""
    said = f"{agreement.brief[:1].upper()}{agreement.brief[1:]}"
    route, bound = main.fit.route, main.fit.certificate.error_bound
    proved = [judged.estimate.route for judged in agreement.routes if judged.passed]
    if route in proved:
        whose = "" if agreement.verdict == "agree" else f" The numbers below are those of {route}."
        return said + whose
    how = (
        f"proved to lie within {bound:.1e} standard errors of the maximum likelihood estimate"
        if math.isfinite(bound)
        else "of which no error bound can be proved"
    )
    return f"{said} The numbers below are those of {route}, {how}."


def _compared(main: MainModel) -> str:
    """What the comparison says, where the verdict above it is on the routes."""
    both = main.agreement is not None and main.comparison is not None
    return main.comparison.message if both and main.comparison is not None else ""


def _figures(main: MainModel) -> list[Facts]:
    """Name, value and detail of each key figure."""
    model, fit, summary = main.model, main.fit, main.summary
    n, k = model.n_observations, model.n_parameters
    found = [
        ("Observations", f"{n:,}", _of_which_rows(main)),
        ("Events", f"{model.n_events:,}", f"{model.n_events / n:.1%}"),
        ("Coefficients", f"{k:,}", f"{_rarer(main) / k:.1f} of the rarer outcome for each"),
    ]
    goodness, test = summary.goodness, summary.against_null
    if goodness is not None:
        error = fit.certificate.log_likelihood_error
        found.append(
            (
                "Log-likelihood",
                certain(goodness.log_likelihood, error, 2),
                f"of a constant {goodness.null_log_likelihood:.2f}",
            )
        )
        if test is not None:
            found.append(
                (
                    "All slopes 0?",
                    f"p = {test.p_text}",
                    f"likelihood ratio, chi-squared({test.df}) = {test.statistic:.2f}",
                )
            )
        found.append(("R2, McFadden", f"{_signed(goodness.mcfadden)}", ""))
        found.append(("R2, Tjur", f"{_signed(goodness.tjur)}", ""))
    scores, indices = main.scores, main.indices
    if indices is None:
        found.append(("AUC", _signed(scores["score"]["AUC"]), ""))
    else:
        found.append(("AUC", *_with_interval(main, "AUC")))
    found.append(("Brier skill", _signed(scores["skill"]["Brier"]), "0: the base rate's"))
    # a fit is calibrated on its own rows, however wrong it is
    if indices is not None and main.leaves_out:
        found.append(("Calibration slope", *_with_interval(main, "calibration slope")))
        found.append(("Calibration intercept", *_with_interval(main, "calibration intercept")))
    return [dict(zip(("name", "value", "detail"), each, strict=True)) for each in found]


def _of_which_rows(main: MainModel) -> str:
    """How many rows there are, where that is another number, and how many were left out."""
    model = main.model
    there = "" if model.n_rows == model.n_observations else f"in {model.n_rows:,} rows"
    left = model.n_dropped + model.n_zero_weight
    said = f"{left:,} {'row' if left == 1 else 'rows'} left out" if left else "no row left out"
    return ", ".join(part for part in (there, said) if part)


def _with_interval(main: MainModel, name: str) -> tuple[str, str]:
    assert main.indices is not None  # noqa: S101
    row = main.indices.table().loc[[name]]
    value, low, high = (_signed(row[end].item()) for end in ("value", *percentages(PROB)))
    return value, f"{low} to {high}"


def _signed(value: float) -> str:
    """Three decimals, and no minus before a zero."""
    return "-" if math.isnan(value) else f"{round(float(value), 3) + 0.0:.3f}"


def _rarer(main: MainModel) -> int:
    """Observations of the outcome that came less often."""
    return min(main.model.n_events, main.model.n_observations - main.model.n_events)


def _of_size(main: MainModel) -> list[Doubt]:
    """Warnings of the model, and a sample that is small."""
    found = [Doubt(*of_many(main, said)) for said in main.model.warnings]
    rarer, k = _rarer(main), main.model.n_parameters
    if rarer < FEW_EVENTS * k:
        found.append(
            Doubt(
                "coefficients",
                f"Small sample: {rarer} of the rarer outcome for {count(k, 'coefficient')}, fewer "
                f"than {FEW_EVENTS} for each. Expect estimates too far from zero, and read profile "
                "intervals rather than Wald's.",
                "small sample",
            )
        )
    return found


def _of_tests(main: MainModel) -> list[Doubt]:
    """Wald tests that mislead, and a model that explains nothing."""
    found, summary = [], main.summary
    table = summary.table()
    misled = [str(name) for name in table.index[table["hauck-donner"].astype(bool)]]
    if misled:
        found.append(
            Doubt(
                "coefficients",
                f"The Wald test is misled for {names_in(ROOM, misled)} (Hauck-Donner effect): a "
                "larger effect would look less significant. Use the likelihood ratio.",
                "Wald test misled",
            )
        )
    test = summary.against_null
    if test is not None and test.p > ALPHA:
        found.append(
            Doubt(
                "coefficients",
                "The data do not tell this model from a constant probability (likelihood ratio, "
                f"p = {test.p_text}): no slope should be interpreted on its own.",
                "no better than a constant",
            )
        )
    return found


def _of_prediction(main: MainModel) -> list[Doubt]:
    """Predictions no better than the base rate, and miscalibrated ones."""
    found: list[tuple[str, str]] = []
    skill = float(main.scores["skill"]["Brier"])
    # of a share of events that leaves out what it predicts too, exactly
    n = main.model.n_observations
    if skill < (1 - (n / (n - 1)) ** 2 if main.leaves_out else 0) - ROUNDING:
        found.append(
            (
                f"It predicts worse than the share of events does: Brier skill {_signed(skill)}, "
                "where 0 is the share of events. Do not use it for prediction.",
                "worse than the share of events",
            )
        )
    curve, low_high = main.curve, percentages(PROB)
    if curve is not None and curve.outside_p < ALPHA:
        found.append(
            (
                f"Miscalibrated: {curve.outside:.1%} of observations lie outside the envelope of "
                f"the calibration curve; of right predictions so many do with probability "
                f"{curve.outside_p:.2g}.",
                "miscalibrated",
            )
        )
    if main.indices is not None and main.leaves_out:
        low, high = (float(main.indices.table()[end]["calibration slope"]) for end in low_high)
        if high < 1 or low > 1:
            how = f"too {'extreme' if high < 1 else 'moderate'}"
            found.append(
                (
                    f"Predictions are {how}: calibration slope from {_signed(low)} to "
                    f"{_signed(high)}, where 1 is right.",
                    how,
                )
            )
    return [Doubt("prediction", text, short) for text, short in found]


def _of_rows(main: MainModel) -> list[Doubt]:
    """Rows on which the estimate hangs, or which move it far, by the fits without them."""
    exact = main.exact
    if exact is None:
        return []
    found: list[tuple[str, str]] = []
    if exact.without_mle:
        found.append(
            (f"The estimate hangs on single rows: {exact.message}.", "it hangs on single rows")
        )
    far = np.abs(_moved(main)).max(axis=1)
    many = int((far > LARGE_MOVE).sum())
    if many:
        i = int(np.argmax(far))
        found.append(
            (
                f"{count(many, 'row')} alone {'moves' if many == 1 else 'move'} a coefficient by "
                f"more than a standard error: without row {_label(main.here.row_labels[i])} "
                f"{_most_moved(main, i)[0]} changes by {far[i]:.2f} of them.",
                f"{count(many, 'row')} of much weight",
            )
        )
    return [Doubt("influence", text, short) for text, short in found]


def _moved(main: MainModel) -> Array:
    """Standard errors by which each coefficient changes without each row, (n, k); 0 if unknown."""
    exact = main.exact
    assert exact is not None  # noqa: S101
    moved = (exact.coefficients - main.fit.coefficients) / main.fit.standard_errors
    return np.nan_to_num(moved, nan=0.0, posinf=0.0, neginf=0.0)


def _most_moved(main: MainModel, i: int) -> tuple[str, float]:
    """The coefficient that changes most without a row, and by how many standard errors."""
    moved = _moved(main)[i]
    j = int(np.argmax(np.abs(moved)))
    return abbreviated(main.model.names[j]), float(moved[j])


def _looked_at(main: MainModel) -> str:
    """What doubts could have come from, in words: of many rows less is computed."""
    found = ["size of the sample", "Wald tests", "predictions"]
    if main.curve is not None or (main.indices is not None and main.leaves_out):
        found.append("calibration")
    if main.exact is not None:
        found.append("single rows")
    return ", ".join(found)


def _label(label: object) -> str:
    return abbreviated(printable(label))


def _most_influential(main: MainModel) -> str:
    """The rows with the largest Cook's distance and what they change; empty where rows are many."""
    found = main.diagnostics
    if found is None:
        return ""
    top = found.most_influential(NAMED)["Cook's distance"]
    said = []
    for i, (label, value) in zip(found.order[: len(top)], top.items(), strict=True):
        without = ""
        if main.exact is not None and np.isfinite(main.exact.coefficients[i]).all():
            name, by = _most_moved(main, int(i))
            without = f"; without it {name} changes by {by:+.2f} standard errors"
        said.append(f"{_label(label)} ({value:.3g}{without})")
    rows = f"Most influential rows (Cook's distance): {', '.join(said)}."
    if main.exact is None or main.exact.without_mle:
        return rows
    far = float(np.abs(_moved(main)).max())
    if far > LARGE_MOVE:
        return rows
    most = math.ceil(100 * far) / 100
    return f"No row alone moves a coefficient by more than {most:.2f} standard errors. {rows}"
