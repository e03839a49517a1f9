"""A formula's design as a plain array, number for number as formulaic makes it, but without it.

formulaic has decided what every column is (see `coded`); to compute them from that takes a tenth of
its time, which every batch of every pass, and every step of a derivative, would spend again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.encoding.columns.checks import check_finite
from flatprior.models.encoding.formulas.coded import Coded, Columns, coding
from flatprior.models.encoding.formulas.model_terms import Scoped
from flatprior.models.encoding.formulas.parsing import Parsed


@dataclass(frozen=True, eq=False)
class WrittenOut:
    """A counterpart of `Coded` for few indicators: arrays, and no codes.

    Attributes
    ----------
    layout : Coded
        What every column is.
    """

    layout: Coded

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self.layout.names

    @property
    def marked(self) -> dict[str, int]:
        """Generated name of a category to the first column of a contrast of its levels."""
        return self.layout.marked

    @property
    def scoped(self) -> tuple[Scoped, ...]:
        """Which columns are of which terms."""
        return self.layout.scoped

    def design(
        self, table: pd.DataFrame, parsed: Parsed, values: Columns, whole: bool = True
    ) -> Array:
        """The design of the rows of a table; they are the `whole` data, or new or part of them."""
        n, held = len(table), self.layout.factors_of(table, parsed, values)
        columns = np.empty((len(self.names), n))  # one after the other, as formulaic has them
        with np.errstate(all="ignore"):
            for each in self.layout.products:
                numbers = zip(each.steps.tolist(), each.columns(held.number, n), strict=True)
                if not each.categories:
                    for step, number in numbers:
                        columns[each.first + step] = number
                    continue
                places, of_cells = each.cells.written_out
                own = of_cells[:, held.cells_of(each)]
                for step, number in numbers:
                    columns[each.first + step + places] = own if each.of_levels else own * number
        check_finite(columns.T, self.names, table.index, whole, "no numbers")
        return columns.T


def written_out(parsed: Parsed, table: pd.DataFrame, values: Columns) -> WrittenOut | None:
    """How the design of a formula is written out; None where it is left to formulaic."""
    found = coding(parsed, table, values, written_out=True)
    return None if found is None else WrittenOut(found.laid_out(parsed))
