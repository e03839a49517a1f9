"""Bootstrap intervals are quantiles of the estimates, wherever fits that do not exist are put."""

import itertools

import numpy as np
import pytest
from scipy.special import logit, ndtr, ndtri
from scipy.stats import binom

from flatprior.analysis import validate
from flatprior.analysis.validation.coefficient_intervals import (
    accelerations,
    bootstrap_intervals,
    without_ends,
)
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, load_spector, refit

ENDS = ["2.5%", "97.5%"]


def estimated():
    model = BernoulliLogistic.from_formula("HG ~ PI + EH", load_endometrial())
    return model, fit_newton(model)


def test_percentile_ends_are_the_quantiles_of_the_estimates():
    _, fit = estimated()
    drawn = fit.coefficients + np.random.default_rng(1).normal(size=(500, 3))
    found = bootstrap_intervals(fit, drawn, np.zeros(3), "percentile", 0.95)
    ends = found[ENDS].to_numpy().T
    assert ends == pytest.approx(np.quantile(drawn, [0.025, 0.975], axis=0))
    assert found["SE"].to_numpy() == pytest.approx(drawn.std(axis=0, ddof=1))
    assert found["bias"].to_numpy() == pytest.approx(drawn.mean(axis=0) - fit.coefficients)


def test_ends_hold_wherever_the_fits_that_do_not_exist_are_put():
    _, fit = estimated()
    drawn = fit.coefficients + np.random.default_rng(1).normal(size=(500, 3))
    some = drawn.copy()
    some[:5] = np.nan
    found = bootstrap_intervals(fit, some, np.zeros(3), "percentile", 0.95)
    rng = np.random.default_rng(2)
    for _ in range(50):
        some[:5] = rng.choice([-1e9, 1e9, 0.0], size=(5, 3))
        low, high = np.quantile(some, [0.025, 0.975], axis=0)
        assert (found[ENDS[0]] <= low + 1e-9).all()
        assert (found[ENDS[1]] >= high - 1e-9).all()
    assert np.isfinite(found[ENDS].to_numpy()).all()
    some[:20] = np.nan  # 4 %
    found = bootstrap_intervals(fit, some, np.zeros(3), "percentile", 0.95)
    assert np.isinf(found[ENDS].to_numpy()).all()
    assert without_ends(found)[0].startswith("too many samples have no MLE for an end of Intercept")


@pytest.mark.parametrize("acceleration", [0.0, -0.04, 0.04])
def test_BCa_ends_are_the_furthest_of_all_places_of_the_fits_that_do_not_exist(acceleration):
    _, fit = estimated()
    rng, lost = np.random.default_rng(3), 3
    some = fit.coefficients + rng.normal(scale=fit.standard_errors, size=(600, 3))
    some[:lost] = np.nan
    a = np.full(3, acceleration)
    found = bootstrap_intervals(fit, some, a, "BCa", 0.95)[ENDS].to_numpy()
    assert np.isfinite(found).all()
    # just beside the estimate and far away, each on both sides: the furthest ends are among these
    reach = np.array([-1e9, -1e-5, 1e-5, 1e9])
    ends = []
    for places in itertools.combinations_with_replacement(reach, lost):
        some[:lost] = fit.coefficients + np.array(places)[:, None] * fit.standard_errors
        ends.append(bootstrap_intervals(fit, some, a, "BCa", 0.95)[ENDS].to_numpy())
    low, high = np.min(ends, axis=0)[:, 0], np.max(ends, axis=0)[:, 1]
    assert found == pytest.approx(np.column_stack([low, high]), abs=1e-4)
    for _ in range(20):
        some[:lost] = fit.coefficients + rng.normal(scale=3, size=(lost, 3))
        one = bootstrap_intervals(fit, some, a, "BCa", 0.95)[ENDS].to_numpy()
        assert (found[:, 0] <= one[:, 0] + 1e-9).all()
        assert (found[:, 1] >= one[:, 1] - 1e-9).all()


def test_where_there_may_be_no_BCa_interval_the_coefficient_and_the_remedy_are_named():
    _, fit = estimated()
    some = fit.coefficients + np.random.default_rng(1).normal(size=(500, 3))
    some[:5] = np.nan
    some[5:, 2] = fit.coefficients[2] + 1.0  # all above, but for those five
    found = bootstrap_intervals(fit, some, np.zeros(3), "BCa", 0.95)
    assert found[ENDS].isna().all(axis=1).tolist() == [False, False, True]
    (said,) = without_ends(found)
    assert said.startswith("no BCa interval of EH: ")
    assert said.endswith("kind='percentile' has one")


