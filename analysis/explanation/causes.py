"""What other programs do to coefficients, each by what they would then be.

Every function here takes coefficients b with what the likelihood looks like there, and yields the
ways in which one cause may have led to b, with the distance that each leaves unexplained. Where a
cause says that b solves a changed problem, that problem is solved, and the distance is from its
solution, in standard errors of the model's MLE: that an equation all but holds at b is not enough
(see `flatprior.analysis.explanation.changed_problems`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from flatprior.analysis.agreement.moments import StuckDrawsError, posterior_moments
from flatprior.analysis.explanation.changed_problems import maximum_of, probit as probit_terms
from flatprior.analysis.explanation.reference_levels import (
    MOST_CODINGS,
    Placed,
    intercept_of,
    recodings,
)
from flatprior.analysis.monte_carlo import whitening_root
from flatprior.analysis.optimiser_paths import lbfgs_path, newton_path
from flatprior.analysis.printed_digits import half_units
from flatprior.models import BernoulliLogistic, PointEstimate, sample_independence
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, first_of, printable
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block
from flatprior.models.whitening import whitening

EXPLAINED = 0.3  # of the score: what a penalty may leave of it
PENALTY_LEAVES = 0.01  # of the score, where it is certain; other shrinkage leaves more
EXACT = 1e-3  # standard errors: what an optimiser's tolerance may leave where a cause is certain
LEFT_OF_A_MEAN = 0.3  # standard errors that Monte Carlo error may add
ROUNDED_AWAY = 0.01  # of the whole distance
LEAST_GAP = 1e-12  # standard errors: a smaller one is by chance
LOGIT_TO_PROBIT = 0.6  # about what probit coefficients are of the logit's
MOST_DIMENSIONS = 50  # beyond it the posterior mean is not sampled
SLIPS = (10.0, 0.1, 2.0, 0.5)  # factors that a misplaced decimal or a mistyped digit has too

UNITS = (
    *(10.0**power for power in range(-9, 10) if power),
    *(
        unit**way
        for unit in (12, 7, 24, 60, 365.25, 2.54, 0.45359237, 1.609344, 2)
        for way in (1, -1)
    ),
)


@dataclass(frozen=True)
class Cause:
    """One possible cause, tested.

    Attributes
    ----------
    cause : str
    detail : str
        How it would have come about, with what was estimated.
    distance : float
        What is left unexplained, in standard errors.
    coincidence : float
        About how often numbers that have nothing to do with this cause would fit so well.
    rounding : float
        What rounding of the numbers may have added to the distance.
    most : float
        Distance up to which the cause may be certain; negative where it never is.
    """

    cause: str
    detail: str
    distance: float
    coincidence: float
    rounding: float = 0.0
    most: float = EXACT


@dataclass(frozen=True, eq=False)
class There:
    """The coefficients in question, and what the likelihood looks like there.

    Attributes
    ----------
    model : BernoulliLogistic
    fit : PointEstimate or None
        The MLE, where there is one.
    b : ndarray (k,)
    white : ndarray (k, k) or None
        T with T'HT the identity, H the information at b; None where that is singular.
    scores : ndarray (n, k)
        Of each row, in whitened columns.
    distance : float
        From the MLE, in the norm of the information there.
    half_units : ndarray (k,)
        What rounding may have done to each of b.
    root : ndarray (k, k) or None
        Of the covariance at the MLE.
    block : Block
        The rows, in columns whitened by `root`: there coefficients are in standard errors.
    """

    model: BernoulliLogistic
    fit: PointEstimate | None
    b: Array
    white: Array | None
    scores: Array
    distance: float
    half_units: Array
    root: Array | None
    block: Block

    @classmethod
    def at(
        cls,
        model: BernoulliLogistic,
        fit: PointEstimate | None,
        given: Array,
        matrix: Array | None = None,
    ) -> There:
        """Evaluate the rows at b, which is ``matrix @ given``."""
        b, half = given, half_units(given)
        if matrix is not None:
            b, half = matrix @ given, np.abs(matrix) @ half
        block = model.arrays.block(slice(None))
        with np.errstate(all="ignore"):
            white = whitening(model.rows, b)
            residual = row_terms(block, b).residual
        scores = np.zeros((model.n_rows, model.n_parameters))
        if white is not None:
            scores = residual[:, None] * (block.design @ white)
        if fit is None:
            return cls(model, fit, b, white, scores, math.nan, half, None, block)
        root = whitening_root(model, fit)
        distance = float(np.linalg.norm(np.linalg.solve(root, b - fit.coefficients)))
        block = block._replace(design=block.design @ root)
        return cls(model, fit, b, white, scores, distance, half, root, block)

    @property
    def mle(self) -> PointEstimate:
        """The MLE, where it is known that there is one."""
        if self.fit is None:
            raise InputError("there is no MLE")
        return self.fit

    @property
    def intercept(self) -> int | None:
        """Which column is the constant 1, if one is."""
        return intercept_of(self.model)

    @property
    def slopes(self) -> list[int]:
        """The other columns."""
        return [j for j in range(len(self.b)) if j != self.intercept]

    @property
    def pull(self) -> Array:
        """The score, whitened, (k,)."""
        return np.asarray(self.scores.sum(axis=0))

    def whitened(self, coefficients: Array) -> Array:
        """Coefficients in columns whitened by `root`, which `block` has."""
        if self.root is None:
            raise InputError("there is no MLE")
        return np.asarray(np.linalg.solve(self.root, coefficients))

    def unwhitened(self, coefficients: Array) -> Array:
        """The other way."""
        if self.root is None:
            raise InputError("there is no MLE")
        return np.asarray(self.root @ coefficients)

    def length(self, difference: Array) -> float:
        """Of a difference of coefficients (k,), in the norm of the information at the MLE."""
        return float(np.linalg.norm(self.whitened(difference)))

    def rounding(self, matrix: Array | None = None) -> float:
        """What rounding may have added to the distance of ``matrix @ b`` from the MLE, at most."""
        columns = np.eye(len(self.b)) if matrix is None else matrix
        if self.root is None or not self.half_units.any():
            return 0.0
        lengths = np.linalg.norm(np.linalg.solve(self.root, columns), axis=0)
        return float(lengths @ self.half_units)

    def cause(
        self,
        name: str,
        detail: str,
        distance: float,
        ways: float,
        equations: int,
        whole: float | None = None,
        *,
        matrix: Array | None = None,
        most: float = EXACT,
        unmoved: bool = False,
    ) -> Cause:
        """A cause that leaves `distance` of the `whole` unexplained.

        An equation says something of coefficients that have moved by more than that distance, and
        of no others: that most are the MLE's own, and some number is not, has many causes. Nor does
        a coefficient of 0 say anything: zeros are where programs start, and the MLE of many a small
        table. Both count where `unmoved`: where what stands beside the numbers names the cause.
        """
        whole = self.distance if whole is None else whole
        if self.fit is not None and not unmoved:
            moved = np.abs(self.b - self.fit.coefficients) / self.fit.standard_errors > distance
            equations = min(equations, int(np.count_nonzero(moved & (self.b != 0))))
        ratio = distance / whole if whole > 0 else 1.0
        log_chance = math.log(ways) + equations * math.log(max(ratio, 1e-300))
        chance = math.exp(min(log_chance, 0.0)) if equations > 0 else 1.0
        return self._cause(name, detail, distance, chance, whole, matrix, most)

    def recoding(
        self,
        name: str,
        detail: str,
        matrix: Array,
        ways: float,
        *,
        left: float | None = None,
        most: float = EXACT,
    ) -> Cause:
        """The cause that ``matrix @ b`` are the MLE.

        Only coefficients that the recoding changes speak for it, each by how near it brings them,
        beside how far they were; and what shrinks numbers of any size to nothing shrinks the
        evidence as much.
        """
        mle, errors, k = self.mle.coefficients, self.mle.standard_errors, len(self.b)
        left = self.length(matrix @ self.b - mle) if left is None else left
        changed = np.flatnonzero((matrix != np.eye(k)).any(axis=1))
        shrunk = np.abs(matrix[changed, changed])
        shrunk[(shrunk == 0) | (shrunk > 1)] = 1.0
        far = shrunk * np.abs(self.b - mle)[changed] / errors[changed]
        far[self.b[changed] == 0] = 0.0
        gaps = np.maximum(np.abs(matrix @ self.b - mle)[changed] / errors[changed], LEAST_GAP)
        shares = np.where(far > gaps, gaps / np.maximum(far, gaps), 1.0)
        chance = math.exp(min(math.log(ways) + float(np.log(shares).sum()), 0.0))
        return self._cause(name, detail, left, chance, self.distance, matrix, most)

    def _cause(
        self,
        name: str,
        detail: str,
        distance: float,
        chance: float,
        whole: float,
        matrix: Array | None,
        most: float,
    ) -> Cause:
        if not math.isfinite(distance):  # numbers too large to say
            distance, chance = math.inf, 1.0
        rounding = self.rounding(matrix)
        if most >= 0:  # rounding excuses a distance where it is small beside what is explained
            most = max(most, min(rounding, ROUNDED_AWAY * whole))
        return Cause(name, detail, distance, chance, rounding, most)


class Reading(NamedTuple):
    """Another way in which the columns may have been scaled: ``matrix @ b`` is in the model's."""

    text: str
    matrix: Array
    scale: Array  # of each column


