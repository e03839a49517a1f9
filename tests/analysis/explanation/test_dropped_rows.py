"""Rows are a cause where those that are left have an MLE, and only case."""

import itertools

import numpy as np
import pytest
from disagreements import numbers_without_a_cause
from problems import simulated
from sklearn.model_selection import train_test_split

from flatprior.analysis import explain_difference
from flatprior.analysis.explanation import dropped_rows
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.dropped_rows import (
    SPLIT_SEEDS,
    SPLIT_SHARES,
    _directions,
    _nearest_set,
    _splits,
    rows_dropped,
)
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

FORMULA = "grade ~ gpa + tuce"


@pytest.mark.parametrize("sizes", [(-100, 0, 0), (-1000, 3, 1), (100, 0, 0), (0, -30, -3)])
@pytest.mark.parametrize("by", ["grade", "gpa", "tuce"])
def test_where_the_score_of_one_outcome_vanishes_nothing_was_dropped(sizes, by):
    model = BernoulliLogistic.from_formula(FORMULA, load_spector().sort_values(by))
    found = explain_difference(model, list(sizes))
    assert not found.certain
    assert found.cause in ("none of these", "stopped early")
    assert all(cause.distance > 10 for cause in found.causes)


@pytest.mark.parametrize("rows", [slice(0, 7), slice(-5, None), slice(3, 4)])
@pytest.mark.parametrize("digits", [4, 15])
def test_rows_dropped_from_sorted_data_are_found(rows, digits):
    data = load_spector().sort_values("grade", ignore_index=True)
    model = BernoulliLogistic.from_formula(FORMULA, data)
    part = BernoulliLogistic.from_formula(FORMULA, data.drop(data.index[rows]))
    found = explain_difference(model, fit_newton(part).coefficients.round(digits))
    assert found.cause == "rows dropped"
    assert found.certain or digits == 4  # of few digits another set may do as well
    dropped = len(data.index[rows])
    assert f"without {dropped} row" in found.message or digits == 4


def test_rows_without_an_mle_are_no_cause():
    # dropping the last rows leaves separated rows, one outcome, or dependent columns
    x = np.array([-3.0, -2, -1, 1, 2, 3, 0.5, -0.5])
    y = np.array([0.0, 0, 0, 1, 1, 1, 0, 1])
    model = BernoulliLogistic.from_arrays(np.column_stack([np.ones(8), x]), y)
    fit = fit_newton(model)
    for b in ([0.0, 40.0], [-50.0, 0.0], [1e3, 1.0], [0.0, 1e5]):
        case = Discrepancy.at(model, fit, np.array(b))
        assert all(cause.distance > 5 for cause in rows_dropped(case))


def test_a_row_left_out_may_be_a_row_recoded():
    # far out both have the same MLE but for rounding
    rng = np.random.default_rng(4)
    x = np.append(rng.normal(size=60), 40.0)
    y = np.append((rng.random(60) < 1 / (1 + np.exp(-2 * x[:60]))).astype(float), 0.0)
    X = np.column_stack([np.ones(61), x])
    other = y.copy()
    other[60] = 1.0
    model = BernoulliLogistic.from_arrays(X, y)
    for part in (
        BernoulliLogistic.from_arrays(X, other),
        BernoulliLogistic.from_arrays(X[:60], y[:60]),
    ):
        found = explain_difference(model, fit_newton(part).coefficients)
        assert (found.cause, found.certain) == ("rows dropped", False)
        assert "the other outcome there" in found.message


def test_splits_are_those_of_scikit_learn():
    for n in (10, 37, 300):
        X, y = simulated(n, 2, seed=1)
        sets = [set(rows) for rows, _ in _splits(BernoulliLogistic.from_arrays(X, y))]
        for seed in SPLIT_SEEDS:
            for share in SPLIT_SHARES:
                _, test = train_test_split(np.arange(n), test_size=share, random_state=seed)
                assert set(test) in sets


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e150, 1e160, 1e300])
@pytest.mark.parametrize("rows", [(3, 8), (3, 8, 11)])
def test_rows_are_found_by_scores_of_any_size(size, rows):
    # far out a column's information all but vanishes, and the squares of whitened scores overflow
    scores = np.random.default_rng(7).normal(size=(20, 3))
    scores[:, 2] *= size
    pull = scores[list(rows)].sum(axis=0)
    assert _nearest_set(scores, pull, len(rows)).tolist() == list(rows)


def test_numbers_so_far_out_that_scores_are_of_no_size_have_an_answer():
    # one of the random vectors of the benchmark
    model, coefficients = numbers_without_a_cause(np.random.default_rng([2, 11, 163]), "shuffled")
    found = explain_difference(model, coefficients)
    assert found.cause == "none of these"
    assert not found.certain


@pytest.mark.parametrize("size", [2, 3])
def test_the_nearest_set_is_of_different_rows_and_the_nearest(size):
    for seed in range(5):
        scores = np.random.default_rng(seed).normal(size=(12, 2))
        pull = size * scores[3]  # one row several times would be exactly there
        every = list(itertools.combinations(range(12), size))
        gaps = [np.linalg.norm(scores[list(rows)].sum(axis=0) - pull) for rows in every]
        assert tuple(_nearest_set(scores, pull, size)) == every[int(np.argmin(gaps))]


@pytest.mark.parametrize("distance", [0.05, 1.0, 30.0])
def test_what_is_too_far_along_some_directions_is_too_far(monkeypatch, distance):
    """The sums that are formed in full are those of which the same is said with all of them."""
    X, y = simulated(150, 12, seed=9)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    errors = np.random.default_rng(3).normal(size=12) * fit.standard_errors
    part = BernoulliLogistic.from_arrays(X[20:], y[20:])
    for b in (fit.coefficients + distance * errors, fit_newton(part).coefficients):
        case = Discrepancy.at(model, fit, b)
        found = [list(rows_dropped(case))]
        for number in (1, 12):
            monkeypatch.setattr(dropped_rows, "DIRECTIONS", number)
            found.append(list(rows_dropped(case)))
        assert found[0] == found[1] == found[2]
    assert found[0][0].distance < 1e-9


def test_directions_are_orthonormal_and_the_first_is_that_of_the_score():
    for pull in (np.array([3.0, 4.0]), np.arange(20) * 1e200, np.zeros(4)):
        along = _directions(pull)
        assert along.T @ along == pytest.approx(np.eye(along.shape[1]), abs=1e-12)
        size = np.abs(pull).max() or 1.0
        rest = pull / size - along[:, :1] @ (along[:, :1].T @ (pull / size))
        assert np.abs(rest).max() < 1e-12


def test_no_set_is_named_that_is_farther_than_is_asked():
    scores = np.random.default_rng(3).normal(size=(12, 2))
    pull = scores[[2, 7]].sum(axis=0) + 0.01
    gap = np.linalg.norm(scores[_nearest_set(scores, pull, 2)].sum(axis=0) - pull)
    assert _nearest_set(scores, pull, 2, 0.5 * gap) is None
    assert _nearest_set(scores, pull, 2, 2 * gap) is not None
