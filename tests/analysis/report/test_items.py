import csv
import io

from reports import item, many_levels, many_levels_agreement

from flatprior.analysis import report_facts
from flatprior.analysis.report.items import section_of, text_of
from flatprior.models import fit_newton


def test_every_figure_has_a_line_on_reading_it_and_an_alternative(facts):
    figures = [i for s in facts["sections"] for i in s["items"] if i["kind"] == "figure"]
    assert len(figures) == 10
    for figure in figures:
        assert figure["how"].endswith(".")
        assert len(figure["alternative"]) > 30
        assert figure["alternative"].replace("&", "&amp;") in figure["svg"]


def test_every_table_can_be_copied_in_three_formats(facts):
    tables = [i for s in facts["sections"] for i in s["items"] if i["kind"] == "table"]
    assert len(tables) >= 12
    for table in tables:
        rows = list(csv.reader(io.StringIO(table["formats"]["CSV"])))
        assert len(rows) == 1 + len(table["rows"])
        assert {len(row) for row in rows} == {1 + len(table["columns"])}
        assert table["formats"]["Markdown"].count("\n| ") >= len(table["rows"])
        # a wide one has two parts, with the names of the rows in both
        parts = table["formats"]["LaTeX"].count(r"\begin{tabular}")
        assert table["formats"]["LaTeX"].count(r"\\") == parts * (1 + len(table["rows"]))


def test_csv_has_all_digits(facts, model):
    rows = list(csv.reader(io.StringIO(item(facts, "coefficients-table")["formats"]["CSV"])))
    assert [float(row[1]) for row in rows[1:]] == fit_newton(model).coefficients.tolist()


def test_a_long_table_is_shown_by_its_first_rows_and_its_csv_has_all():
    model, facts = many_levels(), report_facts(many_levels_agreement())
    for name in ("coefficients-table", "estimates"):
        table = item(facts, name)
        assert [row["name"] for row in table["rows"]] == list(model.names[:40])
        assert table["notes"][-1] == "Shown are the first 40 of 121 rows: the copy as CSV has all."
        assert len(list(csv.reader(io.StringIO(table["formats"]["CSV"])))) == 122
        assert "hospital[T.h038]" in table["formats"]["Markdown"].replace("\\", "")
        assert "h039" not in table["formats"]["Markdown"] + table["formats"]["LaTeX"]
    of_levels = item(facts, "odds-ratios")  # with names of variables and the reference level
    assert len(of_levels["rows"]) == 40
    assert of_levels["notes"][-1].startswith("Shown are the first 40 of 124 rows")


def test_what_takes_the_whole_width_comes_before_the_columns_in_its_own_order():
    narrow, wide = {"kind": "table", "wide": False}, {"kind": "table", "wide": True}
    figure, text = {"kind": "figure", "wide": False}, text_of("One.")
    found = section_of("a", "A", [narrow, text, None, figure, wide])
    assert found["items"] == [text, wide, narrow, figure]
