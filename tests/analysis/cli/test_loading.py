"""What the commands read, and what they refuse to read or to overwrite."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from command_line import run

from flatprior.analysis.cli.commands import main
from flatprior.analysis.cli.loading import check_paths, load_models
from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.encoding.files.source import Source


def test_two_results_do_not_share_a_file(good, tmp_path):
    out = tmp_path / "out"
    result = run("compare", good, "y ~ 1", "y ~ x", "--report", out, "--json", out)
    assert result.exit_code == 2
    assert "name the same file" in result.stderr
    assert not out.exists()


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
    "unreadable": (b"\xff\xfa\x00junk\x81", "y ~ x", [], "cannot be read as a table"),
    "missing file": (None, "y ~ x", [], "no file"),
    "unknown weights": ("y,x\n0,1\n1,2\n", "y ~ x", ["--weights", "q"], "no column 'q'"),
    "json without a name": ("y,x\n0,1\n1,2\n", "y ~ x", ["--json", ""], "--json has no name of a"),
    "NUL byte": ("y,x\n0,1\n1,\0\n", "y ~ x", [], "row 2 has a NUL byte"),
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


def test_the_data_file_is_never_overwritten(good):
    before = good.read_bytes()
    assert run("fit", good, "y ~ x", "--json", good).exit_code == 2
    assert good.read_bytes() == before


@pytest.mark.parametrize(
    ("files", "formula", "words"),
    [
        ("nothing/*.parquet", "y ~ x", "no file 'nothing/*.parquet', and none that matches"),
        ("parts", "y ~ z", "there is no column 'z'"),
        ("parts", "y ~ bs(x, df=4)", "in the formula needs all rows at once"),
    ],
)
def test_wrong_input_in_many_files_is_one_line(folder, monkeypatch, files, formula, words):
    monkeypatch.chdir(folder.parent)
    result = run("fit", files, formula)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


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
    assert f"{str(path)!r} is not JSON (a name is there twice): it must hold" in result.stderr


@pytest.mark.parametrize("name", ["1.csv", "2.csv", "3.csv"])
def test_none_of_the_files_of_a_folder_is_overwritten(name, tmp_path):
    for each in ("1.csv", "2.csv", "3.csv"):
        (tmp_path / each).write_text("y,x\n1,2\n")
    for data in (str(tmp_path), str(tmp_path / "*.csv")):
        with pytest.raises(ValueError, match=r"--report .* is one of the data files; name another"):
            check_paths(data, report=str(tmp_path / name))
        check_paths(data, report=str(tmp_path / "report.html"))


SEMICOLONS = "y;x;g\n" + "".join(
    f"{i % 2};{(i * 7) % 11},5;{'?' if i % 9 == 4 else i % 5}\n" for i in range(60)
)


@pytest.fixture
def semicolons(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(SEMICOLONS)
    return path


def test_the_options_of_reading_are_those_of_the_library(tmp_path, semicolons):
    expected = BernoulliLogistic.from_formula("y ~ x + g", semicolons, na="?")
    assert expected.n_dropped == 7
    for more in ((), ("--sep", ";", "--decimal", ","), ("--encoding", "utf-8")):
        target = tmp_path / "fit.json"
        result = run("fit", semicolons, "y ~ x + g", "--na", "?", *more, "--json", target)
        assert result.exit_code == 0, result.stderr
        provenance = json.loads(target.read_text())["provenance"]
        assert provenance["data_hash"] == expected.data_hash
        assert provenance["reading"]["na"] == ["?"]
        assert "g: '?' in 7 rows read as missing" in result.stdout
        assert ("told from the file" in result.stdout) == (more[:1] != ("--sep",))


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("fit", ()),
        ("check", ()),
        ("agree", ()),
        ("compare", ("y ~ g",)),
        ("explain", ()),
        ("test", ()),
    ],
)
def test_standard_input_is_data_of_every_command(tmp_path, semicolons, command, more):
    if command == "explain":
        (tmp_path / "b.json").write_text('{"Intercept": 0, "x": 0, "g": 0}')
        more = ("--coefficients", tmp_path / "b.json")
    given = [command, "-", "y ~ x + g", *more, "--na", "?"]
    piped = CliRunner().invoke(main, list(map(str, given)), input=SEMICOLONS.encode())
    given[1] = semicolons
    assert piped.exit_code == run(*given).exit_code == 0, piped.stderr
    if command != "agree":  # which says how long it took
        assert piped.stdout == run(*given).stdout


def test_models_of_the_same_files_are_surveyed_in_one_pass(folder, monkeypatch):
    formulas = ("y ~ x", "y ~ g", "y ~ x + g")
    alone = [BernoulliLogistic.from_parquet(folder, each) for each in formulas]
    read, columns = Source.read, []
    monkeypatch.setattr(
        Source, "read", lambda self, names, *rest: columns.append(names) or read(self, names, *rest)
    )
    found = load_models(folder, formulas, None, None, False, True)
    assert list(map(set, columns)) == [{"y", "x", "g"}]
    for one, two in zip(found.values(), alone, strict=True):
        assert one.facts == two.facts
        assert one.data_hash == two.data_hash
    with pytest.raises(ValueError, match="no column 'z'"):
        load_models(folder, ("y ~ x", "y ~ z"), None, None, False, True)


def test_standard_input_is_compared_with_a_table_and_with_a_report(tmp_path, semicolons):
    report, table = tmp_path / "r.html", tmp_path / "t.csv"
    done = run("agree", semicolons, "y ~ x + g", "--na", "?", "--report", report)
    assert done.exit_code == 0, done.stderr
    for data, given in ((semicolons, None), ("-", SEMICOLONS.encode())):
        verified = CliRunner().invoke(main, ["verify", str(report), str(data)], input=given)
        assert verified.exit_code == 0, verified.stdout + verified.stderr
    wrong = run("verify", report, semicolons, "--na", "-")
    assert wrong.exit_code != 0
    fit = fit_newton(BernoulliLogistic.from_formula("y ~ x + g", semicolons, na="?"))
    pd.DataFrame({"term": fit.names, "estimate": fit.coefficients}).to_csv(table, index=False)
    given = ["audit", str(table), "-", "y ~ x + g", "--na", "?"]
    audited = CliRunner().invoke(main, given, input=SEMICOLONS.encode())
    assert audited.exit_code == 0, audited.stdout + audited.stderr


def test_the_same_data_in_another_format_verify_a_report(tmp_path, semicolons):
    report = tmp_path / "r.html"
    assert run("agree", semicolons, "y ~ x + g", "--na", "?", "--report", report).exit_code == 0
    frame = pd.read_csv(semicolons, sep=";", decimal=",", na_values="?")
    frame.to_parquet(tmp_path / "d.parquet")
    verified = run("verify", report, tmp_path / "d.parquet")
    assert verified.exit_code == 0, verified.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sep", ";;"), "';;' cannot separate columns"),
        (("--encoding", "klingon"), "--encoding klingon is none that is known"),
        (("--sheet", "a"), "--sheet is not for text files"),
        (("--decimal", "x"), "--decimal"),
        (("--sep", ","), "there is no column 'y'; the columns are 'y;x;g'"),
    ],
)
def test_options_of_reading_that_cannot_be_are_one_line(semicolons, options, words):
    result = run("fit", semicolons, "y ~ x", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_models_of_a_comparison_take_a_column_each_in_its_own_way(tmp_path):
    rows = [f"{i % 2},{i % 3:02d}" for i in range(60)]
    (tmp_path / "d.csv").write_text("y,k\n" + "\n".join(rows) + "\n")
    models = load_models(tmp_path / "d.csv", ("y ~ k", "y ~ C(k)"), None, None, True, False)
    assert models["1"].names == ("Intercept", "k")
    assert models["2"].names == ("Intercept", "C(k)[T.01]", "C(k)[T.02]")
