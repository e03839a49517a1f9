"""The mean of a posterior in place of its mode: of the flat prior, of a proper one.

Such numbers carry the Monte Carlo error of somebody's draws, and the means under two flat enough
priors are near one another: none of this is ever certain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np

from flatprior.analysis.explanation.changed_problems import maximum_of, sums
from flatprior.analysis.explanation.discrepancy import Cause, Discrepancy, Ground
from flatprior.analysis.explanation.other_data import CURE_FLIPPED
from flatprior.analysis.explanation.scalings import location
from flatprior.analysis.moments import StuckDrawsError, posterior_moments
from flatprior.analysis.monte_carlo import predicted_mean_shift
from flatprior.models import BernoulliLogistic, PointEstimate, sample_independence
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.turned import cross_products, quadratic
from flatprior.models.likelihood import linear_predictor, log_likelihoods, row_terms
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import Block, as_held

LEFT_OF_A_MEAN = 0.3  # standard errors that Monte Carlo error may add
NO_MEAN = 0.1  # of the shift: what is so near the MLE is no mean
SMALL = 0.05  # standard errors: of so small a shift the first order is enough
MOST_DIMENSIONS = 50  # beyond it the posterior mean is not sampled
HALF_EXPLAINED = 0.5  # of the score, that a prior leaves at first
DRAWS, FEWEST = 2000, 100  # pairs
MOST_WORK = 4 * 10**6  # draws times rows, at a time
FREEDOM = 8  # of the proposal
ROUNDS = 4  # of the prior's scale and the covariance under it
NUDGE = 1.05  # of the prior's strength, for the derivative of the mean
MOST_NUDGES = 8.0

CURE = (
    "maximise in place of averaging: fit_newton(model), or in PyMC pm.find_MAP() of the model with "
    "flat priors; the mean of a skewed posterior is not its mode, whatever the number of draws"
)
CURE_OF_PRIOR = (
    "give every coefficient a flat prior (in PyMC pm.Flat, in Bambi bmb.Prior('Flat'), in rstanarm "
    "prior = NULL and prior_intercept = NULL), and maximise in place of averaging"
)


def posterior_mean(case: Discrepancy) -> Iterator[Cause]:
    """The mean of the flat-prior posterior, by control variates."""
    mle = case.mle
    mean = _flat_mean(case, case.model, mle, case.b)
    if mean is None:
        return
    shift = np.max(np.abs(mean - mle.coefficients) / mle.standard_errors)
    detail = (
        "these are near the mean of the flat-prior posterior, which is not its mode: it is shifted "
        f"from the MLE by up to {shift:.2g} standard errors"
    )
    left = case.length(case.b - mean)
    yield case.cause(
        "posterior mean", detail, left, 1, len(case.b), cure=CURE, most=-1.0, unmoved=True
    )


def flipped_mean(case: Discrepancy) -> Iterator[Cause]:
    """The same of the opposite outcomes."""
    model = case.model
    if model.n_parameters > MOST_DIMENSIONS:
        return
    if not model.rows.has_offset:  # everything has the other sign
        found = _flat_mean(case, model, case.mle, -case.b)
        mean = None if found is None else -found
    elif not model.rows.resident:
        case.untried.append("the posterior mean of the opposite response, where there is an offset")
        return
    else:
        other = BernoulliLogistic.from_arrays(
            model.design,
            1 - model.response,
            offset=model.offset,
            frequency_weights=model.frequency_weights,
        )
        mean = _flat_mean(case, other, converged_mle(other), case.b)
    if mean is None:
        return
    detail = (
        "these are near the mean of the flat-prior posterior of the opposite response: what counts "
        "as 1 here counts as 0 there, and it is a posterior mean, not its mode"
    )
    left = case.length(case.b - mean)
    cure = f"{CURE_FLIPPED}; and {CURE}"
    yield case.cause(
        "response flipped", detail, left, 1, len(case.b), cure=cure, most=-1.0, unmoved=True
    )


def _flat_mean(
    case: Discrepancy, model: BernoulliLogistic, mle: PointEstimate, b: Array
) -> Array | None:
    """The flat-prior posterior's, where b is as near the MLE as it may be, and no nearer."""
    if model.n_parameters > MOST_DIMENSIONS:
        return None
    shift = predicted_mean_shift(model, mle)
    bias, gap = case.length(shift), case.length(b - mle.coefficients)
    if not NO_MEAN * bias <= gap <= 4 * bias + LEFT_OF_A_MEAN:
        return None
    if bias <= SMALL:  # of many rows
        return mle.coefficients + shift
    posterior = sample_independence(model, draws=2000, seed=1, progress=False)
    try:
        return posterior_moments(model, posterior).mean
    except StuckDrawsError:  # nearly separated data: the mean is not to be had, here or elsewhere
        return None


class Prior(NamedTuple):
    """Independent normal priors about 0 with standard deviations s / scale, s unknown."""

    scale: Array  # (k,), 0 where the prior is flat
    text: str


def priors(case: Discrepancy) -> Iterator[Prior]:
    """The same on every slope, the intercept too, or in units of the predictors' deviations."""
    slopes = np.zeros(len(case.b))
    slopes[case.slopes] = 1.0
    yield Prior(slopes, "normal(0, {0:.3g}) on every slope")
    if case.intercept is not None:
        yield Prior(np.ones(len(case.b)), "normal(0, {0:.3g}) on every coefficient")
    yield Prior(
        slopes * location(case.model)[1],
        "normal(0, {0:.3g} / sd(x)) on the slope of every predictor x (2.5 is what Bambi and "
        "rstanarm have by default)",
    )


