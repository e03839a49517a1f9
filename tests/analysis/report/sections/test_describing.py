import numpy as np
import pytest
from reports import column, facts_with, item

from flatprior.analysis import report_facts
from flatprior.analysis.report.sections.describing import variables_by_outcome
from flatprior.models import BernoulliLogistic, load_births, load_endometrial, load_spector


@pytest.fixture(scope="module")
def of_births():
    model = BernoulliLogistic.from_formula("low ~ age + lwt + race + smoke + ht", load_births())
    return report_facts(model=model)


def described(model):
    return facts_with(variables_by_outcome, model=model)


def test_each_level_stands_below_its_variable_with_its_observations(of_births):
    table, frame = item(of_births, "levels"), load_births()
    rows = [(row["kind"], row["name"], row["cells"]) for row in table["rows"]]
    expected = []
    for name in ("race", "smoke"):
        expected.append(("group", name, ["", "", ""]))
        for level, own in frame.groupby(name)["low"]:
            expected.append(("level", level, [str(len(own)), str(own.sum()), f"{own.mean():.3f}"]))
    for level, own in frame.groupby("ht")["low"]:
        cells = [str(len(own)), str(own.sum()), f"{own.mean():.3f}"]
        expected.append(("", f"ht: {level}", cells))
    assert rows == expected
    assert table["facts"] == ["189 observations, 59 events"]
    assert "race: black,26,11,0.4230" in table["formats"]["CSV"]


def test_numbers_are_compared_between_outcomes(of_births):
    table, frame = item(of_births, "numbers"), load_births()
    assert [row["name"] for row in table["rows"]] == ["age", "lwt"]
    for outcome, said in ((1, "events"), (0, "others")):
        own = frame.loc[frame["low"] == outcome, ["age", "lwt"]]
        for what, values in (("mean", own.mean()), ("SD", own.std())):
            shown = [float(each) for each in column(table, f"{what}, {said}")]
            assert shown == pytest.approx(values.tolist(), rel=1e-3)


def test_what_counts_as_an_observation_is_said():
    frame = load_spector().assign(w=2, f=1, s=[0, 3] * 16)
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", frame, frequency_weights="w")
    facts = described(model)
    by_weights = "observations are rows by their frequency weights: w"
    assert item(facts, "levels")["facts"] == ["64 observations, 22 events", by_weights]
    assert column(item(facts, "levels"), "n") == ["36", "28"]
    assert item(facts, "numbers")["facts"] == ["22 events, 42 others", by_weights]
    of_groups = described(BernoulliLogistic.from_formula("cbind(s, f) ~ psi", frame))
    assert item(of_groups, "levels")["facts"] == [
        "80 observations, 48 events",
        "observations are trials",
    ]


def test_a_variable_whose_values_no_column_has_is_named():
    formula = "grade ~ poly(gpa, 2) + tuce + I(tuce^2)"
    facts = described(BernoulliLogistic.from_formula(formula, load_spector()))
    (section,) = [each for each in facts["sections"] if each["id"] == "variables"]
    (text,) = [each for each in section["items"] if each["kind"] == "text"]
    assert text["text"] == ["Without poly(gpa, 2), of which no column of the model has the values."]
    assert [row["name"] for row in item(facts, "numbers")["rows"]] == ["tuce", "I(tuce^2)"]


def test_a_level_that_separates_is_seen_where_there_is_no_estimate():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI", load_endometrial())
    table = item(described(model), "levels")
    assert [row["cells"] for row in table["rows"]] == [["66", "17", "0.258"], ["13", "13", "1.000"]]


def test_levels_that_are_not_known_are_not_counted():
    frame = load_spector().assign(third=list("abcb") * 8)
    frame["same"] = np.where(frame["third"] == "b", "yes", "no")
    model = BernoulliLogistic.from_formula("grade ~ same + third", frame, aliased="drop")
    table = item(described(model), "levels")
    assert column(table, "n").count("-") == 2
    assert table["notes"] == ["Of levels whose column was left out observations are not counted."]


def test_a_model_of_a_constant_has_no_variables():
    facts = described(BernoulliLogistic.from_formula("grade ~ 1", load_spector()))
    assert "variables" not in [section["id"] for section in facts["sections"]]
