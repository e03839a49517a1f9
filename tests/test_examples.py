"""The examples of documentation, README and notebooks: they run, and say what they say."""

import ast
import doctest
import math
import re
import shlex
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pandas as pd
import pytest
from command_line import run

import flatprior.analysis
import flatprior.models
from flatprior.analysis.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
WITH_EXAMPLES = [page for page in PAGES if "```pycon" in page.read_text(encoding="utf-8")]
WITH_SCRIPTS = [
    page
    for page in [ROOT / "README.md", *PAGES]
    if "```python\n" in page.read_text(encoding="utf-8")
]
SCRIPTS = sorted((ROOT / "notebooks").glob("[0-9]_*.py"))
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
ROUNDING = 1e-9  # numbers below are error bounds, which another machine's BLAS moves


class AlmostEqualNumbers(doctest.OutputChecker):
    """Takes an output for right whose words are the same, and whose numbers nearly are."""

    def check_output(self, want, got, optionflags):
        if super().check_output(want, got, optionflags):
            return True
        if not super().check_output(NUMBER.sub("#", want), NUMBER.sub("#", got), optionflags):
            return False
        pairs = zip(NUMBER.findall(want), NUMBER.findall(got), strict=True)
        return all(map(self.nearly, *zip(*pairs, strict=True)))

    @staticmethod
    def nearly(want, got):
        """Whole numbers are the same, measured ones within 2%, error bounds within rounding."""
        if re.fullmatch(r"[-+]?\d+", want):
            return want == got
        return math.isclose(float(want), float(got), rel_tol=0.02, abs_tol=ROUNDING)


def test_the_checker_sees_other_words_and_other_numbers():
    check = AlmostEqualNumbers().check_output
    flags = doctest.NORMALIZE_WHITESPACE
    assert check("within 8.2e-12 of 3 rows\n", "within  9.9e-12 of 3 rows\n", flags)
    assert check("mean 1.00\n", "mean 1.01\n", flags)
    assert not check("mean 1.00\n", "mean 1.10\n", flags)
    assert not check("of 1077 factors\n", "of 1078 factors\n", flags)
    assert not check("mean 1.00\n", "mode 1.00\n", flags)
    assert not check("row x12\n", "row x13\n", flags)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_every_example_of_the_documentation_is_right(page):
    blocks = re.findall(r"```pycon\n(.*?)\n```", page.read_text(encoding="utf-8"), re.DOTALL)
    text = "\n\n".join(f"{block}\n" for block in blocks)
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    assert len(test.examples) >= 4
    said = []
    runner = doctest.DocTestRunner(
        AlmostEqualNumbers(),
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


@pytest.fixture
def folder_of_examples(tmp_path, monkeypatch):
    """The files that examples take for granted; what they write goes beside them."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x1": rng.normal(size=400), "x2": rng.choice(["a", "b"], 400)})
    frame["y"] = rng.integers(0, 2, 400)
    (tmp_path / "folder").mkdir()
    for part in range(4):
        rows = frame.iloc[100 * part : 100 * (part + 1)]
        rows.to_parquet(tmp_path / "folder" / f"{part}.parquet")
    frame.to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "data.tsv").write_text("y\tx1\n0\t0,5\n1\t1,5\n1\t0,2\n0\t2,1\n1\t?\n")
    (tmp_path / "other.json").write_text('{"Intercept": 0.1, "x1": 0.2}')
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", WITH_SCRIPTS, ids=lambda page: page.stem)
def test_every_script_of_a_page_runs_in_an_empty_folder(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)\n```(?:\n```text\n(.*?)\n```)?", text, re.DOTALL)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    namespace = {}
    for code, shown in blocks:
        exec(compile(code, page.name, "exec"), namespace)  # noqa: S102
        printed = capsys.readouterr().out
        assert AlmostEqualNumbers().check_output(shown, printed.rstrip("\n"), flags), printed
    assert not list(tmp_path.iterdir())


def test_the_gallery_has_every_figure():
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^figure = fp\.(plot_\w+)", text, re.MULTILINE))
    assert drawn == {name for name in flatprior.analysis.__all__ if name.startswith("plot_")}


def test_what_other_programs_print_is_what_is_found_beside_it():
    text = (ROOT / "docs" / "coming_from.md").read_text(encoding="utf-8")
    pair = re.compile(r":::{container} pair\n```(?:r|stata)\n(.*?)```\n(.*?)\n:::", re.DOTALL)
    pairs = pair.findall(text)
    assert len(pairs) >= 7
    for theirs, ours in pairs:
        printed = " ".join(re.findall(r"^[#*] (.*)$", theirs, re.MULTILINE))
        shown = " ".join(re.findall(r"^(?!>>>|\.\.\.)(.*)$", ours, re.MULTILINE))
        found = {float(number) for number in NUMBER.findall(shown)}
        missing = {float(number) for number in NUMBER.findall(printed)} - found
        assert missing <= {18.1856}  # where glm stopped on its way to infinity


def example_commands():
    """Every command of flatprior that a page shows, as the shell would pass it."""
    for page in [ROOT / "README.md", *PAGES]:
        for block in re.findall(r"```sh\n(.*?)\n```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in re.findall(r"^flatprior .*", block, re.MULTILINE):
                yield page, shlex.split(line, comments=True)[1:]


def test_every_command_that_a_page_shows_is_one():
    shown = list(example_commands())
    assert len(shown) > 20
    for _, (name, *arguments) in shown:
        main.commands[name].make_context(name, arguments)  # raises where an option is unknown


def test_the_command_line_page_has_every_command_and_its_examples_run(folder_of_examples):
    page = ROOT / "docs" / "command_line.md"
    text = page.read_text(encoding="utf-8")
    helped = re.findall(r"^```{command-help} (\w+)$", text, re.MULTILINE)
    assert sorted(helped) == sorted(main.commands)
    examples = [arguments for where, arguments in example_commands() if where == page]
    assert {arguments[0] for arguments in examples} | {"demo"} == set(main.commands)
    heavy = ("agree", "verify", "audit")  # PyMC and its report, and a table of this very model
    for arguments in examples:
        if arguments[0] not in heavy:
            result = run(*arguments)
            assert result.exit_code == 0, (arguments, result.output)


def test_the_reference_lists_every_public_name():
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for package in (flatprior.models, flatprior.analysis):
        part = text.split(f"## {package.__name__}\n")[1].split("\n## ")[0]
        listed = re.findall(r"^   (\w+)$", part, re.MULTILINE)
        assert sorted(listed) == sorted(package.__all__)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_defines_nothing_and_keeps_what_its_cells_show(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert not [node for node in ast.walk(tree) if isinstance(node, definitions)]
    pair = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    assert [c.source for c in pair.cells] == [c.source for c in jupytext.read(script).cells]
    outputs = [output for cell in pair.cells for output in cell.get("outputs", ())]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    drawn = [
        c for c in pair.cells if any("image/png" in o.get("data", {}) for o in c.get("outputs", ()))
    ]
    assert drawn
    assert all(cell.metadata["mystnb"]["image"]["alt"] for cell in drawn)


def test_there_are_seven_notebooks():
    assert [script.stem[0] for script in SCRIPTS] == list("1234567")
