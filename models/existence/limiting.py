"""Probabilities that a likelihood without a maximum approaches: 0 or 1 in the rows that separate.

Along beta + t d, with a direction d that separates all rows that can be, and beta the fit of the
others, the log-likelihood tends to its supremum. A row x then has probability 1 or 0, by the sign
of x'd, or where that is 0, what the fit of the others says (Geyer 2009).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.dependence.independent_columns import margins
from flatprior.models.designs.coded import Structured
from flatprior.models.existence.check import check_existence
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence
from flatprior.models.rows import ArrayRows

AT_ONCE = 2**22  # numbers of rows that are looked at together
GOES = {"+inf": np.inf, "-inf": -np.inf}


@dataclass(frozen=True, eq=False)
class Limiting:
    """The limit of coefficients along a direction.

    Attributes
    ----------
    beta : ndarray (k,)
        Coefficients of the rows that are not separated; 0 where these do not determine them.
    direction : ndarray (k,)
    goes : ndarray (k,)
        The limit of each coefficient: finite, infinite, or NaN where it is not determined.
    """

    beta: Array
    direction: Array
    goes: Array

    @classmethod
    def of(cls, model: BernoulliLogistic, existence: Existence, beta: Array) -> Limiting:
        """That of separated rows, with the fit of the others."""
        status = [existence.coefficients.get(name) for name in model.names]
        goes = [
            value if each == "finite" else GOES.get(str(each), np.nan)
            for each, value in zip(status, beta.tolist(), strict=True)
        ]
        return cls(beta, direction_of(model, existence), np.array(goes))

    def among(self, places: NDArray[np.intp], k: int) -> Limiting:
        """The same where these are columns among k of which the others do nothing."""
        spread = np.zeros((3, k))
        spread[:, places] = self.beta, self.direction, self.goes
        return Limiting(*spread)

    def log_odds(self, design: Any) -> Array:
        """Of rows (m, k), an array or sparse, or (m, k - 1) without a first column of ones.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.models.existence.limiting import Limiting
        >>> limit = Limiting(np.array([0.5, 0.0]), np.array([0.0, 1.0]), np.array([0.5, np.inf]))
        >>> limit.log_odds(np.array([[0.0], [2.0], [-1.0]])).tolist()
        [0.5, inf, -inf]
        """
        m, first = design.shape[0], len(self.beta) - design.shape[1]
        involved = np.flatnonzero(self.direction[first:])
        odds: Array = np.asarray(design @ self.beta[first:]) + self.beta[:first].sum()
        direction = np.append(self.direction[:first], self.direction[first:][involved])
        size = max(AT_ONCE // max(len(direction), 1), 1)
        for start in range(0, m, size):
            rows = slice(start, start + size)
            part: Any = design[rows][:, involved]
            part = part.toarray() if hasattr(part, "toarray") else part
            if first:
                part = np.column_stack([np.ones(len(part)), part])
            along, rounding = margins(part, np.ones(len(part)), direction)
            moves = np.abs(along) > rounding
            odds[rows][moves] = np.copysign(np.inf, along[moves])
        return odds


def direction_of(model: BernoulliLogistic, existence: Existence) -> Array:
    """A direction (k,) that separates all rows that can be: one that only the distinct rows decide.

    Among several that do, a search ends at one that depends on the order of rows, and on how often
    they are there.
    """
    assert existence.direction is not None  # noqa: S101
    rows = model.arrays
    if isinstance(rows.design, Structured):
        return existence.direction
    table = np.unique(np.column_stack([rows.design, rows.response]) + 0.0, axis=0)
    distinct = ArrayRows(np.ascontiguousarray(table[:, :-1]), table[:, -1])
    labels = pd.RangeIndex(len(table))
    alike = replace(model, rows=distinct, row_labels=labels, weights_name=None, sampling=None)
    found = check_existence(alike, signs=False)
    if found.kind != existence.kind or found.direction is None:  # close to undecided
        return existence.direction
    return found.direction


def left_in_place(model: BernoulliLogistic, existence: Existence) -> BernoulliLogistic | None:
    """The model of the rows that are not separated; None where nothing of it is to be fitted."""
    left = np.ones(model.n_rows, dtype=bool)
    left[list(existence.separated_rows or ())] = False
    rows = model.arrays.select(left)
    if not _is_anything(rows.design):
        return None
    rest = replace(model, rows=rows, row_labels=model.row_labels[left], aliased=None)
    return rest.without_aliased()


def _is_anything(design: Any) -> bool:
    """Whether any number of a design is not 0."""
    if not isinstance(design, Structured):
        return bool(design.any())
    return bool(
        design.numbers.any()
        or any((factor.columns[factor.codes] >= 0).any() for factor in design.factors)
        or (design.sparse is not None and design.sparse.count_nonzero())
    )
