"""The results of a report, as its JSON has them, held against those computed anew."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np

from flatprior.analysis.auditing.stored import stored_audit
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.results import timeless
from flatprior.analysis.report.sections.prediction import AFTER_SAMPLING
from flatprior.analysis.report.verification.anew import Anew, as_stated
from flatprior.analysis.report.verification.holding import (
    OF_BOUNDS,
    OF_BOUNDS_ELSEWHERE,
    hold,
    hold_notes,
    require,
)
from flatprior.analysis.report.verification.of_draws import MORE_NOTES
from flatprior.models import BernoulliLogistic, Certificate
from flatprior.models.certificate import judged
from flatprior.models.common.closeness import COMPARED, STANDARD_ERRORS
from flatprior.models.common.json_values import numbers_of
from flatprior.models.common.text import first_of, printable
from flatprior.models.common.writing import finite
from flatprior.models.evaluation import Diagonal
from flatprior.models.rows import ArrayRows
from flatprior.models.saved import contradiction

# of what describes the model, what earlier versions did not state
ADDED = (
    *("response_coding", "event", "trials", "n_groups", "reading", "aliased"),
    "first_row",
    *("passes", "bytes_read"),
)
READ = ("passes", "bytes_read")  # of the way to an MLE: another pass may have been made before


def results_held(found: Anew, report: Facts, elsewhere: bool) -> list[str]:
    """Hold the results of the report against those computed anew; say what was not computed."""
    holes = []
    bounds = OF_BOUNDS_ELSEWHERE if elsewhere else OF_BOUNDS
    if found.agreement is not None:
        told = report["agreement"]
        again = finite(timeless(found.agreement.to_dict()))
        hold("agreement", told, again, bounds)
        if told["routes"]:
            holes.append(
                "what routes say of themselves: their names, messages and iterations, versions of "
                "their libraries, the data that they state, how often they read the rows, what "
                "pm.find_MAP had reached"
            )
        if told["unavailable"]:
            holes.append("which routes were left out, and why")
    if found.fit is not None:
        hold("estimate", report["estimate"], finite(timeless(found.fit.to_dict())), bounds)
    if found.existence is not None:
        hold("existence", report["existence"], found.existence.to_dict(), bounds)
    if found.with_draws:
        holes.append(
            "what comes from draws, which the report does not hold: tests, diagnostics, posterior "
            "intervals, leave-one-out by importance sampling"
        )
    for i, (facts, audit) in enumerate(
        zip(report.get("audits", []), found.audits, strict=True), start=1
    ):
        hold(f"audit {i}", facts, finite(timeless(stored_audit(audit))), bounds)
        holes.append(
            f"what is read of {printable(audit.their.producer)}: its settings, and whether its "
            "data are these"
        )
    told = report["comparison"]
    if told is not None and found.comparison is None:
        holes.append("the comparison: pass its models as others")
    elif told is not None and found.comparison is not None:
        again = finite(timeless(found.comparison.to_dict()))
        more_keys = sorted(set(told) - set(again))
        require(not more_keys, f"comparison has {first_of(more_keys)}, which nothing gives")
        for name, part in told["estimates"].items():
            _hold_fit(name, found.comparison.models[name], part)
            anew = again["estimates"][name]
            if elsewhere:  # the way to an MLE, which rounding may change elsewhere, is its own
                versions = {"versions": part["provenance"]["versions"]}
                anew = anew | {key: part[key] for key in OF_THE_WAY}
                anew["provenance"] = anew["provenance"] | versions
            read = {name: part["provenance"].get(name) for name in READ}
            anew = anew | {"provenance": anew["provenance"] | read}
            unstated = set(ADDED) - set(part["provenance"])
            stated = {k: v for k, v in anew["provenance"].items() if k not in unstated}
            anew = anew | {"provenance": stated}
            hold(f"comparison estimates {name}", part, anew, bounds)
        if not isinstance(found.model.rows, ArrayRows):
            holes.append("how often the rows were read for the fits of the comparison")
        if elsewhere:
            holes.append("the way to the fits of the comparison: messages, iterations, versions")
        known = {
            name: {
                key: value
                for key, value in row.items()
                if key in again["models"][name] or key not in AFTER_SAMPLING
            }
            for name, row in told["models"].items()
        }
        for key in set(again) - {"models", "estimates", "notes"}:
            hold(f"comparison {key}", told[key], again[key], bounds)
        hold("comparison models", known, again["models"], bounds)
        more = MORE_NOTES["comparison"] if found.with_draws else ""
        hold_notes("comparison", told["notes"], again["notes"], bounds, more)
    return holes


# of a fit of a comparison, what is held against its own coefficients, or is its history
OF_THE_WAY = (
    *("coefficients", "standard_errors", "log_likelihood", "aic", "bic", "certificate"),
    *("n_iterations", "message"),
)


def _hold_fit(name: str, model: BernoulliLogistic, part: Facts) -> None:
    """Hold a fit of a comparison against its coefficients: its certificate is of its last step."""
    stated = as_stated(model, part)
    anew = judged(model, stated.coefficients)
    told = replace(
        stated,
        certificate=Certificate.from_dict(part["certificate"]),
        log_likelihood=float(part["log_likelihood"]),
        covariance=cast(
            Any, Diagonal(np.square(numbers_of(part["standard_errors"])), "is not in a report")
        ),
    )
    require(
        stated.provenance.data_hash == model.data_hash
        and stated.provenance.n_observations == model.n_observations,
        f"the data of model {name} are others",
    )
    k, n = model.n_parameters, model.n_observations
    errors = np.sqrt(anew.covariance.diagonal())
    criteria = {
        "log_likelihood": anew.log_likelihood,
        "aic": 2 * k - 2 * anew.log_likelihood,
        "bic": k * math.log(n) - 2 * anew.log_likelihood,
    }
    for what, value in criteria.items():
        require(
            COMPARED.holds(float(part[what]), value),
            f"{what.replace('_', '-')} of {name} is {value:.6g}, not {part[what]:.6g}",
        )
    require(
        STANDARD_ERRORS.holds(numbers_of(part["standard_errors"]), errors),
        f"the standard errors of {name} are not those of its coefficients",
    )
    said = contradiction(told, anew)
    require(not said, f"{said} ({name})")
