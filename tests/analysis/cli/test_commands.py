import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from damaged_files import embedded_in, resealed

from flatprior.analysis import read_report
from flatprior.analysis.cli import commands
from flatprior.analysis.cli.commands import main
from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    fit_newton,
    load_endometrial,
    load_spector,
    verify,
)

FLATPRIOR = Path(sys.executable).with_name("flatprior")


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def good(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=80), "g": rng.choice(["a", "b"], size=80)})
    frame["y"] = rng.integers(0, 2, size=80)
    frame["w"] = rng.integers(1, 4, size=80)
    frame.to_csv(tmp_path / "good.csv", index=False)
    return tmp_path / "good.csv"


def test_demo_prints_four_routes_and_the_verdict_and_writes_a_report(tmp_path):
    page = tmp_path / "demo.html"
    result = run("demo", "--report", page)
    assert result.exit_code == 0, result.stderr
    assert read_report(page)["command"] == "flatprior demo --seed 1"
    verified = run("verify", page)
    assert verified.exit_code == 0, verified.stderr
    assert "VERIFIED" in verified.stdout
    for words in ("NumPy Newton", "scikit-learn", "PyMC MAP", "PyMC NUTS", "AGREE", "R-hat"):
        assert words in result.stdout
    # the published coefficients, to every digit printed
    for digits in (
        *("-0.126000", "-0.0730737", "-0.0423013", "0.0110851", "0.00935894", "0.0103131"),
        "0.135441",
    ):
        assert result.stdout.count(digits) >= 3
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "4/4" in result.stderr


def test_fit_writes_an_estimate_that_can_be_verified(good, tmp_path):
    out = tmp_path / "fit.json"
    result = run("fit", good, "y ~ x + g", "--weights", "w", "--json", out)
    assert result.exit_code == 0, result.stderr
    assert "g: differences from level a" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    model = BernoulliLogistic.from_formula("y ~ x + g", good, frequency_weights="w")
    assert verify(model, PointEstimate.load(out)).proves_existence


def test_check_tells_existence_and_exits_1_without(good, tmp_path):
    assert run("check", good, "y ~ x").exit_code == 0
    load_endometrial().to_csv(tmp_path / "e.csv", index=False)
    out = tmp_path / "check.json"
    result = run("check", tmp_path / "e.csv", "HG ~ NV + PI + EH", "--json", out)
    assert result.exit_code == 1
    assert "QUASI-COMPLETE SEPARATION" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["NV", "+inf", "-", "-", "1.28411", "inf"] in lines
    assert ["EH", "finite", "-2.90261", "0.8456", "-4.78591", "-1.43639"] in lines
    assert "Supremum of the log-likelihood: -27.696630" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    facts = json.loads(out.read_text())
    assert facts["kind"] == "quasi-complete separation"
    assert facts["coefficients"]["NV"] == "+inf"
    assert facts["intervals"]["NV"] == [pytest.approx(1.2841118, rel=1e-6), None]
    assert facts["limit"]["names"] == ["Intercept", "PI", "EH"]
    assert len(facts["separated_labels"]) == len(facts["separated_rows"]) == 13
    for command in ("fit", "agree"):
        result = run(command, tmp_path / "e.csv", "HG ~ NV + PI + EH")
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1].startswith("flatprior: the maximum likelihood")


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


def test_check_names_dependent_columns(tmp_path):
    frame = load_spector().assign(sum=lambda d: d["gpa"] + d["psi"])
    frame.to_csv(tmp_path / "s.csv", index=False)
    result = run("check", tmp_path / "s.csv", "grade ~ gpa + psi + sum + tuce")
    assert result.exit_code == 1
    assert "'sum' = 'gpa' + 'psi' in every row; drop it" in " ".join(
        result.stdout.replace("│", " ").split()
    )
    assert ["sum", "undetermined", "-", "-"] in [
        line.split() for line in result.stdout.splitlines()
    ]


