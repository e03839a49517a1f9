"""The model of the data that a program has fitted, in the columns in which it saw them.

Programs take weights that are no counts, shares of successes in place of outcomes, sparse columns.
Each row's log-likelihood is then ``w (y log p + (1 - y) log(1 - p))``, which is that of two rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable
from flatprior.models.encoding.columns.checks import check_finite, check_names
from flatprior.models.rows import ArrayRows, Rows

MOST_NUMBERS = 2 * 10**8  # of a sparse design that is made dense
INTERCEPT = "(Intercept)"
ROUNDING = 1e-12  # relative: what a share of a count, times the count, may be off


class Totals(NamedTuple):
    """What programs count of the rows that they fit: rows, those of outcome 1, sum of weights."""

    rows: float
    events: float
    weight: float

    @classmethod
    def of(cls, events: ArrayLike, weights: ArrayLike | None) -> Totals:
        """Of rows (n,) whose outcomes and weights are at hand."""
        n = float(np.size(events))
        return cls(n, float(np.sum(events)), n if weights is None else float(np.sum(weights)))

    @classmethod
    def of_rows(cls, rows: Rows) -> Totals:
        """Of rows wherever they lie, in a pass."""
        found = rows.reduce(
            lambda block: np.array([len(block.sign), np.sum(block.sign > 0), block.counts.sum()])
        )
        return cls(*found.tolist())


def model_of(
    design: Any,
    response: ArrayLike,
    names: Sequence[str],
    *,
    offset: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    labels: pd.Index[Any] | None = None,
    response_name: str = "y",
    response_coding: str = "",
    weights_name: str | None = None,
) -> BernoulliLogistic:
    """The model of these rows.

    Parameters
    ----------
    design : array_like or sparse matrix (n, k)
    response : array_like (n,)
        0, 1, or the share of successes between them.
    names : sequence of str (k,)
    offset : array_like (n,), optional
    weights : array_like (n,), optional
        Of the log-likelihood of each row, not negative, whole or not; rows of weight 0 are left
        out.
    labels : Index (n,), optional
    response_name, response_coding, weights_name : str
        What people read.

    Raises
    ------
    ValueError
        If shapes differ, or something is missing, infinite or no share.

    Examples
    --------
    >>> from flatprior.analysis.producers.their_data import model_of
    >>> model = model_of([[1.0], [1.0]], [0.25, 1.0], ["const"], weights=[4.0, 2.0])
    >>> model.response, model.frequency_weights
    (array([1., 0., 1.]), array([1., 3., 2.]))
    """
    X = dense(design)
    y = one_column(numbers(response, "the response"))
    if y.ndim != 1:
        raise InputError(f"the response has the shape {y.shape}; it must be one number a row")
    n = len(y)
    if X.shape[0] != n or X.shape[1] != len(names):
        raise InputError(
            f"the columns have the shape {X.shape}, which are not {n} rows of {len(names)} "
            "coefficients: pass the data that were fitted"
        )
    if not ((y >= 0) & (y <= 1)).all():
        raise InputError(
            f"the response {printable(response_name)} must be 0, 1 or a share between them"
        )
    where = pd.RangeIndex(n) if labels is None else labels
    shift = None if offset is None else _as_long(offset, n, "offset")
    weight = np.ones(n) if weights is None else _as_long(weights, n, "the weights")
    if (weight < 0).any():
        raise InputError("there are negative weights")
    plain = weights is None and bool(((y == 0) | (y == 1)).all())
    if plain:
        rows, outcome, split = np.arange(n), y, weight
    else:  # a row of some successes and some failures is two rows
        ones, zeros = _whole(weight * y), _whole(weight * (1 - y))
        split = np.column_stack([ones, zeros]).ravel()
        outcome = np.tile([1.0, 0.0], n)
        rows = np.repeat(np.arange(n), 2)
        kept = split > 0
        rows, outcome, split = rows[kept], outcome[kept], split[kept]
    if not len(rows):
        raise InputError("no rows are left: all have weight 0")
    check_names(tuple(names))
    taken = X.copy() if plain else X[rows]
    check_finite(taken, list(names), where[rows])
    arrays = ArrayRows(
        taken,
        outcome,
        None if shift is None else shift[rows],
        None if plain else split,
    )
    return BernoulliLogistic(
        rows=arrays,
        names=tuple(names),
        response_name=response_name,
        response_coding=response_coding,
        row_labels=where[rows],
        n_zero_weight=int(n - np.count_nonzero(np.diff(rows, prepend=-1))),
        offset_name=None if shift is None else "offset",
        weights_name=None if plain else (weights_name or "weights"),
    )


def _whole(counts: Array) -> Array:
    """Counts that were shares of counts are whole again."""
    nearest = np.rint(counts)
    return np.where(np.abs(counts - nearest) <= ROUNDING * np.maximum(nearest, 1), nearest, counts)


def dense(design: Any) -> Array:
    """A matrix of floats (n, k); a sparse one is made dense where memory allows."""
    if hasattr(design, "toarray"):
        if design.shape[0] * design.shape[1] > MOST_NUMBERS:
            raise InputError(
                f"the design is sparse, and its {design.shape[0]} rows of {design.shape[1]} "
                "columns are too many to be judged in memory: pass fewer rows or columns"
            )
        design = design.toarray()
    return np.atleast_2d(numbers(design, "the columns"))


def one_column(values: Any) -> Any:
    """An array (n,) of outcomes, which people also hold as a column (n, 1)."""
    found = np.asarray(values)
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def numbers(values: Any, what: str) -> Array:
    """Floats, or a sentence that says that they are none."""
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{what} must be numbers ({error}): pass them as the program saw them"
        ) from error
    return found


def with_intercept(design: Any, names: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """A column of ones in front, by a name that no other column has."""
    X, name = dense(design), INTERCEPT
    while name in names:
        name += "_"
    return np.column_stack([np.ones(len(X)), X]), (name, *names)


def names_of(X: Any, k: int) -> tuple[str, ...]:
    """The columns of a data frame; x0, x1, ... of what has no names, as scikit-learn calls them."""
    columns = getattr(X, "columns", None)
    if columns is None or len(columns) != k:
        return tuple(f"x{j}" for j in range(k))
    return tuple(str(name) for name in columns)


def labels_of(X: Any) -> pd.Index[Any] | None:
    """The index of a data frame."""
    return X.index if isinstance(X, pd.DataFrame) else None


def _as_long(values: ArrayLike, n: int, what: str) -> Array:
    found = numbers(values, what)
    if found.shape != (n,) or not np.isfinite(found).all():
        raise InputError(f"{what} must be {n} finite numbers, one a row")
    return found
