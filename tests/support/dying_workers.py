"""A cluster of processes, and rows whose reading kills the worker that reads them on request.

What is computed is counted in a file, so that a pass can be named in which a worker is to die.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from processes import NOTHING, started

DEADLY = 2  # the partition


class Workers:
    """Processes that work for a scheduler; who dies is not made anew but by `keep`."""

    def __init__(self, scheduler: str, client: Any, started: ExitStack) -> None:
        self._scheduler, self._client, self._started = scheduler, client, started
        self._processes: list[Any] = []

    def keep(self, number: int) -> None:
        """Have so many of them, and wait until they are there."""
        self._processes = [each for each in self._processes if each.poll() is None]
        while len(self._processes) < number:
            options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory")
            command = (sys.executable, "-m", "distributed.cli.dask_worker", self._scheduler)
            path = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
            process = started(
                *(*command, *options, tempfile.gettempdir()),
                env=os.environ | {"PYTHONPATH": path},
                stdout=NOTHING,
                stderr=NOTHING,
            )
            self._processes.append(self._started.enter_context(process))
        self._client.wait_for_workers(number, timeout=120)


@contextmanager
def cluster_of(number: int) -> Iterator[Workers]:
    """A cluster of so many processes on this machine, as the active client has it."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        ExitStack() as stack,
    ):
        workers = Workers(cluster.scheduler_address, client, stack)
        workers.keep(number)
        yield workers


class DyingRows:
    """Rows in partitions, one of which is the end of a worker at a time that is set.

    Parameters
    ----------
    frame : DataFrame
    folder : Path
        Where it is counted how often that partition was made.
    rows : int
        Of each partition.
    """

    def __init__(self, frame: pd.DataFrame, folder: Path, rows: int = 250) -> None:
        self.frame, self.rows = frame, rows
        self._made, self._last = folder / "made", folder / "last"
        self._made.touch()

    @property
    def passes(self) -> int:
        """How often the rows were read; once more for each death."""
        return self._made.stat().st_size

    def kill_in(self, number: int) -> None:
        """Have a worker die in the pass of this number, from now on."""
        self._last.write_text(str(self.passes + number))

    @property
    def killed(self) -> bool:
        """Whether it has happened."""
        return not self._last.exists()

    def spare(self) -> None:
        """Have no worker die."""
        self._last.unlink(missing_ok=True)

    def partition(self, number: int) -> pd.DataFrame:
        """The rows of one partition."""
        if number == DEADLY:
            with self._made.open("ab") as made:
                made.write(b".")
            if self._last.exists() and int(self._last.read_text()) == self.passes:
                self._last.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        return self.frame.iloc[number * self.rows : (number + 1) * self.rows]

    def lazy(self) -> Any:
        """The Dask data frame."""
        from dask import dataframe

        return dataframe.from_map(self.partition, range(-(-len(self.frame) // self.rows)))
