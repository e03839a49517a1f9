"""Columns of numbers in which some values are no numbers: "?", ".", "missing", "1,5".

A reader of files makes text of such a column, and a formula makes categories of text: one "?" would
turn a number into as many coefficients as it has values. Such a column is an error, unless the
formula says ``C(...)``. The rule sees the whole column, wherever its rows lie, those too that are
left out because another value is missing. Text is a column of numbers

- if at least half of its distinct values, or of its rows, are numbers, `FEW` different ones or more
  (dressed ones count: "1,5", "1,234", "5%", "$5"); or
- if at least half are numbers, two or more, and each of the others is a marker of missing values or
  a number that is dressed; or
- if all that is not a number is TRUE or FALSE: 0 and FALSE would be two categories; or
- if its numbers are two such as 0 and 1, and what is not a number is "yes", "F" or another word for
  true and false, beside markers of missing values: these words are to be recoded, not left out.

It is not where a number has leading zeros and another value is a word, or where all of them are
digits: codes such as "01234" are names. Categories that are numbers only, or ordered, are taken at
their word.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import ROWS_NAMED, count, first_of, listing, shorten

FEW = 5
FEW_WORDS, SHORT_WORD = 3, 20  # that are written out where an option names them

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_COMMA = re.compile(
    r"\s*[+\-\u2212]?[0-9]{1,3}(?:[. ]?[0-9]{3})*,[0-9]+\s*|\s*[+-]?[0-9]+,[0-9]+\s*"
)
_DRESS = re.compile(r"[\s$\u20ac\u00a3\u00a5%,_'\u2019*]+")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}\s*$")
_LEADING_ZEROS = re.compile(r"\s*0[0-9]+\s*")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_MARKERS = frozenset(
    """na;n/a;n.a.;n.a;nan;null;none;nil;missing;unknown;unk;undefined;void;empty;not available;
    not known;no data;not applicable;#n/a;#na;#value!;#div/0!;#ref!;#null!;#num!;#name?;
    inf;+inf;-inf;infinity;-infinity;""".replace("\n    ", "").split(";")
)
# words for true and false, and the numbers that stand for the two elsewhere
_LOGICAL = {word: True for word in ("true", "t", "yes", "y")} | {
    word: False for word in ("false", "f", "no", "n")
}
_CODINGS = ({0.0, 1.0}, {1.0, 2.0}, {-1.0, 1.0})


def is_number(token: str) -> bool:
    """Whether text is one number, as a computer writes it."""
    return not token[:1].isalpha() and _NUMBER.fullmatch(token) is not None


def is_numeric(value: Any) -> bool:
    """Whether a value is a number, or text that is one."""
    if isinstance(value, str):
        return is_number(value)
    number = isinstance(value, int | float | Decimal | np.number)
    return number and not isinstance(value, complex)


def _is_dressed(token: str) -> bool:
    """A number with a decimal comma, separators, a unit of money or a per cent sign."""
    if token[:1].isalpha():  # which nothing takes away
        return False
    plain = _DRESS.sub("", token.replace("\u2212", "-"))
    return _COMMA.fullmatch(token) is not None or (plain != token and is_number(plain))


def _is_marker(token: str) -> bool:
    word = token.strip().casefold()
    return word in _MARKERS or not any(c.isalnum() for c in word)


def are_numbers(tokens: Iterable[str], rows: int = 0, odd_rows: int = 0) -> bool:
    """Whether the distinct values of a text column say that it holds numbers.

    Or its `rows`, of which `odd_rows` hold no plain number.
    """
    every = list(tokens)
    are_plain = list(map(is_number, every))
    plain = [token for token, is_plain in zip(every, are_plain, strict=True) if is_plain]
    odd = [token for token, is_plain in zip(every, are_plain, strict=True) if not is_plain]
    dressed = sum(map(_is_dressed, odd))
    excused = all(_is_marker(token) or _is_dressed(token) for token in odd)
    if any(map(_LEADING_ZEROS.fullmatch, plain)) and not (odd and excused):
        return False
    if plain and odd and all(token in _TRUTHS for token in odd):
        return True
    logical = _logical(every)
    if logical and all(_is_marker(token) for token in odd if token not in logical):
        return True
    numbers = len(plain) + dressed
    if 2 * numbers < len(every):
        return numbers >= FEW and rows > 0 and 2 * odd_rows <= rows
    return numbers >= FEW or bool(odd and excused and numbers >= 2)


class Odd(NamedTuple):
    """The rows of a column that are not what the others are: how many, and the first labels."""

    rows: int
    labels: tuple[Any, ...]

    @classmethod
    def of(cls, labels: pd.Index[Any], odd: Any) -> Odd:
        """From which rows they are."""
        return cls(int(np.count_nonzero(odd)), tuple(labels[odd][:ROWS_NAMED]))

    def merge(self, other: Odd) -> Odd:
        """Those of both; the first of all stay."""
        return Odd(self.rows + other.rows, (*self.labels, *other.labels)[:ROWS_NAMED])

    def __str__(self) -> str:
        return f"{count(self.rows, 'row')} ({first_of(self.labels, self.rows)})"


class Tokens(NamedTuple):
    """The different values of a text column, its rows, and those of them that hold no number."""

    values: tuple[str, ...]
    rows: int
    odd: Odd

    @classmethod
    def of(cls, series: pd.Series[Any]) -> Tokens:
        """Of a column of text without missing values."""
        codes, values = pd.factorize(series)
        return cls.coded(codes, values, series.index)

    @classmethod
    def coded(cls, codes: NDArray[Any], values: Iterable[str], labels: pd.Index[Any]) -> Tokens:
        """Of its different values, and which of them each row has."""
        every = tuple(values)
        odd = np.array([not is_numeric(value) for value in every], dtype=bool)
        return cls(every, len(codes), Odd.of(labels, odd[codes]))

    def merge(self, other: Tokens) -> Tokens:
        """Those of the rows of both."""
        values = tuple(dict.fromkeys((*self.values, *other.values)))
        return Tokens(values, self.rows + other.rows, self.odd.merge(other.odd))

    def capped(self, most: int) -> Tokens:
        """All words, and no more numbers than matter beside so many."""
        if len(self.values) <= most:
            return self
        words = (value for value in self.values if not is_numeric(value))
        plain = [value for value in self.values if is_numeric(value)][: most + 1]
        return self._replace(values=(*words, *plain))


def check_not_numbers(name: str, tokens: Tokens) -> None:
    """Raise a `ValueError` if a text column holds numbers."""
    values, rows, odd = tokens
    if not are_numbers(values, rows, odd.rows):
        return
    meant = f", or write {_factor(name)} if categories are meant"
    if not odd.rows:
        raise InputError(
            f"column {name!r} holds text, but all of its different values are numbers; convert it "
            f"to numbers{meant}"
        )
    raise InputError(f"column {name!r} {mixed(name, values, odd, option=True)}{meant}")


def mixed(name: str, values: Sequence[Any], odd: Odd, option: bool = False) -> str:
    """What is said of a column whose rows hold numbers but for the `odd` ones.

    With the `option` that makes words missing, where there is one. Words for true and false beside
    numbers for the two are no missing values.
    """
    found = f"holds numbers in some rows and text in others: {shown(values)} in {odd}"
    logical = [] if name in values else _logical(values)  # its heading once more
    others = [value for value in values if value not in logical]
    left = not all(map(is_numeric, others))
    missing = f"make such values missing{_option(others) if option else ''}"
    if not logical:
        return f"{found}; {missing} or correct them{comma_hint(values)}"
    it = "the number that it means" if len(logical) == 1 else "the numbers that they mean"
    also = (
        f", and {missing.replace('such values', shown(others), 1)} or correct them" if left else ""
    )
    return f"{found}; recode {shown(logical)} as {it}{_numbers_of(logical, others)}{also}"


def _logical(values: Iterable[Any]) -> list[str]:
    """The words for true and false, where the numbers of the column are two that mean the same."""
    every = list(values)
    numbers = {float(value) for value in every if is_numeric(value)}
    if not numbers or not any(numbers <= coding for coding in _CODINGS):
        return []
    return [v for v in every if isinstance(v, str) and v.strip().casefold() in _LOGICAL]


def _numbers_of(words: Sequence[str], others: Iterable[Any]) -> str:
    """Which numbers words for true and false are, beside 0 and 1; beside others nobody knows."""
    if not {float(value) for value in others if is_numeric(value)} <= _CODINGS[0]:
        return ""
    meant = dict.fromkeys(str(int(_LOGICAL[word.strip().casefold()])) for word in words)
    return f", {listing(list(meant))}"


def _option(values: Sequence[Any]) -> str:
    words = [v.strip() for v in values if isinstance(v, str) and not is_number(v)]
    words = [word for word in dict.fromkeys(words) if not _is_dressed(word)]
    if not words:
        return ""
    plain = all(word.isprintable() and len(word) <= SHORT_WORD for word in words)
    if len(words) > FEW_WORDS or not plain:
        return " (na= and --na name them)"
    given = repr(words[0]) if len(words) == 1 else repr(words)
    return f" (na={given}, {' '.join(f'--na {shlex.quote(word)}' for word in words)})"


def shown(tokens: Iterable[object]) -> str:
    """Quote the values that are no numbers."""
    return first_of(shorten(str(token), 30) for token in tokens if not is_numeric(token))


def comma_hint(tokens: Iterable[object]) -> str:
    """Advice where commas are among the values, of decimals or of thousands."""
    for token in tokens:
        if isinstance(token, str) and _COMMA.fullmatch(token):
            either = (
                "left out, or a point if it is decimal" if _THOUSANDS.search(token) else "a point"
            )
            return f" (the comma of {shorten(token, 30)} is to be {either})"
    return ""


def _factor(name: str) -> str:
    return f"C({name})" if name.isidentifier() else f"C(`{name}`)"


def number_or_text(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column that was read as text and is used as categories: numbers, unless some would merge.

    Whole numbers stay whole where values are missing. Codes with leading zeros stay text, for 01
    and 1 are two categories, and so do codes of more digits than a double can tell apart.
    """
    codes, values = pd.factorize(series)
    tokens = [str(value).strip() for value in values]
    if tokens and all(token in _TRUTHS for token in tokens):
        return _taken([_TRUTHS[token] for token in tokens], "boolean", codes, series)
    if not all(map(is_number, tokens)) or any(map(_LEADING_ZEROS.fullmatch, tokens)):
        return series
    whole = [int(token) for token in tokens if _WHOLE.fullmatch(token)]
    if len(whole) == len(tokens) and all(-(2**63) <= number < 2**63 for number in whole):
        return _taken(whole, "Int64", codes, series)
    if len(set(map(float, whole))) < len(set(whole)):
        return series
    return _taken([float(token) for token in tokens], "Float64", codes, series)


_TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


def _taken(values: list[Any], dtype: Any, codes: Any, series: pd.Series[Any]) -> pd.Series[Any]:
    taken: Any = pd.array(values, dtype=dtype).take(codes, allow_fill=True)
    if dtype == "Float64":
        taken = taken.to_numpy(dtype=float, na_value=np.nan)
    elif (codes >= 0).all():
        taken = taken.to_numpy(dtype="int64" if dtype == "Int64" else "bool")
    return pd.Series(taken, index=series.index, name=series.name)
