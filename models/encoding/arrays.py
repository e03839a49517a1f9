"""Arrays and data frames of numbers, as people pass them in, turned into what a model holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.encoding import checks


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
    response_name, response_coding : str
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
    response_coding: str
    n_dropped: int = 0
    n_zero_weight: int = 0


def encode_arrays(
    X: ArrayLike | pd.DataFrame,
    y: ArrayLike | pd.Series[Any],
    names: Sequence[str] | None,
    intercept: bool,
    offset: ArrayLike | None,
    frequency_weights: ArrayLike | None,
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
    >>> encoded.names, encoded.response_coding, encoded.n_zero_weight
    (('const', 'dose'), 'yes = 1, no = 0', 1)
    """
    design, names = checks.design_columns(X, names)
    labels: pd.Index[Any] = pd.RangeIndex(design.shape[0])
    labelled = [part for part in (X, y) if isinstance(part, pd.DataFrame | pd.Series)]
    if labelled and len(labelled[0]) == design.shape[0]:
        labels = labelled[0].index
    if intercept:
        design = np.column_stack([np.ones(design.shape[0]), design])
        names = ("const", *names)
    name = str(y.name) if isinstance(y, pd.Series) and y.name is not None else "y"
    response, coding = checks.plain_response(y), ""
    if response is None or len(response) != len(labels):
        response, coding = checks.encode_response(checks.as_series(y, name, labels), name)
    offset_values, weights, n_zero = None, None, 0
    if offset is not None:
        offset_values = checks.numbers(checks.as_series(offset, "offset", labels))
    if frequency_weights is not None:
        series = checks.as_series(frequency_weights, "frequency_weights", labels)
        weights, keep, n_zero = positive_weights(series, np.ones(len(labels), dtype=bool))
        if not keep.any():
            raise InputError(f"no rows are left: all {n_zero} have frequency weight 0")
        design, response, labels = design[keep], response[keep], labels[keep]
        offset_values = None if offset_values is None else offset_values[keep]
    checks.check_names(names)
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
        response_coding=coding,
        n_zero_weight=n_zero,
    )


def positive_weights(
    weights: pd.Series[Any], keep: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.bool_], int]:
    """Frequency weights of those rows to `keep` (n,) that weigh something, which, and how many not.

    Rows of weight 0 have no likelihood, and left in they can hide that the others are separated.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from flatprior.models.encoding.arrays import positive_weights
    >>> complete = np.array([True, True, False])
    >>> weights, keep, n_zero = positive_weights(pd.Series([2, 0, 1]), complete)
    >>> weights.tolist(), keep.tolist(), n_zero
    ([2.0], [True, False, False], 1)
    """
    values = checks.whole_weights(weights[keep])
    positive = values > 0
    left = keep.copy()
    left[keep] = positive
    return values[positive], left, int(np.count_nonzero(~positive))
