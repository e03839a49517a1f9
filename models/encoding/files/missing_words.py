"""Words that stand for a missing value in files, read as missing and counted.

Text says that a value is missing by an empty cell, or by a word. Which words these are `na=` says;
where it does not, they are the usual ones in formats without types (CSV), and none where the format
has missing values of its own. What is left of a column of numbers are numbers again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.columns.text_among_numbers import (
    are_numbers,
    is_number,
    is_numeric,
)

# what pandas reads as missing, but for the empty cell
USUAL = frozenset(
    """#N/A;#N/A N/A;#NA;-1.#IND;-1.#QNAN;-NaN;-nan;1.#IND;1.#QNAN;<NA>;N/A;NA;NULL;NaN;None;n/a;
    nan;null""".replace("\n    ", "").split(";")
)
_TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


def without_words(
    series: pd.Series[Any],
    words: Collection[str],
    decimal: str = ".",
    as_text: bool = False,
    retyped: bool = False,
) -> tuple[pd.Series[Any], Counter[str]]:
    """The column with its words made missing, and in how many rows each of them stood.

    Parameters
    ----------
    series : Series
        What is not text has no words, but for those that are numbers, such as -999.
    words : collection of str
    decimal : str
        What stands before decimals in text.
    as_text : bool
        Leave text what it is, though numbers be left.
    retyped : bool
        Take text for numbers though none of the words is here: in other rows there is one.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.files.missing_words import without_words
    >>> column, found = without_words(pd.Series(["1.5", "?", "2"]), ["?"])
    >>> column.tolist(), dict(found)
    ([1.5, nan, 2.0], {'?': 1})
    """
    if not (words or decimal == ","):
        return series, Counter()
    if not _may_hold_text(series):
        return _without_numbers(series, words)
    categories = isinstance(series.dtype, pd.CategoricalDtype)
    codes, values = (
        (series.cat.codes.to_numpy(), list(series.cat.categories))
        if categories
        else pd.factorize(series)
    )
    values = list(values)
    figures = {float(word) for word in words if is_number(word)}
    are_words = np.array([_is_word(value, words, figures) for value in values], dtype=bool)
    found: Counter[str] = Counter()
    for place in np.flatnonzero(are_words):
        number = int(np.count_nonzero(codes == place))
        if number:
            found[str(values[place]).strip()] += number
    if found:
        codes = np.where(np.append(are_words, False)[codes], -1, codes)
    if categories:
        left_out = [value for value, word in zip(values, are_words, strict=True) if word]
        return (series.cat.remove_categories(left_out) if found else series), found
    tokens = [None if word else value for value, word in zip(values, are_words, strict=True)]
    if not as_text and (found or decimal == "," or retyped):
        tokens = _retyped(tokens, decimal, str(series.name))
    elif decimal == ",":
        tokens = _with_points(tokens, str(series.name))
    if not found and all(a is b for a, b in zip(tokens, values, strict=True)):
        return series, found
    return _taken(tokens, codes, series), found


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What words mean in tables that say themselves what is a number and what is text.

    What is left of text without its words is judged as a whole, wherever its rows are cut. Where
    batches are judged one by one, `settled` says what they are together.

    Attributes
    ----------
    words : frozenset of str
    retyped : frozenset of str
        Columns that are numbers where all that is left of them looks so, although no word is there.
    text : frozenset of str
        Columns that are text, whatever is left of them.
    """

    words: frozenset[str] = frozenset()
    retyped: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()

    def out_of(self, frame: pd.DataFrame, found: dict[str, Counter[str]] | None) -> pd.DataFrame:
        """The frame with its words made missing; `found` is told which, and in how many rows."""
        changed = {}
        for name in frame.columns if self.words else ():
            before = frame[name]
            series, counts = without_words(
                before,
                self.words,
                as_text=name in self.text,
                retyped=name in self.retyped,
            )
            if found is not None and counts:
                found[name] = found.get(name, Counter()) + counts
            if series is not before:
                changed[name] = series
        return frame.assign(**changed) if changed else frame


def may_be_retyped(values: Iterable[Any]) -> bool:
    """Whether text that is left in some rows may be numbers, or truths, as in the others.

    Examples
    --------
    >>> from flatprior.models.encoding.files.missing_words import may_be_retyped
    >>> may_be_retyped(["1", "2.5"]), may_be_retyped(["TRUE"]), may_be_retyped(["1", "a"])
    (True, True, False)
    """
    texts = [value for value in values if isinstance(value, str)]
    return all(map(is_number, texts)) or all(text.strip() in _TRUTHS for text in texts)


