"""What the cells of a table hold: numbers by term, and numbers of the whole fit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from flatprior.analysis.producers.printed.numbers import Written, decimal_mark, interval, written
from flatprior.analysis.producers.printed.scales import on_their_scales
from flatprior.analysis.producers.printed.text import (
    INTERVAL,
    LEVEL,
    TERM,
    Grid,
    Heading,
    facts_in,
    grids_of_cells,
    normalised,
    of_a_fit,
)
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable, shorten

NOT_SAID = math.nan  # the confidence of an interval
_CLUSTERS = re.compile(r"adjusted for ([\d,]+ clusters)")
_ENDS = ("low", "high", "odds ratio low", "odds ratio high")


@dataclass(eq=False)
class Read:
    """What a source holds: numbers by term, numbers of the whole fit, and what was left."""

    terms: dict[str, dict[str, Written]] = field(default_factory=dict)
    probs: dict[tuple[str, str], float] = field(default_factory=dict)
    fit: dict[str, Written] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    covariance: str = ""


def of_cells(
    rows: list[tuple[str, list[str]]],
    name: str,
    more: Sequence[tuple[str, list[str]]] = (),
) -> Read:
    """What rows of cells hold, each with its place, and `more` that stand outside them."""
    grids, loose = grids_of_cells(rows)
    return assembled(grids, [*loose, *more], name)


def assembled(grids: list[Grid], loose: list[tuple[str, list[str]]], name: str) -> Read:
    """What grids hold, and rows that are of none."""
    cells = [cell for grid in grids for _, row in grid.rows for cell in row[1:]]
    mark = decimal_mark([*cells, *(cell for _, row in loose for cell in row[1:])])
    read = Read()
    for grid in grids:
        _take(read, grid, name, mark)
    _take_facts(read, loose, name, mark)
    return read


def _take(read: Read, grid: Grid, name: str, mark: str) -> None:
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
    found = on_their_scales(found, grid.of_ratios)
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


def _take_facts(read: Read, loose: list[tuple[str, list[str]]], name: str, mark: str) -> None:
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


def _put(read: Read, what: str, text: str, where: str, mark: str) -> None:
    number = written(text, f"{where}, {what}", mark)
    if number is not None and math.isfinite(number.value):
        read.fit.setdefault(what, number)


def _covariance(read: Read, cells: list[str]) -> None:
    """What statsmodels says of its covariance, and Stata of clusters."""
    line = " ".join(cells)
    clusters = _CLUSTERS.search(line)
    if clusters is not None:
        read.covariance = clusters[1]
    if "ovariance Type" in line:
        words = line.split("ovariance Type", 1)[1].strip(" :").split()
        read.covariance = words[0] if words else ""
