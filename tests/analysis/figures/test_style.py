"""What all figures have in common: they show themselves, and names in them are text."""

import pandas as pd
from reports import NASTY, results

from flatprior.analysis import (
    diagnose,
    plot_agreement,
    plot_comparison,
    plot_forest,
    plot_influence,
    plot_model,
    plot_posterior,
    plot_profile,
    profile_curve,
)
from flatprior.analysis.figures.style import Drawing
from flatprior.analysis.report.svg import inline_svg


def test_a_figure_shows_itself_in_a_notebook(fit):
    assert plot_forest({"Wald": fit})._repr_png_().startswith(b"\x89PNG")


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
