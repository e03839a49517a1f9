"""What the commands print."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from flatprior.models.routes.registry import LABELS, Route

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from flatprior.analysis.agreement.verdict import Agreement
    from flatprior.models import BernoulliLogistic, Existence, PointEstimate


MOST_INTERVALS = 20  # profile intervals that check computes: each takes many fits


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
    out: Console, model: BernoulliLogistic, existence: Existence, progress: bool, in_batches: bool
) -> dict[str, Any] | None:
    """Print where each coefficient goes, and what the likelihood still says about it."""
    from flatprior.analysis.inference.intervals import confidence_intervals
    from flatprior.models.common.text import count

    limit = existence.limit
    assert limit is not None  # noqa: S101
    frame = existence.table().rename(columns={"standard error": "SE"})
    intervals, names = None, _most_telling(existence)
    known = not math.isnan(limit.log_likelihood)
    if known and existence.kind != "rank deficient" and not in_batches:
        intervals = confidence_intervals(model, progress=progress, names=names)
        frame = frame.join(intervals.drop(columns="coefficient"))
    print_table(out, frame)
    if not known:
        return None
    left = model.n_rows - existence.n_separated
    whose = "that of all rows" if left == model.n_rows else f"that of {count(left, 'row')} left"
    out.print(
        f"Supremum of the log-likelihood: {limit.log_likelihood:.6f}"
        f" ({whose if left else 'every row is separated'})."
    )
    if intervals is None:
        return None
    out.print(
        "limit, SE: of the coefficients that stay finite. 2.5%, 97.5%: profile-likelihood "
        "interval, open where the coefficient diverges.",
        style="dim",
    )
    if len(names) < len(frame):
        out.print(
            f"Intervals are those of {len(names)} of {len(frame)} coefficients, the diverging ones "
            "first: each takes many fits. flatprior.analysis.confidence_intervals(model, names=...)"
            " computes others.",
            style="dim",
        )
    ends = intervals.drop(columns="coefficient")
    return {name: [float(low), float(high)] for name, low, high in ends.itertuples()}


def _most_telling(existence: Existence) -> list[str]:
    """Names of the coefficients whose profiles `check` computes, in their order.

    Those that diverge in one direction come first: of them an interval says what no estimate does.
    """
    where = existence.coefficients
    ranked = sorted(where, key=lambda name: where[name] not in ("+inf", "-inf"))
    return [name for name in where if name in set(ranked[:MOST_INTERVALS])]


def print_warnings(out: Console, warnings: tuple[str, ...]) -> None:
    """Print what a result warns of."""
    from rich.text import Text

    for warning in warnings:
        out.print(Text(f"Note: {warning}.", style="yellow"))


def print_both(out: Console, model: BernoulliLogistic, given: dict[str, float]) -> None:
    """Print the coefficients given beside the MLE, where there is one and the names are its."""
    import pandas as pd

    from flatprior.models import MLEDoesNotExistError, fit_newton

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
    print_table(out, frame)


def result_console() -> Console:
    """Where results are printed."""
    from flatprior.models.common.progress import console

    return console()


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
    out.print(Text("\n".join(map(printable, lines))))
    if model.weights_name is not None:
        out.print(Text(f"{COUNTS[0].upper()}{COUNTS[1:]}.", style="dim"))
    out.print()


def print_estimate(out: Console, estimate: PointEstimate) -> None:
    """Print coefficients, and what is proved of them."""
    bound = estimate.certificate.error_bound
    if not estimate.converged:
        proved = (
            f"these numbers are only proved to be within {bound:.1e} standard errors of it"
            if math.isfinite(bound)
            else "nothing can be proved about the distance of these numbers from it"
        )
        out.print(
            f"NOT CONVERGED: the MLE exists and is unique (proved), but {proved}. Centre or "
            "rescale columns and offsets.",
            style="bold red",
        )
        out.print()
    frame = estimate.summary().rename(columns={"coefficient": "estimate", "standard error": "SE"})
    for column, digits in zip(frame.columns, (6, 4, 3, 3, 4, 4), strict=False):
        frame[column] = [f"{value:.{digits}g}" for value in frame[column]]
    frame["p"] = estimate.p_text
    frame["digits"] = [f"{math.floor(digits)}" for digits in frame["digits"]]  # never rounded up
    print_table(out, frame)
    out.print(f"{estimate.criteria[0].upper()}{estimate.criteria[1:]}; {estimate.message}.")
    if math.isfinite(bound):
        out.print(
            f"The MLE exists and is unique; each coefficient is within {bound:.1e} standard errors "
            "of it, the log-likelihood within "
            f"{estimate.certificate.log_likelihood_error:.1e} of its maximum (proved); digits: the "
            "certain ones of each coefficient."
        )


def print_agreement(out: Console, agreement: Agreement) -> None:
    """Print every route beside the others, and the verdict."""
    frame = agreement.table().drop(columns="log-likelihood")
    frame = frame.rename(index=lambda route: LABELS.get(route, route))
    frame["agrees"] = ["yes" if value else "NO" for value in frame["agrees"]]
    for column in ("error bound", "distance"):
        frame[column] = ["-" if math.isnan(value) else f"{value:.1e}" for value in frame[column]]
    frame["digits"] = ["-" if math.isnan(d) else f"{math.floor(d)}" for d in frame["digits"]]
    frame["seconds"] = [f"{value:.2f}" for value in frame["seconds"]]
    print_table(out, frame.rename(columns={"error bound": "bound"}))
    out.print(
        "bound: proved largest error; distance: from the best route; both in standard errors. "
        "digits: certain ones of every coefficient. For draws: stated (not proved) error and "
        "distance of the mode found from the draws alone, where they tell it.",
        style="dim",
    )
    for judged in agreement.routes:
        before = judged.estimate.before_finish
        if before is not None:
            bound = before.error_bound
            reached = f"bound {bound:.1e}" if math.isfinite(bound) else "no bound can be proved"
            out.print(f"pm.find_MAP alone, before the Newton steps that finish it: {reached}.")
    for check in agreement.posterior_checks:
        found = check.diagnostics
        own = (
            f"acceptance {found['acceptance']:.2f}, efficiency {found['efficiency']:.2f}, "
            f"Pareto k {found['pareto k']:.2f}"
            if "acceptance" in found
            else f"{found.get('divergences', 0):.0f} divergences"
        )
        r_hat = float(check.mixing.r_hat.max())
        out.print(
            f"{check.route.upper()}: {check.n_draws} draws, {own}, R-hat {r_hat:.3f}, "
            f"ESS {found['ess bulk']:.0f} (bulk), {found['ess tail']:.0f} (tail)."
        )
    out.print()
    print_table(out, agreement.coefficients().rename(columns={"standard error": "SE"}))
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
    text = Text(printable(f"{message[0].upper()}{message[1:]}"))
    out.print(Panel(text, title=title.upper(), title_align="left", border_style=style))


def print_table(out: Console, frame: pd.DataFrame) -> None:
    """Print a frame; what is too wide goes into further tables below, names repeated."""
    from flatprior.models.common.rendering import NARROWEST, folded
    from flatprior.models.common.text import printable

    names = [printable(name) for name in frame.index]
    heading = str(frame.index.name or "")
    columns = [
        (str(title), [value if isinstance(value, str) else _number(value) for value in values])
        for title, (_, values) in zip(frame.columns, frame.items(), strict=True)
    ]
    widths = [2 + max(map(len, (title, *cells))) for title, cells in columns]
    # where the width does not suffice a name is folded, but not too narrow; numbers are not
    longest = max(map(len, (*names, heading)))
    room = out.width - min(longest, max(NARROWEST, out.width - sum(widths)))
    for part in folded(widths, room):
        out.print(_rich_table(heading, names, [columns[j] for j in part]))
        out.print()


def _rich_table(heading: str, names: list[str], columns: list[tuple[str, list[str]]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column(heading, overflow="fold")
    for title, _ in columns:
        table.add_column(title, justify="right", no_wrap=True)
    for i, name in enumerate(names):
        table.add_row(Text(name), *(Text(cells[i]) for _, cells in columns))
    return table


def _number(value: float) -> str:
    """Five decimals where they say something, else five significant digits."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return f"{value:+}"
    return f"{value:.5f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.5g}"
