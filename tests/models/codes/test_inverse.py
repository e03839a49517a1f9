"""The inverse of an information whose block of levels is a diagonal, without forming it."""

from dataclasses import replace

import numpy as np
import pytest
from coded_models import (
    KINDS,
    both,
    drawn_design,
    held,
    held_sums,
    our_columns,
    outcomes,
    structured,
    survey,
)

from flatprior.models.codes import inverse as inverse_module
from flatprior.models.codes.inverse import Inverse
from flatprior.models.codes.sums import Information
from flatprior.models.common.errors import InputError

FORMULAS = ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g", "y ~ 0 + g", "y ~ g * h + x")
FORMULAS += (
    "y ~ x + C(s, contr.sum) + g",
    "y ~ z * C(s, contr.sum)",
    "y ~ 0 + h + C(s, contr.sum)",
)


@pytest.fixture(params=FORMULAS)
def found(request):
    """Sums, inverse, information in the user's columns and score in ours."""
    model, written = both(request.param, survey(250, seed=1), frequency_weights="w")
    sums = held_sums(model)
    beta = np.random.default_rng(2).normal(size=model.n_parameters) / 3
    score, curvature = sums.curved(*sums.basis.coordinates(beta))
    inverse = Inverse.of(sums.basis, sums.information(curvature))
    assert inverse is not None
    return sums, inverse, written.information(beta), score, curvature


@pytest.mark.parametrize("kind", KINDS)
def test_with_sparse_columns_it_is_the_inverse_too(kind):
    design = drawn_design(kind, seed=6, n=250)
    model, written = held(design, outcomes(design, 6))
    sums = held_sums(model)
    beta = np.random.default_rng(2).normal(size=model.n_parameters) / 3
    inverse = Inverse.of(
        sums.basis, sums.information(sums.curved(*sums.basis.coordinates(beta))[1])
    )
    covariance = np.linalg.inv(written.information(beta))
    assert inverse.matrix == pytest.approx(covariance, rel=1e-9, abs=1e-13)
    assert inverse.standard_errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-9)
    root = inverse.root
    assert root.T @ written.information(beta) @ root == pytest.approx(np.eye(len(root)), abs=1e-10)


def test_a_triangle_is_inverted_half_by_half():
    rng = np.random.default_rng(7)
    for q in (0, 1, 63, 64, 65, 130, 300):
        upper = np.triu(rng.normal(size=(q, q)) / 4, 1) + np.diag(rng.uniform(0.5, 2, q))
        found = inverse_module.inverted(upper.copy(order="F"))
        assert np.array_equal(found, np.triu(found))
        size = np.abs(upper) @ np.abs(found)
        assert (np.abs(upper @ found - np.eye(q)) <= 8 * (q + 8) * 2.0**-53 * size).all()


def test_rounding_is_more_than_what_cholesky_and_substitution_leave():
    import mpmath

    design = structured(40, seed=8, levels=(3,), s=3)
    sums = held_sums(held(design, outcomes(design, 8))[0])
    information = sums.information(np.full(40, 0.25))
    levels, cross, rest = (np.array(part) for part in vars(information).values())
    inverse = Inverse.of(sums.basis, information)
    with mpmath.workdps(40):
        C, S = mpmath.matrix(cross.tolist()), mpmath.matrix(rest.tolist())
        complement = S - C.T * mpmath.diag([1 / mpmath.mpf(x) for x in levels]) * C
        T = mpmath.matrix(inverse.inverse_root.tolist())
        left = T.T * complement * T - mpmath.eye(len(rest))
        # of the complement itself, too: less than as much again here
        assert mpmath.mnorm(left, "f") <= 2 * inverse.rounding
    assert inverse.rounding < 1e-12


def test_variances_and_covariances_are_those_of_the_matrix(found):
    _, inverse, information, _, _ = found
    covariance = np.linalg.inv(information)
    assert inverse.shape == covariance.shape
    assert inverse.matrix == pytest.approx(covariance, rel=1e-9, abs=1e-13)
    assert np.array_equal(inverse.matrix, inverse.matrix.T)
    assert inverse.standard_errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-9)
    assert inverse.diagonal() == pytest.approx(np.diag(inverse.matrix), rel=1e-9)


def test_contrasts_need_no_matrix(found, monkeypatch):
    _, inverse, information, _, _ = found
    monkeypatch.setattr(Inverse, "matrix", None)
    rng = np.random.default_rng(3)
    contrasts = rng.normal(size=(5, len(information)))
    expected = np.linalg.solve(information, contrasts.T)
    assert inverse.times(contrasts) == pytest.approx(expected.T, abs=1e-11)


def test_a_step_is_newtons_and_its_length_the_decrement(found):
    sums, inverse, _, score, curvature = found
    Z = our_columns(sums)
    g = np.concatenate([score.main, score.rest])
    H = Z.T @ (Z * curvature[:, None])
    white = inverse.whitened(score)
    step = np.linalg.solve(H, g)
    assert np.concatenate(inverse.step(white)) == pytest.approx(step, abs=1e-10)
    assert sum(part @ part for part in white) == pytest.approx(g @ step, rel=1e-10)


def test_parts_of_the_covariance_are_joined(found, monkeypatch):
    _, inverse, information, _, _ = found
    monkeypatch.setattr(inverse_module, "AT_ONCE", 2 * len(information) + 1)
    again = replace(inverse)
    assert again.matrix == pytest.approx(np.linalg.inv(information), rel=1e-9, abs=1e-13)


def test_it_is_kept_without_rows_and_a_matrix_too_large_is_refused(found, monkeypatch):
    _, inverse, information, _, _ = found
    kept = inverse.without_rows()
    assert kept.basis.design.shape == (0, len(information))
    assert np.array_equal(kept.matrix, inverse.matrix)
    k = len(information)
    monkeypatch.setattr(inverse_module, "LARGEST_DENSE", k * k - 1)
    with pytest.raises(InputError, match=f"the covariance of {k} coefficients"):
        _ = inverse.without_rows().matrix


@pytest.mark.parametrize(
    ("levels", "rest"),
    [
        ([1.0, 0.0], [[3.0]]),
        ([1.0, np.nan], [[3.0]]),
        ([1.0, np.inf], [[3.0]]),
        ([1.0, 1.0], [[1.0]]),  # the Schur complement is 1 - 1/1 = 0
        ([1.0, 1.0], [[np.nan]]),
        ([1.0, 1.0], [[0.5]]),
    ],
)
def test_what_is_not_positive_definite_has_none(levels, rest):
    basis = held_sums(both("y ~ b + x", survey(20, seed=4))[0]).basis
    information = Information(np.array(levels), np.array([[1.0], [0.0]]), np.array(rest))
    assert Inverse.of(basis, information) is None


def test_its_root_whitens_the_users_columns(found):
    _, inverse, information, _, _ = found
    root = inverse.root
    assert root.T @ information @ root == pytest.approx(np.eye(len(root)), abs=1e-10)
    assert root @ root.T == pytest.approx(inverse.matrix, rel=1e-9, abs=1e-12)
