"""Figures of draws: densities beside the normal approximation, and pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import chi2, gaussian_kde, norm

from flatprior.analysis.figures.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    STYLE,
    WIDTH,
    Drawing,
    canvas,
    put_label,
    some_of,
)
from flatprior.analysis.monte_carlo import check_draws_of, require_draws
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.calls import model_first, require_kind
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count
from flatprior.models.estimate import fit_of, require_computed
from flatprior.models.likelihood import at_each, log_likelihoods
from flatprior.models.rows import as_held, merge_identical

MOST_PANELS = 12


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

    Examples
    --------
    >>> from flatprior.analysis import plot_posterior
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> from flatprior.models import sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> draws = sample_independence(model, seed=1, progress=False)
    >>> figure = plot_posterior(draws, fit_newton(model))
    >>> len(figure.axes)  # a coefficient each, and the legend's
    4
    """
    require_draws(posterior)
    require_kind(mle, PointEstimate, "mle", "fit_newton(model)")
    if mode is not None:
        require_kind(mode, PointEstimate, "mode", "posterior_mode(posterior)")
    for result in (mle, mode):
        if result is not None and result.names != posterior.names:
            raise InputError("draws and estimates are of different coefficients")
    require_computed(mle)
    draws = posterior.draws.reshape(-1, len(posterior.names))
    means = draws.mean(axis=0)
    if names is None:
        shift = np.abs(means - mle.coefficients) / mle.standard_errors
        chosen = np.sort(np.argsort(-shift, kind="stable")[:MOST_PANELS])
    else:
        missing = [name for name in names if name not in posterior.names]
        if missing or not names:
            raise InputError(f"there is no coefficient {missing[0] if missing else ''!r}")
        chosen = np.array([posterior.names.index(name) for name in names])
    columns = min(2, len(chosen))
    lines = math.ceil(len(chosen) / columns)
    with mpl.rc_context(STYLE):
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
            panel.set_title(put_label(posterior.names[j]))
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
            panel.set_ylim(bottom=0)
            panel.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
        for panel in panels[len(chosen) :]:
            panel.set_visible(False)
        handles, labels = panels[0].get_legend_handles_labels()
        more = some_of(len(chosen), len(means), "coefficient") if names is None else ""
        title = f"{more}:\nthose whose mean is furthest from the MLE" if more else None
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=3,
            title=title,
            title_fontsize=9.0,
            handlelength=1.4,
            columnspacing=1.0,
        )
        return figure


@model_first
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

    Examples
    --------
    >>> from flatprior.analysis import plot_draws
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> from flatprior.models import sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> draws = sample_independence(model, seed=1, progress=False)
    >>> figure = plot_draws(model, draws, fit_newton(model))
    >>> len(figure.axes)
    1
    """
    check_draws_of(model, posterior)
    mle = fit_of(model, mle)
    flat = posterior.draws.reshape(-1, model.n_parameters)
    values = at_each(as_held(merge_identical(model.rows)), log_likelihoods, flat).ravel()
    below = 2 * (mle.log_likelihood - values)
    with mpl.rc_context(STYLE):
        figure, ax = canvas(2.6, ax)
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
        ax.set_xlabel("2 (log-likelihood of the MLE − of the draw)")
        ax.legend(loc="upper right")
        return figure