def test_agree_is_reproducible_with_a_seed_to_the_last_byte_of_its_report(good, tmp_path):
    facts, pages = [], []
    for name in ("one", "two"):
        out, page = tmp_path / f"{name}.json", tmp_path / f"{name}.html"
        result = run(
            "agree", good, "y ~ x", "--seed", 5, "--draws", 300, "--json", out, f"--report={page}"
        )
        assert result.exit_code == 0, result.stderr
        facts.append(json.loads(out.read_text())["posteriors"])
        pages.append(page.read_bytes())
    assert facts[0] == facts[1]
    assert pages[0] == pages[1]
    assert len(pages[0]) < 1_000_000
    command = read_report(tmp_path / "one.html")["command"]
    assert command == f"flatprior agree {good} 'y ~ x' --seed 5 --draws 300"
    assert f"written to {page}" in result.stderr


def test_a_report_is_verified_against_the_data(good, tmp_path):
    page = tmp_path / "report.html"
    models = ["y ~ x", "y ~ x + g"]
    result = run("compare", good, *models, "--weights", "w", "--sample", "--report", page)
    assert result.exit_code == 0, result.stderr
    facts = read_report(page)
    assert "--seed " in facts["command"]  # drawn for the report, so that it can be made again
    result = run("verify", page, good, "--weights", "w")
    assert result.exit_code == 0
    assert "model 2" in result.stdout
    result = run("verify", page, good)
    assert result.exit_code == 1
    assert result.stderr.startswith("flatprior: not verified: the data are not those")
    assert len(result.stderr.splitlines()) == 1
    result = run("verify", page)
    assert result.exit_code == 2
    assert "name the data" in result.stderr
    result = run("verify", good, good)
    assert result.exit_code == 2
    assert "not a report written by flatprior" in result.stderr


def test_a_report_of_common_rows_is_verified_on_them(good, tmp_path):
    frame = pd.read_csv(good)
    frame.loc[[3, 8], "x"] = np.nan
    frame.to_csv(good, index=False)
    page = tmp_path / "report.html"
    result = run("compare", good, "y ~ g", "y ~ x + g", "--common-rows", "--report", page)
    assert result.exit_code == 0, result.stderr
    assert run("verify", page, good, "--common-rows").exit_code == 0
    assert run("verify", page, good).exit_code == 1


def test_a_report_of_several_files_is_verified_as_it_was_read(folder, tmp_path):
    page = tmp_path / "report.html"
    formula = "y ~ x"
    assert run("agree", folder, formula, "--seed", 1, "--report", page).exit_code == 0
    assert run("verify", page, folder).exit_code == 0
    assert run("compare", folder, "y ~ 0 + x", formula, "--report", page).exit_code == 0
    assert run("verify", page, folder).exit_code == 0
    file = sorted(folder.iterdir())[0]
    before = file.read_bytes()
    result = run("compare", folder, "y ~ 0 + x", formula, "--report", file)
    assert result.exit_code == 2
    assert "one of the data files" in result.stderr
    assert file.read_bytes() == before


def test_two_results_do_not_share_a_file(good, tmp_path):
    out = tmp_path / "out"
    result = run("compare", good, "y ~ 1", "y ~ x", "--report", out, "--json", out)
    assert result.exit_code == 2
    assert "name the same file" in result.stderr
    assert not out.exists()


def test_the_command_in_a_report_can_be_given_again(good, tmp_path):
    page, again = tmp_path / "one.html", tmp_path / "two.html"
    result = run("agree", "--draws", 300, "--report", page, "--", good, "y ~ x")
    assert result.exit_code == 0, result.stderr
    command = shlex.split(read_report(page)["command"])
    assert command[:3] == ["flatprior", "agree", "--seed"]
    command[2:2] = ["--report", again]
    assert run(*command[1:]).exit_code == 0
    assert again.read_bytes() == page.read_bytes()


