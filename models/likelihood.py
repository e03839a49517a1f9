r"""The Bernoulli-logistic log-likelihood of a block of rows, and its derivatives.

With linear predictor :math:`\eta = o + X\beta`, sign :math:`s = 2y - 1`, margin
:math:`m = s\eta` and frequency weight :math:`w`,

.. math::

    \ell(\beta) = -\sum w \log(1 + e^{-m}), \qquad
    S(\beta) = X'(w\,s\,\sigma(-m)), \qquad
    H(\beta) = X' \operatorname{diag}(w\,\sigma(m)\,\sigma(-m))\, X .

Everything is written in the margin, never in :math:`p - y`: a residual of 1e-300 keeps its relative
accuracy, and one exponential per row serves all three quantities. These functions are the only
place in the package that knows the likelihood; each takes one `Block`.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, log_expit, xlog1py, xlogy

from flatprior.models.common.arrays import Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import PIECE_ROWS, Block, Rows

PRODUCT = 512  # rows whose factors 1 + exp(-|m|) are multiplied before a logarithm is taken
MOST_MATRICES = 2**22  # numbers of information matrices in a pass: 32 MB, and of each that waits
NEARLY_EXPECTED = 0.1  # of a count: closer to it than that the series is taken
TERMS = 20  # of it; what is left is below a unit roundoff
VECTORS_AT_ONCE = 64  # of PRODUCT rows each: 256 KB, which stay in a core's cache


def linear_predictor(block: Block, coefficients: Array) -> Array:
    """Offset plus ``X @ coefficients``: (m,) for one vector (k,), (m, d) for columns (k, d)."""
    design: Any = block.design
    written = isinstance(design, np.ndarray)
    eta: Array = np.dot(design, coefficients) if written else design @ coefficients
    if block.offset is not None:
        eta = eta + (block.offset if eta.ndim == 1 else block.offset[:, None])
    return eta


def alike_predictor(block: Block, coefficients: Array) -> Array:
    """The linear predictor (m,) for one vector (k,), the same to the last bit of rows that are.

    BLAS adds the terms of a row in an order that depends on where it stands, so that the same rows
    would be apart by a rounding, and no ties.
    """
    design: Any = block.design
    numbers, beta = design, coefficients
    eta = np.zeros(len(block.sign))
    if isinstance(design, Structured):
        numbers, beta = design.numbers, coefficients[design.places]
        none = replace(design, numbers=numbers[:, :0], places=design.places[:0])
        eta += none.predictor(coefficients)
    for start in range(0, len(eta), PIECE_ROWS):
        part = slice(start, start + PIECE_ROWS)
        eta[part] += np.multiply(numbers[part], beta, order="C").sum(axis=1)
    return eta if block.offset is None else eta + block.offset


class RowTerms(NamedTuple):
    """Per-row pieces of the likelihood, each (m,) and already multiplied by the weight."""

    log_likelihood: Array
    residual: Array  # derivative of the log-likelihood with respect to the linear predictor
    curvature: Array  # minus its second derivative, w p (1 - p)


def row_terms(block: Block, coefficients: Array) -> RowTerms:
    """Evaluate log-likelihood, residual and curvature of each row with one exponential.

    `coefficients` is one vector (k,) or columns (k, d); the terms are (m,) or (m, d).
    """
    eta = linear_predictor(block, coefficients)
    sign, weights = block.sign, block.weights
    if eta.ndim == 2:
        sign = sign[:, None]
        weights = None if weights is None else weights[:, None]
    margin = sign * eta
    tail, wrong, total = margin_parts(margin)
    log_likelihood = np.minimum(margin, 0.0) - np.log1p(tail)
    curvature = tail / np.square(total)
    residual = sign * wrong
    if weights is not None:
        log_likelihood, residual, curvature = (
            log_likelihood * weights,
            residual * weights,
            curvature * weights,
        )
    return RowTerms(log_likelihood, residual, curvature)


def curvature_derivatives(block: Block, coefficients: Array, most: int) -> Array:
    r"""Derivatives of the probability of the event by the linear predictor, times weights.

    Of orders 1, which is the curvature, to `most`, at most 4; (most, m). With p that probability
    and u = 1 - 2p they are :math:`p(1 - p)` times a polynomial of u in [-1, 1], which is at most 1
    in absolute value; that of order 5, :math:`(15 u^4 - 15 u^2 + 2) / 2`, is so too.
    """
    terms = row_terms(block, coefficients)
    u = -np.tanh(linear_predictor(block, coefficients) / 2)
    square = np.square(u)
    shapes = (np.ones_like(u), u, (3 * square - 1) / 2, u * (3 * square - 2))
    return np.stack(shapes[:most]) * terms.curvature


def margin_parts(margin: Array) -> tuple[Array, Array, Array]:
    """``exp(-|margin|)``, the probability of the other outcome, and 1 plus the first."""
    tail = np.abs(margin)
    np.exp(np.negative(tail, out=tail), out=tail)
    total = 1.0 + tail
    wrong = np.where(margin >= 0.0, tail, 1.0)
    wrong /= total
    return tail, wrong, total


@dataclass(frozen=True, eq=False)
class Moments:
    """Log-likelihood, score (k,) and information (k, k) of some rows; they add.

    `information` is None where only the score was asked for. Rounding bounds need `odds`, the sum
    over observations of the odds against what was observed, ``sum w exp(-m)``, which may overflow,
    and `slope`, the sum of their probabilities, ``sum w expit(-m)``, which cannot.
    """

    log_likelihood: float
    score: Array
    information: Array | None
    odds: float
    slope: float

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.log_likelihood + other.log_likelihood,
            self.score + other.score,
            None
            if self.information is None or other.information is None
            else self.information + other.information,
            self.odds + other.odds,
            self.slope + other.slope,
        )


def moments(
    block: Block, coefficients: Array, transform: Array | None = None, score_only: bool = False
) -> Moments:
    """Log-likelihood, score and information at one coefficient vector (k,).

    With a `transform` T (k, k), score and information are those of the columns ``X @ T``. Without
    the information a pass over the rows costs a third to a tenth.
    """
    margin = block.sign * linear_predictor(block, coefficients)
    tail, wrong, total = margin_parts(margin)
    columns = block.design if transform is None else np.dot(block.design, transform)
    weights = block.weights
    log_likelihood = np.minimum(margin, 0.0)
    log_likelihood -= np.log1p(tail)
    with np.errstate(divide="ignore", over="ignore"):  # odds that overflow are infinite
        odds = np.where(margin >= 0.0, tail, 1.0 / tail)
        if weights is not None:
            odds *= weights
    if weights is not None:
        log_likelihood *= weights
        wrong *= weights
    slope = float(wrong.sum())
    wrong *= block.sign
    k = columns.shape[1]
    score, information, root = np.zeros(k), None, None
    if not score_only:
        information = np.zeros((k, k))
        root = np.sqrt(tail if weights is None else tail * weights)
        root /= total
    for start in range(0, len(wrong), PIECE_ROWS):
        part = slice(start, start + PIECE_ROWS)
        score += np.dot(wrong[part], columns[part])
        if information is not None and root is not None:
            scaled = root[part, None] * columns[part]
            # BLAS sees a matrix and its own transpose, and does half the work
            information += np.dot(scaled.T, scaled)
    return Moments(float(log_likelihood.sum()), score, information, float(odds.sum()), slope)


def log_likelihoods(block: Block, coefficients: Array) -> Array:
    """Log-likelihood (d,) of these rows at each row of `coefficients` (d, k), for many d.

    Faster than the sum of `row_terms`: without weights one logarithm serves `PRODUCT` rows. Its
    error is absolute, one unit roundoff a row, where that of `row_terms` is relative.
    """
    found = np.zeros(len(coefficients))
    for tile in _tiles(block, coefficients):
        found += tile.heights()
    return found


@dataclass(frozen=True, eq=False)
class _Tile:
    """The margins of at most `PRODUCT` rows at each of d coefficient vectors, and room for more.

    Its arrays are used again for the next tile: they stay in the cache, and what would be new
    memory each time costs more than all exponentials.
    """

    pull: Any  # the design, times the signs and weights where it is written out
    signed: Array | None  # those signs and weights, where it is not
    weights: Array | None
    margin: Array  # (m, d)
    room: Array

    def heights(self) -> Array:
        """Sum over the rows of their log-likelihoods, (d,)."""
        weights, factors = self.weights, self.room
        negative = np.minimum(self.margin, 0.0, out=factors)
        found = negative.sum(axis=0) if weights is None else weights @ negative
        np.exp(np.negative(np.abs(self.margin, out=factors), out=factors), out=factors)
        factors += 1.0  # in [1, 2]: a product of PRODUCT factors does not overflow
        if weights is None:
            return np.asarray(found - np.log(factors.prod(axis=0)))
        return np.asarray(found - weights @ np.log(factors, out=factors))

    def scores(self) -> Array:
        """Sum over the rows of their scores, (d, k)."""
        residual = self.room
        with np.errstate(over="ignore"):  # exp(m) = inf: a residual of 0
            np.exp(self.margin, out=residual)
        residual += 1.0
        np.divide(1.0 if self.signed is None else self.signed, residual, out=residual)
        return np.asarray(residual.T @ self.pull)


def _tiles(block: Block, coefficients: Array) -> Iterator[_Tile]:
    """Those of some rows at each row of `coefficients` (d, k)."""
    columns = coefficients.T
    rooms = np.empty((2, min(PRODUCT, len(block.sign)), len(coefficients)))
    for piece in block.split(PRODUCT):
        margin, room = rooms[:, : len(piece.sign)]
        sign, weights = piece.sign[:, None], piece.weights
        pull: Any = piece.design
        signed = sign if weights is None else sign * weights[:, None]
        if isinstance(pull, np.ndarray):
            pull = sign * pull
            np.dot(pull, columns, out=margin)
            if piece.offset is not None:
                margin += sign * piece.offset[:, None]
            pull = pull if weights is None else pull * weights[:, None]
            yield _Tile(pull, None, weights, margin, room)
        else:
            np.multiply(sign, linear_predictor(piece, columns), out=margin)
            yield _Tile(pull, signed, weights, margin, room)


def total_log_likelihood(rows: Rows, coefficients: Array) -> float:
    """Log-likelihood of all rows at one coefficient vector (k,)."""
    return rows.reduce(lambda block: float(row_terms(block, coefficients).log_likelihood.sum()))


def exact_log_likelihoods(block: Block, coefficients: Array) -> Array:
    """The same as `log_likelihoods`, slower, to full relative accuracy also near 0."""
    return np.asarray(row_terms(block, coefficients.T).log_likelihood.sum(axis=0))


def scores(block: Block, coefficients: Array) -> Array:
    """Score (d, k) of these rows at each row of `coefficients` (d, k)."""
    found = np.zeros(coefficients.shape)
    for tile in _tiles(block, coefficients):
        found += tile.scores()
    return found


def heights_and_scores(block: Block, coefficients: Array) -> Array:
    """`log_likelihoods` and `scores` beside them, to the last bit: (d, 1 + k)."""
    d, k = coefficients.shape
    found = np.zeros((d, 1 + k))
    for tile in _tiles(block, coefficients):
        found[:, 0] += tile.heights()
        found[:, 1:] += tile.scores()
    return found


def deviance_of_counts(successes: Array, failures: Array, eta: Array) -> Array:
    r"""Twice what a probability of its own would add to the log-likelihood of each group, (g,).

    With s successes and f failures of n trials of probability p, and :math:`\delta = s - np`,
    :math:`2 s \log(s / np) + 2 f \log(f / nq)` is
    :math:`2 np\,\varphi(\delta / np) + 2 nq\,\varphi(-\delta / nq)` with
    :math:`\varphi(u) = (1 + u)\log(1 + u) - u`, in which nothing cancels where both are small.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.likelihood import deviance_of_counts
    >>> s, f = np.array([3.0, 0.0]), np.array([3.0, 2.0])
    >>> deviance_of_counts(s, f, np.zeros(2)).round(6).tolist()
    [0.0, 2.772589]
    """
    n = successes + failures
    found = _count_log_share(successes, failures) + _count_log_share(failures, successes)
    found -= successes * log_expit(eta) + failures * log_expit(-eta)
    expected, others = n * expit(eta), n * expit(-eta)
    beyond = successes * expit(-eta) - failures * expit(eta)
    near = np.abs(beyond) < NEARLY_EXPECTED * np.minimum(expected, others)
    for_events = _beyond(beyond[near] / expected[near])
    for_others = _beyond(-beyond[near] / others[near])
    found[near] = expected[near] * for_events + others[near] * for_others
    return np.asarray(2 * np.maximum(found, 0.0))


def _count_log_share(count: Array, other: Array) -> Array:
    """A count times the logarithm of its share, also of a share of nearly 1."""
    n = count + other
    few = count <= other
    return np.asarray(np.where(few, xlogy(count, count / n), xlog1py(count, -other / n)))


def _beyond(u: Array) -> Array:
    """``(1 + u) log(1 + u) - u`` of small u, by its series, to full relative accuracy."""
    total = np.zeros_like(u)
    for j in range(TERMS, 1, -1):
        total = 1 / (j * (j - 1)) - u * total
    return np.asarray(np.square(u) * total)


def at_each(
    rows: Rows,
    function: Callable[[Block, Array], Array],
    coefficients: Array,
    advance: Callable[[int], None] | None = None,
) -> Array:
    """`function`, such as `scores`, summed over the rows at each row of `coefficients` (d, k).

    `advance` is called with the number of coefficient vectors done after each batch of them. Rows
    that are not in memory are read once, whatever d is.
    """

    def of_block(block: Block, part: Array) -> Array:
        return functools.reduce(
            operator.add, (function(piece, part) for piece in block.split(PIECE_ROWS))
        )

    def batch(part: Array) -> Array:
        summed = rows.reduce(lambda block: of_block(block, part))
        if advance is not None:
            advance(len(part))
        return summed

    cuts = range(VECTORS_AT_ONCE, len(coefficients), VECTORS_AT_ONCE)
    parts = np.split(coefficients, cuts)
    if rows.resident:
        return np.concatenate([batch(part) for part in parts])
    summed = rows.reduce(
        lambda block: np.concatenate(parallel_map(functools.partial(of_block, block), parts))
    )
    if advance is not None:
        advance(len(coefficients))
    return summed


def moments_at_each(rows: Rows, places: Sequence[Array]) -> list[Moments]:
    """Moments of all rows at each of some coefficient vectors (k,), in few passes.

    In as few as there is room for the information matrices.
    """
    found: list[Moments] = []
    at_once = max(MOST_MATRICES // rows.n_columns**2, 2)  # both ends of an interval
    for start in range(0, len(places), at_once):
        part = places[start : start + at_once]

        def at_all(block: Block, part: Sequence[Array] = part) -> list[Moments]:
            return parallel_map(lambda place: moments(block, place), part)

        sums: list[Moments] = rows.reduce(at_all, _each_added)
        found += sums
    return found


def _each_added(one: list[Moments], two: list[Moments]) -> list[Moments]:
    return [first + second for first, second in zip(one, two, strict=True)]


def triangular_factor(block: Block, coefficients: Array | None = None) -> Array:
    """R of the QR factorisation of ``sqrt(D) X`` for these rows, at most (k, k).

    D is the curvature at `coefficients`, or a quarter of the weight (its value at p = 1/2) if None.
    """
    if coefficients is not None:
        curvature = row_terms(block, coefficients).curvature
    else:
        curvature = 0.25 * block.counts
    return _upper(np.sqrt(curvature)[:, None] * block.design)


def stack_factors(first: Array, second: Array) -> Array:
    """Combine the triangular factors of two sets of rows into that of their union (TSQR)."""
    return _upper(np.vstack([first, second]))


def _upper(rows: Array) -> Array:
    return np.asarray(np.linalg.qr(rows, mode="r"))
