"""Files of Stata, SAS and SPSS: labels become ordered categories, and zero is zero."""

import struct
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files.reading import PLAIN, Reading
from flatprior.models.encoding.files.statistical import (
    SasFile,
    SpssFile,
    StataFile,
    pieces,
    transport_file,
    with_labels,
    without_padding,
)


def labelled(n=40):
    rng = np.random.default_rng(1)
    categories = ["very low", "low", "high"]
    frame = pd.DataFrame({"y": rng.integers(0, 2, n), "x": rng.integers(0, 50, n) / 8})
    frame["c"] = pd.Categorical(rng.choice(categories, n), categories=categories, ordered=True)
    frame.loc[7::11, "c"] = None
    return frame


def stata(frame, folder):
    frame.to_stata(folder / "d.dta", write_index=False)
    return folder / "d.dta"


def spss(frame, folder):
    writer = pytest.importorskip("pyreadstat")
    labels = dict(enumerate(frame["c"].cat.categories, start=1))
    codes = frame["c"].cat.codes.astype(float).replace(-1, np.nan) + 1
    path = str(folder / "d.sav")
    writer.write_sav(frame.assign(c=codes), path, variable_value_labels={"c": labels})
    return path


@pytest.mark.parametrize("write", [stata, spss])
def test_labels_are_categories_in_the_order_of_their_codes(tmp_path, monkeypatch, write):
    from flatprior.models.encoding.files import source

    path = write(labelled(), tmp_path)
    expected = BernoulliLogistic.from_formula("y ~ x + c", labelled())
    assert expected.reference_levels == {"c": "very low"}
    models = [BernoulliLogistic.from_formula("y ~ x + c", path)]
    for rows in (3, 100):  # in a batch of three a level may be missing, and a value
        monkeypatch.setattr(source, "BATCH_ROWS", rows)
        models.append(BernoulliLogistic.from_parquet(path, "y ~ x + c"))
        assert models[-1].data_hash == expected.data_hash
    for model in models[:1]:
        assert model.data_hash == expected.data_hash
        assert model.reference_levels == expected.reference_levels


def test_labels_of_some_values_are_neither_numbers_nor_categories():
    frame = pd.DataFrame({"c": [1.0, 2.0, 9.0], "x": [1, 2, 3]})
    with pytest.raises(ValueError, match="'c' has labels for some of its values only"):
        with_labels(frame, {"c": {9: "refused"}})
    with pytest.raises(ValueError, match="'c' has labels that are the same for two codes"):
        with_labels(frame, {"c": {1: "a", 2: "a", 9: "b"}})
    assert with_labels(frame, {}) is frame
    found = with_labels(frame.assign(c=[2.0, np.nan, 1.0]), {"c": {2: "b", 1: "z"}})["c"]
    assert found.cat.categories.tolist() == ["z", "b"]
    assert found.isna().tolist() == [False, True, False]


def test_empty_text_is_missing_and_numbers_of_stata_are_exact(tmp_path):
    frame = pd.DataFrame({"g": ["a", "", "b"], "f": np.float32([0.1, 2, 3]), "n": [1, 2, 3]})
    path = stata(frame, tmp_path)
    file = StataFile(str(path), PLAIN)
    assert file.names == ("g", "f", "n")
    (read,) = file.frames(("f", "g"), 10**6)
    assert read["g"].isna().tolist() == [False, True, False]
    assert read["f"].astype(float).tolist() == frame["f"].astype(float).tolist()


def test_zeros_of_a_transport_file_are_zeros(tmp_path):
    writer = pytest.importorskip("pyreadstat")
    numbers = np.array([0.0, 1.0, -1.0, 0.5, 1024.0, -3.25, 2.0**-20, 1e6, 12345678.875, np.nan])
    frame = pd.DataFrame({"x": numbers, "g": ["é", "b", "", *"abcdefg"]})
    writer.write_xport(frame, str(tmp_path / "d.xpt"), file_format_version=5)
    file = transport_file(str(tmp_path / "d.xpt"), PLAIN)
    for rows in (10**6, 3):
        read = pd.concat(file.frames(("x", "g"), rows))
        assert np.array_equal(read["x"].to_numpy(), numbers, equal_nan=True)
        assert read["g"].isna().tolist() == [i == 2 for i in range(10)]
        assert read["g"].iloc[0] == "é"
    other = transport_file(str(tmp_path / "d.xpt"), Reading.of(encoding="latin-1"))
    assert next(other.frames(("g",), 10**6))["g"].iloc[0] == "Ã©"


def test_a_file_of_spss_without_its_reader_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    (tmp_path / "d.sav").write_bytes(b"$FL2@(#) SPSS DATA FILE")
    with pytest.raises(ValueError, match=r'pyreadstat: run pip install "flatprior\[spss\]"'):
        SpssFile(str(tmp_path / "d.sav"), PLAIN)
    with pytest.raises(ValueError, match=r"d.sav' cannot be read as a table: .*flatprior\[spss\]"):
        BernoulliLogistic.from_formula("y ~ x", tmp_path / "d.sav")


def test_a_frame_is_cut_into_pieces_of_so_many_rows():
    frame = pd.DataFrame({"x": range(7)})
    assert [len(piece) for piece in pieces(frame, 3)] == [3, 3, 1]
    assert [len(piece) for piece in pieces(frame, 8)] == [7]
    assert list(pieces(frame[:0], 10**6)) == []


