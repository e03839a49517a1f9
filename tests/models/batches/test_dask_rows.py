import numpy as np
import pandas as pd
import pytest
from coded_models import both, held_as_codes, survey
from generated_tables import many
from places import customers

from flatprior.analysis import robust_covariance
from flatprior.models import BernoulliLogistic, check_existence, fit_newton
from flatprior.models.designs.coded import Structured

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")
da = pytest.importorskip("dask.array")

FORMULA = "bought ~ income + C(region) + age:member"


def people(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = customers(n, rng).assign(bought=rng.integers(2, size=n))
    frame.loc[::97, "income"] = np.nan
    return frame


def assert_same_fit(model, memory):
    assert model.names == memory.names
    assert (model.n_observations, model.n_events) == (memory.n_observations, memory.n_events)
    assert (model.n_dropped, model.n_zero_weight) == (memory.n_dropped, memory.n_zero_weight)
    fit, expected = fit_newton(model), fit_newton(memory)
    bound = fit.certificate.error_bound + expected.certificate.error_bound
    distance = np.abs(fit.coefficients - expected.coefficients) / expected.standard_errors
    assert distance.max() <= bound < 1e-6
    assert fit.standard_errors == pytest.approx(expected.standard_errors, rel=1e-7)


def test_factors_are_codes_there_as_in_memory():
    frame = survey(600, seed=1)
    lazy = dd.from_pandas(frame, npartitions=4)
    roles = {"frequency_weights": "w", "offset": "o"}
    memory, written = both("y ~ x + g * h", frame, **roles)
    with held_as_codes(True):
        model = BernoulliLogistic.from_dask(lazy, "y ~ x + g * h", **roles)
    assert isinstance(model.rows.surveyed.sample.design, Structured)
    assert_same_fit(model, memory)
    assert model.data_hash == memory.data_hash == written.data_hash


def test_a_sample_is_that_of_the_rows_in_memory_also_with_a_worker_fewer():
    distributed = pytest.importorskip("distributed")
    frame = people(6000).assign(w=lambda f: np.exp(f["base"]), firm=lambda f: f.index // 7 % 500)
    sample = {"sampling_weights": "w", "clusters": "firm", "strata": "region"}
    memory = BernoulliLogistic.from_formula(FORMULA, frame, **sample)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        lazy = dd.from_map(lambda i: frame.iloc[600 * i : 600 * (i + 1)], range(10))
        model = BernoulliLogistic.from_dask(lazy, FORMULA, **sample)
        client.retire_workers([next(iter(client.scheduler_info()["workers"]))])
        assert_same_fit(model, memory)
        assert model.data_hash == memory.data_hash
        assert model.sampling.n_units(0) == memory.sampling.n_units(0) > 500


@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize("roles", [{}, {"offset": "base", "frequency_weights": "count"}])
def test_the_fit_is_that_of_the_rows_in_memory(partitions, roles):
    frame = people(3000)
    model = BernoulliLogistic.from_dask(
        dd.from_pandas(frame, npartitions=partitions), FORMULA, **roles
    )
    assert_same_fit(model, BernoulliLogistic.from_formula(FORMULA, frame, **roles))


def test_arrays_are_fitted_in_whatever_chunks():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(2000, 3)), rng.integers(2, size=2000)
    model = BernoulliLogistic.from_dask(
        da.from_array(X, chunks=(300, 2)), da.from_array(y, chunks=700)
    )
    assert_same_fit(model, BernoulliLogistic.from_arrays(X, y))


def test_partitions_may_be_empty():
    frame = people(1000)
    filtered = dd.from_pandas(frame, npartitions=10)
    filtered = filtered[filtered["income"] > 2.2]
    kept = frame[frame["income"] > 2.2]
    model = BernoulliLogistic.from_dask(filtered, "bought ~ age")
    assert model.n_rows == len(kept) > 5


def test_categories_that_are_numbers_may_differ_between_partitions():
    frame = people(900).assign(k=lambda f: np.arange(len(f)) * 4 // len(f) + 1)
    lazy = dd.from_pandas(frame, npartitions=3)
    lazy["k"] = lazy["k"].astype("category")
    memory = BernoulliLogistic.from_formula("bought ~ k", frame.astype({"k": "category"}))
    assert_same_fit(BernoulliLogistic.from_dask(lazy, "bought ~ k"), memory)


def test_separation_is_found_and_its_rows_are_counted():
    frame = people(2000).dropna()
    frame["bought"] = (frame["age"] > 50).astype(int)
    state = check_existence(
        BernoulliLogistic.from_dask(dd.from_pandas(frame, npartitions=5), "bought ~ age")
    )
    assert state.kind == "complete separation"
    assert state.n_separated == len(frame)


def test_clusters_may_be_a_column_that_the_model_does_not_use():
    frame = people(2000).assign(firm=lambda f: [f"firm {i // 40}" for i in range(len(f))])
    frame.loc[frame["firm"] == "firm 7", "income"] = np.nan  # a cluster of which no row counts
    frame.index = frame.index % 100  # labels that repeat
    memory = BernoulliLogistic.from_formula("bought ~ income + member", frame)
    model = BernoulliLogistic.from_dask(
        dd.from_map(lambda i: frame.iloc[500 * i : 500 * (i + 1)], range(4)),
        "bought ~ income + member",
    )
    ours = robust_covariance(model, fit_newton(model), cluster="firm")
    cluster = frame["firm"][frame["income"].notna()].to_numpy()
    expected = robust_covariance(memory, fit_newton(memory), cluster=cluster)
    assert ours.n_clusters == expected.n_clusters == 49
    assert ours.covariance == pytest.approx(expected.covariance, rel=1e-7)


def test_a_cluster_gives_the_same_also_with_a_worker_fewer():
    distributed = pytest.importorskip("distributed")
    frame = people(20_000)
    memory = BernoulliLogistic.from_formula(FORMULA, frame)

    def partition(number: int) -> pd.DataFrame:
        return frame.iloc[number * 1000 : (number + 1) * 1000]

    with (
        # ":0": any free port; None would be 8787, which may be in use
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        model = BernoulliLogistic.from_dask(dd.from_map(partition, range(20)), FORMULA)
        client.retire_workers([next(iter(client.scheduler_info()["workers"]))])
        assert_same_fit(model, memory)


def test_what_is_not_of_dask_is_refused():
    with pytest.raises(TypeError, match="use from_formula for data in memory"):
        BernoulliLogistic.from_dask(people(10), FORMULA)
    with pytest.raises(ValueError, match=r"must be \(n, k\) and \(n,\)"):
        BernoulliLogistic.from_dask(da.ones((10, 2)), da.ones(9))
    unknown = da.ones((10, 2))
    unknown = unknown[unknown[:, 0] > 0]
    with pytest.raises(ValueError, match="call compute_chunk_sizes"):
        BernoulliLogistic.from_dask(unknown, da.ones(10))
    with pytest.raises(ValueError, match="must be 0 or 1"):
        BernoulliLogistic.from_dask(da.ones((10, 2), dtype=int), da.linspace(0, 1, 10))
    missing = np.ones((10, 2))
    missing[3, 1] = np.nan
    with pytest.raises(ValueError, match="values are missing, first in row 3"):
        BernoulliLogistic.from_dask(da.from_array(missing), da.from_array(np.arange(10) % 2))
    twice = dd.from_pandas(people(10), npartitions=1).rename(columns={"income": "age"})
    with pytest.raises(ValueError, match="'age' is repeated"):
        BernoulliLogistic.from_dask(twice, FORMULA)
    with pytest.raises(TypeError, match="takes the response as one"):
        BernoulliLogistic.from_dask(da.ones((10, 2)), "y ~ x")
    with pytest.raises(ValueError, match="no column 'incom'"):
        BernoulliLogistic.from_dask(dd.from_pandas(people(10), npartitions=1), "bought ~ incom")


@pytest.mark.parametrize("odd", [np.inf, (1, 2), 3.5, True])
def test_categories_of_several_types_are_those_of_the_rows_in_memory(odd):
    values = ["a", "b"] * 10
    values[17] = odd
    z = pd.Categorical(values, categories=["a", "b", odd])
    frame = pd.DataFrame({"y": [0, 1] * 10, "x": np.arange(20.0) % 7, "z": z})
    parts = [dask.delayed(frame.iloc[:9]), dask.delayed(frame.iloc[9:])]
    rows = dd.from_delayed(parts, meta=frame.iloc[:0], verify_meta=False)
    found = BernoulliLogistic.from_dask(rows, "y ~ x + z")
    expected = BernoulliLogistic.from_formula("y ~ x + z", frame)
    assert found.names == expected.names
    assert found.data_hash == expected.data_hash


@pytest.mark.parametrize("what", ["values", "missing values", "rows", "levels"])
def test_a_frame_of_dask_that_is_random_in_each_pass_is_noticed(what):
    dd = pytest.importorskip("dask.dataframe")
    calm, passes = many(900)[["x", "y", "g"]].fillna({"x": 0.0}), iter(range(1000))

    def partition(number: int) -> pd.DataFrame:
        frame = calm[number * 300 : (number + 1) * 300].copy()
        if number == 1:
            now = next(passes)
            if what == "values":
                frame["x"] = frame["x"] + now
            elif what == "missing values":
                frame.loc[frame.index[: 10 * now], "x"] = np.nan
            elif what == "levels":
                frame["g"] = frame["g"].where(frame["x"] > 0, f"level {now}")
            else:
                frame = frame[: 300 - 7 * now]
        return frame

    lazy = dd.from_map(partition, range(3), meta=calm[:5])
    model = BernoulliLogistic.from_dask(lazy, "y ~ x + g")
    with pytest.raises(OSError, match="or are random; store them, and start again"):
        fit_newton(model)


@pytest.mark.parametrize("row", [3, 37, 90])
def test_rows_of_arrays_have_their_numbers_in_the_whole(row):
    X = np.random.default_rng(1).normal(size=(100, 2))
    X[row, 1] = np.nan
    y = np.arange(100) % 2
    with pytest.raises(ValueError, match=rf"values are missing, first in row {row} "):
        BernoulliLogistic.from_dask(da.from_array(X, (25, 1)), da.from_array(y, 40))


@pytest.mark.parametrize("chunks", [(300, 2), (70, 1)])
def test_a_response_of_two_columns_is_of_successes_and_failures(chunks):
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(300, 2)), rng.integers(0, 4, size=(300, 2))
    model = BernoulliLogistic.from_dask(da.from_array(X, chunks), da.from_array(Y, (90, 1)))
    memory = BernoulliLogistic.from_arrays(X, Y)
    assert model.data_hash == memory.data_hash
    assert model.response_coding == memory.response_coding
    assert model.n_zero_weight == memory.n_zero_weight > 0
    assert (model.trials.n_groups, model.response_name) == (memory.trials.n_groups, "y")
    assert_same_fit(model, memory)
    with pytest.raises(ValueError, match="successes and failures"):
        BernoulliLogistic.from_dask(da.from_array(X), da.from_array(np.ones((300, 3))))


def test_words_that_mean_a_missing_value_are_those_of_the_rows_in_memory():
    frame = people(450).assign(age=lambda f: f["age"].round(2).astype(str))
    frame.loc[:40, "age"] = "?"
    frame.loc[200:220, "region"] = "none"
    lazy = dd.from_map(lambda i: frame.iloc[30 * i : 30 * (i + 1)], range(15))
    model = BernoulliLogistic.from_dask(lazy, FORMULA, na=["?", "none"])
    memory = BernoulliLogistic.from_formula(FORMULA, frame, na=["?", "none"])
    assert model.data_hash == memory.data_hash
    assert model.facts == memory.facts
    assert "age: '?' in 41 rows read as missing" in model.facts
    assert_same_fit(model, memory)
    with pytest.raises(ValueError, match="na= is not for arrays; leave it out"):
        BernoulliLogistic.from_dask(da.ones((10, 2)), da.ones(10), na="?")


@pytest.mark.parametrize("after", [0, 3])
def test_a_partition_that_has_lost_a_column_is_said(after):
    data, made = people(40).reset_index(drop=True), []

    def part(rows):
        made.append(rows)
        whole = data.iloc[rows : rows + 20]
        return whole.drop(columns="income") if len(made) > after and rows else whole

    frame = dd.from_map(part, [0, 20], meta=data)
    with pytest.raises(ValueError, match="a partition has no column 'income', although the frame"):
        fit_newton(BernoulliLogistic.from_dask(frame, "bought ~ age + income"))
