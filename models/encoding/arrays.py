"""Arrays and data frames of numbers, as people pass them in, turned into what a model holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an, check_sequence
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import rows_phrase
from flatprior.models.designs.coded import Structured
from flatprior.models.designs.parts import in_parts
from flatprior.models.encoding.columns.checks import as_series, check_names, regular, unmasked
from flatprior.models.encoding.columns.kinds import NEAREST, are_decimals, numbers, said_of
from flatprior.models.encoding.frames import is_table, one_column, to_pandas
from flatprior.models.encoding.grouped import (
    Counts,
    Trials,
    check_alone,
    counts_of_pair,
    counts_of_shares,
    outcomes_of_counts,
)
from flatprior.models.encoding.left_hand_side import LeftHandSide
from flatprior.models.encoding.response import Outcomes, encode_response, plain_response
from flatprior.models.encoding.sampling import Sample, SamplingDesign, speaking_weights
from flatprior.models.encoding.sparse_matrices import (
    check_dtype,
    is_sparse_frame,
    is_sparse_matrix,
    of_frame,
    of_matrix,
)
from flatprior.models.encoding.weights import no_rows_left, positive_weights


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """What people passed in, as numbers, and what it is called.

    Attributes
    ----------
    design : ndarray or Structured (n, k)
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
    trials : Trials or None
        Of grouped counts.
    sampling : SamplingDesign or None
        Where weights say how many people each row speaks for.
    facts, remarks : tuple of str
        What was done to the columns, and what of them seems not to be meant.
    """

    design: Any
    response: Array
    offset: Array | None
    weights: Array | None
    labels: pd.Index[Any]
    names: tuple[str, ...]
    response_name: str
    outcomes: Outcomes
    n_dropped: int = 0
    n_zero_weight: int = 0
    trials: Trials | None = None
    sampling: SamplingDesign | None = None
    facts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def of_groups(self, counts: Counts) -> Encoded:
        """The rows of 1 and 0 that groups become, where the rows of this are groups."""
        cells = counts.cells
        return replace(
            self,
            design=self.design[cells.group],
            response=cells.response,
            offset=None if self.offset is None else self.offset[cells.group],
            weights=cells.weights,
            labels=self.labels[cells.group],
            trials=counts.trials,
        )


def encode_arrays(
    X: ArrayLike | pd.DataFrame,
    y: ArrayLike | pd.Series[Any],
    names: Sequence[str] | None,
    intercept: bool,
    offset: ArrayLike | None,
    frequency_weights: ArrayLike | None,
    event: Any = None,
    trials: ArrayLike | None = None,
    sample: Sample | None = None,
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
    X, y = (to_pandas(part) if is_table(part) else one_column(part) for part in (X, y))
    design, names = design_columns(X, names)
    labels: pd.Index[Any] = pd.RangeIndex(design.shape[0])
    labelled = [part for part in (X, y) if isinstance(part, pd.DataFrame | pd.Series)]
    if labelled and len(labelled[0]) == design.shape[0]:
        labels = labelled[0].index
    decimal = said_of(_decimals(X, names), NEAREST)
    if intercept and isinstance(design, Structured):
        design = design.behind_ones()
    elif intercept:
        design = np.column_stack([np.ones(design.shape[0]), design])
    if intercept:
        names = ("const", *names)
    left, counts = _counts(y, labels, trials)
    check_alone(left, trials, frequency_weights, event, sample)
    response, outcomes = plain_response(y), Outcomes(0, 1, said=False)
    if counts is not None:
        response, outcomes = np.zeros(len(labels)), outcomes_of_counts(left, "trials")
    elif event is not None or response is None or len(response) != len(labels):
        response, outcomes = encode_response(as_series(y, left.name, labels), left.name, event)
    offset_values, weights, keep = None, None, np.ones(len(labels), dtype=bool)
    if offset is not None:
        offset_values = numbers(as_series(one_column(offset), "offset", labels))
    sampling = None
    if sample is not None:
        beside = sample.columns(labels)
        for series in beside.values():
            if series.isna().any():
                where = rows_phrase(labels[series.isna().to_numpy()])
                raise InputError(f"{series.name!r} is missing in {where}; complete them")
        every = keep
        weights, keep, _ = positive_weights(beside["sampling_weights"], every, speaking_weights)
        sampling = sample.design(beside, every, keep) if keep.any() else None
    elif frequency_weights is not None:
        series = as_series(one_column(frequency_weights), "frequency_weights", labels)
        weights, keep, _ = positive_weights(series, keep)
    elif counts is not None:
        keep, counts = counts.some, counts.select(counts.some)
    n_zero = int(np.count_nonzero(~keep))
    if not keep.any():
        weightless = "weight 0" if counts is None else "no trials"
        raise no_rows_left(n_zero, 0, n_zero, weightless)
    if n_zero:
        design, response, labels = design[keep], response[keep], labels[keep]
        offset_values = None if offset_values is None else offset_values[keep]
    check_names(names)
    if design.shape[1] == 0:
        raise InputError("the model has no coefficient: add a column or an intercept")
    encoded = Encoded(
        design=design,
        response=response,
        offset=offset_values,
        weights=weights,
        labels=labels,
        names=names,
        response_name=left.name,
        outcomes=outcomes,
        n_zero_weight=n_zero,
        sampling=sampling,
        facts=(decimal,) if decimal else (),
    )
    return encoded if counts is None else encoded.of_groups(counts)


def _decimals(X: Any, names: Sequence[str]) -> list[str]:
    """The columns of decimal numbers."""
    if is_sparse_matrix(X):
        return []
    if not isinstance(X, pd.DataFrame):
        array = np.asarray(X)
        if array.dtype != object:
            return []
        X = pd.DataFrame(array)
    return [name for j, name in enumerate(names) if are_decimals(X.iloc[:, j])]


def _counts(
    y: Any, labels: pd.Index[Any], trials: ArrayLike | None
) -> tuple[LeftHandSide, Counts | None]:
    """What the response is called, and the counts where it is of groups: two columns, or shares."""
    name = str(y.name) if isinstance(y, pd.Series) and y.name is not None else "y"
    left = LeftHandSide(name, name)
    if isinstance(y, pd.DataFrame) and y.shape[1] == 2:
        first, second = (str(column) for column in y.columns)
        left = LeftHandSide(f"cbind({first}, {second})", first, second)
        pair = [y.iloc[:, 0], y.iloc[:, 1]]
    elif _is_pair(y):
        left = LeftHandSide(name, f"{name}[:, 0]", f"{name}[:, 1]")
        pair = list(np.asarray(unmasked(y, name)).T)
    elif trials is not None:
        share, total = as_series(y, name, labels), as_series(one_column(trials), "trials", labels)
        return left, counts_of_shares(share, total)
    else:
        return left, None
    both = zip(pair, (left.events, str(left.others)), strict=True)
    events, others = (as_series(values, column, labels) for values, column in both)
    return left, counts_of_pair(events, others, left.name)


def _is_pair(y: Any) -> bool:
    """Whether it is an array of two columns, or rows of two."""
    if isinstance(y, np.ndarray):
        return y.ndim == 2 and y.shape[1] == 2
    rows = isinstance(y, list | tuple) and len(y) > 0
    return rows and all(
        isinstance(each, list | tuple | np.ndarray) and len(each) == 2 for each in y
    )


def design_columns(
    X: ArrayLike | pd.DataFrame, names: Sequence[str] | None
) -> tuple[Any, tuple[str, ...]]:
    """Design matrix (n, k) of floats and its names, from whatever the user passed.

    A sparse one is held as what its columns are, unless it is small.
    """
    unmasked(X, "X")
    design: Any
    if is_sparse_frame(X):
        found = _named(tuple(map(str, X.columns)), names)
        design = in_parts(of_frame(X), found)
    elif is_sparse_matrix(X):
        matrix = of_matrix(X)
        found = _named(tuple(f"x{j + 1}" for j in range(matrix.shape[1])), names)
        design = in_parts(matrix, found)
    elif isinstance(X, pd.DataFrame):
        found = tuple(str(name) for name in X.columns)
        labels = X.index
        design = np.empty(X.shape)
        for j, name in enumerate(found):
            design[:, j] = numbers(pd.Series(X.iloc[:, j].array, index=labels, name=name))
    else:
        array = regular(X, "X")
        if array.ndim == 0:
            raise InputTypeError(
                f"X must be a matrix (n, k), a vector or a data frame, not {a_or_an(X)}"
            )
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise InputError(f"X has shape {array.shape}; it must be (n, k)")
        if array.dtype == object:  # None, decimals, or what else there is, by column and row
            columns = [f"x{j + 1}" for j in range(array.shape[1])]
            return design_columns(pd.DataFrame(array, columns=columns), names)
        check_dtype(array.dtype)
        single = array.dtype == np.float32  # each block of which becomes float64 when it is used
        design = array if single else array.astype(float, copy=False)
        found = tuple(f"x{j + 1}" for j in range(design.shape[1]))
    if design.shape[0] == 0:
        raise InputError("X has no rows")
    return design, _named(found, names)


def _named(found: tuple[str, ...], names: Sequence[str] | None) -> tuple[str, ...]:
    """The names that were given, if any, one for each column."""
    if names is None:
        return found
    given = tuple(map(str, check_sequence("names", names, "text")))
    if len(given) != len(found):
        raise InputError(f"names must be {len(found)}, one for each column of X, not {len(given)}")
    return given
