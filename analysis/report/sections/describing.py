"""Table 1: levels and numbers of the variables, among events and among others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from flatprior.analysis.report.column_sums import ColumnSums
from flatprior.analysis.report.items import section_of, table_of, text_of
from flatprior.analysis.report.main_model import Reported
from flatprior.analysis.report.page import GROUP, LEVEL, Facts
from flatprior.analysis.report.sections.model import data_and_model
from flatprior.analysis.report.variables import Level, Variable
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import EPSILON
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import (
    SCREEN,
    in_digits,
    level_in_words,
    names_in,
    printable,
    whole,
)

COLUMNS = ("events: mean or n", "events: SD or %", "others: mean or n", "others: SD or %")
NONE = ("",) * len(COLUMNS)
Cells = tuple[tuple[object, str], ...]  # each a number and its format


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: how copies call it, and what the page shows."""

    name: str
    label: str
    kind: str = ""
    cells: Cells = ()


def data_and_variables(main: Reported) -> Facts:
    """What was fitted to what, and Table 1: where there are no odds ratios to stand beside it."""
    data = data_and_model(main)
    fitted, *figures = data["items"]
    variables = table_1(main)
    # two columns of like heights
    long = any(len(item["rows"]) > len(fitted["rows"]) for item in variables if "rows" in item)
    items = [fitted, *figures, *variables] if long else [fitted, *variables, *figures]
    return section_of(data["id"], data["title"], items)


def table_1(main: Reported) -> list[Facts]:
    """Levels and numbers by outcome, in the order of the formula, and what is not there.

    Of a variable of 0 and 1 there is the row of 1: the rest is 0.
    """
    rows = [row for each in main.variables for row in _rows(each, main.column_sums)]
    shown = {each.name for each in main.variables if each.has_levels or _is_column(each)}
    left = [v.name for v in main.variables if v.kind == "several" and v.name not in shown]
    items = [_table(rows, main)] if rows else []
    if left:
        said = f"Without {names_in(SCREEN, left)}, of which no column of the model has the values."
        items.append(text_of(said))
    return items


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


def _rows(variable: Variable, sums: ColumnSums) -> Iterator[Row]:
    """A number in one row, a level in one below the name of its variable."""
    if _is_column(variable):
        (column,) = (level.column for level in variable.levels)
        assert column is not None  # noqa: S101
        means, deviations = sums.means[:, column], sums.deviations[:, column]
        both = [
            cell
            for i in (1, 0)
            for cell in (
                (float(means[i]), ".3f" if _is_rounding(sums, column, i) else "#.4g"),
                (float(deviations[i]), "#.3g"),
            )
        ]
        yield Row(name=variable.name, label=variable.name, cells=tuple(both))
    elif variable.kind == "pair":
        level = variable.levels[-1]
        yield Row(
            name=name_of_level(variable, level.name),
            label=f"{variable.name} = {level.name}",
            cells=_shares(level, sums),
        )
    elif variable.has_levels:
        yield Row(name=variable.name, label=variable.name, kind=GROUP)
        for level in variable.levels:
            yield Row(
                name=name_of_level(variable, level.name),
                label=level_in_words(level.name),
                kind=LEVEL,
                cells=_shares(level, sums),
            )


def _is_rounding(sums: ColumnSums, column: int, outcome: int) -> bool:
    """Whether a mean is 0 but for the rounding of the sum that it comes from."""
    largest = max(abs(float(sums.least[column])), abs(float(sums.largest[column])))
    rounding = EPSILON * float(sums.counts[outcome]) * largest
    return abs(float(sums.means[outcome, column])) <= min(rounding, 1e-9 * largest)


def _shares(level: Level, sums: ColumnSums) -> Cells:
    """How many of the events are at a level, and of the others, and their shares of these."""
    others, events = (float(each) for each in sums.counts)
    found: list[tuple[object, str]] = []
    for n, of_all in ((level.events, events), (level.n - level.events, others)):
        known = not math.isnan(n)
        found.append((int(n) if known else n, ",.0f"))
        found.append((100 * n / of_all if of_all else math.nan, "percent"))
    return tuple(found)


def _table(rows: list[Row], main: Reported) -> Facts:
    """The table, and what its numbers are."""
    others, events = main.column_sums.counts
    names = [row.name for row in rows]
    raw = pd.DataFrame(
        [[value for value, _ in row.cells] or NONE for row in rows],
        index=names,
        columns=COLUMNS,
        dtype=object,
    )
    text = pd.DataFrame(
        [[in_digits(*cell) for cell in row.cells] or NONE for row in rows],
        index=names,
        columns=COLUMNS,
        dtype=object,
    )
    unknown = any(
        math.isnan(level.n) for each in main.variables if each.has_levels for level in each.levels
    )
    rendered = Rendered.of(
        text,
        {},
        "Table 1",
        [
            f"{whole(round(events))} events, {whole(round(others))} others",
            "of numbers mean and standard deviation; of levels n, and % of the events or others",
            counted_by(main.model),
        ],
        [
            "of levels whose column was left out observations are not counted" if unknown else "",
        ],
    )
    rendered = replace(rendered, names=tuple(printable(row.label) for row in rows), raw=raw)
    return table_of("table-1", rendered, kinds=[row.kind for row in rows])
