import json

import numpy as np
import pandas as pd
import pytest
from audited_scripts import AUDIT, DATA
from command_line import run
from processes import completed

from flatprior.analysis import read_report
from flatprior.analysis.cli.auditing import is_script
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, sample_independence


def audited(folder, *arguments, code=""):
    (folder / "script.py").write_text(DATA + code)
    return completed(*AUDIT, *arguments, cwd=folder)


RIGHT = """
import sys, statsmodels.api as sm
sm.Logit(y, X).fit(disp=0)
print(sys.argv)
sys.exit(int(sys.argv[1]))
"""


def test_a_scripts_arguments_are_its_own_and_so_is_its_status(tmp_path):
    options = ("--json", "found.json", "--tolerance", "1e-3")
    done = audited(tmp_path, *options, "script.py", "7", "--json", "other.json", code=RIGHT)
    assert done.returncode == 7, done.stderr
    assert done.stdout == "['script.py', '7', '--json', 'other.json']\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.json", "script.py"]
    facts = json.loads((tmp_path / "found.json").read_text())
    assert facts["passed"] is True
    assert facts["status"] == 7
    (fit,) = facts["fits"]
    assert fit["call"] == "sm.Logit(y, X).fit(disp=0)"
    assert "\x1b" not in done.stderr


def test_a_fit_that_is_not_what_it_looks_like_ends_with_1(tmp_path):
    code = "from sklearn.linear_model import LogisticRegression\nLogisticRegression().fit(X, y)"
    done = audited(tmp_path, "script.py", code=code)
    assert done.returncode == 1
    assert "NOT the MLE but ridge" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.py"], "'nothing.py': no such file"),
        (["--weights", "w", "script.py"], "--weights is of DATA, which a script has not"),
        (["--offset", "w", "script.py"], "--offset is of DATA"),
        (["--report", "a.html", "script.py"], "--report is of DATA"),
        (["--variables", "b", "script.py"], "--variables is of DATA"),
        (["--missing", "raise", "script.py"], "--missing is of DATA"),
        (["--json", "script.py", "script.py"], "is the data file itself"),
        (["--json", "no/such/folder.json", "script.py"], "no/such"),
        (["--tolerance", "0", "script.py"], "tolerance"),
        (["--unknown", "script.py"], "--unknown"),
        ([], "TABLE|DRAWS|SCRIPT.py"),
        (["table.csv"], "name the data and the formula that 'table.csv' is of"),
        (["table.csv", "data.csv"], "name the data and the formula"),
        (["table.csv", "data.csv", "y ~ x", "more"], "3 arguments follow it now"),
    ],
)
def test_wrong_input_is_one_line(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text("raise SystemExit(9)")
    result = run("audit", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_saved_fit_is_audited(good, tmp_path):
    saved, found = tmp_path / "fit.json", tmp_path / "audit.json"
    assert run("fit", good, "y ~ x + g", "--weights", "w", "--json", saved).exit_code == 0
    command = ("audit", saved, good, "y ~ x + g", "--json", found)
    result = run(*command, "--weights", "w")
    assert result.exit_code == 0, result.stderr
    assert "PASSED" in result.stdout
    facts = json.loads(found.read_text())
    assert facts["passed"] is True
    assert facts["provenance"]["data_hash"]
    page = tmp_path / "audit.html"
    result = run("audit", "--report", page, saved, good, "y ~ x + g", "--weights", "w")
    assert result.exit_code == 0, result.stderr
    assert read_report(page)["command"].startswith(f"flatprior audit {saved}")
    verified = run("verify", page, good, "--weights", "w")
    assert verified.exit_code == 0, verified.stderr
    result = run(*command)  # without the weights it is not theirs
    assert result.exit_code == 1
    assert "NOT PASSED" in result.stdout
    assert json.loads(found.read_text())["passed"] is False
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_coefficients_by_name_are_audited(good, tmp_path):
    model = BernoulliLogistic.from_formula("y ~ x", good)
    mle = dict(zip(model.names, fit_newton(model).coefficients.tolist(), strict=True))
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(mle))
    assert run("audit", path, good, "y ~ x").exit_code == 0
    path.write_text(json.dumps(mle | {"x": mle["x"] + 0.01}))
    result = run("audit", path, good, "y ~ x")
    assert result.exit_code == 1
    assert run("audit", path, good, "y ~ x", "--tolerance", "0.1").exit_code == 0
    path.write_text("{")
    result = run("audit", path, good, "y ~ x")
    assert result.exit_code == 2
    assert "is not JSON" in result.stderr


def test_a_printed_table_is_audited_to_its_digits(good, tmp_path):
    fit = fit_newton(BernoulliLogistic.from_formula("y ~ x", good))
    values = zip(fit.names, fit.coefficients, fit.standard_errors, strict=True)
    rows = [f"{name},{b:.4f},{error:.4f}" for name, b, error in values]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["term,estimate,std.error", *rows]))
    result = run("audit", table, good, "y ~ x")
    assert result.exit_code == 0, result.stderr + result.stdout
    assert "in every digit printed" in " ".join(result.stdout.split())
    table.write_text("\n".join(["term,estimate,std.error", *rows[:1], f"{rows[1]}9"]))
    assert run("audit", table, good, "y ~ x").exit_code == 1
    table.write_text("nothing,of,a,table\n1,2,3,4")
    result = run("audit", table, good, "y ~ x")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_draws_in_files_are_audited(good, tmp_path):
    model = BernoulliLogistic.from_formula("y ~ x", good)
    posterior = sample_independence(model, draws=500, chains=2, seed=1)
    posterior.data.to_netcdf(tmp_path / "draws.nc")
    page, found = tmp_path / "report.html", tmp_path / "found.json"
    command = ("audit", tmp_path / "draws.nc", good, "y ~ x")
    result = run(*command, "--report", page, "--json", found)
    assert result.exit_code == 0, result.stderr
    assert "the mean score is 0" in result.stdout
    assert json.loads(found.read_text())["passed"] is True
    assert run("verify", page, good).exit_code == 0
    frame = pd.read_csv(good)

    def density(a, b):
        predictor = a + b * frame["x"]
        return float((frame["y"] * predictor - np.logaddexp(0, predictor)).sum())

    for folder, shift in (("right", 0.0), ("wrong", 0.5)):
        (tmp_path / folder).mkdir()
        for chain, draws in enumerate(posterior.draws):
            rows = [f"{density(a, b)},{a!r},{b + shift!r},7" for a, b in draws.tolist()]
            text = "\n".join(["# model = m", "lp__,alpha,beta.1,other", *rows])
            (tmp_path / folder / f"chain_{chain}.csv").write_text(text)
    variables = ("--variables", "alpha", "--variables", "beta[1]")
    for files, status in (("right", 0), ("right/chain_*.csv", 0), ("wrong", 1)):
        result = run("audit", tmp_path / files, good, "y ~ x", *variables)
        assert result.exit_code == status, result.stdout + result.stderr
    result = run("audit", tmp_path / "right", good, "y ~ x", *variables, "--tolerance", "1e-3")
    assert result.exit_code == 2
    assert "tolerance is of coefficients, and these are draws" in result.stderr
    result = run("audit", tmp_path / "right/none_*.csv", good, "y ~ x")
    assert result.exit_code == 2
    assert result.stderr.startswith("flatprior: no file matches ")


