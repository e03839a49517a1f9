"""Sections on a model without a maximum likelihood estimate: why, what holds, what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from flatprior.analysis.inference.hypotheses.anova import drop_one
from flatprior.analysis.inference.limits import Limits
from flatprior.analysis.report.items import (
    section_of,
    table_of,
    table_of_main,
    text_of,
)
from flatprior.analysis.report.main_model import WithoutMLE, refits_left_out
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.odds_ratios import odds_ratios
from flatprior.models import MLEDoesNotExistError
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import (
    SCREEN,
    at_most,
    count,
    first_of,
    names_in,
    printable,
    whole,
)
from flatprior.models.encoding.aliased import combination
from flatprior.models.rows import ArrayRows

MOST_NAMED = 200  # separated rows of either outcome that are named
MOST_COLUMNS = 40  # whose outcomes are counted
NO_DRAWS = (
    "With a flat prior there is no posterior distribution: its integral is infinite. Draws that a "
    "sampler returns are not draws from it, however good they look."
)
NO_WALD = (
    "Standard errors, z and Wald intervals of a coefficient that diverges do not exist; numbers "
    "that another program prints for it are where its iterations stopped."
)


def why_not(main: WithoutMLE) -> Facts:
    """Which columns, rows and levels are responsible."""
    existence = main.existence
    return section_of(
        "existence",
        "Does the maximum exist?",
        [
            text_of(
                f"{existence.message[:1].upper()}{existence.message[1:]}.",
                *(f"{said}." for said in existence.warnings if said not in main.model.warnings),
                f"The outcomes overlap by {at_most(existence.overlap_width)} at most, of the mean "
                "distance of a row from what all but separates them."
                if existence.overlap_width is not None
                else "",
                f"The outcomes are separated too, in {whole(existence.n_separated)} of "
                f"{count(main.model.n_rows, 'row')}, whichever columns are left out."
                if existence.n_separated and existence.dependencies
                else "",
            ),
            _dependent_columns(main),
            _outcomes_by_value(main),
            _separated_rows(main),
        ],
    )


def _dependent_columns(main: WithoutMLE) -> Facts | None:
    """Each superfluous column, and what it is made of."""
    found = main.existence.dependencies
    if not found:
        return None
    frame = pd.DataFrame(
        {"equals, in every row": {name: combination(terms) for name, terms in found.items()}}
    )
    return table_of("dependencies", Rendered.of(frame, {}, "Superfluous columns"), words=True)


def _outcomes_by_value(main: WithoutMLE) -> Facts | None:
    """Of the columns that separate: observations and events at each of two values, or the ranges.

    Sums of whole numbers and extremes, so that nothing is rounded.
    """
    model = main.model
    if not isinstance(model.rows, ArrayRows):
        return None
    lines: dict[str, tuple[float, float, float, float]] = {}
    events = model.response == 1
    counts = model.counts
    for j in _separating(main):
        values = np.asarray(model.arrays.design[:, int(j)], dtype=float).ravel()
        different = np.unique(values)
        if len(different) < 2:
            continue
        if len(lines) >= 2 * MOST_COLUMNS:
            break
        of_each = (
            [(f"{value:.6g}", values == value) for value in different]
            if len(different) == 2
            else [
                (f"{low:.6g} to {high:.6g}", (values >= low) & (values <= high))
                for low, high in _stretches(values, events)
            ]
        )
        for said, at in of_each[:MOST_COLUMNS]:
            n, k = float(counts[at].sum()), float(counts[at & events].sum())
            lines[f"{model.names[int(j)]}: {said}"] = (n, k, n - k, k / n)
    if not lines:
        return None
    frame = pd.DataFrame.from_dict(
        lines, orient="index", columns=["observations", "events", "others", "share of events"]
    )
    whole = dict.fromkeys(("observations", "events", "others"), ",.0f")
    return table_of(
        "outcomes-by-value",
        Rendered.of(
            frame,
            whole | {"share of events": ".3f"},
            "Outcomes by the columns that separate",
            notes=["where a share is 0 or 1, only one outcome was observed"],
        ),
    )


def _separating(main: WithoutMLE) -> list[int]:
    """Positions of the columns whose coefficients diverge, or else of those of the direction."""
    model, existence = main.model, main.existence
    going = existence.coefficients
    found = [j for j, name in enumerate(model.names) if going.get(name) in ("+inf", "-inf")]
    moving = [j for j in found if np.ptp(model.arrays.design[:, j]) > 0]
    if moving or not existence.n_separated or existence.dependencies:
        return moving
    direction = existence.direction
    return [] if direction is None else np.flatnonzero(direction).tolist()


def _stretches(values: np.ndarray, events: np.ndarray) -> list[tuple[float, float]]:
    """Below, within and above the values at which both outcomes are between one another."""
    low = max(values[events].min(initial=math.inf), values[~events].min(initial=math.inf))
    high = min(values[events].max(initial=-math.inf), values[~events].max(initial=-math.inf))
    parts = [values < min(low, high), (values >= low) & (values <= high), values > max(low, high)]
    if low > high:  # no value is between
        parts = [values <= high, values >= low]
    return [(float(values[at].min()), float(values[at].max())) for at in parts if at.any()]


def _separated_rows(main: WithoutMLE) -> Facts | None:
    """The rows whose outcome is certain in the limit, by that outcome."""
    model, existence = main.model, main.existence
    labels, places = existence.separated_labels, existence.separated_rows
    if not existence.n_separated or labels is None:
        return None
    said = f"{whole(existence.n_separated)} of {count(model.n_rows, 'row')}"
    if places is None:
        return text_of(f"Separated are {said}: {first_of(labels, existence.n_separated)}.")
    lines = {}
    for outcome in (1, 0):
        own = [i for i, place in enumerate(places) if model.response[place] == outcome]
        if own:
            numbers = [str(len(own))]
            if model.weights_name is not None:
                numbers.append(f"{sum(model.counts[places[i]] for i in own):.0f}")
            lines[f"outcome {outcome}"] = [*numbers, _named([labels[i] for i in own])]
    columns = ["rows", *(["observations"] if model.weights_name is not None else []), "which"]
    frame = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    notes = ["in the limit the probability of what was observed is 1 in each of these rows"]
    return table_of(
        "separated-rows", Rendered.of(frame, {}, "Separated rows", [said], notes), words=True
    )


def _named(labels: Sequence[object]) -> str:
    """The first labels of rows, and how many more there are."""
    shown = ", ".join(printable(label) for label in labels[:MOST_NAMED])
    more = len(labels) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def what_holds(main: WithoutMLE) -> Facts:
    """Limits, intervals that are open, and tests by suprema."""
    existence, limits = main.existence, main.limits
    limit = existence.limit
    if limits is None or limit is None:
        return section_of(
            "claims",
            "What can still be claimed",
            [
                _where_alone(main),
                text_of(
                    "It is not known whether the likelihood has a maximum, nor what its supremum "
                    "is: no coefficient, interval or test is proved."
                    if existence.kind == "undecided"
                    else "The supremum of the likelihood could not be computed: no limit, interval "
                    "or test is proved.",
                    "" if existence.kind == "undecided" else NO_DRAWS,
                ),
            ],
        )
    small = not refits_left_out(main.model)
    where = limits.rendered()
    proved = limit.error_bound
    if limit.names:
        said = (
            f"each limit is within {at_most(proved)} standard errors of the true one (proved)"
            if math.isfinite(proved)
            else "nothing is proved about the distance of the limits from the true ones"
        )
        where = replace(where, notes=(*where.notes, f"{said[:1].upper()}{said[1:]}."))
    left_out = f"intervals and tests by refits are {refits_left_out(main.model)}"
    return section_of(
        "claims",
        "What can still be claimed",
        [
            table_of(
                "limits",
                replace(
                    where,
                    title="Where each coefficient goes",
                    notes=where.notes
                    if small
                    else (*where.notes, f"{left_out[:1].upper()}{left_out[1:]}."),
                ),
                failing=_diverging(main),
            ),
            _odds_ratios(main, limits),
            _tests(main) if small else None,
            text_of(*_at_least(limits), *_in_words(main)),
        ],
    )


def _where_alone(main: WithoutMLE) -> Facts | None:
    """Where each coefficient goes, if that is known, with no number."""
    if not main.existence.coefficients:
        return None
    rendered = Limits.of(main.model, main.existence, intervals=False).rendered()
    shown = replace(rendered, title="Where each coefficient goes")
    return table_of("limits", shown, failing=_diverging(main))


def _diverging(main: WithoutMLE) -> list[bool]:
    """Whether each coefficient of the table goes to infinity."""
    return [way in ("+inf", "-inf") for way in main.existence.coefficients.values()]


def _at_least(limits: Limits) -> list[str]:
    """The end that an open interval has, as an odds ratio."""
    found = limits.intervals
    if found is None:
        return []
    one_sided = [
        f"{name} {'at least' if math.isfinite(low) else 'at most'} "
        f"{math.exp(min(low if math.isfinite(low) else high, 700.0)):.4g}"
        for name, _, low, high in found.itertuples()
        if math.isfinite(low) != math.isfinite(high)
    ]
    if not one_sided:
        return []
    return [
        "Odds ratios per unit that a 95% profile-likelihood interval bounds on one side: "
        f"{names_in(SCREEN, one_sided)}."
    ]


def _in_words(main: WithoutMLE) -> list[str]:
    existence = main.existence
    finite = [name for name, way in existence.coefficients.items() if way == "finite"]
    said = []
    if existence.n_separated:
        said += [
            "Likelihood-ratio tests and profile-likelihood intervals need the supremum of the "
            "likelihood only, and stand; chi-squared quantiles are their usual large-sample "
            "approximation.",
            NO_WALD,
        ]
    if existence.dependencies:
        said.append(
            "Fitted probabilities and the log-likelihood do not depend on which superfluous column "
            "is left out; of the coefficients only those that are finite do not."
        )
    if finite:
        said.append(f"Finite, with a standard error that can be used: {names_in(SCREEN, finite)}.")
    return [*said, NO_DRAWS]


def _odds_ratios(main: WithoutMLE, limits: Limits) -> Facts | None:
    """Odds ratios with intervals that may have one end only."""
    if limits.intervals is None:
        return None
    return odds_ratios(main, limits.intervals, "profile-likelihood")


def _tests(main: WithoutMLE) -> Facts | None:
    """Likelihood-ratio tests of the terms, by suprema."""
    if not [name for name in main.model.terms or {} if name != "Intercept"]:
        return None
    try:
        rendered = drop_one(main.here).rendered()
    except MLEDoesNotExistError as error:
        return text_of(f"The terms are not tested: {error}.")
    return table_of_main("tests", rendered, "Single terms left out (likelihood-ratio tests)")


def what_to_do(main: WithoutMLE) -> Facts:
    """What somebody who needs a number does next."""
    existence = main.existence
    if existence.kind == "undecided":
        said = [
            "Centre and rescale the columns, so that none is of a size of its own; then run it "
            "again. Numbers that any program prints for this model are proved by nothing."
        ]
    else:
        said = []
        if existence.dependencies:
            said.append(
                'Leave the superfluous columns out: aliased="drop" in Python, --aliased drop on '
                "the command line. That changes no fitted probability"
                + (
                    "; the outcomes stay separated in what is left."
                    if existence.n_separated
                    else ", and the rest has a maximum likelihood estimate."
                )
            )
        if existence.n_separated:
            said += [
                "Report the supremum, the likelihood-ratio test and the end of the interval that "
                "is finite: these are what the data say of a coefficient that diverges.",
                "For a finite number use another estimate, and name it: bias-reduced (Firth), "
                "penalised, or Bayesian with a proper prior. None of them is the maximum "
                "likelihood estimate, and each depends on what was chosen.",
                "Merge levels, or leave a predictor out, only where the subject allows it: what "
                "separates may be the strongest predictor that there is.",
                "More observations, of the outcome that is missing above, may end the separation.",
            ]
    return section_of("next", "What to do next", [text_of(*said)])
