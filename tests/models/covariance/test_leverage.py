"""Leverages and one-row-out steps, held against the information without the observation."""

import numpy as np
import pytest
from multiplier import repeated
from problems import simulated

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, leverages
from flatprior.models.covariance.roots import Written
from flatprior.models.covariance.whitening import whitening
from flatprior.models.likelihood import moments, row_terms
from flatprior.models.rows import Block


def without_one(block: Block, i: int) -> Block:
    """The rows without one observation of row i."""
    weights = np.ones(len(block.sign)) if block.weights is None else block.weights.copy()
    weights[i] -= 1
    return block._replace(weights=weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("at_mle", [True, False])
def test_steps_are_newton_steps_of_the_other_observations(weighted, at_mle):
    for seed in range(repeated(3)):
        X, y = simulated(60, 3, seed)
        rng = np.random.default_rng(seed)
        weights = rng.integers(1, 4, 60) if weighted else None
        model = BernoulliLogistic.from_arrays(
            X, y, offset=rng.normal(size=60), frequency_weights=weights
        )
        beta = fit_newton(model).coefficients + (0 if at_mle else rng.normal(size=3) / 10)
        block, transform = model.rows.block(slice(None)), whitening(model.rows, beta)
        found = leverages(block, beta, Written(transform))
        score = transform.T @ model.score(beta)
        steps = found.steps(None if at_mle else score)
        scores = rng.normal(size=(2, 3))
        solved = found.solved(np.array([5, 7]), scores)
        for i in (0, 5, 7):
            others = moments(without_one(block, i), beta)
            exact = np.linalg.solve(others.information, others.score)
            assert transform @ steps[i] == pytest.approx(exact, rel=1e-9, abs=1e-11)
        for i, pull, given in zip((5, 7), solved, scores, strict=True):
            others = moments(without_one(block, i), beta, transform)
            assert others.information @ pull == pytest.approx(given, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("weighted", [False, True])
def test_leverages_of_all_observations_sum_to_the_number_of_coefficients(weighted):
    X, y = simulated(500, 4, 1)
    weights = np.random.default_rng(2).integers(1, 9, 500) if weighted else np.ones(500)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    beta = np.array([0.1, -0.2, 0.3, 0.4])
    block = model.rows.block(slice(None))
    found = leverages(block, beta, Written(whitening(model.rows, beta)))
    assert weights @ found.leverage == pytest.approx(4, rel=1e-12)
    assert found.left == pytest.approx(1 - found.leverage, rel=1e-12)
    single = row_terms(block._replace(weights=None), beta)
    assert np.array_equal(found.curvature, single.curvature)
    assert np.array_equal(found.residual, single.residual)
    assert found.curvature * np.square(found.length) == pytest.approx(found.leverage, rel=1e-12)


def test_a_row_that_holds_a_column_up_alone_divides_by_no_zero():
    # the second column is that row's own: its leverage is 1, but for rounding
    design = np.column_stack([np.ones(6), np.arange(6) == 5]).astype(float)
    block = Block(design, np.array([1.0, -1, 1, -1, 1, 1]), None, None)
    beta = np.array([0.2, 0.3])
    information = moments(block, beta).information
    transform = np.linalg.inv(np.linalg.cholesky(information)).T
    found = leverages(block, beta, Written(transform))
    assert found.leverage[5] == pytest.approx(1, abs=1e-12)
    assert found.left.min() == found.left[5] == 1 - LARGEST_LEVERAGE
    assert np.isfinite(found.steps()).all()
