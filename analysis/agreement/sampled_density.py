"""Is the density that a sampler states the likelihood's, as far as its digits say?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from flatprior.analysis.stated_precision import half_units
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.likelihood import at_each, log_likelihoods
from flatprior.models.rows import as_held, merge_identical

DENSITY_TOLERANCE = 1e-6  # nats; it changes no probability by more than one in a million
PRINTED = 5.0  # roundings, each of half a unit, that are let pass where numbers were printed
CHANCE = 5.0  # root mean squares that the trend of rounding errors may have by chance
COMPARED = 200  # draws at which log-densities are compared with the model's to the last bit
LEAST_DISTINCT = 5  # of these: as many values as chance may make equal are no evidence


def noise_of(height: float) -> float:
    """By what two sums of the same terms differ that two libraries have made."""
    return 1e-12 * (1 + abs(height))


def density_tolerances(
    model: BernoulliLogistic, height: float, rounding: float
) -> tuple[float, float]:
    """What is let pass of a log-density's difference: of doubles, and of single precision.

    A sum of n terms in single precision may be off by more roundings than one. `height` is a
    log-likelihood of the usual size, that of the MLE.
    """
    times = (PRINTED, max(PRINTED, math.sqrt(model.n_rows)))
    doubles, single = (DENSITY_TOLERANCE + noise_of(height) + each * rounding for each in times)
    return doubles, single


def density_tolerance_of(
    model: BernoulliLogistic, posterior: Posterior, height: float, score: Array
) -> float:
    """The one of these draws, of whose digits `score` (chains * draws, k) says what they do."""
    doubles, single = density_tolerances(model, height, rounding_of(posterior, score))
    return single if is_single(posterior.log_density) else doubles


def with_density(model: BernoulliLogistic, posterior: Posterior) -> Posterior:
    """The same draws with the model's log-likelihood in place of a log-density."""
    from xarray import DataArray

    draws, data = posterior.draws, posterior.data.copy()
    values = at_each(
        as_held(merge_identical(model.rows)),
        log_likelihoods,
        draws.reshape(-1, model.n_parameters),
    )
    data["sample_stats"]["lp"] = DataArray(values.reshape(draws.shape[:2]), dims=("chain", "draw"))
    return replace(posterior, data=data)


def is_own(model: BernoulliLogistic, posterior: Posterior, log_likelihood: Array) -> bool:
    """Whether the log-density is that of the model, apart from a constant, to the last bit.

    At every draw that is looked at: another program's differs in the order of its sums, and of few
    rows nine in ten may be equal by chance, but not all.
    """
    # not the last draw, which may be summed by itself and so in another order
    looked_at = slice(min(COMPARED, posterior.log_density.size - 1))
    density = posterior.log_density.ravel()[looked_at]
    if len(np.unique(density)) <= LEAST_DISTINCT:
        return False
    single = is_single(density)
    flat = posterior.draws.reshape(-1, model.n_parameters)[looked_at]
    # identical rows merged, as the samplers sum them, or not
    for find in (lambda: log_likelihood.ravel()[looked_at], lambda: model.log_likelihood(flat)):
        values = find()
        for constant in (0.0, np.median(density - values), (density - values).mean()):
            again = values + constant
            again = again.astype(np.float32) if single else again
            if (again == density).all():
                return True
    return False


def rounding_of(posterior: Posterior, score: Array) -> float:
    """What few digits of draws and log-densities do to their difference from the likelihood.

    Half a unit of the last digit of the log-density, and of each coefficient times the slope of
    the log-likelihood there; 0 for doubles.
    """

    def half(values: Array) -> Array:
        # the first values show whether there is anything to find out
        return half_units(values) if half_units(values[:COMPARED]).any() else np.zeros(len(values))

    columns = posterior.draws.reshape(len(score), -1).T
    moved = sum(
        np.abs(slope) * half(column) for slope, column in zip(score.T, columns, strict=True)
    )
    return float(half(posterior.log_density.ravel()).max() + np.max(moved))


def is_single(values: Array) -> bool:
    """Whether single precision holds all of these numbers exactly."""
    with np.errstate(over="ignore"):
        return bool((values == values.astype(np.float32)).all())


def trend_of(departure: Array, white: Array, rounding: float) -> tuple[float, float]:
    """Half the range of what follows the whitened draws and their squared length, and its limit.

    Errors of rounding follow nothing, but a fit to them follows them by chance: the more the fewer
    the draws and the larger the errors are.
    """
    flat = white.reshape(-1, white.shape[2])
    terms = np.column_stack([np.ones(len(flat)), flat, np.square(flat).sum(axis=1)])
    fitted = terms @ np.linalg.lstsq(terms, departure.ravel(), rcond=None)[0]
    error = max(rounding, 2 * float(np.std(departure.ravel() - fitted)))
    chance = CHANCE * math.sqrt(terms.shape[1] / len(terms))
    return float(np.ptp(fitted)) / 2, DENSITY_TOLERANCE + chance * error
