"""Wrong input of every kind, through the library and the command line: a kind and its sentence.

Nothing is dropped, coerced or recoded without being said. What is typed ends with exit status 2 and
one line on standard error, which is the sentence that the library raises.
"""

import bz2
import csv
import gzip
import io
import re
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from command_line import run

from flatprior.analysis import (
    audit,
    average_marginal_effects,
    calibration_curve,
    compare_models,
    compare_routes,
    confidence_intervals,
    diagnose,
    exact_loo,
    explain_difference,
    likelihood_ratio_test,
    predict,
    profile_curve,
    psis_loo,
    robust_covariance,
    score_test,
    summarise,
    wald_test,
)
from flatprior.analysis.cli.as_typed import FLAGS, as_typed
from flatprior.models import (
    BernoulliLogistic,
    FlatpriorError,
    LogisticMLE,
    PointEstimate,
    certify,
    fit_newton,
    sample_independence,
)
from flatprior.models.common.text import printable

ROWS = 12
BASE = {
    "y": [0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0],
    "x": [1.5, 2.5, 0.5, 4.0, 1.25, 3.5, 2.0, 3.0, 0.75, 1.0, 2.25, 2.75],
    "g": ["a", "a", "b", "b", "b", "a", "b", "a", "b", "a", "a", "b"],
    "o": [0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3],
    "n": [4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7],
    "s": [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4],
}


def columns(**changed):
    """The table with other columns, or with other cells by row: 1, 2, ..."""
    table = {name: list(values) for name, values in BASE.items()}
    for name, values in changed.items():
        if isinstance(values, dict):
            table.setdefault(name, [None] * ROWS)
            for row, value in values.items():
                table[name][row - 1] = value
        else:
            table[name] = list(values)
    return table


def text(sep=",", heading=None, rows=None, end="\n", **changed):
    """The table as CSV."""
    table = columns(**changed)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=sep, lineterminator=end)
    writer.writerow(heading or table)
    writer.writerows(rows or zip(*table.values(), strict=True))
    return out.getvalue()


TEXT = text()
LINES = TEXT.splitlines(keepends=True)


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return out.getvalue()


# file: its name, what is in it, how it is asked to be read, and the sentence
# fmt: off
FILES = {
    "no such file": ("t.csv", None, {}, "no file …, and none that matches it"),
    "a folder without a table": ("folder", {"a.pdf": b"%PDF"}, {},
        "no file …, and none that matches it"),
    "a folder of two formats": ("folder", {"a.csv": TEXT, "b.jsonl": '{"y": 1}\n'}, {},
        "…holds text and JSON lines files; name one kind"),
    "a folder of two headings": ("folder", {"a.csv": TEXT, "b.csv": "y,z\n1,2\n"}, {},
        "…cannot be read as a table: …has other columns than …"),
    "empty": ("t.csv", "", {}, "…cannot be read as a table: it is empty"),
    "blank lines only": ("t.csv", "\n\n \n", {}, "…cannot be read as a table: it is empty"),
    "a heading only": ("t.csv", LINES[0], {}, "the data have no rows"),
    "rows without a heading": ("t.csv", "".join(LINES[1:]), {},
        "there is no column 'y'; the columns are '0', '1.5', 'a', '0.1', '4', '1': name them, "
        "in a file by its first line"),
    "a heading with one name twice": ("t.csv", "y,x,x\n0,1,2\n1,2,3\n", {},
        "the column name 'x' is repeated; every column needs a name of its own"),
    "a name twice but for blanks": ("t.csv", "y,x, x\n0,1,2\n1,2,3\n", {},
        "the column name 'x' is repeated; every column needs a name of its own"),
    "a heading in other case": ("t.csv", TEXT.replace("y,x", "Y,X"), {},
        "there is no column 'y' (did you mean 'Y'?); the columns are 'Y', 'X', 'g', 'o', 'n', "
        "'s'"),
    "two heading lines": ("t.csv", LINES[0] + TEXT, {},
        "the response 'y' holds numbers in some rows and text in…missing (na='y', --na y) or "
        "correct them"),
    "a line of units": ("t.csv", LINES[0] + "0/1,mg,,,,\n" + "".join(LINES[1:]), {},
        "the response 'y' holds numbers in some rows and text in…missing (na='0/1', --na 0/1) "
        "or correct them"),
    "a title above the heading": ("t.csv", "Table 1\n" + TEXT, {},
        "…cannot be read as a table: its first line 'Table 1' is no…what stands before the "
        "names of the columns"),
    "merged cells above the heading": ("t.csv", ",Exposure,,,,\n" + TEXT, {},
        "there is no column 'y'; the columns are 'column 1', 'Exposure', 'column 3', 'column "
        "4', 'column 5', 'column 6', where some have no name: name all in the first line, and take "
        "out what stands above"),
    "comments above the heading": ("t.csv", "# made by hand\n" + TEXT, {},
        "…cannot be read as a table: its first line '# made by hand'…what stands before the "
        "names of the columns"),
    "more fields than names": ("t.csv", LINES[0] + "1,2,a,1,1,1,9\n" + "".join(LINES[1:]), {},
        "…cannot be read as a table: row 1 has more fields than the…which must name every "
        "column: 7 instead of 6"),
    "an unbalanced quote": ("t.csv", TEXT.replace(",a,", ',"a,', 1), {},
        "…cannot be read as a table: a value of row 1 goes on over 12…quote (a quote in a "
        "quoted value is doubled)"),
    "blanks as separators": ("t.csv", TEXT.replace(",", " "), {},
        "…cannot be read as a table: the heading 'y x g o n s' has no separator but blanks; "
        "name it: sep=' '"),
    "two separators that fit": ("t.csv", "y;x|z\n1;2|3\n0;1|2\n1;3|3\n", {},
        "…cannot be read as a table: its columns may be separated by…several fit; name the "
        "sign, as in sep=';'"),
    "rows of other separators": ("t.csv", TEXT.replace(",", ";") + "1,2,a,1,1,1\n", {},
        "…cannot be read as a table: its columns seem to be separated…sep=';' to have those "
        "that are short counted"),
    "another separator than named": ("t.csv", TEXT, {"sep": ";"},
        "there is no column 'y'; the columns are 'y,x,g,o,n,s'"),
    "a decimal comma that separates columns": ("t.csv", "y,x\n0,1,5\n1,2,5\n", {},
        "…cannot be read as a table: all rows have more fields than…name the row names too, "
        "or leave them out"),
    "latin-1": ("t.csv", text(g={1: "ä"}).encode("latin-1"), {},
        "…cannot be read as a table: it is not text in UTF-8; name…as in encoding='latin-1', "
        "or save it anew"),
    "an encoding that it has not": ("t.csv", text(g={1: "ä"}).encode("latin-1"),
        {"encoding": "utf-8"},
        "…cannot be read as a table: it is not text in UTF-8; name…as in encoding='latin-1', "
        "or save it anew"),
    "UTF-16 without a mark": ("t.csv", TEXT.encode("utf-16-le"), {},
        "…cannot be read as a table: it looks like text in UTF-16…name it: "
        "encoding='utf-16-le' or 'utf-16-be'"),
    "bytes of nothing": ("t.csv", bytes(range(256)), {},
        "…cannot be read as a table: it is not text in UTF-8; name…as in encoding='latin-1', "
        "or save it anew"),
    "a NUL": ("t.csv", TEXT.replace("4.0", "4\0"), {},
        "…cannot be read as a table: row 4 has a NUL byte, which is…file again, as text in "
        "UTF-8, or take it out"),
    "gzip that is none": ("t.csv.gz", TEXT, {},
        "…cannot be read as a table: its ending says .gz, and it is not…take .gz off its name"),
    "gzip cut short": ("t.csv.gz", gzip.compress(TEXT.encode())[:-9], {},
        "…cannot be read as a table: Compressed file ended before the end-of-stream marker "
        "was reached; the file seems to be damaged or cut short: get it anew"),
    "bzip2 cut short": ("t.csv.bz2", bz2.compress(TEXT.encode())[:-9], {},
        "…cannot be read as a table: Compressed file ended before the end-of-stream marker "
        "was reached; the file seems to be damaged or cut short: get it anew"),
    "an archive of two tables": ("t.csv.zip", zipped(a=TEXT, b=TEXT), {},
        "…cannot be read as a table: it holds 2 files; a table is one: unpack it"),
    "an empty archive": ("t.csv.zip", zipped(), {},
        "…cannot be read as a table: it holds 0 files; a table is one: unpack it"),
    "text that is called Parquet": ("t.parquet", TEXT, {},
        "…cannot be read as a table: its ending says Parquet, and it does not begin as such a "
        "file does; give it the ending of what it is, such as .csv, or get it anew"),
    "Parquet cut short": ("t.parquet", b"PAR1" + bytes(40), {},
        "…cannot be read as a table: Error creating dataset. Could…is corrupted or this is "
        "not a parquet file; the file seems to be damaged or cut short: get it anew"),
    "text that is called Feather": ("t.feather", TEXT, {},
        "…cannot be read as a table: its ending says Feather, and it does not begin as such a "
        "file does; give it the ending of what it is, such as .csv, or get it anew"),
    "text that is called Excel": ("t.xlsx", TEXT, {},
        "…cannot be read as a table: its ending says Excel, and it does not begin as such a "
        "file does; give it the ending of what it is, such as .csv, or get it anew"),
    "text that is called Stata": ("t.dta", TEXT, {},
        "…cannot be read as a table: its ending says Stata, and it does not begin as such a "
        "file does; give it the ending of what it is, such as .csv, or get it anew"),
    "text that is called SAS": ("t.sas7bdat", TEXT, {},
        "…cannot be read as a table: its ending says SAS, and it does not begin as such a "
        "file does; give it the ending of what it is, such as .csv, or get it anew"),
    "text that is called SPSS": ("t.sav", TEXT, {},
        "…cannot be read as a table: its ending says SPSS, and it does not begin as such a "
        "file does; give it the ending of what it is, such as .csv, or get it anew"),
    "a pickle": ("t.pkl", b"\x80\x04K\x01.", {},
        "…cannot be read as a table: it is a pickle, which could run any program; save it as "
        "Parquet or CSV"),
    "a page": ("t.html", "<html><table><tr><td>y</td></tr></table></html>\n", {},
        "…cannot be read as a table: it is a web page, not the data; download the file itself"),
    "JSON that is no lines": ("t.json", '[{"y": 0, "x": 1}, {"y": 1, "x": 2}]', {},
        "…cannot be read as a table: row 1 is an array; write JSON…lines=True, "
        "double_precision=15)"),
    "JSON lines with a line cut short": ("t.jsonl", '{"y": 0, "x": 1}\n{"y": 1, "x"\n', {},
        '…cannot be read as a table: row 2 is no JSON object: \'{"y": 1, "x"\\n\'; correct '
        "that line or take it out: JSON lines have an object a line"),
    "JSON lines with nested values": ("t.jsonl",
        '{"y": 0, "x": {"a": 1}}\n{"y": 1, "x": {"a": 2}}\n', {},
        "column 'x' holds lists or the like; it must hold numbers, text or categories"),
    "JSON lines with a key twice": ("t.jsonl", '{"y": 0, "x": 1, "x": 2}\n{"y": 1, "x": 3}\n', {},
        "…cannot be read as a table: row 1 has a name twice; leave out the value that is…"),
    "JSON lines of numbers": ("t.jsonl", "1\n2\n", {},
        "…cannot be read as a table: row 1 is no object; write JSON…lines=True, "
        "double_precision=15)"),
    "an option of another format": ("t.jsonl", '{"y": 0, "x": 1}\n', {"sep": ";"},
        "sep= is not for JSON lines files; leave it out"),
    "a sheet of no workbook": ("t.csv", TEXT, {"sheet": "A"},
        "sheet= is not for text files; leave it out"),
    "a separator of two signs": ("t.csv", TEXT, {"sep": "::"},
        "sep='::' cannot separate columns: it must be one sign, such as ',', ';', '|' or a "
        "tab ('\\t')"),
    "a separator that is a letter": ("t.csv", TEXT, {"sep": "x"},
        "sep='x' cannot separate columns: it must be one sign, such as ',', ';', '|' or a tab "
        "('\\t')"),
    "an encoding that nobody knows": ("t.csv", TEXT, {"encoding": "klingon"},
        "encoding='klingon' is none that is known: write 'utf-8', 'latin-1', 'cp1252' or "
        "'utf-16'"),
}
# fmt: on

