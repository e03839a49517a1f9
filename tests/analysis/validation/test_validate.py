"""Validation is Harrell's algorithm, and scikit-learn's cross-validation, on the same samples.

Of other samples it is that of R's rms, within the Monte Carlo error of both.
"""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from places import FORMULA, PLACES, ROLES, shoppers
from problems import simulated
from r_values import DATA, OF_PACKAGES
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import cross_val_predict, cross_val_score

from flatprior.analysis import validate
from flatprior.analysis.validation.resampling import Observations, bootstrap_counts, fold_counts
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    fit_newton,
    gathering,
    load_endometrial,
    load_smarket,
    load_spector,
)
from flatprior.models.encoding.files import source

INDICES = ["AUC", "Brier", "log", "calibration slope", "calibration intercept"]


def unpenalised(**options):
    return LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, **options)


def scores(X, y, weights, coefficients, offset=0.0):
    """By scikit-learn, of coefficients on rows with weights."""
    eta = X @ coefficients + offset
    p = 1 / (1 + np.exp(-eta))
    refit = unpenalised().fit(eta[:, None], y, sample_weight=weights)
    return np.array(
        [
            roc_auc_score(y, eta, sample_weight=weights),
            brier_score_loss(y, p, sample_weight=weights),
            log_loss(y, p, sample_weight=weights),
            refit.coef_[0, 0],
            refit.intercept_[0],
        ]
    )


def model_of(name):
    if name == "endometrial":
        return BernoulliLogistic.from_formula("HG ~ PI + EH", load_endometrial())
    if name == "smarket":
        formula = "Direction ~ Lag1 + Lag2 + Volume"
        return BernoulliLogistic.from_formula(formula, load_smarket())
    if name == "shoppers":  # a factor, an interaction and frequency weights
        return BernoulliLogistic.from_formula(FORMULA, shoppers(400), frequency_weights="count")
    return BernoulliLogistic.from_arrays(*simulated(250, 6, seed=4))


@pytest.mark.parametrize("name", ["endometrial", "smarket", "shoppers", "simulated"])
@pytest.mark.parametrize("stratified", [False, True])
def test_the_bootstrap_is_the_algorithm_of_harrell_written_plainly(name, stratified):
    model, m = model_of(name), 25
    found = validate(model, m, stratified=stratified, seed=11)
    X, y, counts = model.design, model.response, model.counts
    drawn = bootstrap_counts(Observations.of(model.arrays, stratified), 11, range(m))

    def fitted(weights):
        plain = unpenalised(fit_intercept=False).fit(X, y, sample_weight=weights)
        return plain.coef_[0]

    apparent = scores(X, y, counts, fitted(counts))
    fits = [fitted(weights) for weights in drawn]
    training = np.array([scores(X, y, w, b) for w, b in zip(drawn, fits, strict=True)])
    test = np.array([scores(X, y, counts, b) for b in fits])
    optimism = (training - test).mean(axis=0)
    table = found.table()
    assert list(table.index) == INDICES
    assert table["apparent"].to_numpy() == pytest.approx(apparent, abs=2e-6)
    assert found.training.to_numpy() == pytest.approx(training, abs=2e-5)
    assert found.test.to_numpy() == pytest.approx(test, abs=2e-5)
    assert table["corrected"].to_numpy() == pytest.approx(apparent - optimism, abs=1e-5)
    assert found.refits.coefficients == pytest.approx(np.array(fits), abs=1e-4)
    intervals = table[["2.5%", "97.5%"]].to_numpy().T
    ends = np.quantile(training, [0.025, 0.975], axis=0) - optimism
    ends = np.clip(ends[:, :3], 0, [1, np.inf, np.inf])
    assert intervals[:, :3] == pytest.approx(ends, abs=1e-5)
    ends = np.quantile(apparent - (training - test), [0.025, 0.975], axis=0)
    assert intervals[:, 3:] == pytest.approx(ends[:, 3:], abs=1e-4)
    error = (training - test).std(axis=0, ddof=1) / math.sqrt(m)
    assert table["mcse"].to_numpy() == pytest.approx(error, abs=1e-5)


