"""Section on what each variable does to the probability: effects, means, contrasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from flatprior.analysis.inference.effects import average_marginal_effects
from flatprior.analysis.inference.means.contrasts import Method
from flatprior.analysis.inference.means.marginal_means import MarginalMeans, marginal_means
from flatprior.analysis.report.items import section_of, table_of_main, text_of
from flatprior.analysis.report.main_model import MOST_ROWS, MainModel, needs_data
from flatprior.analysis.report.page import Facts
from flatprior.analysis.result_table import ResultTable
from flatprior.models import BernoulliLogistic
from flatprior.models.common.rendering import Renderable, Rendered
from flatprior.models.common.text import names_in, printable

EFFECTS = "Effects on the probability"  # the title of the section
MOST_LEVELS = 12  # of a category whose means are shown
MOST_PAIRED = 5  # levels, every two of which are compared
MOST_CATEGORIES = 6
ROOM = 200  # characters for names
WITHOUT_DATA = (
    "Effects, marginal means and contrasts are of the variables of the formula, and the model "
    "keeps the columns of its design: pass write_report(..., data=...) what it was built from."
)
TOO_MANY = (
    f"Effects and marginal means are for models of up to {MOST_ROWS} rows: "
    "average_marginal_effects(model, fit) and marginal_means(model, fit, name) compute them."
)


def effects_of_variables(main: MainModel) -> Facts | None:
    """Average effects; of each category its average predictions, and their contrasts.

    Sentences stand there only where there is nothing else, so that without the data a page can be
    verified but for its tables.
    """
    model, frame = main.model, main.frame
    if model.names in (("Intercept",), ("const",)):
        return None
    if model.n_rows > MOST_ROWS:
        return section_of("effects", EFFECTS, [text_of(TOO_MANY)])
    if needs_data(model) and frame is None:
        return section_of("effects", EFFECTS, [text_of(WITHOUT_DATA)])
    shown, left = _categories(model)
    found = {"average-effects": _with_note(_or_why(partial(_effects, main)), left)}
    for i, (name, n_levels) in enumerate(shown.items()):
        means = partial(_average_predictions, main, name)
        found[f"means-{i + 1}"] = _or_why(means)
        if n_levels > 2:  # of two the difference is an average effect
            pairs: Method = "pairwise" if n_levels <= MOST_PAIRED else "reference"
            found[f"contrasts-{i + 1}"] = _or_why(partial(_differences, means, pairs))
    titles = tables_of_effects(model)
    items = [table_of_main(name, shown, titles[name]) for name, shown in found.items()]
    return section_of("effects", EFFECTS, items)


def tables_of_effects(model: BernoulliLogistic) -> dict[str, str]:
    """The tables of this section and their titles, in their order."""
    found = {"average-effects": "Average effects of variables"}
    for i, (name, n_levels) in enumerate(_categories(model)[0].items()):
        found[f"means-{i + 1}"] = f"Average predictions by {printable(name)}"
        if n_levels > 2:
            of = f"Differences of average predictions by {printable(name)}"
            found[f"contrasts-{i + 1}"] = of
    return found


def _effects(main: MainModel) -> ResultTable:
    """Of all variables but numbers that the formula compares, which have no slope."""
    encoding = main.model.encoding
    names = () if encoding is None else encoding.parsed.predictors
    compared = [name for name in names if encoding and name in encoding.parsed.compared]
    if not compared:
        return average_marginal_effects(main.model, main.fit, main.frame)
    rest = [name for name in names if name not in compared]
    found = average_marginal_effects(main.model, main.fit, main.frame, rest)
    said = f"without {names_in(ROOM, compared)}, which the formula compares: it has no slope"
    return replace(found, notes=(*found.notes, said))


def _average_predictions(main: MainModel, name: str) -> MarginalMeans:
    return marginal_means(main.model, main.fit, name, main.frame, scale="probability", over="rows")


def _differences(means: Callable[[], MarginalMeans], pairs: Method) -> ResultTable:
    return means().contrasts(pairs, adjust="holm")


def _with_note(table: Rendered, left: Sequence[str]) -> Rendered:
    """The table, with categories whose means are not shown."""
    if not left:
        return table
    said = f"without means of {names_in(ROOM, left)}: marginal_means(model, fit, name, data)"
    return replace(table, notes=(*table.notes, said))


def _or_why(compute: Callable[[], Renderable]) -> Rendered:
    """What is computed, as it is shown; or why it cannot be, such as the slope of sqrt(x) at 0."""
    try:
        return compute().rendered()
    except (ValueError, ArithmeticError) as error:
        return Rendered.of(pd.DataFrame({"why": {"not computed": str(error)}}), {}, "")


def _categories(model: BernoulliLogistic) -> tuple[dict[str, int], list[str]]:
    """The categories whose means are shown, to how many levels they have; and the others."""
    encoding = model.encoding
    if encoding is None:
        return {}, []
    levels = {encoding.parsed.generated[key]: len(found) for key, found in encoding.levels.items()}
    levels |= dict.fromkeys(encoding.booleans, 2)
    few = [name for name in encoding.parsed.predictors if 1 < levels.get(name, 0) <= MOST_LEVELS]
    shown = {name: levels[name] for name in few[:MOST_CATEGORIES]}
    return shown, [name for name in levels if name not in shown]
