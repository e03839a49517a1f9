"""The command line. Only this module prints and exits.

Exit status: 0 the routes agree or the work is done, 1 they disagree or no MLE exists, 2 the input
is wrong (one line that says what and where) or memory does not suffice, 130 interrupted, 141 the
reader of a pipe has gone (as a shell says of other programs). Results go to standard output,
progress and errors to standard error. Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import sys

try:
    import errno
    import io
    import math
    import os
    import signal
    import threading
    from collections.abc import Callable, Iterator
    from contextlib import contextmanager
    from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

    import click
except KeyboardInterrupt:  # the first tenth of a second of the command
    print("flatprior: interrupted; nothing was written", file=sys.stderr)
    sys.exit(130)

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from flatprior.analysis.agreement import Agreement
    from flatprior.models import BernoulliLogistic, Existence, PointEstimate, Posterior

F = TypeVar("F", bound=Callable[..., Any])

ROUTES = {
    "newton": "NumPy Newton optimiser",
    "sklearn": "scikit-learn, no penalty",
    "map": "PyMC MAP, flat priors",
    "nuts": "PyMC NUTS sampling",
    "independence": "independence sampling",
}
DEMO_FORMULA = "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume"
LEAST_MEMORY = 2**30  # bytes of addresses
MOST_INTERVALS = 20  # profile intervals that check computes: each takes many fits
LARGEST_FILE = 2**28  # bytes that are read into memory at once


class OneLineErrors(click.Group):
    """A group whose usage errors are one line too, like every other."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; exit with its status."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # for names the terminal has no letters for
                stream.reconfigure(errors="replace")
        _written().clear()
        try:
            with _noting_interrupts():
                status = self._run(*args, **kwargs)
        except (ReaderGone, BrokenPipeError):
            _forget_output()
            sys.exit(141)
        sys.exit(status)

    def _run(self, *args: Any, **kwargs: Any) -> int:
        """Run the command; return its status where it has not ended."""
        try:
            with clean_errors():
                status = super().main(*args, **{**kwargs, "standalone_mode": False})
                if sys.stdout is not None:  # it was closed by who called
                    sys.stdout.flush()
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                error.show()
                return 2
            return _fail(error.format_message(), 2)
        except click.Abort:
            return _interrupted()
        return status if isinstance(status, int) else 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with a whole sentence, which click would cut at one line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(limit=sys.maxsize))
                    for name, command in commands
                    if command is not None
                ]
            )

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        """Keep what was typed, for the report."""
        given = list(args)
        with clean_errors():
            context = super().make_context(info_name, args, *rest, **more)
        context.meta["flatprior.arguments"] = given
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, before click makes something else of its errors."""
        with clean_errors():
            _check_memory()
            return super().invoke(ctx)


class ReaderGone(Exception):
    """The reader of a pipe has gone: not our failure, and nothing to say."""


_pressed: list[bool] = []


@contextmanager
def _noting_interrupts() -> Iterator[None]:
    """Remember Ctrl-C: an import that it breaks may end in any other error."""

    def note(*_: object) -> None:
        _pressed.append(True)
        raise KeyboardInterrupt

    _pressed.clear()
    ours = (
        threading.current_thread() is threading.main_thread()  # only it may handle signals
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _written() -> list[str]:
    """Files that were written, whether or not what writes them has been imported."""
    module = sys.modules.get("flatprior.models._files")
    return getattr(module, "written", [])


def _interrupted() -> NoReturn:
    """Say what Ctrl-C has left behind. Imports nothing: it may have come within an import."""
    files = ", ".join(repr(path) for path in _written())
    print(f"flatprior: interrupted; {files or 'nothing'} was written", file=sys.stderr, flush=True)
    sys.exit(130)


def _forget_output() -> None:
    """Send what is still to come nowhere: Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
        except (AttributeError, OSError, ValueError):
            continue  # closed, or no file


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flatprior")
def main() -> None:
    """Bernoulli-logistic regression by independent routes that must agree.

    DATA is a CSV or Parquet file, a folder of them, or a quoted pattern such as
    'folder/*.parquet'; FORMULA for example "y ~ x1 + C(x2)". fit and check take
    data larger than memory.
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
report_option = click.option(
    "--report", "report_path", metavar="FILE", help="Also write a report to FILE, one HTML page."
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of the draws, for the same draws again."
)
draws_option = click.option(
    "--draws",
    type=click.IntRange(100),
    help="Draws of each of the 4 chains; default 1000, or what their tests need.",
)
independence_option = click.option(
    "--independence", is_flag=True, help="A fifth route: independence sampling, without PyMC."
)


@main.command()
@model_arguments
@json_option
def fit(data: str, formula: str, json_path: str | None, **options: Any) -> None:
    """Fit by Newton's method, with standard errors and a certificate."""
    with clean_errors():
        from flatprior.models import fit_newton

        _check_paths(data, json=json_path)
        model = _load(data, formula, in_batches=_in_batches(data), **options)
        estimate = fit_newton(model)
        if json_path:
            estimate.save(json_path)
        out = _console()
        _print_model(out, model)
        _print_estimate(out, estimate)
        _print_warnings(out, estimate.warnings)
        if not estimate.converged:
            sys.exit(1)


