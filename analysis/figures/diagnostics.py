"""Figures of calibration and of influence."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.calibration import BinnedResiduals, CalibrationCurve
from flatprior.analysis.diagnostics.psis import PSISLOO
from flatprior.analysis.diagnostics.residuals import Diagnostics
from flatprior.analysis.figures.style import (
    BLUE,
    FAINT,
    MOST_NAMED,
    MOST_POINTS,
    MUTED,
    ORANGE,
    SIZES,
    STYLE,
    WIDTH,
    Drawing,
    canvas,
    legend_above,
    put_label,
    thinned,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import require_kind
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError

DOT = 1.3  # radius of a Pareto k, in points
# of its point on which a label may stand: right or left, above or below
SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))


@own_error_state
def plot_calibration(curve: CalibrationCurve, *, ax: Axes | None = None) -> Figure:
    """Calibration curve with its envelope, and where the predictions lie.

    Parameters
    ----------
    curve : CalibrationCurve
        See `calibration_curve`.
    ax : Axes, optional

    Returns
    -------
    Figure

    Examples
    --------
    >>> from flatprior.analysis import calibration_curve, plot_calibration
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> figure = plot_calibration(calibration_curve(model, fit_newton(model), simulations=50))
    >>> [round(float(end), 1) for end in figure.axes[0].get_xlim()]
    [0.0, 1.0]
    """
    require_kind(curve, CalibrationCurve, "what is drawn", "calibration_curve(model, fit)")
    table = curve.table()
    low, high = (name for name in table.columns if str(name).endswith("%"))
    shown = table.iloc[thinned(len(table))]
    with mpl.rc_context(STYLE):
        figure, ax = canvas(3.6, ax)
        predicted = shown["predicted"]
        left, right, bottom, top = _window(table)
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        ax.fill_between(
            predicted,
            shown[low],
            shown[high],
            step="mid",
            color=MUTED,
            alpha=0.22,
            linewidth=0,
            label="where a right model's curve lies",
        )
        ax.step(
            predicted,
            shown["calibrated"],
            where="mid",
            color=BLUE,
            marker="o" if len(shown) <= 3 else None,
            label="observed frequency",
        )
        edges = np.linspace(left, right, 41)
        share, _ = np.histogram(table["predicted"], bins=edges, weights=table["observations"])
        ax.bar(
            edges[:-1],
            0.12 * (top - bottom) * share / share.max(),
            width=np.diff(edges),
            bottom=bottom,
            align="edge",
            color=ORANGE,
            alpha=0.6,
            linewidth=0,
            label="how often predicted",
        )
        ax.set_xlim(left, right)
        ax.set_ylim(bottom, top)
        ax.set_xlabel("predicted probability")
        ax.set_ylabel("frequency of the event")
        legend_above(ax, 2)
        return figure


def _window(table: pd.DataFrame) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a calibration plot: all of it, or the part with the data."""
    predicted, calibrated = table["predicted"], table["calibrated"]
    if predicted.max() - predicted.min() > 0.5:
        return 0.0, 1.0, 0.0, 1.0
    room = max(0.1 * (predicted.max() - predicted.min()), 0.01)
    left, right = max(predicted.min() - room, 0.0), min(predicted.max() + room, 1.0)
    low, high = min(left, calibrated.min()), max(right, calibrated.max())
    more = 0.15 * (high - low)
    return left, right, max(low - more, 0.0), min(high + more, 1.0)


