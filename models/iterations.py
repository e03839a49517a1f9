"""Damped Newton iterates, in coordinates that the units of the columns do not touch.

The iterates do not depend on how columns are scaled or combined. The Newton decrement is in
standard errors and says when to stop: when the next step leaves nothing that could be seen, or when
rounding no longer lets the decrement halve. A relative change of the log-likelihood says nothing
below sqrt(eps).

Passes over the rows are what costs, and most of a pass is the information matrix. So on many rows
the iteration starts at the MLE of a sample of them; and a step far smaller than the distance over
which the information changes is taken with an old information (a chord step, which needs the score
alone). Where columns are nearly dependent sums are formed in columns Z = X T in which the
information of the step before is the identity; elsewhere in the columns as they are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

import numpy as np
from scipy.linalg.lapack import dposv, dpotrf, dtrtri

from flatprior.models.common.arrays import EPSILON, SMALLEST, Array
from flatprior.models.common.parallel import found_once
from flatprior.models.covariance.whitening import graded_whitening, whitening
from flatprior.models.likelihood import Moments, moments, row_terms, total_log_likelihood
from flatprior.models.rows import ArrayRows, Block, Extent, MappedRows, Rows, added

MAX_ITERATIONS = 100  # on overlapping data 4 to 20 are needed; on separated ones it never ends
NEGLIGIBLE = 1e-13  # a decrement, in standard errors, that rounding makes up on its own
# a decrement, in units of 1 / R, from which a full step is sure to shrink it: R, the largest
# standard error of a row's linear predictor, says over what distance the information changes
NEAR = 0.1
HIDDEN = 1e-9  # standard errors; what is so near the end and not NEAR has no common scale
SETTLED = (
    1e-6  # in units of 1 / R; such a decrement is rounding in every direction, of whatever scale
)
TINY = 1e-4  # standard errors; so near the end a bound on R that is too large need not do
CLOSE = 1e-6  # standard errors; half its square is missing from the log-likelihood
SUFFICIENT = 1e-4  # Armijo's constant
SMALLEST_STEP = 2.0**-100  # weights of all sizes can ask for steps of 2^-60
MILD_OFFSET = 4.0  # offsets of this size leave every row some curvature
# of the information, its diagonal made 1: rounding costs as many digits of standard errors, and
# sums in columns as they are a tenth of those that are whitened first
MILD_CONDITION = 1e6

MANY = 2**15  # numbers in the design from which a sample of the rows is fitted first
FEW = 2**17  # numbers in the design up to which full steps are taken on all rows from the first
NARROW = 16  # columns, up to which BLAS multiplies matrices faster than one by its own transpose
SAMPLED = 32  # of so many rows one is in the sample
LARGEST_SAMPLE = 2**22  # numbers in its design
ROWS_A_COLUMN = 25  # a smaller sample is too often separated, or its MLE too far away
CHORD_STEPS = 3  # as many score passes cost about as much as the information that they replace
# the relative change of the information by the last step, which is not computed anew; the smaller
# where it costs next to nothing
UNCHANGED, EXACTLY = 1e-6, 1e-12
ROUGHLY = 0.1  # standard errors a column
MOST_OF_FEW = 12  # full steps, where rows are few
OVERSHOT = 0.1  # of the slope at the start of a step, downwards at its end
A_STAGE = (
    10  # iterates in pursuit of a coefficient that hangs on hardly anything, while offsets grow
)
A_LITTLE = 1e-3  # of a linear predictor: what does not change a row's residual
MOST_HALVINGS = 12  # of such iterates' steps, in all
FAR, LONGEST = 5.0, 200.0  # steps, each of which changes a column's information by its own size
START_ITERATIONS = 25  # from the MLE of a sample; where they do not suffice it has misled


@dataclass(frozen=True, eq=False)
class Iterate:
    """One iterate of Newton's method.

    Attributes
    ----------
    coefficients : ndarray (k,)
    log_likelihood : float
    decrement : float
        Newton decrement, in standard errors.
    step : ndarray (k,)
        The full Newton step from here.
    """

    coefficients: Array
    log_likelihood: float
    decrement: float
    step: Array


@dataclass(frozen=True, eq=False)
class Stationary(Iterate):
    """The last iterate, on which no step improves.

    Attributes
    ----------
    step : ndarray (k,)
        The one that led here, or would not lead further.
    last_step : LastStep or None
        Where no pass over the rows was spent on the coefficients; then `decrement` and the
        log-likelihood are what they were before the step, the latter with its expected rise.
    """

    last_step: LastStep | None = None


class _Passed(Iterate):
    """An iterate of few rows, whose log-likelihood is summed when it is asked for."""

    def __init__(self, rows: Rows, coefficients: Array, decrement: float, step: Array) -> None:
        vars(self).update(rows=rows, coefficients=coefficients, decrement=decrement, step=step)

    @found_once
    def log_likelihood(self) -> float:
        """At the coefficients."""
        return total_log_likelihood(vars(self)["rows"], self.coefficients)


@dataclass(frozen=True, eq=False)
class LastStep:
    """Where the last step was taken from (k,), the sums there, and what whitens the information."""

    origin: Array
    moments: Moments
    white: Array


def iterates(rows: Rows, start: Array | None = None, roughly: bool = False) -> Iterator[Iterate]:
    """Yield the iterates of damped Newton; none where dependent columns are seen to be so.

    Without a `start` (k,) they begin at zero, at the MLE of a sample of many rows, or where large
    offsets lead to. With `roughly` they end where the last step is small beside the sampling error.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        if start is None and _are_few(rows):
            for iterate in _of_few(rows, roughly):
                yield iterate
                if isinstance(iterate, Stationary):
                    return
                start = iterate.coefficients
        elif start is None:
            for iterate in _from_a_sample(rows, roughly):
                yield iterate
                if isinstance(iterate, Stationary):
                    return
        if start is None:
            # the sample was none, or misled: the iteration begins anew as if there were none
            start = np.zeros(rows.n_columns)
            if rows.has_offset:
                transform = whitening(rows)
                found = None if transform is None else _start(rows, transform, roughly)
                if found is None:
                    return
                start = found
        yield from _newton(rows, start, roughly)


