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
from dataclasses import replace

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.covariance.whitening import whitening
from flatprior.models.encoding.sampling import SamplingDesign
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import ArrayRows


def sampling_root(rows: ArrayRows, design: SamplingDesign, coefficients: Array) -> Array | None:
    """L (k, r) with LL' the covariance at `coefficients`; None where columns are dependent."""
    assert rows.weights is not None  # noqa: S101
    # the covariance knows no unit of weights: in one, exactly changed to, nothing underflows
    unit = 2.0 ** -math.frexp(float(rows.weights.max()))[1]
    rows = replace(rows, weights=rows.weights * unit, at_first=None)
    white = whitening(rows, coefficients)
    if white is None:
        return None
    # in whitened columns: columns far from zero cost no digits
    score = np.vstack(
        [
            row_terms(block, coefficients).residual[:, None] * (block.design @ white)
            for block in rows.blocks()
        ]
    )
    return np.asarray(white @ _meat(score, design).T)


def required_sampling_root(rows: ArrayRows, design: SamplingDesign, coefficients: Array) -> Array:
    """`sampling_root`, or an `ArithmeticError`."""
    root = sampling_root(rows, design, coefficients)
    if root is None:
        raise PrecisionError("columns are dependent in double precision: centre and rescale them")
    return root


def _meat(score: Array, design: SamplingDesign) -> Array:
    """R (r, k) with R'R the middle of the sandwich, of the scores (n, k) of all rows."""
    if design.unit_of is not None:
        units = np.zeros((design.n_units(0), score.shape[1]))
        np.add.at(units, design.unit_of, score)
    else:
        units = score
    stratum = np.zeros(len(units), dtype=int) if design.stratum_of is None else design.stratum_of
    size = np.bincount(stratum).astype(float)
    if len(units) < 2:
        raise InputError("of one row no variance is known")
    mean = np.zeros((len(size), score.shape[1]))
    np.add.at(mean, stratum, units)
    mean /= size[:, None]
    factor = np.sqrt(size / (size - 1))
    return np.asarray(np.linalg.qr(factor[stratum, None] * (units - mean[stratum]), mode="r"))