# a cell among numbers
# fmt: off
TOKENS = {
    "a question mark": "?",
    "a lone point": ".",
    "a dash": "-",
    "a word": "unknown",
    "words in several rows": "low", 9: "low",
    "a decimal comma": "1,5",
    "thousands by commas": "1,234",
    "thousands by blanks": "1 234",
    "thousands by apostrophes": "1'234",
    "digits joined by underscores": "1_234",
    "a per cent sign": "5 %",
    "money": "$5",
    "a unit": "5 mg",
    "an apostrophe in front": "'5",
    "a Fortran exponent": "1.5D+02",
    "hexadecimal": "0x1F",
    "two points": "1.2.3",
    "a limit of detection": "<0.1",
    "a range": "10-19",
    "a fraction": "1/2",
    "a letter O for a nought": "1O",
    "digits of another script": "٣",
    "a minus that is a dash": "−1.5",
    "a star of significance": "1.5*",
    "an error of a spreadsheet": "#DIV/0!",
    "a formula of a spreadsheet": "=B2",
    "True among numbers": "True",
    "a time of day": "12:30",
}
# fmt: on

# cells of a column by row (or all of them), where they are used, and the sentence
# fmt: off
CELLS = {
    "decimal commas everywhere": ({"x": [f"{i},5" for i in range(ROWS)]},
        "column 'x' holds numbers in some rows and text in others:…point), or write C(x) if "
        "categories are meant"),
    "per cent everywhere": ({"x": [f"{i}%" for i in range(ROWS)]},
        "column 'x' holds numbers in some rows and text in others:…them, or write C(x) if "
        "categories are meant"),
    "units everywhere": ({"x": [f"{i} mg" for i in range(ROWS)]},
        "column 'x' has 12 levels in 12 rows, one each: an identifier, with which no fit "
        "exists; leave it out"),
    "infinity": ({"x": {3: float("inf")}},
        "column 'x' has values that are not finite in row 3; correct or drop them"),
    "minus infinity": ({"x": {3: float("-inf")}},
        "column 'x' has values that are not finite in row 3; correct or drop them"),
    "numbers whose squares overflow": ({"x": [1e200 * i for i in range(ROWS)]},
        "the largest value of column 'x' is 1e+201, not of 1e-100 to 1e+100, "
        "whose squares double precision holds with room; rescale the column"),
    "numbers whose squares vanish": ({"x": [1e-200 * i for i in range(ROWS)]},
        "the largest value of column 'x' is 1e-199, not of 1e-100 to 1e+100, "
        "whose squares double precision holds with room; rescale the column"),
    "a Total row": ({"y": {12: "Total"}, "x": {12: 25}},
        "the response 'y' holds numbers in some rows and text in…(na='Total', --na Total) or "
        "correct them"),
    "nothing but missing values": ({"x": [None] * ROWS},
        "no rows are left of 12: 12 have a missing value"),
    "one identifier a row": ({"g": [f"id{i}" for i in range(ROWS)]},
        "column 'g' has 12 levels in 12 rows, one each: an identifier, with which no fit "
        "exists; leave it out", "y ~ g"),
    "one date a row": ({"g": [f"2020-01-{i + 1:02}" for i in range(ROWS)]},
        "column 'g' has 12 levels in 12 rows, one each: dates, with…as the days since the "
        "first, or leave it out", "y ~ g"),
    "one category": ({"g": ["a"] * ROWS}, "column 'g' has one level only, 'a'; leave it out",
        "y ~ g"),
    "one category of numbers": ({"x": [1] * ROWS},
        "column 'x' has one level only, '1'; leave it out", "y ~ C(x)"),
    "text in arithmetic": ({},
        "column 'g' holds text, but the formula computes with it; use it alone, or as C(...)",
        "y ~ log(g)"),
    "text in a curve": ({},
        "column 'g' holds text, but the formula computes with it; use it alone, or as C(...)",
        "y ~ poly(g, 2)"),
    "logarithm of a nought": ({"x": {3: 0}},
        "column 'log(x)' has values that are not finite in row 3; correct or drop them",
        "y ~ log(x)"),
    "root of a negative number": ({"x": {3: -1}},
        "column 'sqrt(x)' has values that are no numbers (NaN) in row 3; correct or drop them",
        "y ~ sqrt(x)"),
    "division by nought": ({"x": {3: 0}},
        "column 'I(1 / x)' has values that are not finite in row 3; correct or drop them",
        "y ~ I(1 / x)"),
    "an exponential that overflows": ({"x": {3: 1000}},
        "column 'exp(x)' has values that are not finite in row 3; correct or drop them",
        "y ~ exp(x)"),
}
# fmt: on

# what only objects can hold: the cells of a column, and the sentence
# fmt: off
OBJECTS = {
    "dates": ([date(2020, 1, i + 1) for i in range(ROWS)],
        "column 'x' holds date values, which are no numbers: make…the first, or categories, "
        "such as the year"),
    "timestamps": (pd.date_range("2020", periods=ROWS),
        "column 'x' holds …values, which are no numbers: make numbers…the first, or "
        "categories, such as the year"),
    "durations": ([timedelta(days=i) for i in range(ROWS)],
        "column 'x' holds …values, which are no numbers: make numbers of them, such as their "
        "days"),
    "periods": (pd.period_range("2020", periods=ROWS, freq="M"),
        "column 'x' holds period[M] values, which are no numbers: make…the first, or "
        "categories, such as the year"),
    "complex numbers": (np.arange(ROWS) + 1j,
        "column 'x' holds complex128 values; it must hold numbers, text or categories"),
    "fractions": ([Fraction(i, 3) for i in range(ROWS)],
        "column 'x' holds Fraction values; it must hold numbers, text or categories"),
    "lists": ([[i] for i in range(ROWS)],
        "column 'x' holds lists or the like; it must hold numbers, text or categories"),
    "dicts": ([{"a": i} for i in range(ROWS)],
        "column 'x' holds lists or the like; it must hold numbers, text or categories"),
    "tuples": ([(i, 0) for i in range(ROWS)],
        "column 'x' holds tuple values; it must hold numbers, text or categories"),
    "sets": ([{i} for i in range(ROWS)],
        "column 'x' holds lists or the like; it must hold numbers, text or categories"),
    "arrays": ([np.arange(2) for _ in range(ROWS)],
        "column 'x' holds lists or the like; it must hold numbers, text or categories"),
    "bytes": ([b"a", b"b"] * 6,
        "column 'x' holds bytes values; it must hold numbers, text or categories"),
    "objects": ([object() for _ in range(ROWS)],
        "column 'x' holds object values; it must hold numbers, text or categories"),
    "functions": ([len] * ROWS,
        "column 'x' holds builtin_function_or_method values; it must hold numbers, text or "
        "categories"),
    "numbers and truth values": ([1.5, True] * 6,
        "column 'x' holds booleans in some rows and numbers in others; correct it, or convert "
        "all of it"),
    "numbers and text": ([1.5, "2.5"] * 6,
        "column 'x' holds numbers in some rows and text in others; correct it, or convert all "
        "of it"),
    "numbers as text": ([str(i) for i in range(ROWS)],
        "column 'x' holds text, but all of its different values are…or write C(x) if "
        "categories are meant"),
    "numbers as categories of text": (pd.Categorical([str(i) for i in range(ROWS - 1)] + ["?"]),
        "column 'x' holds numbers in some rows and text in others: '?'…them, or write C(x) if "
        "categories are meant"),
    "half a surrogate": (["a", "\ud800"] * 6,
        "the value '\\ud800' holds a lone surrogate, which is half a character"),
    "masked values": (np.ma.masked_equal([0, 1] * 6, 1),
        "'x' has masked values; fill or drop them"),
    "decimals that are infinite": ([Decimal("Infinity")] * ROWS,
        "column 'x' has values that are not finite in rows 0, 1, 2, 3, 4 and 7 more; correct "
        "or drop them"),
}
# fmt: on

# tables that are none
# fmt: off
TABLES = {
    "nothing": (None,
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…of rows as dicts, or a "
        "path, not a NoneType"),
    "a number": (3,
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…list of rows as dicts, "
        "or a path, not an int"),
    "a matrix": (np.zeros((3, 2)),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…of rows as dicts, or a "
        "path, not an ndarray"),
    "a list of lists": ([[0, 1], [1, 2]],
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…list of rows as dicts, "
        "or a path, not a list"),
    "a list of tuples": ([(0, 1), (1, 2)],
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…list of rows as dicts, "
        "or a path, not a list"),
    "an empty list": ([],
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…list of rows as dicts, "
        "or a path, not a list"),
    "a generator": ((row for row in [{"y": 0}]),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…of rows as dicts, or a "
        "path, not a generator"),
    "a set": ({1, 2},
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…a list of rows as dicts, "
        "or a path, not a set"),
    "a series": (pd.Series([0, 1], name="y"),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…a column "
        "series.to_frame()"),
    "groups of a frame": (pd.DataFrame(BASE).groupby("g"),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…as dicts, or a path, not "
        "a DataFrameGroupBy"),
    "a frame, not called": (pd.DataFrame(BASE).copy,
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…of rows as dicts, or a "
        "path, not a method"),
    "bytes": (b"y,x\n0,1\n",
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…list of rows as dicts, "
        "or a path, not a bytes"),
    "an empty path": ("", "the path of the data is empty; name a file, folder or pattern"),
    "an address of the web": ("https://example.com/a.csv",
        "'https://example.com/a.csv' is an address, and none is opened…or pass what a library "
        "has read from it"),
    "an empty frame": (pd.DataFrame(), "the data have no rows"),
    "a frame without rows": (pd.DataFrame(BASE).iloc[:0], "the data have no rows"),
    "an empty mapping": ({}, "the data have no rows"),
    "a name twice": (pd.DataFrame(np.eye(3), columns=["y", "x", "x"]),
        "the column name 'x' is repeated; every column needs a name of its own"),
    "names that are one as text": (pd.DataFrame(np.eye(3), columns=["y", 1, "1"]),
        "the column name '1' is repeated; every column needs a name of its own"),
    "columns of different lengths": ({"y": [0, 1, 1], "x": [1.0, 2.0]},
        "the columns do not form a table: All arrays must be of the same length"),
    "a matrix as a column": ({"y": [0, 1], "x": np.eye(2)},
        "the columns do not form a table: Per-column arrays must each be 1-dimensional"),
    "series of different labels": ({"y": pd.Series([0, 1]), "x": pd.Series([1, 2], index=[5, 6])},
        "the series have different indexes; give them one, or pass arrays"),
    "records of different names": ([{"y": 0, "x": 1}, {"y": 1, "z": 2}],
        "row 1 of the data has not the same names as row 0 (x, z in…only); write None where a "
        "value is missing"),
    "a name that is no text": ({"y": [0, 1], "\ud800": [1, 2]},
        "the column name '\\ud800' holds a lone surrogate, which is half a character and no "
        "text; write it anew"),
}
# fmt: on

