"""Scores are scikit-learn's, ties and weights included, and rows that are alike are ties."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from flatprior.analysis import validate
from flatprior.analysis.validation.scores import Forecasts, Patterns
from flatprior.models import BernoulliLogistic
from flatprior.models.rows import ArrayRows


@pytest.mark.parametrize("tied", [False, True])
def test_scores_are_those_of_scikit_learn(tied):
    rng = np.random.default_rng(1)
    log_odds = rng.normal(size=(3, 200)) * 3
    log_odds = np.round(log_odds) if tied else log_odds
    y = (rng.random(200) < 0.4).astype(float)
    weights = rng.integers(0, 4, size=(3, 200)).astype(float)
    found = Forecasts(log_odds, 2 * y - 1, np.zeros(3)).scores(weights)
    for i in range(3):
        p = 1 / (1 + np.exp(-log_odds[i]))
        expected = [
            roc_auc_score(y, p, sample_weight=weights[i]),
            brier_score_loss(y, p, sample_weight=weights[i]),
            log_loss(y, p, sample_weight=weights[i]),
        ]
        assert found[i] == pytest.approx(expected, rel=1e-12)


def test_where_no_event_counts_there_is_no_area_but_there_are_scores():
    y, weights = np.array([0.0, 0.0, 1.0]), np.array([[1.0, 1.0, 0.0]])
    area, brier, log = Forecasts(np.array([[0.0, 2.0, 1.0]]), 2 * y - 1, np.zeros(1)).scores(
        weights
    )[0]
    assert np.isnan(area)
    assert np.isfinite([brier, log]).all()


def test_predictions_that_are_certain_have_scores_without_overflow():
    y = np.array([0.0, 1.0, 1.0])
    log_odds = np.array([[-900.0, 900.0, -900.0]])
    found = Forecasts(log_odds, 2 * y - 1, np.zeros(1)).scores(np.ones((1, 3)))
    assert found[0] == pytest.approx([0.75, 1 / 3, 300.0])


def test_rows_that_are_alike_have_one_prediction_to_the_last_bit_wherever_they_stand():
    rng = np.random.default_rng(2)
    few = rng.normal(size=(7, 13))
    group = rng.integers(0, 7, size=501)
    rows = ArrayRows(few[group], (rng.random(501) < 0.5).astype(float))
    found = Patterns.of(rows).log_odds(rng.normal(size=(5, 13)))
    for each in found:
        assert len(np.unique(each)) == 7
    apart = ArrayRows(rows.design, rows.response, np.linspace(0, 1, 501))
    assert len(np.unique(Patterns.of(apart).log_odds(np.zeros((1, 13))))) == 501


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_are_ties_but_for_rounding_are_ties(seed):
    """Groups a and b have the same outcomes, so that their predictions are equal."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1, 2], 30)
    y = np.concatenate([np.repeat([0.0, 1.0], [17, 13])] * 2 + [np.repeat([0.0, 1.0], [7, 23])])
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    model = BernoulliLogistic.from_arrays((group[:, None] == np.arange(3)) @ turned, y)
    found = validate(model, 2, seed=1).table().loc["AUC", "apparent"]
    assert found == pytest.approx(roc_auc_score(y, group == 2), abs=1e-14)
