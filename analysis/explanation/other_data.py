"""The opposite outcomes, no intercept, no weights, no offset: another response, another design."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flatprior.analysis.explanation.changed_problems import maximum_of
from flatprior.analysis.explanation.discrepancy import Cause, Discrepancy
from flatprior.models.common.text import printable

CURE_FLIPPED = (
    "let the same outcome count as 1 in both: change the sign of every coefficient, or recode the "
    "response (1 - y; in R factor(y, levels = c(OTHER, EVENT)), in SAS descending)"
)
CURE_INTERCEPT = (
    "add the intercept: in statsmodels sm.add_constant(X), in scikit-learn fit_intercept=True, in "
    "a formula no 0 or -1"
)


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
    yield case.cause("response flipped", detail, left, 1, len(case.b), cure=CURE_FLIPPED)


def no_intercept(case: Discrepancy) -> Iterator[Cause]:
    """The MLE without the intercept, which is 0 itself."""
    model, j = case.model, case.intercept
    if j is None or case.b[j] != 0 or not case.slopes:
        return
    others = case.slopes
    ground = case.ground(others)
    found = None if ground is None else maximum_of(ground.block, ground.start)
    if ground is None or found is None:
        return
    without = np.zeros(len(case.b))
    without[others] = ground.root @ found
    name = printable(model.names[j])
    detail = f"the intercept {name} was left out: the other coefficients are the MLE without it"
    left = case.length(case.b - without)
    yield case.cause("missing intercept", detail, left, 1, len(others), cure=CURE_INTERCEPT)


def weights_ignored(case: Discrepancy) -> Iterator[Cause]:
    """The MLE of the rows, each counted once."""
    if case.block.weights is None:
        return
    found = maximum_of(case.block._replace(weights=None), case.whitened(case.mle.coefficients))
    if found is None:
        return
    detail = "these are the MLE without the frequency weights: every row counts once"
    cure = (
        "pass the weights: in statsmodels GLM(..., freq_weights=w), in scikit-learn "
        "fit(X, y, sample_weight=w), in R glm(..., weights = w); or repeat each row as often"
    )
    left = case.length(case.b - case.unwhitened(found))
    yield case.cause("weights ignored", detail, left, 1, len(case.b), cure=cure)


def offset_ignored(case: Discrepancy) -> Iterator[Cause]:
    """The MLE without the offset, or with the opposite one."""
    offset = case.block.offset
    if offset is None or not offset.any():
        return
    cure = (
        "pass the offset, on the log-odds scale and with its sign: in statsmodels GLM(..., "
        "offset=o), in R glm(..., offset = o); scikit-learn takes none"
    )
    start = case.whitened(case.mle.coefficients)
    for other, detail in (
        (None, "these are the MLE without the offset"),
        (-offset, "these are the MLE with the offset subtracted in place of added"),
    ):
        found = maximum_of(case.block._replace(offset=other), start)
        if found is not None:
            left = case.length(case.b - case.unwhitened(found))
            yield case.cause("offset ignored", detail, left, 2, len(case.b), cure=cure)
