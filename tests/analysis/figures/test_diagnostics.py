"""Calibration and influence, read back from their figures."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import line, names_on_points, texts_do_not_overlap

from flatprior.analysis import (
    binned_residuals,
    calibration_curve,
    diagnose,
    plot_binned_residuals,
    plot_calibration,
    plot_influence,
    plot_model,
    psis_loo,
)
from flatprior.analysis.figures.style import MOST_POINTS
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_births,
    load_spector,
    sample_independence,
)


def test_calibration_draws_the_curve_and_thins_what_is_long():
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    model = BernoulliLogistic.from_arrays(np.ones((3000, 1)), (rng.random(3000) < p).astype(int))
    curve = calibration_curve(model, p, simulations=50)
    ax = plot_calibration(curve).axes[0]
    drawn = line(ax, "observed frequency")
    assert len(drawn.get_xdata()) <= MOST_POINTS
    assert drawn.get_xdata()[0] == curve.table()["predicted"].iloc[0]
    assert drawn.get_xdata()[-1] == curve.table()["predicted"].iloc[-1]
    assert ax.get_xlim() == (0, 1)


def test_influence_draws_every_row_and_names_the_largest(model, fit, draws):
    found, loo = diagnose(model, fit), psis_loo(model, draws)
    figure = plot_influence(found, loo)
    drawn = np.concatenate([part.get_xdata() for part in figure.axes[0].get_lines()[1:]])
    np.testing.assert_allclose(np.sort(drawn), np.sort(found.table()["leverage"]))
    named = [text.get_text() for text in figure.axes[0].texts]
    assert str(found.most_influential(1).index[0]) in named
    assert len(plot_influence(found).axes) == 1
    half = psis_loo(*results_of_fewer_rows())
    with pytest.raises(ValueError, match="different rows"):
        plot_influence(found, half)


def test_of_rows_in_files_the_rows_that_were_kept_are_drawn_and_the_curve_of_bins(tmp_path):
    load_spector().to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "grade ~ gpa + psi")
    fit = fit_newton(model)
    found = diagnose(model, fit, most=7)
    ax = plot_influence(found).axes[0]
    drawn = np.concatenate([part.get_xdata() for part in ax.get_lines()[1:]])
    np.testing.assert_allclose(np.sort(drawn), np.sort(found.table()["leverage"]))
    assert len(drawn) == 7
    assert str(found.table().index[0]) in [text.get_text() for text in ax.texts]
    curve = calibration_curve(model, fit, simulations=20)
    steps = line(plot_calibration(curve).axes[0], "observed frequency")
    np.testing.assert_allclose(steps.get_ydata(), curve.table()["calibrated"])
    assert plot_model(model).axes


def results_of_fewer_rows():
    model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector().iloc[:30])
    return model, sample_independence(model, draws=200, seed=1, progress=False)


def test_of_many_rows_the_influential_ones_are_drawn():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(5000, 2))
    X[17] *= 12
    y = rng.integers(0, 2, 5000)
    many = BernoulliLogistic.from_arrays(X, y, intercept=True)
    found = diagnose(many, fit_newton(many))
    figure = plot_influence(found)
    drawn = np.concatenate([part.get_xdata() for part in figure.axes[0].get_lines()[1:]])
    assert len(drawn) <= 2 * MOST_POINTS
    assert found.table()["leverage"].max() in drawn


def test_calibration_has_its_envelope_and_its_counts(model, fit):
    curve = calibration_curve(model, fit)
    ax = plot_calibration(curve).axes[0]
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(curve.table()["97.5%"].max())
    assert band[:, 1].min() == pytest.approx(curve.table()["2.5%"].min())
    edges = np.array([bar.get_x() for bar in ax.patches] + [1.0])
    counts, _ = np.histogram(
        curve.table()["predicted"], edges, weights=curve.table()["observations"]
    )
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights / heights.max(), counts / counts.max())


def test_one_prediction_is_a_point_and_rare_events_fill_the_plot():
    constant = BernoulliLogistic.from_formula("grade ~ 1", load_spector())
    ax = plot_calibration(calibration_curve(constant, fit_newton(constant))).axes[0]
    assert line(ax, "observed frequency").get_marker() == "o"
    rng = np.random.default_rng(1)
    p = rng.uniform(0.001, 0.02, 2000)
    rare = BernoulliLogistic.from_arrays(np.ones((2000, 1)), (rng.random(2000) < p).astype(int))
    ax = plot_calibration(calibration_curve(rare, p, simulations=50)).axes[0]
    assert ax.get_xlim()[1] < 0.05


def test_bad_pareto_k_are_squares_above_the_line_and_sizes_grow(model, fit):
    found = diagnose(model, fit)
    loo = psis_loo(model, sample_independence(model, seed=1, progress=False))
    k = loo.pareto_k.copy()
    k[3] = 0.95
    figure = plot_influence(found, replace(loo, pareto_k=k))
    good, bad = figure.axes[1].get_lines()[:2]
    assert (list(bad.get_xdata()), bad.get_marker()) == ([3], "s")
    assert len(good.get_xdata()) == 31
    assert [text.get_text() for text in figure.axes[1].texts][-1] == "3"
    sizes = [part.get_markersize() for part in figure.axes[0].get_lines()[1:]]
    assert sizes == sorted(sizes)
    cook = found.table()["Cook's distance"].to_numpy()
    largest = figure.axes[0].get_lines()[-1]
    assert list(largest.get_xdata()) == [found.table()["leverage"].to_numpy()[cook.argmax()]]


def test_binned_residuals_are_drawn_inside_and_outside_of_their_band():
    rng = np.random.default_rng(4)
    p = rng.random(900)
    outcome = (rng.random(900) < np.square(p)).astype(int)
    model = BernoulliLogistic.from_arrays(np.ones((900, 1)), outcome)
    found = binned_residuals(model, p)
    figure = plot_binned_residuals(found)
    (ax,) = figure.axes
    table, outside = found.table(), found.is_outside
    assert 0 < outside.sum() < len(table)
    for label, these in (
        (f"within ({30 - outside.sum()})", ~outside),
        (f"outside ({outside.sum()})", outside),
    ):
        drawn = line(ax, label)
        assert drawn.get_xdata().tolist() == table["predicted"][these].tolist()
        assert drawn.get_ydata().tolist() == table["residual"][these].tolist()
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].max() == table["2 SE"].max() == -corners[:, 1].min()
    texts_do_not_overlap(figure)
    constant = BernoulliLogistic.from_arrays(np.ones((8, 1)), [0, 1] * 4)
    alone = plot_binned_residuals(binned_residuals(constant, fit_newton(constant)))
    assert line(alone.axes[0], "within (1)").get_ydata() == pytest.approx([0.0])


def test_names_of_influential_rows_cover_no_point():
    model = BernoulliLogistic.from_formula("low ~ lwt + C(race) + smoke", load_births())
    ax = plot_influence(diagnose(model, fit_newton(model))).axes[0]
    covered = names_on_points(ax)
    assert len(covered) >= 4
    assert set(covered.values()) == {0}


def test_a_name_between_points_covers_as_few_as_it_can():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(700, 2))
    y = (rng.random(700) < 0.5).astype(float)
    model = BernoulliLogistic.from_arrays(X, y, intercept=True)
    ax = plot_influence(diagnose(model, fit_newton(model))).axes[0]
    covered = names_on_points(ax)
    assert covered
    assert max(covered.values()) <= 3
