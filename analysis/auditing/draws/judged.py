"""Are these draws from the flat-prior posterior, and if not, what do they look like?

Every claim of `check_posterior` is asked first. Where one fails, the draws are held against what
they are by mistake: a posterior under another prior, of the flipped response, without weights or
offset, coefficients of other columns, or a normal approximation. Where the log-density that was
sampled came with them, it says exactly which density it is. The score says which of these it does
not exclude, each with its p-value, and never more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from flatprior.analysis.agreement.posterior_check import (
    FALSE_ALARM,
    PosteriorCheck,
    check_posterior,
    draws_of,
)
from flatprior.analysis.auditing.draws.case import Case
from flatprior.analysis.auditing.draws.cures import cure_of, sample_it
from flatprior.analysis.auditing.draws.density import of_density, unknown_density
from flatprior.analysis.auditing.draws.likeness import NAMED, Likeness, likeliest_first, named
from flatprior.analysis.auditing.draws.normal import some_normal
from flatprior.analysis.auditing.draws.scores import by_score
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.text import count
from flatprior.models.common.writing import finite
from flatprior.models.estimate import fit_of, is_near
from flatprior.models.gathering import as_drawn
from flatprior.models.routes.newton import converged_mle

LEAST_RESAMPLED = 0.01  # of the draws that are there again, not right after one another


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawsAudit:
    """What is found of a set of draws.

    Attributes
    ----------
    check : PosteriorCheck
        Every claim, with its p-value.
    likenesses : tuple of Likeness
        Where the draws fail, what they may be from, the first before the others. A posterior that
        the log-density proves stands alone.
    divergences : float
        NaN where nothing is stated of them.
    r_hat, ess_bulk, ess_tail : float
        Largest, and smallest, over the coefficients.
    verdict : str
        In one sentence.
    cure : str
        What to type, or nothing.
    notes : tuple of str
    """

    check: PosteriorCheck
    likenesses: tuple[Likeness, ...]
    divergences: float
    r_hat: float
    ess_bulk: float
    ess_tail: float
    verdict: str
    cure: str
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every claim holds."""
        return self.check.passed

    @property
    def cause(self) -> str:
        """What the draws look like; nothing if they pass, or if nothing is like them."""
        return self.likenesses[0].cause if self.likenesses else ""

    @property
    def certain(self) -> bool:
        """Whether the log-density that came with the draws proves the cause."""
        return bool(self.likenesses) and self.likenesses[0].by_density

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        facts: dict[str, Any] = {
            "passed": self.passed,
            "verdict": self.verdict,
            "cure": self.cure,
            "cause": self.cause,
            "certain": self.certain,
            "looks_like": [
                {"cause": each.cause, "said": each.said, "p": each.p, "proved": each.by_density}
                for each in self.likenesses
            ],
            "divergences": self.divergences,
            "r_hat": self.r_hat,
            "ess_bulk": self.ess_bulk,
            "ess_tail": self.ess_tail,
            "notes": list(self.notes),
            "check": self.check.to_dict(),
        }
        plain: dict[str, Any] = finite(facts)
        return plain