# formulas that are none, and what of the table is changed
# fmt: off
FORMULAS = {
    "nothing": ("", "the formula is empty; write for example 'y ~ x1 + x2'"),
    "no response": ("~ x",
        "the formula '~ x' must be one response column (event= says…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "no tilde": ("x", "the formula 'x' must be one response column (event= says…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "an equals sign": ("y = x", "the formula 'y = x' has '=' for '~'; write 'y ~ x'"),
    "no predictors": ("y ~", "the formula 'y ~' has no predictors; write 'y ~ 1'"),
    "two tildes": ("y ~ x ~ g",
        "the formula 'y ~ x ~ g' must be one response column (event=…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "a plus at the end": ("y ~ x +",
        "the formula 'y ~ x +' cannot be read: it ends where a name, a number or a ')' is "
        "still to come"),
    "commas": ("y ~ x, g",
        "the formula 'y ~ x, g' cannot be read at ', g': terms are joined by +, not by commas"),
    "a semicolon": ("y ~ x; g",
        "the formula 'y ~ x; g' cannot be read at '; g': a formula is one expression; terms "
        "are joined by +"),
    "a comment": ("y ~ x # age",
        "the formula 'y ~ x # age' cannot be read at '# age': leave out the comment"),
    "a parenthesis too few": ("y ~ (x",
        "the formula 'y ~ (x' cannot be read: it ends where a name, a number or a ')' is "
        "still to come"),
    "a parenthesis too many": ("y ~ x)",
        "the formula 'y ~ x)' cannot be read at ')': pair the parentheses"),
    "a bracket": ("y ~ x[1]",
        "the formula 'y ~ x[1]' cannot be read at '[1]': the data are…columns: name the "
        "column alone, as in 'y ~ x'"),
    "a backtick too few": ("y ~ `x",
        "the formula 'y ~ `x' cannot be read at '`x': pair the backticks"),
    "a quote too few": ("y ~ C(g, 'a)",
        'the formula "y ~ C(g, \'a)" cannot be read at "\'a)": pair the quotes'),
    "a name in quotes": ("y ~ 'x'",
        '"\'x\'" is not allowed in a formula; a column\'s name stands in backticks: `x`'),
    "a backslash": ("y ~ x \\ g",
        "the formula 'y ~ x \\\\ g' cannot be read at '\\\\ g': leave out the backslash"),
    "a dollar": ("y ~ d$x",
        "the formula 'y ~ d$x' cannot be read at '$x': the data are…columns: name the column "
        "alone, as in 'y ~ x'"),
    "a column of a frame": ("y ~ df.x",
        "there is no column 'df.x' (did you mean 'x'?); the columns are 'y', 'x', 'g', 'o', "
        "'n', 's'"),
    "an unknown column": ("y ~ age",
        "there is no column 'age'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "another case": ("y ~ X",
        "there is no column 'X' (did you mean 'x'?); the columns are 'y', 'x', 'g', 'o', 'n', "
        "'s'"),
    "a misspelt column": ("y ~ xx",
        "there is no column 'xx' (did you mean 'x'?); the columns are 'y', 'x', 'g', 'o', "
        "'n', 's'"),
    "an unknown response": ("z ~ x",
        "there is no column 'z'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "a letter that looks like another": ("y ~ х",
        "there is no column 'х' ('x' looks like it, but has other…the columns are 'y', 'x', "
        "'g', 'o', 'n', 's'"),
    "a minus that is a dash": ("y ~ x − g",
        "the formula 'y ~ x − g' cannot be read at '− g': a name with such signs in it stands "
        "in backticks, `...`"),
    "a multiple": ("y ~ 2*x",
        "'2' is not allowed in a formula at that place; 0, 1 and -1…outermost sum; write I(2 "
        "* x) for a multiple"),
    "a number alone": ("y ~ 3",
        "'3' is not allowed in a formula at that place; 0, 1 and -1…outermost sum; write I(2 "
        "* x) for a multiple"),
    "no column at all": ("y ~ 0", "the model has no coefficient: add a column or an intercept"),
    "an unknown function": ("y ~ foo(x)",
        "'foo(x)' is not allowed in a formula; terms are columns, and…bs, ns, cr, cs, offset, "
        "joined by + - : * / ^"),
    "a function of NumPy": ("y ~ np.log(x)",
        "'np.log(x)' is not allowed in a formula; write log(x) without the module"),
    "a function of patsy": ("y ~ Q('x')",
        '"Q(\'x\')" is not allowed in a formula; a name that is no word stands in backticks: '
        "`x`"),
    "a function of R": ("y ~ ifelse(x > 1, 1, 0)",
        "'ifelse(x > 1, 1, 0)' is not allowed in a formula; write I(x…a column in the data "
        "beforehand, and name it"),
    "a smooth of mgcv": ("y ~ s(x)",
        "'s(x)' is not allowed in a formula; penalised smooth terms…write ns(x, df=4), bs(x, "
        "df=5) or cr(x, df=4)"),
    "a method": ("y ~ x.mean()",
        "'x.mean()' is not allowed in a formula; terms are columns,…bs, ns, cr, cs, offset, "
        "joined by + - : * / ^"),
    "code": ("y ~ I(__import__('os').system('true'))",
        'the formula "y ~ I(__import__(\'os\').system(\'true\'))" cannot…is missing before it, or '
        "a name or a bracket"),
    "a lambda": ("y ~ I((lambda: 1)())",
        "the formula 'y ~ I((lambda: 1)())' cannot be read at '())': a…is missing before it, "
        "or a name or a bracket"),
    "an attribute of Python": ("y ~ x.__class__",
        "there is no column 'x.__class__' (did you mean 'x'?); the columns are 'y', 'x', 'g', "
        "'o', 'n', 's'"),
    "random effects": ("y ~ x + (1|g)",
        "'1 | g' is not allowed in a formula; random effects are not…cluster=) standard "
        "errors for groups"),
    "a bar": ("y ~ x | g",
        "'x | g' is not allowed in a formula; random effects are not…cluster=) standard "
        "errors for groups"),
    "a comparison outside I": ("y ~ x > 1", "'x > 1' is not allowed in a formula; write I(x > 1)"),
    "a comparison of text with numbers": ("y ~ I(g > 1)",
        "column 'g' holds text, but the formula computes with it; use it alone, or as C(...)"),
    "a power of a sum that is too high": ("y ~ (x + g)^20",
        "the power '20' is not allowed in a formula: it must be a whole number from 1 to 10, "
        "of not too many terms"),
    "a power that is no number": ("y ~ x^g",
        "the power 'g' is not allowed in a formula: it must be a whole number from 1 to 10, "
        "of not too many terms"),
    "a power that is none": ("y ~ x^0",
        "the power '0' is not allowed in a formula: it must be a whole number from 1 to 10, "
        "of not too many terms"),
    "a curve of degree 0": ("y ~ poly(x, 0)",
        "the option degree= of 'poly(x, 0)' must be a whole number from 1 to 100"),
    "a curve of more degrees than values": ("y ~ poly(n, 9)",
        "'poly(n, 9)' needs more than 9 different values, and there are 4; lower the degree"),
    "a curve of two columns": ("y ~ poly(x, o)",
        "the option 'degree=o' of 'poly(x, o)' is not allowed in a…text, TRUE or FALSE, or "
        "lists: c(1, 2)"),
    "a spline of too few degrees": ("y ~ bs(x, df=2)",
        "the option df= of 'bs(x, df=2)' must be a whole number from 3 to 100"),
    "knots outside the data": ("y ~ ns(x, knots=c(99))",
        "the knot 99 of 'ns(x, knots=c(99))' is not between 0.5 and 4; knots stand inside the "
        "values"),
    "an unknown option": ("y ~ bs(x, nodes=3)",
        "'bs(x, nodes=3)' is not allowed in a formula; nodes= is no…degree, "
        "include_intercept, intercept"),
    "an option that is no number": ("y ~ bs(x, df='many')",
        'the option df= of "bs(x, df=\'many\')" must be a whole number from 3 to 100'),
    "contrasts that are none": ("y ~ C(g, contr.foo)",
        "the option 'contr.foo' of 'C(g, contr.foo)' is not allowed in…contr.helmert, "
        "contr.poly and contr.diff"),
    "a reference that is no level": ("y ~ C(g, contr.treatment('zz'))",
        "'zz' is no level of column 'g'; its levels are 'a', 'b'"),
    "levels that lack one of the data": ("y ~ C(g, levels=c('a', 'z'))",
        "'z' is no level of column 'g'; its levels are 'a', 'b'"),
    "a function without its argument": ("y ~ log()",
        "'log()' is not allowed in a formula; a column comes first, as in log(x)"),
    "a function in C()": ("y ~ C(x + n)",
        "'C(x + n)' is not allowed in a formula; categories are of a…alone, or compute one in "
        "the data beforehand"),
    "the response among the predictors": ("y ~ x + y",
        "the response 'y' also stands among the predictors; leave it out there"),
    "arithmetic of the response": ("1 - y ~ x",
        "the formula '1 - y ~ x' must be one response column (event=…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "a logarithm of the response": ("log(y) ~ x",
        "the formula 'log(y) ~ x' must be one response column (event=…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "two responses": ("y + n ~ x",
        "the formula 'y + n ~ x' must be one response column (event=…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "a share as a quotient": ("s/n ~ x",
        "the formula 's/n ~ x' must be one response column (event=…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "counts of one column": ("cbind(s) ~ x",
        "'cbind(s)' in the formula is not of counts: write…or cbind(successes, trials - "
        "successes)"),
    "counts of three columns": ("cbind(s, n, o) ~ x",
        "'cbind(s, n, o)' in the formula is not of counts: write…or cbind(successes, trials - "
        "successes)"),
    "trials by a bar": ("s | trials(n) ~ x",
        "the formula 's | trials(n) ~ x' must be one response column…then '~' and the "
        "predictors: 'y ~ x1 + x2'"),
    "an offset in an interaction": ("y ~ x:offset(o)",
        "'offset(o)' is not allowed in a formula; an offset stands alone in the sum, as in 'y "
        "~ x + offset(log(z))'"),
    "an offset of text": ("y ~ x + offset(g)",
        "column 'g' holds text, but the formula computes with it; use it alone, or as C(...)"),
    "a response as an offset": ("y ~ x + offset(y)",
        "the response 'y' is also named as offset, weights or trials; name another column "
        "there"),
    "an emoji": ("y ~ 😀",
        "the formula 'y ~ 😀' cannot be read at '😀': a name with such signs in it stands in "
        "backticks, `...`"),
    "a formula of thousands of signs": ("y ~ " + "(" * 3000 + "x" + ")" * 3000,
        "the formula is nested too deeply: write it with fewer brackets"),
    "interactions without an end": ("y ~ " + "*".join(["x", "g", "o", "n",
        "s"] * 4) + "*" + "*".join(f"I(x > {i})" for i in range(20)),
        "the formula multiplies out to too many terms; at most 4096 are…those that are meant"),
}
# fmt: on

# of the response: its cells, options, and the sentence
# fmt: off
RESPONSES = {
    "one word": ({"y": ["yes"] * ROWS}, {},
        "the response 'y' has 1 category ('yes'); a Bernoulli response has two"),
    "three words": ({"y": ["a", "b", "c"] * 4}, {},
        "the response 'y' has 3 categories ('a', 'b', 'c'); a Bernoulli response has two"),
    "three numbers": ({"y": [0, 1, 2] * 4}, {},
        "the response 'y' must be 0 or 1, but it has the values 0, 1,…are given with those of "
        "failures, cbind(s, f)"),
    "two fractions": ({"y": [0.25, 0.75] * 6}, {},
        "the response 'y' must be 0 or 1, but it has the values 0.25,…f) in a formula, two "
        "columns as an array"),
    "shares without trials": ({"y": [i / 12 for i in range(ROWS)]}, {},
        "the response 'y' must be 0 or 1, but it has the values 0,…f) in a formula, two "
        "columns as an array"),
    "counts without trials": ({"y": list(range(ROWS))}, {},
        "the response 'y' must be 0 or 1, but it has the values 0, 1,…are given with those of "
        "failures, cbind(s, f)"),
    "negative numbers": ({"y": [-1, 0, 1] * 4}, {},
        "the response 'y' must be 0 or 1, but it has the values -1, 0, 1 (first in row 1); "
        "recode it"),
    "a word among noughts and ones": ({"y": {3: "?"}}, {},
        "the response 'y' holds numbers in some rows and text in…missing (na='?', --na '?') "
        "or correct them"),
    "words in upper and lower case": ({"y": ["yes", "no", "Yes"] * 4}, {},
        "the response 'y' has 3 categories ('Yes', 'no', 'yes'); a Bernoulli response has two"),
    "words with blanks": ({"y": ["yes ", "no", "yes"] * 4}, {},
        "the response 'y' has 3 categories ('no', 'yes', 'yes '); a Bernoulli response has " "two"),
    "infinity": ({"y": {3: float("inf")}}, {},
        "the response 'y' must be 0 or 1, but it has the values 0, 1, inf (first in row 3); "
        "recode it"),
    "nothing": ({"y": [None] * ROWS}, {}, "no rows are left of 12: 12 have a missing value"),
    "an event that is no value": ({}, {"event": "2"},
        "the event '2' is no value of the response 'y', which has '0' and '1'; name one of "
        "them"),
    "an event in another case": ({"y": ["yes", "no"] * 6}, {"event": "YES"},
        "the event 'YES' is no value of the response 'y', which has 'no' and 'yes'; name one "
        "of them"),
    "an empty event": ({"y": ["yes", "no"] * 6}, {"event": ""},
        "is no value of the response 'y', which has 'no' and 'yes'; name one of them"),
    "trials that are no column": ({}, {"trials": "m"},
        "there is no column 'm'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "trials of noughts and ones": ({"n": {3: -1}}, {"trials": "n"},
        "column 'n' has negative values in row 3; successes, failures and trials are counts "
        "and must be 0, 1, 2, ..."),
    "a share above 1": ({"y": [1.5] * ROWS}, {"trials": "n"},
        "the response 'y' has trials ('n') and must be a share from 0…in rows 1, 2, 3, 4, 5 "
        "and 7 more; correct it"),
    "counts with trials": ({}, {"trials": "n", "formula": "s ~ x"},
        "the response 's' has trials ('n') and must be a share from 0…counts are written "
        "cbind(successes, failures)"),
    "a share that is rounded": ({"y": [0.33] * ROWS}, {"trials": "n"},
        "the share 'y' times its trials 'n' is no whole number in rows…the shares in all "
        "their digits, or counts"),
    "trials that are fractions": ({"n": {3: 4.5}}, {"trials": "n"},
        "column 'n' has fractional values in row 3; successes, failures and trials are counts "
        "and must be 0, 1, 2, ..."),
    "trials that are text": ({}, {"trials": "g"},
        "column 'g' holds text, not numbers; convert it first"),
    "trials and weights": ({}, {"trials": "n", "frequency_weights": "s"},
        "a share ('y') with trials and frequency_weights cannot both…are the weights; leave "
        "frequency_weights out"),
    "trials and an event": ({}, {"trials": "n", "event": "1"},
        "a share ('y') with trials and event cannot both be given:…the other write "
        "cbind(failures, successes)"),
    "counts and trials": ({}, {"formula": "cbind(s, n - s) ~ x", "trials": "n"},
        "trials are of a share, and cbind(s, n - s) has its own: leave trials out"),
    "more successes than trials": ({"s": {3: 99}}, {"formula": "cbind(s, n - s) ~ x"},
        "column 's' is larger than 'n' in row 3: there are no more successes than trials"),
    "negative counts": ({"s": {3: -1}}, {"formula": "cbind(s, n) ~ x"},
        "column 's' has negative values in row 3; successes, failures and trials are counts "
        "and must be 0, 1, 2, ..."),
    "counts that are fractions": ({"s": {3: 1.5}}, {"formula": "cbind(s, n) ~ x"},
        "column 's' has fractional values in row 3; successes, failures and trials are counts "
        "and must be 0, 1, 2, ..."),
    "counts that are text": ({}, {"formula": "cbind(g, n) ~ x"},
        "column 'g' holds text, not numbers; convert it first"),
    "counts and an event": ({}, {"formula": "cbind(s, n) ~ x", "event": "1"},
        "the counts cbind(s, n) and event cannot both be given:…the other write "
        "cbind(failures, successes)"),
    "counts and weights": ({}, {"formula": "cbind(s, n) ~ x", "frequency_weights": "n"},
        "the response 'n' is also named as offset, weights or trials; name another column "
        "there"),
}
# fmt: on

# of weights, offsets and samples
# fmt: off
BESIDE = {
    "an offset that is no column": ({}, {"offset": "q"},
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "an offset of text": ({}, {"offset": "g"},
        "column 'g' holds text, not numbers; convert it first"),
    "an offset of infinity": ({"o": {3: float("inf")}}, {"offset": "o"},
        "column 'o' has values that are not finite in row 3; correct or drop them"),
    "an offset with a word": ({"o": {3: "?"}}, {"offset": "o"},
        "column 'o' holds numbers in some rows and text in others: '?'…missing (na='?', --na "
        "'?') or correct them"),
    "an offset beside offset()": ({}, {"offset": "o", "formula": "y ~ x + offset(n)"},
        "the formula has an offset, 'n', and another stands beside it; put both in the "
        "formula: offset(a) + offset(b)"),
    "weights that are no column": ({}, {"frequency_weights": "q"},
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "weights of text": ({}, {"frequency_weights": "g"},
        "column 'g' holds text, not numbers; convert it first"),
    "fractional weights": ({}, {"frequency_weights": "o"},
        "column 'o' has fractional values in rows 1, 2, 3, 4, 5 and 7…count observations and "
        "must be 0, 1, 2, ..."),
    "negative weights": ({"n": {3: -1}}, {"frequency_weights": "n"},
        "column 'n' has negative values in row 3; frequency weights count observations and "
        "must be 0, 1, 2, ..."),
    "infinite weights": ({"n": {3: float("inf")}}, {"frequency_weights": "n"},
        "column 'n' has values that are not finite in row 3; correct or drop them"),
    "weights with a word": ({"n": {3: "many"}}, {"frequency_weights": "n"},
        "column 'n' holds numbers in some rows and text in others:…(na='many', --na many) or "
        "correct them"),
    "weights of 0 everywhere": ({"n": [0] * ROWS}, {"frequency_weights": "n"},
        "no rows are left of 12: 12 have weight 0; give some rows a weight above 0"),
    "weights past exact counting": ({"n": [2**53] * ROWS}, {"frequency_weights": "n"},
        "column 'n' sums to 2^53 or more, past exact counting; give counts in a larger unit"),
    "weights that are all missing": ({"n": [None] * ROWS}, {"frequency_weights": "n"},
        "no rows are left of 12: 12 have a missing value"),
    "two kinds of weights": ({}, {"frequency_weights": "n", "sampling_weights": "o"},
        "rows have frequency weights or sampling weights, not both:…second say how many "
        "people a row speaks for"),
    "sampling weights that are no column": ({}, {"sampling_weights": "q"},
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "sampling weights of text": ({}, {"sampling_weights": "g"},
        "column 'g' holds text, not numbers; convert it first"),
    "negative sampling weights": ({"o": {3: -0.5}}, {"sampling_weights": "o"},
        "column 'o' has negative values in row 3; sampling weights say…a row speaks for, and "
        "must be 0 or more"),
    "infinite sampling weights": ({"o": {3: float("inf")}}, {"sampling_weights": "o"},
        "column 'o' has values that are not finite in row 3; correct or drop them"),
    "sampling weights of 0 everywhere": ({"o": [0.0] * ROWS}, {"sampling_weights": "o"},
        "no rows are left of 12: 12 have weight 0; give some rows a weight above 0"),
    "clusters without sampling weights": ({}, {"clusters": "g"},
        "clusters go with sampling_weights (of 1 each, where all rows…fit, cluster=...) takes "
        "clusters alone"),
    "strata without sampling weights": ({}, {"strata": "g"},
        "strata go with sampling_weights (of 1 each, where all rows…fit, cluster=...) takes "
        "clusters alone"),
    "clusters that are no column": ({}, {"sampling_weights": "o", "clusters": "q"},
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "one cluster": ({"g": ["a"] * ROWS}, {"sampling_weights": "o", "clusters": "g"},
        "there is one cluster only, of which no variance is known"),
    "strata of one row": ({"g": {3: "c"}}, {"sampling_weights": "o", "strata": "g"},
        "strata with one row only, of which no variance is known (c): merge them with others"),
    "a missing value where none may be": ({"x": {3: None}}, {"missing": "raise"},
        "values are missing in row 3 (column 'x' first); complete them, or pass " 'missing="drop"'),
    "a missing response where none may be": ({"y": {3: None}}, {"missing": "raise"},
        "values are missing in row 3 (column 'y' first); complete them, or pass " 'missing="drop"'),
    "missing values that may be what they will": ({}, {"missing": "mean"},
        'missing must be "drop" or "raise", not \'mean\''),
}
# fmt: on

Y, X = [0, 1, 0, 1, 1, 0], [1.0, 2.0, 3.0, 4.0, 1.5, 2.5]
SQUARE = [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 2.0], [1.5, 1.0], [2.5, 0.5]]

# arguments of from_arrays
# fmt: off
ARRAYS = {
    "X is text": ((["a", "b", "c", "a", "b", "c"], Y, {}),
        "X holds text; it must hold numbers. Use from_formula for categories"),
    "X is one text": (("abc", Y, {}),
        "X must be a matrix (n, k), a vector or a data frame, not a str"),
    "X is nothing": ((None, Y, {}),
        "X must be a matrix (n, k), a vector or a data frame, not a NoneType"),
    "X is a number": ((3.0, Y, {}),
        "X must be a matrix (n, k), a vector or a data frame, not a float"),
    "X of complex numbers": ((np.array(X) + 1j, Y, {}),
        "X holds complex128 values; it must hold numbers. Use from_formula for categories"),
    "X of dates": ((np.arange(6).astype("datetime64[D]"), Y, {}),
        "X holds …values; it must hold numbers. Use from_formula for categories"),
    "X of fractions": (([Fraction(1, 3)] * 6, Y, {}),
        "column 'x1' holds Fraction values, not numbers; convert it first"),
    "X of objects": (([object()] * 6, Y, {}),
        "column 'x1' holds object values, not numbers; convert it first"),
    "X is ragged": (([[1.0], [1.0, 2.0], [1.0], [2.0], [3.0], [4.0]], Y, {}),
        "X is ragged: row 1 has 2 values, and row 0 has 1; give all rows as many"),
    "X of three dimensions": ((np.zeros((6, 1, 1)), Y, {}),
        "X has shape (6, 1, 1); it must be (n, k)"),
    "X without columns": ((np.zeros((6, 0)), Y, {}),
        "the model has no coefficient: add a column or an intercept"),
    "X without rows": ((np.zeros((0, 2)), [], {}), "X has no rows"),
    "X is a generator": (((value for value in X), Y, {}),
        "X must be a matrix (n, k), a vector or a data frame, not a generator"),
    "X is a set": (({1.0, 2.0}, Y, {}),
        "X must be a matrix (n, k), a vector or a data frame, not a set"),
    "X of long doubles": ((np.array(X, dtype=np.longdouble), Y, {}),
        "X holds float128 values; convert to float64 first"),
    "X with NaN": (([np.nan, *X[1:]], Y, {}),
        "column 'x1' has missing values (NaN) in row 0; drop or impute them"),
    "X with infinity": (([np.inf, *X[1:]], Y, {}),
        "column 'x1' has values that are not finite in row 0; correct or drop them"),
    "X with None": (([None, *X[1:]], Y, {}),
        "column 'x1' has missing values (NaN) in row 0; drop or impute them"),
    "X with masked values": ((np.ma.masked_equal(X, 1.0), Y, {}),
        "'X' has masked values; fill or drop them"),
    "X and y of different lengths": ((X, Y[:-1], {}), "'y' has 5 values, the data have 6 rows"),
    "X is transposed": ((np.array(SQUARE).T, Y, {}), "'y' has 6 values, the data have 2 rows"),
    "X of text in a frame": ((pd.DataFrame({"x": list("abcabc")}), Y, {}),
        "column 'x' holds text, not numbers; convert it first"),
    "X of numbers as text": ((["1", "2", "3", "4", "5", "6"], Y, {}),
        "X holds text; it must hold numbers. Use from_formula for categories"),
    "y is nothing": ((X, None, {}), "'y' must be one value a row, not a NoneType"),
    "y is one number": ((X, 1, {}), "'y' must be one value a row, not an int"),
    "y is a text": ((X, "010110", {}), "'y' must be one value a row, not a str"),
    "y of three classes": ((X, [0, 1, 2, 0, 1, 2], {}),
        "the response 'y' must be 0 or 1, but it has the values 0, 1,…are given with those of "
        "failures, cbind(s, f)"),
    "y of three words": ((X, ["a", "b", "c"] * 2, {}),
        "the response 'y' has 3 categories ('a', 'b', 'c'); a Bernoulli response has two"),
    "y of one word": ((X, ["a"] * 6, {}),
        "the response 'y' has 1 category ('a'); a Bernoulli response has two"),
    "y of three columns": ((X, np.zeros((6, 3)), {}),
        "'y' has shape (6, 3); it must be one value a row, (n,)"),
    "y with NaN": ((X, [np.nan, 1, 0, 1, 1, 0], {}),
        "the response 'y' is missing in row 0; drop these rows"),
    "y with None": ((X, [None, 1, 0, 1, 1, 0], {}),
        "the response 'y' is missing in row 0; drop these rows"),
    "y with infinity": ((X, [np.inf, 1, 0, 1, 1, 0], {}),
        "the response 'y' must be 0 or 1, but it has the values 0, 1, inf (first in row 0); "
        "recode it"),
    "y of shares": ((X, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], {}),
        "the response 'y' must be 0 or 1, but it has the values 0.1,…f) in a formula, two "
        "columns as an array"),
    "y of complex numbers": ((X, np.array(Y) + 0j, {}),
        "column 'y' holds complex128 values; it must hold numbers, text or categories"),
    "y of dates": ((X, np.array(Y).astype("datetime64[D]"), {}),
        "column 'y' holds …values, which are no numbers: make numbers…the first, or "
        "categories, such as the year"),
    "y of lists": ((X, [[0], [1], [0], [1], [1], [0, 1]], {}),
        "'y' is ragged: row 5 has 2 values, and row 0 has 1; give all rows as many"),
    "y of numbers and truth values": ((X, np.array([0, True, 0, 1, 1, 0], dtype=object), {}),
        "column 'y' holds booleans in some rows and numbers in others; correct it, or convert "
        "all of it"),
    "y with other labels than X": ((pd.DataFrame({"x": X}), pd.Series(Y, index=range(6, 12)), {}),
        "'y' and the data have different row labels; reindex it, or pass an array to pair "
        "them by position"),
    "too few names": ((SQUARE, Y, {"names": ["a"]}),
        "names must be 2, one for each column of X, not 1"),
    "names as one text": ((SQUARE, Y, {"names": "ab"}), "names must be a list of text, not 'ab'"),
    "a name twice": ((SQUARE, Y, {"names": ["a", "a"]}),
        "the column name 'a' is repeated; every column needs a name of its own"),
    "the intercept's name twice": ((X, Y, {"names": ["const"], "intercept": True}),
        "the column name 'const' is repeated; every column needs a name of its own"),
    "an offset that is too short": ((X, Y, {"offset": [0.0]}),
        "'offset' has 1 values, the data have 6 rows"),
    "an offset of text": ((X, Y, {"offset": list("abcabc")}),
        "column 'offset' holds text, not numbers; convert it first"),
    "an offset with NaN": ((X, Y, {"offset": [np.nan] * 6}),
        "column 'offset' has missing values (NaN) in rows 0, 1, 2, 3, 4 and 1 more; drop or "
        "impute them"),
    "an offset by name": ((X, Y, {"offset": "o"}), "'offset' must be one value a row, not a str"),
    "an offset of two columns": ((X, Y, {"offset": SQUARE}),
        "'offset' has shape (6, 2); it must be one value a row, (n,)"),
    "weights that are too short": ((X, Y, {"frequency_weights": [1, 2]}),
        "'frequency_weights' has 2 values, the data have 6 rows"),
    "fractional weights": ((X, Y, {"frequency_weights": [0.5] * 6}),
        "column 'frequency_weights' has fractional values in rows 0,…count observations and "
        "must be 0, 1, 2, ..."),
    "negative weights": ((X, Y, {"frequency_weights": [-1] * 6}),
        "column 'frequency_weights' has negative values in rows 0, 1,…count observations and "
        "must be 0, 1, 2, ..."),
    "weights with NaN": ((X, Y, {"frequency_weights": [np.nan] * 6}),
        "column 'frequency_weights' has missing values (NaN) in rows 0, 1, 2, 3, 4 and 1 "
        "more; drop or impute them"),
    "weights of truth values and numbers": ((X, Y, {"frequency_weights": np.array([True, 2, 1, 1,
        1, 1], dtype=object)}),
        "column 'frequency_weights' holds booleans in some rows and numbers in others; "
        "correct it, or convert all of it"),
    "weights of 0": ((X, Y, {"frequency_weights": [0] * 6}),
        "no rows are left of 6: 6 have weight 0; give some rows a weight above 0"),
    "an event that is no value": ((X, Y, {"event": 2}),
        "the event '2' is no value of the response 'y', which has '0' and '1'; name one of "
        "them"),
    "an event that is a list": ((X, Y, {"event": [1]}),
        "the event '[1]' is no value of the response 'y', which has '0' and '1'; name one of "
        "them"),
    "an event that is NaN": ((X, Y, {"event": np.nan}),
        "the event 'nan' is no value of the response 'y', which has '0' and '1'; name one of "
        "them"),
    "an event that is a function": ((X, Y, {"event": len}),
        "the event '<built-in function len>' is no value of the response 'y', which has '0' "
        "and '1'; name one of them"),
    "trials that are too short": ((X, [0.5] * 6, {"trials": [2]}),
        "'trials' has 1 values, the data have 6 rows"),
    "counts that are negative": ((X, [[1, -1]] * 6, {}),
        "column 'y[:, 1]' has negative values in rows 0, 1, 2, 3, 4…trials are counts and "
        "must be 0, 1, 2, ..."),
    "sampling weights with NaN": ((X, Y, {"sampling_weights": [np.nan] * 6}),
        "'sampling_weights' is missing in rows 0, 1, 2, 3, 4 and 1 more; complete them"),
    "sampling weights by name": ((X, Y, {"sampling_weights": "w"}),
        "sampling_weights must be one value a row, where there is no data frame"),
    "an intercept that is a word": ((X, Y, {"intercept": "yes"}),
        "intercept must be True or False, not 'yes'"),
}
# fmt: on


@pytest.fixture(scope="module")
def made():
    """A model of a formula with an offset, one of arrays, their fits, and draws."""
    return Made()


class Made:
    """What wrong calls are made with."""

    def __init__(self):
        self.frame = pd.DataFrame(BASE)
        self.model = BernoulliLogistic.from_formula("y ~ x + g", self.frame)
        self.fit = fit_newton(self.model)
        self.posterior = sample_independence(self.model, draws=100, seed=1, progress=False)
        self.small = BernoulliLogistic.from_formula("y ~ x", self.frame)
        self.other = BernoulliLogistic.from_formula("y ~ x + g", self.frame.iloc[1:])
        self.pushed = BernoulliLogistic.from_formula("y ~ x", self.frame, offset="o")
        self.pushed_fit = fit_newton(self.pushed)
        self.plain = BernoulliLogistic.from_arrays(SQUARE, Y, offset=[0.1] * 6, intercept=True)
        self.plain_fit = fit_newton(self.plain)
        self.coded = BernoulliLogistic.from_formula("y ~ C(n)", self.frame)
        self.coded_fit = fit_newton(self.coded)
        self.drawn = BernoulliLogistic.from_formula("y ~ x", self.frame, sampling_weights="n")
        self.drawn_fit = fit_newton(self.drawn)
        self.separated = BernoulliLogistic.from_arrays(X[:4], [0, 0, 1, 1], intercept=True)

    def rows(self, **changed):
        return pd.DataFrame(columns(**changed))

    def predicted(self, data, **options):
        return predict(self.model, self.fit, data, **options)


# new rows: how they are asked for, and the sentence
# fmt: off
NEW_ROWS = {
    "no rows at all": (lambda m: m.predicted(None),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…of rows as dicts, or a "
        "path, not a NoneType"),
    "a number": (lambda m: m.predicted(3),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…list of rows as dicts, "
        "or a path, not an int"),
    "an empty frame": (lambda m: m.predicted(m.frame.iloc[:0]), "the data have no rows"),
    "a series": (lambda m: m.predicted(m.frame["x"]),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…a column "
        "series.to_frame()"),
    "a matrix for a formula": (lambda m: m.predicted(np.zeros((2, 2))),
        "data must be a data frame (of pandas, polars, Arrow, DuckDB…of rows as dicts, or a "
        "path, not an ndarray"),
    "a column is missing": (lambda m: m.predicted(m.frame[["x"]]),
        "there is no column 'g'; the columns are 'x'"),
    "columns in other case": (lambda m: m.predicted(m.frame.rename(columns=str.upper)),
        "there is no column 'x' (did you mean 'X'?); the columns are 'Y', 'X', 'G', 'O', 'N', "
        "'S'"),
    "a level that was not seen": (lambda m: m.predicted(m.rows(g={3: "c"})),
        "column 'g' has the level 'c' in row 2, which the model has not seen; its levels are "
        "a, b"),
    "a level in other case": (lambda m: m.predicted(m.rows(g={3: "A"})),
        "column 'g' has the level 'A' in row 2, which the model has not seen; its levels are "
        "a, b"),
    "a level with a blank": (lambda m: m.predicted(m.rows(g={3: "a "})),
        "column 'g' has the level 'a ' in row 2, which the model has not seen; its levels are "
        "a, b"),
    "numbers where levels were": (lambda m: m.predicted(m.rows(g=range(ROWS))),
        "column 'g' has the level '0' in rows 0, 1, 2, 3, 4 and 7 more, which the model has "
        "not seen; its levels are a, b"),
    "a mean where levels were": (lambda m: predict(m.coded, m.coded_fit, {"n": 5.5}),
        "column 'n' has the level '5.5' in row 0, which the model has not seen; its levels "
        "are 4, 5, 6, 7"),
    "text where levels of numbers were": (lambda m: predict(m.coded, m.coded_fit, {"n": "5"}),
        "column 'n' has the level '5' in row 0, which the model has…levels are numbers, not "
        "text: convert them"),
    "text where numbers were": (lambda m: m.predicted(m.rows(x=list("abcdefghijkl"))),
        "column 'x' holds text, but the model was built with numbers; convert it"),
    "a word among numbers": (lambda m: m.predicted(m.rows(x={3: "?"})),
        "column 'x' holds values of several kinds ('?' first, in row…make such values missing "
        "or correct them"),
    "numbers as text": (lambda m: m.predicted(m.rows(x=[str(i) for i in range(ROWS)])),
        "column 'x' holds text, but the model was built with numbers; convert it"),
    "dates where numbers were": (lambda m: m.predicted(m.rows(x=OBJECTS["timestamps"][0])),
        "column 'x' holds …values, but the model was built with numbers; convert it"),
    "infinity": (lambda m: m.predicted(m.rows(x={3: np.inf})),
        "column 'x' has values that are not finite in row 2; correct or drop them"),
    "a missing value": (lambda m: m.predicted(m.rows(x={3: None})),
        "column 'x' is missing in row 2; impute it, or leave such rows out: "
        "data.dropna(subset=['x', 'g'])"),
    "a missing level": (lambda m: m.predicted(m.rows(g={3: None})),
        "column 'g' is missing in row 2; impute it, or leave such rows out: "
        "data.dropna(subset=['x', 'g'])"),
    "missing values everywhere": (lambda m: m.predicted(m.rows(x=[None] * ROWS), missing="drop"),
        "no rows are left of 12: a value is missing in all of them"),
    "missing values that may be what they will": (lambda m: m.predicted(m.frame, missing="mean"),
        'missing must be "raise" or "drop", not \'mean\''),
    "no such file": (lambda m: m.predicted("no.csv"), "no file 'no.csv', and none that matches it"),
    "an offset that is not there": (lambda m: predict(m.pushed, m.pushed_fit, {"x": 1.0}),
        "the model has an offset, column 'o': pass the offsets of the new rows"),
    "an offset of text": (lambda m: predict(m.pushed, m.pushed_fit, m.frame, offset="g"),
        "column 'g' holds text, not numbers; convert it first"),
    "an offset of no column": (lambda m: predict(m.pushed, m.pushed_fit, m.frame, offset="q"),
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "an offset that is too short": (lambda m: predict(m.pushed, m.pushed_fit, m.frame,
        offset=[1.0]), "offset must be 12 finite numbers, one for each new row"),
    "an offset of NaN": (lambda m: predict(m.pushed, m.pushed_fit, m.frame,
        offset=[np.nan] * ROWS), "offset must be 12 finite numbers, one for each new row"),
    "arrays without their offset": (lambda m: predict(m.plain, m.plain_fit, np.ones((2, 3))),
        "the model has an offset: pass the offsets of the new rows"),
    "too few columns": (lambda m: predict(m.plain, m.plain_fit, np.ones((2, 1)), offset=[0.0,
        0.0]), "new rows have 1 column, the model 3: const, x1, x2"),
    "three dimensions": (lambda m: predict(m.plain, m.plain_fit, np.ones((2, 3, 1)), offset=[0.0,
        0.0]), "X has shape (2, 3, 1); it must be (n, k)"),
    "arrays of text": (lambda m: predict(m.plain, m.plain_fit, [["a", "b", "c"]], offset=[0.0]),
        "X holds text; it must hold numbers. Use from_formula for categories"),
    "a frame of other names": (lambda m: predict(m.plain, m.plain_fit, pd.DataFrame(SQUARE,
        columns=["a", "b"]), offset=[0.0] * 6),
        "there is no column 'x1'; the columns are 'a', 'b'"),
    "effects without rows": (lambda m: average_marginal_effects(m.model, m.fit),
        "the variables of a formula are not columns of the design: pass data, the rows to "
        "average over"),
    "effects over a level that was not seen": (lambda m: average_marginal_effects(m.model, m.fit,
        m.rows(g={3: "c"})),
        "column 'g' has the level 'c' in row 2, which the model has not seen; its levels are "
        "a, b"),
    "effects of no variable": (lambda m: average_marginal_effects(m.model, m.fit, m.frame,
        variables=["q"]), "there is no variable 'q'; the variables are x, g"),
    "effects with weights of no column": (lambda m: average_marginal_effects(m.model, m.fit,
        m.frame, frequency_weights="q"),
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
}
# fmt: on

# results and options of functions
# fmt: off
RESULTS = {
    "a fit of another model": (lambda m: predict(m.small, m.fit, m.frame),
        "the estimate is of Intercept, x, g[T.b], the model has…model; pass the model that it "
        "was fitted to"),
    "a fit of other rows": (lambda m: predict(m.other, m.fit, m.frame),
        "the data are not those of the estimate, which is that of…pass the model that it was "
        "fitted to"),
    "draws of another model": (lambda m: predict(m.small, m.posterior, m.frame),
        "the draws are of Intercept, x, g[T.b], the model has Intercept, x: they are those of "
        "another model"),
    "coefficients for a fit": (lambda m: predict(m.model, m.fit.coefficients, m.frame),
        "a fit must be a PointEstimate or a RobustCovariance, such as…fit) give, not an "
        "ndarray"),
    "a mapping for a fit": (lambda m: predict(m.model, {"x": 1.0}, m.frame),
        "a fit must be a PointEstimate or a RobustCovariance, such as…fit) give, not a dict"),
    "a fit before its model": (lambda m: predict(m.fit, m.model, m.frame),
        "predict takes a BernoulliLogistic first, not a PointEstimate: predict(model, result, "
        "data)"),
    "a frame for a model": (lambda m: fit_newton(m.frame),
        "fit_newton takes a BernoulliLogistic first, not a DataFrame: fit_newton(model)"),
    "a formula for a model": (lambda m: fit_newton("y ~ x"),
        "fit_newton takes a BernoulliLogistic first, not a str: fit_newton(model)"),
    "nothing for a model": (lambda m: fit_newton(None),
        "fit_newton takes a BernoulliLogistic first, not a NoneType: fit_newton(model)"),
    "a class for a model": (lambda m: fit_newton(BernoulliLogistic),
        "fit_newton takes a BernoulliLogistic first, not a type: fit_newton(model)"),
    "data before a formula": (lambda m: BernoulliLogistic.from_formula(m.frame, "y ~ x"),
        "from_formula takes a formula such as 'y ~ x1 + x2' first and then the data, not a "
        "DataFrame"),
    "data where rows are wanted": (lambda m: BernoulliLogistic(m.frame, "y ~ x"),
        "a model is built by BernoulliLogistic.from_formula(formula, data) or by "
        "BernoulliLogistic.from_arrays(X, y)"),
    "a probability of 95": (lambda m: m.predicted(m.frame, prob=95),
        "prob must lie between 0 and 1, not 95"),
    "a probability of 0": (lambda m: confidence_intervals(m.model, prob=0),
        "prob must lie between 0 and 1, not 0"),
    "a probability that is text": (lambda m: confidence_intervals(m.model, prob="95%"),
        "prob must lie between 0 and 1, not '95%'"),
    "a probability that is NaN": (lambda m: summarise(m.model, m.fit, prob=np.nan),
        "prob must lie between 0 and 1, not nan"),
    "an interval that is none": (lambda m: predict(m.model, m.posterior, m.frame, interval="wald"),
        'interval must be "eti" or "hdi", not \'wald\''),
    "shortest intervals of a fit": (lambda m: m.predicted(m.frame, interval="hdi"),
        'of an estimate there is the Wald interval only; leave interval "eti"'),
    "a method that is none": (lambda m: confidence_intervals(m.model, method="score"),
        'method must be "profile" or "wald", not \'score\''),
    "a curve of no coefficient": (lambda m: profile_curve(m.model, "q"),
        "the model has no coefficient 'q'; it has Intercept, x, g[T.b]"),
    "a curve in other case": (lambda m: profile_curve(m.model, "X"),
        "the model has no coefficient 'X'; it has Intercept, x, g[T.b]"),
    "a test of no coefficient": (lambda m: wald_test(m.model, m.fit, ["q"]),
        "there is no coefficient or term 'q'; the coefficients are Intercept, x, g[T.b]; the "
        "terms are g"),
    "a test of nothing": (lambda m: wald_test(m.model, m.fit, []),
        "the matrix of a hypothesis must be finite, of shape (q, 3); this one has shape (1, " "0)"),
    "a matrix of a wrong shape": (lambda m: wald_test(m.model, m.fit, np.ones((1, 7))),
        "the matrix of a hypothesis must be finite, of shape (q, 3); this one has shape (1, " "7)"),
    "a score test of no coefficient": (lambda m: score_test(m.model, ["q"]),
        "there is no coefficient or term 'q'; the coefficients are Intercept, x, g[T.b]; the "
        "terms are g"),
    "models that are not nested": (lambda m: likelihood_ratio_test(m.model, m.coded),
        "neither model is nested in the other (the columns of neither…them by AIC or elpd, "
        "see compare_models"),
    "models of other rows": (lambda m: likelihood_ratio_test(m.other, m.small),
        "'first' and 'second' are models of different rows: row 0 in the second model only; "
        "build both from the same rows"),
    "a comparison of one": (lambda m: compare_models({"a": m.model}),
        "there is nothing to compare: pass two models or more"),
    "a comparison of none": (lambda m: compare_models({}),
        "there is nothing to compare: pass two models or more"),
    "a comparison of a list": (lambda m: compare_models([m.model, m.small]),
        "compare_models takes models by name, such as {'a': model}, not a list: "
        "compare_models(models)"),
    "a comparison of other rows": (lambda m: compare_models({"a": m.model, "b": m.other}),
        "'a' and 'b' are models of different rows: row 0 in the first model only; build both "
        "from the same rows"),
    "a comparison of fits": (lambda m: compare_models({"a": m.fit, "b": m.fit}),
        "compare_models takes models by name, such as {'a': model}, not a PointEstimate: "
        "compare_models(models)"),
    "a kind that is none": (lambda m: robust_covariance(m.model, m.fit, "HC9"),
        "kind must be one of HC0, HC1, HC2, HC3, HC4, CR2, not 'HC9'"),
    "clusters that are too few": (lambda m: robust_covariance(m.model, m.fit, cluster=["a"]),
        "'cluster' has 1 values, the data have 12 rows"),
    "one cluster": (lambda m: robust_covariance(m.model, m.fit, cluster=["a"] * ROWS),
        "there is one cluster only; a clustered covariance needs several"),
    "clusters that are missing": (lambda m: robust_covariance(m.model, m.fit,
        cluster=[None] * ROWS), "cluster is missing in 12 rows"),
    "clusters by name in memory": (lambda m: robust_covariance(m.model, m.fit, cluster="g"),
        "cluster must be one value a row, as an array or series"),
    "a likelihood ratio with sampling weights": (lambda m: likelihood_ratio_test(m.drawn, m.drawn),
        "likelihood_ratio_test needs a likelihood, and sampling…and summarise are right with "
        "them"),
    "leave-one-out with sampling weights": (lambda m: exact_loo(m.drawn, m.drawn_fit),
        "exact_loo needs a likelihood, and sampling weights make none:…and summarise are "
        "right with them"),
    "draws with sampling weights": (lambda m: sample_independence(m.drawn, progress=False),
        "sample_independence needs a likelihood, and sampling weights…and summarise are right "
        "with them"),
    "no maximum": (lambda m: fit_newton(m.separated),
        "the maximum likelihood estimate does not exist (complete…(Firth) or penalised fit, "
        "or a proper prior"),
    "no posterior": (lambda m: sample_independence(m.separated, progress=False),
        "the flat-prior posterior is not proved to be proper: the…(Firth) or penalised fit, "
        "or a proper prior"),
    "no draws": (lambda m: sample_independence(m.model, draws=0, progress=False),
        "draws must be a whole number of at least 10, not 0"),
    "draws that are no number": (lambda m: sample_independence(m.model, draws="many",
        progress=False), "draws must be a whole number of at least 10, not 'many'"),
    "a seed that is negative": (lambda m: sample_independence(m.model, seed=-1, progress=False),
        "seed must be a whole number of at least 0, not -1"),
    "too few coefficients": (lambda m: certify(m.model, [0.0]),
        "coefficients have shape (1,); the model has 3: Intercept, x, g[T.b]"),
    "coefficients of NaN": (lambda m: certify(m.model, [np.nan] * 3),
        "coefficients are not finite: Intercept, x, g[T.b]"),
    "coefficients of text": (lambda m: certify(m.model, ["a", "b", "c"]),
        "coefficients must be real numbers, not <U1"),
    "coefficients of other names": (lambda m: certify(m.model, {"a": 1.0, "b": 2.0, "c": 3.0}),
        "of the coefficients Intercept, x, g[T.b] are missing; the model has Intercept, x, "
        "g[T.b]"),
    "coefficients of a name too few": (lambda m: explain_difference(m.model, {"x": 1.0}),
        "the coefficients are not those of the model: what is given lacks g[T.b]; the model "
        "has Intercept, x, g[T.b]"),
    "coefficients that are text": (lambda m: explain_difference(m.model,
        dict.fromkeys(m.model.names, "1")),
        "coefficients: 'Intercept' is '1', not a finite number"),
    "standard errors that are negative": (lambda m: explain_difference(m.model,
        dict.fromkeys(m.model.names, 1.0), dict.fromkeys(m.model.names, -1.0)),
        "standard errors must be positive"),
    "an audit of nothing": (lambda m: audit(None),
        "nothing is known of a NoneType; audit takes fits of…coefficients as a mapping, "
        "Series or array"),
    "an audit of a number": (lambda m: audit(3),
        "nothing is known of an int; audit takes fits of statsmodels…coefficients as a "
        "mapping, Series or array"),
    "an agreement of nothing": (lambda m: compare_routes(m.model),
        "there is nothing to compare: pass the results of two routes or more"),
    "an agreement of other models": (lambda m: compare_routes(m.small, m.fit, m.fit),
        "the result of route 'newton' has coefficients Intercept, x, g[T.b], the model "
        "Intercept, x"),
    "draws for a fit": (lambda m: diagnose(m.model, m.posterior),
        "a fit must be a PointEstimate, such as fit_newton(model)…alone how far they are from "
        "the MLE"),
    "a fit for draws": (lambda m: psis_loo(m.model, m.fit),
        "draws must be a Posterior, such as sample_independence(model) gives, not a "
        "PointEstimate"),
    "simulations that are none": (lambda m: calibration_curve(m.model, m.fit, simulations=0),
        "simulations must be a whole number of at least 2, not 0"),
    "an estimate of no file": (lambda m: PointEstimate.load("no.json"),
        "there is no file 'no.json'; save writes one"),
    "an estimator of three classes": (lambda m: LogisticMLE().fit(SQUARE, [0, 1, 2, 0, 1, 2]),
        "Only binary classification is supported. The type of the target is multiclass."),
    "an estimator of one class": (lambda m: LogisticMLE().fit(SQUARE, [1] * 6),
        "LogisticMLE needs two classes; the data contain only one class: 1"),
}
# fmt: on

# what is typed, of a good table and of a file with something in it, and the line
# fmt: off
TYPED = {
    "no such command": (("fitt",), "", "No such"),
    "no such option": (("fit", "DATA", "y ~ x", "--robustt"), "", "No such"),
    "no data": (("fit",), "",
        "Missing argument 'DATA'; give what it takes: …fit DATA FORMULA (--help says more)"),
    "no formula": (("fit", "DATA"), "",
        "Missing argument 'FORMULA'; give what it takes: …fit DATA FORMULA (--help says more)"),
    "two formulas": (("fit", "DATA", "y ~ x", "y ~ g"), "",
        "Got unexpected extra argument (y ~ g); a formula is one argument, in quotes: 'y ~ x1 "
        "+ x2'"),
    "data and formula the wrong way round": (("fit", "y ~ x", "DATA"), "",
        "no file 'y ~ x', which looks like a formula: the file comes first…data.csv 'y ~ x'"),
    "a formula that was not quoted": (("fit", "DATA", "y", "~", "x"), "",
        "Got unexpected extra arguments (~ x); a formula is one argument, in quotes: 'y ~ x1 "
        "+ x2'"),
    "an option without its value": (("fit", "DATA", "y ~ x", "--offset"), "",
        "Option '--offset' requires an argument; give one behind it"),
    "a level of 95": (("fit", "DATA", "y ~ x", "--level", "95"), "",
        "Invalid value for '--level': 95.0 is not in the range 0<x<1."),
    "a level of 0": (("fit", "DATA", "y ~ x", "--level", "0"), "",
        "Invalid value for '--level': 0.0 is not in the range 0<x<1."),
    "a level that is text": (("fit", "DATA", "y ~ x", "--level", "high"), "",
        "Invalid value for '--level': 'high' is not a valid float range; give a number"),
    "a kind of errors that is none": (("fit", "DATA", "y ~ x", "--robust", "HC9"), "",
        "Invalid value for '--robust': 'HC9' is not one of 'hc0', 'hc1', 'hc2', 'hc3', 'hc4', "
        "'cr2'."),
    "a correction that is none": (("fit", "DATA", "y ~ x", "--correction", "SPSS"), "",
        "Invalid value for '--correction': 'SPSS' is not one of 'statsmodels', 'stata', 'r', "
        "'none'."),
    "a format that is none": (("fit", "DATA", "y ~ x", "--format", "xml"), "",
        "Invalid value for '--format': 'xml' is not one of 'text', 'csv', 'md', 'tex', "
        "'typ', 'json'."),
    "profile and robust": (("fit", "DATA", "y ~ x", "--profile", "--robust", "HC1"), "",
        "--profile is of the likelihood, which robust standard errors do not use: leave one "
        "of them out"),
    "HC1 and clusters": (("fit", "DATA", "y ~ x", "--robust", "HC1", "--cluster", "g"), "",
        "--robust HC1 does not go with --cluster; leave one of them out"),
    "clusters of no column": (("fit", "DATA", "y ~ x", "--cluster", "q"), "",
        "there is no column 'q'; the columns are 'y', 'x', 'g', 'o', 'n', 's'"),
    "a decimal sign that is none": (("fit", "DATA", "y ~ x", "--decimal", ";"), "",
        "Invalid value for '--decimal': ';' is not one of '.', ','."),
    "missing values by another word": (("fit", "DATA", "y ~ x", "--missing", "impute"), "",
        "Invalid value for '--missing': 'impute' is not one of 'drop', 'raise'."),
    "a result onto the data": (("fit", "DATA", "y ~ x", "--json", "DATA"), "",
        "--json …is the data file itself; name another"),
    "a result into no folder": (("fit", "DATA", "y ~ x", "--json", "no/where/a.json"), "",
        "the folder …does not exist"),
    "a result without a name": (("fit", "DATA", "y ~ x", "--json", ""), "",
        "--json has no name of a file: name the one to write"),
    "a result onto a folder": (("fit", "DATA", "y ~ x", "--json", "FOLDER"), "",
        "…is a folder; name a file in it"),
    "two results in one file": (("agree", "DATA", "y ~ x", "--json", "OUT", "--report", "OUT"), "",
        "--json and --report name the same file; name another"),
    "a negative seed": (("agree", "DATA", "y ~ x", "--seed", "-1"), "",
        "Invalid value for '--seed': -1 is not in the range 0<=x<=4294967295."),
    "a seed that is text": (("agree", "DATA", "y ~ x", "--seed", "one"), "",
        "Invalid value for '--seed': 'one' is not a valid integer range; give a number"),
    "few draws": (("agree", "DATA", "y ~ x", "--draws", "9"), "",
        "Invalid value for '--draws': 9 is not in the range x>=100."),
    "one class": (("fit", "FILE", "y ~ x"), "y,x\n1,2\n1,3\n",
        "the response 'y' has one class only, 1 in 2 rows; a fit needs both"),
    "a comparison of one formula": (("compare", "DATA", "y ~ x"), "",
        "there is nothing to compare: pass two formulas or more"),
    "a comparison of other responses": (("compare", "DATA", "y ~ x", "n ~ x"), "",
        "the response 'n' must be 0 or 1, but it has the values 4, 5,…are given with those of "
        "failures, cbind(s, f)"),
    "a comparison of other rows": (("compare", "FILE", "y ~ x", "y ~ z"), text(x={3: ""},
        z=range(ROWS)),
        "'1' and '2' are models of different rows: row 3 in the second…are complete in the "
        "columns of every model"),
    "coefficients without a file": (("explain", "DATA", "y ~ x"), "",
        "Missing option '--coefficients'; give --coefficients FILE, JSON: names and values, or an "
        "estimate saved by flatprior"),
    "coefficients of no file": (("explain", "DATA", "y ~ x", "--coefficients", "no.json"), "",
        "'no.json': no such file or directory; name one that is there"),
    "coefficients that are no JSON": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"),
        "x 1", "…is not JSON (Expecting value: line 1 column 1 (char 0)): it must hold names and…"),
    "coefficients as a list": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"), "[1, 2]",
        '…holds \'[1, 2]\'; it must hold names and numbers, {"Intercept": -1.2, "x1": 0.3}'),
    "coefficients as text": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"),
        '{"Intercept": "1", "x": "2"}', "coefficients: 'Intercept' is '1', not a finite number"),
    "coefficients of other names": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"),
        '{"a": 1, "b": 2}',
        "the coefficients are not those of the model: what is given…has a, b besides; the "
        "model has Intercept, x"),
    "coefficients of one name twice": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"),
        '{"x": 1, "x": 2}', "…is not JSON (a name is there twice): it must hold names and…"),
    "coefficients that are infinite": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"),
        '{"Intercept": 1, "x": Infinity}', "coefficients: 'x' is inf, not a finite number"),
    "an estimate that was changed": (("explain", "DATA", "y ~ x", "--coefficients", "FILE"),
        '{"format": "flatprior"}',
        "…is not an estimate saved by flatprior (flatprior/1): its format is 'flatprior'"),
    "a report that is none": (("verify", "FILE", "DATA"), "<html></html>",
        "…is not a report written by flatprior"),
    "a report that is not there": (("verify", "no.html", "DATA"), "", "no file 'no.html'"),
    "an audit of no file": (("audit", "no.csv"), "",
        "name the data and the formula that 'no.csv' is of: flatprior audit no.csv data.csv "
        "'y ~ x'"),
    "an audit of an empty file": (("audit", "FILE"), "",
        "name the data and the formula that 'file.txt' is of: flatprior audit file.txt "
        "data.csv 'y ~ x'"),
    "sampling weights of a folder that are no column": (
        ("fit", "FOLDER", "y ~ x", "--sampling-weights", "q"), "", "there is no column 'q'"),
    "common rows in batches": (("compare", "FOLDER", "y ~ x", "y ~ g", "--common-rows"), "",
        "--common-rows needs data that fit into memory"),
}
# fmt: on


