from dataclasses import replace

import numpy as np
from reports import column, item
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import audit, compare_models, compare_routes, report_facts
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, certify, fit_newton, sample_independence
from flatprior.models.common.text import at_most


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
    assert facts["verdict"]["message"].startswith("Route ridge disagrees: it is ")
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
        "The smallest AIC, 33.78, is that of all (grade ~ gpa + tuce + C(psi)); gpa"
    )
    draws = {
        name: sample_independence(each, seed=1, progress=False)
        for name, each in comparison.models.items()
    }
    facts = report_facts(comparison=compare_models(comparison.models, draws))
    assert "The best predictions, elpd_loo" in facts["verdict"]["message"]
    assert "do not tell the two apart" in facts["verdict"]["message"]
    assert facts["data"]["seeds"] == {"model all": 1, "model gpa": 1}
    assert "leave-one-out" in [i.get("id") for s in facts["sections"] for i in s["items"]]


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
    assert facts["verdict"]["message"].startswith("The smallest AIC")
    assert "is that of line;" in facts["verdict"]["message"]


def test_models_may_have_names_that_are_not_text(comparison):
    one, two = comparison.models.values()
    facts = report_facts(comparison=compare_models({1: one, 2: two}))
    assert facts["verdict"]["message"].startswith(
        "The smallest AIC, 33.78, is that of model 1 (grade ~ gpa + tuce + C(psi)); model 2 "
        "(grade ~ gpa) follows 2.64 above it."
    )


def test_a_fit_alone_is_said_to_be_proved_and_to_be_alone(model):
    facts = report_facts(model=model)
    assert facts["verdict"]["good"]
    assert facts["verdict"]["headline"] == "One estimate, proved to be the maximum"
    bound = certify(model, fit_newton(model).coefficients).error_bound
    assert f"further than {at_most(bound)} standard errors" in facts["verdict"]["message"]
    assert "No other route was run" in facts["verdict"]["message"]


def test_a_verdict_on_a_printed_table_begins_a_sentence(model, tmp_path):
    file = tmp_path / "table.csv"
    table = fit_newton(model).summary()[["coefficient"]]
    table.to_csv(file)
    facts = report_facts(audits=audit(file, model))
    assert facts["verdict"]["message"].startswith("A printed table: ")
    (section,) = [each for each in facts["sections"] if each["id"] == "audits"]
    assert section["items"][0]["title"] == "A printed table: passed"
