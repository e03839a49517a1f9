"""Reports that commands write."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flatprior.models import BernoulliLogistic


def seed_for(seed: int | None, report_path: str | None) -> int | None:
    """A seed to write into a report, where none was given."""
    import secrets

    return secrets.randbelow(2**32) if seed is None and report_path else seed


@contextmanager
def reported_anyway(path: str | None, model: BernoulliLogistic) -> Iterator[None]:
    """Where there is no estimate, a report of why not, before the command ends for that reason."""
    from flatprior.models import MLEDoesNotExistError

    try:
        yield
    except MLEDoesNotExistError:
        if path:
            make_report(path, None, model=model)
        raise


def make_report(path: str, seed: int | None, **results: Any) -> None:
    """Write a report, with the command that makes the same one again."""
    import shlex

    from flatprior.analysis.report.writing import write_report
    from flatprior.models.common.errors import without_address_secrets

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
        command=shlex.join(["flatprior", *map(without_address_secrets, arguments)]),
        progress=sys.stderr.isatty(),
    )
    click.echo(f"     written to {path}", err=True)
