"""Who reads which object: one line a producer, told by the module of the object's type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.producers import plain
from flatprior.analysis.producers.programs import (
    firthmodels_fit,
    glum_fit,
    pyfixest_fit,
    sklearn_fit,
    statsmodels_fit,
    torch_fit,
)
from flatprior.analysis.producers.their_data import Totals
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.labels import INTERCEPTS
from flatprior.models.common.text import first_of, printable
from flatprior.models.rows import ArrayRows

HOLD_DATA = (statsmodels_fit, pyfixest_fit)
NEED_DATA = (glum_fit, firthmodels_fit, torch_fit, sklearn_fit)
TAKEN = (
    "audit takes fits of statsmodels (Logit, GLM), scikit-learn (LogisticRegression, "
    "LogisticRegressionCV, SGDClassifier, pipelines), glum, firthmodels, pyfixest and PyTorch, "
    "draws, printed tables, and coefficients as a mapping, Series or array"
)


def read(
    fit: Any,
    X: Any = None,
    y: Any = None,
    *,
    model: BernoulliLogistic | None = None,
    sample_weight: Any = None,
    offset: Any = None,
) -> TheirFit:
    """What a fit of any known program says.

    Parameters
    ----------
    fit
        A fit of one of the programs, or coefficients.
    X, y
        What it was fitted to, where the object does not hold it.
    model : BernoulliLogistic, optional
        That coefficients without an object belong to.
    sample_weight, offset : array_like (n,), optional
        As they were passed to the fit.

    Raises
    ------
    TypeError
        If nothing is known of such objects: what is, is said.
    ValueError
        If the object lacks something, such as its data.
    """
    if isinstance(fit, PointEstimate):
        return plain.read_estimate(fit)
    modules = modules_of(fit)
    for producer in HOLD_DATA:
        if producer.MODULE in modules:
            held: TheirFit = producer.read(fit)
            return held
    if sklearn_fit.MODULE in modules and not sklearn_fit.is_ours(fit):
        # what follows scikit-learn's manners need not be its own
        modules = [name for name in modules if name != sklearn_fit.MODULE] or modules
    for producer in NEED_DATA:
        if producer.MODULE in modules:
            some = None if y is not None or model is None else _some_rows(model)
            if some is not None:
                X, y, sample_weight, offset = _as_fitted(fit, some)
            if y is None:
                raise InputError(
                    f"a {type(fit).__name__} holds no data: audit(fit, X, y) with those that it "
                    "was fitted to"
                )
            extra = {"sample_weight": sample_weight, "offset": offset}
            taken = {"glum": ("sample_weight", "offset"), "sklearn": ("sample_weight",)}
            counts = producer in (glum_fit, sklearn_fit)
            for name, value in extra.items():
                if value is not None and name not in taken.get(producer.MODULE, ()):
                    raise InputError(f"a {type(fit).__name__} is fitted without {name}")
            given = {name: extra[name] for name in taken.get(producer.MODULE, ())}
            if some is None or model is None or some.n_rows == model.n_rows:
                found: TheirFit = producer.read(fit, X, y, **given)
                return found
            if counts:
                given["totals"] = Totals.of_rows(model.rows)
            # of some rows the names are told, and what the fit says of itself
            of_some: TheirFit = producer.read(fit, X, y, **given)
            return replace(of_some, model=None)
    if isinstance(fit, Mapping | pd.Series | list | tuple | np.ndarray):
        if model is None:
            raise InputError("coefficients alone need the model: audit(coefficients, model)")
        return plain.read(fit, model)
    raise InputTypeError(f"nothing is known of {a_or_an(fit)}; {TAKEN}")


def _some_rows(model: BernoulliLogistic) -> BernoulliLogistic:
    """The model with rows in memory: all where that is so, or those that the survey drew."""
    if isinstance(model.rows, ArrayRows):
        return model
    return replace(model, rows=model.rows.drawn, row_labels=model.rows.drawn_labels)


def _as_fitted(fit: Any, model: BernoulliLogistic) -> tuple[Any, Any, Any, Any]:
    """The columns, outcomes, weights and offset of a model as a program would have seen them.

    Of a pipeline, which begins with other columns, there is nothing.
    """
    if hasattr(fit, "steps") or hasattr(fit, "best_estimator_"):
        return None, None, None, None
    design, columns = model.design, model.names
    named = getattr(fit, "feature_names_in_", None)
    beside = model.aliased
    if beside is not None and set(beside.names) & set(() if named is None else named):
        design, columns = beside.with_all(design), beside.columns
    frame = pd.DataFrame(design, columns=list(columns), index=model.row_labels)
    if getattr(fit, "fit_intercept", True):
        frame = frame.drop(columns=[name for name in columns if name in INTERCEPTS])
    theirs = [name for name in (() if named is None else named) if name in INTERCEPTS]
    ours = [name for name in frame.columns if name in INTERCEPTS]
    if len(theirs) == len(ours) == 1:
        frame = frame.rename(columns={ours[0]: theirs[0]})
    if named is not None:
        missing = [str(name) for name in named if name not in frame.columns]
        if missing or len(named) != frame.shape[1]:
            raise InputError(
                f"the {type(fit).__name__} was fitted to {first_of(map(printable, named))}, the "
                f"model has {first_of(map(printable, frame.columns))}: audit(fit, X, y) judges it "
                "on its own data"
            )
        frame = frame[list(named)]
    classes = np.asarray(getattr(fit, "classes_", (0, 1)))
    response = classes[model.response.astype(int)] if len(classes) == 2 else model.response
    return frame, response, model.frequency_weights, model.offset


def holds_data(thing: Any) -> bool:
    """Whether this is a fit of a program whose results hold what they were fitted to."""
    return bool({producer.MODULE for producer in HOLD_DATA} & set(modules_of(thing)))


def is_fit(thing: Any) -> bool:
    """Whether this is a fit of a program that is known, rather than bare numbers or draws."""
    known = {producer.MODULE for producer in (*HOLD_DATA, *NEED_DATA)}
    return isinstance(thing, PointEstimate) or bool(known & set(modules_of(thing)))


def modules_of(thing: Any) -> list[str]:
    """The packages in which the type of a thing, and what it is derived from, are defined."""
    found = [cls.__module__.split(".")[0] for cls in type(thing).__mro__]
    return [name for name in dict.fromkeys(found) if name not in ("builtins", "abc")]
