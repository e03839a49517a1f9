"""Calls that go wrong as people of other packages would make them, and the sentence that helps."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, overload

import numpy as np

from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError, NeedsLikelihoodError
from flatprior.models.common.json_values import in_short

NO_LIKELIHOOD = (
    "needs a likelihood, and sampling weights make none: they say how many people a row speaks "
    "for, not how many were observed; wald_test, predict, average_marginal_effects and summarise "
    "are right with them"
)
P = ParamSpec("P")
R = TypeVar("R")


def a_or_an(thing: object) -> str:
    """The type of a thing, with its article.

    Examples
    --------
    >>> from flatprior.models.common.calls import a_or_an
    >>> a_or_an(1), a_or_an(1.0)
    ('an int', 'a float')
    """
    return _with_article(type(thing))


def _with_article(kind: type) -> str:
    name = kind.__name__
    return f"an {name}" if name[:1].lower() in "aeiou" or name == "ndarray" else f"a {name}"


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise a `ValueError` that names the choices unless `value` is one of them.

    Examples
    --------
    >>> from flatprior.models.common.calls import check_choice
    >>> try:
    ...     check_choice("missing", "keep", ("drop", "raise"))
    ... except ValueError as error:
    ...     print(error)
    missing must be "drop" or "raise", not 'keep'
    """
    if not isinstance(value, str) or value not in choices:
        *others, last = (f'"{choice}"' for choice in choices)
        either = f"{', '.join(others)} or {last}" if others else last
        raise InputError(f"{name} must be {either}, not {in_short(value)}")


def check_flag(name: str, value: object) -> bool:
    """Return a truth value, or raise a `TypeError`: "no" would be true.

    Examples
    --------
    >>> from flatprior.models.common.calls import check_flag
    >>> try:
    ...     check_flag("intercept", "no")
    ... except TypeError as error:
    ...     print(error)
    intercept must be True or False, not 'no'
    """
    if not isinstance(value, bool | np.bool_):
        raise InputTypeError(f"{name} must be True or False, not {in_short(value)}")
    return bool(value)


def check_whole(name: str, value: Any, least: int, most: int = 2**31 - 1) -> int:
    """Return a whole number, or raise a `ValueError` unless it is from `least` to `most`.

    Examples
    --------
    >>> from flatprior.models.common.calls import check_whole
    >>> try:
    ...     check_whole("draws", 2.5, least=10)
    ... except ValueError as error:
    ...     print(error)
    draws must be a whole number of at least 10, not 2.5
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(
            f"{name} must be a whole number of at least {least}, not {in_short(value)}"
        )
    if value > most:
        raise InputError(f"{name} must be {most} at most, not {in_short(value)}")
    return int(value)


def check_seed(seed: Any) -> int | None:
    """Return a seed, or raise a `ValueError` unless it is a whole number, or None."""
    return None if seed is None else check_whole("seed", seed, 0, 2**128)


def check_sequence(name: str, value: Any, what: str) -> tuple[Any, ...]:
    """Return what is in a list or the like, or raise a `TypeError` for text and lone things."""
    if isinstance(value, str | bytes | set | frozenset) or not isinstance(value, Iterable):
        raise InputTypeError(f"{name} must be a list of {what}, not {in_short(value)}")
    return tuple(value)


def check_positive(name: str, value: Any) -> float:
    """Return the number, or raise a `ValueError` unless it is above 0."""
    if not isinstance(value, numbers.Real) or not float(value) > 0:
        raise InputError(f"{name} must be positive, not {in_short(value)}")
    return float(value)


def require_kind(thing: object, kind: type, what: str, by: str) -> None:
    """Refuse what is not of the kind that is wanted, and say what makes one.

    Examples
    --------
    >>> from flatprior.models import PointEstimate
    >>> from flatprior.models.common.calls import require_kind
    >>> try:
    ...     require_kind({"x": 1.0}, PointEstimate, "the estimate", "fit_newton(model)")
    ... except TypeError as error:
    ...     print(error)
    the estimate must be a PointEstimate, such as fit_newton(model) gives, not a dict
    """
    if not isinstance(thing, kind):
        raise InputTypeError(
            f"{what} must be {_with_article(kind)}, such as {by} gives, not {a_or_an(thing)}"
        )


def require_likelihood(model: object, what: str) -> None:
    """Raise a `ValueError` for a model with sampling weights."""
    if getattr(model, "sampling", None) is not None:
        raise NeedsLikelihoodError(f"{what} {NO_LIKELIHOOD}")


@overload
def model_first(function: Callable[P, R]) -> Callable[P, R]: ...
@overload
def model_first(*, sampling_weights: bool = ...) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def model_first(
    function: Callable[..., Any] | None = None, *, sampling_weights: bool = False
) -> Any:
    """Make a function of a model public: it minds no error state, and takes nothing else first.

    It runs in NumPy's default error state (`own_error_state`), and refuses a call whose first
    argument, a model or models, is something else. A model is told by what it offers, since
    `BernoulliLogistic` is of a higher floor.

    What is right with `sampling_weights` says so; all else refuses a model that has them.

    Examples
    --------
    >>> from flatprior.analysis import summarise
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa", load_spector()))
    >>> try:
    ...     summarise(fit)
    ... except TypeError as error:
    ...     print(error)
    summarise takes a BernoulliLogistic first, not a PointEstimate: summarise(model, fit)
    """
    if function is None:
        return functools.partial(model_first, sampling_weights=sampling_weights)
    parameters = list(inspect.signature(function).parameters.values())
    first = parameters[0].name
    needed = [
        ("*" if each.kind is each.VAR_POSITIONAL else "") + each.name
        for each in parameters[:3]
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.VAR_POSITIONAL)
        and (each.default is each.empty or each.name in ("fit", "posterior"))
    ]

    @own_error_state
    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if args or first in kwargs:
            given = args[0] if args else kwargs[first]
            several = first == "models"
            # one model in place of several by name is refused too
            lone = several and not isinstance(given, Mapping)
            for one in given.values() if several and isinstance(given, Mapping) else (given,):
                if lone or not hasattr(one, "rows") or not hasattr(one, "n_observations"):
                    raise InputTypeError(
                        f"{function.__name__} takes "
                        + (
                            "models by name, such as {'a': model}"
                            if several
                            else "a BernoulliLogistic first"
                        )
                        + f", not {a_or_an(one)}: "
                        f"{function.__name__}({', '.join(needed)})"
                    )
                if not sampling_weights:
                    require_likelihood(one, function.__name__)
        return function(*args, **kwargs)

    checked.takes_sampling_weights = sampling_weights  # type: ignore[attr-defined]
    return checked
