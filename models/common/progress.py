"""While long work runs: one bar or line on standard error, and libraries that are quiet.

The bar keeps within 80 columns and is gone at the end. Work inside other work has its bar below
that one's.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

NARROWEST, WIDEST = 40, 80  # columns that are printed on, whatever the terminal says of itself


def console(*, stderr: bool = False, widest: int = WIDEST) -> Console:
    """A console of 40 to `widest` columns.

    rich believes ``COLUMNS`` whatever it says: at 0 it prints nothing, at 1 no number is whole.
    """
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise  # rich would exit with 1, which says that the routes disagree

    width = shutil.get_terminal_size((WIDEST, 24)).columns
    if stderr and "COLUMNS" not in os.environ:
        try:  # standard output, which shutil asks, may be a file
            width = os.get_terminal_size(sys.__stderr__.fileno()).columns  # type: ignore[union-attr]
        except (AttributeError, ValueError, OSError):
            width = WIDEST
    width = max(NARROWEST, min(width, widest))
    return Quiet(stderr=stderr, width=width, height=24, highlight=False, force_jupyter=False)


# the display that is on the screen: there can be only one
_live: ContextVar[Progress | None] = ContextVar("_live", default=None)


@contextmanager
def progress_bar(what: str, total: int | None, shown: bool) -> Iterator[Callable[..., None]]:
    """Show a bar of `total` steps, if `shown`; yield what moves it on, by one or more.

    A total of None is one that nobody knows.
    """
    above = _live.get()
    if above is not None and shown:
        inner = above.add_task(what, total=total)
        try:
            yield lambda steps=1: above.advance(inner, steps)
        finally:
            above.remove_task(inner)
        return
    from rich.progress import Progress

    with Progress(
        *_columns(),
        console=console(stderr=True),
        transient=True,
        disable=not shown,
    ) as progress:
        task = progress.add_task(what, total=total)
        token = _live.set(progress) if shown else None
        try:
            yield lambda steps=1: progress.advance(task, steps)
        finally:
            if token is not None:
                _live.reset(token)


def _columns() -> tuple[ProgressColumn, ...]:
    """What a bar shows: with a total the time that is left, without one the time that has gone."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    gone = TimeElapsedColumn()

    class Steps(MofNCompleteColumn):
        def render(self, task: Task) -> Text:
            return super().render(task) if task.total is not None or task.completed else Text()

    class Time(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            return gone.render(task) if task.total is None else super().render(task)

    return TextColumn("     {task.description}"), BarColumn(bar_width=30), Steps(), Time()


@contextmanager
def status(what: str, shown: bool = True) -> Iterator[Callable[[], None]]:
    """Show one line that says what is done, for work whose steps nobody can count.

    It stands on a terminal's standard error alone, with the time that has gone, and is gone when
    the work ends, by Ctrl-C too; or before, when what is yielded is called. Other threads than the
    main one show nothing: there is one screen.

    Examples
    --------
    >>> from flatprior.models.common.progress import status
    >>> with status("compiling") as done:  # nothing, where no terminal is
    ...     done()
    """
    main = threading.current_thread() is threading.main_thread()
    with ExitStack() as stack:
        if shown and main and (_live.get() is not None or _on_a_terminal()):
            stack.enter_context(progress_bar(what, None, True))
        yield stack.close


def _on_a_terminal() -> bool:
    """Whether standard error is one; while a display is there, rich stands in its place."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the notices that PyMC's stack gives and a user can do nothing about."""
    with warnings.catch_warnings():
        for message in (
            r"[\s\S]*PyTensor could not link to a BLAS",
            r"[\s\S]*ArviZ is undergoing",  # ArviZ 0.23, once a day
            r"Found chain dimension to be longer",  # many short chains are no mistake
            r"[\s\S]*use of fork\(\) may lead to deadlocks",  # Python >= 3.12, PyMC's own choice
        ):
            warnings.filterwarnings("ignore", message=message)
        yield
