import math

import numpy as np
import pandas as pd
import pytest
from reports import column, facts_with, item, many_levels, many_levels_agreement, value_of

from flatprior.analysis import (
    binned_residuals,
    compare_models,
    compare_routes,
    diagnose,
    exact_loo,
    predictive_indices,
    predictive_scores,
    report_facts,
)
from flatprior.analysis.report.sections.model import existence_certificate
from flatprior.analysis.report.sections.prediction import (
    influence,
    model_comparison,
    predictive_quality,
)
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_endometrial,
    load_spector,
    sample_independence,
)
from flatprior.models.batches import first_pass


def on_disk(tmp_path):
    load_spector().to_csv(tmp_path / "spector.csv", index=False)
    return compare_models(
        {
            formula: BernoulliLogistic.from_parquet(tmp_path / "spector.csv", formula)
            for formula in ("grade ~ gpa", "grade ~ gpa + tuce")
        }
    )


def test_few_rows_on_disk_are_reported_as_they_are_in_memory(tmp_path):
    facts = report_facts(comparison=on_disk(tmp_path))
    models = {
        formula: BernoulliLogistic.from_formula(formula, load_spector())
        for formula in ("grade ~ gpa", "grade ~ gpa + tuce")
    }
    expected = report_facts(comparison=compare_models(models))
    sections = [[section["id"] for section in each["sections"]] for each in (facts, expected)]
    assert sections[0] == sections[1]
    assert "influence" in sections[0]
    for name in ("scores", "coefficients-table", "influential"):
        ours, theirs = item(facts, name), item(expected, name)
        assert ours["columns"] == theirs["columns"]
        for one, two in zip(ours["rows"], theirs["rows"], strict=True):
            assert one["cells"] == two["cells"]
    assert "profile 2.5%" in item(facts, "coefficients-table")["columns"]
    assert "profile-likelihood intervals are" not in str(facts["sections"])
    assert "fits without it (leave-one-out)" in str(facts["sections"])
    assert item(facts, "influential")["notes"][0].startswith("Leave-one-out log score -")


def test_many_rows_on_disk_are_reported_without_what_takes_them_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 20)
    facts = report_facts(comparison=on_disk(tmp_path))
    assert "influence" not in [section["id"] for section in facts["sections"]]
    scores = item(facts, "scores")
    assert scores["columns"][-1] == "grid error"
    memory = BernoulliLogistic.from_formula(facts["data"]["formula"], load_spector())
    expected = predictive_scores(memory, fit_newton(memory)).table()
    for name in ("Brier", "log", "AUC"):
        assert float(value_of(scores, name)) == pytest.approx(expected["score"][name], abs=1e-5)
    assert "profile 2.5%" not in item(facts, "coefficients-table")["columns"]
    assert "few enough for the first pass to keep" in " ".join(
        item(facts, "coefficients-table")["notes"]
    )
    assert "exact_loo(model, fit) computes them" in str(facts["sections"])
    assert "validate(model) computes what new ones would give" in str(facts["sections"])
    said = " ".join(each["text"] for each in facts["first"]["doubts"])
    assert "in a report these are for rows that are in memory, or few enough for the first" in said


def test_a_model_without_an_estimate_is_told_from_those_compared():
    data, formulas = load_endometrial(), ("HG ~ NV", "HG ~ PI", "HG ~ EH")
    models = {name: BernoulliLogistic.from_formula(name, data) for name in formulas}
    compared = compare_models(models)
    aic = compared.table()["AIC"].map("{:.2f}".format)
    assert compared.message.startswith(
        f"Of the models with an estimate the smallest AIC, {aic['HG ~ EH']}, is that of HG ~ EH; "
    )
    facts = facts_with(existence_certificate, model_comparison, comparison=compared)
    text = facts["sections"][0]["items"][0]["text"][0]
    assert text.startswith("Of HG ~ EH: the maximum likelihood estimate exists")
    table = item(facts, "formulas")
    assert table["columns"] == ["estimate"]  # names are the formulas
    assert [row["name"] for row in table["rows"]] == ["HG ~ EH", "HG ~ PI", "HG ~ NV"]
    figure = item(facts, "comparison-plot")
    assert figure["title"] == "Difference from the best model with an estimate"
    assert "put last, wherever its square lies" in figure["how"]
    assert "two standard errors" not in figure["how"]


