"""The inverse of an information whose block of levels is a diagonal, without forming it."""

import numpy as np
import pytest
from coded_models import both, held_sums, our_columns, survey

from flatprior.models.codes import inverse as inverse_module
from flatprior.models.codes.inverse import Inverse
from flatprior.models.codes.sums import Information
from flatprior.models.common.errors import InputError

FORMULAS = ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g", "y ~ 0 + g", "y ~ g * h + x")


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
    again = Inverse(inverse.basis, inverse.information, inverse.shares, inverse.inverse_root)
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
