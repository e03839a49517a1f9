"""A report read back: everything in it computed anew from coefficients and data, and compared."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, cast

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.departures import Sight, named_departures
from flatprior.analysis.agreement.judged import Agreement, Unavailable
from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.agreement.sampled_density import density_tolerances
from flatprior.analysis.agreement.verdict import conclude, judge
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.stored import audit_again, stored_audit
from flatprior.analysis.comparison.table import OF_LEAVE_ONE_OUT, Comparison, compare_models
from flatprior.analysis.diagnostics.psis import FOUND, UNDEFINED
from flatprior.analysis.monte_carlo import predicted_mean_shift, root_at
from flatprior.analysis.report.items import PROB, WHOLE
from flatprior.analysis.report.main_model import MainModel, formula_of
from flatprior.analysis.report.page import (
    Drawing,
    Facts,
    Page,
    Table,
    alike,
    has_seal,
    page_of,
    results_in,
    same_number,
    sealed,
    shows,
)
from flatprior.analysis.report.results import PACKAGES, described, machine, timeless
from flatprior.analysis.report.sections.making import (
    OF_SAMPLER,
    sampler_diagnostics,
    sampling_in_words,
)
from flatprior.analysis.report.sections.model import KINDS_DIFFER, NO_INTERVALS
from flatprior.analysis.report.sections.prediction import (
    AFTER_SAMPLING,
    WITH_BAD_K,
    model_comparison,
)
from flatprior.analysis.report.sections.routes import density_words, draws_words
from flatprior.analysis.report.stored import plain, rebuilt
from flatprior.analysis.report.writing import Section, facts_of, render
from flatprior.models import BernoulliLogistic, Certificate, PointEstimate, Posterior
from flatprior.models.certificate import checked_coefficients, judged
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.closeness import (
    COMPARED,
    DIFFERENCE,
    STANDARD_ERRORS,
    TWICE,
    Closeness,
)
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import percentages
from flatprior.models.common.json_values import numbers_of
from flatprior.models.common.rendering import as_csv, as_notes, n_shown, rows_left_out
from flatprior.models.common.text import abbreviated, first_of, printable
from flatprior.models.common.writing import finite
from flatprior.models.estimate import recomputed
from flatprior.models.evaluation import Diagonal
from flatprior.models.provenance import require_belonging
from flatprior.models.results import Provenance, versions_of
from flatprior.models.rows import ArrayRows
from flatprior.models.saved import contradiction

# of an error bound, which is rounding itself: by the same program on the same machine, by another
OF_BOUNDS, OF_BOUNDS_ELSEWHERE = 0.3, 0.9
# what the results have besides what describes the model
RESULTS = (
    *("format", "command", "data_hash", "versions", "machine", "seeds"),
    *("estimate", "agreement", "comparison", "audits", "checks"),
)
# of what describes the model, what earlier versions did not state
ADDED = (
    *("response_coding", "event", "trials", "n_groups", "reading", "aliased"),
    *("passes", "bytes_read"),
)
READ = ("passes", "bytes_read")  # of the way to an MLE: another pass may have been made before
# what is made of draws, which a report does not hold
OF_DRAWS = ("leave-one-out", "forest", "comparison-plot", "influence-plot")
RANKED = ("formulas", "comparison-table")  # by leave-one-out, where there are draws
# whose rounding is that of what they are differences of; a distance is one of coefficients, in
# standard errors
DIFFERENCES = {"LR": DIFFERENCE, "p": DIFFERENCE, "distance": 1e-12}
# numbers of a certificate that are mostly rounding
BOUNDS = ("newton_decrement", "error_bound", "log_likelihood_error", "standard_errors_within")
# what tables and figures have more where draws passed, and the notes that these give
MORE_COLUMNS = {
    "coefficients-table": tuple(f"posterior {end}" for end in percentages(PROB)),
    "influential": ("Pareto k",),
}
# what may stand in the place of a name in a sentence; of all others a number
IN_WORDS = {"whose": ".*", "rows": ".*", "observations": r"\d+ observations?"}


def pattern_of(*sentences: str) -> str:
    """What matches any of some sentences, whatever stands where they have names in braces."""
    return "|".join(
        "".join(
            re.escape(words)
            + ("" if name is None else IN_WORDS.get(name, r"(?:[-+.\de]+|nan|inf)"))
            for words, name, _, _ in string.Formatter().parse(sentence)
        )
        for sentence in sentences
    )


MORE_NOTES = {
    "influential": pattern_of(UNDEFINED, FOUND),
    "comparison": pattern_of(*OF_LEAVE_ONE_OUT),
}
MORE_WORDS = {
    "forest": pattern_of(KINDS_DIFFER),
    "influence-plot": pattern_of(WITH_BAD_K),
}
(NO_POSTERIOR,) = as_notes([NO_INTERVALS])


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
        more; what was not finite is None. They are as the file states them: see `verify_report`.

    Raises
    ------
    ValueError
        If the file is not such a report.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from flatprior.analysis import compare_models, read_report, write_report
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> models = {f: BernoulliLogistic.from_formula(f"grade ~ {f}", load_spector())
    ...           for f in ("gpa", "gpa + psi")}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "report.html"
    ...     read_report(write_report(path, comparison=compare_models(models)))["formula"]
    'grade ~ gpa + psi'
    """
    try:
        return results_in(page_of(path))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{str(path)!r} is not a report written by flatprior: "
            + (
                "it is an estimate as --json saves it, which PointEstimate.load(path) reads and "
                "verify(model, fit) computes anew"
                if _is_estimate(page_of(path))
                else "name one that --report or write_report wrote"
            )
        ) from error


