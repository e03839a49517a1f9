"""Bytes of files: decompressed, kept where they come only once, told by how they begin."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import sys
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from flatprior.models.common.errors import InputError, InputTypeError, without_address_secrets
from flatprior.models.common.text import count
from flatprior.models.common.writing import saying
from flatprior.models.encoding.files.stores import is_stored, opened

HEAD = 4096  # bytes by which a format is told
STANDARD_INPUT = "-"

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_COMPRESSED = (
    (b"\x1f\x8b", ".gz"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
    (b"\x28\xb5\x2f\xfd", ".zst"),
    (b"PK\x03\x04", ".zip"),
    (b"PK\x05\x06", ".zip"),  # of nothing
)
_BEGINNINGS = (
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Feather"),
    (b"\xff\xff\xff\xff", "Arrow stream"),
    (b"<stata_dta>", "Stata"),
    (bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00", "SAS"),
    (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!", "SAS transport"),
    (b"$FL2", "SPSS"),
    (b"$FL3", "SPSS"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
)
_NOT_READ = (
    (b"HEADER RECORD*******LIBV8", "a SAS transport file of version 8", "version 5, or as CSV"),
    (b"FEA1", "a Feather file of version 1", "version 2, or as Parquet"),
    (b"ASCII SPSS PORT FILE", "a portable SPSS file", ".sav, or as CSV"),
    (b"RDX", "an R workspace", "CSV: write.csv(data, 'data.csv', row.names = FALSE)"),
    (b"RDA", "an R workspace", "CSV: write.csv(data, 'data.csv', row.names = FALSE)"),
    (b"X\n\x00\x00", "an R object", "CSV: write.csv(data, 'data.csv', row.names = FALSE)"),
    (b"\x89HDF", "an HDF5 file", "Parquet or CSV"),
    (b"SQLite format 3", "an SQLite database", "CSV"),
    (b"\x93NUMPY", "a NumPy array", "CSV, or pass the array to from_arrays"),
    (b"Obj\x01", "an Avro file", "Parquet or CSV"),
    (b"ORC", "an ORC file", "Parquet or CSV"),
    (b"%PDF", "a PDF", "CSV"),
    *((bytes([128, version]), "a pickle, which could run any program", "Parquet or CSV")
      for version in range(2, 6)),
)  # fmt: skip
_ADDRESS = ("http://", "https://", "ftp://", "sftp://", "file://")


class Spool(os.PathLike[str]):
    """Bytes that come only once, kept in a file as long as this object lives."""

    def __init__(self, stream: Any, name: str) -> None:
        handle, self._path = tempfile.mkstemp(prefix="flatprior-", suffix=".spool")
        self.name = without_address_secrets(name)
        self._remove = weakref.finalize(self, _removed, self._path)
        what = f"{self.name} was not kept in {tempfile.gettempdir()!r} (TMPDIR says where)"
        try:
            with saying(what), os.fdopen(handle, "wb") as file:
                first = stream.read(HEAD)
                if isinstance(first, str):
                    file.write(first.encode())
                    while piece := stream.read(2**20):
                        file.write(piece.encode())
                else:
                    file.write(first)
                    shutil.copyfileobj(stream, file, 2**20)
        except BaseException:
            self._remove()  # whoever holds the error holds this object
            raise

    def __fspath__(self) -> str:
        return self._path

    def __str__(self) -> str:
        return self.name


def _removed(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def is_file(data: Any) -> bool:
    """Whether data are to be read: a path, or something open."""
    return isinstance(data, str | os.PathLike) or callable(getattr(data, "read", None))


def spooled(data: Any) -> str | os.PathLike[str]:
    """A path as it is; what comes only once (standard input, a pipe, an open file) as a `Spool`.

    Raises
    ------
    ValueError
        If it is the address of something elsewhere.

    Examples
    --------
    >>> import io, pathlib
    >>> from flatprior.models.encoding.files.opening import spooled
    >>> kept = spooled(io.StringIO("y,x"))
    >>> pathlib.Path(kept).read_text()
    'y,x'
    """
    if isinstance(data, Spool):
        return data
    if not isinstance(data, str | os.PathLike):
        if not callable(getattr(data, "read", None)):
            raise InputTypeError("data must be a path or an open file")
        return Spool(data, _name_of(data))
    path = os.fspath(data)
    if isinstance(path, str) and path.lower().startswith(_ADDRESS):
        raise InputError(
            f"{without_address_secrets(path)!r} is an address, and none is opened from here: "
            "download the file first, or pass what a library has read from it"
        )
    if is_stored(path):
        return data
    if path == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError("nothing comes through standard input; pipe the data in: ... < data")
        return Spool(sys.stdin.buffer, "standard input")
    if _comes_once(path):
        with open(path, "rb") as stream:
            return Spool(stream, str(path))
    return data


def _name_of(stream: Any) -> str:
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else f"the {type(stream).__name__}"


def _comes_once(path: str) -> bool:
    """Whether it is a pipe or the like: there, and neither file nor folder."""
    try:
        return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    except ValueError:
        return False


@contextmanager
def decompressed(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed as its ending says, or how it begins."""
    how = _compression(path)
    if how == ".zip":
        with opened(path) as packed, zipfile.ZipFile(packed) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise InputError(
                    f"it holds {count(len(names), 'file')}; a table is one: unpack it and name that"
                )
            with archive.open(names[0]) as source:
                yield source
    elif how == ".zst":
        import pyarrow as pa

        with opened(path) as packed, pa.input_stream(packed, compression="zstd") as source:
            yield cast(IO[bytes], io.BufferedReader(source))  # Arrow's own has no lines
    else:
        with opened(path) as packed, _OPENERS[how](packed) if how else packed as source:
            yield source


def _compression(path: str | os.PathLike[str]) -> str:
    """The ending of the compression of a file, empty of one that is not compressed."""
    with opened(path) as file:
        head = file.read(8)
    found = next((how for magic, how in _COMPRESSED if head.startswith(magic)), "")
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if head and not found and ending in (*_OPENERS, ".zst", ".zip"):
        raise InputError(
            f"its ending says {ending}, and it is not compressed so; take {ending} off its name, "
            "or get it anew"
        )
    return found


def kind_by_content(path: str | os.PathLike[str]) -> str:
    """The format of a file as it begins, empty where it is text.

    Raises
    ------
    ValueError
        If it is of a kind that is not read, or compressed and no text.
    """
    with opened(path) as file:
        head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04") and _is_workbook(path):
        return "Excel"
    packed = bool(_compression(path))
    if packed:
        with decompressed(path) as source:
            head = source.read(HEAD)
    for magic, what, instead in _NOT_READ:
        if head.startswith(magic):
            raise InputError(f"it is {what}; save it as {instead}")
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError("it is a web page, not the data; download the file itself")
    found = next((kind for magic, kind in _BEGINNINGS if head.startswith(magic)), "")
    # before version 117 Stata begins with the version, the order of bytes, 1 and 0
    if 102 <= head[:1].ljust(1)[0] <= 115 and head[1:2] in (b"\1", b"\2") and head[2:4] == b"\1\0":
        found = "Stata"
    if found and packed:
        raise InputError(f"it is {found} that was compressed once more; unpack it first")
    return found


def _is_workbook(path: str | os.PathLike[str]) -> bool:
    with opened(path) as packed, zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        if any(name.startswith("xl/workbook.") for name in names):
            return True
        if "mimetype" not in names:
            return False
        with archive.open("mimetype") as file:
            return b"spreadsheet" in file.read(200)
