"""The right numbers in another place or form: by other levels, in another order, exponentiated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment

from flatprior.analysis.explanation.discrepancy import Cause, Discrepancy
from flatprior.analysis.explanation.penalties import Shape, ridge
from flatprior.analysis.explanation.reference_levels import MOST_CODINGS, Placed, recodings
from flatprior.models.common.text import first_of, printable

LARGEST_GAP = 1e6  # standard errors, in the search for an order

CURE_OF_LEVELS = (
    "name the reference level: in a formula C(x, Treatment(reference='a')), in R relevel(x, 'a'), "
    "in SAS class x (ref='a')"
)
CURE_OF_ORDER = (
    "match coefficients and columns by name: dict(zip(X.columns, estimator.coef_[0])), and check "
    "that the intercept stands where the model has it"
)
CURE_OF_EXPONENTS = (
    "these are odds ratios: take their logarithms, or ask for coefficients (in SAS Estimate, in "
    "Stata logit in place of logistic, in broom exponentiate = FALSE)"
)
CURE_OF_ALL_COLUMNS = (
    "leave out columns that are combinations of others, as R does, and as the model here did"
)
CURE_OF_DUMMIES = (
    "leave out the indicator of one level: pd.get_dummies(x, drop_first=True), in scikit-learn "
    "OneHotEncoder(drop='first')"
)


def reference_level(case: Discrepancy) -> Iterator[Cause]:
    """The coefficients of a category as differences from another level, in its place."""
    for text, matrix in recodings(case.model):
        detail = f"coefficients are {text}; the fitted probabilities are the same"
        yield case.recoding("reference level", detail, matrix, MOST_CODINGS, cure=CURE_OF_LEVELS)


def recoded(case: Discrepancy, placed: Placed) -> Iterator[Cause]:
    """The same by the names of the levels; `case` is at the coefficients so read."""
    name, cure = "reference level", CURE_OF_LEVELS
    detail = f"coefficients are {placed.recoded}; the fitted probabilities are the same"
    if placed.left_in:
        name, cure = "dummy left in", CURE_OF_DUMMIES
        detail = (
            f"there is a coefficient for every level of {placed.left_in} beside the intercept, "
            "which is one too many: only their differences mean anything, and these are the MLE's"
        )
    elif placed.left_out:
        name, cure = "dependent columns", CURE_OF_ALL_COLUMNS
    whole = case.length(case.mle.coefficients)
    yield case.cause(name, detail, case.distance, 1, len(case.b), whole, cure=cure, unmoved=True)


def ridge_on_every_level(case: Discrepancy, placed: Placed) -> Iterator[Cause]:
    """A ridge penalty on a coefficient for every level, which makes them differ in one way alone.

    Of all that have the same differences, the penalty is smallest for one; that is a quadratic
    penalty on the differences.
    """
    matrix, intercept = placed.matrix, case.intercept
    directions = np.linalg.svd(matrix)[2][len(matrix) :].T  # that change no difference
    beside = f", one for every level of {placed.left_in or 'a category'}"
    if placed.left_out and not placed.left_in:
        beside = (
            f", also of {first_of(map(printable, placed.left_out))}, which the model leaves out"
        )
    variants = [(np.arange(matrix.shape[1]) != intercept, "; the intercept was not penalised")]
    if placed.left_in or placed.left_out:
        variants.append((np.ones(matrix.shape[1], dtype=bool), "; the intercept was too"))
    found = []
    for penalised, text in variants:
        diagonal = np.diag(penalised.astype(float))
        inverse = np.linalg.pinv(directions.T @ diagonal @ directions)
        smallest = np.linalg.pinv(matrix)
        smallest = smallest - directions @ inverse @ directions.T @ diagonal @ smallest
        scale = np.ones(len(case.b))
        if intercept is not None and not penalised[intercept]:
            scale[intercept] = 0.0
        found.append(Shape(scale, None, beside + text, smallest.T @ diagonal @ smallest))
    yield from ridge(case, among=found)


def exponentiated(case: Discrepancy) -> Iterator[Cause]:
    """The logarithms of some of the coefficients, or of all, are the MLE."""
    b, mle, intercept = case.b, case.mle.coefficients, case.intercept
    with np.errstate(all="ignore"):
        logs = np.log(b)
    nearer = (b > 0) & (np.abs(logs - mle) < np.abs(b - mle))
    if not nearer.any():
        return
    slope = np.where(nearer, 1 / np.where(nearer, b, 1.0), 1.0)
    restored = np.where(nearer, logs, b)
    unsaid = intercept is not None and b[intercept] == 0
    if unsaid:  # a table of odds ratios often has none
        restored[intercept] = mle[intercept]
    others = [j for j in range(len(b)) if not nearer[j] and not (unsaid and j == intercept)]
    whole = not others or others == [intercept]
    names = [printable(case.model.names[j]) for j in np.flatnonzero(nearer)]
    which = "the coefficients" if not others else first_of(names)
    detail = (
        f"{which} {'are' if not others or len(names) > 1 else 'is'} exponentiated: "
        f"{'odds ratios' if len(names) > 1 else 'an odds ratio'}, not log-odds"
    )
    yield case.restored(
        "exponentiated",
        detail,
        restored,
        nearer & (b != 1),  # of which nothing follows, as of 0
        slope,
        1.0 if whole else 2.0 ** len(b),
        cure=CURE_OF_EXPONENTS,
        rounding=case.rounding(np.diag(slope)),
    )


def permuted(case: Discrepancy) -> Iterator[Cause]:
    """The coefficients in another order are the MLE."""
    b, mle, k = case.b, case.mle.coefficients, len(case.b)
    gaps = np.abs(b[:, None] - mle) / case.mle.standard_errors
    # the logarithm: one number that fits nowhere does not decide where the others belong
    order = linear_sum_assignment(np.log(np.minimum(gaps, LARGEST_GAP) + 1e-12).T)[1]
    changed = np.flatnonzero(order != np.arange(k))
    if not len(changed):
        return
    matrix = np.eye(k)[order]
    names = [printable(name) for name in case.model.names]
    if len(changed) == 2:
        how = f"those of {names[changed[0]]} and {names[changed[1]]} are exchanged"
    else:
        how = first_of(f"that of {names[j]} is given to {names[order[j]]}" for j in changed)
    restored = matrix @ b
    telling = (order != np.arange(k)) & (b != 0) & (restored != 0)
    m = len(changed)
    ways = math.comb(k, m) * math.factorial(m)
    yield case.restored(
        "permuted",
        f"the coefficients are the MLE in another order: {how}",
        restored,
        telling,
        np.ones(k),
        float(min(ways, 10**300)),
        cure=CURE_OF_ORDER,
        rounding=case.rounding(matrix),
    )
