"""The command line. Only this module prints and exits.

Exit status: 0 the routes agree or the work is done, 1 they disagree or no MLE exists, 2 the input
is wrong (one line that says what and where), 130 interrupted. Results go to standard output,
progress and errors to standard error. Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from flatprior.analysis.agreement import Agreement
    from flatprior.models import BernoulliLogistic, PointEstimate

F = TypeVar("F", bound=Callable[..., Any])

ROUTES = {
    "newton": "NumPy Newton optimiser",
    "sklearn": "scikit-learn, no penalty",
    "map": "PyMC MAP, flat priors",
    "nuts": "PyMC NUTS sampling",
}
DEMO_FORMULA = "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume"
WIDTH = 80


class OneLineErrors(click.Group):
    """A group whose usage errors are one line too, like every other."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; exit with its status."""
        try:
            status = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                error.show()
                sys.exit(2)
            _fail(error.format_message(), 2)
        except click.Abort:
            _fail("interrupted; nothing was written", 130)
        sys.exit(status if isinstance(status, int) else 0)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flatprior")
def main() -> None:
    """Bernoulli-logistic regression by independent routes that must agree.

    DATA is a CSV or Parquet file, FORMULA for example "y ~ x1 + C(x2)".
    Exit status: 0 agreement, 1 disagreement or no MLE, 2 wrong input.
    """


def model_arguments(command: F) -> F:
    """Add what every command on a user's data takes."""
    for decorate in (
        click.option(
            "--missing",
            type=click.Choice(["drop", "raise"]),
            default="drop",
            show_default=True,
            help="Rows with a missing value: leave out and count, or stop.",
        ),
        click.option("--weights", metavar="COLUMN", help="Column of frequency weights."),
        click.option("--offset", metavar="COLUMN", help="Column added to the linear predictor."),
        click.argument("formula"),
        click.argument("data"),
    ):
        command = decorate(command)
    return command


json_option = click.option(
    "--json", "json_path", metavar="FILE", help="Also write the result to FILE as JSON."
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of the draws, for the same draws again."
)
draws_option = click.option(
    "--draws",
    type=click.IntRange(100),
    help="Draws of each of the 4 chains; default 1000, or what their tests need.",
)


@main.command()
@model_arguments
@json_option
def fit(data: str, formula: str, json_path: str | None, **options: Any) -> None:
    """Fit by Newton's method, with standard errors and a certificate."""
    with clean_errors():
        from flatprior.models import fit_newton

        _check_json_path(json_path, data)
        model = _load(data, formula, **options)
        estimate = fit_newton(model)
        if json_path:
            estimate.save(json_path)
        out = _console()
        _print_model(out, model)
        _print_estimate(out, estimate)


@main.command()
@model_arguments
@json_option
def check(data: str, formula: str, json_path: str | None, **options: Any) -> None:
    """Decide whether the maximum likelihood estimate exists."""
    with clean_errors():
        from flatprior.models import check_existence

        _check_json_path(json_path, data)
        model = _load(data, formula, **options)
        existence = check_existence(model)
        if json_path:
            _write_json(json_path, existence.to_dict())
        out = _console()
        _print_model(out, model)
        _verdict(out, existence.kind, existence.message, good=existence.exists)
        if not existence.exists:
            sys.exit(1)


@main.command()
@model_arguments
@json_option
@seed_option
@draws_option
def agree(
    data: str,
    formula: str,
    json_path: str | None,
    seed: int | None,
    draws: int | None,
    **options: Any,
) -> None:
    """Fit by four routes and say whether they agree."""
    with clean_errors():
        _check_json_path(json_path, data)
        _agree(_load(data, formula, **options), json_path, seed, draws)


