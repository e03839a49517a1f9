"""What the commands print."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.as_typed import as_typed
from flatprior.models.routes.registry import LABELS, Route

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from flatprior.analysis.agreement.judged import Agreement
    from flatprior.models import BernoulliLogistic, Existence, PointEstimate
    from flatprior.models.common.rendering import Rendered


_DECIMAL = re.compile(r"-?\d+(\.\d*)?")
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
    from flatprior.models.common.rendering import Rendered
    from flatprior.models.results import FORMATS

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
    """Print an estimate as it prints itself, with all that is known of the data."""
    from dataclasses import replace

    from flatprior.analysis.inference.goodness import grouped_fit
    from flatprior.models.common.text import count

    rendered, grouped = estimate.rendered(), grouped_fit(model, estimate)
    data, *others = model.facts
    data = f"{data}, {count(model.n_parameters, 'coefficient')}"
    facts = (data, *others, estimate.criteria, *([] if grouped is None else [grouped.test]))
    show(out, replace(rendered, facts=facts), estimate.warnings, IN_CSV)


def print_agreement(out: Console, agreement: Agreement) -> None:
    """Print every route beside the others, and the verdict."""
    from dataclasses import replace

    from flatprior.models.common.rendering import Rendered
    from flatprior.models.results import FORMATS

    rendered = agreement.rendered()
    names = tuple(LABELS.get(name, name) for name in rendered.names)
    notes = rendered.notes[1:]  # the first is the message, which stands below in a frame
    show(out, replace(rendered, title="", facts=(), names=names, notes=notes))
    out.print()
    frame = agreement.coefficients().rename(columns={"standard error": "SE"})
    formats = dict.fromkeys(map(str, frame.columns), FORMATS["coefficient"]) | FORMATS
    show(out, Rendered.of(frame, formats))
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
    """Print a title, facts, a table and notes; what is too wide goes into further tables below.

    Notes that are `warnings` have their colour. Of a very long table the first rows are printed,
    how many more there are, and `whole`: what prints or writes all of them.
    """
    from dataclasses import replace

    from rich.text import Text

    from flatprior.models.common.progress import WIDEST
    from flatprior.models.common.rendering import as_notes
    from flatprior.models.common.text import printable

    rendered = rendered.shortened(whole)
    text = min(out.width, WIDEST)  # lines of text are read best where they are not too long
    if rendered.title:
        bad = rendered.title.startswith("NOT ")
        out.print(Text(printable(rendered.title), style="bold red" if bad else "bold"), width=text)
    for fact in rendered.facts:
        out.print(Text(as_typed(printable(fact))), width=text)
    if rendered.title or rendered.facts:
        out.print()
    if rendered.has_table:
        aligned = replace(rendered, cells=_aligned(rendered.cells))
        parts, closer = _parts(aligned, out.width), _parts(rendered, out.width)
        # that decimal points stand below one another is not worth a further table
        if len(parts) > len(closer):
            aligned, parts = rendered, closer
        for part in parts:
            out.print(_rich_table(aligned, part))
            out.print()
    coloured = as_notes(warnings)
    for note in rendered.notes:
        style = "yellow" if note in coloured else ""
        out.print(Text(as_typed(printable(note)), style=style), width=text)


def _parts(rendered: Rendered, width: int) -> list[range]:
    """Columns that fit beside one another, and their names."""
    from flatprior.models.common.rendering import NARROWEST

    cells = zip(rendered.columns, *rendered.cells, strict=True)
    widths = [2 + max(map(len, column)) for column in cells]
    # where the width does not suffice a name is folded, but not too narrow; numbers are not
    longest = max(map(len, ("", *rendered.names)))
    room = width - min(longest, max(NARROWEST, width - sum(widths)))
    return rendered.parts(widths, room)


def _aligned(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The cells of a table, numbers of a column with their decimal points below one another."""
    columns = []
    for column in zip(*rows, strict=True):
        behind = [
            len(cell.partition(".")[2]) + ("." in cell) if _DECIMAL.fullmatch(cell) else None
            for cell in column
        ]
        most = max((each for each in behind if each is not None), default=0)
        columns.append(
            [
                cell if each is None else cell + " " * (most - each)
                for cell, each in zip(column, behind, strict=True)
            ]
        )
    return tuple(zip(*columns, strict=True))


def _rich_table(rendered: Rendered, part: range) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("", overflow="fold")
    widths = [
        max(map(len, (name, *(row[j] for row in rendered.cells))))
        for j, name in enumerate(rendered.columns)
    ]
    words = rendered.words

    def of(cells: Sequence[str]) -> list[Text]:
        """Filled here: rich would strip what aligns decimal points."""
        return [
            Text(cells[j].ljust(widths[j]) if j in words else cells[j].rjust(widths[j]))
            for j in part
        ]

    for heading in of(rendered.columns):
        table.add_column(heading, no_wrap=True)
    for name, cells in zip(rendered.names, rendered.cells, strict=True):
        table.add_row(Text(name), *of(cells))
    return table
