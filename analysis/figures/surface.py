"""The log-likelihood over two coefficients, with the ways that optimisers take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import chi2

from flatprior.analysis.cross_entropy.descent import gradient_descent
from flatprior.analysis.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MARKERS,
    MUTED,
    ORANGE,
    PURPLE,
    STYLE,
    canvas,
    legend_above,
    legend_label,
    put_label,
)
from flatprior.analysis.maxima import Held, maximum_from
from flatprior.analysis.monte_carlo import root_at
from flatprior.analysis.optimiser_paths import lbfgs_path, newton_path
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.json_values import in_short
from flatprior.models.common.text import SCREEN, count, names_in
from flatprior.models.routes.newton import converged_mle

MOST_STEPS = 2000  # of gradient descent, for a figure
REGION = 4.2  # standard errors around the MLE: 99.9% of two coefficients reach to 3.7
ARRIVED = 1e-6  # standard errors from the MLE
FURTHEST = 12.0  # standard errors from the MLE that a surface may show
GRID = 41  # points a side of a likelihood surface


@model_first
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
        Iterates of each optimiser; default Newton's method, L-BFGS and gradient descent from zero,
        the last, of which each step is a pass, only of rows in memory.
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
        raise InputError("a surface needs two coefficients; see plot_profile for one")
    names = (model.names[0], model.names[1]) if names is None else names
    if isinstance(names, str) or not isinstance(names, Sequence) or len(names) != 2:
        raise InputError(f"a surface needs the names of two coefficients, not {in_short(names)}")
    for name in names:
        if name not in model.names:
            raise InputError(
                f"the model has no coefficient {name!r}; it has {names_in(SCREEN, model.names)}"
            )
    if names[0] == names[1]:
        raise InputError(f"a surface needs two coefficients, not {names[0]!r} twice")
    here = model.rows.resident
    if not here and model.n_parameters > 2:
        raise InputError(
            f"a surface of two of {model.n_parameters} coefficients is maximised over the others "
            f"at {GRID**2} points, with passes over the rows for each: build the model on a sample "
            "with from_formula, or see plot_profile"
        )
    pair = [model.names.index(name) for name in names]
    mle = converged_mle(model)
    if paths is None:
        zero = np.zeros((1, model.n_parameters))
        slow = {"gradient descent": gradient_descent(model, steps=MOST_STEPS).path} if here else {}
        paths = slow | {
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
    both = np.zeros((2, len(mle.names)))
    both[[0, 1], pair] = 1.0
    root = np.linalg.cholesky(root_at(model, mle).times(both)[:, pair])
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
    with mpl.rc_context(STYLE):
        figure, ax = canvas(4.0, ax)
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
                label=f"{legend_label(label)} ({count(len(way) - 1, 'step')}"
                f"{'' if there[label] else ', not there'})",
            )
        ax.plot(*centre, "*", color=INK, markersize=11, label="MLE")
        ax.set_xlim(*corners[:, 0].tolist())
        ax.set_ylim(*corners[:, 1].tolist())
        ax.set_xlabel(put_label(names[0]))
        ax.set_ylabel(put_label(names[1]))
        legend_above(ax, 2)
        figure.draw_without_rendering()  # labels look for room in the layout as it is
        ax.clabel(
            inner,
            fmt=dict(zip(inner.levels, ("99.9%", "99%", "90%", "50%"), strict=True)),
        )
        return figure


def _surface(model: BernoulliLogistic, mle: PointEstimate, pair: list[int], points: Array) -> Array:
    """Log-likelihood at points (..., 2) of two coefficients, maximised over the others."""
    flat = points.reshape(-1, 2)
    if model.n_parameters == 2:
        return np.asarray(model.log_likelihood(flat[:, np.argsort(pair)])).reshape(points.shape[:2])
    others = np.setdiff1d(np.arange(model.n_parameters), pair)
    columns = np.column_stack([model.arrays.design[:, j] for j in pair]).astype(float)
    held = Held(model.arrays.select(slice(None), others), columns)
    height, start = np.full(len(flat), math.nan), mle.coefficients[others]
    for i, point in enumerate(flat):
        found = maximum_from(held.at(point), start)  # from the fit at the point before
        if found is not None:
            height[i], start = found
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
