"""Section on what each variable does to the probability: effects, means, contrasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TypeVar

import numpy as np
import pandas as pd

from flatprior.analysis.inference.effects import average_marginal_effects
from flatprior.analysis.inference.means.contrasts import cell_title
from flatprior.analysis.inference.means.marginal_means import MarginalMeans, marginal_means
from flatprior.analysis.report.items import section_of, table_of_main, text_of
from flatprior.analysis.report.main_model import MOST_ROWS, MainModel, needs_data
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.curves import curves_of, figures_of_curves
from flatprior.analysis.report.units import SAID, per, units_of
from flatprior.analysis.result_table import ResultTable
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.rendering import Renderable, Rendered, as_notes
from flatprior.models.common.text import count, listing, names_in, printable, whole
from flatprior.models.rows import ArrayRows

EFFECTS = "Effects on the probability"  # the title of the section
MOST_LEVELS = 12  # of a category whose means are shown
MOST_PAIRED = 5  # levels, every two of which are compared
MOST_CATEGORIES = 6
MOST_ENCODED = 50 * MOST_ROWS  # rows with a level in all of them, one level after the other
ROOM = 200  # characters for names
WITHOUT_DATA = (
    "Effects, marginal means and contrasts are of the variables of the formula, and the model "
    "keeps the columns of its design: pass write_report(..., data=...) what it was built from."
)
TOO_MANY = f"Effects are for models of up to {whole(MOST_ROWS)} rows: {{calls}} compute them."
LEVELS = "of levels, and of numbers of 0 and 1: the difference between the two probabilities"
SLOPES = f"numbers: the slope (dydx) times a unit, {SAID}"
NOT_ADJUSTED = "p-values and intervals are of each row alone, and not adjusted for their number"
OF_THESE_ROWS = (
    "standard errors are for these rows: their variables are taken as they are, not as a sample of "
    "a population"
)
MISLED = (
    "the Wald test of {names} is misled (Hauck-Donner effect): it understates what the "
    "coefficients say, while z, p and interval of their effects, which are Wald's too, may "
    "overstate it; use the likelihood ratio"
)
ADJUSTED = "those of differences, adjusted by Holm's procedure, stand in their tables"
AVERAGED = "averaged over the rows as observed, with {name} set to each level in all of them"
OF_LOGITS = "intervals are normal on the log-odds, and put back to probabilities"
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What the section shows of the variables of a model.

    Attributes
    ----------
    means : dict
        The categories whose means are shown, to how many levels they have.
    without_means : dict
        Why others are not, in words, to their names.
    effects : tuple of str or None
        The variables whose effects are shown; None for all.
    without_effects : dict
    """

    means: Mapping[str, int]
    without_means: Mapping[str, list[str]]
    effects: tuple[str, ...] | None
    without_effects: Mapping[str, list[str]]

    @property
    def titles(self) -> dict[str, str]:
        """The tables and their titles, in their order."""
        found = {"average-effects": "Average effects of variables"}
        for i, (name, n_levels) in enumerate(self.means.items()):
            found[f"means-{i + 1}"] = f"Average predictions by {printable(name)}"
            if n_levels > 2:  # of two the difference is an average effect
                of = f"Differences of average predictions by {printable(name)}"
                found[f"contrasts-{i + 1}"] = of
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """Which variables have no effects and no means here, why, and what computes them."""
        effects = [
            f"without effects of {names_in(ROOM, names)}: {why}"
            for why, names in self.without_effects.items()
        ]
        means = [
            f"without means of {names_in(ROOM, names)}: {why}; "
            "marginal_means(model, fit, name, data) computes them"
            for why, names in self.without_means.items()
        ]
        return as_notes([*effects, *means])


