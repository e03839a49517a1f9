"""`flatprior test`: each option gives the numbers of the function that it stands for."""

import json

import numpy as np
import pandas as pd
import pytest
from command_line import run

from flatprior.analysis import (
    anova,
    collinearity,
    drop_one,
    likelihood_ratio_test,
    robust_covariance,
    score_test,
    wald_test,
)
from flatprior.models import BernoulliLogistic, fit_newton

FORMULA = "y ~ x*g"
FIRM = np.arange(120) % 20


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.normal(size=120), "g": rng.choice(list("abc"), size=120)})
    frame["y"] = rng.integers(0, 2, 120)
    frame["firm"] = FIRM
    frame.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def robust(model, kind="HC0", **given):
    return robust_covariance(model, fit_newton(model), kind, **given)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ((), anova),
        (("--type", "2", "--test", "score"), lambda m: anova(m, type=2, test="score")),
        (("--drop-one", "--test", "wald"), lambda m: drop_one(m, "Wald")),
        (("--vif",), lambda m: collinearity(m, fit_newton(m))),
        (("--by", "g:x"), lambda m: likelihood_ratio_test(m, "x:g")),
        (("--by", "g", "--by", "x:g"), lambda m: likelihood_ratio_test(m, ["g", "x:g"])),
        (("--by", "g", "--test", "score"), lambda m: score_test(m, "g")),
        (("--by", "g", "--test", "Wald"), lambda m: wald_test(m, fit_newton(m), "g")),
        (("--by", "g:x", "--robust", "HC3"), lambda m: wald_test(m, robust(m, "HC3"), "x:g")),
        (("--robust", "hc3"), lambda m: anova(m, test="Wald", type=2, robust=robust(m, "HC3"))),
        (
            ("--drop-one", "--cluster", "firm", "--correction", "stata", "--test", "Wald"),
            lambda m: drop_one(m, "Wald", robust=robust(m, cluster=FIRM, correction="Stata")),
        ),
        (
            ("--type", "II", "--robust", "CR2", "--cluster", "firm"),
            lambda m: anova(m, test="Wald", type=2, robust=robust(m, "CR2", cluster=FIRM)),
        ),
    ],
)
def test_what_is_asked_is_what_the_function_says(data, tmp_path, options, asked):
    expected = asked(BernoulliLogistic.from_formula(FORMULA, data))
    result = run("test", data, FORMULA, *options, "--json", tmp_path / "found.json")
    assert result.exit_code == 0, result.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found.pop("provenance")["formula"] == FORMULA
    assert found == json.loads(json.dumps(expected.to_dict()))
    said = result.stdout.split()
    # the model's own lines are those of every command
    for line in str(expected).splitlines():
        if "observations," in line:
            continue
        words = line.split()
        assert any(said[i : i + len(words)] == words for i in range(len(said))) or not words, line


def test_files_in_a_folder_are_tested_too(folder):
    model = BernoulliLogistic.from_parquet(str(folder), "y ~ x + g")
    result = run("test", folder, "y ~ x + g", "--type", "2")
    assert result.exit_code == 0, result.stderr
    assert f"{anova(model, type=2).table().loc['g', 'LR']:.4f}" in result.stdout


def test_tests_that_exclude_one_another_are_refused(data):
    result = run("test", data, FORMULA, "--by", "g", "--type", "2")
    assert result.exit_code == 2
    assert "take one" in result.stderr
    result = run("test", data, FORMULA, "--type", "3")
    assert result.exit_code == 2
    assert "C(g, Sum)" in result.stderr
