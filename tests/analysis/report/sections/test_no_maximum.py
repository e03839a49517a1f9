import math
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from reports import NASTY, column, data, item

from flatprior.analysis import report_facts
from flatprior.analysis.report.sections import no_maximum
from flatprior.analysis.report.sections.no_maximum import _stretches
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, load_endometrial, load_spector
from flatprior.models.existence import cone
from flatprior.models.existence.projection import Effort

FRAME = load_endometrial()


def texts(facts, name):
    (section,) = [each for each in facts["sections"] if each["id"] == name]
    return " ".join(
        sentence for each in section["items"] if each["kind"] == "text" for sentence in each["text"]
    )


@pytest.fixture(scope="module")
def separated():
    return report_facts(model=BernoulliLogistic.from_formula("HG ~ NV + PI + EH", FRAME))


def test_a_separated_model_has_a_report_of_why_what_holds_and_what_to_do(separated):
    assert separated["verdict"]["headline"] == "There is no maximum likelihood estimate"
    assert not separated["verdict"]["good"]
    ids = [section["id"] for section in separated["sections"]]
    assert ids == [
        "data",
        "existence",
        "claims",
        "next",
        "methods",
        "tripod",
        "reproducibility",
    ]
    assert "Firth" in texts(separated, "next")
    page = render(separated)  # why there is none is said once, and again for a manuscript
    shown = page[page.index("<main") : page.index('<h2 id="methods">')]
    assert shown.count("The maximum likelihood estimate does not exist") == 1
    assert "no posterior distribution" in texts(separated, "claims")


def test_outcomes_are_counted_at_each_value_of_a_column_that_separates(separated):
    table = item(separated, "outcomes-by-value")
    assert [row["name"] for row in table["rows"]] == ["NV: 0", "NV: 1"]
    counted = pd.crosstab(FRAME["NV"], FRAME["HG"])
    assert column(table, "events") == [str(each) for each in counted[1]]
    assert column(table, "others") == [str(each) for each in counted[0]]
    rows = item(separated, "separated-rows")
    assert [row["name"] for row in rows["rows"]] == ["outcome 1"]
    labels = [str(label) for label in FRAME.index[FRAME["NV"] == 1]]
    assert rows["rows"][0]["cells"] == [str(len(labels)), ", ".join(labels)]


def test_tests_are_of_suprema_that_the_rows_left_have(separated):
    """Statsmodels fits the rows that are not separated, and the model without the column."""

    def maximum(rows, *names):
        X = sm.add_constant(rows[list(names)])
        return sm.Logit(rows["HG"], X).fit(disp=0).llf

    left = FRAME[FRAME["NV"] == 0]
    ratio = 2 * (maximum(left, "PI", "EH") - maximum(FRAME, "PI", "EH"))
    table = item(separated, "tests")
    cells = {row["name"]: row["cells"] for row in table["rows"]}
    np.testing.assert_allclose(float(cells["NV"][table["columns"].index("LR")]), ratio, atol=5.1e-5)


def test_an_open_interval_bounds_the_odds_ratio_on_one_side(separated):
    low = float(column(item(separated, "limits"), "2.5%")[1])
    said = re.search(r"NV at least ([\d.]+)\.", texts(separated, "claims"))[1]
    np.testing.assert_allclose(float(said), math.exp(low), rtol=1e-3)


def test_what_diverges_is_marked(separated):
    marked = {row["name"]: row["kind"] for row in item(separated, "limits")["rows"]}
    assert marked == {"Intercept": "", "NV": "failing", "PI": "", "EH": ""}


def test_what_diverges_is_marked_among_the_odds_ratios_too(separated):
    rows = item(separated, "odds-ratios")["rows"]
    assert [row["name"] for row in rows if "failing" in row["kind"]] == ["NV: 1 against 0"]


def test_where_coefficients_go_is_words_on_the_left(separated):
    table = item(separated, "limits")
    assert 0 in table["left"]
    assert not {1, 2, 3, 4} & {*table["left"]}


def test_a_maximum_that_is_reached_is_not_called_a_supremum():
    frame = FRAME.assign(twice=2 * FRAME["PI"])
    facts = report_facts(model=BernoulliLogistic.from_formula("HG ~ PI + EH + twice", frame))
    (note,) = [each for each in item(facts, "limits")["notes"] if "log-likelihood" in each]
    assert note.startswith("Maximum of the log-likelihood: -")
    assert "upremum" not in render(facts).split("<main")[1].split("</main>")[0]


