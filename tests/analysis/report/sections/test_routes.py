import csv
import io
from dataclasses import replace

import pytest
from reports import item
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import compare_routes, report_facts, verify_report, write_report
from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.report.page import sealed
from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector


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
