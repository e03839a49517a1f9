"""What a reader sees first: one sentence, the key figures, what to doubt, how each section stands.

Nothing here comes from draws that a report does not hold, so that all of it is made again, and held
against the page, when a report is verified.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from flatprior.analysis.report.items import PROB
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.prediction import WHOSE
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import percentages
from flatprior.models.common.text import (
    abbreviated,
    certain,
    count,
    first_of,
    listing,
    names_in,
    printable,
)

PROVED, PASSED, LOOK, FAILED = "proved", "passed", "look here", "failed"
FEW_EVENTS = 10  # for each coefficient, below which estimates are biased (Peduzzi et al. 1996)
LARGE_MOVE = 1.0  # standard errors by which one row may move a coefficient (Kutner et al. 2005)
ALPHA = 0.05
ROUNDING = 1e-9  # of a skill
NAMED = 3  # most influential rows
ROOM = 80  # characters for names
HOW = " (a certificate of the coefficients and the data alone, rounding included)"


class Doubt(NamedTuple):
    """A conclusion that a reader should draw, and the section that shows why."""

    section: str
    text: str


def first_screen(main: MainModel) -> Facts:
    """The sentence, key figures and doubts, and the standing of each section by its identifier."""
    doubts = [*_of_size(main), *_of_tests(main), *_of_prediction(main), *_of_rows(main)]
    return {
        "sentence": _sentence(main),
        "compared": _compared(main),
        "figures": _figures(main),
        "predicted": WHOSE[main.leaves_out],
        "doubts": [doubt._asdict() for doubt in doubts],
        "looked": _looked_at(main),
        "rows": _most_influential(main),
        "standings": _standings(main, {doubt.section for doubt in doubts}),
    }


def _sentence(main: MainModel) -> str:
    """The verdict on the routes as one would say it; empty where there are none."""
    agreement = main.agreement
    if agreement is None:
        return ""
    agrees = agreement.verdict == "agree"
    # of all routes where they agree: as the section on them says it
    judged = agreement.routes if agrees else ()
    bounds = [each.certificate.error_bound for each in judged]
    bound = max(bounds, default=main.fit.certificate.error_bound)
    proved = (
        f"proved to be the maximum likelihood estimate to within {bound:.1e} standard errors"
        if math.isfinite(bound)
        else "not proved to be the maximum likelihood estimate"
    )
    if agrees:
        ran = [each.estimate.route for each in agreement.routes]
        ran += [check.route for check in agreement.posterior_checks]
        return f"All routes ({listing(ran)}) lead to one answer, {proved}{HOW if bounds else ''}."
    failed = [each.estimate.route for each in agreement.routes if not each.passed]
    drawn = [check.route for check in agreement.posterior_checks if not check.passed]
    said = [
        f"{first_of(failed)}: not the maximum likelihood estimate to the tolerance"
        if failed
        else "",
        f"{first_of(drawn)}: not draws of the flat-prior posterior, or too few to tell"
        if drawn
        else "",
    ]
    return (
        "; ".join(part for part in said if part)
        + f". The numbers below are those of {main.fit.route}, {proved}."
    )


def _compared(main: MainModel) -> str:
    """What the comparison says, where the verdict above it is on the routes."""
    both = main.agreement is not None and main.comparison is not None
    return main.comparison.message if both and main.comparison is not None else ""


def _figures(main: MainModel) -> list[Facts]:
    """Name, value and detail of each key figure."""
    model, fit, summary = main.model, main.fit, main.summary
    n, k = model.n_observations, model.n_parameters
    found = [
        ("Observations", f"{n}", _of_which_rows(main)),
        ("Events", f"{model.n_events}", f"{model.n_events / n:.1%}"),
        ("Coefficients", f"{k}", f"{_rarer(main) / k:.1f} of the rarer outcome for each"),
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
    there = "" if model.n_rows == model.n_observations else f"in {count(model.n_rows, 'row')}"
    left = model.n_dropped + model.n_zero_weight
    said = f"{count(left, 'row')} left out" if left else "no row left out"
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
    found = [Doubt("data", f"{said[:1].upper()}{said[1:]}.") for said in main.model.warnings]
    rarer, k = _rarer(main), main.model.n_parameters
    if rarer < FEW_EVENTS * k:
        found.append(
            Doubt(
                "coefficients",
                f"Small sample: {rarer} of the rarer outcome for {count(k, 'coefficient')}, fewer "
                f"than {FEW_EVENTS} for each. Expect estimates too far from zero, and read profile "
                "intervals rather than Wald's.",
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
            )
        )
    test = summary.against_null
    if test is not None and test.p > ALPHA:
        found.append(
            Doubt(
                "coefficients",
                "The data do not tell this model from a constant probability (likelihood ratio, "
                f"p = {test.p_text}): no slope should be interpreted on its own.",
            )
        )
    return found


def _of_prediction(main: MainModel) -> list[Doubt]:
    """Predictions no better than the base rate, and miscalibrated ones."""
    found = []
    skill = float(main.scores["skill"]["Brier"])
    # of a share of events that leaves out what it predicts too, exactly
    n = main.model.n_observations
    if skill < (1 - (n / (n - 1)) ** 2 if main.leaves_out else 0) - ROUNDING:
        found.append(
            f"It predicts worse than the share of events does: Brier skill {_signed(skill)}, where "
            "0 is the share of events. Do not use it for prediction."
        )
    curve, low_high = main.curve, percentages(PROB)
    if curve is not None and curve.outside_p < ALPHA:
        found.append(
            f"Miscalibrated: {curve.outside:.1%} of observations lie outside the envelope of the "
            f"calibration curve; of right predictions so many do with probability "
            f"{curve.outside_p:.2g}."
        )
    if main.indices is not None and main.leaves_out:
        low, high = (float(main.indices.table()[end]["calibration slope"]) for end in low_high)
        if high < 1 or low > 1:
            found.append(
                f"Predictions are too {'extreme' if high < 1 else 'moderate'}: calibration slope "
                f"from {_signed(low)} to {_signed(high)}, where 1 is right."
            )
    return [Doubt("prediction", text) for text in found]


def _of_rows(main: MainModel) -> list[Doubt]:
    """Rows on which the estimate hangs, or which move it far, by the fits without them."""
    exact = main.exact
    if exact is None:
        return []
    found = []
    if exact.without_mle:
        found.append(f"The estimate hangs on single rows: {exact.message}.")
    far = np.abs(_moved(main)).max(axis=1)
    many = int((far > LARGE_MOVE).sum())
    if many:
        i = int(np.argmax(far))
        found.append(
            f"{count(many, 'row')} alone {'moves' if many == 1 else 'move'} a coefficient by more "
            f"than a standard error: without row {_label(main.here.row_labels[i])} "
            f"{_most_moved(main, i)[0]} changes by {far[i]:.2f} of them."
        )
    return [Doubt("influence", text) for text in found]


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


def _standings(main: MainModel, doubted: set[str]) -> dict[str, str]:
    """How each section stands that makes a claim."""
    agreement = main.agreement
    proved = math.isfinite(main.fit.certificate.error_bound)
    found = {
        "data": LOOK if main.model.n_dropped else PASSED,
        "existence": PROVED if proved else LOOK,
        "variables": PROVED if proved else LOOK,
        "coefficients": PROVED if proved else LOOK,
        "prediction": PASSED,
    }
    if main.diagnostics is not None:
        found["influence"] = PASSED
    if agreement is not None:
        agrees = PROVED if agreement.routes else PASSED
        found["agreement"] = agrees if agreement.verdict == "agree" else FAILED
        if checks := agreement.posterior_checks:
            found["posterior"] = PASSED if all(check.passed for check in checks) else FAILED
            warned = any(check.warnings for check in checks)
            found["sampling"] = LOOK if warned else PASSED
    if main.audits:
        found["audits"] = PASSED if all(audit.passed for audit in main.audits) else FAILED
    doubted = doubted | ({"variables"} if "coefficients" in doubted else set())
    return found | {section: LOOK for section in doubted if section in found}