def test_dependent_columns_are_named_with_what_they_equal():
    frame = load_spector().assign(twice=lambda d: 2 * d["psi"])
    facts = report_facts(model=BernoulliLogistic.from_formula("grade ~ gpa + psi + twice", frame))
    assert facts["verdict"]["headline"] == "The maximum likelihood estimate is not unique"
    table = item(facts, "dependencies")
    assert [(row["name"], row["cells"]) for row in table["rows"]] == [("twice", ["2 'psi'"])]
    assert "has a maximum likelihood estimate" in texts(facts, "next")
    (why,) = [section for section in facts["sections"] if section["id"] == "existence"]
    kinds = [each["id"] for each in why["items"] if each["kind"] == "table"]
    assert kinds == ["dependencies"]  # nothing is separated
    both = FRAME.assign(twice=lambda d: 2 * d["PI"])
    facts = report_facts(model=BernoulliLogistic.from_formula("HG ~ NV + PI + EH + twice", both))
    assert "separated too, in 13 of 79 rows" in texts(facts, "existence")
    # leaving a column out makes no maximum then
    assert facts["verdict"]["headline"] == "There is no maximum likelihood estimate"
    assert facts["verdict"]["message"].startswith(
        "The maximum likelihood estimate does not exist (separation of 13 of 79 rows), and the "
        "design has rank 4, not 5, because 'twice' = 2 'PI' in every row"
    )
    stand = facts["first"]["standings"]["existence"]
    assert stand["said"] == "no: separated rows, dependent columns"
    assert [row["name"] for row in item(facts, "outcomes-by-value")["rows"]] == ["NV: 0", "NV: 1"]
    assert "stay separated in what is left" in texts(facts, "next")


def test_nothing_is_claimed_where_existence_is_undecided(monkeypatch):
    monkeypatch.setattr(cone, "Effort", lambda: Effort(10.0))
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])
    model = BernoulliLogistic.from_arrays(X, X @ [0.2, 1, -1, 1] > 0)
    facts = report_facts(model=model)
    assert facts["verdict"]["headline"].endswith("is undecided")
    assert "no coefficient, interval or test is proved" in texts(facts, "claims")
    assert "proved by nothing" in texts(facts, "next")


def test_a_supremum_that_is_not_known_is_not_claimed():
    frame = pd.DataFrame(
        {"y": [0, 1, 1], "a": [1, 1, 1], "b": [0, 0, 1], "o": [2000.0, 0, 0]},
    )
    model = BernoulliLogistic.from_formula("y ~ 0 + a + b", frame, offset=frame["o"])
    facts = report_facts(model=model)
    assert "could not be computed: no limit" in texts(facts, "claims")
    assert item(facts, "limits")["columns"][0] == "goes to"


def test_values_between_which_both_outcomes_are_make_one_stretch():
    values = np.array([0.0, 1, 2, 3, 4, 5])
    apart = np.array([False, False, False, True, True, True])
    assert _stretches(values, apart) == [(0, 2), (3, 5)]
    assert _stretches(values, np.array([0, 0, 1, 0, 1, 1], dtype=bool)) == [(0, 1), (2, 3), (4, 5)]
    assert _stretches(values, np.array([0, 1, 1, 1, 1, 0], dtype=bool)) == [(0, 0), (1, 4), (5, 5)]
    assert _stretches(values, ~apart) == [(0, 2), (3, 5)]


def test_names_are_text_and_a_long_list_is_cut_with_its_number(monkeypatch):
    frame = data().assign(**{"</th>x": lambda d: (d["y<b>"] == "</td>up").astype(int)})
    quoted = " + ".join(f"`{name}`" for name in ("</th>x", *NASTY[:2]))
    monkeypatch.setattr(no_maximum, "MOST_NAMED", 7)
    facts = report_facts(model=BernoulliLogistic.from_formula(f"`y<b>` ~ {quoted}", frame))
    table = item(facts, "separated-rows")
    assert [row["name"] for row in table["rows"]] == ["outcome 1", "outcome 0"]
    assert table["facts"] == ["120 of 120 rows"]
    counts = frame["y<b>"].value_counts()
    for row, n in zip(table["rows"], (counts["down`"], counts["</td>up"]), strict=True):
        assert row["cells"][0] == str(n)
        assert row["cells"][1].count(",") == 6
        assert row["cells"][1].endswith(f" and {n - 7} more")
    page = render(facts)
    assert "&lt;/th&gt;x: 1" in page
    for raw in ("</th>x", NASTY[0], NASTY[1], "<u>0"):
        assert raw not in page
