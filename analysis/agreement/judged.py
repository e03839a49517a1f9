"""Results of routes as they were judged, one by one and together, and how that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.posterior_check import PosteriorCheck, draws_of
from flatprior.analysis.explanation.difference import Explanation
from flatprior.models import BernoulliLogistic, Certificate, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import at_most, earlier_hash, in_digits, printable
from flatprior.models.common.writing import finite

READ = "read from "  # begins what is said of another program's fit
_LEGEND = (
    "error bound: proved largest error, distance: from the best route, both in standard errors"
)
_FORMATS = {
    "error bound": "bound",
    "digits": "floor",
    "distance": ".1e",
    "log-likelihood": ".6f",
    "seconds": ".2f",
}


@dataclass(frozen=True, repr=False)
@own_error_state
class Unavailable(Renderable):
    """A route that could not run on this model, and why."""

    route: str
    reason: str

    @property
    def message(self) -> str:
        """Which route was left out, and why."""
        return f"Route {self.route} was left out: {self.reason}"

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The sentence; its CSV has both parts."""
        return Rendered.of_values(
            {"route": (self.route, ""), "reason": (self.reason, "")},
            self.message,
            columns=columns,
            in_words=True,
        )


Result = PointEstimate | Posterior | Unavailable


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class RouteVerdict(Renderable):
    """One point route, judged.

    Attributes
    ----------
    estimate : PointEstimate
        The coefficients, with covariance, log-likelihood and certificate computed anew on the model
        that is compared on, whatever they were fitted to.
    certificate : Certificate
        That of `estimate`.
    distance : float
        Largest distance of a coefficient from the best certified route's, in standard errors; NaN
        where nothing is proved of any route.
    passed : bool
    log_likelihood : float
        That of `estimate`.
    stated : PointEstimate
        The estimate as it was passed; none of its numbers are used but the coefficients.
    explanation : Explanation or None
        Why it does not agree, where it does not.
    """

    estimate: PointEstimate
    certificate: Certificate
    distance: float
    passed: bool
    log_likelihood: float
    stated: PointEstimate
    explanation: Explanation | None = None

    @property
    def of_other_data(self) -> bool:
        """Whether the estimate says that it was computed from other data."""
        return self.stated.provenance.data_hash != self.estimate.provenance.data_hash

    @property
    def notes(self) -> tuple[str, ...]:
        """What to keep in mind of this result: that it is of other data."""
        said = []
        if self.of_other_data:
            stated = self.stated.provenance.data_hash
            route = f"route {printable(self.estimate.route)}"
            foreign = self.stated.message.startswith(READ)  # another program's, which has no hash
            said.append(
                (
                    f"{route} holds other data than the model's"
                    if foreign
                    else earlier_hash(stated, f"{route} has")
                    or f"{route} states that it was computed from other data (hash "
                    f"{printable(stated[:12])}...)"
                )
                + "; its log-likelihood and standard errors here are those of its coefficients on "
                "these data, not the stated ones"
            )
        return tuple(said)

    @property
    def alone(self) -> str:
        """How near pm.find_MAP came without the steps that finish it, as stated; mostly empty."""
        before = self.estimate.before_finish
        if before is None:
            return ""
        bound = before.error_bound
        reached = (
            f"within {at_most(bound)} standard errors"
            if math.isfinite(bound)
            else "no bound could be proved"
        )
        return (
            "pm.find_MAP alone, before the Newton steps that finish it, as that route states: "
            f"{reached}"
        )

    def row(self) -> dict[str, Any]:
        """The route as `Agreement.table` has it."""
        return {
            "route": self.estimate.route,
            "agrees": self.passed,
            "error bound": self.certificate.error_bound,
            "digits": float(self.certificate.digits.min()),
            "distance": self.distance,
            "log-likelihood": self.log_likelihood,
            "seconds": self.estimate.seconds,
        }

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: its row in the table of all routes, or some columns of it."""
        frame = pd.DataFrame([self.row()]).set_index("route")
        frame["agrees"] = ["yes" if self.passed else "NO"]
        formula = self.estimate.provenance.formula or "Bernoulli-logistic regression"
        return Rendered.of(
            chosen(frame, columns),
            _FORMATS,
            f"Route {self.estimate.route} {'agrees' if self.passed else 'DOES NOT AGREE'}: "
            f"{formula}",
            notes=[_LEGEND, self.alone, *self.notes],
        )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Agreement(Renderable):
    """Whether the routes agree, and how closely.

    Attributes
    ----------
    verdict : {"agree", "disagree"}
    message : str
        A few sentences with the figures; first of what fails, by how much, why, and what to
        do.
    brief : str
        The same without the figures of the tests and what to do: what stands at the top of a
        report. Estimates are proved, draws pass tests.
    routes : tuple of RouteVerdict
    posterior_checks : tuple of PosteriorCheck
    unavailable : tuple of Unavailable
    mle : PointEstimate
        The result with the smallest certified bound, computed anew; Newton's where no result is
        proved to be within 1e-6 standard errors of the MLE and its is nearer.
    tolerance : float
        Largest error bound, in standard errors, with which a point route agrees.
    model : BernoulliLogistic
        On whose data everything was judged.
    """

    verdict: Literal["agree", "disagree"]
    message: str
    brief: str
    routes: tuple[RouteVerdict, ...]
    posterior_checks: tuple[PosteriorCheck, ...]
    posteriors: tuple[Posterior, ...]
    unavailable: tuple[Unavailable, ...]
    mle: PointEstimate
    tolerance: float
    model: BernoulliLogistic

    @property
    def disagreeing(self) -> tuple[str, ...]:
        """Routes that lie elsewhere than the MLE, and draws of something else, by their names."""
        return (
            *(it.estimate.route for it in self.routes if it.distance > self.tolerance),
            *(it.route for it in self.posterior_checks if it.mixed and not it.passed),
        )

    @property
    def undecided(self) -> tuple[str, ...]:
        """Routes that are not proved to be near the MLE, and draws that are no evidence."""
        return (
            *(
                it.estimate.route
                for it in self.routes
                if not (it.passed or it.distance > self.tolerance)
            ),
            *(it.route for it in self.posterior_checks if not it.mixed),
        )

    @property
    def posterior_check(self) -> PosteriorCheck | None:
        """The check of the first set of draws, or None without draws."""
        return self.posterior_checks[0] if self.posterior_checks else None

    def table(self) -> pd.DataFrame:
        """One row a route: verdict, error bound, digits, distance, log-likelihood, seconds.

        All computed on the model, but for "seconds", which is as each result states it. For draws,
        "error bound" is the stated error (nothing is proved of draws) of the mode found from them
        alone and "distance" its distance from the MLE, both missing where they do not tell the
        mode; "digits" and "log-likelihood" are missing.
        """
        rows = [judged.row() for judged in self.routes]
        rows += [
            {
                "route": check.route,
                "agrees": check.passed,
                # a mode that is not told is no agreement to within its stated error
                "error bound": check.mode_error if check.mode_told else math.nan,
                "digits": math.nan,
                "distance": check.mode_distance if check.mode_told else math.nan,
                "log-likelihood": math.nan,
                "seconds": posterior.seconds,
            }
            for check, posterior in zip(self.posterior_checks, self.posteriors, strict=True)
        ]
        return pd.DataFrame(rows).set_index("route")

    @property
    def notes(self) -> tuple[str, ...]:
        """Which results state that they are of other data."""
        return tuple(note for judged in self.routes for note in judged.notes)

    def coefficients(self) -> pd.DataFrame:
        """One row a coefficient, one column a route; for draws their mode, if told, and mean."""
        columns: list[tuple[str, Array]] = [
            (judged.estimate.route, judged.estimate.coefficients) for judged in self.routes
        ]
        for check, posterior in zip(self.posterior_checks, self.posteriors, strict=True):
            if check.density_source != "missing":
                columns.append((f"{check.route} mode", check.mode.coefficients))
            columns.append((f"{check.route} mean", posterior.draws.mean(axis=(0, 1))))
        columns.append(("standard error", self.mle.standard_errors))
        frame = pd.DataFrame(
            np.column_stack([values for _, values in columns]),
            index=pd.Index(self.mle.names, name="name"),
        )
        frame.columns = pd.Index([name for name, _ in columns])  # two results of one route may stay
        return frame

    def coefficients_in_words(self, decimals: int = 8) -> pd.DataFrame:
        """The same, with so many decimals of a standard error; of draws no more than are known.

        What is of draws has one decimal of its own error: of a mean, that of Monte Carlo, of the
        mode, what is stated of it.
        """
        values, errors = self.coefficients(), self.mle.standard_errors
        unit = 10.0**-decimals
        units = [np.full(len(errors), unit) for _ in self.routes]
        for check in self.posterior_checks:
            if check.density_source != "missing":
                units.append(np.full(len(errors), max(unit, check.mode_error / 10)))
            units.append(np.maximum(unit, check.shift_mcse / 10))
        known = np.column_stack(units) * errors[:, None]
        shown = [
            [*map(_to_unit, row[:-1], of), in_digits(row[-1], "#.4g")]
            for row, of in zip(values.to_numpy().tolist(), known.tolist(), strict=True)
        ]
        return pd.DataFrame(shown, index=values.index, columns=values.columns)

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with the usual columns of its table or these."""
        frame = self.table()
        frame["agrees"] = ["yes" if agrees else "NO" for agrees in frame["agrees"]]
        usual = frame.drop(columns="log-likelihood")
        frame = usual if columns is None else chosen(frame, columns)
        return Rendered.of(
            frame,
            _FORMATS,
            f"The routes {self.verdict}",
            self.model.facts,
            [
                self.message,
                f"{_LEGEND}; of draws, stated (not proved) error and distance of their mode, where "
                "they tell it: they are judged by their tests",
                *(judged.alone for judged in self.routes),
                *(
                    f"{draws_of(check.route).removeprefix('the ')}: {check.sampler}"
                    for check in self.posterior_checks
                ),
                *(missing.message for missing in self.unavailable),
                *self.notes,
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON: no data, no draws."""
        facts: dict[str, Any] = {
            "verdict": self.verdict,
            "message": self.message,
            "tolerance": self.tolerance,
            "routes": [
                judged.estimate.to_dict()
                | {
                    "agrees": judged.passed,
                    "certificate": judged.certificate.to_dict(),
                    "distance": judged.distance,
                    "stated_data_hash": judged.stated.provenance.data_hash,
                    "stated_converged": judged.stated.converged,
                    "explanation": None
                    if judged.explanation is None
                    else judged.explanation.to_dict(),
                }
                for judged in self.routes
            ],
            "posteriors": [check.to_dict() for check in self.posterior_checks],
            "unavailable": [{"route": u.route, "reason": u.reason} for u in self.unavailable],
        }
        plain: dict[str, Any] = finite(facts)
        return plain


def _to_unit(value: float, unit: float) -> str:
    """A number to its digits of a unit."""
    size = abs(value) / unit if value else 1e8
    digits = math.floor(math.log10(size)) + 1 if 0 < size < math.inf else 1
    return in_digits(value, f"#.{min(digits, 17)}g" if digits > 1 else ".1g")
