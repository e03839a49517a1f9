"""Sparse matrices are taken as SciPy and pandas mean them, and refused where they mean nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.designs import parts
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding import sparse_matrices
from flatprior.models.encoding.sparse_matrices import is_sparse_frame, is_sparse_matrix, of_matrix


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(parts, "SMALLEST", 0)
    monkeypatch.setattr(parts, "FEW", 0)


RNG = np.random.default_rng(1)
N = 60
GROUPS = RNG.integers(0, 4, N)
WORDS = RNG.poisson(0.2, size=(N, 3)) * 1.0
DENSE = np.column_stack([RNG.normal(size=N), *(g == GROUPS for g in range(1, 4)), WORDS])
Y = RNG.integers(0, 2, N)
FORMATS = ("csr", "csc", "coo", "bsr", "lil", "dok", "dia")


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_the_model_of_the_matrix_written_out(format, kind):
    X = getattr(sparse, f"{format}_{kind}")(DENSE)
    before = X.copy()
    model = BernoulliLogistic.from_arrays(X, Y, intercept=True)
    assert isinstance(model.rows.design, Structured)
    assert [factor.n_levels for factor in model.rows.design.factors] == [4]
    written = BernoulliLogistic.from_arrays(DENSE, Y, intercept=True)
    assert model.names == written.names
    assert model.data_hash == written.data_hash
    one, two = fit_newton(model), fit_newton(written)
    assert one.coefficients == pytest.approx(two.coefficients, rel=1e-9)
    assert (before != X).nnz == 0
    assert np.array_equal(
        model.design_matrix(X[:5] if format in ("csr", "lil") else X.toarray()[:5]),
        written.design[:5],
    )


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float32", "float64"])
def test_numbers_of_any_kind_are_those_numbers(dtype):
    X = (WORDS > 0 if dtype == "bool" else WORDS).astype(dtype)
    for matrix in (sparse.csr_array(X), sparse.coo_matrix(X)):
        found = of_matrix(matrix)
        assert found.dtype == np.float64
        assert np.array_equal(found.toarray(), X.astype(float))


def test_entries_given_twice_are_added_zeros_left_out_and_columns_sorted():
    data, row, column = [1.0, 2.0, 0.0, 4.0, -4.0], [1, 1, 0, 2, 2], [2, 2, 0, 1, 1]
    for matrix in (
        sparse.coo_array((data, (row, column)), shape=(3, 3)),
        sparse.csc_array((data, [0, 1, 1, 2, 2], [0, 0, 0, 5]), shape=(3, 3)),
        sparse.csr_array(([3.0, 4, 0, 3.0], [2, 0, 1, 2], [0, 0, 4, 4]), shape=(3, 3)),
    ):
        held = [np.array(getattr(matrix, part)) for part in ("data",)]
        found = of_matrix(matrix)
        assert np.array_equal(found.toarray(), matrix.toarray())
        assert found.has_canonical_format
        assert (found.data != 0).all()
        assert np.array_equal(held[0], matrix.data)
    # small integers whose sum is not small, and truth values, which are true once
    many = sparse.coo_array((np.full(3, 100, np.int8), ([0] * 3, [0] * 3)), shape=(1, 1))
    assert of_matrix(many).toarray() == 300
    true = sparse.coo_array((np.ones(3, bool), ([0] * 3, [0] * 3)), shape=(1, 1))
    assert of_matrix(true).toarray() == 1


def test_the_callers_matrix_is_neither_changed_nor_shared():
    X = sparse.csr_array(([2.0, 1.0, 0.0, 5.0], [2, 0, 1, 1], [0, 3, 4]), shape=(2, 3))
    X.data.flags.writeable = X.indices.flags.writeable = False
    before = X.data.copy(), X.indices.copy(), X.indptr.copy()
    found = of_matrix(X)
    assert not any(
        np.shares_memory(one, two)
        for one in (found.data, found.indices, found.indptr)
        for two in (X.data, X.indices, X.indptr)
    )
    after = X.data, X.indices, X.indptr
    assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    assert not X.has_sorted_indices


def test_indices_of_64_bits_and_one_column_are_taken():
    X = sparse.csr_array(DENSE)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    assert np.array_equal(of_matrix(X).toarray(), DENSE)
    if hasattr(sparse.coo_array(DENSE[:, 0]), "coords"):
        found = of_matrix(sparse.coo_array(DENSE[:, 0]))
        assert np.array_equal(found.toarray(), DENSE[:, :1])


def bad_indices():
    X = sparse.csr_array(DENSE)
    X.indices = X.indices.copy()
    X.indices[3] = 99
    return X


def bad_pointers():
    X = sparse.csc_array(DENSE)
    X.indptr = X.indptr[::-1].copy()
    return X


def negative():
    X = sparse.coo_matrix(DENSE)
    X.row = X.row.copy()
    X.row[0] = -1
    return X


def bad_lists():
    X = sparse.lil_matrix(DENSE)
    X.rows[0], X.data[0] = [99], [1.0]
    return X


def bad_blocks():
    X = sparse.bsr_array(DENSE)
    X.indptr = X.indptr.copy()
    X.indptr[-1] += 10**6
    return X


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (bad_indices(), "no valid sparse matrix"),
        (bad_lists(), "no valid sparse matrix"),
        (bad_blocks(), "no valid sparse matrix"),
        (bad_pointers(), "no valid sparse matrix"),
        (negative(), "no valid sparse matrix"),
        (sparse.csr_array(DENSE.astype(complex)), "X holds complex128 values"),
        (sparse.csr_array(DENSE.astype(np.longdouble)), "convert to float64 first"),
        (sparse.csr_array((0, 3)), "X has no rows"),
        (sparse.csr_array((N, 0)), "has no coefficient"),
        (sparse.csr_array((N, 2**20 + 1)), "may have 1048576; leave out those that are 0"),
        (sparse.csr_array(DENSE[:7]), "60 values, the data have 7 rows"),
    ],
)
def test_what_is_no_design_is_refused_in_one_sentence(X, said):
    with pytest.raises(InputError, match=said):
        BernoulliLogistic.from_arrays(X, Y)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200, 1e-200])
@pytest.mark.parametrize("j", [0, 5])
def test_a_number_that_cannot_be_used_is_named_by_column_and_row(value, j):
    X = DENSE.copy()
    X[X[:, j] != 0, j] = value if abs(value) < 1 else 1.0
    X[7, j] = value
    for columns in (X, sparse.csr_array(X)):
        with pytest.raises(FlatpriorError, match=f"column 'x{j + 1}'|'x{j + 1}' is") as raised:
            BernoulliLogistic.from_arrays(columns, Y)
    if not np.isfinite(value):
        assert "row 7" in str(raised.value)


def test_names_weights_and_offsets_belong_to_the_rows_as_they_do_written_out():
    X, names = sparse.csr_array(DENSE), [f"n{j}" for j in range(DENSE.shape[1])]
    beside = {"offset": DENSE[:, 0] / 2, "frequency_weights": np.arange(N) % 3, "names": names}
    one, two = (BernoulliLogistic.from_arrays(each, Y, **beside) for each in (X, DENSE))
    assert (one.data_hash, one.n_zero_weight) == (two.data_hash, two.n_zero_weight)
    assert one.names == tuple(names)
    counts = np.column_stack([np.arange(N) % 4, np.arange(N) % 5])
    one, two = (BernoulliLogistic.from_arrays(each, counts) for each in (X, DENSE))
    assert one.data_hash == two.data_hash
    with pytest.raises(InputError, match="names must be 7"):
        BernoulliLogistic.from_arrays(X, Y, names=["a"])


def test_sparse_columns_of_a_data_frame_are_taken_with_their_names():
    frame = pd.get_dummies(pd.Series(GROUPS, name="g"), sparse=True).add_prefix("g")
    frame.insert(0, "x", DENSE[:, 0])
    frame["w"] = pd.arrays.SparseArray(WORDS[:, 0], fill_value=0)
    frame["whole"] = pd.arrays.SparseArray(WORDS[:, 1].astype(int))
    frame["other"] = pd.arrays.SparseArray(WORDS[:, 2], fill_value=1.0)
    frame.index = [f"r{i}" for i in range(N)]
    assert is_sparse_frame(frame)
    assert not is_sparse_frame(frame[["x"]])
    assert not is_sparse_matrix(frame)
    plain = frame.astype(float)
    for column in plain:
        plain[column] = np.asarray(plain[column])
    one, two = (BernoulliLogistic.from_arrays(each, Y) for each in (frame, plain))
    assert isinstance(one.rows.design, Structured)
    assert one.names == two.names == tuple(frame.columns)
    assert one.data_hash == two.data_hash
    assert list(one.row_labels) == list(frame.index)
    frame["gap"] = pd.arrays.SparseArray(np.where(np.arange(N) == 4, np.nan, 1.0))
    with pytest.raises(FlatpriorError, match=r"'gap' has missing values \(NaN\) in row r4"):
        BernoulliLogistic.from_arrays(frame, Y)


def test_what_is_not_of_scipy_is_not_taken_for_it(monkeypatch):
    assert not is_sparse_matrix(DENSE)
    assert is_sparse_matrix(sparse.eye_array(3))
    monkeypatch.setattr(sparse_matrices, "MOST_COLUMNS", 2)
    with pytest.raises(InputError, match="3 columns"):
        of_matrix(sparse.eye_array(3))


@pytest.mark.parametrize("more", ["columns", "values"])
def test_ragged_rows_of_lists_are_refused_before_scipy_reads_beyond_them(more):
    ragged = sparse.lil_array(DENSE)
    (ragged.rows if more == "columns" else ragged.data)[3].append(1)
    with pytest.raises(InputError, match="no valid sparse matrix: rows have other numbers of"):
        BernoulliLogistic.from_arrays(ragged, Y)
    kept = sparse.lil_array(DENSE)
    found = of_matrix(kept).toarray()
    assert (found == DENSE).all()
    kept.data[6].append(kept.data[5].pop())  # as many in all
    with pytest.raises(InputError, match="no valid sparse matrix"):
        of_matrix(kept)


def test_diagonals_without_a_place_are_refused():
    diagonals = sparse.dia_array((np.ones((2, N)), [0, 1]), shape=(N, N))
    diagonals.offsets = np.array([0])
    with pytest.raises(InputError, match="no valid sparse matrix: number of diagonals"):
        of_matrix(diagonals)
