import re

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis.rendering import Rendered, folded


@pytest.mark.parametrize(
    ("widths", "room", "second", "parts"),
    [
        ([10, 10, 10], 30, 0, [range(0, 3)]),
        ([10, 10, 10], 29, 0, [range(0, 2), range(2, 3)]),
        ([40, 10], 30, 0, [range(0, 1), range(1, 2)]),
        ([10, 10, 10, 10], 39, 2, [range(0, 2), range(2, 4)]),
        ([10, 10, 10, 10], 40, 2, [range(0, 4)]),
        ([], 10, 0, []),
    ],
)
def test_columns_fold_where_they_do_not_fit(widths, room, second, parts):
    assert folded(widths, room, second) == parts


def table(names=("a", "b"), **columns):
    frame = pd.DataFrame(columns or {"x": [1.23456, np.nan]}, index=list(names))
    return Rendered.of(frame, {"x": ".2f", "p": "p"}, "Title", ["a fact"], ["a note"])


def test_cells_are_formatted_by_column_and_type():
    found = table(
        ("a", "b", "c", "d"),
        x=[1.23456, np.nan, np.inf, -np.inf],
        p=[0.5, 1e-9, 0.0, 1.0],
        n=[1, 20, 300, 4000],
        who=["x", "", "z\nz", "w"],
    )
    assert [row[0] for row in found.cells] == ["1.23", "-", "inf", "-inf"]
    assert [row[1] for row in found.cells] == ["0.5000", "<0.0001", "<0.0001", "1.0000"]
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
