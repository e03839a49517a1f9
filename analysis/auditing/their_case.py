"""A fit of somebody's beside the model, and when a number is the value that it may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from flatprior.analysis.auditing.standard_error_kinds import (
    Kind,
    Patterns,
    Place,
    Step,
    kinds,
    patterns,
    steps_to,
)
from flatprior.analysis.explanation.reference_levels import coding_of, place
from flatprior.analysis.inference.profiles_in_passes import Null, Profiles
from flatprior.analysis.producers.theirs import Stated, TheirFit, log_unit
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.coefficient_names import paired
from flatprior.models.common.errors import FlatpriorError
from flatprior.models.covariance.whitening import whitening

SAME = 1e-6  # standard errors: coefficients of doubles so near the MLE are the MLE
# standard errors: what the rounding of sums over rows does to a coefficient, however near 0 it is
ROUNDING = 1e-11


class Value(NamedTuple):
    """A number, and how far it may be from the one that is meant."""

    value: float
    error: float


def meets(stated: Stated, value: Value, truncated: bool = False) -> bool:
    """Whether what is stated is this value, as it was rounded or truncated.

    Examples
    --------
    >>> from flatprior.analysis.auditing.numbers import Value, meets
    >>> from flatprior.analysis.producers.theirs import Stated
    >>> printed = Stated(term="x", quantity="z", value=2.83, unit=0.01)
    >>> meets(printed, Value(2.8261, 0.0)), meets(printed, Value(2.836, 0.0))
    (True, False)
    >>> meets(printed, Value(2.836, 0.0), truncated=True)
    True
    """
    v, error = value
    at, unit = float(stated.value), float(stated.unit)
    if math.isinf(at) or math.isinf(v):
        above = stated.written.lstrip().startswith(">")
        return v >= at if above else at == v
    if not error < math.inf:
        return False
    if stated.below:
        return v - error <= at
    if stated.written.lstrip().startswith(">"):
        return v + error >= at
    error += 4 * EPSILON * abs(v)
    if unit == 0 and stated.quantity in ("p", "LR p") and at % (EPSILON / 2) == 0:
        # of 1 - Phi(|z|), which is a multiple of that, and whose rounding is that of 1
        error += 2 * EPSILON
    if truncated and unit > 0:
        short = (v - at) * math.copysign(1.0, v)  # of v, towards zero
        return -error <= short < unit + error
    return abs(at - v) <= unit / 2 + error


def directions_of(model: BernoulliLogistic, their: TheirFit) -> dict[str, Array]:
    """Each of their coefficients as a combination of the model's, as far as names tell."""
    terms = (each.term for each in their.stated if each.term)
    every = dict.fromkeys((*their.coefficients, *terms))
    numbered = {name: float(i + 1) for i, name in enumerate(every)}
    try:
        placed = place(model, numbered, coding_of(model, their.coefficients))
        # what is not theirs has no number, such as the intercept beside a level's every coefficient
        square = len(placed.matrix) == placed.matrix.shape[1]
        of_theirs = np.arange(len(placed.given)) if square else np.flatnonzero(placed.given)
        back = np.linalg.inv(placed.matrix[:, of_theirs])
    except np.linalg.LinAlgError:
        return {}  # more coefficients than these data tell apart
    except FlatpriorError:
        units = dict(zip(model.names, np.eye(len(model.names)), strict=True))
        return {label: units[name] for name, label in paired(model.names, list(every)).items()}
    # slot j holds their coefficient number given[j]; the model's are matrix @ theirs in slots
    slots = {round(placed.given[j]): i for i, j in enumerate(of_theirs) if placed.given[j]}
    return {
        name: back[slots[round(number)]]
        for name, number in numbered.items()
        if round(number) in slots
    }


Each = TypeVar("Each")


