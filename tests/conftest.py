"""Fixtures for every test."""

import gc
import os
import signal
import threading
from functools import partial

import pytest
from hypothesis import settings
from multiplier import repeated

from flatprior.models import fit_map, fit_newton, fit_sklearn, sample_independence, sample_nuts

# in the background of a shell (nohup pytest &) SIGINT is ignored, and so it would be in every
# process that a test starts in order to interrupt it
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

# the same examples in every run: seeds are fixed
settings.register_profile("fixed", derandomize=True, database=None)
settings.load_profile("fixed")

# graphs of PyMC and figures are objects by the hundred thousand: to look for cycles among them less
# often than Python does by itself saves a fifteenth of the time
gc.set_threshold(50_000, 20, 20)

LONGEST = 600  # seconds; nothing takes a tenth of that, but compiling PyMC's models a quarter


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """End a test that hangs, and give each of several workers one core of BLAS."""
    if config.option.timeout is None:
        config.option.timeout = repeated(LONGEST)
    if (config.option.numprocesses or 0) > 1:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # theirs, and of what tests start


@pytest.fixture(params=(fit_newton, fit_sklearn, fit_map), ids=lambda route: route.__name__)
def route(request):
    """Each point route in turn."""
    return request.param


@pytest.fixture(params=(sample_nuts, sample_independence), ids=lambda sampler: sampler.__name__)
def sampler(request):
    """Each sampling route in turn, without a progress bar, in this process.

    The draws are those of several processes (`test_a_seed_reproduces_the_draws_and_labels_are_kept`
    compares them), which cost as much again.
    """
    alone = {"cores": 1} if request.param is sample_nuts else {}
    return partial(request.param, progress=False, **alone)
