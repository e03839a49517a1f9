"""What is proved of coefficients where factors are held as codes."""

from __future__ import annotations

import math

import numpy as np

from flatprior.models.codes.inverse import Inverse
from flatprior.models.codes.newton import LARGEST_PRODUCT, Bound, Fit, bound_at, place_at
from flatprior.models.codes.sums import AnySums
from flatprior.models.common.arrays import SMALLEST, Array
from flatprior.models.direction_bounds import ROW_ULPS, SLACK
from flatprior.models.evaluation import Evaluation, certain_digits, relative_error
from flatprior.models.results import Certificate


def evaluation_of(fit: Fit) -> Evaluation:
    """What is proved of a fit."""
    bound, inverse = fit.bound, fit.origin.inverse
    t = bound.radius * bound.distance
    certificate = Certificate(
        newton_decrement=math.expm1(bound.radius * fit.error_bound) / bound.radius,
        radius=bound.radius * math.exp(t / 2),
        error_bound=fit.error_bound,
        digits=certain_digits(
            fit.error_bound * inverse.standard_errors * (SLACK / bound.shrink), fit.beta
        ),
        proves_existence=True,
        log_likelihood_error=fit.log_likelihood_error,
        standard_errors_within=standard_errors_within(bound, inverse),
    )
    return Evaluation(certificate, inverse.without_rows(), fit.log_likelihood)


def standard_errors_within(bound: Bound, inverse: Inverse) -> float:
    """How far those of an inverse may be from those at the MLE, relatively."""
    rounding = 2 * inverse.rounding_of_errors
    return relative_error(SLACK * (bound.departure + rounding), bound.radius * bound.distance)


def judged_as_held(sums: AnySums, beta: Array) -> Evaluation | None:
    """Judge any coefficients (k,); None where nothing is proved."""
    with np.errstate(all="ignore"):
        place = place_at(sums, *sums.basis.coordinates(beta))
        bound = None if place is None else bound_at(sums, place)
        if place is None or bound is None or not math.isfinite(bound.distance):
            return None
        score = place.score
        # where our coordinates are rounded, so are linear predictors: the way there, in length
        way = sums.basis.rounding(beta) * math.sqrt(float(place.inverse.levels.sum()))
        way *= SLACK / bound.shrink
        if not bound.radius * way <= LARGEST_PRODUCT:
            return None
        # standard errors are those at the place, and change along the way
        distance = (bound.distance + way) * math.exp(bound.radius * way)
        decrement = -math.expm1(-bound.radius * distance) / bound.radius  # that gives this distance
        if not decrement * bound.radius <= LARGEST_PRODUCT:
            return None
        error = SLACK * (
            bound.decrement * distance
            + abs(score.log_likelihood) * (bound.row_error + ROW_ULPS + bound.sum_error)
            + sums.rows.n_rows * SMALLEST
        )
    errors = place.inverse.standard_errors
    certificate = Certificate(
        newton_decrement=decrement,
        radius=bound.radius,
        error_bound=distance,
        digits=certain_digits(distance * errors * (SLACK / bound.shrink), beta),
        proves_existence=True,
        log_likelihood_error=error,
        standard_errors_within=standard_errors_within(bound, place.inverse),
    )
    return Evaluation(certificate, place.inverse.without_rows(), score.log_likelihood)
