"""Samples are of the observations, the same however they are asked for, and folds cut them."""

import numpy as np
import pytest

from flatprior.analysis.validation.resampling import Observations, bootstrap_counts, fold_counts
from flatprior.models import FlatpriorError
from flatprior.models.rows import ArrayRows


def drawn_from(n=60, weighted=False, stratified=False, seed=1):
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 9, size=n).astype(float) if weighted else None
    rows = ArrayRows(np.ones((n, 1)), (rng.random(n) < 0.3).astype(float), None, weights)
    return rows, Observations.of(rows, stratified)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("stratified", [False, True])
def test_a_bootstrap_sample_has_as_many_observations_each_as_likely(weighted, stratified):
    rows, observations = drawn_from(weighted=weighted, stratified=stratified)
    counts = bootstrap_counts(observations, 5, range(4000))
    assert (counts.sum(axis=1) == observations.total).all()
    # binomial: of each row the mean over samples is its weight; 60 rows beyond 4.5 SE: 4e-4
    error = np.sqrt(observations.counts / 4000)
    assert (np.abs(counts.mean(axis=0) - observations.counts) < 4.5 * error).all()
    assert counts.std(axis=0) == pytest.approx(np.sqrt(observations.counts), rel=0.1)
    events = counts @ rows.response
    assert (len(np.unique(events)) == 1) == stratified


def test_a_sample_is_the_same_whatever_else_is_drawn_and_another_for_another_seed():
    _, observations = drawn_from(weighted=True, stratified=True)
    every = bootstrap_counts(observations, 7, range(20))
    alone = [bootstrap_counts(observations, 7, [i])[0] for i in reversed(range(20))]
    assert (every == alone[::-1]).all()
    assert len(np.unique(every, axis=0)) == 20
    assert (every != bootstrap_counts(observations, 8, range(20))).any(axis=1).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("folds", [2, 7, 60])
def test_folds_are_all_observations_once_in_parts_of_a_size(weighted, stratified, folds):
    rows, observations = drawn_from(weighted=weighted, stratified=stratified)
    counts = fold_counts(observations, 3, 0, folds)
    assert (counts.sum(axis=0) == observations.counts).all()
    assert (counts >= 0).all()
    assert np.ptp(counts.sum(axis=1)) <= 1
    if stratified:
        assert np.ptp(counts @ rows.response) <= 1
    assert (counts != fold_counts(observations, 3, 1, folds)).any()


def test_each_observation_of_a_row_is_dealt_to_each_fold_as_often():
    rows = ArrayRows(np.ones((3, 1)), np.array([0.0, 1.0, 1.0]), None, np.array([4.0, 1.0, 2.0]))
    observations = Observations.of(rows, False)
    mean = np.mean([fold_counts(observations, 1, i, 3) for i in range(3000)], axis=0)
    # hypergeometric, fold sizes 3, 2, 2 of 7; standard errors below 0.02
    expected = np.outer([3, 2, 2], [4, 1, 2]) / 7
    assert np.abs(mean - expected).max() < 0.08


def test_counts_too_many_to_deal_out_are_one_sentence():
    rows = ArrayRows(np.ones((2, 1)), np.array([0.0, 1.0]), None, np.array([1e9, 1e9]))
    with pytest.raises(FlatpriorError, match=r"too many to be dealt .*; use method="):
        fold_counts(Observations.of(rows, False), 1, 0, 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_clusters_are_drawn_and_dealt_out_whole_each_as_likely(weighted):
    rows, _ = drawn_from(weighted=weighted)
    numbers = np.arange(60) * 7 % 23 % 12
    observations = Observations.of(rows, False, numbers)
    first = np.array([np.flatnonzero(numbers == g)[0] for g in range(12)])
    times = bootstrap_counts(observations, 5, range(2000)) / observations.counts
    assert (times == times[:, first][:, numbers]).all()
    assert (times[:, first].sum(axis=1) == 12).all()
    # binomial: of 12 clusters beyond 4.5 SE: 8e-5
    assert (np.abs(times[:, first].mean(axis=0) - 1) < 4.5 / np.sqrt(2000)).all()
    for folds in (2, 5, 12):
        counts = fold_counts(observations, 3, 0, folds)
        assert (counts.sum(axis=0) == observations.counts).all()
        held = counts > 0
        assert (held == held[:, first][:, numbers]).all()
        assert np.ptp(held[:, first].sum(axis=1)) <= 1
        assert (counts != fold_counts(observations, 3, 1, folds)).any()


def test_where_every_row_is_a_cluster_the_rows_drawn_are_those_without():
    rows, plain = drawn_from()
    alone = Observations.of(rows, False, np.arange(60))
    assert (bootstrap_counts(alone, 4, range(9)) == bootstrap_counts(plain, 4, range(9))).all()
    assert (fold_counts(alone, 4, 2, 7) == fold_counts(plain, 4, 2, 7)).all()
