"""Numbers as they are written in tables: their value, and the unit of their last digit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable, shorten

MINUS = "\u2212\u2013\u2012\ufe63\uff0d"  # signs that are printed for a minus
SPACES = "\u00a0\u2009\u202f\u2007'\u2019"  # that may stand between thousands
STARS = "*\u2020\u2021\u00a7"
# what is written in place of a number that there is not
NOTHING = frozenset(
    {"", "na", "n/a", "nan", ".", "-", "--", "\u2014", "null", "none", "(base)", "(omitted)"}
    | {"ref", "ref.", "reference", "(reference)", "(empty)", "<na>"}
)
INFINITE = {"inf": math.inf, "infinity": math.inf, "\u221e": math.inf}
_PLAIN = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?", re.IGNORECASE | re.ASCII)
_POWER = re.compile(r"\s*[x\u00d7\u00b7]\s*10\s*\^?\s*\{?\(?([+-]?\d+)\)?\}?")
_BOUND = re.compile(r"^(<=|>=|<|>|\u2264|\u2265)\s*(.*)$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:([ ,.])\d{3})(?:\1\d{3})*(?=[.,e]|$)")


@dataclass(frozen=True)
class Written:
    """A number as it is written.

    Attributes
    ----------
    value : float
        NaN where there is none, such as "NA".
    unit : float
        Of its last digit.
    digits : int
        Significant digits.
    text : str
    below : bool
        Whether it is an upper limit, such as "<0.001".
    """

    value: float
    unit: float
    digits: int
    text: str
    below: bool = False

    @property
    def is_known(self) -> bool:
        """Whether it is a number, and not only a limit of one: "<0.001", ">999.999"."""
        return math.isfinite(self.value) and not self.below and not self.text.startswith(">")


def decimal_mark(cells: Iterable[str]) -> str:
    """The decimal mark of a table: a comma only where some number cannot be read otherwise.

    Examples
    --------
    >>> from flatprior.analysis.producers.printed.numbers import decimal_mark
    >>> decimal_mark(["0,25", "1,5"]), decimal_mark(["1,234.5"]), decimal_mark(["[0,1; 0,5]"])
    (',', '.', ',')
    """
    comma = dot = False
    for cell in cells:
        for text in re.findall(r"\d[\d.,]*|[.,]\d+", cell):
            if re.search(r"\d*\.\d*$", text) and not re.fullmatch(r"\d{1,3}(\.\d{3}){2,}", text):
                dot = True
            # thousands have three digits behind each comma, and no zero in front
            elif re.fullmatch(r"(\d{1,3}(\.\d{3})*)?,\d+", text) and not re.fullmatch(
                r"[1-9]\d{0,2},\d{3}", text
            ):
                comma = True
    return "," if comma and not dot else "."


def written(text: str, place: str, mark: str = ".") -> Written | None:
    """Read a number; None where the cell is empty.

    Raises
    ------
    ValueError
        With the place, if it is no number.

    Examples
    --------
    >>> from flatprior.analysis.producers.printed.numbers import written
    >>> written("\u22121,234.50***", "row 1").value, written("<.0001", "row 1").below
    (-1234.5, True)
    >>> written("1.2e-05", "row 1").unit, written("NA", "row 1").value
    (1e-06, nan)
    """
    shown = printable(text)
    cleaned = shown.strip().strip(STARS + "\u2020 ").strip()
    if not cleaned:
        return None
    lowered = cleaned.lower()
    if lowered in NOTHING:
        return Written(math.nan, 0.0, 0, shown)
    for sign in MINUS:
        cleaned = cleaned.replace(sign, "-")
    if cleaned.startswith("(") and cleaned.endswith(")"):
        cleaned = cleaned[1:-1].strip()
    bound = _BOUND.match(cleaned)
    below = False
    if bound is not None:
        below, cleaned = bound[1] in ("<", "<=", "\u2264"), bound[2]
        # a limit from below is told by its sign
        shown = shown if below else f">{bound[2]}"
    unsigned = cleaned.lower().lstrip("+-")
    if unsigned in INFINITE:
        end = INFINITE[unsigned]
        return Written(-end if cleaned.startswith("-") else end, 0.0, 0, shown, below)
    power = _POWER.search(cleaned)
    if power is not None:
        cleaned = f"{cleaned[: power.start()]}e{power[1]}"
    found = _PLAIN.fullmatch(_plain(cleaned, place, mark))
    if found is None or not (found[2] or found[3]):
        raise InputError(
            f"{place}: {shorten(shown, 40)} is not a number; write one, or NA where there is none"
        )
    sign, whole, fraction, exponent = found[1], found[2], found[3] or "", int(found[4] or 0)
    if abs(exponent) > 400 or len(whole) + len(fraction) > 400:
        raise InputError(f"{place}: {shorten(shown, 40)} is not a number that doubles can hold")
    digits = len((whole + fraction).lstrip("0")) or 1
    value = float(f"{sign}{whole or 0}.{fraction or 0}e{exponent}")
    # a 0 has no size that an exponent could be of: programs write e+00 behind it, and "0e9" is no
    # number that was rounded to billions; a negative one says how many decimals it was rounded to
    unit = float(f"1e{(exponent if value else min(exponent, 0)) - len(fraction)}")
    if not math.isfinite(value):
        raise InputError(f"{place}: {shorten(shown, 40)} is not a number that doubles can hold")
    return Written(value, unit, digits, shown, below)


def _plain(text: str, place: str, mark: str) -> str:
    """Without thousands' signs, with a point as the decimal mark."""
    for space in SPACES:
        text = text.replace(space, " ")
    text = re.sub(r"(?<=\d) (?=\d{3}(?:\D|$))", "", text)
    other = "," if mark == "." else "."
    if other in text:
        head = _THOUSANDS.match(text)
        if head is None or head[1] != other:
            raise InputError(
                f"{place}: {shorten(text, 40)} has {other!r} where thousands have none, while "
                f"{mark!r} is the decimal mark of the table; write numbers with one decimal mark"
            )
        text = text.replace(other, "")
    return text.replace(mark, ".") if text.count(mark) <= 1 else text


