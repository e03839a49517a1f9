"""The only module that branches on a library's version.

Python 3.11 resolves PyMC 5 with ArviZ 0.23, Python 3.12 and later PyMC 6 with ArviZ 1. Most of what
is here imports PyMC, and so it is imported by nothing at module level.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.progress import quiet_libraries

if TYPE_CHECKING:
    import pymc


PYMC_MAJOR = int(version("pymc").split(".")[0])


class Interrupted(Exception):
    """Carries Ctrl-C through PyMC, which swallows a KeyboardInterrupt and samples on."""


class Interruption:
    """Whether Ctrl-C was pressed, and whether it must wait for the next draw."""

    pressed = False
    at_next_draw = False

    def __call__(self, *_: Any, **__: Any) -> None:
        """Callback of ``pm.sample``, after each draw."""
        self.at_next_draw = True
        if self.pressed:
            raise Interrupted


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Make Ctrl-C end PyMC's work with a KeyboardInterrupt and nothing else.

    PyMC catches a KeyboardInterrupt during sampling and goes on to the next chain; raised within
    compiled code, PyMC 6 turns it into a SystemError. So the signal is only noted while draws are
    made, and the callback stops the run at the next draw.
    """
    state = Interruption()

    def note(*_: Any) -> None:
        state.pressed = True
        if not state.at_next_draw:
            raise KeyboardInterrupt

    # only the main thread may handle signals; in the background of a shell they are ignored
    main = threading.current_thread() is threading.main_thread()
    main = main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    before = signal.signal(signal.SIGINT, note) if main else None
    try:
        yield state
    except BaseException:
        if state.pressed:
            raise KeyboardInterrupt from None
        raise
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
    if state.pressed:
        raise KeyboardInterrupt


def import_pymc() -> Any:
    """Import PyMC without the notices of its stack."""
    with quiet_libraries():
        import pymc

    return pymc


def find_map(model: pymc.Model, start: Array) -> tuple[Array, bool, str, int]:
    """Call ``pm.find_MAP`` from z = `start`; return z, success, message and iterations."""
    pm = import_pymc()
    with quiet_libraries(), interruptible():
        if PYMC_MAJOR == 5:
            point, raw = pm.find_MAP(
                model=model,
                start={"z": start},
                include_transformed=False,
                return_raw=True,
                progressbar=False,
            )
            if raw is None:  # Ctrl-C: PyMC 5 returns where it stood
                raise KeyboardInterrupt
            return np.asarray(point["z"]), bool(raw.success), str(raw.message), int(raw.nit)
        found = pm.find_MAP(
            model=model,
            initvals={"z": start},
            jitter=False,
            return_inferencedata=True,
            progressbar=False,
        )
    result = found["optimizer_result"]
    return (
        np.asarray(result["x"].to_numpy(), dtype=float),
        bool(result["success"]),
        str(result["message"].to_numpy()),
        int(result["nit"]),
    )
