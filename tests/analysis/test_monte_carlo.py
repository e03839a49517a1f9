import numpy as np
import pytest
from scipy.stats import kstest

from flatprior.analysis.monte_carlo import batch_length, batch_means, hotelling_p, t_p, two_sample_p


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