# what is taken, and what is said of it: a table, a formula, options, and words among the facts
# fmt: off
SAID = {
    "an empty cell": (text(x={3: ""}), "y ~ x", {}, "1 row left out: a value is missing"),
    "NA among numbers": (text(x={3: "NA"}), "y ~ x", {}, "x: 'NA' in 1 row read as missing"),
    "several words": (text(x={3: "NA", 5: "null"}), "y ~ x", {}, "'NA' in 1 row, 'null' in 1 row"),
    "a missing response": (text(y={3: ""}), "y ~ x", {}, "1 row left out: a value is missing"),
    "a missing level": (text(g={3: ""}), "y ~ g", {}, "1 row left out: a value is missing"),
    "a level called NA": (text(g={3: "NA"}), "y ~ g", {}, "g: 'NA' in 1 row read as missing"),
    "a level called None": (text(g={3: "None"}), "y ~ g", {}, "g: 'None' in 1 row read as missing"),
    "a word for missing": (text(x={3: "?"}), "y ~ x", {"na": "?"},
        "x: '?' in 1 row read as missing"),
    "rows cut short": (TEXT.replace("1.25,b,0.2,4,1", "1.25"), "y ~ x + g", {},
        "fewer fields…row 5"),
    "an empty row": (TEXT + ",,,,,\n", "y ~ x", {}, "1 row left out: a value is missing"),
    "weights of 0": (text(n={3: 0}), "y ~ x", {"frequency_weights": "n"}, "1 row left out: freq"),
    "no trials": (text(n={3: 0}, s={3: 0}), "cbind(s, n - s) ~ x", {}, "1 row left out: no trials"),
    "yes and no": (text(y=["yes", "no"] * 6), "y ~ x", {}, "(yes = 1, no = 0)"),
    "1 and 2": (text(y=[1, 2, 1, 2, 2, 1] * 2), "y ~ x", {}, "(2 = 1, 1 = 0)"),
    "TRUE and FALSE": (text(y=["TRUE", "FALSE"] * 6), "y ~ x", {}, "(True = 1, False = 0)"),
    "case and control": (text(y=["case", "control"] * 6), "y ~ x", {}, "(control = 1, case = 0)"),
    "the other event": (TEXT, "y ~ x", {"event": "0"}, "(0 = 1, 1 = 0)"),
    "semicolons": (TEXT.replace(",", ";"), "y ~ x", {}, "by ';' and decimals by points, told"),
    "tabs": (TEXT.replace(",", "\t"), "y ~ x", {}, "separated by tabs, told from the file"),
    "decimal commas": (text(";").replace(".", ","), "y ~ x", {}, "decimals by commas, told from"),
    "the mark of UTF-16": (TEXT.encode("utf-16"), "y ~ x", {}, "text in UTF-16, by the mark"),
    "the line of a spreadsheet": ("sep=;\n" + text(";"), "y ~ x", {}, "as the first line says"),
    "levels in two cases": (text(g={3: "B"}), "y ~ g", {}, "in blanks or case only: 'B' and 'b'"),
    "levels with blanks": (text(g={3: "b "}), "y ~ g", {}, "in blanks or case only: 'b' and 'b '"),
    "codes of missing": (text(x={3: -99, 7: -99}), "y ~ x", {}, "column 'x' has -99 in 2 rows"),
    "responses in two cases": (text(y=["yes", "Yes"] * 6), "y ~ x", {}, "in blanks or case only"),
    "dates": (text(g=[f"2020-01-0{1 + i % 3}" for i in range(ROWS)]), "y ~ g", {}, "dates as text"),
    "categories": (TEXT, "y ~ g", {}, "g: differences from level a"),
    "leading zeros": (text(g=["01", "1", "02"] * 4), "y ~ C(g)", {}, "differences from level 01"),
    "all columns": (TEXT, "y ~ .", {}, "'.' stands for 5 columns: x, g, o, n, s"),
    "a square that is none": (TEXT, "y ~ x^2", {}, "x^2 in a formula is x; I(x^2) is the power"),
    "an offset": (TEXT, "y ~ x", {"offset": "o"}, "offset: o"),
}
# fmt: on


