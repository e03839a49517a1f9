import math

import numpy as np
import pandas as pd
import pytest
from reports import NASTY

from flatprior.analysis import confidence_intervals, report_facts
from flatprior.analysis.report.first.why_none import at_an_end, why_none
from flatprior.analysis.report.main_model import reported
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, load_births, load_endometrial

X = [1, 2, 3, 4, 5, 6]


def why(formula, frame, **named):
    model = BernoulliLogistic.from_formula(formula, frame, **named)
    return why_none(reported(None, None, model=model))


def test_a_value_with_one_outcome_only_is_named_with_the_end_that_its_odds_ratio_has():
    frame = load_endometrial()
    said = why("HG ~ NV + PI + EH", frame)
    assert said.startswith("NV = 1 occurs only among HG = 1: its odds ratio has no upper limit")
    assert set(frame.loc[frame["NV"] == 1, "HG"]) == {1}
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", frame)
    low = math.exp(confidence_intervals(model, names=["NV"]).table()["2.5%"]["NV"])
    stated = float(said.split("at least ")[1].split(" ")[0])
    assert low - 0.01 < stated <= low


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([0, 0, 0, 1, 1, 1], "y = 1 wherever x is 4 or more, y = 0 wherever 3 or less"),
        ([1, 1, 1, 0, 0, 0], "y = 0 wherever x is 4 or more, y = 1 wherever 3 or less"),
        ([1, 1, 1, 1, 1, 1], "y = 1 in every row"),
    ],
)
def test_a_threshold_is_named_with_the_outcomes_on_its_sides(outcomes, said):
    assert why("y ~ x", pd.DataFrame({"x": X, "y": outcomes})).startswith(f"{said}: ")


def test_a_threshold_on_which_both_outcomes_are_belongs_to_neither_side():
    frame = pd.DataFrame({"x": [1, 2, 3, 3, 5, 6], "y": list("aababb")})
    assert why("y ~ x", frame, event="b").startswith(
        "y = b wherever x is above 3, y other than b wherever it is below: its odds ratio has no "
        "upper limit"
    )


def test_a_level_is_called_by_its_variable():
    frame = pd.DataFrame({"y": [0, 1, 0, 1, 0, 0], "g": list("uuvvww")})
    said = why("y ~ g", frame)
    assert said.startswith("g = w occurs only among y = 0: its odds ratio has no lower limit")


def test_where_no_column_separates_alone_it_is_a_combination():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
    frame["y"] = (frame["a"] + frame["b"] > 0.1).astype(int)
    said = why("y ~ a + b", frame)
    assert said.startswith("A combination of ")
    assert "tells y without error in every row" in said


def test_a_superfluous_column_is_named_with_what_is_determined_all_the_same():
    births = load_births().assign(
        other=lambda d: (d["race"] == "other").astype(int), mixed=lambda d: d["lwt"] - 2 * d["age"]
    )
    assert why("low ~ C(race) + other", births) == (
        "other equals C(race)[T.other] in every row: only the sum of their coefficients is "
        "determined."
    )
    assert why("low ~ lwt + age + mixed", births) == (
        "mixed equals 'lwt' - 2 'age' in every row: only combinations of their coefficients are "
        "determined, not one by one."
    )


def test_of_several_superfluous_columns_no_sum_of_two_is_said_to_be_determined():
    births = load_births().assign(same=lambda d: d["lwt"], again=lambda d: d["lwt"])
    assert why("low ~ lwt + same + again", births) == (
        "same equals lwt in every row, and 1 more column of this kind: only combinations of their "
        "coefficients are determined, not one by one."
    )


def test_an_end_is_rounded_outwards():
    assert at_an_end(math.log(3.6199), math.inf) == "at least 3.61"
    assert at_an_end(-math.inf, math.log(0.12341)) == "at most 0.124"


def test_names_that_would_be_markup_are_text():
    frame = pd.DataFrame({NASTY[0]: X, "y": [0, 0, 0, 1, 1, 1]})
    facts = report_facts(model=BernoulliLogistic.from_formula(f"y ~ `{NASTY[0]}`", frame))
    assert NASTY[0] in facts["first"]["sentence"]
    assert NASTY[0] not in render(facts)
