"""What must be known of a column before it is used: of all rows, or of batches that are merged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.kinds import (
    are_decimals,
    distinct,
    floats,
    kind_of,
    may_hold_numbers,
)
from flatprior.models.encoding.columns.text_among_numbers import Odd, Tokens, is_numeric

MOST_LEVELS = 10_000


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
    """

    name: str
    kinds: frozenset[str]
    n_rows: int
    levels: dict[Any, int]
    order: tuple[Any, ...] | None = None
    tokens: Tokens | None = None
    neither: Odd | None = None
    decimal: bool = False

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
        name, present = str(series.name), series.notna().to_numpy()
        if not present.any():
            return cls(name=name, kinds=frozenset(), n_rows=0, levels={})
        if series.dtype.kind in "iuf" and not (factor or response):  # no need to look at a value
            n_rows = int(np.count_nonzero(counting))
            return cls(name=name, kinds=frozenset(["numbers"]), n_rows=n_rows, levels={})
        there = series[present]
        kind, rows = kind_of(there), series[counting]
        tokens, neither = None, None
        if may_be_numbers and may_hold_numbers(there):
            tokens = Tokens.of(there)
        if response and kind == "numbers":
            values = floats(rows)
            neither = Odd.of(rows.index, (values != 0) & (values != 1))
        levels: dict[Any, int] = {}
        if kind in ("categories", "text") or factor:
            codes, found = distinct(rows)
            levels = dict(zip(found, np.bincount(codes).tolist(), strict=True))
        return cls(
            name=name,
            kinds=frozenset([kind]),
            n_rows=len(rows),
            levels=levels,
            order=tuple(series.cat.categories) if kind == "categories" else None,
            tokens=tokens,
            neither=neither,
            decimal=kind == "numbers" and are_decimals(there),
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
        )

    def capped(self) -> Summary:
        """The same, if its levels are not too many to be held; of numbers no more than matter."""
        tokens = None if self.tokens is None else self.tokens.capped(MOST_LEVELS)
        levels = self.levels
        if len(levels) > MOST_LEVELS:
            words = [level for level in levels if tokens is None or not is_numeric(level)]
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


def _of_both(first: Any, second: Any) -> Any:
    return first.merge(second) if first and second else first or second
