"""Numbers that are stated, in words and in the digits that they are stated in."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flatprior.analysis.auditing.numbers import Judged
from flatprior.models.common.text import count, listing, printable

MOST_DECIMALS = 8  # of a number that is written without an exponent


def as_stated(value: float, unit: float, form: str) -> str:
    """A number in the digits that were printed, or by a format where all of it is known.

    Parameters
    ----------
    value : float
    unit : float
        Of the last digit that was printed; 0 for a double.
    form : str

    Examples
    --------
    >>> from flatprior.analysis.auditing.wording import as_stated
    >>> as_stated(1.1775, 1e-4, "#.6g"), as_stated(1.1775, 0, "#.6g"), as_stated(1.2e5, 1e4, ".6g")
    ('1.1775', '1.17750', '1.2e+05')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else f"{value}"
    if not unit > 0:
        return format(value, form)
    decimals = round(-math.log10(unit))
    if 0 <= decimals <= MOST_DECIMALS:
        return f"{value:.{decimals}f}"
    first = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(first + decimals, 0)}e}"


def size(number: float) -> str:
    """Two digits, without an exponent where the number is not small."""
    return f"{number:.0f}" if 10 <= number < 1e6 else f"{number:.2g}"


def said_of(judged: Judged) -> str:
    """What is stated of a quantity and what it is, in one sentence."""
    what = f"{judged.quantity} of {judged.term}" if judged.term else judged.quantity
    stated = judged.written or f"{judged.stated:.6g}"
    return (
        f"the {printable(what)} is stated as {printable(stated)}, and is {judged.proved:.6g} "
        f"({judged.convention})"
    )


def of_numbers(numbers: Sequence[Judged]) -> str:
    """How many of the numbers beside the coefficients are right, as what follows of a sentence."""
    judged = [each for each in numbers if not each.is_coefficient and each.consistent is not None]
    off = sum(each.consistent is False for each in judged)
    if not judged:
        return ""
    if not off:
        return f", with all {len(judged)} numbers beside the coefficients right{_kinds(numbers)}"
    beside = f"{count(len(judged), 'number')} beside the coefficients"
    return f"; {off} of {beside} {'is' if off == 1 else 'are'} off{_kinds(numbers)}"


def _kinds(numbers: Sequence[Judged]) -> str:
    """Which kinds of standard error the numbers follow, where these are not the model's."""
    kinds = [
        dict.fromkeys(
            each.convention.removeprefix("Wald, ")
            for each in numbers
            if each.quantity in quantities and each.consistent
        )
        for quantities in (("standard error",), ("z", "chi-squared", "p"), ("low", "high"))
    ]
    said = []
    if kinds[0] and list(kinds[0]) != ["model"]:
        said.append(f"standard errors {listing(list(kinds[0]))}")
    # tests and intervals of another kind than the standard errors beside them
    said += [
        f"{what} {listing(list(found))}"
        for what, found in zip(("tests", "intervals"), kinds[1:], strict=True)
        if kinds[0] and found and not set(found) <= set(kinds[0])
    ]
    return f", {', '.join(said)}" if said else ""
