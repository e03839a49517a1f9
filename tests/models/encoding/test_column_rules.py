"""What columns must be, the same sentence however their rows come."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from every_way import every_way

from flatprior.models import BernoulliLogistic, fit_newton

N = 28
Y = (np.arange(N) * 5 % 7 < 3).astype(int)
X = np.round(np.sin(np.arange(N)), 3)

BAD = {
    # a column, a formula, words of the sentence
    "a marker": (["1", "2", "3", "4"] * 6 + ["?"] * 4, "y ~ z", r"'\?' in 4 rows \(25, 26, 27, 28"),
    "a comment": (
        *([str(i % 8) for i in range(22)] + [f"see {i}" for i in range(6)], "y ~ z"),
        "numbers in some rows and text in others: 'see 0', .* in 6 rows",
    ),
    "text in log()": (list("ab") * 14, "y ~ log(z)", "'z' holds text, but the formula computes"),
    "one level": (["a"] * N, "y ~ z", "'z' has one level only, 'a'"),
    "one level of counts": (["a"] * N, "z ~ x", "has 1 category"),
    "an identifier": ([f"i{i}" for i in range(N)], "y ~ z", "'z' has 28 levels in 28 rows, one e"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_column_that_is_not_what_it_must_be_is_one_sentence(name, tmp_path, monkeypatch):
    cells, formula, words = BAD[name]
    frame = pd.DataFrame({"y": Y, "x": X, "z": cells})
    said = set()
    for _, build in every_way(frame, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=words) as caught:
            build(formula)
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("role", ["offset", "frequency_weights"])
def test_what_must_be_numbers_beside_the_formula_is_one_sentence(role, tmp_path, monkeypatch):
    frame = pd.DataFrame({"y": Y, "x": X, "z": ["1", "2", "3", "4"] * 6 + ["1", "2", "3", "?"]})
    frame.loc[27, "x"] = np.nan
    said = set()
    for _, build in every_way(frame, tmp_path, monkeypatch):
        with pytest.raises(
            ValueError, match=r"'z' holds numbers .* --na '\?'\) or correct them$"
        ) as e:
            build("y ~ x", **{role: "z"})
        said.add(str(e.value))
    assert len(said) == 1


ODD = {
    "a total below": {"y": "Total", "x": "30", "z": ""},
    "another separator": {"y": "1;0.2;a", "x": "", "z": ""},
    "a footnote": {"y": "* of 2024", "x": "", "z": ""},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_row_stops_a_response_of_numbers_although_it_is_left_out(
    name, tmp_path, monkeypatch
):
    frame = pd.DataFrame({"y": Y, "x": X, "z": list("abcd") * 7}).astype(str)
    frame = pd.concat([frame, pd.DataFrame([ODD[name]])], ignore_index=True)
    frame = frame.where(frame != "", None)
    said = set()
    for _, build in every_way(frame.assign(x=frame["x"].astype(float)), tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=r"response 'y' holds numbers in .* in 1 row \(29\)"):
            build("y ~ x + z")
        said.add(str(caught_of(build)))
    assert len(said) == 1


def caught_of(build):
    with pytest.raises(ValueError, match="response") as caught:
        build("y ~ x + z")
    return caught.value


def test_an_odd_row_stops_a_predictor_of_numbers_although_it_is_left_out(tmp_path, monkeypatch):
    frame = pd.DataFrame({"y": Y.astype(float), "x": X, "z": np.arange(N).astype(str)})
    frame.loc[9, ["y", "z"]] = [None, "n/k"]
    for _, build in every_way(frame, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=r"'z' holds numbers.*'n/k' in 1 row \(10\)"):
            build("y ~ x + z")
        assert build("y ~ x").n_dropped == 1  # what the model does not use is not looked at


def when(kind):
    days = pd.date_range("2026-01-01", periods=N)
    return {
        "dates": days,
        "with a zone": days.tz_localize("UTC"),
        "durations": days - days[0],
        "periods": days.to_period("D"),
        "date objects": [day.date() for day in days],
        "times": [datetime.time(i % 24) for i in range(N)],
        "Arrow": pd.array([day.date() for day in days], dtype=pd.ArrowDtype(pa.date32())),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["dates", "with a zone", "durations", "periods", "date objects", "times", "Arrow"]
)
def test_dates_are_refused_with_the_way_on(kind):
    frame = pd.DataFrame({"y": Y, "x": X, "z": when(kind)})
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x + z", frame),
        lambda: BernoulliLogistic.from_formula("y ~ C(z)", frame),
        lambda: BernoulliLogistic.from_formula("y ~ x", frame, offset="z"),
        lambda: BernoulliLogistic.from_arrays(frame[["x", "z"]], frame["y"]),
    ):
        with pytest.raises(ValueError, match=r"'z' holds .* values, which are no numbers: make"):
            build()


def test_dates_in_files_are_refused_with_the_way_on(tmp_path):
    frame = pd.DataFrame({"y": Y, "z": when("dates")})
    frame.to_parquet(tmp_path / "d.parquet")
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ z", tmp_path / "d.parquet"),
        lambda: BernoulliLogistic.from_parquet(tmp_path / "d.parquet", "y ~ z"),
    ):
        with pytest.raises(ValueError, match="such as the days since the first, or categories"):
            build()


@pytest.mark.parametrize("stored", ["objects", "Arrow"])
def test_decimals_are_numbers_and_that_is_said(stored, tmp_path, monkeypatch):
    cells = [Decimal(str(value)) for value in X]
    if stored == "Arrow":
        cells = pd.array(cells, dtype=pd.ArrowDtype(pa.decimal128(6, 3)))
    plain = BernoulliLogistic.from_formula("y ~ z", {"y": Y, "z": X})
    frame = pd.DataFrame({"y": Y, "z": cells})
    for way, build in every_way(frame, tmp_path, monkeypatch):
        if way == "Dask" and stored == "objects":
            continue  # it makes text of them
        model = build("y ~ z")
        assert model.data_hash == plain.data_hash
        said = "z: decimal numbers, each taken as the nearest double"
        assert (said in model.facts) == ("CSV" not in way)
    assert fit_newton(model).coefficients == pytest.approx(fit_newton(plain).coefficients)
    ones = [Decimal(int(value)) for value in Y]
    model = BernoulliLogistic.from_formula("y ~ x", {"y": ones, "x": X})
    assert model.response.tolist() == Y.tolist()


def test_booleans_are_numbers_which_is_said_and_new_rows_are_held_to_it(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"y": rng.integers(0, 2, 40), "b": rng.random(40) < 0.5, "x": rng.random(40)}
    )
    frame["c"] = ~frame["b"] | (frame["x"] > 0.5)
    for name, build in every_way(frame, tmp_path, monkeypatch):
        model = build("y ~ x + b + I(2 * c)")
        assert "b, c: true counts as 1, false as 0" in model.facts, name
        new = pd.DataFrame({"x": [0.5, 0.5], "b": [1, 0], "c": [True, False]})
        assert model.design_matrix(new)[:, 2].tolist() == [1.0, 0.0]
        for wrong in (2, -1):
            words = (
                rf"'b' was true or false in the rows of the model, and is {wrong} in row 1; 1 is"
            )
            with pytest.raises(ValueError, match=words):
                model.design_matrix(new.assign(b=[1, wrong]))


def test_remarks_on_codes_of_missing_values_are_of_all_rows(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 40), "x": rng.integers(18, 90, 40)})
    frame.loc[[3, 30], "x"] = -999
    for name, build in every_way(frame, tmp_path, monkeypatch):
        said = [each for each in build("y ~ x").warnings if "-999" in each]
        assert len(said) == 1, name
        assert "column 'x' has -999 in 2 rows" in said[0]
    assert BernoulliLogistic.from_formula("y ~ x", frame, na="-999").n_dropped == 2


def test_whole_numbers_that_doubles_do_not_tell_apart_are_said(tmp_path, monkeypatch):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 30), "x": 2**53 - rng.integers(0, 9, 30)})
    words = "x: whole numbers beyond 2^53, each taken as the nearest double"
    for largest, said in ((2**53, False), (2**53 + 2, True), (-(2**60) - 1, True)):
        frame.loc[17, "x"] = largest
        for name, build in every_way(frame, tmp_path, monkeypatch):
            assert (words in build("y ~ x").facts) == said, name
