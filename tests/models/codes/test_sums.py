"""Sums over codes are those over the columns written out."""

import functools
import operator
from dataclasses import replace

import numpy as np
import pytest
from coded_models import KINDS, both, drawn_design, held, held_sums, our_columns, outcomes, survey

from flatprior.models import rows as rows_module
from flatprior.models.codes import sums as sums_module
from flatprior.models.codes.basis import Basis
from flatprior.models.codes.passes import sums_of
from flatprior.models.codes.sums import (
    assembled,
    by_level,
    cell_of_rows,
    indicators,
    score_of,
    tables_of,
)
from flatprior.models.common.parallel import one_thread_each
from flatprior.models.designs.coded import Factor

FORMULAS = ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g", "y ~ g * h + x", "y ~ x + g + h + b")
COLUMNS = ({}, {"frequency_weights": "w", "offset": "o"})


def cross_table(one, two, values):
    """Sums of values in each cell of two factors."""
    cells = by_level(cell_of_rows(one, two), values, one.n_levels * two.n_levels)
    return cells.reshape(one.n_levels, two.n_levels)


@pytest.fixture(params=FORMULAS)
def formula(request):
    return request.param


@pytest.mark.parametrize("columns", COLUMNS, ids=["plain", "weights and offset"])
def test_score_and_information_are_those_of_the_columns(formula, columns):
    frame = survey(300, seed=1)
    sums = held_sums(both(formula, frame, **columns)[0])
    Z, rng = our_columns(sums), np.random.default_rng(2)
    L = sums.basis.n_levels
    gamma = rng.normal(size=Z.shape[1]) / 2
    w = frame["w"].to_numpy() if columns else np.ones(len(frame))
    o = frame["o"].to_numpy() if columns else np.zeros(len(frame))
    y = frame["y"].to_numpy()
    eta = Z @ gamma + o
    p = 1 / (1 + np.exp(-eta))
    score, curvature = sums.curved(gamma[:L], gamma[L:])
    observed = np.where(y == 1, p, 1 - p)
    assert score.log_likelihood == pytest.approx(w @ np.log(observed), rel=1e-13)
    assert score.odds == pytest.approx(w @ ((1 - observed) / observed), rel=1e-13)
    assert score.slope == pytest.approx(w @ (1 - observed), rel=1e-13)
    expected = Z.T @ (w * (y - p))
    assert np.concatenate([score.main, score.rest]) == pytest.approx(expected, abs=1e-11)
    assert curvature == pytest.approx(w * p * (1 - p), rel=1e-12)
    found = sums.information(curvature)
    H = Z.T @ (Z * curvature[:, None])
    assert np.diag(found.levels) == pytest.approx(H[:L, :L], abs=1e-11)
    assert found.cross == pytest.approx(H[:L, L:], abs=1e-11)
    assert found.rest == pytest.approx(H[L:, L:], abs=1e-11)
    assert np.array_equal(found.rest, found.rest.T)
    assert sums.predictor(gamma[:L], gamma[L:]) == pytest.approx(eta, abs=1e-13)


def test_parts_of_the_rows_add_and_a_basis_that_has_none_serves(formula):
    frame = survey(300, seed=8)
    sums = held_sums(both(formula, frame, frequency_weights="w", offset="o")[0])
    design = sums.basis.design
    ones = [] if sums.basis.constant is None else [sums.basis.constant]
    basis = Basis.of_columns(design[:0], ones, design.numbers.mean(axis=0))
    rng = np.random.default_rng(9)
    alpha, theta = rng.normal(size=basis.n_levels), rng.normal(size=len(basis.columns))
    score, information = sums.at(alpha, theta)
    some = [sums.part(slice(start, start + 70)) for start in range(0, 300, 70)]
    scores, curvatures = zip(*(score_of(basis, part, alpha, theta) for part in some), strict=True)
    tables = functools.reduce(operator.add, map(tables_of, [basis] * 5, some, curvatures))
    for name, value in vars(functools.reduce(operator.add, scores)).items():
        assert value == pytest.approx(getattr(score, name), abs=1e-11)
    codes = [np.concatenate(each) for each in zip(*(part.codes for part in some), strict=True)]
    factors = [
        replace(f, codes=c) for f, c in zip((basis.levels, *basis.others), codes, strict=True)
    ]
    curvature = np.concatenate(curvatures)
    found = assembled(basis, tables, lambda i, j: cross_table(factors[i], factors[j], curvature))
    for name, value in vars(found).items():
        assert value == pytest.approx(getattr(information(), name), abs=1e-11)
    assert np.array_equal(sums.flat().levels, sums.information(frame["w"].to_numpy() / 4.0).levels)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_over_sparse_columns_are_those_of_the_columns(kind, monkeypatch):
    monkeypatch.setattr(sums_module, "BLOCK", 2**7)
    design = drawn_design(kind, seed=5, n=300)
    rng = np.random.default_rng(6)
    y, w, o = outcomes(design, 7), rng.integers(1, 4, 300), rng.normal(size=300)
    sums = held_sums(held(design, y, frequency_weights=w, offset=o)[0])
    Z, L = our_columns(sums), sums.basis.n_levels
    gamma = rng.normal(size=Z.shape[1]) / 2
    eta = Z @ gamma + o
    p = 1 / (1 + np.exp(-eta))
    score, curvature = sums.curved(gamma[:L], gamma[L:])
    found = np.concatenate([score.main, score.rest])
    assert found == pytest.approx(Z.T @ (w * (y - p)), abs=1e-11)
    information = sums.information(curvature)
    H = Z.T @ (Z * curvature[:, None])
    assert np.diag(information.levels) == pytest.approx(H[:L, :L], abs=1e-11)
    assert information.cross == pytest.approx(H[:L, L:], abs=1e-11)
    assert information.rest == pytest.approx(H[L:, L:], abs=1e-11)
    assert np.array_equal(information.rest, information.rest.T)
    own = slice(L + sums.basis.theta_of_sparse.start, None)
    assert sums.fullest_row == (Z[:, own] != 0).sum(axis=1).max()
    sizes = rng.random(Z[:, own].shape[1])
    assert sums.largest_in_row(sizes) == pytest.approx((np.abs(Z[:, own]) @ sizes).max())
    assert sums.longest_sum >= (Z[:128, L:] != 0).sum(axis=0).max() + 2


