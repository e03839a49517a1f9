"""Table 1: observations and events at each level, and numbers among events and others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from flatprior.analysis.report.column_sums import ColumnSums
from flatprior.analysis.report.items import section_of, table_of, text_of
from flatprior.analysis.report.main_model import Reported
from flatprior.analysis.report.page import GROUP, LEVEL, Facts
from flatprior.analysis.report.variables import Variable
from flatprior.models import BernoulliLogistic
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import SCREEN, level_in_words, names_in, printable

TITLE = "Table 1: variables by outcome"


def variables_by_outcome(main: Reported) -> Facts | None:
    """Levels and numbers, of those variables whose values the columns of the model tell."""
    of_levels = [each for each in main.variables if each.has_levels]
    of_numbers = [each for each in main.variables if _is_column(each)]
    shown = {each.name for each in (*of_levels, *of_numbers)}
    left = [v.name for v in main.variables if v.kind == "several" and v.name not in shown]
    items = []
    if of_levels:
        items.append(_levels(of_levels, main))
    if of_numbers:
        items.append(_numbers(of_numbers, main))
    if left:
        said = f"Without {names_in(SCREEN, left)}, of which no column of the model has the values."
        items.append(text_of(said))
    return section_of("variables", TITLE, items) if items else None


def _is_column(variable: Variable) -> bool:
    """Whether it is one column of numbers, or of a function of numbers."""
    one = variable.kind == "several" and len(variable.levels) == 1
    return variable.kind == "number" or one


def counted_by(model: BernoulliLogistic) -> str:
    """What counts as an observation, where it is not a row."""
    if model.trials is not None:
        return "observations are trials"
    if model.weights_name is not None:
        return f"observations are rows by their frequency weights: {printable(model.weights_name)}"
    return ""


def name_of_level(variable: Variable, level: str) -> str:
    """A level with its variable, as copies have it: no two are one."""
    return f"{printable(variable.name)}: {level_in_words(level, ': ')}"


def _levels(variables: Sequence[Variable], main: Reported) -> Facts:
    """Observations, events and their share; levels stand below the name of their variable."""
    names, labels, kinds = [], [], []
    rows: list[tuple[Any, ...]] = []
    for each in variables:
        if each.kind != "pair":
            names.append(printable(each.name))
            labels.append(each.name)
            kinds.append(GROUP)
            rows.append(("", "", ""))
        for level in each.levels:
            name = name_of_level(each, level.name)
            names.append(name)
            labels.append(name if each.kind == "pair" else level_in_words(level.name))
            kinds.append("" if each.kind == "pair" else LEVEL)
            rows.append(_shares(level.n, level.events))
    columns = ["n", "events", "share"]
    frame = pd.DataFrame(rows, index=names, columns=columns, dtype=object)
    sums = main.column_sums
    n, events = float(sums.counts.sum()), float(sums.counts[1])
    notes = [
        "of levels whose column was left out observations are not counted"
        if any(math.isnan(level.n) for each in variables for level in each.levels)
        else "",
    ]
    rendered = Rendered.of(
        frame,
        {"share": ".3f"},
        "Levels",
        [f"{n:.0f} observations, {events:.0f} events", counted_by(main.model)],
        notes,
    )
    rendered = replace(rendered, names=tuple(map(printable, labels)))
    return table_of("levels", rendered, kinds=kinds) | {"wide": True}


def _shares(n: float, events: float) -> tuple[Any, Any, float]:
    """Whole numbers as such, and the share; nothing where they are not known."""
    if math.isnan(n):
        return (math.nan, math.nan, math.nan)
    return (int(n), int(events), events / n if n else math.nan)


def _numbers(variables: Sequence[Variable], main: Reported) -> Facts:
    """Mean and standard deviation among events and others; extremes would be data."""
    sums: ColumnSums = main.column_sums
    means, deviations = sums.means, sums.deviations
    rows = []
    for each in variables:
        (column,) = (level.column for level in each.levels)
        assert column is not None  # noqa: S101
        rows.append([part[i, column] for i in (1, 0) for part in (means, deviations)])
    columns = ["mean, events", "SD, events", "mean, others", "SD, others"]
    frame = pd.DataFrame(rows, index=[each.name for each in variables], columns=columns)
    others, events = sums.counts
    rendered = Rendered.of(
        frame,
        dict.fromkeys(columns, "#.4g"),
        "Numbers",
        [f"{events:.0f} events, {others:.0f} others", counted_by(main.model)],
    )
    return table_of("numbers", rendered) | {"wide": True}
