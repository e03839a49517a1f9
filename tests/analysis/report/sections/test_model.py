import csv
import io
import math

import numpy as np
import pytest
from reports import column, facts_with, item, value_of

from flatprior.analysis import (
    collinearity,
    compare_routes,
    confidence_intervals,
    diagnose,
    exact_loo,
    goodness_of_fit,
    likelihood_ratio_test,
)
from flatprior.analysis.report.sections.model import coefficients, data_and_model, events_said
from flatprior.analysis.report.sections.routes import agreement_of_routes
from flatprior.analysis.report.sections.variables_and_odds import variables_and_odds_ratios
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_births,
    load_spector,
    sample_independence,
)


def test_the_data_are_described(facts):
    table = item(facts, "data-table")
    assert value_of(table, "observations") == "32"
    assert value_of(table, "events") == "11 (34.4%)"
    assert value_of(table, "reference of psi") == "0"
    assert value_of(table, "rows left out") == "none"


def test_what_an_event_is_stands_beside_their_share():
    births = load_births()
    model = BernoulliLogistic.from_formula("low ~ smoke", births)
    assert events_said(model) == "31.2%; low = 1"
    words = births.assign(low=np.where(births["low"] == 1, "light", "heavy"))
    of_light, of_heavy = "31.2%; light = 1, heavy = 0", "68.8%; heavy = 1, light = 0"
    for event, said in ((None, of_light), ("light", of_light), ("heavy", of_heavy)):
        model = BernoulliLogistic.from_formula("low ~ smoke", words, event=event)
        assert events_said(model) == said
    grouped = births.groupby("smoke")["low"].agg(events="sum", n="size").reset_index()
    grouped["others"] = grouped["n"] - grouped["events"]
    model = BernoulliLogistic.from_formula("cbind(events, others) ~ smoke", grouped)
    assert events_said(model) == "31.2%; events = 1, others = 0"


def test_weights_offsets_and_dropped_rows_are_counted():
    frame = load_spector().assign(w=[2] * 30 + [0, 1], o=0.1)
    frame.loc[3, "gpa"] = np.nan
    model = BernoulliLogistic.from_formula("grade ~ gpa", frame, offset="o", frequency_weights="w")
    agreement = compare_routes(model, fit_newton(model), sample_independence(model, seed=1))
    table = item(facts_with(data_and_model, agreement=agreement), "data-table")
    assert value_of(table, "rows left out") == "1 (a value missing), 1 (weight 0)"
    assert value_of(table, "besides") == "offset: o, frequency weights: w"
    assert value_of(table, "weights").startswith("Frequency weights are taken as counts")


def test_numbers_are_those_of_the_analysis(facts, model, agreement):
    fit = fit_newton(model)
    table = item(facts, "coefficients-table")
    assert [row["name"] for row in table["rows"]] == list(model.names)
    assert [float(c) for c in column(table, "coefficient")] == pytest.approx(
        fit.coefficients.tolist(), rel=1e-3
    )
    profile = confidence_intervals(model).table()
    assert [float(c) for c in column(table, "profile 2.5%")] == pytest.approx(
        profile["2.5%"].tolist(), rel=1e-3
    )
    odds = item(facts, "odds-ratios")
    shown = dict(
        zip((row["name"] for row in odds["rows"]), column(odds, "odds ratio"), strict=True)
    )
    ratios = [
        float(each)
        for name, each in shown.items()
        if each not in ("", "reference") and not name.startswith("per ")
    ]
    intercept, *others = np.exp(fit.coefficients).tolist()
    assert ratios == pytest.approx([*others, intercept], rel=1e-3)
    per_sd = [float(each) for name, each in shown.items() if name.startswith("per ")]
    units = [float(name.split()[1]) for name in shown if name.startswith("per ")]
    (tuce,) = units  # the others have a standard deviation near one unit
    assert per_sd == pytest.approx([math.exp(fit.coefficients[2] * tuce)], rel=1e-3)
    shift = item(facts, "shift-1")
    check = agreement.posterior_check
    assert [float(c) for c in column(shift, "predicted")] == pytest.approx(
        check.predicted_shift.tolist(), abs=1e-4
    )
    top = diagnose(model, fit).most_influential().index
    assert [row["name"] for row in item(facts, "influential")["rows"]] == [str(i) for i in top]
    said = item(facts, "influential")["notes"][0]
    assert exact_loo(model, fit).message in said.replace("L", "l", 1)


