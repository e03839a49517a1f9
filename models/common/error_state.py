"""NumPy's error state inside the package is NumPy's default, whatever the caller has set.

Here is also where errors leave the package: those of other libraries may repeat secrets of the
addresses that they were given, which are taken out.

Underflow to 0 and an odds ratio beyond every double are meant wherever they happen here. A caller's
``np.seterr(all="raise")`` is for the caller's own arithmetic, and must not make errors of them.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from functools import cached_property
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from flatprior.models.common.errors import concealed

T = TypeVar("T")

_IS_OWN = ContextVar("own error state", default=False)
OWN: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def own_error_state(what: T) -> T:
    """Run a function, or every method and property of a class, in NumPy's default error state.

    Threads that the function starts inherit the state with the context (`parallel_map`).

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.common.error_state import own_error_state
    >>> with np.errstate(all="raise"):
    ...     float(own_error_state(np.exp)(-1000.0))
    0.0
    """
    if not isinstance(what, type):
        function: T = _wrapped(what)
        return function
    for name, member in list(vars(what).items()):
        new: Any = None
        if isinstance(member, FunctionType):
            new = _wrapped(member)
        elif isinstance(member, (classmethod, staticmethod)):
            new = type(member)(_wrapped(member.__func__))
        elif isinstance(member, property) and member.fget is not None:
            new = member.getter(_wrapped(member.fget))
        elif isinstance(member, cached_property):
            new = cached_property(_wrapped(member.func))
            new.__set_name__(what, name)
        if new is not None:
            setattr(what, name, new)
    return what


def _wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        if _IS_OWN.get():  # one public function calls another
            return function(*args, **kwargs)
        outside = _IS_OWN.set(True)
        try:
            with np.errstate(**OWN):
                return function(*args, **kwargs)
        except Exception as error:
            kept = concealed(error)
            if kept is error:
                raise
            raise kept from None
        finally:
            _IS_OWN.reset(outside)

    return inside
