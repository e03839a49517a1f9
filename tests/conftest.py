"""Fixtures for every test."""

from functools import partial

import pytest

from flatprior.models import fit_map, fit_newton, fit_sklearn, sample_independence, sample_nuts


@pytest.fixture(params=(fit_newton, fit_sklearn, fit_map), ids=lambda route: route.__name__)
def route(request):
    """Each point route in turn."""
    return request.param


@pytest.fixture(params=(sample_nuts, sample_independence), ids=lambda sampler: sampler.__name__)
def sampler(request):
    """Each sampling route in turn, without a progress bar."""
    return partial(request.param, progress=False)
