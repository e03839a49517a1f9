"""What the commands print: every number whole, every name as text."""

import io
import json

import mpmath
import numpy as np
import pandas as pd
import pytest
from command_line import run
from rich.console import Console

from flatprior.analysis.cli.printing import print_both, show
from flatprior.models import BernoulliLogistic, fit_newton, load_spector
from flatprior.models.common.rendering import Rendered


def test_check_computes_the_intervals_of_twenty_coefficients_and_says_so(tmp_path):
    rng = np.random.default_rng(1)
    levels = np.repeat(np.arange(30), 4)
    y = np.tile([0, 1, 0, 1], 30)
    y[levels == 7] = 1
    frame = pd.DataFrame({"y": y, "x": rng.normal(size=120), "g": [f"l{i:02d}" for i in levels]})
    frame.to_csv(tmp_path / "levels.csv", index=False)
    out = tmp_path / "check.json"
    result = run("check", tmp_path / "levels.csv", "y ~ x + g", "--json", out)
    assert result.exit_code == 1
    text = " ".join(result.stdout.split())
    assert "Intervals are those of 20 of 31 coefficients, the diverging ones first" in text
    assert "confidence_intervals(model, names=...) computes others" in text
    intervals = json.loads(out.read_text())["intervals"]
    assert len(intervals) == 20
    assert intervals["g[T.l07]"][1] is None


def test_check_says_that_a_limit_is_unknown(tmp_path):
    frame = pd.DataFrame(
        {"y": [0, 1, 1], "a": [1, 1, 1], "b": [0, 0, 1], "o": [2000.0, 0, 0]},
    )
    frame.to_csv(tmp_path / "d.csv", index=False)
    result = run("check", tmp_path / "d.csv", "y ~ 0 + a + b", "--offset", "o")
    assert result.exit_code == 1, result.stderr
    assert "could not be computed" in " ".join(result.stdout.split())
    assert "Supremum" not in result.stdout


def test_check_says_how_few_observations_the_mle_hangs_on(tmp_path):
    load_spector().to_csv(tmp_path / "s.csv", index=False)
    out = tmp_path / "check.json"
    result = run("check", tmp_path / "s.csv", "grade ~ gpa + tuce + psi", "--json", out)
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "hangs on few observations: without 4 of 32" in text
    assert "Note: 4 coefficients on 32 observations, more than 1 to 10" in text
    facts = json.loads(out.read_text())
    assert facts["fragility"]["distance"] == 4
    assert "Sur" in facts["warnings"][0]
    assert "more than 1 to 10" in run("fit", tmp_path / "s.csv", "grade ~ gpa + tuce + psi").stdout


SCALES = {"x": 1e-5, "z": 1e9, "a_rather_long_name_of_a_column": 1.0}


@pytest.mark.parametrize("width", [80, 50])
def test_every_number_in_a_table_is_whole(tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({name: size * rng.normal(size=90) for name, size in SCALES.items()})
    frame["y"] = rng.integers(0, 2, size=90)
    frame.to_csv(tmp_path / "d.csv", index=False)
    result = run("fit", tmp_path / "d.csv", "y ~ x + z + a_rather_long_name_of_a_column")
    assert result.exit_code == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= width
    model = BernoulliLogistic.from_formula(
        "y ~ x + z + a_rather_long_name_of_a_column", tmp_path / "d.csv"
    )
    shown = result.stdout.split()
    summary = fit_newton(model).summary()
    for value in summary["coefficient"]:
        assert f"{value:#.6g}" in shown
    for value in summary["standard error"]:
        assert f"{value:#.4g}" in shown


def test_control_characters_in_levels_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "d.csv"
    bad = "\x1b]0;title\x07\x1b[31mred"
    path.write_text(
        "y,g\n"
        + "".join(
            f"{y},{g}\n"
            for y in ("n", "\x1b[31my")
            for g in ("A", bad, "\x9b31mB")
            for _ in range(3)
        )
    )
    result = run("fit", path, "y ~ g")
    assert result.exit_code == 0, result.stderr
    assert not {"\x1b", "\x07", "\x9b"} & set(result.output)
    assert not {"\x1b", "\x07", "\x9b"} & set(
        str(fit_newton(BernoulliLogistic.from_formula("y ~ g", path)))
    )


def test_no_bound_is_said_and_is_no_success(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.normal(size=60), "y": rng.integers(0, 2, size=60)})
    frame["b"] = frame["a"] + 1e-14 * rng.normal(size=60)
    frame.to_csv(tmp_path / "d.csv", index=False)
    result = run("fit", tmp_path / "d.csv", "y ~ a + b")
    assert result.exit_code == 1
    assert "inf" not in result.stdout


