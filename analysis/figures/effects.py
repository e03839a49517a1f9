"""Figures of effects: the probability along one variable."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flatprior.analysis.figures.style import (
    BLUE,
    MUTED,
    ORANGE,
    STYLE,
    canvas,
    put_label,
    rows_axis,
)
from flatprior.analysis.inference.curves import EffectCurve, EffectCurves
from flatprior.models.common.calls import require_kind
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.intervals import percentages

BELOW = 0.14  # of the height, that the histogram takes
LONG = 24  # characters of a label that is wider than what is beside names of levels


@own_error_state
def plot_effect(curves: EffectCurves, variable: str, *, ax: Axes | None = None) -> Figure:
    """Probability along one variable, with its band and where the observations are.

    Parameters
    ----------
    curves : EffectCurves
        See `effect_curves`.
    variable : str
        One of those in it.
    ax : Axes, optional

    Returns
    -------
    Figure
        Of a number a line, its band, and a histogram of the observations at the bottom; of a
        category a line a level with its share of the observations.

    Raises
    ------
    ValueError
        If there is no curve of that variable.

    Examples
    --------
    >>> from flatprior.analysis import effect_curves, plot_effect
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", data)
    >>> figure = plot_effect(effect_curves(model, fit_newton(model), data), "gpa")
    >>> figure.axes[0].get_xlabel()
    'gpa'
    """
    require_kind(curves, EffectCurves, "what is drawn", "effect_curves(model, fit, data)")
    curve = curves.curve(variable)
    low, high = (
        curve.frame[f"probability {end}"].to_numpy(dtype=float) for end in percentages(curves.prob)
    )
    with mpl.rc_context(STYLE):
        if curve.is_number:
            figure, ax = canvas(2.5, ax)
            _along(ax, curve, low, high)
        else:
            figure, ax = canvas(0.9 + 0.27 * len(curve.values), ax)
            _by_level(ax, curve, low, high)
        return figure


def _along(ax: Axes, curve: EffectCurve, low: np.ndarray, high: np.ndarray) -> None:
    x = np.array(curve.values)
    bottom, top = max(float(low.min()) - 0.02, 0.0), min(float(high.max()) + 0.02, 1.0)
    bottom -= 1.3 * BELOW * (top - bottom)  # room for the histogram
    ax.fill_between(x, low, high, color=BLUE, alpha=0.2, linewidth=0)
    ax.plot(x, curve.frame["probability"], color=BLUE)
    ax.stairs(
        bottom + BELOW * (top - bottom) * curve.share / curve.share.max(),
        curve.edges,
        baseline=bottom,
        fill=True,
        color=ORANGE,
        alpha=0.6,
        linewidth=0,
    )
    ax.set_ylim(bottom, top)
    ax.yaxis.set_major_locator(mpl.ticker.FixedLocator(_ticks(float(low.min()), top)))
    ax.set_xlabel(put_label(curve.name, 40))
    ax.set_ylabel("probability")


def _ticks(low: float, high: float) -> list[float]:
    """Places of ticks, none of which is a probability below 0 or above 1."""
    found = mpl.ticker.MaxNLocator(4).tick_values(low, high)
    return [float(at) for at in found if 0 <= at <= 1]


def _by_level(ax: Axes, curve: EffectCurve, low: np.ndarray, high: np.ndarray) -> None:
    place = np.arange(len(curve.values))
    ax.hlines(place, low, high, color=BLUE, linewidth=1.6)
    ax.plot(curve.frame["probability"], place, "o", color=BLUE, markersize=5)
    rows_axis(
        ax,
        [f"{level} ({share:.0%})" for level, share in zip(curve.values, curve.share, strict=True)],
    )
    ax.grid(axis="x", color=MUTED, alpha=0.25, linewidth=0.6)
    label = f"probability, by {put_label(curve.name, 30)}"
    # a long one may begin below the names of the levels
    ax.set_xlabel(label, loc="right" if len(label) > LONG else "center")
