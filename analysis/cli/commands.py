"""The commands. Only this folder prints and exits.

Exit status: 0 the routes agree or the work is done, 1 they disagree or no MLE exists, 2 the input
is wrong (one line that says what and where) or memory does not suffice, 130 interrupted, 141 the
reader of a pipe has gone, 143 terminated (as a shell says of other programs). Results go to
standard output, progress and errors to standard error. Everything heavy is imported inside the
commands.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.auditing import audit
from flatprior.analysis.cli.errors import F, OneLineErrors, clean_errors, fail
from flatprior.analysis.cli.fitting import fit
from flatprior.analysis.cli.loading import (
    check_paths,
    load_model,
    load_models,
    read_coefficients,
    reading_as_stored,
    reads_in_batches,
)
from flatprior.analysis.cli.options import (
    DATA,
    draws_option,
    event_option,
    json_option,
    model_arguments,
    reading_options,
    report_option,
    require_left_out,
    seed_option,
    trials_option,
)
from flatprior.analysis.cli.printing import (
    announce,
    print_agreement,
    print_both,
    print_fragility,
    print_limit,
    print_model,
    print_verdict,
    print_warnings,
    result_console,
    show,
)
from flatprior.analysis.cli.reports import make_report, reported_anyway, seed_for
from flatprior.analysis.cli.testing import term_tests
from flatprior.models.common.errors import InputError
from flatprior.models.routes.registry import ROUTES, Route

if TYPE_CHECKING:
    import pandas as pd

    from flatprior.models import BernoulliLogistic, Posterior


DEMO_FORMULA = "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume"


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flatprior")
def main() -> None:
    """Bernoulli-logistic regression by several routes that must agree.

    DATA is a file (CSV, TSV, JSON lines, Parquet, Feather, Stata, SAS, SPSS or
    Excel), a folder of them, a quoted pattern such as 'folder/*.parquet', or -
    for standard input; FORMULA for example "y ~ x1 + C(x2)". Data may be
    larger than memory: folders and large files are read in batches.
    Exit status: 0 agreement, 1 disagreement or no MLE, 2 wrong input.
    """


main.add_command(audit)
main.add_command(fit)
main.add_command(term_tests)


def on_request(command: F) -> F:
    """Add an option for every route that runs only when it is asked for."""
    for route in ROUTES:
        if route.on_request:
            command = click.option(f"--{route.name}", is_flag=True, help=route.on_request)(command)
    return command


def routes_asked(options: dict[str, Any], in_batches: bool = False) -> list[Route]:
    """The routes to run; what options say of them is taken out.

    Data read `in_batches` may be too many for the usual sampler: all of them are asked.
    """
    asked = {route: not route.on_request or options.pop(route.name) for route in ROUTES}
    return [route for route in ROUTES if asked[route] or in_batches]


@main.command()
@model_arguments
@json_option
def check(data: Any, formula: str, json_path: str | None, **options: Any) -> None:
    """Decide whether the maximum likelihood estimate exists, and what hangs on which rows.

    Where it does not: the rows responsible, where each coefficient goes, and what can still be
    said. Where it does: how few observations it hangs on.
    """
    with clean_errors():
        from dataclasses import asdict

        from flatprior.models import check_existence
        from flatprior.models.common.writing import write_json
        from flatprior.models.provenance import provenance

        check_paths(data, json=json_path)
        in_batches = reads_in_batches(data)
        model = load_model(data, formula, in_batches=in_batches, **options)
        progress = sys.stderr.isatty()
        existence = check_existence(model, progress=progress)
        facts = existence.to_dict() | {"provenance": asdict(provenance(model))}
        out = result_console()
        print_model(out, model)
        print_verdict(out, existence.kind, existence.message, good=existence.exists)
        if existence.exists:
            facts["fragility"] = print_fragility(out, model, progress)
        elif existence.limit is not None:
            facts["intervals"] = print_limit(out, model, existence, progress)
        print_warnings(out, existence.warnings)
        if json_path:
            write_json(json_path, facts)
        if not existence.exists:
            sys.exit(1)


@main.command()
@model_arguments
@report_option
@json_option
@seed_option
@draws_option
@on_request
def agree(
    data: Any,
    formula: str,
    report_path: str | None,
    json_path: str | None,
    seed: int | None,
    draws: int | None,
    **options: Any,
) -> None:
    """Fit by four routes and say whether they agree."""
    with clean_errors():
        check_paths(data, json=json_path, report=report_path)
        in_batches = reads_in_batches(data)
        routes = routes_asked(options, in_batches)
        model = load_model(data, formula, in_batches=in_batches, **options)
        _agree(model, data, routes, report_path, json_path, seed, draws)


@main.command()
@click.argument("data", type=DATA)
@click.argument("formulas", nargs=-1, required=True, metavar="FORMULA FORMULA...")
@click.option("--offset", metavar="COLUMN", help="Column added to the linear predictor.")
@click.option("--weights", metavar="COLUMN", help="Column of frequency weights.")
@event_option
@trials_option
@reading_options
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
    data: Any,
    formulas: tuple[str, ...],
    offset: str | None,
    weights: str | None,
    event: str | None,
    trials: str | None,
    common_rows: bool,
    sample: bool,
    exact_loo: bool,
    report_path: str | None,
    json_path: str | None,
    seed: int | None,
    **reading: Any,
) -> None:
    """Compare models of the same rows: AIC, BIC, likelihood ratios, leave-one-out."""
    with clean_errors():
        from rich.text import Text

        from flatprior.analysis.comparison.table import compare_models
        from flatprior.models import MLEDoesNotExistError
        from flatprior.models.common.text import printable
        from flatprior.models.common.writing import write_json

        check_paths(data, json=json_path, report=report_path)
        if seed is not None and not sample:
            raise InputError("--seed is of draws: add --sample, which draws, or leave it out")
        seed = seed_for(seed, report_path if sample else None)
        if len(formulas) < 2:
            raise InputError("there is nothing to compare: pass two formulas or more")
        in_batches = reads_in_batches(data)
        models = load_models(
            data, formulas, offset, weights, common_rows, in_batches, event, trials, **reading
        )
        progress = sys.stderr.isatty()
        posteriors = {}
        for name, model in models.items() if sample else ():
            click.echo(f"{name}/{len(models)}  sampling ...", err=True)
            try:
                posteriors[name] = _draws(model, seed, progress)
            except MLEDoesNotExistError:  # nor a posterior; the table says so
                click.echo(f"{name}/{len(models)}  no posterior is proved to exist", err=True)
        comparison = compare_models(models, posteriors, leave_one_out=exact_loo, progress=progress)
        out = result_console()
        for name, formula in zip(models, formulas, strict=True):
            out.print(Text(f"{name}: {printable(formula)}", style="bold"))
        show(out, comparison.rendered())
        read = comparison.passes
        if read is not None:
            out.print(Text(f"note: for these fits the rows were {read.said}"))
        if report_path:
            make_report(
                report_path, seed, comparison=comparison, data=None if common_rows else data
            )
        if json_path:
            facts = comparison.to_dict()
            if read is not None:
                facts |= {"passes": read.number, "bytes_read": read.bytes}
            facts["formulas"] = dict(zip(models, formulas, strict=True))
            write_json(json_path, facts)
        if not comparison.fits:
            sys.exit(1)


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
def explain(data: Any, formula: str, path: str, json_path: str | None, **options: Any) -> None:
    """Say why somebody else's coefficients differ from the MLE.

    FILE holds {"Intercept": -1.2, "x1": 0.3, ...}; with standard errors
    {"coefficients": {...}, "standard_errors": {...}}.
    """
    with clean_errors():
        from dataclasses import asdict

        from flatprior.analysis.explanation.difference import explain_difference
        from flatprior.models.common.writing import write_json
        from flatprior.models.provenance import provenance

        check_paths(data, json=json_path)
        coefficients, errors = read_coefficients(path)
        model = load_model(data, formula, in_batches=reads_in_batches(data), **options)
        explanation = explain_difference(model, coefficients, errors)
        if json_path:
            facts = explanation.to_dict() | {"provenance": asdict(provenance(model))}
            write_json(json_path, facts)
        out = result_console()
        print_model(out, model)
        print_both(out, model, coefficients)
        agreed = explanation.cause == "agreement"
        print_verdict(out, explanation.title, f"{explanation.message}.", good=agreed)
        shown = replace(explanation.rendered(), title="", facts=())
        if explanation.causes or any(shown.notes):
            out.print()
            show(out, shown)
        if explanation.cause in ("separation", "dependent columns"):
            sys.exit(1)


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
@on_request
def demo(
    report_path: str | None,
    json_path: str | None,
    seed: int,
    draws: int | None,
    **options: Any,
) -> None:
    """Four routes on bundled data: will the S&P 500 go up?"""
    with clean_errors():
        check_paths(json=json_path, report=report_path)
        routes = routes_asked(options)
        _agree(*_demo_model(), routes, report_path, json_path, seed, draws)


def _demo_model() -> tuple[BernoulliLogistic, pd.DataFrame]:
    """The model of the demo, and what it is built from."""
    from flatprior.models import BernoulliLogistic, load_smarket

    days = load_smarket()
    return BernoulliLogistic.from_formula(DEMO_FORMULA, days), days


@main.command()
@click.argument("report")
@click.argument("data", required=False, default="", type=DATA)
@click.option("--offset", metavar="COLUMN", help="Column that was the offset.")
@click.option("--weights", metavar="COLUMN", help="Column of frequency weights.")
@click.option("--common-rows", is_flag=True, help="The models were compared with --common-rows.")
@reading_options
def verify(
    report: str,
    data: Any,
    offset: str | None,
    weights: str | None,
    common_rows: bool,
    **reading: Any,
) -> None:
    """Compute a report anew, from its coefficients and the data, and compare.

    REPORT is a file written by --report; DATA what it was made of (nothing for the
    demo). Exit status 1 if the data are others, the file was changed, or a number
    does not stand.
    """
    with clean_errors():
        from flatprior.analysis.report.verification.reading import (
            formulas_of,
            read_report,
            require_unchanged,
        )
        from flatprior.analysis.report.verification.verified import verify_report
        from flatprior.models.common.rendering import Rendered

        facts = read_report(report)
        try:
            require_unchanged(report)
        except ValueError as error:
            fail(f"not verified: {error}", 1)
        formula, others = formulas_of(facts)
        if not data and (formula != DEMO_FORMULA or others):
            raise InputError(f"name the data that {report!r} was made of")
        if not data:
            require_left_out({"offset": offset, "weights": weights, "common-rows": common_rows})
            require_left_out(reading)
        if data:
            every = (formula, *others.values())
            in_batches = facts.get("in_memory") is False
            event, trials = facts.get("event"), facts.get("trials")
            aliased = "raise" if facts.get("aliased") is None else "drop"
            if not isinstance(event, str | None) or not isinstance(trials, str | None):
                raise InputError(f"the results in {report!r} are damaged: its response is no text")
            how, elsewhere = reading_as_stored(data, facts.get("reading"), reading)
            loaded = load_models(
                *(data, every, offset, weights, common_rows, in_batches, event, trials, aliased),
                **how,
            )
            if elsewhere is not None:
                click.echo("     the data are in another format than those of the report", err=True)
                loaded = {name: replace(each, reading=elsewhere) for name, each in loaded.items()}
            model, *rest = loaded.values()
        else:
            (model, data), rest = _demo_model(), []
        try:
            # of rows that all models share nothing is known but their designs
            own = None if common_rows else data
            table = verify_report(model, report, dict(zip(others, rest, strict=True)), own)
        except ValueError as error:
            fail(f"not verified: {error}", 1)
        out = result_console()
        print_model(out, model)
        formats = {"error bound": "bound", "stated": "bound", "digits": "floor"}
        if len(table):
            show(out, Rendered.of(table, formats), whole="verify_report, in Python, returns all")
        holes = table.attrs["not made again"]
        print_verdict(
            out,
            "verified",
            "These are the data, "
            + (
                "and the coefficients in the report are as near the maximum likelihood estimate as "
                "it says (error bound, in standard errors, computed now)"
                if len(table)
                else "and what the report says of their maximum likelihood estimate was found anew"
            )
            + ". The results in the file and its page are what follows from them"
            + (f". Not made again: {'; '.join(holes)}." if holes else "."),
            good=True,
        )


def _agree(
    model: BernoulliLogistic,
    data: Any,
    routes: list[Route],
    report_path: str | None,
    json_path: str | None,
    seed: int | None,
    draws: int | None,
) -> None:
    from flatprior.analysis.agreement.running import run_routes
    from flatprior.analysis.agreement.verdict import compare_routes
    from flatprior.models.common.writing import write_json

    seed = seed_for(seed, report_path)
    out = result_console()
    print_model(out, model)
    names = [route.name for route in routes]
    with reported_anyway(report_path, model):
        results = run_routes(
            model,
            routes=names,
            draws=draws,
            seed=seed,
            progress=sys.stderr.isatty(),
            on_start=lambda name: announce(
                routes[names.index(name)], f"{names.index(name) + 1}/{len(names)}"
            ),
        )
    click.echo("     certificates and posterior tests ...", err=True)
    agreement = compare_routes(model, *results)
    print_agreement(out, agreement)
    print_warnings(out, model.warnings)
    if report_path:  # takes a while: before --json, so that an interrupt leaves nothing
        make_report(report_path, seed, agreement=agreement, data=data)
    if json_path:
        write_json(json_path, agreement.to_dict())
    if agreement.verdict != "agree":
        sys.exit(1)
