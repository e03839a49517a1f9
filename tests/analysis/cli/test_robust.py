"""Robust covariances on the command line, of every command that takes one."""

import numpy as np
import pandas as pd
import pytest
from command_line import run


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=60), "g": rng.choice(list("ab"), size=60)})
    frame["y"] = rng.integers(0, 2, 60)
    frame["firm"] = np.arange(60) % 12
    frame.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--robust", "HC3", "--test", "LR"), "Wald tests in the whole model"),
        (("--cluster", "firm", "--type", "I"), "Wald tests in the whole model"),
        (("--robust", "HC3", "--vif"), "Wald tests in the whole model"),
        (("--robust", "HC3", "--cluster", "firm"), "does not go with --cluster"),
        (("--robust", "CR2"), "add --cluster COLUMN"),
        (("--cluster", "form"), "'form'"),
        (("--correction", "Stata"), "add --robust HC0 or --cluster COLUMN, or leave it out"),
        (("--correction", "statsmodels"), "add --robust HC0 or --cluster COLUMN, or leave it out"),
        (("--correction", "R", "--robust", "hc3"), "--robust HC3 has a factor of its own"),
        (
            ("--correction", "R", "--robust", "CR2", "--cluster", "firm"),
            "--robust CR2 has a factor of its own",
        ),
        (("--units", "groups"), "--units groups are of robust standard errors"),
        (("--units", "trials"), "--units trials are of robust standard errors"),
        (("--vif", "--test", "LR"), "--vif is of no test"),
    ],
)
def test_a_robust_covariance_is_refused_where_it_has_no_part(data, options, says):
    result = run("test", data, "y ~ x*g", *options)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())


def test_fit_refuses_a_factor_that_nothing_has(data):
    for options in (("--correction", "Stata"), ("--correction", "none", "--robust", "HC1")):
        result = run("fit", data, "y ~ x", *options)
        assert result.exit_code == 2
        assert "--correction" in result.stderr


def test_files_that_hold_the_models_own_errors_are_said_to(data, tmp_path):
    said = "--json and --report hold the estimate, with the model's own standard errors"
    given = ("--json", tmp_path / "fit.json")
    assert said in run("fit", data, "y ~ x", "--robust", "HC3", *given).stderr
    assert said not in run("fit", data, "y ~ x", *given).stderr


def test_a_column_of_clusters_is_no_term_of_a_dot(data):
    result = run("test", data, "y ~ .", "--cluster", "firm", "--drop-one")
    assert result.exit_code == 0, result.stderr
    assert "covariance is by 12 clusters" in result.stdout
    assert not any(line.startswith("firm") for line in result.stdout.splitlines())
