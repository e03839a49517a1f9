import numpy as np
import pandas as pd
import pytest
from problems import CASES, simulated

from flatprior.models import (
    BernoulliLogistic,
    certify,
    check_existence,
    fit_newton,
    load_smarket,
    load_spector,
)


def test_arrays_are_copied_and_frozen():
    X, y = simulated(20, 2, seed=1)
    model = BernoulliLogistic.from_arrays(X, y)
    before = model.data_hash
    X[0, 0] = 99.0
    assert model.design[0, 0] == 1.0
    assert model.data_hash == before
    with pytest.raises(ValueError, match="read-only"):
        model.design[0, 0] = 2.0


def test_arrays_are_used_where_they_are_on_request():
    X, y = simulated(20, 2, seed=1)
    model = BernoulliLogistic.from_arrays(X, y, copy=False)
    assert np.shares_memory(model.design, X)
    assert np.shares_memory(model.response, y)
    with pytest.raises(ValueError, match="read-only"):
        model.design[0, 0] = 2.0
    X[0, 0] = 1.0  # the caller's own stays writeable


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("n", [200, 20_000])
def test_arrays_that_were_changed_under_a_model_are_refused(kind, n):
    X, y = simulated(n, 2, seed=1)
    X = X.astype(kind)
    model = BernoulliLogistic.from_arrays(X, y, copy=False)
    fit, data_hash = fit_newton(model), model.data_hash
    assert data_hash == BernoulliLogistic.from_arrays(X, y).data_hash
    claims = [fit_newton, check_existence, lambda model: certify(model, fit.coefficients)]
    for array, place, value in ((X, (5, 1), 7.0), (X, (5, 1), np.nan), (y, 3, 7.0)):
        before = array[place]
        array[place] = value
        for claim in claims:
            with pytest.raises(ValueError, match="have changed since"):
                claim(model)
        array[place] = before
    assert (fit_newton(model).coefficients == fit.coefficients).all()


def test_names_come_from_the_frame_or_are_numbered():
    X, y = simulated(20, 2, seed=1)
    assert BernoulliLogistic.from_arrays(X, y).names == ("x1", "x2")
    frame = pd.DataFrame(X, columns=["one", "age"])
    assert BernoulliLogistic.from_arrays(frame, y).names == ("one", "age")
    assert BernoulliLogistic.from_arrays(X[:, 1], y, intercept=True).names == ("const", "x1")


def test_rows_of_weight_zero_are_left_out_and_counted():
    case = CASES["zero_weight_hides_separation"]
    model = case.model
    assert model.n_zero_weight == 1
    assert model.n_rows == 6


def test_counts():
    X, y = simulated(30, 2, seed=2)
    weights = np.arange(30)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    assert (model.n_rows, model.n_observations) == (29, weights.sum())
    assert model.n_events == int(weights @ y)


@pytest.mark.parametrize(
    ("y", "coding"),
    [
        ([0, 1, 1], ""),
        ([False, True, True], "True = 1, False = 0"),
        (["no", "yes", "yes"], "yes = 1, no = 0"),
        (pd.Categorical(["b", "a", "a"], categories=["b", "a", "c"]), "a = 1, b = 0"),
        (pd.array([0, 1, 1], dtype="Int64"), ""),
    ],
)
def test_the_response_coding_is_reported(y, coding):
    model = BernoulliLogistic.from_arrays([1.0, 2.0, 3.0], pd.Series(y))
    assert model.response.tolist() == [0.0, 1.0, 1.0]
    assert model.response_coding == coding


