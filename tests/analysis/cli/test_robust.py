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
    ],
)
def test_a_robust_covariance_is_refused_where_it_has_no_part(data, options, says):
    result = run("test", data, "y ~ x*g", *options)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())


def test_a_column_of_clusters_is_no_term_of_a_dot(data):
    result = run("test", data, "y ~ .", "--cluster", "firm", "--drop-one")
    assert result.exit_code == 0, result.stderr
    assert "covariance is by 12 clusters" in result.stdout
    assert not any(line.startswith("firm") for line in result.stdout.splitlines())
