"""Leverages and one-row-out steps, held against the information without the observation."""

import numpy as np
import pytest
from coded_models import both, survey
from multiplier import repeated
from problems import simulated

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.covariance.leverage import (
    LARGEST_LEVERAGE,
    leverages,
    score_and_longest,
)
from flatprior.models.covariance.roots import Written, root_of
from flatprior.models.covariance.whitening import whitening
from flatprior.models.likelihood import moments, row_terms
from flatprior.models.rows import Block, as_held


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


@pytest.mark.parametrize("codes", [False, True])
def test_one_pass_finds_the_score_and_the_longest_row(codes):
    model = both("y ~ x + g + h", survey(300, seed=2), offset="o")[0 if codes else 1]
    beta = np.linspace(-0.5, 0.5, model.n_parameters)
    root = root_of(model.rows, beta)
    found = leverages(as_held(model.rows).block(slice(None)), beta, root)
    score, longest = score_and_longest(model.rows, beta, root)
    assert longest == pytest.approx(found.length.max(), rel=1e-12)
    assert score == pytest.approx(model.score(beta), rel=1e-9, abs=1e-12)
    some = found.select(np.array([3, 0, 77]))
    for name in ("length", "residual", "curvature", "leverage", "left"):
        assert getattr(some, name).tolist() == getattr(found, name)[[3, 0, 77]].tolist()
    assert some.white(slice(None)) == pytest.approx(found.white(np.array([3, 0, 77])), rel=1e-12)
