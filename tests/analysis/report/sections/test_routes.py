import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from damaged_files import resealed
from forged_pages import cell, rewritten
from reports import item
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import compare_routes, report_facts, verify_report, write_report
from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.report.page import Page, sealed
from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector
from flatprior.models.common.text import at_most


def test_two_results_of_one_route_are_both_reported_and_verified(model):
    newton = fit_newton(model)
    close = replace(newton, coefficients=newton.coefficients * (1 + 1e-9))
    facts = report_facts(compare_routes(model, newton, close))
    table = item(facts, "estimates")
    assert table["columns"] == ["newton", "newton", "standard error"]
    rows = list(csv.reader(io.StringIO(table["formats"]["CSV"])))
    assert float(rows[1][2]) == close.coefficients[0]
    assert len(verify_report(model, facts["data"])) == 3


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
    (section,) = [each for each in facts["sections"] if each["id"] == "audits"]
    assert [each["id"] for each in section["items"]] == ["audit-1", "audit-2"]
    stated = len(right.numbers) - model.n_parameters
    assert item(facts, "audit-1")["facts"] == [
        f"The maximum likelihood estimate (proved to {at_most(right.error_bound)} standard "
        f"errors), with all {stated} numbers beside the coefficients right."
    ]
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


def test_a_route_that_disagrees_is_explained_with_what_was_tried_and_verified(model, tmp_path):
    mle = fit_newton(model)
    X = model.design[:, 1:]
    ridge = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, model.response)
    theirs = np.concatenate([ridge.intercept_, ridge.coef_[0]])
    agreement = compare_routes(model, mle, replace(mle, route="<b>ridge", coefficients=theirs))
    path = write_report(tmp_path / "report.html", agreement)
    page = path.read_text(encoding="utf-8")
    table = Page.of(page).tables["explanation-2"]
    assert table.title == "Why <b>ridge differs: ridge penalty"
    assert "<b>ridge" not in page
    assert table.names[0] == "ridge penalty"
    assert "C = 1 (lambda = 1)" in table.facts[0]
    assert "in place of glmnet" in " ".join(table.notes)
    assert "explanation-1" not in Page.of(page).tables
    verify_report(model, path)
    changed = rewritten("explanation-2", *cell(0, "distance", "0.29"))(page)
    path.write_text(resealed(changed), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match="row 'ridge penalty', column 'distance'"):
        verify_report(model, path)


def test_a_wrong_number_is_marked_in_its_row_and_no_page_is_verified_without(model, tmp_path):
    table = fit_newton(model).summary()[["coefficient"]].round(4)
    table.loc["gpa", "coefficient"] += 0.4
    file = tmp_path / "printed.csv"
    table.to_csv(file)
    wrong = audit(file, model)
    path = write_report(tmp_path / "report.html", audits=wrong)
    page = path.read_text(encoding="utf-8")
    shown = Page.of(page).tables["audit-1"]
    assert dict(zip(shown.names, shown.kinds, strict=True)) == {
        name: "failing" if name == "gpa" else "" for name in model.names
    }
    verify_report(model, path)
    unmarked = page.replace('<tr class="failing"><th scope="row">gpa', '<tr><th scope="row">gpa')
    assert unmarked != page
    path.write_text(sealed(unmarked), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match="other groups of rows"):
        verify_report(model, path)


def test_a_route_that_does_not_agree_and_a_number_that_is_off_are_marked(model, tmp_path):
    mle = fit_newton(model)
    far = replace(mle, route="far", coefficients=mle.coefficients + mle.standard_errors)
    facts = report_facts(compare_routes(model, mle, far))
    assert [row["kind"] for row in item(facts, "routes")["rows"]] == ["", "failing"]
    table = mle.summary()[["coefficient", "standard error"]].round(4)
    table.loc["gpa", "standard error"] *= 1.1
    file = tmp_path / "printed.csv"
    table.to_csv(file)
    facts = report_facts(audits=audit(file, model))
    marked = {
        name: [row["name"] for row in item(facts, name)["rows"] if row["kind"] == "failing"]
        for name in ("audit-1", "audit-numbers-1")
    }
    assert marked == {"audit-1": ["gpa"], "audit-numbers-1": ["standard error gpa"]}
    numbers = item(facts, "audit-numbers-1")
    assert len(numbers["rows"]) == 1
    assert numbers["facts"] == [f"{model.n_parameters - 1} of {model.n_parameters} agree"]
