"""Tables of the page, held against those made anew or against what was measured on draws."""

from __future__ import annotations

import math
import re

import numpy as np

from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.report.glossary import terms
from flatprior.analysis.report.items import WHOLE
from flatprior.analysis.report.page import (
    FAILING,
    Facts,
    Page,
    Table,
    alike,
    same_cell,
    same_number,
    shows,
)
from flatprior.analysis.report.sections.making import (
    FORMATS_OF_SAMPLER,
    OF_SAMPLER,
    diagnostics_in_words,
    sampler_notes,
    sampling_in_words,
)
from flatprior.analysis.report.sections.prediction import AFTER_SAMPLING
from flatprior.analysis.report.verification.anew import Anew
from flatprior.analysis.report.verification.holding import (
    DIFFERENCES,
    hold_notes,
    require,
    same_drawing,
)
from flatprior.analysis.report.verification.of_draws import (
    MORE_COLUMNS,
    MORE_NOTES,
    NO_POSTERIOR,
    RANKED,
)
from flatprior.models import PointEstimate
from flatprior.models.common.closeness import TWICE, Closeness
from flatprior.models.common.rendering import as_notes, n_shown, rows_left_out
from flatprior.models.common.text import abbreviated, as_csv, in_digits, printable, told_apart
from flatprior.models.results import PROVED

PLACES = 0.011  # percent of the width of a forest: its last decimal
_NUMBER = re.compile(r"[-+]?[\d.]+(?:e[-+]?\d+)?")
# what is rounded up: columns of tables, and rows of that of the certificate
BOUNDS = {("routes", "error bound"), ("indices", "error bound"), ("scores", "grid error")}
# tables of scores and differences of probabilities, to their rounding: of refits, of averages
OF_PROBABILITIES = {
    **dict.fromkeys(("validation", "indices"), 1e-10),
    **dict.fromkeys(("average-effects", "means-", "contrasts-"), 1e-14),
}


def tables_held(
    found: Anew, report: Facts, page: Page, again: Page, bounds: float, free: tuple[str, ...]
) -> list[str]:
    """Hold the tables against those made anew, or what was measured; say what was not made."""
    holes: list[str] = []
    samplers = {f"sampler-{i + 1}": check for i, check in enumerate(found.checks)}
    require(len(report["seeds"]) >= len(samplers), "a seed is missing")
    for name, shown in page.tables.items():
        _copies_hold(name, shown)
        if name in again.tables and name not in free:
            holes += _table_held(name, shown, again.tables[name], bounds, found.with_draws)
        else:
            require(
                name in free or name in samplers,
                f"the page has a table {name!r} that nothing gives",
            )
            marked = {FAILING} if name in RANKED else set()  # models without an estimate
            plain = not {*shown.kinds} - {"", *marked} and not shown.drawn
            require(plain, f"the table {name!r} has groups of rows, or is drawn")
            holes.append(f"table {shown.title!r}")
    if found.with_draws and "leave-one-out" in page.tables:
        _leave_one_out_held(page.tables["leave-one-out"], report)
    for (name, check), seed in zip(samplers.items(), report["seeds"].values(), strict=False):
        assert found.fit is not None  # noqa: S101  (there are draws)
        sampled = sampling_in_words(check.mixing.n_chains, check.mixing.n_draws, seed)
        _sampler_held(page.tables[name], check, found.fit, sampled)
    compared = ("comparison-table",) if report["comparison"] is not None else ()
    for name in (*again.tables, *compared):
        require(name in page.tables, f"the page lacks the table {name!r}")
    return holes


