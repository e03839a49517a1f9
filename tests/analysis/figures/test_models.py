"""Comparisons of models, and the graph of one, read back."""

import numpy as np
from drawn import line

from flatprior.analysis import compare_models, plot_comparison, plot_model
from flatprior.models import BernoulliLogistic, load_endometrial, load_spector, sample_independence


def test_comparison_draws_differences_and_their_errors(model, draws):
    small = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    models = {"all": model, "gpa only": small}
    alone = compare_models(models)
    ax = plot_comparison(alone).axes[0]
    aic = alone.table()["AIC"]
    np.testing.assert_allclose(line(ax, "−AIC / 2").get_xdata(), (aic.min() - aic) / 2)
    np.testing.assert_array_equal(line(ax, "−AIC / 2").get_ydata(), [0.0, 1.0])
    both = compare_models(
        models, {"all": draws, "gpa only": sample_independence(small, seed=2, progress=False)}
    )
    ax = plot_comparison(both).axes[0]
    np.testing.assert_allclose(
        line(ax, "elpd_loo (± 1 and 2 SE)").get_xdata(),
        both.table()["elpd_diff"],
    )


def test_a_supremum_is_drawn_hollow_and_from_the_best_estimate():
    data = load_endometrial()
    models = {
        formula: BernoulliLogistic.from_formula(formula, data) for formula in ("HG ~ PI", "HG ~ NV")
    }
    found = compare_models(models)
    aic = found.table()["AIC"]
    ax = plot_comparison(found).axes[0]
    np.testing.assert_allclose(line(ax, "−AIC / 2").get_xdata(), [0.0])
    hollow = line(ax, "−AIC / 2 of a supremum")
    np.testing.assert_allclose(hollow.get_xdata(), [(aic["HG ~ PI"] - aic["HG ~ NV"]) / 2])
    assert hollow.get_markerfacecolor() == "none"
    assert ax.get_xlabel().startswith("difference from the best MLE,")
    # one series is in the middle of its rows
    np.testing.assert_array_equal(line(ax, "−AIC / 2").get_ydata(), [0.0])
    np.testing.assert_array_equal(hollow.get_ydata(), [1.0])


def test_the_graph_of_the_model_names_what_is_in_it(model):
    said = {text.get_text() for text in plot_model(model).axes[0].texts}
    assert {"flat prior", "β (4)", "x", "p = σ(x'β)", "grade", "32 rows"} <= said


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


def test_the_graph_says_offset_and_weights():
    model = BernoulliLogistic.from_arrays(
        [[1.0], [1.0]], [0, 1], offset=[0.1, 0.2], frequency_weights=[3, 4]
    )
    said = {text.get_text() for text in plot_model(model).axes[0].texts}
    assert {"p = σ(o + x'β)", "2 rows, 7 observations"} <= said
