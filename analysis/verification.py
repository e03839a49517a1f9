"""A report read back, and its numbers held against the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from flatprior.models import BernoulliLogistic, PointEstimate, verify

FORMAT = "flatprior-report/1"

Facts = dict[str, Any]


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
    """
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    reader = _Embedded()
    reader.feed(text)
    try:
        facts: Facts = json.loads("".join(reader.found))
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']!r}")
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is not a report written by flatprior: {error}") from error
    return facts


def formulas_of(report: Facts) -> tuple[str, dict[str, str]]:
    """Formula of the main model, and of each model of the comparison.

    Raises
    ------
    ValueError
        If some model was not built from a formula.
    """
    estimates = (report.get("comparison") or {}).get("estimates", {})
    others = {name: part.get("provenance", {}).get("formula") for name, part in estimates.items()}
    formulas = [report.get("formula"), *others.values()]
    if not all(isinstance(formula, str) for formula in formulas):
        raise ValueError(
            "the report holds no formula of some model, which was built from arrays; verify it in "
            "Python, with verify_report"
        )
    return formulas[0], others


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


def verify_report(
    model: BernoulliLogistic,
    report: Facts,
    others: Mapping[str, BernoulliLogistic] | None = None,
) -> pd.DataFrame:
    """Compute every certificate of a report anew, from its coefficients and the data.

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
        the report. What is verified are the results that the file holds as JSON.

    Raises
    ------
    ValueError
        If the data are not those of the report, or some number in it does not stand.
    """
    try:
        routes = [
            PointEstimate.from_dict(part)
            for part in (report["agreement"] or {"routes": []})["routes"]
        ]
        found = [
            *((estimate.route, model, estimate) for estimate in routes),
            ("reported", model, PointEstimate.from_dict(report["estimate"])),
            *(
                (
                    f"model {name}",
                    other,
                    PointEstimate.from_dict(report["comparison"]["estimates"][name]),
                )
                for name, other in (others or {}).items()
            ),
        ]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the results in the report are damaged: {error}") from error
    rows = []
    for name, of, estimate in found:
        certificate = verify(of, estimate)
        rows.append(
            {
                "route": name,
                "error bound": certificate.error_bound,
                "stated": estimate.certificate.error_bound,
                "digits": float(certificate.digits.min()),
            }
        )
    return pd.DataFrame(rows).set_index("route")
