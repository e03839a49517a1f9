r"""Penalties: ridge, lasso, elastic net, Firth's and log-F.

At the maximum of a likelihood less
:math:`\lambda (a \sum |w_j b_j| + (1 - a) \sum (w_j b_j)^2 / 2)`, the score is
:math:`\lambda (a w_j \operatorname{sign} b_j + (1 - a) w_j^2 b_j)`, and where :math:`b_j = 0` it is
no larger than :math:`\lambda a w_j`. The strength is estimated from the score at b, the penalised
problem is solved, and b is held against its solution. A log-F(m, m) prior is m / 2 observations of
each outcome at one unit of each predictor, and no more. Firth's penalty, Jeffreys' prior, has no
strength.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flatprior.analysis.explanation.changed_problems import firth_maximum, maximum_of
from flatprior.analysis.explanation.discrepancy import (
    EXACT,
    EXPLAINED,
    Cause,
    Discrepancy,
    Ground,
)
from flatprior.analysis.explanation.scalings import readings
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.whitening import whitening
from flatprior.models.designs.coded import Structured
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

PENALTY_LEAVES = 0.01  # of the score, where it is certain; other shrinkage leaves more
DEFAULT = 0.01  # relative: a C so near 1 is scikit-learn's default
MIXED = 0.01  # share of either penalty in an elastic net, at least
BETTER = 0.1  # of what the special cases leave, at most, leaves a penalty of one parameter more
MANY = 100.0
MOST_CHANGES = 10  # of the set of coefficients that are not 0

CURE = (
    "fit without a penalty: in scikit-learn LogisticRegression(C=np.inf), before version 1.8 "
    "penalty=None; in R glm in place of glmnet"
)
OF_INTERCEPT = "; the intercept was penalised too"


class Shape(NamedTuple):
    """Which coefficients a penalty shrinks, in which units."""

    scale: Array  # (k,), 0 where a coefficient is not penalised
    matrix: Array | None  # what leads from the numbers to the model's columns, if anything
    text: str
    quadratic: Array | None = None  # (k, k), where it is not that of the scales

    @property
    def square(self) -> Array:
        """Of a quadratic penalty, (k, k)."""
        return np.diag(np.square(self.scale)) if self.quadratic is None else self.quadratic


def shapes(case: Discrepancy) -> list[Shape]:
    """All slopes alike, the intercept too, or predictors that were scaled before."""
    k, intercept, slopes = len(case.b), case.intercept, case.slopes
    plain = np.zeros(k)
    plain[slopes] = case.units[slopes]
    whose = "; the intercept was not penalised" if intercept is not None else ""
    found = [Shape(plain, None, whose)]
    if intercept is not None:
        found.append(Shape(np.ones(k), None, OF_INTERCEPT, _all_alike(case)))
    if case.scaling is not None:  # what was scaled is not scaled once more
        return found
    for reading in readings(case):
        if reading.text.endswith("centred") or "range from 0" in reading.text:
            scale = plain * reading.scale
            if "ddof" not in reading.text and "two" not in reading.text:  # they change C alone
                found.append(Shape(scale, None, f" where {reading.text}{whose}"))
            text = f" where {reading.text}, as these coefficients are{whose}"
            found.append(Shape(scale, reading.matrix, text))
    return found


def _all_alike(case: Discrepancy) -> Array | None:
    """The squares of all coefficients of scaled columns, (k, k), of the model's coefficients."""
    if case.scaling is None:
        return None
    back = np.linalg.inv(case.scaling)
    return np.asarray(back.T @ back)


def penalised(case: Discrepancy, least: float = 0.0) -> Iterator[Cause]:
    """Every penalty, of a strength of `least` or more."""

    def sparse() -> list[Cause]:
        found = case.at_once([lambda: list(ridge(case, least)), lambda: list(lasso(case, least))])
        both = [cause for some in found for cause in some]
        left = min((cause.distance for cause in both), default=math.inf)
        return [*both, *elastic_net(case, least, left)]

    others = (lambda: list(firth(case)), lambda: list(log_f(case, least)))
    for found in case.at_once([sparse, *others]):
        yield from found


