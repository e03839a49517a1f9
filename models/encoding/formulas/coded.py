"""A formula's design with its factors as codes, and not a column for each level.

formulaic decides which terms have all their levels, and in which order they come, on a stand-in of
a few rows. What every column is and is called follows from that: an indicator of a cell of
categories, a number, or the product of both, of which one is not 0 in a row.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.encoding.columns.checks import check_finite
from flatprior.models.encoding.formulas.contrasts import Category
from flatprior.models.encoding.formulas.parsing import Parsed

FEW_INDICATORS = 16  # with fewer the matrix is as fast
SMALLEST = 2**18  # numbers in the matrix, likewise
MOST_COLUMNS = 2**16
MOST_CROSSED = 8  # categories in one term; the time to code them goes with 5 to that power

Part = tuple[tuple[int, bool], ...]  # factors by their place, and whether without one of the levels
Columns = Mapping[str, Any]  # the numbers of a call by its generated name: an array, or some


@dataclass(frozen=True, eq=False)
class Product:
    """The columns of a part of a term: every cell of its categories times every number.

    Attributes
    ----------
    name : str
        Of the first of them.
    categories : tuple of str
        By their generated names.
    cells : ndarray of int (c,)
        The column of each cell's first number, of the last category fastest; -1 of those that have
        none.
    numbers : tuple of (tuple, tuple)
        Which columns of which calls are multiplied, in what order: those of calls that have
        several, and those that are alone.
    steps : ndarray of int (m,)
        How far the column of each number is from the cell's first.
    """

    name: str
    categories: tuple[str, ...]
    cells: NDArray[np.intp]
    numbers: tuple[tuple[tuple[tuple[str, Any], ...], tuple[tuple[str, Any], ...]], ...]
    steps: NDArray[np.intp]

    @property
    def counts(self) -> bool:
        """Whether it is of categories alone."""
        return self.numbers == (((), ()),) and bool(self.categories)

    def as_it_is(self, computed: Container[str]) -> bool:
        """Whether it is 1 everywhere, or a column of the table, which has been checked."""
        factors = [each for pair in self.numbers for some in pair for each in some]
        return not factors or (len(factors) == 1 and factors[0][0] not in computed)

    def columns(self, number: Callable[[str, Any], Array], n: int) -> Iterator[Array]:
        """Its numbers, each (n,), to the last bit as formulaic multiplies them."""
        for several, alone in self.numbers:
            factors = [number(*each) for each in several]
            if alone:
                factors.append(reduce(np.multiply, (number(*each) for each in alone)))
            yield reduce(np.multiply, factors) if factors else np.ones(n)


@dataclass(frozen=True, eq=False)
class Coded:
    """How numbers and codes stand in the design: a counterpart of formulaic's specification.

    Attributes
    ----------
    products : tuple of Product
    orders : dict
        Generated name of a category to its levels in the order of their codes.
    names : tuple of str
        Of the columns.
    marked : dict
        Generated name of a category to the first column of a contrast of its levels.
    """

    products: tuple[Product, ...]
    orders: dict[str, tuple[Any, ...]]
    names: tuple[str, ...]
    marked: dict[str, int]

    def design(
        self, table: pd.DataFrame, parsed: Parsed, values: Columns, whole: bool = True
    ) -> Structured:
        """The design of the rows of a table; they are the `whole` data, or new or part of them."""
        n = len(table)
        codes = {
            key: _codes(table[_column(parsed, key)], order) for key, order in self.orders.items()
        }

        def number(key: str, field: Any) -> Array:
            found = values[key] if key in values else table[key]
            return np.asarray(found if field is None else found[field], dtype=float)

        plain = [each for each in self.products if not each.categories]
        places = np.array([j for each in plain for j in each.cells + each.steps], dtype=np.intp)
        numbers = np.empty((n, len(places)))
        at = 0
        for each in plain:
            part = slice(at, at + len(each.steps))
            with np.errstate(all="ignore"):
                for j, column in enumerate(each.columns(number, n), at):
                    numbers[:, j] = column
            if not each.as_it_is(values):
                names = [self.names[j] for j in places[part]]
                check_finite(numbers[:, part], names, table.index, whole, "no numbers")
            at = part.stop
        factors, mixed = [], []
        for each in self.products:
            if not each.categories:
                continue
            cells = codes[each.categories[0]]
            for key in each.categories[1:]:
                cells = cells * np.int32(len(self.orders[key])) + codes[key]
            if each.counts:
                name = parsed.original(":".join(each.categories))
                levels = tuple(self.orders[key] for key in each.categories)
                factors.append(Factor(cells, each.cells, name, levels))
                continue
            with np.errstate(all="ignore"):
                columns = np.column_stack([*each.columns(number, n)])
            check_finite(columns, [each.name] * len(each.steps), table.index, whole, "no numbers")
            mixed.append((each, cells, columns))
        return Structured(numbers, places, tuple(factors), *_in_rows(n, mixed))


def _in_rows(
    n: int, mixed: list[tuple[Product, NDArray[np.int32], Array]]
) -> tuple[Any, NDArray[np.intp]]:
    """Products of categories and numbers as a sparse matrix (n, s), and its places; or none."""
    if not mixed:
        return None, np.zeros(0, dtype=np.intp)
    places = np.concatenate(
        [(each.cells[each.cells >= 0, None] + each.steps).ravel() for each, _, _ in mixed]
    )
    places.sort()
    at = np.zeros(places[-1] + 2, dtype=np.int32)
    at[places] = np.arange(len(places))
    at[-1] = -1
    index, values = [], []
    for each, cells, columns in mixed:
        # of the numbers those with the smaller steps come first
        order = np.argsort(each.steps)
        of_cell = at[np.where(each.cells[:, None] < 0, -1, each.cells[:, None] + each.steps[order])]
        index.append(of_cell[cells])
        values.append(columns[:, order])
    where, what = np.concatenate(index, axis=1), np.concatenate(values, axis=1)
    there = (where >= 0) & (what != 0)
    starts = np.append(0, np.cumsum(np.count_nonzero(there, axis=1)))
    found = sparse.csr_array((what[there], where[there], starts), shape=(n, len(places)))
    return found, places


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
    """How the terms of a formula are coded.

    Attributes
    ----------
    keys : tuple of str
        Generated names of the factors.
    parts : tuple of tuple
        The parts of the terms, in their order.
    references : dict
        Generated name of a category to its reference level.
    orders : dict
        Likewise, to its levels in order.
    fields : dict
        Generated name of a call of numbers to its columns and what they are called, whole and
        without the one that may go.
    """

    keys: tuple[str, ...]
    parts: tuple[Part, ...]
    references: dict[str, Any]
    orders: dict[str, tuple[Any, ...]]
    fields: dict[str, tuple[dict[Any, str], dict[Any, str]]]

    def size(self, part: Part) -> int:
        """Number of columns of a part."""
        return math.prod(self._size(self.keys[at], reduced) for at, reduced in part)

    def _size(self, key: str, reduced: bool) -> int:
        if key in self.orders:
            return len(self.orders[key]) - reduced
        return len(self.fields[key][reduced])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return sum(map(self.size, self.parts))

    @property
    def n_numbers(self) -> int:
        """Numbers that are held in a row, at most."""
        numbers = [
            [each for each in part if self.keys[each[0]] not in self.orders] for part in self.parts
        ]
        return sum(
            self.size(tuple(found))
            for found, part in zip(numbers, self.parts, strict=True)
            if found or not part
        )

    def laid_out(self, parsed: Parsed) -> Coded:
        """The layout of the design."""
        named = {key: parsed.original(key) for key in self.keys}
        products: list[Product] = []
        names: list[str] = []
        marked: dict[str, int] = {}
        for part in self.parts:
            labels, product = self._product(part, named, len(names))
            for at, reduced in part:
                if reduced and self.keys[at] in self.orders:
                    marked.setdefault(self.keys[at], len(names))
            products.append(product)
            names += labels
        return Coded(tuple(products), self.orders, tuple(names), marked)

    def _product(self, part: Part, named: dict[str, str], first: int) -> tuple[list[str], Product]:
        """The names of the columns of a part, the `first` of which is there, and what they are."""
        labels: list[list[str]] = []
        cells, stride = np.zeros(1, dtype=np.intp), 1
        numbers: list[tuple[int, tuple[Any, ...], tuple[Any, ...]]] = [(0, (), ())]
        for at, reduced in part:
            key = self.keys[at]
            if key in self.orders:
                levels, reference = self.orders[key], self.references[key]
                kept = [level for level in levels if not (reduced and level == reference)]
                tag = "T." if reduced else ""
                labels.append([f"{named[key]}[{tag}{level}]" for level in kept])
                place = {level: i for i, level in enumerate(kept)}
                own = np.array([place.get(level, -1) for level in levels])
                here = np.where(own < 0, -1, own * stride)
                # of the columns the first factor changes fastest, of the cells the last category
                cells = np.where((cells[:, None] < 0) | (here < 0), -1, cells[:, None] + here)
                cells = cells.ravel()
            else:
                fields = self.fields[key][reduced]
                labels.append([label.replace(key, named[key]) for label in fields.values()])
                numbers = [
                    (
                        step + i * stride,
                        several if len(fields) == 1 else (*several, (key, field)),
                        alone if len(fields) > 1 else (*alone, (key, field)),
                    )
                    for step, several, alone in numbers
                    for i, field in enumerate(fields)
                ]
            stride *= len(labels[-1])
        names = [":".join(reversed(cell)) for cell in itertools.product(*reversed(labels))]
        product = Product(
            name=names[0] if part else "Intercept",
            categories=tuple(self.keys[at] for at, _ in part if self.keys[at] in self.orders),
            cells=np.where(cells < 0, -1, cells + first),
            numbers=tuple((several, alone) for _, several, alone in numbers),
            steps=np.array([step for step, *_ in numbers], dtype=np.intp),
        )
        return names if part else ["Intercept"], product


def coding(
    parsed: Parsed, table: pd.DataFrame, values: Columns, n_rows: int | None = None
) -> Coding | None:
    """How the terms are coded; None where the design is better written out.

    The table may be of few of `n_rows`, if they show every level.
    """
    references: dict[str, Any] = {}
    order: dict[str, tuple[Any, ...]] = {}
    keys = tuple(dict.fromkeys(key for term in parsed.terms for key in term))
    for key in keys:
        factor = parsed.factors_of.get(key)
        column = _column(parsed, key)
        if column not in table or not isinstance(table[column].dtype, pd.CategoricalDtype):
            continue
        known = table[column].cat.categories.tolist()
        if isinstance(factor, Category):
            if factor.kind not in ("treatment", "last"):
                return None
            order[key] = tuple(factor.order(known))
            references[key] = factor.base(order[key])
        else:
            order[key] = tuple(known)
            references[key] = order[key][0]
    of_categories = [term for term in parsed.terms if any(key in order for key in term)]
    if not of_categories or any(
        sum(key in order for key in term) > MOST_CROSSED for term in of_categories
    ):
        return None
    fields = {key: _fields(key, values.get(key)) for key in keys if key not in order}
    sizes = {key: len(order[key]) if key in order else len(fields[key][0]) for key in keys}
    cells = sum(math.prod(sizes[key] for key in term) for term in of_categories)
    if cells < FEW_INDICATORS or cells * (n_rows or len(table)) < SMALLEST or cells > MOST_COLUMNS:
        return None  # where there are too many, this is refused
    place = {key: at for at, key in enumerate(keys)}
    terms = tuple(tuple(place[key] for key in term) for term in parsed.terms)
    spanning = tuple(key in order or len(fields[key][1]) < len(fields[key][0]) for key in keys)
    return Coding(keys, _parts(parsed.intercept, terms, spanning), references, order, fields)


def _fields(key: str, found: Any) -> tuple[dict[Any, str], dict[Any, str]]:
    """The columns that numbers have, and their names; and without the one that may be left out."""
    fields = list(found) if isinstance(found, dict) else []
    if not fields:
        return {None: key}, {None: key}
    about = found.__formulaic_metadata__
    every = {field: about.format.format(name=key, field=field) for field in fields}
    if not about.spans_intercept:
        return every, every
    form = about.format_reduced or about.format
    return every, {
        field: form.format(name=key, field=field) for field in every if field != about.drop_field
    }


@lru_cache(maxsize=256)
def _parts(
    intercept: bool, terms: tuple[tuple[int, ...], ...], spanning: tuple[bool, ...]
) -> tuple[Part, ...]:
    """The parts of the terms, as formulaic says: which factors span the intercept is all it asks.

    For these stand categories of two levels, for the others numbers.
    """
    from formulaic import Formula

    frame = pd.DataFrame(
        {
            f"f{at}": pd.Categorical(["a", "b"]) if spans else [0.0, 1.0]
            for at, spans in enumerate(spanning)
        },
        index=range(2),
    )
    right = [":".join(f"f{at}" for at in term) for term in terms]
    formula = Formula(" + ".join([str(int(intercept)), *right]))
    spec = formula.get_model_matrix(frame, output="pandas").model_spec
    return tuple(
        tuple((int(each.factor.expr[1:]), bool(each.reduced)) for each in scoped.factors)
        for row in spec.structure
        for scoped in row.scoped_terms
    )
