"""What columns must be before a formula is applied to them: the one order in which that is asked.

It is asked of summaries (`Summary`), which say the same of rows in memory and of rows in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.kinds import (
    NEAREST,
    may_hold_numbers,
    no_numbers,
    said_of,
    several_kinds,
)
from flatprior.models.encoding.columns.summary import Summary
from flatprior.models.encoding.columns.suspects import alike, far_off, suspicions
from flatprior.models.encoding.columns.text_among_numbers import (
    Tokens,
    check_not_numbers,
    mixed,
)
from flatprior.models.encoding.response import Outcomes, check_outcomes, outcomes_of

LEVELED = ("plain", "factor")  # uses in which each level has a coefficient


@dataclass(frozen=True, kw_only=True)
class Uses:
    """What columns are used for.

    Attributes
    ----------
    response : str
        A column of two values; empty of counts.
    numeric : tuple of str
        What must be numbers, but for predictors: offset, weights, counts.
    predictors : tuple of (str, str)
        Use and column, in the order of the formula: "plain", "factor", "number" or "text".
    """

    response: str
    numeric: tuple[str, ...]
    predictors: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, generated: Mapping[str, str], response: str, numeric: Iterable[str]) -> Uses:
        """Of the generated names of a formula, which say how each column is used."""
        predictors = tuple((key.split("_")[1], name) for key, name in generated.items())
        return cls(response=response, numeric=tuple(numeric), predictors=predictors)

    def summary(self, series: pd.Series[Any], counting: NDArray[np.bool_]) -> Summary:
        """Of a column, what must be known for its uses."""
        name = str(series.name)
        found = {use for use, column in self.predictors if column == name}
        summary = Summary.of(
            series,
            counting,
            factor="factor" in found,
            may_be_numbers="plain" in found or name == self.response or name in self.numeric,
            response=name == self.response,
        )
        return replace(summary, leveled=found != {"number"})


@dataclass(frozen=True)
class Judged:
    """What the columns are.

    Attributes
    ----------
    outcomes : Outcomes or None
        Of a response of two values, which counts as 1.
    facts : tuple of str
        What was done to them.
    remarks : tuple of str
        What seems not to be meant.
    """

    outcomes: Outcomes | None
    facts: tuple[str, ...]
    remarks: tuple[str, ...]


def judged(columns: Mapping[str, Summary], uses: Uses, values: Iterable[Any], event: Any) -> Judged:
    """Hold all columns against the rules.

    `values` are those of the response, where it is of numbers.

    Raises
    ------
    ValueError
        Naming the first column that is not what it must be, the rows and the remedy.
    """
    for name, column in columns.items():
        if len(column.kinds - {"categories"}) > 1 or len(column.kinds - {"text"}) > 1:
            if column.kinds == {"numbers", "text"} and column.tokens and column.tokens.odd.rows:
                raise InputError(f"column {name!r} {mixed(name, *column.tokens[::2], option=True)}")
            raise several_kinds(name, column.kinds)
    for name in uses.numeric:
        tokens = columns[name].tokens
        if tokens is not None and columns[name].kinds == {"text"}:
            raise no_numbers(name, tokens.values, tokens.odd, option=True)
    outcomes = None
    if uses.response:
        outcomes = _outcomes(columns[uses.response], values, event)
    for use, name in uses.predictors:
        column = columns[name]
        if use == "number" and column.kinds & {"text", "categories"}:
            break  # the next to be wrong, as the encoding will say
        if use == "plain" and column.tokens is not None:
            check_not_numbers(name, column.tokens)
    remarks = [] if outcomes is None else alike(uses.response, columns[uses.response].levels)
    for name in dict.fromkeys(name for use, name in uses.predictors if use in LEVELED):
        if columns[name].levels:
            remarks += suspicions(columns[name], single=bool(uses.response))
    for name in dict.fromkeys(name for use, name in uses.predictors if use != "factor"):
        remarks += far_off(columns[name])
    decimal = [name for name, column in columns.items() if column.decimal]
    numbers = dict.fromkeys(name for use, name in uses.predictors if use in ("plain", "number"))
    truths = [name for name in numbers if columns[name].kinds == {"booleans"}]
    large = [name for name, column in columns.items() if column.large]
    facts = (
        said_of(decimal, NEAREST),
        said_of(large, "whole numbers beyond 2^53, each taken as the nearest double"),
        said_of(truths, "true counts as 1, false as 0"),
    )
    return Judged(outcomes, tuple(filter(None, facts)), tuple(remarks))


def check_not_text(series: pd.Series[Any]) -> None:
    """Raise a `ValueError` if a column is text that must be numbers, before these are used."""
    there = series[series.notna().to_numpy()]
    if not isinstance(series.dtype, pd.CategoricalDtype) and len(there) and may_hold_numbers(there):
        tokens = Tokens.of(there)
        raise no_numbers(str(series.name), tokens.values, tokens.odd, option=True)


def _outcomes(column: Summary, values: Iterable[Any], event: Any) -> Outcomes:
    if column.levels:
        if column.kinds == {"text"} and column.tokens is not None:
            check_outcomes(column.name, column.tokens.values, column.tokens.odd, option=True)
        return outcomes_of(column.name, column.ordered, event)
    if column.kinds == {"booleans"}:
        return outcomes_of(column.name, [False, True], event)
    first = () if column.neither is None else column.neither.labels[:1]
    return outcomes_of(column.name, sorted(values), event, first)