def last_iterate(rows: Rows, start: Array | None = None, roughly: bool = False) -> Iterate | None:
    """Where the iterates end, converged or not; None where dependent columns are seen to be so.

    Rows without columns have one place, where all that there is of a likelihood is that of offsets.
    """
    if not rows.n_columns:
        none = np.zeros(0)
        return Stationary(none, total_log_likelihood(rows, none), 0.0, none)
    *_, last = [None, *iterates(rows, start, roughly)]
    return last


def maximum(rows: Rows, start: Array | None = None) -> Iterate | None:
    """The last iterate, or None where its log-likelihood is not the maximum to twelve digits."""
    last = last_iterate(rows, start)
    if last is None or (last_step_of(last) is None and last.decrement > CLOSE):
        return None
    return last


def last_step_of(last: Iterate | None) -> LastStep | None:
    """The step that ended the iteration without a pass over the rows, if one did."""
    return last.last_step if isinstance(last, Stationary) else None


def _from_a_sample(rows: Rows, roughly: bool) -> Iterator[Iterate]:
    """Yield the iterates from the MLE of a sample of many rows, as long as they lead somewhere.

    None where rows are few, where the sample has no MLE or its columns are nearly dependent, or
    where its MLE is worse than zero, and not near that of all rows: a column may hold values a
    thousand times those of the sample.
    """
    sample = sample_of(rows)
    if sample is None:
        return
    last = last_iterate(sample, roughly=True)
    step = last_step_of(last)
    if last is None or step is None:
        return
    beta = last.coefficients
    here, at_zero = rows.reduce(
        lambda block: (moments(block, beta, score_only=rows.resident), _zero(block)), _both
    )
    if not (here.log_likelihood >= at_zero or _is_near(rows, beta, here)):
        return
    # Where rows are resident the score there is taken with the sample's information: that of m rows
    # is off by a relative sqrt(k / m) or two, which is how much a step with it leaves.
    metric, rate = None, 2 * math.sqrt(rows.n_columns / sample.n_rows)
    if rows.resident:
        metric = _metric(step.moments.information, rows.extent)
        if metric is None:
            return
        metric = metric.scaled(sample.n_rows / rows.n_rows)
    yield from itertools.islice(
        _newton(rows, beta, roughly, here=here, metric=metric, rate=rate), START_ITERATIONS
    )


def _is_near(rows: Rows, beta: Array, here: Moments) -> bool:
    """Whether a full step from `beta` is sure to shrink the decrement; of sums with information.

    Zero may be better and no less near: what offsets leave to coefficients may be nothing.
    """
    metric = None if here.information is None else _metric(here.information, rows.extent)
    return metric is not None and metric.step(beta, here).near


