"""Functions of coefficients: scales and combinations against the chain rule in more digits."""

import mpmath as mp
import numpy as np
import pytest

from flatprior.analysis.inference.functionals import LOG, LOGIT, PLAIN, OfDraws, OfEstimate
from flatprior.models.covariance.roots import Written

ROOT = np.array([[0.3, 0.0], [0.1, 0.2]])
VALUES, JACOBIAN = np.array([0.2, 0.7, np.nan]), np.array([[0.1, 0.5], [0.3, -0.2], [np.nan] * 2])
FOUND = OfEstimate(VALUES, JACOBIAN, Written(ROOT))


@pytest.mark.parametrize(
    ("scale", "of"),
    [(PLAIN, lambda x: x), (LOG, mp.log), (LOGIT, lambda x: mp.log(x / (1 - x)))],
)
def test_a_scale_changes_values_and_derivatives_by_the_chain_rule(scale, of):
    on = FOUND.on(scale).combined(np.array([[1.0, -1.0, 0.0]]))
    with mp.workdps(30):
        slope = [
            mp.diff(of, x) * mp.matrix(row) for x, row in zip(VALUES[:2], JACOBIAN, strict=False)
        ]
        error = mp.norm((slope[0] - slope[1]).T * mp.matrix(ROOT.tolist()))
        value = of(0.2) - of(0.7)
    assert on.values == pytest.approx([float(value)], rel=1e-13)
    assert on.errors == pytest.approx([float(error)], rel=1e-12)
    shown = FOUND.on(scale).columns("it", 0.9, "eti", scale)
    assert shown["it"][:2] == pytest.approx(VALUES[:2], rel=1e-14)
    assert shown["standard error"][:2] == pytest.approx(FOUND.errors[:2], rel=1e-13)
    assert np.isnan(shown["5%"]).tolist() == [False, False, True]


def test_what_has_no_weight_may_be_unknown():
    assert FOUND.known.tolist() == [True, True, False]
    weights = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
    assert np.isnan(FOUND.combined(weights).values).tolist() == [False, True]
    draws = OfDraws(np.random.default_rng(1).random((2, 50, 3)) * [1, 1, np.nan])
    assert draws.combined(weights).known.tolist() == [True, False]
    columns = draws.combined(weights).columns("it", 0.9, "eti", PLAIN)
    assert np.isnan(columns["pd"]).tolist() == [False, True]
    assert len(draws) == len(FOUND) == 3


def test_draws_are_combined_on_their_scale_and_shown_as_what_it_is_of():
    raw = np.random.default_rng(2).uniform(0.1, 0.9, (2, 60, 2))
    ratio = OfDraws(raw).on(LOG).combined(np.array([[1.0, -1.0]]))
    columns = ratio.columns("ratio", 0.9, "eti", LOG)
    direct = raw[..., 0] / raw[..., 1]
    assert columns["ratio"] == pytest.approx([direct.mean()], rel=1e-13)
    assert columns["5%"] == pytest.approx([np.quantile(direct, 0.05)], rel=1e-13)
    assert columns["pd"][0] == max((direct > 1).mean(), (direct <= 1).mean())
