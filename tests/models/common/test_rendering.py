import re

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import compare_models, compare_routes, summarise
from flatprior.models import (
    BernoulliLogistic,
    check_existence,
    fit_newton,
    fit_sklearn,
    sample_independence,
)
from flatprior.models.common.rendering import Rendered, formats_of, shown_of


def table(names=("a", "b"), **columns):
    frame = pd.DataFrame(columns or {"x": [1.23456, np.nan]}, index=list(names))
    return Rendered.of(frame, {"x": ".2f", "p": "p"}, "Title", ["a fact"], ["a note"])


def test_a_number_without_decimals_has_no_decimal_point():
    frame = pd.DataFrame({"x": [1234.6, 123.46, -0.0001, 99999.0]}, index=list("abcd"))
    cells = [cell for (cell,) in Rendered.of(frame, {"x": "#.4g"}).cells]
    assert cells == ["1235", "123.5", "-0.0001000", "1.000e+05"]


def test_cells_are_formatted_by_column_and_type():
    found = table(
        ("a", "b", "c", "d"),
        x=[1.23456, np.nan, np.inf, -np.inf],
        p=[0.5, 1e-9, 0.0, 1.0],
        n=[1, 20, 300, 4000],
        who=["x", "", "z\nz", "w"],
    )
    assert [row[0] for row in found.cells] == ["1.23", "-", "inf", "-inf"]
    assert [row[1] for row in found.cells] == ["0.500", "1.00e-09", "<1e-308", "1.00"]
    assert [row[2] for row in found.cells] == ["1", "20", "300", "4000"]
    assert [row[3] for row in found.cells] == ["x", "", "z z", "w"]


def test_text_is_at_most_80_wide_and_loses_nothing():
    names = ["n" * 200, "short"]
    columns = {f"column {j}": [float(j), -float(j)] for j in range(20)}
    text = table(names, **columns).text()
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("n" * 18) >= 200 // 18
    for j in range(20):
        assert f"column {j}" in text
    assert text.splitlines()[-1] == "A note."


def test_html_markdown_and_latex_of_one_table():
    found = table(("a<", "b|_"))
    assert re.search(r"<th scope='row'[^>]*>a&lt;</th><td [^>]*>1.23</td>", found.html())
    assert "| b\\|\\_ | - |" in found.markdown().splitlines()
    assert r"b|\_ & - \\" in found.latex().splitlines()
    assert found.latex().startswith(r"\begin{table}")


def test_csv_keeps_every_digit_and_disarms_formulas():
    found = table(("=cmd|x", "b,\nc"), x=[1 / 3, np.nan], who=["@SUM(1)", "-x"])
    lines = found.csv().splitlines()
    assert lines[0] == ",x,who"
    assert lines[1] == "'=cmd|x,0.3333333333333333,'@SUM(1)"
    assert lines[2] == '"b, c",,\'-x'


def test_certain_digits_are_never_rounded_up():
    frame = pd.DataFrame({"digits": [11.99]}, index=["a"])
    assert Rendered.of(frame, {"digits": "floor"}).cells == (("11",),)


NASTY = "<script>alert(1)</script>"


def test_every_result_shows_itself_in_a_notebook_with_names_as_text():
    rng = np.random.default_rng(1)
    # whichever coefficient's draws lie furthest, which the verdict names
    X = pd.DataFrame({NASTY: rng.normal(size=60), f'{NASTY}x"onload=': rng.normal(size=60)})
    model = BernoulliLogistic.from_arrays(X, rng.integers(0, 2, 60))
    fit = fit_newton(model)
    draws = sample_independence(model, seed=1, progress=False)
    agreement = compare_routes(model, fit, fit_sklearn(model), draws)
    comparison = compare_models({NASTY: model, 'x"onload=': model})
    shown = (model, fit, draws, check_existence(model), agreement, comparison, summarise(model))
    for result in shown:
        html, latex = result._repr_html_(), result.to_latex()
        assert NASTY not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert NASTY not in result.to_markdown()
        assert NASTY not in latex
        assert r"\textless{}script\textgreater{}" in latex
        assert 'x"onload=' not in html
        assert len(max(str(result).splitlines(), key=len)) <= 80


def test_latex_rows_cannot_be_taken_for_options_of_the_row_before():
    rows = table(("[x]", "*y", "`z`")[:2]).latex().splitlines()
    assert r"{}[x] & 1.23 \\" in rows
    assert r"{}*y & - \\" in rows
    assert r"\textasciigrave{}z" in table(("`z", "b")).latex()


def test_empty_notes_are_no_notes_and_names_keep_their_case():
    found = Rendered.of(pd.DataFrame({"x": [1.0]}), {}, notes=["", "elpd_loo is 3", "so it is"])
    assert found.notes == ("elpd_loo is 3.", "So it is.")


def test_two_columns_of_one_name_keep_their_own_values():
    frame = pd.DataFrame([[1.0, 2.0]], index=["a"], columns=["x", "x"])
    assert Rendered.of(frame, {}).csv().splitlines()[1] == "a,1.0,2.0"


def test_names_of_usual_length_are_whole_and_longer_ones_have_the_room_that_there_is():
    columns = {f"column {j}": [1.0, -1.0, 0.5] for j in range(8)}
    names = ["education[T.university.degree]", "a predictor of 27 characters", "z" * 70]
    lines = Rendered.of(pd.DataFrame(columns, index=names), {}).text().splitlines()
    assert max(map(len, lines)) <= 80
    for name in names[:2]:
        assert sum(line.startswith(f"{name} ") for line in lines) == 2  # of two tables
    one = Rendered.of(pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=names), {}).text()
    assert "z" * 70 in one


