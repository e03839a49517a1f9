"""Processes that tests start. None of them outlives its test, nor does anything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Ended, NOTHING = subprocess.CompletedProcess, subprocess.DEVNULL
LONGEST = 240.0  # seconds: a first compilation beside other work takes a minute and a half


@contextmanager
def started(*command, **options) -> Iterator[subprocess.Popen]:
    """A process of this command line, with its output in pipes.

    It leads a group of its own, which is killed whole as the block is left: at its end, by a
    timeout, by a failure or by an interrupt.
    """
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            kill_group(process)


def kill_group(leader: subprocess.Popen) -> None:
    """End a process that leads its group, and all that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            os.killpg(leader.pid, signal.SIGKILL)
    else:
        leader.kill()


def completed(*command, timeout: float = LONGEST, **options) -> subprocess.CompletedProcess:
    """What a command line wrote and how it ended, as `subprocess.run` says it."""
    with started(*command, **options) as process:
        out, err = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def printed(code: str, *arguments, **options) -> str:
    """What Python code writes into standard output; it must end well."""
    done = completed(sys.executable, "-c", code, *arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
