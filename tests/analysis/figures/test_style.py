"""What the figures show, read back from them."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from reports import NASTY, results
from scipy.stats import chi2, norm
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import (
    calibration_curve,
    compare_models,
    compare_routes,
    confidence_intervals,
    diagnose,
    plot_agreement,
    plot_calibration,
    plot_comparison,
    plot_draws,
    plot_forest,
    plot_influence,
    plot_model,
    plot_posterior,
    plot_profile,
    plot_surface,
    posterior_mode,
    profile_curve,
    psis_loo,
)
from flatprior.analysis.figures.posterior import MOST_PANELS
from flatprior.analysis.figures.style import MOST_POINTS, Drawing
from flatprior.analysis.report.svg import inline_svg
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_endometrial,
    load_smarket,
    load_spector,
    sample_independence,
)


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())


@pytest.fixture(scope="module")
def fit(model):
    return fit_newton(model)


@pytest.fixture(scope="module")
def draws(model):
    return sample_independence(model, seed=1, progress=False)


def line(ax, label):
    return next(found for found in ax.get_lines() if found.get_label() == label)


def texts_do_not_overlap(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for ax in figure.axes:
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            boxes = [label.get_window_extent(renderer) for label in labels if label.get_text()]
            boxes = [box for box in boxes if box.width]
            for i, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[:i])


def test_a_figure_shows_itself_in_a_notebook(fit):
    assert plot_forest({"Wald": fit})._repr_png_().startswith(b"\x89PNG")


def test_a_forest_has_every_interval_in_standard_errors(fit, model, draws):
    figure = plot_forest({"Wald": fit, "profile": confidence_intervals(model), "posterior": draws})
    ax = figure.axes[0]
    np.testing.assert_allclose(line(ax, "Wald").get_xdata(), fit.summary()["z"])
    lengths = [
        [np.ptp(segment[:, 0]) for segment in part.get_segments()] for part in ax.collections
    ]
    np.testing.assert_allclose(lengths[0], 2 * 1.959963985, rtol=1e-6)
    profile = confidence_intervals(model)
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


def test_agreement_draws_each_distance_and_bound_on_a_log_scale(model, fit, draws):
    agreement = compare_routes(model, fit, fit_sklearn(model), draws)
    ax = plot_agreement(agreement).axes[0]
    assert ax.get_xscale() == "log"
    bounds = [float(found.get_xdata()[0]) for found in ax.get_lines() if found.get_marker() == "|"]
    np.testing.assert_allclose(bounds, agreement.table()["error bound"])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["newton", "sklearn", "independence (mode)"]
    texts_do_not_overlap(ax.figure)


def test_a_route_without_a_bound_is_an_arrow_at_the_edge(model, fit):
    penalised = LogisticRegression(C=0.01).fit(model.design[:, 1:], model.response)
    wrong = replace(fit, coefficients=np.concatenate([penalised.intercept_, penalised.coef_[0]]))
    agreement = compare_routes(model, fit, wrong)
    assert math.isinf(agreement.table()["error bound"].iloc[1])
    ax = plot_agreement(agreement).axes[0]
    assert any(found.get_marker() == ">" for found in ax.get_lines())
    assert np.isfinite(ax.get_xlim()).all()


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


@pytest.mark.parametrize("names", [("Intercept", "gpa"), ("gpa", "psi")])
def test_a_surface_has_its_top_at_the_mle_and_paths_that_end_there(model, fit, names):
    ax = plot_surface(model, names).axes[0]
    j = [fit.names.index(name) for name in names]
    np.testing.assert_allclose(ax.get_lines()[-1].get_xydata()[0], fit.coefficients[j])
    for found in ax.get_lines()[:-1]:
        path = found.get_xydata()
        np.testing.assert_array_equal(path[0], 0)
        if "gradient" not in found.get_label():
            np.testing.assert_allclose(path[-1], fit.coefficients[j], rtol=1e-4)


def test_contours_of_a_surface_are_likelihood_ratio_regions():
    data = load_spector()
    two = BernoulliLogistic.from_formula("grade ~ gpa", data)
    mle = fit_newton(two)
    ax = plot_surface(two, paths={}).axes[0]
    inner = ax.collections[-1]
    for level, p in zip(inner.levels, (0.999, 0.99, 0.9, 0.5), strict=True):
        assert level == pytest.approx(-chi2.ppf(p, 2) / 2)
    for path, level in zip(inner.get_paths(), inner.levels, strict=True):
        points = path.vertices[:: max(1, len(path.vertices) // 40)]
        height = two.log_likelihood(points) - mle.log_likelihood
        np.testing.assert_allclose(height, level, atol=0.06 * abs(level) + 0.03)


def test_a_surface_in_either_order_of_names_is_of_the_same_function():
    two = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    mle = fit_newton(two)
    ax = plot_surface(two, ("gpa", "Intercept"), paths={}).axes[0]
    for path, level in zip(ax.collections[-1].get_paths(), ax.collections[-1].levels, strict=True):
        points = path.vertices[:: max(1, len(path.vertices) // 40)][:, ::-1]
        height = two.log_likelihood(points) - mle.log_likelihood
        np.testing.assert_allclose(height, level, atol=0.06 * abs(level) + 0.03)


def test_a_surface_needs_two_known_coefficients(model):
    with pytest.raises(ValueError, match="two coefficients"):
        plot_surface(BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1]))
    with pytest.raises(ValueError, match="no coefficient 'age'"):
        plot_surface(model, ("gpa", "age"))


def test_a_profile_crosses_its_line_at_the_interval(model):
    curve = profile_curve(model, "gpa")
    ends = confidence_intervals(model).loc["gpa"]
    assert (curve.low, curve.high) == pytest.approx((ends["2.5%"], ends["97.5%"]), rel=1e-9)
    values, profile = curve.table.index.to_numpy(), curve.table["profile"].to_numpy()
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
    assert (np.diff(curve.table["profile"]) > 0).all()
    assert curve.table["quadratic"].isna().all()
    labels = [text.get_text() for text in plot_profile(curve).axes[0].get_legend().get_texts()]
    assert labels == ["profile likelihood"]


def test_calibration_draws_the_curve_and_thins_what_is_long():
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    model = BernoulliLogistic.from_arrays(np.ones((3000, 1)), (rng.random(3000) < p).astype(int))
    curve = calibration_curve(model, p, simulations=50)
    ax = plot_calibration(curve).axes[0]
    drawn = line(ax, "observed frequency")
    assert len(drawn.get_xdata()) <= MOST_POINTS
    assert drawn.get_xdata()[0] == curve.table["predicted"].iloc[0]
    assert drawn.get_xdata()[-1] == curve.table["predicted"].iloc[-1]
    assert ax.get_xlim() == (0, 1)


def test_influence_draws_every_row_and_names_the_largest(model, fit, draws):
    found, loo = diagnose(model, fit), psis_loo(model, draws)
    figure = plot_influence(found, loo)
    drawn = np.concatenate([part.get_xdata() for part in figure.axes[0].get_lines()[1:]])
    np.testing.assert_allclose(np.sort(drawn), np.sort(found.table["leverage"]))
    named = [text.get_text() for text in figure.axes[0].texts]
    assert str(found.most_influential(1).index[0]) in named
    assert len(plot_influence(found).axes) == 1
    half = psis_loo(*results_of_fewer_rows())
    with pytest.raises(ValueError, match="different rows"):
        plot_influence(found, half)


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
    assert found.table["leverage"].max() in drawn


def test_comparison_draws_differences_and_their_errors(model, draws):
    small = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    models = {"all": model, "gpa only": small}
    alone = compare_models(models)
    ax = plot_comparison(alone).axes[0]
    aic = alone.table()["AIC"]
    np.testing.assert_allclose(line(ax, "−AIC / 2").get_xdata(), (aic.min() - aic) / 2)
    both = compare_models(
        models, {"all": draws, "gpa only": sample_independence(small, seed=2, progress=False)}
    )
    ax = plot_comparison(both).axes[0]
    np.testing.assert_allclose(
        line(ax, "elpd_loo (1 and 2 SE of the difference)").get_xdata(),
        both.table()["elpd_diff"],
    )


def test_the_graph_of_the_model_names_what_is_in_it(model):
    said = {text.get_text() for text in plot_model(model).axes[0].texts}
    assert {"flat prior", "β (4)", "x", "p = σ(x'β)", "grade", "32 rows"} <= said


def test_every_figure_takes_names_as_text():
    agreement, comparison = results()
    model, posterior = agreement.model, agreement.posteriors[0]
    figures = [
        plot_forest({NASTY[0]: agreement.mle}),
        plot_agreement(agreement),
        plot_posterior(posterior, agreement.mle),
        plot_comparison(comparison),
        plot_model(model),
        plot_profile(profile_curve(model, NASTY[3], points=7)),
        plot_influence(diagnose(model, agreement.mle)),
    ]
    for figure in figures:
        assert isinstance(figure, Drawing)
        svg = inline_svg(figure, "f", "t")  # a name read as mathematics would be an error here
        assert "<script" not in svg
        assert "<img" not in svg


def test_a_figure_can_be_drawn_into_axes_of_ones_own(fit):
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.subplots()
    assert plot_forest({"Wald": fit}, ax=ax) is figure
    assert isinstance(ax.get_yticklabels()[0].get_text(), str)
    assert pd.Series([t.get_text() for t in ax.get_yticklabels()]).tolist() == list(fit.names)


def test_contour_labels_stand_on_their_contours():
    two = BernoulliLogistic.from_formula("Direction ~ Lag1", load_smarket())
    mle = fit_newton(two)
    ax = plot_surface(two, paths={}).axes[0]
    named = {text.get_text(): text.get_position() for text in ax.texts}
    assert {"50%", "90%", "99%"} <= set(named)
    for name, point in named.items():
        drop = 2 * (mle.log_likelihood - two.log_likelihood(point))
        assert chi2.cdf(drop, 2) == pytest.approx(float(name.rstrip("%")) / 100, abs=0.02)


def test_a_surface_refuses_one_coefficient_twice_and_says_what_did_not_arrive(model):
    with pytest.raises(ValueError, match="twice"):
        plot_surface(model, ("gpa", "gpa"))
    ax = plot_surface(model, paths={"short": [[0.0] * 4, [1.0] * 4]}).axes[0]
    assert ax.get_lines()[0].get_label() == "short (1 step, not there)"


def test_the_comparisons_bars_are_one_and_two_standard_errors(model, draws):
    small = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    both = compare_models(
        {"all": model, "gpa only": small},
        {"all": draws, "gpa only": sample_independence(small, seed=2, progress=False)},
    )
    wide, narrow = (
        [np.ptp(segment[:, 0]) for segment in part.get_segments()]
        for part in plot_comparison(both).axes[0].collections
    )
    np.testing.assert_allclose(wide, 4 * both.table()["dse"])
    np.testing.assert_allclose(narrow, 2 * both.table()["dse"])


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
    values = curve.table.index.to_numpy()
    expected = -(((values - fit.coefficients[j]) / fit.standard_errors[j]) ** 2) / 2
    np.testing.assert_allclose(curve.table["quadratic"], expected)
    np.testing.assert_allclose(line(ax, "quadratic (Wald)").get_ydata(), expected)
    for points in (0, 2):
        with pytest.raises(ValueError, match="at least 3"):
            profile_curve(model, "gpa", points=points)


def test_the_normal_curve_of_a_density_is_walds(fit, draws):
    ax = plot_posterior(draws, fit).axes[1]
    curve = line(ax, "normal (Wald)")
    expected = norm.pdf(curve.get_xdata(), fit.coefficients[1], fit.standard_errors[1])
    np.testing.assert_allclose(curve.get_ydata(), expected)


def test_calibration_has_its_envelope_and_its_counts(model, fit):
    curve = calibration_curve(model, fit)
    ax = plot_calibration(curve).axes[0]
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(curve.table["97.5%"].max())
    assert band[:, 1].min() == pytest.approx(curve.table["2.5%"].min())
    edges = np.array([bar.get_x() for bar in ax.patches] + [1.0])
    counts, _ = np.histogram(curve.table["predicted"], edges, weights=curve.table["observations"])
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
    cook = found.table["Cook's distance"].to_numpy()
    largest = figure.axes[0].get_lines()[-1]
    assert list(largest.get_xdata()) == [found.table["leverage"].to_numpy()[cook.argmax()]]


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


def test_labels_of_methods_are_text_and_seen(fit):
    figure = plot_forest({"$\\frac{a$": fit, "_hidden": fit})
    inline_svg(figure, "f", "t")
    said = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(said) == 2
    assert said[1].strip() == "_hidden"


def test_long_names_that_differ_at_their_end_differ_in_the_figure():
    names = [f"C(neighbourhood_of_the_shop)[T.{letter}]" for letter in "abcdef"]
    frame = pd.DataFrame({"point": 0.5, "low": 0.0, "high": 1.0}, index=names)
    ax = plot_forest({"x": frame}).axes[0]
    assert len({label.get_text() for label in ax.get_yticklabels()}) == 6


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


def test_the_graph_says_offset_and_weights():
    model = BernoulliLogistic.from_arrays(
        [[1.0], [1.0]], [0, 1], offset=[0.1, 0.2], frequency_weights=[3, 4]
    )
    said = {text.get_text() for text in plot_model(model).axes[0].texts}
    assert {"p = σ(o + x'β)", "2 rows, 7 observations"} <= said
