"""Files in object stores, such as ``s3://bucket/folder``: listed, and read where they lie.

Arrow's own file systems speak S3 (and what is compatible with it), Google Cloud Storage and Azure;
others are those of fsspec. Credentials come from where each of them looks: environment and
configuration files, never from a path, which ends up in messages and reports
(`require_no_secrets`).
"""

from __future__ import annotations

import functools
import io
import os
import re
from fnmatch import fnmatchcase
from typing import IO, Any, cast

# of Arrow, and of fsspec
ARROW = ("s3", "gs", "gcs", "abfs", "abfss")
SCHEMES = (*ARROW, "az", "memory")
AHEAD = 2**22  # bytes that are asked for at once where a file is read from its beginning
WILD = re.compile(r"[*?[]")


def is_stored(path: Any) -> bool:
    """Whether a path is one of an object store.

    Examples
    --------
    >>> from flatprior.models.encoding.files.stores import is_stored
    >>> is_stored("s3://bucket/rows.parquet"), is_stored("rows.parquet"), is_stored("c:/rows.csv")
    (True, False, False)
    """
    return isinstance(path, str) and _scheme(path) in SCHEMES


def _scheme(path: str) -> str:
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", path)
    return found.group(1).lower() if found else ""


def located(path: str) -> tuple[Any, str]:
    """The file system of a stored path, and the path in it.

    Raises
    ------
    ImportError
        If nothing that is installed knows such paths.
    """
    scheme, bucket, key = _parts(path)
    system, root = _system(scheme, bucket)
    return system, f"{root}/{key}" if key else root


def _parts(path: str) -> tuple[str, str, str]:
    """Scheme, bucket and the rest of a path."""
    bucket, _, key = path.partition("://")[2].partition("/")
    return _scheme(path), bucket, key


@functools.lru_cache(maxsize=16)
def _system(scheme: str, bucket: str) -> tuple[Any, str]:
    """The file system of a bucket, and the path of the bucket in it."""
    from pyarrow import fs

    if scheme in ARROW:
        try:
            return cast(tuple[Any, str], fs.FileSystem.from_uri(f"{scheme}://{bucket}"))
        except (NotImplementedError, ValueError) as error:  # pyarrow was built without it
            if "scheme" not in str(error):
                raise
    try:
        import fsspec

        found = fsspec.filesystem(scheme)
    except ImportError as error:
        raise ImportError(
            f"nothing that is installed reads {scheme}://; install fsspec and its package for "
            "this store, or copy the files here"
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(found)), bucket


def stored_files(path: str, endings: tuple[str, ...]) -> list[str]:
    """The stored files of a path: itself, those of a folder, or those that match it as a pattern.

    Of a folder those with `endings`; hidden ones, and those that begin with an underscore, are
    passed over. Empty, if there are none.
    """
    from pyarrow import fs

    scheme, bucket, key = _parts(path)
    system, root = located(f"{scheme}://{bucket}")
    wild = WILD.search(key)
    folder = (key if wild is None else key[: wild.start()].rpartition("/")[0]).rstrip("/")
    inside = f"{root}/{folder}" if folder else root
    if wild is None and system.get_file_info(inside).type == fs.FileType.File:
        return [path]
    selector = fs.FileSelector(inside, recursive=True, allow_not_found=True)
    every = (each.path.lstrip("/") for each in system.get_file_info(selector) if each.is_file)
    keys = sorted(name[len(root.strip("/")) + 1 :] for name in every)
    if wild is not None:
        keys = [each for each in keys if _matches(each.split("/"), key.split("/"))]
    else:
        hidden, start = re.compile(r"(^|/)[._]"), len(folder) + bool(folder)
        keys = [k for k in keys if k.lower().endswith(endings) and not hidden.search(k[start:])]
    return [f"{scheme}://{bucket}/{each}" for each in keys]


def _matches(names: list[str], patterns: list[str]) -> bool:
    """Whether the parts of a path are those of a pattern, in which ``**`` is any number of them."""
    if not names or not patterns:
        return not names and all(each == "**" for each in patterns)
    if patterns[0] == "**":
        return _matches(names[1:], patterns) or _matches(names, patterns[1:])
    return fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])


def stamp_of(path: str) -> tuple[int, int]:
    """Size and time of the last change of a stored file."""
    from pyarrow import fs

    system, inside = located(path)
    found = system.get_file_info(inside)
    if found.type != fs.FileType.File:
        raise FileNotFoundError(path)
    return int(found.size or 0), int(found.mtime_ns or 0)


def opened(path: str | os.PathLike[str]) -> IO[bytes]:
    """The bytes of a file, wherever it is."""
    if not is_stored(path):
        return open(path, "rb")
    system, inside = located(str(path))
    return cast(IO[bytes], io.BufferedReader(system.open_input_file(inside), AHEAD))