def _table_held(
    name: str, shown: Table, again: Table, bounds: float, with_draws: bool
) -> list[str]:
    """Hold a table of the page against the one made anew; say which columns were not made."""
    more = [column for column in shown.columns if column not in again.columns]
    require(
        tuple(column for column in shown.columns if column not in more) == again.columns
        and (not more or (with_draws and tuple(more) == MORE_COLUMNS.get(name))),
        f"the table {shown.title!r} has other columns",
    )
    _, names, rows = shown.in_full()
    _, due, anew = again.in_full()
    ranked = with_draws and name in RANKED and len(set(due)) == len(due)
    order = [due.index(each) for each in names] if ranked and set(names) <= set(due) else range(0)
    order = range(len(due)) if names == due else order
    labels = dict(enumerate(again.names))
    require(
        sorted(order) == list(range(len(due)))
        and all(
            each == labels.get(i, abbreviated(due[i]))
            for i, each in zip(order, shown.names, strict=False)
        ),
        f"the table {shown.title!r} has other rows",
    )
    shifted = order if order != range(len(due)) else range(len(again.kinds))
    kinds = tuple(again.kinds[j] for _, j in zip(shown.kinds, shifted, strict=False))
    require(shown.kinds == kinds, f"the table {shown.title!r} has other groups of rows")
    require(
        len(shown.drawn) == len(again.drawn)
        and all(same_drawing(*pair, PLACES) for pair in zip(shown.drawn, again.drawn, strict=True)),
        f"what is drawn beside the table {shown.title!r} is not what its numbers give",
    )
    title = f"{again.title}, posterior" if more and name == "coefficients-table" else again.title
    require(
        alike(
            "\n".join((shown.title, *shown.facts)),
            "\n".join((title, *again.facts)),
            TWICE,
            bounds,
        ),
        f"the table {shown.title!r} has another heading",
    )
    notes = [note for note in again.notes if not (with_draws and note == NO_POSTERIOR)]
    optional = MORE_NOTES.get(name.removesuffix("-table"), "") if with_draws else ""
    if name == "coefficients-table" and with_draws and not more:
        optional = re.escape(NO_POSTERIOR)
    hold_notes(f"the table {shown.title!r}", list(shown.notes), notes, bounds, optional)
    # two results of one route have columns of one name
    places = [(at, column) for at, column in enumerate(shown.columns) if column not in more]
    for i, j in enumerate(order):
        for now, (at, column) in enumerate(places):
            # a cell shows what its copy with all digits has (`_copies_hold`), which is compared,
            # and in as many digits as that made anew
            there = i < len(shown.cells) and j < len(again.cells)
            seen, made = (
                (shown.cells[i][at], again.cells[j][now]) if there else (rows[i][at], anew[j][now])
            )
            require(
                _same_value(rows[i][at], anew[j][now], column, shown.columns, name, bounds)
                and (not there or same_cell(seen, made, _absolute(column, shown.columns, name))),
                f"{'the page shows' if there else 'there is'} {seen!r} in the table "
                f"{shown.title!r}, row {names[i]!r}, column {column!r}, where {made!r} is computed",
            )
    return [f"column {column!r} of the table {shown.title!r}" for column in more]


def _leave_one_out_held(shown: Table, report: Facts) -> None:
    """Hold what is left of a table of draws, its rows and the names in it."""
    models, (_, names, _) = report["comparison"]["models"], shown.in_full()
    require(
        shown.title == "Leave-one-out"
        and not shown.facts
        and shown.notes == as_notes(terms(shown.columns)) + rows_left_out(len(models), WHOLE)
        and sorted(names) == sorted(str(as_csv(printable(each))) for each in models)
        and set(shown.names) <= {*map(abbreviated, models), *told_apart(models)}
        and set(shown.columns) <= set(AFTER_SAMPLING)
        and len(set(shown.columns)) == len(shown.columns),
        "the table 'Leave-one-out' of the page is not that of these models",
    )


