"""Printed tables of coefficients: CSV, TSV, JSON, Markdown, text of a terminal, and data frames.

What is written is kept as it is written, since its last digit says what it can be held against. A
number of more than ten significant digits is taken for a double, and so are the others of its
column.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from flatprior.analysis.producers.printed_numbers import (
    Written,
    decimal_mark,
    interval,
    written,
)
from flatprior.analysis.producers.printed_text import (
    INTERVAL,
    LEVEL,
    TERM,
    Grid,
    Heading,
    cells_of_csv,
    cells_of_markdown,
    facts_in,
    grids_of_cells,
    grids_of_text,
    heading,
    normalised,
    of_a_fit,
)
from flatprior.analysis.producers.r_file import is_of_r, of_r
from flatprior.analysis.producers.theirs import (
    NULL_TOLERANCE,
    OF_A_TERM,
    Settings,
    Stated,
    TheirFit,
    log_unit,
)
from flatprior.analysis.stated_precision import MOST_DIGITS
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError, require_no_secrets
from flatprior.models.common.text import first_of, printable, shorten

FEWEST_DIGITS = 4  # that a lone number has which ends with zeros that are none
OF_A_DOUBLE = 1e-10  # the unit of its last digit at most, if it is of no unusual size
COARSEST_P = 0.1  # the unit of a p-value
BARE = 0.09  # the unit of a 0 that says nothing of decimals: 0, and 0.0 as Python writes it
A_DOUBLE = 15  # significant digits: a number of as many is as exact as doubles are
LARGEST = 2**24  # bytes: a table of coefficients is no larger
NOT_SAID = math.nan  # the confidence of an interval
PRODUCER = "a printed table"
# as statsmodels calls them; "" where nothing is said
KNOWN_COVARIANCES = ("", "NONROBUST", "HC0", "HC1", "HC2", "HC3")
_CLUSTERS = re.compile(r"adjusted for ([\d,]+ clusters)")
_LONE = re.compile(r"[<>]?\s*[-+\u2212]?[\d.,]+(e[-+]?\d+)?", re.IGNORECASE)
_ENDS = ("low", "high", "odds ratio low", "odds ratio high")


class _Text(str):
    """A number of a JSON file as it is written there."""

    __slots__ = ()


@dataclass(eq=False)
class _Read:
    """What a source holds: numbers by term, numbers of the whole fit, and what was left."""

    terms: dict[str, dict[str, Written]] = field(default_factory=dict)
    probs: dict[tuple[str, str], float] = field(default_factory=dict)
    fit: dict[str, Written] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    covariance: str = ""


def read_table(source: str | PathLike[str] | pd.DataFrame) -> TheirFit:
    """Read a table of coefficients or odds ratios, with all that it states beside them.

    Parameters
    ----------
    source : path or DataFrame
        A CSV, TSV, JSON or Markdown file, or the text that a program printed (.txt, .log). The
        columns of broom, statsmodels, SAS and Stata are known, and the usual names of columns. Of a
        data frame, read as text (``dtype=str``) the digits that are written are known.

    Returns
    -------
    TheirFit
        Where only odds ratios are given, coefficients are their logarithms. The confidence of an
        interval whose column does not say it is NaN.

    Raises
    ------
    ValueError
        If no column of coefficients or odds ratios is found, or a cell is no number: the message
        names file, row and column.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.analysis.producers.printed_table import read_table
    >>> frame = pd.DataFrame({"term": ["x"], "estimate": ["0.50"], "std.error": ["0.21"]})
    >>> fit = read_table(frame)
    >>> fit.coefficients, fit.units, fit.stated[0].written
    ({'x': 0.5}, {'x': 0.01}, '0.21')
    """
    if isinstance(source, pd.DataFrame):
        return _fit_of(_of_cells(_cells_of_frame(source), "the table"), "the table")
    try:
        path = Path(fspath(source))
    except TypeError:
        raise InputTypeError(
            f"a table must be a path to a CSV, TSV, JSON or Markdown file, or a data frame, not "
            f"{a_or_an(source)}"
        ) from None
    require_no_secrets(source)
    name = shorten(printable(path.name), 60)
    text = _text_of(path, name)
    ending = path.suffix.lower()
    if ending == ".json":
        facts = _facts_of(text, name)
        return of_r(facts, name) if is_of_r(facts) else _fit_of(_of_json(facts, name), name)
    if ending in (".csv", ".tsv", ".tab"):
        delimiter = "\t" if ending != ".csv" else _delimiter(text)
        return _fit_of(_of_cells(cells_of_csv(text, delimiter), name), name)
    return _fit_of(_of_any_text(text, name), name)


def _text_of(path: Path, name: str) -> str:
    if path.stat().st_size > LARGEST:
        raise InputError(f"{name} is too large for a table of coefficients; pass the table alone")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not text in UTF-8; save it as such") from None
    if "\0" in text:
        raise InputError(f"{name} has a NUL byte, which is no text; save it as text in UTF-8")
    return text


def _delimiter(text: str) -> str:
    """What separates the cells: whichever of comma, semicolon and tab makes a row of headings."""
    for mark in (",", ";", "\t"):
        if any(
            len(cells) > 1 and any(heading(cell).is_number for cell in cells)
            for cells in csv.reader(text.splitlines()[:50], delimiter=mark)
        ):
            return mark
    return ","


def _cells_of_frame(frame: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """A data frame as cells; its index is a column where no column holds the terms."""
    columns = [str(name) for name in frame.columns]
    named = any(heading(name).what == TERM for name in columns)
    if not named and not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
        columns = ["term", *columns]
    rows = [("the head", columns)]
    terms = [heading(name).what == TERM for name in columns]
    for number, values in enumerate(frame.itertuples(index=False, name=None), 1):
        # a missing number is "NA", but a missing name is none
        cells = [
            "" if of_terms and pd.isna(value) else _cell(value)
            for of_terms, value in zip(terms, values, strict=True)
        ]
        rows.append((f"row {number}", cells))
    return rows


def _cell(value: Any) -> str:
    """A value as it would be written: of a float all digits that it has."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):
        return "NA" if math.isnan(value) else repr(float(value))
    return str(value)


