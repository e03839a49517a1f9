"""What a message or a table may say of names and rows that users bring, and of numbers.

Every number of a table becomes text by `in_digits`; each kind that needs more than a format of
Python has its rule here, once.
"""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import EPSILON
from flatprior.models.common.errors import InputError, without_address_secrets

# of an offset and of weights that were given as numbers, not as a column's name
ARRAY = "(array)"
# a survey's weights look like counts wherever they are whole numbers: nobody can tell from the data
SPEAKING = (
    "sampling weights: standard errors are those of a sandwich, of the units that were drawn, and "
    "there is no likelihood to test or compare with"
)
COUNTS = (
    "frequency weights are taken as counts of observations; of weights that say how many people a "
    "row speaks for, standard errors, tests and intervals would be wrong (sampling_weights takes "
    "those)"
)
NO_ROWS = "the data have no rows; give some below the names of the columns"
HASH_VERSION = "3"  # of what a data hash is taken of, and how
ROWS_NAMED = 5  # a message names this many rows or columns and counts the others
SCREEN = 600  # characters that all the names in a message may have
LEAST_BOUND = 1e-300  # below it doubles lose digits, and a bound as large is one too
LEAST_P = "<1e-308"  # of what is less
SMALLEST_P = 2.3e-308  # below it doubles lose digits, and then everything

_ZERO = re.compile(r"-0(\.0*)?(e[-+]0+)?")  # of a number too small to have a sign
_ROUNDING = 4 * EPSILON  # of an odds ratio near 1
_NEAR = 0.01  # to 1, where four digits of an odds ratio are one or two of what it says
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "`": r"\textasciigrave{}",
    "λ": r"\ensuremath{\lambda}",  # of certificates; pdfLaTeX knows neither
    "−": r"\ensuremath{-}",
}


def printable(text: object) -> str:
    """Make one line of visible characters: a name from a file must not steer the terminal.

    A day has no time, which pandas gives it.
    """
    plain = str(text)
    if isinstance(text, datetime):
        plain = plain.removesuffix(" 00:00:00")
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def check_text(text: object, what: str) -> None:
    """Raise a `ValueError` if `text` has half a character, which no file or terminal can hold."""
    try:
        str(text).encode()
    except UnicodeEncodeError as error:
        raise no_text(error, what) from error


def no_text(error: UnicodeEncodeError, what: str) -> ValueError:
    """The error, in words, for text that has no bytes."""
    return InputError(
        f"{what} {shorten(error.object, 30)} holds a lone surrogate, which is half a character and "
        "no text; write it anew"
    )


def abbreviated(name: object, longest: int = 60) -> str:
    """A name as visible text, cut to `longest` characters."""
    text = printable(name)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def told_apart(names: Iterable[object]) -> tuple[str, ...]:
    """Names cut as by `abbreviated`, but for those that are the same then.

    These are cut in the middle, and whole where that does not tell them apart.

    Examples
    --------
    >>> from flatprior.models.common.text import told_apart
    >>> ward = "the ward in which the patient stayed for most of the time, by the records"
    >>> for name in told_apart(["x", f"{ward}[A]", f"{ward}[B]"]):
    ...     print(name)
    x
    the ward in which the patient …f the time, by the records[A]
    the ward in which the patient …f the time, by the records[B]
    """
    whole = [printable(name) for name in names]
    found = [abbreviated(name) for name in whole]
    middles = [name if len(name) <= 60 else f"{name[:30]}…{name[-29:]}" for name in whole]
    for others in (middles, whole):
        often = Counter(found)
        found = [
            other if often[each] > 1 else each for each, other in zip(found, others, strict=True)
        ]
    return tuple(found)


def shorten(text: str, width: int = 80) -> str:
    """Quote a piece of the user's text, cut to `width` characters, without secrets of addresses."""
    text = without_address_secrets(text)
    return repr(text if len(text) <= width else f"{text[: width - 3]}...")


def count(number: int, noun: str) -> str:
    """Say "1 row" or "2 rows"."""
    return f"{number} {noun}" if number == 1 else f"{whole(number)} {noun}s"


def whole(number: int) -> str:
    """A whole number, in thousands where it has five digits or more.

    Examples
    --------
    >>> from flatprior.models.common.text import whole
    >>> whole(9999), whole(20400)
    ('9999', '20,400')
    """
    return f"{number:,d}" if abs(number) >= 10_000 else f"{number:d}"


