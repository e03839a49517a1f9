r"""The covariance of a pseudo-maximum likelihood estimate, of a sample of one stage.

Weights say how many people a row speaks for, so their likelihood is that of nobody's data, and its
curvature says nothing of how coefficients vary. What varies are the units that were drawn. With
:math:`s_{hc}` the sum of the weighted scores of cluster c in stratum h, and V the inverse of the
weighted information, the covariance is

.. math:: V \Big[\sum_h \frac{n_h}{n_h - 1} \sum_c (s_{hc} - \bar s_h)(s_{hc} - \bar s_h)'\Big] V

(Binder 1983, "On the variances of asymptotically normal estimators from complex surveys",
International Statistical Review 51, 279-292; Lumley 2004, "Analysis of complex survey samples",
Journal of Statistical Software 9(8): what ``svyglm`` computes of a sample with replacement).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.covariance.roots import WhereKnown, Written
from flatprior.models.covariance.whitening import whitening
from flatprior.models.encoding.sampling import SamplingDesign
from flatprior.models.likelihood import row_terms, stack_factors
from flatprior.models.rows import ArrayRows, Block, MappedRows, Rows

LOST = 1e-10  # of the standard error of single rows: what rounding makes of scores that are all 0


def sampling_root(
    rows: ArrayRows | BatchRows, design: SamplingDesign, coefficients: Array
) -> WhereKnown | None:
    """L (k, r) with LL' the covariance at `coefficients`; NaN of what the units drawn do not say.

    None where columns are dependent, and where a coefficient has a variance of 0 but for rounding:
    then the units that were drawn say nothing of it.

    Of each cluster that was drawn, and without clusters of each stratum, k sums are in memory.
    """
    return kept(rows, "sampling", lambda: _sampling_root(rows, design, coefficients), coefficients)


def _sampling_root(
    rows: ArrayRows | BatchRows, design: SamplingDesign, coefficients: Array
) -> WhereKnown | None:
    # the covariance knows no unit of weights: in one, exactly changed to, nothing underflows
    unit = 2.0 ** -math.frexp(rows.extent.weights)[1]

    def in_unit(block: Block) -> Block:
        return block._replace(weights=block.counts * unit)

    here = MappedRows(rows, in_unit)
    white = whitening(here, coefficients)
    if white is None:
        return None
    if isinstance(rows, ArrayRows):
        grouped: Rows = replace(rows, groups=design.group_of)
    else:
        grouped = rows.in_units()
    root = white @ _middle(replace(here, rows=grouped), design, coefficients, white).T
    found = WhereKnown(Written(np.asarray(root)), Written(white), LOST)
    return None if np.isnan(found.standard_errors).any() else found


def required_sampling_root(
    rows: ArrayRows | BatchRows, design: SamplingDesign, coefficients: Array
) -> WhereKnown:
    """`sampling_root`, or an `ArithmeticError`."""
    root = sampling_root(rows, design, coefficients)
    if root is None and whitening(rows, coefficients) is None:
        raise PrecisionError("columns are dependent in double precision: centre and rescale them")
    if root is None:
        raise PrecisionError(
            "nothing is known of a variance: the scores of the units that were drawn do not vary, "
            "as where all clusters have the same shares; take more units, or name no clusters"
        )
    return root


def _middle(rows: Rows, design: SamplingDesign, coefficients: Array, white: Array) -> Array:
    """R (r, k) with R'R the middle of the sandwich, in columns that `white` whitens.

    In whitened columns, and by QR in place of products: columns far from zero cost no digits.
    """
    sizes = np.array([rows.n_rows]) if design.sizes is None else design.sizes
    if sizes.sum() < 2:
        raise InputError("of one row no variance is known")
    factor = np.sqrt(sizes / (sizes - 1.0))

    def scores(block: Block) -> Array:
        return row_terms(block, coefficients).residual[:, None] * (block.design @ white)

    def sums(block: Block) -> _Sums:
        score = scores(block)
        return _Sums.of(_groups(block), np.column_stack([score, np.ones(len(score))]))

    found = rows.reduce(sums, _Sums.merge)
    if design.clusters is not None:
        stratum = design.stratum_of
        clusters = found.whole(int(sizes.sum()))[:, :-1]
        stratum = np.zeros(len(clusters), dtype=np.intp) if stratum is None else stratum
        means = _Sums.of(stratum, clusters).whole(len(sizes)) / sizes[:, None]
        return _upper(factor[stratum, None] * (clusters - means[stratum]))
    totals = found.whole(len(sizes))
    means = totals[:, :-1] / sizes[:, None]

    def moved(block: Block) -> Array:
        stratum = _groups(block)
        return _upper(factor[stratum, None] * (scores(block) - means[stratum]))

    # a row of weight 0 has no score, but was drawn
    weightless = np.sqrt(sizes - totals[:, -1]) * factor
    return stack_factors(rows.reduce(moved, stack_factors), weightless[:, None] * means)


def _groups(block: Block) -> NDArray[np.intp]:
    """The cluster or stratum of each row; 0 where there is one stratum."""
    return np.zeros(len(block.sign), dtype=np.intp) if block.groups is None else block.groups


def _upper(rows: Array) -> Array:
    return np.asarray(np.linalg.qr(rows, mode="r"))


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums by group, of groups that are there; those of one group may be in several parts.

    Attributes
    ----------
    parts : tuple of (ndarray of int (g,), ndarray (g, c))
        Groups and their sums.
    """

    parts: tuple[tuple[NDArray[np.intp], Array], ...]

    @classmethod
    def of(cls, groups: NDArray[np.intp], values: Array) -> _Sums:
        """Of rows of these groups (m,), with these values (m, c)."""
        order = np.argsort(groups, kind="stable")
        found, first = np.unique(groups[order], return_index=True)
        return cls(((found, np.add.reduceat(values[order], first)),))

    def merge(self, other: _Sums) -> _Sums:
        """Of both; added up only when that halves them, so that many parts cost little."""
        parts = self.parts + other.parts
        sizes = [len(groups) for groups, _ in parts]
        if sum(sizes) <= 2 * max(sizes):
            return _Sums(parts)
        groups, values = zip(*parts, strict=True)
        return _Sums.of(np.concatenate(groups), np.concatenate(values))

    def whole(self, n: int) -> Array:
        """The sums of `n` groups (n, c), 0 of those that are not there."""
        total = np.zeros((n, self.parts[0][1].shape[1]))
        for groups, values in self.parts:
            total[groups] += values
        return total
