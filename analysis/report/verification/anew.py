"""The results of a report, computed anew from its coefficients and the data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from flatprior.analysis.agreement.departures import Sight, named_departures
from flatprior.analysis.agreement.judged import Agreement, Unavailable
from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.agreement.sampled_density import density_tolerances
from flatprior.analysis.agreement.verdict import conclude, judge
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.auditing.stored import audit_again
from flatprior.analysis.comparison.table import Comparison, compare_models
from flatprior.analysis.monte_carlo import predicted_mean_shift, root_at
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.stored import plain, rebuilt
from flatprior.analysis.report.verification.holding import OF_BOUNDS_ELSEWHERE, hold, require
from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    Existence,
    PointEstimate,
    Posterior,
    check_existence,
)
from flatprior.models.certificate import checked_coefficients, judged
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.json_values import numbers_of
from flatprior.models.common.text import first_of
from flatprior.models.common.writing import finite
from flatprior.models.estimate import recomputed
from flatprior.models.results import Provenance


@dataclass(frozen=True, eq=False)
class Anew:
    """The results of a report, computed anew; of a model without an MLE, why there is none."""

    model: BernoulliLogistic
    fit: PointEstimate | None
    agreement: Agreement | None
    comparison: Comparison | None
    with_draws: bool
    audits: tuple[Audit, ...] = ()
    existence: Existence | None = None

    @classmethod
    def of(
        cls, model: BernoulliLogistic, report: Facts, others: Mapping[str, BernoulliLogistic]
    ) -> Anew:
        """Of the data, the coefficients that the report states, and what was measured on draws."""
        audits = tuple(audit_again(model, facts) for facts in report.get("audits", []))
        if report["estimate"] is None:
            return cls._without_mle(model, report, audits, others)
        stated = as_stated(model, report["estimate"])
        require(
            math.isfinite(judged(model, stated.coefficients).certificate.error_bound),
            "nothing is proved about the estimate of the report",
        )
        agreement = None
        if report["agreement"] is not None:
            agreement = _agreement(model, report["agreement"], report["checks"])
            fit = recomputed(model, agreement.mle)
        else:
            fit = recomputed(model, stated)
        told = report["comparison"]
        comparison = _comparison(told, others)
        drawn = bool(agreement is not None and agreement.posterior_checks)
        if told is not None:
            drawn = drawn or any("elpd_loo" in row for row in told["models"].values())
        if comparison is not None and agreement is None:
            fit = recomputed(model, _fit_in(comparison, model))
        return cls(model, fit, agreement, comparison, drawn, audits)

    @classmethod
    def _without_mle(
        cls,
        model: BernoulliLogistic,
        report: Facts,
        audits: tuple[Audit, ...],
        others: Mapping[str, BernoulliLogistic],
    ) -> Anew:
        existence = check_existence(model)
        require(not existence.exists, "the maximum likelihood estimate exists, and is not in it")
        for what in ("agreement", "checks", "seeds", "draws_of"):
            require(not report.get(what), f"there is no {what} of a model without an estimate")
        told = report["comparison"]
        require(
            told is None or not told["estimates"],
            "the main model of a comparison is one that has an estimate, where one has",
        )
        comparison = _comparison(told, others)
        require(
            comparison is None
            or any(_is_same(model, other) for other in comparison.models.values()),
            "the model of the report is none of those of its comparison",
        )
        return cls(model, None, None, comparison, False, audits, existence)

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
        if self.fit is not None:
            found.append(row("reported", self.fit.certificate, report["estimate"]))
        if self.comparison is not None:
            found += [
                row(f"model {name}", fit.certificate, report["comparison"]["estimates"][name])
                for name, fit in self.comparison.fits.items()
            ]
        return found


def _comparison(told: Facts | None, others: Mapping[str, BernoulliLogistic]) -> Comparison | None:
    """The comparison of a report, of its models; None where it has none, or they are not given."""
    if told is None or not others:
        return None
    require(
        set(others)
        == set(told["models"])
        == {*told["estimates"], *told.get("without", ())}
        == set(told["offsets"]),
        f"the comparison is of {first_of(told['models'])}",
    )
    scored = any(row.get("LOO log score") is not None for row in told["models"].values())
    # in their order
    return compare_models({name: others[name] for name in told["offsets"]}, leave_one_out=scored)


def _is_same(model: BernoulliLogistic, other: BernoulliLogistic) -> bool:
    return other.names == model.names and other.data_hash == model.data_hash


def _fit_in(comparison: Comparison, model: BernoulliLogistic) -> PointEstimate:
    for name, other in comparison.models.items():
        if _is_same(model, other) and name in comparison.fits:
            return comparison.fits[name]
    raise InputError("the estimate of the report is of none of the models of its comparison")


def as_stated(model: BernoulliLogistic, part: Facts) -> PointEstimate:
    """An estimate of the report with nothing of it believed but coefficients and history."""
    route = str(part["route"])
    require(part["names"] == list(model.names), f"{route} has other coefficients")
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
    require(tolerance > 0, "its tolerance is not positive")
    require(len(told["routes"]) + len(told["posteriors"]) > 1, "there is nothing to compare in it")
    routes, mle = judge(model, [as_stated(model, part) for part in told["routes"]], tolerance)
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
        hold("checks", finite(part), finite(plain(check, ("departures",))), OF_BOUNDS_ELSEWHERE)
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
