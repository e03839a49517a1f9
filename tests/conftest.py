"""Fixtures for every test."""

import signal
import threading
from functools import partial

import pytest

from flatprior.models import fit_map, fit_newton, fit_sklearn, sample_independence, sample_nuts

# in the background of a shell (nohup pytest &) SIGINT is ignored, and so it would be in every
# process that a test starts in order to interrupt it
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=(fit_newton, fit_sklearn, fit_map), ids=lambda route: route.__name__)
def route(request):
    """Each point route in turn."""
    return request.param


@pytest.fixture(params=(sample_nuts, sample_independence), ids=lambda sampler: sampler.__name__)
def sampler(request):
    """Each sampling route in turn, without a progress bar."""
    return partial(request.param, progress=False)
