"""Traces and ranks, read back from their figure."""

import numpy as np
import pytest
from drawn import texts_do_not_overlap

from flatprior.analysis import plot_chains
from flatprior.analysis.figures.chains import BINS, MOST_DRAWN, MOST_PLACES


def test_traces_and_ranks_are_those_of_the_draws(draws):
    figure = plot_chains(draws, ["gpa"])
    trace, ranked = figure.axes
    chains, n, _ = draws.draws.shape
    values = draws.draws[:, :, draws.names.index("gpa")]
    every = -(-n // MOST_PLACES)
    for i, line in enumerate(trace.get_lines()):
        assert line.get_ydata().tolist() == values[i, ::every].tolist()
        assert line.get_xdata().tolist() == list(range(1, n + 1, every))
    counts = np.array([each.get_data().values for each in ranked.patches])
    assert counts.sum(axis=1).tolist() == [n] * chains
    assert {each.get_data().baseline for each in ranked.patches} == {None}  # no lines at the ends
    # draws that were kept twice are ties, each with the mean of their ranks
    every_draw = np.sort(values.ravel())
    below = np.searchsorted(every_draw, values)
    ranks = (below + np.searchsorted(every_draw, values, side="right") + 1) / 2
    bins = np.floor((ranks - 0.5) / (chains * n / BINS)).astype(int)
    due = [np.bincount(each, minlength=BINS).tolist() for each in bins]
    assert counts.tolist() == due
    assert ranked.get_lines()[0].get_ydata()[0] == n / BINS
    texts_do_not_overlap(figure)


def test_those_with_the_fewest_effective_draws_are_drawn(draws):
    figure = plot_chains(draws)
    fewest = draws.summary()["ess bulk"].nsmallest(MOST_DRAWN).index
    shown = [ax.get_title(loc="left") for ax in figure.axes[::2]]
    assert shown == [name for name in draws.names if name in fewest]
    with pytest.raises(ValueError, match="no coefficient 'income'"):
        plot_chains(draws, ["income"])


def test_names_are_text():
    from flatprior.models import BernoulliLogistic, sample_independence

    rng = np.random.default_rng(1)
    model = BernoulliLogistic.from_arrays(
        {"$a_{b}$": rng.normal(size=60)}, rng.integers(0, 2, 60), intercept=True
    )
    posterior = sample_independence(model, draws=200, seed=1, progress=False)
    titles = [ax.get_title(loc="left") for ax in plot_chains(posterior).axes]
    assert r"\$a_{b}\$" in titles
