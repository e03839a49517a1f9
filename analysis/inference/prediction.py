"""Predictive probabilities of new rows, with intervals, from an estimate or from draws."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.analysis.inference.hypotheses import Coefficients, require_coefficients
from flatprior.analysis.inference.robust import RobustCovariance, recomputed_robust
from flatprior.analysis.monte_carlo import batch_means, check_draws, standard_error, whitening_root
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import wald_interval
from flatprior.models.common.text import ARRAY
from flatprior.models.encoding.columns.checks import as_series, column
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.tables import as_frame
from flatprior.models.estimate import mle_of
from flatprior.models.posterior import Interval, interval_of
from flatprior.models.provenance import require_belonging

ROWS_AT_ONCE = 256  # with 4000 draws: 8 MB


@model_first
def predict(
    model: BernoulliLogistic,
    result: Coefficients | Posterior,
    data: ArrayLike | pd.DataFrame | Mapping[str, ArrayLike] | str | PathLike[str],
    offset: str | ArrayLike | None = None,
    prob: float = 0.95,
    interval: Interval = "eti",
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

    Returns
    -------
    DataFrame
        One row a new row, labelled as `data` is. Of draws: posterior mean and interval of the
        log-odds, then of the probability, whose mean is the predictive probability of observing 1,
        and "mcse", the Monte Carlo standard error of that mean. Of an estimate: the log-odds with
        their Wald interval and "standard error", then the same transformed to probabilities, where
        the interval cannot leave 0 to 1.

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
    if isinstance(data, str | PathLike):
        data = as_frame(
            data, frozenset() if model.encoding is None else model.encoding.parsed.factors
        )
    design = model.design_matrix(data)
    labels = data.index if isinstance(data, pd.DataFrame) else pd.RangeIndex(len(design))
    added = new_offsets(model, offset, data, len(design))
    if not isinstance(result, Posterior):
        if interval != "eti":
            raise InputError('of an estimate there is the Wald interval only; leave interval "eti"')
        return _from_estimate(model, result, design, added, prob).set_index(labels)
    parts = []
    for start in range(0, len(design), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        log_odds = result.draws @ design[rows].T + added[rows]
        columns = {}
        probability = expit(log_odds)
        for name, draws in (("log-odds", log_odds), ("probability", probability)):
            columns[name] = draws.mean(axis=(0, 1))
            for end, values in interval_of(draws, prob, interval).items():
                columns[f"{name} {end}"] = values
        columns["mcse"] = standard_error(batch_means(probability))
        parts.append(pd.DataFrame(columns, index=labels[rows]))
    return pd.concat(parts)


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


def root_of_covariance(model: BernoulliLogistic, fit: Coefficients) -> np.ndarray:
    """L (k, k) with LL' the covariance: ``|L'x|`` is the standard error of x'beta, not cancelled.

    Where the covariance is the inverse information, L comes from a QR factorisation of the rows.
    """
    if isinstance(fit, RobustCovariance):
        return fit.root
    if isinstance(fit, PointEstimate):
        return whitening_root(model, fit)
    scale = np.sqrt(np.diag(fit.covariance))
    unit = fit.covariance / np.outer(scale, scale)
    return np.asarray(scale[:, None] * np.linalg.cholesky(unit))


def _from_estimate(
    model: BernoulliLogistic, fit: Coefficients, design: np.ndarray, offset: np.ndarray, prob: float
) -> pd.DataFrame:
    log_odds = design @ fit.coefficients + offset
    error = np.linalg.norm(design @ root_of_covariance(model, fit), axis=1)
    ends = wald_interval(log_odds, error, prob)
    return pd.DataFrame(
        {
            "log-odds": log_odds,
            **{f"log-odds {name}": values for name, values in ends.items()},
            "standard error": error,
            "probability": expit(log_odds),
            **{f"probability {name}": expit(values) for name, values in ends.items()},
        }
    )


def new_offsets(
    model: BernoulliLogistic, offset: str | ArrayLike | None, data: Any, m: int
) -> np.ndarray:
    """Offsets (m,) of new rows; needed where the model has them."""
    if offset is None:
        if not model.rows.has_offset:
            return np.zeros(m)
        offset = model.offset_name
        named = offset is not None and offset != ARRAY
        if not named or not isinstance(data, pd.DataFrame | Mapping) or offset not in data:
            which = f", column {offset!r}" if named else ""
            raise InputError(f"the model has an offset{which}: pass the offsets of the new rows")
    if isinstance(offset, str):
        return numbers(column(as_frame(data), offset))
    if isinstance(offset, pd.Series) and isinstance(data, pd.DataFrame):
        as_series(offset, "offset", data.index)  # its labels must be theirs, as in from_formula
    try:
        values = np.asarray(offset, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (m,) or not np.isfinite(values).all():
        raise InputError(f"offset must be {m} finite numbers, one for each new row")
    return values