def test_numbers_keep_their_digits_whatever_the_unit():
    data = load_spector().assign(income=lambda frame: frame["gpa"] * 1e7)
    model = BernoulliLogistic.from_formula("grade ~ income", data)
    fit = fit_newton(model)
    agreement = compare_routes(model, fit, fit_sklearn(model))
    facts = facts_with(
        coefficients, variables_and_odds_ratios, agreement_of_routes, agreement=agreement
    )
    shown = column(item(facts, "estimates"), "newton")[1]
    assert float(shown) == pytest.approx(fit.coefficients[1], abs=1e-8 * fit.standard_errors[1])
    assert float(column(item(facts, "estimates"), "standard error")[1]) > 0
    odds = item(facts, "odds-ratios")
    ratio = column(odds, "odds ratio")[0]  # two digits of the difference from 1; in copies all
    assert float(ratio) - 1 == pytest.approx(math.expm1(fit.coefficients[1]), abs=5e-9)
    heading, row, *_ = csv.reader(io.StringIO(odds["formats"]["CSV"]))
    copied = float(row[heading.index("odds ratio")])
    assert copied - 1 == pytest.approx(math.expm1(fit.coefficients[1]), rel=1e-8)


def test_draws_that_fail_are_no_posterior_interval(model):
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[3:])
    wrong = sample_independence(other, seed=1, progress=False)
    right = sample_independence(model, seed=1, progress=False)
    agreement = compare_routes(model, fit_newton(model), wrong)
    alone = facts_with(coefficients, variables_and_odds_ratios, agreement=agreement)
    table = item(alone, "coefficients-table")
    assert "posterior 2.5%" not in table["columns"]
    assert any("No draws of these data passed" in note for note in table["notes"])
    agreement = compare_routes(model, fit_newton(model), wrong, right)
    both = facts_with(coefficients, variables_and_odds_ratios, agreement=agreement)
    table = item(both, "coefficients-table")
    low = right.summary()["2.5%"]
    assert [float(c) for c in column(table, "posterior 2.5%")] == pytest.approx(
        low.tolist(), rel=1e-3
    )


def test_whole_terms_are_tested_where_one_has_several_columns(facts):
    frame = load_spector().assign(third=list("abcb") * 8)
    model = BernoulliLogistic.from_formula("grade ~ gpa + third", frame)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    whole = facts_with(coefficients, variables_and_odds_ratios, agreement=agreement)
    table = item(whole, "terms")
    expected = [likelihood_ratio_test(model, name) for name in ("gpa", "third")]
    assert column(table, "df") == ["1", "2"]
    assert [float(each) for each in column(table, "LR")] == pytest.approx(
        [test.statistic for test in expected], abs=5e-5
    )
    found = item(whole, "collinearity")
    inflation = collinearity(model, fit_newton(model)).gvif["GVIF"]
    assert [float(each) for each in column(found, "GVIF")[1:]] == pytest.approx(
        inflation[1:].tolist(), rel=1e-3
    )
    # with a column for each term the table of coefficients says it
    assert not [i for s in facts["sections"] for i in s["items"] if i.get("id") == "terms"]


def test_the_fit_is_described_by_the_usual_indices(facts, model):
    table, found = item(facts, "goodness"), goodness_of_fit(model, fit_newton(model))
    assert [float(value_of(table, name)) for name in ("AICc", "Nagelkerke's R2")] == pytest.approx(
        [found.aicc, found.nagelkerke], abs=6e-5
    )
