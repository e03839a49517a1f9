"""Leave-one-out densities of rows by Pareto-smoothed importance sampling, a few rows at a time.

Of rows in memory all numbers are kept, and of others as long as they are not too many; then sums,
and the numbers of the rows with the largest Pareto k.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from flatprior.analysis.diagnostics.summaries import Spread, se_of_sum, spread_of_sum
from flatprior.analysis.diagnostics.without_each import singly
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.largest import Largest
from flatprior.models.common.arrays import Array
from flatprior.models.common.progress import progress_bar
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

SAME = 1e-13  # in log-likelihood, over all draws
ROWS_AT_ONCE = 256  # with 4000 draws: 8 MB
MOST_HELD = 2**20  # rows that are not in memory, each of whose numbers is kept
MOST_KEPT = 1000  # of more


class Estimates(NamedTuple):
    """Of m rows: log density without the row and with it, Pareto k; and what each draw adds.

    The latter, (draws,), are sums over observations of importance weights.
    """

    elpd: Array
    density: Array
    pareto_k: Array
    influence: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Sampler:
    """Draws, and what is asked of each row by them.

    Attributes
    ----------
    draws : ndarray (total, k)
    relative : float
        Effective draws, as a share of all.
    largest_k : float
        Pareto k above which the estimate of a row is unreliable.
    """

    draws: Array
    relative: float
    largest_k: float

    def estimates(self, block: Block) -> Estimates:
        """Those of one observation of each row of a block."""
        from arviz_stats.base import array_stats

        total = len(self.draws)
        terms = row_terms(singly(block), self.draws.T).log_likelihood
        log_weights, pareto = np.full(terms.shape, -math.log(total)), np.zeros(len(terms))
        # a row that is certain in every draw has equal weights, and they no tail to fit
        told = np.ptp(terms, axis=1) > SAME
        if told.any():
            with np.errstate(all="ignore"):
                smoothed, shape = array_stats.psislw(terms[told], r_eff=self.relative, axis=-1)
            # draws that are repeated may fill a tail, to which none is fitted: nothing is smoothed
            tied = np.isnan(smoothed).any(axis=1)
            plain = -terms[told][tied]
            smoothed[tied] = plain - logsumexp(plain, axis=1, keepdims=True)
            shape[tied] = math.nan
            log_weights[told], pareto[told] = smoothed, shape
        return Estimates(
            elpd=logsumexp(log_weights + terms, axis=1),
            density=logsumexp(terms, axis=1) - math.log(total),
            pareto_k=pareto,
            influence=block.counts @ np.exp(log_weights),
        )

    def judged(self, block: Block, most: int) -> Judged:
        """What is kept of the rows of a block."""
        pieces = block.split(ROWS_AT_ONCE)
        return functools.reduce(operator.add, (self._judged(piece, most) for piece in pieces))

    def _judged(self, block: Block, most: int) -> Judged:
        found, weights = self.estimates(block), block.counts
        # NaN, where k could not be computed, is the hardest of all
        hardness = np.nan_to_num(found.pareto_k, nan=math.inf)
        numbers = block._replace(design=np.column_stack([found.elpd, found.pareto_k]))
        bad = weights[~(found.pareto_k <= self.largest_k)].sum()
        return Judged(
            spread=Spread.of(found.elpd[None], weights),
            density=float(weights @ found.density),
            influence=found.influence,
            n_bad=int(bad),
            hardest=Largest.of(hardness, numbers, most, np.arange(len(weights))),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """What is kept of rows; it adds.

    Attributes
    ----------
    spread : Spread
        Of log densities without each observation.
    density : float
        Sum over observations of those with it.
    influence : ndarray (draws,)
    n_bad : int
        Observations with an unreliable estimate.
    hardest : Largest
        Elpd and Pareto k in place of the design.
    """

    spread: Spread
    density: float
    influence: Array
    n_bad: int
    hardest: Largest

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            spread=self.spread + other.spread,
            density=self.density + other.density,
            influence=self.influence + other.influence,
            n_bad=self.n_bad + other.n_bad,
            hardest=self.hardest + other.hardest,
        )


class OfRows(NamedTuple):
    """Sums over observations, and numbers of rows: of all, or where `numbers` says of which."""

    elpd: float
    se: float
    density: float
    influence: Array
    n_bad: int
    pointwise: Array
    pareto_k: Array
    weights: Array
    labels: Any
    numbers: NDArray[np.intp] | None


def in_memory(model: BernoulliLogistic, sampler: Sampler, progress: bool) -> OfRows:
    """Of rows in memory."""
    n, weights, influence = model.n_rows, model.counts, np.zeros(len(sampler.draws))
    elpd, density, pareto = np.empty((3, n))
    with progress_bar("rows", n, progress) as advance:
        for start in range(0, n, ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            found = sampler.estimates(as_held(model.arrays).block(part))
            elpd[part], density[part], pareto[part] = found[:3]
            influence += found.influence
            advance(len(found.elpd))
    return OfRows(
        elpd=float(weights @ elpd),
        se=spread_of_sum(elpd, weights),
        density=float(weights @ density),
        influence=influence,
        n_bad=int(weights[~(pareto <= sampler.largest_k)].sum()),
        pointwise=elpd,
        pareto_k=pareto,
        weights=weights,
        labels=model.row_labels,
        numbers=None,
    )


def in_a_pass(model: BernoulliLogistic, sampler: Sampler) -> OfRows:
    """Of rows that are not."""
    n = model.n_rows
    most = n if n <= MOST_HELD else MOST_KEPT
    found = as_held(model.rows).reduce(functools.partial(sampler.judged, most=most))
    hardest, spread = found.hardest, found.spread
    order = np.argsort(hardest.numbers) if most == n else np.arange(most)
    elpd, pareto = hardest.block.design[order].T
    return OfRows(
        elpd=float(spread.n * spread.mean[0]),
        se=se_of_sum(spread),
        density=found.density,
        influence=found.influence,
        n_bad=found.n_bad,
        pointwise=elpd,
        pareto_k=pareto,
        weights=hardest.block.counts[order],
        labels=np.asarray(hardest.block.labels)[order],
        numbers=None if most == n else hardest.numbers,
    )
