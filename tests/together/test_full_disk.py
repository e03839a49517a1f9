"""Where no room is left for a result there is a sentence, and what was there before."""

import ast
import errno
import os
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import run

import flatprior as fp
from flatprior.analysis.report import writing
from flatprior.models.common.writing import write_json

resource = pytest.importorskip("resource")
ROOT = Path(fp.__file__).parent
SAID = r"'.*' was not written(, and what it held is as it was)?: .*; make room, or name another"


@pytest.fixture(scope="module")
def writers():
    """All that writes a file, by its name."""
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa", fp.load_spector())
    fit, draws = fp.fit_newton(model), fp.sample_independence(model, seed=1, progress=False)
    facts = fp.report_facts(fp.compare_routes(model, fit, fp.fit_sklearn(model)))

    def write_report(path):
        with pytest.MonkeyPatch.context() as patch:  # the facts are computed once
            patch.setattr(writing, "report_facts", lambda *_, **__: facts)
            fp.write_report(path)

    return {
        "fit": fit.save,
        "draws": draws.save,
        "JSON": lambda path: write_json(path, fit.to_dict()),
        "report": write_report,
    }


@contextmanager
def room_for(size):
    """No file grows longer in here, by the system's own hand."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def late_failure():
    """The disk says only when it is asked that it was full, as one in a network may."""

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        yield


FAILURES = {"no room": lambda: room_for(0), "half": lambda: room_for(200), "late": late_failure}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", ["fit", "draws", "JSON", "report"])
def test_nothing_is_half_written_and_what_was_there_stays(writers, name, failure, tmp_path):
    there, new = tmp_path / "there", tmp_path / "new"
    there.write_text("old")
    for path in (there, new):
        with FAILURES[failure](), pytest.raises(OSError, match=SAID) as caught:
            writers[name](path)
        assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert there.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    writers[name](there)  # and now there is room
    assert there.stat().st_size > 200


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_the_command_line_says_so_too(option, tmp_path):
    data, path = tmp_path / "data.csv", tmp_path / "result"
    fp.load_spector().to_csv(data, index=False)
    path.write_text("old")
    with room_for(200):
        result = run("fit", data, "grade ~ gpa", option, path)
    assert result.exit_code == 2
    *_, last = result.stderr.splitlines()
    assert last.startswith(f"flatprior: '{path}' was not written, and what it held is as it was: ")
    assert result.stdout == ""
    assert path.read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"data.csv", "result"}


def test_what_comes_once_and_finds_no_room_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = "y,x\n" + "1,2\n0,1\n" * 100

    class Stream:
        name = "the rows"

        def read(self, size=-1):
            nonlocal text
            first, text = text[:size], text[size:]
            return first

    with room_for(200), pytest.raises(OSError, match=r"the rows was not kept in .*TMPDIR"):
        fp.BernoulliLogistic.from_formula("y ~ x", Stream())
    assert not any(tmp_path.iterdir())


def test_nobody_writes_beside_the_one_who_replaces_whole_files():
    writes = []
    for path in (*(ROOT / "models").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        within = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.With)
            and any(ast.unparse(item).startswith("replacing(") for item in node.items)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or node in within:
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            modes = [
                each.value
                for each in (*node.args, *(keyword.value for keyword in node.keywords))
                if isinstance(each, ast.Constant) and re.fullmatch("[rwaxbt+]+", str(each.value))
            ]
            opens = called in ("open", "fdopen") and any(set(m) & set("wax+") for m in modes)
            if opens or called in (
                "write_text",
                "write_bytes",
                "to_netcdf",
                "savefig",
                "print_svg",
            ):
                writes.append(f"{path.stem}: {called}")
    # a temporary file, a stream, and what is made in memory
    assert sorted(writes) == [
        "opening: fdopen",
        "posterior: to_netcdf",
        "style: savefig",
        "svg: print_svg",
        "writing: fdopen",
    ]
