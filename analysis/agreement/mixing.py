r"""Have the chains mixed? Claims with thresholds from what chance does, not from a rule of thumb.

Draws are evidence about a posterior only if every chain, and each half of it, visits the same
distribution. Three questions are asked, in this order.

Does every chain move, and is every draw its own? A chain that stands still, and a stretch of draws
that was copied from another chain (pasted twice, or run with the same seed), are seen exactly.
Copies that were moved a little are seen where they lie much nearer to their originals than draws
lie to one another: of two points of one distribution in k dimensions, the nearest of another sample
is nearer than a fraction r of the way to the nearest of their own with probability :math:`r^k`.

Are the draws enough to judge? Below an effective number (bulk and tail; Vehtari et al. 2021) of 25
a chain and 100 in all, the error of a chain's own mean cannot be told from the chain: that is no
accusation, but no evidence of mixing either.

Do the chains differ by more than chance? The rank-normalised split :math:`\hat R` compares the
means of half chains with the spread inside of them. By how much it exceeds 1 for chains that have
mixed depends on their number, length and autocorrelation: 1.01 may be far too much, or nothing.
Its distribution is known, though: with :math:`B` the variance of the means of :math:`g` half chains
of :math:`m` draws, and :math:`V` the variance that batch means inside of them give a mean,

.. math:: \hat R^2 = \frac{m - 1}{m} + \frac{B}{W}, \qquad
          \frac{B}{V} \sim F_{g - 1,\, g (b - 1)} .

A second test asks the same of whole chains in the whitened coordinates, in which a direction that
no single coefficient shows is seen, and of the squared distance from the MLE, which sees chains
that differ in spread.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.special import ndtri
from scipy.stats import f as f_distribution, poisson, rankdata

from flatprior.analysis.stated_precision import half_units
from flatprior.models import Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import abbreviated, count, first_of, p_value

LEAST_EFFECTIVE = 25  # effective draws of a chain, below which its own error is not told
LEAST_EFFECTIVE_IN_ALL = 100  # effective draws, of however few chains
LONGEST_STILL = 0.5  # of a chain that may pass without a move
LEAST_STILL = 20  # draws: fewer rejections in a row may be chance
TOGETHER = 0.9  # correlation of two chains, draw by draw: chance cannot make it
BY_LUCK = 6.5  # standard errors of a correlation in Fisher's scale, beyond which chance is none
SAME = 1e-9  # standard deviations between draws that are one draw
COMPARED = 200  # draws that show with how many digits they are stated
BESIDE = 0.005  # probability that chance brings a draw so much nearer to another sample's
LOOKED_AT = 100  # draws of each half chain whose neighbours are sought
MORE_THAN_NORMAL = 10  # times the density at which a distribution with peaks meets itself
STRETCH = 8  # moves in a row that no two places of a run have in common
BY_CHANCE = 1e-9  # probability that draws of few digits share as many values as are let pass
LEAST_ERROR = 0.25  # of the variance that autocorrelations give: few batches may be alike by chance
BATCH_TIMES = 10  # lengths of memory of the chain in a batch


@dataclass(frozen=True)
class Claim:
    """One thing that holds of correct draws.

    Attributes
    ----------
    statement : str
    p : float
        p-value; 1 or 0 where correct draws can never break the claim, nan for the mode of the
        draws, whose stated error is an estimate.
    holds : bool
    failure : str
        What to say where it does not hold.
    available : bool
        Whether there was anything to judge it from; if not, it speaks neither for the draws nor
        against them.
    """

    statement: str
    p: float
    holds: bool
    failure: str
    available: bool = True

    @classmethod
    def exact(cls, statement: str, holds: bool, failure: str) -> Claim:
        """A claim that chance cannot break."""
        return cls(statement, float(holds), bool(holds), failure)

    def unavailable(self) -> Claim:
        """The same where nothing came with the draws to judge it from."""
        return replace(self, p=math.nan, holds=True, available=False)

    @property
    def answer(self) -> str:
        """Whether it holds, in a word or two."""
        return "not available" if not self.available else "yes" if self.holds else "NO"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Means of groups of draws, column by column, against the error they have by chance.

    Attributes
    ----------
    means : ndarray (groups, columns)
        Of normal scores of the ranks.
    ratio : ndarray (columns,)
        Variance of the means over what batch means inside of the groups give a mean.
    error : ndarray (columns,)
        Variance that chance gives the mean of a group.
    freedom : tuple of int
        Degrees of freedom of `ratio`.
    """

    means: Array
    ratio: Array
    error: Array
    freedom: tuple[int, int]

    @property
    def p_values(self) -> Array:
        """One for each column."""
        return np.asarray(f_distribution.sf(self.ratio, *self.freedom))

    @property
    def p(self) -> float:
        """That any column differs by as much, by Bonferroni's inequality."""
        p = self.p_values
        return float(min(1.0, len(p) * p.min()))

    def limit(self, p: float) -> float:
        """Largest ratio that passes at the joint p-value `p`."""
        return float(f_distribution.isf(p / len(self.ratio), *self.freedom))

    @property
    def furthest(self) -> Array:
        """The group (columns,) whose mean lies furthest from the median of all."""
        away = np.abs(self.means - np.median(self.means, axis=0))
        return np.asarray(away.argmax(axis=0))


