"""Newton's method and its certificate in the coordinates of a `Basis`.

As `flatprior.models.iterations` and `flatprior.models.certificate` have them, and with the same
theorem; what differs is that no matrix of all coefficients is formed. The rounding of sums by level
is bounded by the inequality of Cauchy and Schwarz within each level, so that their number does not
enter the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from flatprior.models.codes.descent import LARGE, descended
from flatprior.models.codes.inverse import Inverse
from flatprior.models.codes.passes import Facts, SumsInBatches
from flatprior.models.codes.sums import AnySums, Score, Sums, by_level, information_of, score_of
from flatprior.models.common.arrays import EPSILON, SMALLEST, UNIT, Array
from flatprior.models.direction_bounds import ROW_ULPS, SLACK

MAX_ITERATIONS = 50
MOST_FROM_THERE = 5  # where conjugate gradients came near the MLE, or there is none
UNCHANGED = 2e-9  # relative change of the information by the last step: twice that of errors
NEARLY = 1e-6  # likewise, where steps no longer become shorter, because the score is rounded
FASTER = 4  # by which they do otherwise, at least
EVERY, ROWS_A_COLUMN = 8, 25  # one row in so many makes a first step, if they are so many
# more steps with the same information, while each shrinks the score by so much: in memory a score
# costs half of what both do, and where cross tables are large a small part of it
CHORD_STEPS, SHRUNK = 3, 4
SUFFICIENT = 1e-4  # Armijo's constant
SMALLEST_STEP = 2.0**-40
FEW_A_LEVEL = 30.0  # rows drawn of a level, from which its own rate is more than noise
WELL_WHITENED = 1e-6  # departure of whitened columns, rounding included, from orthonormal ones
LARGEST_PRODUCT = LARGEST_DEPARTURE = 0.5  # as in `flatprior.models.certificate`
# whitened length of the columns' sizes, whose square is what rounding of standard errors grows by:
# with more they lose digits that columns written out would keep, which few numbers soon are
LARGEST_SPREAD, LARGEST_OF_FEW, FEW = 1e4, 1e3, 2**15


@dataclass(frozen=True, eq=False)
class Place:
    """Coefficients in our coordinates, and what the rows say of them."""

    alpha: Array
    theta: Array
    score: Score
    inverse: Inverse

    @property
    def pull(self) -> tuple[Array, Array]:
        """The score, whitened."""
        return self.inverse.whitened(self.score)


@dataclass(frozen=True, eq=False)
class Bound:
    """What the theorem says of a place; lengths are in its standard errors.

    Attributes
    ----------
    decrement, radius, distance : float
        Newton decrement, R, and how far the MLE may be; rounding included.
    departure, rounding : float
        How far the whitened information may be from the identity, and the score from what it is.
    row_error, sum_error : float
        Relative, of a row's residual and of any sum.
    spread : float
        Whitened length of the sizes of the columns.
    """

    decrement: float
    radius: float
    distance: float
    departure: float
    rounding: float
    row_error: float
    sum_error: float
    spread: float

    @property
    def shrink(self) -> float:
        """What a computed length is at least of what it is."""
        return math.sqrt(1 - self.departure)


def length(*parts: Array) -> float:
    """Euclidean norm of vectors, one behind the other."""
    return math.sqrt(sum(float(part @ part) for part in parts))


def eta_error(sums: AnySums, alpha: Array, theta: Array) -> float:
    """Bound on the error of the logarithm of a residual or curvature, from linear predictors."""
    d = len(sums.basis.kept)
    terms = d + len(sums.basis.others) + sums.fullest_row + 3
    size = float(sums.extent @ np.abs(theta[:d]))
    size += float(np.abs(alpha).max(initial=0.0))
    size += SLACK * sums.largest_in_row(np.abs(theta[sums.basis.theta_of_sparse]))
    size += sum(float(np.abs(theta[p]).max(initial=0.0)) for p in sums.basis.theta_of_levels)
    size += sums.rows.extent_of_offset
    # a centred number has a rounding of its own
    with np.errstate(over="ignore"):  # nothing is known then
        return float(np.expm1((terms + 2) * UNIT * size))


def bound_at(sums: AnySums, place: Place) -> Bound | None:
    """The theorem at a place; None where the information cannot be trusted."""
    inverse, score = place.inverse, place.score
    n, n_levels, q = sums.rows.n_rows, sums.basis.n_levels, len(place.theta)
    spread = SLACK * inverse.spread(sums.fullest_row)
    few = n * (n_levels + q) < FEW
    most = LARGEST_OF_FEW if few else LARGEST_SPREAD
    if spread > most and not sums.rows.too_large_to_write_out:
        return None
    row_error = eta_error(sums, place.alpha, place.theta) + ROW_ULPS
    of_levels, of_rest = ((n + 16) * UNIT for n in (sums.longest_of_levels, sums.longest_sum))
    sum_error = max(of_levels, of_rest)
    departure = departure_of(sums, inverse, row_error)
    if not departure < LARGEST_DEPARTURE:
        return None
    shrink = math.sqrt(1 - departure)
    pull = place.pull
    # rounding of the score, of its sums, and of what is made of them
    arithmetic = (n_levels + q + 8) * UNIT
    rest = np.abs(score.rest) + np.abs(score.main) @ np.abs(inverse.shares)
    rounding = SLACK * (
        math.sqrt(score.odds) * (row_error + (of_levels * (1 + spread) + of_rest * spread) / shrink)
        + math.sqrt(n * SMALLEST) * (1 + 2 * spread) / shrink
        + arithmetic * (length(inverse.lengthened(rest)) + length(pull[0])) / shrink
    )
    decrement = length(*pull) / shrink + rounding
    radius = SLACK * reach(sums, inverse) / shrink
    product = decrement * radius
    if not product <= LARGEST_PRODUCT:
        return Bound(decrement, radius, math.inf, departure, rounding, row_error, sum_error, spread)
    distance = -math.log1p(-product) / radius
    return Bound(decrement, radius, distance, departure, rounding, row_error, sum_error, spread)


def departure_of(sums: AnySums, inverse: Inverse, row_error: float) -> float:
    """How far the whitened information may be from the identity, by rounding."""
    n_levels = sums.basis.n_levels
    spread, n = SLACK * inverse.spread(sums.fullest_row), sums.rows.n_rows
    if not inverse.least > n * SMALLEST:  # of which underflow may have taken a part
        return math.inf
    table_error = row_error + (n + 16) * UNIT
    departure = inverse.rounding + table_error * (1 + 2 * spread) ** 2
    return departure + (2 * n_levels + 8) * UNIT * spread**2


def reach(sums: AnySums, inverse: Inverse) -> float:
    """Bound on the largest standard error of a row's linear predictor, offset aside.

    A row differs from its level's mean by no more than twice the extent of each number, in every
    other factor by the difference of two points among its levels, and in sparse columns by no more
    than what it has there and what the mean has.
    """
    d = len(sums.basis.kept)
    errors = inverse.absolute.lengths
    rest = 2 * length(sums.extent @ np.abs(inverse.inverse_root[:d]))
    for place in sums.basis.theta_of_levels:
        rest += 2 * float(errors[place].max(initial=0.0))
    own = sums.basis.theta_of_sparse
    if own.start < own.stop:
        rest += sums.largest_in_row(errors[own])
        rest += float((np.abs(inverse.shares[:, own]) @ errors[own]).max(initial=0.0))
    return math.sqrt((1 / inverse.levels).max(initial=0.0) + rest**2)


@dataclass(frozen=True, eq=False)
class Fit:
    """Where Newton's method ended.

    Attributes
    ----------
    beta : ndarray (k,)
        The user's coefficients.
    log_likelihood, log_likelihood_error : float
    origin : Place
        Where the last step was taken from.
    bound : Bound
        There.
    error_bound : float
        Standard errors, those at the origin, that the coefficients may be from the MLE.
    n_iterations : int
    """

    beta: Array
    log_likelihood: float
    log_likelihood_error: float
    origin: Place
    bound: Bound
    error_bound: float
    n_iterations: int


def facts_of(sums: SumsInBatches) -> Facts:
    """What holds of the rows at any coefficients: a pass finds it that Newton's method needs."""
    if not sums.has_passed:
        with np.errstate(all="ignore"):
            sums.at(*start(sums))
    return sums.facts


