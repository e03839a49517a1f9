"""Sparse matrices of SciPy, and data frames with sparse columns, in one form that nobody shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.kinds import numbers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_COLUMNS = 2**20


def is_sparse_matrix(X: Any) -> bool:
    """Whether it is a sparse array or matrix of SciPy."""
    if not hasattr(X, "tocsr"):
        return False
    from scipy.sparse import issparse

    return bool(issparse(X))


def is_sparse_frame(X: Any) -> TypeGuard[pd.DataFrame]:
    """Whether it is a data frame of pandas with a sparse column."""
    return isinstance(X, pd.DataFrame) and any(
        isinstance(dtype, pd.SparseDtype) for dtype in X.dtypes
    )


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raise a `ValueError` unless values are numbers that double precision has."""
    if dtype.kind not in "fiub":
        what = "text" if dtype.kind in "US" else f"{dtype} values"
        raise InputError(f"X holds {what}; it must hold numbers. Use from_formula for categories")
    if dtype.itemsize > 8 and dtype.kind == "f":
        raise InputError(f"X holds {dtype} values; convert to float64 first")


def check_parts(X: Any) -> None:
    """Raise a `ValueError` where parts of a sparse matrix (n, k) do not fit one another.

    SciPy does not look, and a product with such a matrix reads memory that is not its own.
    """
    from scipy import sparse

    try:
        if X.format == "coo":
            sparse.coo_array((X.data, (X.row, X.col)), shape=X.shape)
        elif X.format in ("csr", "csc", "bsr"):
            kind: Any = getattr(sparse, f"{X.format}_array")
            # of the same parts, but an object of its own: the check may put others in
            kind((X.data, X.indices, X.indptr), shape=X.shape).check_format(full_check=True)
        elif X.format == "dia":
            sparse.dia_array((X.data, X.offsets), shape=X.shape)
        else:
            if X.format == "lil" and list(map(len, X.rows)) != list(map(len, X.data)):
                raise InputError("rows have other numbers of values than of columns")
            X.tocsr().check_format(full_check=True)
    except (ValueError, IndexError, TypeError) as error:
        raise InputError(f"X is no valid sparse matrix: {error}; build it anew") from error


def of_matrix(X: Any) -> csr_array:
    """A copy (n, k) by rows: sorted, without zeros, entries that are given twice added.

    Examples
    --------
    >>> from scipy.sparse import coo_matrix
    >>> from flatprior.models.encoding.sparse_matrices import of_matrix
    >>> of_matrix(coo_matrix(([2, 3, 0], ([1, 1, 0], [0, 0, 1])), shape=(2, 2))).toarray().tolist()
    [[0.0, 0.0], [5.0, 0.0]]
    """
    from scipy.sparse import coo_array, csc_array, csr_array

    if X.ndim == 1:
        X = X.reshape((X.shape[0], 1))
    if X.ndim != 2:
        raise InputError(f"X has shape {X.shape}; it must be (n, k)")
    if X.shape[1] > MOST_COLUMNS:
        raise InputError(
            f"X has {X.shape[1]} columns, and a sparse matrix may have {MOST_COLUMNS}; leave out "
            "those that are 0 in nearly all rows"
        )
    check_dtype(X.dtype)
    # truth values that are given twice are one; of small integers the sum may be large
    dtype = bool if X.dtype.kind == "b" else float
    check_parts(X)
    if X.format == "coo":
        own = coo_array((X.data.astype(dtype), (X.row, X.col)), shape=X.shape).tocsr()
    elif X.format in ("csr", "csc"):
        kind = csr_array if X.format == "csr" else csc_array
        parts = (X.data.astype(dtype), X.indices, X.indptr)
        own = kind(parts, shape=X.shape, copy=True).tocsr()
    else:
        own = csr_array(X.tocsr().astype(dtype, copy=True))
    own.sum_duplicates()
    own = csr_array(own.astype(float))
    own.eliminate_zeros()
    return own


def all_sparse(frame: pd.DataFrame) -> pd.DataFrame:
    """A data frame of which some columns are sparse, with all of them so, and 0 what is not held.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.sparse_matrices import all_sparse
    >>> frame = pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.0]), "b": [2.0, 3.0]})
    >>> [(str(dtype.subtype), float(dtype.fill_value)) for dtype in all_sparse(frame).dtypes]
    [('float64', 0.0), ('float64', 0.0)]
    """
    held = [dtype for dtype in frame.dtypes if isinstance(dtype, pd.SparseDtype)]
    if len(held) == frame.shape[1] and all(dtype.fill_value == 0 for dtype in held):
        return frame
    of_pandas: Any = pd.DataFrame.sparse
    found = of_pandas.from_spmatrix(of_frame(frame), index=frame.index, columns=frame.columns)
    assert isinstance(found, pd.DataFrame)  # noqa: S101
    return found


def of_frame(frame: pd.DataFrame) -> csr_array:
    """The columns of a data frame, of which some are sparse, as such a matrix."""
    from scipy.sparse import csc_array

    rows, values = [], []
    for j, name in enumerate(frame.columns):
        array: Any = frame.iloc[:, j].array
        held = isinstance(array.dtype, pd.SparseDtype)
        if held and array.fill_value == 0:
            check_dtype(array.sp_values.dtype)
            row, value = array.sp_index.to_int_index().indices, array.sp_values.astype(float)
        else:
            dense = np.asarray(array) if held else array
            column = numbers(pd.Series(dense, index=frame.index, name=str(name)))
            row = np.flatnonzero(column != 0)
            value = column[row]
        rows.append(row)
        values.append(value)
    starts = np.append(0, np.cumsum([len(row) for row in rows]))
    parts = (np.concatenate(values), np.concatenate(rows), starts)
    return of_matrix(csc_array(parts, shape=frame.shape))
