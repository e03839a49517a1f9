"""Figures of coefficients, read back: forests, routes, profiles."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawn import line, texts_do_not_overlap
from matplotlib.backends.backend_agg import FigureCanvasAgg
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import (
    compare_routes,
    confidence_intervals,
    plot_agreement,
    plot_forest,
    plot_profile,
    profile_curve,
)
from flatprior.models import BernoulliLogistic, fit_sklearn, load_endometrial


def test_a_forest_has_every_interval_in_standard_errors(fit, model, draws):
    figure = plot_forest({"Wald": fit, "profile": confidence_intervals(model), "posterior": draws})
    ax = figure.axes[0]
    np.testing.assert_allclose(line(ax, "Wald").get_xdata(), fit.summary()["z"])
    lengths = [
        [np.ptp(segment[:, 0]) for segment in part.get_segments()] for part in ax.collections
    ]
    np.testing.assert_allclose(lengths[0], 2 * 1.959963985, rtol=1e-6)
    profile = confidence_intervals(model).table()
    np.testing.assert_allclose(
        lengths[1], (profile["97.5%"] - profile["2.5%"]) / fit.standard_errors
    )
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Wald", "profile", "posterior"]
    texts_do_not_overlap(figure)


def test_an_open_interval_is_an_arrow():
    endometrial = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    ax = plot_forest({"profile": confidence_intervals(endometrial)}).axes[0]
    arrows = [found for found in ax.get_lines() if found.get_marker() == ">"]
    assert [list(found.get_ydata()) for found in arrows] == [[1.0]]
    assert np.isfinite(ax.get_xlim()).all()


def test_a_forest_refuses_nothing_and_different_coefficients(fit):
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_forest({})
    other = fit.summary()[["coefficient", "2.5%", "97.5%"]].iloc[:2]
    with pytest.raises(ValueError, match="different coefficients"):
        plot_forest({"a": fit, "b": other})
    with pytest.raises(ValueError, match="three columns"):
        plot_forest({"a": fit.summary()})


def test_a_forest_of_odds_ratios_has_exp_of_every_interval_on_a_log_axis(fit, model, draws):
    profile = confidence_intervals(model)
    figure = plot_forest({"Wald": fit, "profile": profile, "draws": draws}, odds_ratios=True)
    (ax,) = figure.axes
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["gpa", "tuce", "psi"]
    np.testing.assert_allclose(line(ax, "Wald").get_xdata(), np.exp(fit.coefficients[1:]))
    ratios = draws.odds_ratios()["odds ratio"].iloc[1:]
    np.testing.assert_allclose(line(ax, "draws").get_xdata(), ratios)
    for part, ends in zip(ax.collections[:2], (fit.summary(), profile.table()), strict=True):
        drawn = np.array([segment[:, 0] for segment in part.get_segments()])
        np.testing.assert_allclose(drawn, np.exp(ends[["2.5%", "97.5%"]].iloc[1:]), rtol=1e-12)
    assert [1.0, 1.0] in [list(found.get_xdata()) for found in ax.get_lines()]
    low, high = ax.get_xlim()
    shown = [float(label.get_text()) for label in ax.get_xticklabels()]
    assert shown == ax.get_xticks().tolist()
    assert 1.0 in shown
    assert 3 <= len(shown) <= 8
    assert low < min(shown) < max(shown) < high
    texts_do_not_overlap(figure)
    with pytest.raises(ValueError, match="odds ratios are not standardised"):
        plot_forest({"a": fit}, odds_ratios=True, standardised=True)
    constant = fit.summary()[["coefficient", "2.5%", "97.5%"]].iloc[:1]
    with pytest.raises(ValueError, match="an intercept alone"):
        plot_forest({"a": constant}, odds_ratios=True)


@pytest.mark.parametrize("ends", [(-0.02, 0.01), (-0.5, 0.4), (-2, 3), (2, 3), (-40, 9), (-1e4, 0)])
def test_odds_ratios_of_any_size_have_some_ticks(ends):
    frame = pd.DataFrame([[np.mean(ends), *ends]], index=["x"])
    ax = plot_forest({"a": frame}, odds_ratios=True).axes[0]
    low, high = ax.get_xlim()
    assert 0 < low < 1 < high < math.inf
    shown = [float(label.get_text()) for label in ax.get_xticklabels()]
    assert 3 <= len(shown) <= 9
    assert all(low <= tick <= high for tick in shown)
    assert len(set(shown)) == len(shown)
    texts_do_not_overlap(ax.figure)


def test_an_open_odds_ratio_is_an_arrow():
    endometrial = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    ax = plot_forest({"profile": confidence_intervals(endometrial)}, odds_ratios=True).axes[0]
    (arrow,) = [
        found for found in ax.get_lines() if found.get_marker() == ">" and len(found.get_xdata())
    ]
    assert list(arrow.get_xdata()) == pytest.approx([ax.get_xlim()[1]])


def test_agreement_draws_each_distance_and_bound_on_a_log_scale(model, fit, draws):
    agreement = compare_routes(model, fit, fit_sklearn(model), draws)
    ax = plot_agreement(agreement).axes[0]
    assert ax.get_xscale() == "log"
    bounds = [float(found.get_xdata()[0]) for found in ax.get_lines() if found.get_marker() == "|"]
    np.testing.assert_allclose(bounds, agreement.table()["error bound"])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["newton", "sklearn", "independence (mode)"]
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    zero = next(found for found in ax.get_lines() if found.get_marker() == "<")
    left = zero.get_window_extent().x0
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert max(box.x1 for box in boxes) + 2 < left  # pixels
    texts_do_not_overlap(ax.figure)


def test_a_route_without_a_bound_is_an_arrow_at_the_edge(model, fit):
    penalised = LogisticRegression(C=0.01).fit(model.design[:, 1:], model.response)
    wrong = replace(fit, coefficients=np.concatenate([penalised.intercept_, penalised.coef_[0]]))
    agreement = compare_routes(model, fit, wrong)
    assert math.isinf(agreement.table()["error bound"].iloc[1])
    ax = plot_agreement(agreement).axes[0]
    assert any(found.get_marker() == ">" for found in ax.get_lines())
    assert np.isfinite(ax.get_xlim()).all()


def test_a_profile_crosses_its_line_at_the_interval(model):
    curve = profile_curve(model, "gpa")
    ends = confidence_intervals(model).loc["gpa"]
    assert (curve.low, curve.high) == pytest.approx((ends["2.5%"], ends["97.5%"]), rel=1e-9)
    values, profile = curve.table().index.to_numpy(), curve.table()["profile"].to_numpy()
    inside = (values > curve.low) & (values < curve.high)
    assert (profile[inside] > -curve.drop - 1e-9).all()  # an end may be one of the points
    assert (profile[~inside] < -curve.drop + 1e-9).all()
    assert profile.max() <= 1e-12
    ax = plot_profile(curve).axes[0]
    assert list(line(ax, "profile likelihood").get_xdata()) == list(values)
    texts_do_not_overlap(ax.figure)


def test_the_profile_of_a_diverging_coefficient_rises_for_ever():
    endometrial = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    curve = profile_curve(endometrial, "NV", points=15)
    assert curve.estimate == math.inf
    assert curve.high == math.inf
    assert curve.low == pytest.approx(1.2841, abs=1e-4)
    assert (np.diff(curve.table()["profile"]) > 0).all()
    assert curve.table()["quadratic"].isna().all()
    labels = [text.get_text() for text in plot_profile(curve).axes[0].get_legend().get_texts()]
    assert labels == ["profile likelihood"]


def test_the_tolerance_stands_where_it_is(model, fit):
    agreement = compare_routes(model, fit, fit_sklearn(model), tolerance=3e-5)
    ax = plot_agreement(agreement).axes[0]
    dashed = [found for found in ax.get_lines() if found.get_linestyle() == "--"]
    assert [list(found.get_xdata()) for found in dashed] == [[3e-5, 3e-5]]


def test_a_profile_names_its_ends_and_has_walds_parabola(model, fit):
    curve = profile_curve(model, "gpa")
    ax = plot_profile(curve).axes[0]
    assert [text.get_text() for text in ax.texts] == [f"{curve.low:.4g}", f"{curve.high:.4g}"]
    j = fit.names.index("gpa")
    values = curve.table().index.to_numpy()
    expected = -(((values - fit.coefficients[j]) / fit.standard_errors[j]) ** 2) / 2
    np.testing.assert_allclose(curve.table()["quadratic"], expected)
    np.testing.assert_allclose(line(ax, "quadratic (Wald)").get_ydata(), expected)
    for points in (0, 2):
        with pytest.raises(ValueError, match="at least 3"):
            profile_curve(model, "gpa", points=points)


def test_bars_of_a_forest_stand_in_the_rows_of_their_names(model, fit):
    figure = plot_forest({"Wald": fit, "profile": confidence_intervals(model)}, standardised=False)
    ax = figure.axes[0]
    for part, frame in zip(
        ax.collections,
        (fit.summary()[["2.5%", "97.5%"]], confidence_intervals(model)[["2.5%", "97.5%"]]),
        strict=True,
    ):
        for i, segment in enumerate(part.get_segments()):
            np.testing.assert_allclose(segment[:, 0], frame.iloc[i])
            assert abs(segment[0, 1] - i) < 0.5


def test_intervals_of_other_confidence_have_the_same_standard_errors(model, fit):
    ninety = plot_forest({"90%": confidence_intervals(model, 0.9, "wald"), "Wald": fit})
    lengths = [np.ptp(s[:, 0]) for s in ninety.axes[0].collections[1].get_segments()]
    np.testing.assert_allclose(lengths, 2 * 1.959963985, rtol=1e-6)


def test_open_intervals_do_not_depend_on_the_unit():
    frame = load_endometrial()
    drawn = []
    for unit in (1, 1000):
        model = BernoulliLogistic.from_formula(
            "HG ~ NV + PI + EH", frame.assign(NV=frame.NV * unit)
        )
        ax = plot_forest({"profile": confidence_intervals(model)}).axes[0]
        drawn.append(ax.collections[0].get_segments()[1][0, 0])
        assert ax.get_yticklabels()[1].get_text() == "NV *"
        assert "finite end" in ax.get_xlabel()
    assert drawn == pytest.approx([1.0, 1.0])
    every = pd.DataFrame([[np.nan, -np.inf, np.inf]], index=["a"], columns=["c", "2.5%", "97.5%"])
    assert np.isfinite(plot_forest({"none": every}).axes[0].get_xlim()).all()


def test_a_profile_meets_its_line_at_the_ends_of_the_interval(model):
    curve = profile_curve(model, "gpa", prob=0.9, points=21)
    ax = plot_profile(curve).axes[0]
    levels = [set(each.get_ydata()) for each in ax.lines if each.get_linestyle() == "--"]
    assert levels == [{-curve.drop}]
    ends = next(each for each in ax.lines if each.get_marker() == "o")
    assert list(ends.get_xdata()) == [curve.low, curve.high]
    assert set(ends.get_ydata()) == {-curve.drop}


def test_a_forest_of_many_levels_is_a_screen_long_and_says_so():
    names = [f"clinic[T.{i:04d}]" for i in range(500)]
    frame = pd.DataFrame({"point": 0.0, "2.5%": -1.0, "97.5%": np.arange(500.0)}, index=names)
    figure = plot_forest({"Wald": frame}, standardised=False)
    ax = figure.axes[0]
    assert len(ax.get_yticklabels()) == 40
    assert "the first 40 of 500 coefficients" in ax.get_xlabel()
    assert ax.get_xlim()[1] < 50  # nothing of what is not drawn
    assert figure.get_size_inches()[1] < 14
    texts_do_not_overlap(figure)
    few = plot_forest({"Wald": frame.iloc[:40]}).axes[0]
    assert "coefficients" not in few.get_xlabel()


def test_agreement_of_very_many_coefficients_has_the_furthest(model, fit):
    k = 1000
    far = np.linspace(0, 1, k)
    names = tuple(f"b{i}" for i in range(k))
    mle = replace(fit, names=names, coefficients=np.zeros(k), covariance=np.eye(k))
    other = replace(mle, coefficients=far, route="map")
    agreement = compare_routes(model, fit, replace(fit, route="map"))
    judged = [
        replace(each, estimate=one)
        for each, one in zip(agreement.routes, (mle, other), strict=True)
    ]
    ax = plot_agreement(replace(agreement, mle=mle, routes=tuple(judged))).axes[0]
    assert "the furthest 400 of 1000 coefficients" in ax.get_xlabel()
    drawn = [each.get_xdata() for each in ax.get_lines() if each.get_marker() == "o"]
    assert np.array_equal(drawn[1], far[-400:])
