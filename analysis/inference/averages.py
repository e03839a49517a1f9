r"""Means over rows of what a variable does to the probability, of several variables at once.

Effects of numbers are means of :math:`p(1 - p)\,d'\beta`, d being the derivative of a row x of the
design, those of a level of a category means of :math:`p_l - p`, with the level in every row and
with the reference level. So all of them that share a design share its probabilities, and what
their derivatives in the coefficients have of it. Where a variable stands in terms of its own, d is
the same in every row, and a level adds the same to every linear predictor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import expit, log_expit

from flatprior.models.common.arrays import Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import BLOCK_ROWS

Design = Any  # Array | Structured, which NumPy multiplies alike
NUMBERS_AT_ONCE = 2**20  # of linear predictors: 8 MB


@dataclass(frozen=True, eq=False)
class Places:
    """Coefficient vectors (d, k), and whether derivatives are wanted too, of the first."""

    vectors: Array
    bent: bool


@dataclass(frozen=True, eq=False)
class _At:
    """What all effects of some rows share at coefficient vectors (d, k).

    Attributes
    ----------
    design : ndarray (m, k) or Structured
    offset, share : ndarray (m,)
    vectors : ndarray (d, k)
    log : bool
        Whether it is the probability's logarithm that changes.
    """

    design: Design
    offset: Array
    share: Array
    vectors: Array
    log: bool = False

    def outcome(self, predictors: Array) -> Array:
        """Probabilities, or their logarithms."""
        return np.asarray(log_expit(predictors) if self.log else expit(predictors))

    def steepness(self, predictors: Array) -> Array:
        """Derivatives of outcomes in the predictors."""
        other = expit(-predictors)  # 1 - p of a rounded p is 0 long before
        return np.asarray(other if self.log else expit(predictors) * other)

    def shared(self, factor: Array) -> _At:
        """The same with each row's share times a number of its own, (m,)."""
        return replace(self, share=self.share * factor)

    def predictors(self, design: Design) -> Array:
        """Linear predictors (d, m) in rows of some design."""
        return np.asarray(self.offset + (design @ self.vectors.T).T)

    @cached_property
    def own(self) -> Array:
        """Those in the design itself, (d, m)."""
        return self.predictors(self.design)

    @cached_property
    def fitted(self) -> Array:
        """Outcomes, (d, m)."""
        return self.outcome(self.own)

    @cached_property
    def curvature(self) -> Array:
        """``p (1 - p)``, or ``1 - p`` of the logarithm, (d, m)."""
        return self.steepness(self.own)

    @cached_property
    def weight(self) -> Array:
        """Each row's share of that, at the first vector, (m,)."""
        return np.asarray(self.share * self.curvature[0])

    @cached_property
    def bend(self) -> Array:
        """Its derivative in the row's predictor, (m,)."""
        fitted = expit(self.own[0])
        return np.asarray(self.weight * (-fitted if self.log else 1 - 2 * fitted))

    @cached_property
    def pull(self) -> Array:
        """Derivative of the mean outcome, (k,)."""
        return np.asarray(self.weight @ self.design)

    @cached_property
    def bent(self) -> Array:
        """Derivative of the mean of `curvature`, (k,)."""
        return np.asarray(self.bend @ self.design)


class Change(Protocol):
    """What a variable changes in rows."""

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""

    def select(self, part: slice) -> Change:
        """That of some rows."""

    def mean(self, share: Array) -> Change:
        """That of one row, the sum of all with these shares (m,)."""

    def plus(self, other: Any) -> Change:
        """That of a row that is the sum of two, where both are sums."""


@dataclass(frozen=True, eq=False)
class Slope:
    """Derivative (m, k) of the design with respect to a number."""

    matrix: Design

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return np.asarray((at.curvature * (self.matrix @ at.vectors.T).T) @ at.share)

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        along = at.bend * (self.matrix @ at.vectors[0])
        return np.asarray(at.weight @ self.matrix + along @ at.design)

    def select(self, part: slice) -> Slope:
        """That of some rows."""
        return Slope(self.matrix[part])

    def mean(self, share: Array) -> Slope:
        """That of one row."""
        return Slope(_row(share @ self.matrix))

    def plus(self, other: Slope) -> Slope:
        """That of a row that is the sum of two."""
        return Slope(self.matrix + other.matrix)


