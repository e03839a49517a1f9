"""Separation of rows that are too many to be written out: linear programs on sparse matrices.

A program only says which columns to look at. Their part of the design is small, and what separates
in it is found and verified there as everywhere (`recession_cone`). Rows that are separated go, and
the next program is of those that are left, until these are proved to overlap.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from flatprior.models.codes.basis import Basis
from flatprior.models.common.arrays import Array
from flatprior.models.dependence.as_held import columns_as_held
from flatprior.models.dependence.independent_columns import ROUNDING, Columns, Mask
from flatprior.models.designs.coded import LARGEST_KEPT, Structured
from flatprior.models.existence.cone import (
    Cone,
    describe,
    left_in_place,
    overlaps,
    recession_cone,
    with_limit,
)
from flatprior.models.existence.dependent import fit_of, without
from flatprior.models.existence.levels import direction_as_held, overlaps_as_held, peel
from flatprior.models.existence.messages import SeparatedRows
from flatprior.models.existence.separation import Separation
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence
from flatprior.models.rows import ArrayRows

LARGEST_WORK = 2**40  # rows times squared columns, beyond which nothing is tried written out
MOST_STEPS = 10**5  # of a program
MOST_PROGRAMS = 20
MOVES = 1e-7  # of a coefficient, whose column is then looked at


def too_much(rows: ArrayRows) -> bool:
    """Whether factors are held as codes, and what is left to be tried would take too long."""
    n, k = rows.n_rows, rows.n_columns
    return isinstance(rows.design, Structured) and (
        rows.too_large_to_write_out or n * k * k > LARGEST_WORK
    )


def separated_by_programs(model: BernoulliLogistic, signs: bool) -> Existence | None:
    """The verdict where a direction separates; None where this is not proved."""
    rows = model.arrays
    design = rows.design
    columns = columns_as_held(design)
    if columns is None or columns.null.size:
        return None
    found = _all_that_separates(rows)
    if found is None:
        return None
    direction, left = found
    k = model.n_parameters
    rest, limit = Columns(np.zeros(0, dtype=np.intp), np.eye(k)), None
    if left.any():
        labels = model.row_labels[left]
        some = replace(model, rows=rows.select(left), row_labels=labels, aliased=None)
        some = some.without_aliased()
        part = some.arrays
        if some.aliased is not None:
            rest = Columns(some.aliased.kept, some.aliased.null)
        else:
            rest = Columns(np.arange(k), np.zeros((k, 0)))
        if not (overlaps_as_held(part) or overlaps(part, 0 if too_much(part) else None)):
            return None
        limit = fit_of(some)
    moves: Mask = np.asarray(rest.null.any(axis=1))
    fixed = np.flatnonzero(~moves).tolist()
    cone = Cone(columns, Separation(direction, ~left), rest)
    positions = np.flatnonzero(~left)
    separated = tuple(model.row_labels[positions])
    extent = SeparatedRows(len(positions), len(left), separated)
    existence = describe(model, cone, dict.fromkeys(fixed, "finite"), extent, signs)
    existence = replace(existence, separated_rows=tuple(positions.tolist()))
    if limit is None:
        return with_limit(existence, model.names, left_in_place(rows, cone), cone)
    tied = {model.names[j] for j in np.flatnonzero(moves)}
    return replace(existence, limit=without(limit, tied))


def _all_that_separates(rows: ArrayRows) -> tuple[Array, NDArray[np.bool_]] | None:
    """A direction (k,) and the rows that it leaves in place; None if none is verified."""
    design, k = rows.design, rows.n_columns
    matrix = as_sparse(design)
    direction, left = np.zeros(k), np.ones(rows.n_rows, dtype=bool)
    basis, peeled = Basis.of(design), None
    if basis is not None:
        peeled = peel(basis.design, rows.response)
    if basis is not None and peeled is not None and peeled.levels:
        first = direction_as_held(rows, basis, peeled)
        if first is None:
            return None
        direction, left = first, peeled.left(basis.design)
    for _ in range(MOST_PROGRAMS):
        involved = _moving(matrix[left], rows.sign[left]) if left.any() else np.zeros(0)
        if involved is None:
            return None
        if not len(involved):
            break
        part = matrix[:, involved][left]
        there = np.flatnonzero(np.diff(part.indptr))
        if len(there) * len(involved) > LARGEST_KEPT:
            return None
        cone = recession_cone(part[there].toarray(), rows.sign[left][there])
        if not isinstance(cone, Cone) or cone.separation is None:
            return None
        further = np.zeros(k)
        further[involved] = cone.separation.direction
        gained, lost = (rows.sign * (matrix @ d) for d in (direction, further))
        ratio = -lost[~left] / gained[~left]
        direction = max(1.0, 2 * float(ratio.max(initial=0.0))) * direction + further
        left[np.flatnonzero(left)[there[cone.separation.rows]]] = False
    values = rows.sign * (matrix @ direction)
    rounding = ROUNDING * (abs(matrix) @ np.abs(direction))
    verified = (values[~left] > rounding[~left]).all() and (
        np.abs(values[left]) <= rounding[left]
    ).all()
    if left.all() or not verified:
        return None
    return direction / np.abs(direction).max(), left


def as_sparse(design: Structured) -> Any:
    """The design as one sparse matrix (n, k)."""
    n, k = design.shape
    parts, places = [sparse.csr_array(design.numbers)], [design.places]
    for factor in design.factors:
        place = factor.columns[factor.codes]
        row = np.flatnonzero(place >= 0)
        parts.append(sparse.csr_array((np.ones(len(row)), (row, place[row])), shape=(n, k)))
        places.append(np.arange(k))
    if design.sparse is not None:
        parts.append(design.sparse)
        places.append(design.sparse_places)
    every: Any = sparse.hstack(parts, format="coo")
    column = np.concatenate(places)[every.col]
    return sparse.csr_array((every.data, (every.row, column)), shape=(n, k))


def _moving(matrix: Any, sign: Array) -> NDArray[np.intp] | None:
    """Columns of a direction of most gain, none where there is no gain; None if it was given up."""
    from scipy.optimize import linprog

    largest = abs(matrix).max(axis=0).toarray().ravel()
    power = np.exp2(-np.ceil(np.log2(np.where(largest > 0, largest, 1.0))))
    signed = sparse.diags_array(sign) @ matrix @ sparse.diags_array(power)
    gain = np.asarray(signed.sum(axis=0)).ravel()
    found = linprog(
        -gain,
        A_ub=-signed,
        b_ub=np.zeros(len(sign)),
        bounds=(-1, 1),
        method="highs",
        options={"maxiter": MOST_STEPS},
    )
    if found.status != 0 or found.x is None or found.fun is None:
        return None
    if not -found.fun > MOVES:
        return np.zeros(0, dtype=np.intp)
    moving: NDArray[np.intp] = np.flatnonzero(np.abs(found.x) > MOVES)
    return moving
