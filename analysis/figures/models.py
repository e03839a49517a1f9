"""Figures that compare models, and the model itself."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch

from flatprior.analysis.comparison.table import Comparison
from flatprior.analysis.figures.style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    STYLE,
    canvas,
    legend_above,
    put_label,
    rows_axis,
)
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import model_first, require_kind
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.text import count, names_in


@own_error_state
def plot_comparison(comparison: Comparison, *, ax: Axes | None = None) -> Figure:
    """Models side by side: difference to the best, with its standard error where there are draws.

    Parameters
    ----------
    comparison : Comparison
    ax : Axes, optional

    Returns
    -------
    Figure
        ``elpd_loo`` less that of the best, with one and two standard errors of the difference, and
        -AIC/2 on the same scale. Without draws the latter alone; hollow where it is of a supremum,
        and nothing where no likelihood is known; the best is then that of those with an estimate.

    Examples
    --------
    >>> from flatprior.analysis import compare_models, plot_comparison
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> small = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> figure = plot_comparison(compare_models({"small": small, "large": model}))
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['large', 'small']
    """
    require_kind(comparison, Comparison, "what is drawn", "compare_models(models)")
    frame = comparison.table()
    hollow = frame.index.isin(list(comparison.without))
    best = frame.loc[hollow if hollow.all() else ~hollow, "AIC"].min()
    aic = (best - frame["AIC"]) / 2
    with mpl.rc_context(STYLE):
        figure, ax = canvas(1.2 + 0.42 * len(frame), ax)
        place = np.arange(len(frame))
        beside = 0.0  # from the middle of a row, where there are two points in it
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        if "elpd_diff" in frame and frame["elpd_diff"].notna().any():
            difference = frame["elpd_diff"].to_numpy(dtype=float)
            error = frame["dse"].to_numpy(dtype=float)
            beside = 0.12
            for reach, width in ((2, 1.2), (1, 3.0)):
                ax.hlines(
                    place - beside,
                    difference - reach * error,
                    difference + reach * error,
                    color=BLUE,
                    linewidth=width,
                )
            ax.plot(
                difference,
                place - beside,
                "o",
                color=BLUE,
                markersize=5,
                label="elpd_loo (± 1 and 2 SE)",
            )
        suprema = hollow & frame["AIC"].notna().to_numpy()
        for these, face, of in ((~hollow, ORANGE, ""), (suprema, "none", " of a supremum")):
            if these.any():
                ax.plot(
                    aic[these],
                    place[these] + beside,
                    "s",
                    color=ORANGE,
                    markerfacecolor=face,
                    markersize=4.5,
                    label=f"−AIC / 2{of}",
                )
        rows_axis(ax, list(frame.index))
        ax.margins(x=0.08)
        best_of = "best MLE" if hollow.any() and not hollow.all() else "best model"
        ax.set_xlabel(f"difference from the {best_of},\nin nats (left is worse)")
        if ax.get_legend_handles_labels()[0]:
            legend_above(ax, 2)
        return figure


@model_first
def plot_model(model: BernoulliLogistic) -> Figure:
    """Draw the model as a graph: what depends on what, and how many there are.

    Parameters
    ----------
    model : BernoulliLogistic

    Returns
    -------
    Figure
        Circles are random, shaded where observed; boxes are computed or given; the frame stands
        for the rows.

    Examples
    --------
    >>> from flatprior.analysis import plot_model
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> figure = plot_model(model)
    >>> len(figure.axes)
    1
    """
    with mpl.rc_context(STYLE):
        figure, ax = canvas(2.5, None)
        ax.set_xlim(0, 10)
        ax.set_ylim(0, 4.8)
        ax.set_axis_off()
        ax.add_patch(
            FancyBboxPatch(
                (2.4, 0.35), 7.4, 2.25, boxstyle="round,pad=0.1", fill=False, edgecolor=MUTED
            )
        )
        rows = count(model.n_rows, "row")
        if model.n_observations != model.n_rows:
            rows += f", {model.n_observations} observations"
        note: Any = {"color": MUTED, "in_layout": False}  # a long name squeezes nothing
        ax.text(9.75, 0.42, rows, ha="right", **note)

        def node(
            x: float, text: str, width: float, y: float = 1.55, *, random: bool, fill: float = 0.0
        ) -> None:
            style: Any = {"facecolor": to_rgba(BLUE, fill), "edgecolor": INK, "linewidth": 1}
            ax.add_patch(
                Ellipse((x, y), width, 1.25, **style)
                if random
                else FancyBboxPatch(
                    (x - width / 2, y - 0.42), width, 0.84, boxstyle="round,pad=0.08", **style
                )
            )
            ax.text(x, y, text, ha="center", va="center", in_layout=False)

        def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
            ax.annotate(
                "", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1}
            )

        observed = 0.25
        node(1.05, "flat prior", 1.75, random=False)
        node(3.4, f"β ({model.n_parameters})", 1.9, 4.0, random=True)
        ax.text(4.5, 4.0, put_label(names_in(28, model.names), 28), va="center", **note)
        node(3.3, "x", 1.1, random=False, fill=observed)
        predictor = "o + x'β" if model.rows.has_offset else "x'β"
        node(5.8, f"p = σ({predictor})", 2.7, random=False)
        node(8.65, put_label(model.response_name, 9), 2.1, random=True, fill=observed)
        arrow((1.4, 2.1), (2.7, 3.5))
        arrow((3.9, 3.4), (5.3, 2.1))
        arrow((3.95, 1.55), (4.38, 1.55))
        arrow((7.22, 1.55), (7.58, 1.55))
        return figure
