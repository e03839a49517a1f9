"""A report, computed anew from coefficients and data, and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis.report.main_model import formula_of
from flatprior.analysis.report.page import Facts, Page, has_seal, page_of
from flatprior.analysis.report.results import PACKAGES, described, machine, numbered_from
from flatprior.analysis.report.verification.anew import Anew
from flatprior.analysis.report.verification.holding import require
from flatprior.analysis.report.verification.page import page_held
from flatprior.analysis.report.verification.reading import read_report, require_unchanged
from flatprior.analysis.report.verification.results import ADDED, results_held
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import abbreviated, first_of, printable
from flatprior.models.provenance import require_belonging
from flatprior.models.results import versions_of

# what the results have besides what describes the model
RESULTS = (
    *("format", "command", "with_data", "data_hash", "versions", "machine", "seeds"),
    "draws_of",
    *("estimate", "agreement", "comparison", "audits", "checks"),
)
LARGEST_NUMBER = 2**53  # of a row


@model_first
def verify_report(
    model: BernoulliLogistic,
    report: Facts | str | PathLike[str],
    others: Mapping[str, BernoulliLogistic] | None = None,
    data: Any = None,
) -> pd.DataFrame:
    """Compute a report anew, from its coefficients and the data, and compare.

    Parameters
    ----------
    model : BernoulliLogistic
        Built from the data again, with the formula of the report.
    report : path, or dict from `read_report`
        Of a path the page is verified too: what it shows is made again.
    others : mapping of str to BernoulliLogistic, optional
        Models of the comparison by the names that they have in the report, to be verified too.
    data : DataFrame, mapping or path, optional
        What the model was built from, for effects of its variables, to be verified too.

    Returns
    -------
    DataFrame
        One row a point route, the estimate that the report is about, and the other models, none
        where there is no maximum likelihood estimate, which is decided anew: "error
        bound" in standard errors and certain "digits", as they are now, and "stated", the bound in
        the report. ``attrs["not made again"]`` lists in words what could not be verified.

    Raises
    ------
    ValueError
        If the data are not those of the report, or some number in it does not stand.

    Notes
    -----
    Computed anew from coefficients and data are certificates, standard errors, log-likelihoods,
    criteria, distances, likelihood ratios, verdict and messages, and every table, figure and
    sentence of the page. A report holds no draws, so that what comes from them is taken as it is
    stated, is held against itself, and is listed. What a program of another version or on another
    machine has computed is compared up to its rounding, and its figures are not compared.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from flatprior.analysis import compare_routes, verify_report, write_report
    >>> from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_report(pathlib.Path(folder) / "report.html", agreement=agreement)
    ...     list(verify_report(model, path).index)
    ['newton', 'sklearn', 'reported']
    """
    page = None
    if not isinstance(report, Mapping):
        page = page_of(report)
        require_unchanged(report)
        report = read_report(report)
    try:
        return _verified(model, report, page, others or {}, data)
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"the results in the report are damaged: {error!r}") from error


def _verified(
    model: BernoulliLogistic,
    report: Facts,
    page: str | None,
    others: Mapping[str, BernoulliLogistic],
    data: Any,
) -> pd.DataFrame:
    elsewhere = _elsewhere(report)
    by = _other_numbers(model, report)
    if by:
        model = _renumbered(model, by)
        others = {name: _renumbered(each, by) for name, each in others.items()}
    made_by = f"it was made by {report['command'] or 'a script'}"
    require_belonging(model, "the report", None, str(report["data_hash"]), made_by)
    without = ("existence",) if report["estimate"] is None else ()
    more = sorted(set(report) - {*RESULTS, *without, *described(model)})
    more += sorted(set(report["versions"]) - set(versions_of(*PACKAGES)))
    require(not more, f"the results have {first_of(more)}, which nothing gives")
    for what, now in described(model).items():
        if what in ADDED and what not in report:
            continue
        # to Python, 0 is False and 32 is 32.0
        same = json.dumps(report[what]) == json.dumps(now)
        require(same, f"{what} is {now!r}, not {report[what]!r}")
    try:
        found = Anew.of(model, report, others)
        holes = results_held(found, report, bool(elsewhere))
        if page is not None:
            holes += page_held(found, report, page, data, bool(elsewhere))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if not elsewhere:
            raise
        said = error if isinstance(error, ValueError) else f"the results are damaged: {error!r}"
        raise InputError(f"{said}; {elsewhere}") from error
    if page is None:
        holes.append("the page: pass the path of the report")
    elif elsewhere:
        holes.append(f"figures: {elsewhere}")
    if page is not None and not has_seal(page):
        holes.append("whether the file was changed: it has no checksum")
    if by:
        holes.append(
            f"how rows are numbered: in the report {abs(by)} {'more' if by > 0 else 'less'} than "
            "in the data"
        )
    holes.insert(0, _making(model, None if page is None else Page.of(page).title))
    columns = ["route", "error bound", "stated", "digits"]
    table = pd.DataFrame(found.rows(report), columns=columns).set_index("route")
    table.attrs["not made again"] = holes
    return table


def _other_numbers(model: BernoulliLogistic, report: Facts) -> int:
    """By how much the report's numbers of rows are more than the model's, where both have some."""
    stated, own = report.get("first_row"), numbered_from(model)
    if own is None or not isinstance(stated, int):
        return 0
    return stated - own if max(abs(stated), abs(own)) < LARGEST_NUMBER else 0


def _renumbered(model: BernoulliLogistic, by: int) -> BernoulliLogistic:
    """The model, with `by` added to the numbers of its rows: those of a frame begin with 0."""
    if numbered_from(model) is None:
        return model
    return replace(model, row_labels=model.row_labels.astype(np.int64) + by)


def _making(model: BernoulliLogistic, title: str | None) -> str:
    """What a report says of its own making, which nothing in it tells."""
    named = title is not None and title != abbreviated(formula_of(model), 160)
    said = [*(["title"] if named else []), "command", "seeds", "versions", "machine"]
    return f"what the report says of its making: {', '.join(said)}"


def _elsewhere(report: Facts) -> str:
    """How the report was made otherwise than one would be here, in words; empty if in no way."""
    now = versions_of(*PACKAGES) | {"machine": machine()}
    then = {**report["versions"], "machine": report.get("machine", "not stated")}
    other = [
        f"{name} {printable(then.get(name, 'not stated'))} (here {now[name]})"
        for name in now
        if then.get(name) != now[name]
    ]
    if not other:
        return ""
    return f"the report was made by {first_of(other)}, which may round or draw otherwise"
