"""Separating directions and signs of coefficients, as exact arithmetic has them."""

import math
from contextlib import contextmanager

import numpy as np
import pytest

from flatprior.models import BernoulliLogistic, check_existence, load_endometrial
from flatprior.models.existence import cone
from flatprior.models.existence.projection import Effort

# found by exact rational linear programming; each was once wrong or refused
TRICKY = [
    # a column with a large mean must not leak into null vectors
    ([[1, 2000, 1], [1, 2001, 1], [1, 2002, 1], [1, 2001, 0]], [0, 1, 0, 1], "quasi", "+f-"),
    ([[1, 2001, 2], [1, 2003, 2]], [1, 0], "rank", "u-u"),
    # one outlier must not set the scale
    ([[1, -1], [1, 1e9]], [1, 0], "complete", "u-"),
    ([[1, -2], [1, -2e8]], [1, 1], "complete", "uu"),
    ([[1, 2, 2e7], [1, 2, 0], [1, -1, 1], [1, 2, 0]], [0, 0, 0, 1], "quasi", "uu-"),
    ([[1, -1], [1, -2e8], [1, 2], [1, 0]], [0, 1, 0, 1], "overlap", "ff"),
    (
        [[1, 0, 1], [1, 0, -2], [1, 2, -1e7], [1, 0, 2], [1, -2, -2]],
        [1, 0, 0, 0, 0],
        "overlap",
        "fff",
    ),
    # the cone is thin
    (
        [
            *([0, 0, 1, 1, 0], [0, 1, 1, 1, 1], [0, 0, 0, 1, 0]),
            *([0, 0, 1, 1, 0], [1, 0, 0, 1, 1], [0, 0, 0, 1, 1]),
        ],
        [1, 0, 0, 0, 0, 0],
        "quasi",
        "uu+-u",
    ),
    # more columns than rows
    ([[1, 1, 0, 2], [1, 0, 0, 0], [1, -2, 1, -1e10]], [1, 0, 0], "rank", "-uuu"),
    ([[1e10, 0, 3, 2, 0], [1, 2, 3, 0, 0], [0, 0, 2, 0, 0]], [0, 0, 1], "rank", "uu+uu"),
    # rows of zeros, columns of zeros, a single row
    ([[0.0]], [1], "rank", "u"),
    ([[2.0]], [1], "complete", "+"),
    ([[0, 0], [1, 0], [0, 1]], [0, 1, 1], "quasi", "++"),
]


@pytest.mark.parametrize(("X", "y", "kind", "status"), TRICKY)
def test_tricky_designs_are_decided_as_exact_arithmetic_decides_them(X, y, kind, status):
    existence = check_existence(BernoulliLogistic.from_arrays(np.array(X, dtype=float), y))
    assert existence.kind.startswith(kind)
    short = {"finite": "f", "+inf": "+", "-inf": "-", "undetermined": "u"}
    assert "".join(short[value] for value in existence.coefficients.values()) == status


def test_separation_in_several_steps_is_followed_to_its_end():
    # x1 separates rows 0-3; of the others x2 separates 4-7; rows 8-11 overlap
    X = np.array(
        [
            *([1, -3, 2], [-2, 5, 1], [1, 2, -1], [-1, 0, 4]),
            *([0, 1, 7], [0, -1, 5], [0, 2, -9], [0, -2, -3]),
            *([0, 0, 1], [0, 0, 1], [0, 0, 2], [0, 0, 2]),
        ],
        dtype=float,
    )
    y = np.array([1, 0, 1, 0] * 2 + [1, 0, 1, 0], dtype=float)
    existence = check_existence(BernoulliLogistic.from_arrays(X, y))
    assert existence.separated_rows == tuple(range(8))
    assert existence.coefficients == {"x1": "+inf", "x2": "+inf", "x3": "finite"}
    assert existence.limit.names == ("x3",)
    assert existence.limit.coefficients == pytest.approx([0], abs=1e-12)
    assert existence.limit.log_likelihood == pytest.approx(4 * math.log(0.5))


def test_an_overlap_narrower_than_a_solvers_tolerance_is_proved():
    # three rows overlap by 1e-10: a linear program's tolerance of 1e-9 would call them separated
    x = np.array([-1.0, -0.5, 1e-10, 0.0, 0.5, 1.0])
    y = np.array([0, 0, 0, 1, 1, 1])
    assert check_existence(BernoulliLogistic.from_arrays(x, y, intercept=True)).kind == "overlap"


@pytest.mark.parametrize("rows", [1.0, 2.0**40, 2.0**-40])
@pytest.mark.parametrize("column", [1.0, 2.0**35, -(2.0**-35)])
def test_ways_through_a_gap_of_4e_11_are_both_seen(rows, column):
    # with slope 1 the intercept lies between -2.5e-11 and 1.5e-11
    x = np.array([-1, -2, -1.5e-11, 2.5e-11, 1, 2])
    X = np.column_stack([np.ones(6), column * x])
    X[::2] *= rows
    found = check_existence(BernoulliLogistic.from_arrays(X, [0, 0, 0, 1, 1, 1], ["const", "x"]))
    assert found.kind == "complete separation"
    assert found.coefficients == {"const": "undetermined", "x": "+inf" if column > 0 else "-inf"}


def test_a_search_that_ends_at_its_limit_is_undecided_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(cone, "Effort", lambda: Effort(10.0))
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])
    model = BernoulliLogistic.from_arrays(X, X @ [0.2, 1, -1, 1] > 0)
    found = check_existence(model)
    assert found.kind == "undecided"
    assert "the search for a separating direction was given up at its limit" in found.message
    assert "fit a model of fewer columns" in found.message


def test_the_search_and_the_signs_show_progress(monkeypatch):
    bars = []

    @contextmanager
    def bar(what, total, shown):
        steps = []
        yield lambda step=1: steps.append(step)
        bars.append((what, total, shown, sum(steps)))

    monkeypatch.setattr(cone, "progress_bar", bar)
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    check_existence(model, progress=True)
    assert bars == [("rows that separate", 79, True, 13), ("coefficients", 4, True, 4)]
