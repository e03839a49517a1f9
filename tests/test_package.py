"""Imports, doctests and names: what holds for the package as a whole."""

import doctest
import importlib
import inspect
import pkgutil
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from processes import printed

import flatprior
import flatprior.analysis
import flatprior.models

MODULES = [
    module.name
    for module in pkgutil.walk_packages(flatprior.__path__, "flatprior.")
    if module.name.split(".")[1] in ("models", "analysis")
]
PUBLIC = {
    name: package for package in (flatprior.models, flatprior.analysis) for name in package.__all__
}


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_a_docstring_is_right(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_public_function_has_an_example():
    without = [
        name
        for name, package in PUBLIC.items()
        if inspect.isfunction(found := getattr(package, name)) and ">>>" not in found.__doc__
    ]
    assert without == []


@pytest.mark.parametrize("package", [flatprior.models, flatprior.analysis], ids=str)
def test_every_public_name_exists_and_is_documented(package):
    for name in package.__all__:
        assert getattr(package, name).__doc__, name
    assert set(package.__all__) <= set(dir(package))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        flatprior.analysis.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="nothing"):
        flatprior.nothing  # noqa: B018


HEAVY = (
    "print(sorted({'pymc', 'pytensor', 'arviz', 'arviz_base', 'matplotlib'} & set(sys.modules)))"
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
    flat = "import flatprior; flatprior.BernoulliLogistic, flatprior.summarise, dir(flatprior)"
    heavy = "import arviz_base"  # the check can fail
    statements = ("import flatprior.analysis", flat, fit, show_help, heavy)
    *loaded, after_heavy = printed(
        "import sys\n" + "\n".join(f"{statement}; {HEAVY}" for statement in statements)
    ).splitlines()
    assert loaded == ["[]"] * 4
    assert "arviz_base" in after_heavy


def test_one_flat_namespace_has_every_public_name():
    assert sorted(flatprior.__all__) == sorted(PUBLIC)
    assert {*PUBLIC, "models", "analysis", "__version__"} == set(dir(flatprior))
    for name, package in PUBLIC.items():
        assert getattr(flatprior, name) is getattr(package, name)
    assert flatprior.__version__ == version("flatprior")


def test_the_names_that_were_public_are():
    listed = (Path(__file__).parent / "data" / "public_names.txt").read_text(encoding="utf-8")
    assert set(listed.split()) <= {f"{p.__name__}.{name}" for name, p in PUBLIC.items()}


def test_a_public_name_is_that_of_its_home():
    """Two modules may have a class of one name; the public one is what functions return."""
    models = {
        formula: flatprior.BernoulliLogistic.from_formula(formula, flatprior.load_spector())
        for formula in ("grade ~ gpa", "grade ~ gpa + psi")
    }
    assert isinstance(flatprior.compare_models(models), flatprior.Comparison)
    homes = {
        name: getattr(found, "__module__", None)
        for name, package in PUBLIC.items()
        if inspect.isclass(found := getattr(package, name)) or inspect.isfunction(found)
    }
    assert {home.split(".")[1] for home in homes.values()} == {"models", "analysis"}
    for name, package in PUBLIC.items():
        assert homes[name].startswith(package.__name__), name


def test_no_second_copy_of_the_package_is_loaded():
    assert "models" not in sys.modules
    assert "analysis" not in sys.modules


def test_every_requirement_says_its_lowest_version():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + [line for lines in extras.values() for line in lines]
    bare = {line for line in lines if ">=" not in line}
    assert bare - {"pandas-stubs", "scipy-stubs", "build"} == {"flatprior[distributed,excel,spss]"}
