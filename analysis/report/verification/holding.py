"""Values that a report states, held against those computed anew, to their rounding."""

from __future__ import annotations

import math
import re
from typing import Any

from flatprior.analysis.report.page import alike, same_number
from flatprior.models.common.closeness import DIFFERENCE, TWICE
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import first_of, printable

# of an error bound, which is rounding itself: by the same program on the same machine, by another
OF_BOUNDS, OF_BOUNDS_ELSEWHERE = 0.3, 0.9
# whose rounding is that of what they are differences of; a distance is one of coefficients, in
# standard errors
DIFFERENCES = {"LR": DIFFERENCE, "p": DIFFERENCE, "distance": 1e-12}
# numbers of a certificate that are mostly rounding
BOUNDS = ("newton_decrement", "error_bound", "log_likelihood_error", "standard_errors_within")

# places in a drawing, and words beside it
_PLACE = re.compile(r' (?:d|r|[xy][12]?|c[xy]|width|height|transform|viewBox)="[^"]*"')
_WORDS = re.compile(r"<(?:title|figcaption)\b.*?</(?:title|figcaption)>", re.DOTALL)


def hold(what: str, stated: Any, again: Any, bounds: float) -> None:
    """Raise a `ValueError` where plain values differ from those computed anew."""
    if isinstance(again, dict):
        require(isinstance(stated, dict) and set(stated) >= set(again), f"{what} is incomplete")
        more = sorted(set(stated) - set(again))
        require(not more, f"{what} has {first_of(more)}, which nothing gives")
        for key, value in again.items():
            hold(f"{what} {key}", stated[key], value, bounds)
    elif isinstance(again, list):
        require(isinstance(stated, list) and len(stated) == len(again), f"{what} is incomplete")
        for one, other in zip(stated, again, strict=True):
            hold(what, one, other, bounds)
    elif isinstance(again, bool) or again is None:
        require(stated is again, f"{what} is {again}, not {printable(stated)}")
    elif isinstance(again, str):
        require(
            isinstance(stated, str) and alike(stated, again, TWICE, bounds),
            f"{what} is {again!r}, not {stated!r}",
        )
    else:
        number = isinstance(stated, int | float) and not isinstance(stated, bool)
        require(number, f"{what} is {again:.6g}, not {printable(stated)}")
        require(
            stated == again  # a count has no rounding
            if isinstance(again, int)
            else _near(what, float(stated), float(again), bounds),
            f"{what} is {again:.10g}, not {stated:.10g}",
        )


def _near(what: str, stated: float, again: float, bounds: float) -> bool:
    name = what.rsplit(" ", 1)[-1]
    if name == "digits":
        return abs(stated - again) <= -math.log10(1 - bounds)
    if name in BOUNDS:
        return same_number(stated, again, TWICE, bounds)
    return same_number(stated, again, TWICE, absolute=DIFFERENCES.get(name, 0.0))


def hold_notes(
    what: str, stated: list[str], again: list[str], bounds: float, more: str = ""
) -> None:
    """Hold notes against those made anew; there may be others of the pattern `more`."""

    def there(note: str, notes: list[str]) -> bool:
        return any(alike(note, each, TWICE, bounds) for each in notes)

    for note in again:
        require(there(note, stated), f"{what} lacks the note {note!r}")
    extra = [
        each
        for each in stated
        if not there(each, again)
        and not (more and re.fullmatch(rf"(?:{more})\.?", each, re.IGNORECASE | re.DOTALL))
    ]
    require(
        not extra and len(set(stated)) == len(stated),
        f"{what} has a note that nothing gives: {first_of(extra)}",
    )


def same_drawing(
    first: str, second: str, absolute: float, closeness: float = TWICE, of_bounds: float = 0.0
) -> bool:
    """Whether two drawings are one but for the rounding of the places in them.

    Nothing else has any: no label of an axis, no width or opacity of a line; but for the bounds in
    words, `of_bounds`.
    """
    one, other = (_WORDS.findall(drawing) for drawing in (first, second))
    places, due = (_PLACE.findall(_WORDS.sub("", drawing)) for drawing in (first, second))
    left, right = (_PLACE.sub("", _WORDS.sub("", drawing)) for drawing in (first, second))
    return (
        left == right
        and alike("\n".join(one), "\n".join(other), TWICE, of_bounds)
        and alike("\n".join(places), "\n".join(due), closeness, absolute=absolute)
    )


def require(holds: bool, message: str) -> None:
    """Raise a `ValueError` of this message unless something `holds`."""
    if not holds:
        raise InputError(message)
