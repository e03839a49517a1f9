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

from flatprior.analysis.explanation.changed_problems import maximum_of, probit as probit_terms
from flatprior.analysis.explanation.reference_levels import (
    MOST_CODINGS,
    Placed,
    intercept_of,
    recodings,
)
from flatprior.analysis.moments import StuckDrawsError, posterior_moments
from flatprior.analysis.monte_carlo import whitening_root
from flatprior.analysis.optimiser_paths import lbfgs_path, newton_path
from flatprior.analysis.stated_precision import half_units
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


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Discrepancy:
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
    ) -> Discrepancy:
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
        distance, root = math.nan, None
        if fit is not None:
            root = whitening_root(model, fit)
            distance = float(np.linalg.norm(np.linalg.solve(root, b - fit.coefficients)))
            block = block._replace(design=block.design @ root)
        return cls(
            model=model,
            fit=fit,
            b=b,
            white=white,
            scores=scores,
            distance=distance,
            half_units=half,
            root=root,
            block=block,
        )

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
        return Cause(
            cause=name,
            detail=detail,
            distance=distance,
            coincidence=chance,
            rounding=rounding,
            most=most,
        )


class Reading(NamedTuple):
    """Another way in which the columns may have been scaled: ``matrix @ b`` is in the model's."""

    text: str
    matrix: Array
    scale: Array  # of each column


def readings(case: Discrepancy, some: bool = False) -> Iterator[Reading]:
    """The usual scalings, of all predictors, or of `some` of them that it brings nearer the MLE."""
    model, intercept, k = case.model, case.intercept, len(case.b)
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
        scaled = [j for j in case.slopes if scale[j] > 0 and (scale[j] != 1 or origin[j] != 0)]
        if some:
            mle, b = case.mle.coefficients, case.b
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
        which = "" if len(scaled) == len(case.slopes) else _names_of(model, scaled)
        yield Reading(f"the predictors{which} were {text}", matrix, factor)


def ridge(case: Discrepancy, least: float = 0.0) -> Iterator[Cause]:
    """S(b) = P b / C, P diagonal: 1, or the squared scale of predictors that were scaled."""
    k, intercept, slopes = len(case.b), case.intercept, case.slopes
    plain = np.zeros(k)
    plain[slopes] = 1.0
    whose = "; the intercept was not penalised" if intercept is not None else ""
    variants: list[tuple[Array, Array | None, str]] = [(plain, None, whose)]
    if intercept is not None:
        variants.append((np.ones(k), None, "; the intercept was penalised too"))
    for reading in readings(case):
        if reading.text.endswith("centred") or "range from 0" in reading.text:
            weights = plain * reading.scale**2
            if "ddof" not in reading.text and "two" not in reading.text:  # they change C alone
                variants.append((weights, None, f" where {reading.text}{whose}"))
            text = f" where {reading.text}, as these coefficients are{whose}"
            variants.append((weights, reading.matrix, text))
    for penalty, matrix, text in variants:
        b = case.b if matrix is None else matrix @ case.b
        found = _least_penalised(case, penalty, b, least)
        if found is None:
            continue
        strength, left, whole = found
        # where the scaling alone leads to the MLE, there is nothing that a penalty explains
        if matrix is not None and case.fit and whole <= max(EXACT, case.rounding(matrix)):
            continue
        detail = (
            "the score is proportional to the coefficients, as at the maximum of a likelihood "
            f"with a ridge penalty of C = {1 / strength:.4g} (lambda = {strength:.4g}){text}"
        )
        whole_way = max(whole, case.distance) if matrix is not None and case.fit else whole
        if case.fit is not None:
            # numbers of no size are near the maximum of every likelihood with a large penalty
            whole_way = min(whole_way, case.length(b * (penalty > 0)))
        # an intercept that is not penalised has a score of 0 with any penalty on the slopes
        free = 1 if intercept is None or penalty[intercept] or matrix is not None else 2
        yield case.cause(
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
    case: Discrepancy, penalty: Array, b: Array, least: float
) -> tuple[float, float, float] | None:
    """Strength of the penalty at whose maximum b is, how far b is from it, and from the MLE.

    Without an MLE distances are in standard errors of the penalised maximum, and from 0.
    """
    rows = case.model.rows
    # on separated data the information says nothing along what diverges: weigh all alike
    white = whitening(rows, None if case.fit is None else b)
    if white is None:
        return None
    pull, shrink = white.T @ case.model.score(b), white.T @ (penalty * b)
    strength = float(pull @ shrink) / max(float(shrink @ shrink), 1e-300)
    gap, whole = float(np.linalg.norm(pull - strength * shrink)), float(np.linalg.norm(pull))
    if not (strength > least and math.isfinite(strength) and gap <= EXPLAINED * whole):
        return None
    root = white if case.root is None else case.root
    block = case.block
    if case.root is None:
        block = block._replace(design=block.design @ root)
    start = np.zeros(len(b)) if case.fit is None else case.whitened(case.mle.coefficients)
    shrinking = strength * (root.T * penalty) @ root
    maximum = maximum_of(block, start, penalty=shrinking)
    if maximum is None:
        return None
    point, origin = np.linalg.solve(root, b), start
    if case.fit is None:
        _, _, curvature = row_terms(block, maximum)
        metric = (block.design.T * curvature) @ block.design + shrinking
        try:
            upper = np.linalg.cholesky(metric).T
        except np.linalg.LinAlgError:  # the rows that tell are too few at this strength
            return None
        point, origin, maximum = upper @ point, upper @ origin, upper @ maximum
    left, whole = float(np.linalg.norm(point - maximum)), float(np.linalg.norm(point - origin))
    return (strength, left, whole) if left <= EXPLAINED * whole else None


