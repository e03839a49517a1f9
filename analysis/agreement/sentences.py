"""A verdict on routes and draws in words: how near each is, or which fails, by how much and why."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from flatprior.analysis.agreement.judged import RouteVerdict, Unavailable
from flatprior.analysis.agreement.posterior_check import UNNAMED, PosteriorCheck, draws_of
from flatprior.models.common.rendering import p_value
from flatprior.models.common.text import abbreviated, listing


def in_words(
    routes: Sequence[RouteVerdict],
    checks: Sequence[PosteriorCheck],
    unavailable: Sequence[Unavailable],
    tolerance: float,
) -> str:
    """The verdict: first what agrees, then what does not, draws and what was left out."""
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
                f"{_counted(check)} pass the exact tests of the flat-prior posterior "
                f"({_r_hat(check)}; score p = {p_value(check.score_p)}, "
                f"trace p = {p_value(check.trace_p)}{_and_the_other(check)}; "
                f"threshold {check.threshold:.1e}); {_mode(check)}."
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
    if check.agreement_p is None:
        return ""
    return f", same as {check.other} p = {p_value(check.agreement_p)}"


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