@model_first
def judge_draws(
    model: BernoulliLogistic,
    posterior: Posterior,
    mle: PointEstimate | None = None,
    false_alarm: float = FALSE_ALARM,
) -> DrawsAudit:
    """Judge draws as those of the flat-prior posterior, and say what they look like if they fail.

    Parameters
    ----------
    model, posterior, mle, false_alarm
        As of `flatprior.analysis.check_posterior`.

    Returns
    -------
    DrawsAudit

    Raises
    ------
    ValueError
        As for `check_posterior`.

    Examples
    --------
    >>> from flatprior.analysis.auditing.draws.judged import judge_draws
    >>> from flatprior.models import BernoulliLogistic, Posterior, load_spector
    >>> from flatprior.models import sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> posterior = sample_independence(model, seed=1, progress=False)
    >>> judge_draws(model, posterior).verdict
    'the draws of independence pass every claim: they are draws from the flat-prior posterior'
    >>> flipped = Posterior.from_draws(model, -posterior.draws)
    >>> judge_draws(model, flipped).cause
    'response flipped'
    """
    mle = None if mle is None else fit_of(model, mle)
    if mle is None or not is_near(mle.certificate):
        mle = converged_mle(model)
    check = check_posterior(model, posterior, mle, false_alarm)
    # causes are looked for where rows are, or may be, in memory
    at_hand = as_drawn(model)
    case = None if check.passed else Case.beside(at_hand, posterior, mle, check)
    found = () if case is None else tuple(_likenesses(case))
    diagnostics = check.diagnostics
    notes = [*posterior.notes]
    if posterior.provenance.data_hash != model.data_hash:
        notes.insert(0, "these draws say that they are of other data than the model's")
    return DrawsAudit(
        check=check,
        likenesses=found,
        divergences=diagnostics.get("divergences", math.nan),
        r_hat=float(check.mixing.r_hat.max()),
        ess_bulk=diagnostics["ess bulk"],
        ess_tail=diagnostics["ess tail"],
        verdict=_verdict(check, found, looked=at_hand.rows.resident),
        cure=cure_of(check, found, posterior),
        notes=(*notes, *_doubts(check, found)),
    )


def _likenesses(case: Case) -> Iterator[Likeness]:
    """What the draws may be from, the likeliest reading first, where rows are in memory."""
    if not case.model.rows.resident:
        return
    flat_density = True
    if case.check.density_source == "stated":
        known = of_density(case)
        if known is not None:
            yield known
            return
        flat_density = case.check.density_error <= case.check.density_tolerance
    if not case.draws.std(axis=(0, 1)).all():
        return  # a coefficient that does not move
    if not case.check.mixed:  # the identities say nothing of chains that stand still or differ
        if _resampled(case.posterior.draws) > LEAST_RESAMPLED:
            yield Likeness(
                cause="resampled",
                said="draws of an approximation that were taken again by their weights, as "
                "importance resampling (pathfinder) does",
                p=math.nan,
                cure=sample_it(case),
            )
        return
    found = [each for each in by_score(case, flat_density) if each.p >= case.threshold]
    found = found or [each for each in some_normal(case) if each.p >= case.threshold]
    if not found and not flat_density:
        yield unknown_density(case)
    yield from likeliest_first(found)


def _resampled(draws: Array) -> float:
    """Share of draws that were there before in their chain, but not right before."""
    again = 0
    for chain in draws:
        moves = chain[np.append(True, (chain[1:] != chain[:-1]).any(axis=1))]
        again += len(moves) - len(np.unique(moves, axis=0))
    return float(again / (draws.shape[0] * draws.shape[1]))


def _verdict(check: PosteriorCheck, found: tuple[Likeness, ...], looked: bool) -> str:
    """In one sentence; what else they look like, where that was `looked` for."""
    draws = draws_of(check.route)
    if check.passed:
        return f"{draws} pass every claim: they are draws from the flat-prior posterior"
    if found and found[0].by_density:
        return f"{draws} are not from the flat-prior posterior: {found[0].said}"
    if not check.mixed:
        broken = [c.failure for c in check.mixing.claims(check.threshold) if not c.holds]
        like = f"; they look like {found[0].said}" if found else ""
        return f"{draws} are no evidence of any posterior: {broken[0]}{like}"
    if not found:
        return (
            f"{draws} are not from the flat-prior posterior ({check.failures[0]})"
            f"{', and they look like nothing that is known here' if looked else ''}"
        )
    if found[0].cause == "unknown density":
        return f"{draws} are not from the flat-prior posterior: {found[0].said}"
    return (
        f"{draws} are not from the flat-prior posterior ({check.failures[0]}); they look like "
        f"{named(found)}"
    )


def _doubts(check: PosteriorCheck, found: tuple[Likeness, ...]) -> Iterator[str]:
    """What the verdict leaves open."""
    if not check.passed and found and not found[0].by_density and found[0].cause[:7] != "unknown":
        yield (
            "what they look like is what their scores do not exclude, each by the p-value beside "
            "it; no log-density proves it"
        )
    if len(found) > NAMED:
        yield f"{count(len(found) - NAMED, 'further explanation')} is not excluded either"
