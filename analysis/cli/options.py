"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from flatprior.analysis.cli.errors import F
from flatprior.models.common.errors import InputError

event_option = click.option(
    "--event", metavar="VALUE", help="Value of the response that counts as 1, of two."
)

trials_option = click.option(
    "--trials", metavar="COLUMN", help="Column of trials, if the response is a share of them."
)

aliased_option = click.option(
    "--aliased",
    type=click.Choice(["raise", "drop"]),
    default="raise",
    show_default=True,
    help="Columns that are combinations of others: stop, or leave out and name, as R does.",
)


class DataType(click.ParamType):  # type: ignore[type-arg]
    """What names the data: a path, or what comes only once and is kept from here on."""

    name = "data"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read standard input ("-") and pipes; leave files to who reads them."""
        from flatprior.models.encoding.files.opening import spooled

        return spooled(value) if value else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """A shell completes names of files."""
        return [CompletionItem(incomplete, type="file")]


DATA = DataType()


def reading_options(command: F) -> F:
    """Add the options that say how a file is read."""
    for decorate in (
        click.option("--sheet", metavar="NAME", help="Sheet of a workbook, by name or number."),
        click.option(
            "--na",
            metavar="WORD",
            multiple=True,
            help="Word that means a missing value, several times; '' for none of the usual ones.",
        ),
        click.option("--encoding", metavar="NAME", help="Encoding of text, such as latin-1."),
        click.option(
            "--decimal", type=click.Choice([".", ","]), help="Sign before decimals in text."
        ),
        click.option("--sep", metavar="SIGN", help="Sign between columns of text, or 'tab'."),
    ):
        command = decorate(command)
    return command


def require_left_out(options: Mapping[str, Any]) -> None:
    """Raise a `ValueError` if one of the options that are of DATA is given without any."""
    for name, value in options.items():
        if value not in (None, False, ()):
            raise InputError(
                f"--{name} is of DATA, and none is named: the demo has its own; leave it out, or "
                "name the data"
            )


data_argument = click.argument("data", type=DATA)


def model_options(command: F) -> F:
    """Add the options of every command on a user's data."""
    command = reading_options(command)
    for decorate in (
        click.option(
            "--missing",
            type=click.Choice(["drop", "raise"]),
            default="drop",
            show_default=True,
            help="Rows with a missing value: leave out and count, or stop.",
        ),
        aliased_option,
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