@main.command()
@model_arguments
@json_option
def check(data: str, formula: str, json_path: str | None, **options: Any) -> None:
    """Decide whether the maximum likelihood estimate exists, and what hangs on which rows.

    Where it does not: the rows responsible, where each coefficient goes, and what can still be
    said. Where it does: how few observations it hangs on.
    """
    with clean_errors():
        from dataclasses import asdict

        from flatprior.models import check_existence
        from flatprior.models._files import write_json
        from flatprior.models.certificate import provenance

        _check_paths(data, json=json_path)
        in_batches = _in_batches(data)
        model = _load(data, formula, in_batches=in_batches, **options)
        progress = sys.stderr.isatty()
        existence = check_existence(model, progress=progress)
        facts = existence.to_dict() | {"provenance": asdict(provenance(model))}
        out = _console()
        _print_model(out, model)
        _verdict(out, existence.kind, existence.message, good=existence.exists)
        if existence.exists and in_batches:
            out.print("How few rows that hangs on is not looked for in data read in batches.")
        elif existence.exists:
            facts["fragility"] = _print_fragility(out, model, progress)
        elif existence.limit is not None:
            facts["intervals"] = _print_limit(out, model, existence, progress, in_batches)
        _print_warnings(out, existence.warnings)
        if json_path:
            write_json(json_path, facts)
        if not existence.exists:
            sys.exit(1)


def _print_fragility(out: Console, model: BernoulliLogistic, progress: bool) -> dict[str, Any]:
    from rich.text import Text

    from flatprior.models import check_fragility
    from flatprior.models._text import printable

    fragility = check_fragility(model, progress=progress)
    message = printable(f"{fragility.message[0].upper()}{fragility.message[1:]}.")
    out.print(Text(message, style="yellow" if fragility.fragile else ""))
    return fragility.to_dict()


def _print_limit(
    out: Console, model: BernoulliLogistic, existence: Existence, progress: bool, in_batches: bool
) -> dict[str, Any] | None:
    """Print where each coefficient goes, and what the likelihood still says about it."""
    from flatprior.analysis.intervals import confidence_intervals
    from flatprior.models._text import count

    limit = existence.limit
    assert limit is not None  # noqa: S101
    frame = existence.table().rename(columns={"standard error": "SE"})
    intervals, names = None, _most_telling(existence)
    known = not math.isnan(limit.log_likelihood)
    if known and existence.kind != "rank deficient" and not in_batches:
        intervals = confidence_intervals(model, progress=progress, names=names)
        frame = frame.join(intervals.drop(columns="coefficient"))
    _print_table(out, frame)
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


def _print_warnings(out: Console, warnings: tuple[str, ...]) -> None:
    from rich.text import Text

    for warning in warnings:
        out.print(Text(f"Note: {warning}.", style="yellow"))


