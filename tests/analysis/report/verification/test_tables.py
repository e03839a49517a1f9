from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from damaged_files import cells_in, resealed, with_another_cell
from forged_pages import rewritten
from multiplier import repeated
from reports import data, many_levels, many_levels_agreement, results

from flatprior.analysis import compare_routes, verify_report, write_report
from flatprior.analysis.report.page import Page
from flatprior.analysis.report.verification.tables import _copies_hold, _table_held
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
)
from flatprior.models.common import rendering


@pytest.fixture(scope="module")
def of_many(tmp_path_factory):
    """A report whose tables are longer than what the page shows of them."""
    path = write_report(tmp_path_factory.mktemp("many") / "r.html", many_levels_agreement())
    assert len(verify_report(many_levels(), path)) == 3
    return path.read_text(encoding="utf-8")


def _row(number, change):
    def in_full(rows):
        rows[number] = change(rows[number])

    return in_full


UNSEEN = {
    "a number of row 57": _row(57, lambda row: [row[0], "0.5", *row[2:]]),
    "the name of row 57": _row(57, lambda row: ["hospital[T.h999]", *row[1:]]),
    "a cell less in row 57": _row(57, lambda row: row[:-1]),
    "the last row left out": list.pop,
    "a row more": lambda rows: rows.append(rows[-1]),
    "another heading": _row(0, lambda row: [row[0], "effect", *row[2:]]),
    "two rows exchanged": lambda rows: rows.insert(56, rows.pop(57)),
    "a corner": _row(0, lambda row: ["=1+1", *row[1:]]),
    "an empty row": lambda rows: rows.insert(57, []),
    "nothing": list.clear,
    "what is too long": _row(57, lambda row: ["h" * 2**18, *row[1:]]),
}
LONG = [
    *(("coefficients-table", kind) for kind in UNSEEN),
    ("odds-ratios", "a number of row 57"),
    ("estimates", "a number of row 57"),
]


@pytest.mark.parametrize(("table", "kind"), LONG)
def test_rows_that_the_page_does_not_show_are_verified_too(
    of_many, table, kind, tmp_path, made_once
):
    path = tmp_path / "forged.html"
    page = rewritten(table, lambda shown: shown, UNSEEN[kind])(of_many)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match=r"table|row|draws"):
        verify_report(many_levels(), path)


def test_how_many_rows_there_are_is_verified(of_many, tmp_path, made_once):
    def fewer(table):
        return replace(table, notes=tuple(note.replace("124", "41") for note in table.notes))

    path = tmp_path / "forged.html"
    page = rewritten("odds-ratios", fewer)(of_many)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match="note"):
        verify_report(many_levels(), path)


@pytest.fixture(scope="module")
def of_terms(tmp_path_factory):
    """A report with tests of terms, and its model."""
    frame = load_spector().assign(third=list("abcb") * 8)
    model = BernoulliLogistic.from_formula("grade ~ gpa + third", frame)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    path = write_report(tmp_path_factory.mktemp("terms") / "r.html", agreement)
    return path.read_text(encoding="utf-8"), model


@pytest.mark.parametrize(
    "table", ["terms", "collinearity", "goodness", "indices", "classification"]
)
def test_tests_of_terms_indices_and_tables_at_a_cut_are_made_anew(
    of_terms, table, tmp_path, made_once
):
    page, model = of_terms

    def another(row):
        return [*row[:-1], "0.123"]

    path = tmp_path / "forged.html"
    page = rewritten(table, lambda shown: shown, _row(1, another))(page)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match="table"):
        verify_report(model, path)


UNSEEN_DRAWS = {
    "nothing": lambda rows: None,
    "a mean": _row(4, lambda row: [row[0], "0.5", *row[2:]]),
    "a name": _row(4, lambda row: ["income", *row[1:]]),
    "a row less": list.pop,
    "two rows exchanged": lambda rows: rows.insert(3, rows.pop(4)),
}


