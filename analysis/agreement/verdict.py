"""Do the routes give one answer? A verdict that follows from certificates, not from a tolerance.

Each point estimate is put within its own proved bound of the one MLE; draws are tested against
exact identities (`flatprior.analysis.agreement.posterior_check`). What a result says of itself is
not used: every number is computed again here, from the coefficients and the model in hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flatprior.analysis.agreement.identities import agreement_p
from flatprior.analysis.agreement.judged import Agreement, RouteVerdict, Unavailable
from flatprior.analysis.agreement.posterior_check import (
    FALSE_ALARM,
    PosteriorCheck,
    as_drawn,
    check_posterior,
)
from flatprior.analysis.agreement.sentences import in_brief, in_words, said_of
from flatprior.analysis.agreement.their_results import taken
from flatprior.analysis.explanation.difference import Explanation, explain_difference
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_positive, model_first
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.text import SCREEN, names_in
from flatprior.models.estimate import is_near, recomputed
from flatprior.models.saved import sharpest

TOLERANCE = 1e-6  # standard errors
MOST_EXPLAINED = 10**7  # numbers in the design in which causes of a difference are looked for


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
    """Why they are not the MLE, where the rows are few enough to look."""
    if model.n_rows * model.n_parameters > MOST_EXPLAINED:
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
    said = said_of(routes, checks, unavailable, tolerance)
    return Agreement(
        verdict="agree" if agree else "disagree",
        message=in_words(said),
        brief=in_brief(said),
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
