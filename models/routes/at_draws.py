"""Log-likelihoods and scores at draws, of which sampler, tests and moments share a pass."""

from __future__ import annotations

from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.likelihood import at_each, heights_and_scores
from flatprior.models.rows import Rows, as_held, merge_identical


def at_draws(rows: Rows, coefficients: Array, known: Array | None = None) -> Array:
    """Log-likelihood and score of rows at draws; of rows in batches they are kept.

    Parameters
    ----------
    rows : Rows
    coefficients : ndarray (d, k)
    known : ndarray (d, 1 + k), optional
        Those already found, to be kept.

    Returns
    -------
    ndarray (d, 1 + k)
        Log-likelihoods, then scores.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.routes.at_draws import at_draws
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> at_draws(model.rows, np.zeros((1, 2))).round(4).tolist()
    [[-22.1807, -5.0, -12.115]]
    """
    return kept(
        rows,
        "at draws",
        lambda: (
            at_each(as_held(merge_identical(rows)), heights_and_scores, coefficients)
            if known is None
            else known
        ),
        at=coefficients,
        anew=known is not None,
    )