def ridge(
    case: Discrepancy, least: float = 0.0, among: list[Shape] | None = None
) -> Iterator[Cause]:
    """S(b) = P b / C, P diagonal: 1, or the squared scale of predictors that were scaled."""
    k, intercept = len(case.b), case.intercept
    variants = shapes(case) if among is None else among
    numbers = [case.b if s.matrix is None else s.matrix @ case.b for s in variants]
    each = zip(variants, numbers, strict=True)
    solved = case.at_once([partial(_least_penalised, case, s.square, b, least) for s, b in each])
    for shape, b, found in zip(variants, numbers, solved, strict=True):
        if found is None or _scaled_alone(case, shape, found[2]):
            continue
        strength, left, whole = found
        detail = (
            "the score is proportional to the coefficients, as at the maximum of a likelihood "
            f"with a ridge penalty of C = {1 / strength:.4g} (lambda = {strength:.4g}){shape.text}"
        )
        cure = CURE
        if abs(strength - 1) <= DEFAULT:
            liblinear = shape.text == OF_INTERCEPT
            solver = "with solver='liblinear'" if liblinear else "LogisticRegression()"
            detail += f"; this is scikit-learn's default, {solver}"
        if shape.text == OF_INTERCEPT:
            cure += "; solver='liblinear' penalises the intercept as well, the others do not"
        # an intercept that is not penalised has a score of 0 with any penalty on the slopes
        of_all = intercept is None or shape.scale[intercept] > 0 or shape.matrix is not None
        free = 1 if of_all else 2
        yield case.cause(
            "ridge penalty",
            detail,
            left,
            len(variants),
            k,
            _whole_way(case, shape, b, whole),
            cure=cure,
            free=free,
            least=1,  # of one slope, any shrinkage
            matrix=shape.matrix,
            most=_most(case, shape, whole),
        )


def _scaled_alone(case: Discrepancy, shape: Shape, whole: float) -> bool:
    """Whether the scaling alone leads to the MLE: then a penalty explains nothing."""
    return (
        shape.matrix is not None
        and case.fit is not None
        and whole <= max(EXACT, case.rounding(shape.matrix))
    )


def _most(case: Discrepancy, shape: Shape, whole: float) -> float:
    """What may be left of the `whole` where a penalty is certain; negative where it cannot be.

    The scaling of columns explains most by itself: which shrinkage there is besides, the digits of
    the numbers must show.
    """
    most = PENALTY_LEAVES * whole
    return most if shape.matrix is None or case.rounding(shape.matrix) <= most else -1.0


def _whole_way(case: Discrepancy, shape: Shape, b: Array, whole: float) -> float:
    """The distance that a penalty explains.

    Numbers of no size are near the maximum of every likelihood with a large penalty.
    """
    if case.fit is None:
        return whole
    if shape.matrix is not None:
        whole = max(whole, case.distance)
    return min(whole, case.shrunk(b, shape.scale > 0))


def _least_penalised(
    case: Discrepancy, penalty: Array, b: Array, least: float
) -> tuple[float, float, float] | None:
    """Strength of the penalty at whose maximum b is, how far b is from it, and from the MLE.

    Without an MLE distances are in standard errors of the penalised maximum, and from 0.
    """
    strength = _strength(case, penalty @ b, b, least)
    ground = case.ground()
    if strength is None or ground is None:
        return None
    shrinking = strength * ground.root.T @ penalty @ ground.root
    maximum = maximum_of(ground.rows, ground.start, penalty=shrinking)
    found = None if maximum is None else case.gaps(ground, b, maximum, shrinking)
    return None if found is None or found[0] > EXPLAINED * found[1] else (strength, *found)


def _strength(case: Discrepancy, shrink: Array, b: Array, least: float) -> float | None:
    """What to multiply `shrink` with to get the score at b, if that can be called so."""
    white = _metric(case, b)
    if white is None:
        return None
    pull, along = white.T @ case.model.score(b), white.T @ shrink
    strength = float(pull @ along) / max(float(along @ along), 1e-300)
    gap, whole = float(np.linalg.norm(pull - strength * along)), float(np.linalg.norm(pull))
    near = strength > least and math.isfinite(strength) and gap <= EXPLAINED * whole
    return strength if near else None


def _metric(case: Discrepancy, b: Array) -> Array | None:
    """Columns in which scores at b are measured; without an MLE all rows weigh alike."""
    if case.fit is not None and b is case.b:
        return case.white
    return whitening(case.model.rows, None if case.fit is None else b)


class Corner(NamedTuple):
    """Numbers of which some may be held at 0 by a penalty on absolute values."""

    shape: Shape
    b: Array  # (k,), in the columns that are penalised
    active: NDArray[np.bool_]  # which are not 0, and penalised
    direction: Array  # in which the absolute values grow
    ways: int

    @property
    def number(self) -> int:
        """How many are active."""
        return int(np.count_nonzero(self.active))


def corners(case: Discrepancy) -> Iterator[Corner]:
    """The numbers under each shape of a penalty."""
    variants = shapes(case)
    for shape in variants:
        if shape.quadratic is not None:  # of sums of these numbers, whose absolute values it lacks
            continue
        b = case.b if shape.matrix is None else shape.matrix @ case.b
        active = (b != 0) & (shape.scale > 0)
        direction = np.where(active, shape.scale * np.sign(b), 0.0)
        yield Corner(shape, b, active, direction, len(variants))


