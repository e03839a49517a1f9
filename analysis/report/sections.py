"""What each section of a report says, as plain values: sentences, tables and figures."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.agreement.verdict import rejudged
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.judging import judge_fit
from flatprior.analysis.auditing.stored import stored_audit
from flatprior.analysis.comparison.comparable import same_observations
from flatprior.analysis.comparison.table import Comparison, model_label, require_its_own
from flatprior.analysis.diagnostics.calibration import calibration_curve, predictive_scores
from flatprior.analysis.diagnostics.leave_one_out import ExactLOO, exact_loo
from flatprior.analysis.diagnostics.psis import PSISLOO, psis_loo
from flatprior.analysis.diagnostics.residuals import diagnose
from flatprior.analysis.figures.coefficients import interval_frame, plot_agreement, plot_forest
from flatprior.analysis.figures.diagnostics import plot_calibration, plot_influence
from flatprior.analysis.figures.models import plot_comparison, plot_model
from flatprior.analysis.figures.posterior import plot_draws, plot_posterior
from flatprior.analysis.inference.goodness import grouped_fit
from flatprior.analysis.inference.intervals import confidence_intervals
from flatprior.analysis.inference.summary import summarise
from flatprior.analysis.report.page import FORMAT, Facts
from flatprior.analysis.report.stored import plain
from flatprior.analysis.report.svg import inline_svg
from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    Posterior,
    check_existence,
)
from flatprior.models.common.calls import require_kind
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import percentages
from flatprior.models.common.rendering import Rendered, as_notes
from flatprior.models.common.text import (
    COUNTS,
    SCREEN,
    abbreviated,
    count,
    first_of,
    level_in_words,
    names_in,
    printable,
)
from flatprior.models.common.writing import finite
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.estimate import fit_of
from flatprior.models.results import versions_of
from flatprior.models.routes.registry import LABELS
from flatprior.models.rows import ArrayRows

MOST_ROWS = 20_000  # for which intervals by refits and leave-one-out are computed
MOST_WORK = MOST_ROWS * 50**3  # and n k^3 of them, in which the cost of both grows
WHOLE = "the copy as CSV has all"
MOST_DRAWN = 40  # coefficients of a forest plot
MOST_INFLUENTIAL = 10
PROB = 0.95
AFTER_SAMPLING = (
    *("LOO log score", "elpd_loo", "elpd_diff", "dse", "p_loo", "bad k", "weight"),
    *("LOOIC-AIC", "p_loo-k"),
)
OF_SAMPLER = ("mean", "sd", "mcse", "ess bulk", "ess tail", "r_hat")
# sentences of draws; a report, which does not hold these, is held against them too
NO_INTERVALS = "no draws of these data passed their tests: no posterior intervals"
KINDS_DIFFER = "; where the kinds differ, the sample is small"
WITH_BAD_K = "; {bad} of {observations} have a Pareto k above {limit}"
HALF_PAGE = 58  # characters: a wider table takes the whole width
PACKAGES = ("numpy", "scipy", "scikit-learn", "pymc", "arviz", "matplotlib")


@dataclass(frozen=True, eq=False, kw_only=True)
class MainModel:
    """The main model of a report, with what several sections need.

    Attributes
    ----------
    model : BernoulliLogistic
    fit : PointEstimate
        Computed anew from its coefficients: the certificate of a fit may be of its last step.
    agreement : Agreement or None
    comparison : Comparison or None
    sound : tuple of Posterior
        Draws of these data that passed their tests.
    loo : PSISLOO or None
    exact : ExactLOO or None
        Where the rows are in memory, and neither they nor the coefficients too many.
    audits : tuple of Audit
        Of other programs' fits of these data.
    """

    model: BernoulliLogistic
    fit: PointEstimate
    agreement: Agreement | None
    comparison: Comparison | None
    sound: tuple[Posterior, ...]
    loo: PSISLOO | None
    exact: ExactLOO | None
    audits: tuple[Audit, ...] = ()

    @classmethod
    def of(
        cls,
        agreement: Agreement | None,
        comparison: Comparison | None,
        audits: tuple[Audit, ...] = (),
    ) -> MainModel:
        """The model of the agreement, the best of the comparison, or that of the audits.

        All are made sure of.
        """
        if agreement is None and comparison is None and audits:
            first = audits[0]
            if first.mle is None:
                raise InputError(
                    "there is no maximum likelihood estimate, so nothing to report: "
                    + first.existence.message
                )
            main = cls._with(first.model, first.mle, None, None, None)
        else:
            main = cls._of_results(agreement, comparison)
        again = []
        for audit in audits:
            require_kind(audit, Audit, "an audit", "audit(fit, model)")
            if audit.model.names != main.model.names or audit.model.data_hash != (
                main.model.data_hash
            ):
                raise InputError(
                    f"the audit of {audit.their.producer} is of other data or columns than "
                    f"{formula_of(main.model)}: audit(fit, model) judges it on these"
                )
            again.append(judge_fit(main.model, audit.their, audit.tolerance))
        return replace(main, audits=tuple(again))

    @classmethod
    def _of_results(cls, agreement: Agreement | None, comparison: Comparison | None) -> MainModel:
        if comparison is not None:
            require_kind(comparison, Comparison, "the comparison", "compare_models(models)")
            require_its_own(comparison)
        if agreement is not None:
            by = "compare_routes(model, *results)"
            require_kind(agreement, Agreement, "the agreement", by)
            agreement = rejudged(agreement)
            if comparison is not None:
                other = next(iter(comparison.models.values()))
                models = {"the routes' model": agreement.model, "the comparison's": other}
                same_observations(models)
            return cls._with(agreement.model, agreement.mle, agreement, comparison, None)
        if comparison is None:
            raise InputError(
                "there is nothing to report: pass an agreement, a comparison or audits"
            )
        best = comparison.table().index[0]
        model, fit = comparison.models[best], comparison.fits[best]
        return cls._with(model, fit, None, comparison, comparison.loo.get(best))

    @classmethod
    def _with(
        cls,
        model: BernoulliLogistic,
        fit: PointEstimate,
        agreement: Agreement | None,
        comparison: Comparison | None,
        loo: PSISLOO | None,
    ) -> MainModel:
        fit = fit_of(model, fit)
        sound = () if agreement is None else _sound(agreement)
        small = not refits_left_out(model)
        return cls(
            model=model,
            fit=fit,
            agreement=agreement,
            comparison=comparison,
            sound=sound,
            loo=psis_loo(model, sound[0]) if sound and small else loo,
            exact=exact_loo(model, fit) if small else None,
        )

    @classmethod
    def without_draws(
        cls,
        model: BernoulliLogistic,
        fit: PointEstimate,
        agreement: Agreement | None,
        comparison: Comparison | None,
        audits: tuple[Audit, ...] = (),
    ) -> MainModel:
        """The same where the draws, if there were any, are not at hand."""
        return cls(
            model=model,
            fit=fit,
            agreement=agreement,
            comparison=comparison,
            sound=(),
            loo=None,
            exact=None if refits_left_out(model) else exact_loo(model, fit),
            audits=audits,
        )

    @property
    def posteriors(self) -> tuple[Posterior, ...]:
        """The draws that were checked."""
        return () if self.agreement is None else self.agreement.posteriors

    @property
    def formula(self) -> str:
        """As it was given, or the names of response and columns."""
        return formula_of(self.model)


def formula_of(model: BernoulliLogistic) -> str:
    """The formula as it was given, or the names of response and columns."""
    return model.formula or f"{model.response_name} on {names_in(SCREEN, model.names)}"


def refits_left_out(model: BernoulliLogistic) -> str:
    """Why neither intervals by refits nor leave-one-out are computed; empty where they are."""
    n, k = model.n_rows, model.n_parameters
    if not isinstance(model.rows, ArrayRows) or n > MOST_ROWS:
        return f"for models of up to {MOST_ROWS} rows in memory"
    return f"left out for {n} rows and {k} coefficients" if n * k**3 > MOST_WORK else ""


def _sound(agreement: Agreement) -> tuple[Posterior, ...]:
    """Draws of these data that passed their tests."""
    return tuple(
        posterior
        for posterior, check in zip(agreement.posteriors, agreement.posterior_checks, strict=True)
        if check.passed and posterior.provenance.data_hash == agreement.model.data_hash
    )


def verdict(main: MainModel) -> Facts:
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


def _section(name: str, title: str, items: Iterable[Facts | None]) -> Facts:
    return {"id": name, "title": title, "items": [item for item in items if item is not None]}


def _text(*sentences: str) -> Facts:
    return {"kind": "text", "text": [printable(sentence) for sentence in sentences if sentence]}


def _table(name: str, rendered: Rendered, words: bool = False) -> Facts:
    """A table; of words they stand on the left, and break.

    Long names are whole in CSV only, and of a long table all rows are there.
    """
    shown = rendered.shortened(WHOLE)
    shown = replace(shown, names=tuple(abbreviated(each) for each in shown.names))
    return {
        "kind": "table",
        "id": name,
        "title": shown.title,
        "columns": list(shown.columns),
        "rows": [
            {"name": each, "cells": list(cells)}
            for each, cells in zip(shown.names, shown.cells, strict=True)
        ],
        "facts": list(shown.facts),
        "notes": list(shown.notes),
        "words": words,
        "wide": not words and _width(shown) > HALF_PAGE,
        "formats": {
            "CSV": rendered.csv(),
            "Markdown": shown.markdown(),
            "LaTeX": shown.latex(),
        },
    }


def _width(rendered: Rendered) -> int:
    """Characters that the table takes beside one another."""
    columns = zip(rendered.columns, *rendered.cells, strict=True)
    names = min(max(map(len, ("", *rendered.names))), 30)
    return names + sum(2 + max(map(len, column)) for column in columns)


def _figure(name: str, figure: Any, title: str, how: str, alternative: str) -> Facts:
    return {
        "kind": "figure",
        "id": name,
        "title": title,
        "how": how,
        "alternative": printable(alternative),
        "svg": inline_svg(figure, name, printable(alternative)),
    }


def data_and_model(main: MainModel) -> Facts:
    """What was fitted to what."""
    model = main.model
    facts = {
        "formula": main.formula,
        "response": model.response_name,
        "observations": f"{model.n_observations}"
        + ("" if model.weights_name is None else f" in {count(model.n_rows, 'row')}")
        + ("" if model.trials is None else f" in {count(model.trials.n_groups, 'group')}"),
        "events": f"{model.n_events} ({model.n_events / model.n_observations:.1%})",
        "coefficients": f"{model.n_parameters}",
        "rows left out": f"{model.n_dropped} (a value missing)"
        + (
            f", {model.n_zero_weight} ({'weight 0' if model.trials is None else 'no trials'})"
            if model.n_zero_weight
            else ""
        ),
    }
    if model.response_coding:
        facts["coded as"] = model.response_coding
    for name, level in model.reference_levels.items():
        facts[f"reference of {name}"] = level_in_words(level)
    if model.aliased is not None:
        facts["left out"] = f"{names_in(SCREEN, model.aliased.names)} (combinations of others)"
    if (grouped := grouped_fit(model, main.fit)) is not None:
        facts["grouped counts"] = f"{grouped.message}."
    if model.besides:
        facts["besides"] = names_in(SCREEN, model.besides)
    if model.weights_name is not None:
        facts["weights"] = f"{COUNTS[:1].upper()}{COUNTS[1:]}."
    events = count(model.n_events, "event")
    predictor = "o + x'beta" if model.rows.has_offset else "x'beta"
    return _section(
        "data",
        "Data and model",
        [
            _table(
                "data-table",
                Rendered.of(pd.DataFrame({"value": facts}), {}, "What was fitted"),
                words=True,
            ),
            _figure(
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


def existence_certificate(main: MainModel) -> Facts:
    """Whether there is anything to estimate, and how near the best route is."""
    existence = check_existence(main.model)
    certificate = main.fit.certificate
    shown = certificate.rendered()
    message = existence.message
    return _section(
        "existence",
        "Does the maximum exist?",
        [
            _text(
                f"{message[:1].upper()}{message[1:]}.",
                *(f"{said}." for said in existence.warnings if said not in main.model.warnings),
            ),
            _table(
                "certificate",
                replace(
                    shown,
                    title=f"Certificate of the best route ({main.fit.route})",
                    raw=pd.DataFrame(shown.cells, index=shown.names, columns=shown.columns),
                ),
            ),
        ],
    )


def _to_standard_error(values: pd.DataFrame, errors: pd.Series[float]) -> pd.DataFrame:
    """Each number with the digits that eight decimals of its standard error have."""

    def text(value: float, error: float) -> str:
        size = math.log10(abs(value) / error) if value and math.isfinite(value / error) else 0
        return f"{value:#.{min(max(math.floor(size) + 9, 1), 17)}g}"

    shown = [
        [text(float(value), float(error)) for value in row[:-1]] + [f"{row[-1]:#.4g}"]
        for row, error in zip(values.to_numpy(), errors, strict=True)
    ]
    return pd.DataFrame(shown, index=values.index, columns=values.columns)


def agreement_of_routes(main: MainModel) -> Facts | None:
    """How far the routes are from one another, and what is proved of each."""
    agreement = main.agreement
    if agreement is None:
        return None
    rendered = agreement.rendered(["agrees", "error bound", "digits", "distance", "log-likelihood"])
    notes = [
        "error bound: proved, of draws the stated error of the mode found from them alone; "
        "distance: from the best route; both in standard errors",
        *(missing.message for missing in agreement.unavailable),
        *agreement.notes,
        *(judged.alone for judged in agreement.routes),
    ]
    table = agreement.table()
    rendered = replace(rendered, names=tuple(LABELS.get(name, name) for name in rendered.names))
    proved = len(agreement.routes)
    said = ", ".join(
        f"{name} {distance:.1e} ({'proved' if i < proved else 'stated'} {bound:.1e})"
        for i, (name, distance, bound) in enumerate(
            zip(table.index, table["distance"], table["error bound"], strict=True)
        )
    )
    values = agreement.coefficients()
    as_text = _to_standard_error(values, values["standard error"])
    return _section(
        "agreement",
        "Do the routes agree?",
        [
            _table("routes", replace(rendered, title="Routes", facts=(), notes=as_notes(notes))),
            _table(
                "estimates",
                replace(
                    Rendered.of(as_text, {}, "Coefficients by every route"),
                    raw=values,
                ),
            ),
            _figure(
                "agreement-plot",
                plot_agreement(agreement),
                "Distance of each route from the best",
                "A dot a coefficient, a bar at the bound that is proved. Bounds left of the dashed "
                "line are agreement; draws, whose bound is stated, are judged by their tests.",
                f"Largest distance of each route in standard errors, with its bound: {said}.",
            ),
        ],
    )


def density_words(check: PosteriorCheck) -> tuple[str, str, str]:
    """Title, caption and alternative of the figure of posterior densities."""
    shift = check.shift[int(np.argmax(np.abs(check.shift)))]
    return (
        f"Posterior densities ({check.route})",
        "The solid line (MLE) and the triangle (mode of the draws) must coincide; "
        "the dashed mean need not.",
        f"Densities of {count(check.k, 'coefficient')}: the modes are within "
        f"{check.mode_distance:.1e} standard errors of the MLE, the means up to "
        f"{abs(shift):.3f} away.",
    )


def draws_words(check: PosteriorCheck) -> tuple[str, str, str]:
    """Title, caption and alternative of the figure of the draws' log-likelihoods."""
    return (
        f"Log-likelihood of the draws ({check.route})",
        "No draw may lie left of the MLE; in large samples the bars follow the curve.",
        f"Histogram of how far {count(check.n_draws, 'draw')} lie below the maximum, as "
        f"twice the log-likelihood; the highest is {2 * abs(check.highest_draw):.3g} "
        f"{'above' if check.highest_draw > 0 else 'below'} it.",
    )


