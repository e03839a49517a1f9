"""The maximum of a changed problem: other rows, other outcomes, a penalty, another link.

Where coefficients are said to solve a changed problem, that problem must have a solution, and they
must be near it. A score that vanishes proves neither: far out, where every fitted probability is 0
or 1, the score of any rows vanishes, and their information with it. So the changed problem is
solved, from where the MLE of the model is, and the coefficients are held against the solution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr

from flatprior.models.certificate import LARGEST_PRODUCT
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.turned import TurnedRows, cross_products, lengths
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import Block

MOST_STEPS = 60
MOST_SCORING = 200  # where the information is not that of what is maximised, steps are many
FAR = 1e-2  # standard errors: below it, and where the information is all but constant, full steps
DONE = 1e-10  # standard errors
NEARLY = 1e-6  # standard errors: what rounding may leave of a decrement
SUFFICIENT = 1e-4  # Armijo's constant
SHORTEST = 2.0**-40
LARGEST_CONDITION = 1e13
LARGEST_ETA = 6.5  # exp(-exp(6.5)) is 0 beside 1


class Terms(NamedTuple):
    """Sum of the log-likelihood; its derivative, and minus its second, in each row's predictor."""

    log_likelihood: float
    residual: Array
    curvature: Array


def logit(block: Block, coefficients: Array) -> Terms:
    """Of the likelihood of the model."""
    log_likelihood, residual, curvature = row_terms(block, coefficients)
    return Terms(float(log_likelihood.sum()), residual, curvature)


def probit(block: Block, coefficients: Array) -> Terms:
    """Of the probit likelihood, ``P(y = 1) = Phi(x'beta)``."""
    margin = block.sign * linear_predictor(block, coefficients)
    log_probability = log_ndtr(margin)
    # d log Phi(m) / dm = phi / Phi
    ratio = np.exp(-np.square(margin) / 2 - 0.5 * math.log(2 * math.pi) - log_probability)
    weights = block.counts
    return Terms(
        float((weights * log_probability).sum()),
        weights * block.sign * ratio,
        weights * ratio * (ratio + margin),
    )


def complementary_log_log(block: Block, coefficients: Array) -> Terms:
    """Of ``P(y = 1) = 1 - exp(-exp(x'beta))``."""
    eta, weights = linear_predictor(block, coefficients), block.counts
    event = block.sign > 0
    hazard = np.exp(np.where(event, np.minimum(eta, LARGEST_ETA), eta))
    ratio = hazard / np.expm1(np.where(event, hazard, 1.0))  # d log P / d eta of an event
    bent = ratio * (hazard / -np.expm1(-np.where(event, hazard, 1.0)) - 1.0)
    return Terms(
        float((weights * np.where(event, np.log(-np.expm1(-hazard)), -hazard)).sum()),
        weights * np.where(event, ratio, -hazard),
        weights * np.where(event, bent, hazard),
    )


def log_log(block: Block, coefficients: Array) -> Terms:
    """Of ``P(y = 1) = exp(-exp(-x'beta))``: opposite outcomes, and the opposite predictor."""
    offset = None if block.offset is None else -block.offset
    other = block._replace(sign=-block.sign, offset=offset)
    found = complementary_log_log(other, -coefficients)
    return found._replace(residual=-found.residual)


def cauchit(block: Block, coefficients: Array) -> Terms:
    """Of ``P(y = 1) = 1/2 + arctan(x'beta) / pi``; the curvature is the expected one.

    Minus the second derivative is negative far out, where the logarithm of P is convex.
    """
    margin, weights = block.sign * linear_predictor(block, coefficients), block.counts
    probability = np.arctan2(1.0, -margin) / math.pi
    density = 1 / (math.pi * (1 + np.square(margin)))
    ratio = density / probability
    return Terms(
        float((weights * np.log(probability)).sum()),
        weights * block.sign * ratio,
        weights * ratio * density / (np.arctan2(1.0, margin) / math.pi),
    )


class Sums(NamedTuple):
    """Log-likelihood, score (m,) and information (m, m) of some rows; they add."""

    log_likelihood: float
    score: Array
    information: Array

    def __add__(self, other: Any) -> Sums:
        return Sums(*(one + two for one, two in zip(self, other, strict=True)))


def sums(rows: TurnedRows, beta: Array, terms: Callable[[Block, Array], Terms] = logit) -> Sums:
    """Of all rows at some coefficients, in one pass."""

    def of_block(block: Block) -> Sums:
        height, residual, curvature = terms(block, beta)
        score = np.asarray(residual @ block.design)
        return Sums(height, score, cross_products(block.design, curvature))

    return rows.reduce(of_block)


def firth_maximum(rows: TurnedRows, start: Array) -> Array | None:
    """What maximises the likelihood times the root of the information's determinant.

    There Firth's modified score vanishes. It exists on separated data too. Steps are those of
    Fisher scoring, the information being that of the likelihood alone.
    """
    beta, before = start, math.inf
    here = _firth_terms(rows, beta)
    for _ in range(MOST_SCORING):
        if here is None:
            return None
        height, pull, white = here
        decrement = float(np.linalg.norm(pull))
        if not math.isfinite(decrement):
            return None
        if decrement <= DONE or (decrement <= NEARLY and decrement > 0.9 * before):
            return beta
        before, length = decrement, 1.0
        while length >= SHORTEST:
            there = _firth_terms(rows, beta + length * (white @ pull))
            rises = there is not None and (
                there[0] - height >= SUFFICIENT * length * decrement * decrement
            )
            if rises or (there is not None and decrement <= FAR):
                break
            length /= 2
        else:
            return None
        beta, here = beta + length * (white @ pull), there
    return None