def test_accelerations_are_those_of_the_jackknife():
    model, fit = estimated()
    n = model.n_rows
    left_out = refit(model, 1.0 - np.eye(n)).coefficients
    away = left_out.mean(axis=0) - left_out
    jackknife = (away**3).sum(axis=0) / (6 * (away**2).sum(axis=0) ** 1.5)
    # the infinitesimal jackknife takes no row out altogether: leverages of rows are lacking
    assert accelerations(model, fit) == pytest.approx(jackknife, abs=0.02)
    assert np.abs(jackknife).max() > 0.03


def test_repeated_rows_and_weights_have_the_same_acceleration():
    model, fit = estimated()
    twice = BernoulliLogistic.from_arrays(
        model.design, model.response, frequency_weights=np.full(model.n_rows, 3)
    )
    found = accelerations(twice, fit_newton(twice))
    assert found == pytest.approx(accelerations(model, fit) / np.sqrt(3), rel=1e-6)


@pytest.mark.parametrize("acceleration", [0.0, 0.08])
def test_BCa_ends_are_exact_where_a_function_of_the_estimate_is_normal(acceleration):
    """Efron's model: the function has a bias of z and a standard error that grows with it."""
    _, fit = estimated()
    z, m = 0.2, 4001
    normal = ndtri((np.arange(m) + 0.5) / m)
    drawn = np.sinh(np.arcsinh(fit.coefficients) + (normal - z)[:, None])  # any function
    found = bootstrap_intervals(fit, drawn, np.full(3, acceleration), "BCa", 0.95)
    for end, quantile in zip(ENDS, (-1.959964, 1.959964), strict=True):
        away = (z + quantile) / (1 - acceleration * (z + quantile))
        expected = np.sinh(np.arcsinh(fit.coefficients) + away)
        assert found[end].to_numpy() == pytest.approx(expected, rel=0.02, abs=0.02)


def test_BCa_of_a_lone_intercept_is_that_of_all_samples_though_rounding_hides_ties():
    """The number of events in a sample is binomial: its exact distribution, 100,000 samples."""
    n, events = 40, 6
    y = np.repeat([0.0, 1.0], [n - events, events])
    fit = fit_newton(model := BernoulliLogistic.from_arrays(np.ones((n, 1)), y))
    law = binom(n, events / n)
    number = law.ppf((np.arange(100_000) + 0.5) / 100_000).clip(1)
    rounding = np.random.default_rng(1).normal(scale=1e-12, size=len(number))
    drawn = (logit(number / n) + rounding)[:, None]
    found = bootstrap_intervals(fit, drawn, accelerations(model, fit), "BCa", 0.95)
    bias = ndtri(law.cdf(events - 1) + law.pmf(events) / 2)
    acceleration = (1 - 2 * events / n) / (6 * law.std())
    for end, quantile in zip(ENDS, (-1.959964, 1.959964), strict=True):
        moved = bias + quantile
        level = ndtr(bias + moved / (1 - acceleration * moved))
        expected = logit(law.ppf(level) / n)
        assert found.loc["x1", end] == pytest.approx(expected, abs=1e-6)
    plain = bootstrap_intervals(fit, drawn, accelerations(model, fit), "percentile", 0.95)
    assert found.loc["x1", ENDS[1]] > plain.loc["x1", ENDS[1]]


def test_intervals_of_a_validation_are_of_its_samples_and_of_none_after_cross_validation():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    found = validate(model, 200, seed=1)
    assert found.n_lost > 10
    assert np.isinf(found.coefficient_intervals()[ENDS].to_numpy()).all()
    narrow = found.coefficient_intervals(prob=0.5).table()
    assert np.isfinite(narrow[["25%", "75%"]].to_numpy()).all()
    with pytest.raises(ValueError, match='validate with method="bootstrap"'):
        validate(model, 1, method="cross-validation").coefficient_intervals()


def test_of_clusters_they_are_those_of_the_jackknife_over_clusters():
    model, fit = estimated()
    clusters = np.arange(model.n_rows) % 12
    more, less = (
        refit(model, 1000.0 + change * np.eye(12)[:, clusters]).coefficients for change in (1, -1)
    )
    away = more - less  # by a thousandth each: the infinitesimal jackknife
    jackknife = (away**3).sum(axis=0) / (6 * (away**2).sum(axis=0) ** 1.5)
    found = accelerations(model, fit, clusters)
    assert found == pytest.approx(jackknife, abs=1e-5)
    assert np.abs(found - accelerations(model, fit)).max() > 0.01
    alone = accelerations(model, fit, np.arange(model.n_rows))
    assert alone == pytest.approx(accelerations(model, fit), rel=1e-9)


def test_a_cluster_of_copies_is_a_row_drawn_as_a_whole():
    """All sums are then twice those of rows, which changes no acceleration."""
    model, fit = estimated()
    twice = BernoulliLogistic.from_arrays(
        model.design, model.response, frequency_weights=np.full(model.n_rows, 2)
    )
    found = accelerations(twice, fit_newton(twice), np.arange(model.n_rows))
    assert found == pytest.approx(accelerations(model, fit), rel=1e-6)
