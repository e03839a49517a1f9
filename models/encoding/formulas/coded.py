"""A formula's design with its factors as codes, and not a column for each level.

formulaic decides which terms have all their levels, and in which order they come, on a stand-in of
a few rows. What every column is and is called follows from that: an indicator of a cell of
categories, a number, or the product of both, of which one is not 0 in a row.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.encoding.columns.checks import check_finite
from flatprior.models.encoding.formulas.by_formulaic import built
from flatprior.models.encoding.formulas.contrasts import Category
from flatprior.models.encoding.formulas.model_terms import Scoped
from flatprior.models.encoding.formulas.parsing import Parsed

FEW_INDICATORS = 16  # with fewer the matrix is as fast
SMALLEST = 2**18  # numbers in the matrix, likewise
MOST_WRITTEN = 2**8  # cells of all terms whose columns are written out without formulaic
MOST_COLUMNS = 2**16
DENSE = 1 / 4  # of the entries of contrasts, beyond which they are held as numbers
MOST_CROSSED = 8  # categories in one term; the time to code them goes with 5 to that power

TREATMENT = ("treatment", "last")
EXACT = (*TREATMENT, "sum")  # contrasts whose products are not rounded

Part = tuple[tuple[int, bool], ...]  # factors by their place, and whether without one of the levels
Parts = tuple[tuple[tuple[int, ...], tuple[Part, ...]], ...]  # of each term
Columns = Mapping[str, Any]  # the numbers of a call by its generated name: an array, or some


@dataclass(frozen=True, eq=False)
class Cells:
    """What the cells of categories have in columns: a sparse matrix, cell after cell.

    Attributes
    ----------
    cell, column : ndarray of int (e,)
        Of each entry.
    value : ndarray (e,)
    shape : tuple of int
        Cells and columns.
    """

    cell: NDArray[np.intp]
    column: NDArray[np.intp]
    value: Array
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: Any) -> Cells:
        """Of a matrix with a row for each cell."""
        found = sparse.coo_array(sparse.csr_array(matrix))
        return cls(found.row.astype(np.intp), found.col.astype(np.intp), found.data, found.shape)

    @classmethod
    def every(cls, size: int) -> Cells:
        """A column for each."""
        place = np.arange(size)
        return cls(place, place, np.ones(size), (size, size))

    def times(self, other: Cells, stride: int) -> Cells:
        """Of the cells of both, of which the other's change fastest; of the columns, these."""
        return Cells(
            (self.cell[:, None] * other.shape[0] + other.cell).ravel(),
            (self.column[:, None] + other.column * stride).ravel(),
            (self.value[:, None] * other.value).ravel(),
            (self.shape[0] * other.shape[0], self.shape[1] * other.shape[1]),
        )

    @property
    def in_row(self) -> float:
        """Entries that a cell has."""
        return len(self.value) / self.shape[0]

    @property
    def are_indicators(self) -> bool:
        """Whether no cell has more than a single 1."""
        alone = bool((np.bincount(self.cell) <= 1).all())
        return alone and bool((self.value == 1).all())

    @property
    def is_full(self) -> bool:
        """Whether a matrix of numbers is as small."""
        return len(self.value) > DENSE * self.shape[0] * self.shape[1]

    @property
    def columns(self) -> NDArray[np.intp]:
        """The column of each cell, of indicators; -1 where it has none."""
        found = np.full(self.shape[0], -1, dtype=np.intp)
        found[self.cell] = self.column
        return found

    @cached_property
    def written_out(self) -> tuple[NDArray[np.intp], Array]:
        """The columns that have entries (c,), and all of these (c, cells)."""
        own, at = np.unique(self.column, return_inverse=True)
        found = np.zeros((len(own), self.shape[0]))
        found[at, self.cell] = self.value
        return own, found

    @property
    def matrix(self) -> sparse.csr_array:
        """Its rows are the cells."""
        shape = (self.shape[0], int(self.column.max(initial=-1)) + 1)
        return sparse.csr_array((self.value, (self.cell, self.column)), shape=shape)


