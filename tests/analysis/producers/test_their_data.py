import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from flatprior.analysis.producers.their_data import (
    INTERCEPT,
    dense,
    labels_of,
    model_of,
    names_of,
    with_intercept,
)
from flatprior.models import BernoulliLogistic, fit_newton

X = np.column_stack([np.ones(6), np.arange(6.0)])
Y = np.array([0, 0, 1, 0, 1, 1])


def test_plain_rows_are_the_model_of_the_same_arrays():
    model, usual = model_of(X, Y, ["a", "b"]), BernoulliLogistic.from_arrays(X, Y, ["a", "b"])
    assert model.frequency_weights is None
    assert np.array_equal(model.design, usual.design)
    assert np.array_equal(fit_newton(model).coefficients, fit_newton(usual).coefficients)


def test_shares_of_trials_are_rows_of_both_outcomes():
    trials, events = np.array([7.0, 3.0, 5.0]), np.array([3, 0, 5])
    model = model_of(X[:3], events / trials, ["a", "b"], weights=trials)
    assert model.frequency_weights.tolist() == [3, 4, 3, 5]  # exactly, though 7 * (3 / 7) is not 3
    assert model.response.tolist() == [1, 0, 0, 1]
    assert model.n_observations == 15
    whole = np.repeat(np.arange(3), [7, 3, 5])
    outcomes = np.concatenate([[1, 1, 1, 0, 0, 0, 0], [0] * 3, [1] * 5])
    single = BernoulliLogistic.from_arrays(X[:3][whole], outcomes)
    b = np.array([0.3, -0.2])
    assert model.log_likelihood(b) == pytest.approx(single.log_likelihood(b), rel=1e-14)
    assert model.score(b) == pytest.approx(single.score(b), rel=1e-13)


def test_weights_that_are_no_counts_multiply_the_log_likelihood():
    weights = np.array([0.5, 2.25, 0, 1, 1, 0.1])
    model = model_of(X, Y, ["a", "b"], weights=weights, weights_name="w")
    b, kept = np.array([0.3, -0.2]), weights > 0
    plain = BernoulliLogistic.from_arrays(X[kept], Y[kept]).pointwise_log_likelihood(b)
    assert model.log_likelihood(b) == pytest.approx(float(weights[kept] @ plain), rel=1e-14)
    assert (model.n_rows, model.n_zero_weight, model.weights_name) == (5, 1, "w")


def test_names_labels_and_sparse_columns():
    frame = pd.DataFrame({"u": [1.0, 2.0]}, index=["p", "q"])
    assert names_of(frame, 1) == ("u",)
    assert names_of(frame.to_numpy(), 1) == ("x0",)
    assert labels_of(frame).tolist() == ["p", "q"]
    assert labels_of(frame.to_numpy()) is None
    design, names = with_intercept(csr_matrix([[0.0, 2.0], [1.0, 0.0]]), [INTERCEPT, "b"])
    assert names == (INTERCEPT + "_", INTERCEPT, "b")
    assert design.tolist() == [[1, 0, 2], [1, 1, 0]]
    with pytest.raises(ValueError, match="too many to be judged in memory"):
        dense(csr_matrix((10**6, 10**6)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response": [0, 1]}, "not 2 rows of 2 coefficients"),
        ({"response": Y + 1}, "0, 1 or a share"),
        ({"design": [["a", "b"]] * 6}, "must be numbers"),
        ({"weights": [-1.0] * 6}, "negative weights"),
        ({"weights": [0.0] * 6}, "all have weight 0"),
        ({"offset": [np.nan] * 6}, "offset must be 6 finite numbers"),
        ({"design": np.where(X == 3, np.nan, X)}, "row"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    given = {"design": X, "response": Y, "names": ["a", "b"]} | change
    with pytest.raises(ValueError, match=message):
        model_of(**given)