def _are_few(rows: Rows) -> TypeGuard[ArrayRows]:
    """Whether a pass over rows costs less than what is done between two of them."""
    return (
        isinstance(rows, ArrayRows)
        and isinstance(rows.design, np.ndarray)
        and rows.n_rows * rows.n_columns < FEW
        and rows.n_rows <= rows.block_rows
        and rows.extent_of_offset <= MILD_OFFSET
    )


def _of_few(rows: ArrayRows, roughly: bool) -> Iterator[Iterate]:
    """Yield full Newton steps from zero, where rows are few and every step is a good one.

    One is where the log-likelihood still rises at its end, or falls but little: it is concave, so
    that it has not been overshot by much. Nothing but this is asked for, and no length is tried, so
    that a step costs a fraction of one of `_newton`. They end where one is anything else.
    """
    block, extent = rows.reduce(lambda block: block), rows.extent
    design, weights = block.design, block.weights
    signed = np.multiply(design.T, block.sign, order="C")  # a column after the other
    offset = None if block.offset is None else block.sign * block.offset
    beta = step = np.zeros(len(signed))
    scaled, square = np.empty_like(signed), math.inf
    unchanged = EXACTLY if design.size < MANY else UNCHANGED
    goal = ROUGHLY * math.sqrt(len(beta)) if roughly else 0.0
    # no R is smaller than that of the rows on average, of which none has a larger curvature
    observed = float(len(design) if weights is None else weights.sum())
    least = math.sqrt(4 * len(beta) / max(observed, SMALLEST))
    for _ in range(MOST_OF_FEW):
        margin = beta.dot(signed)
        if offset is not None:
            margin += offset
        odds = np.exp(margin)  # of what was observed
        wrong = 1.0 + odds
        np.divide(1.0, wrong, out=wrong)
        weighted = wrong if weights is None else wrong * weights
        curvature = wrong * odds
        curvature *= weighted
        score = signed.dot(weighted)
        if not score.dot(step) >= -OVERSHOT * square:
            return
        if len(beta) <= NARROW:
            information = np.multiply(signed, curvature, out=scaled).dot(signed.T)
        else:
            np.multiply(signed, np.sqrt(curvature, out=curvature), out=scaled)
            information = scaled.dot(scaled.T)
        lower, step, failed = dposv(information, score, lower=1)
        if failed:
            return
        if square == math.inf:  # at first: what of each column those before it leave
            left = np.square(lower.diagonal()) / information.diagonal()
            if not left.min() > 1 / MILD_CONDITION:
                return
        square = float(score.dot(step))
        if not 0 <= square < math.inf:
            return
        decrement = math.sqrt(square)
        if decrement <= goal or decrement * least <= unchanged:
            metric = _metric(information, extent)
            if metric is None or metric.condition > MILD_CONDITION:
                return
            if decrement <= goal or decrement * metric.radius <= unchanged:
                against = 1.0 / odds
                lost = np.log1p(against)
                if weights is not None:
                    against, lost = against * weights, lost * weights
                likely, unlikely = -float(lost.sum()), float(against.sum())
                if math.isfinite(unlikely):
                    here = Moments(likely, score, information, unlikely, float(weighted.sum()))
                    yield metric.step(beta, here).unseen_end(metric.white)
                return
        yield _Passed(rows, beta, decrement, step)
        beta = beta + step


def _zero(block: Block) -> float:
    """Log-likelihood of these rows where all coefficients are 0."""
    if block.offset is not None:
        return float(row_terms(block, np.zeros(block.design.shape[1])).log_likelihood.sum())
    return -math.log(2.0) * float(block.counts.sum())


def _both(first: tuple[Moments, float], second: tuple[Moments, float]) -> tuple[Moments, float]:
    return first[0] + second[0], first[1] + second[1]


