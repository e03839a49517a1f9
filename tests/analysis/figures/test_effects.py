"""Effects, read back from their figures."""

import numpy as np
import pandas as pd
import pytest
from drawn import texts_do_not_overlap

from flatprior.analysis import effect_curves, plot_effect
from flatprior.models import BernoulliLogistic, fit_newton

NASTY = "$a_{b}$ <b>x"
LEVELS = ["", "a very long name of a level that goes on and on", "$x^2$", "<i>", "e", "f"]


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({NASTY: rng.normal(size=300), "g": [LEVELS[i % 6] for i in range(300)]})
    frame["y"] = rng.random(300) < 1 / (1 + np.exp(-frame[NASTY]))
    model = BernoulliLogistic.from_formula(f"y ~ `{NASTY}` + g", frame)
    return effect_curves(model, fit_newton(model), frame)


def test_the_line_of_a_number_its_band_and_its_histogram_are_drawn(curves):
    figure = plot_effect(curves, NASTY)
    (ax,) = figure.axes
    curve = curves.curve(NASTY)
    (drawn,) = ax.get_lines()
    assert drawn.get_xdata().tolist() == list(curve.values)
    assert drawn.get_ydata().tolist() == curve.frame["probability"].tolist()
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert corners.min() == curve.frame["probability 2.5%"].min()
    assert corners.max() == curve.frame["probability 97.5%"].max()
    (bars,) = ax.patches
    heights, edges, bottom = bars.get_data()
    assert (heights - bottom) / (heights - bottom).max() == pytest.approx(
        curve.share / curve.share.max()
    )
    assert edges.tolist() == curve.edges.tolist()
    assert all(0 <= tick <= 1 for tick in ax.get_yticks())
    assert heights.max() <= corners.min()  # below the band
    texts_do_not_overlap(figure)
    assert r"\$" in ax.get_xlabel()


def test_each_level_has_a_line_and_its_share(curves):
    figure = plot_effect(curves, "g")
    (ax,) = figure.axes
    curve = curves.curve("g")
    assert ax.get_lines()[0].get_xdata().tolist() == curve.frame["probability"].tolist()
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == curve.frame[["probability 2.5%", "probability 97.5%"]].to_numpy().tolist()
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert all(label.endswith("(17%)") for label in labels)
    texts_do_not_overlap(figure)


def test_a_figure_is_drawn_of_curves_only(curves):
    with pytest.raises(TypeError, match="must be an EffectCurves"):
        plot_effect(curves.table(), "g")
