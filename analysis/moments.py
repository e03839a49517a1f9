r"""Posterior moments to many digits: draws corrected by what is known to average to zero.

Under the flat-prior posterior with score S, integration by parts gives for every polynomial P

.. math:: E[\Delta P(\beta) + \nabla P(\beta)' S(\beta)] = 0 .

Near its mode the posterior is nearly normal, S nearly linear, and combinations of these *control
variates* imitate a coefficient or a product of two so well that the draws' chance variation all but
cancels: Mira, Solgi and Imparato (2013), "Zero variance Markov chain Monte Carlo for Bayesian
estimators", Statistics and Computing 23, 653-662.

What they leave lies in the tails, where draws are few, and a chain that got there may stay: the
few would decide the estimate, and the error stated for it. Each draw therefore has a twin, at
`stretch` times its distance from the MLE. Where draws have the density f, twins have
:math:`s^{-k} f(\hat\beta + (\beta - \hat\beta) / s)`, whose constant is the same, so that
each point of the two samples together has a known weight, f over the mean of the two densities,
2 at most (Owen and Zhou 2000, "Safe and effective importance sampling", Journal of the American
Statistical Association 95, 135-143). The weights average to 1: another control variate.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from flatprior.analysis.monte_carlo import (
    batch_length,
    batch_means,
    check_draws_of,
    root_at,
    standard_error,
    whitened,
)
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.rendering import (
    Renderable,
    Rendered,
    chosen,
    of_model,
)
from flatprior.models.common.text import certain, count
from flatprior.models.estimate import mle_of
from flatprior.models.likelihood import at_each, heights_and_scores
from flatprior.models.posterior import at_draws
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import as_held, merge_identical

HIGHEST_DEGREE = 3  # beyond it errors are smaller still, but tails too heavy to state them
LEAST_GAIN = 20.0  # by which the third order must cut the error of the second, to be trusted
DRAWS_PER_VARIATE = 10
LEAST_BLOCKS = 4
STUCK = 1e-8  # a variance, in squared standard errors of the MLE, that is none
DRAWS_AT_ONCE = 8192  # their control variates are held at a time


_ERRORS = {
    "mean": "mcse",
    "sd": "mcse sd",
    "plain mean": "plain mcse",
    "plain sd": "plain mcse sd",
}  # each with its own


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class PosteriorMoments(Renderable):
    """Means, standard deviations and covariances of the flat-prior posterior, with their errors.

    Attributes
    ----------
    names : tuple of str
    degree : int
        Of the polynomials behind the control variates, at most.
    n_draws : int
    mean, mean_error : ndarray (k,)
        With control variates, and its Monte Carlo standard error.
    sd, sd_error : ndarray (k,)
    covariance, covariance_error : ndarray (k, k)
    plain_mean, plain_mean_error, plain_sd, plain_sd_error : ndarray (k,)
        The same of the draws as they are, without control variates.
    formula : str or None
    """

    names: tuple[str, ...]
    degree: int
    n_draws: int
    mean: Array
    mean_error: Array
    sd: Array
    sd_error: Array
    covariance: Array
    covariance_error: Array
    plain_mean: Array
    plain_mean_error: Array
    plain_sd: Array
    plain_sd_error: Array
    formula: str | None = None

    def table(self) -> pd.DataFrame:
        """One row a coefficient: mean and sd with their errors, with control variates and plain."""
        return pd.DataFrame(
            {
                "mean": self.mean,
                "mcse": self.mean_error,
                "sd": self.sd,
                "mcse sd": self.sd_error,
                "plain mean": self.plain_mean,
                "plain mcse": self.plain_mean_error,
                "plain sd": self.plain_sd,
                "plain mcse sd": self.plain_sd_error,
            },
            index=pd.Index(self.names, name="name"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        whole = self.table()
        shown = whole.astype(object)
        for name, error in _ERRORS.items():
            shown[name] = [
                certain(value, own / 10, 12)
                for value, own in zip(whole[name], whole[error], strict=True)
            ]
        text = chosen(shown, columns)
        return replace(
            Rendered.of(
                text,
                dict.fromkeys(_ERRORS.values(), ".1e"),
                of_model("Posterior moments", self.formula),
                [
                    f"{count(self.n_draws, 'draw')}, control variates of degree {self.degree} at "
                    "most"
                    if self.degree
                    else f"{count(self.n_draws, 'draw')}, no control variates"
                ],
                [
                    "each mcse is the Monte Carlo standard error of what stands before it, and the "
                    "last digit shown the first that it touches; plain: of the draws as they are, "
                    "without control variates"
                ],
                "plain mean",
            ),
            raw=whole[list(text.columns)],
        )


@model_first
def posterior_moments(
    model: BernoulliLogistic, posterior: Posterior, mle: PointEstimate | None = None
) -> PosteriorMoments:
    """Posterior means, standard deviations and covariances by control variates from the score.

    Parameters
    ----------
    model : BernoulliLogistic
        The model the draws were made of; its score is evaluated at every draw.
    posterior : Posterior
        Draws of any route.
    mle : PointEstimate, optional
        For location and scale of the polynomials; default the Newton route's. Any will do.

    Returns
    -------
    PosteriorMoments

    Raises
    ------
    ValueError
        If the draws are of other data or coefficients, not finite, fewer than ten times as many as
        coefficients, or stuck.
    ArithmeticError
        If the columns are too ill-conditioned.

    Notes
    -----
    Each draw is used twice: where it is, and `stretch` times as far from the MLE, both weighted so
    that they remain a sample of the posterior. That puts more points into the tails, where what
    control variates leave is decided. The degree is the highest up to 3 with at most a tenth as
    many control variates as draws; 3 only where it cuts the error at least twentyfold. The factors
    of the control variates are fitted on all chains but one and applied to that one (to quarters of
    fewer than four chains), so that the estimates stay unbiased. Standard errors are those of batch
    means, larger where few of them decide the variance (`flatprior.analysis.monte_carlo`). Of
    chains that stay in the tails of skewed posteriors, as those of `sample_independence` do, they
    were seen a tenth too small.

    Examples
    --------
    >>> from flatprior.analysis import posterior_moments
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> posterior = sample_independence(model, seed=1, progress=False)
    >>> moments = posterior_moments(model, posterior)
    >>> bool((moments.mean_error < moments.plain_mean_error / 10).all())
    True
    """
    check_draws_of(model, posterior)
    mle = converged_mle(model) if mle is None else mle_of(model, mle)
    draws = posterior.draws
    chains, n, k = draws.shape
    degree = _degree(chains * n, k)
    error = mle.standard_errors
    points = _Points.of(model, mle, draws)

    blocks = _blocks(chains, n)
    shortest = min(len(range(n)[block[1]]) for block in blocks)
    length = min(batch_length(chains, n), max(1, shortest // 2))
    sums = [_block_sums(points.part(block), degree, length) for block in blocks]
    plain = _Estimate.of(np.vstack([block.plain for block in sums]), k)
    controlled = _controlled(sums, k, degree)
    if degree > 2:
        # what the third order leaves lies in the tails: where that is not little, few draws see it
        lower = _controlled(sums, k, 2)
        if lower.mean_error.max() < LEAST_GAIN * controlled.mean_error.max():
            controlled, degree = lower, 2
    if not min(np.diag(plain.covariance).min(), np.diag(controlled.covariance).min()) > STUCK:
        raise StuckDrawsError(
            "the draws have no variance to speak of: their chains are stuck, or are of another "
            "posterior"
        )
    flat = points.standard[0].reshape(-1, k)
    return PosteriorMoments(
        names=model.names,
        degree=degree,
        n_draws=chains * n,
        mean=mle.coefficients + error * controlled.mean,
        mean_error=error * controlled.mean_error,
        sd=error * controlled.sd,
        sd_error=error * controlled.sd_error,
        covariance=np.outer(error, error) * controlled.covariance,
        covariance_error=np.outer(error, error) * controlled.covariance_error,
        plain_mean=mle.coefficients + error * flat.mean(axis=0),
        plain_mean_error=error * plain.mean_error,
        plain_sd=error * flat.std(axis=0, ddof=1),
        plain_sd_error=error * plain.sd_error,
        formula=model.formula,
    )


class StuckDrawsError(FlatpriorError, ValueError):
    """The draws have no variance to speak of."""


def _degree(n_draws: int, k: int) -> int:
    """Highest degree whose control variates are few enough for these draws."""
    for degree in range(HIGHEST_DEGREE, 0, -1):
        if DRAWS_PER_VARIATE * _n_variates(k, degree) <= n_draws:
            return degree
    raise InputError(
        f"{n_draws} draws are too few for the moments of {k} coefficients; "
        f"draw {DRAWS_PER_VARIATE * k} or more"
    )


def _n_variates(k: int, degree: int) -> int:
    """Monomials of k variables up to `degree`, the constant left out."""
    return math.comb(k + degree, degree) - 1


def _blocks(chains: int, n: int) -> list[tuple[slice, slice]]:
    """Parts of the draws (chain, draw) that are left out in turn: chains, or their quarters."""
    if chains >= LEAST_BLOCKS:
        return [(slice(c, c + 1), slice(None)) for c in range(chains)]
    cuts = [n * i // LEAST_BLOCKS for i in range(LEAST_BLOCKS + 1)]
    return [(slice(None), slice(*cut)) for cut in itertools.pairwise(cuts)]


def stretch(k: int) -> float:
    """How many times as far from the MLE the twin of a draw of k coefficients is.

    Lengths of nearly normal vectors spread by about 1 / sqrt(k) of themselves: the two samples
    overlap in whatever dimension.
    """
    return 1 + 2 / math.sqrt(k)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Points:
    """The draws (0) and their twins (1), each (2, chains, n, k), and what is known of them."""

    standard: Array  # in standard errors from the MLE
    white: Array
    pull: Array  # score, with respect to `white`
    weight: Array  # (2, chains, n)

    @classmethod
    def of(cls, model: BernoulliLogistic, mle: PointEstimate, draws: Array) -> _Points:
        k, root = len(mle.coefficients), root_at(model, mle)
        factor, away = stretch(k), draws - mle.coefficients
        near, twin = (mle.coefficients + each for each in (away / factor, away * factor))
        found = at_each(
            as_held(merge_identical(model.rows)),
            heights_and_scores,
            np.concatenate([near, twin]).reshape(-1, k),
        ).reshape(2, *draws.shape[:-1], 1 + k)
        at_own = at_draws(model.rows, draws.reshape(-1, k)).reshape(found.shape[1:])
        pair = np.stack([draws, twin])
        height = np.stack([found[0], at_own, found[1]])[..., 0]
        score = np.stack([at_own, found[1]])[..., 1:]
        return cls(
            standard=(pair - mle.coefficients) / mle.standard_errors,
            white=whitened(pair, mle, root),
            pull=root.rooted(score.reshape(-1, k)).reshape(pair.shape),
            # f(x) over (f(x) + s^-k f(x / s)) / 2, with distances x from the MLE
            weight=2 * expit(np.diff(height, axis=0) + k * math.log(factor)),
        )

    def part(self, where: tuple[slice, slice]) -> _Points:
        """Those of some chains and draws."""
        held = (slice(None), *where)
        return _Points(
            standard=self.standard[held],
            white=self.white[held],
            pull=self.pull[held],
            weight=self.weight[held],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _BlockSums:
    """What the regression needs of a block of draws: columns are moments, then control variates."""

    n: int
    total: Array  # sums of the columns
    gram: Array  # products of control variates with all columns
    batches: Array  # batch means of the columns
    plain: Array  # of the moments of the draws alone


def _block_sums(points: _Points, degree: int, length: int) -> _BlockSums:
    chains, n = points.weight.shape[1:]
    total: Any = 0.0
    gram: Any = 0.0
    batches, plain = [], []
    # less than a batch of the first draws is left out; as many whole batches at a time as fit
    step = length * max(1, DRAWS_AT_ONCE // length)
    for chain in range(chains):
        for start in range(n % length, n, step):
            here = points.part((slice(chain, chain + 1), slice(start, start + step)))
            own, twin = (_moments_of(u[0]) for u in here.standard)
            weight = here.weight[:, 0, :, None] / 2
            variates = weight[0] * control_variates(here.white[0, 0], here.pull[0, 0], degree)
            variates += weight[1] * control_variates(here.white[1, 0], here.pull[1, 0], degree)
            columns = np.hstack(
                [weight[0] * own + weight[1] * twin, weight.sum(axis=0) - 1, variates]
            )
            total += columns.sum(axis=0)
            gram += columns[:, own.shape[1] :].T @ columns
            batches.append(batch_means(columns[None], length))
            plain.append(batch_means(own[None], length))
    return _BlockSums(
        n=chains * (n - n % length),
        total=total,
        gram=gram,
        batches=np.vstack(batches),
        plain=np.vstack(plain),
    )


def _moments_of(standard: Array) -> Array:
    """Coefficients and their products (n, k + k (k + 1) / 2)."""
    first, second = np.triu_indices(standard.shape[1])
    return np.hstack([standard, standard[:, first] * standard[:, second]])


def control_variates(z: Array, score: Array, degree: int) -> Array:
    """Evaluate Delta P + grad P'score for every monomial P of z up to `degree`, (n, p).

    Parameters
    ----------
    z, score : ndarray (n, k)
        The draws, and the gradient of their log-density with respect to z.
    degree : int
    """
    from sklearn.preprocessing import PolynomialFeatures

    lower = PolynomialFeatures(degree - 1).fit(z)
    values = lower.transform(z)
    place = {tuple(powers): i for i, powers in enumerate(lower.powers_)}
    columns = []
    for powers in PolynomialFeatures(degree, include_bias=False).fit(z[:1]).powers_:
        column = np.zeros(len(z))
        for j in np.flatnonzero(powers):
            once = powers.copy()
            once[j] -= 1
            column += powers[j] * values[:, place[tuple(once)]] * score[:, j]
            if once[j]:
                once[j] -= 1
                column += powers[j] * (powers[j] - 1) * values[:, place[tuple(once)]]
        columns.append(column)
    return np.column_stack(columns)


def _controlled(sums: list[_BlockSums], k: int, degree: int) -> _Estimate:
    """Moments by the control variates up to `degree`: of each block by factors of the others.

    Control variates average to zero over the posterior, so that any fixed factors leave the
    expectation alone. Factors that were fitted to the same draws do not: they follow their noise,
    and the error that batch means show is too small. Each block's are therefore regression
    coefficients of the other blocks.
    """
    moments = k + k * (k + 1) // 2
    end = moments + 1 + _n_variates(k, degree)  # that of the weights; lower degrees come first
    corrected = []
    for held in sums:
        n = sum(block.n for block in sums) - held.n
        others = [block for block in sums if block is not held]
        mean = np.sum([block.total for block in others], axis=0)[:end] / n
        gram = np.sum([block.gram for block in others], axis=0)[: end - moments, :end] / n
        gram = gram - np.outer(mean[moments:], mean)
        # Variates of degree three are a hundred times those of degree one, and nearly dependent on
        # few draws: in units of their own spread, and by least squares of the smallest norm where
        # directions are beyond twelve digits.
        scale = np.sqrt(np.maximum(np.diag(gram[:, moments:]), 0.0))
        scale[scale == 0] = 1.0
        factors = np.linalg.lstsq(
            gram[:, moments:] / np.outer(scale, scale),
            gram[:, :moments] / scale[:, None],
            rcond=1e-12,
        )[0]
        variates = held.batches[:, moments:end] / scale
        corrected.append(held.batches[:, :moments] - variates @ factors)
    return _Estimate.of(np.vstack(corrected), k)


@dataclass(frozen=True, eq=False)
class _Estimate:
    """Moments and their errors, in standard units, from batch means of first and second moments."""

    mean: Array
    mean_error: Array
    covariance: Array
    covariance_error: Array

    @classmethod
    def of(cls, batches: Array, k: int) -> _Estimate:
        first, second = np.triu_indices(k)
        mean = batches.mean(axis=0)
        m = mean[:k]
        # a covariance is E[ab] - E[a]E[b]: its error is that of ab - E[a]b - E[b]a
        spread = batches[:, k:] - m[first] * batches[:, second] - m[second] * batches[:, first]
        covariance, covariance_error = np.empty((k, k)), np.empty((k, k))
        for matrix, values in (
            (covariance, mean[k:] - m[first] * m[second]),
            (covariance_error, standard_error(spread)),
        ):
            matrix[first, second] = matrix[second, first] = values
        return cls(m, standard_error(batches[:, :k]), covariance, covariance_error)

    @property
    def sd(self) -> Array:
        return np.sqrt(np.diag(self.covariance))

    @property
    def sd_error(self) -> Array:
        return np.diag(self.covariance_error) / (2 * self.sd)