def doors(path, formula, options):
    """The ways in which a file becomes a model."""
    yield lambda: BernoulliLogistic.from_formula(formula, path, **options)
    yield lambda: BernoulliLogistic.from_parquet(path, formula, **options)


def put(path, content):
    """Write a file, or a folder of files."""
    if isinstance(content, dict):
        path.mkdir()
        for name, inner in content.items():
            put(path / name, inner)
    elif content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sentence_of(call):
    """What is raised, in one sentence that names what is wrong."""
    with pytest.raises((FlatpriorError, FileNotFoundError)) as found:
        call()
    return checked(str(found.value))


# what to do, or where what is wrong leaves one thing to do: what is wrong
REMEDIES = re.compile(
    r"\b(must|correct|convert|make|write|name|named|leave|pass|give|drop|save|build|choose|put|take|"
    r"takes|rescale|use|recode|merge|fill|reindex|impute|compute|compare|close|pair|complete|lower|"
    r"download|did you mean|such as|as in|one of|see|stand|stands|the (?:columns|levels|variables|"
    r"coefficients) are|its levels are|the model has|the range|joined by|looks like it|add|Did you|"
    r"gives|is built by|is one argument|options are|contrasts are|those are|the file comes first)\b"
)
FACTS = re.compile(
    r"no file|no such file|no rows|values, the data have|data have no|Missing|missing|requires|"
    r"finite number|valid|no report|is not a |is not JSON|is not an |has a name twice|is empty|"
    r"has two|several|cannot (?:separate|be read)|needs?\b|both|at most|exact counting|nested|"
    r"does not exist|No such|not finite|binary|"
    r"ends where|other columns|one cluster|is no option|no more|nothing is known|the model|only"
)
FOREIGN = re.compile(
    r"Traceback|<class|object at 0x|numpy|pyarrow|formulaic|pydantic|ValueError|TypeError|KeyError"
)


