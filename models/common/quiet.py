"""Notices of PyMC's stack that nobody can act upon, silenced."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the notices that PyMC's stack gives and a user can do nothing about."""
    with warnings.catch_warnings():
        for message in (
            r"[\s\S]*PyTensor could not link to a BLAS",
            r"[\s\S]*ArviZ is undergoing",  # ArviZ 0.23, once a day
            r"Found chain dimension to be longer",  # many short chains are no mistake
            r"[\s\S]*use of fork\(\) may lead to deadlocks",  # Python >= 3.12, PyMC's own choice
        ):
            warnings.filterwarnings("ignore", message=message)
        yield
