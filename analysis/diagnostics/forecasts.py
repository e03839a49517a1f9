"""What forecasts each row of a model: a fit, a posterior, or probabilities from elsewhere."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from flatprior.analysis.diagnostics.ranks import Ranks, edges_of
from flatprior.analysis.diagnostics.summaries import Spread
from flatprior.analysis.monte_carlo import check_draws_of
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.certificate import checked_coefficients
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import parallel_map
from flatprior.models.common.text import rows_phrase
from flatprior.models.direction_bounds import ROW_ULPS, predictor_error
from flatprior.models.encoding.columns.checks import each_group
from flatprior.models.estimate import require_fit_of
from flatprior.models.likelihood import alike_predictor, linear_predictor, row_terms
from flatprior.models.rows import (
    PIECE_ROWS,
    ArrayRows,
    Block,
    as_held,
    either,
    hashes_of_predictors,
)

T = TypeVar("T")

DRAWS_AT_ONCE = 64
SAME = 1e-12  # of probabilities of others, or over draws: closer ones may be of the same rows
CLOSE = 1e-7  # standard errors: fits proved to be no further from the MLE are judged as it
FAR = 64.0  # on the log-odds scale: who errs by that knows nothing


Predicted = PointEstimate | Posterior | ArrayLike


class Forecast(NamedTuple):
    """Of each row (m,): what it is ranked by, probability of 1, log probability of the outcome."""

    rank: Array
    probability: Array
    log_probability: Array
    errors: tuple[Array, Array]  # how far the rank may be off, and the probability

    def ranks(self, block: Block, predicted: Predicted, edges: Array | None) -> Ranks:
        """Events and others in the order of the ranks; a fit's are ties where rows are the same."""
        kinds = None
        if isinstance(predicted, PointEstimate):
            kinds = (hashes_of_predictors(block) >> np.uint64(11)).astype(float)
        return Ranks.of(
            self.rank,
            self.probability,
            block.sign > 0,
            block.counts,
            edges,
            ties_of(predicted),
            self.errors[0],
            kinds,
        )


def reduced(model: BernoulliLogistic, function: Callable[[Block], T], combine: Any) -> T:
    """``function(block)`` of all rows: at once where they are in memory, else in a pass."""
    rows = as_held(model.rows)
    if isinstance(rows, ArrayRows):
        return function(rows.block(slice(None)))
    found: T = rows.reduce(function, combine)
    return found


def ranks_of(model: BernoulliLogistic, predicted: Predicted) -> Ranks:
    """Events and others in the order of their probabilities.

    A fit ranks by the linear predictor: far out probabilities are 1 to the last bit.
    """
    edges = None if model.rows.resident else sampled_edges(model, predicted)
    forecast = forecast_of(model, predicted)

    def of_block(block: Block) -> Ranks:
        return forecast(block).ranks(block, predicted, edges)

    return reduced(model, of_block, operator.add).apart()


class Apart(NamedTuple):
    """Spread of the probabilities, and of their errors, of events and of others, if any."""

    events: Spread | None
    others: Spread | None

    @classmethod
    def of(cls, block: Block, found: Forecast) -> Apart:
        """Of the rows of a block."""
        both, counts = np.array([found.probability, found.errors[1]]), block.counts
        events, others = (
            Spread.of(both[:, rows], counts[rows]) if rows.any() else None
            for rows in (block.sign > 0, block.sign < 0)
        )
        return cls(events, others)

    def joined(self, other: Apart) -> Apart:
        """That of both sets of rows."""
        return Apart(
            either(Spread.__add__, self.events, other.events),
            either(Spread.__add__, self.others, other.others),
        )


class Measured(NamedTuple):
    """What is kept of forecasts and outcomes, to judge these by those.

    The scores are the spread of both of a row, each beside that of the base rate, and of their
    differences; None where they were not asked for.
    """

    ranks: Ranks
    apart: Apart
    scores: Spread | None

    def joined(self, other: Measured) -> Measured:
        """That of both sets of rows."""
        return Measured(
            self.ranks + other.ranks,
            self.apart.joined(other.apart),
            either(Spread.__add__, self.scores, other.scores),
        )


def measured(
    model: BernoulliLogistic, predicted: Predicted, scored: bool = True, left_out: bool = False
) -> Measured:
    """Of all rows, in one pass; the base rate of each `left_out` is that of all others."""
    rate, n = model.n_events / model.n_observations, model.n_observations
    if left_out and n < 2:
        raise InputError("without a single observation there is no other; leave left_out out")
    edges = None if model.rows.resident else sampled_edges(model, predicted)
    forecast = forecast_of(model, predicted, scored)

    def scores(block: Block, found: Forecast) -> Spread:
        event = block.sign > 0
        rates = (model.n_events - event) / (n - 1) if left_out else np.full(len(event), rate)
        with np.errstate(divide="ignore"):
            base = np.where(event, -np.log(rates), -np.log1p(-rates))
        squares = np.square(event - np.array([found.probability, rates]))
        both = np.vstack([squares, -found.log_probability, base])
        return Spread.of(np.vstack([both, both[[0, 2]] - both[[1, 3]]]), block.counts)

    def of_block(block: Block) -> Measured:
        found = forecast(block)
        return Measured(
            found.ranks(block, predicted, edges),
            Apart.of(block, found),
            scores(block, found) if scored else None,
        )

    found = reduced(model, of_block, Measured.joined)
    return found._replace(ranks=found.ranks.apart())


