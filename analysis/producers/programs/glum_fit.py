"""`GeneralizedLinearRegressor` of glum, of the binomial family."""

from __future__ import annotations

from typing import Any

import numpy as np

from flatprior.analysis.producers.their_data import (
    Totals,
    dense,
    labels_of,
    model_of,
    names_of,
    with_intercept,
)
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.results import versions_of

MODULE = "glum"


def read(
    regressor: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    offset: Any = None,
    totals: Totals | None = None,
) -> TheirFit:
    """What a fitted regressor says of the data that it was fitted to, numbers as columns.

    Of data of which these are some rows, with the `totals` of all.
    """
    kind = type(regressor).__name__
    family = getattr(regressor, "family", "")
    family = family if isinstance(family, str) else type(family).__name__
    if "binomial" not in family.lower():
        raise InputTypeError(
            f"this {kind} is of the family {family}; the Bernoulli-logistic model is "
            "family='binomial'"
        )
    if not hasattr(regressor, "coef_"):
        raise InputError(f"this {kind} is not fitted: it has no coef_")
    coefficients = np.asarray(regressor.coef_, dtype=float)
    if getattr(X, "shape", (0, 0))[-1] != len(coefficients):
        raise InputError(
            f"the fit has {len(coefficients)} coefficients beside the intercept: pass the data in "
            "as many columns, its categories as indicators"
        )
    design, names = dense(X), names_of(X, len(coefficients))
    if regressor.fit_intercept:
        design, names = with_intercept(design, names)
        coefficients = np.concatenate([[float(regressor.intercept_)], coefficients])
    model = model_of(
        design,
        y,
        names,
        offset=offset,
        weights=sample_weight,
        labels=labels_of(X),
        response_name=str(getattr(y, "name", None) or "y"),
    )
    covariance = getattr(regressor, "covariance_matrix_", None)
    stated: tuple[Stated, ...] = ()
    if covariance is not None:
        errors = np.sqrt(np.diag(np.asarray(covariance, dtype=float)))
        stated = tuple(
            Stated(term=name, quantity="standard error", value=error)
            for name, error in zip(names, errors.tolist(), strict=True)
        )
    # its default is alpha = 0 since version 3; it multiplies the mean log-likelihood's penalty
    alpha = float(getattr(regressor, "alpha", 0.0) or 0.0)
    total = (totals or Totals.of(y, sample_weight)).weight
    share = float(regressor.l1_ratio or 0.0)
    slopes = (False,) * bool(regressor.fit_intercept) + (True,) * (X.shape[1])
    link = getattr(regressor, "link", "auto")
    link = link if isinstance(link, str) else type(link).__name__.removesuffix("Link").lower()
    return TheirFit(
        producer=f"glum {kind}",
        version=versions_of("glum")["glum"],
        coefficients=dict(zip(names, coefficients.tolist(), strict=True)),
        model=model,
        covariance=None if covariance is None else np.asarray(covariance, dtype=float),
        stated=stated,
        settings=Settings(
            penalty={0.0: "l2", 1.0: "l1"}.get(share, "elasticnet") if alpha else "",
            strength=alpha * total,
            share=share if alpha else 0.0,
            penalised=slopes if alpha else (),
            link="logit" if link in ("auto", "logit", "canonical") else link,
            covariance="HC1" if covariance is not None else "",
            tolerance=float(getattr(regressor, "_gradient_tol", None) or np.nan),
            converged=bool(getattr(regressor, "n_iter_", 0) < regressor.max_iter),
            method=str(getattr(regressor, "solver", "")),
        ),
        may_be="glum keeps no trace of clusters= and dispersion=, and they are of no kind without",
        cure={
            "": "GeneralizedLinearRegressor(family='binomial', alpha=0, gradient_tol=1e-12)",
        },
    )
