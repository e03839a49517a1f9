"""Numbers of a model that has no MLE: a penalty explains them, or where an optimiser gave up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.explained import (
    LEFT,
    Explanation,
    best_of_each,
    is_certain,
)
from flatprior.analysis.explanation.penalties import penalised
from flatprior.analysis.explanation.reference_levels import Placed
from flatprior.models import BernoulliLogistic, Existence
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import first_of, printable
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.likelihood import at_each, exact_log_likelihoods

ROUNDING = 1e-12  # of the log-likelihood: far out it is the supremum, up to that
UNLIKELY = 1e-3  # coincidence of a penalty that is named
LEAST_PENALTY = 1e-5  # on separated data: a smaller one acts as a tolerance does
NEAR_SUPREMUM = 0.05  # of the rise of the log-likelihood from 0: there an optimiser may stop
# vectors in random directions that show how few are near the supremum
MOST_TURNED, LEAST_TURNED, MOST_WORK = 10_000, 100, 2 * 10**7

NO_CURE = (
    "there is none to get: report the limits of check_existence(model), or a penalised estimate "
    "(Firth's, say) as what it is"
)


def without_mle(model: BernoulliLogistic, placed: Placed, existence: Existence) -> Explanation:
    """There is no MLE to differ from; a penalty may still explain the numbers."""
    if existence.kind == "rank deficient":
        message = f"the coefficients are not determined: {existence.message}"
        return Explanation(
            cause="dependent columns",
            certain=True,
            message=message,
            distance=math.nan,
            cure="leave out columns that are combinations of others, until none is",
        )
    case = Discrepancy.at(model, None, placed.given, placed.matrix)
    with np.errstate(all="ignore"):  # numbers of any size may be given
        found = list(penalised(case, LEAST_PENALTY))
    # on the way to infinity much is near the maximum with some small penalty
    ranked = best_of_each([c for c in found if c.cause == "ridge penalty" or is_certain([c])])
    if ranked and ranked[0].coincidence < UNLIKELY:
        best = ranked[0]
        message = f"{best.detail}. Without it there is no MLE: {existence.message}"
        return Explanation(
            cause=best.cause,
            certain=is_certain(ranked),
            message=message,
            distance=math.nan,
            causes=tuple(ranked),
            cure=NO_CURE,
        )
    limit = existence.limit
    if existence.kind == "undecided" or limit is None or math.isnan(limit.log_likelihood):
        return Explanation(
            cause="none of these",
            certain=False,
            message=existence.message,
            distance=math.nan,
            causes=tuple(ranked),
        )
    diverging = [name for name, where in existence.coefficients.items() if where != "finite"]
    stated = ", ".join(
        f"{printable(name)} = {value:.6g}"
        for name, value in zip(model.names, case.b, strict=True)
        if name in diverging[:5]
    )
    supremum = limit.log_likelihood
    short, near = (float(found[0]) for found in _shortfall(model, existence, case.b[None]))
    rise = supremum - model.log_likelihood(np.zeros(model.n_parameters))
    message = f"there is no MLE to reproduce: {existence.message}"
    if near and short <= NEAR_SUPREMUM * rise:
        message += (
            f". What a program prints for {first_of(map(printable, diverging))} depends on where "
            f"its tolerance let it stop ({stated})"
        )
        others, beside = _shortfall(model, existence, _turned(model, case.b))
        near_enough = short + ROUNDING * abs(supremum)
        share = float((beside & (others <= near_enough)).mean())
        if share > 0:
            message += (
                "; but numbers of this size that have nothing to do with it would be as near the "
                f"supremum of the log-likelihood with probability {share:.1g}"
            )
        return Explanation(
            cause="separation",
            certain=share == 0,
            message=message,
            distance=math.nan,
            causes=tuple(ranked),
            cure=NO_CURE,
        )
    message += (
        f". But these numbers are not on the way to the supremum of the log-likelihood, which is "
        f"{short:.4g} above theirs: a penalty or a prior that is not among those tried, or an "
        "optimiser that stopped long before"
    )
    return Explanation(
        cause="separation",
        certain=False,
        message=message,
        distance=math.nan,
        causes=tuple(ranked),
        cure=NO_CURE,
    )


def _shortfall(
    model: BernoulliLogistic, existence: Existence, b: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """How far the log-likelihood at each row of b (d, k) is below its supremum.

    And whether the coefficients that stay finite are near their limits.
    """
    limit = existence.limit
    assert limit is not None  # noqa: S101
    with np.errstate(all="ignore"):
        short = limit.log_likelihood - at_each(model.rows, exact_log_likelihoods, b)
    own = b[:, [model.names.index(name) for name in limit.names]]
    near = np.abs(own - limit.coefficients) <= LEFT * limit.standard_errors
    return short, np.asarray(near.all(axis=1))


def _turned(model: BernoulliLogistic, b: Array) -> Array:
    """Vectors of the size of b, measured by the columns, in random directions, (d, k)."""
    white = required_whitening(model.rows)
    size = float(np.linalg.norm(np.linalg.solve(white, b)))
    number = max(min(MOST_TURNED, MOST_WORK // (model.n_rows * model.n_parameters)), LEAST_TURNED)
    turned = np.random.default_rng(0).normal(size=(number, len(b)))
    turned *= size / np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(turned @ white.T)
