"""Options that several commands take."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from flatprior.analysis.cli.errors import F

event_option = click.option(
    "--event", metavar="VALUE", help="Value of the response that counts as 1, of two."
)

trials_option = click.option(
    "--trials", metavar="COLUMN", help="Column of trials, if the response is a share of them."
)


def _files(_context: click.Context, _option: click.Parameter, begun: str) -> list[CompletionItem]:
    """A shell completes names of files."""
    return [CompletionItem(begun, type="file")]


data_argument = click.argument("data", shell_complete=_files)


def model_options(command: F) -> F:
    """Add the options of every command on a user's data."""
    for decorate in (
        click.option(
            "--missing",
            type=click.Choice(["drop", "raise"]),
            default="drop",
            show_default=True,
            help="Rows with a missing value: leave out and count, or stop.",
        ),
        trials_option,
        event_option,
        click.option("--weights", metavar="COLUMN", help="Column of frequency weights."),
        click.option("--offset", metavar="COLUMN", help="Column added to the linear predictor."),
    ):
        command = decorate(command)
    return command


def model_arguments(command: F) -> F:
    """Add what every command on a user's data takes: the data, a formula, their options."""
    return data_argument(click.argument("formula")(model_options(command)))


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
