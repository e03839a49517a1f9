r"""The independence route: Metropolis-Hastings whose proposals do not depend on the chain.

Every proposal is drawn in advance from a multivariate t distribution, so that all their
log-likelihoods are blocked matrix products and the chain itself is a walk along two columns of
numbers. The distribution lies at the Laplace fit (the MLE and the inverse of its information), or
at mean and covariance of a weighted pilot sample where that is better: on small data the posterior
is skewed, and chains at the Laplace fit stay in its far tail too long. The posterior falls off
exponentially in every direction, the t distribution as a power: the weights posterior / proposal
are bounded and the chain is uniformly ergodic (Mengersen and Tweedie 1996, "Rates of convergence of
the Hastings and Metropolis algorithms", Annals of Statistics 24, 101-121). A normal proposal would
have weights of infinite variance.

Nothing here is shared with the PyMC routes, so that the two kinds of draws check each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flatprior.models.batches.kept import kept
from flatprior.models.codes.newton import fit_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_seed, model_first
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.progress import progress_bar
from flatprior.models.covariance.roots import MOST_UPPER, Root, Written, root_of, upper
from flatprior.models.designs.coded import LARGEST_DENSE
from flatprior.models.existence.check import require_proper_posterior
from flatprior.models.iterations import last_iterate
from flatprior.models.likelihood import at_each, heights_and_scores, log_likelihoods
from flatprior.models.model import BernoulliLogistic
from flatprior.models.posterior import Posterior, at_draws, check_sampling, labelled_draws
from flatprior.models.provenance import provenance
from flatprior.models.rows import Rows, as_held, merge_identical

# degrees of freedom, or k if that is more: in k dimensions the length of a normal vector varies
# little, that of a t vector much
DEGREES_OF_FREEDOM = 8
HEAVY_TAILED = 5  # or k / 2: where the posterior is not nearly normal
WARM_UP = 200  # draws a chain makes and forgets, so that its start no longer matters
PILOT, PILOT_PER_COEFFICIENT = 1000, 50  # draws of a pilot sample, the larger of the two
PILOT_ROUNDS = 8
SMALLEST_POWER = 1e-3  # of the weights of a pilot sample
LEAST_PILOT = 10  # effective draws a coefficient, from which a covariance can be told
GOOD_PILOT = 0.95  # efficiency, relative to that for a normal posterior, with which all is well
PACKAGES = ("scipy", "arviz-base", "arviz-stats")


@model_first
def sample_independence(
    model: BernoulliLogistic,
    draws: int = 1000,
    chains: int = 4,
    seed: int | None = None,
    progress: bool = True,
) -> Posterior:
    """Draws from the flat-prior posterior by independence Metropolis-Hastings.

    Parameters
    ----------
    model : BernoulliLogistic
    draws, chains : int
        Draws kept of each chain, after 200 that are not; number of chains.
    seed : int, optional
        Makes the draws reproducible: to rounding the same whether factors are held as codes or
        written out, up to 1000 coefficients.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Posterior
        Of route "independence". Its sample statistics hold "accepted" and the "log_weight" of each
        draw's proposal, from which its `diagnostics` make acceptance rate, efficiency of the
        importance weights and their Pareto k. Where the efficiency is below 0.1 or Pareto k above
        0.7, its `warnings` say so and name `sample_nuts`.

    Raises
    ------
    ImproperPosteriorError
        If the posterior is not proved to be proper: there would be nothing to sample from.
    ValueError
        If draws or chains are not usable numbers, or so many draws of so many coefficients have
        more than 8 GB (of 10,000 coefficients, 4000 draws have 320 MB).
    ArithmeticError
        If there is no Laplace fit to propose from in double precision.

    Notes
    -----
    The proposal is a multivariate t with 8 degrees of freedom (k, if that is more) at the Laplace
    fit, or with 5 (k / 2) where pilot samples (of 1000 draws, or 50 a coefficient; eight at most)
    find a better place: at the mean and covariance of a sample, weighted by posterior / proposal.
    No pilot draw is kept. Identical rows are merged. Above 1000 coefficients there are no pilot
    samples, which would take 50 draws a coefficient.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> posterior = sample_independence(model, draws=500, seed=1, progress=False)
    >>> posterior.draws.shape
    (4, 500, 4)
    >>> posterior.diagnostics["acceptance"] > 0.5
    True
    """
    check_sampling(draws=draws, tune=WARM_UP, chains=chains)
    seed = check_seed(seed)
    k, n = model.n_parameters, WARM_UP + draws
    if chains * n * k > LARGEST_DENSE:
        raise InputError(
            f"{chains} chains of {n} draws ({WARM_UP} are not kept) of {k} coefficients have "
            f"{8 * chains * n * k / 1e9:.0f} GB; ask for fewer"
        )
    since = model.passes
    require_proper_posterior(model)
    start = time.perf_counter()
    merged = merge_identical(model.rows)
    rows = as_held(merged)
    pilot, *seeds = np.random.SeedSequence(seed).spawn(1 + chains)
    with progress_bar("draws", chains * n, progress) as advance:
        first = _laplace_fit(merged)
        heights = _Heights(rows, None if rows.resident else _Proposed.by(first, seeds, n))
        proposal = _adapted(heights, first, np.random.default_rng(pilot))
        proposed = _Proposed.by(proposal, seeds, n)
        found = heights.of_draws(proposed, proposal is first, advance)
    lp = found[..., 0]
    log_weight = lp - proposed.log_density
    log_weight -= log_weight.max()
    visited = np.stack(
        [
            _metropolis(w, -g.exponential(size=n))
            for w, g in zip(log_weight, proposed.generators, strict=True)
        ]
    )
    stayed = visited[:, WARM_UP:]
    stats = {
        "lp": np.take_along_axis(lp, stayed, axis=1),
        "accepted": stayed == np.arange(WARM_UP, n),
        "log_weight": log_weight[:, WARM_UP:],
    }
    beta = np.take_along_axis(proposed.coefficients, stayed[:, :, None], axis=1)
    if heights.scored:
        here = np.take_along_axis(found, stayed[:, :, None], axis=1)
        at_draws(model.rows, beta.reshape(-1, k), known=here.reshape(-1, 1 + k))
    return Posterior(
        route="independence",
        data=labelled_draws(model, beta, stats),
        seconds=time.perf_counter() - start,
        provenance=provenance(model, *PACKAGES, since=since),
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class _Proposal:
    """A multivariate t distribution: `centre` plus `root` times a standard t vector z."""

    centre: Array  # (k,)
    root: Root
    degrees: int

    def draw(self, generator: np.random.Generator, n: int) -> Array:
        """Draw n standard t vectors, (n, k)."""
        normal = generator.normal(size=(n, len(self.centre)))
        return normal / np.sqrt(generator.chisquare(self.degrees, (n, 1)) / self.degrees)

    def place(self, z: Array) -> Array:
        """Coefficients of standard t vectors."""
        return np.asarray(self.centre + self.root.placed(z))

    def log_density(self, z: Array) -> Array:
        """Log-density over the last axis of z, up to a constant."""
        power = (self.degrees + z.shape[-1]) / 2
        return np.asarray(-power * np.log1p(np.square(z).sum(axis=-1) / self.degrees))


@dataclass(frozen=True, eq=False)
class _Proposed:
    """Proposals of chains, each of its own generator; a seed makes the same ones at each call."""

    coefficients: Array  # (chains, n, k)
    log_density: Array  # (chains, n)
    generators: list[np.random.Generator]  # as they are after that

    @classmethod
    def by(cls, proposal: _Proposal, seeds: list[np.random.SeedSequence], n: int) -> _Proposed:
        """Draw n for each chain."""
        generators = [np.random.default_rng(seed) for seed in seeds]
        coefficients = np.empty((len(seeds), n, len(proposal.centre)))
        log_density = np.empty((len(seeds), n))
        for chain, generator in enumerate(generators):
            z = proposal.draw(generator, n)
            coefficients[chain] = proposal.place(z)
            log_density[chain] = proposal.log_density(z)
        return cls(coefficients, log_density, generators)


class _Heights:
    """Log-likelihoods of draws. Where a pass over the rows is dear, the first serves for two.

    On many rows the posterior is nearly normal, and the first pilot sample seldom finds a better
    proposal than it was drawn from: draws from that, `ahead`, are evaluated in the same pass. So
    are the scores, which the tests of the draws and their moments would read the rows for.
    """

    def __init__(self, rows: Rows, ahead: _Proposed | None) -> None:
        self._rows = rows
        self._ahead = ahead
        self._known: Array | None = None
        self.scored = ahead is not None

    def of_pilot(self, coefficients: Array) -> Array:
        """Those of a pilot sample (d, k), (d,)."""
        if self._ahead is None or self._known is not None:
            return at_each(self._rows, log_likelihoods, coefficients)
        k, shape = coefficients.shape[1], self._ahead.log_density.shape
        both = np.vstack([coefficients, self._ahead.coefficients.reshape(-1, k)])
        found = at_each(self._rows, heights_and_scores, both)
        self._known = found[len(coefficients) :].reshape(*shape, 1 + k)
        return found[: len(coefficients), 0]

    def of_draws(
        self, proposed: _Proposed, at_first: bool, advance: Callable[[int], None]
    ) -> Array:
        """Those of the draws, and scores if `scored`: (chains, n, 1) or (chains, n, 1 + k).

        `at_first`, if they are those that were drawn ahead.
        """
        if at_first and self._known is not None:
            return self._known
        *shape, k = proposed.coefficients.shape
        flat = proposed.coefficients.reshape(-1, k)
        if self.scored:
            found = at_each(self._rows, heights_and_scores, flat, advance)
        else:
            found = at_each(self._rows, log_likelihoods, flat, advance)[:, None]
        return found.reshape(*shape, -1)


def _laplace_fit(rows: Rows) -> _Proposal:
    """Centre at the MLE, and as root that of the inverse of the information there."""
    coded = sums_of(rows)
    held = None if coded is None else fit_as_held(coded)
    last = kept(rows, "last iterate", lambda: last_iterate(rows)) if held is None else None
    centre = held.beta if held is not None else None if last is None else last.coefficients
    root = None if centre is None else root_of(rows, centre)
    if centre is None or root is None:
        raise PrecisionError(
            "there is no Laplace fit to propose from in double precision: centre or rescale the "
            "columns, or use sample_nuts"
        )
    return _Proposal(centre, upper(root), max(DEGREES_OF_FREEDOM, len(centre)))


def _adapted(heights: _Heights, proposal: _Proposal, generator: np.random.Generator) -> _Proposal:
    """Find the best proposal by pilot samples.

    Each sample's weighted mean and covariance are the next proposal, with heavier tails; where few
    draws carry all the weight, the weights are first raised to the power below 1 that leaves enough
    of them. That goes on until the weights are nearly as good as for a normal posterior, or no
    longer get better.
    """
    k = len(proposal.centre)
    if k > MOST_UPPER:
        return proposal
    n, enough = max(PILOT, PILOT_PER_COEFFICIENT * k), LEAST_PILOT * (k + 1)
    best, best_efficiency, before = proposal, 0.0, 0.0
    for _ in range(PILOT_ROUNDS):
        z = proposal.draw(generator, n)
        log_density = proposal.log_density(z)
        log_weight = heights.of_pilot(proposal.place(z)) - log_density
        efficiency = _effective(log_weight) / n
        if efficiency > best_efficiency:
            best, best_efficiency = proposal, efficiency
        power = 1.0
        while _effective(power * log_weight) < enough and power > SMALLEST_POWER:
            power *= 0.8
        normal = _effective(-np.square(z).sum(axis=1) / 2 - log_density) / n
        if efficiency > GOOD_PILOT * normal or (power == 1 and efficiency < 1.1 * before):
            break
        before = efficiency
        weight = np.exp(power * (log_weight - log_weight.max()))
        weight /= weight.sum()
        mean = weight @ z
        covariance = (weight[:, None] * (z - mean)).T @ (z - mean)
        try:
            root = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:  # hardly more draws than coefficients have all the weight
            break
        proposal = _Proposal(
            proposal.place(mean),
            Written(proposal.root.matrix @ root),
            max(HEAVY_TAILED, k // 2),
        )
    return best


def _effective(log_weight: Array) -> float:
    """Effective number of weights: the square of their sum over the sum of their squares."""
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / np.square(weight).sum())


def _metropolis(log_weight: Array, log_uniform: Array) -> NDArray[np.intp]:
    """Number of the proposal that a chain, begun at the first, is at after each (n,)."""
    # plain numbers: a loop over array elements takes ten times as long
    weights, thresholds = log_weight.tolist(), log_uniform.tolist()
    current, visited = 0, []
    for i, (weight, threshold) in enumerate(zip(weights, thresholds, strict=True)):
        if threshold < weight - weights[current]:
            current = i
        visited.append(current)
    return np.array(visited)
