"""A verdict on routes and draws in words: how near each is, or which fails, by how much and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

import numpy as np

from flatprior.analysis.agreement.judged import RouteVerdict, Unavailable
from flatprior.analysis.agreement.posterior_check import UNNAMED, PosteriorCheck, draws_of
from flatprior.analysis.explanation.explained import Explanation
from flatprior.analysis.producers.plain import PLAIN
from flatprior.models.common.text import abbreviated, at_most, listing, p_value

THE_STATED = f"the {PLAIN}"


class Said(NamedTuple):
    """What is said of a route, of routes that agree, or of draws.

    `brief` is whole without a full stop; `more` goes on from there, and neither has the last one.
    "Proved" is a word for point estimates: draws pass tests or fail them.
    """

    passed: bool
    brief: str
    more: str = ""


def said_of(
    routes: Sequence[RouteVerdict],
    checks: Sequence[PosteriorCheck],
    unavailable: Sequence[Unavailable],
    tolerance: float,
) -> tuple[Said, ...]:
    """What is said of each: first what fails, then what agrees and passes, then what was left out.

    A verdict in words is the whole of it (`in_words`), or the beginnings alone (`in_brief`).
    """
    found = [_failure(judged, tolerance) for judged in routes if not judged.passed]
    good = [judged for judged in routes if judged.passed]
    found += [_proved(good, tolerance)] if good else []
    found += [_of_draws(check) for check in checks]
    return (
        *sorted(found, key=lambda said: said.passed),
        *(Said(True, f"Route {it.route} was left out", f": {it.reason}") for it in unavailable),
    )


def in_words(said: Sequence[Said]) -> str:
    """The verdict with all figures, and what to do."""
    return " ".join(f"{each.brief}{each.more}." for each in said)


def in_brief(said: Sequence[Said]) -> str:
    """The verdict in a sentence for each route that fails, for all that agree, and for draws."""
    return " ".join(f"{each.brief}." for each in said)


def _proved(good: Sequence[RouteVerdict], tolerance: float) -> Said:
    """How near to the MLE the routes are proved to be that agree."""
    routes = [judged.estimate.route for judged in good if judged.estimate.route != PLAIN]
    said = [f"{'route' if len(routes) == 1 else 'routes'} {listing(routes)}"] if routes else []
    names = _capital(listing([*said, *([THE_STATED] if len(routes) < len(good) else [])]))
    is_proved = "is" if len(good) == 1 and routes else "are" if len(good) == 1 else "are each"
    worst = max(judged.certificate.error_bound for judged in good)
    return Said(
        True,
        f"{names} {is_proved} proved to lie within {at_most(worst)} "
        "standard errors of the one maximum likelihood estimate",
        f" (tolerance {tolerance:.0e})",
    )


def _of_draws(check: PosteriorCheck) -> Said:
    """What tests say of a set of draws."""
    if not check.passed:
        return _wrong(check) if check.mixed else _unmixed(check)
    doubt = "; ".join(check.warnings)
    worst = int(np.argmax(np.abs(check.shift)))
    sentences = [
        f" ({_r_hat(check)}; score p = {p_value(check.score_p)}, "
        f"trace p = {p_value(check.trace_p)}{_and_the_other(check)}; "
        f"threshold {check.threshold:.1e}); {_mode(check)}",
        *([f"But {doubt}"] if doubt else []),
        f"Their mean is not the MLE and need not be: it lies {abs(check.shift[worst]):.3f} "
        f"standard errors away ({abbreviated(check.names[worst])}), where theory predicts "
        f"{abs(check.predicted_shift[worst]):.3f} and chance adds about "
        f"{check.shift_mcse[worst]:.3f}",
    ]
    if check.density_source != "stated" or check.mixing.n_chains == 1:
        sentences += check.scope
    return Said(
        True,
        f"{_counted(check)} pass the exact tests of the flat-prior posterior",
        ". ".join(sentences),
    )


def _wrong(check: PosteriorCheck) -> Said:
    """What is said of draws that have mixed, and fail."""
    first, *others = check.failures
    hint = "; ".join(check.warnings) or (
        "they come from another prior, other data or another distribution"
    )
    return Said(
        False,
        f"{_capital(draws_of(check.route))} are not from the flat-prior posterior of these data: "
        f"{first}",
        "".join(f"; {other}" for other in others) + f". {_capital(hint)}",
    )


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


def _unmixed(check: PosteriorCheck) -> Said:
    """What is said of draws that are no evidence, whatever else holds of them."""
    mixing, threshold = check.mixing, check.threshold
    failed = [claim.failure for claim in mixing.claims(threshold) if not claim.holds]
    others = [failure for failure in check.failures if failure not in failed]
    how = "do not show that they have mixed" if mixing.undecided(threshold) else "have not mixed"
    return Said(
        False,
        f"{_chains(check.route)} {how}: {'; '.join(failed)}. So these draws are no evidence about "
        "the posterior",
        (f" (besides, {'; '.join(others)})" if others else "")
        + f". {_capital(mixing.remedy(threshold))}"
        + "".join(f". And {doubt}" for doubt in check.warnings if not doubt.startswith("R-hat")),
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
            f"where their mode lies they tell to {at_most(check.mode_error, '.2g')} standard "
            "errors only, so it was not compared with the MLE (more draws would tell)"
        )
    return (
        f"the mode found from them alone is {check.mode_distance:.1e} standard errors from the MLE "
        f"(stated error {at_most(check.mode_error)})"
    )


def _failure(judged: RouteVerdict, tolerance: float) -> Said:
    """What is said of a route that is not proved to be near the MLE."""
    route, bound = judged.stated.route, judged.certificate.error_bound
    many = route == PLAIN
    which = _capital(THE_STATED) if many else f"Route {route}"
    proved = (
        f"{'their' if many else 'its'} error bound is {at_most(bound)} standard errors (tolerance "
        f"{tolerance:.0e})"
        if math.isfinite(bound)
        else f"no error bound can be proved for {'them' if many else 'it'}"
    )
    not_proved = f"{which} {'are' if many else 'is'} not proved to agree: {proved}"
    if math.isnan(judged.distance):
        return Said(
            False,
            f"{not_proved}, nor is one small enough for any other route, Newton's included",
            "; centre and rescale columns and offsets",
        )
    if judged.distance <= tolerance:
        return Said(
            False,
            f"{not_proved}, because the columns are too ill-conditioned",
            "; centre or rescale them, or raise the tolerance",
        )
    return Said(
        False,
        f"{which} {'disagree: they are' if many else 'disagrees: it is'} {judged.distance:.2g} "
        f"standard errors from the maximum likelihood estimate{_cause(judged)}",
        f". {_remedy(judged)}. {_capital(proved)}",
    )


def _cause(judged: RouteVerdict) -> str:
    """Why a route disagrees, in two words and in brackets; empty where nobody looked."""
    explanation = judged.explanation
    if _explained(explanation):
        return f" ({'' if explanation.certain else 'likely '}cause: {explanation.cause})"
    if not judged.stated.converged:
        return " (cause, as it says itself: it did not converge)"
    return "" if explanation is None else " (no cause was found)"


def _explained(explanation: Explanation | None) -> TypeGuard[Explanation]:
    return explanation is not None and explanation.cause not in ("none of these", "agreement")


def _remedy(judged: RouteVerdict) -> str:
    """Why a route disagrees, with the figures, and what to do."""
    estimate, explanation, reasons = judged.stated, judged.explanation, []
    if not estimate.converged:
        reasons.append(
            f"it says of itself: {estimate.message.rstrip('.')}; centre and rescale the columns, "
            "or start it from another route"
        )
    if _explained(explanation):
        reasons.append(explanation.message.rstrip("."))
        if explanation.cure:
            reasons.append(f"to get the MLE: {explanation.cure.rstrip('.')}")
    if reasons:
        return f"Why: {'; '.join(reasons)}"
    return (
        "Look for a penalty, a flipped response, swapped or rescaled columns, other rows, or an "
        "optimiser that stopped early"
    )
