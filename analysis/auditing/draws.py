"""Are these draws from the flat-prior posterior, and if not, what do they look like?

Every claim of `check_posterior` is asked first. Where one fails, the draws are held against what
they are by mistake: a posterior under another prior, of the flipped response, without weights or
offset, coefficients of other columns, or a normal approximation. Where the log-density that was
sampled came with them, it says exactly which density it is. The score says which of these it does
not exclude, each with its p-value, and never more than that.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from flatprior.analysis.agreement.mixing import Mixing
from flatprior.analysis.agreement.posterior_check import (
    FALSE_ALARM,
    PosteriorCheck,
    as_drawn,
    check_posterior,
    density_tolerance_of,
    draws_of,
)
from flatprior.analysis.auditing.prior_of_draws import Prior, prior_of_density, prior_of_score
from flatprior.analysis.explanation.explained import Explanation
from flatprior.analysis.monte_carlo import (
    batch_length,
    batch_means,
    check_draws,
    hotelling_p,
    root_at,
    t_p,
    whitened,
)
from flatprior.models import (
    BernoulliLogistic,
    Existence,
    PointEstimate,
    Posterior,
    check_existence,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.coefficient_names import plain_name
from flatprior.models.common.rendering import p_value
from flatprior.models.common.text import count, first_of, listing, printable
from flatprior.models.common.writing import finite
from flatprior.models.covariance.roots import Root
from flatprior.models.estimate import fit_of, is_near
from flatprior.models.likelihood import at_each, log_likelihoods, scores
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, merge_identical

MOST_TERMS = 10**8  # rows times draws at which scores of another problem are looked at
LEAST_LOOKED_AT = 400  # draws, however many rows
AT_MOST = 600  # draws at which a density is held against others
FAR = 100.0  # tolerances by which a density must differ before its difference is given a name
LEAST_TOLD = 10  # log-densities that differ, before one is taken for any
NEAR = 4.0  # standard errors within which changed draws must lie to be looked at
WIDEST = 4.0  # times the variance of the normal approximation that an approximation may have
MOST_PAIRS = 8  # coefficients of which two may have been exchanged
NAMED = 3  # explanations that a verdict names
ROUND = 1e-4  # relative, by which a scale may differ from a number of two digits
LESS_LIKELY = 20.0  # ratio of p-values from which the larger speaks before the simpler
LEAST_CORRELATION = 0.1  # of coefficients, which independent draws have not
CURE_OF_NO_POSTERIOR = (
    "there is no flat-prior posterior to get: report the prior with what it gives, and how that "
    "changes with its scale, or the limits of check_existence(model)"
)
LEAST_RESAMPLED = 0.01  # of the draws that are there again, not right after one another


@dataclass(frozen=True, eq=False, kw_only=True)
class Likeness:
    """What draws may be from.

    Attributes
    ----------
    cause : str
        "prior", "response flipped", "weights ignored", "offset ignored", "another response",
        "other columns", "coefficients exchanged", "mirrored", "odds ratios", "normal
        approximation", "normal distribution", "resampled" or "unknown density"; several are joined
        by " and ".
    said : str
        In words.
    p : float
        p-value of the identities that draws of this kind satisfy.
    by_density : bool
        Whether the log-density that came with the draws is this one's, to rounding.
    prior : Prior or None
    cure : str
        What to type, where that is known.
    """

    cause: str
    said: str
    p: float
    by_density: bool = False
    prior: Prior | None = None
    cure: str = ""

    def __str__(self) -> str:
        """In words, with the p-value."""
        if math.isnan(self.p):
            return self.said
        return f"{self.said} (p = {p_value(self.p, form='.1e')})"


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
    >>> from flatprior.analysis.auditing.draws import judge_draws
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
    case = None if check.passed else _Case.beside(model, posterior, mle, check)
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
        verdict=_verdict(check, found, looked=model.rows.resident),
        cure=_cure(check, found, posterior),
        notes=(*notes, *_doubts(check, found)),
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
    >>> from flatprior.analysis.auditing.draws import explain_draws
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
    case = _Draws.of(model, posterior, false_alarm)
    which = first_of(_diverging(model, existence))
    alone = (
        f"the data alone do not hold up {which}, and how far out the draws lie is the prior's doing"
    )
    found = None
    if posterior.states_density:
        found = _stated_without_mle(case, alone)
    mixed = found is None and _has_mixed(case)
    like = _priors_without_mle(case) if mixed else []
    if like:
        named = listing([f"{each}" for each in like[:NAMED]], "or")
        found = Explanation(
            cause="proper prior",
            certain=False,
            message=f"they look like {named}: {alone}",
            distance=math.nan,
            cure=CURE_OF_NO_POSTERIOR,
        )
    if found is not None:
        return found
    if not mixed:
        message = (
            "the chains have not mixed, so that their scores say nothing; under flat priors they "
            f"never would on these data, and wander off along {which}"
        )
    else:
        message = f"if they are of a posterior, that has a proper prior: {alone}"
    return Explanation(
        cause="none of these",
        certain=False,
        message=message,
        distance=math.nan,
        cure=CURE_OF_NO_POSTERIOR,
    )


def _stated_without_mle(case: _Draws, alone: str) -> Explanation | None:
    """What the log-density that came with them says, if it is a usual one."""
    model, posterior = case.model, case.posterior
    if not case.draws.std(axis=(0, 1)).all():
        return None
    beta, lp = _some(posterior)
    differences = _differences(model, beta, lp)
    height = float(np.abs(lp - differences[0][1]).max())
    score = case.score(model.arrays, posterior.draws).reshape(-1, case.k)
    tolerance = density_tolerance_of(model, posterior, height, score)
    if len(np.unique(lp)) < LEAST_TOLD or np.ptp(lp) < FAR * tolerance:
        return None  # far out the likelihood is 1 everywhere, and a constant says nothing
    flat_one = _under_flat_priors(differences, tolerance)
    known = None if flat_one is not None else _under_a_prior(model, beta, differences, tolerance)
    problem, prior = (flat_one, None) if known is None else known
    if problem is None:
        return None
    of = f" {problem.said}" if problem.said else ""
    free = _free_to_diverge(model, prior)
    if prior is None or free:
        under = "flat priors" if prior is None else f"the prior {prior}, which is flat on {free}"
        return Explanation(
            cause="separation",
            certain=True,
            message=f"the log-density that came with them is the likelihood{of} under {under}: of "
            "that there is no posterior, and how far out the draws lie is how long the chains ran",
            distance=math.nan,
            cure=CURE_OF_NO_POSTERIOR,
        )
    return Explanation(
        cause="proper prior",
        certain=True,
        message=f"the log-density that came with them is that of the posterior{of} under the prior "
        f"{prior}{_scaled(case, prior)}: {alone}",
        distance=math.nan,
        cure=CURE_OF_NO_POSTERIOR,
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


def _priors_without_mle(case: _Draws) -> list[Likeness]:
    """Priors that the scores do not exclude, the likeliest first."""
    if not case.draws.std(axis=(0, 1)).all():
        return []
    centre = case.draws.mean(axis=(0, 1))
    mirrored = case.model.log_likelihood(-centre) > case.model.log_likelihood(centre)
    found = [
        each
        for problem in _problems(case.model)
        if problem.cause.startswith("response flipped") == mirrored
        for each in _priors(case, problem)
    ]
    highest = max((each.p for each in found), default=0.0)
    return sorted(found, key=lambda each: each.p < highest / LESS_LIKELY)


def _has_mixed(case: _Draws) -> bool:
    draws = case.posterior.draws
    sd = draws.std(axis=(0, 1))
    if not sd.all():
        return False
    mixing = Mixing.of(case.posterior, (draws - draws.mean(axis=(0, 1))) / sd)
    return all(claim.holds for claim in mixing.claims(case.threshold))


class _Problem(NamedTuple):
    """A likelihood that draws may be of in place of the model's."""

    cause: str
    said: str
    rows: ArrayRows


