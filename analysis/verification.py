"""A report read back, and its numbers held against the data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from html.parser import HTMLParser
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic
from flatprior.models._error_state import own_error_state
from flatprior.models.certificate import checked_coefficients, evaluate
from flatprior.models.rows import Array

FORMAT = "flatprior-report/1"

Facts = dict[str, Any]


@own_error_state
def read_report(path: str | PathLike[str]) -> Facts:
    """Read the results that a report holds as JSON.

    Parameters
    ----------
    path : str or path
        Of a file written by `write_report`.

    Returns
    -------
    dict
        "estimate", "agreement", "comparison", "formula", "data_hash", "versions", "command" and
        more; what was not finite is None.

    Raises
    ------
    ValueError
        If the file is not such a report.
    FileNotFoundError
        If there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    reader = _Embedded()
    reader.feed(Path(path).read_text(encoding="utf-8", errors="replace"))
    try:
        facts: Facts = json.loads("".join(reader.found))
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']!r}")
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is not a report written by flatprior") from error
    return facts


class _Embedded(HTMLParser):
    """Collects the text of the script element that holds the results."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script" and ("id", "flatprior-report") in attrs

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found.append(data)


def formulas_of(report: Facts) -> tuple[str, dict[str, str]]:
    """Formula of the main model, and of each model of the comparison.

    Raises
    ------
    ValueError
        If some model was not built from a formula, or the report is damaged.
    """
    try:
        estimates = (report.get("comparison") or {}).get("estimates", {})
        others = {name: part["provenance"]["formula"] for name, part in estimates.items()}
        formulas = [report.get("formula"), *others.values()]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the results in the report are damaged: {error!r}") from error
    if not all(isinstance(formula, str) for formula in formulas):
        raise ValueError(
            "the report holds no formula of some model, which was built from arrays; verify it in "
            "Python, with verify_report"
        )
    return formulas[0], others


@own_error_state
def verify_report(
    model: BernoulliLogistic,
    report: Facts,
    others: Mapping[str, BernoulliLogistic] | None = None,
) -> pd.DataFrame:
    """Compute the results of a report anew, from its coefficients and the data.

    Parameters
    ----------
    model : BernoulliLogistic
        Built from the data again, with the formula of the report.
    report : dict
        From `read_report`.
    others : mapping of str to BernoulliLogistic, optional
        Models of the comparison by the names that they have in the report, to be verified too.

    Returns
    -------
    DataFrame
        One row a point route, the estimate that the report is about, and the other models: "error
        bound" in standard errors and certain "digits", as they are now, and "stated", the bound in
        the report.

    Raises
    ------
    ValueError
        If the data are not those of the report, or some number in it does not stand.

    Notes
    -----
    Held against the data are the results that the file holds as JSON: data hash, names and counts;
    of every point estimate log-likelihood, standard errors, error bound, digits and distance;
    whether the routes agree, as far as that follows from them; AIC, BIC and deviance of the models
    of the comparison. Not computed anew are the tests of draws, leave-one-out, and what the page
    shows.
    """
    try:
        return _verified(model, report, others or {})
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the results in the report are damaged: {error!r}") from error


def _verified(
    model: BernoulliLogistic, report: Facts, others: Mapping[str, BernoulliLogistic]
) -> pd.DataFrame:
    if report["data_hash"] != model.data_hash:
        raise ValueError(
            "the data are not those of the report, or were not read in the same way: their hash is "
            f"{model.data_hash[:12]}..., the report's {str(report['data_hash'])[:12]}...; it was "
            f"made by {report['command'] or 'a script'}"
        )
    described = {
        "formula": model.formula,
        "names": list(model.names),
        "n_observations": model.n_observations,
        "n_events": model.n_events,
        "n_dropped": model.n_dropped,
    }
    for what, now in described.items():
        _require(report[what] == now, f"{what} is {now!r}, not {report[what]!r}")
    main = _Stated(model, report["estimate"])
    _require(math.isfinite(main.bound), "nothing is proved about the estimate of the report")
    rows = []
    agreement = report["agreement"]
    if agreement is not None:
        tolerance = float(agreement["tolerance"])
        for part in agreement["routes"]:
            stated = _Stated(model, part)
            distance = float(np.max(np.abs(stated.beta - main.beta) / main.errors))
            _require(
                math.isclose(distance, float(part["distance"]), rel_tol=1e-6, abs_tol=1e-9),
                f"{part['route']} is {distance:.2e} standard errors from the best route, not "
                f"{part['distance']:.2e}",
            )
            agrees = stated.bound <= tolerance
            _require(part["agrees"] is agrees, f"{part['route']} is said to agree: {not agrees}")
            rows.append(stated.row(str(part["route"])))
        checks = agreement["posteriors"]
        sound = all(check["passed"] is (not check["failures"]) for check in checks)
        agree = all(part["agrees"] for part in agreement["routes"])
        agree = agree and all(check["passed"] for check in checks)
        _require(
            sound and len(agreement["routes"]) + len(checks) > 1,
            "the tests of the draws contradict themselves, or there is nothing to compare",
        )
        _require(
            agreement["verdict"] == ("agree" if agree else "disagree"),
            f"the verdict {agreement['verdict']!r} does not follow from the routes",
        )
    rows.append(main.row("reported"))
    for name, other in others.items():
        stated = _Stated(other, report["comparison"]["estimates"][name], own=True)
        row, k, n = report["comparison"]["models"][name], other.n_parameters, other.n_observations
        criteria = {
            "k": float(k),
            "log-likelihood": stated.log_likelihood,
            "deviance": -2 * stated.log_likelihood,
            "AIC": 2 * k - 2 * stated.log_likelihood,
            "BIC": k * math.log(n) - 2 * stated.log_likelihood,
        }
        for what, value in criteria.items():
            _require(
                math.isclose(float(row[what]), value, rel_tol=1e-9, abs_tol=1e-9),
                f"{what} of {name} is {value:.6g}, not {row[what]:.6g}",
            )
        rows.append(stated.row(f"model {name}"))
    return pd.DataFrame(rows).set_index("route")


class _Stated:
    """A point estimate of a report, evaluated on the data."""

    def __init__(self, model: BernoulliLogistic, part: Facts, own: bool = False) -> None:
        route = part["route"]
        _require(part["names"] == list(model.names), f"{route} has other coefficients")
        self.beta: Array = checked_coefficients(model, part["coefficients"])
        found = evaluate(model.rows, self.beta)
        self.errors: Array = np.sqrt(np.diag(found.covariance))
        self.log_likelihood = float(found.log_likelihood)
        self.bound = found.certificate.error_bound
        self.digits = float(found.certificate.digits.min())
        certificate = part["certificate"]
        self.stated = _number(certificate["error_bound"])
        hash_ = part["provenance"]["data_hash"]
        _require(not own or hash_ == model.data_hash, f"the data of {route} are others")
        if hash_ == model.data_hash:  # an estimate from other data says so of those
            _require(
                math.isclose(self.log_likelihood, part["log_likelihood"], rel_tol=1e-9)
                and np.allclose(self.errors, part["standard_errors"], rtol=1e-6, equal_nan=True),
                f"log-likelihood or standard errors of {route} are not those of its coefficients",
            )
        # another machine's BLAS adds in another order, which moves the rounding terms a little
        _require(
            self.bound <= 2 * self.stated + 1e-9
            and bool((found.certificate.digits >= np.array(certificate["digits"]) - 1).all()),
            f"{route} states an error bound of {self.stated:.1e} standard errors, its coefficients "
            f"give {self.bound:.1e}",
        )

    def row(self, name: str) -> Facts:
        return {
            "route": name,
            "error bound": self.bound,
            "stated": self.stated,
            "digits": self.digits,
        }


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _number(value: float | None) -> float:
    return math.inf if value is None else float(value)
