"""What a column holds: numbers, text or categories."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.encoding.columns.kinds import holds_levels, is_real, kind_of, predictor
from flatprior.models.encoding.files import source

AUTO = Path(__file__).parents[3] / "data" / "question_marks.csv"


def test_one_cell_that_is_no_number_stops_the_fit_and_is_named(tmp_path, monkeypatch):
    dd = pytest.importorskip("dask.dataframe")
    monkeypatch.setattr(source, "BATCH_ROWS", 60)
    formula, frame = "high ~ horsepower + weight", pd.read_csv(AUTO)
    rows = r"rows .33, 127, 331, 337, 355.; make such values missing \(na='\?', --na '\?'\) or"
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
    expected = [8.65507322, -0.0317060873, -0.00199173181]  # statsmodels, without the five rows
    for model in (
        BernoulliLogistic.from_formula(formula, pd.read_csv(AUTO, na_values="?")),
        BernoulliLogistic.from_formula(formula, AUTO, na="?"),
        BernoulliLogistic.from_parquet(AUTO, formula, na="?"),
    ):
        assert fit_newton(model).coefficients == pytest.approx(expected, rel=1e-8)


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


def test_what_a_formula_cannot_compute_is_not_called_missing():
    with pytest.raises(
        ValueError, match=r"'log\(x\)' has values that are no numbers \(NaN\) in row 1"
    ):
        BernoulliLogistic.from_formula("y ~ log(x)", {"y": [0, 1, 0], "x": [1.0, -2.0, 3.0]})


def test_a_column_without_a_value_is_no_column_of_truth_values():
    assert kind_of(pd.Series([], dtype=object)) == "numbers"


def test_of_several_cells_that_are_no_numbers_the_first_is_named():
    series = pd.Series(["1", "?", "3", "x", "?", "6"], index=list("abcdef"), name="dose")
    with pytest.raises(ValueError, match=r"\('\?' first, in row b\)"):
        predictor(series, numbers_because="the formula computes with it")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["?"], r"\(na='\?', --na '\?'\)"),
        (["?", "."], r"\(na=\['\?', '\.'\], --na '\?' --na \.\)"),
        (["it's"], r"""\(na="it's", --na 'it'"'"'s'\)"""),
        ([f"w{i}" for i in range(4)], r"\(na= and --na name them\)"),
        (["a word that is longer than twenty signs"], r"\(na= and --na name them\)"),
        (["\x1b[31m"], r"\(na= and --na name them\)"),
        (["1,5"], "missing or correct them"),
    ],
)
def test_the_option_that_makes_words_missing_is_named(words, option):
    cells = [*(str(i) for i in range(9)), *words]
    frame = pd.DataFrame({"y": [0, 1] * 4 + [0] * (len(cells) - 8), "x": cells})
    with pytest.raises(ValueError, match=f"values missing {option} or|{option}") as caught:
        BernoulliLogistic.from_formula("y ~ x", frame)
    assert "\x1b" not in str(caught.value)
    if "--na '?'" in str(caught.value):
        assert BernoulliLogistic.from_formula("y ~ x", frame, na=words).n_dropped == len(words)
    # arrays have no such option
    with pytest.raises(ValueError, match="values missing or correct them"):
        BernoulliLogistic.from_arrays(frame[["x"]], frame["y"])


def test_what_holds_levels_is_told_without_its_missing_values():
    for values, held in (
        (["a", None, "b"], "text"),
        (["1", np.nan], "text"),
        (["a", 1.0], ""),
        ([True, None], ""),
        ([1.0, 2.0], ""),
        ([Decimal("1.5"), None], ""),
    ):
        assert holds_levels(pd.Series(values, dtype=object)) == held
    assert holds_levels(pd.Series(["a", None], dtype="string")) == "text"
    assert holds_levels(pd.Series(["a", None], dtype="category")) == "categories"
    assert holds_levels(pd.Series([1.0, None])) == ""


def test_what_is_missing_among_objects_is_no_reason_to_be_no_number():
    for missing in (None, np.nan, pd.NA, pd.NaT, Decimal("NaN"), np.datetime64("NaT", "s")):
        assert is_real(pd.Series([1, missing, 2.5, True], dtype=object))
        assert not is_real(pd.Series([1, missing, "2.5"], dtype=object))
        assert not is_real(pd.Series([missing, 1j], dtype=object))
    assert not is_real(pd.Series([[1, 2], None], dtype=object))
