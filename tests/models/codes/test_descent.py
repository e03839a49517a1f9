"""Conjugate gradients come near the MLE, from which one factor suffices."""

import numpy as np
import pytest
from coded_models import KINDS, drawn_design, held, held_sums, our_columns, outcomes
from scipy import sparse

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.codes import newton as newton_module
from flatprior.models.codes.descent import NEAR, descended, diagonal, solved
from flatprior.models.codes.inverse import Inverse
from flatprior.models.codes.newton import fit_as_held, start


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_as_near_as_it_says_from_wherever_it_begins(kind):
    design, rng = drawn_design(kind, seed=1, n=400), np.random.default_rng(1)
    sums = held_sums(held(design, outcomes(design, 1), offset=rng.normal(size=400))[0])
    alpha, theta, steps = descended(sums, *start(sums))
    assert 1 < steps < 12
    score = sums.at(alpha, theta)[0]
    scale = np.sqrt(diagonal(sums.basis, sums.part(), sums.curved(alpha, theta)[1]))
    g = np.concatenate([score.main, score.rest])
    assert np.linalg.norm(g / scale) < NEAR**2 * 10


def test_the_fit_from_there_is_the_same_with_one_factor(monkeypatch):
    design = drawn_design("plain", seed=2, n=400)
    model = held(design, outcomes(design, 2))[0]
    factors = []
    of = Inverse.of.__func__
    monkeypatch.setattr(
        Inverse, "of", classmethod(lambda cls, *given: factors.append(1) or of(cls, *given))
    )
    expected = fit_as_held(held_sums(model))
    assert len(factors) > 2
    factors.clear()
    monkeypatch.setattr(newton_module, "LARGE", 0)
    found = fit_as_held(held_sums(model))
    assert len(factors) == 1
    assert found.n_iterations > 2
    bounds = found.error_bound + expected.error_bound
    errors = expected.origin.inverse.standard_errors
    assert (np.abs(found.beta - expected.beta) / errors).max() <= bounds < 1e-9
    assert found.origin.inverse.standard_errors == pytest.approx(errors, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_its_products_and_diagonal_are_those_of_the_information(kind):
    design, rng = drawn_design(kind, seed=3, n=100), np.random.default_rng(3)
    sums = held_sums(held(design, outcomes(design, 3))[0])
    Z, D = our_columns(sums), rng.random(100)
    H = Z.T @ (Z * D[:, None])
    assert diagonal(sums.basis, sums.part(), D) == pytest.approx(np.diag(H))
    right = rng.normal(size=len(H))
    x = solved(lambda values: H @ values, right, 1e-10)
    assert x == pytest.approx(np.linalg.solve(H, right), rel=1e-6)


def test_what_is_separated_or_singular_ends_and_is_left_to_others():
    rng = np.random.default_rng(4)
    design = drawn_design("plain", seed=4, n=80)
    y = (design.column(design.sparse_places[0]) == 0) * 1.0
    sums = held_sums(held(design, y)[0])
    alpha, theta, _ = descended(sums, *start(sums))
    assert np.isfinite(np.append(alpha, theta)).all()
    empty = design.sparse.copy() * 0.0
    empty.eliminate_zeros()
    sums = held_sums(held(design.beside(empty, design.sparse_places), y)[0])
    found = descended(sums, *start(sums))
    assert found[2] == 0
    H = np.diag([1.0, 0.0])
    assert np.isfinite(solved(lambda values: H @ values, rng.normal(size=2), 1e-9)).all()


def test_many_sparse_columns_are_fitted_with_their_certificate():
    rng = np.random.default_rng(5)
    X = sparse.random_array((8000, 1600), density=0.008, format="csr", rng=rng)
    X.data = rng.integers(1, 3, X.nnz) * 1.0
    y = rng.integers(0, 2, 8000)
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    fit = fit_newton(model)
    assert fit.certificate.error_bound < 1e-8
    beta = fit.coefficients
    residual = y - 1 / (1 + np.exp(-(X @ beta[1:] + beta[0])))
    assert np.abs(X.T @ residual).max() < 1e-8
    # standard errors, of some by solving for them
    p = y - residual
    design = sparse.hstack([np.ones((8000, 1)), X]).tocsc()
    H = (design.T @ (design.multiply((p * (1 - p))[:, None]))).toarray()
    some = np.eye(len(H))[:, [0, 1, 700, 1600]]
    variances = np.diag(some.T @ np.linalg.solve(H, some))
    assert fit.standard_errors[[0, 1, 700, 1600]] == pytest.approx(np.sqrt(variances), rel=1e-7)
