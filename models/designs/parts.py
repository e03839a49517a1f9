"""What the columns of a sparse matrix are: levels of factors, numbers, or sparse.

What `OneHotEncoder` and `get_dummies` make of a category are columns that follow one another, of
which every row has one, or none if the first level was dropped. Held as codes they cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.text import names_in
from flatprior.models.designs.coded import ROOM, Factor, Structured

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SMALLEST = 2**18  # numbers in the matrix: a smaller one is as fast written out
FEW = 16  # columns, likewise
FILLED = 4  # one entry in so many makes a column of numbers
MOST_ROWS = 2  # one row in so many is at a level that a factor has a column of


def in_parts(matrix: csr_array, names: Sequence[str]) -> Structured | Array:
    """The columns of a matrix (n, k) in canonical form, without zeros; written out if it is small.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array, hstack
    >>> from flatprior.models.designs.parts import in_parts
    >>> rng = np.random.default_rng(1)
    >>> one_hot = np.eye(90)[rng.permutation(np.resize(np.arange(90), 3000))]
    >>> words = csr_array(rng.poisson(0.01, size=(3000, 60)) * 1.0)
    >>> matrix = hstack([csr_array(one_hot), words], format="csr")
    >>> found = in_parts(matrix, [f"x{j}" for j in range(150)])
    >>> found.factors[0].n_levels, found.sparse.shape
    (90, (3000, 60))
    """
    n, k = matrix.shape
    if n * k < SMALLEST or k < FEW:
        return np.asarray(matrix.toarray())
    counts = np.bincount(matrix.indices, minlength=k)
    ones = np.bincount(matrix.indices, matrix.data == 1, k) == counts
    row = np.repeat(np.arange(n), np.diff(matrix.indptr))
    groups = _groups(row, matrix.indices, ones & (counts > 0) & (counts < n), counts, n)
    kind = np.where(counts * FILLED > n, 1, 0)  # 0 sparse, 1 numbers, then by factor
    for f, columns in enumerate(groups):
        kind[columns] = 2 + f
    factors = []
    for f, columns in enumerate(groups):
        place = np.zeros(k, dtype=np.int32)
        place[columns] = np.arange(1, len(columns) + 1)
        codes = np.zeros(n, dtype=np.int32)
        own = kind[matrix.indices] == 2 + f
        codes[row[own]] = place[matrix.indices[own]]
        labels = tuple(names[j] for j in columns)
        name = names_in(ROOM, labels)
        if codes.all():
            factors.append(Factor(codes - 1, columns, name, (labels,)))
        else:
            factors.append(
                Factor(codes, np.append(-1, columns), name, (("none of these", *labels),))
            )
    places, rest = np.flatnonzero(kind == 1), np.flatnonzero(kind == 0)
    numbers = matrix[:, places].toarray()
    if not factors and not len(rest):
        return np.asarray(numbers)
    found = Structured(np.ascontiguousarray(numbers), places, tuple(factors))
    return found.beside(matrix[:, rest], rest) if len(rest) else found


def _groups(
    row: NDArray[np.intp],
    column: NDArray[np.integer],
    binary: NDArray[np.bool_],
    counts: NDArray[np.intp],
    n: int,
) -> list[NDArray[np.intp]]:
    """Runs of binary columns that exclude one another, and of which most rows have one.

    Others between them do not matter.
    """
    chosen = np.flatnonzero(binary)
    if len(chosen) < 2:
        return []
    place = np.cumsum(binary) - 1
    own = binary[column]
    row, column = row[own], place[column[own]]
    # each column excludes those from `first` on: after the last that shares a row with one of them
    first = np.zeros(len(chosen), dtype=np.intp)
    again = np.flatnonzero(row[1:] == row[:-1]) + 1
    np.maximum.at(first, column[again], column[again - 1] + 1)
    first = np.maximum.accumulate(first)
    last = np.flatnonzero(np.append(first[1:] > first[:-1], True))  # runs that go no further
    first = first[last]
    total = np.append(0, np.cumsum(counts[chosen]))
    rows = total[last + 1] - total[first]
    free, groups = np.ones(len(chosen), dtype=bool), []
    for run in np.argsort(-rows, kind="stable"):
        if rows[run] * MOST_ROWS < n:
            break
        columns = np.arange(first[run], last[run] + 1)
        columns = columns[free[columns]]
        if len(columns) > 1 and counts[chosen[columns]].sum() * MOST_ROWS >= n:
            free[columns] = False
            groups.append(chosen[columns])
    return sorted(groups, key=lambda columns: int(columns[0]))