def readings(there: There, some: bool = False) -> Iterator[Reading]:
    """The usual scalings, of all predictors, or of `some` of them that it brings nearer the MLE."""
    model, intercept, k = there.model, there.intercept, len(there.b)
    center, deviation = location(model)
    n = model.n_observations
    low, high = model.design.min(axis=0), model.design.max(axis=0)
    sample = deviation * math.sqrt(n / (n - 1)) if n > 1 else deviation
    largest, zero = np.abs(model.design).max(axis=0), np.zeros(k)
    for text, scale, origin in (
        ("divided by their standard deviations and centred", deviation, center),
        ("divided by their standard deviations (ddof 1) and centred", sample, center),
        ("divided by two standard deviations and centred", 2 * sample, center),
        ("scaled to the range from 0 to 1", high - low, low),
        ("divided by their standard deviations", deviation, zero),
        ("divided by their standard deviations (ddof 1)", sample, zero),
        ("divided by their ranges", high - low, zero),
        ("divided by their largest values", largest, zero),
        ("centred", np.ones(k), center),
    ):
        if intercept is None and origin.any():
            continue
        scaled = [j for j in there.slopes if scale[j] > 0 and (scale[j] != 1 or origin[j] != 0)]
        if some:
            mle, b = there.mle.coefficients, there.b
            scaled = [j for j in scaled if abs(b[j] / scale[j] - mle[j]) <= abs(b[j] - mle[j])]
            if text == "centred":
                continue
        if not scaled:
            continue
        matrix, factor = np.eye(k), np.ones(k)
        factor[scaled] = scale[scaled]
        matrix[scaled, scaled] = 1 / scale[scaled]
        if intercept is not None:
            matrix[intercept, scaled] = -origin[scaled] / scale[scaled]
        which = "" if len(scaled) == len(there.slopes) else _names_of(model, scaled)
        yield Reading(f"the predictors{which} were {text}", matrix, factor)


