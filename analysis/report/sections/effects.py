"""Section on what each variable does to the probability: effects, means, contrasts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pandas as pd

from flatprior.analysis.inference.effects import average_marginal_effects
from flatprior.analysis.inference.means.contrasts import Method
from flatprior.analysis.inference.means.marginal_means import MarginalMeans, marginal_means
from flatprior.analysis.report.items import section_of, table_of_main, text_of
from flatprior.analysis.report.main_model import MOST_ROWS, MainModel
from flatprior.analysis.report.page import Facts
from flatprior.models import BernoulliLogistic
from flatprior.models.common.rendering import Renderable, Rendered
from flatprior.models.common.text import names_in, printable
from flatprior.models.rows import ArrayRows

EFFECTS = "Effects on the probability"  # the title of the section
OF_DATA = re.compile(r"average-effects|(?:means|contrasts)-\d+")  # its tables
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


def effects_of_variables(main: MainModel) -> Facts:
    """Average effects; of each category its average predictions, and their contrasts.

    Sentences stand there only where there is nothing else, so that without the data a page can be
    verified but for its tables.
    """
    model, frame = main.model, main.frame
    if model.n_rows > MOST_ROWS:
        return section_of("effects", EFFECTS, [text_of(TOO_MANY)])
    if model.encoding is not None and isinstance(model.rows, ArrayRows) and frame is None:
        return section_of("effects", EFFECTS, [text_of(WITHOUT_DATA)])
    effects = _or_why(lambda: average_marginal_effects(model, main.fit, frame))
    shown, left = _categories(model)
    if left:
        said = f"without means of {names_in(ROOM, left)}: marginal_means(model, fit, name, data)"
        effects = replace(effects, notes=(*effects.notes, said))
    items = [table_of_main("average-effects", effects, "Average effects of variables")]
    for i, (name, n_levels) in enumerate(shown.items()):
        means = partial(_average_predictions, main, name)
        of = f"average predictions by {printable(name)}"
        items.append(table_of_main(f"means-{i + 1}", _or_why(means), f"{of[:1].upper()}{of[1:]}"))
        if n_levels > 2:  # of two the difference is an average effect
            pairs: Method = "pairwise" if n_levels <= MOST_PAIRED else "reference"
            found = _or_why(partial(_differences, means, pairs))
            items.append(table_of_main(f"contrasts-{i + 1}", found, f"Differences of {of}"))
    return section_of("effects", EFFECTS, items)


def _average_predictions(main: MainModel, name: str) -> MarginalMeans:
    return marginal_means(main.model, main.fit, name, main.frame, scale="probability", over="rows")


def _differences(means: Callable[[], MarginalMeans], pairs: Method) -> Renderable:
    return means().contrasts(pairs, adjust="holm")


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