def audits_of_fits(main: MainModel) -> Facts | None:
    """What is found of other programs' fits, one after the other."""
    if not main.audits:
        return None
    items: list[Facts | None] = []
    for i, audit in enumerate(main.audits):
        rendered = audit.rendered()
        title = f"{audit.producer}: {'passed' if audit.passed else 'not passed'}"
        items.append(_table(f"audit-{i + 1}", replace(rendered, title=title)))
        beside = [each for each in audit.numbers if each.quantity != "coefficient"]
        if beside:
            frame = pd.DataFrame(
                {
                    "stated": [each.stated for each in beside],
                    "proved": [each.proved for each in beside],
                    "convention": [each.convention for each in beside],
                    "consistent": [
                        {True: "yes", False: "NO", None: "-"}[each.consistent] for each in beside
                    ],
                },
                index=pd.Index([f"{each.quantity} {each.term}".strip() for each in beside]),
            )
            numbers = Rendered.of(
                frame,
                {"stated": ".6g", "proved": ".6g"},
                f"Numbers stated by {audit.producer}",
                notes=[
                    "consistent: whether the stated number is, to its last digit or to rounding, "
                    "the value that its convention gives"
                ],
            )
            items.append(_table(f"audit-numbers-{i + 1}", numbers))
    return _section("audits", "Other programs' fits", items)


