"""What one fit of a script is: the MLE, something else that was asked for, or neither.

Its data and settings are known, so that there is no cause to look for: a certificate says whether
the coefficients are the MLE, and where they are not, Newton's method how far it is. Only
coefficients are judged. A fit is read through what it already holds: no property is asked that
would be computed, and kept, in an object of the script.
"""

from __future__ import annotations

import inspect
import math
import threading
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from flatprior.analysis.auditing.as_asked import as_asked
from flatprior.analysis.producers.programs import sklearn_fit, statsmodels_fit
from flatprior.analysis.producers.theirs import Settings, TheirFit
from flatprior.analysis.standing import Standing
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import one_thread_each
from flatprior.models.common.text import at_most, count

# what says that a penalty is wanted
PENALTY = frozenset({"C", "penalty", "l1_ratio", "alpha", "Cs", "l1_ratios", "penalties"})
# what a result of statsmodels holds; all else it computes when it is asked
HELD = (
    *("model", "params", "converged", "method", "mle_settings", "mle_retvals"),
    *("cov_type", "cov_kwds"),
)
COPIES = 4  # of the design, in doubles, that judging takes at most
SMALL = 2**28  # bytes that no system lacks
VISIBLE = 0.1  # standard errors from the maximum of its own target that a penalised fit may be
NAMES = {"l2": "ridge", "l1": "lasso", "elasticnet": "elastic net"}


def judged(
    what: str,
    fitted: Any,
    data: dict[str, Any],
    asked: frozenset[str],
    own: bool,
    first: bool,
    tolerance: float,
) -> dict[str, Any] | None:
    """Judge a fit.

    Parameters
    ----------
    what : str
        "scikit-learn LogisticRegression", "statsmodels GLM", ...
    fitted
        What its ``fit`` returned.
    data : dict
        Its arguments: X, y and sample_weight, where the result does not hold them.
    asked : frozenset of str
        Parameters of the estimator that somebody gave or set.
    own : bool
        Whether the script made the estimator, and not a library.
    first : bool
        Whether it is the first of its line: of others less is computed.
    tolerance : float
        Standard errors.

    Returns
    -------
    dict or None
        ``kind`` groups fits of a line, "other" is none that is judged; ``good``, ``verdict`` and
        ``distance`` are those of `FitsOfALine`, in which ``details`` take the place of "[]". None
        for what is no logistic fit.
    """
    alone = threading.active_count() == 1
    with nullcontext() if alone else one_thread_each.left_alone():
        if what.startswith("statsmodels"):
            return _of_statsmodels(fitted, data, tolerance)
        if getattr(fitted, "loss", "log_loss") != "log_loss":
            return None
        if not data:
            return _found("other", None, "by partial_fit, which is of some rows at a time")
        if len(fitted.classes_) != 2:
            return _found("other", None, "of more than two classes")
        return _of_sklearn(fitted, data, _given(fitted, asked), own, first, tolerance)


def _require_memory(design: Any) -> None:
    """Leave the script the memory that it may need: copies of a large design are not made."""
    needed = COPIES * 8 * math.prod(np.shape(design))
    if needed > SMALL and needed > (free := free_memory()):
        raise InputError(
            f"judging it takes {needed / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} are free"
        )


