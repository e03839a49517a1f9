"""`feglm(family="logit")` of pyfixest, with fixed effects or without."""

from __future__ import annotations

from typing import Any

import numpy as np

from flatprior.analysis.producers.their_data import model_of
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, fit_newton
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import count
from flatprior.models.results import versions_of

MODULE = "pyfixest"
LINKS = {"Felogit": "logit", "Feprobit": "probit"}


def read(fitted: Any) -> TheirFit:
    """What a result says; it holds the data frame that it was fitted to.

    Absorbed fixed effects have no coefficients there. The slopes are the maximum likelihood
    estimate if they are with the fixed effects that fit best beside them, so these are found.
    """
    kind = type(fitted).__name__
    if kind not in LINKS:
        raise InputTypeError(
            f"of pyfixest feglm(family='logit') of one formula can be judged, not {kind}"
        )
    frame = getattr(fitted, "_data", None)
    if frame is None or not len(frame):
        raise InputError("the result holds no data (lean or store_data=False): fit it again")
    slopes = {str(name): float(value) for name, value in fitted.coef().items()}
    fixed = [name.strip() for name in (fitted._fixef or "").split("+") if name.strip()]
    formula = fitted._fml.split("|")[0].strip()
    effects = "".join(f" + C({name})" for name in fixed)
    weights = fitted._weights_name if getattr(fitted, "_has_weights", False) else None
    model = BernoulliLogistic.from_formula(
        formula + effects, frame, offset=getattr(fitted, "_offset_name", None)
    )
    if weights is not None:
        model = model_of(
            model.design,
            model.response,
            model.names,
            offset=model.offset,
            weights=frame.loc[model.row_labels, weights],
            labels=model.row_labels,
            response_name=model.response_name,
            weights_name=weights,
        )
    notes = []
    if model.n_rows != int(fitted._N):
        notes.append(
            f"pyfixest used {fitted._N} of the {count(model.n_rows, 'row')} (it leaves out rows "
            "that its fixed effects fit perfectly)"
        )
    coefficients = _with_effects(model, slopes) if fixed else slopes
    if fixed:
        notes.append(
            f"the fixed effects of {', '.join(fixed)}, which were absorbed, are those that fit "
            "best beside the slopes"
        )
    stated = tuple(
        Stated(term=str(name), quantity=quantity, value=float(value))
        for quantity, values in (
            ("standard error", fitted.se()),
            ("z", fitted.tstat()),
            ("p", fitted.pvalue()),
        )
        for name, value in values.items()
    )
    of_errors = str(fitted._vcov_type_detail)
    return TheirFit(
        unjudged="" if of_errors in ("iid", "hetero", "HC1") else f"they are of vcov {of_errors!r}",
        may_be=""
        if getattr(fitted, "_ssc_dict", {}).get("k_adj", True)
        else "they are of no usual kind, but ssc(k_adj=False) was asked for",
        producer="pyfixest feglm",
        version=versions_of("pyfixest")["pyfixest"],
        coefficients=coefficients,
        model=model,
        stated=stated,
        settings=Settings(
            link=LINKS[kind],
            covariance=of_errors,
            groups=_groups(fitted),
            converged=bool(fitted.convergence),
            method="iteratively reweighted least squares",
        ),
        cure={"": "feglm(..., family='logit', iwls_tol=1e-12, iwls_maxiter=100)"},
        notes=tuple(notes),
    )


def _groups(fitted: Any) -> Any:
    clusters = getattr(fitted, "_clustervar", None) or []
    return fitted._data[clusters[0]].to_numpy() if len(clusters) == 1 else None


def _with_effects(model: BernoulliLogistic, slopes: dict[str, float]) -> dict[str, float]:
    """All coefficients, those that are not given being what fits best beside those that are."""
    given = [name in slopes for name in model.names]
    unknown = [name for name in slopes if name not in model.names]
    if unknown:
        raise InputError(f"there is no column of the coefficient {unknown[0]}")
    known = np.array(given)
    values = np.array([slopes.get(name, 0.0) for name in model.names])
    offset = model.design[:, known] @ values[known]
    rest = model_of(
        model.design[:, ~known],
        model.response,
        [name for name, there in zip(model.names, given, strict=True) if not there],
        offset=offset if model.offset is None else offset + model.offset,
        weights=model.frequency_weights,
    )
    try:
        values[~known] = fit_newton(rest).coefficients
    except MLEDoesNotExistError:
        values[~known] = np.nan  # a level of one outcome; what there is to say is said of the model
    return dict(zip(model.names, values.tolist(), strict=True))
