"""Results of other programs in the form of our routes', to be judged beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from flatprior.analysis.agreement.judged import READ, Result, Unavailable
from flatprior.analysis.explanation.reference_levels import coding_of, place
from flatprior.analysis.producers.draws import is_draws, read_draws
from flatprior.analysis.producers.files import read_file
from flatprior.analysis.producers.registry import is_fit, read
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import printable
from flatprior.models.estimate import changed, estimate

POINTS, SAME = 4, 1e-9  # at which likelihoods are compared, and by what share of them they differ
NUMBERS = ("builtins", "numpy", "xarray")  # whose arrays of draws may be one coefficient's


def taken(model: BernoulliLogistic, result: Any) -> Result:
    """A result as our routes give it, of whatever program it is.

    Raises
    ------
    TypeError
        If nothing is known of such things.
    ValueError
        If it is of other coefficients, or a table in few digits.
    """
    if isinstance(result, PointEstimate | Posterior | Unavailable):
        return result
    if isinstance(result, Mapping) and any(map(_is_result, result.values())):
        raise InputTypeError(
            "a dict of results is not one of them: compare_routes(model, *results.values())"
        )
    if is_draws(result, model):
        return read_draws(result, model)
    if isinstance(result, str | PathLike):
        their = read_file(result)
        if their.units:
            raise InputError(
                f"{printable(Path(result).name)!r} has printed numbers, which no certificate puts "
                "within the tolerance: audit(path, model) judges them to their digits"
            )
    else:
        their = read(result, model=model)
    placed = place(model, their.coefficients)
    if placed.their_intercept or placed.without_intercept:
        has = "has an intercept" if placed.their_intercept else "has no intercept"
        raise InputError(f"the fit of {their.producer} {has}, unlike the model")
    found = estimate(
        model,
        placed.matrix @ placed.given,
        route=their.producer,
        packages=(),
        converged=their.settings.converged is not False,
        message=f"{READ}{their.producer}"
        + (f"; its coefficients are {placed.recoded}" if placed.recoded else ""),
        n_iterations=0,
        seconds=math.nan,
    )
    own = their.model
    if own is None or own.data_hash == model.data_hash or _same_likelihood(model, own, their):
        return found
    return changed(found, provenance=replace(found.provenance, data_hash=own.data_hash))


def _is_result(thing: Any) -> bool:
    """Whether a thing is a fit or a set of draws, rather than numbers."""
    if isinstance(thing, Posterior | Unavailable | Mapping) or is_fit(thing):
        return True
    return is_draws(thing) and type(thing).__module__.partition(".")[0] not in NUMBERS


def _same_likelihood(model: BernoulliLogistic, own: BernoulliLogistic, their: TheirFit) -> bool:
    """Whether a fit's own data have the model's likelihood, whatever columns and rows are called.

    At random coefficients, of which only the same data, in any order, make the same numbers.
    """
    if (own.n_observations, own.n_events) != (model.n_observations, model.n_events):
        return False
    names = list(their.coefficients)
    if len(names) != own.n_parameters or not (own.rows.resident and model.rows.resident):
        return True  # what it holds cannot be compared: nothing is said of it
    design = np.asarray(own.design, dtype=float)
    spread = np.sqrt(np.square(design).mean(axis=0))
    steps = np.random.default_rng(0).normal(size=(POINTS, len(names))) / np.where(
        spread > 0, spread, 1.0
    )
    if set(names) == set(own.names):
        names = list(own.names)
    coding = coding_of(model, their.coefficients)
    for step in steps:
        placed = place(model, dict(zip(names, step.tolist(), strict=True)), coding)
        ours = model.log_likelihood(placed.matrix @ placed.given)
        if abs(own.log_likelihood(step) - ours) > SAME * (1 + abs(ours)):
            return False
    return True
