import numpy as np
import pytest
from reports import column, item

from flatprior.analysis import report_facts
from flatprior.models import BernoulliLogistic, load_births, load_endometrial, load_spector


@pytest.fixture(scope="module")
def of_births():
    model = BernoulliLogistic.from_formula("low ~ age + lwt + race + smoke + ht", load_births())
    return report_facts(model=model)


def shares(own, of_all):
    """n and % among events, then among others, as the table shows them."""
    cells = []
    for outcome in (1, 0):
        n = int((own == outcome).sum())
        cells += [str(n), f"{100 * n / (of_all == outcome).sum():.1f}"]
    return cells


def test_variables_stand_in_the_order_of_the_formula_with_each_level_below_its_own(of_births):
    table, frame = item(of_births, "table-1"), load_births()
    rows = [(row["kind"], row["name"], row["cells"]) for row in table["rows"]]
    assert [row[1] for row in rows[:2]] == ["age", "lwt"]
    expected = []
    for name in ("race", "smoke"):
        expected.append(("group", name, [""] * 4))
        for level, own in frame.groupby(name)["low"]:
            expected.append(("level", level, shares(own, frame["low"])))
    of_one = frame.loc[frame["ht"] == 1, "low"]
    expected.append(("", "ht = 1", shares(of_one, frame["low"])))
    assert rows[2:] == expected
    assert table["facts"][0] == "59 events, 130 others"
    assert "race: black,11,18.64406779661017," in table["formats"]["CSV"]
    assert "ht: 1,7," in table["formats"]["CSV"]


def test_numbers_are_compared_between_outcomes(of_births):
    table, frame = item(of_births, "table-1"), load_births()
    for outcome, said in ((1, "events"), (0, "others")):
        own = frame.loc[frame["low"] == outcome, ["age", "lwt"]]
        for what, values, within in (("mean or n", own.mean(), 5e-4), ("SD or %", own.std(), 5e-3)):
            shown = [float(each) for each in column(table, f"{said}: {what}")[:2]]
            assert shown == pytest.approx(values.tolist(), rel=within)


def test_what_counts_as_an_observation_is_said():
    frame = load_spector().assign(w=2, f=1, s=[0, 3] * 16)
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", frame, frequency_weights="w")
    table = item(report_facts(model=model), "table-1")
    by_weights = "observations are rows by their frequency weights: w"
    assert table["facts"][::2] == ["22 events, 42 others", by_weights]
    assert column(table, "events: mean or n")[1] == "16"
    of_groups = report_facts(model=BernoulliLogistic.from_formula("cbind(s, f) ~ psi", frame))
    assert item(of_groups, "table-1")["facts"][::2] == [
        "48 events, 32 others",
        "observations are trials",
    ]


def test_a_variable_whose_values_no_column_has_is_named():
    formula = "grade ~ poly(gpa, 2) + tuce + I(tuce^2)"
    facts = report_facts(model=BernoulliLogistic.from_formula(formula, load_spector()))
    (section,) = [each for each in facts["sections"] if each["id"] == "variables"]
    (text,) = [each for each in section["items"] if each["kind"] == "text"]
    assert text["text"] == ["Without poly(gpa, 2), of which no column of the model has the values."]
    assert [row["name"] for row in item(facts, "table-1")["rows"]] == ["tuce", "I(tuce^2)"]


def test_a_level_that_separates_is_seen_where_there_is_no_estimate():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI", load_endometrial())
    table = item(report_facts(model=model), "table-1")
    assert table["rows"][0]["name"] == "NV = 1"
    assert table["rows"][0]["cells"] == ["13", "43.3", "0", "0.0"]


def test_levels_that_are_not_known_are_not_counted():
    frame = load_spector().assign(third=list("abcb") * 8)
    frame["same"] = np.where(frame["third"] == "b", "yes", "no")
    model = BernoulliLogistic.from_formula("grade ~ same + third", frame, aliased="drop")
    table = item(report_facts(model=model), "table-1")
    assert column(table, "events: mean or n").count("-") == 2
    assert table["notes"] == ["Of levels whose column was left out observations are not counted."]


def test_a_model_of_a_constant_has_no_table_1():
    facts = report_facts(model=BernoulliLogistic.from_formula("grade ~ 1", load_spector()))
    (section,) = [each for each in facts["sections"] if each["id"] == "variables"]
    assert [each["id"] for each in section["items"]] == ["odds-ratios"]
