"""Blocks of rows on all cores: threads of this process, each with a BLAS of one thread.

NumPy leaves Python's lock while it computes, so threads suffice, and no row is copied. (`np.dot`
does; ``@`` on a vector or on a matrix and its own transpose does not.) A BLAS that threads its own
small products as well would only make them wait for one another.
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import ThreadpoolController

S = TypeVar("S")
T = TypeVar("T")


if TYPE_CHECKING:
    found_once = functools.cached_property
else:

    class found_once(functools.cached_property):
        """`functools.cached_property` of which several threads may each find their own at a time.

        That of Python 3.11 has a lock for all objects of a class: of threads that share the passes
        over their rows, and wait for one another before each, only one could be inside.
        """

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            held = instance.__dict__
            if self.attrname not in held:
                held[self.attrname] = self.func(instance)
            return held[self.attrname]


@functools.cache
def _blas() -> Any:
    return ThreadpoolController().select(user_api="blas")


class _OneThreadEach:
    """BLAS has one thread while the first thread to come is inside; it restores what there was.

    Work that goes back and forth between blocks of rows and small matrices is best inside as a
    whole: after each call BLAS's own threads keep the cores busy for a while, waiting for another.
    Whoever comes while another thread is inside changes nothing, because OpenBLAS listens to one
    thread at a time; should that one leave first, the others go on with more threads, and as right.
    """

    def __init__(self) -> None:
        self._occupied = threading.Lock()
        self._threads = 1

    @contextmanager
    def __call__(self) -> Iterator[int]:
        """Yield the number of threads that BLAS had: what the user allows this process."""
        if not self._occupied.acquire(blocking=False):
            yield self._threads
            return
        try:
            self._threads = max((library["num_threads"] for library in _blas().info()), default=1)
            with _blas().limit(limits=1):
                yield self._threads
        finally:
            self._occupied.release()

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Change nothing of BLAS while inside, and use one thread: others of the process use it.

        Of more or fewer threads BLAS may round a sum in another way, and theirs are not ours.
        """
        taken = self._occupied.acquire(blocking=False)
        if taken:
            self._threads = 1
        try:
            yield
        finally:
            if taken:
                self._occupied.release()


one_thread_each = _OneThreadEach()


def parallel_map(function: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """``list(map(function, items))`` on as many threads as BLAS may use.

    After an exception, Ctrl-C included, no further item is begun.
    """
    answers: dict[int, T] = {}
    places = iter(range(len(items)))  # shared by the threads; to take the next one is atomic
    with one_thread_each() as threads:

        def work() -> None:
            with no_more_after_an_exception():
                while (i := next(places, None)) is not None:
                    answers[i] = function(items[i])

        @contextmanager
        def no_more_after_an_exception() -> Iterator[None]:
            nonlocal places
            try:
                yield
            except BaseException:
                places = iter(())  # all threads see it
                raise

        with ThreadPoolExecutor(threads) as pool, no_more_after_an_exception():
            # NumPy's error state lives in the context, which a thread does not inherit
            begun = [pool.submit(contextvars.copy_context().run, work) for _ in range(threads)]
            for future in begun:
                future.result()
    return [answers[i] for i in range(len(items))]
