"""Work on rows that lie in the same place, of one model or several, in the same passes over them.

Each work goes on until it asks for a pass. When all have asked for one, or have ended, the rows are
read once, with the columns that any of them asks for, and each batch is gone through for one after
the other; what they make of it alike, as the blocks of one model, is made once. Nothing happens
beside anything else: a work is a generator of what it asks for. Behind it is a thread, which waits
whenever something else goes on, because who asks is deep inside functions that know nothing of all
this. Work may consist of work: then it asks for all that its parts wait for, and waits as they do.
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
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

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


class Shared(Protocol):
    """What is made of each batch once, for all who name the same object."""

    def over_frames(
        self, function: Callable[..., Any], combine: Callable[[Any, Any], Any]
    ) -> tuple[Callable[[pd.DataFrame, int], Any], Callable[[Any, Any], Any]]:
        """`function` of what is made, and `combine`, as those of batches."""

    def each_of(self, answer: Any, n: int) -> Sequence[Any]:
        """N answers, where `function` made lists of n."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Request(ABC, Generic[T]):
    """What somebody wants of a pass over rows.

    Attributes
    ----------
    columns : tuple of str
        Without which ``function(frame, number)`` cannot do; others may be in the frame.
    function : callable
        Of each batch, or of what is made of it.
    combine : callable
        Associative: two answers to that for both batches.
    shared : Shared or None
        What is made of each batch.
    """

    columns: tuple[str, ...]
    function: Callable[..., T]
    combine: Callable[[T, T], T]
    shared: Shared | None = None

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
        asking = _of_this_thread()
        (found,), _ = self.made([self]) if asking is None else asking.ask([self.sent()])
        if isinstance(found, Failed):
            raise found.error
        answer: T = found
        return answer


Of = Callable[..., Any]


def for_all(requests: Sequence[Request[Any]]) -> tuple[Of, Of, Callable[[Any], list[Any]]]:
    """`function` and `combine` for several requests, and what makes of the answer theirs."""
    alike: dict[int, list[int]] = {}
    for i, each in enumerate(requests):
        alike.setdefault(id(each if each.shared is None else each.shared), []).append(i)
    alone = len(requests) == 1  # then nothing goes on after an error
    both = []
    for places in alike.values():
        some = [requests[i] for i in places]
        of_each = _lists([each.function for each in some], [each.combine for each in some], alone)
        shared = some[0].shared
        both.append(of_each if shared is None else shared.over_frames(*of_each))
    function, combine = _lists([one for one, _ in both], [two for _, two in both], alone)

    def answers(found: list[Any]) -> list[Any]:
        every: dict[int, Any] = {}
        for places, several in zip(alike.values(), found, strict=True):
            shared = requests[places[0]].shared
            if isinstance(several, Failed):
                several = [several] * len(places)
            elif shared is not None:
                several = shared.each_of(several, len(places))
            every |= dict(zip(places, several, strict=True))
        return [every[i] for i in range(len(requests))]

    return function, combine, answers


def _lists(functions: Sequence[Of], combines: Sequence[Of], alone: bool) -> tuple[Of, Of]:
    """`function` and `combine` of lists with an answer, or an error, for each."""

    def tried(function: Of, *arguments: Any) -> Any:
        for each in arguments:
            if isinstance(each, Failed):
                return each
        if alone:
            return function(*arguments)
        try:
            return function(*arguments)
        except Exception as error:
            return Failed(error)

    def function(*parts: Any) -> list[Any]:
        return [tried(each, *parts) for each in functions]

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

    def ask(self, requests: list[Request[Any]]) -> tuple[list[Any], Passes]:
        """Wait for the answers; how often nothing was read who answers counts."""
        if not self.stopped:
            self.requests.put(requests)
            answers: list[Any] = self.answers.get()
        if self.stopped:
            raise StoppedError
        return answers, Passes()


_ASKING: ContextVar[_Asking | None] = ContextVar("_ASKING", default=None)


def _of_this_thread() -> _Asking | None:
    asking = _ASKING.get()
    return asking if asking is not None and asking.thread == threading.get_ident() else None


@dataclass(frozen=True, eq=False)
class _Ended:
    answer: Any


def stepwise(work: Callable[[], T]) -> Generator[list[Request[Any]], list[Any], T]:
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

    Where this is a task of others itself, it shares their passes, and what was not made they count.

    Examples
    --------
    >>> from flatprior.models.batches.same_passes import side_by_side
    >>> side_by_side([lambda: 1, lambda: 2])
    ([1, 2], Passes(number=0, bytes=0))
    """
    works = [stepwise(task) for task in tasks]
    answers: dict[int, T | Failed] = {}
    asked: dict[int, list[Request[Any]]] = {}
    asking, saved = _of_this_thread(), Passes()
    meet = _met if asking is None else asking.ask

    def go_on(i: int, found: Any) -> None:
        try:
            asked[i] = works[i].send(found)
        except StopIteration as over:
            answers[i] = over.value
        except Exception as error:
            answers[i] = Failed(error)

    # of the process: whatever threads leave of theirs goes
    with nullcontext() if asking else warnings.catch_warnings():
        try:
            for i in range(len(works)):
                go_on(i, None)
            while asked:
                waiting, asked = asked, {}
                every, more = meet([each for some in waiting.values() for each in some])
                saved += more
                given = iter(every)
                for i, some in waiting.items():
                    go_on(i, list(islice(given, len(some))))
        finally:
            for work in works:
                work.close()
    return [answers[i] for i in range(len(works))], saved


def _met(requests: Sequence[Request[Any]]) -> tuple[list[Any], Passes]:
    """Their answers, in as few passes as can be, and what was counted and not made."""
    answers: dict[int, Any] = {}
    saved = Passes()
    for places in _met_together(requests):
        some = [requests[i] for i in places]
        try:
            found, more = some[0].made(some)
        except Exception as error:
            found, more = [Failed(error)] * len(some), Passes()
        saved += more
        answers |= dict(zip(places, found, strict=True))
    return [answers[i] for i in range(len(requests))], saved


def _met_together(requests: Sequence[Request[Any]]) -> list[list[int]]:
    """The places of requests, those together that one pass can meet."""
    found: list[list[int]] = []
    for i, each in enumerate(requests):
        for others in found:
            some = [requests[j] for j in others]
            alike = each.shared is not None and any(one.shared is each.shared for one in some)
            if alike or each.may_go_with(some):
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


def at_once(rows: Any, tasks: Sequence[Callable[[], T]]) -> list[T]:
    """What each task about some rows gives; where these are in batches, in the same passes.

    What one finds in them and keeps, another may find at the same time as well.

    Raises
    ------
    Exception
        The first in the order of the tasks, if there is one.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from flatprior.models import BernoulliLogistic, load_smarket
    >>> from flatprior.models.batches.same_passes import at_once
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_smarket().to_parquet(pathlib.Path(folder) / "smarket.parquet")
    ...     rows = BernoulliLogistic.from_parquet(folder, "Direction ~ Lag1").rows
    ...     tasks = [lambda each=each: rows.reduce(each) for each in (lambda b: 1, lambda b: 2)]
    ...     at_once(rows, tasks), rows.passes.number
    ([1, 2], 2)
    """
    if rows.resident or len(tasks) < 2:
        return [task() for task in tasks]
    with one_thread_each():
        return all_of(side_by_side(tasks)[0])


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
