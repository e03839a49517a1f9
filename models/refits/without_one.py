r"""Fits without one observation of each of some rows, all at once, wherever the rows lie.

A pass sums over all rows but the one that is left out, at coefficients of its own for each fit, so
that nothing cancels: a row that is far from the others has a score beside which theirs is rounding.
Rows are told by what is in them. Of several that are alike all are passed over, and all but one put
back afterwards.

Columns are whitened, ``Z = X T``, and coefficients counted from those of a fit of all rows: a
linear predictor is :math:`x'\beta_0 + z'\alpha`, and exactly :math:`x'(\beta_0 + T\alpha)`. What
rounding makes of Z is bounded row by row, as in `flatprior.models.certificate`.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.direction_bounds import (
    ROW_ULPS,
    SLACK,
    predictor_error,
    whitened_columns,
)
from flatprior.models.likelihood import MOST_MATRICES, linear_predictor, margin_parts
from flatprior.models.refits.simultaneous import Answers, Sums, fit_some
from flatprior.models.rows import PIECE_ROWS, Block, Extent, Rows, added, row_hashes

NEAR = 1e-8  # change of the information by the last step; what that leaves is the square of it


@dataclass(frozen=True, eq=False, kw_only=True)
class Others:
    """Fits of all rows but one observation of one of them: m fits, of m rows.

    Attributes
    ----------
    rows : Rows
        All of them.
    left_out : Block
        The m rows, written out.
    origin : ndarray (k,)
    transform : ndarray (k, k)
        T.
    n_observations : int
    longest_row : float
        The longest of all in whitened columns.
    """

    rows: Rows
    left_out: Block
    origin: Array
    transform: Array
    n_observations: int
    longest_row: float

    @property
    def extent(self) -> Extent:
        """Of whitened columns: none of a row is larger than its length."""
        return Extent(np.full(len(self.origin), self.longest_row), 0.0)

    @property
    def total(self) -> float:
        """Observations of a fit, at most."""
        return float(self.n_observations)

    @property
    def sum_error(self) -> float:
        """By the additions that a term goes through."""
        return (self.rows.longest_sum + 16) * UNIT

    @functools.cached_property
    def _hashes(self) -> NDArray[np.uint64]:
        return row_hashes(_told_by(self.left_out))

    @functools.cached_property
    def _white(self) -> tuple[Array, Array]:
        return whitened_columns(self.left_out, self.transform)

    def at(self, fits: NDArray[np.intp], beta: Array) -> Sums:
        """The sums of some fits (d,), each at coefficients of its own (d, k): one pass."""
        some, hashes = self.left_out.select(fits), self._hashes[fits]
        origin, transform, sum_error = self.origin, self.transform, self.sum_error

        def of_block(block: Block) -> list[_Sums]:
            columns = _Columns.of(block, origin, transform)
            less = _alike(block, some, hashes)
            return parallel_map(
                lambda i: columns.sums(beta[i], sum_error, less[i]), range(len(beta))
            )

        found: list[_Sums] = self.rows.reduce(of_block, _each_added)
        for i, sums in enumerate(found):
            alone = some.select(slice(i, i + 1))._replace(weights=None)
            own = _Columns.of(alone, origin, transform).sums(beta[i], sum_error, None)
            found[i] = sums + own.times(sums.n_alike - 1.0)
        return Sums(
            **{
                each.name: np.array([getattr(one, each.name) for one in found])
                for each in fields(Sums)
            }
        )

    def longest(self, here: Sums, white: Array) -> Array:
        """Bound (d,) on the lengths of rows in columns whitened by each of `white` (d, k, k)."""
        return np.asarray(here.longest * np.linalg.norm(white, axis=(1, 2)))

    def standard_errors(self, fits: NDArray[np.intp], white: Array) -> Array:
        """Of the linear predictor of the row that is left out, or more; (d, 1)."""
        columns, error = (each[fits] for each in self._white)
        own = np.linalg.norm(np.einsum("dji,dj->di", white, columns), axis=1)
        own += np.linalg.norm(white, axis=(1, 2)) * np.linalg.norm(error, axis=1)
        return np.asarray(SLACK * own[:, None])


def fit_others(others: Others) -> Answers:
    """Fit all of them: coefficients in whitened columns, from the origin.

    Examples
    --------
    Without one of its events an intercept is the logit of 2 of 4, which is 0.

    >>> import numpy as np
    >>> from flatprior.models.refits.without_one import Others, fit_others
    >>> from flatprior.models.rows import ArrayRows
    >>> rows = ArrayRows(np.ones((5, 1)), np.array([0.0, 0.0, 1.0, 1.0, 1.0]))
    >>> others = Others(
    ...     rows=rows, left_out=rows.block(slice(4, 5)), origin=np.log([1.5]),
    ...     transform=np.eye(1), n_observations=5, longest_row=1.0)
    >>> bool(abs(np.log(1.5) + fit_others(others).coefficients[0, 0]) < 1e-14)
    True
    """
    m, k = len(others.left_out.sign), len(others.origin)
    size = max(MOST_MATRICES // k**2, 1)
    parts = [np.arange(at, min(at + size, m)) for at in range(0, m, size)]
    with np.errstate(all="ignore"):
        found = [fit_some(others, part, np.zeros(k), near=NEAR) for part in parts]
    return Answers.together(found)


def _told_by(block: Block) -> list[NDArray[Any]]:
    """All that a row is told by, (m, ...) each."""
    offset = np.zeros(len(block.sign)) if block.offset is None else block.offset
    return [np.asarray(block.design, dtype=float), block.sign, offset, block.counts]


def _alike(block: Block, rows: Block, hashes: NDArray[np.uint64]) -> list[NDArray[np.intp]]:
    """Of each of some rows, those of a block that are like it."""
    held, own = _told_by(block), _told_by(rows)
    found = row_hashes(held)
    candidates = np.flatnonzero(np.isin(found, hashes, kind="sort"))  # tables hold no 64 bits
    of_each = []
    for i, value in enumerate(hashes):
        some = candidates[found[candidates] == value]
        same = np.ones(len(some), dtype=bool)
        for part, its in zip(held, own, strict=True):
            same &= np.atleast_2d((part[some] == its[i]).T).all(axis=0)
        of_each.append(some[same])
    return of_each


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sums:
    """What is summed of the rows of one fit; as in `Sums`, and how many were passed over."""

    score: Array
    rounding: Array
    information: Array
    row_error: float
    column_error: float
    longest: float
    n_alike: int

    def __add__(self, other: _Sums) -> _Sums:
        return added(self, other, largest=("row_error", "longest"))

    def times(self, number: float) -> _Sums:
        """Of as many such rows; NaN where there are fewer than none."""
        if not number:
            return replace(self, **{name: 0 * value for name, value in vars(self).items()})
        factor = number if number > 0 else np.nan
        return replace(
            self,
            score=factor * self.score,
            rounding=factor * self.rounding,
            information=factor * self.information,
            column_error=factor * self.column_error,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Columns:
    """Some rows in whitened columns.

    Attributes
    ----------
    block : Block
    columns, error : ndarray (m, k)
        Z, and a bound on its rounding.
    predictor, predictor_error : ndarray (m,)
        At the origin.
    length : ndarray (m,)
        Of rows, at most.
    """

    block: Block
    columns: Array
    error: Array
    predictor: Array
    predictor_error: Array
    length: Array

    @classmethod
    def of(cls, block: Block, origin: Array, transform: Array) -> _Columns:
        """Those of a block whose design is written out."""
        columns, error = whitened_columns(block, transform)
        return cls(
            block=block,
            columns=columns,
            error=error,
            predictor=linear_predictor(block, origin),
            predictor_error=predictor_error(block, origin),
            length=np.linalg.norm(columns, axis=1) + np.linalg.norm(error, axis=1),
        )

    def sums(self, alpha: Array, sum_error: float, less: NDArray[np.intp] | None) -> _Sums:
        """Sums over the rows, less one observation of each of those named."""
        weights = self.block.counts
        if less is not None and len(less):
            weights = weights.copy()
            weights[less] -= 1
        parts = [slice(at, at + PIECE_ROWS) for at in range(0, len(weights), PIECE_ROWS)]
        found = functools.reduce(
            operator.add, (self._of_piece(part, alpha, sum_error, weights[part]) for part in parts)
        )
        return found if less is None else replace(found, n_alike=len(less))

    def _of_piece(self, part: slice, alpha: Array, sum_error: float, weights: Array) -> _Sums:
        columns, error, sign = self.columns[part], self.error[part], self.block.sign[part]
        k, size, positive = len(alpha), np.abs(columns), np.abs(alpha)
        margin = sign * (self.predictor[part] + columns @ alpha)
        tail, wrong, total = margin_parts(margin)
        curvature = weights * tail / np.square(total)
        wrong = weights * wrong
        relative = self.predictor_error[part] + error @ positive
        relative += (k + 2) * UNIT * (size @ positive)
        relative = np.expm1(relative) + 2 * ROW_ULPS
        root = np.sqrt(curvature)[:, None] * columns
        there = weights > 0
        return _Sums(
            score=(sign * wrong) @ columns,
            rounding=(wrong * (relative + sum_error)) @ size + (wrong * (1 + relative)) @ error,
            information=np.dot(root.T, root),
            row_error=float(relative[there].max(initial=0.0)),
            column_error=float(curvature @ np.square(error).sum(axis=1)),
            longest=float(self.length[part][there].max(initial=0.0)),
            n_alike=0,
        )


def _each_added(one: list[_Sums], two: list[_Sums]) -> list[_Sums]:
    return [first + second for first, second in zip(one, two, strict=True)]