def ridge(there: There, least: float = 0.0) -> Iterator[Cause]:
    """S(b) = P b / C, P diagonal: 1, or the squared scale of predictors that were scaled."""
    k, intercept, slopes = len(there.b), there.intercept, there.slopes
    plain = np.zeros(k)
    plain[slopes] = 1.0
    whose = "; the intercept was not penalised" if intercept is not None else ""
    variants: list[tuple[Array, Array | None, str]] = [(plain, None, whose)]
    if intercept is not None:
        variants.append((np.ones(k), None, "; the intercept was penalised too"))
    for reading in readings(there):
        if reading.text.endswith("centred") or "range from 0" in reading.text:
            weights = plain * reading.scale**2
            if "ddof" not in reading.text and "two" not in reading.text:  # they change C alone
                variants.append((weights, None, f" where {reading.text}{whose}"))
            text = f" where {reading.text}, as these coefficients are{whose}"
            variants.append((weights, reading.matrix, text))
    for penalty, matrix, text in variants:
        b = there.b if matrix is None else matrix @ there.b
        found = _least_penalised(there, penalty, b, least)
        if found is None:
            continue
        strength, left, whole = found
        # where the scaling alone leads to the MLE, there is nothing that a penalty explains
        if matrix is not None and there.fit and whole <= max(EXACT, there.rounding(matrix)):
            continue
        detail = (
            "the score is proportional to the coefficients, as at the maximum of a likelihood "
            f"with a ridge penalty of C = {1 / strength:.4g} (lambda = {strength:.4g}){text}"
        )
        whole_way = max(whole, there.distance) if matrix is not None and there.fit else whole
        if there.fit is not None:
            # numbers of no size are near the maximum of every likelihood with a large penalty
            whole_way = min(whole_way, there.length(b * (penalty > 0)))
        # an intercept that is not penalised has a score of 0 with any penalty on the slopes
        free = 1 if intercept is None or penalty[intercept] or matrix is not None else 2
        yield there.cause(
            "ridge penalty",
            detail,
            left,
            len(variants),
            max(k - free, 1),
            whole_way,
            matrix=matrix,
            most=PENALTY_LEAVES * whole if k > free else -1.0,  # of one slope, any shrinkage
        )


