"""Bounds on the fit without a row, held against that fit."""

import numpy as np
import pytest
from coded_models import both, survey
from problems import simulated

from flatprior.analysis.diagnostics.leave_one_out import others
from flatprior.analysis.diagnostics.without_each import (
    Refinement,
    after_a_step,
    near_of,
    scored,
)
from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.covariance.leverage import leverages, score_and_longest
from flatprior.models.covariance.roots import root_of
from flatprior.models.rows import as_held


def asked(model, fit):
    root = root_of(model.rows, fit.coefficients)
    block = as_held(model.rows).block(slice(None))
    score, longest = score_and_longest(model.rows, fit.coefficients, root)
    rows = leverages(block, fit.coefficients, root)
    return block, near_of(rows, root.rooted(score[None])[0], longest)


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_the_bounds_hold_after_each_round_of_steps(rounds):
    X, y = simulated(200, 3, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    block, near = asked(model, fit)
    coefficients = after_a_step(near, fit.coefficients)
    refinement = Refinement(
        rows=model.rows,
        block=block,
        near=near,
        weights=model.counts,
        most=(1.0, 1e-6, 1e-9)[rounds],
        enough=0.0,
    )
    bound = refinement.refine(coefficients)
    assert (bound < near.bound).any() == (rounds > 0)
    tight = 0
    for i in np.flatnonzero(~near.far)[::9]:
        exact = fit_newton(others(model, i)).coefficients
        root = root_of(others(model, i).rows, fit.coefficients)
        off = float(np.linalg.norm(root.unplaced(coefficients[i] - exact)))
        assert off <= bound[i] + 1e-12
        tight += off > bound[i] / 100
        along = abs(block.design[i] @ (coefficients[i] - exact))
        assert along <= bound[i] * near.reach[i] + 1e-12
    assert rounds or tight > 5  # they are bounds that mean something


def test_some_of_the_rows_have_what_they_have_among_all():
    codes = both("y ~ x + g + h", survey(300, seed=2), offset="o")[0]
    fit = fit_newton(codes)
    block, near = asked(codes, fit)
    some = np.array([7, 250, 3])
    few = near.select(some)
    for name in ("bound", "shrinking", "reach", "far"):
        assert getattr(few, name).tolist() == getattr(near, name)[some].tolist()
    coefficients = after_a_step(near, fit.coefficients)
    again = after_a_step(few, fit.coefficients)
    assert again == pytest.approx(coefficients[some], rel=1e-12)
    found, all_found = scored(block.select(some), again), scored(block, coefficients)
    assert found.score == pytest.approx(all_found.score[some], rel=1e-12)
    eta = codes.design[7] @ coefficients[7] + codes.offset[7]
    expected = -np.logaddexp(0, -(2 * codes.response[7] - 1) * eta)
    assert found.score[0] == pytest.approx(expected, rel=1e-12)
    assert 0 < found.rounding[0] < 1e-12