@dataclass(frozen=True, eq=False, kw_only=True)
class Mixing:
    """Whether the chains of one set of draws have mixed.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients.
    n_chains, n_draws : int
        Number of chains, draws of each.
    split : ndarray (2 k,)
        Rank-normalised split R-hat of the coefficients, then folded; inf where nothing moves. Of a
        single chain it compares its halves.
    ess_bulk, ess_tail : float
        Smallest effective number of draws over the coefficients.
    still, copied : tuple of str
        Sentences on chains that do not move, and on draws that occur twice.
    halves : Comparison
        Of half chains, in rank and folded rank of each coefficient.
    chains : Comparison or None
        Of chains, in the whitened coordinates and their squared length; None for a single chain.
    """

    names: tuple[str, ...]
    n_chains: int
    n_draws: int
    split: Array
    ess_bulk: float
    ess_tail: float
    still: tuple[str, ...]
    copied: tuple[str, ...]
    halves: Comparison
    chains: Comparison | None

    @classmethod
    def of(cls, posterior: Posterior, white: Array) -> Mixing:
        """Judge the chains of `posterior`, whose whitened draws are `white` (chains, n, k)."""
        draws = posterior.draws
        half = _halves(draws)
        middle = np.median(half, axis=(0, 1))
        scores = np.concatenate([normal_scores(half), normal_scores(np.abs(half - middle))], axis=2)
        squared = np.square(white).sum(axis=2, keepdims=True)
        joined = normal_scores(np.concatenate([white, squared], axis=2))
        memory = float(
            autocorrelation_time(np.concatenate([scores, _halves(joined)], axis=2)).max()
        )
        length = _batch(half.shape[1], memory)
        found = posterior.diagnostics
        return cls(
            names=posterior.names,
            n_chains=draws.shape[0],
            n_draws=draws.shape[1],
            split=split_r_hat(scores),
            # ArviZ has no number for draws that do not move
            ess_bulk=float(np.nan_to_num(found["ess bulk"])),
            ess_tail=float(np.nan_to_num(found["ess tail"])),
            still=_still(draws, posterior.names) or _held(draws, posterior.names),
            copied=_copied(draws, memory) or _near_copies(draws),
            halves=compared(scores, length),
            chains=compared(joined, length) if len(draws) > 1 else None,
        )

    @property
    def r_hat(self) -> Array:
        """Rank-normalised split R-hat (k,): the larger of bulk and folded."""
        return np.asarray(self.split.reshape(2, -1).max(axis=0))

    @property
    def n_tests(self) -> int:
        """Number of tests with a p-value."""
        return 1 if self.chains is None else 2

    @property
    def p_values(self) -> tuple[float, ...]:
        """Of R-hat, and of the comparison of chains."""
        return (self.halves.p,) + (() if self.chains is None else (self.chains.p,))

    @property
    def least_effective(self) -> int:
        """Effective draws that are needed to judge."""
        return max(LEAST_EFFECTIVE_IN_ALL, LEAST_EFFECTIVE * self.n_chains)

    @property
    def enough(self) -> bool:
        """Whether the draws are enough to judge."""
        return min(self.ess_bulk, self.ess_tail) >= self.least_effective

    def undecided(self, threshold: float) -> bool:
        """Whether nothing speaks against mixing but that the draws are too few to judge it."""
        failed = [claim for claim in self.claims(threshold) if not claim.holds]
        return len(failed) == 1 and not self.enough

    def r_hat_limit(self, threshold: float) -> Array:
        """Largest R-hat (k,) that passes at `threshold`; 1.01 may be more or less than that."""
        return np.asarray(self._limits(threshold).reshape(2, -1).max(axis=0))

    def _limits(self, threshold: float) -> Array:
        """Largest R-hat (2 k,) that passes, of ranks and of folded ranks."""
        m = self.n_draws // 2
        squared = (m - 1) / m + self.halves.limit(threshold) * self.halves.error
        return np.asarray(np.sqrt(squared))

    def claims(self, threshold: float) -> tuple[Claim, ...]:
        """What is claimed of the chains; tests fail below the p-value `threshold`."""
        found = [
            Claim.exact("every chain moves", not self.still, "; ".join(self.still)),
            Claim.exact("no draws are copies of others", not self.copied, "; ".join(self.copied)),
            Claim(
                "R-hat is no larger than chance makes it"
                if self.n_chains > 1
                else "R-hat of the halves of the one chain is no larger than chance makes it",
                self.halves.p,
                self.halves.p >= threshold,
                self._r_hat_failure(threshold),
            ),
        ]
        if self.chains is not None:
            found.append(
                Claim(
                    "the chains have one mean and one spread",
                    self.chains.p,
                    self.chains.p >= threshold,
                    self._chains_failure(threshold),
                )
            )
        found.append(
            Claim.exact(
                f"the draws are enough to judge mixing: {self.least_effective} effective ones",
                self.enough,
                f"they are too few to judge mixing: their effective number is "
                f"{math.floor(self.ess_bulk)} (bulk) and {math.floor(self.ess_tail)} (tail), and "
                f"{self.least_effective} are needed (R-hat is {self.r_hat.max():.3g})",
            )
        )
        return tuple(found)

    def _r_hat_failure(self, threshold: float) -> str:
        k = len(self.names)
        p = self.halves.p_values.reshape(2, k)
        wrong = np.flatnonzero((p < threshold / (2 * k)).any(axis=0))
        if not len(wrong):
            return ""
        # by how much the limit is exceeded, in level or in spread: each has its own
        column = int(np.argmax(self.halves.ratio))
        worst = column % k
        group = int(self.halves.furthest[column])
        chain, part = group % self.n_chains, "first" if group < self.n_chains else "second"
        limit = self._limits(threshold)[column]
        others = [abbreviated(self.names[j]) for j in wrong if j != worst]
        return (
            f"R-hat is {self.split[column]:.3f} for {abbreviated(self.names[worst])}, where chance "
            f"makes it {limit:.3f} at most, and the {part} half of chain "
            f"{chain + 1} is furthest from the others in {'spread' if column >= k else 'level'}"
            + (f" (also too large for {first_of(others)})" if others else "")
        )

    def _chains_failure(self, threshold: float) -> str:
        if self.chains is None or self.chains.p >= threshold:
            return ""
        column = int(np.argmin(self.chains.p_values))
        what = "spread" if column == len(self.names) else "means"
        return (
            f"the chains differ in their {what} by more than chance allows "
            f"(p = {p_value(self.chains.p)}"
            f"), chain {int(self.chains.furthest[column]) + 1} most"
        )

    def remedy(self, threshold: float) -> str:
        """What to do where a claim does not hold; "" where all hold."""
        if self.still or self.copied:
            return (
                "sample anew, each chain from a start and with random numbers of its own, or "
                "leave out the chains that are named"
            )
        if min(self.p_values) < threshold:
            return "sample longer, with more tuning and from other starting points"
        if not self.enough:
            ess = max(1.0, min(self.ess_bulk, self.ess_tail))
            needed = math.ceil(1.5 * self.n_draws * self.least_effective / ess)
            return f"draw more: about {needed} a chain"
        return ""

    def to_dict(self, threshold: float) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "r_hat": dict(zip(self.names, self.r_hat.tolist(), strict=True)),
            "r_hat_limit": dict(zip(self.names, self.r_hat_limit(threshold).tolist(), strict=True)),
            "r_hat_p": self.halves.p,
            "between_chains_p": None if self.chains is None else self.chains.p,
            "ess_bulk": self.ess_bulk,
            "ess_tail": self.ess_tail,
            "ess_needed": self.least_effective,
            "still": list(self.still),
            "copied": list(self.copied),
        }


