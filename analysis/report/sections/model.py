"""Sections on the model itself: its data, whether its MLE exists, its coefficients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.figures.coefficients import interval_frame, plot_forest
from flatprior.analysis.figures.models import plot_model
from flatprior.analysis.inference.goodness import grouped_fit
from flatprior.analysis.inference.high_dimension.corrections import high_dimensional
from flatprior.analysis.inference.hypotheses.anova import anova
from flatprior.analysis.report.items import (
    PROB,
    figure_of,
    section_of,
    table_of,
    table_of_main,
    text_of,
)
from flatprior.analysis.report.main_model import MainModel, Reported, refits_left_out
from flatprior.analysis.report.page import Facts
from flatprior.models import BernoulliLogistic, check_existence
from flatprior.models.common.intervals import percentages
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import (
    COUNTS,
    SCREEN,
    abbreviated,
    count,
    for_each,
    level_in_words,
    names_in,
    percent,
    whole,
)
from flatprior.models.model import HIGH_DIMENSION, MANY

MOST_DRAWN = 40  # coefficients of a forest plot
# sentences of draws; a report, which does not hold these, is held against them too
NO_INTERVALS = "no draws of these data passed their tests: no posterior intervals"
KINDS_DIFFER = "; where the kinds differ, the sample is small"


def events_said(model: BernoulliLogistic) -> str:
    """The share of events, and what one is."""
    # a response of 0 and 1, of which nothing else was asked, needs no coding
    coding = model.response_coding or f"{abbreviated(model.response_name)} = 1"
    return f"{percent(model.n_events / model.n_observations)}; {abbreviated(coding)}"


def data_and_model(main: Reported) -> Facts:
    """What was fitted to what."""
    model = main.model
    facts = {
        "formula": main.formula,
        "response": model.response_name,
        "observations": whole(model.n_observations)
        + ("" if model.weights_name is None else f" in {count(model.n_rows, 'row')}")
        + ("" if model.trials is None else f" in {count(model.trials.n_groups, 'group')}"),
        "events": f"{whole(model.n_events)} ({percent(model.n_events / model.n_observations)})",
        "coefficients": f"{model.n_parameters}",
        "rows left out": ", ".join(
            f"{left} ({why})"
            for left, why in (
                (model.n_dropped, "a value missing"),
                (model.n_zero_weight, "weight 0" if model.trials is None else "no trials"),
            )
            if left
        )
        or "none",
    }
    if model.response_coding:
        facts["coded as"] = model.response_coding
    for name, level in model.reference_levels.items():
        facts[f"reference of {name}"] = level_in_words(level)
    if model.aliased is not None:
        facts["left out"] = f"{names_in(SCREEN, model.aliased.names)} (combinations of others)"
    grouped = grouped_fit(model, main.fit) if isinstance(main, MainModel) else None
    if grouped is not None:
        facts["grouped counts"] = f"{grouped.message}."
    if model.besides:
        facts["besides"] = names_in(SCREEN, model.besides)
    if model.weights_name is not None:
        facts["weights"] = f"{COUNTS[:1].upper()}{COUNTS[1:]}."
    events = count(model.n_events, "event")
    predictor = "o + x'beta" if model.rows.has_offset else "x'beta"
    return section_of(
        "data",
        "Data and model",
        [
            table_of(
                "data-table",
                Rendered.of(pd.DataFrame({"value": facts}), {}, "What was fitted"),
                words=True,
            ),
            figure_of(
                "model-graph",
                plot_model(model),
                "The model",
                "Circles are random, boxes computed; shaded is what was observed; the frame "
                "repeats for every row.",
                f"Graph: a flat prior on {count(model.n_parameters, 'coefficient')} beta; in each "
                f"of {count(model.n_rows, 'row')}, x and beta give p = sigmoid({predictor}), and p "
                f"the outcome {model.response_name} ({events}).",
            ),
        ],
    )


def existence_certificate(main: MainModel, several: bool = False) -> Facts:
    """Whether there is anything to estimate, and how near the best route is.

    The model is named where it is one of several, as a comparison is of.
    """
    existence = check_existence(main.model)
    certificate = main.fit.certificate
    shown = certificate.rendered()
    message = f"{existence.message[:1].upper()}{existence.message[1:]}."
    if several or main.comparison is not None:
        message = f"Of {abbreviated(main.formula)}: {existence.message}."
    warnings = [said for said in existence.warnings if said not in main.model.warnings]
    return section_of(
        "existence",
        "Does the maximum exist?",
        [
            text_of(message, *(f"{said}." for said in warnings)),
            text_of(*shown.notes),
            table_of(
                "certificate",
                replace(
                    shown,
                    notes=(),
                    title=f"Certificate of the best route ({main.fit.route})",
                    raw=pd.DataFrame(shown.cells, index=shown.names, columns=shown.columns),
                ),
            ),
        ],
    )


def coefficients(main: MainModel) -> Facts:
    """Estimates with Wald, profile and posterior intervals."""
    model, fit = main.model, main.fit
    low, high = percentages(PROB)
    summary = main.summary
    frame = summary.table().drop(columns=["hauck-donner"])
    table = frame[["coefficient", "standard error", "z", "p"]].rename(
        columns={"standard error": "SE"}
    )
    wald = fit.summary(PROB)[["coefficient", low, high]]
    intervals: dict[str, Any] = {"Wald": wald}
    if main.profile is not None:
        intervals["profile"] = main.profile
    if main.sound:
        intervals["posterior"] = interval_frame(main.sound[0], PROB)
    for label, part in intervals.items():
        table[f"{label} {low}"], table[f"{label} {high}"] = part[low], part[high]
    strongest = np.argsort(-np.abs(frame["z"].to_numpy()), kind="stable")[:MOST_DRAWN]
    chosen = frame.index[np.sort(strongest)]
    left_out = len(frame) - len(chosen)
    said = "; ".join(
        f"{name} {value:.3g} ({bottom:.3g} to {top:.3g})"
        for name, value, bottom, top in wald.head(12).itertuples()
    )
    return section_of(
        "coefficients",
        "Coefficients",
        [
            table_of(
                "coefficients-table",
                Rendered.of(
                    table,
                    {name: "#.4g" for name in table.columns} | {"z": ".2f", "p": "p"},
                    f"Coefficients (log odds), with 95% intervals: {', '.join(intervals)}",
                    notes=[
                        *summary.notes,
                        f"{whole(main.rarer)} of the rarer outcome for "
                        f"{count(main.n_slopes, 'coefficient')}{main.beside}: "
                        f"{for_each(main.rarer, main.n_slopes)} for each"
                        if main.n_slopes
                        else "",
                        f"profile-likelihood intervals are {refits_left_out(model)}: "
                        "confidence_intervals(model, names=[...]) computes those of some"
                        if main.exact is None
                        else "",
                        NO_INTERVALS if main.posteriors and not main.sound else "",
                    ],
                ),
            ),
            figure_of(
                "forest",
                plot_forest({name: part.loc[chosen] for name, part in intervals.items()}),
                "Forest plot" + (f" (the {MOST_DRAWN} with the largest z)" if left_out else ""),
                "Each coefficient in standard errors; an interval that crosses 0 does not exclude "
                "that there is no effect" + (f"{KINDS_DIFFER}." if len(intervals) > 1 else "."),
                f"Coefficients with 95% Wald intervals: {said}.",
            ),
            _by_term(main),
            _corrected_for_many(main),
            table_of_main("collinearity", main.collinearity.rendered(), "Collinearity"),
            None
            if summary.goodness is None
            else table_of_main("goodness", summary.goodness.rendered(), "Goodness of fit"),
        ],
    )


def _by_term(main: MainModel) -> Facts | None:
    """Tests of whole terms, where one has several columns; None where the table says it all."""
    if not tests_terms(main):
        return None
    return table_of_main(
        "terms", anova(main.here, type=2).rendered(), "Tests of terms, type II (likelihood ratio)"
    )


def tests_terms(main: MainModel) -> bool:
    """Whether whole terms are tested, one of which has several columns."""
    terms = main.model.terms or {}
    return main.exact is not None and any(len(names) > 1 for names in terms.values())


def corrects_for_many(model: BernoulliLogistic) -> bool:
    """Whether coefficients are so many that they are corrected for it."""
    return MANY <= model.n_parameters > HIGH_DIMENSION * model.n_observations


def _corrected_for_many(main: MainModel) -> Facts | None:
    """Coefficients corrected for their number, where that is large and the theory holds."""
    model = main.model
    if not corrects_for_many(model):
        return None
    try:
        found = high_dimensional(model, main.fit)
    except (ValueError, ArithmeticError) as error:
        said = f"No correction of coefficients for their number: {error}."
        return text_of(said)
    return table_of_main("corrected", found.rendered(), "Coefficients corrected for their number")
