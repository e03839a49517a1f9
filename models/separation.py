"""Directions along which the log-likelihood never falls, found by linear programs.

A direction d with ``s_i x_i'd >= 0`` for every row and ``> 0`` for some raises the log-likelihood
forever; one with ``x_i'd = 0`` for every row leaves it where it is. Both are searched for in
coordinates that units and recombinations of the columns do not touch, and both are then verified on
the data as they are: a product of row and direction counts as zero only within the rounding of its
own terms. What cannot be verified is not reported. This module knows nothing of Newton's method.

Konis (2007), "Linear programming algorithms for detecting separated data in binary logistic
regression models", DPhil thesis, University of Oxford, introduced the linear programs. Here they
are solved in the dual, which has as many rows as there are coefficients, on a few rows of the data
at a time: those that the direction of the round before gets wrong join in the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.optimize import OptimizeResult, linprog

from flatprior.models.likelihood import stack_factors, triangular_factor
from flatprior.models.rows import EPSILON, Array, ArrayRows

Mask = NDArray[np.bool_]

# Rows have length 1 in the linear programs and their answers are good to 1e-9 or so. Verification
# decides; these say only what is tried.
SOLVER: Any = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
UNMOVED = (1e-7, 1e-5, 1e-9, 1e-11)  # margins taken for zero, in the order they are tried
NEGLIGIBLE = (1e-7, 1e-11, 0.0)  # entries of a direction taken for zero, relative to the largest
CORRECTIONS = 3
SMALLEST = float(np.finfo(float).tiny)
SIGNIFICANT = 1e-7  # a coefficient's extent over the cone, relative to its largest possible
FAINT = 1e-12  # below this even a verified extent could be rounding
ROUNDING = 8 * EPSILON  # a product this small beside its terms is zero
MAX_ROUNDS = 200
WHITENINGS = 3
STRETCHES = 2
STRETCH = 1e5  # of the axis along which outcomes nearly separate; the programs see 1e-7 or so


def margins(design: Array, sign: Array, direction: Array) -> tuple[Array, Array]:
    """Products ``s_i x_i'd`` (n,), and the size (n,) below which they count as zero.

    That size is sixteen roundings of the sum of the products' absolute values: a direction that
    passes is exact for data that differ from the given ones in their last digits, as a change of
    units or of basis makes them differ. Close calls are summed without error (`math.fsum`).
    """
    involved = np.flatnonzero(direction)
    terms = design[:, involved] * direction[involved]
    rounding = ROUNDING * np.abs(terms).sum(axis=1)
    values = terms.sum(axis=1)
    close = (np.abs(values) <= (2 + len(involved)) * rounding) & (rounding > 0)
    values[close] = [math.fsum(row) for row in terms[close]]
    return sign * values, rounding


def separated(design: Array, sign: Array, direction: Array) -> Mask | None:
    """Mask of the rows with ``s_i x_i'd > 0``; None if d does not separate: some are negative."""
    values, rounding = margins(design, sign, direction)
    if not np.isfinite(rounding).all() or (values < -rounding).any():
        return None
    mask: Mask = values > rounding
    return mask if mask.any() else None


def overlap_width(design: Array, sign: Array, direction: Array) -> float:
    """By how much outcomes overlap along d: the worst row's margin, relative to the mean one."""
    values, _ = margins(design, sign, direction)
    size = float(np.abs(values).mean())
    return max(0.0, -float(values.min()) / size) if 0 < size < math.inf else math.inf


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