def interval(text: str, place: str, mark: str = ".") -> tuple[Written, Written] | None:
    """The two ends of an interval in one cell; None where the cell is empty.

    Examples
    --------
    >>> from flatprior.analysis.producers.printed.numbers import interval
    >>> [end.value for end in interval("[0.1, 0.5]", "row 1")]
    [0.1, 0.5]
    >>> [end.value for end in interval("\u22120.10\u20130.52", "row 1")]
    [-0.1, 0.52]
    >>> [end.value for end in interval("0,1 to 0,5", "row 1", ",")]
    [0.1, 0.5]
    """
    shown = printable(text).strip().strip(STARS).strip()
    if not shown:
        return None
    if shown.lower() in NOTHING:
        nothing = Written(math.nan, 0.0, 0, shown)
        return nothing, nothing
    bare = shown.strip("[](){} ")
    for sign in MINUS[:1] + MINUS[3:]:
        bare = bare.replace(sign, "-")
    bare = re.sub(rf"^[{MINUS}]", "-", bare)  # a dash in front is a minus
    bare = re.sub(rf"([;,\s\u2014]|to)\s*[{MINUS}](?=[\d.])", r"\1 -", bare)
    bare = re.sub(r"([\u2013\u2014])\s*[\u2013\u2014]", r"\1 -", bare)
    for separator in (";", r"\bto\b", r",\s", r"\s+(?:\u2013|\u2014|-)\s+"):
        parts = re.split(separator, bare)
        if len(parts) == 2 and all(part.strip() for part in parts):
            break
    else:
        middle = r"\s*,\s*" if mark == "." else r"\s+"
        number = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?|[+-]?[iI]nf"
        if mark == ".":
            number = number.replace("[.,]", r"\.")
        found = re.fullmatch(
            rf"({number})(?:\s*(?:\u2013|\u2014|-)\s*|{middle}|\s+)({number})", bare
        )
        if found is None:
            raise InputError(
                f"{place}: {shorten(shown, 40)} is not an interval; write it as [0.1, 0.5] or "
                "0.1 to 0.5"
            )
        parts = [found[1], found[2]]
    low, high = (written(part.strip(), place, mark) for part in parts)
    assert low is not None  # noqa: S101
    assert high is not None  # noqa: S101
    return low, high


def as_cell(value: Any) -> str:
    """A value as it would be written: of a float all digits that it has."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):
        return "NA" if math.isnan(value) else repr(float(value))
    return str(value)
