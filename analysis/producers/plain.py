"""Coefficients alone: a mapping, a Series, an array; and flatprior's own estimates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, first_of, names_in, printable, shorten
from flatprior.models.results import versions_of

PLAIN = "stated coefficients"  # the producer of numbers alone
LARGEST = 1e100  # a coefficient beyond it is no number that a program has found


def read(coefficients: Any, model: BernoulliLogistic) -> TheirFit:
    """Numbers by name, or in the order of the model's coefficients."""
    found = named(coefficients, in_all(model, coefficients), "coefficients", finite=False)
    return TheirFit(producer=PLAIN, coefficients=found)


def in_all(model: BernoulliLogistic, values: Any) -> tuple[str, ...]:
    """The names of numbers without names: the model's, or those of all columns if there are many.

    Of columns that were left out, as combinations of others, programs have a number or NA.
    """
    beside = model.aliased
    if beside is None or not isinstance(values, list | tuple | np.ndarray):
        return model.names
    return beside.columns if len(np.atleast_1d(values)) == len(beside.columns) else model.names


def named(
    values: Any, names: tuple[str, ...], what: str, *, finite: bool = True
) -> dict[str, float]:
    """Numbers by name, or in the order of `names`, the model's.

    Raises
    ------
    ValueError
        If they are not one number each, finite ones where that is asked for, or lack a name.

    Examples
    --------
    >>> from flatprior.analysis.producers.plain import named
    >>> named([1, 2.5], ("Intercept", "x"), "coefficients")
    {'Intercept': 1.0, 'x': 2.5}
    """
    if isinstance(values, pd.Series) and not values.index.is_unique:
        raise InputError(f"the index of the {what} names some of them twice")
    if isinstance(values, Mapping | pd.Series):
        pairs = _by_name(values, names, what)
    else:
        listed = list(values) if isinstance(values, list | tuple | np.ndarray) else None
        if listed is None or any(isinstance(value, list | tuple | np.ndarray) for value in listed):
            shape = np.shape(values) if isinstance(values, np.ndarray) else ()
            said = f", not an array of the shape {shape}" if shape else ""
            raise InputError(f"{what} must be numbers by name, or a list of numbers{said}")
        if len(listed) != len(names):
            raise InputError(
                f"there are {len(listed)} {what}; the model has {len(names)}: "
                f"{names_in(SCREEN, names)}"
            )
        pairs = dict(zip(names, listed, strict=True))
    return {name: _number(value, name, what, finite) for name, value in pairs.items()}


def _by_name(values: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    """Each by its name, which has something to be seen, or is one of the model's."""
    found: dict[str, Any] = {}
    for i, (key, value) in enumerate(values.items(), 1):
        name = "" if pd.isna(key) else str(key)
        if not printable(name) and name not in names:
            raise InputError(
                f"number {i} of the {what} has no name; name each as the model does: "
                f"{first_of(map(printable, names))}"
            )
        if name in found:
            raise InputError(f"{what}: {shorten(printable(name), 40)} is there twice")
        found[name] = value
    return found


def _number(value: Any, name: str, what: str, finite: bool) -> float:
    """As a float; of single precision too, which knows no number as large as the limit."""
    if not isinstance(value, str | bytes | bool | np.bool_) and np.ndim(value) == 0:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = None
        if number is not None and (not finite or abs(number) < LARGEST):
            return number
    raise InputError(
        f"{what}: {shorten(printable(name), 40)} is {repr(value)[:40]}, not a "
        f"{'finite ' if finite else ''}number; give one for each coefficient"
    )


def read_estimate(fit: PointEstimate) -> TheirFit:
    """Our own, with its standard errors and criteria as it states them."""
    stated = [
        Stated(term=name, quantity=quantity, value=float(value))
        for quantity, values in (
            ("standard error", fit.standard_errors),
            ("p", fit.pvalues),
        )
        for name, value in zip(fit.names, values, strict=True)
    ]
    stated += [
        Stated(term="", quantity="log-likelihood", value=fit.log_likelihood),
        Stated(term="", quantity="AIC", value=fit.aic),
        Stated(term="", quantity="BIC", value=fit.bic),
        Stated(term="", quantity="n", value=float(fit.nobs)),
    ]
    return TheirFit(
        producer=f"flatprior, route {fit.route}",
        version=versions_of()["flatprior"],
        coefficients=dict(zip(fit.names, fit.coefficients.tolist(), strict=True)),
        covariance=fit.covariance,
        stated=tuple(stated),
        settings=Settings(converged=fit.converged, method=fit.route),
        cure={"": "fit_newton(model)"},
    )
