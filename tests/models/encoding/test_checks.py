"""What is taken for a number, an outcome or a category, and what is refused in a sentence."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.encoding import checks, tables

AUTO = Path(__file__).parents[2] / "data" / "question_marks.csv"


def test_in_batches_not_all_rows_that_are_not_finite_are_known_and_it_says_so(tmp_path):
    frame = pd.DataFrame({"x": np.arange(300) * 10.0, "y": np.arange(300) % 2})
    frame.iloc[:150].to_csv(tmp_path / "1.csv", index=False)
    frame.iloc[150:].to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(ValueError, match=r"rows \S+, .* and \d+ more; correct or drop them"):
        BernoulliLogistic.from_formula("y ~ exp(x)", frame)
    with pytest.raises(ValueError, match=r"exp\(x\).* and perhaps in others: not all rows were"):
        fit_newton(BernoulliLogistic.from_parquet(tmp_path, "y ~ exp(x)"))


def test_one_cell_that_is_no_number_stops_the_fit_and_is_named(tmp_path, monkeypatch):
    dd = pytest.importorskip("dask.dataframe")
    monkeypatch.setattr(tables, "BATCH_ROWS", 60)
    formula, frame = "high ~ horsepower + weight", pd.read_csv(AUTO)
    rows = "rows .33, 127, 331, 337, 355.; make such values missing or correct them"
    frame.index += 1
    frame.to_parquet(tmp_path / "auto.parquet")
    for build in (
        lambda: BernoulliLogistic.from_formula(formula, AUTO),
        lambda: BernoulliLogistic.from_formula(formula, frame),
        lambda: BernoulliLogistic.from_parquet(AUTO, formula),
        lambda: BernoulliLogistic.from_parquet(tmp_path, formula),
        lambda: BernoulliLogistic.from_dask(dd.from_pandas(frame, npartitions=4), formula),
    ):
        with pytest.raises(ValueError, match=rf"'horsepower' holds numbers.*'\?' in 5 {rows}"):
            build()
    meant = BernoulliLogistic.from_formula("high ~ C(horsepower) + weight", AUTO)
    assert meant.n_parameters == 141
    numbers = pd.read_csv(AUTO, na_values="?")
    fit = fit_newton(BernoulliLogistic.from_formula(formula, numbers))
    expected = [8.65507322, -0.0317060873, -0.00199173181]  # statsmodels, without the five rows
    assert fit.coefficients == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            ["1", "2", "3", "4", "5", "1,5"],
            r"'1,5' in 1 row \(5\).*comma of '1,5' is to be a point.*C\(x\)",
        ),
        (["1", "2", "3", "4", "5", "1,234"], "comma of '1,234' is to be left out, or a point if"),
        (["1", "2", "3", ".", "5", "."], r"'\.' in 2 rows \(3, 5\)"),
        ([1, 2, 3, 4.5, "?", 6], r"numbers in some rows and text in others: '\?' in 1 row \(4\)"),
        (["10", "20", "30", "40", "50", "60"], "all of its different values are numbers"),
        (pd.Categorical(["1", "2", "3", "4", "5", "?"]), r"'\?' in 1 row \(5\)"),
    ],
)
def test_what_spoils_a_number_is_named(cells, words):
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula("y ~ x", {"y": [0, 1, 0, 1, 1, 0], "x": cells})


def test_honest_categories_of_numbers_stay(tmp_path):
    y = [0, 1, 0, 1, 1, 0]
    for cells in (
        ["1", "2", "3", "other", "1", "2"],
        ["01234", "02345", "10001", "98101", "60601", "60601"],
        pd.Categorical(["1", "2", "3", "4", "5", "6"]),
        pd.Categorical(["1", "2", "3", "4", "5", "?"], ordered=True),
    ):
        levels = len(set(cells))
        model = BernoulliLogistic.from_formula("y ~ x", {"y": y, "x": cells})
        assert model.n_parameters == levels
    spoilt = {"y": y, "my x": ["1", "2", "3", "4", "5", "?"]}
    with pytest.raises(ValueError, match=r"write C\(`my x`\) if"):
        BernoulliLogistic.from_formula("y ~ `my x`", spoilt)
    assert BernoulliLogistic.from_formula("y ~ C(`my x`)", spoilt).n_parameters == 6


def test_a_response_of_0_and_1_with_something_else_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BATCH_ROWS", 7)
    cells = ["0", "1"] * 10 + ["?"] + ["1", "0"] * 10 + ["?", "1"]
    path = tmp_path / "d.csv"
    path.write_text("y,x\n" + "".join(f"{y},{i}\n" for i, y in enumerate(cells)))
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", path),
        lambda: BernoulliLogistic.from_parquet(path, "y ~ x"),
    ):
        with pytest.raises(ValueError, match=r"response 'y' holds num.*'\?' in 2 rows \(21, 42\)"):
            build()


@pytest.mark.parametrize("ordered", [True, False])
def test_the_order_of_a_response_of_categories_is_kept(ordered):
    values = pd.Categorical(["lo", "hi", "lo", "hi"], categories=["lo", "hi"], ordered=ordered)
    x = [1.0, 2.0, 3.0, 4.0]
    for y in (values, pd.Series(values), pd.CategoricalIndex(values), pd.DataFrame({"y": values})):
        model = BernoulliLogistic.from_arrays(x, y)
        assert model.response_coding == "hi = 1, lo = 0"
        assert model.response.tolist() == [0, 1, 0, 1]
    for y in (values, pd.Series(values), pd.CategoricalIndex(values)):
        for data in ({"x": x, "y": y}, pd.DataFrame({"x": x, "y": y})):
            model = BernoulliLogistic.from_formula("y ~ x", data)
            assert model.response_coding == "hi = 1, lo = 0"


@pytest.mark.parametrize(
    "build",
    [
        lambda masked: BernoulliLogistic.from_arrays([masked, [1, 2], [2, 5]], [0, 1, 0]),
        lambda masked: BernoulliLogistic.from_arrays([[1, 2], [2, 5]], list(masked)),
        lambda masked: BernoulliLogistic.from_arrays([1, 2], [0, 1], offset=[0, masked[1]]),
        lambda masked: BernoulliLogistic.from_formula("y ~ x", {"y": [0, 1], "x": list(masked)}),
        lambda masked: BernoulliLogistic.from_formula(
            "y ~ x", {"y": [0, 1], "x": np.array(list(masked), dtype=object)}
        ),
        lambda masked: BernoulliLogistic.from_arrays(
            pd.DataFrame({"x": pd.Series(list(masked), dtype=object)}), [0, 1]
        ),
    ],
)
def test_masks_are_honoured_wherever_they_stand(build):
    with pytest.raises(ValueError, match="has masked values; fill or drop them"):
        build(np.ma.array([0, 1], mask=[False, True]))


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        ([0, 1, 1], [1, 10**400, 3], "'x' has values that are not finite in row 1"),
        ([0, -(10**400), 1], [1, 2, 3], "'y' must be 0 or 1, but it has the values -inf, 0, 1"),
        ([0, 1, 1], [Decimal(1), Decimal(2), Decimal(3)], "holds Decimal values; it must hold num"),
        ([0, 1, 1], [b"a", b"b", b"a"], "holds bytes values; it must hold numbers, text or categ"),
    ],
)
def test_odd_objects_are_one_sentence(y, x, words):
    frame = pd.DataFrame({"y": pd.Series(y, dtype=object), "x": pd.Series(x, dtype=object)})
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula("y ~ x", frame)


def test_what_a_formula_cannot_compute_is_not_called_missing():
    with pytest.raises(
        ValueError, match=r"'log\(x\)' has values that are no numbers \(NaN\) in row 1"
    ):
        BernoulliLogistic.from_formula("y ~ log(x)", {"y": [0, 1, 0], "x": [1.0, -2.0, 3.0]})


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: BernoulliLogistic.from_arrays([1, 2, 3], [0.5, 0.2, 1]), "of shares, give each"),
        (lambda: BernoulliLogistic.from_arrays([1, 2, 3], [0.5, 2, 1]), "; recode it$"),
        (lambda: BernoulliLogistic.from_arrays(csr_array(np.eye(2)), [0, 1]), r"X\.toarray\(\)"),
        (
            lambda: BernoulliLogistic.from_formula("y ~ x + offset(z)", {"y": 0, "x": [1], "z": 2}),
            r"'offset\(z\)' is not allowed in a formula; name its column beside the formula",
        ),
    ],
)
def test_the_remedy_is_one_that_works(build, words):
    with pytest.raises(ValueError, match=words):
        build()


S = "a\ud800"


@pytest.mark.parametrize(
    "build",
    [
        lambda y, x: BernoulliLogistic.from_arrays(x, y, names=[S]),
        lambda y, x: BernoulliLogistic.from_arrays(x, [S, "b"] * 3),
        lambda y, x: BernoulliLogistic.from_formula(f"y ~ `{S}`", {"y": y, S: x}),
        lambda y, x: BernoulliLogistic.from_formula(
            "y ~ g", {"y": y, "g": pd.Series([S, "b", "c"] * 2, dtype=object)}
        ),
        lambda y, x: BernoulliLogistic.from_formula(
            "y ~ g", {"y": y, "g": pd.Categorical(pd.Series([S, "b", "c"] * 2, dtype=object))}
        ),
    ],
)
def test_half_a_character_is_refused_in_a_sentence(build):
    with pytest.raises(ValueError, match="a lone surrogate, which is half a character") as caught:
        build([0, 1, 0, 1, 1, 0], [1.0, 2, 3, 4, 2, 5])
    assert not isinstance(caught.value, UnicodeError)


def test_a_column_without_a_value_is_no_column_of_truth_values():
    assert checks.kind_of(pd.Series([], dtype=object)) == "numbers"


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_the_coding_of_truth_values_is_said_whatever_stores_them(dtype, tmp_path):
    frame = pd.DataFrame({"y": pd.array([True, False] * 4, dtype=dtype), "x": range(8)})
    assert BernoulliLogistic.from_formula("y ~ x", frame).response_coding == "True = 1, False = 0"
    # an empty file, or a missing value, makes objects of them
    frame.iloc[:0].to_csv(tmp_path / "0.csv", index=False)
    frame.iloc[:5].to_csv(tmp_path / "1.csv", index=False)
    frame.iloc[5:].assign(y=[True, False, None]).to_csv(tmp_path / "2.csv", index=False)
    for build in (
        BernoulliLogistic.from_parquet,
        lambda p, f: BernoulliLogistic.from_formula(f, p),
    ):
        assert build(tmp_path, "y ~ x").response_coding == "True = 1, False = 0"


def test_of_several_cells_that_are_no_numbers_the_first_is_named():
    series = pd.Series(["1", "?", "3", "x", "?", "6"], index=list("abcdef"), name="dose")
    with pytest.raises(ValueError, match=r"\('\?' first, in row b\)"):
        checks.predictor(series, numbers_because="the formula computes with it")


def test_weights_are_counted_exactly_or_refused():
    for past, values in (
        (True, [2.0**52, 2.0**52]),
        (False, [2.0**52, 2.0**52 - 1]),
        (False, [0.0, 3.0]),
    ):
        series = pd.Series(values, name="w")
        if past:
            with pytest.raises(ValueError, match=r"'w' sums to 2.53 or more, past exact counting"):
                checks.whole_weights(series)
        else:
            assert checks.whole_weights(series).sum() == sum(map(int, values))
