"""What the files for people say: versions are one, and what is named is there."""

import ast
import builtins
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("models", "analysis", "tests", "docs", "notebooks", "benchmarks", ".ci")
GUIDES = ("CONTRIBUTING.md", "README.md", "docs/architecture.md")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def functions_of_tests():
    """Each file of tests, to the functions in it."""
    found = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found[path] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


def test_version_and_licence_are_the_same_everywhere():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    citation = dict(re.findall(r"^(\S+): (.+)$", text_of("CITATION.cff"), re.MULTILINE))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    heading = re.search(
        r"^## (\S+) (?:\(unreleased\)|- (\d{4}-\d\d-\d\d))$", text_of("CHANGELOG.md"), re.M
    )
    assert heading[1] == project["version"]
    assert citation.get("date-released") == heading[2]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_a_guide_names_is_there(guide):
    named = {
        part
        for part in re.findall(r"[\w./*-]+", text_of(guide))
        if part.startswith(tuple(f"{folder}/" for folder in FOLDERS)) and "NAME" not in part
    }
    assert named
    assert {part for part in named if not any(ROOT.glob(part.rstrip("./")))} == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_test_that_a_guide_names_is_there(guide):
    every = functions_of_tests()
    found = re.findall(r"([\w/]+\.py)?::(\w+)", text_of(guide))
    for file, name in found:
        assert name in (every[ROOT / file] if file else set().union(*every.values())), name
    assert found or guide != "CONTRIBUTING.md"


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = text_of("README.md")
    assert len(text.splitlines()) < 75
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_benchmark_is_listed_with_what_it_measures():
    listed = re.findall(r"^\| `(\w+\.py)` \|", text_of("docs/explanation/measurements.md"), re.M)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "benchmarks").glob("*.py"))


def names_in(tree):
    """Every name that code defines or uses."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg", "asname"):
            if isinstance(getattr(node, field, None), str):
                yield getattr(node, field)


@cache
def known_names():
    known = set(vars(builtins)) | {"flatprior"}
    for folder in FOLDERS[:-1]:
        for path in (ROOT / folder).rglob("*.py"):
            known |= {path.stem, path.parent.name, *names_in(ast.parse(path.read_text("utf-8")))}
    return known


@pytest.mark.parametrize("guide", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_name_of_the_code_that_a_guide_uses_is_in_it(guide):
    known = known_names()
    text = re.sub(r"```.*?```", "", text_of(guide), flags=re.DOTALL)
    made_up = re.compile(r"NAME|^fit_name$|_$").search  # `load_`: of names that begin so
    seen = 0
    for span in re.findall(r"`@?(\w[\w.]*(?:\([^`\n]*\))?)`", text):  # a name, or a call
        if not re.search(r"\.(md|pyi?|toml|cff|json|html|svg)$", span):  # of a file
            code = ast.parse(span.replace(", ...", "").replace("...", ""), mode="eval")
            used = {name for name in names_in(code) if not made_up(name)}
            assert used <= known, span
            seen += len(used)
    assert seen > 15


def test_every_folder_with_code_has_its_place_in_the_guide():
    guide = text_of("CONTRIBUTING.md")
    for package in ("models", "analysis"):
        for path in (ROOT / package).glob("*/__init__.py"):
            assert f"`{package}/{path.parent.name}/`" in guide