def effects_of_variables(main: MainModel) -> Facts | None:
    """Average effects; of each category its average predictions, and their contrasts.

    Sentences stand there only where there is nothing else, so that without the data a page can be
    verified but for its tables.
    """
    model, frame = main.model, main.frame
    if model.names in (("Intercept",), ("const",)):
        return None
    if model.n_rows > MOST_ROWS:
        return section_of("effects", EFFECTS, [text_of(TOO_MANY.format(calls=_calls(model)))])
    if needs_data(model) and frame is None:
        return section_of("effects", EFFECTS, [text_of(WITHOUT_DATA)])
    plan = _plan(model)
    titles = plan.titles
    contrasts = any(name.startswith("contrasts") for name in titles)
    effects = _shown(_or_error(partial(_effects, main, plan.effects, contrasts)))
    curves = _or_error(partial(curves_of, main))
    why = [f"no curves: {curves}"] if isinstance(curves, FlatpriorError) else []
    notes = (*effects.notes, *plan.notes, *as_notes(why))
    found = {"average-effects": replace(effects, notes=notes)}
    for i, (name, n_levels) in enumerate(plan.means.items()):
        means = _or_error(partial(_average_predictions, main, name))
        found[f"means-{i + 1}"] = replace(
            _shown(means), facts=(AVERAGED.format(name=printable(name)), OF_LOGITS)
        )
        if n_levels > 2:
            found[f"contrasts-{i + 1}"] = _shown(
                means
                if isinstance(means, FlatpriorError)
                else _or_error(partial(_differences, means, name))
            )
    items = [table_of_main(name, shown, titles[name]) for name, shown in found.items()]
    figures = [] if isinstance(curves, FlatpriorError) else figures_of_curves(model, curves)
    return section_of("effects", EFFECTS, [*items, *figures])


def tables_of_effects(model: BernoulliLogistic) -> dict[str, str]:
    """The tables of this section and their titles, in their order."""
    return _plan(model).titles


def _calls(model: BernoulliLogistic) -> str:
    """The calls that give all this of a model, with its data where these are to be passed."""
    data = ", data" * (model.encoding is not None and isinstance(model.rows, ArrayRows))
    means = [f"marginal_means(model, fit, name{data})"] if model.encoding is not None else []
    effects, curves = (
        f"average_marginal_effects(model, fit{data})",
        f"effect_curves(model, fit{data})",
    )
    return listing([effects, *means, curves])


def _effects(main: MainModel, variables: tuple[str, ...] | None, contrasts: bool) -> ResultTable:
    """Average effects, slopes with their units; beside `contrasts` of levels or alone."""
    if variables == ():
        raise InputError("there is no variable whose effect is shown here: see below why")
    two = [name for name in _zero_and_one(main) if variables is None or name in variables]
    found = average_marginal_effects(main.model, main.fit, main.frame, variables, discrete=two)
    rows = count(found.frame.attrs["rows"], "row")
    slopes = {name: units for name, units in _slopes(main).items() if name in found.index}
    others = len(slopes) < len(found)
    what = [LEVELS] * others + [f"of {'other ' * others}{SLOPES}"] * bool(slopes)
    return replace(
        found,
        frame=_in_units(found.frame, slopes),
        facts=(f"changes of the probability, averaged over {rows} as observed",),
        notes=(
            "; ".join(what),
            NOT_ADJUSTED + f"; {ADJUSTED}" * contrasts,
            *found.notes,
            OF_THESE_ROWS,
            *_misled(main),
        ),
    )


def _misled(main: MainModel) -> list[str]:
    """That Wald tests are misled, and of which coefficients beside the constant."""
    table = main.summary.table()
    constants = {
        level.column for each in main.variables if each.kind == "constant" for level in each.levels
    }
    names = [
        str(name)
        for j, (name, misled) in enumerate(table["hauck-donner"].items())
        if misled and j not in constants
    ]
    return [MISLED.format(names=names_in(ROOM, names))] if names else []


def _zero_and_one(main: MainModel) -> list[str]:
    """The numbers that are 0 or 1 in every row: what they change is a difference."""
    encoding = main.model.encoding
    pairs = [each.name for each in main.variables if each.kind == "pair"]
    if encoding is None:
        return pairs
    numbers = {*encoding.parsed.predictors} - {*encoding.booleans}
    numbers -= {encoding.parsed.generated[key] for key in encoding.levels}
    return [name for name in pairs if name in numbers]


def _slopes(main: MainModel) -> dict[str, tuple[float, ...]]:
    """The variables that have slopes, and the units in which these are shown."""
    encoding, units = main.model.encoding, units_of(main)
    columns = {each.name: each.levels[0].column for each in main.variables if each.kind == "number"}
    known = list(columns)
    if encoding is not None:
        levels = {encoding.parsed.generated[key] for key in encoding.levels}
        others = {*levels, *encoding.booleans, *_zero_and_one(main)}
        known = [name for name in encoding.parsed.predictors if name not in others]
    of_column = {name: units[column] for name, column in columns.items() if column in units}
    return {name: (1.0, of_column[name]) if name in of_column else (1.0,) for name in known}