@main.command()
@model_arguments
@report_option
@json_option
@seed_option
@draws_option
@independence_option
def agree(
    data: str,
    formula: str,
    report_path: str | None,
    json_path: str | None,
    seed: int | None,
    draws: int | None,
    independence: bool,
    **options: Any,
) -> None:
    """Fit by four routes and say whether they agree."""
    with clean_errors():
        _check_paths(data, json=json_path, report=report_path)
        model = _load(data, formula, **options)
        _agree(model, report_path, json_path, seed, draws, independence)


@main.command()
@click.argument("data")
@click.argument("formulas", nargs=-1, required=True, metavar="FORMULA FORMULA...")
@click.option("--offset", metavar="COLUMN", help="Column added to the linear predictor.")
@click.option("--weights", metavar="COLUMN", help="Column of frequency weights.")
@click.option(
    "--common-rows",
    is_flag=True,
    help="Use the rows in which no column of any formula is missing, and count the others.",
)
@click.option(
    "--sample", is_flag=True, help="Draw from each posterior, and compare by leave-one-out too."
)
@click.option("--exact-loo", is_flag=True, help="Also the leave-one-out log score of each MLE.")
@report_option
@json_option
@seed_option
def compare(
    data: str,
    formulas: tuple[str, ...],
    offset: str | None,
    weights: str | None,
    common_rows: bool,
    sample: bool,
    exact_loo: bool,
    report_path: str | None,
    json_path: str | None,
    seed: int | None,
) -> None:
    """Compare models of the same rows: AIC, BIC, likelihood ratios, leave-one-out."""
    with clean_errors():
        from rich.text import Text

        from flatprior.analysis.comparison import compare_models
        from flatprior.models._files import write_json
        from flatprior.models._text import printable

        _check_paths(data, json=json_path, report=report_path)
        seed = _seed(seed, report_path if sample else None)
        if len(formulas) < 2:
            raise ValueError("there is nothing to compare: pass two formulas or more")
        models = _load_several(data, formulas, offset, weights, common_rows, _in_batches(data))
        progress = sys.stderr.isatty()
        posteriors = {}
        for name, model in models.items() if sample else ():
            click.echo(f"{name}/{len(models)}  sampling ...", err=True)
            posteriors[name] = _draws(model, seed, progress)
        comparison = compare_models(models, posteriors, leave_one_out=exact_loo, progress=progress)
        out = _console()
        for name, formula in zip(models, formulas, strict=True):
            out.print(Text(f"{name}: {printable(formula)}", style="bold"))
        out.print(Text(str(comparison)))
        if report_path:
            _write_report(report_path, seed, comparison=comparison)
        if json_path:
            facts = comparison.to_dict()
            facts["formulas"] = dict(zip(models, formulas, strict=True))
            write_json(json_path, facts)


def _load_several(
    data: str,
    formulas: tuple[str, ...],
    offset: str | None,
    weights: str | None,
    common_rows: bool,
    in_batches: bool,
) -> dict[str, BernoulliLogistic]:
    """Models 1, 2, ... of the data; with `common_rows`, of the rows complete for all of them."""
    from flatprior.models import BernoulliLogistic
    from flatprior.models._text import count
    from flatprior.models.inputs import as_frame

    names = [str(i + 1) for i in range(len(formulas))]
    if in_batches:
        if common_rows:
            raise ValueError("--common-rows needs data that fit into memory")
        return {
            name: _load(data, formula, offset, weights, "drop", in_batches=True)
            for name, formula in zip(names, formulas, strict=True)
        }
    frame = as_frame(data)

    def build(formula: str) -> BernoulliLogistic:
        return BernoulliLogistic.from_formula(
            formula, frame, offset=offset, frequency_weights=weights
        )

    models = [build(formula) for formula in formulas]
    if common_rows:
        used = {column for column in (offset, weights) if column is not None}
        for model in models:
            assert model.encoding is not None  # noqa: S101
            used |= {model.response_name, *model.encoding.parsed.columns}
        complete = frame[sorted(used)].notna().all(axis=1)
        left_out = int((~complete).sum())
        if left_out:
            click.echo(
                f"{count(left_out, 'row')} left out of every model: a value is missing", err=True
            )
            frame = frame[complete]
            models = [build(formula) for formula in formulas]
    return dict(zip(names, models, strict=True))


