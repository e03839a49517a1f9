"""What a test starts is gone when the test is."""

import ast
import os
import select
import subprocess
from pathlib import Path

import pytest
from processes import completed, printed, started

HERE = Path(__file__).parent
GRANDCHILD = ("sh", "-c", "sleep 600 & echo begun; wait")


@pytest.fixture
def holders():
    """A file descriptor to give to a process, and whether all to whom it came have gone."""
    ours, theirs = os.pipe()
    opened = [theirs]

    def gone():
        os.close(opened.pop())
        # a pipe ends when nobody can write into it any more
        return bool(select.select([ours], [], [], 20)[0]) and os.read(ours, 1) == b""

    yield theirs, gone
    os.close(ours)
    for left in opened:
        os.close(left)


@pytest.mark.skipif(os.name != "posix", reason="groups of processes")
@pytest.mark.parametrize(
    "how",
    [subprocess.TimeoutExpired, AssertionError, KeyboardInterrupt, None],
    ids=lambda how: how.__name__ if how else "at its end",
)
def test_a_process_and_what_it_started_are_gone_however_the_block_is_left(holders, how):
    descriptor, gone = holders

    def leave():
        with started(*GRANDCHILD, pass_fds=[descriptor]) as process:
            assert process.stdout.readline() == "begun\n"
            if how is subprocess.TimeoutExpired:
                process.communicate(timeout=0.1)
            elif how is not None:
                raise how

    if how is None:
        leave()
    else:
        with pytest.raises(how):
            leave()
    assert gone()


@pytest.mark.skipif(os.name != "posix", reason="groups of processes")
def test_a_command_that_times_out_is_gone_with_what_it_started(holders):
    descriptor, gone = holders
    with pytest.raises(subprocess.TimeoutExpired) as raised:
        completed(*GRANDCHILD, pass_fds=[descriptor], timeout=1)
    assert raised.value.output == b"begun\n"
    assert gone()


def test_what_was_written_and_the_status_are_handed_on():
    assert printed("import sys; print(sys.argv[1:])", "a b", HERE) == f"{['a b', str(HERE)]}\n"
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        printed("1 / 0")
    done = completed("sh", "-c", "echo one; echo two >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "one\n", "two\n")


def test_no_test_starts_a_process_in_another_way():
    starting = {"subprocess", "multiprocessing"}
    found = set()
    for path in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                {alias.name for alias in node.names}
                if isinstance(node, ast.Import)
                else {getattr(node, "module", None)}
            )
            if starting & names:
                found.add(path.name)
    assert found == {"processes.py", "test_processes.py"}