@pytest.mark.parametrize("name", ["endometrial", "smarket", "simulated"])
@pytest.mark.parametrize("stratified", [False, True])
def test_cross_validation_is_that_of_scikit_learn_on_the_same_folds(name, stratified):
    model = model_of(name)
    X, y = model.design, model.response
    found = validate(model, 1, method="cross-validation", folds=5, stratified=stratified, seed=2)
    held = fold_counts(Observations.of(model.arrays, stratified), 2, 0, 5) > 0
    cut = [(np.flatnonzero(~fold), np.flatnonzero(fold)) for fold in held]
    plain = unpenalised(fit_intercept=False)
    predicted = cross_val_predict(plain, X, y, cv=cut, method="predict_proba")[:, 1]
    assert found.predicted == pytest.approx(predicted, abs=1e-6)
    table = found.table()["corrected"]
    areas = cross_val_score(plain, X, y, cv=cut, scoring="roc_auc")
    assert table["AUC"] == pytest.approx(areas.mean(), abs=1e-6)
    assert found.test["AUC"].to_numpy() == pytest.approx(areas, abs=1e-6)
    logs = -cross_val_score(plain, X, y, cv=cut, scoring="neg_log_loss")
    assert found.test["log"].to_numpy() == pytest.approx(logs, abs=1e-6)
    assert table["Brier"] == pytest.approx(brier_score_loss(y, predicted), abs=1e-6)
    assert table["log"] == pytest.approx(log_loss(y, predicted), abs=1e-6)
    refit = unpenalised().fit(np.log(predicted / (1 - predicted))[:, None], y)
    assert table["calibration slope"] == pytest.approx(refit.coef_[0, 0], abs=1e-5)
    assert table["calibration intercept"] == pytest.approx(refit.intercept_[0], abs=1e-5)
    squared = np.square(y - predicted)
    reach = 1.959964 * squared.std(ddof=1) / math.sqrt(len(y))
    ends = found.table().loc["Brier", ["2.5%", "97.5%"]].to_numpy(float)
    assert ends == pytest.approx([squared.mean() - reach, squared.mean() + reach], abs=1e-5)


IN_RMS = OF_PACKAGES["validate"]  # 2,000 samples, or 100 cuts into 5 folds
PLACE_OF = {"passengers": "passengers_train", "nes_logit": "cases/nes_logit"}
PLACE_OF |= {"pima_tr": "cases/pima_tr", "births": "../../models/data/births"}


def in_rms(name, method):
    """A model, and what rms says of it and how far that is from as many samples as there are."""
    facts = IN_RMS[name]
    frame = pd.read_csv(DATA / f"{PLACE_OF.get(name, name)}.csv")
    formula = facts["formula"].replace("pclass", "C(pclass)")
    model = BernoulliLogistic.from_formula(formula, frame)
    assert model.n_rows == facts["n"]
    theirs = facts[method]
    shown = "corrected" if method != "cross_validation" else "test"
    table = pd.DataFrame(
        {"apparent": theirs["orig"], "corrected": theirs[shown], "mcse": theirs[f"{shown}_se"]},
        index=OF_PACKAGES["indices"],
    )
    p = model.response.mean()
    of_constant = -2 * (p * np.log(p) + (1 - p) * np.log1p(-p)) + 1 / model.n_rows
    values = table[["apparent", "corrected"]]
    # D_xy is 2 AUC - 1, and Q what the deviance is below that of a constant, and 1, for each row
    renamed = pd.DataFrame(
        {
            "AUC": (1 + values.loc["Dxy"]) / 2,
            "Brier": values.loc["B"],
            "log": (of_constant - values.loc["Q"]) / 2,
            "calibration slope": values.loc["Slope"],
            "calibration intercept": values.loc["Intercept"],
        }
    ).T
    renamed["mcse"] = table["mcse"][["Dxy", "B", "Q", "Slope", "Intercept"]].to_numpy()
    renamed.loc[["AUC", "log"], "mcse"] /= 2
    return model, renamed