def place_at(sums: AnySums, alpha: Array, theta: Array) -> Place | None:
    """What the rows say of coefficients; None where the information is not positive definite."""
    score, information = sums.at(alpha, theta)
    inverse = Inverse.of(sums.basis, information())
    return None if inverse is None else Place(alpha, theta, score, inverse)


def columns_are_independent(sums: AnySums) -> bool:
    """Whether it is proved that the design has as many dimensions as columns."""
    here = place_at(sums, np.zeros(sums.basis.n_levels), np.zeros(len(sums.basis.columns)))
    return here is not None and bound_at(sums, here) is not None


def inverse_as_held(sums: AnySums, beta: Array | None) -> Inverse | None:
    """The inverse information in the curvature at coefficients, or w / 4 without them.

    None where it is not proved that rounding leaves most of it.
    """
    with np.errstate(all="ignore"):
        if beta is None:
            inverse = Inverse.of(sums.basis, sums.flat())
            here = None if inverse is None else departure_of(sums, inverse, ROW_ULPS)
        else:
            place = place_at(sums, *sums.basis.coordinates(beta))
            inverse = None if place is None else place.inverse
            here = (
                None
                if place is None
                else departure_of(
                    sums, place.inverse, eta_error(sums, place.alpha, place.theta) + ROW_ULPS
                )
            )
        if inverse is None or here is None or not here < WELL_WHITENED:
            return None
        return inverse


