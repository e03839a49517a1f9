"""A page: its seal, the results in it, and what it shows, read back."""

import hashlib
import json
import math
import re
from decimal import Decimal

import numpy as np
import pytest

from flatprior.analysis import read_report
from flatprior.analysis.report.page import (
    TINY,
    UNSEALED,
    Page,
    alike,
    has_seal,
    once,
    page_of,
    results_in,
    same_number,
    sealed,
    shows,
)
from flatprior.analysis.report.writing import render


def test_counts_seeds_and_names_have_no_rounding():
    assert alike("p = 0.0512", "p = 0.05120000001", 1e-6)
    assert not alike("seed 123456789", "seed 123456790", 1e-6)
    assert not alike("# is 1", "1 is #", 1e-6)
    assert not alike("#", "1", 1e-6)
    assert not alike("12000001 observations", "12000000 observations", 1e-6)
    # what looks like an exponent in a hash is none
    assert not alike("3:b1e543bca1", "3:b1e743bca1", 1e-6)
    assert not alike("3:bdb0e5890a", "3:bdb0e5891a", 1e-6)


def test_a_small_p_or_odds_ratio_is_no_bound():
    assert alike("exact to 2.0e-10 SE", "exact to 2.2e-10 SE", 1e-6, small=0.3)
    assert not alike("(p = 2.0e-10)", "(p = 2.2e-10)", 1e-6, small=0.3)
    assert not alike("odds ratio 2.0e-10", "odds ratio 2.2e-10", 1e-6, small=0.3)


def test_numbers_beyond_the_range_of_doubles_have_no_rounding():
    assert alike("p = 1.3e-300", "p = 1.3000000001e-300", 1e-6)
    assert not alike("p = 1.3e-1303", "p = 1.3e-2303", 1e-6)
    assert not alike("p = 1.3e-1303", "p = 0.0", 1e-6)
    assert not alike("odds ratio 1.0e+400", "odds ratio 1.0e+500", 1e-6)
    assert alike("0.0", "0e+00", 1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '<script id="flatprior-report">{}</script>',
        "{",
        '<script id="flatprior-report">[',
    ],
)
def test_other_files_are_refused(text, tmp_path):
    (tmp_path / "r.html").write_text(text)
    with pytest.raises(ValueError, match="not a report written by flatprior"):
        read_report(tmp_path / "r.html")


@pytest.fixture(scope="session")
def page(facts):
    return sealed(render(facts))


def test_a_seal_is_the_sha_256_of_the_page_with_zeros_in_its_place(page):
    stated = re.search(r'flatprior-checksum" content="([0-9a-f]{64})"', page)[1]
    opened = page.replace(stated, UNSEALED)
    assert hashlib.sha256(opened.encode()).hexdigest() == stated
    assert has_seal(page)
    assert sealed(page) == page == sealed(opened)
    assert not has_seal(page.replace("flatprior-checksum", "checksum"))
    assert sealed("no seal") == "no seal"
    # there is one: what else looks like it is text, and sealed with all other text
    second = f'<meta name="flatprior-checksum" content="{"1" * 64}">'
    assert sealed(page + second).endswith(second)


def test_a_seal_breaks_wherever_one_character_is_changed(page):
    rng = np.random.default_rng(1)
    seal = page.index(re.search(r'content="([0-9a-f]{64})"', page)[1])
    for place in [0, len(page) - 1, seal, seal + 63, *rng.integers(0, len(page), 30)]:
        changed = page[:place] + chr(ord(page[place]) ^ 1) + page[place + 1 :]
        assert not has_seal(changed) or sealed(changed) != changed


def test_the_results_in_a_page_are_those_that_were_put_there(page, facts, nasty):
    assert results_in(page) == facts["data"]
    assert results_in(render(nasty)) == nasty["data"]
    with pytest.raises(ValueError, match="its format is 'flatprior-report/0'"):
        results_in(page.replace("flatprior-report/1", "flatprior-report/0"))


def test_a_name_that_is_twice_in_json_is_refused_at_any_depth_wherever_it_is_read(page):
    for text in ('{"a": 1, "a": 1}', '{"b": [{"a": 1, "b": 2, "a": 3}]}'):
        with pytest.raises(ValueError, match="a name is there twice"):
            json.loads(text, object_pairs_hook=once)
    assert json.loads('{"a": {"a": 1}}', object_pairs_hook=once) == {"a": {"a": 1}}
    twice = re.sub(r'("format": *"flatprior-report/1")', r"\1, \1", page)
    assert twice != page
    with pytest.raises(ValueError, match="a name is there twice"):
        results_in(twice)
    copies = re.sub(r'(id="flatprior-tables">\{)', r'\1"certificate": {}, ', page)
    assert copies != page
    with pytest.raises(ValueError, match="a name is there twice"):
        Page.of(copies)


