"""What is waited for on a cluster comes, or there is a sentence; without processes."""

import threading
import time
from types import SimpleNamespace

import pytest

from flatprior.models.batches import cluster
from flatprior.models.batches.cluster import computed
from flatprior.models.common.errors import InputError

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.fixture
def workers():
    """A cluster without a worker, of which the client is the active one."""
    with (
        distributed.LocalCluster(
            n_workers=0, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as found,
        distributed.Client(found),
    ):
        yield found


def after(seconds, function, *arguments):
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    return timer


def test_a_worker_that_comes_late_costs_time_only(workers, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(cluster, "SAID_AFTER", 0.2)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    later = after(1.0, workers.scale, 1)
    assert computed(dask.delayed(sum)([1, 2])) == 3
    later.join()
    assert "waiting for workers" in capsys.readouterr().err


def test_a_worker_that_its_cluster_has_given_up_is_started_anew(workers, monkeypatch):
    """As a cluster on this machine does with who needs more than 15 seconds to come back."""
    monkeypatch.setattr(cluster, "LOOK_EVERY", 0.1)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}):
        workers.scale(1)
        distributed.default_client().wait_for_workers(1)
        workers.sync(workers.workers[0].close)
        given_up = time.monotonic() + 10
        while workers.workers and time.monotonic() < given_up:
            time.sleep(0.05)
    assert not workers.workers
    assert computed(dask.delayed(sum)([1, 2])) == 3


def test_where_none_comes_the_work_is_given_up(workers, monkeypatch):
    monkeypatch.setattr(cluster, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with pytest.raises(OSError, match=r"no workers for [1-9]\d* seconds?,.*: start workers"):
        computed(dask.delayed(sum)([1, 2]))


def test_a_scheduler_that_goes_takes_the_work_with_it(workers):
    workers.scale(1)
    closed = after(0.3, workers.close)
    with pytest.raises(OSError, match=r"the cluster has ended, .*start again"):
        computed(dask.delayed(time.sleep)(1.5))
    closed.join()


def killed():
    raise distributed.KilledWorker("work", SimpleNamespace(address="tcp://one"), 3)


def without_workers():
    from distributed.scheduler import NoValidWorkerError

    raise NoValidWorkerError("work", set(), set(), {}, 1.0)


def wrong():
    raise InputError("x is wrong; drop it")


def late():
    raise TimeoutError("of its own")


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        (killed, OSError, r"workers of the cluster died .*repartition.* or give workers more"),
        (without_workers, OSError, r"no workers .*no-workers-timeout allows: start workers"),
        (wrong, InputError, "x is wrong; drop it"),
        (late, TimeoutError, "of its own"),
    ],
)
def test_what_ends_the_work_is_said_in_a_sentence(workers, function, kind, said):
    workers.scale(1)
    with pytest.raises(kind, match=said) as caught:
        computed(dask.delayed(function)())
    assert "\n" not in str(caught.value)


def test_on_a_worker_its_thread_is_left_to_others(workers):
    """A pass within a task of the user's, on a cluster that has one thread."""
    workers.scale(1)
    outer = dask.delayed(lambda: computed(dask.delayed(sum)([1, 2])))
    assert computed(outer()) == 3
