"""A formula's design with its factors as codes, and not a column for each level.

formulaic decides which terms have all their levels and what columns are called, on a stand-in of
three rows and three levels a category; the columns of numbers it makes itself. What every level's
column is follows from these.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.encoding.formulas.contrasts import Category
from flatprior.models.encoding.formulas.parsing import Parsed

FEW_INDICATORS = 16  # with fewer the matrix is as fast
SMALLEST = 2**18  # numbers in the matrix, likewise
STAND_IN = 3  # levels
MOST_COLUMNS = 2**16
MOST_CROSSED = 8  # categories in one term; the time to code them goes with 5 to that power

Term = frozenset[str]
Part = tuple[tuple[str, bool], ...]  # categories, and whether without their reference level


@dataclass(frozen=True, eq=False)
class Coded:
    """How numbers and codes stand in the design: a counterpart of formulaic's specification.

    Attributes
    ----------
    numbers : formulaic.ModelSpec or None
        Of the columns that are no indicators.
    places : ndarray of int (d,)
        Where these stand.
    crossed : tuple of (tuple of str, ndarray of int)
        The categories of each factor, by generated name, and the column of each of its cells; -1
        for those that have none.
    orders : dict
        Generated name of a category to its levels in the order of their codes.
    column_names : tuple of str
        In generated names.
    """

    numbers: Any
    places: NDArray[np.intp]
    crossed: tuple[tuple[tuple[str, ...], NDArray[np.intp]], ...]
    orders: dict[str, tuple[Any, ...]]
    column_names: tuple[str, ...]

    def design(self, table: pd.DataFrame, parsed: Parsed, numbers: NDArray[Any]) -> Structured:
        """The design of rows, whose columns of numbers are given."""
        codes = {
            key: _codes(table[_column(parsed, key)], order) for key, order in self.orders.items()
        }
        factors = []
        for keys, columns in self.crossed:
            cells = codes[keys[0]]
            for key in keys[1:]:
                cells = cells * np.int32(len(self.orders[key])) + codes[key]
            name = parsed.original(":".join(keys))
            levels = tuple(self.orders[key] for key in keys)
            factors.append(Factor(cells, columns, name, levels))
        return Structured(numbers, self.places, tuple(factors))


def _column(parsed: Parsed, key: str) -> str:
    factor = parsed.factors_of.get(key)
    return factor.column if isinstance(factor, Category) else key


def _codes(series: pd.Series[Any], order: tuple[Any, ...]) -> NDArray[np.int32]:
    known = tuple(series.cat.categories.tolist())
    codes = series.cat.codes.to_numpy().astype(np.int32)
    if known == order:
        return codes
    place = {level: i for i, level in enumerate(order)}
    return np.array([place[level] for level in known], dtype=np.int32)[codes]


@dataclass(frozen=True, eq=False)
class Coding:
    """How the terms of categories are coded.

    Attributes
    ----------
    parts : dict
        Each term of categories to its parts.
    references : dict
        Generated name of a category to its reference level.
    orders : dict
        Likewise, to its levels in order.
    """

    parts: dict[Term, tuple[Part, ...]]
    references: dict[str, Any]
    orders: dict[str, tuple[Any, ...]]

    @property
    def n_columns(self) -> int:
        """Number of their columns."""
        return sum(
            math.prod(len(self.orders[key]) - reduced for key, reduced in part)
            for parts in self.parts.values()
            for part in parts
        )

    def numbers(self, parsed: Parsed) -> str:
        """The right-hand side without the terms of categories."""
        terms = [":".join(term) for term in parsed.terms if frozenset(term) not in self.parts]
        return " + ".join([str(int(parsed.intercept)), *terms])

    def beside(self, parsed: Parsed, spec: Any) -> Coded:
        """The layout of the design, with formulaic's record of the columns of numbers, if any."""
        of_term = {frozenset(map(str, row.term.factors)): row.columns for row in spec.structure}
        columns = list(of_term.get(frozenset({"1"}), [])) if parsed.intercept else []
        places, crossed = list(range(len(columns))), []
        for term in sorted(map(tuple, parsed.terms), key=len):
            key = frozenset(term)
            if key not in self.parts:
                places += range(len(columns), len(columns) + len(of_term[key]))
                columns += of_term[key]
                continue
            for part in self.parts[key]:
                names, cells = self._cells(part)
                crossed.append((tuple(name for name, _ in part), len(columns) + cells))
                crossed[-1][1][cells < 0] = -1
                columns += names
        return Coded(
            spec, np.array(places, dtype=np.intp), tuple(crossed), self.orders, tuple(columns)
        )

    def _cells(self, part: Part) -> tuple[list[str], NDArray[np.intp]]:
        """Names of the columns of a part, and which of them each cell has; -1 for none."""
        each, named = [], []
        for key, reduced in part:
            levels, reference = self.orders[key], self.references[key]
            kept = [level for level in levels if not (reduced and level == reference)]
            tag = "T." if reduced else ""
            named.append([f"{key}[{tag}{level}]" for level in kept])
            place = {level: i for i, level in enumerate(kept)}
            each.append(np.array([place.get(level, -1) for level in levels]))
        # of the columns the first category changes fastest, of the cells the last one
        labels = [":".join(reversed(cell)) for cell in itertools.product(*reversed(named))]
        cells, stride = np.zeros(1, dtype=np.intp), 1
        for own, columns in zip(each, named, strict=True):
            here = np.where(own < 0, -1, own * stride)
            cells = np.where((cells[:, None] < 0) | (here < 0), -1, cells[:, None] + here).ravel()
            stride *= len(columns)
        return labels, cells