def for_each(total: int, parts: int) -> str:
    """How many of a total there are for each part, with a decimal below 100.

    Examples
    --------
    >>> from flatprior.models.common.text import for_each
    >>> for_each(59, 4), for_each(2_189_371, 4)
    ('14.8', '547,343')
    """
    each = total / parts
    return f"{each:.1f}" if each < 100 else whole(round(each))


def level_in_words(level: object, *signs: str) -> str:
    """A level as it is, or in quotes where it would not be seen whole or be taken for more.

    So are those that are empty, begin or end with a blank, hold two in a row or what is not
    printed; that begin with a quotation mark; and that hold one of the signs that join levels to
    others. No two levels are the same in words, nor two sequences of them that a sign joins.

    Examples
    --------
    >>> from flatprior.models.common.text import level_in_words
    >>> [level_in_words(level, " - ") for level in ("a", "a ", "", "a-b", "a - b")]
    ['a', "'a '", "''", 'a-b', "'a - b'"]
    """
    text = str(level)
    plain = text == printable(text) and text[:1] not in ("", "'", '"')
    if plain and not any(sign in f" {text} " for sign in signs):
        return text
    return repr(text).replace("  ", r" \x20")  # two blanks in a row are shown as one


def observations(
    number: int,
    n_rows: int | None,
    weights: str | None,
    groups: int | None = None,
    sampling: str | None = None,
) -> str:
    """Say "32 observations", or with weights "100 observations in 32 rows (...)"."""
    said = count(number, "observation")
    if groups is not None:
        return f"{said} in {count(groups, 'group')}"
    if sampling is not None:
        return f"{said} (sampling weights: {printable(sampling)})"
    if weights is None:
        return said
    rows = "" if n_rows is None else f" in {count(n_rows, 'row')}"
    return f"{said}{rows} (frequency weights: {printable(weights)})"


def first_of(items: Iterable[object], number: int | None = None, most: int = ROWS_NAMED) -> str:
    """Name the first items, `most` of them, and count the rest: "3, 7, 9, 11, 12 and 4 more".

    `number` is how many there are, where `items` are the first of them only. Of long ones there
    are as many as fit on a screen.
    """
    found = [str(item) for item in items]
    total = len(found) if number is None else number
    shown = found[:most]
    while len(shown) > 1 and len(", ".join(shown)) > SCREEN:
        shown.pop()
    named = ", ".join(shown)
    rest = total - len(shown)
    return (named if len(named) <= SCREEN else abbreviated(named, SCREEN)) + (
        f" and {whole(rest)} more" if rest > 0 and shown else ""
    )


def names_in(room: int, names: Sequence[str]) -> str:
    """As many names as have `room` in a line, the first at least and cut, and how many more.

    Examples
    --------
    >>> from flatprior.models.common.text import names_in
    >>> names_in(22, ["price", "age", "income", "years"])
    'price, age and 2 more'
    """
    whole = ", ".join(map(printable, names))
    if len(whole) <= room:
        return whole
    if len(names) == 1:
        return abbreviated(names[0], room)
    left = room - len(f" and {len(names)} more")
    shown = [abbreviated(names[0], left)]
    for name in names[1:]:
        if len(", ".join([*shown, printable(name)])) > left:
            break
        shown.append(printable(name))
    return f"{', '.join(shown)} and {len(names) - len(shown)} more"


def listing(names: Sequence[str], last: str = "and") -> str:
    """Names in a sentence, "a, b and c"; as many as fit on a screen, and how many more."""
    whole = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"
    return whole if len(whole) <= SCREEN else names_in(SCREEN, names)


def rows_phrase(labels: Iterable[object]) -> str:
    """Name the first rows and count the rest: "row 3", "rows 3, 7, 9, 11, 12 and 4 more"."""
    found = list(labels)
    return f"row{'s' if len(found) > 1 else ''} {first_of(found)}"


def earlier_hash(stated: str, whose: str) -> str:
    """What is said of a data hash that an earlier version of flatprior made; else nothing."""
    if stated.startswith(f"{HASH_VERSION}:"):
        return ""
    return (
        f"{whose} a data hash of another version of flatprior ({printable(stated[:12])}...), which "
        "cannot be held against the data; make it anew with this version"
    )


def as_markdown(text: str) -> str:
    """Text that Markdown shows as it is: that of GitHub, Jupyter and pandoc."""
    escaped = html.escape(text, quote=False).replace("\\", "\\\\")
    for sign in "|*_`[]~$^@":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped


def as_latex(text: str) -> str:
    """Text that LaTeX sets as it is."""
    escaped = "".join(_LATEX.get(sign, sign) for sign in text)
    # after the end of a row these would be read as its options
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped


def as_typst(text: str) -> str:
    r"""A string of Typst's, in which nothing is markup, with its quotation marks.

    Examples
    --------
    >>> from flatprior.models.common.text import as_typst
    >>> print(as_typst('#a "b" $c$'))
    "#a \"b\" $c$"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_csv(value: object) -> object:
    """A cell as CSV has it: nothing for NaN, and no text that a spreadsheet takes for a formula."""
    if value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def in_digits(value: object, form: str = ".5g") -> str:
    """A value as people read it: the one place where a number becomes text of a table.

    What is not there is "-", a number too small to have a sign has none, and text and names stay
    as they are.

    Parameters
    ----------
    value : object
    form : str
        A format of Python; or "p" (`p_value`; with a format of its own, as in "p.1e"), "ratio"
        (`odds_ratio`), "percent" (of a number of percent, `percent` without its sign), "of 4000
        .3f" (a share of so many draws, `share`), "floor" (of digits that are certain: never
        rounded up), "bound" (`at_most`; with a format of its own too). Whole numbers are shown
        whole; with "," in front of a format, numbers of five digits and more in thousands.

    Examples
    --------
    >>> from flatprior.models.common.text import in_digits
    >>> in_digits(1234567, ",d"), in_digits(-1e-9, ".3f"), in_digits(0.00021, "p")
    ('1,234,567', '0.000', '0.000210')
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return "-"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else ""
    if isinstance(value, (int, np.integer)):
        return whole(int(value)) if form.startswith(",") else str(value)
    if not isinstance(value, (float, np.floating)):
        return printable(value)
    value = float(value)
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if form.startswith("of "):
        _, n, form = form.split(" ")
        return share(value, int(n), form)
    if form == "percent":
        return percent(value / 100).removesuffix("%")
    if form.startswith("p"):
        return p_value(value, form=form[1:] or "#.3g")
    if form == "ratio":
        return odds_ratio(value)
    if form.startswith("bound"):
        return at_most(value, form.removeprefix("bound") or ".1e")
    if form == "floor":
        return str(math.floor(value))
    if abs(value) < 9999.5:  # as `whole`
        form = form.removeprefix(",")
    return _signed(format(value, form).removesuffix("."))


def _signed(text: str) -> str:
    """The text of a number, without a sign where it is too small to have one."""
    return text.removeprefix("-") if _ZERO.fullmatch(text) else text


def at_most(bound: float, form: str = ".1e") -> str:
    """An upper bound, rounded up to the digits of a format.

    Whoever reads the text back has a number that is never less than the bound.

    Parameters
    ----------
    bound : float
    form : str
        A format of Python for "e" or "g".

    Examples
    --------
    >>> from flatprior.models.common.text import at_most
    >>> at_most(8.74e-13), at_most(9.91e-13), at_most(0.012301, ".3g"), at_most(1e-5)
    ('8.8e-13', '1.0e-12', '0.0124', '1.0e-05')
    """
    return _rounded(max(bound, LEAST_BOUND) if bound > 0 else bound, form, ROUND_CEILING)


def at_least(bound: float, form: str = ".1e") -> str:
    """A lower bound, rounded down to the digits of a format.

    Examples
    --------
    >>> from flatprior.models.common.text import at_least
    >>> at_least(8.79e-13), at_least(3.6199, ".3g")
    ('8.7e-13', '3.61')
    """
    return _rounded(0.0 if 0 < bound < LEAST_BOUND else bound, form, ROUND_FLOOR)


def _rounded(bound: float, form: str, direction: str) -> str:
    """The number of that many digits in this direction, as the format has it; "-" for NaN."""
    if not math.isfinite(bound):
        return "-" if math.isnan(bound) else format(bound, "g")
    digits = int(form.strip("#.eg")) + form.endswith("e")
    # of the digits that tell it from any other double: 1e-5 is not 1.1e-5 for what is beyond them
    rounded = Context(prec=digits, rounding=direction).create_decimal(Decimal(repr(float(bound))))
    return format(float(rounded), form)


