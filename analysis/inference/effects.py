"""Average marginal effects: what a variable does to the probability, on average over rows.

A log-odds coefficient is not an effect on the probability. The average marginal effect of a number
is the mean over rows of the derivative of the probability with respect to it; of a category, the
mean difference of the probability between one level everywhere and the reference level everywhere.
Variables enter through the formula, so that squares, splines and interactions count in full.

At the means of the variables there is one row in place of many: numbers are at their means, and the
design is averaged over categories as they occur, so that each has its share.

Elasticities are the same with logarithms: of the probability, whose derivative in the predictor is
1 - p, of the variable, which multiplies the derivative by its value, or of both.

An effect is one function of the coefficients. Of an estimate it has a standard error by the delta
method; of draws it is evaluated at each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.averaged_rows import (
    MOST_GROUPS,
    Averaged,
    Group,
    at_their_means,
    chosen_of,
    each_added,
    groups_of,
    held_at,
    in_order,
    means_of_numbers,
    of_batches,
    require_none_beside,
    require_zero_and_one,
    rows_to_average,
    variables_of,
)
from flatprior.analysis.inference.averages import (
    Averages,
    Change,
    Level,
    Places,
    SameSlope,
    Scaled,
    with_constant,
)
from flatprior.analysis.inference.derivatives import changes_of_levels, slope_of
from flatprior.analysis.inference.functionals import (
    PLAIN,
    functionals_of,
    n_draws,
    of_what,
    places_of,
)
from flatprior.analysis.inference.hypotheses.wald import Coefficients
from flatprior.analysis.inference.new_rows import left_out
from flatprior.analysis.inference.prediction import checked_result
from flatprior.analysis.inference.which_errors import WhichErrors
from flatprior.analysis.result_table import ResultTable, called
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability
from flatprior.models.common.rendering import of_model
from flatprior.models.common.text import (
    SCREEN,
    count,
    first_of,
    names_in,
    printable,
)
from flatprior.models.encoding.columns.checks import column, of_some_rows
from flatprior.models.encoding.columns.kinds import kind_of, numbers
from flatprior.models.posterior import Interval
from flatprior.models.rows import Block

Key = tuple[int, str]  # of an effect: the place of its variable, and what it is called
Kind = Literal["dydx", "eyex", "dyex", "eydx"]
WEIGHT: Key = (-1, "")  # of a group: the share that it has of all rows
_IN_WORDS = {
    "eyex": "elasticities (eyex)",
    "dyex": "changes of the probability for relative changes of the variable (dyex)",
    "eydx": "relative changes of the probability (eydx)",
}


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
    at: Literal["mean"] | Mapping[str, Any] | None = None,
    by: str | Sequence[str] = (),
    slope: Kind = "dydx",
    discrete: str | Sequence[str] = (),
) -> ResultTable:
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
    at : "mean" or mapping, optional
        The effects at the means of the rows in place of their mean: numbers at their means, each
        level of a category in its share. Of categories still a difference between levels. A mapping
        of variables to values: the mean over rows in all of which they have these.
    by : str or sequence of str
        Columns of `data`, or variables of rows in files, for each combination of whose values there
        are effects of their own: over the rows that have it as they are, or at their means.
    slope : {"dydx", "eyex", "dyex", "eydx"}
        What of numbers: the derivative of the probability, the elasticity (of its logarithm in that
        of the variable: x / p times the derivative), or with the logarithm of one of the two. Of
        categories there is a difference of probabilities ("dydx") or of their logarithms ("eydx").
    discrete : str or sequence of str
        Numbers of nothing but 0 and 1, whose effect is the difference between 1 and 0, as of a
        category's levels, in place of the derivative.

    Returns
    -------
    ResultTable
        One row a variable (for categories, one a level but the reference: "race: b - a"), and for
        each group. Of an estimate: "effect", "standard error" (delta method), "z", "p" and the ends
        of the interval, of a covariance "CR2" Student's with Satterthwaite's "df"; of draws:
        posterior mean "effect", "sd", the ends, "pd" (probability of direction) and "mcse", the
        Monte Carlo standard error of the effect. Above it stands how many rows were averaged
        over, below it which standard errors these are, and where rows were left out, or they are
        only some of the model's. NaN is what the data say nothing of: an effect that needs
        `aliased` columns to be other than the combinations of others that they were.

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

    Effects, at the means and at values, by group and as elasticities are those of Stata's
    ``margins``: ``dydx()``, ``eyex()`` and the like, ``at((mean) _all)``, ``at()``, ``over()``. The
    rows are taken as they are; ``vce(unconditional)``, which takes them as a sample, is not here.

    Examples
    --------
    >>> from flatprior.analysis import average_marginal_effects
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", data)
    >>> average_marginal_effects(model, fit_newton(model), data)["effect"].round(4).to_dict()
    {'gpa': 0.3626, 'tuce': 0.0122, 'psi: 1 - 0': 0.3575}

    Of each group, and as an elasticity:

    >>> of = model, fit_newton(model), data, ["gpa"]
    >>> average_marginal_effects(*of, by="psi")["effect"].round(4).to_dict()
    {('gpa', '0'): 0.2864, ('gpa', '1'): 0.4606}
    >>> average_marginal_effects(*of, slope="eyex")["effect"].round(4).to_dict()
    {'gpa': 5.4747}

    Of a number of 0 and 1 the difference, where `C(psi)` is not in the formula:

    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    >>> of = model, fit_newton(model), data, ["psi"]
    >>> average_marginal_effects(*of, discrete="psi")["effect"].round(4).to_dict()
    {'psi: 1 - 0': 0.3575}
    """
    check_probability(prob)
    check_choice("slope", slope, get_args(Kind))
    held = at if isinstance(at, Mapping) else {}
    if at is not None and not isinstance(at, Mapping):
        check_choice("at", at, ("mean",))
    of = _Of(
        variables=variables,
        by=(by,) if isinstance(by, str) else tuple(by),
        at_means=at == "mean",
        held=held,
        slope=slope,
        discrete=(discrete,) if isinstance(discrete, str) else tuple(discrete),
    )
    chosen_of(variables_of(model) or list(model.names), of.discrete)
    result = checked_result(model, result)
    if not isinstance(result, Posterior) and interval != "eti":
        raise InputError('of an estimate there is the Wald interval only: "eti"')
    places = places_of(result)
    if data is None and isinstance(model.rows, BatchRows):
        require_none_beside(offset, frequency_weights)
        found = _in_passes(model, model.rows, of, places)
        n_rows, note = model.n_rows, left_out(model)
        if model.trials is not None:
            n_rows = model.trials.n_groups
    else:
        rows = rows_to_average(model, data, offset, frequency_weights)
        require_zero_and_one(rows, of.discrete, model.names)
        found = {}
        for group, part in groups_of(rows, of.by).items():
            weight = part.share.sum() if of.by else 1.0
            if weight:
                part = held_at(model, replace(part, share=part.share / weight), held)
                part = at_their_means(model, part) if of.at_means else part
                for each in _effects(model, part, of):
                    each = each.of_the_mean() if of.at_means else each
                    own = each.numbers(places)
                    found |= {(group, key): of_each for key, of_each in own.items()}
        n_rows, note = rows.n_rows, rows.note
    if not found:
        raise InputError(
            "no variable is a number, of which there would be a relative change"
            if of.relative
            else "the model has no variable, whose effect there would be"
        )
    effects = in_order(model, found, of.by)
    functions = functionals_of(model, result, effects.values())
    columns = functions.columns("effect", prob, interval, PLAIN)
    index: pd.Index[Any] = pd.Index([title for title, *_ in effects], name="variable")
    if of.by:
        index = pd.MultiIndex.from_tuples(list(effects), names=["variable", *of.by])
    table = pd.DataFrame(columns, index=index)
    table.attrs["rows"] = n_rows
    values = [f"{printable(name)} at {printable(value)}" for name, value in held.items()]
    without, unknown = "", ""
    if names := _without_logarithm(model, of):
        without = f"none of {first_of(map(printable, names))}, whose levels have no logarithm"
    if table["effect"].isna().any():
        names = [called(label) for label in table.index[table["effect"].isna()]]
        unknown = (
            f"the data say nothing of {first_of(map(printable, names))}, which would need "
            "combinations that never occur"
        )
    in_short = [_IN_WORDS.get(slope, ""), without, "at the means" * of.at_means, note]
    in_short += [*(f"{each} in all rows" for each in values), unknown]
    errors = WhichErrors.of(result)
    return ResultTable(
        frame=errors.stated(table, *in_short),
        title=of_model(of.title, model.formula),
        facts=(", ".join([of.change, f"{of.over} {count(n_rows, 'row')}", *values]),),
        notes=(*of_what(functions, errors, table), without, note, unknown),
        draws=n_draws(functions),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Of:
    """What effects are asked for."""

    variables: Sequence[str] | None
    by: tuple[str, ...]
    at_means: bool
    held: Mapping[str, Any]
    slope: Kind
    discrete: tuple[str, ...]

    @property
    def title(self) -> str:
        """What they are called."""
        by = f" by {', '.join(map(printable, self.by))}" if self.by else ""
        return f"{'Marginal' if self.at_means else 'Average marginal'} effects{by}"

    @property
    def change(self) -> str:
        """Which changes they are, in words."""
        return _IN_WORDS.get(self.slope, "changes of the probability (dydx)")

    @property
    def over(self) -> str:
        """What is done with rows."""
        return "at the means of" if self.at_means else "over"

    @property
    def log(self) -> bool:
        """Of the logarithm of the probability?"""
        return self.slope in ("eyex", "eydx")

    @property
    def relative(self) -> bool:
        """For relative changes of a variable?"""
        return self.slope in ("eyex", "dyex")


def _in_passes(
    model: BernoulliLogistic, rows: BatchRows, of: _Of, places: Places
) -> dict[tuple[Group, Key], Array]:
    """The numbers of each effect over all rows of a model, which come in batches.

    One pass for the effects, each batch with its share of the sums; one before it for the means.
    """
    model, averaged = of_batches(model, rows)

    def groups(block: Block, frame: pd.DataFrame) -> dict[Group, Averaged]:
        whole = averaged(block, frame)
        require_zero_and_one(whole, of.discrete, model.names)
        if of.by and len(of.by) > len(set(of.by) & set(frame.columns)):
            absent = next(name for name in of.by if name not in frame.columns)
            raise InputError(
                f"there is no variable {printable(absent)!r}; of rows in files groups are by "
                f"variables of the formula: {names_in(SCREEN, variables_of(model))}"
            )
        parts = groups_of(whole, of.by)
        return {group: held_at(model, part, of.held) for group, part in parts.items()}

    if not of.at_means:

        def numbers_of(block: Block, frame: pd.DataFrame) -> dict[tuple[Group, Key], Any]:
            found: dict[tuple[Group, Key], Any] = {}
            with of_some_rows():
                for group, part in groups(block, frame).items():
                    found[group, WEIGHT] = part.share.sum()
                    for each in _effects(model, part, of):
                        own = each.numbers(places)
                        found |= {(group, key): of_each for key, of_each in own.items()}
            return found

        sums = rows.reduce_with_frames(numbers_of, each_added)
        weights = {group: sums.pop((group, WEIGHT)) for group, key in list(sums) if key == WEIGHT}
        _few(weights)
        if not of.by:
            return sums
        return {key: each / weights[key[0]] for key, each in sums.items() if weights[key[0]]}

    def sums_of(block: Block, frame: pd.DataFrame) -> dict[tuple[Group, str | Key], float]:
        found: dict[tuple[Group, str | Key], float] = {}
        for group, part in groups(block, frame).items():
            found[group, WEIGHT] = part.share.sum()
            found |= {(group, name): mean for name, mean in means_of_numbers(model, part).items()}
        return found

    totals = rows.reduce_with_frames(sums_of, each_added)
    shares = {group: each for (group, key), each in totals.items() if key == WEIGHT and each}
    _few(shares)
    if not of.by:
        shares = {(): 1.0}
    means: dict[Group, dict[str, float]] = {group: {} for group in shares}
    for (group, key), each in totals.items():
        if isinstance(key, str) and group in shares:
            means[group][key] = each / shares[group]

    def one_row_of(block: Block, frame: pd.DataFrame) -> dict[Group, list[Averages]]:
        found = {}
        with of_some_rows():
            for group, part in groups(block, frame).items():
                if group in shares:
                    part = replace(part, share=part.share / shares[group])
                    part = at_their_means(model, part, means[group])
                    found[group] = [each.of_the_mean() for each in _effects(model, part, of)]
        return found

    rows_of = rows.reduce_with_frames(one_row_of, _each_plus)
    return {
        (group, key): of_each
        for group, averages in rows_of.items()
        for each in averages
        for key, of_each in each.numbers(places).items()
    }


def _few(groups: Sequence[Group] | Mapping[Group, Any]) -> None:
    if len(groups) > MOST_GROUPS:
        raise InputError(f"{len(groups)} groups are more than {MOST_GROUPS}")


def _each_plus(
    one: dict[Group, list[Averages]], two: dict[Group, list[Averages]]
) -> dict[Group, list[Averages]]:
    added = {
        group: [first.plus(second) for first, second in zip(one[group], each, strict=True)]
        for group, each in two.items()
        if group in one
    }
    return one | two | added


def _without_logarithm(model: BernoulliLogistic, of: _Of) -> list[str]:
    """Variables with levels, where a relative change is asked for of all variables."""
    encoding = model.encoding
    if encoding is None or not of.relative or of.variables is not None:
        return []
    with_levels = {*(encoding.parsed.generated[key] for key in encoding.levels), *encoding.booleans}
    with_levels |= {*of.discrete}
    return [name for name in encoding.parsed.predictors if name in with_levels]


def _effects(model: BernoulliLogistic, rows: Averaged, of: _Of) -> Iterator[Averages]:
    """The effects of all numbers, and then those of each category."""
    beside = (rows.offset, rows.share)
    encoding = model.encoding
    if encoding is None:
        moving = [j for j in range(model.n_parameters) if np.ptp(model.design[:, j]) > 0]
        known = [model.names[j] for j in moving]
        slopes: dict[Key, Change] = {}
        for at, name in enumerate(chosen_of(known, of.variables)):
            row = np.zeros(model.n_parameters)
            alone = model.aliased is None or not model.aliased.involves(name)
            row[model.names.index(name)] = 1.0 if alone else math.nan
            if name in of.discrete:
                if not _left_out(of, name):
                    both = np.stack([np.zeros(model.n_parameters), row])
                    none = with_constant(rows.design, both, 0)
                    change: dict[Key, Change] = {(at, f"{name}: 1 - 0"): Level(both, 1, 0)}
                    yield Averages.of(none, *beside, change, of.log)
                continue
            own = SameSlope(row)
            column_of = np.asarray(rows.design[:, model.names.index(name)])
            slopes[at, name] = Scaled(own, column_of) if of.relative else own
        if slopes:
            yield Averages.of(rows.design, *beside, slopes, of.log)
        return
    frame = cast(pd.DataFrame, rows.frame)
    categories = {encoding.parsed.generated[key]: found for key, found in encoding.levels.items()}
    chosen = chosen_of(list(encoding.parsed.predictors), of.variables)
    with_levels = {*categories, *of.discrete}
    of_numbers = [n for n in chosen if n not in with_levels and kind_of(frame[n]) != "booleans"]
    for name in of_numbers:
        if name in encoding.parsed.compared:
            raise InputError(
                f"the formula compares {printable(name)!r}, so that a small change of it has "
                "no effect or a sudden one; name the other variables, or compare predictions"
            )
    if of_numbers:
        slopes = {}
        for at, name in enumerate(chosen):
            if name in of_numbers:
                along = slope_of(model, frame, name)
                factor = numbers(column(frame, name)) if of.relative else None
                slopes[at, name] = along if factor is None else Scaled(along, factor)
        yield Averages.of(rows.design, *beside, slopes, of.log)
    for at, name in enumerate(chosen):
        if name not in of_numbers:
            if _left_out(of, name):
                continue
            two = (False, True) if kind_of(frame[name]) == "booleans" else (0, 1)
            design, changes = changes_of_levels(
                model, frame, rows.design, name, categories.get(name, two)
            )
            keyed: dict[Key, Change] = {(at, title): each for title, each in changes.items()}
            yield Averages.of(design, *beside, keyed, of.log)


def _left_out(of: _Of, name: str) -> bool:
    """Whether a variable with levels has none of the effects that all are asked for.

    A `ValueError` where it was named.
    """
    if of.relative and of.variables is not None:
        raise InputError(
            f"{printable(name)!r} has levels, which have no logarithm: take slope="
            '"dydx" or "eydx" for it'
        )
    return of.relative