def _least_penalised(
    there: There, penalty: Array, b: Array, least: float
) -> tuple[float, float, float] | None:
    """Strength of the penalty at whose maximum b is, how far b is from it, and from the MLE.

    Without an MLE distances are in standard errors of the penalised maximum, and from 0.
    """
    rows = there.model.rows
    # on separated data the information says nothing along what diverges: weigh all alike
    white = whitening(rows, None if there.fit is None else b)
    if white is None:
        return None
    pull, shrink = white.T @ there.model.score(b), white.T @ (penalty * b)
    strength = float(pull @ shrink) / max(float(shrink @ shrink), 1e-300)
    gap, whole = float(np.linalg.norm(pull - strength * shrink)), float(np.linalg.norm(pull))
    if not (strength > least and math.isfinite(strength) and gap <= EXPLAINED * whole):
        return None
    root = white if there.root is None else there.root
    block = there.block
    if there.root is None:
        block = block._replace(design=block.design @ root)
    start = np.zeros(len(b)) if there.fit is None else there.whitened(there.mle.coefficients)
    shrinking = strength * (root.T * penalty) @ root
    maximum = maximum_of(block, start, penalty=shrinking)
    if maximum is None:
        return None
    point, origin = np.linalg.solve(root, b), start
    if there.fit is None:
        _, _, curvature = row_terms(block, maximum)
        metric = (block.design.T * curvature) @ block.design + shrinking
        try:
            upper = np.linalg.cholesky(metric).T
        except np.linalg.LinAlgError:  # the rows that tell are too few at this strength
            return None
        point, origin, maximum = upper @ point, upper @ origin, upper @ maximum
    left, whole = float(np.linalg.norm(point - maximum)), float(np.linalg.norm(point - origin))
    return (strength, left, whole) if left <= EXPLAINED * whole else None


def flipped(there: There) -> Iterator[Cause]:
    """The MLE of the opposite outcomes."""
    detail = (
        "these are the MLE of the opposite response: what counts as 1 here counts as 0 there, and "
        "every coefficient has the other sign"
    )
    opposite = -there.mle.coefficients
    if there.block.offset is not None:  # else it is known
        block, start = there.block._replace(sign=-there.block.sign), there.whitened(opposite)
        found = maximum_of(block, start)
        if found is None:
            return
        opposite = there.unwhitened(found)
    left = there.length(there.b - opposite)
    yield there.cause("response flipped", detail, left, 1, len(there.b))


