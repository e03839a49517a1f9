r"""Which prior draws were made under, read from their log-density, or from the score alone.

A sampler's log-density less the log-likelihood is the log-prior and a constant. As a function of
the coefficients it is fitted by what priors usually are, each coefficient's own: normal, Student's
t, Cauchy, Laplace. Where it is one of these nothing but rounding is left over, and the prior is
known to as many digits.

Without a log-density Stein's identity speaks. Under a posterior of likelihood times prior
:math:`\pi`, with score S and any smooth function g,

.. math:: E[\nabla \cdot g(\beta) + g(\beta)'(S(\beta) + \nabla \log \pi(\beta))] = 0 .

With :math:`g` constant, and linear in one coefficient, these are two equations a coefficient, from
which the scale of a prior is estimated with its Monte Carlo error; that there are more equations
than unknowns tests what the prior was taken to be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import f as f_distribution

from flatprior.analysis.monte_carlo import batch_means
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import SCREEN, listing, names_in, printable

FAMILIES = ("normal", "Cauchy", "Laplace", "Student t")
LEAST_PER_TERM = 10  # draws for each number that is fitted
MOST_FITTED = 200  # draws to which families are fitted; what fits is held against all
MOST_UNEXPLAINED = 0.02  # of the variance, by polynomials, where priors are sought
MOST_LEFT = 0.1  # of the range, by the best single family, where others are tried one by one
MOST_FOR_SHAPES = 8  # coefficients whose families are sought one by one
NEAR_FLAT = 5.0  # tolerances by which the share of a coefficient that has no prior may vary
LARGEST_FREEDOM = 200.0  # of a t distribution, beyond which it is called normal
JACKKNIFE = 20  # parts of the draws that are left out in turn
SURE = 0.5  # of an estimated scale: with a larger error 1 / scale^2 may as well be 0
WIDE = 100.0  # posterior standard deviations: no number of draws tells so wide a prior from flat
SNAP = 1e-5  # relative, within which a fitted number is taken for the round one that it is near


@dataclass(frozen=True, kw_only=True)
class PriorTerm:
    """The prior of one coefficient.

    Attributes
    ----------
    name : str
        Of the coefficient, or of the combination that has the prior.
    family : str
        "flat", "normal", "Student t", "Cauchy" or "Laplace".
    location, scale : float
    freedom : float
        Degrees of freedom of Student's t.
    scale_error : float
        Standard error of the scale; 0 where only rounding is left.
    """

    name: str
    family: str
    location: float = 0.0
    scale: float = math.inf
    freedom: float = math.inf
    scale_error: float = 0.0

    def __str__(self) -> str:
        """As people write it: "normal(0, 2.5) on x1"."""
        if self.family == "flat":
            return f"flat on {printable(self.name)}"
        numbers = [_short(self.location), _short(self.scale)]
        if self.family == "Student t":
            numbers.insert(0, _short(self.freedom))
        about = f" (+- {_short(self.scale_error, 1)})" if self.scale_error > 0 else ""
        return f"{self.family}({', '.join(numbers)}{about}) on {printable(self.name)}"

    def slope(self, values: Array) -> Array:
        """Derivative of the log-density at each of these values."""
        u = values - self.location
        if self.family == "flat":
            return np.zeros_like(u)
        if self.family == "normal":
            return np.asarray(-u / self.scale**2)
        if self.family == "Laplace":
            return np.asarray(-np.sign(u) / self.scale)
        nu = self.freedom
        return np.asarray(-(nu + 1) * u / (nu * self.scale**2 + u * u))

    def slope_by_log_scale(self, values: Array) -> Array:
        """Derivative of `slope` in the logarithm of the scale."""
        if self.family == "flat":
            return np.zeros_like(values)
        slope = self.slope(values)
        if self.family in ("normal", "Laplace"):
            return np.asarray((-2 if self.family == "normal" else -1) * slope)
        u, spread = values - self.location, self.freedom * self.scale**2
        return np.asarray(-2 * slope * spread / (spread + u * u))


@dataclass(frozen=True, eq=False, kw_only=True)
class Prior:
    """A prior of all coefficients, independent in these coordinates.

    Attributes
    ----------
    terms : tuple of PriorTerm (k,)
    transform : ndarray (k, k)
        The coordinates as combinations of the coefficients, ``transform @ beta``.
    exact : bool
        Whether nothing but rounding is left over.
    left : float
        Largest part of the log-density, in nats, that it leaves unexplained.
    p : float
        Where it was estimated by Stein's identity: p-value of the identities that are left over.
    numbers : int
        How many were fitted.
    """

    terms: tuple[PriorTerm, ...]
    transform: Array
    exact: bool
    left: float = math.nan
    p: float = math.nan
    numbers: int = 0

    @property
    def flat(self) -> bool:
        """Whether no coefficient has a prior."""
        return all(term.family == "flat" for term in self.terms)

    def told(self, sd: Array) -> Prior:
        """The same with flat terms in place of those whose estimated scale is not told from flat.

        `sd` (k,) are the posterior standard deviations in these coordinates.
        """
        terms = tuple(
            term
            if term.family == "flat"
            or (0 < term.scale_error < SURE * term.scale and term.scale < WIDE * of)
            else PriorTerm(name=term.name, family="flat")
            for term, of in zip(self.terms, sd, strict=True)
        )
        return replace(self, terms=terms)

    def slope(self, beta: Array) -> Array:
        """Gradient (d, k) of the log-prior at each row of `beta` (d, k)."""
        theta = beta @ self.transform.T
        own = np.column_stack([t.slope(theta[:, j]) for j, t in enumerate(self.terms)])
        return np.asarray(own @ self.transform)

    def __str__(self) -> str:
        """The terms that are not flat, equal ones together."""
        groups: dict[str, list[str]] = {}
        for term in self.terms:
            if term.family != "flat":
                said, _, name = str(term).rpartition(" on ")
                groups.setdefault(said, []).append(name)
        found = [f"{said} on {listing(names)}" for said, names in groups.items()]
        return names_in(SCREEN, found) or "flat"


def _short(number: float, digits: int = 3) -> str:
    """With so many significant digits, and no exponent below a million."""
    return f"{float(f'{number:.{digits}g}'):.6g}"


def prior_of_density(
    names: Sequence[str],
    beta: Array,
    log_prior: Array,
    tolerance: float,
    transforms: Sequence[tuple[Sequence[str], Array]] = (),
    families: bool = True,
) -> Prior | None:
    """Prior whose logarithm these values are, apart from a constant, to within `tolerance`.

    Parameters
    ----------
    names : sequence of str (k,)
    beta : ndarray (d, k)
    log_prior : ndarray (d,)
    tolerance : float
        What rounding may have done to each, in nats.
    transforms : sequence of (names, ndarray (k, k))
        Other coordinates in which the prior may be of independent coefficients.
    families : bool
        Whether others than normal distributions are sought, which takes a second or more.

    Returns
    -------
    Prior or None
        None where it is none of the usual ones.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.auditing.draws.priors import prior_of_density
    >>> beta = np.random.default_rng(1).normal(size=(200, 2))
    >>> log_prior = -beta[:, 1] ** 2 / (2 * 2.5**2) - 7
    >>> str(prior_of_density(("a", "b"), beta, log_prior, 1e-9))
    'normal(0, 2.5) on b'
    """
    d = log_prior - log_prior.mean()
    k = len(names)
    own = np.eye(k)
    if np.ptp(d) / 2 <= tolerance:
        return Prior(
            terms=tuple(PriorTerm(name=name, family="flat") for name in names),
            transform=own,
            exact=True,
            left=float(np.ptp(d) / 2),
        )
    places = [(tuple(names), own), *((tuple(n), t) for n, t in transforms)]
    for centred in (True, False):  # at zero first, where priors usually are
        if (1 if centred else 2) * k * LEAST_PER_TERM > len(d):
            return None
        for find in (_normal, _of_families) if families else (_normal,):
            for labels, transform in places:
                theta = beta @ transform.T
                found = find(_Sought(labels, transform, theta, d, tolerance, centred))
                if found is not None:
                    return found
    return None


class _Sought(NamedTuple):
    """A log-prior, and the coordinates in which it may be of independent coefficients."""

    names: Sequence[str]
    transform: Array  # (k, k)
    theta: Array  # (d, k), the coordinates
    d: Array  # (d,), its logarithm there
    tolerance: float
    centred: bool  # whether priors are at 0

    def found(self, terms: Sequence[PriorTerm], left: float) -> Prior:
        """The prior of these terms."""
        return Prior(
            terms=tuple(terms),
            transform=self.transform,
            exact=True,
            left=left,
            numbers=(1 if self.centred else 2) * len(self.names),
        )


def _normal(sought: _Sought) -> Prior | None:
    """Independent normal distributions, by least squares."""
    names, _, theta, d, tolerance, centred = sought
    k = len(names)
    mean, sd = (np.zeros(k) if centred else theta.mean(axis=0)), theta.std(axis=0)
    z = (theta - mean) / sd
    columns = [np.ones(len(d)), *np.square(z).T, *(() if centred else z.T)]
    design = np.column_stack(columns)
    found = np.linalg.lstsq(design, d, rcond=None)[0]
    left = float(np.abs(d - design @ found).max())
    if left > tolerance:
        return None
    terms = []
    for j, name in enumerate(names):
        bend = found[1 + j]
        slant = 0.0 if centred else found[1 + k + j]
        share = bend * z[:, j] ** 2 + slant * z[:, j]
        if np.ptp(share) <= NEAR_FLAT * tolerance:
            terms.append(PriorTerm(name=name, family="flat"))
            continue
        if bend >= 0:
            return None
        scale = sd[j] / math.sqrt(-2 * bend)
        location = float(mean[j] + slant * scale**2 / sd[j])
        terms.append(PriorTerm(name=name, family="normal", location=location, scale=float(scale)))
    return sought.found(terms, left)


def _of_families(sought: _Sought) -> Prior | None:
    """One family for all coefficients, then others one by one, by nonlinear least squares."""
    names, _, theta, d, tolerance, centred = sought
    k = len(names)
    if not _additive(theta, d):
        return None
    some = slice(None, None, max(1, len(d) // MOST_FITTED))
    best: tuple[float, tuple[str, ...]] = (math.inf, ())
    tried = set()

    def attempt(chosen: tuple[str, ...]) -> Prior | None:
        nonlocal best
        if chosen in tried:
            return None
        tried.add(chosen)
        left, numbers = _fitted(chosen, theta[some], d[some] - d[some].mean(), centred)
        best = min(best, (left, chosen))
        if left > tolerance:
            return None
        left = _left(chosen, theta, d, numbers)
        if left > tolerance:
            return None
        return _prior(sought, chosen, numbers, left)

    for family in FAMILIES[1:]:
        for first in dict.fromkeys((family, "normal", "flat")):
            if (found := attempt((first, *(family,) * (k - 1)))) is not None:
                return found
    if k > MOST_FOR_SHAPES or not centred or best[0] > MOST_LEFT * np.ptp(d):
        return None
    for _ in range(2):  # rounds, each of which may change every coefficient's family
        before = best
        for j in range(k):
            for family in ("flat", *FAMILIES):
                if (found := attempt((*best[1][:j], family, *best[1][j + 1 :]))) is not None:
                    return found
        if best == before:
            break
    return None


def _additive(theta: Array, d: Array) -> bool:
    """Whether polynomials, one of each coefficient, explain most of these values."""
    z = (theta - theta.mean(axis=0)) / theta.std(axis=0)
    columns = np.column_stack([np.ones(len(d)), *(z**power for power in range(1, 6))])
    if len(d) < 2 * columns.shape[1]:
        return False
    scale = np.sqrt(np.square(columns).sum(axis=0))
    fitted = columns @ (np.linalg.lstsq(columns / scale, d, rcond=None)[0] / scale)
    return bool(np.var(d - fitted) < MOST_UNEXPLAINED * np.var(d))


def _left(families: Sequence[str], theta: Array, d: Array, numbers: Array) -> float:
    """Half the range of what these densities leave over."""
    each = (_log_density(f, theta[:, j], numbers[:, j])[0] for j, f in enumerate(families))
    return float(np.ptp(d - sum(each))) / 2


def _fitted(families: Sequence[str], theta: Array, d: Array, centred: bool) -> tuple[float, Array]:
    """Largest residual of the best fit, and location, log scale and log freedom (3, k) of it."""
    k = theta.shape[1]
    free = np.zeros((3, k), dtype=bool)
    for j, family in enumerate(families):
        free[:, j] = (
            family != "flat" and not centred,
            family != "flat",
            family == "Student t",
        )
    spread = np.sqrt(np.square(theta).mean(axis=0))
    best, numbers = math.inf, np.zeros((3, k))
    if not free.any():
        return float(np.abs(d).max()), numbers
    for times in (1.0, 10.0):
        start = np.vstack([np.zeros(k), np.log(times * spread), np.full(k, math.log(4.0))])

        def residual(values: Array, start: Array = start) -> Array:
            at = start.copy()
            at[free] = values
            total = sum(_log_density(f, theta[:, j], at[:, j])[0] for j, f in enumerate(families))
            return np.asarray(total - np.mean(total) - d)

        def jacobian(values: Array, start: Array = start) -> Array:
            at = start.copy()
            at[free] = values
            every = np.stack(
                [_log_density(f, theta[:, j], at[:, j])[1] for j, f in enumerate(families)], axis=1
            )  # (3, k, d)
            chosen = every[free].T
            return np.asarray(chosen - chosen.mean(axis=0))

        with np.errstate(all="ignore"):
            try:
                found = least_squares(
                    residual,
                    start[free],
                    jac=jacobian,
                    x_scale="jac",
                    ftol=1e-15,
                    xtol=1e-15,
                    gtol=1e-15,
                    max_nfev=50,
                )
            except ValueError:  # a residual that is not finite
                continue
        left = float(np.abs(found.fun).max())
        if left < best:
            best, numbers = left, start.copy()
            numbers[free] = found.x
    return best, numbers


def _log_density(family: str, values: Array, at: Array) -> tuple[Array, Array]:
    """Log-density, apart from a constant, and its derivatives (3, d) in what `at` holds."""
    location, scale = at[0], math.exp(min(at[1], 300.0))
    u = (values - location) / scale
    nothing = np.zeros_like(u)
    if family == "flat":
        return nothing, np.stack([nothing] * 3)
    if family == "normal":
        return -u * u / 2, np.stack([u / scale, u * u, nothing])
    if family == "Laplace":
        return -np.abs(u), np.stack([np.sign(u) / scale, np.abs(u), nothing])
    nu = 1.0 if family == "Cauchy" else math.exp(min(at[2], 300.0))
    q = u * u / nu
    log = np.log1p(q)
    pull = (nu + 1) / (1 + q)
    by_freedom = -nu / 2 * log + pull * q / 2
    return (
        -(nu + 1) / 2 * log,
        np.stack([pull * u / (nu * scale), pull * q, by_freedom]),
    )


def _prior(sought: _Sought, families: Sequence[str], numbers: Array, left: float) -> Prior:
    names, _, theta, _, tolerance, centred = sought
    terms = []
    for j, (name, family) in enumerate(zip(names, families, strict=True)):
        at = numbers[:, j]
        share = _log_density(family, theta[:, j], at)[0]
        if np.ptp(share) <= NEAR_FLAT * tolerance:
            terms.append(PriorTerm(name=name, family="flat"))
            continue
        freedom = math.exp(at[2]) if family == "Student t" else math.inf
        if family == "Student t" and freedom > LARGEST_FREEDOM:
            family = "normal"
        if family == "Student t" and abs(freedom - 1) < SNAP:
            family = "Cauchy"
        terms.append(
            PriorTerm(
                name=name,
                family=family,
                location=0.0 if centred else float(at[0]),
                scale=math.exp(at[1]),
                freedom=1.0 if family == "Cauchy" else freedom,
            )
        )
    return sought.found(terms, left)


def prior_of_score(
    names: Sequence[str],
    transform: Array,
    draws: Array,
    score: Array,
    centre: Array,
    family: str,
    length: int,
    common: bool = False,
    but: Sequence[int] = (),
    least_p: float = 0.0,
) -> Prior | None:
    """Scales of independent priors at zero by Stein's identity, from the score of each draw.

    Parameters
    ----------
    names : sequence of str (k,)
    transform : ndarray (k, k)
        As in `Prior`.
    draws, score : ndarray (chains, n, k)
        Of the coefficients themselves.
    centre : ndarray (k,)
        Near the draws.
    family : str
    length : int
        Draws in a batch.
    common : bool
        Whether all have one scale.
    but : sequence of int
        Coordinates whose prior is flat.
    least_p : float
        Below which the errors of the scales are not computed.

    Returns
    -------
    Prior or None
        With the p-value of the identities that are left over; None where these say nothing.
    """
    k = len(names)
    theta, own = draws @ transform.T, score @ np.linalg.inv(transform)
    near = centre @ transform.T
    sd = theta.std(axis=(0, 1))
    moved = (theta - near) / sd
    with_prior = [j for j in range(k) if j not in but]
    groups = [with_prior] if common else [[j] for j in with_prior]
    size = np.sqrt(np.square(theta).mean(axis=(0, 1)))

    def terms(log_scale: Array) -> tuple[PriorTerm, ...]:
        scale = np.full(k, math.inf)
        for group, value in zip(groups, np.exp(np.clip(log_scale, -50, 50)), strict=True):
            scale[group] = value
        return tuple(
            PriorTerm(name=name, family=family, scale=float(scale[j]), freedom=_freedom(family))
            if j in with_prior
            else PriorTerm(name=name, family="flat")
            for j, name in enumerate(names)
        )

    def means(pull: Array, divergence: float) -> Array:
        """Batch means (m, 2 k) of this pull (chains, n, k) towards 0, and of it times the place."""
        pull = pull * sd
        return batch_means(np.concatenate([pull, divergence + moved * pull], axis=-1), length)

    def identities(log_scale: Array) -> Array:
        """Batch means (m, 2 k) whose expectation is 0 under this prior."""
        slopes = [term.slope(theta[..., j]) for j, term in enumerate(terms(log_scale))]
        return means(own + np.stack(slopes, axis=-1), 1.0)

    def by_log_scale(log_scale: Array) -> Array:
        """Derivatives (m, 2 k, scales) of the identities."""
        prior = terms(log_scale)
        each = [term.slope_by_log_scale(theta[..., j]) for j, term in enumerate(prior)]
        bent = means(np.stack(each, axis=-1), 0.0)
        held = np.zeros((2 * k, len(groups)))
        for column, group in enumerate(groups):
            held[[*group, *(k + j for j in group)], column] = 1.0
        return bent[..., None] * held

    start = np.array([math.log(float(np.mean(size[group]))) for group in groups])
    m = len(identities(start))
    left_over = 2 * k - len(groups)
    if m <= 2 * k + 2 or left_over < 1:
        return None

    def solved(use: NDArray[np.intp], begin: Array, rounds: int) -> tuple[Array, float] | None:
        """Log scales by the identities of these batches, and what these leave over."""
        root, best = np.eye(2 * k), begin
        for _ in range(rounds):  # with the weights of the solution before

            def weighted(log_scale: Array, root: Array = root) -> Array:
                return np.asarray(root @ identities(log_scale)[use].mean(axis=0))

            def slopes(log_scale: Array, root: Array = root) -> Array:
                return np.asarray(root @ by_log_scale(log_scale)[use].mean(axis=0))

            best = least_squares(weighted, best, slopes).x
            covariance = np.cov(identities(best)[use], rowvar=False) / len(use)
            try:
                root = np.linalg.inv(np.linalg.cholesky(covariance))
            except np.linalg.LinAlgError:
                return None
        return best, float(np.sum(np.square(weighted(best, root))))

    everything = np.arange(m)
    found = solved(everything, start, 3)
    if found is None:
        return None
    best, statistic = found
    scaled = statistic * (m - left_over) / (left_over * (m - 1))
    p = float(f_distribution.sf(scaled, left_over, m - left_over))
    errors = np.zeros(k)
    if p >= least_p:
        # by the jackknife: the weights are estimates too, from few batches
        again = [
            solved(np.delete(everything, part), best, 2)
            for part in np.array_split(everything, JACKKNIFE)
        ]
        logs = np.array([each[0] for each in again if each is not None])
        g = len(logs)
        spread = np.sqrt((g - 1) / g * np.square(logs - logs.mean(axis=0)).sum(axis=0))
        for group, error in zip(groups, spread * np.exp(best), strict=True):
            errors[group] = error
    fitted = tuple(
        term
        if term.family == "flat"
        else replace(term, scale=_rounded(term.scale, errors[j]), scale_error=float(errors[j]))
        for j, term in enumerate(terms(best))
    )
    return Prior(terms=fitted, transform=transform, exact=False, p=p, numbers=len(groups))


def _freedom(family: str) -> float:
    return 1.0 if family == "Cauchy" else 4.0 if family == "Student t" else math.inf


def _rounded(value: float, error: float) -> float:
    """To the second digit of its error."""
    if not (error > 0 and math.isfinite(error) and math.isfinite(value)):
        return value
    return round(value, 1 - math.floor(math.log10(error)))
