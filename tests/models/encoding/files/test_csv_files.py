"""The text of CSV files: no byte of it is lost, however it is compressed."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from multiplier import repeated

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import source
from flatprior.models.encoding.files.csv_files import CsvFile, read_csv
from flatprior.models.encoding.files.reading import PLAIN
from flatprior.models.encoding.files.source import Source
from flatprior.models.encoding.tables import as_frame

CSV = (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".csv.zip")
WAYS = {
    "in memory": lambda path: BernoulliLogistic.from_formula("y ~ x + g", path),
    "in batches": lambda path: BernoulliLogistic.from_parquet(path, "y ~ x + g"),
}


def lines(n=40, seed=1):
    """Rows of numbers and words, without their heading."""
    numbers = np.random.default_rng(seed).normal(size=n).tolist()
    return [f"{i % 2},{number:.6f},{'abc'[i % 3]}" for i, number in enumerate(numbers)]


def content(rows, heading="y,x,g"):
    return "\n".join([heading, *rows, ""]).encode()


def write(path, data):
    """Write bytes compressed as the ending of the path says."""
    kind = path.name.removeprefix("d")
    if kind == ".csv.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("d.csv", data)
    elif kind == ".csv.zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(data)
    else:
        opened = {".csv.gz": gzip.open, ".csv.bz2": bz2.open, ".csv.xz": lzma.open}.get(kind, open)
        with opened(path, "wb") as file:
            file.write(data)
    return path


@pytest.mark.parametrize("kind", CSV)
def test_every_ending_is_read_alike(tmp_path, kind):
    path, plain = write(tmp_path / f"d{kind}", content(lines())), tmp_path / "plain.csv"
    plain.write_bytes(content(lines()))
    file = CsvFile(str(path), PLAIN)
    assert file.names == ("y", "x", "g")
    whole = read_csv(path)
    pd.testing.assert_frame_equal(whole, pd.read_csv(plain))
    parts = list(file.frames(file.names, 7))
    assert [len(part) for part in parts] == [7] * 5 + [5]
    pd.testing.assert_frame_equal(pd.concat(parts), whole)
    hashes = {build(each).data_hash for build in WAYS.values() for each in (path, plain)}
    assert len(hashes) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "row",
    ["0,\0,a", "0,1.\0005,a", "0,\x001.5,a", "\0,1.5,a", "0,1.5,\0", "0,1.5,a\0b", "\0\0\0\0\0"],
    ids=range(7),
)
def test_a_nul_byte_is_refused_with_its_row_and_the_remedy(tmp_path, way, row):
    rows = lines()
    rows[20] = row
    path = tmp_path / "d.csv"
    path.write_bytes(content(rows))
    with pytest.raises(ValueError, match=r"d.csv' .* row 21 has a NUL byte.* write .* again") as e:
        WAYS[way](path)
    assert "\n" not in str(e.value)
    assert str(e.value).isprintable()


@pytest.mark.parametrize("way", WAYS)
def test_what_a_crash_left_at_the_end_is_no_missing_value(tmp_path, way):
    path = tmp_path / "d.csv"
    for zeros in (1, 4096, 200_000):  # more than a value may have
        path.write_bytes(content(lines()) + b"\0" * zeros)
        with pytest.raises(ValueError, match="row 41 has a NUL byte"):
            WAYS[way](path)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CSV)
def test_compressed_bytes_are_looked_at_when_they_are_text(tmp_path, kind, way):
    rows = lines()
    rows[5] = "1,2.5,\0"
    path = write(tmp_path / f"d{kind}", content(rows))
    with pytest.raises(ValueError, match="row 6 has a NUL byte"):
        WAYS[way](path)


def test_rows_are_counted_as_they_are_read(tmp_path):
    path = tmp_path / "d.csv"
    # a value with a line in it is of one row, an empty line is of none
    path.write_bytes(b'y,x,g\r\n0,1,"a\r\nb"\r\n\r\n1,2, "c, d"\r\n0,3,\0\r\n')
    with pytest.raises(ValueError, match="row 3 has a NUL byte"):
        as_frame(path)
    path.write_bytes(b"\xef\xbb\xbfy,x\0,g\n0,1,a\n")
    with pytest.raises(ValueError, match="the heading has a NUL byte"):
        as_frame(path)


def test_a_nul_byte_is_found_in_whichever_batch_or_file_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 4096)
    rng = np.random.default_rng(3)
    for _ in range(repeated(3)):
        files = [lines(30_000, seed) for seed in range(2)]
        file, row = int(rng.integers(2)), int(rng.integers(30_000))
        files[file][row] = "1,2.5,\0"
        for name, rows in zip("ab", files, strict=True):
            (tmp_path / f"{name}.csv").write_bytes(content(rows))
        for read in (
            lambda: as_frame(tmp_path),
            lambda: BernoulliLogistic.from_parquet(tmp_path, "y ~ x"),
        ):
            with pytest.raises(ValueError, match=rf"{'ab'[file]}.csv' .* row {row + 1} has"):
                read()


def test_a_file_in_a_folder_that_is_no_table_is_named(tmp_path):
    (tmp_path / "a.csv").write_bytes(content(lines()))
    (tmp_path / "b.csv").write_bytes(content(lines(), "y;x;g").replace(b",", b";"))
    with pytest.raises(ValueError, match=r"b.csv' looks as if it were written otherwise than"):
        Source.find(tmp_path)
    (tmp_path / "b.csv").write_bytes(content(lines(), "y,x,h"))
    with pytest.raises(ValueError, match=r"b.csv' has other columns than .*a.csv'"):
        Source.find(tmp_path)


def test_an_archive_of_several_files_is_no_table(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.csv.zip", "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, content(lines()))
    with pytest.raises(ValueError, match="it holds 2 files"):
        as_frame(tmp_path / "d.csv.zip")


@pytest.mark.parametrize("cut", [10**6, 7])
def test_zeros_in_front_that_are_lost_are_said(tmp_path, monkeypatch, cut):
    monkeypatch.setattr(source, "BATCH_ROWS", cut)
    rows = [f"{i % 2},{'01' if i % 3 else '2'},{i / 8:.3f},{'a' * (i % 4)}" for i in range(30)]
    path = write(tmp_path / "d.csv", ("y,g,x,h\n" + "\n".join(rows)).encode())
    said = "g: '01' in 20 rows read as numbers, without the zeros in front; C() keeps such codes"
    in_memory, in_batches = BernoulliLogistic.from_formula, BernoulliLogistic.from_parquet
    for build in (lambda f: in_memory(f, path), lambda f: in_batches(path, f)):
        assert said in build("y ~ g + x").facts
        for formula in ("y ~ C(g) + x", "y ~ x"):
            assert not any("zeros" in fact for fact in build(formula).facts)
    quoted = path.read_text().replace(",01,", ',"007",')
    path.write_text(quoted)
    assert said.replace("01", "007") in BernoulliLogistic.from_formula("y ~ g", path).facts
