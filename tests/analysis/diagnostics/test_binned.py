"""Binned residuals, held against sums over the rows one by one."""

import math

import numpy as np
import pytest

from flatprior.analysis import binned_residuals
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_smarket,
    load_spector,
    sample_independence,
)


def of(p, rng, **options):
    """A model whose outcomes come with these probabilities."""
    outcome = (rng.random(len(p)) < p).astype(int)
    outcome[:2] = 0, 1
    return BernoulliLogistic.from_arrays(np.ones((len(p), 1)), outcome, **options)


def test_bins_are_means_over_rows_in_the_order_of_their_probability():
    rng = np.random.default_rng(1)
    p = rng.random(400)
    model = of(p, rng)
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
    outcomes = of(p, rng)
    right = binned_residuals(outcomes, p)
    assert len(right.table()) == 200
    # binomial(200, 0.0455) is beyond 24 with probability 1e-5
    assert right.outside == right.is_outside.sum() <= 24
    assert binned_residuals(outcomes, np.square(p)).outside > 100


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
    found = binned_residuals(of(p, rng), p)
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
        binned_residuals(of(rng.random(20), rng), rng.random(20), bins=0)
