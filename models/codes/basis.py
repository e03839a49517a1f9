"""Coordinates in which the largest factor is a diagonal.

The likelihood does not know how its columns are coded, so the coordinates are ours: every level of
the largest factor has an intercept of its own, alpha (L,), and the other numbers, centred,
indicators of the other factors and sparse columns, which centring would fill, have coefficients
theta (q,). The answer is mapped back to the user's coding at the end. Where no factor can be that
one, the constant is: it has one level, or none where the columns have no constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.designs.coded import MOST_BESIDE, Factor, Structured

LARGEST_CROSS = 2**27  # numbers in the table of the levels and the other columns: 1 GB
MILD = 4.0  # times a mean, which is mild if that is no larger than the largest number
FIRST_ROWS = 2**11  # which say what is likely of all
PAIRWISE = 2**7  # numbers that NumPy adds one after the other, at most


@dataclass(frozen=True, eq=False)
class Basis:
    """How the user's coefficients and ours follow from one another.

    Attributes
    ----------
    design : Structured
    main : int
        The factor that has all its indicators.
    constant : int or None
        Which of the numbers is the column of ones; None where the main factor has no reference.
    centre : ndarray (d,)
        What is subtracted from the numbers; 0 for the column of ones.
    contrasted : tuple of Factor
        Without their rows, the factors of `design` whose indicators stand for sum contrasts.
    moved : tuple of int or None
        Which of the numbers are the main factor's only level: the column of ones, or none where the
        columns have no constant; None where a factor of the columns is the main one.
    """

    design: Structured
    main: int
    constant: int | None
    centre: Array
    contrasted: tuple[Factor, ...] = ()
    moved: tuple[int, ...] | None = None

    @classmethod
    def of(cls, design: Structured) -> Basis | None:
        """The basis with the largest factor that can have all its indicators, or else the constant.

        None where there is more than one constant, or no column, and where what is beside that
        factor has too many columns for a square matrix of them.
        """
        return cls.of_columns(design, ones_of(design.numbers), centre_of(design.numbers))

    @classmethod
    def of_columns(cls, design: Structured, ones: Sequence[int], means: Array) -> Basis | None:
        """`of` rows that need not be there: what is known of them is given.

        Parameters
        ----------
        design : Structured
            With rows or without.
        ones : sequence of int
            Which of the numbers are columns of ones.
        means : ndarray (d,)
            About the numbers' means: the nearer, the better linear predictors are rounded.
        """
        if not design.shape[1]:
            return None
        design = _of_levels(design)
        factors = (*design.factors, *design.contrasted)
        left_out = [int((factor.columns < 0).sum()) for factor in factors]
        if 0 in left_out or (ones and 1 in left_out) or len(ones) > 1:
            return cls._planned(design, ones, means)
        # without a constant there is nothing that could take a centre
        means = np.delete(means, list(ones)) if ones else np.zeros(len(means))
        found = cls._planned(_of_constant(design, ones), [], means)
        return None if found is None else replace(found, moved=tuple(ones))

    @classmethod
    def _planned(cls, design: Structured, ones: Sequence[int], means: Array) -> Basis | None:
        contrasted = tuple(f.rows(slice(0)) for f in design.contrasted) if ones else ()
        if contrasted:
            design = design.with_indicators()
        factors = design.factors
        left_out = np.array([int((factor.columns < 0).sum()) for factor in factors])
        full = np.flatnonzero(left_out == 0)
        if len(ones) + len(full) != 1 or not (left_out <= 1).any():
            return None  # dependent, or without a constant: columns are what they are
        sizes = [factor.n_levels if left_out[f] <= 1 else 0 for f, factor in enumerate(factors)]
        main = int(full[0]) if len(full) else int(np.argmax(sizes))
        columns = design.shape[1] - sizes[main]
        if sizes[main] * columns > LARGEST_CROSS or columns > MOST_BESIDE:
            return None
        centre = np.array(means, dtype=float)
        if ones:
            centre[ones[0]] = 0.0
        return cls(design, main, ones[0] if ones else None, centre, contrasted)

    def held(self, design: Structured) -> Structured:
        """The design of other rows, its columns as `design` of the basis holds them."""
        design = _of_levels(design)
        if self.moved is not None:
            return _of_constant(design, self.moved)
        return design.with_indicators() if self.contrasted else design

    @cached_property
    def kept(self) -> NDArray[np.intp]:
        """Which of the numbers have a coefficient in theta."""
        every = np.arange(len(self.design.places))
        return every if self.constant is None else np.delete(every, self.constant)

    @property
    def levels(self) -> Factor:
        """The main factor."""
        return self.design.factors[self.main]

    @cached_property
    def others(self) -> tuple[Factor, ...]:
        """The other factors."""
        return tuple(f for i, f in enumerate(self.design.factors) if i != self.main)

    @cached_property
    def every(self) -> tuple[Factor, ...]:
        """The factors, the main one first."""
        return (self.levels, *self.others)

    @cached_property
    def theta_of_levels(self) -> tuple[slice, ...]:
        """Where the coefficients of each other factor stand in theta."""
        at, found = len(self.kept), []
        for factor in self.others:
            size = int((factor.columns >= 0).sum())
            found.append(slice(at, at + size))
            at += size
        return tuple(found)

    @cached_property
    def columns(self) -> NDArray[np.intp]:
        """The column of the design that each of theta (q,) belongs to."""
        others = (f.columns[f.columns >= 0] for f in self.others)
        return np.concatenate(
            [self.design.places[self.kept], *others, self.design.sparse_places]
        ).astype(np.intp)

    @cached_property
    def theta_of_sparse(self) -> slice:
        """Where the coefficients of the sparse columns stand in theta."""
        q = len(self.columns)
        return slice(q - len(self.design.sparse_places), q)

    @property
    def reference(self) -> int | None:
        """The main factor's reference level; None where it has none."""
        return None if self.constant is None else int(np.argmin(self.levels.columns))

    @property
    def n_levels(self) -> int:
        """Levels of the main factor, L."""
        return self.levels.n_levels

    def beta(self, alpha: Array, theta: Array) -> Array:
        """The user's coefficients (k,)."""
        found: Array = self.betas(alpha[None], theta[None])[0]
        return found

    def betas(self, alpha: Array, theta: Array) -> Array:
        """The user's coefficients (m, k) of many of ours, (m, L) and (m, q)."""
        beta = np.empty((len(alpha), self.design.shape[1]))
        beta[:, self.columns] = theta
        shift = np.dot(theta[:, : len(self.kept)], self.centre[self.kept])
        reference, own = self.reference, self.levels.columns
        if reference is None or self.constant is None:
            beta[:, own] = alpha - shift[:, None]
            return beta
        there = own >= 0
        beta[:, own[there]] = alpha[:, there] - alpha[:, [reference]]
        constant = self.design.places[self.constant]
        beta[:, constant] = alpha[:, reference] - shift
        for levels in self._of_sums:
            mean = np.take(beta, levels, axis=1).sum(axis=1) / (len(levels) + 1)
            beta[:, levels] -= mean[:, None]
            beta[:, constant] += mean
        return beta

    @property
    def _of_sums(self) -> list[NDArray[np.intp]]:
        """The columns of each factor of sum contrasts."""
        return [factor.columns[:-1] for factor in self.contrasted]

    def _of_indicators(self, beta: Array) -> Array:
        """The user's coefficients, those of sum contrasts as if of indicators."""
        if self.constant is None or not self.contrasted:
            return beta
        found = beta.copy()
        for levels in self._of_sums:
            total = beta[levels].sum()
            found[levels] += total
            found[self.design.places[self.constant]] -= total
        return found

    def coordinates(self, beta: Array) -> tuple[Array, Array]:
        """Ours, (L,) and (q,), from the user's."""
        beta = self._of_indicators(beta)
        theta = beta[self.columns]
        alpha = self.levels.of_levels(beta) + self.centre[self.kept] @ theta[: len(self.kept)]
        if self.constant is not None:
            alpha += beta[self.design.places[self.constant]]
        return alpha, theta

    def rounding(self, beta: Array) -> float:
        r"""How far linear predictors may change on the way from or to the user's coordinates.

        Of sum contrasts, n of a factor are summed with an error of p roundings of their absolute
        values, p = 128 + log2 n. What that changes goes from the constant to the levels, so that it
        stays the same but at the last one; there it is as much as all of the errors together.
        """
        contrasts, beta, sums = beta, self._of_indicators(beta), 0.0
        for levels in self._of_sums:
            size = float(np.abs(contrasts[levels]).sum() + np.abs(beta[levels]).sum())
            sums += 2 * (PAIRWISE + math.log2(len(levels) + 1) + 8) * size
        if self.constant is not None and self.contrasted:
            place = self.design.places[self.constant]
            size = abs(float(contrasts[place])) + abs(float(beta[place])) + sums
            sums += 4 * (len(self.contrasted) + 1) * size
        kept, own = self.kept, self.levels.columns
        shift = float(np.abs(self.centre[kept]) @ np.abs(beta[self.design.places[kept]]))
        size = float(np.abs(beta[own[own >= 0]]).max(initial=0.0))  # the others are what they are
        if self.constant is not None:
            size += abs(float(beta[self.design.places[self.constant]]))
        return UNIT * (4 * (2 * size + (len(kept) + 4) * shift) + sums)

    def contrasts(self, matrix: Array) -> tuple[Array, Array]:
        """Contrasts (m, k) of the user's coefficients as contrasts (m, L), (m, q) of ours."""
        if self.constant is not None and self.contrasted:
            of_sums, constant = matrix, matrix[:, self.design.places[self.constant]]
            matrix = matrix.copy()
            for levels in self._of_sums:
                mean = (constant - of_sums[:, levels].sum(axis=1)) / (len(levels) + 1)
                matrix[:, levels] += mean[:, None]
        theta = matrix[:, self.columns].copy()
        alpha = np.zeros((len(matrix), self.n_levels))
        own = self.levels.columns
        there = own >= 0
        alpha[:, there] = matrix[:, own[there]]
        # what a contrast has of the constant: the shift by the centre
        constant = alpha.sum(axis=1)
        if self.reference is not None and self.constant is not None:
            place = self.design.places[self.constant]
            alpha[:, self.reference] = matrix[:, place] - constant
            constant = matrix[:, place]
        theta[:, : len(self.kept)] -= constant[:, None] * self.centre[self.kept]
        return alpha, theta