def test_models_that_are_called_by_their_formulas_need_no_list_of_them():
    data, formulas = load_spector(), {"small": "grade ~ gpa", "large": "grade ~ gpa + psi"}
    models = {name: BernoulliLogistic.from_formula(of, data) for name, of in formulas.items()}
    facts = facts_with(model_comparison, comparison=compare_models(models))
    assert column(item(facts, "formulas"), "formula") == ["grade ~ gpa + psi", "grade ~ gpa"]
    named = compare_models({formulas[name]: model for name, model in models.items()})
    facts = facts_with(model_comparison, comparison=named)
    assert "formulas" not in [each["id"] for each in facts["sections"][0]["items"]]


def test_leave_one_out_without_an_mle_falls_back_to_the_fit():
    # without row 3 or 4 the outcomes are separated
    model = BernoulliLogistic.from_arrays(
        [1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 1, 0, 1, 1, 1], intercept=True
    )
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    facts = facts_with(predictive_quality, agreement=agreement)
    prediction = next(s for s in facts["sections"] if s["id"] == "prediction")
    assert "on the rows that it was fitted to" in prediction["items"][0]["text"][0]
    assert math.isfinite(float(column(item(facts, "scores"), "score")[0]))
    assert facts["title"] == "y on const, x1"


def test_repeated_row_labels_are_one_row_each(model):
    twice = pd.concat([load_spector(), load_spector()])
    model = BernoulliLogistic.from_formula("grade ~ gpa", twice)
    draws = sample_independence(model, seed=1, progress=False)
    agreement = compare_routes(model, fit_newton(model), draws)
    table = item(facts_with(influence, agreement=agreement), "influential")
    assert len(table["rows"]) == 10
    cook = [float(cell) for cell in column(table, "Cook's distance")]
    assert cook == sorted(cook, reverse=True)
    assert "-" not in column(table, "Pareto k")


def test_refits_of_many_coefficients_are_left_out_and_said_to_be():
    facts = report_facts(many_levels_agreement())
    why = "left out for 1800 rows and 121 coefficients"
    table = item(facts, "coefficients-table")
    assert not [each for each in table["columns"] if each.startswith("profile")]
    assert any(f"intervals are {why}: confidence_intervals" in note for note in table["notes"])
    said = str(facts["sections"])
    assert f"predictions are {why}: exact_loo(model, fit)" in said
    assert f"log score is {why}: exact_loo(model, fit)" in said
    top = diagnose(many_levels(), fit_newton(many_levels())).most_influential().index
    assert [row["name"] for row in item(facts, "influential")["rows"]] == list(map(str, top))


def test_discrimination_and_calibration_are_those_of_the_fits_without_each_row(facts, model):
    loo = exact_loo(model, fit_newton(model))
    own = np.exp(loo.pointwise)
    left_out = np.where(model.response == 1, own, 1 - own)
    expected = predictive_indices(model, left_out).table()["value"]
    table = item(facts, "indices")
    assert [float(cell) for cell in column(table, "value")] == pytest.approx(
        expected.tolist(), rel=1e-3
    )
    assert float(value_of(table, "calibration slope")) < 0.8  # 32 students and 4 coefficients
    right = sum((left_out >= 0.5) == (model.response == 1))
    assert column(item(facts, "classification"), "right")[-1] == str(right)


def test_binned_residuals_are_of_the_fit_and_say_how_many_a_bin_has(facts, model):
    found = binned_residuals(model, fit_newton(model))
    figure = item(facts, "binned-residuals")
    assert figure["how"].startswith(found.sizes)
    assert found.message in figure["alternative"]
    assert figure["svg"].count("<use") >= len(found.table())
