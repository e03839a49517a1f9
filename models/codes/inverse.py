r"""The inverse of an information matrix of which one factor is a diagonal.

With :math:`H = \begin{pmatrix} D & C \\ C' & S\end{pmatrix}`, :math:`G = D^{-1}C` and the Schur
complement :math:`\Sigma = S - C'G = U'U`,

.. math:: T = \begin{pmatrix} D^{-1/2} & -G U^{-1} \\ 0 & U^{-1} \end{pmatrix}, \qquad
          T'HT = I, \quad H^{-1} = TT' ,

and no matrix of L rows and columns is ever formed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from flatprior.models.codes.basis import Basis
from flatprior.models.codes.sums import Information, Score
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.designs.coded import LARGEST_DENSE

SMALL = 1000  # columns whose singular values are cheap beside a pass
AT_ONCE = 2**22  # numbers in contrasts that are multiplied together


@dataclass(frozen=True, eq=False)
class Inverse:
    """The inverse of an information, factored.

    Attributes
    ----------
    basis : Basis
    information : Information
    shares : ndarray (L, q)
        G: what each level's mean is of the other columns.
    inverse_root : ndarray (q, q)
        Inverse of U, upper triangular.
    """

    basis: Basis
    information: Information
    shares: Array
    inverse_root: Array

    @classmethod
    def of(cls, basis: Basis, information: Information) -> Inverse | None:
        """Factor an information; None where it is not positive definite in double precision."""
        levels = information.levels
        if not (np.isfinite(levels).all() and (levels > 0).all()):
            return None
        shares = information.cross / levels[:, None]
        square = schur(information)
        if not np.isfinite(square).all():
            return None
        if not len(square):
            return cls(basis, information, shares, square)
        scale = np.sqrt(np.maximum(square.diagonal(), 0.0))
        if not (scale > 0).all():
            return None
        upper, failed = dpotrf(square / np.outer(scale, scale), lower=0, clean=1)
        if failed:
            return None
        inverse, failed = dtrtri(upper, lower=0)
        if failed or not np.isfinite(inverse).all():
            return None
        found = cls(basis, information, shares, inverse / scale[:, None])
        vars(found)["complement"] = square
        return found

    @cached_property
    def complement(self) -> Array:
        """The Schur complement (q, q)."""
        return schur(self.information)

    def whitened(self, score: Score) -> tuple[Array, Array]:
        """``T'g``, (L,) and (q,)."""
        rest = score.rest - np.dot(score.main, self.shares)
        return score.main / np.sqrt(self.information.levels), np.dot(self.inverse_root.T, rest)

    def step(self, whitened: tuple[Array, Array]) -> tuple[Array, Array]:
        """The Newton step ``T T'g``, (L,) and (q,)."""
        theta = np.dot(self.inverse_root, whitened[1])
        alpha = whitened[0] / np.sqrt(self.information.levels) - np.dot(self.shares, theta)
        return alpha, theta

    @cached_property
    def spread(self) -> float:
        r"""Whitened length of columns of the sizes that they have, at most.

        Of sums over rows of absolute values :math:`|r z_j|` the inequality of Cauchy and Schwarz
        says that they are at most :math:`\sqrt{S_{jj}}` times the length of :math:`r / \sqrt{D}`:
        for each column by itself, and for all indicators of a factor together.
        """
        size = np.sqrt(np.maximum(self.information.rest.diagonal(), 0.0))
        together = len(self.basis.others) + len(self.basis.kept)
        scaled = np.abs(self.inverse_root) * size[:, None]
        if not len(scaled):
            return 0.0
        norm = math.sqrt(float(scaled.sum(axis=0).max() * scaled.sum(axis=1).max()))
        if len(scaled) <= SMALL:
            norm = min(norm, float(np.linalg.norm(self.inverse_root * size[:, None], 2)))
        return min(float(np.linalg.norm(scaled.sum(axis=0))), math.sqrt(together) * norm)

    @cached_property
    def standard_errors(self) -> Array:
        """Of the user's coefficients, (k,)."""
        basis, root = self.basis, self.inverse_root
        errors = np.empty(basis.design.shape[1])
        errors[basis.columns] = np.linalg.norm(root, axis=1)
        centre = np.zeros(len(root))
        centre[: len(basis.kept)] = basis.centre[basis.kept]
        own, levels, reference = basis.levels.columns, self.information.levels, basis.reference
        there = own >= 0
        if reference is None or basis.constant is None:
            along = (self.shares + centre) @ root
            errors[own] = np.sqrt(1 / levels + np.square(along).sum(axis=1))
            return errors
        along = (self.shares - self.shares[reference]) @ root
        variance = 1 / levels + 1 / levels[reference] + np.square(along).sum(axis=1)
        errors[own[there]] = np.sqrt(variance[there])
        along = (self.shares[reference] + centre) @ root
        constant = np.sqrt(1 / levels[reference] + along @ along)
        errors[basis.design.places[basis.constant]] = constant
        return errors

    @property
    def shape(self) -> tuple[int, int]:
        """Of the covariance, (k, k)."""
        k = self.basis.design.shape[1]
        return k, k

    def diagonal(self) -> Array:
        """Variances of the user's coefficients, (k,)."""
        return np.square(self.standard_errors)

    @cached_property
    def matrix(self) -> Array:
        """The covariance of the user's coefficients, (k, k).

        Raises
        ------
        ValueError
            If it is too large to be formed.
        """
        k, _ = self.shape
        if k * k > LARGEST_DENSE:
            raise InputError(
                f"the covariance of {k} coefficients has {8 * k * k / 1e9:.0f} GB, too many to be "
                "formed; standard errors, and tests of some of them, do without"
            )
        formed, step = np.empty((k, k)), max(1, AT_ONCE // k)
        for start in range(0, k, step):
            some = np.zeros((min(step, k - start), k))
            some[np.arange(len(some)), start + np.arange(len(some))] = 1.0
            formed[start : start + step] = self.times(some)
        return (formed + formed.T) / 2

    def times(self, matrix: Array) -> Array:
        """``C H^-1`` of contrasts of the user's coefficients, the rows C of a matrix (m, k)."""
        basis, levels = self.basis, self.information.levels
        alpha, theta = basis.contrasts(matrix)
        rest = (theta - np.dot(alpha, self.shares)) @ self.inverse_root @ self.inverse_root.T
        return basis.betas(alpha / levels - np.dot(rest, self.shares.T), rest)

    @property
    def root(self) -> Array:
        """T (k, k), which makes the information of the user's columns the identity."""
        basis, q = self.basis, len(self.inverse_root)
        scale = np.diag(1 / np.sqrt(self.information.levels))
        of_levels = basis.betas(scale, np.zeros((len(scale), q)))
        of_rest = basis.betas(-np.dot(self.shares, self.inverse_root).T, self.inverse_root.T)
        return np.vstack([of_levels, of_rest]).T

    def without_rows(self) -> Inverse:
        """The same, without the data."""
        found = replace(self, basis=replace(self.basis, design=self.basis.design[:0]))
        vars(found)["standard_errors"] = self.standard_errors  # which cost as much as a pass
        return found


def schur(information: Information) -> Array:
    """S - C'D^-1 C, symmetric."""
    scaled = information.cross / np.sqrt(information.levels)[:, None]
    # a product with its own transpose is half the work
    square = information.rest - np.dot(scaled.T, scaled)
    return np.asarray((square + square.T) / 2)