def test_a_second_table_begins_where_it_is_asked_to():
    columns = {f"column {j}": [float(j), -float(j)] for j in range(10)}
    frame = pd.DataFrame(columns, index=["a", "b"])
    lines = Rendered.of(frame, {}, second="column 3").text().splitlines()
    assert lines[0].split()[-2:] == ["column", "2"]


def test_latex_folds_what_a_page_is_too_narrow_for_and_has_signs_of_minus():
    found = table(("a", "-1"), **{f"a long column {j}": [-1.5 - j, 1e-9] for j in range(9)})
    latex = found.latex()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 3
    assert latex.count("\na & ") == latex.count("\n-1 & ") == 3  # a name stays as it is
    for j in range(9):
        assert latex.count(f"a long column {j} ") == 1
        assert latex.count(rf"\ensuremath{{-}}{1.5 + j}") == 1
    assert "1e-09" in latex


@pytest.mark.parametrize("form", ["text", "html", "markdown", "latex", "typst"])
def test_a_long_table_is_cut_with_a_count_in_every_form_but_csv(form):
    found = table([f"row{i}x" for i in range(101)], x=np.arange(101.0))
    shown = getattr(found, form)()
    assert "first 40 of 101 rows: to" in shown.replace("\\", "")
    assert "row39x" in shown
    assert "row40x" not in shown
    assert "row100x" in found.csv()
    assert "row99x" in getattr(table([f"row{i}x" for i in range(100)], x=np.ones(100)), form)()


def test_every_special_sign_of_latex_is_escaped():
    text = table(("~^#%&_{}$\\", "b")).latex()
    assert r"\textasciitilde{}\textasciicircum{}\#\%\&\_\{\}\$\textbackslash{}" in text


def test_nothing_of_a_name_is_markup_in_markdown_of_github_jupyter_or_pandoc():
    text = table(("|*_`[]~$^@<\\", "b")).markdown()
    assert r"| \|\*\_\`\[\]\~\$\^\@&lt;\\ |" in text


def test_nothing_of_a_name_is_markup_in_typst():
    nasty = 'a#$*_@<>`[]~=-/\\ "//'
    found = table((nasty, "b"), x=[-1.25, 3.0])
    lines = found.typst().splitlines()
    escaped = nasty.replace("\\", "\\\\").replace('"', '\\"')
    assert f'"{escaped}", "−1.25",' in lines
    assert '"b", "3.00",' in lines
    assert 'caption: figure.caption(position: top, "Title; a fact."),' in lines
    assert lines[-1] == '#par(text(size: 0.9em, "A note."))'


def test_typst_has_paragraphs_where_there_is_no_table_and_several_tables_on_a_narrow_page():
    words = Rendered.of(pd.DataFrame(), {}, 'a "title"', ["a fact"], ["a note"]).typst()
    assert words == '#par("a \\"title\\"; a fact.")\n\n#par("A note.")'
    found = table(("a", "-1"), **{f"a long column {j}": [-1.5 - j, 1e-9] for j in range(9)})
    shown = found.typst()
    assert shown.count("table.header(") == 3
    assert shown.count("stack(") == shown.count("#figure(") == 1
    assert shown.count('\n"a", ') == shown.count('\n"-1", ') == 3  # a name stays as it is
    assert all(shown.count(f'"−{1.5 + j}') == 1 for j in range(9))


def test_signs_of_ours_that_pdflatex_does_not_know_are_in_its_words():
    text = table(("−log(1 − λR)/R", "b")).latex()
    assert r"\ensuremath{-}log(1 \ensuremath{-} \ensuremath{\lambda}R)/R" in text
    assert text.isascii()


def test_ends_of_an_interval_have_the_format_of_what_they_are_of():
    whole = ["coefficient", "SE", "p", "2.5%", "odds ratio", "OR 2.5%"]
    assert list(formats_of(whole).values()) == ["#.6g", "#.4g", "p", "#.4g", "ratio", "ratio"]
    assert formats_of(["odds ratio", "z", "2.5%"])["2.5%"] == "ratio"
    frame = pd.DataFrame({"odds ratio": [1.00031], "2.5%": [0.99989], "z": [1.0]}, index=["x"])
    assert Rendered.of(frame, formats_of(frame)).cells == (("1.00031", "0.99989", "1.00"),)


def test_what_is_shown_of_a_table_is_said_where_it_is_not_all():
    assert shown_of(3, 12, "row", ".table()") == "shown are 3 of 12 rows: .table() has all"
    assert (
        shown_of(3, 12, "row", ".table()", "largest k")
        == "shown are the 3 of 12 rows with the largest k: .table() has all"
    )
    assert shown_of(12, 12, "row", ".table") == shown_of(0, 0, "row", ".table") == ""


def test_columns_of_words_begin_on_the_left_and_numbers_end_on_the_right():
    words, numbers = ["finite", "-", "undecided"], ["1.5", "-", "<1e-308"]
    mixed = ["12", "none", ""]
    columns = {"kind": words, "x": numbers, "why": ["a", "much longer", ""], "n": mixed}
    found = Rendered.of(pd.DataFrame(columns, index=list("abc")), {})
    assert found.words == {0, 2}
    assert found.text().splitlines() == [
        "   kind             x  why             n",
        "a  finite         1.5  a              12",
        "b  -                -  much longer  none",
        "c  undecided  <1e-308",
    ]
    assert found.markdown().splitlines()[1] == "|:---|:---|---:|:---|---:|"
    assert r"\begin{tabular}{llrlr}" in found.latex()
    sides = re.findall(r"<(?:th scope='col'|td) style='text-align:(\w+)", found.html())
    assert sides == ["left", "right", "left", "right"] * 4
