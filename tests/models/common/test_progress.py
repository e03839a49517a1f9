"""One bar, and only where somebody looks at it."""

import io
import os
import sys
import warnings

import pytest
from processes import completed, started

from flatprior.models.common.progress import (
    NARROWEST,
    WIDEST,
    console,
    progress_bar,
    quiet_libraries,
)

WORK = """
import time
from flatprior.models.common.progress import progress_bar
with progress_bar("fits", 3, shown=SHOWN) as advance:
    for _ in range(3):
        time.sleep(0.2)
        advance()
print("done")
"""


@pytest.mark.parametrize("shown", [True, False])
def test_nothing_is_written_into_standard_output_and_nothing_moves_on_a_pipe(shown):
    done = completed(
        *(sys.executable, "-c", WORK.replace("SHOWN", str(shown))),
        env={name: value for name, value in os.environ.items() if name != "FORCE_COLOR"},
    )
    assert done.returncode == 0
    assert done.stdout == "done\n"
    assert "\x1b" not in done.stderr
    assert done.stderr.strip() == ""


@pytest.mark.skipif(os.name != "posix", reason="terminals")
@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("columns", [20, 60, 200])
def test_on_a_terminal_it_is_one_line_of_at_most_80_columns_that_goes_away(shown, columns):
    import fcntl
    import pty
    import re
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = (sys.executable, "-c", WORK.replace("SHOWN", str(shown)))
    with started(*command, stderr=theirs, env=kept | {"TERM": "xterm"}) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                read = os.read(ours, 2**16)
            except OSError:  # Linux says so that the other side has gone
                break
            if not read:
                break
            text += read
        assert process.communicate(timeout=60)[0] == "done\n"
        assert process.returncode == 0
    os.close(ours)
    if not shown:
        assert text == b""
        return
    assert b"fits" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    lines = [line for line in re.split(r"[\r\n]+", plain) if line]
    assert max(map(len, lines)) <= min(max(columns, NARROWEST), WIDEST)
    assert "3/3" in lines[-1] or columns == 20
    assert text.decode().rstrip("\r\n").endswith("\x1b[2K")  # erased


@pytest.mark.parametrize(
    ("columns", "width"), [("0", 40), ("1", 40), ("79", 79), ("1000", 80), ("words", 80)]
)
def test_every_width_is_brought_to_one_that_can_be_read(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    for stderr in (True, False):
        assert console(stderr=stderr).width in ((width,) if columns != "0" else (40, 80))


def test_steps_add_to_the_total_and_may_be_of_any_size(monkeypatch):
    seen = []

    class Bar:
        def __init__(self, *columns, **options):
            self.options = options

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def add_task(self, what, total):
            seen.append((what, total, self.options["transient"], self.options["disable"]))
            return 7

        def advance(self, task, steps):
            seen.append((task, steps))

    monkeypatch.setattr("rich.progress.Progress", Bar)
    with progress_bar("rows", None, True) as advance:
        advance()
        advance(2048)
    assert seen == [("rows", None, True, False), (7, 1), (7, 2048)]


def test_work_inside_other_work_is_shown_below_it(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    displays = []
    from rich.progress import Progress

    class Seen(Progress):
        def __init__(self, *columns, **options):
            super().__init__(*columns, **options | {"console": console(stderr=True)})
            displays.append(self)

    monkeypatch.setattr("rich.progress.Progress", Seen)
    with progress_bar("draws", 4, True) as outer:
        for number in (1, 2):  # rich refuses a second display
            with progress_bar(f"rows, pass {number}", 10, True) as advance:
                advance(10)
                assert [task.description for task in displays[0].tasks] == [
                    "draws",
                    f"rows, pass {number}",
                ]
        outer(4)
        assert [task.completed for task in displays[0].tasks] == [4]
    assert len(displays) == 1
    with progress_bar("draws", 4, True) as advance:  # and then there is room for another
        advance(4)
    assert len(displays) == 2


def test_a_closed_pipe_is_an_error_and_no_exit_of_the_process():
    class Gone(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    out = console()
    out.file = Gone()
    with pytest.raises(BrokenPipeError):
        out.print("text")


NOTICES = (
    "PyTensor could not link to a BLAS installation. Operations may be slow.",
    "\nArviZ is undergoing a major refactor",
    "Found chain dimension to be longer than draw dimension.",
    "This process (pid=1) is multi-threaded, use of fork() may lead to deadlocks in the child.",
)
OTHERS = (
    "overflow encountered in exp",
    "The rhat statistic is larger than 1.01 for some parameters.",
    "There were 5 divergences after tuning.",
    "ArviZ found no group",
    "draws: Found chain dimension to be longer",  # not how ArviZ begins
)


@pytest.mark.parametrize("category", [UserWarning, FutureWarning, DeprecationWarning])
def test_the_notices_of_libraries_are_silenced_and_nothing_else(category):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet_libraries():
            for message in (*NOTICES, *OTHERS):
                warnings.warn(message, category, stacklevel=1)
    assert [str(warning.message) for warning in caught] == list(OTHERS)


def test_afterwards_they_are_heard_again_even_after_an_error():
    before = list(warnings.filters)
    with pytest.raises(KeyError), quiet_libraries():
        raise KeyError
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="BLAS"):
        warnings.warn(NOTICES[0], UserWarning, stacklevel=1)
