"""Fixtures for every test."""

import pytest

from flatprior.models import fit_map, fit_newton, fit_sklearn


@pytest.fixture(params=(fit_newton, fit_sklearn, fit_map), ids=lambda route: route.__name__)
def route(request):
    """Each point route in turn."""
    return request.param
