"""How the command line ends: one line, and the status it exits with."""

import os
import re
import signal
import sys
import time

import pytest
from command_line import FLATPRIOR, run
from processes import LONGEST, completed, started

from flatprior.analysis.cli import commands, fitting
from flatprior.analysis.cli.commands import main


def test_usage_errors_are_one_line_too(good):
    for arguments in (["fit"], ["nothing"], ["agree", good, "y ~ x", "--draws", "5"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


SAMPLE = """
import contextlib, pathlib, sys
from flatprior.analysis.cli import main
from flatprior.models.routes import pymc_routes

original, begun = pymc_routes.progress_bar, pathlib.Path(sys.argv.pop(1))

@contextlib.contextmanager
def told(*options):
    with original(*options) as advance:
        numbers = iter(range(10**9))

        def after(*steps):
            advance(*steps)
            if next(numbers) == 100:
                begun.touch()

        yield after

pymc_routes.progress_bar = told
main()
"""


# Ctrl-C comes to all processes of a terminal, SIGTERM to one; how that is said, and that nothing is
# half-written, is tested in mid-pass too: tests/together/test_broken_passes.py
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("number", "send", "said"),
    [
        (signal.SIGINT, "killpg", "interrupted"),
        pytest.param(signal.SIGTERM, "kill", "terminated", marks=pytest.mark.slow),
    ],
)
def test_signals_during_sampling_end_it_cleanly(number, send, said, good, tmp_path):
    out, begun = tmp_path / "result.json", tmp_path / "begun"
    arguments = ("agree", good, "y ~ x", "--draws", "1000000", "--json", out)
    with started(sys.executable, "-c", SAMPLE, begun, *arguments) as process:
        waited = time.monotonic() + LONGEST
        while not begun.exists() and process.poll() is None and time.monotonic() < waited:
            time.sleep(0.05)
        begun.unlink()
        before = sorted(tmp_path.iterdir())
        getattr(os, send)(process.pid, number)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert "\n4/4" in stderr
        assert "Traceback" not in stderr + stdout
        assert stderr.splitlines()[-1] == f"flatprior: {said}; nothing was written"
        assert sorted(tmp_path.iterdir()) == before
        with pytest.raises(ProcessLookupError):  # no worker is left behind
            os.killpg(process.pid, 0)


def test_an_interrupt_says_which_files_were_written(good, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "print_estimate", interrupt)
    out = tmp_path / "fit.json"
    for arguments, said in ((["--json", out], f"'{out}'"), ([], "nothing")):
        result = run("fit", good, "y ~ x", *arguments)
        assert result.exit_code == 130
        assert result.stderr == f"flatprior: interrupted; {said} was written\n"


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("number", "said"), [(2, "interrupted"), (15, "terminated")])
def test_a_signal_that_comes_within_a_destructor_is_not_lost(number, said, good, monkeypatch):
    class Last:
        def __del__(self):
            signal.raise_signal(number)

    def work(*_):
        last = Last()
        del last
        waited = time.monotonic() + 5
        while time.monotonic() < waited:
            time.sleep(0.01)

    monkeypatch.setattr(fitting, "print_estimate", work)
    result = run("fit", good, "y ~ x")
    assert result.exit_code == 128 + number
    assert result.stderr == f"flatprior: {said}; nothing was written\n"


BREAK = """
import importlib.abc, os, signal, sys
when, how = sys.argv.pop(1), sys.argv.pop(1)
class Break(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == when:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                if how == "as it is":
                    raise
                raise ImportError("the import was broken") from None  # as extension modules do
sys.meta_path.insert(0, Break())
from flatprior.analysis.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("when", "how"),
    [("click", "as it is"), ("pandas", "as it is"), ("pandas", "hidden"), ("pymc", "as it is")],
)
def test_ctrl_c_within_an_import_is_one_line(good, when, how):
    done = completed(sys.executable, "-c", BREAK, when, how, "agree", good, "y ~ x")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "flatprior: interrupted; nothing was written"
    assert "Traceback" not in done.stderr


def test_what_the_system_says_is_a_sentence_that_names_the_file(good, tmp_path):
    path = tmp_path / "none.json"
    result = run("explain", good, "y ~ x", "--coefficients", path)
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"flatprior: {str(path)!r}: no such file or directory; name one that is there\n"
    )


@pytest.mark.parametrize("width", ["30", "80", "200"])
def test_the_short_help_of_every_command_is_a_whole_sentence(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    commands = "".join(run("--help").stdout.split("Commands:")[1].split())  # words may be broken
    for name, command in main.commands.items():
        sentence = re.match(r".*?[.?](?=\s|$)", " ".join(command.help.split()))[0]
        assert f"{name}{sentence}".replace(" ", "") in commands


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize("arguments", [["--help"], ["fit"]], ids=" ".join)
def test_a_reader_that_has_gone_is_no_disagreement(good, arguments):
    more = [good, "y ~ x"] if arguments == ["fit"] else []
    with started(FLATPRIOR, *arguments, *more) as process:
        process.stdout.close()
        assert process.wait(60) == 141  # 128 + SIGPIPE, as a shell says of other programs
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libx.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_lack_of_memory_is_one_line_under_every_name(good, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(commands, "load_model", fail)
    result = run("agree", good, "y ~ x")
    assert result.exit_code == 2
    assert result.stderr == "flatprior: not enough memory\n"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses")
def test_too_low_a_limit_of_memory_is_said_at_once(good):
    done = completed("bash", "-c", 'ulimit -v 400000; exec "$0" agree "$1" y~x', FLATPRIOR, good)
    assert done.returncode == 2
    assert done.stderr == (
        "flatprior: not enough memory: this process may address 390 MiB (ulimit -v), and 1024 are "
        "needed\n"
    )
