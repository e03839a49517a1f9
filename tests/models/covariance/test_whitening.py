"""Columns made orthonormal in their weights, whatever their units."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from problems import simulated

from flatprior.models import BernoulliLogistic
from flatprior.models.covariance.whitening import (
    graded_whitening,
    required_whitening,
    whitening,
    whitening_by_information,
    whitenings,
)
from flatprior.models.likelihood import moments, row_terms
from flatprior.models.rows import BLOCK_ROWS


def test_whitened_columns_are_orthonormal_at_condition_1e12():
    rng = np.random.default_rng(3)
    base = rng.normal(size=500)
    X = np.column_stack([np.ones(500), base, base + 1e-12 * rng.normal(size=500)])
    model = BernoulliLogistic.from_arrays(X, rng.integers(0, 2, size=500))
    T = whitening(model.rows)
    gram = (X @ T).T @ (X @ T) / 4
    assert gram == pytest.approx(np.eye(3), abs=1e-3)


def gram(model, transform, beta=None):
    """What the columns of X T are to one another in the weights D."""
    curvature = (
        model.frequency_weights / 4
        if beta is None
        else row_terms(model.rows.block(slice(None)), beta).curvature
    )
    columns = model.design @ transform
    return (columns * curvature[:, None]).T @ columns


@pytest.mark.parametrize("n", [40, 2 * BLOCK_ROWS + 17])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_are_orthonormal_to_rounding_at_any_coefficients(n, seed):
    X, y = simulated(n, 4, seed)
    weights = np.random.default_rng(seed).integers(1, 5, n)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    beta = np.random.default_rng(seed).normal(size=4)
    for at in (None, np.zeros(4), beta):
        for transform in (whitening(model.rows, at), required_whitening(model.rows, at)):
            assert gram(model, transform, at) == pytest.approx(np.eye(4), abs=1e-12)
    # at 0 the curvature is a quarter of the weight
    assert whitening(model.rows) == pytest.approx(whitening(model.rows, np.zeros(4)), rel=1e-12)
    graded = graded_whitening(model.rows, beta)
    assert gram(model, graded, beta) == pytest.approx(np.eye(4), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_units_that_are_powers_of_two_change_the_units_and_no_digit(seed):
    rng = np.random.default_rng(seed)
    X, y = simulated(200, 5, seed)
    unit = np.ldexp(1.0, rng.integers(-200, 200, 5))
    beta = rng.normal(size=5)
    plain, other = (BernoulliLogistic.from_arrays(X * u, y).rows for u in (1.0, unit))
    for transform in (whitening, graded_whitening):
        expected, found = transform(plain, beta), transform(other, beta / unit)
        np.testing.assert_array_equal(found * unit[:, None], expected)


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2, 2], [1, 3, 3], [1, 5, 5], [1, 7, 7]],
        [[1, 2, 3], [1, 3, 4], [1, 5, 6], [1, 7, 8]],
        [[1, 2, 0], [1, 3, 0], [1, 5, 0], [1, 7, 0]],
        [[1, 2, 4], [1, 3, 9]],
        [[1, 2, 1e-60], [1, 3, 2e-60], [1, 5, -1e-60]],
    ],
    ids=["twice", "a sum", "zeros", "fewer rows", "independent"],
)
def test_dependent_columns_have_no_whitening_whatever_their_units(X, request):
    for unit in (1.0, np.array([2.0**-200, 1.0, 2.0**200])):
        rows = BernoulliLogistic.from_arrays(np.array(X) * unit, np.arange(len(X)) % 2).rows
        if "independent" in request.node.name:
            assert whitening(rows) is not None
            continue
        assert whitening(rows) is None
        assert graded_whitening(rows, np.zeros(3)) is None
        with pytest.raises(ArithmeticError, match="columns are linearly dependent in double"):
            required_whitening(rows)


def test_a_graded_whitening_is_triangular_and_keeps_scales_apart_that_100_powers_of_e_part():
    # the rows of the indicator are at log odds of -100, the others near 0
    rng = np.random.default_rng(4)
    g = np.repeat([0.0, 1.0], 20)
    # and the second column is within a hundredth of the first
    X = np.column_stack([np.ones(40), 1 + 0.01 * rng.normal(size=40), g])
    model = BernoulliLogistic.from_arrays(X, np.tile([0, 1], 20))
    beta = np.array([0.25, -0.5, -100.25])
    found = graded_whitening(model.rows, beta)
    assert np.array_equal(found, np.triu(found))
    with mpmath.workdps(120):
        eta = [
            sum(mpmath.mpf(x) * mpmath.mpf(b) for x, b in zip(row, beta, strict=True)) for row in X
        ]
        weights = [1 / (2 + mpmath.exp(e) + mpmath.exp(-e)) for e in eta]
        columns = mpmath.matrix(X.tolist())
        weighted = mpmath.matrix(
            [[w * x for x in row] for w, row in zip(weights, X.tolist(), strict=True)]
        )
        exact = mpmath.cholesky(columns.T * weighted) ** -1
        expected = np.array([[float(exact[j, i]) for j in range(3)] for i in range(3)])
    assert expected[2, 2] > 1e19 * expected[1, 1]
    assert found == pytest.approx(expected, rel=1e-11)


def test_what_is_nearly_dependent_is_whitened_again_and_so_several_times_nearer():
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=40)
        X = np.column_stack([np.ones(40), x, x + 1e-7 * rng.normal(size=40)])
        rows = BernoulliLogistic.from_arrays(X, np.arange(40) % 2).rows
        beta = np.array([0.25, -0.5, 0.3])
        once, again = (
            np.abs(exact_gram(X, transform(rows, beta), beta) - np.eye(3)).max()
            for transform in (whitening, graded_whitening)
        )
        assert again < 1e-8
        ratios.append(again / once)
    assert np.exp(np.mean(np.log(ratios))) < 0.5  # 0.16 to 0.28 as measured


def exact_gram(X, transform, beta):
    """What `gram` is, in 40 digits: doubles would lose as much again."""
    with mpmath.workdps(40):
        columns = mpmath.matrix(X.tolist()) * mpmath.matrix(transform.tolist())
        eta = mpmath.matrix(X.tolist()) * mpmath.matrix(beta.tolist())
        curvature = mpmath.diag([1 / (2 + mpmath.exp(e) + mpmath.exp(-e)) for e in eta])
        return np.array((columns.T * curvature * columns).tolist(), dtype=float)


def test_the_information_whitens_as_a_factorisation_of_the_rows_does():
    X, y = simulated(300, 5, seed=4)
    rows = BernoulliLogistic.from_arrays(X * [1.0, 1e-8, 1e8, 1.0, 1.0], y).rows
    beta = np.array([0.1, 1e7, -1e-9, 0.2, 0.0])
    for transform in (whitening_by_information(rows, beta), whitening(rows, beta)):
        information = rows.reduce(lambda b: moments(b, beta, transform)).information  # noqa: B023
        assert information == pytest.approx(np.eye(5), abs=1e-13)


def test_half_of_the_digits_are_left_or_the_information_does_not_whiten():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 2))
    y = (rng.random(200) < 0.5).astype(float)
    for apart in 10.0 ** np.arange(-9, 0):
        columns = np.column_stack([X, X[:, 0] + apart * rng.normal(size=200)])
        rows = BernoulliLogistic.from_arrays(columns, y).rows
        transform = whitening_by_information(rows, np.zeros(3))
        if transform is None:
            assert apart < 1e-3
            continue
        information = rows.reduce(lambda b: moments(b, np.zeros(3), transform)).information  # noqa: B023
        assert information == pytest.approx(np.eye(3), abs=1e-5)


@pytest.mark.parametrize("formula", ["y ~ x + z", "y ~ x + g"])
def test_places_that_share_a_pass_have_each_their_own_whitening_and_score(tmp_path, formula):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=20_000), "z": rng.normal(size=20_000)})
    frame["g"] = [f"level {i % 30}" for i in range(20_000)]
    frame["y"] = (rng.random(20_000) < 0.4).astype(int)
    frame.to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula)
    places = [0.1 * rng.normal(size=model.n_parameters) for _ in range(3)]
    before = model.passes.number
    found = whitenings(model.rows, places)
    assert model.passes.number - before == (1 if formula == "y ~ x + z" else 6)
    for beta, (white, score) in zip(places, found, strict=True):
        np.testing.assert_array_equal(white, whitening(model.rows, beta))
        np.testing.assert_allclose(score, model.score(beta), rtol=1e-9, atol=1e-8)