def _facts_of(text: str, name: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError(f"{name} has a name twice in one place; name each number once")
        return found

    try:
        return json.loads(
            text, parse_float=_Text, parse_int=_Text, parse_constant=_Text, object_pairs_hook=once
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not JSON: {error}") from None


def _of_json(facts: Any, name: str) -> _Read:
    """Records, columns, or numbers by name under the name of what they are."""
    loose: list[tuple[str, list[str]]] = []
    if isinstance(facts, list):
        return _of_cells(_cells_of_records(facts, name), name)
    if not isinstance(facts, dict):
        raise InputError(f"{name} holds no table; write records with a term and an estimate each")
    if str(facts.get("format", "")).startswith("flatprior/"):
        raise InputError(
            f"{name} is an estimate that flatprior saved: load it with PointEstimate.load"
        )
    records: list[dict[str, Any]] | None = None
    by_name: dict[str, dict[str, Any]] = {}
    columns: dict[str, list[Any]] = {}
    for key, value in facts.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            records = value
        elif isinstance(value, list):
            columns[key] = value
        elif isinstance(value, dict):
            by_name[key] = value
        else:
            loose.append((f"{shorten(key, 40)}", [str(key), _cell(value)]))
    if records is None and columns:
        records = _records_of_columns(columns, name)
    if records is None and by_name:
        inner = {str(key) for values in by_name.values() for key in values}
        known = [key for key in by_name if heading(key).is_number]
        inside = sum(heading(key).is_number for key in inner)
        # either may have a term called b
        if known and len(known) * len(inner) > inside * len(by_name):
            terms = dict.fromkeys(term for key in known for term in by_name[key])
            records = [
                {"term": term, **{key: by_name[key].get(term) for key in known}} for term in terms
            ]
        else:
            records = [{"term": term, **values} for term, values in by_name.items()]
    if records is None:
        numbers = [(place, cells) for place, cells in loose if of_a_fit(cells[0]) is None]
        records = [{"term": cells[0], "estimate": cells[1]} for _, cells in numbers]
        loose = [each for each in loose if of_a_fit(each[1][0]) is not None]
    return _of_cells(_cells_of_records(records, name), name, loose)


def _records_of_columns(columns: dict[str, list[Any]], name: str) -> list[dict[str, Any]]:
    if set(columns) >= {"columns", "data"}:  # as pandas writes tables split into their parts
        index = columns.get("index", [])
        return [
            {
                **({"term": index[i]} if i < len(index) else {}),
                **dict(zip(map(str, columns["columns"]), row, strict=False)),
            }
            for i, row in enumerate(columns["data"])
            if isinstance(row, list)
        ]
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise InputError(f"{name} has columns of different lengths; give each term every number")
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _cells_of_records(records: Sequence[Any], name: str) -> list[tuple[str, list[str]]]:
    if not all(isinstance(each, Mapping) for each in records):
        raise InputError(f"{name} holds no table; write records with a term and an estimate each")
    headings = list(dict.fromkeys(str(key) for each in records for key in each))
    headings.sort(key=lambda key: heading(key).what != TERM)
    rows = [("the head", headings)]
    for number, each in enumerate(records, 1):
        for key in headings:
            if isinstance(each.get(key), dict | list):
                raise InputError(
                    f"{name}, row {number}, column {shorten(printable(key), 40)} is no number but "
                    "several; write records with a term and an estimate each"
                )
        rows.append((f"row {number}", [_cell(each.get(key)) for key in headings]))
    return rows


def _of_any_text(text: str, name: str) -> _Read:
    """Pipe tables, columns of spaces, or else separated values."""
    piped = [
        line for line in text.splitlines() if line.lstrip().startswith("|") and line.count("|") > 2
    ]
    if len(piped) > 1:
        return _of_cells(cells_of_markdown(text), name)
    grids, loose = grids_of_text(text)
    if grids:
        return _assembled(grids, [("the text", _parts(line)) for line in loose], name)
    return _of_cells(cells_of_csv(text, _delimiter(text)), name)


def _parts(line: str) -> list[str]:
    """A line of text as cells, if it is a name and numbers in columns."""
    parts = re.split(r"\s{2,}", line.strip())
    known = len(parts) in (2, 3) and of_a_fit(parts[0]) is not None
    return parts if known and all(map(_LONE.fullmatch, parts[1:])) else [line]


def _of_cells(
    rows: list[tuple[str, list[str]]],
    name: str,
    more: Sequence[tuple[str, list[str]]] = (),
) -> _Read:
    grids, loose = grids_of_cells(rows)
    return _assembled(grids, [*loose, *more], name)


def _assembled(grids: list[Grid], loose: list[tuple[str, list[str]]], name: str) -> _Read:
    cells = [cell for grid in grids for _, row in grid.rows for cell in row[1:]]
    mark = decimal_mark([*cells, *(cell for _, row in loose for cell in row[1:])])
    read = _Read()
    for grid in grids:
        _take(read, grid, name, mark)
    _take_facts(read, loose, name, mark)
    return read


def _take(read: _Read, grid: Grid, name: str, mark: str) -> None:
    """The numbers of a grid, by term."""
    at = next(i for i, each in enumerate(grid.headings) if each.what == TERM)
    _require_one_fit(grid.headings, name)
    found: dict[str, dict[str, Written]] = {}
    probs: dict[str, float] = {}
    again: list[str] = []
    for place, cells in grid.rows:
        term = _term(grid, cells, at)
        term = term if printable(term) else ""
        numbers: dict[str, Written] = {}
        for each, cell in zip(grid.headings, cells, strict=False):
            if each.is_number and cell.strip():
                where = f"{name}, {place}, column {shorten(printable(each.text), 40)}"
                for what, number in _numbers(each, cell, where, mark):
                    if what in numbers and numbers[what].value != number.value:
                        again.append(each.text)
                    numbers.setdefault(what, number)
                    if each.prob is not None and what in _ENDS:
                        probs[what] = each.prob
        fact = of_a_fit(term)
        if fact is not None and len(numbers) == 1:  # "AIC" in a row of its own below the terms
            read.fit.setdefault(fact, next(iter(numbers.values())))
        elif not any(math.isfinite(each.value) for each in numbers.values()):
            if term:
                read.notes.append(f"{shorten(printable(term), 40)} has no numbers")
        elif not term:
            raise InputError(f"{name}, {place}: the term has no name; name it as the data do")
        elif term in found:
            raise InputError(
                f"{name}, {place}: the term {shorten(printable(term), 40)} is there twice; pass "
                "the table of one model"
            )
        else:
            found[term] = numbers
    read.notes += [
        f"column {shorten(printable(text), 40)} is a second one of its kind"
        for text in dict.fromkeys(again)
    ]
    read.notes += [
        f"column {shorten(printable(each.text), 40)}"
        for each in grid.headings
        if not each.what and each.text.strip()
    ]
    found = _on_their_scales(found, grid.of_ratios)
    probs = _renamed(probs, found)
    for term, numbers in found.items():
        own = read.terms.setdefault(term, {})
        for what, number in numbers.items():
            if what not in own:
                own[what] = number
                if what in _ENDS:
                    read.probs[term, what] = probs.get(what, NOT_SAID)


def _require_one_fit(headings: Sequence[Heading], name: str) -> None:
    """Refuse a table of several models, or of crude and adjusted odds ratios."""
    for what in ("coefficient", "odds ratio"):
        columns = [each.text for each in headings if each.what == what]
        if len(columns) > 1:
            said = " and ".join(shorten(printable(text), 30) for text in columns[:2])
            raise InputError(
                f"{name} has several columns of {what}s, {said}; leave those of one model in it"
            )


def _renamed(probs: dict[str, float], found: dict[str, dict[str, Written]]) -> dict[str, float]:
    """Confidences by the names that the ends have now."""
    there = {what for numbers in found.values() for what in numbers}
    return {
        what: prob
        for end, prob in probs.items()
        for what in (end, f"odds ratio {end}")
        if what in there
    } | {what: prob for what, prob in probs.items() if what in there}


def _term(grid: Grid, cells: list[str], at: int) -> str:
    """The name of a row: a level stands beside its variable, or names it "race 2 vs 1"."""
    term = cells[at].strip()
    levels = [
        cells[i].strip()
        for i, each in enumerate(grid.headings[: len(cells)])
        if each.what == LEVEL and cells[i].strip()
    ]
    against = None if levels else _against(term)
    return against or "_".join([term, *levels])


def _against(term: str) -> str | None:
    """SAS calls an odds ratio of a factor "race black vs white"."""
    words = term.split()
    if "vs" in words[2:-1] and words.index("vs") == 2:
        return f"{words[0]}_{words[1]}"
    return None


def _numbers(each: Heading, cell: str, where: str, mark: str) -> list[tuple[str, Written]]:
    """What one cell holds, by quantity."""
    if each.what.endswith(INTERVAL):
        ends = interval(cell, where, mark)
        prefix = each.what.removesuffix(INTERVAL)
        return [] if ends is None else [(f"{prefix}low", ends[0]), (f"{prefix}high", ends[1])]
    if each.second:
        first, _, second = cell.replace("[", "(").partition("(")
        number = written(first, where, mark)
        found = [] if number is None else [(each.what, number)]
        second = second.strip().rstrip(")]").strip()
        if not second:
            return found
        if each.second != INTERVAL:
            error = written(second, where, mark)
            return found if error is None else [*found, (each.second, error)]
        ends = interval(second, where, mark)
        prefix = "odds ratio " if each.what == "odds ratio" else ""
        if ends is not None:
            found += [(f"{prefix}low", ends[0]), (f"{prefix}high", ends[1])]
        return found
    number = written(cell, where, mark)
    return [] if number is None else [(each.what, number)]


def _on_their_scales(
    found: dict[str, dict[str, Written]], of_ratios: bool
) -> dict[str, dict[str, Written]]:
    """Say of each column whether it is on the scale of coefficients or of odds ratios.

    broom's ``exponentiate=TRUE`` changes estimates and intervals and neither their names nor the
    standard errors; a column of intervals beside both is of what lies within it.
    """
    rename: dict[str, str] = {}
    there = {what for numbers in found.values() for what in numbers}
    named = "odds ratio" in there or "coefficient" not in there
    if not named and (of_ratios or _exponentiated(found)):
        rename["coefficient"] = "odds ratio"
    ratios_only = "coefficient" in rename or ("odds ratio" in there and "coefficient" not in there)
    plain = "coefficient" in rename or ("odds ratio" in there and _within(found))
    if plain:
        rename |= {"low": "odds ratio low", "high": "odds ratio high"}
    if ratios_only and "coefficient" not in rename:
        # of the ratio as Stata's, or of its logarithm: the data tell, where few digits do not
        rename["standard error"] = "odds ratio SE"
    return {
        term: {rename.get(what, what): number for what, number in numbers.items()}
        for term, numbers in found.items()
    }


def _values(found: dict[str, dict[str, Written]], *names: str) -> list[tuple[float, ...]]:
    """The rows that have all of these numbers."""
    rows = [
        tuple(numbers[name].value for name in names)
        for numbers in found.values()
        if all(name in numbers for name in names)
    ]
    return [row for row in rows if all(map(math.isfinite, row))]


def _exponentiated(found: dict[str, dict[str, Written]]) -> bool:
    """Whether the estimates are odds ratios, by what stands beside them."""
    estimates = _values(found, "coefficient")
    if not estimates or min(estimates)[0] < 0:
        return False  # an odds ratio may be printed as 0.00
    rows = [row for row in _values(found, "coefficient", "standard error", "z") if min(row[:2]) > 0]
    if rows:
        # half a unit of each is no matter: one of the two is out by a lot
        as_it_is = median(abs(b / s - z) / (1 + abs(z)) for b, s, z in rows)
        return median(abs(math.log(b) / s - z) / (1 + abs(z)) for b, s, z in rows) < as_it_is
    ends = [
        row
        for row in _values(found, "low", "coefficient", "high")
        if row[1] > 0 and row[0] < row[2]
    ]
    if not ends or min(ends)[0] < 0:
        return False
    ends = [row for row in ends if row[0] > 0]
    plain = [abs((low + high) / 2 - b) / (high - low) for low, b, high in ends]
    logs = [
        abs(math.log(low * high) / 2 - math.log(b)) / math.log(high / low) for low, b, high in ends
    ]
    return bool(ends) and median(logs) < median(plain)


def _within(found: dict[str, dict[str, Written]]) -> bool:
    """Whether intervals are about the odds ratios rather than their logarithms."""
    rows = [row for row in _values(found, "low", "high", "odds ratio") if row[2] > 0]
    ratios = sum(low <= ratio <= high for low, high, ratio in rows)
    return ratios >= sum(low <= math.log(ratio) <= high for low, high, ratio in rows)


def _take_facts(read: _Read, loose: list[tuple[str, list[str]]], name: str, mark: str) -> None:
    """The numbers of the whole fit, wherever they stand."""
    columns: list[str | None] = []
    for place, cells in loose:
        filled = [cell for cell in cells if cell.strip()]
        known = [of_a_fit(cell) for cell in cells]
        if columns and filled and any(columns):  # the row below names of such numbers
            for what, cell in zip(columns, cells, strict=False):
                if what is not None and cell.strip():
                    _put(read, what, cell, f"{name}, {place}", mark)
            columns = []
            continue
        both = [normalised(cell) for cell in cells]
        if "interceptonly" in both or "interceptandcovariates" in both:
            continue
        if len(filled) > 1 and sum(what is not None for what in known) == len(filled):
            columns = known
            continue
        if len(cells) >= 3 and known[0] in ("-2 log-likelihood", "AIC", "BIC"):
            # SAS: the intercept only, then with covariates
            numbers = [cell for cell in cells[1:] if cell.strip()]
            if len(numbers) == 2:
                _put(read, known[0], numbers[1], f"{name}, {place}", mark)
                if known[0] == "-2 log-likelihood":
                    _put(read, "null deviance", numbers[0], f"{name}, {place}", mark)
                continue
        for i, what in enumerate(known[:-1]):
            if what is not None and cells[i + 1].strip() and not _is_word(cells[i + 1]):
                _put(read, what, cells[i + 1], f"{name}, {place}", mark)
        for cell in filled:
            for what, text in facts_in(cell):
                _put(read, what, text, f"{name}, {place}", mark)
        _covariance(read, filled)


def _is_word(cell: str) -> bool:
    return not any(letter.isdigit() for letter in cell)


def _put(read: _Read, what: str, text: str, where: str, mark: str) -> None:
    number = written(text, f"{where}, {what}", mark)
    if number is not None and math.isfinite(number.value):
        read.fit.setdefault(what, number)


def _covariance(read: _Read, cells: list[str]) -> None:
    """What statsmodels says of its covariance, and Stata of clusters."""
    line = " ".join(cells)
    clusters = _CLUSTERS.search(line)
    if clusters is not None:
        read.covariance = clusters[1]
    if "ovariance Type" in line:
        words = line.split("ovariance Type", 1)[1].strip(" :").split()
        read.covariance = words[0] if words else ""


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


def _fit_of(read: _Read, name: str) -> TheirFit:
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
