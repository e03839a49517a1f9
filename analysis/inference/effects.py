"""Average marginal effects: what a variable does to the probability, on average over rows.

A log-odds coefficient is not an effect on the probability. The average marginal effect of a number
is the mean over rows of the derivative of the probability with respect to it; of a category, the
mean difference of the probability between one level everywhere and the reference level everywhere.
Variables enter through the formula, so that squares, splines and interactions count in full.

At the means of the variables there is one row in place of many: numbers are at their means, and the
design is averaged over categories as they occur, so that each has its share.

An effect is one function of the coefficients. Of an estimate it has a standard error by the delta
method; of draws it is evaluated at each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.averaged_rows import (
    Averaged,
    each_added,
    means_of_numbers,
    of_batches,
    require_none_beside,
    rows_to_average,
)
from flatprior.analysis.inference.averages import (
    Averages,
    Change,
    Elsewhere,
    Level,
    Places,
    SameSlope,
    with_constant,
)
from flatprior.analysis.inference.derivatives import everywhere, replaced, slope_of, with_level
from flatprior.analysis.inference.functionals import PLAIN, functionals_of, places_of
from flatprior.analysis.inference.hypotheses.wald import Coefficients
from flatprior.analysis.inference.new_rows import encoded, left_out
from flatprior.analysis.inference.prediction import checked_result
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability
from flatprior.models.common.text import SCREEN, first_of, names_in, printable
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.columns.checks import of_some_rows
from flatprior.models.encoding.columns.kinds import kind_of
from flatprior.models.posterior import Interval
from flatprior.models.rows import Block

Key = tuple[int, str]  # of an effect: the place of its variable, and what it is called


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
    at: Literal["mean"] | None = None,
) -> pd.DataFrame:
    """Average effect of each variable on the probability of 1.

    Numbers by their derivative, categories and booleans by differences.

    Parameters
    ----------
    model : BernoulliLogistic
    result : PointEstimate, RobustCovariance or Posterior
    data : DataFrame or mapping, optional
        Rows to average over, with the columns that the formula names. Without, the rows of the
        model: where these are in files or on Dask they are read again, once, and once more for
        their means. Needed for a model from a formula with its rows in memory, where only the
        columns of the design are held, which are not the variables.
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
    at : "mean", optional
        The effects at the means of the rows in place of their mean: numbers at their means, each
        level of a category in its share. Of categories still a difference between levels.

    Returns
    -------
    DataFrame
        One row a variable (for categories, one a level but the reference: "race: b - a"). Of an
        estimate: "effect", "standard error" (delta method), "z", "p" and the ends of the interval;
        of draws: posterior mean "effect", "sd", the ends, "pd" (probability of direction) and
        "mcse", the Monte Carlo standard error of the effect. ``attrs["rows"]`` says how many rows
        were averaged over; where others were left out, or they are only some of the model's, the
        heading says so. NaN is what the data say nothing of: an effect that needs `aliased` columns
        to be other than the combinations of others that they were.

    Raises
    ------
    ValueError
        If the result is of other data, `data` cannot be encoded, a variable is unknown, or the
        formula has no derivative somewhere, such as ``sqrt(x)`` at 0.
    NotConvergedError
        If an estimate is not proved to be near the MLE.

    Notes
    -----
    Where the formula takes a number as it is, alone or in products, the derivative is exact. Else
    that of a column of the design is that of a polynomial through five points, exact for
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
    if at is not None:
        check_choice("at", at, ("mean",))
    result = checked_result(model, result)
    if not isinstance(result, Posterior) and interval != "eti":
        raise InputError('of an estimate there is the Wald interval only: "eti"')
    places = places_of(result)
    if data is None and isinstance(model.rows, BatchRows):
        require_none_beside(offset, frequency_weights)
        effects = _in_passes(model, model.rows, variables, at, places)
        n_rows, note = model.n_rows, left_out(model)
    else:
        rows = rows_to_average(model, data, offset, frequency_weights)
        if at is None:
            averaged = _effects(model, rows, variables)
        else:
            averaged = (e.of_the_mean() for e in _effects(model, _at_means(model, rows), variables))
        found_of = (each.numbers(places) for each in averaged)
        effects = _in_order({key: found for each in found_of for key, found in each.items()})
        n_rows, note = len(rows.share), rows.note
    found = functionals_of(model, result, effects.values())
    columns = found.columns("effect", prob, interval, PLAIN)
    table = pd.DataFrame(columns, index=pd.Index(list(effects), name="variable"))
    table.attrs["rows"] = n_rows
    notes = ["at the means"] * (at is not None) + [note] * bool(note)
    unknown = table.index[table["effect"].isna()]
    if len(unknown):
        notes.append(
            f"the data say nothing of {first_of(map(printable, unknown))}, which would need "
            "combinations that never occur"
        )
    if notes:
        table.columns.name = "; ".join(notes)
    return table


