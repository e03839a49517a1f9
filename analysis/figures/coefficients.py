"""Figures of coefficients: forests of intervals, profiles, and how far routes are apart."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import norm

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.figures.style import (
    BLUE,
    CYCLE,
    FAINT,
    INK,
    MARKERS,
    MOST_POINTS,
    MOST_ROWS,
    MUTED,
    ORANGE,
    STYLE,
    canvas,
    legend_above,
    legend_label,
    put_label,
    rows_axis,
    some_of,
)
from flatprior.analysis.inference.intervals import ProfileCurve
from flatprior.analysis.result_table import ResultTable
from flatprior.models import PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an, require_kind
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.intervals import percentages
from flatprior.models.common.labels import INTERCEPTS
from flatprior.models.estimate import require_computed

LARGEST = 600.0  # log odds beyond which a ratio has no place on an axis of doubles
FEWEST_TICKS, MOST_TICKS = 3, 8
BESIDE_ZERO = 7  # points between a route's name and its axis, on which a triangle stands


@own_error_state
def plot_forest(
    intervals: Mapping[str, PointEstimate | Posterior | ResultTable | pd.DataFrame],
    *,
    prob: float = 0.95,
    standardised: bool | None = None,
    odds_ratios: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Forest plot: point and interval of each coefficient, by several methods side by side.

    Parameters
    ----------
    intervals : mapping
        Label to an estimate (Wald interval), draws (median and equal-tailed interval), what
        `confidence_intervals` returns, or a data frame of three such columns, point and ends. An
        infinite end is drawn as an arrow.
    prob : float
        Of the intervals of estimates and draws.
    standardised : bool
        As is usual, but for odds ratios: divide each coefficient by its standard error (half the
        width of its first finite interval over the normal quantile), so that one axis suits all of
        them. A coefficient that has no finite interval is divided by the end that it has, and
        marked.
    odds_ratios : bool
        Draw exp of coefficients and ends on a logarithmic axis with a line at 1, no effect. The
        intercept, whose exp is no ratio, is left out.
    ax : Axes, optional

    Returns
    -------
    Figure
        Of more than 40 coefficients it has the first 40, and says so.

    Raises
    ------
    ValueError
        If there is nothing to draw, names differ, or odds ratios are to be standardised.

    Examples
    --------
    >>> from flatprior.analysis import confidence_intervals, plot_forest
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> figure = plot_forest({"Wald": fit_newton(model), "profile": confidence_intervals(model)})
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['Intercept', 'gpa', 'tuce', 'psi']
    >>> ax = plot_forest({"Wald": fit_newton(model)}, odds_ratios=True).axes[0]
    >>> ax.get_xscale(), [text.get_text() for text in ax.get_yticklabels()]
    ('log', ['gpa', 'tuce', 'psi'])
    """
    if not isinstance(intervals, Mapping):
        raise InputTypeError(
            "plot_forest takes results by name, such as {'Wald': fit}, not " + a_or_an(intervals)
        )
    found = {label: interval_frame(part, prob) for label, part in intervals.items()}
    if not found:
        raise InputError("there is nothing to draw: pass an estimate, draws or intervals")
    first = next(iter(found.values()))
    names = list(first.index)
    if any(list(frame.index) != names for frame in found.values()):
        raise InputError("the intervals are of different coefficients")
    if odds_ratios:
        if standardised:
            raise InputError("odds ratios are not standardised: leave one of the two out")
        names = [name for name in names if name not in INTERCEPTS]
        if not names:
            raise InputError("of an intercept alone there is no odds ratio")
        found = {label: frame.loc[names] for label, frame in found.items()}
    standardised = not odds_ratios if standardised is None else standardised
    more = some_of(MOST_ROWS, len(names), "coefficient")
    names = names[:MOST_ROWS]
    found = {label: frame.iloc[:MOST_ROWS] for label, frame in found.items()}
    scale, odd = _scales(found, prob) if standardised else (pd.Series(1.0, index=names), [])
    with mpl.rc_context(STYLE):
        height = 0.9 + len(names) * (0.16 + 0.13 * len(found))
        figure, ax = canvas(height, ax)
        drawn = {label: frame.div(scale, axis=0) for label, frame in found.items()}
        every = np.concatenate([frame.to_numpy().ravel() for frame in drawn.values()])
        every = every[np.isfinite(every)]
        low, high = min([0.0, *every]), max([0.0, *every])
        room = 0.06 * (high - low) or 1.0
        low, high = low - room, high + room
        shown = _odds_ratio if odds_ratios else np.asarray
        if odds_ratios:
            _log_axis(ax, low, high)
        ax.set_xlim(float(shown(low)), float(shown(high)))
        ax.axvline(float(shown(0.0)), color=MUTED, linewidth=0.8, zorder=0)
        for i, (label, frame) in enumerate(drawn.items()):
            colour, marker = CYCLE[i % len(CYCLE)], MARKERS[i % len(MARKERS)]
            place = np.arange(len(names)) + (i - (len(found) - 1) / 2) * 0.7 / len(found)
            ends = shown(np.clip(frame.iloc[:, 1:].to_numpy(), low, high))
            ax.hlines(place, ends[:, 0], ends[:, 1], color=colour, linewidth=1.6)
            for side, arrow in ((1, "<"), (2, ">")):
                open_end = np.isinf(frame.iloc[:, side].to_numpy())
                edge = np.full(int(open_end.sum()), shown(low if side == 1 else high))
                ax.plot(edge, place[open_end], arrow, color=colour, markersize=5, clip_on=False)
            ax.plot(
                shown(frame.iloc[:, 0].to_numpy()),
                place,
                marker,
                color=colour,
                markersize=4.5,
                label=legend_label(label),
            )
        rows_axis(ax, [f"{put_label(name)} *" if name in odd else name for name in names])
        for between in range(len(names) - 1):
            ax.axhline(between + 0.5, color=FAINT, linewidth=0.6, zorder=0)
        note = "\n(*: / finite end)" if odd else ""
        what = (
            f"coefficient / standard error{note}"
            if standardised
            else "odds ratio (log axis)"
            if odds_ratios
            else "coefficient (log odds)"
        )
        ax.set_xlabel(f"{what}\nthe first {more}" if more else what)
        legend_above(ax, len(found))
        return figure