@pytest.mark.parametrize("kind", UNSEEN_DRAWS)
def test_rows_of_draws_that_the_page_does_not_show_are_verified_too(
    kind, agreement, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(rendering, "LONGEST", 3)
    monkeypatch.setattr(rendering, "FIRST", 2)
    path = write_report(tmp_path / "r.html", agreement)
    page = path.read_text(encoding="utf-8")
    assert "Shown are the first 2 of 4 rows" in page
    page = rewritten("sampler-1", lambda shown: shown, UNSEEN_DRAWS[kind])(page)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    if kind == "nothing":
        assert len(verify_report(model, path)) == 3
        return
    with pytest.raises(ValueError, match=r"draws of independence|copies of the table .sampler-1"):
        verify_report(model, path)


@pytest.mark.usefixtures("made_once")
def test_every_number_that_is_changed_on_the_page_is_told(both, comparison, model, tmp_path):
    # with a new checksum: every table is made again
    page, _ = both
    rng = np.random.default_rng(2)
    cells, path = cells_in(page), tmp_path / "changed.html"
    for _ in range(repeated(5)):
        changed = with_another_cell(page, cells[rng.integers(len(cells))], rng)
        path.write_text(resealed(changed), newline="\n")
        with pytest.raises(ValueError, match=r"the page shows|the copies of the table"):
            verify_report(model, path, dict(comparison.models))


FORGED = ("0", "1", "-1", "0.0", "0e9", "<99", ">0", "٠", "", "-", "yes")


def test_no_cell_is_another_number_or_has_other_digits(both):
    # tables alone, held against those made anew
    tables, tried, accepted = Page.of(both[0]).tables, 0, []
    for name, table in tables.items():
        held(name, table, table)
        for i, j in product({0, len(table.cells) - 1}, range(len(table.columns))):
            was = table.cells[i][j]
            if not any(map(str.isdigit, was)):
                continue
            for text in {*FORGED, was[:-1], was[:-2], f"{was}0", f"{was}.0"} - {was}:
                cells = [list(row) for row in table.cells]
                cells[i][j] = text
                forged = replace(table, cells=tuple(map(tuple, cells)))
                copies = {"Markdown": forged.markdown(), "LaTeX": forged.latex()}
                tried += 1
                told = pytest.raises(ValueError, match=r"the page shows|the copies of the table")
                try:
                    with told:
                        held(name, replace(forged, formats=table.formats | copies), table)
                except pytest.fail.Exception:
                    if not float(was) == float(text) == 0:  # as 0.000 or as 1e-17
                        accepted.append((name, table.columns[j], was, text))
    assert tried > 1000
    assert accepted == []


def held(name, shown, again):
    """What is held of a table of numbers that were made anew."""
    _copies_hold(name, shown)
    _table_held(name, shown, again, 0.5, False)


def test_a_report_of_two_results_of_one_route_is_verified(model, tmp_path):
    fit = fit_newton(model)
    draws = [sample_independence(model, seed=seed, progress=False) for seed in (2, 4)]
    agreement = compare_routes(model, fit, replace(fit), *draws)
    path = write_report(tmp_path / "r.html", agreement)
    assert len(verify_report(model, path)) == 3

    # and the second of them is held like the first
    page = path.read_text()
    forged = rewritten(
        "estimates",
        lambda table: replace(
            table,
            cells=tuple((row[0], "2.345", *row[2:]) for row in table.cells),
        ),
        lambda rows: [row.__setitem__(2, "2.345") for row in rows[1:]],
    )
    path.write_text(resealed(forged(page)), newline="\n")
    with pytest.raises(ValueError, match=r"the page shows '2\.345'"):
        verify_report(model, path)


def test_a_table_too_wide_for_latex_is_verified(tmp_path):
    path = write_report(tmp_path / "r.html", model=results()[0].model, data=data())
    assert len(verify_report(results()[0].model, path)) == 1
