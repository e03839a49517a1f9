"""What is different between PyMC 5 and 6 is the same here."""

import contextlib
import os
import signal
import threading
import time

import numpy as np
import pytest
from problems import simulated

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.routes.pymc_routes import _whitening, flat_model
from flatprior.models.routes.pymc_versions import (
    PYMC_MAJOR,
    Interrupted,
    find_map,
    import_pymc,
    interruptible,
)

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_version_is_one_that_the_code_knows_and_importing_it_warns_of_nothing():
    pymc = import_pymc()  # a warning would be an error
    assert str(PYMC_MAJOR) == pymc.__version__.split(".")[0]
    assert PYMC_MAJOR in (5, 6)


def test_the_search_ends_near_the_maximum_of_the_density_from_wherever_it_starts():
    X, y = simulated(200, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X, y, offset=np.linspace(-1, 1, 200))
    transform = _whitening(model.arrays)
    graph = flat_model(model.arrays, transform)
    fit = fit_newton(model)
    for start in (np.zeros(3), np.array([1.0, -2.0, 0.5])):
        z, success, message, iterations = find_map(graph, start)
        assert z.shape == (3,)
        assert z.dtype == float
        error = np.abs(transform @ z - fit.coefficients) / fit.standard_errors
        assert error.max() < 1e-2
        assert success is True
        assert isinstance(message, str)
        assert 0 < iterations < 200


@posix
@pytest.mark.parametrize("error", [None, SystemExit, RuntimeError])
def test_ctrl_c_before_the_first_draw_is_a_keyboard_interrupt_whatever_pymc_makes_of_it(error):
    reached = []

    def work():
        with interruptible():
            try:
                press()
                time.sleep(1)
                reached.append("the end")
            except KeyboardInterrupt:
                if error is not None:
                    raise error from None

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == []


@posix
def test_ctrl_c_while_draws_are_made_waits_for_the_next_of_them():
    drawn = []

    def work():
        with interruptible() as state:
            for i in range(5):
                if i == 2:
                    press()  # within compiled code: nothing is raised there
                drawn.append(i)
                state(trace=None, draw=i)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert drawn == [0, 1, 2]

    # and a sampler that swallows what the callback raised ends so all the same
    def swallow():
        with interruptible() as state:
            state()
            press()
            with contextlib.suppress(Interrupted):
                state()

    with pytest.raises(KeyboardInterrupt):
        swallow()


@posix
def test_afterwards_the_callers_handler_is_back_and_other_errors_are_left_alone():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as state:
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert not state.pressed
    with pytest.raises(ValueError, match="theirs"), interruptible():
        raise ValueError("theirs")
    assert signal.getsignal(signal.SIGINT) is before


@posix
@pytest.mark.parametrize("where", ["a thread", "the background of a shell"])
def test_where_nobody_can_press_it_no_handler_is_set(where, monkeypatch):
    seen = []

    def work():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    if where == "a thread":
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert seen == [before]
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            work()
        finally:
            signal.signal(signal.SIGINT, before)
        assert seen == [signal.SIG_IGN]
