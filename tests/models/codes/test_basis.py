"""Coordinates in which a factor is a diagonal: the same linear predictors, there and back."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from coded_models import both, our_columns, structured, survey, written_out
from scipy.sparse import csr_array

from flatprior.models import fit_newton
from flatprior.models.codes import sums
from flatprior.models.codes.basis import Basis, centre_of, ones_of
from flatprior.models.codes.sums import Sums
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.rows import ArrayRows


def full(design):
    """The same columns without the column of ones: the first factor has all its indicators."""
    first, *others = design.factors
    at = len(design.places) - 1
    n_levels = first.n_levels
    factors = [replace(first, columns=np.arange(at, at + n_levels))]
    at += n_levels
    for factor in others:
        columns = np.concatenate([[-1], np.arange(at, at + factor.n_levels - 1)])
        factors.append(replace(factor, columns=columns))
        at += factor.n_levels - 1
    d = len(design.places) - 1
    return Structured(
        design.numbers[:, 1:],
        np.arange(d),
        tuple(factors),
        design.sparse,
        np.arange(at, at + len(design.sparse_places)),
    )


crossed = structured(40, seed=7, s=1, levels=(4,))
without = structured(40, seed=8, s=3)
DESIGNS = {
    "sparse columns": structured(40, seed=9, s=4),
    "every level, sparse columns": full(structured(40, seed=10, s=2)),
    "cells left out": replace(
        crossed,
        factors=(Factor(crossed.factors[0].codes, np.array([-1, -1, 3, 4])),),
        sparse_places=np.array([5]),
    ),
    "no factor": replace(without, factors=(), sparse_places=np.arange(3, 6)),
    "no constant": replace(without, numbers=without.numbers + 0.5),
    "an intercept": structured(40, seed=1),
    "an intercept, no numbers": structured(40, seed=2, d=0),
    "one factor": structured(40, seed=3, levels=(7,)),
    "every level": full(structured(40, seed=4)),
    "every level of the smaller factor": full(structured(40, seed=5, levels=(3, 6))),
    "every level, no numbers": full(structured(40, seed=6, d=0)),
}


@pytest.fixture(params=DESIGNS.values(), ids=DESIGNS.keys())
def basis(request):
    found = Basis.of(request.param)
    assert found is not None
    return found


def test_linear_predictors_are_the_same_there_and_back(basis):
    X, rng = written_out(basis.design), np.random.default_rng(1)
    columns = our_columns(Sums(ArrayRows(basis.design, np.zeros(len(X))), basis))
    assert columns.shape[1] == X.shape[1]
    for _ in range(5):
        beta = rng.normal(size=X.shape[1])
        alpha, theta = basis.coordinates(beta)
        assert columns @ np.concatenate([alpha, theta]) == pytest.approx(X @ beta, abs=1e-13)
        assert basis.beta(alpha, theta) == pytest.approx(beta, abs=1e-13)
        assert np.array_equal(basis.betas(alpha[None], theta[None])[0], basis.beta(alpha, theta))


def test_contrasts_have_the_same_values(basis):
    rng, k = np.random.default_rng(2), basis.design.shape[1]
    matrix, beta = rng.normal(size=(6, k)), rng.normal(size=k)
    alpha, theta = basis.coordinates(beta)
    of_alpha, of_theta = basis.contrasts(matrix)
    assert of_alpha @ alpha + of_theta @ theta == pytest.approx(matrix @ beta, abs=1e-12)


def test_the_largest_factor_that_has_a_constant_is_the_diagonal():
    assert Basis.of(DESIGNS["an intercept"]).n_levels == 4
    assert Basis.of(structured(40, seed=1, levels=(3, 9, 5))).main == 1
    # without an intercept only the factor with all indicators is one
    assert Basis.of(DESIGNS["every level of the smaller factor"]).n_levels == 3
    assert Basis.of(DESIGNS["every level"]).reference is None
    assert Basis.of(DESIGNS["an intercept"]).reference == 0


def test_there_is_none_with_two_constants():
    design = DESIGNS["an intercept"]
    numbers = design.numbers.copy()
    numbers[:, 1] = 1.0
    assert Basis.of(replace(design, numbers=numbers)) is None
    every = DESIGNS["every level"]
    assert Basis.of(replace(every, numbers=np.ones_like(every.numbers))) is None


def test_the_constant_is_the_only_level_where_no_factor_can_be_the_diagonal():
    found = Basis.of(DESIGNS["cells left out"])
    assert (found.n_levels, found.constant, len(found.columns)) == (1, None, 5)
    found = Basis.of(DESIGNS["no factor"])
    assert (found.n_levels, found.theta_of_sparse) == (1, slice(2, 5))
    # and without a constant there is no level, and no centre
    found = Basis.of(DESIGNS["no constant"])
    assert found.n_levels == 0
    assert not found.centre.any()


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-60, 1e60])
def test_rounding_on_the_way_back_is_no_more_than_is_said(basis, scale):
    rng = np.random.default_rng(3)
    basis = Basis.of(
        replace(
            basis.design,
            numbers=np.where(
                basis.design.numbers == 1.0, 1.0, basis.design.numbers * scale + 1e3 * scale
            ),
        )
    )
    for _ in range(3):
        alpha, theta = rng.normal(size=basis.n_levels), rng.normal(size=len(basis.columns))
        theta[: len(basis.kept)] /= scale
        beta = basis.beta(alpha, theta)
        shift = sum(
            (
                Fraction(float(c)) * Fraction(float(t))
                for c, t in zip(basis.centre[basis.kept], theta, strict=False)
            ),
            start=Fraction(0),
        )
        constant = 0.0 if basis.constant is None else beta[basis.design.places[basis.constant]]
        for level, column in enumerate(basis.levels.columns):
            own = Fraction(float(beta[column])) if column >= 0 else 0
            there = own + Fraction(float(constant)) + shift
            assert abs(there - Fraction(float(alpha[level]))) <= basis.rounding(beta)
        # and not much more: the size of what is no level does not enter
        assert basis.rounding(beta) < 1e-11


def test_columns_are_centred_unless_their_means_are_small_beside_their_numbers():
    rng = np.random.default_rng(8)
    numbers = np.column_stack([np.ones(500), rng.normal(size=500), rng.normal(size=500) + 40])
    centre = centre_of(numbers)
    assert centre[1] == 0
    assert centre[2] == pytest.approx(numbers[:, 2].mean())
    assert ones_of(numbers) == [0]
    numbers[400, 0] = 2.0
    assert ones_of(numbers) == []
    assert centre_of(numbers[:0]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("shift", [0.0, 5.0])
@pytest.mark.parametrize("most", [0, 2**21])
def test_sums_are_the_same_whether_numbers_are_copied_or_not(shift, most, monkeypatch):
    frame = survey(400, seed=9)
    frame["x"] += shift - 3
    coded, dense = both("y ~ x + z + g + h", frame)
    monkeypatch.setattr(sums, "MOST_COPIED", most)
    one, two = fit_newton(coded), fit_newton(dense)
    apart = np.abs(one.coefficients - two.coefficients) / two.standard_errors
    assert apart.max() <= one.certificate.error_bound + two.certificate.error_bound
    assert one.standard_errors == pytest.approx(two.standard_errors, rel=1e-6)


def of_sums(n, seed, sizes=(6, 12, 4)):
    """The column of ones, two numbers, a factor, and factors of sum contrasts."""
    found = structured(n, seed=seed, levels=sizes)
    first, *others = found.factors
    matrix = written_out(found)
    for factor in others:
        own, last = factor.columns[1:], factor.codes == 0
        matrix[np.ix_(last, own)] = -1.0
    # the reference is the first level there, and the last one here
    contrasted = [
        replace(f, codes=(f.codes - 1) % f.n_levels, columns=np.roll(f.columns, -1)) for f in others
    ]
    columns = np.concatenate([f.columns[1:] for f in others])
    return matrix, replace(
        found,
        factors=(first,),
        sparse=csr_array(matrix[:, columns]),
        sparse_places=columns,
        contrasted=tuple(contrasted),
    )


@pytest.mark.parametrize("seed", range(4))
def test_sum_contrasts_are_indicators_on_the_way(seed):
    rng = np.random.default_rng(seed)
    X, design = of_sums(60, seed)
    assert np.array_equal(written_out(design), X)
    basis = Basis.of(design)
    assert (basis.n_levels, basis.design.sparse, basis.design.shape) == (12, None, X.shape)
    columns = our_columns(Sums(ArrayRows(basis.design, np.zeros(len(X))), basis))
    k = X.shape[1]
    beta, matrix = rng.normal(size=k), rng.normal(size=(5, k))
    alpha, theta = basis.coordinates(beta)
    assert columns @ np.concatenate([alpha, theta]) == pytest.approx(X @ beta, abs=1e-13)
    assert basis.beta(alpha, theta) == pytest.approx(beta, abs=1e-13)
    of_alpha, of_theta = basis.contrasts(matrix)
    assert of_alpha @ alpha + of_theta @ theta == pytest.approx(matrix @ beta, abs=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e9])
def test_rounding_of_sum_contrasts_is_no_more_than_is_said(scale):
    rng = np.random.default_rng(5)
    X, design = of_sums(400, seed=5, sizes=(3, 90, 40))
    basis = Basis.of(design)
    columns = our_columns(Sums(ArrayRows(basis.design, np.zeros(len(X))), basis))

    def exactly(rows, values):
        given = [Fraction(float(value)) for value in values]
        return [
            sum(
                (Fraction(float(row[j])) * given[j] for j in np.flatnonzero(row)), start=Fraction(0)
            )
            for row in rows
        ]

    for _ in range(3):
        beta = rng.normal(size=X.shape[1]) * rng.choice([1.0, scale], X.shape[1])
        alpha, theta = basis.coordinates(beta)
        here = exactly(columns, np.concatenate([alpha, theta]))
        for there in (beta, basis.beta(alpha, theta)):
            apart = max(abs(a - b) for a, b in zip(here, exactly(X, there), strict=True))
            assert apart <= basis.rounding(there)
        assert basis.rounding(beta) < 1e-10 * np.abs(beta).sum()


def test_without_a_constant_beside_them_sum_contrasts_stay_sparse():
    _, design = of_sums(60, seed=1)
    every = replace(
        design, numbers=design.numbers[:, 1:], places=design.places[1:] - 1, contrasted=()
    )
    less = replace(
        every,
        factors=tuple(replace(f, columns=np.append(30, f.columns[1:] - 1)) for f in every.factors),
    )
    assert Basis.of(replace(less, contrasted=design.contrasted)).contrasted == ()
