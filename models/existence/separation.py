"""Directions along which the log-likelihood never falls, found by projections on a cone.

A direction d with ``s_i x_i'd >= 0`` for every row and ``> 0`` for some raises the log-likelihood
forever; one with ``x_i'd = 0`` for every row leaves it where it is. Both are searched for in
coordinates that units and recombinations of the columns do not touch, and both are then verified on
the data as they are: a product of row and direction counts as zero only within the rounding of its
own terms. What cannot be verified is not reported. This module knows nothing of Newton's method.

Konis (2007), "Linear programming algorithms for detecting separated data in binary logistic
regression models", DPhil thesis, University of Oxford, introduced linear programs. Their solvers
work to a tolerance, may take for ever near it, and thin cones escape it. Here `flatprior.models.
projection` takes their place: the sum of the rows ``s_i x_i`` is projected on the cone, which
leaves either a direction or weights that prove overlap. What a column shows on its own, an
indicator of a level in which one outcome was observed above all, is taken off before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.dependence.independent_columns import (
    CORRECTIONS,
    FEW_BITS,
    ROUNDING,
    SMALLEST,
    Mask,
    are_whole,
    equilibrated,
    independent_columns,
    independent_in_whole_numbers,
    margins,
    of_few_bits,
    pivots_of,
    simplest_first,
    unit_factor,
)
from flatprior.models.designs.coded import Structured
from flatprior.models.existence.projection import Effort, project

# Verification decides; these say only what is tried.
UNMOVED = (1e-7, 1e-5, 1e-9, 1e-11, 1e-13, -1.0)  # margins taken for zero, in this order
SMALL_WEIGHTS = (1e-7, 1e-11, 0.0)  # of rows, likewise
FAINT = 1e-11  # a share of a direction that rounding could have left in a coefficient
WHITENINGS = 3
ABOVE = 128  # roundings of the coordinates of a row, which pivots of several rows add up
# of rows in the search; the first stands rounding, the second sees more
RESOLUTIONS = (1e-11, 1e-14)
IN_THE_CONE = 1e-6  # a direction so short beside the target may be the rounding of none
VERY_FEW_BITS = 8  # of a significand
MOST_IN_RATIONALS = 12  # columns: beyond it fractions take their time


def separated(design: Array | Structured, sign: Array, direction: Array) -> Mask | None:
    """Mask of the rows with ``s_i x_i'd > 0``; None if d does not separate: some are negative."""
    values, rounding = margins(design, sign, direction)
    if not np.isfinite(rounding).all() or (values < -rounding).any():
        return None
    mask: Mask = values > rounding
    return mask if mask.any() else None


