"""What draws may be from, by the score alone: each thing whose identities they satisfy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from flatprior.analysis.auditing.draws.case import (
    NEAR,
    Case,
    Draws,
    Problem,
    centred_coordinates,
    problems_of,
    written_out,
)
from flatprior.analysis.auditing.draws.cures import what_to_type
from flatprior.analysis.auditing.draws.likeness import Likeness, joined
from flatprior.analysis.auditing.draws.normal import approximations
from flatprior.analysis.auditing.draws.priors import Prior, prior_of_score
from flatprior.models.codes.basis import ones_of
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import listing, printable

MOST_PAIRS = 8  # coefficients of which two may have been exchanged


def by_score(case: Case, flat_density: bool) -> Iterator[Likeness]:
    """Everything whose identities the draws may satisfy, the simpler before the others."""
    problems = problems_of(case.model)
    if flat_density and case.check.density_source == "stated":
        yield from approximations(case)
        yield from _changed(case)
        return
    readings = [
        Likeness(
            cause=problem.cause,
            said=f"draws from the posterior{problem.of} under flat priors",
            p=case.p(case.draws, case.score(problem.rows)),
            cure=what_to_type(case, problem.cause, None),
        )
        for problem in problems[1:]
    ]
    readings += _changed(case)
    yield from readings
    yield from approximations(case)
    if any(each.p >= case.threshold for each in readings):
        return  # nothing needs a prior as well
    here, mirrored = case.distance(case.draws), case.distance(-case.draws)
    for problem in problems:
        flipped = problem.cause.startswith("response flipped")
        if flipped == (mirrored < here):
            yield from under_priors(case, problem)


def under_priors(case: Draws, problem: Problem) -> Iterator[Likeness]:
    """Priors at zero, on the slopes or on all, of one scale or of several."""
    score = case.score(problem.rows)
    centre = case.draws.mean(axis=(0, 1))
    intercept = ones_of(written_out(case.model))
    places = [(case.names, np.eye(case.k)), *centred_coordinates(case.model)[:1]]
    tried: list[Prior] = []
    for family, (names, transform), common, but in itertools.product(
        ("normal", "Cauchy", "Laplace"),
        places,
        (True, False),
        (intercept, []) if intercept else ([],),
    ):
        if (names != case.names and but) or len(but) == case.k:
            continue
        numbers = 1 if common else case.k - len(but)
        if any(numbers >= each.numbers for each in tried):
            continue  # a simpler one will do
        prior = prior_of_score(
            names,
            transform,
            case.draws,
            score,
            centre,
            family,
            case.length,
            common,
            but,
            case.threshold,
        )
        if prior is None or prior.p < case.threshold:
            continue
        prior = prior.told((case.draws @ transform.T).std(axis=(0, 1)))
        if prior.flat and not problem.cause:
            continue  # that is the posterior that the claims exclude
        tried.append(prior)
        if prior.flat:
            yield Likeness(
                cause=problem.cause,
                said=f"draws from the posterior{problem.of} under priors that are not told from "
                "flat",
                p=prior.p,
                cure=what_to_type(case, problem.cause, None),
            )
            continue
        yield Likeness(
            cause=joined(problem.cause, "prior"),
            said=f"draws from the posterior{problem.of} under the prior {prior}",
            p=prior.p,
            prior=prior,
            cure=what_to_type(case, problem.cause, prior),
        )


def _changed(case: Case) -> Iterator[Likeness]:
    """Draws of the posterior whose numbers were changed on the way."""
    k, mle, names = case.k, case.mle.coefficients, case.names
    design = written_out(case.model)
    constant = ones_of(design)
    changes: list[tuple[str, str, Array, str]] = [
        ("mirrored", "the posterior's, reflected at the MLE", 2 * mle - case.draws, "")
    ]
    if (case.draws > 0).all():
        changes.append(
            ("odds ratios", "exponentiated (odds ratios)", np.log(case.draws), "pass np.log(draws)")
        )
    for j in range(k):
        turned = case.draws * np.where(np.arange(k) == j, -1.0, 1.0)
        changes.append(
            (
                "other columns",
                f"the posterior's with the sign of {printable(names[j])} changed",
                turned,
                "",
            )
        )
    if k <= MOST_PAIRS:
        for i, j in itertools.combinations(range(k), 2):
            order = list(range(k))
            order[i], order[j] = j, i
            changes.append(
                (
                    "coefficients exchanged",
                    f"the posterior's with {listing([printable(names[i]), printable(names[j])])} "
                    "exchanged",
                    case.draws[..., order],
                    "name the columns: variables={...}",
                )
            )
    if len(constant) == 1 and k > 1:
        (own,) = constant
        means, sds = design.mean(axis=0), design.std(axis=0)
        sds[own], means[own] = 1.0, 0.0
        for scale, said in (
            (np.ones(k), "those of centred columns"),
            (sds, "those of standardised columns"),
        ):
            raw = case.draws / scale
            raw[..., own] -= raw @ means
            changes.append(("other columns", said, raw, "refit in the model's own columns"))
    for cause, said, draws, cure in changes:
        if case.distance(draws) < NEAR:
            p = case.p(draws, case.score(case.model.arrays, draws))
            yield Likeness(cause=cause, said=f"draws that are {said}", p=p, cure=cure)