def _firth_terms(rows: TurnedRows, beta: Array) -> tuple[float, Array, Array] | None:
    """Penalised log-likelihood, its modified score in whitened columns, and the whitening."""
    here = sums(rows, beta)
    white = whiten(here.information)
    if white is None:
        return None

    def of_block(block: Block) -> Array:
        pull = jeffreys(block, beta, row_terms(block, beta).curvature, white)
        return np.asarray(pull @ block.design)

    height = here.log_likelihood - float(np.linalg.slogdet(white)[1])
    return height, white.T @ (here.score + rows.reduce(of_block)), white


def jeffreys(block: Block, beta: Array, curvature: Array, white: Array) -> Array:
    """Derivative of half the log determinant of the information in each row's predictor, (n,).

    It is ``h (1/2 - p)``, h the leverage. `white` (k, k) makes the information the identity.
    """
    leverage = curvature * np.square(lengths(block.design, white))
    return np.asarray(leverage * (0.5 - expit(linear_predictor(block, beta))))


def maximum_of(
    rows: TurnedRows,
    start: Array,
    terms: Callable[[Block, Array], Terms] = logit,
    penalty: Array | None = None,
    tilt: Array | None = None,
) -> Array | None:
    """What maximises a likelihood less half a quadratic penalty; None if nothing is proved to.

    Parameters
    ----------
    rows : TurnedRows
        In columns in which the information is of the size of the identity.
    start : ndarray (m,)
    terms : callable
        `logit`, `probit`, `complementary_log_log`, `log_log` or `cauchit`.
    penalty : ndarray (m, m), optional
    tilt : ndarray (m,), optional
        Of a linear penalty, which is subtracted too: what a penalty on absolute values is where no
        sign changes.

    Notes
    -----
    The inequality of the certificate (`flatprior.models.certificate`) holds with a quadratic
    penalty too: where the Newton decrement times the largest standard error of a row's linear
    predictor is below 1, there is one maximum, and it is near. On rows of one outcome, separated
    rows and rows of dependent columns the product is never below 1. The other likelihoods are
    concave, but for the cauchit's, and their maxima are held to the same product, for which there
    is no such theorem. Each step, and each length that is tried, is one pass over the rows.
    """
    penalty = np.zeros((len(start), len(start))) if penalty is None else penalty
    tilt = np.zeros(len(start)) if tilt is None else tilt
    slow = 0.9 if terms is cauchit else 0.5
    beta, before = start, math.inf
    here = sums(rows, beta, terms)
    for _ in range(MOST_SCORING if terms is cauchit else MOST_STEPS):
        white = whiten(here.information + penalty)
        if white is None:
            return None
        pull = white.T @ (here.score - penalty @ beta - tilt)
        decrement = float(np.linalg.norm(pull))
        if not math.isfinite(decrement):
            return None
        # only where the decrement is small is it asked for
        radius = math.inf if decrement > FAR else _radius(rows, white)
        near = decrement * radius <= LARGEST_PRODUCT
        if decrement <= DONE or (decrement <= NEARLY and decrement > slow * before):
            return beta if near else None
        full = decrement <= FAR and decrement * radius <= FAR
        found = _ascent(rows, beta, white @ pull, here, decrement, terms, (penalty, tilt), full)
        if found is None:
            return beta if near and decrement <= NEARLY else None
        beta, here = found
        before = decrement
    return None


def _radius(rows: TurnedRows, white: Array) -> float:
    """The largest standard error of a row's linear predictor, or more."""
    return rows.longest * float(np.linalg.norm(white, 2))


def _ascent(
    rows: TurnedRows,
    beta: Array,
    step: Array,
    here: Sums,
    decrement: float,
    terms: Callable[[Block, Array], Terms],
    penalties: tuple[Array, Array],
    full: bool,
) -> tuple[Array, Sums] | None:
    """The first of the lengths 1, 1/2, 1/4, ... that rises enough."""

    def height(at: Array, found: Sums) -> float:
        penalty, tilt = penalties
        return found.log_likelihood - 0.5 * float(at @ penalty @ at) - float(at @ tilt)

    length, ground = 1.0, height(beta, here)
    while length >= SHORTEST:
        there = sums(rows, beta + length * step, terms)
        enough = SUFFICIENT * length * decrement * decrement
        if full or height(beta + length * step, there) - ground >= enough:
            return beta + length * step, there
        length /= 2
    return None


def whiten(information: Array) -> Array | None:
    """T (m, m) that makes the information the identity; None where it is all but singular."""
    diagonal = information.diagonal()  # of turned codes rounding may make it negative
    if not (np.isfinite(information).all() and (diagonal > 0).all()):
        return None
    scale = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(information / (scale * scale[:, None]))
    if not values[0] * LARGEST_CONDITION > values[-1]:
        return None
    return np.asarray(vectors / np.sqrt(values) / scale[:, None])
