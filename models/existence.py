"""Does the maximum likelihood estimate exist? Asked before any route reports a number.

With a flat prior the posterior is proper exactly when it does (rank k and overlap), so the sampling
routes ask the same question.
"""

from __future__ import annotations

from flatprior.models.certificate import proves_full_rank
from flatprior.models.model import BernoulliLogistic
from flatprior.models.newton import iterates, overlaps
from flatprior.models.results import Existence, ImproperPosteriorError, MLEDoesNotExistError
from flatprior.models.separation import diagnose


def check_existence(model: BernoulliLogistic) -> Existence:
    """Decide whether the MLE exists and is unique, and prove it.

    Newton's certificate is tried first: one of its steps proves overlap (see
    `flatprior.models.certificate.proves_overlap`). Only where it does not fire, a linear program
    looks for a separating direction, which is verified on the data before it is reported.

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
    # overlap alone leaves open whether the maximum is attained at one point or along a line
    if proves_full_rank(model.rows) and any(
        overlaps(model, iterate) for iterate in iterates(model)
    ):
        return Existence(
            "overlap",
            "the maximum likelihood estimate exists and is unique, and the flat-prior posterior "
            "is proper (proved: the outcomes overlap)",
            dict.fromkeys(model.names, "finite"),
        )
    return diagnose(model)


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
