"""Fits without one observation each: within their bounds of the MLE in 50 digits, or not proved."""

import numpy as np
import pytest
from multiplier import repeated
from problems import mp_fit

from flatprior.models import BernoulliLogistic, fit_newton, rows
from flatprior.models.covariance.roots import required_root
from flatprior.models.refits.without_one import Others, fit_others


def adverse(seed, n=40):
    """Sorted by outcome: outliers of one and six digits, twins, counts, an offset, odd units."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=n), rng.standard_cauchy(size=n)])
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, 1]))).astype(float)
    offset, counts = rng.normal(size=n), rng.choice([1.0, 1.0, 2.0, 50.0], size=n)
    X[0, 1:], y[0], counts[0] = (9.0, 0.0), 0.0, 1.0
    X[1, 1:], counts[1] = (0.1, 1e6), 1.0
    X[3], y[3], offset[3], counts[3] = X[2], y[2], offset[2], counts[2]
    order = np.argsort(y, kind="stable")
    X = 10.0 ** np.array([0, -6, 6]) * X + np.array([0, 2e-5, 3e6])
    left_out = np.flatnonzero(order < 5)
    return X[order], y[order], counts[order], offset[order], left_out


def others(model, left_out):
    beta = fit_newton(model).coefficients
    root = required_root(model.rows, beta)
    block = model.arrays.block(slice(None))
    return Others(
        rows=model.rows,
        left_out=block.select(left_out),
        origin=beta,
        transform=root.matrix,
        n_observations=model.n_observations,
        longest_row=float(root.lengths(block.design).max()),
    )


@pytest.mark.parametrize("size", [7, 2**14])
def test_each_lies_within_its_bound_of_fifty_digits(monkeypatch, size):
    monkeypatch.setattr(rows, "BLOCK_ROWS", size)
    for seed in range(repeated(2)):
        X, y, counts, offset, left_out = adverse(seed)
        model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=counts)
        asked = others(model, left_out)
        found = fit_others(asked)
        assert found.error_bounds.max() < 1e-7
        for i, row in enumerate(left_out):
            weights = counts - (np.arange(len(y)) == row)
            kept = weights > 0
            ours = asked.origin + asked.transform @ found.coefficients[i]
            parts = (X[kept], y[kept], weights[kept], offset[kept])
            beta, se = mp_fit(*parts, start=ours)
            # beside the rounding of what was just added up
            size = np.abs(asked.origin) + np.abs(asked.transform) @ np.abs(found.coefficients[i])
            assert np.all(np.abs(ours - beta) <= found.error_bounds[i] * se + 1e-15 * size)
            curvature = np.exp(-np.abs(X @ beta + offset))
            curvature = weights * curvature / (1 + curvature) ** 2
            scale = np.sqrt(np.square(X).T @ curvature)  # no unit matters
            inverse = np.linalg.inv((X / scale).T @ ((X / scale) * curvature[:, None]))
            reach = np.sqrt((X[row] / scale) @ inverse @ (X[row] / scale))
            assert reach <= found.standard_errors[i, 0] <= 1.02 * reach


def test_nothing_is_proved_of_a_row_that_is_not_there_or_without_which_there_is_no_mle():
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    y = np.array([0.0, 0, 0, 1, 0, 1, 1, 1])
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    asked = others(model, np.array([3, 1]))
    asked.left_out.design[1, 1] = 2.5
    found = fit_others(asked)
    assert np.isinf(found.error_bounds).all()
    assert np.isnan(found.coefficients).all()