def test_without_an_mle_the_status_is_1(tmp_path):
    load_endometrial().to_csv(tmp_path / "e.csv", index=False)
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps({"Intercept": 1.0, "NV": 9.0, "PI": 0.0, "EH": -2.9}))
    result = run("audit", path, tmp_path / "e.csv", "HG ~ NV + PI + EH")
    assert result.exit_code == 1
    assert "quasi-complete separation" in result.stdout


def test_the_kind_is_told_by_the_ending(tmp_path):
    assert is_script("a/b.py")
    assert is_script("B.PY")
    assert not any(map(is_script, ("a.csv", "py", "a.py.csv", "draws.nc", "")))


def test_help_says_what_a_fit_must_look_like():
    result = run("audit", "--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    for words in (
        "flatprior audit script.py [ARGUMENTS...]",
        "penalised by default, and nothing in the script says so",
        "Fits in other processes (n_jobs > 1) and partial_fit are not followed",
        "Exit status: 0 as it should be, 1 not what it looks like",
    ):
        assert words in text
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_audited_file_is_not_written_over(tmp_path, endometrial):
    table = tmp_path / "table.csv"
    table.write_text("term,estimate\nPI,0.1\n")
    for option in ("--json", "--report"):
        result = run("audit", table, endometrial, "HG ~ PI", option, table)
        assert result.exit_code == 2
        assert "name another" in result.stderr
    assert table.read_text().startswith("term")
