"""Class weights: the rows of one outcome count more than those of the other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from flatprior.analysis.explanation.changed_problems import maximum_of
from flatprior.analysis.explanation.discrepancy import EXACT, EXPLAINED, Cause, Discrepancy, Ground
from flatprior.analysis.explanation.penalties import (
    BETTER,
    DEFAULT,
    MANY,
    OF_INTERCEPT,
    PENALTY_LEAVES,
    Shape,
    shapes,
)
from flatprior.models.common.arrays import Array
from flatprior.models.rows import Block

BALANCED = 0.01  # relative: a ratio so near that of the numbers of rows is it
ALIKE = 0.01  # relative: a ratio so near 1 is none
UNLIKE = 0.05  # the same where a penalty is estimated beside it
WIDEST = 1e6

CURE = "weigh the rows alike: in scikit-learn class_weight=None; in R and statsmodels no weights"


def class_weights(case: Discrepancy) -> Iterator[Cause]:
    """R S_1(b) + S_0(b) = 0, S_1 and S_0 the scores of the rows of either outcome."""
    if case.white is None or not case.measurable:
        return
    ground = case.ground()
    zeros, ones = case.by_outcome.scores
    if ground is None or not (ones @ ones > 0 and zeros @ zeros > 0):
        return
    without_penalty = math.inf
    for cause in _weights_alone(case, ground, ones, zeros):
        without_penalty = min(without_penalty, cause.distance)
        yield cause
    if without_penalty > EXACT:
        yield from _with_ridge(case, ground, ones, zeros, without_penalty)


def _weights_alone(case: Discrepancy, ground: Ground, ones: Array, zeros: Array) -> Iterator[Cause]:
    estimated = -float(ones @ zeros) / float(ones @ ones)
    gap = float(np.linalg.norm(estimated * ones + zeros))
    whole = float(np.linalg.norm(case.pull))
    if not (1 / WIDEST < estimated < WIDEST and gap <= EXPLAINED * whole):
        return
    balanced = _balanced(case)
    options = [(estimated, 1)]
    if abs(math.log(estimated / balanced)) <= BALANCED:
        options.append((balanced, 0))
    for ratio, free in options:
        if abs(math.log(ratio)) <= ALIKE:
            continue
        found = _maximum(case, ground, ratio, 1.0)
        if found is None:
            continue
        left = case.length(case.b - ground.root @ found)
        shifted = _intercept_alone(case, left)
        how = (
            "class_weight='balanced'"
            if not free
            else f"a row of outcome 1 counts {ratio:.4g} times as much as one of outcome 0"
        )
        yield case.cause(
            "class weights",
            f"these maximise the likelihood with class weights: {how}{shifted}",
            left,
            2,
            len(case.b),
            cure=CURE,
            free=free,
            most=-1.0 if shifted else EXACT,
        )


def _intercept_alone(case: Discrepancy, left: float) -> str:
    """In words, that the intercept alone is another, where it is: weights may move nothing else."""
    moved = np.abs(case.b - case.mle.coefficients) / case.mle.standard_errors
    if (moved[case.slopes] > max(EXACT, left)).any() or case.intercept is None:
        return ""
    shift = case.b[case.intercept] - case.mle.coefficients[case.intercept]
    return f"; or {shift:.4g} was added to the intercept, as where the outcomes were sampled apart"


def _with_ridge(
    case: Discrepancy, ground: Ground, ones: Array, zeros: Array, alone: float
) -> Iterator[Cause]:
    """w_1 S_1(b) + w_0 S_0(b) = P b / C, as in scikit-learn with its penalty."""
    assert case.white is not None  # noqa: S101
    variants = [shape for shape in shapes(case) if shape.matrix is None]
    for shape in variants:
        shrink = case.white.T @ (shape.square @ case.b)
        for weights, strength, free in _estimated(case, ones, zeros, shrink):
            quadratic = strength * ground.root.T @ shape.square @ ground.root
            found = _maximum(case, ground, *weights, penalty=quadratic)
            if found is None:
                continue
            left = case.length(case.b - ground.root @ found)
            if left > BETTER * alone:
                continue
            how = (
                "class_weight='balanced'"
                if free == 1
                else f"a row of outcome 1 counts {weights[0] / weights[1]:.4g} times as much as "
                "one of outcome 0"
            )
            penalty = f"a ridge penalty of C = {1 / strength:.4g}"
            if abs(strength - 1) <= DEFAULT and shape.text != OF_INTERCEPT:
                penalty += ", scikit-learn's default"
            yield case.cause(
                "class weights",
                f"these maximise the likelihood with class weights ({how}) and {penalty}"
                f"{shape.text}",
                left,
                2.0 * len(variants) if free == 1 else MANY,
                len(case.b),
                _whole(case, shape),
                cure=f"{CURE}; and fit without a penalty: LogisticRegression(C=np.inf)",
                # an intercept that is not penalised has a score of 0 with any penalty
                free=free + (case.intercept is not None and not shape.scale[case.intercept]),
                most=min(EXACT, PENALTY_LEAVES * _whole(case, shape)),
            )


def _estimated(
    case: Discrepancy, ones: Array, zeros: Array, shrink: Array
) -> Iterator[tuple[tuple[float, float], float, int]]:
    """Weights of outcomes 1 and 0, the strength of the penalty, and how many were estimated."""
    others, events = case.by_outcome.rows.tolist()
    rows = (events, others)
    balanced = (sum(rows) / (2 * rows[0]), sum(rows) / (2 * rows[1]))
    pull = balanced[0] * ones + balanced[1] * zeros
    length = float(shrink @ shrink)
    if length > 0 and abs(math.log(_balanced(case))) > ALIKE:
        strength = float(pull @ shrink) / length
        if strength > 0 and np.linalg.norm(pull - strength * shrink) <= EXPLAINED * (
            np.linalg.norm(case.pull)
        ):
            yield balanced, strength, 1
    # weights as they are given have a scale of their own, which the penalty takes up
    columns = np.column_stack([ones, -shrink])
    fitted, _, rank, _ = np.linalg.lstsq(columns, -zeros, rcond=1e-12)
    ratio, strength = map(float, fitted)
    gap = float(np.linalg.norm(columns @ fitted + zeros))
    if (
        rank == 2
        and strength > 0
        and 1 / WIDEST < ratio < WIDEST
        and abs(math.log(ratio)) > UNLIKE
        and gap <= EXPLAINED * np.linalg.norm(case.pull)
    ):
        yield (ratio, 1.0), strength, 2


def _whole(case: Discrepancy, shape: Shape) -> float:
    """Numbers of no size are near the maximum of every likelihood with a large penalty."""
    return min(case.distance, case.shrunk(case.b, shape.scale > 0))


def _balanced(case: Discrepancy) -> float:
    """The ratio of the weights that make both outcomes count alike."""
    others, events = case.by_outcome.rows.tolist()
    return float(others / events)


def _maximum(
    case: Discrepancy, ground: Ground, one: float, zero: float, penalty: Array | None = None
) -> Array | None:

    def weighted(block: Block) -> Block:
        return block._replace(weights=block.counts * np.where(block.sign > 0, one, zero))

    return maximum_of(ground.rows.changed(weighted), ground.start, penalty=penalty)
