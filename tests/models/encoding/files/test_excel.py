"""Sheets of workbooks: the first, or that which is named, and cells of the type that they have."""

import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files.excel import ExcelFile
from flatprior.models.encoding.files.reading import PLAIN, Reading

pytest.importorskip("python_calamine")
openpyxl = pytest.importorskip("openpyxl")


def book(path, **sheets):
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return str(path)


def read(path, columns, **asked):
    return pd.concat(ExcelFile(path, Reading.of(**asked)).frames(columns, 10**6))


def test_cells_have_their_types_and_empty_rows_are_none(tmp_path):
    rows = [
        ["y", "x", "g", None, "b", "NA"],
        [1, 0.1, "NA", None, True, 1],
        [None] * 6,
        [0, None, " a ", "q", False, 2.5],
        [1, 2**53 - 1, None, None, None, 3],
    ]
    path = book(tmp_path / "d.xlsx", data=rows)
    file = ExcelFile(path, PLAIN)
    assert file.names == ("y", "x", "g", "column 4", "b", "NA")
    assert file.reading.notes == ()
    frame = read(path, ("y", "x", "g", "b", "NA"))
    assert frame["y"].tolist() == [1, 0, 1]
    assert frame["x"].tolist()[::2] == [0.1, 2**53 - 1]
    assert frame["g"].tolist()[:2] == ["NA", " a "]
    assert frame["b"].tolist()[:2] == [True, False]
    assert frame.isna().sum().tolist() == [0, 1, 1, 1, 0]
    assert [len(part) for part in file.frames(("y",), 2)] == [2, 1]


def test_a_sheet_is_named_or_counted_and_the_first_is_said_to_be(tmp_path):
    sheets = {"a": [["y"], [1]], "2": [["y"], [2]], "empty": []}
    path = book(tmp_path / "d.xlsx", **sheets)
    assert read(path, ("y",), sheet="a")["y"].tolist() == [1]
    assert read(path, ("y",), sheet=1)["y"].tolist() == [1]
    assert read(path, ("y",), sheet="1")["y"].tolist() == [1]
    assert read(path, ("y",), sheet="2")["y"].tolist() == [2]
    first = ExcelFile(path, PLAIN)
    assert first.reading.notes == ("sheet 'a', the first of 3; sheet= names another",)
    assert (first.reading.options, first.reading.guessed) == ({}, ())
    assert ExcelFile(path, Reading.of(sheet=1)).reading.options == {"sheet": "a"}
    for wrong in ("b", 4, "9"):
        with pytest.raises(
            ValueError, match=r"it has no sheet .*, but 3 sheets: 'a', '2', 'empty'"
        ):
            ExcelFile(path, Reading.of(sheet=wrong))
    with pytest.raises(ValueError, match="its sheet 'empty' is empty"):
        ExcelFile(path, Reading.of(sheet="empty"))


def test_numbers_come_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(1)
    values = rng.normal(size=300) * 10.0 ** rng.integers(-200, 200, 300)
    numbers = [float(f"{v:.15g}") for v in values]  # openpyxl writes no more digits
    path = book(tmp_path / "d.xlsx", d=[["x"], *([v] for v in numbers)])
    assert read(path, ("x",))["x"].tolist() == numbers


def test_text_among_numbers_and_repeated_names_are_the_usual_errors(tmp_path):
    rows = [["y", "x"], *([i % 2, i] for i in range(9)), [1, "?"]]
    path = book(tmp_path / "d.xlsx", d=rows)
    with pytest.raises(ValueError, match=r"numbers in some rows and text in others: '\?' in 1 row"):
        BernoulliLogistic.from_formula("y ~ x", path)
    assert BernoulliLogistic.from_formula("y ~ x", path, na="?").n_dropped == 1
    path = book(tmp_path / "e.xlsx", d=[["x", "x"], [1, 2]])
    with pytest.raises(ValueError, match="'x' is repeated"):
        BernoulliLogistic.from_formula("y ~ x", path)


def test_a_workbook_without_its_reader_names_the_extra(tmp_path, monkeypatch):
    path = book(tmp_path / "d.xlsx", d=[["y"], [1]])
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ValueError, match=r'python-calamine: run pip install "flatprior\[excel\]"'):
        ExcelFile(path, PLAIN)


def test_cells_that_failed_are_missing_and_named(tmp_path):
    rows = [["y", "x", "g"]] + [[i % 2, i / 4, "ab"[i // 2 % 2]] for i in range(40)]
    for row, column, text in (
        (3, 1, "#DIV/0!"),
        (8, 1, "#DIV/0!"),
        (9, 1, "#N/A"),
        (11, 2, "#REF!"),
    ):
        rows[row][column] = text
    rows[12][2] = None
    path = book(tmp_path / "d.xlsx", other=[["y"], [1]], **{"a & b": rows})
    model = BernoulliLogistic.from_formula("y ~ x + g", path, sheet="a & b")
    assert model.n_dropped == 5
    assert "x: '#DIV/0!' in 2 rows, '#N/A' in 1 row read as missing" in model.facts
    assert "g: '#REF!' in 1 row read as missing" in model.facts
    batches = BernoulliLogistic.from_parquet(path, "y ~ x + g", sheet="a & b")
    assert batches.facts[-2:] == model.facts[-2:]
    assert batches.data_hash == model.data_hash


def test_a_row_of_cells_that_failed_is_a_row(tmp_path):
    path = book(tmp_path / "d.xlsx", data=[["y"], [1], ["#VALUE!"], [None], [0]])
    assert read(path, ("y",))["y"].isna().tolist() == [False, True, False]


def test_the_first_sheets_of_a_folder_may_have_several_names(tmp_path):
    for month in ("Jan", "Feb"):
        sheets = {month: [["y", "x"], [1, 2], [0, 1], [1, 1], [0, 3]], "notes": [["a"]]}
        book(tmp_path / f"{month}.xlsx", **sheets)
    model = BernoulliLogistic.from_formula("y ~ x", tmp_path)
    assert model.n_rows == 8
    for month in ("Jan", "Feb"):
        assert f"sheet '{month}', the first of 2; sheet= names another" in model.facts


@pytest.mark.parametrize("begins", ["<c ", '<c t="e" ', '<c t="e" r="B2"', '<c t="e"><f ', "<f"])
def test_beginnings_of_cells_without_an_end_are_passed_over(tmp_path, begins):
    """A comment may hold many of them, and each must be left at the next: else this never ends."""
    rows = [["y", "x"], *([i % 2, i / 4] for i in range(9))]
    rows[3][1] = "#DIV/0!"
    path, spoilt = book(tmp_path / "d.xlsx", d=rows), tmp_path / "e.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(spoilt, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.startswith("xl/worksheets/"):
                comment = f"<sheetData><!-- {begins * 20_000} -->".encode()
                part = part.replace(b"<sheetData>", comment)
                assert comment in part
            new.writestr(name, part)
    model = BernoulliLogistic.from_formula("y ~ x", str(spoilt))
    assert model.n_rows == 8
    assert "x: '#DIV/0!' in 1 row read as missing" in model.facts
