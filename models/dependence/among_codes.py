"""Which columns depend on others where the design holds factors as codes: nothing is written out.

The indicators of the largest factor exclude one another, so that their products are a diagonal, and
what depends on what is asked of the Schur complement of the other columns. That says where to look:
every combination that is reported has been verified on all rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.lapack import dpstrf
from scipy.sparse.csgraph import connected_components

from flatprior.models.common.arrays import Array
from flatprior.models.dependence.independent_columns import (
    FEW_BITS,
    ROUNDING,
    Columns,
)
from flatprior.models.designs.coded import Factor, Structured

MOST = 2**27  # numbers in a table: 1 GB
NOTHING = 1e-10  # of the square of a column: what may be left of a combination of others
WHOLE = 1e-6  # a coefficient this near to a whole number is tried as one
ZERO = 1e-8  # an entry of a null vector, by its column's length
NOISE = 1e-13
CORRECTIONS = 3
LARGEST_CODE = 2**62
AT_ONCE = 2**22  # numbers in the products of rows and vectors


def columns_of_codes(design: Structured) -> Columns | None:
    """Independent columns, the first ones kept, and how others depend on them; None if undecided.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.dependence.among_codes import columns_of_codes
    >>> from flatprior.models.designs.coded import Factor, Structured
    >>> school = Factor(np.array([0, 0, 1, 1, 2, 2]), np.array([-1, 2, 3]))
    >>> district = Factor(np.array([0, 0, 0, 0, 1, 1]), np.array([-1, 1]))
    >>> design = Structured(np.ones((6, 1)), np.array([0]), (district, school))
    >>> found = columns_of_codes(design)
    >>> found.kept.tolist(), found.null.ravel().tolist()
    ([0, 1, 2], [0.0, -1.0, 0.0, 1.0])
    """
    products = _Products.of(design)
    null = None if products is None else products.null()
    if products is None or null is None:
        return None
    k = design.shape[1]
    left = np.sort(np.append(np.flatnonzero(products.length == 0), _last(null * products.length)))
    if len(left) * k > MOST:
        return None
    kept = np.setdiff1d(np.arange(k), left)
    vectors = _verified(design, products, kept, _unit_in(null.T, left))
    return None if vectors is None or _hidden(design, vectors) else Columns(kept, vectors)


def nestings(design: Structured) -> list[tuple[str, str, str]]:
    """Which factors depend by what they are: ("nested", inner, outer) and ("apart", one, other).

    Nested, every level of the inner one is in one level of the outer; apart, the levels fall into
    parts of which none has rows in common with another.
    """
    found = []
    single = [factor for factor in design.factors if len(factor.levels) == 1]
    for i, one in enumerate(single):
        for other in single[i + 1 :]:
            cells = np.unique(one.codes.astype(np.int64) * other.n_levels + other.codes)
            first, second = np.divmod(cells, other.n_levels)
            sizes = len(np.unique(first)), len(np.unique(second))
            if len(cells) == max(sizes):
                inner, outer = (one, other) if len(cells) == sizes[0] else (other, one)
                found.append(("nested", inner.name, outer.name))
                continue
            shape = (one.n_levels + other.n_levels,) * 2
            graph = sparse.coo_array(
                (np.ones(len(cells)), (first, second + one.n_levels)), shape=shape
            )
            parts = connected_components(graph, directed=False)[1]
            if len(np.unique(parts[first])) > 1:
                found.append(("apart", one.name, other.name))
    return found


def _hidden(design: Structured, vectors: Array) -> bool:
    """Whether whole numbers may be independent that rounding cannot tell from dependent ones."""
    involved = vectors.any(axis=1)
    return bool((design.extent[involved] >= 2.0**FEW_BITS).any())


class _Products:
    """Products of the columns with one another, the largest factor's being a diagonal.

    Attributes
    ----------
    main, rest : ndarray of int
        The columns that are levels of the largest factor, and the others.
    levels : ndarray (L,)
        Squared lengths of the former: how many rows they have.
    cross : ndarray (L, q)
    square : ndarray (q, q)
    """

    def __init__(self, main: NDArray[np.intp], rest: NDArray[np.intp], levels: Array) -> None:
        self.main, self.rest, self.levels = main, rest, levels
        self.cross = np.zeros((len(main), len(rest)))
        self.square = np.zeros((len(rest), len(rest)))

    @classmethod
    def of(cls, design: Structured) -> _Products | None:
        """Of a design; None where they are too many."""
        nothing = Factor(np.zeros(len(design.numbers), dtype=np.int32), np.array([-1]))
        largest = max(
            design.factors, key=lambda factor: int((factor.columns >= 0).sum()), default=nothing
        )
        others = [factor for factor in design.factors if factor is not largest]
        there = largest.columns >= 0
        rest = [design.places, *(f.columns[f.columns >= 0] for f in others), design.sparse_places]
        found = np.concatenate(rest)
        if max(int(there.sum()), len(found)) * len(found) > MOST:
            return None
        parts: list[Any] = [sparse.csr_array(design.numbers), *map(_indicators, others)]
        if design.sparse is not None:
            parts.append(design.sparse)
        columns = sparse.hstack(parts, format="csr") if len(parts) > 1 else parts[0]
        levels = np.bincount(largest.codes, minlength=largest.n_levels)[there].astype(float)
        products = cls(largest.columns[there], found, levels)
        products.cross = (_indicators(largest).T @ columns).toarray()
        products.square = (columns.T @ columns).toarray()
        return products

    @property
    def length(self) -> Array:
        """Of each column (k,)."""
        length = np.zeros(len(self.main) + len(self.rest))
        length[self.main] = np.sqrt(self.levels)
        length[self.rest] = np.sqrt(np.maximum(self.square.diagonal(), 0.0))
        return length

    def null(self) -> Array | None:
        """Vectors (m, k) that the columns that are not 0 seem to annihilate, all of them."""
        k = len(self.main) + len(self.rest)
        at = np.flatnonzero(self.square.diagonal() > 0)
        complement, scale = self._complement(at, np.flatnonzero(self.levels > 0))
        if not len(at):
            return np.zeros((0, k))
        upper, order, rank, _ = dpstrf(complement, tol=NOTHING, lower=0)
        rank, order = int(rank) if (complement.diagonal() > NOTHING).any() else 0, order - 1
        if (len(at) - rank) * k > MOST:
            return None
        theta = np.zeros((len(at), len(at) - rank))
        theta[order[rank:], np.arange(len(at) - rank)] = 1.0
        first = np.triu(upper[:rank, :rank])
        theta[order[:rank]] = -np.linalg.solve(first, upper[:rank, rank:])
        theta /= scale[:, None]
        vectors = np.zeros((theta.shape[1], k))
        vectors[:, self.rest[at]] = theta.T
        vectors[:, self.main] = self._of_main(vectors[:, self.rest]).T
        return vectors

    def _complement(self, rest: NDArray[np.intp], main: NDArray[np.intp]) -> tuple[Array, Array]:
        """The Schur complement of some columns, scaled to unit length before it was taken."""
        scale = np.sqrt(self.square.diagonal()[rest])
        cross = self.cross[np.ix_(main, rest)] / np.sqrt(self.levels[main])[:, None] / scale
        complement = self.square[np.ix_(rest, rest)] / np.outer(scale, scale) - cross.T @ cross
        return (complement + complement.T) / 2, scale

    def _of_main(self, theta: Array) -> Array:
        """What the main factor's levels have (L, m) where the others have `theta` (m, q)."""
        levels = np.where(self.levels > 0, self.levels, 1.0)
        found: Array = -(self.cross @ theta.T) / levels[:, None]
        return found

    def solve(self, kept: NDArray[np.intp], right: Array) -> Array | None:
        """Coefficients (k, m) on columns kept, whose products with them are `right` (k, m)."""
        is_kept = np.zeros(len(self.main) + len(self.rest), dtype=bool)
        is_kept[kept] = True
        main, rest = np.flatnonzero(is_kept[self.main]), np.flatnonzero(is_kept[self.rest])
        complement, scale = self._complement(rest, main)
        levels = self.levels[main, None]
        cross = self.cross[np.ix_(main, rest)]
        of_main, of_rest = right[self.main[main]], right[self.rest[rest]]
        found = np.zeros_like(right)
        try:
            beside = np.linalg.solve(
                complement, (of_rest - cross.T @ (of_main / levels)) / scale[:, None]
            )
        except np.linalg.LinAlgError:
            return None
        found[self.rest[rest]] = beside / scale[:, None]
        found[self.main[main]] = (of_main - cross @ found[self.rest[rest]]) / levels
        return found