def p_value(p: float, log_p: float | None = None, form: str = "#.3g") -> str:
    """A p-value, never as 0: below the range of doubles by its logarithm, where that is known.

    Examples
    --------
    >>> from flatprior.models.common.text import p_value
    >>> p_value(0.0321), p_value(0.0, -3000.0), p_value(0.0)
    ('0.0321', '1.3e-1303', '<1e-308')
    """
    if not p < SMALLEST_P:  # NaN too
        return "-" if math.isnan(p) else format(p, form)
    if log_p is None or not math.isfinite(log_p):
        return LEAST_P
    power, size = divmod(log_p / math.log(10), 1.0)
    mantissa = f"{10**size:.1f}"
    return f"1.0e{power + 1:.0f}" if mantissa == "10.0" else f"{mantissa}e{power:.0f}"


def odds_ratio(value: float, error: float = 0.0) -> str:
    """Four digits, or two of the difference from 1, which is small where a unit is.

    A difference that may be rounding, or `error` of the logarithm, alone is none, and has no
    digits.

    Examples
    --------
    >>> from flatprior.models.common.text import odds_ratio
    >>> odds_ratio(6.6709), odds_ratio(1.000312), odds_ratio(1.000312, 2e-5)
    ('6.671', '1.00031', '1.0003')
    """
    away = abs(value - 1)
    if not _NEAR > away > error + _ROUNDING:  # NaN and infinite ones too
        return in_digits(float(value), "#.4g")
    decimals = 1 - math.floor(math.log10(away))
    known = math.floor(-math.log10(error + _ROUNDING))  # no digits of the error
    return f"{value:.{max(min(decimals, known), 3)}f}"


def percent(part: float) -> str:
    """A share of 0 to 1 in percent, to one decimal; never as 0 or 100 % if it is not.

    It has then two digits of what it is from there.

    Examples
    --------
    >>> from flatprior.models.common.text import percent
    >>> percent(0.34375), percent(0.000031), percent(0.99997), percent(1.0)
    ('34.4%', '0.0031%', '99.9970%', '100.0%')
    """
    if math.isnan(part):
        return "-"
    number = 100 * part
    away = min(number, 100 - number)
    if not 0 < away < 0.05:
        return f"{in_digits(float(number), '.1f')}%"
    if number < 1:
        return f"{number:#.2g}%"
    return f"{number:.{1 - math.floor(math.log10(away))}f}%"


def certain(value: float, error: float, most: int) -> str:
    """A number that may be off by `error`, without the decimals that this makes uncertain.

    It has `most` decimals at most, and those where nothing is known of the error.

    Examples
    --------
    >>> from flatprior.models.common.text import certain
    >>> certain(-12.8896334, 1e-12, 6), certain(-12.8896334, 0.0004, 6), certain(-1289.6, 20, 4)
    ('-12.889633', '-12.890', '-1300')
    """
    if not math.isfinite(error) or error < 10.0**-most:
        return _signed(f"{value:.{most}f}")
    decimals = math.floor(-math.log10(error))
    return _signed(f"{round(value, decimals):.{max(decimals, 0)}f}")


def share(value: float, n: int, form: str = ".3f") -> str:
    """A share of `n` draws, never as 0 or 1: where all of them are alike, what that bounds.

    Of independent draws that are all alike the probability is, with a certainty of 95 %, within 3 /
    n of 1 (or of 0): (1 - 3 / n)^n is 0.05.

    Examples
    --------
    >>> from flatprior.models.common.text import share
    >>> share(0.9132, 4000), share(0.99975, 4000), share(1.0, 4000), share(0.0, 4000)
    ('0.913', '0.9998', '>0.999', '<0.00075')
    """
    decimals = int(form.strip("#.fg"))
    if value <= 0:
        size = 1 - math.floor(math.log10(3 / n))  # two digits, rounded up
        return f"<{math.ceil(round(3 / n * 10**size, 6)) / 10**size:.2g}"
    if value >= 1:
        return f">{math.floor(max(0.0, 1 - 3 / n) * 10**decimals) / 10**decimals:.{decimals}f}"
    while float(format(value, form)) in (0.0, 1.0):
        decimals += 1
        form = f".{decimals}f"
    return format(value, form)


def all_alike(shares: Iterable[float], n: int, name: str = "pd") -> str:
    """What a share of `n` draws says that are all alike; nothing where there is none.

    Examples
    --------
    >>> from flatprior.models.common.text import all_alike
    >>> all_alike([0.91, 1.0], 4000)
    'where pd has >, all 4000 draws are on one side: a bound, 95 % certain were they independent'
    """
    if not n or not any(value == 1 for value in shares):
        return ""
    return (
        f"where {name} has >, all {whole(n)} draws are on one side: a bound, 95 % certain were "
        "they independent"
    )
