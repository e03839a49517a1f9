"""What must be known of a column before it is used: of all rows, or of batches that are merged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.kinds import (
    are_decimals,
    distinct,
    floats,
    holds_levels,
    kind_of,
    may_hold_numbers,
)
from flatprior.models.encoding.columns.text_among_numbers import Odd, Tokens, is_number, is_numeric

MOST_LEVELS = 2**16  # more are refused where rows are in memory, too
# what stands for a missing value among numbers: -9, 99, -999, 9998 and the like
CODES = frozenset(
    sign * (first * int("1" * digits) - less)
    for sign in (-1.0, 1.0)
    for digits in range(1, 9)
    for first, less in ((7, 0), (8, 0), (9, 0), (9, 1), (9, 2), (9, 3))
    if digits > 1 or (sign < 0 and not less)
)


@dataclass(frozen=True)
class Edges:
    """The codes for missing values at the ends of a column of numbers, and what is between.

    Attributes
    ----------
    low, high : float
        The smallest and the largest of the other values.
    codes : dict
        Code to the rows that have it.
    """

    low: float
    high: float
    codes: dict[float, int]

    @classmethod
    def of(cls, values: Array) -> Edges | None:
        """Of the values (n,) of a column; None of no values."""
        codes: dict[float, int] = {}
        while len(values):
            low, high = float(values.min()), float(values.max())
            end = next((each for each in (low, high) if each in CODES), None)
            if end is None:
                return cls(low, high, codes)
            there = values == end
            codes[end] = int(np.count_nonzero(there))
            values = values[~there]
        return cls(np.inf, -np.inf, codes) if codes else None

    def merge(self, other: Edges) -> Edges:
        """Those of the rows of both."""
        codes = dict(self.codes)
        for code, rows in other.codes.items():
            codes[code] = codes.get(code, 0) + rows
        return Edges(min(self.low, other.low), max(self.high, other.high), codes)

    @property
    def isolated(self) -> dict[float, int]:
        """Code to its rows, of those in several that lie farther off than the others reach."""
        reach = self.high - self.low
        return {
            code: rows
            for code, rows in sorted(self.codes.items())
            if rows > 1 and reach > 0 and not self.low - reach <= code <= self.high + reach
        }


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is known of a column.

    Attributes
    ----------
    name : str
    kinds : frozenset of str
        What it holds: "numbers", "booleans", "text" or "categories", in each batch.
    n_rows : int
        Rows that count.
    levels : dict
        Level to the rows that have it, of those that count, where the column has levels.
    order : tuple or None
        All of its categories, seen or not, in their order; empty where batches differ.
    tokens : Tokens or None
        Of text that may turn out to be numbers: all of its rows, those too that are left out.
    neither : Odd or None
        Of a response of numbers, the rows that are neither 0 nor 1.
    decimal : bool
        Whether numbers are `decimal.Decimal`.
    large : bool
        Whether whole numbers are larger than doubles can tell apart.
    edges : Edges or None
        Of numbers, the codes for missing values that stand at either end.
    leveled : bool
        Whether a level has a coefficient where the column is text.
    """

    name: str
    kinds: frozenset[str]
    n_rows: int
    levels: dict[Any, int]
    order: tuple[Any, ...] | None = None
    tokens: Tokens | None = None
    neither: Odd | None = None
    decimal: bool = False
    large: bool = False
    edges: Edges | None = None
    leveled: bool = True

    @classmethod
    def of(
        cls,
        series: pd.Series[Any],
        counting: NDArray[np.bool_],
        *,
        factor: bool = False,
        may_be_numbers: bool = True,
        response: bool = False,
    ) -> Summary:
        """Of a column, of which the rows that are `counting` (n,) have no missing value.

        A `factor` has levels whatever it holds; text is held to be numbers only where it
        `may_be_numbers`.
        """
        name, leveled = str(series.name), holds_levels(series)
        if leveled:
            return cls._of_levels(series, leveled, counting, may_be_numbers)
        present = series.notna().to_numpy()
        if not present.any():
            return cls(name=name, kinds=frozenset(), n_rows=0, levels={})
        if series.dtype.kind in "iuf" and not (factor or response):  # no need to look at a value
            values = floats(series if present.all() else series[present])
            whole = series.dtype.kind in "iu"
            return cls(
                name=name,
                kinds=frozenset(["numbers"]),
                n_rows=int(np.count_nonzero(counting)),
                levels={},
                large=whole and bool(np.abs(values).max() > 2**53),
                edges=Edges.of(values),
            )
        there = series[present]
        kind, rows = kind_of(there), series[counting]
        tokens, neither = None, None
        if may_be_numbers and may_hold_numbers(there):
            tokens = Tokens.of(there)
        if response and kind == "numbers":
            values = floats(rows)
            neither = Odd.of(rows.index, (values != 0) & (values != 1))
        levels = _counted(*distinct(rows)) if kind == "text" or factor else {}
        return cls(
            name=name,
            kinds=frozenset([kind]),
            n_rows=len(rows),
            levels=levels,
            tokens=tokens,
            neither=neither,
            decimal=kind == "numbers" and are_decimals(there),
        )

    @classmethod
    def _of_levels(
        cls,
        series: pd.Series[Any],
        kind: Literal["text", "categories"],
        counting: NDArray[np.bool_],
        may_be_numbers: bool,
    ) -> Summary:
        """Of text or categories, whose values are looked for once."""
        codes, found = distinct(series)
        if not found:
            return cls(name=str(series.name), kinds=frozenset(), n_rows=0, levels={})
        order, tokens = None, None
        if kind == "categories":
            order = tuple(series.cat.categories.tolist())
            text = not series.cat.ordered and all(isinstance(value, str) for value in found)
            may_be_numbers &= text and not all(map(is_number, found))
        if may_be_numbers:
            there = codes >= 0
            every = bool(there.all())
            labels = series.index if every else series.index[there]
            tokens = Tokens.coded(codes if every else codes[there], found, labels)
        if not counting.all():
            codes, seen = pd.factorize(codes[counting])
            found = [found[code] for code in seen]
        levels = _counted(codes, found)
        return cls(
            name=str(series.name),
            kinds=frozenset([kind]),
            n_rows=int(np.count_nonzero(counting)),
            levels=levels,
            order=order,
            tokens=tokens,
        )

    def merge(self, other: Summary) -> Summary:
        """That of the rows of both."""
        levels = dict(self.levels)
        for level, rows in other.levels.items():
            levels[level] = levels.get(level, 0) + rows
        orders = {each.order for each in (self, other) if each.order is not None}
        return replace(
            self,
            kinds=self.kinds | other.kinds,
            n_rows=self.n_rows + other.n_rows,
            levels=levels,
            order=None if not orders else orders.pop() if len(orders) == 1 else (),
            tokens=_of_both(self.tokens, other.tokens),
            neither=_of_both(self.neither, other.neither),
            decimal=self.decimal or other.decimal,
            large=self.large or other.large,
            edges=_of_both(self.edges, other.edges),
        )

    def capped(self) -> Summary:
        """The same, if its levels are not too many to be held; of numbers no more than matter."""
        tokens = None if self.tokens is None else self.tokens.capped(MOST_LEVELS)
        levels = self.levels
        if len(levels) > MOST_LEVELS:
            count_all = self.leveled and tokens is None
            words = [level for level in levels if count_all or not is_numeric(level)]
            if len(words) > MOST_LEVELS:
                raise InputError(
                    f"column {self.name!r} has more than {MOST_LEVELS} levels, too many for a "
                    "design matrix; merge levels, or use the column as a number"
                )
            values = [level for level in levels if is_numeric(level)][: MOST_LEVELS + 1]
            levels = {level: levels[level] for level in (*words, *values)}
        return replace(self, levels=levels, tokens=tokens)

    @property
    def ordered(self) -> list[Any]:
        """The levels: in their own order, or sorted where batches differ in it."""
        if self.kinds == {"categories"} and self.order:
            return [value for value in self.order if value in self.levels]
        try:
            return sorted(self.levels)
        except TypeError as error:
            raise InputError(
                f"column {self.name!r} has text and numbers among its categories; convert all of it"
            ) from error


def _counted(codes: NDArray[Any], found: list[Any]) -> dict[Any, int]:
    """How many rows have each value."""
    return dict(zip(found, np.bincount(codes, minlength=len(found)).tolist(), strict=True))


def _of_both(first: Any, second: Any) -> Any:
    return first.merge(second) if first and second else first or second