def distances(found, theirs, indices):
    """In Monte Carlo standard errors of both."""
    ours = found.table().loc[indices]
    assert ours["apparent"].to_numpy() == pytest.approx(theirs["apparent"][indices], abs=1e-9)
    apart = ours["corrected"] - theirs["corrected"][indices]
    return (apart / np.hypot(ours["mcse"], theirs["mcse"][indices])).abs()


# of 55 numbers below none is 4.5 standard errors away: one would be in 1 of 1,300 seeds
@pytest.mark.parametrize("name", IN_RMS)
def test_the_bootstrap_is_that_of_rms(name):
    model, theirs = in_rms(name, "bootstrap")
    # Q has the constant of each sample
    indices = [index for index in INDICES if index != "log"]
    assert distances(validate(model, 400, seed=5), theirs, indices).max() < 4.5
    model, theirs = in_rms(name, "stratified")
    found = validate(model, 400, stratified=True, seed=5)
    assert distances(found, theirs, INDICES).max() < 4.5


@pytest.mark.parametrize("name", IN_RMS)
def test_cross_validation_is_that_of_rms(name):
    """But for its calibration, which is the mean over folds there, and of a cut as a whole here."""
    model, theirs = in_rms(name, "cross_validation")
    found = validate(model, 40, method="cross-validation", folds=5, seed=5)
    assert distances(found, theirs, ["AUC", "Brier"]).max() < 4.5
    slope = "calibration slope"
    assert theirs.loc[slope, "corrected"] > found.table().loc[slope, "corrected"]


def test_cuts_are_averaged_and_their_spread_is_the_monte_carlo_error():
    model = model_of("simulated")
    every = validate(model, 4, method="cross-validation", folds=5, seed=2)
    briers = every.test["Brier"].to_numpy().reshape(4, 5).mean(axis=1)  # folds of one size
    table = every.table()
    assert table.loc["Brier", "corrected"] == pytest.approx(briers.mean())
    assert table.loc["Brier", "mcse"] == pytest.approx(briers.std(ddof=1) / 2)
    assert table["fits"].tolist() == [20, 20, 20, 4, 4]


def overlaps(x, y):
    """Whether an intercept and a slope have an MLE, by the order of the values."""
    zeros, ones = x[y == 0], x[y == 1]
    return bool(len(zeros) and len(ones) and zeros.max() > ones.min() and ones.max() > zeros.min())


def test_the_share_of_samples_without_an_MLE_is_that_of_all_that_can_be_drawn():
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    drawn = np.array(list(itertools.product(range(6), repeat=6)))
    sets, times = np.unique(
        np.stack([(drawn == i).any(axis=1) for i in range(6)], axis=1), axis=0, return_counts=True
    )
    share = 1 - times @ [overlaps(x[rows], y[rows]) for rows in sets] / len(drawn)
    m = 1200
    found = validate(BernoulliLogistic.from_arrays(x, y, intercept=True), m, seed=8)
    assert 0.2 < share < 0.3
    # binomial: beyond 4 standard errors once in 16,000 seeds
    assert abs(found.n_lost / m - share) < 4 * math.sqrt(share * (1 - share) / m)
    counts = bootstrap_counts(Observations.of(found_rows(x, y), False), 8, range(m))
    there = [overlaps(x[each > 0], y[each > 0]) for each in counts]
    assert found.refits.exists.tolist() == there
    assert sum(map(bool, found.refits.reasons)) == found.n_lost
    assert f"{found.n_lost} of 1200 samples have no MLE" in str(found)
    assert found.table()["fits"].max() == m - found.n_lost


def found_rows(x, y):
    return BernoulliLogistic.from_arrays(x, y, intercept=True).arrays


