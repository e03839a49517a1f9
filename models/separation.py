"""Why there is no MLE: dependent columns, or a direction that separates the outcomes.

A direction d with ``s_i x_i'd >= 0`` for every row and ``> 0`` for some raises the log-likelihood
forever. One linear program finds the direction with the most separated rows; the claim is then
verified on the data, where each product is summed exactly. What cannot be verified is reported as
undecided, never as a verdict.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse
from scipy.linalg import null_space, qr
from scipy.optimize import linprog

from flatprior.models._text import count, first_of, rows_phrase
from flatprior.models.likelihood import stack_factors, triangular_factor
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, ExistenceKind
from flatprior.models.rows import EPSILON, Array

TOLERANCE = 1e-7  # the linear program's answers are good to 1e-9 or so, relative to their terms


def diagnose(model: BernoulliLogistic) -> Existence:
    """Say why Newton's certificate did not prove overlap.

    Parameters
    ----------
    model : BernoulliLogistic

    Returns
    -------
    Existence
        Rank deficient, separated (completely or not), or undecided.
    """
    return _rank_deficiency(model) or _separation(model) or _undecided(model)


def _undecided(model: BernoulliLogistic) -> Existence:
    return Existence(
        "undecided",
        "it is undecided in double precision whether the maximum likelihood estimate exists: "
        "neither overlap nor separation could be verified; rescale or centre the columns, or "
        "drop nearly collinear ones",
        {},
    )


def _rank_deficiency(model: BernoulliLogistic) -> Existence | None:
    """Find a null vector of the columns scaled to unit length, if there is one."""
    factor = model.rows.reduce(triangular_factor, stack_factors)
    k = model.n_parameters
    scale = np.linalg.norm(factor, axis=0)
    scale[scale == 0] = 1.0
    factor = factor / scale
    triangle, order = qr(factor, mode="r", pivoting=True)
    triangle = triangle[:k]
    diagonal = np.abs(np.diag(triangle))
    rank = int(np.count_nonzero(diagonal > max(factor.shape[0], k) * 4 * np.finfo(float).eps))
    if rank == k:
        return None
    # the column that pivoting left over, as a combination of those it kept
    null = np.zeros(k)
    null[order[rank]] = 1.0
    if rank:
        null[order[:rank]] = -np.linalg.solve(triangle[:rank, :rank], triangle[:rank, rank])
    null[np.abs(null) < 1e-8] = 0.0
    null /= scale
    null /= np.abs(null).max()
    involved = [name for name, value in zip(model.names, null, strict=True) if value]
    what = (
        f"column {involved[0]!r} is zero in every row"
        if len(involved) == 1
        else f"the columns {first_of(map(repr, involved))} are linearly dependent"
    )
    return Existence(
        "rank deficient",
        f"the maximum likelihood estimate is not unique: the design has rank {rank}, not {k}, "
        f"because {what}; drop {'it' if len(involved) == 1 else 'one of them'}",
        {},
        direction=null,
    )


def _separation(model: BernoulliLogistic) -> Existence | None:
    direction = _separating_direction(model)
    if direction is None:
        return None
    rows = _separated_rows(model, direction)
    if not rows:
        return None
    complete = len(rows) == model.n_rows
    kind: ExistenceKind = "complete separation" if complete else "quasi-complete separation"
    if model.response.min() == model.response.max():
        why = (
            f"the response {model.response_name!r} is {model.response[0]:.0f} in every one of "
            f"{count(model.n_rows, 'row')}"
        )
        remedy = "collect rows with the other outcome"
    else:
        involved = [repr(model.names[j]) for j in np.flatnonzero(direction)]
        where = (
            f"all {model.n_rows} rows"
            if complete
            else f"{len(rows)} of {model.n_rows} rows ({rows_phrase(model.row_labels[list(rows)])})"
        )
        separate = "separates" if len(involved) == 1 else "separate"
        why = f"{first_of(involved)} {separate} the outcomes in {where}"
        remedy = "merge sparse levels, drop the predictor, or use a penalty or a proper prior"
    return Existence(
        kind,
        f"the maximum likelihood estimate does not exist ({kind}): {why}; {remedy}",
        {},
        direction=direction,
        separated_rows=rows,
    )


def _separating_direction(model: BernoulliLogistic) -> Array | None:
    """Solve max sum z, s_i x_i'd >= z_i, 0 <= z <= 1, d free; None if no row can be separated.

    The solver works to a tolerance near 1e-9, so its direction is projected on those that leave the
    rows it calls unseparated exactly where they are.
    """
    sign = 2 * model.response - 1
    scale = np.abs(model.design).max(axis=0)
    signed = np.unique(sign[:, None] * (model.design / scale), axis=0)
    n, k = signed.shape
    result = linprog(
        np.concatenate([np.zeros(k), -np.ones(n)]),
        A_ub=sparse.hstack([sparse.csr_array(-signed), sparse.eye_array(n)], format="csr"),
        b_ub=np.zeros(n),
        bounds=[(None, None)] * k + [(0, 1)] * n,
        method="highs",
    )
    if result.x is None or result.x[k:].sum() < 0.5:
        return None
    direction = result.x[:k]
    unmoved = signed[np.abs(signed @ direction) <= TOLERANCE * (np.abs(signed) @ np.abs(direction))]
    if len(unmoved):
        free = null_space(unmoved)
        direction = free @ (free.T @ direction)
    size = np.abs(direction).max(initial=0.0)
    if size == 0:
        return None
    direction = np.where(np.abs(direction) < TOLERANCE * size, 0.0, direction) / scale
    return np.asarray(direction / np.abs(direction).max())


def _separated_rows(model: BernoulliLogistic, direction: Array) -> tuple[int, ...]:
    """Rows with ``s_i x_i'd > 0``; none if some row has it negative, so that nothing is proved.

    Each product is summed without error (`math.fsum`); zero means within the rounding of the
    products and of the projection.
    """
    sign = 2 * model.response - 1
    products = model.design * direction
    rounding = 8 * (model.n_parameters + 2) * EPSILON * np.abs(products).sum(axis=1)
    margins = sign * np.array([math.fsum(row) for row in products])
    if (margins < -rounding).any():
        return ()
    return tuple(np.flatnonzero(margins > rounding).tolist())
