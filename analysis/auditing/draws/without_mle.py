"""What draws are of where there is no MLE, and so no posterior under flat priors."""

from __future__ import annotations

import math

import numpy as np

from flatprior.analysis.agreement.mixing import Mixing
from flatprior.analysis.agreement.posterior_check import FALSE_ALARM, as_drawn
from flatprior.analysis.agreement.sampled_density import density_tolerance_of
from flatprior.analysis.auditing.draws.case import Draws, problems_of
from flatprior.analysis.auditing.draws.density import (
    FAR,
    as_scaled,
    differences_from,
    some_of,
    under_a_prior,
    under_flat_priors,
)
from flatprior.analysis.auditing.draws.likeness import Likeness, likeliest_first, named
from flatprior.analysis.auditing.draws.priors import Prior
from flatprior.analysis.auditing.draws.scores import under_priors
from flatprior.analysis.explanation.explained import Explanation
from flatprior.analysis.monte_carlo import check_draws
from flatprior.models import BernoulliLogistic, Existence, Posterior, check_existence
from flatprior.models.common.calls import model_first
from flatprior.models.common.text import first_of, printable

LEAST_TOLD = 10  # log-densities that differ, before one is taken for any
CURE_OF_NO_POSTERIOR = (
    "there is no flat-prior posterior to get: report the prior with what it gives, and how that "
    "changes with its scale, or the limits of check_existence(model)"
)


@model_first
def explain_draws(
    model: BernoulliLogistic,
    posterior: Posterior,
    existence: Existence,
    false_alarm: float = FALSE_ALARM,
) -> Explanation:
    """Say what draws are of where there is no MLE, and so no posterior under flat priors.

    Parameters
    ----------
    model, posterior
        As of `flatprior.analysis.check_posterior`.
    false_alarm : float
        The p-value below which one test excludes what it asks about: that the chains have mixed, or
        that the draws are of one of the priors that are tried. It is of each test by itself, not
        shared among them: draws of such a prior are not said to look like it at about that rate,
        and those of another prior that is near may be. Nothing that is certain comes from these
        tests; that the log-density is a prior's follows from its numbers.
    existence : Existence
        Of this model.

    Returns
    -------
    Explanation
        Certain where the log-density that came with the draws says which posterior it is.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.auditing.draws.without_mle import explain_draws
    >>> from flatprior.models import BernoulliLogistic, Posterior, check_existence
    >>> x = np.linspace(-1, 1, 20)
    >>> model = BernoulliLogistic.from_arrays(x[:, None], (x > 0).astype(float), names=["x"])
    >>> draws = 3 + np.random.default_rng(1).normal(size=(4, 500, 1))
    >>> lp = model.log_likelihood(draws.reshape(-1, 1)).reshape(4, 500) - draws[..., 0] ** 2 / 8
    >>> posterior = Posterior.from_draws(model, draws, log_density=lp)
    >>> found = explain_draws(model, posterior, check_existence(model))
    >>> found.cause, found.certain
    ('proper prior', True)
    >>> found.message.partition(": ")[0]
    'the log-density that came with them is that of the posterior under the prior normal(0, 2) on x'
    """
    posterior = as_drawn(posterior)
    check_draws(model, posterior)
    case = Draws.of(model, posterior, false_alarm)
    which = first_of(_diverging(model, existence))
    alone = (
        f"the data alone do not hold up {which}, and how far out the draws lie is the prior's doing"
    )
    if posterior.states_density:
        stated = _stated_without_mle(case, alone)
        if stated is not None:
            return stated
    if not _has_mixed(case):
        return _explained(
            "none of these",
            "the chains have not mixed, so that their scores say nothing; under flat priors they "
            f"never would on these data, and wander off along {which}",
        )
    like = _priors_without_mle(case)
    if like:
        return _explained("proper prior", f"they look like {named(like)}: {alone}")
    return _explained(
        "none of these", f"if they are of a posterior, that has a proper prior: {alone}"
    )


def _explained(cause: str, message: str, certain: bool = False) -> Explanation:
    return Explanation(
        cause=cause, certain=certain, message=message, distance=math.nan, cure=CURE_OF_NO_POSTERIOR
    )


def _stated_without_mle(case: Draws, alone: str) -> Explanation | None:
    """What the log-density that came with them says, if it is a usual one."""
    model, posterior = case.model, case.posterior
    if not case.draws.std(axis=(0, 1)).all():
        return None
    beta, lp = some_of(posterior)
    differences = differences_from(model, beta, lp)
    height = float(np.abs(lp - differences[0][1]).max())
    score = case.score(model.arrays, posterior.draws).reshape(-1, case.k)
    tolerance = density_tolerance_of(model, posterior, height, score)
    if len(np.unique(lp)) < LEAST_TOLD or np.ptp(lp) < FAR * tolerance:
        return None  # far out the likelihood is 1 everywhere, and a constant says nothing
    flat_one = under_flat_priors(differences, tolerance)
    known = None if flat_one is not None else under_a_prior(model, beta, differences, tolerance)
    problem, prior = (flat_one, None) if known is None else known
    if problem is None:
        return None
    free = _free_to_diverge(model, prior)
    if prior is None or free:
        under = "flat priors" if prior is None else f"the prior {prior}, which is flat on {free}"
        return _explained(
            "separation",
            f"the log-density that came with them is the likelihood{problem.of} under {under}: of "
            "that there is no posterior, and how far out the draws lie is how long the chains ran",
            certain=True,
        )
    return _explained(
        "proper prior",
        f"the log-density that came with them is that of the posterior{problem.of} under the prior "
        f"{prior}{as_scaled(case, prior)}: {alone}",
        certain=True,
    )


def _free_to_diverge(model: BernoulliLogistic, prior: Prior | None) -> str:
    """Coefficients on which a prior is flat, and which the data do not hold up either.

    The posterior is improper where the columns of these alone have no MLE: the likelihood does not
    fall along some direction in which the prior does not.
    """
    flat = [] if prior is None else [t.family == "flat" for t in prior.terms]
    if prior is None or not any(flat):
        return ""
    back = np.linalg.inv(prior.transform)[:, flat]
    names = [t.name for t in prior.terms if t.family == "flat"]
    rest = BernoulliLogistic.from_arrays(
        model.design @ back,
        model.response,
        names=names,
        offset=model.offset,
        frequency_weights=model.frequency_weights,
    )
    found = check_existence(rest)
    if found.exists or found.kind == "undecided":
        return ""
    return first_of(_diverging(rest, found))


def _diverging(model: BernoulliLogistic, existence: Existence) -> list[str]:
    held = [name for name, where in existence.coefficients.items() if where != "finite"]
    return [printable(name) for name in held or model.names]


def _priors_without_mle(case: Draws) -> list[Likeness]:
    """Priors that the scores do not exclude, the likeliest first."""
    if not case.draws.std(axis=(0, 1)).all():
        return []
    centre = case.draws.mean(axis=(0, 1))
    mirrored = case.model.log_likelihood(-centre) > case.model.log_likelihood(centre)
    found = [
        each
        for problem in problems_of(case.model)
        if problem.cause.startswith("response flipped") == mirrored
        for each in under_priors(case, problem)
    ]
    return likeliest_first(found)


def _has_mixed(case: Draws) -> bool:
    draws = case.posterior.draws
    sd = draws.std(axis=(0, 1))
    if not sd.all():
        return False
    mixing = Mixing.of(case.posterior, (draws - draws.mean(axis=(0, 1))) / sd)
    return all(claim.holds for claim in mixing.claims(case.threshold))
