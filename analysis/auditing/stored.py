"""An audit as plain values that a report holds, from which it can be judged again.

The data that a fit held are not among them, so that how these differ from the model's is taken as
it is stated; nor are clusters of rows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.judging import judge_fit
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.json_values import numbers_of
from flatprior.models.common.text import printable
from flatprior.models.common.writing import finite


def stored_audit(audit: Audit) -> dict[str, Any]:
    """Everything that is found, with what the fit stated.

    Raises
    ------
    ValueError
        If it is of draws, or was judged with clusters of the rows, which are data.

    Examples
    --------
    >>> import json
    >>> from flatprior.analysis.auditing.audit import audit
    >>> from flatprior.analysis.auditing.stored import audit_again, stored_audit
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ psi", load_spector())
    >>> found = audit({"Intercept": -1.2, "psi": 2.0}, model)
    >>> again = audit_again(model, json.loads(json.dumps(stored_audit(found))))
    >>> again.verdict == found.verdict
    True
    """
    their = audit.their
    if audit.draws is not None:
        raise InputError(
            "draws are reported with the routes: write_report(path, compare_routes(model, "
            "fit_newton(model), draws))"
        )
    if not their.coefficients:
        raise InputError(
            "draws of a model without a posterior are not reported, only why there is none: "
            "write_report(path, model=model)"
        )
    if their.settings.groups is not None:
        raise InputError(
            f"the standard errors of {printable(their.producer)} are by clusters of rows, which a "
            "report does not hold: audit the fit with another covariance"
        )
    found = audit.to_dict()
    del found["mle"]
    settings = {
        field.name: getattr(their.settings, field.name)
        for field in dataclasses.fields(Settings)
        if field.name not in ("groups", "class_weights", "penalised", "covariance")
    }
    weights = their.settings.class_weights
    fit: dict[str, Any] = {
        "producer": their.producer,
        "version": their.version,
        "names": list(their.coefficients),
        "coefficients": list(their.coefficients.values()),
        "units": [their.units.get(name, 0.0) for name in their.coefficients],
        "stated": [dataclasses.asdict(each) for each in their.stated],
        "settings": settings
        | {
            "class_weights": None if weights is None else [weights[0.0], weights[1.0]],
            "penalised": [float(each) for each in their.settings.penalised],
            "errors": their.settings.covariance,  # "covariance" is for matrices
        },
        "cure": dict(their.cure),
        "notes": list(their.notes),
        "may_be": their.may_be,
        "as_passed": None
        if their.as_passed is None
        else {"names": list(their.as_passed[0]), "matrix": their.as_passed[1].tolist()},
    }
    plain: dict[str, Any] = finite({"fit": fit, "found": found})
    return plain


def audit_again(model: BernoulliLogistic, facts: Mapping[str, Any]) -> Audit:
    """Judge what a report holds of a fit on the data, anew."""
    fit, found = facts["fit"], facts["found"]
    numbers = [_number(value) for value in fit["coefficients"]]
    names = [str(name) for name in fit["names"]]
    if len(set(names)) != len(numbers) or len(names) != len(fit["units"]):
        raise InputError("the coefficients of an audited fit are damaged")
    told = dict(fit["settings"])
    weights, told["covariance"] = told.pop("class_weights"), told.pop("errors")
    settings = Settings(
        **{
            field.name: _of_kind(field.name, told[field.name])
            for field in dataclasses.fields(Settings)
            if field.name not in ("groups", "class_weights")
        },
        class_weights=None if weights is None else {0.0: weights[0], 1.0: weights[1]},
    )
    units = dict(zip(names, map(_number, fit["units"]), strict=True))
    their = TheirFit(
        producer=str(fit["producer"]),
        version=str(fit["version"]),
        coefficients=dict(zip(names, numbers, strict=True)),
        units=units if any(units.values()) else {},
        stated=tuple(
            Stated(
                term=str(each["term"]),
                quantity=str(each["quantity"]),
                value=_number(each["value"]),
                unit=_number(each["unit"]),
                written=str(each["written"]),
                prob=_number(each["prob"]),
                below=each["below"] is True,
            )
            for each in fit["stated"]
        ),
        settings=settings,
        cure={str(cause): str(words) for cause, words in fit["cure"].items()},
        notes=tuple(str(note) for note in fit["notes"]),
        may_be=str(fit["may_be"]),
        as_passed=_as_passed(fit["as_passed"], len(names)),
    )
    differences = tuple(str(each) for each in found["differences"])
    tolerance = _number(found["tolerance"])
    if not tolerance > 0:
        raise InputError("the tolerance of an audit is not positive")
    return judge_fit(model, their, tolerance, differences=differences)


def _as_passed(facts: Mapping[str, Any] | None, k: int) -> tuple[tuple[str, ...], Array] | None:
    if facts is None:
        return None
    names = tuple(str(name) for name in facts["names"])
    matrix = numbers_of(facts["matrix"])
    if matrix.shape != (len(names), k):
        raise InputError("the columns that a pipeline was passed are damaged")
    return names, matrix


def _number(value: object) -> float:
    """JSON has no NaN and no infinity; both are None there."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{printable(value)} is no number")
    return float(value)


def _of_kind(name: str, value: object) -> Any:
    if name in ("strength", "share", "tolerance", "null_tolerance"):
        return _number(value)
    if name == "converged":
        return value if isinstance(value, bool) else None
    if name == "penalised":
        shares = value if isinstance(value, list) else ()
        return tuple(map(_number, shares))
    return str(value)
