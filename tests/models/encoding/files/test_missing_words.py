"""Words that mean a missing value are counted, whatever the format; all other text stays."""

import numpy as np
import pandas as pd
import pytest
from written_files import WRITERS

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files.missing_words import USUAL, without_words
from flatprior.models.encoding.tables import as_frame

FIELD = [8.65507322, -0.0317060873, -0.00199173181]


@pytest.mark.parametrize(
    ("cells", "words", "left", "found"),
    [
        (["1", "?", "2.5"], ["?"], [1.0, None, 2.5], {"?": 1}),
        (["1", " ? ", "2"], ["?"], [1.0, None, 2.0], {"?": 1}),
        (["a", "?", "b"], ["?"], ["a", None, "b"], {"?": 1}),
        (["TRUE", "-", "FALSE"], ["-"], [True, None, False], {"-": 1}),
        (["?", "-", None], ["?", "-"], [None, None, None], {"?": 1, "-": 1}),
        (["a", "b"], ["?"], ["a", "b"], {}),
        (["1", "2"], ["?"], ["1", "2"], {}),  # nothing was changed: text of numbers stays
        (["1", "x", "?"], ["?"], ["1", "x", None], {"?": 1}),
        ([1.0, "?", 2], ["?"], [1.0, None, 2], {"?": 1}),
        ([1.5, -999.0, 2.0], ["-999", "?"], [1.5, None, 2.0], {"-999": 1}),
        (pd.array([1, -999], dtype="Int64"), ["-999"], [1, None], {"-999": 1}),
        (["1.5", "-999.0"], ["-999"], [1.5, None], {"-999.0": 1}),
        ([True, False], ["1"], [True, False], {}),
        (pd.Categorical(["a", "?", "b"]), ["?"], ["a", None, "b"], {"?": 1}),
    ],
)
def test_words_become_missing_and_are_counted(cells, words, left, found):
    series, counts = without_words(pd.Series(cells), words)
    assert [None if pd.isna(value) else value for value in series] == left
    assert dict(counts) == found


def test_decimal_commas_among_words_are_numbers():
    series, found = without_words(pd.Series(["1,5", "NA", "-2,25e1"]), USUAL, ",")
    assert series.tolist()[::2] == [1.5, -22.5]
    assert dict(found) == {"NA": 1}
    assert without_words(pd.Series(["1,5", "a"]), USUAL, ",")[0].tolist() == ["1,5", "a"]


@pytest.mark.parametrize("way", ["CSV", "batches", "frame", "Parquet", "Excel"])
def test_question_marks_of_a_known_file_are_missing_where_na_says_so(tmp_path, way):
    path = "tests/data/question_marks.csv"
    frame = pd.read_csv(path)
    assert (frame["horsepower"] == "?").sum() == 5
    if way == "Excel":
        pytest.importorskip("python_calamine")
        pytest.importorskip("openpyxl")
        frame.to_excel(tmp_path / "d.xlsx", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    data = {"Parquet": tmp_path / "d.parquet", "Excel": tmp_path / "d.xlsx", "frame": frame}
    formula = "high ~ horsepower + weight"
    if way == "batches":
        model = BernoulliLogistic.from_parquet(path, formula, na="?")
    else:
        model = BernoulliLogistic.from_formula(formula, data.get(way, path), na="?")
    from flatprior.models import fit_newton

    assert fit_newton(model).coefficients == pytest.approx(FIELD, rel=1e-8)
    assert "horsepower: '?' in 5 rows read as missing" in model.facts
    assert "5 rows left out: a value is missing" in model.facts
    assert model.reading.options["na"] == ["?"]


def test_numbers_that_mean_missing_are_missing_in_every_format(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 60), "x": rng.normal(size=60).round(3)})
    frame["n"] = rng.integers(0, 5, 60)
    frame.loc[::9, "x"], frame.loc[4::13, "n"] = -999, -999
    clean = frame.set_axis(range(1, 61)).replace(-999, np.nan).astype({"n": "Int64"})
    expected = BernoulliLogistic.from_formula("y ~ x + C(n)", clean).data_hash
    for kind in ("CSV", "semicolons and decimal commas", "JSON lines", "Parquet", "Stata"):
        path = WRITERS[kind](frame, tmp_path)
        for build in (
            lambda path: BernoulliLogistic.from_formula("y ~ x + C(n)", path, na="-999"),
            lambda path: BernoulliLogistic.from_parquet(path, "y ~ x + C(n)", na="-999"),
        ):
            model = build(path)
            assert model.data_hash == expected
            assert any(fact.startswith("x: '-999") for fact in model.facts), kind
            assert any(fact.startswith("n: '-999' in 5 rows") for fact in model.facts), kind


