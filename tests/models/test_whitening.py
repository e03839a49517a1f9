"""Columns made orthonormal in their weights, whatever their units."""

import numpy as np
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.whitening import whitening


def test_whitened_columns_are_orthonormal_at_condition_1e12():
    rng = np.random.default_rng(3)
    base = rng.normal(size=500)
    X = np.column_stack([np.ones(500), base, base + 1e-12 * rng.normal(size=500)])
    model = BernoulliLogistic.from_arrays(X, rng.integers(0, 2, size=500))
    T = whitening(model.rows)
    gram = (X @ T).T @ (X @ T) / 4
    assert gram == pytest.approx(np.eye(3), abs=1e-3)
