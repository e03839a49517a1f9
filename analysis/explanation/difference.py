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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.analysis.explanation.discrepancy import EXACT, Cause, Discrepancy
from flatprior.analysis.explanation.dropped_rows import rows_dropped
from flatprior.analysis.explanation.other_data import (
    CURE_FLIPPED,
    CURE_INTERCEPT,
    flipped,
    no_intercept,
    offset_ignored,
    weights_ignored,
)
from flatprior.analysis.explanation.other_links import another_link
from flatprior.analysis.explanation.other_weights import class_weights
from flatprior.analysis.explanation.penalties import penalised
from flatprior.analysis.explanation.posterior_means import (
    flipped_mean,
    posterior_mean,
    proper_prior,
)
from flatprior.analysis.explanation.reference_levels import Placed, named, place, with_our_intercept
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
    any_units,
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
from flatprior.models import (
    BernoulliLogistic,
    Existence,
    MLEDoesNotExistError,
    certify,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import first_of, printable
from flatprior.models.common.writing import finite
from flatprior.models.likelihood import at_each, exact_log_likelihoods
from flatprior.models.routes.newton import converged_mle
from flatprior.models.whitening import required_whitening

CERTAIN = 1e-6
COINCIDENCE = 0.02
LEFT = 0.25  # standard errors that a cause may leave unexplained, or what rounding may have added
SAME = 1e-6  # standard errors
COARSE = 0.25  # standard errors: numbers rounded so much cannot show a difference
NO_CURE = (
    "there is none to get: report the limits of check_existence(model), or a penalised estimate "
    "(Firth's, say) as what it is"
)
COMBINED = 50.0  # ways in which two causes at once may be tried
MOST_RIVALS = 2  # that are said beside the likeliest cause
LEAST_PENALTY = 1e-5  # on separated data: a smaller one acts as a tolerance does
NEAR_SUPREMUM = 0.05  # of the rise of the log-likelihood from 0: there an optimiser may stop
# vectors in random directions that show how few are near the supremum
MOST_TURNED, LEAST_TURNED, MOST_WORK = 10_000, 100, 2 * 10**7


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Explanation(Renderable):
    """Why some coefficients differ from the MLE.

    Attributes
    ----------
    cause : str
        "agreement", "ridge penalty", "lasso penalty", "elastic net", "Firth penalty",
        "log-F penalty", "class weights", "stopped early", "response flipped",
        "missing intercept", "weights ignored", "offset ignored", "predictors rescaled",
        "reference level", "dummy left in", "exponentiated", "permuted", "rows dropped",
        "posterior mean", "proper prior", "probit", "complementary log-log", "cauchit",
        "separation", "dependent columns" or "none of these".
    certain : bool
        Whether the numbers leave no reasonable doubt.
    message : str
        What was found, in words.
    distance : float
        Of the coefficients from the MLE, in standard errors (norm of the information); NaN where
        they cannot be compared, or there is no MLE.
    causes : tuple of Cause
        Those that were tested, each as it may best have come about, the likeliest first.
    cure : str
        What to type or do to get the MLE; empty where there is nothing to cure, or no cause.
    """

    cause: str
    certain: bool
    message: str
    distance: float
    causes: tuple[Cause, ...] = ()
    cure: str = ""

    def table(self) -> pd.DataFrame:
        """One row a tested cause: what is left unexplained, and how likely by coincidence."""
        return pd.DataFrame(
            {
                "distance": [cause.distance for cause in self.causes],
                "coincidence": [cause.coincidence for cause in self.causes],
                "detail": [cause.detail for cause in self.causes],
            },
            index=pd.Index([cause.cause for cause in self.causes], name="cause"),
        )

    @property
    def title(self) -> str:
        """The cause, and whether it is certain."""
        return f"{self.cause}{'' if self.certain else ' (not certain)'}"

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: cause, message, and what each cause leaves unexplained.

        Details of the causes, which are long, only where they are asked for.
        """
        frame = self.table()
        asked = ["distance", "coincidence"] if columns is None else columns
        return Rendered.of(
            chosen(frame, asked) if self.causes else pd.DataFrame(),
            {"distance": ".1e", "coincidence": "p.1e"},
            self.title,
            [self.message],
            [
                "distance: what the cause leaves unexplained, in standard errors; coincidence: "
                "how often numbers that have nothing to do with it would fit as well"
                if self.causes
                else "",
                f"to get the MLE: {self.cure}" if self.cure else "",
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "cause": self.cause,
                "certain": self.certain,
                "message": self.message,
                "cure": self.cure,
                "distance": self.distance,
                "causes": [vars(cause) for cause in self.causes],
            }
        )
        return facts


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
        Its rows in memory.
    coefficients : mapping of str to float, or array_like (k,)
        By name, or in the order of ``model.names``. By name the intercept may be absent, or stand
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
    """`explain_difference`, of a program whose `tolerance` is known.

    It stops where no component of the gradient of the mean log-likelihood is larger. Where that
    holds and no cause is certain, it stopped early.
    """
    given = named(coefficients, model.names, "coefficients")
    errors = None
    if standard_errors is not None:
        errors = with_our_intercept(
            named(standard_errors, model.names, "standard errors"), model.names
        )
        if not all(value > 0 for value in errors.values()):
            raise InputError("standard errors must be positive")
    placed = place(model, given)
    if placed.their_intercept:
        return _their_intercept(model, placed)
    try:
        fit = converged_mle(model)
    except MLEDoesNotExistError as error:
        return _without_mle(model, placed, error.existence)
    with np.errstate(all="ignore"):  # numbers of any size may be given
        case = Discrepancy.at(model, fit, placed.given, placed.matrix)
        agreed = _agreement(case, placed)
        return agreed or _concluded(case, _causes(case, placed, errors), tolerance)


def _causes(case: Discrepancy, placed: Placed, errors: Mapping[str, float] | None) -> list[Cause]:
    """Every cause that can be tested, in all its ways, the likeliest of each."""
    causes: list[Cause] = []
    if placed.recoded or placed.left_in:
        causes += recoded(case, placed)
        if case.distance <= max(EXACT, case.rounding()):
            return causes
    of_theirs = [ridge_on_every_level(case, placed)] if causes else []
    for tests in (
        (
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
        ),
        (descent, small_gradient, _of_scaled_columns),
        (_opposite,),
    ):
        found = [cause for test in tests for cause in test(case)]
        found += [cause for test in of_theirs for cause in test]
        if errors is not None and set(errors) >= set(case.model.names) and tests[0] is penalised:
            found += any_units(case, np.array([errors[name] for name in case.model.names]))
        causes += [_beside(cause, placed) for cause in found]
        ranked = _best_of_each(causes)
        if ranked and _fits(ranked[0]) and (_certain(ranked) or tests[0] is descent):
            break
    return causes


def _beside(cause: Cause, placed: Placed) -> Cause:
    """The cause, and how their coding differs beside."""
    coding = ""
    if placed.left_in:
        coding = f"there is a coefficient for every level of {placed.left_in}"
    elif placed.recoded:
        coding = f"coefficients are {placed.recoded}"
    return replace(cause, detail=f"{cause.detail}; beside that, {coding}") if coding else cause


def _of_scaled_columns(case: Discrepancy) -> Iterator[Cause]:
    """Another cause, of predictors that were scaled, in whose columns the numbers are."""
    for reading in readings(case):
        if not reading.text.endswith(SCALERS):
            continue
        scaled = scaled_columns(case, reading)
        if scaled is None or scaled.distance <= max(EXACT, scaled.rounding()):
            continue
        for test in (penalised, class_weights, another_link):
            for cause in test(scaled):
                yield replace(
                    cause,
                    detail=f"{cause.detail}; beside that, {reading.text}",
                    coincidence=min(COMBINED * cause.coincidence, 1.0),
                    cure=f"{cause.cure}; and {CURE_OF_SCALING}",
                )


def _opposite(case: Discrepancy) -> Iterator[Cause]:
    """Another cause, of the opposite response: without an offset, of the opposite numbers."""
    if case.block.offset is not None:
        return
    mirrored = Discrepancy.at(case.model, case.fit, -case.b)
    mirrored = replace(mirrored, half_units=case.half_units)
    for test in (penalised, class_weights, another_link, proper_prior):
        for cause in test(mirrored):
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
    gap = np.abs(case.b - case.mle.coefficients)
    if not (gap <= 1.0001 * case.half_units).all():
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


def _fits(cause: Cause) -> bool:
    return cause.coincidence < COINCIDENCE and cause.distance <= max(LEFT, cause.rounding)


def _certain(ranked: list[Cause]) -> bool:
    best = ranked[0]
    return (
        best.coincidence < CERTAIN
        and best.distance <= best.most
        and not any(_rivals(cause, best) for cause in ranked[1:2])
    )


def _rivals(cause: Cause, best: Cause) -> bool:
    """Whether another cause explains the numbers nearly as well."""
    return cause.coincidence <= math.sqrt(best.coincidence)


def _concluded(case: Discrepancy, causes: list[Cause], tolerance: float) -> Explanation:
    ranked, distance = _best_of_each(causes), case.distance
    fits, certain = bool(ranked) and _fits(ranked[0]), bool(ranked) and _certain(ranked)
    size = mean_gradient(case)
    if size <= tolerance and not (fits and certain):
        message = (
            f"it stopped early: no component of the gradient of the mean log-likelihood is above "
            f"{size:.2g}, and the program stops at {tolerance:.2g}; these are {distance:.3g} "
            "standard errors from the MLE"
        )
        return Explanation(
            cause="stopped early",
            certain=distance <= LEFT,
            message=message,
            distance=distance,
            causes=tuple(ranked),
            cure=CURE_OF_STOPPING,
        )
    if fits:
        best, message = ranked[0], ranked[0].detail
        if not certain:
            message += (
                f"; that leaves {best.distance:.2g} standard errors unexplained, and numbers that "
                "have nothing to do with it would fit as well with probability "
                f"{best.coincidence:.1g}"
            )
        rivals = [cause for cause in ranked[1:] if _fits(cause) and _rivals(cause, best)]
        for rival in rivals[:MOST_RIVALS]:
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
    proved = f" (at most {bound:.3g}, proved)" if math.isfinite(bound) else ""
    message = (
        f"none of the known causes: the score is not 0 there, the log-likelihood is {short:.4g} "
        f"below its maximum, and the coefficients are {distance:.3g} standard errors from the "
        f"MLE{proved}"
    )
    return Explanation(
        cause="none of these",
        certain=False,
        message=message,
        distance=distance,
        causes=tuple(ranked),
    )


def _best_of_each(causes: list[Cause]) -> list[Cause]:
    """The likeliest way in which each cause may have come about, the likeliest cause first."""

    def rank(cause: Cause) -> tuple[bool, float, float]:
        return not _fits(cause), cause.coincidence, cause.distance

    found: dict[str, Cause] = {}
    for cause in sorted(causes, key=rank):
        found.setdefault(cause.cause, cause)
    return list(found.values())


def _their_intercept(model: BernoulliLogistic, placed: Placed) -> Explanation:
    """They have an intercept and the model has none."""
    design = np.column_stack([np.ones(model.n_rows), model.design])
    larger = BernoulliLogistic.from_arrays(
        design, model.response, offset=model.offset, frequency_weights=model.frequency_weights
    )
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
            certain=_certain([cause]),
            message=detail,
            distance=case.distance,
            causes=(cause,),
            cure=cure,
        )
    again = explain_difference(larger, case.b)
    message = f"{detail}. Beside that: {again.message}"
    return Explanation(
        cause=again.cause,
        certain=False,
        message=message,
        distance=case.distance,
        causes=again.causes,
        cure=f"{cure}. Then {again.cure}" if again.cure else cure,
    )


def _without_mle(model: BernoulliLogistic, placed: Placed, existence: Existence) -> Explanation:
    """There is no MLE to differ from; a penalty may still explain the numbers."""
    if existence.kind == "rank deficient":
        message = f"the coefficients are not determined: {existence.message}"
        return Explanation(
            cause="dependent columns",
            certain=True,
            message=message,
            distance=math.nan,
            cure="leave out columns that are combinations of others, until none is",
        )
    case = Discrepancy.at(model, None, placed.given, placed.matrix)
    with np.errstate(all="ignore"):  # numbers of any size may be given
        found = list(penalised(case, LEAST_PENALTY))
    # on the way to infinity much is near the maximum with some small penalty
    ranked = _best_of_each([c for c in found if c.cause == "ridge penalty" or _certain([c])])
    if ranked and ranked[0].coincidence < COINCIDENCE:
        best = ranked[0]
        message = f"{best.detail}. Without it there is no MLE: {existence.message}"
        return Explanation(
            cause=best.cause,
            certain=_certain(ranked),
            message=message,
            distance=math.nan,
            causes=tuple(ranked),
            cure=NO_CURE,
        )
    limit = existence.limit
    if existence.kind == "undecided" or limit is None or math.isnan(limit.log_likelihood):
        return Explanation(
            cause="none of these",
            certain=False,
            message=existence.message,
            distance=math.nan,
            causes=tuple(ranked),
        )
    diverging = [name for name, where in existence.coefficients.items() if where != "finite"]
    stated = ", ".join(
        f"{printable(name)} = {value:.6g}"
        for name, value in zip(model.names, case.b, strict=True)
        if name in diverging[:5]
    )
    supremum = limit.log_likelihood
    short, near = (float(found[0]) for found in _shortfall(model, existence, case.b[None]))
    rise = supremum - model.log_likelihood(np.zeros(model.n_parameters))
    message = f"there is no MLE to reproduce: {existence.message}"
    if near and short <= NEAR_SUPREMUM * rise:
        message += (
            f". What a program prints for {first_of(map(printable, diverging))} depends on where "
            f"its tolerance let it stop ({stated})"
        )
        others, beside = _shortfall(model, existence, _turned(model, case.b))
        share = float((beside & (others <= short)).mean())
        if share > 0:
            message += (
                "; but numbers of this size that have nothing to do with it would be as near the "
                f"supremum of the log-likelihood with probability {share:.1g}"
            )
        return Explanation(
            cause="separation",
            certain=share == 0,
            message=message,
            distance=math.nan,
            causes=tuple(ranked),
            cure=NO_CURE,
        )
    message += (
        f". But these numbers are not on the way to the supremum of the log-likelihood, which is "
        f"{short:.4g} above theirs: a penalty or a prior that is not among those tried, or an "
        "optimiser that stopped long before"
    )
    return Explanation(
        cause="separation",
        certain=False,
        message=message,
        distance=math.nan,
        causes=tuple(ranked),
        cure=NO_CURE,
    )


def _shortfall(
    model: BernoulliLogistic, existence: Existence, b: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """How far the log-likelihood at each row of b (d, k) is below its supremum.

    And whether the coefficients that stay finite are near their limits.
    """
    limit = existence.limit
    assert limit is not None  # noqa: S101
    with np.errstate(all="ignore"):
        short = limit.log_likelihood - at_each(model.rows, exact_log_likelihoods, b)
    own = b[:, [model.names.index(name) for name in limit.names]]
    near = np.abs(own - limit.coefficients) <= LEFT * limit.standard_errors
    return short, np.asarray(near.all(axis=1))


def _turned(model: BernoulliLogistic, b: Array) -> Array:
    """Vectors of the size of b, measured by the columns, in random directions, (d, k)."""
    white = required_whitening(model.rows)
    size = float(np.linalg.norm(np.linalg.solve(white, b)))
    number = max(min(MOST_TURNED, MOST_WORK // model.design.size), LEAST_TURNED)
    turned = np.random.default_rng(0).normal(size=(number, len(b)))
    turned *= size / np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(turned @ white.T)