def checked(sentence):
    """The sentence, if it is one: short, in our words, and not of a library's insides."""
    assert sentence.strip()
    shown = re.sub(r"'/[^']*'", "'FILE'", printable(sentence))
    assert len(shown) <= 400
    assert "\n" not in shown.rstrip("\n")
    assert not FOREIGN.search(shown)
    assert REMEDIES.search(shown) or FACTS.search(shown)
    return sentence


def holds(sentence, words):
    """Whether the pieces of `words`, between ellipses, are in the sentence in their order."""
    return re.search(".*".join(map(re.escape, words.split("…"))), sentence, re.DOTALL)


def in_options_of_its_own(line):
    """Hold a line of the command line to its own options, not those of the library."""
    bare = re.sub(r"[\w.]+\([^()]*\)|(?<!\w)'[^']*'|\"[^\"]*\"", "", line)
    assert not re.search(rf"(?<![\w-])(?:{'|'.join(FLAGS)})=|\w_weights|BernoulliLogistic", bare)


def typed(path, formula, options):
    """The same, as it is typed."""
    given = {"frequency_weights": "weights"}
    named = ((given.get(name, name), value) for name, value in options.items())
    more = [part for name, value in named for part in (f"--{name.replace('_', '-')}", value)]
    return run("fit", path, formula, *more)


