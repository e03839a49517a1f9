"""Judge every logistic fit of scikit-learn and statsmodels that an unchanged script makes."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from flatprior.models.common.errors import without_address_secrets
from flatprior.models.common.text import abbreviated, count, first_of, printable

INSIDE = os.path.join(os.path.dirname(__file__), "inside_script.py")
INTERRUPTED = 130  # as a shell says of it


@dataclass(frozen=True, kw_only=True)
class FitsOfALine:
    """Fits that one line of a script made, of one kind and with one outcome.

    Attributes
    ----------
    file : str
    line : int
    call : str
        The text of the call.
    what : str
        "statsmodels Logit", ...
    kind : str
        What they are: "mle", "default penalty", ...
    good : bool or None
        Whether they are what they look like; None if they could not be judged.
    verdict : str
        Of the one that is farthest from what it looks like; "[]" stands where the details go.
    distance : float
        Of that one from what its verdict speaks of, in standard errors; NaN where none is known.
    details : tuple of str
        In what they differ: strengths of a penalty.
    n : int
        How many they are.
    """

    file: str
    line: int
    call: str
    what: str
    kind: str
    good: bool | None
    verdict: str
    distance: float = math.nan
    details: tuple[str, ...] = ()
    n: int = 1

    @property
    def said(self) -> str:
        """The verdict, with the details."""
        if not self.details:
            return self.verdict
        return self.verdict.replace("[]", f"[{first_of(self.details)}]")

    def __str__(self) -> str:
        """One line, as compilers write theirs."""
        name = self.what.rpartition(" ")[2]
        of = "" if name in self.call else f" of {name}"
        many = "" if self.n == 1 else f" ({self.n} fits)"
        where = f"{_short(self.file)}:{self.line}"
        return printable(f"{where}: {abbreviated(self.call)}{of}{many}: {self.said}")


@dataclass(frozen=True, kw_only=True)
class ScriptAudit:
    """What a script's fits are, and how it ended.

    Attributes
    ----------
    script : str
    fits : tuple of FitsOfALine
        In the order in which lines made their first.
    status : int
        The script's own exit status, as a shell says it.
    notes : tuple of str
        What was not judged.
    """

    script: str
    fits: tuple[FitsOfALine, ...]
    status: int
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no fit is anything else than it looks like."""
        return all(line.good is not False for line in self.fits)

    @property
    def exit_status(self) -> int:
        """1 if a fit is not what it looks like; else the script's own."""
        return self.status if self.passed or self.status == INTERRUPTED else 1

    @property
    def verdict(self) -> str:
        """All of it in one sentence."""
        total, wrong, unknown = (
            sum(line.n for line in self.fits if line.good in outcomes)
            for outcomes in ((True, False, None), (False,), (None,))
        )
        if not total:
            return "no logistic fit of scikit-learn or statsmodels was seen"
        fits = count(total, "logistic fit")
        failed = f"; {unknown} could not be judged" if unknown else ""
        if not wrong:
            return f"{fits}, none of them other than it looks{failed}"
        if total == 1:
            return "the only logistic fit is not what it looks like"
        return (
            f"{wrong} of {fits} not what {'it looks' if wrong == 1 else 'they look'} like{failed}"
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it, as words and numbers."""
        return {
            "script": self.script,
            "verdict": self.verdict,
            "passed": self.passed,
            "status": self.status,
            "fits": [asdict(line) | {"verdict": line.said} for line in self.fits],
            "notes": list(self.notes),
        }


def audit_script(
    script: str, arguments: Sequence[str] = (), tolerance: float = 1e-6
) -> ScriptAudit:
    """Run a script in a process of its own, and judge the logistic fits that it makes.

    Parameters
    ----------
    script : str
        Path of the file. It reads and writes this process's standard streams.
    arguments : sequence of str
        What follows in its command line.
    tolerance : float
        Standard errors that a fit may be from the MLE.
    """
    received, sent = os.pipe()
    told = _Told()
    with os.fdopen(received, encoding="utf-8", errors="replace") as lines, _signals() as running:
        command = [sys.executable, INSIDE, "", str(tolerance), script, *arguments]
        try:
            if sys.platform == "win32":
                import msvcrt

                handle = msvcrt.get_osfhandle(sent)
                os.set_handle_inheritable(handle, True)
                command[2] = str(handle)
                process = subprocess.Popen(command, close_fds=False)  # noqa: S603
            else:
                command[2] = str(sent)
                process = subprocess.Popen(command, pass_fds=(sent,))  # noqa: S603
        finally:
            os.close(sent)
        running.append(process)
        for line in lines:
            told.take(line)
        status = process.wait()
    return ScriptAudit(
        script=script,
        fits=tuple(told.fits.values()),
        status=status if status >= 0 else 128 - status,
        notes=told.notes,
    )


class _Told:
    """What the script's process has told."""

    def __init__(self) -> None:
        self.fits: dict[tuple[Any, ...], FitsOfALine] = {}
        self._other: dict[str, int] = {}
        self._workers = False

    def take(self, line: str) -> None:
        """Take one line; what is not ours says nothing."""
        try:
            facts = json.loads(line)
            self._workers |= bool(facts.get("workers"))
            if "fit" in facts:
                fit = facts["fit"]
                self._add(FitsOfALine(**fit | {"details": tuple(fit.get("details", ()))}))
        except (ValueError, TypeError, AttributeError):
            return

    def _add(self, fit: FitsOfALine) -> None:
        if fit.kind == "other":
            self._other[fit.verdict] = self._other.get(fit.verdict, 0) + 1
            return
        fit = replace(fit, call=without_address_secrets(fit.call))
        key = fit.file, fit.line, fit.call, fit.what, fit.kind, fit.good
        known = self.fits.get(key)
        if known is not None:
            worst = fit if fit.distance > known.distance else known
            details = dict.fromkeys((*known.details, *fit.details))
            fit = replace(worst, n=known.n + 1, details=tuple(details))
        self.fits[key] = fit

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not judged."""
        found = [f"{count(n, 'fit')} {why}: not judged" for why, n in self._other.items()]
        if self._workers:
            found.append(
                "the script started other processes (joblib, multiprocessing): fits in them are "
                "not judged; with n_jobs=1 they are"
            )
        return tuple(found)


@contextmanager
def _signals() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Leave Ctrl-C to the script, which hears it too, and hand on what would end this process.

    Yields a list for the script's process.
    """
    running: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _: object) -> None:
        for process in running:
            process.send_signal(number)

    handlers = {signal.SIGINT: lambda *_: None, signal.SIGTERM: hand_on}
    before = {}
    if threading.current_thread() is threading.main_thread():  # only it may handle signals
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield running
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()


def _short(file: str) -> str:
    """A path as it is seen from here, where that is shorter."""
    try:
        return min(os.path.relpath(file), file, key=len)
    except ValueError:  # another drive
        return file
