"""Whose rows are averaged over, and what each counts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from flatprior.analysis import average_marginal_effects, predict, robust_covariance
from flatprior.models import BernoulliLogistic, fit_newton, load_smarket

DATA = Path(__file__).parents[2] / "data"


def passengers() -> tuple[pd.DataFrame, BernoulliLogistic]:
    frame = pd.read_csv(DATA / "passengers_train.csv")
    return frame, BernoulliLogistic.from_formula("survived ~ pclass + sex + age", frame)


def test_of_the_models_own_frame_the_rows_are_left_out_that_the_model_left_out():
    train, model = passengers()
    fit = fit_newton(model)
    own = average_marginal_effects(model, fit, train).table()
    explicit = average_marginal_effects(model, fit, train.loc[model.row_labels]).table()
    assert own.columns.name == "over 706 rows; 185 left out: a value is missing"
    assert own.attrs["rows"] == explicit.attrs["rows"] == 706
    pd.testing.assert_frame_equal(own, explicit, check_names=False)
    own = own.reindex(["pclass", "age", "sex: male - female"])
    # R: marginal effects over the 706 complete passengers
    assert own["effect"].to_numpy() == pytest.approx([-0.173896, -0.006687, -0.490834], abs=5e-7)
    assert own["standard error"].to_numpy() == pytest.approx(
        [0.015817, 0.001133, 0.031927], abs=5e-7
    )
    # another frame with missing values is refused, with a remedy that drops no others
    with pytest.raises(
        ValueError, match=r"'age' is missing.*dropna\(subset=\['pclass', 'sex', 'age'"
    ):
        average_marginal_effects(model, fit, train[1:])
    # what the remedy of old led to is said: only some of the rows
    cabin = train.assign(cabin=np.where(np.arange(len(train)) % 4 == 0, "c", None))
    some = average_marginal_effects(model, fit, cabin.dropna()).table()
    assert some.columns.name == f"over {len(cabin.dropna())} of the model's 706 rows"
    assert (
        average_marginal_effects(model, fit, cabin.dropna()[:20].assign(age=30.0)).columns.name
        is None
    )


@pytest.mark.parametrize("labels", ["other", "repeated"])
def test_the_models_own_frame_is_known_by_what_it_holds(labels):
    train, model = passengers()
    expected = average_marginal_effects(model, fit_newton(model), train).table()
    again = train.set_axis(
        [f"p{i % (900 if labels == 'other' else 40)}" for i in range(len(train))]
    )
    found = average_marginal_effects(model, fit_newton(model), again).table()
    pd.testing.assert_frame_equal(found, expected)
    if labels == "other":
        model = BernoulliLogistic.from_formula(model.formula, again)
        shuffled = again.sample(frac=1.0, random_state=1)
        found = average_marginal_effects(model, fit_newton(model), shuffled).table()
        pd.testing.assert_frame_equal(found, expected)


def test_own_rows_keep_their_offset_and_weights():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=200), "o": rng.normal(size=200)})
    frame["w"], frame["y"] = rng.integers(0, 4, 200), rng.integers(0, 2, 200)
    frame.loc[:9, "o"] = np.nan
    named = BernoulliLogistic.from_formula("y ~ x", frame, offset="o", frequency_weights="w")
    arrays = BernoulliLogistic.from_formula(
        "y ~ x", frame, offset=frame["o"], frequency_weights=frame["w"]
    )
    fit = fit_newton(named)
    kept = frame[(frame["w"] > 0) & frame["o"].notna()]
    slopes = (p := expit(named.design @ fit.coefficients + kept["o"])) * (1 - p)
    expected = np.average(slopes, weights=kept["w"]) * fit.coefficients[1]
    for model in (named, arrays):
        for options in ({}, {"offset": "o", "frequency_weights": "w"}, {"offset": frame["o"]}):
            found = average_marginal_effects(model, fit, frame, **options).table()
            assert found["effect"].iloc[0] == pytest.approx(expected, rel=1e-9)
            left = f"{named.n_dropped} left out: a value is missing; {named.n_zero_weight}"
            assert left in found.columns.name
    with pytest.raises(ValueError, match="pass the offsets of the new rows"):
        average_marginal_effects(arrays, fit, frame[20:])
    new = average_marginal_effects(
        named, fit, frame[20:]
    ).table()  # the offset is remembered by its name
    assert new.attrs["rows"] == 180
    assert new.columns.name == "over 180 rows, each counted once, not by its weight"


@pytest.mark.parametrize("kind", ["files", "dask"])
def test_models_whose_rows_are_in_batches_have_effects_too(tmp_path, kind):
    data = load_smarket()
    if kind == "dask":
        dd = pytest.importorskip("dask.dataframe")
        lazy = dd.from_pandas(data, npartitions=2)
        model = BernoulliLogistic.from_dask(lazy, "Direction ~ Lag1 + Volume")
    else:
        data[:700].to_parquet(tmp_path / "0.parquet")
        data[700:].to_parquet(tmp_path / "1.parquet")
        model = BernoulliLogistic.from_parquet(tmp_path, "Direction ~ Lag1 + Volume")
    fit = fit_newton(model)
    found = average_marginal_effects(model, fit, data).table()
    assert found["effect"].to_numpy() == pytest.approx([-0.017956, 0.034212], abs=5e-7)
    assert found["standard error"].to_numpy() == pytest.approx([0.012439, 0.039257], abs=5e-7)
    for result in (fit, robust_covariance(model, fit)):
        new = predict(model, result, {"Lag1": [0.5], "Volume": [1.2]}).iloc[0]
        assert new["probability"] == pytest.approx(0.499957, abs=5e-7)
    new = predict(model, fit, {"Lag1": [0.5], "Volume": [1.2]}).iloc[0]
    assert new["standard error"] == pytest.approx(0.076358, abs=5e-7)
    ends = new[["probability 2.5%", "probability 97.5%"]].to_numpy(dtype=float)
    assert ends == pytest.approx([0.462612, 0.537302], abs=5e-7)


def test_own_files_with_missing_values_and_weights_are_known(tmp_path):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"x": rng.normal(size=300), "w": rng.integers(0, 3, 300)})
    frame["o"], frame["y"] = rng.normal(size=300), rng.choice(["a", "b"], 300)
    frame.loc[::50, "x"] = np.nan
    roles = {"offset": "o", "frequency_weights": "w"}
    frame.to_parquet(tmp_path / "0.parquet")
    batches = BernoulliLogistic.from_parquet(tmp_path, "y ~ x", **roles)
    memory = BernoulliLogistic.from_formula("y ~ x", frame, **roles)
    ours, theirs = (
        average_marginal_effects(model, fit_newton(model), frame).table()
        for model in (batches, memory)
    )
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)
    assert "6 left out: a value is missing" in ours.columns.name


def test_effects_of_grouped_counts_are_those_of_their_single_observations(tmp_path):
    groups = pd.DataFrame({"x": [1.0, 2, 3, 5, np.nan, 4], "s": [1, 2, 0, 5, 1, 0], "n": 7})
    groups.loc[5, "n"] = 0
    single = pd.DataFrame(
        [(x, int(i < s)) for x, s, n in groups.iloc[:4].to_numpy() for i in range(int(n))],
        columns=["x", "y"],
    )
    alone = BernoulliLogistic.from_formula("y ~ x", single)
    expected = average_marginal_effects(alone, fit_newton(alone), single).table()
    groups.to_parquet(tmp_path / "groups.parquet")
    for model in (
        BernoulliLogistic.from_formula("cbind(s, n - s) ~ x", groups),
        BernoulliLogistic.from_parquet(tmp_path, "cbind(s, n - s) ~ x"),
    ):
        found = average_marginal_effects(model, fit_newton(model), groups).table()
        assert found["effect"].tolist() == pytest.approx(expected["effect"].tolist(), rel=1e-9)
        said = "over 4 groups; 1 left out: a value is missing; 1 left out: no trials"
        assert found.columns.name == said
        other = groups.iloc[:4].assign(x=[1.0, 1, 2, 2])
        other = average_marginal_effects(model, fit_newton(model), other).table()
        assert "each counted once" in other.columns.name


def test_groups_in_another_order_are_the_models_own_and_those_of_other_counts_are_not():
    """By their labels and by what they hold, with a missing value and a group without trials."""
    frame = pd.read_csv(Path(__file__).parents[2] / "data" / "grouped.csv")
    frame["dose"] = frame["dose"].astype(float)
    frame.loc[3, "dose"] = np.nan
    frame.loc[7, ["dead", "n"]] = 0
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + dose", frame)
    fit = fit_newton(model)
    own = average_marginal_effects(model, fit, frame).table()
    for seed in range(3):
        shuffled = frame.sample(frac=1.0, random_state=seed)
        found = average_marginal_effects(model, fit, shuffled).table()
        np.testing.assert_allclose(found.iloc[:, 1:3], own.iloc[:, 1:3], rtol=1e-12)
        assert found.columns.name == own.columns.name
        predicted = predict(model, fit, shuffled)
        known = shuffled.index[shuffled["dose"].notna()]
        assert list(predicted.index) == list(known)
        pd.testing.assert_frame_equal(
            predicted.loc[[0, 1, 2]], predict(model, fit, frame).loc[[0, 1, 2]]
        )
    whole = frame.dropna()
    others = whole.assign(dead=whole["n"] - whole["dead"])
    for changed in (others, whole.sample(frac=1.0, random_state=1).reset_index(drop=True)):
        name = average_marginal_effects(model, fit, changed).columns.name
        assert name == "over 11 rows, each counted once, not by its trials"