def lasso(case: Discrepancy, least: float = 0.0) -> Iterator[Cause]:
    """|S_j(b)| = lambda where b_j is not 0, and no larger where it is."""

    def at(corner: Corner) -> list[Cause]:
        if not corner.number or (corner.number == 1 and corner.b.all()):
            return []  # of one slope ridge says the same
        strengths = _strengths(case, corner.b, corner.active, [corner.direction])
        if strengths is None or not strengths[0] > least:
            return []
        (strength,) = strengths
        causes = _at_a_corner(
            case,
            corner,
            (strength, 0.0),
            "lasso penalty",
            "the score is as large for every coefficient that is not 0, as at the maximum of a "
            f"likelihood with a lasso penalty of C = {1 / strength:.4g} (lambda = {strength:.4g}, ",
        )
        return list(causes)

    for found in case.at_once([partial(at, corner) for corner in corners(case)]):
        yield from found


def elastic_net(
    case: Discrepancy, least: float = 0.0, simpler: float = math.inf
) -> Iterator[Cause]:
    """Both penalties at once; `simpler` is what one of them alone leaves unexplained."""

    def at(corner: Corner) -> list[Cause]:
        if corner.number < 3:  # two strengths explain any two coefficients
            return []
        squares = np.square(corner.shape.scale) * corner.b
        strengths = _strengths(case, corner.b, corner.active, [corner.direction, squares])
        if strengths is None or min(strengths) <= least:
            return []
        total = sum(strengths)
        share = strengths[0] / total
        if not MIXED < share < 1 - MIXED:
            return []
        causes = _at_a_corner(
            case,
            corner,
            (strengths[0], strengths[1]),
            "elastic net",
            "the score is a constant and a multiple of each coefficient, as at the maximum of a "
            f"likelihood with an elastic net of C = {1 / total:.4g} (lambda = {total:.4g}) and "
            f"l1_ratio = {share:.3g} (",
            BETTER * simpler,
        )
        return list(causes)

    for found in case.at_once([partial(at, corner) for corner in corners(case)]):
        yield from found


def _at_a_corner(
    case: Discrepancy,
    corner: Corner,
    strengths: tuple[float, float],
    name: str,
    words: str,
    most: float = math.inf,
) -> Iterator[Cause]:
    """The cause that numbers are at the maximum under both penalties, of which one may be 0.

    Nothing where that leaves more than `most` unexplained.
    """
    shape = corner.shape
    found = _sparse(case, shape, corner.b, *strengths)
    if found is None or _scaled_alone(case, shape, found[1]) or found[0] > most:
        return
    left, whole, zeros = found
    both = strengths[1] > 0
    yield case.cause(
        name,
        f"{words}{zeros} of the coefficients 0){shape.text}",
        left,
        corner.ways,
        corner.number,
        _whole_way(case, shape, corner.b, whole),
        cure=CURE,
        free=2 if both else 1,
        least=0 if both else 1,
        among=corner.active,
        matrix=shape.matrix,
        most=_most(case, shape, whole),
    )


def _strengths(
    case: Discrepancy, b: Array, active: NDArray[np.bool_], directions: list[Array]
) -> tuple[float, ...] | None:
    """What to multiply the directions with to get the scores of the active coefficients."""
    # on separated data the information says nothing along what diverges: weigh all rows alike
    alike = case.fit is None

    def of_block(block: Block) -> Array:
        terms = row_terms(block, b)
        curvature = block.counts / 4 if alike else terms.curvature
        design: Any = block.design
        squares = design.squares() if isinstance(design, Structured) else np.square(design)
        return np.array([terms.residual @ design, curvature @ squares])

    score, variance = as_held(case.model.rows).reduce(of_block)[:, active]  # of scores
    errors = np.sqrt(variance)
    if not (np.isfinite(errors).all() and errors.all() and np.isfinite(score).all()):
        return None
    columns = np.column_stack([direction[active] / errors for direction in directions])
    fitted, _, rank, _ = np.linalg.lstsq(columns, score / errors, rcond=1e-9)
    if rank < len(directions) or not np.isfinite(fitted).all():
        return None
    gap, whole = np.linalg.norm(score / errors - columns @ fitted), np.linalg.norm(score / errors)
    return tuple(map(float, fitted)) if gap <= EXPLAINED * whole else None