@main.command()
@json_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Seed of the draws.",
)
@draws_option
def demo(json_path: str | None, seed: int, draws: int | None) -> None:
    """Four routes on bundled data: will the S&P 500 go up?"""
    with clean_errors():
        from flatprior.models import BernoulliLogistic, load_smarket

        _check_json_path(json_path)
        model = BernoulliLogistic.from_formula(DEMO_FORMULA, load_smarket())
        _agree(model, json_path, seed, draws)


def _agree(
    model: BernoulliLogistic, json_path: str | None, seed: int | None, draws: int | None
) -> None:
    from flatprior.analysis.agreement import compare_routes, run_routes

    out = _console()
    _print_model(out, model)
    results = run_routes(
        model, draws=draws, seed=seed, progress=sys.stderr.isatty(), on_start=_announce
    )
    _announce("verdict")
    agreement = compare_routes(model, *results)
    if json_path:
        _write_json(json_path, agreement.to_dict())
    _print_agreement(out, agreement)
    if agreement.verdict != "agree":
        sys.exit(1)


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn every expected failure into one line on standard error and an exit status."""
    from flatprior.models.results import MLEDoesNotExistError

    try:
        yield
    except MLEDoesNotExistError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("interrupted; nothing was written", 130)
    except BrokenPipeError:  # the reader of a pipe has gone: not our failure, nothing to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, TypeError, OSError, UnicodeError) as error:
        _fail(str(error), 2)
    except MemoryError:
        _fail("not enough memory", 2)


def _fail(message: str, status: int) -> None:
    # control characters from a file must not reach the terminal
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    click.echo(f"flatprior: {line}", err=True)
    sys.exit(status)


def _check_json_path(path: str | None, data: str = "") -> None:
    """Fail before the work, not after it, if the result could not be written."""
    if path is None:
        return
    from flatprior.models._files import writable

    target = writable(path)
    if target.exists() and os.path.exists(data) and target.samefile(data):
        raise ValueError(f"--json {path!r} is the data file itself; name another")


def _write_json(path: str, facts: dict[str, Any]) -> None:
    from flatprior.models._files import replacing

    text = json.dumps(_without_infinities(facts), indent=1, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _without_infinities(value: Any) -> Any:
    """JSON has no infinity and no NaN; they become null."""
    if isinstance(value, dict):
        return {key: _without_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_infinities(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _load(
    data: str, formula: str, offset: str | None, weights: str | None, missing: Any
) -> BernoulliLogistic:
    from flatprior.models import BernoulliLogistic

    model = BernoulliLogistic.from_formula(
        formula, data, offset=offset, frequency_weights=weights, missing=missing
    )
    if model.response.min() == model.response.max() and "Intercept" in model.names:
        raise ValueError(
            f"the response {model.response_name!r} has one class only, "
            f"{model.response[0]:.0f} in all {model.n_rows} rows; a fit needs both"
        )
    return model


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.width <= WIDTH else Console(highlight=False, width=WIDTH)


def _announce(step: str) -> None:
    """Say on standard error what is being computed."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if step in ROUTES:
        note = "; compiles for a minute on its first run" if step == "map" else ""
        place = f"{list(ROUTES).index(step) + 1}/{len(ROUTES)}"
        console.print(f"{place}  {ROUTES[step]}{note} ...", style="dim")
    else:
        console.print("     certificates and posterior tests ...", style="dim")


def _print_model(out: Console, model: BernoulliLogistic) -> None:
    from rich.markup import escape

    lines = [
        f"[bold]{escape(model.formula or '')}[/bold]",
        f"{model.n_observations} observations, {model.n_events} events "
        f"({escape(model.response_coding)}), {model.n_parameters} coefficients",
    ]
    if model.n_dropped:
        lines.append(f"{model.n_dropped} rows left out: a value is missing")
    if model.n_zero_weight:
        lines.append(f"{model.n_zero_weight} rows left out: their frequency weight is 0")
    lines += [
        f"{escape(name)}: differences from level {escape(level)}"
        for name, level in model.reference_levels.items()
    ]
    out.print("\n".join(lines))
    out.print()


