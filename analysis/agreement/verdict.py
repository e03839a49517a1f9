"""Do the routes give one answer? A verdict that follows from certificates, not from a tolerance.

Each point estimate is put within its own proved bound of the one MLE; draws are tested against
exact identities (`flatprior.analysis.agreement.posterior_check`). What a result says of itself is
not used: every number is computed again here, from the coefficients and the model in hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.mode import least_draws
from flatprior.analysis.agreement.posterior_check import (
    FALSE_ALARM,
    UNNAMED,
    PosteriorCheck,
    agreement_p,
    as_drawn,
    check_posterior,
    draws_of,
)
from flatprior.analysis.explanation.difference import Explanation, explain_difference
from flatprior.analysis.explanation.reference_levels import coding_of, place
from flatprior.analysis.producers.draws import is_draws, read_draws
from flatprior.analysis.producers.files import read_file
from flatprior.analysis.producers.registry import is_fit, read
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    PointEstimate,
    Posterior,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an, check_positive, check_seed, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import (
    FlatpriorError,
    InputError,
    InputTypeError,
    NeedsLikelihoodError,
)
from flatprior.models.common.rendering import Renderable, Rendered, chosen, p_value
from flatprior.models.common.text import (
    SCREEN,
    abbreviated,
    earlier_hash,
    listing,
    names_in,
    printable,
)
from flatprior.models.common.writing import finite
from flatprior.models.estimate import changed, estimate, is_near, recomputed
from flatprior.models.posterior import check_sampling
from flatprior.models.results import RouteUnavailableError
from flatprior.models.routes.registry import USUAL, routes_named
from flatprior.models.saved import sharpest

TOLERANCE = 1e-6  # standard errors
READ = "read from "  # begins what is said of another program's fit
POINTS, SAME = 4, 1e-9  # at which likelihoods are compared, and by what share of them they differ
NUMBERS = ("builtins", "numpy", "xarray")  # whose arrays of draws may be one coefficient's
MOST_UNASKED = 20_000  # draws of a chain that routes take where no number is said
MOST_EXPLAINED = 10**7  # numbers in the design in which causes of a difference are looked for
_LEGEND = (
    "error bound: proved largest error, distance: from the best route, both in standard errors"
)
_FORMATS = {
    "error bound": ".1e",
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
        return f"{self.route} was left out: {self.reason}"

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
        Why it does not agree, where it does not and the rows are in memory.
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
            stated, route = self.stated.provenance.data_hash, printable(self.estimate.route)
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
            f"within {bound:.1e} standard errors"
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
        Two or three sentences with the figures; where a route fails, which, by how much, and what
        to do.
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
    routes: tuple[RouteVerdict, ...]
    posterior_checks: tuple[PosteriorCheck, ...]
    posteriors: tuple[Posterior, ...]
    unavailable: tuple[Unavailable, ...]
    mle: PointEstimate
    tolerance: float
    model: BernoulliLogistic

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


@model_first(sampling_weights=True)
def run_routes(
    model: BernoulliLogistic,
    *,
    routes: Sequence[str] = USUAL,
    draws: int | None = None,
    tune: int = 1000,
    chains: int = 4,
    seed: int | None = None,
    progress: bool = False,
    on_start: Callable[[str], None] | None = None,
) -> tuple[Result, ...]:
    """Fit `model` by several routes: Newton, scikit-learn, PyMC's MAP and PyMC's NUTS.

    Parameters
    ----------
    model : BernoulliLogistic
    routes : sequence of str
        Which routes, of "newton", "sklearn", "map", "nuts" and, on request, "independence"
        (`flatprior.models.routes.registry`).
    draws : int, optional
        Draws of each chain; default 1000, or more where the tests of k coefficients need them. Of
        more than 20,000 (four chains of 140 coefficients or more) sampling routes run only when
        this says so.
    tune, chains, seed
        For the sampling routes, see `flatprior.models.sample_nuts`.
    progress : bool
        Show a progress bar while sampling.
    on_start : callable, optional
        Called with the name of each route as it starts.

    Returns
    -------
    tuple
        Of `PointEstimate`, `Posterior`, and `Unavailable` for a route that cannot run on this model
        (scikit-learn takes no offset), or would take hours of which nothing was said.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist; no other route is tried.
    ValueError
        If `draws`, `tune` or `chains` are not usable, `draws` too few to be tested, or a route is
        not known.

    Examples
    --------
    >>> from flatprior.analysis import compare_routes, run_routes
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> compare_routes(model, *run_routes(model, seed=1)).verdict
    'agree'
    """
    check_sampling(draws=1000 if draws is None else draws, tune=tune, chains=chains)
    seed = check_seed(seed)
    least = math.ceil(least_draws(model.n_parameters) / chains)
    if draws is not None and draws < least:
        raise InputError(
            f"{draws} draws a chain are too few to test {model.n_parameters} coefficients; "
            f"ask for {least} or more"
        )
    settings: dict[str, Any] = {
        "draws": max(1000, least) if draws is None else draws,
        "tune": tune,
        "chains": chains,
        "seed": seed,
        "progress": progress,
    }
    if isinstance(routes, str) or not isinstance(routes, Iterable):
        raise InputTypeError(
            f"routes are a sequence of names, such as {list(USUAL[:2])}, not {a_or_an(routes)}"
        )
    results: list[Result] = []
    for route in routes_named(tuple(routes)):
        if draws is None and least > MOST_UNASKED and route.samples:
            results.append(
                Unavailable(
                    route.name,
                    f"the tests of {model.n_parameters} coefficients need {least} draws a chain, "
                    f"which are taken when they are asked for (draws={least}, --draws {least})",
                )
            )
            continue
        if on_start is not None:
            on_start(route.name)
        try:
            results.append(route.run(model, **settings))
        except (RouteUnavailableError, NeedsLikelihoodError) as error:
            results.append(Unavailable(route.name, str(error)))
    return tuple(results)


@model_first(sampling_weights=True)
def compare_routes(
    model: BernoulliLogistic,
    *results: Any,
    tolerance: float = TOLERANCE,
    false_alarm: float = FALSE_ALARM,
) -> Agreement:
    """Judge whether the results of several routes are one answer.

    Point estimates agree when the certificate of each puts it within `tolerance` standard errors of
    the one MLE; draws agree when every claim of `check_posterior` holds, and further sets of draws
    have means and spread of the first that passes.

    Parameters
    ----------
    model : BernoulliLogistic
        Every result is judged on these data, whatever it was computed from.
    *results : PointEstimate, Posterior, Unavailable, or another program's fit
        At least two point estimates or sets of draws: of our routes, or what `audit` takes but
        for printed tables, whose few digits no certificate passes: fits of statsmodels,
        scikit-learn and others, coefficients by name, files of them in all digits, draws and files
        of draws. Why a point estimate does not agree is looked for (`explain_difference`).
    tolerance : float
        In standard errors.
    false_alarm : float
        Probability that correct draws are rejected by chance, all tests of all sets together.

    Returns
    -------
    Agreement

    Raises
    ------
    MLEDoesNotExistError
        If the MLE of `model` is not proved to exist.
    ValueError
        If there is nothing to compare, or names differ from the model's.

    Examples
    --------
    >>> from flatprior.analysis import compare_routes
    >>> from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> compare_routes(model, fit_newton(model), fit_sklearn(model)).verdict
    'agree'
    """
    results = tuple(taken(model, result) for result in results)
    estimates = [result for result in results if isinstance(result, PointEstimate)]
    posteriors = tuple(as_drawn(result) for result in results if isinstance(result, Posterior))
    unavailable = tuple(result for result in results if isinstance(result, Unavailable))
    if len(estimates) + len(posteriors) < 2:
        raise InputError("there is nothing to compare: pass the results of two routes or more")
    check_positive("tolerance", tolerance)
    judged: tuple[PointEstimate | Posterior, ...] = (*estimates, *posteriors)
    for result in judged:
        if result.names != model.names:
            raise InputError(
                f"the result of route {result.route!r} has coefficients "
                f"{names_in(SCREEN, result.names)}, the model {names_in(SCREEN, model.names)}"
            )
    routes, mle = judge(model, estimates, tolerance)
    checks = _check_all(model, posteriors, mle, false_alarm)
    return conclude(model, routes, mle, checks, posteriors, unavailable, tolerance)


def taken(model: BernoulliLogistic, result: Any) -> Result:
    """A result as our routes give it, of whatever program it is.

    Raises
    ------
    TypeError
        If nothing is known of such things.
    ValueError
        If it is of other coefficients, or a table in few digits.
    """
    if isinstance(result, PointEstimate | Posterior | Unavailable):
        return result
    if isinstance(result, Mapping) and any(map(_is_result, result.values())):
        raise InputTypeError(
            "a dict of results is not one of them: compare_routes(model, *results.values())"
        )
    if is_draws(result, model):
        return read_draws(result, model)
    if isinstance(result, str | PathLike):
        their = read_file(result)
        if their.units:
            raise InputError(
                f"{printable(Path(result).name)!r} has printed numbers, which no certificate puts "
                "within the tolerance: audit(path, model) judges them to their digits"
            )
    else:
        their = read(result, model=model)
    placed = place(model, their.coefficients)
    if placed.their_intercept or placed.without_intercept:
        has = "has an intercept" if placed.their_intercept else "has no intercept"
        raise InputError(f"the fit of {their.producer} {has}, unlike the model")
    found = estimate(
        model,
        placed.matrix @ placed.given,
        route=their.producer,
        packages=(),
        converged=their.settings.converged is not False,
        message=f"{READ}{their.producer}"
        + (f"; its coefficients are {placed.recoded}" if placed.recoded else ""),
        n_iterations=0,
        seconds=math.nan,
    )
    own = their.model
    if own is None or own.data_hash == model.data_hash or _same_likelihood(model, own, their):
        return found
    return changed(found, provenance=replace(found.provenance, data_hash=own.data_hash))


def _is_result(thing: Any) -> bool:
    """Whether a thing is a fit or a set of draws, rather than numbers."""
    if isinstance(thing, Posterior | Unavailable | Mapping) or is_fit(thing):
        return True
    return is_draws(thing) and type(thing).__module__.partition(".")[0] not in NUMBERS


def _same_likelihood(model: BernoulliLogistic, own: BernoulliLogistic, their: TheirFit) -> bool:
    """Whether a fit's own data have the model's likelihood, whatever columns and rows are called.

    At random coefficients, of which only the same data, in any order, make the same numbers.
    """
    if (own.n_observations, own.n_events) != (model.n_observations, model.n_events):
        return False
    names = list(their.coefficients)
    if len(names) != own.n_parameters or not (own.rows.resident and model.rows.resident):
        return True  # what it holds cannot be compared: nothing is said of it
    design = np.asarray(own.design, dtype=float)
    spread = np.sqrt(np.square(design).mean(axis=0))
    steps = np.random.default_rng(0).normal(size=(POINTS, len(names))) / np.where(
        spread > 0, spread, 1.0
    )
    if set(names) == set(own.names):
        names = list(own.names)
    coding = coding_of(model, their.coefficients)
    for step in steps:
        placed = place(model, dict(zip(names, step.tolist(), strict=True)), coding)
        ours = model.log_likelihood(placed.matrix @ placed.given)
        if abs(own.log_likelihood(step) - ours) > SAME * (1 + abs(ours)):
            return False
    return True


def judge(
    model: BernoulliLogistic, estimates: Sequence[PointEstimate], tolerance: float
) -> tuple[tuple[RouteVerdict, ...], PointEstimate]:
    """Each estimate computed anew and held against the best of them."""
    evaluated = [recomputed(model, estimate) for estimate in estimates]
    mle = sharpest(model, evaluated)
    known = is_near(mle.certificate)
    routes = []
    for found, stated in zip(evaluated, estimates, strict=True):
        distance = math.nan
        if known:
            gaps = np.abs(found.coefficients - mle.coefficients) / mle.standard_errors
            distance = float(np.max(gaps))
        routes.append(
            RouteVerdict(
                estimate=found,
                certificate=found.certificate,
                distance=distance,
                passed=found.certificate.error_bound <= tolerance,
                log_likelihood=found.log_likelihood,
                stated=stated,
                explanation=_why(model, found.coefficients) if distance > tolerance else None,
            )
        )
    return tuple(routes), mle


def _why(model: BernoulliLogistic, coefficients: Array) -> Explanation | None:
    """Why they are not the MLE, where the rows are in memory and few enough to look."""
    if not model.rows.resident or model.n_rows * model.n_parameters > MOST_EXPLAINED:
        return None
    try:
        return explain_difference(model, coefficients)
    except FlatpriorError:  # of numbers of any size
        return None


def conclude(
    model: BernoulliLogistic,
    routes: tuple[RouteVerdict, ...],
    mle: PointEstimate,
    checks: tuple[PosteriorCheck, ...],
    posteriors: tuple[Posterior, ...],
    unavailable: tuple[Unavailable, ...],
    tolerance: float,
) -> Agreement:
    """The verdict on routes and draws that were judged one by one."""
    agree = all(judged.passed for judged in routes) and all(check.passed for check in checks)
    return Agreement(
        verdict="agree" if agree else "disagree",
        message=_message(routes, checks, unavailable, tolerance),
        routes=routes,
        posterior_checks=checks,
        posteriors=posteriors,
        unavailable=unavailable,
        mle=mle,
        tolerance=tolerance,
        model=model,
    )


def rejudged(agreement: Agreement) -> Agreement:
    """The same agreement, judged again: nothing that it says of point routes is believed."""
    model, tolerance = agreement.model, agreement.tolerance
    routes, mle = judge(model, [each.stated for each in agreement.routes], tolerance)
    return conclude(
        model,
        routes,
        mle,
        agreement.posterior_checks,
        agreement.posteriors,
        agreement.unavailable,
        tolerance,
    )


def _check_all(
    model: BernoulliLogistic,
    posteriors: Sequence[Posterior],
    mle: PointEstimate,
    false_alarm: float,
) -> tuple[PosteriorCheck, ...]:
    """Check each set of draws, and compare it with the first that passes on its own.

    Each set has three or four tests of its own (of mixing, score and trace), each set but one one
    more: all share the false-alarm rate equally.
    """
    if not posteriors:
        return ()
    checks = [check_posterior(model, posterior, mle, false_alarm) for posterior in posteriors]
    share = false_alarm / (sum(check.n_tests for check in checks) + len(checks) - 1)
    checks = [replace(check, false_alarm=share * check.n_tests) for check in checks]
    reference = next((i for i, check in enumerate(checks) if check.passed), 0)
    return tuple(
        check
        if i == reference
        else replace(
            check,
            false_alarm=check.false_alarm + share,
            other=posteriors[reference].route,
            agreement_p=agreement_p(model, posteriors[i], posteriors[reference], mle),
        )
        for i, check in enumerate(checks)
    )


def _message(
    routes: Sequence[RouteVerdict],
    checks: Sequence[PosteriorCheck],
    unavailable: Sequence[Unavailable],
    tolerance: float,
) -> str:
    sentences = []
    good = [judged for judged in routes if judged.passed]
    if good:
        names = listing([judged.estimate.route for judged in good])
        worst = max(judged.certificate.error_bound for judged in good)
        sentences.append(
            f"{names} {'is' if len(good) == 1 else 'are each'} proved to lie within {worst:.1e} "
            f"standard errors of the one maximum likelihood estimate (tolerance {tolerance:.0e})."
        )
    sentences += [_failure(judged, tolerance) for judged in routes if not judged.passed]
    for check in checks:
        doubt = "; ".join(check.warnings)
        if check.passed:
            sentences.append(
                f"{_counted(check)} pass the exact tests of the "
                f"flat-prior posterior ({_r_hat(check)}; score p = {_p(check.score_p)}, trace p = "
                f"{_p(check.trace_p)}{_and_the_other(check)}; threshold {check.threshold:.1e}); "
                f"{_mode(check)}."
            )
            sentences += [f"But {doubt}."] if doubt else []
            worst = int(np.argmax(np.abs(check.shift)))
            sentences.append(
                f"Their mean is not the MLE and need not be: it lies {abs(check.shift[worst]):.3f} "
                f"standard errors away ({abbreviated(check.names[worst])}), where theory predicts "
                f"{abs(check.predicted_shift[worst]):.3f} and chance adds about "
                f"{check.shift_mcse[worst]:.3f}."
            )
            if check.density_source != "stated" or check.mixing.n_chains == 1:
                sentences += [f"{said}." for said in check.scope]
        elif not check.mixed:
            sentences.append(_unmixed(check))
        else:
            hint = doubt or "they come from another prior, other data or another distribution"
            sentences.append(
                f"{_capital(draws_of(check.route))} are not from the flat-prior posterior of these "
                f"data: {'; '.join(check.failures)}. {_capital(hint)}."
            )
    sentences += [f"{missing.route} was left out: {missing.reason}." for missing in unavailable]
    return " ".join(sentences)


def _counted(check: PosteriorCheck) -> str:
    if check.route == UNNAMED:
        return f"These {check.n_draws} draws"
    return f"The {check.n_draws} draws of {check.route}"


def _chains(route: str) -> str:
    return "These chains" if route == UNNAMED else f"The chains of {route}"


def _capital(said: str) -> str:
    return said[0].upper() + said[1:]


def _r_hat(check: PosteriorCheck) -> str:
    worst = int(np.argmax(check.mixing.r_hat))
    limit = float(check.mixing.r_hat_limit(check.threshold)[worst])
    return f"R-hat {check.mixing.r_hat[worst]:.3f}, by chance up to {limit:.3f}"


def _unmixed(check: PosteriorCheck) -> str:
    """Sentence on draws that are no evidence, whatever else holds of them."""
    mixing, threshold = check.mixing, check.threshold
    failed = [claim.failure for claim in mixing.claims(threshold) if not claim.holds]
    others = [failure for failure in check.failures if failure not in failed]
    remedy = mixing.remedy(threshold)
    return (
        f"{_chains(check.route)} "
        + (
            "do not show that they have mixed: "
            if mixing.undecided(threshold)
            else "have not mixed: "
        )
        + f"{'; '.join(failed)}. So these draws are no evidence about the posterior"
        + (f" (besides, {'; '.join(others)})" if others else "")
        + f". {_capital(remedy)}."
        + "".join(f" And {doubt}." for doubt in check.warnings if not doubt.startswith("R-hat"))
    )


def _and_the_other(check: PosteriorCheck) -> str:
    return (
        "" if check.agreement_p is None else f", same as {check.other} p = {_p(check.agreement_p)}"
    )


def _mode(check: PosteriorCheck) -> str:
    if check.density_source == "missing":
        return "where their mode lies they do not tell without one log-density a draw"
    if not check.mode_told:
        return (
            f"where their mode lies they tell to {check.mode_error:.2g} standard errors only, so "
            "it was not compared with the MLE (more draws would tell)"
        )
    return (
        f"the mode found from them alone is {check.mode_distance:.1e} standard errors from the MLE "
        f"(stated error {check.mode_error:.1e})"
    )


def _failure(judged: RouteVerdict, tolerance: float) -> str:
    estimate, bound = judged.stated, judged.certificate.error_bound
    proved = (
        f"its certificate guarantees no more than {bound:.1e} (tolerance {tolerance:.0e})"
        if math.isfinite(bound)
        else "no error bound can be proved for it"
    )
    if math.isnan(judged.distance):
        return (
            f"{estimate.route} is not proved to agree: {proved}, nor for any other route, Newton's "
            "included; centre and rescale columns and offsets."
        )
    if judged.distance <= tolerance:
        return (
            f"{estimate.route} is not proved to agree: {proved}, because the columns are too "
            "ill-conditioned; centre or rescale them, or raise the tolerance."
        )
    reasons = []
    if not estimate.converged:
        reasons.append(
            f"it says of itself: {estimate.message.rstrip('.')}; centre and rescale the columns, "
            "or start it from another route"
        )
    explanation = judged.explanation
    if explanation is not None and explanation.cause not in ("none of these", "agreement"):
        reasons.append(explanation.message.rstrip("."))
        if explanation.cure:
            reasons.append(f"to get the MLE: {explanation.cure.rstrip('.')}")
    remedy = "; ".join(reasons) or (
        "look for a penalty, a flipped response, swapped or rescaled columns, other rows, or an "
        "optimiser that stopped early"
    )
    return (
        f"{estimate.route} disagrees: it is {judged.distance:.2g} standard errors from the "
        f"maximum likelihood estimate, and {proved}; {remedy}."
    )


def _p(p: float) -> str:
    return p_value(p)
