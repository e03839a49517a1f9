import json

import pytest
from audited_scripts import AUDIT, DATA
from command_line import run
from processes import completed

from flatprior.analysis.cli.auditing import is_script


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
        (["--weights", "w", "script.py"], "--weights is a column of DATA"),
        (["--offset", "w", "script.py"], "--offset is a column of DATA"),
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


def test_the_kind_is_told_by_the_ending():
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
