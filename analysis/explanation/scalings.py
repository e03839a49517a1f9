"""Predictors that were scaled or centred: the same fitted probabilities, other coefficients."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from flatprior.analysis.explanation.discrepancy import EXACT, Cause, Discrepancy
from flatprior.analysis.stated_precision import half_units
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import FlatpriorError
from flatprior.models.common.text import first_of, printable
from flatprior.models.designs.coded import Structured
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, Block, as_held

SLIPS = (10.0, 0.1, 2.0, 0.5)  # factors that a misplaced decimal or a mistyped digit has too

UNITS = (
    *(10.0**power for power in range(-9, 10) if power),
    *(
        unit**way
        for unit in (12, 7, 24, 60, 365.25, 2.54, 0.45359237, 1.609344, 2)
        for way in (1, -1)
    ),
)

# what scikit-learn's StandardScaler and MinMaxScaler do
SCALERS = ("divided by their standard deviations and centred", "scaled to the range from 0 to 1")

CURE = (
    "fit the columns as they are, or put the scaler and the fit into one pipeline and take the "
    "coefficients back: each slope divided by the scale of its column, the intercept less the sum "
    "of these slopes times what was subtracted"
)
CURE_OF_UNITS = "give both programs the columns in the same units, or multiply the slope back"


class Reading(NamedTuple):
    """Another way in which the columns may have been scaled: ``matrix @ b`` is in the model's."""

    text: str
    matrix: Array
    scale: Array  # of each column


def readings(case: Discrepancy, some: bool = False) -> Iterator[Reading]:
    """The usual scalings, of all predictors, or of `some` of them that it brings nearer the MLE."""
    model, intercept, k = case.model, case.intercept, len(case.b)
    center, deviation = location(model)
    n = model.n_observations
    low, high = ranges(model)
    sample = deviation * math.sqrt(n / (n - 1)) if n > 1 else deviation
    largest, zero = np.maximum(-low, high), np.zeros(k)
    for text, scale, origin in (
        ("divided by their standard deviations and centred", deviation, center),
        ("divided by their standard deviations (ddof 1) and centred", sample, center),
        ("divided by two standard deviations and centred", 2 * sample, center),
        ("scaled to the range from 0 to 1", high - low, low),
        ("divided by their standard deviations", deviation, zero),
        ("divided by their standard deviations (ddof 1)", sample, zero),
        ("divided by their ranges", high - low, zero),
        ("divided by their largest values", largest, zero),
        ("centred", np.ones(k), center),
    ):
        if intercept is None and origin.any():
            continue
        scaled = [j for j in case.slopes if scale[j] > 0 and (scale[j] != 1 or origin[j] != 0)]
        if some:
            mle, b = case.mle.coefficients, case.b
            scaled = [j for j in scaled if abs(b[j] / scale[j] - mle[j]) <= abs(b[j] - mle[j])]
            if text == "centred":
                continue
        if not scaled:
            continue
        matrix, factor = np.eye(k), np.ones(k)
        factor[scaled] = scale[scaled]
        matrix[scaled, scaled] = 1 / scale[scaled]
        if intercept is not None:
            matrix[intercept, scaled] = -origin[scaled] / scale[scaled]
        which = "" if len(scaled) == len(case.slopes) else _names_of(model, scaled)
        yield Reading(f"the predictors{which} were {text}", matrix, factor)


def scaled_columns(case: Discrepancy, reading: Reading) -> Discrepancy | None:
    """The same numbers as coefficients of columns that were scaled so."""
    model = case.model
    if not isinstance(model.rows, ArrayRows) or isinstance(model.rows.design, Structured):
        # scaled columns would have to be written out: penalties on them, in the model's columns
        found = Discrepancy.at(model, case.fit, case.b, reading.matrix)
        return replace(found, solved=case.solved, scaling=reading.matrix)
    frame = pd.DataFrame(model.design @ reading.matrix, columns=list(model.names))
    try:
        scaled = BernoulliLogistic.from_arrays(
            frame,
            model.response,
            offset=model.offset,
            frequency_weights=model.frequency_weights,
        )
        found = Discrepancy.at(scaled, converged_mle(scaled), case.b)
        solved: dict[object, Array | None] = {
            problem: None
            if solution is None
            else np.asarray(np.linalg.solve(reading.matrix, solution), dtype=float)
            for problem, solution in case.solved.items()
        }
        return replace(found, solved=solved)
    except FlatpriorError:  # columns that are nearly dependent when they are scaled
        return None


def location(model: BernoulliLogistic) -> tuple[Array, Array]:
    """Mean and standard deviation (ddof 0) of each column."""
    found = _columns(model)
    center = found.sums / found.size
    variance = found.squares / found.size - np.square(center)
    variance[found.low == found.high] = 0.0
    return found.about + center, np.sqrt(np.maximum(variance, 0.0))


def ranges(model: BernoulliLogistic) -> tuple[Array, Array]:
    """The smallest and the largest number of each column, (k,) and (k,)."""
    found = _columns(model)
    return found.low, found.high