def _draws(model: BernoulliLogistic, seed: int | None, progress: bool) -> Posterior:
    """Independence sampling, or NUTS where that does not suit the posterior."""
    from flatprior.models import sample_independence, sample_nuts

    posterior = sample_independence(model, seed=seed, progress=progress)
    return sample_nuts(model, seed=seed, progress=progress) if posterior.warnings else posterior


@main.command()
@model_arguments
@click.option(
    "--coefficients",
    "path",
    metavar="FILE",
    required=True,
    help="JSON: names and values, or an estimate saved by flatprior.",
)
@json_option
def explain(data: str, formula: str, path: str, json_path: str | None, **options: Any) -> None:
    """Say why somebody else's coefficients differ from the MLE.

    FILE holds {"Intercept": -1.2, "x1": 0.3, ...}; with standard errors
    {"coefficients": {...}, "standard_errors": {...}}.
    """
    with clean_errors():
        from dataclasses import asdict

        from flatprior.analysis.difference import explain_difference
        from flatprior.models._files import write_json
        from flatprior.models.certificate import provenance
        from flatprior.models.rendering import p_value

        _check_paths(data, json=json_path)
        coefficients, errors = _read_coefficients(path)
        model = _load(data, formula, **options)
        explanation = explain_difference(model, coefficients, errors)
        if json_path:
            facts = explanation.to_dict() | {"provenance": asdict(provenance(model))}
            write_json(json_path, facts)
        out = _console()
        _print_model(out, model)
        _print_both(out, model, coefficients)
        title = f"{explanation.cause}{'' if explanation.certain else ' (not certain)'}"
        agreed = explanation.cause == "agreement"
        _verdict(out, title, f"{explanation.message}.", good=agreed)
        if explanation.causes:
            out.print()
            frame = explanation.table().drop(columns="detail").rename_axis("tested")
            frame["distance"] = [f"{value:.1e}" for value in frame["distance"]]
            frame["coincidence"] = [p_value(p, form=".1e") for p in frame["coincidence"]]
            _print_table(out, frame)
            out.print(
                "distance: what the cause leaves unexplained, in standard errors; coincidence: how "
                "often numbers that have nothing to do with it would fit as well.",
                style="dim",
            )
        if explanation.cause in ("separation", "dependent columns"):
            sys.exit(1)


def _read_coefficients(path: str) -> tuple[dict[str, float], dict[str, float] | None]:
    """Coefficients by name, and standard errors where they are given, from a JSON file."""
    import json

    from flatprior.analysis.page import once
    from flatprior.models import PointEstimate
    from flatprior.models._text import shorten

    with open(path, encoding="utf-8-sig") as file:  # some editors write a mark in front
        try:
            facts = json.load(file, object_pairs_hook=once)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path!r} is not JSON: {error}") from error
    if isinstance(facts, dict) and "format" in facts:
        fit = PointEstimate.load(path)
        values, spread = fit.coefficients.tolist(), fit.standard_errors.tolist()
        return dict(zip(fit.names, values, strict=True)), dict(zip(fit.names, spread, strict=True))
    errors: dict[str, float] | None = None
    if isinstance(facts, dict) and isinstance(facts.get("coefficients"), dict):
        facts, errors = facts["coefficients"], facts.get("standard_errors")
    for part in (facts, {} if errors is None else errors):
        if not isinstance(part, dict):
            raise ValueError(
                f"{path!r} holds {shorten(str(part), 40)}; it must hold names and numbers, "
                '{"Intercept": -1.2, "x1": 0.3}'
            )
    return facts, errors


def _print_both(out: Console, model: BernoulliLogistic, given: dict[str, float]) -> None:
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
    _print_table(out, frame)


