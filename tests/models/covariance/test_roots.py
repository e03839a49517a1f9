"""Roots of covariances, written out or with the largest factor as a diagonal: one answer."""

import numpy as np
import pytest
from coded_models import both, held_sums, survey
from places import PLACES, shoppers

from flatprior.analysis import robust_covariance
from flatprior.models import fit_newton
from flatprior.models.common.errors import PrecisionError
from flatprior.models.covariance import roots as roots_module
from flatprior.models.covariance.roots import (
    Factored,
    Written,
    required_root,
    root_and_score,
    root_of,
    upper,
)
from flatprior.models.likelihood import scores
from flatprior.models.rows import ArrayRows

FORMULAS = ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g", "y ~ g * h + x", "y ~ 0 + g:b")


@pytest.fixture(params=[*FORMULAS, "written"])
def found(request):
    """A root, the covariance, the rows as they are held and written out, and coefficients."""
    written_out = request.param == "written"
    formula = FORMULAS[0] if written_out else request.param
    held, written = both(formula, survey(250, seed=1), frequency_weights="w")
    beta = np.random.default_rng(2).normal(size=held.n_parameters) / 3
    root = root_of((written if written_out else held).rows, beta)
    assert isinstance(root, Written if written_out else Factored)
    design = written.design if written_out else held.rows.design
    return root, np.linalg.inv(written.information(beta)), design, written.design


def test_standard_errors_and_contrasts_are_those_of_the_covariance(found):
    root, covariance, _, _ = found
    k = len(covariance)
    contrasts = np.random.default_rng(3).normal(size=(5, k))
    assert root.standard_errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-9)
    rooted = root.rooted(contrasts)
    square = contrasts @ covariance @ contrasts.T
    assert rooted @ rooted.T == pytest.approx(square, rel=1e-9, abs=1e-12)
    assert root.times(contrasts) == pytest.approx(contrasts @ covariance, rel=1e-8, abs=1e-11)


def test_linear_predictors_have_the_standard_errors_of_their_rows(found, monkeypatch):
    root, covariance, design, matrix = found
    expected = np.sqrt(np.einsum("ij,jk,ik->i", matrix, covariance, matrix))
    monkeypatch.setattr(roots_module, "AT_ONCE", 500)  # in pieces
    assert root.lengths(design) == pytest.approx(expected, rel=1e-9)
    assert root.lengths(matrix[3:9]) == pytest.approx(expected[3:9], rel=1e-9)
    assert len(root.lengths(matrix[:0])) == 0


def test_vectors_are_placed_and_placed_back(found):
    root, covariance, _, _ = found
    k = len(covariance)
    normal = np.random.default_rng(4).normal(size=(2, 3, k))
    placed = root.placed(normal)
    assert placed.shape == normal.shape
    assert root.unplaced(placed) == pytest.approx(normal, rel=1e-8, abs=1e-9)
    every = root.placed(np.eye(k))
    assert every.T @ every == pytest.approx(covariance, rel=1e-9, abs=1e-12)


def test_sums_over_covariances_of_predictors_and_coefficients_take_what_is_in_a_row(found):
    root, covariance, design, matrix = found
    if isinstance(root, Written):
        return
    values = np.random.default_rng(6).normal(size=len(matrix))
    for of in (np.square, np.asarray):
        expected = values @ (matrix * of(matrix @ covariance))
        assert root.summed(design, values, of) == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_the_distance_to_a_hypothesis_takes_no_matrix_of_its_rows(found):
    root, covariance, _, _ = found
    if isinstance(root, Written):
        return
    k, basis = len(covariance), root.inverse.basis
    rng, tried = np.random.default_rng(5), 0
    for size in range(1, k):
        held, difference = rng.permutation(k)[:size], rng.normal(size=size)
        distance = root.distance(held, difference)
        if distance is None:
            mixed = basis.reference is None or basis.design.places[basis.constant] in held
            assert mixed
            continue
        tried += 1
        square = covariance[np.ix_(held, held)]
        assert distance == pytest.approx(difference @ np.linalg.solve(square, difference), rel=1e-8)
    assert tried or basis.reference is None


def test_dependent_columns_have_no_root():
    rows = ArrayRows(np.ones((4, 2)), np.array([0.0, 1.0, 1.0, 0.0]))
    assert root_of(rows) is None
    with pytest.raises(PrecisionError, match="linearly dependent"):
        required_root(rows)


def test_the_upper_root_is_one_of_the_covariance_alone(found):
    root, covariance, _, _ = found
    one = upper(root).matrix
    assert np.array_equal(one, np.triu(one))
    assert (one.diagonal() > 0).all()
    assert one @ one.T == pytest.approx(covariance, rel=1e-9, abs=1e-12)
    k = len(covariance)
    other = upper(Written(root.matrix @ np.linalg.qr(np.vander(np.arange(1.0, k + 1)))[0]))
    assert other.matrix == pytest.approx(one, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("formula", ["y ~ z + C(s, contr.sum) + h", "y ~ z * C(s, contr.sum)"])
def test_where_levels_are_contrasted_the_root_is_written_out(formula):
    held, written = both(formula, survey(300, seed=4))
    fit, other = fit_newton(held), fit_newton(written)
    assert held_sums(held).basis.contrasted
    root = required_root(held.rows, fit.coefficients)
    assert isinstance(root, Written)
    assert root.matrix @ root.matrix.T == pytest.approx(other.covariance, rel=1e-6, abs=1e-9)
    for kind in ("HC0", "HC3"):
        one, two = (robust_covariance(*each, kind=kind) for each in ((held, fit), (written, other)))
        assert one.covariance == pytest.approx(two.covariance, rel=1e-6, abs=1e-9)


def test_root_and_score_are_found_in_one_pass_where_nothing_is_held_as_codes(tmp_path):
    model = PLACES["Parquet"](shoppers(600), tmp_path, "bought ~ income + age")
    beta = np.array([-0.4, 0.3, 0.01])
    before = model.passes.number
    root, score = root_and_score(model.rows, beta)
    assert model.passes.number == before + 1
    np.testing.assert_array_equal(root.matrix, required_root(model.rows, beta).matrix)
    expected = model.rows.reduce(lambda block: scores(block, beta[None]))[0]
    assert score == pytest.approx(expected, rel=1e-12)
    held, written = both("y ~ x + g + h", survey(250, seed=1))
    beta = np.random.default_rng(2).normal(size=held.n_parameters) / 3
    root, score = root_and_score(held.rows, beta)
    assert isinstance(root, Factored)
    assert score == pytest.approx(written.score(beta), rel=1e-9, abs=1e-9)