def coding(parsed: Parsed, table: pd.DataFrame) -> Coding | None:
    """How the terms of categories are coded; None where the design is better written out."""
    categories, order = {}, {}
    for key in {key for term in parsed.terms for key in term}:
        factor = parsed.factors_of.get(key)
        column = _column(parsed, key)
        if column not in table or not isinstance(table[column].dtype, pd.CategoricalDtype):
            continue
        if isinstance(factor, Category):
            if factor.kind not in ("treatment", "last"):
                return None
            order[key] = tuple(factor.order(table[column].cat.categories.tolist()))
            categories[key] = factor.base(order[key])
        else:
            order[key] = tuple(table[column].cat.categories.tolist())
            categories[key] = order[key][0]
    of_categories = [term for term in parsed.terms if any(key in categories for key in term)]
    if not of_categories or any(key not in categories for term in of_categories for key in term):
        return None
    if max(map(len, of_categories)) > MOST_CROSSED:
        return None
    cells = [math.prod(len(order[key]) for key in term) for term in of_categories]
    if sum(cells) < FEW_INDICATORS or sum(cells) * len(table) < SMALLEST:
        return None
    if sum(cells) > MOST_COLUMNS:
        return None  # which is refused
    found = Coding(_stand_in(parsed, of_categories, order), categories, order)
    return found


def _stand_in(
    parsed: Parsed, terms: list[tuple[str, ...]], order: dict[str, tuple[Any, ...]]
) -> dict[Term, tuple[Part, ...]]:
    """The parts of each term, as formulaic says."""
    from formulaic import Formula

    levels = [f"level{i}" for i in range(STAND_IN)]
    few = {
        key: pd.Categorical(levels[: len(order[key])] * STAND_IN, levels[: len(order[key])])
        for key in order
    }
    size = math.lcm(*(len(values) for values in few.values()))
    frame = pd.DataFrame(
        {key: values[np.resize(np.arange(len(values)), size)] for key, values in few.items()}
    )
    right = " + ".join([str(int(parsed.intercept)), *map(":".join, terms)])
    spec = Formula(right).get_model_matrix(frame, output="pandas").model_spec
    return {
        frozenset(str(factor) for factor in row.term.factors): tuple(
            tuple((each.factor.expr, each.reduced) for each in scoped.factors)
            for scoped in row.scoped_terms
        )
        for row in spec.structure
        if str(row.term) != "1"
    }