@own_error_state
def plot_binned_residuals(residuals: BinnedResiduals, *, ax: Axes | None = None) -> Figure:
    """Mean residual of each bin against its predicted probability, with two standard errors.

    Parameters
    ----------
    residuals : BinnedResiduals
        See `binned_residuals`.
    ax : Axes, optional

    Returns
    -------
    Figure
        Bins further than two standard errors from 0 are squares of another colour.

    Examples
    --------
    >>> from flatprior.analysis import binned_residuals, plot_binned_residuals
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> figure = plot_binned_residuals(binned_residuals(model, fit_newton(model)))
    >>> figure.axes[0].get_ylabel()
    'observed − predicted'
    """
    require_kind(residuals, BinnedResiduals, "what is drawn", "binned_residuals(model, fit)")
    table = residuals.table()
    predicted, residual, band = (
        table[name].to_numpy() for name in ("predicted", "residual", "2 SE")
    )
    outside = residuals.is_outside
    with mpl.rc_context(STYLE):
        figure, ax = canvas(2.9, ax)
        ax.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
        if len(table) > 1:
            ax.fill_between(
                predicted, -band, band, color=MUTED, alpha=0.22, linewidth=0, label="± 2 SE"
            )
        else:
            ax.errorbar(predicted, [0.0], band, color=MUTED, label="± 2 SE")
        for these, colour, marker, label in (
            (~outside, BLUE, "o", f"within ({int((~outside).sum())})"),
            (outside, ORANGE, "s", f"outside ({int(outside.sum())})"),
        ):
            if these.any():
                ax.plot(
                    *(predicted[these], residual[these], marker),
                    color=colour,
                    markersize=4,
                    markeredgewidth=0,
                    label=label,
                )
        ax.margins(0.03, 0.08)
        ax.set_xlabel("predicted probability, mean of the bin")
        ax.set_ylabel("observed − predicted")
        legend_above(ax, 3)
        return figure


