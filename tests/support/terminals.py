"""Terminals: one that a program writes to, and a standard error that says that it is one."""

import io
import os
import re
import signal
import sys

from processes import started


def on_a_terminal(work, columns, interrupt_at=None):
    """What a program writes to a terminal, on which it is interrupted when it has written that."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with started(
        sys.executable, "-c", work, stderr=theirs, env=kept | {"TERM": "xterm"}
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                read = os.read(ours, 2**16)
            except OSError:  # Linux says so that the other side has gone
                break
            if not read:
                break
            text += read
            if interrupt_at is not None and interrupt_at in text:
                process.send_signal(signal.SIGINT)
                interrupt_at = None
        out = process.communicate(timeout=60)[0]
    os.close(ours)
    return text.decode(), out, process.returncode


def lines_of(text):
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line for line in re.split(r"[\r\n]+", plain) if line]


class Terminal(io.StringIO):
    """Text that is written to a terminal."""

    def isatty(self):
        return True


def as_terminal(monkeypatch):
    """Standard error in this process as a terminal, whose text can be read."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    return found
