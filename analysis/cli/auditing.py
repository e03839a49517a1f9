"""``flatprior audit``: somebody else's numbers, draws or script."""

from __future__ import annotations

import os
import sys
from glob import glob, has_magic
from typing import Any

import click
from click.core import ParameterSource

from flatprior.analysis.cli.errors import clean_errors
from flatprior.analysis.cli.loading import check_paths, load_model, reads_in_batches
from flatprior.analysis.cli.options import DATA, json_option, model_options, report_option
from flatprior.analysis.cli.printing import print_model, print_verdict, result_console, show
from flatprior.analysis.cli.reports import make_report
from flatprior.models.common.errors import InputError, require_no_secrets

SCRIPT = ".py"
DRAWS = (".nc", ".netcdf", ".zarr")


class AuditCommand(click.Command):
    """A command that leaves a script what follows its name, options too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take options between arguments, unless the first argument is a script."""
        ctx.allow_interspersed_args = False
        found, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        ctx.allow_interspersed_args = not is_script(str(found.get("fit")))
        return super().parse_args(ctx, args)


def is_script(path: str) -> bool:
    """Whether this file is run, and not read."""
    return path.lower().endswith(SCRIPT)


@click.command(cls=AuditCommand)
@model_options
@click.option(
    "--tolerance",
    type=click.FloatRange(0, min_open=True),
    default=1e-6,
    show_default=True,
    help="Standard errors that coefficients may be from the MLE.",
)
@click.option(
    "--variables",
    metavar="NAME",
    multiple=True,
    help="Variable of the draws that holds coefficients; several times in their order.",
)
@report_option
@json_option
@click.argument("fit", metavar="TABLE|DRAWS|SCRIPT.py")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[DATA FORMULA | ARGUMENTS...]")
def audit(
    fit: str,
    rest: tuple[str, ...],
    tolerance: float,
    json_path: str | None,
    report_path: str | None,
    variables: tuple[str, ...],
    **options: Any,
) -> None:
    """Judge somebody else's table, draws or script: is it the MLE, and are its numbers right?

    \b
    flatprior audit table.csv data.csv "y ~ x"
    flatprior audit draws.nc data.csv "y ~ x"
    flatprior audit script.py [ARGUMENTS...]

    TABLE is printed numbers (CSV, TSV, Markdown, JSON, or text: .txt, .log) or a fit saved by
    flatprior or, as JSON, by R; DRAWS are a posterior's: netCDF, or what Stan writes, a CSV file
    for each chain (a folder or a quoted pattern of them).

    SCRIPT.py is run unchanged, with ARGUMENTS, as "python SCRIPT.py ARGUMENTS" runs it; options of
    audit stand before it. Every binary logistic fit that it makes with scikit-learn
    (LogisticRegression, LogisticRegressionCV, SGDClassifier of log_loss; in pipelines and searches
    too) or statsmodels (Logit, GLM of Binomial with logit link; formulas too) is judged as it ends.
    When the script has ended, standard error says of each, with file, line and call, what it is. A
    fit is what it looks like if it is the MLE, or if the script asked for something else: a penalty
    (C, penalty, l1_ratio, alpha), class weights, or a C chosen by cross-validation. It is not if
    it was to be the MLE and is not, or is penalised by default, and nothing in the script says so.
    Nothing is written; results, random numbers and output of the script stay as they were. Fits in
    other processes (n_jobs > 1) and partial_fit are not followed.

    Exit status: 0 as it should be, 1 not what it looks like or no MLE, 2 wrong input; of a script
    whose fits are what they look like, its own.
    """  # noqa: D301 - click reads the \b
    with clean_errors():
        if is_script(fit):
            for name in (*options, "report_path", "variables"):
                source = click.get_current_context().get_parameter_source(name)
                if source is ParameterSource.COMMANDLINE:
                    option = name.removesuffix("_path")
                    raise InputError(f"--{option} is of DATA, which a script has not; leave it out")
            _audit_script(fit, rest, tolerance, json_path)
        else:
            _audit_numbers(fit, rest, tolerance, json_path, report_path, variables, options)


def _audit_script(
    script: str,
    arguments: tuple[str, ...],
    tolerance: float,
    json_path: str | None,
) -> None:
    from flatprior.analysis.auditing.scripts import audit_script
    from flatprior.models.common.writing import write_json

    with open(script, "rb"):  # it is there, and may be read
        pass
    check_paths(script, json=json_path)
    found = audit_script(script, arguments, tolerance)
    if json_path:
        write_json(json_path, found.to_dict())
    colours = {True: None, False: "red", None: "yellow"}
    for line in found.fits:
        click.secho(str(line), err=True, fg=colours[line.good])
    for note in found.notes:
        click.secho(f"flatprior: {note}", err=True)
    click.secho(f"flatprior: {found.verdict}", err=True, fg="green" if found.passed else "red")
    sys.exit(found.exit_status)


def _audit_numbers(
    path: str,
    rest: tuple[str, ...],
    tolerance: float,
    json_path: str | None,
    report_path: str | None,
    variables: tuple[str, ...],
    options: dict[str, Any],
) -> None:
    from dataclasses import asdict, replace

    from flatprior.analysis.agreement.verdict import compare_routes
    from flatprior.analysis.auditing.audit import audit as audit_of
    from flatprior.analysis.producers.draws import read_draws
    from flatprior.models.common.writing import write_json
    from flatprior.models.provenance import provenance

    require_no_secrets(path)
    if len(rest) != 2:
        raise InputError(
            f"name the data and the formula that {os.path.basename(path)!r} is of: flatprior audit "
            f"{os.path.basename(path)} data.csv 'y ~ x'"
            + ("" if len(rest) < 2 else f"; {len(rest)} arguments follow it now")
        )
    data, formula = DATA.convert(rest[0], None, None), rest[1]
    check_paths(data, json=json_path, report=report_path)
    if os.path.isfile(path):  # nor is this to be written over
        check_paths(path, json=json_path, report=report_path)
    source = _files_of(path)
    model = load_model(data, formula, in_batches=reads_in_batches(data), **options)
    found = audit_of(source, model, tolerance=tolerance, variables=list(variables) or None)
    out = result_console()
    print_model(out, found.model)
    print_verdict(out, "passed" if found.passed else "not passed", found.verdict, good=found.passed)
    out.print()
    show(out, replace(found.rendered(), title="", facts=()))
    if report_path and found.mle is None and not found.their.coefficients:
        make_report(report_path, None, model=found.model)  # of draws, but there is no posterior
    elif report_path and found.mle is not None and found.draws is not None:
        drawn = read_draws(source, model, list(variables) or None)
        agreement = compare_routes(model, found.mle, drawn)
        make_report(report_path, None, agreement=agreement, data=data)
    elif report_path:
        make_report(report_path, None, audits=found, data=data)
    if json_path:
        write_json(json_path, found.to_dict() | {"provenance": asdict(provenance(found.model))})
    if not found.passed:
        sys.exit(1)


def _files_of(path: str) -> str | list[str]:
    """A file or folder that is there, or the files of a pattern: chains of Stan."""
    if not has_magic(path) or os.path.exists(path):
        os.stat(path)
        return path
    files = sorted(glob(path))
    if not files:
        raise InputError(f"no file matches {path!r}")
    return files
