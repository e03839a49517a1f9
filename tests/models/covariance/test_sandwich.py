"""Sandwich covariances without a matrix of all levels, against the matrices written out."""

import numpy as np
import pytest
from coded_models import both, survey

from flatprior.models.common.errors import InputError
from flatprior.models.covariance import roots as roots_module, sandwich as sandwich_module
from flatprior.models.covariance.roots import Factored, root_of
from flatprior.models.covariance.sandwich import Sandwich, meat_of_block, meat_of_clusters
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import as_held

FORMULAS = ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g", "y ~ g * h + x", "y ~ 0 + g:b")


@pytest.fixture(params=[(f, c) for f in FORMULAS for c in (False, True)], ids=str)
def found(request, monkeypatch):
    """A sandwich with a factor of 1.5, what it is, and the rows as held and written out."""
    formula, clustered = request.param
    held, written = both(formula, survey(250, seed=1))
    beta = np.random.default_rng(2).normal(size=held.n_parameters) / 3
    bread = root_of(held.rows, beta)
    assert isinstance(bread, Factored)
    residual = row_terms(written.rows.block(slice(None)), beta).residual
    scores = residual[:, None] * written.design
    monkeypatch.setattr(sandwich_module, "AT_ONCE", 500)  # in pieces
    if clustered:
        groups = np.random.default_rng(3).integers(0, 40, 250)
        scores = np.array([scores[groups == c].sum(axis=0) for c in range(40)])
        meat = meat_of_clusters(held.rows, bread, residual, groups, 40)
    else:
        meat = as_held(held.rows).reduce(
            lambda b: meat_of_block(b, bread, np.square(row_terms(b, beta).residual))
        )
    inverse = np.linalg.inv(written.information(beta))
    covariance = 1.5 * inverse @ (scores.T @ scores) @ inverse
    return Sandwich(bread, meat, 1.5), covariance, held.rows.design, written.design


def test_variances_and_the_matrix_are_those_written_out(found):
    sandwich, covariance, _, _ = found
    assert sandwich.standard_errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-8)
    assert sandwich.matrix @ sandwich.matrix.T == pytest.approx(covariance, rel=1e-7, abs=1e-10)
    assert sandwich.diagonal() == pytest.approx(np.diag(covariance), rel=1e-8)
    assert sandwich.covariance == pytest.approx(covariance, rel=1e-8, abs=1e-11)
    assert np.array_equal(sandwich.covariance, sandwich.covariance.T)


def test_contrasts_and_predictors_have_their_covariances(found):
    sandwich, covariance, design, matrix = found
    contrasts = np.random.default_rng(4).normal(size=(4, len(covariance)))
    rooted = sandwich.rooted(contrasts)
    expected = contrasts @ covariance @ contrasts.T
    assert rooted @ rooted.T == pytest.approx(expected, rel=1e-8, abs=1e-10)
    assert sandwich.times(contrasts) == pytest.approx(contrasts @ covariance, rel=1e-7, abs=1e-10)
    lengths = np.sqrt(np.einsum("ij,jk,ik->i", matrix, covariance, matrix))
    assert sandwich.lengths(design) == pytest.approx(lengths, rel=1e-8)
    assert sandwich.lengths(matrix[:7]) == pytest.approx(lengths[:7], rel=1e-8)


def test_a_matrix_too_large_is_not_formed_and_its_size_is_said(found, monkeypatch):
    monkeypatch.setattr(roots_module, "LARGEST_DENSE", 3)
    with pytest.raises(InputError, match="too many to be formed; standard errors"):
        _ = found[0].covariance
    with pytest.raises(InputError, match="too many to be formed; standard errors"):
        _ = found[0].matrix