@pytest.mark.parametrize("rare", ["b", "a"])
def test_samples_that_lack_a_level_are_counted_and_its_coefficient_is_named(rare):
    """Also where the level is the reference, of which the others are then the intercept."""
    rng = np.random.default_rng(3)
    g = np.where(np.arange(120) % 40 == 7, rare, "c")
    g[60:] = np.where(g[60:] == rare, rare, "ab".replace(rare, ""))
    frame = pd.DataFrame({"g": g, "x": rng.normal(size=120), "y": rng.integers(0, 2, 120)})
    frame.loc[frame["g"] == rare, "y"] = [0, 1, 0]
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    found = validate(model, 200, seed=1)
    counts = bootstrap_counts(Observations.of(model.arrays, False), 1, range(200))
    lacking = counts[:, (g == rare)].sum(axis=1) == 0
    assert lacking.sum() > 5
    deficient = np.array(found.refits.reasons) == "rank deficient"
    assert (deficient == lacking).all()
    assert sum(found.superfluous.values()) == lacking.sum()
    assert all(name.startswith("g[") for name in found.superfluous)
    assert "not determined in rank deficient ones" in " ".join(str(found).split()).lower()


@pytest.mark.parametrize("place", ["Parquet", "CSV", "Dask"])
@pytest.mark.parametrize("method", ["bootstrap", "cross-validation"])
def test_rows_of_files_are_drawn_as_the_same_rows_in_memory_are(
    place, method, tmp_path, monkeypatch
):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)
    frame = shoppers(1000)
    both = [
        validate(PLACES[where](frame, tmp_path, FORMULA, **ROLES), 6, method=method, seed=4)
        for where in ("memory", place)
    ]
    monkeypatch.setattr(gathering, "as_drawn", lambda model: model)  # more rows than are drawn
    if place != "Dask":
        model = PLACES[place](frame, tmp_path, FORMULA, **ROLES)
        both.append(validate(model, 6, method=method, seed=4))
    for other in both[1:]:
        assert other.refits.coefficients == pytest.approx(both[0].refits.coefficients, abs=1e-9)
        assert other.table().to_numpy() == pytest.approx(both[0].table().to_numpy(), abs=1e-8)
        assert other.refits.provenance.data_hash == both[0].refits.provenance.data_hash


def test_an_observation_of_a_weighted_row_is_drawn_as_a_row_of_its_own_is():
    X, y = simulated(80, 3, seed=6)
    weights = np.random.default_rng(1).integers(1, 5, 80)
    counted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    for method, m in (("bootstrap", 1500), ("cross-validation", 40)):
        one, two = (
            validate(model, m, method=method, seed=3).table() for model in (counted, repeated)
        )
        assert one["apparent"].to_numpy() == pytest.approx(two["apparent"].to_numpy(), abs=1e-8)
        apart = (one["corrected"] - two["corrected"]) / np.hypot(one["mcse"], two["mcse"])
        # 5 numbers beyond 4 standard errors: once in 3,000 seeds
        assert apart.abs().max() < 4


def test_an_offset_is_part_of_every_prediction():
    X, y = simulated(200, 3, seed=7)
    offset = np.linspace(-1, 1, 200)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    found = validate(model, 4, seed=1)
    expected = scores(X, y, None, found.fit.coefficients, offset)
    assert found.table()["apparent"].to_numpy() == pytest.approx(expected, abs=1e-5)
    for i, each in enumerate(found.refits.coefficients):
        assert found.test.iloc[i].to_numpy() == pytest.approx(
            scores(X, y, None, each, offset), abs=1e-5
        )


def test_no_seed_is_a_seed_that_is_stated_and_gives_the_same_again():
    model = model_of("endometrial")
    one, two = validate(model, 5, seed=None), validate(model, 5, seed=None)
    assert one.seed != two.seed
    again = validate(model, 5, seed=one.seed)
    assert again.table().equals(one.table())
    assert f"seed {one.seed}" in str(one)


