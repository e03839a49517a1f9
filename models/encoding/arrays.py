"""Arrays and data frames of numbers, as people pass them in, turned into what a model holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.checks import as_series, check_names, unmasked
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.frames import is_table, one_column, to_pandas
from flatprior.models.encoding.response import Outcomes, encode_response, plain_response
from flatprior.models.encoding.weights import positive_weights


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """What people passed in, as numbers, and what it is called.

    Attributes
    ----------
    design : ndarray (n, k)
    response : ndarray (n,)
        0 and 1.
    offset, weights : ndarray (n,) or None
    labels : Index (n,)
        Of the rows that are left.
    names : tuple of str (k,)
    response_name : str
    outcomes : Outcomes
        Which of its values counts as 1.
    n_dropped, n_zero_weight : int
        Rows left out: with a missing value, and of weight 0.
    """

    design: Array
    response: Array
    offset: Array | None
    weights: Array | None
    labels: pd.Index[Any]
    names: tuple[str, ...]
    response_name: str
    outcomes: Outcomes
    n_dropped: int = 0
    n_zero_weight: int = 0


def encode_arrays(
    X: ArrayLike | pd.DataFrame,
    y: ArrayLike | pd.Series[Any],
    names: Sequence[str] | None,
    intercept: bool,
    offset: ArrayLike | None,
    frequency_weights: ArrayLike | None,
    event: Any = None,
) -> Encoded:
    """Take a design matrix and a response; arrays of floats are not copied but to leave out rows.

    Raises
    ------
    ValueError
        Naming column, rows and remedy, if shapes differ, names repeat, no row is left or something
        is no number; that all are finite is still to be checked.

    Examples
    --------
    >>> from flatprior.models.encoding.arrays import encode_arrays
    >>> y, weights = ["no", "yes", "no"], [2, 1, 0]
    >>> encoded = encode_arrays([1.0, 2.0, 3.0], y, ["dose"], True, None, weights)
    >>> encoded.names, encoded.outcomes.coding, encoded.n_zero_weight
    (('const', 'dose'), 'yes = 1, no = 0', 1)
    """
    X, y = to_pandas(X) if is_table(X) else one_column(X), one_column(y)
    design, names = design_columns(X, names)
    labels: pd.Index[Any] = pd.RangeIndex(design.shape[0])
    labelled = [part for part in (X, y) if isinstance(part, pd.DataFrame | pd.Series)]
    if labelled and len(labelled[0]) == design.shape[0]:
        labels = labelled[0].index
    if intercept:
        design = np.column_stack([np.ones(design.shape[0]), design])
        names = ("const", *names)
    name = str(y.name) if isinstance(y, pd.Series) and y.name is not None else "y"
    response, outcomes = plain_response(y), Outcomes(0, 1, said=False)
    if event is not None or response is None or len(response) != len(labels):
        response, outcomes = encode_response(as_series(y, name, labels), name, event)
    offset_values, weights, n_zero = None, None, 0
    if offset is not None:
        offset_values = numbers(as_series(one_column(offset), "offset", labels))
    if frequency_weights is not None:
        series = as_series(one_column(frequency_weights), "frequency_weights", labels)
        weights, keep, n_zero = positive_weights(series, np.ones(len(labels), dtype=bool))
        if not keep.any():
            raise InputError(f"no rows are left: all {n_zero} have frequency weight 0")
        design, response, labels = design[keep], response[keep], labels[keep]
        offset_values = None if offset_values is None else offset_values[keep]
    check_names(names)
    if design.shape[1] == 0:
        raise InputError("the model has no coefficient: add a column or an intercept")
    return Encoded(
        design=design,
        response=response,
        offset=offset_values,
        weights=weights,
        labels=labels,
        names=names,
        response_name=name,
        outcomes=outcomes,
        n_zero_weight=n_zero,
    )


def design_columns(
    X: ArrayLike | pd.DataFrame, names: Sequence[str] | None
) -> tuple[Array, tuple[str, ...]]:
    """Design matrix (n, k) of floats and its names, from whatever the user passed."""
    unmasked(X, "X")
    if isinstance(X, pd.DataFrame):
        found = tuple(str(name) for name in X.columns)
        labels = X.index
        design = np.empty(X.shape)
        for j, name in enumerate(found):
            design[:, j] = numbers(pd.Series(X.iloc[:, j].array, index=labels, name=name))
    else:
        if hasattr(X, "toarray"):
            raise InputError("X is a sparse matrix; make it dense, X.toarray(), if memory allows")
        try:
            array = np.asarray(X)
        except ValueError as error:
            raise InputError(f"X is ragged, its rows have different lengths: {error}") from error
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise InputError(f"X has shape {array.shape}; it must be (n, k)")
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"X holds {array.dtype} values; it must hold numbers. "
                "Use from_formula for categories"
            )
        if array.dtype.itemsize > 8 and array.dtype.kind == "f":
            raise InputError(f"X holds {array.dtype} values; convert to float64 first")
        single = array.dtype == np.float32  # each block of which becomes float64 when it is used
        design = array if single else array.astype(float, copy=False)
        found = tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if design.shape[0] == 0:
        raise InputError("X has no rows")
    if names is not None:
        if isinstance(names, str) or len(names) != design.shape[1]:
            raise InputError(f"{names!r} must name each of the {design.shape[1]} columns of X")
        found = tuple(str(name) for name in names)
    return design, found
