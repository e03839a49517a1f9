"""Bins of a forecast against all pairs, brute force over orders, and scikit-learn."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import isotonic_regression
from sklearn.metrics import roc_auc_score

from flatprior.analysis.diagnostics.ranks import Ranks, edges_of


def rows(n, seed, digits=None):
    """Forecasts (rounded to so many digits), outcomes that lean their way, and weights."""
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 3, size=n)
    p = p if digits is None else p.round(digits)
    return p, rng.random(n) < p, rng.integers(1, 4, size=n).astype(float)


def in_bins(p, event, weights, edges, cuts=(0.3, 0.5)):
    """The same of three blocks of rows, added."""
    parts = np.split(np.arange(len(p)), [int(len(p) * cut) for cut in cuts])
    one, two, three = (Ranks.of(p[i], p[i], event[i], weights[i], edges) for i in parts)
    return (one + (two + three)).apart()


@pytest.mark.parametrize("digits", [None, 1, 0])
def test_the_area_is_that_of_scikit_learn_and_its_bins_are_within_their_bound(digits):
    p, event, weights = rows(3000, 1, digits)
    expected = roc_auc_score(event, p, sample_weight=weights)
    exact = Ranks.of(p, p, event, weights).area()
    assert exact.value == pytest.approx(expected, rel=1e-12)
    assert exact.error_bound == 0
    binned = in_bins(p, event, weights, edges_of(p[:100], bins=200)).area()
    assert abs(binned.value - expected) <= binned.error_bound + 1e-15
    assert binned.error_bound < 5e-3  # with gaps between 100 numbers cut in two, half of 2 / 200
    if digits is not None:  # every number is there twice, and has a bin of its own
        assert binned.error_bound == 0
        assert binned.standard_error == pytest.approx(exact.standard_error, rel=1e-12)


def test_the_bounds_are_reached():
    # two bins; in each the order is all right, or all wrong
    edges = np.array([0.5])
    event = np.array([False, True, False, True])
    for p, sign in (([0.1, 0.2, 0.8, 0.9], 1), ([0.2, 0.1, 0.9, 0.8], -1)):
        p = np.array(p)
        binned = Ranks.of(p, p, event, np.ones(4), edges).area()
        exact = roc_auc_score(event, p)
        assert exact - binned.value == pytest.approx(sign * binned.error_bound, abs=1e-15)
        assert binned.error_bound == 0.25


def test_one_forecast_for_all_ranks_nothing_and_one_outcome_has_no_area():
    p, event = np.full(9, 0.3), np.arange(9) < 4
    assert Ranks.of(p, p, event, np.ones(9), edges_of(p)).area()[::2] == (0.5, 0)
    assert all(map(math.isnan, Ranks.of(p, p, np.ones(9, bool), np.ones(9)).area()))


def test_an_atom_among_continuous_forecasts_is_a_bin_of_its_own():
    rng = np.random.default_rng(2)
    p = np.where(rng.random(20_000) < 0.4, 0.25, rng.random(20_000))
    event = rng.random(20_000) < p
    found = in_bins(p, event, np.ones(len(p)), edges_of(p[:500]))
    assert found.counts.max() == (p == 0.25).sum()
    area = found.area()
    assert abs(area.value - roc_auc_score(event, p)) <= area.error_bound < 1e-3


def test_a_mean_that_rounds_differently_is_the_same_tie():
    p = np.array([0.3, 0.3 * (1 + 4e-16), 0.7])
    event = np.array([True, False, True])
    for edges in (None, edges_of(p, ties=1e-12)):
        found = Ranks.of(p, p, event, np.ones(3), edges, ties=1e-12)
        assert found.area()[::2] == (0.75, 0)


def test_no_order_inside_bins_has_a_smaller_mean_square_than_the_bound():
    rng = np.random.default_rng(3)
    for _ in range(20):
        p, event = np.sort(rng.random(6)), rng.random(6) < 0.5
        binned = Ranks.of(p, p, event, np.ones(6), np.array([p[2]])).apart()
        least = binned.least_mean_square()
        orders = [
            np.array([*event[:3][list(one)], *event[3:][list(two)]], dtype=float)
            for one in itertools.permutations(range(3))
            for two in itertools.permutations(range(3))
        ]
        found = [np.mean((y - isotonic_regression(y).x) ** 2) for y in orders]
        assert least == pytest.approx(min(found), abs=1e-14)
        assert max(found) <= binned.mean_square(binned.isotonic()) + 1e-15


def test_the_distance_of_the_curve_is_within_its_bound():
    p, event, weights = rows(2000, 4)
    exact = Ranks.of(p, p, event, weights)
    for most in (8, 40):
        fewer = in_bins(p, event, weights, edges_of(p[:300], bins=300)).fewer(most)
        assert len(fewer.counts) <= 2 * most
        curve = fewer.isotonic()
        bound = fewer.mean_square(curve) - fewer.least_mean_square()
        place = np.searchsorted(fewer.highest, exact.means)
        apart = np.average((curve[place] - exact.isotonic()) ** 2, weights=exact.counts)
        assert 0 < apart <= bound


def test_of_a_bin_the_mean_is_that_of_its_observations():
    p, event, weights = rows(500, 5)
    found = in_bins(p, event, weights, np.array([0.3]))
    low = p <= 0.3
    assert found.means == pytest.approx(
        [np.average(p[part], weights=weights[part]) for part in (low, ~low)], rel=1e-12
    )
    assert found.counts == pytest.approx([weights[low].sum(), weights[~low].sum()])
    assert found.squared == pytest.approx(weights @ (event - p) ** 2, rel=1e-12)


def test_more_bins_are_cut_where_a_sample_is_small():
    sample = np.random.default_rng(6).normal(size=50)
    edges = edges_of(sample, bins=1000)
    assert 900 < len(edges) <= 1000
    assert (np.diff(edges) > 0).all()
    assert np.isin(sample, edges).all()
    twice = edges_of(np.append(sample, sample[:9] * (1 - 3e-16)), ties=1e-12, bins=1000)
    assert (np.searchsorted(twice, sample[:9]) == np.searchsorted(twice, sample[:9] - 4e-16)).all()
    assert len(twice) <= 1000 + 9
    assert edges_of(np.array([2.0])).tolist() == [2.0]