def _is_estimate(text: str) -> bool:
    """Whether a file that is no report holds what `PointEstimate.save` writes."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"route", "coefficients", "certificate"} <= set(found)


def require_unchanged(path: str | PathLike[str]) -> None:
    """Raise a `ValueError` if a report was changed since it was written, as its checksum says."""
    page = page_of(path)
    if has_seal(page) and sealed(page) != page:
        raise InputError("the file was changed after it was written: its checksum is another")


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
        raise InputError(f"the results in the report are damaged: {error!r}") from error
    if not all(isinstance(formula, str) for formula in formulas):
        raise InputError(
            "the report holds no formula of some model, which was built from arrays; verify it in "
            "Python, with verify_report"
        )
    return formulas[0], others


@model_first
def verify_report(
    model: BernoulliLogistic,
    report: Facts | str | PathLike[str],
    others: Mapping[str, BernoulliLogistic] | None = None,
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

    Returns
    -------
    DataFrame
        One row a point route, the estimate that the report is about, and the other models: "error
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
        return _verified(model, report, page, others or {})
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"the results in the report are damaged: {error!r}") from error


def _verified(
    model: BernoulliLogistic,
    report: Facts,
    page: str | None,
    others: Mapping[str, BernoulliLogistic],
) -> pd.DataFrame:
    elsewhere = _elsewhere(report)
    made_by = f"it was made by {report['command'] or 'a script'}"
    require_belonging(model, "the report", None, str(report["data_hash"]), made_by)
    more = sorted(set(report) - {*RESULTS, *described(model)})
    more += sorted(set(report["versions"]) - set(versions_of(*PACKAGES)))
    _require(not more, f"the results have {first_of(more)}, which nothing gives")
    for what, now in described(model).items():
        if what in ADDED and what not in report:
            continue
        # to Python, 0 is False and 32 is 32.0
        same = json.dumps(report[what]) == json.dumps(now)
        _require(same, f"{what} is {now!r}, not {report[what]!r}")
    try:
        found = _Anew.of(model, report, others)
        holes = _held_against(found, report, bool(elsewhere))
        if page is not None:
            holes += _page_held_against(found, report, page, bool(elsewhere))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if not elsewhere:
            raise
        said = error if type(error) is ValueError else f"the results are damaged: {error!r}"
        raise InputError(f"{said}; {elsewhere}") from error
    if page is None:
        holes.append("the page: pass the path of the report")
    elif elsewhere:
        holes.append(f"figures: {elsewhere}")
    if page is not None and not has_seal(page):
        holes.append("whether the file was changed: it has no checksum")
    holes.insert(0, _making(model, None if page is None else Page.of(page).title))
    table = pd.DataFrame(found.rows(report)).set_index("route")
    table.attrs["not made again"] = holes
    return table


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


def _same_version(report: Facts) -> bool:
    return bool(report["versions"].get("flatprior") == versions_of()["flatprior"])


@dataclass(frozen=True, eq=False)
class _Anew:
    """The results of a report, computed anew."""

    model: BernoulliLogistic
    fit: PointEstimate
    agreement: Agreement | None
    comparison: Comparison | None
    with_draws: bool
    audits: tuple[Audit, ...] = ()

    @classmethod
    def of(
        cls, model: BernoulliLogistic, report: Facts, others: Mapping[str, BernoulliLogistic]
    ) -> _Anew:
        stated = _stated(model, report["estimate"])
        _require(
            math.isfinite(judged(model, stated.coefficients).certificate.error_bound),
            "nothing is proved about the estimate of the report",
        )
        agreement = None
        if report["agreement"] is not None:
            agreement = _agreement(model, report["agreement"], report["checks"])
            fit = recomputed(model, agreement.mle)
        else:
            fit = recomputed(model, stated)
        comparison = None
        told = report["comparison"]
        drawn = bool(agreement is not None and agreement.posterior_checks)
        if told is not None:
            drawn = drawn or any("elpd_loo" in row for row in told["models"].values())
        if told is not None and others:
            _require(
                set(others) == set(told["models"]) == set(told["estimates"]),
                f"the comparison is of {first_of(told['models'])}",
            )
            models = {name: others[name] for name in told["estimates"]}
            scored = any(row.get("LOO log score") is not None for row in told["models"].values())
            comparison = compare_models(models, leave_one_out=scored)
            if agreement is None:
                fit = recomputed(model, _fit_in(comparison, model))
        audits = tuple(audit_again(model, facts) for facts in report.get("audits", []))
        return cls(model, fit, agreement, comparison, drawn, audits)

    @property
    def checks(self) -> tuple[PosteriorCheck, ...]:
        """What the tests of draws found, by what was measured on the draws."""
        return () if self.agreement is None else self.agreement.posterior_checks

    def rows(self, report: Facts) -> list[Facts]:
        """One row a route, the estimate of the report and the models of the comparison."""

        def row(name: str, certificate: Certificate, part: Facts) -> Facts:
            stated = part["certificate"]["error_bound"]
            return {
                "route": name,
                "error bound": certificate.error_bound,
                "stated": math.inf if stated is None else float(stated),
                "digits": float(certificate.digits.min()),
            }

        found = []
        if self.agreement is not None:
            parts = report["agreement"]["routes"]
            found += [
                row(judged.estimate.route, judged.certificate, part)
                for judged, part in zip(self.agreement.routes, parts, strict=True)
            ]
        found.append(row("reported", self.fit.certificate, report["estimate"]))
        if self.comparison is not None:
            found += [
                row(f"model {name}", fit.certificate, report["comparison"]["estimates"][name])
                for name, fit in self.comparison.fits.items()
            ]
        return found


def _fit_in(comparison: Comparison, model: BernoulliLogistic) -> PointEstimate:
    for name, other in comparison.models.items():
        if other.names == model.names and other.data_hash == model.data_hash:
            return comparison.fits[name]
    raise InputError("the estimate of the report is of none of the models of its comparison")


def _stated(model: BernoulliLogistic, part: Facts) -> PointEstimate:
    """An estimate of the report with nothing of it believed but coefficients and history."""
    route = str(part["route"])
    _require(part["names"] == list(model.names), f"{route} has other coefficients")
    k = model.n_parameters
    before = part["before_finish"]
    provenance = Provenance.from_dict(part["provenance"])
    stated_hash = part.get("stated_data_hash", provenance.data_hash)
    return PointEstimate(
        route=route,
        names=model.names,
        coefficients=checked_coefficients(model, numbers_of(part["coefficients"])),
        covariance=np.full((k, k), np.nan),
        log_likelihood=math.nan,
        certificate=Certificate.refused(k),
        converged=part.get("stated_converged", part["converged"]) is True,
        message=str(part["message"]),
        n_iterations=int(part["n_iterations"]),
        seconds=math.nan,
        provenance=replace(provenance, data_hash=str(stated_hash)),
        before_finish=None if before is None else Certificate.from_dict(before),
    )


def _agreement(model: BernoulliLogistic, told: Facts, measured: list[Facts]) -> Agreement:
    """The agreement of a report, of its coefficients and of what was measured on its draws."""
    tolerance = float(told["tolerance"])
    _require(tolerance > 0, "its tolerance is not positive")
    _require(len(told["routes"]) + len(told["posteriors"]) > 1, "there is nothing to compare in it")
    routes, mle = judge(model, [_stated(model, part) for part in told["routes"]], tolerance)
    root = root_at(model, mle)
    shift = predicted_mean_shift(model, mle, root)
    checks = []
    for part in measured:
        known: dict[str, Any] = {
            "names": model.names,
            "density_tolerance": math.nan,  # these follow from the rest
            "mode_distance": math.nan,
            "predicted_shift": shift / mle.standard_errors,
        }
        sight = rebuilt(Sight, part["sight"], known)
        known |= {
            "sight": sight,
            "departures": named_departures(model, mle, root, shift, sight),
        }
        check = rebuilt(PosteriorCheck, part, known)
        gap = np.abs(check.mode.coefficients - mle.coefficients) / mle.standard_errors
        tolerances = density_tolerances(model, mle.log_likelihood, check.density_rounding)
        check = replace(
            check,
            mode_distance=float(np.max(gap)),
            density_tolerance=min(
                tolerances, key=lambda each: abs(each - part["density_tolerance"])
            ),
        )
        _hold("checks", finite(part), finite(plain(check, ("departures",))), OF_BOUNDS_ELSEWHERE)
        checks.append(check)
    means = [mle.coefficients + check.shift * mle.standard_errors for check in checks]
    absent = [
        _Absent(check.route, mean[None, None]) for check, mean in zip(checks, means, strict=True)
    ]
    unavailable = tuple(Unavailable(u["route"], u["reason"]) for u in told["unavailable"])
    return conclude(
        model,
        routes,
        mle,
        tuple(checks),
        cast(tuple[Posterior, ...], tuple(absent)),
        unavailable,
        tolerance,
    )


@dataclass(frozen=True, eq=False)
class _Absent:
    """In the place of draws, which a report does not hold: their mean."""

    route: str
    draws: Array
    seconds: float = math.nan
    seed: int | None = None
    provenance: Provenance = dataclasses.field(
        default_factory=lambda: Provenance(formula=None, n_observations=1, data_hash="")
    )


def _held_against(found: _Anew, report: Facts, elsewhere: bool) -> list[str]:
    """Hold the results of the report against those computed anew; say what was not computed."""
    holes = []
    bounds = OF_BOUNDS_ELSEWHERE if elsewhere else OF_BOUNDS
    fit: Facts = finite(timeless(found.fit.to_dict()))
    if found.agreement is not None:
        told = report["agreement"]
        again = finite(timeless(found.agreement.to_dict()))
        _hold("agreement", told, again, bounds)
        if told["routes"]:
            holes.append(
                "what routes say of themselves: their names, messages and iterations, versions of "
                "their libraries, the data that they state, how often they read the rows, what "
                "pm.find_MAP had reached"
            )
        if told["unavailable"]:
            holes.append("which routes were left out, and why")
    _hold("estimate", report["estimate"], fit, bounds)
    if found.with_draws:
        holes.append(
            "what comes from draws, which the report does not hold: tests, diagnostics, posterior "
            "intervals, leave-one-out by importance sampling"
        )
    for i, (facts, audit) in enumerate(
        zip(report.get("audits", []), found.audits, strict=True), start=1
    ):
        _hold(f"audit {i}", facts, finite(timeless(stored_audit(audit))), bounds)
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
        _require(not more_keys, f"comparison has {first_of(more_keys)}, which nothing gives")
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
            _hold(f"comparison estimates {name}", part, anew, bounds)
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
            _hold(f"comparison {key}", told[key], again[key], bounds)
        _hold("comparison models", known, again["models"], bounds)
        more = MORE_NOTES["comparison"] if found.with_draws else ""
        _hold_notes("comparison", told["notes"], again["notes"], bounds, more)
    return holes


# of a fit of a comparison, what is held against its own coefficients, or is its history
OF_THE_WAY = (
    *("coefficients", "standard_errors", "log_likelihood", "aic", "bic", "certificate"),
    *("n_iterations", "message"),
)


def _hold_fit(name: str, model: BernoulliLogistic, part: Facts) -> None:
    """Hold a fit of a comparison against its coefficients: its certificate is of its last step."""
    stated = _stated(model, part)
    anew = judged(model, stated.coefficients)
    told = replace(
        stated,
        certificate=Certificate.from_dict(part["certificate"]),
        log_likelihood=float(part["log_likelihood"]),
        covariance=cast(
            Any, Diagonal(np.square(numbers_of(part["standard_errors"])), "is not in a report")
        ),
    )
    _require(
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
        _require(
            COMPARED.holds(float(part[what]), value),
            f"{what.replace('_', '-')} of {name} is {value:.6g}, not {part[what]:.6g}",
        )
    _require(
        STANDARD_ERRORS.holds(numbers_of(part["standard_errors"]), errors),
        f"the standard errors of {name} are not those of its coefficients",
    )
    said = contradiction(told, anew)
    _require(not said, f"{said} ({name})")


def _hold(what: str, stated: Any, again: Any, bounds: float) -> None:
    """Raise a `ValueError` where plain values differ from those computed anew."""
    if isinstance(again, dict):
        _require(isinstance(stated, dict) and set(stated) >= set(again), f"{what} is incomplete")
        more = sorted(set(stated) - set(again))
        _require(not more, f"{what} has {first_of(more)}, which nothing gives")
        for key, value in again.items():
            _hold(f"{what} {key}", stated[key], value, bounds)
    elif isinstance(again, list):
        _require(isinstance(stated, list) and len(stated) == len(again), f"{what} is incomplete")
        for one, other in zip(stated, again, strict=True):
            _hold(what, one, other, bounds)
    elif isinstance(again, bool) or again is None:
        _require(stated is again, f"{what} is {again}, not {printable(stated)}")
    elif isinstance(again, str):
        _require(
            isinstance(stated, str) and alike(stated, again, TWICE, bounds),
            f"{what} is {again!r}, not {stated!r}",
        )
    else:
        number = isinstance(stated, int | float) and not isinstance(stated, bool)
        _require(number, f"{what} is {again:.6g}, not {printable(stated)}")
        _require(
            stated == again  # a count has no rounding
            if isinstance(again, int)
            else _near(what, float(stated), float(again), bounds),
            f"{what} is {again:.10g}, not {stated:.10g}",
        )


def _near(what: str, stated: float, again: float, bounds: float) -> bool:
    name = what.rsplit(" ", 1)[-1]
    if name == "digits":
        return abs(stated - again) <= -math.log10(1 - bounds)
    if name in BOUNDS:
        return same_number(stated, again, TWICE, bounds)
    return same_number(stated, again, TWICE, absolute=DIFFERENCES.get(name, 0.0))


def _hold_notes(
    what: str, stated: list[str], again: list[str], bounds: float, more: str = ""
) -> None:
    """Hold notes against those made anew; there may be others of the pattern `more`."""

    def there(note: str, notes: list[str]) -> bool:
        return any(alike(note, each, TWICE, bounds) for each in notes)

    for note in again:
        _require(there(note, stated), f"{what} lacks the note {note!r}")
    extra = [
        each
        for each in stated
        if not there(each, again)
        and not (more and re.fullmatch(rf"(?:{more})\.?", each, re.IGNORECASE | re.DOTALL))
    ]
    _require(
        not extra and len(set(stated)) == len(stated),
        f"{what} has a note that nothing gives: {first_of(extra)}",
    )


def _page_held_against(found: _Anew, report: Facts, text: str, elsewhere: bool) -> list[str]:
    """Make the page anew and hold it against the one in the file; say what was not made."""
    try:
        page = Page.of(text)
    except (ValueError, AssertionError, IndexError, RecursionError) as error:
        raise InputError(f"the page of the report is damaged: {error}") from error
    unverified = report["comparison"] is not None and found.comparison is None
    free: tuple[str, ...] = OF_DRAWS if found.with_draws else ()
    free = ("formulas", "comparison-table", *OF_DRAWS) if unverified else free
    # without an agreement the verdict is of the comparison: by leave-one-out, where it has draws
    spoken = report["agreement"] is not None or not (found.with_draws or unverified)
    again = _made_again(found, report, page.title, unverified, spoken)
    bounds = OF_BOUNDS_ELSEWHERE if elsewhere else OF_BOUNDS
    holes = _tables_held(found, report, page, again, bounds, free)
    holes += _figures_held(found, page, again, bounds, free, elsewhere)
    _require(
        len(page.texts) == len(again.texts)
        and all(alike(*pair, TWICE, bounds) for pair in zip(page.texts, again.texts, strict=True)),
        "the sentences of the page are not those of these results",
    )
    rest, made = page.rest, again.rest
    if not spoken:
        holes.append("the verdict, which follows from leave-one-out")
        rest, made = (part.split("</section>", 1)[-1] for part in (rest, made))
    if not _same_version(report):  # then style and script are not those of this one
        holes.append("style and script of the page, which are those of another version")
        rest, made = (part[part.index("<main") : part.index("</main>")] for part in (rest, made))
    _require(alike(rest, made, TWICE, bounds), "the page has other words than these results give")
    return holes


def _made_again(found: _Anew, report: Facts, title: str, unverified: bool, spoken: bool) -> Page:
    """The page of these results; empty is what needs draws, or models that were not passed."""
    main = MainModel.without_draws(
        found.model, found.fit, found.agreement, found.comparison, found.audits
    )
    instead: dict[Section, Facts] = {}
    if found.checks:
        instead[sampler_diagnostics] = _empty("sampling", "Sampler diagnostics")
    if unverified:
        instead[model_comparison] = _empty("comparison", "Model comparison")
    verdict = None if spoken else {"headline": "", "good": True, "message": "", "notes": []}
    facts = facts_of(main, report, title=title, instead=instead, verdict=verdict)
    again = Page.of(render(facts | {"data": report}))
    again.tables["certificate"] = _with_digits(
        again.tables["certificate"], report["estimate"]["certificate"]["digits"]
    )
    return again


def _empty(name: str, title: str) -> Facts:
    """A section in which nothing stands."""
    return {"id": name, "title": title, "items": []}


def _tables_held(
    found: _Anew, report: Facts, page: Page, again: Page, bounds: float, free: tuple[str, ...]
) -> list[str]:
    """Hold the tables against those made anew, or what was measured; say what was not made."""
    holes: list[str] = []
    samplers = {f"sampler-{i + 1}": check for i, check in enumerate(found.checks)}
    _require(len(report["seeds"]) >= len(samplers), "a seed is missing")
    for name, shown in page.tables.items():
        _copies_hold(name, shown)
        if name in again.tables and name not in free:
            holes += _table_held(name, shown, again.tables[name], bounds, found.with_draws)
        else:
            _require(
                name in free or name in samplers,
                f"the page has a table {name!r} that nothing gives",
            )
            holes.append(f"table {shown.title!r}")
    if found.with_draws and "leave-one-out" in page.tables:
        _leave_one_out_held(page.tables["leave-one-out"], report)
    for (name, check), seed in zip(samplers.items(), report["seeds"].values(), strict=False):
        sampled = sampling_in_words(check.mixing.n_chains, check.mixing.n_draws, seed)
        _sampler_held(page.tables[name], check, found.fit, sampled)
    for name in again.tables:
        _require(name in page.tables or name in free, f"the page lacks the table {name!r}")
    return holes


def _figures_held(
    found: _Anew, page: Page, again: Page, bounds: float, free: tuple[str, ...], elsewhere: bool
) -> list[str]:
    """Hold the figures against those made anew; say which were not made."""
    holes: list[str] = []
    of_draws = {
        f"{kind}-{i + 1}": words(check)
        for i, check in enumerate(found.checks)
        for kind, words in (("density", density_words), ("draws", draws_words))
    }
    for name, drawing in page.figures.items():
        _require(
            name in again.figures or name in of_draws or name in free,
            f"the page has a figure {name!r} that nothing gives",
        )
        if name in again.figures:
            _words_held(name, drawing, again.figures[name], bounds, free)
        elif name in of_draws:
            _words_held(name, drawing, Drawing(*of_draws[name], ""), bounds, free)
        if name not in again.figures or name in free:
            holes.append(f"figure {name!r} and its words")
        elif not elsewhere:
            _require(
                _same_drawing(name, drawing.markup, again.figures[name].markup),
                f"the figure {name!r} of the page is not that of these results",
            )
    for name in again.figures:
        _require(name in page.figures or name in free, f"the page lacks the figure {name!r}")
    return holes


def _table_held(
    name: str, shown: Table, again: Table, bounds: float, with_draws: bool
) -> list[str]:
    """Hold a table of the page against the one made anew; say which columns were not made."""
    more = [column for column in shown.columns if column not in again.columns]
    _require(
        tuple(column for column in shown.columns if column not in more) == again.columns
        and (not more or (with_draws and tuple(more) == MORE_COLUMNS.get(name))),
        f"the table {shown.title!r} has other columns",
    )
    _, names, rows = shown.in_full()
    _, due, anew = again.in_full()
    ranked = with_draws and name in RANKED and len(set(due)) == len(due)
    order = [due.index(each) for each in names] if ranked and set(names) <= set(due) else range(0)
    order = range(len(due)) if names == due else order
    labels = dict(enumerate(again.names))
    _require(
        sorted(order) == list(range(len(due)))
        and all(
            each == labels.get(i, abbreviated(due[i]))
            for i, each in zip(order, shown.names, strict=False)
        ),
        f"the table {shown.title!r} has other rows",
    )
    title = f"{again.title}, posterior" if more and name == "coefficients-table" else again.title
    _require(
        alike(
            "\n".join((shown.title, *shown.facts)),
            "\n".join((title, *again.facts)),
            TWICE,
            bounds,
        ),
        f"the table {shown.title!r} has another heading",
    )
    notes = [note for note in again.notes if not (with_draws and note == NO_POSTERIOR)]
    optional = MORE_NOTES.get(name.removesuffix("-table"), "") if with_draws else ""
    if name == "coefficients-table" and with_draws and not more:
        optional = re.escape(NO_POSTERIOR)
    _hold_notes(f"the table {shown.title!r}", list(shown.notes), notes, bounds, optional)
    # two results of one route have columns of one name
    places = [(at, column) for at, column in enumerate(shown.columns) if column not in more]
    for i, j in enumerate(order):
        for now, (at, column) in enumerate(places):
            # a cell shows what its copy with all digits has (`_copies_hold`), which is compared
            there = i < len(shown.cells) and j < len(again.cells)
            seen, made = (
                (shown.cells[i][at], again.cells[j][now]) if there else (rows[i][at], anew[j][now])
            )
            _require(
                _same_cell(rows[i][at], anew[j][now], column, name, bounds),
                f"{'the page shows' if there else 'there is'} {seen!r} in the table "
                f"{shown.title!r}, row {names[i]!r}, column {column!r}, where {made!r} is computed",
            )
    return [f"column {column!r} of the table {shown.title!r}" for column in more]


def _leave_one_out_held(shown: Table, report: Facts) -> None:
    """Hold what is left of a table of draws, its rows and the names in it."""
    models, (_, names, _) = report["comparison"]["models"], shown.in_full()
    _require(
        shown.title == "Leave-one-out"
        and not shown.facts
        and shown.notes == rows_left_out(len(models), WHOLE)
        and sorted(names) == sorted(str(as_csv(printable(each))) for each in models)
        and set(shown.names) <= set(map(abbreviated, models))
        and set(shown.columns) <= set(AFTER_SAMPLING)
        and len(set(shown.columns)) == len(shown.columns),
        "the table 'Leave-one-out' of the page is not that of these models",
    )


def _sampler_held(shown: Table, check: PosteriorCheck, mle: PointEstimate, sampled: str) -> None:
    """Hold the table of a sampler against what was measured on its draws."""
    due = ", ".join(f"{name} {value:.4g}" for name, value in check.diagnostics.items())
    _, names, rows = shown.in_full()
    _require(
        due in shown.facts,
        f"the diagnostics of {check.route} on the page are not those in its results",
    )
    _require(
        shown.title == f"Draws of {check.route}"
        and shown.facts == (sampled, due)
        and shown.columns == OF_SAMPLER
        and names == [as_csv(printable(each)) for each in check.names]
        and shown.names == tuple(map(abbreviated, check.names))[: len(shown.names)]
        and shown.notes == as_notes(check.warnings) + rows_left_out(len(check.names), WHOLE),
        f"the table of the draws of {check.route} is not that of its results",
    )
    columns = dict(zip(shown.columns, zip(*rows, strict=True), strict=True))
    found = {name: np.array([float(cell or "nan") for cell in columns[name]]) for name in columns}
    errors = mle.standard_errors
    for what, seen, again in (
        ("mean", (found["mean"] - mle.coefficients) / errors, check.shift),
        ("mcse", found["mcse"] / errors, check.shift_mcse),
        ("ess bulk", found["ess bulk"].min(), check.diagnostics["ess bulk"]),
        ("ess tail", found["ess tail"].min(), check.diagnostics["ess tail"]),
        ("r_hat", found["r_hat"].max(), check.diagnostics["r_hat"]),
    ):
        _require(
            Closeness(TWICE, TWICE).holds(seen, again),
            f"{what} of the draws of {check.route} on the page is not that in its results",
        )


def _words_held(
    name: str, shown: Drawing, due: Drawing, bounds: float, free: tuple[str, ...]
) -> None:
    """Hold title, caption and alternative of a figure against those made anew.

    Those of a figure with draws, which were not at hand, say more, or in another order.
    """
    drawn = name in free

    def same(seen: str, again: str) -> bool:
        if drawn and name == "comparison-plot":
            seen, again = (" ".join(sorted(re.split(r"[:,] ", said))) for said in (seen, again))
        if drawn and name in MORE_WORDS:
            seen = re.sub(rf"{MORE_WORDS[name]}\.\Z", ".", seen)
            again = re.sub(rf"{MORE_WORDS[name]}\.\Z", ".", again)
        return alike(seen, again, TWICE, bounds)

    title = shown.title
    if drawn and name == "influence-plot" and title == "Leverage, residuals and Pareto k":
        title = "Leverage and residuals"
    _require(
        same(title, due.title)
        and same(shown.how, due.how)
        and same(shown.alternative, due.alternative),
        f"the words of the figure {name!r} of the page are not those of these results",
    )


def _with_digits(certificate: Table, digits: list[float]) -> Table:
    """The table with the certain digits as the results of the report have them.

    These are held against the data already; rounding may decide what their whole number is.
    """
    whole = str(math.floor(min(digits)))
    copy = certificate.formats["CSV"].rsplit(",", 1)[0]
    return replace(
        certificate,
        cells=(*certificate.cells[:-1], (whole,)),
        formats=certificate.formats | {"CSV": f"{copy},{whole}\n"},
    )


def _same_cell(seen: str, due: str, column: str, table: str, bounds: float) -> bool:
    """Whether a cell of the copy with all digits is the one computed anew."""
    if alike(seen, due, TWICE, bounds if table == "certificate" else 0.0):
        return True
    if "" in (seen, due):
        return False
    if column == "error bound":
        return same_number(float(seen), float(due), TWICE, bounds)
    if column == "digits":
        return abs(float(seen) - float(due)) <= -math.log10(1 - bounds)
    return column in DIFFERENCES and abs(float(seen) - float(due)) <= DIFFERENCES[column]


def _same_drawing(name: str, first: str, second: str) -> bool:
    """Whether two figures are one, but for the last decimal of a place in it.

    Where an error bound lies in a figure is rounding as well.
    """
    rough = name == "agreement-plot"
    return alike(first, second, 0.05 if rough else TWICE, OF_BOUNDS, 1.0 if rough else 0.011)


def _copies_hold(name: str, shown: Table) -> None:
    """Hold the copies of a table, which a reader takes along, against what the page shows.

    Only CSV has the rows of a long table that the page does not show.
    """
    columns, _, rows = shown.in_full()
    _require(
        shown.formats["Markdown"] == shown.markdown()
        and shown.formats["LaTeX"] == shown.latex()
        and columns == list(map(as_csv, shown.columns))
        and {len(row) for row in rows} <= {len(columns)}
        and len(shown.names) == n_shown(len(rows))
        and all(
            len(cells) == len(row) and all(map(shows, cells, row))
            for cells, row in zip(shown.cells, rows, strict=False)
        ),
        f"the copies of the table {name!r} are not what the page shows",
    )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(message)
