"""Does the maximum likelihood estimate exist? Asked before any route reports a number.

With a flat prior the posterior is proper exactly when it does (rank k and overlap), so the sampling
routes ask the same question.
"""

from __future__ import annotations

from flatprior.models.certificate import evaluate
from flatprior.models.iterations import iterates
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, ImproperPosteriorError, MLEDoesNotExistError
from flatprior.models.rows import Block, MappedRows, Rows
from flatprior.models.separation import diagnose


def check_existence(model: BernoulliLogistic) -> Existence:
    """Decide whether the MLE exists and is unique, and prove it.

    Newton's certificate is tried first: at each iterate it may prove that the columns are
    independent and the outcomes overlap (`flatprior.models.certify`). Only where it never does, a
    linear program looks for a separating direction, which is verified before it is reported.

    Parameters
    ----------
    model : BernoulliLogistic

    Returns
    -------
    Existence

    Notes
    -----
    Albert and Anderson (1984), "On the existence of maximum likelihood estimates in logistic
    regression models", Biometrika 71, 1-10.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, check_existence
    >>> check_existence(BernoulliLogistic.from_arrays([1, 2, 3, 4], [0, 1, 0, 1])).kind
    'overlap'
    >>> check_existence(BernoulliLogistic.from_arrays([-2, -1, 1, 2], [0, 0, 1, 1])).kind
    'complete separation'
    """
    if _overlap(model.rows):
        return Existence(
            "overlap",
            "the maximum likelihood estimate exists and is unique, and the flat-prior posterior "
            "is proper (proved: the outcomes overlap)",
            dict.fromkeys(model.names, "finite"),
        )
    return diagnose(model)


def _overlap(rows: Rows) -> bool:
    """Whether some Newton iterate proves existence.

    Existence depends on neither offsets nor (positive) weights. Without them the iterates are tamer
    and prove more.
    """
    plain = MappedRows(rows, _without_offset_and_weights)
    return any(
        evaluate(plain, iterate.coefficients).certificate.proves_existence
        for iterate in iterates(plain)
    )


def _without_offset_and_weights(block: Block) -> Block:
    return block._replace(offset=None, weights=None)


def require_mle(model: BernoulliLogistic) -> None:
    """Raise `MLEDoesNotExistError` unless the MLE is proved to exist."""
    existence = check_existence(model)
    if not existence.exists:
        raise MLEDoesNotExistError(existence)


def require_proper_posterior(model: BernoulliLogistic) -> None:
    """Raise `ImproperPosteriorError` unless the flat-prior posterior is proved to be proper."""
    existence = check_existence(model)
    if not existence.exists:
        raise ImproperPosteriorError(existence)
