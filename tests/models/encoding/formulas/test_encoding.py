"""From a formula to a design matrix."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, fit_newton


def test_reference_levels_are_stated_and_can_be_chosen(frame):
    assert BernoulliLogistic.from_formula("y ~ g", frame).reference_levels == {"g": "low"}
    chosen = BernoulliLogistic.from_formula("y ~ C(g, contr.treatment('top'))", frame)
    assert chosen.reference_levels == {"g": "top"}
    assert chosen.names == ("Intercept", "C(g)[T.low]", "C(g)[T.mid]")
    # the same model in other coordinates: same maximum
    plain = fit_newton(BernoulliLogistic.from_formula("y ~ g", frame))
    assert fit_newton(chosen).log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-13)
    assert BernoulliLogistic.from_formula("y ~ 0 + g", frame).reference_levels == {}


def test_missing_values_are_counted_or_refused(frame):
    frame.loc["id3", "x"] = np.nan
    frame.loc["id9", "g"] = None
    frame["unused"] = np.nan
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    assert (model.n_dropped, model.n_rows) == (2, 58)
    assert "id3" not in model.row_labels
    with pytest.raises(ValueError, match=r"rows id3, id9 \(column 'x' first\)"):
        BernoulliLogistic.from_formula("y ~ x + g", frame, missing="raise")
    with pytest.raises(ValueError, match="missing must be"):
        BernoulliLogistic.from_formula("y ~ x", frame, missing="ignore")


def test_a_missing_offset_or_weight_drops_its_row_too(frame):
    frame["o"] = frame["x"].where(frame.index != "id5")
    model = BernoulliLogistic.from_formula("y ~ z", frame, offset="o", frequency_weights="w")
    assert (model.n_dropped, model.n_rows) == (1, 59)
    assert model.offset == pytest.approx(frame["o"].drop("id5"))
    assert model.frequency_weights == pytest.approx(frame["w"].drop("id5"))


def test_an_infinite_value_is_an_error_not_a_missing_value(frame):
    frame.loc["id4", "x"] = np.inf
    with pytest.raises(ValueError, match="column 'x' has values that are not finite in row id4"):
        BernoulliLogistic.from_formula("y ~ x", frame)


def test_new_rows_must_have_known_levels_and_all_columns(frame):
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    new = pd.DataFrame({"x": [0.0, 1.0], "g": ["low", "huge"]})
    with pytest.raises(ValueError, match="column 'g' has the level 'huge' in row 1"):
        model.design_matrix(new)
    with pytest.raises(ValueError, match="no column 'g'"):
        model.design_matrix(new[["x"]])
    with pytest.raises(ValueError, match="column 'x' holds text"):
        model.design_matrix(pd.DataFrame({"x": ["a"], "g": ["low"]}))
    with pytest.raises(ValueError, match="column 'x' is missing in row 0"):
        model.design_matrix(pd.DataFrame({"x": [np.nan], "g": ["low"]}))
    with pytest.raises(TypeError, match="data frame"):
        model.design_matrix(np.ones((2, 3)))


def test_csv_parquet_and_frame_give_the_same_model(frame, tmp_path):
    frame = frame.drop(columns="mixed").reset_index(drop=True)
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    models = [
        BernoulliLogistic.from_formula("y ~ x + g", source)
        for source in (frame, tmp_path / "d.csv", str(tmp_path / "d.parquet"))
    ]
    assert len({model.data_hash for model in models}) == 1


@pytest.mark.parametrize("dtype", ["object", "string", "str", "category"])
def test_text_that_looks_like_numbers_stays_text(dtype):
    data = pd.DataFrame({"y": [0, 1, 0], "v": pd.Series(["0", "1", "2"], dtype=dtype)})
    assert BernoulliLogistic.from_formula("y ~ v", data).names == ("Intercept", "v[T.1]", "v[T.2]")


def test_levels_are_those_of_the_rows_that_are_used(frame):
    frame["c"] = pd.Categorical(frame["g"], categories=["none", "top", "mid", "low"])
    assert BernoulliLogistic.from_formula("y ~ c", frame).names == (
        "Intercept", "c[T.mid]", "c[T.low]",
    )  # fmt: skip
    frame.loc[frame["g"] == "top", "w"] = 0
    frame.loc["id0", "x"] = 1e6
    frame.loc["id0", "w"] = 0
    model = BernoulliLogistic.from_formula("y ~ g + center(x)", frame, frequency_weights="w")
    assert "g[T.top]" not in model.names
    assert abs(model.design[:, -1]).max() < 10  # the row of weight 0 does not move the centre
    assert model.n_zero_weight >= 2


def test_series_of_other_labels_are_not_paired_by_position(frame):
    other = pd.Series(np.zeros(60))
    with pytest.raises(ValueError, match="'offset' and the data have different row labels"):
        BernoulliLogistic.from_formula("y ~ x", frame, offset=other)
    with pytest.raises(ValueError, match="different indexes"):
        BernoulliLogistic.from_formula("y ~ x", {"y": frame["y"], "x": other})


def test_rows_without_weight_and_rows_without_a_value_are_counted_apart():
    frame = pd.DataFrame({"y": [0, 1, 0, 1, 1, 0], "x": [1.0, 2, np.nan, 4, 5, 6]})
    frame["w"] = [1, 0, 0, 2, 1, 0]
    model = BernoulliLogistic.from_formula("y ~ x", frame, frequency_weights="w")
    # the third row lacks a value and has no weight: it is counted once
    assert (model.n_dropped, model.n_zero_weight, model.n_rows) == (1, 2, 3)


def test_what_a_formula_multiplies_out_to_is_bounded():
    rng = np.random.default_rng(1)
    names = [f"c{i}" for i in range(9)]
    data = pd.DataFrame({name: rng.choice(list("abcd"), 50) for name in names})
    data["y"] = rng.integers(0, 2, 50)
    for crossed in (":", "*"):
        with pytest.raises(ValueError, match="crosses 9 categories; at most 8 are"):
            BernoulliLogistic.from_formula(f"y ~ {crossed.join(names)}", data)
    with pytest.raises(ValueError, match=r"has some 390624 columns in 50 rows"):
        BernoulliLogistic.from_formula(f"y ~ {'*'.join(names[:8])}", data)
    splines = ":".join(f"poly(z, {i}, raw=TRUE)" for i in range(90, 94))
    with pytest.raises(ValueError, match=r"has some \d+ columns in 50 rows, too many"):
        BernoulliLogistic.from_formula(f"y ~ {splines}", data.assign(z=np.linspace(0.9, 1.1, 50)))


def test_levels_are_in_the_order_of_their_contrasts():
    frame = pd.DataFrame({"y": [0, 1] * 6, "a": list("abcacb") * 2, "k": [3, 1, 2, 2] * 3})
    frame["x"] = np.arange(12.0)
    for formula, expected in (
        ("y ~ a + x", {"a": ("a", "b", "c")}),
        ("y ~ C(a, levels=c('c', 'a', 'b')) + C(k)", {"a": ("c", "a", "b"), "k": ("1", "2", "3")}),
        ("y ~ a + C(a, levels=c('c', 'a', 'b')):x", {}),
        ("y ~ relevel(a, ref='b') + I(k > 1)", {"a": ("a", "b", "c")}),
    ):
        model = BernoulliLogistic.from_formula(formula, frame)
        assert model.encoding.levels_in_order == expected
