"""Standard errors and tests of means over dependent draws, by batch means.

The draws of each chain are cut into batches of consecutive draws, as many draws in a batch as there
are batches in all chains together, whose means are nearly independent and normal (Flegal and Jones
2010, "Batch means and spectral variance estimators in Markov chain Monte Carlo", Annals of
Statistics 38, 1034-1070).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import f as f_distribution, t as t_distribution

from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import require_kind
from flatprior.models.common.errors import InputError
from flatprior.models.covariance.roots import Root, required_root
from flatprior.models.covariance.sampling import required_sampling_root
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.provenance import require_belonging
from flatprior.models.rows import Block, as_held

LEAST_BATCHES = 4  # of fewer, Student's t has no variance


def require_draws(posterior: Posterior) -> None:
    """Raise a `TypeError` unless these are draws."""
    require_kind(posterior, Posterior, "draws", "sample_independence(model)")


def check_draws(model: BernoulliLogistic, posterior: Posterior) -> None:
    """Raise a `ValueError` unless the draws are finite and of the model's coefficients."""
    require_draws(posterior)
    require_belonging(model, "the draws", posterior.names, None)
    held = [("draws", posterior.draws)]
    if posterior.states_density:
        held.append(("log-densities", posterior.log_density))
    for what, values in held:
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise InputError(f"{bad} of the {what} of {posterior.route} are not finite")


def check_draws_of(model: BernoulliLogistic, posterior: Posterior) -> None:
    """`check_draws`, and a `ValueError` if they were made of other data than the model's."""
    check_draws(model, posterior)
    require_belonging(model, "the draws", None, posterior.provenance.data_hash, "sample this model")


def root_at(model: BernoulliLogistic, mle: PointEstimate) -> Root:
    """Root of the covariance at `mle`, by QR of the rows: no squared condition number.

    Where factors are held as codes it is factored, and not written out.
    """
    if model.sampling is not None:
        return required_sampling_root(model.rows, model.sampling, mle.coefficients)
    return required_root(model.rows, mle.coefficients)


def whitened(draws: Array, mle: PointEstimate, root: Root) -> Array:
    """Draws (chains, n, k) less the MLE, in coordinates in which its covariance is the identity."""
    return root.unplaced(draws - mle.coefficients)


def batch_length(chains: int, n: int, ess: float = math.inf) -> int:
    """Draws in a batch: the square root of all draws, or more where they depend on one another.

    Five times as many as make one effective draw, given their effective number `ess`; but at least
    two batches a chain. Rounded so that batches fill a chain as well as they can.
    """
    length = max(math.isqrt(chains * n), math.ceil(min(5 * chains * n / ess, n)))
    return n // min(n, max(2, n // length))


def batch_means(values: Array, length: int | None = None) -> Array:
    """Means of consecutive batches of `length`, or `batch_length`, draws of each chain.

    From (chains, n, columns) to (batches, columns); less than a batch of the first draws is left
    out.
    """
    chains, n, columns = values.shape
    length = batch_length(chains, n) if length is None else length
    batches = n // length
    trimmed = values[:, n - batches * length :]
    return np.asarray(trimmed.reshape(chains * batches, length, columns).mean(axis=1))


def standard_error(means: Array) -> Array:
    """Standard error (columns,) of the average of independent batch means (batches, columns).

    Such that (average - expectation) / error has a mean square of 1 though the error is estimated.
    A variance of m batches with an excess kurtosis g is known as well as one of a normal sample
    with d degrees of freedom, 2 / d = 2 / (m - 1) + g / m, and with that one the mean square would
    be d / (d - 2), that of Student's t. So the error is larger by the root of it, where few batches
    decide the variance by several times; of fewer than four batches it is infinite.
    """
    m = len(means)
    if m < LEAST_BATCHES:
        return np.full(means.shape[1:], math.inf)
    away = means - means.mean(axis=0)
    largest = np.abs(away).max(axis=0)
    away = away / np.where(largest > 0, largest, 1.0)  # no fourth power leaves the range of doubles
    square = np.square(away).mean(axis=0)
    excess = np.power(away, 4).mean(axis=0) / np.where(square > 0, np.square(square), 1.0) - 3
    share = 2 / (m - 1) + np.maximum(excess, 0.0) / m  # 2 / d, below 1
    return np.asarray(largest * np.sqrt(square / (m - 1) / (1 - share)))


