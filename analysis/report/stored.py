"""What the tests of draws found, in full as plain values, and back.

A report holds no draws. With all that was measured on them in it, everything that was concluded can
be concluded again.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from flatprior.models import Certificate, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.results import Provenance


def plain(value: Any, left_out: tuple[str, ...] = ()) -> Any:
    """Dataclasses, arrays and numbers as JSON has them; what is not finite as text."""
    if isinstance(value, PointEstimate):
        return plain(value.coefficients)
    if dataclasses.is_dataclass(value):
        return {
            each.name: plain(getattr(value, each.name), left_out)
            for each in dataclasses.fields(value)
            if each.name not in left_out
        }
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each, left_out) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def rebuilt(kind: type[Any], part: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """A dataclass from what `plain` made of it; of any depth, what is `known` comes from there.

    Raises
    ------
    ValueError
        If the values are not of their types.
    """
    hints = typing.get_type_hints(kind)
    values = {
        each.name: known[each.name]
        if each.name in known
        else _value(each.name, hints[each.name], part[each.name], known)
        for each in dataclasses.fields(kind)
    }
    return kind(**values)


def _value(name: str, hint: Any, value: Any, known: Mapping[str, Any]) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType or origin is typing.Union:
        if value is None:
            return None
        (hint,) = (each for each in inner if each is not type(None))
        return _value(name, hint, value, known)
    if hint is PointEstimate:
        return _mode(_array(name, value), known["names"])
    if dataclasses.is_dataclass(hint):
        return rebuilt(cast(type[Any], hint), value, known)
    if hint is float:
        return float(_array(name, [value])[0])
    if hint == Array or origin is np.ndarray:
        return _array(name, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(name, inner[0], each, known) for each in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {str(key): _value(name, inner[1], each, known) for key, each in value.items()}
    if (hint in (int, str, bool) and type(value) is hint) or value in inner:
        return value
    raise InputError(f"{name} of the tests of draws is damaged")


def _array(name: str, value: Any) -> Array:
    def checked(part: Any) -> Any:
        if isinstance(part, list):
            return [checked(each) for each in part]
        if part in ("inf", "-inf", "nan"):
            return float(part)
        if isinstance(part, bool) or not isinstance(part, int | float):
            raise InputError(f"{name} of the tests of draws is damaged")
        return part

    return np.array(checked(value), dtype=float)


def _mode(beta: Array, names: tuple[str, ...]) -> PointEstimate:
    k = len(names)
    if beta.shape != (k,):
        raise InputError("the mode of the draws is damaged")
    return PointEstimate(
        route="draws",
        names=names,
        coefficients=beta,
        covariance=np.full((k, k), np.nan),
        log_likelihood=math.nan,
        certificate=Certificate.refused(k),
        converged=True,
        message="",
        n_iterations=0,
        seconds=math.nan,
        provenance=Provenance(formula=None, n_observations=1, data_hash=""),
    )
