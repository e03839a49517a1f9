"""Sections on the routes: their agreement, other programs' fits, and draws against the MLE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.numbers import Judged
from flatprior.analysis.auditing.wording import as_stated
from flatprior.analysis.figures.coefficients import plot_agreement
from flatprior.analysis.figures.posterior import plot_draws, plot_posterior
from flatprior.analysis.producers.plain import PLAIN
from flatprior.analysis.report.glossary import terms
from flatprior.analysis.report.items import figure_of, section_of, table_of, text_of
from flatprior.analysis.report.main_model import MainModel, Reported
from flatprior.analysis.report.page import Facts
from flatprior.models.common.rendering import Rendered, as_notes
from flatprior.models.common.text import at_most, count, printable
from flatprior.models.routes.registry import LABELS

DIGITS = ".6g"  # of a number that is stated in full


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
        f"{name} {distance:.1e} ({'proved' if i < proved else 'stated'} {at_most(bound)})"
        if i < proved or math.isfinite(distance)
        else f"{name}, whose mode is not told"
        for i, (name, distance, bound) in enumerate(
            zip(table.index, table["distance"], table["error bound"], strict=True)
        )
    )
    values = agreement.coefficients()
    as_text = agreement.coefficients_in_words()
    return section_of(
        "agreement",
        "Do the routes agree?",
        [
            text_of(f"{agreement.message[:1].upper()}{agreement.message[1:]}"),
            table_of(
                "routes",
                replace(rendered, title="Routes", facts=(), notes=as_notes(notes)),
                failing=[not agrees for agrees in table["agrees"]],
            ),
            table_of(
                "estimates",
                replace(
                    Rendered.of(as_text, {}, "Coefficients by every route"),
                    raw=values,
                ),
            ),
            figure_of(
                "agreement-plot",
                plot_agreement(agreement),
                "Distance of each route from the best",
                "A dot a coefficient, a bar at the proved error bound. Bounds left of the dashed "
                "line are agreement."
                + (
                    " Of draws the dots are of their mode, and the bar at its stated error, which "
                    "is not proved: they are judged by their tests."
                    if agreement.posterior_checks
                    else ""
                ),
                f"Largest distance of each route in standard errors, with its bound: {said}.",
            ),
            *_explanations(agreement),
        ],
    )


def _explanations(agreement: Agreement) -> list[Facts]:
    """Of each route that does not agree, why: what was found, and what was tried."""
    return [
        table_of(
            f"explanation-{i + 1}",
            replace(
                judged.explanation.rendered(),
                title=f"{_why(judged.estimate.route)}: {judged.explanation.title}",
                facts=as_notes([judged.explanation.message]),
            ),
        )
        for i, judged in enumerate(agreement.routes)
        if judged.explanation is not None and judged.explanation.causes
    ]


def _why(route: str) -> str:
    return f"Why the {PLAIN} differ" if route == PLAIN else f"Why {printable(route)} differs"


def audits_of_fits(main: Reported) -> Facts | None:
    """What is found of other programs' fits, one after the other."""
    if not main.audits:
        return None
    items: list[Facts | None] = []
    for i, audit in enumerate(main.audits):
        items.append(table_of(f"audit-{i + 1}", _of_audit(audit), failing=audit.failing))
        left = [each for each in _beside(audit) if each.consistent is not True]
        if left:
            wrong = [each.consistent is False for each in left]
            items.append(
                table_of(f"audit-numbers-{i + 1}", _of_numbers(audit, left), failing=wrong)
            )
    return section_of("audits", "Other programs' fits", items)


def _of_audit(audit: Audit) -> Rendered:
    """What is found of a fit, which the title names alone."""
    rendered, whose = audit.rendered(), audit.producer
    whose = f"A{whose[1:]}" if whose.startswith(("a ", "an ")) else whose
    beside = _beside(audit)
    all_agree = beside and all(each.consistent for each in beside)
    said = [f"{audit.finding[:1].upper()}{audit.finding[1:]}.", *rendered.facts[1:]]
    if all_agree and not audit.is_mle:  # else the finding says it
        said.append(f"Of its other numbers {len(beside)} of {len(beside)} agree.")
    return replace(
        rendered,
        title=printable(f"{whose}: {'passed' if audit.passed else 'not passed'}"),
        facts=tuple(map(printable, said)),
    )


