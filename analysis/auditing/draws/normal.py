"""Are draws from a normal distribution in place of the posterior: an approximation to it?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from flatprior.analysis.auditing.draws.case import NEAR, Case
from flatprior.analysis.auditing.draws.cures import sample_it
from flatprior.analysis.auditing.draws.likeness import Likeness
from flatprior.analysis.monte_carlo import batch_means, hotelling_p, t_p, whitened
from flatprior.models.common.arrays import Array

WIDEST = 4.0  # times the variance of the normal approximation that an approximation may have
LEAST_CORRELATION = 0.1  # of coefficients, which independent draws have not


def approximations(case: Case) -> Iterator[Likeness]:
    """Normal distributions in place of the posterior, at a known place."""
    white = whitened(case.draws, case.mle, case.root)
    yield Likeness(
        cause="normal approximation",
        said="draws from the normal approximation at the MLE (Laplace)",
        p=_standard_p(white, (1, 2), case.length),
        cure=sample_it(case),
    )
    if case.k == 1 or not _is_near(case):
        return
    first, second = np.triu_indices(case.k, 1)
    # the posterior's own coefficients depend on one another
    if np.abs(_correlations(case.mle.covariance)[first, second]).max() < LEAST_CORRELATION:
        return
    flat = case.draws.reshape(-1, case.k)
    own = (case.draws - flat.mean(axis=0)) / flat.std(axis=0)
    independent = _mean_p(own[..., first] * own[..., second], case.length)
    yield Likeness(
        cause="normal approximation",
        said="draws from a normal distribution of independent coefficients, as mean-field "
        f"variational inference (ADVI) makes{_spread(case)}",
        p=min(1.0, 2 * min(_normal_p(case), independent)),
        cure=sample_it(case),
    )


def some_normal(case: Case) -> Iterator[Likeness]:
    """A normal distribution wherever it is: all that is left to say where nothing else fits."""
    near = _is_near(case)
    yield Likeness(
        cause="normal approximation" if near else "normal distribution",
        said=f"draws from some normal distribution, as variational inference makes{_spread(case)}"
        if near
        else "draws from a normal distribution that is not near the posterior, such as "
        f"variational inference that has not converged{_spread(case)}",
        p=_normal_p(case),
        cure=sample_it(case),
    )


def _variance_ratio(case: Case) -> float:
    """Of the draws' variance to that of the normal approximation at the MLE."""
    white = whitened(case.draws, case.mle, case.root)
    return float(np.square(white - white.mean(axis=(0, 1))).sum(axis=2).mean()) / case.k


def _is_near(case: Case) -> bool:
    """Whether draws have the place and about the size of an approximation."""
    return case.distance(case.draws) < NEAR and _variance_ratio(case) < WIDEST


def _spread(case: Case) -> str:
    ratio = _variance_ratio(case)
    return f"; their variance is {ratio:.0%} of that of the normal approximation at the MLE"


def _normal_p(case: Case) -> float:
    """p-value that the draws have the skewness and kurtosis of a normal distribution."""
    flat = case.draws.reshape(-1, case.k)
    try:
        triangle = np.linalg.cholesky(np.cov(flat, rowvar=False).reshape(case.k, case.k))
        sphered = (case.draws - flat.mean(axis=0)) @ np.linalg.inv(triangle).T
    except np.linalg.LinAlgError:  # draws that do not move
        return 0.0
    return _standard_p(sphered, (3, 4), case.length)


def _standard_p(z: Array, degrees: tuple[int, ...], length: int) -> float:
    """p-value that draws (chains, n, k) are standard normal, by Hermite polynomials and waves.

    The polynomials see small shifts best; the waves are bounded, so that the tails of what is far
    from normal do not hide it.
    """
    of = {1: z, 2: z * z - 1, 3: z**3 - 3 * z, 4: z**4 - 6 * z * z + 3}
    polynomials = np.concatenate([of[degree] for degree in degrees], axis=-1)
    waves = np.concatenate([np.sin(z), np.cos(z) - math.exp(-0.5)], axis=-1)
    return min(1.0, 2 * min(_mean_p(each, length) for each in (polynomials, waves)))


def _mean_p(values: Array, length: int) -> float:
    """p-value that all columns of (chains, n, columns) have the mean 0."""
    means = batch_means(values, length)
    if len(means) > values.shape[-1] + 2:
        return float(np.nan_to_num(hotelling_p(means)))
    each = [t_p(means[:, j]) for j in range(means.shape[1])]
    return float(min(1.0, len(each) * np.nan_to_num(min(each))))


def _correlations(covariance: Array) -> Array:
    sd = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(sd, sd))