def skill_of(mean: float, reference: float, errors: Array) -> tuple[float, float]:
    """``1 - mean / reference`` with its standard error; of both and of their difference `errors`.

    The variance of a score less R times the other needs no covariance: it is
    ``(1 - R) (V - R W) + R D`` of their variances V and W, and D of the difference.
    """
    if not reference or not math.isfinite(reference):
        return math.nan, math.nan
    ratio, (own, other, paired) = mean / reference, np.square(errors).tolist()
    variance = (1 - ratio) * (own - ratio * other) + ratio * paired
    if math.isnan(variance):
        return 1 - ratio, math.nan
    return 1 - ratio, math.sqrt(max(variance, 0.0)) / reference


def sampled_edges(model: BernoulliLogistic, predicted: Predicted) -> Array:
    """Where bins of rows that are not in memory end."""
    forecast = forecast_of(model, predicted)
    assert not isinstance(model.rows, ArrayRows)  # noqa: S101
    some = forecast(as_held(model.rows.drawn).block(slice(None)))
    return edges_of(some.rank, ties_of(predicted))


def ties_of(predicted: Predicted) -> float:
    """How near to one another, of their size, forecasts are that may be of the same rows."""
    return 0.0 if isinstance(predicted, PointEstimate) else SAME


def forecast_of(
    model: BernoulliLogistic, predicted: Predicted, scored: bool = False
) -> Callable[[Block], Forecast]:
    """What forecasts the rows of a block; log probabilities only where they are `scored`."""
    if isinstance(predicted, PointEstimate):
        require_fit_of(model, predicted)
        beta = checked_coefficients(model, predicted.coefficients)
        from_mle = _distance(predicted)

        def of_fit(block: Block) -> Forecast:
            eta = alike_predictor(block, beta)
            error = predictor_error(block, beta, from_mle)
            p, tail = expit(eta), expit(-np.abs(eta))
            # the derivative p (1 - p) changes by no more than a factor exp(t) over a distance t
            change = tail * (1 - tail) * np.expm1(np.minimum(error, FAR)) + ROW_ULPS * p
            change = np.where(error < FAR, change, 1.0)
            # of a fit without a detour over the probability
            logs = row_terms(block._replace(weights=None), beta).log_likelihood if scored else eta
            return Forecast(eta, p, logs, (error, change))

        return of_fit
    if isinstance(predicted, Posterior):
        check_draws_of(model, predicted)
        draws = predicted.draws.reshape(-1, model.n_parameters)

        def of_draws(block: Block) -> Forecast:
            pieces = list(block._replace(weights=None).split(PIECE_ROWS))
            both = parallel_map(lambda piece: _averaged(piece, draws, scored), pieces)
            probability, logs = np.concatenate(both, axis=1)
            return _given(probability, logs)

        return of_draws
    if not model.rows.resident:
        raise InputError(
            "an array of probabilities is of rows in memory, and those of the model are read in "
            "batches: give a fit or a posterior"
        )
    probability = _checked(model, predicted)

    def of_array(block: Block) -> Forecast:
        with np.errstate(divide="ignore"):
            logs = np.where(block.sign > 0, np.log(probability), np.log1p(-probability))
        return _given(probability, logs)

    return of_array


def _given(probability: Array, log_probability: Array) -> Forecast:
    """A forecast that is ranked by its probability."""
    error = SAME / 2 * probability
    return Forecast(probability, probability, log_probability, (error, error))


def _distance(fit: PointEstimate) -> Array:
    """How far each coefficient is from that of the MLE at most, (k,).

    0 where that is not close, or not known: then the fit is judged as it is.
    """
    bound, within = fit.certificate.error_bound, fit.certificate.standard_errors_within
    within = max(within, 0.01) if math.isfinite(within) else 0.01
    apart = bound * (1 + within) * fit.standard_errors if bound <= CLOSE else math.nan
    return np.asarray(apart if np.isfinite(apart).all() else np.zeros(len(fit.names)))


def _averaged(piece: Block, draws: Array, scored: bool) -> Array:
    """Probability of 1 and log probability of the outcome, over draws (d, k), of rows (2, m)."""
    total, logs = np.zeros(len(piece.sign)), []
    for start in range(0, len(draws), DRAWS_AT_ONCE):
        some = draws[start : start + DRAWS_AT_ONCE].T
        total += expit(linear_predictor(piece, some)).sum(axis=1)
        if scored:
            logs.append(logsumexp(row_terms(piece, some).log_likelihood, axis=1))
    mean = total / len(draws)
    return np.array([mean, logsumexp(logs, axis=0) - math.log(len(draws)) if scored else mean])


def _checked(model: BernoulliLogistic, predicted: ArrayLike) -> Array:
    """Probabilities from elsewhere, (n,)."""
    try:
        probability = np.asarray(predicted, dtype=float)
    except (TypeError, ValueError):
        probability = np.empty(0)
    if probability.ndim == 1:
        groups = None if model.trials is None else model.trials.n_groups
        probability = each_group(probability, "predicted", model.row_labels, groups)
    if probability.shape != (model.n_rows,):
        raise InputError(f"predicted must be {model.n_rows} probabilities, one for each row")
    wrong = ~((probability >= 0) & (probability <= 1))
    if wrong.any():
        raise InputError(
            "predicted must be probabilities from 0 to 1; see "
            f"{rows_phrase(model.row_labels[wrong])}"
        )
    return probability