@dataclass(frozen=True, eq=False)
class SameSlope:
    """Derivative (k,) of every row with respect to a number."""

    row: Array

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return np.asarray((at.vectors @ self.row) * (at.curvature @ at.share))

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        return np.asarray(at.weight.sum() * self.row + (at.vectors[0] @ self.row) * at.bent)

    def select(self, part: slice) -> SameSlope:
        """That of some rows: the same."""
        return self

    def mean(self, share: Array) -> SameSlope:
        """That of one row: the same, as all shares add up to 1."""
        return self

    def plus(self, other: SameSlope) -> SameSlope:
        """That of a row that is the sum of two: the same."""
        return self


@dataclass(frozen=True, eq=False)
class Scaled:
    """What a number changes for each part of itself, as much as its own value (m,) in each row."""

    change: Slope | SameSlope
    factor: Array

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return self.change.values(at.shared(self.factor))

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        return self.change.gradient(at.shared(self.factor))

    def select(self, part: slice) -> Scaled:
        """That of some rows."""
        return Scaled(self.change.select(part), self.factor[part])

    def mean(self, share: Array) -> Scaled:
        """That of one row."""
        return Scaled(self.change.mean(share), _row(share @ self.factor))

    def plus(self, other: Any) -> Scaled:
        """That of a row that is the sum of two."""
        return Scaled(self.change.plus(other.change), self.factor + other.factor)


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """The design (m, k) with another level in every row."""

    design: Design

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return np.asarray((at.outcome(at.predictors(self.design)) - at.fitted) @ at.share)

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        weight = at.share * at.steepness(at.offset + self.design @ at.vectors[0])
        return np.asarray(weight @ self.design - at.pull)

    def select(self, part: slice) -> Elsewhere:
        """That of some rows."""
        return Elsewhere(self.design[part])

    def mean(self, share: Array) -> Elsewhere:
        """That of one row."""
        return Elsewhere(_row(share @ self.design))

    def plus(self, other: Elsewhere) -> Elsewhere:
        """That of a row that is the sum of two."""
        return Elsewhere(self.design + other.design)


class Level(NamedTuple):
    """A level that adds the same to every row: rows of the levels, its own, and the reference's.

    Attributes
    ----------
    rows : ndarray (L, k) or Structured
    own, reference : int
    """

    rows: Design
    own: int
    reference: int

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        some = self.rows[[self.own, self.reference]] @ at.vectors.T
        moved = at.outcome(at.own + (some[0] - some[1])[:, None])
        return np.asarray((moved - at.fitted) @ at.share)

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        some = np.asarray(self.rows[[self.own, self.reference]])
        row = some[0] - some[1]
        weight = at.share * at.steepness(at.own[0] + row @ at.vectors[0])
        return np.asarray(weight @ at.design + weight.sum() * row - at.pull)

    def select(self, part: slice) -> Level:
        """That of some rows: the same."""
        return self

    def mean(self, share: Array) -> Level:
        """That of one row: the same."""
        return self

    def plus(self, other: Level) -> Level:
        """That of a row that is the sum of two: the same."""
        return self


class OwnProbability(NamedTuple):
    """The probability in the rows themselves, changed by nothing."""

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return np.asarray(at.fitted @ at.share)

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        return at.pull

    def select(self, part: slice) -> OwnProbability:
        """That of some rows: the same."""
        return self

    def mean(self, share: Array) -> OwnProbability:
        """That of one row: the same."""
        return self

    def plus(self, other: OwnProbability) -> OwnProbability:
        """That of a row that is the sum of two: the same."""
        return self


class OwnComplement(OwnProbability):
    """The probability of no event in the rows themselves, to all digits where it is small."""

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return np.asarray(expit(-at.own) @ at.share)

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        return -at.pull


class OwnLogOdds(OwnProbability):
    """The linear predictor in the rows themselves, which is that of their mean."""

    def values(self, at: _At) -> Array:
        """Means (d,) at the vectors."""
        return np.asarray(at.own @ at.share)

    def gradient(self, at: _At) -> Array:
        """Derivative (k,) of the mean at the first vector."""
        return np.asarray(at.share @ at.design)


