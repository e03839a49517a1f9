"""`FirthLogisticRegression` of firthmodels: penalised by Jeffreys' prior."""

from __future__ import annotations

from typing import Any

import numpy as np

from flatprior.analysis.producers.their_data import (
    dense,
    labels_of,
    model_of,
    names_of,
    one_column,
    with_intercept,
)
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.results import versions_of

MODULE = "firthmodels"


def read(classifier: Any, X: Any, y: Any) -> TheirFit:
    """What a fitted classifier says of the data that it was fitted to."""
    kind = type(classifier).__name__
    if kind != "FirthLogisticRegression":
        raise InputTypeError(f"of firthmodels FirthLogisticRegression can be judged, not {kind}")
    if not hasattr(classifier, "coef_"):
        raise InputError(f"this {kind} is not fitted: it has no coef_")
    slopes = np.ravel(np.asarray(classifier.coef_, dtype=float))
    design, names = dense(X), names_of(X, len(slopes))
    order = list(range(len(slopes)))
    coefficients = slopes
    if classifier.fit_intercept:
        design, names = with_intercept(design, names)
        coefficients = np.concatenate([np.ravel(classifier.intercept_)[:1], slopes])
        order = [len(slopes), *order]  # its intercept is the last
    classes, outcomes = np.asarray(classifier.classes_), one_column(y)
    if not np.isin(outcomes, classes).all():
        raise InputError(
            "the response has values which are not among the classes of the fit: pass the data "
            "that were fitted"
        )
    model = model_of(
        design,
        (outcomes == classes[1]).astype(float),
        names,
        labels=labels_of(X),
        response_name=str(getattr(y, "name", None) or "y"),
        response_coding=f"{classes[1]} = 1, {classes[0]} = 0",
    )
    stated = [
        Stated(term=name, quantity=quantity, value=float(values[j]))
        for quantity, values in (
            ("standard error", np.ravel(classifier.bse_)),
            ("p", np.ravel(classifier.pvalues_)),
        )
        for name, j in zip(names, order, strict=True)
    ]
    weight = float(getattr(classifier, "penalty_weight", 0.5))
    return TheirFit(
        producer=f"firthmodels {kind}",
        version=versions_of("firthmodels")["firthmodels"],
        coefficients=dict(zip(names, coefficients.tolist(), strict=True)),
        model=model,
        stated=tuple(stated),
        settings=Settings(
            penalty="firth" if weight else "",
            strength=2 * weight,  # of log det of the information, halved: Firth's is 1
            penalised=(True,) * len(names) if weight else (),
            converged=bool(getattr(classifier, "converged_", True)),
            method=str(getattr(classifier, "solver", "")),
        ),
        cure={
            "": "FirthLogisticRegression(penalty_weight=0), or "
            "LogisticRegression(C=np.inf, tol=1e-10) of scikit-learn; where data are separated "
            "there is no maximum likelihood estimate, and Firth's is another one",
        },
    )
