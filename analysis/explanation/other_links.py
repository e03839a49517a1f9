"""Another link in place of the logit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from flatprior.analysis.explanation.changed_problems import (
    Terms,
    cauchit,
    complementary_log_log,
    log_log,
    maximum_of,
    probit,
)
from flatprior.analysis.explanation.discrepancy import Cause, Discrepancy
from flatprior.models.common.arrays import Array
from flatprior.models.rows import Block

LOGIT_TO_PROBIT = 0.6  # about what probit coefficients are of the logit's

LINKS = (
    (
        "probit",
        "these maximise the probit likelihood, P(y = 1) = Phi(x'beta), in place of the logit",
        probit,
        LOGIT_TO_PROBIT,
    ),
    (
        "complementary log-log",
        "these maximise the likelihood of the complementary log-log link, "
        "P(y = 1) = 1 - exp(-exp(x'beta)), in place of the logit",
        complementary_log_log,
        1.0,
    ),
    (
        "complementary log-log",
        "these maximise the likelihood of the log-log link, P(y = 1) = exp(-exp(-x'beta)), the "
        "complementary one of the opposite outcome, in place of the logit",
        log_log,
        1.0,
    ),
    (
        "cauchit",
        "these maximise the likelihood of the cauchit link, P(y = 1) = 1/2 + arctan(x'beta) / pi, "
        "in place of the logit",
        cauchit,
        1.0,
    ),
)

CURE = (
    'ask for the logit: in R binomial(link = "logit"), in statsmodels Logit, or '
    "GLM(..., family=Binomial()) without another link; in SAS link=logit, in Stata logit"
)


def another_link(case: Discrepancy) -> Iterator[Cause]:
    """What maximises the likelihood of each of `LINKS`."""
    for name, detail, terms, factor in LINKS:
        found = case.once(terms, partial(_maximum, case, terms, factor))
        if found is None:
            continue
        left = case.length(case.b - found)
        ways = sum(name == other for other, *_ in LINKS)
        yield case.cause(name, detail, left, ways, len(case.b), cure=CURE)


def _maximum(
    case: Discrepancy, terms: Callable[[Block, Array], Terms], factor: float
) -> Array | None:
    found = maximum_of(case.block, case.whitened(factor * case.mle.coefficients), terms)
    return None if found is None else case.unwhitened(found)
