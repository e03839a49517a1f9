"""Classification tables against scikit-learn, exact binomial tests and invariance."""

import math
from dataclasses import replace

import numpy as np
import pytest
from problems import CASES, simulated
from scipy.special import expit
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from flatprior.analysis import classification_table
from flatprior.models import BernoulliLogistic, fit_newton


@pytest.mark.parametrize("name", ["spector", "smarket", "lizards"])
@pytest.mark.parametrize("cut", [0.31, 0.5, 0.62])
def test_counts_are_those_of_scikit_learn(name, cut):
    case = CASES[name]
    fit = fit_newton(case.model)
    p = expit(case.frame.to_numpy(dtype=float) @ fit.coefficients)
    found = classification_table(case.model, fit, cut)
    theirs = confusion_matrix(case.response, p >= cut, sample_weight=case.weights)
    assert found.counts().to_numpy()[::-1, ::-1].tolist() == theirs.tolist()
    (right, false), (missed, hits) = theirs.tolist()
    for share, of, value in (
        (hits, hits + missed, found.sensitivity),
        (right, right + false, found.specificity),
        (hits, hits + false, found.positive_predictive_value),
        (right, right + missed, found.negative_predictive_value),
        (hits + right, theirs.sum(), found.accuracy),
    ):
        assert value == pytest.approx(share / of if of else math.nan, nan_ok=True)
    assert classification_table(case.model, p, cut) == found


def test_intervals_are_exact_binomial_ones():
    X, y = simulated(60, 3, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    table = classification_table(model, fit_newton(model), prob=0.9).table()
    for _, row in table.iterrows():
        exact = binomtest(int(row["right"]), int(row["of"])).proportion_ci(0.9, method="exact")
        assert row[["5%", "95%"]].to_numpy() == pytest.approx(list(exact), rel=1e-8)


def test_weights_are_repetitions():
    X, y = simulated(50, 2, seed=3)
    weights = np.random.default_rng(3).integers(1, 5, size=50)
    p = expit(X @ [0.1, 1.0])
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    assert classification_table(weighted, p, 0.4).to_dict() == (
        classification_table(repeated, np.repeat(p, weights), 0.4).to_dict()
    )


def test_predictions_at_the_cut_are_of_events_whatever_their_rounding():
    y = [1, 0, 1, 0, 0]
    model = BernoulliLogistic.from_arrays(np.ones(5), y)
    found = classification_table(model, [0.3 + 1e-12, 0.1 + 0.2, 0.3 - 1e-12, 0.2, 0.4], 0.3)
    assert found.counts().to_numpy().tolist() == [[2, 0], [2, 1]]
    assert found.at_the_cut == 3
    assert "3 at the cut" in str(found)
    assert found.negative_predictive_value == 1


def test_predictions_that_a_proof_leaves_open_are_at_the_cut():
    model = CASES["spector"].model
    fit = fit_newton(model)
    cut = float(expit(model.design @ fit.coefficients)[3]) * (1 + 3e-9)
    assert classification_table(model, fit, cut).at_the_cut == 0
    rough = replace(fit, certificate=replace(fit.certificate, error_bound=5e-8))
    assert classification_table(model, rough, cut).at_the_cut == 1


def test_shares_of_nothing_are_not_numbers():
    model = BernoulliLogistic.from_arrays(np.ones(4), [1, 0, 1, 0])
    found = classification_table(model, [0.1, 0.2, 0.3, 0.4], 0.9)
    assert (found.sensitivity, found.specificity) == (0, 1)
    assert math.isnan(found.positive_predictive_value)
    assert found.table().loc["positive predictive value"].isna().tolist() == [
        *(True, True, True, False, False)
    ]
    low, high = found.table().loc["sensitivity", ["2.5%", "97.5%"]]
    assert (low, high) == pytest.approx((0, 1 - 0.025 ** (1 / 2)))


@pytest.mark.parametrize("cut", [0, 1, -0.5, math.nan, "half", None])
def test_a_cut_lies_between_0_and_1(cut):
    model = CASES["spector"].model
    with pytest.raises(ValueError, match="cut must lie between 0 and 1"):
        classification_table(model, fit_newton(model), cut)
