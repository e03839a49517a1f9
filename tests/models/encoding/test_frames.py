"""One table, whatever holds it: the same model to the last bit, or one sentence."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import dok_array

from flatprior.analysis import average_marginal_effects, predict
from flatprior.models import BernoulliLogistic, LogisticMLE, fit_newton
from flatprior.models.encoding.frames import is_table, one_column, to_pandas

CONNECTIONS = []


def table():
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, 60),
            "x": rng.normal(size=60),
            "n": 2**53 + rng.integers(0, 5, 60),  # that a float cannot tell apart
            "g": rng.choice(["b", "a", "c"], 60),
            "b": rng.random(60) < 0.5,
        }
    )


def polars(frame):
    return pytest.importorskip("polars").from_pandas(frame)


def categories(frame):
    pl = pytest.importorskip("polars")
    return polars(frame).with_columns(pl.col("g").cast(pl.Categorical))


def relation(frame):
    connection = pytest.importorskip("duckdb").connect()
    CONNECTIONS.append(connection)  # a relation does not keep its own
    connection.register("t", frame)
    return connection.sql("select * from t")


WAYS = {
    "polars": polars,
    "lazy": lambda frame: polars(frame).lazy(),
    "polars, categories": categories,
    "Arrow table": pa.Table.from_pandas,
    "Arrow batch": lambda frame: pa.RecordBatch.from_pandas(frame),
    "Arrow reader": lambda frame: pa.Table.from_pandas(frame).to_reader(max_chunksize=7),
    "DuckDB": relation,
    "mapping": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "records": lambda frame: frame.to_dict("records"),
    "structured array": lambda frame: frame.to_records(index=False),
    "pandas of Arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_the_same_model_whatever_holds_it(way):
    frame, make = table(), WAYS[way]
    formula = "y ~ x + g + b + C(n)"
    model = BernoulliLogistic.from_formula(formula, frame)
    assert is_table(make(frame))
    found = BernoulliLogistic.from_formula(formula, make(frame))
    assert (found.data_hash, found.names) == (model.data_hash, model.names)
    assert np.array_equal(fit_newton(found).coefficients, fit_newton(model).coefficients)


@pytest.mark.parametrize("way", WAYS)
def test_new_rows_are_paired_by_name_whatever_holds_them(way):
    """Columns in another order, and others beside them, as many as the model has columns."""
    frame, make = table().drop(columns="n"), WAYS[way]
    arrays = BernoulliLogistic.from_arrays(frame[["x", "b"]], frame["y"], intercept=True)
    formula = BernoulliLogistic.from_formula("y ~ x + b + g", frame)
    turned = frame[["b", "y", "g", "x"]][::-1].reset_index(drop=True)
    for model in (arrays, formula):
        fit = fit_newton(model)
        expected = predict(model, fit, frame)["probability"].to_numpy()[::-1]
        assert np.array_equal(predict(model, fit, make(turned))["probability"], expected)
    effects = average_marginal_effects(formula, fit, frame).table()
    found = average_marginal_effects(formula, fit, make(turned)).table()
    np.testing.assert_allclose(found, effects, rtol=1e-12)


@pytest.mark.parametrize("way", [way for way in WAYS if "categories" not in way])
def test_arrays_keep_the_names_of_their_columns(way):
    frame = table()[["y", "x", "b"]].assign(z=1.5 * np.arange(60) % 7)
    model = BernoulliLogistic.from_arrays(frame[["x", "z"]], frame["y"], intercept=True)
    make = WAYS[way]
    found = BernoulliLogistic.from_arrays(make(frame[["x", "z"]]), frame["y"], intercept=True)
    assert (found.data_hash, found.names) == (model.data_hash, ("const", "x", "z"))
    estimator = LogisticMLE().fit(make(frame[["x", "z"]]), frame["y"])
    assert estimator.feature_names_in_.tolist() == ["x", "z"]
    assert estimator.coef_[0] == pytest.approx(fit_newton(model).coefficients[1:], rel=1e-9)


def test_a_column_keeps_its_name_and_its_values():
    pl = pytest.importorskip("polars")
    frame = table()
    plain = BernoulliLogistic.from_arrays(frame[["x"]], frame["y"], offset=frame["x"] / 2)
    of_polars = polars(frame)
    found = BernoulliLogistic.from_arrays(
        of_polars.select("x"), of_polars["y"], offset=of_polars["x"] / 2
    )
    assert (found.data_hash, found.response_name) == (plain.data_hash, "y")
    assert one_column(pl.Series("n", [2**60 + 1, None])).tolist() == [2**60 + 1, pd.NA]
    assert one_column(pa.array([1, 2])).tolist() == [1, 2]
    values = [1, 2]
    assert one_column(values) is values


def test_missing_values_change_no_other():
    pl = pytest.importorskip("polars")
    frame = to_pandas(pl.DataFrame({"n": [2**60 + 1, None, 3], "b": [True, None, False]}))
    assert frame["n"].tolist() == [2**60 + 1, pd.NA, 3]
    assert frame["b"].tolist() == [True, pd.NA, False]


def test_an_order_that_was_given_to_levels_is_kept():
    pl = pytest.importorskip("polars")
    frame = table()
    kind = pl.Enum(["c", "a", "b"])
    found = BernoulliLogistic.from_formula(
        "y ~ g", polars(frame).with_columns(pl.col("g").cast(kind))
    )
    assert found.reference_levels == {"g": "c"}


def test_a_single_row_is_a_mapping_of_numbers():
    model = BernoulliLogistic.from_formula("y ~ x + g", table())
    fit = fit_newton(model)
    one = predict(model, fit, {"x": 0.5, "g": "b"})
    assert len(one) == 1
    assert one["probability"].iloc[0] == predict(model, fit, {"x": [0.5], "g": ["b"]}).iloc[0, 4]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (3, "data must be a data frame"),
        (None, "not a NoneType"),
        ([1, 2], "not a list"),
        (b"x", "not a bytes"),
        (np.eye(2), "data must be a data frame"),
        (dok_array((2, 2)), "sparse"),
        (pd.Series({"y": 1}), r"series.to_frame\(\).T"),
        (pa.array([1]), "data must be a data frame"),
        ([{"a": 1}, {"b": 2}], "row 1 of the data has not the same names as row 0"),
        ([{"a": 1}, 2], "row 1 of the data has not the same names as row 0"),
        ({"a": [1, 2], "b": [1]}, "do not form a table"),
        (pa.table([[1], [2]], names=["a", "a"]), "the column name 'a' is repeated"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(data, words):
    with pytest.raises((TypeError, ValueError), match=words):
        BernoulliLogistic.from_formula("y ~ x", data)


def test_what_an_engine_cannot_compute_is_said_in_its_words():
    pl = pytest.importorskip("polars")
    lazy = pl.LazyFrame({"y": ["z"]}).with_columns(pl.col("y").cast(pl.Int64))
    with pytest.raises(ValueError, match="the data could not be computed: conversion"):
        BernoulliLogistic.from_formula("y ~ 1", lazy)


def never(kind):
    """Rows beside a column that cannot be computed, in what computes it when it is asked for."""
    if kind == "DuckDB":
        connection = pytest.importorskip("duckdb").connect()
        CONNECTIONS.append(connection)
        connection.register("t", table())
        return connection.sql("select *, error('it was computed')::integer as unused from t")
    pl = pytest.importorskip("polars")
    lazy = polars(table()).lazy()
    return lazy.with_columns(pl.col("g").cast(pl.Int64).alias("unused"))


@pytest.mark.parametrize("kind", ["DuckDB", "polars"])
def test_columns_that_no_formula_uses_are_never_computed(kind):
    roles = {"offset": "x", "frequency_weights": "b"}
    frame = table().astype({"b": int})
    model = BernoulliLogistic.from_formula("y ~ g", frame, **roles)
    rows = never(kind)
    found = BernoulliLogistic.from_formula("y ~ g", rows, **roles)
    assert found.data_hash == model.data_hash
    fit = fit_newton(found)
    pd.testing.assert_frame_equal(
        predict(found, fit, rows, offset="x"), predict(model, fit, frame, offset="x")
    )
    with pytest.raises(ValueError, match="no column 'h'"):
        BernoulliLogistic.from_formula("y ~ h", rows)
    with pytest.raises(ValueError, match="the data could not be computed"):
        BernoulliLogistic.from_formula("y ~ .", rows)


ODD = ('a"b', "c.d", "*", "^x$", "x, y", 'x" from t; drop table t; --', "a'b", "count(*)", "Y", "é")


@pytest.mark.parametrize("way", ["DuckDB", "polars", "lazy", "Arrow table"])
def test_a_name_is_a_name_whatever_is_in_it(way):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({name: rng.normal(size=60) for name in ODD}).assign(z=0.0, k=table()["y"])
    formula = "k ~ " + " + ".join(f"`{name}`" for name in ODD)
    model = BernoulliLogistic.from_formula(formula, frame)
    found = BernoulliLogistic.from_formula(formula, WAYS[way](frame))
    assert (found.names, found.data_hash) == (model.names, model.data_hash)


def test_a_frame_of_dask_is_sent_to_its_own_door():
    dd = pytest.importorskip("dask.dataframe")
    with pytest.raises(TypeError, match="from_dask"):
        BernoulliLogistic.from_formula("y ~ x", dd.from_pandas(table(), npartitions=2))


def test_categories_of_polars_are_ordered_by_name_through_every_door():
    pl = pytest.importorskip("polars")
    frame = table().assign(y=np.where(table()["y"] == 1, "yes", "no"))
    frame = frame.sort_values("y", ascending=False, ignore_index=True)  # "yes" comes first
    coded = polars(frame).with_columns(pl.col("y", "g").cast(pl.Categorical))
    doors = [coded, coded.lazy(), {name: coded[name] for name in coded.columns}]
    models = [BernoulliLogistic.from_formula("y ~ x + g", door) for door in doors]
    models.append(BernoulliLogistic.from_formula("y ~ x + g", frame))
    assert {each.response_coding for each in models} == {"yes = 1, no = 0"}
    assert len({each.data_hash for each in models}) == 1
    arrays = BernoulliLogistic.from_arrays(coded.select("x"), coded["y"])
    assert arrays.response_coding == "yes = 1, no = 0"


def test_whole_numbers_beside_a_missing_one_stay_whole():
    large = [2**53, 2**53 + 1, 2**53 + 2] * 4 + [None]
    records = [{"y": i % 2, "x": each} for i, each in enumerate(large)]
    for data in (records, {"y": [i % 2 for i in range(13)], "x": large}):
        assert len(BernoulliLogistic.from_formula("y ~ C(x)", data).names) == 3
