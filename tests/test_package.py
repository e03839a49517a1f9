"""Imports, doctests and names: what holds for the package as a whole."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import flatprior.analysis
import flatprior.models

MODULES = [
    module.name
    for package in (flatprior.models, flatprior.analysis)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


WITH_EXAMPLES = {
    "agreement", "calibration", "certificate", "comparison", "cross_entropy", "datasets",
    "diagnostics", "difference", "effects", "estimator", "existence", "fragility", "goodness",
    "independence", "inference", "intervals", "leave_one_out", "mode", "model", "moments", "newton",
    "posterior",
    "prediction", "pymc_routes", "results", "robust", "sklearn_route", "summary",
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_a_docstring_is_right(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    if name.rsplit(".", 1)[1] in WITH_EXAMPLES:
        assert result.attempted > 0


@pytest.mark.parametrize("package", [flatprior.models, flatprior.analysis], ids=str)
def test_every_public_name_exists_and_is_documented(package):
    for name in package.__all__:
        assert getattr(package, name).__doc__, name
    assert set(package.__all__) <= set(dir(package))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        flatprior.analysis.nothing  # noqa: B018


HEAVY = (
    "print(sorted({'pymc', 'pytensor', 'arviz', 'arviz_base', 'matplotlib'} & set(sys.modules)))"
)


def heavy_after(statement: str) -> str:
    code = f"import sys; {statement}; {HEAVY}"
    return (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        .stdout.strip()
        .splitlines()[-1]
    )


def test_start_up_loads_nothing_heavy():
    fit = (
        "from flatprior.models import *; fit_newton(BernoulliLogistic.from_formula("
        "'grade ~ gpa', load_spector()))"
    )
    show_help = (
        "from click.testing import CliRunner; from flatprior.analysis.cli import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0"
    )
    for statement in ("import flatprior.models", "import flatprior.analysis", fit, show_help):
        assert heavy_after(statement) == "[]"
    # the check can fail
    assert "arviz_base" in heavy_after("import arviz_base")


def test_no_second_copy_of_the_package_is_loaded():
    assert "models" not in sys.modules
    assert "analysis" not in sys.modules


def test_every_requirement_says_its_lowest_version():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + extras["distributed"] + extras["test"]
    assert [line for line in lines if ">=" not in line] == ["flatprior[distributed]"]