def free_memory() -> float:
    """Bytes that this process may still take; infinite where the system does not say so."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            facts = dict(line.split(":") for line in file)
        return 1024.0 * int(facts["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        return math.inf


def _of_statsmodels(
    result: Any, asked: dict[str, Any], tolerance: float, under: str = ""
) -> dict[str, Any] | None:
    result = getattr(result, "_results", result)
    if "results_constrained" in vars(result):
        by = f" under {count(result.k_constr, 'constraint')}"
        return _of_statsmodels(result.results_constrained, {}, tolerance, by)
    family = vars(result.model).get("family")  # that of a Logit is a property
    if family is not None and type(family).__name__ != "Binomial":
        return None
    held = {name: value for name, value in vars(result).items() if name in HELD}
    _require_memory(result.model.exog)
    model = _beside(result.model, data=_beside(result.model.data))
    their = statsmodels_fit.read(SimpleNamespace(**held | {"model": model}), asked)
    if their.settings.link != "logit":
        return _found("other", None, "of a binomial model with another link")
    if not their.settings.penalty:
        return _as_maximum(their, tolerance, under)
    alpha = held["mle_settings"]["alpha"] if "mle_settings" in held else asked["alpha"]
    refitted = " and a refit of what it kept" if vars(result).get("regularized") else ""
    return _penalised(their, "as asked", _alpha(alpha, asked.get("L1_wt")), refitted)


def _beside(thing: Any, **changed: Any) -> Any:
    """An object that holds what `thing` holds, and keeps what it computes for itself."""
    copy = object.__new__(type(thing))
    vars(copy).update(vars(thing), _cache={}, **changed)
    return copy


def _of_sklearn(
    estimator: Any,
    data: dict[str, Any],
    given: frozenset[str],
    own: bool,
    first: bool,
    tolerance: float,
) -> dict[str, Any]:
    brief = _briefly(estimator, data)
    settings = brief.settings
    if not settings.strength:
        return _as_maximum(_wholly(estimator, data), tolerance)
    meant = bool(given & PENALTY) or brief.producer.endswith("CV")
    if meant or not own:
        asked = "as asked" if meant else "as the library that made it has it"
        whole = brief if settings.converged else _wholly(estimator, data)
        return _penalised(whole, asked, _strength(estimator))
    far = math.nan
    if first and settings.class_weights is None:
        whole = _wholly(estimator, data)
        far = Standing(_model(whole), _beta(whole), tolerance).distance
    return _found(
        "default penalty",
        False,
        f"NOT the MLE{_weighted(settings)} but {NAMES[settings.penalty]} [], scikit-learn's "
        f"default, which nothing asks for{_far(far)}; for the MLE type {brief.cure['']}",
        far,
        _strength(estimator),
    )


def _briefly(estimator: Any, data: dict[str, Any]) -> TheirFit:
    """What scikit-learn says of its settings: read with one row of each class, which suffices."""
    y = np.ravel(data["y"])
    rows = [int(np.argmax(y == each)) for each in estimator.classes_]
    try:
        return sklearn_fit.read(estimator, _safe_indexing(data["X"], rows), y[rows])
    except (TypeError, ValueError, IndexError):  # of what cannot be indexed by rows
        return _wholly(estimator, data)


def _wholly(estimator: Any, data: dict[str, Any]) -> TheirFit:
    """What scikit-learn says, of all rows; class weights, unless beside a penalty, are weights."""
    _require_memory(data["X"])
    y, weights = np.ravel(data["y"]), data["sample_weight"]
    if weights is not None and np.ndim(weights) == 0:
        weights = np.full(len(y), weights)
    their = sklearn_fit.read(estimator, data["X"], y, weights)
    by_class = their.settings.class_weights
    if by_class is None or their.settings.strength:
        return their
    each = np.where(y == estimator.classes_[1], by_class[1.0], by_class[0.0])
    both = each if weights is None else each * np.asarray(weights, dtype=float)
    return replace(sklearn_fit.read(estimator, data["X"], y, both), settings=their.settings)


def _penalised(their: TheirFit, asked: str, detail: str, refitted: str = "") -> dict[str, Any]:
    """A penalty that was meant, unless what does not say that it has converged visibly has not."""
    settings = their.settings
    name = f"{NAMES.get(settings.penalty, settings.penalty)}{refitted}"
    kind = f"penalised, {asked}: {name}"
    left = math.nan
    if not settings.converged and not refitted:
        at = as_asked(_model(their), _beta(their), settings)
        left = math.nan if at is None else at.distance
    if not left > VISIBLE:
        return _found(kind, True, f"{kind} []", detail=detail)
    off = f"{left:.2g} standard errors" if math.isfinite(left) else "far"
    says = ", as it says" if settings.converged is False else ""
    more = "max_iter" if their.producer.startswith("scikit-learn") else "maxiter"
    return _found(
        "not converged",
        False,
        f"NOT {name} [], {asked}, but {off} from its maximum: it has not converged{says}; raise "
        f"{more}, or scale the columns",
        left,
        detail,
    )


def _given(estimator: Any, asked: frozenset[str]) -> frozenset[str]:
    """Parameters that somebody gave, or that are not as they are by default.

    A number that equals the default but is another object was put there: copies keep the object.
    """
    theirs = next(cls for cls in type(estimator).__mro__ if cls.__module__.startswith("sklearn."))
    usual = inspect.signature(theirs).parameters
    return asked | {
        name
        for name in PENALTY & usual.keys()
        if getattr(estimator, name, None) is not usual[name].default
    }


def _strength(estimator: Any) -> str:
    if hasattr(estimator, "alpha"):
        return f"alpha={float(estimator.alpha):.6g}"
    return f"C={float(np.ravel(estimator.C_)[0] if hasattr(estimator, 'C_') else estimator.C):.6g}"


def _alpha(alpha: Any, share: float | None) -> str:
    """The strength of a penalty as statsmodels calls it; from, to where it is not one for all."""
    ends = dict.fromkeys(f"{end:.6g}" for end in (np.min(alpha), np.max(alpha)))
    return f"alpha={' to '.join(ends)}" + (f", L1_wt={share:.6g}" if share is not None else "")


def _as_maximum(their: TheirFit, tolerance: float, under: str = "") -> dict[str, Any]:
    """Whether it is the MLE, which it was to be."""
    maximum = f"the MLE{_weighted(their.settings)}{under}"
    found = Standing(_model(their), _beta(their), tolerance)
    if found.kind == "the estimate":
        proved = f"proved to {at_most(found.bound, '.1g')} standard errors"
        return _found("mle", True, f"{maximum}, {proved}", found.bound)
    if found.kind == "not finite":
        return _found("not finite", False, f"NOT {maximum}: coefficients are not finite", math.inf)
    if found.kind == "unproved":
        return _found("unproved", None, f"could not be judged: {found.obstacle}")
    if found.kind == "another point":
        itself = ", and says itself that it has not converged"
        return _found(
            "not the mle",
            False,
            f"NOT {maximum} but {found.distance:.2g} standard errors from it"
            f"{itself if their.settings.converged is False else ''}; type "
            f"{their.cure.get('stopped early', their.cure.get('', 'more iterations'))}",
            found.distance,
        )
    # under constraints the columns are others, by names that nobody has given them
    reason = found.existence.kind if under else found.existence.message
    return _without_estimate(found, f"NOT {maximum}, as there is none: {reason}")


def _without_estimate(found: Standing, said: str) -> dict[str, Any]:
    """There is no estimate; where columns depend on others, there may be one of the rest."""
    rest = found.determined
    if rest is None:
        return _found("no mle", False, said, math.inf)
    if found.kind == "its probabilities":
        said += "; but the fitted probabilities are right, proved to "
        said += f"{at_most(rest.bound, '.1g')} standard errors"
        return _found("its probabilities", False, said, math.inf)
    nor = "; nor are the fitted probabilities right"
    if rest.kind == "another point":
        said += f"{nor}, which are {rest.distance:.2g} standard errors from theirs"
    elif rest.kind == "no estimate":
        said += f"{nor}: of the other columns there is none either ({rest.existence.kind})"
    return _found("no mle", False, said, math.inf)


def _weighted(settings: Settings) -> str:
    if settings.class_weights is None:
        return ""
    return " of the data as weighted by class"


def _far(distance: float) -> str:
    if math.isnan(distance):
        return ""
    if distance == math.inf:
        return "; these data have no MLE"
    return f", {distance:.2g} standard errors from it"


def _model(their: TheirFit) -> BernoulliLogistic:
    assert their.model is not None  # noqa: S101
    return their.model


def _beta(their: TheirFit) -> Array:
    return np.array(list(their.coefficients.values()))


def _found(
    kind: str,
    good: bool | None,
    verdict: str,
    distance: float = math.nan,
    detail: str = "",
) -> dict[str, Any]:
    return {
        "kind": kind,
        "good": good,
        "verdict": verdict,
        "distance": distance,
        "details": [detail] if detail else [],
    }
