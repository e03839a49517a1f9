"""Columns that are not what they seem.

Categories that are identifiers or dates, or whose levels differ in blanks or case; numbers among
which stand codes for missing values.

A category with one row for each level is an error, since no fit exists: each level has one outcome.
All else may be meant, and is only said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, first_of, listing, shorten
from flatprior.models.encoding.columns.summary import Summary

FEW_LEVELS = 10  # so many nobody suspects
FEW_DATES = 3
MISSING = frozenset(["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>"])
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(
    rf"\s*(?:[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.]"
    rf"(?:[0-9]{{2}}|[0-9]{{4}})|[0-9]{{1,2}}[ -](?:{_MONTHS})[a-z]*[ -][0-9]{{2,4}}|(?:{_MONTHS})"
    r"[a-z]* [0-9]{1,2},? [0-9]{4})(?:[ T][0-9]{1,2}:[0-9]{2}.*)?\s*",
    re.IGNORECASE,
)


def suspicions(column: Summary, single: bool) -> list[str]:
    """What is to be said of a column that is used as a category.

    Where each row is a `single` outcome, one row for each level is an error.

    Examples
    --------
    >>> from flatprior.models.encoding.columns.suspects import suspicions
    >>> from flatprior.models.encoding.columns.summary import Summary
    >>> levels = {"Yes": 3, "yes": 9}
    >>> column = Summary(name="z", kinds=frozenset(["text"]), n_rows=12, levels=levels)
    >>> suspicions(column, single=True)
    ["column 'z' has levels that differ in blanks or case only: 'Yes' and 'yes'; make them one if \
they are"]
    """
    number, rows = len(column.levels), column.n_rows
    dates = are_dates(column.levels)
    if number > FEW_LEVELS and number == rows and single:
        what = "dates" if dates else "an identifier"
        remedy = "make a number of them, such as the days since the first, or" if dates else ""
        raise InputError(
            f"column {column.name!r} has {number} levels in {rows} rows, one each: {what}, with "
            f"which no fit exists; {remedy}{' ' * bool(remedy)}leave it out"
        )
    said = []
    if dates:
        first = next(iter(column.levels))
        said.append(
            f"column {column.name!r} holds dates as text, such as {shorten(first, 30)}: they are "
            f"{number} categories, whose order plays no part; make a number of them, or a category "
            "such as the year, if that is meant"
        )
    elif number > FEW_LEVELS and 2 * number >= rows:
        said.append(
            f"column {column.name!r} has {number} levels in {rows} rows: if it is an identifier, "
            "leave it out; a level in whose rows the response is always the same has no estimate"
        )
    words = [level for level in column.levels if level in MISSING]
    if words:
        said.append(
            f"column {column.name!r} has the level {words[0]!r}, which often means a missing "
            f"value; na={words[0]!r} makes it one"
        )
    return said + alike(column.name, column.levels)


def are_dates(levels: Iterable[Any]) -> bool:
    """Whether text is of dates, all but a tenth of it."""
    every, others = list(levels), 0
    for level in every:
        others += not (isinstance(level, str) and _DATE.fullmatch(level))
        if 10 * others > len(every):  # of many levels few need to be looked at
            return False
    return len(every) - others >= FEW_DATES


def alike(name: str, levels: Iterable[Any]) -> list[str]:
    """What is said of levels that differ in blanks or case only, or have blanks at an end."""
    alone = [level for level in levels if isinstance(level, str)]
    plain = ["".join(level.split()).casefold() for level in alone]
    pairs = []
    if len(set(plain)) < len(plain):
        found: dict[str, list[str]] = {}
        for key, level in zip(plain, alone, strict=True):
            found.setdefault(key, []).append(level)
        pairs = [sorted(each) for each in found.values() if len(each) > 1]
        alone = [each[0] for each in found.values() if len(each) == 1]
    said = []
    if pairs:
        shown = first_of(" and ".join(shorten(level, 30) for level in each) for each in pairs)
        said.append(
            f"column {name!r} has levels that differ in blanks or case only: {shown}; make them "
            "one if they are"
        )
    edged = [level for level in alone if level != level.strip()]
    if edged:
        shown = first_of(shorten(level, 30) for level in edged)
        said.append(
            f"column {name!r} has levels with blanks at an end: {shown}; take these out, or new "
            "rows need them too"
        )
    return said


def far_off(column: Summary) -> list[str]:
    """What is said of numbers such as -999 that stand far from all others, in several rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.columns.suspects import far_off
    >>> from flatprior.models.encoding.columns.summary import Summary
    >>> ages = pd.Series([31.0, 64.0, -99.0, 18.0, -99.0], name="age")
    >>> far_off(Summary.of(ages, ages.notna().to_numpy()))
    ["column 'age' has -99 in 2 rows, far from all other values (18 to 64); if that means a \
missing value, na='-99' makes it one"]
    """
    codes = {} if column.edges is None else column.edges.isolated
    if column.edges is None or not codes:
        return []
    each = listing([f"{code:.0f} in {count(rows, 'row')}" for code, rows in codes.items()])
    words = [f"{code:.0f}" for code in codes]
    return [
        f"column {column.name!r} has {each}, far from all other values ({column.edges.low:g} to "
        f"{column.edges.high:g}); if that means a missing value, "
        f"na={(words[0] if len(words) == 1 else words)!r} makes it one"
    ]
