"""Figures: each function takes what the analysis found and returns a Matplotlib figure.

No pyplot, no global state: a figure can be made in any thread, and is gone when nobody holds it.
Colours are those of Okabe and Ito, which the colour-blind can tell apart, and markers differ too.
Functions whose figure has one pair of axes take ``ax``, to draw into axes of one's own.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch
from matplotlib.transforms import Bbox
from scipy.stats import chi2, gaussian_kde, norm

from flatprior.analysis.agreement import Agreement
from flatprior.analysis.calibration import CalibrationCurve
from flatprior.analysis.comparison import Comparison
from flatprior.analysis.cross_entropy import gradient_descent
from flatprior.analysis.diagnostics import Diagnostics
from flatprior.analysis.intervals import ProfileCurve
from flatprior.analysis.leave_one_out import PSISLOO
from flatprior.analysis.monte_carlo import check_draws_of
from flatprior.analysis.paths import lbfgs_path, newton_path
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models._error_state import own_error_state
from flatprior.models._text import count, first_of, printable
from flatprior.models.belonging import fit_of, require_computed
from flatprior.models.iterations import maximum
from flatprior.models.likelihood import at_each, log_likelihoods
from flatprior.models.newton import converged_mle
from flatprior.models.results import percentages
from flatprior.models.rows import Array, ArrayRows, merge_identical

INK, MUTED, FAINT = "#222222", "#666666", "#d9d9d9"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#aa4499"
SKY, GOLD = "#56b4e9", "#e69f00"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, GOLD)
MARKERS = ("o", "s", "D", "^", "v", "P")

WIDTH = 5.2  # inches: its 9-point text stays readable on a telephone and on a slide
MOST_PANELS = 12
MOST_POINTS = 400  # of a curve or a scatter, that a figure in a report can hold
MOST_NAMED = 5
SIZES = 8  # of circles
LONGEST_NAME = 24
MOST_STEPS = 2000  # of gradient descent, for a figure
REGION = 4.2  # standard errors around the MLE: 99.9% of two coefficients reach to 3.7
ARRIVED = 1e-6  # standard errors from the MLE
FURTHEST = 12.0  # standard errors from the MLE that a surface may show
GRID = 41  # points a side of a likelihood surface

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same layout everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "lines.linewidth": 1.5,
    "legend.frameon": False,
}


class Drawing(Figure):
    """A Matplotlib figure that a notebook shows as it is, without pyplot."""

    def _repr_png_(self) -> bytes:
        target = io.BytesIO()
        with mpl.rc_context(_STYLE):
            self.savefig(target, format="png", dpi=144, facecolor="white")
        return target.getvalue()


def _canvas(height: float, ax: Axes | None) -> tuple[Figure, Axes]:
    """Axes to draw into, and their figure."""
    if ax is not None:
        return cast(Figure, ax.figure), ax
    figure = Drawing(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _label(name: object, longest: int = LONGEST_NAME) -> str:
    """A user's name as text: no line breaks, no mathematics, not too long."""
    text = printable(name)
    if len(text) > longest:  # names often differ at their end: cut out the middle
        tail = longest // 2 - 1
        text = f"{text[: longest - tail - 1]}…{text[-tail:]}"
    return text.replace("$", r"\$")


