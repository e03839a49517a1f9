"""The notices that are silenced, and that no other is."""

import warnings

import pytest

from flatprior.models.common.quiet import quiet_libraries

NOTICES = (
    "PyTensor could not link to a BLAS installation. Operations may be slow.",
    "\nArviZ is undergoing a major refactor",
    "Found chain dimension to be longer than draw dimension.",
    "This process (pid=1) is multi-threaded, use of fork() may lead to deadlocks in the child.",
)
OTHERS = (
    "overflow encountered in exp",
    "The rhat statistic is larger than 1.01 for some parameters.",
    "There were 5 divergences after tuning.",
    "ArviZ found no group",
    "draws: Found chain dimension to be longer",  # not how ArviZ begins
)


@pytest.mark.parametrize("category", [UserWarning, FutureWarning, DeprecationWarning])
def test_the_notices_of_libraries_are_silenced_and_nothing_else(category):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet_libraries():
            for message in (*NOTICES, *OTHERS):
                warnings.warn(message, category, stacklevel=1)
    assert [str(warning.message) for warning in caught] == list(OTHERS)


def test_afterwards_they_are_heard_again_even_after_an_error():
    before = list(warnings.filters)
    with pytest.raises(KeyError), quiet_libraries():
        raise KeyError
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="BLAS"):
        warnings.warn(NOTICES[0], UserWarning, stacklevel=1)