def flipped(case: Discrepancy) -> Iterator[Cause]:
    """The MLE of the opposite outcomes."""
    detail = (
        "these are the MLE of the opposite response: what counts as 1 here counts as 0 there, and "
        "every coefficient has the other sign"
    )
    opposite = -case.mle.coefficients
    if case.block.offset is not None:  # else it is known
        block, start = case.block._replace(sign=-case.block.sign), case.whitened(opposite)
        found = maximum_of(block, start)
        if found is None:
            return
        opposite = case.unwhitened(found)
    left = case.length(case.b - opposite)
    yield case.cause("response flipped", detail, left, 1, len(case.b))


def no_intercept(case: Discrepancy) -> Iterator[Cause]:
    """The MLE without the intercept, which is 0 itself."""
    model, j = case.model, case.intercept
    if j is None or case.b[j] != 0 or not case.slopes:
        return
    others = case.slopes
    block = model.arrays.block(slice(None))
    block = block._replace(design=np.ascontiguousarray(block.design[:, others]))
    white = whitening(replace(model.arrays, design=block.design), case.mle.coefficients[others])
    if white is None:
        return
    start = np.asarray(np.linalg.solve(white, case.mle.coefficients[others]), dtype=float)
    found = maximum_of(block._replace(design=block.design @ white), start)
    if found is None:
        return
    without = np.zeros(len(case.b))
    without[others] = white @ found
    name = printable(model.names[j])
    detail = f"the intercept {name} was left out: the other coefficients are the MLE without it"
    left = case.length(case.b - without)
    yield case.cause("missing intercept", detail, left, 1, len(others))


def location(model: BernoulliLogistic) -> tuple[Array, Array]:
    """Mean and standard deviation (ddof 0) of each column."""
    weights = model.frequency_weights
    center = np.average(model.design, axis=0, weights=weights)
    variance = np.average(np.square(model.design - center), axis=0, weights=weights)
    variance[np.ptp(model.design, axis=0) == 0] = 0.0
    return center, np.sqrt(variance)


def rescaled(case: Discrepancy) -> Iterator[Cause]:
    """The same fitted probabilities, from columns that were scaled or centred."""
    found = [*((reading, 1.0) for reading in readings(case))]
    found += [(reading, 2.0 ** len(case.slopes)) for reading in readings(case, some=True)]
    for reading, ways in found:
        detail = f"{reading.text}; the fitted probabilities are the same"
        yield case.recoding("predictors rescaled", detail, reading.matrix, len(found) * ways)
    yield from _other_units(case)


def _names_of(model: BernoulliLogistic, columns: list[int]) -> str:
    return f" {first_of(printable(model.names[j]) for j in columns)}"


def _other_units(case: Discrepancy) -> Iterator[Cause]:
    """Some slopes times a factor between common units, all else the same."""
    mle, options = case.mle.coefficients, np.append(np.array(UNITS), 1.0)
    factors = {}
    for j in case.slopes:
        if not mle[j]:
            continue
        gaps = np.abs(case.b[j] / options - mle[j])
        best = float(options[gaps.argmin()])
        if best != 1 and gaps.min() < 0.1 * abs(mle[j]):
            factors[j] = best
    if not factors:
        return
    text = first_of(
        f"{printable(case.model.names[j])} by {1 / factor:.6g}" for j, factor in factors.items()
    )
    matrix = np.eye(len(mle))
    matrix[list(factors), list(factors)] = [1 / factor for factor in factors.values()]
    column = case.model.design[:, next(iter(factors))]
    slip = len(factors) == 1 and (
        next(iter(factors.values())) in SLIPS or len(np.unique(column)) == 2
    )
    detail = (
        f"predictors were multiplied by a factor: {text}; the fitted probabilities are the same"
    )
    yield case.recoding(
        "predictors rescaled",
        detail + ("; or a decimal or a digit of that coefficient is misplaced" if slip else ""),
        matrix,
        math.comb(len(case.slopes), len(factors)) * float(len(UNITS)) ** len(factors),
        most=-1.0 if slip else EXACT,
    )