def proper_prior(case: Discrepancy) -> Iterator[Cause]:
    """The posterior mean under normal priors, whose common scale is estimated."""
    ground, k = case.ground(), len(case.b)
    if ground is None or case.white is None or not case.slopes or k > MOST_DIMENSIONS:
        return
    if FEWEST * case.model.n_rows > MOST_WORK:  # of so many rows the mean is the mode
        return
    flat = case.mle.coefficients + predicted_mean_shift(case.model, case.mle)
    for prior in priors(case):
        found = _mean_under(case, ground, prior)
        if found is None:
            continue
        strength, left = found
        scale = 1 / math.sqrt(strength)
        detail = (
            "these are near the posterior mean under a proper prior of about "
            f"{prior.text.format(scale)}"
        )
        free = 1 if case.intercept is None or prior.scale[case.intercept] else 2
        whole = min(
            case.distance, case.length(case.b - flat), case.length(case.b * (prior.scale > 0))
        )
        yield case.cause(
            "proper prior",
            detail,
            left,
            3,
            max(k - free, 1),
            whole,
            cure=CURE_OF_PRIOR,
            most=-1.0,
            unmoved=True,
        )


def _mean_under(case: Discrepancy, ground: Ground, prior: Prior) -> tuple[float, float] | None:
    """Strength of the prior under which b is most nearly the mean, and how far it is from it."""
    square = np.diag(np.square(prior.scale))
    strength = _prior_strength(case, square)
    if strength is None:
        return None
    inner = ground.root.T @ square @ ground.root
    means = []
    for nudged in (strength, NUDGE * strength):
        mean = _importance_mean(ground, nudged * inner, case.model.n_rows)
        if mean is None:
            return None
        means.append(ground.root @ mean)
    step = case.whitened(means[1] - means[0])
    gap = case.whitened(case.b - means[0])
    along = float(step @ gap) / max(float(step @ step), 1e-300)
    along = min(max(along, -MOST_NUDGES), MOST_NUDGES)
    return strength * NUDGE**along, float(np.linalg.norm(gap - along * step))


def _prior_strength(case: Discrepancy, square: Array) -> float | None:
    r"""By :math:`E[S(\beta)] = P E[\beta]`, the score's mean to second order about b.

    Integration by parts gives the equation; the mean is :math:`S(b) - X'(w (1 - 2p) v) / 2`, with v
    the posterior variance of each row's linear predictor.
    """
    rows, b = as_held(case.model.rows), case.b
    information = rows.reduce(
        lambda block: cross_products(block.design, row_terms(block, b).curvature)
    )
    score, strength = case.model.score(b), 0.0
    assert case.white is not None  # noqa: S101
    for _ in range(ROUNDS):
        try:
            covariance = np.asarray(np.linalg.inv(information + strength * square), dtype=float)
        except np.linalg.LinAlgError:
            return None
        pull = case.white.T @ (score - 0.5 * rows.reduce(partial(_skewed, b, covariance)))
        shrink = case.white.T @ (square @ case.b)
        strength = float(pull @ shrink) / max(float(shrink @ shrink), 1e-300)
        if not (strength > 0 and math.isfinite(strength)):
            return None
    gap, whole = float(np.linalg.norm(pull - strength * shrink)), float(np.linalg.norm(pull))
    return strength if gap <= HALF_EXPLAINED * whole + LEFT_OF_A_MEAN else None


def _skewed(b: Array, covariance: Array, block: Block) -> Array:
    """``X'(w (1 - 2p) v)`` of some rows, (k,)."""
    skewed = row_terms(block, b).curvature * -np.tanh(linear_predictor(block, b) / 2)
    return np.asarray((skewed * quadratic(block.design, covariance)) @ cast(Any, block.design))


def _importance_mean(ground: Ground, penalty: Array, n_rows: int) -> Array | None:
    """The mean of likelihood times normal prior, by weighted draws in pairs about the mode."""
    k = len(ground.start)
    mode = maximum_of(ground.rows, ground.start, penalty=penalty)
    if mode is None:
        return None
    try:
        upper = np.linalg.cholesky(sums(ground.rows, mode).information + penalty).T
    except np.linalg.LinAlgError:
        return None
    number = max(min(DRAWS, MOST_WORK // n_rows // 2), FEWEST // 2)
    rng = np.random.default_rng(1)
    normal, chi = rng.normal(size=(number, k)), rng.chisquare(FREEDOM, size=number)
    away = normal * np.sqrt(FREEDOM / chi)[:, None]
    proposal = -0.5 * (FREEDOM + k) * np.log1p(np.square(away).sum(axis=1) / FREEDOM)
    steps = np.linalg.solve(upper, away.T).T
    points = np.concatenate([mode + steps, mode - steps])
    density = ground.rows.reduce(lambda block: log_likelihoods(block, points))
    density -= 0.5 * np.einsum("ij,jk,ik->i", points, penalty, points, optimize=True)
    logs = density - np.tile(proposal, 2)
    weights = np.exp(logs - logs.max())
    if not np.square(weights.sum()) > FEWEST * np.square(weights).sum():
        return None
    return np.asarray(weights @ points / weights.sum())
