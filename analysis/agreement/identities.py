r"""Identities that hold exactly under the flat-prior posterior, tested by draws.

With score S and MLE :math:`\hat\beta`, integration by parts gives

.. math:: E[S(\beta)] = 0, \qquad E[(\beta - \hat\beta)'S(\beta)] = -k ,

whatever the sample size. Two sets of draws have, besides, the same means and the same spread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flatprior.analysis.agreement.departures import Sight
from flatprior.analysis.monte_carlo import (
    batch_length,
    batch_means,
    hotelling_p,
    root_at,
    t_p,
    two_sample_p,
    whitened,
)
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count
from flatprior.models.covariance.roots import Root
from flatprior.models.posterior import at_draws


class Identities(NamedTuple):
    """What `exact_identities` finds."""

    score_p: float
    trace: float
    trace_p: float
    log_likelihood: Array  # of each draw, (chains, draws)
    score: Array  # of each draw, (chains * draws, k)
    sight: Sight


def exact_identities(
    model: BernoulliLogistic,
    draws: Array,
    mle: PointEstimate,
    length: int | None = None,
    root: Root | None = None,
) -> Identities:
    """Score and trace test of draws (chains, n, k) in batches, and their log-likelihoods."""
    chains, n, k = draws.shape
    flat = draws.reshape(-1, k)
    root = root_at(model, mle) if root is None else root
    found = at_draws(model.rows, flat)
    log_likelihood, score = found[:, 0], found[:, 1:]
    # in whitened coordinates, so that its covariance is near the identity
    white = root.rooted(score).reshape(draws.shape)
    trace = np.einsum("ij,ij->i", flat - mle.coefficients, score)
    scores_of, traces = (
        batch_means(values, length) for values in (white, (trace + k).reshape(chains, n, 1))
    )
    return Identities(
        score_p=hotelling_p(scores_of),
        trace=float(trace.mean()),
        trace_p=t_p(traces[:, 0]),
        log_likelihood=log_likelihood.reshape(chains, n),
        score=score,
        sight=Sight.of(scores_of, traces),
    )


def agreement_p(
    model: BernoulliLogistic, first: Posterior, second: Posterior, mle: PointEstimate
) -> float:
    """p-value that two sets of draws have the same means and the same spread."""
    lengths = [batches_of(posterior) for posterior in (first, second)]
    root = root_at(model, mle)
    means = []
    for posterior, length in zip((first, second), lengths, strict=True):
        white = whitened(posterior.draws, mle, root)
        squared = np.square(white).sum(axis=2, keepdims=True)
        joined = np.concatenate([white, squared], axis=2)
        means.append(batch_means(joined, length))
    return two_sample_p(*means)


def batches_of(posterior: Posterior) -> int:
    """Draws in a batch for the tests of these draws.

    Longer where the draws depend on one another, unless there would be too few batches then.
    """
    chains, n, k = posterior.draws.shape
    found = posterior.diagnostics
    # ArviZ has no number for draws that do not move
    ess = max(1.0, float(np.nan_to_num(min(found["ess bulk"], found["ess tail"]))))
    for length in (batch_length(chains, n, ess), batch_length(chains, n)):
        batches = chains * (n // length)
        if batches > k + 2:
            return length
    raise InputError(
        f"{count(chains, 'chain')} of {count(n, 'draw')}, cut into {batches} batches, are too few "
        f"to test {count(k, 'coefficient')}; draw more"
    )