class Remembered(Generic[Each]):
    """What an iterator yields, to be gone through more than once; no more is made than is asked."""

    def __init__(self, source: Iterator[Each]) -> None:
        self.source, self.found = source, list[Each]()

    def __iter__(self) -> Iterator[Each]:
        yield from self.found
        for each in self.source:
            self.found.append(each)
            yield each


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """A fit of somebody's beside the model, and what is computed for it once."""

    model: BernoulliLogistic
    mle: PointEstimate | None
    their: TheirFit
    directions: dict[str, Array]
    posterior_sd: Array | None
    cache: dict[tuple[object, ...], float | None] = field(default_factory=dict)
    intervals: dict[tuple[str, float], tuple[float, float]] = field(default_factory=dict)

    @cached_property
    def printed(self) -> bool:
        """Whether digits are written, of which rounding has left a part."""
        return any(each.unit > 0 for each in self.coefficients)

    @cached_property
    def coefficients(self) -> tuple[Stated, ...]:
        """Theirs, as numbers that are stated; those that were made of odds ratios are marked."""
        return tuple(
            Stated(
                term=term, quantity="coefficient", value=value, unit=self.their.units.get(term, 0.0)
            )
            for term, value in self.their.coefficients.items()
        )

    @cached_property
    def ratios(self) -> dict[str, Stated]:
        """The first odds ratio of each term."""
        found: dict[str, Stated] = {}
        for each in self.their.stated:
            if each.quantity == "odds ratio":
                found.setdefault(each.term, each)
        return found

    def made_of_a_ratio(self, coefficient: Stated) -> bool:
        """Whether a coefficient is the logarithm of an odds ratio that is stated in its place."""
        ratio = self.ratios.get(coefficient.term)
        if ratio is None or coefficient.unit == 0 or not 0 < ratio.value < math.inf:
            return False
        unit = log_unit(ratio.value, ratio.unit)
        return math.isclose(
            coefficient.value, math.log(ratio.value), abs_tol=1e-12
        ) and math.isclose(coefficient.unit, unit, rel_tol=1e-6)

    @cached_property
    def coordinates(self) -> Array | None:
        """(k, k): their coefficients as combinations of the model's, if these are all."""
        k = self.model.n_parameters
        if len(self.coefficients) != k or any(
            each.term not in self.directions for each in self.coefficients
        ):
            return None
        matrix = np.array([self.directions[each.term] for each in self.coefficients])
        return matrix if np.linalg.matrix_rank(matrix) == k else None

    @cached_property
    def given(self) -> tuple[Array, Array] | None:
        """Their coefficients in the model's coordinates (k,), and half a unit of each (k,)."""
        if self.coordinates is None:
            return None
        back = np.linalg.inv(self.coordinates)
        values = np.array([each.value for each in self.coefficients])
        halves = np.array([self._half_unit(each) for each in self.coefficients])
        if not np.isfinite(values).all():
            return None
        return back @ values, np.abs(back) @ halves

    def _half_unit(self, coefficient: Stated) -> float:
        """What rounding has taken; of a double whose odds ratio is stated that of the ratio."""
        ratio = self.ratios.get(coefficient.term)
        if coefficient.unit or ratio is None or not 0 < ratio.value < math.inf:
            return coefficient.unit / 2
        made = math.isclose(coefficient.value, math.log(ratio.value), abs_tol=2 * EPSILON)
        return EPSILON if made else 0.0

    @cached_property
    def best(self) -> Place | None:
        """The MLE."""
        if self.mle is None:
            return None
        certificate = self.mle.certificate
        bound = certificate.error_bound
        return Place(
            coefficients=self.mle.coefficients,
            moved=bound * self.mle.standard_errors,
            reach=certificate.radius * bound,
        )

    @cached_property
    def theirs(self) -> Place | None:
        """Their coefficients."""
        if self.given is None:
            return None
        values, half = self.given
        rows = self.model.rows
        reach = rows.reduce(lambda block: float((np.abs(block.design) @ half).max()), max)
        return Place(
            coefficients=values,
            moved=half,
            reach=reach,
            where="" if self.distance <= SAME else ", at their coefficients",
            doubles=not self.printed,
        )

    @cached_property
    def distance(self) -> float:
        """Of their coefficients from the MLE, in standard errors."""
        white = None if self.mle is None else whitening(self.model.rows, self.mle.coefficients)
        if white is None or self.mle is None or self.given is None:
            return math.inf
        return float(np.linalg.norm(np.linalg.solve(white, self.given[0] - self.mle.coefficients)))

    @cached_property
    def places(self) -> list[Place]:
        """Where the numbers may have been computed, the likelier first."""
        both = [self.best, self.theirs]
        if not self.printed and self.theirs is not None:
            both = [self.theirs]
        # where most are the MLE's, one that is not is wrong, and no other fit's
        elif self.best is not None and 2 * self.strayed <= len(self.coefficients):
            both = [self.best]
        return [each for each in both if each is not None]

    @cached_property
    def strayed(self) -> int:
        """How many of their coefficients are not those of the MLE as they are printed."""
        if self.mle is None:
            return len(self.coefficients)
        return sum(not self.near(each, self.mle.coefficients) for each in self.coefficients)

    def near(self, coefficient: Stated, beta: Array) -> bool:
        """Whether a coefficient may be that of these (k,), rounded or truncated."""
        direction = self.directions.get(coefficient.term)
        if direction is None:
            return True
        off = abs(coefficient.value - float(direction @ beta))
        moved = 0.0 if self.best is None else float(np.abs(direction) @ self.best.moved)
        return off <= max(coefficient.unit, self.room(coefficient)) + moved

    def room(self, coefficient: Stated) -> float:
        """How far a program may be from the MLE that it means, beside what it has rounded away."""
        error = self.least_error(self.directions[coefficient.term])
        return (SAME if coefficient.unit == 0 else ROUNDING) * error

    def least_error(self, direction: Array) -> float:
        """The standard error of a combination, at the MLE."""
        if self.mle is None:
            return 0.0
        return math.sqrt(max(float(direction @ self.mle.covariance @ direction), 0.0))

    def is_theirs(self, beta: Array) -> bool:
        """Whether an iterate (k,) is what they print; all but a few, if there are several."""
        off = sum(not self.near(each, beta) for each in self.coefficients)
        return off == 0 or (self.printed and 2 * off <= len(self.coefficients) and off <= 3)

    @cached_property
    def steps(self) -> Remembered[Step]:
        """Of iterations that may have led to their coefficients."""
        return Remembered(steps_to(self.model, self.is_theirs))

    @cached_property
    def tries(self) -> Remembered[tuple[Place, Kind | None]]:
        """Places with a kind of standard error each; None where a place has none."""
        return Remembered(self._tries())

    def _tries(self) -> Iterator[tuple[Place, Kind | None]]:
        for where in self.places:
            none = True
            for kind in kinds(
                self.model,
                where,
                self.their.settings,
                self.coordinates,
                self.steps,
                self.posterior_sd,
            ):
                none = False
                yield where, kind
            if none:
                yield where, None

    def remembered(self, key: tuple[object, ...], find: Callable[[], float]) -> float | None:
        """What takes a fit, or None where there is none, found once."""
        if key not in self.cache:
            try:
                self.cache[key] = find()
            except (FlatpriorError, ArithmeticError, np.linalg.LinAlgError):
                self.cache[key] = None
        return self.cache[key]

    @cached_property
    def nulls(self) -> dict[str, Null]:
        """Tests that each term with a p-value is 0, where rows in batches are read for all once."""
        stated = (each.term for each in self.their.stated if each.quantity == "p")
        terms = [term for term in dict.fromkeys(stated) if term in self.directions]
        if self.model.rows.resident or not terms:
            return {}
        try:
            found = Profiles.of(self.model).nulls([self.directions[term] for term in terms])
        except (FlatpriorError, ArithmeticError, np.linalg.LinAlgError):
            return {}
        return {t: null for t, null in zip(terms, found, strict=True) if null is not None}

    @property
    def with_ends(self) -> tuple[str, ...]:
        """Coefficients of the model of which an interval is stated, each in whatever unit."""
        ends = ("low", "high", "odds ratio low", "odds ratio high")
        terms = dict.fromkeys(each.term for each in self.their.stated if each.quantity in ends)
        places = [np.flatnonzero(self.directions[t]) for t in terms if t in self.directions]
        return tuple(dict.fromkeys(self.model.names[int(p[0])] for p in places if len(p) == 1))

    @cached_property
    def groups(self) -> Patterns | None:
        """Rows that differ in their outcome only, as groups."""
        return patterns(self.model)

    def own(self, term: str, quantity: str) -> Stated | None:
        """What they state of a term, where it is a number."""
        return self._first.get((term, quantity))

    @cached_property
    def _first(self) -> dict[tuple[str, str], Stated]:
        """The first number of each quantity of each term."""
        found: dict[tuple[str, str], Stated] = {}
        for each in (*self.coefficients, *self.their.stated):
            if math.isfinite(each.value):
                found.setdefault((each.term, each.quantity), each)
        return found
