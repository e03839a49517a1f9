"""Projections on a cone: the decomposition holds, also where the cone is thin."""

import numpy as np
import pytest

from flatprior.models import BernoulliLogistic, check_existence
from flatprior.models.existence.projection import Effort, project

FINE = 1e-14


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1)[:, None]


@pytest.mark.parametrize("seed", range(20))
def test_a_target_is_a_combination_of_the_rows_less_a_direction_of_their_cone(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 12))
    rows = unit(rng.normal(size=(int(rng.integers(1, 200)), m)) + rng.normal(size=m))
    target = rng.normal(size=m)
    found = project(rows, target, Effort(), FINE)
    assert (found.weights >= 0).all()
    assert rows.T @ found.weights - found.direction == pytest.approx(target, abs=1e-12)
    assert (rows @ found.direction >= -1e-12).all()
    assert found.weights @ (rows @ found.direction) == pytest.approx(0, abs=1e-12)


def test_a_thin_cone_is_seen_to_its_own_precision():
    # all directions of the cone are within 1e-12 of the second axis
    rows = unit(np.array([[1.0, 1e-12], [-1.0, 1e-12]]))
    found = project(rows, np.array([0.0, -1.0]), Effort(), FINE)
    assert found.direction == pytest.approx([0, 1], abs=1e-15)
    along = project(rows, np.array([-1.0, 0.0]), Effort(), FINE).direction
    assert along[0] / along[1] == pytest.approx(1e-12, rel=1e-9)


def test_the_search_ends_when_its_effort_is_spent():
    rng = np.random.default_rng(1)
    rows = unit(rng.normal(size=(50, 5)))
    assert project(rows, np.ones(5), Effort(100.0), FINE) is None
    assert Effort(0.0).exhausted


def test_a_row_whose_weight_is_nothing_leaves_without_a_division_by_it():
    rng = np.random.default_rng(2107336210)
    X = rng.integers(-3, 4, size=(24, 4)).astype(float)
    along = X @ rng.integers(-2, 3, size=4)
    y = np.where(along != 0, along > 0, rng.random(24) < 0.5).astype(float)
    model = BernoulliLogistic.from_arrays(X, y)
    assert check_existence(model).kind == "complete separation"