def _in_units(frame: pd.DataFrame, slopes: Mapping[str, tuple[float, ...]]) -> pd.DataFrame:
    """The effects with the unit of each slope in its name, a row for each unit."""
    scaled = [name not in ("z", "df", "p") for name in frame.columns]
    rows = {}
    for name, row in zip(frame.index, frame.to_numpy(), strict=True):
        if name not in slopes:
            rows[name] = row
        for unit in slopes.get(name, ()):
            rows[f"{name}, {per(unit)}"] = np.where(scaled, row * unit, row)
    found = pd.DataFrame.from_dict(rows, orient="index", columns=frame.columns)
    found.index.name = frame.index.name
    return found


def _differences(means: MarginalMeans, name: str) -> ResultTable:
    """Of every two levels, or of each and the reference, which is taken from others in both."""
    titles = [cell_title(label) for label in means.index]
    base = means.references.get(name)
    places = sorted(range(len(titles)), key=lambda i: str(means.index[i]) != base)
    pairs = list(combinations(places, 2))
    if len(titles) > MOST_PAIRED:
        pairs = [(places[0], i) for i in places[1:]]
    one = np.eye(len(titles))
    weights: dict[str, Array] = {f"{titles[j]} - {titles[i]}": one[j] - one[i] for i, j in pairs}
    found = means.contrasts(weights, adjust="holm")
    which = "every two levels" if len(titles) <= MOST_PAIRED else "each level and the reference"
    return replace(
        found,
        facts=(
            f"differences of probabilities of {which}",
            f"adjusted p and intervals are for all {len(pairs)} together; p is of each alone, as "
            "in the average effects",
        ),
    )


def _average_predictions(main: MainModel, name: str) -> MarginalMeans:
    return marginal_means(main.model, main.fit, name, main.frame, scale="probability", over="rows")


def _or_error(compute: Callable[[], R]) -> R | FlatpriorError:
    """What is computed, or why it cannot be, such as the slope of sqrt(x) at 0."""
    try:
        return compute()
    except FlatpriorError as error:
        return error


def _shown(found: Renderable | FlatpriorError) -> Rendered:
    """A result as it is shown, or the reason in its place."""
    if isinstance(found, FlatpriorError):
        return Rendered.of(pd.DataFrame({"why": {"not computed": str(found)}}), {}, "")
    return found.rendered()


def _plan(model: BernoulliLogistic) -> _Plan:
    """What is shown: not what would take too many rows, each encoded with each of its levels.

    Nor the slope of a number that the formula compares, which has none.
    """
    encoding = model.encoding
    if encoding is None:
        return _Plan(means={}, without_means={}, effects=None, without_effects={})
    levels = {encoding.parsed.generated[key]: len(found) for key, found in encoding.levels.items()}
    levels |= dict.fromkeys(encoding.booleans, 2)
    predictors = encoding.parsed.predictors
    room = MOST_ENCODED // max(model.n_rows, 1)
    too_many = (
        f"{whole(model.n_rows)} rows with each of their levels are more than "
        f"{whole(MOST_ENCODED)}; "
        "average_marginal_effects(model, fit, data, [name]) computes them"
    )
    compared = "the formula compares them, and they have no slope"
    without_effects: dict[str, list[str]] = {}
    taken = 0
    for name in sorted(predictors, key=lambda each: levels.get(each, 0)):
        if name in levels and taken + levels[name] > room:
            without_effects.setdefault(too_many, []).append(name)
        elif name not in levels and name in encoding.parsed.compared:
            without_effects.setdefault(compared, []).append(name)
        else:
            taken += levels.get(name, 0)
    left = {name for names in without_effects.values() for name in names}
    means: dict[str, int] = {}
    without_means: dict[str, list[str]] = {}
    for name in (name for name in predictors if name in levels):
        why = (
            f"more than {MOST_LEVELS} levels"
            if levels[name] > MOST_LEVELS
            else f"those of {MOST_CATEGORIES} others are shown"
            if len(means) == MOST_CATEGORIES
            else f"{whole(model.n_rows)} rows with each of their levels are more than "
            f"{whole(MOST_ENCODED)}"
            if sum(means.values()) + levels[name] > room
            else ""
        )
        if why:
            without_means.setdefault(why, []).append(name)
        elif levels[name] > 1:
            means[name] = levels[name]
    return _Plan(
        means=means,
        without_means=without_means,
        effects=tuple(name for name in predictors if name not in left) if left else None,
        without_effects=without_effects,
    )
