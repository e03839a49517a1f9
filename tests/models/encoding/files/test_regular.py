"""Rows that are too long, too short or swallowed are found, however few columns are read."""

import csv
import io

import numpy as np
import pytest
from multiplier import repeated

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files.dialect import Dialect
from flatprior.models.encoding.files.reading import ShortRows
from flatprior.models.encoding.files.regular import Fields, beginnings, irregular

COMMAS = Dialect(",", ".", "utf-8", 0)
WAYS = {
    "in memory": BernoulliLogistic.from_formula,
    "in batches": lambda formula, path: BernoulliLogistic.from_parquet(path, formula),
}


def file(tmp_path, rows, heading="y,x,g,k"):
    path = tmp_path / "d.csv"
    path.write_text("\n".join([heading, *rows, ""]))
    return path


def rows(n=30):
    return [f"{i % 2},{i % 7}.25,{'abc'[i % 3]},{i}" for i in range(n)]


@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_is_too_long_is_named_although_its_columns_are_not_read(tmp_path, way):
    lines = rows()
    lines[8] = "1,1,5,a,8"  # a decimal comma shifts the row
    with pytest.raises(ValueError, match=r"row 9 has more fields than the first line.* 5 instead"):
        WAYS[way]("y ~ x", file(tmp_path, lines))
    with pytest.raises(ValueError, match=r"all rows have more fields .* name the row names"):
        WAYS[way]("y ~ x", file(tmp_path, [f"{i},{row}" for i, row in enumerate(rows())]))


@pytest.mark.parametrize("way", WAYS)
def test_rows_that_are_too_short_are_counted_and_named(tmp_path, way):
    lines = rows()
    lines[4], lines[20] = "1", "0,2.25,a"
    model = WAYS[way]("y ~ x", file(tmp_path, lines))
    said = "2 rows with fewer fields than the 4 columns, the rest missing: rows 5, 21"
    assert said in model.facts
    assert model.n_dropped == 1
    assert WAYS[way]("y ~ x", file(tmp_path, rows())).reading.notes == ()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("changed", "row"),
    [
        ({5: '1,5.25,"a,5', 9: '1,2.25,"b",9'}, 6),  # the next quote opens, and closes it
        ({5: '1,5.25,"a,5', 6: '1,2.25,"b",9'}, 6),
        ({5: '1,5.25,"a,5', 9: '1,2.25,b",9'}, 6),  # closed where the row ends
        ({5: '1,5.25,a,"5', 9: '1,2.25,b,9"'}, 6),
        ({5: '1,"5.25,a,5', 6: '1,2.25",b,9'}, 6),
        ({29: '1,5.25,"a,5'}, 30),  # never closed
        ({0: '"1,5.25,a,5'}, 1),
    ],
)
def test_a_quote_that_swallows_rows_is_named_with_its_row(tmp_path, way, changed, row):
    lines = rows()
    for place, line in changed.items():
        lines[place] = line
    with pytest.raises(ValueError, match=f"row {row} goes on over .* close its quote"):
        WAYS[way]("y ~ x", file(tmp_path, lines))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text",
    [
        '"Dear Sir,\nthank you, but no, never\nyours"',
        '"a ""quoted"" word\n\nand lines"',
        '"one\r\ntwo, three, four"',
        '"\n"',
        '" 12 pieces,\n3 of them, broken"',
    ],
)
def test_values_of_several_lines_are_values(tmp_path, way, text):
    lines = [f"{i % 2},{i % 7}.25,{text},{i}" for i in range(30)]
    model = WAYS[way]("y ~ x", file(tmp_path, lines))
    assert model.n_rows == 30
    assert model.reading.notes == ()


def plainly(text, columns):
    """Whether Python's reader finds the same rows in every line, well quoted."""
    try:
        records = list(
            csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
        )
    except csv.Error:
        return False
    lines = [line for line in text.replace("\r", "\n").split("\n") if line]
    return all(len(r) == columns for r in records if r) and len(lines) == sum(map(bool, records))


def test_what_is_plain_is_plain_for_another_reader_too(tmp_path):
    rng = np.random.default_rng(1)
    found = {True: 0, False: 0}
    for _ in range(repeated(3000)):
        parts = rng.choice(["a", ",", ",", '"', "\n", " ", "1", '""', "\r\n"], rng.integers(1, 14))
        text = "".join(parts) + "\n"
        fields = Fields.of(text.encode(), ord(","))
        said = fields is not None and fields.are_rows_of(2)
        found[said] += 1
        if said:
            assert plainly(text, 2), text
    assert min(found.values()) > 30


def test_the_same_is_found_wherever_the_text_is_cut(tmp_path, monkeypatch):
    from flatprior.models.encoding.files import regular

    lines = [f'{i % 2},"{i % 7}.25",{"abc"[i % 3]},{i}' for i in range(30)]
    path = file(tmp_path, lines)
    original = regular.Checked.read
    for size in range(1, 40):
        looked = []
        monkeypatch.setattr(regular.Checked, "read", lambda self, _, n=size: original(self, n))
        monkeypatch.setattr(
            "flatprior.models.encoding.files.csv_files.irregular",
            lambda *a, to=looked: to.append(a),
        )
        assert BernoulliLogistic.from_formula("y ~ x", path).n_rows == 30
        assert not looked
        path.write_text(path.read_text() + "1\n")
        BernoulliLogistic.from_formula("y ~ x", path)
        assert len(looked) == 1
        path.write_text(path.read_text()[:-2])


def test_irregular_rows_are_counted_as_they_are_read(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(b"y,x\r\n\r\n0,1\r\n  \r\n1\r\n0,2\r\n1")
    assert irregular(str(path), COMMAS, 2) == ShortRows(2, (2, 4), 2)


def test_fields_that_may_be_words_are_seen_wherever_they_stand():
    table = beginnings(["NA", "?", "n/a"])
    for line in ("1,NA", "NA,1", '"NA",1', "1, NA", "?,1", "1,?", '1,"?"', "1,n/a", "1, ?x"):
        assert Fields.of(f"0,0\n{line}\n0,0\n".encode(), ord(",")).may_begin_so(table), line
    for line in ("1,2", "a,XNA", ",", "-1,nb", "N,1"):
        assert not Fields.of(f"0,0\n{line}\n".encode(), ord(",")).may_begin_so(table), line
    assert not Fields.of(b"NA,?\n", ord(",")).may_begin_so(beginnings([]))