def posterior_against_mle(main: MainModel) -> Facts | None:
    """What the draws say: tests, densities, and the mean that is not the mode."""
    agreement = main.agreement
    if agreement is None or not agreement.posterior_checks:
        return None
    items: list[Facts | None] = []
    for i, (check, posterior) in enumerate(
        zip(agreement.posterior_checks, agreement.posteriors, strict=True)
    ):
        suffix = f"-{i + 1}"
        items += [
            _table(
                f"claims{suffix}",
                Rendered.of(
                    check.table(),
                    {"p": "p"},
                    f"What holds of draws from the flat-prior posterior ({check.route})",
                    [count(check.n_draws, "draw")],
                    [
                        f"a test fails below p = {check.threshold:.1e}; correct draws fail one "
                        f"with probability {check.false_alarm:.1e} at most",
                        f"mean of (beta - MLE)'score: {check.trace:.4f}, expected {-check.k}; mode "
                        f"of the draws: {check.mode_distance:.1e} standard errors from the MLE, "
                        f"stated error {check.mode_error:.1e}; highest draw: "
                        f"{abs(check.highest_draw):.3g} in log-likelihood "
                        f"{'above' if check.highest_draw > 0 else 'below'} the MLE",
                        *(f"{said[:1].lower()}{said[1:]}" for said in check.scope),
                    ],
                ),
            ),
            _table(
                f"shift{suffix}",
                Rendered.of(
                    check.shift_table(),
                    {"observed": "+.4f", "predicted": "+.4f", "mcse": ".4f"},
                    f"Posterior mean minus MLE, in standard errors ({check.route})",
                    notes=["the mean is not the mode; by how much it differs is known beforehand"],
                ),
            ),
        ]
        if posterior.provenance.data_hash != main.model.data_hash:
            continue
        items += [
            _figure(
                f"density{suffix}",
                plot_posterior(posterior, main.fit, check.mode),
                *density_words(check),
            ),
            _figure(
                f"draws{suffix}",
                plot_draws(main.model, posterior, main.fit),
                *draws_words(check),
            ),
        ]
    return _section("posterior", "The posterior against the MLE", items)


