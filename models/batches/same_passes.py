"""Work on several models whose rows lie in the same place, in the same passes over them.

Each work goes on until it asks for a pass. When all have asked for one, or have ended, the rows are
read once, with the columns that any of them asks for, and each batch is gone through for one after
the other. Nothing happens beside anything else: a work is a generator of what it asks for. Behind
it is a thread, which waits whenever something else goes on, because who asks is deep inside
functions that know nothing of all this.
"""

from __future__ import annotations

import contextvars
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flatprior.models.common.parallel import one_thread_each
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.rows import PARALLEL

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class StoppedError(BaseException):
    """Work that went on step by step is to end: no handler of errors is to hold it up."""


@dataclass(frozen=True, eq=False)
class Failed:
    """An error, in the place of an answer."""

    error: BaseException


@dataclass(frozen=True, eq=False, kw_only=True)
class Request(ABC, Generic[T]):
    """What somebody wants of a pass over rows.

    Attributes
    ----------
    columns : tuple of str
        Without which ``function(frame, number)`` cannot do; others may be in the frame.
    function : callable
        Of each batch.
    combine : callable
        Associative: two answers to that for both batches.
    """

    columns: tuple[str, ...]
    function: Callable[[pd.DataFrame, int], T]
    combine: Callable[[T, T], T]

    def sent(self) -> Request[T]:
        """The same, as another thread can make use of it."""
        return self

    @abstractmethod
    def may_go_with(self, others: Sequence[Any]) -> bool:
        """Whether one pass can meet this request and these."""

    @abstractmethod
    def made(self, every: Sequence[Any]) -> tuple[list[Any], Passes]:
        """Make one pass for `every` request, of which this is the first.

        Their answers, and what sources have counted of it that was not read for each of them.

        Of several, an error of one is its answer.
        """

    def answer(self) -> T:
        """What the pass gives, which is made at once, or when all have asked for one."""
        asking = _ASKING.get()
        if asking is None or asking.thread != threading.get_ident():
            (found,), _ = self.made([self])
        else:
            found = asking.ask(self.sent())
        if isinstance(found, Failed):
            raise found.error
        answer: T = found
        return answer


def for_all(
    requests: Sequence[Request[Any]],
) -> tuple[Callable[[pd.DataFrame, int], list[Any]], Callable[[list[Any], list[Any]], list[Any]]]:
    """`function` and `combine` for several requests: of lists that have an answer for each."""
    functions = [each.function for each in requests]
    combines = [each.combine for each in requests]
    alone = len(requests) == 1  # then nothing goes on after an error

    def tried(function: Callable[..., Any], *arguments: Any) -> Any:
        for each in arguments:
            if isinstance(each, Failed):
                return each
        if alone:
            return function(*arguments)
        try:
            return function(*arguments)
        except Exception as error:
            return Failed(error)

    def function(frame: pd.DataFrame, number: int) -> list[Any]:
        return [tried(each, frame, number) for each in functions]

    def combine(first: list[Any], second: list[Any]) -> list[Any]:
        return [tried(*each) for each in zip(combines, first, second, strict=True)]

    return function, combine


@dataclass(eq=False)
class _Asking:
    """Where a thread asks for passes."""

    thread: int
    requests: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    answers: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    stopped: bool = False

    def ask(self, request: Request[Any]) -> Any:
        """Wait for the answer to a request."""
        if not self.stopped:
            self.requests.put(request)
            answer = self.answers.get()
        if self.stopped:
            raise StoppedError
        return answer


_ASKING: ContextVar[_Asking | None] = ContextVar("_ASKING", default=None)


@dataclass(frozen=True, eq=False)
class _Ended:
    answer: Any


def stepwise(work: Callable[[], T]) -> Generator[Request[Any], Any, T]:
    """Work as a generator: it yields requests for passes, is sent the answers, and returns.

    It goes on only while its next request is waited for.
    """
    asking = _Asking(0)

    def run() -> None:
        asking.thread = threading.get_ident()
        _ASKING.set(asking)
        try:
            asking.requests.put(_Ended(work()))
        except BaseException as error:
            asking.requests.put(Failed(error))

    # in a copy of this context, in which NumPy's error state is too
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), daemon=True)
    try:
        thread.start()
        while True:
            said = asking.requests.get()
            if isinstance(said, _Ended):
                answer: T = said.answer
                return answer
            if isinstance(said, Failed):
                raise said.error
            asking.answers.put((yield said))
    finally:
        asking.stopped = True
        asking.answers.put(None)
        if thread.is_alive():  # Ctrl-C may come while it starts
            thread.join()


