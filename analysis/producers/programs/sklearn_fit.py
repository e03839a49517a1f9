"""Estimators of scikit-learn, pipelines and searches that end in one, and `LogisticMLE`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.producers.their_data import (
    INTERCEPT,
    Totals,
    dense,
    labels_of,
    model_of,
    names_of,
    one_column,
    with_intercept,
)
from flatprior.analysis.producers.theirs import Settings, TheirFit
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import printable
from flatprior.models.results import versions_of

MODULE = "sklearn"
SGD = "SGDClassifier"
LINEAR = ("LogisticRegression", "LogisticRegressionCV", SGD, "LogisticMLE")
SEARCHES = ("best_estimator_",)
AFFINE = 1e-10  # relative: what rounding may leave of a column that was shifted and scaled
# whose stopping rule is the largest component of the gradient of the mean loss
BY_GRADIENT = ("lbfgs", "newton-cg", "newton-cholesky")


def read(
    estimator: Any, X: Any, y: Any, sample_weight: Any = None, totals: Totals | None = None
) -> TheirFit:
    """What a fitted estimator says of the data that it was fitted to.

    Parameters
    ----------
    estimator
        Fitted; of a pipeline the last step, on what the others make of `X`.
    X, y
        As they were passed to its ``fit``.
    sample_weight : array_like (n,), optional
    totals : Totals, optional
        Of all rows, where these are some of them.
    """
    whole, notes = estimator, []
    for attribute in SEARCHES:
        whole = getattr(whole, attribute, whole)
    last, columns, names = whole, X, None
    if hasattr(whole, "steps"):
        before, last = whole[:-1], whole.steps[-1][1]
        steps = ", ".join(
            type(step).__name__
            for _, step in whole.steps[:-1]
            if step is not None and not isinstance(step, str)  # which let all pass
        )
        if steps and hasattr(last, "coef_"):
            columns = before.transform(X)
            names = _names_out(before, columns)
            notes.append(f"judged in the columns that {steps} made of the data")
    kind = _kind(last)
    if not hasattr(last, "coef_"):
        raise InputError(f"this {kind} is not fitted: it has no coef_")
    classes = np.asarray(last.classes_)
    if len(classes) != 2 or np.shape(last.coef_)[0] != 1:
        raise InputError(
            f"this {kind} has {len(classes)} classes; the Bernoulli-logistic model has 2"
        )
    outcomes = one_column(y)
    response, unseen = outcomes == classes[1], ~np.isin(outcomes, classes)
    if unseen.any():
        raise InputError(
            f"the response has {printable(str(outcomes[unseen][0]))}, which is not among the "
            f"classes {printable(str(classes[0]))} and {printable(str(classes[1]))} of the fit"
        )
    design = dense(columns)
    coefficients = np.asarray(last.coef_, dtype=float)[0]
    if names is None:
        names = names_of(X, design.shape[1])
    if design.shape[1] != len(coefficients):
        raise InputError(
            f"the fit has {len(coefficients)} coefficients beside the intercept, the data "
            f"{design.shape[1]} columns: pass the data that were fitted"
        )
    if last.fit_intercept:
        design, names = with_intercept(design, names)
        coefficients = np.concatenate([np.ravel(last.intercept_)[:1], coefficients])
    model = model_of(
        design,
        response.astype(float),
        names,
        weights=sample_weight,
        labels=labels_of(X),
        response_name=str(getattr(y, "name", None) or "y"),
        response_coding=f"{classes[1]} = 1, {classes[0]} = 0",
    )
    as_passed = None
    if columns is not X and last.fit_intercept:
        as_passed = _as_passed(X, design, names)
    return TheirFit(
        as_passed=as_passed,
        producer=f"scikit-learn {kind}" if kind != "LogisticMLE" else "flatprior LogisticMLE",
        version=versions_of("scikit-learn")[
            "scikit-learn" if kind != "LogisticMLE" else "flatprior"
        ],
        coefficients=dict(zip(names, coefficients.tolist(), strict=True)),
        model=model,
        settings=_settings(last, kind, len(names), totals or Totals.of(response, sample_weight)),
        cure=_cure(kind, getattr(last, "class_weight", None) is not None),
        notes=tuple(notes),
    )


def is_ours(estimator: Any) -> bool:
    """Whether this is such an estimator, or ends in one."""
    for attribute in SEARCHES:
        estimator = getattr(estimator, attribute, estimator)
    if hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return any(cls.__name__ in LINEAR for cls in type(estimator).__mro__)


def _kind(last: Any) -> str:
    for cls in type(last).__mro__:
        if cls.__name__ in LINEAR:
            break
    else:
        raise InputTypeError(
            f"of scikit-learn {', '.join(LINEAR[:3])} and pipelines that end in one can be judged, "
            f"not {type(last).__name__}"
        )
    if cls.__name__ == SGD and last.loss != "log_loss":
        raise InputTypeError(
            f"this SGDClassifier has loss={last.loss!r}; the Bernoulli-logistic model is "
            "loss='log_loss'"
        )
    return cls.__name__


def _names_out(before: Any, columns: Any) -> tuple[str, ...]:
    """The transformed columns as the pipeline calls them, without the names of its branches."""
    k = columns.shape[1]
    try:
        names = tuple(str(name) for name in before.get_feature_names_out())
    except (AttributeError, ValueError):
        return names_of(columns, k)
    short = tuple(name.split("__", 1)[-1] for name in names)
    return short if len(set(short)) == len(short) else names


def _as_passed(
    X: Any, design: Array, names: tuple[str, ...]
) -> tuple[tuple[str, ...], Array] | None:
    """How columns of numbers, shifted and scaled by a pipeline, come from those that it was passed.

    A column that is none of these, such as an indicator of a level, stays what it is.
    """
    if not isinstance(X, pd.DataFrame):
        return None
    numbers = X.select_dtypes("number")
    plain = np.column_stack([np.ones(len(X)), numbers.to_numpy(dtype=float)])
    scale = np.abs(plain).max(axis=0)
    if not (np.isfinite(scale).all() and scale.all()):
        return None
    found, *_ = np.linalg.lstsq(plain / scale, design, rcond=None)
    left = np.abs(plain / scale @ found - design).max(axis=0)
    affine = np.asarray(left <= AFFINE * np.maximum(np.abs(design).max(axis=0), 1.0)).ravel()
    others = [name for name, is_affine in zip(names, affine.tolist(), strict=True) if not is_affine]
    used = [INTERCEPT, *(str(name) for name in numbers.columns)]
    if len(set(used) & set(others)) or np.linalg.matrix_rank(plain / scale) < plain.shape[1]:
        return None
    matrix = np.zeros((len(used) + len(others), len(names)))
    matrix[: len(used), affine] = (found / scale[:, None])[:, affine]
    matrix[np.arange(len(used), len(matrix)), np.flatnonzero(~affine)] = 1.0
    clean = np.abs(matrix) > AFFINE * np.abs(matrix).max(axis=0)
    matrix = np.where(clean, matrix, 0.0)
    # of columns that the pipeline leaves out there is nothing
    kept = [i for i, row in enumerate(matrix) if row.any()]
    labels = [*used, *others]
    return tuple(labels[i] for i in kept), matrix[kept]


def _settings(last: Any, kind: str, k: int, totals: Totals) -> Settings:
    """What the estimator's parameters say that it maximised."""
    if kind == "LogisticMLE":
        return Settings(method="newton", converged=True)
    slopes = (False,) * bool(last.fit_intercept) + (True,) * (k - bool(last.fit_intercept))
    penalty, strength, share = _penalty(last, kind, totals)
    if last.fit_intercept and getattr(last, "solver", "") == "liblinear" and strength:
        slopes = (True,) * k  # its intercept is the coefficient of one column more
    steps = np.max(np.ravel(last.n_iter_)) if hasattr(last, "n_iter_") else 0
    solver = str(getattr(last, "solver", "sgd"))
    return Settings(
        penalty=penalty,
        strength=strength,
        share=share,
        penalised=slopes if strength else (),
        class_weights=_class_weights(last, totals),
        tolerance=float(last.tol) if solver in BY_GRADIENT and last.tol is not None else math.nan,
        converged=bool(steps < last.max_iter),
        method=solver,
        default="scikit-learn's" if penalty == "l2" and strength == 1 and kind != SGD else "",
    )