@main.command()
@report_option
@json_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Seed of the draws.",
)
@draws_option
@independence_option
def demo(
    report_path: str | None,
    json_path: str | None,
    seed: int,
    draws: int | None,
    independence: bool,
) -> None:
    """Four routes on bundled data: will the S&P 500 go up?"""
    with clean_errors():
        _check_paths(json=json_path, report=report_path)
        _agree(_demo_model(), report_path, json_path, seed, draws, independence)


def _demo_model() -> BernoulliLogistic:
    from flatprior.models import BernoulliLogistic, load_smarket

    return BernoulliLogistic.from_formula(DEMO_FORMULA, load_smarket())


@main.command()
@click.argument("report")
@click.argument("data", required=False, default="")
@click.option("--offset", metavar="COLUMN", help="Column that was the offset.")
@click.option("--weights", metavar="COLUMN", help="Column of frequency weights.")
@click.option("--common-rows", is_flag=True, help="The models were compared with --common-rows.")
def verify(
    report: str, data: str, offset: str | None, weights: str | None, common_rows: bool
) -> None:
    """Compute a report anew, from its coefficients and the data, and compare.

    REPORT is a file written by --report; DATA what it was made of (nothing for the
    demo). Exit status 1 if the data are others, the file was changed, or a number
    does not stand.
    """
    with clean_errors():
        from flatprior.analysis.verification import (
            formulas_of,
            read_report,
            require_unchanged,
            verify_report,
        )

        facts = read_report(report)
        try:
            require_unchanged(report)
        except ValueError as error:
            _fail(f"not verified: {error}", 1)
        formula, others = formulas_of(facts)
        if not data and (formula != DEMO_FORMULA or others):
            raise ValueError(f"name the data that {report!r} was made of")
        if data:
            every = (formula, *others.values())
            in_batches = facts.get("in_memory") is False
            loaded = _load_several(data, every, offset, weights, common_rows, in_batches)
            model, *rest = loaded.values()
        else:
            model, rest = _demo_model(), []
        try:
            table = verify_report(model, report, dict(zip(others, rest, strict=True)))
        except ValueError as error:
            _fail(f"not verified: {error}", 1)
        out = _console()
        _print_model(out, model)
        for column in ("error bound", "stated"):
            table[column] = [f"{value:.1e}" for value in table[column]]
        table["digits"] = [f"{math.floor(digits)}" for digits in table["digits"]]
        _print_table(out, table)
        holes = table.attrs["not made again"]
        _verdict(
            out,
            "verified",
            "These are the data, and the coefficients in the report are as near the maximum "
            "likelihood estimate as it says (error bound, in standard errors, computed now). The "
            "results in the file and its page are what follows from them"
            + (f". Not made again: {'; '.join(holes)}." if holes else "."),
            good=True,
        )


def _seed(seed: int | None, report_path: str | None) -> int | None:
    """A seed to write into a report, where none was given."""
    import secrets

    return secrets.randbelow(2**32) if seed is None and report_path else seed


def _write_report(path: str, seed: int | None, **results: Any) -> None:
    """Write a report, with the command that makes the same one again."""
    import shlex

    from flatprior.analysis.report import write_report

    given = iter(click.get_current_context().meta.get("flatprior.arguments", ()))
    arguments = []
    for argument in given:
        if argument in ("--report", "--json"):
            next(given, None)
        elif not argument.startswith(("--report=", "--json=")):
            arguments.append(argument)
    if seed is not None and not any(part.startswith("--seed") for part in arguments):
        arguments[1:1] = ["--seed", str(seed)]
    click.echo("     report ...", err=True)
    write_report(
        path,
        **results,
        command=shlex.join(["flatprior", *arguments]),
        progress=sys.stderr.isatty(),
    )
    click.echo(f"     written to {path}", err=True)


