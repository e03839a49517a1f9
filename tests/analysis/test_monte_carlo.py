import numpy as np
import pytest
from scipy.stats import kstest

from flatprior.analysis.monte_carlo import (
    batch_length,
    batch_means,
    hotelling_p,
    standard_error,
    t_p,
    two_sample_p,
)


def test_batches_are_consecutive_draws_of_one_chain():
    values = np.arange(2 * 10 * 1.0).reshape(2, 10, 1)
    # 20 draws, so 4 or more in a batch
    assert batch_means(values)[:, 0].tolist() == [2, 7, 12, 17]
    # the first draw of each chain is left out: 10 = 1 + 3 * 3
    assert batch_means(values, length=3)[:, 0].tolist() == [2, 5, 8, 12, 15, 18]


@pytest.mark.parametrize(
    ("chains", "n", "ess", "length"),
    [
        (4, 1000, np.inf, 66), (1, 1000, np.inf, 31), (50, 20, np.inf, 10), (12, 100, np.inf, 50),
        (4, 10, np.inf, 5), (4, 1000, 4000, 66), (4, 1000, 100, 200), (4, 1000, 5, 500),
    ],
)  # fmt: skip
def test_batches_are_as_long_as_many_or_longer_where_draws_are_dependent(chains, n, ess, length):
    assert batch_length(chains, n, ess) == length


@pytest.mark.parametrize("m", [12, 60])
@pytest.mark.parametrize("kind", ["normal", "with a tail", "skewed"])
def test_the_distance_over_the_error_has_a_mean_square_of_one(kind, m):
    # 20,000 averages of m: the error of the root is near 0.005. Skewed numbers have averages that
    # hang together with their errors, of which half is seen
    rng = np.random.default_rng(m)
    means = {
        "normal": rng.normal(size=(m, 20_000)),
        "with a tail": rng.standard_t(5, size=(m, 20_000)),
        "skewed": rng.gamma(2.0, size=(m, 20_000)) - 2.0,
    }[kind]
    z = means.mean(axis=0) / standard_error(means)
    plain = means.mean(axis=0) / (means.std(axis=0, ddof=1) / np.sqrt(m))
    spread, before = np.sqrt(np.mean(np.square([z, plain]), axis=1))
    assert spread < before
    if kind == "skewed":
        assert spread - 1 < 0.6 * (before - 1)
    else:
        assert 0.85 < spread < 1.02


def test_an_error_that_one_batch_decides_is_several_times_as_large():
    one = np.zeros((60, 1))
    one[0] = 1
    # fourth central moment over squared variance of one in m: m - 2 + 1 / (m - 1)
    share = 2 / 59 + (58 + 1 / 59 - 3) / 60
    assert standard_error(one)[0] == pytest.approx(1 / 60 / np.sqrt(1 - share), rel=1e-12)
    assert standard_error(1e200 * one)[0] == pytest.approx(
        1e200 * standard_error(one)[0], rel=1e-12
    )
    assert standard_error(np.ones((60, 2))).tolist() == [0, 0]


@pytest.mark.parametrize("m", [2, 3])
def test_of_two_or_three_batches_no_error_is_known(m):
    assert standard_error(np.arange(2.0 * m).reshape(m, 2)).tolist() == [np.inf, np.inf]


# each test has a fixed seed, and Kolmogorov-Smirnov a false-alarm rate of 1e-4


def test_p_values_of_one_sample_are_uniform():
    rng = np.random.default_rng(1)
    root = np.array([[1.0, 0, 0], [0.9, 0.3, 0], [5.0, 2.0, 1.0]])
    samples = [rng.normal(size=(25, 3)) @ root.T for _ in range(500)]
    assert kstest([hotelling_p(sample) for sample in samples], "uniform").pvalue > 1e-4
    assert kstest([t_p(sample[:, 0]) for sample in samples], "uniform").pvalue > 1e-4


@pytest.mark.parametrize("sizes", [(30, 30), (20, 60)])
def test_p_values_of_two_samples_with_unequal_covariances_are_uniform(sizes):
    rng = np.random.default_rng(2)
    p = [
        two_sample_p(rng.normal(size=(sizes[0], 3)), 4 * rng.normal(size=(sizes[1], 3)))
        for _ in range(500)
    ]
    assert kstest(p, "uniform").pvalue > 1e-4


def test_a_shift_is_seen():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 100, 3))
    shift = np.array([0, 1, 0])
    assert two_sample_p(first, second + shift) < 1e-6
    assert hotelling_p(first + shift) < 1e-6
    assert t_p(first[:, 0] + 1) < 1e-6


def test_values_that_do_not_vary_have_no_chance():
    assert t_p(np.ones(9)) == 0
    assert hotelling_p(np.ones((9, 2))) == 0
    assert two_sample_p(np.ones((9, 2)), np.zeros((9, 2))) == 0


def test_with_hardly_any_batches_nothing_is_claimed():
    rng = np.random.default_rng(4)
    with pytest.raises(ValueError, match="too few batches of draws to compare 9 means"):
        two_sample_p(*rng.normal(size=(2, 4, 9)))


@pytest.mark.parametrize("m", [3, 8, 40])
def test_of_one_column_hotelling_is_the_t_test(m):
    means = np.random.default_rng(m).normal(size=m) + 0.5
    assert hotelling_p(means[:, None]) == pytest.approx(t_p(means), rel=1e-9)