def overlap_width(design: Array, sign: Array, direction: Array) -> float:
    """By how much outcomes overlap along d: the worst row's margin, relative to the mean one."""
    values, rounding = margins(design, sign, direction)
    size = float(np.abs(values).mean())
    worst = float((rounding - values).max())  # what rounding may hide included
    return max(0.0, worst / size) if 0 < size < math.inf else math.inf


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

    Attributes
    ----------
    width : float
        The smallest overlap seen along a direction that nearly separates; inf if none does.
    given_up : bool
        Whether the search was ended before its time.
    """

    width: float
    given_up: bool = False


def find_separation(design: Array, sign: Array, effort: Effort) -> Separation | Overlap | NoneFound:
    """Find a direction that separates many rows, or prove overlap.

    Parameters
    ----------
    design : ndarray (n, k)
        Of rank k.
    sign : ndarray (n,)
        +1 or -1.
    effort : Effort
        What may be spent on it.
    """
    try:
        whiten, transform = _coordinates(design)
    except np.linalg.LinAlgError:  # of rank k, but not in double precision
        return NoneFound(math.inf)
    unit, length = _unit_rows(sign[:, None] * (design @ transform))
    moving = length > 0
    total, scale = unit.sum(axis=0), unit_factor(design)[1]
    # of the unit rows: what a row adds to others may be no more than that
    noise = float((_sizes(design, transform)[moving] / length[moving]).max()) * EPSILON
    width = math.inf
    for resolution in dict.fromkeys(max(each, ABOVE * noise) for each in RESOLUTIONS):
        found = project(unit[moving], -total, effort, resolution)
        if found is None:
            return NoneFound(width, given_up=True)
        size = float(np.linalg.norm(found.direction))
        if size <= IN_THE_CONE * np.linalg.norm(total) and _weights_prove_overlap(
            sign[moving, None] * design[moving], transform, 1 + found.weights
        ):
            return Overlap()
        if size:
            way = found.direction / size
            answer = _verified(design, sign, unit @ way, transform @ way, whiten, scale)
            if isinstance(answer, Separation):
                return answer
            width = min(width, answer.width)
    return NoneFound(width)


def single_columns(signed: Array) -> Array | None:
    """Direction in which every column separates that does so on its own; None if none does.

    Of `signed` rows ``s_i x_i``. Products of one term have no rounding, so nothing is in doubt.
    """
    up, down = (signed >= 0).all(axis=0), (signed <= 0).all(axis=0)
    direction = np.where(up, 1.0, 0.0) - np.where(down, 1.0, 0.0)
    return direction if direction.any() else None


def _coordinates(design: Array) -> tuple[Array, Array]:
    """Coordinates in which the rows point in all directions alike: to them, and back (k, k).

    Separation does not depend on the length of rows. Whitening rows of length 1 again and again
    (Tyler's estimate of shape) keeps outliers from setting the scale.
    """
    factor, scale = unit_factor(design)
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
    # of each unit row, in norm: k products, their sum, the length and the division
    error = (k + 4) * EPSILON * _sizes(signed, transform) / length
    remainder = float(np.linalg.norm(unit.T @ weights) + error @ weights)
    remainder += (m + 2) * EPSILON * float(weights.sum())
    # of the Gram matrix of the exact rows: Weyl's inequality takes off what the rows' errors and
    # the rounding of the product and of the eigenvalues may have added
    smallest = float(np.linalg.eigvalsh(unit.T @ unit)[0]) - float((2 * error + error**2).sum())
    smallest -= (m + k) * k * EPSILON
    largest = 1 + float(error.max())
    least = float(weights.min())
    # the correction of a weight is at most ||x_i|| ||r|| / smallest; twice that must not reach the
    # least weight, and the factor of two covers the rounding of this line
    return smallest > 0 and least > 0 and 2 * largest * remainder <= smallest * least


def _verified(
    design: Array, sign: Array, values: Array, found: Array, whiten: Array, scale: Array
) -> Separation | NoneFound:
    """Make of a direction one that separates rows on the data.

    `values` are its margins in the coordinates in which it was found; those that are meant to be
    zero are made so; a direction that leaves them there within rounding is the better one.
    """
    width, second_best = math.inf, None
    for limit in UNMOVED:
        zero = np.abs(values) <= limit
        direction = found
        if zero.any():
            columns = independent_columns(design[zero])
            if columns is None or not columns.null.size:
                continue
            null = columns.null
            # of the directions that leave these rows where they are, the one nearest to that found
            white = whiten @ null
            length = np.linalg.norm(white, axis=0)
            target = whiten @ found
            direction = null @ (np.linalg.lstsq(white / length, target, rcond=None)[0] / length)
        for candidate in simplest_first(design[zero], direction, scale):
            rows = separated(design, sign, candidate)
            if rows is None:
                width = min(width, overlap_width(design, sign, candidate))
                continue
            # by a power of two: a quotient would be rounded, and then not what was verified
            size = float(np.abs(candidate).max())
            answer = Separation(np.ldexp(candidate, 1 - math.frexp(size)[1]), rows)
            if not (rows & zero).any():
                return answer
            second_best = second_best or answer
    return second_best or NoneFound(width)


def _sizes(design: Array, transform: Array) -> Array:
    """Lengths (n,) that rows ``x_i T`` would have, did nothing in them cancel."""
    return np.asarray(np.linalg.norm(np.abs(design) @ np.abs(transform), axis=1))


def _unit_rows(rows: Array) -> tuple[Array, Array]:
    """Rows scaled to length 1 (a row of zeros stays), and their lengths."""
    length = np.linalg.norm(rows, axis=1)
    return rows / np.where(length > 0, length, 1.0)[:, None], length


def coefficient_signs(
    design: Array,
    sign: Array,
    found: Separation,
    effort: Effort,
    on_step: Callable[[], None],
) -> tuple[dict[int, str], list[Array]]:
    """Direction in which each coefficient that is not finite goes.

    Coefficient j goes to +inf where ``d_j >= 0`` on the whole cone. By Farkas' lemma ``e_j`` then
    is a combination, with weights that are not negative, of the rows that can be separated, on the
    directions that leave the others in place. The weights are verified on the data; and so is,
    where there are none, a direction of the cone with ``d_j < 0``.

    Parameters
    ----------
    design : ndarray (n, k)
        Of rank k.
    sign : ndarray (n,)
    found : Separation
        With as many rows as can be separated.
    effort : Effort
        What may be spent on all of them.
    on_step : callable
        Called after each of the k coefficients.

    Returns
    -------
    dict
        Position to "+inf", "-inf" or "undetermined": the last also where neither could be verified.
        What the effort did not suffice for is absent.
    list of ndarray (k,)
        Verified directions of the cone that take undetermined coefficients the other way than
        `found` does.
    """
    scaled, power = equilibrated(design)
    part, left = scaled[found.rows], scaled[~found.rows]
    columns = independent_columns(left)
    if columns is None or not columns.null.size:
        return {}, []
    null = columns.null
    toward = found.direction * power
    toward = toward / np.abs(toward).max()
    reduced = sign[found.rows, None] * (part @ null)
    size = np.abs(part) @ np.abs(null)
    exact = of_few_bits(null, VERY_FEW_BITS)  # then so are the products
    try:
        _, transform = _coordinates(reduced)
    except np.linalg.LinAlgError:
        return {}, []
    unit, unit_length = _unit_rows(reduced @ transform)
    unit_length = np.where(unit_length > 0, unit_length, 1.0)  # one too short to be measured stays
    basis = null @ transform
    inside = np.linalg.lstsq(part @ basis, part @ toward, rcond=None)[0]
    inside = np.asarray(inside / np.linalg.norm(inside), dtype=float)
    scale = unit_factor(scaled)[1]
    signed = sign[found.rows, None] * part
    in_rationals = len(null) <= MOST_IN_RATIONALS and _are_exact(design)
    in_place = left[pivots_of(left.T)[1][: len(null) - null.shape[1]]] if in_rationals else left[:0]

    def verified(end: Array, j: int, way: float) -> Array | None:
        """A direction near this one that lowers no margin and takes coefficient j that way."""
        row = basis[j] / np.linalg.norm(basis[j])
        extent, here = way * float(row @ end), abs(float(row @ inside))
        # moved inwards so that rounding cannot take it outside the cone, but not so far that less
        # than half of its extent is left
        inwards = min(1.0, 0.5 * extent / max(here, SMALLEST))
        for candidate in simplest_first(left, basis @ (end + inwards * inside), scale):
            if way * candidate[j] > 0 and separated(scaled, sign, candidate) is not None:
                return candidate / power
        return None

    signs: dict[int, str] = {}
    witnesses: list[Array] = []
    for j in range(len(null)):
        on_step()
        if not null[j].any():
            continue
        target = basis[j] / np.linalg.norm(basis[j])
        way = -1.0 if toward[j] < 0 else 1.0
        ways = (way,) if abs(toward[j]) > FAINT else (way, -way)
        for way, resolution in itertools.product(ways, RESOLUTIONS):
            decomposed = project(unit, way * target, effort, resolution)
            if decomposed is None:
                return signs, witnesses
            length = float(np.linalg.norm(decomposed.direction))
            weights = decomposed.weights * np.linalg.norm(basis[j]) / unit_length

            def proof(chosen: NDArray[Any], j: int = j, way: float = way) -> bool:
                return _combine_in_rationals(signed[chosen], in_place, j, way)

            if length <= IN_THE_CONE and _combine(
                reduced, size, way * null[j], weights, exact, proof if in_rationals else None
            ):
                signs[j] = "+inf" if way > 0 else "-inf"
                break
            signs[j] = "undetermined"
            if length:
                witness = verified(decomposed.direction / length, j, -way)
                if witness is not None:
                    witnesses.append(witness)
    return signs, witnesses


def _are_exact(design: Array) -> bool:
    """Whether columns hold integers or numbers of few digits, which no change of units rounded."""
    return of_few_bits(design[:, ~are_whole(design)], FEW_BITS)


def _combine_in_rationals(rows: Array, in_place: Array, j: int, way: float) -> bool:
    """Whether `way` times the unit vector j is a combination of these rows, exactly.

    The weights of `rows` must not be negative; those of rows `in_place`, whose products with all
    directions are zero, may be.
    """
    table = [
        [*map(Fraction, entries), Fraction(way if i == j else 0.0)]
        for i, entries in enumerate(np.vstack([rows, in_place]).T.tolist())
    ]
    weights, done = [Fraction(0)] * len(rows), 0
    pivots: list[int] = []
    for c in range(len(rows) + len(in_place)):
        pivot = next((i for i in range(done, len(table)) if table[i][c]), None)
        if pivot is None:
            continue
        table[done], table[pivot] = table[pivot], table[done]
        table[done] = [value / table[done][c] for value in table[done]]
        for i, row in enumerate(table):
            if i != done and row[c]:
                table[i] = [a - row[c] * b for a, b in zip(row, table[done], strict=True)]
        pivots.append(c)
        done += 1
    for row, c in zip(table, pivots, strict=False):
        if c < len(rows):
            weights[c] = row[-1]
    return all(w >= 0 for w in weights) and not any(row[-1] for row in table[done:])


def _combine(
    rows: Array,
    size: Array,
    target: Array,
    weights: Array,
    exact: bool,
    proof: Callable[[NDArray[Any]], bool] | None,
) -> bool:
    """Whether weights near these, none negative, combine the rows to the target within rounding.

    `size` (n, m) holds the sums of absolute values of the terms of the rows' entries. Small weights
    may come of rounding: first it is tried without them, at last with no more rows than can be
    independent. Where there is a `proof` for the chosen rows it decides. Else rows that are `exact`
    must not be independent of the target in whole numbers, and their weights positive beyond
    rounding.
    """
    share = weights * np.linalg.norm(rows, axis=1)
    largest = np.argsort(-share, kind="stable")[: len(target)]
    for chosen in (*(share > cut * share.max() for cut in SMALL_WEIGHTS), largest):
        found = _balanced(rows[chosen], size[chosen], target, weights[chosen])
        if found is None:
            continue
        if proof is not None:
            if proof(chosen):
                return True
            continue
        if not exact or (
            _surely_positive(rows[chosen], size[chosen], target, found)
            and not independent_in_whole_numbers(np.vstack([rows[chosen], target]).T)
        ):
            return True
    return False


def _surely_positive(rows: Array, size: Array, target: Array, weights: Array) -> bool:
    """Whether no weight of a balance could be negative in exact arithmetic.

    Nearly dependent rows hide it: a remainder r allows weights, of rows of length 1, to differ from
    the exact ones by r over the smallest singular value.
    """
    if len(rows) > len(target):
        return False
    unit, length = _unit_rows(rows)
    rounding = float(np.linalg.norm(np.abs(target) + weights @ size)) * 2 * ROUNDING
    smallest = float(np.linalg.svd(unit, compute_uv=False)[-1]) - len(target) * EPSILON
    return bool(smallest * (weights * length).min() > rounding)


def _balanced(rows: Array, size: Array, target: Array, weights: Array) -> Array | None:
    """Weights for these rows, corrected for what rounding left; None if they do not balance."""
    for _ in range(1 + CORRECTIONS):
        terms = np.vstack([target, -weights[:, None] * rows])
        missing = np.array([math.fsum(column) for column in terms.T])
        rounding = ROUNDING * (np.abs(target) + weights @ size)
        if (np.abs(missing) <= rounding).all():
            return weights
        present = rounding > 0
        counts = rounding[present].min() / rounding[present]  # an entry by what its rounding allows
        columns = counts[:, None] * rows.T[present]
        step = np.linalg.lstsq(columns, counts * missing[present], rcond=None)[0]
        weights = np.maximum(weights + step, 0.0)
    return None