def _beside(audit: Audit) -> list[Judged]:
    """The numbers that a fit states beside its coefficients."""
    return [each for each in audit.numbers if each.quantity != "coefficient"]


def _of_numbers(audit: Audit, left: Sequence[Judged]) -> Rendered:
    """The numbers that do not agree, or cannot be judged; how many do."""
    every = len(_beside(audit))
    names = pd.Index([f"{each.quantity} {each.term}".strip() for each in left])
    values = pd.DataFrame(
        {
            "stated": [each.stated for each in left],
            "proved": [each.proved for each in left],
            "convention": [each.convention for each in left],
            "consistent": ["-" if each.consistent is None else "NO" for each in left],
        },
        index=names,
    )
    stated = [as_stated(each.stated, each.unit, DIGITS) for each in left]
    return replace(
        Rendered.of(
            values.assign(stated=stated),
            {"proved": DIGITS},
            f"Numbers stated by {audit.producer} that do not agree, or cannot be judged",
            [f"{every - len(left)} of {every} agree"],
            [
                "consistent: whether the stated number is, to its last digit or to rounding, "
                "the value that its convention gives"
            ],
        ),
        raw=values,
    )


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
            table_of(
                f"claims{suffix}",
                Rendered.of(
                    check.table(),
                    {"p": "p"},
                    f"What holds of draws from the flat-prior posterior ({check.route})",
                    [count(check.n_draws, "draw")],
                    [
                        f"a test fails below p = {check.threshold:.1e}; correct draws fail one "
                        f"with probability {at_most(check.false_alarm)} at most",
                        f"mean of (beta - MLE)'score: {check.trace:.4f}, expected {-check.k}; mode "
                        f"of the draws: {check.mode_distance:.1e} standard errors from the MLE, "
                        f"stated error {at_most(check.mode_error)}; highest draw: "
                        f"{abs(check.highest_draw):.3g} in log-likelihood "
                        f"{'above' if check.highest_draw > 0 else 'below'} the MLE",
                        *(f"{said[:1].lower()}{said[1:]}" for said in check.scope),
                    ],
                ),
                failing=[not claim.holds for claim in check.claims],
            ),
            table_of(
                f"shift{suffix}",
                Rendered.of(
                    check.shift_table(),
                    {"observed": "+.4f", "predicted": "+.4f", "mcse": ".4f"},
                    f"Posterior mean minus MLE, in standard errors ({check.route})",
                    notes=[
                        "the mean is not the mode; by how much it differs is known beforehand, to "
                        "first order",
                        *terms(["mcse"]),
                    ],
                ),
            ),
        ]
        if posterior.provenance.data_hash != main.model.data_hash:
            continue
        items += [
            figure_of(
                f"density{suffix}",
                plot_posterior(posterior, main.fit, check.mode),
                *density_words(check),
            ),
            figure_of(
                f"draws{suffix}",
                plot_draws(main.model, posterior, main.fit),
                *draws_words(check),
            ),
        ]
    return section_of("posterior", "The posterior against the MLE", items)


def density_words(check: PosteriorCheck) -> tuple[str, str, str]:
    """Title, caption and alternative of the figure of posterior densities."""
    shift = check.shift[int(np.argmax(np.abs(check.shift)))]
    return (
        f"Posterior densities ({check.route})",
        "The solid line (MLE) and the triangle (mode of the draws) must coincide; "
        "the dashed mean need not.",
        f"Densities of {count(check.k, 'coefficient')}: the modes are within "
        f"{at_most(check.mode_distance)} standard errors of the MLE, the means up to "
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