def _row(sums: Any) -> Array:
    return np.asarray(sums)[None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Averages:
    """Effects over the same rows: what each changes, by whatever name it has.

    Attributes
    ----------
    design : ndarray (m, k) or Structured
    offset, share : ndarray (m,)
        The shares of all rows add up to 1.
    changes : mapping
    log : bool
        Whether it is the probability's logarithm that they change.

    Examples
    --------
    Of one row with p = 1/2 the derivative is a quarter of the coefficient.

    >>> import numpy as np
    >>> from flatprior.analysis.inference.averages import Averages, Places, SameSlope
    >>> rows = np.array([[1.0, 0.0]]), np.zeros(1), np.ones(1)
    >>> found = Averages.of(*rows, {"x": SameSlope(np.array([0.0, 1.0]))})
    >>> found.numbers(Places(np.array([[0.0, 2.0]]), bent=True))["x"].tolist()
    [0.5, 0.0, 0.25]
    """

    design: Design
    offset: Array
    share: Array
    changes: Mapping[Any, Change]
    log: bool = False

    @classmethod
    def of(
        cls,
        design: Design,
        offset: Array,
        share: Array,
        changes: Mapping[Any, Change],
        log: bool = False,
    ) -> Averages:
        """Those of rows of a design."""
        return cls(design=design, offset=offset, share=share, changes=changes, log=log)

    def numbers(self, places: Places) -> dict[Any, Array]:
        """Each one's values (d,) at all places, and behind them its derivative (k,) if wanted."""
        starts = range(0, len(self.share), BLOCK_ROWS)
        pieces = [self.select(slice(start, start + BLOCK_ROWS)) for start in starts]
        parts = parallel_map(lambda each: each._numbers(places), pieces)
        return {name: np.sum([part[name] for part in parts], axis=0) for name in self.changes}

    def _numbers(self, places: Places) -> dict[Any, Array]:
        found: dict[Any, list[Array]] = {name: [] for name in self.changes}
        for at in self._each(places.vectors):
            for name, change in self.changes.items():
                found[name].append(change.values(at))
        if places.bent:
            at = next(self._each(places.vectors[:1]))
            for name, change in self.changes.items():
                found[name].append(change.gradient(at))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def _each(self, vectors: Array) -> Iterator[_At]:
        """So many vectors at a time that their predictors have room."""
        at_once = max(1, NUMBERS_AT_ONCE // len(self.share))
        for start in range(0, len(vectors), at_once):
            part = vectors[start : start + at_once]
            yield _At(self.design, self.offset, self.share, part, self.log)

    def select(self, part: slice) -> Averages:
        """Those of some rows: their share of them."""
        return replace(
            self,
            design=self.design[part],
            offset=self.offset[part],
            share=self.share[part],
            changes={name: each.select(part) for name, each in self.changes.items()},
        )

    def of_the_mean(self) -> Averages:
        """Those in one row, the mean of all; of some rows, their share of it."""
        share = self.share
        return replace(
            self,
            design=_row(share @ self.design),
            offset=_row(share @ self.offset),
            share=np.ones(1),
            changes={name: each.mean(share) for name, each in self.changes.items()},
        )

    def plus(self, other: Averages) -> Averages:
        """Those in one row, what some rows have of the mean added to what others have."""
        return replace(
            self,
            design=self.design + other.design,
            offset=self.offset + other.offset,
            changes={name: each.plus(other.changes[name]) for name, each in self.changes.items()},
        )


def with_constant(design: Design, rows: Design, reference: int) -> Design | None:
    """A design in every row of which a variable has one of its levels.

    Parameters
    ----------
    design : ndarray (m, k) or Structured
    rows : ndarray (L, k) or Structured
        One row for each level, alike but for that: the columns in which they differ hold nothing
        else.
    reference : int

    Returns
    -------
    ndarray (m, k), Structured or None
        None where these columns are sparse.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.averages import with_constant
    >>> design = np.array([[1.0, 0.0, 5.0], [1.0, 1.0, 6.0]])
    >>> with_constant(design, np.array([[1.0, 0.0, 9.0], [1.0, 1.0, 9.0]]), 1).tolist()
    [[1.0, 1.0, 5.0], [1.0, 1.0, 6.0]]
    """
    if not (isinstance(design, Structured) and isinstance(rows, Structured)):
        return _columns_alike(design, rows, reference)
    if (
        rows.sparse is not None
        and (rows.sparse != rows[[reference] * len(rows.numbers)].sparse).nnz
    ):
        return None
    n, factors = len(design.numbers), []
    for own, each in zip(design.factors, rows.factors, strict=True):
        same = (each.codes == each.codes[reference]).all()
        codes = own.codes if same else np.broadcast_to(each.codes[reference], n)
        factors.append(replace(own, codes=codes))
    numbers = _columns_alike(design.numbers, rows.numbers, reference)
    return replace(design, numbers=numbers, factors=tuple(factors))


def _columns_alike(numbers: Array, rows: Array, reference: int) -> Array:
    """Numbers (m, d) with columns in which rows (L, d) differ as they are in one of these."""
    own = (rows != rows[reference]).any(axis=0)
    if not own.any():
        return numbers
    found = np.array(numbers)
    found[:, own] = rows[reference, own]
    return found
