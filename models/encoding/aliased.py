"""Columns that are combinations of others, left out of a design; and new rows without them.

R calls them aliased: cells that never occur in an interaction, a dummy that is the sum of others.
Left out are those that are combinations of columns before them, of which R makes NA. In rows in
which such a combination does not hold, as in a cell that the data do not have, the linear predictor
would depend on which column was left out: the data say nothing of them, and nothing is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.text import first_of
from flatprior.models.designs.coded import Structured

HOLDS = 1e-9  # of the terms of a combination: what may be left of it in new rows
TERMS_SHOWN = 4
AT_ONCE = 2**22  # numbers in the products of rows and vectors


@dataclass(frozen=True, eq=False)
class Aliased:
    """Which columns of a design were left out, and of which others they are combinations.

    Attributes
    ----------
    columns : tuple of str
        Names of all columns (k + m), before any was left out.
    kept : ndarray (k,)
        Positions of those that were not.
    null : ndarray (k + m, m)
        A null vector for each column left out, whose entry in it is 1.
    """

    columns: tuple[str, ...]
    kept: NDArray[np.intp]
    null: Array

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns left out, m."""
        return tuple(self.columns[j] for j in self.left)

    @property
    def left(self) -> NDArray[np.intp]:
        """Positions of the columns left out, m."""
        return np.setdiff1d(np.arange(len(self.columns)), self.kept)

    def involves(self, name: str) -> bool:
        """Whether a column has a part in a combination, so that it does not change on its own."""
        return bool(self.null[self.columns.index(name)].any())

    def without(self, design: Array) -> Array:
        """The columns kept (n, k) of a design (n, k + m).

        NaN in rows in which the others are not the combinations that they were.
        For a design of codes see `without_as_held`.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.models.encoding.aliased import Aliased
        >>> twice = Aliased(("x", "z"), np.array([0]), np.array([[-2.0], [1.0]]))  # z is 2 x
        >>> twice.without(np.array([[1.0, 2.0], [1.0, 3.0]])).ravel().tolist()
        [1.0, nan]
        """
        rest = np.abs(design @ self.null) > HOLDS * (np.abs(design) @ np.abs(self.null))
        found = np.ascontiguousarray(design[:, self.kept])
        found[rest.any(axis=1)] = np.nan
        return found

    def without_as_held(self, design: Structured) -> Array | Structured:
        """The same, as it is held; NaN are then the numbers of such rows.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.models.designs.coded import Factor, Structured
        >>> from flatprior.models.encoding.aliased import Aliased
        >>> twice = Aliased(("g", "x", "z"), np.array([0, 1]), np.array([[0.0], [-2.0], [1.0]]))
        >>> group = Factor(np.array([0, 1]), np.array([-1, 0]))
        >>> numbers = np.array([[1.0, 2.0], [1.0, 3.0]])
        >>> found = twice.without_as_held(Structured(numbers, np.array([1, 2]), (group,)))
        >>> found.numbers.ravel().tolist(), found.factors[0].codes.tolist()
        ([1.0, nan], [0, 1])
        """
        unknown, size = np.zeros(design.shape[0], dtype=bool), design.absolute
        step = max(1, AT_ONCE // max(1, len(unknown)))
        for start in range(0, self.null.shape[1], step):
            null = self.null[:, start : start + step]
            rest = np.abs(design @ null) > HOLDS * (size @ np.abs(null))
            unknown |= rest.any(axis=1)
        found = design.with_columns(self.kept)
        if unknown.any() and not found.numbers.size:
            return self.without(design.dense())
        found.numbers[unknown] = np.nan
        return found.plainest

    def with_all(self, design: Array) -> Array:
        """The columns kept (n, k) and those left out beside them, (n, k + m)."""
        found = np.empty((len(design), len(self.columns)))
        found[:, self.kept] = design
        found[:, self.left] = -design @ self.null[self.kept]
        return found

    def coefficients(self, values: Array) -> Array:
        """What coefficients (k + m, ...) of all columns are on those kept (k, ...), fits alike."""
        return np.asarray(values[self.kept] - self.null[self.kept] @ values[self.left])

    def equation(self, name: str) -> str:
        """What a column left out is in every row: "'z' = 2 'x'", "'b:d' = 0"."""
        return f"{name!r} = {combination(self.terms(name))}"

    def terms(self, name: str) -> dict[str, float]:
        """Of which columns kept one left out is a combination, and by which factors."""
        factors = -self.null[self.kept, list(self.names).index(name)]
        kept = (self.columns[j] for j in self.kept)
        return {each: float(by) for each, by in zip(kept, factors, strict=True) if by}


def combination(terms: Mapping[str, float]) -> str:
    """Write "'a' - 2 'b'"; 0 for no term; names only where there are many.

    Examples
    --------
    >>> from flatprior.models.encoding.aliased import combination
    >>> combination({"a": 1.0, "b": -2.0})
    "'a' - 2 'b'"
    """
    if len(terms) > TERMS_SHOWN:
        return f"a combination of {first_of(map(repr, terms))}"
    text = ""
    for name, factor in terms.items():
        sign = "-" if factor < 0 else "+"
        size = f"{abs(factor):.6g}"
        text += f" {sign} " if text else "-" * (factor < 0)
        text += repr(name) if size == "1" else f"{size} {name!r}"
    return text or "0"
