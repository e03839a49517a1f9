"""New rows: what is missing is counted, offsets are found by name."""

import numpy as np
import pandas as pd
import pytest
from coded_models import both, survey
from scipy.special import expit

from flatprior.analysis import average_marginal_effects, predict
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence
from flatprior.models.designs.coded import Structured


def passengers():
    """Ages that are missing, and a cabin that no formula uses and hardly anybody has."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"age": rng.normal(30, 10, 300), "sex": rng.choice(["f", "m"], 300)})
    frame["y"] = (rng.random(300) < 0.3 + 0.4 * (frame["sex"] == "f")).astype(int)
    frame.loc[::5, "age"] = np.nan
    frame.loc[3:5, "y"] = [1, 0, 1]
    return frame.assign(cabin=np.where(frame.index % 4, None, "c"), o=rng.normal(size=300))


@pytest.mark.parametrize("offset", [None, "o"])
def test_rows_of_the_model_s_own_data_with_a_missing_value_are_left_out_and_counted(offset):
    frame = passengers()
    model = BernoulliLogistic.from_formula("y ~ age + sex", frame, offset=offset)
    fit = fit_newton(model)
    found = predict(model, fit, frame)
    complete = frame[frame["age"].notna()]
    assert found.index.equals(complete.index)
    assert found.columns.name == "240 rows; 60 left out: a value is missing"
    added = 0 if offset is None else complete["o"]
    log_odds = model.design_matrix(complete) @ fit.coefficients + added
    assert found["probability"].to_numpy() == pytest.approx(expit(log_odds), rel=1e-12)
    draws = predict(model, sample_independence(model, 250, seed=1, progress=False), frame)
    assert draws.index.equals(complete.index)
    assert draws.columns.name == found.columns.name


def test_of_other_rows_a_missing_value_is_an_error_unless_they_are_to_be_left_out():
    frame = passengers()
    model = BernoulliLogistic.from_formula("y ~ age + sex", frame)
    fit, new = fit_newton(model), frame[:20].drop(columns="y")
    with pytest.raises(ValueError, match=r"column 'age' is missing in rows 0, 5, 10, 15"):
        predict(model, fit, new)
    found = predict(model, fit, new, missing="drop")
    assert found.columns.name == "16 rows; 4 left out: a value is missing"
    assert found.index.tolist() == [i for i in range(20) if i % 5]
    whole = predict(model, fit, new.dropna(subset=["age"]))
    assert whole.columns.name is None
    assert np.array_equal(found, whole)
    with pytest.raises(ValueError, match="no rows are left of 1"):
        predict(model, fit, new[:1], missing="drop")
    with pytest.raises(ValueError, match="missing"):
        predict(model, fit, new, missing="keep")


def test_offsets_given_as_numbers_follow_their_rows():
    frame = passengers()
    model = BernoulliLogistic.from_formula("y ~ age + sex", frame, offset=frame["o"])
    fit = fit_newton(model)
    complete = frame["age"].notna()
    expected = predict(model, fit, frame[complete], offset=frame["o"][complete])
    for offset in ("o", frame["o"], frame["o"].to_numpy()):
        found = predict(model, fit, frame, offset=offset)
        assert np.array_equal(found, expected)


def test_a_frame_that_differs_in_the_offset_is_another():
    frame = passengers().dropna(subset=["age"])
    model = BernoulliLogistic.from_formula("y ~ age + sex", frame, offset="o")
    fit, other = fit_newton(model), frame.copy()
    assert predict(model, fit, frame).columns.name is None
    other.iloc[3, other.columns.get_loc("o")] = np.nan
    with pytest.raises(ValueError, match="'o' has missing values"):
        predict(model, fit, other)


@pytest.mark.parametrize("formula", ["y ~ age + sex", "y ~ age + sex + offset(o)"])
def test_effects_over_rows_with_another_offset_or_other_weights_are_of_those(formula):
    frame = passengers().dropna(subset=["age"]).assign(w=2.0)
    offset = None if "offset" in formula else "o"
    model = BernoulliLogistic.from_formula(formula, frame, offset=offset, frequency_weights="w")
    fit = fit_newton(model)
    moved = frame.assign(o=frame["o"] + 2)
    given = average_marginal_effects(model, fit, moved, ["age"]).table()
    slopes = (p := predict(model, fit, moved)["probability"]) * (1 - p) * fit.coefficients[1]
    assert given["effect"].iloc[0] == pytest.approx(slopes.mean(), rel=1e-7)
    heavier = frame.assign(w=np.arange(len(frame)) % 3 + 1)
    found = average_marginal_effects(model, fit, heavier, ["age"], frequency_weights="w").table()
    slopes = (p := predict(model, fit, heavier)["probability"]) * (1 - p) * fit.coefficients[1]
    expected = np.average(slopes, weights=heavier["w"])
    assert found["effect"].iloc[0] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize(
    "right",
    [
        "x + twice + z + h + g + same",
        "x + z + g:h + same",
        "x + z + z:g + same:z",
        "z + twice + x + C(s, Sum) * same",
    ],
)
def test_codes_stay_codes_where_columns_are_left_out(monkeypatch, right, unknown):
    frame = survey(400, seed=3)
    frame["same"] = np.where(frame["g"].isin(["red", "blue"]), "p", "q")
    frame["twice"] = 2 * frame["x"]
    held, written = both(f"y ~ {right}", frame, aliased="drop")
    assert held.aliased.names == written.aliased.names != ()
    new = frame.iloc[:60].copy()
    if unknown:
        new.loc[new.index[[3, 5]], "same"] = "q"
        new.loc[7, "twice"] = 3.3
    fits = [fit_newton(model) for model in (held, written)]
    expected = predict(written, fits[1], new)
    dense = Structured.dense
    monkeypatch.setattr(Structured, "dense", lambda self: pytest.fail("written out"))
    found = predict(held, fits[0], new)
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-10, nan_ok=True)
    assert found.isna().any(axis=1).any() == unknown
    assert found.columns.name == expected.columns.name
    monkeypatch.setattr(Structured, "dense", dense)  # for slopes of products
    one, two = (
        average_marginal_effects(model, fit, data=new, variables=["z"]).table()
        for model, fit in zip((held, written), fits, strict=True)
    )
    assert one["effect"].to_numpy() == pytest.approx(two["effect"], abs=1e-8, nan_ok=True)