@dataclass(frozen=True, eq=False)
class Product:
    """The columns of a part of a term: every cell of its categories times every number.

    Attributes
    ----------
    name : str
        Of the first of them.
    first : int
        Which column of the design that is.
    categories : tuple of str
        By their generated names.
    cells : Cells
        Of the categories, in the columns of the first number, counted from the first.
    numbers : tuple of (tuple, tuple)
        Which columns of which calls are multiplied, in what order: those of calls that have
        several, and those that are alone.
    steps : ndarray of int (m,)
        How far the columns of each number are from those of the first.
    """

    name: str
    first: int
    categories: tuple[str, ...]
    cells: Cells
    numbers: tuple[tuple[tuple[tuple[str, Any], ...], tuple[tuple[str, Any], ...]], ...]
    steps: NDArray[np.intp]

    @property
    def kind(self) -> Literal["numbers", "codes", "sparse"]:
        """How its columns are held."""
        if not self.of_levels:
            return "sparse" if self.categories else "numbers"
        if self.cells.are_indicators:
            return "codes"
        return "numbers" if self.cells.is_full else "sparse"

    @property
    def of_levels(self) -> bool:
        """Whether it is of categories alone."""
        return bool(self.categories) and self.numbers == (((), ()),)

    @property
    def summed(self) -> bool:
        """Whether it is of sum contrasts of one category, held as a sparse matrix."""
        if len(self.categories) != 1 or self.kind != "sparse" or not self.of_levels:
            return False
        last = self.cells.value[self.cells.cell == self.cells.shape[1]]
        return len(last) == self.cells.shape[1] and bool((last == -1).all())

    def as_it_is(self, computed: Container[str]) -> bool:
        """Whether nothing is computed of the table's columns, which have been checked."""
        factors = [each for pair in self.numbers for some in pair for each in some]
        return not factors or (len(factors) == 1 and factors[0][0] not in computed)

    def columns(self, number: Callable[[str, Any], Array], n: int) -> Iterator[Array]:
        """Its numbers, each (n,), to the last bit as formulaic multiplies them."""
        for several, alone in self.numbers:
            factors = [number(*each) for each in several]
            if alone:
                factors.append(reduce(np.multiply, (number(*each) for each in alone)))
            yield reduce(np.multiply, factors) if factors else np.ones(n)


