"""The fit that a table states: its coefficients, each number with the unit of its last digit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flatprior.analysis.producers.printed.numbers import Written
from flatprior.analysis.producers.printed.quantities import Read
from flatprior.analysis.producers.printed.text import normalised
from flatprior.analysis.producers.theirs import (
    NULL_TOLERANCE,
    OF_A_TERM,
    Settings,
    Stated,
    TheirFit,
    log_unit,
)
from flatprior.analysis.stated_precision import MOST_DIGITS
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import first_of, printable, shorten

FEWEST_DIGITS = 4  # that a lone number has which ends with zeros that are none
OF_A_DOUBLE = 1e-10  # the unit of its last digit at most, if it is of no unusual size
COARSEST_P = 0.1  # the unit of a p-value
BARE = 0.09  # the unit of a 0 that says nothing of decimals: 0, and 0.0 as Python writes it
A_DOUBLE = 15  # significant digits: a number of as many is as exact as doubles are
PRODUCER = "a printed table"
# as statsmodels calls them; "" where nothing is said
KNOWN_COVARIANCES = ("", "NONROBUST", "HC0", "HC1", "HC2", "HC3")


def _units(column: Sequence[Written]) -> dict[Written, float]:
    """The unit of the last digit of each number of a column; 0 of doubles.

    Doubles show by many digits and decimals of any number. Where numbers have as many significant
    digits as one another, the last zeros of one that is whole are no digits: "200" beside "0.35".
    """
    finite = [each for each in column if math.isfinite(each.value) and each.value]
    many = sum(each.digits > MOST_DIGITS and each.unit <= OF_A_DOUBLE for each in finite)
    if len({each.unit for each in finite}) > 1 and many and 2 * many >= len(finite):
        return dict.fromkeys(column, 0.0)
    shown = [each.digits for each in finite if each.unit < 1]
    if not shown and len(finite) > 1:
        shown = [each.digits - _zeros(each) for each in finite]
    significant = max(shown, default=FEWEST_DIGITS)
    units = {}
    for each in column:
        lost = min(max(each.digits - significant, 0), _zeros(each))
        exact = each.digits - _zeros(each) >= A_DOUBLE
        units[each] = 0.0 if exact else each.unit * 10.0**lost
    # a bare 0 was rounded as its neighbours were: of 0.0004 beside 0.034 spreadsheets leave 0
    finest = min((units[each] for each in finite if each.is_known), default=math.inf)
    bare = (each for each in column if not each.value and each.unit >= BARE)
    return units | {each: min(each.unit, finest) for each in bare}


def _zeros(number: Written) -> int:
    """How many zeros a whole number ends with, which may be digits or not."""
    if number.unit != 1 or not number.value or not math.isfinite(number.value):
        return 0
    whole = str(abs(int(number.value)))
    return len(whole) - len(whole.rstrip("0"))


def stated_fit(read: Read, name: str) -> TheirFit:
    """The fit that was read."""
    columns = {
        what: _units([numbers[what] for numbers in read.terms.values() if what in numbers])
        for what in OF_A_TERM
    }

    def unit(what: str, number: Written) -> float:
        if what == "n":
            return number.unit
        found = columns.get(what, _units([number]))[number]
        # nobody rounds probabilities to whole numbers: 0 is what was left of 0.0 or 0.000
        return min(found, COARSEST_P) if what in ("p", "LR p") else found

    coefficients: dict[str, float] = {}
    units: dict[str, float] = {}
    stated: list[Stated] = []
    for term, numbers in read.terms.items():
        own, ratio = numbers.get("coefficient"), numbers.get("odds ratio")
        if own is not None and own.is_known:
            coefficients[term], step = own.value, unit("coefficient", own)
        elif ratio is not None and ratio.is_known and ratio.value > 0:
            coefficients[term] = math.log(ratio.value)
            step = log_unit(ratio.value, unit("odds ratio", ratio))
        else:
            read.notes.append(f"{shorten(printable(term), 40)} has no coefficient")
            step = 0.0
        if step > 0:
            units[term] = step
        for what, number in numbers.items():
            if what != "coefficient":
                stated.append(
                    Stated(
                        term=term,
                        quantity=what,
                        value=number.value,
                        unit=unit(what, number),
                        written=number.text,
                        prob=read.probs.get((term, what), 0.95),
                        below=number.below,
                    )
                )
    if not coefficients and not stated:
        raise InputError(
            f"{name} has no column of coefficients or odds ratios; name one of its columns "
            "estimate or odds ratio, and that of the terms term"
        )
    for what, number in read.fit.items():
        stated.append(
            Stated(
                term="",
                quantity=what,
                value=number.value,
                unit=unit(what, number),
                written=number.text,
                below=number.below,
            )
        )
    notes = [f"left out: {first_of(read.notes)}"] if read.notes else []
    known = normalised(read.covariance).upper() in KNOWN_COVARIANCES
    return TheirFit(
        producer=PRODUCER,
        coefficients=coefficients,
        units=units,
        stated=tuple(stated),
        settings=Settings(covariance=read.covariance, null_tolerance=NULL_TOLERANCE),
        unjudged="" if known else f"they are of the kind {printable(read.covariance)!r}",
        notes=tuple(notes),
    )
