"""Columns made orthonormal in the weights of their rows, so that no unit of a column matters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dtrtri

from flatprior.models.batches.kept import kept
from flatprior.models.codes.newton import inverse_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.errors import PrecisionError
from flatprior.models.likelihood import moments, stack_factors, triangular_factor
from flatprior.models.rows import Block, Rows

DEPENDENT = (
    "the columns are linearly dependent in double precision, or too nearly so: leave out columns "
    "that are combinations of others, or centre and rescale them"
)
MILD_CONDITION = 1e10  # of the information, its diagonal made 1: half the digits are left
REWHITENINGS = 2


def whitening(rows: Rows, coefficients: Array | None = None) -> Array | None:
    """T (k, k) such that the columns of X T are orthonormal in the weights D, or None.

    D is the curvature at `coefficients`, or ``w / 4`` without them. None means that the columns of
    ``sqrt(D) X`` are dependent in double precision.
    """
    return kept(rows, "whitening", lambda: _whitening(rows, coefficients), coefficients)


def _whitening(rows: Rows, coefficients: Array | None) -> Array | None:
    coded = sums_of(rows)
    found = None if coded is None else inverse_as_held(coded, coefficients)
    if found is not None:
        return found.root
    factor = rows.reduce(lambda block: triangular_factor(block, coefficients), stack_factors)
    return _of_factor(factor)


def _of_factor(factor: Array) -> Array | None:
    if factor.shape[0] < factor.shape[1] or not np.isfinite(factor).all():
        return None
    scale = np.linalg.norm(factor, axis=0)
    if not scale.all() or scale.max() < 1e-140:  # then squares underflow
        return None
    factor = factor / scale  # columns of unit length: the inverse does not depend on their units
    if np.linalg.cond(factor) > 1 / UNIT:
        return None
    return np.asarray(solve_triangular(factor, np.eye(len(scale))) / scale[:, None])


def whitenings(rows: Rows, places: Sequence[Array]) -> list[tuple[Array | None, Array]]:
    """`whitening` at several coefficients (k,), and the score (k,) at each: one pass over the rows.

    Two for each where factors are held as codes.
    """

    def score(beta: Array, block: Block) -> Array:
        return moments(block, beta, score_only=True).score

    if sums_of(rows) is not None:
        return [(whitening(rows, beta), rows.reduce(partial(score, beta))) for beta in places]

    def of_block(block: Block) -> list[tuple[Array, Array]]:
        return [(triangular_factor(block, beta), score(beta, block)) for beta in places]

    def together(one: Any, two: Any) -> list[tuple[Array, Array]]:
        pairs = zip(one, two, strict=True)
        return [(stack_factors(a[0], b[0]), a[1] + b[1]) for a, b in pairs]

    return [(_of_factor(factor), found) for factor, found in rows.reduce(of_block, together)]


def graded_whitening(rows: Rows, coefficients: Array) -> Array | None:
    """An upper triangular T (k, k) that whitens the information and keeps scales apart, or None.

    The entry of ``X'DX`` for a column whose rows have an information of exp(-100) and another is as
    small as that, to full relative accuracy, and so is what a Cholesky factor makes of it. A QR
    factorisation mixes rows, and leaves in one column the rounding of another that is larger; where
    the columns are too near to dependence for anything else, what is left is whitened again.
    """
    found = whitening_by_information(rows, coefficients)
    if found is None:
        found = whitening(rows, coefficients)
        for _ in range(REWHITENINGS):
            found = None if found is None else whitening_by_information(rows, coefficients, found)
    return found


def whitening_by_information(
    rows: Rows, coefficients: Array, transform: Array | None = None
) -> Array | None:
    """A `transform` (k, k), or none, made whiter by the information of its columns; or None.

    It costs a tenth of a QR factorisation of all rows, and leaves half of the digits at least.
    """
    here = rows.reduce(lambda block: moments(block, coefficients, transform))
    white = None if here.information is None else _triangular_whitening(here.information)
    return white if white is None or transform is None else transform @ white


def _triangular_whitening(information: Array) -> Array | None:
    """An upper triangular matrix that makes the information the identity, or None.

    None where it is not positive definite, or would lose half of the digits.
    """
    if not np.isfinite(information).all():
        return None
    scale = np.sqrt(np.maximum(information.diagonal(), 0.0))
    if not scale.all():
        return None
    unit = information / scale / scale[:, None]
    lower, failed = dpotrf(unit, lower=1)
    if failed or np.linalg.cond(unit) > MILD_CONDITION:
        return None
    return np.asarray(dtrtri(lower, lower=1)[0].T / scale[:, None])


def required_whitening(rows: Rows, coefficients: Array | None = None) -> Array:
    """`whitening`, or an `ArithmeticError` where there is none."""
    found = whitening(rows, coefficients)
    if found is None:
        raise PrecisionError(DEPENDENT)
    return found
