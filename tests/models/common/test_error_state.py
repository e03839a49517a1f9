"""NumPy's error state inside what is wrapped, and that of the caller outside."""

import threading
from functools import cached_property

import numpy as np
import pytest

from flatprior.models.common.error_state import OWN, own_error_state

OTHERS = ({"all": "raise"}, {"all": "ignore"}, {"under": "warn", "over": "raise"})


@own_error_state
class Example:
    """Every kind of member that a class may have."""

    constant = 1

    def __init__(self):
        self.made = np.geterr()

    def method(self):
        """Say the state."""
        return np.geterr()

    @classmethod
    def of_class(cls):
        return cls, np.geterr()

    @staticmethod
    def static():
        return np.geterr()

    @property
    def plain(self):
        return np.geterr()

    @plain.setter
    def plain(self, value):
        self.set = value

    @cached_property
    def once(self):
        return np.geterr()


@pytest.mark.parametrize("state", OTHERS)
def test_every_member_of_a_class_runs_in_numpys_default_state(state):
    with np.errstate(**state):
        outside = np.geterr()
        example = Example()
        found = [
            example.made,
            example.method(),
            Example.of_class()[1],
            Example.static(),
            example.plain,
            example.once,
        ]
        assert np.geterr() == outside
    assert found == [OWN] * 6


def test_the_state_that_is_set_is_that_of_an_untouched_numpy():
    found = []
    thread = threading.Thread(target=lambda: found.append(np.geterr()))
    thread.start()
    thread.join()
    assert found == [OWN]


def test_what_is_wrapped_stays_what_it_was():
    example = Example()
    assert Example.of_class()[0] is Example
    assert example.once is example.once
    assert "once" in vars(example)
    example.plain = 3
    assert example.set == 3
    assert Example.method.__doc__ == "Say the state."
    assert Example.method.__name__ == "method"
    assert Example.constant == 1
    assert isinstance(example, Example)


def test_the_callers_state_comes_back_after_an_error_too():
    @own_error_state
    def fail(x):
        np.exp(-x)
        raise KeyError(x)

    with np.errstate(all="raise"):
        before = np.geterr()
        with pytest.raises(KeyError):
            fail(np.float64(1000.0))
        assert np.geterr() == before
        with pytest.raises(FloatingPointError):
            np.exp(np.float64(-1000.0))


def test_overflow_is_heard_where_nobody_means_it():
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="overflow"):
        own_error_state(lambda x: np.exp(x))(np.float64(1000.0))


def test_what_is_wrapped_and_called_by_what_is_wrapped_enters_no_state_again(monkeypatch):
    entered = []

    class Counted(np.errstate):
        def __enter__(self):
            entered.append(self)
            return super().__enter__()

    monkeypatch.setattr(np, "errstate", Counted)
    inner = own_error_state(np.geterr)
    outer = own_error_state(lambda: (inner(), inner()))
    with Counted(all="raise"):
        assert outer() == (OWN, OWN)
        assert len(entered) == 2
        with pytest.raises(ZeroDivisionError):
            own_error_state(lambda: 1 // 0)()
        assert inner() == OWN  # the error left no trace
        assert np.geterr()["over"] == "raise"
