"""What separates columns and decimals is told where one answer fits, and asked for otherwise."""

import numpy as np
import pytest
from multiplier import repeated

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files.csv_files import CsvFile
from flatprior.models.encoding.files.dialect import dialect_of
from flatprior.models.encoding.files.reading import PLAIN, Reading
from flatprior.models.encoding.tables import as_frame


def dialect(tmp_path, content, name="d.csv", **asked):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return dialect_of(str(path), Reading.of(**asked))


@pytest.mark.parametrize(
    ("content", "sep", "decimal", "guessed"),
    [
        ("y,x\n0,1.5\n1,2\n", ",", ".", ()),
        ("y,x\n0,1.5\n1\n", ",", ".", ()),  # short rows are counted where they are read
        ("y;x\n0;1.5\n1;2\n", ";", ".", ("sep",)),
        ("y;x\n0;1,5\n1;2\n", ";", ",", ("sep", "decimal")),
        ("y;x\n0;,5\n1;-2,25e3\n", ";", ",", ("sep", "decimal")),
        ("y|x\n0|1,5\n1|2\n", "|", ",", ("sep", "decimal")),
        ("y\tx\n0\t1.5\n1\t2\n", "\t", ".", ("sep",)),
        ("y;x, in m\n0;1.5\n1;2\n", ";", ".", ("sep",)),  # a comma in a name
        ('y,"x; in m"\n0,1.5\n1,2\n', ",", ".", ()),
        ('"y";"x"\n0;"a;b"\n1;"c,d"\n', ";", ".", ("sep",)),
        ("y\n0\n1\n", ",", ".", ()),
        ("my response\n0\n1\n", ",", ".", ()),
        ("sep=|\ny|x\n0|1\n", "|", ".", ("sep",)),
        ("SEP=;\r\ny;x\r\n0;1,5\r\n", ";", ",", ("sep", "decimal")),
    ],
)
def test_what_only_one_dialect_fits_is_told_and_stated(tmp_path, content, sep, decimal, guessed):
    found, reading = dialect(tmp_path, content)
    assert (found.sep, found.decimal, reading.guessed) == (sep, decimal, guessed)
    assert reading.as_asked.options == {}
    assert bool(reading.notes) == bool(guessed)
    for option in guessed:
        assert any("separated by" in note for note in reading.notes), option


@pytest.mark.parametrize(
    ("content", "asked", "note"),
    [
        (
            "y;x\n0;1.5\n",
            {},
            "by ';' and decimals by points, told from the file; sep= and decimal=",
        ),
        (
            "y;x\n0;1.500\n",
            {"sep": ";"},
            "decimals separated by points, told from the file; decimal=",
        ),
        ("y;x\n0;1\n", {}, "separated by ';', told from the file; sep= names others"),
        ("y;x\n0;1.5\n", {"sep": ";", "decimal": "."}, ""),
        ("y|x\n0|1.5\n", {}, "separated by '|', told from the file; sep= names others"),
        ("y,x\n0,1.5\n", {}, ""),
    ],
)
def test_points_between_semicolons_are_a_guess_that_is_stated(tmp_path, content, asked, note):
    reading = dialect(tmp_path, content, **asked)[1]
    assert len(reading.notes) == bool(note)
    assert all(note in each for each in reading.notes)
    assert reading.decimal == asked.get("decimal")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("y;x\n0;1\n1\n", "seem to be separated by ';', but not all rows have .* sep=';'"),
        ("y,x;z\n1,2;3\n4,5;6\n", "by ',' or ';': several fit; name the sign, as in sep=','"),
        ("y,x;z\n1,2\n3;4\n", "by ',' or ';': none gives all rows"),
        ("y x\n0 1\n1 2\n", "has no separator but blanks; name it: sep=' '"),
        (
            "# made in May\ny,x\n0,1\n1,2\n",
            "line '# made in May' is no heading: others have 2 fields",
        ),
        ("Table 1\n\ny;x;z\n0;1;2\n1;2;2\n", "'Table 1' is no heading: others have 3 fields"),
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("y,x\n0,é\n".encode("latin-1"), "it is not text in UTF-8; name its encoding"),
        ("y,x\n0,1\n".encode("utf-16-be"), "looks like text in UTF-16 without the mark"),
    ],
)
def test_what_several_fit_or_none_is_a_sentence_with_the_option(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        dialect(tmp_path, content)


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234", "5,678"],  # thousands or decimals?
        ["1,5", "2.5"],  # both
        ["a,b", "c"],
    ],
)
def test_a_decimal_comma_is_told_only_where_it_is_certain(tmp_path, cells):
    content = "y;x\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(cells))
    assert dialect(tmp_path, content)[0].decimal == "."


