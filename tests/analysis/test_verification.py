"""A report read back, and held against the data."""

from dataclasses import replace

import numpy as np
import pytest
from reports import students, students_agreement, students_comparison

from flatprior.analysis import (
    compare_routes,
    read_report,
    verify_report,
    write_report,
)
from flatprior.analysis.verification import formulas_of
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_spector,
)


@pytest.fixture(scope="module")
def model():
    return students()


@pytest.fixture(scope="module")
def agreement():
    return students_agreement()


@pytest.fixture(scope="module")
def comparison():
    return students_comparison()


def test_a_report_is_read_back_and_verified(agreement, comparison, model, tmp_path):
    path = write_report(tmp_path / "r.html", agreement, comparison, command="x & <y>")
    found = read_report(path)
    assert found["command"] == "x & <y>"
    assert found["data_hash"] == model.data_hash
    assert found["seeds"] == {"independence": 3}
    assert found["comparison"]["models"]["all"]["AIC"] == comparison.table().loc["all", "AIC"]
    table = verify_report(model, found)

    assert table.index.tolist() == ["newton", "sklearn", "reported"]
    assert (table["error bound"] <= 1e-10).all()


def test_verification_fails_where_the_data_differ(agreement, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement, command="flatprior agree d"))
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[1:])
    with pytest.raises(ValueError, match=r"data are not those.*made by flatprior agree d"):
        verify_report(other, found)
    del found["estimate"]
    with pytest.raises(ValueError, match="damaged"):
        verify_report(model, found)


def change(found, path, value):
    part = found
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value(part[path[-1]]) if callable(value) else value


ROUTE = ("agreement", "routes", 1)
TAMPERED = {
    "a coefficient": ((*ROUTE, "coefficients", 0), lambda value: value + 1e-3),
    "a standard error": ((*ROUTE, "standard_errors", 1), lambda value: value * 0.5),
    "a log-likelihood": ((*ROUTE, "log_likelihood"), lambda value: value + 1e-3),
    "digits": ((*ROUTE, "certificate", "digits", 0), lambda value: value + 3),
    "a distance": ((*ROUTE, "distance"), 0.5),
    "whether a route agrees": ((*ROUTE, "agrees"), False),
    "the verdict": (("agreement", "verdict"), "disagree"),
    "whether draws passed": (("agreement", "posteriors", 0, "passed"), False),
    "no routes": (("agreement", "routes"), []),
    "no agreement": (("agreement",), {}),
    "the number of events": (("n_events",), 12),
    "the number of observations": (("n_observations",), 33),
    "the rows left out": (("n_dropped",), 1),
    "the hash": (("data_hash",), "0" * 32),
    "the formula": (("formula",), "grade ~ gpa"),
    "the names": (("names", 1), "GPA"),
    "the main coefficients": (("estimate", "coefficients", 2), 0.0),
    "an AIC": (("comparison", "models", "gpa", "AIC"), lambda value: value - 5),
    "another model": (("comparison", "estimates", "gpa", "coefficients", 0), 0.0),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_does_not_stand(what, agreement, comparison, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement, comparison))
    others = dict(comparison.models)
    assert len(verify_report(model, found, others)) == 5
    change(found, *TAMPERED[what])
    with pytest.raises(ValueError):  # noqa: PT011  (each says what it is)
        verify_report(model, found, others)


def test_a_far_estimate_cannot_pass_by_claiming_no_bound(agreement, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement))
    far = np.array(found["estimate"]["coefficients"]) + 2.0
    for part in (found["estimate"], *found["agreement"]["routes"]):
        part["coefficients"] = far.tolist()
        part["log_likelihood"] = model.log_likelihood(far)
        information = model.information(far)
        part["standard_errors"] = np.sqrt(np.diag(np.linalg.inv(information))).tolist()
        part["certificate"]["error_bound"] = None
        part["certificate"]["digits"] = [0.0] * 4
    with pytest.raises(ValueError, match="nothing is proved"):
        verify_report(model, found)


def test_a_report_of_a_disagreement_is_verified_too(model, tmp_path):
    other = fit_newton(BernoulliLogistic.from_formula(model.formula, load_spector().iloc[2:]))
    agreement = compare_routes(model, fit_newton(model), replace(other, route="other"))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    assert found["agreement"]["verdict"] == "disagree"
    assert verify_report(model, found).index.tolist() == ["newton", "other", "reported"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '<script id="flatprior-report">{}</script>',
        "{",
        '<script id="flatprior-report">[',
    ],
)
def test_other_files_are_refused(text, tmp_path):
    (tmp_path / "r.html").write_text(text)
    with pytest.raises(ValueError, match="not a report written by flatprior"):
        read_report(tmp_path / "r.html")


def test_the_models_of_a_comparison_are_verified_too(comparison, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", comparison=comparison))
    formula, others = formulas_of(found)
    assert formula == "grade ~ gpa + tuce + C(psi)"
    assert others == {"all": formula, "gpa": "grade ~ gpa"}
    models = dict(comparison.models)
    assert verify_report(models["all"], found, models).index.tolist() == [
        "reported",
        "model all",
        "model gpa",
    ]
    found["comparison"]["estimates"]["gpa"]["log_likelihood"] += 1
    with pytest.raises(ValueError, match="log-likelihood"):
        verify_report(models["all"], found, models)


def test_models_from_arrays_have_no_formula(tmp_path):
    model = BernoulliLogistic.from_arrays([1, 2, 3, 4], [0, 1, 0, 1], intercept=True)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    with pytest.raises(ValueError, match="built from arrays"):
        formulas_of(found)
    for damaged in ([1], {"estimates": {"a": 3}}):
        with pytest.raises(ValueError, match="damaged"):
            formulas_of({"formula": "y ~ x", "comparison": damaged})
    with pytest.raises(FileNotFoundError, match="no file"):
        read_report(tmp_path / "none.html")
    assert len(verify_report(model, found)) == 3
