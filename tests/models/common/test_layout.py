"""Columns of tables on a screen and on a page."""

import pytest

from flatprior.models.common.layout import (
    Layout,
    aligned,
    arranged,
    displayed,
    folded,
    on_a_page,
    tabular,
    typst_table,
    upper_ends,
    wrapped,
)


@pytest.mark.parametrize(
    ("widths", "room", "second", "upper", "parts"),
    [
        ([10, 10, 10], 30, 0, (), [range(0, 3)]),
        ([10, 10, 10], 29, 0, (), [range(0, 2), range(2, 3)]),
        ([40, 10], 30, 0, (), [range(0, 1), range(1, 2)]),
        ([10, 10, 10, 10], 39, 2, (), [range(0, 2), range(2, 4)]),
        ([10, 10, 10, 10], 40, 2, (), [range(0, 4)]),
        ([10, 10, 10, 10], 39, 0, {3}, [range(0, 2), range(2, 4)]),
        ([10, 10, 10, 10], 39, 0, {2}, [range(0, 3), range(3, 4)]),
        ([10, 10, 10], 10, 0, {1, 2}, [range(0, 1), range(1, 2), range(2, 3)]),
        ([], 10, 0, (), []),
    ],
)
def test_columns_fold_where_they_do_not_fit(widths, room, second, upper, parts):
    assert folded(widths, room, second, upper) == parts


def test_the_ends_of_an_interval_are_told_by_the_names_of_their_columns():
    assert upper_ends(["SE", "2.5%", "97.5%", "log-odds 5%", "log-odds 95%"]) == {2, 4}
    assert upper_ends(["90% HDI low", "90% HDI high", "low", "x high", "5%"]) == {1}
    assert upper_ends([]) == frozenset()


def text_of(layout):
    lines = []
    for part in layout.parts:
        lines += [layout.heading(part), *layout.lines(part)]
    return lines


def test_decimal_points_stand_below_one_another_and_words_and_exponents_stay():
    cells = [["1.5", "1e-9", "yes"], ["-0.25", "2", "-"], ["300", "0.5", "no"]]
    found = aligned(cells)
    assert found == [["1.5 ", "1e-9", "yes"], ["-0.25", "2  ", "-"], ["300   ", "0.5", "no"]]
    assert aligned([["1"], ["20"]]) == [["1"], ["20"]]
    assert aligned([]) == []


def test_what_costs_a_further_table_is_given_up_decimal_points_last():
    columns, names = ["first", "second"], ["a", "b"]
    cells = [["1.5", "12345.0"], ["0.12345", "1.23"]]
    wide = arranged(columns, names, cells, 80)
    assert (wide.gap, [cell.strip() for cell in wide.cells[0]]) == (2, cells[0])
    assert text_of(wide)[1] == "a  1.5      12345.0 "[:-1]
    assert len(max(text_of(wide), key=len)) == 20
    for width, gap, points in ((20, 2, True), (19, 1, True), (18, 1, True), (17, 1, False)):
        found = arranged(columns, names, cells, width)
        assert len(found.parts) == 1, width
        assert found.gap == gap
        assert (found.cells == aligned(cells)) == points
    assert len(arranged(columns, names, cells, 15).parts) == 2


def test_one_blank_is_between_columns_only_where_no_cell_has_one():
    cells = [["1.5", "12345.0"], ["0.12345", "1.23"]]
    for heading, parts in (("odds_ratio", 1), ("odds ratio", 2)):
        assert len(arranged([heading, "x"], ["a", "b"], cells, 20).parts) == parts


def test_a_column_without_heading_is_of_words_and_no_line_is_empty():
    found = Layout([""], ["rows", "hash"], [["189"], ["3:9f"]], 80)
    assert found.heading(range(1)) == ""
    assert list(found.lines(range(1))) == ["rows  189", "hash  3:9f"]


def test_what_takes_two_columns_of_a_terminal_is_counted_as_two():
    assert [displayed(text) for text in ("age", "年齢", "e\u0301", "é")] == [3, 4, 1, 1]
    found = Layout(["x"], ["年齢", "b"], [["1"], ["2"]], 80)
    assert list(found.lines(range(1))) == ["年齢  1", "b     2"]
    for line in wrapped("年齢 " * 30, 20):
        assert displayed(line) <= 20
    assert "".join(wrapped("年" * 25, 9)) == "年" * 25


def test_letters_in_latex_are_smaller_where_that_saves_a_further_table():
    for n, parts, size in ((6, 1, ""), (8, 1, r"\small"), (9, 1, r"\footnotesize"), (10, 2, "")):
        columns = [f"x{j}" for j in range(n)]
        page, found = on_a_page(columns, ["a" * 10], [["123.45"] * n])
        assert len(found) == parts, n
        assert page.says.startswith(size)
        assert bool(page.says) == bool(size)


def test_latex_fills_up_decimals_with_what_is_not_seen():
    rows = tabular(["x"], ["a", "b", "c"], [["-1.5"], ["0.25"], ["3"]], range(1)).splitlines()
    assert rows[4:7] == [
        r"a & \ensuremath{-}1.5\phantom{0} \\",
        r"b & 0.25 \\",
        r"c & 3\phantom{.00} \\",
    ]


def test_typst_fills_up_decimals_with_what_is_not_seen():
    cells = [["-1.5", "x"], ["0.25", "y"], ["3", "-"]]
    lines = typst_table(["n", "word"], ["a", "b", "c"], cells, range(2)).splitlines()
    assert lines[0] == "table(columns: 3, align: (left, right, left,),"
    assert lines[3:-1] == [
        '"a", "−1.5" + hide("0"), "x",',
        '"b", "0.25", "y",',
        '"c", "3" + hide(".00"), "-",',
    ]
    one = typst_table(["n", "word"], ["a", "b", "c"], cells, range(1, 2))
    assert "columns: 2, align: (left, left,)" in one
    assert "1.5" not in one
