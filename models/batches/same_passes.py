"""Work on several models whose rows lie in the same files, in the same passes over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from flatprior.models.batches.batch_rows import BatchRows, FileRows
from flatprior.models.common.parallel import one_thread_each
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.encoding.files.sharing import Sharing, StoppedError
from flatprior.models.rows import PARALLEL

T = TypeVar("T")
MOST = 8  # models at once, each with a batch of its own in memory


def in_same_passes(
    rows: Sequence[Any],
    tasks: Sequence[Callable[[], T]],
    then: Callable[[], object] = lambda: None,
) -> tuple[list[T], Passes | None]:
    """What each task gives, and how often rows that are not in memory were read for all of them.

    Parameters
    ----------
    rows : sequence of Rows
        What each task is about. Passes over files are made for all tasks that wait for one.
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
    in_batches = {id(each): each for each in rows if isinstance(each, BatchRows)}
    tallied = {id(each.tally): each.tally for each in in_batches.values()}
    before = {key: tally.now for key, tally in tallied.items()}
    # what is about the same rows keeps what it finds in them, and is done one after the other
    about: dict[int, list[int]] = {}
    for i, each in enumerate(rows):
        about.setdefault(id(each), []).append(i)
    answers: dict[int, T] = {}
    errors: dict[int, Exception] = {}
    saved = Passes()

    def work(places: Sequence[int]) -> None:
        for i in places:
            try:
                answers[i] = tasks[i]()
            except StoppedError:
                raise
            except Exception as error:
                errors[i] = error

    shared = [places for key, places in about.items() if isinstance(in_batches.get(key), FileRows)]
    for start in range(0, len(shared), MOST) if len(shared) > 1 else ():
        some = shared[start : start + MOST]
        each_rows = [rows[places[0]] for places in some]
        large = any(one.n_rows * one.n_columns >= PARALLEL for one in each_rows)
        sharing = Sharing()
        with one_thread_each() if large else nullcontext():
            shown = any(one.progress for one in each_rows)
            sharing.run([partial(work, places) for places in some], shown)
        saved += sharing.saved
    for i in range(len(tasks)):
        if i not in answers and i not in errors and not errors:
            work([i])
    then()
    if errors:
        raise errors[min(errors)]
    if not tallied:
        return [answers[i] for i in range(len(tasks))], None
    read = sum((tally.now - before[key] for key, tally in tallied.items()), Passes())
    return [answers[i] for i in range(len(tasks))], read - saved