def normal_scores(values: Array) -> Array:
    """Normal scores of the ranks over all chains, column by column of (chains, n, columns)."""
    total = values.shape[0] * values.shape[1]
    ranks = rankdata(values.reshape(total, -1), axis=0).reshape(values.shape)
    return np.asarray(ndtri((ranks - 0.375) / (total + 0.25)))


def _halves(values: Array) -> Array:
    """Half chains, the first halves first; of an odd number of draws the middle one is left out."""
    m = values.shape[1] // 2
    return np.concatenate([values[:, :m], values[:, -m:]])


def split_r_hat(half: Array) -> Array:
    """R-hat (columns,) of half chains (groups, m, columns); inf where none moves."""
    m = half.shape[1]
    within = half.var(axis=1, ddof=1).mean(axis=0)
    between = half.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt((m - 1) / m + between / within)
    return np.where(within > 0, found, np.inf)


def autocorrelation_time(values: Array) -> Array:
    """Draws (columns,) that count for one: from the chains' own autocorrelations, each for itself.

    Unlike an effective number of draws this does not grow where chains differ. Autocovariances
    are averaged over the chains and summed by Geyer's initial monotone sequence (1992, "Practical
    Markov chain Monte Carlo", Statistical Science 7, 473-483).
    """
    n = values.shape[1]
    centred = values - values.mean(axis=1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    total = np.zeros((n, values.shape[2]))
    for chain in centred:  # one at a time: the transforms of all would take their memory
        spectrum = np.square(np.abs(np.fft.rfft(chain, size, axis=0)))
        total += np.fft.irfft(spectrum, size, axis=0)[:n]
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.where(total[0] > 0, total / total[0], 0.0)
    even = 2 * (n // 2)
    pairs = np.minimum.accumulate(np.maximum(rho[0:even:2] + rho[1:even:2], 0), axis=0)
    return np.asarray(np.maximum(2 * pairs.sum(axis=0) - 1, 1.0))


def _batch(m: int, memory: float) -> int:
    """Draws in a batch of half chains of m draws: at least two batches a half."""
    length = max(math.isqrt(m), math.ceil(min(BATCH_TIMES * memory, m)))
    return m // min(m, max(2, m // length))


def compared(values: Array, length: int) -> Comparison:
    """Compare the means of groups (groups, n, columns) with their error by batches of `length`.

    The variance of batch means falls short of the truth by a part that is inversely proportional
    to the length of a batch: what batches of a third of it say takes that part away and more
    (Vats and Flegal 2022, "Lugsail lag windows for estimating time-average covariance matrices",
    Biometrika 109, 735-750).
    """
    means, error = _means_and_errors(values, length)
    if length >= 3:
        error = np.maximum(error, 2 * error - _means_and_errors(values, length // 3)[1])
    groups, n, _ = values.shape
    within = values.var(axis=1, ddof=1).mean(axis=0)
    error = np.maximum(error, LEAST_ERROR * within * autocorrelation_time(values) / n)
    between = means.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(between > 0, between / error, 0.0)  # inf: groups that stand still apart
        relative = np.where(within > 0, error / within, 0.0)
    return Comparison(means, ratio, relative, (groups - 1, groups * (n // length - 1)))


def _means_and_errors(values: Array, length: int) -> tuple[Array, Array]:
    """Means (groups, columns), and the variance (columns,) of one that its batches tell."""
    groups, n, columns = values.shape
    batches = n // length
    trimmed = values[:, n - batches * length :]
    means = trimmed.reshape(groups, batches, length, columns).mean(axis=2)
    return means.mean(axis=1), means.var(axis=1, ddof=1).mean(axis=0) / batches


def _still(draws: Array, names: Sequence[str]) -> tuple[str, ...]:
    """Sentences on chains that do not move, in all or in some coefficients, for half of them."""
    n = draws.shape[1]
    said = []
    for i, chain in enumerate(draws):
        runs = [_longest_run(column) for column in chain.T]
        fixed = [
            j
            for j, (_, length) in enumerate(runs)
            if length == n or length >= max(LEAST_STILL, LONGEST_STILL * n)
        ]
        if not fixed:
            continue
        start, length = min((runs[j] for j in fixed), key=lambda run: run[1])
        what = f"chain {i + 1} " + (
            "stands still"
            if len(fixed) == len(names)
            else f"does not move in {first_of(abbreviated(names[j]) for j in fixed)}"
        )
        said.append(
            what
            if length == n
            else f"{what} for {length} of {count(n, 'draw')}, from draw {start + 1} on"
        )
    return tuple(said)


def _held(draws: Array, names: Sequence[str]) -> tuple[str, ...]:
    """Sentences on coefficients that stay for a part of a chain in which others move.

    No sampler of doubles leaves one where it was by chance; one that moves them one at a time, or
    few digits, do so as often elsewhere, which is counted.
    """
    stays = draws[:, 1:] == draws[:, :-1]
    moves = ~stays.all(axis=2, keepdims=True)
    number, total = (stays & moves).sum(axis=(0, 1)), int(moves.sum())
    said = []
    for i, (chain, moved) in enumerate(zip(stays, moves, strict=True)):
        held = []
        for j, column in enumerate(chain.T):
            start, length = _longest_run(np.cumsum(~column))
            inside = int((column & moved[:, 0])[start : start + length].sum())
            if inside < LEAST_STILL:
                continue
            share = min(1.0, (number[j] - inside + 3) / max(total - inside, 1))
            if draws[..., 0].size * share**inside < BY_CHANCE:
                held.append((j, start, inside))
        if held:
            _, start, inside = held[0]
            which = first_of(abbreviated(names[j]) for j, *_ in held)
            said.append(
                f"chain {i + 1} does not move in {which}"
                f" for {count(inside, 'move')} of others, from draw {start + 1} on"
            )
    return tuple(said)


def _longest_run(values: Array) -> tuple[int, int]:
    """Start and length of the longest run of equal values (n,)."""
    starts = np.append(0, np.flatnonzero(np.diff(values)) + 1)
    lengths = np.diff(np.append(starts, len(values)))
    longest = int(lengths.argmax())
    return int(starts[longest]), int(lengths[longest])


def _copied(draws: Array, memory: float) -> tuple[str, ...]:
    """Sentences on chains that have draws of one another, and on chains that repeat themselves.

    Two places of a run never have equal draws in doubles; in draws of few digits some do, as many
    as chance makes at that resolution within a chain, or, between chains, as chains have within
    themselves. `memory` is how many draws count for one.
    """
    chains, n, _ = draws.shape
    numbers = _numbered(draws)
    moves = [each[np.append(True, each[1:] != each[:-1])] for each in numbers]
    distinct = [np.unique(each) for each in moves]
    repeats = sum(len(a) - len(b) for a, b in zip(moves, distinct, strict=True))
    chance = (repeats + 3) / max(1.0, sum(len(each) ** 2 for each in moves) / 2)
    coincidence = _coincidence(draws)
    said = []
    for i, each in enumerate(moves):
        if len(each) >= 2 * STRETCH:
            windows = np.lib.stride_tricks.sliding_window_view(each, STRETCH)
            again = len(windows) - len(np.unique(windows, axis=0))
            if again:
                said.append(f"chain {i + 1} repeats {count(again, 'stretch')} of its own draws")
                continue
        again = len(each) - len(distinct[i])
        if again > poisson.isf(BY_CHANCE, coincidence * len(each) ** 2 / 2):
            said.append(
                f"chain {i + 1} comes back to {count(again, 'draw')} that it had left, "
                "as draws do that were copied or put in another order"
            )
    together = _correlations(draws)

    def limit(i: int, j: int) -> float:
        # of few draws, or of draws that depend on one another, chance makes a large correlation
        told = min(n / memory, len(moves[i]), len(moves[j]))
        if told < STRETCH:
            return math.inf
        return max(TOGETHER, math.tanh(BY_LUCK / math.sqrt(told - 3)))

    for i in range(chains - 1):
        rest = range(i + 1, chains)
        shared = {j: len(np.intersect1d(distinct[i], distinct[j], True)) for j in rest}
        expected = {j: chance * len(moves[i]) * len(moves[j]) for j in rest}
        copies = [j for j in rest if shared[j] > poisson.isf(BY_CHANCE, expected[j])]
        for words, found in (
            (f"up to {max(shared.values())} of its {len(distinct[i])} distinct draws", copies),
            (
                "its movements, draw by draw: as a copy or its mirror image, or with the same "
                "random numbers",
                [j for j in rest if j not in copies and together[i, j] > limit(i, j)],
            ),
        ):
            if found:
                said.append(
                    f"chain {i + 1} shares {words} with chain{'s' if len(found) > 1 else ''} "
                    f"{first_of(j + 1 for j in found)}"
                )
    return tuple(said)


def _near_copies(draws: Array) -> tuple[str, ...]:
    """Sentences on half chains whose draws lie next to those of another, as moved copies do.

    In coordinates in which the draws have the identity as their covariance; what the digits that
    they are stated with may have moved them counts for nearness too.
    """
    chains, _, k = draws.shape
    flat = draws.reshape(-1, k)
    scale = flat.std(axis=0)
    if not (scale > 0).all():
        return ()
    covariance = np.atleast_2d(np.mean([np.cov(chain / scale, rowvar=False) for chain in draws], 0))
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError:
        return ()
    half = _halves((draws - flat.mean(axis=0)) / scale) @ inverse.T
    units = np.array([2 * half_units(column[:COMPARED]).max() for column in flat.T]) / scale
    blur = float(np.linalg.norm(np.abs(inverse) @ units))
    groups = [np.unique(each, axis=0) for each in half]
    if min(map(len, groups)) < STRETCH:
        return ()
    trees = [KDTree(each) for each in groups]
    nearness = BESIDE ** (1 / k)
    some = [each[:: -(-len(each) // LOOKED_AT)] for each in groups]
    own = [np.asarray(tree.query(each, 2)[0])[:, 1] for tree, each in zip(trees, some, strict=True)]
    found: dict[int, set[int]] = {}
    for i, j in itertools.combinations(range(len(groups)), 2):
        apart, at = trees[j].query(some[i])
        others = np.asarray(trees[j].query(groups[j][at], 2)[0])[:, 1]
        beside = apart + blur < nearness * np.minimum(own[i], others)
        if beside.sum() > poisson.isf(BY_CHANCE, BESIDE * len(beside)):
            first, second = sorted((i % chains, j % chains))
            found.setdefault(first, set()).add(second)
    return tuple(
        f"draws of chain {i + 1} lie next to those of chain{'s' if len(others) > 1 else ''} "
        f"{first_of(j + 1 for j in sorted(others))}, nearer than chance brings them, as copies do "
        "that were moved a little"
        if others != {i}
        else f"draws of chain {i + 1} lie next to others of its own, nearer than chance brings "
        "them, as copies do that were moved a little"
        for i, others in sorted(found.items())
    )


def _numbered(draws: Array) -> NDArray[np.intp]:
    """A number (chains, n) for each draw, the same for draws that are the same but for `SAME`."""
    chains, n, k = draws.shape
    flat = draws.reshape(-1, k)
    spread = flat.std(axis=0)
    scaled = flat / np.where(spread > 0, spread, 1.0)
    # near draws have near projections: those of all others need not be looked at
    weights = np.sqrt(np.arange(k) + 2.0) % 1.0 + 0.5
    order = np.argsort(scaled @ weights, kind="stable")
    apart = np.abs(np.diff(scaled[order], axis=0)).max(axis=1) > SAME
    numbers = np.empty(len(flat), dtype=np.intp)
    numbers[order] = np.append(0, np.cumsum(apart))
    return numbers.reshape(chains, n)


def _coincidence(draws: Array) -> float:
    """Upper bound on the probability that two correct draws look the same.

    Half a unit of the digits they are stated with, on either side, times the density of a
    difference: that of a normal distribution with the chains' own covariance, and some more.
    """
    k = draws.shape[2]
    flat = draws.reshape(-1, k)
    covariance = np.atleast_2d(np.mean([np.cov(chain, rowvar=False) for chain in draws], axis=0))
    sign, log_det = np.linalg.slogdet(covariance)
    if sign <= 0:
        return 1.0
    units = [
        max(4 * float(half_units(column[:COMPARED]).max()), 2 * SAME * column.std())
        for column in flat.T
    ]
    logs = np.log(units).sum() - 0.5 * (k * math.log(4 * math.pi) + log_det)
    return float(min(1.0, MORE_THAN_NORMAL * math.exp(min(0.0, logs))))


def _correlations(draws: Array) -> Array:
    """Sizes of correlations (chains, chains) of draws with one number, mean of all coefficients."""
    centred = draws - draws.mean(axis=1, keepdims=True)
    size = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(size > 0, centred / size, 0.0)
    each = np.abs(np.einsum("inj,mnj->imj", unit, unit, optimize=True))
    return np.asarray(each.mean(axis=2))