def independent_columns(design: Array) -> Columns:
    """Split the columns into independent ones and combinations of them, at rounding level.

    QR with column pivoting, of the columns scaled to unit length, says which rank to try first; it
    is raised until all null vectors that it implies are verified.
    """
    k = design.shape[1]
    if not len(design):
        return Columns(np.arange(0), np.eye(k))
    factor, scale = _unit_factor(design)
    pivots = _pivots(factor)
    rank = int(np.count_nonzero(pivots > 64 * k * EPSILON))
    most = min(len(pivots), k)  # fewer rows than columns: then dependence needs no other proof
    while rank < k:
        kept, left = _choose(factor, rank, pivots[rank - 1] if rank else 0.0)
        null = np.zeros((k, len(left)))
        null[kept] = -np.linalg.lstsq(factor[:, kept], factor[:, left], rcond=None)[0]
        null[left, range(len(left))] = 1.0
        nearest = [null[:, i] * scale[j] / scale for i, j in enumerate(left)]
        exact = [_annihilating(design, vector, scale) for vector in nearest]
        if rank >= most or all(vector is not None for vector in exact):
            vectors = [
                near if v is None or not v[j] else v
                for near, v, j in zip(nearest, exact, left, strict=True)
            ]
            return Columns(
                kept, np.column_stack([v / v[j] for v, j in zip(vectors, left, strict=True)])
            )
        rank += 1
    return Columns(np.arange(k), np.zeros((k, 0)))


