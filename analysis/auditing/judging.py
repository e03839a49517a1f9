"""A fit is held to the model: is it the estimate, if not why, and is every number right?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from flatprior.analysis.agreement.verdict import TOLERANCE
from flatprior.analysis.auditing.as_asked import AsAsked, as_asked
from flatprior.analysis.auditing.found import NO_CAUSE, Audit
from flatprior.analysis.auditing.numbers import (
    Judged,
    in_every_digit,
    is_a_part,
    judge_numbers,
    not_judged,
)
from flatprior.analysis.auditing.wording import said_of, size
from flatprior.analysis.explanation.difference import SAME, Explanation, explain_difference
from flatprior.analysis.explanation.reference_levels import Placed, as_left_out, place
from flatprior.analysis.producers.theirs import OF_AN_ERROR, TheirFit
from flatprior.analysis.standing import Standing
from flatprior.models import (
    BernoulliLogistic,
    Existence,
    NotConvergedError,
    PointEstimate,
    check_existence,
)
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.coefficient_names import paired
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, at_most, count, first_of, names_in, printable
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, Block

DROP = (
    "drop a level of each category (OneHotEncoder(drop='first'), get_dummies(drop_first=True)), or "
    "the column that the others make up"
)
OF_A_PENALTY = ("ridge penalty", "lasso penalty", "elastic net", "log-F penalty", "Firth penalty")
AVERAGES = ("posterior mean", "proper prior")
NEAR_BY = 0.05  # standard errors: farther away an early stop is one cause of many
# of the distance from the estimate, that from what a program says that it maximised: it is there,
# or what it says explains nothing
AS_GOOD, ALL_OF_IT = 0.02, 0.9
ROUNDED = 1.0001  # of a tolerance of the gradient, which programs sum in another order


def judge_fit(
    model: BernoulliLogistic,
    their: TheirFit,
    tolerance: float = TOLERANCE,
    *,
    differences: tuple[str, ...] | None = None,
) -> Audit:
    """Judge a fit on the rows of `model`.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster.
    their : TheirFit
    tolerance : float
        In standard errors.
    differences : tuple of str, optional
        How its own data differ; by default those that it holds are looked at.
    """
    if differences is None:
        differences = _differences(model, their)
    if their.unjudged:
        their = _without_errors(their, their.unjudged)
    existence = check_existence(model)
    their = _without_aliased(model, their)
    odd = [name for name, value in their.coefficients.items() if not math.isfinite(value)]
    if odd:
        if not existence.exists:
            return Audit(
                their=their,
                model=model,
                existence=existence,
                tolerance=tolerance,
                differences=differences,
                notes=their.notes,
            )
        raise InputError(
            f"the coefficient of {printable(odd[0])} is {their.coefficients[odd[0]]}, not a finite "
            "number"
        )
    plainly = their.coefficients.keys() == set(model.names) and not their.settings.penalty
    if existence.kind == "rank deficient" and plainly:
        found = _of_what_is_determined(model, their, existence, tolerance)
        return replace(found, their=their, differences=differences)
    placed = _placed(model, their)
    if placed is not None and placed.left_out and their.stated:
        their = _without_errors(their, "they are of one choice of many that fit alike")
    plain = Audit(
        their=their,
        model=model,
        existence=existence,
        tolerance=tolerance,
        differences=differences,
        notes=their.notes,
    )
    some = None if placed is not None else _of_some_terms(plain, their)
    if some is not None:
        return some
    if placed is None:  # their names are not the model's
        explanation = explain_difference(model, their.coefficients)
        return replace(plain, explanation=explanation, cure=_cure(their, explanation))
    b = placed.matrix @ placed.given
    standing = Standing(model, b, tolerance, existence)
    plain = replace(
        plain,
        coefficients=b,
        recoded=placed.recoded,
        asked=_as_asked(model, b, their, placed),
        standing=standing,
        mle=standing.mle,
        certificate=standing.certificate,
        within_digits=False,
    )
    if plain.mle is not None and their.units:
        plain = replace(plain, within_digits=_within_digits(plain, placed, their))
    if not plain.is_mle:
        unproved = standing.kind == "unproved" and existence.exists
        explanation = _unproved(standing) if unproved else _why(plain, their, placed.left_out)
        if explanation.cause == "agreement" and not _of_unknown_digits(
            their, explanation, tolerance
        ):
            explanation = _too_far(plain)
        agrees = explanation.cause == "agreement" and explanation.certain
        plain = replace(
            plain,
            within_digits=agrees,
            explanation=explanation,
            cure=_cure_of(their, explanation, existence) if not agrees else "",
        )
    if their.stated or their.units:
        numbers = judge_numbers(model, plain.mle, their)
    else:
        numbers = _coefficients_alone(plain, their, placed)
    notes = (*plain.notes, *not_judged(their, numbers), *_as_passed(plain))
    return replace(plain, numbers=numbers, notes=notes)


def _without_errors(their: TheirFit, why: str) -> TheirFit:
    """Without the standard errors, which cannot be judged."""
    kept = tuple(each for each in their.stated if each.quantity not in OF_AN_ERROR)
    note = f"standard errors, and what follows from them, are not judged: {why}"
    return replace(their, stated=kept, notes=(*their.notes, note), unjudged="")


def _without_aliased(model: BernoulliLogistic, their: TheirFit) -> TheirFit:
    """Without what is said of columns that the model leaves out, where that is nothing."""
    kept = as_left_out(model, their.coefficients)
    gone = [name for name in their.coefficients if name not in kept]
    if not gone:
        return their
    order = [i for i, name in enumerate(their.coefficients) if name in kept]
    settings, covariance = their.settings, their.covariance
    if settings.penalised:
        penalised = tuple(settings.penalised[i] for i in order)
        settings = replace(settings, penalised=penalised)
    return replace(
        their,
        coefficients=kept,
        units={name: unit for name, unit in their.units.items() if name in kept},
        stated=tuple(each for each in their.stated if each.term not in gone),
        covariance=None if covariance is None else covariance[np.ix_(order, order)],
        settings=settings,
        notes=(
            *their.notes,
            f"judged without {first_of(map(printable, gone))}, of which they say nothing, as of "
            "columns that are combinations of others",
        ),
    )


def _of_unknown_digits(their: TheirFit, explanation: Explanation, tolerance: float) -> bool:
    """Whether `explain_difference` may say that coefficients agree in the digits that they have.

    It judges digits from how doubles are written in full, which is for coefficients that came
    alone, as a mapping or an array. The digits of a table are known, and an object has doubles.
    """
    alone = their.model is None and not their.units and not their.stated
    return alone and (explanation.distance > SAME or tolerance >= SAME)


def _unproved(standing: Standing) -> Explanation:
    """The data do not let anybody see whether it is the estimate: there is nothing to explain."""
    return Explanation(
        cause="none of these",
        certain=False,
        message=f"whether they are the estimate cannot be seen: {standing.obstacle}",
        distance=standing.distance,
        cure="centre and rescale columns",
    )


def _too_far(audit: Audit) -> Explanation:
    """Near, but neither to the tolerance nor in the digits that are written."""
    return Explanation(
        cause="none of these",
        certain=False,
        message=f"they are {size(audit.distance)} standard errors from it, which is more than the "
        "tolerance or the digits allow",
        distance=audit.distance,
    )


def _coefficients_alone(audit: Audit, their: TheirFit, placed: Placed) -> tuple[Judged, ...]:
    """The coefficients as numbers, where nothing is stated beside them."""
    mle = audit.mle
    if mle is None or placed.recoded:
        return judge_numbers(audit.model, mle, their)
    names = list(their.coefficients)
    values = _in_order_of(audit.model, their, {name: float(i) for i, name in enumerate(names)})
    if values is None:
        return ()
    error = mle.certificate.error_bound * mle.standard_errors
    room = audit.tolerance * mle.standard_errors + error
    found = {}
    for j, at in enumerate(values.astype(int)):
        stated, proved = float(placed.given[j]), float(mle.coefficients[j])
        right = abs(stated - proved) <= room[j]
        found[int(at)] = Judged(
            term=names[at],
            quantity="coefficient",
            stated=stated,
            proved=proved,
            error=float(error[j]),
            convention="MLE",
            consistent=bool(right),
            off=0.0 if right else stated - proved,
            is_coefficient=True,
        )
    return tuple(found[i] for i in range(len(names)))


def _as_passed(audit: Audit) -> tuple[str, ...]:
    """In words the coefficients of the columns that a pipeline was passed."""
    passed, mle = audit.their.as_passed, audit.mle
    if passed is None or mle is None:
        return ()
    names, matrix = passed

    def said(coefficients: Array) -> str:
        values = zip(names, matrix @ coefficients, strict=True)
        return names_in(SCREEN, [f"{name} {value:.6g}" for name, value in values])

    theirs = said(np.array(list(audit.their.coefficients.values())))
    if audit.is_mle:
        return (f"in the columns as they were passed the coefficients are {theirs}",)
    return (
        f"in the columns as they were passed theirs are {theirs}; the MLE is "
        f"{said(mle.coefficients)}",
    )


def _of_some_terms(plain: Audit, their: TheirFit) -> Audit | None:
    """Judge a table that states some of the coefficients only, each by itself."""
    model = plain.model
    if their.model is not None or not is_a_part(model, their):
        return None
    plain = replace(plain, mle=_mle_of(model, plain.existence))
    numbers = judge_numbers(model, plain.mle, their)
    stated = [each for each in numbers if each.is_coefficient]
    note = f"{len(stated)} of {count(model.n_parameters, 'coefficient')} are stated"
    right = plain.exists and in_every_digit(numbers)
    # tables of odds ratios leave the intercept out; others may be of a model without it
    of_ratios = all(each.quantity == "odds ratio" for each in stated)
    if not right and not of_ratios and _without_intercept(model, their):
        return None
    wrong = first_of(said_of(each) for each in stated if not each.consistent)
    return replace(
        plain,
        numbers=numbers,
        within_digits=right,
        explanation=None
        if right or not plain.exists
        else Explanation(
            cause="none of these",
            certain=False,
            message=f"{wrong}; why is not looked for, since not all coefficients are stated",
            distance=math.nan,
        ),
        notes=(*plain.notes, note, *not_judged(their, numbers)),
    )


def _without_intercept(model: BernoulliLogistic, their: TheirFit) -> bool:
    """Whether all coefficients but the intercept are stated."""
    try:
        return place(model, their.coefficients).without_intercept
    except InputError:
        return False


def _of_what_is_determined(
    model: BernoulliLogistic,
    their: TheirFit,
    existence: Existence,
    tolerance: float,
) -> Audit:
    """Judge the fitted probabilities, where columns depend on others: in the other columns."""
    beside = existence.dependencies
    b = np.array([their.coefficients[name] for name in model.names])
    rest = Standing(model, b, tolerance, existence).determined
    assert rest is not None  # noqa: S101
    plain = replace(
        their,
        coefficients=dict(zip(rest.model.names, rest.coefficients.tolist(), strict=True)),
        units={},
        stated=(),
        model=None,
        as_passed=None,
    )
    inner = judge_fit(rest.model, plain, tolerance)
    undetermined = [name for name, state in existence.coefficients.items() if state != "finite"]
    which = first_of(map(printable, undetermined or beside))
    found = inner.explanation
    if inner.is_mle:
        found = Explanation(
            cause="dependent columns",
            certain=True,
            message="the fitted probabilities are those of maximum likelihood (proved to "
            f"{at_most(inner.error_bound)} standard errors), but the coefficients of {which} are "
            "one choice of many that give the same",
            distance=math.nan,
        )
    return replace(
        inner,
        existence=existence,
        explanation=found,
        notes=(*their.notes, f"judged without {first_of(map(printable, beside))}"),
        cure=DROP,
    )


def _as_asked(
    model: BernoulliLogistic, b: Array, their: TheirFit, placed: Placed
) -> AsAsked | None:
    """Hold them to the settings of their program, which are in the order of its coefficients."""
    settings = their.settings
    if not settings.penalised:
        return as_asked(model, b, settings)
    if placed.left_out and model.aliased is not None:
        every = model.aliased.columns
        labels = paired(every, list(their.coefficients))
        if len(labels) != len(their.coefficients):
            return None
        rows = _with_all(model.rows, model.aliased)
        model = replace(model, rows=rows, names=every, encoding=None, aliased=None)
        shares = dict(zip(their.coefficients, settings.penalised, strict=True))
        # one of a column of zeros that has gone is 0 where it is penalised
        penalised = tuple(shares.get(labels.get(name, ""), 1.0) for name in every)
        b = np.array([their.coefficients.get(labels.get(name, ""), 0.0) for name in every])
        return as_asked(model, b, replace(settings, penalised=penalised))
    if placed.recoded:  # the penalty is on other columns
        return None
    at_work = dict(zip(their.coefficients, map(float, settings.penalised), strict=True))
    order = _in_order_of(model, their, at_work)
    if order is None:
        return None
    return as_asked(model, b, replace(settings, penalised=tuple(order.tolist())))


def _with_all(rows: ArrayRows | BatchRows, aliased: Aliased) -> ArrayRows | BatchRows:
    """Rows with the columns that were left out too."""

    def change(block: Block) -> Block:
        return block._replace(design=aliased.with_all(np.asarray(block.design)))

    if isinstance(rows, BatchRows):
        return rows.become(change, intercept=False)
    return replace(rows, design=aliased.with_all(np.asarray(rows.design)))


def _mle_of(model: BernoulliLogistic, existence: Existence) -> PointEstimate | None:
    if not existence.exists:
        return None
    try:
        return converged_mle(model)
    except NotConvergedError:
        return None


def _placed(model: BernoulliLogistic, their: TheirFit) -> Placed | None:
    """Their coefficients in the order and coding of the model."""
    try:
        placed = place(model, their.coefficients)
    except InputError:
        return None
    return None if placed.their_intercept or placed.without_intercept else placed


def _in_order_of(
    model: BernoulliLogistic,
    their: TheirFit,
    values: Mapping[str, float],
    placed: Placed | None = None,
) -> Array | None:
    """Something of each of their coefficients, in the places that these have in the model.

    Or, where they are of columns that it leaves out too, in those that they have as `placed`.
    """
    names = list(their.coefficients)
    numbered = place(model, {name: float(i + 1) for i, name in enumerate(names)}).given
    if placed is not None and placed.left_out:
        return np.array([values[names[round(i) - 1]] if i else 0.0 for i in numbered])
    if sorted(numbered.round().astype(int)) != list(range(1, len(model.names) + 1)):
        return None
    return np.array([values[names[round(number) - 1]] for number in numbered])


def _within_digits(audit: Audit, placed: Placed, their: TheirFit) -> bool:
    """Whether the coefficients are the estimate in every digit that is printed."""
    mle, b = audit.mle, audit.coefficients
    if mle is None or b is None:
        return False
    units = _in_order_of(
        audit.model, their, {n: their.units.get(n, 0.0) for n in their.coefficients}, placed
    )
    if units is None:
        return False
    size = np.abs(placed.matrix)
    room = size @ (units / 2 + 4 * EPSILON * np.abs(placed.given))
    bound = mle.certificate.error_bound * mle.standard_errors
    bound = bound + 4 * EPSILON * np.abs(mle.coefficients)
    return bool((np.abs(b - mle.coefficients) <= room + bound).all())


def _differences(model: BernoulliLogistic, their: TheirFit) -> tuple[str, ...]:
    """How the data that the fit holds differ from those that it is judged on."""
    own = their.model
    if own is None or own is model:
        return ()
    if own.n_observations != model.n_observations:
        return (f"it is of {own.n_observations} observations, the model of {model.n_observations}",)
    if own.n_events != model.n_events:
        flipped = own.n_events == model.n_observations - model.n_events
        return (
            f"its response has {own.n_events} events, the model's {model.n_events}"
            + (": what counts as 1 is the other level" if flipped else ""),
        )
    found = []
    if own.rows.has_offset != model.rows.has_offset:
        found.append(f"{'it' if own.rows.has_offset else 'the model'} has an offset")
    known = paired(model.names, own.names)
    if not (own.rows.resident and model.rows.resident):
        return tuple(found)
    if len(known) == len(model.names) == len(own.names) and own.n_rows == model.n_rows:
        order = [own.names.index(known[name]) for name in model.names]
        if not np.array_equal(own.response, model.response) or not np.allclose(
            own.design[:, order], model.design, rtol=1e-9, atol=0.0
        ):
            found.append("its rows are others, or in another order")
    return tuple(found)


def _why(audit: Audit, their: TheirFit, left_out: Sequence[str]) -> Explanation:
    """What the program's own settings say, where the numbers are so; else what the numbers say."""
    asked, model, b = audit.asked, audit.model, audit.coefficients
    assert b is not None  # noqa: S101
    distance = audit.distance
    if asked is not None and asked.cause:
        # a rule that lets it stop anywhere is no evidence, nor is a penalty that moves nothing
        far = distance if math.isfinite(distance) else 1.0
        by_gradient = asked.gradient <= ROUNDED * their.settings.tolerance
        if asked.distance <= (far / 2 if by_gradient else AS_GOOD * far):
            return Explanation(
                cause=asked.cause,
                certain=True,
                message=f"the fit maximises what its settings say, which is not the likelihood "
                f"alone: {asked.words}",
                distance=distance,
            )
    proved = audit.certificate
    if asked is not None and audit.exists and proved is not None and proved.error_bound <= NEAR_BY:
        early = _stopped(asked, their)
        if early and asked.distance >= ALL_OF_IT * proved.newton_decrement:
            return Explanation(
                cause="stopped early", certain=True, message=early, distance=distance
            )
    try:
        # a penalty on all columns is seen in those of all
        theirs = their.coefficients if left_out else b
        found = explain_difference(model, theirs)
        if their.settings.method and found.cause in AVERAGES:  # it is known to maximise
            found = _too_far(audit)
        says = _stopped(asked, their) if asked is not None and not asked.cause else ""
        if says and not their.settings.penalty and found.cause in OF_A_PENALTY:
            # it has no penalty, and says that it has not converged
            found = replace(found, cause="stopped early", certain=False, message=says, cure="")
        elif says and found.cause == "none of these":
            found = replace(found, cause="stopped early", message=says)
        if found.cause == "none of these" and asked is not None and asked.words:
            beside = f"it is not at the maximum of what the settings say either: {asked.words}"
            found = replace(found, message=f"{found.message}; {beside}")
        return found
    except InputError as error:
        return Explanation(
            cause="none of these", certain=False, message=str(error), distance=distance
        )


def _stopped(asked: AsAsked, their: TheirFit) -> str:
    """Evidence that the optimiser stopped where its own rule let it, or ran out of steps."""
    rule = their.settings.tolerance
    if asked.gradient <= ROUNDED * rule:
        return (
            f"the optimiser stopped early: its rule is a gradient of the mean log-likelihood of at "
            f"most {rule:.2g}, and that is {asked.gradient:.2g} there"
        )
    if their.settings.converged is False:
        return "the optimiser stopped early: it says itself that it has not converged"
    return ""


def _cure_of(their: TheirFit, explanation: Explanation, existence: Existence) -> str:
    if existence.exists:
        return _cure(their, explanation)
    if existence.kind == "rank deficient":
        without = "" if explanation.cause in NO_CAUSE else f"{_cure(their, explanation)}; and "
        return f"{without}{DROP}"
    return ""


def _cure(their: TheirFit, explanation: Explanation) -> str:
    return their.cure.get(explanation.cause) or explanation.cure or their.cure.get("", "")