def _odds_ratio(value: float) -> str:
    """Four digits of the difference from 1, which is small where a unit is."""
    away = abs(value - 1)
    more = -math.floor(math.log10(away)) - 1 if 0 < away < 0.1 else 0
    return f"{value:#.{min(4 + more, 15)}g}"


def coefficients(main: MainModel) -> Facts:
    """Estimates with Wald, profile and posterior intervals."""
    model, fit = main.model, main.fit
    low, high = percentages(PROB)
    summary = summarise(model, fit)
    frame = summary.table().drop(columns=["hauck-donner"])
    odds = frame[["odds ratio", f"OR {low}", f"OR {high}"]].copy()  # or pandas 2 warns
    table = frame[["coefficient", "standard error", "z", "p"]].rename(
        columns={"standard error": "SE"}
    )
    wald = fit.summary(PROB)[["coefficient", low, high]]
    intervals: dict[str, Any] = {"Wald": wald}
    if main.exact is not None:
        intervals["profile"] = confidence_intervals(model, PROB)
        with np.errstate(over="ignore"):  # an odds ratio may well be infinite in doubles
            odds[f"profile {low}"] = np.exp(intervals["profile"][low])
            odds[f"profile {high}"] = np.exp(intervals["profile"][high])
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
    return _section(
        "coefficients",
        "Coefficients",
        [
            _table(
                "coefficients-table",
                Rendered.of(
                    table,
                    {name: "#.4g" for name in table.columns} | {"z": ".2f", "p": "p"},
                    f"Coefficients (log odds), with 95% intervals: {', '.join(intervals)}",
                    notes=[
                        *summary.notes,
                        f"profile-likelihood intervals are {refits_left_out(model)}: "
                        "confidence_intervals(model, names=[...]) computes those of some"
                        if main.exact is None
                        else "",
                        NO_INTERVALS if main.posteriors and not main.sound else "",
                    ],
                ),
            ),
            _table(
                "odds-ratios",
                Rendered.of(odds.map(_odds_ratio), {}, "Odds ratios, per unit of each column"),
            ),
            _figure(
                "forest",
                plot_forest({name: part.loc[chosen] for name, part in intervals.items()}),
                "Forest plot" + (f" (the {MOST_DRAWN} with the largest z)" if left_out else ""),
                "Each coefficient in standard errors; an interval that crosses 0 does not exclude "
                "that there is no effect" + (f"{KINDS_DIFFER}." if len(intervals) > 1 else "."),
                f"Coefficients with 95% Wald intervals: {said}.",
            ),
        ],
    )


