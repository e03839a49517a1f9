"""The way to the MLE by conjugate gradients: Newton steps that need no factor of a matrix.

With many columns beside the main factor a Cholesky factor costs more than many passes. Nothing is
proved here: it is where Newton's method itself begins, which then needs one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from flatprior.models.codes.basis import Basis
from flatprior.models.codes.sums import Part, Sums, by_level, predictor_of, score_of, summed
from flatprior.models.common.arrays import Array

LARGE = 1500  # columns beside the main factor from which this pays
NEAR = 1e-5  # length of a score after which one step more is enough
MAX_STEPS, MAX_PRODUCTS, MAX_HALVINGS = 25, 200, 20
FORCING = 0.1  # of the score that a step may leave, at most


def descended(sums: Sums, alpha: Array, theta: Array) -> tuple[Array, Array, int]:
    """Coefficients near the MLE, from these on, and how many steps were taken.

    They are where the way ends if it does not come near.
    """
    basis, whole = sums.basis, sums.part()
    at = np.concatenate([alpha, theta])
    n_levels = basis.n_levels
    score, curvature = score_of(basis, whole, alpha, theta)
    steps = 0
    while steps < MAX_STEPS:
        g = np.concatenate([score.main, score.rest])
        scale = diagonal(basis, whole, curvature)
        if not ((scale > 0).all() and np.isfinite(scale).all() and np.isfinite(g).all()):
            break
        scale = np.sqrt(scale)
        length = float(np.linalg.norm(g / scale))

        def product(values: Array, scale: Array = scale, curvature: Array = curvature) -> Array:
            by_size = values / scale
            eta = predictor_of(
                basis, whole._replace(offset=None), by_size[:n_levels], by_size[n_levels:]
            )
            return np.concatenate(summed(basis, whole, curvature * eta)) / scale

        step = solved(product, g / scale, min(FORCING, length)) / scale
        if length < NEAR:
            at, steps = at + step, steps + 1
            break
        size = 1.0
        for _ in range(MAX_HALVINGS):
            there = at + size * step
            found, curved = score_of(basis, whole, there[:n_levels], there[n_levels:])
            if found.log_likelihood > score.log_likelihood:
                break
            size /= 2
        else:
            break
        at, score, curvature, steps = there, found, curved, steps + 1
    return at[:n_levels], at[n_levels:], steps


def diagonal(basis: Basis, part: Part, curvature: Array) -> Array:
    """Diagonal of the information (L + q,), where rows have that curvature (m,)."""
    found = [
        by_level(part.codes[0], curvature, basis.n_levels),
        curvature @ np.square(part.numbers),
    ]
    for factor, codes in zip(basis.others, part.codes[1:], strict=True):
        found.append(by_level(codes, curvature, factor.n_levels)[factor.columns >= 0])
    if part.sparse is not None:
        found.append(part.sparse.power(2).T @ curvature)
    return np.concatenate(found)


def solved(product: Callable[[Array], Array], right: Array, tolerance: float) -> Array:
    """What `product` takes to `right`, but for a share `tolerance`, by conjugate gradients."""
    x, left = np.zeros(len(right)), right.copy()
    way, size = left.copy(), float(left @ left)
    enough = tolerance**2 * size
    for _ in range(MAX_PRODUCTS):
        if not size > enough:
            break
        there = product(way)
        curved = float(way @ there)
        if not (curved > 0 and math.isfinite(curved)):
            break
        x += size / curved * way
        left -= size / curved * there
        before, size = size, float(left @ left)
        way = left + size / before * way
    return x