def test_a_country_called_na_is_named_and_kept_where_na_says_so(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text(
        "y,g\n" + "".join(f"{i % 2},{['DE', 'NA', 'FR', '', 'ES'][i % 5]}\n" for i in range(50))
    )
    for build in (
        lambda **given: BernoulliLogistic.from_formula("y ~ g", path, **given),
        lambda **given: BernoulliLogistic.from_parquet(path, "y ~ g", **given),
    ):
        usual = build()
        assert usual.n_dropped == 20
        assert (
            "g: 'NA' in 10 rows read as missing; na='' leaves such words what they are"
            in usual.facts
        )
        kept = build(na="")
        assert kept.n_dropped == 10
        assert kept.names == ("Intercept", "g[T.ES]", "g[T.FR]", "g[T.NA]")
        assert any("has the level 'NA', which often means" in said for said in kept.warnings)
        assert build(na="FR").n_dropped == 30  # beside the usual ones
        assert build(na=["", "FR"]).n_dropped == 20
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    frame.to_parquet(tmp_path / "d.parquet")
    models = [kept, BernoulliLogistic.from_formula("y ~ g", frame.set_axis(range(1, 51)))]
    models.append(BernoulliLogistic.from_formula("y ~ g", tmp_path / "d.parquet"))
    assert len({model.data_hash for model in models}) == 1


def test_numbers_among_words_come_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(3)
    text = [f"{v:.17g}" for v in rng.lognormal(0, 9, 5000)]
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{v},1\nNA,0\n" for v in text))
    frame = as_frame(tmp_path / "d.csv")
    assert frame["x"].dtype == float
    assert np.array_equal(frame["x"].dropna(), [float(v) for v in text])


def test_new_rows_are_read_as_the_models_own(tmp_path):
    from flatprior.analysis import predict
    from flatprior.models import fit_newton

    rows = ["0;?", "1;2,5", "0;1,5", "1;0,5", "0;3,5", "1;3,25"]
    (tmp_path / "d.csv").write_text("y;x\n" + "\n".join(rows) + "\n")
    model = BernoulliLogistic.from_formula("y ~ x", tmp_path / "d.csv", na="?")
    fit = fit_newton(model)
    (tmp_path / "new.csv").write_text("x,y\n2.5,?\n1.5,\n")
    expected = predict(model, fit, {"x": [2.5, 1.5]})
    for new in (tmp_path / "new.csv", {"x": [2.5, 1.5], "y": ["?", "?"]}):
        assert predict(model, fit, new)["probability"].tolist() == expected["probability"].tolist()
    own = predict(model, fit, tmp_path / "d.csv")
    assert len(own) == 5


def test_a_point_among_decimal_commas_is_no_decimal(tmp_path):
    rows = [f"{i % 2};{i},5;{x}" for i, x in enumerate(["900", "1.100", "950", "2.300"] * 3)]
    (tmp_path / "d.csv").write_text("\n".join(["y;x;z", *rows]))
    for read in (BernoulliLogistic.from_formula, BernoulliLogistic.from_parquet):
        arguments = ("y ~ z", tmp_path / "d.csv")
        ordered = arguments if read == BernoulliLogistic.from_formula else arguments[::-1]
        with pytest.raises(ValueError, match=r"'z' has a point in '1\.100' where decimals have"):
            read(*ordered, sep=";", decimal=",")


def test_whole_numbers_past_the_signed_ones_stay_whole():
    found, words = without_words(pd.Series([2**63 + 1, 5], dtype="uint64"), ["5"])
    assert found.tolist() == [2**63 + 1, pd.NA]
    assert dict(words) == {"5": 1}


@pytest.mark.parametrize("kind", [object, "string", "string[pyarrow]", "str"])
def test_a_missing_word_is_missing_whatever_text_is_stored_as(kind):
    column, found = without_words(pd.Series(["a", "?", "None"], dtype=kind), ["?"])
    assert column.isna().tolist() == [False, True, False]
    assert (column.dropna().tolist(), dict(found)) == (["a", "None"], {"?": 1})
