"""What was found of rows that are not in memory, kept: nobody reads them for it again.

It is kept with what could be seen of the rows before they were read for it, such as the sizes and
times of files. Where that is no longer so, they are read again, and the pass says whether they have
changed. Of a cluster's partitions nothing is seen but in a pass.
"""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array

T = TypeVar("T")
MOST, LEAST = 16, 2  # answers of one object
MOST_NUMBERS = 2**23  # in all of them together, 64 MB; but for the least


def kept(
    rows: Any,
    what: Hashable,
    find: Callable[[], T],
    at: Array | None = None,
    *,
    of: Any = None,
    anew: bool = False,
    in_memory: bool = False,
) -> T:
    """What `find` gives of some rows; of rows in batches found once, and a copy of it later.

    Parameters
    ----------
    rows : Rows
        Of which little is kept where they lie in memory.
    what : hashable
        What is asked.
    find : callable
        Without arguments; it gives the same each time, to the last bit.
    at : ndarray (k,), optional
        Coefficients at which it is asked.
    of : object, optional
        What it belongs to, by default the rows: their model, where it depends on more of that.
    anew : bool
        Whether it is found again, and kept in place of what there was.
    in_memory : bool
        Whether it is kept of rows in memory too: what is small, and asked for many times.

    Raises
    ------
    OSError
        If files have changed since they were first read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from flatprior.models import BernoulliLogistic, load_smarket
    >>> from flatprior.models.batches.kept import kept
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_smarket().to_parquet(pathlib.Path(folder) / "smarket.parquet")
    ...     rows = BernoulliLogistic.from_parquet(folder, "Direction ~ Lag1").rows
    ...     [kept(rows, "count", lambda: rows.reduce(lambda block: len(block.sign)))] * 2
    ...     kept(rows, "count", lambda: 0), rows.passes.number
    [1250, 1250]
    (1250, 2)
    """
    in_batches = isinstance(rows, BatchRows)
    if not (in_batches or in_memory):
        return find()
    seen = rows.seen() if in_batches else ()
    held: OrderedDict[Any, tuple[Hashable, T, int]] = vars(rows if of is None else of).setdefault(
        "_kept", OrderedDict()
    )
    key = (what, None if at is None else (at.shape, hashlib.blake2b(at.tobytes()).digest()))
    before = held.get(key)
    if before is not None and before[0] == seen and not anew:
        held.move_to_end(key)
        return copy.deepcopy(before[1])
    found = find()
    if seen is None:
        return found
    held.pop(key, None)
    size = rows.n_columns**2  # a matrix or so
    if isinstance(found, np.ndarray):
        size = found.size
        if size > MOST_NUMBERS:
            return found
    held[key] = seen, copy.deepcopy(found), size
    while len(held) > LEAST and (
        len(held) > MOST or sum(numbers for *_, numbers in held.values()) > MOST_NUMBERS
    ):
        held.popitem(last=False)
    return found
