"""The examples of documentation, README and notebooks: they run, and say what they say."""

import ast
import doctest
import math
import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pandas as pd
import pytest

import flatprior.analysis
import flatprior.models
from flatprior.models import load_spector

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
WITH_EXAMPLES = [page for page in PAGES if "```pycon" in page.read_text(encoding="utf-8")]
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


def readme_prelude(folder):
    """What the README's examples take for granted: a folder of files, arrays, a Dask frame."""
    import dask.dataframe

    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x1": rng.normal(size=400), "x2": rng.choice(["a", "b"], 400)})
    frame["y"] = rng.integers(0, 2, 400)
    frame["village"] = rng.choice(list("pqrstuvw"), 400)
    frame["year"] = rng.integers(2015, 2021, 400)
    (folder / "folder").mkdir()
    for part in range(4):
        rows = frame.iloc[100 * part : 100 * (part + 1)]
        rows.to_parquet(folder / "folder" / f"{part}.parquet")
    students = load_spector()
    (folder / "table2.csv").write_text("term,estimate,std.error\n(Intercept),-13.02,4.93\n")
    return {
        "X": students[["gpa", "tuce", "psi"]].to_numpy(),
        "y": students["grade"].to_numpy(),
        "frame": dask.dataframe.from_pandas(frame, npartitions=3),
    }


def test_every_example_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    assert len(blocks) >= 8
    namespace = readme_prelude(tmp_path)
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102
    # what the README shows of the comparison is what it prints
    shown = re.search(r"```text\n(Comparison of 2 models.*?)\n```", text, re.DOTALL)[1]
    printed = capsys.readouterr().out
    start = printed.index("Comparison of 2 models")
    flags = doctest.NORMALIZE_WHITESPACE
    assert AlmostEqualNumbers().check_output(shown, printed[start : start + len(shown)], flags)


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
    drawn = any("image/png" in output.get("data", {}) for output in outputs)
    assert drawn or script.stem[0] in "567"


def test_there_are_seven_notebooks():
    assert [script.stem[0] for script in SCRIPTS] == list("1234567")
