"""What a reader sees first: one sentence, the key figures, what to doubt, how each section stands.

Nothing here comes from draws that a report does not hold, so that all of it is made again, and held
against the page, when a report is verified.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from flatprior.analysis.report.first.doubts import (
    LARGE_MOVE,
    SLOPE,
    Index,
    area_of,
    bootstrapped,
    doubts_of,
    in_three,
    index_of,
    interval_in_three,
    label_of,
    left_out_slope,
    most_moved,
    moved,
    skill_of,
)
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.model import events_said
from flatprior.analysis.report.sections.prediction import WHOSE
from flatprior.analysis.report.standings import legend, standings
from flatprior.models.common.text import at_most, certain, count, listing, whole

NAMED = 3  # most influential rows
IN_THE_LARGE = "calibration in the large"


def first_screen(main: MainModel) -> Facts:
    """The sentence, key figures and doubts, and the standing of each section by its identifier."""
    doubts = doubts_of(main)
    stand = standings(main, doubts)
    return {
        "sentence": _sentence(main),
        "compared": _compared(main),
        "claims": [],
        "figures": _figures(main),
        "predicted": _predicted(main),
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
        f"proved to lie within {at_most(bound)} standard errors of the maximum likelihood estimate"
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
        ("Observations", whole(n), _of_which_rows(main)),
        ("Events", whole(model.n_events), events_said(model)),
        ("Coefficients", whole(k), main.each),
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
        found.append(("R2, McFadden", f"{in_three(goodness.mcfadden)}", ""))
        found.append(("R2, Tjur", f"{in_three(goodness.tjur)}", ""))
    found += _of_predictions(main)
    return [dict(zip(("name", "value", "detail"), each, strict=True)) for each in found]


def _of_which_rows(main: MainModel) -> str:
    """How many rows there are, where that is another number, and how many were left out."""
    model = main.model
    there = "" if model.n_rows == model.n_observations else f"in {count(model.n_rows, 'row')}"
    left = model.n_dropped + model.n_zero_weight
    said = f"{count(left, 'row')} left out" if left else "no row left out"
    return ", ".join(part for part in (there, said) if part)


def _of_predictions(main: MainModel) -> Iterator[tuple[str, str, str]]:
    """AUC, Brier skill, and calibration: of new observations, as far as that can be told."""
    area = area_of(main)
    yield "AUC", in_three(area.value), area.interval
    skill, _, low, high = skill_of(main)
    yield "Brier skill", in_three(skill), f"{interval_in_three(low, high)}; 0: the share of events"
    large = _in_the_large(main)
    if large is not None:
        yield "Calibration in the large", in_three(large.value), large.interval
    slope, alone = bootstrapped(main, SLOPE), left_out_slope(main)
    if slope is not None:
        besides = "" if alone is None else f"leave-one-out {alone.said}"
        detail = "; ".join(part for part in (slope.interval, besides) if part)
        yield "Calibration slope", in_three(slope.value), detail


def _in_the_large(main: MainModel) -> Index | None:
    """Of leave-one-out: a fit is calibrated on its own rows, however wrong it is."""
    return index_of(main, IN_THE_LARGE) if main.leaves_out and not main.of_groups else None


def _predicted(main: MainModel) -> str:
    """What these are of."""
    by_bootstrap = [
        *(["AUC"] if main.of_groups and bootstrapped(main, "AUC") else []),
        *([SLOPE] if bootstrapped(main, SLOPE) else []),
    ]
    own = main.of_groups and main.leaves_out and "AUC" not in by_bootstrap
    rest = [
        *(["AUC"] if not own and "AUC" not in by_bootstrap else []),
        "Brier skill",
        *([IN_THE_LARGE] if _in_the_large(main) else []),
    ]
    said = f"{listing(rest)}: each observation predicted by {WHOSE[main.leaves_out]}."
    if own:
        said += f" AUC: by {WHOSE[False]}."
    if by_bootstrap:
        bootstrap = listing(by_bootstrap)
        said += f" {bootstrap[:1].upper()}{bootstrap[1:]}: corrected by bootstrap samples."
    return f"{said} Intervals are of 95%."


def _looked_at(main: MainModel) -> str:
    """What doubts could have come from, in words: of many rows less is computed."""
    found = ["size of the sample", "Wald tests", "predictions"]
    if main.curve is not None or (main.indices is not None and main.leaves_out):
        found.append("calibration")
    if main.exact is not None:
        found.append("single rows")
    return ", ".join(found)


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
            name, by = most_moved(main, int(i))
            it = "it" if main.single == "row" else "one observation of it"
            without = f"; without {it} {name} changes by {by:+.2f} standard errors"
        said.append(f"{label_of(label)} ({value:.3g}{without})")
    rows = f"Most influential rows (Cook's distance): {', '.join(said)}."
    if main.exact is None or main.exact.without_mle:
        return rows
    far = np.abs(moved(main)).max(axis=1)
    i = int(np.argmax(far))
    if far[i] > LARGE_MOVE:
        return rows
    name, by = most_moved(main, i)
    row = f"{main.without} {label_of(main.here.row_labels[i])}"
    return (
        f"No {main.single} alone moves a coefficient by more than {LARGE_MOVE:g} standard error: "
        f"the most is {name}, by {by:+.2f} {row}. {rows}"
    )