def _agree(
    model: BernoulliLogistic,
    report_path: str | None,
    json_path: str | None,
    seed: int | None,
    draws: int | None,
    independence: bool,
) -> None:
    from flatprior.analysis.agreement import compare_routes, run_routes
    from flatprior.models._files import write_json

    seed = _seed(seed, report_path)
    out = _console()
    _print_model(out, model)
    routes = [route for route in ROUTES if independence or route != "independence"]
    results = run_routes(
        model,
        routes=routes,
        draws=draws,
        seed=seed,
        progress=sys.stderr.isatty(),
        on_start=lambda route: _announce(route, f"{routes.index(route) + 1}/{len(routes)}"),
    )
    click.echo("     certificates and posterior tests ...", err=True)
    agreement = compare_routes(model, *results)
    _print_agreement(out, agreement)
    _print_warnings(out, model.warnings)
    if report_path:  # takes a while: before --json, so that an interrupt leaves nothing
        _write_report(report_path, seed, agreement=agreement)
    if json_path:
        write_json(json_path, agreement.to_dict())
    if agreement.verdict != "agree":
        sys.exit(1)


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn every expected failure into one line on standard error and an exit status.

    Nothing is imported before the work begins, nor for what may have come within an import.
    """
    try:
        yield
    except KeyboardInterrupt:
        _interrupted()
    except click.exceptions.Exit:  # a RuntimeError, by which click ends: --help
        raise
    except BrokenPipeError as error:
        raise ReaderGone from error
    except Exception as error:
        if _pressed:
            _interrupted()
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise ReaderGone from error
        if _lacks_memory(error):
            print("flatprior: not enough memory", file=sys.stderr, flush=True)
            sys.exit(2)
        results = sys.modules.get("flatprior.models.results")
        no_mle = getattr(results, "MLEDoesNotExistError", None)
        if no_mle is not None and isinstance(error, no_mle):
            _fail(f"{error} (flatprior check says more)", 1)
        if isinstance(error, OSError) and error.strerror:
            named = "" if error.filename is None else f"{str(error.filename)!r}: "
            _fail(f"{named}{error.strerror[0].lower()}{error.strerror[1:]}", 2)
        if isinstance(error, (ValueError, OSError)):
            _fail(str(error), 2)
        if isinstance(error, (ArithmeticError, RuntimeError)) and not isinstance(
            error, click.Abort
        ):
            _fail(f"no result: {error}", 1)  # ours, and PyMC's when sampling breaks down
        raise


def _check_memory() -> None:
    """Stop where ``ulimit -v`` leaves too little: OpenBLAS would wait for more without an end."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY and most < LEAST_MEMORY:
        print(
            f"flatprior: not enough memory: this process may address {most // 2**20} MiB (ulimit "
            f"-v), and {LEAST_MEMORY // 2**20} are needed",
            file=sys.stderr,
            flush=True,
        )
        sys.exit(2)


def _lacks_memory(error: BaseException) -> bool:
    """Whether memory ran out, by whatever name: in an import or a thread it is seldom its own."""
    cause: BaseException | None = error
    while cause is not None:
        said = str(cause).lower()
        if isinstance(cause, MemoryError) or any(
            words in said
            for words in (
                *("cannot allocate memory", "out of memory", "failed to map segment"),
                *("can't start new thread", "unable to allocate", "virtual memory exhausted"),
            )
        ):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _fail(message: str, status: int) -> NoReturn:
    from flatprior.models._text import printable

    print(f"flatprior: {printable(message)}", file=sys.stderr, flush=True)
    sys.exit(status)


def _check_paths(data: str = "", **paths: str | None) -> None:
    """Fail before the work, not after it, if a result could not be written."""
    from flatprior.models._files import writable
    from flatprior.models.files import Source

    targets: dict[Any, str] = {}
    for option, path in paths.items():
        if path is None:
            continue
        target = writable(path)
        if target in targets:
            raise ValueError(f"--{targets[target]} and --{option} name the same file; name another")
        targets[target] = option
        if not target.exists() or not data:
            continue
        is_one = os.path.isfile(data)
        for file in (data,) if is_one else Source.find(data).files:
            if target.samefile(file):
                what = "the data file itself" if is_one else "one of the data files"
                raise ValueError(f"--{option} {path!r} is {what}; name another")


def _in_batches(data: str) -> bool:
    """Whether to read the data in batches: many files, or a large one."""
    return not os.path.isfile(data) or os.path.getsize(data) > LARGEST_FILE