def _sparse(
    case: Discrepancy, shape: Shape, b: Array, absolute: float, quadratic: float
) -> tuple[float, float, int] | None:
    """How far b is from the maximum with a penalty on absolute values, and from the MLE; its zeros.

    With the signs that coefficients have there, the penalty is linear. Where a sign changes, the
    coefficient is 0; where the score of a 0 is larger than the penalty, it is not. What no longer
    changes is the maximum.
    """
    weights = absolute * shape.scale
    signs = np.sign(b) * (shape.scale > 0)
    for _ in range(MOST_CHANGES):
        columns = np.flatnonzero((shape.scale == 0) | (signs != 0)).tolist()
        ground = case.ground(columns) if columns else None
        if ground is None:
            return None
        squares = ground.root.T * (quadratic * np.square(shape.scale)) @ ground.root
        tilt = ground.root.T @ (weights * signs)
        found = maximum_of(ground.rows, ground.start, penalty=squares, tilt=tilt)
        if found is None:
            return None
        full = ground.root @ found
        turned = (signs != 0) & (np.sign(full) != signs)
        score = case.model.score(full)
        held = (shape.scale > 0) & (signs == 0)
        loose = held & (np.abs(score) > weights * (1 + 1e-6))
        if not (turned.any() or loose.any()):
            break
        signs[turned] = 0.0
        signs[loose] = np.sign(score[loose])
    else:
        return None
    if (b[held] != 0).any() and case.fit is None:
        return None
    gaps = _gaps_of_some(case, ground, b, found, squares)
    if gaps is None or gaps[0] > EXPLAINED * gaps[1]:
        return None
    return (*gaps, int(np.count_nonzero(held)))


def _gaps_of_some(
    case: Discrepancy, ground: Ground, b: Array, found: Array, squares: Array
) -> tuple[float, float] | None:
    """`Discrepancy.gaps` of a maximum in which the other columns are 0.

    The penalty explains the way from the MLE with these zeros, not that to the zeros.
    """
    if case.fit is None:
        return case.gaps(ground, b, found, squares)
    bare = maximum_of(ground.rows, ground.start)
    if bare is None:
        return None
    solution, without = ground.root @ found, ground.root @ bare
    whole = min(case.length(b - case.fit.coefficients), case.length(b - without))
    return case.length(b - solution), whole


def firth(case: Discrepancy) -> Iterator[Cause]:
    """S(b) = -X'(h (1/2 - p)), h the leverages: Firth's modified score vanishes."""
    ground = case.ground()
    if ground is None:
        return
    found = case.once(firth_maximum, partial(_firth_maximum, ground))
    if found is None:
        return
    inside = np.asarray(np.linalg.solve(ground.root, found), dtype=float)
    gaps = case.gaps(ground, case.b, inside)
    if gaps is None:
        return
    detail = (
        "these maximise the likelihood with Firth's penalty (Jeffreys' prior), as logistf and "
        "brglm2 do"
    )
    cure = (
        "fit without the penalty: R's glm, in logistf firth = FALSE, in SAS without the option "
        "firth. Where the MLE does not exist, Firth's estimate still does"
    )
    yield case.cause("Firth penalty", detail, gaps[0], 1, len(case.b), gaps[1], cure=cure)


def _firth_maximum(ground: Ground) -> Array | None:
    found = firth_maximum(ground.rows, ground.start)
    return None if found is None else np.asarray(ground.root @ found)


def log_f(case: Discrepancy, least: float = 0.0) -> Iterator[Cause]:
    """S_j(b) = m tanh(b_j / 2) / 2: a log-F(m, m) prior on each slope."""
    ground, slopes, k = case.ground(), case.slopes, len(case.b)
    if ground is None or not slopes:
        return
    penalised = np.zeros(k)
    penalised[slopes] = case.units[slopes]
    strength = _strength(case, penalised * np.tanh(penalised * case.b / 2) / 2, case.b, least)
    if strength is None:
        return
    rows = penalised[slopes, None] * ground.root[slopes]
    ground = ground._replace(rows=ground.rows.followed_by(_observations(rows, strength / 2)))
    found = maximum_of(ground.rows, ground.start)
    gaps = None if found is None else case.gaps(ground, case.b, found)
    if gaps is None or gaps[0] > EXPLAINED * gaps[1]:
        return
    m = round(strength) if abs(strength - round(strength)) <= DEFAULT * strength else strength
    detail = (
        f"these maximise the likelihood with a log-F({m:.3g}, {m:.3g}) prior on each slope, which "
        f"is {m / 2:.3g} observations of each outcome at one unit of each predictor"
    )
    cure = "leave out the prior, or the rows that were added for it"
    free = 1 if case.intercept is None else 2
    whole = _whole_way(case, Shape(penalised, None, ""), case.b, gaps[1])
    yield case.cause(
        "log-F penalty",
        detail,
        gaps[0],
        MANY,  # of one coefficient every penalty says the same: the usual one first
        k,
        whole,
        cure=cure,
        free=free,
        least=1,
        most=PENALTY_LEAVES * gaps[1],
    )


def _observations(rows: Array, number: float) -> Block:
    """`number` observations of each outcome at each of some `rows` (m, k)."""
    sign = np.repeat([1.0, -1.0], len(rows))
    return Block(np.vstack([rows, rows]), sign, None, np.full(len(sign), number))