def start(sums: AnySums) -> tuple[Array, Array]:
    """Where to begin: in batches near the MLE of the rows that the survey drew; made once."""
    if isinstance(sums, Sums):
        return _stepped(sums, *at_rates(sums))
    assert isinstance(sums, SumsInBatches)  # noqa: S101
    kept = vars(sums)
    if "_start" not in kept:
        near = fit_as_held(sums.sample)
        kept["_start"] = (
            at_rates(sums.sample, FEW_A_LEVEL)
            if near is None
            else sums.basis.coordinates(near.beta)
        )
    found: tuple[Array, Array] = kept["_start"]
    return found


def at_rates(sums: Sums, alike: float = 1.0) -> tuple[Array, Array]:
    """Levels at their own rates, drawn towards that of all rows; the rest at 0.

    As if there were as many more observations `alike` in each level.
    """
    levels, rows = sums.basis.levels, sums.rows
    theta = np.zeros(len(sums.basis.columns))
    if rows.has_offset:
        return np.zeros(levels.n_levels), theta
    weights = np.ones(rows.n_rows) if rows.weights is None else rows.weights
    counts = by_level(levels.codes, weights, levels.n_levels)
    events = rows.response if rows.weights is None else rows.response * rows.weights
    of_level = by_level(levels.codes, events, levels.n_levels)
    rate = float(events.sum() / weights.sum())
    shrunk = (of_level + alike * rate) / (counts + alike)
    if not 0 < rate < 1:
        return np.zeros(levels.n_levels), theta
    return np.log(shrunk / (1 - shrunk)), theta


def _stepped(sums: Sums, alpha: Array, theta: Array) -> tuple[Array, Array]:
    """A first step from the levels' rates, by one row in `EVERY`, where these say enough.

    At their rates, those of all rows, nothing pulls at the levels but what the other columns move.
    """
    rows, basis = sums.rows, sums.basis
    most = max(basis.n_levels, len(theta))
    if rows.has_offset or sums.sparse is not None or rows.n_rows < EVERY * ROWS_A_COLUMN * most:
        return alpha, theta
    some = sums.part(slice(None, None, EVERY))
    score, curvature = score_of(basis, some, alpha, theta)
    inverse = Inverse.of(basis, information_of(basis, some, curvature))
    if inverse is None:
        return alpha, theta
    step = inverse.step(inverse.whitened(replace(score, main=np.zeros_like(alpha))))
    if not (np.isfinite(step[0]).all() and np.isfinite(step[1]).all()):
        return alpha, theta
    return alpha + step[0], theta + step[1]


