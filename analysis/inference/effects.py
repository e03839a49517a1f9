"""Average marginal effects: what a variable does to the probability, on average over rows.

A log-odds coefficient is not an effect on the probability. The average marginal effect of a number
is the mean over rows of the derivative of the probability with respect to it; of a category, the
mean difference of the probability between one level everywhere and the reference level everywhere.
Variables enter through the formula, so that squares, splines and interactions count in full.

An effect is one function of the coefficients. Of an estimate it has a standard error by the delta
method; of draws it is evaluated at each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.analysis.inference.hypotheses import Coefficients
from flatprior.analysis.inference.new_rows import (
    frame_for,
    left_out,
    new_offsets,
    own_groups,
    own_rows,
)
from flatprior.analysis.inference.prediction import checked_result, root_of_covariance
from flatprior.analysis.monte_carlo import batch_means, standard_error
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability, wald_interval, wald_statistics
from flatprior.models.common.text import count, printable, rows_phrase
from flatprior.models.encoding.columns.checks import as_series, column
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.frames import one_column
from flatprior.models.encoding.sampling import speaking_weights
from flatprior.models.encoding.weights import whole_weights
from flatprior.models.posterior import Interval, interval_of
from flatprior.models.rows import ArrayRows

NUMBERS_AT_ONCE = 2**20  # of linear predictors: 8 MB
STEP = 1e-3  # of the range of a variable, or of a value: where rounding and curvature are alike
SMALLER_STEPS = 9
GOOD_ENOUGH = 1e-9
LARGEST_ERROR = 1e-5  # of a derivative, relative; about 1e-11 is usual


@model_first(sampling_weights=True)
def average_marginal_effects(
    model: BernoulliLogistic,
    result: Coefficients | Posterior,
    data: pd.DataFrame | Mapping[str, ArrayLike] | None = None,
    variables: Sequence[str] | None = None,
    prob: float = 0.95,
    interval: Interval = "eti",
    offset: str | ArrayLike | None = None,
    frequency_weights: str | ArrayLike | None = None,
) -> pd.DataFrame:
    """Average effect of each variable on the probability of 1.

    Numbers by their derivative, categories and booleans by differences.

    Parameters
    ----------
    model : BernoulliLogistic
    result : PointEstimate, RobustCovariance or Posterior
    data : DataFrame or mapping, optional
        Rows to average over, with the columns that the formula names; needed for a model from a
        formula, whose variables are not columns of its design. Without, the rows of the model.
        Where these are the rows that the model was built from, those that it left out are left out
        again, and its own offset and weights are taken unless others are passed.
    variables : sequence of str, optional
        Which; default all.
    prob : float
        Probability inside the intervals, or their confidence.
    interval : {"eti", "hdi"}
        Of draws: equal-tailed, or the shortest.
    offset : str or array_like (m,), optional
        Of the rows of `data`, or a column of it; needed if the model has one, unless it was a
        column, and `data` has it too.
    frequency_weights : str or array_like (m,), optional
        Of the rows of `data`.

    Returns
    -------
    DataFrame
        One row a variable (for categories, one a level but the reference: "race: b - a"). Of an
        estimate: "effect", "standard error" (delta method), "z", "p" and the ends of the interval;
        of draws: posterior mean "effect", "sd", the ends, "pd" (probability of direction) and
        "mcse", the Monte Carlo standard error of the effect. ``attrs["rows"]`` says how many rows
        were averaged over; where others were left out, or they are only some of the model's, the
        heading says so.

    Raises
    ------
    ValueError
        If the result is of other data, `data` cannot be encoded, a variable is unknown, or the
        formula has no derivative somewhere, such as ``sqrt(x)`` at 0.
    NotConvergedError
        If an estimate is not proved to be near the MLE.

    Notes
    -----
    The derivative of a column of the design is that of a polynomial through five points, exact for
    polynomials of degree 4; elsewhere its estimated relative error is about 1e-11, and an error is
    raised where it is above 1e-5.

    Examples
    --------
    >>> from flatprior.analysis import average_marginal_effects
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", data)
    >>> average_marginal_effects(model, fit_newton(model), data)["effect"].round(4).to_dict()
    {'gpa': 0.3626, 'tuce': 0.0122, 'psi: 1 - 0': 0.3575}
    """
    check_probability(prob)
    result = checked_result(model, result)
    rows = _rows_to_average(model, data, offset, frequency_weights)
    effects = _effects(model, rows, variables)
    if isinstance(result, Posterior):
        found = {effect.name: _of_draws(effect, result, prob, interval) for effect in effects}
    elif interval != "eti":
        raise InputError('of an estimate there is the Wald interval only: "eti"')
    else:
        root = root_of_covariance(model, result)
        found = {effect.name: _of_estimate(effect, result, root, prob) for effect in effects}
    table = pd.DataFrame.from_dict(found, orient="index").rename_axis("variable")
    table.attrs["rows"] = len(rows.design)
    if rows.note:
        table.columns.name = rows.note
    return table


@dataclass(frozen=True, eq=False, kw_only=True)
class _Rows:
    """What is averaged over: a data frame or a design, offsets, and weights that sum to 1.

    The note says which rows these are, where that is not obvious.
    """

    frame: pd.DataFrame | None
    design: Array
    offset: Array
    share: Array
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Effect:
    """A mean over rows, as a function of the coefficients.

    Of a number: the mean of ``p (1 - p) slope'beta``; of a category: the mean difference of
    ``expit(design'beta)`` with the level and without, `other` being the design without.
    """

    name: str
    rows: _Rows
    design: Array
    slope: Array | None = None
    other: Array | None = None

    def at(self, coefficients: Array) -> Array:
        """Values (d,) at coefficient vectors (d, k)."""
        first = expit(self.rows.offset + coefficients @ self.design.T)
        if self.slope is not None:
            return np.asarray(
                (first * (1 - first) * (coefficients @ self.slope.T)) @ self.rows.share
            )
        assert self.other is not None  # noqa: S101
        second = expit(self.rows.offset + coefficients @ self.other.T)
        return np.asarray((first - second) @ self.rows.share)

    def gradient(self, coefficients: Array) -> Array:
        """Derivative (k,) of the value at one coefficient vector (k,)."""
        share = self.rows.share
        first = expit(self.rows.offset + self.design @ coefficients)
        curvature = share * first * (1 - first)
        if self.slope is not None:
            bend = curvature * (1 - 2 * first) * (self.slope @ coefficients)
            return np.asarray(curvature @ self.slope + bend @ self.design)
        assert self.other is not None  # noqa: S101
        second = expit(self.rows.offset + self.other @ coefficients)
        return np.asarray(curvature @ self.design - (share * second * (1 - second)) @ self.other)


def _of_estimate(effect: _Effect, fit: Coefficients, root: Array, prob: float) -> dict[str, float]:
    value = float(effect.at(fit.coefficients[None])[0])
    error = float(np.linalg.norm(effect.gradient(fit.coefficients) @ root))
    return {
        "effect": value,
        "standard error": error,
        **wald_statistics(value, error or math.nan),
        **wald_interval(value, error, prob),
    }


def _of_draws(
    effect: _Effect, posterior: Posterior, prob: float, interval: Interval
) -> dict[str, float]:
    chains, n, k = posterior.draws.shape
    draws = posterior.draws.reshape(-1, k)
    at_once = max(1, NUMBERS_AT_ONCE // len(effect.design))
    values = np.concatenate(
        [effect.at(draws[start : start + at_once]) for start in range(0, len(draws), at_once)]
    ).reshape(chains, n, 1)
    positive = float((values > 0).mean())
    ends = interval_of(values, prob, interval)
    return {
        "effect": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        **{name: float(end[0]) for name, end in ends.items()},
        "pd": max(positive, 1 - positive),
        "mcse": float(standard_error(batch_means(values))[0]),
    }


def _rows_to_average(
    model: BernoulliLogistic,
    data: pd.DataFrame | Mapping[str, ArrayLike] | None,
    offset: str | ArrayLike | None,
    frequency_weights: str | ArrayLike | None,
) -> _Rows:
    if data is None:
        if model.encoding is not None:
            raise InputError(
                "the variables of a formula are not columns of the design: pass data, the rows to "
                "average over"
            )
        if offset is not None or frequency_weights is not None:
            raise InputError("offset and frequency_weights go with data; the model has its own")
        weights = model.counts
        added = np.zeros(model.n_rows) if model.offset is None else model.offset
        return _Rows(frame=None, design=model.design, offset=added, share=weights / weights.sum())
    frame = frame_for(model, data, offset, frequency_weights)

    def given(value: str | ArrayLike, name: str) -> pd.Series[Any]:
        if isinstance(value, str):
            return column(frame, value)
        return as_series(one_column(value), name, frame.index)

    counts = None if frequency_weights is None else given(frequency_weights, "frequency_weights")
    own, groups = own_rows(model, frame), own_groups(model, frame)
    note = "" if own is None else left_out(model)
    if own is not None:
        if offset is not None:
            offset = given(offset, "offset").iloc[own].to_numpy()
        elif isinstance(model.rows, ArrayRows):
            offset = model.offset
        frame = frame.iloc[own]
        if counts is not None:
            counts = counts.iloc[own]
        elif groups is not None:
            counts = pd.Series(groups.weights, index=frame.index)
        elif isinstance(model.rows, ArrayRows):
            counts = pd.Series(model.counts, index=frame.index)
        elif model.weights_name is not None:
            counts = column(frame, model.weights_name)
    design = model.design_matrix(frame)
    m = len(design)
    if own is None:
        note = _some_of_the_models(model, frame, design)
        own_weights = (model.weights_name, model.trials, model.sampling)
        if counts is None and own_weights != (None, None, None):
            note = f"{note or 'over ' + count(m, 'row')}, each counted once"
    checked = whole_weights if model.sampling is None else speaking_weights
    share = np.ones(m) if counts is None else checked(counts)
    if not share.sum():
        raise InputError("all frequency weights are 0: there is nothing to average over")
    added = new_offsets(model, offset, frame, m)
    return _Rows(frame=frame, design=design, offset=added, share=share / share.sum(), note=note)


def _some_of_the_models(model: BernoulliLogistic, frame: pd.DataFrame, design: Array) -> str:
    """What is said where rows are only some of those in the model."""
    if not isinstance(model.rows, ArrayRows) or not len(design) < model.n_rows:
        return ""
    if not model.row_labels.is_unique or not frame.index.isin(model.row_labels).all():
        return ""
    places = model.row_labels.get_indexer(frame.index)
    if not np.array_equal(model.design[places], design):
        return ""
    return f"over {len(design)} of the model's {count(model.n_rows, 'row')}"


def _effects(
    model: BernoulliLogistic, rows: _Rows, variables: Sequence[str] | None
) -> Iterator[_Effect]:
    encoding = model.encoding
    if encoding is None:
        moving = [j for j in range(model.n_parameters) if np.ptp(model.design[:, j]) > 0]
        known = [model.names[j] for j in moving]
        for name in _chosen(known, variables):
            slope = np.zeros_like(rows.design)
            slope[:, model.names.index(name)] = 1.0
            yield _Effect(name, rows, rows.design, slope=slope)
        return
    frame = cast(pd.DataFrame, rows.frame)
    categories = {encoding.parsed.generated[key]: found for key, found in encoding.levels.items()}
    for name in _chosen(list(encoding.parsed.predictors), variables):
        truth = pd.api.types.is_bool_dtype(frame[name].dtype)
        if name not in categories and not truth:
            if name in encoding.parsed.compared:
                raise InputError(
                    f"the formula compares {printable(name)!r}, so that a small change of it has "
                    "no effect or a sudden one; name the other variables, or compare predictions"
                )
            yield _Effect(name, rows, rows.design, slope=_slope(model, frame, name))
            continue
        levels = categories.get(name, (False, True))
        base = encoding.reference_levels.get(name, str(levels[0]))
        reference = next(level for level in levels if str(level) == base)
        designs = {level: _everywhere(model, frame, name, level) for level in levels}
        for level in levels:
            if level != reference:
                yield _Effect(
                    f"{name}: {level} - {base}",
                    rows,
                    designs[level],
                    other=designs[reference],
                )


def _chosen(known: list[str], variables: Sequence[str] | None) -> list[str]:
    if variables is None:
        return known
    chosen = [variables] if isinstance(variables, str) else list(variables)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise InputError(
            f"there is no variable {printable(unknown[0])!r}; the variables are "
            f"{', '.join(map(printable, known))}"
        )
    return chosen


def _everywhere(model: BernoulliLogistic, frame: pd.DataFrame, name: str, level: object) -> Array:
    """The design with one level of a category in every row."""
    values = pd.Series([level] * len(frame), index=frame.index, name=name)
    return model.design_matrix(_replaced(frame, name, values))


def _replaced(frame: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    changed[name] = values
    return changed


def _slope(model: BernoulliLogistic, frame: pd.DataFrame, name: str) -> Array:
    """Derivative (m, k) of the design with respect to a number, and a `ValueError` without one.

    Five points about each value, of which a polynomial of degree 4 is differentiated. Steps are
    relative to the range of the values, ever smaller, and to each value; each entry is taken from
    where two steps, one half of the other, agree best.
    """
    values = numbers(column(frame, name))
    slope = np.full((len(frame), model.n_parameters), math.nan)
    doubt = np.full(slope.shape, math.inf)
    spread = float(np.ptp(values)) or 1.0
    scales = [np.full(len(values), spread), np.abs(values)]
    scales += [np.full(len(values), spread * 10.0**-j) for j in range(1, SMALLER_STEPS)]
    for scale in scales:
        # all points within the data: beyond them may be a pole, or nothing
        for ends in ((values.min(), values.max()), (-math.inf, math.inf)):
            if ends[0] == ends[1]:
                continue
            try:
                found = [
                    _five_points(model, frame, name, values, STEP * scale * half, ends)
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
    model: BernoulliLogistic,
    frame: pd.DataFrame,
    name: str,
    values: Array,
    step: Array,
    ends: tuple[float, float],
) -> _Points:
    # shifted inwards where the outermost points would lie beyond the ends
    first = np.clip(values - 2 * step, ends[0], np.maximum(ends[1] - 4 * step, ends[0]))
    places = [np.clip(first + j * step, *ends) for j in range(5)]
    designs = np.array([model.design_matrix(_replaced(frame, name, place)) for place in places])
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
