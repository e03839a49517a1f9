r"""Which columns are combinations of others, where factors are held as codes.

Nothing is written out. What dependence such designs have is nearly always of one kind: all levels
of a factor have their indicator, and these sum to the column of ones, which is there too, or is the
sum of another factor's. That, and columns of zeros, are found by counting, and are exact. Of the
columns that are left it is then proved that they are independent; where this fails, numbers are
judged among themselves as everywhere (`columns_of`), and those left out that depend on others; and
where that fails too, as with a factor within another, combinations of any kind are looked for in
the products of the columns (`among_codes`).

For the proof the largest factor is a diagonal D: with the other columns R, centred where the ones
are a combination of the columns, and :math:`C` the sums of R by level, independence is that of
:math:`S = R'R - C'D^{-1}C`. In units of the columns' lengths every sum in S is one of products
whose absolute values sum to 1 at most (Cauchy and Schwarz, within the levels too), so that n
additions leave an error of n roundings in each entry; S less q times that must be positive
definite.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.lapack import dpotrf

from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.dependence.among_codes import columns_of_codes
from flatprior.models.dependence.independent_columns import Columns, columns_of
from flatprior.models.designs.coded import Factor, Structured, as_codes

LARGEST_TABLE = 2**27  # numbers in the table of the main factor's levels and the other columns
MOST_BESIDE = 2**13  # other columns
SHORTEST = 1e-130  # length of a column of whose square underflow takes nothing
QUICK = 2**20  # numbers of a matrix that is as well written out
FIRST_ROWS, FEWEST = 1000, 3  # columns of 0 and 1 there, one of ones too, that can depend


def columns_as_held(design: Structured) -> Columns | None:
    """Independent columns of a design, the first ones kept; None where this way does not decide.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.dependence.as_held import columns_as_held
    >>> from flatprior.models.designs.coded import Factor, Structured
    >>> group = Factor(np.array([0, 1, 2, 1], dtype=np.int32), np.array([1, 2, 3]))
    >>> design = Structured(np.ones((4, 1)), np.array([0]), (group,))
    >>> found = columns_as_held(design)
    >>> found.kept.tolist(), found.null.ravel().tolist()
    ([0, 1, 2], [-1.0, 1.0, 1.0, 1.0])
    """
    left = sums_to_one(design)
    if left is None:
        return None
    kept = _others(design, left)
    if not _independent(design.with_columns(kept)):
        if not _with_numbers(design, left):
            return _searched(design)
        kept = _others(design, left)
        if not _independent(design.with_columns(kept)):
            return _searched(design)
    null = np.zeros((design.shape[1], len(left)))
    for i, j in enumerate(sorted(left)):
        null[:, i] = left[j]
    return Columns(kept, null)


def _searched(design: Structured) -> Columns | None:
    """Whatever the combinations are, of a design that is too large to be written out quickly."""
    found = columns_of_codes(design) if design.size > QUICK else None
    if found is None or not _independent(design.with_columns(found.kept)):
        return None
    return found


def _others(design: Structured, left: Collection[int]) -> NDArray[np.intp]:
    return np.setdiff1d(np.arange(design.shape[1]), list(left)).astype(np.intp)


def _with_numbers(design: Structured, left: dict[int, Array]) -> bool:
    """Add those of the numbers that are combinations of numbers; whether any can be."""
    order = np.argsort(design.places)
    places = design.places[order]
    own = columns_of(design.numbers[:, order])
    if own is None or not own.null.size or not left.keys().isdisjoint(places[own.null.any(axis=1)]):
        return False
    for vector, j in zip(own.null.T, np.setdiff1d(np.arange(len(places)), own.kept), strict=True):
        left[int(places[j])] = np.zeros(design.shape[1])
        left[int(places[j])][places] = vector
    return True


def with_codes(design: Any, names: Sequence[str]) -> Structured | None:
    """A design with its indicators as codes; None where it has few columns of 0 and 1."""
    if isinstance(design, Structured):
        return design
    first = design[:FIRST_ROWS]
    if ((first == 0) | (first == 1)).all(axis=0).sum() < FEWEST:
        return None
    return as_codes(design.astype(float, copy=False), names)


def sums_to_one(design: Structured) -> dict[int, Array] | None:
    """Null vectors (k,) by the column left out: levels that no row has, indicators that sum to 1.

    Sparse columns of zeros, too. None where there are too many of them.
    """
    k = design.shape[1]
    zeros = [np.zeros(0, dtype=np.intp)]
    ones = design.numbers[:1] if len(design.numbers) else np.zeros((1, len(design.places)))
    whole: list[tuple[int, Array]] = []  # the last column of those that sum to 1, and their factors
    for j in np.flatnonzero((ones[0] != 0) & (design.numbers == ones).all(axis=0)):
        vector = np.zeros(k)
        vector[design.places[j]] = 1 / ones[0, j]
        whole.append((int(design.places[j]), vector))
        break  # others like it are its multiples
    for factor in design.factors:
        there = np.bincount(factor.codes, minlength=factor.n_levels) > 0
        zeros.append(factor.columns[~there & (factor.columns >= 0)])
        columns = factor.columns[there]
        if len(columns) and (columns >= 0).all():
            vector = np.zeros(k)
            vector[columns] = 1.0
            whole.append((int(columns.max()), vector))
    if design.sparse is not None:
        entries = np.bincount(
            design.sparse.indices[design.sparse.data != 0], minlength=len(design.sparse_places)
        )
        zeros.append(design.sparse_places[entries == 0])
    nothing = np.concatenate(zeros)
    if (len(nothing) + len(whole)) * k > LARGEST_TABLE:
        return None
    left = {}
    for j in nothing:
        left[int(j)] = np.zeros(k)
        left[int(j)][j] = 1.0
    whole.sort(key=lambda each: each[0])
    for last, vector in whole[1:]:
        left[last] = (vector - whole[0][1]) / vector[last]
    return left


def _independent(design: Structured) -> bool:
    """Whether it is proved that all columns are independent."""
    n = len(design.numbers)
    numbers, ones = design.numbers, (design.numbers == 1.0).all(axis=0)
    if ones.sum() > 1:
        return False
    factors = sorted(design.factors, key=lambda factor: -factor.n_levels)
    columns = [_indicators(factor) for factor in factors]
    full = [not (factor.columns < 0).any() for factor in factors]
    centred = bool(ones.any()) or any(full)
    if ones.any() and factors and not full[0]:
        # every level of the first factor, in place of the ones
        columns[0] = _indicators(_with_all(factors[0]))
        numbers = numbers[:, ~ones]
    if centred:
        still = (numbers == 1.0).all(axis=0)
        numbers = numbers - np.where(still, 0.0, numbers.mean(axis=0))
    main: Any = columns[0] if columns else sparse.csr_array((n, 0))
    beside: list[Any] = [sparse.csr_array((n, 0)), *columns[1:]]
    if design.sparse is not None:
        beside.append(design.sparse)
    rest: Any = sparse.hstack(beside, format="csr")
    q, n_levels = numbers.shape[1] + rest.shape[1], main.shape[1]
    if q > MOST_BESIDE or n_levels * q > LARGEST_TABLE:
        return False
    square = np.empty((q, q))
    d = numbers.shape[1]
    square[:d, :d] = numbers.T @ numbers
    square[d:, :d] = rest.T @ numbers
    square[:d, d:] = square[d:, :d].T
    square[d:, d:] = (rest.T @ rest).toarray()
    length = np.sqrt(square.diagonal())
    if not (np.isfinite(length).all() and (length > SHORTEST).all()):
        return False
    if n_levels:
        table: Array = np.hstack([main.T @ numbers, (main.T @ rest).toarray()])
        count = np.asarray(main.sum(axis=0)).ravel()
        if not count.all():
            return False
        table /= np.sqrt(count)[:, None]
        square -= table.T @ table
    square /= np.outer(length, length)
    rounding = 1.01 * q * (6 * n + n_levels + q + 32) * UNIT
    square[np.diag_indices(q)] -= 2 * rounding
    return q == 0 or bool(dpotrf(square, lower=0)[1] == 0)


def _with_all(factor: Factor) -> Factor:
    """The factor with an indicator of every level; those that have none are one level."""
    columns = np.where(factor.columns < 0, -1, np.arange(factor.n_levels))
    merged = factor.merged(columns)
    return Factor(merged.codes, np.arange(merged.n_levels))


def _indicators(factor: Factor) -> Any:
    """The indicators that a factor has, as a sparse matrix (n, m)."""
    place = np.cumsum(factor.columns >= 0) - 1
    rows = np.flatnonzero(factor.columns[factor.codes] >= 0)
    return sparse.csr_array(
        (np.ones(len(rows)), (rows, place[factor.codes[rows]])),
        shape=(len(factor.codes), int((factor.columns >= 0).sum())),
    )
