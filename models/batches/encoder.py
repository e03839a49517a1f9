"""Batches of rows, encoded each in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.batches.roles import Roles
from flatprior.models.encoding.columns.checks import of_some_rows
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.formulas.encoding import Encoding
from flatprior.models.encoding.response import Outcomes
from flatprior.models.encoding.sampling import Key, units_of
from flatprior.models.rows import Block


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows that belong together because some columns have the same values.

    Attributes
    ----------
    columns : tuple of str
    number : dict
        All values of these, to the number of their group.
    """

    columns: tuple[str, ...]
    number: dict[Key, int]

    def of(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        """The group of each row, -1 where its value is missing."""
        codes, keys = units_of([rows[name] for name in self.columns], len(rows))
        numbers = [self.number.get(key, -1) for key in keys]
        return np.array([*numbers, -1], dtype=np.intp)[codes]


@dataclass(frozen=True, eq=False)
class Encoder:
    """Turns batches of rows into blocks, each in the same way.

    Attributes
    ----------
    roles : Roles
    encoding : Encoding
    outcomes : Outcomes
        Which value of the response counts as 1.
    """

    roles: Roles
    encoding: Encoding
    outcomes: Outcomes

    def complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that count."""
        keep = self.roles.complete(frame)[0]
        return frame if keep.all() else frame[keep]

    def block(self, frame: pd.DataFrame, groups: Groups | None = None) -> Block:
        """Encode complete rows, all of which count; the block says which of `groups` they are."""
        roles, rows = self.roles, frame
        counts = roles.counts(rows)
        response = rows[roles.parsed.left.events]
        events = np.zeros(len(rows)) if counts is not None else self.outcomes.of(response)
        with of_some_rows():
            design: Any = self.encoding.design_as_held(rows)
            offset = None if roles.offset is None else numbers(rows[roles.offset], whole=False)
            if roles.parsed.offset is not None:
                offset = self.encoding.offset(rows)
        block = Block(
            design,
            2.0 * events - 1.0,
            offset,
            None if roles.weighed is None else roles.weighed[1](rows[roles.weighed[0]]),
            None if groups is None else groups.of(rows),
            rows.index,
        )
        if counts is None:
            return block
        cells = counts.cells
        signs = 2.0 * cells.response - 1.0
        return block.select(cells.group)._replace(sign=signs, weights=cells.weights)