def test_the_data_are_not_overwritten_by_a_report(good, tmp_path):
    before = good.read_bytes()
    for arguments in (["agree", good, "y ~ x"], ["compare", good, "y ~ 1", "y ~ x"]):
        result = run(*arguments, "--report", good)
        assert result.exit_code == 2
        assert "--report" in result.stderr
    assert good.read_bytes() == before
    result = run("agree", good, "y ~ x", "--report", tmp_path / "no" / "r.html")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_a_fifth_route_joins_on_request(good, tmp_path):
    out = tmp_path / "agree.json"
    result = run(
        "agree", good, "y ~ x + g", "--seed", 1, "--draws", 300, "--independence", "--json", out
    )
    assert result.exit_code == 0, result.output
    assert "5/5  independence sampling" in result.stderr
    assert "acceptance 0." in result.stdout
    assert "same as nuts p = " in " ".join(result.stdout.replace("│", "").split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    facts = json.loads(out.read_text())
    assert [check["route"] for check in facts["posteriors"]] == ["nuts", "independence"]
    assert facts["posteriors"][1]["other"] == "nuts"


def test_missing_rows_are_counted_on_screen(good):
    frame = pd.read_csv(good)
    frame.loc[[3, 9], "x"] = np.nan
    frame.to_csv(good, index=False)
    assert "2 rows left out: a value is missing" in run("fit", good, "y ~ x").stdout
    result = run("fit", good, "y ~ x", "--missing", "raise")
    assert result.exit_code == 2
    assert "rows 4, 10" in result.stderr


BAD = {
    "empty data": ("", "y ~ x", [], "is empty"),
    "no rows": ("y,x\n", "y ~ x", [], "no rows"),
    "one class": ("y,x\n1,2\n1,3\n", "y ~ x", [], "one class only"),
    "three classes": ("y,x\na,2\nb,3\nc,4\n", "y ~ x", [], "3 categories"),
    "NaN": ("y,x\n0,\n1,3\n", "y ~ x", ["--missing", "raise"], "missing in row 1 "),
    "inf": ("y,x\n0,inf\n1,3\n", "y ~ x", [], "'x' has values that are not finite in row 1"),
    "strings": ("y,x,o\n0,1,a\n1,3,b\n", "y ~ x", ["--offset", "o"], "'o' holds text"),
    "ragged": ("y,x\n0,1\n1,2,3,4\n", "y ~ x", [], "cannot be read as a table"),
    "duplicate names": ("y,x,x\n0,1,2\n", "y ~ x", [], "'x' is repeated"),
    "unknown column": ("y,x\n0,1\n1,2\n", "y ~ xx", [], "no column 'xx'"),
    "malformed formula": ("y,x\n0,1\n1,2\n", "y ~ (x", [], "formula"),
    "formula with code": ("y,x\n0,1\n1,2\n", "y ~ I(__import__('os'))", [], "not allowed"),
    "negative weights": ("y,x,w\n0,1,-1\n1,2,1\n", "y ~ x", ["--weights", "w"], "negative values"),
    "fractional weights": ("y,x,w\n0,1,.5\n1,2,1\n", "y ~ x", ["--weights", "w"], "fractional"),
    "unreadable": (b"\xff\xfe\x00junk\x81", "y ~ x", [], "cannot be read as a table"),
    "missing file": (None, "y ~ x", [], "no file"),
    "unknown weights": ("y,x\n0,1\n1,2\n", "y ~ x", ["--weights", "q"], "no column 'q'"),
    "json folder": ("y,x\n0,1\n1,2\n", "y ~ x", ["--json", "/no/where.json"], "does not exist"),
}


@pytest.mark.parametrize("command", ["fit", "check", "agree"])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_gives_one_clear_line_and_exit_2(tmp_path, command, name):
    content, formula, options, words = BAD[name]
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run(command, path, formula, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr


def test_an_unseen_level_is_one_clear_sentence(good):
    model = BernoulliLogistic.from_formula("y ~ g", good)
    with pytest.raises(ValueError, match="column 'g' has the level 'z' in row 0"):
        model.design_matrix({"g": ["z"]})


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


def test_levels_that_look_like_internal_names_are_kept(tmp_path):
    frame = pd.DataFrame({"y": [0, 1] * 6, "g": ["A", "A", "_plain_0_", "_plain_0_"] * 3})
    assert BernoulliLogistic.from_formula("y ~ g", frame).names == ("Intercept", "g[T._plain_0_]")


def test_usage_errors_are_one_line_too(good):
    for arguments in (["fit"], ["nothing"], ["agree", good, "y ~ x", "--draws", "5"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_the_data_file_is_never_overwritten(good):
    before = good.read_bytes()
    assert run("fit", good, "y ~ x", "--json", good).exit_code == 2
    assert good.read_bytes() == before


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


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_during_sampling_ends_cleanly(good, tmp_path):
    out = tmp_path / "result.json"
    before = sorted(tmp_path.iterdir())
    process = subprocess.Popen(
        [FLATPRIOR, "agree", good, "y ~ x", "--draws", "1000000", "--json", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("4/4"):
            break
    time.sleep(8)  # past compilation, into the draws
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in "".join(said) + stderr + stdout
    assert stderr.splitlines()[-1] == "flatprior: interrupted; nothing was written"
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(ProcessLookupError):  # no worker is left behind
        os.killpg(process.pid, 0)


@pytest.fixture
def folder(tmp_path):
    """Three Parquet files in which the level "c" stands in one row of the last, with an event."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=900), "g": rng.choice(["a", "b"], size=900)})
    frame["y"] = np.where(rng.random(900) < 1 / (1 + np.exp(-frame["x"])), "yes", "no")
    frame.loc[890, ["g", "y"]] = ["c", "yes"]
    frame.loc[::100, "x"] = np.nan
    (tmp_path / "parts").mkdir()
    for number in range(3):
        part = frame.iloc[300 * number : 300 * (number + 1)]
        part.to_parquet(tmp_path / "parts" / f"{number}.parquet")
    frame.to_csv(tmp_path / "whole.csv", index=False)
    return tmp_path / "parts"


def test_many_files_are_fitted_as_one(folder, tmp_path):
    out = tmp_path / "fit.json"
    result = run("fit", folder / "*.parquet", "y ~ x", "--json", out)
    assert result.exit_code == 0, result.stderr
    assert "891 observations" in result.stdout
    assert "9 rows left out: a value is missing" in result.stdout
    one = run("fit", folder.parent / "whole.csv", "y ~ x")
    shown = [text.split("The MLE exists")[0].split() for text in (result.stdout, one.stdout)]
    assert [word for word in shown[0] if not word.isdigit()] == [
        word for word in shown[1] if not word.isdigit()
    ]
    assert verify(BernoulliLogistic.from_parquet(folder, "y ~ x"), PointEstimate.load(out))


def test_existence_is_decided_for_many_files(folder):
    result = run("check", folder, "y ~ x + g")
    assert result.exit_code == 1
    assert "QUASI-COMPLETE SEPARATION" in result.stdout
    assert "1 of 891 rows: 891" in " ".join(result.stdout.replace("│", " ").split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    result = run("check", folder, "y ~ x")
    assert result.exit_code == 0
    assert "is not looked for in data read in batches" in result.stdout


@pytest.mark.parametrize(
    ("files", "formula", "words"),
    [
        ("nothing/*.parquet", "y ~ x", "no file 'nothing/*.parquet', and none that matches"),
        ("parts", "y ~ z", "there is no column 'z'"),
        ("parts", "y ~ bs(x, df=4)", "bs() in the formula needs all rows at once"),
    ],
)
def test_wrong_input_in_many_files_is_one_line(folder, monkeypatch, files, formula, words):
    monkeypatch.chdir(folder.parent)
    result = run("fit", files, formula)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_compare_prints_the_table_of_models_of_the_same_rows(good, tmp_path):
    out = tmp_path / "comparison.json"
    result = run(
        "compare", good, "y ~ 1", "y ~ x", "y ~ x + g", "--sample", "--exact-loo", "--seed", 1,
        "--json", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "2: y ~ x" in result.stdout
    for column in ("AIC", "LR", "LOO log score", "elpd_loo", "weight"):
        assert column in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    facts = json.loads(out.read_text())
    assert facts["formulas"]["3"] == "y ~ x + g"
    assert facts["models"]["3"]["parent"] == "2"
    data = pd.read_csv(good)
    fit = fit_newton(BernoulliLogistic.from_formula("y ~ x", data))
    assert facts["models"]["2"]["AIC"] == pytest.approx(fit.aic, rel=1e-12)


def test_compare_refuses_other_rows_and_can_take_the_common_ones(good, tmp_path):
    frame = pd.read_csv(good)
    frame.loc[4, "x"] = np.nan
    frame.to_csv(tmp_path / "holes.csv", index=False)
    arguments = ("compare", tmp_path / "holes.csv", "y ~ g", "y ~ x + g")
    result = run(*arguments)
    assert result.exit_code == 2
    assert "row 5 in the first model only (0 and 1 rows were left out" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    result = run(*arguments, "--common-rows")
    assert result.exit_code == 0, result.stderr
    assert "1 row left out of every model: a value is missing" in result.stderr
    assert "79 observations" in result.stdout
    result = run("compare", good, "y ~ x")
    assert result.exit_code == 2
    assert "two formulas or more" in result.stderr


def test_explain_names_the_cause(tmp_path):
    data = load_spector()
    data.to_csv(tmp_path / "spector.csv", index=False)
    formula = "grade ~ gpa + tuce + psi"
    fit = fit_newton(BernoulliLogistic.from_formula(formula, data))
    saved = tmp_path / "saved.json"
    fit.save(saved)
    flipped = tmp_path / "flipped.json"
    values = dict(zip(fit.names, (-fit.coefficients).tolist(), strict=True))
    flipped.write_text(json.dumps(values))
    errors = dict(zip(fit.names, fit.standard_errors.tolist(), strict=True))
    both = tmp_path / "both.json"
    both.write_text(json.dumps({"coefficients": values, "standard_errors": errors}))
    out = tmp_path / "explanation.json"
    for path, title in ((saved, "AGREEMENT"), (flipped, "RESPONSE FLIPPED"), (both, "RESPONSE")):
        result = run(
            "explain", tmp_path / "spector.csv", formula, "--coefficients", path, "--json", out
        )
        assert result.exit_code == 0, result.stderr
        assert title in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80
    assert json.loads(out.read_text())["certain"] is True


def test_explain_says_that_there_is_no_mle_and_exits_1(tmp_path):
    load_endometrial().to_csv(tmp_path / "e.csv", index=False)
    theirs = tmp_path / "theirs.json"
    theirs.write_text('{"Intercept": 4.3, "NV": 18.2, "PI": -0.04, "EH": -2.9}')
    result = run("explain", tmp_path / "e.csv", "HG ~ NV + PI + EH", "--coefficients", theirs)
    assert result.exit_code == 1
    assert "SEPARATION" in result.stdout
    assert "NV = 18.2" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "must hold names and numbers"),
        ('{"coefficients": {"a": 1}, "standard_errors": [1]}', "must hold names and numbers"),
        ('{"Intercept": 1, "x": null}', "'x' is None, not a finite number"),
        ('{"format": "flatprior/1"}', "is not an estimate saved by flatprior"),
        ('{"Intercept": 1, "z": 2}', "lacks x and has z besides"),
    ],
)
def test_what_are_no_coefficients_is_one_line_and_status_2(good, tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    result = run("explain", good, "y ~ x", "--coefficients", tmp_path / "bad.json")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


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


def test_an_interrupt_says_which_files_were_written(good, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "print_estimate", interrupt)
    out = tmp_path / "fit.json"
    for arguments, said in ((["--json", out], f"'{out}'"), ([], "nothing")):
        result = run("fit", good, "y ~ x", *arguments)
        assert result.exit_code == 130
        assert result.stderr == f"flatprior: interrupted; {said} was written\n"


BREAK = """
import importlib.abc, os, signal, sys
when, how = sys.argv.pop(1), sys.argv.pop(1)
class Break(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == when:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                if how == "as it is":
                    raise
                raise ImportError("the import was broken") from None  # as extension modules do
sys.meta_path.insert(0, Break())
from flatprior.analysis.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("when", "how"),
    [("click", "as it is"), ("pandas", "as it is"), ("pandas", "hidden"), ("pymc", "as it is")],
)
def test_ctrl_c_within_an_import_is_one_line(good, when, how):
    done = subprocess.run(
        [sys.executable, "-c", BREAK, when, how, "agree", good, "y ~ x"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "flatprior: interrupted; nothing was written"
    assert "Traceback" not in done.stderr


def test_results_go_into_the_stream_that_standard_output_is(good, tmp_path):
    path = tmp_path / "out.txt"
    with path.open("w") as file:
        file.write("kept\n")
        file.flush()
        subprocess.run(
            [FLATPRIOR, "check", good, "y ~ x", "--json", "/dev/stdout"], stdout=file, check=True
        )
    text = path.read_text()
    assert text.startswith("kept\n")
    assert "OVERLAP" in text
    assert json.loads(text[text.index("\n{") :])["kind"] == "overlap"


def test_a_protected_file_is_refused_before_the_work(good, tmp_path):
    path = tmp_path / "kept.json"
    path.write_text("old")
    path.chmod(0o444)
    result = run("fit", good, "y ~ x", "--json", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "protected against writing (mode 444)" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert path.read_text() == "old"


def test_coefficients_with_a_mark_in_front_are_read_and_with_a_name_twice_are_not(good, tmp_path):
    path = tmp_path / "c.json"
    path.write_bytes(b'\xef\xbb\xbf{"Intercept": 0.1, "x": 0.2}')
    assert run("explain", good, "y ~ x", "--coefficients", path).exit_code == 0
    path.write_text('{"Intercept": 0.1, "x": 0.2, "x": 0.3}')
    result = run("explain", good, "y ~ x", "--coefficients", path)
    assert result.exit_code == 2
    assert result.stderr == f"flatprior: {str(path)!r} is not JSON: a name is there twice\n"


def test_what_the_system_says_is_a_sentence_that_names_the_file(good, tmp_path):
    path = tmp_path / "none.json"
    result = run("explain", good, "y ~ x", "--coefficients", path)
    assert result.exit_code == 2
    assert result.stderr == f"flatprior: {str(path)!r}: no such file or directory\n"


@pytest.mark.parametrize("width", ["30", "80", "200"])
def test_the_short_help_of_every_command_is_a_whole_sentence(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    commands = "".join(run("--help").stdout.split("Commands:")[1].split())  # words may be broken
    for name, command in main.commands.items():
        sentence = re.match(r".*?[.?](?=\s|$)", " ".join(command.help.split()))[0]
        assert f"{name}{sentence}".replace(" ", "") in commands


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize("arguments", [["--help"], ["fit"]], ids=" ".join)
def test_a_reader_that_has_gone_is_no_disagreement(good, arguments):
    more = [good, "y ~ x"] if arguments == ["fit"] else []
    process = subprocess.Popen(
        [FLATPRIOR, *arguments, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.wait(60) == 141  # 128 + SIGPIPE, as a shell says of other programs
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libx.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_lack_of_memory_is_one_line_under_every_name(good, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(commands, "load_model", fail)
    result = run("agree", good, "y ~ x")
    assert result.exit_code == 2
    assert result.stderr == "flatprior: not enough memory\n"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses")
def test_too_low_a_limit_of_memory_is_said_at_once(good):
    done = subprocess.run(
        ["bash", "-c", 'ulimit -v 400000; exec "$0" agree "$1" y~x', FLATPRIOR, good],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "flatprior: not enough memory: this process may address 390 MiB (ulimit -v), and 1024 are "
        "needed\n"
    )


def test_no_p_value_is_printed_as_0(tmp_path):
    # a table of 2 x 2 with a million observations in each cell, but for one with twice as many
    path = tmp_path / "table.csv"
    path.write_text("y,x,n\n0,0,1000000\n1,0,1000000\n0,1,1000000\n1,1,2000000\n")
    result = run("fit", path, "y ~ x", "--weights", "n")
    z = np.log(2) / np.sqrt(3.5e-6)
    exact = mpmath.nstr(2 * mpmath.ncdf(-z), 2)
    row = next(line.split() for line in result.stdout.splitlines() if line.startswith("x "))
    assert row[4] == exact


HASH = """
import hashlib, pathlib, sys
from click.testing import CliRunner
from flatprior.analysis.cli import main
data, folder = map(pathlib.Path, sys.argv[1:])
terms = "x + p + q + r + C(s)"
for command in (
    ["fit", data, f"y ~ {terms}", "--json", folder / "fit"],
    ["fit", f"{data}*", f"y ~ {terms} + q:r", "--json", folder / "batches"],
    ["check", data, f"y ~ {terms} + p:q", "--json", folder / "check"],
    ["compare", data, "y ~ x + p + q", f"y ~ {terms}", "--report", folder / "page"],
):
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 0, result.output
    print(result.stdout)
"""


def test_nothing_depends_on_the_hash_seed(tmp_path):
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({name: rng.choice(["a", "b", "c"], 200) for name in "pqrs"})
    frame["x"], frame["y"] = rng.normal(size=200), rng.choice(["no", "yes"], 200)
    frame.to_csv(tmp_path / "d.csv", index=False)
    found = set()
    for seed in ("1", "2"):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", HASH, tmp_path / "d.csv", out],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        # times differ, and so does the checksum of a file with a time in it
        files = [
            re.sub(r'"(seconds|checksum)": [^,\n]*', "", path.read_text())
            for path in sorted(out.iterdir())
        ]
        assert len(files) == 4
        found.add((done.stdout, *files))
    assert len(found) == 1


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
    ):
        result = run(command, good, *more, *roles)
        assert result.exit_code == 0, result.stderr
        shown = " ".join(result.stdout.split())
        assert "observations in 80 rows (frequency weights: w)" in shown
        assert "offset: t" in shown
        assert "with sampling weights the standard errors, tests and intervals" in shown
        facts = json.loads(out.read_text())
        if command == "compare":
            assert facts["offsets"] == {"1": "t", "2": "t"}
            facts = facts["estimates"]["1"]
        assert facts["provenance"]["offset"] == "t"
        assert facts["provenance"]["frequency_weights"] == "w"
        assert facts["provenance"]["n_rows"] == 80


def test_forged_reports_are_not_verified_whatever_data_they_state(good, tmp_path):
    page = tmp_path / "report.html"
    assert run("compare", good, "y ~ x", "y ~ x + g", "--report", page).exit_code == 0
    text, facts = page.read_text(), read_report(page)
    facts["estimate"]["standard_errors"] = [s / 10 for s in facts["estimate"]["standard_errors"]]
    facts["estimate"]["provenance"]["data_hash"] = "0" * 32
    page.write_text(embedded_in(text, facts), newline="\n")
    result = run("verify", page, good)
    assert result.exit_code == 1
    assert "not verified: the file was changed after it was written" in result.stderr
    page.write_text(resealed(embedded_in(text, facts)), newline="\n")
    result = run("verify", page, good)
    assert result.exit_code == 1
    assert "standard_errors" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    page.write_text(text, newline="\n")
    result = run("verify", page, good)
    assert result.exit_code == 0
    assert "VERIFIED" in result.stdout
