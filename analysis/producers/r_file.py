"""A fit of R, from the JSON file that a function in the documentation writes there."""

from __future__ import annotations

import json
import math
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, require_no_secrets
from flatprior.models.common.text import printable, shorten

LARGEST = 2**26  # bytes: the covariance of two thousand coefficients
AGAIN = "write the file with write_fit of the documentation"


def read_r(path: str | PathLike[str]) -> TheirFit:
    """Read what ``write_fit(fit, file)`` wrote in R; the function stands in the documentation.

    Parameters
    ----------
    path : path

    Returns
    -------
    TheirFit
        All numbers are doubles.

    Raises
    ------
    ValueError
        If the file is of another form.
    """
    require_no_secrets(path)
    file = Path(fspath(path))
    name = shorten(printable(file.name), 60)
    if file.stat().st_size > LARGEST:
        raise InputError(f"{name} is too large for a fit; {AGAIN}")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError(f"{name} has a name twice in one place; {AGAIN}")
        return found

    try:
        facts = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is not JSON: {error}") from None
    return of_r(facts, name)


def is_of_r(facts: Any) -> bool:
    """Whether what a JSON file holds is of that form."""
    return isinstance(facts, dict) and {"link", "names", "coefficients"} <= set(facts)


def of_r(facts: Any, name: str) -> TheirFit:
    """The fit that these facts, from a file of this name, are of."""
    if not is_of_r(facts):
        raise InputError(f"{name} has not names, link and coefficients of a fit; {AGAIN}")
    family, link = str(facts.get("family", "")), str(facts["link"])
    if family not in ("binomial", "quasibinomial"):
        raise InputError(
            f"{name} is of the family {shorten(printable(family), 30)}, not of binomial outcomes"
        )
    names = facts["names"]
    if isinstance(names, str):  # one coefficient
        names = [names]
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise InputError(f"{name}: the names must be texts; {AGAIN}")
    if not all(map(printable, names)):
        raise InputError(f"{name}: a coefficient has no name; {AGAIN}")
    if len(set(names)) < len(names):
        raise InputError(f"{name} names a coefficient twice; {AGAIN}")
    k = len(names)
    values = _numbers(facts["coefficients"], k, f"{name}, coefficients")
    absent = [each for each, value in zip(names, values, strict=True) if math.isnan(value)]
    there = [i for i in range(k) if not math.isnan(values[i])]
    covariance = _covariance(facts.get("covariance"), there, k, name)
    kept = [names[i] for i in there]
    stated = []
    if covariance is not None:
        for each, error in zip(kept, np.sqrt(np.diag(covariance)), strict=True):
            stated.append(Stated(term=each, quantity="standard error", value=float(error)))
    for key, quantity in (
        ("logLik", "log-likelihood"),
        ("deviance", "deviance"),
        ("null.deviance", "null deviance"),
        ("aic", "AIC"),
        ("bic", "BIC"),
        ("nobs", "n"),
    ):
        value = _number(facts.get(key), f"{name}, {key}")
        if math.isfinite(value):
            stated.append(Stated(term="", quantity=quantity, value=value))
    converged = facts.get("converged")
    kind = printable(facts.get("class", ""))[:40]
    left = ", ".join(shorten(printable(each), 40) for each in absent[:5])
    return TheirFit(
        producer=f"R {kind or 'glm'}",
        version=printable(facts.get("version", ""))[:40],
        coefficients={each: float(values[i]) for each, i in zip(kept, there, strict=True)},
        covariance=covariance,
        stated=tuple(stated),
        settings=Settings(
            link=link,
            converged=converged if isinstance(converged, bool) else None,
            method="iterated least squares",
        ),
        # vcov of others may be by clusters, or of a survey's design
        may_be=""
        if kind in ("", "glm")
        else f"they are of no kind that is computed here, and what vcov gives of the class {kind} "
        "is not known",
        notes=(f"R has no coefficient for {left}, which depend on the others",) if absent else (),
    )


def _number(value: Any, place: str) -> float:
    """A number, or NaN for what R writes of one that there is not."""
    if value is None or value in ("NA", "NaN"):
        return math.nan
    if value in ("Inf", "-Inf"):
        return math.inf if value == "Inf" else -math.inf
    try:
        return float(value) if not isinstance(value, bool | list | dict) else math.nan
    except ValueError:
        raise InputError(
            f"{place}: {shorten(printable(value), 40)} is not a number; {AGAIN}"
        ) from None


def _numbers(values: Any, k: int, place: str) -> list[float]:
    listed = values if isinstance(values, list) else [values]
    if len(listed) != k:
        raise InputError(f"{place}: there are {len(listed)} of {k} numbers; {AGAIN}")
    return [_number(value, place) for value in listed]


def _covariance(value: Any, there: list[int], k: int, name: str) -> Array | None:
    """The covariance of the coefficients that there are, or None where there is none."""
    if value is None:
        return None
    rows = value if isinstance(value, list) and all(isinstance(r, list) for r in value) else [value]
    place = f"{name}, covariance"
    if len(rows) not in (k, len(there)):
        raise InputError(f"{place}: there are {len(rows)} rows for {k} coefficients; {AGAIN}")
    found = np.array([_numbers(row, len(rows), place) for row in rows], dtype=float)
    if len(rows) == k:  # R pads the coefficients that it left out with NA
        found = found[np.ix_(there, there)]
    if not (np.isfinite(found).all() and (np.diag(found) > 0).all()):
        return None
    return np.asarray(found)
