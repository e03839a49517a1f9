"""Indices of discrimination and calibration, against brute force, other programs and invariance."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import statsmodels.api as sm
from problems import CASES, simulated
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from flatprior.analysis import goodness_of_fit, predict, predictive_indices
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence

NAMES = [
    *("AUC", "discrimination slope", "calibration in the large"),
    *("calibration slope", "calibration intercept"),
]


def judged(seed, n=120):
    """Outcomes, and probabilities that are too extreme and too high, some of them alike."""
    rng = np.random.default_rng(seed)
    eta = rng.normal(size=n).round(1)
    y = (rng.random(n) < expit(eta)).astype(float)
    return BernoulliLogistic.from_arrays(np.ones(n), y), y, expit(1.6 * eta + 0.4)


def placements(y, p):
    """Of each event the share of others below it, and of each other that of events above it."""
    pairs = [
        [(a > b) + (a == b) / 2 for b in p[y == 0]] for a in p[y == 1]
    ]  # every pair, on its own
    both = np.array(pairs)
    return both.mean(axis=1), both.mean(axis=0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_area_and_its_interval_are_delongs_of_all_pairs(seed):
    model, y, p = judged(seed)
    row = predictive_indices(model, p, prob=0.9).table().loc["AUC"]
    events, others = placements(y, p)
    error = math.sqrt(events.var(ddof=1) / len(events) + others.var(ddof=1) / len(others))
    assert row["value"] == pytest.approx(roc_auc_score(y, p), rel=1e-13)
    assert row["standard error"] == pytest.approx(error, rel=1e-12)
    reach = norm.ppf(0.95) * error
    assert row["5%"] == pytest.approx(row["value"] - reach, rel=1e-12)
    assert row["95%"] == pytest.approx(min(row["value"] + reach, 1), rel=1e-12)
    exact = sum(  # in whole numbers
        Fraction(2 * int((p[y == 0] < each).sum()) + int((p[y == 0] == each).sum()), 2)
        for each in p[y == 1]
    ) / (len(events) * len(others))
    assert abs(Fraction(row["value"]) - exact) <= Fraction(row["error bound"])
    assert 0 < row["error bound"] < 1e-12


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_calibration_is_a_refit_on_the_log_odds(seed):
    model, y, p = judged(seed)
    table = predictive_indices(model, p).table()
    eta = logit(p)
    both = sm.Logit(y, sm.add_constant(eta)).fit(disp=0, tol=1e-12)
    large = sm.GLM(y, np.ones((len(y), 1)), sm.families.Binomial(), offset=eta).fit(tol=1e-14)
    for name, theirs, j in (
        ("calibration intercept", both, 0),
        ("calibration slope", both, 1),
        ("calibration in the large", large, 0),
    ):
        row = table.loc[name]
        assert row["value"] == pytest.approx(theirs.params[j], rel=1e-7)
        assert row["standard error"] == pytest.approx(theirs.bse[j], rel=1e-7)
        assert row[["2.5%", "97.5%"]].to_numpy() == pytest.approx(theirs.conf_int()[j], rel=1e-6)
        assert 0 < row["error bound"] < 1e-9
    assert table.loc["calibration slope", "value"] < 1  # too extreme
    assert table.loc["calibration in the large", "value"] < 0  # too high


def test_the_discrimination_slope_is_a_difference_of_two_means():
    model, y, p = judged(4)
    row = predictive_indices(model, p).table().loc["discrimination slope"]
    events, others = p[y == 1], p[y == 0]
    assert row["value"] == pytest.approx(events.mean() - others.mean(), rel=1e-13)
    error = math.sqrt(events.var(ddof=1) / len(events) + others.var(ddof=1) / len(others))
    assert row["standard error"] == pytest.approx(error, rel=1e-12)


def test_what_a_proof_leaves_open_is_in_the_error_of_the_discrimination_slope():
    model = CASES["spector"].model
    fit = fit_newton(model)
    row = predictive_indices(model, fit).table().loc["discrimination slope"]
    assert 0 < row["error bound"] < 1e-8
    off = 2e-8 * fit.standard_errors * [1, -1, 1, -1]
    known = replace(fit.certificate, error_bound=5e-8)
    other = replace(fit, coefficients=fit.coefficients + off, certificate=known)
    moved = predictive_indices(model, other).table().loc["discrimination slope"]
    assert 1e-10 < abs(moved["value"] - row["value"]) <= moved["error bound"] < 1e-6


@pytest.mark.parametrize("name", ["spector", "lizards", "challenger"])
def test_a_fit_is_calibrated_on_its_own_rows_and_its_slope_is_tjurs(name):
    model = CASES[name].model
    fit = fit_newton(model)
    table = predictive_indices(model, fit).table()
    assert list(table.index) == NAMES
    assert table["value"].iloc[2:].to_numpy() == pytest.approx([0, 1, 0], abs=1e-9)
    tjur = goodness_of_fit(model, fit).tjur
    assert table.loc["discrimination slope", "value"] == pytest.approx(tjur, rel=1e-11)
    probability = expit(CASES[name].frame.to_numpy(dtype=float) @ fit.coefficients).round(14)
    again = predictive_indices(model, probability).table()
    assert again.to_numpy()[:, :4] == pytest.approx(table.to_numpy()[:, :4], rel=1e-8, abs=1e-9)


def test_weights_are_repetitions():
    X, y = simulated(90, 3, seed=1)
    weights = np.random.default_rng(1).integers(1, 4, size=90)
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    p = expit(X @ [0.3, 0.9, -0.4])
    one = predictive_indices(weighted, p).table()
    two = predictive_indices(repeated, np.repeat(p, weights)).table()
    assert one.to_numpy()[:, :4] == pytest.approx(two.to_numpy()[:, :4], rel=1e-9, abs=1e-12)


def test_the_other_outcome_turns_the_signs_and_nothing_else():
    model, y, p = judged(5)
    one = predictive_indices(model, p).table()
    flipped = BernoulliLogistic.from_arrays(np.ones(len(y)), 1 - y)
    two = predictive_indices(flipped, 1 - p).table()
    turned = [1, 1, -1, 1, -1]
    assert two["value"].to_numpy() == pytest.approx(one["value"] * turned, rel=1e-9)
    assert two["standard error"].to_numpy() == pytest.approx(one["standard error"], rel=1e-9)


def test_predictions_for_new_rows_and_of_a_posterior_are_judged():
    X, y = simulated(400, 3, seed=6)
    model = BernoulliLogistic.from_arrays(X[:200], y[:200])
    new = BernoulliLogistic.from_arrays(X[200:], y[200:])
    fit = fit_newton(model)
    p = predict(model, fit, X[200:])["probability"].to_numpy()
    table = predictive_indices(new, p).table()
    assert table.loc["AUC", "value"] == pytest.approx(roc_auc_score(y[200:], p), rel=1e-12)
    posterior = sample_independence(model, draws=200, seed=1, progress=False)
    mean = predict(model, posterior, X[:200])["probability"].to_numpy()
    one, two = (predictive_indices(model, each).table() for each in (posterior, mean))
    assert one.to_numpy()[:, :4] == pytest.approx(two.to_numpy()[:, :4], rel=1e-8)


def test_what_has_no_answer_is_not_a_number_and_says_why():
    y = np.array([0, 0, 1, 1.0])
    model = BernoulliLogistic.from_arrays(np.ones(4), y)
    found = predictive_indices(model, fit_newton(model))  # one prediction for all: no slope
    assert found.table()["value"].isna().tolist() == [False, False, False, True, True]
    assert found.table().loc["AUC", "value"] == 0.5
    assert "no calibration intercept and no calibration slope: of the refit" in " ".join(
        found.lacking
    )
    perfect = predictive_indices(model, [0.1, 0.2, 0.8, 0.9])
    assert perfect.table().loc["AUC", ["value", "2.5%", "97.5%"]].tolist() == [1, 1, 1]
    assert "complete separation" in str(perfect)
    none = BernoulliLogistic.from_arrays([0, 1, 0, 1.0], [1, 1, 1, 1], event=1)
    found = predictive_indices(none, [0.6, 0.7, 0.8, 0.9])
    assert found.table()["value"].isna().all()
    assert "without events, or without others" in str(found)
    single = BernoulliLogistic.from_arrays(np.ones(4), [0, 0, 0, 1])
    row = predictive_indices(single, [0.3, 0.2, 0.1, 0.25]).table().loc["AUC"]
    assert row.isna().tolist() == [False, True, True, True, False]


def test_bad_predictions_are_refused():
    model, _, p = judged(7)
    with pytest.raises(ValueError, match=r"0 or 1 has no finite log-odds.*2 rows have one"):
        predictive_indices(model, np.concatenate([[0, 1], p[2:]]))
    with pytest.raises(ValueError, match="120 probabilities"):
        predictive_indices(model, p[1:])
    with pytest.raises(ValueError, match="prob must lie between 0 and 1"):
        predictive_indices(model, p, prob=1.0)
    with pytest.raises(ValueError, match="another model"):
        predictive_indices(model, fit_newton(CASES["spector"].model))


def test_the_area_does_not_depend_on_the_order_of_rows():
    y, p = np.array([0, 1, 0, 1, 1, 0, 1.0]), np.array([2, 2, 3, 3, 5, 6, 1]) / 10
    areas = {
        predictive_indices(
            BernoulliLogistic.from_arrays(np.ones(7), y[list(order)]), p[list(order)]
        )
        .table()
        .loc["AUC", "value"]
        for order in itertools.islice(itertools.permutations(range(7)), 0, 5040, 1000)
    }
    assert len(areas) == 1