def fit_as_held(sums: AnySums) -> Fit | None:
    """The MLE with its certificate; None where it is not proved, for whatever reason."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        alpha, theta = start(sums)
        steps, most = 0, MAX_ITERATIONS
        if isinstance(sums, Sums) and len(theta) >= LARGE:
            (alpha, theta, steps), most = descended(sums, alpha, theta), MOST_FROM_THERE
        here, before = place_at(sums, alpha, theta), math.inf
        for iteration in range(1, most + 1):
            if here is None:
                return None
            pull = here.pull
            decrement = length(*pull)
            step = here.inverse.step(pull)
            radius = reach(sums, here.inverse)
            if not math.isfinite(decrement + radius):
                return None
            change = decrement * radius
            if change <= UNCHANGED or before < FASTER * change <= FASTER * NEARLY:
                return _ended(sums, here, step, steps + iteration)
            before = change
            here = _further(sums, here, step, decrement, radius)
    return None


def _further(
    sums: AnySums, here: Place, step: tuple[Array, Array], decrement: float, radius: float
) -> Place | None:
    """The first of the lengths 1, 1/2, 1/4, ... that raises the log-likelihood enough.

    In memory a good step is followed by some with the same information (chord steps).
    """
    noise = EPSILON * (16 + 64 * abs(here.score.log_likelihood))
    size = 1.0
    while size >= SMALLEST_STEP:
        alpha, theta = here.alpha + size * step[0], here.theta + size * step[1]
        score, information = sums.at(alpha, theta)
        rise = score.log_likelihood - here.score.log_likelihood
        if rise >= SUFFICIENT * size * decrement**2 - noise:
            for _ in range(CHORD_STEPS if isinstance(sums, Sums) and size == 1 else 0):
                pull = here.inverse.whitened(score)
                left = length(*pull)
                if not (left * SHRUNK < decrement and left * radius > UNCHANGED):
                    break
                more = here.inverse.step(pull)
                there = alpha + more[0], theta + more[1]
                found, also = sums.at(*there)
                if not found.log_likelihood >= score.log_likelihood - noise:
                    break
                (alpha, theta), score, information, decrement = there, found, also, left
            inverse = Inverse.of(sums.basis, information())
            return None if inverse is None else Place(alpha, theta, score, inverse)
        size /= 2
    return None


def _ended(sums: AnySums, here: Place, step: tuple[Array, Array], iteration: int) -> Fit | None:
    """The last step, which leaves nothing that could be seen, and what is proved of it."""
    bound = bound_at(sums, here)
    if bound is None or not math.isfinite(bound.distance):
        return None
    alpha, theta = here.alpha + step[0], here.theta + step[1]
    beta = sums.basis.beta(alpha, theta)
    radius, rho = bound.radius, bound.distance
    t = radius * rho
    remainder = t * t / 2 * math.exp(t) / radius  # what a Newton step leaves
    remainder += bound.rounding + 2 * bound.departure * bound.decrement
    remainder += SLACK * _adding(sums, here, step, alpha, theta, beta)
    if not radius * remainder <= LARGEST_PRODUCT:
        return None
    score = here.score
    rise = float(score.main @ step[0] + score.rest @ step[1]) / 2
    left = math.expm1(radius * remainder) / radius
    log_likelihood_error = SLACK * (
        (2 * rho + left) * remainder
        + abs(score.log_likelihood) * (bound.row_error + ROW_ULPS + bound.sum_error)
        + sums.rows.n_rows * SMALLEST
    )
    return Fit(
        beta, score.log_likelihood + rise, log_likelihood_error, here, bound, remainder, iteration
    )


def _adding(
    sums: AnySums,
    here: Place,
    step: tuple[Array, Array],
    alpha: Array,
    theta: Array,
    beta: Array,
) -> float:
    """Rounding of the step, of adding it, and of the way back to the user's coefficients."""
    inverse = here.inverse
    levels, size = np.sqrt(inverse.levels), inverse.sizes
    q = len(theta)
    change = float(inverse.absolute.columns @ np.abs(here.pull[1]))
    of_step = (2 * q + 8) * UNIT * (length(here.pull[0]) + 2 * change)
    of_sum = UNIT * (length(levels * alpha) + float(size @ np.abs(theta)))
    back = sums.basis.rounding(beta) * math.sqrt(float(inverse.levels.sum()))
    return of_step + of_sum + back