def model_comparison(main: MainModel) -> Facts | None:
    """Models of the same observations side by side."""
    comparison = main.comparison
    if comparison is None:
        return None
    formulas = pd.DataFrame(
        {
            "formula": {
                name: model.formula or names_in(SCREEN, model.names)
                for name, model in comparison.models.items()
            }
        }
    )
    table = comparison.table()
    likelihood = [str(name) for name in table if name not in AFTER_SAMPLING]
    rest = [name for name in AFTER_SAMPLING if name in table and table[name].notna().any()]
    said = names_in(
        SCREEN, [f"{model_label(name)} AIC {value:.2f}" for name, value in table["AIC"].items()]
    )
    return _section(
        "comparison",
        "Model comparison",
        [
            _table("formulas", Rendered.of(formulas, {}, "Models"), words=True),
            _table("comparison-table", comparison.rendered(likelihood)),
            _table(
                "leave-one-out",
                replace(comparison.rendered(rest), title="Leave-one-out", facts=(), notes=()),
            )
            if rest
            else None,
            _figure(
                "comparison-plot",
                plot_comparison(comparison),
                "Difference from the best model",
                "Further left predicts worse; a difference within two standard errors is no "
                "evidence.",
                f"Models, the best first: {said}.",
            ),
        ],
    )


