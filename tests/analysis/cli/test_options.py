import click
import pytest
from click.testing import CliRunner

from flatprior.analysis.cli.options import (
    draws_option,
    json_option,
    model_arguments,
    model_options,
    report_option,
    seed_option,
)


@click.command()
@model_arguments
@json_option
@report_option
@seed_option
@draws_option
def shown(**given):
    click.echo(sorted(given.items(), key=str))


@click.command()
@model_options
def without_data(**given):
    click.echo(sorted(given.items(), key=str))


def test_data_and_formula_come_in_this_order_and_options_anywhere():
    done = CliRunner().invoke(shown, ["--offset", "o", "d.csv", "--seed", "3", "y ~ x"])
    assert done.exit_code == 0, done.output
    for pair in (
        *(("data", "d.csv"), ("formula", "y ~ x"), ("offset", "o"), ("weights", None)),
        *(("missing", "drop"), ("seed", 3), ("draws", None), ("json_path", None)),
        ("report_path", None),
    ):
        assert str(pair) in done.output
    assert "formula" not in CliRunner().invoke(without_data, []).output


@pytest.mark.parametrize(
    "wrong", [["--seed", "-1"], ["--draws", "99"], ["--missing", "keep"], ["--seed", "4294967296"]]
)
def test_what_no_command_takes_is_refused(wrong):
    assert CliRunner().invoke(shown, ["d.csv", "y ~ x", *wrong]).exit_code == 2