BAD_ARRAYS = {
    "NaN": (dict(X=[[1.0], [np.nan]], y=[0, 1]), "column 'x1' has missing values .* row 1"),
    "infinite": (dict(X=[[1.0], [np.inf]], y=[0, 1]), "column 'x1' .* not finite in row 1"),
    "text": (dict(X=[["a"], ["b"]], y=[0, 1]), "must hold numbers"),
    "ragged": (dict(X=[[1.0, 2.0], [3.0]], y=[0, 1]), "ragged"),
    "three dimensions": (dict(X=np.zeros((2, 2, 2)), y=[0, 1]), r"must be \(n, k\)"),
    "empty": (dict(X=np.zeros((0, 2)), y=[]), "no rows"),
    "lengths": (dict(X=[[1.0], [2.0]], y=[0, 1, 1]), "'y' has 3 values, the data have 2 rows"),
    "duplicate names": (
        dict(X=np.eye(2), y=[0, 1], names=["a", "a"]),
        "column name 'a' is repeated",
    ),
    "names": (dict(X=np.eye(2), y=[0, 1], names=["a"]), "names must be 2, one for each column"),
    "three classes": (dict(X=np.eye(3), y=["a", "b", "c"]), "has 3 categories"),
    "one category": (dict(X=np.eye(2), y=["a", "a"]), r"has 1 category \('a'\)"),
    "three numbers": (dict(X=np.eye(3), y=[-1, 1, 0]), "but it has the values -1, 0, 1 .*recode"),
    "one number": (dict(X=np.eye(2), y=[2, 2]), "must be 0 or 1, but it has the values 2 "),
    "no such event": (
        dict(X=np.eye(2), y=[0, 1], event=2),
        "the event '2' is no value of",
    ),
    "missing response": (dict(X=np.eye(2), y=[0, np.nan]), "response 'y' is missing in row 1"),
    "negative weight": (
        dict(X=np.eye(2), y=[0, 1], frequency_weights=[1, -1]),
        "'frequency_weights' has negative values in row 1",
    ),
    "fractional weight": (
        dict(X=np.eye(2), y=[0, 1], frequency_weights=[1, 0.5]),
        "'frequency_weights' has fractional values in row 1",
    ),
    "all weights zero": (
        dict(X=np.eye(2), y=[0, 1], frequency_weights=[0, 0]),
        "no rows are left of 2: 2 have weight 0; give some rows a weight",
    ),
    "masked": (dict(X=np.ma.masked_array(np.eye(2), mask=np.eye(2)), y=[0, 1]), "masked values"),
    "complex": (dict(X=np.eye(2) * 1j, y=[0, 1]), "must hold numbers"),
    "labels": (
        dict(X=pd.DataFrame({"a": [1.0, 2.0]}, index=[1, 2]), y=pd.Series([0, 1], index=[2, 1])),
        "'y' and the data have different row labels",
    ),
    "offset": (dict(X=np.eye(2), y=[0, 1], offset=[0, np.nan]), "column 'offset' has missing"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays_give_one_sentence(name):
    arguments, words = BAD_ARRAYS[name]
    with pytest.raises(ValueError, match=words) as caught:
        BernoulliLogistic.from_arrays(**arguments)
    assert "\n" not in str(caught.value)


def test_a_long_list_of_rows_is_cut_and_counted():
    X = np.ones((30, 1))
    X[10:25] = np.nan
    with pytest.raises(ValueError, match="rows 10, 11, 12, 13, 14 and 10 more"):
        BernoulliLogistic.from_arrays(X, np.zeros(30))


def test_the_published_table_of_the_sp500_data_is_reproduced_to_every_digit():
    published = CASES["smarket"].facts["published"][0]
    model = BernoulliLogistic.from_formula(
        "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume", load_smarket()
    )
    fit = fit_newton(model)
    for name, found, error in zip(model.names, fit.coefficients, fit.standard_errors, strict=True):
        key = "const" if name == "Intercept" else name
        assert f"{found:.5f}" == published["coef"][key]
        assert f"{error:.5f}" == published["se"][key]
    assert f"{-2 * fit.log_likelihood:.1f}" == published["deviance"]


def test_columns_beyond_double_precision_are_refused():
    with pytest.raises(ValueError, match=r"largest value of column 'b' is 1e\+160.*rescale"):
        BernoulliLogistic.from_arrays([[1.0, 1e160], [1.0, 0.0]], [0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="rescale the column"):
        BernoulliLogistic.from_arrays([[1.0, 1e-160], [1.0, 0.0]], [0, 1])


def weighted(**roles):
    frame = load_spector().assign(t=0.1, n=[1, 2] * 16)
    return BernoulliLogistic.from_formula("grade ~ gpa", frame, **roles)


def test_offset_and_weights_are_named_in_every_header():
    named = weighted(offset="t", frequency_weights="n")
    assert named.facts == (
        "48 observations in 32 rows (frequency weights: n)",
        "18 events",
        "offset: t",
    )
    given = weighted(offset=np.full(32, 0.1), frequency_weights=[1, 2] * 16)
    assert given.facts == (
        "48 observations in 32 rows (frequency weights: (array))",
        "18 events",
        "offset: (array)",
    )
    arrays = BernoulliLogistic.from_arrays(
        named.design, named.response, offset=named.offset, frequency_weights=named.counts
    )
    assert arrays.facts == given.facts
    for model, offset, weights in ((named, "t", "n"), (arrays, "(array)", "(array)")):
        assert (model.offset_name, model.weights_name) == (offset, weights)
        provenance = fit_newton(model).provenance
        assert (provenance.offset, provenance.frequency_weights) == (offset, weights)
        shown = " ".join(str(fit_newton(model)).split())
        for text in (repr(model), str(model), model._repr_html_(), shown):
            assert f"48 observations in 32 rows (frequency weights: {weights})" in text
            assert f"offset: {offset}" in text
        assert "would be wrong (sampling_weights takes those)" in shown
    assert "frequency weights" not in str(weighted()) + repr(weighted())


def test_weights_of_one_each_are_named_too():
    frame = load_spector().assign(n=1)
    model = BernoulliLogistic.from_formula("grade ~ gpa", frame, frequency_weights="n")
    assert model.facts[0].startswith("32 observations in 32 rows (frequency weights: n)")
    assert model.besides == ("frequency weights: n",)


def test_the_hash_depends_on_every_part_of_the_data():
    X, y = simulated(30, 2, seed=1)
    ones = np.ones(30)
    models = [
        BernoulliLogistic.from_arrays(X, y),
        BernoulliLogistic.from_arrays(X + 1e-15, y),
        BernoulliLogistic.from_arrays(X, 1 - y),
        BernoulliLogistic.from_arrays(X, y, names=["a", "b"]),
        BernoulliLogistic.from_arrays(X, y, offset=ones),
        BernoulliLogistic.from_arrays(X, y, frequency_weights=ones),
    ]
    assert len({model.data_hash for model in models}) == len(models)
    assert models[0].data_hash == BernoulliLogistic.from_arrays(X.copy(), y).data_hash


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_new_rows_of_arrays_must_be_finite(value):
    X, y = simulated(20, 3, seed=1)
    model = BernoulliLogistic.from_arrays(X, y)
    rows = X[:4].copy()
    rows[2, 1] = value
    with pytest.raises(ValueError, match=r"column 'x2' has .* in row 2"):
        model.design_matrix(rows)


def test_a_model_of_long_names_prints_in_80_columns_and_a_swapped_call_is_told():
    names = [f"a predictor with a name that is rather long, number {i}" for i in range(12)]
    rng = np.random.default_rng(1)
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(50, 12)),
        rng.integers(0, 2, 50),
        names=names,
        offset=pd.Series(np.zeros(50), name="o" * 200),
    )
    assert max(map(len, str(model).splitlines())) <= 80
    assert len(repr(model)) < 250
    data = pd.DataFrame({"y": [0, 1, 0], "x": [1.0, 2, 3]})
    with pytest.raises(TypeError, match="first and then the data, not a DataFrame"):
        BernoulliLogistic.from_formula(data, "y ~ x")
    with pytest.raises(TypeError, match=r"pass its \.coefficients, or judge it by verify"):
        model.log_likelihood(fit_newton(model))