def _sampler_held(shown: Table, check: PosteriorCheck, mle: PointEstimate, sampled: str) -> None:
    """Hold the table of a sampler against what was measured on its draws."""
    due = diagnostics_in_words(check.diagnostics)
    _, names, rows = shown.in_full()
    require(
        due in shown.facts,
        f"the diagnostics of {check.route} on the page are not those in its results",
    )
    require(
        shown.title == f"Draws of {check.route}"
        and shown.facts == (sampled, due)
        and shown.columns == OF_SAMPLER
        and names == [as_csv(printable(each)) for each in check.names]
        and shown.names == told_apart(check.names[: len(shown.names)])
        and shown.notes
        == as_notes(sampler_notes(check.diagnostics, check.warnings))
        + rows_left_out(len(check.names), WHOLE),
        f"the table of the draws of {check.route} is not that of its results",
    )
    formats = tuple(FORMATS_OF_SAMPLER.values())
    for row, cells in zip(rows, shown.cells, strict=False):
        made = tuple(map(in_digits, map(_number, row), formats))
        require(
            cells == made, f"the page shows {cells} of the draws of {check.route}, which are {made}"
        )
    columns = dict(zip(shown.columns, zip(*rows, strict=True), strict=True))
    found = {name: np.array(list(map(_number, columns[name]))) for name in columns}
    errors = mle.standard_errors
    for what, seen, again in (
        ("mean", (found["mean"] - mle.coefficients) / errors, check.shift),
        ("mcse", found["mcse"] / errors, check.shift_mcse),
        ("ess bulk", found["ess bulk"].min(), check.diagnostics["ess bulk"]),
        ("ess tail", found["ess tail"].min(), check.diagnostics["ess tail"]),
        ("R-hat", found["R-hat"].max(), check.diagnostics["r_hat"]),
    ):
        require(
            Closeness(TWICE, TWICE).holds(seen, again),
            f"{what} of the draws of {check.route} on the page is not that in its results",
        )


def _number(cell: str) -> float:
    """A number of a copy with all digits, in which what is not there is nothing."""
    return float(cell or "nan")


def _same_value(
    seen: str, due: str, column: str, columns: tuple[str, ...], table: str, bounds: float
) -> bool:
    """Whether a cell of the copy with all digits is the one computed anew."""
    if alike(seen, due, TWICE, bounds if table == "certificate" else 0.0):
        return True
    if "" in (seen, due):
        return False
    if column == "error bound":
        return same_number(float(seen), float(due), TWICE, bounds)
    if column == "digits":
        return abs(float(seen) - float(due)) <= -math.log10(1 - bounds)
    rounding = _absolute(column, columns, table)
    numbers = all(map(_NUMBER.fullmatch, (seen, due)))
    return rounding > 0 and numbers and abs(float(seen) - float(due)) <= rounding


def _absolute(column: str, columns: tuple[str, ...], table: str) -> float:
    """Rounding of a number that may be a difference of others, and be 0 but for that."""
    # a p of a z beside it is right to its last digits, and no bound is 0
    if (column == "p" and "LR" not in columns) or column == "error bound":
        return 0.0
    of = next((each for each in OF_PROBABILITIES if table.startswith(each)), "")
    return DIFFERENCES.get(column, OF_PROBABILITIES.get(of, 0.0))


def _bounds(table: str, row: str, columns: list[str]) -> list[bool]:
    """Which cells of a row are bounds, which are rounded up: by the column, or by the row."""
    if table == "certificate":
        return [row in PROVED] * len(columns)
    return [(table, column) in BOUNDS for column in columns]


def _copies_hold(name: str, shown: Table) -> None:
    """Hold the copies of a table, which a reader takes along, against what the page shows.

    Only CSV has the rows of a long table that the page does not show.
    """
    columns, labels, rows = shown.in_full()
    require(
        shown.formats["Markdown"] == shown.markdown()
        and shown.formats["LaTeX"] == shown.latex()
        and columns == list(map(as_csv, shown.columns))
        and {len(row) for row in rows} <= {len(columns)}
        and len(shown.names) == n_shown(len(rows))
        and all(
            len(cells) == len(row) and all(map(shows, cells, row, _bounds(name, label, columns)))
            for label, cells, row in zip(labels, shown.cells, rows, strict=False)
        ),
        f"the copies of the table {name!r} are not what the page shows",
    )