def refused(path, formula, options, words, remedy=True):
    """Hold every door, and the command line, to the sentence."""
    first, *others = (sentence_of(build) for build in doors(path, formula, options))
    assert holds(first, words), first
    for other in others:  # in batches not all rows are known, nor what needs all of them
        assert holds(other, words) or re.search("not all rows|all rows at once|first in", other)
    result = typed(path, formula, options)
    assert result.exit_code == 2
    assert result.stdout == ""
    if not result.stderr.startswith("flatprior: Invalid value for"):  # of a list of choices
        assert result.stderr == f"flatprior: {as_typed(printable(first))}\n"
    in_options_of_its_own(result.stderr)
    assert not remedy or REMEDIES.search(result.stderr)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_table(kind, tmp_path):
    name, content, options, words = FILES[kind]
    refused(put(tmp_path / name, content), "y ~ x", options, words, remedy=False)


@pytest.mark.parametrize("kind", TOKENS)
def test_a_cell_that_is_no_number(kind, tmp_path):
    token = TOKENS[kind]
    path = put(tmp_path / "t.csv", text(x={3: token}))
    words = f"column 'x' holds numbers in some rows and text in others: {token!r} in 1 row ("
    refused(path, "y ~ x", {}, f"{words}3); make such values missing…or correct them")
    frame = pd.DataFrame(columns(x={3: token}))
    assert holds(sentence_of(lambda: BernoulliLogistic.from_formula("y ~ x", frame)), f"{words}2)")


