"""Which columns of a design are independent, judged at rounding level, and how the others depend.

A product of a row and a vector counts as zero only within the rounding of its own terms; a null
vector is reported when all rows have verified it. Integers are what they are: those that no change
of units has rounded are called dependent only where they are. Of the sets of columns for which this
can be verified the first is kept, however near to dependence it is; where rounding hides even that
these are independent, only exact arithmetic says that they are, or nothing is decided.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.designs.coded import Structured
from flatprior.models.likelihood import stack_factors, triangular_factor
from flatprior.models.rows import ArrayRows

Mask = NDArray[np.bool_]
Residues = NDArray[np.int64]

# entries of a direction taken for zero, relative to the largest: nearly collinear columns leave
# large ones that rounding cannot tell from zero
NEGLIGIBLE = (1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 0.0)
CORRECTIONS = 3
SMALLEST = float(np.finfo(float).tiny)
ROUNDING = 8 * EPSILON  # a product this small beside its terms is zero
SWEEPS = 3
ALL_BITS, FEW_BITS = 53, 44  # of a significand; numbers rounded to doubles have more than few
CLOSE_AT_ONCE = 2**10  # rows that are written out
PRIME = 2**31 - 19  # products of residues are below 2^62


def margins(design: Array | Structured, sign: Array, direction: Array) -> tuple[Array, Array]:
    """Products ``s_i x_i'd`` (n,), and the size (n,) below which they count as zero.

    That size is sixteen roundings of the sum of the products' absolute values: a direction that
    passes is exact for data that differ from the given ones in their last digits, as a change of
    units or of basis makes them differ. Close calls are summed without error (`math.fsum`).
    """
    involved = np.flatnonzero(direction)
    if isinstance(design, Structured):
        return _margins_as_held(design, sign, direction)
    terms = design[:, involved] * direction[involved]
    rounding = ROUNDING * np.abs(terms).sum(axis=1)
    values = terms.sum(axis=1)
    close = np.flatnonzero((np.abs(values) <= (2 + len(involved)) * rounding) & (rounding > 0))
    close = close[np.count_nonzero(terms[close], axis=1) > 2]  # the sum of two has the right sign
    values[close] = [math.fsum(row) for row in terms[close]]
    return sign * values, rounding


def _margins_as_held(design: Structured, sign: Array, direction: Array) -> tuple[Array, Array]:
    """`margins` of factors held as codes: the rows of close calls alone are written out."""
    values, rounding = design @ direction, ROUNDING * design.sizes(direction)
    close = np.flatnonzero((np.abs(values) <= (2 + len(direction)) * rounding) & (rounding > 0))
    for start in range(0, len(close), CLOSE_AT_ONCE):
        some = close[start : start + CLOSE_AT_ONCE]
        values[some] = margins(design[some].dense(), np.ones(len(some)), direction)[0]
    return sign * values, rounding


def equilibrated(design: Array) -> tuple[Array, Array]:
    """Rows and columns multiplied by powers of 2, which is exact, so that entries are near 1.

    Also the column's powers: ``X d = 0`` becomes ``X' (power * d) = 0``. Neither separation nor
    dependence depends on the size of rows and columns, but the search for them would.
    """
    size = np.abs(design)
    with np.errstate(divide="ignore"):
        exponents = np.log2(size)  # -inf for 0
    known = size > 0
    exponents[~known] = 0.0
    rows, columns = np.zeros(len(design)), np.zeros(design.shape[1])
    in_row, in_column = (np.maximum(known.sum(axis=axis), 1) for axis in (1, 0))
    for _ in range(SWEEPS):  # geometric means: no outlier sets the scale
        columns = ((exponents - rows[:, None]) * known).sum(axis=0) / in_column
        rows = ((exponents - columns) * known).sum(axis=1) / in_row
    columns = np.clip(np.rint(columns), -1000, 1000)
    scaled = np.ldexp(design, -columns.astype(int))
    largest = np.abs(scaled).max(axis=1, initial=0.0)
    rows = np.where(largest > 0, np.frexp(largest)[1], 0)
    return np.ldexp(scaled, -rows[:, None]), np.exp2(columns)


@dataclass(frozen=True, eq=False)
class Columns:
    """Which columns of a design are independent, and how the others depend on them.

    Attributes
    ----------
    kept : ndarray (r,)
        Positions of r independent columns, ascending.
    null : ndarray (k, k - r)
        Null vectors, one for each column left out, whose entry in it is 1; each is verified on the
        data, within the rounding of its terms.
    """

    kept: NDArray[np.intp]
    null: Array


def independent_columns(design: Array, first: bool = False) -> Columns | None:
    """Split the columns into independent ones and combinations of them, at rounding level.

    QR with column pivoting, of the columns scaled to unit length, says which rank to try first; it
    is raised until all null vectors that it implies are verified. None where they are not, and the
    columns are not independent beyond rounding either. Of sets as large those are kept that are far
    from dependence, or with `first` the first ones, however near.
    """
    k = design.shape[1]
    if not len(design):
        return Columns(np.arange(0), np.eye(k))
    factor, scale = unit_factor(design)
    pivots, order = pivots_of(factor)
    independent = int(np.count_nonzero(pivots > _rounded(factor)))
    # fewer rows than columns: the others cannot be independent
    for rank in range(independent, min(len(pivots), k)):
        columns = _of_rank(design, factor, scale, rank, pivots, order, first)
        if columns is not None:
            return columns
    if min(len(pivots), k) < k:
        return _of_rank(design, factor, scale, len(pivots), pivots, order, first)
    return Columns(np.arange(k), np.zeros((k, 0))) if independent == k else None


def in_units(columns: Columns, power: Array) -> Columns:
    """Null vectors of equilibrated columns for the columns as they are."""
    left = np.setdiff1d(np.arange(len(power)), columns.kept)
    return Columns(columns.kept, columns.null * power[left] / power[:, None])


def columns_of(design: Array) -> Columns | None:
    """Independent columns of a design, of whatever units, the first ones kept; None if undecided.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.dependence.independent_columns import columns_of
    >>> found = columns_of(np.array([[1.0, 2.0, 4.0], [1.0, 3.0, 6.0], [1.0, 5.0, 10.0]]))
    >>> found.kept.tolist(), found.null.ravel().round(9).tolist()
    ([0, 1], [0.0, -2.0, 1.0])
    """
    even, power = equilibrated(design)
    found = independent_columns(even, first=True)
    if found is None:
        return None
    found = in_units(found, power)
    return None if only_rounding_makes_dependent(design, found) else found


def _of_rank(
    design: Array,
    factor: Array,
    scale: Array,
    rank: int,
    pivots: Array,
    order: NDArray[np.intp],
    first: bool,
) -> Columns | None:
    """As many independent columns as `rank`; None if one of the others is not seen to depend."""
    for kept in _choices(factor, rank, pivots[rank - 1] if rank else 0.0, order, first):
        least = pivots_of(factor[:, kept])[0][-1] if len(kept) else 1.0
        if first and least <= _rounded(factor) and not _independent_modulo_a_prime(design[:, kept]):
            continue  # it is not known that they are as many
        found = _with_null(design, factor, scale, kept)
        if found is not None:
            return found
    return None


def _rounded(factor: Array) -> float:
    """What rounding may leave of a column of unit length that depends on others."""
    return float(64 * factor.shape[1] * EPSILON)


def _with_null(
    design: Array, factor: Array, scale: Array, kept: NDArray[np.intp]
) -> Columns | None:
    """The columns kept with the null vectors of the others; None if one is not verified."""
    k = len(scale)
    left = np.setdiff1d(np.arange(k), kept)
    null = np.zeros((k, len(left)))
    null[kept] = -np.linalg.lstsq(factor[:, kept], factor[:, left], rcond=None)[0]
    null[left, range(len(left))] = 1.0
    for i, j in enumerate(left):
        vector = _annihilating(design, null[:, i] * scale[j] / scale, scale, j)
        if vector is None:
            return None
        null[:, i] = vector / vector[j]
    return Columns(kept, null)


def _choices(
    factor: Array, rank: int, worst: float, order: NDArray[np.intp], first: bool
) -> Iterator[NDArray[np.intp]]:
    """Sets of as many columns as `rank` that may be independent; those most surely so last.

    Of each the first columns that add to those before them more than so little: what rounding
    leaves, and then more and more, because nearly dependent columns make it larger. The set with
    the largest pivots is the last.
    """
    before = None
    nearly = [max(cut, _rounded(factor)) for cut in NEGLIGIBLE[::-1] if first and cut < worst / 10]
    for least in (*nearly, worst / 10):
        chosen = _first(factor, rank, least)
        if len(chosen) < rank or (before is not None and np.array_equal(chosen, before)):
            continue
        before = chosen
        if not rank or pivots_of(factor[:, chosen])[0][rank - 1] > least:
            yield chosen
    yield np.sort(order[:rank])


def _first(factor: Array, rank: int, least: float) -> NDArray[np.intp]:
    """The first columns, `rank` at most, that add more than `least` to those before them."""
    basis = np.zeros((len(factor), 0))
    kept: list[int] = []
    for j in range(factor.shape[1]):
        beyond = factor[:, j] - basis @ (basis.T @ factor[:, j])
        beyond -= basis @ (basis.T @ beyond)
        length = float(np.linalg.norm(beyond))
        if len(kept) < rank and length > least:
            kept.append(j)
            basis = np.column_stack([basis, beyond / length])
    return np.array(kept, dtype=np.intp)


def pivots_of(factor: Array) -> tuple[Array, NDArray[np.intp]]:
    """What each column adds to those before it, in the order of QR with pivoting: descending."""
    triangle, order = qr(factor, mode="r", pivoting=True)
    return np.abs(np.diag(triangle)), np.asarray(order, dtype=np.intp)


def unit_factor(design: Array) -> tuple[Array, Array]:
    """R of the QR factorisation of the columns scaled to unit length, and their lengths (k,)."""
    largest = np.abs(design).max(axis=0, initial=0.0)
    power = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1.0))))  # scaling is exact
    rows = ArrayRows(design / power, np.zeros(len(design)))
    factor = 2 * rows.reduce(triangular_factor, stack_factors)
    length = np.linalg.norm(factor, axis=0)
    length = np.where(length > 0, length, 1.0)
    return factor / length, length * power


def _annihilating(design: Array, vector: Array, scale: Array, j: int) -> Array | None:
    """The simplest vector near `vector`, not 0 at j, with ``X v = 0`` within rounding; or None."""
    ones = np.ones(len(design))
    for candidate in simplest_first(design, vector, scale):
        if not candidate[j]:  # corrected to nothing, which annihilates everything
            continue
        values, rounding = margins(design, ones, candidate)
        if (np.abs(values) <= rounding).all() and not (
            values.any() and independent_in_whole_numbers(design[:, np.flatnonzero(candidate)])
        ):
            return candidate
    return None


def of_few_bits(values: Array, bits: int) -> bool:
    """Whether no significand has more than these bits."""
    whole = np.ldexp(np.frexp(values)[0], bits)
    return bool((np.rint(whole) == whole).all())


def independent_in_whole_numbers(columns: Array) -> bool:
    """Whether columns of few digits, which no change of units has rounded, are independent."""
    return of_few_bits(columns, FEW_BITS) and _independent_modulo_a_prime(columns)


def only_rounding_makes_dependent(design: Array, columns: Columns) -> bool:
    """Whether a null vector is one of large integers that are independent.

    Columns in other units differ in their last digits, but integers are what they are, and of large
    ones (keys, times in nanoseconds) rounding hides more than one. What a dependency has beside
    them, such as a constant, may be hidden too: it is looked for in all columns of integers.
    """
    return any(
        _independent_modulo_a_prime(design[:, chosen])
        for chosen in whole_dependencies(are_whole(design), largest_of(design), columns)
    )


def are_whole(design: Array) -> Mask:
    """Which columns (k,) hold integers only."""
    return np.asarray((np.rint(design) == design).all(axis=0))


def largest_of(design: Array) -> Array:
    """Largest absolute value of each column (k,)."""
    return np.asarray(np.abs(design).max(axis=0, initial=0.0))


def whole_dependencies(whole: Mask, largest: Array, columns: Columns) -> Iterator[Mask]:
    """Columns (k,) in which a dependency of large integers must be exact."""
    for vector in columns.null.T:
        involved = vector != 0
        if (largest[involved] >= 2.0**FEW_BITS).any() and whole[involved].all():
            yield whole & (np.isin(np.arange(len(vector)), columns.kept) | involved)


def _independent_modulo_a_prime(columns: Array) -> bool:
    """Then columns are independent: a determinant that is 0 is so modulo every prime."""
    return all(row is not None for row in _eliminated(residues(columns)))


def residues(columns: Array) -> Residues:
    """Doubles modulo a prime, all of which are a whole number times a power of 2."""
    part, power = np.frexp(columns)
    whole = np.ldexp(part, ALL_BITS)
    powers, place = np.unique(power - ALL_BITS, return_inverse=True)
    factors = np.array([pow(2, int(p) % (PRIME - 1), PRIME) for p in powers], dtype=np.int64)
    return whole.astype(np.int64) % PRIME * factors[place.reshape(power.shape)] % PRIME


def row_space(rows: Residues) -> Residues:
    """As few rows (r, k) with the same combinations modulo the prime."""
    kept = [row for row in _eliminated(rows) if row is not None]
    return np.array(kept, dtype=np.int64).reshape(len(kept), rows.shape[1])


def _eliminated(rest: Residues) -> Iterator[Residues | None]:
    """For each column the row that takes it from the others; None where all of them are 0 in it."""
    for j in range(rest.shape[1]):
        pivot = int(np.argmax(rest[:, j] != 0)) if len(rest) else 0
        if not len(rest) or not rest[pivot, j]:
            yield None
            continue
        row = rest[pivot] * pow(int(rest[pivot, j]), -1, PRIME) % PRIME
        yield row
        rest = (rest - rest[:, j, None] * row % PRIME) % PRIME


def simplest_first(design: Array, direction: Array, scale: Array) -> Iterator[Array]:
    """`direction` with its negligible entries left out, the same corrected, then with fewer out.

    The corrections remove what is left of ``X d``, which ill-conditioned columns amplify.
    """
    size = np.abs(direction) * scale
    left_out = None
    for cut in NEGLIGIBLE:
        negligible = size <= cut * size.max(initial=0.0)
        if left_out is not None and (negligible == left_out).all():
            continue
        left_out = negligible
        candidate = np.where(negligible, 0.0, direction)
        yield candidate
        involved = np.flatnonzero(candidate)
        for _ in range(CORRECTIONS):
            left, rounding = margins(design, np.ones(len(design)), candidate)
            # a row counts by what its own rounding allows, not by its length
            allowed = rounding > 0
            least = float(rounding[allowed].min(initial=np.inf))
            weight = np.where(allowed, least / np.where(allowed, rounding, 1.0), 0.0)
            columns = weight[:, None] * design[:, involved] / scale[involved]
            if not (np.isfinite(columns).all() and np.isfinite(left).all()):
                break
            step = np.linalg.lstsq(columns, weight * left, rcond=None)[0] / scale[involved]
            candidate = candidate.copy()
            candidate[involved] -= step
            yield candidate