def test_a_sas_data_set_is_read_in_its_own_encoding_so_many_rows_at_a_time(tmp_path, monkeypatch):
    frame = pd.DataFrame({"y": [0.0, 1, 1], "g": ["a", "", "b"], "unused": [1.0, 2, 3]})
    asked = []

    @contextmanager
    def reader(path, *, format, chunksize, encoding):  # nothing writes such files but SAS
        asked.append((format, chunksize, encoding))
        yield iter([frame[start : start + chunksize] for start in range(0, 3, chunksize)])

    monkeypatch.setattr(pd, "read_sas", reader)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.sas7bdat").touch()
    file = SasFile("d.sas7bdat", PLAIN)
    assert file.names == ("y", "g", "unused")
    found = list(file.frames(("g", "y"), 2))
    assert [list(part) for part in found] == [["g", "y"]] * 2
    assert pd.concat(found)["g"].isna().tolist() == [False, True, False]
    SasFile("d.sas7bdat", Reading.of(encoding="cp1252"))
    assert asked == [("sas7bdat", 1, "infer"), ("sas7bdat", 2, "infer"), ("sas7bdat", 1, "cp1252")]


def test_values_declared_missing_are_named(tmp_path):
    writer = pytest.importorskip("pyreadstat")
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 60) * 1.0, "x": rng.normal(size=60).round(1)})
    frame["g"] = rng.choice(["a", "b"], 60)
    frame.loc[[3, 7, 20], "x"], frame.loc[[8, 9], "x"] = -99.0, 98.0
    frame.loc[11, "x"], frame.loc[[30, 31], "g"] = np.nan, "zz"
    path = str(tmp_path / "d.sav")
    ranges = {"x": [-99, {"lo": 97, "hi": 99}], "g": ["zz"]}
    writer.write_sav(frame, path, missing_ranges=ranges)
    for model in (
        BernoulliLogistic.from_formula("y ~ x + g", path),
        BernoulliLogistic.from_parquet(path, "y ~ x + g"),
    ):
        assert model.n_dropped == 8
        assert "x: '-99' in 3 rows, '98' in 2 rows read as missing" in model.facts
        assert "g: 'zz' in 2 rows read as missing" in model.facts


def test_missing_values_of_stata_that_have_letters_are_named(tmp_path):
    """Stata writes .a as the double after that of the plain missing value."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 40), "x": rng.normal(size=40)})
    frame.loc[[2, 5, 6], "x"] = 1234567.0
    frame.loc[9, "x"] = np.nan
    path = tmp_path / "d.dta"
    frame.to_stata(path, write_index=False)
    here, there = (np.array(v, "<f8").tobytes() for v in (1234567.0, float.fromhex("0x1.001p1023")))
    path.write_bytes(path.read_bytes().replace(here, there))
    for model in (
        BernoulliLogistic.from_formula("y ~ x", path),
        BernoulliLogistic.from_parquet(path, "y ~ x"),
    ):
        assert model.n_dropped == 4
        assert [fact for fact in model.facts if "read as" in fact] == [
            "x: '.a' in 3 rows read as missing"
        ]


def a_sas_file(gap, release=b"9.0000M0", order="<", wide=False, kind=0x0200):
    """Header and one page of a data set of SAS, with what stands between metadata and rows."""
    shift = 4 if wide else 0
    head = bytearray(1024)
    head[32], head[35], head[37] = b"3"[0] if wide else 34, 34, order == "<"
    head[196:204] = struct.pack(f"{order}II", 1024, 512)
    head[216 + shift : 224 + shift] = release
    at, pointer = (32, 24) if wide else (16, 12)
    page = bytearray(512)
    pointers = 2 if wide else 3  # rows at a multiple of 4 that is none of 8, but in a wide file
    page[at : at + 6] = struct.pack(f"{order}HHH", kind, 5, pointers)
    rows = at + 8 + pointers * pointer
    page[rows : rows + 12] = gap + struct.pack(f"{order}d", 3.14)
    return bytes(head + page)


@pytest.mark.parametrize("order", "<>")
def test_a_file_of_which_pandas_reads_other_numbers_is_refused(order, tmp_path):
    """Stat/Transfer leaves out four bytes before the rows, which pandas skips all the same."""
    path = tmp_path / "d.sas7bdat"
    begun = struct.pack("<d", 3.14)[4:]
    for gap, more, refused in (
        (begun, {}, True),
        (bytes(4), {}, False),
        (b"    ", {}, False),
        (begun, {"release": b"9.0401M3"}, False),  # SAS leaves there what was there before
        (begun, {"wide": True}, False),  # aligned already
        (begun, {"kind": 0x0100}, False),  # a page of rows alone
    ):
        path.write_bytes(a_sas_file(gap, order=order, **more))
        assert without_padding(str(path)) == refused
    path.write_bytes(a_sas_file(begun, order=order))
    with pytest.raises(ValueError, match=r"written by Stat/Transfer .*; write it anew"):
        SasFile(str(path), PLAIN)
    for cut in (0, 100, 1030):
        path.write_bytes(a_sas_file(begun, order=order)[:cut])
        assert not without_padding(str(path))