@pytest.mark.parametrize("kind", CELLS)
def test_columns_that_cannot_be_used(kind, tmp_path):
    changed, words, *formula = CELLS[kind]
    path = put(tmp_path / "t.csv", text(**changed))
    refused(path, *(formula or ["y ~ x"]), {}, words)


@pytest.mark.parametrize("kind", OBJECTS)
def test_columns_of_objects(kind):
    values, words = OBJECTS[kind]
    table = {**columns(), "x": values}
    assert holds(sentence_of(lambda: BernoulliLogistic.from_formula("y ~ x", table)), words)


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_no_table(kind):
    data, words = TABLES[kind]
    assert holds(sentence_of(lambda: BernoulliLogistic.from_formula("y ~ x", data)), words)


@pytest.mark.parametrize("kind", FORMULAS)
def test_what_is_no_formula(kind, tmp_path):
    formula, words = FORMULAS[kind]
    refused(put(tmp_path / "t.csv", TEXT), formula, {}, words)


@pytest.mark.parametrize("kind", [*RESPONSES, *BESIDE])
def test_responses_weights_and_offsets(kind, tmp_path):
    changed, given, words = (RESPONSES | BESIDE)[kind]
    options = dict(given)
    formula = options.pop("formula", "y ~ x")
    refused(put(tmp_path / "t.csv", text(**changed)), formula, options, words)


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_that_make_no_model(kind):
    (X, y, options), words = ARRAYS[kind]
    assert holds(sentence_of(lambda: BernoulliLogistic.from_arrays(X, y, **options)), words)


@pytest.mark.parametrize("kind", NEW_ROWS)
def test_new_rows_that_are_not_the_models(kind, made):
    call, words = NEW_ROWS[kind]
    assert holds(sentence_of(lambda: call(made)), words)


@pytest.mark.parametrize("kind", RESULTS)
def test_results_and_options_of_something_else(kind, made):
    call, words = RESULTS[kind]
    assert holds(sentence_of(lambda: call(made)), words)


@pytest.mark.parametrize("kind", TYPED)
def test_what_is_typed_wrong(kind, tmp_path, monkeypatch):
    arguments, content, words = TYPED[kind]
    monkeypatch.chdir(tmp_path)
    named = {
        "DATA": put(tmp_path / "data.csv", TEXT),
        "FILE": put(tmp_path / "file.txt", content),
        "FOLDER": put(tmp_path / "folder", {"a.csv": TEXT, "b.csv": TEXT}),
        "OUT": tmp_path / "out",
    }
    result = run(*(named.get(each, each) for each in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert holds(checked(result.stderr), words)
    in_options_of_its_own(result.stderr)
    assert REMEDIES.search(result.stderr)


@pytest.mark.parametrize("kind", SAID)
def test_what_is_taken_is_said(kind, tmp_path):
    content, formula, options, words = SAID[kind]
    path = put(tmp_path / "t.csv", content)
    for build in doors(path, formula, options):
        model = build()
        assert any(holds(each, words) for each in (*model.facts, *model.warnings))


def test_kinds_are_many_and_each_is_another():
    tables = (FILES, TOKENS, CELLS, OBJECTS, TABLES, FORMULAS, RESPONSES, BESIDE, ARRAYS)
    every = [*tables, NEW_ROWS, RESULTS, TYPED]
    assert sum(map(len, every)) >= 400
    assert not set(RESPONSES) & set(BESIDE)
    kinds = [kind for table in every for kind in table.values()]
    in_words = {repr(kind[-1] if isinstance(kind, tuple) else kind) for kind in kinds}
    assert len(in_words) >= 200  # different sentences
