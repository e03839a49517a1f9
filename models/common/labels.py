"""Coefficients that come in, paired with the names of a model: labels are never ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import check_text, first_of, printable

# what programs call the coefficient of the column of ones
INTERCEPTS = ("const", "Intercept", "(Intercept)", "intercept", "_cons", "(intercept)")
Labelled = ArrayLike | pd.Series | pd.DataFrame | Mapping[str, float]


def in_order(names: Sequence[str], coefficients: Labelled) -> Array:
    """Coefficients (k,) or (d, k) as floats in the order of `names`.

    Labels of a Series or of an array of xarray, the keys of a mapping and the columns of a data
    frame are paired by name, in whatever order they are; what has no labels, or only those that
    pandas or PyMC count out, by position.

    Raises
    ------
    ValueError
        If a name is missing, unknown or there twice, or the values are no real numbers.
    """
    if hasattr(coefficients, "coefficients") and hasattr(coefficients, "names"):
        raise InputTypeError(
            f"coefficients must be numbers, not {a_or_an(coefficients)}: pass its .coefficients, "
            "or judge it by verify(model, fit)"
        )
    if isinstance(coefficients, Mapping):
        for name in coefficients:
            check_text(name, "of the coefficients the name")
        coefficients = pd.Series(dict(coefficients), dtype=object).infer_objects()
    labels = None
    if isinstance(coefficients, pd.Series):
        labels = coefficients.index
    elif isinstance(coefficients, pd.DataFrame):
        labels = coefficients.columns
    else:
        labels = coordinates_of(coefficients)
    values = _real(coefficients)
    if labels is None or counted(labels):
        return values
    found = [label if isinstance(label, str) else str(label) for label in labels]
    twice = sorted({name for name in found if found.count(name) > 1})
    missing = [name for name in names if name not in found]
    unknown = [name for name in found if name not in names]
    for what, which in (("there twice", twice), ("missing", missing), ("unknown", unknown)):
        if which:
            raise InputError(
                f"of the coefficients {first_of(map(printable, which))} "
                f"{'is' if len(which) == 1 else 'are'} {what}; the model has "
                f"{first_of(map(printable, names))}"
            )
    return values[..., [found.index(name) for name in names]]


def coordinates_of(coefficients: Any) -> pd.Index | None:
    """The coordinates of the last dimension of an array of xarray, such as ArviZ makes."""
    dimensions, coordinates = (getattr(coefficients, name, None) for name in ("dims", "coords"))
    if not dimensions or coordinates is None or dimensions[-1] not in coordinates:
        return None
    labels = pd.Index(coordinates[dimensions[-1]].values)
    numbered = pd.RangeIndex(len(labels))  # by PyMC, for want of names
    return numbered if labels.equals(numbered) else labels


def counted(labels: pd.Index) -> bool:
    """Whether pandas has numbered them itself, for want of names."""
    return isinstance(labels, pd.RangeIndex) and labels.start == 0 and labels.step == 1


def _real(values: object) -> Array:
    try:
        plain = np.asarray(values)
    except (TypeError, ValueError) as error:  # ragged lists
        raise InputError("coefficients must be one real number each") from error
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        raise InputError("coefficients must be one real number each; some are masked")
    if plain.dtype == object:  # numbers of Python of any size, or anything else
        flat = plain.ravel().tolist()
        for each in flat:
            if isinstance(each, bool | np.bool_ | str | bytes | complex):
                kind = type(each).__name__
                raise InputError(f"coefficients must be real numbers; there is a {kind} among them")
        try:
            return plain.astype(float)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"coefficients must be real numbers: {error}") from error
    if plain.dtype.kind not in "iuf":
        raise InputError(f"coefficients must be real numbers, not {plain.dtype}")
    return plain.astype(float)