class Factors(NamedTuple):
    """The numbers and the codes of some rows."""

    table: pd.DataFrame
    values: Columns
    orders: Mapping[str, tuple[Any, ...]]
    codes: Mapping[str, NDArray[np.int32]]

    def number(self, key: str, field: Any) -> Array:
        """One column of numbers (n,)."""
        found = self.values[key] if key in self.values else self.table[key]
        return np.asarray(found if field is None else found[field], dtype=float)

    def cells_of(self, product: Product) -> NDArray[np.int32]:
        """The cell of each row (n,); of the categories, the last one's levels change fastest."""
        cells = self.codes[product.categories[0]]
        for key in product.categories[1:]:
            cells = cells * np.int32(len(self.orders[key])) + self.codes[key]
        return cells


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
    scoped : tuple of Scoped
        Which columns are of which terms.
    """

    products: tuple[Product, ...]
    orders: dict[str, tuple[Any, ...]]
    names: tuple[str, ...]
    marked: dict[str, int]
    scoped: tuple[Scoped, ...]

    @property
    def is_written_out(self) -> bool:
        """Whether nothing is held as codes or as a sparse matrix."""
        return all(each.kind == "numbers" for each in self.products)

    def factors_of(self, table: pd.DataFrame, parsed: Parsed, values: Columns) -> Factors:
        """What the columns are computed from, in the rows of a table."""
        return Factors(
            table,
            values,
            self.orders,
            {key: _codes(table[_column(parsed, key)], order) for key, order in self.orders.items()},
        )

    def design(
        self, table: pd.DataFrame, parsed: Parsed, values: Columns, whole: bool = True
    ) -> Structured:
        """The design of the rows of a table; they are the `whole` data, or new or part of them."""
        n, held = len(table), self.factors_of(table, parsed, values)

        def checked(product: Product) -> list[Array]:
            with np.errstate(all="ignore"):
                columns = [*product.columns(held.number, n)]
            if not product.as_it_is(values):
                names = [self.names[j] for j in product.first + product.steps]
                check_finite(np.column_stack(columns), names, table.index, whole, "no numbers")
            return columns

        plain: list[tuple[int, Array]] = []
        factors, contrasted, mixed = [], [], []
        for each in self.products:
            if not each.categories:
                plain += zip((each.first + each.steps).tolist(), checked(each), strict=True)
                continue
            cells = held.cells_of(each)
            if each.kind == "codes":
                name = parsed.original(":".join(each.categories))
                levels = tuple(self.orders[key] for key in each.categories)
                own = each.cells.columns
                factors.append(Factor(cells, np.where(own < 0, -1, each.first + own), name, levels))
            elif each.kind == "numbers":
                plain += enumerate(each.cells.matrix.toarray().T[:, cells], each.first)
            else:
                if each.summed:
                    (key,), last = each.categories, each.cells.shape[1]
                    own = np.append(each.first + np.arange(last), -1)
                    name, levels = parsed.original(key), (self.orders[key],)
                    contrasted.append(Factor(cells, own, name, levels))
                columns = [np.ones(n)] if each.of_levels else checked(each)
                mixed.append(_in_rows(each, cells, np.column_stack(columns)))
        numbers = np.empty((n, len(plain)))
        for at, (_, column) in enumerate(plain):
            numbers[:, at] = column
        places = np.array([place for place, _ in plain], dtype=np.intp)
        design = _beside(Structured(numbers, places, tuple(factors)), mixed)
        return replace(design, contrasted=tuple(contrasted)) if contrasted else design


class _Entries(NamedTuple):
    """What is not 0: rows, columns of the design, and values; and which columns these are."""

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    value: Array
    places: NDArray[np.intp]


def _in_rows(product: Product, cells: NDArray[np.int32], columns: Array) -> _Entries:
    """What rows of some cells have in the columns of a product, whose numbers (n, m) these are."""
    of_cell = product.cells.matrix
    row = np.repeat(np.arange(len(cells)), np.diff(of_cell.indptr)[cells])
    found = of_cell[cells]
    at = product.first + found.indices[:, None] + product.steps
    values = found.data[:, None] * columns[row]
    places = product.first + product.steps[:, None] + np.unique(product.cells.column)
    row = np.repeat(row, len(product.steps))
    return _Entries(row, at.ravel(), values.ravel(), places.ravel())


def _beside(design: Structured, mixed: list[_Entries]) -> Structured:
    """A design, and columns that are mostly 0, if there are such."""
    if not mixed:
        return design
    row, column, value, places = (np.concatenate(each) for each in zip(*mixed, strict=True))
    places.sort()
    at = np.zeros(places[-1] + 1, dtype=np.intp)
    at[places] = np.arange(len(places))
    there = value != 0
    found = sparse.csr_array(
        (value[there], (row[there], at[column[there]])), shape=(len(design.numbers), len(places))
    )
    return design.beside(found, places)


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
    parts_of : tuple of (tuple of int, tuple of tuple)
        Each term, as the places of its factors, and its parts.
    orders : dict
        Generated name of a category to its levels in order.
    reduced : dict
        Likewise, to how they are coded with a column less, and what the columns are called.
    fields : dict
        Generated name of a call of numbers to its columns and what they are called, whole and
        without the one that may go.
    """

    keys: tuple[str, ...]
    parts_of: Parts
    orders: dict[str, tuple[Any, ...]]
    reduced: dict[str, tuple[Cells, list[str]]]
    fields: dict[str, tuple[dict[Any, str], dict[Any, str]]]

    @property
    def parts(self) -> list[Part]:
        """The parts of all terms, in their order."""
        return [part for _, parts in self.parts_of for part in parts]

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
    def n_numbers(self) -> float:
        """Numbers that are held in a row, about."""
        found = 0.0
        for part in self.parts:
            numbers = [each for each in part if self.keys[each[0]] not in self.orders]
            of_cells = [self._cells(*each).in_row for each in part if each not in numbers]
            if numbers or not part or max(of_cells) > 1:
                found += self.size(tuple(numbers)) * math.prod(of_cells)
        return found

    def _cells(self, at: int, reduced: bool) -> Cells:
        key = self.keys[at]
        return self.reduced[key][0] if reduced else Cells.every(len(self.orders[key]))

    def laid_out(self, parsed: Parsed) -> Coded:
        """The layout of the design."""
        named = {key: parsed.original(key) for key in self.keys}
        products: list[Product] = []
        names: list[str] = []
        marked: dict[str, int] = {}
        scoped: list[Scoped] = []
        for term, parts in self.parts_of:
            first = len(names)
            for part in parts:
                labels, product = self._product(part, named, len(names))
                for at, reduced in part:
                    if reduced and self.keys[at] in self.orders:
                        marked.setdefault(self.keys[at], len(names))
                products.append(product)
                names += labels
            whole = {self.keys[at] for part in parts for at, reduced in part if not reduced}
            factors = tuple(self.keys[at] for at in term)
            scoped.append(Scoped(factors, frozenset(whole), tuple(names[first:])))
        return Coded(tuple(products), self.orders, tuple(names), marked, tuple(scoped))

    def _product(self, part: Part, named: dict[str, str], first: int) -> tuple[list[str], Product]:
        """The names of the columns of a part, the `first` of which is there, and what they are."""
        labels: list[list[str]] = []
        cells, stride = Cells.every(1), 1
        numbers: list[tuple[int, tuple[Any, ...], tuple[Any, ...]]] = [(0, (), ())]
        for at, reduced in part:
            key = self.keys[at]
            if key in self.orders:
                every = [f"{key}[{level}]" for level in self.orders[key]]
                own = self.reduced[key][1] if reduced else every
                labels.append([label.replace(key, named[key], 1) for label in own])
                # of the columns the first factor changes fastest, of the cells the last category
                cells = cells.times(self._cells(at, reduced), stride)
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
            first=first,
            categories=tuple(self.keys[at] for at, _ in part if self.keys[at] in self.orders),
            cells=cells,
            numbers=tuple((several, alone) for _, several, alone in numbers),
            steps=np.array([step for step, *_ in numbers], dtype=np.intp),
        )
        return names if part else ["Intercept"], product


