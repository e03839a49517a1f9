"""Figures of chains: their traces and the ranks of their draws."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import rankdata

from flatprior.analysis.figures.style import CYCLE, MUTED, STYLE, WIDTH, Drawing, put_label
from flatprior.analysis.monte_carlo import require_draws
from flatprior.models import Posterior
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError

MOST_DRAWN = 3  # coefficients, those with the fewest effective draws
MOST_PLACES = 150  # of a trace
BINS = 20  # of ranks


@own_error_state
def plot_chains(posterior: Posterior, names: Sequence[str] | None = None) -> Figure:
    """Traces of the chains, and how often their draws have each rank among those of all chains.

    Parameters
    ----------
    posterior : Posterior
    names : sequence of str, optional
        Which coefficients; default the three with the fewest effective draws (bulk).

    Returns
    -------
    Figure
        A line of panels for each coefficient: the trace, of long chains every so many draws, and
        a histogram of ranks for each chain, beside which a dashed line is where those of chains
        that have mixed lie (Vehtari et al. 2021, "Rank-normalization, folding, and localization",
        Bayesian Analysis 16, 667-718).

    Raises
    ------
    ValueError
        If there is no such coefficient.

    Examples
    --------
    >>> from flatprior.analysis import plot_chains
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> figure = plot_chains(sample_independence(model, seed=1, progress=False), ["gpa"])
    >>> len(figure.axes)
    2
    """
    require_draws(posterior)
    if names is None:
        chosen = fewest_effective(posterior.summary())
    else:
        missing = [name for name in names if name not in posterior.names]
        if missing or not names:
            raise InputError(f"there is no coefficient {missing[0] if missing else ''!r}")
        chosen = np.array([posterior.names.index(name) for name in names])
    chains, n, _ = posterior.draws.shape
    every = step_of(n)
    with mpl.rc_context(STYLE):
        figure = Drawing(figsize=(WIDTH, 0.4 + 1.3 * len(chosen)), layout="constrained")
        lines = figure.subplots(len(chosen), 2, squeeze=False)
        for (trace, ranked), j in zip(lines, chosen, strict=True):
            draws = posterior.draws[:, :, j]
            ranks = rankdata(draws).reshape(chains, n)
            edges = np.linspace(0.5, chains * n + 0.5, BINS + 1)
            for i in range(chains):
                colour = CYCLE[i % len(CYCLE)]
                places = np.arange(0, n, every)
                trace.plot(places + 1, draws[i, ::every], color=colour, linewidth=0.6, alpha=0.8)
                counted, _ = np.histogram(ranks[i], bins=edges)
                ranked.stairs(counted, edges, baseline=None, color=colour, linewidth=1.1)
            ranked.axhline(n / BINS, color=MUTED, linestyle="--", linewidth=1)
            ranked.set_ylim(bottom=0)
            trace.set_title(put_label(posterior.names[j]), loc="left")
            trace.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3))
            ranked.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3))
        lines[-1][0].set_xlabel("draw")
        lines[-1][1].set_xlabel("rank")
        return figure


def fewest_effective(summary: pd.DataFrame) -> np.ndarray:
    """Places of the coefficients with the fewest effective draws, in their order."""
    return np.sort(np.argsort(summary["ess bulk"].to_numpy(), kind="stable")[:MOST_DRAWN])


def step_of(n: int) -> int:
    """Of n draws of a chain every how many-th its trace has."""
    return -(-n // MOST_PLACES)