@pytest.mark.parametrize("which", ["facts", "nasty"])
def test_tables_figures_and_title_are_read_back_as_they_were_written(which, request):
    facts = request.getfixturevalue(which)
    found = Page.of(sealed(render(facts)))
    items = [item for section in facts["sections"] for item in section["items"]]
    tables = {item["id"]: item for item in items if item["kind"] == "table"}
    figures = {item["id"]: item for item in items if item["kind"] == "figure"}
    assert list(found.tables) == list(tables)
    assert list(found.figures) == list(figures)
    for name, table in tables.items():
        read = found.tables[name]
        assert (read.title, read.columns) == (table["title"], tuple(table["columns"]))
        assert read.names == tuple(row["name"] for row in table["rows"])
        assert read.cells == tuple(tuple(row["cells"]) for row in table["rows"])
        assert read.notes == tuple(table["notes"])
        assert read.formats == table["formats"]
        columns, names, rows = read.in_full()
        assert len(rows) == len(names) == len(read.names)
        assert {len(row) for row in rows} == {len(columns)} == {len(read.columns)}
    for name, figure in figures.items():
        read = found.figures[name]
        assert (read.title, read.how, read.alternative) == (
            figure["title"], figure["how"], figure["alternative"]
        )  # fmt: skip
        assert figure["svg"] in read.markup
    assert found.title == facts["title"]
    assert len(found.texts) == sum(item["kind"] == "text" for item in items)
    assert not re.search(r"<table|<figure|<td", found.rest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</td>", "</td><td><b>1</b></td>"),
        ("<td>", '<td class="x">'),
        ("<tbody>\n", "<tbody>\n<!-- 1 -->"),
        ('<p class="copy"><span>Copy as</span>', '<p class="copy"><span>Copy</span>'),
        ('data-format="LaTeX"', 'data-format="latex"'),
        ("</title>", "</title><script>1</script>"),
        ("</title>", '</title><foreignObject width="9"></foreignObject>'),
        ("</title>", '</title><a xlink:href="https://example.org"></a>'),
        ("</title>", '</title><g onload="1"></g>'),
        ("</title>", '</title><use xlink:href="other.svg#a"/>'),
        ('<figure id="model-graph">', '<figure id="forest">'),
        ('"certificate":', '"certificates":'),
        ('"certificate":', '"more": {}, "certificate":'),
    ],
)
def test_what_no_report_has_is_not_read(old, new, page):
    # in the first table, the first figure or the copies of the tables
    after = "<figure" if "title" in old else '<div class="table'
    after = 'id="flatprior-tables"' if old.startswith('"') else after
    place = page.index(old, page.index(after))
    changed = page[:place] + new + page[place + len(old) :]
    with pytest.raises((ValueError, KeyError)):
        Page.of(changed)


@pytest.mark.parametrize("item", ["table", "figure"])
def test_nothing_is_there_twice(item, page):
    found = Page.of(page)
    pattern = (
        r'<div class="table[^>]*id="certificate">.*?</p>\n</div>\n'
        if item == "table"
        else r'<figure id="forest">.*?</figure>\n'
    )
    (whole,) = re.findall(pattern, page, re.DOTALL)
    assert len(found.tables) + len(found.figures) > 20
    with pytest.raises(ValueError, match=r"it has '(certificate|forest)' twice"):
        Page.of(page.replace(whole, whole + whole))


def test_a_count_with_commas_is_that_count_and_no_other():
    assert shows("12,345,678", "12345678")
    assert not shows("12,345,678", "12345679")
    assert not shows("1,2345", "12345")


@pytest.mark.parametrize("form", [".1f", ".4f", "+.3f", "#.4g", ".2e", ".6g"])
def test_a_cell_shows_a_number_to_half_a_unit_of_its_last_digit(form):
    rng = np.random.default_rng(2)
    for value in (rng.normal(size=300) * 10.0 ** rng.integers(-3, 5, 300)).tolist():
        cell = format(value, form)
        if "." not in cell and "e" not in cell:
            continue
        assert shows(cell, repr(value)), (cell, value)
        mantissa, mark, power = cell.partition("e")
        places = len(mantissa.partition(".")[2])
        unit = Decimal(1).scaleb(-places)
        for away in (-1, 1):
            other = Decimal(mantissa) + away * unit
            if abs(other - Decimal(value).scaleb(-int(power or 0))) > Decimal("0.51") * unit:
                text = f"{other:.{places}f}{'' if places else '.'}{mark}{power}"
                assert not shows(text, repr(value)), (text, value)


def test_cells_without_a_number_are_words_that_stand_for_one():
    assert shows("-", "")
    assert shows("yes", "True")
    assert shows("", "False")
    assert shows("<1e-308", "0.0")
    assert not shows("<1e-308", "1e-300")
    assert not shows("-", "0.5")
    assert not shows("yes", "False")
    assert not shows("abc", "0.5")
    assert shows("3", "3.9")  # digits are never rounded up
    assert not shows("4", "2.9")


def test_numbers_that_are_rounding_themselves_may_differ_by_more():
    for sign in (1, -1):
        small = sign * TINY / 10
        assert same_number(small, 2 * small, 1e-9, small=1.0)
        assert not same_number(small, 2 * small, 1e-9)
        assert not same_number(20 * small, 40 * small, 1e-9, small=1.0)
    assert same_number(1.0, 1.0 + 1e-10, 1e-9)
    assert not same_number(1.0, 1.0 + 1e-8, 1e-9)
    assert same_number(0.0, 1e-12, 1e-9, absolute=1e-11)
    assert same_number(math.inf, math.inf, 0.0)
    assert not same_number(math.nan, math.nan, 1.0)
    assert alike("10 draws", "11 draws", 0.0, absolute=1.0)


def test_a_file_is_read_as_it_is_and_a_missing_one_is_called_so(tmp_path):
    path = tmp_path / "r.html"
    path.write_bytes(b"a\r\nb\n\xff")
    assert page_of(path) == "a\r\nb\n\ufffd"
    with pytest.raises(FileNotFoundError, match="no file"):
        page_of(tmp_path)
