"""The floors of the house: who may import whom. Named here, and nowhere else."""

import ast
import functools
import graphlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# a file or folder imports what is before it, or what stands in its own line only if it is itself
FLOORS = {
    "models": (
        ("common",),
        ("designs",),
        ("encoding", "rows"),
        ("likelihood", "batches", "results", "example_data"),
        ("dependence", "evaluation"),
        ("direction_bounds", "model"),
        ("codes",),
        ("covariance",),
        ("external_draws", "gathering", "iterations", "provenance"),
        ("certificate", "posterior"),
        ("estimate",),
        ("existence",),
        ("routes",),
        ("saved", "refits"),
    ),
    "analysis": (
        (
            "cross_entropy",
            "monte_carlo",
            "optimiser_paths",
            "stated_precision",
            "maxima",
            "result_table",
        ),
        ("moments", "producers"),
        ("explanation", "standing"),
        ("agreement", "diagnostics"),
        ("comparison", "validation"),
        ("inference",),
        ("auditing",),
        ("figures",),
        ("report",),
        ("cli",),
    ),
}
MOST_FILES = 16  # in a folder
LATE = ("import_module", "__import__", "load")  # what imports where it is called, by a name as text
# of the routes, which share only what is below them: a class of Newton's, and PyMC's versions
WITHIN_ROUTES = {("estimator", "newton"), ("pymc_routes", "pymc_versions")}


def imported(path):
    """What a file imports of flatprior, wherever in it, types included: dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("flatprior"):
                    # what is then reached through the name `flatprior` would not be seen
                    assert alias.asname or "." not in alias.name, (
                        f"{path}: import from {alias.name}"
                    )
                    yield alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            if (node.module or "").startswith("flatprior"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and name_of(node.func) in LATE:
            for given in node.args:
                if isinstance(given, ast.Constant) and str(given.value).startswith("flatprior."):
                    yield given.value


def name_of(function):
    """What is called: `f` of `f()` and of `module.f()`."""
    return getattr(function, "attr", getattr(function, "id", ""))


def module_of(name):
    """The file of a dotted name, or of the module that it is in."""
    parts = name.split(".")[1:]
    while parts:
        path = ROOT.joinpath(*parts)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                return file
        parts = parts[:-1]
    return ROOT / "__init__.py"


@functools.cache
def arrows():
    """Every import as (file, file), from one to another."""
    return tuple(
        (path, module_of(name))
        for package in FLOORS
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in imported(path)
    )


def floor_of(path):
    """Package, and height of the floor, of a file; -1 for the package itself."""
    package, *rest = path.relative_to(ROOT).with_suffix("").parts
    for height, names in enumerate(FLOORS.get(package, ())):
        if rest[0] in names:
            return package, height, rest[0]
    return package, -1, rest[0] if rest else ""


def test_every_file_and_folder_has_a_floor():
    for package, floors in FLOORS.items():
        there = {
            path.stem
            for path in (ROOT / package).iterdir()
            if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
        }
        named = [name for names in floors for name in names]
        assert sorted(named) == sorted(there)


@pytest.mark.parametrize("package", FLOORS)
def test_nothing_imports_from_a_higher_floor(package):
    for path, target in arrows():
        here, there = floor_of(path), floor_of(target)
        if here[0] != package or here[2] == "__init__":
            continue
        said = f"{path.relative_to(ROOT)} imports {target.relative_to(ROOT)}"
        if there[0] == package and there[2] != "__init__":
            assert here[1] > there[1] or here[2] == there[2], said
        else:  # the other package: analysis may import models, never the other way
            assert (here[0], there[0]) == ("analysis", "models"), said


def test_no_file_imports_itself_by_a_detour():
    graph = {}
    for path, target in arrows():
        if target.name != "__init__.py":
            graph.setdefault(path, set()).add(target)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError
    # the check can fail
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({1: {2}, 2: {1}}).prepare()


def test_no_route_imports_another():
    routes = ROOT / "models" / "routes"
    pairs = {
        (path.stem, target.stem)
        for path, target in arrows()
        if path.parent == target.parent == routes and target.name != "__init__.py"
    }
    assert pairs == WITHIN_ROUTES


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "def f():\n    from flatprior.models.routes import newton",
            "flatprior.models.routes.newton",
        ),
        ("import flatprior.models as m", "flatprior.models"),
        ("import_module('flatprior.models.routes.newton')", "flatprior.models.routes.newton"),
        ("__import__('flatprior.analysis')", "flatprior.analysis"),
        ("if TYPE_CHECKING:\n    from flatprior import models", "flatprior.models"),
    ],
)
def test_an_import_is_seen_wherever_and_however_it_is_made(line, found, tmp_path):
    path = tmp_path / "file.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    assert list(imported(path)) == [found]


@pytest.mark.parametrize(
    "line", ["from .routes import newton", "import flatprior.models.common.text"]
)
def test_what_hides_an_import_is_refused(line, tmp_path):
    path = tmp_path / "file.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        list(imported(path))


def test_no_folder_is_a_heap():
    for package in FLOORS:
        for folder in (ROOT / package, *(ROOT / package).rglob("*/")):
            assert len(list(folder.glob("*.py"))) <= MOST_FILES, folder


@pytest.mark.parametrize("package", FLOORS)
def test_every_file_has_a_file_of_tests_of_its_name_and_every_such_file_has_its_file(package):
    """What several of them do together is tested in `tests/together`."""
    modules = {
        path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py") if path.stem != "__init__"
    }
    tested = {
        path.relative_to(ROOT / "tests").with_name(path.name.removeprefix("test_"))
        for path in (ROOT / "tests" / package).rglob("test_*.py")
    }
    assert modules - tested == set()
    assert tested - modules == set()


def test_every_folder_with_code_is_in_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    there = {
        ".".join(("flatprior", *path.parent.relative_to(ROOT).parts))
        for package in FLOORS
        for path in (ROOT / package).rglob("*.py")
    }
    assert sorted(listed) == sorted(there | {"flatprior"})