def _choose(factor: Array, rank: int, worst: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Independent columns and the rest; of several choices as good, the first are kept."""
    kept = list(range(factor.shape[1]))
    for j in reversed(kept):
        fewer = [i for i in kept if i != j]
        if len(kept) > rank and (rank == 0 or _pivots(factor[:, fewer])[rank - 1] > worst / 10):
            kept = fewer
    chosen = np.array(kept, dtype=np.intp)
    return chosen, np.setdiff1d(np.arange(factor.shape[1]), chosen)


def _pivots(factor: Array) -> Array:
    """What each column adds to those before it, in the order of QR with pivoting: descending."""
    return np.abs(np.diag(qr(factor, mode="r", pivoting=True)[0]))


def _unit_factor(design: Array) -> tuple[Array, Array]:
    """R of the QR factorisation of the columns scaled to unit length, and their lengths (k,)."""
    largest = np.abs(design).max(axis=0, initial=0.0)
    power = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1.0))))  # scaling is exact
    rows = ArrayRows(design / power, np.zeros(len(design)))
    factor = 2 * rows.reduce(triangular_factor, stack_factors)
    length = np.linalg.norm(factor, axis=0)
    length = np.where(length > 0, length, 1.0)
    return factor / length, length * power


def _annihilating(design: Array, vector: Array, scale: Array) -> Array | None:
    """The simplest vector near `vector` with ``X v = 0`` within rounding, or None."""
    ones = np.ones(len(design))
    for candidate in _simplest_first(design, vector, scale):
        values, rounding = margins(design, ones, candidate)
        if (np.abs(values) <= rounding).all():
            return candidate
    return None


def _simplest_first(design: Array, direction: Array, scale: Array) -> Iterator[Array]:
    """`direction` with its negligible entries left out, the same corrected, then with fewer out.

    The corrections remove what is left of ``X d``, which ill-conditioned columns amplify.
    """
    size = np.abs(direction) * scale
    for cut in NEGLIGIBLE:
        candidate = np.where(size <= cut * size.max(initial=0.0), 0.0, direction)
        yield candidate
        involved = np.flatnonzero(candidate)
        for _ in range(CORRECTIONS):
            left, rounding = margins(design, np.ones(len(design)), candidate)
            # a row counts by what its own rounding allows, not by its length
            weight = np.where(rounding > 0, 1 / np.where(rounding > 0, rounding, 1.0), 0.0)
            weight /= max(float(weight.max(initial=0.0)), SMALLEST)
            columns = weight[:, None] * design[:, involved] / scale[involved]
            step = np.linalg.lstsq(columns, weight * left, rcond=None)[0] / scale[involved]
            candidate = candidate.copy()
            candidate[involved] -= step
            yield candidate


@dataclass(frozen=True, eq=False)
class Separation:
    """A verified direction and the rows (n,) it separates."""

    direction: Array
    rows: Mask


@dataclass(frozen=True, eq=False)
class Overlap:
    """Proof that no direction separates: the outcomes overlap."""


@dataclass(frozen=True, eq=False)
class NoneFound:
    """Neither was proved.

    `width` is the smallest overlap seen along a direction that nearly separates; inf if none does.
    """

    width: float


def find_separation(design: Array, sign: Array) -> Separation | Overlap | NoneFound:
    """Find a direction that separates as many rows as one linear program can, or prove overlap.

    Rows may be so close to the hyperplane that a linear program cannot tell on which side they are.
    Then the direction along which outcomes overlap least is taken as an axis, that axis is
    stretched, and the program is solved again.

    Parameters
    ----------
    design : ndarray (n, k)
        Of rank k.
    sign : ndarray (n,)
        +1 or -1.
    """
    try:
        whiten, transform = _coordinates(design)
    except np.linalg.LinAlgError:  # of rank k, but not in double precision
        return NoneFound(math.inf)
    scale = _unit_factor(design)[1]
    rows = sign[:, None] * (design @ transform)
    width = math.inf
    for _ in range(STRETCHES + 1):
        signed, length = _unit_rows(rows)
        merged, first = np.unique(signed, axis=0, return_index=True)
        merged, first = merged[length[first] > 0], first[length[first] > 0]
        most = _most_separating(merged)
        if most is not None and _weights_prove_overlap(
            sign[first][most.chosen, None] * design[first][most.chosen], transform, most.weights
        ):
            return Overlap()
        axis = _least_overlapping(merged)
        for direction in (None if most is None else most.direction, axis):
            if direction is not None and direction.any():
                values = signed @ direction
                answer = _verified(design, sign, values, transform @ direction, whiten, scale)
                if isinstance(answer, Separation):
                    return answer
                width = min(width, answer.width)
        if axis is None:
            break
        width = min(width, overlap_width(design, sign, transform @ axis))
        # along the axis the rows are computed anew: they may differ in their last digits only
        across = margins(design, sign, transform @ axis)[0]
        rows = rows + np.outer(STRETCH * across - rows @ axis, axis)
        transform = transform + (STRETCH - 1) * np.outer(transform @ axis, axis)
        whiten = whiten + (1 / STRETCH - 1) * np.outer(axis, axis @ whiten)
    return NoneFound(width)


def _coordinates(design: Array) -> tuple[Array, Array]:
    """Coordinates in which the rows point in all directions alike: to them, and back (k, k).

    Separation does not depend on the length of rows. Whitening rows of length 1 again and again
    (Tyler's estimate of shape) keeps outliers from setting the scale.
    """
    factor, scale = _unit_factor(design)
    whiten, transform = factor * scale, np.linalg.inv(factor) / scale[:, None]
    for _ in range(WHITENINGS):
        rows, _ = _unit_rows(design @ transform)
        again = np.asarray(np.linalg.qr(rows, mode="r")) * math.sqrt(len(scale) / len(design))
        whiten, transform = again @ whiten, transform @ np.linalg.inv(again)
    return whiten, transform


def _weights_prove_overlap(signed: Array, transform: Array, weights: Array) -> bool:
    """Whether positive weights on rows ``s_i x_i`` prove that their outcomes overlap.

    Stiemke's alternative to separation is v > 0 with ``sum v_i s_i x_i = 0``. The given weights,
    of rows of length 1 in the coordinates ``X T``, leave a remainder r; with G the rows' Gram
    matrix, v - A G^-1 r leaves none and is positive if r is small enough. Rounding is included.
    Rows that overlap and have rank k prove it for every set of rows that contains them.
    """
    m, k = signed.shape
    unit, length = _unit_rows(signed @ transform)
    error = (k + 4) * EPSILON * np.linalg.norm(np.abs(signed) @ np.abs(transform), axis=1) / length
    remainder = float(np.linalg.norm(unit.T @ weights) + error @ weights)
    remainder += (m + 2) * EPSILON * float(weights.sum())
    smallest = float(np.linalg.eigvalsh(unit.T @ unit)[0]) - float((2 * error + error**2).sum())
    smallest -= (m + k) * k * EPSILON
    largest = 1 + float(error.max())
    least = float(weights.min())
    return smallest > 0 and least > 0 and 2 * largest * remainder <= smallest * least


def _verified(
    design: Array, sign: Array, values: Array, found: Array, whiten: Array, scale: Array
) -> Separation | NoneFound:
    """Make of a linear program's answer a direction that separates rows on the data.

    `values` are the margins that the program saw; those it means to be zero are made so.
    """
    width = math.inf
    for limit in UNMOVED:
        zero = np.abs(values) <= limit
        direction = found
        if zero.any():
            null = independent_columns(design[zero]).null
            if not null.size:
                continue
            # of the directions that leave these rows where they are, the one nearest to that found
            white = whiten @ null
            length = np.linalg.norm(white, axis=0)
            target = whiten @ found
            direction = null @ (np.linalg.lstsq(white / length, target, rcond=None)[0] / length)
        for candidate in _simplest_first(design[zero], direction, scale):
            rows = separated(design, sign, candidate)
            if rows is not None:
                return Separation(candidate / np.abs(candidate).max(), rows)
            width = min(width, overlap_width(design, sign, candidate))
    return NoneFound(width)


def _unit_rows(rows: Array) -> tuple[Array, Array]:
    """Rows scaled to length 1 (a row of zeros stays), and their lengths."""
    length = np.linalg.norm(rows, axis=1)
    return rows / np.where(length > 0, length, 1.0)[:, None], length


@dataclass(frozen=True, eq=False)
class _Answer:
    """A linear program's answer: direction (k,), and weights (m,) of the m rows it was given."""

    direction: Array
    weights: Array
    chosen: Mask


def _most_separating(signed: Array) -> _Answer | None:
    """Solve max sum z, A d >= z, 0 <= z <= 1 by its dual; d = 0 if no row can be separated.

    The dual is max sum a, A'(a + b) = 0, 0 <= a <= 1, b >= 0: overlap is a = 1, and then the
    weights a + b balance the rows.
    """
    k = signed.shape[1]

    def solve(part: Array) -> tuple[Array, Array] | None:
        m = len(part)
        bounds: list[tuple[float | None, float | None]] = [(0, 1)] * m + [(0, None)] * m
        result = linprog(
            np.concatenate([-np.ones(m), np.zeros(m)]),
            A_eq=np.hstack([part.T, part.T]),
            b_eq=np.zeros(k),
            bounds=bounds,
            method="highs-ds",
            options=SOLVER,
        )
        if result.x is None:
            return None
        return -np.asarray(result.eqlin.marginals), np.asarray(result.x[:m] + result.x[m:])

    return _cutting_planes(signed, solve)


def _least_overlapping(signed: Array) -> Array | None:
    """Direction of length 1 that minimises the worst violation, relative to the mean margin."""
    k = signed.shape[1]
    mean = np.append(signed.mean(axis=0), 0.0)

    def solve(part: Array) -> tuple[Array, Array] | None:
        result = linprog(
            np.eye(k + 1)[k],
            A_ub=-part,
            b_ub=np.zeros(len(part)),
            A_eq=mean[None],
            b_eq=[1.0],
            bounds=[(None, None)] * (k + 1),
            method="highs-ds",
            options=SOLVER,
        )
        return None if result.x is None else (np.asarray(result.x), np.zeros(0))

    found = _cutting_planes(np.column_stack([signed, np.ones(len(signed))]), solve)
    if found is None:
        return None
    length = float(np.linalg.norm(found.direction[:k]))
    return found.direction[:k] / length if 0 < length < math.inf else None


def _cutting_planes(
    signed: Array, solve: Callable[[Array], tuple[Array, Array] | None]
) -> _Answer | None:
    """Solve on a few rows, add those that the answer violates most, and so on until none is."""
    n, k = signed.shape
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(0).permutation(n)[: 20 * k]] = True
    _complete_rank(signed, chosen)
    for _ in range(MAX_ROUNDS):
        found = solve(signed[chosen])
        if found is None:
            return None
        direction, weights = found
        values = signed @ direction
        tolerance = 1e-9 + 1e-13 * float(np.linalg.norm(direction))  # the program's, and rounding
        violated = np.flatnonzero((values < -tolerance) & ~chosen)
        if not len(violated):
            return _Answer(direction, weights, chosen)
        chosen[violated[np.argsort(values[violated])[: max(10 * k, 100)]]] = True
    return None


def _complete_rank(signed: Array, chosen: Mask) -> None:
    """Add rows to the mask `chosen` until they span what all rows span.

    Rows that do not could overlap among themselves while others are separated.
    """
    while not chosen.all():
        _, size, vectors = np.linalg.svd(signed[chosen], full_matrices=True)
        rank = int(np.count_nonzero(size > 1e-9 * size.max(initial=0.0)))
        outside = np.linalg.norm(signed @ vectors[rank:].T, axis=1)
        outside[chosen] = 0.0
        if outside.max() <= 1e-9:
            return
        chosen[outside.argmax()] = True


def coefficient_signs(
    design: Array,
    sign: Array,
    found: Separation,
    null: Array,
    on_step: Callable[[], None],
) -> tuple[dict[int, str], list[Array]]:
    """Direction in which each coefficient that is not finite goes.

    Parameters
    ----------
    design : ndarray (n, k)
        Of rank k.
    sign : ndarray (n,)
    found : Separation
        With as many rows as can be separated.
    null : ndarray (k, m)
        Basis of the directions that leave all other rows where they are.
    on_step : callable
        Called after each of the k coefficients.

    Returns
    -------
    dict
        Position to "+inf", "-inf" or "undetermined". They rest on linear programs, whose answers
        are good to 1e-9 or so; that the cone extends to a side by less than 1e-7 counts only if a
        direction that does so is verified on the data.
    list of ndarray (k,)
        Directions of the cone in which the coefficients go these ways, beside `found`.
    """
    part, left = design[found.rows], design[~found.rows]
    _, transform = _coordinates(part @ null)
    basis = null @ transform
    signed = np.unique(_unit_rows(sign[found.rows, None] * (part @ basis))[0], axis=0)
    solution = np.linalg.lstsq(part @ basis, part @ found.direction, rcond=None)[0]
    inside = np.asarray(solution / np.linalg.norm(solution), dtype=float)
    scale = _unit_factor(design)[1]

    def verified(direction: Array, j: int, way: float) -> bool:
        """Whether a direction near this one separates all rows and takes coefficient j that way."""
        for candidate in _simplest_first(left, direction, scale):
            rows = separated(design, sign, candidate)
            if rows is not None and (rows == found.rows).all() and way * candidate[j] > 0:
                return True
        return False

    signs: dict[int, str] = {}
    witnesses: list[Array] = []
    for j in range(len(null)):
        on_step()
        if not null[j].any():
            continue
        row = basis[j] / np.linalg.norm(basis[j])
        here = float(row @ inside)
        ways = []
        for way in (1.0, -1.0):
            if way * found.direction[j] > 0 and way * here > SIGNIFICANT:
                ways.append(way)  # the direction found already goes there
                continue
            end = _furthest(signed, way * row) if null.shape[1] > 1 else None
            extent = 0.0 if end is None else way * float(row @ end)
            if end is None or extent <= FAINT:
                continue
            # a corner of the cone, moved inwards so that rounding cannot take it outside, but not
            # so far that less than half of its extent is left
            inwards = min(1.0, 0.5 * extent / max(abs(here), SMALLEST))
            witness = basis @ (end + inwards * inside)
            if extent > SIGNIFICANT or verified(witness, j, way):
                ways.append(way)
                witnesses.append(witness)
        if len(ways) == 2:
            signs[j] = "undetermined"
        elif ways:
            signs[j] = "+inf" if ways[0] > 0 else "-inf"
    return signs, witnesses


def _furthest(signed: Array, target: Array) -> Array | None:
    """Maximise ``target'c`` over the cone ``A c >= 0`` within the cube |c| <= 1."""

    def solve(part: Array) -> tuple[Array, Array] | None:
        result: OptimizeResult = linprog(
            -target,
            A_ub=-part,
            b_ub=np.zeros(len(part)),
            bounds=[(-1, 1)] * len(target),
            method="highs-ds",
            options=SOLVER,
        )
        return None if result.x is None else (np.asarray(result.x), np.zeros(0))

    answer = _cutting_planes(signed, solve)
    return None if answer is None else answer.direction
