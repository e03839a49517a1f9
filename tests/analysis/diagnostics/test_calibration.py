"""Calibration and scores against scikit-learn, by hand, and with a known false-alarm rate."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from problems import CASES, DATA, simulated
from scipy.special import expit
from scipy.stats import binom
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from flatprior.analysis import binned_residuals, calibration_curve, predict, predictive_scores
from flatprior.analysis.diagnostics import calibration, forecasts, ranks
from flatprior.analysis.diagnostics.calibration import _envelope
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_smarket,
    load_spector,
    sample_independence,
)
from flatprior.models.batches import first_pass
from flatprior.models.rows import as_held


@pytest.mark.parametrize("name", ["spector", "smarket", "challenger", "lizards"])
def test_scores_are_those_of_scikit_learn(name):
    case = CASES[name]
    model, y, w = case.model, case.response, case.weights
    fit = fit_newton(model)
    p = expit(case.frame.to_numpy(dtype=float) @ fit.coefficients)
    table = predictive_scores(model, fit).table()
    rate = np.full(len(y), np.average(y, weights=w))
    for row, scikit in (("Brier", brier_score_loss), ("log", log_loss)):
        assert table.loc[row, "score"] == pytest.approx(scikit(y, p, sample_weight=w), rel=1e-12)
        assert table.loc[row, "base rate"] == pytest.approx(
            scikit(y, rate, sample_weight=w), rel=1e-12
        )
    losses = table.loc[["Brier", "log"]]
    assert losses["skill"].to_numpy() == pytest.approx(1 - losses["score"] / losses["base rate"])
    assert table.loc["AUC", "score"] == pytest.approx(
        roc_auc_score(y, p.round(12), sample_weight=w), rel=1e-12
    )
    assert (table["grid error"] == 0).all()
    assert predictive_scores(model, p)["score"].to_numpy() == pytest.approx(table["score"])


def test_standard_errors_are_those_of_means_of_observations():
    X, y = simulated(90, 2, seed=1)
    weights = np.random.default_rng(1).integers(1, 4, size=90)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    fit = fit_newton(model)
    p = np.repeat(expit(X @ fit.coefficients), weights)
    y = np.repeat(y, weights)
    error = (y - p) ** 2
    difference = error - (y - y.mean()) ** 2
    table = predictive_scores(model, fit).table()
    assert table.loc["Brier", "standard error"] == pytest.approx(
        error.std(ddof=1) / math.sqrt(len(y)), rel=1e-12
    )
    assert table.loc["Brier", "difference SE"] == pytest.approx(
        difference.std(ddof=1) / math.sqrt(len(y)), rel=1e-12
    )
    assert table.loc["Brier", "difference"] == pytest.approx(difference.mean(), rel=1e-12)


def test_a_posterior_is_judged_by_its_predictive_probability():
    case = CASES["spector"]
    posterior = sample_independence(case.model, seed=1, progress=False)
    mean = predict(case.model, posterior, case.frame)["probability"]
    assert predictive_scores(case.model, posterior)["score"].to_numpy() == pytest.approx(
        predictive_scores(case.model, mean.to_numpy())["score"], rel=1e-12
    )


def test_the_curve_is_isotonic_regression():
    X, y = simulated(300, 3, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    p = expit(X @ fit_newton(model).coefficients)
    curve = calibration_curve(model, fit_newton(model))
    expected = IsotonicRegression().fit(p, y).predict(np.sort(p))
    assert curve.table()["predicted"].to_numpy() == pytest.approx(np.sort(p), rel=1e-12)
    assert curve.table()["calibrated"].to_numpy() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert curve.brier == pytest.approx(np.mean((y - p) ** 2), rel=1e-12)
    parts = curve.miscalibration - curve.discrimination + curve.uncertainty
    assert parts == pytest.approx(curve.brier, rel=1e-12)
    assert curve.uncertainty == pytest.approx(y.mean() * (1 - y.mean()), rel=1e-12)
    assert curve.miscalibration > 0
    assert curve.discrimination > 0


def test_weights_are_repetitions():
    rng = np.random.default_rng(4)
    x, weights = rng.normal(size=40), rng.integers(1, 5, size=40)
    y = (rng.random(40) < expit(x)).astype(float)
    weighted = BernoulliLogistic.from_arrays(x, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(x, weights), np.repeat(y, weights))
    first, second = (calibration_curve(m, fit_newton(m), seed=7) for m in (weighted, repeated))
    for what in ("brier", "miscalibration", "discrimination", "uncertainty"):
        assert getattr(first, what) == pytest.approx(getattr(second, what), rel=1e-9)
    assert first.table()["observations"].tolist() == second.table()["observations"].tolist()
    assert first.table().to_numpy() == pytest.approx(second.table().to_numpy(), rel=1e-9)


@pytest.mark.slow  # in short: the envelope of one value is binomial
def test_the_envelope_holds_right_probabilities_as_often_as_it_says():
    # 60 data sets from the very probabilities that are judged: at each predicted value the curve
    # lies outside with probability 10%; the mean over data sets, sd 0.11 each, is within 4
    # standard errors of that but for one seed in 16,000
    rng = np.random.default_rng(11)
    shares = []
    for _ in range(60):
        p = rng.uniform(0.05, 0.95, size=200)
        y = (rng.random(200) < p).astype(float)
        model = BernoulliLogistic.from_arrays(np.ones(200), y)
        shares.append(calibration_curve(model, p, prob=0.9, simulations=200).outside)
    assert np.mean(shares) == pytest.approx(0.1, abs=4 * np.std(shares, ddof=1) / math.sqrt(60))
    assert 0.02 < np.mean(shares) < 0.2


def test_the_envelope_of_one_value_is_binomial():
    n, p = 500, 0.3
    y = (np.arange(n) < 200).astype(float)  # 40%, twenty above what 30% allows
    model = BernoulliLogistic.from_arrays(np.ones(n), y)
    curve = calibration_curve(model, np.full(n, p), prob=0.9, simulations=4000)
    low, high = curve.table().loc[0, ["5%", "95%"]]
    assert low == pytest.approx(binom.ppf(0.05, n, p) / n, abs=0.004)
    assert high == pytest.approx(binom.ppf(0.95, n, p) / n, abs=0.004)
    assert curve.outside == 1
    assert curve.miscalibration == pytest.approx(0.1**2, rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 40, 41, 400])
@pytest.mark.parametrize("prob", [1e-9, 0.5, 0.8, 0.95, 1 - 1e-9])
def test_an_envelope_is_of_quantiles_of_all_curves(n, prob):
    curves = np.random.default_rng(n).normal(size=(n, 7)).round(1)
    tail = (1 - prob) / 2
    expected = np.quantile(curves, [tail, 1 - tail], axis=0)
    assert np.array(_envelope(iter(curves), n, tail)) == pytest.approx(expected, abs=1e-14)


def test_the_log_score_needs_no_detour_over_probabilities():
    model = BernoulliLogistic.from_arrays([1.0, 1.0], [1, 0], frequency_weights=[10**13, 1])
    n = 10**13 + 1
    expected = -(10**13 * math.log1p(-1 / n) + math.log(1 / n)) / n
    table = predictive_scores(model, fit_newton(model)).table()
    assert table.loc["log", "score"] == pytest.approx(expected, rel=1e-10)


def test_values_too_close_for_scikit_learn_are_kept_apart():
    y = np.repeat([0.0, 1.0], 200)
    model = BernoulliLogistic.from_arrays(np.ones(400), y)
    curve = calibration_curve(model, np.repeat([1e-17, 5e-17], 200), simulations=2)
    assert curve.table()["calibrated"].tolist() == [0, 1]


def test_a_posterior_far_out_has_a_log_score():
    x, y = np.ones(6), np.array([0.0, 1, 0, 1, 1, 0])
    near = BernoulliLogistic.from_arrays(x, y)
    posterior = sample_independence(near, seed=1, progress=False)
    far = BernoulliLogistic.from_arrays(x, y, offset=np.full(6, 45.0))
    known = replace(posterior.provenance, data_hash=far.data_hash)
    posterior = replace(posterior, provenance=known)
    score = predictive_scores(far, posterior).loc["log", "score"]
    # of a 0 about 45, less the log of the mean of exp(-beta); of a 1 nothing
    expected = (45 - np.log(np.exp(-posterior.draws).mean())) / 2
    assert score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        (np.full(3, 0.5), "must be 32 probabilities"),
        (["a"] * 32, "must be 32 probabilities"),
        (np.r_[np.full(30, 0.5), 1.5, np.nan], "from 0 to 1; see rows 30, 31"),
    ],
)
def test_what_are_no_probabilities_is_refused(predicted, message):
    model = CASES["spector"].model
    for function in (calibration_curve, predictive_scores):
        with pytest.raises(ValueError, match=message):
            function(model, predicted)
    with pytest.raises(ValueError, match="simulations must be a whole number of at least 2"):
        calibration_curve(model, np.full(32, 0.5), simulations=1)


def test_the_envelope_is_of_its_seed():
    X, y = simulated(120, 2, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    one, same, other = (
        calibration_curve(model, fit, simulations=20, seed=seed) for seed in (1, 1, 2)
    )
    assert one.table().equals(same.table())
    shown = ["predicted", "calibrated", "observations"]
    assert one.table()[shown].equals(other.table()[shown])
    assert not one.table().equals(other.table())


def test_the_standard_error_of_the_area_is_that_of_all_pairs():
    X, y = simulated(80, 2, seed=5)
    model = BernoulliLogistic.from_arrays(X, y)
    p = expit(X @ fit_newton(model).coefficients)
    pairs = (p[y == 1][:, None] > p[y == 0]).astype(float)
    table = predictive_scores(model, p).table()
    assert table.loc["AUC", "score"] == pytest.approx(pairs.mean(), rel=1e-12)
    variance = pairs.mean(axis=1).var(ddof=1) / len(pairs)
    variance += pairs.mean(axis=0).var(ddof=1) / pairs.shape[1]
    assert table.loc["AUC", "standard error"] == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_rows_that_are_the_same_are_ties_wherever_they_stand():
    # BLAS adds up the terms of the last rows of a block in another order than of those before
    rng = np.random.default_rng(6)
    patterns = rng.normal(size=(5, 7))
    X = patterns[rng.integers(0, 5, size=20_003)]
    y = (rng.random(len(X)) < expit(X[:, 0])).astype(float)
    model = BernoulliLogistic.from_arrays(np.column_stack([X[:, :4], np.ones(len(X))]), y)
    fit = fit_newton(model)
    event, others = (np.unique(X[y == way, 0], return_counts=True)[1] for way in (1, 0))
    rate = np.argsort(event / (event + others))  # saturated: the fit gives each its own share
    event, others = event[rate], others[rate]
    below = np.cumsum(others) - others / 2
    found = predictive_scores(model, fit).loc["AUC"]
    assert found["score"] == pytest.approx(
        float(event @ below) / event.sum() / others.sum(), rel=1e-12
    )


@pytest.mark.parametrize("levels", list(itertools.permutations("abc")))
def test_rounding_ranks_no_rows_whose_predictions_are_equal(levels, tmp_path):
    # both levels of B beside the first have as many events of as many rows in each cell of A and D,
    # so that their coefficients are equal: which of them is larger as computed is chance
    frame = pd.read_csv(DATA / "empty_cells.csv")
    frame["B"] = frame["B"].map(dict(zip("abc", levels, strict=True)))
    formula = "y ~ A + B + D"
    frame.to_parquet(tmp_path / "rows.parquet")
    merged = frame.assign(B=frame["B"].eq(levels[0]).astype(int))
    one_level = BernoulliLogistic.from_formula(formula, merged)
    fit = fit_newton(one_level)
    eta = (one_level.design @ fit.coefficients).round(9)
    event, other = eta[frame["y"] == 1], eta[frame["y"] == 0]
    pairs = (event[:, None] > other) + (event[:, None] == other) / 2
    tied = (event[:, None] == other).mean() / 2
    calibrated = calibration_curve(one_level, fit)
    for model in (
        BernoulliLogistic.from_formula(formula, frame),
        BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula),
    ):
        found = predictive_scores(model, fit_newton(model)).loc["AUC"]
        assert found["score"] == pytest.approx(pairs.mean(), rel=1e-12)
        assert found["grid error"] <= tied * (1 + 1e-12)
        curve = calibration_curve(model, fit_newton(model), simulations=20)
        assert curve.miscalibration == pytest.approx(calibrated.miscalibration, rel=1e-9)
        assert len(curve.table()) == len(calibrated.table()) == len(np.unique(eta))


def test_rows_that_round_alike_are_no_ties():
    # neighbours are one unit in the last place apart, which some of the predictions do not show
    x = np.repeat(np.linspace(-2, 2, 21), 2)
    x[1::2] = np.nextafter(x[1::2], 9)
    y = np.tile([0.0, 1.0], 21)
    y[:12:2] = y[1:12:4] = 0
    y[-12::4] = 1
    model = BernoulliLogistic.from_arrays(np.column_stack([np.ones(42), x]), y)
    found = predictive_scores(model, fit_newton(model)).loc["AUC"]
    exact = roc_auc_score(y, np.arange(42))  # the slope is positive
    assert found["score"] != exact
    assert abs(found["score"] - exact) <= found["grid error"] + 1e-15 < 0.05


def test_the_curve_ranks_rows_whose_probabilities_are_one():
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(size=200), np.zeros(100)])
    offset = np.concatenate([np.zeros(200), np.repeat([-60.0, -42.0, 42.0, 60.0], 25)])
    y = np.concatenate([rng.random(200) < expit(x[:200]), np.repeat([0, 1, 0, 1], 25)])
    y = y.astype(float)
    X = np.column_stack([np.ones(300), x])
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    fit = fit_newton(model)
    eta = X @ fit.coefficients + offset
    curve = calibration_curve(model, fit)
    fitted = IsotonicRegression().fit_transform(eta, y)
    expected = np.mean((y - expit(eta)) ** 2) - np.mean((y - fitted) ** 2)
    assert (curve.grid_error, len(curve.table())) == (0, 204)
    assert curve.miscalibration == pytest.approx(expected, rel=1e-9)
    turned = BernoulliLogistic.from_arrays(X[::-1], y[::-1], offset=offset[::-1])
    again = calibration_curve(turned, fit_newton(turned))
    assert again.miscalibration == pytest.approx(expected, rel=1e-9)


def test_scores_of_a_factor_of_many_levels_write_nothing_out():
    rng = np.random.default_rng(5)
    n, levels = 360_000, 3000
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": rng.integers(levels, size=n)})
    frame["g"] = "g" + frame["g"].astype(str)
    frame["y"] = (rng.random(n) < expit(frame["x"])).astype(int)
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    fit = fit_newton(model)
    found = predictive_scores(model, fit).loc["AUC"]
    eta = as_held(model.rows).design @ fit.coefficients
    assert found["score"] == pytest.approx(roc_auc_score(frame["y"], eta), abs=1e-9)
    assert found["grid error"] < 1e-6


def test_an_order_that_a_proof_leaves_open_is_in_the_error():
    X, y = simulated(40, 2, seed=11)
    X[1], y[:2] = X[0], (0, 1)
    X[1, 1] += 1e-9  # further than rounding
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    assert fit.certificate.error_bound < 1e-11
    assert predictive_scores(model, fit).loc["AUC", "grid error"] == 0
    unknown = replace(fit, covariance=np.full((2, 2), math.nan))
    assert predictive_scores(model, unknown).loc["AUC", "grid error"] == 0
    rough = replace(fit, certificate=replace(fit.certificate, error_bound=5e-8))
    found = predictive_scores(model, rough).loc["AUC"]
    pair = 1 / model.n_events / (40 - model.n_events)
    assert found["grid error"] == pytest.approx(pair / 2)
    wild = replace(fit, certificate=replace(fit.certificate, error_bound=0.1))
    assert predictive_scores(model, wild).loc["AUC", "grid error"] == 0  # judged as they are


@pytest.fixture
def few_bins(monkeypatch):
    """A survey that draws few rows, and few bins: something is left open."""
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 64)
    monkeypatch.setattr(forecasts, "edges_of", lambda *a: ranks.edges_of(*a, bins=64))
    monkeypatch.setattr(calibration, "MOST_BINS", 32)


def test_bins_say_how_wrong_they_may_be(few_bins, tmp_path):
    X, y = simulated(4000, 3, seed=9)
    frame = pd.DataFrame(X, columns=["one", "a", "b"]).assign(y=y)
    frame.to_parquet(tmp_path / "rows.parquet")
    models = [
        BernoulliLogistic.from_formula("y ~ a + b", frame),
        BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ a + b"),
    ]
    fits = [fit_newton(model) for model in models]
    exact, binned = (predictive_scores(*pair).loc["AUC"] for pair in zip(models, fits, strict=True))
    assert 0 < abs(binned["score"] - exact["score"]) <= binned["grid error"] < 0.02
    assert binned["standard error"] == pytest.approx(exact["standard error"], rel=0.05)
    one, two = (calibration_curve(*pair, simulations=20) for pair in zip(models, fits, strict=True))
    assert one.grid_error == 0
    assert len(two.table()) < 64
    assert two.table()["observations"].sum() == 4000
    assert two.brier == pytest.approx(one.brier, rel=1e-12)
    assert two.uncertainty == pytest.approx(one.uncertainty, rel=1e-12)
    assert 0 < abs(two.miscalibration - one.miscalibration) <= two.grid_error**2
    assert abs(two.discrimination - one.discrimination) <= two.grid_error**2
    shown = two.table()
    bins = np.searchsorted(shown["predicted"], one.table()["predicted"]).clip(max=len(shown) - 1)
    nearest = shown["calibrated"].to_numpy()[bins]  # not its own bin of each: within one of it
    assert np.sqrt(np.mean((nearest - one.table()["calibrated"]) ** 2)) < 3 * two.grid_error
    assert "root mean square" in two.message
    assert f"12 of {len(shown)} bins" in str(two)


def test_an_array_goes_with_rows_in_memory(tmp_path):
    X, y = simulated(40, 2, seed=9)
    frame = pd.DataFrame({"x": X[:, 1], "y": y})
    frame.to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x")
    for function in (calibration_curve, predictive_scores):
        with pytest.raises(ValueError, match="give a fit or a posterior"):
            function(model, np.full(40, 0.5))


@pytest.mark.slow  # in short: bins say how wrong they may be
def test_the_area_of_a_million_rows_in_files_is_that_of_scikit_learn(tmp_path):
    rng = np.random.default_rng(12)
    frame = pd.DataFrame(rng.normal(size=(10**6, 3)), columns=["a", "b", "c"])
    frame["c"] = np.where(rng.random(10**6) < 0.3, 0.0, frame["c"])
    eta = 0.8 * frame["a"] - 0.4 * frame["b"] + 0.3 * frame["c"] - 1
    frame["y"] = (rng.random(10**6) < expit(eta)).astype(int)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=100_000)
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ a + b + c")
    fit = fit_newton(model)
    judged = frame[["a", "b", "c"]].to_numpy() @ fit.coefficients[1:]
    found = predictive_scores(model, fit).loc["AUC"]
    assert found["grid error"] < 1e-5
    assert abs(found["score"] - roc_auc_score(frame["y"], judged)) <= found["grid error"] + 1e-12
    curve = calibration_curve(model, fit, simulations=20)
    assert curve.grid_error < 5e-3


def outcomes_of(p, rng, **options):
    """A model whose outcomes come with these probabilities."""
    outcome = (rng.random(len(p)) < p).astype(int)
    outcome[:2] = 0, 1
    return BernoulliLogistic.from_arrays(np.ones((len(p), 1)), outcome, **options)


def test_bins_are_means_over_rows_in_the_order_of_their_probability():
    rng = np.random.default_rng(1)
    p = rng.random(400)
    model = outcomes_of(p, rng)
    table = binned_residuals(model, p).table()
    assert table["observations"].tolist() == [20] * 20
    order = np.argsort(p).reshape(20, 20)
    means, events = p[order].mean(axis=1), model.response[order].mean(axis=1)
    assert table["predicted"].to_numpy() == pytest.approx(means, rel=1e-13)
    assert table["residual"].to_numpy() == pytest.approx(events - means, abs=1e-14)
    # Gelman and Hill (2007), page 97: 2 sqrt(p (1 - p) / n)
    assert table["2 SE"].to_numpy() == pytest.approx(2 * np.sqrt(means * (1 - means) / 20))


def test_of_right_probabilities_about_one_bin_in_twenty_is_outside_and_of_wrong_ones_more():
    rng = np.random.default_rng(2)
    p = 0.1 + 0.8 * rng.random(40_000)
    outcomes = outcomes_of(p, rng)
    right = binned_residuals(outcomes, p)
    assert len(right.table()) == 200
    # binomial(200, 0.0455) is beyond 24 with probability 1e-5
    assert right.outside == right.is_outside.sum() <= 24
    assert binned_residuals(outcomes, np.square(p)).outside > 100


def test_as_many_bins_are_expected_outside_as_binomial_counts_give():
    p = np.repeat([0.003, 0.4], 1000)
    model = outcomes_of(p, np.random.default_rng(5))
    found = binned_residuals(model, p, bins=2)
    due = 0.0
    for mean in (0.003, 0.4):
        n, band = 1000, 2 * math.sqrt(mean * (1 - mean) / 1000)
        counts = np.arange(n + 1)
        due += binom.pmf(counts[np.abs(counts / n - mean) > band], n, mean).sum()
    assert found.expected == pytest.approx(due, rel=1e-9)
    assert f"about {due:.1f} are to be expected" in found.message


def test_right_predictions_are_seldom_said_to_be_miscalibrated_and_wrong_ones_are():
    # half of all samples have more than 5% outside; 1 in 20 as many as one in 20 has.
    # binomial(60, 0.05) is beyond 10 with probability 3e-4
    rng, outside, p_values = np.random.default_rng(12), [], []
    for _ in range(60):
        p = rng.uniform(0.05, 0.95, size=120)
        curve = calibration_curve(outcomes_of(p, rng), p, simulations=100)
        outside.append(curve.outside > 0.05)
        p_values.append(curve.outside_p)
    assert sum(outside) > 15
    assert sum(each < 0.05 for each in p_values) <= 10
    wrong = calibration_curve(outcomes_of(p, rng), p**4, simulations=100)
    assert wrong.outside_p == pytest.approx(1 / 101)


def test_the_order_of_rows_and_repetitions_for_weights_change_nothing():
    data = load_smarket()
    data["Lag1"] = data["Lag1"].round(0)  # so that many rows have one probability
    formula = "Direction ~ Lag1"
    fits = {}
    for name, frame in (("as they are", data), ("shuffled", data.sample(frac=1, random_state=3))):
        model = BernoulliLogistic.from_formula(formula, frame)
        fits[name] = binned_residuals(model, fit_newton(model)).table()
    grouped = data.groupby(["Direction", "Lag1"], observed=True).size().reset_index(name="n")
    model = BernoulliLogistic.from_formula(formula, grouped, frequency_weights="n")
    fits["weights"] = binned_residuals(model, fit_newton(model)).table()
    first = fits.pop("as they are")
    assert len(first) == data["Lag1"].nunique() or first["observations"].min() > 1
    for table in fits.values():
        assert table["observations"].tolist() == first["observations"].tolist()
        assert table.to_numpy() == pytest.approx(first.to_numpy(), abs=1e-12)


def test_draws_and_rows_in_files_are_judged_alike(tmp_path):
    data = load_spector()
    model = BernoulliLogistic.from_formula("grade ~ gpa", data)
    data.to_csv(tmp_path / "data.csv", index=False)
    elsewhere = BernoulliLogistic.from_parquet(tmp_path / "data.csv", "grade ~ gpa")
    ours, theirs = (binned_residuals(each, fit_newton(each)) for each in (model, elsewhere))
    assert theirs.table().to_numpy() == pytest.approx(ours.table().to_numpy(), abs=1e-12)
    draws = sample_independence(model, seed=1, progress=False)
    assert binned_residuals(model, draws).table()["observations"].sum() == 32


@pytest.mark.parametrize(("n", "bins"), [(2, 1), (10, 5), (11, 10), (99, 10), (120, 10)])
def test_there_are_as_many_bins_as_gelman_and_hill_take(n, bins):
    rng = np.random.default_rng(n)
    p = rng.random(n)
    found = binned_residuals(outcomes_of(p, rng), p)
    assert len(found.table()) == bins
    assert f"{bins} bin" in found.sizes
    assert math.isclose(found.table()["observations"].sum(), n)


def test_bins_can_be_chosen_and_certain_probabilities_have_no_band():
    rng = np.random.default_rng(5)
    p = np.r_[np.zeros(10), np.ones(10)]
    model = BernoulliLogistic.from_arrays(np.ones((20, 1)), p.astype(int))
    found = binned_residuals(model, p, bins=2)
    assert found.sizes == "2 bins of 10 observations"
    assert found.table()["2 SE"].tolist() == [0, 0]
    assert found.outside == 0
    assert binned_residuals(model, 1 - p, bins=2).outside == 2
    with pytest.raises(ValueError, match="bins"):
        binned_residuals(outcomes_of(rng.random(20), rng), rng.random(20), bins=0)