def _print_estimate(out: Console, estimate: PointEstimate) -> None:
    summary = estimate.summary().rename(columns={"coefficient": "estimate", "standard error": "SE"})
    out.print(
        _table(
            summary,
            {
                "estimate": "{:.6g}",
                "SE": "{:.4g}",
                "z": "{:.2f}",
                "p": "{:.3g}",
                "2.5%": "{:.4g}",
                "97.5%": "{:.4g}",
                "digits": "{:.0f}",
            },
            floor={"digits"},
        )
    )
    certificate = estimate.certificate
    out.print()
    out.print(f"Log-likelihood {estimate.log_likelihood:.6f}; {estimate.message}.")
    out.print(
        f"The MLE exists and is unique, and each coefficient is within "
        f"{certificate.error_bound:.1e} standard errors of it (proved); digits: its certain ones."
    )


def _print_agreement(out: Console, agreement: Agreement) -> None:
    table = agreement.table().drop(columns="log-likelihood")
    table.index = table.index.map(lambda route: ROUTES.get(route, route))
    table["agrees"] = ["yes" if value else "NO" for value in table["agrees"]]
    out.print(
        _table(
            table.rename(columns={"error bound": "bound"}),
            {
                "agrees": "{}",
                "bound": "{:.1e}",
                "digits": "{:.0f}",
                "distance": "{:.1e}",
                "seconds": "{:.2f}",
            },
            floor={"digits"},
        )
    )
    out.print(
        "bound: proved largest error; distance: from the best route; both in standard errors. "
        "digits: certain ones of every coefficient. For draws: stated error and distance of the "
        "mode found from the draws alone.",
        style="dim",
    )
    for judged in agreement.routes:
        before = judged.estimate.before_finish
        if before is not None:
            bound = before.error_bound
            reached = f"bound {bound:.1e}" if math.isfinite(bound) else "no bound can be proved"
            out.print(f"pm.find_MAP alone, before the Newton steps that finish it: {reached}.")
    for check in agreement.posterior_checks:
        out.print(
            f"{check.route.upper()}: {check.n_draws} draws, {check.n_divergences} divergences, "
            f"R-hat {check.r_hat:.3f}, ESS {check.ess:.0f} (bulk), {check.ess_tail:.0f} (tail)."
        )
    out.print()
    frame = agreement.coefficients().rename(columns={"standard error": "SE"})
    out.print(_table(frame, dict.fromkeys(frame.columns, "{:.5f}"), significant=True))
    out.print()
    _verdict(out, agreement.verdict, agreement.message, good=agreement.verdict == "agree")


def _verdict(out: Console, title: str, message: str, *, good: bool) -> None:
    from rich.panel import Panel
    from rich.text import Text

    style = "green" if good else "red"
    text = Text(f"{message[0].upper()}{message[1:]}")
    out.print(Panel(text, title=title.upper(), title_align="left", border_style=style))


def _table(
    frame: pd.DataFrame,
    formats: dict[str, str],
    *,
    floor: set[str] | frozenset[str] = frozenset(),
    significant: bool = False,
) -> Any:
    """Lay a frame out as a rich table; `floor` columns are rounded down, never up."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    # where the width does not suffice, names are folded, never numbers
    table.add_column(str(frame.index.name or ""), overflow="fold", min_width=8)
    for column in frame.columns:
        table.add_column(str(column), justify="right", no_wrap=True)

    def show(column: str, value: Any) -> str:
        if isinstance(value, float) and math.isnan(value):
            return "-"
        if column in floor and math.isfinite(value):
            value = math.floor(value)
        if significant and value != 0 and not 1e-3 <= abs(value) < 1e6:
            return f"{value:.5g}"
        return formats[column].format(value)

    for label, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        cells = [show(str(c), v) for c, v in zip(frame.columns, row, strict=True)]
        table.add_row(Text(str(label)), *map(Text, cells))
    return table