def _of_levels(design: Structured) -> Structured:
    """The same columns, without factors that have no level."""
    return replace(design, factors=tuple(f for f in design.factors if f.n_levels))


def _of_constant(design: Structured, ones: Sequence[int]) -> Structured:
    """The same columns, that of ones as the only level of a factor; of one without levels if none.

    That factor is the first.
    """
    places = design.places[list(ones)]
    constant = Factor(np.zeros(len(design.numbers), dtype=np.int32), places)
    return replace(
        design,
        numbers=np.delete(design.numbers, list(ones), axis=1),
        places=np.delete(design.places, list(ones)),
        factors=(constant, *design.factors),
    )


def ones_of(numbers: Array) -> list[int]:
    """Which columns are of ones."""
    likely = (numbers[:FIRST_ROWS] == 1.0).all(axis=0)
    return [int(j) for j in np.flatnonzero(likely) if (numbers[:, j] == 1.0).all()]


def centre_of(numbers: Array) -> Array:
    """What is subtracted from columns: their means, or nothing where these are small beside them.

    A mean that is much smaller than the numbers costs no digits, and its column need not be copied.
    """
    n = len(numbers)
    means = np.dot(np.ones(n), numbers) / max(n, 1)  # BLAS is faster than a sum by rows
    size = np.abs(numbers[:FIRST_ROWS]).max(axis=0, initial=0.0)
    found: Array = np.where(np.abs(means) * MILD > size, means, 0.0)
    return found
