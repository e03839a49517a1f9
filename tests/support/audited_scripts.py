"""Scripts run by Python, and run by ``flatprior audit``."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from processes import NOTHING, Ended, completed

AUDIT = (sys.executable, "-m", "flatprior", "audit")
DATA = """
import numpy as np
rng = np.random.default_rng(7)
X = rng.normal(size=(120, 3))
y = (rng.random(120) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)
"""


@dataclass
class Both:
    """How a script ended by itself, and with an audit."""

    alone: Ended
    audited: Ended

    @property
    def report(self) -> list[str]:
        """What the audit has added to standard error, which is all that it has changed."""
        assert self.audited.stdout == self.alone.stdout
        assert self.audited.stderr.startswith(self.alone.stderr), self.audited.stderr
        return self.audited.stderr[len(self.alone.stderr) :].splitlines()


def run_both(folder: Path, code: str, *arguments: str, options: tuple[str, ...] = ()) -> Both:
    """Run code as a file, in its folder, twice."""
    (folder / "script.py").write_text(code, encoding="utf-8")
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    alone, audited = (
        completed(
            *command,
            "script.py",
            *arguments,
            cwd=folder,
            env=environment,
            stdin=NOTHING,
        )
        for command in ((sys.executable,), (*AUDIT, *options))
    )
    return Both(alone, audited)