def _load(
    data: str,
    formula: str,
    offset: str | None,
    weights: str | None,
    missing: Any,
    in_batches: bool = False,
) -> BernoulliLogistic:
    from flatprior.models import BernoulliLogistic
    from flatprior.models._text import count

    if in_batches:
        model = BernoulliLogistic.from_parquet(
            data, formula, offset, weights, missing, progress=sys.stderr.isatty()
        )
    else:
        model = BernoulliLogistic.from_formula(
            formula, data, offset=offset, frequency_weights=weights, missing=missing
        )
    events = model.n_events
    if events in (0, model.n_observations) and "Intercept" in model.names:
        dropped = f" ({model.n_dropped} left out: a value is missing)" if model.n_dropped else ""
        raise ValueError(
            f"the response {model.response_name!r} has one class only, {min(events, 1)} in "
            f"{count(model.n_rows, 'row')}{dropped}; a fit needs both"
        )
    return model


def _console() -> Console:
    from flatprior.models._progress import console

    return console()


def _announce(route: str, place: str) -> None:
    """Say on standard error what is being computed."""
    note = "; the first run on a machine compiles for a minute" if route == "map" else ""
    click.echo(f"{place}  {ROUTES[route]}{note} ...", err=True)


def _print_model(out: Console, model: BernoulliLogistic) -> None:
    from rich.text import Text

    from flatprior.models._text import COUNTS, count, printable

    first, *others = model.facts
    lines = [f"{first}, {count(model.n_parameters, 'coefficient')}", *others]
    out.print(Text(printable(model.formula), style="bold"))
    out.print(Text("\n".join(map(printable, lines))))
    if model.weights_name is not None:
        out.print(Text(f"{COUNTS[0].upper()}{COUNTS[1:]}.", style="dim"))
    out.print()


def _print_estimate(out: Console, estimate: PointEstimate) -> None:
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
    _print_table(out, frame)
    out.print(f"{estimate.criteria[0].upper()}{estimate.criteria[1:]}; {estimate.message}.")
    if math.isfinite(bound):
        out.print(
            f"The MLE exists and is unique; each coefficient is within {bound:.1e} standard errors "
            "of it, the log-likelihood within "
            f"{estimate.certificate.log_likelihood_error:.1e} of its maximum (proved); digits: the "
            "certain ones of each coefficient."
        )


def _print_agreement(out: Console, agreement: Agreement) -> None:
    frame = agreement.table().drop(columns="log-likelihood")
    frame = frame.rename(index=lambda route: ROUTES.get(route, route))
    frame["agrees"] = ["yes" if value else "NO" for value in frame["agrees"]]
    for column in ("error bound", "distance"):
        frame[column] = ["-" if math.isnan(value) else f"{value:.1e}" for value in frame[column]]
    frame["digits"] = ["-" if math.isnan(d) else f"{math.floor(d)}" for d in frame["digits"]]
    frame["seconds"] = [f"{value:.2f}" for value in frame["seconds"]]
    _print_table(out, frame.rename(columns={"error bound": "bound"}))
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
    _print_table(out, agreement.coefficients().rename(columns={"standard error": "SE"}))
    ran = len(agreement.routes) + len(agreement.posterior_checks)
    missing = len(agreement.unavailable)
    title = f"{ran} of {ran + missing} routes {agreement.verdict}" if missing else agreement.verdict
    _verdict(out, title, agreement.message, good=agreement.verdict == "agree")


def _verdict(out: Console, title: str, message: str, *, good: bool) -> None:
    from rich.panel import Panel
    from rich.text import Text

    from flatprior.models._text import printable

    style = "green" if good else "red"
    text = Text(printable(f"{message[0].upper()}{message[1:]}"))
    out.print(Panel(text, title=title.upper(), title_align="left", border_style=style))


def _print_table(out: Console, frame: pd.DataFrame) -> None:
    """Print a frame; what is too wide goes into further tables below, names repeated."""
    from flatprior.models._text import printable
    from flatprior.models.rendering import NARROWEST, folded

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