def hotelling_p(means: Array) -> float:
    """Hotelling's T-squared p-value that independent batch means (m, k) have expectation 0."""
    m, k = means.shape
    average = means.mean(axis=0)
    covariance = np.atleast_2d(np.cov(means, rowvar=False)) / m
    try:
        statistic = float(average @ np.linalg.solve(covariance, average))
    except np.linalg.LinAlgError:  # draws that do not move
        return 0.0
    return float(f_distribution.sf(statistic * (m - k) / (k * (m - 1)), k, m - k))


def t_p(means: Array) -> float:
    """Two-sided t-test p-value that independent batch means (m,) have expectation 0."""
    m = len(means)
    spread = float(means.std(ddof=1)) / math.sqrt(m)  # the test allows for it by itself
    if spread == 0:
        return 0.0
    return float(2 * t_distribution.sf(abs(means.mean()) / spread, m - 1))


def two_sample_p(first: Array, second: Array) -> float:
    """p-value that two sets of independent batch means (m, k) have the same expectation.

    Hotelling's T-squared with unequal covariances, referred to F with the degrees of freedom of
    Krishnamoorthy and Yu (2004), "Modified Nel and Van der Merwe test for the multivariate
    Behrens-Fisher problem", Statistics & Probability Letters 66, 161-169.
    """
    k = first.shape[1]
    too_few = f"too few batches of draws to compare {k} means; draw more"
    if len(first) + len(second) - 2 < k:  # singular covariances, which rounding may conceal
        raise InputError(too_few)
    difference = first.mean(axis=0) - second.mean(axis=0)
    parts = [np.atleast_2d(np.cov(means, rowvar=False)) / len(means) for means in (first, second)]
    total = parts[0] + parts[1]
    try:
        statistic = float(difference @ np.linalg.solve(total, difference))
        shares = [np.linalg.solve(total, part) for part in parts]
    except np.linalg.LinAlgError:  # draws that do not move
        return 0.0
    spread = sum(
        (np.trace(share @ share) + np.trace(share) ** 2) / (len(means) - 1)
        for share, means in zip(shares, (first, second), strict=True)
    )
    freedom = (k + k**2) / float(spread)
    if freedom <= k - 1:
        raise InputError(too_few)
    scaled = statistic * (freedom - k + 1) / (k * freedom)
    return float(f_distribution.sf(scaled, k, freedom - k + 1))


def predicted_mean_shift(
    model: BernoulliLogistic, mle: PointEstimate, root: Root | None = None
) -> Array:
    r"""First-order prediction of posterior mean minus MLE, (k,) in units of the coefficients.

    :math:`-\frac12 H^{-1} X'(D(1 - 2p) \circ v)` with :math:`v_i = x_i'H^{-1}x_i`: the same as the
    first-order bias of the MLE (Cox and Snell 1968), since the link is canonical. Posterior mean
    and MLE err in the same direction, to first order the mean twice as far. Its own error is of
    order n^-2. A `root` of the covariance at `mle` saves another.
    """
    here = root_at(model, mle) if root is None else root
    skewness, _ = skewness_and_meat(model, mle, here)
    return np.asarray(here.times(skewness[None])[0] / 2)


def skewness_and_meat(
    model: BernoulliLogistic, mle: PointEstimate, root: Root
) -> tuple[Array, float]:
    """What first-order theory needs of the rows, in one pass.

    Of each row's linear predictor take the variance. These are the sums of third derivatives times
    it, (k,), and of squared residuals times it: k where the model is right. `root` is that of the
    covariance at `mle`.
    """

    def of_block(block: Block) -> Array:
        terms = row_terms(block, mle.coefficients)
        eta = linear_predictor(block, mle.coefficients)
        variance = np.square(root.lengths(block.design))
        skewness = (terms.curvature * np.tanh(eta / 2) * variance) @ block.design
        meat = (np.square(terms.residual) / block.counts) @ variance
        return np.append(skewness, meat)

    found = kept(
        model.rows,
        "skewness and meat",
        lambda: as_held(model.rows).reduce(of_block),
        mle.coefficients,
    )
    return found[:-1], float(found[-1])
