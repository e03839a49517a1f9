"""Parquet, Feather and streams of Arrow: a missing value changes no other, and orders are kept."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.columns.kinds import distinct
from flatprior.models.encoding.files.arrow_files import FeatherFile, parquet_files, stream_file
from flatprior.models.encoding.files.reading import PLAIN


def table():
    rows = 30
    return pa.table(
        {
            "y": pa.array([0, 1] * 15),
            "n": pa.array([2**53, None, 2**53 + 1] * 10),
            "b": pa.array([True, None, False] * 10),
            "g": pa.DictionaryArray.from_arrays(
                [0, 1, 2] * 10, ["low", "mid", "high"], ordered=True
            ),
            "t": pa.array(["é", None, ""] * 10),
            "unused": pa.array([[i] for i in range(rows)]),
        }
    )


def feather(path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table().schema) as writer:
        writer.write_table(table(), max_chunksize=8)
    return FeatherFile(str(path), PLAIN)


def stream(path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table().schema) as writer:
        writer.write_table(table(), max_chunksize=8)
    return stream_file(str(path), PLAIN)


def parquet(path):
    pq.write_table(table(), path, row_group_size=8)
    return parquet_files([str(path)], PLAIN)[0]


@pytest.mark.parametrize("write", [feather, stream, parquet])
@pytest.mark.parametrize("rows", [7, 1000])
def test_columns_are_read_in_the_order_in_which_they_are_asked_for(tmp_path, write, rows):
    file = write(tmp_path / "d")
    assert file.names == tuple(table().schema.names)
    frames = list(file.frames(("g", "n", "b", "t", "y"), rows))
    assert max(map(len, frames)) <= rows
    assert all(list(frame) == ["g", "n", "b", "t", "y"] for frame in frames)
    assert [v for f in frames for v in f["n"]][::3] == [2**53] * 10
    assert [v for f in frames for v in f["n"]][2::3] == [2**53 + 1] * 10
    assert [v for f in frames for v in f["b"]][::3] == [True] * 10
    assert [v for f in frames for v in f["t"]][2::3] == [""] * 10
    assert {tuple(f["g"].cat.categories) for f in frames} == {("low", "mid", "high")}
    with pytest.raises(ValueError, match="it has no column 'q'"):
        list(file.frames(("y", "q"), rows))


@pytest.mark.parametrize("write", [feather, stream, parquet])
def test_ordered_categories_have_their_order_in_memory_and_in_batches(tmp_path, write):
    write(tmp_path / "d")
    models = [
        BernoulliLogistic.from_formula("y ~ g", tmp_path / "d"),
        BernoulliLogistic.from_parquet(tmp_path / "d", "y ~ g"),
    ]
    for model in models:
        assert model.names == ("Intercept", "g[T.mid]", "g[T.high]")
        assert model.data_hash == models[0].data_hash


@pytest.mark.parametrize("write", [feather, stream])
@pytest.mark.parametrize("cut", [9, 200, -40])
def test_a_file_that_ends_early_is_refused(tmp_path, write, cut):
    write(tmp_path / "d")
    content = (tmp_path / "d").read_bytes()
    (tmp_path / "d").write_bytes(content[:cut])
    with pytest.raises(ValueError, match="cannot be read as a table"):
        BernoulliLogistic.from_formula("y ~ g", tmp_path / "d")


def test_folders_say_the_values_of_a_partitioned_table(tmp_path):
    frame = pd.DataFrame({"y": [0, 1, 1, 0], "x": [1.0, 2, 3, 5], "g": ["a", "a", "b", "b"]})
    frame.to_parquet(tmp_path / "t", partition_cols=["g"])
    files = sorted(str(path) for path in (tmp_path / "t").rglob("*.parquet"))
    first, second = parquet_files(files, PLAIN)
    assert (first.keys, second.keys) == ({"g": "a"}, {"g": "b"})
    assert first.names == ("y", "x", "g")
    assert [frame["g"].tolist() for frame in second.frames(("g", "x"), 10**6)] == [["b", "b"]]


def test_text_comes_with_the_codes_of_its_values_in_the_order_of_their_coming(tmp_path):
    rng = np.random.default_rng(1)
    values = [f"l{i:02d}" for i in range(40)]
    text = [None if i % 11 == 5 else values[j] for i, j in enumerate(rng.integers(0, 40, 500))]
    many = [f"row {i}" for i in range(500)]  # more than a dictionary of the file may hold
    made = pa.table({"t": pa.array(text), "u": pa.array(many, pa.large_string()), "n": text})
    pq.write_table(made, tmp_path / "d", row_group_size=120, dictionary_pagesize_limit=500)
    file = parquet_files([str(tmp_path / "d")], PLAIN)[0]
    for rows in (70, 10_000):
        found = []
        for frame in file.frames(("t", "u"), rows):
            for name in ("t", "u"):
                codes, seen = distinct(frame[name])
                again, expected = pd.factorize(frame[name].astype(object))
                assert codes.tolist() == again.tolist()
                assert seen == expected.tolist()
            assert frame["t"].dtype == pd.Series(text[:3]).dtype
            found += frame["t"].tolist()
        assert [None if pd.isna(each) else each for each in found] == text
