"""Results of statsmodels: `Logit`, `GLM` of the binomial family, and their formula versions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from flatprior.analysis.producers.their_data import model_of
from flatprior.analysis.producers.theirs import NULL_TOLERANCE, Settings, Stated, TheirFit
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.results import versions_of

MODULE = "statsmodels"
LINKS = {"logit": "logit", "probit": "probit", "cloglog": "cloglog", "cauchy": "cauchit"}
OF_THE_FIT = {
    "llf": "log-likelihood",
    "aic": "AIC",
    "nobs": "n",
}
OF_LOGIT = {
    "bic": "BIC",
    "llnull": "null log-likelihood",
    "llr": "LR chi-squared",
    "llr_pvalue": "LR p",
    "prsquared": "McFadden R2",
}
OF_GLM = {"bic_llf": "BIC", "deviance": "deviance", "null_deviance": "null deviance"}


def read(result: Any, asked: Mapping[str, Any] | None = None) -> TheirFit:
    """What a results object of statsmodels says; it holds the data that it was fitted to.

    Parameters
    ----------
    result
        What a ``fit`` returned.
    asked : mapping, optional
        ``alpha`` and ``L1_wt`` of a ``GLM.fit_regularized``, whose result does not hold them.
    """
    fitted = getattr(result, "model", None)
    kind = type(fitted).__name__
    if fitted is None or kind not in ("Logit", "GLM", "Probit") or not hasattr(result, "params"):
        what = type(result).__name__ if fitted is None else f"those of {kind}"
        raise InputTypeError(
            f"of statsmodels the results of Logit and GLM(Binomial) can be judged, such as "
            f"Logit(y, X).fit() gives, not {what}"
        )
    data = getattr(fitted, "endog", None)
    if data is None or getattr(fitted, "exog", None) is None:
        raise InputError("the result holds no data (remove_data was called): fit it again")
    glm = kind == "GLM"
    if glm and type(fitted.family).__name__ != "Binomial":
        raise InputTypeError(
            f"this GLM is of the family {type(fitted.family).__name__}; the Bernoulli-logistic "
            "model is family=Binomial()"
        )
    names = tuple(str(name) for name in fitted.exog_names)
    values = np.asarray(result.params, dtype=float)
    trials = np.asarray(getattr(fitted, "n_trials", 1.0), dtype=float) * np.ones(len(data))
    weights, constant = trials, 0.0
    if glm:
        weights = trials * np.asarray(fitted.freq_weights) * np.asarray(fitted.var_weights)
        # the ways in which the successes may be among the trials, by which it multiplies
        ones = trials * np.asarray(data)
        ways = gammaln(trials + 1) - gammaln(ones + 1) - gammaln(trials - ones + 1)
        constant = float((weights / trials * ways).sum())
    labels = getattr(fitted.data, "row_labels", None)
    model = model_of(
        fitted.exog,
        data,
        names,
        offset=_offset(fitted),
        weights=weights if (weights != 1).any() else None,
        labels=pd.Index(labels) if labels is not None else None,
        response_name=_response_name(fitted),
    )
    settings = _settings(result, fitted, kind, len(names), asked or {})
    grouped = bool((trials > 1).any())
    unjudged = _unjudged(result, settings, grouped)
    stated = _stated(result, names, glm, constant)
    notes: tuple[str, ...] = ()
    if constant:
        notes = (
            "the rows are groups: statsmodels' log-likelihood, AIC and BIC count the ways in which "
            "the successes may be among the trials, which is taken off here",
        )
    if hasattr(result, "results_constrained"):
        notes += ("fit_constrained maximises under constraints, which is not the MLE without them",)
    if getattr(result, "regularized", False):
        notes += ("fit_regularized(refit=True) fits the columns that its penalty has kept",)
    whole = (weights == np.rint(weights)).all() and (weights > 0).all()
    if not (whole and np.isin(data, (0, 1)).all()) and not grouped:
        odd = ("n", "BIC", "null log-likelihood", "LR chi-squared", "LR p", "McFadden R2")
        stated = tuple(each for each in stated if each.quantity not in odd)
        notes += (
            "n, BIC and what is made of the null log-likelihood are not judged: with weights that "
            "are 0 or no counts, and with shares, programs count differently",
        )
    return TheirFit(
        unjudged=unjudged,
        may_be=_may_be(result, fitted),
        producer=f"statsmodels {kind}",
        version=versions_of("statsmodels")["statsmodels"],
        coefficients=dict(zip(names, values.tolist(), strict=True)),
        model=model,
        covariance=_covariance(result, len(names)),
        stated=stated,
        settings=settings,
        cure=_cure(kind),
        notes=notes,
    )


def _response_name(fitted: Any) -> str:
    """Of successes and failures, which are two columns, the first."""
    name = fitted.endog_names
    return str(name[0] if isinstance(name, list) and name else name)


def _offset(fitted: Any) -> Array | None:
    """What is added to the linear predictor."""
    offset = getattr(fitted, "offset", None)
    if offset is None or np.ndim(offset) == 0:
        return None
    return np.asarray(offset, dtype=float)


def _settings(result: Any, fitted: Any, kind: str, k: int, asked: Mapping[str, Any]) -> Settings:
    link = "logit"
    if kind == "Probit":
        link = "probit"
    elif kind == "GLM":
        name = type(fitted.family.link).__name__.lower()
        link = LINKS.get(name, name)
    strength, share = _penalty(result, fitted, asked)
    largest = float(np.max(strength))
    kinds = {0.0: "l2", 1.0: "l1"}
    return Settings(
        penalty=kinds.get(share, "elasticnet") if largest else "",
        strength=largest,
        share=share if largest else 0.0,
        penalised=tuple((strength / largest * np.ones(k)).tolist()) if largest else (),
        link=link,
        covariance=str(getattr(result, "cov_type", "")),
        groups=_groups(result),
        null_tolerance=0.0 if kind == "GLM" else _null_tolerance(result),
        converged=_converged(result),
        method=str(getattr(result, "method", "") or ""),
    )


def _penalty(result: Any, fitted: Any, asked: Mapping[str, Any]) -> tuple[Array, float]:
    """Strength against the log-likelihood of all observations, share of absolute values."""
    held = getattr(result, "mle_settings", None) or {}
    if "alpha" in held:
        return np.asarray(held["alpha"], dtype=float), 1.0
    alpha, share = (asked.get(name) for name in ("alpha", "L1_wt"))
    if alpha is None:
        return np.zeros(1), 0.0
    # GLM's is on the mean
    return np.asarray(alpha, dtype=float) * len(fitted.endog), 1.0 if share is None else float(
        share
    )


def _null_tolerance(result: Any) -> float:
    options = getattr(result, "_optim_kwds_null", None) or {}
    return float(options.get("gtol", NULL_TOLERANCE))


def _unjudged(result: Any, settings: Settings, grouped: bool) -> str:
    """Why the standard errors are of a kind that is not computed here; mostly empty."""
    kind = settings.covariance
    if kind not in ("nonrobust", "HC0", "HC1", "HC2", "HC3", "cluster", ""):
        return f"they are of cov_type {kind!r}"
    if kind == "cluster":
        if settings.groups is None or np.ndim(settings.groups) != 1:
            return "they are by clusters of more than one kind"
        if getattr(result, "use_t", False):
            return "they are by clusters, with quantiles of t"
        weights = [getattr(result.model, name, 1.0) for name in ("freq_weights", "var_weights")]
        if grouped or any((np.asarray(each, dtype=float) != 1).any() for each in weights):
            return "they are by clusters of rows with weights"
    elif grouped and (kind not in ("nonrobust", "") or _scale(result) != 1):
        return "they are robust or scaled ones of groups"
    return ""


def _may_be(result: Any, fitted: Any) -> str:
    """What was asked for beside a kind, by which they may be of no kind."""
    factor = (getattr(result, "cov_kwds", None) or {}).get("scaling_factor")
    if factor is not None:
        return f"they are of no usual kind, but scaling_factor={factor:.6g} was asked for"
    if getattr(fitted, "scaletype", None) not in (None, "x2", "X2"):
        return f"they are of no usual kind, but a scale of {_scale(result):.6g} was asked for"
    return ""


def _scale(result: Any) -> float:
    try:
        return float(result.scale)
    except (AttributeError, TypeError, ValueError):
        return 1.0


def _groups(result: Any) -> Array | None:
    kept = getattr(result, "cov_kwds", None) or {}
    groups = kept.get("groups")
    return None if groups is None or isinstance(groups, tuple) else np.asarray(groups)


def _converged(result: Any) -> bool | None:
    result = getattr(result, "results_constrained", result)  # it itself was not iterated
    said = getattr(result, "converged", None)
    if said is None:
        said = (getattr(result, "mle_retvals", None) or {}).get("converged")
    return None if said is None else bool(said)


def _covariance(result: Any, k: int) -> Array | None:
    try:
        found = np.asarray(result.cov_params(), dtype=float)
    except (AttributeError, ValueError, TypeError):  # of regularised fits there is none
        return None
    return found if found.shape == (k, k) else None


def _stated(result: Any, names: tuple[str, ...], glm: bool, constant: float) -> tuple[Stated, ...]:
    """Every number that a summary prints."""
    found: list[Stated] = []
    with warnings.catch_warnings():  # statsmodels warns of what it computes when it is asked
        warnings.simplefilter("ignore")
        for attribute, quantity in (
            ("bse", "standard error"),
            ("tvalues", "z"),
            ("pvalues", "p"),
        ):
            values = _values(result, attribute, len(names))
            if values is not None:
                found += [
                    Stated(term=name, quantity=quantity, value=value)
                    for name, value in zip(names, values, strict=True)
                ]
        try:
            ends = np.asarray(result.conf_int(), dtype=float)
        except (AttributeError, ValueError, TypeError):
            ends = np.empty((0, 2))
        if ends.shape == (len(names), 2):
            for name, (low, high) in zip(names, ends.tolist(), strict=True):
                found.append(Stated(term=name, quantity="low", value=low))
                found.append(Stated(term=name, quantity="high", value=high))
        for attribute, quantity in (OF_THE_FIT | (OF_GLM if glm else OF_LOGIT)).items():
            try:
                value = float(getattr(result, attribute))
            except (AttributeError, ValueError, TypeError):
                continue
            off = {"log-likelihood": -1.0, "AIC": 2.0, "BIC": 2.0}.get(quantity, 0.0)
            found.append(Stated(term="", quantity=quantity, value=value + off * constant))
    return tuple(found)


def _values(result: Any, attribute: str, k: int) -> list[float] | None:
    try:
        found = np.asarray(getattr(result, attribute), dtype=float)
    except (AttributeError, ValueError, TypeError):
        return None
    return found.tolist() if found.shape == (k,) else None


def _cure(kind: str) -> dict[str, str]:
    plain = "GLM(y, X, family=Binomial())" if kind == "GLM" else "Logit(y, X)"
    return {
        "": f"{plain}.fit()",
        "stopped early": ".fit(method='newton', maxiter=100, tol=1e-12)"
        if kind != "GLM"
        else ".fit(maxiter=100, tol=1e-12)",
        "lasso penalty": f"{plain}.fit() in place of .fit_regularized()",
        "elastic net": f"{plain}.fit() in place of .fit_regularized()",
        "ridge penalty": f"{plain}.fit() in place of .fit_regularized()",
        "probit": "Logit(y, X).fit(), or GLM(y, X, family=Binomial())",
    }
