"""Coefficients by other names: the intercept's, and those of categories with other references."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models import BernoulliLogistic
from flatprior.models._text import printable
from flatprior.models.rows import Array

INTERCEPTS = ("const", "Intercept", "(Intercept)", "intercept", "_cons", "(intercept)")
MOST_CODINGS = 1000


def named(
    values: Mapping[str, float] | ArrayLike, names: tuple[str, ...], what: str
) -> dict[str, float]:
    """Finite numbers by name."""
    if isinstance(values, Mapping | pd.Series):
        pairs: dict[str, Any] = {str(name): value for name, value in values.items()}
    else:
        array = np.asarray(values, dtype=float)
        if array.shape != (len(names),):
            raise ValueError(
                f"{what} have shape {array.shape}; the model has {len(names)}: "
                f"{', '.join(map(printable, names))}"
            )
        pairs = dict(zip(names, array.tolist(), strict=True))
    found = {}
    for name, value in pairs.items():
        number = isinstance(value, (int, float, np.integer, np.floating))
        if not number or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{what}: {printable(name)!r} is {value!r}, not a finite number")
        found[name] = float(value)
    return found


def in_order(given: Mapping[str, float], names: tuple[str, ...]) -> Array:
    """The numbers in the order of the model, the intercept under any of its names."""
    known = with_our_intercept(given, names)
    return np.array([known.get(name, math.nan) for name in names])


def with_our_intercept(given: Mapping[str, float], names: tuple[str, ...]) -> dict[str, float]:
    """The numbers by name, the intercept under the model's name for it."""
    ours = [name for name in names if name in INTERCEPTS]
    theirs = [name for name in given if name in INTERCEPTS and name not in names]
    found = dict(given)
    if len(ours) == 1 and len(theirs) == 1 and ours[0] not in found:
        found[ours[0]] = found.pop(theirs[0])
    return found


@dataclass(frozen=True)
class Category:
    """Indicator columns of one category, one for each level but the reference."""

    name: str
    reference: str
    levels: tuple[str, ...]  # all, in their order
    columns: dict[str, int]  # level to column

    def recoded(self, mle: Array, reference: str) -> tuple[dict[str, float], float]:
        """Coefficients by level as differences from `reference`, and what the intercept gains."""
        value = {level: float(mle[j]) for level, j in self.columns.items()} | {self.reference: 0.0}
        gain = value[reference]
        return {level: value[level] - gain for level in self.levels if level != reference}, gain


def categories_of(model: BernoulliLogistic) -> list[Category]:
    """The categories of the model that enter as indicators and nowhere else."""
    if model.encoding is None:
        return _indicator_groups(model)
    found = []
    for key, levels in model.encoding.levels.items():
        name = model.encoding.parsed.generated[key]
        reference = model.reference_levels.get(name)
        columns = {
            str(level): j
            for level in levels
            for j, column in enumerate(model.names)
            if column in (f"{name}[T.{level}]", f"C({name})[T.{level}]")
        }
        elsewhere = [
            column
            for j, column in enumerate(model.names)
            if j not in columns.values() and (f"{name}[" in column or f"C({name})" in column)
        ]
        if reference is not None and len(columns) == len(levels) - 1 and not elsewhere:
            found.append(Category(name, reference, tuple(map(str, levels)), columns))
    return found


def _indicator_groups(model: BernoulliLogistic) -> list[Category]:
    """Indicator columns that never meet in a row and share the beginning of their names."""
    design = model.design
    groups: dict[str, list[int]] = {}
    for j, name in enumerate(model.names):
        values = np.unique(design[:, j])
        if len(values) == 2 and values[0] == 0 and values[1] == 1:
            groups.setdefault(_stem(name), []).append(j)
    found = []
    for stem, columns in groups.items():
        total = design[:, columns].sum(axis=1)
        if stem and total.max() == 1 and total.min() == 0:
            levels = {model.names[j][len(stem) :]: j for j in columns}
            found.append(Category(stem, "", ("", *levels), levels))
    return found


def _stem(name: str) -> str:
    """What stands before the level in the name of an indicator: "race_" of "race_black"."""
    for mark in ("[T.", "[", "_", ".", ":"):
        if mark in name[1:]:
            return name[: name.rindex(mark) + len(mark)]
    return ""


def recodings(model: BernoulliLogistic, mle: Array) -> Iterator[tuple[str, Array]]:
    """The MLE with other reference levels, its coefficients in the order of their levels."""
    categories = categories_of(model)
    constant = [j for j in range(len(mle)) if np.ptp(model.design[:, j]) == 0]
    if not categories or not constant or model.design[0, constant[0]] != 1:
        return
    choices = itertools.product(*(category.levels for category in categories))
    for chosen in itertools.islice(choices, MOST_CODINGS):
        expected, said = mle.copy(), []
        for category, reference in zip(categories, chosen, strict=True):
            if reference == category.reference:
                continue
            values, gain = category.recoded(mle, reference)
            expected[sorted(category.columns.values())] = list(values.values())
            expected[constant[0]] += gain
            said.append(
                f"differences from level {printable(reference)!r} of "
                f"{printable(category.name)!r}"
                + (f" in place of {printable(category.reference)!r}" if category.reference else "")
            )
        if said:
            yield (
                f"coefficients are {', '.join(said)}; the fitted probabilities are the same",
                expected,
            )


def by_name(
    model: BernoulliLogistic,
    mle: Array,
    categories: list[Category],
    chosen: tuple[str, ...],
    known: Mapping[str, float],
) -> tuple[dict[str, float] | None, float, list[str]]:
    """The MLE under other reference levels, by the names that are given; None if they differ."""
    taken = {j for category in categories for j in category.columns.values()}
    expected = {name: float(mle[j]) for j, name in enumerate(model.names) if j not in taken}
    left = [name for name in known if name not in expected]
    gained, said = 0.0, []
    for category, reference in zip(categories, chosen, strict=True):
        values, gain = category.recoded(mle, reference)
        gained += gain
        if reference != category.reference:
            said.append(f"level {printable(reference)!r} of {printable(category.name)!r}")
        for level, value in sorted(values.items(), key=lambda pair: not pair[0]):  # "" last
            match = next((name for name in left if _names_level(name, category, level)), None)
            if match is None:
                return None, 0.0, []
            left.remove(match)
            expected[match] = value
    return (None if left else expected), gained, said


def _names_level(name: str, category: Category, level: str) -> bool:
    """Whether a program would call the indicator of this level so."""
    if not level:  # the level that the columns of the model leave out has no name there
        return name.startswith(category.name)
    of = category.name
    return name in (f"{of}[T.{level}]", f"C({of})[T.{level}]", f"{of}{level}", f"{of}_{level}")
