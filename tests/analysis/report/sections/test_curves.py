import re

import pandas as pd
import pytest
from damaged_files import resealed
from reports import facts_with, item

from flatprior.analysis import effect_curves, predict, report_facts, verify_report
from flatprior.analysis.report.page import sealed
from flatprior.analysis.report.sections.effects import effects_of_variables
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, fit_newton, load_births

FIGURES = tuple(f"effect-{i}" for i in range(1, 5))  # of four variables


@pytest.fixture(scope="module")
def births():
    return load_births()


@pytest.fixture(scope="module")
def model(births):
    return BernoulliLogistic.from_formula("low ~ age + lwt + C(race) + smoke", births)


@pytest.fixture(scope="module")
def facts(model, births):
    return report_facts(model=model, data=births)


@pytest.fixture(scope="module")
def page(facts):
    return sealed(render(facts))  # as `write_report` does


def test_probabilities_are_drawn_along_each_variable_and_said_in_words(facts, model, births):
    curves = effect_curves(model, fit_newton(model), births, most=4, levels="commonest")
    for name, curve in zip(FIGURES, curves.curves, strict=True):
        figure = item(facts, name)
        assert figure["title"] == f"Probability by {curve.name}, the others held"
        p, low, high = curve.frame.iloc[0][["probability", "probability 2.5%", "probability 97.5%"]]
        assert f"{p:.3f} ({low:.3f} to {high:.3f}) at" in figure["alternative"]
        assert f"the others held at {curves.held_beside(curve.name)}: " in figure["how"]


def test_the_curves_are_of_an_observation_that_is_common_and_say_so(facts, model, births):
    rows = (
        births[["age", "lwt"]]
        .mean()
        .to_frame()
        .T.assign(smoke="no")
        .merge(pd.Series(["black", "other", "white"], name="race"), how="cross")
    )
    due = predict(model, fit_newton(model), rows)["probability"]
    (race,) = (item(facts, name) for name in FIGURES if "by race" in item(facts, name)["title"])
    shown = re.findall(r"(0\.\d{3}) \(", race["alternative"])
    assert shown == [f"{p:.3f}" for p in due]
    (lwt,) = (item(facts, name) for name in FIGURES if "by lwt" in item(facts, name)["title"])
    assert (
        "race white, smoke no: numbers at their mean, categories at their commonest" in lwt["how"]
    )
    ends = predict(
        model,
        fit_newton(model),
        rows[rows["race"] == "white"]
        .merge(births["lwt"].agg(["min", "max"]), how="cross")
        .drop(columns="lwt_x")
        .rename(columns={"lwt_y": "lwt"}),
    )["probability"]
    assert re.findall(r"(0\.\d{3}) \(", lwt["alternative"]) == [f"{p:.3f}" for p in ends]


@pytest.mark.parametrize(
    ("formula", "rule"),
    [
        ("low ~ lwt + C(race)", {"lwt": "categories at", "race": "numbers at their mean. "}),
        ("low ~ lwt + I(age > 25)", {"lwt": "at their mean, or their median where the formula"}),
        ("low ~ lwt + offset(shift)", {"lwt": "offset 0.1: the offset at its mean. The tables"}),
    ],
)
def test_the_rule_by_which_others_are_held_is_said(formula, rule, births):
    frame = births.assign(shift=0.1)
    model = BernoulliLogistic.from_formula(formula, frame)
    facts = facts_with(effects_of_variables, model=model, data=frame)
    for name, said in rule.items():
        (how,) = (
            each["how"]
            for section in facts["sections"]
            for each in section["items"]
            if each["kind"] == "figure" and each["title"].startswith(f"Probability by {name}")
        )
        assert said in how


FORGED_FIGURES = {
    "a line": (r'(<figure id="effect-1">.*?\nL \d+\.\d\d )-?\d', r"\g<1>123"),
    "a probability in words": (r'(id="effect-2-alt">[^<]*?) 0\.\d', r"\1 0.99"),
    "where others are held": (r'(<figure id="effect-1">.*?held at )', r"\1all at zero, "),
    "a title": (r"Probability by lwt", "Probability caused by lwt"),
    "one left out": (r'<figure id="effect-3">.*?</figure>\n', ""),
    "one more": (r'<figure id="(effect-4)(">.*?</figure>\n)', r'<figure id="effect-5\2\g<0>'),
}


@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize("what", FORGED_FIGURES)
def test_a_figure_that_is_changed_is_told_where_the_data_are_at_hand(
    what, page, model, births, tmp_path
):
    path = tmp_path / "changed.html"
    forged, n = re.subn(*FORGED_FIGURES[what], page, count=1, flags=re.DOTALL)
    assert n == 1
    path.write_text(resealed(forged), newline="\n")
    with pytest.raises(ValueError, match=r"figure"):
        verify_report(model, path, data=births)


def test_of_data_that_are_not_at_hand_figures_are_listed_as_not_made_again(page, model, tmp_path):
    path = tmp_path / "r.html"
    path.write_text(page, newline="\n")
    holes = verify_report(model, path).attrs["not made again"]
    assert {f"figure {name!r} and the numbers in its words" for name in FIGURES} <= set(holes)
