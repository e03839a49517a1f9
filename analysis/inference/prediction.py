"""Predictive probabilities of new rows, with intervals, from an estimate or from draws."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.analysis.inference.hypotheses.wald import Coefficients, require_coefficients
from flatprior.analysis.inference.new_rows import new_rows
from flatprior.analysis.inference.robust import RobustCovariance, recomputed_robust
from flatprior.analysis.inference.which_errors import WhichErrors
from flatprior.analysis.monte_carlo import batch_means, check_draws, root_at, standard_error
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import wald_interval
from flatprior.models.covariance.roots import Root, Written
from flatprior.models.designs.coded import Structured
from flatprior.models.estimate import mle_of
from flatprior.models.posterior import Interval, interval_of
from flatprior.models.provenance import require_belonging

ROWS_AT_ONCE = 256  # with 4000 draws: 8 MB


@model_first(sampling_weights=True)
def predict(
    model: BernoulliLogistic,
    result: Coefficients | Posterior,
    data: ArrayLike | pd.DataFrame | Mapping[str, ArrayLike] | str | PathLike[str],
    offset: str | ArrayLike | None = None,
    prob: float = 0.95,
    interval: Interval = "eti",
    missing: Literal["raise", "drop"] = "raise",
) -> pd.DataFrame:
    """Log-odds and probability of 1 in new rows, with intervals.

    Parameters
    ----------
    model : BernoulliLogistic
        Says how new rows are encoded.
    result : PointEstimate, RobustCovariance or Posterior
        Of any route.
    data : DataFrame, mapping, path or array_like (m, k)
        New rows, see `BernoulliLogistic.design_matrix`.
    offset : str or array_like (m,), optional
        Their offsets, or the name of a column of `data`. Needed if the model has one, unless it was
        a column, and `data` has it too.
    prob : float
        Probability inside the intervals, or their confidence; the columns name it.
    interval : {"eti", "hdi"}
        Of draws: equal-tailed, or the shortest. The equal-tailed interval of a probability is that
        of its log-odds, transformed; the shortest is not.
    missing : {"raise", "drop"}
        What to do with rows in which a value that the formula uses is missing. They are left out of
        the data that the model was built from in any case. How many were, the name of the columns
        says: ``table.columns.name``.

    Returns
    -------
    DataFrame
        One row a new row, labelled as `data` is. Of draws: posterior mean and interval of the
        log-odds, then of the probability, whose mean is the predictive probability of observing 1,
        its standard deviation "probability sd", and "mcse", the Monte Carlo standard error of that
        mean. Of an estimate: the log-odds with their Wald interval and "standard error", then the
        same transformed to probabilities, where the interval cannot leave 0 to 1, and "probability
        standard error" by the delta method. Of a covariance "CR2" the intervals are Student's, with
        Satterthwaite's degrees of freedom of each row, "df", which take a product of all clusters a
        row. The name of the columns says which robust covariance it is, and
        ``table.attrs["standard errors"]`` with its factor.

    Raises
    ------
    ValueError
        If the result is of other coefficients, the new rows cannot be encoded, or offsets are
        missing or not one a row.
    NotConvergedError
        If an estimate is not proved to be near the MLE.

    Examples
    --------
    >>> from flatprior.models import fit_newton
    >>> from flatprior.analysis import predict
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> posterior = sample_independence(model, seed=1, progress=False)
    >>> new = {"gpa": [2.5, 3.5], "psi": [1, 1]}
    >>> predict(model, posterior, new)["probability"].round(1).tolist()
    [0.2, 0.8]
    >>> predict(model, fit_newton(model), new)["probability"].round(1).tolist()
    [0.2, 0.8]
    """
    result = checked_result(model, result)
    check_choice("missing", missing, ("raise", "drop"))
    rows = new_rows(model, data, offset, missing)
    design, labels, added = rows.design, rows.labels, rows.offset
    if not isinstance(result, Posterior):
        if interval != "eti":
            raise InputError('of an estimate there is the Wald interval only; leave interval "eti"')
        table = _from_estimate(model, result, design, added, prob).set_index(labels)
        return WhichErrors.of(result).stated(table, rows.note)
    parts = []
    chains, n, k = result.draws.shape
    draws_of = result.draws.reshape(-1, k).T
    for start in range(0, len(labels), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        log_odds = (design[part] @ draws_of).T.reshape(chains, n, -1) + added[part]
        columns = {}
        probability = expit(log_odds)
        for name, draws in (("log-odds", log_odds), ("probability", probability)):
            columns[name] = draws.mean(axis=(0, 1))
            for end, values in interval_of(draws, prob, interval).items():
                columns[f"{name} {end}"] = values
        columns["probability sd"] = probability.std(axis=(0, 1), ddof=1)
        columns["mcse"] = standard_error(batch_means(probability))
        parts.append(pd.DataFrame(columns, index=labels[part]))
    return pd.concat(parts).rename_axis(columns=rows.note or None)


def checked_result(
    model: BernoulliLogistic, result: Coefficients | Posterior
) -> Coefficients | Posterior:
    """The result, computed anew but for draws; an error unless it is of this model.

    Names do not suffice: what a formula such as ``scale(x)`` makes of new rows depends on the data.

    Raises
    ------
    ValueError
        If it is of another model, or of other data.
    NotConvergedError
        If an estimate is not proved to be near the MLE.
    """
    if isinstance(result, Posterior):
        check_draws(model, result)
    else:
        require_coefficients(result)
    if isinstance(result, Posterior | PointEstimate):
        data_hash: str | None = result.provenance.data_hash
    else:
        data_hash = result.data_hash if isinstance(result, RobustCovariance) else None
    whose = "the draws" if isinstance(result, Posterior) else "the estimate"
    require_belonging(model, whose, result.names, data_hash, "pass the model that it was fitted to")
    if isinstance(result, RobustCovariance):
        return recomputed_robust(model, result)
    return mle_of(model, result) if isinstance(result, PointEstimate) else result


def root_of_covariance(model: BernoulliLogistic, fit: Coefficients) -> Root:
    """L with LL' the covariance: ``|L'x|`` is the standard error of x'beta, not cancelled.

    Where the covariance is the inverse information, L comes from a QR factorisation of the rows.
    """
    if isinstance(fit, RobustCovariance):
        return fit.spread
    if isinstance(fit, PointEstimate):
        return root_at(model, fit)
    scale = np.sqrt(np.diag(fit.covariance))
    unit = fit.covariance / np.outer(scale, scale)
    return Written(np.asarray(scale[:, None] * np.linalg.cholesky(unit)))


def _from_estimate(
    model: BernoulliLogistic,
    fit: Coefficients,
    design: Array | Structured,
    offset: Array,
    prob: float,
) -> pd.DataFrame:
    log_odds = design @ fit.coefficients + offset
    error = root_of_covariance(model, fit).lengths(design)
    moments = getattr(fit, "moments", None)
    df = None if moments is None else moments.each(design)
    ends = wald_interval(log_odds, error, prob, df)
    probability = expit(log_odds)
    return pd.DataFrame(
        {
            "log-odds": log_odds,
            **{f"log-odds {name}": values for name, values in ends.items()},
            "standard error": error,
            **({} if df is None else {"df": df}),
            "probability": probability,
            **{f"probability {name}": expit(values) for name, values in ends.items()},
            "probability standard error": probability * expit(-log_odds) * error,
        }
    )
