r"""Why do somebody else's coefficients differ? Each possible cause is tested by what it would give.

What a program computed solves a problem: a likelihood with a penalty, that of fewer rows, that of
the opposite outcomes, and so on. With b the coefficients in question, each changed problem is
solved, and b is some distance from its solution, in standard errors of the MLE; a problem without
a solution (rows that are separated, or of one outcome) is no cause. A cause that leaves :math:`d`
of the whole distance :math:`d_0` between b and the MLE unexplained, tried in N ways and with q
equations beyond its free parameters, would do so by coincidence with a probability of about

.. math:: N\,(d / d_0)^q .

Coefficients that have not moved from the MLE by more than d count for no equation: that all but one
are the MLE's own has many causes. Where a recoding leads from b to the MLE, each coefficient that
it changes counts with its own :math:`d / d_0`.

The cause with the smallest such number is named if it is below `COINCIDENCE` and leaves little
unexplained. It is stated as certain below `CERTAIN`, where it leaves no more than rounding or an
optimiser's tolerance would, and the number of no other cause is below its square root; those that
fit as well are said beside it. That an optimiser stopped early needs evidence like any other cause:
it took a path that is known (Newton's method, L-BFGS or gradient descent from zero), the gradient
is within the tolerance that the program is known to have, or it is so small as usual tolerances
leave it, where it hardly ever is. Without such evidence the answer is "none of these".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from flatprior.analysis.explanation.discrepancy import EXACT, Cause, Discrepancy
from flatprior.analysis.explanation.dropped_rows import rows_dropped
from flatprior.analysis.explanation.explained import (
    LEFT,
    Explanation,
    best_of_each,
    fits,
    is_certain,
    rivals,
)
from flatprior.analysis.explanation.no_maximum import without_mle
from flatprior.analysis.explanation.other_data import (
    CURE_FLIPPED,
    CURE_INTERCEPT,
    another_link,
    flipped,
    no_intercept,
    offset_ignored,
    weights_ignored,
)
from flatprior.analysis.explanation.other_weights import class_weights
from flatprior.analysis.explanation.penalties import log_f, penalised
from flatprior.analysis.explanation.posterior_means import (
    flipped_mean,
    posterior_mean,
    proper_prior,
)
from flatprior.analysis.explanation.reference_levels import (
    Placed,
    as_left_out,
    our_names,
    place,
)
from flatprior.analysis.explanation.renamed import (
    exponentiated,
    permuted,
    recoded,
    reference_level,
    ridge_on_every_level,
)
from flatprior.analysis.explanation.scalings import (
    CURE as CURE_OF_SCALING,
    SCALERS,
    Reading,
    any_units,
    location,
    readings,
    rescaled,
    scaled_columns,
)
from flatprior.analysis.explanation.stopping import (
    CURE as CURE_OF_STOPPING,
    descent,
    mean_gradient,
    path_from_zero,
    small_gradient,
)
from flatprior.analysis.producers.plain import in_all, named
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    certify,
)
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import EPSILON
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import at_most
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.gathering import as_drawn
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, Block

__all__ = ["Explanation", "explain", "explain_difference"]

Test = Callable[[Discrepancy], Iterable[Cause]]

SAME = 1e-6  # standard errors
COARSE = 0.25  # standard errors: numbers rounded so much cannot show a difference
COMBINED = 50.0  # ways in which two causes at once may be tried
MOST_RIVALS = 2  # that are said beside the likeliest cause


@model_first
def explain_difference(
    model: BernoulliLogistic,
    coefficients: Mapping[str, float] | ArrayLike,
    standard_errors: Mapping[str, float] | ArrayLike | None = None,
) -> Explanation:
    """Say why somebody else's coefficients are not the MLE of this model.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster: there all changed problems are solved
        side by side, with as few passes as the longest of them needs, which the result states.
    coefficients : mapping of str to float, or array_like (k,)
        By name, or in the order of ``model.names`` (or of all columns, where `aliased` ones were
        left out: NaN, R's NA, where there is none). By name the intercept may be absent, or stand
        under another program's name for it, and the levels of a category may be others.
    standard_errors : mapping of str to float, or array_like (k,), optional
        As stated beside them; they show a rescaling of predictors by any factors.

    Returns
    -------
    Explanation
        "none of these" is an answer too.

    Raises
    ------
    ValueError
        If a coefficient is missing, unknown or not finite.

    Examples
    --------
    >>> from flatprior.analysis import explain_difference
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> theirs = {"Intercept": 13.0213, "gpa": -2.8261, "tuce": -0.0952, "psi": -2.3787}
    >>> found = explain_difference(model, theirs)
    >>> found.title
    'response flipped'
    >>> found.message
    'these are the MLE of the opposite response: what counts as 1 here counts as 0 there, and \
every coefficient has the other sign'
    """
    return explain(model, coefficients, standard_errors)


def explain(
    model: BernoulliLogistic,
    coefficients: Mapping[str, float] | ArrayLike,
    standard_errors: Mapping[str, float] | ArrayLike | None = None,
    *,
    tolerance: float = math.nan,
) -> Explanation:
    """`explain_difference`, of a program without a penalty whose `tolerance` is known.

    It stops where no component of the gradient of the mean log-likelihood is larger. Where that
    holds and no cause is certain, it stopped early; and that is certain where no other cause fits,
    and it is not far from the MLE.
    """
    before, asked = model.passes, model
    model = as_drawn(model)  # few rows are at hand
    found = _explain(model, coefficients, standard_errors, tolerance)
    if before is None:
        return found
    return replace(found, passes=cast(Passes, asked.passes) - before)


def _explain(
    model: BernoulliLogistic,
    coefficients: Mapping[str, float] | ArrayLike,
    standard_errors: Mapping[str, float] | ArrayLike | None,
    tolerance: float,
) -> Explanation:
    names = in_all(model, coefficients)
    given = named(coefficients, names, "coefficients", finite=model.aliased is None)
    given = named(as_left_out(model, given), names, "coefficients")
    errors = None
    if standard_errors is not None:
        every = in_all(model, standard_errors)
        errors = named(standard_errors, every, "standard errors", finite=model.aliased is None)
        errors = {label: value for label, value in errors.items() if not math.isnan(value)}
        ours = our_names(model, list(errors))
        errors = {ours.get(label, label): value for label, value in errors.items()}
        if not all(value > 0 for value in errors.values()):
            raise InputError("standard errors must be positive")
    placed = place(model, given)
    if placed.their_intercept:
        return _their_intercept(model, placed, tolerance)
    try:
        fit = converged_mle(model)
    except MLEDoesNotExistError as error:
        return without_mle(model, placed, error.existence)
    with np.errstate(all="ignore"):  # numbers of any size may be given
        case = Discrepancy.at(model, fit, placed.given, placed.matrix)
        agreed = _agreement(case, placed)
        if agreed is not None:
            return agreed
        found = _concluded(case, _causes(case, placed, errors), tolerance)
        return replace(found, not_tried=tuple(case.untried))


# of b alone; each yields all ways in which it may have come about
TESTS = (
    penalised,
    class_weights,
    flipped,
    no_intercept,
    weights_ignored,
    offset_ignored,
    another_link,
    rescaled,
    reference_level,
    exponentiated,
    permuted,
    rows_dropped,
    path_from_zero,
    posterior_mean,
    flipped_mean,
    proper_prior,
)


def _causes(case: Discrepancy, placed: Placed, errors: Mapping[str, float] | None) -> list[Cause]:
    """Every cause in all its ways; those that take long, and two at once, where none is certain."""
    names = case.model.names
    causes: list[Cause] = []
    if placed.recoded or placed.left_in:
        causes = [*recoded(case, placed)]
        if case.distance <= max(EXACT, case.rounding()):
            return causes
        causes += _beside(ridge_on_every_level(case, placed), placed)
    if not case.model.rows.resident:  # what most tests ask for, in one pass
        case.at_once(
            [
                lambda: case.by_outcome,
                lambda: case.intercept,
                lambda: case.rows.longest,
                lambda: location(case.model),
            ]
        )
    causes += _beside(_of_each(case, TESTS), placed)
    if errors is not None and set(errors) >= set(names):
        stated = any_units(case, np.array([errors[name] for name in names]))
        causes += _beside(stated, placed)
    if _explained(causes, certainly=True) and best_of_each(causes)[0].cause == "ridge penalty":
        # of numbers near 0 a log-F prior on scaled columns is nearly one on these columns
        causes += _beside(_of_scaled_columns(case, (log_f,)), placed)
    if _explained(causes, certainly=True):
        return causes
    causes += _beside(_of_each(case, (descent, small_gradient, _of_scaled_columns)), placed)
    if not _explained(causes, certainly=False):
        causes += _beside(_opposite(case), placed)
    return causes


def _of_each(case: Discrepancy, tests: Sequence[Test]) -> Iterator[Cause]:
    """All causes that some tests yield, in their order; the tests share their passes."""

    def of(test: Test) -> list[Cause]:
        return list(test(case))

    for found in case.at_once([partial(of, test) for test in tests]):
        yield from found


def _explained(causes: list[Cause], certainly: bool) -> bool:
    ranked = best_of_each(causes)
    return bool(ranked) and fits(ranked[0]) and (not certainly or is_certain(ranked))


def _beside(causes: Iterable[Cause], placed: Placed) -> Iterator[Cause]:
    """The causes, and how their coding differs beside."""
    coding = ""
    if placed.left_in:
        coding = f"; beside that, there is a coefficient for every level of {placed.left_in}"
    elif placed.recoded:
        coding = f"; beside that, coefficients are {placed.recoded}"
    for cause in causes:
        yield replace(cause, detail=cause.detail + coding)


def _of_scaled_columns(
    case: Discrepancy, tests: tuple[Test, ...] = (penalised, class_weights, another_link)
) -> Iterator[Cause]:
    """Another cause, of predictors that were scaled, in whose columns the numbers are."""

    def of(reading: Reading) -> list[Cause]:
        scaled = scaled_columns(case, reading)
        if scaled is None or scaled.distance <= max(EXACT, scaled.rounding()):
            return []
        return [
            replace(
                cause,
                detail=f"{cause.detail}; beside that, {reading.text}",
                coincidence=min(COMBINED * cause.coincidence, 1.0),
                cure=f"{cause.cure}; and {CURE_OF_SCALING}",
            )
            for cause in _of_each(scaled, tests)
        ]

    some = [reading for reading in readings(case) if reading.text.endswith(SCALERS)]
    for found in case.at_once([partial(of, reading) for reading in some]):
        yield from found


def _opposite(case: Discrepancy) -> Iterator[Cause]:
    """Another cause, of the opposite response: without an offset, of the opposite numbers."""
    if case.model.rows.has_offset:
        return
    mirrored = Discrepancy.at(case.model, case.fit, -case.b)
    mirrored = replace(mirrored, half_units=case.half_units, solved=case.solved)
    for cause in _of_each(mirrored, (penalised, class_weights, another_link, proper_prior)):
        yield replace(
            cause,
            cause="response flipped",
            detail="these are of the opposite response: what counts as 1 here counts as 0 "
            f"there. With the other sign, {cause.detail}",
            coincidence=min(COMBINED * cause.coincidence, 1.0),
            cure=f"{CURE_FLIPPED}. Then {cause.cure}",
        )


def _agreement(case: Discrepancy, placed: Placed) -> Explanation | None:
    """Whether there is no difference: exactly, or in the digits given."""
    if placed.recoded or placed.left_in or placed.without_intercept:
        return None
    if case.distance <= SAME:
        message = "there is no difference: these are the MLE to within 1e-6 standard errors"
        return Explanation(
            cause="agreement",
            certain=True,
            message=message,
            distance=case.distance,
        )
    mle = case.mle
    gap = np.abs(case.b - mle.coefficients)
    doubles = 4 * EPSILON * (np.abs(case.b) + np.abs(mle.coefficients))
    error = mle.certificate.error_bound * mle.standard_errors + doubles
    if not (gap <= case.half_units + error).all():
        return None
    rounding = case.rounding()
    if rounding <= COARSE:
        message = "there is no difference: these are the MLE in every digit given"
        return Explanation(
            cause="agreement",
            certain=True,
            message=message,
            distance=case.distance,
        )
    message = (
        "these are the MLE in every digit given, but they have too few to tell: rounding may have "
        f"moved them by {rounding:.2g} standard errors"
    )
    return Explanation(
        cause="agreement",
        certain=False,
        message=message,
        distance=case.distance,
    )


def _concluded(case: Discrepancy, causes: list[Cause], tolerance: float) -> Explanation:
    ranked, distance = best_of_each(causes), case.distance
    explained, certain = _explained(causes, certainly=False), _explained(causes, certainly=True)
    size = mean_gradient(case)
    if size <= tolerance and not certain:
        message = (
            f"it stopped early: no component of the gradient of the mean log-likelihood is above "
            f"{size:.2g}, and the program stops at {tolerance:.2g}; as a whole these are "
            f"{distance:.3g} from the MLE (norm of the information)"
        )
        return Explanation(
            cause="stopped early",
            certain=distance <= LEFT and (not explained or ranked[0].cause == "stopped early"),
            message=message,
            distance=distance,
            causes=tuple(ranked),
            cure=CURE_OF_STOPPING,
        )
    if explained:
        best, message = ranked[0], ranked[0].detail
        if not certain:
            message += (
                f"; that leaves {best.distance:.2g} standard errors unexplained, and numbers that "
                "have nothing to do with it would fit as well with probability "
                f"{best.coincidence:.1g}"
            )
        others = [cause for cause in ranked[1:] if fits(cause) and rivals(cause, best)]
        for rival in others[:MOST_RIVALS]:
            message += f". As likely ({rival.cause}): {rival.detail}"
        return Explanation(
            cause=best.cause,
            certain=certain,
            message=message,
            distance=distance,
            causes=tuple(ranked),
            cure=best.cure,
        )
    bound = certify(case.model, case.b).error_bound
    short = case.mle.log_likelihood - case.model.log_likelihood(case.b)
    proved = f" (at most {at_most(bound, '.3g')}, proved)" if math.isfinite(bound) else ""
    message = (
        f"none of the known causes: the score is not 0 there, the log-likelihood is {short:.4g} "
        f"below its maximum, and as a whole the coefficients are {distance:.3g} from the MLE "
        f"in the norm of the information{proved}"
    )
    return Explanation(
        cause="none of these",
        certain=False,
        message=message,
        distance=distance,
        causes=tuple(ranked),
    )


def _behind_ones(block: Block) -> Block:
    design: Any = block.design
    behind: Any = (
        design.behind_ones()
        if isinstance(design, Structured)
        else np.column_stack([np.ones(len(block.sign)), design])
    )
    return block._replace(design=behind)


def _with_intercept(model: BernoulliLogistic) -> BernoulliLogistic:
    """The model with a first column of ones."""
    rows: ArrayRows | BatchRows
    if isinstance(model.rows, BatchRows):
        rows = model.rows.become(_behind_ones, intercept=False)
    else:
        block = _behind_ones(model.rows.block_as_held(slice(None)))
        rows = replace(model.rows, design=block.design, at_first=None)
    names = ("Intercept" if "Intercept" not in model.names else "(ones)", *model.names)
    return replace(model, rows=rows, names=names, encoding=None, formula=None, aliased=None)


def _their_intercept(model: BernoulliLogistic, placed: Placed, tolerance: float) -> Explanation:
    """They have an intercept and the model has none."""
    larger = _with_intercept(model)
    detail = "they have an intercept, and the model has none: add one"
    cure = f"{CURE_INTERCEPT}; here, intercept=True in BernoulliLogistic.from_arrays"
    try:
        fit = converged_mle(larger)
    except MLEDoesNotExistError as error:
        message = f"{detail}; with it there is no MLE: {error.existence.message}"
        return Explanation(
            cause="missing intercept",
            certain=False,
            message=message,
            distance=math.nan,
            cure=cure,
        )
    case = Discrepancy.at(larger, fit, np.array([placed.their_intercept, *placed.given]))
    if case.distance <= max(LEFT, case.rounding()):
        cause = case.cause(
            "missing intercept",
            detail,
            case.distance,
            1,
            len(case.b),
            case.length(case.b),
            cure=cure,
            unmoved=True,
        )
        return Explanation(
            cause=cause.cause,
            certain=is_certain([cause]),
            message=detail,
            distance=case.distance,
            causes=(cause,),
            cure=cure,
        )
    again = explain(larger, case.b, tolerance=tolerance)
    message = f"{detail}. Beside that: {again.message}"
    return Explanation(
        cause=again.cause,
        certain=False,
        message=message,
        distance=case.distance,
        causes=again.causes,
        cure=f"{cure}. Then {again.cure}" if again.cure else cure,
    )
