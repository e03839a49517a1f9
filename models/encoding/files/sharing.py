"""One pass over files for all who wait for one.

Work on several models of the same files goes on in a thread for each. What asks for a pass waits
until all others ask for one too, or have ended; then the files are read once, with the columns that
any of them asks for, and each batch is gone through by all before the next is read.
"""

from __future__ import annotations

import contextvars
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from flatprior.models.common.errors import FlatpriorError
from flatprior.models.common.progress import progress_bar
from flatprior.models.encoding.files.passes import Passes, Tally

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
PATIENCE = 60.0  # seconds that others are waited for: who comes later makes a pass of its own


class StoppedError(FlatpriorError):
    """Work that was to be done beside other work, which was interrupted."""


@dataclass(eq=False)
class _Request:
    """That somebody wants a pass over a source: these columns, so many rows at a time."""

    source: Any
    columns: tuple[str, ...]
    rows: int
    given: _Pass | None = None


@dataclass(eq=False)
class _Pass:
    """A pass that several make, batch by batch."""

    frames: Generator[pd.DataFrame, None, None]
    members: int
    waiting: int = 0
    number: int = 0
    frame: pd.DataFrame | None = None
    error: BaseException | None = None


@dataclass(eq=False)
class Sharing:
    """Threads that share their passes.

    Attributes
    ----------
    tally : Tally
        Of the passes that were made for several.
    counted : Tally
        Of what the tallies of their sources have counted of these, each its own.
    """

    tally: Tally = field(default_factory=Tally)
    counted: Tally = field(default_factory=Tally)
    _condition: threading.Condition = field(default_factory=threading.Condition)
    _asked: list[_Request] = field(default_factory=list)
    _live: int = 0
    _stopped: bool = False
    _advance: Callable[[int], None] = lambda _: None

    @property
    def saved(self) -> Passes:
        """What sources have counted that was not read for each of them."""
        return self.counted.now - self.tally.now

    def run(self, tasks: Sequence[Callable[[], T]], progress: bool = False) -> list[T]:
        """What each task gives; the first error, in their order, if there is one.

        Examples
        --------
        >>> from flatprior.models.encoding.files.sharing import Sharing
        >>> Sharing().run([lambda: 1, lambda: 2])
        [1, 2]
        """
        self._live = len(tasks)

        def work(task: Callable[[], T]) -> T:
            SHARING.set(self)
            try:
                return task()
            finally:
                with self._condition:
                    self._live -= 1
                    self._begin()

        # filters are those of the process: whatever threads leave of theirs goes
        with (
            warnings.catch_warnings(),
            progress_bar("rows", None, progress) as self._advance,
            ThreadPoolExecutor(len(tasks)) as pool,
        ):
            # each in a copy of this context, in which NumPy's error state is too
            begun = [pool.submit(contextvars.copy_context().run, work, task) for task in tasks]
            try:
                wait(begun)
            except BaseException:
                with self._condition:
                    self._stopped = True
                    self._condition.notify_all()
                raise
        return [each.result() for each in begun]

    def frames(self, source: Any, columns: tuple[str, ...], rows: int) -> Iterator[pd.DataFrame]:
        """Yield the batches of a pass that others make too; with the columns of all of them."""
        request = _Request(source, columns, rows)
        with self._condition:
            self._check()
            self._asked.append(request)
            self._begin()
            while request.given is None:
                if not self._wait(PATIENCE):
                    self._begin(anyhow=True)
            shared = request.given
        try:
            while (frame := self._next(shared)) is not None:
                yield frame
        finally:
            with self._condition:
                shared.members -= 1
                if not shared.members:
                    shared.frames.close()
                self._condition.notify_all()

    def _wait(self, seconds: float | None = None) -> bool:
        """Whether something has happened; an error where all is to end."""
        found = self._condition.wait(seconds)
        self._check()
        return found

    def _check(self) -> None:
        if self._stopped:
            raise StoppedError("interrupted; nothing was found")

    def _begin(self, anyhow: bool = False) -> None:
        """Begin a pass where all that are left ask for one, or `anyhow` of those that do."""
        if self._asked and (anyhow or len(self._asked) >= self._live):
            for requests in _met_together(self._asked):
                given = _Pass(self._read(requests), len(requests))
                for each in requests:
                    each.given = given
            self._asked.clear()
        self._condition.notify_all()

    def _read(self, requests: Sequence[_Request]) -> Generator[pd.DataFrame, None, None]:
        """Yield the batches for some requests, whatever goes wrong with the files too."""
        first, rows = requests[0].source, requests[0].rows
        if len(requests) == 1:
            yield from first.read(requests[0].columns, rows)
            return
        columns = tuple(dict.fromkeys(name for each in requests for name in each.columns))
        for each in requests:
            size = each.source.size(each.columns)
            for tally in (each.source.tally, self.counted):
                tally.add(1, size)
        yield from first.beside([each.source for each in requests], self.tally).read(columns, rows)

    def _next(self, shared: _Pass) -> pd.DataFrame | None:
        """The next batch, when all have gone through the last; None at the end."""
        with self._condition:
            self._check()
            shared.waiting += 1
            number = shared.number
            while shared.number == number:
                if shared.waiting < shared.members:
                    self._wait()
                    continue
                shared.frame = None
                try:
                    shared.frame = next(shared.frames, None)
                except BaseException as error:
                    shared.error = error
                if shared.frame is not None:
                    self._advance(len(shared.frame))
                shared.waiting, shared.number = 0, number + 1
                self._condition.notify_all()
            if shared.error is not None:
                raise shared.error
            return shared.frame


def _met_together(asked: Sequence[_Request]) -> list[list[_Request]]:
    """The requests, those together that one pass can meet."""
    found: list[list[_Request]] = []
    for each in asked:
        for others in found:
            both = [*others, each]
            if each.rows == others[0].rows and each.source.may_be_read_with(
                [(one.source, one.columns) for one in both]
            ):
                others.append(each)
                break
        else:
            found.append([each])
    return found


SHARING: ContextVar[Sharing | None] = ContextVar("SHARING", default=None)
