"""Which density was sampled, where the log-density that came with the draws says so."""

from __future__ import annotations

import math

import numpy as np

from flatprior.analysis.auditing.draws.case import (
    Case,
    Draws,
    Problem,
    centred_coordinates,
    problems_of,
    written_out,
)
from flatprior.analysis.auditing.draws.cures import make_flat, what_to_type
from flatprior.analysis.auditing.draws.likeness import Likeness, joined
from flatprior.analysis.auditing.draws.priors import Prior, prior_of_density
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import at_most, listing, printable
from flatprior.models.likelihood import at_each, log_likelihoods
from flatprior.models.rows import merge_identical

AT_MOST = 600  # draws at which a density is held against others
FAR = 100.0  # tolerances by which a density must differ before its difference is given a name
ROUND = 1e-4  # relative, by which a scale may differ from a number of two digits


def of_density(case: Case) -> Likeness | None:
    """Which density was sampled, where its logarithm says so to rounding."""
    tolerance = case.check.density_tolerance
    if case.check.density_error <= tolerance or not case.draws.std(axis=(0, 1)).all():
        return None  # it is the likelihood, or a coefficient does not move
    beta, lp = some_of(case.posterior)
    differences = differences_from(case.model, beta, lp)
    if np.ptp(differences[0][1]) < FAR * tolerance:
        return None
    flat_one = under_flat_priors(differences, tolerance)
    if flat_one is not None:
        return _proved(case, flat_one, None)
    tilted = _tilted(case, beta, differences[0][1], tolerance)
    if tilted is not None:
        return tilted
    known = under_a_prior(case.model, beta, differences, tolerance)
    return None if known is None else _proved(case, *known)


def some_of(posterior: Posterior) -> tuple[Array, Array]:
    """Draws (d, k) at which a density is held against others, and its logarithm there (d,)."""
    flat = posterior.draws.reshape(-1, posterior.draws.shape[-1])
    some = np.unique(np.linspace(0, len(flat) - 1, min(len(flat), AT_MOST)).astype(int))
    return flat[some], posterior.log_density.ravel()[some]


def differences_from(
    model: BernoulliLogistic, beta: Array, lp: Array
) -> list[tuple[Problem, Array]]:
    """What a log-density is above the log-likelihood of each problem, at each of `beta` (d, k)."""
    return [
        (problem, lp - at_each(merge_identical(problem.rows), log_likelihoods, beta))
        for problem in problems_of(model)
    ]


def under_flat_priors(differences: list[tuple[Problem, Array]], tolerance: float) -> Problem | None:
    """The problem whose log-likelihood it is, apart from a constant."""
    return next((problem for problem, d in differences if np.ptp(d) / 2 <= tolerance), None)


def under_a_prior(
    model: BernoulliLogistic,
    beta: Array,
    differences: list[tuple[Problem, Array]],
    tolerance: float,
) -> tuple[Problem, Prior] | None:
    """The problem and the prior, that of the fewest numbers, whose log-density it is."""
    others = centred_coordinates(model)
    for families in (False, True):
        best: tuple[Problem, Prior] | None = None
        for problem, d in differences:
            prior = prior_of_density(model.names, beta, d, tolerance, others, families)
            if prior is not None and (best is None or prior.numbers < best[1].numbers):
                best = (problem, prior)
        if best is not None:
            return best
    return None


def _proved(case: Case, problem: Problem, prior: Prior | None) -> Likeness:
    """A density that is known, and whether the draws are from it."""
    pull = case.score(problem.rows)
    if prior is not None:
        pull = pull + prior.slope(case.draws.reshape(-1, case.k)).reshape(pull.shape)
    p = case.p(case.draws, pull)
    under = f"under the prior {prior}" if prior is not None else "under flat priors"
    said = f"the log-density that came with them is that of the posterior{problem.of} {under}"
    said += (
        f", to within {at_most(case.check.density_tolerance, '.0e')}"
        if case.check.density_rounding
        else ""
    )
    said += as_scaled(case, prior)
    if p < case.threshold and case.check.mixed:
        said += ", and they are not draws from that either: an approximation, or too few"
    return Likeness(
        cause=joined(problem.cause, "prior" if prior is not None else ""),
        said=said,
        p=p,
        by_density=True,
        prior=prior,
        cure=what_to_type(case, problem.cause, prior),
    )


def as_scaled(case: Draws, prior: Prior | None) -> str:
    """Whether scales are round numbers over the standard deviations of the columns."""
    if prior is None:
        return ""
    design = written_out(case.model)
    found: dict[str, list[str]] = {}
    for j, term in enumerate(prior.terms):
        for ddof in (0, 1):
            sd = float(design[:, j].std(ddof=ddof))
            times = term.scale * sd
            if (
                0 < sd < math.inf
                and math.isfinite(times)
                and _is_round(times)
                and not _is_round(term.scale)
            ):
                found.setdefault(f"{times:.2g}", []).append(printable(term.name))
                break
    return "".join(
        f"; on {listing(names)} that is {times} over the standard deviation of the column, as "
        "default priors are scaled"
        for times, names in found.items()
    )


def _is_round(number: float) -> bool:
    return abs(number - float(f"{number:.2g}")) < ROUND * abs(number)


def _tilted(case: Case, beta: Array, d: Array, tolerance: float) -> Likeness | None:
    """A density that differs linearly: of other outcomes in the same rows, or of a Laplace prior.

    Which of the two cannot be told where no draw crosses 0 and every slope pulls towards it.
    """
    columns = np.column_stack([np.ones(len(beta)), beta - beta.mean(axis=0)])
    found = np.linalg.lstsq(columns, d, rcond=None)[0]
    if np.abs(d - columns @ found).max() > tolerance or len(d) < 10 * columns.shape[1]:
        return None
    slope = found[1:]
    counts = np.abs(slope) * np.ptp(beta, axis=0) > tolerance
    names = [printable(name) for name, counted in zip(case.names, counts, strict=True) if counted]
    towards = np.where(slope < 0, (beta > 0).all(axis=0), (beta < 0).all(axis=0))
    moved = [f"{name} {by:+.4g}" for name, by in zip(names, slope[counts], strict=True)]
    said = "the log-density that came with them differs from the likelihood linearly"
    if not names:
        return None
    outcomes = f"X'y differs by {', '.join(moved[:5])}"
    if towards[counts].all():
        scales = 1 / np.abs(slope[counts])
        widths = [f"{name} {scale:.4g}" for name, scale in zip(names, scales, strict=True)]
        return Likeness(
            cause="prior",
            said=f"{said}, as that of Laplace priors at 0 does (scales: {', '.join(widths[:5])}), "
            f"or that of other outcomes in the same rows ({outcomes})",
            p=math.nan,
            cure=f"{make_flat(case)}; or compare the responses row by row",
        )
    return Likeness(
        cause="another response",
        said=f"{said}, as that of other outcomes in the same rows and columns does: {outcomes}",
        p=math.nan,
        by_density=True,
        cure="compare the responses row by row",
    )


def unknown_density(case: Case) -> Likeness:
    """It is none of these, to rounding."""
    return Likeness(
        cause="unknown density",
        said="the log-density that came with them is not the likelihood under any usual prior on "
        "these coefficients (other rows, columns or links, further parameters, or a prior on "
        "combinations of them)",
        p=math.nan,
        cure="check_pymc(model, their_model) names what is not flat in a model of PyMC or Bambi",
    )
