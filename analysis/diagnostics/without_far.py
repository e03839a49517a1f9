"""The MLE without each of some rows that are far from the others: one step does not lead there.

They are fitted together (`flatprior.models.refits.without_one`), each with a proof that is of its
own place, and one by one where that proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.without_each import AtMLE, scored, singly, written_out
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    NotConvergedError,
    PointEstimate,
)
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.errors import PrecisionError
from flatprior.models.covariance.roots import root_of
from flatprior.models.refits.without_one import Others, fit_others
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import Block


class Refits(NamedTuple):
    """Of m rows: coefficients (m, k) without each, log score (m,), and the error (m,) of that.

    Without an MLE coefficients are NaN, the score is -inf and certain, and `gone` (m,) says so.
    """

    coefficients: Array
    score: Array
    error: Array
    gone: NDArray[np.bool_]


def without_far(
    model: BernoulliLogistic,
    at_mle: AtMLE,
    rows: Block,
    labels: NDArray[np.object_],
    without: Callable[[int], BernoulliLogistic],
    advance: Callable[[], None],
) -> Refits:
    """Fit the others of each of some rows (m,), one observation of which is left out.

    Parameters
    ----------
    model : BernoulliLogistic
    at_mle : AtMLE
    rows : Block
    labels : ndarray (m,)
        The user's own, for messages.
    without : callable
        The model of the others, by the row's place among these.
    advance : callable
        Called when a row is done.

    Returns
    -------
    Refits

    Raises
    ------
    ArithmeticError
        If it is undecided whether the MLE exists without some row, or it cannot be computed; the
        row is named.
    """
    block, m = singly(written_out(rows)), len(labels)
    coefficients, error = np.full((m, model.n_parameters), math.nan), np.full(m, math.inf)
    if m and not model.rows.too_large_to_write_out:
        coefficients, error = _together(model, at_mle, written_out(rows))
    gone = np.zeros(m, dtype=bool)
    for i in range(m):
        if not math.isfinite(error[i]):
            others = without(i)
            refit = _refitted(others, labels[i])
            if refit is None:
                gone[i] = True
            else:
                coefficients[i] = refit.coefficients
                row = block.select(slice(i, i + 1))
                error[i] = refit.certificate.error_bound * _reach_of(others, row, refit)
        advance()
    coefficients[gone], error[gone] = 0.0, 0.0
    found = scored(block, coefficients)
    coefficients[gone] = math.nan
    return Refits(
        coefficients=coefficients,
        score=np.where(gone, -math.inf, found.score),
        error=np.where(gone, 0.0, error + found.rounding),
        gone=gone,
    )


def _together(model: BernoulliLogistic, at_mle: AtMLE, rows: Block) -> tuple[Array, Array]:
    """Coefficients (m, k), and the error (m,) of each log score: inf where nothing is proved."""
    transform = at_mle.root.matrix
    found = fit_others(
        Others(
            rows=model.rows,
            left_out=rows,
            origin=at_mle.beta,
            transform=transform,
            n_observations=model.n_observations,
            longest_row=at_mle.longest,
        )
    )
    proved = np.isfinite(found.error_bounds)
    alpha = np.where(proved[:, None], found.coefficients, 0.0)
    error = np.full(len(proved), math.inf)
    error[proved] = (found.error_bounds * found.standard_errors[:, 0])[proved]
    # what is lost when they are put back into the columns as they are
    size = np.abs(at_mle.beta) + np.abs(alpha) @ np.abs(transform).T
    lost = (len(transform) + 2) * UNIT * np.einsum("ij,ij->i", np.abs(rows.design), size)
    return at_mle.beta + alpha @ transform.T, error + lost


def _refitted(others: BernoulliLogistic, label: object) -> PointEstimate | None:
    """MLE of a model from which the row of that label was left out; None where there is none."""
    try:
        return converged_mle(others)
    except MLEDoesNotExistError as error:
        if error.existence.kind == "undecided":
            raise PrecisionError(
                f"without row {label} it is undecided whether the MLE exists"
            ) from error
        return None
    except NotConvergedError as error:
        raise NotConvergedError(f"without row {label}: {error}") from error


def _reach_of(others: BernoulliLogistic, row: Block, refit: PointEstimate) -> float:
    """Standard error of the linear predictor of a row, by the fit of a model without it."""
    root = root_of(others.rows, refit.coefficients)
    return math.inf if root is None else float(root.lengths(np.asarray(row.design))[0])