def _penalty(last: Any, kind: str, totals: Totals) -> tuple[str, float, float]:
    """Name, strength against the log-likelihood of all observations, share of absolute values."""
    if kind == SGD:  # its penalty is on the mean loss
        share = {"l2": 0.0, "l1": 1.0, "elasticnet": last.l1_ratio}.get(last.penalty, 0.0)
        strength = float(last.alpha) * totals.weight if last.penalty is not None else 0.0
        return (last.penalty or "", strength, float(share)) if strength else ("", 0.0, 0.0)
    strength = 1.0 / float(np.ravel(last.C_)[0] if hasattr(last, "C_") else last.C)
    name = getattr(last, "penalty", "deprecated")
    share = getattr(last, "l1_ratio", None) or 0.0
    if hasattr(last, "l1_ratio_") and np.ravel(last.l1_ratio_)[0] is not None:
        share = float(np.ravel(last.l1_ratio_)[0])
    if name is None or name == "none" or strength == 0:
        return "", 0.0, 0.0
    if name == "l1":
        share = 1.0
    elif name == "l2":
        share = 0.0
    name = {0.0: "l2", 1.0: "l1"}.get(float(share), "elasticnet")
    return name, strength, float(share)


def _class_weights(last: Any, totals: Totals) -> dict[float, float] | None:
    """What rows of outcome 0 and 1 were weighted with."""
    given = last.class_weight
    if given is None:
        return None
    n, ones, _ = totals
    if isinstance(given, str):  # "balanced"
        return {0.0: n / (2 * (n - ones)), 1.0: n / (2 * ones)}
    no, yes = last.classes_
    return {0.0: float(given.get(no, 1.0)), 1.0: float(given.get(yes, 1.0))}


def _cure(kind: str, weighted: bool) -> dict[str, str]:
    if kind == SGD:
        return {
            "": "LogisticRegression(C=np.inf, solver='newton-cholesky', tol=1e-10), or "
            "flatprior.LogisticMLE(): a stochastic gradient does not end at the maximum"
        }
    beside = ", class_weight=None" if weighted else ""
    plain = f"LogisticRegression(C=np.inf, solver='newton-cholesky', tol=1e-10{beside})"
    older = f"{plain} (before scikit-learn 1.8 also penalty=None)"
    return {
        "": f"{older}, or flatprior.LogisticMLE()",
        "ridge penalty": older,
        "lasso penalty": older,
        "elastic net": older,
        "stopped early": f"{plain}, or tol=1e-10 and max_iter=10_000 with the solver in use",
        "class weights": older,
    }