def _rows_axis(ax: Axes, names: Sequence[object]) -> None:
    """Names down the left side, the first on top."""
    ax.set_yticks(range(len(names)), [_label(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


@own_error_state
def plot_forest(
    intervals: Mapping[str, PointEstimate | Posterior | pd.DataFrame],
    *,
    prob: float = 0.95,
    standardised: bool = True,
    ax: Axes | None = None,
) -> Figure:
    """Forest plot: point and interval of each coefficient, by several methods side by side.

    Parameters
    ----------
    intervals : mapping
        Label to an estimate (Wald interval), draws (median and equal-tailed interval), or a data
        frame of three columns, point and ends, such as `confidence_intervals` returns. An infinite
        end is drawn as an arrow.
    prob : float
        Of the intervals of estimates and draws.
    standardised : bool
        Divide each coefficient by its standard error (half the width of its first finite interval
        over the normal quantile), so that one axis suits all of them. A coefficient that has no
        finite interval is divided by the end that it has, and marked.
    ax : Axes, optional

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is nothing to draw, or names differ.

    Examples
    --------
    >>> from flatprior.analysis import confidence_intervals, plot_forest
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> figure = plot_forest({"Wald": fit_newton(model), "profile": confidence_intervals(model)})
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['Intercept', 'gpa', 'tuce', 'psi']
    """
    found = {label: interval_frame(part, prob) for label, part in intervals.items()}
    if not found:
        raise ValueError("there is nothing to draw: pass an estimate, draws or intervals")
    first = next(iter(found.values()))
    names = list(first.index)
    if any(list(frame.index) != names for frame in found.values()):
        raise ValueError("the intervals are of different coefficients")
    scale, odd = _scales(found, prob) if standardised else (pd.Series(1.0, index=names), [])
    with mpl.rc_context(_STYLE):
        height = 0.9 + len(names) * (0.16 + 0.13 * len(found))
        figure, ax = _canvas(height, ax)
        drawn = {label: frame.div(scale, axis=0) for label, frame in found.items()}
        every = np.concatenate([frame.to_numpy().ravel() for frame in drawn.values()])
        every = every[np.isfinite(every)]
        low, high = min([0.0, *every]), max([0.0, *every])
        room = 0.06 * (high - low) or 1.0
        low, high = low - room, high + room
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        for i, (label, frame) in enumerate(drawn.items()):
            colour, marker = CYCLE[i % len(CYCLE)], MARKERS[i % len(MARKERS)]
            place = np.arange(len(names)) + (i - (len(found) - 1) / 2) * 0.7 / len(found)
            ends = np.clip(frame.iloc[:, 1:].to_numpy(), low, high)
            ax.hlines(place, ends[:, 0], ends[:, 1], color=colour, linewidth=1.6)
            for side, arrow in ((1, "<"), (2, ">")):
                open_end = np.isinf(frame.iloc[:, side].to_numpy())
                edge = np.full(int(open_end.sum()), low if side == 1 else high)
                ax.plot(edge, place[open_end], arrow, color=colour, markersize=5, clip_on=False)
            ax.plot(
                frame.iloc[:, 0],
                place,
                marker,
                color=colour,
                markersize=4.5,
                label=_legend_label(label),
            )
        ax.set_xlim(low, high)
        _rows_axis(ax, [f"{_label(name)} *" if name in odd else name for name in names])
        for between in range(len(names) - 1):
            ax.axhline(between + 0.5, color=FAINT, linewidth=0.6, zorder=0)
        note = " (*: / finite end)" if odd else ""
        ax.set_xlabel(
            f"coefficient / standard error{note}" if standardised else "coefficient (log odds)"
        )
        _legend_above(ax, len(found))
        return figure


def _scales(found: Mapping[str, pd.DataFrame], prob: float) -> tuple[pd.Series[float], list[Any]]:
    """Standard error of each coefficient, from the first finite interval of all.

    Where there is none, the finite end of an interval; such names are returned too.
    """
    scale = pd.Series(math.nan, index=next(iter(found.values())).index)
    ends = scale.copy()
    for frame in found.values():
        stated = re.fullmatch(r"([\d.]+)%", str(frame.columns[2]))
        upper = float(stated[1]) / 100 if stated else 0.5 + prob / 2
        half = (frame.iloc[:, 2] - frame.iloc[:, 1]) / (2 * norm.ppf(upper))
        scale = scale.fillna(half.where(np.isfinite(half) & (half > 0)))
        for side in (1, 2):
            end = frame.iloc[:, side].abs()
            ends = ends.fillna(end.where(np.isfinite(end) & (end > 0)))
    odd = list(scale.index[scale.isna()])
    return scale.fillna(ends).fillna(1.0), odd


def _legend_label(label: str) -> str:
    """A label that Matplotlib does not hide, as it would one that begins with _."""
    text = _label(label, 34)
    return f"\u2009{text}" if text.startswith("_") else text


def interval_frame(part: PointEstimate | Posterior | pd.DataFrame, prob: float) -> pd.DataFrame:
    """Point and ends of the interval of each coefficient, in three columns."""
    low, high = percentages(prob)
    if isinstance(part, PointEstimate):
        require_computed(part)
        return part.summary(prob)[["coefficient", low, high]]
    if isinstance(part, Posterior):
        median = pd.Series(np.median(part.draws, axis=(0, 1)), index=list(part.names))
        return part.summary(prob)[[low, high]].assign(median=median)[["median", low, high]]
    if part.shape[1] != 3:
        raise ValueError("a frame of intervals has three columns: point, lower and upper end")
    return part.astype(float)


def _legend_width(ax: Axes) -> int:
    """Characters of the three longest entries of the legend."""
    return sum(sorted(map(len, ax.get_legend_handles_labels()[1]))[-3:])


def _legend_above(ax: Axes, columns: int) -> None:
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=min(columns, 3) if _legend_width(ax) < 50 else 1,
        borderaxespad=0.2,
        handletextpad=0.4,
        columnspacing=1.2,
    )


@own_error_state
def plot_agreement(agreement: Agreement, *, ax: Axes | None = None) -> Figure:
    """Dot plot of how far each route is from the best, with the bounds, on a log scale.

    Parameters
    ----------
    agreement : Agreement
    ax : Axes, optional

    Returns
    -------
    Figure
        A dot a coefficient (of draws: of the mode found from them); a bar at the proved error
        bound, or the stated error of a mode, with an arrow where there is none.
    """
    error = agreement.mle.standard_errors
    rows: list[tuple[str, Array, float]] = [
        (
            judged.estimate.route,
            np.abs(judged.estimate.coefficients - agreement.mle.coefficients) / error,
            judged.certificate.error_bound,
        )
        for judged in agreement.routes
    ]
    rows += [
        (
            f"{check.route} (mode)",
            np.abs(check.mode.coefficients - agreement.mle.coefficients) / error,
            check.mode_error,
        )
        for check in agreement.posterior_checks
    ]
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(1.1 + 0.34 * len(rows), ax)
        seen = np.concatenate([np.append(distance, bound) for _, distance, bound in rows])
        seen = np.append(seen[np.isfinite(seen) & (seen > 0)], agreement.tolerance)
        left = 10.0 ** (math.floor(math.log10(seen.min())) - 1)
        right = 10.0 ** (math.ceil(math.log10(seen.max())) + 0.7)
        for i, (_, distance, bound) in enumerate(rows):
            zero = distance == 0
            colour = BLUE if i < len(agreement.routes) else ORANGE
            ax.plot([left, min(bound, right)], [i, i], color=colour, linewidth=5, alpha=0.25)
            ax.plot(distance[~zero], np.full((~zero).sum(), i), "o", color=colour, markersize=4)
            if zero.any():
                ax.plot(left, i, "<", color=colour, markersize=5, clip_on=False)
            far = math.isinf(bound)
            ax.plot(
                min(bound, right),
                i,
                ">" if far else "|",
                color=colour,
                markersize=7 if far else 11,
                markeredgewidth=0 if far else 2,
                clip_on=False,
            )
        ax.axvline(agreement.tolerance, color=MUTED, linestyle="--", linewidth=1)
        ax.annotate(
            f"tolerance {agreement.tolerance:.0e}",
            (agreement.tolerance, 1),
            (3, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=MUTED,
            fontsize=8,
        )
        ax.set_xscale("log")
        ax.set_xlim(left, right)
        ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        _rows_axis(ax, [name for name, _, _ in rows])
        ax.set_xlabel("distance from the best route, in standard errors (◂ is 0)")
        return figure


@own_error_state
def plot_posterior(
    posterior: Posterior,
    mle: PointEstimate,
    mode: PointEstimate | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """Posterior density of each coefficient, with MLE, mode of the draws and mean marked.

    Parameters
    ----------
    posterior : Posterior
    mle : PointEstimate
    mode : PointEstimate, optional
        Found from the draws alone, see `posterior_mode`.
    names : sequence of str, optional
        Which coefficients; default all, or the twelve whose mean is furthest from the MLE.

    Returns
    -------
    Figure
        A kernel density estimate of the draws, and the normal curve behind Wald intervals.

    Raises
    ------
    ValueError
        If the results are of other coefficients, or there is no such name.
    """
    for result in (mle, mode):
        if result is not None and result.names != posterior.names:
            raise ValueError("draws and estimates are of different coefficients")
    require_computed(mle)
    draws = posterior.draws.reshape(-1, len(posterior.names))
    means = draws.mean(axis=0)
    if names is None:
        shift = np.abs(means - mle.coefficients) / mle.standard_errors
        chosen = np.sort(np.argsort(-shift, kind="stable")[:MOST_PANELS])
    else:
        missing = [name for name in names if name not in posterior.names]
        if missing or not names:
            raise ValueError(f"there is no coefficient {missing[0] if missing else ''!r}")
        chosen = np.array([posterior.names.index(name) for name in names])
    columns = min(2, len(chosen))
    lines = math.ceil(len(chosen) / columns)
    with mpl.rc_context(_STYLE):
        figure = Drawing(figsize=(WIDTH, 0.5 + 1.25 * lines), layout="constrained")
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for panel, j in zip(panels, chosen, strict=False):
            centre, error = mle.coefficients[j], mle.standard_errors[j]
            low, high = np.quantile(draws[:, j], [0.001, 0.999])
            grid = np.linspace(min(low, centre - 3 * error), max(high, centre + 3 * error), 91)
            stuck = np.ptp(draws[:, j]) == 0
            density = np.zeros(len(grid)) if stuck else gaussian_kde(draws[:, j])(grid)
            panel.plot(
                grid,
                norm.pdf(grid, centre, error),
                color=MUTED,
                linewidth=1,
                linestyle=":",
                label="normal (Wald)",
            )
            panel.fill_between(grid, density, color=BLUE, alpha=0.2, linewidth=0)
            panel.plot(grid, density, color=BLUE, label="posterior")
            panel.axvline(centre, color=INK, linewidth=1.2, label="MLE")
            panel.axvline(means[j], color=ORANGE, linewidth=1.4, linestyle="--", label="mean")
            if mode is not None:
                panel.plot(
                    mode.coefficients[j],
                    0,
                    "^",
                    color=GREEN,
                    markersize=6,
                    clip_on=False,
                    label="mode of the draws",
                    zorder=5,
                )
            panel.set_title(_label(posterior.names[j]))
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
            panel.set_ylim(bottom=0)
            panel.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
        for panel in panels[len(chosen) :]:
            panel.set_visible(False)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return figure


@own_error_state
def plot_draws(
    model: BernoulliLogistic, posterior: Posterior, mle: PointEstimate, *, ax: Axes | None = None
) -> Figure:
    """Log-likelihood of the draws against that of the MLE: none may lie above it.

    Parameters
    ----------
    model : BernoulliLogistic
    posterior : Posterior
    mle : PointEstimate
    ax : Axes, optional

    Returns
    -------
    Figure
        Histogram of twice the difference. In large samples it follows the chi-squared distribution
        with k degrees of freedom, which is drawn too.

    Raises
    ------
    ValueError
        If draws or estimate are of other coefficients or data.
    """
    check_draws_of(model, posterior)
    mle = fit_of(model, mle)
    flat = posterior.draws.reshape(-1, model.n_parameters)
    values = at_each(merge_identical(model.arrays), log_likelihoods, flat).ravel()
    below = 2 * (mle.log_likelihood - values)
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(2.6, ax)
        left = min(float(below.min()), 0.0)
        right = max(float(np.quantile(below, 0.999)), float(chi2.ppf(0.999, model.n_parameters)))
        ax.hist(
            below,
            bins=np.linspace(left, right, 51).tolist(),
            density=True,
            histtype="stepfilled",
            color=BLUE,
            alpha=0.35,
            linewidth=0,
            label=count(len(flat), "draw"),
        )
        grid = np.linspace(right / 400, right, 200)
        ax.plot(
            grid,
            chi2.pdf(grid, model.n_parameters),
            color=INK,
            linewidth=1.2,
            label=f"chi-squared({model.n_parameters})",
        )
        ax.axvline(0, color=ORANGE, linewidth=2, label="MLE")
        ax.set_xlim(left - 0.02 * right, right)
        ax.set_ylim(0, None)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("2 (log-likelihood of the MLE − log-likelihood of the draw)")
        ax.legend(loc="upper right")
        return figure


@own_error_state
def plot_surface(
    model: BernoulliLogistic,
    names: tuple[str, str] | None = None,
    paths: Mapping[str, Any] | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Log-likelihood surface of two coefficients, with the paths of the optimisers.

    Parameters
    ----------
    model : BernoulliLogistic
    names : (str, str), optional
        Of the coefficients; default the first two. Of a model with more than two the
        log-likelihood is maximised over the others.
    paths : mapping of str to array_like (m, k), optional
        Iterates of each optimiser; default Newton's method, L-BFGS and gradient descent from zero.
    ax : Axes, optional

    Returns
    -------
    Figure
        Contours are joint likelihood-ratio regions of 50%, 90%, 99% and 99.9%, and lower ones.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist.
    ValueError
        If the model has fewer than two coefficients, or not these.

    Examples
    --------
    >>> from flatprior.analysis import plot_surface
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> plot_surface(model, paths={}).axes[0].get_xlabel()
    'Intercept'
    """
    if model.n_parameters < 2:
        raise ValueError("a surface needs two coefficients; see plot_profile for one")
    names = (model.names[0], model.names[1]) if names is None else names
    for name in names:
        if name not in model.names:
            raise ValueError(
                f"the model has no coefficient {name!r}; it has {', '.join(model.names)}"
            )
    if names[0] == names[1]:
        raise ValueError(f"a surface needs two coefficients, not {names[0]!r} twice")
    pair = [model.names.index(name) for name in names]
    mle = converged_mle(model)
    if paths is None:
        zero = np.zeros((1, model.n_parameters))
        paths = {
            "gradient descent": gradient_descent(model, steps=MOST_STEPS).path,
            "L-BFGS": np.vstack([zero, *lbfgs_path(model, 1.0)]),
            "Newton": np.vstack([zero, *newton_path(model)]),
        }
    ways, there = {}, {}
    for label, path in paths.items():
        points_of, there[label] = _until_there(np.asarray(path, dtype=float), mle)
        ways[label] = points_of[:, pair]
    centre, error = mle.coefficients[pair], mle.standard_errors[pair]
    # the region holds the MLE's neighbourhood, and the paths unless they go very far
    corners = np.array([centre - REGION * error, centre + REGION * error])
    for way in ways.values():
        kept = np.clip(way, centre - FURTHEST * error, centre + FURTHEST * error)
        corners = np.array(
            [
                np.minimum(corners[0], kept.min(axis=0) - 0.4 * error),
                np.maximum(corners[1], kept.max(axis=0) + 0.4 * error),
            ]
        )
    # in coordinates in which the contours are nearly circles, densest around the MLE
    root = np.linalg.cholesky(mle.covariance[np.ix_(pair, pair)])
    every = np.array([[x, y] for x in corners[:, 0] for y in corners[:, 1]])
    reach = np.abs(np.linalg.solve(root, np.vstack([every, *ways.values()]).T - centre[:, None]))
    along = np.sinh(np.linspace(-3, 3, GRID)) / np.sinh(3) * min(float(reach.max()), FURTHEST)
    points = centre + np.stack(np.meshgrid(along, along), axis=-1) @ root.T
    height = _surface(model, mle, pair, points) - mle.log_likelihood
    levels = [-float(chi2.ppf(p, 2)) / 2 for p in (0.999, 0.99, 0.9, 0.5)]
    lower = [
        levels[0] * 2.0**power
        for power in range(20, 0, -1)
        if levels[0] * 2.0**power > np.nanmin(height)
    ]
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(4.0, ax)
        grid = points[..., 0], points[..., 1]
        contour: Any = {"linestyles": "solid", "linewidths": 0.9}
        if lower:
            ax.contour(*grid, height, levels=lower, colors=FAINT, **contour)
        inner = ax.contour(*grid, height, levels=levels, colors=MUTED, **contour)
        for i, (label, way) in enumerate(ways.items()):
            colour = (GREEN, ORANGE, BLUE, PURPLE)[i % 4]
            shown = way[_spaced(len(way))]
            ax.plot(
                *shown.T,
                color=colour,
                linewidth=1.2,
                marker=MARKERS[i % len(MARKERS)],
                markersize=3.0,
                label=f"{_legend_label(label)} ({count(len(way) - 1, 'step')}"
                f"{'' if there[label] else ', not there'})",
            )
        ax.plot(*centre, "*", color=INK, markersize=11, label="MLE")
        ax.set_xlim(*corners[:, 0].tolist())
        ax.set_ylim(*corners[:, 1].tolist())
        ax.set_xlabel(_label(names[0]))
        ax.set_ylabel(_label(names[1]))
        _legend_above(ax, 2)
        figure.draw_without_rendering()  # labels look for room in the layout as it is
        ax.clabel(
            inner,
            fmt=dict(zip(inner.levels, ("99.9%", "99%", "90%", "50%"), strict=True)),
            fontsize=7.5,
        )
        return figure


def _surface(model: BernoulliLogistic, mle: PointEstimate, pair: list[int], points: Array) -> Array:
    """Log-likelihood at points (..., 2) of two coefficients, maximised over the others."""
    rows = model.arrays
    flat = points.reshape(-1, 2)
    if model.n_parameters == 2:
        return np.asarray(model.log_likelihood(flat[:, np.argsort(pair)])).reshape(points.shape[:2])
    others = [j for j in range(model.n_parameters) if j not in pair]
    design = np.ascontiguousarray(model.design[:, others])
    base = np.zeros(model.n_rows) if model.offset is None else model.offset
    height, start = np.full(len(flat), math.nan), mle.coefficients[others]
    for i, point in enumerate(flat):
        part = ArrayRows(design, rows.response, base + model.design[:, pair] @ point, rows.weights)
        found = maximum(part, start) or maximum(part)  # from the fit at the point before
        if found is not None:
            height[i], start = found.log_likelihood, found.coefficients
    return height.reshape(points.shape[:2])


def _until_there(path: Array, mle: PointEstimate) -> tuple[Array, bool]:
    """The path up to the first point that no eye could tell from the MLE, and whether it comes."""
    arrived = np.max(np.abs(path - mle.coefficients) / mle.standard_errors, axis=1) < ARRIVED
    return (path[: 1 + int(arrived.argmax())], True) if arrived.any() else (path, False)


def _spaced(length: int) -> np.ndarray:
    """Positions of at most 60 points of a path: the first ones, then ever further apart."""
    if length <= 60:
        return np.arange(length)
    return np.unique(np.round(np.geomspace(1, length, 60)).astype(int) - 1)


@own_error_state
def plot_profile(curve: ProfileCurve, *, ax: Axes | None = None) -> Figure:
    """Profile log-likelihood of one coefficient, with its interval and the parabola of Wald's.

    Parameters
    ----------
    curve : ProfileCurve
        See `profile_curve`.
    ax : Axes, optional

    Returns
    -------
    Figure
    """
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(2.8, ax)
        values = curve.table.index.to_numpy(dtype=float)
        ax.axhline(-curve.drop, color=MUTED, linestyle="--", linewidth=1)
        ax.plot(values, curve.table["profile"], color=BLUE, label="profile likelihood")
        if np.isfinite(curve.table["quadratic"]).all():
            ax.plot(
                values,
                curve.table["quadratic"],
                color=ORANGE,
                linestyle=":",
                label="quadratic (Wald)",
            )
            ax.plot(curve.estimate, 0, "*", color=INK, markersize=9, label="MLE", clip_on=False)
        ends = [end for end in (curve.low, curve.high) if math.isfinite(end)]
        ax.plot(ends, [-curve.drop] * len(ends), "o", color=BLUE, markersize=5)
        ax.vlines(ends, -3.2 * curve.drop, -curve.drop, color=FAINT, linewidth=1)
        for end in ends:
            inward = 1 if end == curve.low else -1
            ax.annotate(
                f"{end:.4g}",
                (end, -3.2 * curve.drop),
                (3 * inward, 3),
                textcoords="offset points",
                ha="left" if inward > 0 else "right",
                fontsize=8,
            )
        ax.set_ylim(-3.2 * curve.drop, 0.12 * curve.drop)
        ax.set_xlim(values[0], values[-1])
        ax.set_xlabel(_label(curve.name))
        ax.set_ylabel("log-likelihood − its supremum")
        ax.legend(loc="lower center")
        return figure


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
    """
    table = curve.table
    low, high = (name for name in table.columns if str(name).endswith("%"))
    shown = table.iloc[_thinned(len(table))]
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(3.6, ax)
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
        _legend_above(ax, 2)
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


def _thinned(length: int) -> np.ndarray:
    """Positions of at most `MOST_POINTS` of them, evenly spread, ends included."""
    return np.unique(np.linspace(0, length - 1, min(length, MOST_POINTS)).round().astype(int))


@own_error_state
def plot_influence(diagnostics: Diagnostics, loo: PSISLOO | None = None) -> Figure:
    """Leverage against residual of each row, and Pareto k where there are draws.

    Parameters
    ----------
    diagnostics : Diagnostics
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
    """
    table = diagnostics.table
    if loo is not None and len(loo.pareto_k) != len(table):
        raise ValueError("diagnostics and leave-one-out are of different rows")
    cook = table["Cook's distance"].to_numpy()
    finite = np.where(np.isfinite(cook), cook, np.nanmax(np.where(np.isfinite(cook), cook, 0)))
    with mpl.rc_context(_STYLE):
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
                markersize=2 + 11 * step / SIZES,
                markeredgewidth=0,
            )
        axes[0].set_xlabel("leverage")
        axes[0].set_ylabel("studentised residual")
        axes[0].margins(0.08, 0.12)
        if loo is not None:
            k = loo.pareto_k
            keep = _most_and_some(k)
            bad = ~(k <= loo.largest_k)
            order = np.arange(len(k))
            for rows, colour, marker in ((keep & ~bad, BLUE, "o"), (keep & bad, ORANGE, "s")):
                axes[1].plot(
                    order[rows], k[rows], marker, color=colour, markersize=2.6, alpha=0.7, mew=0
                )
            axes[1].axhline(loo.largest_k, color=ORANGE, linestyle="--", linewidth=1)
            axes[1].annotate(
                f"unreliable above {loo.largest_k:.2f}",
                (1, loo.largest_k),
                (-2, 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                fontsize=8,
                color=MUTED,
            )
            axes[1].set_xlabel("row")
            axes[1].set_ylabel("Pareto k")
            axes[1].set_ylim(min(np.nanmin(k), 0) - 0.05, max(np.nanmax(k), loo.largest_k) + 0.12)
        leverage, residual = (
            table[name].to_numpy() for name in ("leverage", "studentised residual")
        )
        _name_largest(axes[0], table.index, cook, leverage, residual)
        if loo is not None:
            _name_largest(axes[1], table.index, np.where(bad, k, np.nan), order, k)
        return figure


def _most_and_some(values: Array) -> np.ndarray:
    """Which points to draw: all, or the largest and every so many of the others."""
    if len(values) <= 2 * MOST_POINTS:
        return np.ones(len(values), dtype=bool)
    keep = np.zeros(len(values), dtype=bool)
    keep[np.argsort(-np.nan_to_num(values, nan=math.inf), kind="stable")[:MOST_POINTS]] = True
    keep[_thinned(len(values))] = True
    return keep


def _name_largest(ax: Axes, labels: Any, values: Array, x: np.ndarray, y: Array) -> None:
    """Write the labels of the rows with the largest values beside their points, where room is."""
    order = np.argsort(-np.nan_to_num(values, nan=-math.inf), kind="stable")
    figure = cast(Figure, ax.figure)
    renderer = cast(Any, FigureCanvasAgg(figure)).get_renderer()
    figure.draw_without_rendering()  # positions are known once the layout is
    taken: list[Bbox] = []
    for i in order[:MOST_NAMED]:
        if math.isnan(values[i]) or not math.isfinite(y[i]):
            continue
        text = ax.annotate(
            _label(labels[i], 12), (x[i], y[i]), (4, 3), textcoords="offset points", fontsize=8
        )
        text.set_in_layout(False)
        box = text.get_window_extent(renderer)
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)


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
        -AIC/2 on the same scale. Without draws the latter alone.
    """
    frame = comparison.table()
    aic = (frame["AIC"].min() - frame["AIC"]) / 2
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(1.2 + 0.42 * len(frame), ax)
        place = np.arange(len(frame))
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        if "elpd_diff" in frame and frame["elpd_diff"].notna().any():
            difference = frame["elpd_diff"].to_numpy(dtype=float)
            error = frame["dse"].to_numpy(dtype=float)
            for reach, width in ((2, 1.2), (1, 3.0)):
                ax.hlines(
                    place - 0.12,
                    difference - reach * error,
                    difference + reach * error,
                    color=BLUE,
                    linewidth=width,
                )
            ax.plot(
                difference,
                place - 0.12,
                "o",
                color=BLUE,
                markersize=5,
                label="elpd_loo (1 and 2 SE of the difference)",
            )
        ax.plot(aic, place + 0.12, "s", color=ORANGE, markersize=4.5, label="−AIC / 2")
        _rows_axis(ax, list(frame.index))
        ax.margins(x=0.08)
        ax.set_xlabel("difference from the best model, in nats (left is worse)")
        _legend_above(ax, 2)
        return figure


@own_error_state
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
    """
    with mpl.rc_context(_STYLE):
        figure, ax = _canvas(2.5, None)
        ax.set_xlim(0, 10)
        ax.set_ylim(0, 4.8)
        ax.set_axis_off()
        ax.add_patch(
            FancyBboxPatch(
                (2.9, 0.35), 6.75, 2.25, boxstyle="round,pad=0.1", fill=False, edgecolor=MUTED
            )
        )
        rows = count(model.n_rows, "row")
        if model.n_observations != model.n_rows:
            rows += f", {model.n_observations} observations"
        ax.text(9.6, 0.42, rows, ha="right", color=MUTED, fontsize=8)

        def node(x: float, y: float, text: str, *, random: bool, observed: bool = False) -> None:
            style: Any = {
                "facecolor": to_rgba(BLUE, 0.25 if observed else 0.0),
                "edgecolor": INK,
                "linewidth": 1,
            }
            ax.add_patch(
                Ellipse((x, y), 1.9, 1.25, **style)
                if random
                else FancyBboxPatch(
                    (x - 0.85, y - 0.42), 1.7, 0.84, boxstyle="round,pad=0.08", **style
                )
            )
            ax.text(x, y, text, ha="center", va="center")

        def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
            ax.annotate(
                "", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1}
            )

        node(1.1, 1.55, "flat prior", random=False)
        node(4.2, 4.0, f"β ({model.n_parameters})", random=True)
        ax.text(5.3, 4.0, _label(first_of(model.names), 48), va="center", color=MUTED, fontsize=8)
        node(4.2, 1.55, "x", random=False, observed=True)
        predictor = "o + x'β" if model.rows.has_offset else "x'β"
        node(6.4, 1.55, f"p = σ({predictor})", random=False)
        node(8.6, 1.55, _label(model.response_name, 9), random=True, observed=True)
        arrow((1.5, 2.1), (3.35, 3.7))
        arrow((4.75, 3.45), (6.1, 2.1))
        arrow((5.15, 1.55), (5.42, 1.55))
        arrow((7.38, 1.55), (7.6, 1.55))
        return figure
