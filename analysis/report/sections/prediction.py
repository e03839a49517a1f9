"""Sections on what the models predict, and on the rows that it hangs on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.comparison.notes import model_label
from flatprior.analysis.comparison.table import Comparison
from flatprior.analysis.diagnostics.calibration import binned_residuals
from flatprior.analysis.diagnostics.leave_one_out import ExactLOO
from flatprior.analysis.figures.diagnostics import (
    plot_binned_residuals,
    plot_calibration,
    plot_influence,
)
from flatprior.analysis.figures.models import plot_comparison
from flatprior.analysis.report.glossary import OF_LEAVE_ONE_OUT, terms
from flatprior.analysis.report.items import figure_of, section_of, table_of, table_of_main, text_of
from flatprior.analysis.report.main_model import MOST_ROWS, MainModel, Reported, refits_left_out
from flatprior.analysis.report.page import Facts
from flatprior.models.common.rendering import Rendered, as_notes
from flatprior.models.common.text import (
    SCREEN,
    abbreviated,
    count,
    first_of,
    names_in,
    odds_ratio,
    percent,
    printable,
    whole,
)
from flatprior.models.rows import ArrayRows

AFTER_SAMPLING = (
    *("LOO log score", "elpd_loo", "elpd_diff", "dse", "p_loo", "bad k", "weight"),
    *("LOOIC-AIC", "p_loo-k"),
)
WHOSE = {
    False: "the fit, on the rows that it was fitted to",
    True: "the fits without it (leave-one-out)",
}
MOST_INFLUENTIAL = 10
SHOWN_ERROR = 5e-6  # of a score, which is shown to five decimals
OF_GROUPS = (
    "The model has a coefficient for each group of rows with the same predictors, so that it "
    "predicts the share of events in each group. Without an observation this share moves away from "
    "its outcome, and events are ranked below the others of their group: AUC, discrimination and "
    "calibration are therefore those of the fit on its own rows, which is calibrated there in any "
    "case; only the bootstrap tells of new observations."
)
UNRELIABLE = "; rows above the dashed line make leave-one-out by importance sampling unreliable"
WITHIN_ERRORS = (
    "; a difference of elpd_loo within two standard errors, the thin line, is no evidence"
)
WITH_BAD_K = "; {bad} of {observations} have a Pareto k above {limit}"


def model_comparison(main: Reported) -> Facts | None:
    """Models of the same observations side by side."""
    comparison = main.comparison
    if comparison is None:
        return None
    table = comparison.table()
    formulas = _formulas(comparison, list(table.index))
    why = [f"model {name!r}: {found.message}" for name, found in comparison.without.items()]
    errors = "dse" in table and bool((table["dse"] > 0).any())
    likelihood = [str(name) for name in table if name not in AFTER_SAMPLING]
    rest = [name for name in AFTER_SAMPLING if name in table and table[name].notna().any()]
    said = names_in(
        SCREEN,
        [
            f"{model_label(name)} " + ("unknown" if math.isnan(value) else f"AIC {value:.2f}")
            for name, value in table["AIC"].items()
        ],
    )
    return section_of(
        "comparison",
        "Model comparison",
        [
            table_of(
                "formulas",
                Rendered.of(formulas, {}, "Models", notes=why),
                words=True,
                failing=[name in comparison.without for name in formulas.index],
            )
            if len(formulas.columns)
            else None,
            table_of(
                "comparison-table",
                replace(comparison.rendered(likelihood), notes=as_notes(comparison.notes)),
                failing=[name in comparison.without for name in table.index],
            ),
            table_of(
                "leave-one-out",
                replace(
                    comparison.rendered(rest),
                    title="Leave-one-out",
                    facts=(),
                    notes=as_notes(terms(rest)),
                ),
            )
            if rest
            else None,
            figure_of(
                "comparison-plot",
                plot_comparison(comparison),
                "Difference from the best model"
                + (" with an estimate" if comparison.without and comparison.fits else ""),
                "Further left is worse. Squares are differences of AIC, halved, which have no "
                "standard errors here"
                + (
                    ". Hollow: at the supremum of the likelihood, which no coefficients reach; "
                    "such a model is put last, wherever its square lies, and predicts nothing"
                    if any(found.limit is not None for found in comparison.without.values())
                    else ""
                )
                + (f"{WITHIN_ERRORS}." if errors else "."),
                f"Models, the best first: {said}.",
            ),
        ],
    )


def _formulas(comparison: Comparison, names: Sequence[Any]) -> pd.DataFrame:
    """What models are and whether they have an estimate, as far as their names do not say it."""
    models, without = comparison.models, comparison.without
    found = pd.DataFrame(index=pd.Index(names, dtype=object))
    formulas = [models[name].formula or names_in(SCREEN, models[name].names) for name in names]
    if formulas != list(names):
        found["formula"] = formulas
    if without:
        found["estimate"] = [without[name].kind if name in without else "exists" for name in names]
    return found


def predictive_quality(main: MainModel) -> Facts | None:
    """Scores and calibration, of leave-one-out predictions where they exist."""
    model, scores, indices, curve = main.here, main.scores, main.indices, main.curve
    why = refits_left_out(model) if main.exact is None else ""
    if isinstance(model.rows, ArrayRows) and not (scores["grid error"] > SHOWN_ERROR).any():
        scores = scores.drop(columns="grid error")
    return section_of(
        "prediction",
        "Predictive quality",
        [
            text_of(
                f"Each observation is predicted by {WHOSE[main.leaves_out]}"
                + (
                    ", but for binned residuals, which are those of the fit on its own rows."
                    if main.leaves_out and curve is not None
                    else "."
                ),
                OF_GROUPS if main.leaves_out and main.of_groups else "",
                f"Leave-one-out predictions are {why}: exact_loo(model, fit) computes them."
                if why
                else "",
                f"{how_in_sample(main)}: validate(model) computes what new ones would give."
                if main.in_sample
                else "",
                ""
                if indices is not None
                else "Some of them are 0 or 1 in doubles, whose log-odds no refit can take: their "
                "calibration slope is left out.",
                f"{curve.message}."
                if curve is not None
                else f"The calibration curve is for models of up to {whole(MOST_ROWS)} rows.",
            ),
            table_of(
                "scores",
                Rendered.of(
                    scores,
                    {name: "bound" if name == "grid error" else ".5f" for name in scores.columns},
                    "Scores of the probabilities",
                    notes=[
                        "Brier and log: the smaller the better; log is the binary cross-entropy in "
                        "nats. AUC, the area under the ROC curve: the larger the better. skill: "
                        "share of the way from the base rate to perfection, its SE by the delta "
                        "method, predictions taken as given"
                        + (
                            "; base rate: the share of events among all other observations"
                            if main.leaves_out
                            else ""
                        ),
                        *(
                            [
                                "grid error: how far the order of rows that is not known, or not "
                                "kept, may move it"
                            ]
                            if "grid error" in scores
                            else []
                        ),
                    ],
                ),
            ),
            None
            if indices is None
            else table_of_main("indices", indices.rendered(), "Discrimination and calibration"),
            table_of_main("classification", main.classification.rendered(), "Classification"),
            None
            if main.validation is None
            else table_of_main("validation", main.validation.rendered(), "Bootstrap validation"),
            None
            if curve is None
            else figure_of(
                "calibration",
                plot_calibration(curve),
                "Calibration",
                "Of right predictions about one in twenty leaves the grey envelope, on average "
                f"over samples; as many as here, with probability {curve.outside_p:.2g}.",
                f"Calibration curve; {percent(curve.outside)} of the observations lie outside the "
                f"95% envelope; Brier score {curve.brier:.4f}.",
            ),
            None if curve is None else _binned(main),
        ],
    )


def how_in_sample(main: MainModel) -> str:
    """What scores of the fit on its own rows tell of new observations, in words."""
    said = "New observations are on average predicted less well than those of the fit"
    # what the score equations say of the linear predictor itself, where nothing is added to it
    by_construction = main.beside and main.n_slopes and not main.here.rows.has_offset
    return said + ", on which the calibration slope is 1 by construction" * bool(by_construction)


def _binned(main: MainModel) -> Facts:
    """Residuals of the fit, which those of leave-one-out are not: these depend on the outcome."""
    found = binned_residuals(main.here, main.fit)
    return figure_of(
        "binned-residuals",
        plot_binned_residuals(found),
        "Binned residuals of the fit",
        f"{found.sizes}, by their probability of the fit. Of a right model about 19 bins in 20 lie "
        "within two standard errors, sqrt(p (1 - p) / n) each (Gelman and Hill 2007); a bend or a "
        "slope asks for another form of a predictor.",
        f"Mean residuals in {found.sizes}; {found.message}.",
    )


def decisions_of(main: MainModel) -> list[str]:
    """Which rows decide whether an interval holds 1, a sentence a coefficient."""
    found = main.deciding
    if found is None:
        return []
    said = [
        f"{each.many(main.single)} whether the interval of {abbreviated(each.name)} holds 1: odds "
        f"ratio {_ratio(each.all_rows)}; {main.without} {abbreviated(printable(each.label))} it is "
        f"{_ratio(each.without)}."
        for each in found.coefficients
    ]
    if found.also:
        also = names_in(SCREEN, list(found.also))
        too = " too" if said else ""
        said.append(f"Single {main.single}s may decide on {also}{too}, which was not looked at.")
    return said


def _ratio(of: tuple[float, float, float]) -> str:
    """An odds ratio with its interval."""
    with np.errstate(over="ignore"):
        value, low, high = (odds_ratio(each) for each in np.exp(of).tolist())
    return f"{value} ({low} to {high})"


def _decided(main: MainModel) -> list[str]:
    """Rows that decide whether an interval holds 1, or that there are none."""
    found = main.deciding
    if found is None:
        return []
    said = decisions_of(main)
    kind = (
        "Intervals are those of the profile likelihood, without "
        f"{'a row' if main.single == 'row' else 'an observation'} by a fit of all others."
    )
    left = (
        "Of these coefficients, near to the edge, it was not looked at, which would take long: "
        f"{names_in(SCREEN, list(found.not_looked_at))}."
        if found.not_looked_at
        else ""
    )
    none = ""
    if not said:
        of = "another" if left else "an"
        none = f"No single {main.single} decides whether the interval of {of} odds ratio holds 1."
    return [*said, left, none, kind if said else ""]


def _as_mean(main: MainModel, exact: ExactLOO) -> str:
    """The leave-one-out log score, a sum, and as the mean that the scores have."""
    if exact.without_mle:
        return exact.message
    return (
        f"{exact.message}: the sum over observations; with the other sign and divided by their "
        f"number it is the log score in the table of scores, {main.scores['score']['log']:.5f}"
    )


def influence(main: MainModel) -> Facts | None:
    """Rows that move the fit, or that leave-one-out cannot do without."""
    model, exact, found = main.here, main.exact, main.diagnostics
    if found is None:
        return None
    top = found.most_influential(MOST_INFLUENTIAL)
    loo = main.loo
    if loo is not None:
        top = top.assign(**{"Pareto k": loo.pareto_k[found.order[: len(top)]]})
    notes = [
        f"the leave-one-out log score is {refits_left_out(model)}: exact_loo(model, fit) computes "
        "it"
        if exact is None
        else _as_mean(main, exact)
    ]
    if loo is not None:
        notes += [loo.message, OF_LEAVE_ONE_OUT]
    notes += terms(map(str, top.columns))
    return section_of(
        "influence",
        "Influence of single observations",
        [
            text_of(*_decided(main)),
            table_of(
                "influential",
                Rendered.of(
                    top,
                    {name: "#.3g" for name in top.columns},
                    "Rows with the largest Cook's distance",
                    notes=notes,
                ),
            ),
            figure_of(
                "influence-plot",
                plot_influence(found, loo),
                "Leverage, residuals and Pareto k" if loo is not None else "Leverage and residuals",
                "Large circles move the coefficients most"
                + (f"{UNRELIABLE}." if loo is not None else "."),
                "Most influential rows: "
                + first_of(top.index)
                + (
                    ""
                    if loo is None
                    else WITH_BAD_K.format(
                        bad=loo.n_bad,
                        observations=count(model.n_observations, "observation"),
                        limit=f"{loo.largest_k:.2f}",
                    )
                )
                + ".",
            ),
        ],
    )