def coding(
    parsed: Parsed,
    table: pd.DataFrame,
    values: Columns,
    n_rows: int | None = None,
    written_out: bool = False,
) -> Coding | None:
    """How the terms are coded; None where the design is better written out.

    The table may be of few of `n_rows`, if they show every level. For a design that is
    `written_out` likewise; None where it is for formulaic to do so.
    """
    order: dict[str, tuple[Any, ...]] = {}
    category: dict[str, Category] = {}
    keys = tuple(dict.fromkeys(key for term in parsed.terms for key in term))
    for key in keys:
        factor = parsed.factors_of.get(key)
        column = _column(parsed, key)
        if column not in table or not isinstance(table[column].dtype, pd.CategoricalDtype):
            continue
        category[key] = factor if isinstance(factor, Category) else Category(column, column, "")
        order[key] = tuple(category[key].order(table[column].cat.categories.tolist()))
    of_categories = [term for term in parsed.terms if any(key in order for key in term)]
    if (
        not (of_categories or written_out)
        or any(sum(key in order for key in term) > MOST_CROSSED for term in of_categories)
        or min(map(len, order.values()), default=2) < 2
    ):
        return None  # or an error, as is said by whoever writes them out
    fields = {key: _fields(key, values.get(key)) for key in keys if key not in order}
    sizes = {key: len(order[key]) if key in order else len(fields[key][0]) for key in keys}
    cells = sum(math.prod(sizes[key] for key in term) for term in of_categories)
    if written_out:
        if cells > MOST_WRITTEN:
            return None
    elif cells < FEW_INDICATORS or cells * (n_rows or len(table)) < SMALLEST:
        return None
    elif cells > MOST_COLUMNS:
        return None  # this is refused
    if any(
        category[key].kind not in EXACT and len(term) > 1
        for term in of_categories
        for key in term
        if key in order
    ):
        return None  # products would be rounded in another order
    place = {key: at for at, key in enumerate(keys)}
    terms = tuple(tuple(place[key] for key in term) for term in parsed.terms)
    spanning = tuple(key in order or len(fields[key][1]) < len(fields[key][0]) for key in keys)
    parts = _parts(parsed.intercept, terms, spanning)
    reduced = {key: _reduced(key, category[key], order[key]) for key in order}
    return Coding(keys, parts, order, reduced, fields)


def _reduced(key: str, category: Category, levels: tuple[Any, ...]) -> tuple[Cells, list[str]]:
    """How the levels of a category are coded with a column less, and what these are called."""
    coding = category.contrasts(levels)
    form = coding.get_factor_format(levels, reduced_rank=True)
    names = coding.get_coding_column_names(levels, reduced_rank=True)
    if category.kind in TREATMENT:
        there = np.flatnonzero(np.arange(len(levels)) != levels.index(category.base(levels)))
        columns = np.arange(len(there))
        cells = Cells(there, columns, np.ones(len(there)), (len(levels), len(there)))
    elif category.kind == "sum":
        cells = _sums(len(levels))
    else:
        cells = Cells.of(np.asarray(coding.get_coding_matrix(levels, reduced_rank=True)))
    return cells, [form.format(name=key, field=name) for name in names]


def _sums(n_levels: int) -> Cells:
    """Sum contrasts: of the last level -1 in all columns."""
    place = np.arange(n_levels - 1)
    last = np.full(n_levels - 1, n_levels - 1)
    return Cells(
        np.append(place, last),
        np.append(place, place),
        np.repeat([1.0, -1.0], n_levels - 1),
        (n_levels, n_levels - 1),
    )


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
) -> Parts:
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
    spec = built(formula, frame).model_spec
    return tuple(
        (
            tuple(int(each.expr[1:]) for each in row.term.factors if each.expr != "1"),
            tuple(
                tuple((int(each.factor.expr[1:]), bool(each.reduced)) for each in scoped.factors)
                for scoped in row.scoped_terms
            ),
        )
        for row in spec.structure
    )