def _indicators(factor: Factor) -> sparse.csr_array:
    """Those of the levels that have a column, (n, c)."""
    there = factor.columns >= 0
    place = np.where(there, np.cumsum(there) - 1, -1)[factor.codes]
    starts = np.append(0, np.cumsum(place >= 0))
    columns = place[place >= 0]
    shape = (len(place), int(there.sum()))
    return sparse.csr_array((np.ones(len(columns)), columns, starts), shape=shape)


def _last(vectors: Array) -> NDArray[np.intp]:
    """Columns that are combinations of columns before them, of all null vectors (m, k)."""
    size = np.abs(vectors).max(axis=1, initial=0.0)
    vectors = vectors / np.where(size > 0, size, 1.0)[:, None]
    found, alive = [], np.ones(len(vectors), dtype=bool)
    for j in reversed(range(vectors.shape[1])):
        here = np.where(alive, np.abs(vectors[:, j]), 0.0)
        pivot = int(np.argmax(here)) if len(here) else -1
        if pivot < 0 or here[pivot] <= ZERO:
            continue
        found.append(j)
        alive[pivot], here[pivot] = False, 0.0
        others = np.flatnonzero(here > NOISE)
        columns = np.flatnonzero(np.abs(vectors[pivot]) > NOISE)
        row = vectors[pivot, columns] / vectors[pivot, j]
        vectors[np.ix_(others, columns)] -= np.outer(vectors[others, j], row)
    return np.array(found[::-1], dtype=np.intp)