def words_in(series: pd.Series[Any], words: Collection[str], decimal: str = ".") -> Counter[str]:
    """The words in a column of text, as pandas reads them as missing when it is told them.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.files.missing_words import words_in
    >>> dict(words_in(pd.Series(["1", "NA", "-999.0"]), ["NA", "-999"]))
    {'NA': 1, '-999': 1}
    """
    found = Counter(series[series.isin(list(words))])
    figures = {float(word): word for word in words if is_number(word)}
    if figures:  # pandas compares numbers by their value
        text = series.str.replace(",", ".") if decimal == "," else series
        values = pd.to_numeric(text[~series.isin(list(words))], errors="coerce")
        found += Counter(figures[value] for value in values[values.isin(list(figures))])
    return found


def _is_word(value: Any, words: Collection[str], figures: set[float]) -> bool:
    """Whether a value is one of the words, or a number that one of them is."""
    if isinstance(value, str) and value.strip() in words:
        return True
    return bool(figures) and is_numeric(value) and float(value) in figures


def _without_numbers(
    series: pd.Series[Any], words: Collection[str]
) -> tuple[pd.Series[Any], Counter[str]]:
    """A column of numbers without those that words are."""
    found: Counter[str] = Counter()
    real = pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series)
    for word in words if real else ():
        if is_number(word):
            here = (series == float(word)).to_numpy(dtype=bool, na_value=False)
            if here.any():
                found[word] = int(here.sum())
                whole = pd.api.types.is_integer_dtype(series.dtype)
                large = whole and series.max() >= 2**63
                kind = pd.UInt64Dtype() if large else pd.Int64Dtype()
                series = (series.astype(kind) if whole else series).mask(here)
    return series, found


def _may_hold_text(series: pd.Series[Any]) -> bool:
    dtype = series.dtype
    return (
        pd.api.types.is_object_dtype(dtype)
        or pd.api.types.is_string_dtype(dtype)
        or isinstance(dtype, pd.CategoricalDtype)
    )


def _retyped(tokens: list[Any], decimal: str, name: str) -> list[Any]:
    """Values of which none is a word: numbers or truths if all of them look so."""
    if decimal == ",":
        tokens = _with_points(tokens, name)
    known = [token for token in tokens if token is not None]
    if not all(isinstance(token, str) for token in known):
        return tokens
    if known and all(is_number(token) for token in known):
        return [None if token is None else float(token) for token in tokens]
    if known and all(token.strip() in _TRUTHS for token in known):
        return [None if token is None else _TRUTHS[token.strip()] for token in tokens]
    return tokens


def _with_points(tokens: list[Any], name: str) -> list[Any]:
    """Decimal commas made points, where the tokens are numbers, all of them or most.

    A number with a point is none there: it separates thousands, or is of another table.
    """
    changed = [
        token.replace(",", ".")
        if isinstance(token, str) and token.count(",") == 1 and "." not in token
        else token
        for token in tokens
    ]
    plain = [
        new if isinstance(new, str) and new != old and is_number(new) else old
        for new, old in zip(changed, tokens, strict=True)
    ]
    texts = [token for token in plain if isinstance(token, str)]
    if not texts or not (all(map(is_number, texts)) or are_numbers(texts)):
        return tokens
    with_points = [token for token in tokens if isinstance(token, str) and "." in token]
    odd = next((token for token in with_points if is_number(token)), None)
    if odd is not None:
        raise InputError(
            f"column {name!r} has a point in {shorten(odd, 20)} where decimals have commas: take "
            'out what separates thousands, or name what decimals have, decimal="."'
        )
    return plain


def _taken(tokens: list[Any], codes: Any, series: pd.Series[Any]) -> pd.Series[Any]:
    """The values by their codes, in the plainest type that holds them."""
    kinds = {type(token) for token in tokens if token is not None}
    if kinds <= {int, float}:
        each = np.array([np.nan if t is None else t for t in tokens] + [np.nan], dtype=float)
        return pd.Series(each[codes], index=series.index, name=series.name)
    objects = np.empty(len(tokens) + 1, dtype=object)
    objects[:-1] = tokens
    taken = pd.Series(objects[codes], index=series.index, name=series.name, dtype=object)
    if kinds == {bool}:
        return taken.astype("boolean")
    return taken.astype(series.dtype) if kinds == {str} and _is_str(series) else taken


def _is_str(series: pd.Series[Any]) -> bool:
    return isinstance(series.dtype, pd.StringDtype)
