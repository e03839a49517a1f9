"""What a Dask cluster computes, and how long is waited for it.

A worker that dies costs time: the scheduler has its work done by another, or by the one that is
started in its place. Dask would wait for ever where there is no other, and none comes; here that
has an end, and every way in which a cluster gives up is one sentence.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import time
from contextlib import ExitStack
from typing import Any

from flatprior.models.common.parallel import one_thread_each
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import count

LOOK_EVERY = 2.0  # seconds, after which it is asked whether there are workers
SAID_AFTER = 5.0  # seconds without a worker
PATIENCE = 600.0  # the same, where the cluster names no time of its own
SETTING = "distributed.scheduler.no-workers-timeout"
START_ANEW = "start workers (client.wait_for_workers(1) waits for them), and call again"


def computed(lazy: Any) -> Any:
    """What a `dask.delayed.Delayed` gives, on the active cluster or on this process's threads.

    Raises
    ------
    OSError
        If workers die again and again, if none is left and none comes, or if the scheduler goes.

    Examples
    --------
    >>> import dask
    >>> from flatprior.models.batches.cluster import computed
    >>> computed(dask.delayed(sum)([1, 2]))
    3
    """
    import dask

    with one_thread_each():
        client = _client()
        return dask.compute(lazy)[0] if client is None else _on_cluster(client, lazy)


def _client() -> Any:
    """The client by which Dask would compute; None where it would not, and on a worker."""
    from dask.base import get_scheduler

    client = getattr(get_scheduler(), "__self__", None)
    if not hasattr(client, "scheduler_info"):
        return None
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return client
    return None  # Dask's own way leaves the worker's thread to others while it waits


def _on_cluster(client: Any, lazy: Any) -> Any:
    future = client.compute(lazy)
    try:
        with ExitStack() as shown:
            last, said = time.monotonic(), False
            while True:
                done = future.done()
                try:
                    return future.result(timeout=_patience() if done else LOOK_EVERY)
                except TimeoutError:
                    if future.status == "error":  # it was the work's own
                        raise
                if _has_workers(client):
                    last, said = time.monotonic(), False
                    shown.close()
                    continue
                _have_missing_started(client)
                without = time.monotonic() - last
                if without > _patience():
                    raise OSError(
                        f"the cluster has had no workers for {count(round(without), 'second')}, "
                        f"and the work on it was given up: {START_ANEW}"
                    )
                if without > SAID_AFTER and not said:
                    said = True
                    shown.enter_context(
                        progress_bar("waiting for workers", None, sys.stderr.isatty())
                    )
    except (asyncio.CancelledError, concurrent.futures.CancelledError) as error:
        raise OSError(
            "the cluster has ended, or what was computed on it was cancelled: connect to one, and "
            "start again"
        ) from error
    except Exception as error:
        sentence = _GIVEN_UP.get(type(error).__name__)
        if sentence is None or type(error).__module__.partition(".")[0] != "distributed":
            raise
        raise OSError(sentence) from error
    finally:
        future.release()


# by the name of what the scheduler raises
_GIVEN_UP = {
    "KilledWorker": (
        "workers of the cluster died one after the other in the same work, as they do where a "
        "partition needs more memory than they have: make partitions smaller "
        "(frame.repartition(npartitions=...)), or give workers more memory"
    ),
    **dict.fromkeys(
        ("NoWorkerError", "NoValidWorkerError"),
        f"the cluster has had no workers for the time that its setting {SETTING} allows: "
        f"{START_ANEW}",
    ),
}


def _patience() -> float:
    """Seconds that are waited for a worker: those that are set for the scheduler, or ours."""
    import dask
    from dask.utils import parse_timedelta

    found = dask.config.get(SETTING, None)
    return PATIENCE if found is None else max(PATIENCE, float(parse_timedelta(found)))


def _have_missing_started(client: Any) -> None:
    """Have workers of a cluster on this machine started anew that it has given up.

    Who dies is started again, and given up for good where that takes longer than the setting
    ``distributed.deploy.lost-worker-timeout``: 15 seconds, which a busy machine may need.
    """
    from distributed import LocalCluster

    cluster = client.cluster
    if isinstance(cluster, LocalCluster):
        scale: Any = cluster.scale
        scale(len(cluster.worker_spec))  # as many as there should be


def _has_workers(client: Any) -> bool:
    try:
        return bool(client.scheduler_info()["workers"])
    except OSError:  # the scheduler does not answer: its end will be told by the future
        return True