def _in_passes(
    model: BernoulliLogistic,
    rows: BatchRows,
    variables: Sequence[str] | None,
    at: str | None,
    places: Places,
) -> dict[str, Array]:
    """The numbers of each effect over all rows of a model, which come in batches.

    One pass for the effects, each batch with its share of the sums; one before it for the means.
    """
    model, averaged = of_batches(model, rows)
    if at is None:

        def numbers_of(block: Block, frame: pd.DataFrame) -> dict[Key, Array]:
            found: dict[Key, Array] = {}
            with of_some_rows():
                for each in _effects(model, averaged(block, frame), variables):
                    found |= each.numbers(places)
            return found

        return _in_order(rows.reduce_with_frames(numbers_of, each_added))
    means = rows.reduce_with_frames(
        lambda block, frame: means_of_numbers(model, averaged(block, frame)), each_added
    )

    def one_row_of(block: Block, frame: pd.DataFrame) -> list[Averages]:
        with of_some_rows():
            part = _at_means(model, averaged(block, frame), means)
            return [each.of_the_mean() for each in _effects(model, part, variables)]

    found = rows.reduce_with_frames(one_row_of, _each_plus)
    return _in_order({key: of for each in found for key, of in each.numbers(places).items()})


def _in_order(found: dict[Key, Array]) -> dict[str, Array]:
    """The numbers of each effect, by variables in the order of the formula or as asked for."""
    ordered = sorted(found.items(), key=lambda each: each[0][0])  # levels stay as they are
    return {title: numbers for (_, title), numbers in ordered}


def _each_plus(one: list[Averages], two: list[Averages]) -> list[Averages]:
    return [first.plus(second) for first, second in zip(one, two, strict=True)]


def _at_means(
    model: BernoulliLogistic, rows: Averaged, means: Mapping[str, float] | None = None
) -> Averaged:
    """The rows with each number that the formula computes with at its mean."""
    frame = rows.frame
    if model.encoding is None or frame is None:
        return rows
    for name, mean in (means_of_numbers(model, rows) if means is None else means).items():
        frame = replaced(frame, name, np.full(len(frame), mean))
    return replace(rows, frame=frame, design=encoded(model, frame))


def _effects(
    model: BernoulliLogistic, rows: Averaged, variables: Sequence[str] | None
) -> Iterator[Averages]:
    """The effects of all numbers, and then those of each category."""
    beside = (rows.offset, rows.share)
    encoding = model.encoding
    if encoding is None:
        moving = [j for j in range(model.n_parameters) if np.ptp(model.design[:, j]) > 0]
        known = [model.names[j] for j in moving]
        slopes: dict[Key, Change] = {}
        for at, name in enumerate(_chosen(known, variables)):
            row = np.zeros(model.n_parameters)
            alone = model.aliased is None or not model.aliased.involves(name)
            row[model.names.index(name)] = 1.0 if alone else math.nan
            slopes[at, name] = SameSlope(row)
        yield Averages.of(rows.design, *beside, slopes)
        return
    frame = cast(pd.DataFrame, rows.frame)
    categories = {encoding.parsed.generated[key]: found for key, found in encoding.levels.items()}
    chosen = _chosen(list(encoding.parsed.predictors), variables)
    of_numbers = [n for n in chosen if n not in categories and kind_of(frame[n]) != "booleans"]
    for name in of_numbers:
        if name in encoding.parsed.compared:
            raise InputError(
                f"the formula compares {printable(name)!r}, so that a small change of it has "
                "no effect or a sudden one; name the other variables, or compare predictions"
            )
    if of_numbers:
        slopes = {
            (at, name): slope_of(model, frame, name)
            for at, name in enumerate(chosen)
            if name in of_numbers
        }
        yield Averages.of(rows.design, *beside, slopes)
    for at, name in enumerate(chosen):
        if name not in of_numbers:
            design, changes = _of_levels(model, rows, name, categories.get(name, (False, True)))
            keyed: dict[Key, Change] = {(at, title): each for title, each in changes.items()}
            yield Averages.of(design, *beside, keyed)


def _of_levels(
    model: BernoulliLogistic, rows: Averaged, name: str, levels: Sequence[Any]
) -> tuple[Array | Structured, dict[str, Change]]:
    """The design with the reference level of a category in every row, and what others change."""
    encoding, frame = model.encoding, cast(pd.DataFrame, rows.frame)
    assert encoding is not None  # noqa: S101
    base = encoding.reference_levels.get(name, str(levels[0]))
    reference = next(i for i, level in enumerate(levels) if str(level) == base)
    called = {i: f"{name}: {level} - {base}" for i, level in enumerate(levels) if i != reference}
    if model.aliased is None and encoding.parsed.stands_alone(name):
        few = frame.iloc[np.zeros(len(levels), dtype=np.intp)]
        each = encoded(model, replaced(few, name, pd.Series(list(levels), index=few.index)))
        design = with_constant(rows.design, each, reference)
        if design is not None:
            return design, {title: Level(each, i, reference) for i, title in called.items()}
    elsewhere = everywhere(model, frame, name, levels[reference])
    changes: dict[str, Change] = {}
    for i, title in called.items():
        design = with_level(rows.design, elsewhere, levels[i])
        changes[title] = Elsewhere(
            everywhere(model, frame, name, levels[i]) if design is None else design
        )
    return elsewhere, changes


def _chosen(known: list[str], variables: Sequence[str] | None) -> list[str]:
    if variables is None:
        return known
    chosen = [variables] if isinstance(variables, str) else list(variables)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise InputError(
            f"there is no variable {printable(unknown[0])!r}; the variables are "
            f"{names_in(SCREEN, known)}"
        )
    return chosen
