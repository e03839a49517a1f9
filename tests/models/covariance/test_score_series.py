"""The score near coefficients as a polynomial: its error in 50 digits, never above the bound."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from coded_models import both, survey
from multiplier import repeated
from problems import simulated

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.covariance.roots import Written, root_of
from flatprior.models.covariance.score_series import (
    inverse_factorials,
    monomials,
    number_of_monomials,
    score_series,
)


def exact_change(model, beta, transform, distance):
    """The whitened score at a whitened distance from coefficients, less that at them."""
    with mpmath.workdps(50):
        rows = mpmath.matrix(model.design.tolist())
        matrix = mpmath.matrix(transform.tolist())
        start = mpmath.matrix(beta.tolist())
        place = start + matrix * mpmath.matrix(distance.tolist())

        def score(coefficients):
            eta = rows * coefficients
            residuals = [
                mpmath.mpf(w) * (int(y) - 1 / (1 + mpmath.exp(-(e + mpmath.mpf(o)))))
                for w, y, e, o in zip(
                    model.counts.tolist(), model.response, eta, model.offset.tolist(), strict=True
                )
            ]
            return rows.T * mpmath.matrix(residuals)

        change = matrix.T * (score(place) - score(start))
        return np.array([float(v) for v in change])


@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_the_error_is_never_above_the_bound(shift):
    tightest = []
    for seed in range(repeated(3)):
        X, y = simulated(40, 3, seed)
        rng = np.random.default_rng(seed)
        X[0, 1:] *= 3  # a row far out
        X[:, 1] += shift
        model = BernoulliLogistic.from_arrays(
            X, y, offset=rng.normal(size=40) / 2, frequency_weights=rng.integers(1, 4, 40)
        )
        beta = fit_newton(model).coefficients
        root = root_of(model.rows, beta)
        for length in (1e-9, 1e-4, 0.02, 0.3):
            distance = rng.normal(size=3)
            distance *= length / np.linalg.norm(distance)
            exact = exact_change(model, beta, root.matrix, distance)
            for degree in (1, 2, 3, 4):
                series = score_series(model.rows, beta, root, degree)
                off = series.at(distance[None], degree)[0] - series.score - exact
                bound = series.error(np.array([np.linalg.norm(distance)]), degree)[0]
                assert np.linalg.norm(off) <= bound
                tightest.append(np.linalg.norm(off) / bound)
                assert bound < 2 * length
    assert max(tightest) > 1 / 10  # they are bounds that mean something


def test_fewer_terms_of_a_series_are_the_series_of_fewer_terms():
    X, y = simulated(300, 3, 1)
    model = BernoulliLogistic.from_arrays(X, y)
    beta = fit_newton(model).coefficients
    root = root_of(model.rows, beta)
    distance = np.random.default_rng(1).normal(size=(70, 3)) / 50
    long, short = (score_series(model.rows, beta, root, degree) for degree in (4, 2))
    assert long.at(distance, 2) == pytest.approx(short.at(distance, 2), rel=1e-12, abs=1e-14)
    length = np.array([0.01])
    assert long.error(length, 2) == pytest.approx(short.error(length, 2), rel=1e-6)
    assert (np.diff([long.error(length, degree)[0] for degree in (1, 2, 3, 4)]) < 0).all()


def test_rows_far_out_without_information_do_not_spoil_it():
    X, y = simulated(2000, 2, 3)
    X[0, 1] = 40 * np.sign(X[0, 1])
    model = BernoulliLogistic.from_arrays(X, y)
    beta = fit_newton(model).coefficients
    y[0] = float(X[0] @ beta > 0)
    model = BernoulliLogistic.from_arrays(X, y)
    beta = fit_newton(model).coefficients
    series = score_series(model.rows, beta, root_of(model.rows, beta), 3)
    assert (series.spreads < (series.longest / 4) ** np.arange(1, 4)).all()


def test_factors_held_as_codes_have_the_series_of_the_columns():
    codes, columns = both("y ~ x + z + g + h", survey(300, seed=2), offset="o")
    beta = fit_newton(columns).coefficients
    rng = np.random.default_rng(1)
    found = []
    for model in (codes, columns):
        root = root_of(model.rows, beta)
        series = score_series(model.rows, beta, root, 3)
        near = beta + rng.normal(size=beta.shape) / 1000 if not found else found[0][1]
        off = series.at(root.unplaced(near - beta)[None], 3) - series.score
        found.append((np.linalg.norm(off), near, series.longest, series.spreads))
    (held, _, *of_held), (written, _, *of_written) = found
    assert held == pytest.approx(written, rel=1e-9)
    for one, two in zip(of_held, of_written, strict=True):
        assert one == pytest.approx(two, rel=1e-9)


def test_what_does_not_whiten_the_information_has_no_series():
    X, y = simulated(100, 3, 1)
    model = BernoulliLogistic.from_arrays(X, y)
    beta = fit_newton(model).coefficients
    root = root_of(model.rows, beta)
    assert score_series(model.rows, beta, root, 2) is not None
    assert score_series(model.rows, beta, Written(1.01 * root.matrix), 2) is None


@pytest.mark.parametrize(("k", "degree"), [(1, 4), (2, 3), (3, 4), (5, 2)])
def test_monomials_are_all_products_each_once_with_their_factorials(k, degree):
    point = np.random.default_rng(k).normal(size=k)
    found, inverse = monomials(point[None], degree)[:, 0], inverse_factorials(k, degree)
    assert len(found) == len(inverse) == number_of_monomials(k, degree)
    expected = []
    for r in range(1, degree + 1):
        for chosen in itertools.combinations_with_replacement(range(k), r):
            powers = math.prod(math.factorial(chosen.count(a)) for a in range(k))
            expected.append((math.prod(point[list(chosen)]), 1 / powers))
    assert np.column_stack([found, inverse]) == pytest.approx(np.array(expected), rel=1e-13)