def _odds_ratio(value: Any) -> Array:
    """Exp of log odds, as far as an axis goes."""
    return np.asarray(np.exp(np.clip(value, -LARGEST, LARGEST)))


def _log_axis(ax: Axes, low: float, high: float) -> None:
    """A logarithmic axis from exp of one end to that of the other, with some round ticks."""
    ax.set_xscale("log")
    ax.set_autoscalex_on(False)
    ticks = _round_ratios(*_odds_ratio(np.array([low, high])).tolist())
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)


def _round_ratios(low: float, high: float) -> list[float]:
    """Some four to eight round numbers between two, 1 among them where it is there."""
    first, last = (math.floor(math.log10(end)) for end in (low, high))
    decades = range(first, last + 1)
    for digits in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**power for power in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= MOST_TICKS:
            break
    else:
        step = math.ceil(2 * len(decades) / MOST_TICKS)  # 1e-300 is wide
        ticks = [10.0**power for power in decades if power % step == 0 and low <= 10.0**power]
    if len(ticks) < FEWEST_TICKS:
        evenly = MaxNLocator(5).tick_values(low, high)
        ticks = [float(round(tick, 12)) for tick in evenly if 0 < low <= tick <= high]
    return ticks


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


def interval_frame(
    part: PointEstimate | Posterior | ResultTable | pd.DataFrame, prob: float
) -> pd.DataFrame:
    """Point and ends of the interval of each coefficient, in three columns."""
    low, high = percentages(prob)
    if isinstance(part, PointEstimate):
        require_computed(part)
        return part.summary(prob)[["coefficient", low, high]]
    if isinstance(part, Posterior):
        median = pd.Series(np.median(part.draws, axis=(0, 1)), index=list(part.names))
        return part.summary(prob)[[low, high]].assign(median=median)[["median", low, high]]
    if isinstance(part, ResultTable):
        part = part.table()
    if not isinstance(part, pd.DataFrame):
        raise InputTypeError(
            "intervals are a PointEstimate, a Posterior, what confidence_intervals(model) gives, "
            f"or a data frame, not {a_or_an(part)}"
        )
    if part.shape[1] != 3:
        raise InputError("a frame of intervals has three columns: point, lower and upper end")
    return part.astype(float)


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
        A dot a coefficient (of draws: of the mode found from them; of more than 400 coefficients
        the 400 that are furthest from the best); a bar at the proved error
        bound, or the stated error of a mode, with an arrow where there is none.

    Examples
    --------
    >>> from flatprior.analysis import compare_routes, plot_agreement
    >>> from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    >>> [text.get_text() for text in plot_agreement(agreement).axes[0].get_yticklabels()]
    ['newton', 'sklearn']
    """
    require_kind(agreement, Agreement, "what is drawn", "compare_routes(model, *results)")
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
    with mpl.rc_context(STYLE):
        figure, ax = canvas(1.1 + 0.34 * len(rows), ax)
        seen = np.concatenate([np.append(distance, bound) for _, distance, bound in rows])
        seen = np.append(seen[np.isfinite(seen) & (seen > 0)], agreement.tolerance)
        left = 10.0 ** (math.floor(math.log10(seen.min())) - 1)
        right = 10.0 ** (math.ceil(math.log10(seen.max())) + 0.7)
        for i, (_, every, bound) in enumerate(rows):
            distance = np.sort(every)[-MOST_POINTS:] if len(every) > MOST_POINTS else every
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
            (0, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            color=MUTED,
        )
        ax.set_xscale("log")
        ax.set_xlim(left, right)
        ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        # as on the page, and without exponents that are too small to read
        ax.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:.0e}"))
        rows_axis(ax, [name for name, _, _ in rows])
        ax.tick_params(axis="y", pad=BESIDE_ZERO)
        more = some_of(MOST_POINTS, len(error), "coefficient")
        what = "distance from the best route,\nin standard errors (◂ is 0)"
        ax.set_xlabel(f"{what}\nthe furthest {more}" if more else what)
        return figure


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

    Examples
    --------
    >>> from flatprior.analysis import plot_profile, profile_curve
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> figure = plot_profile(profile_curve(model, "psi", points=9))
    >>> "psi" in figure.axes[0].get_xlabel()
    True
    """
    require_kind(curve, ProfileCurve, "what is drawn", "profile_curve(model, name)")
    with mpl.rc_context(STYLE):
        figure, ax = canvas(2.8, ax)
        values = curve.table().index.to_numpy(dtype=float)
        ax.axhline(-curve.drop, color=MUTED, linestyle="--", linewidth=1)
        ax.plot(values, curve.table()["profile"], color=BLUE, label="profile likelihood")
        if np.isfinite(curve.table()["quadratic"]).all():
            ax.plot(
                values,
                curve.table()["quadratic"],
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
            )
        ax.set_ylim(-3.2 * curve.drop, 0.12 * curve.drop)
        ax.set_xlim(values[0], values[-1])
        ax.set_xlabel(put_label(curve.name))
        ax.set_ylabel("log-likelihood − its supremum")
        ax.legend(loc="lower center")
        return figure