def test_one_thread_and_several_find_the_same(formula, monkeypatch):
    frame = survey(2000, seed=3)
    model = both(formula, frame, frequency_weights="w", offset="o")[0]
    monkeypatch.setattr(sums_module, "BLOCK", 2**7)
    monkeypatch.setattr(sums_module, "PARALLEL", 0)
    sums = held_sums(model)
    assert sums.large
    assert len(sums.starts) == 16
    rng = np.random.default_rng(4)
    alpha, theta = rng.normal(size=sums.basis.n_levels), rng.normal(size=len(sums.basis.columns))

    def found():
        score, curvature = sums.curved(alpha, theta)
        information = sums.information(curvature)
        return [*vars(score).values(), curvature, *vars(information).values()]

    several = found()
    with one_thread_each():  # nobody else has more threads meanwhile
        monkeypatch.setattr(sums_module, "parallel_map", lambda f, items: list(map(f, items)))
        one = found()
    assert all(np.array_equal(a, b) for a, b in zip(one, several, strict=True))
    # of one block: the same but for the order of sums
    monkeypatch.setattr(sums_module, "BLOCK", 2**15)
    again = held_sums(both(formula, frame, frequency_weights="w", offset="o")[0])
    assert len(again.starts) == 1
    whole = again.curved(alpha, theta)[0]
    assert whole.main == pytest.approx(one[3], abs=1e-9)
    assert whole.rest == pytest.approx(one[4], abs=1e-9)


def test_blocks_have_more_rows_than_levels_and_sums_their_longest():
    frame = survey(500, seed=5)
    sums = held_sums(both("y ~ x + g", frame)[0])
    assert sums.block_rows >= sums_module.BLOCK_OF_LEVELS * sums.basis.n_levels
    assert sums.longest_sum >= 500


def test_sums_by_level_and_in_cells_are_counts():
    rng = np.random.default_rng(6)
    one = Factor(rng.integers(0, 5, 100).astype(np.int32), np.arange(5))
    two = Factor(rng.integers(0, 3, 100).astype(np.int32), np.arange(3))
    values = rng.integers(1, 9, 100) * 1.0
    table = np.zeros((5, 3))
    for a, b, value in zip(one.codes, two.codes, values, strict=True):
        table[a, b] += value
    assert np.array_equal(cross_table(one, two, values), table)
    assert np.array_equal(by_level(one.codes, values, 6), [*table.sum(axis=1), 0.0])
    assert np.array_equal(indicators(one.codes, 5) @ values, table.sum(axis=1))


def test_rows_have_them_only_where_a_factor_is_a_diagonal_and_keep_them():
    frame = survey(100, seed=7)
    codes, written = both("y ~ x + g", frame)
    assert sums_of(written.rows) is None
    assert sums_of(codes.rows) is sums_of(codes.rows)
    # cells of two factors, and no intercept: each has a column
    crossed = both("y ~ 0 + x:z + g:h", frame)[0]
    assert held_sums(crossed).basis.n_levels == 12
    assert sums_of(rows_module.MappedRows(codes.rows, np.eye(codes.n_parameters))) is None


def test_odds_that_overflow_once_they_are_weighted_are_infinite():
    design = drawn_design("one factor", 1, 30)
    offset = np.where(np.arange(30) == 0, 705.0, 0.0)
    model, _ = held(design, np.arange(30) % 2.0, offset=offset, frequency_weights=np.full(30, 1000))
    sums = held_sums(model)
    score, _ = sums.at(np.zeros(sums.basis.n_levels), np.zeros(len(sums.basis.columns)))
    assert score.odds == np.inf
    assert np.isfinite(score.slope)
