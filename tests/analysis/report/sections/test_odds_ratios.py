import csv
import io
import math
import re

import numpy as np
import pytest
from reports import column, facts_with, item

from flatprior.analysis import confidence_intervals
from flatprior.analysis.report.sections.no_maximum import what_holds
from flatprior.analysis.report.sections.variables_and_odds import variables_and_odds_ratios
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_births,
    load_endometrial,
    load_spector,
)

FORMULA = "low ~ lwt + race + smoke + ht"


def of(formula, data, **options):
    model = BernoulliLogistic.from_formula(formula, data, **options)
    return model, item(
        facts_with(variables_and_odds_ratios, what_holds, model=model), "odds-ratios"
    )


@pytest.fixture(scope="module")
def births():
    return of(FORMULA, load_births())


def test_levels_stand_below_their_factor_with_the_reference_and_events(births):
    _, table = births
    rows = [(row["kind"], row["name"], *row["cells"][:2]) for row in table["rows"]]
    assert rows == [
        ("", "lwt, per 1", "189", "59"),
        ("level", "per 30.6 (1 SD)", "", ""),
        ("group", "race", "", ""),
        ("level", "black", "26", "11"),
        ("level", "other", "67", "25"),
        ("level", "white", "96", "23"),
        ("group", "smoke", "", ""),
        ("level", "no", "115", "29"),
        ("level", "yes", "74", "30"),
        ("", "ht: 1 against 0", "12", "7"),
        ("group", "odds, not ratios", "", ""),
        ("level", "Intercept", "", ""),
    ]
    assert [row["name"] for row in table["rows"] if row["cells"][2] == "reference"] == [
        "black",
        "no",
    ]


def test_ratios_and_intervals_are_those_of_the_analysis(births):
    model, table = births
    rows = list(csv.DictReader(io.StringIO(table["formats"]["CSV"])))
    found = {row[""]: row for row in rows}
    profile = np.exp(confidence_intervals(model).table())
    assert "profile-likelihood" in table["title"]
    for name in model.names:
        for one, two in (("odds ratio", "coefficient"), ("2.5%", "2.5%"), ("97.5%", "97.5%")):
            assert float(found[name][one]) == pytest.approx(profile.loc[name, two], rel=1e-12)
    assert found["race: black (reference)"]["odds ratio"] == "reference"


def test_a_number_has_an_odds_ratio_per_standard_deviation(births):
    model, table = births
    rows = {row[""]: row for row in csv.DictReader(io.StringIO(table["formats"]["CSV"]))}
    profile = np.exp(30.6 * confidence_intervals(model).table())
    for one, two in (("odds ratio", "coefficient"), ("2.5%", "2.5%"), ("97.5%", "97.5%")):
        shown = float(rows["lwt, per 30.6 (1 SD)"][one])
        assert shown == pytest.approx(profile.loc["lwt", two], rel=1e-12)


def test_an_odds_ratio_that_is_1_but_for_rounding_is_shown_as_1():
    frame = {"x": [0.1, 0.2, 0.3, 0.4] * 10, "y": [0, 1, 1, 0] * 10}
    _, table = of("y ~ x", frame)
    assert table["rows"][0]["cells"][2] == "1.000"


def test_counts_of_five_digits_have_commas_and_their_copies_none():
    frame = {"g": ["a", "b"] * 30_000, "y": [0, 1, 1, 0, 1, 1] * 10_000}
    _, table = of("y ~ g", frame)
    assert table["rows"][1]["cells"][:2] == ["30,000", "20,000"]
    assert ",30000,20000," in table["formats"]["CSV"]


def test_counts_of_four_digits_have_none():
    frame = {"g": ["a", "b"] * 9000, "y": [0, 1, 1, 0, 1, 1] * 3000}
    _, table = of("y ~ g", frame)
    assert table["rows"][1]["cells"][:2] == ["9000", "6000"]
    assert "\n,9000" not in table["formats"]["CSV"]
    assert ",9000,6000," in table["formats"]["CSV"]


def test_where_profiles_are_too_many_intervals_are_walds():
    rng = np.random.default_rng(2)
    frame = {"x": rng.normal(size=20_001), "y": rng.integers(0, 2, 20_001)}
    model = BernoulliLogistic.from_formula("y ~ x", frame)
    table = item(facts_with(variables_and_odds_ratios, what_holds, model=model), "odds-ratios")
    wald = np.exp(fit_newton(model).summary())
    assert "Wald" in table["title"]
    assert table["rows"][0]["cells"][0] == "20,001"
    shown = [float(cell) for cell in table["rows"][0]["cells"][2:]]
    assert shown == pytest.approx(
        wald.loc["x", ["coefficient", "2.5%", "97.5%"]].tolist(), rel=1e-3
    )


def test_dots_stand_at_their_odds_ratios(births):
    model, table = births
    dots = [re.findall(r'<circle cx="([\d.]+)%"', row["drawn"]) for row in table["rows"]]
    drawn = [(float(own[0]), row) for own, row in zip(dots, table["rows"], strict=True) if own]
    assert len(drawn) == model.n_parameters  # a number per 1 and per SD, but no intercept
    places = np.array([place for place, _ in drawn])
    logs = np.log([float(row["cells"][2]) for _, row in drawn])
    slope, start = np.polyfit(logs, places, 1)
    assert slope > 0
    assert places == pytest.approx(start + slope * logs, abs=0.05)
    labels = re.findall(r'x="([\d.]+)%" y="75%">([\d.]+)<', table["axis"])
    for place, label in labels:
        assert float(place) == pytest.approx(start + slope * math.log(float(label)), abs=0.05)


def test_what_is_no_odds_ratio_of_one_level_stands_by_itself():
    data = load_births()
    _, table = of(
        "low ~ race*smoke + bs(age, df=3) + lwt + C(ptl > 0)".replace(" + C(ptl > 0)", ""), data
    )
    names = [row["name"] for row in table["rows"]]
    heads = [row["name"] for row in table["rows"] if row["kind"] == "group"]
    assert heads == [
        "race",
        "smoke",
        "interactions: they multiply odds ratios",
        "several columns of one variable: no odds ratio of one change",
        "odds, not ratios",
    ]
    place = names.index(heads[3])
    assert len([name for name in names[place:] if name.startswith("bs(age")]) == 3
    assert all(row["drawn"] == "" for row in table["rows"][place:])
    assert all(row["drawn"] for row in table["rows"][:place])
    assert any("race, smoke hold where what they interact with" in note for note in table["notes"])


def test_an_interval_of_a_level_that_separates_has_an_arrow_and_no_end():
    frame = load_endometrial()
    frame["level"] = np.where(frame["NV"] == 1, "yes", "no")
    _, table = of("HG ~ level + EH", frame)
    (row,) = [row for row in table["rows"] if row["name"] == "yes"]
    assert row["cells"][:3] == ["13", "13", "inf"]
    assert row["cells"][4] == "inf"
    assert 'x="100%"' in row["drawn"]
    assert "circle" not in row["drawn"]


def test_weights_are_named():
    frame = load_spector().assign(w=2)
    _, table = of("grade ~ gpa + psi", frame, frequency_weights="w")
    assert "observations are rows by their frequency weights: w" in table["facts"]
    assert column(table, "n")[:2] == ["64", "28"]


def test_a_level_that_was_left_out_has_no_odds_ratio():
    frame = load_births().assign(white=lambda d: d["race"] == "white")
    _, table = of("low ~ white + race", frame, aliased="drop")
    assert column(table, "odds ratio").count("left out") == 1