def _unit_in(null: Array, left: NDArray[np.intp]) -> Array:
    """Combinations (k, m) of null vectors (k, .), each 1 in its column left out, 0 in others."""
    k = len(null)
    vectors = np.zeros((k, len(left)))
    vectors[left, np.arange(len(left))] = 1.0
    part = np.flatnonzero(np.abs(null[left]).max(axis=1, initial=0.0) > 0)  # the others are 0
    if len(part):
        vectors[:, part] = np.linalg.solve(null[left[part]].T, null.T).T
        vectors[left] = np.eye(len(left))
    return vectors


def _verified(
    design: Structured,
    products: _Products,
    kept: NDArray[np.intp],
    vectors: Array,
) -> Array | None:
    """The null vectors, corrected until all rows verify them; None where these do not."""
    length = products.length
    size = np.abs(vectors) * length[:, None]
    there = (size > ZERO * size.max(axis=0, initial=0.0)) | (length == 0)[:, None]
    vectors = np.where(there, vectors, 0.0)
    whole = np.rint(vectors)
    near = (np.abs(vectors - whole) <= WHOLE * np.maximum(np.abs(whole), 1)).all(axis=0)
    vectors[:, near] = whole[:, near]
    for correction in range(CORRECTIONS + 1):
        rest = _Left(design, vectors)
        wrong = rest.wrong()
        if not len(wrong):
            return vectors
        if correction == CORRECTIONS:
            break
        step = products.solve(kept, rest.products(wrong))
        if step is None:
            break
        involved = (vectors[:, wrong] != 0) & np.isin(np.arange(len(vectors)), kept)[:, None]
        vectors[:, wrong] -= np.where(involved, step, 0.0)
    return None


class _Left:
    """What null vectors leave of rows, beside what rounding may leave."""

    def __init__(self, design: Structured, vectors: Array) -> None:
        self.design, self.vectors = design, vectors
        beyond = [*design.places, *design.sparse_places]
        self.of_levels = np.flatnonzero(~vectors[beyond].any(axis=0))
        self.others = np.flatnonzero(vectors[beyond].any(axis=0))

    def wrong(self) -> NDArray[np.intp]:
        """The vectors that some row does not verify."""
        design = self.design
        code, size = np.zeros(len(design.numbers), dtype=np.int64), 1
        for factor in design.factors:  # rows that are alike in their levels need one look
            if size * factor.n_levels > LARGEST_CODE:
                found, code = np.unique(code, return_inverse=True)
                size = len(found)
            code, size = code * factor.n_levels + factor.codes, size * factor.n_levels
        first = np.unique(code, return_index=True)[1]
        of_levels = self._of_rows(design[first], self.of_levels)
        return np.append(of_levels, self._of_rows(design, self.others))

    def _of_rows(self, design: Structured, which: NDArray[np.intp]) -> NDArray[np.intp]:
        size = design.absolute
        step = max(1, AT_ONCE // max(1, len(design.numbers)))
        found = []
        for start in range(0, len(which), step):
            part = which[start : start + step]
            vectors = self.vectors[:, part]
            left = np.abs(design.predictor(vectors))
            allowed = ROUNDING * size.predictor(np.abs(vectors))
            found.append(part[(left > allowed).any(axis=0)])
        return np.concatenate([np.zeros(0, dtype=np.intp), *found])

    def products(self, which: NDArray[np.intp]) -> Array:
        """Products (k, m) of the columns with what some of the vectors leave."""
        left = (self.design @ self.vectors[:, j] for j in which)
        return np.column_stack([each @ self.design for each in left])
