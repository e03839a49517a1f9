"""One bar, and only where somebody looks at it."""

import io
import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import completed
from terminals import as_terminal, lines_of, on_a_terminal

from flatprior.models.common.progress import (
    NARROWEST,
    WIDEST,
    console,
    progress_bar,
    quiet_libraries,
    status,
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


WAITING = """
import time
from flatprior.models.common.progress import status
with status("compiling", shown=SHOWN) as done:
    time.sleep(TIME)
    done()
    time.sleep(0.2)
print("done")
"""


@pytest.mark.skipif(os.name != "posix", reason="terminals")
@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("columns", [20, 60, 200])
def test_on_a_terminal_it_is_one_line_of_at_most_80_columns_that_goes_away(shown, columns):
    text, out, code = on_a_terminal(WORK.replace("SHOWN", str(shown)), columns)
    assert (out, code) == ("done\n", 0)
    if not shown:
        assert text == ""
        return
    assert "fits" in text
    lines = lines_of(text)
    assert max(map(len, lines)) <= min(max(columns, NARROWEST), WIDEST)
    assert "3/3" in lines[-1] or columns == 20
    assert text.rstrip("\r\n").endswith("\x1b[2K")  # erased


@pytest.mark.skipif(os.name != "posix", reason="terminals")
@pytest.mark.parametrize("shown", [True, False])
def test_work_without_steps_has_one_line_with_the_time_that_has_gone(shown):
    work = WAITING.replace("SHOWN", str(shown)).replace("TIME", "1.3")
    text, out, code = on_a_terminal(work, 80)
    assert (out, code) == ("done\n", 0)
    if not shown:
        assert text == ""
        return
    lines = lines_of(text)
    assert all("compiling" in line and len(line) <= WIDEST for line in lines)
    assert "0:00:01" in lines[-1]
    assert "?" not in text.replace("\x1b[?25", "")  # no number of steps, the cursor apart
    assert text.rstrip("\r\n").endswith("\x1b[2K")
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is there again


@pytest.mark.skipif(os.name != "posix", reason="terminals")
def test_an_interrupt_takes_the_line_away_and_goes_on():
    work = WAITING.replace("SHOWN", "True").replace("TIME", "60")
    text, out, code = on_a_terminal(work, 80, interrupt_at=b"compiling")
    assert out == ""
    assert code != 0
    shown, _, after = text.rpartition("\x1b[2K")  # erased, and then comes what Python says of it
    assert "compiling" in shown
    assert "KeyboardInterrupt" in after
    assert "\x1b[?25h" in text[text.rindex("\x1b[?25l") :]


def test_without_a_terminal_a_status_writes_nothing_and_loads_nothing():
    work = WAITING.replace("SHOWN", "True").replace("TIME", "0")
    done = completed(sys.executable, "-c", f"{work}\nimport sys\nassert 'rich' not in sys.modules")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_status_is_below_the_bar_that_is_there_and_leaves_it(monkeypatch):
    terminal = as_terminal(monkeypatch)
    with progress_bar("draws", 4, True) as advance, status("compiling") as done:
        time.sleep(0.5)  # the screen is drawn ten times a second
        done()
        done()  # as often as somebody likes
        advance(4)
    lines = lines_of(terminal.getvalue())
    assert any("compiling" in line for line in lines)
    assert "4/4" in lines[-1]
    with status("again"):
        pass
    assert "again" in terminal.getvalue()


def test_other_threads_than_the_main_one_show_no_status(monkeypatch):
    terminal = as_terminal(monkeypatch)

    def work():
        with status("compiling"):
            return terminal.getvalue()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == ""
    assert "compiling" in work()


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
