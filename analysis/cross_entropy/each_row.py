"""What each row of a model contributes: its likelihood, and the two terms of the cross-entropy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.certificate import checked_coefficients
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count
from flatprior.models.estimate import require_fit_of
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import Block, as_held


@model_first
def bernoulli_likelihood(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike
) -> Array:
    """Likelihood ``p**y * (1 - p)**(1 - y)`` of one observation of each row.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)

    Returns
    -------
    ndarray (n,)
        The probability that the model gave to what was observed.

    Raises
    ------
    ValueError
        If there are not k coefficients, or the fit is another model's.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis import bernoulli_likelihood
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    >>> bernoulli_likelihood(model, [np.log(3.0)]).round(12).tolist()  # p = 3/4
    [0.25, 0.75]
    """
    block = whole(model, "bernoulli_likelihood", "their mean logarithm")
    return likelihood_of(block, vector_of(model, coefficients))


@model_first
def cross_entropy_terms(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike
) -> pd.DataFrame:
    """Both terms of the cross-entropy of each row: only one of them is ever active.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)

    Returns
    -------
    DataFrame (n, 5)
        Columns "y", "p", "-y log p", "-(1 - y) log(1 - p)" and their sum, "loss", each of one
        observation of the row.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis import cross_entropy_terms
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    >>> cross_entropy_terms(model, [np.log(3.0)]).round(3).to_numpy().tolist()
    [[0.0, 0.75, 0.0, 1.386, 1.386], [1.0, 0.75, 0.288, 0.0, 0.288]]
    """
    block = whole(model, "cross_entropy_terms", "the mean of their losses")
    beta = vector_of(model, coefficients)
    y = (block.sign > 0).astype(float)
    loss = 0.0 - log_likelihood_of_one(block, beta)  # and never -0
    return pd.DataFrame(
        {
            "y": y,
            "p": expit(linear_predictor(block, beta)),
            "-y log p": np.where(y == 1, loss, 0.0),
            "-(1 - y) log(1 - p)": np.where(y == 1, 0.0, loss),
            "loss": loss,
        },
        index=model.row_labels,
    )


def whole(model: BernoulliLogistic, what: str, instead: str) -> Block:
    """All rows, for a function that gives a number for each of them."""
    if not model.rows.resident:
        raise InputError(
            f"{what} gives numbers for each of {count(model.n_rows, 'row')}, which are read in "
            f"batches: binary_cross_entropy has {instead}"
        )
    return as_held(model.arrays).block(slice(None))


def likelihood_of(block: Block, beta: Array) -> Array:
    """The likelihood of one observation of each row, (n,)."""
    # 1 - p of p near 1 would lose its digits: expit(-eta) has them all
    return expit(block.sign * linear_predictor(block, beta))


def log_likelihood_of_one(block: Block, beta: Array) -> Array:
    """Its logarithm, (n,)."""
    # times the weight and divided by it again, the last digit would depend on the weight
    return row_terms(block._replace(weights=None), beta).log_likelihood


def vector_of(model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike) -> Array:
    """Coefficients of this model (k,), or those of a fit of it."""
    if isinstance(coefficients, PointEstimate):
        require_fit_of(model, coefficients)
        return coefficients.coefficients
    return checked_coefficients(model, coefficients)
