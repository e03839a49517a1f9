"""Files that no reader, crash or Ctrl-C ever meets half written, and what JSON can hold."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flatprior.models.common.errors import require_no_secrets

written: list[str] = []  # what was put in place, as it was named: for who must say so afterwards

BEGINNING = 40  # characters, of four bytes at most, of which file systems allow 255
_DESCRIPTOR = re.compile(r"/proc/\d+(/task/\d+)?/fd|/dev/fd")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it onto `path`, else remove it.

    A symbolic link stays, and what it leads to is replaced. What is no regular file (a pipe, a
    terminal, ``/dev/stdout`` wherever that goes) is written into instead, when all is there.

    Raises
    ------
    OSError
        In a sentence, where the disk is full or fails; then the old file is as it was.
    """
    target = writable(path)
    into = is_stream(path)
    kept = "" if into or not target.exists() else ", and what it held is as it was"
    with saying(f"{str(path)!r} was not written{kept}"):
        beside = None if into else target.parent
        # a name may be as long as the file system allows, and this one is longer
        prefix = f".{target.name[:BEGINNING]}."
        handle, name = tempfile.mkstemp(dir=beside, prefix=prefix, suffix=".part")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            if into:
                written.append(str(path))
                _pour(temporary, path)
            else:
                temporary.chmod(_mode(target))  # mkstemp makes the file private
                _reach_the_disk(temporary)
                with _uninterrupted():
                    os.replace(temporary, target)
                    written.append(str(path))
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Say what a failure of the disk means, in a sentence: what was not done, and why.

    Examples
    --------
    >>> import errno
    >>> from flatprior.models.common.writing import saying
    >>> try:
    ...     with saying("'fit.json' was not written"):
    ...         raise OSError(errno.ENOSPC, "No space left on device")
    ... except OSError as error:
    ...     print(error)
    'fit.json' was not written: no space left on device; make room, or name another place
    """
    try:
        yield
    except BrokenPipeError:  # the reader has gone, which is no failure
        raise
    except OSError as error:
        if not error.strerror:  # ours, a sentence already
            raise
        said = f"{error.strerror[0].lower()}{error.strerror[1:]}"
        failed = OSError(f"{what}: {said}; make room, or name another place")
        failed.errno = error.errno
        raise failed from error


def _reach_the_disk(path: Path) -> None:
    """Wait until a file is on the disk, which may be full, and may lose its power."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # it cannot be asked
            raise
    finally:
        os.close(handle)


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or those that a new one would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _pour(source: Path, path: str | os.PathLike[str]) -> None:
    """Write the bytes of `source` into a stream, after what this process has printed there."""
    for printed in (sys.stdout, sys.stderr):
        if printed is not None:
            printed.flush()
    number = _descriptor(path)
    # what is open already must not be opened anew: that would begin again at the first byte
    anew = number is None or number < 0
    handle = os.open(path, os.O_WRONLY | os.O_APPEND) if anew else os.dup(number or 0)
    with source.open("rb") as file, os.fdopen(handle, "wb") as stream:
        shutil.copyfileobj(file, stream)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back: a file and the note that it was written come together."""
    if threading.current_thread() is not threading.main_thread() or os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is written into, not replaced: an open file's name, a pipe or a device."""
    target = Path(path)
    return _descriptor(path) is not None or (
        target.exists() and not target.is_file() and not target.is_dir()
    )


def _descriptor(path: str | os.PathLike[str]) -> int | None:
    """The number of the open file that `path` stands for, such as 1 for ``/dev/stdout``.

    It is -1 for a file that another process has open, and None for everything else.
    """
    place = os.path.abspath(path)
    for _ in range(40):  # links in a row that systems follow
        folder, name = os.path.split(place)
        if name.isdecimal() and _DESCRIPTOR.fullmatch(os.path.realpath(folder)):
            own = os.path.realpath(folder) in (f"/proc/{os.getpid()}/fd", "/dev/fd")
            return int(name) if own else -1
        if not os.path.islink(place):
            return None
        place = os.path.normpath(os.path.join(folder, os.readlink(place)))
    return None


def check_file_name(path: str | os.PathLike[str]) -> None:
    """Raise an `OSError` if no file can have this name, a `ValueError` if secrets are in it."""
    require_no_secrets(path)
    try:
        possible = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise OSError(f"{str(path)!r} is no name that a file can have")


def writable(path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` leads to, or raise an `OSError` if none can be put there."""
    check_file_name(path)
    if not os.fspath(path):  # to the system it is the folder one is in
        raise FileNotFoundError("the name of the file to write is empty; name one")
    if is_stream(path):
        return Path(path)
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"the folder {str(target.parent)!r} does not exist: make it, or name another"
        )
    if target.is_dir():
        raise OSError(f"{str(path)!r} is a folder; name a file in it")
    if target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
        # the superuser may write to anything, and whoever protects a file means it all the same
        if not mode & 0o222 or not os.access(target, os.W_OK):
            raise PermissionError(
                f"{str(path)!r} is protected against writing (mode {mode:o}); name another file, "
                "or allow it"
            )
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"the folder {str(target.parent)!r} is not writable")
    return target


def write_json(path: str | os.PathLike[str], facts: Any) -> None:
    """Write plain lists, dicts and numbers as JSON, replacing `path` in one step."""
    text = json.dumps(finite(facts), indent=1, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def finite(facts: Any) -> Any:
    """Replace infinity and NaN, which JSON does not have, by None, all the way down."""
    if isinstance(facts, dict):
        return {key: finite(value) for key, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [finite(value) for value in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts
