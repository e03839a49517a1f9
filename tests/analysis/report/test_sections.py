"""What the sections of a report say, held against the analysis."""

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from reports import column, item, many_levels, many_levels_agreement, value_of
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import (
    NotComparableError,
    compare_models,
    compare_routes,
    confidence_intervals,
    diagnose,
    exact_loo,
    predictive_scores,
    report_facts,
    verify_report,
    write_report,
)
from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.report.page import sealed
from flatprior.analysis.report.sections import formula_of, refits_left_out
from flatprior.analysis.report.writing import render
from flatprior.models import (
    BernoulliLogistic,
    certify,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
)


def test_the_data_are_described(facts):
    table = item(facts, "data-table")
    assert value_of(table, "observations") == "32"
    assert value_of(table, "events") == "11 (34.4%)"
    assert value_of(table, "reference of psi") == "0"
    assert value_of(table, "rows left out") == "0 (a value missing)"


def test_numbers_are_those_of_the_analysis(facts, model, agreement):
    fit = fit_newton(model)
    table = item(facts, "coefficients-table")
    assert [row["name"] for row in table["rows"]] == list(model.names)
    assert [float(c) for c in column(table, "coefficient")] == pytest.approx(
        fit.coefficients.tolist(), rel=1e-3
    )
    profile = confidence_intervals(model)
    assert [float(c) for c in column(table, "profile 2.5%")] == pytest.approx(
        profile["2.5%"].tolist(), rel=1e-3
    )
    odds = item(facts, "odds-ratios")
    assert [float(c) for c in column(odds, "odds ratio")] == pytest.approx(
        np.exp(fit.coefficients).tolist(), rel=1e-3
    )
    shift = item(facts, "shift-1")
    check = agreement.posterior_check
    assert [float(c) for c in column(shift, "predicted")] == pytest.approx(
        check.predicted_shift.tolist(), abs=1e-4
    )
    top = diagnose(model, fit).most_influential().index
    assert [row["name"] for row in item(facts, "influential")["rows"]] == [str(i) for i in top]
    said = item(facts, "influential")["notes"][0]
    assert exact_loo(model, fit).message in said.replace("L", "l", 1)


def test_the_certificate_is_computed_anew(model, agreement):
    own = agreement.mle
    boasting = replace(own, certificate=replace(own.certificate, error_bound=1e-30))
    facts = report_facts(replace(agreement, mle=boasting))
    table = item(facts, "certificate")
    bound = certify(model, own.coefficients).error_bound
    assert f"{bound:.1e}" in [row["cells"][0] for row in table["rows"]]
    assert facts["data"]["estimate"]["certificate"]["error_bound"] == bound


def test_every_figure_has_a_line_on_reading_it_and_an_alternative(facts):
    figures = [i for s in facts["sections"] for i in s["items"] if i["kind"] == "figure"]
    assert len(figures) == 8
    for figure in figures:
        assert figure["how"].endswith(".")
        assert len(figure["alternative"]) > 30
        assert figure["alternative"].replace("&", "&amp;") in figure["svg"]


def test_every_table_can_be_copied_in_three_formats(facts):
    tables = [i for s in facts["sections"] for i in s["items"] if i["kind"] == "table"]
    assert len(tables) >= 12
    for table in tables:
        rows = list(csv.reader(io.StringIO(table["formats"]["CSV"])))
        assert len(rows) == 1 + len(table["rows"])
        assert {len(row) for row in rows} == {1 + len(table["columns"])}
        assert table["formats"]["Markdown"].count("\n| ") >= len(table["rows"])
        assert table["formats"]["LaTeX"].count(r"\\") == 1 + len(table["rows"])


def test_csv_has_all_digits(facts, model):
    rows = list(csv.reader(io.StringIO(item(facts, "coefficients-table")["formats"]["CSV"])))
    assert [float(row[1]) for row in rows[1:]] == fit_newton(model).coefficients.tolist()


def test_disagreement_is_said_at_the_top(model):
    penalised = LogisticRegression().fit(model.design[:, 1:], model.response)
    mle = fit_newton(model)
    wrong = replace(
        mle,
        route="ridge",
        coefficients=np.concatenate([penalised.intercept_, penalised.coef_[0]]),
    )
    facts = report_facts(compare_routes(model, mle, wrong))
    assert not facts["verdict"]["good"]
    assert facts["verdict"]["headline"] == "The routes disagree"
    assert "ridge disagrees" in facts["verdict"]["message"]
    assert column(item(facts, "routes"), "agrees") == ["yes", "NO"]
    assert 'class="verdict bad"' in render(facts)


def test_a_comparison_alone_is_a_report_of_its_best_model(comparison, model):
    facts = report_facts(comparison=comparison)
    sections = [section["id"] for section in facts["sections"]]
    assert "agreement" not in sections
    assert "sampling" not in sections
    assert "comparison" in sections
    assert facts["title"] == "grade ~ gpa + tuce + C(psi)"
    assert facts["verdict"]["message"].startswith(
        "all (grade ~ gpa + tuce + C(psi)) has the smallest AIC"
    )
    draws = {
        name: sample_independence(each, seed=1, progress=False)
        for name, each in comparison.models.items()
    }
    facts = report_facts(comparison=compare_models(comparison.models, draws))
    assert "predicts best: elpd_loo" in facts["verdict"]["message"]
    assert "do not tell the two apart" in facts["verdict"]["message"]
    assert facts["data"]["seeds"] == {"model all": 1, "model gpa": 1}
    assert "leave-one-out" in [i.get("id") for s in facts["sections"] for i in s["items"]]


def test_rows_on_disk_are_reported_without_what_needs_memory(tmp_path):
    load_spector().to_csv(tmp_path / "spector.csv", index=False)
    models = {
        formula: BernoulliLogistic.from_parquet(tmp_path / "spector.csv", formula)
        for formula in ("grade ~ gpa", "grade ~ gpa + tuce")
    }
    facts = report_facts(comparison=compare_models(models))
    sections = [section["id"] for section in facts["sections"]]
    assert "influence" not in sections
    scores = item(facts, "scores")
    assert scores["columns"][-1] == "grid error"
    memory = BernoulliLogistic.from_formula(facts["data"]["formula"], load_spector())
    expected = predictive_scores(memory, fit_newton(memory))
    for name in ("Brier", "log", "AUC"):
        assert float(value_of(scores, name)) == pytest.approx(expected["score"][name], abs=1e-5)
    assert "profile 2.5%" not in item(facts, "coefficients-table")["columns"]
    assert "in memory" in " ".join(item(facts, "coefficients-table")["notes"])
    assert "exact_loo" not in str(facts["sections"])  # which takes no rows on disk


def test_weights_offsets_and_dropped_rows_are_counted():
    frame = load_spector().assign(w=[2] * 30 + [0, 1], o=0.1)
    frame.loc[3, "gpa"] = np.nan
    model = BernoulliLogistic.from_formula("grade ~ gpa", frame, offset="o", frequency_weights="w")
    agreement = compare_routes(model, fit_newton(model), sample_independence(model, seed=1))
    table = item(report_facts(agreement), "data-table")
    assert value_of(table, "rows left out") == "1 (a value missing), 1 (weight 0)"
    assert value_of(table, "besides") == "offset: o, frequency weights: w"
    assert value_of(table, "weights").startswith("Frequency weights are taken as counts")


def test_agreement_and_comparison_must_be_of_the_same_observations(agreement):
    fewer = load_spector().iloc[:30]
    other = compare_models(
        {f: BernoulliLogistic.from_formula(f, fewer) for f in ("grade ~ gpa", "grade ~ tuce")}
    )
    with pytest.raises(NotComparableError, match="30"):
        report_facts(agreement, other)


def test_leave_one_out_without_an_mle_falls_back_to_the_fit():
    # without row 3 or 4 the outcomes are separated
    model = BernoulliLogistic.from_arrays(
        [1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 1, 0, 1, 1, 1], intercept=True
    )
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    facts = report_facts(agreement)
    prediction = next(s for s in facts["sections"] if s["id"] == "prediction")
    assert "on the rows that it was fitted to" in prediction["items"][0]["text"][0]
    assert math.isfinite(float(column(item(facts, "scores"), "score")[0]))
    assert facts["title"] == "y on const, x1"


def test_two_results_of_one_route_are_both_reported_and_verified(model):
    newton = fit_newton(model)
    close = replace(newton, coefficients=newton.coefficients * (1 + 1e-9))
    facts = report_facts(compare_routes(model, newton, close))
    table = item(facts, "estimates")
    assert table["columns"] == ["newton", "newton", "standard error"]
    rows = list(csv.reader(io.StringIO(table["formats"]["CSV"])))
    assert float(rows[1][2]) == close.coefficients[0]
    assert len(verify_report(model, facts["data"])) == 3


def test_an_undefined_elpd_is_not_called_best():
    # without row 3 or 4 the outcomes of the second model are separated
    x = [1, 2, 3, 4, 5, 6, 7, 8]
    y = [0, 0, 0, 1, 0, 1, 1, 1]
    models = {
        "constant": BernoulliLogistic.from_arrays(np.ones((8, 1)), y),
        "line": BernoulliLogistic.from_arrays(x, y, intercept=True),
    }
    draws = {
        name: sample_independence(each, seed=1, progress=False) for name, each in models.items()
    }
    facts = report_facts(comparison=compare_models(models, draws))
    assert "nan" not in facts["verdict"]["message"]
    assert facts["verdict"]["message"].startswith("line has the smallest AIC")


def test_repeated_row_labels_are_one_row_each(model):
    twice = pd.concat([load_spector(), load_spector()])
    model = BernoulliLogistic.from_formula("grade ~ gpa", twice)
    draws = sample_independence(model, seed=1, progress=False)
    facts = report_facts(compare_routes(model, fit_newton(model), draws))
    table = item(facts, "influential")
    assert len(table["rows"]) == 10
    cook = [float(cell) for cell in column(table, "Cook's distance")]
    assert cook == sorted(cook, reverse=True)
    assert "-" not in column(table, "Pareto k")


def test_numbers_keep_their_digits_whatever_the_unit():
    data = load_spector().assign(income=lambda frame: frame["gpa"] * 1e7)
    model = BernoulliLogistic.from_formula("grade ~ income", data)
    fit = fit_newton(model)
    facts = report_facts(compare_routes(model, fit, fit_sklearn(model)))
    shown = column(item(facts, "estimates"), "newton")[1]
    assert float(shown) == pytest.approx(fit.coefficients[1], abs=1e-8 * fit.standard_errors[1])
    assert float(column(item(facts, "estimates"), "standard error")[1]) > 0
    ratio = column(item(facts, "odds-ratios"), "odds ratio")[1]
    assert float(ratio) - 1 == pytest.approx(math.expm1(fit.coefficients[1]), rel=1e-3)


def test_draws_that_fail_are_no_posterior_interval(model):
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[3:])
    wrong = sample_independence(other, seed=1, progress=False)
    right = sample_independence(model, seed=1, progress=False)
    alone = report_facts(compare_routes(model, fit_newton(model), wrong))
    table = item(alone, "coefficients-table")
    assert "posterior 2.5%" not in table["columns"]
    assert any("No draws of these data passed" in note for note in table["notes"])
    both = report_facts(compare_routes(model, fit_newton(model), wrong, right))
    table = item(both, "coefficients-table")
    low = right.summary()["2.5%"]
    assert [float(c) for c in column(table, "posterior 2.5%")] == pytest.approx(
        low.tolist(), rel=1e-3
    )


def test_a_log_likelihood_is_of_the_data_of_the_report(model):
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[3:])
    theirs = fit_newton(other)
    facts = report_facts(compare_routes(model, fit_newton(model), replace(theirs, route="theirs")))
    shown = [float(cell) for cell in column(item(facts, "routes"), "log-likelihood")]
    assert shown[1] == pytest.approx(model.log_likelihood(theirs.coefficients), abs=1e-6)
    assert verify_report(model, facts["data"]).index.tolist() == ["newton", "theirs", "reported"]


def test_models_may_have_names_that_are_not_text(comparison):
    one, two = comparison.models.values()
    facts = report_facts(comparison=compare_models({1: one, 2: two}))
    assert facts["verdict"]["message"].startswith(
        "Model 1 (grade ~ gpa + tuce + C(psi)) has the smallest AIC, 33.78; model 2 (grade ~ gpa) "
    )


def test_audits_of_other_programs_have_a_section_of_their_own(tmp_path):
    import statsmodels.formula.api as smf

    data = load_spector()
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    X = data[["gpa", "tuce", "psi"]]
    right = audit(smf.logit("grade ~ gpa + tuce + psi", data).fit(disp=0), model)
    wrong = audit(LogisticRegression(tol=1e-8).fit(X, data["grade"]), model)
    facts = report_facts(audits=[right, wrong])
    assert facts["verdict"]["headline"] == "1 of 2 audited fits passed"
    assert not facts["verdict"]["good"]
    assert "which is scikit-learn's default" in str(item(facts, "audit-2")["notes"])
    assert len(item(facts, "audit-numbers-1")["rows"]) == len(right.numbers) - model.n_parameters
    path = write_report(tmp_path / "report.html", audits=right)
    assert list(verify_report(model, path).index) == ["reported"]
    page = path.read_text(encoding="utf-8")
    forged = path.with_name("forged.html")
    forged.write_text(sealed(page.replace("maximum likelihood estimate (proved", "best (proved")))
    with pytest.raises(ValueError, match="verdict"):
        verify_report(model, forged)
    other = BernoulliLogistic.from_formula("grade ~ gpa", data)
    with pytest.raises(ValueError, match="is of other data or columns"):
        report_facts(compare_routes(other, fit_newton(other), fit_sklearn(other)), audits=right)


def test_a_long_table_is_shown_by_its_first_rows_and_its_csv_has_all():
    model, facts = many_levels(), report_facts(many_levels_agreement())
    for name in ("coefficients-table", "odds-ratios", "estimates"):
        table = item(facts, name)
        assert [row["name"] for row in table["rows"]] == list(model.names[:40])
        assert table["notes"][-1] == "Shown are the first 40 of 121 rows: the copy as CSV has all."
        assert len(list(csv.reader(io.StringIO(table["formats"]["CSV"])))) == 122
        assert "hospital[T.h038]" in table["formats"]["Markdown"].replace("\\", "")
        assert "h039" not in table["formats"]["Markdown"] + table["formats"]["LaTeX"]


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


@pytest.mark.parametrize(
    ("n", "k", "left_out"), [(200, 60, False), (3000, 60, False), (20000, 51, True)]
)
def test_what_is_cheap_is_not_left_out(n, k, left_out):
    rng = np.random.default_rng(1)
    names = [f"x{i}" for i in range(k)]
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(n, k)), rng.integers(2, size=n), names=names
    )
    assert bool(refits_left_out(model)) == left_out


def test_names_of_columns_are_cut_to_a_screen():
    rng = np.random.default_rng(1)
    names = [f"column_{i}" for i in range(400)]
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(500, 400)), rng.integers(2, size=500), names=names
    )
    assert len(formula_of(model)) < 700
    assert formula_of(model).endswith(" more")
