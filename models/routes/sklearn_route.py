"""The scikit-learn route: `LogisticRegression` without a penalty, on the columns as they are."""

from __future__ import annotations

import time
import warnings

import numpy as np

from flatprior.models.certificate import require_finite
from flatprior.models.common.calls import model_first
from flatprior.models.estimate import PointEstimate, estimate
from flatprior.models.existence.check import require_mle
from flatprior.models.gathering import rows_in_memory
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import RouteUnavailableError


@model_first(sampling_weights=True)
def fit_sklearn(model: BernoulliLogistic) -> PointEstimate:
    """Maximum likelihood by scikit-learn, as its users obtain the unregularised fit.

    ``LogisticRegression(C=inf, solver="newton-cholesky", tol=1e-12)`` on the unscaled design. Its
    defaults would penalise (C = 1) and stop early (lbfgs at 1e-4).

    Parameters
    ----------
    model : BernoulliLogistic
        Without an offset, which scikit-learn does not support.

    Returns
    -------
    PointEstimate
        Of route "sklearn". What scikit-learn warned about is in its `message`; how far it got is
        in its certificate.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist.
    NotConvergedError
        If it does, and scikit-learn ends at coefficients that are not finite.
    RouteUnavailableError
        If the model has an offset, or its response only one class: scikit-learn cannot fit those.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, fit_sklearn, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> fit_sklearn(model).certificate.error_bound < 1e-6
    True
    """
    from sklearn.linear_model import LogisticRegression

    if model.rows.has_offset:
        raise RouteUnavailableError("scikit-learn's LogisticRegression takes no offset")
    since = model.passes
    require_mle(model)
    rows = rows_in_memory(model, "scikit-learn")
    if rows.response.min() == rows.response.max():  # without an intercept there may be an MLE
        raise RouteUnavailableError("scikit-learn's LogisticRegression needs both classes")
    start = time.perf_counter()
    classifier = LogisticRegression(
        C=np.inf, solver="newton-cholesky", tol=1e-12, fit_intercept=False, max_iter=1000
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(
            rows.design.astype(float, copy=False), rows.response, sample_weight=rows.weights
        )
    said = "; ".join(dict.fromkeys(str(w.message).split("\n")[0] for w in caught))
    iterations = int(np.max(classifier.n_iter_))
    return estimate(
        model,
        require_finite(np.asarray(classifier.coef_[0], dtype=float), "scikit-learn"),
        route="sklearn",
        packages=("scikit-learn",),
        converged=not caught,
        message=f"{iterations} iterations" + (f"; scikit-learn warned: {said}" if said else ""),
        n_iterations=iterations,
        seconds=time.perf_counter() - start,
        since=since,
    )
