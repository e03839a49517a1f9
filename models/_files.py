"""Files that no reader, crash or Ctrl-C ever meets half written, and what JSON can hold."""

from __future__ import annotations

import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success rename it onto `path`, else remove it."""
    target = writable(path)
    if target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
    else:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)  # mkstemp makes the file private
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def writable(path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` leads to, or raise an `OSError` if none can be put there."""
    target = Path(path).resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(target.parent)!r} does not exist")
    if target.exists() and not target.is_file():  # a folder, a device, a pipe
        raise OSError(f"{str(path)!r} is not a regular file; name another")
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
    if isinstance(facts, list):
        return [finite(value) for value in facts]
    return None if isinstance(facts, float) and not math.isfinite(facts) else facts
