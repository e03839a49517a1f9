from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.arrays import encode_arrays
from flatprior.models.encoding.weights import positive_weights


def test_arrays_of_floats_are_not_copied_where_no_row_is_left_out():
    X, y = np.arange(6.0).reshape(3, 2), np.array([0.0, 1.0, 0.0])
    encoded = encode_arrays(X, y, None, False, None, None)
    assert np.shares_memory(encoded.design, X)
    assert np.shares_memory(encoded.response, y)


def test_rows_of_weight_0_go_everywhere_and_are_counted():
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    encoded = encode_arrays(X, [1, 0, 1], None, True, [0.5, 0.25, 0.75], [2, 0, 3])
    assert encoded.n_zero_weight == 1
    assert encoded.design.tolist() == [[1, 1], [1, 3]]
    assert encoded.response.tolist() == [1, 1]
    assert encoded.offset.tolist() == [0.5, 0.75]
    assert encoded.weights.tolist() == [2, 3]
    assert list(encoded.labels) == ["a", "c"]


@pytest.mark.parametrize("missing", [False, True])
def test_a_formula_and_arrays_leave_out_the_same_rows_of_weight_0(missing):
    frame = pd.DataFrame({"y": [0, 1, 0, 1, 0], "x": [1.0, 2, 3, 5, 8], "w": [1, 0, 2, 1, 1]})
    if missing:
        frame.loc[4, "x"] = np.nan
    model = BernoulliLogistic.from_formula("y ~ x", frame, frequency_weights="w")
    kept = frame.dropna()
    arrays = BernoulliLogistic.from_arrays(
        kept["x"], kept["y"], intercept=True, frequency_weights=kept["w"]
    )
    assert (model.n_zero_weight, model.n_dropped) == (1, int(missing))
    assert arrays.n_zero_weight == 1
    assert np.array_equal(model.design, arrays.design)
    assert list(model.row_labels) == list(arrays.row_labels)


def test_weights_are_read_of_complete_rows_only_and_the_caller_keeps_his_own():
    keep = np.array([True, False, True, True])
    weights, left, n_zero = positive_weights(pd.Series([1.0, np.nan, 0.0, 4.0]), keep)
    assert weights.tolist() == [1, 4]
    assert left.tolist() == [True, False, False, True]
    assert n_zero == 1
    assert keep.tolist() == [True, False, True, True]


def test_decimals_are_numbers_and_that_is_said():
    cells, y = [Decimal("0.1"), Decimal("0.3"), Decimal("7.25")] * 4, [0, 1, 1, 0] * 3
    plain = [float(cell) for cell in cells]
    said = "z: decimal numbers, each taken as the nearest double"
    expected = BernoulliLogistic.from_arrays(np.column_stack([plain, plain]), y, names=["x", "z"])
    assert not any("decimal" in fact for fact in expected.facts)
    frame = pd.DataFrame({"x": plain, "z": cells})
    for X in (frame, frame.to_numpy(dtype=object), list(zip(plain, cells, strict=True))):
        model = BernoulliLogistic.from_arrays(X, y, names=["x", "z"], intercept=False)
        assert said in model.facts
        assert model.data_hash == expected.data_hash