def no_intercept(there: There) -> Iterator[Cause]:
    """The MLE without the intercept, which is 0 itself."""
    model, j = there.model, there.intercept
    if j is None or there.b[j] != 0 or not there.slopes:
        return
    others = there.slopes
    block = model.arrays.block(slice(None))
    block = block._replace(design=np.ascontiguousarray(block.design[:, others]))
    white = whitening(replace(model.arrays, design=block.design), there.mle.coefficients[others])
    if white is None:
        return
    start = np.asarray(np.linalg.solve(white, there.mle.coefficients[others]), dtype=float)
    found = maximum_of(block._replace(design=block.design @ white), start)
    if found is None:
        return
    without = np.zeros(len(there.b))
    without[others] = white @ found
    name = printable(model.names[j])
    detail = f"the intercept {name} was left out: the other coefficients are the MLE without it"
    left = there.length(there.b - without)
    yield there.cause("missing intercept", detail, left, 1, len(others))


def location(model: BernoulliLogistic) -> tuple[Array, Array]:
    """Mean and standard deviation (ddof 0) of each column."""
    weights = model.frequency_weights
    center = np.average(model.design, axis=0, weights=weights)
    variance = np.average(np.square(model.design - center), axis=0, weights=weights)
    variance[np.ptp(model.design, axis=0) == 0] = 0.0
    return center, np.sqrt(variance)


def rescaled(there: There) -> Iterator[Cause]:
    """The same fitted probabilities, from columns that were scaled or centred."""
    found = [*((reading, 1.0) for reading in readings(there))]
    found += [(reading, 2.0 ** len(there.slopes)) for reading in readings(there, some=True)]
    for reading, ways in found:
        detail = f"{reading.text}; the fitted probabilities are the same"
        yield there.recoding("predictors rescaled", detail, reading.matrix, len(found) * ways)
    yield from _other_units(there)


def _names_of(model: BernoulliLogistic, columns: list[int]) -> str:
    return f" {first_of(printable(model.names[j]) for j in columns)}"


def _other_units(there: There) -> Iterator[Cause]:
    """Some slopes times a factor between common units, all else the same."""
    mle, options = there.mle.coefficients, np.append(np.array(UNITS), 1.0)
    factors = {}
    for j in there.slopes:
        if not mle[j]:
            continue
        gaps = np.abs(there.b[j] / options - mle[j])
        best = float(options[gaps.argmin()])
        if best != 1 and gaps.min() < 0.1 * abs(mle[j]):
            factors[j] = best
    if not factors:
        return
    text = first_of(
        f"{printable(there.model.names[j])} by {1 / factor:.6g}" for j, factor in factors.items()
    )
    matrix = np.eye(len(mle))
    matrix[list(factors), list(factors)] = [1 / factor for factor in factors.values()]
    column = there.model.design[:, next(iter(factors))]
    slip = len(factors) == 1 and (
        next(iter(factors.values())) in SLIPS or len(np.unique(column)) == 2
    )
    detail = (
        f"predictors were multiplied by a factor: {text}; the fitted probabilities are the same"
    )
    yield there.recoding(
        "predictors rescaled",
        detail + ("; or a decimal or a digit of that coefficient is misplaced" if slip else ""),
        matrix,
        math.comb(len(there.slopes), len(factors)) * float(len(UNITS)) ** len(factors),
        most=-1.0 if slip else EXACT,
    )


def any_units(there: There, errors: Array) -> Iterator[Cause]:
    """Coefficients over their standard errors are those of the MLE, whatever the units."""
    slopes, mle, intercept = there.slopes, there.mle, there.intercept
    if not slopes:
        return
    factors = errors[slopes] / mle.standard_errors[slopes]
    digits = (half_units(errors) / errors)[slopes] + 1e-6  # relative, what rounding may have done
    low, high = factors * (1 - digits), factors * (1 + digits)
    if low.max() <= high.min():
        return  # one factor for all is another scale of the log-odds, not of predictors
    matrix = np.eye(len(there.b))
    matrix[slopes, slopes] = 1 / factors
    gaps = matrix @ there.b - mle.coefficients
    if intercept is not None:  # it moves with what predictors were centred at, within their range
        design = there.model.design
        moved = np.array([mle.coefficients[j] * design[:, [j]] for j in slopes])[..., 0]
        reach = np.abs(moved).max(axis=1).sum()
        gaps[intercept] = max(abs(gaps[intercept]) - reach, 0.0) if gaps[intercept] else 0.0
    text = first_of(
        f"{printable(there.model.names[j])} by {1 / factor:.6g}"
        for j, factor in zip(slopes, factors, strict=True)
        if abs(factor - 1) > 1e-6
    )
    left = float(np.linalg.norm((gaps / mle.standard_errors)[slopes])) + there.length(
        np.where(np.arange(len(gaps)) == intercept, gaps, 0.0)
    )
    detail = f"predictors were multiplied by a factor ({text}): their z values are the MLE's"
    yield there.recoding("predictors rescaled", detail, matrix, 1.0, left=left)