def test_names_from_a_file_reach_the_terminal_as_plain_text(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('y,"[red]x[/red]"\n0,1\n1,2\n0,3\n1,1\n')
    result = run("fit", path, "y ~ `[red]x[/red]`")
    assert result.exit_code == 0, result.stderr
    assert "[red]x[/red]" in result.stdout
    result = run("fit", path, "y ~ `\x1b[31mx`")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("width", ["0", "1", "-3", "garbage", "²", "1e9", "79"])
def test_whatever_columns_says_every_number_is_printed(good, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("LINES", width)
    result = run("fit", good, "y ~ x + g")
    assert result.exit_code == 0, result.stderr
    shown = result.stdout.split()
    for value in fit_newton(BernoulliLogistic.from_formula("y ~ x + g", good)).coefficients:
        assert f"{value:#.6g}" in shown
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_no_p_value_is_printed_as_0(tmp_path):
    # a table of 2 x 2 with a million observations in each cell, but for one with twice as many
    path = tmp_path / "table.csv"
    path.write_text("y,x,n\n0,0,1000000\n1,0,1000000\n0,1,1000000\n1,1,2000000\n")
    result = run("fit", path, "y ~ x", "--weights", "n")
    z = np.log(2) / np.sqrt(3.5e-6)
    exact = mpmath.nstr(2 * mpmath.ncdf(-z), 2)
    row = next(line.split() for line in result.stdout.splitlines() if line.startswith("x "))
    assert row[4] == exact


def test_offset_and_weights_are_named_on_screen_and_in_json(good, tmp_path):
    frame = pd.read_csv(good).assign(t=0.5)
    frame.to_csv(good, index=False)
    out = tmp_path / "out.json"
    theirs = tmp_path / "theirs.json"
    theirs.write_text('{"Intercept": 0.1, "x": 0.2}')
    roles = ("--offset", "t", "--weights", "w", "--json", out)
    for command, more in (
        ("fit", ["y ~ x"]),
        ("check", ["y ~ x"]),
        ("explain", ["y ~ x", "--coefficients", theirs]),
        ("compare", ["y ~ x", "y ~ 1"]),
        ("test", ["y ~ x"]),
    ):
        result = run(command, good, *more, *roles)
        assert result.exit_code == 0, result.stderr
        shown = " ".join(result.stdout.split())
        assert "observations in 80 rows (frequency weights: w)" in shown
        assert "offset: t" in shown
        assert "row speaks for, standard errors, tests and intervals" in shown
        facts = json.loads(out.read_text())
        if command == "compare":
            assert facts["offsets"] == {"1": "t", "2": "t"}
            facts = facts["estimates"]["1"]
        assert facts["provenance"]["offset"] == "t"
        assert facts["provenance"]["frequency_weights"] == "w"
        assert facts["provenance"]["n_rows"] == 80


def test_the_difference_is_what_was_given_less_the_mle():
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    fit = fit_newton(model)
    moved = fit.coefficients + np.array([0.0, 2.0, -3.0]) * fit.standard_errors
    out = Console(file=io.StringIO(), width=100)
    print_both(out, model, dict(zip(model.names, moved.tolist(), strict=True)))
    rows = {line.split()[0]: line.split() for line in out.file.getvalue().splitlines() if line}
    assert float(rows["gpa"][-1]) == pytest.approx(2.0)
    assert float(rows["psi"][-1]) == pytest.approx(-3.0)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_table_is_printed_as_wide_as_the_terminal_and_as_print_does(width):
    frame = pd.DataFrame(
        {"a": [0.00935894, -0.0730737], "b": [1.5, 12.25], "c": [0.5, 2.0], "d": [3e-9, 1.0]},
        index=["x", "y"],
    )
    plain = Rendered.of(frame, dict.fromkeys(frame, "#.6g"), "A title", ["a fact"], ["a note"])
    out = Console(file=io.StringIO(), width=width)
    show(out, plain)
    assert out.file.getvalue() == f"{plain.text(width)}\n"
