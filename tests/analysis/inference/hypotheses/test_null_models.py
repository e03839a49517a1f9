import math

import numpy as np
import pytest
from problems import simulated

from flatprior.analysis import likelihood_ratio_test, score_test, wald_test
from flatprior.analysis.inference.hypotheses.linear import linear_of
from flatprior.analysis.inference.hypotheses.null_models import echelon, null_of
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def test_everything_may_be_held():
    X, y = simulated(50, 2, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    found = likelihood_ratio_test(model, list(model.names))
    expected = 2 * (fit_newton(model).log_likelihood - 50 * math.log(0.5))
    assert found.statistic == pytest.approx(expected, rel=1e-12)
    pull = X.T @ (y - 0.5)
    by_hand = pull @ np.linalg.solve(X.T @ X / 4, pull)
    assert score_test(model, list(model.names)).statistic == pytest.approx(by_hand, rel=1e-12)


def test_units_do_not_matter():
    X, y = simulated(80, 3, seed=5)
    plain = BernoulliLogistic.from_arrays(X, y)
    scaled = BernoulliLogistic.from_arrays(X * [1, 1e9, 1e-9], y)
    for test in (likelihood_ratio_test, score_test, lambda m, h: wald_test(fit_newton(m), h)):
        assert test(plain, ["x2", "x3"]).statistic == pytest.approx(
            test(scaled, ["x2", "x3"]).statistic, rel=1e-9
        )


def test_rows_of_a_matrix_may_differ_in_size():
    X, y = simulated(80, 4, seed=5)
    model = BernoulliLogistic.from_arrays(X, y)
    plain, huge = (
        np.array([[0, 1.0, 0, 0], [0, 0, 1, 1]]),
        np.array([[0, 1e16, 0, 0], [0, 0, 1, 1]]),
    )
    for test in (likelihood_ratio_test, score_test):
        first, second = test(model, plain), test(model, huge)
        assert first.statistic == pytest.approx(second.statistic, rel=1e-9)


def test_combinations_of_columns_far_from_zero_are_tested_as_of_centred_ones():
    rng = np.random.default_rng(6)
    year = rng.integers(1990, 2021, size=400).astype(float)
    t = (year - 2005) / 10
    y = (rng.random(400) < 1 / (1 + np.exp(-t))).astype(float)
    raw, centred = (
        BernoulliLogistic.from_arrays(np.column_stack([x**j for j in range(4)]), y)
        for x in (year, t)
    )
    rows = [[x**j for j in range(4)] for x in (2010.0, 0.5)]  # the log-odds in 2010
    for test in (likelihood_ratio_test, score_test):
        first, second = test(raw, [rows[0]]), test(centred, [rows[1]])
        assert first.statistic == pytest.approx(second.statistic, rel=1e-4)


def test_combinations_are_tested_of_dependent_columns_too():
    frame = load_spector().assign(twice=lambda d: 2 * d["gpa"] + d["psi"])
    deficient = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi + twice", frame)
    plain = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", frame)
    # with all four: gpa + 2 twice is that of gpa in the model without, psi + twice that of psi
    for matrix, same, df in (
        ([[0, 1, 0, 0, 2]], [[0, 1, 0, 0]], 1),
        ([[0, 1, 0, 0, 2], [0, 0, 0, 1, 1]], [[0, 1, 0, 0], [0, 0, 0, 1]], 2),
        ([[0, 1, 0, 0, 2], [0, 0, 0, 0, 1]], [[0, 1, 0, 0]], 1),
    ):
        for test in (likelihood_ratio_test, score_test):
            found, expected = test(deficient, matrix), test(plain, same)
            assert found.statistic == pytest.approx(expected.statistic, rel=1e-7)
            assert found.df == df
        held = np.arange(1, 1 + len(matrix)) / 4
        found = likelihood_ratio_test(deficient, matrix, held)
        if len(matrix) == len(same):
            expected = likelihood_ratio_test(plain, same, held)
            assert found.statistic == pytest.approx(expected.statistic, rel=1e-7)
    for test in (likelihood_ratio_test, score_test):
        with pytest.raises(ValueError, match="the data cannot tell whether twice = 0"):
            test(deficient, "twice")
    with pytest.raises(ValueError, match="the two models are the same model"):
        likelihood_ratio_test(deficient, plain)


def test_hypotheses_are_solved_for_one_coefficient_each_whatever_the_size_of_columns_and_rows():
    rng = np.random.default_rng(8)
    for _ in range(200):
        q, k = sorted(rng.integers(1, 9, size=2))
        size = 10.0 ** rng.integers(-8, 9, size=k)
        matrix = rng.normal(size=(q, k)) * size * 10.0 ** rng.integers(-20, 20, size=(q, 1))
        reduced, pivots = echelon(matrix, size, q)
        corner = reduced[:, pivots]
        np.testing.assert_array_equal(corner, np.diag(corner.diagonal()))
        assert corner.diagonal().all()
        # the rows span the same space
        expected = np.linalg.qr((matrix / size / np.abs(matrix / size).max(axis=1)[:, None]).T)[0]
        there = (reduced / size).T
        there /= np.abs(there).max(axis=0)
        lost = there - expected @ (expected.T @ there)
        assert np.abs(lost).max() < 1e-9


def test_columns_that_take_no_part_in_a_hypothesis_stay_as_they_are_to_the_last_bit():
    rng = np.random.default_rng(9)
    design = rng.normal(size=(500, 5)) * [1, 1e6, 1e-6, 1, 1]
    design[:-1, 4] = 0.0
    model = BernoulliLogistic.from_arrays(design, rng.integers(2, size=500))
    matrix = [[0, 1, -1, 0, 0], [1, 0, 0, 0, 0]]
    rows = null_of(model, model, linear_of(model.names, matrix, [0, 2.0])).rows
    assert rows.n_columns == 3
    np.testing.assert_array_equal(rows.design[:, :2], design[:, 3:])
    mixed = rows.design[:, 2]
    share = mixed / (design[:, 1] + design[:, 2])
    np.testing.assert_array_equal(share, share[0])  # a power of two
    np.testing.assert_array_equal(rows.offset, 2 * design[:, 0])