def reference_level(there: There) -> Iterator[Cause]:
    """The coefficients of a category as differences from another level, in its place."""
    for text, matrix in recodings(there.model):
        detail = f"coefficients are {text}; the fitted probabilities are the same"
        yield there.recoding("reference level", detail, matrix, MOST_CODINGS)


def recoded(there: There, placed: Placed) -> Iterator[Cause]:
    """The same by the names of the levels; `there` is at the coefficients so read."""
    detail = f"coefficients are {placed.recoded}; the fitted probabilities are the same"
    whole = there.length(there.mle.coefficients)
    yield there.cause(
        "reference level", detail, there.distance, 1, len(there.b), whole, unmoved=True
    )


def probit(there: There) -> Iterator[Cause]:
    """What maximises the probit likelihood."""
    start = there.whitened(LOGIT_TO_PROBIT * there.mle.coefficients)
    found = maximum_of(there.block, start, probit_terms)
    if found is None:
        return
    detail = "these maximise the probit likelihood, P(y = 1) = Phi(x'beta), in place of the logit"
    left = there.length(there.b - there.unwhitened(found))
    yield there.cause("probit", detail, left, 1, len(there.b))


def path_from_zero(there: There) -> Iterator[Cause]:
    """Iterates of Newton's method and of L-BFGS from zero."""
    model, k = there.model, len(there.b)
    paths = {
        "Newton's method (iteratively reweighted least squares)": newton_path(model),
        "L-BFGS": lbfgs_path(model, 1.0),
        "L-BFGS (as in scikit-learn)": lbfgs_path(model, 1.0 / model.n_observations),
    }
    ways = sum(len(path) for path in paths.values())
    for text, path in paths.items():
        if not path:
            continue
        gaps = [there.length(there.b - point) for point in path]
        steps = int(np.argmin(gaps))
        after = count(steps + 1, "iteration")
        detail = f"{text} from zero passes here after {after}: it stopped early"
        yield there.cause("stopped early", detail, gaps[steps], ways, k)


def posterior_mean(there: There) -> Iterator[Cause]:
    """The mean of the flat-prior posterior, by control variates; never certain.

    The numbers carry Monte Carlo error, and the mean under another flat enough prior is near.
    """
    model, mle = there.model, there.mle
    bias = there.length(_first_order_shift(there))
    if model.n_parameters > MOST_DIMENSIONS or there.distance > 4 * bias + LEFT_OF_A_MEAN:
        return
    posterior = sample_independence(model, draws=2000, seed=1, progress=False)
    try:
        moments = posterior_moments(model, posterior)
    except StuckDrawsError:  # nearly separated data: the mean is not to be had, here or elsewhere
        return
    left = there.length(there.b - moments.mean)
    shift = np.max(np.abs(moments.mean - mle.coefficients) / mle.standard_errors)
    detail = (
        "these are near the mean of the flat-prior posterior, which is not its mode: it is shifted "
        f"from the MLE by up to {shift:.2g} standard errors"
    )
    yield there.cause("posterior mean", detail, left, 1, len(there.b), most=-1.0, unmoved=True)


def _first_order_shift(there: There) -> Array:
    """Posterior mean less mode, to first order in 1/n, (k,)."""
    block = there.model.arrays.block(slice(None))
    terms = row_terms(block, there.mle.coefficients)
    skew = 2 * terms.residual / there.model.counts - block.sign  # 1 - 2p
    spread = np.einsum(
        "ij,jk,ik->i", block.design, there.mle.covariance, block.design, optimize=True
    )
    pull = (terms.curvature * skew * spread) @ block.design
    return np.asarray(-0.5 * there.mle.covariance @ pull)