def predictive_quality(main: MainModel) -> Facts | None:
    """Scores and calibration, of leave-one-out predictions where they exist."""
    model, predicted, whose = main.model, main.fit, "the fit, on the rows that it was fitted to"
    exact = main.exact
    judged: Any = predicted
    if exact is not None and not exact.without_mle:
        own = np.exp(exact.pointwise)
        judged = np.where(model.response == 1, own, 1 - own)
        whose = "the fits without it (leave-one-out)"
    why = refits_left_out(model) if exact is None else ""
    by = ": exact_loo(model, fit) computes them" if isinstance(model.rows, ArrayRows) else ""
    scores = predictive_scores(model, judged)
    if isinstance(model.rows, ArrayRows):  # of rows in batches the AUC is one on a grid
        scores = scores.drop(columns="grid error")
    # its envelope is drawn from hundreds of simulated data sets
    curve = calibration_curve(model, judged) if model.n_rows <= MOST_ROWS else None
    return _section(
        "prediction",
        "Predictive quality",
        [
            _text(
                f"Each observation is predicted by {whose}.",
                f"Leave-one-out predictions are {why}{by}." if why else "",
                f"{curve.message}."
                if curve is not None
                else f"The calibration curve is for models of up to {MOST_ROWS} rows.",
            ),
            _table(
                "scores",
                Rendered.of(
                    scores,
                    {name: ".5f" for name in scores.columns},
                    "Scores of the probabilities",
                    notes=[
                        "Brier and log: the smaller the better; log is the binary cross-entropy in "
                        "nats. AUC, the area under the ROC curve: the larger the better. skill: "
                        "share of the way from the base rate to perfection"
                    ],
                ),
            ),
            None
            if curve is None
            else _figure(
                "calibration",
                plot_calibration(curve),
                "Calibration",
                "A right model's steps leave the grey envelope at about one prediction in twenty; "
                "more than that is miscalibration.",
                f"Calibration curve; {curve.outside:.1%} of the observations lie outside the 95% "
                f"envelope; Brier score {curve.brier:.4f}.",
            ),
        ],
    )


