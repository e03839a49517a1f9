import io
import re
from xml.dom import minidom

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from reports import NASTY

from flatprior.analysis import plot_forest
from flatprior.analysis.figures.style import Drawing
from flatprior.analysis.report.svg import VARIABLES, inline_svg


def forest(names=("a", "b")):
    frame = pd.DataFrame(
        {"point": np.arange(len(names)) + 0.5, "low": -1.0, "high": 4.0}, index=list(names)
    )
    return plot_forest({"Wald": frame}, standardised=False)


def test_the_same_figure_is_the_same_bytes():
    assert inline_svg(forest(), "one", "text") == inline_svg(forest(), "one", "text")


def test_identifiers_of_two_figures_do_not_clash_and_all_references_resolve():
    first, second = inline_svg(forest(), "one", "t"), inline_svg(forest(), "two", "t")
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert not ids[0] & ids[1]
    for svg, found in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', svg)) <= found
        assert len(re.findall(r'\bid="([^"]+)"', svg)) == len(found)


def test_no_colour_is_fixed_so_that_a_dark_page_can_set_them():
    svg = inline_svg(forest(), "one", "t")
    assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert set(re.findall(r"var\((--\w+)\)", svg)) <= set(VARIABLES.values())
    assert "--blue" in svg


def test_names_are_text_and_text_stays_text():
    svg = inline_svg(forest(NASTY), "one", "a < b & </title><script>")
    document = minidom.parseString(svg)  # noqa: S318  (ours; well-formed or an error)
    assert not document.getElementsByTagName("script")
    assert not document.getElementsByTagName("img")
    said = [
        "".join(part.data for part in node.childNodes if part.nodeType == part.TEXT_NODE)
        for node in document.getElementsByTagName("text")
    ]
    assert "<script>aler…1)</script>" in said
    assert 'x"onload=alert(1)' in said
    assert any(text.startswith("$a_{b}$ 漢") for text in said)
    assert document.getElementsByTagName("title")[0].firstChild.data == "a < b & </title><script>"


def test_an_svg_asks_for_nothing_from_elsewhere():
    svg = inline_svg(forest(), "one", "t")
    urls = set(re.findall(r"https?://[^\"' )]+", svg))
    assert urls <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<image" not in svg


def test_text_that_looks_like_an_attribute_stays_as_it_is():
    names = ('d="1.23456"', 'id="x"', "a: #0072b2", "url(#b)", "'DejaVu Sans'")
    svg = inline_svg(forest(names), "one", "t")
    said = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert set(names) <= set(said)


def test_it_is_drawn_once_where_saving_it_would_draw_it(monkeypatch):
    def drawn():
        figure = Drawing(figsize=(3, 2), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1, 5], [1e3, 2e3, 5e2], "o-", label="numbers")
        axes.set_ylabel("a long name\nof two lines")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0))
        return figure

    saved, figure, calls = io.StringIO(), drawn(), []
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "f"}):
        drawn().savefig(saved, format="svg")
    draw, before = Figure.draw, figure.canvas
    monkeypatch.setattr(Figure, "draw", lambda *args: calls.append(1) or draw(*args))
    svg = inline_svg(figure, "f", "figure")
    assert (len(calls), figure.canvas) == (1, before)
    paths = [re.findall(r' (?:d|transform)="([^"]*)"', each) for each in (saved.getvalue(), svg)]
    assert len(paths[1]) > 10
    assert [re.sub(r"(\.\d\d)\d+", r"\1", path) for path in paths[0]] == paths[1]