def test_what_cannot_be_validated_is_one_sentence(tmp_path, monkeypatch):
    model = model_of("endometrial")
    for options, said in (
        ({"resamples": 1}, "resamples must be a whole number of at least 2, not 1"),
        ({"method": "jackknife"}, 'method must be "bootstrap" or "cross-validation"'),
        ({"method": "cross-validation", "folds": 80}, "80 folds cannot be made of 79 observations"),
        ({"folds": 5}, 'folds are of cross-validation: take method="cross-validation"'),
        ({"method": "cross-validation", "folds": 1}, "folds must be a whole number of at least 2"),
        ({"prob": 95}, "prob must lie between 0 and 1"),
        ({"stratified": "no"}, "stratified must be True or False"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            validate(model, **options)
    separated = BernoulliLogistic.from_formula("HG ~ NV", load_endometrial())
    with pytest.raises(MLEDoesNotExistError):
        validate(separated)
    monkeypatch.setattr(gathering, "MOST_NUMBERS", 100)
    monkeypatch.setattr(gathering, "as_drawn", lambda model: model)
    many = PLACES["Parquet"](shoppers(300), tmp_path, FORMULA, **ROLES)
    with pytest.raises(ValueError, match=r"validate needs all rows in memory.*random sample"):
        validate(many)


def test_a_progress_bar_changes_nothing(capsys):
    model = model_of("endometrial")
    for options in ({"resamples": 20}, {"resamples": 2, "method": "cross-validation", "folds": 3}):
        shown, plain = (validate(model, progress=bar, **options) for bar in (True, False))
        assert shown.table().equals(plain.table())
    assert capsys.readouterr().out == ""


def test_an_intercept_alone_tells_nothing_apart_and_has_no_calibration_slope():
    model = BernoulliLogistic.from_formula("grade ~ 1", load_spector())
    table = validate(model, 50, seed=1).table()
    assert table.loc["AUC", ["apparent", "corrected"]].tolist() == [0.5, 0.5]
    assert table.loc["calibration slope"].drop("fits").isna().all()
    said = str(validate(model, 50, seed=1))
    assert "Calibration slope could not be formed in 50 of the samples" in said


def test_leave_one_out_is_as_many_folds_as_observations_and_has_no_area_of_a_fold():
    model = model_of("endometrial")
    found = validate(model, 1, method="cross-validation", folds=79)
    row = 12
    keep = np.arange(79) != row
    fit = fit_newton(BernoulliLogistic.from_arrays(model.design[keep], model.response[keep]))
    chance = 1 / (1 + np.exp(-model.design[row] @ fit.coefficients))
    assert found.predicted[row] == pytest.approx(chance, abs=1e-9)
    assert np.isnan(found.table().loc["AUC", "corrected"])
    assert "AUC could not be formed in 79" in str(found)


def in_clusters(n=240, n_clusters=30, seed=3):
    X, y = simulated(n, 3, seed=seed)
    return BernoulliLogistic.from_arrays(X, y), np.arange(n) * 7 % n_clusters


def test_where_every_row_is_its_own_cluster_it_is_the_validation_of_rows():
    model, _ = in_clusters()
    labels = [f"row {i}" for i in range(240)]
    one, two = (validate(model, 20, seed=2, clusters=each) for each in (None, labels))
    assert two.table().equals(one.table())
    assert np.array_equal(one.refits.coefficients, two.refits.coefficients)
    ends = [each.coefficient_intervals("BCa").table().to_numpy() for each in (one, two)]
    assert ends[1] == pytest.approx(ends[0], abs=1e-9)
    cut, alone = (
        validate(model, 2, method="cross-validation", folds=6, seed=2, clusters=each)
        for each in (None, labels)
    )
    assert np.array_equal(cut.predicted, alone.predicted)
    scores_alone = ["apparent", "corrected", "mcse"]
    assert alone.table()[scores_alone].equals(cut.table()[scores_alone])


def test_fits_are_of_whole_clusters_and_it_is_said_of_how_many():
    model, clusters = in_clusters()
    found = validate(model, 20, seed=2, clusters=clusters)
    numbers = pd.factorize(clusters)[0]  # in the order in which they come
    counts = bootstrap_counts(Observations.of(model.arrays, False, numbers), 2, range(20))
    for weights, own in zip(counts[:3], found.refits.coefficients, strict=False):
        plain = unpenalised(fit_intercept=False).fit(model.design, model.response, weights)
        assert own == pytest.approx(plain.coef_[0], abs=1e-4)
    assert found.n_clusters == 30
    assert "20 bootstrap samples of 30 clusters of 240 observations, seed 2" in str(found)
    cut = validate(model, 1, method="cross-validation", folds=5, seed=2, clusters=clusters)
    assert cut.table()[["2.5%", "97.5%"]].isna().all(axis=None)
    said = " ".join(str(cut).split())
    assert "5 folds of 30 clusters of 240 observations" in said
    assert "no intervals: predictions in a cluster depend on one another" in said
    held = fold_counts(Observations.of(model.arrays, False, numbers), 2, 0, 5)
    fit = fit_newton(
        BernoulliLogistic.from_arrays(model.design[held[0] == 0], model.response[held[0] == 0])
    )
    expected = 1 / (1 + np.exp(-model.design[held[0] > 0] @ fit.coefficients))
    assert cut.predicted[held[0] > 0] == pytest.approx(expected, abs=1e-9)


def test_of_few_clusters_it_is_said_how_rarely_intervals_hold_the_truth():
    model, clusters = in_clusters()
    few, many = (validate(model, 20, seed=2, clusters=each) for each in (clusters, np.arange(240)))
    for shown, least in (
        (few, "81, 87 and 91 %"),
        (few.coefficient_intervals(), "87, 90 and 90 %"),
    ):
        assert f"clusters held the truth in {least}" in " ".join(str(shown).split())
    assert "held the truth" not in str(many) + str(many.coefficient_intervals())


def test_copies_of_every_row_in_its_cluster_change_no_score():
    model, _ = in_clusters()
    twice = BernoulliLogistic.from_arrays(
        np.repeat(model.design, 2, axis=0), np.repeat(model.response, 2)
    )
    one = validate(model, 20, seed=2).table()
    two = validate(twice, 20, seed=2, clusters=np.repeat(np.arange(240), 2)).table()
    assert two.to_numpy() == pytest.approx(one.to_numpy(), abs=1e-7)


def test_clusters_that_cannot_be_drawn_are_one_sentence():
    model, clusters = in_clusters()
    missing = np.where(clusters == 3, np.nan, clusters)
    by_folds = {"method": "cross-validation"}
    for options, said in (
        ({"clusters": clusters[1:]}, "'clusters' has 239 values, the data have 240 rows"),
        ({"clusters": missing}, "the cluster is missing in 8 rows; give each row one"),
        ({"clusters": np.zeros(240)}, "there is one cluster only"),
        ({"clusters": "school"}, "clusters must be one value a row, as an array or series"),
        ({"clusters": clusters, "stratified": True}, "clusters hold both"),
        ({"clusters": clusters, "folds": 31, **by_folds}, "31 folds cannot be made of 30 clusters"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            validate(model, 5, **options)


def test_clusters_of_rows_in_files_are_labels_in_their_order(tmp_path):
    frame = shoppers(300)
    clusters = np.arange(300) % 40
    models = [PLACES[where](frame, tmp_path, FORMULA, **ROLES) for where in ("memory", "Parquet")]
    one, two = (validate(model, 3, seed=4, clusters=clusters[: model.n_rows]) for model in models)
    assert two.refits.coefficients == pytest.approx(one.refits.coefficients, abs=1e-9)
    with pytest.raises(TypeError, match="clusters must be one value a row"):
        validate(models[1], 3, clusters="count")