def test_thousands_that_may_be_decimals_stop_the_fit_and_never_pass_as_numbers(tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"{i % 2};{1 + i % 7},{100 + i}" for i in range(40)]
    path.write_text("y;x\n" + "\n".join(rows) + "\n")
    with pytest.raises(ValueError, match="comma"):
        BernoulliLogistic.from_formula("y ~ x", path)
    by_comma = BernoulliLogistic.from_formula("y ~ x", path, decimal=",")
    assert by_comma.design[0, 1] == 1.1


def test_options_go_before_what_the_file_looks_like(tmp_path):
    found, reading = dialect(tmp_path, "y;x\n0;1,5\n", sep=";", decimal=".")
    assert (found.sep, found.decimal, reading.guessed, reading.notes) == (";", ".", (), ())
    assert reading.options == {"sep": ";", "decimal": "."}
    found, _ = dialect(tmp_path, "y,x;z\n1,2;3\n", sep=";")
    assert found.sep == ";"
    assert dialect(tmp_path, "y\tx\n0\t1\n", "d.tsv")[1].guessed == ()  # its ending says so
    assert dialect(tmp_path, "y,x\n0,1\n", "d.tsv")[1].guessed == ("sep",)


def test_a_quoted_decimal_comma_is_read_between_commas_where_it_is_named(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('y,x\n0,"1,5"\n1,"-2,25"\n')
    for asked in ({"decimal": ","}, {"sep": ",", "decimal": ","}):
        assert as_frame(path, asked=Reading.of(**asked))["x"].tolist() == [1.5, -2.25]
    path.write_text("y,x\n0,1,5\n")
    with pytest.raises(ValueError, match="more fields than the first line"):
        as_frame(path, asked=Reading.of(sep=",", decimal=","))


def test_blanks_separate_where_they_are_named(tmp_path):
    path = tmp_path / "d.txt"
    path.write_text('"y" "x"  g\n0 1.5\ta\n 1  2 "b c" \n\n0 3\n')
    model = BernoulliLogistic.from_formula("y ~ x", path, sep=" ")
    assert model.design[:, 1].tolist() == [1.5, 2.0, 3.0]
    said = "1 row with fewer fields than the 3 columns, the rest missing: row 3"
    assert said in model.facts
    assert as_frame(path, asked=Reading.of(sep=" "))["g"].tolist()[:2] == ["a", "b c"]
    path.write_text('"y" "x"\n"1" 0 1.5\n"2" 1 2\n')  # as R writes it
    with pytest.raises(ValueError, match=r"all rows have more fields .* name the row names"):
        as_frame(path, asked=Reading.of(sep=" "))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marks_in_front_say_the_encoding(tmp_path, encoding):
    path = tmp_path / "d.csv"
    path.write_text("y,größe\n0,1\n1,2\n", encoding=encoding)
    file = CsvFile(str(path), PLAIN)
    assert file.names == ("y", "größe")
    assert file.reading.guessed == (() if encoding.startswith("utf-8") else ("encoding",))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "shift_jis"])
def test_other_encodings_are_read_where_they_are_named(tmp_path, encoding):
    path = tmp_path / "d.csv"
    word = "日本" if encoding == "shift_jis" else "größe"
    path.write_text(f"y,{word}\n" + f"1,{word}\n" * 70_000, encoding=encoding)
    frame = as_frame(path, asked=Reading.of(encoding=encoding))
    assert list(frame.columns) == ["y", word]
    assert set(frame[word]) == {word}
    assert len(frame) == 70_000


def test_a_sample_that_ends_within_a_row_tells_as_much(tmp_path):
    for width in range(60_000, 60_040):
        content = "y;x\n0;1,5\n" + "1;" + "2" * width + "\n" + "0;3\n" * 3000
        assert dialect(tmp_path, content)[0].sep == ";"


def test_a_dialect_that_is_told_is_that_in_which_the_file_was_written(tmp_path):
    rng = np.random.default_rng(1)
    for _ in range(repeated(30)):
        sep = str(rng.choice([",", ";", "\t", "|"]))
        decimal = "," if sep != "," and rng.random() < 0.5 else "."
        columns = int(rng.integers(2, 6))
        rows = rng.normal(size=(int(rng.integers(2, 40)), columns))
        cells = [[f"{v:.4f}".replace(".", decimal) for v in row] for row in rows]
        names = [f"a{j}" for j in range(columns)]
        content = "\n".join(sep.join(row) for row in [names, *cells]) + "\n"
        found, _ = dialect(tmp_path, content)
        assert (found.sep, found.decimal) == (sep, decimal)
        frame = as_frame(tmp_path / "d.csv")
        exact = [[float(cell.replace(",", ".")) for cell in row] for row in cells]
        assert np.array_equal(frame.to_numpy(), exact)
