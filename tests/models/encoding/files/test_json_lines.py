"""JSON lines come exactly, by Arrow or by Python, a piece at a time."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import json_lines
from flatprior.models.encoding.files.json_lines import JsonLines, begins_with_object
from flatprior.models.encoding.files.reading import PLAIN


def read(tmp_path, text, columns=None, rows=10**6):
    path = tmp_path / "d.jsonl"
    path.write_text(text)
    file = JsonLines(str(path), PLAIN)
    return pd.concat(f.astype(object) for f in file.frames(columns or file.names, rows))


def test_numbers_come_to_the_last_bit_and_integers_whole(tmp_path):
    rng = np.random.default_rng(1)
    numbers = (rng.normal(size=5000) * 10.0 ** rng.integers(-300, 300, 5000)).tolist()
    text = "".join(f'{{"x": {v!r}, "n": {2**53 + i}}}\n' for i, v in enumerate(numbers))
    for rows in (10**6, 700):
        frame = read(tmp_path, text, rows=rows)
        assert frame["x"].tolist() == numbers
        assert frame["n"].tolist() == [2**53 + i for i in range(5000)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2.5", "null"], [1.0, 2.5, None]),
        (["1", "NaN", "2.5"], [1.0, None, 2.5]),
        (['"a"', "null", '"é\\u00e9"'], ["a", None, "éé"]),
        (["1", '"a"'], [1, "a"]),  # told from its column, as in other formats
        (['"2020-01-01"', '"2020-01-02"'], ["2020-01-01", "2020-01-02"]),
        (['"2020-01-01"', "null", '"a"'], ["2020-01-01", None, "a"]),
        (["true", "false", "null"], [True, False, None]),
        (["true", "1"], [True, 1]),
        (["null", "null"], [None, None]),
    ],
)
@pytest.mark.parametrize("rows", [1, 2, 10**6])
def test_values_are_what_json_says(tmp_path, values, expected, rows):
    frame = read(
        tmp_path, "".join(f'{{"a": 0, "x": {value}}}\n\n' for value in values), ("x",), rows
    )
    found = [None if pd.isna(value) else value for value in frame["x"]]
    assert found == expected
    assert [isinstance(f, str) for f in found] == [isinstance(e, str) for e in expected]


def test_a_name_may_be_left_out_where_the_value_is_missing(tmp_path):
    frame = read(tmp_path, '{"y": 1}\n{"x": 2, "y": 0}\n{"x": 3}\n')
    assert list(frame) == ["y", "x"]
    assert frame["x"].isna().tolist() == [True, False, False]
    assert read(tmp_path, '{"y": 1}\n{"x": 2, "y": 0}\n', rows=1)["x"].isna().tolist() == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"y": 1}, {"y": 0}]', "row 1 is an array; write JSON lines, an object a line"),
        ('[\n{"y": 1},\n{"y": 0}]', "row 1 is no JSON object: .* or take it out: JSON lines have"),
        ('{"y": 1}\n{"y": }\n', "row 2 is no JSON object"),
        ('{"y": 1}\n3\n', "row 2 is no object"),
        ('{"y": 1, "y": 2}\n', "row 1 has a name twice"),
        ("{}\n", "it is empty"),
        ("[" * 100_000, "row 1 is no JSON object"),
    ],
)
def test_what_is_no_table_is_refused_with_its_row(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read(tmp_path, text)
    (tmp_path / "d.csv").write_text(text)
    if begins_with_object(str(tmp_path / "d.csv")):
        with pytest.raises(ValueError, match=words):
            BernoulliLogistic.from_formula("y ~ 1", tmp_path / "d.csv")


def test_a_fault_after_the_sample_is_named_by_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "SAMPLE_ROWS", 2)
    for wrong in ('{"y": oops}', "[1]", '{"y": 1, "y": 0}'):
        with pytest.raises(ValueError, match="row 4 "):
            read(tmp_path, '{"y": 1}\n{"y": 0}\n{"y": 1}\n' + wrong + "\n")


def test_numbers_and_words_in_one_column_are_the_usual_error(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text(
        "".join(f'{{"y": {i % 2}, "x": {i}}}\n' for i in range(9)) + '{"y": 1, "x": "?"}\n'
    )
    for build in (
        BernoulliLogistic.from_formula,
        lambda f, p: BernoulliLogistic.from_parquet(p, f),
    ):
        with pytest.raises(
            ValueError, match=r"numbers in some rows and text in others: '\?' in 1 row"
        ):
            build("y ~ x", path)
