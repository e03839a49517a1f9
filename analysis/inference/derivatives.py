"""The design of rows in which one variable is another, and its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from flatprior.analysis.inference.averages import (
    Change,
    Elsewhere,
    Level,
    SameSlope,
    Slope,
    with_constant,
)
from flatprior.analysis.inference.new_rows import are_unknown, encoded
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import level_in_words, rows_phrase
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.encoding.columns.checks import column
from flatprior.models.encoding.columns.kinds import numbers

STEP = 1e-3  # of the range of a variable, or of a value: where rounding and curvature are alike
SMALLER_STEPS = 9
GOOD_ENOUGH = 1e-9
LARGEST_ERROR = 1e-5  # of a derivative, relative; about 1e-11 is usual


def everywhere(
    model: BernoulliLogistic, frame: pd.DataFrame, name: str, level: object
) -> Array | Structured:
    """The design with one level of a category in every row."""
    values = pd.Series([level] * len(frame), index=frame.index, name=name)
    return encoded(model, replaced(frame, name, values))


def with_level(
    design: Array | Structured, elsewhere: Array | Structured, level: object
) -> Structured | None:
    """The design of rows `elsewhere`, where a category has one level, with another of its levels.

    None where what the category changes is not one factor of its own, as the rows of `design` show.
    """
    if not (isinstance(design, Structured) and isinstance(elsewhere, Structured)):
        return None
    pairs = list(zip(design.factors, elsewhere.factors, strict=True))
    changed = [i for i, (a, b) in enumerate(pairs) if not np.array_equal(a.codes, b.codes)]
    alike = design.sparse is None and np.array_equal(design.numbers, elsewhere.numbers)
    if not alike or len(changed) != 1 or len(design.factors[changed[0]].levels) != 1:
        return None
    factor = elsewhere.factors[changed[0]]
    code = [str(each) for each in factor.levels[0]].index(str(level))
    codes = np.broadcast_to(np.int32(code), len(factor.codes))
    factors = list(elsewhere.factors)
    factors[changed[0]] = replace(factor, codes=codes)
    return replace(elsewhere, factors=tuple(factors))


def changes_of_levels(
    model: BernoulliLogistic,
    frame: pd.DataFrame,
    own: Array | Structured,
    name: str,
    levels: Sequence[Any],
) -> tuple[Array | Structured, dict[str, Change]]:
    """The design with the reference level of a variable in every row, and what others change.

    `own` is the design of the rows of the data frame as they are.
    """
    encoding = model.encoding
    assert encoding is not None  # noqa: S101
    base = encoding.reference_levels.get(name, str(levels[0]))
    reference = next(i for i, level in enumerate(levels) if str(level) == base)
    told = [level_in_words(level, " - ", ": ") for level in levels]
    titles = {
        i: f"{name}: {level} - {told[reference]}" for i, level in enumerate(told) if i != reference
    }
    if model.aliased is None and encoding.parsed.stands_alone(name):
        few = frame.iloc[np.zeros(len(levels), dtype=np.intp)]
        each = encoded(model, replaced(few, name, pd.Series(list(levels), index=few.index)))
        design = with_constant(own, each, reference)
        if design is not None:
            return design, {title: Level(each, i, reference) for i, title in titles.items()}
    elsewhere = everywhere(model, frame, name, levels[reference])
    changes: dict[str, Change] = {}
    for i, title in titles.items():
        design = with_level(own, elsewhere, levels[i])
        changes[title] = Elsewhere(
            everywhere(model, frame, name, levels[i]) if design is None else design
        )
    return elsewhere, changes


def replaced(frame: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
    """The rows with other values of one variable."""
    changed = frame.copy(deep=False)
    changed[name] = values
    return changed


def slope_of(model: BernoulliLogistic, frame: pd.DataFrame, name: str) -> Slope | SameSlope:
    """Derivative of the design with respect to a number, and a `ValueError` without one.

    Where the formula takes the number as it is, it is exact: the design with a 1 less that with a
    0. Indicators of factors that are held as codes do not change with a number.
    """
    encoding = model.encoding
    if encoding is not None and model.aliased is None and encoding.parsed.is_linear(name):
        alone = encoding.parsed.stands_alone(name)
        some = frame.iloc[:1] if alone else frame
        one, none = (
            encoded(model, replaced(some, name, np.full(len(some), value))) for value in (1.0, 0.0)
        )
        matrix = _less(one, none)
        return SameSlope(np.asarray(matrix)[0]) if alone else Slope(matrix)
    design = encoded(model, frame)
    if not isinstance(design, Structured) or design.sparse is not None:
        return Slope(_slope(model, frame, name, model.design_matrix))
    slope = _slope(model, frame, name, lambda some: cast(Any, encoded(model, some)).numbers)
    return Slope(replace(design, numbers=slope, factors=tuple(map(_nowhere, design.factors))))


def _less(one: Array | Structured, two: Array | Structured) -> Array | Structured:
    """The difference of two designs whose factors are the same."""
    if not (isinstance(one, Structured) and isinstance(two, Structured)):
        return np.asarray(np.asarray(one) - np.asarray(two))
    sparse: Any = one.sparse
    return replace(
        one,
        numbers=one.numbers - two.numbers,
        factors=tuple(map(_nowhere, one.factors)),
        sparse=None if sparse is None else sparse - two.sparse,
        contrasted=(),
    )


def _nowhere(factor: Factor) -> Factor:
    """The factor with every indicator 0."""
    codes = np.full(len(factor.codes), factor.n_levels, dtype=np.int32)
    return Factor(codes, np.append(factor.columns, -1))


def _slope(
    model: BernoulliLogistic,
    frame: pd.DataFrame,
    name: str,
    design_of: Callable[[pd.DataFrame], Array],
) -> Array:
    """Derivative (m, d) of the design with respect to a number, and a `ValueError` without one.

    Five points about each value, of which a polynomial of degree 4 is differentiated. Steps are
    relative to the range of the values, ever smaller, and to each value; each entry is taken from
    where two steps, one half of the other, agree best. NaN where the data say nothing of it,
    because the number does not change on its own in them.
    """
    values = numbers(column(frame, name))
    slope = np.full(design_of(frame).shape, math.nan)
    doubt = np.full(slope.shape, math.inf)
    spread = float(np.ptp(values)) or 1.0
    if model.aliased is not None:
        middle = values.min() / 2 + values.max() / 2
        inwards = np.where(values > middle, -1, 1) * STEP * spread
        if are_unknown(design_of(replaced(frame, name, values + inwards))).any():
            return slope
    scales = [np.full(len(values), spread), np.abs(values)]
    scales += [np.full(len(values), spread * 10.0**-j) for j in range(1, SMALLER_STEPS)]
    for scale in scales:
        # all points within the data: beyond them may be a pole, or nothing
        for ends in ((values.min(), values.max()), (-math.inf, math.inf)):
            if ends[0] == ends[1]:
                continue
            try:
                found = [
                    _five_points(design_of, frame, name, values, STEP * scale * half, ends)
                    for half in (1.0, 0.5)
                ]
            except ValueError:
                continue
            error = np.abs(found[1].slope - found[0].slope) + found[1].rounding
            with np.errstate(divide="ignore", invalid="ignore"):
                relative = np.where(error == 0, 0.0, error / np.abs(found[1].slope))
            better = relative < doubt  # not where a step is 0
            slope[better], doubt[better] = found[1].slope[better], relative[better]
            break
        if (doubt <= GOOD_ENOUGH).all():
            break
    size = np.abs(np.where(np.isfinite(slope), slope, 0.0))
    with np.errstate(invalid="ignore"):
        error = np.where(doubt == 0, 0.0, doubt * size)
        most = LARGEST_ERROR * np.maximum(size, 1e-3 * size.max(axis=0))
        bad = ~((error <= most) & np.isfinite(slope)).all(axis=1)
    if bad.any():
        raise InputError(
            "the formula has no derivative, or none that can be computed, with respect to "
            f"{name!r} in {rows_phrase(frame.index[bad])}; leave these rows out"
        )
    return slope


class _Points(NamedTuple):
    """A derivative from five points; each (m, k)."""

    slope: Array
    rounding: Array  # bound on what rounding does to it


def _five_points(
    design_of: Callable[[pd.DataFrame], Array],
    frame: pd.DataFrame,
    name: str,
    values: Array,
    step: Array,
    ends: tuple[float, float],
) -> _Points:
    # shifted inwards where the outermost points would lie beyond the ends
    first = np.clip(values - 2 * step, ends[0], np.maximum(ends[1] - 4 * step, ends[0]))
    places = [np.clip(first + j * step, *ends) for j in range(5)]
    designs = np.array([design_of(replaced(frame, name, place)) for place in places])
    safe = np.where(step > 0, step, 1.0)
    distance = np.array([(place - values) / safe for place in places]).T  # as rounded, (m, 5)
    powers = distance[:, None, :] ** np.arange(5)[:, None]
    unit = np.zeros((len(values), 5, 1))
    unit[:, 1] = 1.0
    known = step > 0
    weights = np.zeros((len(values), 5))
    weights[known] = np.linalg.solve(powers[known], unit[known])[..., 0]
    slope = np.einsum("mj,jmk->mk", weights, designs) / safe[:, None]
    size = np.einsum("mj,jmk->mk", np.abs(weights), np.abs(designs))
    rounding = 4 * EPSILON * size / safe[:, None]
    rounding[~known] = math.inf
    still = known[:, None] & (designs == designs[0]).all(axis=0)
    for part in (slope, rounding):
        part[still] = 0.0  # the column does not depend on the variable
    return _Points(slope, rounding)