class _Columns(NamedTuple):
    """Of some rows, which count, the columns less `about`: sums (k,), squares; and their ends."""

    about: Array
    size: float
    sums: Array
    squares: Array
    low: Array
    high: Array

    def __add__(self, other: Any) -> _Columns:
        return _Columns(
            self.about,
            self.size + other.size,
            self.sums + other.sums,
            self.squares + other.squares,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def _columns(model: BernoulliLogistic) -> _Columns:
    """All rows in one pass, about the mean of those at hand: hardly a digit cancels."""
    some = model.rows if isinstance(model.rows, ArrayRows) else model.rows.drawn
    first = as_held(some).reduce(partial(_of_columns, about=np.zeros(model.n_parameters)))
    about = first.sums / first.size
    return kept(
        model.rows,
        "location of columns",
        lambda: as_held(model.rows).reduce(partial(_of_columns, about=about)),
    )


def _of_columns(block: Block, about: Array) -> _Columns:
    design, counts = cast(Any, block.design), block.counts
    if isinstance(design, Structured):  # what is mostly 0 stays so
        own, about = about[design.places], np.zeros(len(about))
        about[design.places] = own
        moved: Any = replace(design, numbers=design.numbers - own)
        squares: Any = moved.squares()
    else:
        moved = design - about
        squares = np.square(moved)
    low, high = _ends(design)
    return _Columns(about, float(counts.sum()), counts @ moved, counts @ squares, low, high)


def _ends(design: Array | Structured) -> tuple[Array, Array]:
    if not isinstance(design, Structured):
        return design.min(axis=0).astype(float), design.max(axis=0).astype(float)
    low, high = np.zeros(design.shape[1]), np.zeros(design.shape[1])
    low[design.places], high[design.places] = design.numbers.min(axis=0), design.numbers.max(axis=0)
    for factor in design.factors:
        rows, there = np.bincount(factor.codes, minlength=factor.n_levels), factor.columns >= 0
        high[factor.columns[there]] = rows[there] > 0
        low[factor.columns[there]] = rows[there] == len(factor.codes)
    if design.sparse is not None:
        low[design.sparse_places] = design.sparse.min(axis=0).toarray().ravel()
        high[design.sparse_places] = design.sparse.max(axis=0).toarray().ravel()
    return low, high


def rescaled(case: Discrepancy) -> Iterator[Cause]:
    """The same fitted probabilities, from columns that were scaled or centred."""
    found = [*((reading, 1.0) for reading in readings(case))]
    found += [(reading, 2.0 ** len(case.slopes)) for reading in readings(case, some=True)]
    for reading, ways in found:
        detail = f"{reading.text}; the fitted probabilities are the same"
        yield case.recoding(
            "predictors rescaled", detail, reading.matrix, len(found) * ways, cure=CURE
        )
    yield from _other_units(case)


def _names_of(model: BernoulliLogistic, columns: list[int]) -> str:
    return f" {first_of(printable(model.names[j]) for j in columns)}"


def _other_units(case: Discrepancy) -> Iterator[Cause]:
    """Some slopes times a factor between common units, all else the same."""
    mle, options = case.mle.coefficients, np.append(np.array(UNITS), 1.0)
    factors = {}
    for j in case.slopes:
        if not mle[j]:
            continue
        gaps = np.abs(case.b[j] / options - mle[j])
        best = float(options[gaps.argmin()])
        if best != 1 and gaps.min() < 0.1 * abs(mle[j]):
            factors[j] = best
    if not factors:
        return
    text = first_of(
        f"{printable(case.model.names[j])} by {1 / factor:.6g}" for j, factor in factors.items()
    )
    matrix = np.eye(len(mle))
    matrix[list(factors), list(factors)] = [1 / factor for factor in factors.values()]
    slip = len(factors) == 1 and (
        next(iter(factors.values())) in SLIPS or _has_two_values(case.model, next(iter(factors)))
    )
    detail = (
        f"predictors were multiplied by a factor: {text}; the fitted probabilities are the same"
    )
    yield case.recoding(
        "predictors rescaled",
        detail + ("; or a decimal or a digit of that coefficient is misplaced" if slip else ""),
        matrix,
        math.comb(len(case.slopes), len(factors)) * float(len(UNITS)) ** len(factors),
        cure=CURE_OF_UNITS,
        most=-1.0 if slip else EXACT,
    )


def _has_two_values(model: BernoulliLogistic, j: int) -> bool:
    low, high = (ends[j] for ends in ranges(model))
    itself = np.eye(model.n_parameters)[j]

    def of_block(block: Block) -> bool:
        column = cast(Any, block.design) @ itself
        return bool(((column == low) | (column == high)).all())

    return bool(low < high and as_held(model.rows).reduce(of_block, operator.and_))


def any_units(case: Discrepancy, errors: Array) -> Iterator[Cause]:
    """Coefficients over their standard errors are those of the MLE, whatever the units."""
    slopes, mle, intercept = case.slopes, case.mle, case.intercept
    if not slopes:
        return
    factors = errors[slopes] / mle.standard_errors[slopes]
    digits = (half_units(errors) / errors)[slopes] + 1e-6  # relative, what rounding may have done
    low, high = factors * (1 - digits), factors * (1 + digits)
    if low.max() <= high.min():
        return  # one factor for all is another scale of the log-odds, not of predictors
    matrix = np.eye(len(case.b))
    matrix[slopes, slopes] = 1 / factors
    gaps = matrix @ case.b - mle.coefficients
    if intercept is not None:  # it moves with what predictors were centred at, within their range
        moved = np.abs(mle.coefficients) * case.model.rows.extent.columns
        reach = float(moved[slopes].sum())
        gaps[intercept] = max(abs(gaps[intercept]) - reach, 0.0) if gaps[intercept] else 0.0
    text = first_of(
        f"{printable(case.model.names[j])} by {1 / factor:.6g}"
        for j, factor in zip(slopes, factors, strict=True)
        if abs(factor - 1) > 1e-6
    )
    left = float(np.linalg.norm((gaps / mle.standard_errors)[slopes])) + case.length(
        np.where(np.arange(len(gaps)) == intercept, gaps, 0.0)
    )
    detail = f"predictors were multiplied by a factor ({text}): their z values are the MLE's"
    yield case.recoding("predictors rescaled", detail, matrix, 1.0, cure=CURE_OF_UNITS, left=left)
