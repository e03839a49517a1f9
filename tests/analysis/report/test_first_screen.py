"""The first screen: its sentence, key figures, doubts, and how the sections stand."""

import re
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from damaged_files import resealed
from markupsafe import escape
from reports import item
from sklearn.metrics import roc_auc_score

from flatprior.analysis import compare_routes, report_facts, validate, verify_report
from flatprior.analysis.report import main_model
from flatprior.analysis.report.first.doubts import SLOPE
from flatprior.analysis.report.first_screen import first_screen
from flatprior.analysis.report.page import sealed
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_births
from flatprior.models.common.text import at_most


def reported(model):
    return report_facts(compare_routes(model, fit_newton(model), fit_sklearn(model)))


def of_two_columns():
    """3000 rows of the model."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 2))
    y = (rng.random(3000) < 1 / (1 + np.exp(-X @ [0.8, -0.5]))).astype(float)
    return BernoulliLogistic.from_arrays(X, y, intercept=True)


def shown(facts):
    return {each["name"]: each for each in facts["first"]["figures"]}


def test_key_figures_are_those_of_another_program_and_of_refits_by_it(facts, model):
    found = shown(facts)
    fit = sm.Logit(model.response, model.design).fit(disp=0)
    assert found["Log-likelihood"]["value"] == f"{fit.llf:.2f}"
    assert found["Log-likelihood"]["detail"].endswith(f"{fit.llnull:.2f}")
    assert found["R2, McFadden"]["value"] == f"{fit.prsquared:.3f}"
    test = found["All slopes 0?"]
    assert test["detail"].endswith(f"chi-squared(3) = {fit.llr:.2f}")
    assert float(test["value"].removeprefix("p = ")) == pytest.approx(fit.llr_pvalue, rel=5e-3)
    y, inside = model.response, fit.predict()
    assert found["R2, Tjur"]["value"] == f"{inside[y == 1].mean() - inside[y == 0].mean():.3f}"
    alone = np.array(
        [
            sm.Logit(y[rest], model.design[rest]).fit(disp=0).predict(model.design[~rest])[0]
            for rest in ~np.eye(len(y), dtype=bool)
        ]
    )
    assert found["AUC"]["value"] == f"{roc_auc_score(y, alone):.3f}"
    others = (y.sum() - y) / (len(y) - 1)  # the share of events among them
    squares, base = (y - alone) ** 2, (y - others) ** 2
    ratio = squares.mean() / base.mean()
    assert found["Brier skill"]["value"] == f"{1 - ratio:.3f}"
    reach = 1.959964 * np.std(squares - ratio * base, ddof=1) / len(y) ** 0.5 / base.mean()
    ends = f"{1 - ratio - reach:.3f} to {1 - ratio + reach:.3f}"
    assert found["Brier skill"]["detail"] == f"{ends}; 0: the share of events"
    logit = np.log(alone / (1 - alone))
    again = sm.Logit(y, sm.add_constant(logit)).fit(disp=0)
    corrected = validate(model, 200).table().loc["calibration slope", "corrected"]
    assert found["Calibration slope"]["value"] == f"{corrected:.3f}"
    low, high = again.conf_int()[1]
    # more than a tenth of the samples have no MLE: no interval of the bootstrap
    left_out = f"leave-one-out {again.params[1]:.3f} ({low:.3f} to {high:.3f})"
    assert found["Calibration slope"]["detail"] == left_out
    large = sm.GLM(y, np.ones(len(y)), family=sm.families.Binomial(), offset=logit).fit()
    assert found["Calibration in the large"]["value"] == f"{large.params[0]:.3f}"
    (low, high), *_ = large.conf_int()
    assert found["Calibration in the large"]["detail"] == f"{low:.3f} to {high:.3f}"
    assert found["Events"]["detail"] == f"{y.mean():.1%}; grade = 1"


def test_what_is_wrong_with_a_small_sample_is_concluded(facts):
    said = {}
    for doubt in facts["first"]["doubts"]:
        said[doubt["section"]] = f"{said.get(doubt['section'], '')} {doubt['text']}"
    assert "11 of the rarer outcome for 3 coefficients beside the intercept" in said["coefficients"]
    assert "which no interval mends" in said["coefficients"]
    table = next(
        each
        for section in facts["sections"]
        for each in section["items"]
        if each.get("id") == "coefficients-table"
    )
    size = "11 of the rarer outcome for 3 coefficients beside the intercept: 3.7 for each"
    assert any(size in note for note in table["notes"])
    # that the intercept is 0 nobody asks: it is marked in the table alone
    assert "misled" not in said["coefficients"]
    assert "too extreme: calibration slope" in said["prediction"]
    assert "by leave-one-out, which in small samples is too low" in said["prediction"]
    assert "are not shown to be nearer to the outcomes" in said["prediction"]
    assert set(said) == {"data", "coefficients", "prediction", "influence"}
    for section in said:
        assert facts["first"]["standings"][section]["kind"] == "look"
    stand = {name: each["said"] for name, each in facts["first"]["standings"].items()}
    short = "look here: small sample"
    assert stand == {
        **{"data": "look here: k/n = 0.12", "existence": "proved", "comparison": "not rejected"},
        **{"agreement": "proved, draws tested", "posterior": "passed", "sampling": "passed"},
        **{
            "coefficients": short,
            # the intervals of odds ratios are no Wald intervals
            "variables": "look here: small sample",
            "influence": "look here: single rows decide, 1 row of much weight",
        },
        **{"prediction": "look here: no Brier skill shown, too extreme"},
    }
    assert set(facts["first"]["legend"]) == {"proved", "draws tested", "passed"}


def test_the_row_that_moves_a_coefficient_most_is_the_one_that_refits_find():
    rng = np.random.default_rng(5)
    x = rng.normal(size=60)
    y = (rng.random(60) < 1 / (1 + np.exp(-x))).astype(float)
    x[17], y[17] = 9.0, 0.0  # far out, and against all others
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    design = sm.add_constant(x)
    fit = sm.Logit(y, design).fit(disp=0)
    moved = [
        (sm.Logit(y[rest], design[rest]).fit(disp=0).params - fit.params) / fit.bse
        for rest in ~np.eye(60, dtype=bool)
    ]
    far = np.max(np.abs(moved), axis=1)
    facts = reported(model)
    *decided, said = [
        each["text"] for each in facts["first"]["doubts"] if each["section"] == "influence"
    ]
    assert all("whether the interval of" in each for each in decided)
    assert np.argmax(far) == 17
    assert (far > 1).sum() == 1
    assert said.startswith("1 row alone moves a coefficient")
    assert "without row 17 " in said
    name, by = max(zip(model.names, moved[17], strict=True), key=lambda each: abs(each[1]))
    assert f"{name} changes by {by:+.2f} of them" in said
    rows = facts["first"]["rows"]
    assert rows.startswith("Most influential rows (Cook's distance): 17 (")
    assert f"without it {name} changes by {by:+.2f} standard errors)" in rows


def test_the_largest_change_without_a_row_is_said_once_as_it_is_of_that_row():
    formula = "low ~ lwt + C(race) + smoke"
    model = BernoulliLogistic.from_formula(formula, load_births())
    fit = sm.Logit(model.response, model.design).fit(disp=0)
    rest = ~np.eye(model.n_rows, dtype=bool)
    moved = np.array(
        [
            (sm.Logit(model.response[i], model.design[i]).fit(disp=0).params - fit.params) / fit.bse
            for i in rest
        ]
    )
    i, j = np.unravel_index(np.argmax(np.abs(moved)), moved.shape)
    said = f"{model.names[j]}, by {moved[i, j]:+.2f} without row {model.row_labels[i]}."
    start = "No row alone moves a coefficient by more than 1 standard error: the most is "
    assert reported(model)["first"]["rows"].startswith(start + said)


def test_predictors_of_nothing_are_called_that():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 6)), np.tile([0, 1], 100)
    facts = reported(BernoulliLogistic.from_arrays(X, y, intercept=True))
    said = " ".join(each["text"] for each in facts["first"]["doubts"])
    assert "predicts worse than the share of events" in said
    assert "do not tell this model from a constant" in said


def test_the_share_of_events_is_not_said_to_predict_worse_than_itself():
    y = np.repeat([0.0, 1.0], [9, 14])
    facts = reported(BernoulliLogistic.from_arrays(np.ones((23, 1)), y))
    assert shown(facts)["Brier skill"]["value"] == "0.000"
    assert "prediction" not in {each["section"] for each in facts["first"]["doubts"]}


def test_of_a_large_sample_of_the_model_there_is_nothing_to_doubt():
    facts = reported(of_two_columns())
    assert facts["first"]["doubts"] == []
    stand = facts["first"]["standings"]
    bound = stand["coefficients"]["said"]
    assert re.fullmatch(r"exact to \d\.\de-1\d SE", bound)
    assert {each["said"] for each in stand.values()} == {
        *("complete, finite", "proved", "passed", "of proved coefficients", bound),
    }
    assert {each["kind"] for each in stand.values()} == {"good"}
    legend = facts["first"]["legend"]
    assert list(legend) == ["proved", "exact to", "passed", "complete, finite"]
    assert all(
        f"<strong>{word}</strong>: {means}. " in render(facts) for word, means in legend.items()
    )
    assert "looked at: size of the sample, Wald tests, predictions, calibration, single rows." in (
        render(facts)
    )


def test_what_is_in_sample_is_no_pass_and_what_was_not_looked_at_is_listed(monkeypatch, tmp_path):
    monkeypatch.setattr(main_model, "MOST_ROWS", 100)
    facts = reported(of_two_columns())
    (doubt,) = facts["first"]["doubts"]
    assert doubt["text"] == (
        "Predictions are judged in sample only. New observations are on average predicted less "
        "well than those of the fit, on which the calibration slope is 1 by construction. Not "
        "looked at were new observations (validate(model)), the calibration curve "
        "(calibration_curve(model, fit)) and single rows (exact_loo(model, fit), diagnose(model, "
        "fit)): in a report these are for models of up to 100 rows; the calls compute them."
    )
    assert facts["first"]["standings"]["prediction"] == {
        "kind": "look",
        "said": "look here: in sample only",
    }
    assert "passed" not in facts["first"]["legend"]
    slope = next(row for row in item(facts, "indices")["rows"] if row["name"] == SLOPE)
    assert slope["cells"][0] == "1.000"
    (performance,) = (row for row in item(facts, "items")["rows"] if row["name"] == "23a")
    assert performance["cells"][1] == "in part"
    assert performance["cells"][3].startswith("apparent performance only")
    path = tmp_path / "r.html"
    path.write_text(sealed(render(facts)), newline="\n")
    verify_report(of_two_columns(), path)
    text = path.read_text().replace("look here: in sample only", "passed")
    path.write_text(resealed(text), newline="\n")
    with pytest.raises(ValueError, match="words"):
        verify_report(of_two_columns(), path)


def test_a_slope_is_not_said_to_be_1_where_an_offset_is_added(monkeypatch):
    monkeypatch.setattr(main_model, "MOST_ROWS", 100)
    offset = np.linspace(-1, 1, 400)
    rng = np.random.default_rng(1)
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(400, 2)), rng.integers(2, size=400), intercept=True, offset=offset
    )
    main = main_model.reported(None, None, model=model)
    (said,) = (
        each["text"]
        for each in first_screen(main)["doubts"]
        if each["text"].startswith("Predictions are judged in sample only. New observations")
    )
    assert "by construction" not in said
    slope = main.indices.table()["value"][SLOPE]
    assert abs(slope - 1) > 0.01


def test_one_bound_is_said_of_routes_that_agree_and_what_is_proved_is_said_once(agreement, facts):
    bounds = {each.certificate.error_bound for each in agreement.routes}
    said = f"{at_most(max(bounds))} standard errors"
    assert facts["first"]["sentence"].lower() == agreement.brief.lower()
    assert said in facts["first"]["sentence"]
    section = next(each for each in facts["sections"] if each["id"] == "agreement")
    (text,) = section["items"][0]["text"]
    assert text.lower() == facts["verdict"]["message"].lower()
    assert said in text
    page = render(facts)
    shown = page[page.index("<main") : page.index("<footer")]
    assert shown.count(escape(text)) == 1


def test_the_sentence_names_the_route_that_fails(model):
    mle = fit_newton(model)
    wrong = replace(mle, route="ridge", coefficients=0.9 * mle.coefficients)
    facts = report_facts(compare_routes(model, mle, wrong))
    sentence = facts["first"]["sentence"]
    assert re.match(
        r"Route ridge disagrees: it is [\d.]+ standard errors from the maximum", sentence
    )
    assert sentence.endswith("The numbers below are those of newton.")
    assert facts["first"]["standings"]["agreement"] == {"kind": "failed", "said": "failed: ridge"}
    assert 'class="standing failed">✗ failed: ridge' in render(facts)


def test_of_routes_that_all_fail_the_sentence_says_whose_the_numbers_are(model):
    mle = fit_newton(model)
    wrong = replace(mle, route="ridge", coefficients=0.9 * mle.coefficients)
    main = main_model.MainModel.of_results(compare_routes(model, wrong, wrong), None)
    sentence = first_screen(main)["sentence"]
    assert re.search(r"those of newton, proved to lie within \d\.\de-1\d standard", sentence)


def test_each_standing_leads_to_its_section(facts):
    ids = {section["id"] for section in facts["sections"]}
    assert set(facts["first"]["standings"]) <= ids
    page = render(facts)
    for name, each in facts["first"]["standings"].items():
        assert f'href="#{name}"' in page
        assert re.search(f'<span class="standing {each["kind"]}">. {each["said"]}<', page)


def test_a_link_says_the_title_of_the_section_it_leads_to(facts):
    page = render(facts)
    links = re.findall(r'<a href="#([^"]*)">See: ([^<]*)</a>', page)
    titles = {section["id"]: str(escape(section["title"])) for section in facts["sections"]}
    assert len(links) == len(facts["first"]["doubts"]) + 1
    assert all(titles[name] == said for name, said in links)
    assert ">Why<" not in page
    assert ">All<" not in page
