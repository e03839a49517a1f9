"""Predictive probabilities of new rows, with intervals, from posterior draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.analysis.monte_carlo import batch_means, check_draws, standard_error
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.posterior import Interval, interval_of

ROWS_AT_ONCE = 256  # with 4000 draws: 8 MB


def predict(
    model: BernoulliLogistic,
    posterior: Posterior,
    data: ArrayLike | pd.DataFrame | Mapping[str, ArrayLike],
    offset: ArrayLike | None = None,
    prob: float = 0.95,
    interval: Interval = "eti",
) -> pd.DataFrame:
    """Posterior of the log-odds and of the probability of 1 in new rows.

    Parameters
    ----------
    model : BernoulliLogistic
        Says how new rows are encoded.
    posterior : Posterior
        Draws of any route.
    data : DataFrame, mapping or array_like (m, k)
        New rows, see `BernoulliLogistic.design_matrix`.
    offset : array_like (m,), optional
        Their offsets; needed if the model has one.
    prob : float
        Probability inside the intervals; the columns name it.
    interval : {"eti", "hdi"}
        Equal-tailed, or the shortest. The equal-tailed interval of a probability is that of its
        log-odds, transformed; the shortest is not.

    Returns
    -------
    DataFrame
        One row a new row, labelled as `data` is: posterior mean and interval of the log-odds, then
        of the probability, whose mean is the predictive probability of observing 1, and "mcse",
        the Monte Carlo standard error of that mean.

    Raises
    ------
    ValueError
        If the draws are of other coefficients, the new rows cannot be encoded, or offsets are
        missing or not one a row.

    Examples
    --------
    >>> from flatprior.analysis import predict
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> posterior = sample_independence(model, seed=1, progress=False)
    >>> new = {"gpa": [2.5, 3.5], "psi": [1, 1]}
    >>> predict(model, posterior, new)["probability"].round(1).tolist()
    [0.2, 0.8]
    """
    check_draws(model, posterior)
    design = model.design_matrix(data)
    labels = data.index if isinstance(data, pd.DataFrame) else pd.RangeIndex(len(design))
    added = _offsets(model, offset, len(design))
    parts = []
    for start in range(0, len(design), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        log_odds = posterior.draws @ design[rows].T + added[rows]
        columns = {}
        probability = expit(log_odds)
        for name, draws in (("log-odds", log_odds), ("probability", probability)):
            columns[name] = draws.mean(axis=(0, 1))
            for end, values in interval_of(draws, prob, interval).items():
                columns[f"{name} {end}"] = values
        columns["mcse"] = standard_error(batch_means(probability))
        parts.append(pd.DataFrame(columns, index=labels[rows]))
    return pd.concat(parts)


def _offsets(model: BernoulliLogistic, offset: ArrayLike | None, m: int) -> np.ndarray:
    if offset is None:
        if model.offset is not None:
            raise ValueError("the model has an offset: pass the offsets of the new rows")
        return np.zeros(m)
    try:
        values = np.asarray(offset, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (m,) or not np.isfinite(values).all():
        raise ValueError(f"offset must be {m} finite numbers, one for each new row")
    return values