def any_units(case: Discrepancy, errors: Array) -> Iterator[Cause]:
    """Coefficients over their standard errors are those of the MLE, whatever the units."""
    slopes, mle, intercept = case.slopes, case.mle, case.intercept
    if not slopes:
        return
    factors = errors[slopes] / mle.standard_errors[slopes]
    digits = (half_units(errors) / errors)[slopes] + 1e-6  # relative, what rounding may have done
    low, high = factors * (1 - digits), factors * (1 + digits)
    if low.max() <= high.min():
        return  # one factor for all is another scale of the log-odds, not of predictors
    matrix = np.eye(len(case.b))
    matrix[slopes, slopes] = 1 / factors
    gaps = matrix @ case.b - mle.coefficients
    if intercept is not None:  # it moves with what predictors were centred at, within their range
        design = case.model.design
        moved = np.array([mle.coefficients[j] * design[:, [j]] for j in slopes])[..., 0]
        reach = np.abs(moved).max(axis=1).sum()
        gaps[intercept] = max(abs(gaps[intercept]) - reach, 0.0) if gaps[intercept] else 0.0
    text = first_of(
        f"{printable(case.model.names[j])} by {1 / factor:.6g}"
        for j, factor in zip(slopes, factors, strict=True)
        if abs(factor - 1) > 1e-6
    )
    left = float(np.linalg.norm((gaps / mle.standard_errors)[slopes])) + case.length(
        np.where(np.arange(len(gaps)) == intercept, gaps, 0.0)
    )
    detail = f"predictors were multiplied by a factor ({text}): their z values are the MLE's"
    yield case.recoding("predictors rescaled", detail, matrix, 1.0, left=left)


def reference_level(case: Discrepancy) -> Iterator[Cause]:
    """The coefficients of a category as differences from another level, in its place."""
    for text, matrix in recodings(case.model):
        detail = f"coefficients are {text}; the fitted probabilities are the same"
        yield case.recoding("reference level", detail, matrix, MOST_CODINGS)


def recoded(case: Discrepancy, placed: Placed) -> Iterator[Cause]:
    """The same by the names of the levels; `case` is at the coefficients so read."""
    detail = f"coefficients are {placed.recoded}; the fitted probabilities are the same"
    whole = case.length(case.mle.coefficients)
    yield case.cause("reference level", detail, case.distance, 1, len(case.b), whole, unmoved=True)


def probit(case: Discrepancy) -> Iterator[Cause]:
    """What maximises the probit likelihood."""
    start = case.whitened(LOGIT_TO_PROBIT * case.mle.coefficients)
    found = maximum_of(case.block, start, probit_terms)
    if found is None:
        return
    detail = "these maximise the probit likelihood, P(y = 1) = Phi(x'beta), in place of the logit"
    left = case.length(case.b - case.unwhitened(found))
    yield case.cause("probit", detail, left, 1, len(case.b))


def path_from_zero(case: Discrepancy) -> Iterator[Cause]:
    """Iterates of Newton's method and of L-BFGS from zero."""
    model, k = case.model, len(case.b)
    paths = {
        "Newton's method (iteratively reweighted least squares)": newton_path(model),
        "L-BFGS": lbfgs_path(model, 1.0),
        "L-BFGS (as in scikit-learn)": lbfgs_path(model, 1.0 / model.n_observations),
    }
    ways = sum(len(path) for path in paths.values())
    for text, path in paths.items():
        if not path:
            continue
        gaps = [case.length(case.b - point) for point in path]
        steps = int(np.argmin(gaps))
        after = count(steps + 1, "iteration")
        detail = f"{text} from zero passes here after {after}: it stopped early"
        yield case.cause("stopped early", detail, gaps[steps], ways, k)


def posterior_mean(case: Discrepancy) -> Iterator[Cause]:
    """The mean of the flat-prior posterior, by control variates; never certain.

    The numbers carry Monte Carlo error, and the mean under another flat enough prior is near.
    """
    model, mle = case.model, case.mle
    bias = case.length(_first_order_shift(case))
    if model.n_parameters > MOST_DIMENSIONS or case.distance > 4 * bias + LEFT_OF_A_MEAN:
        return
    posterior = sample_independence(model, draws=2000, seed=1, progress=False)
    try:
        moments = posterior_moments(model, posterior)
    except StuckDrawsError:  # nearly separated data: the mean is not to be had, here or elsewhere
        return
    left = case.length(case.b - moments.mean)
    shift = np.max(np.abs(moments.mean - mle.coefficients) / mle.standard_errors)
    detail = (
        "these are near the mean of the flat-prior posterior, which is not its mode: it is shifted "
        f"from the MLE by up to {shift:.2g} standard errors"
    )
    yield case.cause("posterior mean", detail, left, 1, len(case.b), most=-1.0, unmoved=True)


def _first_order_shift(case: Discrepancy) -> Array:
    """Posterior mean less mode, to first order in 1/n, (k,)."""
    block = case.model.arrays.block(slice(None))
    terms = row_terms(block, case.mle.coefficients)
    skew = 2 * terms.residual / case.model.counts - block.sign  # 1 - 2p
    spread = np.einsum(
        "ij,jk,ik->i", block.design, case.mle.covariance, block.design, optimize=True
    )
    pull = (terms.curvature * skew * spread) @ block.design
    return np.asarray(-0.5 * case.mle.covariance @ pull)
