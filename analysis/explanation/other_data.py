"""Another response, design or link.

The opposite outcomes, no intercept, no weights, no offset; and what is not the logit.
"""

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
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import printable
from flatprior.models.rows import ArrayRows, Block

CURE_FLIPPED = (
    "let the same outcome count as 1 in both: change the sign of every coefficient, or recode the "
    "response (1 - y; in R factor(y, levels = c(OTHER, EVENT)), in SAS descending)"
)
CURE_INTERCEPT = (
    "add the intercept: in statsmodels sm.add_constant(X), in scikit-learn fit_intercept=True, in "
    "a formula no 0 or -1"
)

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

CURE_OF_LINK = (
    'ask for the logit: in R binomial(link = "logit"), in statsmodels Logit, or '
    "GLM(..., family=Binomial()) without another link; in SAS link=logit, in Stata logit"
)


def flipped(case: Discrepancy) -> Iterator[Cause]:
    """The MLE of the opposite outcomes."""
    detail = (
        "these are the MLE of the opposite response: what counts as 1 here counts as 0 there, and "
        "every coefficient has the other sign"
    )
    opposite = -case.mle.coefficients
    if case.model.rows.has_offset:  # else it is known
        rows = case.rows.changed(lambda block: block._replace(sign=-block.sign))
        found = maximum_of(rows, case.whitened(opposite))
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
    found = None if ground is None else maximum_of(ground.rows, ground.start)
    if ground is None or found is None:
        return
    without = ground.root @ found
    name = printable(model.names[j])
    detail = f"the intercept {name} was left out: the other coefficients are the MLE without it"
    left = case.length(case.b - without)
    yield case.cause("missing intercept", detail, left, 1, len(others), cure=CURE_INTERCEPT)


def weights_ignored(case: Discrepancy) -> Iterator[Cause]:
    """The MLE of the rows, each counted once."""
    if not weighted(case.model):
        return
    rows = case.rows.changed(lambda block: block._replace(weights=None))
    found = maximum_of(rows, case.whitened(case.mle.coefficients))
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
    if case.model.rows.extent_of_offset == 0:
        return
    cure = (
        "pass the offset, on the log-odds scale and with its sign: in statsmodels GLM(..., "
        "offset=o), in R glm(..., offset = o); scikit-learn takes none"
    )
    start = case.whitened(case.mle.coefficients)
    ways = (
        (_without_offset, "these are the MLE without the offset"),
        (
            lambda block: block._replace(offset=-block.offset),
            "these are the MLE with the offset subtracted in place of added",
        ),
    )
    changed = [partial(maximum_of, case.rows.changed(change), start) for change, _ in ways]
    for (_, detail), found in zip(ways, case.at_once(changed), strict=True):
        if found is not None:
            left = case.length(case.b - case.unwhitened(found))
            yield case.cause("offset ignored", detail, left, 2, len(case.b), cure=cure)


def _without_offset(block: Block) -> Block:
    return block._replace(offset=None)


def weighted(model: BernoulliLogistic) -> bool:
    """Whether rows have frequency weights."""
    some = model.rows if isinstance(model.rows, ArrayRows) else model.rows.drawn
    return some.weights is not None


def another_link(case: Discrepancy) -> Iterator[Cause]:
    """What maximises the likelihood of each of `LINKS`."""
    solve = [
        partial(case.once, terms, partial(_maximum_under, case, terms, f)) for *_, terms, f in LINKS
    ]
    for (name, detail, *_), found in zip(LINKS, case.at_once(solve), strict=True):
        if found is None:
            continue
        left = case.length(case.b - found)
        ways = sum(name == other for other, *_ in LINKS)
        yield case.cause(name, detail, left, ways, len(case.b), cure=CURE_OF_LINK)


def _maximum_under(
    case: Discrepancy, terms: Callable[[Block, Array], Terms], factor: float
) -> Array | None:
    found = maximum_of(case.rows, case.whitened(factor * case.mle.coefficients), terms)
    return None if found is None else case.unwhitened(found)
