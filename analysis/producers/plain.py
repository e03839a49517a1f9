"""Coefficients alone: a mapping, a Series, an array; and flatprior's own estimates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable
from flatprior.models.results import versions_of


def read(coefficients: Any, model: BernoulliLogistic) -> TheirFit:
    """Numbers by name, or in the order of the model's coefficients."""
    labelled = isinstance(coefficients, Mapping | pd.Series)
    names = [str(name) for name in coefficients] if labelled else list(model.names)
    if isinstance(coefficients, pd.Series):
        names = [str(name) for name in coefficients.index]
    try:
        values = np.array(
            [*coefficients.values()]
            if isinstance(coefficients, Mapping)
            else np.asarray(coefficients, dtype=float),
            dtype=float,
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"coefficients must be one real number each: {error}") from error
    if not labelled and values.shape != (model.n_parameters,):
        raise InputError(
            f"there are {values.size} coefficients of the shape {values.shape}; the model has "
            f"{model.n_parameters}: {', '.join(map(printable, model.names))}"
        )
    if values.ndim != 1 or len(set(names)) < len(names):
        raise InputError("coefficients must be one real number each, each name once")
    found = dict(zip(names, values.tolist(), strict=True))
    return TheirFit(producer="coefficients", coefficients=found)


def read_estimate(fit: PointEstimate) -> TheirFit:
    """Our own, with its standard errors and criteria as it states them."""
    stated = [
        Stated(term=name, quantity=quantity, value=float(value))
        for quantity, values in (
            ("standard error", fit.standard_errors),
            ("p", fit.pvalues),
        )
        for name, value in zip(fit.names, values, strict=True)
    ]
    stated += [
        Stated(term="", quantity="log-likelihood", value=fit.log_likelihood),
        Stated(term="", quantity="AIC", value=fit.aic),
        Stated(term="", quantity="BIC", value=fit.bic),
        Stated(term="", quantity="n", value=float(fit.nobs)),
    ]
    return TheirFit(
        producer=f"flatprior, route {fit.route}",
        version=versions_of()["flatprior"],
        coefficients=dict(zip(fit.names, fit.coefficients.tolist(), strict=True)),
        covariance=fit.covariance,
        stated=tuple(stated),
        settings=Settings(converged=fit.converged, method=fit.route),
        cure={"": "fit_newton(model)"},
    )