@own_error_state
def plot_influence(diagnostics: Diagnostics, loo: PSISLOO | None = None) -> Figure:
    """Leverage against residual of each row, and Pareto k where there are draws.

    Parameters
    ----------
    diagnostics : Diagnostics
        Of rows in files and on clusters the most influential are drawn, which it keeps.
    loo : PSISLOO, optional
        Of the same rows.

    Returns
    -------
    Figure
        The larger a circle, the larger Cook's distance; the largest are named. Of many rows those
        with the largest Cook's distance or Pareto k are drawn, and every so many of the others.

    Raises
    ------
    ValueError
        If the two are of different rows.

    Examples
    --------
    >>> from flatprior.analysis import diagnose, plot_influence
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> figure = plot_influence(diagnose(model, fit_newton(model)))
    >>> figure.axes[0].get_xlabel()
    'leverage'
    """
    require_kind(diagnostics, Diagnostics, "what is drawn", "diagnose(model, fit)")
    if loo is not None:
        require_kind(loo, PSISLOO, "loo", "psis_loo(model, posterior)")
    table = diagnostics.table()
    if loo is not None and (loo.n_rows or len(loo.pareto_k)) != (diagnostics.n_rows or len(table)):
        raise InputError("diagnostics and leave-one-out are of different rows")
    cook = table["Cook's distance"].to_numpy()
    finite = np.where(np.isfinite(cook), cook, np.nanmax(np.where(np.isfinite(cook), cook, 0)))
    with mpl.rc_context(STYLE):
        parts = 1 if loo is None else 2
        figure = Drawing(figsize=(WIDTH, 2.9 * parts), layout="constrained")
        axes = figure.subplots(parts, 1, squeeze=False).ravel()
        keep = _most_and_some(cook)
        largest = finite.max() or 1.0
        axes[0].axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        # a few sizes only: each is one shape that a file holds once
        size = np.ceil(SIZES * np.sqrt(finite / largest)).astype(int)
        for step in range(SIZES + 1):
            here = keep & (size == step)
            axes[0].plot(
                table["leverage"].to_numpy()[here],
                table["studentised residual"].to_numpy()[here],
                "o",
                color=BLUE,
                alpha=0.45,
                markersize=_across(step),
                markeredgewidth=0,
            )
        axes[0].set_xlabel("leverage")
        axes[0].set_ylabel("studentised residual")
        axes[0].margins(0.08, 0.12)
        if loo is not None:
            k = loo.pareto_k
            keep_k = _most_and_some(k)
            bad = ~(k <= loo.largest_k)
            order = np.arange(len(k)) if loo.numbers is None else loo.numbers
            for rows, colour, marker in ((keep_k & ~bad, BLUE, "o"), (keep_k & bad, ORANGE, "s")):
                axes[1].plot(
                    *(order[rows], k[rows], marker),
                    color=colour,
                    markersize=2 * DOT,
                    alpha=0.7,
                    mew=0,
                )
            axes[1].axhline(loo.largest_k, color=ORANGE, linestyle="--", linewidth=1)
            axes[1].annotate(
                f"unreliable above {loo.largest_k:.2f}",
                (1, loo.largest_k),
                (-2, 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                color=MUTED,
            )
            axes[1].set_xlabel("row")
            axes[1].set_ylabel("Pareto k")
            axes[1].set_ylim(min(np.nanmin(k), 0) - 0.05, max(np.nanmax(k), loo.largest_k) + 0.12)
        leverage, residual = (
            table[name].to_numpy() for name in ("leverage", "studentised residual")
        )
        figure.draw_without_rendering()  # positions are known once the layout is
        points = Points(leverage, residual, _across(size) / 2, keep)
        _name_largest(axes[0], table.index, cook, points)
        if loo is not None:
            points = Points(order, k, np.full(len(k), DOT), keep_k)
            _name_largest(axes[1], table.index, np.where(bad, k, np.nan), points)
        return figure


def _across(step: Any) -> Any:
    """Diameter of circles of so many steps of size, in points."""
    return 2 + 11 * step / SIZES


def _most_and_some(values: Array) -> np.ndarray:
    """Which points to draw: all, or the largest and every so many of the others."""
    if len(values) <= 2 * MOST_POINTS:
        return np.ones(len(values), dtype=bool)
    keep = np.zeros(len(values), dtype=bool)
    keep[np.argsort(-np.nan_to_num(values, nan=math.inf), kind="stable")[:MOST_POINTS]] = True
    keep[thinned(len(values))] = True
    return keep


class Points(NamedTuple):
    """What is drawn of rows: places, radii in points, and whether each is drawn at all."""

    x: np.ndarray
    y: Array
    radii: Array
    drawn: NDArray[np.bool_]


def _name_largest(ax: Axes, labels: Any, values: Array, points: Points) -> None:
    """Write the labels of the rows with the largest values beside their points, where room is.

    On that side of its point a label stands on which it covers fewest.
    """
    order = np.argsort(-np.nan_to_num(values, nan=-math.inf), kind="stable")
    figure = cast(Figure, ax.figure)
    renderer = cast(Any, FigureCanvasAgg(figure)).get_renderer()
    x, y, radii, drawn = points
    centres = ax.transData.transform(np.column_stack([x, y])[drawn])
    reach = radii[drawn] * figure.dpi / 72
    taken: list[Bbox] = []
    for i in order[:MOST_NAMED]:
        if math.isnan(values[i]) or not math.isfinite(y[i]):
            continue
        text = ax.annotate(
            put_label(labels[i], 12), (x[i], y[i]), (0, 0), textcoords="offset points"
        )
        text.set_in_layout(False)
        found: list[tuple[int, int, Bbox]] = []
        for j in range(len(SIDES)):
            _put_beside(text, SIDES[j], float(radii[i]))
            box = text.get_window_extent(renderer)
            inside = figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                gaps = centres - np.clip(centres, box.min, box.max)
                found.append((int((np.hypot(*gaps.T) < reach).sum()), j, box))
        if not found:
            text.remove()
            continue
        _, side, box = min(found, key=lambda each: each[:2])
        _put_beside(text, SIDES[side], float(radii[i]))
        taken.append(box)


def _put_beside(text: Annotation, side: tuple[int, int], radius: float) -> None:
    """Put a label on one side of a circle, or off its corner."""
    right, up = side
    away = (radius + 1) * (math.sqrt(0.5) if right and up else 1.0) + 1
    text.set(
        position=(away * right, away * up),
        ha={-1: "right", 0: "center", 1: "left"}[right],
        va={-1: "top", 0: "center", 1: "bottom"}[up],
    )
