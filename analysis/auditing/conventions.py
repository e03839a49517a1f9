"""What a number of a coefficient may be: the conventions of programs, the simplest first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.special import ndtr, ndtri, stdtr
from scipy.stats import t as student

from flatprior.analysis.auditing.standard_error_kinds import Kind, Place
from flatprior.analysis.auditing.their_case import ROUNDING, SAME, Case, Value
from flatprior.analysis.auditing.whole_fit import of_the_fit
from flatprior.analysis.inference.hypotheses.likelihood_tests import (
    likelihood_ratio_test,
    score_test,
)
from flatprior.analysis.inference.intervals import confidence_intervals
from flatprior.analysis.producers.theirs import OF_THE_FIT, Stated
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import FlatpriorError
from flatprior.models.common.intervals import in_percent, wald_reach

OWN = 1e-8  # of itself: what follows from other doubles of the same fit by a few operations
LEVELS = (0.95, 0.9, 0.99, 0.8)  # of intervals that do not say theirs
PROFILE = 1e-7  # standard errors: to which the ends of a profile interval are known
OWN_NUMBERS = "from its own coefficient and standard error"
LAST = "last iterate"
AS_PRINTED = "from the numbers as printed"

Finder = Callable[[Stated], Value | None]


def conventions(
    case: Case, group: str, where: Place, kind: Kind | None
) -> Iterator[tuple[str, Finder]]:
    """What a column may hold, the simplest first, but for what takes many fits."""
    if group in OF_THE_FIT:
        yield from of_the_fit(case, group, where)
        return
    if group == "coefficient":
        yield "MLE", lambda each: _coefficient(case, each)
        if _is_last(case, kind):
            yield LAST, lambda each: _iterate(case, kind, each)
        return
    if group == "odds ratio":
        yield from _ratio_conventions(case, where)
        if _is_last(case, kind):
            yield f"exp of the {LAST}", lambda each: exponential(_iterate(case, kind, each))
        return
    if kind is not None:
        yield from _WALD[group](case, kind)
    if case.printed:
        yield AS_PRINTED, lambda each: _as_printed(case, each)
    if where.where:
        yield OWN_NUMBERS, lambda each: of_own(case, each)


def _is_last(case: Case, kind: Kind | None) -> bool:
    """Whether a kind is of an iterate that only its last digits tell from the MLE."""
    # what is printed is no evidence of itself: only an iterate that was computed here is
    if kind is None or case.mle is None or "iteration old" not in kind.name:
        return False
    off = np.abs(kind.coefficients - case.mle.coefficients) / case.mle.standard_errors
    return bool(off.max() <= SAME)


def _iterate(case: Case, kind: Kind | None, each: Stated) -> Value | None:
    return None if kind is None else _estimate(case, kind, each)


def _coefficient(case: Case, each: Stated) -> Value | None:
    if case.mle is None or case.best is None:
        return None
    direction = case.directions[each.term]
    error = float(np.abs(direction) @ case.best.moved) + case.room(each)
    return Value(float(direction @ case.mle.coefficients), error)


def _ratio_conventions(case: Case, where: Place) -> Iterator[tuple[str, Finder]]:
    if case.mle is not None:
        yield "exp(MLE)", lambda each: exponential(_coefficient(case, each))
    if where.where:

        def own(each: Stated) -> Value | None:
            stated = case.own(each.term, "coefficient")
            if stated is None or case.made_of_a_ratio(stated):
                return None
            return exponential(Value(stated.value, stated.unit / 2 + OWN * (stated.unit == 0)))

        yield "exp of its own coefficient", own


def exponential(value: Value | None) -> Value | None:
    """The odds ratio of a coefficient."""
    if value is None:
        return None
    try:
        ratio = math.exp(value.value)
    except OverflowError:
        return Value(math.inf, 0.0)
    if math.isinf(value.error):
        return Value(ratio, math.inf)
    return Value(ratio, ratio * math.expm1(min(value.error, 500.0)))


def _estimate(case: Case, kind: Kind, each: Stated) -> Value:
    direction = case.directions[each.term]
    size = float(np.abs(direction) @ kind.moved)
    rounding = ROUNDING * kind.of(direction)
    return Value(float(direction @ kind.coefficients), size + rounding)


def _error(case: Case, kind: Kind, each: Stated) -> Value:
    direction = case.directions[each.term]
    return Value(kind.of(direction), kind.error_of(direction))


def _z(case: Case, kind: Kind, each: Stated) -> Value:
    estimate, error = _estimate(case, kind, each), _error(case, kind, each)
    if math.isinf(error.error):
        return Value(math.inf, math.inf)
    z = estimate.value / error.value
    return Value(z, abs(z) * kind.relative + estimate.error / error.value)


def _squared(z: Value) -> Value:
    return Value(z.value * z.value, 2 * abs(z.value) * z.error + z.error * z.error)


def _two_sided(z: Value, tail: Callable[[float], float]) -> Value:
    """Twice the tail beyond a statistic; `tail` of what is negative."""
    size = abs(z.value)
    p = 2 * tail(-size)
    if math.isinf(z.error):
        return Value(p, math.inf)
    most, least = 2 * tail(-max(size - z.error, 0.0)), 2 * tail(-(size + z.error))
    return Value(p, max(most - p, p - least))


def _errors(case: Case, kind: Kind) -> Iterator[tuple[str, Finder]]:
    yield kind.name, lambda each: _error(case, kind, each)


def _statistics(case: Case, kind: Kind) -> Iterator[tuple[str, Finder]]:
    yield kind.name, lambda each: _z(case, kind, each)
    yield f"{kind.name}, squared", lambda each: _squared(_z(case, kind, each))


def _squares(case: Case, kind: Kind) -> Iterator[tuple[str, Finder]]:
    yield kind.name, lambda each: _squared(_z(case, kind, each))


def _tails(case: Case, kind: Kind) -> Iterator[tuple[str, Finder]]:
    free = case.model.n_observations - case.model.n_parameters
    yield f"Wald, {kind.name}", lambda each: _two_sided(_z(case, kind, each), _normal)
    if free > 0:
        yield (
            f"Wald, {kind.name}, t({free})",
            lambda each: _two_sided(_z(case, kind, each), lambda x: float(stdtr(free, x))),
        )


def _normal(x: float) -> float:
    return float(ndtr(x))


def _reaches(case: Case, each: Stated) -> Iterator[tuple[str, Callable[[float], float]]]:
    """How far intervals may reach, in standard errors, at a level."""
    free = case.model.n_observations - case.model.n_parameters
    yield "", wald_reach
    yield ", 1.96 standard errors", lambda prob: round(wald_reach(prob), 2)
    if free > 0:
        yield f", t({free})", lambda prob: float(student.ppf(0.5 + prob / 2, free))
    yield ", 2 standard errors", lambda prob: 2.0 if prob == LEVELS[0] else math.nan


def _intervals(ratio: bool) -> Callable[[Case, Kind], Iterator[tuple[str, Finder]]]:
    def conventions(case: Case, kind: Kind) -> Iterator[tuple[str, Finder]]:
        sample = case.their.stated[0]
        said = all(not math.isnan(each.prob) for each in case.their.stated if _is_end(each, ratio))
        for level in (math.nan,) if said else LEVELS:
            for name, reach in _reaches(case, sample):

                def end(
                    each: Stated, level: float = level, reach: Callable[[float], float] = reach
                ) -> Value | None:
                    prob = each.prob if math.isnan(level) else level
                    estimate, error = _estimate(case, kind, each), _error(case, kind, each)
                    sign = 1.0 if each.quantity.endswith("high") else -1.0
                    times = reach(prob)
                    found = Value(
                        estimate.value + sign * times * error.value,
                        estimate.error + times * error.error,
                    )
                    return exponential(found) if ratio else found

                shown = "" if math.isnan(level) else f", {in_percent(level)}"
                yield f"Wald, {kind.name}{shown}{name}", end

    return conventions


def _is_end(each: Stated, ratio: bool) -> bool:
    ends = ("odds ratio low", "odds ratio high") if ratio else ("low", "high")
    return each.quantity in ends


def _ratio_errors(case: Case, kind: Kind) -> Iterator[tuple[str, Finder]]:
    def by_delta(each: Stated) -> Value | None:
        ratio, error = exponential(_estimate(case, kind, each)), _error(case, kind, each)
        if ratio is None or math.isinf(ratio.value):
            return ratio
        return Value(
            ratio.value * error.value,
            ratio.error * error.value + (ratio.value + ratio.error) * error.error,
        )

    yield f"{kind.name}, delta method", by_delta
    yield f"{kind.name}, of the coefficient", lambda each: _error(case, kind, each)


_WALD: dict[str, Callable[[Case, Kind], Iterator[tuple[str, Finder]]]] = {
    "standard error": _errors,
    "z": _statistics,
    "chi-squared": _squares,
    "p": _tails,
    "interval": _intervals(ratio=False),
    "odds ratio interval": _intervals(ratio=True),
    "odds ratio SE": _ratio_errors,
}


def _tests(case: Case) -> Iterator[tuple[str, Finder]]:
    """P-values of tests that take a fit each; of rows in batches all together."""

    def of(kind: str, test: Callable[[BernoulliLogistic, Array, Array], object]) -> Finder:
        def p(each: Stated) -> Value | None:
            direction = case.directions[each.term]

            def statistic() -> float:
                null = case.nulls.get(each.term)
                if null is None:
                    return _statistic(test, case.model, direction)
                return null.score if kind == "score" else null.likelihood_ratio

            found = case.remembered((kind, each.term), statistic)
            if found is None:
                return None
            root = math.sqrt(found)
            return _two_sided(Value(root, 1e-9 * (1 + root)), _normal)

        return p

    yield "likelihood ratio", of("likelihood ratio", likelihood_ratio_test)
    yield "score", of("score", score_test)


def _statistic(test: Callable[..., object], model: BernoulliLogistic, direction: Array) -> float:
    found = test(model, direction[None, :], np.zeros(1))
    return float(getattr(found, "statistic"))  # noqa: B009


def _profile(ratio: bool) -> Callable[[Case], Iterator[tuple[str, Finder]]]:
    def conventions(case: Case) -> Iterator[tuple[str, Finder]]:
        said = all(not math.isnan(each.prob) for each in case.their.stated if _is_end(each, ratio))
        for level in (math.nan,) if said else LEVELS:

            def end(each: Stated, level: float = level) -> Value | None:
                prob = each.prob if math.isnan(level) else level
                found = _profile_end(case, each.term, prob, each.quantity.endswith("high"))
                return exponential(found) if ratio else found

            shown = "" if math.isnan(level) else f", {in_percent(level)}"
            yield f"profile likelihood{shown}", end

    return conventions


def _profile_end(case: Case, term: str, prob: float, high: bool) -> Value | None:
    """An end of a profile interval, of a coefficient of the model in whatever unit."""
    direction = case.directions[term]
    places = np.flatnonzero(direction)
    if len(places) != 1:
        return None
    j, unit = int(places[0]), float(direction[places[0]])
    upper = high if unit > 0 else not high

    name = case.model.names[j]
    if (name, prob) not in case.intervals:
        # of rows in batches all together, or each alone where one of them has none
        every = () if case.model.rows.resident else case.with_ends
        for names in (*((every,) if len(every) > 1 else ()), (name,)):
            if (name, prob) not in case.intervals:
                case.intervals.update(_profile_ends(case.model, names, prob))
    found = case.intervals.get((name, prob), (math.nan, math.nan))[1 if upper else 0]
    return Value(found * unit, PROFILE * case.least_error(direction))


def _profile_ends(
    model: BernoulliLogistic, names: Sequence[str], prob: float
) -> dict[tuple[str, float], tuple[float, float]]:
    """The ends of profile intervals; of none where one is not found, but that of one alone."""
    try:
        ends = confidence_intervals(model, prob, names=list(names)).iloc[:, 1:].to_numpy()
    except (FlatpriorError, ArithmeticError, np.linalg.LinAlgError):
        return {} if len(names) > 1 else {(names[0], prob): (math.nan, math.nan)}
    pairs = zip(names, ends.tolist(), strict=True)
    return {(name, prob): (float(low), float(high)) for name, (low, high) in pairs}


THOROUGH: dict[str, Callable[[Case], Iterator[tuple[str, Finder]]]] = {
    "p": _tests,
    "interval": _profile(ratio=False),
    "odds ratio interval": _profile(ratio=True),
}


def _as_printed(case: Case, each: Stated) -> Value | None:
    """What follows from the digits beside a number, taken as if they were all."""
    return _from_own(case, each, rounding=False)


def of_own(case: Case, each: Stated) -> Value | None:
    """What follows from the numbers beside it, whatever rounding has left of them."""
    return _from_own(case, each, rounding=True)


def _from_own(case: Case, each: Stated, rounding: bool) -> Value | None:
    b, s = case.own(each.term, "coefficient"), case.own(each.term, "standard error")
    if b is not None and each.quantity == "odds ratio":
        left = b.unit / 2 if rounding else 0.0
        return None if case.made_of_a_ratio(b) else exponential(Value(b.value, left + OWN))
    if b is None or s is None or each.quantity == "standard error" or not s.value > 0:
        return None

    def half(stated: Stated) -> float:
        if stated.unit == 0:
            return OWN * abs(stated.value)
        return stated.unit / 2 if rounding else 0.0

    least = s.value - half(s)
    if not least > 0:
        return None
    z = b.value / s.value
    z_value = Value(z, (abs(b.value) + half(b)) / least - abs(z))
    if each.quantity == "z":
        return z_value
    if each.quantity == "chi-squared":
        return _squared(z_value)
    if each.quantity == "p":
        return _two_sided(z_value, _normal)
    if each.quantity == "odds ratio SE":
        ratio = math.exp(min(b.value, 700.0))
        return Value(ratio * s.value, ratio * (math.expm1(half(b)) * (s.value + half(s)) + half(s)))
    times = float(ndtri(0.5 + (LEVELS[0] if math.isnan(each.prob) else each.prob) / 2))
    sign = 1.0 if each.quantity.endswith("high") else -1.0
    end = Value(b.value + sign * times * s.value, half(b) + times * half(s))
    return exponential(end) if each.quantity.startswith("odds ratio") else end
