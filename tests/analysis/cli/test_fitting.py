"""`flatprior fit`: each option gives the numbers of the function that it stands for."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run

from flatprior.analysis import read_report, robust_covariance, summarise
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

FORMULA = "grade ~ gpa + tuce + psi"
SAMPLE = Path(__file__).parents[2] / "data" / "survey.csv"


@pytest.fixture
def spector(tmp_path):
    frame = load_spector().assign(group=np.arange(32) % 8)
    frame.to_csv(tmp_path / "spector.csv", index=False)
    return tmp_path / "spector.csv"


def table(path, *options):
    result = run("fit", path, FORMULA, "--format", "csv", *options)
    assert result.exit_code == 0, result.stderr
    return pd.read_csv(io.StringIO(result.stdout), index_col=0)


def test_the_table_is_that_of_summarise(spector):
    frame = load_spector()
    model = BernoulliLogistic.from_formula(FORMULA, frame)
    fit = fit_newton(model)
    groups = pd.Series(np.arange(32) % 8)
    expected = {
        (): summarise(model, fit),
        ("--level", "0.9"): summarise(model, fit, prob=0.9),
        ("--profile",): summarise(model, fit, intervals="profile"),
        ("--robust", "hc3"): summarise(model, fit, robust=robust_covariance(model, fit, "HC3")),
        ("--cluster", "group", "--correction", "Stata"): summarise(
            model,
            fit,
            robust=robust_covariance(model, fit, cluster=groups, correction="Stata"),
        ),
        ("--cluster", "group", "--cluster", "psi"): summarise(
            model, fit, robust=robust_covariance(model, fit, cluster=[groups, frame["psi"]])
        ),
        ("--robust", "cr2", "--cluster", "group"): summarise(
            model, fit, robust=robust_covariance(model, fit, "CR2", cluster=groups)
        ),
    }
    for options, summary in expected.items():
        wanted = summary.table().drop(columns="hauck-donner")
        found = table(spector, *options, "--odds-ratios")
        np.testing.assert_allclose(found.to_numpy(), wanted.to_numpy(), rtol=1e-12)
        assert list(found.columns[2:]) == list(wanted.columns[2:])
        without = table(spector, *options)
        assert list(without.columns) == list(found.columns[:6])


def test_sampling_weights_with_clusters_and_strata(tmp_path):
    roles = {"sampling_weights": "w", "clusters": "psu", "strata": "stratum"}
    model = BernoulliLogistic.from_formula("y ~ x", SAMPLE, **roles)
    options = ("--sampling-weights", "w", "--clusters", "psu", "--strata", "stratum")
    result = run("fit", SAMPLE, "y ~ x", *options, "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["covariance"] == "sampling"
    assert found["goodness"] is None
    errors = [row["standard error"] for row in found["coefficients"].values()]
    assert errors == pytest.approx(fit_newton(model).standard_errors, rel=1e-12)
    rows = pd.read_csv(SAMPLE)
    for i in range(2):  # in batches, and in two files
        rows[84 * i : 84 * (i + 1)].to_csv(tmp_path / f"{i}.csv", index=False)
    parted = run("fit", tmp_path, "y ~ x", *options, "--format", "json")
    assert parted.exit_code == 0, parted.stderr
    found = json.loads(parted.stdout)["coefficients"].values()
    assert [row["standard error"] for row in found] == pytest.approx(errors, rel=1e-12)
    shown = run("fit", SAMPLE, "y ~ x", *options)
    assert "22 clusters: psu, 4 strata: stratum" in shown.stdout
    assert "AIC" not in shown.stdout


def test_every_format_has_every_coefficient_and_nothing_else_is_printed(spector):
    for form in ("csv", "md", "tex", "typ", "json"):
        result = run("fit", spector, FORMULA, "--format", form)
        assert result.exit_code == 0
        assert "NumPy" not in result.stdout
        for name in ("Intercept", "gpa", "tuce", "psi"):
            assert name in result.stdout
    rows = list(csv.reader(io.StringIO(run("fit", spector, FORMULA, "--format", "csv").stdout)))
    assert {len(row) for row in rows} == {7}
    json.loads(run("fit", spector, FORMULA, "--format", "json").stdout)


def test_decimal_points_of_a_column_stand_below_one_another(spector):
    lines = run("fit", spector, FORMULA).stdout.splitlines()
    rows = [line for line in lines if line.startswith(("Intercept", "gpa", "tuce", "psi "))]
    assert len(rows) == 4
    points = {tuple(i for i, c in enumerate(row[:60]) if c == ".") for row in rows}
    assert len(points) == 1


def test_one_wide_table_where_the_terminal_is_wide(spector, monkeypatch):
    options = ("--odds-ratios", "--profile")
    narrow = run("fit", spector, FORMULA, *options).stdout
    monkeypatch.setenv("COLUMNS", "130")
    wide = run("fit", spector, FORMULA, *options).stdout
    assert (narrow.count("Intercept"), wide.count("Intercept")) == (2, 1)
    row = next(line for line in wide.splitlines() if line.startswith("Intercept"))
    assert 80 < len(row) <= 130
    prose = [line for line in wide.splitlines() if line.startswith(("Each", "log-lik", "McF"))]
    assert max(map(len, prose)) <= 80


def test_a_report_holds_the_fit_beside_another_program_s(spector, tmp_path):
    page = tmp_path / "fit.html"
    result = run("fit", spector, FORMULA, "--report", page)
    assert result.exit_code == 0, result.stderr
    facts = read_report(page)
    assert facts["agreement"]["verdict"] == "agree"
    assert facts["command"].startswith("flatprior fit")


@pytest.mark.parametrize("option", [("--level", "0.9"), ("--profile",), ("--odds-ratios",), ()])
def test_what_a_saved_estimate_has_not_is_said(option, spector, tmp_path):
    result = run("fit", spector, FORMULA, *option, "--json", tmp_path / "fit.json")
    assert result.exit_code == 0
    assert ("--format json has them" in result.stderr) == bool(option)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--profile", "--robust", "HC1"), "--profile is of the likelihood"),
        (("--robust", "HC1", "--cluster", "group"), "does not go with --cluster"),
        (("--robust", "CR2"), "add --cluster COLUMN"),
        (("--cluster", "nope"), "there is no column 'nope'"),
        (("--robust", "HC9"), "'HC9' is not one of"),
        (("--level", "1"), "1.0 is not in the range"),
        (("--format", "xml"), "'xml' is not one of"),
        (("--clusters", "group"), "clusters go with --sampling-weights"),
        (("--sampling-weights", "tuce", "--weights", "psi"), "not both"),
        (("--sampling-weights", "tuce", "--profile"), "and no likelihood: leave out --profile"),
        (("--json", "a.json", "--report", "a.json"), "name the same file"),
        (("--level", "0.9", "--report", "a.html"), "a report has intervals of 95%: leave out"),
    ],
)
def test_what_cannot_be_done_is_one_line(spector, options, words):
    result = run("fit", spector, FORMULA, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_robust_errors_of_groups():
    path = SAMPLE.with_name("grouped.csv")
    formula = "cbind(dead, n - dead) ~ sex + dose"
    model = BernoulliLogistic.from_formula(formula, pd.read_csv(path))
    fit = fit_newton(model)
    for units, said in ("trials", "HC1 of 248 single trials"), ("groups", "HC1 of 12 groups"):
        shown = run("fit", path, formula, "--robust", "HC1", "--units", units, "--format", "csv")
        expected = robust_covariance(model, fit, "HC1", units=units).standard_errors
        errors = pd.read_csv(io.StringIO(shown.stdout), index_col=0).iloc[:, 1]
        np.testing.assert_allclose(errors, expected, rtol=1e-12)
        text = run("fit", path, formula, "--robust", "HC1", "--units", units).stdout
        assert f"Standard errors are {said}, small-sample factor" in " ".join(text.split())
    refused = run("fit", path, formula, "--units", "groups")
    assert refused.exit_code == 2
    assert "add --robust HC0" in refused.stderr


def test_a_long_table_is_cut_and_says_what_prints_all(tmp_path):
    rows = [(f"h{i:03d}", int(j < 4 + i % 8)) for i in range(120) for j in range(15)]
    frame = pd.DataFrame(rows, columns=["hospital", "y"])
    frame.to_csv(tmp_path / "d.csv", index=False)
    out = tmp_path / "fit.json"
    for options in ([], ["--odds-ratios"]):
        result = run("fit", tmp_path / "d.csv", "y ~ hospital", "--json", out, *options)
        assert "Shown are the first 40 of 120 rows: --format csv prints all." in result.stdout
        assert "hospital[T.h039]" in result.stdout
        assert "hospital[T.h040]" not in result.stdout
    whole = run("fit", tmp_path / "d.csv", "y ~ hospital", "--format", "csv").stdout
    assert len(whole.splitlines()) == 121
    assert len(json.loads(out.read_text())["coefficients"]) == 120


def test_a_saved_fit_is_no_report_and_says_what_reads_it(spector, tmp_path):
    out = tmp_path / "fit.json"
    run("fit", spector, "grade ~ gpa", "--json", out)
    refused = run("verify", out, spector)
    assert refused.exit_code == 2
    assert "PointEstimate.load(path) reads" in refused.stderr
    assert "verify(model, fit) computes anew" in refused.stderr
