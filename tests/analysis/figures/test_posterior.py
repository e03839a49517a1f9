"""Figures of draws, read back."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import line, texts_do_not_overlap
from scipy.stats import chi2, norm

from flatprior.analysis import plot_draws, plot_posterior, posterior_mode
from flatprior.analysis.figures.posterior import MOST_PANELS
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence


def test_posterior_panels_mark_mle_mean_and_mode(fit, draws):
    mode = posterior_mode(draws)
    figure = plot_posterior(draws, fit, mode)
    for j, ax in enumerate(figure.axes):
        assert ax.get_title() == fit.names[j]
        assert line(ax, "MLE").get_xdata()[0] == fit.coefficients[j]
        assert line(ax, "mean").get_xdata()[0] == pytest.approx(draws.draws[..., j].mean())
        assert list(line(ax, "mode of the draws").get_xdata()) == [mode.coefficients[j]]
        density = line(ax, "posterior")
        area = np.trapezoid(density.get_ydata(), density.get_xdata())
        assert area == pytest.approx(1, abs=0.02)
    texts_do_not_overlap(figure)
    assert len(plot_posterior(draws, fit, names=["gpa"]).axes) == 1
    with pytest.raises(ValueError, match="no coefficient 'height'"):
        plot_posterior(draws, fit, names=["height"])


def test_a_coefficient_that_never_moved_has_no_density(fit, draws):
    beta = draws.draws.copy()
    beta[..., 1] = 2.5
    stuck = replace(draws, data=labelled_draws_of(draws, beta))
    density = line(plot_posterior(stuck, fit).axes[1], "posterior")
    assert not density.get_ydata().any()


def labelled_draws_of(draws, beta):
    tree = draws.data.copy()
    tree["posterior"]["beta"] = tree["posterior"]["beta"].copy(data=beta)
    return tree


def test_many_coefficients_show_the_twelve_that_differ_most():
    rng = np.random.default_rng(2)
    many = BernoulliLogistic.from_arrays(rng.normal(size=(300, 15)), rng.integers(0, 2, 300))
    mle = fit_newton(many)
    draws = sample_independence(many, draws=200, seed=1, progress=False)
    shown = [ax.get_title() for ax in plot_posterior(draws, mle).axes if ax.get_visible()]
    assert len(shown) == MOST_PANELS
    shift = np.abs(draws.draws.mean(axis=(0, 1)) - mle.coefficients) / mle.standard_errors
    assert set(shown) == {many.names[j] for j in np.argsort(-shift)[:MOST_PANELS]}


def test_no_draw_lies_left_of_the_mle(model, fit, draws):
    ax = plot_draws(model, draws, fit).axes[0]
    assert line(ax, "MLE").get_xdata()[0] == 0
    curve = line(ax, "chi-squared(4)")
    np.testing.assert_allclose(curve.get_ydata(), chi2.pdf(curve.get_xdata(), 4))
    assert ax.get_xlim()[0] > -1


def test_the_normal_curve_of_a_density_is_walds(fit, draws):
    ax = plot_posterior(draws, fit).axes[1]
    curve = line(ax, "normal (Wald)")
    expected = norm.pdf(curve.get_xdata(), fit.coefficients[1], fit.standard_errors[1])
    np.testing.assert_allclose(curve.get_ydata(), expected)


def test_draws_above_the_maximum_are_seen(model, fit, draws):
    away = replace(fit, coefficients=fit.coefficients + fit.standard_errors)
    below = 2 * (model.log_likelihood(fit.coefficients) - model.log_likelihood(away.coefficients))
    assert below > 3
    ax = plot_draws(model, draws, away).axes[0]
    vertices = ax.patches[0].get_path().vertices
    assert vertices[:, 0].min() < -0.9 * below + 1
    # what an estimate states of its own likelihood is not drawn
    stated = replace(fit, log_likelihood=fit.log_likelihood - 2)
    ax = plot_draws(model, draws, stated).axes[0]
    assert ax.patches[0].get_path().vertices[:, 0].min() >= 0