def sample_of(rows: Rows) -> ArrayRows | None:
    """A random sample of many rows, the same at each call; None where they are few."""
    k = max(rows.n_columns, 1)
    most = rows.n_rows // SAMPLED if rows.resident else rows.n_rows
    size = min(most, LARGEST_SAMPLE // k)
    if rows.n_rows * k < MANY or size < ROWS_A_COLUMN * k:
        return None
    sample = rows.sample(size)
    return sample if sample.n_rows >= ROWS_A_COLUMN * k else None


def _start(rows: Rows, transform: Array, roughly: bool) -> Array | None:
    """Zero, or with offsets the end of a path on which they grow to their full size.

    At an offset of hundreds the curvature at zero underflows. What the columns can cancel of it
    goes first (a constant offset is but another intercept); the rest is halved until it is mild,
    fitted, then doubled together with the coefficients, and so on. None if a fit on the path fails.
    """
    cancelling = -transform @ rows.reduce(lambda block: _pull_offset(block, transform))
    largest = rows.reduce(lambda block: _largest_offset(block, cancelling), max)
    halvings = math.ceil(math.log2(largest / MILD_OFFSET)) if largest > MILD_OFFSET else 0
    beyond = np.zeros(rows.n_columns)  # the coefficients, less those that cancel
    for j in range(halvings, 0, -1):
        share = 2.0**-j

        def shrink(block: Block, share: float = share) -> Block:
            assert block.offset is not None  # noqa: S101
            rest = block.offset + block.design @ cancelling
            return block._replace(offset=share * rest)

        part = MappedRows(rows, shrink)
        visited = list(_whitened_newton(part, beyond, transform, 0 if roughly else A_STAGE))
        if not visited:
            return None
        beyond = 2 * visited[-1].coefficients
    return cancelling + beyond


def _pull_offset(block: Block, transform: Array) -> Array:
    """Least-squares coefficients of the offset on the whitened columns, (k,)."""
    if block.offset is None:
        return np.zeros(len(transform))
    weighted = block.offset if block.weights is None else block.weights * block.offset
    return (block.design @ transform).T @ weighted / 4


def _largest_offset(block: Block, cancelling: Array) -> float:
    """Largest offset that is left when the columns have cancelled what they can."""
    if block.offset is None:
        return 0.0
    return float(np.abs(block.offset + block.design @ cancelling).max())


@dataclass(frozen=True, eq=False)
class _Metric:
    """An information matrix H, ready to take steps with.

    Attributes
    ----------
    white : ndarray (k, k)
        T with ``T' H T`` the identity.
    condition : float
        Condition number of H, its diagonal made 1, in the 1-norm.
    radius : float
        Upper bound on the largest standard error of a row's linear predictor.
    """

    white: Array
    condition: float
    radius: float

    def scaled(self, share: float) -> _Metric:
        """The same for 1 / `share` times the information."""
        root = math.sqrt(share)
        return _Metric(self.white * root, self.condition, self.radius * root)

    def pull(self, here: Moments) -> Array:
        """The score in whitened columns, (k,): its length is the decrement."""
        return np.asarray(self.white.T @ here.score)

    def step(self, beta: Array, here: Moments) -> _Step:
        """The full step from `beta`, where the sums are `here`."""
        pull = self.pull(here)
        decrement = math.sqrt(float(pull.dot(pull)))
        near = decrement * self.radius < NEAR
        return _Step(beta, here, self.white @ pull, decrement, near)


def _metric(information: Array | None, extent: Extent) -> _Metric | None:
    """Whiten the information; None where it is not positive definite or overflows.

    Everything is of the information with its diagonal made 1, so that no unit of a column matters.
    The radius is a bound that needs no pass over the rows: a row is no longer than the vector
    `extent` of the largest absolute values, and its whitened length ``|T'x|`` is at most
    ``|extent| sqrt(|H^-1|)``, the 1-norm for the spectral, and at most ``| |T|' extent |``, entry
    by entry; either may be the smaller by far.
    """
    assert information is not None  # noqa: S101
    scale = np.sqrt(information.diagonal())
    unit = information / (scale * scale[:, None])
    lower, failed = dpotrf(unit, lower=1)
    if failed:
        return None
    white = dtrtri(lower, lower=1)[0].T
    inverse = float(np.abs(white.dot(white.T)).sum(axis=0).max())
    if not math.isfinite(inverse):
        return None
    reach = extent.columns / scale
    by_entry = np.abs(white).T.dot(reach)
    square = min(float(reach.dot(reach)) * inverse, float(by_entry.dot(by_entry)))
    condition = float(np.abs(unit).sum(axis=0).max()) * inverse
    return _Metric(white / scale[:, None], condition, math.sqrt(square))


@dataclass(frozen=True, eq=False)
class _Step:
    """A full Newton step, `decrement` standard errors long, from `beta`, where sums are `here`.

    It is `near` the end where it is sure to shrink the decrement, but for rounding.
    """

    beta: Array
    here: Moments
    step: Array
    decrement: float
    near: bool

    def iterate(self) -> Iterate:
        """Where it starts."""
        return Iterate(self.beta, self.here.log_likelihood, self.decrement, self.step)

    def unseen_end(self, white: Array) -> Stationary:
        """Where it leads, without a pass over the rows: what it leaves could not be seen."""
        return Stationary(
            self.beta + self.step,
            self.here.log_likelihood + self.decrement * self.decrement / 2,
            self.decrement,
            self.step,
            LastStep(self.beta, self.here, white),
        )

    def end(self, found: _Place | None) -> Stationary:
        """The better of where it starts and what the line search found."""
        if found is not None and found.decrement < self.decrement:
            log_likelihood = found.here.log_likelihood
            return Stationary(found.beta, log_likelihood, found.decrement, self.step)
        return Stationary(self.beta, self.here.log_likelihood, self.decrement, self.step)


@dataclass(frozen=True, eq=False)
class _Place:
    """What a line search has found: coefficients (k,), the sums there, and the decrement."""

    beta: Array
    here: Moments
    decrement: float


def _newton(
    rows: Rows,
    beta: Array,
    roughly: bool,
    *,
    here: Moments | None = None,
    metric: _Metric | None = None,
    rate: float = 1.0,
) -> Iterator[Iterate]:
    """Yield the iterates from `beta`, where the sums are `here` if they are known.

    A `metric` of other rows or of another place serves for chord steps; `rate` is the factor by
    which one is expected to shrink the decrement.
    """
    small = rows.resident and rows.n_rows * rows.n_columns < MANY
    unchanged = EXACTLY if small else UNCHANGED
    whitened = partial(_whitened_newton, rows, most_by_one=0 if roughly else MAX_ITERATIONS)
    # relative change of the information over a standard error: what it usually is
    skewness = math.sqrt(rows.n_columns / rows.n_rows) / 4
    here = _moments(rows, beta) if here is None else here
    for _ in range(MAX_ITERATIONS):
        exact = here.information is not None  # if not, a chord step: the metric is an older one
        if exact:
            metric = _metric(here.information, rows.extent)
        if metric is None or metric.condition > MILD_CONDITION:
            yield from whitened(beta)
            return
        step = metric.step(beta, here)
        goal = ROUGHLY * math.sqrt(len(beta)) if roughly else unchanged / metric.radius
        if exact and step.decrement <= goal:
            yield step.unseen_end(metric.white)
            return
        if exact:
            rate = min(step.decrement * skewness, 0.5)
        chords = _chord_steps(step.decrement, rate, goal)
        score_only = rows.resident and not small and 1 <= chords <= CHORD_STEPS
        found = _line_search(
            rows, step, partial(_moments, rows, score_only=score_only), metric.pull
        )
        hidden = exact and not step.near and step.decrement < HIDDEN
        # nothing comes of it where weights are so small that squares underflow
        if hidden and (yield from _any_of(whitened(beta))):
            return
        if found is not None and not (step.near and found.decrement > step.decrement / 2):
            yield step.iterate()
            beta, here, rate = found.beta, found.here, found.decrement / step.decrement
        elif not exact:  # it may be for want of the information
            here = _moments(rows, beta)
        elif not step.near:  # it may be for rounding
            yield from whitened(beta)
            return
        else:
            yield step.end(found)
            return


def _any_of(iterates: Iterator[Iterate]) -> Generator[Iterate, None, bool]:
    """Yield them all; return whether there were any."""
    some = False
    for iterate in iterates:
        some = True
        yield iterate
    return some


def _chord_steps(decrement: float, rate: float, goal: float) -> float:
    """How many more steps with the same information, after the next, lead to the `goal`."""
    after = decrement * rate
    if after <= goal:
        return 0
    if not (0 < rate < 1 and goal > 0 and after < math.inf):
        return math.inf
    return math.ceil(math.log(goal / after) / math.log(rate))


def _whitened_newton(
    rows: Rows, beta: Array, transform: Array | None = None, most_by_one: int = MAX_ITERATIONS
) -> Iterator[Iterate]:
    """Yield the iterates from `beta`, in columns whitened at each step, first by `transform`.

    Without one it is computed; none are yielded where the columns are linearly dependent. At most
    `most_by_one` are for coefficients that hang on rows of no information beside others.
    """
    transform = whitening(rows) if transform is None else transform
    if transform is None:
        return
    here = _moments(rows, beta, transform)
    for _ in range(MAX_ITERATIONS):
        assert here.information is not None  # noqa: S101
        white = _whiten(here.information)
        if white is None:
            return
        transform, pull = transform @ white, white.T @ here.score
        decrement, full = float(np.linalg.norm(pull)), transform @ pull
        if not (np.isfinite(transform).all() and np.isfinite(full).all()):
            return
        most = float(np.linalg.norm(np.abs(transform).T @ rows.extent.columns))
        near = decrement * most < NEAR or (
            decrement < TINY and decrement * _radius(rows, transform) < NEAR
        )
        step = _Step(beta, here, full, decrement, near)
        found = _line_search(rows, step, partial(_moments, rows, transform=transform), _score)
        negligible = decrement < NEGLIGIBLE
        stuck = found is None or found.decrement > decrement / 2
        # a bound on R that is too large, by a row far out without information, hides the nearness
        over = decrement < TINY and (decrement < HIDDEN or (near and stuck))
        if (
            (over or found is None)
            and decrement * _radius(rows, transform) > SETTLED
            and (yield from _any_of(_one_by_one(rows, beta, most_by_one)))
        ):
            return
        ends = negligible or stuck if near else negligible and stuck
        if ends:
            yield step.end(found)
            return
        yield step.iterate()
        if found is None:  # no step improves, and it is not near the end either
            return
        beta, here = found.beta, found.here


def _score(here: Moments) -> Array:
    """The score of sums that are formed in whitened columns."""
    return here.score


def _one_by_one(rows: Rows, beta: Array, most: int) -> Iterator[Iterate]:
    """Yield iterates, `most` of them, that are measured in each whitened column by itself.

    A coefficient that hangs on rows with an information of exp(-100) has still units of exp(50) to
    go while the decrement is rounding, and no log-likelihood sees it. But each column has an
    information of its own, ``sum D z_j^2``, which a Newton step changes by ``c_j = sum D z_j^2
    |x'step|`` or so: they end when the largest c no longer halves. None are yielded where the
    columns are dependent.
    """
    origin, stride, halvings, bold = beta, np.zeros_like(beta), 0, True
    before, most_decrement = math.inf, math.inf
    for _ in range(most):
        transform = graded_whitening(rows, beta)
        decrement, change = math.inf, math.inf
        if transform is not None:
            here = _moments(rows, beta, transform, score_only=True)
            pull = here.score
            decrement, step = float(np.linalg.norm(pull)), transform @ pull
            pulls = rows.reduce(partial(_pulls, beta=beta, pull=pull, transform=transform))
            change = float(pulls.change.max())
        # no information is left, or so much too far that the decrement shows it
        if transform is None or not (decrement < most_decrement and change < math.inf):
            halvings += 1
            if not stride.any() or (halvings > MOST_HALVINGS and not bold):
                return
            bold, halvings = (bold, halvings) if halvings <= MOST_HALVINGS else (False, 0)
            stride = stride / 2
            beta = origin + stride
            continue
        kind = Stationary if change < NEAR and change > before / 2 else Iterate
        yield kind(beta, here.log_likelihood, decrement, step)
        if kind is Stationary:
            return
        origin, stride, before = beta, transform @ pulls.step(pull, bold), change
        most_decrement = max(TINY, 2 * decrement)
        beta = origin + stride


@dataclass(frozen=True, eq=False)
class _Pulls:
    """What pulls each whitened column up and down, (k,) each, and how that changes.

    Attributes
    ----------
    up, down : ndarray (k,)
        Parts of the score from rows that pull this way and that, without their sign.
    rest : ndarray (k,)
        The part of the score from rows that a Newton step would hardly move.
    up_change, down_change : ndarray (k,)
        Their derivatives, without sign: up falls and down grows as the coordinate does.
    change : ndarray (k,)
        By how much a Newton step changes the information, in first order, at most.
    """

    up: Array
    down: Array
    rest: Array
    up_change: Array
    down_change: Array
    change: Array

    def __add__(self, other: _Pulls) -> _Pulls:
        return added(self, other)

    def step(self, pull: Array, bold: bool) -> Array:
        """The step in whitened columns: that of Newton, `pull` (k,), no longer than is safe.

        Far from the end of a column up and down are exponentials, and a Newton step changes the
        exponent by one, or where the curvature grows leads far beyond. Their logarithms are
        straight lines: where these meet is where to go, if either is more than `FAR` such steps or
        no other column is on its way, which might change what pulls at this one. Not to be `bold`
        is never to go there.
        """
        up = self.up + np.maximum(self.rest, 0.0)
        down = self.down - np.minimum(self.rest, 0.0)
        # what is none may have underflowed
        up = np.fmax(up, SMALLEST * self.down_change / down)
        down = np.fmax(down, SMALLEST * self.up_change / up)
        straight = np.log(up / down) / (self.up_change / up + self.down_change / down)
        unit = np.abs(pull) / np.maximum(self.change, 1.0)
        moves = (self.change > NEAR) & bold
        far = moves & np.isfinite(straight)
        if moves.sum() > 1:
            far &= np.maximum(np.abs(straight / unit), self.change) > FAR
        change = float(np.where(far, 0.0, self.change).max())
        # as long as suits a self-concordant function
        short = pull * (math.log1p(change) / change if change > NEAR else 1.0)
        return np.where(far, np.clip(straight, -LONGEST * unit, LONGEST * unit), short)


def _pulls(block: Block, beta: Array, pull: Array, transform: Array) -> _Pulls:
    columns, terms = block.design @ transform, row_terms(block, beta)
    pulls = terms.residual[:, None] * columns
    information = terms.curvature[:, None] * np.square(columns)
    moved = columns * pull
    moves = np.abs(moved) > A_LITTLE
    up, down = moves & (pulls > 0), moves & (pulls < 0)
    return _Pulls(
        np.where(up, pulls, 0.0).sum(axis=0),
        np.where(down, -pulls, 0.0).sum(axis=0),
        np.where(moves, 0.0, pulls).sum(axis=0),
        np.where(up, information, 0.0).sum(axis=0),
        np.where(down, information, 0.0).sum(axis=0),
        np.abs(moved.sum(axis=1)) @ information,
    )


def _radius(rows: Rows, transform: Array) -> float:
    """Largest length of a row in whitened columns."""
    return rows.reduce(
        lambda block: float(np.linalg.norm(block.design @ transform, axis=1).max()), max
    )


def _whiten(information: Array) -> Array | None:
    """Matrix that makes the information the identity, if there is one."""
    if not np.isfinite(information).all():
        return None
    values, vectors = np.linalg.eigh(information)
    if values[-1] <= 0:
        return None
    # on nearly separated data rounding can make the smallest eigenvalues negative
    values = np.maximum(values, EPSILON * values[-1])
    return np.asarray(vectors / np.sqrt(values))


def _moments(
    rows: Rows, beta: Array, transform: Array | None = None, score_only: bool = False
) -> Moments:
    return rows.reduce(lambda block: moments(block, beta, transform, score_only))


def _line_search(
    rows: Rows,
    step: _Step,
    moments_at: Callable[[Array], Moments],
    pull: Callable[[Moments], Array],
) -> _Place | None:
    """Take the first of the lengths 1, 1/2, 1/4, ... that raises the log-likelihood enough.

    Where rounding may hide the rise that is asked for, a smaller score is accepted in its place,
    and near the end it is what counts, at full length. A log-likelihood that falls by more than
    its rounding is never accepted. None if no length does. `pull` whitens the score of sums.
    """
    here, decrement = step.here, step.decrement
    # The rounding of two log-likelihoods: of their sums, and of linear predictors, of which a row's
    # log-likelihood changes by no more than a probability times theirs. So it cannot overflow where
    # they do not, as a sum of odds would, and pass for a reason to accept anything.
    reach = float(rows.extent.columns @ np.abs(step.beta)) + rows.extent.offset
    sums = 16 + 16 * abs(here.log_likelihood)
    noise = EPSILON * (sums + 4 * (len(step.beta) + 2) * reach * here.slope)
    if not math.isfinite(noise):
        return None
    length = 1.0
    while length >= SMALLEST_STEP:
        beta = step.beta + length * step.step
        there = moments_at(beta)
        rise = there.log_likelihood - here.log_likelihood
        left = float(np.linalg.norm(pull(there)))
        enough = SUFFICIENT * length * decrement * decrement
        hidden = enough <= noise and abs(rise) <= noise and left < decrement
        if step.near:
            return _Place(beta, there, left) if rise >= -noise and left < decrement else None
        if rise >= enough or hidden:
            return _Place(beta, there, left)
        length /= 2
    return None