def side_by_side(tasks: Sequence[Callable[[], T]]) -> tuple[list[T | Failed], Passes]:
    """What each task gives, or its error, and what was counted of passes and not made.

    Examples
    --------
    >>> from flatprior.models.batches.same_passes import side_by_side
    >>> side_by_side([lambda: 1, lambda: 2])
    ([1, 2], Passes(number=0, bytes=0))
    """
    works = [stepwise(task) for task in tasks]
    answers: dict[int, T | Failed] = {}
    asked: dict[int, Request[Any]] = {}
    saved = Passes()

    def go_on(i: int, answer: Any) -> None:
        try:
            asked[i] = works[i].send(answer)
        except StopIteration as over:
            answers[i] = over.value
        except Exception as error:
            answers[i] = Failed(error)

    try:
        with warnings.catch_warnings():  # of the process: whatever threads leave of theirs goes
            for i in range(len(works)):
                go_on(i, None)
            while asked:
                waiting, asked = asked, {}
                for places in _met_together(waiting):
                    requests = [waiting[i] for i in places]
                    try:
                        found, more = requests[0].made(requests)
                    except Exception as error:
                        found, more = [Failed(error)] * len(requests), Passes()
                    saved += more
                    for i, each in zip(places, found, strict=True):
                        go_on(i, each)
    finally:
        for work in works:
            work.close()
    return [answers[i] for i in range(len(works))], saved


def _met_together(asked: dict[int, Request[Any]]) -> list[list[int]]:
    """The places of requests, those together that one pass can meet."""
    found: list[list[int]] = []
    for i, each in asked.items():
        for others in found:
            if each.may_go_with([asked[j] for j in others]):
                others.append(i)
                break
        else:
            found.append([i])
    return found


def all_of(found: Sequence[T | Failed]) -> list[T]:
    """The answers, or the first error, if there is one."""
    answers: list[T] = []
    for each in found:
        if isinstance(each, Failed):
            raise each.error
        answers.append(each)
    return answers


def in_same_passes(
    rows: Sequence[Any],
    tasks: Sequence[Callable[[], T]],
    then: Callable[[], object] = lambda: None,
) -> tuple[list[T], Passes | None]:
    """What each task gives, and how often rows that are not in memory were read for all of them.

    Parameters
    ----------
    rows : sequence of Rows
        What each task is about. Passes over rows in batches are made for all tasks that wait for
        one.
    tasks : sequence of callable
        Without arguments.
    then : callable
        What is done when all have ended, before an error of one of them is raised: its own error
        comes first.

    Returns
    -------
    list, and Passes or None
        None where all rows are in memory.

    Raises
    ------
    Exception
        The first in the order of the tasks, if there is one.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from flatprior.models import BernoulliLogistic, load_smarket
    >>> from flatprior.models.batches.same_passes import in_same_passes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_smarket().to_parquet(pathlib.Path(folder) / "smarket.parquet")
    ...     formulas = "Direction ~ Lag1", "Direction ~ Lag2 + Volume"
    ...     rows = [BernoulliLogistic.from_parquet(folder, each).rows for each in formulas]
    ...     count = [lambda r=each: r.reduce(lambda block: len(block.sign)) for each in rows]
    ...     found, passes = in_same_passes(rows, count)
    >>> found, passes.number
    ([1250, 1250], 1)
    """
    tallied = {id(each.tally): each.tally for each in rows if not each.resident}
    before = {key: tally.now for key, tally in tallied.items()}
    # what is about the same rows keeps what it finds in them, and is done one after the other
    about: dict[int, list[int]] = {}
    for i, each in enumerate(rows):
        about.setdefault(id(each), []).append(i)

    def in_turn(places: Sequence[int]) -> list[T | Failed]:
        found: list[T | Failed] = []
        for i in places:
            try:
                found.append(tasks[i]())
            except Exception as error:
                found.append(Failed(error))
        return found

    apart = [places for places in about.values() if not rows[places[0]].resident]
    found: dict[int, T | Failed] = {}
    saved = Passes()
    if len(apart) > 1:
        large = any(rows[i].n_rows * rows[i].n_columns >= PARALLEL for (i, *_) in apart)
        with one_thread_each() if large else nullcontext():
            answers, saved = side_by_side([partial(in_turn, places) for places in apart])
        for places, several in zip(apart, all_of(answers), strict=True):
            found |= dict(zip(places, several, strict=True))
    for i in range(len(tasks)):
        if i not in found and not any(isinstance(each, Failed) for each in found.values()):
            (found[i],) = in_turn([i])
    then()
    done = all_of([found[i] for i in sorted(found)])
    if not tallied:
        return done, None
    read = sum((tally.now - before[key] for key, tally in tallied.items()), Passes())
    return done, read - saved
