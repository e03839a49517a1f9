"""Odds ratios by variable, each level below its factor, with a forest in the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.report.forest import Axis
from flatprior.analysis.report.items import PROB, table_of
from flatprior.analysis.report.main_model import MainModel, Reported, WithoutMLE
from flatprior.analysis.report.page import GROUP, LEVEL, Facts
from flatprior.analysis.report.sections.describing import counted_by, name_of_level
from flatprior.analysis.report.units import SAID, per, units_of
from flatprior.analysis.report.variables import Level, Variable
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import percentages
from flatprior.models.common.rendering import Rendered, n_shown
from flatprior.models.common.text import (
    SCREEN,
    in_digits,
    level_in_words,
    names_in,
    odds_ratio,
    printable,
)

REFERENCE, LEFT_OUT = "reference", "left out"
HOW = (
    "a dot is an odds ratio and the line its interval, on a logarithmic axis; the upright line is "
    "1, no effect; an arrow: the interval goes on, beyond the axis or without an end"
)
# groups of what is no odds ratio of one level
PRODUCTS = "interactions: they multiply odds ratios"
SEVERAL = "several columns of one variable: no odds ratio of one change"
ODDS = "odds, not ratios"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: how copies call it, what the page shows, and which column it is of.

    A number is also shown per `unit` of it.
    """

    name: str
    label: str
    kind: str = ""
    level: Level | None = None
    drawn: bool = True
    unit: float = 1.0


def odds_ratios(main: Reported, logs: pd.DataFrame, intervals: str) -> Facts:
    """Odds ratios of every column, with intervals and the observations of each level.

    Parameters
    ----------
    main : Reported
    logs : DataFrame
        Coefficient and ends of its interval, by the names of the coefficients; NaN where there are
        none.
    intervals : str
        Their kind, in words.
    """
    rows = list(_rows(main))
    errors = _errors(main)
    values = logs.reindex(list(main.model.names)).to_numpy(dtype=float)
    low, high = percentages(PROB)
    columns = ["n", "events", "odds ratio", low, high]
    raw = pd.DataFrame(
        [_raw(row, values) for row in rows],
        index=[row.name for row in rows],
        columns=columns,
        dtype=object,
    )
    text = raw.copy()
    for name in columns[:2]:
        text[name] = [in_digits(value, ",d") for value in raw[name]]
    for name in columns[2:]:
        text[name] = [
            odds_ratio(value, _of_row(row, errors)) if isinstance(value, float) else value
            for row, value in zip(rows, raw[name], strict=True)
        ]
    rendered = Rendered.of(
        text,
        {},
        f"Odds ratios with 95% {intervals} intervals",
        [
            f"a level against the reference of its factor, a number {SAID}",
            counted_by(main.model),
        ],
        [HOW, _conditional(main.variables)],
    )
    rendered = replace(rendered, names=tuple(printable(row.label) for row in rows), raw=raw)
    shown = rows[: n_shown(len(rows))]
    kinds = [row.kind for row in rows]
    return table_of(
        "odds-ratios",
        rendered,
        kinds=kinds,
        drawn=_forest(shown, values),
        failing=_diverging(main, rows),
    )


def _diverging(main: Reported, rows: Sequence[Row]) -> list[bool]:
    """Whether each row is of a coefficient that goes to infinity."""
    ways = main.existence.coefficients if isinstance(main, WithoutMLE) else {}
    far = {name for name, way in ways.items() if way in ("+inf", "-inf")}
    columns = [None if row.level is None else row.level.column for row in rows]
    return [column is not None and main.model.names[column] in far for column in columns]


def _rows(main: Reported) -> Iterator[Row]:
    """Variables with odds ratios of their own, then, each kind below its name, the others."""
    names, variables, units = main.model.names, main.variables, units_of(main)
    for each in variables:
        if each.kind == "levels":
            yield Row(name=each.name, label=each.name, kind=GROUP)
            for level in each.levels:
                said = REFERENCE if level.is_reference else LEFT_OUT
                name = f"{name_of_level(each, level.name)} ({said})"
                name = name if level.column is None else names[level.column]
                yield Row(name=name, label=level_in_words(level.name), kind=LEVEL, level=level)
        elif each.kind in ("pair", "number"):
            level, column = each.levels[-1], each.levels[-1].column
            said = f", {per(1.0)}"
            if each.kind == "pair":
                said = f": {level.name} against {each.levels[0].name}"
            assert column is not None  # noqa: S101
            yield Row(name=names[column], label=f"{each.name}{said}", level=level)
            if column in units:
                unit = units[column]
                label, name = per(unit), f"{names[column]}, {per(unit)}"
                yield Row(name=name, label=label, kind=LEVEL, level=level, unit=unit)
    for heading, kinds in (
        (PRODUCTS, ("product",)),
        (SEVERAL, ("several",)),
        (ODDS, ("odds", "constant")),
    ):
        own = [level for each in variables if each.kind in kinds for level in each.levels]
        there = [(level, level.column) for level in own if level.column is not None]
        if there:
            yield Row(name=heading, label=heading, kind=GROUP, drawn=heading == PRODUCTS)
        for level, column in there:
            name = names[column]
            drawn = heading == PRODUCTS
            yield Row(name=name, label=name, kind=LEVEL, level=level, drawn=drawn)


def _raw(row: Row, values: np.ndarray) -> tuple[Any, ...]:
    """The cells of a row; with all their digits where they are numbers."""
    level = row.level
    if level is None:
        return ("",) * 5
    told = not math.isnan(level.n) and row.unit == 1
    counts = (int(level.n), int(level.events)) if told else ("", "")
    if level.column is None:
        return (*counts, REFERENCE if level.is_reference else LEFT_OUT, "", "")
    with np.errstate(over="ignore"):  # an odds ratio may well be infinite in doubles
        return (*counts, *np.exp(values[level.column] * row.unit).tolist())


def _errors(main: Reported) -> Array:
    """How wrong the logarithms of odds ratios may be, by columns: proved, of an estimate."""
    if not isinstance(main, MainModel):
        return np.zeros(main.model.n_parameters)
    return np.asarray(main.fit.certificate.error_bound * main.fit.standard_errors)


def _of_row(row: Row, errors: Array) -> float:
    """How wrong the logarithm in a row may be."""
    column = None if row.level is None else row.level.column
    return 0.0 if column is None else float(errors[column]) * row.unit


def _conditional(variables: Sequence[Variable]) -> str:
    """Which odds ratios hold only where something else is 0."""
    crossed = [each.name for each in variables if each.crossed and each.kind != "several"]
    if not crossed:
        return ""
    return (
        f"odds ratios of {names_in(SCREEN, crossed)} hold where what they interact with is at its "
        "reference level or 0"
    )


def _forest(rows: Sequence[Row], values: np.ndarray) -> list[str]:
    """The heading of the axis, and what is drawn in each row."""
    logs = np.array(
        [
            values[row.level.column] * row.unit
            for row in rows
            if row.drawn and row.level is not None and row.level.column is not None
        ]
    ).reshape(-1, 3)
    axis = Axis.of(logs[:, 0], logs[:, 1:].ravel())
    return [axis.heading(), *(_drawn(row, axis, values) for row in rows)]


def _drawn(row: Row, axis: Axis, values: np.ndarray) -> str:
    if not row.drawn:
        return ""
    if row.level is None or (row.level.column is None and not row.level.is_reference):
        return axis.blank()
    if row.level.column is None:
        return axis.reference()
    return axis.row(*(values[row.level.column] * row.unit).tolist())