@dataclass(frozen=True, eq=False, kw_only=True)
class _Draws:
    """Draws of which it is asked what they look like."""

    model: BernoulliLogistic
    posterior: Posterior
    draws: Array  # (chains, n, k), thinned where there are many rows
    length: int  # of a batch of them
    threshold: float  # p-value below which something is excluded

    @classmethod
    def of(cls, model: BernoulliLogistic, posterior: Posterior, threshold: float) -> _Draws:
        chains, n, _ = posterior.draws.shape
        most = max(LEAST_LOOKED_AT, MOST_TERMS // model.n_rows)
        step = max(1, min(-(-chains * n // most), n // 10))
        draws = posterior.draws[:, ::step]
        found = posterior.diagnostics
        ess = float(np.nan_to_num(min(found["ess bulk"], found["ess tail"])))
        kept = draws.shape[1]
        length = batch_length(chains, kept, min(max(1.0, ess), chains * kept))
        k = model.n_parameters
        if chains * (kept // length) <= 2 * k + 4:
            length = batch_length(chains, kept)
        return cls(
            model=model, posterior=posterior, draws=draws, length=length, threshold=threshold
        )

    @property
    def k(self) -> int:
        return self.model.n_parameters

    @property
    def names(self) -> tuple[str, ...]:
        return self.model.names

    def score(self, rows: ArrayRows, draws: Array | None = None) -> Array:
        """Score of these rows at each of the draws, (chains, n, k)."""
        draws = self.draws if draws is None else draws
        flat = draws.reshape(-1, self.k)
        return at_each(merge_identical(rows), scores, flat).reshape(draws.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Case(_Draws):
    """Draws that fail, with what is asked of them again and again."""

    mle: PointEstimate
    check: PosteriorCheck
    root: Root

    @classmethod
    def beside(
        cls,
        model: BernoulliLogistic,
        posterior: Posterior,
        mle: PointEstimate,
        check: PosteriorCheck,
    ) -> _Case:
        plain = _Draws.of(model, posterior, check.threshold)
        return cls(**vars(plain), mle=mle, check=check, root=root_at(model, mle))

    def p(self, draws: Array, pull: Array, centre: Array | None = None) -> float:
        """p-value that `pull` (chains, n, k) is the gradient of the log-density of draws."""
        around = draws.mean(axis=(0, 1)) if centre is None else centre
        trace = np.einsum("cnk,cnk->cn", draws - around, pull) + self.k
        white = self.root.rooted(pull.reshape(-1, self.k)).reshape(pull.shape)
        p = min(
            hotelling_p(batch_means(white, self.length)),
            t_p(batch_means(trace[..., None], self.length)[:, 0]),
        )
        return float(min(1.0, 2 * np.nan_to_num(p)))

    def distance(self, draws: Array) -> float:
        """Of the mean of draws from the MLE, the largest in standard errors."""
        moved = draws.mean(axis=(0, 1)) - self.mle.coefficients
        return float(np.abs(moved / self.mle.standard_errors).max())


def _problems(model: BernoulliLogistic) -> list[_Problem]:
    """The model's likelihood, and those of data that were read in another way."""
    rows = model.arrays
    found = [_Problem("", "", rows)]
    if rows.weights is not None and (rows.weights != 1).any():
        found.append(
            _Problem("weights ignored", "without the weights", replace(rows, weights=None))
        )
    if rows.offset is not None and rows.offset.any():
        found += [
            _Problem(
                _joined(each.cause, "offset ignored"),
                f"{each.said} and the offset" if each.said else "without the offset",
                replace(each.rows, offset=None),
            )
            for each in found
        ]
    found += [
        _Problem(
            _joined("response flipped", each.cause),
            " ".join(filter(None, ("of the flipped response", each.said))),
            replace(each.rows, response=1 - each.rows.response),
        )
        for each in found
    ]
    return found


def _joined(*causes: str) -> str:
    return " and ".join(filter(None, causes))


def _coordinates(model: BernoulliLogistic) -> list[tuple[tuple[str, ...], Array]]:
    """In which others put independent priors: with the intercept at the means of the columns."""
    design = np.asarray(model.arrays.design, dtype=float)
    constant = [j for j in range(design.shape[1]) if (design[:, j] == 1).all()]
    if len(constant) != 1 or design.shape[1] == 1:
        return []
    (own,) = constant
    weights = model.arrays.weights
    every = [design.mean(axis=0)]
    if weights is not None:
        every.append(weights @ design / weights.sum())
    found = []
    for means in every:
        transform = np.eye(len(means))
        transform[own] = means
        label = f"{model.names[own]} at the columns' means"
        found.append(
            (tuple(label if j == own else n for j, n in enumerate(model.names)), transform)
        )
    return found


def _likenesses(case: _Case) -> Iterator[Likeness]:
    """What the draws may be from, the likeliest reading first, where rows are in memory."""
    if not case.model.rows.resident:
        return
    flat_density = True
    if case.check.density_source == "stated":
        known = _of_density(case)
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
                cure=_sample(case),
            )
        return
    found = [each for each in _by_score(case, flat_density) if each.p >= case.threshold]
    found = found or [each for each in _some_normal(case) if each.p >= case.threshold]
    if not found and not flat_density:
        yield _unknown(case)
    highest = max((each.p for each in found), default=0.0)
    # stable: of those that are about as likely the simpler come first
    yield from sorted(found, key=lambda each: each.p < highest / LESS_LIKELY)


def _of_density(case: _Case) -> Likeness | None:
    """Which density was sampled, where its logarithm says so to rounding."""
    tolerance = case.check.density_tolerance
    if case.check.density_error <= tolerance or not case.draws.std(axis=(0, 1)).all():
        return None  # it is the likelihood, or a coefficient does not move
    beta, lp = _some(case.posterior)
    differences = _differences(case.model, beta, lp)
    if np.ptp(differences[0][1]) < FAR * tolerance:
        return None
    flat_one = _under_flat_priors(differences, tolerance)
    if flat_one is not None:
        return _proved(case, flat_one, None)
    tilted = _tilted(case, beta, differences[0][1], tolerance)
    if tilted is not None:
        return tilted
    known = _under_a_prior(case.model, beta, differences, tolerance)
    return None if known is None else _proved(case, *known)


def _some(posterior: Posterior) -> tuple[Array, Array]:
    """Draws (d, k) at which a density is held against others, and its logarithm there (d,)."""
    flat = posterior.draws.reshape(-1, posterior.draws.shape[-1])
    some = np.unique(np.linspace(0, len(flat) - 1, min(len(flat), AT_MOST)).astype(int))
    return flat[some], posterior.log_density.ravel()[some]


def _differences(model: BernoulliLogistic, beta: Array, lp: Array) -> list[tuple[_Problem, Array]]:
    """What a log-density is above the log-likelihood of each problem, at each of `beta` (d, k)."""
    return [
        (problem, lp - at_each(merge_identical(problem.rows), log_likelihoods, beta))
        for problem in _problems(model)
    ]


def _under_flat_priors(
    differences: list[tuple[_Problem, Array]], tolerance: float
) -> _Problem | None:
    """The problem whose log-likelihood it is, apart from a constant."""
    return next((problem for problem, d in differences if np.ptp(d) / 2 <= tolerance), None)


def _under_a_prior(
    model: BernoulliLogistic,
    beta: Array,
    differences: list[tuple[_Problem, Array]],
    tolerance: float,
) -> tuple[_Problem, Prior] | None:
    """The problem and the prior, that of the fewest numbers, whose log-density it is."""
    others = _coordinates(model)
    for families in (False, True):
        best: tuple[_Problem, Prior] | None = None
        for problem, d in differences:
            prior = prior_of_density(model.names, beta, d, tolerance, others, families)
            if prior is not None and (best is None or prior.numbers < best[1].numbers):
                best = (problem, prior)
        if best is not None:
            return best
    return None


def _proved(case: _Case, problem: _Problem, prior: Prior | None) -> Likeness:
    """A density that is known, and whether the draws are from it."""
    pull = case.score(problem.rows)
    if prior is not None:
        pull = pull + prior.slope(case.draws.reshape(-1, case.k)).reshape(pull.shape)
    p = case.p(case.draws, pull)
    of = f" {problem.said}" if problem.said else ""
    under = f"under the prior {prior}" if prior is not None else "under flat priors"
    said = f"the log-density that came with them is that of the posterior{of} {under}"
    said += f", to within {case.check.density_tolerance:.0e}" if case.check.density_rounding else ""
    said += _scaled(case, prior)
    if p < case.threshold and case.check.mixed:
        said += ", and they are not draws from that either: an approximation, or too few"
    return Likeness(
        cause=_joined(problem.cause, "prior" if prior is not None else ""),
        said=said,
        p=p,
        by_density=True,
        prior=prior,
        cure=_what_to_type(case, problem.cause, prior),
    )


def _scaled(case: _Draws, prior: Prior | None) -> str:
    """Whether scales are round numbers over the standard deviations of the columns."""
    if prior is None:
        return ""
    design = np.asarray(case.model.arrays.design, dtype=float)
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


def _tilted(case: _Case, beta: Array, d: Array, tolerance: float) -> Likeness | None:
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
            cure=f"{_make_flat(case)}; or compare the responses row by row",
        )
    return Likeness(
        cause="another response",
        said=f"{said}, as that of other outcomes in the same rows and columns does: {outcomes}",
        p=math.nan,
        by_density=True,
        cure="compare the responses row by row",
    )


def _unknown(case: _Case) -> Likeness:
    return Likeness(
        cause="unknown density",
        said="the log-density that came with them is not the likelihood under any usual prior on "
        "these coefficients (other rows, columns or links, further parameters, or a prior on "
        "combinations of them)",
        p=math.nan,
        cure="check_pymc(model, their_model) names what is not flat in a model of PyMC or Bambi",
    )


def _by_score(case: _Case, flat_density: bool) -> Iterator[Likeness]:
    """Everything whose identities the draws may satisfy, the simpler before the others."""
    problems = _problems(case.model)
    if flat_density and case.check.density_source == "stated":
        yield from _approximations(case)
        yield from _changed(case)
        return
    readings = [
        Likeness(
            cause=problem.cause,
            said=f"draws from the posterior {problem.said} under flat priors",
            p=case.p(case.draws, case.score(problem.rows)),
            cure=_what_to_type(case, problem.cause, None),
        )
        for problem in problems[1:]
    ]
    readings += _changed(case)
    yield from readings
    yield from _approximations(case)
    if any(each.p >= case.threshold for each in readings):
        return  # nothing needs a prior as well
    here, mirrored = case.distance(case.draws), case.distance(-case.draws)
    for problem in problems:
        flipped = problem.cause.startswith("response flipped")
        if flipped == (mirrored < here):
            yield from _priors(case, problem)


def _priors(case: _Draws, problem: _Problem) -> Iterator[Likeness]:
    """Priors at zero, on the slopes or on all, of one scale or of several."""
    score = case.score(problem.rows)
    centre = case.draws.mean(axis=(0, 1))
    design = np.asarray(case.model.arrays.design, dtype=float)
    intercept = [j for j in range(case.k) if (design[:, j] == 1).all()]
    places = [(case.names, np.eye(case.k)), *_coordinates(case.model)[:1]]
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
        of = f" {problem.said}" if problem.said else ""
        if prior.flat:
            yield Likeness(
                cause=problem.cause,
                said=f"draws from the posterior{of} under priors that are not told from flat",
                p=prior.p,
                cure=_what_to_type(case, problem.cause, None),
            )
            continue
        yield Likeness(
            cause=_joined(problem.cause, "prior"),
            said=f"draws from the posterior{of} under the prior {prior}",
            p=prior.p,
            prior=prior,
            cure=_what_to_type(case, problem.cause, prior),
        )


def _changed(case: _Case) -> Iterator[Likeness]:
    """Draws of the posterior whose numbers were changed on the way."""
    k, mle, names = case.k, case.mle.coefficients, case.names
    design = np.asarray(case.model.arrays.design, dtype=float)
    constant = [j for j in range(k) if (design[:, j] == 1).all()]
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


def _approximations(case: _Case) -> Iterator[Likeness]:
    """Normal distributions in place of the posterior, at a known place."""
    white = whitened(case.draws, case.mle, case.root)
    yield Likeness(
        cause="normal approximation",
        said="draws from the normal approximation at the MLE (Laplace)",
        p=_standard_p(white, (1, 2), case.length),
        cure=_sample(case),
    )
    if case.k == 1 or not _is_near(case):
        return
    first, second = np.triu_indices(case.k, 1)
    # the posterior's own coefficients depend on one another
    if np.abs(_correlations(case.mle.covariance)[first, second]).max() < LEAST_CORRELATION:
        return
    flat = case.draws.reshape(-1, case.k)
    own = (case.draws - flat.mean(axis=0)) / flat.std(axis=0)
    independent = _mean_p(own[..., first] * own[..., second], case.length)
    yield Likeness(
        cause="normal approximation",
        said="draws from a normal distribution of independent coefficients, as mean-field "
        f"variational inference (ADVI) makes{_spread(case)}",
        p=min(1.0, 2 * min(_normal_p(case), independent)),
        cure=_sample(case),
    )


def _resampled(draws: Array) -> float:
    """Share of draws that were there before in their chain, but not right before."""
    again = 0
    for chain in draws:
        moves = chain[np.append(True, (chain[1:] != chain[:-1]).any(axis=1))]
        again += len(moves) - len(np.unique(moves, axis=0))
    return float(again / (draws.shape[0] * draws.shape[1]))


def _sample(case: _Case) -> str:
    return "sample the posterior: " + _typed(
        case.posterior.route.lower(),
        pymc="pm.sample(), not pm.fit() or an approximation",
        bambi='model.fit(inference_method="pymc")',
        stan="method=sample",
        numpyro="MCMC(NUTS(model), ...), not SVI",
        other="by NUTS, not by an approximation",
    )


def _some_normal(case: _Case) -> Iterator[Likeness]:
    """A normal distribution wherever it is: all that is left to say where nothing else fits."""
    near = _is_near(case)
    yield Likeness(
        cause="normal approximation" if near else "normal distribution",
        said=f"draws from some normal distribution, as variational inference makes{_spread(case)}"
        if near
        else "draws from a normal distribution that is not near the posterior, such as "
        f"variational inference that has not converged{_spread(case)}",
        p=_normal_p(case),
        cure=_sample(case),
    )


def _variance_ratio(case: _Case) -> float:
    """Of the draws' variance to that of the normal approximation at the MLE."""
    white = whitened(case.draws, case.mle, case.root)
    return float(np.square(white - white.mean(axis=(0, 1))).sum(axis=2).mean()) / case.k


def _is_near(case: _Case) -> bool:
    """Whether draws have the place and about the size of an approximation."""
    return case.distance(case.draws) < NEAR and _variance_ratio(case) < WIDEST


def _spread(case: _Case) -> str:
    ratio = _variance_ratio(case)
    return f"; their variance is {ratio:.0%} of that of the normal approximation at the MLE"


def _normal_p(case: _Case) -> float:
    """p-value that the draws have the skewness and kurtosis of a normal distribution."""
    flat = case.draws.reshape(-1, case.k)
    try:
        triangle = np.linalg.cholesky(np.cov(flat, rowvar=False).reshape(case.k, case.k))
        sphered = (case.draws - flat.mean(axis=0)) @ np.linalg.inv(triangle).T
    except np.linalg.LinAlgError:  # draws that do not move
        return 0.0
    return _standard_p(sphered, (3, 4), case.length)


def _standard_p(z: Array, degrees: tuple[int, ...], length: int) -> float:
    """p-value that draws (chains, n, k) are standard normal, by Hermite polynomials and waves.

    The polynomials see small shifts best; the waves are bounded, so that the tails of what is far
    from normal do not hide it.
    """
    of = {1: z, 2: z * z - 1, 3: z**3 - 3 * z, 4: z**4 - 6 * z * z + 3}
    polynomials = np.concatenate([of[degree] for degree in degrees], axis=-1)
    waves = np.concatenate([np.sin(z), np.cos(z) - math.exp(-0.5)], axis=-1)
    return min(1.0, 2 * min(_mean_p(each, length) for each in (polynomials, waves)))


def _mean_p(values: Array, length: int) -> float:
    """p-value that all columns of (chains, n, columns) have the mean 0."""
    means = batch_means(values, length)
    if len(means) > values.shape[-1] + 2:
        return float(np.nan_to_num(hotelling_p(means)))
    each = [t_p(means[:, j]) for j in range(means.shape[1])]
    return float(min(1.0, len(each) * np.nan_to_num(min(each))))


def _correlations(covariance: Array) -> Array:
    sd = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(sd, sd))


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
    named = listing([str(each) for each in found[:NAMED]], "or")
    return (
        f"{draws} are not from the flat-prior posterior ({check.failures[0]}); they look like "
        f"{named}"
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


def _cure(check: PosteriorCheck, found: tuple[Likeness, ...], posterior: Posterior) -> str:
    """What to type."""
    if found:
        return found[0].cure
    diagnostics = check.diagnostics
    if diagnostics.get("divergences", 0) > 0:
        return _of_program(
            posterior.route,
            "pm.sample(tune=4000, target_accept=0.95)",
            "adapt_delta=0.95 and more warm-up",
        )
    if not check.mixed:
        return _of_program(
            posterior.route,
            'pm.sample(draws=4000, tune=4000, chains=4, init="adapt_diag")',
            "more draws and more warm-up, in four chains",
        )
    return ""


def _of_program(route: str, pymc: str, else_: str) -> str:
    name = route.lower()
    if name in ("pymc", "nutpie"):
        return pymc
    if name == "bambi":
        return pymc.replace("pm.sample(", "model.fit(")
    return else_


def _what_to_type(case: _Draws, causes: str, prior: Prior | None) -> str:
    """In the program that made the draws, where that is known."""
    route = case.posterior.route.lower()
    said = []
    if "response flipped" in causes:
        event = _event(case.model)
        said.append(
            f"model the other level: \"{case.model.response_name}['{event}'] ~ ...\" names it"
            if route == "bambi" and event
            else "code the outcome the other way round (1 - y)"
        )
    if "weights ignored" in causes:
        said.append(
            "pass the weights: "
            + _typed(
                route,
                pymc='pm.Potential("y", (weights * pm.logp(pm.Bernoulli.dist(logit_p=eta), y)'
                ".sum()))",
                bambi="repeat each row as often as its weight says",
                stan="target += weights[n] * bernoulli_logit_lpmf(y[n] | eta[n])",
                numpyro="with numpyro.handlers.scale(scale=weights)",
                other="repeat each row as often as its weight says",
            )
        )
    if "offset ignored" in causes:
        said.append(
            "add the offset to the linear predictor"
            + (': "... + offset(z)" in the formula' if route == "bambi" else "")
        )
    if prior is not None:
        said.append(_make_flat(case))
    return "; ".join(said)


def _make_flat(case: _Draws) -> str:
    """How priors are made flat, in the program that made the draws."""
    route = case.posterior.route.lower()
    return _typed(
        route,
        pymc='pm.Flat("...") in place of each prior',
        bambi=_for_bambi(case.model),
        stan="leave the prior statements out of the model block (a real without one is flat)",
        numpyro="dist.ImproperUniform(dist.constraints.real, (), ()) for each prior",
        other='a flat prior on every coefficient (pm.Flat; bmb.Prior("Flat") with '
        "auto_scale=False; prior = NULL in rstanarm)",
    )


def _for_bambi(model: BernoulliLogistic) -> str:
    terms = dict.fromkeys(plain_name(name).partition("[")[0] for name in model.names)
    listed = ", ".join(f'"{printable(term)}"' for term in terms)
    return (
        f'bmb.Model(..., priors={{name: bmb.Prior("Flat") for name in ({listed},)}}, '
        "auto_scale=False)"
    )


def _typed(route: str, *, pymc: str, bambi: str, stan: str, numpyro: str, other: str) -> str:
    known = {"pymc": pymc, "nutpie": pymc, "bambi": bambi, "cmdstan": stan, "numpyro": numpyro}
    return known.get(route.partition(" ")[0], other)


def _event(model: BernoulliLogistic) -> str:
    """The level that the model counts as 1, where it is a word."""
    level, found, _ = model.response_coding.partition(" = 1")
    return printable(level) if found and level != "True" else ""
