"""`flatprior fit`: what people run a logistic regression for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.errors import clean_errors
from flatprior.analysis.cli.loading import check_paths
from flatprior.analysis.cli.options import json_option, model_arguments, report_option
from flatprior.analysis.cli.printing import IN_CSV, print_estimate, result_console, show
from flatprior.analysis.cli.reports import make_report, reported_anyway
from flatprior.analysis.cli.robust import check_robust, load_beside, robust_of, robust_options
from flatprior.models.common.errors import InputError

if TYPE_CHECKING:
    from flatprior.analysis.inference.robust import RobustCovariance
    from flatprior.analysis.inference.summary import Summary
    from flatprior.models import BernoulliLogistic, PointEstimate

PROB = 0.95  # of the intervals of a table, where no other is asked for, and of every report
OWN_ERRORS = (
    "     --json and --report hold the estimate, with the model's own standard errors; "
    "--format json has the robust ones"
)
NO_INTERVALS = (
    "     --json holds the estimate, without intervals and odds ratios; --format json has them"
)
FORMATS = ("text", "csv", "md", "tex", "typ", "json")


@click.command()
@model_arguments
@click.option("--odds-ratios", is_flag=True, help="Odds ratios, with their intervals.")
@click.option("--profile", is_flag=True, help="Profile-likelihood intervals, not Wald's.")
@robust_options
@click.option("--sampling-weights", metavar="COLUMN", help="How many people a row speaks for.")
@click.option("--clusters", metavar="COLUMN", help="With them: the clusters that were drawn.")
@click.option("--strata", metavar="COLUMN", help="With them: the strata that they are from.")
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=PROB,
    show_default=True,
    help="Confidence of the intervals.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How the table is printed; all but text print nothing else.",
)
@json_option
@report_option
def fit(
    data: Any,
    formula: str,
    odds_ratios: bool,
    profile: bool,
    robust: str | None,
    cluster: tuple[str, ...],
    correction: str | None,
    units: str | None,
    sampling_weights: str | None,
    clusters: str | None,
    strata: str | None,
    level: float,
    form: str,
    json_path: str | None,
    report_path: str | None,
    **options: Any,
) -> None:
    """Fit by Newton's method, with standard errors and a certificate."""
    with clean_errors():
        from flatprior.models import fit_newton

        check_paths(data, json=json_path, report=report_path)
        if profile and (robust or cluster):
            raise InputError(
                "--profile is of the likelihood, which robust standard errors do not use: leave "
                "one of them out"
            )
        if sampling_weights and (profile or robust or cluster or report_path):
            raise InputError(
                "--sampling-weights have standard errors of their own, of --clusters and --strata, "
                "and no likelihood: leave out --profile, --robust, --cluster and --report"
            )
        if report_path and level != PROB:
            raise InputError(
                f"--level {level:g} is of the printed table, and a report has intervals of "
                f"{PROB:.0%}: leave out --level or --report"
            )
        check_robust(robust, cluster, correction, units)
        model = load_beside(
            data,
            formula,
            cluster,
            sampling_weights=sampling_weights,
            clusters=clusters,
            strata=strata,
            **options,
        )
        with reported_anyway(report_path, model):
            estimate = fit_newton(model)
        if (robust or cluster) and (json_path or report_path):
            click.echo(OWN_ERRORS, err=True)
        elif json_path and (profile or odds_ratios or level != PROB):
            click.echo(NO_INTERVALS, err=True)
        if json_path:
            estimate.save(json_path)
        if report_path:  # before anything is printed: whoever reads that may go away
            second = _second_opinion(model, estimate)
            make_report(report_path, None, agreement=second, data=data)
        plain = not (odds_ratios or profile or robust or cluster)
        if plain and level == PROB and form == "text":
            print_estimate(result_console(wide=True), model, estimate)
        else:
            wanted = robust_of(data, model, estimate, robust, cluster, correction, units)
            _print(_summary(model, estimate, profile, wanted, level), odds_ratios, form, estimate)
        if not estimate.converged:
            sys.exit(1)


def _summary(
    model: BernoulliLogistic,
    estimate: PointEstimate,
    profile: bool,
    robust: RobustCovariance | None,
    level: float,
) -> Summary:
    from flatprior.analysis.inference.summary import summarise

    return summarise(
        model,
        estimate,
        prob=level,
        intervals="profile" if profile else "wald",
        robust=robust,
        progress=sys.stderr.isatty(),
    )


def _print(summary: Summary, odds_ratios: bool, form: str, estimate: PointEstimate) -> None:
    """Print the table, and around it in text what is known of data and fit."""
    table = summary.table()
    names = list(map(str, table.columns))
    columns = [each for each in names if odds_ratios or not each.startswith(("odds", "OR "))]
    if form == "text":
        columns.remove("hauck-donner")
        show(result_console(wide=True), summary.rendered(columns), estimate.warnings, IN_CSV)
    elif form == "json":
        import json

        click.echo(json.dumps(summary.to_dict(), indent=2, allow_nan=False))
    else:
        columns.remove("hauck-donner")
        write = {
            "csv": summary.to_csv,
            "md": summary.to_markdown,
            "tex": summary.to_latex,
            "typ": summary.to_typst,
        }
        click.echo(write[form](columns).rstrip("\n"))


def _second_opinion(model: BernoulliLogistic, estimate: PointEstimate) -> Any:
    """The fit beside that of a program that shares no code with it, for a report."""
    from flatprior.analysis.agreement.verdict import compare_routes
    from flatprior.models import fit_map, fit_sklearn
    from flatprior.models.results import RouteUnavailableError

    click.echo("     scikit-learn ...", err=True)
    try:
        other = fit_sklearn(model)
    except RouteUnavailableError:
        other = fit_map(model)
    return compare_routes(model, estimate, other)
