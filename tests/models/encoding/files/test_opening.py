"""Files are told by how they begin; what comes only once is kept as long as it is needed."""

import bz2
import gzip
import io
import os
import pickle
import zipfile

import pytest
from written_files import WRITERS, table

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.encoding.files.opening import Spool, decompressed, kind_by_content, spooled

FORMULA = "y ~ x + g"


@pytest.mark.parametrize("kind", WRITERS)
def test_the_name_of_a_file_does_not_matter(tmp_path, kind):
    path = WRITERS[kind](table(), tmp_path)
    expected = BernoulliLogistic.from_formula(FORMULA, path).data_hash
    renamed = path.rename(tmp_path / "data")
    assert BernoulliLogistic.from_formula(FORMULA, renamed).data_hash == expected
    with open(renamed, "rb") as file:
        assert BernoulliLogistic.from_formula(FORMULA, file).data_hash == expected


def test_text_that_is_open_and_bytes_in_memory_are_files_too():
    frame = table()
    text = frame.to_csv(index=False)
    expected = BernoulliLogistic.from_formula(FORMULA, frame.set_axis(range(1, 61))).data_hash
    for stream in (
        io.StringIO(text),
        io.BytesIO(text.encode()),
        io.BytesIO(gzip.compress(text.encode())),
    ):
        assert BernoulliLogistic.from_formula(FORMULA, stream).data_hash == expected
    model = BernoulliLogistic.from_parquet(io.StringIO(text), FORMULA)
    assert model.data_hash == expected  # a second pass
    assert fit_newton(model).converged


def test_what_was_kept_is_removed_when_nothing_needs_it():
    spool = Spool(io.BytesIO(b"y,x\n0,1\n"), "it")
    path = os.fspath(spool)
    assert str(spool) == "it"
    assert spooled(spool) is spool
    assert os.path.exists(path)
    del spool
    assert not os.path.exists(path)


def test_a_pipe_is_read_once_and_kept(tmp_path):
    import threading

    os.mkfifo(tmp_path / "pipe")
    text = table().to_csv(index=False)
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,))
    writer.start()
    model = BernoulliLogistic.from_parquet(tmp_path / "pipe", FORMULA)
    writer.join()
    assert fit_newton(model).converged


def test_errors_name_what_was_opened_and_not_where_it_is_kept(tmp_path):
    with pytest.raises(ValueError, match=r"^'the BytesIO' cannot be read as a table"):
        BernoulliLogistic.from_formula(FORMULA, io.BytesIO(b"\x89HDF\r\n"))
    with pytest.raises(ValueError, match=r"^'the StringIO' is empty|it is empty"):
        BernoulliLogistic.from_formula(FORMULA, io.StringIO(""))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({"y": [0, 1]}), "a pickle, which could run any program"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"%PDF-1.7", "a PDF"),
        (b"  <!DOCTYPE html><html>", "a web page"),
        (b"<HTML><body>", "a web page"),
        (b"RDX3\nX\n", "an R workspace; save it as CSV: write.csv"),
        (gzip.compress(b"RDX3\nX\n", mtime=0), "an R workspace"),
        (gzip.compress(b"X\n\0\0\0\3", mtime=0), "an R object"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
        (b"FEA1", "Feather file of version 1"),
        (b"HEADER RECORD*******LIBV8   HEADER", "transport file of version 8"),
        (b"ASCII SPSS PORT FILE", "portable SPSS"),
        (gzip.compress(b"PAR1", mtime=0), "Parquet that was compressed once more"),
    ],
)
@pytest.mark.parametrize("name", ["d.csv", "d.parquet", "d"])
def test_files_of_other_kinds_are_told_by_name(tmp_path, content, words, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        BernoulliLogistic.from_formula(FORMULA, path)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "kind", [".parquet", ".feather", ".dta", ".sas7bdat", ".xpt", ".sav", ".xlsx"]
)
def test_text_with_the_ending_of_another_kind_is_refused(tmp_path, kind):
    (tmp_path / f"d{kind}").write_text("y,x\n0,1\n1,2\n")
    with pytest.raises(ValueError, match=r"its ending says .*, and it does not begin as such"):
        BernoulliLogistic.from_formula("y ~ x", tmp_path / f"d{kind}")


def test_addresses_are_not_opened():
    for address in ("https://example.com/d.csv", "FTP://example.com/d.parquet"):
        for build in (
            BernoulliLogistic.from_formula,
            lambda f, d: BernoulliLogistic.from_parquet(d, f),
        ):
            with pytest.raises(ValueError, match=r"is an address, and none is opened .*: download"):
                build("y ~ x", address)


def test_what_is_compressed_is_told_without_its_ending(tmp_path):
    text = b"y,x\n0,1\n"
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("d.csv", text)
    (tmp_path / "gzip").write_bytes(gzip.compress(text, mtime=0))
    (tmp_path / "bz2").write_bytes(bz2.compress(text))
    (tmp_path / "plain").write_bytes(text)
    for name in ("zip", "gzip", "bz2", "plain"):
        assert kind_by_content(tmp_path / name) == ""
        with decompressed(tmp_path / name) as source:
            assert source.read() == text
