"""What the commands print."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.as_typed import as_typed
from flatprior.models.routes.registry import LABELS, Route

if TYPE_CHECKING:
    from rich.console import Console

    from flatprior.analysis.agreement.judged import Agreement
    from flatprior.models import BernoulliLogistic, Existence, PointEstimate
    from flatprior.models.common.rendering import Rendered


WIDE = 240  # columns that a table may have
IN_JSON, IN_CSV = "--json FILE writes all", "--format csv prints all"


def print_fragility(out: Console, model: BernoulliLogistic, progress: bool) -> dict[str, Any]:
    """Print how few rows the estimate hangs on."""
    from rich.text import Text

    from flatprior.models import check_fragility
    from flatprior.models.common.text import printable

    fragility = check_fragility(model, progress=progress)
    message = printable(f"{fragility.message[0].upper()}{fragility.message[1:]}.")
    out.print(Text(message, style="yellow" if fragility.fragile else ""))
    return fragility.to_dict()


def print_limit(
    out: Console, model: BernoulliLogistic, existence: Existence, progress: bool
) -> dict[str, Any] | None:
    """Print where each coefficient goes, and what the likelihood still says about it."""
    from flatprior.analysis.inference.limits import Limits

    found = Limits.of(model, existence, progress=progress)
    show(out, found.rendered())
    if found.intervals is None:
        return None
    ends = found.intervals.drop(columns="coefficient")
    return {name: [float(low), float(high)] for name, low, high in ends.itertuples()}


def print_warnings(out: Console, warnings: tuple[str, ...]) -> None:
    """Print what a result warns of."""
    from rich.text import Text

    for warning in warnings:
        out.print(Text(as_typed(f"Note: {warning}."), style="yellow"))


def print_both(out: Console, model: BernoulliLogistic, given: dict[str, float]) -> None:
    """Print the coefficients given beside the MLE, where there is one and the names are its."""
    import pandas as pd

    from flatprior.models import MLEDoesNotExistError, fit_newton
    from flatprior.models.common.rendering import FORMATS, Rendered

    if not set(given) <= set(model.names):
        return
    try:
        fit = fit_newton(model)
    except MLEDoesNotExistError:
        return
    theirs = pd.Series({name: given.get(name, math.nan) for name in model.names})
    frame = pd.DataFrame(
        {
            "given": theirs,
            "MLE": fit.coefficients,
            "difference / SE": (theirs - fit.coefficients) / fit.standard_errors,
        }
    )
    form = FORMATS["coefficient"]
    shown = Rendered.of(frame, {"given": form, "MLE": form, "difference / SE": "#.4g"})
    show(out, shown, whole="flatprior fit --format csv prints all of the MLE")


def result_console(wide: bool = False) -> Console:
    """Where results are printed; a `wide` one takes the whole terminal for its tables."""
    from flatprior.models.common.progress import WIDEST, console

    return console(widest=WIDE if wide else WIDEST)


def announce(route: Route, place: str) -> None:
    """Say on standard error what is being computed."""
    note = f"; {route.at_start}" if route.at_start else ""
    click.echo(f"{place}  {route.label}{note} ...", err=True)


def print_model(out: Console, model: BernoulliLogistic) -> None:
    """Print the formula, and what the data are."""
    from rich.text import Text

    from flatprior.models.common.text import COUNTS, count, printable

    first, *others = model.facts
    lines = [f"{first}, {count(model.n_parameters, 'coefficient')}", *others]
    out.print(Text(printable(model.formula), style="bold"))
    out.print(Text(as_typed("\n".join(map(printable, lines)))))
    if model.weights_name is not None:
        out.print(Text(as_typed(f"{COUNTS[0].upper()}{COUNTS[1:]}."), style="dim"))
    out.print()


def print_estimate(out: Console, model: BernoulliLogistic, estimate: PointEstimate) -> None:
    """Print an estimate as it prints itself, and below it how well grouped counts are fitted."""
    from rich.text import Text

    from flatprior.analysis.inference.goodness import grouped_fit

    show(out, estimate.rendered(), estimate.warnings, IN_CSV)
    grouped = grouped_fit(model, estimate)
    if grouped is not None:
        out.print(Text(as_typed(f"{grouped.test}.")))


def print_agreement(out: Console, agreement: Agreement) -> None:
    """Print every route beside the others, and the verdict."""
    from dataclasses import replace

    from flatprior.models.common.rendering import Rendered

    rendered = agreement.rendered()
    names = tuple(LABELS.get(name, name) for name in rendered.names)
    notes = rendered.notes[1:]  # the first is the message, which stands below in a frame
    show(out, replace(rendered, title="", facts=(), names=names, notes=notes))
    out.print()
    frame = agreement.coefficients_in_words(decimals=5).rename(columns={"standard error": "SE"})
    show(out, Rendered.of(frame, {}))
    ran = len(agreement.routes) + len(agreement.posterior_checks)
    missing = len(agreement.unavailable)
    title = f"{ran} of {ran + missing} routes {agreement.verdict}" if missing else agreement.verdict
    print_verdict(out, title, agreement.message, good=agreement.verdict == "agree")


def print_verdict(out: Console, title: str, message: str, *, good: bool) -> None:
    """Print a verdict in a frame of its colour."""
    from rich.panel import Panel
    from rich.text import Text

    from flatprior.models.common.text import printable

    style = "green" if good else "red"
    text = Text(as_typed(printable(f"{message[0].upper()}{message[1:]}")))
    out.print(Panel(text, title=title.upper(), title_align="left", border_style=style))


def show(
    out: Console, rendered: Rendered, warnings: tuple[str, ...] = (), whole: str = IN_JSON
) -> None:
    """Print what `print` prints of it, in the width of the terminal, with colours.

    Notes that are `warnings` have their colour. Of a very long table the first rows are printed,
    how many more there are, and `whole`: what prints or writes all of them. Below a table without
    notes there is an empty line.
    """
    from dataclasses import replace

    from rich.text import Text

    from flatprior.models.common.progress import WIDEST
    from flatprior.models.common.rendering import as_notes

    def typed(each: Rendered) -> Rendered:
        """With the options of the command line in place of the library's."""
        facts, notes = map(as_typed, each.facts), map(as_typed, each.notes)
        return replace(each, facts=tuple(facts), notes=tuple(notes))

    shown = rendered.shortened(whole)
    narrower = None if shown.narrower is None else typed(shown.narrower)
    shown = replace(typed(shown), narrower=narrower)
    coloured = tuple(map(as_typed, as_notes(warnings)))
    bad = rendered.title.startswith("NOT ")
    styles = {"title": "bold red" if bad else "bold", "head": "bold"}
    # lines of text are read best where they are not too long
    for line in shown.lines(out.width, min(out.width, WIDEST)):
        style = "yellow" if line.whole in coloured else styles.get(line.kind, "")
        out.print(Text(line.text, style=style), soft_wrap=True)
    if not shown.notes:
        out.print()