def sampled(chains: int, n: int, seed: int | None) -> str:
    """How many draws there are, and with which seed, in words."""
    said = f"{count(chains, 'chain')} of {count(n, 'draw')}"
    return said if seed is None else f"{said}, seed {seed}"


def sampler_diagnostics(main: MainModel) -> Facts | None:
    """How well each sampler did."""
    items: list[Facts | None] = []
    for i, posterior in enumerate(main.posteriors):
        chains, n, _ = posterior.draws.shape
        frame = posterior.summary(PROB)[list(OF_SAMPLER)]
        found = ", ".join(f"{name} {value:.4g}" for name, value in posterior.diagnostics.items())
        items.append(
            _table(
                f"sampler-{i + 1}",
                Rendered.of(
                    frame,
                    {
                        "mean": "#.5g",
                        "sd": "#.4g",
                        "mcse": ".1e",
                        "ess bulk": ".0f",
                        "ess tail": ".0f",
                        "r_hat": ".4f",
                    },
                    f"Draws of {posterior.route}",
                    [sampled(chains, n, posterior.seed), found],
                    posterior.warnings,
                ),
            )
        )
    return _section("sampling", "Sampler diagnostics", items) if items else None


def influence(main: MainModel) -> Facts | None:
    """Rows that move the fit, or that leave-one-out cannot do without."""
    model, exact = main.model, main.exact
    if not isinstance(model.rows, ArrayRows) or model.n_rows > MOST_ROWS:
        return None
    found = diagnose(model, main.fit)
    top = found.most_influential(MOST_INFLUENTIAL)
    loo = main.loo
    if loo is not None:
        top = top.assign(**{"Pareto k": loo.pareto_k[found.order[: len(top)]]})
    notes = [
        f"the leave-one-out log score is {refits_left_out(model)}: exact_loo(model, fit) computes "
        "it"
        if exact is None
        else exact.message
    ]
    if loo is not None:
        notes.append(loo.message)
    return _section(
        "influence",
        "Influence of single observations",
        [
            _table(
                "influential",
                Rendered.of(
                    top,
                    {name: "#.3g" for name in top.columns},
                    "Rows with the largest Cook's distance",
                    notes=notes,
                ),
            ),
            _figure(
                "influence-plot",
                plot_influence(found, loo),
                "Leverage, residuals and Pareto k" if loo is not None else "Leverage and residuals",
                "Large circles move the coefficients most; rows above the dashed line make "
                "leave-one-out by importance sampling unreliable.",
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


def _reads(main: MainModel) -> dict[str, str]:
    """How often the rows were read for each point estimate, as it states it."""
    judged = () if main.agreement is None else main.agreement.routes
    found = [(each.estimate.route, each.estimate.provenance) for each in judged]
    return {
        route: Passes(origin.passes, origin.bytes_read or 0).said
        for route, origin in found or [(main.fit.route, main.fit.provenance)]
        if origin.passes is not None
    }


def reproducibility(main: MainModel, command: str, data: Facts) -> Facts:
    """Command, seeds, versions, hash, and all results as JSON."""
    facts = {
        "command": printable(command) or "(none: made in Python)",
        "seed": ", ".join(
            f"{route} {'none' if seed is None else seed}" for route, seed in data["seeds"].items()
        )
        or "none needed",
        "data hash (XXH3, 128 bits)": main.model.data_hash,
    } | {f"version of {name}": number for name, number in data["versions"].items()}
    facts["machine"] = data["machine"]
    rows = main.model.rows
    if not isinstance(rows, ArrayRows):
        facts["rows"] = (
            f"read in batches {'from files' if rows.at_hand else 'on a cluster'}"
            + "".join(f"; for {name} {said}" for name, said in _reads(main).items())
        )
    again = "The command above, with --report FILE, makes" if command else "The same results make"
    return _section(
        "reproducibility",
        "Reproducibility",
        [
            _table(
                "provenance",
                Rendered.of(pd.DataFrame({"value": facts}), {}, "What was computed"),
                words=True,
            ),
            _text(
                "To verify: flatprior verify REPORT DATA checks DATA by their hash, computes every "
                "number anew from the coefficients, and holds the results in this file and the "
                "page itself against them; what comes from the draws, which the file does not "
                "hold, it lists instead.",
                f"{again} this very file again, byte for byte, on the same machine and versions.",
            ),
            {"kind": "data", "id": "data-json"},
        ],
    )


def results_as_data(main: MainModel, command: str) -> Facts:
    """All results as JSON has them; times left out, which no two runs share."""
    agreement, comparison = main.agreement, main.comparison
    facts: Facts = finite(
        timeless(
            {
                "format": FORMAT,
                "command": command,
                **described(main.model),
                "data_hash": main.model.data_hash,
                "versions": versions_of(*PACKAGES),
                "machine": machine(),
                "seeds": _seeds(main),
                "estimate": main.fit.to_dict(),
                "agreement": None if agreement is None else agreement.to_dict(),
                "comparison": None if comparison is None else comparison.to_dict(),
                "audits": [stored_audit(audit) for audit in main.audits],
                # `named_departures` follow from the rest
                "checks": []
                if agreement is None
                else [plain(check, ("departures",)) for check in agreement.posterior_checks],
            }
        )
    )
    return facts


def described(model: BernoulliLogistic) -> Facts:
    """What a model is, as the results of a report say it."""
    return {
        "formula": model.formula,
        "names": list(model.names),
        "n_observations": model.n_observations,
        "n_rows": model.n_rows,
        "offset": model.offset_name,
        "frequency_weights": model.weights_name,
        "response_coding": model.response_coding or None,
        "event": model.event,
        "trials": model.trials_name,
        "n_groups": None if model.trials is None else model.trials.n_groups,
        "reading": model.reading.options or None,
        "aliased": None if model.aliased is None else list(model.aliased.names),
        "n_events": model.n_events,
        "n_dropped": model.n_dropped,
        "in_memory": isinstance(model.rows, ArrayRows),
    }


def machine() -> str:
    """System, processor and the kernels of linear algebra on which rounding depends."""
    from threadpoolctl import threadpool_info

    kernels = {str(found.get("architecture")) for found in threadpool_info()} - {"None"}
    return " ".join([platform.system(), platform.machine(), *sorted(kernels)])


def _seeds(main: MainModel) -> dict[str, int | None]:
    """Seeds of the draws, by route, and of the draws of the comparison, by model."""
    routes = [posterior.route for posterior in main.posteriors]
    found = {
        route if routes.count(route) == 1 else f"{route} {i + 1}": posterior.seed
        for i, (route, posterior) in enumerate(zip(routes, main.posteriors, strict=True))
    }
    compared = {} if main.comparison is None else main.comparison.seeds
    return found | {f"model {name}": seed for name, seed in compared.items()}


def timeless(facts: Any) -> Any:
    """Without times, and without covariances: k^2 numbers for every route."""
    if isinstance(facts, Mapping):
        return {
            str(key): None if key == "seconds" else timeless(value)
            for key, value in facts.items()
            if key != "covariance"
        }
    return [timeless(value) for value in facts] if isinstance(facts, list) else facts
