"""Is this fit, whoever made it, the maximum likelihood estimate of these data, and if not, why?"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import Any

import pandas as pd

from flatprior.analysis.agreement.posterior_check import draws_of
from flatprior.analysis.agreement.verdict import TOLERANCE
from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.analysis.auditing.draws.without_mle import explain_draws
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.judging import judge_fit
from flatprior.analysis.producers.draws import is_draws, read_draws
from flatprior.analysis.producers.files import read_file
from flatprior.analysis.producers.printed.table import read_table
from flatprior.analysis.producers.registry import holds_data, is_fit, read
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.models import (
    BernoulliLogistic,
    check_existence,
)
from flatprior.models.common.calls import check_positive, require_likelihood
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.routes.newton import converged_mle

LARGEST_TOLERANCE = 1.0  # standard errors: farther away nothing is the estimate


def _require_heard(
    fit: Any, model: Any, y: Any, sample_weight: Any, offset: Any, variables: Any
) -> None:
    """Refuse what would not be looked at, so that nobody takes it for judged."""
    ours = isinstance(model, BernoulliLogistic)
    beside = sample_weight is not None or offset is not None
    if isinstance(model, str):
        raise InputError(
            "a formula needs data: audit(fit, BernoulliLogistic.from_formula(formula, data))"
        )
    if ours and (y is not None or beside):
        raise InputError(
            "the model holds response, weights and offset: audit(fit, model), or audit(fit, X, y, "
            "sample_weight=..., offset=...)"
        )
    if holds_data(fit) and not ours and (model is not None or y is not None or beside):
        raise InputError(
            f"a {type(fit).__name__} holds its data: audit(fit) judges it on those, audit(fit, "
            "model) on those of a BernoulliLogistic"
        )
    if variables is not None and not is_draws(fit, model if ours else None):
        raise InputError("variables are of draws; these are none")


def _of_draws(model: BernoulliLogistic, draws: Any, variables: Any, tolerance: float) -> Audit:
    if tolerance != TOLERANCE:
        raise InputError(
            "the tolerance is of coefficients, and these are draws, whose tests have limits of "
            "their own; leave it out"
        )
    posterior = read_draws(draws, model, variables)
    their = TheirFit(producer=draws_of(posterior.route), coefficients={})
    existence = check_existence(model)
    plain = Audit(their=their, model=model, existence=existence, tolerance=tolerance)
    if not existence.exists:
        found = explain_draws(model, posterior, existence)
        notes = ("a flat-prior posterior of these data does not exist", *posterior.notes)
        return replace(plain, explanation=found, cure=found.cure, notes=notes)
    mle = converged_mle(model)
    judged = judge_draws(model, posterior, mle)
    return replace(plain, mle=mle, draws=judged, notes=judged.notes, cure=judged.cure)


@own_error_state
def audit(
    fit: Any,
    model: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    offset: Any = None,
    variables: Any = None,
    tolerance: float = TOLERANCE,
) -> Audit:
    """Judge a fit, whoever made it.

    Parameters
    ----------
    fit
        Of statsmodels (`Logit`, `GLM` of the binomial family, with formulas or without), of
        scikit-learn (`LogisticRegression`, `LogisticRegressionCV`, `SGDClassifier` with log loss,
        a pipeline or a search that ends in one), of glum, firthmodels, pyfixest or PyTorch (one
        linear unit), of flatprior; coefficients as a mapping, Series or array; or the path of a
        printed table (CSV, TSV, JSON, Markdown, text) or of a fit that flatprior or R has saved.
        Or draws: a DataTree, InferenceData or Dataset of PyMC, Bambi, NumPyro or Stan, a trace, a
        data frame or an array (draws, k) or (chains, draws, k), a netCDF file, CSV files of Stan.
    model : BernoulliLogistic, or array_like (n, p)
        The model to judge on; or X as it was passed to a fit that holds no data. Results of
        statsmodels and pyfixest hold theirs, and need none.
    y : array_like (n,), optional
        The response, with X.
    sample_weight, offset : array_like (n,), optional
        As they were passed to the fit.
    variables : str, sequence of str or mapping, optional
        Of draws, the vector that holds all coefficients, or for each coefficient its variable; by
        default they are found by name.
    tolerance : float
        Standard errors up to which coefficients are the maximum likelihood estimate; none of draws.

    Returns
    -------
    Audit

    Raises
    ------
    TypeError
        If nothing is known of such objects; what is known is said.
    ValueError
        If something is missing or unusable, such as the data; what, is said.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from flatprior.analysis import audit
    >>> from flatprior.models import load_spector
    >>> data = load_spector()
    >>> X, y = data[["gpa", "tuce", "psi"]], data["grade"]
    >>> found = audit(LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y), X, y)
    >>> found.cause, found.certain, found.passed
    ('ridge penalty', True, False)
    """
    if (
        isinstance(tolerance, bool)
        or not check_positive("tolerance", tolerance) <= LARGEST_TOLERANCE
    ):
        raise InputError(f"tolerance must be at most {LARGEST_TOLERANCE} standard errors")
    _require_heard(fit, model, y, sample_weight, offset, variables)
    require_likelihood(model, "audit")
    given, X = (model, None) if isinstance(model, BernoulliLogistic) else (None, model)
    if X is not None and y is None and not is_fit(fit):
        raise InputError("pass a BernoulliLogistic, or the data as X and y")
    if is_draws(fit, given):
        if given is None:
            raise InputError("draws need the model: audit(draws, model)")
        return _of_draws(given, fit, variables, tolerance)
    if isinstance(fit, str | PathLike):
        their = read_file(fit)
    elif isinstance(fit, pd.DataFrame):
        their = read_table(fit)
    elif given is not None and is_draws(fit):  # of other coefficients: which, is said there
        return _of_draws(given, fit, variables, tolerance)
    else:
        their = read(fit, X, y, model=given, sample_weight=sample_weight, offset=offset)
    on = given if given is not None else their.model
    if on is None:
        raise InputError("the fit holds no data: pass the model to judge it on")
    return judge_fit(on, their, tolerance)
